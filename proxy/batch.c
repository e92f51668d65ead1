/*
 * Two passes.  The first reads every message, finds its statement and the shard of its portal, and changes nothing; if all of it belongs
 * to one shard, the second rewrites statement names and sends the batch there in one write.  Otherwise the batch becomes a
 * run.
 */
#include "proxy/batch.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/bring.h"
#include "proxy/cursor.h"
#include "proxy/keyway.h"
#include "proxy/moment.h"
#include "proxy/portal.h"
#include "proxy/query.h"
#include "proxy/run.h"

enum { LARGEST_BATCH = 1 << 20, STATEMENTS_PER_SERVER = 200 };

struct message {
    struct frame frame;
    const char *name;            /* of the statement or portal it is about */
    struct statement *statement; /* of Parse (held), Bind, Describe and Close of a statement */
    struct bind_message bind;
    size_t naming; /* the place behind the last message before this one that gives a name to a statement, or takes it; 0: none does */
};

struct batch {
    struct client *client;
    struct arena *arena;
    const uint8_t *bytes;
    struct message *messages;
    size_t count, length;
    size_t naming; /* of the message that is looked at next */
    bool synced;  /* ends with Sync rather than Flush */
    bool forward; /* all of it belongs to `shard` */
    bool writes;
    bool copies_in; /* executes a COPY FROM STDIN */
    int shard;    /* -1: any */
    int binds, describes;
};

static struct worker_state *state_of(const struct client *client)
{
    return worker_state(client->stream.worker);
}

/* --- finding the end ----------------------------------------------------------------------------------------- */

/* May a batch that is large enough end here?  A portal is executed in the batch that binds it, however large its values are. */
static bool may_end(const struct frame *frame, size_t length, size_t largest)
{
    return length >= LARGEST_BATCH && ((frame->type != 'B' && frame->type != 'D') || length >= LARGEST_BATCH + largest);
}

/* Bytes up to and with the first Sync or Flush, or as many whole messages as a batch may hold; 0: not there yet. */
static size_t batch_length(struct client *client, const uint8_t *bytes, size_t length, size_t *count)
{
    size_t largest = (size_t) state_of(client)->settings->max_packet_size, at = 0;
    struct frame frame;
    *count = 0;
    while (wire_scan(bytes + at, length - at, largest, &frame) == WIRE_FRAME) {
        if (strchr("PBDECSH", frame.type) == NULL)
            return at;
        at += frame.total;
        ++*count;
        if (frame.type == 'S' || frame.type == 'H' || may_end(&frame, at, largest))
            return at;
    }
    return 0;
}

/* --- the first pass ------------------------------------------------------------------------------------------ */

static uint64_t meaning_of(const struct client *client)
{
    return client->transaction.meaning ? client->transaction.meaning : session_meaning(client->session);
}

struct statement *query_intern(struct client *client, const char *sql, size_t length, const uint32_t *types, int count)
{
    return statement_intern(state_of(client)->statements, sql, length, types, count, meaning_of(client),
                            client->view->state->routing->version);
}

struct statement *query_statement(struct client *client, const char *name)
{
    struct statement *statement = statement_names_find(client->names, name);
    if (statement == NULL || statement->meaning == meaning_of(client))
        return statement;
    struct statement *fresh = query_intern(client, statement->sql, statement->length, statement->types, statement->type_count);
    statement_names_put(&client->names, state_of(client)->statements, name, fresh);
    return fresh;
}

/* A name means what an earlier message of the batch made of it, else what the client's table says. */
static struct statement *find_statement(const struct batch *batch, size_t before, const char *name)
{
    for (size_t i = batch->messages[before].naming; i > 0; i = batch->messages[i - 1].naming) {
        const struct message *message = &batch->messages[i - 1];
        if (strcmp(message->name, name) == 0)
            return message->frame.type == 'P' ? message->statement : NULL;
    }
    return query_statement(batch->client, name);
}

/* Does the message give a statement a name, or take it? */
static bool names_statement(const struct message *message)
{
    return message->frame.type == 'P' || (message->frame.type == 'C' && message->frame.body[0] == 'S');
}

static bool need_shard(struct batch *batch, int shard)
{
    if (batch->shard >= 0 && batch->shard != shard)
        return false;
    batch->shard = shard;
    return true;
}

struct plan *query_statement_plan(struct client *client, struct statement *statement, struct error *error)
{
    const struct routing *routing = client->view->state->routing;
    if (statement->plan && statement->routing_version == routing->version && statement->plan_meaning == meaning_of(client))
        return statement->plan;
    struct session_facts facts = query_facts(client);
    normalise(statement->sql, statement->length, &statement->normalised);
    if (statement->normalised.several) {
        error_set(error, SQLSTATE_SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement");
        return NULL;
    }
    struct plan *plan = plan_cache_get(client->view->plans, routing, &facts, statement->sql, statement->length,
                                       &statement->normalised, statement->types, statement->type_count, error);
    if (plan == NULL)
        return NULL;
    if (statement->plan)
        plan_release(statement->plan);
    statement->plan = plan;
    statement->routing_version = routing->version;
    statement->plan_meaning = meaning_of(client);
    return plan;
}

static bool read_formats(struct reader *reader, int16_t **formats, int *count, struct arena *arena)
{
    *count = read_int16(reader);
    if (reader->failed || *count < 0 || (reader->end - reader->at) / 2 < *count)
        return false;
    *formats = arena_alloc_array(arena, (size_t) *count, sizeof(**formats));
    for (int i = 0; i < *count; i++)
        (*formats)[i] = read_int16(reader);
    return true;
}

bool query_read_bind(const uint8_t *body, size_t length, const struct statement *statement, struct arena *arena,
                     struct bind_message *bind)
{
    struct reader reader = {body, body + length, false};
    int16_t *formats;
    int format_count;
    bind->portal = read_string(&reader);
    bind->statement = read_string(&reader);
    bind->rest = reader.at;
    bind->rest_length = (size_t) (reader.end - reader.at);
    if (reader.failed || !read_formats(&reader, &formats, &format_count, arena))
        return false;
    int count = read_int16(&reader);
    if (reader.failed || count < 0 || (reader.end - reader.at) / 4 < count || (format_count > 1 && format_count != count))
        return false;
    struct bind_value *values = arena_alloc_array(arena, (size_t) count, sizeof(*values));
    for (int i = 0; i < count; i++) {
        values[i].length = read_int32(&reader);
        if (values[i].length > 0 || values[i].length == 0)
            values[i].bytes = (const char *) read_bytes(&reader, (size_t) values[i].length);
        values[i].binary = format_count > 0 && formats[format_count == 1 ? 0 : i] == 1;
        values[i].type = statement && i < statement->type_count ? statement->types[i] : 0;
    }
    bind->values = (struct bind_values){values, count};
    bind->result_formats = reader.at;
    bind->result_formats_length = (size_t) (reader.end - reader.at);
    return !reader.failed && bind->result_formats_length >= 2;
}

static bool look_at_parse(struct batch *batch, struct message *message)
{
    struct reader reader = reader_of(&message->frame);
    struct error error = {0};
    message->name = read_string(&reader);
    const char *sql = read_string(&reader);
    int count = read_int16(&reader);
    if (reader.failed || count < 0 || reader.end - reader.at != 4 * count)
        return false;
    uint32_t *types = arena_alloc_array(batch->arena, (size_t) count, sizeof(*types));
    for (int i = 0; i < count; i++)
        types[i] = (uint32_t) read_int32(&reader);
    message->statement = query_intern(batch->client, sql, strlen(sql), types, count);
    if (*message->name && find_statement(batch, (size_t) (message - batch->messages), message->name))
        return false; /* the run says that it exists */
    struct plan *plan = query_statement_plan(batch->client, message->statement, &error);
    error_clear(&error);
    return plan && query_is_plain(plan);
}

static bool look_at_bind(struct batch *batch, struct message *message, size_t place)
{
    struct client *client = batch->client;
    struct reader reader = reader_of(&message->frame);
    struct error error = {0};
    struct route route;
    message->name = read_string(&reader);
    const char *name = read_string(&reader);
    message->statement = name ? find_statement(batch, place, name) : NULL;
    if (message->statement == NULL ||
        !query_read_bind(message->frame.body, message->frame.body_length, message->statement, batch->arena, &message->bind))
        return false;
    struct plan *plan = query_statement_plan(client, message->statement, &error);
    bool single = plan && query_is_plain(plan) &&
                  plan_route(plan, client->view->state->routing,
                             message->statement->normalised.unsure ? NULL : &message->statement->normalised, &message->bind.values,
                             batch->arena, &route, &error) &&
                  route.kind == PLAN_SINGLE;
    error_clear(&error);
    if (!single)
        return false;
    int shard = shard_set_next(&route.shards, 0);
    batch->writes |= plan->writes;
    batch->binds++;
    return need_shard(batch, shard) && moment_is_at(client, plan, shard);
}

/* A cursor is a portal, too (DECLARE, PostgreSQL 15); but one over gathered rows is described by the run. */
static int shard_of_cursor(const struct client *client, const char *name)
{
    size_t length;
    if (client->group->shard_count == 1)
        return 0;
    return cursor_description(client->cursors, name, &length) ? -1 : cursor_shard(client->cursors, name);
}

/* Where a portal lives: bound in this batch (its Bind has chosen the shard already), or before. */
static bool look_at_portal(struct batch *batch, size_t place, const char *name)
{
    for (size_t i = place; i-- > 0;)
        if (batch->messages[i].frame.type == 'B' && strcmp(batch->messages[i].name, name) == 0)
            return true;
    struct portal *portal = portal_find(batch->client->portals, name);
    int shard = portal ? portal->shard : shard_of_cursor(batch->client, name);
    return shard >= 0 && need_shard(batch, shard);
}

static struct statement *statement_of_portal(const struct batch *batch, size_t place, const char *name)
{
    for (size_t i = place; i-- > 0;)
        if (batch->messages[i].frame.type == 'B' && strcmp(batch->messages[i].name, name) == 0)
            return batch->messages[i].statement;
    struct portal *portal = portal_find(batch->client->portals, name);
    return portal ? portal->statement : NULL;
}

static void note_copy(struct batch *batch, size_t place, const char *name)
{
    struct error error = {0};
    struct statement *statement = statement_of_portal(batch, place, name);
    const struct plan *plan = statement ? query_statement_plan(batch->client, statement, &error) : NULL;
    batch->copies_in |= plan && plan->statement == STATEMENT_COPY_IN;
    error_clear(&error);
}

/* FETCH gives a cursor's columns, and EXECUTE those of a statement that no server may have: the run knows. */
static bool any_shard_describes(const struct batch *batch, struct statement *statement)
{
    struct error error = {0};
    const struct plan *plan = query_statement_plan(batch->client, statement, &error);
    error_clear(&error);
    return plan == NULL || (plan->statement != STATEMENT_EXECUTE && plan->statement != STATEMENT_CURSOR);
}

static bool look_at_message(struct batch *batch, size_t place)
{
    struct message *message = &batch->messages[place];
    struct reader reader = reader_of(&message->frame);
    uint8_t kind;
    switch (message->frame.type) {
    case 'P':
        return look_at_parse(batch, message);
    case 'B':
        return look_at_bind(batch, message, place);
    case 'D':
    case 'C':
        kind = read_byte(&reader);
        message->name = read_string(&reader);
        if (!reader_done(&reader) || (kind != 'S' && kind != 'P'))
            return false;
        batch->describes += message->frame.type == 'D';
        if (kind == 'S') {
            message->statement = find_statement(batch, place, message->name);
            return message->frame.type == 'C' || (message->statement && any_shard_describes(batch, message->statement));
        }
        if (message->frame.type == 'C' && cursor_shard(batch->client->cursors, message->name) >= 0)
            return false; /* the run awaits the end of a cursor */
        return look_at_portal(batch, place, message->name);
    case 'E':
        message->name = read_string(&reader);
        read_int32(&reader);
        if (!reader_done(&reader) || !look_at_portal(batch, place, message->name))
            return false;
        note_copy(batch, place, message->name);
        return true;
    default: /* Sync, Flush */
        return message->frame.body_length == 0;
    }
}

static void first_pass(struct batch *batch)
{
    const uint8_t *at = batch->bytes;
    batch->messages = arena_alloc_array(batch->arena, batch->count, sizeof(*batch->messages));
    batch->forward = !batch->client->transaction.failed && !batch->client->transaction.catalog_is_old;
    for (size_t i = 0; i < batch->count; i++) {
        struct message *message = &batch->messages[i];
        wire_scan(at, batch->length - (size_t) (at - batch->bytes), SIZE_MAX, &message->frame);
        message->name = "";
        message->naming = batch->naming;
        at += message->frame.total;
        batch->forward = batch->forward && look_at_message(batch, i);
        if (batch->forward && names_statement(message))
            batch->naming = i + 1;
    }
    batch->synced = batch->messages[batch->count - 1].frame.type == 'S';
}

static void batch_release(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->messages[i].frame.type == 'P')
            statement_release(state_of(batch->client)->statements, batch->messages[i].statement);
}

/* --- the second pass ----------------------------------------------------------------------------------------- */

static void put_parse(struct server *server, const struct statement *statement, const char *name)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'P');
    wire_put_string(out, name);
    wire_put_string(out, statement->sql);
    wire_put_int16(out, (int16_t) statement->type_count);
    for (int i = 0; i < statement->type_count; i++)
        wire_put_int32(out, (int32_t) statement->types[i]);
    wire_end(out, mark);
}

static void put_about(struct server *server, uint8_t type, uint8_t kind, const char *name)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, type);
    wire_put_byte(out, kind);
    wire_put_string(out, name);
    wire_end(out, mark);
}

static void remember_on_server(struct server *server, struct statement *statement)
{
    uint64_t closed = statement_numbers_add(&server->numbers, statement->number, STATEMENTS_PER_SERVER);
    char name[STATEMENT_NAME_SIZE];
    if (closed == 0)
        return;
    statement_server_name(closed, name);
    put_about(server, 'C', 'S', name);
    server_expect_numbered(server, 'C', true, NULL, closed);
}

void query_prepare(struct server *server, struct statement *statement, bool named, struct reply_sink *sink,
                   char name[STATEMENT_NAME_SIZE])
{
    name[0] = '\0';
    if (named)
        statement_server_name(statement->number, name);
    if (named ? statement_numbers_use(&server->numbers, statement->number) : server->unnamed == statement->number)
        return;
    if (named)
        remember_on_server(server, statement);
    else
        server->unnamed = statement->number;
    put_parse(server, statement, name);
    server_expect_numbered(server, 'P', sink == NULL, sink, statement->number);
}

/* The client's own Parse is sent even to a server that has the statement: its answer is the server's. */
static void send_parse(struct server *server, struct message *message)
{
    char name[STATEMENT_NAME_SIZE] = "";
    if (*message->name) {
        statement_server_name(message->statement->number, name);
        if (statement_numbers_use(&server->numbers, message->statement->number)) {
            put_about(server, 'C', 'S', name);
            server_expect_numbered(server, 'C', true, NULL, message->statement->number);
        } else {
            remember_on_server(server, message->statement);
        }
    } else {
        server->unnamed = message->statement->number;
    }
    put_parse(server, message->statement, name);
    server_expect_numbered(server, 'P', false, NULL, message->statement->number);
}

static void send_bind(struct client *client, struct server *server, struct message *message)
{
    char name[STATEMENT_NAME_SIZE];
    query_prepare(server, message->statement, *message->bind.statement != '\0', NULL, name);
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, message->bind.portal);
    wire_put_string(out, name);
    wire_put_bytes(out, message->bind.rest, message->bind.rest_length);
    wire_end(out, mark);
    server_expect(server, 'B', false, NULL);
    if (*message->name || client->open_batch || client->transaction.kind == TRANSACTION_EXPLICIT)
        portal_put(&client->portals, state_of(client)->statements, message->name, message->statement)->shard =
            server->pool->shard;
}

/* Describe and Close of a statement use the server's name for it; a closed statement stays prepared there for others, so a name that
 * never exists is closed instead (which is no error, 55.2.3). */
static void send_about(struct client *client, struct server *server, struct message *message)
{
    char name[STATEMENT_NAME_SIZE];
    uint8_t type = message->frame.type, kind = message->frame.body[0];
    if (kind == 'P') {
        put_about(server, type, kind, message->name);
        if (type == 'C')
            portal_remove(client->portals, state_of(client)->statements, message->name);
    } else if (type == 'C') {
        put_about(server, type, kind, "keyway_none");
        statement_names_remove(client->names, state_of(client)->statements, message->name);
    } else {
        query_prepare(server, message->statement, *message->name != '\0', NULL, name);
        put_about(server, type, kind, name);
    }
    server_expect(server, type, false, NULL);
}

static void send_message(struct batch *batch, struct server *server, struct message *message)
{
    struct client *client = batch->client;
    switch (message->frame.type) {
    case 'P':
        send_parse(server, message);
        statement_names_put(&client->names, state_of(client)->statements, message->name,
                            statement_hold(message->statement));
        break;
    case 'B':
        send_bind(client, server, message);
        break;
    case 'D':
    case 'C':
        send_about(client, server, message);
        break;
    case 'S':
        if (batch->copies_in) {
            server_hold_sync(server, NULL);
        } else {
            wire_empty(stream_output(&server->stream), 'S');
            server_expect(server, 'S', false, NULL);
        }
        break;
    default: /* Execute, Flush */
        wire_message(stream_output(&server->stream), message->frame.type, message->frame.body, message->frame.body_length);
        if (message->frame.type != 'H')
            server_expect(server, message->frame.type, false, NULL);
        break;
    }
}

static size_t forward_batch(struct batch *batch)
{
    struct client *client = batch->client;
    struct server *server;
    struct error error = {0};
    int shard = batch->shard;
    if (shard < 0) /* only Parse, Describe, Close: any server will do, one that is there already best of all */
        shard = client->servers ? client->servers->pool->shard : 0;
    switch (query_lend(client, shard, &server, &error)) {
    case LEND_WAIT:
        return 0;
    case LEND_FAILED:
        client_error(client, &error);
        error_clear(&error);
        client->skip_to_sync = !batch->synced;
        client->open_batch = false;
        client->transaction.failed |= client->transaction.kind == TRANSACTION_EXPLICIT;
        if (batch->synced) {
            wire_ready(client_output(client), transaction_status(client));
            client_wrote(client);
        }
        query_over(client);
        return batch->length;
    case LEND_DONE:
        break;
    }
    server->wrote |= batch->writes;
    client->view->counters.single_count += (uint64_t) batch->binds;
    client->open_batch = !batch->synced; /* its portals will be asked for in the next one */
    client->open_shard = shard;
    for (size_t i = 0; i < batch->count; i++)
        send_message(batch, server, &batch->messages[i]);
    stream_wrote(&server->stream);
    client->query_started = client->state_since = ev_now(client->stream.worker->loop);
    if (batch->synced)
        client->state = CLIENT_BUSY;
    return batch->length;
}

static size_t start_batch_run(struct batch *batch)
{
    struct client *client = batch->client;
    struct run_item *items = arena_alloc_array(batch->arena, batch->count, sizeof(*items));
    for (size_t i = 0; i < batch->count; i++)
        items[i] = (struct run_item){batch->messages[i].frame.type, batch->messages[i].frame.body,
                                     batch->messages[i].frame.body_length};
    client->state = CLIENT_BUSY;
    client->query_started = client->state_since = ev_now(client->stream.worker->loop);
    stream_pause(&client->stream);
    run_start_batch(client, items, batch->count);
    return batch->length;
}

static bool writes_elsewhere(const struct batch *batch)
{
    const struct client *client = batch->client;
    if (!batch->writes || client->view->state->settings->multi_shard_commit == COMMIT_BEST_EFFORT)
        return false;
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (server->joined && server->wrote && server->pool->shard != batch->shard)
            return true;
    return false;
}

/*
 * A run knows how to end a transaction that messages without a Sync have left open on several shards.  It
 * also answers a Describe that a Flush stands behind: it must not tie the Bind that follows to the shard that
 * was asked.
 */
static bool may_forward(const struct batch *batch)
{
    const struct client *client = batch->client;
    bool only_asks = !batch->synced && batch->describes && !batch->binds && !client->open_batch;
    return client->transaction.kind != TRANSACTION_IMPLICIT && !only_asks && !writes_elsewhere(batch);
}

/* ---- more of a pipeline without Sync ---- */

static struct server *open_server(const struct client *client)
{
    return client->open_batch ? client_server(client, client->open_shard) : NULL;
}

bool batch_skips(const struct client *client)
{
    const struct server *server = open_server(client);
    return server && server->skips;
}

static size_t skip_batch(struct batch *batch)
{
    struct client *client = batch->client;
    struct server *server = open_server(client);
    struct frame frame;
    for (size_t at = 0; at < batch->length; at += frame.total)
        wire_scan(batch->bytes + at, batch->length - at, SIZE_MAX, &frame);
    if (frame.type != 'S')
        return batch->length;
    wire_empty(stream_output(&server->stream), 'S');
    server_expect(server, 'S', false, NULL);
    stream_wrote(&server->stream);
    client->open_batch = false;
    client->state = CLIENT_BUSY;
    return batch->length;
}

bool batch_leave(struct client *client)
{
    struct server *server = open_server(client);
    if (server && !server_is_quiet(server)) {
        wire_empty(stream_output(&server->stream), 'H');
        stream_wrote(&server->stream);
        client->waiting = WAIT_REPLIES;
        stream_pause(&client->stream);
        return false;
    }
    client->open_batch = server && !bring_open_batch(client, server);
    return !client->open_batch;
}

size_t batch_input(struct client *client, const uint8_t *bytes, size_t length)
{
    struct arena *arena = &client->stream.worker->scratch;
    struct batch batch = {.client = client, .arena = arena, .bytes = bytes, .shard = -1};
    batch.length = batch_length(client, bytes, length, &batch.count);
    if (batch.length == 0)
        return 0;
    if (batch_skips(client))
        return skip_batch(&batch);
    if (client->open_batch)
        batch.shard = client->open_shard;
    first_pass(&batch);
    size_t used = 0;
    if (batch.forward && may_forward(&batch))
        used = forward_batch(&batch);
    else if (batch_leave(client))
        used = start_batch_run(&batch);
    batch_release(&batch);
    arena_reset(arena);
    return used;
}
