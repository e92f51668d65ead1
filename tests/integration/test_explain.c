/*
 * EXPLAIN tells the router's plan and each shard's own; cursors are found on the shard where they were
 * declared.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *conn;

static void start(void)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
    conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anna', 1), ('henry', 2), ('zoe', 3), ('zed', 4)",
           "INSERT 0 4");
}

static void stop(void)
{
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(explain, .init = start, .fini = stop, .timeout = 60);

Test(explain, of_one_shard_names_it_above_its_plan)
{
    EXPECT(conn, "EXPLAIN (COSTS OFF) SELECT age FROM users WHERE username = 'zoe'",
           "single: all rows that matter are on one shard\nshards: shard2\nfacts: users: username = 'zoe'\n"
           "Index Scan using users_pkey on users\n  Index Cond: (username = 'zoe'::text)");
}

Test(explain, of_several_shards_shows_each_ones_plan_under_its_name)
{
    EXPECT(conn,
           "EXPLAIN (COSTS OFF) SELECT age FROM countries, users WHERE username IN ('anna', 'zoe') AND false",
           "concat: rows of users are independent, countries is on every shard\nshards: shard0, shard2\nfacts: users: username in "
           "('anna', 'zoe')\n"
           "Shard shard0\n  Result\n    One-Time Filter: false\nShard shard2\n  Result\n    One-Time Filter: "
           "false");
}

Test(explain, tells_facts_that_leave_shards_out_and_no_others)
{
    EXPECT_LIKE(conn, "EXPLAIN SELECT u.age FROM users u LEFT JOIN posts p ON p.username = u.username AND p.username = 'zoe' WHERE u.username > ''",
                "\nshards: shard0, shard1, shard2\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN SELECT age FROM users WHERE username > 'h'", "\nshards: shard1, shard2\nfacts: users: username > 'h'\nShard shard1\n");
}

Test(explain, says_what_becomes_of_the_shards_rows)
{
    EXPECT_LIKE(conn, "EXPLAIN SELECT username FROM users ORDER BY age DESC, username NULLS FIRST LIMIT 3 OFFSET 1",
                "merged: by 2 DESC, 1 NULLS FIRST\nlimited: LIMIT 3 OFFSET 1\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN SELECT count(*), 'x', min(age), bool_or(age > 2) FROM users", "combined: 1 sum, 3 min, 4 bool_or\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN SELECT age, count(*) FROM users GROUP BY age ORDER BY count(*) DESC, age LIMIT 2",
                "combine: rows of users are independent, groups meet in the order of their keys\nshards: shard0, shard1, shard2\n"
                "statement: SELECT age, count(*) FROM users GROUP BY age ORDER BY 1 ASC NULLS LAST\n"
                "merged: by 1\ncombined: 2 sum\nranked: by 2 DESC, 1\nlimited: LIMIT 2\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN SELECT age FROM users UNION SELECT likes FROM posts",
                "combine: UNION has each row of users and posts once, equal ones meet in their order\n");
    EXPECT_LIKE(conn, "EXPLAIN SELECT username FROM users LIMIT 2", "shards: shard0, shard1, shard2\nlimited: LIMIT 2\nShard shard0\n");
}

Test(explain, analyze_runs_the_statement_on_its_shards)
{
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) UPDATE users SET age = age + 10",
                "Shard shard1\n  Update on users (actual rows=0 loops=1)");
    EXPECT(conn, "SELECT sum(age) FROM users", "50");
}

static void expect_in_json(const char *sql, const char *expression, const char *expected)
{
    char *json = ask(conn, sql), question[16000];
    PGconn *server = connect_server(0);
    char *quoted = PQescapeLiteral(server, json, strlen(json));
    snprintf(question, sizeof question, "SELECT string_agg(%s, ' ') FROM json_array_elements(%s::json) AS e", expression, quoted);
    EXPECT(server, question, expected);
    PQfreemem(quoted);
    PQfinish(server);
    free(json);
}

Test(explain, in_json_is_one_array_of_all_shards_plans)
{
    expect_in_json("EXPLAIN (FORMAT JSON, COSTS OFF) SELECT count(*) FROM users",
                   "concat(e ->> 'Shard', ':', e -> 'Plan' ->> 'Node Type', ':', e -> 'Keyway' ->> 1)",
                   "shard0:Aggregate:shards: shard0, shard1, shard2 shard1:Aggregate: shard2:Aggregate:");
}

/* ---- what the shards send ---- */

Test(explain, analyze_tells_how_many_rows_each_shard_sends)
{
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, TIMING OFF) SELECT age FROM users", "\nmoved: 4 rows, about 16 bytes (shard0 1, shard1 1, shard2 2)\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE SELECT username FROM users ORDER BY age DESC LIMIT 1", "(shard0 1, shard1 1, shard2 1)\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, COSTS OFF) SELECT age, count(*) FROM users WHERE username > 'b' GROUP BY age ORDER BY 2, 1 LIMIT 1",
                "\nlimited: LIMIT 1\nmoved: 3 rows (shard0 0, shard1 1, shard2 2)\nShard shard0\n");
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, COSTS OFF) SELECT age FROM users WHERE username = 'anna'", "\nmoved: 1 row\nIndex Scan");
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, COSTS OFF) SELECT age FROM users AS \"(cost=1 width=9) (actual rows=7 loops=1)\" WHERE age > 1",
                "\nmoved: 3 rows (shard0 0, shard1 1, shard2 2)\n");
}

Test(explain, analyze_tells_rows_of_returning_and_of_no_other_change)
{
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, TIMING OFF) UPDATE users SET age = 5 WHERE age > 1 RETURNING username",
                "\nmoved: 3 rows (shard0 0, shard1 1, shard2 2)\nShard shard0\n  Update on users");
    char *answer = ask(conn, "EXPLAIN ANALYZE DELETE FROM users");
    cr_expect(strstr(answer, "Delete on users") && !strstr(answer, "moved:"), "%s", answer);
    free(answer);
}

Test(explain, analyze_in_json_counts_the_rows_of_each_shard)
{
    expect_in_json("EXPLAIN (ANALYZE, FORMAT JSON) SELECT age FROM users AS \"\"\"Actual Rows\"\": 9\"",
                   "concat(e ->> 'Shard', ':', e ->> 'Moved Rows', ':', e -> 'Keyway' ->> -1)",
                   "shard0:1:moved: 4 rows, about 16 bytes (shard0 1, shard1 1, shard2 2) shard1:1: shard2:2:");
    expect_in_json("EXPLAIN (ANALYZE, FORMAT JSON) UPDATE users SET age = 5", "concat(e ->> 'Shard', ':', e ->> 'Moved Rows')",
                   "shard0: shard1: shard2:");
}

/* ---- what is refused ---- */

Test(explain, of_what_is_refused_finds_mistakes_first)
{
    EXPECT_REFUSED(conn, "EXPLAIN SELECT array_agg(age) FROM users");
    EXPECT_ERROR(conn, "EXPLAIN SELECT array_agg(nothing) FROM users", "42703");
    EXPECT_ERROR(conn, "EXPLAIN ANALYZE SELECT array_agg(age), nothing() FROM users", "42883");
}

/* ---- in other formats ---- */

#define YAML_PLAN                                                                                            \
    "  Moved Rows: 0\n  Plan: \n    Node Type: \"Result\"\n    Parallel Aware: false\n    Async Capable: false\n    Actual Rows: 0\n" \
    "    Actual Loops: 1\n    One-Time Filter: \"false\"\n  Triggers: "

Test(explain, in_yaml_is_one_list_of_all_shards_plans)
{
    EXPECT(conn, "EXPLAIN (FORMAT YAML, ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT age FROM users WHERE username IN ('anna', 'zoe') AND false",
           "- Keyway: \n    - \"concat: rows of users are independent\"\n    - \"shards: shard0, shard2\"\n    - \"facts: users: username in ('anna', 'zoe')\"\n"
           "    - \"moved: 0 rows (shard0 0, shard2 0)\"\n  Shard: \"shard0\"\n" YAML_PLAN "\n- Shard: \"shard2\"\n" YAML_PLAN);
    EXPECT_LIKE(conn, "EXPLAIN (FORMAT YAML, ANALYZE, COSTS OFF) SELECT age FROM users AS \"\n    Actual Rows: 7\" WHERE age > 1",
                "\"moved: 3 rows (shard0 0, shard1 1, shard2 2)\"");
    EXPECT_LIKE(conn, "EXPLAIN (FORMAT YAML) SELECT avg(age) FROM users", "\n- Shard: \"shard2\"\n  Part: 1\n  Gathered: \"users\"\n  Plan: \n    Node Type: ");
    EXPECT_ERROR(conn, "EXPLAIN (FORMAT nonsense) SELECT avg(age) FROM users", "22023");
    EXPECT_ERROR(conn, "EXPLAIN (FORMAT 'YAML') SELECT count(*) FROM users", "22023");
}

Test(explain, in_xml_is_one_document_of_all_shards_plans)
{
    char *xml = ask(conn, "EXPLAIN (FORMAT XML, ANALYZE) SELECT count(*), '<&>' FROM users WHERE full_name < '<&>' HAVING true"), question[16000];
    PGconn *server = connect_server(0);
    char *quoted = PQescapeLiteral(server, xml, strlen(xml));
    snprintf(question, sizeof question,
             "SELECT string_agg(concat(shard, ':', part, ':', moved, ':', node), ' '), max(line) FROM XMLTABLE(XMLNAMESPACES "
             "('http://www.postgresql.org/2009/explain' AS e), '/e:explain/e:Query' PASSING (%s::xml) COLUMNS shard text PATH 'e:Shard', part text PATH "
             "'e:Part', moved text PATH 'e:Moved-Rows', node text PATH 'e:Plan/e:Node-Type', line text PATH 'e:Keyway/e:Item[2]') AS x",
             quoted);
    EXPECT(server, question, "shard0:::Aggregate shard0:1::Aggregate shard1:1:1:Aggregate shard2:1:1:Aggregate|shards: shard0, shard1, shard2");
    PQfreemem(quoted);
    PQfinish(server);
    free(xml);
}

/* ---- of gathered rows ---- */

Test(explain, of_gathered_rows_shows_what_each_shard_does_for_them)
{
    EXPECT(conn, "EXPLAIN (COSTS OFF) SELECT string_agg(username, ',' ORDER BY age, username) FROM users WHERE username IN ('anna', 'zoe') AND false",
           "gather: the home shard answers over rows found in users (string_agg() is not what Keyway itself combines.)\n"
           "shards: shard0, shard2\nfacts: users: username in ('anna', 'zoe')\n"
           "gathered: users from shard0, shard2: SELECT username AS c1, age AS c2 FROM public.users WHERE username IN ('anna', 'zoe') AND false\n"
           "statement: SELECT string_agg(\"keyway: rows\".c1, ',' ORDER BY \"keyway: rows\".c2, \"keyway: rows\".c1) AS string_agg "
           "FROM pg_temp.\"keyway: gathered 1\" \"keyway: rows\"\n"
           "planned: when the rows have come (EXPLAIN ANALYZE shows how)\n"
           "Shard shard0, gathered 1: users\n  Result\n    One-Time Filter: false\n"
           "Shard shard2, gathered 1: users\n  Result\n    One-Time Filter: false");
    EXPECT_LIKE(conn, "EXPLAIN SELECT sum(a.age * b.age) FROM users a, users b WHERE a.age = b.age AND b.age > 2",
                "\nShard shard1, gathered 1: users\n  Seq Scan on users");
}

Test(explain, analyze_of_gathered_rows_moves_them_and_says_how_many)
{
    static const char *const sql =
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT string_agg(full_name, ',' ORDER BY age, username) FROM users";
    static const char *const parts = "Shard shard0, gathered 1: users\n  Seq Scan on users (actual rows=1 loops=1)\n"
                                     "Shard shard1, gathered 1: users\n  Seq Scan on users (actual rows=1 loops=1)\n"
                                     "Shard shard2, gathered 1: users\n  Seq Scan on users (actual rows=2 loops=1)";
    EXPECT_LIKE(conn, sql, "moved: users: 3 rows, 65 bytes, as arrays (shard1 1, shard2 2)\nShard shard0, over gathered rows\n  Aggregate (actual rows=1");
    EXPECT_LIKE(conn, sql, parts);
    EXPECT(conn, "UPDATE users SET full_name = repeat('x', 300000)", "UPDATE 4");
    EXPECT_LIKE(conn, sql,
                "moved: users: 3 rows, 900065 bytes, into a temporary table (shard1 1, shard2 2)\nShard shard0, over gathered rows\n  Aggregate");
    EXPECT_LIKE(conn, sql, "(actual rows=4 loops=1)\nShard shard0, gathered 1: users\n");
    EXPECT_LIKE(conn, sql, parts);
    EXPECT_ERROR(conn, "EXPLAIN ANALYZE SELECT string_agg((1 / (age - age))::text, ',' ORDER BY username) FROM users", "22012");
    EXPECT_ERROR(conn, "EXPLAIN ANALYZE SELECT string_agg(nothing, ',' ORDER BY username) FROM users", "42703");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE DECLARE c CURSOR FOR SELECT full_name FROM users", "moved: users: 3 rows");
    EXPECT_ERROR(conn, "FETCH c", "34000");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT sum(age) FROM users", "10");
}

Test(explain, of_rows_that_only_tables_can_hold_shows_the_home_shards_part_too)
{
    static const char *const sql = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT u FROM users u JOIN posts p ON p.id = u.age";
    EXPECT_LIKE(conn, sql, "Shard shard0, gathered 1: users\n  Seq Scan on users (actual rows=1 loops=1)\nShard shard1, gathered 1: users\n");
    EXPECT_LIKE(conn, sql, "Shard shard2, gathered 2: posts\n  Seq Scan on posts (actual rows=0 loops=1)");
}

#define JOIN "users u JOIN posts p ON p.id = u.karma WHERE u.username IN ('anna', 'zoe')"

Test(explain, of_rows_that_are_asked_for_by_keys_shows_how_they_were_asked_for)
{
    static const char *const sql = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT p.likes, u.full_name FROM " JOIN;
    EXPECT(conn, "UPDATE users SET karma = age", "UPDATE 4");
    EXPECT(conn, "INSERT INTO posts (username, id, likes) VALUES ('henry', 1, 7), ('zed', 3, 8), ('zed', 4, 9)", "INSERT 0 3");
    EXPECT_LIKE(conn, "EXPLAIN (COSTS OFF) SELECT p.likes FROM " JOIN, "Shard shard0, gathered 2: posts, without keys\n  Seq Scan on posts\nShard shard1");
    EXPECT_LIKE(conn, sql, "moved 1: users: 1 row, 18 bytes, as arrays (shard2 1)\nmoved 2: posts: 2 rows, 36 bytes, as arrays (shard1 1, shard2 1)\n");
    EXPECT_LIKE(conn, sql,
                "Shard shard2, gathered 2: posts, by keys\n  Seq Scan on posts (actual rows=1 loops=1)\n"
                "    Filter: (id = ANY ('{1,3}'::bigint[]))\n    Rows Removed by Filter: 1");
    EXPECT(conn, "UPDATE users SET full_name = repeat('x', 300000)", "UPDATE 4");
    EXPECT_LIKE(conn, sql, "Shard shard0, gathered 2: posts, without keys\n  Seq Scan on posts (actual rows=0 loops=1)\nShard shard1, gathered 2: posts, ");
}

Test(explain, of_gathered_rows_in_json)
{
    static const char *const ours = "concat(e ->> 'Shard', ':', e ->> 'Part', ':', e ->> 'Gathered', ':', e -> 'Plan' ->> 'Node Type')";
    expect_in_json("EXPLAIN (FORMAT JSON) SELECT sum(a.age * b.age) FROM users a, users b WHERE a.age = b.age AND b.username >= 'z'", ours,
                   "shard2:1:users:Seq Scan shard0:2:users:Seq Scan shard1:2:users:Seq Scan shard2:2:users:Seq Scan");
    expect_in_json("EXPLAIN (ANALYZE, FORMAT JSON) SELECT avg(age) FROM users", ours,
                   "shard0:::Aggregate shard0:1:users:Aggregate shard1:1:users:Aggregate shard2:1:users:Aggregate");
    expect_in_json("EXPLAIN (ANALYZE, FORMAT JSON) SELECT sum(a.age * b.age) FROM users a, users b WHERE a.age = b.age",
                   "concat(e ->> 'Shard', ':', e -> 'Plan' ->> 'Actual Rows', ':', e ->> 'Moved Rows', ':', e ->> 'Moved Bytes', ':', e -> 'Keyway' ->> -1)",
                   "shard0:1:::moved: users: 3 rows, 30 bytes, as arrays (shard1 1, shard2 2) shard0:1::: shard1:1:1:10: shard2:2:2:20:");
}

Test(explain, of_gathered_rows_with_parameters)
{
    const char *values[] = {"2"};
    char *answer = ask_params(conn, "EXPLAIN (COSTS OFF) SELECT sum(a.age * b.age) FROM users a, users b WHERE a.age = b.age AND b.age > $1", 1, values);
    cr_expect(strstr(answer, "gathered 1: users from shard0, shard1, shard2"), "%s", answer);
    cr_expect(strstr(answer, "\nShard shard1, gathered 1: users\n  Seq Scan on users b\n    Filter: (age > 2)\n"), "%s", answer);
    free(answer);
    answer = ask_params(conn, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT sum(a.age * b.age) FROM users a, users b WHERE a.age = b.age AND b.age > $1", 1, values);
    cr_expect(strstr(answer, "\nkeyed: users by few rows of users: SELECT age FROM public.users WHERE age OPERATOR(pg_catalog.=) ANY($1)\n"),
              "%s", answer);
    cr_expect(strstr(answer, "moved 1: users: 2 rows"), "%s", answer);
    cr_expect(strstr(answer, "\nShard shard2, gathered 1: users\n  Seq Scan on users b (actual rows=2 loops=1)\n    Filter: (age > 2)\n"), "%s", answer);
    free(answer);
}

Test(explain, of_groups_that_are_joined)
{
    static const char *const sql = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT b.country, count(*) FROM users a, users b "
                                   "WHERE a.age = b.age AND b.username = 'zoe' GROUP BY b.country";
    EXPECT_LIKE(conn, sql, "gather: the home shard answers over rows of users, partial groups of users (");
    EXPECT_LIKE(conn, sql, "\ngathered 2: users from shard0, shard1, shard2: SELECT a.age AS c1, pg_catalog.count(*) AS c2 FROM public.users a GROUP BY a.age\n");
    EXPECT_LIKE(conn, sql, "\nkeyed: users by few rows of users: SELECT * FROM (");
    EXPECT_LIKE(conn, sql, "\nmoved 1: users: 1 row, ");
    EXPECT_LIKE(conn, sql, "\nmoved 2: users: 1 row, ");
    EXPECT_LIKE(conn, sql, "\nShard shard1, gathered 2: users, by keys\n");
}

Test(explain, of_a_prepared_statement_over_gathered_rows)
{
    EXPECT(conn, "PREPARE p (integer) AS SELECT avg(age) FROM users WHERE age > $1", "PREPARE");
    EXPECT_LIKE(conn, "EXPLAIN (COSTS OFF) EXECUTE p (length('abc'))", "Shard shard2, gathered 1: users\n  Aggregate\n    ->  Seq Scan on users\n          Filter: (age > 3)");
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, COSTS OFF) EXECUTE p (3)", "moved: users: 2 rows, 44 bytes, as arrays (shard1 1, shard2 1)\n");
    EXPECT_ERROR(conn, "EXPLAIN EXECUTE p ('x')", "22P02");
}

Test(explain, of_gathered_rows_in_transactions)
{
    static const char *const sql = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT string_agg(full_name, ',' ORDER BY username) FROM users";
    EXPECT(conn, "BEGIN READ ONLY", "BEGIN");
    EXPECT_LIKE(conn, "EXPLAIN SELECT avg(age) FROM users", "Shard shard2, gathered 1: users\n");
    EXPECT_LIKE(conn, sql, "Shard shard2, gathered 1: users\n  Seq Scan on users (actual rows=2 loops=1)");
    EXPECT_ERROR(conn, "UPDATE users SET age = 0", "25006");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET full_name = repeat('x', 300000)", "UPDATE 4");
    EXPECT(conn, "DELETE FROM users WHERE username = 'zed'", "DELETE 1");
    EXPECT_LIKE(conn, sql, "Shard shard2, gathered 1: users\n  Seq Scan on users (actual rows=1 loops=1)");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
    EXPECT_ERROR(conn, "EXPLAIN ANALYZE SELECT avg(1 / (age - 2)) FROM users", "22012");
    EXPECT(conn, "ROLLBACK TO s", "ROLLBACK");
    EXPECT_LIKE(conn, sql, "moved: users: 2 rows");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT avg(age) FROM users", "2.0000000000000000");
}

Test(explain, options_reach_the_plan_of_each_part)
{
    EXPECT_LIKE(conn, "EXPLAIN (VERBOSE, COSTS OFF) SELECT avg(age) FROM users",
                "Shard shard1, gathered 1: users\n  Aggregate\n    Output: sum(age), count(age)\n    ->  Seq Scan on public.users");
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) SELECT avg(age) FROM users", "          Buffers: shared hit=1\n");
    EXPECT_LIKE(conn, "EXPLAIN (SUMMARY, COSTS OFF) SELECT avg(age) FROM users", "->  Seq Scan on users\n  Planning Time: ");
    EXPECT_ERROR(conn, "EXPLAIN (NONSENSE) SELECT avg(age) FROM users", "42601");
    EXPECT_ERROR(conn, "EXPLAIN (BUFFERS, TIMING) SELECT avg(age) FROM users", "22023");
}

/* ---- what ends it ---- */

enum { SOON_MS = 20000 };

static void expect_ended_while_locked(int shard, bool by_cancel)
{
    PGconn *holder = lock_users(shard);
    cr_assert(PQsendQuery(conn, "EXPLAIN ANALYZE SELECT string_agg(username, ',' ORDER BY age) FROM users"));
    expect_running(shard, "%users%", 1);
    if (by_cancel) {
        char message[256];
        PGcancel *request = PQgetCancel(conn);
        cr_assert(PQcancel(request, message, sizeof message), "%s", message);
        PQfreeCancel(request);
        expect_next(conn, "ERROR 57014: canceling statement due to user request");
    } else {
        PGconn *killer = connect_server(shard);
        EXPECT(killer, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1");
        PQfinish(killer);
        bool timed_out;
        PGresult *result = next_result(conn, SOON_MS, &timed_out);
        cr_assert_not(timed_out);
        cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "08006");
        PQclear(result);
        cr_assert_null(next_result(conn, SOON_MS, &timed_out));
    }
    PQfinish(holder);
    EXPECT_LIKE(conn, "EXPLAIN ANALYZE SELECT string_agg(username, ',' ORDER BY age) FROM users", "moved: users: 3 rows");
}

Test(explain, of_gathered_rows_ends_with_a_cancel_request_and_with_a_server)
{
    expect_ended_while_locked(0, true);
    expect_ended_while_locked(2, true);
    expect_ended_while_locked(0, false);
    expect_ended_while_locked(1, false);
    PGconn *console = connect_console(&keyway);
    expect_pool(console, "sv_active", 0);
    PQfinish(console);
}

Test(explain, a_cursor_is_found_where_it_was_declared)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "DECLARE late CURSOR FOR SELECT username FROM users WHERE username >= 'z' ORDER BY username",
           "DECLARE CURSOR");
    EXPECT(conn, "DECLARE early SCROLL CURSOR FOR SELECT username FROM users WHERE username = 'anna'",
           "DECLARE CURSOR");
    EXPECT(conn, "FETCH 1 FROM late", "zed");
    EXPECT(conn, "FETCH early", "anna");
    EXPECT(conn, "FETCH ALL late", "zoe");
    EXPECT(conn, "CLOSE late", "CLOSE CURSOR");
    EXPECT(conn, "MOVE BACKWARD 1 IN early", "MOVE 0");
    EXPECT(conn, "CLOSE ALL", "CLOSE CURSOR ALL");
    EXPECT_ERROR(conn, "FETCH early", "34000");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

Test(explain, a_cursor_with_hold_outlives_its_transaction_on_its_shard)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn,
           "DECLARE held CURSOR WITH HOLD FOR SELECT username FROM users WHERE username >= 'z' ORDER BY "
           "username",
           "DECLARE CURSOR");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT age FROM users WHERE username = 'anna'", "1");
    EXPECT(conn, "FETCH 2 FROM held", "zed\nzoe");
    EXPECT(conn, "CLOSE held", "CLOSE CURSOR");
    EXPECT_ERROR(conn, "FETCH held", "34000");
}

/* ---- of rows that are computed first ---- */

Test(explain, of_computed_rows_shows_what_computes_them_and_runs_nothing)
{
    EXPECT(conn, "CREATE SEQUENCE numbers", "CREATE SEQUENCE");
    EXPECT(conn, "EXPLAIN (COSTS OFF) INSERT INTO users (username) SELECT 'u' || nextval('numbers') FROM generate_series(1, 3) ON CONFLICT DO NOTHING",
           "split: each row goes to the shard of its key\nshards: as the computed keys say, of shard0, shard1, shard2\n"
           "computed: on shard0: SELECT keyway.*, pg_catalog.pg_typeof(keyway.v0) FROM (SELECT 1) one LEFT JOIN (SELECT true AS present, keyway.* "
           "FROM (SELECT 'u' || nextval('numbers') FROM generate_series(1, 3)) keyway(v0) OFFSET 0) keyway ON true\n"
           "statement: INSERT INTO users (username) VALUES … ON CONFLICT DO NOTHING\n"
           "Nested Loop Left Join\n  ->  Result\n  ->  Subquery Scan on keyway\n        ->  Function Scan on generate_series");
    EXPECT_LIKE(conn, "EXPLAIN (COSTS OFF) INSERT INTO users (username, age) VALUES (lower('Z'), 1), ('b', 2) RETURNING age",
                "computed: on shard0: SELECT v0, pg_catalog.pg_typeof(v0) FROM (SELECT lower('Z') AS v0 OFFSET 0) AS keyway\n"
                "statement: INSERT INTO users (username, age) VALUES … RETURNING age\n");
    EXPECT_LIKE(conn, "EXPLAIN INSERT INTO users (username) VALUES (lower('Z'))",
                "single: the row goes to the shard of its key\nshards: as the computed keys say, of shard0, shard1, shard2\ncomputed: on shard0: SELECT v0, ");
    EXPECT_LIKE(conn, "EXPLAIN INSERT INTO countries SELECT code || 1 FROM countries LIMIT 2", "shards: shard0, shard1, shard2\ncomputed: on shard0:");
    EXPECT(conn, "SELECT count(*) FROM users", "4");
    EXPECT(conn, "SELECT is_called FROM numbers", "f");
}

Test(explain, of_computed_rows_takes_parameters_and_prepared_statements)
{
    const char *values[] = {"3"};
    char *answer = ask_params(conn, "EXPLAIN (COSTS OFF) INSERT INTO users (username) SELECT 'u' || g FROM generate_series(1, $1::integer) AS g", 1, values);
    cr_expect(strstr(answer, "FROM generate_series(1, $1::int) g"), "%s", answer);
    cr_expect(strstr(answer, "->  Function Scan on generate_series g"), "%s", answer);
    free(answer);
    EXPECT(conn, "PREPARE p AS INSERT INTO users (username) SELECT 'u' || g FROM generate_series(1, $1::integer) AS g", "PREPARE");
    EXPECT_LIKE(conn, "EXPLAIN EXECUTE p (3)", "computed: on shard0: SELECT keyway.*");
    EXPECT(conn, "EXECUTE p (3)", "INSERT 0 3");
    EXPECT(conn, "SELECT count(*) FROM users", "7");
}

Test(explain, of_computed_rows_in_json)
{
    static const char *const sql = "EXPLAIN (FORMAT JSON) INSERT INTO users (username) SELECT 'u' || g FROM generate_series(1, 3) AS g";
    expect_in_json(sql, "concat(e ->> 'Shard', ':', e -> 'Plan' ->> 'Node Type', ':', e -> 'Keyway' ->> 3)",
                   "shard0:Nested Loop:statement: INSERT INTO users (username) VALUES …");
}

Test(explain, of_computed_rows_finds_the_mistakes_of_the_whole_statement)
{
    EXPECT_ERROR(conn, "EXPLAIN INSERT INTO users (username) SELECT nothing FROM generate_series(1, 3)", "42703");
    EXPECT_ERROR(conn, "EXPLAIN INSERT INTO users (username, age) SELECT 'u' || g, 'x' || g FROM generate_series(1, 3) AS g", "42804");
    EXPECT_ERROR(conn, "EXPLAIN INSERT INTO users (username) SELECT 'u' || g FROM generate_series(1, 3) AS g RETURNING nothing", "42703");
    EXPECT_REFUSED(conn, "EXPLAIN ANALYZE INSERT INTO users (username) SELECT 'u' || g FROM generate_series(1, 3) AS g");
    EXPECT_LIKE(conn, "EXPLAIN (FORMAT YAML) INSERT INTO users (username) SELECT 'u' || g FROM generate_series(1, 3) AS g", "\"statement: INSERT INTO users");
    EXPECT(conn, "SELECT count(*) FROM users", "4");
}
