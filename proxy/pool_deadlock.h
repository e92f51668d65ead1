/*
 * pool_deadlock: transactions that hold servers of some pools and wait for those of others, in a circle.
 *
 * A transaction keeps the server of each shard that it has reached.  When all servers of a pool are kept by transactions that wait for another
 * pool's, and all of that one's by such as wait for the first, nobody goes on, nor does anybody else who needs one of the two.  Then a young
 * one is chosen to let go of its servers, so that the eldest always comes to its end.
 */
#ifndef KEYWAY_POOL_DEADLOCK_H
#define KEYWAY_POOL_DEADLOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "router/shard_set.h"

struct pool_wait;

/* Somebody who waits for a server and keeps others meanwhile. */
struct pool_holder {
    struct pool_holder *next, *previous; /* of its group; under the lock */
    struct pool_wait *wait;  /* whose it is; for the caller */
    int worker;              /* number of the one that it belongs to; for the caller */
    int awaited;             /* a server of this pool is waited for … */
    struct shard_set holds;  /* … while these are kept … */
    struct shard_set frees;  /* … of which it can let go of these */
    bool for_nothing;        /* … at no cost: it only has to ask for them again */
    double since;            /* the first of them was lent to it */
    double from;             /* it is not chosen before */
    bool chosen;             /* it is to let go, and counts no more; under the lock */
};

/* Of a group. */
struct pool_holders {
    pthread_mutex_t lock;
    int count;  /* pools */
    int *waits; /* under the lock, as what follows: waits[held * count + awaited] servers of one pool are held by clients that wait for another */
    int *kept;  /* … and so many for any */
    struct pool_holder *first, *last;
};

void pool_holders_init(struct pool_holders *holders, int count);
void pool_holders_free(struct pool_holders *holders);

/* It begins, or ends, to wait; its fields are set and stay as they are meanwhile. */
void pool_holder_waits(struct pool_holders *holders, struct pool_holder *holder);
void pool_holder_ends(struct pool_holders *holders, struct pool_holder *holder);

/* Does nobody wait who keeps a server? */
bool pool_holders_are_none(struct pool_holders *holders);
/* Are as many servers of the pool kept by such as wait?  Else it is not stuck. */
bool pool_holders_keep(struct pool_holders *holders, int pool, int servers);

/*
 * If servers can come free no more of some pools, choose who lets go of his; again, until there are none such.  `places[i]`: how many
 * servers pool i has, if it can have no more; 0: it can.  Returns how many were chosen; `paid`: of those not for nothing.
 */
int pool_holders_choose(struct pool_holders *holders, const int *places, double now, int *paid);
/* Somebody of this worker who was chosen, or NULL. */
struct pool_holder *pool_holders_chosen(struct pool_holders *holders, int worker);

#endif
