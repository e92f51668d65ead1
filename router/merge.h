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
};
enum merge_step merge_next(struct merge *merge, const uint8_t **row, size_t *length);
int merge_source(const struct merge *merge); /* the input that the last MERGE_ROW has come from */

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

/* One partial row from each of several shards becomes one row, in the same formats. */
struct combine;
struct combine *combine_new(const struct combine_column *how, const struct merge_column *columns, int count,
                            struct error *error);
bool combine_push(struct combine *combine, const uint8_t *row, size_t length, struct error *error);
/* The combined row, owned by `combine`.  Values out of the result type's range are 22003. */
bool combine_finish(struct combine *combine, const uint8_t **row, size_t *length, struct error *error);
void combine_free(struct combine *combine);

/*
 * Command tags: add the count of `tag` ("UPDATE 3", "INSERT 0 2", "SELECT 5") to *rows; false if it has none.
 */
bool merge_tag_count(const char *tag, uint64_t *rows);

#endif
