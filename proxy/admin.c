/*
 * A console client sends simple queries; each is looked up in the table of commands.  A command answers at once from the
 * settings and the databases' states, or starts a survey.
 */
#include "proxy/admin.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config/arena.h"
#include "proxy/blocking.h"
#include "proxy/client_move.h"
#include "proxy/keyway.h"
#include "proxy/log.h"

/* --- answers ------------------------------------------------------------------------------------------------- */

static struct arena *scratch(struct client *client)
{
    return &client->stream.worker->scratch;
}

void admin_row(struct admin_table *table, const char *const *values, int count)
{
    wire_row(&table->rows, values, count);
    table->count++;
}

static void answer_over(struct client *client)
{
    wire_ready(client_output(client), 'I');
    client_wrote(client);
    client->state = CLIENT_IDLE;
    client->state_since = ev_now(client->stream.worker->loop);
    stream_resume(&client->stream);
}

static void answer_error(struct client *client, const char *sqlstate, const char *message, const char *detail)
{
    struct error error = {0};
    error_set(&error, sqlstate, "%s", message);
    if (detail)
        error_detail(&error, "%s", detail);
    client_error(client, &error);
    error_clear(&error);
    answer_over(client);
}

static void answer_tag(struct client *client, const char *tag)
{
    wire_complete(client_output(client), tag);
    answer_over(client);
}

static int column_count(const char *const *columns)
{
    int count = 0;
    while (columns[count])
        count++;
    return count;
}

static void answer_table(struct client *client, const char *const *columns, struct admin_table *table, const char *tag)
{
    struct buffer *out = client_output(client);
    wire_columns(out, columns, NULL, column_count(columns));
    wire_put_bytes(out, buffer_data(&table->rows), buffer_length(&table->rows));
    buffer_free(&table->rows);
    answer_tag(client, tag);
}

/* --- the survey ---------------------------------------------------------------------------------------------- */

struct survey {
    struct inbox_message message;
    struct worker *home;
    uint64_t client_id;
    int next_worker;
    const char *const *columns;
    const char *tag;
    char *argument;
    void (*visit)(struct worker *worker, struct admin_table *table, const char *argument);
    struct admin_table table;
};

static void survey_home(struct survey *survey)
{
    struct client *client = worker_state(survey->home)->clients;
    while (client && client->id != survey->client_id)
        client = client->next;
    admin_put_sums(&survey->table);
    if (client && survey->columns)
        answer_table(client, survey->columns, &survey->table, survey->tag);
    else if (client)
        answer_tag(client, survey->tag);
    buffer_free(&survey->table.rows);
    free(survey->argument);
    free(survey);
    clients_may_move();
}

static void survey_run(struct inbox_message *message, struct worker *worker)
{
    struct survey *survey = (struct survey *) message;
    if (survey->next_worker == keyway.worker_count) {
        survey_home(survey);
        return;
    }
    survey->visit(worker, &survey->table, survey->argument);
    arena_reset(&worker->scratch);
    survey->next_worker++;
    worker_send(survey->next_worker == keyway.worker_count ? survey->home : keyway.workers[survey->next_worker],
                &survey->message);
}

void admin_survey(struct client *client, const char *const *columns, const char *tag,
                  void (*visit)(struct worker *worker, struct admin_table *table, const char *argument), const char *argument)
{
    struct survey *survey = memory_alloc(sizeof(*survey));
    survey->message.run = survey_run;
    survey->home = client->stream.worker;
    survey->client_id = client->id;
    survey->columns = columns;
    survey->tag = tag;
    survey->argument = memory_strdup(argument ? argument : "");
    survey->visit = visit;
    clients_stay();
    worker_send(keyway.workers[0], &survey->message);
}

/* --- commands ------------------------------------------------------------------------------------------------ */

static void show_help(struct client *client, const char *argument);

static void show_version(struct client *client, const char *argument)
{
    static const char *const columns[] = {"version", NULL};
    struct admin_table table = {0};
    const char *values[] = {"Keyway " KEYWAY_VERSION};
    (void) argument;
    admin_row(&table, values, 1);
    answer_table(client, columns, &table, "SHOW");
}

/* What a reload puts in force; the others are read at start only. */
static bool is_changeable(const char *key)
{
    static const char *const fixed[] = {"listen", "unix_socket_dir", "workers", "pid_file", NULL};
    for (int i = 0; fixed[i]; i++)
        if (strcmp(key, fixed[i]) == 0)
            return false;
    return true;
}

static void show_config(struct client *client, const char *argument)
{
    static const char *const columns[] = {"key", "value", "default", "changeable", "unit", "description", NULL};
    struct admin_table table = {0};
    struct setting_row row;
    (void) argument;
    for (size_t i = 0; settings_row(worker_state(client->stream.worker)->settings, i, scratch(client), &row); i++) {
        const char *values[] = {row.key, row.value, row.standard, is_changeable(row.key) ? "yes" : "no", row.unit, row.what};
        admin_row(&table, values, 6);
    }
    answer_table(client, columns, &table, "SHOW");
}

static const char *number(struct client *client, int64_t value)
{
    return arena_printf(scratch(client), "%" PRId64, value);
}

static int64_t open_connections(struct database *database)
{
    int64_t count = 0;
    pthread_mutex_lock(&database->lock);
    for (const struct pool_group *group = database->groups; group; group = group->next)
        for (int shard = 0; shard < group->shard_count; shard++)
            count += atomic_load(&group->pools[shard].open);
    pthread_mutex_unlock(&database->lock);
    return count;
}

static void show_databases(struct client *client, const char *argument)
{
    static const char *const columns[] = {"name",              "shards",             "pool_mode",           "pool_size", "min_pool_size",
                                          "reserve_pool_size", "multi_shard_commit", "current_connections", "paused",    NULL};
    const struct settings *settings = worker_state(client->stream.worker)->settings;
    struct admin_table table = {0};
    (void) argument;
    for (size_t i = 0; i < settings->database_count; i++) {
        const struct database_settings *database = &settings->databases[i];
        struct database *running = keyway_database(database->name);
        const char *values[] = {
            database->name,
            number(client, (int64_t) database->shard_count),
            pool_mode_name(database->pool_mode),
            number(client, database->pool_size),
            number(client, database->min_pool_size),
            number(client, database->reserve_pool_size),
            commit_mode_name(database->multi_shard_commit),
            number(client, running ? open_connections(running) : 0),
            running && atomic_load(&running->paused) ? "1" : "0",
        };
        admin_row(&table, values, 9);
    }
    answer_table(client, columns, &table, "SHOW");
}

/* Calls `rows` with the state of every database that is loaded. */
static void for_each_state(struct client *client, struct admin_table *table,
                           void (*rows)(struct client *client, const struct database_state *state, struct admin_table *table))
{
    pthread_mutex_lock(&keyway.lock);
    struct database *database = keyway.databases;
    pthread_mutex_unlock(&keyway.lock);
    for (; database; database = database->next) {
        struct database_state *state = database_state_now(database);
        if (state && !atomic_load(&database->removed))
            rows(client, state, table);
        database_state_release(state);
    }
}

/* Who puts texts of several shards in order: "keyway", or PostgreSQL, and why. */
static const char *text_order(struct client *client, const struct shard_locale *locale)
{
    if (!locale || !locale->collation)
        return "";
    return locale->obstacle ? arena_printf(scratch(client), "postgresql: %s", locale->obstacle) : "keyway";
}

static void shard_rows(struct client *client, const struct database_state *state, struct admin_table *table)
{
    for (size_t i = 0; i < state->settings->shard_count; i++) {
        const struct shard_settings *shard = &state->snapshot->shards[state->settings->shards[i]];
        const struct shard_locale *locale = state->routing ? &state->routing->locales[i] : NULL;
        const char *values[] = {state->settings->name,
                                shard->name,
                                state->shard_errors[i] ? "down" : "up",
                                state->shard_versions[i] ? state->shard_versions[i] : "",
                                state->shard_errors[i] ? state->shard_errors[i] : "",
                                locale && locale->collation ? locale->collation : "",
                                locale && locale->version ? locale->version : "",
                                text_order(client, locale)};
        admin_row(table, values, 8);
    }
}

static void show_shards(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database",          "shard",      "when_loaded",
                                          "version",           "error",      "collation",
                                          "collation_version", "text_order", NULL};
    struct admin_table table = {0};
    (void) argument;
    for_each_state(client, &table, shard_rows);
    answer_table(client, columns, &table, "SHOW");
}

static const char *method_name(enum keyspace_method method)
{
    switch (method) {
    case METHOD_RANGE:
        return "range";
    case METHOD_HASH:
        return "hash";
    case METHOD_LIST:
        return "list";
    }
    return "";
}

static void keyspace_rows(struct client *client, const struct database_state *state, struct admin_table *table)
{
    for (size_t i = 0; state->routing && i < state->settings->keyspace_count; i++) {
        const struct keyspace_settings *keyspace = &state->settings->keyspaces[i];
        const char *values[] = {state->settings->name, keyspace->name, keyspace->type, method_name(keyspace->method),
                                number(client, shard_set_count(keyspace_shards(state->routing->keyspaces[i])))};
        admin_row(table, values, 5);
    }
}

static void show_keyspaces(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database", "keyspace", "type", "method", "shards", NULL};
    struct admin_table table = {0};
    (void) argument;
    for_each_state(client, &table, keyspace_rows);
    answer_table(client, columns, &table, "SHOW");
}

static void range_rows(struct client *client, const struct database_state *state, struct admin_table *table)
{
    struct keyspace_piece piece;
    for (size_t i = 0; state->routing && i < state->settings->keyspace_count; i++)
        for (size_t k = 0; keyspace_piece(state->routing->keyspaces[i], k, scratch(client), &piece); k++) {
            const char *values[] = {state->settings->name, state->settings->keyspaces[i].name,
                                    state->snapshot->shards[state->settings->shards[piece.shard]].name, piece.lower,
                                    piece.upper};
            admin_row(table, values, 5);
        }
}

static void show_ranges(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database", "keyspace", "shard", "lower", "upper", NULL};
    struct admin_table table = {0};
    (void) argument;
    for_each_state(client, &table, range_rows);
    answer_table(client, columns, &table, "SHOW");
}

static const char *table_problem(struct client *client, const struct routed_table *table)
{
    const struct error *obstacle = table->obstacle;
    if (obstacle)
        return arena_printf(scratch(client), "cannot be used: %s%s%s", obstacle->message, obstacle->detail ? ". " : "",
                            obstacle->detail ? obstacle->detail : "");
    if (table->relation == NULL)
        return "does not exist yet";
    return table->problem ? table->problem : "";
}

static void table_rows(struct client *client, const struct database_state *state, struct admin_table *table)
{
    for (size_t i = 0; state->routing && i < state->settings->table_count; i++) {
        const struct routed_table *routed = &state->routing->tables[i];
        const struct table_settings *settings = routed->settings;
        const char *key = "";
        for (size_t k = 0; k < settings->key_count; k++)
            key = arena_printf(scratch(client), "%s%s%s", key, k ? ", " : "", settings->key[k]);
        const char *values[] = {state->settings->name,
                                settings->schema,
                                settings->name,
                                settings->reference ? "reference" : "sharded",
                                settings->keyspace >= 0 ? state->settings->keyspaces[settings->keyspace].name : "",
                                key,
                                table_problem(client, routed)};
        admin_row(table, values, 7);
    }
}

static void show_tables(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database", "schema", "table", "kind", "keyspace", "key", "problem", NULL};
    struct admin_table table = {0};
    (void) argument;
    for_each_state(client, &table, table_rows);
    answer_table(client, columns, &table, "SHOW");
}

static void show_pools(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database", "user",    "shard",     "pool_mode", "cl_active", "cl_waiting", "sv_active",
                                          "sv_idle",  "sv_tested", "sv_login", "maxwait",   "maxwait_us", NULL};
    admin_survey(client, columns, "SHOW", admin_visit_pools, argument);
}

static void show_clients(struct client *client, const char *argument)
{
    static const char *const columns[] = {"type",         "user", "database", "state", "addr", "connect_time",
                                          "request_time", "wait", "wait_us",  "link",  "tls",  "application_name",
                                          "prepared_statements",  "id",       "worker", NULL};
    admin_survey(client, columns, "SHOW", admin_visit_clients, argument);
}

static void show_servers(struct client *client, const char *argument)
{
    static const char *const columns[] = {"type",         "user",         "database", "shard",      "state", "addr", "port", "connect_time",
                                          "request_time", "close_needed", "link",     "remote_pid", "tls",   "prepared_statements",
                                          "id",           "worker",       NULL};
    admin_survey(client, columns, "SHOW", admin_visit_servers, argument);
}

static void show_stats(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database",
#define X(name) "total_" #name,
                                          DATABASE_COUNTERS(X)
#undef X
                                              NULL};
    admin_survey(client, columns, "SHOW", admin_visit_stats, argument);
}

static void show_workers(struct client *client, const char *argument)
{
    static const char *const columns[] = {"worker", "clients", "busy", "clients_came", "clients_left", NULL};
    admin_survey(client, columns, "SHOW", admin_visit_workers, argument);
}

static void show_plans(struct client *client, const char *argument)
{
    static const char *const columns[] = {"database", "worker", "hits", "across_shards", "reason", "statement", NULL};
    admin_survey(client, columns, "SHOW", admin_visit_plans, argument);
}

static void route_answer(struct client *client, const struct database_state *state, const struct plan *plan,
                         const struct normalised *normalised)
{
    static const char *const columns[] = {"kind", "shards", "reason", NULL};
    struct admin_table table = {0};
    struct route route = {0};
    struct error error = {0};
    const char *shards = "";
    const char *values[3] = {"refuse", "", ""};
    const struct normalised *literals = normalised->unsure ? NULL : normalised;
    if (plan_route(plan, state->routing, literals, NULL, scratch(client), &route, &error)) {
        for (int shard = shard_set_next(&route.shards, 0); shard >= 0; shard = shard_set_next(&route.shards, shard + 1))
            shards = arena_printf(scratch(client), "%s%s%s", shards, *shards ? ", " : "",
                                  state->snapshot->shards[state->settings->shards[shard]].name);
        values[0] = plan_kind_name(route.kind);
        values[1] = shards;
        values[2] = plan_describe(plan, state->routing, literals, NULL, &route, scratch(client));
    } else if (plan->evaluation && plan->many != PLAN_REFUSE) {
        values[0] = plan_kind_name(plan->many);
        values[2] = plan_describe_evaluation(plan, state->routing, scratch(client));
    } else {
        values[2] = arena_printf(scratch(client), "%s%s%s", error.message, error.detail ? ": " : "",
                                 error.detail ? error.detail : "");
    }
    error_clear(&error);
    admin_row(&table, values, 3);
    answer_table(client, columns, &table, "ROUTE");
}

/* ROUTE ['<sql>' | DATABASE '<sql>']: plans, runs nothing. */
static void route(struct client *client, const char *argument)
{
    const struct settings *settings = worker_state(client->stream.worker)->settings;
    struct error error = {0};
    const char *quote = strchr(argument, '\''), *end = strrchr(argument, '\'');
    const char *name = settings->databases[0].name;
    if (quote == NULL || end == quote) {
        answer_error(client, SQLSTATE_SYNTAX_ERROR, "ROUTE expects a statement in single quotes", NULL);
        return;
    }
    if (quote > argument) {
        size_t length = strcspn(argument, " \t'");
        name = arena_strndup(scratch(client), argument, length);
    }
    char *sql = arena_strndup(scratch(client), quote + 1, (size_t) (end - quote - 1)), *to = sql;
    for (const char *from = sql; *from; from++) {
        if (from[0] == '\'' && from[1] == '\'')
            from++;
        *to++ = *from;
    }
    *to = '\0';
    struct database *database = keyway_database(name);
    struct database_state *state = database ? database_state_now(database) : NULL;
    if (state == NULL || state->routing == NULL) {
        answer_error(client, SQLSTATE_INVALID_CATALOG_NAME, "there is no such database, or it could not be loaded", name);
        database_state_release(state);
        return;
    }
    struct normalised *normalised = &worker_state(client->stream.worker)->normalised;
    struct session_facts facts = {.search_path = state->search_path, .user = client->user, .iso_dates = state->iso_dates, .server_encoding = true};
    normalise(sql, strlen(sql), normalised);
    struct plan *plan = plan_make(state->routing, &facts, sql, strlen(sql), normalised->unsure ? NULL : normalised, NULL, 0, &error);
    if (plan) {
        route_answer(client, state, plan, normalised);
        plan_release(plan);
    } else {
        answer_error(client, error.sqlstate, error.message, NULL);
    }
    error_clear(&error);
    database_state_release(state);
}

struct reload_job {
    struct blocking_job job;
    struct worker *worker;
    uint64_t client_id;
    struct error error;
    bool done;
};

static void reload_work(struct blocking_job *job)
{
    struct reload_job *reload_job = (struct reload_job *) job;
    reload_job->done = keyway_reload(&reload_job->error);
}

static void reload_finish(struct blocking_job *job)
{
    struct reload_job *finished = (struct reload_job *) job;
    struct client *client = worker_state(finished->worker)->clients;
    while (client && client->id != finished->client_id)
        client = client->next;
    if (client && finished->done)
        admin_survey(client, NULL, "RELOAD", admin_visit_nothing, NULL);
    else if (client)
        answer_error(client, finished->error.sqlstate, finished->error.message, finished->error.detail);
    error_clear(&finished->error);
    free(finished);
}

static void reload(struct client *client, const char *argument)
{
    struct reload_job *job = memory_alloc(sizeof(*job));
    (void) argument;
    job->job.work = reload_work;
    job->job.finish = reload_finish;
    job->job.worker = job->worker = client->stream.worker;
    job->client_id = client->id;
    blocking_submit(&job->job);
}

/* Set or clear `paused` of one database, or of all. */
static bool set_paused(const char *name, bool paused)
{
    bool found = false;
    pthread_mutex_lock(&keyway.lock);
    for (struct database *database = keyway.databases; database; database = database->next)
        if (*name == '\0' || strcmp(name, database->name) == 0) {
            atomic_store(&database->paused, paused);
            found = true;
        }
    pthread_mutex_unlock(&keyway.lock);
    return found;
}

static void pause_command(struct client *client, const char *argument)
{
    if (set_paused(argument, true))
        answer_tag(client, "PAUSE");
    else
        answer_error(client, SQLSTATE_INVALID_CATALOG_NAME, "no such database", argument);
}

static void resume_command(struct client *client, const char *argument)
{
    if (set_paused(argument, false))
        admin_survey(client, NULL, "RESUME", admin_visit_resume, argument);
    else
        answer_error(client, SQLSTATE_INVALID_CATALOG_NAME, "no such database", argument);
}

static void reconnect(struct client *client, const char *argument)
{
    if (*argument == '\0' || keyway_database(argument))
        admin_survey(client, NULL, "RECONNECT", admin_visit_reconnect, argument);
    else
        answer_error(client, SQLSTATE_INVALID_CATALOG_NAME, "no such database", argument);
}

static void kill_command(struct client *client, const char *argument)
{
    if (keyway_database(argument))
        admin_survey(client, NULL, "KILL", admin_visit_kill, argument);
    else
        answer_error(client, SQLSTATE_INVALID_CATALOG_NAME, "no such database", argument);
}

static void shutdown_command(struct client *client, const char *argument)
{
    bool wait = strcasecmp(argument, "wait_for_clients") == 0;
    if (*argument && !wait) {
        answer_error(client, SQLSTATE_SYNTAX_ERROR, "SHUTDOWN takes WAIT_FOR_CLIENTS or nothing", argument);
        return;
    }
    log_line(LOG_INFO, "SHUTDOWN by %s", client->user);
    answer_tag(client, "SHUTDOWN");
    kill(getpid(), wait ? SIGTERM : SIGINT); /* the main thread does the same as for a signal from outside */
}

/* X(what is typed, what may follow it, function, needs an admin, description) */
#define ADMIN_COMMANDS(X)                                                                                        \
    X("SHOW HELP", "", show_help, false, "this list")                                                            \
    X("SHOW VERSION", "", show_version, false, "Keyway's version")                                               \
    X("SHOW CONFIG", "", show_config, true, "every setting with its default and meaning")                        \
    X("SHOW DATABASES", "", show_databases, false, "databases and their pools' limits")                          \
    X("SHOW POOLS", "", show_pools, false, "connections by database, user and shard")                            \
    X("SHOW CLIENTS", "", show_clients, false, "who is connected")                                               \
    X("SHOW SERVERS", "", show_servers, false, "connections to shards")                                          \
    X("SHOW STATS", "", show_stats, false, "totals by database; times are microseconds")                         \
    X("SHOW WORKERS", "", show_workers, false, "how busy, in per cent, and clients from and to others")          \
    X("SHOW SHARDS", "", show_shards, false, "shards as they were when the catalog was last read")               \
    X("SHOW KEYSPACES", "", show_keyspaces, false, "how keys find their shards")                                 \
    X("SHOW RANGES", "", show_ranges, false, "which shard holds which keys")                                     \
    X("SHOW TABLES", "", show_tables, false, "sharded and reference tables")                                     \
    X("SHOW PLANS", "", show_plans, false, "cached plans and how often they were used")                          \
    X("ROUTE", "[DATABASE] '<sql>'", route, false, "plan kind, shards and reason; nothing is run")               \
    X("RELOAD", "", reload, true, "read the configuration again")                                                \
    X("PAUSE", "[DATABASE]", pause_command, true, "hold back new transactions")                                  \
    X("RESUME", "[DATABASE]", resume_command, true, "let them go on")                                            \
    X("RECONNECT", "[DATABASE]", reconnect, true, "replace server connections as they come free")                \
    X("KILL", "DATABASE", kill_command, true, "disconnect its clients")                                          \
    X("SHUTDOWN", "[WAIT_FOR_CLIENTS]", shutdown_command, true, "stop now, or when transactions have ended")

struct admin_command {
    const char *words, *parameter;
    void (*run)(struct client *client, const char *argument);
    bool admin;
    const char *what;
};

static const struct admin_command commands[] = {
#define X(words, parameter, run, admin, what) {words, parameter, run, admin, what},
    ADMIN_COMMANDS(X)
#undef X
};

static void show_help(struct client *client, const char *argument)
{
    static const char *const columns[] = {"command", "description", NULL};
    struct admin_table table = {0};
    (void) argument;
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        const char *words = commands[i].words, *parameter = commands[i].parameter;
        const char *values[] = {arena_printf(scratch(client), "%s%s%s", words, *parameter ? " " : "", parameter), commands[i].what};
        admin_row(&table, values, 2);
    }
    answer_table(client, columns, &table, "SHOW");
}

/* The words of a command, in any case and with any blanks between; returns what follows them, or NULL. */
static const char *match(const char *text, const char *words)
{
    for (; *words; words++) {
        if (*words == ' ') {
            size_t blanks = strspn(text, " \t\r\n");
            if (blanks == 0)
                return NULL;
            text += blanks;
        } else {
            if (strncasecmp(text, words, 1) != 0)
                return NULL;
            text++;
        }
    }
    return *text == '\0' || strchr(" \t\r\n'", *text) ? text + strspn(text, " \t\r\n") : NULL;
}

static void run_command(struct client *client, const char *sql)
{
    char *text = arena_strdup(scratch(client), sql + strspn(sql, " \t\r\n;"));
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n;", text[length - 1]))
        text[--length] = '\0';
    client->state = CLIENT_BUSY;
    stream_pause(&client->stream);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        const char *argument = match(text, commands[i].words);
        if (argument == NULL)
            continue;
        if (commands[i].admin && !client->admin)
            answer_error(client, SQLSTATE_INSUFFICIENT_PRIVILEGE, "this command is for admin_users only", NULL);
        else if (*argument && *commands[i].parameter == '\0')
            answer_error(client, SQLSTATE_SYNTAX_ERROR, "nothing may follow this command", argument);
        else
            commands[i].run(client, argument);
        return;
    }
    if (length == 0) {
        wire_empty(client_output(client), 'I');
        answer_over(client);
    } else if (strncasecmp(text, "set ", 4) == 0) { /* what drivers send at the start */
        answer_tag(client, "SET");
    } else {
        answer_error(client, SQLSTATE_SYNTAX_ERROR, "unknown console command; SHOW HELP lists them", text);
    }
}

/* --- the session --------------------------------------------------------------------------------------------- */

void admin_enter(struct client *client)
{
    const struct settings *settings = worker_state(client->stream.worker)->settings;
    struct error error = {0};
    if (!settings_is_stats(settings, client->user)) {
        error_set(&error, SQLSTATE_INSUFFICIENT_PRIVILEGE, "user \"%s\" may not use the console", client->user);
        error_hint(&error, "Name it in admin_users or stats_users.");
        client_close(client, &error, "not an admin");
        error_clear(&error);
        return;
    }
    client->console = true;
    client->admin = settings_is_admin(settings, client->user);
    struct buffer *out = client_output(client);
    size_t mark = wire_begin(out, 'R');
    wire_put_int32(out, 0);
    wire_end(out, mark);
    wire_parameter(out, "server_version", "15.0 (Keyway " KEYWAY_VERSION ")");
    wire_parameter(out, "client_encoding", "UTF8");
    wire_parameter(out, "server_encoding", "UTF8");
    wire_parameter(out, "DateStyle", "ISO, MDY");
    wire_parameter(out, "standard_conforming_strings", "on");
    wire_ready(out, 'I');
    client_wrote(client);
    client_logged_in(client);
}

size_t admin_input(struct client *client, const uint8_t *bytes, size_t length)
{
    struct frame frame;
    if (client->state == CLIENT_BUSY) {
        stream_pause(&client->stream);
        return 0;
    }
    switch (wire_scan(bytes, length, 1 << 20, &frame)) {
    case WIRE_FRAME:
        break;
    case WIRE_HEAD:
    case WIRE_PARTIAL:
        return 0;
    case WIRE_BAD:
        client_close(client, NULL, "invalid message length");
        return length;
    }
    struct reader reader = reader_of(&frame);
    const char *sql = frame.type == 'Q' ? read_string(&reader) : NULL;
    if (sql) {
        run_command(client, sql);
        arena_reset(scratch(client));
    } else if (frame.type == 'X') {
        return client_terminate(client, length);
    } else if (frame.type == 'S') {
        answer_over(client);
    } else {
        struct error error = {0};
        error_set(&error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the console takes simple queries only");
        client_close(client, &error, "not a simple query");
        error_clear(&error);
    }
    return frame.total;
}
