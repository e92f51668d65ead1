/*
 * Types: what an expression's type is, where simple rules tell it.
 *
 * Merging needs the type of what it sorts by before any row comes, and sums are exact by the type of what they add.  Columns have
 * one in the catalog; casts name it; functions and operators are chosen by the types of their arguments (results.h).  Anything
 * else is unknown, which never does harm.
 */
#include "router/analyze_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "router/results.h"
#include "router/sql_types.h"

enum { POINT = 600 /* pg_type.dat */ };

static uint32_t infer(struct analysis *analysis, const struct query *query, Node *expression, const struct text_order **order);

static bool is_exact(uint32_t type)
{
    return type_is_integer(type) || type == TYPE_numeric;
}

static uint32_t type_of_element(uint32_t array)
{
#define TYPE_ROW(name, oid, array) {oid, array},
    static const struct {
        uint32_t oid, array;
    } types[] = {SQL_TYPES(TYPE_ROW)};
#undef TYPE_ROW
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].array == array)
            return types[i].oid;
    return 0;
}

static uint32_t type_of_array(uint32_t element)
{
#define TYPE_ROW(name, oid, array)                                                                                     \
    if (element == (oid))                                                                                              \
        return (array);
    SQL_TYPES(TYPE_ROW)
#undef TYPE_ROW
    return 0;
}

/* A cast's type without regard to its modifiers: they change values, not the type.  That of a text is told only where its order
 * is, too. */
static uint32_t type_of_cast(const struct analysis *analysis, const TypeName *name)
{
    TypeName plain = *name;
    bool array;
    plain.typmods = NIL;
    uint32_t type = analysis_type(&plain, &array);
    if (!type && !array)
        type = result_of_cast(analysis->planning, &plain);
    if (array)
        return type_of_array(type);
    return type == TYPE_name ? 0 : type;
}

static uint32_t type_of_sum(uint32_t type)
{
    if (type == TYPE_int2 || type == TYPE_int4)
        return TYPE_int8;
    return type == TYPE_int8 || type == TYPE_numeric ? TYPE_numeric : 0;
}

/* "char" and name have none of their own: they become texts, "char" in another order than its own. */
static uint32_t type_of_extreme(uint32_t type)
{
    if (type == TYPE_varchar || type == TYPE_name)
        return TYPE_text;
    return type == TYPE_char ? 0 : type;
}

/* What a range, or several of them, are ranges of (pg_range.dat). */
static uint32_t type_of_bound(uint32_t range)
{
    static const struct {
        uint32_t range, multirange, of;
    } types[] = {{3904, 4451, TYPE_int4}, {3926, 4536, TYPE_int8},        {3906, 4532, TYPE_numeric},
                 {3912, 4535, TYPE_date}, {3908, 4533, TYPE_timestamp}, {3910, 4534, TYPE_timestamptz}};
    for (size_t i = 0; range && i < sizeof types / sizeof *types; i++)
        if (types[i].range == range || types[i].multirange == range)
            return types[i].of;
    return 0;
}

/* As Parse has declared it; 0: it was not. */
static uint32_t declared_type(const struct analysis *analysis, const ParamRef *parameter)
{
    const struct planning *planning = analysis->planning;
    bool declared = parameter->number > 0 && parameter->number <= planning->type_count;
    uint32_t type = declared ? planning->types[parameter->number - 1] : 0;
    return type == TYPE_unknown ? 0 : type;
}

/* The database's own types have other OIDs on other shards. */
static uint32_t type_of_parameter(const struct analysis *analysis, const ParamRef *parameter)
{
    uint32_t type = declared_type(analysis, parameter);
    return type < FIRST_USER_TYPE ? type : 0;
}

bool analysis_is_untyped(const struct analysis *analysis, const Node *expression)
{
    if (IsA(expression, A_Const))
        return !((const A_Const *) expression)->isnull && IsA(&((const A_Const *) expression)->val, String);
    const ParamRef *parameter = (const ParamRef *) expression;
    return IsA(expression, ParamRef) && !declared_type(analysis, parameter) && parameter->number > 0 &&
           parameter->number <= analysis->parameter_count && analysis->parameter_uses[parameter->number - 1] == 1;
}

/* What an argument is for the choice of a function. */
static uint32_t type_of_argument(struct analysis *analysis, const struct query *query, Node *argument)
{
    const struct text_order *order;
    bool untyped = (IsA(argument, A_Const) && castNode(A_Const, argument)->isnull) || analysis_is_untyped(analysis, argument);
    return untyped ? TYPE_unknown : infer(analysis, query, argument, &order);
}

static bool is_builtin(const FuncCall *call, const char *name)
{
    const char *qualifier = parse_qualifier(call->funcname);
    return !strcmp(parse_name(call->funcname), name) && (!qualifier || !strcmp(qualifier, "pg_catalog"));
}

static uint32_t type_by_catalog(struct analysis *analysis, const struct query *query, const FuncCall *call)
{
    uint32_t arguments[8];
    int count = 0;
    ListCell *cell;
    if (call->agg_within_group || call->func_variadic || list_length(call->args) > 8)
        return 0;
    foreach (cell, call->args) {
        if (IsA(lfirst(cell), NamedArgExpr))
            return result_of_function(analysis->planning, call->funcname, arguments, RESULT_ANY_COUNT);
        arguments[count++] = type_of_argument(analysis, query, lfirst(cell));
    }
    return result_of_function(analysis->planning, call->funcname, arguments, count);
}

/* row.name, where the row has no such column: what function name() makes of it.  Of a text that is made of no text the collation is
 * the database's. */
static uint32_t type_of_row_function(struct analysis *analysis, const struct query *query, const ColumnRef *reference,
                                     const struct text_order **order)
{
    bool opaque;
    const uint32_t row = 0;
    if (!query->scope || !scope_lacks_column(query->scope, reference, &opaque) || opaque)
        return 0;
    uint32_t type = result_of_function(analysis->planning, list_make1(llast(reference->fields)), &row, 1);
    const struct catalog_collation *own = catalog_default_collation(analysis->planning->routing->catalog);
    if (type_is_text(type) && own)
        *order = own->order;
    return type;
}

/* These give one of the values that they get. */
static bool is_choosing_by_place(const FuncCall *call)
{
    static const char *const names[] = {"lag", "lead", "first_value", "last_value", "nth_value"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_builtin(call, names[i]))
            return call->over && list_length(call->args) < 3;
    return false;
}

/* mode() and percentile_disc() give one of the values that they are given in order; percentile_cont() one in between. */
static uint32_t type_in_group(struct analysis *analysis, const struct query *query, const FuncCall *call)
{
    const struct text_order *order;
    bool continuous = is_builtin(call, "percentile_cont");
    if (list_length(call->agg_order) != 1 || (!continuous && !is_builtin(call, "mode") && !is_builtin(call, "percentile_disc")) ||
        (call->args && !type_is_number(type_of_argument(analysis, query, linitial(call->args)))))
        return 0;
    uint32_t type = infer(analysis, query, linitial_node(SortBy, call->agg_order)->node, &order);
    return continuous && type_is_number(type) ? TYPE_float8 : type;
}

static uint32_t type_of_call(struct analysis *analysis, const struct query *query, const FuncCall *call,
                             const struct text_order **order)
{
    struct function_facts facts = function_facts(analysis->planning, call);
    const struct text_order *ignored;
    if (facts.class == FUNCTION_UNKNOWN)
        return 0;
    if (facts.shadowed)
        return type_by_catalog(analysis, query, call);
    Node *argument = call->args ? linitial(call->args) : NULL;
    if (argument && list_length(call->args) == 1 && (is_builtin(call, "min") || is_builtin(call, "max")))
        return type_of_extreme(infer(analysis, query, argument, order));
    if (is_choosing_by_place(call) && argument)
        return infer(analysis, query, argument, &ignored);
    if (is_builtin(call, "unnest") && list_length(call->args) == 1)
        return type_of_element(infer(analysis, query, argument, &ignored));
    if (is_builtin(call, "array_agg") && list_length(call->args) == 1)
        return type_of_array(infer(analysis, query, argument, &ignored));
    if (call->agg_within_group)
        return type_in_group(analysis, query, call);
    uint32_t type = 0;
    if ((is_builtin(call, "lower") || is_builtin(call, "upper")) && list_length(call->args) == 1)
        type = type_of_bound(infer(analysis, query, argument, &ignored));
    if (is_builtin(call, "sum") && list_length(call->args) == 1)
        type = type_of_sum(infer(analysis, query, argument, &ignored));
    return type ? type : type_by_catalog(analysis, query, call);
}

/* select_common_type() in parse_coerce.c: of numbers, that which the others are converted to without being asked. */
uint32_t common_type(uint32_t left, uint32_t right)
{
    static const uint32_t widening[] = {TYPE_int2, TYPE_int4, TYPE_int8, TYPE_numeric, TYPE_float4, TYPE_float8};
    uint32_t common = 0;
    int found = 0;
    for (size_t i = 0; i < sizeof widening / sizeof *widening; i++) {
        found += (widening[i] == left) + (widening[i] == right);
        if (widening[i] == left || widening[i] == right)
            common = widening[i];
    }
    return found == 2 ? common : left == right ? left : 0;
}

/* CASE and COALESCE, whose NULLs, quoted literals and parameters without a type are of any; texts, if there is nothing else. */
uint32_t type_of_choice(struct analysis *analysis, const struct query *query, const List *choices)
{
    uint32_t type = 0;
    ListCell *cell;
    foreach (cell, choices) {
        uint32_t other = lfirst(cell) ? type_of_argument(analysis, query, lfirst(cell)) : TYPE_unknown;
        if (other == TYPE_unknown)
            continue; /* it takes the others' type */
        type = type ? common_type(type, other) : other;
        if (!type)
            return 0;
    }
    return type ? type : TYPE_text;
}

static uint32_t type_of_case(struct analysis *analysis, const struct query *query, const CaseExpr *expression)
{
    List *results = list_make1(expression->defresult);
    ListCell *cell;
    foreach (cell, expression->args)
        results = lappend(results, lfirst_node(CaseWhen, cell)->result);
    return type_of_choice(analysis, query, results);
}

/* The subquery has been read by the time that this is asked for, or it is not known. */
static uint32_t type_of_sublink(const struct analysis *analysis, const SubLink *link)
{
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if ((const Node *) query->select == link->subselect &&
            query->output_count == 1 && query->outputs[0].slot >= 0)
            return analysis->slots[query->outputs[0].slot].type;
    }
    return 0;
}

/* As make_const() in parse_node.c has it.  A large whole number is of the same kind of literal as one with a fraction, but not of
 * the same type: the plan does not serve both. */
static uint32_t type_of_constant(struct analysis *analysis, const A_Const *constant)
{
    if (constant->isnull)
        return 0;
    if (IsA(&constant->val, Boolean))
        return TYPE_bool;
    if (IsA(&constant->val, Integer))
        return TYPE_int4;
    if (!IsA(&constant->val, Float))
        return 0;
    const char *text = castNode(Float, &constant->val)->fval;
    char *end;
    errno = 0;
    strtoll(text, &end, 10);
    if (*end || errno)
        return TYPE_numeric;
    if (!analysis->view_depth)
        plan_pin_location(analysis->plan, analysis->planning, constant->location);
    return TYPE_int8;
}

/* The arithmetic of integers and numerics, without a look at the catalog. */
static uint32_t type_of_arithmetic(struct analysis *analysis, const A_Expr *expression, uint32_t left, uint32_t right)
{
    const char *name = parse_name(expression->name);
    if (strlen(name) != 1 || !strchr("+-*/%", *name) ||
        function_facts_of_name(analysis->planning, expression->name).users)
        return 0;
    if (!expression->lexpr)
        return is_exact(right) && strchr("+-", *name) ? right : 0;
    return is_exact(left) && is_exact(right) ? common_type(left, right) : 0;
}

/* The first one's, which takes that of the number beside it if it has none. */
static uint32_t type_of_nullif(struct analysis *analysis, const struct query *query, const A_Expr *expression)
{
    const struct text_order *order;
    bool untyped = analysis_is_untyped(analysis, expression->lexpr);
    uint32_t type = infer(analysis, query, untyped ? expression->rexpr : expression->lexpr, &order);
    return !untyped || type_is_number(type) ? type : 0;
}

static uint32_t type_of_operator(struct analysis *analysis, const struct query *query,
                                 const A_Expr *expression)
{
    switch (expression->kind) {
    case AEXPR_NULLIF:
        return type_of_nullif(analysis, query, expression);
    case AEXPR_OP:
        break;
    case AEXPR_OP_ANY:
    case AEXPR_OP_ALL:
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT:
    case AEXPR_IN:
    case AEXPR_LIKE:
    case AEXPR_ILIKE:
    case AEXPR_SIMILAR:
    case AEXPR_BETWEEN:
    case AEXPR_NOT_BETWEEN:
    case AEXPR_BETWEEN_SYM:
    case AEXPR_NOT_BETWEEN_SYM:
        return TYPE_bool;
    }
    uint32_t right = type_of_argument(analysis, query, expression->rexpr);
    uint32_t left = expression->lexpr ? type_of_argument(analysis, query, expression->lexpr) : RESULT_NO_ARGUMENT;
    uint32_t type = type_of_arithmetic(analysis, expression, left, right);
    return type ? type : result_of_operator(analysis->planning, expression->name, left, right);
}

static uint32_t type_of_value_function(const SQLValueFunction *function)
{
    switch (function->op) {
    case SVFOP_CURRENT_DATE:
        return TYPE_date;
    case SVFOP_CURRENT_TIME:
    case SVFOP_CURRENT_TIME_N:
        return TYPE_timetz;
    case SVFOP_CURRENT_TIMESTAMP:
    case SVFOP_CURRENT_TIMESTAMP_N:
        return TYPE_timestamptz;
    case SVFOP_LOCALTIME:
    case SVFOP_LOCALTIME_N:
        return TYPE_time;
    case SVFOP_LOCALTIMESTAMP:
    case SVFOP_LOCALTIMESTAMP_N:
        return TYPE_timestamp;
    case SVFOP_CURRENT_ROLE:
    case SVFOP_CURRENT_USER:
    case SVFOP_USER:
    case SVFOP_SESSION_USER:
    case SVFOP_CURRENT_CATALOG:
    case SVFOP_CURRENT_SCHEMA:
        break;
    }
    return 0;
}

/* array[i], as often as the array has dimensions, is an element; array[i:j] is an array. */
static uint32_t type_of_indirection(struct analysis *analysis, const struct query *query, const A_Indirection *indirection)
{
    const struct text_order *order;
    ListCell *cell;
    foreach (cell, indirection->indirection)
        if (!IsA(lfirst(cell), A_Indices) || lfirst_node(A_Indices, cell)->is_slice)
            return 0;
    uint32_t type = infer(analysis, query, indirection->arg, &order);
    return type == POINT ? TYPE_float8 : type_of_element(type);
}

static uint32_t type_of_link(const struct analysis *analysis, const SubLink *link)
{
    switch (link->subLinkType) {
    case EXPR_SUBLINK:
        return type_of_sublink(analysis, link);
    case EXISTS_SUBLINK:
    case ANY_SUBLINK:
    case ALL_SUBLINK:
    case ROWCOMPARE_SUBLINK:
        return TYPE_bool;
    case MULTIEXPR_SUBLINK:
    case ARRAY_SUBLINK:
    case CTE_SUBLINK:
        break;
    }
    return 0;
}

/* The first of that name in PostgreSQL's own schema and those of search_path, wherever that stands in it. */
static const struct catalog_collation *find_collation(const struct analysis *analysis, List *name)
{
    const struct catalog *catalog = analysis->planning->routing->catalog;
    const char *schema = parse_qualifier(name);
    const struct catalog_collation *found = NULL;
    char next[NAMEDATALEN];
    if (schema || analysis->view_depth) /* a view's definition names the schema, unless it is that one */
        return catalog_collation(catalog, schema ? schema : "pg_catalog", parse_name(name));
    struct resolve_path path = resolve_path(analysis->planning);
    bool names_own = false;
    while (resolve_path_next(&path, next)) {
        names_own |= !strcmp(next, "pg_catalog");
        found = found ? found : catalog_collation(catalog, next, parse_name(name));
    }
    const struct catalog_collation *own = catalog_collation(catalog, "pg_catalog", parse_name(name));
    return !names_own && own ? own : found;
}

static uint32_t type_of_collation(struct analysis *analysis, const struct query *query,
                                  const CollateClause *clause, const struct text_order **order)
{
    uint32_t type = infer(analysis, query, clause->arg, order);
    const struct catalog_collation *collation = find_collation(analysis, clause->collname);
    *order = collation ? collation->order : NULL;
    return type;
}

/* As analysis_infer(), but the order of texts is told only where a column or COLLATE says it alone. */
static uint32_t infer(struct analysis *analysis, const struct query *query, Node *expression, const struct text_order **order)
{
    *order = NULL;
    if (!expression)
        return 0;
    int slot = analysis_slot(analysis, query, expression);
    if (slot >= 0 && IsA(expression, ColumnRef)) {
        *order = analysis->slots[slot].order;
        return analysis->slots[slot].type;
    }
    switch (nodeTag(expression)) {
    case T_ColumnRef:
        return type_of_row_function(analysis, query, castNode(ColumnRef, expression), order);
    case T_A_Const:
        return type_of_constant(analysis, castNode(A_Const, expression));
    case T_ParamRef:
        return type_of_parameter(analysis, castNode(ParamRef, expression));
    case T_CaseExpr:
        return type_of_case(analysis, query, castNode(CaseExpr, expression));
    case T_MinMaxExpr:
        return type_of_choice(analysis, query, castNode(MinMaxExpr, expression)->args);
    case T_SubLink:
        return type_of_link(analysis, castNode(SubLink, expression));
    case T_CoalesceExpr:
        return type_of_choice(analysis, query, castNode(CoalesceExpr, expression)->args);
    case T_TypeCast:
        return type_of_cast(analysis, castNode(TypeCast, expression)->typeName);
    case T_FuncCall:
        return type_of_call(analysis, query, castNode(FuncCall, expression), order);
    case T_A_Expr:
        return type_of_operator(analysis, query, castNode(A_Expr, expression));
    case T_CollateClause:
        return type_of_collation(analysis, query, castNode(CollateClause, expression), order);
    case T_SQLValueFunction:
        return type_of_value_function(castNode(SQLValueFunction, expression));
    case T_A_ArrayExpr:
        return type_of_array(type_of_choice(analysis, query, castNode(A_ArrayExpr, expression)->elements));
    case T_A_Indirection:
        return type_of_indirection(analysis, query, castNode(A_Indirection, expression));
    case T_GroupingFunc:
        return TYPE_int4;
    case T_BoolExpr:
    case T_NullTest:
    case T_BooleanTest:
        return TYPE_bool;
    default:
        return 0;
    }
}

uint32_t type_of_expression(struct analysis *analysis, const struct query *query, Node *expression)
{
    const struct text_order *ignored;
    return infer(analysis, query, expression, &ignored);
}

uint32_t analysis_infer(struct analysis *analysis, const struct query *query, Node *expression, const struct text_order **order)
{
    uint32_t type = infer(analysis, query, expression, order);
    if (type_is_string(type) && type != TYPE_name && !*order && !IsA(expression, ColumnRef) && !IsA(expression, CollateClause))
        *order = order_of_text(analysis, query, expression);
    return type;
}
