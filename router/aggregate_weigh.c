/*
 * sum, count, avg    of a row that is there n times: n times what it adds, in numeric, which does not round; as aggregate_split.c has them otherwise
 * min, max, …        do not mind
 *
 * sum(a * b) = sum over the groups of b * sum(a), where all rows of a group stand beside the same b.  That is so for numerics, as long as
 * b is finite (2 * 'Infinity' and -1 * 'Infinity' add up to NaN, (2 - 1) * 'Infinity' does not), and to the digit: the scale of a product is the sum
 * of its factors' scales, that of a sum the largest (numeric.c).  Products of integers may be too large, and are left alone; those of the
 * groups' own factors are made in numeric for that reason.
 */
#include "router/aggregate_weigh.h"

#include <string.h>

#include "router/aggregate_split.h"
#include "router/expressions.h"
#include "router/sql_types.h"

static uint32_t type_of(struct analysis *analysis, const struct query *query, Node *node)
{
    const struct text_order *order;
    return analysis_infer(analysis, query, node, &order);
}

static bool is_exact(uint32_t type)
{
    return type_is_integer(type) || type == TYPE_numeric;
}

/* ---- weights ---- */

static bool does_not_mind(const char *name)
{
    static const char *const names[] = {"min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static Node *sum_of(Node *value, const Node *filter)
{
    FuncCall *sum = expression_call("sum", value);
    sum->agg_filter = (Node *) copyObjectImpl(filter);
    return (Node *) sum;
}

static Node *weighed_sum(const FuncCall *call, Node *times)
{
    return sum_of(EXPRESSION("$1::pg_catalog.numeric * $2", linitial(call->args), times), call->agg_filter);
}

/* Of values that are there; NULL where there are none.  What the filter lets through alone is computed. */
static Node *weighed_count(const FuncCall *call, Node *times)
{
    Node *counted = call->args ? EXPRESSION("CASE WHEN $1 IS NOT NULL THEN $2 END", linitial(call->args), times) : (Node *) copyObjectImpl(times);
    return expression_cast(sum_of(counted, call->agg_filter), "int8");
}

Node *aggregate_weigh(struct analysis *analysis, const struct query *query, FuncCall *call, Node *times)
{
    const char *name = parse_name(call->funcname);
    if (!aggregate_is_plain(analysis, call) || list_length(call->args) != !call->agg_star)
        return NULL;
    if (does_not_mind(name))
        return (Node *) call;
    uint32_t type = call->args ? type_of(analysis, query, linitial(call->args)) : 0;
    if (!strcmp(name, "count") && (call->agg_star || type_is_scalar(type)))
        return EXPRESSION("COALESCE($1, 0)", weighed_count(call, times));
    if (!is_exact(type))
        return NULL;
    if (!strcmp(name, "sum"))
        return type == TYPE_int2 || type == TYPE_int4 ? expression_cast(weighed_sum(call, times), "int8") : weighed_sum(call, times);
    if (strcmp(name, "avg"))
        return NULL;
    return EXPRESSION("$1 / NULLIF($2, 0)::pg_catalog.numeric", weighed_sum(call, times), weighed_count(call, times));
}

/* ---- products ---- */

struct factors {
    struct analysis *analysis;
    const struct query *query;
    factor_judge judge;
    void *context;
    Node *grouped, *others;
};

/* numeric(p, s) holds no infinity. */
static bool is_finite_column(const struct analysis *analysis, int slot)
{
    for (int i = 0; i < analysis->scan_count; i++) {
        const struct scan *scan = &analysis->scans[i];
        const struct catalog_relation *relation = scan->relation.relation;
        if (scan->first_slot != NO_SLOT && relation && slot >= scan->first_slot && slot < scan->first_slot + relation->column_count)
            return relation->columns[slot - scan->first_slot].type == TYPE_numeric && relation->columns[slot - scan->first_slot].typmod >= 0;
    }
    return false;
}

static bool is_finite(const struct factors *factors, Node *node)
{
    static const char *const operators[] = {"+", "-", "*"};
    const A_Expr *expression = (const A_Expr *) node;
    if (IsA(node, A_Const))
        return !castNode(A_Const, node)->isnull && !IsA(&castNode(A_Const, node)->val, String);
    if (type_is_integer(type_of(factors->analysis, factors->query, node)))
        return true;
    if (IsA(node, ColumnRef))
        return is_finite_column(factors->analysis, analysis_slot(factors->analysis, factors->query, node));
    if (!IsA(node, A_Expr) || expression->kind != AEXPR_OP || !expression->lexpr || list_length(expression->name) != 1)
        return false;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (!strcmp(parse_name(expression->name), operators[i]))
            return is_finite(factors, expression->lexpr) && is_finite(factors, expression->rexpr);
    return false;
}

static void add_factor(Node **product, Node *factor)
{
    *product = *product ? expression_operation("*", *product, copyObject(factor)) : expression_cast(copyObject(factor), "numeric");
}

static bool find_factors(struct factors *factors, Node *node)
{
    const A_Expr *expression = (const A_Expr *) node;
    uint32_t type = type_of(factors->analysis, factors->query, node);
    if (IsA(node, A_Expr) && expression->kind == AEXPR_OP && expression->lexpr && list_length(expression->name) == 1 &&
        !strcmp(parse_name(expression->name), "*") && type == TYPE_numeric)
        return find_factors(factors, expression->lexpr) && find_factors(factors, expression->rexpr);
    if (!is_exact(type))
        return false;
    switch (factors->judge(factors->context, node)) {
    case FACTOR_GROUPED:
        add_factor(&factors->grouped, node);
        return true;
    case FACTOR_OTHER:
        add_factor(&factors->others, node);
        return is_finite(factors, node);
    case FACTOR_NEITHER:
        break;
    }
    return false;
}

bool aggregate_factors(struct analysis *analysis, const struct query *query, FuncCall *call, factor_judge judge, void *context, Node **grouped,
                       Node **others)
{
    struct factors factors = {.analysis = analysis, .query = query, .judge = judge, .context = context};
    bool found = aggregate_is_plain(analysis, call) && !strcmp(parse_name(call->funcname), "sum") && list_length(call->args) == 1 && !call->agg_filter &&
                 find_factors(&factors, linitial(call->args));
    *grouped = factors.grouped;
    *others = factors.others;
    return found && factors.grouped && factors.others;
}
