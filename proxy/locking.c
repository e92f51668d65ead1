/*
 * Each shard is an input whose rows of both steps are held.  One merge counts what was seen, another one sends what was locked.
 */
#include "proxy/locking.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/data_row.h"

enum {
    ATTEMPTS = 100, /* each of them has waited for another one's change */
    ATTEMPTS_SKIPPING = 10,
    HELD_BYTES = 64 * 1024 * 1024,
};

#define SAVEPOINT "SAVEPOINT keyway_lock"
#define LET_GO "ROLLBACK TO SAVEPOINT keyway_lock"
#define KEEP "RELEASE SAVEPOINT keyway_lock"

enum locking_step { STEP_LOOK, STEP_LOCK };

/* Rows as they came: Int32 length and the body of a DataRow, one behind the other. */
struct held_rows {
    struct buffer bytes;
    int64_t count;
};

struct locking_input {
    struct reply_sink sink; /* first: the sink is the input */
    struct locking *locking;
    struct server *server;  /* NULL: lost */
    bool ready;             /* ReadyForQuery has come */
    struct held_rows seen, locked;
    int64_t taken;          /* of the rows seen, those among the first of all */
    size_t next;            /* while rows are merged: where its next one begins */
};

struct locking {
    struct run *run;
    struct arena arena;
    const struct plan *plan; /* the run's */
    enum locking_step step;
    bool waits; /* for answers */
    int attempt;
    int64_t offset, limit, wanted; /* wanted: rows to be locked, of all shards */
    struct locking_input *inputs;
    int count;
    struct buffer description; /* a RowDescription's body, hidden columns included */
    struct merge_column *columns;
    int column_count;
    size_t bytes; /* held */
    struct error error;
};

static enum sink_answer input_frame(struct reply_sink *sink, struct server *server, const struct frame *frame);
static void input_lost(struct reply_sink *sink, struct server *server, const struct error *error);

/* --- the end ------------------------------------------------------------------------------------------------- */

static void forget_rows(struct locking *locking)
{
    for (int i = 0; i < locking->count; i++) {
        buffer_free(&locking->inputs[i].seen.bytes);
        buffer_free(&locking->inputs[i].locked.bytes);
        locking->inputs[i].seen.count = locking->inputs[i].locked.count = 0;
    }
    locking->bytes = 0;
}

void locking_free(struct locking *locking)
{
    if (locking == NULL)
        return;
    forget_rows(locking);
    buffer_free(&locking->description);
    error_clear(&locking->error);
    arena_free(&locking->arena);
    free(locking);
}

static void leave(struct locking *locking)
{
    locking->run->locking = NULL;
    locking_free(locking);
}

/* Between two steps of the run. */
static void over(struct locking *locking, bool failed)
{
    struct client *client = locking->run->client;
    leave(locking);
    run_fanout_done(client, failed);
}

/* In the client's own transaction a late cancel could hit its next statement: there the others run to their end. */
static void fail(struct locking *locking, const struct error *error)
{
    if (error_is_set(&locking->error))
        return;
    error_copy(&locking->error, error);
    for (int i = 0; i < locking->count; i++)
        if (!locking->inputs[i].ready && locking->inputs[i].server && locking->run->client->transaction.kind != TRANSACTION_EXPLICIT)
            server_cancel(locking->inputs[i].server);
}

static void fail_with(struct locking *locking, const char *sqlstate, const char *message)
{
    struct error error = {0};
    error_set(&error, sqlstate, "%s", message);
    fail(locking, &error);
    error_clear(&error);
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

static void hold_row(struct locking_input *input, const struct frame *frame)
{
    struct locking *locking = input->locking;
    struct held_rows *rows = locking->step == STEP_LOOK ? &input->seen : &input->locked;
    uint32_t length = (uint32_t) frame->body_length;
    if (error_is_set(&locking->error))
        return;
    locking->bytes += sizeof length + length;
    if (locking->bytes > HELD_BYTES) {
        struct error error = {0};
        error_set(&error, SQLSTATE_PROGRAM_LIMIT, "too many rows are to be locked in the order of several shards");
        error_detail(&error, "They are held until it is known that they are the right ones, up to 64 MB.");
        error_hint(&error, "Give a smaller LIMIT, or none: then all rows are locked.");
        fail(locking, &error);
        error_clear(&error);
        return;
    }
    buffer_append(&rows->bytes, &length, sizeof length);
    buffer_append(&rows->bytes, frame->body, length);
    rows->count++;
}

static bool next_row(const struct held_rows *rows, size_t *at, const uint8_t **row, size_t *length)
{
    uint32_t bytes;
    if (*at == buffer_length(&rows->bytes))
        return false;
    memcpy(&bytes, buffer_data(&rows->bytes) + *at, sizeof bytes);
    *row = buffer_data(&rows->bytes) + *at + sizeof bytes;
    *length = bytes;
    *at += sizeof bytes + bytes;
    return true;
}

static bool read_description(struct locking *locking, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    int count = read_int16(&reader);
    if (count < locking->plan->hidden)
        return false;
    locking->columns = arena_alloc_array(&locking->arena, (size_t) count, sizeof *locking->columns);
    locking->column_count = count;
    for (int i = 0; i < count && !reader.failed; i++) {
        read_string(&reader);
        read_bytes(&reader, 6); /* table and column */
        locking->columns[i].type = (uint32_t) read_int32(&reader);
        read_bytes(&reader, 6); /* size, modifier */
        locking->columns[i].format = read_int16(&reader);
    }
    buffer_append(&locking->description, frame->body, frame->body_length);
    return reader_done(&reader);
}

static void describe(struct locking *locking, const struct frame *frame)
{
    if (locking->columns == NULL && !read_description(locking, frame))
        fail_with(locking, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent a malformed RowDescription");
}

static struct merge *new_merge(struct locking *locking, int hidden, int64_t offset, int64_t limit, struct error *error)
{
    const struct plan *plan = locking->plan;
    const struct merge_shape shape = {.keys = plan->sort_keys,
                                      .key_count = plan->sort_key_count,
                                      .columns = locking->columns,
                                      .column_count = locking->column_count,
                                      .hidden = hidden,
                                      .offset = offset,
                                      .limit = limit,
                                      .inputs = locking->count};
    for (int i = 0; i < locking->count; i++)
        locking->inputs[i].next = 0;
    return merge_new(&shape, error);
}

static bool feed(struct locking *locking, struct merge *merge, struct error *error)
{
    const uint8_t *row;
    size_t length;
    for (int i = 0; i < locking->count; i++) {
        struct locking_input *input = &locking->inputs[i];
        if (!merge_wants(merge, i))
            continue;
        if (!next_row(locking->step == STEP_LOOK ? &input->seen : &input->locked, &input->next, &row, &length))
            merge_end_input(merge, i);
        else if (!merge_push(merge, i, row, length, error))
            return false;
    }
    return true;
}

/* The next row of all; false: there is none, or an error. */
static bool merged_row(struct locking *locking, struct merge *merge, const uint8_t **row, size_t *length, struct error *error)
{
    enum merge_step step;
    while ((step = merge_next(merge, row, length)) == MERGE_WAIT)
        if (!feed(locking, merge, error))
            return false;
    return step == MERGE_ROW;
}

/* How many of each shard's rows are among the first of all. */
static void count_rows(struct locking *locking, struct error *error)
{
    const uint8_t *row;
    size_t length;
    struct merge *merge = new_merge(locking, 0, 0, locking->wanted, error);
    for (int i = 0; i < locking->count; i++)
        locking->inputs[i].taken = 0;
    while (merge && merged_row(locking, merge, &row, &length, error))
        locking->inputs[merge_source(merge)].taken++;
    merge_free(merge);
}

/* --- were the right rows locked? ----------------------------------------------------------------------------- */

static bool same_keys(const struct locking *locking, const struct field *left, const struct field *right)
{
    for (int i = 0; i < locking->plan->sort_key_count; i++) {
        const struct field *one = &left[locking->plan->sort_keys[i].column], *other = &right[locking->plan->sort_keys[i].column];
        if (one->length != other->length || (one->length > 0 && memcmp(one->bytes, other->bytes, (size_t) one->length) != 0))
            return false;
    }
    return true;
}

/* In every place of the order a row with the same keys: whatever was not seen comes behind them. */
static bool is_as_seen(const struct locking_input *input, struct field *left, struct field *right)
{
    const struct locking *locking = input->locking;
    struct error error = {0};
    size_t seen_at = 0, locked_at = 0, seen_length, locked_length;
    const uint8_t *seen, *locked;
    bool same = input->locked.count == input->taken;
    for (int64_t i = 0; i < input->taken && same; i++)
        same = next_row(&input->seen, &seen_at, &seen, &seen_length) && next_row(&input->locked, &locked_at, &locked, &locked_length) &&
               data_row_read(seen, seen_length, left, locking->column_count, &error) &&
               data_row_read(locked, locked_length, right, locking->column_count, &error) && same_keys(locking, left, right);
    error_clear(&error);
    return same;
}

static bool all_as_seen(struct locking *locking)
{
    struct field *left = arena_alloc_array(&locking->arena, (size_t) locking->column_count, sizeof *left);
    struct field *right = arena_alloc_array(&locking->arena, (size_t) locking->column_count, sizeof *right);
    for (int i = 0; i < locking->count; i++)
        if (!is_as_seen(&locking->inputs[i], left, right))
            return false;
    return true;
}

/* --- the answer ---------------------------------------------------------------------------------------------- */

/* RowDescription without the hidden columns at its end. */
static void send_description(const struct locking *locking)
{
    const struct run *run = locking->run;
    int visible = locking->column_count - locking->plan->hidden;
    struct reader reader = {buffer_data(&locking->description), buffer_data(&locking->description) + buffer_length(&locking->description), false};
    read_int16(&reader);
    const uint8_t *columns = reader.at;
    for (int i = 0; i < visible; i++) {
        read_string(&reader);
        read_bytes(&reader, 18); /* table, column, type, size, modifier, format */
    }
    struct buffer *out = client_output(run->client);
    size_t mark = wire_begin(out, 'T');
    wire_put_int16(out, (int16_t) visible);
    wire_put_bytes(out, columns, (size_t) (reader.at - columns));
    wire_end(out, mark);
}

static void answer(struct locking *locking, bool described, struct error *error)
{
    struct client *client = locking->run->client;
    const uint8_t *row;
    size_t length;
    uint64_t rows = 0;
    char tag[32];
    struct merge *merge = new_merge(locking, locking->plan->hidden, locking->offset, locking->limit, error);
    if (merge && described)
        send_description(locking);
    for (; merge && merged_row(locking, merge, &row, &length, error); rows++)
        wire_message(client_output(client), 'D', row, length);
    merge_free(merge);
    if (!error_is_set(error)) {
        snprintf(tag, sizeof tag, "SELECT %" PRIu64, rows);
        wire_complete(client_output(client), tag);
    }
    client_wrote(client);
}

/* --- asking -------------------------------------------------------------------------------------------------- */

static void tell_all(struct locking *locking, const char *sql)
{
    for (int i = 0; i < locking->count; i++)
        server_query(locking->inputs[i].server, sql, strlen(sql), NULL);
}

static const char *text_that_locks(struct locking *locking, int64_t rows)
{
    const struct locking_steps *steps = locking->plan->locking;
    return arena_printf(&locking->arena, "%s%" PRId64 "%s", steps->before, rows, steps->behind);
}

static void ask(struct locking *locking, const struct execution *execution)
{
    bool look_locks = locking->plan->locking->skips && locking->attempt > 1;
    locking->waits = true;
    for (int i = 0; i < locking->count; i++) {
        struct locking_input *input = &locking->inputs[i];
        const char *text = locking->step == STEP_LOCK ? text_that_locks(locking, input->taken)
                           : look_locks               ? text_that_locks(locking, locking->wanted)
                                                      : locking->plan->locking->look;
        input->ready = false;
        execution_send(execution, locking->run, input->server, text, locking->plan->hidden, NULL, &input->sink);
    }
}

static void look(struct locking *locking, const struct execution *execution)
{
    locking->step = STEP_LOOK;
    locking->attempt++;
    forget_rows(locking);
    ask(locking, execution);
}

enum run_step locking_begin(struct run *run, const struct execution *execution, const struct route *route)
{
    struct locking *locking = memory_alloc(sizeof *locking);
    locking->run = run;
    locking->plan = execution->plan;
    locking->offset = route->offset;
    locking->limit = route->limit;
    locking->wanted = route->limit == 0                          ? 0 /* nothing is read at all */
                      : route->limit > INT64_MAX - route->offset ? INT64_MAX
                                                                 : route->limit + route->offset;
    locking->inputs = arena_alloc_array(&locking->arena, (size_t) shard_set_count(&route->shards), sizeof *locking->inputs);
    for (struct server *server = run->client->servers; server; server = server->next_lent)
        if (shard_set_has(&route->shards, server->pool->shard))
            locking->inputs[locking->count++] =
                (struct locking_input){.sink = {input_frame, input_lost}, .locking = locking, .server = server};
    run->locking = locking;
    run->client->view->counters.multi_count++;
    tell_all(locking, SAVEPOINT);
    look(locking, execution);
    return STEP_BUSY;
}

static enum run_step deliver(struct locking *locking, const struct execution *execution)
{
    struct error error = {0};
    tell_all(locking, KEEP);
    answer(locking, execution->statement == NULL || execution->described, &error);
    if (error_is_set(&error))
        client_error(locking->run->client, &error);
    bool failed = error_is_set(&error);
    error_clear(&error);
    leave(locking);
    return failed ? STEP_FAILED : STEP_DONE;
}

static enum run_step give_up(struct locking *locking)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    error_detail(&error, "The rows that were to be locked on several shards have changed each of %d times.", ATTEMPTS);
    client_error(locking->run->client, &error);
    error_clear(&error);
    leave(locking);
    return STEP_FAILED;
}

enum run_step locking_go_on(struct run *run, const struct execution *execution)
{
    struct locking *locking = run->locking;
    if (locking->step == STEP_LOOK) {
        if (locking->plan->locking->skips && locking->attempt > 1)
            tell_all(locking, LET_GO);
        locking->step = STEP_LOCK;
        ask(locking, execution);
        return STEP_BUSY;
    }
    bool skips = locking->plan->locking->skips;
    if (all_as_seen(locking) || (skips && locking->attempt == ATTEMPTS_SKIPPING)) /* others are faster each time: these are free, too */
        return deliver(locking, execution);
    if (locking->attempt == ATTEMPTS)
        return give_up(locking);
    tell_all(locking, LET_GO);
    look(locking, execution);
    return STEP_BUSY;
}

/* --- answers ------------------------------------------------------------------------------------------------- */

static bool all_ready(const struct locking *locking)
{
    for (int i = 0; i < locking->count; i++)
        if (!locking->inputs[i].ready || (locking->inputs[i].server && locking->inputs[i].server->cancels > 0))
            return false;
    return true;
}

static void step_over(struct locking *locking)
{
    struct run *run = locking->run;
    if (!locking->waits || !all_ready(locking))
        return;
    locking->waits = false;
    if (!error_is_set(&locking->error) && locking->columns == NULL)
        fail_with(locking, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent no RowDescription");
    if (!error_is_set(&locking->error) && locking->step == STEP_LOOK)
        count_rows(locking, &locking->error);
    if (!error_is_set(&locking->error)) {
        run_continue(run->client);
        return;
    }
    client_error(run->client, &locking->error);
    over(locking, true);
}

static void take_error(struct locking *locking, const struct frame *frame)
{
    struct error error = {0};
    wire_read_error(frame, &error);
    fail(locking, &error);
    error_clear(&error);
}

static enum sink_answer input_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct locking_input *input = (struct locking_input *) sink;
    struct locking *locking = input->locking;
    switch (frame->type) {
    case 'T':
        describe(locking, frame);
        break;
    case 'D':
        hold_row(input, frame);
        break;
    case 'E':
        take_error(locking, frame);
        break;
    case 'N':
        wire_message(client_output(locking->run->client), 'N', frame->body, frame->body_length);
        client_wrote(locking->run->client);
        break;
    case 'Z':
        server_answered(server);
        input->ready = true;
        step_over(locking);
        break;
    default: /* ParseComplete, BindComplete, CommandComplete */
        break;
    }
    return SINK_TAKEN;
}

static void lose(struct locking_input *input, const struct error *error)
{
    input->server = NULL;
    input->ready = true;
    fail(input->locking, error);
    step_over(input->locking);
}

static void input_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct locking_input *input = (struct locking_input *) sink;
    client_forget_server(input->locking->run->client, server);
    lose(input, error);
}

void locking_forget(struct locking *locking, const struct server *server, const struct error *error)
{
    for (int i = 0; i < locking->count; i++)
        if (locking->inputs[i].server == server) {
            lose(&locking->inputs[i], error);
            return;
        }
}

void locking_cancelled(struct locking *locking)
{
    step_over(locking);
}
