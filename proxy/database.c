/*
 * A load runs on a helper thread: it connects to every shard through libpq, reads the catalogs, of several shards at a time, keeps
 * the parameters of the home shard's greeting, and joins all of it with the settings into a new state.  Loads of one database
 * follow each other; one that was asked for while another ran starts when that one ends, because what made it necessary may
 * have come too late for the first.
 */
#include "proxy/database.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/arena.h"
#include "proxy/blocking.h"
#include "proxy/client.h"
#include "proxy/client_shards.h"
#include "proxy/keyway.h"
#include "proxy/log.h"
#include "proxy/server_login.h"
#include "router/limited_settings.h"

enum {
    MOST_READERS = 8,  /* threads that read catalogs for one load */
    MOST_READINGS = 10, /* while DDL goes on */
};

/* What PostgreSQL 15 reports of itself in a greeting (55.2.7). */
static const char *const greeting_parameters[] = {
    "application_name",  "client_encoding",     "DateStyle",       "default_transaction_read_only",
    "in_hot_standby",    "integer_datetimes",   "IntervalStyle",   "is_superuser",
    "server_encoding",   "server_version",      "session_authorization", "standard_conforming_strings",
    "TimeZone",          NULL,
};

struct database *database_new(const char *name)
{
    struct database *database = memory_alloc(sizeof(*database));
    database->name = memory_strdup(name);
    pthread_mutex_init(&database->lock, NULL);
    return database;
}

struct database_state *database_state_hold(struct database_state *state)
{
    if (state)
        atomic_fetch_add(&state->references, 1);
    return state;
}

void database_state_release(struct database_state *state)
{
    if (state == NULL || atomic_fetch_sub(&state->references, 1) > 1)
        return;
    routing_release(state->routing);
    settings_release(state->snapshot);
    arena_free(&state->arena);
    free(state);
}

struct database_state *database_state_now(struct database *database)
{
    pthread_mutex_lock(&database->lock);
    struct database_state *state = database_state_hold(database->state);
    pthread_mutex_unlock(&database->lock);
    return state;
}

/* --- reading one shard --------------------------------------------------------------------------------------- */

static void set_error_from(struct error *error, const char *shard, const char *text)
{
    char *copy = memory_strdup(text);
    for (size_t length = strlen(copy); length > 0 && copy[length - 1] == '\n'; length--)
        copy[length - 1] = '\0';
    error_set(error, SQLSTATE_CONNECTION_FAILURE, "could not read shard \"%s\"", shard);
    error_detail(error, "%s", copy);
    free(copy);
}

static PGconn *shard_connect(const struct settings *settings, const struct database_settings *database, int shard,
                             struct error *error)
{
    struct login_options options;
    const char *name = settings->shards[database->shards[shard]].name;
    if (!login_options_make(&options, settings, database, shard, NULL, error))
        return NULL;
    PGconn *connection = PQconnectdbParams(options.keywords, options.values, 0);
    login_options_free(&options);
    if (PQstatus(connection) == CONNECTION_OK)
        return connection;
    set_error_from(error, name, PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}

static bool run_command(PGconn *connection, const char *shard, const char *sql, struct error *error)
{
    PGresult *result = PQexec(connection, sql);
    bool done = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!done)
        set_error_from(error, shard, PQerrorMessage(connection));
    PQclear(result);
    return done;
}

static bool add_rows(struct catalog_builder *builder, int query, PGresult *result, struct error *error)
{
    int columns = PQnfields(result);
    const char **values = memory_alloc((size_t) columns * sizeof(*values));
    bool added = true;
    for (int row = 0; row < PQntuples(result) && added; row++) {
        for (int column = 0; column < columns; column++)
            values[column] = PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
        added = catalog_add_row(builder, query, values, columns, error);
    }
    free(values);
    return added;
}

static struct catalog *read_catalog(PGconn *connection, const char *shard, struct error *error)
{
    if (!run_command(connection, shard,
                     "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog;"
                     " SET LOCAL work_mem = '32MB'", /* sorts by the ten thousand columns, in memory */
                     error))
        return NULL;
    struct catalog_builder *builder = catalog_builder_new();
    for (int query = 0; catalog_queries[query]; query++) {
        if (PQserverVersion(connection) < catalog_query_since(query))
            continue;
        PGresult *result = PQexec(connection, catalog_queries[query]);
        bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
        if (!read)
            set_error_from(error, shard, PQerrorMessage(connection));
        else
            read = add_rows(builder, query, result, error);
        PQclear(result);
        if (!read) {
            catalog_builder_abandon(builder);
            return NULL;
        }
    }
    if (!run_command(connection, shard, "COMMIT", error)) {
        catalog_builder_abandon(builder);
        return NULL;
    }
    return catalog_finish(builder);
}

static const char *show(PGconn *connection, const char *sql, struct arena *arena)
{
    PGresult *result = PQexec(connection, sql);
    const char *value = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1
                            ? arena_strdup(arena, PQgetvalue(result, 0, 0))
                            : NULL;
    PQclear(result);
    return value;
}

static void keep_greeting(struct database_state *state, PGconn *connection)
{
    state->parameters = arena_alloc_array(&state->arena, sizeof(greeting_parameters) / sizeof(char *),
                                          sizeof(*state->parameters));
    for (int i = 0; greeting_parameters[i]; i++) {
        const char *value = PQparameterStatus(connection, greeting_parameters[i]);
        if (value)
            state->parameters[state->parameter_count++] =
                (struct database_parameter){greeting_parameters[i], arena_strdup(&state->arena, value)};
    }
    const char *style = PQparameterStatus(connection, "DateStyle");
    const char *encoding = PQparameterStatus(connection, "server_encoding");
    state->iso_dates = style && strncasecmp(style, "ISO", 3) == 0;
    state->encoding = arena_strdup(&state->arena, encoding ? encoding : "");
    state->search_path = show(connection, "SHOW search_path", &state->arena);
}

/* What reading a shard found. */
struct shard_reading {
    struct catalog *catalog; /* NULL: it could not be read; `error` says why */
    bool rounded_floats, escaped_bytes;
    char *version;           /* of the server; NULL: there was no connection */
    struct error error;
};

/* Shards are read by several threads, each of which takes the next one that nobody has taken. */
struct shard_readings {
    struct database_state *state; /* the home shard's thread alone writes to it */
    struct shard_reading *shards;
    _Atomic size_t next;
};

/* What the router must know of the shard's defaults, or cannot follow; they are PostgreSQL's own nearly everywhere. */
static bool read_defaults(PGconn *connection, const char *shard, struct shard_reading *reading)
{
    struct error unsupported = {0};
    PGresult *result = PQexec(connection, "SELECT name, pg_catalog.current_setting(name) FROM pg_catalog.unnest(ARRAY['bytea_output', 'extra_float_digits',"
                                          " 'standard_conforming_strings', 'transform_null_equals', 'array_nulls']) AS name");
    bool read = PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!read)
        set_error_from(&reading->error, shard, PQerrorMessage(connection));
    for (int row = 0; read && row < PQntuples(result); row++) {
        const char *name = PQgetvalue(result, row, 0), *value = PQgetvalue(result, row, 1);
        reading->escaped_bytes |= strcmp(name, "bytea_output") == 0 && setting_escapes_bytes(value);
        reading->rounded_floats |= strcmp(name, "extra_float_digits") == 0 && setting_rounds_floats(value);
        read = setting_is_supported(name, value, &unsupported);
        if (!read)
            set_error_from(&reading->error, shard, unsupported.detail);
    }
    error_clear(&unsupported);
    PQclear(result);
    return read;
}

static void read_shard(struct database_state *state, int shard, struct shard_reading *reading)
{
    const char *name = state->snapshot->shards[state->settings->shards[shard]].name;
    PGconn *connection = shard_connect(state->snapshot, state->settings, shard, &reading->error);
    if (!connection)
        return;
    const char *version = PQparameterStatus(connection, "server_version");
    reading->version = memory_strdup(version ? version : "");
    if (shard == 0)
        keep_greeting(state, connection);
    if (state->settings->shard_count == 1 || read_defaults(connection, name, reading))
        reading->catalog = read_catalog(connection, name, &reading->error);
    PQfinish(connection);
}

static void *read_some_shards(void *argument)
{
    struct shard_readings *readings = argument;
    size_t shard;
    while ((shard = atomic_fetch_add(&readings->next, 1)) < readings->state->settings->shard_count)
        read_shard(readings->state, (int) shard, &readings->shards[shard]);
    return NULL;
}

/* Where no thread can be had, this one reads all. */
static void read_all_shards(struct shard_readings *readings)
{
    pthread_t threads[MOST_READERS - 1];
    size_t count = 0, wanted = readings->state->settings->shard_count - 1;
    while (count < wanted && count < MOST_READERS - 1 && pthread_create(&threads[count], NULL, read_some_shards, readings) == 0)
        count++;
    read_some_shards(readings);
    for (size_t i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* The home shard (0) must be readable, another one's failure is only noted. */
static bool keep_reading(struct database_state *state, int shard, struct shard_reading *reading, struct error *error)
{
    if (reading->version)
        state->shard_versions[shard] = arena_strdup(&state->arena, reading->version);
    free(reading->version);
    state->rounded_floats |= reading->rounded_floats;
    state->escaped_bytes |= reading->escaped_bytes;
    if (reading->catalog)
        return true;
    const struct error *failure = &reading->error;
    state->shard_errors[shard] = arena_strdup(&state->arena, failure->detail ? failure->detail : failure->message);
    if (shard == 0) {
        *error = reading->error; /* with its texts */
        return false;
    }
    log_line(LOG_WARNING, "database \"%s\": %s: %s", state->settings->name, failure->message, state->shard_errors[shard]);
    error_clear(&reading->error);
    return true;
}

static _Atomic uint64_t last_serial;

static bool is_first(struct database *database)
{
    struct database_state *present = database_state_now(database);
    database_state_release(present);
    return present == NULL;
}

/* The first reading wants every table to fit; later on one that does not is left out, and the others go on. */
static bool tables_fit(const struct database_state *state, bool first, struct error *error)
{
    const struct error *obstacle = routing_first_obstacle(state->routing);
    if (obstacle && first) {
        error_copy(error, obstacle);
        return false;
    }
    for (size_t i = 0; i < state->settings->table_count; i++) {
        obstacle = state->routing->tables[i].obstacle;
        if (obstacle)
            log_line(LOG_ERROR, "database \"%s\": %s, and cannot be used: %s", state->settings->name, obstacle->message,
                     obstacle->detail ? obstacle->detail : obstacle->hint);
    }
    return true;
}

static struct database_state *state_read(struct database *database, struct settings *snapshot, struct error *error)
{
    const char *name = database->name;
    const struct database_settings *settings = settings_database(snapshot, name);
    if (settings == NULL) {
        error_set(error, SQLSTATE_INVALID_CATALOG_NAME, "database \"%s\" does not exist", name);
        return NULL;
    }
    struct database_state *state = memory_alloc(sizeof(*state));
    state->references = 1;
    state->serial = atomic_fetch_add(&last_serial, 1) + 1;
    state->snapshot = settings_hold(snapshot);
    state->settings = settings;
    state->home_user = login_conninfo_user(&state->arena, snapshot, settings, 0);
    state->shard_versions = arena_alloc_array(&state->arena, settings->shard_count, sizeof(char *));
    state->shard_errors = arena_alloc_array(&state->arena, settings->shard_count, sizeof(char *));
    struct catalog **catalogs = memory_alloc(settings->shard_count * sizeof(*catalogs));
    struct shard_readings readings = {.state = state, .shards = memory_alloc(settings->shard_count * sizeof(*readings.shards))};
    bool read = true, first = is_first(database);
    read_all_shards(&readings);
    for (size_t shard = 0; shard < settings->shard_count; shard++) {
        read &= keep_reading(state, (int) shard, &readings.shards[shard], error);
        catalogs[shard] = readings.shards[shard].catalog;
    }
    free(readings.shards);
    if (read) {
        state->routing = routing_build(snapshot, settings, catalogs, error);
        read = state->routing != NULL && tables_fit(state, first, error);
    } else {
        for (size_t shard = 0; shard < settings->shard_count; shard++)
            if (catalogs[shard])
                catalog_free(catalogs[shard]);
    }
    free(catalogs);
    if (read)
        return state;
    database_state_release(state);
    return NULL;
}

/* --- loads --------------------------------------------------------------------------------------------------- */

struct load_job {
    struct blocking_job job;
    struct database *database;
    struct settings *settings;
    uint64_t number;
};

struct view_message {
    struct inbox_message message;
    struct database *database;
};

static void view_message_run(struct inbox_message *message, struct worker *worker)
{
    struct database *database = ((struct view_message *) message)->database;
    free(message);
    database_view_renew(worker, keyway_view(worker, database));
}

static void tell_workers(struct database *database)
{
    for (int i = 0; i < keyway.worker_count; i++) {
        struct view_message *message = memory_alloc(sizeof(*message));
        message->message.run = view_message_run;
        message->database = database;
        worker_send(keyway.workers[i], &message->message);
    }
}

void database_view_update(struct database_view *view)
{
    struct database *database = view->database;
    struct database_state *old = view->state;
    pthread_mutex_lock(&database->lock);
    view->state = database_state_hold(database->state);
    view->load_seen = database->load_done;
    error_clear(&view->load_error);
    if (error_is_set(&database->load_error))
        error_copy(&view->load_error, &database->load_error);
    pthread_mutex_unlock(&database->lock);
    database_state_release(old);
    if (view->plans == NULL && view->state && view->state->routing)
        view->plans = plan_cache_new((size_t) view->state->snapshot->plan_cache_size);
}

void database_view_renew(struct worker *worker, struct database_view *view)
{
    database_view_update(view);
    client_loads_done(view);
    client_shards_changed(worker, view);
}

/* Not over what a later load has found: it may have been made with newer settings. */
static void install(struct database *database, struct database_state *state, uint64_t number, struct error *error)
{
    pthread_mutex_lock(&database->lock);
    bool newest = number > database->load_done;
    struct database_state *old = newest && state ? database->state : state;
    if (newest) {
        database->state = state ? state : database->state;
        error_clear(&database->load_error);
        database->load_error = *error; /* with its texts */
        database->load_done = number;
    }
    pthread_mutex_unlock(&database->lock);
    if (!newest)
        error_clear(error);
    database_state_release(old);
}

static void load_work(struct blocking_job *job);

static void load_finish(struct blocking_job *job)
{
    struct load_job *load = (struct load_job *) job;
    settings_release(load->settings);
    free(load);
}

static void submit_load(struct database *database, struct settings *settings, uint64_t number)
{
    struct load_job *load = memory_alloc(sizeof(*load));
    load->job.work = load_work;
    load->job.finish = load_finish;
    load->database = database;
    load->settings = settings_hold(settings);
    load->number = number;
    blocking_submit(&load->job);
}

static void load_work(struct blocking_job *job)
{
    struct load_job *load = (struct load_job *) job;
    struct database *database = load->database;
    struct error error = {0};
    struct database_state *state = state_read(database, load->settings, &error);
    if (state == NULL)
        log_line(LOG_ERROR, "database \"%s\": %s: %s", database->name, error.message, error.detail ? error.detail : "");
    install(database, state, load->number, &error);

    pthread_mutex_lock(&database->lock);
    database->loading = database->load_wanted > database->load_done;
    uint64_t next = database->loading ? database->load_wanted : 0;
    struct settings *settings = next ? settings_hold(database->load_settings) : NULL;
    pthread_mutex_unlock(&database->lock);
    if (next)
        submit_load(database, settings, next);
    settings_release(settings);
    tell_workers(database);
}

uint64_t database_load(struct database *database, struct settings *settings)
{
    pthread_mutex_lock(&database->lock);
    uint64_t number = ++database->load_wanted;
    bool start = !database->loading;
    database->loading = true;
    settings_release(database->load_settings);
    database->load_settings = settings_hold(settings);
    pthread_mutex_unlock(&database->lock);
    if (start)
        submit_load(database, settings, number);
    return number;
}

static uint64_t loads_wanted(struct database *database)
{
    pthread_mutex_lock(&database->lock);
    uint64_t wanted = database->load_wanted;
    pthread_mutex_unlock(&database->lock);
    return wanted;
}

/* The number of a load that began when `seen` was the last one wanted, and has read what all before it are for; 0: another is wanted since then. */
static uint64_t number_of_load(struct database *database, uint64_t seen)
{
    pthread_mutex_lock(&database->lock);
    uint64_t number = database->load_wanted == seen ? ++database->load_wanted : 0;
    pthread_mutex_unlock(&database->lock);
    return number;
}

/* A load that DDL has wanted meanwhile may be for what was not there yet when this one looked, and must not be taken for done.  While there is DDL all
 * the time, theirs go on to be read, and the settings are those of the load behind them. */
bool database_load_now(struct database *database, struct settings *settings, struct error *error)
{
    struct error none = {0};
    uint64_t number = 0, seen = 0;
    for (int reading = 0; number == 0 && reading < MOST_READINGS; reading++) {
        seen = loads_wanted(database);
        struct database_state *state = state_read(database, settings, error);
        if (state == NULL)
            return false;
        number = number_of_load(database, seen);
        if (number > 0)
            install(database, state, number, &none);
        else
            database_state_release(state);
    }
    if (number == 0)
        database_load(database, settings);
    tell_workers(database);
    return true;
}
