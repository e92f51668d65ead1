#include "router/gather_table_oids.h"

#include <string.h>

#include "router/expressions.h"
#include "router/gather_names.h"

static bool is_sharded(const struct analysis *analysis, const RangeVar *range)
{
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].range == range)
            return scan_is_sharded(&analysis->scans[i]);
    return false;
}

bool gather_tells_table(const struct gathering *gathering, const RangeVar *range)
{
    ListCell *cell;
    foreach (cell, gathering->analysis->table_oids)
        if (((const struct table_oid *) lfirst(cell))->range == range)
            return is_sharded(gathering->analysis, range);
    return false;
}

ResTarget *gather_table_name(void)
{
    ResTarget *target = gather_target(makeString((char *) "tableoid"));
    A_Indirection *field = makeNode(A_Indirection);
    field->arg = EXPRESSION("pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, $1, 0)", target->val);
    field->indirection = list_make1(makeString((char *) "identity"));
    target->name = (char *) GATHER_TABLE_NAME;
    target->val = (Node *) field;
    return target;
}

static const char *name_of(const RangeVar *range)
{
    return range->alias ? range->alias->aliasname : range->relname;
}

/* ---- tableoid ---- */

static const struct table_oid *find_oid(const struct gathering *gathering, const Node *reference)
{
    ListCell *cell;
    foreach (cell, gathering->analysis->table_oids) {
        const struct table_oid *oid = lfirst(cell);
        if ((const Node *) oid->reference == reference)
            return is_sharded(gathering->analysis, oid->range) ? oid : NULL;
    }
    return NULL;
}

static bool show_in(Node **place, void *context)
{
    if (!*place)
        return true;
    if (!find_oid(context, *place)) {
        parse_visit(*place, show_in, context); /* what it does not know is found by finds_oid() */
        return true;
    }
    ColumnRef *column = makeNode(ColumnRef);
    column->fields = list_copy(castNode(ColumnRef, *place)->fields);
    column->location = -1;
    llast(column->fields) = makeString((char *) GATHER_TABLE_NAME);
    *place = expression_cast(expression_cast((Node *) column, "regclass"), "oid");
    return true;
}

static bool finds_oid(Node *node, void *context)
{
    return node && (find_oid(context, node) || parse_walk(node, finds_oid, context));
}

static void show_in_from(struct gathering *gathering, Node *item)
{
    if (IsA(item, RangeFunction))
        parse_visit_list(castNode(RangeFunction, item)->functions, show_in, gathering);
    if (!IsA(item, JoinExpr))
        return;
    show_in_from(gathering, castNode(JoinExpr, item)->larg);
    show_in_from(gathering, castNode(JoinExpr, item)->rarg);
    show_in(&castNode(JoinExpr, item)->quals, gathering);
}

/* An output keeps the name that it had by itself. */
static void show_in_target(struct gathering *gathering, ResTarget *target)
{
    if (!finds_oid(target->val, gathering))
        return;
    target->name = (char *) output_name(target);
    show_in(&target->val, gathering);
}

static void show_in_clauses(struct gathering *gathering, SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->fromClause)
        show_in_from(gathering, lfirst(cell));
    foreach (cell, select->targetList)
        show_in_target(gathering, lfirst_node(ResTarget, cell));
    show_in(&select->whereClause, gathering);
    parse_visit_list(select->groupClause, show_in, gathering);
    show_in(&select->havingClause, gathering);
    parse_visit_list(select->windowClause, show_in, gathering);
    parse_visit_list(select->sortClause, show_in, gathering);
    parse_visit_list(select->distinctClause, show_in, gathering);
    parse_visit_list(select->valuesLists, show_in, gathering);
}

/* ---- stars ---- */

struct leaf {
    const char *name;
    const RangeVar *range; /* of a table whose copy has the column; or NULL */
};

struct leaves {
    const struct gathering *gathering;
    List *list; /* of struct leaf */
    bool told;  /* one of them has the column */
    bool clear; /* a star means the columns of the first leaf, then of the second, … */
};

static void add_leaf(struct leaves *leaves, const char *name, const RangeVar *range)
{
    struct leaf *leaf = palloc0(sizeof *leaf);
    ListCell *cell;
    foreach (cell, leaves->list)
        leaves->clear &= name && strcmp(((const struct leaf *) lfirst(cell))->name, name);
    leaves->clear &= name != NULL;
    if (!name)
        return;
    leaf->name = name;
    leaf->range = range && gather_tells_table(leaves->gathering, range) ? range : NULL;
    leaves->told |= leaf->range != NULL;
    leaves->list = lappend(leaves->list, leaf);
}

static void find_leaves(struct leaves *leaves, Node *item)
{
    const Alias *alias = NULL;
    switch (nodeTag(item)) {
    case T_RangeVar:
        add_leaf(leaves, name_of(castNode(RangeVar, item)), castNode(RangeVar, item));
        return;
    case T_RangeTableSample:
        find_leaves(leaves, castNode(RangeTableSample, item)->relation);
        return;
    case T_JoinExpr: /* USING puts its columns first */
        leaves->clear &= !castNode(JoinExpr, item)->usingClause && !castNode(JoinExpr, item)->isNatural && !castNode(JoinExpr, item)->alias;
        find_leaves(leaves, castNode(JoinExpr, item)->larg);
        find_leaves(leaves, castNode(JoinExpr, item)->rarg);
        return;
    case T_RangeSubselect:
        alias = castNode(RangeSubselect, item)->alias;
        break;
    case T_RangeFunction:
        alias = castNode(RangeFunction, item)->alias;
        break;
    default:
        break;
    }
    add_leaf(leaves, alias ? alias->aliasname : NULL, NULL);
}

static const struct item *item_of(const struct gathering *gathering, const SelectStmt *select, const RangeVar *range)
{
    for (int q = 0; q < gathering->analysis->query_count; q++) {
        const struct query *query = gathering->analysis->queries[q];
        for (int i = 0; query->select == select && query->scope && i < query->scope->count; i++)
            if (query->scope->items[i]->range == range)
                return query->scope->items[i];
    }
    return NULL;
}

static ResTarget *named(const char *table, Node *field)
{
    ResTarget *target = gather_target(makeString((char *) table));
    castNode(ColumnRef, target->val)->fields = lappend(castNode(ColumnRef, target->val)->fields, field);
    return target;
}

/* NIL: its columns cannot be named. */
static List *columns_of(const struct gathering *gathering, const SelectStmt *select, const struct leaf *leaf)
{
    const struct item *item = item_of(gathering, select, leaf->range);
    List *targets = NIL;
    for (int i = 0; item && !item->opaque && i < item->column_count; i++) {
        if (!item->columns[i].name || item_column(item, item->columns[i].name) < 0)
            return NIL;
        targets = lappend(targets, named(leaf->name, (Node *) makeString((char *) item->columns[i].name)));
    }
    return targets;
}

static bool is_star_of(const Node *value, const char *name)
{
    const List *fields = IsA(value, ColumnRef) ? ((const ColumnRef *) value)->fields : NIL;
    int count = list_length(fields);
    if (!count || !IsA(llast(fields), A_Star))
        return false;
    return count == 1 || (name && !strcmp(strVal(list_nth(fields, count - 2)), name));
}

/* What the target shows of the leaf: its columns, if the copy has one more.  False: they cannot be named. */
static bool add_columns(const struct leaves *leaves, const SelectStmt *select, const ResTarget *target, const struct leaf *leaf, List **targets)
{
    if (!is_star_of(target->val, leaf->name))
        return true;
    List *columns = leaf->range ? columns_of(leaves->gathering, select, leaf) : list_make1(named(leaf->name, (Node *) makeNode(A_Star)));
    *targets = list_concat(*targets, columns);
    return columns;
}

static bool write_stars(const struct gathering *gathering, SelectStmt *select)
{
    struct leaves leaves = {.gathering = gathering, .clear = true};
    List *targets = NIL;
    ListCell *cell, *other;
    foreach (cell, select->fromClause)
        find_leaves(&leaves, lfirst(cell));
    if (!leaves.told)
        return true;
    foreach (cell, select->targetList) {
        ResTarget *target = lfirst_node(ResTarget, cell);
        bool bare = is_star_of(target->val, NULL), any = false;
        if (bare && !leaves.clear)
            return false;
        foreach (other, leaves.list) {
            any |= is_star_of(target->val, ((const struct leaf *) lfirst(other))->name);
            if (!add_columns(&leaves, select, target, lfirst(other), &targets))
                return false;
        }
        if (!any)
            targets = lappend(targets, target);
    }
    select->targetList = targets;
    return true;
}

/* ---- the whole ---- */

/* table, table.* and NATURAL, once stars of select lists are written out.  A column that has the name of its table is taken for its row. */
static bool takes_rows(Node *node, void *context)
{
    const struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, JoinExpr) && castNode(JoinExpr, node)->isNatural)
        return true;
    if (IsA(node, ColumnRef)) {
        const List *fields = castNode(ColumnRef, node)->fields;
        int count = list_length(fields);
        bool star = IsA(llast(fields), A_Star);
        const Node *name = star && count > 1 ? list_nth(fields, count - 2) : !star && count == 1 ? linitial(fields) : NULL;
        for (int i = 0; name && i < gathering->analysis->scan_count; i++) {
            const RangeVar *range = gathering->analysis->scans[i].range;
            if (range && gather_tells_table(gathering, range) && !strcmp(name_of(range), strVal(name)))
                return true;
        }
        return false;
    }
    return parse_walk(node, takes_rows, context);
}

static bool show(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        if (!write_stars(context, castNode(SelectStmt, node)))
            return true;
        show_in_clauses(context, castNode(SelectStmt, node));
    }
    return parse_walk(node, show, context);
}

bool gather_show_table_oids(struct gathering *gathering, SelectStmt *select)
{
    if (!gathering->analysis->table_oids)
        return true;
    return !show((Node *) select, gathering) && !takes_rows((Node *) select, gathering) && !finds_oid((Node *) select, gathering);
}
