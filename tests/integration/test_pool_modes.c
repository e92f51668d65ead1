/*
 * How long a client keeps its server: for its session, its transactions or its statements, and what it keeps
 * longer because it cannot move.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *conn, *other, *console;

static void start_with(const char *settings, const char *database, const char *sections)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){
                     .plain = true, .settings = settings, .database = database, .sections = sections});
    conn = connect_keyway(&keyway, NULL);
    other = connect_keyway(&keyway, NULL);
    console = connect_console(&keyway);
}

static void stop(void)
{
    PQfinish(conn);
    PQfinish(other);
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(pool_modes, .fini = stop, .timeout = 60);

static void leave(void)
{
    PQfinish(conn);
    conn = NULL;
}

/* ---- session ---- */

Test(pool_modes, in_session_mode_the_server_stays_with_its_client)
{
    start_with("pool_mode = session\n", NULL, NULL);
    int backend = backend_of(conn), second = backend_of(other);
    cr_expect_neq(backend, second);
    EXPECT(conn, "SET work_mem = '7MB'", "SET");
    EXPECT(conn, "CREATE TEMP TABLE mine AS SELECT 5 AS x", "SELECT 1");
    EXPECT(conn, "SELECT pg_advisory_lock(77)", "");
    EXPECT(conn, "PREPARE plan AS SELECT x FROM mine", "PREPARE");
    for (int round = 0; round < 3; round++) {
        EXPECT(conn, "SHOW work_mem", "7MB");
        EXPECT(conn, "EXECUTE plan", "5");
        EXPECT(other, "SHOW work_mem", "4MB");
        EXPECT(other, "SELECT pg_try_advisory_lock(77)", "f");
        cr_expect_eq(backend_of(conn), backend);
        cr_expect_eq(backend_of(other), second);
    }
    expect_servers(console, "active", 2);
}

Test(pool_modes, in_session_mode_the_next_client_waits_until_the_session_ends_and_finds_nothing_of_it)
{
    start_with("pool_mode = session\npool_size = 1\n", NULL, NULL);
    int backend = backend_of(conn);
    EXPECT(conn, "SET work_mem = '7MB'", "SET");
    EXPECT(conn, "CREATE TEMP TABLE mine AS SELECT 5 AS x", "SELECT 1");
    EXPECT(conn, "SELECT pg_advisory_lock(77)", "");
    EXPECT(conn, "LISTEN news", "LISTEN");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO countries (code) VALUES ('xx')", "INSERT 0 1");
    cr_assert(PQsendQuery(other, "SELECT pg_backend_pid()"));
    expect_pool(console, "cl_waiting", 1);
    leave();
    expect_number(other, backend);
    EXPECT(other, "SHOW work_mem", "4MB");
    EXPECT(other, "SELECT to_regclass('mine')", "~");
    EXPECT(other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
    EXPECT(other, "SELECT count(*) FROM pg_listening_channels()", "0");
    EXPECT(other, "SELECT count(*) FROM countries", "0");
    EXPECT(other, "SELECT count(*) FROM pg_prepared_statements", "0");
}

Test(pool_modes, server_reset_query_is_what_the_configuration_says)
{
    start_with("pool_mode = session\npool_size = 1\nserver_reset_query = SELECT pg_advisory_unlock_all(); "
               "RESET ALL\n",
               NULL, NULL);
    EXPECT(conn, "SELECT pg_advisory_lock(77)", "");
    EXPECT(conn, "CREATE TEMP TABLE mine AS SELECT 5 AS x", "SELECT 1");
    int backend = backend_of(conn);
    leave();
    cr_expect_eq(backend_of(other), backend);
    EXPECT(other, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
    EXPECT(other, "SELECT x FROM mine", "5");
}

/* ---- transaction ---- */

Test(pool_modes, in_transaction_mode_clients_share_a_server_between_transactions)
{
    start_with("pool_size = 1\n", NULL, NULL);
    int backend = backend_of(conn);
    cr_expect_eq(backend_of(other), backend);
    EXPECT(conn, "BEGIN", "BEGIN");
    cr_expect_eq(backend_of(conn), backend);
    cr_assert(PQsendQuery(other, "SELECT pg_backend_pid()"));
    expect_pool(console, "cl_waiting", 1);
    cr_expect_eq(backend_of(conn), backend);
    EXPECT(conn, "COMMIT", "COMMIT");
    expect_number(other, backend);
    expect_servers(console, "idle", 1);
    expect_backends(0, 1);
}

Test(pool_modes, in_transaction_mode_settings_follow_the_client)
{
    start_with("pool_size = 1\n", NULL, NULL);
    EXPECT(conn, "SET work_mem = '7MB'", "SET");
    EXPECT(other, "SET search_path = pg_catalog, public", "SET");
    for (int round = 0; round < 3; round++) {
        EXPECT(conn, "SELECT current_setting('work_mem'), current_setting('search_path')",
               "7MB|\"$user\", public");
        EXPECT(other, "SELECT current_setting('work_mem'), current_setting('search_path')",
               "4MB|pg_catalog, public");
    }
    EXPECT(conn, "RESET work_mem", "RESET");
    EXPECT(conn, "SHOW work_mem", "4MB");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SET LOCAL work_mem = '9MB'", "SET");
    EXPECT(conn, "SHOW work_mem", "9MB");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SHOW work_mem", "4MB");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SET work_mem = '9MB'", "SET");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SHOW work_mem", "4MB");
}

/* `conn` has done something that stays on its server: it keeps that one, and everybody else gets others. */
static void expect_pinned(int backend)
{
    cr_expect_eq(backend_of(conn), backend, "the client has left its server");
    cr_expect_neq(backend_of(other), backend, "another client got the server");
    expect_servers(console, "active", 1);
    expect_servers(console, "idle", 1);
}

/* Once the client has gone, its server serves others and keeps nothing. */
static void expect_released(int backend)
{
    expect_servers(console, "active", 0);
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT 1", "1");
    PGconn *next = connect_keyway(&keyway, NULL);
    EXPECT(next, "BEGIN", "BEGIN");
    int first = backend_of(other), second = backend_of(next);
    cr_expect(first == backend || second == backend, "the server was not returned");
    PGconn *back = second == backend ? next : other;
    EXPECT(back, "SELECT to_regclass('mine')", "~");
    EXPECT(back, "SELECT count(*) FROM pg_cursors WHERE is_holdable", "0");
    EXPECT(back, "SELECT count(*) FROM pg_listening_channels()", "0");
    EXPECT(back, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0");
    EXPECT(other, "COMMIT", "COMMIT");
    PQfinish(next);
}

Test(pool_modes, a_temporary_table_keeps_the_server)
{
    start_with("pool_size = 2\n", NULL, NULL);
    EXPECT(conn, "CREATE TEMP TABLE mine (x integer)", "CREATE TABLE");
    int backend = backend_of(conn);
    EXPECT(conn, "INSERT INTO mine VALUES (5)", "INSERT 0 1");
    expect_pinned(backend);
    EXPECT(conn, "SELECT x FROM mine", "5");
    EXPECT_ERROR(other, "SELECT x FROM mine", "42P01");
    leave();
    expect_released(backend);
}

Test(pool_modes, a_temporary_table_from_select_into_keeps_the_server)
{
    start_with("pool_size = 2\n", NULL, NULL);
    EXPECT(conn, "SELECT 5 AS x INTO TEMP mine", "SELECT 1");
    int backend = backend_of(conn);
    expect_pinned(backend);
    EXPECT(conn, "SELECT x FROM mine", "5");
    leave();
    expect_released(backend);
}

Test(pool_modes, a_session_advisory_lock_keeps_the_server_and_one_of_a_transaction_does_not)
{
    start_with("pool_size = 2\n", NULL, NULL);
    EXPECT(conn, "SELECT pg_advisory_xact_lock(77)", "");
    expect_servers(console, "active", 0);
    EXPECT(conn, "SELECT pg_advisory_lock(77)", "");
    int backend = backend_of(conn);
    expect_pinned(backend);
    EXPECT(other, "SELECT pg_try_advisory_xact_lock(77)", "f");
    leave();
    expect_released(backend);
    EXPECT(other, "SELECT pg_try_advisory_xact_lock(77)", "t");
}

Test(pool_modes, listen_keeps_the_server_and_notifications_come_to_an_idle_client)
{
    start_with("pool_size = 2\n", NULL, NULL);
    EXPECT(conn, "LISTEN news", "LISTEN");
    int backend = backend_of(conn);
    expect_pinned(backend);
    EXPECT(other, "NOTIFY news, 'hello'", "NOTIFY");
    expect_notification(conn, "news", "hello");
    EXPECT(conn, "SELECT 1", "1");
    leave();
    expect_released(backend);
}

Test(pool_modes, a_cursor_with_hold_keeps_the_server)
{
    start_with("pool_size = 2\n", NULL, NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "DECLARE held CURSOR WITH HOLD FOR SELECT generate_series(1, 3)", "DECLARE CURSOR");
    EXPECT(conn, "FETCH held", "1");
    EXPECT(conn, "COMMIT", "COMMIT");
    int backend = backend_of(conn);
    expect_pinned(backend);
    EXPECT(conn, "FETCH ALL held", "2\n3");
    leave();
    expect_released(backend);
}

/* As Django reads large results outside of transactions. */
Test(pool_modes, a_cursor_with_hold_keeps_the_server_until_it_is_closed)
{
    start_with("pool_size = 1\n", NULL, NULL);
    for (int i = 0; i < 3; i++) {
        PGconn *client = i % 2 ? other : conn;
        EXPECT(client, "DECLARE one CURSOR WITH HOLD FOR SELECT generate_series(1, 3)", "DECLARE CURSOR");
        EXPECT(client, "DECLARE two CURSOR WITH HOLD FOR SELECT generate_series(4, 6)", "DECLARE CURSOR");
        EXPECT(client, "FETCH one", "1");
        EXPECT(client, "CLOSE one", "CLOSE CURSOR");
        EXPECT(client, "FETCH two", "4");
        EXPECT(client, i == 2 ? "CLOSE ALL" : "CLOSE two", i == 2 ? "CLOSE CURSOR ALL" : "CLOSE CURSOR");
    }
    EXPECT(conn, "SELECT count(*) FROM pg_cursors", "0");
    EXPECT(other, "CREATE TEMP TABLE mine (x integer)", "CREATE TABLE");
    EXPECT(other, "DECLARE one CURSOR WITH HOLD FOR SELECT generate_series(1, 3)", "DECLARE CURSOR");
    EXPECT(other, "CLOSE one", "CLOSE CURSOR");
    EXPECT(other, "SELECT count(*) FROM mine", "0");
}

Test(pool_modes, a_cursor_of_a_transaction_keeps_nothing_beyond_it)
{
    start_with("pool_size = 1\n", NULL, NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "DECLARE short CURSOR FOR SELECT generate_series(1, 3)", "DECLARE CURSOR");
    EXPECT(conn, "FETCH 2 FROM short", "1\n2");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(other, "SELECT 1", "1");
    EXPECT_ERROR(conn, "FETCH short", "34000");
}

Test(pool_modes, discard_all_lets_a_kept_server_go)
{
    start_with("pool_size = 2\n", NULL, NULL);
    EXPECT(conn, "CREATE TEMP TABLE mine (x integer)", "CREATE TABLE");
    int backend = backend_of(conn);
    expect_pinned(backend);
    EXPECT(conn, "DISCARD ALL", "DISCARD ALL");
    EXPECT_ERROR(conn, "SELECT x FROM mine", "42P01");
    expect_released(backend);
}

Test(pool_modes, a_client_with_a_temporary_table_keeps_the_home_shard_only)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "pool_size = 2\n"});
    load_tables(3, 50);
    conn = connect_keyway(&keyway, NULL);
    other = connect_keyway(&keyway, NULL);
    console = connect_console(&keyway);
    EXPECT(conn, "CREATE TEMP TABLE mine AS SELECT 5 AS x", "SELECT 1");
    EXPECT(conn, "SELECT count(*) FROM users", "50");
    EXPECT(conn, "SELECT x FROM mine", "5");
    expect_servers(console, "active", 1);
    EXPECT(other, "SELECT count(*) FROM users", "50");
    leave();
    expect_servers(console, "active", 0);
}

/* ---- statement ---- */

Test(pool_modes, in_statement_mode_transaction_blocks_are_refused)
{
    start_with("pool_mode = statement\npool_size = 1\n", NULL, NULL);
    static const char *const refused =
        "ERROR 08P01: transaction blocks not allowed in statement pooling mode";
    EXPECT(conn, "BEGIN", refused);
    EXPECT(conn, "START TRANSACTION", refused);
    cr_expect_eq(PQtransactionStatus(conn), PQTRANS_IDLE);
    char *answer = ask_params(conn, "BEGIN", 0, NULL);
    cr_expect_str_eq(answer, refused);
    free(answer);
    EXPECT(conn, "INSERT INTO countries (code) VALUES ('aa'); INSERT INTO countries (code) VALUES ('bb')",
           "INSERT 0 1\nINSERT 0 1");
    EXPECT(other, "SELECT count(*) FROM countries", "2");
    cr_expect_eq(backend_of(conn), backend_of(other));
    EXPECT(conn, "SET work_mem = '7MB'", "SET");
    EXPECT(other, "SHOW work_mem", "4MB");
    EXPECT(conn, "SHOW work_mem", "7MB");
}

/* ---- whose mode ---- */

Test(pool_modes, a_user_goes_before_the_database_and_that_before_the_general_one)
{
    start_with("pool_mode = statement\n", "pool_mode = session\n", "[user other]\npool_mode = transaction\n");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "COMMIT", "COMMIT");
    int backend = backend_of(conn);
    cr_expect_neq(backend_of(other), backend, "each session has its own");
    expect_servers(console, "active", 2);
    PGconn *third = connect_keyway(&keyway, "user=other");
    EXPECT(third, "BEGIN", "BEGIN");
    EXPECT(third, "SELECT 1", "1");
    expect_servers(console, "active", 3);
    EXPECT(third, "COMMIT", "COMMIT");
    expect_servers(console, "active", 2);
    EXPECT_LIKE(console, "SHOW DATABASES", "app|1|session");
    PQfinish(third);
}
