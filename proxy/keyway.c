/*
 * The settings in force are swapped under the lock; each worker gets its own hold of them by a message.  Where statements go
 * changes with each database's state, once the new one was read: until then its clients keep the old shards.
 */
#include "proxy/keyway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/client.h"
#include "proxy/client_rest.h"
#include "proxy/log.h"
#include "proxy/pool.h"
#include "proxy/tls.h"
#include "router/routing.h"

struct keyway keyway = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct settings *keyway_settings(void)
{
    pthread_mutex_lock(&keyway.lock);
    struct settings *settings = settings_hold(keyway.settings);
    pthread_mutex_unlock(&keyway.lock);
    return settings;
}

struct database *keyway_database(const char *name)
{
    pthread_mutex_lock(&keyway.lock);
    struct database *database = keyway.databases;
    while (database && strcmp(database->name, name) != 0)
        database = database->next;
    pthread_mutex_unlock(&keyway.lock);
    return database;
}

struct database_view *keyway_view(struct worker *worker, struct database *database)
{
    struct worker_state *state = worker_state(worker);
    struct database_view *view = state->views;
    while (view && view->database != database)
        view = view->next;
    if (view == NULL) {
        view = memory_alloc(sizeof(*view));
        view->database = database;
        view->next = state->views;
        state->views = view;
        database_view_update(view);
    }
    return view;
}

/* --- settings to workers ------------------------------------------------------------------------------------- */

struct settings_message {
    struct inbox_message message;
    struct settings *settings; /* held */
    SSL_CTX *tls;              /* held; may be NULL */
    bool retire;
};

static void for_each_pool(struct worker *worker, void (*visit)(struct pool *pool, struct worker *worker))
{
    pthread_mutex_lock(&keyway.lock);
    struct database *database = keyway.databases;
    pthread_mutex_unlock(&keyway.lock);
    for (; database; database = database->next) {
        pthread_mutex_lock(&database->lock);
        struct pool_group *group = database->groups;
        pthread_mutex_unlock(&database->lock);
        for (; group; group = group->next) /* groups are only ever put in front */
            for (int shard = 0; shard < group->shard_count; shard++)
                visit(&group->pools[shard], worker);
    }
}

static void settings_message_run(struct inbox_message *message, struct worker *worker)
{
    struct settings_message *change = (struct settings_message *) message;
    struct worker_state *state = worker_state(worker);
    settings_release(state->settings);
    state->settings = change->settings;
    SSL_CTX_free(state->tls);
    state->tls = change->tls;
    if (change->retire)
        for_each_pool(worker, pool_retire);
    free(change);
}

static void send_settings(struct settings *settings, SSL_CTX *tls, bool retire)
{
    for (int i = 0; i < keyway.worker_count; i++) {
        struct settings_message *message = memory_alloc(sizeof(*message));
        message->message.run = settings_message_run;
        message->settings = settings_hold(settings);
        message->tls = tls;
        message->retire = retire;
        if (tls)
            SSL_CTX_up_ref(tls);
        worker_send(keyway.workers[i], &message->message);
    }
}

/* --- reload -------------------------------------------------------------------------------------------------- */

static struct settings *read_settings(struct error *error)
{
    struct diagnostics diagnostics = {0};
    struct settings *settings = settings_load(keyway.config_file, &diagnostics);
    if (settings && !routing_check(settings, &diagnostics)) {
        settings_release(settings);
        settings = NULL;
    }
    if (settings == NULL) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        diagnostics_print(&diagnostics, out);
        fclose(out);
        error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "the configuration file has mistakes; the old settings stay in force");
        error_detail(error, "%s", text);
        free(text);
    }
    diagnostics_free(&diagnostics);
    return settings;
}

void keyway_install_databases(const struct settings *settings)
{
    pthread_mutex_lock(&keyway.lock);
    for (struct database *database = keyway.databases; database; database = database->next)
        atomic_store(&database->removed, settings_database(settings, database->name) == NULL);
    for (size_t i = 0; i < settings->database_count; i++) {
        struct database *database = keyway.databases;
        while (database && strcmp(database->name, settings->databases[i].name) != 0)
            database = database->next;
        if (database == NULL) {
            database = database_new(settings->databases[i].name);
            database->next = keyway.databases;
            keyway.databases = database;
        }
    }
    pthread_mutex_unlock(&keyway.lock);
}

/* A shard that is down is no mistake in the file: the database goes on as it was known before. */
static void load_again(struct database *database, struct settings *settings)
{
    struct error error = {0};
    if (!database_load_now(database, settings, &error))
        log_line(LOG_ERROR, "database \"%s\" keeps its shards and tables from before the reload: %s: %s", database->name,
                 error.message, error.detail ? error.detail : "");
    error_clear(&error);
}

bool keyway_reload(struct error *error)
{
    struct settings *settings = read_settings(error);
    if (settings == NULL)
        return false;
    SSL_CTX *tls = tls_client_context(settings, error);
    if (error_is_set(error)) {
        settings_release(settings);
        return false;
    }
    pthread_mutex_lock(&keyway.lock);
    struct settings *old = keyway.settings;
    keyway.settings = settings_hold(settings);
    pthread_mutex_unlock(&keyway.lock);
    settings_release(old);
    log_open(settings->log_file);
    keyway_install_databases(settings);
    send_settings(settings, tls, true);
    for (size_t i = 0; i < settings->database_count; i++)
        load_again(keyway_database(settings->databases[i].name), settings);
    SSL_CTX_free(tls);
    settings_release(settings);
    return true;
}

/* --- ticks and the end --------------------------------------------------------------------------------------- */

static void tick_pool(struct pool *pool, struct worker *worker)
{
    pool_tick(pool, worker, ev_now(worker->loop));
}

static void close_clients(struct worker_state *state)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
    while (state->clients)
        client_close(state->clients, &error, "shutdown");
    error_clear(&error);
}

static bool has_drained_enough(const struct worker_state *state, ev_tstamp now)
{
    double limit = state->settings->shutdown_timeout;
    return state->draining && limit > 0 && now - state->draining_since > limit;
}

void keyway_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct worker *worker = timer->data;
    (void) events;
    clients_tick(worker, ev_now(loop));
    if (has_drained_enough(worker_state(worker), ev_now(loop)))
        close_clients(worker_state(worker));
    for_each_pool(worker, tick_pool);
}

struct stop_message {
    struct inbox_message message;
    bool drain;
};

static void stop_run(struct inbox_message *message, struct worker *worker)
{
    struct stop_message *stop = (struct stop_message *) message;
    struct worker_state *state = worker_state(worker);
    state->draining = true;
    state->draining_since = ev_now(worker->loop);
    if (!stop->drain)
        close_clients(state);
    free(stop);
    if (state->client_count == 0)
        keyway_worker_drained();
}

void keyway_shutdown(bool drain)
{
    atomic_store(&keyway.shutting_down, true);
    for (int i = 0; i < keyway.worker_count; i++) {
        struct stop_message *message = memory_alloc(sizeof(*message));
        message->message.run = stop_run;
        message->drain = drain;
        worker_send(keyway.workers[i], &message->message);
    }
}
