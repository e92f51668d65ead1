/*
 * The ways to stop: at once, or when clients have finished what they have begun.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/console.h"

enum { SOON_MS = 30000 };

static struct keyway keyway;
static PGconn *console, *idle, *working;

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = settings});
    console = connect_console(&keyway);
    idle = connect_keyway(&keyway, NULL);
    working = connect_keyway(&keyway, NULL);
    EXPECT(working, "BEGIN", "BEGIN");
    EXPECT(working, "INSERT INTO users (username) VALUES ('anna')", "INSERT 0 1");
}

static void start(void)
{
    start_with(NULL);
}

/* Each test has stopped it in its own way. */
static void stop(void)
{
    PQfinish(console);
    PQfinish(idle);
    PQfinish(working);
    if (keyway.pid > 0)
        keyway_stop(&keyway);
}

TestSuite(shutdown, .init = start, .fini = stop, .timeout = 90);

static void expect_ended(void)
{
    cr_expect_eq(keyway_wait(&keyway, SOON_MS), 0, "keyway did not end by itself");
}

/* Something comes to a client that has asked for nothing. */
static void expect_told_to_leave(PGconn *conn)
{
    poll(&(struct pollfd){.fd = PQsocket(conn), .events = POLLIN}, 1, SOON_MS);
    EXPECT_LIKE(conn, "SELECT 1", "terminating connection due to administrator command");
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD);
}

static void await_no_more_connections(void)
{
    long deadline = milliseconds() + SOON_MS;
    PGconn *late = try_connect(&keyway, "dbname=app user=app");
    while (PQstatus(late) == CONNECTION_OK && milliseconds() < deadline) {
        PQfinish(late);
        late = try_connect(&keyway, "dbname=app user=app");
    }
    cr_expect_eq(PQstatus(late), CONNECTION_BAD, "it still takes clients");
    PQfinish(late);
}

/* Who is in a transaction may finish it; then nobody is left. */
static void expect_drained(void)
{
    await_no_more_connections();
    expect_told_to_leave(idle);
    EXPECT(working, "INSERT INTO users (username) VALUES ('bob')", "INSERT 0 1");
    EXPECT(working, "COMMIT", "COMMIT");
    expect_ended();
    expect_told_to_leave(working);
    EXPECT_ON(0, "SELECT username FROM users ORDER BY username", "anna\nbob");
}

Test(shutdown, at_once_by_command)
{
    EXPECT(console, "SHUTDOWN", "SHUTDOWN");
    expect_ended();
    expect_told_to_leave(idle);
    expect_told_to_leave(working);
    EXPECT_ON(0, "SELECT count(*) FROM users", "0");
}

Test(shutdown, at_once_by_sigint)
{
    kill(keyway.pid, SIGINT);
    expect_ended();
    expect_told_to_leave(idle);
    expect_told_to_leave(working);
    EXPECT_ON(0, "SELECT count(*) FROM users", "0");
}

Test(shutdown, after_transactions_by_command)
{
    EXPECT(console, "SHUTDOWN WAIT_FOR_CLIENTS", "SHUTDOWN");
    expect_drained();
}

Test(shutdown, after_transactions_by_sigterm)
{
    kill(keyway.pid, SIGTERM);
    expect_drained();
}

Test(shutdown, a_statement_that_runs_is_answered_first)
{
    PGconn *busy = connect_keyway(&keyway, NULL);
    EXPECT(working, "COMMIT", "COMMIT");
    cr_assert(PQsendQuery(busy, "SELECT pg_sleep(1), 'done'"));
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "active", 2);
    kill(keyway.pid, SIGTERM);
    bool timed_out;
    PGresult *result = next_result(busy, SOON_MS, &timed_out);
    cr_assert_not(timed_out);
    cr_expect_eq(PQntuples(result), 1, "%s", PQresultErrorMessage(result));
    PQclear(result);
    PQfinish(busy);
    expect_ended();
}

Test(shutdown, sigint_ends_the_waiting_of_sigterm)
{
    kill(keyway.pid, SIGTERM);
    expect_told_to_leave(idle);
    kill(keyway.pid, SIGINT);
    expect_ended();
    EXPECT_ON(0, "SELECT count(*) FROM users", "0");
}

Test(shutdown, clients_that_pause_holds_back_are_sent_away)
{
    EXPECT(working, "COMMIT", "COMMIT");
    EXPECT(console, "PAUSE", "PAUSE");
    cr_assert(PQsendQuery(idle, "SELECT 1"));
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "waiting", 1);
    kill(keyway.pid, SIGTERM);
    expect_ended();
}

static void start_with_timeout(void)
{
    start_with("shutdown_timeout = 300ms\n");
}

TestSuite(shutdown_timeout, .init = start_with_timeout, .fini = stop, .timeout = 90);

Test(shutdown_timeout, a_transaction_that_does_not_end_is_ended)
{
    kill(keyway.pid, SIGTERM);
    expect_ended();
    expect_told_to_leave(working);
    EXPECT_ON(0, "SELECT count(*) FROM users", "0");
}
