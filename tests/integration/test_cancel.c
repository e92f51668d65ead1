/*
 * A cancel request ends the statement of the client it is for, wherever that runs or waits, and never anybody
 * else's.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *conn, *other, *console;

static const char *const cancelled = "ERROR 57014: canceling statement due to user request";

static void connect_all(void)
{
    conn = connect_keyway(&keyway, NULL);
    other = connect_keyway(&keyway, NULL);
    console = connect_console(&keyway);
}

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = true, .settings = settings});
    connect_all();
}

static void start_over_three_shards(void)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
    load_tables(3, 50);
    connect_all();
}

static void stop(void)
{
    thaw_postmaster();
    PQfinish(conn);
    PQfinish(other);
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(cancel, .fini = stop, .timeout = 60);

static void cancel(PGconn *client)
{
    char message[256];
    PGcancel *request = PQgetCancel(client);
    cr_assert(PQcancel(request, message, sizeof message), "%s", message);
    PQfreeCancel(request);
}

static void send_query(PGconn *client, const char *sql)
{
    cr_assert(PQsendQuery(client, sql), "%s", PQerrorMessage(client));
}

Test(cancel, a_request_ends_the_statement_of_its_own_client_only)
{
    start_with("pool_size = 2\n");
    send_query(conn, "SELECT pg_sleep(100)");
    send_query(other, "SELECT 7 FROM pg_sleep(1)");
    expect_running(0, "%pg_sleep%", 2);
    cancel(conn);
    expect_next(conn, cancelled);
    expect_next(other, "7");
    EXPECT(conn, "SELECT 1", "1");
}

Test(cancel, a_request_of_an_idle_client_does_nothing)
{
    start_with("pool_size = 1\n");
    EXPECT(conn, "SELECT 1", "1");
    send_query(other, "SELECT 7 FROM pg_sleep(3)");
    expect_running(0, "%pg_sleep%", 1);
    cancel(conn);
    expect_next(other, "7");
    EXPECT(conn, "SELECT 1", "1");
}

Test(cancel, a_request_with_a_wrong_key_does_nothing)
{
    start_with(NULL);
    send_query(conn, "SELECT 7 FROM pg_sleep(3)");
    expect_running(0, "%pg_sleep%", 1);
    uint32_t packet[4] = {htonl(16), htonl(80877102), htonl((uint32_t) PQbackendPID(conn)), htonl(12345)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) keyway.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    cr_assert_eq(send(fd, packet, sizeof packet, MSG_NOSIGNAL), 16);
    cr_expect_eq(recv(fd, packet, sizeof packet, 0), 0, "the connection is closed without an answer");
    close(fd);
    expect_next(conn, "7");
}

Test(cancel, in_a_transaction_it_aborts_the_transaction)
{
    start_with(NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO countries (code) VALUES ('xx')", "INSERT 0 1");
    send_query(conn, "SELECT pg_sleep(100)");
    expect_running(0, "%pg_sleep%", 1);
    cancel(conn);
    expect_next(conn, cancelled);
    cr_expect_eq(PQtransactionStatus(conn), PQTRANS_INERROR);
    EXPECT(conn, "COMMIT", "ROLLBACK");
    EXPECT(conn, "SELECT count(*) FROM countries", "0");
}

Test(cancel, a_client_that_waits_for_a_server_leaves_the_queue)
{
    start_with("pool_size = 1\n");
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT 1", "1");
    send_query(conn, "INSERT INTO countries (code) VALUES ('xx')");
    expect_pool(console, "cl_waiting", 1);
    cancel(conn);
    expect_next(conn, cancelled);
    expect_pool(console, "cl_waiting", 0);
    EXPECT(other, "SELECT 2", "2");
    EXPECT(other, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT count(*) FROM countries", "0");
}

Test(cancel, of_several_that_wait_only_the_one_that_asked_leaves_the_queue)
{
    start_with("pool_size = 1\n");
    PGconn *third = connect_keyway(&keyway, NULL);
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT 1", "1");
    send_query(conn, "SELECT 2");
    send_query(third, "SELECT 3");
    expect_pool(console, "cl_waiting", 2);
    cancel(third);
    expect_next(third, cancelled);
    cr_expect(answers_nothing_yet(conn));
    EXPECT(other, "COMMIT", "COMMIT");
    expect_next(conn, "2");
    EXPECT(third, "SELECT 3", "3");
    PQfinish(third);
}

/* ---- over several shards ---- */

Test(cancel, a_fan_out_ends_on_all_its_shards)
{
    PGconn *locks[3];
    start_over_three_shards();
    for (int shard = 0; shard < 3; shard++)
        locks[shard] = lock_users(shard);
    send_query(conn, "SELECT count(*) FROM users");
    for (int shard = 0; shard < 3; shard++)
        expect_running(shard, "SELECT count(*) FROM users", 1);
    cancel(conn);
    expect_next(conn, cancelled);
    for (int shard = 0; shard < 3; shard++) {
        expect_running(shard, "SELECT count(*) FROM users", 0);
        PQfinish(locks[shard]);
    }
    EXPECT(conn, "SELECT count(*) FROM users", "50");
}

Test(cancel, a_write_to_several_shards_has_changed_none)
{
    start_over_three_shards();
    PGconn *lock = lock_users(2);
    send_query(conn, "UPDATE users SET age = 99");
    expect_running(2, "UPDATE users SET age = 99", 1);
    cancel(conn);
    expect_next(conn, cancelled);
    PQfinish(lock);
    EXPECT(conn, "SELECT count(*) FROM users WHERE age = 99", "0");
}

/* Each part is short, and the request may come when it is over. */
Test(cancel, rows_that_are_inserted_in_parts_are_not_missed_between_two_of_them)
{
    start_over_three_shards();
    for (int i = 0; i < 10; i++) {
        send_query(conn, "INSERT INTO users (username, full_name) SELECT chr(97 + g % 26) || '-' || g, repeat('x', 20000) FROM generate_series(1, 20000) AS g");
        expect_running(1, "INSERT INTO users (username, full_name) VALUES %", 1);
        cancel(conn);
        expect_next(conn, cancelled);
        EXPECT(conn, "SELECT count(*) FROM users", "50");
    }
}

Test(cancel, a_fan_out_that_waits_for_one_of_its_servers_gives_the_others_back)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "pool_size = 1\n"});
    load_tables(3, 50);
    connect_all();
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT username FROM users WHERE username = 'q'", "q");
    send_query(conn, "SELECT count(*) FROM users");
    expect_pool(console, "cl_waiting", 1);
    cancel(conn);
    expect_next(conn, cancelled);
    EXPECT(other, "SELECT count(*) FROM users", "50");
    EXPECT(other, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT count(*) FROM users", "50");
}

/* ---- on the way ---- */

/* None of its requests comes to an end, and yet they take no more than their share of what sends them. */
Test(cancel, many_requests_for_one_statement_leave_room_for_those_of_others)
{
    start_over_three_shards();
    PGconn *lock = lock_users(0), *other_lock = lock_users(2);
    send_query(conn, "SELECT age FROM users WHERE username = 'anna'");
    send_query(other, "SELECT age FROM users WHERE username = 'zoe'");
    expect_running(0, "%anna%", 1);
    expect_running(2, "%zoe%", 1);
    freeze_postmaster(0);
    for (int i = 0; i < 40; i++)
        cancel(conn);
    cancel(other);
    expect_next(other, cancelled);
    cr_expect(answers_nothing_yet(conn));
    thaw_postmaster();
    expect_next(conn, cancelled);
    PQfinish(lock);
    PQfinish(other_lock);
    EXPECT(conn, "SELECT count(*) FROM users", "50");
    EXPECT(other, "SELECT count(*) FROM users", "50");
}

/* What a shard was asked has ended before it hears of the request: the next step is not taken. */
static void cancel_between_steps(const char *sql)
{
    PGconn *lock = lock_users(2), *watcher = connect_server(2);
    send_query(conn, sql);
    expect_running(2, "%users%", 1);
    freeze_postmaster(2);
    cancel(conn);
    EXPECT(other, "SELECT 1", "1");
    PQfinish(lock);
    EXPECT_SOON(watcher, "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%FROM%users%' AND pid <> pg_backend_pid()", "0", 20000);
    cr_expect(answers_nothing_yet(conn));
    thaw_postmaster();
    PQfinish(watcher);
    if (strchr(sql, ';'))
        expect_next_of_pipeline(conn, "50"); /* the first statement's only step */
    expect_next(conn, cancelled);
    EXPECT(conn, "SELECT count(*) FROM users", "50");
}

Test(cancel, a_request_that_comes_too_late_for_one_step_ends_the_statement)
{
    start_over_three_shards();
    cancel_between_steps("SELECT count(*) FROM users u, users v WHERE u.age = v.age + 1");
    cancel_between_steps("SELECT avg(age) FROM users");
    cancel_between_steps("SELECT count(*) FROM users; SELECT 'and then'");
    cancel_between_steps("SELECT username FROM users ORDER BY username LIMIT 3 FOR UPDATE");
}

struct canceller {
    PGcancel *request;
    atomic_bool stop;
};

static void *cancel_all_the_time(void *argument)
{
    struct canceller *canceller = argument;
    char message[256];
    while (!atomic_load(&canceller->stop))
        PQcancel(canceller->request, message, sizeof message);
    return NULL;
}

enum { ROUNDS = 300, ENOUGH_ROUNDS = 30, ENOUGH_MS = 10000 };

/* The two share one server, and requests for the one arrive at any moment of its statements and after them.  A slow machine
 * is not asked for all rounds. */
Test(cancel, late_requests_never_hit_another_client_on_the_same_server, .timeout = 300)
{
    start_with("pool_size = 1\n");
    struct canceller canceller = {.request = PQgetCancel(conn)};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, cancel_all_the_time, &canceller), 0);
    long began = milliseconds();
    for (int round = 0; round < ENOUGH_ROUNDS || (round < ROUNDS && milliseconds() < began + ENOUGH_MS); round++) {
        send_query(conn, "SELECT pg_sleep(0.001)");
        EXPECT(other, "SELECT 1", "1");
        char *answer = NULL;
        bool timed_out;
        for (PGresult *result; (result = next_result(conn, 20000, &timed_out)); PQclear(result)) {
            free(answer);
            answer = result_text(result);
        }
        cr_assert(answer, "no answer");
        cr_expect(strcmp(answer, "") == 0 || strcmp(answer, cancelled) == 0, "answered: %s", answer);
        free(answer);
    }
    atomic_store(&canceller.stop, true);
    pthread_join(thread, NULL);
    PQfreeCancel(canceller.request);
}
