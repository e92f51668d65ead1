/*
 * moment: one clock for a transaction on several shards.
 *
 * now() is the moment at which a transaction began, of which each shard has its own.  The shard that the first statement which reads it goes to is the
 * transaction's clock; a transaction that keeps to one shard pays nothing.  A statement that reads the clock, and is for others as
 * well, gets a text with that shard's moment in it (router/moment.h), for which the shard is asked once in a transaction.
 */
#ifndef KEYWAY_PROXY_MOMENT_H
#define KEYWAY_PROXY_MOMENT_H

#include "proxy/run.h"

struct execution;

/* May the shard run the statement as it is?  If it reads the clock, its own is the transaction's from now on. */
bool moment_is_at(struct client *client, const struct plan *plan, int shard);
/* The same of a run's item, wherever it goes; `route` NULL: to the home shard, which computes values for it first. */
bool moment_is_there(const struct run *run, const struct plan *plan, const struct route *route);
/* It is not: ask the shard that has the clock, and begin the item again with another text. */
enum run_step moment_begin(struct run *run, const struct execution *execution, const struct route *route);

/* Has the item being run such a text?  In the extended protocol, the statement of it; NULL: it is the client's own. */
bool moment_is_written(const struct run *run);
struct statement *moment_statement(const struct run *run);
void moment_free(struct run *run);

#endif
