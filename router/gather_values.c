/*
 * t becomes ROW(t.*)::schema.t.  Of a row that an outer join may leave out it asks for that first: such a row IS NULL, and no other is, if the table
 * has a column that is never NULL.  What takes any row (IS NULL, (t).column, comparisons, count(), what makes JSON or a text of it) keeps it as it is.
 */
#include "router/gather_values.h"

#include <string.h>

#include "router/expressions.h"
#include "router/gather_names.h"

struct typing {
    struct gathering *gathering;
    const SelectStmt *select;
    const struct query *query; /* the select's */
};

static bool joins_outside(Node *node, void *context)
{
    (void) context;
    return node && ((IsA(node, JoinExpr) && castNode(JoinExpr, node)->jointype != JOIN_INNER) || parse_walk(node, joins_outside, context));
}

static bool has_certain_column(const struct catalog_relation *table)
{
    for (int i = 0; i < table->column_count; i++)
        if (table->columns[i].not_null)
            return true;
    return false;
}

static bool is_gathered(const struct gathering *gathering, const struct catalog_relation *table)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].relation.relation == table && gathering->owners[i] >= 0)
            return true;
    return false;
}

/* The table or view whose row the reference is; NULL: it is something else, or a row that keeps its type. */
static const struct catalog_relation *table_of_row(const struct typing *typing, const Node *node)
{
    const struct item *item;
    if (!typing->query || !typing->query->scope || !IsA(node, ColumnRef) ||
        !gather_may_be_row(typing->gathering->analysis, (const ColumnRef *) node))
        return NULL;
    const struct catalog_relation *table = scope_row(typing->query->scope, (const ColumnRef *) node, &item);
    if (!table && item && !item->opaque)
        return item->view;
    return table && is_gathered(typing->gathering, table) ? table : NULL;
}

static Node *typed_row(const struct catalog_relation *table, ColumnRef *reference)
{
    RowExpr *row = makeNode(RowExpr);
    ColumnRef *columns = makeNode(ColumnRef);
    TypeCast *cast = makeNode(TypeCast);
    columns->fields = list_make2(linitial(reference->fields), makeNode(A_Star));
    row->args = list_make1(columns);
    row->row_format = COERCE_EXPLICIT_CALL;
    cast->arg = (Node *) row;
    cast->typeName = makeTypeNameFromNameList(list_make2(makeString((char *) table->schema), makeString((char *) table->name)));
    cast->typeName->typemod = -1;
    cast->location = columns->location = row->location = -1;
    return (Node *) cast;
}

static bool takes_any_row(const struct analysis *analysis, const FuncCall *call)
{
    static const char *const names[] = {"count", "row_to_json", "to_json", "to_jsonb", "json_agg", "jsonb_agg", NULL};
    struct function_facts facts = function_facts(analysis->planning, call);
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], facts.name))
            return !facts.users && !call->over && !call->agg_distinct;
    return false;
}

/* row::text, IS NULL, (row).column; and comparisons, where ROW(…)::t IN (…) would compare column by column, and NULL with NULL. */
static bool keeps_row(const struct typing *typing, const Node *node)
{
    bool array;
    if (IsA(node, NullTest) || IsA(node, A_Indirection) || IsA(node, SubLink))
        return true;
    if (IsA(node, A_Expr))
        return ((const A_Expr *) node)->kind != AEXPR_NULLIF;
    if (IsA(node, TypeCast))
        return analysis_type(((const TypeCast *) node)->typeName, &array);
    return IsA(node, FuncCall) && takes_any_row(typing->gathering->analysis, (const FuncCall *) node);
}

static bool type_row(Node **place, void *context);

static bool type_rows_inside(Node **place, void *context)
{
    return table_of_row(context, *place) || type_row(place, context);
}

/* t.* as an argument is the row. */
static void name_rows(const struct typing *typing, const FuncCall *call)
{
    ListCell *cell;
    foreach (cell, call->args) {
        ColumnRef *row = makeNode(ColumnRef);
        const List *fields = IsA(lfirst(cell), ColumnRef) ? lfirst_node(ColumnRef, cell)->fields : NIL;
        if (list_length(fields) != 2 || !IsA(lsecond(fields), A_Star))
            continue;
        row->fields = list_make1(linitial(fields));
        row->location = -1;
        if (table_of_row(typing, (Node *) row))
            lfirst(cell) = row;
    }
}

static bool type_row(Node **place, void *context)
{
    const struct typing *typing = context;
    if (IsA(*place, FuncCall) && !keeps_row(typing, *place))
        name_rows(typing, castNode(FuncCall, *place));
    const struct catalog_relation *table = table_of_row(typing, *place);
    if (!table) {
        parse_visit(*place, keeps_row(typing, *place) ? type_rows_inside : type_row, context); /* what it does not know stays as it is */
        return true;
    }
    bool left_out = joins_outside((Node *) typing->gathering->query, NULL);
    if (left_out && !has_certain_column(table))
        return true;
    Node *row = typed_row(table, castNode(ColumnRef, *place));
    *place = left_out ? EXPRESSION("CASE WHEN NOT ($1 IS NULL) THEN $2 END", *place, row) : row;
    return true;
}

/* Its name means an output rather than a row. */
static bool names_output(const SelectStmt *select, const Node *node)
{
    const Node *item = IsA(node, SortBy) ? ((const SortBy *) node)->node : node;
    const List *fields = IsA(item, ColumnRef) ? ((const ColumnRef *) item)->fields : NIL;
    ListCell *cell;
    if (list_length(fields) != 1 || !IsA(linitial(fields), String))
        return false;
    foreach (cell, select->targetList)
        if (!strcmp(output_name(lfirst_node(ResTarget, cell)), strVal(linitial(fields))))
            return true;
    return false;
}

static void type_items(struct typing *typing, List *items)
{
    ListCell *cell;
    foreach (cell, items)
        if (!names_output(typing->select, lfirst(cell)))
            type_row((Node **) &cell->ptr_value, typing);
}

static void type_of_join(struct typing *typing, Node *item)
{
    if (!IsA(item, JoinExpr))
        return;
    type_of_join(typing, castNode(JoinExpr, item)->larg);
    type_of_join(typing, castNode(JoinExpr, item)->rarg);
    if (castNode(JoinExpr, item)->quals)
        type_row(&castNode(JoinExpr, item)->quals, typing);
}

/* A query of WITH is read once for each use, each time in the same way. */
static const struct query *reading_of(const struct analysis *analysis, const SelectStmt *select)
{
    for (int i = 0; i < analysis->query_count; i++)
        if (analysis->queries[i]->select == select)
            return analysis->queries[i];
    return NULL;
}

static void type_rows_of(struct gathering *gathering, SelectStmt *select)
{
    struct typing typing = {gathering, select, reading_of(gathering->analysis, select)};
    ListCell *cell;
    if (!typing.query)
        return;
    type_items(&typing, select->groupClause); /* before outputs have other names */
    type_items(&typing, select->sortClause);
    if (select->distinctClause && linitial(select->distinctClause))
        type_items(&typing, select->distinctClause);
    foreach (cell, select->targetList) {
        ResTarget *target = lfirst_node(ResTarget, cell);
        const char *name = output_name(target);
        const Node *value = target->val;
        type_row(&target->val, &typing);
        if (target->val != value)
            target->name = (char *) name;
    }
    foreach (cell, select->fromClause)
        type_of_join(&typing, lfirst(cell));
    if (select->whereClause)
        type_row(&select->whereClause, &typing);
    if (select->havingClause)
        type_row(&select->havingClause, &typing);
}

static bool type_rows(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, SelectStmt))
        type_rows_of(context, castNode(SelectStmt, node));
    return parse_walk(node, type_rows, context);
}

void gather_type_rows(struct gathering *gathering, SelectStmt *select)
{
    type_rows((Node *) select, gathering);
}
