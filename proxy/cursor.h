/*
 * cursor: on which shard a client's cursors (DECLARE) are, so that FETCH, MOVE and CLOSE find them.
 *
 * A cursor over gathered rows is on the home shard, which does not know what the rows' columns are called there; that is kept with it.
 *
 * The list is exact: a cursor is gone with the transaction or savepoint that has declared it (AtCleanup_Portals(), AtSubCleanup_Portals()
 * in portalmem.c), with its server, and when it is closed, which no rollback undoes.  So a server stays with its client for cursors WITH HOLD
 * as long as there are any.
 */
#ifndef KEYWAY_CURSOR_H
#define KEYWAY_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/shard_set.h"

struct cursors; /* NULL: none */
/* A cursor has been declared behind so many savepoints of a transaction, or outside of one: -1; with `hold` it outlives the transaction. */
void cursor_declared(struct cursors **cursors, const char *name, int shard, bool hold, int savepoints);
/* What is fetched of it is described by this RowDescription's body, which is copied; without one the shard's own will do. */
void cursor_describe(struct cursors *cursors, const char *name, const uint8_t *description, size_t description_length);
void cursor_closed(struct cursors **cursors, const char *name);
/* Are there cursors WITH HOLD on the shard? */
bool cursors_hold(const struct cursors *cursors, int shard);
/* Its shard, or -1. */
int cursor_shard(const struct cursors *cursors, const char *name);
/* Its description, NULL if none is kept; borrowed. */
const uint8_t *cursor_description(const struct cursors *cursors, const char *name, size_t *length);
/* The transaction was rolled back to the last of so many savepoints; there are no more than so many, after RELEASE. */
void cursors_rolled_back_to(struct cursors **cursors, unsigned savepoints);
void cursors_released(struct cursors *cursors, unsigned savepoints);
/* The transaction has ended, by a commit on these shards: others than those WITH HOLD are gone everywhere, and those that it has declared elsewhere. */
void cursors_transaction_over(struct cursors **cursors, const struct shard_set *committed);
/* The client has no server there any more. */
void cursors_lost(struct cursors **cursors, int shard);
/* CLOSE ALL, DISCARD ALL, the end of the client. */
void cursors_free(struct cursors **cursors);

#endif
