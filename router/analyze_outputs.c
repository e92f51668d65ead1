/*
 * Outputs: the columns that a select list shows, with the names PostgreSQL gives them (FigureColname() in
 * parse_target.c): a name that were missing here could be taken for an outer query's column.
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/sql_types.h"

/* How sure PostgreSQL is of a name: a cast's type name gives way to a better one of its argument. */
enum strength { NO_NAME, WEAK_NAME, GOOD_NAME };

static enum strength name_of(Node *node, const char **name);

static enum strength name_of_list(const List *fields, const char **name)
{
    ListCell *cell;
    enum strength strength = NO_NAME;
    foreach (cell, fields)
        if (IsA(lfirst(cell), String)) {
            *name = strVal(lfirst(cell));
            strength = GOOD_NAME;
        }
    return strength;
}

static enum strength name_of_cast(const TypeCast *cast, const char **name)
{
    enum strength strength = name_of(cast->arg, name);
    if (strength > WEAK_NAME || !cast->typeName)
        return strength;
    *name = parse_name(cast->typeName->names);
    return WEAK_NAME;
}

static enum strength name_of_case(const CaseExpr *expression, const char **name)
{
    enum strength strength = name_of((Node *) expression->defresult, name);
    if (strength > WEAK_NAME)
        return strength;
    *name = "case";
    return WEAK_NAME;
}

static enum strength name_of_sublink(const SubLink *link, const char **name)
{
    const SelectStmt *select = castNode(SelectStmt, link->subselect);
    switch (link->subLinkType) {
    case EXISTS_SUBLINK:
        *name = "exists";
        return GOOD_NAME;
    case ARRAY_SUBLINK:
        *name = "array";
        return GOOD_NAME;
    case EXPR_SUBLINK:
        while (select->op != SETOP_NONE)
            select = select->larg;
        if (!select->targetList) {
            *name = "column1";
            return select->valuesLists ? GOOD_NAME : NO_NAME;
        }
        if (linitial_node(ResTarget, select->targetList)->name) {
            *name = linitial_node(ResTarget, select->targetList)->name;
            return GOOD_NAME;
        }
        return name_of(linitial_node(ResTarget, select->targetList)->val, name);
    case MULTIEXPR_SUBLINK:
    case ALL_SUBLINK:
    case ANY_SUBLINK:
    case ROWCOMPARE_SUBLINK:
    case CTE_SUBLINK:
        break;
    }
    return NO_NAME;
}

static enum strength good(const char **name, const char *given)
{
    *name = given;
    return GOOD_NAME;
}

static const char *value_function_name(SQLValueFunctionOp op)
{
    static const char *const names[] = {
        [SVFOP_CURRENT_DATE] = "current_date",
        [SVFOP_CURRENT_TIME] = "current_time",
        [SVFOP_CURRENT_TIME_N] = "current_time",
        [SVFOP_CURRENT_TIMESTAMP] = "current_timestamp",
        [SVFOP_CURRENT_TIMESTAMP_N] = "current_timestamp",
        [SVFOP_LOCALTIME] = "localtime",
        [SVFOP_LOCALTIME_N] = "localtime",
        [SVFOP_LOCALTIMESTAMP] = "localtimestamp",
        [SVFOP_LOCALTIMESTAMP_N] = "localtimestamp",
        [SVFOP_CURRENT_ROLE] = "current_role",
        [SVFOP_CURRENT_USER] = "current_user",
        [SVFOP_USER] = "user",
        [SVFOP_SESSION_USER] = "session_user",
        [SVFOP_CURRENT_CATALOG] = "current_catalog",
        [SVFOP_CURRENT_SCHEMA] = "current_schema",
    };
    return names[op];
}

static const char *xml_name(XmlExprOp op)
{
    static const char *const names[] = {
        [IS_XMLCONCAT] = "xmlconcat", [IS_XMLELEMENT] = "xmlelement", [IS_XMLFOREST] = "xmlforest",
        [IS_XMLPARSE] = "xmlparse",   [IS_XMLPI] = "xmlpi",           [IS_XMLROOT] = "xmlroot",
    };
    return op <= IS_XMLROOT ? names[op] : "xmlserialize";
}

static enum strength name_of_indirection(const A_Indirection *indirection, const char **name)
{
    enum strength strength = name_of_list(indirection->indirection, name);
    return strength ? strength : name_of(indirection->arg, name);
}

static enum strength name_of(Node *node, const char **name)
{
    if (!node)
        return NO_NAME;
    switch (nodeTag(node)) {
    case T_ColumnRef:
        return name_of_list(castNode(ColumnRef, node)->fields, name);
    case T_A_Indirection:
        return name_of_indirection(castNode(A_Indirection, node), name);
    case T_FuncCall:
        return good(name, parse_name(castNode(FuncCall, node)->funcname));
    case T_A_Expr:
        return castNode(A_Expr, node)->kind == AEXPR_NULLIF ? good(name, "nullif") : NO_NAME;
    case T_TypeCast:
        return name_of_cast(castNode(TypeCast, node), name);
    case T_CollateClause:
        return name_of(castNode(CollateClause, node)->arg, name);
    case T_GroupingFunc:
        return good(name, "grouping");
    case T_SubLink:
        return name_of_sublink(castNode(SubLink, node), name);
    case T_CaseExpr:
        return name_of_case(castNode(CaseExpr, node), name);
    case T_A_ArrayExpr:
        return good(name, "array");
    case T_RowExpr:
        return good(name, "row");
    case T_CoalesceExpr:
        return good(name, "coalesce");
    case T_MinMaxExpr:
        return good(name, castNode(MinMaxExpr, node)->op == IS_GREATEST ? "greatest" : "least");
    case T_SQLValueFunction:
        return good(name, value_function_name(castNode(SQLValueFunction, node)->op));
    case T_XmlExpr:
        return good(name, xml_name(castNode(XmlExpr, node)->op));
    case T_XmlSerialize:
        return good(name, "xmlserialize");
    default:
        return NO_NAME;
    }
}

const char *output_name(const ResTarget *target)
{
    const char *name = target->name;
    return name || name_of(target->val, &name) ? name : "?column?";
}

struct listing {
    struct output *outputs;
    int count, room;
    bool known;
};

static void list_item(struct analysis *analysis, struct listing *listing, const struct item *item)
{
    listing->known &= !item->opaque;
    for (int i = 0; i < item->column_count; i++)
        *ARRAY_ADD(analysis, listing->outputs, listing->count, listing->room) = item->columns[i];
}

/* `*` is every column that a bare name could find; `item.*` is one item's. */
static void list_star(struct analysis *analysis, struct listing *listing, const struct query *query,
                      const List *fields)
{
    const char *name = list_length(fields) > 1 ? strVal(list_nth(fields, list_length(fields) - 2)) : NULL;
    bool found = false;
    for (int i = 0; i < query->scope->count; i++) {
        const struct item *item = query->scope->items[i];
        if (name ? !item->by_name || !item->name || strcmp(item->name, name) : !item->by_column)
            continue;
        if (name && found)
            listing->known = false; /* two of one name in different schemas */
        found = true;
        list_item(analysis, listing, item);
    }
    listing->known &= found;
}

static bool is_star(const Node *value)
{
    return IsA(value, ColumnRef) && IsA(llast(castNode(ColumnRef, value)->fields), A_Star);
}

/* A SELECT without FROM that shows a constant or a parameter (of WITH parameters AS (SELECT 7 AS id)): whatever equals the column equals that. */
static bool is_value(struct analysis *analysis, const struct query *query, Node *expression, uint32_t type, struct value *value)
{
    return !query->select->fromClause && !query->aggregates && type_is_usual(type) &&
           analysis_value(analysis, expression, type, value);
}

/* An expression of a known type has a slot, too: it can be sorted by, but is in no equality unless it is a value. */
static int slot_of_output(struct analysis *analysis, const struct query *query, Node *expression)
{
    int slot = analysis_slot(analysis, query, expression);
    struct slot made = {0};
    struct value value;
    if (slot < 0)
        made.type = analysis_infer(analysis, query, expression, &made.order);
    if (!made.type)
        return slot;
    made.comparable = is_value(analysis, query, expression, made.type, &value);
    slot = slot_new(analysis, &made);
    if (made.comparable)
        region_add_value(analysis, query->region, slot, &value);
    return slot;
}

void read_outputs(struct analysis *analysis, struct query *query)
{
    struct listing listing = {.known = true};
    ListCell *cell;
    foreach (cell, query->select->targetList) {
        const ResTarget *target = lfirst_node(ResTarget, cell);
        if (is_star(target->val)) {
            list_star(analysis, &listing, query, castNode(ColumnRef, target->val)->fields);
            continue;
        }
        if (IsA(target->val, A_Indirection) &&
            IsA(llast(castNode(A_Indirection, target->val)->indirection), A_Star))
            listing.known = false; /* (row).* */
        struct output output = {.name = output_name(target), .expression = target->val};
        output.slot = slot_of_output(analysis, query, target->val);
        *ARRAY_ADD(analysis, listing.outputs, listing.count, listing.room) = output;
    }
    query->outputs = listing.outputs;
    query->output_count = listing.count;
    query->outputs_known = listing.known;
}
