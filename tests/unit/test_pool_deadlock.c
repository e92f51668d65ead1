/*
 * Clients that hold servers and wait for others: when nobody can go on, and when somebody still may.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proxy/pool_deadlock.h"

enum { POOLS = 4 };

static struct pool_holders holders;
static const int full[POOLS] = {2, 2, 2, 2};

static void waits(int held, int awaited, int by)
{
    struct shard_set set = shard_set_one(held);
    pool_holders_wait(&holders, &set, awaited, by);
}

static void set_up(void)
{
    pool_holders_init(&holders, POOLS);
}

static void tear_down(void)
{
    free(holders.waits);
}

TestSuite(pool_deadlock, .init = set_up, .fini = tear_down);

static bool is_stuck(const int *places, int awaited)
{
    return pool_holders_are_stuck(&holders, places, awaited);
}

Test(pool_deadlock, nobody_who_waits_is_stuck_while_one_server_is_not_held_by_such)
{
    cr_expect_not(is_stuck(full, 0));
    waits(0, 1, 1);
    waits(0, 1, 1);
    waits(1, 0, 1);
    cr_expect_not(is_stuck(full, 0));
    cr_expect_not(is_stuck(full, 1));
}

Test(pool_deadlock, two_pools_hold_each_other)
{
    for (int i = 0; i < 2; i++) {
        waits(0, 1, 1);
        waits(1, 0, 1);
    }
    cr_expect(is_stuck(full, 0));
    cr_expect(is_stuck(full, 1));
    cr_expect_not(is_stuck(full, 2));
    waits(1, 0, -1); /* somebody gave up */
    cr_expect_not(is_stuck(full, 0));
    cr_expect_not(is_stuck(full, 1));
}

Test(pool_deadlock, a_pool_with_room_frees_all)
{
    static const int room[POOLS] = {2, 0, 2, 2};
    for (int i = 0; i < 2; i++) {
        waits(0, 1, 1);
        waits(1, 2, 1);
        waits(2, 0, 1);
    }
    cr_expect(is_stuck(full, 0));
    cr_expect(is_stuck(full, 2));
    for (int pool = 0; pool < POOLS; pool++)
        cr_expect_not(is_stuck(room, pool));
}

/* … of which those that wait for it are not a part: they let go of what they hold when they have got it. */
Test(pool_deadlock, who_waits_for_the_circle_is_stuck_and_who_waits_elsewhere_is_not)
{
    for (int i = 0; i < 2; i++) {
        waits(0, 1, 1);
        waits(1, 0, 1);
        waits(2, 0, 1);
    }
    waits(3, 0, 1);
    waits(3, 2, 1);
    cr_expect(is_stuck(full, 2));
    cr_expect(is_stuck(full, 3));
    waits(3, 2, -1); /* one of its servers is at work */
    cr_expect_not(is_stuck(full, 3));
    cr_expect(is_stuck(full, 2));
}

Test(pool_deadlock, who_holds_several_counts_in_each)
{
    struct shard_set both = shard_set_one(0);
    shard_set_add(&both, 1);
    for (int i = 0; i < 2; i++) {
        pool_holders_wait(&holders, &both, 2, 1);
        waits(2, i, 1);
    }
    cr_expect(is_stuck(full, 0));
    cr_expect(is_stuck(full, 1));
    cr_expect(is_stuck(full, 2));
}
