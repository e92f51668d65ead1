/*
 * merge: rows in, rows out.
 *
 * The rows of several shards become one result: ordered k-way merge over sorted inputs, limit and offset, and the
 * exact combination of one partial row per shard.  Rows are DataRow bodies (PostgreSQL 15 protocol, 55.7: Int16
 * column count, then per column Int32 length or -1 and bytes).  Every length is checked against the row's end:
 * a shard that sends nonsense gives an error, never a read past it.  No sockets: the caller brings
 * rows and takes them away.
 */
#ifndef KEYWAY_MERGE_H
#define KEYWAY_MERGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "router/error.h"
#include "router/text_order.h"

/* One column of a RowDescription, as far as merging needs it. */
struct merge_column {
    uint32_t type;  /* pg_type OID */
    int16_t format; /* 0 text, 1 binary */
};

struct sort_key {
    int column;       /* 0-based position in the shard's row */
    bool descending;
    bool nulls_first;
    const struct text_order *order; /* of a text column; NULL: not known, it cannot be merged */
};

/* Can values of this type be ordered exactly as PostgreSQL orders them, in text and in binary format?  (int2,
 * int4, int8, oid, bool, uuid, date, timestamp, timestamptz, bytea, float4/8, numeric; "char"; text, varchar,
 * bpchar, name in an order that is known.)  Text-format dates and times are ordered in DateStyle ISO only,
 * which the caller ensures. */
bool merge_can_order(uint32_t type, const struct text_order *order);

struct merge;

/*
 * An ordered merge of `inputs` inputs.  With no keys, rows leave in whatever order they come (concat) and only offset and
 * limit apply.  limit -1: none.  `hidden` trailing columns are removed from the rows that leave.
 */
struct merge_shape {
    const struct sort_key *keys;
    int key_count;
    const struct merge_column *columns;
    int column_count; /* of the shards' rows, hidden ones included */
    int hidden;
    int64_t offset, limit;
    int inputs;
};
struct merge *merge_new(const struct merge_shape *shape, struct error *error); /* copies the shape */
void merge_free(struct merge *merge);

/* Is there room for a row of this input?  (Its last row has left.)  */
bool merge_wants(const struct merge *merge, int input);
/* Give the next row of an input that merge_wants(); the bytes are copied.  false: the row is malformed. */
bool merge_push(struct merge *merge, int input, const uint8_t *row, size_t length, struct error *error);
void merge_end_input(struct merge *merge, int input);

enum merge_step {
    MERGE_ROW,   /* *row, *length: the next row of the result, valid until the next call */
    MERGE_WAIT,  /* some input owes a row */
    MERGE_DONE,  /* all inputs ended, or the limit is reached: nothing will follow */
    MERGE_FAILED, /* of group_merge_next() only */
};
enum merge_step merge_next(struct merge *merge, const uint8_t **row, size_t *length);
int merge_source(const struct merge *merge); /* the input that the last MERGE_ROW has come from */

/* Keep the row of the last MERGE_ROW, whose bytes stay where they are until another one is held and its input has given a row … */
void merge_hold(struct merge *merge);
/* … and compare: are the sort keys of the last MERGE_ROW equal to its? */
bool merge_equals_held(const struct merge *merge);

/* How one output column is made of the shards' partial values. */
enum combine_how {
    COMBINE_SUM,      /* exact sum of integers of any size in decimal text (count, sum(int2/4/8)); NULLs are skipped */
    COMBINE_MIN,
    COMBINE_MAX,
    COMBINE_BOOL_AND,
    COMBINE_BOOL_OR,
    COMBINE_SAME,     /* the shards agree (a constant); the first row's value */
};
struct combine_column {
    enum combine_how how;
    const struct text_order *order; /* for MIN and MAX of text */
};

/* Partial rows, one from each of several shards, become one row, in the same formats. */
struct combine;
struct combine *combine_new(const struct combine_column *how, const struct merge_column *columns, int count,
                            struct error *error);
bool combine_push(struct combine *combine, const uint8_t *row, size_t length, struct error *error);
/* The combined row, owned by `combine` until the next one.  Values out of the result type's range are 22003. */
bool combine_finish(struct combine *combine, const uint8_t **row, size_t *length, struct error *error);
/* Begin another row. */
void combine_clear(struct combine *combine);
void combine_free(struct combine *combine);

/*
 * The first rows of many in the order of the shape's keys, which are given in any order: those that its limit (not -1) and offset choose.  So many
 * rows are held, of `most_bytes` together.  Columns are hidden as by a merge.
 */
struct top_rows;
struct top_rows *top_rows_new(const struct merge_shape *shape, int64_t most_bytes, struct error *error);
/* The bytes are copied.  False: the row is malformed, or there are too many bytes (54000). */
bool top_rows_push(struct top_rows *top, const uint8_t *row, size_t length, struct error *error);
/* Once all have been pushed: the next of the first; false: that was the last. */
bool top_rows_next(struct top_rows *top, const uint8_t **row, size_t *length);
void top_rows_free(struct top_rows *top);

/*
 * Partial groups of several shards become groups: rows that come in the order of the groups' keys, so that those of one group are
 * neighbours, and leave as one row each.  No more than a row of each input is held, and the first groups where there is a ranking.
 */
struct group_shape {
    struct merge_shape rows; /* keys: all that tells groups apart, one or more; offset and limit count groups */
    const struct combine_column *how; /* of each column that is not hidden; with a ranking of the hidden ones, too */
    const struct sort_key *ranking;   /* the order of the groups where it is not that of the keys: those that `limit` (not -1) chooses … */
    int ranking_count;                /* … leave when all have been seen; 0: there is none */
    int64_t most_bytes;               /* of those that are held for it */
};
struct group_merge;
struct group_merge *group_merge_new(const struct group_shape *shape, struct error *error); /* copies the shape */
struct merge *group_merge_input(struct group_merge *groups); /* for merge_wants(), merge_push(), merge_end_input() only; not the caller's to free */
/* As merge_next(); MERGE_FAILED with `error` set: a value is malformed, or out of its type's range. */
enum merge_step group_merge_next(struct group_merge *groups, const uint8_t **row, size_t *length, struct error *error);
void group_merge_free(struct group_merge *groups);

/*
 * Command tags: add the count of `tag` ("UPDATE 3", "INSERT 0 2", "SELECT 5") to *rows; false if it has none.
 */
bool merge_tag_count(const char *tag, uint64_t *rows);

#endif
