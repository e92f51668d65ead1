/*
 * Cursors over several shards: the rows are gathered when a cursor is declared, and it is the home shard's.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *conn, *oracle, *console;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
    load_tables(3, 300);
    conn = connect_keyway(&keyway, NULL);
    oracle = connect_server(CLUSTER_ORACLE);
    console = connect_console(&keyway);
}

static void stop(void)
{
    PQfinish(conn);
    PQfinish(oracle);
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(cursors, .init = start, .fini = stop, .timeout = 60);

#define SAME(...) EXPECT_SAME(conn, oracle, __VA_ARGS__)

static void make_rows_large(void)
{
    SAME("UPDATE users SET full_name = left(username, 1) || repeat('x', 5000)");
}

Test(cursors, over_queries_of_every_kind)
{
    for (int large = 0; large < 2; large++) {
        SAME("BEGIN", "DECLARE a CURSOR FOR SELECT username, full_name FROM users ORDER BY username",
             "DECLARE b SCROLL CURSOR FOR SELECT count(*), max(full_name) FROM users",
             "DECLARE c CURSOR FOR SELECT u.username, f.follower, u.full_name FROM users u JOIN follows f ON f.followee = u.username "
             "ORDER BY 1, 2",
             "DECLARE d CURSOR FOR SELECT country, avg(age), max(full_name) FROM users GROUP BY 1 ORDER BY 1",
             "DECLARE e CURSOR FOR SELECT DISTINCT country FROM users ORDER BY 1 LIMIT 3 OFFSET 1", "FETCH 5 FROM a", "FETCH b",
             "FETCH PRIOR FROM b", "FETCH FIRST FROM b", "FETCH 3 FROM c", "MOVE 4 FROM a", "FETCH a", "FETCH ALL FROM d",
             "FETCH ALL FROM e", "MOVE ALL IN c", "FETCH c", "CLOSE a", "FETCH b",
             "DECLARE a CURSOR FOR SELECT username, full_name FROM users ORDER BY username DESC", "FETCH 2 FROM a", "CLOSE ALL",
             "COMMIT", "SELECT avg(age) FROM users");
        EXPECT(conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway%'", "0");
        make_rows_large();
    }
}

Test(cursors, read_only_and_later_changes_do_not_matter)
{
    for (int large = 0; large < 2; large++) {
        SAME("BEGIN READ ONLY", "DECLARE a CURSOR FOR SELECT username, length(full_name) FROM users ORDER BY username", "FETCH 3 FROM a",
             "COMMIT", "BEGIN", "INSERT INTO users (username) VALUES ('anew')",
             "DECLARE a CURSOR FOR SELECT username, full_name FROM users WHERE username < 'b' ORDER BY username",
             "DELETE FROM users WHERE username < 'c'", "FETCH ALL FROM a", "SELECT avg(age), max(full_name) FROM users", "ROLLBACK");
        make_rows_large();
    }
}

Test(cursors, with_hold_outlive_their_transaction)
{
    for (int large = 0; large < 2; large++) {
        SAME("BEGIN", "DECLARE a SCROLL CURSOR WITH HOLD FOR SELECT username, full_name FROM users ORDER BY username", "FETCH 2 FROM a",
             "COMMIT", "SELECT avg(age) FROM users", "FETCH 2 FROM a", "FETCH BACKWARD 3 FROM a", "CLOSE a", "FETCH a",
             "DECLARE alone CURSOR WITH HOLD FOR SELECT username, full_name FROM users ORDER BY username DESC", "FETCH 2 FROM alone",
             "SELECT max(full_name), avg(age) FROM users", "FETCH 2 FROM alone", "CLOSE alone",
             "DECLARE gone CURSOR FOR SELECT username, full_name FROM users ORDER BY 1");
        EXPECT(conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway%'", "0");
        make_rows_large();
    }
}

/* ---- WITH HOLD and servers ---- */

#define HELD(name, where) "DECLARE " name " CURSOR WITH HOLD FOR SELECT username, age FROM users WHERE " where " ORDER BY username"

/* Of one shard, and of gathered rows. */
static const char *const held[] = {HELD("h", "username = 'buser27'"), HELD("h", "age > 30")};

Test(cursors, with_hold_that_a_rollback_ends_keep_no_server)
{
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        SAME("BEGIN", held[i], "FETCH h", "ROLLBACK");
        expect_servers(console, "active", 0);
        SAME("FETCH h", "BEGIN", held[i], "SELECT nothing", "COMMIT");
        expect_servers(console, "active", 0);
        SAME("BEGIN", "SAVEPOINT s", held[i], "SAVEPOINT t", "RELEASE t", "ROLLBACK TO s", "COMMIT");
        expect_servers(console, "active", 0);
        SAME("BEGIN", "SAVEPOINT s", "SAVEPOINT t", held[i], "RELEASE t", "FETCH h", "ROLLBACK TO s", "FETCH h", "ROLLBACK TO s", "COMMIT");
        expect_servers(console, "active", 0);
    }
}

Test(cursors, with_hold_that_were_never_declared_keep_no_server)
{
    SAME("DECLARE h CURSOR WITH HOLD FOR SELECT nothing FROM users", "DECLARE h CURSOR WITH HOLD FOR SELECT 1 / (length(username) - length(username)) FROM users",
         "DECLARE h CURSOR WITH HOLD FOR SELECT 1 / (length(username) - length(username)) FROM users WHERE username = 'buser27'");
    expect_servers(console, "active", 0);
    SAME("BEGIN", "DECLARE h CURSOR WITH HOLD FOR SELECT 1 / (length(username) - length(username)) FROM users WHERE username = 'buser27'", "COMMIT", "FETCH h");
    expect_servers(console, "active", 0);
}

Test(cursors, with_hold_go_with_the_statements_that_are_one_transaction)
{
    SAME(HELD("h", "username = 'buser27'") "; SELECT 1 / 0");
    expect_servers(console, "active", 0);
    SAME(HELD("h", "username = 'buser27'") "; SELECT 1", "FETCH h");
    expect_servers(console, "active", 1);
    SAME("CLOSE h");
    expect_servers(console, "active", 0);
}

Test(cursors, with_hold_stay_whatever_later_transactions_do)
{
    for (size_t i = 0; i < sizeof held / sizeof *held; i++) {
        SAME("BEGIN", "SAVEPOINT s", held[i], "RELEASE s", "COMMIT", "BEGIN", "FETCH h", "ROLLBACK", "BEGIN", "SAVEPOINT s", "FETCH h",
             "SELECT nothing", "ROLLBACK TO s", "COMMIT", "FETCH h");
        expect_servers(console, "active", 1);
        SAME("BEGIN", "CLOSE h", "ROLLBACK", "FETCH h");
        expect_servers(console, "active", 0);
    }
}

Test(cursors, have_one_name_on_all_shards)
{
    SAME("BEGIN", HELD("h", "username = 'buser27'"), "SAVEPOINT s", HELD("h", "username = 'muser38'"), "ROLLBACK TO s", HELD("h", "age > 1"),
         "ROLLBACK TO s", "FETCH h", "CLOSE h", HELD("h", "username = 'muser38'"), "FETCH h", "COMMIT", HELD("h", "username = 'suser44'"), "CLOSE h");
    expect_servers(console, "active", 0);
}

/* A cursor does not outlive its server, so another one of the same shard is not kept for it. */
Test(cursors, with_hold_go_with_their_server)
{
    EXPECT(conn, HELD("h", "age > 30"), "DECLARE CURSOR");
    expect_servers(console, "active", 1);
    PGconn *home = connect_server(0);
    char *answer = ask(home, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE query LIKE '%DECLARE%' AND pid <> pg_backend_pid()");
    cr_expect_str_eq(answer, "t");
    free(answer);
    PQfinish(home);
    expect_servers(console, "active", 0);
    EXPECT(conn, HELD("other", "age > 30"), "DECLARE CURSOR");
    EXPECT(conn, "CLOSE other", "CLOSE CURSOR");
    expect_servers(console, "active", 0);
    EXPECT_ERROR(conn, "FETCH h", "34000");
}

/* ---- what ends them ---- */

Test(cursors, savepoints_and_errors_end_them)
{
    for (int large = 0; large < 2; large++) {
        SAME("BEGIN", "SAVEPOINT s", "DECLARE a CURSOR FOR SELECT username, full_name FROM users ORDER BY username", "FETCH 2 FROM a",
             "ROLLBACK TO s", "FETCH a", "ROLLBACK TO s", "DECLARE a CURSOR FOR SELECT username, full_name FROM users ORDER BY username",
             "FETCH a", "DECLARE a CURSOR FOR SELECT full_name FROM users", "ROLLBACK TO s", "SELECT avg(age), max(full_name) FROM users",
             "COMMIT", "DECLARE a CURSOR FOR SELECT nothing FROM users", "BEGIN", "DECLARE a CURSOR FOR SELECT 1 / (age - age) FROM users",
             "FETCH a", "ROLLBACK");
        make_rows_large();
    }
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT_REFUSED(conn, "DECLARE a CURSOR FOR SELECT age FROM users FOR UPDATE");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

/* What is fetched is described as the query's own columns. */
static void expect_same_columns(const char *sql)
{
    PGresult *answer = PQexec(conn, sql), *right = PQexec(oracle, sql);
    cr_assert_eq(PQnfields(answer), PQnfields(right), "%s", PQerrorMessage(conn));
    for (int i = 0; i < PQnfields(right); i++) {
        cr_expect_str_eq(PQfname(answer, i), PQfname(right, i));
        cr_expect_eq(PQftype(answer, i), PQftype(right, i));
        cr_expect_eq(PQfmod(answer, i), PQfmod(right, i), "%s has the modifier %d", PQfname(right, i), PQfmod(answer, i));
        cr_expect_eq(PQfsize(answer, i), PQfsize(right, i));
        cr_expect_eq(PQfformat(answer, i), PQfformat(right, i));
        cr_expect_eq(PQftablecol(answer, i), PQftablecol(right, i));
    }
    PQclear(answer);
    PQclear(right);
}

Test(cursors, what_they_give_is_described_as_the_tables_columns)
{
    SAME("BEGIN", "DECLARE a CURSOR FOR SELECT username, balance, balance + 1 AS more, created::timestamptz(0) FROM users ORDER BY 1",
         "DECLARE b BINARY CURSOR FOR SELECT age, balance FROM users WHERE age = 20 ORDER BY username");
    expect_same_columns("FETCH 2 FROM a");
    expect_same_columns("FETCH b");
    SAME("COMMIT");
}

Test(cursors, in_extended_protocol_they_take_parameters)
{
    static const char *const sql = "DECLARE a CURSOR FOR SELECT username, age FROM users WHERE age > $1 ORDER BY username";
    const char *values[] = {"50"};
    SAME("BEGIN");
    char *answer = ask_params(conn, sql, 1, values), *right = ask_params(oracle, sql, 1, values);
    cr_expect_str_eq(answer, right);
    free(answer);
    free(right);
    SAME("FETCH ALL FROM a", "COMMIT");
}

/* … wherever it is. */
Test(cursors, a_prepared_fetch_has_the_columns_of_its_cursor)
{
    static const char *const places[] = {"username = 'buser27'", "username = 'muser38'", "username = 'suser44'", "age > 1"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char sql[200], name[20];
        snprintf(name, sizeof name, "fetch%zu", i);
        snprintf(sql, sizeof sql, "DECLARE z CURSOR FOR SELECT age, full_name AS n FROM users WHERE %s", places[i]);
        EXPECT(conn, "BEGIN", "BEGIN");
        EXPECT(conn, sql, "DECLARE CURSOR");
        PQclear(PQprepare(conn, name, "FETCH 2 FROM z", 0, NULL));
        PGresult *result = PQdescribePrepared(conn, name);
        cr_expect_eq(PQnfields(result), 2, "%s: %d columns", places[i], PQnfields(result));
        if (PQnfields(result) == 2)
            cr_expect_str_eq(PQfname(result, 1), "n");
        PQclear(result);
        EXPECT(conn, "COMMIT", "COMMIT");
    }
}
