/*
 * run_prepared: SQL's PREPARE and EXECUTE where the statement's rows may live on several shards.
 *
 * PREPARE puts the statement among the client's prepared statements, where a Parse would put it, once the home shard has found no fault in it and told
 * the types of its parameters.  EXECUTE, and EXPLAIN EXECUTE, is that statement bound to the arguments: it is planned, routed and run as if Bind
 * and Execute had come.
 */
#ifndef KEYWAY_RUN_PREPARED_H
#define KEYWAY_RUN_PREPARED_H

#include "proxy/execution.h"
#include "proxy/run.h"

/* Is it, or does it explain, an EXECUTE of a statement that is the client's rather than one server's? */
bool run_knows_prepared(const struct run *run, const struct plan *plan);

enum run_step run_prepare(struct run *run, const struct execution *execution);
enum run_step run_execute_prepared(struct run *run, const struct execution *execution);
/* EXECUTE as an item is under way: its statement runs.  Then the item goes on with that. */
bool run_executes_prepared(const struct run *run);
enum run_step run_prepared_go_on(struct run *run);

/* Describe what EXECUTE gives. */
void run_describe_prepared(struct run *run, struct statement *outer, const struct plan *plan, struct server *server, struct reply_sink *sink);

/* The run is over. */
void run_prepared_free(struct run *run);

#endif
