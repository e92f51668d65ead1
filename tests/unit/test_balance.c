/*
 * Which worker a client goes to, and which clients are moved: what is measured, and what is decided of it.  Shares are thousandths, 600 is
 * full.
 */
#include <criterion/criterion.h>

#include "proxy/balance.h"

enum { FULL = 600 };

static struct balance_move moves[8];

static int decide(const struct balance_load *loads, int count)
{
    return balance_decide(loads, count, FULL, true, moves);
}

static void expect_move(int from, int to, int share)
{
    cr_expect_eq(moves[0].from, from, "from %d", moves[0].from);
    cr_expect_eq(moves[0].to, to, "to %d", moves[0].to);
    cr_expect_eq(moves[0].share, share, "share %d", moves[0].share);
}

/* --- new clients --------------------------------------------------------------------------------------------- */

Test(balance, a_client_goes_where_others_are)
{
    cr_expect_eq(balance_place((struct balance_load[]){{0}, {0}}, 2, FULL), 0);
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 500, .busy = 300}, {0}}, 2, FULL), 0);
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 40}, {.clients = 50}}, 2, FULL), 1);
}

Test(balance, a_client_goes_elsewhere_before_a_worker_is_full)
{
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 500, .busy = 500}, {0}}, 2, FULL), 1);
}

Test(balance, a_block_of_clients_is_filled_however_busy)
{
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 31, .busy = 900}, {0}}, 2, FULL), 0);
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 32, .busy = 900}, {0}}, 2, FULL), 1);
}

Test(balance, where_all_are_busy_the_emptiest_takes_a_block)
{
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 100, .busy = 900}, {.clients = 70, .busy = 950}}, 2, FULL), 1);
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 95, .busy = 900}, {.clients = 70, .busy = 950}}, 2, FULL), 0);
}

Test(balance, clients_that_never_move_are_dealt_out_in_blocks)
{
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 31}, {0}}, 2, 0), 0);
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 32}, {0}}, 2, 0), 1);
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = 63}, {.clients = 32}}, 2, 0), 0);
}

Test(balance, a_worker_is_not_given_clients_without_end)
{
    cr_expect_eq(balance_place((struct balance_load[]){{.clients = BALANCE_MOST}, {0}}, 2, FULL), 1);
}

/* --- full workers -------------------------------------------------------------------------------------------- */

#define BUSY(share) .busy = (share), .usual = (share)

Test(balance, a_full_worker_gives_half_of_the_difference)
{
    cr_assert_eq(decide((struct balance_load[]){{.clients = 100, BUSY(800)}, {0}}, 2), 1);
    expect_move(0, 1, 500);
    cr_assert_eq(decide((struct balance_load[]){{.clients = 100, BUSY(300)}, {.clients = 100, BUSY(900)}}, 2), 1);
    expect_move(1, 0, 333);
}

Test(balance, a_block_of_clients_is_never_split)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 32, BUSY(1000)}, {0}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{.clients = 33, BUSY(1000)}, {0}}, 2), 1);
}

Test(balance, workers_that_are_about_as_busy_keep_their_clients)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, BUSY(900)}, {.clients = 100, BUSY(750)}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, BUSY(600)}, {.clients = 100, BUSY(100)}}, 2), 0, "not full");
}

Test(balance, a_worker_that_has_clients_takes_more_before_an_empty_one_does)
{
    cr_assert_eq(decide((struct balance_load[]){{.clients = 100, BUSY(700)}, {0}, {.clients = 50, BUSY(200)}}, 3), 1);
    expect_move(0, 2, 357);
    cr_assert_eq(decide((struct balance_load[]){{.clients = 100, BUSY(1000)}, {0}, {.clients = 50, BUSY(200)}}, 3), 1);
    expect_move(0, 1, 500);
}

Test(balance, several_full_workers_give_to_different_ones)
{
    struct balance_load loads[] = {{.clients = 99, BUSY(900)}, {.clients = 99, BUSY(950)}, {0}, {0}};
    cr_assert_eq(decide(loads, 4), 2);
    expect_move(1, 2, 500);
    cr_expect_eq(moves[1].from, 0);
    cr_expect_eq(moves[1].to, 3);
}

Test(balance, a_moment_of_much_work_spreads_nobody)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, .busy = 1000, .usual = 400}, {0}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, .busy = 1000, .usual = 401}, {0}}, 2), 1);
}

/* --- workers with little to do ------------------------------------------------------------------------------- */

Test(balance, two_workers_with_little_to_do_gather_their_clients)
{
    cr_assert_eq(
        decide((struct balance_load[]){{.clients = 96, .busy = 150, .usual = 150}, {.clients = 104, .busy = 200, .usual = 250}}, 2), 1);
    expect_move(0, 1, 1000);
}

Test(balance, what_was_gathered_is_far_from_full)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 96, .busy = 201}, {.clients = 104, .busy = 200}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{.clients = 96, .busy = 200}, {.clients = 104, .busy = 200}}, 2), 1);
}

Test(balance, a_moment_without_work_gathers_nobody)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 96, .busy = 10, .usual = 300}, {.clients = 104, .busy = 10, .usual = 300}}, 2),
                 0);
}

Test(balance, gathering_has_one_direction_only)
{
    cr_assert_eq(decide((struct balance_load[]){{.clients = 100, .busy = 5}, {.clients = 100, .busy = 9}}, 2), 1);
    expect_move(1, 0, 1000);
    cr_assert_eq(decide((struct balance_load[]){{.clients = 101, .busy = 5}, {.clients = 99, .busy = 90}}, 2), 1);
    expect_move(1, 0, 1000);
}

Test(balance, an_empty_worker_neither_gives_nor_takes_what_is_gathered)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, .busy = 100}, {0}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{0}, {.clients = 1}}, 2), 0);
}

Test(balance, many_workers_gather_at_once)
{
    struct balance_load loads[] = {
        {.clients = 40, .busy = 100}, {.clients = 30, .busy = 100}, {.clients = 20, .busy = 100}, {.clients = 10, .busy = 100}};
    cr_assert_eq(decide(loads, 4), 3);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(moves[i].from, 3 - i);
        cr_expect_eq(moves[i].to, 0);
    }
}

Test(balance, clients_are_not_gathered_without_end)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = BALANCE_MOST / 2 + 1}, {.clients = BALANCE_MOST / 2}}, 2), 0);
}

/* --- neither ------------------------------------------------------------------------------------------------- */

Test(balance, nothing_is_gathered_just_after_clients_were_spread)
{
    struct balance_load loads[] = {{.clients = 100, .busy = 10}, {.clients = 100, .busy = 10}};
    cr_expect_eq(balance_decide(loads, 2, FULL, false, moves), 0);
}

Test(balance, a_worker_that_settles_is_left_alone)
{
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, BUSY(900), .settles = true}, {0}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, BUSY(900)}, {.settles = true}}, 2), 0);
    cr_expect_eq(decide((struct balance_load[]){{.clients = 100, .busy = 10}, {.clients = 50, .settles = true}}, 2), 0);
}

Test(balance, without_a_limit_nobody_moves)
{
    struct balance_load loads[] = {{.clients = 100, BUSY(1000)}, {.clients = 10, .busy = 0}};
    cr_expect_eq(balance_decide(loads, 2, 0, true, moves), 0);
}
