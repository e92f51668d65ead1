/*
 * What belongs to a worker stays with it: sessions and statements are packed into values and made anew from the stores of the other one;
 * the view of the database is that one's own, and brought as far as the one that the client has seen.
 *
 * On its way a client is nobody's but the message's.  A cancel request finds no worker for it then, and has nothing to cancel: the client
 * was at rest.
 */
#include "proxy/client_move.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>

#include "config/arena.h"
#include "proxy/balance.h"
#include "proxy/cancel_key.h"
#include "proxy/client_rest.h"
#include "proxy/keyway.h"

enum {
    GIVEN_AT_MOST = 250,  /* clients, of one order: each takes a few microseconds from those that work */
    STATEMENTS_MOST = 64, /* who has prepared more is too heavy */
};

struct moving_client {
    struct inbox_message message;
    struct client *client;
    struct database *database;
    uint64_t load_seen; /* by the view that it leaves */
    struct session_parcel *session;
    struct statement_parcel *names;
};

static pthread_mutex_t stay_lock = PTHREAD_MUTEX_INITIALIZER;
static int stays; /* visits under way; under the lock */

void clients_stay(void)
{
    pthread_mutex_lock(&stay_lock);
    stays++;
    pthread_mutex_unlock(&stay_lock);
}

void clients_may_move(void)
{
    pthread_mutex_lock(&stay_lock);
    stays--;
    pthread_mutex_unlock(&stay_lock);
}

/* --- giving -------------------------------------------------------------------------------------------------- */

struct give_message {
    struct inbox_message message;
    struct worker *to;
    int share;
    double seconds;
};

static int awake_count(const struct worker_state *state)
{
    int count = 0;
    for (const struct client *client = state->awake.first; client; client = client->next_listed)
        count++;
    return count;
}

static void give_run(struct inbox_message *message, struct worker *worker)
{
    struct give_message *give = (struct give_message *) message;
    struct worker_state *state = worker_state(worker);
    int count = give->share == BALANCE_WHOLE ? INT_MAX : (int) ((int64_t) awake_count(state) * give->share / BALANCE_WHOLE);
    state->giving.to = give->to;
    state->giving.count = count < GIVEN_AT_MOST ? count : GIVEN_AT_MOST;
    state->giving.until = ev_now(worker->loop) + give->seconds;
    free(give);
}

void clients_give(struct worker *from, struct worker *to, int share, double seconds)
{
    struct give_message *message = memory_alloc(sizeof(*message));
    message->message.run = give_run;
    message->to = to;
    message->share = share;
    message->seconds = seconds;
    worker_send(from, &message->message);
}

/* --- who may go ---------------------------------------------------------------------------------------------- */

/* Nothing of it is known to a server, to a pool or to anybody who would call it back. */
static bool has_nothing_under_way(const struct client *client)
{
    return client->state == CLIENT_IDLE && client->waiting == WAIT_NOTHING && client->servers == NULL && client->run == NULL &&
           client->auth == NULL && client->pool_wait.pool == NULL && client->pool_wait.entering == NULL && !client->admitted &&
           !error_is_set(&client->pool_error) && client->passing == 0;
}

static bool is_between_requests(const struct client *client)
{
    const struct transaction *transaction = &client->transaction;
    return transaction->kind == TRANSACTION_NONE && transaction->local == NULL && transaction->before == NULL && !client->open_batch &&
           !client->skip_to_sync && !client->drop_sync && !client->half_closed && !client->leaving && client->portals == NULL &&
           client->cursors == NULL;
}

static bool may_go(const struct client *client)
{
    return !client->console && client->view != NULL && client->group != NULL && has_nothing_under_way(client) &&
           is_between_requests(client) && statement_names_count(client->names) <= STATEMENTS_MOST && stream_is_calm(&client->stream);
}

/* --- the way ------------------------------------------------------------------------------------------------- */

/* Another worker may not yet have heard of what this client has seen. */
static void catch_up(struct worker *worker, struct database_view *view, uint64_t load_seen)
{
    if (view->load_seen < load_seen)
        database_view_renew(worker, view);
}

static void arrive(struct inbox_message *message, struct worker *worker)
{
    struct moving_client *moving = (struct moving_client *) message;
    struct worker_state *state = worker_state(worker);
    struct client *client = moving->client;
    client->view = keyway_view(worker, moving->database);
    catch_up(worker, client->view, moving->load_seen);
    client->session = session_unpack(state->sessions, moving->session);
    statement_names_unpack(&client->names, state->statements, moving->names, session_meaning(client->session),
                           session_store_meaning(state->sessions));
    free(moving);
    stream_attach(&client->stream, worker);
    clients_add(client);
    cancel_key_arrives(client);
    state->clients_came++;
}

/* Totals are told by worker: what it has sent and received until now counts where that was. */
static void leave_counts(struct client *client)
{
    struct database_counters *counters = &client->view->counters;
    counters->received += client->stream.bytes_received;
    counters->sent += client->stream.bytes_sent;
    client->stream.bytes_received = client->stream.bytes_sent = 0;
}

static void depart(struct client *client, struct worker *to)
{
    struct worker *from = client->stream.worker;
    struct worker_state *state = worker_state(from);
    struct moving_client *moving = memory_alloc(sizeof(*moving));
    moving->message.run = arrive;
    moving->client = client;
    moving->database = client->view->database;
    moving->load_seen = client->view->load_seen;
    moving->session = session_pack(client->session);
    moving->names = statement_names_pack(client->names, session_meaning(client->session));
    cancel_key_departs(client);
    stream_detach(&client->stream);
    leave_counts(client);
    statement_names_free(&client->names, state->statements);
    session_release(state->sessions, client->session);
    client->session = NULL;
    client->view = NULL;
    clients_remove(state, client);
    state->clients_left++;
    atomic_fetch_sub(&from->client_count, 1);
    atomic_fetch_add(&to->client_count, 1);
    worker_send(to, &moving->message);
}

bool client_moves(struct client *client)
{
    struct worker *worker = client->stream.worker;
    struct worker_state *state = worker_state(worker);
    if (state->giving.count == 0 || state->draining || ev_now(worker->loop) > state->giving.until || !may_go(client))
        return false;
    pthread_mutex_lock(&stay_lock);
    bool goes = stays == 0;
    if (goes) {
        state->giving.count--;
        depart(client, state->giving.to);
    }
    pthread_mutex_unlock(&stay_lock);
    return goes;
}
