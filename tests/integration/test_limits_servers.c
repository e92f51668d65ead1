/*
 * Limits and timeouts of the connections to the shards.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = true, .settings = settings});
}

static void stop(void)
{
    thaw_postmaster();
    keyway_stop(&keyway);
}

TestSuite(limits_of_servers, .fini = stop, .timeout = 60);

/* ---- logging in ---- */

static void expect_detail(PGconn *conn, const char *sql, const char *sqlstate, const char *message,
                          const char *detail)
{
    PGresult *result = PQexec(conn, sql);
    const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE),
               *told = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
               *more = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    cr_expect(code && strcmp(code, sqlstate) == 0, "%s: %s", sql, PQresultErrorMessage(result));
    cr_expect(told && strstr(told, message), "%s: %s", sql, PQresultErrorMessage(result));
    cr_expect(more && strstr(more, detail), "%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
}

Test(limits_of_servers, server_connect_timeout_ends_a_login_that_gets_no_answer)
{
    start_with("server_connect_timeout = 1\n");
    PGconn *conn = connect_keyway(&keyway, NULL), *console = connect_console(&keyway);
    freeze_postmaster(0);
    cr_assert(PQsendQuery(conn, "SELECT 1"));
    expect_servers(console, "login", 1);
    expect_next(conn, "ERROR 08006: could not log in at shard \"shard0\"");
    expect_servers(console, "login", 0);
    expect_detail(conn, "SELECT 1", "08006", "shard0", "server_connect_timeout");
    thaw_postmaster();
    EXPECT_SOON(conn, "SELECT 1", "1", 20000);
    PQfinish(conn);
    PQfinish(console);
}

/* Whoever has a server goes on, and hands it to the one whose login did not succeed. */
Test(limits_of_servers, a_shard_that_takes_no_logins_is_no_hurdle_for_those_who_are_in)
{
    start_with("server_connect_timeout = 500ms\n");
    PGconn *first = connect_keyway(&keyway, NULL), *second = connect_keyway(&keyway, NULL);
    EXPECT(first, "BEGIN", "BEGIN");
    int backend = backend_of(first);
    freeze_postmaster(0);
    cr_assert(PQsendQuery(second, "SELECT pg_backend_pid()"));
    EXPECT(first, "SELECT pg_sleep(1)", "");
    cr_expect(answers_nothing_yet(second));
    EXPECT(first, "COMMIT", "COMMIT");
    expect_number(second, backend);
    PQfinish(first);
    PQfinish(second);
}

/* A reload reads the shards' catalogs: one that does not answer is down, and holds up nobody. */
Test(limits_of_servers, server_connect_timeout_counts_for_reading_the_catalog)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "server_connect_timeout = 1\n"});
    PGconn *conn = connect_keyway(&keyway, NULL), *console = connect_console(&keyway);
    freeze_postmaster(2);
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(conn, "SELECT count(*) FROM users WHERE username = 'anna'", "0");
    expect_shards(console, "down", 1);
    thaw_postmaster();
    EXPECT(console, "RELOAD", "RELOAD");
    expect_shards(console, "down", 0);
    EXPECT(conn, "SELECT count(*) FROM users", "0");
    PQfinish(conn);
    PQfinish(console);
}

static void let_log_in(bool may)
{
    PGconn *conn = connect_server(0);
    EXPECT(conn, may ? "ALTER ROLE other LOGIN" : "ALTER ROLE other NOLOGIN", "ALTER ROLE");
    PQfinish(conn);
}

static void reload(PGconn *console, const struct keyway_setup *setup)
{
    keyway_configure(&keyway, setup);
    EXPECT(console, "RELOAD", "RELOAD");
}

/* Nobody asks the shard again before the time: it says no once, and its words are kept. */
Test(limits_of_servers, server_login_retry_keeps_a_failed_login_from_being_tried_at_once)
{
    struct keyway_setup setup = {
        .plain = true, .settings = "server_login_retry = 1h\n", .conninfo = "user=other"};
    keyway_start(&keyway, &setup);
    PGconn *conn = connect_keyway(&keyway, NULL), *other = connect_keyway(&keyway, NULL),
           *console = connect_console(&keyway);
    let_log_in(false);
    expect_detail(conn, "SELECT 1", "08006", "could not log in at shard \"shard0\"",
                  "not permitted to log in");
    let_log_in(true);
    expect_detail(other, "SELECT 1", "08006", "could not log in at shard \"shard0\"",
                  "not permitted to log in");
    expect_detail(conn, "SELECT 1", "08006", "could not log in at shard \"shard0\"",
                  "not permitted to log in");
    setup.settings = "server_login_retry = 100ms\n";
    reload(console, &setup);
    EXPECT_SOON(conn, "SELECT 1", "1", 20000);
    EXPECT(other, "SELECT 1", "1");
    PQfinish(conn);
    PQfinish(other);
    PQfinish(console);
}

static int failed_logins(void)
{
    char line[4096];
    int count = 0;
    FILE *log = fopen(keyway.log, "r");
    cr_assert(log);
    while (fgets(line, sizeof line, log))
        count += strstr(line, "could not log in") != NULL;
    fclose(log);
    return count;
}

/* … also when one who is in keeps the others waiting. */
Test(limits_of_servers, server_login_retry_holds_while_another_server_is_open)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){.plain = true,
                                        .settings = "server_login_retry = 1h\nquery_wait_timeout = 1\n",
                                        .conninfo = "user=other"});
    PGconn *first = connect_keyway(&keyway, NULL), *second = connect_keyway(&keyway, NULL);
    EXPECT(first, "BEGIN", "BEGIN");
    EXPECT(first, "SELECT 1", "1");
    let_log_in(false);
    EXPECT(second, "SELECT 1", "ERROR 08006: query_wait_timeout");
    EXPECT(second, "SELECT 1", "ERROR 08006: query_wait_timeout");
    cr_expect_eq(failed_logins(), 1, "%d logins were tried", failed_logins());
    EXPECT(first, "COMMIT", "COMMIT");
    EXPECT(second, "SELECT 1", "1");
    let_log_in(true);
    PQfinish(first);
    PQfinish(second);
}

/* ---- idle and old servers ---- */

Test(limits_of_servers, server_idle_timeout_closes_servers_that_nobody_uses)
{
    start_with("server_idle_timeout = 500ms\n");
    PGconn *conn = connect_keyway(&keyway, NULL), *console = connect_console(&keyway);
    EXPECT(conn, "BEGIN", "BEGIN");
    int backend = backend_of(conn);
    EXPECT(conn, "SELECT pg_sleep(1)", "");
    expect_servers(console, "active", 1);
    EXPECT(conn, "COMMIT", "COMMIT");
    expect_servers(console, "idle", 0);
    expect_backends(0, 0);
    cr_expect_neq(backend_of(conn), backend);
    PQfinish(conn);
    PQfinish(console);
}

Test(limits_of_servers, server_lifetime_closes_old_servers_but_none_that_is_in_use)
{
    start_with("server_lifetime = 1\n");
    PGconn *conn = connect_keyway(&keyway, NULL), *console = connect_console(&keyway);
    EXPECT(conn, "BEGIN", "BEGIN");
    int backend = backend_of(conn);
    EXPECT(conn, "SELECT pg_sleep(1.5)", "");
    cr_expect_eq(backend_of(conn), backend, "a transaction keeps its server");
    EXPECT(conn, "COMMIT", "COMMIT");
    expect_servers(console, "idle", 0);
    expect_backends(0, 0);
    cr_expect_neq(backend_of(conn), backend);
    PQfinish(conn);
    PQfinish(console);
}
