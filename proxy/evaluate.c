/*
 * One sink reads the row, or the rows, into the run's arena.  What stands in a row as in the one before it (the names of types, most
 * of all) is kept once.  Its server stays lent: in a transaction it has taken part in
 * it.
 *
 * Of rows in parts the first is asked for without a Sync, which would end the portal outside of a transaction.  If that was all of them, the Sync follows;
 * else BEGIN, which takes in what was before it.
 */
#include "proxy/evaluate.h"

#include <string.h>

#include "proxy/execution.h"
#include "proxy/extended.h"
#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/run_explain.h"
#include "proxy/run_statement.h"

enum { TYPE_TEXT = 25 }; /* pg_type.dat */

#define PORTAL "keyway_rows"
enum { FIRST_PART = 100, LARGEST_PART = 20000 /* rows */, PART_BYTES = 1 << 19 };

struct evaluating {
    struct reply_sink sink; /* first: the sink is this */
    struct run *run;
    const struct plan *plan;
    size_t item;
    uint64_t routing_version; /* that the plan was made for */
    bool ready, malformed;
    struct evaluated row; /* … or rows */
    const char **values;
    int row_room;
    int64_t bytes;
    struct error error;
    struct arena *arena;         /* for the rows: the run's, or … */
    struct arena part_arena;     /* … of one part */
    struct database_state *held; /* of rows in parts: the plan's routing is in there; else NULL */
    int parts;                   /* that have been asked for */
    int limit;                   /* of the last one, in rows */
    bool more;                   /* it came to its limit */
    bool unsynced, begins;       /* no Sync was sent behind it; BEGIN was */
    uint64_t inserted;           /* rows of the parts before */
};

static uint64_t routing_version(const struct run *run)
{
    return run->client->view->state->routing->version;
}

static struct evaluating *of_item(const struct run *run)
{
    struct evaluating *evaluating = run->evaluating;
    return evaluating && evaluating->item == run->cursor ? evaluating : NULL;
}

bool evaluate_is_begun(const struct run *run, const struct plan *plan)
{
    const struct evaluating *evaluating = of_item(run);
    return evaluating && evaluating->plan == plan &&
           (evaluating->held || (evaluating->ready && evaluating->routing_version == routing_version(run)));
}

const struct evaluated *evaluate_row(const struct run *run, const struct plan *plan)
{
    return evaluate_is_begun(run, plan) && run->evaluating->ready ? &run->evaluating->row : NULL;
}

/* --- parts --------------------------------------------------------------------------------------------------- */

const struct routing *evaluate_routing(const struct run *run)
{
    const struct evaluating *evaluating = of_item(run);
    return evaluating && evaluating->held ? evaluating->held->routing : run->client->view->state->routing;
}

struct arena *evaluate_arena(struct run *run)
{
    struct evaluating *evaluating = of_item(run);
    return evaluating ? evaluating->arena : &run->arena;
}

bool evaluate_has_more(const struct run *run)
{
    const struct evaluating *evaluating = of_item(run);
    return evaluating && evaluating->more;
}

bool evaluate_is_later_part(const struct run *run)
{
    const struct evaluating *evaluating = of_item(run);
    return evaluating && evaluating->parts > 1;
}

uint64_t evaluate_rows_before(const struct run *run)
{
    const struct evaluating *evaluating = of_item(run);
    return evaluating ? evaluating->inserted : 0;
}

bool evaluate_is_over(const struct run *run)
{
    return evaluate_is_later_part(run) && run->evaluating->row.rows == 0;
}

bool evaluate_part_done(struct run *run)
{
    if (!evaluate_has_more(run))
        return false;
    run->evaluating->inserted = run->rows;
    run->evaluating->ready = false;
    return true;
}

void evaluate_free(struct run *run)
{
    if (run->evaluating == NULL)
        return;
    arena_free(&run->evaluating->part_arena);
    database_state_release(run->evaluating->held);
    run->evaluating = NULL;
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

static const char **add_row(struct evaluating *evaluating)
{
    struct evaluated *row = &evaluating->row;
    size_t width = (size_t) row->count;
    if (row->rows == evaluating->row_room) {
        int room = row->rows ? 2 * row->rows : 1;
        const char **values = arena_alloc_array(evaluating->arena, (size_t) room * width, sizeof(*values));
        if (row->rows > 0)
            memcpy(values, evaluating->values, (size_t) row->rows * width * sizeof(*values));
        evaluating->values = values;
        evaluating->row_room = room;
    }
    row->values = evaluating->values;
    return &evaluating->values[(size_t) row->rows++ * width];
}

static void refuse_more(struct evaluating *evaluating, int64_t most)
{
    error_set(&evaluating->error, SQLSTATE_PROGRAM_LIMIT, "the statement inserts too many rows");
    error_detail(&evaluating->error, "More than gather_max_bytes (%lld) were to be computed by the home shard.", (long long) most);
    error_hint(&evaluating->error, "Insert fewer rows with one statement, or raise gather_max_bytes.");
}

static bool may_keep(struct evaluating *evaluating, size_t length)
{
    int64_t most = worker_state(evaluating->run->client->stream.worker)->settings->gather_max_bytes;
    evaluating->bytes += (int64_t) length;
    if (evaluating->bytes > most && !error_is_set(&evaluating->error))
        refuse_more(evaluating, most);
    return !error_is_set(&evaluating->error);
}

static bool is_text(const char *known, const uint8_t *bytes, size_t length)
{
    return known && strncmp(known, (const char *) bytes, length) == 0 && known[length] == '\0';
}

static bool read_values(struct evaluating *evaluating, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    struct arena *arena = evaluating->arena;
    int count = read_int16(&reader);
    if (count != evaluating->row.count)
        return false;
    if (!may_keep(evaluating, frame->body_length))
        return true; /* nothing of it will be used */
    const char **values = add_row(evaluating), **above = evaluating->row.rows > 1 ? values - count : NULL;
    for (int i = 0; i < count && !reader.failed; i++) {
        int32_t length = read_int32(&reader);
        const uint8_t *bytes = length < 0 ? NULL : read_bytes(&reader, (size_t) length);
        if (bytes && above && is_text(above[i], bytes, (size_t) length))
            values[i] = above[i];
        else
            values[i] = bytes ? arena_strndup(arena, (const char *) bytes, (size_t) length) : NULL;
    }
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
    if (!error_is_set(&evaluating->error) && plan->evaluation->rows && evaluating->row.count > plan->evaluation->count)
        error_set(&evaluating->error, SQLSTATE_SYNTAX_ERROR, "INSERT has more expressions than target columns");
    bool empty = evaluating->parts > 1 && evaluating->row.rows == 0 && !evaluating->malformed;
    if (!error_is_set(&evaluating->error) && !empty &&
        (!evaluating->row.values || evaluating->malformed || evaluating->row.count != plan->evaluation->count ||
         (plan->evaluation->row_count && evaluating->row.rows != plan->evaluation->row_count)))
        error_set(&evaluating->error, SQLSTATE_PROTOCOL_VIOLATION,
                  "the home shard sent no row of computed values");
    evaluating->ready = !error_is_set(&evaluating->error);
    run_evaluated(run, &evaluating->error);
}

/* Outside of a transaction: it is all there is, or a transaction begins with it. */
static void end_first_part(struct evaluating *evaluating, struct server *server)
{
    static const char begin[] = "BEGIN";
    if (!evaluating->unsynced)
        return;
    evaluating->unsynced = false;
    if (evaluating->more) {
        transaction_begin_implicit(evaluating->run->client);
        evaluating->begins = true;
        server_query(server, begin, sizeof begin - 1, &evaluating->sink);
    } else {
        extended_sync(server, &evaluating->sink);
    }
}

/* It would keep its tables from being changed. */
static void close_portal(struct server *server)
{
    extended_close(server, PORTAL);
    extended_sync(server, NULL);
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
            evaluating->malformed = true;
        break;
    case 'E':
        take_error(evaluating, frame);
        end_first_part(evaluating, server);
        break;
    case 'C':
        end_first_part(evaluating, server);
        break;
    case 's':
        evaluating->more = true;
        end_first_part(evaluating, server);
        break;
    case 'N':
        wire_message(client_output(run->client), 'N', frame->body, frame->body_length);
        client_wrote(run->client);
        break;
    case 'Z':
        server_answered(server);
        if (evaluating->begins)
            server->joined = server->status == 'T';
        if (evaluating->held && !evaluating->more && server->status == 'T')
            close_portal(server);
        evaluating->begins = false;
        done(evaluating, run->plan);
        break;
    default: /* the answers of Parse and Bind */
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

void evaluate_put_values(struct buffer *out, const struct bind_values *values, const bool *unwanted, const bool *lacks)
{
    wire_put_int16(out, (int16_t) values->count);
    for (int i = 0; i < values->count; i++)
        wire_put_int16(out, values->values[i].binary);
    wire_put_int16(out, (int16_t) values->count);
    for (int i = 0; i < values->count; i++) {
        const struct bind_value *value = &values->values[i];
        if (value->length < 0 || (unwanted && unwanted[i]) || (lacks && lacks[i])) {
            wire_put_int32(out, -1);
            continue;
        }
        wire_put_int32(out, value->length);
        wire_put_bytes(out, value->bytes, (size_t) value->length);
    }
}

static void put_bind(struct buffer *out, const char *portal, const struct bind_values *values, const bool *unwanted)
{
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, portal);
    wire_put_string(out, "");
    evaluate_put_values(out, values, unwanted, NULL);
    wire_put_int16(out, 0);
    wire_end(out, mark);
}

/* Parse, Bind and Describe of the evaluation, in these words. */
static void put_query(struct server *server, const char *sql, const char *portal, const struct plan *plan, const struct statement *statement,
                      const struct bind_values *values, struct arena *arena, struct reply_sink *sink)
{
    static const struct bind_values none;
    values = statement ? values : &none;
    bool *unwanted = arena_alloc_array(arena, (size_t) values->count, sizeof(*unwanted));
    uint32_t *types = arena_alloc_array(arena, (size_t) values->count, sizeof(*types));
    for (int i = 0; i < values->count; i++) {
        unwanted[i] = !plan->evaluation->asks[i];
        types[i] = i < statement->type_count ? statement->types[i] : 0;
        if (types[i] == 0 && unwanted[i])
            types[i] = TYPE_TEXT;
    }
    extended_parse(server, sink, sql, strlen(sql), types, values->count);
    put_bind(stream_output(&server->stream), portal, values, unwanted);
    server_expect(server, 'B', false, sink);
    extended_describe(server, sink, portal);
}

/* Rows of the portal, no more than fit into a part if they are as long as those of the part before. */
static void ask_part(struct evaluating *evaluating, struct server *server)
{
    struct reply_sink *sink = &evaluating->sink;
    if (evaluating->parts++ > 0) {
        int64_t fitting = evaluating->bytes > 0 ? (int64_t) evaluating->limit * PART_BYTES / evaluating->bytes : LARGEST_PART;
        evaluating->limit = fitting < 1 ? 1 : fitting > LARGEST_PART ? LARGEST_PART : (int) fitting;
    }
    arena_reset(&evaluating->part_arena);
    evaluating->row.rows = evaluating->row_room = 0;
    evaluating->row.values = evaluating->values = NULL;
    evaluating->bytes = 0;
    evaluating->more = false;
    evaluating->unsynced = evaluating->run->client->transaction.kind == TRANSACTION_NONE;
    extended_execute(server, sink, PORTAL, evaluating->limit);
    if (evaluating->unsynced) {
        wire_empty(stream_output(&server->stream), 'H');
        stream_wrote(&server->stream);
    } else {
        extended_sync(server, sink);
    }
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

static struct evaluating *new_evaluating(struct run *run, const struct plan *plan)
{
    struct evaluating *evaluating = arena_alloc(&run->arena, sizeof(*evaluating));
    *evaluating = (struct evaluating){.sink = {take_frame, server_lost},
                                      .run = run,
                                      .plan = plan,
                                      .item = run->cursor,
                                      .routing_version = routing_version(run),
                                      .arena = &run->arena,
                                      .limit = FIRST_PART};
    if (plan->evaluation->in_parts) {
        evaluating->arena = &evaluating->part_arena;
        evaluating->held = database_state_hold(run->client->view->state);
    }
    return evaluating;
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
    if (evaluate_is_begun(run, plan)) {
        ask_part(run->evaluating, server);
        return STEP_BUSY;
    }
    evaluate_free(run);
    struct evaluating *evaluating = run->evaluating = new_evaluating(run, plan);
    if (plan->evaluation->in_parts) {
        put_query(server, plan->evaluation->sql, PORTAL, plan, statement, values, &run->arena, &evaluating->sink);
        ask_part(evaluating, server);
    } else if (statement) {
        put_query(server, plan->evaluation->sql, "", plan, statement, values, &run->arena, &evaluating->sink);
        extended_execute(server, &evaluating->sink, "", 0);
        extended_sync(server, &evaluating->sink);
    } else {
        server_query(server, plan->evaluation->sql, strlen(plan->evaluation->sql), &evaluating->sink);
    }
    return STEP_BUSY;
}

/* --- EXPLAIN ------------------------------------------------------------------------------------------------- */

static bool can_explain(const struct plan *plan, struct error *error)
{
    if (plan->explain_analyzes) {
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "EXPLAIN ANALYZE of an INSERT whose values are computed first is not supported");
        error_detail(error, "Where its rows go is known only when the home shard has run: %s", plan->inner->evaluation->sql);
        error_hint(error, "Use EXPLAIN without ANALYZE.");
    }
    return !error_is_set(error);
}

enum run_step evaluate_explain(struct run *run, const struct execution *execution)
{
    const struct plan *plan = execution->plan;
    const char *sql = arena_printf(&run->arena, "%s%s", plan->explain_prefix, plan->inner->evaluation->sql);
    struct error error = {0};
    struct server *home;
    struct fanout_shape shape = {
        .plan = plan,
        .route = {.kind = PLAN_CONCAT, .shards = shard_set_one(0), .limit = -1},
        .simple = execution->statement == NULL,
        .described = execution->described,
        .explanation = run_explanation(run, execution, NULL),
    };
    if (!can_explain(plan, &error) || (execution->statement && !counts_agree(plan, &execution->bind.values, &error)))
        return run_fail(run, &error);
    enum run_step step = run_lend(run, 0, &home);
    if (step != STEP_DONE)
        return step;
    run->fanout = fanout_new(run->client, &shape, 1);
    const struct statement *statement = execution->statement;
    struct reply_sink *sink = fanout_add(run->fanout, home);
    /* The client's own words first: what is computed is only a part of them, and there may be mistakes in the rest. */
    extended_parse(home, sink, run->text, run->text_length, statement ? statement->types : NULL, statement ? statement->type_count : 0);
    put_query(home, sql, "", plan->inner, statement, &execution->bind.values, &run->arena, sink);
    extended_execute(home, sink, "", 0);
    extended_sync(home, sink);
    return STEP_BUSY;
}
