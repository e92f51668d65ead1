/*
 * utility_maintenance: TRUNCATE, LOCK, VACUUM, ANALYZE, CLUSTER and REINDEX.
 *
 * They go to the shards that hold what they name; those that name nothing mean all there is, so they go to
 * every shard.
 */
#include "router/utility_inside.h"

#include <string.h>

#include "router/utility_place.h"

static void check_truncated(struct plan *plan, const struct planning *planning, const RangeVar *range)
{
    struct resolved_relation target = resolve_relation(planning, range);
    const struct routed_table *owner = place_owner(planning, range);
    if (owner && target.relation && target.relation->has_truncate_triggers && !owner->settings->local_triggers)
        plan_refuse(plan, "TRUNCATE of a table with triggers for it is not supported with several shards",
                    "If they touch nothing but rows of the same shard, say `triggers = local` in the table's section of keyway.ini.",
                    "Each shard would fire the triggers of \"%s\", which may touch rows of other shards.", range->relname);
}

/* Each shard empties what it has, and so all of it is empty.  CASCADE may find, from a table of the home shard, rows elsewhere. */
void route_truncate(struct plan *plan, const struct planning *planning, Node *statement)
{
    struct utility_place place = {.planning = planning};
    TruncateStmt *elsewhere = copyObject(castNode(TruncateStmt, statement));
    ListCell *cell;
    foreach (cell, elsewhere->relations)
        check_truncated(plan, planning, lfirst(cell));
    elsewhere->relations = place_relations(&place, elsewhere->relations, UNKNOWN_IS_HOME);
    if (plan_is_refused(plan))
        return;
    if (elsewhere->behavior == DROP_CASCADE)
        place_apply(plan, &place, "TRUNCATE … CASCADE");
    else
        place_apply_apart(plan, &place, (Node *) elsewhere, "TRUNCATE");
}

void route_lock(struct plan *plan, const struct planning *planning, Node *statement)
{
    struct utility_place place = {.planning = planning};
    LockStmt *elsewhere = copyObject(castNode(LockStmt, statement));
    elsewhere->relations = place_relations(&place, elsewhere->relations, UNKNOWN_IS_HOME);
    place_apply_apart(plan, &place, (Node *) elsewhere, "LOCK");
}

void describe_vacuum(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->outside_transaction = ((const VacuumStmt *) statement)->is_vacuumcmd;
}

void route_vacuum(struct plan *plan, const struct planning *planning, Node *statement)
{
    const VacuumStmt *vacuum = (const VacuumStmt *) statement;
    struct utility_place place = {.planning = planning};
    ListCell *cell;
    foreach (cell, vacuum->rels)
        place_relation(&place, ((const VacuumRelation *) lfirst(cell))->relation, UNKNOWN_IS_HOME);
    place_apply(plan, &place, vacuum->is_vacuumcmd ? "VACUUM" : "ANALYZE");
}

static bool is_partitioned(const struct planning *planning, const RangeVar *range)
{
    const struct catalog_relation *relation = resolve_relation(planning, range).relation;
    return relation && (relation->has_children || (relation->table && relation->table->has_children));
}

void describe_cluster(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RangeVar *range = ((const ClusterStmt *) statement)->relation;
    plan->outside_transaction = !range || is_partitioned(planning, range);
}

void route_cluster(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RangeVar *range = ((const ClusterStmt *) statement)->relation;
    struct utility_place place = {.planning = planning};
    if (range)
        place_relation(&place, range, UNKNOWN_IS_HOME);
    place_apply(plan, &place, "CLUSTER");
}

static bool is_concurrent(const ReindexStmt *reindex)
{
    ListCell *cell;
    foreach (cell, reindex->params)
        if (!strcmp(((const DefElem *) lfirst(cell))->defname, "concurrently"))
            return option_is_true(lfirst(cell));
    return false;
}

void describe_reindex(struct plan *plan, const struct planning *planning, Node *statement)
{
    const ReindexStmt *reindex = (const ReindexStmt *) statement;
    plan->outside_transaction =
        !reindex->relation || is_concurrent(reindex) || is_partitioned(planning, reindex->relation);
}

void route_reindex(struct plan *plan, const struct planning *planning, Node *statement)
{
    const ReindexStmt *reindex = (const ReindexStmt *) statement;
    struct utility_place place = {.planning = planning};
    switch (reindex->kind) {
    case REINDEX_OBJECT_INDEX:
        place_relation(&place, reindex->relation, UNKNOWN_IS_EVERYWHERE);
        break;
    case REINDEX_OBJECT_TABLE:
        place_relation(&place, reindex->relation, UNKNOWN_IS_HOME);
        break;
    case REINDEX_OBJECT_SCHEMA:
        break;
    case REINDEX_OBJECT_SYSTEM:
    case REINDEX_OBJECT_DATABASE:
        plan_refuse(plan, "REINDEX of a whole database is not supported with several shards",
                    "Use REINDEX SCHEMA, or run it on the shards themselves.",
                    "The database may have another name on each shard.");
        return;
    }
    place_apply(plan, &place, "REINDEX");
}
