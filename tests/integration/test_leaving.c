/*
 * Clients that leave while something of theirs is under way.  Each statement here waits for a lock that the
 * test holds on the shard itself, so that the client can leave at just that moment.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/fixture.h"
#include "tests/integration/raw.h"

enum { SHARDS = 3, SOON_MS = 20000 };

static const char *const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
static const char *const raise_age = "UPDATE users SET age = age + 1 WHERE username = 'anna'";
static const char *const age_of_anna = "SELECT age FROM users WHERE username = 'anna'";

static struct keyway keyway;
static PGconn *holder, *watcher; /* both on shard 0 itself */

static void start_with(const struct keyway_setup *setup)
{
    keyway_start(&keyway, setup);
    holder = connect_server(0);
    watcher = connect_server(0);
    EXPECT(holder, "INSERT INTO users (username, age) VALUES ('anna', 1)", "INSERT 0 1");
}

static void start(void)
{
    start_with(&(struct keyway_setup){.shards = SHARDS, .settings = "pool_size = 1\n"});
}

static void stop(void)
{
    PQfinish(holder);
    PQfinish(watcher);
    keyway_stop(&keyway);
}

TestSuite(leaving, .init = start, .fini = stop, .timeout = 90);

static void hold_the_row(void)
{
    EXPECT(holder, "BEGIN", "BEGIN");
    EXPECT(holder, "SELECT age FROM users WHERE username = 'anna' FOR UPDATE", "1");
}

static void let_go(void)
{
    EXPECT(holder, "COMMIT", "COMMIT");
}

/* A raw client whose statement waits at shard 0. */
static int client_that_waits(const char *sql)
{
    int fd = raw_login(&keyway);
    raw_query(fd, sql);
    EXPECT_SOON(watcher, waiting, "1", SOON_MS);
    return fd;
}

Test(leaving, the_statement_of_a_client_that_is_gone_is_cancelled)
{
    hold_the_row();
    close(client_that_waits(raise_age));
    EXPECT_SOON(watcher, waiting, "0", SOON_MS);
    let_go();
    EXPECT(watcher, age_of_anna, "1");
}

Test(leaving, a_statement_before_terminate_runs_to_its_end)
{
    hold_the_row();
    int fd = client_that_waits(raise_age);
    raw_terminate(fd);
    close(fd);
    let_go();
    EXPECT_SOON(watcher, age_of_anna, "2", SOON_MS);
}

Test(leaving, query_and_terminate_in_one_go_run_the_statement)
{
    char messages[100] = "Q\0\0\0\x3b";
    memcpy(messages + 5, raise_age, strlen(raise_age) + 1);
    memcpy(messages + 6 + strlen(raise_age), "X\0\0\0\4", 5);
    hold_the_row();
    int fd = raw_login(&keyway);
    raw_put(fd, messages, 11 + strlen(raise_age));
    close(fd);
    EXPECT_SOON(watcher, waiting, "1", SOON_MS);
    let_go();
    EXPECT_SOON(watcher, age_of_anna, "2", SOON_MS);
    PGconn *next = connect_keyway(&keyway, NULL);
    EXPECT(next, age_of_anna, "2");
    PQfinish(next);
}

Test(leaving, a_client_that_only_stopped_sending_gets_its_answer)
{
    char bytes[1000];
    hold_the_row();
    int fd = client_that_waits(raise_age);
    shutdown(fd, SHUT_WR);
    let_go();
    size_t length = raw_answer(fd, bytes, sizeof bytes);
    cr_expect(memmem(bytes, length, "UPDATE 1", 9), "no answer in %zu bytes", length);
    cr_expect(raw_closes(fd, SOON_MS));
    close(fd);
    EXPECT(watcher, age_of_anna, "2");
}

/* More than the sockets hold is still on its way when Terminate is read. */
Test(leaving, a_large_answer_before_terminate_arrives_whole)
{
    enum { ROW = 20 * 1000 * 1000 };
    static char bytes[ROW + 1000];
    int fd = raw_login(&keyway);
    raw_query(fd, "SELECT repeat('x', 20000000)");
    raw_terminate(fd);
    poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, SOON_MS);
    size_t length = raw_answer(fd, bytes, sizeof bytes);
    cr_expect_gt(length, ROW);
    cr_expect(length > 6 && bytes[length - 6] == 'Z', "the end of %zu bytes is missing", length);
    cr_expect(raw_closes(fd, SOON_MS));
    close(fd);
}

/* The lock is on the whole table of every shard, and so is the statement. */
Test(leaving, a_statement_over_all_shards_is_cancelled_on_each)
{
    PGconn *holders[SHARDS];
    for (int shard = 0; shard < SHARDS; shard++) {
        holders[shard] = connect_server(shard);
        EXPECT(holders[shard], "BEGIN; LOCK TABLE users", "BEGIN\nLOCK TABLE");
    }
    int fd = client_that_waits("SELECT count(*) FROM users");
    for (int shard = 0; shard < SHARDS; shard++)
        EXPECT_SOON(holders[shard], waiting, "1", SOON_MS);
    close(fd);
    for (int shard = 0; shard < SHARDS; shard++) {
        EXPECT_SOON(holders[shard], waiting, "0", SOON_MS);
        PQfinish(holders[shard]);
    }
}

/* --- in the queue of a pool: pool_size is 1
 * ------------------------------------------------------------------ */

static PGconn *client_that_has_the_server(void)
{
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, age_of_anna, "1");
    return conn;
}

static void expect_in_the_queue(const char *count)
{
    PGconn *console = connect_console(&keyway);
    PGresult *result;
    long deadline = milliseconds() + SOON_MS;
    int waits = 0, wanted = atoi(count);
    do {
        result = PQexec(console, "SHOW POOLS");
        int column = PQfnumber(result, "cl_waiting");
        waits = 0;
        for (int row = 0; row < PQntuples(result); row++)
            waits += atoi(PQgetvalue(result, row, column));
        PQclear(result);
        pause_briefly();
    } while (waits != wanted && milliseconds() < deadline);
    cr_expect_eq(waits, wanted, "%d clients wait, not %s", waits, count);
    PQfinish(console);
}

Test(leaving, a_client_that_is_gone_leaves_the_queue)
{
    PGconn *first = client_that_has_the_server();
    int fd = raw_login(&keyway);
    raw_query(fd, raise_age);
    expect_in_the_queue("1");
    close(fd);
    expect_in_the_queue("0");
    EXPECT(first, "COMMIT", "COMMIT");
    EXPECT(first, age_of_anna, "1");
    PQfinish(first);
}

Test(leaving, who_said_terminate_in_the_queue_still_has_its_statement_run)
{
    PGconn *first = client_that_has_the_server();
    int fd = raw_login(&keyway);
    raw_query(fd, raise_age);
    expect_in_the_queue("1");
    raw_terminate(fd);
    close(fd);
    EXPECT(first, "COMMIT", "COMMIT");
    EXPECT_SOON(watcher, age_of_anna, "2", SOON_MS);
    PQfinish(first);
}
