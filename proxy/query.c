/*
 * The forwarded way.  A request is planned without side effects, so that one which has to wait for a server can simply be left in the
 * stream and begun again; only when its server is there is anything remembered or sent.
 */
#include "proxy/query.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/arena.h"
#include "proxy/batch.h"
#include "proxy/bring.h"
#include "proxy/client_shards.h"
#include "proxy/copy.h"
#include "proxy/cursor.h"
#include "proxy/keyway.h"
#include "proxy/moment.h"
#include "proxy/portal.h"
#include "proxy/run.h"
#include "router/limited_settings.h"
#include "router/pass_through.h"

static struct worker_state *state_of(const struct client *client)
{
    return worker_state(client->stream.worker);
}

/* SET LOCAL goes before what holds for the session. */
static const char *setting_of(const struct client *client, const char *name, bool *known)
{
    const char *local = session_value(client->transaction.local, name, known);
    return local || !*known ? local : session_value(client->session, name, known);
}

/* Who "$user" of search_path is. */
static const char *user_of(const struct client *client)
{
    bool known;
    const char *role = setting_of(client, "role", &known);
    if (role && strcasecmp(role, "none") != 0)
        return role;
    const char *user = setting_of(client, "session_authorization", &known);
    return user ? user : client->server_user;
}

struct session_facts query_facts(const struct client *client)
{
    const struct database_state *state = client->view->state;
    bool path_known, style_known, encoding_known;
    const char *path = setting_of(client, "search_path", &path_known);
    const char *style = setting_of(client, "datestyle", &style_known);
    const char *encoding = setting_of(client, "client_encoding", &encoding_known);
    bool digits_known, output_known;
    const char *digits = setting_of(client, "extra_float_digits", &digits_known);
    const char *output = setting_of(client, "bytea_output", &output_known);
    return (struct session_facts){
        .search_path = path_known && path == NULL ? state->search_path : path,
        .user = user_of(client),
        .iso_dates = style ? strncasecmp(style, "ISO", 3) == 0 : style_known && state->iso_dates,
        .server_encoding = encoding_known && (encoding == NULL || setting_is_encoding(encoding, state->encoding)),
        .rounded_floats = digits ? setting_rounds_floats(digits) : !digits_known || state->rounded_floats,
        .escaped_bytes = output ? setting_escapes_bytes(output) : !output_known || state->escaped_bytes,
    };
}

bool query_is_plain(const struct plan *plan)
{
    if (plan->evaluation)
        return false;
    switch (plan->statement) {
    case STATEMENT_SELECT:
    case STATEMENT_INSERT:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_MERGE_INTO:
    case STATEMENT_COPY_OUT:
    case STATEMENT_COPY_IN:
    case STATEMENT_SHOW:
    case STATEMENT_MAINTENANCE:
    case STATEMENT_OTHER:
        return !plan->changes_catalog && plan->pin == PIN_NONE;
    case STATEMENT_EMPTY:
    case STATEMENT_EXPLAIN:
    case STATEMENT_CURSOR:
    case STATEMENT_BEGIN:
    case STATEMENT_COMMIT:
    case STATEMENT_ROLLBACK:
    case STATEMENT_SAVEPOINT:
    case STATEMENT_RELEASE:
    case STATEMENT_ROLLBACK_TO:
    case STATEMENT_SET:
    case STATEMENT_SET_LOCAL:
    case STATEMENT_DISCARD:
    case STATEMENT_PREPARE:
    case STATEMENT_EXECUTE:
    case STATEMENT_DEALLOCATE:
    case STATEMENT_LISTEN:
    case STATEMENT_DDL:
        return false;
    }
    return false;
}

enum { PATIENCE = 1 }; /* seconds, as PostgreSQL's deadlock_timeout */

/* --- lending ------------------------------------------------------------------------------------------------- */

static void attach(struct client *client, struct server *server)
{
    struct server **link = &client->servers; /* in shard order */
    while (*link && (*link)->pool->shard < server->pool->shard)
        link = &(*link)->next_lent;
    server->next_lent = *link;
    *link = server;
    server->client = client;
}

void query_resume(struct client *client)
{
    if (client->run) {
        client->waiting = WAIT_NOTHING;
        run_continue(client);
    } else {
        client_retry(client);
    }
}

static struct client *client_of(const struct pool_wait *wait)
{
    return (struct client *) ((char *) wait - offsetof(struct client, pool_wait));
}

static void wait_granted(struct pool_wait *wait, struct server *server)
{
    struct client *client = client_of(wait);
    client->view->counters.wait_time += (uint64_t) ((ev_now(wait->worker->loop) - wait->since) * 1e6);
    attach(client, server);
    query_resume(client);
}

static void wait_failed(struct pool_wait *wait, const struct error *error)
{
    struct client *client = client_of(wait);
    error_clear(&client->pool_error);
    error_copy(&client->pool_error, error);
    query_resume(client);
}

/* Outside of a transaction nothing has been done yet with what was lent: it is asked for once more, from the beginning. */
static void wait_let_go(struct pool_wait *wait)
{
    struct client *client = client_of(wait);
    if (client->transaction.kind == TRANSACTION_NONE) {
        client_release_servers(client);
    } else {
        error_clear(&client->pool_error);
        error_set(&client->pool_error, SQLSTATE_DEADLOCK, "deadlock detected");
        error_detail(&client->pool_error, "All server connections of several shards are held by transactions that wait for each other's.");
        error_hint(&client->pool_error, "Try the transaction again; raise pool_size.");
        client->transaction.deadlocked = true;
    }
    query_resume(client);
}

static void wait_again(struct pool_wait *wait)
{
    query_resume(client_of(wait));
}

static bool wait_is_new(const struct pool_wait *wait)
{
    const struct client *client = client_of(wait);
    return client->transaction.kind != TRANSACTION_NONE && !client->admitted && transaction_participants(client) == 0;
}

static void wait_admitted(struct pool_wait *wait)
{
    struct client *client = client_of(wait);
    client->admitted = true;
    query_resume(client);
}

/* What a client keeps beyond its transaction, an error does not free: it is for whoever has waited a while, as he may have to disconnect. */
static bool wait_holds(const struct pool_wait *wait, struct pool_holder *holder)
{
    const struct client *client = client_of(wait);
    bool in_transaction = client->transaction.kind != TRANSACTION_NONE, kept = false;
    for (const struct server *server = client->servers; server; server = server->next_lent) {
        bool keeps = server->pinned || server->holds || client->mode == POOL_SESSION;
        shard_set_add(&holder->holds, server->pool->shard);
        if (in_transaction ? !server->joined : keeps || server->status != 'I')
            continue;
        kept |= keeps;
        shard_set_add(&holder->frees, server->pool->shard);
        if (server->lent_at < holder->since)
            holder->since = server->lent_at;
    }
    holder->for_nothing = !in_transaction;
    holder->from += kept ? PATIENCE : 0;
    return client->servers != NULL;
}

static const struct pool_wait_end wait_end = {wait_granted, wait_failed, wait_let_go, wait_admitted, wait_again, wait_is_new, wait_holds};

/* Is its transaction let in, or does it go on where it is? */
static bool may_come_in(struct client *client)
{
    struct pool_group *group = client->group;
    if (client->transaction.kind == TRANSACTION_NONE)
        return true;
    bool inside = transaction_participants(client) > 0;
    if (inside)
        atomic_store_explicit(&group->admission.grew, true, memory_order_relaxed);
    if (client->admitted)
        return true;
    if (inside)
        pool_admission_join(group);
    client->admitted = inside || pool_admission_enter(group, client->stream.worker, &client->pool_wait);
    return client->admitted;
}

static enum lend_answer waits_for_server(struct client *client)
{
    client->waiting = WAIT_SERVER;
    stream_pause(&client->stream);
    return LEND_WAIT;
}

enum lend_answer query_lend(struct client *client, int shard, struct server **server, struct error *error)
{
    if (error_is_set(&client->pool_error)) {
        *error = client->pool_error;
        client->pool_error = (struct error){0};
        client->waiting = WAIT_NOTHING;
        return LEND_FAILED;
    }
    *server = client_server(client, shard);
    if (*server == NULL) {
        client->pool_wait.end = &wait_end;
        if (pool_is_contended(&client->group->admission) && !may_come_in(client))
            return waits_for_server(client);
        switch (pool_acquire(&client->group->pools[shard], client->stream.worker, &client->pool_wait, server, error)) {
        case POOL_LENT:
            attach(client, *server);
            break;
        case POOL_WAIT:
            return waits_for_server(client);
        case POOL_FAILED:
            client->waiting = WAIT_NOTHING;
            return LEND_FAILED;
        }
    }
    return bring_server(client, *server) ? LEND_DONE : LEND_WAIT;
}

/* --- beginning and ending ------------------------------------------------------------------------------------ */

static void query_begun(struct client *client)
{
    client->state = CLIENT_BUSY;
    client->query_started = client->state_since = ev_now(client->stream.worker->loop);
}

/* Others wait for its servers, and nothing but ROLLBACK can follow, or COMMIT, which is the same: the shards roll back at once.  Not where a client could
 * return to a savepoint, nor where a server stays with it anyway. */
static void let_go_of_transaction(struct client *client)
{
    const struct transaction *transaction = &client->transaction;
    struct server *next;
    if (transaction->kind != TRANSACTION_EXPLICIT || !transaction->failed || transaction->savepoints > 0 || client->mode == POOL_SESSION)
        return;
    for (struct server *server = client->servers; server; server = next) {
        next = server->next_lent;
        if (server->joined && server_is_quiet(server) && !server->unsynced && !server->pinned && !server->holds)
            client_release_server(client, server);
    }
}

/* Servers stay for cursors WITH HOLD only as long as there are any: these can be closed, or never have come to be. */
static void check_holds(struct client *client)
{
    for (struct server *server = client->servers; server; server = server->next_lent)
        server->holds &= cursors_hold(client->cursors, server->pool->shard);
}

void query_over(struct client *client)
{
    static const struct shard_set none;
    struct database_counters *counters = &client->view->counters;
    ev_tstamp now = ev_now(client->stream.worker->loop);
    counters->query_count++;
    counters->query_time += (uint64_t) ((now - client->query_started) * 1e6);
    if (client->transaction.kind == TRANSACTION_NONE) {
        ev_tstamp began = client->transaction_started > 0 ? client->transaction_started : client->query_started;
        counters->xact_count++;
        counters->xact_time += (uint64_t) ((now - began) * 1e6);
        client->transaction_started = 0;
        portals_clear(&client->portals, state_of(client)->statements);
        cursors_transaction_over(&client->cursors, &none);
    }
    client->state = CLIENT_IDLE;
    client->state_since = now;
    if (client->transaction.deadlocked)
        let_go_of_transaction(client);
    check_holds(client);
    client_release_servers(client);
    if (client->admitted && transaction_participants(client) == 0)
        client_leave_pools(client);
    stream_resume(&client->stream);
}

void query_reply_done(struct client *client, struct server *server)
{
    if (client == NULL)
        return;
    if (client->transaction.kind == TRANSACTION_EXPLICIT && server->status == 'E')
        client->transaction.failed = true;
    query_over(client);
}

void query_server_lost(struct client *client, const struct error *error)
{
    if (client->open_batch) { /* what is left of it, up to its Sync, has no server any more */
        client->open_batch = false;
        client->skip_to_sync = true;
        error_clear(&client->pool_error);
        client_error(client, error);
        client_replies_done(client);
        return;
    }
    if (client->state != CLIENT_BUSY || client->run)
        return;
    client_error(client, error);
    wire_ready(client_output(client), transaction_status(client));
    client_wrote(client);
    query_over(client);
}

static size_t refuse_request(struct client *client, struct error *error, size_t used)
{
    if (client->transaction.kind == TRANSACTION_EXPLICIT)
        client->transaction.failed = true;
    client_error(client, error);
    error_clear(error);
    wire_ready(client_output(client), transaction_status(client));
    client_wrote(client);
    query_begun(client);
    query_over(client);
    return used;
}

/* --- Query --------------------------------------------------------------------------------------------------- */

static size_t start_simple_run(struct client *client, const char *sql, size_t length, bool planned, size_t used)
{
    query_begun(client);
    stream_pause(&client->stream);
    if (planned)
        run_start_statement(client, sql, length);
    else
        run_start_query(client, sql, length);
    return used;
}

static size_t forward_query(struct client *client, const struct frame *frame, int shard, bool writes)
{
    struct server *server;
    struct error error = {0};
    switch (query_lend(client, shard, &server, &error)) {
    case LEND_WAIT:
        return 0;
    case LEND_FAILED:
        return refuse_request(client, &error, frame->total);
    case LEND_DONE:
        break;
    }
    server->wrote |= writes;
    client->view->counters.single_count++;
    wire_message(stream_output(&server->stream), 'Q', frame->body, frame->body_length);
    server_expect(server, 'Q', false, NULL);
    stream_wrote(&server->stream);
    query_begun(client);
    return frame->total;
}

static bool writes_too_far(struct client *client, const struct plan *plan, int shard)
{
    if (!plan->writes || client->transaction.kind == TRANSACTION_NONE ||
        client->view->state->settings->multi_shard_commit == COMMIT_BEST_EFFORT)
        return false;
    for (struct server *server = client->servers; server; server = server->next_lent)
        if (server->joined && server->wrote && server->pool->shard != shard)
            return true;
    return false;
}

/* These never have a semicolon inside. */
static bool ends_at_semicolon(const char *sql, size_t length)
{
    static const char *const words[] = {"select", "insert", "update", "delete", "with"};
    char word[8];
    first_keyword(sql, length, word, sizeof word);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* The one shard that a statement, which is normalised, is for as it is; negative: several, or there is more to do. */
static int shard_of_statement(struct client *client, const struct session_facts *facts, const char *sql, size_t length, bool *writes)
{
    const struct normalised *normalised = &state_of(client)->normalised;
    struct routing *routing = client->view->state->routing;
    struct error error = {0};
    struct route route;
    int shard = -1;
    struct plan *plan = plan_cache_get(client->view->plans, routing, facts, sql, length, normalised, NULL, 0, &error);
    if (plan && query_is_plain(plan) &&
        plan_route(plan, routing, normalised, NULL, &client->stream.worker->scratch, &route, &error) && route.kind == PLAN_SINGLE) {
        shard = shard_set_next(&route.shards, 0);
        *writes |= plan->writes;
        if (writes_too_far(client, plan, shard) || !moment_is_at(client, plan, shard))
            shard = -1;
    }
    error_clear(&error);
    arena_reset(&client->stream.worker->scratch);
    if (plan)
        plan_release(plan);
    return shard;
}

/*
 * The shard that all statements of a text are for as they are: it makes one transaction of them by itself, and so the text goes there as a whole.
 * Negative: there is none.
 */
static int shard_of_text(struct client *client, const char *sql, size_t length, bool *writes)
{
    struct normalised *normalised = &state_of(client)->normalised;
    struct session_facts facts = query_facts(client);
    int shard = -1;
    for (size_t at = 0, used; at < length; at += used) {
        used = normalise_first(sql + at, length - at, normalised);
        if (normalised->empty)
            continue;
        int next = ends_at_semicolon(sql + at, used) ? shard_of_statement(client, &facts, sql + at, used, writes) : -1;
        if (next < 0 || (shard >= 0 && next != shard))
            return -1;
        shard = next;
    }
    return shard;
}

static size_t several_statements(struct client *client, const struct frame *frame, const char *sql, size_t length)
{
    bool writes = false;
    int shard = shard_of_text(client, sql, length, &writes);
    return shard < 0 ? start_simple_run(client, sql, length, false, frame->total) : forward_query(client, frame, shard, writes);
}

static size_t simple_query(struct client *client, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    const char *sql = read_string(&reader);
    struct error error = {0};
    if (sql == NULL || !reader_done(&reader)) {
        error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "invalid message format");
        return refuse_request(client, &error, frame->total);
    }
    size_t length = frame->body_length - 1;
    struct routing *routing = client->view->state->routing;
    if (client->transaction.kind ==
        TRANSACTION_IMPLICIT) /* of messages without a Sync: it ends with this Query */
        return start_simple_run(client, sql, length, false, frame->total);
    if (!client->transaction.failed && passes_through(routing, sql, length))
        return forward_query(client, frame, 0, true);
    struct normalised *normalised = &state_of(client)->normalised;
    normalise(sql, length, normalised);
    bool as_ever = !client->transaction.failed && !client->transaction.catalog_is_old;
    if (normalised->several && as_ever && !normalised->unsure)
        return several_statements(client, frame, sql, length);
    if (normalised->several || normalised->empty || !as_ever)
        return start_simple_run(client, sql, length, false, frame->total);

    struct session_facts facts = query_facts(client);
    struct plan *plan = plan_cache_get(client->view->plans, routing, &facts, sql, length, normalised, NULL, 0, &error);
    if (plan == NULL)
        return refuse_request(client, &error, frame->total);
    struct route route;
    size_t used = 0;
    if (!query_is_plain(plan)) {
        used = start_simple_run(client, sql, length, true, frame->total);
    } else if (!plan_route(plan, routing, normalised->unsure ? NULL : normalised, NULL, &client->stream.worker->scratch, &route, &error)) {
        error_clear(&error); /* the run will meet it again */
        used = start_simple_run(client, sql, length, true, frame->total);
    } else if (route.kind != PLAN_SINGLE || writes_too_far(client, plan, shard_set_next(&route.shards, 0)) ||
               !moment_is_at(client, plan, shard_set_next(&route.shards, 0))) {
        used = start_simple_run(client, sql, length, true, frame->total);
    } else {
        used = forward_query(client, frame, shard_set_next(&route.shards, 0), plan->writes);
    }
    arena_reset(&client->stream.worker->scratch);
    plan_release(plan);
    return used;
}

/* --- input --------------------------------------------------------------------------------------------------- */

static size_t protocol_error(struct client *client, const char *message, size_t length)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "%s", message);
    client_close(client, &error, message);
    error_clear(&error);
    return length;
}

static bool database_is_paused(const struct client *client)
{
    return client->transaction.kind == TRANSACTION_NONE && client->servers == NULL &&
           atomic_load(&client->view->database->paused);
}

/* Sync without anything before it: nothing to do but to say so. */
static size_t lone_sync(struct client *client, size_t used)
{
    client->skip_to_sync = false;
    client->state_since = ev_now(client->stream.worker->loop);
    wire_ready(client_output(client), transaction_status(client));
    client_wrote(client);
    return used;
}

static size_t request(struct client *client, const struct frame *frame, const uint8_t *bytes, size_t length)
{
    if (strchr("QPBDEH", frame->type))
        client->drop_sync = false;
    switch (frame->type) {
    case 'X':
        return client_terminate(client, length);
    case 'Q':
        if (client->skip_to_sync || batch_skips(client))
            return frame->total;
        return batch_leave(client) ? simple_query(client, frame) : 0;
    case 'S':
        if (client->drop_sync) {
            client->drop_sync = false;
            return frame->total;
        }
        if (!client->open_batch && client->transaction.kind != TRANSACTION_IMPLICIT)
            return lone_sync(client, frame->total);
        return batch_input(client, bytes, length);
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
        if (client->skip_to_sync)
            return frame->total;
        return batch_input(client, bytes, length);
    case 'H':
        if (client->skip_to_sync || !client->open_batch) /* behind nothing there is nothing to flush */
            return frame->total;
        return batch_input(client, bytes, length);
    case 'd':
    case 'c':
    case 'f': /* of a COPY that has already failed (55.2.6) */
        return frame->total;
    case 'F': {
        struct error error = {0};
        error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the function call message is not supported");
        error_hint(&error, "Call the function with SELECT.");
        return refuse_request(client, &error, frame->total);
    }
    default:
        return protocol_error(client, "invalid frontend message type", length);
    }
}

size_t query_input(struct client *client, const uint8_t *bytes, size_t length)
{
    struct frame frame;
    if ((client->state == CLIENT_BUSY || client->open_batch) && copy_wanted(client))
        return copy_input(client, bytes, length);
    if (client->state == CLIENT_BUSY || client->waiting != WAIT_NOTHING) {
        stream_pause(&client->stream);
        return 0;
    }
    if (database_is_paused(client)) {
        client->waiting = WAIT_PAUSE;
        stream_pause(&client->stream);
        return 0;
    }
    if (!client_follow_shards(client))
        return length;
    switch (wire_scan(bytes, length, (size_t) state_of(client)->settings->max_packet_size, &frame)) {
    case WIRE_FRAME:
        return request(client, &frame, bytes, length);
    case WIRE_HEAD:
        if (strchr("XQPBDECHSdcfF", frame.type) == NULL || frame.type == '\0')
            return protocol_error(client, "invalid frontend message type", length);
        return 0;
    case WIRE_PARTIAL:
        return 0;
    case WIRE_BAD:
        return protocol_error(client, "invalid message length", length);
    }
    return length;
}
