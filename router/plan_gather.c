/*
 * gather: the query runs on the home shard, over temporary tables that hold what it needs of the sharded
 * ones.
 *
 * Proof: each use of a sharded table in the query is replaced by a temporary table with its rows from all
 * shards that may hold any that matter, under the name it had; everything else that the query reads is on
 * the home shard in full.  PostgreSQL then answers it as it would with all rows in one place.  Left out
 * are rows that WHERE rejects by themselves (gather_filter.h), columns whose names the query does not
 * mention, for no name can mean them, and what nobody reads (gather_unread.h).  What would tell the copy from
 * the table (row locks, the table's row type, system columns but for tableoid, of which gather_table_oids.h says how) is not gathered.
 *
 * A view that reads sharded tables is replaced by its definition.
 */
#include <string.h>

#include "router/expressions.h"
#include "router/gather_applied.h"
#include "router/gather_groups.h"
#include "router/gather_index.h"
#include "router/gather_inside.h"
#include "router/gather_keys.h"
#include "router/gather_names.h"
#include "router/gather_order.h"
#include "router/gather_push.h"
#include "router/gather_sequence.h"
#include "router/gather_table_oids.h"
#include "router/gather_travel.h"
#include "router/gather_unread.h"
#include "router/gather_values.h"
#include "router/rewrite.h"
#include "router/sql_types.h"

static bool give_up(struct gathering *gathering, const char *hint, const char *detail)
{
    *gathering->proof = (struct proof){detail, hint};
    return false;
}

/* ---- views ---- */

static const struct view_use *find_view(const struct analysis *analysis, const RangeVar *range)
{
    for (int i = 0; i < analysis->view_count; i++)
        if (analysis->views[i].range == range)
            return &analysis->views[i];
    return NULL;
}

static bool reads_sharded(const struct analysis *analysis, const struct view_use *view)
{
    for (int i = view->first_scan; i < view->end_scan; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            return true;
    return false;
}

/* The view's definition as a subquery, with the names that the view gives its columns. */
static Node *expand(const struct view_use *view)
{
    const RangeVar *range = view->range;
    RangeSubselect *subselect = makeNode(RangeSubselect);
    const List *given = range->alias ? range->alias->colnames : NIL;
    subselect->subquery = (Node *) view->definition;
    subselect->alias = makeNode(Alias);
    subselect->alias->aliasname = range->alias ? range->alias->aliasname : range->relname;
    for (int i = 0; i < view->relation->column_count; i++)
        subselect->alias->colnames =
            lappend(subselect->alias->colnames, i < list_length(given)
                                                    ? list_nth(given, i)
                                                    : makeString((char *) view->relation->columns[i].name));
    return (Node *) subselect;
}

static void expand_item(struct gathering *gathering, Node **item)
{
    if (IsA(*item, JoinExpr)) {
        expand_item(gathering, &castNode(JoinExpr, *item)->larg);
        expand_item(gathering, &castNode(JoinExpr, *item)->rarg);
    } else if (IsA(*item, RangeVar)) {
        const struct view_use *view = find_view(gathering->analysis, castNode(RangeVar, *item));
        if (view && reads_sharded(gathering->analysis, view))
            *item = expand(view);
    }
}

static bool expand_views(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        ListCell *cell;
        foreach (cell, castNode(SelectStmt, node)->fromClause)
            expand_item(context, (Node **) &cell->ptr_value);
    }
    return parse_walk(node, expand_views, context);
}

/* ---- tables ---- */

/* The part that a name in FROM means. */
static int part_of(const struct gathering *gathering, const RangeVar *range)
{
    for (int i = 0; i < gathering->analysis->scan_count; i++) {
        int owner = gathering->owners[i];
        if (gathering->analysis->scans[i].range == range && owner >= 0 && gathering->scans[owner])
            return owner;
    }
    return -1;
}

const char *gather_copy_name(const struct gathering *gathering, int part)
{
    return arena_printf(gathering->arena, "keyway: gathered %d", part + 1);
}

/* Values of the users' own types contain OIDs that are others on each shard, but for domains and enums (enum_send()): they travel as text.  In
 * binary, texts are in the client's encoding, which may lack characters that are stored. */
bool gather_travels_in_binary(const struct gathering *gathering, const struct catalog_relation *relation)
{
    if (!gathering->analysis->planning->facts->server_encoding)
        return false;
    for (int i = 0; i < relation->column_count; i++)
        if (gather_mentions(gathering, relation->columns[i].name) && !gather_is_binary(&relation->columns[i]))
            return false;
    return true;
}

/* That of the table, if the query may rely on it. */
static const char *primary_key(const struct gathering *gathering, const struct catalog_relation *relation)
{
    const struct catalog_unique *primary = NULL;
    const char *list = NULL;
    for (int i = 0; i < relation->unique_count; i++)
        if (relation->uniques[i].primary && gather_groups_by_key(gathering, relation))
            primary = &relation->uniques[i];
    for (int i = 0; primary && i < primary->column_count; i++) {
        const char *name = relation->columns[primary->columns[i]].name;
        if (!gather_mentions(gathering, name))
            return NULL;
        name = rewrite_quote_name(name, gathering->arena);
        list = list ? arena_printf(gathering->arena, "%s, %s", list, name) : name;
    }
    return list;
}

ResTarget *gather_target(void *field)
{
    ColumnRef *column = makeNode(ColumnRef);
    ResTarget *target = makeNode(ResTarget);
    column->fields = list_make1(field);
    column->location = target->location = -1;
    target->val = (Node *) column;
    return target;
}

static int width_of(uint32_t type)
{
    enum { ANY = 1000 };
    switch (type) {
    case TYPE_bool:
        return 1;
    case TYPE_int2:
        return 2;
    case TYPE_int4:
    case TYPE_date:
    case TYPE_float4:
    case TYPE_oid:
        return 4;
    case TYPE_int8:
    case TYPE_float8:
    case TYPE_time:
    case TYPE_timestamp:
    case TYPE_timestamptz:
        return 8;
    case TYPE_uuid:
        return 16;
    default:
        return ANY;
    }
}

/* Of a table whose rows are no more than counted. */
static const char *narrowest(const struct catalog_relation *relation)
{
    const struct catalog_column *found = &relation->columns[0];
    for (int i = 1; i < relation->column_count; i++)
        if (width_of(relation->columns[i].type) < width_of(found->type))
            found = &relation->columns[i];
    return found->name;
}

/* The names of the columns that the query mentions of the table; never none. */
static List *columns_of(const struct gathering *gathering, const struct scan *scan)
{
    const struct catalog_relation *relation = scan->relation.relation;
    List *columns = NIL;
    for (int i = 0; i < relation->column_count; i++)
        if (gather_mentions(gathering, relation->columns[i].name))
            columns = lappend(columns, makeString((char *) relation->columns[i].name));
    if (gather_tells_table(gathering, scan->range))
        columns = lappend(columns, makeString((char *) GATHER_TABLE_NAME));
    return columns || !relation->column_count ? columns : list_make1(makeString((char *) narrowest(relation)));
}

static bool is_table_name(const char *column)
{
    return !strcmp(column, GATHER_TABLE_NAME);
}

static bool renumber(Node *node, void *context)
{
    struct gather_parameters *parameters = context;
    if (!node)
        return false;
    if (!IsA(node, ParamRef))
        return parse_walk(node, renumber, context);
    ParamRef *parameter = castNode(ParamRef, node);
    int i = 0;
    while (i < parameters->count && parameters->numbers[i] != parameter->number - 1)
        i++;
    if (i == parameters->count)
        parameters->numbers[parameters->count++] = parameter->number - 1;
    parameter->number = i + 1;
    return false;
}

struct gather_parameters gather_renumber(const struct gathering *gathering, Node *part)
{
    struct gather_parameters parameters = {
        arena_alloc_array(gathering->arena, (size_t) gathering->analysis->parameter_count, sizeof(int)), 0};
    renumber(part, &parameters);
    return parameters;
}

/* The table's own rows that the query can need.  Without a filter it needs no alias: other uses have the same text. */
static SelectStmt *part_select(const struct scan *scan, const List *columns, Node *filter)
{
    ListCell *cell;
    SelectStmt *select = makeNode(SelectStmt);
    RangeVar *from = copyObject(scan->range);
    from->schemaname = (char *) scan->relation.schema;
    if (from->alias)
        from->alias->colnames = NIL; /* the copy has the table's own names */
    if (!filter)
        from->alias = NULL;
    select->fromClause = list_make1(from);
    foreach (cell, columns)
        select->targetList = lappend(select->targetList, is_table_name(strVal(lfirst(cell))) ? gather_table_name() : gather_target(lfirst(cell)));
    select->whereClause = (Node *) copyObjectImpl(filter);
    return select;
}

static const char *copy_format(const struct gathering *gathering, const struct catalog_relation *relation)
{
    if (gather_travels_in_binary(gathering, relation))
        return "FORMAT binary";
    return gathering->analysis->planning->facts->server_encoding ? "FORMAT text" : "FORMAT text, ENCODING 'UTF8'";
}

const bool *gather_note_travels(struct gathering *gathering, int part, const struct gather_travel *travels, int count, bool known)
{
    bool *as_text = arena_alloc_array(gathering->arena, (size_t) count, sizeof *as_text), any = false;
    gathering->forms[part] = arena_alloc_array(gathering->arena, (size_t) count, sizeof **gathering->forms);
    for (int i = 0; i < count; i++) {
        gathering->forms[part][i] = travels[i].form;
        any |= as_text[i] = travels[i].as_text;
    }
    gathering->arrays[part] = known && gathering->analysis->planning->facts->server_encoding;
    return any ? as_text : NULL;
}

static const bool *note_columns(struct gathering *gathering, const struct catalog_relation *relation, const List *columns)
{
    int count = list_length(columns);
    struct gather_travel *travels = arena_alloc_array(gathering->arena, (size_t) count, sizeof *travels);
    for (int i = 0; i < count; i++) {
        const char *name = strVal(list_nth(columns, i));
        travels[i] = is_table_name(name) ? (struct gather_travel){.binary = true, .typed = true, .collated = true}
                                         : gather_column_travel(gathering, &relation->columns[catalog_column(relation, name)]);
    }
    struct gather_travel all = gather_all_travels(travels, count);
    return gather_note_travels(gathering, gathering->part_count, travels, count, all.typed && all.collated);
}

static bool same_parameters(const struct gather_part *part, const struct gather_parameters *parameters)
{
    for (int i = 0; i < parameters->count && i < part->parameter_count; i++)
        if (part->parameters[i] != parameters->numbers[i])
            return false;
    return part->parameter_count == parameters->count;
}

int gather_same_part(const struct gathering *gathering, enum gather_what what, const char *text,
                     const struct gather_parameters *parameters)
{
    for (int i = 0; i < gathering->part_count; i++) {
        const struct gather_part *part = &gathering->parts[i];
        if (part->what == what && !part->keyed && !strcmp(part->select, text) && same_parameters(part, parameters))
            return i;
    }
    return -1;
}

static bool same_keys(const struct gather_part *left, const struct gather_part *right)
{
    for (int i = 0; i < left->key_count && i < right->key_count; i++)
        if (left->keys[i].part != right->keys[i].part || left->keys[i].of_home != right->keys[i].of_home ||
            left->keys[i].column != right->keys[i].column)
            return false;
    return left->key_count == right->key_count;
}

/* One before the newest that is restricted by the same keys, too. */
static int same_keyed_part(const struct gathering *gathering)
{
    const struct gather_part *newest = &gathering->parts[gathering->part_count - 1];
    for (const struct gather_part *part = gathering->parts; newest->keyed && part < newest; part++)
        if (part->keyed && !newest->parameter_count && !part->parameter_count && same_keys(part, newest) && !strcmp(part->keyed, newest->keyed))
            return (int) (part - gathering->parts);
    return -1;
}

/* The part of a scan's rows; -1: they cannot be asked for. */
static int make_part(struct gathering *gathering, int number)
{
    struct arena *arena = gathering->arena;
    struct gather_part *part = &gathering->parts[gathering->part_count];
    const struct scan *scan = &gathering->analysis->scans[number];
    const struct catalog_relation *relation = scan->relation.relation;
    List *columns = gathering->columns[gathering->part_count] = columns_of(gathering, scan);
    bool binary = gather_travels_in_binary(gathering, relation);
    SelectStmt *select = part_select(scan, columns, gathering->wanted[number].condition);
    struct gather_parameters parameters = gather_renumber(gathering, (Node *) select);
    const char *text = parse_deparse((Node *) select, arena);
    int same = text ? gather_same_part(gathering, GATHER_ROWS, text, &parameters) : -1;
    if (!text || same >= 0)
        return same;
    *part = (struct gather_part){
        .what = GATHER_ROWS,
        .table = arena_strdup(arena, scan->relation.name),
        .select = text,
        .parameters = parameters.numbers,
        .parameter_count = parameters.count,
        .column_count = list_length(columns),
        .copy = rewrite_quote_name(gather_copy_name(gathering, gathering->part_count), arena),
        .as_text = note_columns(gathering, relation, columns),
        .key = primary_key(gathering, relation),
        .binary = binary,
        .format = copy_format(gathering, relation),
    };
    gathering->scans[gathering->part_count++] = scan;
    if (!gather_waits_for_keys(gathering, number))
        return gathering->part_count - 1;
    gather_add_keys(gathering, number, select);
    same = same_keyed_part(gathering);
    gathering->part_count -= same >= 0;
    return same >= 0 ? same : gathering->part_count - 1;
}

static void make_room(struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    size_t room = (size_t) analysis->scan_count;
    gathering->scans = arena_alloc_array(analysis->arena, room, sizeof *gathering->scans);
    gathering->columns = arena_alloc_array(analysis->arena, room, sizeof *gathering->columns);
    gathering->arrays = arena_alloc_array(analysis->arena, room, sizeof *gathering->arrays);
    gathering->forms = arena_alloc_array(analysis->arena, room, sizeof *gathering->forms);
    gathering->owners = arena_alloc_array(analysis->arena, room, sizeof *gathering->owners);
    gathering->wanted = arena_alloc_array(analysis->arena, room, sizeof *gathering->wanted);
    gathering->parts = arena_alloc_array(gathering->arena, 2 * room, sizeof *gathering->parts);
    gathering->questions = arena_alloc_array(analysis->arena, room, sizeof *gathering->questions);
    for (size_t i = 0; i < room; i++)
        gathering->owners[i] = -1;
}

static bool find_range(Node *node, void *context)
{
    return node && (node == context || parse_walk(node, find_range, context));
}

bool gather_still_reads(const struct gathering *gathering, const struct scan *scan)
{
    return find_range((Node *) gathering->query, scan->range);
}

/* A table that is read more than once through one name (a CTE used twice), or in the same way, is one part with
 * several conditions.  A name that is no longer there was of a CTE, or a condition, that fell away with what the shards compute. */
static bool find_part(struct gathering *gathering, int number)
{
    const struct scan *scan = &gathering->analysis->scans[number];
    if (!scan_is_sharded(scan) || gathering->owners[number] >= 0 || !gather_still_reads(gathering, scan))
        return true;
    gathering->owners[number] = part_of(gathering, scan->range);
    if (gathering->owners[number] < 0)
        gathering->owners[number] = make_part(gathering, number);
    return gathering->owners[number] >= 0;
}

static bool make_parts(struct gathering *gathering)
{
    for (int i = 0; i < gathering->sequence_count; i++)
        if (!find_part(gathering, gathering->sequence[i]))
            return false;
    gather_add_keys_of_parts(gathering);
    gather_put_in_sequence(gathering);
    memcpy(gathering->parts + gathering->part_count, gathering->questions, (size_t) gathering->question_count * sizeof *gathering->parts);
    for (int i = 0; i < gathering->part_count; i++)
        if (gathering->scans[i])
            gather_index(gathering, i);
    return true;
}

/* Conditions are in the order of the sharded scans: add_conditions(). */
static void own_conditions(struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    int *owners = arena_alloc_array(gathering->arena, (size_t) analysis->scan_count, sizeof *owners);
    int condition = 0;
    for (int i = 0; i < analysis->scan_count; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            owners[condition++] = gathering->owners[i];
    gathering->plan->inside->gather_owners = owners;
}

static bool names_part(const struct gathering *gathering, const List *fields)
{
    const char *schema = strVal(linitial(fields)), *name = strVal(lsecond(fields));
    for (int i = 0; i < gathering->part_count; i++)
        if (gathering->scans[i] && !strcmp(gathering->scans[i]->relation.schema, schema) &&
            !strcmp(gathering->scans[i]->relation.name, name))
            return true;
    return false;
}

static bool replace_tables(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, RangeVar)) {
        RangeVar *range = castNode(RangeVar, node);
        int part = part_of(gathering, range);
        if (part < 0)
            return parse_walk(node, replace_tables, context);
        if (!range->alias) {
            range->alias = makeNode(Alias);
            range->alias->aliasname = range->relname;
        }
        range->catalogname = NULL;
        range->schemaname = (char *) "pg_temp";
        range->relname = (char *) gather_copy_name(gathering, part);
        gathering->copies = lappend(gathering->copies, range);
        range->inh = true;
        return false;
    }
    if (IsA(node, ColumnRef)) { /* schema.table.column: the table has another schema now */
        ColumnRef *reference = castNode(ColumnRef, node);
        if (list_length(reference->fields) == 3 && names_part(gathering, reference->fields))
            reference->fields = list_copy_tail(reference->fields, 1);
    }
    return parse_walk(node, replace_tables, context);
}

/* ---- the query over arrays ---- */

static Node *unnest(int array)
{
    FuncCall *call = makeFuncCall(list_make2(makeString((char *) "pg_catalog"), makeString((char *) "unnest")), NIL,
                                  COERCE_EXPLICIT_CALL, -1);
    ParamRef *parameter = makeNode(ParamRef);
    parameter->number = array;
    parameter->location = -1;
    call->args = list_make1(parameter);
    return (Node *) call;
}

/* "a", "b"::type COLLATE collation; NIL: nothing stands behind any of them. */
static List *columns_of_arrays(const struct gathering *gathering, int part)
{
    List *targets = NIL;
    bool any = false;
    for (int i = 0; i < gathering->parts[part].column_count; i++) {
        const char *form = gathering->forms[part][i];
        ResTarget *target = gather_target(list_nth(gathering->columns[part], i));
        if (form)
            target->val = expression_from(arena_printf(gathering->arena, "$1%s", form), &target->val);
        targets = lappend(targets, target);
        any |= form != NULL;
    }
    return any ? targets : NIL;
}

/* "copy" ("a", "b") AS (SELECT * FROM ROWS FROM (unnest($3), unnest($4))) */
static CommonTableExpr *rows_of_arrays(const struct gathering *gathering, int part, int first)
{
    RangeFunction *function = makeNode(RangeFunction);
    SelectStmt *select = makeNode(SelectStmt);
    CommonTableExpr *rows = makeNode(CommonTableExpr);
    function->is_rowsfrom = true;
    for (int i = 0; i < gathering->parts[part].column_count; i++)
        function->functions = lappend(function->functions, list_make2(unnest(first + i), NIL));
    select->targetList = columns_of_arrays(gathering, part);
    if (select->targetList)
        function->alias = makeAlias(GATHER_ALIAS, gathering->columns[part]);
    else
        select->targetList = list_make1(gather_target(makeNode(A_Star)));
    select->fromClause = list_make1(function);
    rows->ctename = (char *) gather_copy_name(gathering, part);
    rows->aliascolnames = gathering->columns[part];
    rows->ctequery = (Node *) select;
    rows->location = -1;
    return rows;
}

static int first_free_parameter(const struct analysis *analysis)
{
    int declared = analysis->planning->type_count;
    return 1 + (analysis->parameter_count > declared ? analysis->parameter_count : declared);
}

/* A value that was read from its text is the same again. */
static bool are_exact_texts(const struct session_facts *facts)
{
    return facts->iso_dates && !facts->rounded_floats;
}

static void write_over_arrays(struct gathering *gathering, SelectStmt *select)
{
    struct plan *plan = gathering->plan;
    int next = plan->gather_first = first_free_parameter(gathering->analysis);
    List *rows = NIL;
    ListCell *cell;
    for (int i = 0; i < gathering->part_count; i++) {
        const struct gather_part *part = &gathering->parts[i];
        if (!gathering->arrays[i] || (part->as_text && !are_exact_texts(gathering->analysis->planning->facts)) ||
            (part->key && !gather_group_columns(gathering, i)))
            return;
        plan->gather_as_text |= part->as_text != NULL;
        rows = lappend(rows, rows_of_arrays(gathering, i, next));
        next += gathering->parts[i].column_count;
    }
    if (next > UINT16_MAX)
        return;
    foreach (cell, gathering->copies) /* their names mean rows of arrays now */
        lfirst_node(RangeVar, cell)->schemaname = NULL;
    if (!select->withClause) {
        select->withClause = makeNode(WithClause);
        select->withClause->location = -1;
    }
    select->withClause->ctes = list_concat(rows, select->withClause->ctes);
    plan->gather_values = parse_deparse((Node *) select, gathering->arena);
}

/* ---- what cannot be gathered ---- */

static bool is_row(const struct analysis *analysis, const Node *node)
{
    return node && IsA(node, ColumnRef) &&
           (IsA(llast(((const ColumnRef *) node)->fields), A_Star) || gather_may_be_row(analysis, (const ColumnRef *) node));
}

/* table.* as an argument is a row of the table's type: functions of the users are made for that type, and
 * pg_typeof() tells its name. */
static bool names_row_type(const struct analysis *analysis, Node *node)
{
    bool array, rows = false;
    ListCell *cell;
    if (IsA(node, TypeCast))
        return is_row(analysis, (const Node *) castNode(TypeCast, node)->arg) &&
               !analysis_type(castNode(TypeCast, node)->typeName, &array);
    if (!IsA(node, FuncCall))
        return false;
    foreach (cell, castNode(FuncCall, node)->args)
        rows |= is_row(analysis, lfirst(cell));
    struct function_facts facts = function_facts(analysis->planning, castNode(FuncCall, node));
    return rows && (facts.users || !strcmp(facts.name, "pg_typeof"));
}

/* The row's type is another over a copy; what shows only its columns' names and values is the same. */
static bool find_whole_row(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node)
        return false;
    if (names_row_type(gathering->analysis, node))
        gathering->shows_row_type = true;
    return parse_walk(node, find_whole_row, context);
}

static bool is_copy(const struct gathering *gathering, const RangeVar *range)
{
    return parse_list_has(gathering->copies, range);
}

struct strays {
    const struct gathering *gathering;
    bool found;
};

static bool is_part(const struct analysis *analysis, const struct resolved_relation *relation)
{
    return relation->relation && routing_part(analysis->planning->routing, relation->relation);
}

/* After all, no name of a sharded table may be left: one that the analysis did not read. */
static bool find_strays(Node *node, void *context)
{
    struct strays *strays = context;
    if (!node)
        return false;
    if (IsA(node, RangeVar) && !analysis_is_cte(strays->gathering->analysis, castNode(RangeVar, node))) {
        const RangeVar *range = castNode(RangeVar, node);
        const struct analysis *analysis = strays->gathering->analysis;
        bool read = part_of(strays->gathering, range) >= 0 ||
                    is_copy(strays->gathering, range);
        for (int i = 0; i < analysis->scan_count && !read; i++)
            read = analysis->scans[i].range == range && !scan_is_sharded(&analysis->scans[i]);
        struct resolved_relation relation = resolve_relation(analysis->planning, range);
        const struct view_use *view = find_view(analysis, range);
        bool harmless = relation.place == PLACE_VIEW ? view && !reads_sharded(analysis, view)
                                                     : relation.place != PLACE_SHARDED && !is_part(analysis, &relation);
        strays->found |= !read && !harmless;
    }
    return parse_walk(node, find_strays, context);
}

static bool locks(Node *node, void *context)
{
    (void) context;
    if (!node)
        return false;
    if (IsA(node, SelectStmt) && castNode(SelectStmt, node)->lockingClause)
        return true;
    return parse_walk(node, locks, context);
}

/* What tells of the statement's text and time, of the session's temporary schema, of the transaction, of
 * other relations; not which process serves the session, and since when. */
static bool sees_gathering(const char *function)
{
    static const char *const blind[] = {"pg_backend_pid", "pg_client_encoding", "pg_collation_for", "pg_conf_load_time",
                                        "pg_is_in_recovery", "pg_postmaster_start_time"};
    for (size_t i = 0; i < sizeof blind / sizeof *blind; i++)
        if (!strcmp(function, blind[i]))
            return false;
    return !strncmp(function, "pg_", 3) || !strncmp(function, "txid_", 5) ||
           !strcmp(function, "current_query") || !strcmp(function, "current_schemas");
}

static bool check_functions(struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->sighting_count; i++) {
        const struct sighting *sighting = &analysis->sightings[i];
        if (sighting->class == FUNCTION_UNKNOWN)
            return give_up(gathering, "Give the key's value, so that one shard runs the statement.",
                           "It is not known what a function of the query depends on.");
        bool known = sighting->class == FUNCTION_HOME || sighting->class == FUNCTION_CLOCK;
        if (known && sees_gathering(sighting->name))
            return give_up(
                gathering, "Ask for it in a statement of its own.",
                arena_printf(gathering->arena, "%s() could tell that rows are gathered.", sighting->name));
    }
    return true;
}

static bool check_relations(struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    for (int i = 0; i < analysis->scan_count; i++) {
        const struct scan *scan = &analysis->scans[i];
        if (scan->relation.place == PLACE_CATALOG)
            return give_up(gathering, "Ask the catalog in a statement of its own.",
                           "The catalog tells of the temporary tables that rows are gathered into.");
        if (scan_is_sharded(scan) && (scan->relation.table->problem || !scan->range))
            return give_up(gathering, "Make the table the same on all shards, and RELOAD.",
                           "A table is not the same on all shards.");
    }
    return true;
}

static bool check_query(struct gathering *gathering, SelectStmt *select)
{
    const struct analysis *analysis = gathering->analysis;
    if (analysis->storage_column)
        return give_up(gathering, "Use the primary key instead.",
                       arena_printf(gathering->arena, "System column %s says where a row is stored on one shard.", analysis->storage_column));
    if (analysis->modifying || gathering->plan->writes)
        return give_up(gathering, "Send the statements one after another.", "The query changes something.");
    if (analysis->sampled)
        return give_up(gathering, "Give the key's value, so that one shard runs the statement.",
                       "TABLESAMPLE takes its sample from each shard apart.");
    if (locks((Node *) select, NULL))
        return give_up(gathering, "Lock rows by their keys.",
                       "Rows of several shards cannot be locked through a copy.");
    return check_functions(gathering) && check_relations(gathering);
}

static bool check_rows(struct gathering *gathering, SelectStmt *select)
{
    ListCell *cell;
    find_whole_row((Node *) select, gathering);
    foreach (cell, select->targetList) {
        const Node *value = lfirst_node(ResTarget, cell)->val;
        if (IsA(value, ColumnRef) && gather_may_be_row(gathering->analysis, (const ColumnRef *) value) &&
            !scope_finds(gathering->analysis->queries[0]->scope, (const ColumnRef *) value))
            gathering->shows_row_type = true;
    }
    if (gathering->shows_row_type || gathering->analysis->row_function)
        return give_up(gathering, "Name the columns.", "A whole row of a sharded table is used as a value.");
    return true;
}

static bool names_travel(struct gathering *gathering)
{
    for (int i = 0; i < gathering->part_count; i++)
        if (!gathering->parts[i].binary && !are_exact_texts(gathering->analysis->planning->facts))
            return give_up(gathering, "SET datestyle = ISO, and extra_float_digits = 1.",
                           "Values of the database's own types are copied as text, in DateStyle ISO and with all digits only.");
    return true;
}

/* SELECTs that gather_group_early() has made are worth nothing unless the shards answer them. */
static bool early_are_parts(const struct gathering *gathering)
{
    ListCell *cell;
    foreach (cell, gathering->early) {
        const struct gather_pushed *pushed = gathering->pushed;
        while (pushed && pushed->select != lfirst(cell))
            pushed = pushed->next;
        if (!pushed)
            return false;
    }
    return true;
}

bool plan_gather(struct plan *plan, struct analysis *analysis, SelectStmt *select, const List *early, struct proof *proof)
{
    struct gathering gathering = {
        .plan = plan, .analysis = analysis, .arena = &plan->arena, .query = select, .early = early, .proof = proof};
    struct strays strays = {.gathering = &gathering};
    if (!check_query(&gathering, select))
        return false;
    gather_forget_harmless_orders(&gathering);
    expand_views((Node *) select, &gathering);
    if (!gather_show_table_oids(&gathering, select))
        return give_up(&gathering, "Name the columns.", "System column tableoid stands beside whole rows of its table.");
    make_room(&gathering);
    gather_forget_unread(&gathering, select);
    gather_lift_sums(&gathering, select);
    gather_forget_unread(&gathering, select); /* columns that gave their places to others */
    gather_push(&gathering, select);
    if (!early_are_parts(&gathering))
        return give_up(&gathering, "Write the query in a simpler form.", "The shards cannot make the groups.");
    gather_check_sums(&gathering, select);
    gather_note_names(&gathering, select);
    gather_choose_filters(&gathering);
    gather_forget_applied(&gathering, select);
    gather_note_names(&gathering, select); /* without those that only such conditions mention */
    gather_choose_keys(&gathering);
    if (!make_parts(&gathering))
        return give_up(&gathering, "Write the query in a simpler form.",
                       "The rows it needs cannot be asked for.");
    find_strays((Node *) select, &strays);
    if (strays.found)
        return give_up(&gathering, "Write the query in a simpler form.",
                       "Not all of the query could be examined.");
    const char *ordered = gather_shown_order(&gathering);
    if (ordered)
        return give_up(&gathering, "Give the aggregate an ORDER BY; cast floating-point numbers to numeric, or set float_sums.",
                       arena_printf(gathering.arena,
                                    "%s() depends on the order of rows, and those of several shards have none.", ordered));
    gather_type_rows(&gathering, select);
    if (!check_rows(&gathering, select) || !names_travel(&gathering))
        return false;
    replace_tables((Node *) select, &gathering);
    const char *text_of_query = parse_deparse((Node *) select, gathering.arena);
    if (!text_of_query)
        return give_up(&gathering, "Write the query in a simpler form.",
                       "The query over gathered rows cannot be written.");
    own_conditions(&gathering);
    plan->shard_text = text_of_query;
    plan->gather = gathering.parts;
    plan->gather_count = gathering.part_count;
    plan->gather_questions = gathering.question_count;
    plan->gather_runs_again = gather_runs_again(&gathering);
    gather_note_readings(&gathering);
    write_over_arrays(&gathering, select);
    plan_pin_all(plan);
    return true;
}
