/*
 * gather_early: groups of some tables of a join move, instead of their rows.
 *
 * SELECT d.name, sum(f.price) FROM facts f JOIN dims d ON d.id = f.dim GROUP BY d.name, where facts and dims are not together on each shard, becomes
 * SELECT d.name, sum(e.c2) FROM (SELECT f.dim AS c1, sum(f.price) AS c2 FROM facts f GROUP BY f.dim) e, dims d WHERE d.id = e.c1 GROUP BY d.name.
 * (Yan and Larson, "Eager Aggregation and Lazy Aggregation", VLDB 1995.)
 */
#ifndef KEYWAY_GATHER_EARLY_H
#define KEYWAY_GATHER_EARLY_H

#include "router/analyze_inside.h"

/*
 * Write queries of the statement, which has been analyzed, that way, where the shards can make such groups and groups are likely to be fewer than rows.
 * The SELECTs that make groups; NIL: nothing has changed.  What has been changed must be analyzed again.
 */
List *gather_group_early(struct analysis *analysis);

#endif
