/*
 * What the shards can do of a gathered query, they do: only the results move.
 *
 * A query whose result is the disjoint union of its results on the shards (prove_query) and that does not look at the
 * queries around it becomes a part as a whole; in its place stands SELECT … FROM the copy of the part.
 *
 * Of a query whose FROM and WHERE alone are such a union (prove_block), these become a part with the columns that the
 * rest of the query speaks of; the rest stays, over the copy.  If it groups, the part has groups, too: the same or
 * finer ones, with the partial values that its aggregates are made of (aggregate_split).
 *
 * Every reading of a CTE must allow it: its text is one.  What a part contains must not depend on where it is computed
 * (is_fit).  Rows that the proof leaves out do not matter to the result, as the analysis has it: conditions around the
 * query, which stay where they are, reject them.
 */
#include <string.h>

#include "router/aggregate_split.h"
#include "router/gather_fit.h"
#include "router/gather_inside.h"
#include "router/rewrite.h"

/* The alias of a copy in place of FROM: no name of the query can mean it. */
#define ROWS "keyway: rows"

/* ---- readings of a query ---- */

/* Those that stand for nothing yet: what was read within a part belongs to that part. */
static bool is_open(const struct gathering *gathering, const struct query *query)
{
    for (int i = query->first_scan; i < query->end_scan; i++)
        if (gathering->owners[i] >= 0)
            return false;
    return true;
}

static bool has_sharded(const struct analysis *analysis, int first, int end)
{
    for (int i = first; i < end; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            return true;
    return false;
}

typedef bool (*reading_test)(struct analysis *analysis, const struct query *query);

static bool all_readings(struct gathering *gathering, const SelectStmt *select, reading_test test)
{
    struct analysis *analysis = gathering->analysis;
    bool any = false;
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if (query->select != select || !is_open(gathering, query))
            continue;
        if (!test(analysis, query))
            return false;
        any = true;
    }
    return any;
}

static const struct query *first_reading(const struct gathering *gathering, const SelectStmt *select)
{
    for (int i = 0; i < gathering->analysis->query_count; i++)
        if (gathering->analysis->queries[i]->select == select && is_open(gathering, gathering->analysis->queries[i]))
            return gathering->analysis->queries[i];
    return NULL;
}

static void own_scans(struct gathering *gathering, int first, int end, int part)
{
    for (int i = first; i < end; i++)
        gathering->owners[i] = part;
}

static bool is_within(const struct query *query, const struct query *outer)
{
    while (query && query != outer)
        query = query->around;
    return query;
}

/* What is read within the query up to a scan, and perhaps the query itself. */
static void push_queries(struct gathering *gathering, const struct query *outer, int end, bool itself)
{
    for (int i = 0; i < gathering->analysis->query_count; i++) {
        struct query *query = gathering->analysis->queries[i];
        query->pushed |= is_within(query, outer) && query->end_scan <= end && (query != outer || itself);
    }
}

/* Its readings are the part's now; `rows`: only what FROM and WHERE read. */
static void own_readings(struct gathering *gathering, const SelectStmt *select, int part, bool rows)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if (query->select != select || !is_open(gathering, query))
            continue;
        int end = rows ? query->rows_end_scan : query->end_scan;
        push_queries(gathering, query, end, !rows);
        own_scans(gathering, query->first_scan, end, part);
    }
}

/* ---- parts ---- */

static const char *column_name(struct gathering *gathering, int number)
{
    return arena_printf(gathering->arena, "c%d", number + 1);
}

static List *column_names(struct gathering *gathering, int count)
{
    List *names = NIL;
    for (int i = 0; i < count; i++)
        names = lappend(names, makeString((char *) column_name(gathering, i)));
    return names;
}

/* Tables that the part reads, for EXPLAIN. */
static const char *tables_of(const struct gathering *gathering, const struct query *query, int end)
{
    const char *tables = NULL;
    for (int i = query->first_scan; i < end; i++) {
        const struct scan *scan = &gathering->analysis->scans[i];
        if (!scan_is_sharded(scan))
            continue;
        tables = tables ? arena_printf(gathering->arena, "%s, %s", tables, scan->relation.name)
                        : arena_strdup(gathering->arena, scan->relation.name);
    }
    return tables;
}

/* The shards find the tables that were meant here, whatever their search_path. */
static void qualify(struct gathering *gathering, const struct query *query, int end_scan)
{
    for (int i = query->first_scan; i < end_scan; i++) {
        const struct scan *scan = &gathering->analysis->scans[i];
        if (scan->range)
            scan->range->schemaname = (char *) scan->relation.schema;
    }
}

struct renumbering {
    int *parameters; /* the statement's, 0-based, in the order of the part's */
    int count;
};

static bool renumber(Node *node, void *context)
{
    struct renumbering *renumbering = context;
    if (!node)
        return false;
    if (!IsA(node, ParamRef))
        return parse_walk(node, renumber, context);
    ParamRef *parameter = castNode(ParamRef, node);
    int i = 0;
    while (i < renumbering->count && renumbering->parameters[i] != parameter->number - 1)
        i++;
    if (i == renumbering->count)
        renumbering->parameters[renumbering->count++] = parameter->number - 1;
    parameter->number = i + 1;
    return false;
}

/* False: the text cannot be written, or its parameters cannot be given. */
static bool add_part(struct gathering *gathering, const struct query *query, int end_scan, const SelectStmt *given,
                     int columns)
{
    struct arena *arena = gathering->arena;
    int number = gathering->part_count;
    SelectStmt *select = (SelectStmt *) copyObjectImpl(given);
    struct renumbering renumbering = {
        .parameters = arena_alloc_array(arena, (size_t) gathering->analysis->parameter_count, sizeof(int))};
    renumber((Node *) select, &renumbering);
    const char *text = parse_deparse((Node *) select, arena);
    const char *copy = rewrite_quote_name(gather_copy_name(gathering, number), arena);
    if (!text)
        return false;
    struct gather_fit fit = gather_fit_of(gathering->analysis, query, end_scan, (Node *) select, text);
    bool encoded = gathering->analysis->planning->facts->server_encoding, binary = fit.binary && encoded;
    if (!binary && renumbering.count)
        return false; /* COPY takes none */
    gathering->parts[number] = (struct gather_part){
        .table = tables_of(gathering, query, end_scan),
        .select = text,
        .parameters = renumbering.parameters,
        .parameter_count = renumbering.count,
        .column_count = columns,
        .copy = copy,
        .binary = binary,
        .format = binary ? "FORMAT binary" : encoded ? "FORMAT text" : "FORMAT text, ENCODING 'UTF8'",
    };
    gathering->columns[number] = column_names(gathering, columns);
    gathering->arrays[number] = binary && !fit.collates;
    gathering->scans[number] = NULL;
    gathering->part_count++;
    return true;
}

/* The copy of the newest part, as an item of FROM. */
static RangeVar *copy_in_from(struct gathering *gathering)
{
    RangeVar *range = makeRangeVar((char *) "pg_temp", (char *) gather_copy_name(gathering, gathering->part_count - 1), -1);
    range->alias = makeAlias(ROWS, NIL);
    gathering->copies = lappend(gathering->copies, range);
    return range;
}

static Node *copy_column(struct gathering *gathering, int number)
{
    ColumnRef *column = makeNode(ColumnRef);
    column->fields = list_make2(makeString((char *) ROWS), makeString((char *) column_name(gathering, number)));
    column->location = -1;
    return (Node *) column;
}

/* ---- whole queries ---- */

static bool is_whole(struct analysis *analysis, const struct query *query)
{
    struct anchor anchor;
    struct proof proof = {0};
    return !query->correlated && !query->passes_order && query->outputs_known && query->output_count > 0 &&
           has_sharded(analysis, query->first_scan, query->end_scan) &&
           prove_query(analysis, query, &anchor, &proof) &&
           gather_reads_fit(analysis, query->first_scan, query->end_scan);
}

/* SELECT * FROM (the query) (c1, c2, …) */
static SelectStmt *with_names(struct gathering *gathering, const SelectStmt *select, int columns)
{
    SelectStmt *named = makeNode(SelectStmt);
    RangeSubselect *inner = makeNode(RangeSubselect);
    inner->subquery = (Node *) copyObjectImpl(select);
    inner->alias = makeAlias(ROWS, column_names(gathering, columns));
    named->targetList = list_make1(gather_target(makeNode(A_Star)));
    named->fromClause = list_make1(inner);
    return named;
}

static void read_copy(struct gathering *gathering, SelectStmt *select, const struct query *query)
{
    *select = (SelectStmt){.type = T_SelectStmt};
    for (int i = 0; i < query->output_count; i++) {
        ResTarget *target = makeNode(ResTarget);
        target->name = (char *) query->outputs[i].name;
        target->val = copy_column(gathering, i);
        target->location = -1;
        select->targetList = lappend(select->targetList, target);
    }
    select->fromClause = list_make1(copy_in_from(gathering));
}

static bool has_collation(Node *node, void *context)
{
    return node && (IsA(node, CollateClause) || parse_walk(node, has_collation, context));
}

/* What has no type yet takes one from around the query; as a column of a part it would be text.  A row's is none of a column,
 * and a COLLATE of the query itself weighs more than a column's. */
static bool has_untyped(const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->targetList) {
        const Node *value = lfirst_node(ResTarget, cell)->val;
        if (IsA(value, ParamRef) || IsA(value, RowExpr) ||
            (IsA(value, A_Const) &&
             (((const A_Const *) value)->isnull || IsA(&((const A_Const *) value)->val, String))))
            return true;
    }
    return has_collation((Node *) select->targetList, NULL);
}

static bool push_whole(struct gathering *gathering, SelectStmt *select)
{
    const struct query *query = first_reading(gathering, select);
    if (select->sortClause || select->limitCount || select->limitOffset || select->lockingClause ||
        has_untyped(select) || !all_readings(gathering, select, is_whole) ||
        !gather_is_fit(gathering->analysis, (Node *) select, NULL))
        return false;
    qualify(gathering, query, query->end_scan);
    if (!add_part(gathering, query, query->end_scan, with_names(gathering, select, query->output_count), query->output_count))
        return false;
    own_readings(gathering, select, gathering->part_count - 1, false);
    read_copy(gathering, select, query);
    return true;
}

/* ---- rows and groups ---- */

static bool is_block(struct analysis *analysis, const struct query *query)
{
    struct anchor anchor;
    struct proof proof = {0};
    return !query->correlated && !query->passes_order && !query->set_operation && query->outputs_known &&
           has_sharded(analysis, query->first_scan, query->rows_end_scan) &&
           prove_block(analysis, query, &anchor, &proof) &&
           gather_reads_fit(analysis, query->first_scan, query->rows_end_scan);
}

struct block {
    struct gathering *gathering;
    const struct query *query;
    SelectStmt *select;
    bool groups;    /* it has aggregates or GROUP BY */
    bool apply;     /* the second time around: put the copy's columns in place */
    List *keys;     /* columns, or what is grouped by: the first columns of the part … */
    List *partials; /* … and partial values, behind them */
    int grouped;    /* so many keys are those of GROUP BY … */
    List *dependent; /* … and these, by number, depend on them */
};

static bool same_column(const struct block *block, Node *left, Node *right)
{
    int level;
    if (!IsA(left, ColumnRef) || !IsA(right, ColumnRef))
        return false;
    int one = scope_resolve(block->query->scope, castNode(ColumnRef, left), &level);
    return one >= 0 && one == scope_resolve(block->query->scope, castNode(ColumnRef, right), &level);
}

static int find_key(const struct block *block, Node *expression)
{
    ListCell *cell;
    foreach (cell, block->keys)
        if (equal(lfirst(cell), expression) || same_column(block, lfirst(cell), expression))
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
    return copy_column(block->gathering, list_length(block->keys) + number);
}

static bool is_pure(const struct block *block, Node *expression)
{
    return gather_is_pure(block->gathering->analysis, block->query->scope, expression);
}

static bool visit(Node **place, void *context);

static void note_dependent(struct block *block, int number)
{
    ListCell *cell;
    foreach (cell, block->dependent)
        if (intVal(lfirst(cell)) == number)
            return;
    block->dependent = lappend(block->dependent, makeInteger(number));
}

/* A key outside of aggregates: what GROUP BY does not name depends on it, or PostgreSQL would not have it. */
static bool visit_key(Node **place, struct block *block, int number)
{
    if (block->groups && number >= block->grouped) {
        if (!block->select->groupClause || select_has_grouping_sets(block->select))
            return false;
        note_dependent(block, number);
    }
    if (block->apply)
        *place = copy_column(block->gathering, number);
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
    if (!is_pure(block, *place))
        return false;
    int number = add_key(block, *place);
    if (block->apply)
        *place = copy_column(block->gathering, number);
    return true;
}

/* An aggregate over DISTINCT values: over those of finer groups it is the same. */
static bool visit_distinct(FuncCall *call, struct block *block)
{
    ListCell *cell;
    foreach (cell, call->args)
        if (call->agg_filter && !IsA(lfirst(cell), ColumnRef) && !IsA(lfirst(cell), A_Const))
            return false; /* the filter may stand before an error */
    return parse_visit_list(call->args, visit_as_key, block) && parse_visit_list(call->agg_order, visit_as_key, block) &&
           (!call->agg_filter || visit_as_key(&call->agg_filter, block));
}

static bool visit_aggregate(Node **place, struct block *block)
{
    FuncCall *call = castNode(FuncCall, *place);
    struct analysis *analysis = block->gathering->analysis;
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

/* A sublink stays where it is, if it does not speak of this query's rows. */
static bool is_independent(struct block *block, const SubLink *link)
{
    const struct analysis *analysis = block->gathering->analysis;
    for (int i = 0; i < analysis->query_count; i++)
        if ((const Node *) analysis->queries[i]->select == link->subselect && analysis->queries[i]->correlated)
            return false;
    return true;
}

static bool visit(Node **place, void *context)
{
    struct block *block = context;
    Node *node = *place;
    int key = IsA(node, A_Const) ? -1 : find_key(block, node);
    if (key >= 0)
        return visit_key(place, block, key);
    if (IsA(node, ColumnRef))
        return visit_column(place, block);
    if (IsA(node, FuncCall) && !castNode(FuncCall, node)->over &&
        gather_is_aggregate(block->gathering->analysis, castNode(FuncCall, node)))
        return visit_aggregate(place, block);
    if (IsA(node, SubLink) && !is_independent(block, castNode(SubLink, node)))
        return false;
    return parse_visit(node, visit, context);
}

static bool names_output(const struct block *block, const Node *node)
{
    const ColumnRef *reference = (const ColumnRef *) node;
    if (!IsA(node, ColumnRef) || list_length(reference->fields) != 1 || !IsA(linitial(reference->fields), String))
        return false;
    for (int i = 0; i < block->query->output_count; i++)
        if (!strcmp(block->query->outputs[i].name, strVal(linitial(reference->fields))))
            return true;
    return false;
}

/* ORDER BY and DISTINCT ON: a number or an output's name stays what it is. */
static bool visit_order(Node **place, void *context)
{
    struct block *block = context;
    if (IsA(*place, SortBy))
        return visit_order(&castNode(SortBy, *place)->node, context);
    return IsA(*place, A_Const) || names_output(block, *place) || visit(place, context);
}

/* What an item of GROUP BY means: a number or a name may stand for an output. */
static Node *grouped_expression(const struct block *block, Node *item)
{
    const List *targets = block->select->targetList;
    ListCell *cell;
    if (IsA(item, A_Const) && IsA(&castNode(A_Const, item)->val, Integer)) {
        int number = intVal(&castNode(A_Const, item)->val);
        return number > 0 && number <= list_length(targets) ? list_nth_node(ResTarget, targets, number - 1)->val : NULL;
    }
    if (!IsA(item, ColumnRef) || scope_finds(block->query->scope, castNode(ColumnRef, item)) || !names_output(block, item))
        return item;
    foreach (cell, targets)
        if (!strcmp(output_name(lfirst_node(ResTarget, cell)), strVal(linitial(castNode(ColumnRef, item)->fields))))
            return lfirst_node(ResTarget, cell)->val;
    return NULL;
}

static bool visit_group(Node **place, void *context)
{
    struct block *block = context;
    Node *item = *place;
    if (IsA(item, GroupingSet) || (IsA(item, RowExpr) && castNode(RowExpr, item)->row_format == COERCE_IMPLICIT_CAST))
        return parse_visit(item, visit_group, context);
    Node *expression = grouped_expression(block, item);
    if (!expression || IsA(expression, A_Const) || IsA(expression, RowExpr) || !is_pure(block, expression))
        return false;
    int number = add_key(block, expression);
    if (block->apply)
        *place = copy_column(block->gathering, number);
    return true;
}

static bool is_star(const ResTarget *target)
{
    return IsA(target->val, ColumnRef) && IsA(llast(castNode(ColumnRef, target->val)->fields), A_Star);
}

static bool has_star(const List *targets)
{
    ListCell *cell;
    foreach (cell, targets)
        if (is_star(lfirst_node(ResTarget, cell)))
            return true;
    return false;
}

/* The clauses behind WHERE, in an order in which GROUP BY's keys come first. */
static bool visit_clauses(struct block *block)
{
    SelectStmt *select = block->select;
    if (!parse_visit_list(select->groupClause, visit_group, block))
        return false;
    if (!block->apply)
        block->grouped = list_length(block->keys);
    return parse_visit_list(select->targetList, visit, block) &&
           (!select->havingClause || visit(&select->havingClause, block)) &&
           parse_visit_list(select->windowClause, visit, block) &&
           parse_visit_list(select->sortClause, visit_order, block) &&
           (!select_has_distinct_on(select) || parse_visit_list(select->distinctClause, visit_order, block));
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
        target->name = (char *) column_name(gathering, number++);
        target->val = lfirst(cell);
        target->location = -1;
        part->targetList = lappend(part->targetList, target);
    }
    part->withClause = copyObject(block->select->withClause);
    part->fromClause = block->select->fromClause;
    part->whereClause = block->select->whereClause;
    if (block->groups)
        part->groupClause = list_copy(block->keys);
    else if (block->select->distinctClause && !block->query->windows)
        part->distinctClause = list_make1(NIL); /* what is there twice counts once, there and here */
    return part;
}

/* A CTE that only the part reads is no longer of this query: PostgreSQL would look at its tables in vain. */
static bool mentions(Node *node, void *context)
{
    const char *name = context;
    if (!node)
        return false;
    if (IsA(node, RangeVar) && !castNode(RangeVar, node)->schemaname && !strcmp(castNode(RangeVar, node)->relname, name))
        return true;
    return parse_walk(node, mentions, context);
}

static void drop_unused_ctes(SelectStmt *select)
{
    WithClause *with = select->withClause;
    bool dropped = with != NULL;
    while (dropped) {
        dropped = false;
        for (int i = 0; i < list_length(with->ctes) && !dropped; i++) {
            CommonTableExpr *cte = list_nth_node(CommonTableExpr, with->ctes, i);
            List *others = list_delete_nth_cell(list_copy(with->ctes), i);
            select->withClause = NULL;
            dropped = !mentions((Node *) select, cte->ctename) && !mentions((Node *) others, cte->ctename);
            select->withClause = with;
            if (dropped)
                with->ctes = others;
        }
    }
    if (with && !with->ctes)
        select->withClause = NULL;
}

/* Its outputs keep their names, and what they are made of is the copy. */
static void read_block(struct block *block)
{
    SelectStmt *select = block->select;
    ListCell *cell;
    foreach (cell, select->targetList)
        lfirst_node(ResTarget, cell)->name = (char *) output_name(lfirst_node(ResTarget, cell));
    block->apply = true;
    visit_clauses(block);
    foreach (cell, block->dependent)
        select->groupClause = lappend(select->groupClause, copy_column(block->gathering, intVal(lfirst(cell))));
    select->fromClause = list_make1(copy_in_from(block->gathering));
    select->whereClause = NULL;
    if (select->withClause)
        drop_unused_ctes(select);
}

static bool push_block(struct gathering *gathering, SelectStmt *select)
{
    struct analysis *analysis = gathering->analysis;
    const struct query *query = first_reading(gathering, select);
    if (select->op != SETOP_NONE || select->valuesLists || select->lockingClause || has_star(select->targetList) ||
        !select->targetList || !all_readings(gathering, select, is_block) ||
        !gather_is_fit(analysis, (Node *) select->fromClause, select->withClause) ||
        !gather_condition_is_fit(analysis, select->whereClause, select->withClause))
        return false;
    struct block block = {.gathering = gathering, .query = query, .select = select,
                          .groups = query->aggregates || select->groupClause};
    if (!visit_clauses(&block) || (!block.keys && !block.partials))
        return false;
    int columns = list_length(block.keys) + list_length(block.partials);
    qualify(gathering, query, query->rows_end_scan);
    if (!add_part(gathering, query, query->rows_end_scan, part_of_block(&block), columns))
        return false;
    own_readings(gathering, select, gathering->part_count - 1, true);
    read_block(&block);
    return true;
}

/* ---- the whole ---- */

struct pushing {
    struct gathering *gathering;
    const SelectStmt *top;
};

static bool push_in(Node *node, void *context)
{
    struct pushing *pushing = context;
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        SelectStmt *select = castNode(SelectStmt, node);
        if (select != pushing->top && push_whole(pushing->gathering, select))
            return false;
        push_block(pushing->gathering, select);
    }
    return parse_walk(node, push_in, context);
}

void gather_push(struct gathering *gathering, SelectStmt *select)
{
    struct pushing pushing = {gathering, select};
    const struct analysis *analysis = gathering->analysis;
    if (!analysis->row_function && !analysis->sampled && !analysis->outer_aggregate)
        push_in((Node *) select, &pushing);
}
