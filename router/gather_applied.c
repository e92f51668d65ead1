/*
 * Proof: where a copy stands in FROM with its rows unchanged, each of its rows fulfils the conjuncts by which
 * the shards chose it, and these read nothing but the row: to ask them again lets the same rows through. They
 * cannot fail, so that no error is lost.  PostgreSQL, which knows no statistics of arrays, would guess that
 * hardly a row is left, and join the few by nested loops; and a column that nothing else reads need not be
 * copied.
 *
 * Grouping sets keep theirs: PostgreSQL takes a column that WHERE compares with a constant for one value in
 * all of their rows when it sorts, and the order is to be the same.
 */
#include "router/gather_applied.h"

#include "router/expressions.h"
#include "router/gather_filter.h"
#include "router/gather_names.h"

/* Conditions with parameters are for rows that travel in binary: the others' COPY has none. */
void gather_choose_filters(struct gathering *gathering)
{
    struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++) {
        const struct scan *scan = &analysis->scans[i];
        if (!scan_is_sharded(scan) || gathering->owners[i] >= 0)
            continue;
        struct gather_wanted *wanted = &gathering->wanted[i];
        Node *condition = gather_filter(analysis, scan, gather_travels_in_binary(gathering, scan->relation.relation), &wanted->own);
        wanted->condition = (Node *) copyObjectImpl(condition); /* within its subqueries conditions are forgotten, too */
    }
}

/* ---- what is applied to the tables of one FROM ---- */

struct forgetting {
    const struct gathering *gathering;
    List *applied;
};

static List *applied_to(const struct gathering *gathering, const RangeVar *range)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].range == range && gathering->owners[i] < 0)
            return gathering->wanted[i].own;
    return NIL;
}

static void add_applied(struct forgetting *forgetting, const Node *item)
{
    if (IsA(item, RangeVar))
        forgetting->applied = list_concat(list_copy(forgetting->applied),
                                          applied_to(forgetting->gathering, (const RangeVar *) item));
    if (!IsA(item, JoinExpr))
        return;
    const JoinExpr *join = (const JoinExpr *) item;
    if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
        add_applied(forgetting, join->larg);
    if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
        add_applied(forgetting, join->rarg);
}

static Node *without_applied(const struct forgetting *forgetting, Node *condition)
{
    List *rest = NIL;
    ListCell *cell;
    foreach (cell, gather_conjuncts(condition))
        if (!parse_list_has(forgetting->applied, lfirst(cell)))
            rest = lappend(rest, lfirst(cell));
    return gather_conjunction(rest);
}

static void forget_in_join(const struct forgetting *forgetting, Node *item)
{
    if (!IsA(item, JoinExpr) || castNode(JoinExpr, item)->jointype != JOIN_INNER)
        return;
    JoinExpr *join = castNode(JoinExpr, item);
    forget_in_join(forgetting, join->larg);
    forget_in_join(forgetting, join->rarg);
    if (!join->quals)
        return;
    join->quals = without_applied(forgetting, join->quals);
    if (!join->quals)
        join->quals = expression_truth(true);
}

static bool has_grouping_sets(const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->groupClause)
        if (IsA(lfirst(cell), GroupingSet))
            return true;
    return false;
}

static bool forget_applied(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, SelectStmt) && !has_grouping_sets(castNode(SelectStmt, node))) {
        SelectStmt *select = castNode(SelectStmt, node);
        struct forgetting forgetting = {.gathering = context};
        ListCell *cell;
        foreach (cell, select->fromClause)
            add_applied(&forgetting, lfirst(cell));
        foreach (cell, select->fromClause)
            forget_in_join(&forgetting, lfirst(cell));
        select->whereClause = without_applied(&forgetting, select->whereClause);
    }
    return parse_walk(node, forget_applied, context);
}

void gather_forget_applied(struct gathering *gathering, SelectStmt *select)
{
    forget_applied((Node *) select, gathering);
}
