/*
 * Groups of several inputs become groups; the first rows of a ranking.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/merge.h"
#include "tests/unit/merge_rows.h"

enum { OID_INT8 = 20, OID_INT4 = 23, OID_TEXT = 25 };

static const struct sort_key by_number[] = {{0, false, false, NULL}};
static const struct merge_column number_and_sum[] = {{OID_INT4, 0}, {OID_INT8, 0}};
static const struct combine_column same_and_sum[] = {{COMBINE_SAME, NULL}, {COMBINE_SUM, NULL}};

static struct group_merge *new_groups(const struct group_shape *shape)
{
    struct error error = {0};
    struct group_merge *groups = group_merge_new(shape, &error);
    cr_assert_not_null(groups, "%s %s", error.message, error.detail);
    return groups;
}

static void expect_step(struct group_merge *groups, enum merge_step expected)
{
    const uint8_t *row;
    size_t length;
    struct error error = {0};
    cr_assert_eq(group_merge_next(groups, &row, &length, &error), expected);
    error_clear(&error);
}

/* The row before it may have to leave first. */
static void push(struct group_merge *groups, int input, struct row row)
{
    struct error error = {0};
    if (!merge_wants(group_merge_input(groups), input))
        expect_step(groups, MERGE_WAIT);
    cr_assert(merge_wants(group_merge_input(groups), input));
    cr_assert(merge_push(group_merge_input(groups), input, row.bytes, row.length, &error), "%s", error.message);
}

static void end(struct group_merge *groups, int input)
{
    merge_end_input(group_merge_input(groups), input);
}

static void expect(struct group_merge *groups, struct row expected)
{
    const uint8_t *row = NULL;
    size_t length = 0;
    struct error error = {0};
    cr_assert_eq(group_merge_next(groups, &row, &length, &error), MERGE_ROW, "%s", error.message);
    cr_assert(length == expected.length && memcmp(row, expected.bytes, length) == 0, "got %.*s", (int) length - 6, (const char *) row + 6);
}

Test(group_merge, a_group_is_whole_when_another_one_begins)
{
    const struct group_shape shape = {.rows = {by_number, 1, number_and_sum, 2, 0, 0, -1, 2}, .how = same_and_sum};
    struct group_merge *groups = new_groups(&shape);
    push(groups, 0, ROW("1", "10"));
    push(groups, 1, ROW("1", "5"));
    expect_step(groups, MERGE_WAIT); /* another one of the first input might be of the group, too */
    push(groups, 0, ROW("2", "7"));
    push(groups, 1, ROW("3", "8"));
    expect(groups, ROW("1", "15"));
    expect_step(groups, MERGE_WAIT);
    push(groups, 0, ROW("3", NULL));
    expect(groups, ROW("2", "7"));
    end(groups, 0);
    push(groups, 1, ROW(NULL, "1"));
    expect(groups, ROW("3", "8"));
    end(groups, 1);
    expect(groups, ROW(NULL, "1"));
    expect_step(groups, MERGE_DONE);
    expect_step(groups, MERGE_DONE);
    group_merge_free(groups);
}

Test(group_merge, limit_and_offset_count_groups)
{
    const struct group_shape shape = {.rows = {by_number, 1, number_and_sum, 2, 0, 1, 1, 2}, .how = same_and_sum};
    struct group_merge *groups = new_groups(&shape);
    push(groups, 0, ROW("1", "1"));
    push(groups, 1, ROW("1", "1"));
    push(groups, 0, ROW("2", "2"));
    push(groups, 1, ROW("2", "2"));
    push(groups, 0, ROW("3", "3"));
    push(groups, 1, ROW("3", "3"));
    expect(groups, ROW("2", "4"));
    expect_step(groups, MERGE_DONE);
    group_merge_free(groups);
}

Test(group_merge, keys_may_be_hidden)
{
    const struct sort_key by_text[] = {{1, true, true, &text_order_bytes}};
    const struct merge_column columns[] = {{OID_INT8, 0}, {OID_TEXT, 0}};
    const struct combine_column how[] = {{COMBINE_SUM, NULL}};
    const struct group_shape shape = {.rows = {by_text, 1, columns, 2, 1, 0, -1, 2}, .how = how};
    struct group_merge *groups = new_groups(&shape);
    push(groups, 0, ROW("4", NULL));
    push(groups, 1, ROW("5", NULL));
    push(groups, 0, ROW("1", "b"));
    push(groups, 1, ROW("2", "b"));
    expect(groups, ROW("9"));
    end(groups, 1);
    push(groups, 0, ROW("7", "a"));
    expect(groups, ROW("3"));
    end(groups, 0);
    expect(groups, ROW("7"));
    expect_step(groups, MERGE_DONE);
    group_merge_free(groups);
}

Test(group_merge, a_sum_out_of_range_is_an_error)
{
    const struct group_shape shape = {.rows = {by_number, 1, number_and_sum, 2, 0, 0, -1, 2}, .how = same_and_sum};
    struct group_merge *groups = new_groups(&shape);
    struct error error = {0};
    const uint8_t *row;
    size_t length;
    push(groups, 0, ROW("1", "9223372036854775807"));
    push(groups, 1, ROW("1", "1"));
    expect_step(groups, MERGE_WAIT);
    end(groups, 0);
    end(groups, 1);
    cr_assert_eq(group_merge_next(groups, &row, &length, &error), MERGE_FAILED);
    cr_assert_str_eq(error.sqlstate, SQLSTATE_NUMERIC_OUT_OF_RANGE);
    error_clear(&error);
    group_merge_free(groups);
}

/* ---- against a model ---- */

enum { KEYS = 40, INPUTS = 5 };

struct model {
    long sums[KEYS]; /* by key; negative: no input has it */
    long parts[INPUTS][KEYS];
};

static void make_model(struct model *model)
{
    for (int key = 0; key < KEYS; key++) {
        model->sums[key] = -1;
        for (int input = 0; input < INPUTS; input++) {
            model->parts[input][key] = rand() % 3 ? -1 : rand() % 30;
            if (model->parts[input][key] >= 0)
                model->sums[key] = (model->sums[key] < 0 ? 0 : model->sums[key]) + model->parts[input][key];
        }
    }
}

static struct row row_of_key(int key, long value)
{
    char number[12], sum[24];
    snprintf(number, sizeof number, "%d", key);
    snprintf(sum, sizeof sum, "%ld", value);
    return ROW(number, sum);
}

/* Give whatever input wants a row its next one, until there is an answer. */
static enum merge_step next(struct group_merge *groups, const struct model *model, int *at, const uint8_t **row, size_t *length)
{
    struct error error = {0};
    enum merge_step step;
    while ((step = group_merge_next(groups, row, length, &error)) == MERGE_WAIT) {
        int input = rand() % INPUTS;
        if (!merge_wants(group_merge_input(groups), input))
            continue;
        while (at[input] < KEYS && model->parts[input][at[input]] < 0)
            at[input]++;
        if (at[input] == KEYS)
            end(groups, input);
        else
            push(groups, input, row_of_key(at[input], model->parts[input][at[input]]));
        at[input]++;
    }
    return step;
}

static void check_next(struct group_merge *groups, const struct model *model, int *at, int key)
{
    const uint8_t *row = NULL;
    size_t length = 0;
    struct row expected = row_of_key(key, model->sums[key]);
    cr_assert_eq(next(groups, model, at, &row, &length), MERGE_ROW);
    cr_assert(length == expected.length && memcmp(row, expected.bytes, length) == 0, "got %.*s, not %d", (int) length - 6, (const char *) row + 6, key);
}

static void check_end(struct group_merge *groups, const struct model *model, int *at)
{
    const uint8_t *row;
    size_t length;
    cr_assert_eq(next(groups, model, at, &row, &length), MERGE_DONE);
    group_merge_free(groups);
}

Test(group_merge, random_groups_are_those_of_all_rows)
{
    srand(3);
    for (int round = 0; round < 200; round++) {
        struct model model;
        int at[INPUTS] = {0}, skipped = 0, left = 0;
        int64_t offset = rand() % 4, limit = rand() % 2 ? -1 : rand() % 30;
        const struct group_shape shape = {.rows = {by_number, 1, number_and_sum, 2, 0, offset, limit, INPUTS}, .how = same_and_sum};
        make_model(&model);
        struct group_merge *groups = new_groups(&shape);
        for (int key = 0; key < KEYS && left != limit; key++)
            if (model.sums[key] >= 0 && skipped++ >= offset) {
                check_next(groups, &model, at, key);
                left++;
            }
        check_end(groups, &model, at);
    }
}

static const struct model *ranked;

static int compare_ranks(const void *left, const void *right)
{
    int one = *(const int *) left, other = *(const int *) right;
    long difference = ranked->sums[other] - ranked->sums[one];
    return difference ? (difference > 0 ? 1 : -1) : one - other;
}

/* ORDER BY sum DESC, key */
static void check_ranking(int64_t offset, int64_t limit)
{
    const struct sort_key ranking[] = {{1, true, true, NULL}, {0, false, false, NULL}};
    struct model model;
    int at[INPUTS] = {0}, order[KEYS], count = 0;
    const struct group_shape shape = {{by_number, 1, number_and_sum, 2, 0, offset, limit, INPUTS}, same_and_sum, ranking, 2, 10000};
    make_model(&model);
    for (int key = 0; key < KEYS; key++)
        if (model.sums[key] >= 0)
            order[count++] = key;
    ranked = &model;
    qsort(order, (size_t) count, sizeof *order, compare_ranks);
    struct group_merge *groups = new_groups(&shape);
    for (int i = (int) offset; i < count && i < offset + limit; i++)
        check_next(groups, &model, at, order[i]);
    check_end(groups, &model, at);
}

Test(group_merge, a_ranking_has_the_first_of_all_groups)
{
    srand(4);
    for (int round = 0; round < 200; round++)
        check_ranking(rand() % 5, rand() % 50);
}

Test(group_merge, a_ranking_may_be_by_what_is_hidden)
{
    const struct sort_key ranking[] = {{1, true, true, NULL}};
    const struct group_shape shape = {{by_number, 1, number_and_sum, 2, 1, 1, 2, 2}, same_and_sum, ranking, 1, 10000};
    struct group_merge *groups = new_groups(&shape);
    push(groups, 0, ROW("1", "10"));
    push(groups, 1, ROW("2", "30"));
    push(groups, 0, ROW("2", "5"));
    end(groups, 1);
    push(groups, 0, ROW("3", "20"));
    push(groups, 0, ROW("4", NULL));
    end(groups, 0);
    expect(groups, ROW("2")); /* behind 4, whose sum is NULL */
    expect(groups, ROW("3"));
    expect_step(groups, MERGE_DONE);
    group_merge_free(groups);
}

/* Rows whose place others have taken are not counted any more. */
Test(group_merge, a_ranking_of_too_many_bytes_is_an_error)
{
    const struct sort_key ranking[] = {{1, false, false, NULL}};
    const struct group_shape shape = {{by_number, 1, number_and_sum, 2, 0, 0, 2, 1}, same_and_sum, ranking, 1, 50};
    struct group_merge *groups = new_groups(&shape);
    struct error error = {0};
    const uint8_t *row;
    size_t length;
    for (int key = 1; key <= 9; key++)
        push(groups, 0, row_of_key(key, 9 - key)); /* twelve bytes each */
    push(groups, 0, ROW("10", "-1000000000000000"));
    push(groups, 0, ROW("11", "1"));
    cr_assert_eq(group_merge_next(groups, &row, &length, &error), MERGE_FAILED);
    cr_assert_str_eq(error.sqlstate, SQLSTATE_PROGRAM_LIMIT);
    error_clear(&error);
    group_merge_free(groups);
}
