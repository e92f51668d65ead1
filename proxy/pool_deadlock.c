/*
 * Stuck are the pools of the largest set in which each pool has no room, and each of its servers is held by a client that waits for a pool of the
 * set: nobody in there lets go of a server before he has got one.  Found by leaving out, from all pools, those that do not
 * belong to it, until there are none.
 */
#include "proxy/pool_deadlock.h"

#include "config/arena.h"

void pool_holders_init(struct pool_holders *holders, int count)
{
    pthread_mutex_init(&holders->lock, NULL);
    holders->count = count;
    holders->waits = memory_alloc((size_t) count * (size_t) count * sizeof(*holders->waits));
}

void pool_holders_wait(struct pool_holders *holders, const struct shard_set *held, int awaited, int by)
{
    if (shard_set_is_empty(held))
        return;
    pthread_mutex_lock(&holders->lock);
    for (int pool = 0; pool < holders->count; pool++)
        if (shard_set_has(held, pool))
            holders->waits[pool * holders->count + awaited] += by;
    pthread_mutex_unlock(&holders->lock);
}

static bool is_stuck_within(const struct pool_holders *holders, const struct shard_set *set, int places, int pool)
{
    int waiting = 0;
    for (int awaited = 0; awaited < holders->count; awaited++)
        if (shard_set_has(set, awaited))
            waiting += holders->waits[pool * holders->count + awaited];
    return places > 0 && waiting >= places;
}

bool pool_holders_are_stuck(struct pool_holders *holders, const int *places, int awaited)
{
    struct shard_set set = shard_set_all(holders->count);
    bool shrinks = true;
    pthread_mutex_lock(&holders->lock);
    while (shrinks) {
        shrinks = false;
        for (int pool = 0; pool < holders->count; pool++)
            if (shard_set_has(&set, pool) && !is_stuck_within(holders, &set, places[pool], pool)) {
                shard_set_remove(&set, pool);
                shrinks = true;
            }
    }
    pthread_mutex_unlock(&holders->lock);
    return shard_set_has(&set, awaited);
}
