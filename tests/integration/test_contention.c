/*
 * Transactions that grow from shard to shard over pools that are too small for all of them: the eldest gets through, a young one lets go of
 * its servers at once, and whoever begins anew waits until there is room for his transaction.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *console;

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = settings});
    console = connect_console(&keyway);
}

static void stop(void)
{
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(contention, .fini = stop, .timeout = 120);

/* One on each shard. */
static const char *const reads[] = {
    "SELECT count(*) FROM users WHERE username = 'anna'",
    "SELECT count(*) FROM users WHERE username = 'kate'",
    "SELECT count(*) FROM users WHERE username = 'zoe'",
};

static PGconn *begin_on(int shard)
{
    PGconn *client = connect_keyway(&keyway, NULL);
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, reads[shard], "0");
    return client;
}

static void expect_next_error(PGconn *client, const char *sqlstate)
{
    bool timed_out;
    PGresult *answer = next_result(client, 30000, &timed_out);
    cr_assert_not(timed_out);
    const char *told = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
    cr_expect_str_eq(told ? told : "none", sqlstate);
    PQclear(answer);
    cr_expect_null(PQgetResult(client));
}

/* --- two of them --------------------------------------------------------------------------------------------- */

/* The younger lets go of its server when it is told so, and not only when it says ROLLBACK; to itself nothing is different from any failed transaction. */
Test(contention, the_younger_of_two_lets_go_at_once)
{
    start_with("pool_size = 1\nworkers = 2\n");
    PGconn *elder = begin_on(0), *younger = begin_on(2);
    PQsendQuery(elder, reads[2]);
    expect_pool(console, "cl_waiting", 1);
    PQsendQuery(younger, reads[0]);
    expect_next_error(younger, "40P01");
    expect_next(elder, "0");
    EXPECT(elder, "COMMIT", "COMMIT");
    EXPECT_ERROR(younger, "SELECT 1", "25P02");
    EXPECT_ERROR(younger, "SAVEPOINT late", "25P02");
    EXPECT_ERROR(younger, "ROLLBACK TO never", "3B001");
    cr_expect_eq(PQtransactionStatus(younger), PQTRANS_INERROR);
    EXPECT(younger, "COMMIT", "ROLLBACK");
    EXPECT(younger, reads[0], "0");
    PQfinish(elder);
    PQfinish(younger);
}

/* Who asked last is not the one to let go, if the other is younger. */
Test(contention, the_elder_gets_through_whoever_closes_the_circle)
{
    start_with("pool_size = 1\nworkers = 2\n");
    PGconn *elder = begin_on(0), *younger = begin_on(2);
    PQsendQuery(younger, reads[0]);
    expect_pool(console, "cl_waiting", 1);
    EXPECT(elder, reads[2], "0");
    expect_next_error(younger, "40P01");
    EXPECT(elder, "COMMIT", "COMMIT");
    EXPECT(younger, "ROLLBACK", "ROLLBACK");
    PQfinish(elder);
    PQfinish(younger);
}

/* Its changes are undone, its locks are gone, before it has said a word. */
Test(contention, what_the_younger_has_changed_is_rolled_back_at_once)
{
    start_with("pool_size = 1\n");
    load_tables(3, 30);
    PGconn *elder = begin_on(0), *younger = connect_keyway(&keyway, NULL);
    EXPECT(younger, "BEGIN", "BEGIN");
    EXPECT(younger, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    PQsendQuery(younger, reads[0]);
    expect_pool(console, "cl_waiting", 1);
    EXPECT(elder, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1"); /* would wait for the other's row */
    EXPECT(elder, "COMMIT", "COMMIT");
    expect_next_error(younger, "40P01");
    EXPECT(younger, "ROLLBACK", "ROLLBACK");
    EXPECT(younger, reads[2], "1");
    PQfinish(elder);
    PQfinish(younger);
}

/* With the servers would go what it may return to. */
Test(contention, who_has_a_savepoint_keeps_its_servers)
{
    start_with("pool_size = 1\n");
    PGconn *elder = begin_on(0), *younger = begin_on(2);
    EXPECT(younger, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(younger, "SAVEPOINT here", "SAVEPOINT");
    PQsendQuery(elder, reads[2]);
    expect_pool(console, "cl_waiting", 1);
    PQsendQuery(younger, reads[0]);
    expect_next_error(younger, "40P01");
    EXPECT(younger, "ROLLBACK TO here", "ROLLBACK");
    EXPECT(younger, reads[2], "1");
    cr_expect(answers_nothing_yet(elder));
    EXPECT(younger, "COMMIT", "COMMIT");
    expect_next(elder, "1");
    EXPECT(elder, "COMMIT", "COMMIT");
    PQfinish(elder);
    PQfinish(younger);
}

/* What was SET inside holds no more, neither for the client nor for the next one on its server. */
Test(contention, who_has_changed_settings_has_the_old_ones_again)
{
    static const char settings[] = "SELECT current_setting('work_mem'), current_setting('statement_timeout') FROM users WHERE username = 'zoe'";
    start_with("pool_size = 1\n");
    PGconn *elder = begin_on(0), *younger = connect_keyway(&keyway, NULL);
    EXPECT(younger, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(younger, "BEGIN", "BEGIN");
    EXPECT(younger, reads[2], "1");
    EXPECT(younger, "SET work_mem = '1234kB'", "SET");
    EXPECT(younger, "SET LOCAL statement_timeout = '55s'", "SET");
    EXPECT(younger, settings, "1234kB|55s");
    PQsendQuery(elder, reads[2]);
    expect_pool(console, "cl_waiting", 1);
    PQsendQuery(younger, reads[0]);
    expect_next_error(younger, "40P01");
    expect_next(elder, "1");
    EXPECT(elder, settings, "4MB|0");
    EXPECT(elder, "COMMIT", "COMMIT");
    EXPECT(younger, "ROLLBACK", "ROLLBACK");
    EXPECT(younger, settings, "4MB|0");
    PQfinish(elder);
    PQfinish(younger);
}

/* It has done nothing yet with the servers it has got, and simply asks for them again. */
Test(contention, a_query_outside_of_transactions_never_fails_for_them)
{
    start_with("pool_size = 1\nworkers = 2\n");
    PGconn *transaction = begin_on(2), *query = connect_keyway(&keyway, NULL);
    PQsendQuery(query, "SELECT count(*) FROM users");
    expect_pool(console, "cl_waiting", 1);
    EXPECT(transaction, reads[0], "0");
    EXPECT(transaction, reads[1], "0");
    cr_expect(answers_nothing_yet(query));
    EXPECT(transaction, "COMMIT", "COMMIT");
    expect_next(query, "0");
    PQfinish(transaction);
    PQfinish(query);
}

/* --- letting in ---------------------------------------------------------------------------------------------- */

/* From then on there is one transaction at a time, as the pools have one server. */
static void bring_about_a_deadlock(void)
{
    PGconn *elder = begin_on(0), *younger = begin_on(2);
    PQsendQuery(younger, reads[0]);
    expect_pool(console, "cl_waiting", 1);
    EXPECT(elder, reads[2], "0");
    expect_next_error(younger, "40P01");
    PQfinish(younger);
    EXPECT(elder, "COMMIT", "COMMIT");
    PQfinish(elder);
}

Test(contention, transactions_are_let_in_as_they_came_and_statements_need_not_be)
{
    start_with("pool_size = 1\nworkers = 2\n");
    bring_about_a_deadlock();
    PGconn *inside = begin_on(0), *waiting[4], *plain = connect_keyway(&keyway, NULL);
    for (int i = 0; i < 4; i++) {
        waiting[i] = connect_keyway(&keyway, NULL);
        EXPECT(waiting[i], "BEGIN", "BEGIN");
        PQsendQuery(waiting[i], reads[2]); /* whose server is free */
        expect_pool(console, "cl_waiting", i + 1);
    }
    EXPECT(plain, reads[2], "0");
    EXPECT(inside, reads[2], "0");
    EXPECT(inside, "COMMIT", "COMMIT");
    for (int i = 0; i < 4; i++) {
        expect_next(waiting[i], "0");
        for (int k = i + 1; k < 4; k++)
            cr_expect(answers_nothing_yet(waiting[k]));
        EXPECT(waiting[i], reads[1], "0");
        EXPECT(waiting[i], "COMMIT", "COMMIT");
        PQfinish(waiting[i]);
    }
    PQfinish(inside);
    PQfinish(plain);
}

Test(contention, who_gives_up_or_leaves_before_it_is_let_in_is_in_nobodys_way)
{
    start_with("pool_size = 1\nworkers = 2\n");
    char reason[256];
    bring_about_a_deadlock();
    PGconn *inside = begin_on(0), *waiting[3];
    for (int i = 0; i < 3; i++) {
        waiting[i] = connect_keyway(&keyway, NULL);
        EXPECT(waiting[i], "BEGIN", "BEGIN");
        PQsendQuery(waiting[i], reads[1]);
        expect_pool(console, "cl_waiting", i + 1);
    }
    PGcancel *cancel = PQgetCancel(waiting[0]);
    cr_assert(PQcancel(cancel, reason, sizeof reason));
    PQfreeCancel(cancel);
    expect_next_error(waiting[0], "57014");
    shutdown(PQsocket(waiting[1]), SHUT_RDWR); /* without a farewell, behind which its statement would still run */
    PQfinish(waiting[1]);
    expect_pool(console, "cl_waiting", 1);
    PQfinish(inside); /* with its transaction */
    expect_next(waiting[2], "0");
    EXPECT(waiting[0], "ROLLBACK", "ROLLBACK");
    EXPECT(waiting[2], "COMMIT", "COMMIT");
    EXPECT(waiting[0], "BEGIN", "BEGIN");
    EXPECT(waiting[0], reads[0], "0");
    EXPECT(waiting[0], reads[2], "0");
    EXPECT(waiting[0], "COMMIT", "COMMIT");
    PQfinish(waiting[0]);
    PQfinish(waiting[2]);
}

/* --- many of them -------------------------------------------------------------------------------------------- */

enum { CLIENTS = 24, TRANSACTIONS = 40, DEADLINE_MS = 60000 };

struct walker {
    PGconn *conn;
    unsigned random;
    int order[3];
    int step;  /* BEGIN, three reads, COMMIT */
    bool back; /* ROLLBACK is under way */
    int committed, failed;
};

static unsigned draw(struct walker *walker, unsigned below)
{
    walker->random = walker->random * 1103515245u + 12345u;
    return walker->random / 65536u % below;
}

static void go(struct walker *walker)
{
    if (walker->step == 0) {
        int first = (int) draw(walker, 3), turn = 1 + (int) draw(walker, 2);
        for (int i = 0; i < 3; i++)
            walker->order[i] = (first + i * turn) % 3;
    }
    const char *sql = walker->back ? "ROLLBACK" : walker->step == 0 ? "BEGIN" : walker->step == 4 ? "COMMIT" : reads[walker->order[walker->step - 1]];
    cr_assert(PQsendQuery(walker->conn, sql), "%s", PQerrorMessage(walker->conn));
}

static void take(struct walker *walker, const PGresult *result)
{
    bool failed = PQresultStatus(result) == PGRES_FATAL_ERROR;
    if (failed) {
        cr_assert_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "40P01");
        walker->failed++;
        walker->back = true;
    } else if (walker->back) {
        walker->back = false;
        walker->step = 0;
    } else if (++walker->step == 5) {
        walker->committed++;
        walker->step = 0;
    }
}

/* Its answer, if that is complete; false: the walker has done all it wanted. */
static bool step(struct walker *walker)
{
    PGresult *result;
    cr_assert(PQconsumeInput(walker->conn), "%s", PQerrorMessage(walker->conn));
    while (!PQisBusy(walker->conn)) {
        if ((result = PQgetResult(walker->conn))) {
            take(walker, result);
            PQclear(result);
            continue;
        }
        if (walker->committed == TRANSACTIONS)
            return false;
        go(walker);
    }
    return true;
}

static int walk_all(struct walker *walkers)
{
    struct pollfd ends[CLIENTS];
    int left = CLIENTS;
    long deadline = milliseconds() + DEADLINE_MS;
    for (int i = 0; i < CLIENTS; i++) {
        ends[i] = (struct pollfd){PQsocket(walkers[i].conn), POLLIN, 0};
        go(&walkers[i]);
    }
    while (left > 0 && milliseconds() < deadline) {
        poll(ends, CLIENTS, (int) (deadline - milliseconds()));
        for (int i = 0; i < CLIENTS; i++)
            if (ends[i].revents && !step(&walkers[i])) {
                ends[i].fd = -1;
                left--;
            }
    }
    return left;
}

/* A few have to let go before it is noticed that there are too many; then everybody gets through. */
static void expect_all_to_get_through(const char *settings)
{
    struct walker walkers[CLIENTS] = {0};
    int committed = 0, failed = 0;
    start_with(settings);
    for (int i = 0; i < CLIENTS; i++) {
        walkers[i].conn = connect_keyway(&keyway, NULL);
        walkers[i].random = (unsigned) i * 7919u + 1;
    }
    long began = milliseconds();
    int left = walk_all(walkers);
    long took = milliseconds() - began;
    for (int i = 0; i < CLIENTS; i++) {
        committed += walkers[i].committed;
        failed += walkers[i].failed;
        PQfinish(walkers[i].conn);
    }
    cr_log_info("%d transactions in %ld ms, %d told to try again", committed, took, failed);
    cr_expect_eq(left, 0, "%d of %d clients have not got through: %d transactions in %ld ms, %d told to try again", left, CLIENTS,
                 committed, took, failed);
    cr_expect_lt(failed, CLIENTS, "%d were told to try again", failed);
}

Test(contention, everybody_gets_through_in_one_worker)
{
    expect_all_to_get_through("pool_size = 4\nworkers = 1\n");
}

Test(contention, everybody_gets_through_in_two_workers)
{
    expect_all_to_get_through("pool_size = 4\nworkers = 2\n");
}

Test(contention, everybody_gets_through_one_at_a_time)
{
    expect_all_to_get_through("pool_size = 1\nworkers = 2\n");
}
