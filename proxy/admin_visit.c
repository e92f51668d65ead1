/*
 * What each worker contributes to the console's tables; runs on that worker's thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "proxy/admin.h"
#include "proxy/keyway.h"

static char *number(struct worker *worker, uint64_t value)
{
    return arena_printf(&worker->scratch, "%" PRIu64, value);
}

static void for_each_pool(struct worker *worker, const char *database_name,
                          void (*visit)(struct worker *worker, struct pool *pool, void *context), void *context)
{
    pthread_mutex_lock(&keyway.lock);
    struct database *database = keyway.databases;
    pthread_mutex_unlock(&keyway.lock);
    for (; database; database = database->next) {
        if (database_name && strcmp(database_name, database->name) != 0)
            continue;
        pthread_mutex_lock(&database->lock);
        struct pool_group *group = database->groups;
        pthread_mutex_unlock(&database->lock);
        for (; group; group = group->next)
            for (int shard = 0; shard < group->shard_count; shard++)
                visit(worker, &group->pools[shard], context);
    }
}

static const char *shard_name(const struct pool *pool)
{
    const struct pool_group *group = pool->group;
    return group->snapshot->shards[group->shards->shards[pool->shard]].name;
}

static bool is_in_use(const struct pool_group *group, const struct settings *settings)
{
    const struct database_settings *database = settings_database(settings, group->database->name);
    return database && pool_group_fits(group, settings, database);
}

static enum pool_mode mode_of(const struct pool_group *group, const struct settings *settings)
{
    const struct user_settings *user = settings_user(settings, group->user);
    const struct database_settings *database = settings_database(settings, group->database->name);
    return user && user->has_pool_mode ? user->pool_mode : (database ? database : group->shards)->pool_mode;
}

/* What is counted over all workers is told by the first. */
static void pool_row(struct worker *worker, struct pool *pool, void *context)
{
    const struct settings *settings = worker_state(worker)->settings;
    const struct pool_group *group = pool->group;
    struct pool_counts counts = pool_counts(pool, worker);
    bool first = worker->number == 0;
    uint64_t clients = first ? (uint64_t) atomic_load(&group->clients) : 0;
    uint64_t waiting = first ? (uint64_t) atomic_load(&pool->waiting) : 0;
    if (first && pool->shard == 0) /* who waits to be let in waits for no shard yet */
        waiting += (uint64_t) atomic_load(&group->admission.waiting);
    ev_tstamp wait = first ? pool_longest_wait(pool, ev_now(worker->loop)) : 0;
    uint64_t microseconds = wait > 0 ? (uint64_t) (wait * 1e6) : 0;
    const char *labels[] = {group->database->name, group->user, shard_name(pool), pool_mode_name(mode_of(group, settings))};
    const uint64_t numbers[] = {
        clients > waiting ? clients - waiting : 0, waiting,
        (uint64_t) counts.active, (uint64_t) counts.idle, (uint64_t) counts.cleaning, (uint64_t) counts.connecting,
        microseconds / 1000000, microseconds % 1000000,
    };
    if (is_in_use(group, settings) || atomic_load(&group->clients) > 0 || atomic_load(&pool->open) > 0)
        admin_add(context, labels, 4, numbers, 8);
}

void admin_visit_pools(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for_each_pool(worker, NULL, pool_row, table);
}

static const char *client_state_name(const struct client *client)
{
    switch (client->state) {
    case CLIENT_STARTUP:
    case CLIENT_AUTHENTICATING:
        return "login";
    case CLIENT_IDLE:
        return client->waiting != WAIT_NOTHING ? "waiting" : "idle";
    case CLIENT_BUSY:
        return client->waiting != WAIT_NOTHING ? "waiting" : "active";
    case CLIENT_CLOSED:
        return "closed";
    }
    return "";
}

static const char *moment(struct worker *worker, ev_tstamp at)
{
    time_t seconds = (time_t) at;
    struct tm utc;
    char text[32];
    if (at <= 0)
        return "";
    gmtime_r(&seconds, &utc);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc);
    return arena_strdup(&worker->scratch, text);
}

static const char *tls_name(struct worker *worker, const struct stream *stream)
{
    const char *version, *suite;
    return stream_tls_names(stream, &version, &suite) ? arena_printf(&worker->scratch, "%s/%s", version, suite) : "";
}

static uint64_t waited(const struct client *client)
{
    ev_tstamp wait = client->waiting == WAIT_SERVER ? ev_now(client->stream.worker->loop) - client->pool_wait.since : 0;
    return wait > 0 ? (uint64_t) (wait * 1e6) : 0;
}

static const char *application_name(const struct client *client)
{
    bool known;
    const char *name = session_value(client->session, "application_name", &known);
    return name ? name : "";
}

void admin_visit_clients(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for (struct client *client = worker_state(worker)->clients; client; client = client->next) {
        const char *values[] = {
            "C",
            client->user ? client->user : "",
            client->database_name ? client->database_name : "",
            client_state_name(client),
            client->host,
            moment(worker, client->connected_at),
            moment(worker, client->query_started),
            number(worker, waited(client) / 1000000),
            number(worker, waited(client) % 1000000),
            client->servers ? number(worker, client->servers->id) : "",
            tls_name(worker, &client->stream),
            application_name(client),
            number(worker, statement_names_count(client->names)),
            number(worker, client->id),
            number(worker, (uint64_t) worker->number),
        };
        admin_row(table, values, sizeof(values) / sizeof(*values));
    }
}

static void server_rows(struct worker *worker, struct pool *pool, void *context)
{
    for (struct server *server = pool->locals[worker->number].servers; server; server = server->next) {
        PGconn *connection = server->connection;
        const char *values[] = {
            "S",
            pool->group->user,
            pool->group->database->name,
            shard_name(pool),
            server_state_name(server->state),
            connection && PQhost(connection) ? PQhost(connection) : "",
            connection && PQport(connection) ? PQport(connection) : "",
            moment(worker, server->connected_at),
            moment(worker, server->lent_at),
            server->retire ? "1" : "0",
            server->client ? number(worker, server->client->id) : "",
            number(worker, connection ? (uint64_t) PQbackendPID(connection) : 0),
            tls_name(worker, &server->stream),
            number(worker, statement_numbers_count(server->numbers)),
            number(worker, server->id),
            number(worker, (uint64_t) worker->number),
        };
        admin_row(context, values, sizeof(values) / sizeof(*values));
    }
}

void admin_visit_servers(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for_each_pool(worker, NULL, server_rows, table);
}

/* The clients that are here are not yet in the counters. */
static struct database_counters counters_of(struct worker *worker, const struct database_view *view)
{
    struct database_counters counters = view->counters;
    for (const struct client *client = worker_state(worker)->clients; client; client = client->next)
        if (client->view == view) {
            counters.received += client->stream.bytes_received;
            counters.sent += client->stream.bytes_sent;
        }
    return counters;
}

void admin_visit_stats(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for (struct database_view *view = worker_state(worker)->views; view; view = view->next) {
        struct database_counters counters = counters_of(worker, view);
        const uint64_t numbers[] = {
#define X(name) counters.name,
            DATABASE_COUNTERS(X)
#undef X
        };
        admin_add(table, (const char *const *) &view->database->name, 1, numbers, sizeof(numbers) / sizeof(*numbers));
    }
}

void admin_visit_workers(struct worker *worker, struct admin_table *table, const char *argument)
{
    const struct worker_state *state = worker_state(worker);
    const char *values[] = {
        number(worker, (uint64_t) worker->number),
        number(worker, (uint64_t) state->client_count),
        number(worker, (uint64_t) atomic_load(&worker->busy) / 10),
        number(worker, state->clients_came),
        number(worker, state->clients_left),
    };
    (void) argument;
    admin_row(table, values, sizeof(values) / sizeof(*values));
}

struct plan_rows {
    struct worker *worker;
    struct admin_table *table;
    const char *database;
};

static void plan_row(void *context, const char *text, size_t length, const struct plan *plan, uint64_t hits)
{
    struct plan_rows *rows = context;
    const char *values[] = {
        rows->database,
        number(rows->worker, (uint64_t) rows->worker->number),
        number(rows->worker, hits),
        plan_kind_name(plan->many),
        plan->reason ? plan->reason : "",
        arena_strndup(&rows->worker->scratch, text, length),
    };
    admin_row(rows->table, values, sizeof(values) / sizeof(*values));
}

void admin_visit_plans(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for (struct database_view *view = worker_state(worker)->views; view; view = view->next) {
        struct plan_rows rows = {worker, table, view->database->name};
        if (view->plans)
            plan_cache_visit(view->plans, plan_row, &rows);
    }
}

/* The worker has done what it was told before. */
void admin_visit_nothing(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) worker, (void) table, (void) argument;
}

/* Clients that PAUSE held back try again. */
void admin_visit_resume(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) table, (void) argument;
    for (struct client *client = worker_state(worker)->clients; client; client = client->next)
        if (client->waiting == WAIT_PAUSE)
            client_retry(client);
}

void admin_visit_kill(struct worker *worker, struct admin_table *table, const char *argument)
{
    struct client *client = worker_state(worker)->clients, *next;
    struct error error = {0};
    (void) table;
    error_set(&error, SQLSTATE_ADMIN_SHUTDOWN, "database \"%s\" was killed by the administrator", argument);
    for (; client; client = next) {
        next = client->next;
        if (client->view && strcmp(client->view->database->name, argument) == 0)
            client_close(client, &error, "KILL");
    }
    error_clear(&error);
}

static void retire_pool(struct worker *worker, struct pool *pool, void *context)
{
    (void) context;
    pool_retire(pool, worker);
}

void admin_visit_reconnect(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) table;
    for_each_pool(worker, *argument ? argument : NULL, retire_pool, NULL);
}
