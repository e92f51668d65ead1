/*
 * pool_deadlock: transactions that hold servers of some pools and wait for those of others, in a circle.
 *
 * A transaction keeps the server of each shard that it has reached.  When all servers of a pool are kept by transactions that wait for another
 * pool's, and all of that one's by such as wait for the first, nobody goes on, nor does anybody else who needs one of the two.
 */
#ifndef KEYWAY_POOL_DEADLOCK_H
#define KEYWAY_POOL_DEADLOCK_H

#include <pthread.h>
#include <stdbool.h>

#include "router/shard_set.h"

/* Of a group: how many servers of one pool clients hold that wait for another. */
struct pool_holders {
    pthread_mutex_t lock;
    int count;  /* pools */
    int *waits; /* under the lock: waits[held * count + awaited] */
};

void pool_holders_init(struct pool_holders *holders, int count);
/* Somebody who holds a server of each of these begins (by 1) or ends (-1) to wait for one of `awaited`. */
void pool_holders_wait(struct pool_holders *holders, const struct shard_set *held, int awaited, int by);

/* Can no server of the pool come free?  `places[i]`: how many servers pool i has, if it can have no more; 0: it can. */
bool pool_holders_are_stuck(struct pool_holders *holders, const int *places, int awaited);

#endif
