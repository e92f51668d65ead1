/*
 * run_explain: EXPLAIN of a run's statement: what the router says, and what each shard is asked to explain.
 */
#ifndef KEYWAY_RUN_EXPLAIN_H
#define KEYWAY_RUN_EXPLAIN_H

#include "proxy/execution.h"
#include "proxy/explain.h"
#include "proxy/run.h"

/* False with `error`: 0A000.  True if it is no EXPLAIN. */
bool run_can_explain(const struct plan *plan, const struct route *route, struct error *error);
/* The answer to be, in the run's arena, with the router's lines; NULL: it is no EXPLAIN.  `route` is NULL of a statement whose values are
 * computed first. */
struct explanation *run_explanation(struct run *run, const struct execution *execution, const struct route *route);
/* EXPLAIN of a statement for several shards: what this one would run itself. */
const char *run_explained_text(struct run *run, const struct execution *execution, const struct route *route, int shard);
/* This one is going to answer; its number. */
int run_explain_shard(struct run *run, struct explanation *explanation, int shard);
/* Its name, for as long as the run lives. */
const char *run_shard_name(struct run *run, int shard);

#endif
