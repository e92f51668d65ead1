/*
 * Queries: a SELECT and its WITH become regions; what its clauses say is read with the region that each may
 * rely on.
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/function_query.h"

/* A recursive or data-changing query is read once, where it stands; what refers to it sees unknown columns.
 */
static void read_with_query(struct analysis *analysis, struct cte *cte)
{
    Node *query = cte->node->ctequery;
    if (IsA(query, SelectStmt)) {
        cte->query = read_select(analysis, castNode(SelectStmt, query), cte->scope, region_new(analysis, -1), false);
    } else {
        analysis->modifying = true;
        read_change(analysis, query, cte->scope);
    }
}

static struct cte *add_cte(struct analysis *analysis, struct scope *scope, CommonTableExpr *node, bool opaque)
{
    struct cte *cte = arena_alloc(analysis->arena, sizeof *cte);
    *cte = (struct cte){.next = scope->ctes, .name = node->ctename, .node = node, .opaque = opaque};
    cte->scope = scope_new(analysis, scope->outer);
    cte->scope->ctes = scope->ctes;
    return cte;
}

static bool is_cte_of(const struct cte *cte, const WithClause *with)
{
    ListCell *cell;
    foreach (cell, with->ctes)
        if (lfirst(cell) == cte->node)
            return true;
    return false;
}

void read_with(struct analysis *analysis, const WithClause *with, struct scope *scope)
{
    ListCell *cell;
    if (!with)
        return;
    if (with->recursive)
        analysis->recursive = linitial_node(CommonTableExpr, with->ctes)->ctename;
    foreach (cell, with->ctes) {
        CommonTableExpr *node = lfirst_node(CommonTableExpr, cell);
        struct cte *cte = add_cte(analysis, scope, node, with->recursive || !IsA(node->ctequery, SelectStmt));
        scope->ctes = cte;
        if (with->recursive)
            continue;
        if (cte->opaque)
            read_with_query(analysis, cte);
    }
    if (!with->recursive)
        return;
    foreach (cell, with->ctes) { /* most refer to those before them, whose columns are known then */
        struct cte *cte = scope->ctes;
        while (cte->node != lfirst(cell))
            cte = cte->next;
        cte->scope->ctes = scope->ctes; /* RECURSIVE queries see each other, and themselves */
        read_with_query(analysis, cte);
    }
}

/* A query that nothing refers to is not run; that its tables are there is checked all the same. */
void read_unused_with(struct analysis *analysis, const WithClause *with, struct scope *scope)
{
    if (!with)
        return;
    for (struct cte *cte = scope->ctes; cte && is_cte_of(cte, with); cte = cte->next)
        if (!cte->used && !cte->opaque)
            read_with_query(analysis, cte);
}

void read_in_clause(struct analysis *analysis, Node *expression, struct query *query, int region,
                    enum clause clause)
{
    enum clause before = analysis->clause;
    analysis->clause = clause;
    read_expression(analysis, expression, query->scope, region);
    analysis->clause = before;
}

struct calls {
    struct analysis *analysis;
    bool aggregates, windows;
};

static bool find_calls(Node *node, void *context)
{
    struct calls *calls = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, GroupingFunc))
        calls->aggregates = true;
    if (IsA(node, FuncCall)) {
        const FuncCall *call = castNode(FuncCall, node);
        struct function_facts facts = function_facts(calls->analysis->planning, call);
        bool may_aggregate = facts.aggregate || facts.class == FUNCTION_UNKNOWN || call->agg_star ||
                             call->agg_order || call->agg_filter || call->agg_distinct ||
                             call->agg_within_group;
        calls->windows |= call->over != NULL;
        calls->aggregates |= may_aggregate && !call->over;
    }
    return parse_walk(node, find_calls, context);
}

static struct calls calls_of(struct analysis *analysis, const SelectStmt *select)
{
    struct calls calls = {.analysis = analysis};
    find_calls((Node *) select->targetList, &calls);
    find_calls((Node *) select->sortClause, &calls);
    find_calls((Node *) select->distinctClause, &calls);
    find_calls(select->havingClause, &calls);
    return calls;
}

/* DISTINCT alone is a list of one NULL. */
bool select_has_distinct_on(const SelectStmt *select)
{
    return select->distinctClause && linitial(select->distinctClause);
}

bool select_is_plain(struct analysis *analysis, const SelectStmt *select)
{
    if (select->op != SETOP_NONE || select->valuesLists || select->groupClause || select->havingClause ||
        select->limitCount || select->limitOffset || select_has_distinct_on(select))
        return false;
    struct calls calls = calls_of(analysis, select);
    return !calls.aggregates && !calls.windows;
}

bool select_has_grouping_sets(const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->groupClause)
        if (IsA(lfirst(cell), GroupingSet))
            return true;
    return false;
}

static bool is_listed(struct analysis *analysis, const struct query *query, const List *expressions, int slot)
{
    ListCell *cell;
    foreach (cell, expressions)
        if (analysis_slot(analysis, query, lfirst(cell)) == slot)
            return true;
    return false;
}

static const List *window_partition(const SelectStmt *select, const WindowDef *window)
{
    ListCell *cell;
    const char *name = window->refname ? window->refname : window->name;
    if (window->partitionClause || !name)
        return window->partitionClause;
    foreach (cell, select->windowClause) {
        const WindowDef *other = lfirst_node(WindowDef, cell);
        if (other != window && other->name && !strcmp(other->name, name))
            return other->refname ? NIL : other->partitionClause;
    }
    return NIL;
}

struct window_search {
    struct analysis *analysis;
    const struct query *query;
    int region, slot;
};

static bool has_unpartitioned(Node *node, void *context)
{
    struct window_search *search = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, FuncCall) && castNode(FuncCall, node)->over) {
        const List *partition = window_partition(search->query->select, castNode(FuncCall, node)->over);
        bool found = false;
        ListCell *cell;
        foreach (cell, partition) {
            int slot = analysis_slot(search->analysis, search->query, lfirst(cell));
            found |= slot == search->slot ||
                     (slot >= 0 && analysis_equal(search->analysis, search->region, slot, search->slot));
        }
        if (!found)
            return true;
    }
    return parse_walk(node, has_unpartitioned, context);
}

bool query_partitions_by(struct analysis *analysis, const struct query *query, int slot)
{
    struct window_search search = {analysis, query, query->region, slot};
    return !has_unpartitioned((Node *) query->select->targetList, &search) &&
           !has_unpartitioned((Node *) query->select->sortClause, &search) &&
           !has_unpartitioned((Node *) query->select->distinctClause, &search);
}

bool query_filter_moves_in(struct analysis *analysis, const struct query *query, int column)
{
    const SelectStmt *select = query->select;
    int slot = query->outputs[column].slot;
    if (select->limitCount || select->limitOffset || select_has_grouping_sets(select) ||
        (query->aggregates && !select->groupClause))
        return false;
    if (select_has_distinct_on(select) && !is_listed(analysis, query, select->distinctClause, slot))
        return false;
    return !query->windows || query_partitions_by(analysis, query, slot);
}

struct query *query_new(struct analysis *analysis, SelectStmt *select, struct scope *outer, int region)
{
    struct query *query = arena_alloc(analysis->arena, sizeof *query);
    query->select = select;
    query->region = region;
    query->scope = scope_new(analysis, outer);
    query->depth = query->scope->depth = analysis->depth + 1;
    query->first_scan = analysis->scan_count;
    *ARRAY_ADD(analysis, analysis->queries, analysis->query_count, analysis->query_room) = query;
    return query;
}

static void note_limits_inside(struct analysis *analysis, const SelectStmt *select)
{
    analysis->limited_inside |= select->limitCount || select->limitOffset;
    analysis->locks |= select->lockingClause != NIL;
}

static void read_limits(struct analysis *analysis, struct query *query)
{
    const SelectStmt *select = query->select;
    read_in_clause(analysis, select->limitCount, query, query->region, CLAUSE_OTHER);
    read_in_clause(analysis, select->limitOffset, query, query->region, CLAUSE_OTHER);
    if (analysis->depth > 0)
        note_limits_inside(analysis, select);
}

/* The slot of a column of VALUES, which is in no equality. */
static int slot_of_values(struct analysis *analysis, const struct query *query, int column)
{
    List *values = NIL;
    ListCell *cell;
    foreach (cell, query->select->valuesLists)
        if (column < list_length(lfirst(cell)))
            values = lappend(values, list_nth(lfirst(cell), column));
    struct slot slot = {.type = type_of_choice(analysis, query, values)};
    return slot.type ? slot_new(analysis, &slot) : NO_SLOT;
}

static struct query *read_values(struct analysis *analysis, struct query *query)
{
    read_in_clause(analysis, (Node *) query->select->valuesLists, query, query->region, CLAUSE_OTHER);
    read_in_clause(analysis, (Node *) query->select->sortClause, query, query->region, CLAUSE_OTHER);
    query->output_count = list_length(linitial(query->select->valuesLists));
    query->outputs = arena_alloc_array(analysis->arena, (size_t) query->output_count, sizeof *query->outputs);
    for (int i = 0; i < query->output_count; i++)
        query->outputs[i] = (struct output){.name = arena_printf(analysis->arena, "column%d", i + 1), .slot = slot_of_values(analysis, query, i)};
    query->outputs_known = true;
    return query;
}

/* An ungrouped aggregate gives a row even when no row satisfies the WHERE: what stands beside it must not
 * inherit that. */
static int region_of_outputs(const struct query *query, int parent)
{
    const SelectStmt *select = query->select;
    bool always_a_row = (query->aggregates && !select->groupClause) || select_has_grouping_sets(select);
    return always_a_row ? parent : query->region;
}

static struct query *read_leaf(struct analysis *analysis, struct query *query, struct scope *outer,
                               int parent)
{
    SelectStmt *select = query->select;
    struct calls calls = calls_of(analysis, select);
    query->aggregates = calls.aggregates || (select->havingClause && !select->groupClause);
    query->windows = calls.windows;
    analysis->clause = CLAUSE_FROM;
    read_from_list(analysis, query, select->fromClause, outer);
    put_queries(analysis, query);
    analysis->clause = CLAUSE_FILTER;
    read_condition(analysis, select->whereClause, query->scope, query->region);
    query->rows_end_scan = analysis->scan_count;
    int region = region_of_outputs(query, parent);
    analysis->clause = CLAUSE_OUTPUT;
    read_expression(analysis, (Node *) select->targetList, query->scope, region);
    read_in_clause(analysis, (Node *) select->groupClause, query, region, CLAUSE_OTHER);
    read_in_clause(analysis, select->havingClause, query, region, CLAUSE_FILTER);
    read_in_clause(analysis, (Node *) select->windowClause, query, region, CLAUSE_OTHER);
    read_in_clause(analysis, (Node *) select->sortClause, query, region, CLAUSE_OTHER);
    if (select_has_distinct_on(select))
        analysis->order_sensitive = "DISTINCT ON";
    if (select_has_distinct_on(select))
        read_in_clause(analysis, (Node *) select->distinctClause, query, region, CLAUSE_OTHER);
    read_outputs(analysis, query);
    return query;
}

/* An arm is as deep as its union, but its own LIMIT counts its rows alone. */
static struct query *read_arm(struct analysis *analysis, struct query *query, SelectStmt *select)
{
    analysis->depth--;
    struct query *arm = read_select(analysis, select, query->scope, query->region, false);
    analysis->depth++;
    note_limits_inside(analysis, select);
    return arm;
}

static struct query *read_arms(struct analysis *analysis, struct query *query)
{
    query->set_operation = true;
    query->left = read_arm(analysis, query, query->select->larg);
    query->right = read_arm(analysis, query, query->select->rarg);
    query->outputs_known = query->left->outputs_known;
    query->output_count = query->left->output_count;
    query->outputs = arena_alloc_array(analysis->arena, (size_t) query->output_count, sizeof *query->outputs);
    for (int i = 0; i < query->output_count; i++)
        query->outputs[i] = (struct output){.name = query->left->outputs[i].name, .slot = NO_SLOT};
    return query;
}

struct query *read_select(struct analysis *analysis, SelectStmt *select, struct scope *outer, int parent,
                          bool merge)
{
    enum clause clause = analysis->clause;
    struct query *query = query_new(analysis, select, outer, merge ? parent : region_new(analysis, parent));
    query->around = analysis->reading;
    analysis->reading = query;
    analysis->depth++;
    read_with(analysis, select->withClause, query->scope);
    if (select->op != SETOP_NONE)
        read_arms(analysis, query);
    else if (select->valuesLists)
        read_values(analysis, query);
    else
        read_leaf(analysis, query, outer, parent);
    read_limits(analysis, query);
    read_unused_with(analysis, select->withClause, query->scope);
    analysis->depth--;
    analysis->clause = clause;
    analysis->reading = query->around;
    query->end_scan = analysis->scan_count;
    return query;
}

struct query *analyze_select(struct analysis *analysis, SelectStmt *select)
{
    return read_select(analysis, select, NULL, ROOT_REGION, false);
}
