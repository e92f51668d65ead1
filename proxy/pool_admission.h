/*
 * pool_admission: who may begin a transaction while the pools of a group are contended.
 *
 * When transactions had to let go of their servers because they waited for each other's (proxy/pool_deadlock), those that begin at once again
 * would only bring it about anew.  From then on, no more are let in than a pool has servers, first come, first served: each keeps one server of
 * a pool at most, so everybody who is in finds all that he needs.  Statements outside of transactions are not held up: they keep nothing while
 * they wait, or ask for it again.
 */
#ifndef KEYWAY_POOL_ADMISSION_H
#define KEYWAY_POOL_ADMISSION_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pool_group;
struct pool_wait;
struct worker;

struct pool_admission {
    _Atomic bool contended; /* the rest is of no concern otherwise */
    _Atomic bool grew;      /* since it was last looked at, somebody who is in has come to another shard */
    _Atomic int waiting;    /* length of the queue */
    pthread_mutex_t lock;   /* for what follows */
    bool waited;            /* … and somebody has had to wait */
    int64_t inside;         /* transactions that were let in */
    double looked_at;
    struct pool_wait *first, *last;
};

void pool_admission_init(struct pool_admission *admission);

/* Hot, and nothing but a look while nobody is contended. */
static inline bool pool_is_contended(const struct pool_admission *admission)
{
    return atomic_load_explicit(&admission->contended, memory_order_relaxed);
}

/* Transactions that begin from now on need to be let in.  False: that was so already. */
bool pool_admission_begin(struct pool_group *group, struct worker *worker);
/* May another one come in?  If so, it counts until pool_admission_leave(); else `wait` is queued, and its admitted() will be called, by which it has
 * come in. */
bool pool_admission_enter(struct pool_group *group, struct worker *worker, struct pool_wait *wait);
/* One that is under way, and has not been let in, counts as well from now on. */
void pool_admission_join(struct pool_group *group);
void pool_admission_leave(struct pool_group *group, struct worker *worker);
/* Leave the queue. */
void pool_admission_give_up(struct pool_wait *wait);
/* Every tick, of one worker or another: is it still needed? */
void pool_admission_tick(struct pool_group *group, struct worker *worker, double now);

#endif
