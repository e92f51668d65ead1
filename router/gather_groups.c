/*
 * PostgreSQL asks whether GROUP BY has all columns of the key (check_functional_grouping() in
 * pg_constraint.c).  Those that follow from them have one value in each group, so naming them makes no other
 * groups; that is as true where an equality leads to the key.
 */
#include "router/gather_groups.h"

#include <string.h>

#include "router/gather_table_oids.h"
#include "router/prove.h"

/* Types without equality, or without an order beside it, and arrays of them (pg_type.dat): json, xml, point, lseg, path, box, polygon, line,
 * circle; xid, cid, aclitem. */
bool gather_has_equality(uint32_t type)
{
    static const uint32_t without[] = {114, 142, 600,  601,  602,  603,  604,  628, 718, 28, 29, 1033,
                                       199, 143, 1017, 1018, 1019, 1020, 1027, 629, 719, 1011, 1012, 1034};
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        if (type == without[i])
            return false;
    return true;
}

static bool reads(const struct source *source, int scan)
{
    if (source->kind == SOURCE_JOIN)
        return reads(source->left, scan) || reads(source->right, scan);
    return source->kind == SOURCE_SCAN && source->scan == scan;
}

static bool query_reads(const struct query *query, int scan)
{
    for (int i = 0; i < query->from_count; i++)
        if (reads(query->from[i], scan))
            return true;
    return false;
}

/* Of a JOIN with a name of its own the columns have no other. */
static bool names_joins(Node *node, void *context)
{
    if (!node || IsA(node, SelectStmt))
        return false;
    return (IsA(node, JoinExpr) && castNode(JoinExpr, node)->alias) || parse_walk(node, names_joins, context);
}

enum grouped { GROUPED_NOT, GROUPED_BY_KEY, GROUPED_UNSURE };

static enum grouped grouped_by(struct analysis *analysis, const struct query *query, const List *items, int slot)
{
    ListCell *cell;
    enum grouped grouped = GROUPED_NOT;
    foreach (cell, items) {
        Node *item = lfirst(cell);
        enum grouped inside = IsA(item, RowExpr) ? grouped_by(analysis, query, castNode(RowExpr, item)->args, slot) : GROUPED_NOT;
        if (IsA(item, GroupingSet)) { /* some of the sets may have it */
            if (grouped_by(analysis, query, castNode(GroupingSet, item)->content, slot) != GROUPED_NOT)
                grouped = GROUPED_UNSURE;
            continue;
        }
        if (inside == GROUPED_BY_KEY)
            return inside;
        grouped = inside == GROUPED_UNSURE ? inside : grouped;
        int of_item = prove_item_slot(analysis, query, item);
        if (of_item >= 0 && analysis_equal(analysis, query->region, of_item, slot))
            return GROUPED_BY_KEY;
        if (of_item < 0 && (IsA(item, ColumnRef) || IsA(item, A_Const)))
            grouped = GROUPED_UNSURE;
    }
    return grouped;
}

static enum grouped grouped_by_key(struct analysis *analysis, const struct query *query,
                                   const struct scan *scan)
{
    const struct catalog_relation *relation = scan->relation.relation;
    enum grouped grouped = GROUPED_BY_KEY;
    for (int i = 0; i < relation->unique_count; i++)
        for (int c = 0; relation->uniques[i].primary && c < relation->uniques[i].column_count; c++) {
            enum grouped column =
                grouped_by(analysis, query, query->select->groupClause, scan->first_slot + relation->uniques[i].columns[c]);
            if (column == GROUPED_NOT)
                return GROUPED_NOT;
            grouped = column == GROUPED_UNSURE ? column : grouped;
        }
    return grouped;
}

static bool has_primary_key(const struct catalog_relation *relation)
{
    for (int i = 0; i < relation->unique_count; i++)
        if (relation->uniques[i].primary)
            return true;
    return false;
}

bool gather_follows_from_key(struct analysis *analysis, const struct query *query, int slot)
{
    for (int i = 0; slot >= 0 && !select_has_grouping_sets(query->select) && i < analysis->scan_count; i++) {
        const struct scan *scan = &analysis->scans[i];
        if (scan->first_slot >= 0 && slot >= scan->first_slot && slot < scan->first_slot + scan->relation.relation->column_count)
            return query_reads(query, i) && has_primary_key(scan->relation.relation) &&
                   grouped_by_key(analysis, query, scan) == GROUPED_BY_KEY;
    }
    return false;
}

/* The row as a value, for which no columns can stand in GROUP BY. */
static bool names_row(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, ResTarget) && IsA(castNode(ResTarget, node)->val, ColumnRef) &&
        IsA(llast(castNode(ColumnRef, castNode(ResTarget, node)->val)->fields), A_Star))
        return false;
    if (!IsA(node, ColumnRef))
        return parse_walk(node, names_row, context);
    const List *fields = castNode(ColumnRef, node)->fields;
    bool alone = list_length(fields) == 1 || IsA(llast(fields), A_Star);
    return alone && IsA(linitial(fields), String) && !strcmp(strVal(linitial(fields)), context);
}

static bool add_columns(const struct query *query, const struct scan *scan, const List *columns)
{
    const struct catalog_relation *relation = scan->relation.relation;
    ListCell *cell;
    if (!scan->range->alias || scan->range->alias->colnames ||
        names_joins((Node *) query->select->fromClause, NULL) ||
        names_row((Node *) query->select->targetList, scan->range->alias->aliasname) ||
        names_row(query->select->havingClause, scan->range->alias->aliasname) ||
        names_row((Node *) query->select->sortClause, scan->range->alias->aliasname))
        return false;
    foreach (cell, columns) {
        ColumnRef *column = makeNode(ColumnRef);
        bool own = strcmp(strVal(lfirst(cell)), GATHER_TABLE_NAME);
        if (own && !gather_has_equality(relation->columns[catalog_column(relation, strVal(lfirst(cell)))].base))
            return false;
        column->fields = list_make2(makeString(scan->range->alias->aliasname), lfirst(cell));
        column->location = -1;
        query->select->groupClause = lappend(query->select->groupClause, column);
    }
    return true;
}

static bool finds(Node *node, void *context)
{
    return node && (node == context || parse_walk(node, finds, context));
}

/* Does the query, if it is still there, group rows of the scan by its key? */
static enum grouped groups(const struct gathering *gathering, const struct query *query, int scan)
{
    const SelectStmt *select = query->select;
    if (!select || !select->groupClause || !query_reads(query, scan) ||
        !finds((Node *) gathering->query, (void *) select))
        return GROUPED_NOT;
    if (gathering->analysis->scans[scan].first_slot < 0)
        return GROUPED_UNSURE;
    enum grouped grouped = grouped_by_key(gathering->analysis, query, &gathering->analysis->scans[scan]);
    return grouped == GROUPED_BY_KEY && select_has_grouping_sets(select)
               ? GROUPED_UNSURE
               : grouped; /* each set names its columns */
}

bool gather_groups_by_key(const struct gathering *gathering, const struct catalog_relation *relation)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++)
        for (int q = 0; analysis->scans[i].relation.relation == relation && q < analysis->query_count; q++)
            if (groups(gathering, analysis->queries[q], i) != GROUPED_NOT)
                return true;
    return false;
}

bool gather_group_columns(struct gathering *gathering, int part)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++)
        for (int q = 0; gathering->owners[i] == part && q < analysis->query_count; q++) {
            enum grouped grouped = groups(gathering, analysis->queries[q], i);
            if (grouped == GROUPED_UNSURE ||
                (grouped == GROUPED_BY_KEY &&
                 !add_columns(analysis->queries[q], &analysis->scans[i], gathering->columns[part])))
                return false;
        }
    return true;
}
