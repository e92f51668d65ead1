/*
 * Aggregates without GROUP BY over rows of which each is on one shard: count, sum, min, max and the like of the whole are sum, sum, min, max of
 * the parts'.
 */
#include <string.h>

#include "router/selecting.h"
#include "router/sql_types.h"

static bool is_key_of(struct selecting *selecting, const struct anchor *anchor, Node *expression)
{
    int slot = analysis_slot(&selecting->analysis, selecting->query, expression);
    for (int k = 0; k < keyspace_columns(anchor->keyspace); k++)
        if (analysis_equal(&selecting->analysis, selecting->query->region, slot, anchor->slots[k]) &&
            keyspace_columns(anchor->keyspace) == 1)
            return true;
    return false;
}

struct aggregate {
    const char *name;
    enum combine_how how;
};

static const struct aggregate *find_aggregate(const FuncCall *call)
{
    static const struct aggregate aggregates[] = {
        {"count", COMBINE_SUM},       {"sum", COMBINE_SUM},           {"min", COMBINE_MIN},
        {"max", COMBINE_MAX},         {"bool_and", COMBINE_BOOL_AND}, {"every", COMBINE_BOOL_AND},
        {"bool_or", COMBINE_BOOL_OR},
    };
    const char *qualifier = parse_qualifier(call->funcname);
    if (qualifier && strcmp(qualifier, "pg_catalog"))
        return NULL;
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++)
        if (!strcmp(aggregates[i].name, parse_name(call->funcname)))
            return &aggregates[i];
    return NULL;
}

/* Only sums of integers and orders that are exactly PostgreSQL's. */
static bool argument_combines(struct selecting *selecting, const struct aggregate *aggregate,
                              const FuncCall *call, struct combine_column *column)
{
    const struct text_order *order = NULL;
    Node *argument = list_length(call->args) == 1 ? linitial(call->args) : NULL;
    bool extreme = aggregate->how == COMBINE_MIN || aggregate->how == COMBINE_MAX;
    uint32_t type =
        analysis_infer(&selecting->analysis, selecting->query, extreme ? (Node *) call : argument, &order);
    column->order = order;
    switch (aggregate->how) {
    case COMBINE_SUM:
        return !strcmp(aggregate->name, "count") || type_is_integer(type);
    case COMBINE_MIN:
    case COMBINE_MAX:
        return argument && selecting_can_order(selecting, type, order);
    case COMBINE_BOOL_AND:
    case COMBINE_BOOL_OR:
    case COMBINE_SAME:
        break;
    }
    return argument;
}

/* count(DISTINCT key): a value of the key is on one shard only.  min and max do not care; anything else does.
 */
static bool distinct_combines(struct selecting *selecting, const struct anchor *anchor, const FuncCall *call)
{
    if (!call->agg_distinct)
        return true;
    return list_length(call->args) == 1 && is_key_of(selecting, anchor, linitial(call->args));
}

static bool combine_call(struct selecting *selecting, const struct anchor *anchor, const FuncCall *call,
                         struct combine_column *column)
{
    const struct aggregate *aggregate = find_aggregate(call);
    const char *hint = "Select count, sum of integers, min and max only, each alone in its column.";
    struct function_facts facts = function_facts(selecting->analysis.planning, call);
    if (!aggregate || call->over || call->agg_order || call->agg_within_group || call->func_variadic ||
        !facts.aggregate || facts.shadowed)
        return selecting_give_up(selecting, hint, arena_printf(&selecting->plan->arena, "%s() is not what Keyway itself combines.",
                                                     parse_name(call->funcname)));
    if (!distinct_combines(selecting, anchor, call))
        return selecting_give_up(selecting, hint, "DISTINCT inside an aggregate compares rows of different shards.");
    column->how = aggregate->how;
    return argument_combines(selecting, aggregate, call, column) ||
           selecting_give_up(selecting, hint, arena_printf(&selecting->plan->arena,
                                                 "Keyway itself does not combine %s() of this type.", aggregate->name));
}

bool selecting_combine_target(struct selecting *selecting, const struct anchor *anchor, const ResTarget *target,
                           struct combine_column *column)
{
    if (IsA(target->val, A_Const)) {
        column->how = COMBINE_SAME;
        return true;
    }
    if (IsA(target->val, FuncCall))
        return combine_call(selecting, anchor, castNode(FuncCall, target->val), column);
    return selecting_give_up(selecting, "Select the aggregates alone and compute with them in the application.",
                   "Keyway itself does not compute with aggregates.");
}

enum plan_kind select_combine(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const SelectStmt *select = selecting->select;
    struct anchor anchor;
    ListCell *cell;
    if (!prove_rows(&selecting->analysis, selecting->query, &anchor, &selecting->proof))
        return PLAN_REFUSE;
    if (select->havingClause || select->sortClause || select->limitCount || select->limitOffset ||
        select->distinctClause || selecting->query->windows || select->lockingClause) {
        selecting_give_up(selecting, "Select the aggregates alone.",
                "HAVING, ORDER BY, LIMIT, DISTINCT or a window beside an aggregate is not combined.");
        return PLAN_REFUSE;
    }
    plan->combine =
        arena_alloc_array(&plan->arena, (size_t) list_length(select->targetList), sizeof *plan->combine);
    foreach (cell, select->targetList)
        if (!selecting_combine_target(selecting, &anchor, lfirst_node(ResTarget, cell),
                            &plan->combine[plan->combine_count++]))
            return PLAN_REFUSE;
    return PLAN_COMBINE;
}
