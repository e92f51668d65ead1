/*
 * Of an aggregate is known how far any order of rows could move it (float_bounds).  Of what is made of it by steps that are known here, it is
 * known, too: arithmetics, and other steps that keep near values near, by bounds on the distance, with what they round
 * themselves; steps that are monotonic by what they make of both ends of what is possible.
 *
 * Steps round by a relative u of the result, 2^-53 or 2^-24; of numerics, PostgreSQL keeps 15 digits where they are made of floating-point
 * numbers, and at least 16 of a quotient.  Distances are multiplied by 1.01, for what they are rounded themselves.
 *
 * PostgreSQL 15: utils/adt/float.c, float8pl(), dtoi(); numeric.c, float8_numeric(), select_div_scale().
 */
#include "router/float_steps.h"

#include <string.h>

#include "router/expressions.h"
#include "router/float_bounds.h"
#include "router/float_columns.h"
#include "router/float_lift.h"
#include "router/order_dependence.h"
#include "router/sql_types.h"

enum { MOST_MEMORY = 256 * 1024 * 1024 };

static bool is_builtin(const struct analysis *analysis, const FuncCall *call)
{
    const char *qualifier = parse_qualifier(call->funcname);
    return !function_facts(analysis->planning, call).users && (!qualifier || !strcmp(qualifier, "pg_catalog"));
}

struct order_dependent *float_steps_dependent(const struct analysis *analysis, const Node *call)
{
    for (int i = 0; i < analysis->order_dependent_count; i++)
        if ((const Node *) analysis->order_dependents[i].call == call && analysis->order_dependents[i].name)
            return &analysis->order_dependents[i];
    return NULL;
}

static bool find_sum(Node *node, void *context);

static bool find_sum_of_column(const struct float_chain *chain, const struct float_column *column)
{
    struct float_memory *memory = chain->analysis->float_memory;
    if (parse_list_has(memory->concerned, column->value) || parse_list_has(memory->unconcerned, column->value))
        return parse_list_has(memory->concerned, column->value);
    struct float_chain inside = {.analysis = chain->analysis, .query = column->query, .takes_columns = true};
    bool found = find_sum(column->value, &inside);
    List **nodes = found ? &memory->concerned : &memory->unconcerned;
    *nodes = lappend(*nodes, column->value);
    return found;
}

static bool find_sum(Node *node, void *context)
{
    const struct float_chain *chain = context;
    if (!node)
        return false;
    if (float_steps_dependent(chain->analysis, node))
        return true;
    struct float_column column;
    if (chain->takes_columns && IsA(node, ColumnRef) && float_column_find(chain->analysis, chain->query, castNode(ColumnRef, node), &column))
        return find_sum_of_column(chain, &column);
    return parse_walk(node, find_sum, context);
}

bool float_steps_concern(const struct float_chain *chain, Node *expression)
{
    return find_sum(expression, (void *) chain);
}

/* A query of WITH that is read several times takes the rows each time. */
static bool takes_rows_of(const struct analysis *analysis, const FuncCall *call, const struct query *query)
{
    for (int i = 0; i < analysis->order_dependent_count; i++)
        if (analysis->order_dependents[i].call == call && analysis->order_dependents[i].name && analysis->order_dependents[i].query == query)
            return true;
    return false;
}

/* May it be computed several times?  Not with sums in it that differ. */
static bool is_unsteady(Node *node, void *context)
{
    const struct float_chain *chain = context;
    if (!node)
        return false;
    if (IsA(node, SubLink))
        return true;
    if (IsA(node, FuncCall)) {
        struct function_facts facts = function_facts(chain->analysis->planning, castNode(FuncCall, node));
        if (facts.class != FUNCTION_SAFE || facts.returns_set)
            return true;
    }
    return parse_walk(node, is_unsteady, context);
}

static bool is_steady(const struct float_chain *chain, Node *node)
{
    return !is_unsteady(node, (void *) chain) && !float_steps_concern(chain, node);
}

static uint32_t type_of(const struct float_chain *chain, Node *node)
{
    const struct text_order *order;
    return analysis_infer(chain->analysis, chain->query, node, &order);
}

/* What has no type yet takes that of the number beside it; it will stand at several places, where it shall have the same. */
static void take_type(const struct float_chain *chain, Node **place, uint32_t type)
{
    const char *name = number_type_name(type);
    if (name && analysis_is_untyped(chain->analysis, *place))
        *place = expression_cast(*place, name);
}

static void take_type_beside(const struct float_chain *chain, Node **place, Node *other)
{
    if (analysis_is_untyped(chain->analysis, *place))
        take_type(chain, place, type_of(chain, other));
}

static void take_types(const struct float_chain *chain, List *members, uint32_t type)
{
    ListCell *cell;
    foreach (cell, members)
        take_type(chain, (Node **) &lfirst(cell), type);
}

static bool is_float(uint32_t type)
{
    return type == TYPE_float4 || type == TYPE_float8;
}

static bool is_null(const Node *node)
{
    return IsA(node, A_Const) && ((const A_Const *) node)->isnull;
}

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

/* ---- expressions beside it ---- */

static Node *copy_of(const Node *node)
{
    return (Node *) copyObjectImpl(node);
}

static Node *both(Node *one, Node *other)
{
    return one && other ? EXPRESSION("$1 AND $2", one, other) : one ? one : other;
}

/* The other is not asked where the first holds. */
static Node *either(Node *one, Node *other)
{
    return one && other ? EXPRESSION("CASE WHEN $1 THEN true ELSE $2 END", one, other) : one ? one : other;
}

static Node *sum_of(Node *one, Node *other)
{
    return one && other ? EXPRESSION("$1 + $2", one, other) : one ? one : other;
}

static Node *times_size(Node *radius, Node *value)
{
    return radius ? EXPRESSION("$1 * abs($2::float8)", radius, value) : NULL;
}

/* With what the step itself rounds. */
static Node *rounded(Node *radius, Node *value, uint32_t type)
{
    const char *sql = type == TYPE_float4    ? "$1 * 1.01 + abs($2::float8) * 4.8e-07"
                      : type == TYPE_numeric ? "$1 * 1.01 + abs($2::float8) * 2e-14"
                                             : "$1 * 1.01 + abs($2::float8) * 8.9e-16";
    return radius ? EXPRESSION(sql, radius, value) : NULL;
}

static Node *end_of(const struct float_outcome *outcome, const char *sign)
{
    const struct float_estimate *estimate = &outcome->estimate;
    bool low = *sign == '-';
    if (!estimate->radius)
        return estimate->value;
    const char *sql =
        outcome->type == TYPE_float4    ? (low ? "($1::float8 - $2)::float4" : "($1::float8 + $2)::float4")
        : outcome->type == TYPE_numeric ? (low ? "$1 - ($2 * 1.01)::numeric" : "$1 + ($2 * 1.01)::numeric")
                                        : (low ? "$1 - $2" : "$1 + $2");
    Node *end = EXPRESSION(sql, estimate->value, estimate->radius);
    return estimate->exact ? EXPRESSION("CASE WHEN $1 THEN $2 ELSE $3 END", estimate->exact, estimate->value, end) : end;
}

Node *float_steps_low(const struct float_outcome *outcome)
{
    return outcome->low ? outcome->low : end_of(outcome, "-");
}

Node *float_steps_high(const struct float_outcome *outcome)
{
    return outcome->high ? outcome->high : end_of(outcome, "+");
}

/* ---- the steps ---- */

static bool follow_near(struct float_chain *chain, Node *node, struct float_outcome *outcome)
{
    return float_steps_follow(chain, node, outcome) && outcome->near;
}

static bool follow_steady(struct float_chain *chain, Node *node, struct float_outcome *outcome)
{
    outcome->type = type_of(chain, node);
    outcome->stage = is_float(outcome->type) ? STAGE_FLOAT : STAGE_SCALED;
    outcome->near = true;
    outcome->estimate.value = node;
    return type_is_number(outcome->type) || is_null(node);
}

/* What a step of near values gives. */
static bool is_near(struct float_chain *chain, struct float_outcome *outcome, Node *node, struct float_estimate estimate)
{
    outcome->type = type_of(chain, node);
    outcome->stage = is_float(outcome->type) ? STAGE_FLOAT : STAGE_SCALED;
    outcome->near = true;
    outcome->estimate = estimate;
    return is_float(outcome->type) || outcome->type == TYPE_numeric;
}

static bool read_argument(const struct float_chain *chain, const FuncCall *call, int i, enum float_argument *argument)
{
    uint32_t type = type_of(chain, list_nth(call->args, i));
    *argument = type == TYPE_float4 ? FLOAT_REAL : type == TYPE_float8 ? FLOAT_DOUBLE : FLOAT_CONVERTED;
    return list_length(call->args) == 1 ? is_float(type) : type_is_number(type);
}

/* A copy of the call with another first argument. */
static Node *call_with(const FuncCall *call, const Node *argument)
{
    FuncCall *copy = castNode(FuncCall, copy_of((const Node *) call));
    linitial(copy->args) = copy_of(argument);
    return (Node *) copy;
}

/* Another aggregate, over the same rows as the call. */
static Node *over_rows(const FuncCall *call, const char *name, Node *argument)
{
    FuncCall *node = expression_call(name, copy_of(argument));
    node->agg_filter = call->agg_filter ? copy_of(call->agg_filter) : NULL;
    node->over = call->over ? (struct WindowDef *) copy_of((const Node *) call->over) : NULL;
    return (Node *) node;
}

static bool takes_rows_plainly(const struct float_chain *chain, const FuncCall *call)
{
    return list_length(call->args) == 1 && !call->agg_within_group && !call->agg_distinct && !call->agg_order && !call->func_variadic &&
           is_builtin(chain->analysis, call) && is_steady(chain, call->agg_filter) && is_steady(chain, (Node *) call->over);
}

/* avg(sum), of sums that a subquery made: besides what adding rounds here, each of them may be as far off as is known of it. */
static bool follow_sum_of_sums(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    const char *name = parse_name(call->funcname);
    bool adds = !strcmp(name, "sum");
    if ((!adds && strcmp(name, "avg") != 0) || !takes_rows_of(chain->analysis, call, chain->query) || !takes_rows_plainly(chain, call) ||
        !follow_near(chain, linitial(call->args), &argument) || !is_float(argument.type))
        return false;
    enum float_argument of = argument.type == TYPE_float4 ? FLOAT_REAL : FLOAT_DOUBLE;
    struct float_estimate estimate = float_bounds(castNode(FuncCall, call_with(call, argument.estimate.value)), &of);
    if (argument.estimate.radius)
        estimate.radius = EXPRESSION("($1 + $2) * 1.01", estimate.radius, over_rows(call, adds ? "sum" : "max", argument.estimate.radius));
    if (argument.estimate.exact)
        estimate.exact = both(estimate.exact, over_rows(call, "bool_and", argument.estimate.exact));
    if (argument.estimate.doubt)
        estimate.doubt = either(over_rows(call, "bool_or", argument.estimate.doubt), estimate.doubt);
    chain->calls = lappend(chain->calls, call);
    *outcome = (struct float_outcome){.stage = STAGE_FLOAT, .type = adds ? argument.type : TYPE_float8, .near = true, .estimate = estimate};
    return true;
}

/* The largest of near values is near; how many there are is known. */
static bool follow_extreme(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    bool counts = !strcmp(parse_name(call->funcname), "count");
    if (!takes_rows_plainly(chain, call) || !follow_near(chain, linitial(call->args), &argument) || !is_float(argument.type))
        return false;
    const struct float_estimate *estimate = &argument.estimate;
    *outcome = (struct float_outcome){.stage = counts ? STAGE_NUMERIC : STAGE_FLOAT, .type = counts ? TYPE_int8 : argument.type, .near = true};
    chain->calls = lappend(chain->calls, call);
    outcome->estimate.value = call_with(call, estimate->value);
    if (estimate->doubt)
        outcome->estimate.doubt = over_rows(call, "bool_or", estimate->doubt);
    if (estimate->radius && !counts)
        outcome->estimate.radius = over_rows(call, "max", estimate->radius);
    if (estimate->exact && !counts)
        outcome->estimate.exact = over_rows(call, "bool_and", estimate->exact);
    return true;
}

static bool follow_aggregate(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    enum float_argument arguments[2];
    if (float_steps_concern(chain, (Node *) call->args))
        return follow_sum_of_sums(chain, call, outcome);
    int count = list_length(call->args);
    if (!takes_rows_of(chain->analysis, call, chain->query) || !chain->query->scope || call->agg_within_group || call->agg_distinct ||
        !count || count != float_bounds_arguments(parse_name(call->funcname)) || !is_builtin(chain->analysis, call))
        return false;
    for (int i = 0; i < count; i++)
        if (!read_argument(chain, call, i, &arguments[i]))
            return false;
    if (!is_steady(chain, (Node *) call->args) || !is_steady(chain, call->agg_filter) || !is_steady(chain, (Node *) call->over))
        return false;
    chain->calls = lappend(chain->calls, call);
    *outcome = (struct float_outcome){.stage = STAGE_FLOAT, .near = true, .estimate = float_bounds(call, arguments)};
    bool of_reals = !strcmp(parse_name(call->funcname), "sum") && arguments[0] == FLOAT_REAL;
    outcome->type = of_reals ? TYPE_float4 : TYPE_float8;
    return true;
}

/* round(sum), round(sum, 2), to_char(sum, '…') */
static bool follow_rounding(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    int count = list_length(call->args);
    bool prints = !strcmp(parse_name(call->funcname), "to_char");
    if (count != 1 + (prints || count == 2) || (count == 2 && !IsA(lsecond(call->args), A_Const) && !IsA(lsecond(call->args), ParamRef)) ||
        !float_steps_follow(chain, linitial(call->args), &argument) || argument.stage == STAGE_FIXED ||
        (count == 2 && !prints && argument.stage == STAGE_FLOAT))
        return false;
    outcome->stage = prints || argument.stage != STAGE_FLOAT ? STAGE_FIXED : STAGE_FLOAT;
    outcome->type = prints ? TYPE_text : argument.type == TYPE_float4 ? TYPE_float8 : argument.type;
    outcome->estimate.value = call_with(call, argument.estimate.value);
    outcome->estimate.doubt = argument.estimate.doubt;
    outcome->low = call_with(call, float_steps_low(&argument));
    outcome->high = call_with(call, float_steps_high(&argument));
    return true;
}

/* Differences of absolute values are not larger. */
static bool follow_abs(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    if (list_length(call->args) != 1 || !follow_near(chain, linitial(call->args), &argument))
        return false;
    struct float_estimate estimate = argument.estimate;
    estimate.value = call_with(call, estimate.value);
    return is_near(chain, outcome, (Node *) call, estimate);
}

/* sqrt(a) - sqrt(b) = (a - b) / (sqrt(a) + sqrt(b)); of what could be below zero nothing is known. */
static bool follow_root(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    if (list_length(call->args) != 1 || !follow_near(chain, linitial(call->args), &argument) || !is_float(argument.type))
        return false;
    struct float_estimate estimate = argument.estimate;
    estimate.value = call_with(call, argument.estimate.value);
    if (argument.estimate.radius) {
        Node *unsure = EXPRESSION("abs($1::float8) <= 2 * $2", argument.estimate.value, argument.estimate.radius);
        if (estimate.exact)
            unsure = EXPRESSION("NOT $1 AND $2", estimate.exact, unsure);
        estimate.doubt = either(estimate.doubt, unsure);
        estimate.radius = rounded(EXPRESSION("$1 / $2", argument.estimate.radius, estimate.value), estimate.value, TYPE_float8);
    }
    return is_near(chain, outcome, (Node *) call, estimate);
}

static bool follow_product(struct float_chain *chain, Node *node, const struct float_outcome *left, const struct float_outcome *right,
                           struct float_estimate estimate, struct float_outcome *outcome);

static bool is_two(const Node *node)
{
    return IsA(node, A_Const) && !is_null(node) && IsA(&((const A_Const *) node)->val, Integer) &&
           ((const A_Const *) node)->val.ival.ival == 2;
}

/* power(sum, 2) and sum ^ 2 are within a unit of the product in the last place. */
static bool follow_square(struct float_chain *chain, Node *node, Node *base, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    if (!follow_near(chain, base, &argument) || !is_float(argument.type))
        return false;
    struct float_estimate estimate = argument.estimate;
    Node *square = copy_of(node);
    if (IsA(square, FuncCall))
        linitial(castNode(FuncCall, square)->args) = copy_of(argument.estimate.value);
    else
        castNode(A_Expr, square)->lexpr = copy_of(argument.estimate.value);
    estimate.value = square;
    return follow_product(chain, node, &argument, &argument, estimate, outcome);
}

/* With the argument replaced, and with it the value where there is no row. */
static Node *shifted(const FuncCall *call, const Node *argument, Node *otherwise)
{
    FuncCall *copy = castNode(FuncCall, call_with(call, argument));
    if (list_length(copy->args) == 3)
        lthird(copy->args) = otherwise;
    return (Node *) copy;
}

/* lag(sum) OVER (ORDER BY day): what is known of a row's sum is found where the sum is found. */
static bool follow_shift(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    struct float_outcome argument = {0};
    int count = list_length(call->args);
    if (call->agg_filter || call->agg_distinct || call->func_variadic || count < 1 || count > 3 ||
        !is_steady(chain, (Node *) call->over) || !is_steady(chain, (Node *) list_copy_tail(call->args, 1)) ||
        !follow_near(chain, linitial(call->args), &argument) || !is_float(argument.type) ||
        (count == 3 && !type_is_number(type_of(chain, lthird(call->args))) && !is_null(lthird(call->args))))
        return false;
    const struct float_estimate *estimate = &argument.estimate;
    *outcome = (struct float_outcome){.stage = STAGE_FLOAT, .type = argument.type, .near = true};
    chain->calls = lappend(chain->calls, call);
    outcome->estimate.value = shifted(call, estimate->value, count == 3 ? copy_of(lthird(call->args)) : NULL);
    if (estimate->radius)
        outcome->estimate.radius = shifted(call, estimate->radius, EXPRESSION("0::float8", NULL));
    if (estimate->exact)
        outcome->estimate.exact = shifted(call, estimate->exact, expression_truth(true));
    if (estimate->doubt)
        outcome->estimate.doubt = shifted(call, estimate->doubt, expression_truth(false));
    return true;
}

static bool follow_function(struct float_chain *chain, FuncCall *call, struct float_outcome *outcome)
{
    static const char *const shifts[] = {"lag", "lead", "first_value", "last_value", "nth_value", NULL};
    static const char *const extremes[] = {"min", "max", "count", NULL};
    static const char *const roundings[] = {"round", "trunc", "floor", "ceil", "ceiling", "to_char", NULL};
    static const char *const powers[] = {"power", "pow", NULL};
    const char *name = parse_name(call->funcname);
    if (call->over && is_among(name, shifts) && is_builtin(chain->analysis, call))
        return follow_shift(chain, call, outcome);
    if (is_among(name, extremes) && is_builtin(chain->analysis, call))
        return follow_extreme(chain, call, outcome);
    if (call->over || call->agg_filter || call->agg_distinct || call->func_variadic || !is_builtin(chain->analysis, call))
        return false;
    if (is_among(name, roundings))
        return follow_rounding(chain, call, outcome);
    if (!strcmp(name, "abs"))
        return follow_abs(chain, call, outcome);
    if (!strcmp(name, "sqrt"))
        return follow_root(chain, call, outcome);
    return is_among(name, powers) && list_length(call->args) == 2 && is_two(lsecond(call->args)) &&
           follow_square(chain, (Node *) call, linitial(call->args), outcome);
}

static Node *cast_with(const TypeCast *cast, const Node *argument)
{
    TypeCast *copy = castNode(TypeCast, copy_of((const Node *) cast));
    copy->arg = copy_of(argument);
    return (Node *) copy;
}

static bool follow_cast(struct float_chain *chain, TypeCast *cast, struct float_outcome *outcome)
{
    bool array;
    TypeName plain = *cast->typeName;
    plain.typmods = NIL;
    uint32_t type = analysis_type(&plain, &array);
    struct float_outcome argument = {0};
    if (array || !type_is_number(type) || !float_steps_follow(chain, (Node *) cast->arg, &argument) || argument.stage == STAGE_FIXED)
        return false;
    outcome->type = type;
    outcome->estimate = argument.estimate;
    outcome->estimate.value = cast_with(cast, argument.estimate.value);
    outcome->low = cast_with(cast, float_steps_low(&argument));
    outcome->high = cast_with(cast, float_steps_high(&argument));
    if (type_is_integer(type) || cast->typeName->typmods) {
        outcome->stage = STAGE_FIXED;
        return true;
    }
    outcome->stage = is_float(type) ? STAGE_FLOAT : argument.stage == STAGE_FLOAT ? STAGE_NUMERIC : argument.stage;
    outcome->near = argument.near;
    outcome->estimate.radius = argument.near ? rounded(argument.estimate.radius, argument.estimate.value, type) : NULL;
    if (outcome->estimate.radius && argument.type == TYPE_float4 && type == TYPE_numeric) /* of which six digits are kept */
        outcome->estimate.radius = EXPRESSION("$1 + abs($2::float8) * 1.1e-05", outcome->estimate.radius, argument.estimate.value);
    return true;
}

/* ---- operators ---- */

static Node *operation_with(const A_Expr *expression, const Node *left, const Node *right)
{
    A_Expr *copy = castNode(A_Expr, copy_of((const Node *) expression));
    copy->lexpr = left ? copy_of(left) : NULL;
    copy->rexpr = copy_of(right);
    return (Node *) copy;
}

static bool follow_product(struct float_chain *chain, Node *node, const struct float_outcome *left, const struct float_outcome *right,
                           struct float_estimate estimate, struct float_outcome *outcome)
{
    Node *one = left->estimate.radius, *other = right->estimate.radius;
    Node *radius = sum_of(times_size(one, right->estimate.value), times_size(other, left->estimate.value));
    if (one && other)
        radius = sum_of(radius, EXPRESSION("$1 * $2", one, other));
    estimate.radius = rounded(radius, estimate.value, type_of(chain, node));
    return is_near(chain, outcome, node, estimate);
}

/* Twice what it is to the first order, where the divisor is sure to half of it. */
static bool follow_quotient(struct float_chain *chain, Node *node, const struct float_outcome *left, const struct float_outcome *right,
                            struct float_estimate estimate, struct float_outcome *outcome)
{
    Node *divisor = right->estimate.value;
    Node *radius = sum_of(left->estimate.radius, times_size(right->estimate.radius, estimate.value));
    if (right->estimate.radius) {
        Node *unsure = EXPRESSION("abs($1::float8) <= 2 * $2", divisor, right->estimate.radius);
        if (right->estimate.exact)
            unsure = EXPRESSION("NOT $1 AND $2", right->estimate.exact, unsure);
        estimate.doubt = either(estimate.doubt, unsure);
    }
    if (radius)
        radius = EXPRESSION("2 * $1 / abs($2::float8)", radius, divisor);
    estimate.radius = rounded(radius, estimate.value, type_of(chain, node));
    return is_near(chain, outcome, node, estimate);
}

static bool follow_arithmetics(struct float_chain *chain, A_Expr *expression, const char *name, struct float_outcome *outcome)
{
    struct float_outcome left = {.near = true}, right = {0};
    if ((expression->lexpr && !follow_near(chain, expression->lexpr, &left)) || !follow_near(chain, expression->rexpr, &right))
        return false;
    struct float_estimate estimate = {
        .value = operation_with(expression, left.estimate.value, right.estimate.value),
        .exact = both(left.estimate.exact, right.estimate.exact),
        .doubt = either(left.estimate.doubt, right.estimate.doubt),
    };
    if (*name == '*')
        return follow_product(chain, (Node *) expression, &left, &right, estimate, outcome);
    if (*name == '/')
        return follow_quotient(chain, (Node *) expression, &left, &right, estimate, outcome);
    estimate.radius = rounded(sum_of(left.estimate.radius, right.estimate.radius), estimate.value,
                              type_of(chain, (Node *) expression));
    return is_near(chain, outcome, (Node *) expression, estimate);
}

/* `low`: it is so whatever the values are; `high`: it could be so. */
static bool is_decided(const struct float_outcome *left, const struct float_outcome *right, Node *value, Node *surely, Node *possibly,
                       struct float_outcome *outcome)
{
    *outcome = (struct float_outcome){.stage = STAGE_FIXED, .type = TYPE_bool, .low = surely, .high = possibly};
    outcome->estimate.value = value;
    outcome->estimate.doubt = either(left->estimate.doubt, right->estimate.doubt);
    return true;
}

static bool follow_comparison(struct float_chain *chain, A_Expr *expression, const char *name, struct float_outcome *outcome)
{
    struct float_outcome left = {0}, right = {0};
    if (!expression->lexpr || !float_steps_follow(chain, expression->lexpr, &left) || !float_steps_follow(chain, expression->rexpr, &right) ||
        left.stage == STAGE_FIXED || right.stage == STAGE_FIXED)
        return false;
    Node *ends[] = {float_steps_low(&left), float_steps_high(&left), float_steps_low(&right), float_steps_high(&right)};
    Node *value = operation_with(expression, left.estimate.value, right.estimate.value);
    if (!strcmp(name, "="))
        return is_decided(&left, &right, value, expression_from("$1 = $4 AND $2 = $3", ends),
                          expression_from("$1 <= $4 AND $2 >= $3", ends), outcome);
    if (!strcmp(name, "<>"))
        return is_decided(&left, &right, value, expression_from("$1 > $4 OR $2 < $3", ends),
                          expression_from("NOT ($1 = $4 AND $2 = $3)", ends), outcome);
    bool less = *name == '<';
    return is_decided(&left, &right, value, operation_with(expression, ends[less], ends[less ? 2 : 3]),
                      operation_with(expression, ends[!less], ends[less ? 3 : 2]), outcome);
}

static bool follow_between(struct float_chain *chain, A_Expr *expression, struct float_outcome *outcome)
{
    struct float_outcome middle = {0}, none = {0};
    Node *least = linitial(castNode(List, expression->rexpr)), *most = lsecond(castNode(List, expression->rexpr));
    if (!type_is_number(type_of(chain, least)) || !type_is_number(type_of(chain, most)) || !is_steady(chain, expression->rexpr) ||
        !float_steps_follow(chain, expression->lexpr, &middle) || middle.stage == STAGE_FIXED)
        return false;
    Node *ends[] = {float_steps_low(&middle), float_steps_high(&middle), least, most};
    Node *value = operation_with(expression, middle.estimate.value, expression->rexpr);
    if (expression->kind == AEXPR_BETWEEN)
        return is_decided(&middle, &none, value, expression_from("$1 >= $3 AND $2 <= $4", ends),
                          expression_from("$2 >= $3 AND $1 <= $4", ends), outcome);
    return is_decided(&middle, &none, value, expression_from("$2 < $3 OR $1 > $4", ends),
                      expression_from("$1 < $3 OR $2 > $4", ends), outcome);
}

/* nullif(sum, 0) */
static bool follow_nullif(struct float_chain *chain, A_Expr *expression, struct float_outcome *outcome)
{
    struct float_outcome left = {0};
    if (!is_steady(chain, expression->rexpr) || !type_is_number(type_of(chain, expression->rexpr)) ||
        !follow_near(chain, expression->lexpr, &left))
        return false;
    struct float_estimate estimate = left.estimate;
    estimate.value = operation_with(expression, left.estimate.value, expression->rexpr);
    if (estimate.radius) {
        Node *unsure = EXPRESSION("abs(($1 - $2)::float8) <= $3 * 1.01", left.estimate.value, expression->rexpr, estimate.radius);
        if (estimate.exact)
            unsure = EXPRESSION("NOT $1 AND $2", estimate.exact, unsure);
        estimate.doubt = either(estimate.doubt, unsure);
    }
    outcome->stage = left.stage;
    outcome->type = left.type;
    outcome->near = true;
    outcome->estimate = estimate;
    return true;
}

static bool follow_operator(struct float_chain *chain, A_Expr *expression, struct float_outcome *outcome)
{
    static const char *const comparisons[] = {"<", "<=", ">", ">=", "=", "<>", NULL};
    static const char *const arithmetics[] = {"+", "-", "*", "/", NULL};
    const char *name = parse_name(expression->name);
    if (list_length(expression->name) != 1 || function_facts_of_name(chain->analysis->planning, expression->name).users)
        return false;
    if (expression->kind == AEXPR_BETWEEN || expression->kind == AEXPR_NOT_BETWEEN) {
        take_types(chain, castNode(List, expression->rexpr), type_of(chain, expression->lexpr));
        return follow_between(chain, expression, outcome);
    }
    bool alike = expression->kind == AEXPR_NULLIF || is_among(name, comparisons) || is_among(name, arithmetics);
    if (expression->lexpr && alike) {
        take_type_beside(chain, &expression->lexpr, expression->rexpr);
        take_type_beside(chain, &expression->rexpr, expression->lexpr);
    }
    if (expression->kind == AEXPR_NULLIF)
        return follow_nullif(chain, expression, outcome);
    if (expression->kind != AEXPR_OP)
        return false;
    if (is_among(name, comparisons))
        return follow_comparison(chain, expression, name, outcome);
    if (is_among(name, arithmetics) && (expression->lexpr || *name == '-'))
        return follow_arithmetics(chain, expression, name, outcome);
    return !strcmp(name, "^") && expression->lexpr && is_two(expression->rexpr) &&
           follow_square(chain, (Node *) expression, expression->lexpr, outcome);
}

/* ---- choices ---- */

/* coalesce(sum, 0), greatest(sum, 0): made of near values they are near. */
static bool follow_list(struct float_chain *chain, Node *node, List *members, struct float_outcome *outcome)
{
    ListCell *cell;
    struct float_estimate whole = {.value = copy_of(node)};
    List *values = NIL;
    foreach (cell, members) {
        struct float_outcome member = {0};
        if (!follow_near(chain, lfirst(cell), &member))
            return false;
        values = lappend(values, copy_of(member.estimate.value));
        whole.doubt = either(whole.doubt, member.estimate.doubt);
        Node *radius = float_radius_of(&member.estimate), *exact = float_exact_of(&member.estimate);
        if (IsA(node, CoalesceExpr)) { /* where it is null, these are of another member */
            radius = EXPRESSION("CASE WHEN $1 IS NOT NULL THEN $2 END", member.estimate.value, radius);
            exact = EXPRESSION("CASE WHEN $1 IS NOT NULL THEN $2 END", member.estimate.value, exact);
        } else {
            radius = EXPRESSION("coalesce($1, 0::float8)", radius);
            exact = EXPRESSION("coalesce($1, true)", exact);
        }
        const char *join = IsA(node, CoalesceExpr) ? "coalesce($1, $2)" : "greatest($1, $2)";
        whole.radius = whole.radius ? EXPRESSION(join, whole.radius, radius) : radius;
        join = IsA(node, CoalesceExpr) ? "coalesce($1, $2)" : "$1 AND $2";
        whole.exact = whole.exact ? EXPRESSION(join, whole.exact, exact) : exact;
    }
    if (IsA(node, CoalesceExpr))
        castNode(CoalesceExpr, whole.value)->args = values;
    else
        castNode(MinMaxExpr, whole.value)->args = values;
    return is_near(chain, outcome, node, whole);
}

/* A CASE that is made of another one: the same conditions, other results. */
struct choosing {
    List *values, *radii, *exacts, *doubts;
};

static bool add_choice(struct float_chain *chain, struct choosing *choosing, Node *condition, Node *result)
{
    struct float_outcome when = {0}, then = {0};
    bool steady = is_steady(chain, condition);
    if ((!steady && (!float_steps_follow(chain, condition, &when) || when.type != TYPE_bool)) || !follow_near(chain, result, &then))
        return false;
    Node *value = steady ? condition : when.estimate.value;
    if (!steady) {
        if (when.estimate.doubt)
            choosing->doubts = expression_when(choosing->doubts, copy_of(when.estimate.doubt), expression_truth(true));
        choosing->doubts = expression_when(choosing->doubts, EXPRESSION("$1 IS DISTINCT FROM $2", when.low, when.high), expression_truth(true));
    }
    choosing->doubts = expression_when(choosing->doubts, copy_of(value), float_doubt_of(&then.estimate));
    choosing->values = expression_when(choosing->values, copy_of(value), copy_of(then.estimate.value));
    choosing->radii = expression_when(choosing->radii, copy_of(value), float_radius_of(&then.estimate));
    choosing->exacts = expression_when(choosing->exacts, copy_of(value), float_exact_of(&then.estimate));
    return true;
}

/* CASE WHEN sum > 0 THEN … / sum ELSE … END */
static bool follow_case(struct float_chain *chain, CaseExpr *expression, struct float_outcome *outcome)
{
    ListCell *cell;
    struct choosing choosing = {0};
    struct float_outcome otherwise = {0};
    uint32_t type = type_of(chain, (Node *) expression);
    if (expression->defresult)
        take_type(chain, (Node **) &expression->defresult, type);
    foreach (cell, expression->args)
        take_type(chain, (Node **) &lfirst_node(CaseWhen, cell)->result, type);
    if (expression->arg || (expression->defresult && !follow_near(chain, (Node *) expression->defresult, &otherwise)))
        return false;
    foreach (cell, expression->args) {
        CaseWhen *when = lfirst_node(CaseWhen, cell);
        if (!add_choice(chain, &choosing, (Node *) when->expr, (Node *) when->result))
            return false;
    }
    Node *last = expression->defresult ? copy_of(otherwise.estimate.value) : NULL;
    return is_near(chain, outcome, (Node *) expression,
                   (struct float_estimate){
                       .value = expression_choose(choosing.values, last),
                       .radius = expression_choose(choosing.radii, float_radius_of(&otherwise.estimate)),
                       .exact = expression_choose(choosing.exacts, float_exact_of(&otherwise.estimate)),
                       .doubt = expression_choose(choosing.doubts, float_doubt_of(&otherwise.estimate)),
                   });
}

static bool follow_null_test(struct float_chain *chain, NullTest *test, struct float_outcome *outcome)
{
    struct float_outcome argument = {0}, none = {0};
    if (!follow_near(chain, (Node *) test->arg, &argument))
        return false;
    NullTest *copy = castNode(NullTest, copy_of((Node *) test));
    copy->arg = (Expr *) copy_of(argument.estimate.value);
    return is_decided(&argument, &none, (Node *) copy, (Node *) copy, (Node *) copy, outcome);
}

/* What is known of sums of sums of … grows with the square of them. */
static bool is_too_large(void)
{
    return CurrentMemoryContext->mem_allocated > MOST_MEMORY;
}

bool float_steps_follow(struct float_chain *chain, Node *node, struct float_outcome *outcome)
{
    if (is_too_large())
        return false;
    if (is_steady(chain, node))
        return follow_steady(chain, node, outcome);
    if (IsA(node, FuncCall) && float_steps_dependent(chain->analysis, node))
        return follow_aggregate(chain, castNode(FuncCall, node), outcome);
    if (IsA(node, FuncCall))
        return follow_function(chain, castNode(FuncCall, node), outcome);
    if (IsA(node, TypeCast))
        return follow_cast(chain, castNode(TypeCast, node), outcome);
    if (IsA(node, A_Expr))
        return follow_operator(chain, castNode(A_Expr, node), outcome);
    if (IsA(node, CoalesceExpr) || IsA(node, MinMaxExpr)) {
        List *members = IsA(node, CoalesceExpr) ? castNode(CoalesceExpr, node)->args : castNode(MinMaxExpr, node)->args;
        take_types(chain, members, type_of(chain, node));
        return follow_list(chain, node, members, outcome);
    }
    if (IsA(node, CaseExpr))
        return follow_case(chain, castNode(CaseExpr, node), outcome);
    if (IsA(node, NullTest))
        return follow_null_test(chain, castNode(NullTest, node), outcome);
    if (IsA(node, ColumnRef))
        return float_lift_column(chain, castNode(ColumnRef, node), outcome);
    return IsA(node, SubLink) && float_lift_subquery(chain, castNode(SubLink, node), outcome);
}
