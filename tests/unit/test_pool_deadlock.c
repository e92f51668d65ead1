/*
 * Clients that hold servers and wait for others: when nobody can go on, and when somebody still may.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "proxy/pool_deadlock.h"

enum { POOLS = 4 };

static struct pool_holders holders;
static const int full[POOLS] = {2, 2, 2, 2};
static struct pool_holder waiting[20];
static int count;

static struct pool_holder *waits_keeping(const struct shard_set *held, int awaited, double since)
{
    struct pool_holder *holder = &waiting[count++];
    *holder = (struct pool_holder){.awaited = awaited, .holds = *held, .frees = *held, .since = since};
    pool_holder_waits(&holders, holder);
    return holder;
}

static struct pool_holder *waits(int held, int awaited, double since)
{
    struct shard_set set = shard_set_one(held);
    return waits_keeping(&set, awaited, since);
}

static void set_up(void)
{
    pool_holders_init(&holders, POOLS);
}

static void tear_down(void)
{
    pool_holders_free(&holders);
}

TestSuite(pool_deadlock, .init = set_up, .fini = tear_down);

static int choose(const int *places)
{
    int paid;
    return pool_holders_choose(&holders, places, 100, &paid);
}

Test(pool_deadlock, nobody_is_stuck_while_one_server_is_not_held_by_such_as_wait)
{
    cr_expect_eq(choose(full), 0);
    waits(0, 1, 1);
    waits(0, 1, 2);
    waits(1, 0, 3);
    cr_expect_eq(choose(full), 0);
    cr_expect(pool_holders_keep(&holders, 0, 2));
    cr_expect_not(pool_holders_keep(&holders, 1, 2));
}

Test(pool_deadlock, of_two_pools_that_hold_each_other_the_youngest_lets_go)
{
    struct pool_holder *eldest = waits(0, 1, 1), *elder = waits(1, 0, 2), *younger = waits(1, 0, 3), *youngest = waits(0, 1, 4);
    cr_expect_eq(choose(full), 1);
    cr_expect(younger->chosen, "it holds what the eldest waits for");
    cr_expect_not(eldest->chosen || elder->chosen || youngest->chosen);
    cr_expect_eq(choose(full), 0, "one is enough");
}

Test(pool_deadlock, who_gave_up_is_in_nobodys_way)
{
    waits(0, 1, 1);
    waits(0, 1, 2);
    waits(1, 0, 3);
    pool_holder_ends(&holders, waits(1, 0, 4));
    cr_expect_eq(choose(full), 0);
}

Test(pool_deadlock, a_pool_with_room_frees_all)
{
    static const int room[POOLS] = {2, 0, 2, 2};
    for (int i = 0; i < 2; i++) {
        waits(0, 1, i);
        waits(1, 2, i);
        waits(2, 0, i);
    }
    cr_expect_eq(choose(room), 0);
    cr_expect_eq(choose(full), 1);
}

/* Whoever else holds servers of others and waits for the circle lets go of them when he has got what he waits for. */
Test(pool_deadlock, who_is_not_in_the_eldests_way_need_not_let_go)
{
    for (int i = 0; i < 2; i++) {
        waits(0, 1, i);
        waits(1, 0, i + 5);
        waits(2, 0, i + 10);
    }
    cr_expect_eq(choose(full), 1);
    cr_expect(waiting[4].chosen);
}

Test(pool_deadlock, the_eldest_may_itself_hold_several)
{
    struct shard_set both = shard_set_one(0);
    shard_set_add(&both, 1);
    for (int i = 0; i < 2; i++)
        waits_keeping(&both, 2, i);
    struct pool_holder *one = waits(2, 0, 5), *other = waits(2, 1, 6);
    cr_expect_eq(choose(full), 1);
    cr_expect(other->chosen);
    cr_expect_not(one->chosen);
}

Test(pool_deadlock, a_query_that_has_done_nothing_goes_before_transactions)
{
    int paid;
    waits(0, 1, 1);
    waits(0, 1, 1);
    struct pool_holder *query = waits(1, 0, 2);
    query->for_nothing = true;
    waits(1, 0, 3);
    cr_expect_eq(pool_holders_choose(&holders, full, 100, &paid), 1);
    cr_expect(query->chosen);
    cr_expect_eq(paid, 0);
}

/* … nor who can free nothing, or is to be left in peace for a while: then another one, whoever is the youngest. */
Test(pool_deadlock, who_can_free_nothing_is_not_chosen)
{
    waits(0, 1, 1);
    struct pool_holder *other = waits(0, 1, 2), *keeps = waits(1, 0, 3), *later = waits(1, 0, 4);
    keeps->frees = (struct shard_set){{0}};
    later->from = 200;
    cr_expect_eq(choose(full), 1);
    cr_expect(other->chosen);
}

Test(pool_deadlock, each_worker_finds_its_own)
{
    struct pool_holder *chosen = waits(0, 1, 2);
    chosen->worker = 3;
    waits(0, 1, 2);
    waits(1, 0, 1);
    waits(1, 0, 1);
    waits(0, 1, 3)->worker = 4;
    pool_holder_ends(&holders, &waiting[1]);
    cr_expect_eq(choose(full), 1);
    cr_expect_null(pool_holders_chosen(&holders, 3));
    cr_expect_eq(pool_holders_chosen(&holders, 4), &waiting[4]);
    pool_holder_ends(&holders, &waiting[4]);
    cr_expect_null(pool_holders_chosen(&holders, 4));
}
