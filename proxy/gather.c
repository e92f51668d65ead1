/*
 * First the home shard is asked what it makes of the statement as the client wrote it: an error in it has changed nothing yet, and its
 * position is right; its columns are described as those of the tables themselves.  Then one part after the other, each in four steps:
 *
 *      create    the home shard makes the temporary table with its own rows
 *      open      the home shard is told to COPY, and says that it waits for data
 *      copy      all other shards of the part send their rows at once; each row is passed on
 *      finish    the home shard has all rows, and looks at them (ANALYZE), so that its planner knows them
 *
 * In COPY's binary format a shard's rows stand between a header and a trailer (PostgreSQL 15, COPY, "Binary Format"); the home shard gets
 * one of each.  A server sends each row as a CopyData message of its own, the header with the first one.
 */
#include "proxy/gather.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/run_statement.h"

enum gather_step { STEP_EXAMINE, STEP_CREATE, STEP_OPEN, STEP_COPY, STEP_FINISH };

static const uint8_t copy_signature[] = "PGCOPY\n\377\r\n"; /* with its NUL: 11 bytes */
enum { SIGNATURE = 11, COPY_HEADER = SIGNATURE + 4 + 4 };

struct gather_source {
    struct reply_sink sink; /* first: the sink is the source */
    struct gather *gather;
    struct server *server;
    bool begun;   /* the header has come */
    bool done;    /* ReadyForQuery came, or the server is lost */
    bool waiting; /* a row is left unread until the home shard has room */
};

struct gather {
    struct reply_sink home_sink; /* first: the sink is the gather */
    struct run *run;
    const struct plan *plan; /* NULL: nothing is gathered, the statement is refused */
    struct error refusal;
    struct route route; /* its arrays are the run's */
    struct server *home;
    int part;
    enum gather_step step;
    bool home_busy; /* a reply of the home shard is awaited */
    struct gather_source *sources; /* of this part */
    int source_count;
    int64_t bytes;
    struct error error;
    bool told; /* the client has been sent the error */
};

/* --- errors and the end -------------------------------------------------------------------------------------- */

static bool all_done(const struct gather *gather)
{
    bool done = !gather->home_busy;
    for (int i = 0; i < gather->source_count; i++)
        done &= gather->sources[i].done;
    return done;
}

static void gather_over(struct gather *gather)
{
    struct run *run = gather->run;
    bool failed = error_is_set(&gather->error);
    if (failed && !gather->told)
        client_error(run->client, &gather->error);
    gather_abandon(gather);
    run->gather = NULL;
    run_gathered(run, failed);
}

static void end_copy(struct gather *gather, const char *failure)
{
    struct server *home = gather->home;
    if (home == NULL || !home->copy_in)
        return;
    struct buffer *out = stream_output(&home->stream);
    size_t mark = wire_begin(out, failure ? 'f' : 'c');
    if (failure)
        wire_put_string(out, failure);
    wire_end(out, mark);
    home->copy_in = false;
    stream_wrote(&home->stream);
}

/* What is under way is told to stop; the last answer ends the gathering. */
static void gather_fail(struct gather *gather, const struct error *error)
{
    if (error_is_set(&gather->error))
        return;
    error_copy(&gather->error, error);
    end_copy(gather, "the gathering failed");
    for (int i = 0; i < gather->source_count; i++) {
        struct gather_source *source = &gather->sources[i];
        if (source->done)
            continue;
        source->waiting = false;
        server_resume(source->server);
        /* In the client's own transaction a late cancel could hit its next statement: there the others run to their end. */
        if (gather->run->client->transaction.kind != TRANSACTION_EXPLICIT)
            server_cancel(source->server);
    }
}

/* However the transaction came to be READ ONLY, the first temporary table meets it. */
static bool is_read_only(const struct gather *gather, const struct wire_fields *fields)
{
    return gather->step == STEP_CREATE && fields->sqlstate && !strcmp(fields->sqlstate, SQLSTATE_READ_ONLY);
}

static void refuse_read_only(struct error *error)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this query is not supported in a READ ONLY transaction");
    error_detail(error, "Rows of several shards would be gathered into temporary tables, which such a transaction may not create.");
    error_hint(error, "Run it in a READ WRITE transaction.");
}

static void read_error(const struct gather *gather, const struct wire_fields *fields, struct error *error)
{
    if (is_read_only(gather, fields)) {
        refuse_read_only(error);
        return;
    }
    error_set(error, fields->sqlstate ? fields->sqlstate : SQLSTATE_INTERNAL_ERROR, "%s", fields->message ? fields->message : "");
    if (fields->detail)
        error_detail(error, "%s", fields->detail);
    if (fields->hint)
        error_hint(error, "%s", fields->hint);
}

static void fail_with_frame(struct gather *gather, const struct frame *frame)
{
    struct wire_fields fields;
    struct error error = {0};
    if (!wire_read_fields(frame, &fields))
        return;
    read_error(gather, &fields, &error);
    gather_fail(gather, &error);
    error_clear(&error);
}

static void next_step(struct gather *gather);

static void step_done(struct gather *gather)
{
    if (!all_done(gather))
        return;
    if (error_is_set(&gather->error))
        gather_over(gather);
    else
        next_step(gather);
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

static bool home_is_full(const struct gather *gather)
{
    return gather->home->stream.above_high_water;
}

static bool count_bytes(struct gather *gather, size_t length)
{
    struct run *run = gather->run;
    int64_t most = worker_state(run->client->stream.worker)->settings->gather_max_bytes;
    struct error error = {0};
    gather->bytes += (int64_t) length;
    if (gather->bytes <= most)
        return true;
    error_set(&error, SQLSTATE_PROGRAM_LIMIT, "the query gathers too many rows");
    error_detail(&error, "More than gather_max_bytes (%lld) were to be copied to the home shard.", (long long) most);
    error_hint(&error, "Restrict the query to fewer keys, join sharded tables on their keys, or raise gather_max_bytes.");
    gather_fail(gather, &error);
    error_clear(&error);
    return false;
}

/* Behind a header, if this is a source's first message; false: it is none. */
static bool skip_header(struct gather_source *source, const uint8_t **bytes, size_t *length)
{
    if (source->begun)
        return true;
    source->begun = true;
    if (*length < COPY_HEADER || memcmp(*bytes, copy_signature, SIGNATURE) != 0)
        return false;
    uint32_t more = (uint32_t) (*bytes)[15] << 24 | (uint32_t) (*bytes)[16] << 16 | (uint32_t) (*bytes)[17] << 8 | (*bytes)[18];
    if (*length - COPY_HEADER < more)
        return false;
    *bytes += COPY_HEADER + more;
    *length -= COPY_HEADER + more;
    return true;
}

static void bad_format(struct gather *gather)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_BAD_COPY_FILE_FORMAT, "a shard sent rows in an unknown format");
    gather_fail(gather, &error);
    error_clear(&error);
}

static void pass_row(struct gather_source *source, const uint8_t *bytes, size_t length)
{
    struct gather *gather = source->gather;
    if (gather->plan->gather[gather->part].binary) {
        if (!skip_header(source, &bytes, &length)) {
            bad_format(gather);
            return;
        }
        if (length == 0 || (length == 2 && bytes[0] == 0xff && bytes[1] == 0xff)) /* the trailer */
            return;
    }
    if (!count_bytes(gather, length))
        return;
    wire_message(stream_output(&gather->home->stream), 'd', bytes, length);
    stream_wrote(&gather->home->stream);
}

/* All sources have ended; the home shard still waits for more. */
static bool close_copy(struct gather *gather)
{
    static const uint8_t trailer[] = {0xff, 0xff};
    for (int i = 0; i < gather->source_count; i++)
        if (!gather->sources[i].done)
            return false;
    if (gather->plan->gather[gather->part].binary)
        wire_message(stream_output(&gather->home->stream), 'd', trailer, sizeof(trailer));
    end_copy(gather, NULL);
    return true;
}

static void source_done(struct gather_source *source)
{
    source->done = true;
    if (error_is_set(&source->gather->error) || !close_copy(source->gather))
        step_done(source->gather);
}

static enum sink_answer source_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct gather_source *source = (struct gather_source *) sink;
    struct gather *gather = source->gather;
    switch (frame->type) {
    case 'd':
        if (error_is_set(&gather->error))
            break;
        if (home_is_full(gather)) {
            source->waiting = true;
            return SINK_LATER;
        }
        pass_row(source, frame->body, frame->body_length);
        break;
    case 'E':
        fail_with_frame(gather, frame);
        break;
    case 'Z':
        server_answered(server);
        source_done(source);
        break;
    default: /* CopyOutResponse, CopyDone, the command tag, notices */
        break;
    }
    return SINK_TAKEN;
}

static void source_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct gather_source *source = (struct gather_source *) sink;
    client_forget_server(source->gather->run->client, server);
    source->done = true;
    gather_fail(source->gather, error);
    step_done(source->gather);
}

/* --- the home shard ------------------------------------------------------------------------------------------ */

/* BEGIN, SET TRANSACTION, or a default of the session, the role or the server: the shard knows best whether
 * it may write. */
static bool may_not_write(struct gather *gather, const struct frame *frame)
{
    struct wire_fields fields;
    struct error error = {0};
    if (gather->step != STEP_CREATE || !wire_read_fields(frame, &fields) || !fields.sqlstate ||
        strcmp(fields.sqlstate, SQLSTATE_READ_ONLY_TRANSACTION) != 0)
        return false;
    error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED,
              "this query is not supported in a READ ONLY transaction");
    error_detail(&error, "Rows of several shards would be gathered into temporary tables, which such a "
                         "transaction may not create.");
    error_hint(&error, "Run it in a READ WRITE transaction.");
    gather_fail(gather, &error);
    error_clear(&error);
    return true;
}

/* What the statement says wrong is told in the shard's own words: the text was the client's. */
static void home_failed(struct gather *gather, const struct frame *frame)
{
    bool first = !error_is_set(&gather->error);
    if (may_not_write(gather, frame))
        return;
    fail_with_frame(gather, frame);
    if (gather->step != STEP_EXAMINE || !first || !error_is_set(&gather->error))
        return;
    gather->told = true;
    wire_message(client_output(gather->run->client), 'E', frame->body, frame->body_length);
    client_wrote(gather->run->client);
}

static enum sink_answer home_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct gather *gather = (struct gather *) sink;
    switch (frame->type) {
    case 'E':
        home_failed(gather, frame);
        break;
    case 'T':
        gather->run->gathered_description = (const uint8_t *) arena_memdup(&gather->run->arena, frame->body, frame->body_length);
        gather->run->gathered_description_length = frame->body_length;
        break;
    case 'G': /* it waits for rows: that is the end of STEP_OPEN */
        if (error_is_set(&gather->error))
            end_copy(gather, "the gathering failed");
        else
            next_step(gather);
        break;
    case 'Z':
        server_answered(server);
        gather->home_busy = false;
        step_done(gather);
        break;
    default: /* command tags, notices */
        break;
    }
    return SINK_TAKEN;
}

static void home_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct gather *gather = (struct gather *) sink;
    client_forget_server(gather->run->client, server);
    gather->home = NULL;
    gather->home_busy = false;
    gather_fail(gather, error);
    step_done(gather);
}

static void ask_home(struct gather *gather, const char *sql)
{
    gather->home_busy = true;
    server_query(gather->home, sql, strlen(sql), &gather->home_sink);
}

/* --- the steps ----------------------------------------------------------------------------------------------- */

static void examine(struct gather *gather, const struct statement *statement)
{
    struct server *home = gather->home;
    struct run *run = gather->run;
    struct buffer *out = stream_output(&home->stream);
    int count = statement ? statement->type_count : 0;
    gather->home_busy = true;
    size_t mark = wire_begin(out, 'P');
    wire_put_string(out, "");
    wire_put_bytes(out, run->text, run->text_length);
    wire_put_byte(out, 0);
    wire_put_int16(out, (int16_t) count);
    for (int i = 0; i < count; i++)
        wire_put_int32(out, (int32_t) statement->types[i]);
    wire_end(out, mark);
    server_expect(home, 'P', false, &gather->home_sink);
    home->unnamed = 0;
    mark = wire_begin(out, 'D');
    wire_put_byte(out, 'S');
    wire_put_string(out, "");
    wire_end(out, mark);
    server_expect(home, 'D', false, &gather->home_sink);
    wire_empty(out, 'S');
    server_expect(home, 'S', false, &gather->home_sink);
    stream_wrote(&home->stream);
}

static void create(struct gather *gather)
{
    const struct gather_part *part = &gather->plan->gather[gather->part];
    bool own_rows = shard_set_has(&gather->route.gather_shards[gather->part], 0);
    gather->step = STEP_CREATE;
    gather->source_count = 0;
    ask_home(gather, arena_printf(&gather->run->arena, "%s%s%s", gather->part == 0 ? "SAVEPOINT keyway_gather; " : "",
                                  part->create, own_rows ? "" : " WITH NO DATA"));
}

static bool has_others(const struct gather *gather)
{
    struct shard_set others = gather->route.gather_shards[gather->part];
    shard_set_add(&others, 0);
    return shard_set_count(&others) > 1;
}

static void start_source(struct gather *gather, struct server *server)
{
    struct gather_source *source = &gather->sources[gather->source_count++];
    const char *read = gather->plan->gather[gather->part].read;
    *source = (struct gather_source){.sink = {source_frame, source_lost}, .gather = gather, .server = server};
    server_query(server, read, strlen(read), &source->sink);
}

static void put_header(struct gather *gather)
{
    uint8_t header[COPY_HEADER] = {0};
    memcpy(header, copy_signature, SIGNATURE);
    wire_message(stream_output(&gather->home->stream), 'd', header, sizeof(header));
}

static void copy(struct gather *gather)
{
    gather->step = STEP_COPY;
    if (gather->plan->gather[gather->part].binary)
        put_header(gather);
    stream_wrote(&gather->home->stream);
    for (struct server *server = gather->run->client->servers; server; server = server->next_lent)
        if (server != gather->home && shard_set_has(&gather->route.gather_shards[gather->part], server->pool->shard))
            start_source(gather, server);
}

static void finish(struct gather *gather)
{
    gather->step = STEP_FINISH;
    ask_home(gather, gather->plan->gather[gather->part].finish);
}

static void next_step(struct gather *gather)
{
    switch (gather->step) {
    case STEP_EXAMINE:
        if (gather->plan) {
            create(gather);
        } else {
            gather_fail(gather, &gather->refusal);
            gather_over(gather);
        }
        break;
    case STEP_CREATE:
        if (has_others(gather)) {
            gather->step = STEP_OPEN;
            ask_home(gather, gather->plan->gather[gather->part].fill);
        } else {
            finish(gather);
        }
        break;
    case STEP_OPEN:
        copy(gather);
        break;
    case STEP_COPY:
        finish(gather);
        break;
    case STEP_FINISH:
        if (++gather->part < gather->plan->gather_count)
            create(gather);
        else
            gather_over(gather);
        break;
    }
}

void gather_begin(struct run *run, const struct plan *plan, const struct route *route, const struct statement *statement)
{
    struct gather *gather = arena_alloc(&run->arena, sizeof(*gather));
    *gather = (struct gather){
        .home_sink = {home_frame, home_lost}, .run = run, .plan = plan, .route = *route, .home = client_server(run->client, 0)};
    gather->sources = arena_alloc_array(&run->arena, (size_t) shard_set_count(&route->shards), sizeof(*gather->sources));
    run->gather = gather;
    examine(gather, statement);
}

void gather_refuse(struct run *run, const struct statement *statement, struct error *refusal)
{
    struct gather *gather = arena_alloc(&run->arena, sizeof(*gather));
    *gather = (struct gather){
        .home_sink = {home_frame, home_lost}, .run = run, .refusal = *refusal, .home = client_server(run->client, 0)};
    *refusal = (struct error){0};
    run->gather = gather;
    examine(gather, statement);
}

void gather_end(struct server *home)
{
    static const char sql[] = "ROLLBACK TO SAVEPOINT keyway_gather; RELEASE SAVEPOINT keyway_gather";
    server_query(home, sql, sizeof(sql) - 1, NULL);
}

void gather_drained(struct gather *gather)
{
    for (int i = 0; i < gather->source_count; i++) {
        struct gather_source *source = &gather->sources[i];
        if (!source->waiting || source->done)
            continue;
        source->waiting = false;
        server_resume(source->server);
    }
}

void gather_abandon(struct gather *gather)
{
    error_clear(&gather->error);
    error_clear(&gather->refusal);
}
