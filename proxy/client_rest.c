/*
 * Each client is in one of two lists.  A worker that drains looks at all of them: nobody may stay then.
 */
#include "proxy/client_rest.h"

#include "proxy/client_move.h"

static void list_put(struct client_list *list, struct client *client)
{
    client->list = list;
    client->next_listed = NULL;
    client->previous_listed = list->last;
    *(list->last ? &list->last->next_listed : &list->first) = client;
    list->last = client;
}

static void leave_list(struct client *client)
{
    struct client_list *list = client->list;
    *(client->previous_listed ? &client->previous_listed->next_listed : &list->first) = client->next_listed;
    *(client->next_listed ? &client->next_listed->previous_listed : &list->last) = client->previous_listed;
    client->list = NULL;
}

void clients_add(struct client *client)
{
    struct worker_state *state = worker_state(client->stream.worker);
    client->next = state->clients;
    client->link = &state->clients;
    if (client->next)
        client->next->link = &client->next;
    state->clients = client;
    state->client_count++;
    list_put(&state->awake, client);
}

void clients_remove(struct worker_state *state, struct client *client)
{
    *client->link = client->next;
    if (client->next)
        client->next->link = client->link;
    leave_list(client);
    state->client_count--;
}

void client_rouse(struct client *client)
{
    struct worker_state *state = worker_state(client->stream.worker);
    if (client->list == &state->awake || client->state == CLIENT_CLOSED)
        return;
    leave_list(client);
    list_put(&state->awake, client);
}

/* What is left of a message's beginning does not count as activity, so its sender would not come to rest in the order of the others. */
static bool may_rest(const struct client *client)
{
    return client->state == CLIENT_IDLE && client->waiting == WAIT_NOTHING && client->servers == NULL && client->run == NULL &&
           client->transaction.kind == TRANSACTION_NONE && !client->open_batch && !client->half_closed && !client->leaving &&
           buffer_length(&client->stream.in) == 0;
}

static void tick_awake(struct worker_state *state, ev_tstamp now)
{
    struct client *next;
    for (struct client *client = state->awake.first; client; client = next) {
        next = client->next_listed;
        client_tick(client, now);
        if (may_rest(client) && !client_moves(client)) {
            leave_list(client);
            list_put(&state->resting, client);
        }
    }
}

static void tick_resting(struct worker_state *state, ev_tstamp now)
{
    double limit = state->settings->client_idle_timeout;
    struct client *next;
    for (struct client *client = state->resting.first; client; client = next) {
        next = client->next_listed;
        if (!state->draining && (limit <= 0 || now - client->state_since <= limit))
            return;
        client_tick(client, now);
    }
}

void clients_tick(struct worker *worker, ev_tstamp now)
{
    tick_awake(worker_state(worker), now);
    tick_resting(worker_state(worker), now);
}
