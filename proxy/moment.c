/*
 * The text takes the place of the client's in the run's item, or its statement that of the portal, so that all that follows (values computed first,
 * rows gathered, parts of an INSERT) is about that text alone.  It is of use once: servers prepare it without a name.
 */
#include "proxy/moment.h"

#include <string.h>

#include "proxy/execution.h"
#include "proxy/keyway.h"
#include "proxy/run_prepared.h"
#include "proxy/run_statement.h"
#include "router/moment.h"

#define QUESTION "SELECT pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.now()), 'YYYY-MM-DD HH24:MI:SS.US')"

struct moment {
    struct reply_sink sink; /* first: the sink is this */
    struct run *run;
    size_t item;
    bool written;                /* the item has its text */
    struct statement *statement; /* held; NULL in a Query */
    struct error error;
};

static struct moment *of_item(const struct run *run)
{
    return run->moment && run->moment->item == run->cursor ? run->moment : NULL;
}

bool moment_is_written(const struct run *run)
{
    const struct moment *moment = of_item(run);
    return moment && moment->written;
}

struct statement *moment_statement(const struct run *run)
{
    const struct moment *moment = of_item(run);
    return moment ? moment->statement : NULL;
}

void moment_free(struct run *run)
{
    if (run->moment)
        statement_release(worker_state(run->client->stream.worker)->statements, run->moment->statement);
    run->moment = NULL;
}

/* ---- is it there already? ---- */

bool moment_is_at(struct client *client, const struct plan *plan, int shard)
{
    struct transaction *transaction = &client->transaction;
    if (plan->clock == CLOCK_UNREAD || transaction->kind == TRANSACTION_NONE)
        return true;
    if (!transaction->has_clock) {
        transaction->has_clock = true;
        transaction->clock_shard = shard;
    }
    return transaction->clock_shard == shard;
}

/* A definition keeps now() as it is. */
static bool can_be_written(const struct plan *plan)
{
    switch (plan->statement) {
    case STATEMENT_SELECT:
    case STATEMENT_INSERT:
    case STATEMENT_UPDATE:
    case STATEMENT_DELETE:
    case STATEMENT_MERGE_INTO:
    case STATEMENT_CURSOR:
    case STATEMENT_COPY_OUT:
        return plan->clock != CLOCK_UNREAD;
    default:
        return false;
    }
}

/* The only shard that is asked for it; negative: there are others. */
static int only_shard(const struct plan *plan, const struct route *route)
{
    if (!route)
        return plan->clock == CLOCK_IN_ROWS ? 0 : -1;
    return route->kind == PLAN_SINGLE ? shard_set_next(&route->shards, 0) : -1;
}

bool moment_is_there(const struct run *run, const struct plan *plan, const struct route *route)
{
    if (run->client->transaction.kind == TRANSACTION_NONE || !can_be_written(plan) || moment_is_written(run))
        return true;
    int shard = only_shard(plan, route);
    return shard >= 0 && moment_is_at(run->client, plan, shard);
}

/* ---- the question ---- */

static void take_row(struct moment *moment, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    int16_t count = read_int16(&reader);
    int32_t length = read_int32(&reader);
    struct transaction *transaction = &moment->run->client->transaction;
    const uint8_t *bytes = count == 1 && length > 0 && length < (int32_t) sizeof transaction->moment ? read_bytes(&reader, (size_t) length) : NULL;
    if (!bytes || !reader_done(&reader))
        return;
    memcpy(transaction->moment, bytes, (size_t) length);
    transaction->moment[length] = '\0';
}

static void answered(struct moment *moment)
{
    if (!error_is_set(&moment->error) && !*moment->run->client->transaction.moment)
        error_set(&moment->error, SQLSTATE_PROTOCOL_VIOLATION, "a shard did not tell when its part of the transaction began");
    run_evaluated(moment->run, &moment->error);
}

static enum sink_answer take_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct moment *moment = (struct moment *) sink;
    switch (frame->type) {
    case 'D':
        take_row(moment, frame);
        break;
    case 'E':
        if (!error_is_set(&moment->error))
            wire_read_error(frame, &moment->error);
        break;
    case 'Z':
        server_answered(server);
        answered(moment);
        break;
    default:
        break;
    }
    return SINK_TAKEN;
}

static void server_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct moment *moment = (struct moment *) sink;
    client_forget_server(moment->run->client, server);
    error_clear(&moment->error);
    error_copy(&moment->error, error);
    answered(moment);
}

/* The clock is where it was told first, else where the statement begins. */
static enum run_step ask(struct moment *moment, const struct plan *plan, const struct route *route)
{
    struct client *client = moment->run->client;
    struct server *server;
    if (!client->transaction.has_clock)
        moment_is_at(client, plan, route && route->kind != PLAN_GATHER ? shard_set_next(&route->shards, 0) : 0);
    enum run_step step = run_lend(moment->run, client->transaction.clock_shard, &server);
    if (step != STEP_DONE)
        return step;
    server_query(server, QUESTION, strlen(QUESTION), &moment->sink);
    return STEP_BUSY;
}

/* ---- the text ---- */

static void put_text(struct moment *moment, const struct execution *execution, const char *text)
{
    struct run *run = moment->run;
    const struct statement *statement = execution->statement;
    if (statement) {
        moment->statement = query_intern(run->client, text, strlen(text), statement->types, statement->type_count);
        moment->statement->typed = statement->typed;
        return;
    }
    run->items[run->cursor].body = (const uint8_t *) text;
    run->items[run->cursor].length = strlen(text);
}

enum run_step moment_begin(struct run *run, const struct execution *execution, const struct route *route)
{
    struct client *client = run->client;
    struct moment *moment = of_item(run);
    if (moment == NULL) {
        moment_free(run);
        moment = run->moment = arena_alloc(&run->arena, sizeof *moment);
        *moment = (struct moment){.sink = {take_frame, server_lost}, .run = run, .item = run->cursor};
    }
    if (!*client->transaction.moment)
        return ask(moment, execution->plan, route);
    struct session_facts facts = query_facts(client);
    const char *text =
        moment_write(client->view->state->routing, &facts, run->text, run->text_length, client->transaction.moment, &run->arena);
    if (text)
        put_text(moment, execution, text);
    moment->written = true;
    return STEP_AGAIN;
}
