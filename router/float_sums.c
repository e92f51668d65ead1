/*
 * The query shows what an expression makes of its aggregates (float_steps).  It fails unless all that is possible gives the same, to the last bit.
 */
#include "router/float_sums.h"

#include <string.h>

#include "router/expressions.h"
#include "router/float_steps.h"

void float_sums_forget(struct analysis *analysis)
{
    *analysis->float_memory = (struct float_memory){0};
}

static bool note_sums(Node *node, void *context)
{
    struct analysis *analysis = context;
    if (!node)
        return false;
    if (IsA(node, FuncCall) && !strcmp(parse_name(castNode(FuncCall, node)->funcname), "sum") &&
        parse_qualifier(castNode(FuncCall, node)->funcname))
        analysis->checked_sums = lappend(analysis->checked_sums, node);
    return parse_walk(node, note_sums, context);
}

/* What is seen of it: all of its bits, as of a minus zero; or its digits, as of 1.50 and 1.5. */
static Node *seen(const struct float_outcome *outcome, Node *end)
{
    return EXPRESSION(outcome->stage == STAGE_FLOAT ? "float8send($1::float8)" : "$1::text", end);
}

/* Nothing that PostgreSQL could compute beforehand. */
static Node *failure(const struct float_outcome *outcome)
{
    return EXPRESSION("($1::text || coalesce($2::text, ''))::bool", expression_text(FLOAT_SUMS_SEEN ": "), outcome->estimate.value);
}

/* Both ways are the same, so that the value has the expression's type with its modifiers. */
static Node *checked(const struct float_outcome *outcome)
{
    Node *values[] = {outcome->estimate.doubt ? outcome->estimate.doubt : expression_truth(false), seen(outcome, float_steps_low(outcome)), seen(outcome, float_steps_high(outcome)),
                      failure(outcome), outcome->estimate.value};
    return expression_from("CASE WHEN CASE WHEN $1 THEN $4 WHEN $2 IS DISTINCT FROM $3 THEN $4 ELSE false END THEN $5 ELSE $5 END", values);
}

static bool find_query(Node *node, void *context)
{
    struct float_chain *chain = context;
    if (!node)
        return false;
    const struct order_dependent *dependent = IsA(node, FuncCall) ? float_steps_dependent(chain->analysis, node) : NULL;
    if (!dependent)
        return parse_walk(node, find_query, context);
    chain->query = dependent->query;
    return true;
}

static Node *check(struct float_chain *chain, Node *expression, List **calls)
{
    struct float_outcome outcome = {0};
    if (!float_steps_follow(chain, expression, &outcome) || (!chain->calls && !chain->concerns) || outcome.stage == STAGE_SCALED)
        return NULL;
    *calls = chain->calls;
    Node *node = checked(&outcome);
    note_sums(node, chain->analysis);
    return node;
}

Node *float_sums_checked(struct analysis *analysis, Node *expression, List **calls)
{
    struct float_chain chain = {.analysis = analysis};
    if (IsA(expression, CaseWhen) /* no expression: its members are */ || !find_query(expression, &chain) || !chain.query)
        return NULL;
    return check(&chain, expression, calls);
}

/* The columns that the chain takes instead of others. */
static void add_columns(struct float_chain *chain)
{
    for (int i = 0; i < list_length(chain->selects); i++) {
        SelectStmt *select = list_nth_node(SelectStmt, chain->selects, i);
        List *targets = list_nth(chain->additions, i);
        note_sums((Node *) targets, chain->analysis);
        select->targetList = list_concat(select->targetList, targets);
    }
    float_sums_forget(chain->analysis);
    chain->analysis->lifted_columns = list_concat(chain->analysis->lifted_columns, chain->columns);
}

/* A subquery, or a column of one: there is nothing else to lift. */
static bool has_subquery(Node *node, void *context)
{
    const struct float_chain *chain = context;
    if (!node)
        return false;
    if (IsA(node, SubLink) || (IsA(node, ColumnRef) && float_steps_concern(chain, node)))
        return true;
    return parse_walk(node, has_subquery, context);
}

Node *float_sums_lifted(struct analysis *analysis, const struct query *query, Node *expression, bool columns, List **calls, List **subqueries)
{
    struct float_chain chain = {.analysis = analysis, .query = query, .lifts = true, .takes_columns = columns};
    if (IsA(expression, CaseWhen) || IsA(expression, SortBy) || IsA(expression, ColumnRef) || !has_subquery(expression, &chain) ||
        !float_steps_concern(&chain, expression))
        return NULL;
    Node *node = check(&chain, expression, calls);
    if (!node || (!chain.subqueries && !chain.concerns))
        return NULL;
    add_columns(&chain);
    for (int i = 0; i < list_length(chain.subqueries); i++) {
        CommonTableExpr *cte = list_nth_node(CommonTableExpr, chain.subqueries, i);
        castNode(SelectStmt, cte->ctequery)->targetList = list_nth(chain.targets, i);
        note_sums(cte->ctequery, analysis);
    }
    *subqueries = chain.subqueries;
    return node;
}

/* A window function cannot stand in another one. */
static bool has_windows(const List *calls)
{
    ListCell *cell;
    foreach (cell, calls)
        if (lfirst_node(FuncCall, cell)->over)
            return true;
    return false;
}

/*
 * Sorted by what they are here, each must lie above all that the one before it could be; then so do all before that.  Only those that are known
 * to the bit may be equal.
 */
static Node *apart(const struct float_outcome *outcome)
{
    Node *values[] = {outcome->estimate.doubt ? outcome->estimate.doubt : expression_truth(false), float_steps_low(outcome), float_steps_high(outcome),
                      outcome->estimate.value, failure(outcome)};
    return expression_from("CASE WHEN $1 THEN $5"
                           " WHEN lag($3) OVER (ORDER BY $4) >= $2 AND NOT (lag($2) OVER (ORDER BY $4) = $3 AND lag($3) OVER (ORDER BY $4) = $2) THEN $5"
                           " ELSE false END",
                           values);
}

Node *float_sums_ordered(struct analysis *analysis, const struct query *query, Node *expression, Node **value, List **calls)
{
    struct float_chain chain = {.analysis = analysis, .query = query, .takes_columns = !query->select->groupClause};
    struct float_outcome outcome = {0};
    if (!float_steps_concern(&chain, expression) || !float_steps_follow(&chain, expression, &outcome) || !outcome.near || outcome.stage == STAGE_FIXED ||
        has_windows(chain.calls))
        return NULL;
    *calls = chain.calls;
    *value = (Node *) copyObjectImpl(outcome.estimate.value);
    Node *node = apart(&outcome);
    add_columns(&chain);
    note_sums(*value, analysis);
    note_sums(node, analysis);
    return node;
}

bool float_sums_concern(const struct analysis *analysis, const struct query *query, Node *expression)
{
    const struct float_chain chain = {.analysis = (struct analysis *) analysis, .query = query, .takes_columns = true};
    return float_steps_concern(&chain, expression);
}

bool float_sums_has(const struct analysis *analysis, const FuncCall *call)
{
    return parse_list_has(analysis->checked_sums, call);
}
