/*
 * A merge in the reverse order, of one input more than rows are wanted: each row is an input's only one, and when all have one, the last of them
 * leaves and makes room.  In the end they leave last row first.
 */
#include <stdlib.h>
#include <string.h>

#include "router/merge.h"

struct top_row {
    const uint8_t *bytes; /* where the merge has them */
    size_t length;
};

struct top_rows {
    struct merge *merge;
    struct top_row *rows; /* by input, for their lengths; once they are all there, the last one first */
    int inputs, used;     /* so many have been given a row */
    int free;             /* the input for the next row when all have been */
    int count;            /* of rows; -1: not known yet */
    int64_t offset, limit;
    int64_t bytes, most_bytes; /* of the rows that are held */
};

/* Keys that order rows the other way around; malloc'ed. */
static struct sort_key *reversed(const struct sort_key *keys, int count)
{
    struct sort_key *copy = memory_alloc((size_t) count * sizeof(*copy));
    memcpy(copy, keys, (size_t) count * sizeof(*copy));
    for (int i = 0; i < count; i++) {
        copy[i].descending = !copy[i].descending;
        copy[i].nulls_first = !copy[i].nulls_first;
    }
    return copy;
}

struct top_rows *top_rows_new(const struct merge_shape *shape, int64_t most_bytes, struct error *error)
{
    struct merge_shape backwards = *shape;
    struct sort_key *keys = reversed(shape->keys, shape->key_count);
    backwards.keys = keys;
    backwards.inputs = (int) (shape->offset + shape->limit + 1);
    backwards.offset = 0;
    backwards.limit = -1;
    struct merge *merge = merge_new(&backwards, error);
    free(keys);
    if (merge == NULL)
        return NULL;
    struct top_rows *top = memory_alloc(sizeof(*top));
    *top = (struct top_rows){.merge = merge, .inputs = backwards.inputs, .count = -1, .offset = shape->offset, .limit = shape->limit,
                             .most_bytes = most_bytes};
    top->rows = memory_alloc((size_t) top->inputs * sizeof(*top->rows));
    return top;
}

void top_rows_free(struct top_rows *top)
{
    if (top == NULL)
        return;
    merge_free(top->merge);
    free(top->rows);
    free(top);
}

/* An input's row takes the place of the one that it has had. */
static bool count_bytes(struct top_rows *top, int input, size_t length, struct error *error)
{
    top->bytes += (int64_t) length - (int64_t) top->rows[input].length;
    top->rows[input].length = length;
    if (top->bytes <= top->most_bytes)
        return true;
    error_set(error, SQLSTATE_PROGRAM_LIMIT, "the query ranks too many rows");
    error_detail(error, "The first groups in its order are more than gather_max_bytes (%lld).", (long long) top->most_bytes);
    error_hint(error, "Ask for fewer of them, or raise gather_max_bytes.");
    return false;
}

bool top_rows_push(struct top_rows *top, const uint8_t *row, size_t length, struct error *error)
{
    const uint8_t *last;
    size_t last_length;
    int input = top->used < top->inputs ? top->used++ : top->free;
    if (!merge_push(top->merge, input, row, length, error))
        return false;
    if (top->used == top->inputs && merge_next(top->merge, &last, &last_length) == MERGE_ROW)
        top->free = merge_source(top->merge);
    return count_bytes(top, input, length, error);
}

/* A row that has left stays where it is as long as its input is given no other one. */
static void take_rows(struct top_rows *top)
{
    top->count = 0;
    for (int i = 0; i < top->inputs; i++)
        merge_end_input(top->merge, i);
    while (merge_next(top->merge, &top->rows[top->count].bytes, &top->rows[top->count].length) == MERGE_ROW)
        top->count++;
    top->count -= (int) (top->offset < top->count ? top->offset : top->count);
}

bool top_rows_next(struct top_rows *top, const uint8_t **row, size_t *length)
{
    if (top->count < 0)
        take_rows(top);
    if (top->count == 0 || top->limit == 0)
        return false;
    top->limit--;
    top->count--;
    *row = top->rows[top->count].bytes;
    *length = top->rows[top->count].length;
    return true;
}
