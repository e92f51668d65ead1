/*
 * The way over temporary tables, for rows that are too many to be held or that fit no array:
 *
 *      open      the home shard makes all tables with its own rows, and opens the first for COPY; all of this is sent at once
 *      copy      rows that were held, and what the other shards go on to send, are passed on; then the next table is opened
 *      finish    the home shard makes primary keys and indexes, and looks at large tables (ANALYZE), so that its planner knows
 *                them; nested loops over tables without indexes are not to be risked where they are large
 *
 * In COPY's binary format rows stand between a header and a trailer (PostgreSQL 15, COPY, "Binary Format"); a row looks like the body of
 * a DataRow.  What cannot travel in binary comes as COPY's text, a row in each CopyData message.
 */
#include "proxy/gather_inside.h"

#include <string.h>

#include "proxy/extended.h"
#include "proxy/run_statement.h"
#include "router/copy_binary.h"

enum { LARGE = 10 * 1000 /* rows */ };

static struct server *home_of(const struct gather *gather)
{
    return gather->home->server;
}

static bool is_binary(const struct gather *gather)
{
    return gather->plan->gather[gather->part].binary;
}

static void put_data(struct gather *gather, const void *bytes, size_t length)
{
    wire_message(stream_output(&home_of(gather)->stream), 'd', bytes, length);
    stream_wrote(&home_of(gather)->stream);
}

void gather_tables_end_copy(struct gather *gather, const char *failure)
{
    struct server *home = home_of(gather);
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

/* --- finish -------------------------------------------------------------------------------------------------- */

static void ask(struct gather *gather, const char *sql)
{
    gather->table_answers++;
    server_query(home_of(gather), sql, strlen(sql), &gather->table_sink);
}

static size_t rows_of(const struct gather *gather, int number)
{
    return gather_rows_count(&gather->rows[number]);
}

static const char *finishing_table(const struct gather *gather, struct arena *arena, int number)
{
    const struct gather_part *part = &gather->plan->gather[number];
    const char *sql = "";
    if (part->key)
        sql = arena_printf(arena, "ALTER TABLE pg_temp.%s ADD PRIMARY KEY (%s); ", part->copy, part->key);
    for (int i = 0; i < part->index_count && gather_is_worth_analyzing(gather, rows_of(gather, number)); i++)
        sql = arena_printf(arena, "%sCREATE INDEX ON pg_temp.%s USING %s; ", sql, part->copy, part->indexes[i]);
    return sql;
}

/* If one of them is worth it, then all: of a table without statistics PostgreSQL expects some two thousand rows, also of an empty one. */
static const char *analyzing(const struct gather *gather, struct arena *arena)
{
    const char *tables = "";
    bool worth = false;
    for (int i = 0; i < gather->plan->gather_count; i++) {
        worth |= gather_is_worth_analyzing(gather, rows_of(gather, i));
        tables = arena_printf(arena, "%s%spg_temp.%s", tables, i > 0 ? ", " : "", gather->plan->gather[i].copy);
    }
    return worth ? arena_printf(arena, "ANALYZE %s; ", tables) : "";
}

/* What is SET LOCAL here ends with the savepoint; tables that stay have none. */
static const char *finishing(struct gather *gather)
{
    struct arena *arena = &gather->run->arena;
    const char *sql = "";
    bool large = false;
    for (int i = 0; i < gather->plan->gather_count; i++) {
        sql = arena_printf(arena, "%s%s", sql, finishing_table(gather, arena, i));
        large |= rows_of(gather, i) >= LARGE;
    }
    return arena_printf(arena, "%s%s%s%s", sql, analyzing(gather, arena), large && !gather->keeps ? "SET LOCAL enable_nestloop = off; " : "",
                        !gather->guards ? "" : gather->keeps ? GUARD_BEGIN : "SET TRANSACTION READ ONLY");
}

static void finish(struct gather *gather)
{
    const char *sql = finishing(gather);
    gather->step = *sql ? STEP_FINISH : STEP_READY;
    if (*sql)
        ask(gather, sql);
    else
        gather_go_on(gather);
}

/* --- copy ---------------------------------------------------------------------------------------------------- */

static bool has_others(const struct gather *gather, int part)
{
    for (int i = 0; i < gather->shard_count; i++)
        if (&gather->shards[i] != gather->home && gather_takes_part(gather, gather->shards[i].number, part))
            return true;
    return false;
}

/* Open the table of the next part that has rows of other shards; false: there is none. */
static bool open_next(struct gather *gather)
{
    const struct plan *plan = gather->plan;
    if (gather->part < plan->gather_count)
        gather->part++;
    while (gather->part < plan->gather_count && !has_others(gather, gather->part))
        gather->part++;
    if (gather->part == plan->gather_count)
        return false;
    const struct gather_part *part = &plan->gather[gather->part];
    gather->step = STEP_OPEN;
    ask(gather, arena_printf(&gather->run->arena, "COPY pg_temp.%s FROM STDIN (%s)", part->copy, part->format));
    return true;
}

static bool is_complete(const struct gather *gather)
{
    for (int i = 0; i < gather->shard_count; i++) {
        const struct gather_shard *shard = &gather->shards[i];
        if (shard != gather->home && !shard->done && shard->part <= gather->part)
            return false;
    }
    return true;
}

void gather_tables_progress(struct gather *gather)
{
    if (gather->step != STEP_COPY || error_is_set(&gather->error) || !home_of(gather)->copy_in || !is_complete(gather))
        return;
    if (is_binary(gather))
        put_data(gather, copy_binary_trailer, sizeof copy_binary_trailer);
    gather_tables_end_copy(gather, NULL);
}

void gather_tables_row(struct gather *gather, const struct frame *frame)
{
    if (!gather_count(gather, frame->body_length))
        return;
    gather->rows[gather->part].other_count++;
    put_data(gather, frame->body, frame->body_length);
}

static void begin_copy(struct gather *gather)
{
    struct buffer *held = &gather->rows[gather->part].others;
    if (error_is_set(&gather->error)) {
        gather_tables_end_copy(gather, "the gathering failed");
        return;
    }
    gather->step = STEP_COPY;
    if (is_binary(gather))
        put_data(gather, copy_binary_header, sizeof copy_binary_header);
    if (buffer_length(held) > 0)
        put_data(gather, buffer_data(held), buffer_length(held));
    buffer_free(held);
    gather_wake(gather);
    gather_tables_progress(gather);
}

/* --- answers ------------------------------------------------------------------------------------------------- */

/* BEGIN, SET TRANSACTION, or a default of the session, the role or the server: the shard knows best whether it may write. */
static void table_failed(struct gather *gather, const struct frame *frame)
{
    struct error error = {0};
    wire_read_error(frame, &error);
    if (gather->step == STEP_OPEN && strcmp(error.sqlstate, SQLSTATE_READ_ONLY_TRANSACTION) == 0)
        gather_refuse_read_only(gather);
    else
        gather_fail(gather, &error);
    error_clear(&error);
}

/* A table was made: of how many rows. */
static void take_tag(struct gather *gather, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    const char *tag = read_string(&reader);
    uint64_t rows = 0;
    if (tag == NULL || gather->created == gather->plan->gather_count ||
        (strncmp(tag, "SELECT ", 7) != 0 && strcmp(tag, "CREATE TABLE AS") != 0))
        return;
    merge_tag_count(tag, &rows);
    gather->rows[gather->created++].own_count = (size_t) rows;
}

static void answered(struct gather *gather)
{
    gather->table_answers--;
    if (gather->table_answers > 0)
        return;
    if (error_is_set(&gather->error)) {
        if (home_of(gather)->status == 'I') /* BEGIN itself has failed */
            home_of(gather)->joined = false;
        gather_go_on(gather);
    } else if (gather->step == STEP_FINISH) {
        gather->step = STEP_READY;
        gather_go_on(gather);
    } else if (!open_next(gather)) {
        finish(gather);
    }
}

static enum sink_answer table_frame(struct reply_sink *sink, struct server *server, const struct frame *frame)
{
    struct gather *gather = (struct gather *) sink;
    switch (frame->type) {
    case 'E':
        table_failed(gather, frame);
        break;
    case 'G':
        begin_copy(gather);
        break;
    case 'C':
        take_tag(gather, frame);
        break;
    case 'Z':
        server_answered(server);
        answered(gather);
        break;
    default: /* the answers of Parse and Bind, notices */
        break;
    }
    return SINK_TAKEN;
}

static void table_lost(struct reply_sink *sink, struct server *server, const struct error *error)
{
    struct gather *gather = (struct gather *) sink;
    client_forget_server(gather->run->client, server);
    gather->home->server = NULL;
    gather->table_answers = 0;
    gather_fail(gather, error);
    gather_go_on(gather);
}

/* --- open ---------------------------------------------------------------------------------------------------- */

/* Tables that cursors read give up the names that this gathering needs. */
static const char *renaming(struct gather *gather)
{
    static _Atomic uint64_t last_kept;
    const char *sql = "";
    for (int i = 0; gather->run->client->transaction.keeps_tables && i < gather->plan->gather_count; i++)
        sql = arena_printf(&gather->run->arena, "%sALTER TABLE IF EXISTS pg_temp.%s RENAME TO \"keyway: kept %llu\"; ", sql,
                           gather->plan->gather[i].copy, (unsigned long long) ++last_kept);
    return sql;
}

/* Outside of a transaction the home shard begins one; the others go on without.  What PostgreSQL knows of the tables makes it expect too much
 * of small ones, and nested loops that are switched off cost too much to believe: it would compile what is soon done. */
static void ask_savepoint(struct gather *gather)
{
    struct client *client = gather->run->client;
    const char *begin = gather->guards ? GUARD_END "; " : "";
    if (client->transaction.kind == TRANSACTION_NONE) {
        transaction_begin_implicit(client);
        home_of(gather)->joined = true;
        begin = gather->guards ? "BEGIN READ WRITE; " : "BEGIN; ";
    }
    const char *sql = arena_printf(&gather->run->arena, "%s%s%s", begin, renaming(gather),
                                   gather->keeps ? "" : "SAVEPOINT keyway_gather; SET LOCAL jit = off");
    if (*sql)
        ask(gather, sql);
}

/* RequireTransactionBlock() in xact.c: our own block would hide that there is none. */
static bool may_declare(struct gather *gather)
{
    const struct plan *plan = gather->plan;
    struct error error = {0};
    if (!gather->declares || plan->pin == PIN_HELD_CURSOR || gather->run->client->transaction.kind != TRANSACTION_NONE)
        return true;
    error_set(&error, SQLSTATE_NO_ACTIVE_TRANSACTION, "DECLARE CURSOR can only be used in transaction blocks");
    gather_fail(gather, &error);
    error_clear(&error);
    return false;
}

/* The home shard reads them again. */
static void forget_own_rows(struct gather *gather)
{
    for (int i = 0; i < gather->plan->gather_count; i++) {
        buffer_free(&gather->rows[i].own);
        gather->rows[i].own_count = 0;
    }
}

void gather_tables_open(struct gather *gather)
{
    if (!may_declare(gather)) {
        gather_go_on(gather);
        return;
    }
    gather->table_sink = (struct reply_sink){table_frame, table_lost};
    gather->step = STEP_OPEN;
    gather->part = -1;
    forget_own_rows(gather);
    ask_savepoint(gather);
    for (int i = 0; i < gather->plan->gather_count; i++)
        gather_ask_table(gather, i);
    gather->table_answers++;
    extended_sync(home_of(gather), &gather->table_sink);
    open_next(gather);
}
