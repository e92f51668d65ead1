/*
 * run_gather: statements of a run for which the home shard is asked first: gathered queries, and refusals.
 */
#ifndef KEYWAY_RUN_GATHER_H
#define KEYWAY_RUN_GATHER_H

#include "proxy/execution.h"
#include "proxy/run.h"

/* Gather the rows; when they are there the item is begun again. */
enum run_step run_gather(struct run *run, const struct execution *execution, const struct route *route);
/* They are. */
enum run_step run_gathered_query(struct run *run, const struct execution *execution);
/* What PostgreSQL itself would find wrong with the statement goes before our refusal, whose texts are taken over. */
enum run_step run_refuse(struct run *run, const struct execution *execution, struct error *error);

#endif
