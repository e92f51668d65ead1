/*
 * Aggregates are known by name (PostgreSQL 15, 9.21): those that never care, those that add numbers and care
 * if these are floating-point, and all others, which care unless they are given an order.
 */
#include "router/order_dependence.h"

#include <string.h>

#include "router/sql_types.h"

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

static const char *const indifferent[] = {
    "count",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "bit_and",
    "bit_or",
    "bit_xor",
    "regr_count",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "grouping",
    "range_agg",
    "range_intersect_agg",
    NULL,
};

static const char *const adders[] = {
    "sum", "avg", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", NULL,
};

/* Window functions that take rows by their place. */
static const char *const by_place[] = {
    "row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value", NULL,
};

/* Functions that make fractions in floating point, also of integers. */
static const char *const makers_of_floats[] = {
    "random",    "sqrt",    "cbrt",    "exp",        "ln",     "log",    "log10", "power", "pow",
    "date_part", "degrees", "radians", "sin",        "cos",    "tan",    "cot",   "asin",  "acos",
    "atan",      "atan2",   "ts_rank", "ts_rank_cd", "float4", "float8", NULL,
};

struct float_search {
    const struct analysis *analysis;
    const struct scope *scope;
};

static bool is_float(uint32_t type)
{
    return type == TYPE_float4 || type == TYPE_float8;
}

static bool finds_float(Node *node, void *context)
{
    const struct float_search *search = context;
    int level, slot;
    bool array;
    if (!node || IsA(node, SubLink))
        return false;
    switch (nodeTag(node)) {
    case T_ColumnRef:
        slot = scope_resolve(search->scope, castNode(ColumnRef, node), &level);
        return slot >= 0 && is_float(search->analysis->slots[slot].type);
    case T_TypeCast: /* to another type, it is one no more */
        return is_float(analysis_type(castNode(TypeCast, node)->typeName, &array));
    case T_FuncCall:
        if (is_among(parse_name(castNode(FuncCall, node)->funcname), makers_of_floats))
            return true;
        break;
    default:
        break;
    }
    return parse_walk(node, finds_float, context);
}

static bool has_float(const struct analysis *analysis, const FuncCall *call, const struct scope *scope)
{
    struct float_search search = {analysis, scope};
    ListCell *cell;
    foreach (cell, call->args)
        if (finds_float(lfirst(cell), &search))
            return true;
    return false;
}

static bool has_order(const WindowDef *window)
{
    return window->name || window->refname || window->orderClause;
}

bool call_depends_on_order(const struct analysis *analysis, const FuncCall *call,
                           const struct function_facts *facts, const struct scope *scope)
{
    const char *name = facts->name;
    if (call->over && is_among(name, by_place))
        return !has_order(call->over);
    if ((!facts->aggregate && !call->over) || (!facts->shadowed && is_among(name, indifferent)))
        return false;
    if (!facts->shadowed && is_among(name, adders))
        return has_float(analysis, call, scope);
    return !call->agg_order && !call->agg_within_group && !call->agg_distinct &&
           !(call->over && has_order(call->over));
}
