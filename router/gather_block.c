/*
 * Of a query whose FROM and WHERE alone are a disjoint union of what the shards find (prove_block), these become a part
 * with the columns that the rest of the query speaks of; the rest stays, over the copy.  If it groups, the part has groups, too:
 * the same or finer ones, with the partial values that its aggregates are made of (aggregate_split); if one of these cannot be made of
 * parts, the part has the rows.
 *
 * Of a query with LIMIT that neither groups nor looks at rows together, the first rows of each shard are enough: those that
 * come first among all come first on their shard, if all shards sort alike.
 *
 * The clauses are visited twice: first to find what columns the part must have, and whether it can have them; then to
 * put the copy's columns in their place.
 */
#include <string.h>

#include "router/aggregate_split.h"
#include "router/expressions.h"
#include "router/gather_clauses.h"
#include "router/gather_fit.h"
#include "router/gather_groups.h"
#include "router/gather_order.h"
#include "router/gather_push.h"
#include "router/gather_unread.h"
#include "router/order_dependence.h"
#include "router/rewrite.h"
#include "router/sql_types.h"

static bool is_block(struct analysis *analysis, const struct query *query)
{
    struct anchor anchor;
    struct proof proof = {0};
    return !query->correlated && !query->passes_order && !query->set_operation && query->outputs_known &&
           scans_have_sharded(analysis, query->first_scan, query->rows_end_scan) &&
           prove_block(analysis, query, &anchor, &proof) &&
           gather_reads_fit(analysis, query->first_scan, query->rows_end_scan);
}

struct block {
    struct gathering *gathering;
    const struct query *query;
    SelectStmt *select;
    bool groups;    /* it has aggregates or GROUP BY, and so has the part … */
    bool regroups;  /* … or the part has the rows of all groups */
    int within;     /* aggregates: what is visited is theirs */
    bool distinct;  /* it has aggregates over DISTINCT values */
    bool apply;     /* the second time around: put the copy's columns in place */
    List *keys;     /* columns, or what is grouped by: the first columns of the part … */
    List *partials; /* … and partial values, behind them */
    int grouped;    /* so many keys are those of GROUP BY … */
    List *dependent; /* … and these, by number, depend on them */
    bool coarse;     /* a key that something is made of holds values for equal that are not the same (1.0 and 1.00) */
    bool limited;    /* the part is ordered, and has a LIMIT */
    List *order;     /* its ORDER BY */
};

static int find_key(const struct block *block, Node *expression)
{
    ListCell *cell;
    foreach (cell, block->keys)
        if (clause_same_expression(block->query, lfirst(cell), expression))
            return foreach_current_index(cell);
    return -1;
}

static int add_key(struct block *block, Node *expression)
{
    int number = find_key(block, expression);
    if (number >= 0)
        return number;
    block->keys = lappend(block->keys, copyObject(expression));
    return list_length(block->keys) - 1;
}

static int add_partial(void *context, Node *partial)
{
    struct block *block = context;
    ListCell *cell;
    foreach (cell, block->partials)
        if (equal(lfirst(cell), partial))
            return foreach_current_index(cell);
    block->partials = lappend(block->partials, partial);
    return list_length(block->partials) - 1;
}

static Node *partial_column(void *context, int number)
{
    struct block *block = context;
    return gather_copy_column(block->gathering, list_length(block->keys) + number);
}

static bool is_pure(const struct block *block, Node *expression)
{
    return gather_is_pure(block->gathering->analysis, block->query->scope, expression);
}

static bool visit(Node **place, void *context);

static bool has_equality(const struct block *block, Node *expression)
{
    const struct text_order *order;
    uint32_t type = analysis_infer(block->gathering->analysis, block->query, expression, &order);
    return type && gather_has_equality(type);
}

static void note_dependent(struct block *block, int number)
{
    ListCell *cell;
    foreach (cell, block->dependent)
        if (intVal(lfirst(cell)) == number)
            return;
    block->dependent = lappend(block->dependent, makeInteger(number));
}

/* May a column of the expression have several values in a group? */
static bool varies_in_group(Node *node, void *context)
{
    const struct block *block = context;
    if (!node)
        return false;
    if (IsA(node, SubLink))
        return true;
    if (!IsA(node, ColumnRef))
        return parse_walk(node, varies_in_group, context);
    int number = find_key(block, node);
    return (number < 0 || number >= block->grouped) &&
           !gather_follows_from_key(block->gathering->analysis, block->query, analysis_slot(block->gathering->analysis, block->query, node));
}

/*
 * A key outside of aggregates.  What GROUP BY does not name may follow from a primary key that it names.  Else it may be part of an expression that
 * PostgreSQL finds in GROUP BY in another spelling (a::int % 2 and a % 2): to group by it, too, would make smaller groups.
 */
static bool visit_key(Node **place, struct block *block, int number)
{
    if ((block->groups || block->regroups) && !block->within && number >= block->grouped) {
        if (!block->select->groupClause || select_has_grouping_sets(block->select) || !has_equality(block, list_nth(block->keys, number)) ||
            (!block->apply && varies_in_group(list_nth(block->keys, number), block)))
            return false;
        note_dependent(block, number);
    }
    if (block->apply)
        *place = gather_copy_column(block->gathering, number);
    return true;
}

static bool visit_column(Node **place, struct block *block)
{
    return scope_finds(block->query->scope, castNode(ColumnRef, *place)) &&
           visit_key(place, block, add_key(block, *place));
}

/* An expression that becomes a key, whatever it is; constants stay. */
static bool visit_as_key(Node **place, void *context)
{
    struct block *block = context;
    if (IsA(*place, SortBy))
        return visit_as_key(&castNode(SortBy, *place)->node, context);
    if (IsA(*place, A_Const))
        return true;
    if (IsA(*place, RowExpr)) /* no column is of its type */
        return parse_visit(*place, visit_as_key, context);
    if (!is_pure(block, *place) || gather_makes_row(*place, NULL))
        return false;
    int number = add_key(block, *place);
    if (block->apply)
        *place = gather_copy_column(block->gathering, number);
    return true;
}

/* Is what it takes for equal what the argument's own type does?  A citext becomes a text, if a text is what it takes. */
static bool takes_as_it_is(const struct block *block, const FuncCall *call)
{
    static const char *const any[] = {"count", "array_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"};
    struct analysis *analysis = block->gathering->analysis;
    const struct text_order *order;
    ListCell *cell;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (!strcmp(parse_name(call->funcname), any[i]))
            return true;
    foreach (cell, call->args)
        if (!IsA(lfirst(cell), A_Const) && !type_is_usual(analysis_infer(analysis, block->query, lfirst(cell), &order)))
            return false;
    return true;
}

/* An aggregate over DISTINCT values: over those of finer groups it is the same. */
static bool visit_distinct(FuncCall *call, struct block *block)
{
    ListCell *cell;
    block->distinct = true;
    if (!takes_as_it_is(block, call))
        return false;
    foreach (cell, call->args)
        if (call->agg_filter && !IsA(lfirst(cell), ColumnRef) && !IsA(lfirst(cell), A_Const))
            return false; /* the filter may stand before an error */
    return parse_visit_list(call->args, visit_as_key, block) && parse_visit_list(call->agg_order, visit_as_key, block) &&
           (!call->agg_filter || visit_as_key(&call->agg_filter, block));
}

static bool visit_rows_of(FuncCall *call, struct block *block)
{
    block->within++;
    bool visited = parse_visit((Node *) call, visit, block);
    block->within--;
    return visited;
}

static bool visit_aggregate(Node **place, struct block *block)
{
    FuncCall *call = castNode(FuncCall, *place);
    struct analysis *analysis = block->gathering->analysis;
    if (block->regroups)
        return visit_rows_of(call, block);
    if (!block->groups)
        return false;
    if (call->agg_distinct && !call->agg_within_group)
        return visit_distinct(call, block);
    ListCell *cell;
    foreach (cell, call->args)
        if (!is_pure(block, lfirst(cell)))
            return false;
    if (call->agg_filter && !is_pure(block, call->agg_filter))
        return false;
    const struct partial_values values = {add_partial, partial_column, block};
    Node *final = aggregate_split(analysis, block->query, call, &values);
    if (final && block->apply)
        *place = final;
    return final != NULL;
}

/* A sum of floating-point numbers, or what is made of it. */
static bool visit_checked(Node **place, struct block *block, Node *checked, const List *calls)
{
    if (!block->apply)
        return visit(&checked, block);
    gather_order_is_checked(block->gathering, calls);
    *place = checked;
    return visit(place, block);
}

static bool visit(Node **place, void *context)
{
    struct block *block = context;
    Node *node = *place;
    List *calls;
    Node *checked = gather_checked_sum(block->gathering, node, &calls);
    if (checked)
        return visit_checked(place, block, checked, calls);
    int key = IsA(node, A_Const) ? -1 : find_key(block, node);
    if (key >= 0 || IsA(node, ColumnRef))
        block->coarse |= !block->apply && !clause_is_same_if_equal(block->gathering->analysis, block->query, node);
    if (key >= 0)
        return visit_key(place, block, key);
    if (IsA(node, ColumnRef))
        return visit_column(place, block);
    if (IsA(node, FuncCall) && !castNode(FuncCall, node)->over &&
        gather_is_aggregate(block->gathering->analysis, castNode(FuncCall, node)))
        return visit_aggregate(place, block);
    if (IsA(node, SubLink) && !clause_is_independent(block->gathering->analysis, castNode(SubLink, node)))
        return false;
    return parse_visit(node, visit, context);
}

/* SELECT DISTINCT: each shard finds out what is there twice, of the outputs themselves. */
static bool is_distinct(const struct block *block)
{
    const SelectStmt *select = block->select;
    return select->distinctClause && !select_has_distinct_on(select) && !block->query->windows && !block->groups && !block->regroups;
}

static bool visit_output(Node **place, void *context)
{
    struct block *block = context;
    Node **value = IsA(*place, ResTarget) ? &castNode(ResTarget, *place)->val : place;
    bool whole = is_distinct(block) && !IsA(*value, RowExpr) && visit_as_key(value, block);
    return whole || visit(value, block);
}

/* ORDER BY and DISTINCT ON: a number or an output's name stays what it is.  SELECT DISTINCT sorts by its outputs, however they are spelled. */
static bool visit_order(Node **place, void *context)
{
    struct block *block = context;
    if (IsA(*place, SortBy))
        return visit_order(&castNode(SortBy, *place)->node, context);
    if (IsA(*place, A_Const) || clause_names_output(block->query, *place))
        return true;
    if (is_distinct(block) && !block->apply && !IsA(*place, RowExpr) && find_key(block, *place) < 0)
        return false;
    return visit_output(place, context);
}

static bool has_column(Node *node, void *context)
{
    return node && (IsA(node, ColumnRef) || parse_walk(node, has_column, context));
}

/*
 * In one set a column can be NULL that has its value in another: there two outputs that are equal, but grouped by their numbers or names, are
 * two columns, which one column of a part is not; and where PostgreSQL 15 shows a constant's NULL is its own.
 */
static bool stands_for_itself(const struct block *block, const Node *item, Node *expression)
{
    int equals = 0;
    ListCell *cell;
    if (!select_has_grouping_sets(block->select))
        return true;
    foreach (cell, block->select->targetList)
        equals += clause_same_expression(block->query, lfirst_node(ResTarget, cell)->val, expression);
    return (item == expression || equals == 1) && has_column(expression, NULL);
}

/* Some types can only be sorted, and some only hashed: sets may have one of each, but the part's groups have all columns at once. */
static bool groups_with_others(const struct block *block, Node *expression)
{
    return !select_has_grouping_sets(block->select) || has_equality(block, expression);
}

static bool visit_group(Node **place, void *context)
{
    struct block *block = context;
    Node *item = *place;
    if (IsA(item, GroupingSet) || (IsA(item, RowExpr) && castNode(RowExpr, item)->row_format == COERCE_IMPLICIT_CAST))
        return parse_visit(item, visit_group, context);
    Node *expression = clause_grouped_expression(block->query, item);
    if (!expression || IsA(expression, A_Const) || gather_makes_row(expression, NULL) || !is_pure(block, expression) ||
        (!block->apply && (!stands_for_itself(block, item, expression) || !groups_with_others(block, expression))))
        return false;
    int number = add_key(block, expression);
    if (block->apply)
        *place = gather_copy_column(block->gathering, number);
    return true;
}

/* The clauses behind WHERE, in an order in which GROUP BY's keys come first. */
static bool visit_clauses(struct block *block)
{
    SelectStmt *select = block->select;
    if (!parse_visit_list(select->groupClause, visit_group, block))
        return false;
    if (!block->apply)
        block->grouped = list_length(block->keys);
    return parse_visit_list(select->targetList, visit_output, block) &&
           (!select->havingClause || visit(&select->havingClause, block)) &&
           parse_visit_list(select->windowClause, visit, block) &&
           parse_visit_list(select->sortClause, visit_order, block) &&
           (!select_has_distinct_on(select) || parse_visit_list(select->distinctClause, visit_order, block));
}

/* ---- first rows ---- */

/* Functions that make several rows of one, or none. */
static bool has_sets(Node *node, void *context)
{
    const struct block *block = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (!IsA(node, FuncCall))
        return parse_walk(node, has_sets, context);
    struct function_facts facts = function_facts(block->gathering->analysis->planning, castNode(FuncCall, node));
    return facts.returns_set || facts.class == FUNCTION_UNKNOWN || parse_walk(node, has_sets, context);
}

static bool is_count(const Node *node)
{
    return !node || IsA(node, ParamRef) || (IsA(node, A_Const) && !castNode(A_Const, node)->isnull);
}

/* What an item of ORDER BY means: a number, an output's name before a column's, an expression. */
static Node *sorted_expression(const struct block *block, Node *item)
{
    const List *targets = block->select->targetList;
    ListCell *cell;
    if (IsA(item, A_Const))
        return clause_grouped_expression(block->query, item);
    if (clause_names_output(block->query, item))
        foreach (cell, targets)
            if (!strcmp(output_name(lfirst_node(ResTarget, cell)), strVal(linitial(castNode(ColumnRef, item)->fields))))
                return lfirst_node(ResTarget, cell)->val;
    return item;
}

static bool order_by(struct block *block, const SortBy *given)
{
    Node *expression = sorted_expression(block, given->node);
    if (given->sortby_dir == SORTBY_USING || !expression || IsA(expression, A_Const) || IsA(expression, RowExpr) ||
        IsA(expression, ParamRef) || !is_pure(block, expression))
        return false;
    SortBy *sort = (SortBy *) copyObjectImpl(given);
    A_Const *number = makeNode(A_Const);
    number->val.ival = (Integer){.type = T_Integer, .ival = add_key(block, expression) + 1};
    number->location = -1;
    sort->node = (Node *) number;
    block->order = lappend(block->order, sort);
    return true;
}

/* Keys that ORDER BY needs come first, so that it goes by the same expressions there and here. */
static void find_limit(struct block *block)
{
    const SelectStmt *select = block->select;
    const struct analysis *analysis = block->gathering->analysis;
    ListCell *cell;
    if (!select->limitCount || block->groups || select->distinctClause || block->query->windows || !is_count(select->limitCount) ||
        !is_count(select->limitOffset) || has_sets((Node *) select->targetList, block) ||
        !catalog_collations_agree(analysis->planning->routing->catalog))
        return;
    block->limited = true;
    foreach (cell, select->sortClause)
        block->limited &= order_by(block, lfirst_node(SortBy, cell));
    if (block->limited)
        return;
    block->keys = block->order = NIL;
}

/* SELECT keys, partial values FROM … WHERE … GROUP BY keys */
static SelectStmt *part_of_block(const struct block *block)
{
    struct gathering *gathering = block->gathering;
    SelectStmt *part = makeNode(SelectStmt);
    int number = 0;
    ListCell *cell;
    List *columns = list_concat(list_copy(block->keys), block->partials);
    foreach (cell, columns) {
        ResTarget *target = makeNode(ResTarget);
        target->name = (char *) gather_column_name(gathering, number++);
        target->val = lfirst(cell);
        target->location = -1;
        part->targetList = lappend(part->targetList, target);
    }
    part->withClause = copyObject(block->select->withClause);
    part->fromClause = block->select->fromClause;
    part->whereClause = block->select->whereClause;
    if (block->limited) {
        part->sortClause = block->order;
        part->limitCount = rewrite_raised_limit(block->select->limitCount, block->select->limitOffset);
        part->limitOption = part->limitCount ? block->select->limitOption : (LimitOption) PARSED_LIMIT_DEFAULT;
    }
    if (block->groups)
        part->groupClause = list_copy(block->keys);
    else if (block->select->distinctClause && !block->query->windows && !block->regroups && !block->coarse)
        part->distinctClause = list_make1(NIL); /* what is there twice counts once, there and here */
    gather_drop_unused_ctes(part); /* PostgreSQL would look at their tables in vain */
    return part;
}

/* Its outputs keep their names, and what they are made of is the copy. */
static void read_block(struct block *block, int part)
{
    SelectStmt *select = block->select;
    ListCell *cell;
    foreach (cell, select->targetList)
        lfirst_node(ResTarget, cell)->name = (char *) output_name(lfirst_node(ResTarget, cell));
    block->apply = true;
    visit_clauses(block);
    foreach (cell, block->dependent)
        select->groupClause = lappend(select->groupClause, gather_copy_column(block->gathering, intVal(lfirst(cell))));
    select->fromClause = list_make1(gather_copy_in_from(block->gathering, part));
    select->whereClause = NULL;
    gather_drop_unused_ctes(select);
}

/* Of no rows a shard has no group, if it groups by anything: DISTINCT of constants must not take its row of partial values for one. */
static void group_by_something(struct block *block)
{
    if (block->groups && block->distinct && !block->keys)
        add_key(block, expression_cast(expression_number("1"), "int4"));
}

/* What the part must have: partial groups if possible, else rows. */
static bool find_columns(struct block *block)
{
    find_limit(block);
    if (visit_clauses(block)) {
        group_by_something(block);
        return block->keys || block->partials;
    }
    if (!block->groups || order_of_aggregated(block->query)) /* rows of several shards are in no order */
        return false;
    block->groups = false;
    block->regroups = true;
    block->keys = block->partials = block->dependent = NIL;
    block->grouped = 0;
    block->coarse = false;
    return visit_clauses(block) && block->keys;
}

/* Its result, or what it takes of its rows, is in an order that shards could only give of their own rows. */
static bool needs_order(const struct gathering *gathering, const SelectStmt *select, const struct query *query)
{
    bool takes = select == gathering->query || select->limitCount || select->limitOffset || select->distinctClause || query->windows;
    return takes && order_is_kept(query);
}

/* A subquery in FROM that selects such a row. */
static bool selects_row(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, SelectStmt) && gather_makes_row((Node *) castNode(SelectStmt, node)->targetList, NULL))
        return true;
    return parse_walk(node, selects_row, context);
}

/* The scan that is all of FROM, with its columns known by their own names; NULL: FROM is something else. */
static const struct scan *only_scan(const struct analysis *analysis, const SelectStmt *select)
{
    const RangeVar *range = list_length(select->fromClause) == 1 ? linitial(select->fromClause) : NULL;
    if (!range || !IsA(range, RangeVar) || (range->alias && range->alias->colnames))
        return NULL;
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].range == range)
            return analysis->scans[i].first_slot >= 0 ? &analysis->scans[i] : NULL;
    return NULL;
}

static List *columns_of(const struct scan *scan)
{
    List *targets = NIL;
    const RangeVar *range = scan->range;
    for (int i = 0; i < scan->relation.relation->column_count; i++) {
        ColumnRef *column = makeNode(ColumnRef);
        ResTarget *target = makeNode(ResTarget);
        column->fields = list_make2(makeString(range->alias ? range->alias->aliasname : range->relname),
                                    makeString((char *) scan->relation.relation->columns[i].name));
        column->location = target->location = -1;
        target->val = (Node *) column;
        targets = lappend(targets, target);
    }
    return targets;
}

/* SELECT * FROM one table … LIMIT: the first rows of each shard are enough, once the columns have their names. */
static void name_columns(const struct gathering *gathering, SelectStmt *select)
{
    const struct scan *scan = select->limitCount && clause_has_star(select->targetList) ? only_scan(gathering->analysis, select) : NULL;
    List *targets = NIL;
    ListCell *cell;
    if (!scan)
        return;
    foreach (cell, select->targetList)
        targets = clause_is_star(lfirst_node(ResTarget, cell)) ? list_concat(targets, columns_of(scan)) : lappend(targets, lfirst(cell));
    select->targetList = targets;
}

bool gather_push_block(struct gathering *gathering, SelectStmt *select)
{
    struct analysis *analysis = gathering->analysis;
    const struct query *query = gather_first_reading(gathering, select);
    name_columns(gathering, select);
    if (select->op != SETOP_NONE || select->valuesLists || select->lockingClause || clause_has_star(select->targetList) ||
        !select->targetList || selects_row((Node *) select->fromClause, NULL) || !gather_all_readings(gathering, select, is_block) || needs_order(gathering, select, query) ||
        !gather_is_fit(analysis, (Node *) select->fromClause, select->withClause) ||
        !gather_condition_is_fit(analysis, select->whereClause, select->withClause))
        return false;
    struct block block = {.gathering = gathering, .query = query, .select = select,
                          .groups = query->aggregates || select->groupClause};
    if (!find_columns(&block))
        return false;
    int columns = list_length(block.keys) + list_length(block.partials);
    gather_qualify(gathering, query, query->rows_end_scan);
    const SelectStmt *computed = part_of_block(&block);
    int part = gather_add_part(gathering, block.groups ? GATHER_GROUPS : GATHER_FOUND, query, query->rows_end_scan, computed, columns);
    if (part < 0)
        return false;
    gather_own_readings(gathering, select, part, true);
    if (block.keys)
        gather_note_pushed(gathering, select, computed, part, block.keys);
    read_block(&block, part);
    return true;
}

