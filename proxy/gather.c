/*
 * The home shard is asked what it makes of the statement as the client wrote it: an error in it has changed nothing yet, and its position
 * is right; its columns are described as those of the tables themselves.  Behind that question, in the same write, stand those for its
 * own rows of each part, and all other shards are asked for theirs at once.
 *
 *      examine    only the question about the statement, where the parts cannot be asked for before its answer
 *      collect    rows are held; when all have come they are ready to become arrays.  Parts that need only what has a key among the
 *                 rows of others are asked for once those have come (gather_keys.c), or without keys, if there are too many of them
 *      open …     too many came, or some that fit no array: gather_tables.c takes them on, and lets the rest come
 *
 * When rows are to go to tables, what the home shard still sends is dropped: it reads its own rows again, into the table.
 * The others' rows are left unread in their streams until their table is open, so each of them is read once.
 */
#include "proxy/gather_inside.h"

#include <string.h>

#include "proxy/extended.h"
#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/run_explain.h"
#include "proxy/run_statement.h"
#include "router/sql_types.h"

enum {
    HELD_ROWS = 256 * 1024,               /* bytes held for one statement */
    HELD_ROWS_READ_ONLY = 64 * 1024 * 1024, /* where there can be no temporary tables */
    MANY_PARTS = 4,                         /* of a query: its joins want statistics … */
    VERY_MANY_PARTS = 8,                    /* … and among so many a wrong guess multiplies */
    WORTH_ANALYZING = 500,                  /* rows of a part: its copy is worth statistics and indexes … */
    WORTH_ANALYZING_AMONG_MANY = 50,        /* … in a query of very many parts, or where they are read again and again */
    MANY_PAIRS = 250 * 1000,                /* of rows of two parts, or of one with itself: too many for nested loops by mistake */
};

/* --- errors and the end -------------------------------------------------------------------------------------- */

void gather_free(struct gather *gather)
{
    error_clear(&gather->error);
    error_clear(&gather->refusal);
    for (int i = 0; gather->rows && i < gather_total(gather); i++)
        gather_rows_free(&gather->rows[i]);
    plan_release(gather->plan);
}

/* A late cancel must not hit what the server is sent next. */
static bool all_done(const struct gather *gather)
{
    bool done = gather->table_answers == 0;
    for (int i = 0; i < gather->shard_count; i++) {
        const struct gather_shard *shard = &gather->shards[i];
        done &= shard->done && (shard->server == NULL || shard->server->cancels == 0);
    }
    return done;
}

static void gather_over(struct gather *gather)
{
    struct run *run = gather->run;
    bool failed = error_is_set(&gather->error);
    if (failed && !gather->told)
        client_error(run->client, &gather->error);
    run->gather = NULL;
    gather_free(gather);
    run_gathered(run, failed);
}

static bool may_cancel(const struct gather *gather, const struct gather_shard *shard)
{
    /* In the client's own transaction a late cancel could hit its next statement: there the others run to their end.  The home
     * shard may still find something wrong with the statement itself. */
    bool examines = shard == gather->home && shard->part == AT_EXAMINATION;
    return gather->run->client->transaction.kind != TRANSACTION_EXPLICIT && !examines && shard->server;
}

/* What is under way is told to stop; the last answer ends the gathering. */
void gather_fail(struct gather *gather, const struct error *error)
{
    if (error_is_set(&gather->error))
        return;
    error_copy(&gather->error, error);
    gather_tables_end_copy(gather, "the gathering failed");
    gather_wake(gather);
    for (int i = 0; i < gather->shard_count; i++)
        if (!gather->shards[i].done && may_cancel(gather, &gather->shards[i]))
            server_cancel(gather->shards[i].server);
}

static void fail_with_frame(struct gather *gather, const struct frame *frame)
{
    struct error error = {0};
    wire_read_error(frame, &error);
    gather_fail(gather, &error);
    error_clear(&error);
}

static void fail_with(struct gather *gather, const char *sqlstate, const char *message)
{
    struct error error = {0};
    error_set(&error, sqlstate, "%s", message);
    gather_fail(gather, &error);
    error_clear(&error);
}

void gather_refuse_read_only(struct gather *gather)
{
    struct error error = {0};
    if (gather->plan->stores) { /* it has nothing to do here in any case */
        fail_with(gather, SQLSTATE_READ_ONLY_TRANSACTION,
                  gather->plan->creates ? "cannot execute CREATE TABLE AS in a read-only transaction" : "cannot execute INSERT in a read-only transaction");
        return;
    }
    error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this query is not supported in a READ ONLY transaction");
    error_detail(&error, "Rows of several shards would be gathered into temporary tables, which such a transaction may not create.");
    error_hint(&error, "Run it in a READ WRITE transaction, or outside of its savepoints.");
    gather_fail(gather, &error);
    error_clear(&error);
}

bool gather_count(struct gather *gather, size_t length)
{
    int64_t most = worker_state(gather->run->client->stream.worker)->settings->gather_max_bytes;
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

/* --- asking -------------------------------------------------------------------------------------------------- */

bool gather_takes_part(const struct gather *gather, int shard, int part)
{
    return shard_set_has(&gather->route.gather_shards[part], shard);
}

int gather_total(const struct gather *gather)
{
    return gather->plan->gather_count + gather->plan->gather_questions;
}

/* Is it its turn?  The home shard describes every part, so that its columns have its own types; unless they all go to tables. */
static bool is_asked(const struct gather *gather, const struct gather_shard *shard, int part)
{
    if (part >= gather->asked)
        return false;
    bool takes = gather_takes_part(gather, shard->number, part);
    return part < shard->rows_end ? takes || shard == gather->home : takes && gather->explanation;
}

/* Behind the last one stands the end. */
static int next_part(const struct gather *gather, const struct gather_shard *shard, int part)
{
    while (part < gather->plan->gather_count && !is_asked(gather, shard, part))
        part++;
    return part < gather->plan->gather_count ? part : gather_total(gather);
}

static bool is_question(const struct gather *gather, int number)
{
    return number >= gather->plan->gather_count && number < gather_total(gather);
}

static bool asks_questions(const struct gather *gather)
{
    return gather->plan->gather_questions > 0 && !gather->explains_only && !gather->refuses;
}

/* The home shard is asked for keys before it is for its parts. */
static int first_answer(const struct gather *gather, const struct gather_shard *shard)
{
    return shard == gather->home && asks_questions(gather) ? gather->plan->gather_count : next_part(gather, shard, 0);
}

static int next_answer(const struct gather *gather, const struct gather_shard *shard)
{
    if (is_question(gather, shard->part + 1) && is_question(gather, shard->part))
        return shard->part + 1;
    return next_part(gather, shard, is_question(gather, shard->part) ? 0 : shard->part + 1);
}

static void ask_more(struct gather *gather);

static void answered(struct gather_shard *shard)
{
    struct gather *gather = shard->gather;
    int number = shard->part;
    if (number == AT_EXAMINATION && gather->wraps)
        shard->part = AT_COLUMNS;
    else if (number < AT_MODE && gather->asks_mode)
        shard->part = AT_MODE;
    else
        shard->part = number < 0 ? first_answer(gather, shard) : next_answer(gather, shard);
    bool rows = number >= 0 && (number < shard->rows_end || is_question(gather, number));
    if (!rows)
        return;
    gather_keys_answered(gather, number);
    ask_more(gather);
}

static void sync_shard(struct gather_shard *shard)
{
    shard->awaited++;
    shard->done = false;
    extended_sync(shard->server, &shard->sink);
}

static void ask_part(struct gather_shard *shard, int number)
{
    gather_keys_asked(shard->gather, number);
    gather_ask_part(shard->gather, shard, number);
}

/* For tables the home shard reads its own rows later. */
static void ask_parts(struct gather_shard *shard, int from)
{
    struct gather *gather = shard->gather;
    bool plans_only = gather->explains_only || (gather->tables && shard == gather->home);
    if (plans_only && from < shard->rows_end)
        shard->rows_end = from;
    for (int part = next_part(gather, shard, from); part < gather->plan->gather_count; part = next_part(gather, shard, part + 1)) {
        gather_explain_part(shard, part);
        if (part < shard->rows_end)
            ask_part(shard, part);
    }
}

/* Another shard's parts from one on.  What it has been asked before may still be under way. */
static void ask_shard(struct gather_shard *shard, int from)
{
    struct gather *gather = shard->gather;
    if (shard->server == NULL)
        return;
    bool idle = shard->awaited == 0 || shard->part == gather_total(gather);
    ask_parts(shard, from);
    int first = next_part(gather, shard, from);
    if (first == gather_total(gather))
        return;
    if (idle)
        shard->part = first;
    sync_shard(shard);
}

static void ask_shards(struct gather *gather, int from)
{
    gather->step = STEP_COLLECT;
    for (int i = 0; i < gather->shard_count; i++)
        if (&gather->shards[i] != gather->home)
            ask_shard(&gather->shards[i], from);
}

static void ask_home_for_parts(struct gather *gather)
{
    if (gather->asks_mode)
        gather_ask_mode(gather);
    for (int i = gather->plan->gather_count; asks_questions(gather) && i < gather_total(gather); i++)
        ask_part(gather->home, i);
    ask_parts(gather->home, 0);
}

/* --- parts that wait for keys -------------------------------------------------------------------------------- */

/* Up to the first one that still waits. */
static void find_askable(struct gather *gather)
{
    while (gather->asked < gather->plan->gather_count && gather_keys_are_settled(gather, gather->asked))
        gather->asked++;
}

/* Keys have come, or will not. */
static void ask_more(struct gather *gather)
{
    int from = gather->asked;
    if (error_is_set(&gather->error))
        return;
    find_askable(gather);
    if (gather->asked == from)
        return;
    for (int i = from; i < gather->asked; i++)
        gather_keys_take(gather, i);
    ask_shards(gather, from);
    ask_shard(gather->home, from);
    if (gather->tables) /* the home shard may have nothing left to say, and the others' rows wait for its tables */
        gather_go_on(gather);
}

/* --- the examination ----------------------------------------------------------------------------------------- */

/* The parts have been asked for with these types. */
static bool agrees(const struct gather *gather, const uint32_t *types, int count)
{
    if (count != gather->type_count)
        return false;
    for (int i = 0; i < count; i++)
        if (gather->types[i] && gather->types[i] != types[i])
            return false;
    return true;
}

static void refuse_other_types(struct gather *gather)
{
    struct error error = {0};
    gather->plan->described_types = NULL;
    error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "parameters have other types than when the statement was planned");
    error_detail(&error, "A definition was changed on the shards themselves.");
    error_hint(&error, "Send the statement again.");
    gather_fail(gather, &error);
    error_clear(&error);
}

/* The next time the parts are asked for at once. */
static void remember_types(struct plan *plan, const uint32_t *types, int count)
{
    if (plan->described_types)
        return;
    plan->described_types = arena_memdup(&plan->arena, types, (size_t) count * sizeof *types);
    plan->described_count = count;
}

static void take_parameters(struct gather *gather, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    int count = read_int16(&reader);
    if (count < 0 || reader.end - reader.at != 4 * count) {
        fail_with(gather, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent a malformed ParameterDescription");
        return;
    }
    uint32_t *types = arena_alloc_array(&gather->run->arena, (size_t) count, sizeof *types);
    for (int i = 0; i < count; i++)
        types[i] = (uint32_t) read_int32(&reader);
    if (gather->step == STEP_COLLECT && !agrees(gather, types, count))
        refuse_other_types(gather);
    else
        remember_types(gather->plan, types, count);
    gather->types = types;
    gather->type_count = count;
}

static void take_description(struct gather *gather, const struct frame *frame)
{
    gather->description = arena_memdup(&gather->run->arena, frame->body, frame->body_length);
    gather->description_length = frame->body_length;
}

/* Bind's own check, as exec_bind_message() in postgres.c words it; a Query has no parameters. */
static bool counts_agree(struct gather *gather)
{
    int count = gather->bind ? gather->bind->values.count : 0;
    struct error error = {0};
    if (count == gather->type_count)
        return true;
    if (gather->bind)
        error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "bind message supplies %d parameters, but prepared statement \"%s\" requires %d",
                  count, gather->bind->statement, gather->type_count);
    else
        error_set(&error, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d", gather->type_count);
    gather_fail(gather, &error);
    error_clear(&error);
    return false;
}

/* A type of the database's own is called otherwise on other shards, so it cannot be declared. */
static bool types_learned(const struct gather *gather)
{
    struct statement *statement = gather->learns;
    if (statement == NULL)
        return false;
    for (int i = 0; i < gather->type_count; i++)
        if (gather->types[i] >= FIRST_USER_TYPE)
            return false;
    return statement_describe(statement, gather->types, gather->type_count, gather->run->client->view->state->routing->version);
}

static void examined(struct gather *gather)
{
    struct gather_shard *home = gather->home;
    if (gather->refuses && types_learned(gather)) {
        gather->run->client->view->counters.refused_count--; /* not yet */
        gather_over(gather);
        return;
    }
    if (gather->refuses) {
        gather_fail(gather, &gather->refusal);
        gather_go_on(gather);
        return;
    }
    if (!counts_agree(gather)) {
        gather_go_on(gather);
        return;
    }
    if (gather->plan->gather_as_text && !gather->read_only && !gather->tables) {
        gather->tables = true;
        gather_keys_give_up(gather, 0);
        find_askable(gather);
    }
    ask_home_for_parts(gather);
    home->part = gather->asks_mode ? AT_MODE : first_answer(gather, home);
    sync_shard(home);
    ask_shards(gather, 0);
}

void gather_go_on(struct gather *gather)
{
    if (error_is_set(&gather->error)) {
        if (all_done(gather))
            gather_over(gather);
        return;
    }
    switch (gather->step) {
    case STEP_EXAMINE:
        if (all_done(gather))
            examined(gather);
        break;
    case STEP_COLLECT:
        if (gather->asked < gather->plan->gather_count) {
            break;
        } else if (gather->tables && gather->home->done) {
            gather_tables_open(gather);
        } else if (all_done(gather)) {
            gather->step = STEP_READY;
            run_gathered(gather->run, false);
        }
        break;
    case STEP_READY:
        if (all_done(gather))
            run_gathered(gather->run, false);
        break;
    case STEP_OPEN:
    case STEP_COPY:
    case STEP_FINISH:
        break;
    }
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

/* Too many rows of a part have come, or they fit no array. */
static void turn_to_tables(struct gather *gather, int part)
{
    if (gather->read_only) {
        gather_refuse_read_only(gather);
        return;
    }
    gather->tables = true;
    gather_keys_give_up(gather, part);
    ask_more(gather);
    gather_go_on(gather);
}

static enum sink_answer leave(struct gather_shard *shard)
{
    shard->waiting = true;
    return SINK_LATER;
}

void gather_wake(struct gather *gather)
{
    for (int i = 0; i < gather->shard_count; i++) {
        struct gather_shard *shard = &gather->shards[i];
        if (!shard->waiting || shard->done)
            continue;
        shard->waiting = false;
        server_resume(shard->server);
    }
}

static void count_share(struct gather_shard *shard, const struct frame *frame)
{
    struct gather_share *share = &shard->shares[shard->part];
    share->rows++;
    share->bytes += frame->body_length;
}

static void hold_row(struct gather_shard *shard, const struct frame *frame)
{
    struct gather *gather = shard->gather;
    bool own = shard == gather->home;
    if (!own && !gather_count(gather, frame->body_length))
        return;
    if (!own)
        count_share(shard, frame);
    gather->held += frame->body_length;
    if (!gather_rows_add(&gather->rows[shard->part], own, frame))
        fail_with(gather, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent rows in an unknown format");
}

/* Arrays have no statistics and no indexes: a query of many parts, or one that searches a part again for each row, is better off
 * with tables. */
bool gather_is_worth_analyzing(const struct gather *gather, size_t rows)
{
    bool much = gather->plan->gather_count >= VERY_MANY_PARTS || gather->plan->gather_runs_again;
    return rows >= (much ? WORTH_ANALYZING_AMONG_MANY : WORTH_ANALYZING);
}

/* Where PostgreSQL guesses that arrays, or what is computed of them, have one row for it, it joins them row by row. */
static bool may_make_many_pairs(const struct gather *gather)
{
    size_t most = 0, second = 0, most_again = 0;
    for (int i = 0; i < gather->plan->gather_count; i++) {
        size_t rows = gather_rows_count(&gather->rows[i]);
        second = rows > most ? most : rows > second ? rows : second;
        most = rows > most ? rows : most;
        if (gather->plan->gather[i].read_again && rows > most_again)
            most_again = rows;
    }
    return most * second >= MANY_PAIRS || most_again * most_again >= MANY_PAIRS;
}

static bool is_worth_a_table(const struct gather *gather, int part)
{
    bool matters = gather->plan->gather_count >= MANY_PARTS || gather->plan->gather_runs_again || may_make_many_pairs(gather);
    return matters && gather_is_worth_analyzing(gather, gather_rows_count(&gather->rows[part]));
}

/* Not before others have had their keys. */
static bool wants_tables(const struct gather *gather)
{
    for (int i = 0; i < gather->plan->gather_count; i++)
        if (is_worth_a_table(gather, i))
            return !gather->read_only && gather->asked == gather->plan->gather_count;
    return false;
}

static bool outgrows_arrays(const struct gather *gather, const struct frame *frame)
{
    return !gather->tables && (gather->held + frame->body_length > gather->bound || wants_tables(gather));
}

/* A row from which keys are taken, whatever becomes of it; false: it is none, or there are too many. */
static bool is_held_for_keys(struct gather *gather, int number, const struct frame *frame)
{
    if (!gather_keys_are_awaited(gather, number))
        return false;
    bool held = gather_keys_have_room(gather, number, frame->body_length);
    if (!held)
        ask_more(gather);
    return held;
}

static void take_key(struct gather *gather, int number, const struct frame *frame)
{
    if (!is_held_for_keys(gather, number, frame))
        return;
    if (!gather_rows_add(&gather->rows[number], true, frame))
        fail_with(gather, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent rows in an unknown format");
}

static enum sink_answer take_row(struct gather_shard *shard, const struct frame *frame)
{
    struct gather *gather = shard->gather;
    if (error_is_set(&gather->error))
        return SINK_TAKEN;
    if (is_question(gather, shard->part)) {
        take_key(gather, shard->part, frame);
        return SINK_TAKEN;
    }
    if (outgrows_arrays(gather, frame)) {
        if (gather->asks_mode)
            return leave(shard);
        turn_to_tables(gather, shard->part);
    }
    if (error_is_set(&gather->error))
        return SINK_TAKEN;
    if (!gather->tables || is_held_for_keys(gather, shard->part, frame)) {
        hold_row(shard, frame);
        return SINK_TAKEN;
    }
    if (shard == gather->home)
        return SINK_TAKEN;
    if (gather->step != STEP_COPY || gather->part != shard->part || gather->home->server->stream.above_high_water)
        return leave(shard);
    gather_tables_row(gather, frame);
    count_share(shard, frame);
    return SINK_TAKEN;
}

static void take_mode(struct gather *gather, const struct frame *frame)
{
    static const uint8_t on[] = {0, 1, 0, 0, 0, 2, 'o', 'n'};
    gather->read_only = frame->body_length == sizeof on && memcmp(frame->body, on, sizeof on) == 0;
    gather->bound = gather->read_only ? HELD_ROWS_READ_ONLY : HELD_ROWS;
    gather->asks_mode = false;
    gather_wake(gather);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

/* What the statement says wrong is told in the shard's own words: the text was the client's. */
static void shard_failed(struct gather_shard *shard, const struct frame *frame)
{
    struct gather *gather = shard->gather;
    bool examines = shard == gather->home && shard->part == AT_EXAMINATION;
    fail_with_frame(gather, frame);
    if (!examines || gather->told)
        return;
    gather->told = true;
    wire_message(client_output(gather->run->client), 'E', frame->body, frame->body_length);
    client_wrote(gather->run->client);
}

static void take_columns(struct gather_shard *shard, const struct frame *frame)
{
    struct gather *gather = shard->gather;
    if (shard->part >= gather_total(gather))
        return;
    struct gather_rows *rows = &gather->rows[shard->part];
    if (!gather_rows_describe(rows, frame)) {
        fail_with(gather, SQLSTATE_FEATURE_NOT_SUPPORTED, "the columns of a table are not the same on all shards");
        return;
    }
    if (!gather->tables && !error_is_set(&gather->error) && !is_question(gather, shard->part) && !gather_rows_fit_arrays(rows))
        turn_to_tables(gather, shard->part);
    if (!gather_takes_part(gather, shard->number, shard->part)) /* it only describes the part */
        answered(shard);
}

static void described(struct gather_shard *shard, const struct frame *frame)
{
    struct gather *gather = shard->gather;
    if (shard->part >= AT_MODE) {
        if (frame->type == 'T')
            take_columns(shard, frame);
        return;
    }
    if (frame->type == 'T')
        take_description(gather, frame);
    bool wrapping = gather->wraps && shard->part == AT_EXAMINATION;
    if (gather->plans && !gather->analysed && !wrapping) {
        gather->analysed = true;
        return;
    }
    answered(shard);
    if (error_is_set(&gather->error) && may_cancel(gather, shard)) /* it was spared until here */
        server_cancel(shard->server);
}

static void shard_done(struct gather_shard *shard)
{
    if (--shard->awaited > 0)
        return;
    shard->done = true;
    gather_tables_progress(shard->gather);
    gather_go_on(shard->gather);
}

static void completed(struct gather_shard *shard)
{
    bool plan = gather_is_explaining(shard);
    if (plan)
        shard->explained = shard->part + 1;
    if (plan && shard->part < shard->rows_end) /* its rows come next */
        return;
    answered(shard);
    gather_tables_progress(shard->gather);
}

static enum sink_answer shard_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct gather_shard *shard = (struct gather_shard *) sink;
    struct gather *gather = shard->gather;
    switch (frame->type) {
    case 'D':
    case 'd':
        if (gather_is_explaining(shard)) {
            gather_explain_row(shard, frame);
            break;
        }
        if (shard->part >= 0)
            return take_row(shard, frame);
        take_mode(gather, frame);
        break;
    case 't':
        if (shard->part == AT_EXAMINATION)
            take_parameters(gather, frame);
        break;
    case 'T':
    case 'n':
        described(shard, frame);
        break;
    case 'C':
        completed(shard);
        break;
    case 'E':
        shard_failed(shard, frame);
        break;
    case 'Z':
        server_answered(server);
        shard_done(shard);
        break;
    default: /* the answers of Parse and Bind, the ends of COPY, notices */
        break;
    }
    return SINK_TAKEN;
}

static void shard_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct gather_shard *shard = (struct gather_shard *) sink;
    struct gather *gather = shard->gather;
    client_forget_server(gather->run->client, server);
    shard->server = NULL;
    shard->done = true;
    gather_fail(gather, error);
    gather_go_on(gather);
}

/* --- beginning ----------------------------------------------------------------------------------------------- */

/* What is known of the parameters' types before the home shard tells. */
static void find_types(struct gather *gather, const struct statement *statement)
{
    const struct plan *plan = gather->plan;
    int declared = statement ? statement->type_count : 0;
    gather->type_count = plan->gather_first > 0 ? plan->gather_first - 1 : 0;
    gather->types = arena_alloc_array(&gather->run->arena, (size_t) gather->type_count, sizeof *gather->types);
    for (int i = 0; i < gather->type_count; i++) {
        uint32_t known = plan->described_types && i < plan->described_count ? plan->described_types[i]
                         : i < plan->parameter_count                        ? plan->parameter_types[i]
                                                                            : 0;
        gather->types[i] = i < declared && statement->types[i] ? statement->types[i] : known;
    }
}

/* Can the parts be asked for before the statement has been examined? */
static bool knows_parameters(const struct gather *gather)
{
    int count = gather->bind ? gather->bind->values.count : 0;
    if (count != gather->type_count)
        return false;
    for (int i = 0; i < gather_total(gather); i++)
        for (int k = 0; k < gather->plan->gather[i].parameter_count; k++)
            if (gather->types[gather->plan->gather[i].parameters[k]] == 0)
                return false;
    return true;
}

/* A transaction of the gathering's own is READ WRITE at first. */
static bool can_guard(const struct gather *gather)
{
    const struct client *client = gather->run->client;
    if (client->transaction.kind != TRANSACTION_NONE)
        return transaction_can_lift_guard(client);
    return transaction_is_read_only_by_session(client) && !server_is_standby(gather->home->server);
}

/* Has it no temporary tables?  One that is READ ONLY by a default of the role's or of the server's is found out by the first of them. */
static bool may_be_read_only(const struct client *client)
{
    bool known = false;
    return client->transaction.kind != TRANSACTION_NONE || session_value(client->session, "default_transaction_read_only", &known);
}

static struct gather *gather_new(struct run *run, const struct execution *execution, const struct shard_set *shards)
{
    struct gather *gather = arena_alloc(&run->arena, sizeof *gather);
    gather->run = run;
    gather->plan = plan_hold(execution->plan->inner ? execution->plan->inner : execution->plan);
    gather->prefix = execution->plan->inner ? execution->plan->explain_prefix : "";
    gather->bound = HELD_ROWS;
    gather->shards = arena_alloc_array(&run->arena, (size_t) shard_set_count(shards), sizeof *gather->shards);
    gather->home = gather->shards; /* servers are lent in the order of their shards */
    for (struct server *server = run->client->servers; server; server = server->next_lent)
        if (shard_set_has(shards, server->pool->shard))
            gather->shards[gather->shard_count++] = (struct gather_shard){
                .sink = {shard_frame, shard_lost}, .gather = gather, .server = server, .number = server->pool->shard, .done = true};
    gather->home->part = AT_EXAMINATION;
    run->gather = gather;
    return gather;
}

static void make_rows(struct gather *gather)
{
    const struct plan *plan = gather->plan;
    gather->rows = arena_alloc_array(&gather->run->arena, (size_t) gather_total(gather), sizeof *gather->rows);
    for (int i = 0; i < gather_total(gather); i++)
        gather_rows_init(&gather->rows[i], &gather->run->arena, plan->gather[i].column_count, plan->gather[i].as_text);
    for (int i = 0; i < gather->shard_count; i++) {
        gather->shards[i].rows_end = plan->gather_count;
        gather->shards[i].shares = arena_alloc_array(&gather->run->arena, (size_t) plan->gather_count, sizeof *gather->shards[i].shares);
    }
    gather_keys_begin(gather);
    find_askable(gather);
}

static void copy_bind(struct gather *gather, const struct execution *execution)
{
    if (execution->statement)
        gather->bind = arena_memdup(&gather->run->arena, &execution->bind, sizeof execution->bind);
}

/*
 * Tables of the home shard that are asked for keys are read once more by the query.  A row that others commit in between would have no partners there, which have
 * long been elsewhere: both see one snapshot, if the transaction is the gathering's own.
 */
static bool wants_snapshot(const struct gather *gather)
{
    const struct plan *plan = gather->plan;
    return asks_questions(gather) && !gather->guards && !gather->declares && !plan->writes && !plan->stores &&
           gather->run->client->transaction.kind == TRANSACTION_NONE;
}

static void take_snapshot(struct gather *gather)
{
    static const char sql[] = "BEGIN ISOLATION LEVEL REPEATABLE READ";
    transaction_begin_implicit(gather->run->client);
    gather->home->server->joined = true;
    server_query(gather->home->server, sql, sizeof sql - 1, NULL);
}

void gather_begin(struct run *run, const struct execution *execution, const struct route *route)
{
    struct gather *gather = gather_new(run, execution, &route->shards);
    gather->route = *route;
    gather->wraps = gather->plan->wrapped_query && !execution->plan->inner;
    gather->declares = gather->wraps && gather->plan->statement == STATEMENT_CURSOR;
    gather->keeps = gather->declares || execution->limit != 0 || gather->plan->stores;
    gather->guards = can_guard(gather);
    gather->explanation = run_explanation(run, execution, route);
    gather->explains_only = gather->explanation && !execution->plan->explain_analyzes;
    gather->asks_mode = gather->plan->gather_values && !gather->guards && may_be_read_only(run->client) && !gather->explains_only;
    gather->tables =
        (!gather->plan->gather_values || (gather->plan->gather_as_text && !gather->asks_mode)) && !gather->explains_only;
    make_rows(gather);
    copy_bind(gather, execution);
    find_types(gather, execution->statement);
    gather->plans = gather->type_count == (gather->bind ? gather->bind->values.count : 0);
    if (wants_snapshot(gather))
        take_snapshot(gather);
    gather_ask_examination(gather, execution->statement);
    bool at_once = knows_parameters(gather) && !(gather->asks_mode && gather->plan->gather_as_text);
    if (at_once)
        ask_home_for_parts(gather);
    sync_shard(gather->home);
    if (at_once)
        ask_shards(gather, 0);
}

void gather_refuse(struct run *run, const struct execution *execution, struct error *refusal)
{
    struct shard_set home = shard_set_one(0);
    struct gather *gather = gather_new(run, execution, &home);
    gather->refuses = true;
    gather->learns = execution->statement;
    gather->refusal = *refusal;
    *refusal = (struct error){0};
    gather_ask_examination(gather, execution->statement);
    sync_shard(gather->home);
}

bool gather_is_ready(const struct gather *gather)
{
    return gather && gather->step == STEP_READY;
}

const uint8_t *gather_description(const struct gather *gather, size_t *length)
{
    *length = gather->description_length;
    return gather->description;
}

void gather_forget(struct gather *gather, const struct server *server, const struct error *error)
{
    bool home = gather->home->server == server;
    for (int i = 0; i < gather->shard_count; i++)
        if (gather->shards[i].server == server)
            gather->shards[i].server = NULL;
    if (!home) /* its rows have come */
        return;
    gather_fail(gather, error);
    gather_go_on(gather);
}

void gather_drained(struct gather *gather)
{
    gather_wake(gather);
}

/* What is ready fails where the run goes on. */
void gather_cancel(struct gather *gather)
{
    if (gather->step != STEP_READY)
        fail_with(gather, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
}

void gather_cancelled(struct gather *gather)
{
    gather_go_on(gather);
}
