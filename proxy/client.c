/*
 * A client's input goes to the function of its state: startup packets, authentication messages, or requests (proxy/query).
 *
 * Whatever fails before login ends in one FATAL message; after it, client_close() with an error does the same.
 */
#include "proxy/client.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/arena.h"
#include "proxy/admin.h"
#include "proxy/cancel_key.h"
#include "proxy/client_gone.h"
#include "proxy/client_rest.h"
#include "proxy/client_shards.h"
#include "proxy/cursor.h"
#include "proxy/gather.h"
#include "proxy/keyway.h"
#include "proxy/locking.h"
#include "proxy/log.h"
#include "proxy/portal.h"
#include "proxy/query.h"
#include "proxy/run.h"
#include "proxy/server_login.h"
#include "router/limited_settings.h"

enum {
    LARGEST_STARTUP_PACKET = 10000, /* as PostgreSQL's MAX_STARTUP_PACKET_LENGTH */
};

static _Atomic uint64_t last_client_id;

static struct worker_state *state_of(const struct client *client)
{
    return worker_state(client->stream.worker);
}

static ev_tstamp now_of(const struct client *client)
{
    return ev_now(client->stream.worker->loop);
}

static void set_state(struct client *client, enum client_state state)
{
    client->state = state;
    client->state_since = now_of(client);
}

/* --- sending ------------------------------------------------------------------------------------------------- */

bool client_send(struct client *client, const void *bytes, size_t length)
{
    return stream_write(&client->stream, bytes, length);
}

struct buffer *client_output(struct client *client)
{
    return stream_output(&client->stream);
}

bool client_wrote(struct client *client)
{
    return stream_wrote(&client->stream);
}

void client_error(struct client *client, const struct error *error)
{
    wire_error(client_output(client), error, false);
    client_wrote(client);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void client_free(void *memory)
{
    struct client *client = memory;
    if (client->group == NULL) {
        free(client->user);
        free(client->database_name);
    }
    free(client->server_user);
    error_clear(&client->pool_error);
    free(client);
}

static void leave_loading(struct client *client)
{
    if (client->waiting != WAIT_LOAD)
        return;
    struct client **link = &client->view->loading;
    while (*link && *link != client)
        link = &(*link)->next_loading;
    if (*link)
        *link = client->next_loading;
}

void client_close(struct client *client, const struct error *error, const char *reason)
{
    struct worker *worker = client->stream.worker;
    struct worker_state *state = worker_state(worker);
    if (client->state == CLIENT_CLOSED)
        return;
    if (error) {
        wire_error(client_output(client), error, true);
        client_wrote(client);
        stream_flush(&client->stream);
    }
    if (client->user && state->settings->log_disconnections)
        log_line(LOG_INFO, "client %s %s/%s left: %s", client->host, client->database_name, client->user, reason);
    pool_give_up(&client->pool_wait);
    leave_loading(client);
    cancel_key_forget(client);
    set_state(client, CLIENT_CLOSED);
    run_abandon(client);
    while (client->servers) {
        struct server *server = client->servers;
        server->pinned |= client->mode == POOL_SESSION;
        client_release_server(client, server);
    }
    client_leave_pools(client);
    transaction_over(client, false);
    statement_names_free(&client->names, state->statements);
    portals_clear(&client->portals, state->statements);
    cursors_free(&client->cursors);
    session_release(state->sessions, client->session);
    if (client->group)
        atomic_fetch_sub(&client->group->clients, 1);
    auth_free(client->auth);
    if (client->view) {
        client->view->counters.received += client->stream.bytes_received;
        client->view->counters.sent += client->stream.bytes_sent;
    }
    stream_close(&client->stream);
    clients_remove(state, client);
    atomic_fetch_sub(&worker->client_count, 1);
    atomic_fetch_sub(&keyway.client_count, 1);
    worker_defer_free(worker, client_free, client);
    if (state->draining && state->client_count == 0)
        keyway_worker_drained();
}

size_t client_terminate(struct client *client, size_t length)
{
    stream_flush(&client->stream);
    client->leaving = stream_has_unsent(&client->stream);
    if (client->leaving) {
        stream_pause(&client->stream);
        return 0;
    }
    client_close(client, NULL, "client close request");
    return length;
}

static void close_with(struct client *client, const char *sqlstate, const char *message)
{
    struct error error = {0};
    error_set(&error, sqlstate, "%s", message);
    client_close(client, &error, message);
    error_clear(&error);
}

/* --- servers ------------------------------------------------------------------------------------------------- */

struct server *client_server(const struct client *client, int shard)
{
    struct server *server = client->servers;
    while (server && server->pool->shard != shard)
        server = server->next_lent;
    return server;
}

static void unlink_lent(struct client *client, struct server *server)
{
    cursors_lost(&client->cursors, server->pool->shard);
    struct server **link = &client->servers;
    while (*link && *link != server)
        link = &(*link)->next_lent;
    if (*link)
        *link = server->next_lent;
}

void client_forget_server(struct client *client, struct server *server)
{
    unlink_lent(client, server);
}

void client_release_server(struct client *client, struct server *server)
{
    unlink_lent(client, server);
    server_release(server);
}

void client_release_servers(struct client *client)
{
    struct server *next;
    for (struct server *server = client->servers; server; server = next) {
        next = server->next_lent;
        bool stays = server->joined || server->pinned || server->holds || server->status != 'I' ||
                     (client->mode == POOL_SESSION && !state_of(client)->draining);
        if (!stays || (server->spoiled && !server->joined && server->status == 'I'))
            client_release_server(client, server);
    }
}

void client_leave_pools(struct client *client)
{
    if (!client->admitted)
        return;
    client->admitted = false;
    pool_admission_leave(client->group, client->stream.worker);
}

void client_server_drained(struct client *client)
{
    if (client->run && client->run->gather) {
        gather_drained(client->run->gather);
        return;
    }
    stream_resume(&client->stream);
}

void client_server_lost(struct client *client, struct server *server, const struct error *error, bool in_frame)
{
    bool took_part = server->joined;
    unlink_lent(client, server);
    if (client->state == CLIENT_CLOSED)
        return;
    if (took_part && client->transaction.kind != TRANSACTION_NONE)
        client->transaction.failed = true;
    if (client->run && client->run->fanout)
        fanout_forget(client->run->fanout, server);
    else if (client->run && client->run->gather)
        gather_forget(client->run->gather, server, error);
    else if (client->run && client->run->locking)
        locking_forget(client->run->locking, server, error);
    if (in_frame) {
        client_close(client, NULL, "a shard was lost in the middle of a row");
        return;
    }
    query_server_lost(client, error);
}

/* --- login --------------------------------------------------------------------------------------------------- */

static void put_greeting(struct client *client, struct buffer *out)
{
    const struct database_state *state = client->view->state;
    for (int i = 0; i < state->parameter_count; i++) {
        const char *name = state->parameters[i].name, *value = state->parameters[i].value;
        char lower[64];
        size_t length = 0;
        for (; name[length] && length < sizeof(lower) - 1; length++)
            lower[length] = (char) (name[length] >= 'A' && name[length] <= 'Z' ? name[length] + 32 : name[length]);
        lower[length] = '\0';
        bool known;
        const char *own = session_value(client->session, lower, &known);
        wire_parameter(out, name, own ? own : value);
    }
}

static void put_key(struct client *client, struct buffer *out)
{
    size_t mark = wire_begin(out, 'K');
    wire_put_int32(out, (int32_t) client->cancel_pid);
    wire_put_int32(out, (int32_t) client->cancel_key);
    wire_end(out, mark);
}

/* With several shards, settings of the startup packet are limited as those of SET are. */
static bool check_startup_settings(struct client *client)
{
    struct error error = {0};
    for (size_t i = 0; client->view->state->settings->shard_count > 1 && i < session_count(client->session); i++) {
        const struct session_setting *setting = session_at(client->session, i);
        if (setting_is_supported(setting->name, setting->value, &error))
            continue;
        client_close(client, &error, "unsupported startup parameter");
        error_clear(&error);
        return false;
    }
    return true;
}

/* The database is known and loaded: the session begins. */
static void greet(struct client *client)
{
    if (!check_startup_settings(client))
        return;
    struct worker_state *state = state_of(client);
    const struct user_settings *user = settings_user(state->settings, client->user);
    const struct database_settings *database = client->view->state->settings;
    client->mode = user && user->has_pool_mode ? user->pool_mode : database->pool_mode;
    client_join_shards(client);
    cancel_key_draw(client);
    struct buffer *out = client_output(client);
    size_t mark = wire_begin(out, 'R');
    wire_put_int32(out, 0);
    wire_end(out, mark);
    put_greeting(client, out);
    put_key(client, out);
    wire_ready(out, 'I');
    client_wrote(client);
    set_state(client, CLIENT_IDLE);
    stream_forget_handshake(&client->stream);
}

static bool over_user_limit(const struct client *client)
{
    const struct user_settings *user = settings_user(state_of(client)->settings, client->user);
    struct database *database = keyway_database(client->database_name);
    if (user == NULL || user->max_user_connections <= 0 || database == NULL)
        return false;
    struct pool_group *group = pool_group_get(database, client->user, client->view->state, keyway.worker_count);
    return atomic_load(&group->clients) >= user->max_user_connections;
}

static void wait_for_load(struct client *client)
{
    client->waiting = WAIT_LOAD;
    client->next_loading = client->view->loading;
    client->view->loading = client;
}

/* After authentication: the database must exist and be loaded. */
static void enter_database(struct client *client)
{
    struct database *database = keyway_database(client->database_name);
    struct error error = {0};
    if (database == NULL || atomic_load(&database->removed)) {
        error_set(&error, SQLSTATE_INVALID_CATALOG_NAME, "database \"%s\" does not exist", client->database_name);
        client_close(client, &error, "no such database");
        error_clear(&error);
        return;
    }
    client->view = keyway_view(client->stream.worker, database);
    if (client->view->state == NULL) {
        wait_for_load(client);
        client->load_awaited = database_load(database, state_of(client)->settings);
    } else if (over_user_limit(client)) {
        close_with(client, SQLSTATE_TOO_MANY_CONNECTIONS, "too many connections for this user");
    } else {
        greet(client);
    }
}

static void authenticated(struct client *client)
{
    struct worker_state *state = state_of(client);
    auth_free(client->auth);
    client->auth = NULL;
    if (state->settings->log_connections)
        log_line(LOG_INFO, "client %s logged in to %s as %s", client->host, client->database_name, client->user);
    if (strcmp(client->database_name, "keyway") == 0)
        admin_enter(client);
    else
        enter_database(client);
}

void client_logged_in(struct client *client)
{
    set_state(client, CLIENT_IDLE);
}

static void authentication_step(struct client *client, enum auth_step step, struct error *error)
{
    client_wrote(client);
    switch (step) {
    case AUTH_CONTINUE:
        return;
    case AUTH_DONE:
        authenticated(client);
        return;
    case AUTH_FAILED:
        client_close(client, error, error->message);
        return;
    }
}

static void begin_authentication(struct client *client)
{
    const struct settings *settings = state_of(client)->settings;
    struct error error = {0};
    set_state(client, CLIENT_AUTHENTICATING);
    client->auth = auth_new(settings, settings->auth_method, client->user, client->stream.tls);
    authentication_step(client, auth_begin(client->auth, client_output(client), &error), &error);
    error_clear(&error);
}

/* A parameter of the startup packet becomes a setting of the session. */
static void startup_setting(struct client *client, const char *name, const char *value)
{
    struct buffer sql = {0};
    char *lower = memory_strdup(name);
    for (char *at = lower; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char) (*at + 32);
    session_set_statement(&sql, lower, value, false);
    buffer_append(&sql, "", 1);
    client->session = session_set(state_of(client)->sessions, client->session, lower, value,
                                  (const char *) buffer_data(&sql), true);
    buffer_free(&sql);
    free(lower);
}

/* "-c name=value" and "--name=value", separated by spaces, a backslash before what is meant literally
 * (PostgreSQL 15, pg_split_opts).  False: an option that is not a setting. */
static bool startup_options(struct client *client, const char *options)
{
    char *word = memory_alloc(strlen(options) + 1);
    bool expect_setting = false, understood = true;
    while (understood) {
        size_t length = 0;
        while (*options == ' ' || *options == '\t' || *options == '\n')
            options++;
        if (*options == '\0')
            break;
        for (; *options && *options != ' ' && *options != '\t' && *options != '\n'; options++) {
            if (*options == '\\' && options[1])
                options++;
            word[length++] = *options;
        }
        word[length] = '\0';
        char *setting = word;
        if (!expect_setting && strcmp(word, "-c") == 0) {
            expect_setting = true;
            continue;
        }
        if (!expect_setting && (strncmp(word, "--", 2) == 0 || strncmp(word, "-c", 2) == 0))
            setting = word + 2;
        else
            understood = expect_setting;
        char *equals = strchr(setting, '=');
        understood = understood && equals;
        if (understood) {
            *equals = '\0';
            for (char *at = setting; *at; at++)
                if (*at == '-')
                    *at = '_';
            startup_setting(client, setting, equals + 1);
        }
        expect_setting = false;
    }
    free(word);
    return understood;
}

static bool startup_parameter(struct client *client, const char *name, const char *value)
{
    if (strcmp(name, "user") == 0) {
        free(client->user);
        client->user = memory_strdup(value);
    } else if (strcmp(name, "database") == 0) {
        free(client->database_name);
        client->database_name = memory_strdup(value);
    } else if (strcmp(name, "options") == 0) {
        return startup_options(client, value);
    } else if (strcmp(name, "replication") == 0) {
        return strcmp(value, "false") == 0 || strcmp(value, "off") == 0 || strcmp(value, "no") == 0 ||
               strcmp(value, "0") == 0;
    } else if (strncmp(name, "_pq_.", 5) != 0) {
        startup_setting(client, name, value);
    }
    return true;
}

/* Protocol options we do not know are named back (55.2.1, NegotiateProtocolVersion). */
static void negotiate(struct client *client, int32_t version, struct reader reader)
{
    int32_t unknown = 0;
    struct buffer names = {0};
    for (const char *name = read_string(&reader); name && *name; name = read_string(&reader)) {
        if (strncmp(name, "_pq_.", 5) == 0) {
            wire_put_string(&names, name);
            unknown++;
        }
        read_string(&reader);
    }
    if (unknown > 0 || version != WIRE_PROTOCOL_3) {
        struct buffer *out = client_output(client);
        size_t mark = wire_begin(out, 'v');
        wire_put_int32(out, 0);
        wire_put_int32(out, unknown);
        wire_put_bytes(out, buffer_data(&names), buffer_length(&names));
        wire_end(out, mark);
        client_wrote(client);
    }
    buffer_free(&names);
}

static void startup_message(struct client *client, int32_t version, struct reader reader)
{
    negotiate(client, version, reader);
    for (const char *name = read_string(&reader); name && *name; name = read_string(&reader)) {
        const char *value = read_string(&reader);
        if (value && !startup_parameter(client, name, value)) {
            close_with(client, SQLSTATE_FEATURE_NOT_SUPPORTED, "unsupported startup parameter");
            return;
        }
    }
    const struct settings *settings = state_of(client)->settings;
    if (reader.failed)
        close_with(client, SQLSTATE_PROTOCOL_VIOLATION, "invalid startup packet layout: expected terminator as last byte");
    else if (client->user == NULL || *client->user == '\0')
        close_with(client, SQLSTATE_INVALID_AUTHORIZATION, "no PostgreSQL user name specified in startup packet");
    else if (settings->client_tls_sslmode >= TLS_REQUIRE && client->stream.tls == NULL)
        close_with(client, SQLSTATE_INVALID_AUTHORIZATION, "TLS is required");
    else if (atomic_load(&keyway.shutting_down))
        close_with(client, SQLSTATE_CANNOT_CONNECT_NOW, "the database system is shutting down");
    else if (atomic_load(&keyway.client_count) > settings->max_client_conn)
        close_with(client, SQLSTATE_TOO_MANY_CONNECTIONS, "no more connections allowed (max_client_conn)");
    else {
        if (client->database_name == NULL || *client->database_name == '\0') {
            free(client->database_name);
            client->database_name = memory_strdup(client->user);
        }
        begin_authentication(client);
    }
}

/* SSLRequest and GSSENCRequest are answered with one byte.  Nothing may follow them in plain text: it could have been put there by someone in
 * between (CVE-2021-23214). */
static void encryption_request(struct client *client, bool tls, bool more_follows)
{
    struct worker_state *state = state_of(client);
    bool accept = tls && state->tls && client->stream.tls == NULL;
    if (accept && more_follows) {
        close_with(client, SQLSTATE_PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
        return;
    }
    client_send(client, accept ? "S" : "N", 1);
    if (accept && !stream_accept_tls(&client->stream, state->tls))
        client_close(client, NULL, "the TLS handshake could not begin");
}

static void startup_packet(struct client *client, const struct frame *frame, bool more_follows)
{
    struct reader reader = reader_of(frame);
    int32_t code = read_int32(&reader);
    if (code == WIRE_SSL_REQUEST || code == WIRE_GSSENC_REQUEST) {
        encryption_request(client, code == WIRE_SSL_REQUEST, more_follows);
    } else if (code == WIRE_CANCEL_REQUEST) {
        uint32_t pid = (uint32_t) read_int32(&reader), key = (uint32_t) read_int32(&reader);
        if (reader_done(&reader))
            cancel_key_used(pid, key);
        client_close(client, NULL, "cancel request");
    } else if (code >> 16 == 3) {
        startup_message(client, code, reader);
    } else {
        struct error error = {0};
        error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.0",
                  code >> 16, code & 0xffff);
        client_close(client, &error, "unsupported protocol");
        error_clear(&error);
    }
}

static size_t startup_input(struct client *client, const uint8_t *bytes, size_t length)
{
    struct frame frame;
    switch (wire_scan_startup(bytes, length, LARGEST_STARTUP_PACKET, &frame)) {
    case WIRE_FRAME:
        startup_packet(client, &frame, length > frame.total);
        return frame.total;
    case WIRE_HEAD:
    case WIRE_PARTIAL:
        return 0;
    case WIRE_BAD:
        close_with(client, SQLSTATE_PROTOCOL_VIOLATION, "invalid length of startup packet");
        return length;
    }
    return length;
}

static size_t authentication_input(struct client *client, const uint8_t *bytes, size_t length)
{
    struct frame frame;
    struct error error = {0};
    if (client->auth == NULL) { /* logged in, but the database is still being loaded */
        stream_pause(&client->stream);
        return 0;
    }
    switch (wire_scan(bytes, length, LARGEST_STARTUP_PACKET, &frame)) {
    case WIRE_FRAME:
        if (frame.type != 'p') {
            close_with(client, SQLSTATE_PROTOCOL_VIOLATION, "expected a password response");
            return length;
        }
        authentication_step(client, auth_message(client->auth, &frame, client_output(client), &error), &error);
        error_clear(&error);
        return frame.total;
    case WIRE_HEAD:
    case WIRE_PARTIAL:
        return 0;
    case WIRE_BAD:
        close_with(client, SQLSTATE_PROTOCOL_VIOLATION, "invalid length of password message");
        return length;
    }
    return length;
}

/* --- the stream's owner -------------------------------------------------------------------------------------- */

static size_t client_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct client *client = stream->context;
    size_t used = 0;
    client_rouse(client);
    while (used < length && !stream->closed && !stream->paused && !stream->handshaking) {
        size_t step = 0;
        switch (client->state) {
        case CLIENT_STARTUP:
            step = startup_input(client, bytes + used, length - used);
            break;
        case CLIENT_AUTHENTICATING:
            step = authentication_input(client, bytes + used, length - used);
            break;
        case CLIENT_IDLE:
        case CLIENT_BUSY:
            step = client->console ? admin_input(client, bytes + used, length - used)
                                   : query_input(client, bytes + used, length - used);
            break;
        case CLIENT_CLOSED:
            return length;
        }
        if (step == 0)
            break;
        used += step;
    }
    return used;
}

static void client_drained(struct stream *stream)
{
    struct client *client = stream->context;
    for (struct server *server = client->servers; server; server = server->next_lent)
        server_resume(server);
    run_drained(client);
}

static void client_ended(struct stream *stream, const char *reason)
{
    client_close(stream->context, NULL, reason);
}

static const struct stream_owner client_stream_owner = {client_input, client_drained, client_ended,
                                                        client_half_closed};

void client_open(struct worker *worker, int fd, const char *host)
{
    struct client *client = memory_alloc(sizeof(*client));
    stream_open_in_ring(&client->stream, worker, fd, &client_stream_owner, client);
    strncpy(client->host, host, sizeof(client->host) - 1);
    client->id = atomic_fetch_add(&last_client_id, 1) + 1;
    client->connected_at = now_of(client);
    clients_add(client);
    set_state(client, CLIENT_STARTUP);
}

void client_retry(struct client *client)
{
    client->waiting = WAIT_NOTHING;
    stream_resume(&client->stream);
}

void client_reply_done(struct client *client, struct server *server)
{
    query_reply_done(client, server);
}

void client_replies_done(struct client *client)
{
    if (client->waiting == WAIT_REPLIES)
        query_resume(client);
}

void client_parse_failed(struct client *client, uint64_t number)
{
    statement_names_forget(client->names, state_of(client)->statements, number);
}

void client_loads_done(struct database_view *view)
{
    struct client *client = view->loading, *next;
    view->loading = NULL;
    for (; client; client = next) {
        next = client->next_loading;
        client->waiting = WAIT_NOTHING;
        if (client->load_awaited > view->load_seen) {
            wait_for_load(client);
        } else if (client->state == CLIENT_AUTHENTICATING && view->state == NULL) {
            client_close(client, &view->load_error, "the database could not be loaded");
        } else if (client->state == CLIENT_AUTHENTICATING) {
            stream_resume(&client->stream);
            enter_database(client);
        } else {
            run_loaded(client);
        }
    }
}

void client_await_load(struct client *client)
{
    wait_for_load(client);
    client->load_awaited = database_load(client->view->database, state_of(client)->settings);
}

/* --- timeouts ------------------------------------------------------------------------------------------------ */

static bool expired(double limit, ev_tstamp now, ev_tstamp since)
{
    return limit > 0 && now - since > limit;
}

static void tick_login(struct client *client, const struct settings *settings, ev_tstamp now)
{
    if (client->waiting == WAIT_LOAD) {
        if (expired(settings->query_wait_timeout, now, client->state_since))
            close_with(client, SQLSTATE_CANNOT_CONNECT_NOW, "query_wait_timeout");
    } else if (expired(settings->client_login_timeout, now, client->connected_at)) {
        close_with(client, SQLSTATE_CANNOT_CONNECT_NOW, "client_login_timeout");
    }
}

static void end_wait(struct client *client, const char *sqlstate, const char *message, const char *detail)
{
    pool_give_up(&client->pool_wait);
    error_set(&client->pool_error, sqlstate, "%s", message);
    error_detail(&client->pool_error, "%s", detail);
}

static void tick_waiting(struct client *client, const struct settings *settings, ev_tstamp now)
{
    if (!expired(settings->query_wait_timeout, now, client->pool_wait.since))
        return;
    end_wait(client, SQLSTATE_CONNECTION_FAILURE, "query_wait_timeout", "No server connection came free in time.");
    query_resume(client);
}

static void tick_idle(struct client *client, const struct settings *settings, ev_tstamp now)
{
    bool in_transaction = client->transaction.kind == TRANSACTION_EXPLICIT;
    if (client->waiting == WAIT_SERVER) {
        tick_waiting(client, settings, now);
    } else if (client->waiting != WAIT_NOTHING) {
        return; /* it is not the client that is idle */
    } else if (in_transaction && expired(settings->idle_transaction_timeout, now, client->state_since)) {
        close_with(client, SQLSTATE_IDLE_TRANSACTION_TIMEOUT, "idle_transaction_timeout");
    } else if (!in_transaction && expired(settings->client_idle_timeout, now, client->state_since)) {
        close_with(client, SQLSTATE_IDLE_SESSION_TIMEOUT, "client_idle_timeout");
    }
}

static void tick_busy(struct client *client, const struct settings *settings, ev_tstamp now)
{
    if (client->waiting == WAIT_SERVER) {
        tick_idle(client, settings, now);
    } else if (expired(settings->query_timeout, now, client->query_started)) {
        client->query_started = now; /* ask once per period */
        for (struct server *server = client->servers; server; server = server->next_lent)
            if (!server_is_quiet(server))
                server_cancel(server);
        run_cancel(client);
    }
}

/* Something it asked for is under way: also behind a Flush, when more of the batch may come. */
static bool awaits_reply(const struct client *client)
{
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (!server_is_quiet(server))
            return true;
    return false;
}

/* Nothing of it is under way; a request that PAUSE holds back has not begun. */
static bool may_leave(const struct client *client)
{
    return client->transaction.kind == TRANSACTION_NONE && !client->open_batch &&
           (client->waiting == WAIT_NOTHING || client->waiting == WAIT_PAUSE);
}

void client_tick(struct client *client, ev_tstamp now)
{
    const struct settings *settings = state_of(client)->settings;
    if (client->leaving && !stream_has_unsent(&client->stream))
        stream_resume(&client->stream);
    if (client_is_gone(client)) {
        client_close(client, NULL, "it has gone before its answer came");
        return;
    }
    switch (client->state) {
    case CLIENT_STARTUP:
    case CLIENT_AUTHENTICATING:
        tick_login(client, settings, now);
        break;
    case CLIENT_IDLE:
        if (state_of(client)->draining && may_leave(client))
            close_with(client, SQLSTATE_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
        else if (awaits_reply(client))
            tick_busy(client, settings, now);
        else
            tick_idle(client, settings, now);
        break;
    case CLIENT_BUSY:
        tick_busy(client, settings, now);
        break;
    case CLIENT_CLOSED:
        break;
    }
}
