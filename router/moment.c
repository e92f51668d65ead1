/*
 * The text is kept, but for the calls themselves: comments, literals and parameters stay as the client has written them.
 *
 * Proof: transaction_timestamp() and its like are STABLE and without arguments, so that a constant of their type and value can stand for each of
 * them.  The types are those of PostgreSQL's own functions (utils/adt/timestamp.c, date.c): current_date and the others are now() converted
 * under the session's TimeZone, as the cast converts it, and the digits that they are given round as those of a cast.  A name that a
 * call would give to a column of a select list is kept by a subquery of one column that is named so.  Where a call is a table of FROM it stays.
 *
 * A default is an expression without columns, assigned to its column like a value of the row: it can be written into the rows.
 */
#include "router/moment.h"

#include <string.h>

#include "router/functions.h"
#include "router/insert_inside.h"
#include "router/rewrite.h"
#include "router/splice.h"
#include "router/utility_text.h"

/* A call, and its place in the text. */
struct call {
    size_t from, end;
    const char *type, *name; /* that it gives to a column */
    int digits;              /* negative: all */
    bool names;              /* a column of a select list is named for it */
};

struct reading {
    const struct planning *planning;
    struct arena *arena;
    const char *sql;
    const Node *naming; /* what names the select list's item that is being looked at */
    bool distinct;      /* of SELECT DISTINCT, whose ORDER BY must say what its items say */
    const char *moment; /* NULL: the calls are only counted */
    struct splices calls;
};

/* ---- calls ---- */

static const char *call_name(const struct planning *planning, FuncCall *call)
{
    struct function_facts facts = {0};
    const char *name = parse_name(call->funcname);
    bool bare = !call->args && !call->agg_order && !call->agg_filter && !call->over && !call->agg_star;
    if (!bare || (strcmp(name, "now") != 0 && strcmp(name, "transaction_timestamp") != 0))
        return NULL;
    facts = function_facts(planning, call);
    return facts.class == FUNCTION_CLOCK && !facts.users ? name : NULL;
}

static bool read_value_function(const SQLValueFunction *function, struct call *call)
{
    switch (function->op) {
    case SVFOP_CURRENT_DATE:
        *call = (struct call){.type = "date", .name = "current_date"};
        break;
    case SVFOP_CURRENT_TIME:
    case SVFOP_CURRENT_TIME_N:
        *call = (struct call){.type = "timetz", .name = "current_time"};
        break;
    case SVFOP_CURRENT_TIMESTAMP:
    case SVFOP_CURRENT_TIMESTAMP_N:
        *call = (struct call){.type = "timestamptz", .name = "current_timestamp"};
        break;
    case SVFOP_LOCALTIME:
    case SVFOP_LOCALTIME_N:
        *call = (struct call){.type = "time", .name = "localtime"};
        break;
    case SVFOP_LOCALTIMESTAMP:
    case SVFOP_LOCALTIMESTAMP_N:
        *call = (struct call){.type = "timestamp", .name = "localtimestamp"};
        break;
    case SVFOP_CURRENT_ROLE:
    case SVFOP_CURRENT_USER:
    case SVFOP_USER:
    case SVFOP_SESSION_USER:
    case SVFOP_CURRENT_CATALOG:
    case SVFOP_CURRENT_SCHEMA:
        return false;
    }
    call->digits = function->typmod;
    return true;
}

/* Behind "name ( )", whose name may be qualified. */
static const char *skip_call(const char *at)
{
    for (at = text_skip_blanks(text_skip_name(at)); *at == '.'; at = text_skip_blanks(text_skip_name(at)))
        at = text_skip_blanks(at + 1);
    return text_skip_parentheses(at);
}

static const char *skip_value_function(const char *at, bool digits)
{
    at = text_skip_word(at);
    return digits ? text_skip_parentheses(text_skip_blanks(at)) : at;
}

/* Names in Unicode escapes are not. */
static bool is_read(const char *from, const char *end)
{
    return end > from && (end[-1] == ')' || text_skip_word(from) == end);
}

static bool read_call(const struct reading *reading, Node *node, struct call *call)
{
    int location = -1;
    const char *end = reading->sql;
    if (IsA(node, SQLValueFunction) && read_value_function(castNode(SQLValueFunction, node), call)) {
        location = castNode(SQLValueFunction, node)->location;
        end = skip_value_function(reading->sql + location, call->digits >= 0);
    } else if (IsA(node, FuncCall)) {
        *call = (struct call){.type = "timestamptz", .name = call_name(reading->planning, castNode(FuncCall, node)), .digits = -1};
        location = call->name ? castNode(FuncCall, node)->location : -1;
        if (location >= 0)
            end = skip_call(reading->sql + location);
    }
    call->from = (size_t) location;
    call->end = (size_t) (end - reading->sql);
    call->names = node == reading->naming;
    return location >= 0 && is_read(reading->sql + location, end);
}

static const char *constant_for(const struct call *call, const char *moment, struct arena *arena)
{
    const char *digits = call->digits < 0 ? "" : arena_printf(arena, "(%d)", call->digits);
    const char *converted = strcmp(call->type, "timestamptz") == 0 ? "" : "::pg_catalog.timestamptz";
    const char *constant = arena_printf(arena, "'%s+00'%s::pg_catalog.%s%s", moment, converted, call->type, digits);
    return call->names ? arena_printf(arena, "(SELECT %s AS %s)", constant, rewrite_quote_name(call->name, arena)) : arena_printf(arena, "(%s)", constant);
}

static void add_call(struct reading *reading, const struct call *call)
{
    const char *constant = reading->moment ? constant_for(call, reading->moment, reading->arena) : "";
    splices_add(&reading->calls, (struct splice){call->from, call->end, constant}, reading->arena);
}

/* What an item of a select list is named for (FigureColname() in parse_target.c). */
static const Node *naming_part(const Node *value)
{
    while (value) {
        if (IsA(value, TypeCast))
            value = ((const TypeCast *) value)->arg;
        else if (IsA(value, CollateClause))
            value = ((const CollateClause *) value)->arg;
        else if (IsA(value, CaseExpr))
            value = (const Node *) ((const CaseExpr *) value)->defresult;
        else if (IsA(value, A_Indirection))
            value = ((const A_Indirection *) value)->arg;
        else
            break;
    }
    return value;
}

static bool find_calls(Node *node, void *context);

/* A function in FROM is no expression; its arguments are. */
static bool find_in_table(const struct reading *reading, const RangeFunction *range)
{
    ListCell *cell;
    foreach (cell, range->functions) {
        Node *function = linitial(lfirst_node(List, cell));
        if (IsA(function, FuncCall) && find_calls((Node *) castNode(FuncCall, function)->args, (void *) reading))
            return true;
    }
    return false;
}

static bool find_in_select(struct reading *reading, Node *select)
{
    bool distinct = reading->distinct;
    reading->distinct = castNode(SelectStmt, select)->distinctClause;
    parse_walk(select, find_calls, reading);
    reading->distinct = distinct;
    return false;
}

static bool find_calls(Node *node, void *context)
{
    struct reading *reading = context;
    struct call call = {0};
    if (!node)
        return false;
    if (IsA(node, RangeFunction))
        return find_in_table(reading, castNode(RangeFunction, node));
    if (IsA(node, SelectStmt))
        return find_in_select(reading, node);
    if (IsA(node, SortBy) && reading->distinct)
        reading->naming = castNode(SortBy, node)->node;
    if (IsA(node, ResTarget) && !castNode(ResTarget, node)->name)
        reading->naming = naming_part(castNode(ResTarget, node)->val);
    if ((IsA(node, FuncCall) || IsA(node, SQLValueFunction)) && read_call(reading, node, &call)) {
        add_call(reading, &call);
        return false;
    }
    return parse_walk(node, find_calls, context);
}

static bool reads_clock(const struct planning *planning, Node *tree, struct arena *arena)
{
    struct reading reading = {.planning = planning, .arena = arena, .sql = planning->sql};
    find_calls(tree, &reading);
    return reading.calls.count > 0;
}

/* ---- defaults ---- */

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char) *text > 127)
            return false;
    return true;
}

/* Not without one of these names. */
static bool may_read_clock(const char *text)
{
    static const char *const names[] = {"now", "transaction_timestamp", "current_date", "current_time", "localtime"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasestr(text, names[i]))
            return true;
    return false;
}

/* The column's default calls now() or its like.  (A catalog's text is in the servers' encoding, so it must be ASCII.) */
static bool defaults_to_clock(const struct planning *planning, const struct catalog_column *column)
{
    struct error error = {0};
    struct arena scratch = {0};
    if (column->standard != DEFAULT_EXPRESSION || !column->default_text || !may_read_clock(column->default_text) ||
        !is_ascii(column->default_text))
        return false;
    struct planning nested = *planning;
    nested.sql = arena_printf(&scratch, "SELECT %s", column->default_text);
    List *parsed = parse_aside(nested.sql, &error);
    bool reads = list_length(parsed) == 1 && reads_clock(&nested, linitial_node(RawStmt, parsed)->stmt, &scratch);
    error_clear(&error);
    arena_free(&scratch);
    return reads;
}

static const SelectStmt *rows_of(const InsertStmt *insert)
{
    const SelectStmt *select = (const SelectStmt *) insert->selectStmt;
    return select && select->valuesLists ? select : NULL;
}

/* What is known of rows in which a column is left to the clock. */
struct defaults {
    const struct planning *planning;
    const InsertStmt *insert;
    const SelectStmt *values;
    const struct catalog_relation *relation;
    int written; /* columns that each row gives */
    bool *left;  /* by column of the table: no row names it, and the clock gives it */
    bool any;    /* … or DEFAULT stands for one in a row */
};

/* The table's column at a place of the rows; negative: there is none. */
static int column_at(const struct defaults *defaults, int place)
{
    const List *columns = defaults->insert->cols;
    if (!columns)
        return place < defaults->relation->column_count ? place : -1;
    return place < list_length(columns) ? catalog_column(defaults->relation, list_nth_node(ResTarget, columns, place)->name) : -1;
}

static bool is_named(const struct defaults *defaults, int column)
{
    for (int i = 0; i < defaults->written; i++)
        if (column_at(defaults, i) == column)
            return true;
    return false;
}

/* PostgreSQL refuses other rows, and targets like column[1] are left as they are. */
static bool rows_are_even(const struct defaults *defaults)
{
    ListCell *cell;
    const List *columns = defaults->insert->cols;
    foreach (cell, defaults->values->valuesLists)
        if (list_length(lfirst(cell)) != defaults->written)
            return false;
    foreach (cell, columns)
        if (lfirst_node(ResTarget, cell)->indirection)
            return false;
    for (int i = 0; i < defaults->written; i++)
        if (column_at(defaults, i) < 0)
            return false;
    return !columns || defaults->written == list_length(columns);
}

static bool clock_stands_at(const struct defaults *defaults, int place, const Node *value)
{
    return IsA(value, SetToDefault) && defaults_to_clock(defaults->planning, &defaults->relation->columns[column_at(defaults, place)]);
}

static bool find_defaults(const struct planning *planning, const InsertStmt *insert, struct arena *arena, struct defaults *defaults)
{
    ListCell *row, *cell;
    struct resolved_relation target = resolve_relation(planning, insert->relation);
    *defaults = (struct defaults){.planning = planning, .insert = insert, .values = rows_of(insert), .relation = target.relation};
    if (!defaults->values || !target.relation)
        return false;
    defaults->written = list_length(linitial(defaults->values->valuesLists));
    if (!rows_are_even(defaults))
        return false;
    defaults->left = arena_alloc_array(arena, (size_t) target.relation->column_count, sizeof *defaults->left);
    for (int i = 0; i < target.relation->column_count; i++) {
        defaults->left[i] = !is_named(defaults, i) && defaults_to_clock(planning, &target.relation->columns[i]);
        defaults->any |= defaults->left[i];
    }
    foreach (row, defaults->values->valuesLists)
        foreach (cell, lfirst_node(List, row))
            defaults->any |= clock_stands_at(defaults, foreach_current_index(cell), lfirst(cell));
    return defaults->any;
}

/* "a, b" of the columns that are added, each behind a comma; `values`: their defaults. */
static const char *list_added(const struct defaults *defaults, bool values, struct arena *arena)
{
    const char *list = "";
    for (int i = 0; i < defaults->relation->column_count; i++)
        if (defaults->left[i])
            list = arena_printf(arena, "%s, %s", list,
                                values ? defaults->relation->columns[i].default_text : rewrite_quote_name(defaults->relation->columns[i].name, arena));
    return list;
}

static struct insert_addition addition_of(const struct defaults *defaults, struct arena *arena)
{
    const char *more = list_added(defaults, false, arena), *whole = "";
    if (!*more)
        return (struct insert_addition){0};
    for (int i = 0; i < defaults->written; i++)
        whole = arena_printf(arena, "%s%s%s", whole, i ? ", " : "", rewrite_quote_name(defaults->relation->columns[column_at(defaults, i)].name, arena));
    return (struct insert_addition){.more = more, .whole = arena_printf(arena, " (%s%s) ", whole, more)};
}

static const char *write_row(const struct defaults *defaults, const char *text, const List *row, const char *added, struct arena *arena)
{
    const char **values = arena_alloc_array(arena, (size_t) defaults->written, sizeof *values), *whole = "";
    if (!insert_split_row(text, row, values, arena))
        return NULL;
    for (int i = 0; i < defaults->written; i++) {
        bool clock = clock_stands_at(defaults, i, list_nth(row, i));
        whole = arena_printf(arena, "%s%s%s", whole, i ? ", " : "",
                             clock ? defaults->relation->columns[column_at(defaults, i)].default_text : values[i]);
    }
    return arena_printf(arena, "(%s%s)", whole, added);
}

/* The INSERT with its defaults in its rows; NULL: they cannot be told apart in the text. */
static const char *write_defaults(const struct defaults *defaults, const char *sql, size_t length, struct arena *arena)
{
    const List *lists = defaults->values->valuesLists;
    struct insert_rows rows = {.count = list_length(lists)};
    struct insert_addition addition = addition_of(defaults, arena);
    if (!insert_split(&rows, sql, length, lists, &addition, arena))
        return NULL;
    const char *text = rows.before, *added = list_added(defaults, true, arena);
    for (int i = 0; i < rows.count; i++) {
        const char *row = write_row(defaults, rows.rows[i], list_nth(lists, i), added, arena);
        if (!row)
            return NULL;
        text = arena_printf(arena, "%s%s%s", text, i ? ", " : "", row);
    }
    return arena_printf(arena, "%s%s", text, rows.after);
}

/* ---- reading ---- */

/* What the home shard computes of an INSERT's rows it computes with its own clock, which may be enough. */
static bool is_computed(const struct planning *planning, const InsertStmt *insert, struct arena *arena)
{
    ListCell *row, *cell;
    InsertStmt rest = *insert;
    rest.selectStmt = NULL;
    if (!rows_of(insert) || reads_clock(planning, (Node *) &rest, arena))
        return false;
    foreach (row, rows_of(insert)->valuesLists)
        foreach (cell, lfirst_node(List, row))
            if (reads_clock(planning, lfirst(cell), arena) && !planning_computes(planning, lfirst(cell)))
                return false;
    return true;
}

enum clock_reading moment_reading(const struct planning *planning, Node *statement)
{
    struct arena scratch = {0};
    struct defaults defaults;
    InsertStmt *insert = IsA(statement, InsertStmt) ? castNode(InsertStmt, statement) : NULL;
    bool left = insert && find_defaults(planning, insert, &scratch, &defaults);
    enum clock_reading reading = CLOCK_UNREAD;
    if (left || reads_clock(planning, statement, &scratch))
        reading = insert && is_computed(planning, insert, &scratch) ? CLOCK_IN_ROWS : CLOCK_READ;
    arena_free(&scratch);
    return reading;
}

/* ---- writing ---- */

/* The query in a statement that is none itself. */
static Node *query_in(Node *statement)
{
    if (IsA(statement, DeclareCursorStmt))
        return castNode(DeclareCursorStmt, statement)->query;
    return IsA(statement, CopyStmt) ? castNode(CopyStmt, statement)->query : statement;
}

/* The statement that the text is, which has been planned before. */
struct writing {
    struct planning planning;
    struct arena *arena;
    const struct parse *parse;
    const char *moment, *text;
};

static void write_parsed(void *context)
{
    struct writing *writing = context;
    struct planning *planning = &writing->planning;
    struct defaults defaults;
    struct error error = {0};
    Node *statement = query_in(linitial_node(RawStmt, writing->parse->statements)->stmt);
    if (IsA(statement, InsertStmt) && find_defaults(planning, castNode(InsertStmt, statement), writing->arena, &defaults)) {
        planning->sql = write_defaults(&defaults, planning->sql, planning->length, writing->arena);
        List *parsed = planning->sql ? parse_more(planning->sql, &error) : NIL;
        error_clear(&error);
        if (list_length(parsed) != 1)
            return;
        statement = linitial_node(RawStmt, parsed)->stmt;
    }
    struct reading reading = {.planning = planning, .arena = writing->arena, .sql = planning->sql, .moment = writing->moment};
    find_calls(statement, &reading);
    writing->text = reading.calls.count ? splices_apply(&reading.calls, planning->sql, 0, writing->arena) : NULL;
}

const char *moment_write(const struct routing *routing, const struct session_facts *facts, const char *sql, size_t length, const char *moment,
                         struct arena *arena)
{
    struct parse parse;
    struct error error = {0};
    struct unusable_name unusable = {0};
    struct writing writing = {
        .planning = {.routing = routing, .facts = facts, .sql = arena_strndup(arena, sql, length), .length = length, .unusable = &unusable},
        .arena = arena,
        .parse = &parse,
        .moment = moment,
    };
    if (parse_begin(&parse, writing.planning.sql, length, &error)) {
        if (list_length(parse.statements) == 1)
            parse_protect(write_parsed, &writing, &error);
        parse_end(&parse);
    }
    error_clear(&error);
    return writing.text;
}
