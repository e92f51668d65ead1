/*
 * One sink reads the row into the run's arena.  Its server stays lent: in a transaction it has taken part in
 * it.
 */
#include "proxy/evaluate.h"

#include <string.h>

#include "proxy/extended.h"
#include "proxy/query.h"
#include "proxy/run_statement.h"

enum { TYPE_TEXT = 25 }; /* pg_type.dat */

struct evaluating {
    struct reply_sink sink; /* first: the sink is this */
    struct run *run;
    const struct plan *plan;
    size_t item;
    uint64_t routing_version; /* that the plan was made for */
    bool ready;
    struct evaluated row;
    struct error error;
};

static uint64_t routing_version(const struct run *run)
{
    return run->client->view->state->routing->version;
}

const struct evaluated *evaluate_row(const struct run *run, const struct plan *plan)
{
    const struct evaluating *evaluating = run->evaluating;
    return evaluating && evaluating->ready && evaluating->item == run->cursor && evaluating->plan == plan &&
                   evaluating->routing_version == routing_version(run)
               ? &evaluating->row
               : NULL;
}

/* --- the answer
 * ---------------------------------------------------------------------------------------------- */

static bool read_types(struct evaluating *evaluating, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    int count = read_int16(&reader);
    if (count < 0)
        return false;
    uint32_t *types = arena_alloc_array(&evaluating->run->arena, (size_t) count, sizeof(*types));
    for (int i = 0; i < count && !reader.failed; i++) {
        read_string(&reader);
        read_bytes(&reader, 6); /* table and column */
        types[i] = (uint32_t) read_int32(&reader);
        read_bytes(&reader, 8); /* size, modifier, format */
    }
    evaluating->row.types = types;
    evaluating->row.count = count;
    return reader_done(&reader);
}

static bool read_values(struct evaluating *evaluating, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    struct arena *arena = &evaluating->run->arena;
    int count = read_int16(&reader);
    if (count != evaluating->row.count)
        return false;
    const char **values = arena_alloc_array(arena, (size_t) count, sizeof(*values));
    for (int i = 0; i < count && !reader.failed; i++) {
        int32_t length = read_int32(&reader);
        const uint8_t *bytes = length < 0 ? NULL : read_bytes(&reader, (size_t) length);
        values[i] = bytes ? arena_strndup(arena, (const char *) bytes, (size_t) length) : NULL;
    }
    evaluating->row.values = values;
    return reader_done(&reader);
}

static void take_error(struct evaluating *evaluating, const struct frame *frame)
{
    struct wire_fields fields;
    if (error_is_set(&evaluating->error) || !wire_read_fields(frame, &fields))
        return;
    error_set(&evaluating->error, fields.sqlstate ? fields.sqlstate : SQLSTATE_INTERNAL_ERROR, "%s",
              fields.message ? fields.message : "");
    if (fields.detail)
        error_detail(&evaluating->error, "%s", fields.detail);
    if (fields.hint)
        error_hint(&evaluating->error, "%s", fields.hint);
}

static void done(struct evaluating *evaluating, const struct plan *plan)
{
    struct run *run = evaluating->run;
    if (!error_is_set(&evaluating->error) &&
        (!evaluating->row.values || evaluating->row.count != plan->evaluation->count))
        error_set(&evaluating->error, SQLSTATE_PROTOCOL_VIOLATION,
                  "the home shard sent no row of computed values");
    evaluating->ready = !error_is_set(&evaluating->error);
    run_evaluated(run, &evaluating->error);
}

static enum sink_answer take_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct evaluating *evaluating = (struct evaluating *) sink;
    struct run *run = evaluating->run;
    switch (frame->type) {
    case 'T':
        if (!read_types(evaluating, frame))
            evaluating->row.count = -1;
        break;
    case 'D':
        if (!read_values(evaluating, frame))
            evaluating->row.values = NULL;
        break;
    case 'E':
        take_error(evaluating, frame);
        break;
    case 'N':
        wire_message(client_output(run->client), 'N', frame->body, frame->body_length);
        client_wrote(run->client);
        break;
    case 'Z':
        server_answered(server);
        done(evaluating, run->plan);
        break;
    default: /* the answers of Parse and Bind, and the command tag */
        break;
    }
    return SINK_TAKEN;
}

static void server_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct evaluating *evaluating = (struct evaluating *) sink;
    client_forget_server(evaluating->run->client, server);
    error_clear(&evaluating->error);
    error_copy(&evaluating->error, error);
    done(evaluating, evaluating->run->plan);
}

/* --- the question
 * -------------------------------------------------------------------------------------------- */

void evaluate_put_values(struct buffer *out, const struct bind_values *values, const bool *unwanted)
{
    wire_put_int16(out, (int16_t) values->count);
    for (int i = 0; i < values->count; i++)
        wire_put_int16(out, values->values[i].binary);
    wire_put_int16(out, (int16_t) values->count);
    for (int i = 0; i < values->count; i++) {
        const struct bind_value *value = &values->values[i];
        if (value->length < 0 || (unwanted && unwanted[i])) {
            wire_put_int32(out, -1);
            continue;
        }
        wire_put_int32(out, value->length);
        wire_put_bytes(out, value->bytes, (size_t) value->length);
    }
}

static void put_bind(struct buffer *out, const struct bind_values *values, const bool *unwanted)
{
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, "");
    wire_put_string(out, "");
    evaluate_put_values(out, values, unwanted);
    wire_put_int16(out, 0);
    wire_end(out, mark);
}

static void send_extended(struct server *server, const struct plan *plan, const struct statement *statement,
                          const struct bind_values *values, struct arena *arena, struct reply_sink *sink)
{
    const char *sql = plan->evaluation->sql;
    bool *unwanted = arena_alloc_array(arena, (size_t) values->count, sizeof(*unwanted));
    uint32_t *types = arena_alloc_array(arena, (size_t) values->count, sizeof(*types));
    for (int i = 0; i < values->count; i++) {
        unwanted[i] = !plan->evaluation->asks[i];
        types[i] = i < statement->type_count ? statement->types[i] : 0;
        if (types[i] == 0 && unwanted[i])
            types[i] = TYPE_TEXT;
    }
    extended_parse(server, sink, sql, strlen(sql), types, values->count);
    put_bind(stream_output(&server->stream), values, unwanted);
    server_expect(server, 'B', false, sink);
    extended_describe(server, sink, "");
    extended_execute(server, sink, "", 0);
    extended_sync(server, sink);
}

/* Parameters that are sent must be those of the statement. */
static bool counts_agree(const struct plan *plan, const struct bind_values *values, struct error *error)
{
    if (values->count == plan->parameter_count)
        return true;
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION,
              "bind message supplies %d parameters, but prepared statement requires %d", values->count,
              plan->parameter_count);
    return false;
}

enum run_step evaluate_begin(struct run *run, const struct plan *plan, const struct statement *statement,
                             const struct bind_values *values)
{
    struct server *server;
    struct error error = {0};
    if (statement && !counts_agree(plan, values, &error))
        return run_fail(run, &error);
    switch (query_lend(run->client, 0, &server, &error)) {
    case LEND_WAIT:
        return STEP_WAIT;
    case LEND_FAILED:
        return run_fail(run, &error);
    case LEND_DONE:
        break;
    }
    struct evaluating *evaluating = arena_alloc(&run->arena, sizeof(*evaluating));
    *evaluating = (struct evaluating){.sink = {take_frame, server_lost},
                                      .run = run,
                                      .plan = plan,
                                      .item = run->cursor,
                                      .routing_version = routing_version(run)};
    run->evaluating = evaluating;
    if (statement)
        send_extended(server, plan, statement, values, &run->arena, &evaluating->sink);
    else
        server_query(server, plan->evaluation->sql, strlen(plan->evaluation->sql), &evaluating->sink);
    return STEP_BUSY;
}
