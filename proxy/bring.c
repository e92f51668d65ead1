/*
 * Settings, and SET LOCAL made before the server joined, can be refused by a shard: their reply is awaited.
 * BEGIN and SAVEPOINT cannot fail by what they say and go out with the statement, in one write.  No cancel request
 * may hit them: one that is wanted meanwhile is sent when they have been answered, and while one is under way they
 * are awaited like settings.  If a BEGIN fails all the same (statement_timeout), the server is given up at once, as
 * the statement behind it runs outside the transaction.
 *
 * Of a READ ONLY transaction the home shard gets its savepoint with BEGIN, or if SET came first, before the first query.
 */
#include "proxy/bring.h"

#include <string.h>

#include "proxy/keyway.h"
#include "proxy/query.h"

static bool brings_another(const struct client *client)
{
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (server->bringing)
            return true;
    return false;
}

static void keep_error(struct client *client, const struct error *error)
{
    bool wanted = client->waiting == WAIT_SETTINGS || client->waiting == WAIT_SERVER;
    if (wanted && !error_is_set(&client->pool_error))
        error_copy(&client->pool_error, error);
}

static void brought(struct client *client, struct server *server)
{
    server->bringing = false;
    if (client->waiting == WAIT_SETTINGS && !brings_another(client))
        query_resume(client);
}

/* BEGIN went out with the client's statement behind it, and failed. */
static void give_up(struct server *server, const struct error *reason)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_TRANSACTION_UNKNOWN, "a shard did not begin its part of the transaction");
    error_detail(&error, "%s (The statement sent behind BEGIN may have run and have been committed there.)",
                 reason->message);
    server_lose(server, &error);
    error_clear(&error);
}

static void take_error(struct server *server, const struct frame *frame)
{
    struct error error = {0};
    wire_read_error(frame, &error);
    server->refused = true;
    if (server->bringing)
        keep_error(server->client, &error);
    else
        give_up(server, &error);
    error_clear(&error);
}

/* A refused Query has changed nothing: the server still has the settings it had. */
static void take_ready(struct server *server)
{
    struct client *client = server->client;
    struct session_store *sessions = worker_state(server->worker)->sessions;
    server_answered(server);
    if (server->cancel_wanted)
        server_cancel(server);
    if (!server->bringing)
        return;
    if (server->refused) {
        server->joined = server->joined && server->status != 'I';
    } else if (!server->joined) {
        session_release(sessions, server->applied);
        server->applied = session_hold(client->session);
    }
    brought(client, server);
}

static enum sink_answer bring_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    (void) sink;
    if (frame->type == 'E')
        take_error(server, frame);
    else if (frame->type == 'Z')
        take_ready(server);
    return SINK_TAKEN;
}

static void bring_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct client *client = server->client;
    (void) sink;
    if (!server->bringing)
        return; /* whoever waits for the statement behind it is told */
    client_forget_server(client, server);
    keep_error(client, error);
    brought(client, server);
}

static struct reply_sink bring_sink = {bring_frame, bring_lost};

static void bring_settings(struct client *client, struct server *server)
{
    struct buffer sql = {0};
    session_difference(server->applied, client->session, &sql);
    server->refused = false;
    server->bringing = buffer_length(&sql) > 0;
    if (server->bringing) {
        server_query(server, (const char *) buffer_data(&sql), buffer_length(&sql), &bring_sink);
    } else {
        session_release(worker_state(server->worker)->sessions, server->applied);
        server->applied = session_hold(client->session);
    }
    buffer_free(&sql);
}

static bool is_home(const struct server *server)
{
    return server->pool->shard == 0;
}

/* On a line of its own: BEGIN may end in a comment. */
static void begin_guarded(struct server *server, const struct transaction *transaction)
{
    static const char first[] = "\n;" GUARD_FIRST;
    const char *rest = transaction->replay + transaction->begin_length;
    struct buffer sql = {0};
    buffer_append(&sql, transaction->replay, transaction->begin_length);
    buffer_append(&sql, first, sizeof first - 1);
    buffer_append(&sql, rest, strlen(rest));
    server_query(server, (const char *) buffer_data(&sql), buffer_length(&sql), &bring_sink);
    buffer_free(&sql);
}

static void bring_transaction(struct client *client, struct server *server)
{
    const struct transaction *transaction = &client->transaction;
    server->refused = false;
    server->joined = true;
    server->bringing = transaction->replay_may_fail || server->cancels > 0;
    if (is_home(server) && transaction_joins_home(client, server))
        begin_guarded(server, transaction);
    else
        server_query(server, transaction->replay, strlen(transaction->replay), &bring_sink);
}

/* The server has joined with nothing but settings since: it can still become READ WRITE (transaction.h). */
static void bring_guard(struct client *client, struct server *server)
{
    if (!transaction_asks_home(client))
        return;
    server->refused = false;
    server->bringing = server->cancels > 0;
    server_query(server, GUARD_FIRST, strlen(GUARD_FIRST), &bring_sink);
}

bool bring_open_batch(struct client *client, struct server *server)
{
    static const char begin[] = "BEGIN";
    if (client->transaction.kind != TRANSACTION_NONE)
        return true;
    transaction_begin_implicit(client);
    server->refused = false;
    server->joined = server->bringing = true;
    server_query(server, begin, sizeof begin - 1, &bring_sink);
    client->waiting = WAIT_SETTINGS;
    stream_pause(&client->stream);
    return false;
}

bool bring_precedes(const struct server *server)
{
    return !server->bringing && server_answers(server, &bring_sink);
}

bool bring_server(struct client *client, struct server *server)
{
    if (!server->bringing && !server->joined && server->applied != client->session)
        bring_settings(client, server);
    if (!server->bringing && !server->joined && client->transaction.kind != TRANSACTION_NONE)
        bring_transaction(client, server);
    if (!server->bringing && server->joined && is_home(server))
        bring_guard(client, server);
    if (!server->bringing)
        return true;
    client->waiting = WAIT_SETTINGS;
    if (client->state == CLIENT_IDLE) /* query_timeout counts from here */
        client->query_started = ev_now(client->stream.worker->loop);
    stream_pause(&client->stream);
    return false;
}
