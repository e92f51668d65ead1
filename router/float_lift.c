/*
 * A scalar subquery stands in WITH then, where it selects what is known of its number, too; and a column of a subquery in FROM gets columns beside
 * it.  Both are only noted here: float_sums changes the query once the whole expression is understood.
 */
#include "router/float_lift.h"

#include "router/expressions.h"
#include "router/float_columns.h"

static bool follow_near(struct float_chain *chain, Node *node, struct float_outcome *outcome)
{
    return float_steps_follow(chain, node, outcome) && outcome->near;
}

/* ---- subqueries ---- */

static struct float_chain inside_of(const struct float_chain *chain, const struct query *query)
{
    return (struct float_chain){.analysis = chain->analysis, .query = query, .takes_columns = true, .selects = chain->selects,
                                .additions = chain->additions, .columns = chain->columns};
}

static void take_columns(struct float_chain *chain, const struct float_chain *inside)
{
    chain->selects = inside->selects;
    chain->additions = inside->additions;
    chain->columns = inside->columns;
}

static const struct query *only_reading(const struct analysis *analysis, const Node *select)
{
    const struct query *found = NULL;
    for (int i = 0; i < analysis->query_count; i++)
        if ((const Node *) analysis->queries[i]->select == select) {
            if (found)
                return NULL;
            found = analysis->queries[i];
        }
    return found;
}

static ResTarget *column_of(const char *name, Node *value)
{
    ResTarget *target = makeNode(ResTarget);
    target->name = (char *) name;
    target->val = (Node *) copyObjectImpl(value);
    target->location = -1;
    return target;
}

/* (SELECT column FROM "keyway: sum 1") */
static Node *reading_of(const CommonTableExpr *cte, const char *column)
{
    SelectStmt *select = makeNode(SelectStmt);
    ColumnRef *reference = makeNode(ColumnRef);
    ResTarget *target = makeNode(ResTarget);
    SubLink *link = makeNode(SubLink);
    reference->fields = list_make1(makeString((char *) column));
    target->val = (Node *) reference;
    reference->location = target->location = link->location = -1;
    select->targetList = list_make1(target);
    select->fromClause = list_make1(makeRangeVar(NULL, cte->ctename, -1));
    link->subLinkType = EXPR_SUBLINK;
    link->subselect = (Node *) select;
    return (Node *) link;
}

static CommonTableExpr *cte_of(struct float_chain *chain, SelectStmt *select)
{
    CommonTableExpr *cte = makeNode(CommonTableExpr);
    cte->ctename = arena_printf(chain->analysis->arena, "keyway: sum %d", ++chain->analysis->lifted_sums);
    cte->ctequery = (Node *) select;
    cte->location = -1;
    return cte;
}

/* (SELECT avg(x) …) stands before the query, where it tells what is known of the average, too. */
bool float_lift_subquery(struct float_chain *chain, SubLink *link, struct float_outcome *outcome)
{
    SelectStmt *select = (SelectStmt *) link->subselect;
    struct float_chain inside = inside_of(chain, only_reading(chain->analysis, link->subselect));
    inside.takes_columns = chain->takes_columns;
    struct float_outcome value = {0};
    if (!chain->lifts || link->subLinkType != EXPR_SUBLINK || !IsA(select, SelectStmt) || select->op != SETOP_NONE ||
        select->distinctClause || select->sortClause || list_length(select->targetList) != 1 || !inside.query ||
        inside.query->correlated || !follow_near(&inside, linitial_node(ResTarget, select->targetList)->val, &value) ||
        (!inside.calls && !inside.concerns) || value.stage == STAGE_NUMERIC)
        return false;
    take_columns(chain, &inside);
    CommonTableExpr *cte = cte_of(chain, select);
    List *targets = list_make1(column_of("value", value.estimate.value));
    targets = lappend(targets, column_of("radius", float_radius_of(&value.estimate)));
    targets = lappend(targets, column_of("exact", float_exact_of(&value.estimate)));
    targets = lappend(targets, column_of("doubt", float_doubt_of(&value.estimate)));
    chain->subqueries = lappend(chain->subqueries, cte);
    chain->targets = lappend(chain->targets, targets);
    chain->calls = list_concat(chain->calls, inside.calls);
    *outcome = (struct float_outcome){.stage = value.stage, .type = value.type, .near = true};
    outcome->estimate = (struct float_estimate){reading_of(cte, "value"), reading_of(cte, "radius"), reading_of(cte, "exact"),
                                                reading_of(cte, "doubt")};
    return true;
}

/* ---- columns of subqueries in FROM ---- */

static Node *renamed(const ColumnRef *reference, const char *name)
{
    ColumnRef *copy = castNode(ColumnRef, copyObjectImpl(reference));
    llast(copy->fields) = makeString((char *) name);
    return (Node *) copy;
}

static const struct lifted_column *find_lifted(const List *columns, const Node *value)
{
    ListCell *cell;
    foreach (cell, columns)
        if (((const struct lifted_column *) lfirst(cell))->value == value)
            return lfirst(cell);
    return NULL;
}

/* Equal expressions become equal ones: a column has one number. */
static const struct lifted_column *lifted_before(const struct float_chain *chain, const Node *value)
{
    const struct lifted_column *lifted = find_lifted(chain->analysis->lifted_columns, value);
    return lifted ? lifted : find_lifted(chain->columns, value);
}

static const char *numbered(const struct float_chain *chain, const char *what, int number)
{
    return arena_printf(chain->analysis->arena, "keyway: %s %d", what, number);
}

/* The subquery is to select what is known of one of its columns. */
static const struct lifted_column *add_column(struct float_chain *chain, const struct float_column *column, const struct float_outcome *outcome)
{
    const struct float_estimate *estimate = &outcome->estimate;
    const struct lifted_column lifted = {column->select, column->value, outcome->type, ++chain->analysis->lifted_sums};
    List *targets = list_make1(column_of(numbered(chain, "value", lifted.number), estimate->value));
    targets = lappend(targets, column_of(numbered(chain, "radius", lifted.number), float_radius_of(estimate)));
    targets = lappend(targets, column_of(numbered(chain, "exact", lifted.number), float_exact_of(estimate)));
    targets = lappend(targets, column_of(numbered(chain, "doubt", lifted.number), float_doubt_of(estimate)));
    chain->selects = lappend(chain->selects, column->select);
    chain->additions = lappend(chain->additions, targets);
    chain->columns = lappend(chain->columns, arena_memdup(chain->analysis->arena, &lifted, sizeof lifted));
    return llast(chain->columns);
}

/* PostgreSQL would put what the subquery computes in the place of each use, and there are several uses of each column that is lifted: their number would
 * be multiplied from level to level. */
static void keep_apart(SelectStmt *select)
{
    if (select->limitOffset || select->limitCount)
        return;
    select->limitOffset = expression_number("0");
    select->limitOption = (LimitOption) PARSED_LIMIT_COUNT;
}

/* NULL: what it computes is not understood. */
static const struct lifted_column *lift_column(struct float_chain *chain, const struct float_column *column)
{
    struct float_outcome value = {0};
    struct float_chain inside = inside_of(chain, column->query);
    if (!follow_near(&inside, column->value, &value) || value.stage != STAGE_FLOAT)
        return NULL;
    take_columns(chain, &inside);
    if (inside.concerns)
        keep_apart(column->select);
    return add_column(chain, column, &value);
}

/* What is known of the column stands in columns beside it.  It is left as it is, for others that read it. */
bool float_lift_column(struct float_chain *chain, ColumnRef *reference, struct float_outcome *outcome)
{
    struct float_column column;
    if (!float_column_find(chain->analysis, chain->query, reference, &column))
        return false;
    const struct lifted_column *lifted = lifted_before(chain, column.value);
    if (!lifted)
        lifted = lift_column(chain, &column);
    if (!lifted)
        return false;
    chain->concerns = true;
    *outcome = (struct float_outcome){.stage = STAGE_FLOAT, .type = lifted->type, .near = true};
    outcome->estimate = (struct float_estimate){
        renamed(reference, numbered(chain, "value", lifted->number)), renamed(reference, numbered(chain, "radius", lifted->number)),
        renamed(reference, numbered(chain, "exact", lifted->number)), renamed(reference, numbered(chain, "doubt", lifted->number))};
    return true;
}
