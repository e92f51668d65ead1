/*
 * cursor: on which shard a client's cursors (DECLARE) are, so that FETCH, MOVE and CLOSE find them.
 */
#ifndef KEYWAY_CURSOR_H
#define KEYWAY_CURSOR_H

#include <stdbool.h>

struct cursors; /* NULL: none */
/* A cursor has been declared; with `hold` it outlives its transaction. */
void cursor_declared(struct cursors **cursors, const char *name, int shard, bool hold);
/* Its shard, or -1. */
int cursor_shard(const struct cursors *cursors, const char *name);
/* The transaction ended: those without hold are gone. */
void cursors_transaction_over(struct cursors **cursors);
/* CLOSE ALL, DISCARD ALL, the end of the client. */
void cursors_free(struct cursors **cursors);

#endif
