/*
 * count          the sum of the counts, none being 0
 * sum            the sum of the sums: of integers and numerics, where the order of adding does not matter, and of floating-point
 *                numbers where it is checked that it does not; sum(integer) is a bigint, but a sum of these a numeric
 * avg            the sum divided by the count, as numeric_avg() and int8_avg() in numeric.c do
 * min, max, …    the same of the same
 */
#include "router/aggregate_split.h"

#include <string.h>

#include "router/expressions.h"
#include "router/float_sums.h"
#include "router/sql_types.h"

static Node *call_of(const char *function, Node *argument)
{
    return (Node *) expression_call(function, argument);
}

/* The call itself, under a name of pg_catalog, as a partial value. */
static Node *partial_of(const FuncCall *call, const char *function, const struct partial_values *values)
{
    FuncCall *partial = copyObject((FuncCall *) call);
    partial->funcname = list_make2(makeString((char *) "pg_catalog"), makeString((char *) function));
    partial->location = -1;
    return values->column(values->context, values->add(values->context, (Node *) partial));
}

static Node *total_count(const FuncCall *call, const struct partial_values *values)
{
    return expression_cast(call_of("sum", partial_of(call, "count", values)), "int8");
}

static Node *split_count(const FuncCall *call, const struct partial_values *values)
{
    CoalesceExpr *known = makeNode(CoalesceExpr);
    known->args = list_make2(total_count(call, values), expression_number("0"));
    known->location = -1;
    return (Node *) known;
}

static Node *split_sum(const FuncCall *call, uint32_t type, bool checked, const struct partial_values *values)
{
    if (!type_is_integer(type) && type != TYPE_numeric && type != TYPE_interval && type != TYPE_money && !checked)
        return NULL;
    Node *sum = call_of("sum", partial_of(call, "sum", values));
    return type == TYPE_int2 || type == TYPE_int4 ? expression_cast(sum, "int8") : sum;
}

static Node *split_average(const FuncCall *call, uint32_t type, const struct partial_values *values)
{
    if (!type_is_integer(type) && type != TYPE_numeric)
        return NULL;
    Node *sum = expression_cast(call_of("sum", partial_of(call, "sum", values)), "numeric");
    Node *count = (Node *) makeSimpleA_Expr(AEXPR_NULLIF, "=", total_count(call, values), expression_number("0"), -1);
    return expression_operation("/", sum, expression_cast(count, "numeric"));
}

/* The same function makes one of parts as of rows. */
static bool is_idempotent(const char *name)
{
    static const char *const names[] = {"min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or", "bit_xor"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

bool aggregate_is_plain(const struct analysis *analysis, const FuncCall *call)
{
    struct function_facts facts = function_facts(analysis->planning, call);
    const char *qualifier = parse_qualifier(call->funcname);
    return !facts.users && facts.class == FUNCTION_SAFE && !call->agg_order && !call->agg_distinct && !call->agg_within_group &&
           !call->func_variadic && !call->over && (!qualifier || !strcmp(qualifier, "pg_catalog"));
}

Node *aggregate_split(struct analysis *analysis, const struct query *query, FuncCall *call,
                      const struct partial_values *values)
{
    const char *name = parse_name(call->funcname);
    const struct text_order *order;
    if (!aggregate_is_plain(analysis, call))
        return NULL;
    if (!strcmp(name, "count") && list_length(call->args) == !call->agg_star)
        return split_count(call, values);
    if (list_length(call->args) != 1)
        return NULL;
    if (is_idempotent(name))
        return call_of(name, partial_of(call, name, values));
    uint32_t type = analysis_infer(analysis, query, linitial(call->args), &order);
    if (!strcmp(name, "sum"))
        return split_sum(call, type, float_sums_has(analysis, call), values);
    return strcmp(name, "avg") ? NULL : split_average(call, type, values);
}
