/*
 * Everything goes through the extended protocol: a part has parameters of its own, and its rows come in binary.  Several questions to one
 * shard stand before one Sync: after an error in one the others are not answered.
 */
#include "proxy/gather_inside.h"

#include <string.h>

#include "proxy/extended.h"
#include "router/sql_types.h"

static void put_bind_of_nothing(struct server *server, struct reply_sink *sink)
{
    static const uint8_t body[] = {0, 0, 0, 0, 0, 0, 0, 0}; /* two names, and three counts */
    wire_message(stream_output(&server->stream), 'B', body, sizeof body);
    server_expect(server, 'B', false, sink);
}

static void put_bind_of_client(struct server *server, struct reply_sink *sink, const struct bind_message *bind)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, "");
    wire_put_string(out, "");
    wire_put_bytes(out, bind->rest, bind->rest_length);
    wire_end(out, mark);
    server_expect(server, 'B', false, sink);
}

/* A portal is planned, which may find an error in its constants, or tell more of its columns' types than the statement. */
static void plan_statement(struct gather *gather)
{
    struct gather_shard *home = gather->home;
    if (gather->bind)
        put_bind_of_client(home->server, &home->sink, gather->bind);
    else
        put_bind_of_nothing(home->server, &home->sink);
    extended_describe(home->server, &home->sink, "");
}

static void ask_description(struct gather *gather, const struct statement *statement, const char *text, size_t length)
{
    struct server *home = gather->home->server;
    extended_parse(home, &gather->home->sink, text, length, statement ? statement->types : NULL,
                   statement ? statement->type_count : 0);
    extended_describe_statement(home, &gather->home->sink, "");
}

/* DECLARE and COPY themselves have no columns: those of the query in them are asked for. */
void gather_ask_examination(struct gather *gather, const struct statement *statement)
{
    const char *query = gather->plan->wrapped_query;
    ask_description(gather, statement, gather->run->text, gather->run->text_length);
    if (gather->wraps)
        ask_description(gather, statement, query, strlen(query));
    if (gather->plans)
        plan_statement(gather);
    if (gather->asks_mode && gather->plan->gather_as_text)
        gather_ask_mode(gather);
}

void gather_ask_mode(struct gather *gather)
{
    static const char sql[] = "SHOW transaction_read_only";
    struct server *home = gather->home->server;
    extended_parse(home, &gather->home->sink, sql, sizeof sql - 1, NULL, 0);
    put_bind_of_nothing(home, &gather->home->sink);
    extended_execute(home, &gather->home->sink, "", 0);
}

static int arrays_of(const struct gather *gather, int number)
{
    return number < gather->plan->gather_count ? gather->keyed[number].count : 0;
}

/* The rows that are asked for: those with its keys, if these are known. */
static const char *select_of(const struct gather *gather, int number)
{
    return arrays_of(gather, number) ? gather->plan->gather[number].keyed : gather->plan->gather[number].select;
}

/* A type of the database's own is called otherwise on another shard, which finds out by itself. */
static void parse_part(struct gather *gather, struct server *server, struct reply_sink *sink, const char *text, int number)
{
    const struct gather_part *part = &gather->plan->gather[number];
    bool home = server == gather->home->server;
    int arrays = arrays_of(gather, number), count = part->parameter_count + arrays;
    uint32_t *types = arena_alloc_array(&gather->run->arena, (size_t) count, sizeof *types);
    for (int i = 0; i < part->parameter_count; i++) {
        uint32_t type = gather->types[part->parameters[i]];
        types[i] = home || type < FIRST_USER_TYPE ? type : 0;
    }
    for (int i = 0; i < arrays; i++)
        types[part->parameter_count + i] = gather->keyed[number].arrays[i].type;
    extended_parse(server, sink, text, strlen(text), types, count);
}

static void put_value(struct buffer *out, const struct bind_value *value)
{
    wire_put_int32(out, value->length);
    if (value->length > 0)
        wire_put_bytes(out, value->bytes, (size_t) value->length);
}

static void put_array(struct buffer *out, const struct gather_array *array)
{
    if (array->value)
        wire_put_bytes(out, array->value, array->length);
    else
        wire_put_int32(out, -1);
}

/* The result formats: binary, but for what comes as text if it goes to no table. */
static void put_formats(const struct gather *gather, const struct gather_part *part, struct buffer *out, bool binary)
{
    bool apart = part->as_text && !gather->tables;
    wire_put_int16(out, (int16_t) (apart ? part->column_count : 1));
    for (int i = 0; i < (apart ? part->column_count : 1); i++)
        wire_put_int16(out, apart ? !part->as_text[i] : binary);
}

/* Bind but for the formats of results. */
static size_t begin_bind(struct gather *gather, struct server *server, int number)
{
    const struct gather_part *part = &gather->plan->gather[number];
    struct buffer *out = stream_output(&server->stream);
    int arrays = arrays_of(gather, number), count = part->parameter_count + arrays;
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, "");
    wire_put_string(out, "");
    wire_put_int16(out, (int16_t) count);
    for (int i = 0; i < part->parameter_count; i++)
        wire_put_int16(out, gather->bind->values.values[part->parameters[i]].binary);
    for (int i = 0; i < arrays; i++)
        wire_put_int16(out, 1);
    wire_put_int16(out, (int16_t) count);
    for (int i = 0; i < part->parameter_count; i++)
        put_value(out, &gather->bind->values.values[part->parameters[i]]);
    for (int i = 0; i < arrays; i++)
        put_array(out, &gather->keyed[number].arrays[i]);
    return mark;
}

static void bind_part(struct gather *gather, struct server *server, struct reply_sink *sink, int number, bool binary)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = begin_bind(gather, server, number);
    put_formats(gather, &gather->plan->gather[number], out, binary);
    wire_end(out, mark);
    server_expect(server, 'B', false, sink);
}

/* Rows of a SELECT, or those that COPY makes for a table. */
static bool is_selected(const struct gather *gather, int number)
{
    return gather->plan->gather[number].binary || !gather->tables;
}

static const char *part_text(struct gather *gather, int number)
{
    const struct gather_part *part = &gather->plan->gather[number];
    return is_selected(gather, number) ? select_of(gather, number)
                        : arena_printf(&gather->run->arena, "COPY (%s) TO STDOUT (%s)", part->select, part->format);
}

void gather_ask_part(struct gather *gather, struct gather_shard *shard, int number)
{
    const struct gather_part *part = &gather->plan->gather[number];
    parse_part(gather, shard->server, &shard->sink, part_text(gather, number), number);
    if (!gather_takes_part(gather, shard->number, number)) {
        extended_describe_statement(shard->server, &shard->sink, "");
        return;
    }
    bind_part(gather, shard->server, &shard->sink, number, part->binary);
    if (is_selected(gather, number))
        extended_describe(shard->server, &shard->sink, "");
    extended_execute(shard->server, &shard->sink, "", 0);
}

void gather_ask_plan(struct gather *gather, struct gather_shard *shard, int number)
{
    struct buffer *out = stream_output(&shard->server->stream);
    const char *text = arena_printf(&gather->run->arena, "%s%s", gather->prefix, select_of(gather, number));
    parse_part(gather, shard->server, &shard->sink, text, number);
    size_t mark = begin_bind(gather, shard->server, number);
    wire_put_int16(out, 0);
    wire_end(out, mark);
    server_expect(shard->server, 'B', false, &shard->sink);
    extended_execute(shard->server, &shard->sink, "", 0);
}

void gather_ask_table(struct gather *gather, int number)
{
    const struct gather_part *part = &gather->plan->gather[number];
    struct server *home = gather->home->server;
    bool own_rows = gather_takes_part(gather, 0, number);
    const char *text = arena_printf(&gather->run->arena, "CREATE TEMPORARY TABLE %s ON COMMIT DROP AS %s%s", part->copy, select_of(gather, number),
                                    own_rows ? "" : " WITH NO DATA");
    parse_part(gather, home, &gather->table_sink, text, number);
    bind_part(gather, home, &gather->table_sink, number, false);
    extended_execute(home, &gather->table_sink, "", 0);
}

/* --- the query ----------------------------------------------------------------------------------------------- */

static int array_count(const struct gather *gather)
{
    int count = 0;
    for (int i = 0; !gather->tables && i < gather->plan->gather_count; i++)
        count += gather->rows[i].column_count;
    return count;
}

static void parse_query(struct gather *gather, struct server *home, struct reply_sink *sink)
{
    const char *query = gather->tables ? gather->plan->shard_text : gather->plan->gather_values;
    const char *text = arena_printf(&gather->run->arena, "%s%s", gather->prefix, query);
    int count = gather->type_count + array_count(gather), next = gather->type_count;
    uint32_t *types = arena_alloc_array(&gather->run->arena, (size_t) count, sizeof *types);
    for (int i = 0; i < gather->type_count; i++)
        types[i] = gather->types[i];
    for (int i = 0; next < count; i++)
        for (int column = 0; column < gather->rows[i].column_count; column++)
            types[next++] = gather_rows_array_type(&gather->rows[i], column);
    extended_parse(home, sink, text, strlen(text), types, count);
}

static void bind_query(struct gather *gather, struct server *home, struct reply_sink *sink, const char *portal)
{
    struct buffer *out = stream_output(&home->stream);
    const struct bind_message *bind = gather->bind;
    int arrays = array_count(gather), values = bind ? bind->values.count : 0;
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, portal);
    wire_put_string(out, "");
    wire_put_int16(out, (int16_t) (values + arrays));
    for (int i = 0; i < values; i++)
        wire_put_int16(out, bind->values.values[i].binary);
    for (int i = 0; i < arrays; i++)
        wire_put_int16(out, 1);
    wire_put_int16(out, (int16_t) (values + arrays));
    for (int i = 0; i < values; i++)
        put_value(out, &bind->values.values[i]);
    for (int i = 0; !gather->tables && i < gather->plan->gather_count; i++)
        gather_rows_put_arrays(&gather->rows[i], out);
    if (bind)
        wire_put_bytes(out, bind->result_formats, bind->result_formats_length);
    else
        wire_put_int16(out, 0);
    wire_end(out, mark);
    server_expect(home, 'B', false, sink);
}

#define END_TABLES "ROLLBACK TO SAVEPOINT keyway_gather; RELEASE SAVEPOINT keyway_gather"

/* Those of a cursor, of a portal that is read in steps, and of what writes stay until the transaction ends. */
static void end_tables(struct gather *gather, struct server *home)
{
    const char *sql = gather->guards ? END_TABLES "; " GUARD_BEGIN : END_TABLES;
    if (gather->keeps)
        gather->run->client->transaction.keeps_tables = true;
    else
        server_query(home, sql, strlen(sql), NULL);
}

/* The table that the query fills, with nothing in it, in the same transaction. */
static void create_table(struct gather *gather, struct server *home, struct reply_sink *sink)
{
    const char *text = gather->plan->creates;
    extended_parse(home, sink, text, strlen(text), gather->types, gather->type_count);
    if (gather->bind)
        put_bind_of_client(home, sink, gather->bind);
    else
        put_bind_of_nothing(home, sink);
    extended_execute(home, sink, "", 0);
}

void gather_query(struct gather *gather, const struct execution *execution, struct reply_sink *sink)
{
    struct server *home = gather->home->server;
    const char *portal = execution_portal(execution);
    if (gather->plan->creates)
        create_table(gather, home, sink);
    parse_query(gather, home, sink);
    bind_query(gather, home, sink, portal);
    extended_describe(home, sink, portal);
    extended_execute(home, sink, portal, execution->limit);
    extended_sync(home, sink);
    if (gather->tables)
        end_tables(gather, home);
    gather->run->gather = NULL;
    gather_free(gather);
}
