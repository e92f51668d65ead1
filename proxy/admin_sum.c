/*
 * Workers share nothing, but who looks at the console wants one row for a pool, not one for each worker's
 * part.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/admin.h"

struct admin_sum {
    struct admin_sum *next;
    int label_count, number_count;
    char **labels;
    uint64_t *numbers;
};

static struct admin_sum *sum_new(const char *const *labels, int label_count, int number_count)
{
    struct admin_sum *sum = memory_alloc(sizeof(*sum));
    sum->label_count = label_count;
    sum->number_count = number_count;
    sum->labels = memory_alloc((size_t) label_count * sizeof(*sum->labels));
    sum->numbers = memory_alloc((size_t) number_count * sizeof(*sum->numbers));
    for (int i = 0; i < label_count; i++)
        sum->labels[i] = memory_strdup(labels[i]);
    return sum;
}

static bool has_labels(const struct admin_sum *sum, const char *const *labels)
{
    for (int i = 0; i < sum->label_count; i++)
        if (strcmp(sum->labels[i], labels[i]) != 0)
            return false;
    return true;
}

void admin_add(struct admin_table *table, const char *const *labels, int label_count, const uint64_t *numbers,
               int number_count)
{
    struct admin_sum **link = &table->sums;
    while (*link && !has_labels(*link, labels))
        link = &(*link)->next;
    if (*link == NULL)
        *link = sum_new(labels, label_count, number_count);
    for (int i = 0; i < number_count; i++)
        (*link)->numbers[i] += numbers[i];
}

static void put_sum(struct admin_table *table, const struct admin_sum *sum)
{
    int count = sum->label_count + sum->number_count;
    const char **values = memory_alloc((size_t) count * sizeof(*values));
    char(*texts)[24] = memory_alloc((size_t) sum->number_count * sizeof(*texts));
    for (int i = 0; i < sum->label_count; i++)
        values[i] = sum->labels[i];
    for (int i = 0; i < sum->number_count; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%" PRIu64, sum->numbers[i]);
        values[sum->label_count + i] = texts[i];
    }
    admin_row(table, values, count);
    free(texts);
    free(values);
}

static void sum_free(struct admin_sum *sum)
{
    for (int i = 0; i < sum->label_count; i++)
        free(sum->labels[i]);
    free(sum->labels);
    free(sum->numbers);
    free(sum);
}

void admin_put_sums(struct admin_table *table)
{
    while (table->sums) {
        struct admin_sum *sum = table->sums;
        table->sums = sum->next;
        put_sum(table, sum);
        sum_free(sum);
    }
}
