/*
 * What the shards can do of a gathered query, they do: only the results move.
 *
 * A query whose result is the disjoint union of its results on the shards (prove_query) and that does not look at the
 * queries around it becomes a part as a whole; in its place stands SELECT … FROM the copy of the part.
 *
 * Of others FROM and WHERE alone may be such a union: gather_block.c.
 *
 * Every reading of a CTE must allow it: its text is one.  What a part contains must not depend on where it is computed
 * (is_fit).  Rows that the proof leaves out do not matter to the result, as the analysis has it: conditions around the
 * query, which stay where they are, reject them.
 */
#include "router/gather_push.h"

#include <string.h>

#include "router/gather_fit.h"
#include "router/gather_travel.h"
#include "router/order_dependence.h"
#include "router/rewrite.h"
#include "router/sql_types.h"

/* ---- readings of a query ---- */

/* Those that stand for nothing yet: what was read within a part belongs to that part. */
static bool is_open(const struct gathering *gathering, const struct query *query)
{
    for (int i = query->first_scan; i < query->end_scan; i++)
        if (gathering->owners[i] >= 0)
            return false;
    return true;
}

bool gather_all_readings(struct gathering *gathering, const SelectStmt *select, gather_reading_test test)
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

const struct query *gather_first_reading(const struct gathering *gathering, const SelectStmt *select)
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

void gather_own_readings(struct gathering *gathering, const SelectStmt *select, int part, bool rows)
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

void gather_note_pushed(struct gathering *gathering, const SelectStmt *select, const SelectStmt *computed, int part, const List *expressions)
{
    struct gather_pushed *pushed = arena_alloc(gathering->analysis->arena, sizeof *pushed);
    *pushed = (struct gather_pushed){gathering->pushed, select, computed, part, expressions};
    gathering->pushed = pushed;
}

/* ---- parts ---- */

const char *gather_column_name(struct gathering *gathering, int number)
{
    return arena_printf(gathering->arena, "c%d", number + 1);
}

static List *column_names(struct gathering *gathering, int count)
{
    List *names = NIL;
    for (int i = 0; i < count; i++)
        names = lappend(names, makeString((char *) gather_column_name(gathering, i)));
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

void gather_qualify(struct gathering *gathering, const struct query *query, int end_scan)
{
    for (int i = query->first_scan; i < end_scan; i++) {
        const struct scan *scan = &gathering->analysis->scans[i];
        if (scan->range)
            scan->range->schemaname = (char *) scan->relation.schema;
    }
}

static bool has_outer_join(Node *node, void *context)
{
    if (!node)
        return false;
    return (IsA(node, JoinExpr) && castNode(JoinExpr, node)->jointype != JOIN_INNER) || parse_walk(node, has_outer_join, context);
}

/* An array of a domain is of another type than one of the type that the domain is made of. */
static bool makes_arrays(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, A_ArrayExpr) || (IsA(node, SubLink) && castNode(SubLink, node)->subLinkType == ARRAY_SUBLINK) ||
        (IsA(node, FuncCall) && !strncmp(parse_name(castNode(FuncCall, node)->funcname), "array_", strlen("array_"))))
        return true;
    return parse_walk(node, makes_arrays, context);
}

int gather_add_part(struct gathering *gathering, enum gather_what what, const struct query *query, int end_scan,
                     const SelectStmt *given, int columns)
{
    struct arena *arena = gathering->arena;
    int number = gathering->part_count;
    SelectStmt *select = (SelectStmt *) copyObjectImpl(given);
    struct gather_parameters parameters = gather_renumber(gathering, (Node *) select);
    const char *text = parse_deparse((Node *) select, arena);
    const char *copy = rewrite_quote_name(gather_copy_name(gathering, number), arena);
    if (!text)
        return -1;
    int same = gather_same_part(gathering, what, text, &parameters); /* two subqueries that are equal stay equal */
    if (same >= 0)
        return same;
    struct gather_fit fit = gather_fit_of(gathering->analysis, query, end_scan, (Node *) select, text);
    bool null_extends = has_outer_join((Node *) select, NULL);
    if (null_extends && fit.domains && makes_arrays((Node *) gathering->query, NULL))
        return -1; /* what an outer join extends is no domain's any more (gather_travel.h): its tables move by themselves */
    struct gather_travel *travels = arena_alloc_array(arena, (size_t) columns, sizeof *travels);
    if (what == GATHER_RESULT)
        gather_query_travels(gathering, query, null_extends, travels, columns);
    else
        gather_target_travels(gathering, query, end_scan, given->targetList, null_extends, travels, columns);
    struct gather_travel all = gather_all_travels(travels, columns);
    bool known = gather_settle_binary(gathering->analysis, (Node *) gathering->query, all, &fit);
    bool encoded = gathering->analysis->planning->facts->server_encoding, binary = fit.binary && encoded;
    if (!binary && parameters.count)
        return -1; /* COPY takes none */
    gathering->parts[number] = (struct gather_part){
        .what = what,
        .table = tables_of(gathering, query, end_scan),
        .select = text,
        .parameters = parameters.numbers,
        .parameter_count = parameters.count,
        .column_count = columns,
        .as_text = gather_note_travels(gathering, number, travels, columns, (fit.binary || known) && (all.collated || !fit.collates)),
        .copy = copy,
        .binary = binary,
        .format = binary ? "FORMAT binary" : encoded ? "FORMAT text" : "FORMAT text, ENCODING 'UTF8'",
    };
    gathering->columns[number] = column_names(gathering, columns);
    gathering->scans[number] = NULL;
    gathering->part_count++;
    return number;
}

RangeVar *gather_copy_in_from(struct gathering *gathering, int part)
{
    RangeVar *range = makeRangeVar((char *) "pg_temp", (char *) gather_copy_name(gathering, part), -1);
    range->alias = makeAlias(GATHER_ALIAS, NIL);
    gathering->copies = lappend(gathering->copies, range);
    return range;
}

Node *gather_copy_column(struct gathering *gathering, int number)
{
    ColumnRef *column = makeNode(ColumnRef);
    column->fields = list_make2(makeString((char *) GATHER_ALIAS), makeString((char *) gather_column_name(gathering, number)));
    column->location = -1;
    return (Node *) column;
}

/* ---- whole queries ---- */

static bool is_whole(struct analysis *analysis, const struct query *query)
{
    struct anchor anchor;
    struct proof proof = {0};
    return !query->correlated && !query->passes_order && query->outputs_known && query->output_count > 0 &&
           scans_have_sharded(analysis, query->first_scan, query->end_scan) &&
           prove_query(analysis, query, &anchor, &proof) &&
           gather_reads_fit(analysis, query->first_scan, query->end_scan);
}

/* SELECT * FROM (the query) (c1, c2, …) */
static SelectStmt *with_names(struct gathering *gathering, const SelectStmt *select, int columns)
{
    SelectStmt *named = makeNode(SelectStmt);
    RangeSubselect *inner = makeNode(RangeSubselect);
    inner->subquery = (Node *) copyObjectImpl(select);
    inner->alias = makeAlias(GATHER_ALIAS, column_names(gathering, columns));
    named->targetList = list_make1(gather_target(makeNode(A_Star)));
    named->fromClause = list_make1(inner);
    return named;
}

static void read_copy(struct gathering *gathering, SelectStmt *select, const struct query *query, int part)
{
    *select = (SelectStmt){.type = T_SelectStmt};
    for (int i = 0; i < query->output_count; i++) {
        ResTarget *target = makeNode(ResTarget);
        target->name = (char *) query->outputs[i].name;
        target->val = gather_copy_column(gathering, i);
        target->location = -1;
        select->targetList = lappend(select->targetList, target);
    }
    select->fromClause = list_make1(gather_copy_in_from(gathering, part));
}

static bool has_collation(Node *node, void *context)
{
    return node && (IsA(node, CollateClause) || parse_walk(node, has_collation, context));
}

/* A comparison of rows is none. */
bool gather_makes_row(Node *node, void *context)
{
    static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    if (!node || IsA(node, NullTest))
        return false;
    for (size_t i = 0; IsA(node, A_Expr) && castNode(A_Expr, node)->kind != AEXPR_NULLIF && i < sizeof comparisons / sizeof *comparisons; i++)
        if (!strcmp(parse_name(castNode(A_Expr, node)->name), comparisons[i]))
            return false;
    return IsA(node, RowExpr) || parse_walk(node, gather_makes_row, context);
}

/* A row of a subquery, or of a view, which is one here. */
static bool is_nameless_row(const struct query *query, const Node *value)
{
    const struct item *item = NULL;
    return query && query->scope && IsA(value, ColumnRef) && !scope_row(query->scope, (const ColumnRef *) value, &item) && item;
}

/* What has no type yet takes one from around the query; as a column of a part it would be text.  A row's is none of a column,
 * and a COLLATE of the query itself weighs more than a column's. */
static bool has_untyped(const struct query *query, const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->targetList) {
        const Node *value = lfirst_node(ResTarget, cell)->val;
        if (IsA(value, ParamRef) || is_nameless_row(query, value) || gather_makes_row((Node *) value, NULL) ||
            (IsA(value, A_Const) &&
             (((const A_Const *) value)->isnull || IsA(&((const A_Const *) value)->val, String))))
            return true;
    }
    return has_collation((Node *) select->targetList, NULL);
}

bool gather_moves_whole(struct gathering *gathering, const SelectStmt *select)
{
    return select != gathering->query && !select->sortClause && !select->limitCount && !select->limitOffset && !select->lockingClause &&
           !has_untyped(gather_first_reading(gathering, select), select) && gather_all_readings(gathering, select, is_whole) &&
           gather_is_fit(gathering->analysis, (Node *) select, NULL);
}

static bool push_whole(struct gathering *gathering, SelectStmt *select)
{
    const struct query *query = gather_first_reading(gathering, select);
    if (!gather_moves_whole(gathering, select))
        return false;
    gather_qualify(gathering, query, query->end_scan);
    int part = gather_add_part(gathering, GATHER_RESULT, query, query->end_scan,
                               with_names(gathering, select, query->output_count), query->output_count);
    if (part < 0)
        return false;
    gather_own_readings(gathering, select, part, false);
    gather_note_pushed(gathering, select, copyObject(select), part, NIL);
    read_copy(gathering, select, query, part);
    return true;
}

/* ---- the whole ---- */

static bool push_in(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        SelectStmt *select = castNode(SelectStmt, node);
        if (push_whole(gathering, select))
            return false;
        gather_push_block(gathering, select);
    }
    return parse_walk(node, push_in, context);
}

/* What passes an order on is known before anything moves. */
static void find_orders(const struct gathering *gathering)
{
    for (int i = 0; i < gathering->analysis->query_count; i++) {
        const struct query *query = gathering->analysis->queries[i];
        const SelectStmt *select = query->select;
        if (select && (select == gathering->query || select->limitCount || select->limitOffset || select->distinctClause || query->windows))
            order_is_kept(query);
    }
}

void gather_push(struct gathering *gathering, SelectStmt *select)
{
    const struct analysis *analysis = gathering->analysis;
    find_orders(gathering);
    if (!analysis->row_function && !analysis->sampled && !analysis->outer_aggregate)
        push_in((Node *) select, gathering);
}
