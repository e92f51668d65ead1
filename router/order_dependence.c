/*
 * Aggregates are known by name (PostgreSQL 15, 9.21): those that never care, those that add numbers and care
 * if these are floating-point, and all others, which care unless they are given an order.
 */
#include "router/order_dependence.h"

#include <string.h>

#include "router/sql_types.h"

enum { MOST_WINDOWS = 8 }; /* that build on each other */

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

static const char *const indifferent[] = {
    "count",
    "min",
    "max",
    "bool_and",
    "bool_or",
    "every",
    "bit_and",
    "bit_or",
    "bit_xor",
    "regr_count",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "grouping",
    "range_agg",
    "range_intersect_agg",
    NULL,
};

/* Their keys are sorted. */
static const char *const of_keys[] = {"jsonb_object_agg", NULL};

static const char *const adders[] = {
    "sum", "avg", "stddev", "stddev_pop", "stddev_samp", "variance", "var_pop", "var_samp", NULL,
};

/* These make floating-point numbers of whatever they get. */
static const char *const float_adders[] = {
    "corr",      "covar_pop", "covar_samp",     "regr_avgx",  "regr_avgy", "regr_intercept",
    "regr_r2",   "regr_sxx",  "regr_sxy",       "regr_syy",   "regr_slope", NULL,
};

/* Window functions that take rows by their place. */
static const char *const by_place[] = {
    "row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value", NULL,
};

static bool sums_in_any_order(const struct analysis *analysis)
{
    return analysis->planning->routing->settings->float_sums == FLOAT_SUMS_ANY_ORDER;
}

static bool has_column(Node *node, void *context)
{
    return node && (IsA(node, ColumnRef) || parse_walk(node, has_column, context));
}

/* By something that differs from row to row: in a window or an aggregate a number is no column's. */
static bool orders(const List *sort)
{
    return has_column((Node *) sort, NULL);
}

static const WindowDef *named_window(const SelectStmt *select, const char *name)
{
    ListCell *cell;
    foreach (cell, select->windowClause)
        if (lfirst_node(WindowDef, cell)->name && !strcmp(lfirst_node(WindowDef, cell)->name, name))
            return lfirst(cell);
    return NULL;
}

/* A window that builds on another one has its order, too. */
static bool has_order(const struct query *query, const WindowDef *window)
{
    for (int depth = 0; window && depth < MOST_WINDOWS; depth++) {
        const char *base = window->refname ? window->refname : depth == 0 ? window->name : NULL;
        if (orders(window->orderClause))
            return true;
        window = base && query && query->select ? named_window(query->select, base) : NULL;
    }
    return false;
}

/* Its rows are counted from the row at hand, which stands somewhere among its partition's. */
static bool counts_rows(const struct query *query, const WindowDef *window)
{
    const int whole = FRAMEOPTION_START_UNBOUNDED_PRECEDING | FRAMEOPTION_END_UNBOUNDED_FOLLOWING;
    if (window->name && query && query->select)
        window = named_window(query->select, window->name);
    return window && (window->frameOptions & FRAMEOPTION_ROWS) && (window->frameOptions & whole) != whole;
}

enum order_dependence call_order_dependence(const struct analysis *analysis, const struct query *query, const FuncCall *call,
                                            const struct function_facts *facts)
{
    const char *name = facts->name;
    if (call->over && !has_order(query, call->over) && (is_among(name, by_place) || counts_rows(query, call->over)))
        return ORDER_SHOWN;
    if (call->over && is_among(name, by_place))
        return ORDER_IGNORED;
    if ((!facts->aggregate && !call->over) || (!facts->shadowed && is_among(name, indifferent)))
        return ORDER_IGNORED;
    if (facts->any_order)
        return ORDER_IGNORED;
    if (!facts->shadowed && is_among(name, adders))
        return sums_in_any_order(analysis) ? ORDER_IGNORED : ORDER_ADDED;
    if (!facts->shadowed && is_among(name, float_adders))
        return sums_in_any_order(analysis) ? ORDER_IGNORED : ORDER_ADDED;
    if (!facts->shadowed && is_among(name, of_keys) && !call->over && !call->agg_order && !call->agg_distinct)
        return ORDER_OF_KEYS;
    if (!call->over && !has_column((Node *) call->args, NULL) && !facts->users) /* the same value from each row */
        return ORDER_IGNORED;
    bool ordered = orders(call->agg_order) || call->agg_within_group || call->agg_distinct || (call->over && has_order(query, call->over));
    return ordered ? ORDER_IGNORED : ORDER_SHOWN;
}

/* ---- where the order of a list is not seen ---- */

/* These take a list's length. */
static const char *const measures[] = {"array_length", "cardinality",      "array_upper",
                                       "array_lower",  "json_array_length", "jsonb_array_length", NULL};

/* (SELECT array_agg(…) …) */
static void unseen_of_subquery(struct analysis *analysis, const SubLink *link)
{
    const SelectStmt *select = castNode(SelectStmt, link->subselect);
    if (link->subLinkType == EXPR_SUBLINK && list_length(select->targetList) == 1)
        order_unseen(analysis, linitial_node(ResTarget, select->targetList)->val);
}

bool order_is_unseen(const struct analysis *analysis, const void *list)
{
    return parse_list_has(analysis->unordered, list);
}

void order_unseen(struct analysis *analysis, Node *list)
{
    ListCell *cell;
    if (!list)
        return;
    if (IsA(list, FuncCall) || IsA(list, SubLink))
        analysis->unordered = lappend(analysis->unordered, list);
    if (IsA(list, SubLink))
        unseen_of_subquery(analysis, castNode(SubLink, list));
    if (IsA(list, TypeCast) && castNode(TypeCast, list)->typeName->arrayBounds)
        order_unseen(analysis, castNode(TypeCast, list)->arg);
    if (IsA(list, CoalesceExpr))
        foreach (cell, castNode(CoalesceExpr, list)->args)
            order_unseen(analysis, lfirst(cell));
}

/* All separators of one length: a text of the same length. */
static bool joins_by_constant(Node *node)
{
    return IsA(node, FuncCall) && !strcmp(parse_name(castNode(FuncCall, node)->funcname), "string_agg") &&
           list_length(castNode(FuncCall, node)->args) == 2 && IsA(lsecond(castNode(FuncCall, node)->args), A_Const);
}

static void unseen_by_call(struct analysis *analysis, const FuncCall *call)
{
    static const char *const lengths[] = {"length", "char_length", "character_length", "octet_length", NULL};
    struct function_facts facts = function_facts(analysis->planning, call);
    if (facts.users || !call->args)
        return;
    if (is_among(facts.name, measures) || (is_among(facts.name, lengths) && joins_by_constant(linitial(call->args))))
        order_unseen(analysis, linitial(call->args));
}

/* = ANY (list), list @> list */
static void unseen_by_operator(struct analysis *analysis, const A_Expr *expression)
{
    static const char *const containments[] = {"@>", "<@", "&&", NULL};
    if (function_facts_of_name(analysis->planning, expression->name).users)
        return;
    bool contains = expression->kind == AEXPR_OP && is_among(parse_name(expression->name), containments);
    if (contains || expression->kind == AEXPR_OP_ANY || expression->kind == AEXPR_OP_ALL)
        order_unseen(analysis, expression->rexpr);
    if (contains)
        order_unseen(analysis, expression->lexpr);
}

void order_unseen_by(struct analysis *analysis, Node *node)
{
    if (IsA(node, FuncCall))
        unseen_by_call(analysis, castNode(FuncCall, node));
    if (IsA(node, A_Expr))
        unseen_by_operator(analysis, castNode(A_Expr, node));
    if (IsA(node, NullTest))
        order_unseen(analysis, (Node *) castNode(NullTest, node)->arg);
}

/* ---- rows in order ---- */

/* One row for each of those that it is joined to, and found by them: nothing but a nested loop can do that. */
static bool is_one_lateral_row(const struct source *source, const Node *item)
{
    const struct query *query = source->kind == SOURCE_QUERY ? source->query : NULL;
    return query && IsA(item, RangeSubselect) && ((const RangeSubselect *) item)->lateral && query->correlated &&
           !query->set_operation && query->aggregates && !query->select->groupClause;
}

static bool has_ordered_arm(const struct query *query);

/* (SELECT … ORDER BY …) UNION ALL …: one arm behind the other, each in its order. */
static bool is_ordered_arm(struct query *arm)
{
    if (arm->set_operation ? has_ordered_arm(arm) : arm->select && !arm->select->sortClause && order_is_kept(arm))
        arm->passes_order = true;
    return arm->passes_order || (arm->select && arm->select->sortClause);
}

static bool has_ordered_arm(const struct query *query)
{
    if (query->select->op != SETOP_UNION || !query->select->all)
        return false;
    bool left = is_ordered_arm(query->left), right = is_ordered_arm(query->right);
    return left || right;
}

/* ORDER BY of its own, or rows one by one of a query that has it: the shards must not compute those then. */
static bool is_ordered_query(struct query *query)
{
    const SelectStmt *select = query->select;
    if (select->sortClause)
        return true;
    query->passes_order |= query->set_operation && has_ordered_arm(query);
    query->passes_order |=
        !query->set_operation && !select->valuesLists && !query->aggregates && order_of_input(query);
    return query->passes_order;
}

static bool is_ordered_source(const struct source *source, const Node *item)
{
    if (source->kind == SOURCE_QUERY)
        return is_ordered_query(source->query);
    if (source->kind != SOURCE_JOIN || !IsA(item, JoinExpr))
        return false;
    return (source->join == JOIN_LEFT || source->join == JOIN_INNER) &&
           is_one_lateral_row(source->right, ((const JoinExpr *) item)->rarg) &&
           is_ordered_source(source->left, ((const JoinExpr *) item)->larg);
}

static bool has_sublink(Node *node, void *context)
{
    return node && (IsA(node, SubLink) || parse_walk(node, has_sublink, context));
}

/* Without FROM: no more than one row. */
static bool is_one_row(const struct source *source)
{
    const SelectStmt *select = source->kind == SOURCE_QUERY ? source->query->select : NULL;
    return select && select->op == SETOP_NONE && !select->valuesLists && !select->fromClause && source->merged;
}

const struct source *order_source(const struct query *query, const Node **item)
{
    int last = query->from_count - 1;
    for (int i = 0; i < last; i++)
        if (!is_one_row(query->from[i]))
            return NULL;
    if (last < 0)
        return NULL;
    *item = list_nth(query->select->fromClause, last);
    return query->from[last];
}

static bool keeps_order(const struct query *query)
{
    const Node *item;
    const struct source *source = order_source(query, &item);
    return source && !has_sublink(query->select->whereClause, NULL) && is_ordered_source(source, item);
}

/* They come as a subquery gave them, unless they are sorted again (PostgreSQL 15, 9.21), or joined to what is asked for in WHERE; it
 * may be a CTE or a view. */
bool order_of_input(const struct query *query)
{
    const SelectStmt *select = query ? query->select : NULL;
    return select && !select->groupClause && !select->distinctClause && !query->windows && keeps_order(query);
}

/* ---- groups of rows in order ---- */

/* GROUP BY column, or its number among the outputs; NULL: something else. */
static const char *name_of_group(const SelectStmt *select, const Node *group)
{
    if (IsA(group, A_Const) && IsA(&((const A_Const *) group)->val, Integer)) {
        int number = intVal(&((const A_Const *) group)->val);
        if (number < 1 || number > list_length(select->targetList))
            return NULL;
        group = list_nth_node(ResTarget, select->targetList, number - 1)->val;
    }
    const Node *last = IsA(group, ColumnRef) ? llast(((const ColumnRef *) group)->fields) : NULL;
    return last && IsA(last, String) ? strVal(last) : NULL;
}

/* The output of that name; NULL: there is none, more than one, or a star. */
static const ResTarget *output_named(const SelectStmt *select, const char *name, int *number)
{
    const ResTarget *found = NULL;
    ListCell *cell;
    foreach (cell, select->targetList) {
        const ResTarget *target = lfirst_node(ResTarget, cell);
        if (IsA(target->val, ColumnRef) && IsA(llast(castNode(ColumnRef, target->val)->fields), A_Star))
            return NULL;
        if (strcmp(output_name(target), name))
            continue;
        if (found)
            return NULL;
        found = target;
        *number = foreach_current_index(cell) + 1;
    }
    return found;
}

/* In the order in which groups are sorted. */
static bool is_plain_sort(const SortBy *sort)
{
    return !sort->useOp && sort->sortby_dir != SORTBY_DESC && sort->sortby_nulls != SORTBY_NULLS_FIRST;
}

/* ORDER BY the output of that name. */
static bool sorts_by_output(const SelectStmt *select, const SortBy *sort, const char *name)
{
    int number = 0;
    const ResTarget *target = output_named(select, name, &number);
    const Node *node = sort->node;
    if (!target || !is_plain_sort(sort))
        return false;
    if (IsA(node, A_Const))
        return IsA(&((const A_Const *) node)->val, Integer) && intVal(&((const A_Const *) node)->val) == number;
    bool named = IsA(node, ColumnRef) && list_length(((const ColumnRef *) node)->fields) == 1;
    return (named && !strcmp(strVal(linitial(((const ColumnRef *) node)->fields)), name)) || equal(node, target->val);
}

/* (SELECT …) whose columns keep their names. */
static bool is_plain_subquery(const Node *item)
{
    const RangeSubselect *subquery = IsA(item, RangeSubselect) ? (const RangeSubselect *) item : NULL;
    return subquery && !(subquery->alias && subquery->alias->colnames);
}

/* ORDER BY the first groups, or by what is computed of them: nothing is sorted for it before they are made (planner.c, preprocess_groupclause). */
static bool sorts_groups_alike(const SelectStmt *select)
{
    for (int i = 0; i < list_length(select->sortClause); i++) {
        const SortBy *sort = list_nth_node(SortBy, select->sortClause, i);
        const char *name = name_of_group(select, sort->node);
        const char *group = i < list_length(select->groupClause) ? name_of_group(select, list_nth(select->groupClause, i)) : NULL;
        if (IsA(sort->node, FuncCall))
            return true;
        if (!name || !group || strcmp(name, group) || !is_plain_sort(sort))
            return false;
    }
    return true;
}

/*
 * Groups by the first columns that a subquery sorts by: whether PostgreSQL hashes the groups or takes them as they come, the rows of each are in
 * the subquery's order.  By others it might sort again.
 */
static bool groups_in_order(const struct query *query)
{
    const SelectStmt *select = query->select;
    const Node *item;
    const struct source *source = query->from_count == 1 && keeps_order(query) ? order_source(query, &item) : NULL;
    const SelectStmt *inner = source && source->kind == SOURCE_QUERY ? source->query->select : NULL;
    if (!inner || !inner->sortClause || inner->op != SETOP_NONE || !is_plain_subquery(item) || select->distinctClause || query->windows ||
        !sorts_groups_alike(select) || list_length(inner->sortClause) < list_length(select->groupClause))
        return false;
    for (int i = 0; i < list_length(select->groupClause); i++) {
        const char *name = name_of_group(select, list_nth(select->groupClause, i));
        if (!name || !sorts_by_output(inner, list_nth_node(SortBy, inner->sortClause, i), name))
            return false;
    }
    return true;
}

bool order_of_aggregated(const struct query *query)
{
    return order_of_input(query) || (query && query->select && query->select->groupClause && groups_in_order(query));
}

/* ---- windows ---- */

/* A window function for which rows are sorted. */
static bool sorts_again(Node *node, void *context)
{
    const struct query *query = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, FuncCall) && castNode(FuncCall, node)->over) {
        const WindowDef *window = castNode(FuncCall, node)->over;
        const WindowDef *named = window->name ? named_window(query->select, window->name) : window;
        if (!named || named->refname || named->partitionClause || named->orderClause)
            return true;
    }
    return parse_walk(node, sorts_again, context);
}

static bool has_order_of_its_own(const struct query *query)
{
    ListCell *cell;
    foreach (cell, query->select->targetList)
        if (sorts_again((Node *) lfirst(cell), (void *) query))
            return true;
    return false;
}

bool order_is_kept(const struct query *query)
{
    const SelectStmt *select = query->select;
    if (query->set_operation)
        return select && !select->sortClause && has_ordered_arm(query);
    if (!select || query->aggregates || select->valuesLists || select->groupClause || (select->sortClause && !query->windows) || has_order_of_its_own(query))
        return false;
    return keeps_order(query);
}

/* ---- what is different in all rows ---- */

/* The one table that the query reads; NULL: it is not that simple. */
static const struct scan *only_scan(const struct analysis *analysis, const struct query *query)
{
    bool one = query && query->from_count == 1 && query->from[0]->kind == SOURCE_SCAN;
    const struct scan *scan = one ? &analysis->scans[query->from[0]->scan] : NULL;
    return scan && scan->first_slot >= 0 && scan->relation.relation ? scan : NULL;
}

/* A unique index holds over all shards if it contains the key, and for rows without NULLs. */
static bool is_unique_everywhere(const struct scan *scan, const struct catalog_unique *unique)
{
    const struct catalog_relation *relation = scan->relation.relation;
    if (relation->has_children || !scan->relation.table || scan->relation.table->problem)
        return false;
    for (int i = 0; i < unique->column_count; i++)
        if (!relation->columns[unique->columns[i]].not_null)
            return false;
    for (size_t k = 0; scan_is_sharded(scan) && k < scan->relation.table->settings->key_count; k++) {
        bool found = false;
        for (int i = 0; i < unique->column_count; i++)
            found |= unique->columns[i] == scan->relation.table->key_columns[k];
        if (!found)
            return false;
    }
    return true;
}

static bool names_slot(struct analysis *analysis, const struct query *query, const List *expressions, int slot)
{
    ListCell *cell;
    foreach (cell, expressions) {
        Node *node = IsA(lfirst(cell), SortBy) ? lfirst_node(SortBy, cell)->node : lfirst(cell);
        if (IsA(node, ColumnRef) && analysis_slot(analysis, query, node) == slot)
            return true;
    }
    return false;
}

/* Has each row of the query values of its own in these columns? */
static bool tell_rows_apart(struct analysis *analysis, const struct query *query, const List *expressions)
{
    const struct scan *scan = only_scan(analysis, query);
    const struct catalog_relation *relation = scan ? scan->relation.relation : NULL;
    for (int u = 0; relation && u < relation->unique_count; u++) {
        const struct catalog_unique *unique = &relation->uniques[u];
        bool all = is_unique_everywhere(scan, unique);
        for (int i = 0; all && i < unique->column_count; i++)
            all = names_slot(analysis, query, expressions, scan->first_slot + unique->columns[i]);
        if (all)
            return true;
    }
    return false;
}

/* WHERE false, alone or beside other conditions. */
static bool reads_nothing(const Node *condition)
{
    ListCell *cell;
    if (condition && IsA(condition, BoolExpr) && ((const BoolExpr *) condition)->boolop == AND_EXPR)
        foreach (cell, ((const BoolExpr *) condition)->args)
            if (reads_nothing(lfirst(cell)))
                return true;
    const A_Const *constant = condition && IsA(condition, A_Const) ? (const A_Const *) condition : NULL;
    return constant && !constant->isnull && IsA(&constant->val, Boolean) && !constant->val.boolval.boolval;
}

/* Different values of these types have different texts. */
static bool has_text_of_its_own(uint32_t type)
{
    return type_is_integer(type) || type_is_text(type) || type == TYPE_bpchar || type == TYPE_numeric ||
           type == TYPE_uuid || type == TYPE_date || type == TYPE_bool;
}

/* Is the subquery's column the only thing that it groups by? */
static bool is_only_group(struct analysis *analysis, const struct query *inner, int column)
{
    const struct output *output = &inner->outputs[column];
    const struct text_order *order;
    if (list_length(inner->select->groupClause) != 1 || !inner->outputs_known || !output->expression ||
        !has_text_of_its_own(analysis_infer(analysis, inner, output->expression, &order)))
        return false;
    const Node *group = linitial(inner->select->groupClause);
    if (IsA(group, A_Const))
        return IsA(&((const A_Const *) group)->val, Integer) && intVal(&((const A_Const *) group)->val) == column + 1;
    return equal(group, output->expression);
}

static bool has_different_keys(struct analysis *analysis, const struct query *query, const FuncCall *call)
{
    Node *key = call->args ? linitial(call->args) : NULL;
    const struct text_order *order;
    if (!query || !query->scope || !key || !IsA(key, ColumnRef) || query->from_count != 1)
        return false;
    const struct source *source = query->from[0];
    if (source->kind == SOURCE_SCAN)
        return has_text_of_its_own(analysis_infer(analysis, query, key, &order)) &&
               tell_rows_apart(analysis, query, list_make1(key));
    int slot = analysis_slot(analysis, query, key);
    if (source->kind != SOURCE_QUERY || source->merged || slot < 0 || source->query->set_operation)
        return false;
    for (int i = 0; i < source->output_count; i++)
        if (source->outputs[i].slot == slot)
            return is_only_group(analysis, source->query, i);
    return false;
}

/* ---- numbers that add up to the same ---- */

static bool is_exact(struct analysis *analysis, const struct query *query, const FuncCall *call)
{
    const struct text_order *order;
    uint32_t type = analysis_infer(analysis, query, linitial(call->args), &order);
    return type_is_integer(type) || type == TYPE_numeric || type == TYPE_interval || type == TYPE_money;
}

/* The columns that say where a row stands in its window: a window that builds on another has its columns, too. */
static List *places_in_window(const struct query *query, const WindowDef *window)
{
    List *places = NIL;
    for (int depth = 0; window && depth < MOST_WINDOWS; depth++) {
        const char *base = window->refname ? window->refname : depth == 0 ? window->name : NULL;
        places = list_concat(list_concat(places, window->partitionClause), window->orderClause);
        window = base ? named_window(query->select, base) : NULL;
    }
    return places;
}

/* Sorted by what is added itself, or by what no two rows share; those of one partition differ in the rest. */
static bool adds_in_order(struct analysis *analysis, const struct query *query, const FuncCall *call)
{
    ListCell *cell;
    if (call->over)
        return has_order(query, call->over) && tell_rows_apart(analysis, query, places_in_window(query, call->over));
    foreach (cell, call->agg_order)
        if (list_length(call->args) == 1 && equal(lfirst_node(SortBy, cell)->node, linitial(call->args)))
            return true;
    return call->agg_distinct || (call->agg_order && tell_rows_apart(analysis, query, call->agg_order));
}

bool order_is_harmless(struct analysis *analysis, const struct order_dependent *dependent)
{
    const FuncCall *call = dependent->call;
    const struct query *query = dependent->query;
    if (!query || !query->scope)
        return false;
    if (query->select && reads_nothing(query->select->whereClause))
        return true;
    if (!call)
        return false;
    struct function_facts facts = function_facts(analysis->planning, call);
    switch (call_order_dependence(analysis, query, call, &facts)) {
    case ORDER_IGNORED:
        return true;
    case ORDER_SHOWN:
        return call->over && order_is_kept(query);
    case ORDER_OF_KEYS:
        return has_different_keys(analysis, query, call);
    case ORDER_ADDED:
        break;
    }
    return call->args && !facts.users &&
           ((list_length(call->args) == 1 && is_exact(analysis, query, call)) || adds_in_order(analysis, query, call));
}
