/*
 * A subquery that speaks of the query around it is run again for each row there.  Over a table it would go by an index; over a
 * copy without one each run reads all rows, and the time grows with the square of them.  EXISTS among the conjuncts of
 * WHERE is no such case, if PostgreSQL makes a join of it (simplify_EXISTS_query() in subselect.c).
 */
#include "router/gather_index.h"

#include <string.h>

#include "router/gather_push.h"
#include "router/rewrite.h"
#include "router/sql_types.h"

struct use {
    struct gathering *gathering;
    const struct query *query;
    int part;
    const char **indexes;
    int count;
};

static bool is_exists_of(const Node *condition, const SelectStmt *select)
{
    if (!condition)
        return false;
    if (IsA(condition, SubLink))
        return ((const SubLink *) condition)->subLinkType == EXISTS_SUBLINK &&
               ((const SubLink *) condition)->subselect == (const Node *) select;
    if (!IsA(condition, BoolExpr) || ((const BoolExpr *) condition)->boolop == OR_EXPR)
        return false;
    ListCell *cell;
    foreach (cell, ((const BoolExpr *) condition)->args)
        if (is_exists_of(lfirst(cell), select))
            return true;
    return false;
}

static bool becomes_a_join(const struct query *query, const Node *condition)
{
    const SelectStmt *select = query->select;
    bool simple = !query->aggregates && !query->windows && !query->set_operation && !select->havingClause && !select->limitOffset &&
                  !select_has_grouping_sets(select);
    return simple && is_exists_of(condition, select);
}

static bool is_run_again(const struct query *query)
{
    const SelectStmt *around = query->around ? query->around->select : NULL;
    return query->correlated && !query->pushed && query->select && around && !becomes_a_join(query, around->whereClause);
}

struct outward {
    const struct query *query;
    bool found, own;
};

static bool look_outward(Node *node, void *context)
{
    struct outward *outward = context;
    int level;
    if (!node)
        return false;
    if (!IsA(node, ColumnRef))
        return parse_walk(node, look_outward, context);
    scope_resolve(outward->query->scope, castNode(ColumnRef, node), &level);
    outward->found |= level > 0;
    outward->own |= level == 0;
    return false;
}

/* A value of the query around it, or another table's column. */
static bool is_searched_for(const struct query *query, Node *node)
{
    struct outward outward = {.query = query};
    look_outward(node, &outward);
    return IsA(node, ColumnRef) || (outward.found && !outward.own);
}

/* A long value does not fit into a B-tree; a hash index grows long chains where many rows have one value. */
static const char *kind_of_index(const struct catalog_column *column)
{
    bool may_be_long = type_is_string(column->type) || column->type == TYPE_bytea || column->type == TYPE_numeric;
    return !type_is_usual(column->type) ? NULL : may_be_long ? "hash" : "btree";
}

/* A query that fell away with what the shards compute may have needed other columns. */
static bool has_column(const struct use *use, const struct catalog_column *column)
{
    ListCell *cell;
    foreach (cell, use->gathering->columns[use->part])
        if (!strcmp(strVal(lfirst(cell)), column->name))
            return true;
    return false;
}

static void add_column(struct use *use, const struct catalog_column *column)
{
    struct arena *arena = use->gathering->arena;
    const char *index = arena_printf(arena, "%s (%s)", kind_of_index(column), rewrite_quote_name(column->name, arena));
    for (int i = 0; i < use->count; i++)
        if (!strcmp(use->indexes[i], index))
            return;
    use->indexes[use->count++] = index;
}

static void note_column(struct use *use, const Node *node)
{
    int level;
    const struct analysis *analysis = use->gathering->analysis;
    if (!node || !IsA(node, ColumnRef))
        return;
    int slot = scope_resolve(use->query->scope, (const ColumnRef *) node, &level);
    for (int i = use->query->first_scan; slot >= 0 && level == 0 && i < use->query->end_scan; i++) {
        const struct scan *scan = &analysis->scans[i];
        int column = scan->first_slot == NO_SLOT ? -1 : slot - scan->first_slot;
        if (use->gathering->owners[i] != use->part || column < 0 || column >= scan->relation.relation->column_count)
            continue;
        if (kind_of_index(&scan->relation.relation->columns[column]) && has_column(use, &scan->relation.relation->columns[column]))
            add_column(use, &scan->relation.relation->columns[column]);
    }
}

static void note_condition(struct use *use, Node *condition)
{
    ListCell *cell;
    if (!condition)
        return;
    if (IsA(condition, BoolExpr) && castNode(BoolExpr, condition)->boolop == AND_EXPR)
        foreach (cell, castNode(BoolExpr, condition)->args)
            note_condition(use, lfirst(cell));
    if (!IsA(condition, A_Expr))
        return;
    const A_Expr *equality = castNode(A_Expr, condition);
    if (equality->kind != AEXPR_OP || strcmp(parse_name(equality->name), "=") != 0)
        return;
    if (is_searched_for(use->query, equality->rexpr))
        note_column(use, equality->lexpr);
    if (is_searched_for(use->query, equality->lexpr))
        note_column(use, equality->rexpr);
}

static void note_item(struct use *use, const Node *item)
{
    if (!IsA(item, JoinExpr))
        return;
    const JoinExpr *join = (const JoinExpr *) item;
    note_item(use, join->larg);
    note_item(use, join->rarg);
    note_condition(use, join->quals);
}

static void note_query(struct use *use)
{
    ListCell *cell;
    note_condition(use, use->query->select->whereClause);
    foreach (cell, use->query->select->fromClause)
        note_item(use, lfirst(cell));
}

void gather_index(struct gathering *gathering, int part)
{
    const struct analysis *analysis = gathering->analysis;
    struct use use = {.gathering = gathering, .part = part};
    use.indexes = arena_alloc_array(gathering->arena, (size_t) gathering->scans[part]->relation.relation->column_count,
                                    sizeof *use.indexes);
    for (int i = 0; i < analysis->query_count; i++) {
        use.query = analysis->queries[i];
        if (is_run_again(use.query))
            note_query(&use);
    }
    gathering->parts[part].indexes = use.indexes;
    gathering->parts[part].index_count = use.count;
}

bool gather_runs_again(const struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->query_count; i++)
        if (is_run_again(analysis->queries[i]) && scans_have_sharded(analysis, analysis->queries[i]->first_scan, analysis->queries[i]->end_scan))
            return true;
    return false;
}

/* A query of WITH was read once for each of its uses: each time the same names in FROM became scans of their own. */
static int readings(const struct gathering *gathering, int part)
{
    const struct analysis *analysis = gathering->analysis;
    const RangeVar *first = NULL;
    int count = 0;
    for (int i = 0; i < analysis->scan_count; i++) {
        const struct scan *scan = &analysis->scans[i];
        if (gathering->owners[i] != part)
            continue;
        if (!first)
            first = scan->range;
        count += gathering->scans[part] || scan->range == first;
    }
    return count;
}

void gather_note_readings(struct gathering *gathering)
{
    for (int i = 0; i < gathering->part_count; i++)
        gathering->parts[i].read_again = readings(gathering, i) > 1;
}
