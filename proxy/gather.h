/*
 * gather: rows of several shards, brought to the home shard for a query that no shard can answer alone.
 *
 * Few rows are held here and become arrays, which the query takes as parameters: one round trip for the rows, one for the query, and
 * nothing is written anywhere.  Many rows go on into temporary tables of the home shard.  These live in the client's
 * transaction, behind a savepoint that the query's end rolls back to, so they never outlive the statement.  Either way each shard
 * is read through the server that has seen the transaction's own changes, and memory is bounded: rows that cannot be taken yet wait at
 * their shards.
 */
#ifndef KEYWAY_GATHER_H
#define KEYWAY_GATHER_H

#include "proxy/execution.h"
#include "proxy/run.h"

struct explanation;
struct gather;

/* All servers of the route are lent.  Ends with run_gathered(); then run->gather is ready, or gone if that failed. */
void gather_begin(struct run *run, const struct execution *execution, const struct route *route);
/*
 * The statement is refused: but if it is wrong in itself, the client is told that, as PostgreSQL would have; the home shard, which is lent,
 * looks at it without running it.  If that tells types of parameters that the statement lacks, it has them from now on, and the item is begun
 * again.  Takes over the refusal's texts.  Ends with run_gathered().
 */
void gather_refuse(struct run *run, const struct execution *execution, struct error *refusal);

/* The rows are there for the item being run. */
bool gather_is_ready(const struct gather *gather); /* NULL: no */
/* What the client is to be told of the rows' columns: a RowDescription's body, which lives as long as the run. */
const uint8_t *gather_description(const struct gather *gather, size_t *length);
/* Of EXPLAIN: the answer, in the run's arena, with the parts' plans, and with what was moved for them; NULL: it is none. */
struct explanation *gather_explanation(struct gather *gather);
/* Ask the home shard, with everything behind the query that ends the gathering; its reply, of one ReadyForQuery, goes to the sink. */
void gather_query(struct gather *gather, const struct execution *execution, struct reply_sink *sink);

/* A server that is being filled has room again. */
void gather_drained(struct gather *gather);
/* The client asks for its end. */
void gather_cancel(struct gather *gather);
/* The last cancel request under way for one of the client's servers has ended. */
void gather_cancelled(struct gather *gather);
/* A server is gone that had already answered. */
void gather_forget(struct gather *gather, const struct server *server, const struct error *error);
/* Its end; sinks must not be called any more (it is over, or their servers are closed). */
void gather_free(struct gather *gather);

#endif
