/*
 * Queries that no shard can answer alone run on the home shard, over copies of the rows they need.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn, *oracle;

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3,
                                                 .settings = settings,
                                                 .database = "multi_shard_commit = best_effort\n"});
    load_tables(3, 300);
    conn = connect_keyway(&keyway, NULL);
    oracle = connect_server(CLUSTER_ORACLE);
}

static void start(void)
{
    start_with(NULL);
}

static void stop(void)
{
    PQfinish(conn);
    PQfinish(oracle);
    keyway_stop(&keyway);
}

TestSuite(gather, .init = start, .fini = stop, .timeout = 60);

/* Keyway and the one PostgreSQL with all rows say the same. */
static void expect_same(const char *sql)
{
    char *answer = ask(conn, sql), *right = ask(oracle, sql);
    cr_expect_str_eq(answer, right, "%s\n  answered: %s\n  right is: %s", sql, answer, right);
    free(answer);
    free(right);
}

static void expect_all_same(const char *const *statements)
{
    for (; *statements; statements++)
        expect_same(*statements);
}

Test(gather, joins_on_anything)
{
    expect_all_same((const char *const[]){
        "SELECT u.username, f.follower FROM users u JOIN follows f ON f.followee = u.username ORDER BY 1, 2",
        "SELECT count(*) FROM users a JOIN users b ON b.karma = a.karma AND a.username < b.username",
        "SELECT c.code, count(u.username) FROM countries c LEFT JOIN users u ON u.country = c.code GROUP BY "
        "1 ORDER BY 1",
        "SELECT count(*), count(u.age), count(p.id) FROM users u FULL JOIN posts p ON p.id = u.age",
        "SELECT count(*) FROM users u, posts p",
        "SELECT username, last.id FROM users u, LATERAL (SELECT id FROM posts p WHERE p.likes > u.age ORDER "
        "BY id DESC, "
        "username LIMIT 1) AS last ORDER BY 1",
        "SELECT count(*) FROM users NATURAL JOIN follows", NULL});
}

Test(gather, aggregates_that_parts_do_not_add_up_to)
{
    expect_all_same((const char *const[]){
        "SELECT avg(age), avg(balance), stddev(karma), count(DISTINCT country) FROM users",
        "SELECT sum(balance), max(full_name) FROM users HAVING count(*) > 5",
        "SELECT country, avg(karma)::numeric(20,5) FROM users GROUP BY country ORDER BY country NULLS FIRST",
        "SELECT string_agg(username, ',' ORDER BY karma, username) FROM users WHERE age < 20",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age) FROM users",
        "SELECT country, active, count(*) FROM users GROUP BY ROLLUP (country, active) ORDER BY 1, 2, 3",
        "SELECT array_agg(DISTINCT title ORDER BY title) FROM users",
        "SELECT username, email, count(*) FROM users GROUP BY username ORDER BY title, username", NULL});
}

Test(gather, windows_limits_and_sets_over_all_rows)
{
    expect_all_same((const char *const[]){
        "SELECT username, rank() OVER (ORDER BY karma, username) FROM users ORDER BY 2",
        "SELECT count(*), max(age) FROM (SELECT age FROM users ORDER BY username LIMIT 5) AS few",
        "SELECT username, title FROM users ORDER BY title, username",
        "SELECT age FROM users ORDER BY age FETCH FIRST 3 ROWS WITH TIES",
        "SELECT country FROM users INTERSECT SELECT code FROM countries ORDER BY 1",
        "SELECT username FROM users EXCEPT SELECT followee FROM follows ORDER BY 1",
        "SELECT DISTINCT ON (country) country, username FROM users ORDER BY country, username",
        "VALUES ((SELECT count(*) FROM users WHERE age > (SELECT avg(age) FROM users)))", NULL});
}

Test(gather, subqueries_on_other_shards)
{
    expect_all_same((const char *const[]){
        "SELECT username FROM users WHERE username NOT IN (SELECT followee FROM follows) ORDER BY 1",
        "SELECT (SELECT count(*) FROM posts) FROM users WHERE username = 'h'",
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM users WHERE age > 50)",
        "SELECT username FROM users u WHERE karma > (SELECT avg(karma) FROM users o WHERE o.country = "
        "u.country) ORDER BY 1",
        "WITH RECURSIVE up AS (SELECT followee, 1 AS depth FROM follows WHERE follower = 'h' UNION SELECT "
        "f.followee, depth + 1 "
        "FROM follows f JOIN up ON up.followee = f.follower WHERE depth < 4) SELECT * FROM up ORDER BY 2, 1",
        "WITH u AS (SELECT username, age FROM users) SELECT a.age, b.age FROM u a, u b WHERE a.username = "
        "'h' AND b.username = 'q'",
        NULL});
}

Test(gather, views_are_read_through_their_definitions)
{
    static const char *const view =
        "CREATE VIEW elders (who, years) AS SELECT username, age FROM public.users WHERE age > 50";
    PQclear(PQexec(oracle, view));
    EXPECT(conn, view, "CREATE VIEW");
    expect_all_same((const char *const[]){"SELECT avg(years), max(who) FROM elders",
                                          "SELECT a.who, b.who FROM elders a JOIN elders AS b (name, age) ON "
                                          "a.years = b.age AND a.who < b.name ORDER BY 1, 2",
                                          NULL});
}

Test(gather, the_databases_own_types_travel)
{
    static const char *const make =
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TABLE users ADD COLUMN feels mood;"
        "UPDATE users SET feels = 'ok' WHERE age > 30; UPDATE users SET feels = 'sad' WHERE age < 10";
    PQclear(PQexec(oracle, make));
    for (int shard = 2; shard >= 0; shard--) {
        PGconn *server = connect_server(shard);
        PQclear(PQexec(server, shard == 1 ? "CREATE TYPE other AS ENUM ('x')" : "SELECT 1"));
        PQclear(PQexec(server, make));
        PQfinish(server);
    }
    PGconn *console = connect_console(&keyway);
    EXPECT(console, "RELOAD", "RELOAD");
    PQfinish(console);
    expect_same("SELECT feels, avg(age), min(tags) FROM users GROUP BY feels ORDER BY feels");
}

Test(gather, a_transaction_sees_its_own_changes_and_leaves_nothing_behind)
{
    EXPECT(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anew', 1000), ('znew', 3000)", "INSERT 0 2");
    EXPECT(conn,
           "SELECT avg(age), string_agg(username, ',' ORDER BY username DESC) FROM users WHERE age >= 1000",
           "2000.0000000000000000|znew,anew");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
    EXPECT_ERROR(conn, "SELECT avg(1 / (age - 1000)) FROM users WHERE age >= 1000", "22012");
    EXPECT(conn, "ROLLBACK TO s", "ROLLBACK");
    EXPECT(conn, "SELECT avg(age) FROM users WHERE age >= 1000", "2000.0000000000000000");
    EXPECT(conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway%'", "0");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT avg(age) FROM users WHERE age >= 1000", "2000.0000000000000000");
}

Test(gather, one_of_several_statements)
{
    EXPECT(conn,
           "INSERT INTO users (username, age) VALUES ('anew', 1000); SELECT avg(age) FROM users WHERE age >= "
           "1000; "
           "INSERT INTO users (username, age) VALUES ('znew', 2000); SELECT avg(age) FROM users WHERE age >= "
           "1000",
           "INSERT 0 1\n1000.0000000000000000\nINSERT 0 1\n1500.0000000000000000");
    EXPECT_LIKE(conn, "UPDATE users SET age = 0; SELECT avg(1 / age) FROM users", "22012");
    EXPECT(conn, "SELECT avg(age) FROM users WHERE age >= 1000", "1500.0000000000000000");
}

/* Its plan is made for it alone, and found nowhere when the rows are there. */
Test(gather, a_statement_too_long_to_be_kept)
{
    char *sql = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&sql, &size);
    fprintf(text, "SELECT count(*) FROM users u, follows f WHERE u.age IN (0");
    for (int i = 1; i < 5000; i++)
        fprintf(text, ", %d", i);
    fprintf(text, ")");
    fclose(text);
    expect_same(sql);
    free(sql);
}

Test(gather, parameters_and_binary_results)
{
    const char *values[] = {"20", "%user%"};
    static const char *const sql =
        "SELECT avg(age), max(username) FROM users WHERE age > $1 AND username LIKE $2";
    for (int binary = 0; binary < 2; binary++) {
        PGresult *answer = PQexecParams(conn, sql, 2, NULL, values, NULL, NULL, binary);
        PGresult *right = PQexecParams(oracle, sql, 2, NULL, values, NULL, NULL, binary);
        cr_assert_eq(PQresultStatus(answer), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
        for (int column = 0; column < 2; column++) {
            cr_expect_eq(PQftype(answer, column), PQftype(right, column));
            cr_expect_eq(PQgetlength(answer, 0, column), PQgetlength(right, 0, column));
            cr_expect_arr_eq(PQgetvalue(answer, 0, column), PQgetvalue(right, 0, column),
                             (size_t) PQgetlength(right, 0, column));
        }
        PQclear(answer);
        PQclear(right);
    }
}

Test(gather, explain_tells_what_is_copied_and_copies_nothing)
{
    EXPECT_LIKE(conn, "EXPLAIN SELECT stddev(age) FROM users WHERE username IN ('anna', 'zoe') AND random() > 0",
                "gathered: users from shard0, shard2: SELECT age FROM public.users WHERE username IN ('anna', 'zoe')\n");
    EXPECT_LIKE(conn, "EXPLAIN SELECT avg(age) FROM users WHERE username IN ('anna', 'zoe')",
                "gathered: users from shard0, shard2: SELECT pg_catalog.sum(age) AS c1, pg_catalog.count(age) AS c2 "
                "FROM public.users WHERE username IN ('anna', 'zoe')\n");
}

Test(gather, a_dying_shard_ends_the_query_with_an_error)
{
    cluster_kill_server(1);
    EXPECT_LIKE(conn, "SELECT avg(age) FROM users", "ERROR 08");
    cluster_start_server(1);
    char *right = ask(oracle, "SELECT avg(age) FROM users");
    EXPECT_SOON(conn, "SELECT avg(age) FROM users", right, 10000);
    free(right);
}

Test(gather_limits, too_many_rows_end_the_query_and_nothing_else, .init = NULL, .timeout = 60)
{
    start_with("gather_max_bytes = 1kB\n");
    EXPECT_ERROR(conn, "SELECT string_agg(username, ',' ORDER BY age, username) FROM users", "54000");
    EXPECT(conn, "SELECT count(*) FROM users", "300");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT_ERROR(conn, "SELECT string_agg(username, ',' ORDER BY age, username) FROM users", "54000");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT avg(age) > 0 FROM users WHERE username >= 'z'", "t");
    stop();
}

/* In binary it is an OID of the home shard's, too, whatever shard the row is on; also where rows go to temporary tables. */
Test(gather, tableoid_is_the_home_shards)
{
    static const char *const all = "SELECT tableoid::regclass, username FROM users ORDER BY username",
                            *const crossed = "SELECT a.tableoid::regclass, count(*), max(b.title) FROM users a, users b GROUP BY 1";
    PGconn *home = connect_server(0);
    PGresult *own = PQexecParams(home, "SELECT 'users'::regclass", 0, NULL, NULL, NULL, NULL, 1);
    const char *statements[] = {all, crossed};
    expect_all_same((const char *const[]){all, crossed, "SELECT tableoid = 'users'::regclass, count(*) FROM users GROUP BY 1", NULL});
    for (int i = 0; i < 4; i++) {
        PQclear(PQexec(conn, i < 2 ? "BEGIN" : "BEGIN READ ONLY"));
        PGresult *found = PQexecParams(conn, statements[i % 2], 0, NULL, NULL, NULL, NULL, 1);
        cr_assert_gt(PQntuples(found), 0, "%s", PQresultErrorMessage(found));
        for (int row = 0; row < PQntuples(found); row++)
            cr_assert_arr_eq(PQgetvalue(found, row, 0), PQgetvalue(own, 0, 0), 4, "%s, row %d", statements[i % 2], row);
        PQclear(found);
        PQclear(PQexec(conn, "ROLLBACK"));
    }
    PQclear(own);
    PQfinish(home);
}

/* One whose name another one hides on the home shard is told with its schema. */
Test(gather, tableoid_of_a_hidden_table_has_its_schema)
{
    EXPECT(conn, "CREATE SCHEMA early", "CREATE SCHEMA");
    EXPECT(conn, "CREATE TABLE early.users (n integer)", "CREATE TABLE");
    EXPECT(conn, "SET search_path = early, public", "SET");
    EXPECT(conn, "SELECT DISTINCT tableoid::regclass FROM public.users", "public.users");
    EXPECT(conn, "SELECT count(DISTINCT tableoid::regclass::text) FROM public.users WHERE tableoid = 'public.users'::regclass", "1");
    EXPECT(conn, "DROP SCHEMA early CASCADE", "DROP SCHEMA");
}
