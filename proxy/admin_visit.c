/*
 * What each worker contributes to the console's tables; runs on that worker's thread.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

static const char *shard_name(struct worker *worker, const struct pool *pool)
{
    const struct settings *settings = worker_state(worker)->settings;
    const struct database_settings *database = settings_database(settings, pool->group->database->name);
    return database && pool->shard < (int) database->shard_count ? settings->shards[database->shards[pool->shard]].name : "?";
}

static void pool_row(struct worker *worker, struct pool *pool, void *context)
{
    struct pool_counts counts = pool_counts(pool, worker);
    const char *values[] = {
        pool->group->database->name,
        pool->group->user,
        shard_name(worker, pool),
        number(worker, (uint64_t) worker->number),
        worker->number == 0 ? number(worker, (uint64_t) atomic_load(&pool->group->clients)) : "0",
        worker->number == 0 ? number(worker, (uint64_t) atomic_load(&pool->waiting)) : "0",
        number(worker, (uint64_t) counts.active),
        number(worker, (uint64_t) counts.idle),
        number(worker, (uint64_t) counts.cleaning),
        number(worker, (uint64_t) counts.connecting),
    };
    admin_row(context, values, sizeof(values) / sizeof(*values));
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

static const char *ago(struct worker *worker, ev_tstamp since)
{
    return arena_printf(&worker->scratch, "%.1f", ev_now(worker->loop) - since);
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
            ago(worker, client->connected_at),
            ago(worker, client->state_since),
            number(worker, client->id),
            number(worker, (uint64_t) worker->number),
            number(worker, statement_names_count(client->names)),
            client->stream.tls ? SSL_get_version(client->stream.tls) : "",
        };
        admin_row(table, values, sizeof(values) / sizeof(*values));
    }
}

static void server_rows(struct worker *worker, struct pool *pool, void *context)
{
    for (struct server *server = pool->locals[worker->number].servers; server; server = server->next) {
        const char *values[] = {
            "S",
            pool->group->user,
            pool->group->database->name,
            shard_name(worker, pool),
            server_state_name(server->state),
            server->connection && PQhost(server->connection) ? PQhost(server->connection) : "",
            server->connection && PQport(server->connection) ? PQport(server->connection) : "",
            ago(worker, server->connected_at),
            number(worker, server->id),
            number(worker, server->client ? server->client->id : 0),
            server->connection ? number(worker, (uint64_t) PQbackendPID(server->connection)) : "0",
            number(worker, (uint64_t) worker->number),
            number(worker, statement_numbers_count(server->numbers)),
        };
        admin_row(context, values, sizeof(values) / sizeof(*values));
    }
}

void admin_visit_servers(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for_each_pool(worker, NULL, server_rows, table);
}

void admin_visit_stats(struct worker *worker, struct admin_table *table, const char *argument)
{
    (void) argument;
    for (struct database_view *view = worker_state(worker)->views; view; view = view->next) {
        const char *values[] = {
            view->database->name,
            number(worker, (uint64_t) worker->number),
#define X(name) number(worker, view->counters.name),
            DATABASE_COUNTERS(X)
#undef X
        };
        admin_row(table, values, sizeof(values) / sizeof(*values));
    }
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
