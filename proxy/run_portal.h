/*
 * run_portal: portals that are executed in steps: Execute with a limit of rows, and again for the next ones (PostgreSQL 15 protocol, 55.2.3).
 *
 * A portal that has stopped at its limit lives on one shard, under the client's own name for it, and goes on there; if its rows are those
 * of several shards, that is the home shard, over gathered rows.
 */
#ifndef KEYWAY_RUN_PORTAL_H
#define KEYWAY_RUN_PORTAL_H

#include "proxy/execution.h"
#include "proxy/portal.h"
#include "proxy/run.h"

/* The plan for the statement and the limit, held; the limit is lifted if there are fewer rows anyway.  NULL: `error`. */
struct plan *run_portal_plan(struct run *run, struct execution *execution, struct error *error);
/* Describe one without running it, also if it is over several shards. */
enum run_step run_describe_portal(struct run *run, const struct portal *portal);
/* Go on with one that lives on a shard. */
enum run_step run_portal_step(struct run *run, struct portal *portal, int32_t limit);
/* DECLARE has made it: to Describe and Execute it is a portal, which gives its rows in text. */
enum run_step run_describe_cursor(struct run *run, const char *name);
enum run_step run_fetch_cursor(struct run *run, const char *name, int32_t limit);
/* Close it, or the cursor of that name, where it lives; run_portal_closed() follows if that was awaited. */
enum run_step run_portal_close(struct run *run, const char *name);
void run_portal_closed(struct run *run);

#endif
