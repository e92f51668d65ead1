/*
 * What is not known here is asked of the home shard, which does what PostgreSQL would do itself: it is sent the client's PREPARE as it stands, and describes what
 * that has made; and arguments that are no constants it computes by an EXECUTE of that name whose statement gives back its parameters.  The
 * name is there for the time of the question.
 */
#include "proxy/run_prepared.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/extended.h"
#include "proxy/keyway.h"
#include "proxy/run_statement.h"
#include "router/sql_types.h"

struct run_prepared {
    struct reply_sink sink; /* first: the sink is this */
    struct run *run;
    size_t item;
    struct statement *statement; /* EXECUTE's; held */
    bool described;              /* the client wants its RowDescription */
    int32_t limit;
    int awaited;                 /* ReadyForQuery */
    bool failed;
    bool examined, computed;
    uint32_t *types;             /* of the parameters, as the home shard knows them */
    int type_count;
    struct computed {
        const uint8_t *bytes; /* NULL is NULL */
        size_t length;
    } *values;
    int value_count;
    const uint8_t *bind; /* a Bind message's body */
    size_t bind_length;
};

static struct statement_store *statements_of(const struct client *client)
{
    return worker_state(client->stream.worker)->statements;
}

void run_prepared_free(struct run *run)
{
    if (run->prepared && run->prepared->statement)
        statement_release(statements_of(run->client), run->prepared->statement);
    run->prepared = NULL;
}

/* What is known of the item so far; nothing at first. */
static struct run_prepared *begun(struct run *run)
{
    if (run->prepared && run->prepared->item == run->cursor)
        return run->prepared;
    run_prepared_free(run);
    run->prepared = arena_alloc(&run->arena, sizeof *run->prepared);
    run->prepared->run = run;
    run->prepared->item = run->cursor;
    return run->prepared;
}

/* --- the home shard's answer --------------------------------------------------------------------------------- */

static bool read_types(struct run_prepared *prepared, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    int count = read_int16(&reader);
    if (reader.failed || count < 0 || reader.end - reader.at != 4 * count)
        return false;
    prepared->types = arena_alloc_array(&prepared->run->arena, (size_t) count, sizeof *prepared->types);
    for (int i = 0; i < count; i++)
        prepared->types[i] = (uint32_t) read_int32(&reader);
    prepared->type_count = count;
    return true;
}

static bool read_values(struct run_prepared *prepared, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    struct arena *arena = &prepared->run->arena;
    int count = read_int16(&reader);
    if (reader.failed || count < 0)
        return false;
    prepared->values = arena_alloc_array(arena, (size_t) count, sizeof *prepared->values);
    prepared->value_count = count;
    for (int i = 0; i < count && !reader.failed; i++) {
        int32_t length = read_int32(&reader);
        const uint8_t *bytes = length < 0 ? NULL : read_bytes(&reader, (size_t) length);
        if (bytes)
            prepared->values[i] = (struct computed){(const uint8_t *) arena_strndup(arena, (const char *) bytes, (size_t) length), (size_t) length};
    }
    return reader_done(&reader);
}

/* The client's own words are what it is about, with their places in it. */
static void pass_on(struct run_prepared *prepared, uint8_t type, const struct frame *frame)
{
    struct client *client = prepared->run->client;
    if (type == 'E' && prepared->failed)
        return;
    prepared->failed |= type == 'E';
    wire_message(client_output(client), type, frame->body, frame->body_length);
    client_wrote(client);
}

static void fail(struct run_prepared *prepared, const struct error *error)
{
    if (!prepared->failed)
        client_error(prepared->run->client, error);
    prepared->failed = true;
}

static void fail_unread(struct run_prepared *prepared)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "the home shard's answer cannot be read");
    fail(prepared, &error);
    error_clear(&error);
}

static enum sink_answer take_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct run_prepared *prepared = (struct run_prepared *) sink;
    switch (frame->type) {
    case 't':
        if (!read_types(prepared, frame))
            fail_unread(prepared);
        break;
    case 'D':
        if (!read_values(prepared, frame))
            fail_unread(prepared);
        break;
    case 'E':
    case 'N':
        pass_on(prepared, frame->type, frame);
        break;
    case 'Z':
        server_answered(server);
        if (--prepared->awaited == 0)
            run_gathered(prepared->run, prepared->failed);
        break;
    default: /* of Parse, Bind and Close, descriptions of rows, tags */
        break;
    }
    return SINK_TAKEN;
}

static void server_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct run_prepared *prepared = (struct run_prepared *) sink;
    client_forget_server(prepared->run->client, server);
    fail(prepared, error);
    run_gathered(prepared->run, true);
}

static struct reply_sink *ask(struct run_prepared *prepared, int answers)
{
    prepared->sink = (struct reply_sink){take_frame, server_lost};
    prepared->awaited = answers;
    return &prepared->sink;
}

/* --- messages about a statement of this name ------------------------------------------------------------------ */

/* Behind a Sync of its own: whatever has failed, the name goes. */
static void put_end(struct server *server, struct reply_sink *sink, const char *name)
{
    extended_sync(server, sink);
    extended_close_statement(server, name);
    extended_sync(server, NULL);
}

/* --- PREPARE -------------------------------------------------------------------------------------------------- */

static enum run_step refuse_name(struct run *run, const char *name)
{
    struct error error = {0};
    error_set(&error, "42939", "unacceptable prepared statement name \"%s\"", name);
    error_detail(&error, "The prefix \"%s\" is reserved for Keyway's own statements.", STATEMENT_NAME_PREFIX);
    return run_fail(run, &error);
}

static enum run_step examine(struct run *run, const struct execution *execution)
{
    struct error error = {0};
    struct server *server;
    const char *name = execution->plan->name;
    if (statement_name_is_reserved(name))
        return refuse_name(run, name);
    if (statement_names_find(run->client->names, name)) {
        error_set(&error, SQLSTATE_DUPLICATE_PREPARED, "prepared statement \"%s\" already exists", name);
        return run_fail(run, &error);
    }
    enum run_step step = run_lend(run, 0, &server);
    if (step != STEP_DONE)
        return step;
    struct run_prepared *prepared = begun(run);
    struct reply_sink *sink = ask(prepared, 2);
    prepared->examined = true;
    server_query(server, run->text, run->text_length, sink);
    extended_describe_statement(server, sink, name);
    put_end(server, sink, name);
    return STEP_BUSY;
}

/*
 * A type of the database's own has another number on each shard; it is left for each to find, if the statement tells.  Proof: a parameter of no declared
 * type that stands in a cast takes the cast's type, and is no other expression then than one declared so (variable_coerce_param_hook()).
 */
static const char *forget_own_types(struct run_prepared *prepared, const struct plan *plan)
{
    struct run *run = prepared->run;
    bool *own = arena_alloc_array(&run->arena, (size_t) prepared->type_count, sizeof *own), any = false;
    for (int i = 0; i < prepared->type_count; i++) {
        own[i] = prepared->types[i] >= FIRST_USER_TYPE;
        any |= own[i] && i < plan->declared_types;
        if (own[i])
            prepared->types[i] = 0;
    }
    return any ? plan_cast_parameters(run->text, run->text_length, own, &run->arena) : plan->prepared;
}

static enum run_step fail_to_cast(struct run *run)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_INTERNAL_ERROR, "the prepared statement cannot be read again");
    return run_fail(run, &error);
}

static bool has_types(const struct run_prepared *prepared)
{
    for (int i = 0; i < prepared->type_count; i++)
        if (prepared->types[i] == 0)
            return false;
    return true;
}

enum run_step run_prepare(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    const struct plan *plan = execution->plan;
    struct run_prepared *prepared = begun(run);
    if (!prepared->examined)
        return examine(run, execution);
    const char *text = forget_own_types(prepared, plan);
    if (text == NULL)
        return fail_to_cast(run);
    struct statement *statement = query_intern(client, text, strlen(text), prepared->types, prepared->type_count);
    statement->typed = has_types(prepared);
    statement_names_put(&client->names, statements_of(client), plan->name, statement);
    if (execution->described)
        wire_empty(client_output(client), 'n');
    wire_complete(client_output(client), "PREPARE");
    client_wrote(client);
    return STEP_DONE;
}

/* --- EXECUTE: the values -------------------------------------------------------------------------------------- */

static bool is_whole(const char *digits)
{
    return digits[strspn(digits, "-0123456789")] == '\0' && strlen(digits) < 19; /* fits into 64 bits for sure */
}

/* Does the constant's text mean to a parameter of this type what its assignment would give? */
static bool is_value(const struct plan_argument *argument, uint32_t type)
{
    switch (argument->kind) {
    case ARGUMENT_NULL:
    case ARGUMENT_STRING:
        return true;
    case ARGUMENT_TRUTH:
        return type == TYPE_bool;
    case ARGUMENT_INTEGER:
        return type == TYPE_int4 || type == TYPE_int8 || type == TYPE_numeric || type == TYPE_float8 || type == TYPE_float4;
    case ARGUMENT_NUMERIC:
        return type == TYPE_numeric || type == TYPE_float8 || (type == TYPE_int8 && is_whole(argument->text));
    case ARGUMENT_COMPUTED:
        return false;
    }
    return false;
}

static const struct plan *plan_of_execute(const struct plan *plan)
{
    return plan->statement == STATEMENT_EXPLAIN ? plan->inner : plan;
}

static bool needs_values(const struct run_prepared *prepared, const struct plan *execute)
{
    for (int i = 0; i < execute->argument_count; i++)
        if (!is_value(&execute->arguments[i], prepared->types[i]))
            return true;
    return false;
}

static bool knows_types(struct run_prepared *prepared)
{
    const struct statement *statement = prepared->statement;
    if (!prepared->examined && statement->typed) {
        prepared->types = statement->types;
        prepared->type_count = statement->type_count;
    }
    return prepared->examined || statement->typed;
}

static enum run_step ask_types(struct run_prepared *prepared)
{
    struct server *server;
    char name[STATEMENT_NAME_SIZE];
    enum run_step step = run_lend(prepared->run, 0, &server);
    if (step != STEP_DONE)
        return step;
    struct reply_sink *sink = ask(prepared, 1);
    query_prepare(server, prepared->statement, true, sink, name);
    extended_describe_statement(server, sink, name);
    extended_sync(server, sink);
    prepared->examined = true;
    return STEP_BUSY;
}

/* As text these may be less than they are, under some setting or other. */
static bool is_exact_in_binary_only(uint32_t type)
{
    switch (type) {
    case TYPE_float4:
    case TYPE_float8:
    case TYPE_date:
    case TYPE_time:
    case TYPE_timetz:
    case TYPE_timestamp:
    case TYPE_timestamptz:
    case TYPE_interval:
    case TYPE_money:
        return true;
    default:
        return false;
    }
}

static const char *text_of_execute(const struct run *run, const struct plan *plan)
{
    return plan->statement == STATEMENT_EXPLAIN ? plan->explained : run->text;
}

static const char *select_of_parameters(struct run_prepared *prepared)
{
    struct arena *arena = &prepared->run->arena;
    const char *select = "SELECT $1";
    for (int i = 1; i < prepared->type_count; i++)
        select = arena_printf(arena, "%s, $%d", select, i + 1);
    return select;
}

static enum run_step ask_values(struct run_prepared *prepared, const struct plan *plan)
{
    struct server *server;
    struct run *run = prepared->run;
    const char *name = plan_of_execute(plan)->name, *text = text_of_execute(run, plan), *select = select_of_parameters(prepared);
    enum run_step step = run_lend(run, 0, &server);
    if (step != STEP_DONE)
        return step;
    struct buffer *out = stream_output(&server->stream);
    struct reply_sink *sink = ask(prepared, 1);
    extended_parse_named(server, sink, name, select, strlen(select), prepared->types, prepared->type_count);
    extended_parse(server, sink, text, strlen(text), NULL, 0);
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, "");
    wire_put_string(out, "");
    wire_put_int16(out, 0);
    wire_put_int16(out, 0);
    wire_put_int16(out, (int16_t) prepared->type_count);
    for (int i = 0; i < prepared->type_count; i++)
        wire_put_int16(out, is_exact_in_binary_only(prepared->types[i]));
    wire_end(out, mark);
    server_expect(server, 'B', false, sink);
    extended_execute(server, sink, "", 0);
    put_end(server, sink, name);
    prepared->computed = true;
    return STEP_BUSY;
}

/* --- EXECUTE -------------------------------------------------------------------------------------------------- */

static bool counts_agree(const struct plan *execute, int parameters, struct error *error)
{
    if (execute->argument_count == parameters)
        return true;
    error_set(error, SQLSTATE_SYNTAX_ERROR, "wrong number of parameters for prepared statement \"%s\"", execute->name);
    error_detail(error, "Expected %d parameters but got %d.", parameters, execute->argument_count);
    return false;
}

/* The Bind message that a client would have sent, with the portal and the formats of the one that has bound EXECUTE. */
static void make_bind(struct run_prepared *prepared, const struct execution *execution, const struct plan *execute)
{
    struct buffer out = {0};
    int count = execute->argument_count;
    wire_put_string(&out, execution->statement ? execution->bind.portal : "");
    wire_put_string(&out, "");
    wire_put_int16(&out, (int16_t) count);
    for (int i = 0; i < count; i++)
        wire_put_int16(&out, prepared->values && is_exact_in_binary_only(prepared->types[i]));
    wire_put_int16(&out, (int16_t) count);
    for (int i = 0; i < count; i++) {
        const char *text = execute->arguments[i].text;
        struct computed value = prepared->values ? prepared->values[i] : (struct computed){(const uint8_t *) text, text ? strlen(text) : 0};
        wire_put_int32(&out, value.bytes ? (int32_t) value.length : -1);
        if (value.bytes)
            wire_put_bytes(&out, value.bytes, value.length);
    }
    if (execution->statement)
        wire_put_bytes(&out, execution->bind.result_formats, execution->bind.result_formats_length);
    else
        wire_put_int16(&out, 0);
    prepared->bind_length = buffer_length(&out);
    prepared->bind = arena_memdup(&prepared->run->arena, buffer_data(&out), prepared->bind_length);
    buffer_free(&out);
}

/* PREPARE takes nothing else; a Parse may, and bring an EXECUTE of itself. */
static bool can_be_executed(struct run *run, struct statement *statement, struct error *error)
{
    const struct plan *plan = query_statement_plan(run->client, statement, error);
    if (plan == NULL)
        return false;
    switch (plan->statement == STATEMENT_EXPLAIN && plan->inner ? plan->inner->statement : plan->statement) {
    case STATEMENT_SELECT:
    case STATEMENT_INSERT:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_MERGE_INTO:
        return true;
    default:
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "EXECUTE of a statement that is no query is not supported");
        error_detail(error, "It has been prepared by a Parse, and is neither SELECT nor INSERT, UPDATE, DELETE or MERGE.");
        error_hint(error, "Bind it, or send it as it is.");
        return false;
    }
}

bool run_knows_prepared(const struct run *run, const struct plan *plan)
{
    const struct client *client = run->client;
    const struct plan *execute = plan->statement == STATEMENT_EXPLAIN && plan->inner ? plan->inner : plan;
    return execute->statement == STATEMENT_EXECUTE && execute->many != PLAN_REFUSE &&
           (client->group->shard_count > 1 || statement_names_find(client->names, execute->name));
}

/* The statement to run, held; of EXPLAIN, that behind its options.  NULL: there is none of the name. */
static struct statement *find_statement(struct client *client, const struct plan *plan)
{
    struct statement *named = query_statement(client, plan_of_execute(plan)->name);
    if (named == NULL || plan->statement != STATEMENT_EXPLAIN)
        return named ? statement_hold(named) : NULL;
    size_t prefix = strlen(plan->explain_prefix), length = prefix + named->length;
    char *text = memory_alloc(length + 1);
    memcpy(text, plan->explain_prefix, prefix);
    memcpy(text + prefix, named->sql, named->length);
    struct statement *explain = query_intern(client, text, length, named->types, named->type_count);
    free(text);
    explain->typed = named->typed;
    return explain;
}

enum run_step run_execute_prepared(struct run *run, const struct execution *execution)
{
    struct client *client = run->client;
    const struct plan *outer = execution->plan, *execute = plan_of_execute(outer);
    struct run_prepared *prepared = begun(run);
    struct error error = {0};
    if (prepared->statement == NULL && (prepared->statement = find_statement(client, outer)) == NULL) {
        error_set(&error, SQLSTATE_UNDEFINED_PREPARED, "prepared statement \"%s\" does not exist", execute->name);
        return run_fail(run, &error);
    }
    if (!can_be_executed(run, prepared->statement, &error))
        return run_fail(run, &error);
    if (!knows_types(prepared))
        return ask_types(prepared);
    if (!counts_agree(execute, prepared->type_count, &error))
        return run_fail(run, &error);
    if (!prepared->computed && needs_values(prepared, execute))
        return ask_values(prepared, outer);
    if (prepared->computed && prepared->value_count != execute->argument_count) {
        fail_unread(prepared);
        return STEP_FAILED;
    }
    make_bind(prepared, execution, execute);
    prepared->described = execution->statement == NULL || execution->described;
    prepared->limit = execution->limit;
    return run_prepared_go_on(run);
}

bool run_executes_prepared(const struct run *run)
{
    return run->prepared && run->prepared->item == run->cursor && run->prepared->bind;
}

enum run_step run_prepared_go_on(struct run *run)
{
    const struct run_prepared *prepared = run->prepared;
    return run_bound(run, prepared->statement, prepared->bind, prepared->bind_length, prepared->described, prepared->limit);
}

/* --- Describe ------------------------------------------------------------------------------------------------- */

void run_describe_prepared(struct run *run, struct statement *outer, const struct plan *plan, struct server *server, struct reply_sink *sink)
{
    const struct statement *statement = query_statement(run->client, plan->name);
    if (statement)
        extended_parse_named(server, sink, plan->name, statement->sql, statement->length, statement->types, statement->type_count);
    extended_parse(server, sink, outer->sql, outer->length, NULL, 0);
    extended_describe_statement(server, sink, "");
    if (statement)
        put_end(server, sink, plan->name);
    else
        extended_sync(server, sink);
}
