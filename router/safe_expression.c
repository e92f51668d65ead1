#include "router/safe_expression.h"

#include <string.h>

#include "router/sql_types.h"

struct safety {
    struct analysis *analysis;
    const struct query *query;
};

static bool is_safe(const struct safety *safety, Node *node);

static uint32_t type_of(const struct safety *safety, Node *node)
{
    const struct text_order *order;
    return analysis_infer(safety->analysis, safety->query, node, &order);
}

static bool are_safe(const struct safety *safety, const List *nodes)
{
    ListCell *cell;
    foreach (cell, nodes)
        if (!is_safe(safety, lfirst(cell)))
            return false;
    return true;
}

/* A constant or parameter, perhaps cast: it is read before there are rows. */
static bool is_value(const Node *node)
{
    bool array;
    if (node && IsA(node, TypeCast))
        return analysis_type(((const TypeCast *) node)->typeName, &array) && is_value((const Node *) ((const TypeCast *) node)->arg);
    return node && (IsA(node, A_Const) || IsA(node, ParamRef));
}

static bool is_interval(const Node *node)
{
    return node && IsA(node, TypeCast) && !strcmp(parse_name(((const TypeCast *) node)->typeName->names), "interval") &&
           IsA(((const TypeCast *) node)->arg, A_Const);
}

static bool is_moment(uint32_t type)
{
    return type == TYPE_date || type == TYPE_timestamp || type == TYPE_timestamptz;
}

/* ---- operators ---- */

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

/* A numeric may be too large for a floating-point number. */
static bool are_exact(uint32_t one, uint32_t other)
{
    return (type_is_integer(one) || one == TYPE_numeric) && (type_is_integer(other) || other == TYPE_numeric);
}

static const struct text_order *order_of(const struct safety *safety, Node *node)
{
    const struct text_order *order;
    return analysis_infer(safety->analysis, safety->query, node, &order) ? order : NULL;
}

/* Texts of two collations are not compared. */
static bool are_of_one_order(const struct safety *safety, Node *left, Node *right)
{
    const struct text_order *one = order_of(safety, left), *other = order_of(safety, right);
    return is_value(left) || is_value(right) || (one && one == other);
}

/* A literal takes the other's type. */
static bool compare(const struct safety *safety, Node *left, Node *right)
{
    uint32_t one = type_of(safety, left), other = type_of(safety, right);
    if (analysis_is_untyped(safety->analysis, left) || analysis_is_untyped(safety->analysis, right))
        one = other = one ? one : other;
    return one && one < FIRST_USER_TYPE &&
           (!type_is_string(one) || are_of_one_order(safety, left, right)) &&
           (types_compare(one, other) || are_exact(one, other) || (type_is_string(one) && type_is_string(other)) ||
            (is_moment(one) && is_moment(other)));
}

/* No sum of numerics is too large, and a sum with an integer is one of numerics. */
static bool adds_numerics(const struct safety *safety, const A_Expr *expression)
{
    uint32_t left = type_of(safety, expression->lexpr), right = type_of(safety, expression->rexpr);
    return (left == TYPE_numeric && (right == TYPE_numeric || type_is_integer(right))) || (right == TYPE_numeric && type_is_integer(left));
}

/* By 2 or more: what is left is smaller. */
static bool divides_by_number(const struct safety *safety, const A_Expr *expression)
{
    const A_Const *divisor = (const A_Const *) expression->rexpr;
    uint32_t type = type_of(safety, expression->lexpr);
    return IsA(divisor, A_Const) && !divisor->isnull && IsA(&divisor->val, Integer) && divisor->val.ival.ival > 1 &&
           (type_is_integer(type) || type == TYPE_numeric);
}

static bool is_clock(const Node *node)
{
    static const char *const clocks[] = {"now", "transaction_timestamp", "statement_timestamp", NULL};
    if (node && IsA(node, FuncCall))
        return is_one_of(parse_name(((const FuncCall *) node)->funcname), clocks) && !((const FuncCall *) node)->args;
    return node && IsA(node, SQLValueFunction) && ((const SQLValueFunction *) node)->op <= SVFOP_LOCALTIMESTAMP_N;
}

/* now() - interval '…' */
static bool is_moment_nearby(const A_Expr *expression)
{
    return is_clock(expression->lexpr) && is_interval(expression->rexpr);
}

static bool is_safe_operation(const struct safety *safety, const A_Expr *expression)
{
    static const char *const comparisons[] = {"=", "<>", "<", ">", "<=", ">=", NULL}, *const sums[] = {"+", "-", "*", NULL},
                            *const signs[] = {"+", "-", NULL}, *const quotients[] = {"/", "%", NULL};
    const char *name = parse_name(expression->name);
    if (list_length(expression->name) != 1 || !expression->rexpr)
        return false;
    if (!expression->lexpr)
        return is_one_of(name, signs) && (IsA(expression->rexpr, A_Const) || type_of(safety, expression->rexpr) == TYPE_numeric) &&
               is_safe(safety, expression->rexpr);
    if (is_one_of(name, signs) && is_moment_nearby(expression))
        return true;
    if (!is_safe(safety, expression->lexpr) || !is_safe(safety, expression->rexpr))
        return false;
    return (is_one_of(name, comparisons) && compare(safety, expression->lexpr, expression->rexpr)) ||
           (is_one_of(name, sums) && adds_numerics(safety, expression)) ||
           (is_one_of(name, quotients) && divides_by_number(safety, expression));
}

/* A pattern that does not end within an escape. */
static bool is_pattern(const Node *node)
{
    return IsA(node, A_Const) && !((const A_Const *) node)->isnull && IsA(&((const A_Const *) node)->val, String) &&
           !strchr(strVal(&((const A_Const *) node)->val), '\\');
}

static bool compares_with_values(const struct safety *safety, const A_Expr *expression)
{
    const List *values = IsA(expression->rexpr, List) ? (const List *) expression->rexpr : NIL;
    ListCell *cell;
    foreach (cell, values)
        if (!is_value(lfirst(cell)) || !compare(safety, expression->lexpr, lfirst(cell)))
            return false;
    return values && is_safe(safety, expression->lexpr);
}

static bool is_safe_expression(const struct safety *safety, const A_Expr *expression)
{
    switch (expression->kind) {
    case AEXPR_OP:
        return is_safe_operation(safety, expression);
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT:
    case AEXPR_NULLIF:
        return is_safe(safety, expression->lexpr) && is_safe(safety, expression->rexpr) &&
               compare(safety, expression->lexpr, expression->rexpr);
    case AEXPR_IN:
    case AEXPR_BETWEEN:
    case AEXPR_NOT_BETWEEN:
        return compares_with_values(safety, expression);
    case AEXPR_LIKE:
    case AEXPR_ILIKE:
        return is_safe(safety, expression->lexpr) && type_is_string(type_of(safety, expression->lexpr)) &&
               order_of(safety, expression->lexpr) && is_pattern(expression->rexpr); /* not of a collation that is not deterministic */
    default:
        return false;
    }
}

/* ---- functions, casts ---- */

/* Fields that every date and every timestamp has. */
static bool is_field(const Node *node)
{
    static const char *const fields[] = {"year", "month", "day", "quarter", "week", "dow", "isodow", "doy", "isoyear", NULL};
    return IsA(node, A_Const) && !((const A_Const *) node)->isnull && IsA(&((const A_Const *) node)->val, String) &&
           is_one_of(strVal(&((const A_Const *) node)->val), fields);
}

static bool is_unit(const Node *node)
{
    static const char *const units[] = {"year", "quarter", "month", "week", "day", "hour", "minute", "second", NULL};
    return IsA(node, A_Const) && !((const A_Const *) node)->isnull && IsA(&((const A_Const *) node)->val, String) &&
           is_one_of(strVal(&((const A_Const *) node)->val), units);
}

static bool is_safe_call(const struct safety *safety, const FuncCall *call)
{
    static const char *const fields[] = {"extract", "date_part", NULL}, *const texts[] = {"lower", "upper", "length", "btrim", "ltrim", "rtrim", NULL},
                            *const numerics[] = {"abs", "floor", "ceil", "ceiling", "round", "trunc", "sign", NULL};
    struct function_facts facts = function_facts(safety->analysis->planning, call);
    int count = list_length(call->args);
    if (facts.users || call->agg_star || call->agg_filter || call->agg_order || call->agg_distinct || call->over || call->func_variadic)
        return false;
    if (is_clock((const Node *) call))
        return true;
    if (count < 1 || count > 2 || !are_safe(safety, call->args))
        return false;
    Node *first = linitial(call->args), *last = llast(call->args);
    if (count == 1)
        return (is_one_of(facts.name, texts) && type_is_text(type_of(safety, first))) ||
               (is_one_of(facts.name, numerics) && type_of(safety, first) == TYPE_numeric);
    return (is_one_of(facts.name, fields) && is_field(first) && is_moment(type_of(safety, last))) ||
           (!strcmp(facts.name, "date_trunc") && is_unit(first) && is_moment(type_of(safety, last)));
}

static bool is_safe_cast(const struct safety *safety, const TypeCast *cast)
{
    bool array;
    uint32_t to = analysis_type(cast->typeName, &array), from = type_of(safety, (Node *) cast->arg);
    if (is_value((const Node *) cast))
        return true;
    if (!to || array || cast->typeName->typmods || !is_safe(safety, (Node *) cast->arg))
        return false;
    return from == to || (to == TYPE_numeric && type_is_integer(from)) || (to == TYPE_int8 && type_is_integer(from)) ||
           (to == TYPE_date && is_moment(from)) || (to == TYPE_text && type_is_scalar(from));
}

/* What CASE or COALESCE chooses becomes one of the type. */
static bool is_safe_choice(const struct safety *safety, uint32_t type, Node *chosen)
{
    uint32_t own = type_of(safety, chosen);
    bool value = is_value(chosen) && !IsA(chosen, TypeCast);
    return is_safe(safety, chosen) && type && (!type_is_string(type) || value || order_of(safety, chosen)) && (value || own == type || (type_is_text(own) && type_is_text(type)) || are_exact(own, type));
}

static bool is_safe_case(const struct safety *safety, CaseExpr *choice)
{
    uint32_t type = type_of(safety, (Node *) choice);
    ListCell *cell;
    foreach (cell, choice->args) {
        const CaseWhen *when = lfirst_node(CaseWhen, cell);
        bool compared = !choice->arg || compare(safety, (Node *) choice->arg, (Node *) when->expr);
        if (!compared || !is_safe(safety, (Node *) when->expr) || !is_safe_choice(safety, type, (Node *) when->result))
            return false;
    }
    return (!choice->arg || is_safe(safety, (Node *) choice->arg)) &&
           (!choice->defresult || is_safe_choice(safety, type, (Node *) choice->defresult));
}

static bool is_safe_coalesce(const struct safety *safety, CoalesceExpr *choice)
{
    uint32_t type = type_of(safety, (Node *) choice);
    ListCell *cell;
    foreach (cell, choice->args)
        if (!is_safe_choice(safety, type, lfirst(cell)))
            return false;
    return true;
}

static bool is_safe(const struct safety *safety, Node *node)
{
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_ColumnRef:
        return scope_finds(safety->query->scope, castNode(ColumnRef, node));
    case T_A_Const:
    case T_ParamRef:
        return true;
    case T_SQLValueFunction:
        return is_clock(node);
    case T_BoolExpr:
        return are_safe(safety, castNode(BoolExpr, node)->args);
    case T_NullTest:
        return is_safe(safety, (Node *) castNode(NullTest, node)->arg);
    case T_BooleanTest:
        return is_safe(safety, (Node *) castNode(BooleanTest, node)->arg);
    case T_CoalesceExpr:
        return is_safe_coalesce(safety, castNode(CoalesceExpr, node));
    case T_CaseExpr:
        return is_safe_case(safety, castNode(CaseExpr, node));
    case T_A_Expr:
        return is_safe_expression(safety, castNode(A_Expr, node));
    case T_FuncCall:
        return is_safe_call(safety, castNode(FuncCall, node));
    case T_TypeCast:
        return is_safe_cast(safety, castNode(TypeCast, node));
    default:
        return false;
    }
}

bool expression_cannot_fail(struct analysis *analysis, const struct query *query, Node *expression)
{
    const struct safety safety = {analysis, query};
    return is_safe(&safety, expression);
}
