/*
 * Rows reach the home shard as arrays while they are few, and through temporary tables when they are many or fit no array: the
 * answer is the same, memory is bounded, and whatever ends a gathering ends it for good.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/fixture.h"
#include "tests/integration/raw.h"
#include "tests/integration/watch.h"

enum { SOON_MS = 20000, LIMIT_KB = 64 * 1024 };

static struct keyway keyway;
static PGconn *conn, *oracle;

static void start_with(const char *settings)
{
    keyway_start(&keyway, &(struct keyway_setup){
                              .shards = 3, .settings = settings, .database = "multi_shard_commit = best_effort\n"});
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

TestSuite(gather_ways, .init = start, .fini = stop, .timeout = 120);

static void expect_same(const char *sql)
{
    char *answer = ask(conn, sql), *right = ask(oracle, sql);
    cr_expect_str_eq(answer, right, "%s\n  answered: %.2000s\n  right is: %.2000s", sql, answer, right);
    free(answer);
    free(right);
}

/* Through Keyway and on the one PostgreSQL. */
static void on_both(const char *sql)
{
    char *answer = ask(conn, sql), *right = ask(oracle, sql);
    cr_assert_str_eq(answer, right, "%s: %s", sql, answer);
    free(answer);
    free(right);
}

/* More than is held in memory. */
static void make_rows_large(void)
{
    on_both("UPDATE users SET full_name = left(username, 1) || repeat('x', 5000)");
}

/* What its parts on each shard do not add up to: all rows are needed. */
static const char *const longest = "SELECT length(percentile_disc(1) WITHIN GROUP (ORDER BY full_name)), avg(age) FROM users";

/* ---- types ---- */

/* The last of these rows has nothing but NULLs. */
static const char *const fill_types[] = {
    "i2 = 7, i4 = -70000, i8 = 1 << 40, n = 12345678901234567890.0123, f4 = 1.5, f8 = 'NaN', m = 12.34 WHERE username >= 'b'",
    "t = 'text', v = 'varchar', c = 'ab', na = 'name', ch = 'q', b = '\\x00ff' WHERE username >= 'd'",
    "bo = age > 20, d = '2024-02-29', ti = '23:59:59.999', tz = '12:00+02', ts = 'infinity', iv = '1 mon -3 days 4.5' WHERE username >= 'f'",
    "u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', j = '{\"a\":  1}', jb = '{\"b\": [1, null]}', ne = '10.1.2.3/8', ci = '::/0' WHERE username >= 'h'",
    "ma = '08:00:2b:01:02:03', bi = B'101', vb = B'1', r4 = '[1,5)', rn = '(,1.5]', rt = 'empty', rd = '[2024-01-01,)' WHERE username >= 'q'",
    "mr = '{[1,3),[5,6)}', po = '(1,2)', bx = '(1,1),(0,0)', x = '<a/>', sv = 'a:1 b', sq = 'a & b', ls = '16/B374D848', jp = '$.a' WHERE username >= 'r'",
    NULL};

static void add_columns_of_all_types(void)
{
    char sql[300];
    on_both("ALTER TABLE users ADD COLUMN i2 smallint, ADD COLUMN i4 integer, ADD COLUMN i8 bigint, ADD COLUMN n numeric,"
            " ADD COLUMN f4 real, ADD COLUMN f8 double precision, ADD COLUMN m money, ADD COLUMN t text, ADD COLUMN v varchar(10),"
            " ADD COLUMN c char(4), ADD COLUMN na name, ADD COLUMN ch \"char\", ADD COLUMN b bytea, ADD COLUMN bo boolean, ADD COLUMN d date,"
            " ADD COLUMN ti time(3), ADD COLUMN tz timetz, ADD COLUMN ts timestamp, ADD COLUMN iv interval, ADD COLUMN u uuid,"
            " ADD COLUMN j json, ADD COLUMN jb jsonb, ADD COLUMN ne inet, ADD COLUMN ci cidr, ADD COLUMN ma macaddr, ADD COLUMN bi bit(3),"
            " ADD COLUMN vb varbit, ADD COLUMN r4 int4range, ADD COLUMN rn numrange, ADD COLUMN rt tsrange, ADD COLUMN rd daterange,"
            " ADD COLUMN mr int4multirange, ADD COLUMN po point, ADD COLUMN bx box, ADD COLUMN x xml, ADD COLUMN sv tsvector,"
            " ADD COLUMN sq tsquery, ADD COLUMN ls pg_lsn, ADD COLUMN jp jsonpath");
    for (int i = 0; fill_types[i]; i++) {
        snprintf(sql, sizeof sql, "UPDATE users SET %s", fill_types[i]);
        on_both(sql);
    }
}

static const char *const all_types =
    "SELECT a.username, a.i2, a.i4, a.i8, a.n, a.f4, a.f8, a.m, a.t, a.v, a.c, a.na, a.ch, a.b, a.bo, a.d, a.ti, a.tz, a.ts, a.iv, a.u,"
    " a.j, a.jb, a.ne, a.ci, a.ma, a.bi, a.vb, a.r4, a.rn, a.rt, a.rd, a.mr, a.po, a.bx, a.x, a.sv, a.sq, a.ls, a.jp, a.score, a.created"
    " FROM users a, (SELECT max(age) AS oldest FROM users) b WHERE a.age < b.oldest AND a.age > 10 ORDER BY a.username";

static void expect_same_binary(const char *sql)
{
    PGresult *answer = PQexecParams(conn, sql, 0, NULL, NULL, NULL, NULL, 1);
    PGresult *right = PQexecParams(oracle, sql, 0, NULL, NULL, NULL, NULL, 1);
    cr_assert_eq(PQntuples(answer), PQntuples(right), "%s", PQerrorMessage(conn));
    for (int column = 0; column < PQnfields(right); column++) {
        cr_expect_eq(PQftype(answer, column), PQftype(right, column));
        cr_expect_eq(PQfmod(answer, column), PQfmod(right, column));
        for (int row = 0; row < PQntuples(right); row++)
            cr_expect(PQgetisnull(answer, row, column) == PQgetisnull(right, row, column) &&
                          PQgetlength(answer, row, column) == PQgetlength(right, row, column) &&
                          !memcmp(PQgetvalue(answer, row, column), PQgetvalue(right, row, column),
                                  (size_t) PQgetlength(right, row, column)),
                      "row %d, column %s", row, PQfname(right, column));
    }
    PQclear(answer);
    PQclear(right);
}

Test(gather_ways, values_of_all_built_in_types_travel_as_arrays)
{
    add_columns_of_all_types();
    EXPECT(conn, "BEGIN READ ONLY", "BEGIN");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT"); /* no tables can be made here */
    expect_same(all_types);
    expect_same_binary(all_types);
    EXPECT(conn, "COMMIT", "COMMIT");
}

Test(gather_ways, values_of_all_built_in_types_travel_through_tables)
{
    add_columns_of_all_types();
    on_both("UPDATE users SET t = repeat(username, 1000) WHERE age > 20");
    expect_same(all_types);
    expect_same_binary(all_types);
}

static void expect_way(const char *sql, const char *way)
{
    char *answer = ask(conn, sql);
    cr_expect(strstr(answer, way), "%s: no %s in %s", sql, way, answer);
    free(answer);
}

/* Of arrays, and of what is computed of them, PostgreSQL knows no number: it may join them row by row. */
Test(gather_ways, rows_that_could_make_many_pairs_go_through_tables)
{
    on_both("INSERT INTO users (username, age) SELECT x || i, i FROM generate_series(1, 300) AS i, unnest('{a,q,z}'::text[]) AS x");
    expect_way("EXPLAIN (ANALYZE) SELECT a.username, b.username FROM users a JOIN users b ON a.age = b.age + 1 WHERE b.username < 'b'", "into a temporary table");
    expect_way("EXPLAIN (ANALYZE) WITH s AS (SELECT age, avg(length(username)) AS n, percentile_disc(1) WITHIN GROUP (ORDER BY username) AS p FROM users GROUP BY age) "
               "SELECT count(*) FROM s x JOIN s y ON x.age = y.age JOIN s z ON z.age = y.age + 1", "into a temporary table");
    expect_way("EXPLAIN (ANALYZE) SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY username) FROM users", "as arrays");
    expect_same("WITH s AS (SELECT age, percentile_disc(1) WITHIN GROUP (ORDER BY username) AS p FROM users GROUP BY age) "
                "SELECT count(*), max(x.p || y.p || z.p) FROM s x JOIN s y ON x.age = y.age JOIN s z ON z.age = y.age + 1");
}

Test(gather_ways, arrays_and_a_clients_own_encoding_go_through_tables)
{
    expect_same("SELECT a.tags, b.tags FROM users a JOIN users b ON a.karma = b.karma AND a.username < b.username ORDER BY "
                "a.username, b.username");
    on_both("SET client_encoding = 'LATIN1'");
    expect_same("SELECT full_name, avg(age) FROM users WHERE age > 5 GROUP BY 1 ORDER BY 1");
}

Test(gather_ways, parts_without_rows_are_empty)
{
    expect_same("SELECT avg(age), max(username), count(*) FROM users WHERE age > 100000");
    expect_same("SELECT avg(u.age), count(p.id) FROM users u LEFT JOIN posts p ON p.id = u.age AND p.likes > 100000");
    on_both("DELETE FROM users WHERE username >= 'h'");
    expect_same("SELECT avg(age), stddev(karma) FROM users");
    on_both("DELETE FROM users");
    expect_same("SELECT avg(age), stddev(karma) FROM users");
}

/* ---- many rows ---- */

Test(gather_ways, what_is_held_goes_on_into_the_table)
{
    make_rows_large();
    expect_same("SELECT count(*), count(DISTINCT full_name), sum(length(full_name)), min(full_name), avg(age) FROM users");
    expect_same(longest);
    expect_same("SELECT a.username, b.full_name FROM users a JOIN users b ON a.karma = b.karma AND a.username < b.username ORDER BY 1, 2");
    expect_same("SELECT avg(u.age), count(p.id), sum(length(u.full_name || p.body)) FROM users u JOIN posts p ON p.likes = u.age");
    expect_same("SELECT username, full_name, rank() OVER (ORDER BY karma, username) FROM users ORDER BY 1");
    EXPECT(conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway%'", "0");
}

Test(gather_ways, one_row_that_is_too_large_is_no_different)
{
    on_both("UPDATE users SET full_name = repeat('x', 1000000) WHERE username = 'h'");
    expect_same(longest);
    on_both("UPDATE users SET full_name = repeat('x', 1000000) WHERE username = 'Zed'");
    expect_same(longest);
}

Test(gather_ways, large_gathers_see_the_transactions_own_changes_and_leave_it_as_it_was)
{
    on_both("BEGIN");
    make_rows_large();
    on_both("INSERT INTO users (username, age) VALUES ('anew', 1000), ('znew', 3000)");
    expect_same("SELECT avg(age), percentile_disc(1) WITHIN GROUP (ORDER BY full_name), count(*) FILTER (WHERE age >= 1000) FROM users");
    on_both("SAVEPOINT s");
    expect_same("SELECT avg(1 / (age - 1000)), percentile_disc(1) WITHIN GROUP (ORDER BY full_name) FROM users WHERE age < 2000");
    on_both("ROLLBACK TO s");
    expect_same(longest);
    EXPECT(conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway%'", "0");
    on_both("ROLLBACK");
    expect_same(longest);
}

/* ---- rows by keys that others have ---- */

/* Few rows have few keys; many do without; the rows that have them may be many. */
Test(gather_ways, rows_are_asked_for_by_the_keys_of_others)
{
    static const char few[] = "SELECT f.follower, u.karma FROM follows f JOIN users u ON u.username = f.followee WHERE u.age = 30 ORDER BY 1, 2";
    static const char none[] = "SELECT count(*), max(f.since) FROM follows f JOIN users u ON u.username = f.followee WHERE u.age = -1";
    static const char many[] = "SELECT count(*), sum(length(u.full_name)) FROM follows f JOIN users u ON u.username = f.followee WHERE u.age > 0";
    static const char large[] = "SELECT count(*), sum(length(b.full_name)) FROM users a JOIN users b ON b.karma = a.karma AND b.age > 0 WHERE a.age = 30";
    expect_same(few);
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE SELECT f.follower FROM follows f JOIN users u ON u.username = f.followee WHERE u.username = 'anna'",
                "keyed: follows by few rows of users: SELECT follower, followee FROM public.follows WHERE followee "
                "OPERATOR(pg_catalog.=) ANY($1)\n");
    expect_same(none);
    make_rows_large();
    expect_same(few);
    expect_same(many);
    expect_same(large);
    on_both("BEGIN");
    on_both("UPDATE follows SET since = '2020-01-01' WHERE follower = 'h'");
    expect_same(large);
    expect_same("SELECT min(f.since) FROM follows f JOIN users u ON u.username = f.followee WHERE u.age IN (30, 31, 32, 33)");
    on_both("COMMIT");
    expect_same(many);
    on_both("BEGIN READ ONLY");
    on_both("SAVEPOINT s");
    expect_same(few);
    expect_same(large);
    on_both("COMMIT");
}

/* Of a table on the home shard no more than some are asked for; other rows may outgrow arrays meanwhile. */
Test(gather_ways, rows_are_asked_for_by_the_keys_of_the_home_shard)
{
    static const char few[] = "SELECT u.username, u.karma FROM users u JOIN bonus b ON b.age = u.age WHERE b.grade = 'gold' ORDER BY 1";
    static const char none[] = "SELECT count(*), max(u.karma) FROM users u WHERE u.age IN (SELECT age FROM bonus WHERE grade = 'none')";
    static const char many[] = "SELECT count(*), sum(length(u.full_name)) FROM users u JOIN many m ON m.age = u.age";
    static const char beside[] = "SELECT count(*), sum(length(a.full_name)) FROM users a JOIN bonus b ON b.age = a.age JOIN users c ON c.karma < a.karma "
                                 "WHERE b.grade = 'gold' AND c.full_name > ''";
    static const char chained[] = "SELECT count(*), max(f.since) FROM bonus b, users u, follows f WHERE b.age = u.age AND b.grade = 'gold' AND f.followee = u.username";
    static const char both[] = "SELECT count(*) FROM users u JOIN bonus b ON b.age = u.age JOIN many m ON m.age = u.karma WHERE b.grade = 'gold'";
    static const char *const all[] = {few, none, many, beside, chained, both};
    on_both("CREATE TABLE bonus (age int, grade text)");
    on_both("INSERT INTO bonus VALUES (30, 'gold'), (31, 'gold'), (NULL, 'gold'), (40, 'silver')");
    on_both("CREATE TABLE many AS SELECT i AS age FROM generate_series(-20000, 20000) i");
    for (int large = 0; large < 2; large++) {
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            expect_same(all[i]);
            expect_same_binary(all[i]);
        }
        if (!large)
            make_rows_large();
    }
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE SELECT u.karma FROM users u JOIN bonus b ON b.age = u.age WHERE b.grade = 'gold'",
                "\nkeyed: users by few rows of bonus: ");
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE SELECT u.karma FROM users u JOIN bonus b ON b.age = u.age WHERE b.grade = 'gold'", "\nkeys: bonus: 3 values\n");
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE SELECT u.karma FROM users u JOIN many m ON m.age = u.age", "\nkeys: many: not used, there are too many\n");
    on_both("BEGIN");
    on_both("INSERT INTO bonus VALUES (33, 'gold')");
    on_both("UPDATE users SET age = 33 WHERE username = 'anna'");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        expect_same(all[i]);
    on_both("COMMIT");
    on_both("BEGIN READ ONLY");
    on_both("SAVEPOINT s");
    expect_same(few);
    expect_same(both);
    expect_same(chained);
    on_both("COMMIT");
}

/* What is committed between the question for keys and the query has no partners there, and is not seen either. */
Test(gather_ways, keys_and_rows_of_the_home_shard_are_of_one_snapshot)
{
    static const char sql[] = "SELECT b.age, count(u.username) FROM bonus b LEFT JOIN users u ON u.age = b.age GROUP BY 1 ORDER BY 1";
    on_both("CREATE TABLE bonus (age int)");
    on_both("INSERT INTO bonus VALUES (30), (31)");
    char *right = ask(oracle, sql);
    for (int large = 0; large < 2; large++) {
        PGconn *holder = lock_users(1), *home = connect_server(0);
        cr_assert(PQsendQuery(conn, sql));
        expect_running(1, "%users%", 1);
        EXPECT(home, "INSERT INTO bonus VALUES (33)", "INSERT 0 1");
        PQfinish(holder);
        expect_next(conn, right);
        cr_assert(PQgetResult(conn) == NULL);
        EXPECT(home, "DELETE FROM bonus WHERE age = 33", "DELETE 1");
        PQfinish(home);
        if (!large)
            make_rows_large();
    }
    expect_same(sql);
    EXPECT(conn, "SHOW transaction_isolation", "read committed");
    free(right);
}

/* ---- transactions that may not write ---- */

/* The primary key of a copy. */
static const char of_tables[] = "SELECT a.username, a.age, count(*) FROM users a JOIN users b ON b.karma = a.karma GROUP BY a.username, ROLLUP (b.age) "
                                "ORDER BY 1, 2, b.age";

Test(gather_ways, a_read_only_transaction_may_make_tables_for_a_query)
{
    static const char *const begins[] = {
        "BEGIN READ ONLY -- it ends in a comment",
        "START TRANSACTION READ WRITE, ISOLATION LEVEL REPEATABLE READ, READ ONLY",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
    };
    make_rows_large();
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        on_both(begins[i]);
        expect_same(longest);
        expect_same(of_tables);
        expect_same_binary(of_tables);
        EXPECT(conn, "SHOW transaction_read_only", "on");
        on_both("SAVEPOINT s");
        expect_same("SELECT count(*) FROM users");
        on_both("RELEASE s");
        expect_same(of_tables);
        EXPECT(conn, "SELECT count(*) FROM pg_class WHERE relname LIKE 'keyway%'", "0");
        EXPECT_ERROR(conn, "UPDATE countries SET name = 'x' WHERE code = 'de'", "25006");
        on_both("ROLLBACK");
    }
}

/* The home shard is reached by SET, which does not yet decide what the transaction may do. */
Test(gather_ways, a_read_only_transaction_that_is_set_up_by_and_by_may_make_tables)
{
    on_both("BEGIN");
    on_both("SET LOCAL statement_timeout = '60s'");
    on_both("SET TRANSACTION READ ONLY");
    on_both("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
    expect_same(of_tables);
    EXPECT(conn, "SHOW transaction_read_only", "on");
    EXPECT(conn, "SHOW transaction_isolation", "repeatable read");
    EXPECT_ERROR(conn, "CREATE TABLE anew (a int)", "25006");
    on_both("ROLLBACK");
    on_both("BEGIN READ ONLY");
    on_both("SET TRANSACTION READ WRITE");
    expect_same(of_tables);
    EXPECT(conn, "UPDATE users SET age = age WHERE username = 'h'", "UPDATE 1");
    on_both("ROLLBACK");
    on_both("BEGIN READ ONLY");
    on_both("SET LOCAL transaction_read_only = off");
    expect_same(of_tables);
    EXPECT(conn, "UPDATE users SET age = age WHERE username = 'h'", "UPDATE 1");
    on_both("ROLLBACK");
}

Test(gather_ways, sessions_that_only_read_may_make_tables)
{
    make_rows_large();
    on_both("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
    expect_same(longest);
    expect_same(of_tables);
    EXPECT_ERROR(conn, "UPDATE users SET age = 1 WHERE username = 'h'", "25006");
    on_both("BEGIN ISOLATION LEVEL REPEATABLE READ");
    expect_same(longest);
    expect_same(of_tables);
    on_both("COMMIT");
    on_both("BEGIN READ WRITE");
    EXPECT(conn, "UPDATE users SET age = age WHERE username = 'h'", "UPDATE 1");
    EXPECT_LIKE(conn, of_tables, "|");
    on_both("ROLLBACK");
}

Test(gather_ways, cursors_of_read_only_transactions_keep_their_tables)
{
    make_rows_large();
    on_both("BEGIN READ ONLY");
    on_both("DECLARE c CURSOR FOR SELECT a.username, a.age, b.full_name FROM users a JOIN users b ON b.karma = a.karma ORDER BY 1, 3");
    expect_same("FETCH 2 FROM c");
    expect_same(of_tables);
    expect_same("FETCH 2 FROM c");
    on_both("SAVEPOINT s");
    expect_same("FETCH 2 FROM c");
    EXPECT_ERROR(conn, "CREATE TABLE anew (a int)", "25006");
    on_both("ROLLBACK TO s");
    expect_same("FETCH 1 FROM c");
    on_both("ROLLBACK");
}

Test(gather_ways, behind_a_savepoint_a_read_only_transaction_holds_rows)
{
    make_rows_large();
    on_both("BEGIN READ ONLY");
    on_both("SAVEPOINT s");
    expect_same(longest);
    expect_same("SELECT avg(age) FROM users");
    EXPECT_REFUSED(conn, of_tables);
    EXPECT(conn, "ROLLBACK TO s", "ROLLBACK");
    EXPECT_LIKE(conn, longest, "|");
    EXPECT(conn, "RELEASE s", "RELEASE");
    EXPECT_LIKE(conn, of_tables, "|");
    EXPECT(conn, "COMMIT", "COMMIT");
}

/* Arrays come as their texts; in other transactions they go to tables. */
Test(gather_ways, behind_a_savepoint_a_read_only_transaction_gathers_arrays)
{
    static const char *const queries[] = {
        "SELECT tags, rank() OVER (ORDER BY username) FROM users ORDER BY 2",
        "SELECT min(tags), stddev(age) FROM users",
        "SELECT a.tags, b.tags, a.tags || b.username FROM users a JOIN users b ON a.karma = b.karma AND a.username < b.username ORDER BY "
        "a.username, b.username",
        "SELECT tags, count(*), array_agg(username ORDER BY username) FROM users GROUP BY tags ORDER BY 1",
        "SELECT array_agg(DISTINCT t ORDER BY t) FROM (SELECT array_agg(age ORDER BY age) AS t FROM users GROUP BY username) s",
        "WITH x AS (SELECT karma, array_agg(created ORDER BY username) AS all_of FROM users GROUP BY karma) SELECT x.karma, x.all_of, "
        "y.all_of[1] FROM x JOIN x y ON y.karma = x.karma + 1 ORDER BY 1",
        "SELECT a.codes, a.marks, a.codes[1] || 'x', count(*) FROM users a JOIN users b ON a.karma = b.karma GROUP BY a.username ORDER BY a.username",
    };
    on_both("ALTER TABLE users ADD codes char(4)[], ADD marks bit(3)[]");
    on_both("UPDATE users SET codes = ARRAY['ab', NULL], marks = ARRAY[B'101', B'010'] WHERE age > 10");
    on_both("UPDATE users SET tags = ARRAY[NULL, '', 'a\"b,{}', E'\\\\', 'NULL'] WHERE username > 'm'");
    on_both("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    on_both("SAVEPOINT s");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        expect_same(queries[i]);
        expect_same_binary(queries[i]);
    }
    on_both("COMMIT");
    on_both("BEGIN");
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        expect_same(queries[i]);
    on_both("COMMIT");
    on_both("SET datestyle = 'SQL, DMY'");
    EXPECT(conn, "BEGIN READ ONLY", "BEGIN");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
    EXPECT_REFUSED(conn, queries[0]);
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

Test(gather_ways, where_there_are_no_tables_the_bound_is_another)
{
    PGconn *server = connect_server(2);
    PQclear(PQexec(server, "UPDATE users SET full_name = repeat('x', 1000000)"));
    PQfinish(server);
    EXPECT(conn, "BEGIN READ ONLY", "BEGIN");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
    EXPECT_REFUSED(conn, longest);
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT_LIKE(conn, longest, "1000000|");
}

Test(gather_ways, repeatable_read_sees_one_snapshot_of_each_shard)
{
    EXPECT(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ", "BEGIN");
    static const char *const sql = "SELECT avg(age), percentile_disc(1) WITHIN GROUP (ORDER BY karma) FROM users";
    char *before = ask(conn, sql);
    for (int shard = 0; shard < 3; shard++) {
        PGconn *server = connect_server(shard);
        PQclear(PQexec(server, "UPDATE users SET age = 5, karma = 1"));
        PQfinish(server);
    }
    EXPECT(conn, sql, before);
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, sql, "5.0000000000000000|1");
    free(before);
}

/* ---- memory ---- */

static void fill_with_a_lot(void)
{
    for (int shard = 0; shard < 3; shard++) {
        PGconn *server = connect_server(shard);
        PQclear(PQexec(server, "UPDATE users SET full_name = repeat('x', 1000000)"));
        PQfinish(server);
    }
}

Test(gather_ways, memory_does_not_grow_with_the_rows)
{
    if (sanitized())
        return;
    fill_with_a_lot();
    PGconn *home = lock_users(0);
    cr_assert(PQsendQuery(conn, "SELECT count(*), length(percentile_disc(1) WITHIN GROUP (ORDER BY full_name)), avg(age) > 0 FROM users"));
    expect_running(0, "%users%", 1); /* it waits for its own rows; the others' are left unread */
    PQfinish(home);
    expect_next(conn, "300|1000000|t");
    long most = keyway_rss_kb(&keyway);
    cr_expect_lt(most, LIMIT_KB, "Keyway needed %ld kB", most);
}

/* ---- what ends a gathering ---- */

static void cancel(PGconn *client)
{
    char message[256];
    PGcancel *request = PQgetCancel(client);
    cr_assert(PQcancel(request, message, sizeof message), "%s", message);
    PQfreeCancel(request);
}

Test(gather_ways, types_are_known_where_they_are_written)
{
    expect_same("SELECT sum((string_to_array('1,2,3', ',')::int[])[likes % 4]), avg((concat('{', age, '}')::smallint[])[1]) FROM posts JOIN users USING (username)");
    on_both("SET datestyle = 'SQL, DMY'"); /* values of types that are not known cannot travel under it */
    expect_same("SELECT a.marks, b.n FROM (SELECT DISTINCT array_remove(tags, 't1') AS marks, age FROM users WHERE born <@ '[1970-03-01,1971-02-01)'::daterange) a "
                "JOIN (SELECT likes, count(*) AS n FROM posts GROUP BY likes) b ON b.likes = a.age ORDER BY 1, 2");
}

/* The home shard has told all, and the next part waits for keys: then the last of them come, and rows of another part must wait for its table. */
Test(gather_ways, keys_that_come_late_open_the_tables)
{
    const char *sql = "SELECT count(*), min(x.tags::text) FROM posts p JOIN (SELECT age FROM users WHERE age < 20) u ON p.likes = u.age, "
                      "(SELECT array_remove(tags, 'no') AS tags FROM users ORDER BY 1 LIMIT 3) x";
    PGconn *holder = lock_users(1);
    cr_assert(PQsendQuery(conn, sql));
    expect_running(1, "%users%", 1);
    expect_idle(0, "%users%", 1);
    PQfinish(holder);
    char *right = ask(oracle, sql);
    expect_next(conn, right);
    free(right);
}

static void cancel_while_locked(int shard)
{
    PGconn *holder = lock_users(shard);
    cr_assert(PQsendQuery(conn, longest));
    expect_running(shard, "%users%", 1);
    cancel(conn);
    expect_next(conn, "ERROR 57014: canceling statement due to user request");
    PQfinish(holder);
    expect_same(longest);
}

Test(gather_ways, a_cancel_request_ends_it_on_any_shard)
{
    cancel_while_locked(0);
    cancel_while_locked(1);
    make_rows_large();
    cancel_while_locked(0);
    cancel_while_locked(2);
    EXPECT(conn, "BEGIN", "BEGIN");
    PGconn *holder = lock_users(1);
    cr_assert(PQsendQuery(conn, longest));
    expect_running(1, "%users%", 1);
    cancel(conn);
    expect_next(conn, "ERROR 57014: canceling statement due to user request");
    PQfinish(holder);
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    expect_same(longest);
}

static void lose_while_locked(int shard)
{
    PGconn *holder = lock_users(shard);
    cr_assert(PQsendQuery(conn, longest));
    expect_running(shard, "%users%", 1);
    PGconn *killer = connect_server(shard);
    EXPECT(killer, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1");
    bool timed_out;
    PGresult *result = next_result(conn, SOON_MS, &timed_out);
    cr_assert_not(timed_out);
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "08006");
    PQclear(result);
    cr_assert_null(next_result(conn, SOON_MS, &timed_out));
    PQfinish(killer);
    PQfinish(holder);
    expect_same(longest);
}

Test(gather_ways, a_lost_connection_to_any_shard_ends_it)
{
    lose_while_locked(0);
    lose_while_locked(2);
    make_rows_large();
    lose_while_locked(0);
    lose_while_locked(1);
}

static void leave_while_locked(int shard)
{
    PGconn *holder = lock_users(shard);
    int leaving = raw_login(&keyway);
    raw_query(leaving, longest);
    expect_running(shard, "%users%", 1);
    close(leaving);
    expect_running(shard, "%users%", 0);
    PQfinish(holder);
    expect_same(longest);
}

Test(gather_ways, a_client_that_leaves_takes_it_along)
{
    leave_while_locked(0);
    leave_while_locked(1);
    make_rows_large();
    leave_while_locked(0);
    leave_while_locked(2);
}

static void expect_same_error(const char *sql)
{
    PGresult *answer = PQexec(conn, sql), *right = PQexec(oracle, sql);
    static const int fields[] = {PG_DIAG_SQLSTATE, PG_DIAG_MESSAGE_PRIMARY, PG_DIAG_STATEMENT_POSITION, PG_DIAG_MESSAGE_DETAIL};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *left = PQresultErrorField(answer, fields[i]), *wanted = PQresultErrorField(right, fields[i]);
        cr_expect_str_eq(left ? left : "", wanted ? wanted : "", "%s", sql);
    }
    PQclear(answer);
    PQclear(right);
}

Test(gather_ways, a_mistake_in_the_statement_is_told_as_postgresql_tells_it)
{
    for (int i = 0; i < 20; i++) {
        expect_same_error("SELECT avg(age) FROM users WHERE age > 'x'");
        expect_same_error("SELECT avg(agee) FROM users");
        expect_same_error("SELECT avg(username) FROM users");
        expect_same_error("SELECT avg(age), username FROM users");
    }
    make_rows_large();
    expect_same_error("SELECT percentile_disc(1) WITHIN GROUP (ORDER BY full_name) FROM users WHERE age > 'x'");
    expect_same("SELECT avg(age) FROM users");
}

/* ---- protocol ---- */

Test(gather_ways, parameters_are_those_of_the_statement)
{
    static const char *const sql =
        "SELECT u.username, p.id, $2::text FROM users u, posts p WHERE u.age = p.likes AND u.age > $1 AND u.country = $3 ORDER BY 1, 2";
    const char *values[] = {"20", "any", "de"};
    for (int large = 0; large < 2; large++) {
        char *answer = ask_params(conn, sql, 3, values), *right = ask_params(oracle, sql, 3, values);
        cr_expect_str_eq(answer, right);
        free(answer);
        free(right);
        PGresult *result = PQexecParams(conn, sql, 2, NULL, values, NULL, NULL, 0);
        cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "08P01");
        PQclear(result);
        on_both("UPDATE posts SET body = repeat('y', 5000)");
    }
}

/* As drivers send what an ORM makes of literals: each is a parameter, with its type or without. */
Test(gather_ways, parameters_have_the_types_that_parse_or_their_place_tells)
{
    static const struct {
        const char *sql;
        Oid types[3];
    } queries[] = {
        {"SELECT sum(coalesce(age, $1)), avg(CASE WHEN country = $2 THEN age ELSE $3 END) FROM users", {0, 0, 0}},
        {"SELECT sum(coalesce(age, $1)), sum(CASE WHEN country = $2 THEN age ELSE $3 END) + 1 FROM users", {1700, 25, 20}},
        {"SELECT sum(CASE WHEN country = $2 THEN $1 ELSE $3 END) FROM users", {23, 1043, 1700}},
        {"SELECT avg($1), sum(greatest(age, $3)) FROM users WHERE country <> $2", {23, 0, 0}},
        {"SELECT max(coalesce(country, $2)), stddev(nullif(age, $1)) FROM users WHERE age > $3", {0, 0, 0}},
        {"SELECT sum(least($1, $3)) FROM users HAVING min(country) <> $2", {1700, 0, 20}},
    };
    const char *values[] = {"20", "de", "30"};
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        PGresult *answer = PQexecParams(conn, queries[i].sql, 3, queries[i].types, values, NULL, NULL, 0);
        PGresult *right = PQexecParams(oracle, queries[i].sql, 3, queries[i].types, values, NULL, NULL, 0);
        cr_expect_eq(PQresultStatus(answer), PGRES_TUPLES_OK, "%s: %s", queries[i].sql, PQresultErrorMessage(answer));
        for (int column = 0; column < PQnfields(right) && PQntuples(answer) == 1; column++) {
            cr_expect_eq(PQftype(answer, column), PQftype(right, column));
            cr_expect_str_eq(PQgetvalue(answer, 0, column), PQgetvalue(right, 0, column), "%s", queries[i].sql);
        }
        PQclear(answer);
        PQclear(right);
    }
}

Test(gather_ways, the_types_of_parameters_are_taken_for_granted_but_checked)
{
    static const char *const sql = "SELECT string_agg(username, ',' ORDER BY age, username) FROM users WHERE age > $1";
    const char *values[] = {"57"};
    char *right = ask_params(oracle, sql, 1, values);
    for (int i = 0; i < 4; i++) {
        char *answer = ask_params(conn, sql, 1, values);
        cr_expect(i == 2 ? !strncmp(answer, "ERROR 0A000", 11) : !strcmp(answer, right), "%s", answer);
        free(answer);
        for (int shard = 0; i == 1 && shard < 3; shard++) {
            PGconn *server = connect_server(shard);
            EXPECT(server, "ALTER TABLE users ALTER COLUMN age TYPE bigint", "ALTER TABLE");
            PQfinish(server);
        }
    }
    free(right);
}

Test(gather_ways, several_in_one_pipeline)
{
    make_rows_large();
    cr_assert(PQenterPipelineMode(conn));
    for (int i = 0; i < 5; i++)
        cr_assert(PQsendQueryParams(conn, i % 2 ? longest : "SELECT avg(age) FROM users", 0, NULL, NULL, NULL, NULL, 0));
    cr_assert(PQpipelineSync(conn));
    char *small = ask(oracle, "SELECT avg(age) FROM users"), *large = ask(oracle, longest);
    for (int i = 0; i < 5; i++) {
        bool timed_out;
        expect_next_of_pipeline(conn, i % 2 ? large : small);
        cr_assert_null(next_result(conn, SOON_MS, &timed_out));
    }
    free(small);
    free(large);
}

/* ---- several clients ---- */

Test(gather_ways_workers, clients_of_several_workers_do_not_mix, .init = NULL, .timeout = 120)
{
    enum { CLIENTS = 80, ROUNDS = 5 };
    static PGconn *clients[CLIENTS];
    start_with("workers = 3\nworker_load = 0\n");
    make_rows_large();
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_keyway(&keyway, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        char sql[200];
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(sql, sizeof sql, "SELECT %d + count(*) FROM users a, users b WHERE a.age = b.age AND a.age > 30%s", i,
                     i % 4 ? "" : " AND a.full_name || b.full_name <> ''");
            cr_assert(PQsendQuery(clients[i], sql));
        }
        for (int i = 0; i < CLIENTS; i++) {
            snprintf(sql, sizeof sql, "SELECT %d + count(*) FROM users a, users b WHERE a.age = b.age AND a.age > 30", i);
            char *right = ask(oracle, sql);
            expect_next(clients[i], right);
            free(right);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        PQfinish(clients[i]);
    stop();
}
