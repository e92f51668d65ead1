/*
 * A handful of names: a list is enough.
 */
#include "tests/differential/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct tally_row *find(struct tally *tally, const char *name)
{
    for (int i = 0; i < tally->count; i++)
        if (!strcmp(tally->rows[i].name, name))
            return &tally->rows[i];
    return NULL;
}

void tally_add(struct tally *tally, const char *name, const char *example)
{
    struct tally_row *row = find(tally, name);
    if (!row) {
        tally->rows = realloc(tally->rows, (size_t) (tally->count + 1) * sizeof *tally->rows);
        if (!tally->rows)
            abort();
        row = &tally->rows[tally->count++];
        *row = (struct tally_row){.name = strdup(name), .example = strdup(example)};
    }
    row->times++;
}

static int compare(const void *left, const void *right)
{
    const struct tally_row *a = left, *b = right;
    return a->times != b->times ? b->times - a->times : strcmp(a->name, b->name);
}

void tally_print(struct tally *tally, const char *title, int with_examples)
{
    printf("%s\n", title);
    if (tally->count)
        qsort(tally->rows, (size_t) tally->count, sizeof *tally->rows, compare);
    for (int i = 0; i < tally->count; i++) {
        printf("%6d  %s\n", tally->rows[i].times, tally->rows[i].name);
        if (with_examples)
            printf("        e.g. %s\n", tally->rows[i].example);
    }
}

void tally_free(struct tally *tally)
{
    for (int i = 0; i < tally->count; i++) {
        free(tally->rows[i].name);
        free(tally->rows[i].example);
    }
    free(tally->rows);
    *tally = (struct tally){0};
}
