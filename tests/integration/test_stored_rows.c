/*
 * CREATE TABLE AS, SELECT INTO and INSERT INTO a table of the home shard, of rows of several shards: in the client's transaction, whichever way the
 * rows come, and on the home shard only.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn, *oracle;

/* Several shards may not be written to, and need not. */
static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3});
    load_tables(3, 300);
    conn = connect_keyway(&keyway, NULL);
    oracle = connect_server(CLUSTER_ORACLE);
}

static void stop(void)
{
    PQfinish(conn);
    PQfinish(oracle);
    keyway_stop(&keyway);
}

TestSuite(stored_rows, .init = start, .fini = stop, .timeout = 120);

/* More than is held in memory: they go to temporary tables. */
static void make_rows_large(void)
{
    for (int shard = 0; shard < 3; shard++)
        EXPECT_LIKE(conn, shard == 0   ? "UPDATE users SET full_name = left(username, 1) || repeat('x', 5000) WHERE username < 'h'"
                          : shard == 1 ? "UPDATE users SET full_name = left(username, 1) || repeat('x', 5000) WHERE username >= 'h' AND username < 'q'"
                                       : "UPDATE users SET full_name = left(username, 1) || repeat('x', 5000) WHERE username >= 'q'",
                    "UPDATE ");
    PQclear(PQexec(oracle, "UPDATE users SET full_name = left(username, 1) || repeat('x', 5000)"));
}

static void store(void)
{
    static const char *const check = "SELECT count(*), sum(length(full_name)), max(balance) FROM kept";
    EXPECT_SAME(conn, oracle, "CREATE TABLE kept AS SELECT * FROM users", check, "CREATE TABLE kept AS SELECT * FROM users",
                "INSERT INTO kept SELECT a.* FROM users a JOIN users b ON b.age = a.age WHERE b.username < a.username", check,
                "BEGIN", "INSERT INTO kept (username, full_name) SELECT username, full_name FROM users ORDER BY username", check, "SAVEPOINT a",
                "CREATE TABLE more AS SELECT full_name FROM kept JOIN users USING (full_name)", "SELECT count(*) FROM more", "ROLLBACK TO a",
                "CREATE TABLE more AS SELECT full_name FROM users", "SELECT count(*) FROM more", "SELECT count(*) FROM users a, users b", "COMMIT",
                check, "BEGIN", "INSERT INTO kept SELECT * FROM users", "ROLLBACK", check,
                "BEGIN READ ONLY; SAVEPOINT b; INSERT INTO kept SELECT * FROM users", "ROLLBACK", "BEGIN READ ONLY; CREATE TABLE other AS SELECT * FROM users",
                "ROLLBACK", "SELECT (count(full_name) > 0)::text INTO flags FROM users", "TABLE flags");
    EXPECT_ON(1, "SELECT to_regclass('kept'), to_regclass('more')", "~|~");
    EXPECT_ON(0, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway:%'", "0");
    EXPECT_SAME(conn, oracle, "DROP TABLE kept, more, flags");
}

Test(stored_rows, few_of_them)
{
    store();
}

Test(stored_rows, many_of_them)
{
    make_rows_large();
    store();
}

/* In a transaction that has changed another shard it would be a second one. */
Test(stored_rows, count_as_a_write_to_the_home_shard)
{
    EXPECT(conn, "CREATE TABLE kept AS SELECT username FROM users WHERE age = 20 WITH NO DATA", "CREATE TABLE AS");
    EXPECT_LIKE(conn, "BEGIN; UPDATE users SET age = 20 WHERE username >= 'q'; INSERT INTO kept SELECT username FROM users",
                "ERROR 0A000: this transaction would change data on more than one shard");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "DROP TABLE kept", "DROP TABLE");
}

/* The new table is known at once, also to other clients; and values are bound. */
Test(stored_rows, of_parameters_in_a_table_that_all_see)
{
    PGconn *other = connect_keyway(&keyway, NULL);
    const char *age[] = {"20"}, *both[] = {"x", "20"};
    char *answer = ask_params(conn, "CREATE TABLE kept AS SELECT username, $1::int AS age FROM users WHERE age > $1", 1, age);
    char *right = ask_params(oracle, "CREATE TABLE kept AS SELECT username, $1::int AS age FROM users WHERE age > $1", 1, age);
    cr_expect_str_eq(answer, right);
    free(answer);
    free(right);
    answer = ask_params(conn, "INSERT INTO kept SELECT username || $1, $2 FROM users WHERE age = $2 RETURNING 1", 2, both);
    right = ask_params(oracle, "INSERT INTO kept SELECT username || $1, $2 FROM users WHERE age = $2 RETURNING 1", 2, both);
    cr_expect_str_eq(answer, right);
    free(answer);
    free(right);
    EXPECT_SAME(other, oracle, "SELECT count(*), sum(age), max(username) FROM kept", "UPDATE kept SET age = 1 WHERE username < 'c'");
    EXPECT_SAME(conn, oracle, "DROP TABLE kept");
    PQfinish(other);
}

/* A table of the new one's name before it on search_path is not filled. */
Test(stored_rows, go_to_the_table_that_was_made)
{
    EXPECT(conn, "CREATE TEMP TABLE kept (username text)", "CREATE TABLE");
    EXPECT_LIKE(conn, "CREATE TABLE public.kept AS SELECT username FROM users", "SELECT 300");
    EXPECT(conn, "SELECT count(*) FROM kept", "0");
    EXPECT(conn, "SELECT count(*) FROM public.kept", "300");
    EXPECT(conn, "DROP TABLE public.kept", "DROP TABLE");
    EXPECT(conn, "CREATE TEMP TABLE mine AS SELECT username FROM users", "SELECT 300");
    EXPECT(conn, "INSERT INTO mine SELECT username FROM posts WHERE false", "INSERT 0 0");
    EXPECT(conn, "SELECT count(*) FROM mine", "300");
    EXPECT_ON(0, "SELECT to_regclass('kept')", "~");
}

static void count_notice(void *count, const PGresult *result)
{
    *(int *) count += strcmp(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42P07") == 0;
}

Test(stored_rows, in_a_table_that_may_be_there)
{
    int notices[2] = {0, 0};
    PQsetNoticeReceiver(conn, count_notice, &notices[0]);
    PQsetNoticeReceiver(oracle, count_notice, &notices[1]);
    EXPECT_SAME(conn, oracle, "CREATE TABLE IF NOT EXISTS kept AS SELECT username, age FROM users WHERE age < 40",
                "CREATE TABLE IF NOT EXISTS kept AS SELECT username, age FROM users", "CREATE TABLE IF NOT EXISTS kept AS SELECT nosuch FROM users",
                "CREATE TABLE IF NOT EXISTS kept AS SELECT 1 / 0 FROM users WHERE age / 0 = 1", "SELECT count(*), sum(age) FROM kept",
                "SET client_min_messages = warning", "CREATE TABLE IF NOT EXISTS kept AS TABLE users", "RESET client_min_messages", "BEGIN",
                "CREATE TABLE IF NOT EXISTS kept AS TABLE users", "DROP TABLE kept", "CREATE TABLE IF NOT EXISTS kept (age) AS SELECT max(age) FROM users",
                "TABLE kept", "ROLLBACK", "SELECT count(*) FROM kept", "BEGIN READ ONLY", "CREATE TABLE IF NOT EXISTS kept AS TABLE users", "ROLLBACK",
                "CREATE SEQUENCE \"it's\"", "CREATE TABLE IF NOT EXISTS \"it's\" AS SELECT count(*) FROM users", "DROP SEQUENCE \"it's\"",
                "CREATE TEMP TABLE IF NOT EXISTS kept AS SELECT count(*) FROM posts", "TABLE kept", "SELECT count(*) FROM public.kept",
                "DROP TABLE pg_temp.kept, public.kept");
    cr_expect(notices[0] == 4 && notices[1] == 4, "%d notices, %d of one PostgreSQL", notices[0], notices[1]);
    PQsetNoticeReceiver(conn, NULL, NULL);
}

Test(stored_rows, what_is_refused)
{
    EXPECT(conn, "CREATE TABLE home (n bigint)", "CREATE TABLE");
    EXPECT_REFUSED(conn, "CREATE MATERIALIZED VIEW kept AS SELECT username FROM users");
    EXPECT_REFUSED(conn, "EXPLAIN CREATE TABLE IF NOT EXISTS kept AS SELECT username FROM users");
    EXPECT_REFUSED(conn, "CREATE TABLE kept AS SELECT ctid FROM users");
    EXPECT_REFUSED(conn, "EXPLAIN ANALYZE CREATE TABLE kept AS SELECT username FROM users");
    EXPECT_REFUSED(conn, "INSERT INTO home (n) SELECT 1 FROM users RETURNING (SELECT count(*) FROM users)");
    EXPECT_REFUSED(conn, "BEGIN; CREATE SCHEMA later; CREATE TABLE kept AS SELECT username FROM users");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT to_regclass('kept'), count(*) FROM home", "~|0");
    EXPECT(conn, "DROP TABLE home", "DROP TABLE");
}
