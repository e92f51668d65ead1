/*
 * copy_split: the rows of COPY FROM, each to its shard.
 *
 * Reads the text, CSV and binary formats as PostgreSQL does (15, COPY, "File Formats"; copyfromparse.c) as far as is needed to
 * find where rows end and what their key fields say; rows themselves pass unchanged.  Pieces of any size may be fed: what
 * is not a whole row yet is kept.
 */
#ifndef KEYWAY_COPY_SPLIT_H
#define KEYWAY_COPY_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/error.h"
#include "router/plan.h"

struct copy_split;

/* `shape` must outlive it. */
struct copy_split *copy_split_new(const struct copy_shape *shape);
void copy_split_free(struct copy_split *split); /* NULL is fine */

/* Called with whole rows of one shard, line ends included, as many of those that were fed at once as make a piece worth sending; shard -1: every
 * shard (a header, the binary format's trailer). */
typedef void copy_split_rows(void *context, int shard, const uint8_t *rows, size_t length);

/* False with `error`: a row without a key or with one that no shard holds; nothing more may be fed. */
bool copy_split_feed(struct copy_split *split, const uint8_t *bytes, size_t length, copy_split_rows *pass, void *context,
                     struct error *error);
/* The end of the data: a last line may lack its line end, a binary row lacks nothing. */
bool copy_split_finish(struct copy_split *split, copy_split_rows *pass, void *context, struct error *error);

#endif
