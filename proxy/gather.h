/*
 * gather: rows of several shards, copied into temporary tables of the home shard, for a query that no shard can answer alone.
 *
 * The temporary tables live in the client's transaction, behind a savepoint that the query's end rolls back to: they never outlive the
 * statement, and each shard is read through the server that has seen the transaction's own changes.  Rows pass through as they come; a
 * home shard that is slower than the others stops them.
 */
#ifndef KEYWAY_GATHER_H
#define KEYWAY_GATHER_H

#include "proxy/run.h"

struct gather;

/* All servers of the route are lent; `statement` is that of the extended protocol, NULL in a Query.  Ends with run_gathered(). */
void gather_begin(struct run *run, const struct plan *plan, const struct route *route, const struct statement *statement);
/*
 * The statement is refused: but if it is wrong in itself, the client is told that, as PostgreSQL would have; the home shard, which is lent,
 * looks at it without running it.  Takes over the refusal's texts.  Ends with run_gathered().
 */
void gather_refuse(struct run *run, const struct statement *statement, struct error *refusal);
/* To be sent behind the query on the home shard: the temporary tables go. */
void gather_end(struct server *home);
/* A server that is being filled has room again. */
void gather_drained(struct gather *gather);
/* The client is gone: sinks must not be called any more (their servers are closed). */
void gather_abandon(struct gather *gather);

#endif
