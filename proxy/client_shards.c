/*
 * A plan names shards by number, and the client's group of pools gives the numbers their meaning.  Both are
 * looked at together, in one go, before each statement: a statement never meets the routing of one
 * configuration with the servers of another.
 */
#include "proxy/client_shards.h"

#include <stdlib.h>

#include "config/arena.h"
#include "proxy/keyway.h"
#include "proxy/query.h"
#include "proxy/server_login.h"

/* Groups and databases live as long as the process, and their names can be those of all their clients. */
static void share_names(struct client *client)
{
    free(client->user);
    free(client->database_name);
    client->user = client->group->user;
    client->database_name = client->view->database->name;
}

void client_join_shards(struct client *client)
{
    const struct database_state *state = client->view->state;
    bool first = client->group == NULL;
    client->group = pool_group_get(client->view->database, client->user, state, keyway.worker_count);
    if (first)
        share_names(client);
    client->state_serial = state->serial;
    free(client->server_user);
    client->server_user = memory_strdup(login_user(state->snapshot, state->home_user, client->user));
    atomic_fetch_add(&client->group->clients, 1);
}

static bool may_move(const struct client *client)
{
    bool free = !client->open_batch;
    for (const struct server *server = client->servers; server; server = server->next_lent)
        free &= server_is_quiet(server) && !server->joined && !server->pinned && !server->holds && server->status == 'I';
    return free;
}

static void close_left_behind(struct client *client)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_ADMIN_SHUTDOWN, "a reload has changed the shards of database \"%s\"",
              client->database_name);
    error_hint(&error, "Connect again.");
    client_close(client, &error, "its shards were changed");
    error_clear(&error);
}

bool client_follow_shards(struct client *client)
{
    const struct database_state *state = client->view->state;
    if (client->state_serial == state->serial)
        return true;
    client->state_serial = state->serial;
    if (pool_group_fits(client->group, state->snapshot, state->settings))
        return true;
    if (!may_move(client)) {
        close_left_behind(client);
        return false;
    }
    while (client->servers)
        client_release_server(client, client->servers);
    client_leave_pools(client);
    atomic_fetch_sub(&client->group->clients, 1);
    client_join_shards(client);
    return true;
}

void client_shards_changed(struct worker *worker, const struct database_view *view)
{
    const struct database_state *state = view->state;
    struct client *client = worker_state(worker)->clients, *next;
    for (; client && state; client = next) {
        next = client->next;
        if (client->view == view && client->waiting == WAIT_SERVER &&
            !pool_group_fits(client->group, state->snapshot, state->settings)) {
            pool_give_up(&client->pool_wait);
            query_resume(client);
        }
    }
}
