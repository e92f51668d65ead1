/*
 * No name can mean a column that is not mentioned: copies do without it.  What means columns without naming them: * and table.*, a natural
 * join, a table's row, columns that are named by their place.
 *
 * A bare name means a row only where no column has it (colNameToVar() comes first in transformColumnRef(), parse_expr.c), and an item of
 * ORDER BY or GROUP BY only where no output has it (findTargetlistEntrySQL92() in parse_clause.c).  So a column of a subquery may be
 * called like a table.  In FROM not all of its names are in sight: there it is taken for the row,
 * unless a query there has the column itself.
 */
#include "router/gather_names.h"

#include <string.h>

struct mentions {
    struct gathering *gathering;
    const struct scope *scope; /* of the names where the walk is; NULL: not known */
    const struct scope *end;   /* a query in FROM or WITH, which does not see all names of this one … */
    bool blind;                /* … none of whose names are known */
};

static void add_name(struct gathering *gathering, const char *name)
{
    *ARRAY_ADD(gathering->analysis, gathering->names, gathering->name_count, gathering->name_room) = name;
}

static bool is_among(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

bool gather_mentions(const struct gathering *gathering, const char *name)
{
    return gathering->all_columns || is_among(gathering->names, gathering->name_count, name);
}

static void add_names(struct gathering *gathering, const List *names)
{
    ListCell *cell;
    foreach (cell, names)
        if (IsA(lfirst(cell), String))
            add_name(gathering, strVal(lfirst(cell)));
}

static const char *name_of(const RangeVar *range)
{
    return range->alias ? range->alias->aliasname : range->relname;
}

bool gather_may_be_row(const struct analysis *analysis, const ColumnRef *reference)
{
    if (list_length(reference->fields) != 1 || !IsA(linitial(reference->fields), String))
        return false;
    const char *name = strVal(linitial(reference->fields));
    for (int i = 0; i < analysis->scan_count; i++)
        if (scan_is_sharded(&analysis->scans[i]) && analysis->scans[i].range &&
            !strcmp(name, name_of(analysis->scans[i].range)))
            return true;
    for (int i = 0; i < analysis->view_count; i++)
        if (!strcmp(name, name_of(analysis->views[i].range)))
            return true;
    return false;
}

static void add_columns(struct gathering *gathering, const struct scan *scan)
{
    const struct catalog_relation *relation = scan->relation.relation;
    for (int i = 0; relation && i < relation->column_count; i++)
        add_name(gathering, relation->columns[i].name);
    gathering->all_columns |= !relation;
}

/* name.* of a table; of a subquery it is what that selects. */
static void note_star_of(struct gathering *gathering, const char *name)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].range && !strcmp(name, name_of(analysis->scans[i].range)))
            add_columns(gathering, &analysis->scans[i]);
}

/* * in a select list: of an item of FROM. */
static bool note_star(Node *item, void *context)
{
    struct gathering *gathering = context;
    if (!item || IsA(item, RangeSubselect) || IsA(item, RangeFunction))
        return false;
    if (IsA(item, RangeVar))
        note_star_of(gathering, name_of(castNode(RangeVar, item)));
    if (IsA(item, List) || IsA(item, JoinExpr) || IsA(item, RangeTableSample))
        return parse_walk(item, note_star, context);
    return false;
}

static bool is_bare_star(const Node *node)
{
    return IsA(node, ColumnRef) && list_length(((const ColumnRef *) node)->fields) == 1 &&
           IsA(linitial(((const ColumnRef *) node)->fields), A_Star);
}

static void note_stars(struct gathering *gathering, const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->targetList)
        if (is_bare_star(lfirst_node(ResTarget, cell)->val))
            note_star((Node *) select->fromClause, gathering);
}

static bool is_column(const struct mentions *mentions, const ColumnRef *reference)
{
    for (const struct scope *scope = mentions->scope; scope && scope != mentions->end && !mentions->blind; scope = scope->outer)
        if (scope_finds(scope, reference))
            return true;
    return false;
}

static void note_reference(const struct mentions *mentions, const ColumnRef *reference)
{
    struct gathering *gathering = mentions->gathering;
    int count = list_length(reference->fields);
    gathering->all_columns |= gather_may_be_row(gathering->analysis, reference) && !is_column(mentions, reference);
    if (count > 1 && IsA(llast(reference->fields), A_Star))
        note_star_of(gathering, strVal(list_nth(reference->fields, count - 2)));
    add_names(gathering, reference->fields);
}

/* (row).column, (row).*; not array[1] */
static bool has_fields(const List *indirection)
{
    ListCell *cell;
    foreach (cell, indirection)
        if (!IsA(lfirst(cell), A_Indices))
            return true;
    return false;
}

static bool note_mentions(Node *node, void *context);

/* Whether there are rows does not depend on their columns. */
static bool is_star_of_exists(const SubLink *link)
{
    const SelectStmt *select = (const SelectStmt *) link->subselect;
    if (link->subLinkType != EXISTS_SUBLINK || !IsA(select, SelectStmt) || select->op != SETOP_NONE ||
        select->distinctClause || select->groupClause || list_length(select->targetList) != 1)
        return false;
    const Node *value = linitial_node(ResTarget, select->targetList)->val;
    return IsA(value, ColumnRef) && IsA(llast(((const ColumnRef *) value)->fields), A_Star);
}

static const struct scope *scope_of(const struct gathering *gathering, const SelectStmt *select)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->query_count; i++)
        if (analysis->queries[i]->select == select)
            return analysis->queries[i]->scope;
    return NULL;
}

static bool names_output(const SelectStmt *select, const Node *item)
{
    ListCell *cell;
    while (select->op != SETOP_NONE)
        select = select->larg;
    if (!IsA(item, ColumnRef) || list_length(((const ColumnRef *) item)->fields) != 1)
        return false;
    const Node *field = linitial(((const ColumnRef *) item)->fields);
    foreach (cell, select->targetList) {
        const char *name = IsA(field, String) ? output_name(lfirst_node(ResTarget, cell)) : NULL;
        if (name && !strcmp(name, strVal(field)))
            return true;
    }
    return false;
}

/* Items of ORDER BY or GROUP BY, without those that name outputs: such a name may be a column's, but no row's. */
static List *note_outputs(struct mentions *mentions, const SelectStmt *select, const List *items)
{
    ListCell *cell;
    List *others = NIL;
    foreach (cell, items) {
        const Node *item = IsA(lfirst(cell), SortBy) ? lfirst_node(SortBy, cell)->node : lfirst(cell);
        if (names_output(select, item))
            add_names(mentions->gathering, ((const ColumnRef *) item)->fields);
        else
            others = lappend(others, lfirst(cell));
    }
    return others;
}

static bool note_select(struct mentions *mentions, const SelectStmt *select, bool with_outputs)
{
    struct mentions around = *mentions;
    SelectStmt rest = *select;
    if (with_outputs)
        note_stars(mentions->gathering, select);
    else
        rest.targetList = NIL;
    rest.sortClause = note_outputs(mentions, select, select->sortClause);
    rest.groupClause = note_outputs(mentions, select, select->groupClause);
    rest.fromClause = NIL;
    rest.withClause = NULL;
    mentions->scope = scope_of(mentions->gathering, select);
    parse_walk((Node *) &rest, note_mentions, mentions);
    mentions->end = mentions->scope;
    mentions->blind |= !mentions->scope;
    mentions->scope = NULL;
    note_mentions((Node *) select->fromClause, mentions);
    note_mentions((Node *) select->withClause, mentions);
    *mentions = around;
    return false;
}

static bool note_mentions(Node *node, void *context)
{
    struct mentions *mentions = context;
    struct gathering *gathering = mentions->gathering;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_SubLink:
        if (is_star_of_exists(castNode(SubLink, node)))
            return note_select(mentions, (const SelectStmt *) castNode(SubLink, node)->subselect, false);
        break;
    case T_ColumnRef:
        note_reference(mentions, castNode(ColumnRef, node));
        break;
    case T_A_Indirection: /* (row).column */
        add_names(gathering, castNode(A_Indirection, node)->indirection);
        gathering->all_columns |= has_fields(castNode(A_Indirection, node)->indirection);
        break;
    case T_JoinExpr:
        gathering->all_columns |= castNode(JoinExpr, node)->isNatural;
        add_names(gathering, castNode(JoinExpr, node)->usingClause);
        break;
    case T_Alias: /* t (a, b) names the first columns by position */
        gathering->all_columns |= castNode(Alias, node)->colnames != NIL;
        break;
    case T_RangeSubselect: /* its select list names what its columns are */
        return note_mentions(castNode(RangeSubselect, node)->subquery, context);
    case T_SelectStmt:
        return note_select(mentions, castNode(SelectStmt, node), true);
    default:
        break;
    }
    return parse_walk(node, note_mentions, context);
}

void gather_note_names(struct gathering *gathering, SelectStmt *select)
{
    struct mentions mentions = {.gathering = gathering};
    gathering->name_count = 0;
    gathering->all_columns = false;
    note_mentions((Node *) select, &mentions);
}
