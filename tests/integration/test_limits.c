/*
 * Limits and timeouts of clients: each is an error that names its setting, for the client concerned and
 * nobody else.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = true, .settings = settings});
}

static void stop(void)
{
    keyway_stop(&keyway);
}

TestSuite(limits, .fini = stop, .timeout = 60);

/* ---- clients ---- */

static void expect_turned_away(const char *conninfo, const char *part)
{
    PGconn *conn = try_connect(&keyway, conninfo);
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD, "a client too many was let in");
    cr_expect(strstr(PQerrorMessage(conn), part), "turned away with: %s", PQerrorMessage(conn));
    PQfinish(conn);
}

static PGconn *connect_when_there_is_room(void)
{
    long deadline = milliseconds() + 20000;
    PGconn *conn = try_connect(&keyway, "dbname=app user=app");
    while (PQstatus(conn) != CONNECTION_OK && milliseconds() < deadline) {
        PQfinish(conn);
        pause_briefly();
        conn = try_connect(&keyway, "dbname=app user=app");
    }
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    return conn;
}

Test(limits, max_client_conn_turns_the_next_client_away_until_one_leaves)
{
    start_with("max_client_conn = 2\n");
    PGconn *first = connect_when_there_is_room(), *second = connect_when_there_is_room();
    expect_turned_away("dbname=app user=app", "no more connections allowed (max_client_conn)");
    expect_first_error(&keyway, "53300", "no more connections allowed (max_client_conn)");
    EXPECT(first, "SELECT 1", "1");
    EXPECT(second, "SELECT 2", "2");
    PQfinish(first);
    first = connect_when_there_is_room();
    EXPECT(first, "SELECT 3", "3");
    PQfinish(first);
    PQfinish(second);
}

Test(limits, max_user_connections_counts_one_user_only)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = true,
                                                 .sections = "[user other]\nmax_user_connections = 1\n"});
    PGconn *first = connect_keyway(&keyway, "user=other");
    expect_turned_away("dbname=app user=other", "too many connections");
    PGconn *app = connect_keyway(&keyway, NULL);
    EXPECT(app, "SELECT 1", "1");
    EXPECT(first, "SELECT 1", "1");
    PQfinish(app);
    PQfinish(first);
}

/* ---- servers of a pool ---- */

Test(limits, pool_size_makes_the_next_client_wait_for_its_turn)
{
    start_with("pool_size = 2\n");
    PGconn *console = connect_console(&keyway), *first = connect_keyway(&keyway, NULL),
           *second = connect_keyway(&keyway, NULL), *third = connect_keyway(&keyway, NULL);
    EXPECT(first, "BEGIN", "BEGIN");
    EXPECT(second, "BEGIN", "BEGIN");
    int backend = backend_of(first);
    cr_expect_neq(backend, backend_of(second));
    cr_assert(PQsendQuery(third, "SELECT pg_backend_pid()"));
    expect_pool(console, "cl_waiting", 1);
    expect_pool(console, "sv_active", 2);
    expect_backends(0, 2);
    cr_expect(answers_nothing_yet(third));
    EXPECT(first, "COMMIT", "COMMIT");
    expect_number(third, backend);
    expect_pool(console, "cl_waiting", 0);
    EXPECT(second, "COMMIT", "COMMIT");
    expect_backends(0, 2);
    PQfinish(first);
    PQfinish(second);
    PQfinish(third);
    PQfinish(console);
}

/* All three are answered, the one that came first before the one that came last. */
Test(limits, clients_that_wait_for_one_server_are_served_in_turn)
{
    enum { CLIENTS = 6 };
    PGconn *waiting[CLIENTS];
    start_with("pool_size = 1\n");
    PGconn *console = connect_console(&keyway), *holder = connect_keyway(&keyway, NULL);
    EXPECT(holder, "CREATE TABLE turns (id serial, client integer)", "CREATE TABLE");
    EXPECT(holder, "BEGIN", "BEGIN");
    EXPECT(holder, "SELECT 1", "1");
    for (int i = 0; i < CLIENTS; i++) {
        char sql[80];
        waiting[i] = connect_keyway(&keyway, NULL);
        snprintf(sql, sizeof sql, "INSERT INTO turns (client) VALUES (%d)", i);
        cr_assert(PQsendQuery(waiting[i], sql));
        expect_pool(console, "cl_waiting", i + 1);
    }
    EXPECT(holder, "COMMIT", "COMMIT");
    for (int i = 0; i < CLIENTS; i++) {
        expect_next(waiting[i], "INSERT 0 1");
        PQfinish(waiting[i]);
    }
    EXPECT(holder, "SELECT string_agg(client::text, ' ' ORDER BY id) FROM turns", "0 1 2 3 4 5");
    PQfinish(holder);
    PQfinish(console);
}

Test(limits, pool_size_of_a_database_and_of_a_user_go_before_the_general_one)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = true,
                                                 .settings = "pool_size = 1\nquery_wait_timeout = 1\n",
                                                 .database = "pool_size = 2\n",
                                                 .sections = "[user other]\npool_size = 3\n",
                                                 .conninfo = "application_name=keyway"});
    PGconn *conns[4];
    for (int i = 0; i < 4; i++) {
        conns[i] = connect_keyway(&keyway, i < 3 ? "user=other" : NULL);
        EXPECT(conns[i], "BEGIN", "BEGIN");
        EXPECT(conns[i], "SELECT 1", "1");
    }
    PGconn *late = connect_keyway(&keyway, "user=other"), *second = connect_keyway(&keyway, NULL);
    EXPECT_ERROR(late, "SELECT 1", "08006");
    EXPECT(second, "SELECT 1", "1");
    for (int i = 0; i < 4; i++)
        PQfinish(conns[i]);
    PQfinish(late);
    PQfinish(second);
}

Test(limits, min_pool_size_keeps_servers_open_past_the_idle_timeout)
{
    start_with("min_pool_size = 3\nserver_idle_timeout = 500ms\n");
    PGconn *conn = connect_keyway(&keyway, NULL), *console = connect_console(&keyway);
    EXPECT(conn, "SELECT 1", "1");
    expect_pool(console, "sv_idle", 3);
    EXPECT(conn, "SELECT pg_sleep(1)", "");
    expect_pool(console, "sv_idle", 3);
    expect_backends(0, 3);
    PQfinish(conn);
    PQfinish(console);
}

Test(limits, reserve_pool_size_opens_more_for_clients_that_wait_too_long)
{
    start_with("pool_size = 1\nreserve_pool_size = 1\nreserve_pool_timeout = 500ms\n");
    PGconn *console = connect_console(&keyway), *holder = connect_keyway(&keyway, NULL),
           *second = connect_keyway(&keyway, NULL), *third = connect_keyway(&keyway, NULL);
    EXPECT(holder, "BEGIN", "BEGIN");
    int backend = backend_of(holder);
    EXPECT(second, "BEGIN", "BEGIN");
    long asked = milliseconds();
    cr_expect_neq(backend_of(second), backend, "there is a second server");
    cr_expect_geq(milliseconds() - asked, 450, "the reserve was opened before the time");
    cr_assert(PQsendQuery(third, "SELECT 3"));
    expect_pool(console, "cl_waiting", 1);
    expect_pool(console, "sv_active", 2);
    EXPECT(second, "COMMIT", "COMMIT");
    expect_next(third, "3");
    EXPECT(holder, "COMMIT", "COMMIT");
    PQfinish(holder);
    PQfinish(second);
    PQfinish(third);
    PQfinish(console);
}

/* ---- statements ---- */

Test(limits, query_timeout_cancels_the_statement_and_the_client_goes_on)
{
    start_with("query_timeout = 1\n");
    PGconn *conn = connect_keyway(&keyway, NULL), *other = connect_keyway(&keyway, NULL);
    cr_assert(PQsendQuery(conn, "SELECT pg_sleep(100)"));
    EXPECT(other, "SELECT 1", "1");
    expect_next(conn, "ERROR 57014: canceling statement due to user request");
    EXPECT(conn, "SELECT 2", "2");
    expect_running(0, "SELECT pg_sleep(100)", 0);
    PQfinish(conn);
    PQfinish(other);
}

Test(limits, query_timeout_counts_anew_for_each_statement_of_a_transaction)
{
    start_with("query_timeout = 2\n");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    for (int i = 0; i < 3; i++)
        EXPECT(conn, "SELECT pg_sleep(0.8)", "");
    EXPECT(conn, "COMMIT", "COMMIT");
    PQfinish(conn);
}

Test(limits, query_timeout_cancels_a_fan_out_on_every_shard)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "query_timeout = 1\n"});
    load_tables(3, 50);
    PGconn *conn = connect_keyway(&keyway, NULL), *locks[3];
    for (int shard = 0; shard < 3; shard++)
        locks[shard] = lock_users(shard);
    EXPECT(conn, "SELECT count(*) FROM users", "ERROR 57014: canceling statement due to user request");
    for (int shard = 0; shard < 3; shard++) {
        expect_running(shard, "SELECT count(*) FROM users", 0);
        PQfinish(locks[shard]);
    }
    EXPECT(conn, "SELECT count(*) FROM users", "50");
    PQfinish(conn);
}

/* A batch that a Flush ended is no idleness, and its statement's time counts. */
Test(limits, query_timeout_reaches_a_statement_behind_a_flush)
{
    start_with("query_timeout = 1\nclient_idle_timeout = 500ms\n");
    PGconn *conn = connect_keyway(&keyway, NULL);
    cr_assert(PQenterPipelineMode(conn));
    cr_assert(PQsendQueryParams(conn, "SELECT pg_sleep(100)", 0, NULL, NULL, NULL, NULL, 0));
    cr_assert(PQsendFlushRequest(conn));
    expect_next_of_pipeline(conn, "ERROR 57014: canceling statement due to user request");
    cr_assert(PQpipelineSync(conn));
    expect_next_of_pipeline(conn, "SYNC");
    PQfinish(conn);
}

static PGconn *begin_on(const char *username)
{
    char sql[100];
    PGconn *client = connect_keyway(&keyway, NULL);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM users WHERE username = '%s'", username);
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, sql, "0");
    return client;
}

/* … and each then needs what the other one holds: the younger is told so, as PostgreSQL would, and all others go on. */
Test(limits, transactions_that_wait_for_each_others_servers_do_not_wait_for_ever)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "pool_size = 1\nworkers = 2\n"});
    PGconn *survivor = begin_on("anna"), *victim = begin_on("zoe"), *bystander = connect_keyway(&keyway, NULL);
    PQsendQuery(survivor, "SELECT count(*) FROM users");
    PQsendQuery(victim, "SELECT count(*) FROM users");
    PQsendQuery(bystander, "SELECT count(*) FROM users");
    PGresult *answer = PQgetResult(victim);
    cr_expect_str_eq(PQresultErrorField(answer, PG_DIAG_SQLSTATE), "40P01");
    PQclear(answer);
    cr_expect_null(PQgetResult(victim));
    EXPECT_ERROR(victim, "SELECT 1", "25P02");
    EXPECT(victim, "ROLLBACK", "ROLLBACK");
    expect_next(survivor, "0");
    EXPECT(survivor, "COMMIT", "COMMIT");
    expect_next(bystander, "0");
    EXPECT(victim, "SELECT count(*) FROM users", "0");
    PQfinish(survivor);
    PQfinish(victim);
    PQfinish(bystander);
}

Test(limits, query_wait_timeout_ends_the_wait_with_an_error_and_not_the_client)
{
    start_with("pool_size = 1\nquery_wait_timeout = 1\n");
    PGconn *holder = connect_keyway(&keyway, NULL), *waiting = connect_keyway(&keyway, NULL),
           *console = connect_console(&keyway);
    EXPECT(holder, "BEGIN", "BEGIN");
    EXPECT(holder, "SELECT 1", "1");
    EXPECT(waiting, "SELECT 2", "ERROR 08006: query_wait_timeout");
    EXPECT(waiting, "BEGIN", "BEGIN");
    EXPECT(waiting, "SELECT 2", "ERROR 08006: query_wait_timeout");
    cr_expect_eq(PQtransactionStatus(waiting), PQTRANS_INERROR);
    EXPECT(waiting, "ROLLBACK", "ROLLBACK");
    EXPECT(holder, "COMMIT", "COMMIT");
    EXPECT(waiting, "SELECT 2", "2");
    expect_pool(console, "cl_waiting", 0);
    PQfinish(holder);
    PQfinish(waiting);
    PQfinish(console);
}

/* ---- idle and slow clients ---- */

Test(limits, idle_transaction_timeout_ends_the_client_and_rolls_back)
{
    start_with("idle_transaction_timeout = 1\n");
    PGconn *conn = connect_keyway(&keyway, NULL), *other = connect_keyway(&keyway, NULL);
    EXPECT(other, "INSERT INTO countries VALUES ('de', 'Germany', 1)", "INSERT 0 1");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE countries SET population = 2", "UPDATE 1");
    EXPECT(other, "UPDATE countries SET population = population + 10", "UPDATE 1"); /* waits for the row */
    expect_last_words(conn, "25P03", "idle_transaction_timeout");
    EXPECT(other, "SELECT population FROM countries", "11");
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT pg_sleep(1.5)", "");
    EXPECT(other, "COMMIT", "COMMIT");
    PQfinish(conn);
    PQfinish(other);
}

Test(limits, client_idle_timeout_ends_idle_clients_and_leaves_busy_ones)
{
    start_with("client_idle_timeout = 1\n");
    PGconn *idle = connect_keyway(&keyway, NULL), *busy = connect_keyway(&keyway, NULL),
           *transaction = connect_keyway(&keyway, NULL);
    EXPECT(transaction, "BEGIN", "BEGIN");
    EXPECT(busy, "SELECT pg_sleep(2.5)", "");
    EXPECT(busy, "SELECT 1", "1");
    expect_last_words(idle, "57P05", "client_idle_timeout");
    EXPECT(transaction, "SELECT 1", "1");
    PQfinish(idle);
    PQfinish(busy);
    PQfinish(transaction);
}

/* Clients at rest are looked at in order: one that speaks again, if only by a Sync, goes behind the others. */
Test(limits, client_idle_timeout_counts_anew_from_each_request)
{
    start_with("client_idle_timeout = 1500ms\n");
    PGconn *first = connect_keyway(&keyway, NULL), *second = connect_keyway(&keyway, NULL), *silent = connect_keyway(&keyway, NULL);
    PQenterPipelineMode(second);
    for (int i = 0; i < 4; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 600000000}, NULL);
        EXPECT(first, "SELECT 1", "1");
        cr_assert(PQpipelineSync(second));
        PGresult *result = PQgetResult(second);
        cr_assert_eq(PQresultStatus(result), PGRES_PIPELINE_SYNC);
        PQclear(result);
    }
    expect_last_words(silent, "57P05", "client_idle_timeout");
    expect_last_words(first, "57P05", "client_idle_timeout");
    PQfinish(first);
    PQfinish(second);
    PQfinish(silent);
}

Test(limits, timeouts_reach_a_client_that_was_at_rest)
{
    start_with("query_timeout = 1\nidle_transaction_timeout = 1\n");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT 1", "1");
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    EXPECT_ERROR(conn, "SELECT pg_sleep(60)", "57014");
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    expect_last_words(conn, "25P03", "idle_transaction_timeout");
    PQfinish(conn);
}

/* Waiting for a server, or for RESUME, is not being idle. */
Test(limits, client_idle_timeout_does_not_count_what_the_client_waits_for)
{
    start_with("client_idle_timeout = 1\npool_size = 1\n");
    PGconn *holder = connect_keyway(&keyway, NULL), *waiting = connect_keyway(&keyway, NULL);
    EXPECT(holder, "BEGIN", "BEGIN");
    EXPECT(holder, "SELECT 1", "1");
    cr_assert(PQsendQuery(waiting, "SELECT 2"));
    EXPECT(holder, "SELECT pg_sleep(2)", "");
    EXPECT(holder, "COMMIT", "COMMIT");
    expect_next(waiting, "2");
    PQfinish(holder);
    PQfinish(waiting);
}

Test(limits, client_login_timeout_ends_clients_that_do_not_say_who_they_are)
{
    start_with("client_login_timeout = 1\n");
    PGconn *other = connect_keyway(&keyway, NULL);
    expect_silent_client_told(&keyway, "57P03", "client_login_timeout");
    EXPECT(other, "SELECT 1", "1");
    PQfinish(other);
}
