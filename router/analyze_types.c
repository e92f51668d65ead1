/*
 * Types: what an expression's type is, where simple rules tell it.
 *
 * Merging needs the type of what it sorts by before any row comes.  Columns have one in the catalog; casts
 * name it; a few functions and the arithmetic of integers follow.  Anything else is unknown, which never does
 * harm.
 */
#include "router/analyze_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "router/sql_types.h"

static bool is_exact(uint32_t type)
{
    return type_is_integer(type) || type == TYPE_numeric;
}

static uint32_t wider_integer(uint32_t left, uint32_t right)
{
    if (!type_is_integer(left) || !type_is_integer(right))
        return 0;
    if (left == TYPE_int8 || right == TYPE_int8)
        return TYPE_int8;
    return left == TYPE_int4 || right == TYPE_int4 ? TYPE_int4 : TYPE_int2;
}

/* A cast's type without regard to its modifiers: they change values, not the type. */
static uint32_t type_of_cast(const TypeName *name)
{
    TypeName plain = *name;
    bool array;
    plain.typmods = NIL;
    uint32_t type = analysis_type(&plain, &array);
    return array || type_is_text(type) || type == TYPE_bpchar || type == TYPE_name ? 0 : type;
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

static bool is_builtin(const FuncCall *call, const char *name)
{
    const char *qualifier = parse_qualifier(call->funcname);
    return !strcmp(parse_name(call->funcname), name) && (!qualifier || !strcmp(qualifier, "pg_catalog"));
}

static uint32_t type_of_call(struct analysis *analysis, const struct query *query, const FuncCall *call,
                             const struct text_order **order)
{
    struct function_facts facts = function_facts(analysis->planning, call);
    if (facts.class == FUNCTION_READER || facts.class == FUNCTION_UNKNOWN || facts.shadowed)
        return 0;
    if (is_builtin(call, "count") || is_builtin(call, "row_number") || is_builtin(call, "rank"))
        return TYPE_int8;
    if (is_builtin(call, "extract"))
        return TYPE_numeric;
    if (list_length(call->args) == 2 && (is_builtin(call, "round") || is_builtin(call, "trunc")))
        return TYPE_numeric; /* of a float there is none with digits */
    if (is_builtin(call, "array_length") || is_builtin(call, "cardinality"))
        return TYPE_int4;
    Node *argument = list_length(call->args) == 1 ? linitial(call->args) : NULL;
    if (!argument)
        return 0;
    if (is_builtin(call, "length") || is_builtin(call, "char_length"))
        return TYPE_int4;
    uint32_t type = analysis_infer(analysis, query, argument, order);
    if (is_builtin(call, "sum"))
        return type_of_sum(type);
    if (is_builtin(call, "avg"))
        return is_exact(type) ? TYPE_numeric : 0;
    if (is_builtin(call, "min") || is_builtin(call, "max"))
        return type_of_extreme(type);
    bool keeps_numeric = type == TYPE_numeric && (is_builtin(call, "round") || is_builtin(call, "trunc") ||
                                                 is_builtin(call, "floor") || is_builtin(call, "ceil"));
    return keeps_numeric || (is_builtin(call, "abs") && is_exact(type)) ? type : 0;
}

/* What integers and numerics become together. */
static uint32_t common_type(uint32_t left, uint32_t right)
{
    if (!is_exact(left) || !is_exact(right))
        return left == right ? left : 0;
    return left == TYPE_numeric || right == TYPE_numeric ? TYPE_numeric : wider_integer(left, right);
}

/* CASE and COALESCE, whose NULLs are of any type. */
static uint32_t type_of_choice(struct analysis *analysis, const struct query *query, const List *choices)
{
    uint32_t type = 0;
    const struct text_order *order;
    ListCell *cell;
    foreach (cell, choices) {
        Node *choice = lfirst(cell);
        if (!choice || (IsA(choice, A_Const) && castNode(A_Const, choice)->isnull))
            continue;
        uint32_t other = analysis_infer(analysis, query, choice, &order);
        type = type ? common_type(type, other) : other;
        if (!type || type_is_string(type))
            return 0;
    }
    return type;
}

static uint32_t type_of_case(struct analysis *analysis, const struct query *query, const CaseExpr *expression)
{
    List *results = list_make1(expression->defresult);
    ListCell *cell;
    foreach (cell, expression->args)
        results = lappend(results, lfirst_node(CaseWhen, cell)->result);
    return type_of_choice(analysis, query, results);
}

/* A scalar's: the subquery has been read by the time that this is asked for, or it is not known. */
static uint32_t type_of_sublink(const struct analysis *analysis, const SubLink *link)
{
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if (link->subLinkType == EXPR_SUBLINK && (const Node *) query->select == link->subselect &&
            query->output_count == 1 && query->outputs[0].slot >= 0)
            return analysis->slots[query->outputs[0].slot].type;
    }
    return 0;
}

/* As make_const() in parse_node.c has it. */
static uint32_t type_of_constant(const A_Const *constant)
{
    if (constant->isnull)
        return 0;
    if (IsA(&constant->val, Integer))
        return TYPE_int4;
    if (!IsA(&constant->val, Float))
        return 0;
    const char *text = castNode(Float, &constant->val)->fval;
    char *end;
    errno = 0;
    strtoll(text, &end, 10);
    return *end || errno ? TYPE_numeric : TYPE_int8;
}

/* The difference of two dates is a number of days. */
static bool is_difference_of_dates(const char *name, uint32_t left, uint32_t right)
{
    return *name == '-' && left == TYPE_date && right == TYPE_date;
}

static uint32_t type_of_operator(struct analysis *analysis, const struct query *query,
                                 const A_Expr *expression)
{
    const struct text_order *order;
    if (expression->kind == AEXPR_NULLIF)
        return analysis_infer(analysis, query, expression->lexpr, &order);
    if (expression->kind != AEXPR_OP || list_length(expression->name) != 1)
        return 0;
    const char *name = parse_name(expression->name);
    if (strlen(name) != 1 || !strchr("+-*/%", *name) ||
        function_facts_of_name(analysis->planning, expression->name).users)
        return 0;
    uint32_t right = analysis_infer(analysis, query, expression->rexpr, &order);
    uint32_t left = expression->lexpr ? analysis_infer(analysis, query, expression->lexpr, &order) : right;
    if (expression->lexpr && is_difference_of_dates(name, left, right))
        return TYPE_int4;
    if (!is_exact(right) || (!expression->lexpr && !strchr("+-", *name)))
        return 0;
    return is_exact(left) ? common_type(left, right) : 0;
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
    uint32_t type = analysis_infer(analysis, query, clause->arg, order);
    const struct catalog_collation *collation = find_collation(analysis, clause->collname);
    *order = collation ? collation->order : NULL;
    return type;
}

uint32_t analysis_infer(struct analysis *analysis, const struct query *query, Node *expression,
                        const struct text_order **order)
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
    case T_A_Const:
        return type_of_constant(castNode(A_Const, expression));
    case T_CaseExpr:
        return type_of_case(analysis, query, castNode(CaseExpr, expression));
    case T_MinMaxExpr:
        return type_of_choice(analysis, query, castNode(MinMaxExpr, expression)->args);
    case T_SubLink:
        return type_of_sublink(analysis, castNode(SubLink, expression));
    case T_CoalesceExpr:
        return type_of_choice(analysis, query, castNode(CoalesceExpr, expression)->args);
    case T_TypeCast:
        return type_of_cast(castNode(TypeCast, expression)->typeName);
    case T_FuncCall:
        return type_of_call(analysis, query, castNode(FuncCall, expression), order);
    case T_A_Expr:
        return type_of_operator(analysis, query, castNode(A_Expr, expression));
    case T_CollateClause:
        return type_of_collation(analysis, query, castNode(CollateClause, expression), order);
    case T_NullTest:
    case T_BooleanTest:
        return TYPE_bool;
    default:
        return 0;
    }
}
