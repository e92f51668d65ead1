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

/* These make floating-point numbers of whatever they get. */
static const char *const float_adders[] = {
    "corr",      "covar_pop", "covar_samp",     "regr_avgx",  "regr_avgy", "regr_intercept",
    "regr_r2",   "regr_sxx",  "regr_sxy",       "regr_syy",   "regr_slope", NULL,
};

/* Window functions that take rows by their place. */
static const char *const by_place[] = {
    "row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value", NULL,
};

static bool sums_in_any_order(const struct analysis *analysis)
{
    return analysis->planning->routing->settings->float_sums == FLOAT_SUMS_ANY_ORDER;
}

static bool has_order(const WindowDef *window)
{
    return window->name || window->refname || window->orderClause;
}

enum order_dependence call_order_dependence(const struct analysis *analysis, const FuncCall *call,
                                            const struct function_facts *facts)
{
    const char *name = facts->name;
    if (call->over && is_among(name, by_place))
        return has_order(call->over) ? ORDER_IGNORED : ORDER_SHOWN;
    if ((!facts->aggregate && !call->over) || (!facts->shadowed && is_among(name, indifferent)))
        return ORDER_IGNORED;
    if (!facts->shadowed && is_among(name, adders))
        return sums_in_any_order(analysis) ? ORDER_IGNORED : ORDER_ADDED;
    if (!facts->shadowed && is_among(name, float_adders))
        return sums_in_any_order(analysis) ? ORDER_IGNORED : ORDER_SHOWN;
    bool ordered = call->agg_order || call->agg_within_group || call->agg_distinct ||
                   (call->over && has_order(call->over));
    return ordered ? ORDER_IGNORED : ORDER_SHOWN;
}

bool adds_exact_numbers(struct analysis *analysis, const struct query *query, const FuncCall *call)
{
    const struct text_order *order;
    uint32_t type = list_length(call->args) == 1 && query && query->scope && !function_facts(analysis->planning, call).users
                        ? analysis_infer(analysis, query, linitial(call->args), &order)
                        : 0;
    return type_is_integer(type) || type == TYPE_numeric || type == TYPE_interval || type == TYPE_money;
}
