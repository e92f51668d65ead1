/*
 * Stuck are the pools of the largest set in which each pool has no room, and each of its servers is held by a client that waits for a pool of the
 * set: nobody in there lets go of a server before he has got one.  Found by leaving out, from all pools, those that do not
 * belong to it, until there are none.
 *
 * Who lets go?  All servers of the pool that the eldest waits for are held by others who are stuck, all of them younger: the youngest of
 * those.  A queue gives a server to the eldest first (proxy/pool.c), so what is let go of is what the eldest has waited for.  When it
 * has reached all its shards it ends, and somebody else is the eldest.
 */
#include "proxy/pool_deadlock.h"

#include <stdlib.h>

#include "config/arena.h"

void pool_holders_init(struct pool_holders *holders, int count)
{
    *holders = (struct pool_holders){.count = count};
    pthread_mutex_init(&holders->lock, NULL);
    holders->waits = memory_alloc((size_t) count * (size_t) count * sizeof(*holders->waits));
    holders->kept = memory_alloc((size_t) count * sizeof(*holders->kept));
}

void pool_holders_free(struct pool_holders *holders)
{
    free(holders->waits);
    free(holders->kept);
    pthread_mutex_destroy(&holders->lock);
}

static void count(struct pool_holders *holders, const struct pool_holder *holder, int by)
{
    for (int pool = shard_set_next(&holder->holds, 0); pool >= 0; pool = shard_set_next(&holder->holds, pool + 1)) {
        holders->waits[pool * holders->count + holder->awaited] += by;
        holders->kept[pool] += by;
    }
}

void pool_holder_waits(struct pool_holders *holders, struct pool_holder *holder)
{
    pthread_mutex_lock(&holders->lock);
    holder->chosen = false;
    holder->next = NULL;
    holder->previous = holders->last;
    *(holders->last ? &holders->last->next : &holders->first) = holder;
    holders->last = holder;
    count(holders, holder, 1);
    pthread_mutex_unlock(&holders->lock);
}

void pool_holder_ends(struct pool_holders *holders, struct pool_holder *holder)
{
    pthread_mutex_lock(&holders->lock);
    *(holder->previous ? &holder->previous->next : &holders->first) = holder->next;
    *(holder->next ? &holder->next->previous : &holders->last) = holder->previous;
    if (!holder->chosen)
        count(holders, holder, -1);
    pthread_mutex_unlock(&holders->lock);
}

bool pool_holders_are_none(struct pool_holders *holders)
{
    pthread_mutex_lock(&holders->lock);
    bool none = holders->first == NULL;
    pthread_mutex_unlock(&holders->lock);
    return none;
}

bool pool_holders_keep(struct pool_holders *holders, int pool, int servers)
{
    pthread_mutex_lock(&holders->lock);
    bool all = holders->kept[pool] >= servers;
    pthread_mutex_unlock(&holders->lock);
    return all;
}

static bool is_stuck_within(const struct pool_holders *holders, const struct shard_set *set, int places, int pool)
{
    int waiting = 0;
    if (places == 0 || holders->kept[pool] < places)
        return false;
    for (int awaited = shard_set_next(set, 0); awaited >= 0; awaited = shard_set_next(set, awaited + 1))
        waiting += holders->waits[pool * holders->count + awaited];
    return waiting >= places;
}

static struct shard_set stuck_pools(const struct pool_holders *holders, const int *places)
{
    struct shard_set set = shard_set_all(holders->count);
    bool shrinks = true;
    while (shrinks) {
        shrinks = false;
        for (int pool = shard_set_next(&set, 0); pool >= 0; pool = shard_set_next(&set, pool + 1))
            if (!is_stuck_within(holders, &set, places[pool], pool)) {
                shard_set_remove(&set, pool);
                shrinks = true;
            }
    }
    return set;
}

static const struct pool_holder *eldest_of(const struct pool_holders *holders, const struct shard_set *stuck)
{
    const struct pool_holder *eldest = NULL;
    for (const struct pool_holder *holder = holders->first; holder; holder = holder->next)
        if (!holder->chosen && shard_set_has(stuck, holder->awaited) && (eldest == NULL || holder->since < eldest->since))
            eldest = holder;
    return eldest;
}

static bool goes_before(const struct pool_holder *one, const struct pool_holder *other)
{
    if (other == NULL || one->for_nothing != other->for_nothing)
        return other == NULL || one->for_nothing;
    return one->since >= other->since;
}

/* … of those who can let go of a server of one of these pools. */
static struct pool_holder *youngest_of(const struct pool_holders *holders, const struct shard_set *stuck, const struct shard_set *pools, double now)
{
    struct pool_holder *youngest = NULL;
    for (struct pool_holder *holder = holders->first; holder; holder = holder->next) {
        struct shard_set free = holder->frees;
        shard_set_intersect(&free, pools);
        if (!holder->chosen && now >= holder->from && shard_set_has(stuck, holder->awaited) && !shard_set_is_empty(&free) &&
            goes_before(holder, youngest))
            youngest = holder;
    }
    return youngest;
}

int pool_holders_choose(struct pool_holders *holders, const int *places, double now, int *paid)
{
    int chosen = 0;
    *paid = 0;
    pthread_mutex_lock(&holders->lock);
    for (;;) {
        struct shard_set stuck = stuck_pools(holders, places);
        const struct pool_holder *eldest = eldest_of(holders, &stuck);
        if (eldest == NULL)
            break;
        struct shard_set awaited = shard_set_one(eldest->awaited);
        struct pool_holder *holder = youngest_of(holders, &stuck, &awaited, now);
        if (holder == NULL)
            holder = youngest_of(holders, &stuck, &stuck, now);
        if (holder == NULL)
            break;
        holder->chosen = true;
        count(holders, holder, -1);
        chosen++;
        *paid += !holder->for_nothing;
    }
    pthread_mutex_unlock(&holders->lock);
    return chosen;
}

struct pool_holder *pool_holders_chosen(struct pool_holders *holders, int worker)
{
    pthread_mutex_lock(&holders->lock);
    struct pool_holder *holder = holders->first;
    while (holder && !(holder->chosen && holder->worker == worker))
        holder = holder->next;
    pthread_mutex_unlock(&holders->lock);
    return holder;
}
