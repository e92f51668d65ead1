/*
 * As parse_clause.c has it: findTargetlistEntrySQL92() and SQL99().
 */
#include "router/gather_clauses.h"

#include <limits.h>
#include <string.h>

#include "router/sql_types.h"

/* One FROM item's, as far as names tell: a bare name is no more than one item's. */
static bool same_names(const ColumnRef *left, const ColumnRef *right)
{
    const char *one = parse_qualifier(left->fields), *other = parse_qualifier(right->fields);
    return !strcmp(parse_name(left->fields), parse_name(right->fields)) && (!one || !other || !strcmp(one, other));
}

/* What a subquery shows twice is the same, but where one of them is NULL in a grouping set. */
static bool same_column(const struct query *query, Node *left, Node *right)
{
    int level;
    if (!IsA(left, ColumnRef) || !IsA(right, ColumnRef))
        return false;
    int one = scope_resolve(query->scope, castNode(ColumnRef, left), &level);
    if (one < 0 || one != scope_resolve(query->scope, castNode(ColumnRef, right), &level))
        return false;
    return !select_has_grouping_sets(query->select) || same_names(castNode(ColumnRef, left), castNode(ColumnRef, right));
}

struct column_list {
    List *columns;
    int most; /* more are not wanted */
};

/* Are there more columns than wanted, or a subquery, whose names may mean something else? */
static bool list_columns(Node *node, void *context)
{
    struct column_list *list = context;
    if (!node)
        return false;
    if (IsA(node, SubLink))
        return true;
    if (!IsA(node, ColumnRef))
        return parse_walk(node, list_columns, context);
    list->columns = lappend(list->columns, node);
    return list_length(list->columns) > list->most;
}

bool clause_same_expression(const struct query *query, Node *left, Node *right)
{
    if (equal(left, right) || same_column(query, left, right))
        return true;
    struct column_list ours = {.most = INT_MAX}, theirs = {0};
    if (nodeTag(left) != nodeTag(right) || IsA(left, ColumnRef) || list_columns(left, &ours) || !ours.columns)
        return false;
    theirs.most = list_length(ours.columns);
    Node *renamed = !list_columns(right, &theirs) && list_length(theirs.columns) == theirs.most ? copyObjectImpl(right) : NULL;
    theirs.columns = NIL;
    if (!renamed || list_columns(renamed, &theirs))
        return false;
    ListCell *one, *other;
    forboth (one, ours.columns, other, theirs.columns) {
        if (!equal(lfirst(one), lfirst(other)) && !same_column(query, lfirst(one), lfirst(other)))
            return false;
        lfirst_node(ColumnRef, other)->fields = lfirst_node(ColumnRef, one)->fields;
    }
    return equal(left, renamed);
}

bool clause_is_independent(const struct analysis *analysis, const SubLink *link)
{
    for (int i = 0; i < analysis->query_count; i++)
        if ((const Node *) analysis->queries[i]->select == link->subselect && analysis->queries[i]->correlated)
            return false;
    return true;
}

bool clause_is_same_if_equal(struct analysis *analysis, const struct query *query, Node *expression)
{
    const struct text_order *order;
    uint32_t type = analysis_infer(analysis, query, expression, &order);
    int slot = analysis_slot(analysis, query, expression);
    switch (type) {
    case TYPE_bool:
    case TYPE_int2:
    case TYPE_int4:
    case TYPE_int8:
    case TYPE_oid:
    case TYPE_date:
    case TYPE_time:
    case TYPE_timestamp:
    case TYPE_timestamptz:
    case TYPE_uuid:
    case TYPE_bytea:
        return true;
    case TYPE_name:
    case TYPE_text:
    case TYPE_varchar:
        return slot >= 0 && analysis->slots[slot].comparable;
    default:
        return false;
    }
}

bool clause_names_output(const struct query *query, const Node *node)
{
    const ColumnRef *reference = (const ColumnRef *) node;
    if (!IsA(node, ColumnRef) || list_length(reference->fields) != 1 || !IsA(linitial(reference->fields), String))
        return false;
    for (int i = 0; i < query->output_count; i++)
        if (!strcmp(query->outputs[i].name, strVal(linitial(reference->fields))))
            return true;
    return false;
}

Node *clause_grouped_expression(const struct query *query, Node *item)
{
    const List *targets = query->select->targetList;
    ListCell *cell;
    if (IsA(item, A_Const) && IsA(&castNode(A_Const, item)->val, Integer)) {
        int number = intVal(&castNode(A_Const, item)->val);
        return number > 0 && number <= list_length(targets) ? list_nth_node(ResTarget, targets, number - 1)->val : NULL;
    }
    if (!IsA(item, ColumnRef) || scope_finds(query->scope, castNode(ColumnRef, item)) || !clause_names_output(query, item))
        return item;
    foreach (cell, targets)
        if (!strcmp(output_name(lfirst_node(ResTarget, cell)), strVal(linitial(castNode(ColumnRef, item)->fields))))
            return lfirst_node(ResTarget, cell)->val;
    return NULL;
}

bool clause_is_star(const ResTarget *target)
{
    return IsA(target->val, ColumnRef) && IsA(llast(castNode(ColumnRef, target->val)->fields), A_Star);
}

bool clause_has_star(const List *targets)
{
    ListCell *cell;
    foreach (cell, targets)
        if (clause_is_star(lfirst_node(ResTarget, cell)))
            return true;
    return false;
}
