/*
 * pool: the connections of one (database, user, shard).
 *
 * Limits are global, connections belong to workers: an atomic count says how many are open, and one queue of waiting
 * clients over all workers, used only when there is nothing idle, keeps first come, first served.  A server that becomes free goes
 * to the client that waits longest; if that one lives on another worker, the connection moves there.
 */
#ifndef KEYWAY_POOL_H
#define KEYWAY_POOL_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "config/settings.h"
#include "proxy/pool_admission.h"
#include "proxy/pool_deadlock.h"
#include "proxy/server.h"
#include "proxy/worker.h"

struct database;
struct database_state;
struct pool;

struct pool_wait;

/* What a wait ends with: one of these, once. */
struct pool_wait_end {
    void (*granted)(struct pool_wait *wait, struct server *server);
    void (*failed)(struct pool_wait *wait, const struct error *error);
    void (*let_go)(struct pool_wait *wait);   /* it waits in vain unless it lets go of the servers that it keeps */
    void (*admitted)(struct pool_wait *wait); /* … for admission */
    void (*again)(struct pool_wait *wait);    /* it is to ask once more, as it would now have to be admitted first … */
    bool (*is_new)(const struct pool_wait *wait); /* … if this says so: it is not an end */
    /* Before it waits: which servers it keeps meanwhile, and what it can do about it.  False: none. */
    bool (*holds)(const struct pool_wait *wait, struct pool_holder *holder);
};

/*
 * A client in the queue of a pool, or of those who want to be admitted.  Embedded in the client; touched by its own worker only, but for the links
 * (under the queue's lock).
 */
struct pool_wait {
    struct pool_wait *next, *previous;
    struct pool *pool;           /* NULL: not waiting for a server */
    struct pool_group *entering; /* NULL: not waiting to be admitted */
    struct pool_holder *holder;  /* while it waits for a server and keeps others */
    struct worker *worker;
    ev_tstamp since; /* it waits */
    ev_tstamp age;   /* its place in the queue: who keeps servers has come when the first of them was lent to him */
    const struct pool_wait_end *end;
};

/* One worker's part of a pool. */
struct pool_local {
    struct server *servers; /* all of this worker */
    struct server *idle;    /* last in, first out */
    _Atomic int idle_count;
    int server_count;
};

struct pool {
    struct pool_group *group;
    int shard; /* number in its database */
    _Atomic int open;            /* servers open or connecting, over all workers */
    _Atomic int connecting;      /* … those that log in */
    _Atomic int waiting;         /* length of the queue */
    _Atomic unsigned generation; /* RECONNECT and reload increase it: older servers retire */
    _Atomic bool login_failing;  /* the last login failed */
    pthread_mutex_t lock;        /* for what follows */
    struct pool_wait *first, *last;
    ev_tstamp login_failed_at;
    struct error login_error;
    struct pool_local *locals;   /* one per worker */
};

/* The pools of one (database, user): one per shard.  A shard's number means the same shard as long as the group lives: when a reload
 * changes the database's shards, there are new groups. */
struct pool_group {
    struct pool_group *next;
    struct database *database;
    char *user;            /* the client's name */
    struct settings *snapshot;              /* its own: what logins need; the whole file, for as long as there is a group, would be too much */
    const struct database_settings *shards; /* the database as it was when the group was made */
    _Atomic int clients;
    struct pool_holders holders;
    struct pool_admission admission;
    struct pool *pools;    /* shard_count of them */
    int shard_count;
};

/* The group of this user over the shards of this state, made when first asked for.  Lives as long as the process. */
struct pool_group *pool_group_get(struct database *database, const char *user, const struct database_state *state, int worker_count);
/* Are these the same shards, in the same order? */
bool pool_group_fits(const struct pool_group *group, const struct settings *settings, const struct database_settings *database);

enum pool_answer {
    POOL_LENT,   /* *server is the client's */
    POOL_WAIT,   /* `wait` is queued: its end is told later, never from inside pool_acquire() */
    POOL_FAILED, /* logins fail at present: `error` says why */
};
enum pool_answer pool_acquire(struct pool *pool, struct worker *worker, struct pool_wait *wait, struct server **server,
                              struct error *error);
/* Leave the queue, of whatever it is; fine when in none. */
void pool_give_up(struct pool_wait *wait);

/* How many servers each pool of the group may have, but for the reserve. */
int64_t pool_size(const struct pool_group *group, struct worker *worker);

/* From server.c: a new server belongs to the pool (its count was raised before) and this worker. */
void pool_adopt(struct pool *pool, struct server *server);
/* A server logged in; one came free; a login failed; a server is gone. */
void pool_logged_in(struct server *server);
void pool_offer(struct server *server);
void pool_login_failed(struct pool *pool, struct worker *worker, const struct error *error);
void pool_forget(struct server *server); /* unlink; the count goes down */

/* Every tick, per worker: idle timeouts, lifetimes, min_pool_size, the reserve, retries. */
void pool_tick(struct pool *pool, struct worker *worker, ev_tstamp now);

/* All idle servers of this worker are closed, the others when they come free (RECONNECT, reload). */
void pool_retire(struct pool *pool, struct worker *worker);

/* Older than server_lifetime, or opened before a RECONNECT: it is closed rather than lent again. */
bool pool_is_outdated(const struct server *server);

/* How long the one has waited who has done so longest, in seconds. */
ev_tstamp pool_longest_wait(struct pool *pool, ev_tstamp now);

struct pool_counts {
    int active, idle, connecting, cleaning;
};
struct pool_counts pool_counts(const struct pool *pool, const struct worker *worker);

#endif
