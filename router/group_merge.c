/*
 * Of a group the first row is held; most groups of many have no other one, and that leaves as it came.  With the second one they are combined.
 * The group is whole when a row of another one is there, or none: a merge gives equal rows one after another.  A ranking takes all groups that leave,
 * and gives the first of them.
 */
#include <stdlib.h>

#include "router/merge.h"

struct group_merge {
    struct merge *merge;     /* counts nothing, and hides columns only if there is no ranking */
    struct combine *combine; /* of the columns that are not hidden there */
    struct top_rows *top;    /* with a ranking: it hides and counts; else NULL */
    const uint8_t *first;    /* of the group, held by the merge */
    size_t first_length;
    int rows;                /* of the group; 0: there is none */
    int64_t skip, remaining; /* groups: see struct merge_shape */
};

struct group_merge *group_merge_new(const struct group_shape *shape, struct error *error)
{
    struct group_merge *groups = memory_alloc(sizeof(*groups));
    struct merge_shape rows = shape->rows, ranked = shape->rows;
    bool ranks = shape->ranking_count > 0;
    rows.offset = 0;
    rows.limit = -1;
    rows.hidden = ranks ? 0 : shape->rows.hidden;
    ranked.keys = shape->ranking;
    ranked.key_count = shape->ranking_count;
    groups->skip = !ranks && shape->rows.offset > 0 ? shape->rows.offset : 0;
    groups->remaining = !ranks && shape->rows.limit >= 0 ? shape->rows.limit : -1;
    if ((groups->merge = merge_new(&rows, error)) && (!ranks || (groups->top = top_rows_new(&ranked, shape->most_bytes, error))) &&
        (groups->combine = combine_new(shape->how, rows.columns, rows.column_count - rows.hidden, error)))
        return groups;
    group_merge_free(groups);
    return NULL;
}

void group_merge_free(struct group_merge *groups)
{
    if (groups == NULL)
        return;
    merge_free(groups->merge);
    combine_free(groups->combine);
    top_rows_free(groups->top);
    free(groups);
}

struct merge *group_merge_input(struct group_merge *groups)
{
    return groups->merge;
}

static void begin_group(struct group_merge *groups, const uint8_t *row, size_t length)
{
    merge_hold(groups->merge);
    groups->first = row;
    groups->first_length = length;
    groups->rows = 1;
}

static bool add_to_group(struct group_merge *groups, const uint8_t *row, size_t length, struct error *error)
{
    if (groups->rows++ == 1) {
        combine_clear(groups->combine);
        if (!combine_push(groups->combine, groups->first, groups->first_length, error))
            return false;
    }
    return combine_push(groups->combine, row, length, error);
}

/* The group's row; false with `error` set. */
static bool end_group(struct group_merge *groups, const uint8_t **row, size_t *length, struct error *error)
{
    bool alone = groups->rows == 1;
    groups->rows = 0;
    if (!alone)
        return combine_finish(groups->combine, row, length, error);
    *row = groups->first;
    *length = groups->first_length;
    return true;
}

/* A group is whole: does it leave, or is it skipped?  Those that are skipped are computed, too: PostgreSQL meets their errors. */
static bool leaves(struct group_merge *groups)
{
    if (groups->skip > 0) {
        groups->skip--;
        return false;
    }
    if (groups->remaining > 0)
        groups->remaining--;
    return true;
}

/* As group_merge_next(), without the ranking. */
static enum merge_step next_group(struct group_merge *groups, const uint8_t **row, size_t *length, struct error *error)
{
    while (groups->remaining != 0) {
        const uint8_t *next = NULL;
        size_t next_length = 0;
        enum merge_step step = merge_next(groups->merge, &next, &next_length);
        if (step == MERGE_WAIT || (step == MERGE_DONE && groups->rows == 0))
            return step;
        if (step == MERGE_ROW && groups->rows > 0 && merge_equals_held(groups->merge)) {
            if (!add_to_group(groups, next, next_length, error))
                return MERGE_FAILED;
            continue;
        }
        bool whole = groups->rows > 0;
        if (whole && !end_group(groups, row, length, error))
            return MERGE_FAILED;
        if (step == MERGE_ROW)
            begin_group(groups, next, next_length);
        if (whole && leaves(groups))
            return MERGE_ROW;
    }
    return MERGE_DONE;
}

enum merge_step group_merge_next(struct group_merge *groups, const uint8_t **row, size_t *length, struct error *error)
{
    enum merge_step step = next_group(groups, row, length, error);
    if (!groups->top)
        return step;
    for (; step == MERGE_ROW; step = next_group(groups, row, length, error))
        if (!top_rows_push(groups->top, *row, *length, error))
            return MERGE_FAILED;
    return step == MERGE_DONE && top_rows_next(groups->top, row, length) ? MERGE_ROW : step;
}
