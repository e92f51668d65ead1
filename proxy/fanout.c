/*
 * Each shard is an input.  A sink's frame() decides by type: descriptions set up the merge, rows feed it,
 * CommandComplete ends the input, ReadyForQuery ends the shard.  When the merge owes no row to an input, that
 * input's stream is paused with the row unread, and resumed when its last row has left.
 */
#include "proxy/fanout.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/keyway.h"
#include "proxy/run.h"
#include "proxy/run_explain.h"
#include "router/copy_binary.h"
#include "router/copy_split.h"

struct fanout_input {
    struct reply_sink sink; /* first: the sink is the input */
    struct fanout *fanout;
    struct server *server;
    int number;
    int answer; /* of EXPLAIN: its number among those expected */
    bool ended; /* no more rows */
    bool ready; /* ReadyForQuery came, or the server is lost */
    bool waiting;
    bool copy_header_seen; /* of a binary COPY TO */
};

struct fanout {
    struct client *client;
    struct arena arena;
    struct fanout_shape shape;
    struct fanout_input *inputs;
    int count, ready_count;
    bool described;      /* the row description has come */
    bool failed;         /* an error was sent to the client */
    bool limit_done;     /* nothing more is wanted: rows are dropped */
    bool copying_in;     /* the client sends rows, until it says that they end */
    bool announced_copy; /* the client was told to send or expect COPY data */
    int copies_ready;    /* shards that are ready for it */
    bool copies_binary;  /* COPY TO of several shards: headers and trailers are theirs … */
    bool copy_header_sent; /* … and the client gets one of each */
    struct copy_split *split;
    int column_count;
    struct merge_column *columns;
    struct merge *merge;
    struct group_merge *groups; /* the merge is theirs */
    struct combine *combine;
    bool counted;
    uint64_t rows;        /* summed from the tags */
    uint64_t merged_rows; /* sent by the merge */
    int turn;             /* of the route's: whose row is sent next */
    int copies_done;
    bool copy_over; /* the client has sent the end of its data */
    char tag[64];
    int tags;
};

static enum sink_answer input_frame(struct reply_sink *sink, struct server *server,
                                    const struct frame *frame);
static void input_lost(struct reply_sink *sink, struct server *server, const struct error *error);

struct fanout *fanout_new(struct client *client, const struct fanout_shape *shape, int count)
{
    struct fanout *fanout = memory_alloc(sizeof(*fanout));
    fanout->client = client;
    fanout->shape = *shape;
    fanout->rows = shape->rows_before;
    fanout->inputs = arena_alloc_array(&fanout->arena, (size_t) count, sizeof(*fanout->inputs));
    return fanout;
}

struct reply_sink *fanout_add(struct fanout *fanout, struct server *server)
{
    const struct fanout_shape *shape = &fanout->shape;
    struct fanout_input *input = &fanout->inputs[fanout->count];
    *input = (struct fanout_input){
        .sink = {input_frame, input_lost}, .fanout = fanout, .server = server, .number = fanout->count};
    if (shape->explanation)
        input->answer = run_explain_shard(fanout->client->run, shape->explanation, server->pool->shard);
    fanout->count++;
    return &input->sink;
}

void fanout_abandon(struct fanout *fanout)
{
    if (fanout->groups)
        group_merge_free(fanout->groups);
    else if (fanout->merge)
        merge_free(fanout->merge);
    if (fanout->combine)
        combine_free(fanout->combine);
    copy_split_free(fanout->split);
    arena_free(&fanout->arena);
    free(fanout);
}

static bool is_merged(const struct fanout *fanout)
{
    const struct route *route = &fanout->shape.route;
    return route->kind == PLAN_MERGE ||
           (route->kind == PLAN_CONCAT && (route->limit >= 0 || route->offset > 0)) ||
           (route->kind == PLAN_CONCAT && fanout->shape.plan && fanout->shape.plan->hidden > 0);
}

/* --- errors
 * -------------------------------------------------------------------------------------------------- */

static void put_copy_end(struct server *server, const char *failure)
{
    struct buffer *out = stream_output(&server->stream);
    if (!server->copy_in)
        return;
    size_t mark = wire_begin(out, failure ? 'f' : 'c');
    if (failure)
        wire_put_string(out, failure);
    wire_end(out, mark);
    server->copy_in = false;
    stream_wrote(&server->stream);
    server_send_held_sync(server);
}

/* The client does not know yet that its COPY has failed, and ends it: the Sync behind that is not for a new batch (55.2.6). */
static void expect_late_sync(struct fanout *fanout)
{
    if (fanout->copying_in)
        fanout->client->drop_sync = fanout->client->run->extended;
    fanout->copying_in = false;
}

static void cancel_others(struct fanout *fanout)
{
    expect_late_sync(fanout);
    for (int i = 0; i < fanout->count; i++)
        if (!fanout->inputs[i].ready && fanout->inputs[i].server) {
            put_copy_end(fanout->inputs[i].server, "another shard failed");
            server_resume(fanout->inputs[i].server); /* what it still sends is dropped */
            /* In the client's own transaction a late cancel could hit its next statement: there the others
             * run to their end. */
            if (fanout->count > 1 && fanout->client->transaction.kind != TRANSACTION_EXPLICIT)
                server_cancel(fanout->inputs[i].server);
        }
}

static void fanout_fail(struct fanout *fanout, const struct error *error)
{
    if (fanout->failed)
        return;
    fanout->failed = true;
    client_error(fanout->client, error);
    cancel_others(fanout);
}

static bool has_client_text(const struct fanout *fanout)
{
    const struct plan *plan = fanout->shape.plan && fanout->shape.plan->inner ? fanout->shape.plan->inner : fanout->shape.plan;
    return !fanout->shape.rewritten && fanout->shape.route.part_count == 0 && !(plan && (plan->shard_text || plan->elsewhere_text));
}

/* The fields but the position: it counts characters of a text that the client has not written (55.8). */
static void send_without_position(struct fanout *fanout, const struct frame *frame)
{
    struct buffer *out = client_output(fanout->client);
    struct reader reader = {frame->body, frame->body + frame->body_length, false};
    size_t mark = wire_begin(out, 'E');
    for (uint8_t code; (code = read_byte(&reader)) != 0 && !reader.failed;) {
        const char *text = read_string(&reader);
        if (text == NULL || code == 'P')
            continue;
        wire_put_byte(out, code);
        wire_put_string(out, text);
    }
    wire_put_byte(out, 0);
    wire_end(out, mark);
}

/* A portal or cursor that is read on does not tell what it is of. */
static bool may_check_sums(const struct plan *plan)
{
    return !plan || plan->checks_sums || (plan->inner && plan->inner->checks_sums) || plan->statement == STATEMENT_CURSOR;
}

static bool is_refusal(const struct fanout *fanout, const struct frame *frame)
{
    struct error error = {0};
    if (!may_check_sums(fanout->shape.plan))
        return false;
    wire_read_error(frame, &error);
    bool refusal = plan_refuses_with(&error);
    if (refusal)
        wire_error(client_output(fanout->client), &error, false);
    error_clear(&error);
    return refusal;
}

static void fanout_fail_with(struct fanout *fanout, const struct frame *frame)
{
    if (fanout->failed)
        return;
    fanout->failed = true;
    if (is_refusal(fanout, frame))
        fanout->client->view->counters.refused_count++;
    else if (has_client_text(fanout))
        wire_message(client_output(fanout->client), 'E', frame->body, frame->body_length);
    else
        send_without_position(fanout, frame);
    client_wrote(fanout->client);
    cancel_others(fanout);
}

/* --- descriptions
 * -------------------------------------------------------------------------------------------- */

/* The description that the shape brings, with the formats of the shard's; false: it has other columns. */
static bool put_given_description(const struct fanout *fanout, struct buffer *out)
{
    const struct fanout_shape *shape = &fanout->shape;
    struct reader reader = {shape->description, shape->description + shape->description_length, false};
    if (read_int16(&reader) != fanout->column_count)
        return false;
    wire_put_int16(out, (int16_t) fanout->column_count);
    for (int i = 0; i < fanout->column_count; i++) {
        wire_put_string(out, read_string(&reader));
        wire_put_int32(out, read_int32(&reader)); /* table */
        wire_put_int16(out, read_int16(&reader)); /* and column */
        uint32_t type = (uint32_t) read_int32(&reader);
        wire_put_int32(out, (int32_t) type);
        wire_put_int16(out, read_int16(&reader)); /* size */
        wire_put_int32(out, read_int32(&reader)); /* modifier */
        read_int16(&reader);
        wire_put_int16(out, fanout->columns[i].format);
        if (reader.failed || type != fanout->columns[i].type)
            return false;
    }
    return true;
}

static void refuse_other_columns(struct error *error)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this query is not supported over gathered rows");
    error_detail(error, "Over temporary tables its columns have other types: it uses whole rows of tables.");
    error_hint(error, "Name the columns.");
}

static void take_given_description(struct fanout *fanout, struct error *error)
{
    struct buffer body = {0};
    if (!put_given_description(fanout, &body))
        refuse_other_columns(error);
    else if (fanout->shape.simple || fanout->shape.described)
        wire_message(client_output(fanout->client), 'T', buffer_data(&body), buffer_length(&body));
    buffer_free(&body);
    client_wrote(fanout->client);
}

/*
 * RowDescription without its hidden trailing columns.  What needs rows of every shard keeps it for the first of them: the client would
 * be woken for it while the others work.
 */
static void send_description(struct fanout *fanout, const struct frame *frame, size_t visible_end,
                             int visible)
{
    if (!fanout->shape.simple && !fanout->shape.described)
        return;
    struct buffer *out = client_output(fanout->client);
    size_t mark = wire_begin(out, 'T');
    wire_put_int16(out, (int16_t) visible);
    wire_put_bytes(out, frame->body + 2, visible_end - 2);
    wire_end(out, mark);
    if (!fanout->merge && !fanout->combine)
        client_wrote(fanout->client);
}

static bool read_description(struct fanout *fanout, const struct frame *frame, int hidden,
                             size_t *visible_end)
{
    struct reader reader = reader_of(frame);
    int count = read_int16(&reader);
    if (count < hidden)
        return false;
    fanout->columns = arena_alloc_array(&fanout->arena, (size_t) count, sizeof(*fanout->columns));
    fanout->column_count = count;
    *visible_end = 2;
    for (int i = 0; i < count && !reader.failed; i++) {
        read_string(&reader);
        read_int32(&reader);
        read_int16(&reader);
        fanout->columns[i].type = (uint32_t) read_int32(&reader);
        read_int16(&reader);
        read_int32(&reader);
        fanout->columns[i].format = read_int16(&reader);
        if (i == count - hidden - 1)
            *visible_end = (size_t) (reader.at - frame->body);
    }
    return reader_done(&reader);
}

static bool set_up_combine(struct fanout *fanout, const struct merge_shape *shape, struct error *error)
{
    const struct plan *plan = fanout->shape.plan;
    if (plan->combine_count != shape->column_count - (plan->ranking_count > 0 ? 0 : shape->hidden)) {
        error_set(error, SQLSTATE_INTERNAL_ERROR, "the shards' partial rows do not have the planned columns");
        return false;
    }
    if (shape->key_count == 0) {
        fanout->combine = combine_new(plan->combine, fanout->columns, fanout->column_count, error);
        return fanout->combine != NULL;
    }
    int64_t most_bytes = worker_state(fanout->client->stream.worker)->settings->gather_max_bytes;
    const struct group_shape groups = {*shape, plan->combine, plan->ranking, plan->ranking_count, most_bytes};
    fanout->groups = group_merge_new(&groups, error);
    fanout->merge = fanout->groups ? group_merge_input(fanout->groups) : NULL;
    return fanout->groups != NULL;
}

static bool set_up_merge(struct fanout *fanout, struct error *error)
{
    const struct plan *plan = fanout->shape.plan;
    const struct route *route = &fanout->shape.route;
    bool combines = route->kind == PLAN_COMBINE, ordered = combines || route->kind == PLAN_MERGE;
    if (!combines && !is_merged(fanout))
        return true;
    const struct merge_shape shape = {
        .keys = ordered ? plan->sort_keys : NULL,
        .key_count = ordered ? plan->sort_key_count : 0,
        .columns = fanout->columns,
        .column_count = fanout->column_count,
        .hidden = plan->hidden,
        .offset = route->offset,
        .limit = route->limit,
        .inputs = fanout->count,
    };
    if (combines)
        return set_up_combine(fanout, &shape, error);
    fanout->merge = merge_new(&shape, error);
    return fanout->merge != NULL;
}

static void take_description(struct fanout *fanout, const struct frame *frame)
{
    struct error error = {0};
    int hidden =
        fanout->shape.plan && fanout->shape.route.kind != PLAN_SINGLE ? fanout->shape.plan->hidden : 0;
    size_t visible_end = 0;
    if (fanout->described || fanout->failed)
        return;
    fanout->described = true;
    if (!read_description(fanout, frame, hidden, &visible_end))
        error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent a malformed RowDescription");
    else if (fanout->shape.description)
        take_given_description(fanout, &error);
    else if (set_up_merge(fanout, &error))
        send_description(fanout, frame, visible_end, fanout->column_count - hidden);
    if (error_is_set(&error))
        fanout_fail(fanout, &error);
    error_clear(&error);
}

/* --- rows
 * ---------------------------------------------------------------------------------------------------- */

static void send_row(struct fanout *fanout, const uint8_t *row, size_t length)
{
    wire_message(client_output(fanout->client), 'D', row, length);
    client_wrote(fanout->client);
    fanout->merged_rows++;
}

static bool client_is_full(const struct fanout *fanout)
{
    return fanout->client->stream.above_high_water;
}

/* Let out what the merge can give; inputs whose row has left go on. */
static void drain_merge(struct fanout *fanout)
{
    const uint8_t *row;
    size_t length;
    struct error error = {0};
    while (!fanout->limit_done && !fanout->failed && !client_is_full(fanout))
        switch (fanout->groups ? group_merge_next(fanout->groups, &row, &length, &error) : merge_next(fanout->merge, &row, &length)) {
        case MERGE_ROW:
            send_row(fanout, row, length);
            break;
        case MERGE_WAIT:
            return;
        case MERGE_DONE:
            fanout->limit_done = true;
            break;
        case MERGE_FAILED:
            fanout_fail(fanout, &error);
            error_clear(&error);
            break;
        }
}

/* Whose rows the client is to have next; a shard that has no more is passed over. */
static bool has_turn(struct fanout *fanout, const struct fanout_input *input)
{
    const struct route *route = &fanout->shape.route;
    for (; fanout->turn < route->turn_count; fanout->turn++)
        for (int i = 0; i < fanout->count; i++) {
            const struct fanout_input *other = &fanout->inputs[i];
            if (other->server && other->server->pool->shard == route->turns[fanout->turn] && !other->ended)
                return other == input;
        }
    return true;
}

static void wake_inputs(struct fanout *fanout, const struct fanout_input *current)
{
    for (int i = 0; i < fanout->count; i++) {
        struct fanout_input *input = &fanout->inputs[i];
        bool wanted = fanout->failed || fanout->limit_done ||
                      (fanout->merge ? merge_wants(fanout->merge, i) : has_turn(fanout, input));
        if (input != current && input->waiting && wanted && !input->ready) {
            input->waiting = false;
            server_resume(input->server);
        }
    }
}

static enum sink_answer merge_row(struct fanout_input *input, const struct frame *frame)
{
    struct fanout *fanout = input->fanout;
    struct error error = {0};
    if (client_is_full(fanout) || !merge_wants(fanout->merge, input->number)) {
        input->waiting = true;
        return SINK_LATER;
    }
    if (merge_push(fanout->merge, input->number, frame->body, frame->body_length, &error)) {
        drain_merge(fanout);
        wake_inputs(fanout, input);
    } else {
        fanout_fail(fanout, &error);
    }
    error_clear(&error);
    return SINK_TAKEN;
}

static enum sink_answer take_row(struct fanout_input *input, const struct frame *frame)
{
    struct fanout *fanout = input->fanout;
    struct error error = {0};
    if (fanout->failed || fanout->limit_done)
        return SINK_TAKEN;
    if (fanout->shape.explanation) {
        explanation_add(fanout->shape.explanation, input->answer, frame->body, frame->body_length);
        return SINK_TAKEN;
    }
    if (fanout->merge)
        return merge_row(input, frame);
    if (fanout->combine) {
        if (!combine_push(fanout->combine, frame->body, frame->body_length, &error))
            fanout_fail(fanout, &error);
        error_clear(&error);
        return SINK_TAKEN;
    }
    if (fanout->shape.route.kind == PLAN_BROADCAST && input->number > 0)
        return SINK_TAKEN;
    if (client_is_full(fanout))
        return SINK_LATER;
    if (!has_turn(fanout, input)) {
        input->waiting = true;
        return SINK_LATER;
    }
    send_row(fanout, frame->body, frame->body_length);
    if (fanout->turn < fanout->shape.route.turn_count) {
        fanout->turn++;
        wake_inputs(fanout, input);
    }
    return SINK_TAKEN;
}

/* --- the end
 * ------------------------------------------------------------------------------------------------- */

static void take_tag(struct fanout_input *input, const struct frame *frame)
{
    struct fanout *fanout = input->fanout;
    struct reader reader = reader_of(frame);
    const char *tag = read_string(&reader);
    uint64_t rows = 0;
    if (tag == NULL || (fanout->shape.route.kind == PLAN_BROADCAST && input->number > 0))
        return;
    if (fanout->tags++ == 0)
        snprintf(fanout->tag, sizeof(fanout->tag), "%s", tag);
    if (merge_tag_count(tag, &rows)) {
        fanout->counted = true;
        fanout->rows += rows;
    }
}

static void end_rows(struct fanout_input *input)
{
    struct fanout *fanout = input->fanout;
    if (input->ended)
        return;
    input->ended = true;
    if (fanout->failed)
        return;
    if (fanout->merge) {
        merge_end_input(fanout->merge, input->number);
        drain_merge(fanout);
    }
    if (fanout->merge || fanout->shape.route.turns)
        wake_inputs(fanout, input);
}

/* The verb of a tag, without its counts: "INSERT 0 3" gives "INSERT 0". */
static void send_tag(struct fanout *fanout, uint64_t rows)
{
    char text[128];
    char *space = strrchr(fanout->tag, ' ');
    if (fanout->counted && fanout->shape.verb) {
        snprintf(text, sizeof(text), "%s %" PRIu64, fanout->shape.verb, rows);
    } else if (fanout->counted && space) {
        *space = '\0';
        snprintf(text, sizeof(text), "%s %" PRIu64, fanout->tag, rows);
    } else {
        snprintf(text, sizeof(text), "%s", fanout->tag);
    }
    run_complete(fanout->client->run, text);
}

static void finish_combine(struct fanout *fanout, struct error *error)
{
    const uint8_t *row;
    size_t length;
    if (combine_finish(fanout->combine, &row, &length, error))
        send_row(fanout, row, length);
}

/* All rows are out and all shards have answered. */
static void fanout_finish(struct fanout *fanout)
{
    struct client *client = fanout->client;
    struct error error = {0};
    uint64_t rows = fanout->rows;
    if (!fanout->failed && fanout->combine) {
        finish_combine(fanout, &error);
        rows = 1;
        if (error_is_set(&error))
            fanout_fail(fanout, &error);
        error_clear(&error);
    }
    if (!fanout->failed && fanout->shape.explanation) {
        explanation_send(fanout->shape.explanation, client_output(client));
        client_wrote(client);
    }
    if (!fanout->failed && fanout->tags > 0 && !fanout->shape.goes_on)
        send_tag(fanout, fanout->merge ? fanout->merged_rows : rows);
    bool failed = fanout->failed;
    fanout_abandon(fanout);
    client->run->rows = rows;
    run_fanout_done(client, failed);
}

/* The merge may hold rows back while the client's output is full. */
static bool merge_is_out(const struct fanout *fanout)
{
    return fanout->merge == NULL || fanout->failed || fanout->limit_done;
}

/* A late cancel must not hit what the server is sent next, be it a ROLLBACK. */
static bool cancels_are_over(const struct fanout *fanout)
{
    for (int i = 0; i < fanout->count; i++)
        if (fanout->inputs[i].server && fanout->inputs[i].server->cancels > 0)
            return false;
    return true;
}

static bool is_finished(const struct fanout *fanout)
{
    return fanout->ready_count == fanout->count && merge_is_out(fanout) && cancels_are_over(fanout);
}

static void check_finished(struct fanout *fanout)
{
    if (is_finished(fanout))
        fanout_finish(fanout);
}

void fanout_forget(struct fanout *fanout, const struct server *server)
{
    bool found = false;
    for (int i = 0; i < fanout->count; i++)
        if (fanout->inputs[i].server == server) {
            fanout->inputs[i].server = NULL;
            found = true;
        }
    if (found)
        check_finished(fanout);
}

void fanout_cancelled(struct fanout *fanout)
{
    check_finished(fanout);
}

static void input_ready(struct fanout_input *input)
{
    input->ready = true;
    input->fanout->ready_count++;
    end_rows(input);
    check_finished(input->fanout);
}

static void input_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct fanout_input *input = (struct fanout_input *) sink;
    struct client *client = input->fanout->client;
    (void) server;
    client_forget_server(client, input->server);
    input->server = NULL; /* before the others are told: it must not be cancelled any more */
    fanout_fail(input->fanout, error);
    input_ready(input);
}

static void relay(struct fanout *fanout, const struct frame *frame)
{
    wire_message(client_output(fanout->client), frame->type, frame->body, frame->body_length);
    client_wrote(fanout->client);
}

/* --- COPY TO --- */

static void begin_copy_out(struct fanout *fanout, const struct frame *frame)
{
    if (fanout->announced_copy || fanout->failed)
        return;
    relay(fanout, frame);
    fanout->announced_copy = true;
    fanout->copies_binary = fanout->count > 1 && frame->body_length > 0 && frame->body[0] == 1;
}

/* The first one has the header before it, as there is one message for both (copyto.c); clients rely on that. */
static void send_binary_row(struct fanout *fanout, const uint8_t *row, size_t length)
{
    struct buffer *out = client_output(fanout->client);
    size_t mark = wire_begin(out, 'd');
    if (!fanout->copy_header_sent)
        wire_put_bytes(out, copy_binary_header, sizeof copy_binary_header);
    wire_put_bytes(out, row, length);
    wire_end(out, mark);
    fanout->copy_header_sent = true;
    client_wrote(fanout->client);
}

static void take_binary_row(struct fanout_input *input, const struct frame *frame)
{
    struct error error = {0};
    const uint8_t *row = frame->body;
    size_t length = frame->body_length;
    if (!copy_binary_row(&input->copy_header_seen, &row, &length))
        error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent binary COPY data without a header");
    else if (length > 0)
        send_binary_row(input->fanout, row, length);
    if (error_is_set(&error))
        fanout_fail(input->fanout, &error);
    error_clear(&error);
}

static enum sink_answer take_copy_row(struct fanout_input *input, const struct frame *frame)
{
    struct fanout *fanout = input->fanout;
    if (client_is_full(fanout))
        return SINK_LATER;
    if (fanout->failed || (input->number > 0 && fanout->shape.route.kind == PLAN_BROADCAST))
        return SINK_TAKEN;
    if (fanout->copies_binary)
        take_binary_row(input, frame);
    else
        relay(fanout, frame);
    return SINK_TAKEN;
}

/* CopyDone: once, when the last shard has sent it. */
static void end_copy_out(struct fanout *fanout, const struct frame *frame)
{
    fanout->copies_done++;
    if (fanout->copies_done < fanout->count || fanout->failed)
        return;
    if (fanout->copies_binary)
        send_binary_row(fanout, copy_binary_trailer, sizeof copy_binary_trailer);
    relay(fanout, frame);
}

/* --- what shards send
 * ------------------------------------------------------------------------------------------ */

/* Every shard waits for data: now the client may send it. */
static void begin_copy(struct fanout *fanout, const struct frame *frame)
{
    if (fanout->shape.route.kind == PLAN_SPLIT)
        fanout->split = copy_split_new(fanout->shape.plan->copy);
    relay(fanout, frame);
    fanout->announced_copy = fanout->copying_in = true;
    stream_resume(&fanout->client->stream);
}

static enum sink_answer input_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct fanout_input *input = (struct fanout_input *) sink;
    struct fanout *fanout = input->fanout;
    bool first = input->number == 0 || fanout->shape.route.kind != PLAN_BROADCAST;
    switch (frame->type) {
    case 'D':
        return take_row(input, frame);
    case 'd':
        return take_copy_row(input, frame);
    case 'T':
        take_description(fanout, frame);
        return SINK_TAKEN;
    case 't':
    case 'n':
        if (!fanout->failed && fanout->shape.described && !fanout->described) {
            fanout->described = frame->type == 'n';
            relay(fanout, frame);
        }
        return SINK_TAKEN;
    case 'C':
        take_tag(input, frame);
        end_rows(input);
        return SINK_TAKEN;
    case 'G':
        fanout->copies_ready++;
        if (fanout->failed)
            put_copy_end(server, "another shard failed");
        else if (fanout->copies_ready == fanout->count)
            begin_copy(fanout, frame);
        return SINK_TAKEN;
    case 'H':
        begin_copy_out(fanout, frame);
        return SINK_TAKEN;
    case 'c':
        end_copy_out(fanout, frame);
        return SINK_TAKEN;
    case 'E':
        fanout_fail_with(fanout, frame);
        return SINK_TAKEN;
    case 'N':
    case 'S':
    case 'I':
    case 's':
        if (!fanout->failed && first)
            relay(fanout, frame);
        return SINK_TAKEN;
    case 'Z':
        server_answered(server);
        input_ready(input);
        return SINK_TAKEN;
    default: /* ParseComplete, BindComplete, CloseComplete of the proxy's own messages */
        return SINK_TAKEN;
    }
}

void fanout_drained(struct fanout *fanout)
{
    if (fanout->merge) {
        drain_merge(fanout);
        wake_inputs(fanout, NULL);
        if (fanout->limit_done && is_finished(fanout)) {
            fanout_finish(fanout);
            return;
        }
    }
    for (int i = 0; i < fanout->count; i++)
        if (!fanout->inputs[i].ready && !fanout->inputs[i].waiting)
            server_resume(fanout->inputs[i].server);
}

/* --- COPY data
 * ----------------------------------------------------------------------------------------------- */

bool fanout_copies(const struct fanout *fanout)
{
    return fanout->announced_copy && !fanout->failed && !fanout->copy_over && fanout->copies_ready == fanout->count;
}

static void copy_row(void *context, int shard, const uint8_t *row, size_t length)
{
    struct fanout *fanout = context;
    for (int i = 0; i < fanout->count; i++) {
        struct server *server = fanout->inputs[i].server;
        if (server == NULL || !server->copy_in || (shard >= 0 && server->pool->shard != shard))
            continue;
        wire_message(stream_output(&server->stream), 'd', row, length);
        if (!stream_wrote(&server->stream))
            stream_pause(&fanout->client->stream);
    }
}

bool fanout_copy_data(struct fanout *fanout, const uint8_t *body, size_t length)
{
    struct error error = {0};
    if (fanout->split == NULL)
        copy_row(fanout, -1, body, length);
    else if (!copy_split_feed(fanout->split, body, length, copy_row, fanout, &error))
        fanout_fail(fanout, &error);
    error_clear(&error);
    return !fanout->client->stream.paused;
}

void fanout_copy_end(struct fanout *fanout, const char *failure)
{
    fanout->copying_in = false;
    struct error error = {0};
    fanout->copy_over = true;
    if (fanout->split && failure == NULL && !copy_split_finish(fanout->split, copy_row, fanout, &error))
        fanout_fail(fanout, &error);
    error_clear(&error);
    for (int i = 0; i < fanout->count; i++)
        if (fanout->inputs[i].server)
            put_copy_end(fanout->inputs[i].server, failure);
}
