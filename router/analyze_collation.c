/*
 * The collation of an expression, after parse_collate.c.
 *
 * A column brings its own, and so does COLLATE, a type with a collation that is not the default one (name), or an array or row of any of them;
 * what brings none has the default one.  Where the default one stands alone it is the expression's, whatever it is made of.  So it is enough to know
 * that nothing in an expression brings another one, even where it would not count (in length(name)).
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/sql_types.h"

enum { TYPE_json = 114, TYPE_jsonb = 3802 /* pg_type.dat */ };

struct collating {
    struct analysis *analysis;
    const struct query *query;
    const struct text_order *order; /* that of the default collation */
};

/* A type of which values have no collation, or the default one unless they are a column's. */
static bool is_plain(uint32_t type)
{
    return (type_is_usual(type) && type != TYPE_name) || type == TYPE_interval || type == TYPE_json || type == TYPE_jsonb;
}

static bool column_differs(const struct collating *collating, Node *column)
{
    int slot = analysis_slot(collating->analysis, collating->query, column);
    const struct slot *known = slot >= 0 ? &collating->analysis->slots[slot] : NULL;
    return !known || !is_plain(known->type) || (type_is_string(known->type) && known->order != collating->order);
}

/* What a user's function gives may be of a domain that has a collation. */
static bool call_differs(const struct collating *collating, FuncCall *call)
{
    const char *qualifier = parse_qualifier(call->funcname);
    struct function_facts facts = function_facts(collating->analysis->planning, call);
    return (qualifier && strcmp(qualifier, "pg_catalog")) || facts.shadowed || facts.class == FUNCTION_UNKNOWN || call->over ||
           !is_plain(type_of_expression(collating->analysis, collating->query, (Node *) call));
}

static bool cast_differs(const TypeName *name)
{
    TypeName plain = *name;
    bool array;
    plain.typmods = NIL;
    return !is_plain(analysis_type(&plain, &array)) || array;
}

/* One that is not declared takes the type of what it stands beside. */
static bool parameter_differs(const struct collating *collating, Node *parameter)
{
    uint32_t type = type_of_expression(collating->analysis, collating->query, parameter);
    return type && type != TYPE_unknown && !is_plain(type);
}

/* Does anything in the expression bring another collation than the default one, as far as is known? */
static bool differs(Node *node, void *context)
{
    const struct collating *collating = context;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_ColumnRef:
        return column_differs(collating, node);
    case T_FuncCall:
        if (call_differs(collating, castNode(FuncCall, node)))
            return true;
        break;
    case T_TypeCast:
        return cast_differs(castNode(TypeCast, node)->typeName) || differs(castNode(TypeCast, node)->arg, context);
    case T_A_Expr:
        if (!is_plain(type_of_expression(collating->analysis, collating->query, node)))
            return true;
        break;
    case T_ParamRef:
        return parameter_differs(collating, node);
    case T_List:
    case T_A_Const:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_BoolExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_SortBy:
        break;
    default:
        return true;
    }
    return parse_walk(node, differs, context);
}

const struct text_order *order_of_text(struct analysis *analysis, const struct query *query, Node *expression)
{
    const struct catalog_collation *standard = catalog_default_collation(analysis->planning->routing->catalog);
    struct collating collating = {analysis, query, standard ? standard->order : NULL};
    return collating.order && !differs(expression, &collating) ? collating.order : NULL;
}
