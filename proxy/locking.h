/*
 * locking: SELECT … FOR UPDATE with LIMIT over several shards (struct locking_steps of router/plan.h).
 *
 * Of one PostgreSQL's rows only those are locked that LIMIT and OFFSET count.  So each shard is first asked for its first rows without locks;
 * merged, they tell how many of them are each shard's, and it locks as many.  What was locked must be what was seen: rows that
 * others have changed in between, or have locked where those are skipped, let go of all locks (a savepoint), and it is done once
 * more.  Where locked rows are skipped, only locking tells which they are: from then on, looking locks, and lets go.
 *
 * The rows are held until that is known, and sent then.
 */
#ifndef KEYWAY_LOCKING_H
#define KEYWAY_LOCKING_H

#include "proxy/execution.h"

struct locking;

/* Begin, on servers that are lent and in a transaction.  The item is begun again for each step, and ends with run_fanout_done(). */
enum run_step locking_begin(struct run *run, const struct execution *execution, const struct route *route);
enum run_step locking_go_on(struct run *run, const struct execution *execution);
/* A server is gone that had already answered. */
void locking_forget(struct locking *locking, const struct server *server, const struct error *error);
/* The last cancel request under way for one of its servers has ended. */
void locking_cancelled(struct locking *locking);
void locking_free(struct locking *locking); /* NULL is fine */

#endif
