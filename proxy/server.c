/*
 * A server lives through: libpq's login (server_login.c), then a life of being lent and returned, each time spent reading replies
 * against the queue of what is expected.
 *
 * The input function walks over frame headers.  Neighbouring frames that go to the client leave as one piece, and
 * the body of a large DataRow or CopyData is passed on before it is complete; only frames that change what the proxy knows
 * (ReadyForQuery, errors, parameters) or that a sink wants are awaited whole.
 */
#include "proxy/server.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/blocking.h"
#include "proxy/bring.h"
#include "proxy/client.h"
#include "proxy/database.h"
#include "proxy/keyway.h"
#include "proxy/log.h"
#include "proxy/pool.h"
#include "proxy/run.h"
#include "proxy/server_login.h"

enum { LARGEST_SERVER_FRAME = 1 << 30 };

const char *server_state_name(enum server_state state)
{
    switch (state) {
    case SERVER_CONNECTING:
        return "login";
    case SERVER_IDLE:
        return "idle";
    case SERVER_LENT:
        return "active";
    case SERVER_CLEANING:
        return "tested";
    case SERVER_MOVING:
        return "moving";
    case SERVER_CLOSED:
        return "closed";
    }
    return "";
}

/* --- what is expected --------------------------------------------------------------------------------------- */

static struct expected_reply *expected_at(const struct server *server, unsigned i)
{
    return &server->expected[(server->expected_first + i) % server->expected_capacity];
}

static struct expected_reply *expected_head(const struct server *server)
{
    return server->expected_count ? expected_at(server, 0) : NULL;
}

static void expected_grow(struct server *server)
{
    unsigned capacity = server->expected_capacity ? server->expected_capacity * 2 : 8;
    struct expected_reply *grown = memory_alloc(capacity * sizeof(*grown));
    for (unsigned i = 0; i < server->expected_count; i++)
        grown[i] = *expected_at(server, i);
    free(server->expected);
    server->expected = grown;
    server->expected_capacity = capacity;
    server->expected_first = 0;
}

void server_expect(struct server *server, uint8_t message, bool swallow, struct reply_sink *sink)
{
    if (server->expected_count == server->expected_capacity)
        expected_grow(server);
    server->expected_count++;
    *expected_at(server, server->expected_count - 1) = (struct expected_reply){message, swallow, 0, sink};
    server->unsynced = message != 'S' && message != 'Q';
    server->skips &= server->unsynced;
    if (message == 'Q') /* which destroys the unnamed statement (PostgreSQL 15 protocol, 55.2.3) */
        server->unnamed = 0;
}

void server_expect_numbered(struct server *server, uint8_t message, bool swallow, struct reply_sink *sink, uint64_t number)
{
    server_expect(server, message, swallow, sink);
    expected_at(server, server->expected_count - 1)->number = number;
}

void server_drop_replies(struct server *server)
{
    for (unsigned i = 0; i < server->expected_count; i++) {
        expected_at(server, i)->sink = NULL;
        expected_at(server, i)->swallow = true;
    }
}

static void expected_pop(struct server *server)
{
    server->expected_first = (server->expected_first + 1) % server->expected_capacity;
    server->expected_count--;
}

void server_answered(struct server *server)
{
    expected_pop(server);
}

bool server_answers(const struct server *server, const struct reply_sink *sink)
{
    const struct expected_reply *head = expected_head(server);
    return head && head->sink == sink;
}

void server_hold_sync(struct server *server, struct reply_sink *sink)
{
    wire_empty(stream_output(&server->stream), 'H');
    server_expect(server, 'S', false, sink);
    server->sync_owed = true;
}

void server_send_held_sync(struct server *server)
{
    if (!server->sync_owed)
        return;
    server->sync_owed = false;
    wire_empty(stream_output(&server->stream), 'S');
    stream_wrote(&server->stream);
}

bool server_is_standby(const struct server *server)
{
    const char *standby = PQparameterStatus(server->connection, "in_hot_standby");
    return standby && strcmp(standby, "on") == 0;
}

bool server_is_quiet(const struct server *server)
{
    return server->expected_count == 0;
}

/* A reply of this kind completes the head of the queue if the head is of one of these messages. */
static void expected_pop_if(struct server *server, uint8_t message)
{
    struct expected_reply *head = expected_head(server);
    if (head && head->message == message)
        expected_pop(server);
}

/* Which frames complete which message (PostgreSQL 15 protocol, 55.2.3). */
static void expected_advance(struct server *server, uint8_t reply)
{
    switch (reply) {
    case '1':
        expected_pop_if(server, 'P');
        break;
    case '2':
        expected_pop_if(server, 'B');
        break;
    case '3':
        expected_pop_if(server, 'C');
        break;
    case 'T':
    case 'n':
        expected_pop_if(server, 'D');
        break;
    case 'C':
    case 'I':
    case 's':
        expected_pop_if(server, 'E');
        break;
    case 'Z':
        expected_pop(server);
        break;
    default: /* rows, copy data, notices: the head stays */
        break;
    }
}

/* After an error in extended protocol nothing but Sync is answered. */
static void skip_to_sync(struct server *server)
{
    uint64_t kept = 0;
    while (server->expected_count > 0 && expected_head(server)->message != 'S') {
        struct expected_reply head = *expected_head(server);
        expected_pop(server);
        if (head.number == 0)
            continue;
        if (head.message == 'C') { /* not closed: the server still has it */
            kept = head.number;
            if (!statement_numbers_use(&server->numbers, head.number))
                statement_numbers_add(&server->numbers, head.number, SIZE_MAX);
            continue;
        }
        if (!head.swallow && head.sink == NULL && server->client)
            client_parse_failed(server->client, head.number);
        if (head.number != kept) {
            statement_numbers_remove(server->numbers, head.number);
            server->unnamed = server->unnamed == head.number ? 0 : server->unnamed;
        }
    }
}

/* --- reading ------------------------------------------------------------------------------------------------- */

enum frame_way {
    WAY_FORWARD,
    WAY_DROP,
    WAY_TAKEN,  /* a sink had it */
    WAY_LATER,  /* a sink wants it offered again */
    WAY_BROKEN, /* nothing of the kind was expected */
};

static bool may_pass_in_parts(const struct server *server, uint8_t type)
{
    const struct expected_reply *head = expected_head(server);
    return (type == 'D' || type == 'd') && head && head->sink == NULL;
}

static enum frame_way to_sink(struct server *server, struct reply_sink *sink, const struct frame *frame)
{
    return sink->frame(sink, server, frame) == SINK_TAKEN ? WAY_TAKEN : WAY_LATER;
}

/* A FATAL error announces the end of the connection: it is told to the client when that comes. */
static bool is_fatal(const struct frame *frame, struct wire_fields *fields)
{
    return wire_read_fields(frame, fields) && fields->severity &&
           (strcmp(fields->severity, "FATAL") == 0 || strcmp(fields->severity, "PANIC") == 0);
}

static enum frame_way error_way(struct server *server, const struct frame *frame)
{
    struct wire_fields fields = {0};
    if (is_fatal(frame, &fields) || server->expected_count == 0) {
        server->retire = true;
        free(server->last_words);
        server->last_words = fields.message ? memory_strdup(fields.message) : NULL;
        return WAY_DROP;
    }
    struct expected_reply head = *expected_head(server);
    enum frame_way way = WAY_FORWARD;
    if (head.sink) {
        way = to_sink(server, head.sink, frame);
        if (way == WAY_LATER)
            return way;
    } else if (head.swallow && head.message == 'Q') {
        log_line(LOG_WARNING, "server %llu: %s", (unsigned long long) server->id, fields.message ? fields.message : "");
        server->retire = server->spoiled = true;
        way = WAY_DROP;
    }
    bool copying = server->copy_in;
    server->copy_in = false;
    if (head.message != 'Q') {
        skip_to_sync(server);
        server->skips = server->unsynced && server->expected_count == 0;
        if (copying && server->sync_owed && server->client) /* it will end its COPY, and send a Sync behind that */
            server->client->drop_sync = true;
        server_send_held_sync(server);
    }
    return way;
}

static enum frame_way frame_way(struct server *server, const struct frame *frame)
{
    if (frame->type == 'E')
        return error_way(server, frame);
    struct expected_reply *head = expected_head(server);
    if (head == NULL) { /* between statements: parameters changed by a reload, notifications, warnings of a shutdown */
        if (frame->type == 'A' && server->client)
            return WAY_FORWARD;
        return frame->type == 'S' || frame->type == 'N' || frame->type == 'A' ? WAY_DROP : WAY_BROKEN;
    }
    struct expected_reply taken = *head;
    if (frame->type == 'Z') {
        if (taken.message != 'Q' && taken.message != 'S') { /* sent after an error and ignored */
            skip_to_sync(server);
            if (expected_head(server) == NULL)
                return WAY_BROKEN;
            taken = *expected_head(server);
        }
        if (frame->body_length != 1)
            return WAY_BROKEN;
        server->status = (char) frame->body[0];
        server->cancel_again = false; /* what that was for has ended */
    }
    if (frame->type == 'G') {
        server->copy_in = true;
        if (server->client) /* its CopyData is awaited now */
            stream_resume(&server->client->stream);
    }
    if (frame->type == 'C')
        server->copy_in = false;
    if (taken.sink) {
        enum frame_way way = to_sink(server, taken.sink, frame);
        if (way == WAY_TAKEN && frame->type != 'Z')
            expected_advance(server, frame->type);
        return way;
    }
    expected_advance(server, frame->type);
    return taken.swallow ? WAY_DROP : WAY_FORWARD;
}

static void forward(struct server *server, const uint8_t *bytes, size_t length)
{
    if (length > 0 && server->client && !client_send(server->client, bytes, length))
        stream_pause(&server->stream);
}

static void server_broken(struct server *server, const char *reason)
{
    log_line(LOG_WARNING, "server %llu: %s", (unsigned long long) server->id, reason);
    struct error error = {0};
    error_set(&error, SQLSTATE_CONNECTION_FAILURE, "the connection to a shard was lost");
    error_detail(&error, "%s", server->last_words ? server->last_words : reason);
    server_lose(server, &error);
    error_clear(&error);
}

/* One whole frame, `run` bytes of forwarded frames before it still unsent.  Returns false when the walk must stop. */
struct walk {
    const uint8_t *bytes;
    size_t at, run, length;
};

static void walk_flush(struct server *server, struct walk *walk)
{
    forward(server, walk->bytes + walk->run, walk->at - walk->run);
    walk->run = walk->at;
}

static bool walk_frame(struct server *server, struct walk *walk, const struct frame *frame)
{
    const struct expected_reply *head = expected_head(server);
    bool for_sink = head && head->sink;
    if (for_sink)
        walk_flush(server, walk);
    switch (frame_way(server, frame)) {
    case WAY_FORWARD:
        walk->at += frame->total;
        if (frame->type != 'Z')
            return true;
        walk_flush(server, walk);
        client_reply_done(server->client, server);
        return !server->stream.closed && server->state != SERVER_MOVING;
    case WAY_DROP:
        walk_flush(server, walk);
        walk->at = walk->run = walk->at + frame->total;
        if (frame->type == 'Z' && server->state == SERVER_CLEANING && server_is_quiet(server))
            server_cleaned(server);
        return !server->stream.closed && server->state != SERVER_MOVING;
    case WAY_TAKEN:
        walk->at = walk->run = walk->at + frame->total;
        return !server->stream.closed && server->state != SERVER_MOVING;
    case WAY_LATER:
        stream_pause(&server->stream);
        return false;
    case WAY_BROKEN:
        server_broken(server, "it sent a message that nothing asked for");
        return false;
    }
    return false;
}

static bool walk_step(struct server *server, struct walk *walk)
{
    size_t left = walk->length - walk->at;
    if (server->passing > 0) {
        size_t part = server->passing < left ? server->passing : left;
        server->passing -= part;
        walk->at += part;
        if (server->passing_drop)
            walk->run = walk->at;
        return true;
    }
    struct frame frame;
    switch (wire_scan(walk->bytes + walk->at, left, LARGEST_SERVER_FRAME, &frame)) {
    case WIRE_FRAME:
        return walk_frame(server, walk, &frame);
    case WIRE_HEAD:
        if (!may_pass_in_parts(server, frame.type))
            return false;
        server->passing_drop = expected_head(server)->swallow;
        if (server->passing_drop)
            walk_flush(server, walk);
        server->passing = frame.total;
        return true;
    case WIRE_PARTIAL:
        return false;
    case WIRE_BAD:
        server_broken(server, "it sent a message of impossible length");
        return false;
    }
    return false;
}

static size_t server_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct server *server = stream->context;
    struct walk walk = {bytes, 0, 0, length};
    while (walk.at < walk.length && walk_step(server, &walk))
        ;
    if (!stream->closed && server->state != SERVER_MOVING) {
        walk_flush(server, &walk);
        if (server->client && server_is_quiet(server))
            client_replies_done(server->client);
    }
    return walk.at;
}

static void server_drained(struct stream *stream)
{
    struct server *server = stream->context;
    if (server->client)
        client_server_drained(server->client);
}

static void server_ended(struct stream *stream, const char *reason)
{
    server_broken(stream->context, reason);
}

const struct stream_owner server_stream_owner = {
    .input = server_input, .drained = server_drained, .ended = server_ended};

void server_resume(struct server *server)
{
    stream_resume(&server->stream);
}

void server_query(struct server *server, const char *sql, size_t length, struct reply_sink *sink)
{
    wire_query(stream_output(&server->stream), sql, length);
    server_expect(server, 'Q', sink == NULL, sink);
    stream_wrote(&server->stream);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

static void server_free(void *memory)
{
    struct server *server = memory;
    if (server->connection)
        PQfinish(server->connection);
    free(server->expected);
    free(server->last_words);
    statement_numbers_free(&server->numbers);
    free(server);
}

/* Where libpq still may speak, it says so itself. */
static void say_terminate(struct server *server)
{
    static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
    if (!stream_speaks_for_borrowed_tls(&server->stream))
        return;
    stream_write(&server->stream, terminate, sizeof(terminate));
    stream_flush(&server->stream);
}

void server_close(struct server *server, const char *reason)
{
    if (server->state == SERVER_CLOSED)
        return;
    struct worker *worker = server->worker;
    log_line(LOG_DEBUG, "server %llu closed: %s", (unsigned long long) server->id, reason);
    server_login_stop(server);
    say_terminate(server);
    stream_close(&server->stream);
    pool_forget(server);
    server->state = SERVER_CLOSED;
    session_release(worker_state(worker)->sessions, server->applied);
    server->applied = NULL;
    if (server->cancels == 0)
        worker_defer_free(worker, server_free, server);
}

/* The distinct sinks of the queue, in order: each is told once. */
static unsigned distinct_sinks(const struct server *server, struct reply_sink **sinks)
{
    unsigned count = 0;
    for (unsigned i = 0; i < server->expected_count; i++) {
        struct reply_sink *sink = expected_at(server, i)->sink;
        bool known = sink == NULL;
        for (unsigned k = 0; k < count; k++)
            known |= sinks[k] == sink;
        if (!known)
            sinks[count++] = sink;
    }
    return count;
}

void server_lose(struct server *server, const struct error *error)
{
    if (server->state == SERVER_CLOSED)
        return;
    struct reply_sink **sinks = memory_alloc((server->expected_count + 1) * sizeof(struct reply_sink *));
    unsigned count = distinct_sinks(server, sinks);
    struct client *client = server->client;
    bool in_frame = server->passing > 0 && !server->passing_drop;
    server_close(server, error->message);
    for (unsigned i = 0; i < count; i++)
        sinks[i]->lost(sinks[i], server, error);
    free(sinks);
    if (client)
        client_server_lost(client, server, error, in_frame);
}

/* --- coming back --------------------------------------------------------------------------------------------- */

static void run_cleaning(struct server *server, const char *sql)
{
    server->state = SERVER_CLEANING;
    server_query(server, sql, strlen(sql), NULL);
}

static void forget_session_state(struct server *server)
{
    session_release(worker_state(server->worker)->sessions, server->applied);
    server->applied = NULL;
    statement_numbers_free(&server->numbers);
    server->unnamed = 0;
    server->pinned = server->holds = false;
}

void server_cleaned(struct server *server)
{
    if (server->cancels > 0) {
        server->state = SERVER_CLEANING; /* a late cancel must not hit the next client's statement */
    } else if (server->retire || server->status != 'I' || pool_is_outdated(server)) {
        server_close(server, "its time is over");
    } else if (server->pinned || server->holds) {
        const char *reset = worker_state(server->worker)->settings->server_reset_query;
        forget_session_state(server);
        if (reset)
            run_cleaning(server, reset);
        else
            server_close(server, "it kept a client's state and there is no server_reset_query");
    } else {
        pool_offer(server);
    }
}

void server_release(struct server *server)
{
    server->client = NULL;
    server->joined = server->wrote = server->bringing = false;
    if (server->state == SERVER_CLOSED)
        return;
    if (!server_is_quiet(server) || server->unsynced || server->copy_in || server->passing > 0) {
        server_cancel(server); /* by itself a PostgreSQL notices only when it has something to say */
        server_close(server, "its client left in the middle of a statement");
    } else if (server->status != 'I' && !server->retire)
        run_cleaning(server, "ROLLBACK");
    else
        server_cleaned(server);
}

void server_arrive(struct server *server, struct worker *worker, struct session_parcel *applied)
{
    server->worker = worker;
    server->applied = session_unpack(worker_state(worker)->sessions, applied);
    stream_attach(&server->stream, worker);
}

/* --- cancelling ---------------------------------------------------------------------------------------------- */

struct cancel_job {
    struct blocking_job job;
    struct server *server;
    PGcancel *cancel;
};

static void cancel_work(struct blocking_job *job)
{
    struct cancel_job *cancel = (struct cancel_job *) job;
    char message[256];
    if (!PQcancel(cancel->cancel, message, sizeof(message)))
        log_line(LOG_WARNING, "a cancel request failed: %s", message);
}

static void cancel_finish(struct blocking_job *job)
{
    struct cancel_job *cancel = (struct cancel_job *) job;
    struct server *server = cancel->server;
    if (server->cancel_again && (server->state == SERVER_CLOSED || !server_is_quiet(server))) {
        server->cancel_again = false;
        blocking_submit(job);
        return;
    }
    PQfreeCancel(cancel->cancel);
    free(cancel);
    if (--server->cancels > 0)
        return;
    if (server->state == SERVER_CLOSED)
        worker_defer_free(server->worker, server_free, server);
    else if (server->state == SERVER_CLEANING && server_is_quiet(server))
        server_cleaned(server);
    else if (server->client)
        run_cancelled(server->client);
}

void server_cancel(struct server *server)
{
    server->cancel_wanted = bring_precedes(server);
    if (server->cancel_wanted)
        return;
    /* However many ask meanwhile, one more is enough: it sees all that ran when they asked. */
    if (server->cancels > 0) {
        server->cancel_again |= server->state != SERVER_CLOSED;
        return;
    }
    PGcancel *cancel = server->state == SERVER_CLOSED ? NULL : PQgetCancel(server->connection);
    if (cancel == NULL)
        return;
    struct cancel_job *job = memory_alloc(sizeof(*job));
    job->job.worker = server->worker;
    job->job.work = cancel_work;
    job->job.finish = cancel_finish;
    job->server = server;
    job->cancel = cancel;
    server->cancels++;
    blocking_submit(&job->job);
}
