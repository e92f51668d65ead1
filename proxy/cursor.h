/*
 * cursor: on which shard a client's cursors (DECLARE) are, so that FETCH, MOVE and CLOSE find them.
 *
 * A cursor over gathered rows is on the home shard, which does not know what the rows' columns are called there; that is kept with it.
 */
#ifndef KEYWAY_CURSOR_H
#define KEYWAY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cursors; /* NULL: none */
/* A cursor has been declared; with `hold` it outlives its transaction.  `description`: a RowDescription's body for what is fetched,
 * copied; NULL: the shard's own will do. */
void cursor_declared(struct cursors **cursors, const char *name, int shard, bool hold, const uint8_t *description,
                     size_t description_length);
void cursor_closed(struct cursors **cursors, const char *name);
/* Are there cursors WITH HOLD on the shard? */
bool cursors_hold(const struct cursors *cursors, int shard);
/* Its shard, or -1. */
int cursor_shard(const struct cursors *cursors, const char *name);
/* Its description, NULL if none is kept; borrowed. */
const uint8_t *cursor_description(const struct cursors *cursors, const char *name, size_t *length);
/* The transaction ended: those without hold are gone. */
void cursors_transaction_over(struct cursors **cursors);
/* CLOSE ALL, DISCARD ALL, the end of the client. */
void cursors_free(struct cursors **cursors);

#endif
