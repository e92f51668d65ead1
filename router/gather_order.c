/*
 * An aggregate that depends on the order of its rows is one of these:
 *
 *      harmless      in this query it does not, for what it is given (order_dependence)
 *      pushed        a shard computes it, over rows of its own alone: they are still in its order
 *      checked       a sum of floating-point numbers: the query finds out whether it shows (float_sums)
 *      shown         the query is refused
 */
#include "router/gather_order.h"

#include <string.h>

#include "router/expressions.h"
#include "router/float_columns.h"
#include "router/float_steps.h"
#include "router/float_sums.h"
#include "router/gather_push.h"
#include "router/order_dependence.h"

void gather_forget_harmless_orders(struct gathering *gathering)
{
    struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->order_dependent_count; i++) {
        struct order_dependent *dependent = &analysis->order_dependents[i];
        if (order_is_harmless(analysis, dependent))
            dependent->name = NULL;
    }
}

/* Rows of one shard are still in its order; a query without sharded tables has the rows of one PostgreSQL. */
static bool shows_order(const struct gathering *gathering, const struct order_dependent *dependent)
{
    const struct analysis *analysis = gathering->analysis;
    if (!dependent->query || !dependent->reader)
        return true;
    for (int i = dependent->query->first_scan; i < dependent->query->end_scan; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            return !dependent->reader->pushed;
    return false;
}

/* ---- jsonb_object_agg(key, value) ---- */

static bool is_unsteady(Node *node, void *context)
{
    const struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, SubLink))
        return true;
    if (IsA(node, FuncCall)) {
        struct function_facts facts = function_facts(gathering->analysis->planning, castNode(FuncCall, node));
        if (facts.class != FUNCTION_SAFE || facts.returns_set || facts.aggregate)
            return true;
    }
    return parse_walk(node, is_unsteady, context);
}

static Node *count_of(const FuncCall *call, Node *argument, bool distinct)
{
    FuncCall *count = expression_call("count", argument);
    count->agg_distinct = distinct;
    count->agg_filter = (Node *) copyObjectImpl(call->agg_filter);
    return (Node *) count;
}

/* Different keys make one object in every order, and equal ones with equal values do, if those may be computed twice: the query counts them. */
static Node *checked_object(const struct gathering *gathering, Node *node, List **calls)
{
    const FuncCall *call = IsA(node, FuncCall) ? castNode(FuncCall, node) : NULL;
    if (!call || strcmp(parse_name(call->funcname), "jsonb_object_agg") != 0 || list_length(call->args) != 2 || call->over || call->agg_order ||
        call->agg_distinct || !float_steps_dependent(gathering->analysis, node) || is_unsteady(linitial(call->args), (void *) gathering) ||
        is_unsteady(call->agg_filter, (void *) gathering) || function_facts(gathering->analysis->planning, call).users)
        return NULL;
    Node *key = EXPRESSION("$1::text", linitial(call->args));
    Node *keys = count_of(call, key, true), *all = count_of(call, key, false);
    if (!is_unsteady(lsecond(call->args), (void *) gathering))
        all = count_of(call, EXPRESSION("pg_catalog.jsonb_build_array($1, $2)::text", key, lsecond(call->args)), true);
    Node *checked = EXPRESSION("CASE WHEN CASE WHEN $1 <> $2 THEN ($3::text || coalesce($1::text, ''))::bool ELSE false END THEN NULL END", all, keys,
                               expression_text(EQUAL_KEYS_SEEN ": "));
    FuncCall *object = makeNode(FuncCall);
    *object = *call; /* of the same arguments: what they select from is known by where it stands */
    castNode(CaseExpr, checked)->defresult = (Expr *) object;
    *calls = list_make1(node);
    return checked;
}

Node *gather_checked_sum(const struct gathering *gathering, Node *expression, List **calls)
{
    Node *object = checked_object(gathering, expression, calls);
    return object ? object : float_sums_checked(gathering->analysis, expression, calls);
}

void gather_order_is_checked(struct gathering *gathering, const List *calls)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->order_dependent_count; i++)
        if (parse_list_has(calls, analysis->order_dependents[i].call))
            analysis->order_dependents[i].name = NULL;
    gathering->plan->checks_sums = true;
    float_sums_forget(gathering->analysis);
}

static bool any_shows_order(const struct gathering *gathering, const List *calls)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->order_dependent_count; i++)
        if (parse_list_has(calls, analysis->order_dependents[i].call) &&
            shows_order(gathering, &analysis->order_dependents[i]))
            return true;
    return false;
}

struct checking {
    struct gathering *gathering;
    bool changed;
};

static bool check_sum(Node **place, void *context)
{
    struct checking *checking = context;
    List *calls;
    Node *checked = gather_checked_sum(checking->gathering, *place, &calls);
    if (!checked || !any_shows_order(checking->gathering, calls)) {
        parse_visit(*place, check_sum, context); /* what it does not know stays as it is */
        return true;
    }
    gather_order_is_checked(checking->gathering, calls);
    checking->changed = true;
    *place = checked;
    return true;
}

/* A column keeps its name, whatever is in it now. */
static void check_target(struct gathering *gathering, ResTarget *target)
{
    struct checking checking = {gathering, false};
    const char *name = output_name(target);
    check_sum(&target->val, &checking);
    if (checking.changed)
        target->name = (char *) name;
}

static bool check_sums(Node *node, void *context)
{
    struct checking checking = {context, false};
    ListCell *cell;
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        SelectStmt *select = castNode(SelectStmt, node);
        foreach (cell, select->targetList)
            check_target(context, lfirst_node(ResTarget, cell));
        if (select->havingClause)
            check_sum(&select->havingClause, &checking);
        parse_visit_list(select->sortClause, check_sum, &checking);
        parse_visit_list(select->windowClause, check_sum, &checking);
    }
    return parse_walk(node, check_sums, context);
}

void gather_check_sums(struct gathering *gathering, SelectStmt *select)
{
    float_sums_forget(gathering->analysis);
    check_sums((Node *) select, gathering);
}

struct lifting {
    struct gathering *gathering;
    SelectStmt *select;
    const struct query *query;
    bool columns; /* of subqueries may give their places to others */
    List *apart;  /* conditions that rows are sorted by */
};

static bool lift_sum(Node **place, void *context)
{
    struct lifting *lifting = context;
    struct gathering *gathering = lifting->gathering;
    List *calls, *subqueries;
    Node *lifted = IsA(*place, WindowDef) ? NULL : float_sums_lifted(gathering->analysis, lifting->query, *place, lifting->columns, &calls, &subqueries);
    if (!lifted) {
        parse_visit(*place, lift_sum, context);
        return true;
    }
    gather_order_is_checked(gathering, calls);
    *place = lifted;
    if (!subqueries)
        return true;
    if (!lifting->select->withClause) {
        lifting->select->withClause = makeNode(WithClause);
        lifting->select->withClause->location = -1;
    }
    lifting->select->withClause->ctes = list_concat(lifting->select->withClause->ctes, subqueries);
    return true;
}

static void lift_of_join(struct lifting *lifting, Node *item)
{
    if (!IsA(item, JoinExpr))
        return;
    JoinExpr *join = castNode(JoinExpr, item);
    lift_of_join(lifting, join->larg);
    lift_of_join(lifting, join->rarg);
    if (join->quals)
        lift_sum(&join->quals, lifting);
}

/* What is selected as it is shows all of its digits, wherever it stands; what is computed with it keeps its name. */
static void lift_of_target(struct lifting *lifting, ResTarget *target)
{
    const char *name = output_name(target);
    const Node *value = target->val;
    if (!IsA(value, SubLink))
        lift_sum(&target->val, lifting);
    if (target->val != value)
        target->name = (char *) name;
}

static bool has_subquery(Node *node, void *context)
{
    return node && (IsA(node, SubLink) || parse_walk(node, has_subquery, context));
}

static int count_subqueries(const List *expressions)
{
    int count = 0;
    ListCell *cell;
    foreach (cell, expressions)
        count += has_subquery(lfirst(cell), NULL);
    return count;
}

/* What is selected may have to be equal to what stands in GROUP BY, by a number or a name, too, or in ORDER BY beside DISTINCT. */
static bool is_repeated(const SelectStmt *select)
{
    int count = count_subqueries(select->targetList) + count_subqueries(select->sortClause) + has_subquery(select->havingClause, NULL);
    return select->distinctClause || has_subquery((Node *) select->groupClause, NULL) || (select->groupClause && count > 1);
}

/* RANGE BETWEEN 1 PRECEDING …: how far rows are from each other shows more than which comes first.  It may be the order of another window. */
static bool measures(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, WindowDef) && (castNode(WindowDef, node)->frameOptions & FRAMEOPTION_RANGE) &&
        (castNode(WindowDef, node)->startOffset || castNode(WindowDef, node)->endOffset))
        return true;
    return parse_walk(node, measures, context);
}

/* ORDER BY name: an output, before a column. */
static bool names_output(const SelectStmt *select, const Node *node)
{
    const List *fields = IsA(node, ColumnRef) ? ((const ColumnRef *) node)->fields : NIL;
    ListCell *cell;
    if (list_length(fields) != 1 || !IsA(linitial(fields), String))
        return false;
    foreach (cell, select->targetList)
        if (!strcmp(output_name(lfirst_node(ResTarget, cell)), strVal(linitial(fields))))
            return true;
    return false;
}

static bool order_by_sum(Node **place, void *context)
{
    struct lifting *lifting = context;
    List *calls;
    if (IsA(*place, FuncCall) && castNode(FuncCall, *place)->agg_order) /* of the rows of a list */
        return true;
    if (!IsA(*place, SortBy)) {
        parse_visit(*place, order_by_sum, context); /* what it does not know stays as it is */
        return true;
    }
    SortBy *sort = castNode(SortBy, *place);
    Node *value, *apart = float_sums_ordered(lifting->gathering->analysis, lifting->query, sort->node, &value, &calls);
    if (!apart)
        return true;
    gather_order_is_checked(lifting->gathering, calls);
    sort->node = value;
    lifting->apart = lappend(lifting->apart, apart);
    return true;
}

/* What a query sorts by is computed of all of its rows, and before LIMIT. */
static void order_by_sums(struct lifting *lifting)
{
    SelectStmt *select = lifting->select;
    ListCell *cell;
    if (select->distinctClause || measures((Node *) select->targetList, NULL) || measures((Node *) select->windowClause, NULL) ||
        measures((Node *) select->sortClause, NULL))
        return;
    parse_visit_list(select->targetList, order_by_sum, lifting);
    parse_visit_list(select->windowClause, order_by_sum, lifting);
    foreach (cell, select->sortClause)
        if (!names_output(select, lfirst_node(SortBy, cell)->node))
            order_by_sum((Node **) &cell->ptr_value, lifting);
    foreach (cell, lifting->apart) {
        SortBy *sort = makeNode(SortBy);
        sort->node = lfirst(cell);
        sort->location = -1;
        select->sortClause = lappend(select->sortClause, sort);
    }
}

static bool has_aggregate(Node *node, void *context)
{
    const struct gathering *gathering = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, FuncCall) && !castNode(FuncCall, node)->over && function_facts(gathering->analysis->planning, castNode(FuncCall, node)).aggregate)
        return true;
    return parse_walk(node, has_aggregate, context);
}

/* What is grouped by, and said of groups, is an output of the query, or no such sum. */
static bool groups_by_outputs(const struct lifting *lifting)
{
    const SelectStmt *select = lifting->select;
    const struct analysis *analysis = lifting->gathering->analysis;
    ListCell *cell;
    int single = 0; /* what is grouped by, and expressions that contain it, must stay alike: there may be one */
    foreach (cell, select->groupClause)
        if (float_sums_concern(analysis, lifting->query, lfirst(cell)))
            return false;
    foreach (cell, select->targetList)
        single += float_sums_concern(analysis, lifting->query, lfirst_node(ResTarget, cell)->val) &&
                  !has_aggregate(lfirst_node(ResTarget, cell)->val, lifting->gathering);
    if (single > 1)
        return false;
    foreach (cell, select->sortClause)
        if (!names_output(select, lfirst_node(SortBy, cell)->node) && float_sums_concern(analysis, lifting->query, lfirst(cell)))
            return false;
    return !select->windowClause && !(select->havingClause && float_sums_concern(analysis, lifting->query, select->havingClause));
}

/* A subquery can only select more than it does if nobody takes all of it: * becomes names, from the inside to the outside. */
static bool name_columns(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node || parse_walk(node, name_columns, context) || !IsA(node, SelectStmt))
        return false;
    SelectStmt *select = castNode(SelectStmt, node);
    const struct query *query = gather_first_reading(gathering, select);
    List *targets = NIL;
    ListCell *cell;
    foreach (cell, query ? select->targetList : NIL) {
        Node *value = lfirst_node(ResTarget, cell)->val;
        bool star = IsA(value, ColumnRef) && IsA(llast(castNode(ColumnRef, value)->fields), A_Star);
        List *columns = star ? float_columns_of(gathering->analysis, query, castNode(ColumnRef, value)) : NIL;
        targets = columns ? list_concat(targets, columns) : lappend(targets, lfirst(cell));
    }
    if (query)
        select->targetList = targets;
    return false;
}

/* Where a shard computes all of a query, its rows are in its order. */
static bool mark_whole(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, SelectStmt) && gather_moves_whole(gathering, castNode(SelectStmt, node)))
        for (int i = 0; i < gathering->analysis->query_count; i++)
            if (gathering->analysis->queries[i]->select == castNode(SelectStmt, node))
                gathering->analysis->queries[i]->moves_whole = true;
    return parse_walk(node, mark_whole, context);
}

static bool lift_sums(Node *node, void *context)
{
    struct gathering *gathering = context;
    ListCell *cell;
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        SelectStmt *select = castNode(SelectStmt, node);
        struct lifting lifting = {gathering, select, gather_first_reading(gathering, select), true, NIL};
        if (lifting.query && lifting.query->moves_whole)
            return false;
        foreach (cell, lifting.query ? select->fromClause : NIL)
            lift_of_join(&lifting, lfirst(cell));
        if (lifting.query && select->whereClause)
            lift_sum(&select->whereClause, &lifting);
        lifting.columns = lifting.query && (!select->groupClause || groups_by_outputs(&lifting));
        foreach (cell, lifting.query && !is_repeated(select) ? select->targetList : NIL)
            lift_of_target(&lifting, lfirst_node(ResTarget, cell));
        lifting.columns = !select->groupClause;
        if (lifting.query && select->havingClause && !is_repeated(select))
            lift_sum(&select->havingClause, &lifting);
        if (lifting.query && select->op == SETOP_NONE)
            order_by_sums(&lifting);
    }
    return parse_walk(node, lift_sums, context);
}

static bool any_order_is_shown(const struct gathering *gathering)
{
    for (int i = 0; i < gathering->analysis->order_dependent_count; i++)
        if (gathering->analysis->order_dependents[i].name)
            return true;
    return false;
}

void gather_lift_sums(struct gathering *gathering, SelectStmt *select)
{
    if (!any_order_is_shown(gathering))
        return;
    mark_whole((Node *) select, gathering);
    name_columns((Node *) select, gathering);
    float_sums_forget(gathering->analysis);
    lift_sums((Node *) select, gathering);
}

const char *gather_shown_order(const struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->order_dependent_count; i++) {
        const struct order_dependent *dependent = &analysis->order_dependents[i];
        if (dependent->name && shows_order(gathering, dependent))
            return dependent->name;
    }
    return NULL;
}
