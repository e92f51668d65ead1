/*
 * Types: what an expression's type is, where simple rules tell it.
 *
 * Merging needs the type of what it sorts by before any row comes.  Columns have one in the catalog; casts
 * name it; a few functions and the arithmetic of integers follow.  Anything else is unknown, which never does
 * harm.
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/sql_types.h"

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
    Node *argument = list_length(call->args) == 1 ? linitial(call->args) : NULL;
    if (!argument)
        return 0;
    if (is_builtin(call, "length") || is_builtin(call, "char_length"))
        return TYPE_int4;
    uint32_t type = analysis_infer(analysis, query, argument, order);
    if (is_builtin(call, "sum"))
        return type_of_sum(type);
    if (is_builtin(call, "avg"))
        return type_is_integer(type) ? TYPE_numeric : 0;
    if (is_builtin(call, "min") || is_builtin(call, "max"))
        return type_of_extreme(type);
    return is_builtin(call, "abs") && type_is_integer(type) ? type : 0;
}

static uint32_t type_of_operator(struct analysis *analysis, const struct query *query,
                                 const A_Expr *expression)
{
    const struct text_order *order;
    if (expression->kind != AEXPR_OP || !expression->lexpr || list_length(expression->name) != 1)
        return 0;
    const char *name = parse_name(expression->name);
    if (strlen(name) != 1 || !strchr("+-*/%", *name))
        return 0;
    return wider_integer(analysis_infer(analysis, query, expression->lexpr, &order),
                         analysis_infer(analysis, query, expression->rexpr, &order));
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
        return IsA(&castNode(A_Const, expression)->val, Integer) && !castNode(A_Const, expression)->isnull
                   ? TYPE_int4
                   : 0;
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
