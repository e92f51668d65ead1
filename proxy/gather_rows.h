/*
 * gather_rows: rows of one part of a gathered query, in memory until they are passed on.
 *
 * They come as the bodies of binary DataRow messages.  They leave as one binary array for each column, for a Bind message (PostgreSQL
 * 15, array_recv() in arrayfuncs.c), or as they came: a tuple of COPY's binary format looks the same (COPY, "Binary Format").
 */
#ifndef KEYWAY_GATHER_ROWS_H
#define KEYWAY_GATHER_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "proxy/buffer.h"
#include "proxy/wire.h"

struct gather_column {
    uint32_t type;
    bool as_text; /* it is of arrays, and comes as their texts */
    size_t bytes; /* of its values that are not NULL */
    bool nulls;
    uint8_t *next; /* while arrays are written: where the next value goes */
};

struct gather_rows {
    struct gather_column *columns;
    int column_count;
    bool described;             /* the columns' types are known */
    struct buffer own, others;  /* rows of the home shard, which it need not be sent, and of the others */
    size_t own_count, other_count;
};

/* `columns` columns, in the arena, those of `as_text` (NULL: none) of arrays as texts; the rows themselves are freed by gather_rows_free(). */
void gather_rows_init(struct gather_rows *rows, struct arena *arena, int columns, const bool *as_text);
void gather_rows_free(struct gather_rows *rows);

/* A RowDescription: the first sets the types.  False: malformed, or columns of other types of PostgreSQL's own than those of the first. */
bool gather_rows_describe(struct gather_rows *rows, const struct frame *frame);
/* Do all columns have a type of which there are arrays? */
bool gather_rows_fit_arrays(const struct gather_rows *rows);

/* A DataRow; `own`: the home shard's.  False: malformed. */
bool gather_rows_add(struct gather_rows *rows, bool own, const struct frame *frame);
size_t gather_rows_size(const struct gather_rows *rows); /* bytes held */
size_t gather_rows_count(const struct gather_rows *rows); /* of all shards, held or passed on */

/* The array of a column, as a parameter: its type, and all the values of a Bind message, one behind the other. */
uint32_t gather_rows_array_type(const struct gather_rows *rows, int column);
void gather_rows_put_arrays(struct gather_rows *rows, struct buffer *out);
/* One of them, in the arena. */
const uint8_t *gather_rows_array(struct gather_rows *rows, int column, struct arena *arena, size_t *length);

#endif
