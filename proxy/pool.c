/*
 * The fast path is a worker's own idle list.  Everything else goes through the queue: whoever makes a server available offers it, and an
 * offered server goes to the first in the queue — here, or on that client's worker, where it is offered again on arrival.
 * A message carries only the server, never the client, so that a client may leave the queue at any time.
 */
#include "proxy/pool.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/database.h"
#include "proxy/keyway.h"
#include "proxy/server_login.h"

static struct pool_local *local_of(struct pool *pool, const struct worker *worker)
{
    return &pool->locals[worker->number];
}

/* --- groups -------------------------------------------------------------------------------------------------- */

static bool same_text(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

bool pool_group_fits(const struct pool_group *group, const struct settings *settings, const struct database_settings *database)
{
    if (database->shard_count != group->shards->shard_count || !same_text(database->dbname, group->shards->dbname))
        return false;
    for (size_t i = 0; i < database->shard_count; i++) {
        const struct shard_settings *now = &settings->shards[database->shards[i]];
        const struct shard_settings *then = &group->snapshot->shards[group->shards->shards[i]];
        if (strcmp(now->name, then->name) != 0 || strcmp(now->conninfo, then->conninfo) != 0)
            return false;
    }
    return true;
}

static struct pool_group *group_new(struct database *database, const char *user, const struct database_state *state,
                                    int worker_count)
{
    struct pool_group *group = memory_alloc(sizeof(*group));
    group->database = database;
    group->user = memory_strdup(user);
    group->snapshot = settings_for_logins(state->snapshot, state->settings, user);
    group->shards = &group->snapshot->databases[0];
    group->shard_count = (int) state->settings->shard_count;
    pool_holders_init(&group->holders, group->shard_count);
    pool_admission_init(&group->admission);
    group->pools = memory_alloc((size_t) group->shard_count * sizeof(*group->pools));
    for (int shard = 0; shard < group->shard_count; shard++) {
        struct pool *pool = &group->pools[shard];
        pool->group = group;
        pool->shard = shard;
        pool->locals = memory_alloc((size_t) worker_count * sizeof(*pool->locals));
        pthread_mutex_init(&pool->lock, NULL);
    }
    return group;
}

struct pool_group *pool_group_get(struct database *database, const char *user, const struct database_state *state, int worker_count)
{
    pthread_mutex_lock(&database->lock);
    struct pool_group *group = database->groups;
    while (group && (strcmp(group->user, user) != 0 || !pool_group_fits(group, state->snapshot, state->settings)))
        group = group->next;
    if (group == NULL) {
        group = group_new(database, user, state, worker_count);
        group->next = database->groups;
        database->groups = group;
    }
    pthread_mutex_unlock(&database->lock);
    return group;
}

/* --- limits -------------------------------------------------------------------------------------------------- */

struct limits {
    int64_t size, minimum, reserve;
};

static struct limits limits_of(const struct pool_group *group, struct worker *worker)
{
    const struct settings *settings = worker_state(worker)->settings;
    const struct database_settings *database = settings_database(settings, group->database->name);
    const struct user_settings *user = settings_user(settings, group->user);
    if (database == NULL)
        return (struct limits){0, 0, 0};
    struct limits limits = {database->pool_size, database->min_pool_size, database->reserve_pool_size};
    if (user && user->has_pool_size)
        limits.size = user->pool_size;
    return limits;
}

int64_t pool_size(const struct pool_group *group, struct worker *worker)
{
    return limits_of(group, worker).size;
}

static bool take_place(struct pool *pool, int64_t limit)
{
    int open = atomic_load(&pool->open);
    while (open < limit)
        if (atomic_compare_exchange_weak(&pool->open, &open, open + 1))
            return true;
    return false;
}

bool pool_is_outdated(const struct server *server)
{
    const struct settings *settings = worker_state(server->worker)->settings;
    return server->generation != atomic_load(&server->pool->generation) ||
           (settings->server_lifetime > 0 &&
            ev_now(server->worker->loop) - server->connected_at > settings->server_lifetime);
}

/* --- lists --------------------------------------------------------------------------------------------------- */

void pool_adopt(struct pool *pool, struct server *server)
{
    struct pool_local *local = local_of(pool, server->worker);
    server->pool = pool;
    server->generation = atomic_load(&pool->generation);
    server->next = local->servers;
    server->link = &local->servers;
    if (server->next)
        server->next->link = &server->next;
    local->servers = server;
    local->server_count++;
}

static void unlink_server(struct server *server)
{
    *server->link = server->next;
    if (server->next)
        server->next->link = server->link;
    local_of(server->pool, server->worker)->server_count--;
}

static void idle_push(struct pool_local *local, struct server *server)
{
    server->state = SERVER_IDLE;
    server->idle_since = ev_now(server->worker->loop);
    server->next_idle = local->idle;
    local->idle = server;
    atomic_fetch_add(&local->idle_count, 1);
}

static void idle_remove(struct pool_local *local, struct server *server)
{
    struct server **link = &local->idle;
    while (*link && *link != server)
        link = &(*link)->next_idle;
    if (*link) {
        *link = server->next_idle;
        atomic_fetch_sub(&local->idle_count, 1);
    }
}

void pool_forget(struct server *server)
{
    struct pool *pool = server->pool;
    if (server->state == SERVER_IDLE)
        idle_remove(local_of(pool, server->worker), server);
    unlink_server(server);
    if (server->state == SERVER_CONNECTING)
        atomic_fetch_sub(&pool->connecting, 1);
    atomic_fetch_sub(&pool->open, 1);
}

/* --- the queue ----------------------------------------------------------------------------------------------- */

static void queue_remove(struct pool *pool, struct pool_wait *wait)
{
    *(wait->previous ? &wait->previous->next : &pool->first) = wait->next;
    *(wait->next ? &wait->next->previous : &pool->last) = wait->previous;
    wait->pool = NULL;
    atomic_fetch_sub(&pool->waiting, 1);
    if (wait->holder)
        pool_holder_ends(&pool->group->holders, wait->holder);
    free(wait->holder);
    wait->holder = NULL;
}

void pool_give_up(struct pool_wait *wait)
{
    struct pool *pool = wait->pool;
    if (wait->entering)
        pool_admission_give_up(wait);
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->lock);
    queue_remove(pool, wait);
    pthread_mutex_unlock(&pool->lock);
}

/* The one behind which it stands: the last, as a rule; but those who keep servers are elder than nearly all, and found from the front. */
static struct pool_wait *place_in(const struct pool *pool, const struct pool_wait *wait)
{
    struct pool_wait *before = wait->holder ? NULL : pool->last;
    if (wait->holder)
        for (struct pool_wait *next = pool->first; next && next->age <= wait->age; next = next->next)
            before = next;
    else
        while (before && before->age > wait->age)
            before = before->previous;
    return before;
}

static void queue_put(struct pool *pool, struct pool_wait *wait, struct worker *worker)
{
    struct pool_holder holder = {.wait = wait, .worker = worker->number, .awaited = pool->shard};
    wait->worker = worker;
    wait->since = wait->age = holder.since = holder.from = ev_now(worker->loop);
    if (wait->end->holds(wait, &holder)) {
        wait->holder = memory_alloc(sizeof(holder));
        *wait->holder = holder;
        wait->age = holder.since;
    }
    pthread_mutex_lock(&pool->lock);
    struct pool_wait *before = place_in(pool, wait), *after = before ? before->next : pool->first;
    wait->pool = pool;
    wait->previous = before;
    wait->next = after;
    *(before ? &before->next : &pool->first) = wait;
    *(after ? &after->previous : &pool->last) = wait;
    atomic_fetch_add(&pool->waiting, 1);
    if (wait->holder)
        pool_holder_waits(&pool->group->holders, wait->holder);
    pthread_mutex_unlock(&pool->lock);
}

static struct pool_wait *first_of(const struct pool *pool, const struct worker *worker)
{
    struct pool_wait *wait = pool->first;
    while (wait && wait->worker != worker)
        wait = wait->next;
    return wait;
}

/* --- deadlocks ----------------------------------------------------------------------------------------------- */

struct let_go_message {
    struct inbox_message message;
    struct pool_group *group;
    bool contended; /* from now on */
};

/* This worker's clients that wait for the first server of a transaction, out of the queue. */
static struct pool_wait *take_new(struct pool *pool, const struct worker *worker)
{
    struct pool_wait *taken = NULL, **tail = &taken, *next;
    pthread_mutex_lock(&pool->lock);
    for (struct pool_wait *wait = pool->first; wait; wait = next) {
        next = wait->next;
        if (wait->worker != worker || wait->holder || !wait->end->is_new(wait))
            continue;
        queue_remove(pool, wait);
        wait->next = NULL;
        *tail = wait;
        tail = &wait->next;
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

static void ask_again(struct pool_group *group, const struct worker *worker)
{
    for (int i = 0; i < group->shard_count; i++) {
        struct pool_wait *next;
        for (struct pool_wait *wait = take_new(&group->pools[i], worker); wait; wait = next) {
            next = wait->next;
            wait->end->again(wait);
        }
    }
}

/* Only their own worker takes clients out of a queue, so who was chosen is still there. */
static void let_go_run(struct inbox_message *message, struct worker *worker)
{
    struct pool_group *group = ((struct let_go_message *) message)->group;
    bool contended = ((struct let_go_message *) message)->contended;
    struct pool_holder *holder;
    free(message);
    if (contended)
        ask_again(group, worker);
    while ((holder = pool_holders_chosen(&group->holders, worker->number))) {
        struct pool_wait *wait = holder->wait;
        pool_give_up(wait);
        wait->end->let_go(wait);
    }
}

/* Everybody looks whether it is one of his. */
static void tell_chosen(struct pool_group *group, bool contended)
{
    for (int i = 0; i < keyway.worker_count; i++) {
        struct let_go_message *message = memory_alloc(sizeof(*message));
        message->message.run = let_go_run;
        message->group = group;
        message->contended = contended;
        worker_send(keyway.workers[i], &message->message);
    }
}

static void break_deadlock(struct pool_group *group, struct worker *worker)
{
    struct limits limits = limits_of(group, worker);
    int places[SETTINGS_MAX_SHARDS], paid;
    for (int i = 0; i < group->shard_count; i++) {
        int open = atomic_load(&group->pools[i].open);
        places[i] = open >= limits.size + limits.reserve ? open : 0;
    }
    if (pool_holders_choose(&group->holders, places, ev_now(worker->loop), &paid) > 0)
        tell_chosen(group, paid > 0 && pool_admission_begin(group, worker));
}

/* --- giving -------------------------------------------------------------------------------------------------- */

/*
 * A move costs more than a statement, and with clients waiting on every worker strict order would move half of the servers each time.  So a
 * server stays with this worker's first as long as the first of all has not waited much longer; where servers are missing,
 * clients soon have, and what is sent there stays.
 */
static bool may_go_first(const struct pool_wait *mine, const struct pool_wait *first, ev_tstamp now)
{
    return now - first->age <= (now - mine->age) * 1.25 + 0.001;
}

/* The client to serve: one of this worker (taken out), or else the worker of the first. */
static struct pool_wait *queue_take(struct pool *pool, struct worker *worker, bool arriving, struct worker **elsewhere)
{
    *elsewhere = NULL;
    pthread_mutex_lock(&pool->lock);
    struct pool_wait *mine = first_of(pool, worker);
    /* A server that was sent here serves this worker's first: the one it was sent for, or the next in its place. */
    if (mine && (arriving || may_go_first(mine, pool->first, ev_now(worker->loop)))) {
        queue_remove(pool, mine);
    } else if (pool->first) {
        *elsewhere = pool->first->worker;
        mine = NULL;
    }
    pthread_mutex_unlock(&pool->lock);
    return mine;
}

/* --- moving between workers ---------------------------------------------------------------------------------- */

struct server_message {
    struct inbox_message message;
    struct server *server;
    struct session_parcel *applied;
    struct worker *to;
};

static void offer(struct server *server, bool arriving);

static void server_message_run(struct inbox_message *message, struct worker *worker)
{
    struct server_message *moved = (struct server_message *) message;
    struct server *server = moved->server;
    server_arrive(server, worker, moved->applied);
    struct pool *pool = server->pool;
    unsigned generation = server->generation;
    pool_adopt(pool, server);
    server->generation = generation;
    free(moved);
    offer(server, true);
}

/* Not before the end of this turn: the server may be in the middle of its own input function here. */
static void send_moved(void *memory)
{
    struct server_message *message = memory;
    worker_send(message->to, &message->message);
}

static void move_to(struct server *server, struct worker *worker)
{
    struct server_message *message = memory_alloc(sizeof(*message));
    message->message.run = server_message_run;
    message->server = server;
    message->applied = session_pack(server->applied);
    session_release(worker_state(server->worker)->sessions, server->applied);
    server->applied = NULL;
    server->state = SERVER_MOVING;
    stream_detach(&server->stream);
    unlink_server(server);
    message->to = worker;
    worker_defer_free(server->worker, send_moved, message);
}

/* To a client that waits, here or on another worker.  False: nobody does. */
static bool give(struct server *server, bool arriving)
{
    struct pool *pool = server->pool;
    struct worker *elsewhere;
    if (atomic_load(&pool->waiting) == 0)
        return false;
    struct pool_wait *wait = queue_take(pool, server->worker, arriving, &elsewhere);
    if (wait) {
        server->state = SERVER_LENT;
        server->lent_at = ev_now(server->worker->loop);
        wait->end->granted(wait, server);
    } else if (elsewhere) {
        move_to(server, elsewhere);
    }
    return wait || elsewhere;
}

/* Whoever began to wait just before the server became idle has not seen it, and asks nobody for it. */
static void offer(struct server *server, bool arriving)
{
    struct pool *pool = server->pool;
    struct pool_local *local = local_of(pool, server->worker);
    while (!give(server, arriving)) {
        idle_push(local, server);
        if (atomic_load(&pool->waiting) == 0)
            return;
        idle_remove(local, server);
    }
}

void pool_offer(struct server *server)
{
    offer(server, false);
}

void pool_logged_in(struct server *server)
{
    struct pool *pool = server->pool;
    atomic_fetch_sub(&pool->connecting, 1);
    if (atomic_load(&pool->login_failing)) {
        pthread_mutex_lock(&pool->lock);
        atomic_store(&pool->login_failing, false);
        pthread_mutex_unlock(&pool->lock);
    }
    offer(server, false);
}

/* Another worker has clients waiting: give it what lies idle here. */
struct ask_message {
    struct inbox_message message;
    struct pool *pool;
};

static void ask_run(struct inbox_message *message, struct worker *worker)
{
    struct pool *pool = ((struct ask_message *) message)->pool;
    struct pool_local *local = local_of(pool, worker);
    free(message);
    if (local->idle && atomic_load(&pool->waiting) > 0) {
        struct server *server = local->idle;
        idle_remove(local, server);
        pool_offer(server);
    }
}

static void ask_others(struct pool *pool, const struct worker *worker)
{
    for (int i = 0; i < keyway.worker_count; i++)
        if (keyway.workers[i] != worker && atomic_load(&pool->locals[i].idle_count) > 0) {
            struct ask_message *message = memory_alloc(sizeof(*message));
            message->message.run = ask_run;
            message->pool = pool;
            worker_send(keyway.workers[i], &message->message);
        }
}

/* --- acquiring ----------------------------------------------------------------------------------------------- */

/* After a failed login nobody tries again before server_login_retry. */
static bool must_not_login(struct pool *pool, struct worker *worker)
{
    if (!atomic_load(&pool->login_failing))
        return false;
    pthread_mutex_lock(&pool->lock);
    bool early = ev_now(worker->loop) - pool->login_failed_at < worker_state(worker)->settings->server_login_retry;
    pthread_mutex_unlock(&pool->lock);
    return early;
}

/* … and who would wait for that, with no server open, gets the failure. */
static bool fails_fast(struct pool *pool, struct worker *worker, struct error *error)
{
    if (atomic_load(&pool->open) > 0 || !must_not_login(pool, worker))
        return false;
    pthread_mutex_lock(&pool->lock);
    error_copy(error, &pool->login_error);
    pthread_mutex_unlock(&pool->lock);
    return true;
}

/* Logins are tried one at a time as long as they fail: so the last of them ends, and with it the wait of the clients. */
static void connect_one(struct pool *pool, struct worker *worker, int64_t limit)
{
    if (atomic_load(&pool->login_failing) && (atomic_load(&pool->connecting) > 0 || must_not_login(pool, worker)))
        return;
    if (!take_place(pool, limit))
        return;
    atomic_fetch_add(&pool->connecting, 1);
    server_connect(pool, worker);
}

/* One login for each client that waits, no more. */
static void connect_for_waiting(struct pool *pool, struct worker *worker, int64_t limit)
{
    if (atomic_load(&pool->waiting) > atomic_load(&pool->connecting))
        connect_one(pool, worker, limit);
}

enum pool_answer pool_acquire(struct pool *pool, struct worker *worker, struct pool_wait *wait, struct server **server,
                              struct error *error)
{
    struct pool_local *local = local_of(pool, worker);
    while (local->idle) {
        struct server *found = local->idle;
        idle_remove(local, found);
        if (pool_is_outdated(found) || found->retire) {
            found->state = SERVER_CLEANING;
            server_close(found, "its time is over");
            continue;
        }
        found->state = SERVER_LENT;
        found->lent_at = ev_now(worker->loop);
        *server = found;
        return POOL_LENT;
    }
    if (fails_fast(pool, worker, error))
        return POOL_FAILED;
    queue_put(pool, wait, worker);
    ask_others(pool, worker);
    connect_for_waiting(pool, worker, limits_of(pool->group, worker).size);
    if (wait->holder && pool_holders_keep(&pool->group->holders, pool->shard, atomic_load(&pool->open)))
        break_deadlock(pool->group, worker);
    return POOL_WAIT;
}

static void fail_waiting(struct pool *pool, struct worker *worker, const struct error *error);

struct fail_message {
    struct inbox_message message;
    struct pool *pool;
    struct error error;
};

static void fail_run(struct inbox_message *message, struct worker *worker)
{
    struct fail_message *failure = (struct fail_message *) message;
    fail_waiting(failure->pool, worker, &failure->error);
    error_clear(&failure->error);
    free(failure);
}

static struct pool_wait *queue_take_mine(struct pool *pool, struct worker *worker)
{
    pthread_mutex_lock(&pool->lock);
    struct pool_wait *wait = pool->first;
    while (wait && wait->worker != worker)
        wait = wait->next;
    if (wait)
        queue_remove(pool, wait);
    pthread_mutex_unlock(&pool->lock);
    return wait;
}

static void fail_waiting(struct pool *pool, struct worker *worker, const struct error *error)
{
    struct pool_wait *wait;
    while (atomic_load(&pool->open) == 0 && (wait = queue_take_mine(pool, worker)))
        wait->end->failed(wait, error);
}

void pool_login_failed(struct pool *pool, struct worker *worker, const struct error *error)
{
    pthread_mutex_lock(&pool->lock);
    pool->login_failed_at = ev_now(worker->loop);
    error_clear(&pool->login_error);
    error_copy(&pool->login_error, error);
    atomic_store(&pool->login_failing, true);
    pthread_mutex_unlock(&pool->lock);
    if (atomic_load(&pool->open) > 0)
        return; /* other servers will serve those who wait */
    for (int i = 0; i < keyway.worker_count; i++) {
        struct fail_message *message = memory_alloc(sizeof(*message));
        message->message.run = fail_run;
        message->pool = pool;
        error_copy(&message->error, error);
        worker_send(keyway.workers[i], &message->message);
    }
}

/* --- upkeep -------------------------------------------------------------------------------------------------- */

static void close_expired(struct pool *pool, struct worker *worker, ev_tstamp now, int64_t minimum)
{
    const struct settings *settings = worker_state(worker)->settings;
    struct server *next;
    for (struct server *server = local_of(pool, worker)->servers; server; server = next) {
        next = server->next;
        bool surplus = atomic_load(&pool->open) > minimum;
        if (server->state == SERVER_CONNECTING) {
            if (settings->server_connect_timeout > 0 && now - server->connected_at > settings->server_connect_timeout)
                server_login_expire(server);
        } else if (server->state == SERVER_IDLE) {
            if (pool_is_outdated(server))
                server_close(server, "server_lifetime");
            else if (settings->server_idle_timeout > 0 && surplus && now - server->idle_since > settings->server_idle_timeout)
                server_close(server, "server_idle_timeout");
        }
    }
}

ev_tstamp pool_longest_wait(struct pool *pool, ev_tstamp now)
{
    ev_tstamp since = now;
    pthread_mutex_lock(&pool->lock);
    for (const struct pool_wait *wait = pool->first; wait; wait = wait->next)
        since = wait->since < since ? wait->since : since;
    pthread_mutex_unlock(&pool->lock);
    return now - since;
}

static void tick_group(struct pool_group *group, struct worker *worker, ev_tstamp now)
{
    if (!pool_holders_are_none(&group->holders))
        break_deadlock(group, worker);
    pool_admission_tick(group, worker, now);
}

void pool_tick(struct pool *pool, struct worker *worker, ev_tstamp now)
{
    const struct settings *settings = worker_state(worker)->settings;
    struct limits limits = limits_of(pool->group, worker);
    if (pool->shard == 0)
        tick_group(pool->group, worker, now);
    close_expired(pool, worker, now, limits.minimum);
    if (atomic_load(&pool->waiting) > 0) {
        bool reserve = limits.reserve > 0 && pool_longest_wait(pool, now) >= settings->reserve_pool_timeout;
        connect_for_waiting(pool, worker, limits.size + (reserve ? limits.reserve : 0));
        ask_others(pool, worker);
    } else if (atomic_load(&pool->group->clients) > 0) {
        connect_one(pool, worker, limits.minimum);
    }
}

void pool_retire(struct pool *pool, struct worker *worker)
{
    struct pool_local *local = local_of(pool, worker);
    while (local->idle)
        server_close(local->idle, "reconnect");
    for (struct server *server = local->servers; server; server = server->next)
        server->retire = true;
}

struct pool_counts pool_counts(const struct pool *pool, const struct worker *worker)
{
    struct pool_counts counts = {0};
    for (const struct server *server = pool->locals[worker->number].servers; server; server = server->next)
        switch (server->state) {
        case SERVER_LENT:
            counts.active++;
            break;
        case SERVER_IDLE:
            counts.idle++;
            break;
        case SERVER_CONNECTING:
            counts.connecting++;
            break;
        case SERVER_CLEANING:
            counts.cleaning++;
            break;
        case SERVER_MOVING:
        case SERVER_CLOSED:
            break;
        }
    return counts;
}
