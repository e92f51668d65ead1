/*
 * run_continue() carries out items until one has to wait.  What a statement does to the session is decided in run_statement.c; here
 * are the items of both protocols, the end of a transaction on its shards, and the end of the run.
 */
#include "proxy/run.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/client_shards.h"
#include "proxy/cursor.h"
#include "proxy/evaluate.h"
#include "proxy/gather.h"
#include "proxy/keyway.h"
#include "proxy/locking.h"
#include "proxy/moment.h"
#include "proxy/portal.h"
#include "proxy/query.h"
#include "proxy/run_portal.h"
#include "proxy/run_prepared.h"
#include "proxy/run_statement.h"

static struct worker_state *state_of(const struct client *client)
{
    return worker_state(client->stream.worker);
}

/* --- the end of a run ---------------------------------------------------------------------------------------- */

static void run_free(struct run *run)
{
    if (run->plan)
        plan_release(run->plan);
    locking_free(run->locking);
    evaluate_free(run);
    run_prepared_free(run);
    moment_free(run);
    statement_release(state_of(run->client)->statements, run->typed);
    error_clear(&run->end_error);
    arena_free(&run->arena);
    free(run);
}

void run_abandon(struct client *client)
{
    struct run *run = client->run;
    if (run == NULL)
        return;
    client->run = NULL;
    /* Their servers are still at work: they are closed, so that no reply looks for this run. */
    for (struct server *server = client->servers; server; server = server->next_lent)
        if (!server_is_quiet(server))
            server_drop_replies(server);
    if (run->fanout)
        fanout_abandon(run->fanout);
    if (run->gather)
        gather_free(run->gather);
    run_free(run);
}

bool run_is_synced(const struct run *run)
{
    return run->extended && run->items[run->count - 1].type == 'S';
}

static void run_finish(struct run *run)
{
    struct client *client = run->client;
    bool synced = !run->extended || run_is_synced(run);
    client->skip_to_sync = run->failed && !synced;
    if (synced) {
        wire_ready(client_output(client), transaction_status(client));
        client_wrote(client);
    }
    client->run = NULL;
    run_free(run);
    query_over(client);
}

/* --- ending a transaction ------------------------------------------------------------------------------------ */

static void end_next(struct run *run);

static void keep_end_error(struct run *run, const struct error *error)
{
    if (error_is_set(&run->end_error))
        return;
    error_copy(&run->end_error, error);
    if (run->committed > 0) {
        free(run->end_error.detail);
        run->end_error.detail = NULL;
        error_detail(&run->end_error, "%d shard(s) had already committed their part of the transaction; the rest was rolled back. (%s)",
                     run->committed, error->detail ? error->detail : "");
    }
}

static void end_answered(struct run *run)
{
    if (--run->ending_count == 0)
        end_next(run);
}

static enum sink_answer end_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct run *run = (struct run *) ((char *) sink - offsetof(struct run, end_sink));
    if (frame->type == 'E') {
        struct error error = {0};
        wire_read_error(frame, &error);
        if (run->ending == ENDING_COMMIT) /* a ROLLBACK that a client's cancel has hit is sent again */
            keep_end_error(run, &error);
        error_clear(&error);
    } else if (frame->type == 'C') {
        struct reader reader = reader_of(frame);
        const char *tag = read_string(&reader);
        server->committed = tag && strcmp(tag, "COMMIT") == 0;
    } else if (frame->type == 'N') {
        wire_message(client_output(run->client), 'N', frame->body, frame->body_length);
        client_wrote(run->client);
    } else if (frame->type == 'Z') {
        server_answered(server);
        server->ended = server->status == 'I';
        if (run->ending == ENDING_COMMIT && !run->checking && server->wrote && !error_is_set(&run->end_error))
            run->committed++;
        end_answered(run);
    }
    return SINK_TAKEN;
}

static void end_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct run *run = (struct run *) ((char *) sink - offsetof(struct run, end_sink));
    struct error unknown = {0};
    bool matters = run->ending == ENDING_COMMIT && server->wrote;
    client_forget_server(run->client, server);
    if (matters && run->checking) {
        keep_end_error(run, error);
    } else if (matters) {
        error_set(&unknown, SQLSTATE_TRANSACTION_UNKNOWN, "the connection to a shard was lost while it committed: the outcome is unknown");
        error_detail(&unknown, "%s", error->detail ? error->detail : error->message);
        keep_end_error(run, &unknown);
    }
    error_clear(&unknown);
    end_answered(run);
}

static struct shard_set shards_committed(const struct client *client)
{
    struct shard_set shards = {{0}};
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (server->committed)
            shard_set_add(&shards, server->pool->shard);
    return shards;
}

static void ended(struct run *run)
{
    struct client *client = run->client;
    struct shard_set shards = shards_committed(client);
    bool committed = run->ending == ENDING_COMMIT && !error_is_set(&run->end_error);
    bool load = committed && client->transaction.changes_catalog;
    run->ending = ENDING_NONE;
    transaction_over(client, committed);
    portals_clear(&client->portals, state_of(client)->statements);
    cursors_transaction_over(&client->cursors, &shards);
    if (error_is_set(&run->end_error)) {
        client_error(client, &run->end_error);
        error_clear(&run->end_error);
        run->failed = true;
    } else if (run->end_tag) {
        wire_complete(client_output(client), run->end_tag);
        client_wrote(client);
    }
    run->end_tag = NULL;
    if (load) {
        run->loading = true;
        client_await_load(client);
    } else {
        run_continue(client);
    }
}

static void end_on(struct run *run, struct server *server, const char *sql)
{
    run->ending_count++;
    server_query(server, sql, strlen(sql), &run->end_sink);
}

static bool may_fail_late(const struct client *client)
{
    const struct routing *routing = client->view->state->routing;
    return transaction_writers(client) > 1 && (routing == NULL || catalog_defers(routing->catalog));
}

/* Deferred constraints are checked before the first shard commits: what one of them finds then leaves nothing behind on the others. */
static void check_deferred(struct run *run)
{
    run->checking = true;
    for (struct server *server = run->client->servers; server; server = server->next_lent)
        if (server->joined && !server->ended && server->wrote)
            end_on(run, server, "SET CONSTRAINTS ALL IMMEDIATE");
}

/* Writers commit first and one after another, so that a failure there can still roll back the others. */
static void end_next(struct run *run)
{
    bool commit = run->ending == ENDING_COMMIT && !error_is_set(&run->end_error);
    struct server *server = run->client->servers;
    run->checking = false;
    while (commit && server && !(server->joined && !server->ended && server->wrote))
        server = server->next_lent;
    if (commit && server) {
        end_on(run, server, "COMMIT");
        return;
    }
    for (server = run->client->servers; server; server = server->next_lent)
        if (server->joined && !server->ended)
            end_on(run, server, commit ? "COMMIT" : "ROLLBACK");
    if (run->ending_count == 0)
        ended(run);
}

void run_complete(struct run *run, const char *tag)
{
    struct client *client = run->client;
    if (!run->extended && run->cursor + 1 == run->count && client->transaction.kind == TRANSACTION_IMPLICIT) {
        run->end_tag = arena_strdup(&run->arena, tag);
        return;
    }
    wire_complete(client_output(client), tag);
    client_wrote(client);
}

void run_end_transaction(struct run *run, enum run_ending ending, const char *tag)
{
    run->ending = ending;
    run->end_tag = tag;
    run->committed = 0;
    run->ending_count = 0;
    run->end_sink = (struct reply_sink){end_frame, end_lost};
    if (ending == ENDING_COMMIT && may_fail_late(run->client))
        check_deferred(run);
    if (run->ending_count == 0)
        end_next(run);
}

/* --- extended protocol items --------------------------------------------------------------------------------- */

enum run_step run_fail(struct run *run, struct error *error)
{
    client_error(run->client, error);
    error_clear(error);
    return STEP_FAILED;
}

static enum run_step malformed(struct run *run)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "invalid message format");
    return run_fail(run, &error);
}

static enum run_step answer(struct run *run, uint8_t type)
{
    wire_empty(client_output(run->client), type);
    client_wrote(run->client);
    return STEP_DONE;
}

static enum run_step item_parse(struct run *run, struct reader reader)
{
    struct client *client = run->client;
    struct error error = {0};
    const char *name = read_string(&reader), *sql = read_string(&reader);
    int count = read_int16(&reader);
    if (reader.failed || count < 0 || reader.end - reader.at != 4 * count)
        return malformed(run);
    if (*name && statement_names_find(client->names, name)) {
        error_set(&error, SQLSTATE_DUPLICATE_PREPARED, "prepared statement \"%s\" already exists", name);
        return run_fail(run, &error);
    }
    uint32_t *types = arena_alloc_array(&run->arena, (size_t) count, sizeof(*types));
    for (int i = 0; i < count; i++)
        types[i] = (uint32_t) read_int32(&reader);
    struct statement *statement = query_intern(client, sql, strlen(sql), types, count);
    struct plan *plan = query_statement_plan(client, statement, &error);
    if (plan && client->transaction.failed && !run_allowed_when_failed(plan->statement))
        run_aborted_error(&error);
    if (error_is_set(&error)) {
        statement_release(state_of(client)->statements, statement);
        return run_fail(run, &error);
    }
    statement_names_put(&client->names, state_of(client)->statements, name, statement);
    return answer(run, '1');
}

/* A query, or a change: no statement that begins a transaction, or can be in none. */
static bool is_of_rows(const struct plan *plan)
{
    return plan->statement == STATEMENT_SELECT || plan->statement == STATEMENT_INSERT || plan->statement == STATEMENT_UPDATE ||
           plan->statement == STATEMENT_DELETE || plan->statement == STATEMENT_MERGE_INTO;
}

static enum run_step item_bind(struct run *run, const struct run_item *item)
{
    struct client *client = run->client;
    struct error error = {0};
    struct bind_message bind;
    struct reader reader = {item->body, item->body + item->length, false};
    read_string(&reader);
    const char *name = read_string(&reader);
    struct statement *statement = name ? query_statement(client, name) : NULL;
    if (name && statement == NULL) {
        error_set(&error, SQLSTATE_UNDEFINED_PREPARED, "prepared statement \"%s\" does not exist", name);
        return run_fail(run, &error);
    }
    if (statement == NULL || !query_read_bind(item->body, item->length, statement, &run->arena, &bind))
        return malformed(run);
    struct plan *plan = query_statement_plan(client, statement, &error);
    if (plan && client->transaction.failed && !run_allowed_when_failed(plan->statement))
        run_aborted_error(&error);
    if (error_is_set(&error))
        return run_fail(run, &error);
    struct portal *portal = portal_put(&client->portals, state_of(client)->statements, bind.portal, statement);
    portal->bind = memory_alloc(item->length);
    memcpy(portal->bind, item->body, item->length);
    portal->bind_length = item->length;
    if (run->open && is_of_rows(plan))
        transaction_begin_implicit(client); /* the portal is still there behind the Flush */
    return answer(run, '2');
}

static bool executed_later(const struct run *run, const char *portal)
{
    for (size_t i = run->cursor + 1; i < run->count; i++)
        if (run->items[i].type == 'E' && strcmp((const char *) run->items[i].body, portal) == 0)
            return true;
    return false;
}

/* A portal's description comes with its rows, when its Execute follows in the same batch. */
static enum run_step describe_portal(struct run *run, const char *name)
{
    struct error error = {0};
    struct portal *portal = portal_find(run->client->portals, name);
    if (portal == NULL && cursor_shard(run->client->cursors, name) >= 0)
        return run_describe_cursor(run, name);
    if (portal == NULL) {
        error_set(&error, SQLSTATE_UNDEFINED_CURSOR, "portal \"%s\" does not exist", name);
        return run_fail(run, &error);
    }
    if (executed_later(run, name)) {
        portal->described = true;
        return STEP_DONE;
    }
    return run_describe_portal(run, portal);
}

static enum run_step item_about(struct run *run, const struct run_item *item)
{
    struct client *client = run->client;
    struct reader reader = {item->body, item->body + item->length, false};
    uint8_t kind = read_byte(&reader);
    const char *name = read_string(&reader);
    struct error error = {0};
    if (!reader_done(&reader) || (kind != 'S' && kind != 'P'))
        return malformed(run);
    if (item->type == 'C') {
        if (kind == 'P')
            return run_portal_close(run, name);
        statement_names_remove(client->names, state_of(client)->statements, name);
        return answer(run, '3');
    }
    if (kind == 'P')
        return describe_portal(run, name);
    struct statement *statement = query_statement(client, name);
    if (statement == NULL) {
        error_set(&error, SQLSTATE_UNDEFINED_PREPARED, "prepared statement \"%s\" does not exist", name);
        return run_fail(run, &error);
    }
    return run_describe_statement(run, statement);
}

/* Of a query there are no more rows; anything else cannot be done again (PortalRun() in pquery.c). */
static enum run_step execute_again(struct run *run, const struct portal *portal)
{
    struct error error = {0};
    const struct plan *plan = query_statement_plan(run->client, portal->statement, &error);
    if (plan && plan->statement == STATEMENT_SELECT) {
        wire_complete(client_output(run->client), "SELECT 0");
        client_wrote(run->client);
        return STEP_DONE;
    }
    error_clear(&error);
    error_set(&error, SQLSTATE_NOT_IN_PREREQUISITE_STATE, "portal \"%s\" cannot be run", portal->name);
    return run_fail(run, &error);
}

static void note_executed(struct run *run)
{
    const struct run_item *item = &run->items[run->cursor];
    struct portal *portal =
        item->type == 'E' ? portal_find(run->client->portals, (const char *) item->body) : NULL;
    if (portal) {
        portal->executed = portal->shard < 0;
        portal->described = false; /* that was asked of this Execute */
    }
}

static enum run_step item_execute(struct run *run, struct reader reader)
{
    struct error error = {0};
    const char *name = read_string(&reader);
    int32_t limit = read_int32(&reader);
    if (!reader_done(&reader))
        return malformed(run);
    struct portal *portal = portal_find(run->client->portals, name);
    if (portal == NULL && cursor_shard(run->client->cursors, name) >= 0)
        return run_fetch_cursor(run, name, limit);
    if (portal == NULL) {
        error_set(&error, SQLSTATE_UNDEFINED_CURSOR, "portal \"%s\" does not exist", name);
        return run_fail(run, &error);
    }
    if (portal->executed && !run->client->transaction.failed)
        return execute_again(run, portal);
    return run_execute_portal(run, portal, limit < 0 ? 0 : limit);
}

/* A shard that was lost behind the back of its statement takes the whole transaction along. */
static enum run_ending implicit_ending(struct run *run)
{
    if (run->client->transaction.failed && !run->failed) {
        struct error error = {0};
        error_set(&error, SQLSTATE_CONNECTION_FAILURE, "the connection to a shard was lost");
        error_detail(&error, "The transaction was rolled back on the other shards.");
        run_fail(run, &error);
        run->failed = true;
    }
    return run->failed ? ENDING_ROLLBACK : ENDING_COMMIT;
}

/* Sync ends the implicit transaction. */
static enum run_step item_sync(struct run *run)
{
    if (run->client->transaction.kind != TRANSACTION_IMPLICIT)
        return STEP_DONE;
    run->cursor++; /* the end comes back to what follows */
    run_end_transaction(run, implicit_ending(run), NULL);
    return STEP_BUSY;
}

static enum run_step run_item(struct run *run, const struct run_item *item)
{
    struct reader reader = {item->body, item->body + item->length, false};
    switch (item->type) {
    case 'Q':
        return run_query(run, item);
    case 'P':
        return item_parse(run, reader);
    case 'B':
        return item_bind(run, item);
    case 'D':
    case 'C':
        return item_about(run, item);
    case 'E':
        return item_execute(run, reader);
    case 'S':
        return item_sync(run);
    default: /* Flush */
        return STEP_DONE;
    }
}

/* --- the loop ------------------------------------------------------------------------------------------------ */

static void item_failed(struct run *run)
{
    struct client *client = run->client;
    run->failed = true;
    if (run->gather)
        gather_free(run->gather);
    run->gather = NULL;
    if (client->transaction.kind == TRANSACTION_EXPLICIT)
        client->transaction.failed = true;
}

/* The next item after a failure: none of a Query; of a batch, its Sync. */
static void skip_failed(struct run *run)
{
    while (run->cursor < run->count && !(run->extended && run->items[run->cursor].type == 'S'))
        run->cursor++;
}

/* A statement of several steps must not take the next one as if nobody had asked for its end, nor a Query its next statement. */
static bool is_cancelled(struct run *run)
{
    uint8_t type = run->items[run->cursor].type;
    struct error error = {0};
    if (!run->cancelled || run->failed || (type != 'Q' && type != 'E'))
        return false;
    locking_free(run->locking);
    run->locking = NULL;
    error_set(&error, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    run_fail(run, &error);
    return true;
}

void run_continue(struct client *client)
{
    struct run *run = client->run;
    while (run->cursor < run->count) {
        if (run->failed)
            skip_failed(run);
        if (run->cursor == run->count)
            break;
        if (is_cancelled(run)) {
            item_failed(run);
            run->cursor++;
            continue;
        }
        if (!client_follow_shards(client))
            return;
        switch (run_item(run, &run->items[run->cursor])) {
        case STEP_DONE:
            note_executed(run);
            run->cursor++;
            break;
        case STEP_BUSY:
        case STEP_WAIT:
            return;
        case STEP_AGAIN:
            break;
        case STEP_FAILED:
            item_failed(run);
            run->cursor++;
            break;
        }
    }
    if (client->transaction.kind == TRANSACTION_IMPLICIT && (!run->extended || run->failed)) {
        enum run_ending ending = implicit_ending(run);
        run_end_transaction(run, ending, ending == ENDING_COMMIT ? run->end_tag : NULL);
        return;
    }
    run_finish(run);
}

void run_fanout_done(struct client *client, bool failed)
{
    struct run *run = client->run;
    run->fanout = NULL;
    if (!failed && evaluate_part_done(run)) {
        run_continue(client);
        return;
    }
    if (failed)
        item_failed(run);
    else if (run->closing)
        run_portal_closed(run);
    else
        run_statement_done(run);
    run->closing = NULL;
    note_executed(run);
    run->cursor++;
    if (!failed && run->load_after) {
        run->loading = true;
        client_await_load(client);
    } else {
        run_continue(client);
    }
}

void run_evaluated(struct run *run, struct error *error)
{
    struct client *client = run->client;
    if (error_is_set(error)) {
        run_fail(run, error);
        item_failed(run);
        run->cursor++;
    }
    run_continue(client);
}

void run_gathered(struct run *run, bool failed)
{
    if (failed) {
        item_failed(run);
        run->cursor++;
    }
    run_continue(run->client);
}

void run_drained(struct client *client)
{
    if (client->run && client->run->fanout)
        fanout_drained(client->run->fanout);
}

void run_cancel(struct client *client)
{
    struct run *run = client->run;
    if (run == NULL)
        return;
    run->cancelled = true;
    if (run->gather && run->fanout == NULL)
        gather_cancel(run->gather);
}

void run_cancelled(struct client *client)
{
    if (client->run && client->run->fanout)
        fanout_cancelled(client->run->fanout);
    else if (client->run && client->run->gather)
        gather_cancelled(client->run->gather);
    else if (client->run && client->run->locking)
        locking_cancelled(client->run->locking);
}

void run_loaded(struct client *client)
{
    if (client->run && client->run->loading) {
        client->run->loading = false;
        run_continue(client);
    } else {
        client_retry(client);
    }
}

/* Each statement of a Query becomes an item. */
static void copy_statements(struct run *run, const char *text, const struct statement_span *spans, size_t count)
{
    run->items = arena_alloc_array(&run->arena, count + 1, sizeof(*run->items));
    for (size_t i = 0; i < count; i++)
        run->items[i] = (struct run_item){
            'Q', (const uint8_t *) arena_strndup(&run->arena, text + spans[i].offset, spans[i].length), spans[i].length};
    run->count = count;
    run->several = count > 1;
}

static void split_query(struct run *run, const char *text, size_t length)
{
    struct statement_span *spans;
    size_t count;
    struct error error = {0};
    if (!plan_split_statements(text, length, &run->arena, &spans, &count, &error)) {
        run_fail(run, &error);
        item_failed(run);
        return;
    }
    copy_statements(run, text, spans, count);
    if (count == 0) {
        wire_empty(client_output(run->client), 'I');
        client_wrote(run->client);
    }
}

static void copy_items(struct run *run, const struct run_item *items, size_t count)
{
    size_t executes = 0, binds = 0;
    run->items = arena_alloc_array(&run->arena, count, sizeof(*items));
    run->count = count;
    for (size_t i = 0; i < count; i++) {
        run->items[i] = items[i];
        run->items[i].body = (const uint8_t *) arena_strndup(&run->arena, (const char *) items[i].body, items[i].length);
        executes += items[i].type == 'E';
        binds += items[i].type == 'B';
    }
    run->several = executes > 1;
    run->open = executes + binds > 0 && items[count - 1].type != 'S';
}

static struct run *run_new(struct client *client, bool extended)
{
    struct run *run = memory_alloc(sizeof(*run));
    run->client = client;
    run->extended = extended;
    client->run = run;
    return run;
}

void run_start_query(struct client *client, const char *text, size_t length)
{
    split_query(run_new(client, false), text, length);
    run_continue(client);
}

void run_start_statement(struct client *client, const char *text, size_t length)
{
    struct run *run = run_new(client, false);
    struct statement_span span;
    if (plan_sole_statement(text, length, &span))
        copy_statements(run, text, &span, 1);
    else
        split_query(run, text, length);
    run_continue(client);
}

void run_start_batch(struct client *client, const struct run_item *items, size_t count)
{
    copy_items(run_new(client, true), items, count);
    run_continue(client);
}
