/*
 * SQL's PREPARE and EXECUTE over several shards: the statement is the session's, as if a Parse had brought it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn, *oracle;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\npool_size = 1\n"});
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

TestSuite(prepared, .init = start, .fini = stop, .timeout = 60);

#define SAME(...) EXPECT_SAME(conn, oracle, __VA_ARGS__)

#define BY_AGE "SELECT username, age FROM users WHERE age > $1 ORDER BY username LIMIT 5"

Test(prepared, names_are_shared_with_the_protocol)
{
    const char *const values[] = {"30"};
    PGconn *const both[] = {conn, oracle};
    for (int i = 0; i < 2; i++) {
        PGresult *result = PQprepare(both[i], "parsed", BY_AGE, 0, NULL);
        cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK);
        PQclear(result);
    }
    SAME("PREPARE parsed AS SELECT 1", "EXECUTE parsed (30)", "EXECUTE parsed (15 * 2)", "EXECUTE parsed ('30')", "EXECUTE parsed",
         "PREPARE made (int) AS " BY_AGE);
    for (int i = 0; i < 2; i++) {
        PGresult *result = PQexecPrepared(both[i], "made", 1, values, NULL, NULL, 0);
        cr_expect_eq(PQntuples(result), 5);
        PQclear(result);
        result = PQprepare(both[i], "made", "SELECT 1", 0, NULL);
        cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42P05");
        PQclear(result);
    }
    SAME("DEALLOCATE made", "EXECUTE made (1)", "DEALLOCATE ALL", "EXECUTE parsed (1)");
}

/* What a Parse of EXECUTE describes is what it gives, in the format that was asked for. */
static void expect_columns(const char *sql, const char *name)
{
    PGconn *const both[] = {conn, oracle};
    PGresult *described[2], *result[2];
    for (int i = 0; i < 2; i++) {
        PQclear(PQprepare(both[i], name, sql, 0, NULL));
        described[i] = PQdescribePrepared(both[i], name);
        result[i] = PQexecPrepared(both[i], name, 0, NULL, NULL, NULL, 1);
    }
    cr_expect_eq(PQnparams(described[0]), 0);
    cr_expect_eq(PQnfields(described[0]), PQnfields(described[1]), "%s: %d columns", sql, PQnfields(described[0]));
    for (int i = 0; i < PQnfields(described[1]); i++)
        cr_expect(PQftype(described[0], i) == PQftype(described[1], i) && !strcmp(PQfname(described[0], i), PQfname(described[1], i)));
    cr_expect_eq(PQresultStatus(result[0]), PQresultStatus(result[1]), "%s: %s", sql, PQresultErrorMessage(result[0]));
    cr_expect_eq(PQntuples(result[0]), PQntuples(result[1]), "%s: %d rows", sql, PQntuples(result[0]));
    for (int i = 0; i < PQntuples(result[1]); i++)
        for (int k = 0; k < PQnfields(result[1]); k++)
            cr_expect(PQgetlength(result[0], i, k) == PQgetlength(result[1], i, k) &&
                      !memcmp(PQgetvalue(result[0], i, k), PQgetvalue(result[1], i, k), (size_t) PQgetlength(result[1], i, k)));
    for (int i = 0; i < 2; i++) {
        PQclear(described[i]);
        PQclear(result[i]);
    }
}

Test(prepared, execute_may_be_parsed_described_and_bound)
{
    SAME("PREPARE made (int) AS " BY_AGE, "PREPARE total AS SELECT count(*), avg(age) FROM users",
         "PREPARE nothing (int) AS UPDATE users SET age = age WHERE age > $1");
    expect_columns("EXECUTE made (30)", "a");
    expect_columns("EXECUTE made (29 + 1)", "b");
    expect_columns("EXECUTE total", "c");
    expect_columns("EXECUTE nothing (30)", "d");
    expect_columns("EXECUTE made (30)", "e");
    SAME("BEGIN", "EXECUTE total", "DEALLOCATE total", "EXECUTE total", "ROLLBACK", "EXECUTE total");
}

Test(prepared, no_server_is_kept_for_them)
{
    PGconn *other = connect_keyway(&keyway, NULL);
    SAME("PREPARE made (int) AS " BY_AGE, "EXECUTE made (30)", "EXECUTE made (1 + 29)", "PREPARE bad AS SELECT nosuch", "EXECUTE made ('x')",
         "EXECUTE made (1 / 0)", "BEGIN", "EXECUTE made (1 / 0)", "ROLLBACK");
    EXPECT(other, "PREPARE made AS SELECT count(*) FROM users WHERE username = $1", "PREPARE");
    EXPECT(other, "EXECUTE made ('nosuch' || 'x')", "0");
    SAME("EXECUTE made (30)");
    EXPECT(other, "SELECT count(*) FROM pg_prepared_statements WHERE name NOT LIKE 'keyway%'", "0");
    PQfinish(other);
}

/* Other clients use them, too. */
Test(prepared, keyways_own_names_are_nobodys)
{
    PGconn *other = connect_keyway(&keyway, NULL);
    PQclear(PQprepare(other, "made", "SELECT count(*) FROM countries", 0, NULL));
    PQclear(PQexecPrepared(other, "made", 0, NULL, NULL, NULL, 0));
    for (int number = 1; number < 30; number++) {
        char deallocate[64];
        snprintf(deallocate, sizeof deallocate, "DEALLOCATE keyway_%d", number);
        EXPECT(conn, "BEGIN", "BEGIN");
        EXPECT(conn, "SELECT 1", "1");
        EXPECT_ERROR(conn, deallocate, "26000");
        EXPECT(conn, "ROLLBACK", "ROLLBACK");
    }
    PGresult *result = PQexecPrepared(other, "made", 0, NULL, NULL, NULL, 0);
    cr_expect_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQresultErrorMessage(result));
    PQclear(result);
    PQfinish(other);
}

Test(prepared, explain_execute_explains_the_statement)
{
    EXPECT(conn, "PREPARE made (text) AS SELECT age FROM users WHERE username = $1", "PREPARE");
    EXPECT_LIKE(conn, "EXPLAIN EXECUTE made ('ann')", "single: ");
    EXPECT_LIKE(conn, "EXPLAIN EXECUTE made ('a' || 'nn')", "username = 'ann'");
    EXPECT(conn, "PREPARE total AS SELECT count(*) FROM users", "PREPARE");
    EXPECT_LIKE(conn, "EXPLAIN (ANALYZE, COSTS off) EXECUTE total", "combine: ");
    SAME("EXPLAIN EXECUTE nosuch");
}

/* A parameter without a type has one from what stands beside it; where Keyway does not see it, the home shard tells. */
Test(prepared, types_of_parameters_are_asked_for_before_a_refusal)
{
    static const char *const statements[] = {
        "SELECT round(sum(coalesce(score, $1, $1))::numeric, 3), $2 FROM users",
        "SELECT sum(coalesce(score, $1, $1)) > 1 OR count(*) > $2 FROM users",
        "SELECT country, round(sum(greatest(score, $1, $1))::numeric, 3) FROM users GROUP BY country HAVING count(*) > $2 ORDER BY 1",
        "SELECT sum(coalesce(score, $1, $1)) > nosuch + $2 FROM users",
    };
    const char *const values[] = {"1.5", "2"};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        for (int again = 0; again < 2; again++) {
            char *answer = ask_params(conn, statements[i], 2, values), *right = ask_params(oracle, statements[i], 2, values);
            cr_expect_str_eq(answer, right, "%s\n  answered: %.2000s\n  right is: %.2000s", statements[i], answer, right);
            free(answer);
            free(right);
        }
    char *refused = ask_params(conn, "SELECT sum(coalesce(score / 7, $1, $1)), $2::int FROM users WHERE score BETWEEN -1e9 AND 1e9", 2, values);
    cr_expect_str_eq(refused, "ERROR 0A000: this statement cannot be run across shards", "%s", refused);
    free(refused);
}

/* Each shard has such a type under another number. */
Test(prepared, parameters_have_types_of_the_users_own)
{
    SAME("CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad')", "CREATE DOMAIN \"years of age\" AS integer CHECK (VALUE >= 0)",
         "CREATE TYPE pair AS (low integer, high integer)");
    PQclear(PQexec(conn, "CREATE TEMP TABLE numbers (n int)")); /* the home shard's types go on from another number */
    SAME("PREPARE made (mood) AS SELECT $1", "EXECUTE made ('ok')", "EXECUTE made ('bad')", "EXECUTE made (NULL)", "EXECUTE made ('ok'::mood)",
         "PREPARE older (\"years of age\", text) AS SELECT username, age FROM users WHERE age > $1 AND username > $2 ORDER BY username LIMIT 3",
         "EXECUTE older (30, 'h')", "EXECUTE older (-1, 'h')", "EXECUTE older ('40', 'a')", "EXECUTE older (20 + 20, 'a')",
         "PREPARE one (text, public.mood[], \"years of age\") AS SELECT age, $2[1], $2, $3 + $3 AS twice, $3::text FROM users WHERE username = $1 /* $2 */",
         "EXECUTE one ('', '{glad,ok}', 7)", "EXECUTE one ('h', ARRAY['sad']::mood[], 2)",
         "PREPARE within (pair) AS SELECT count(*), ($1).high FROM users WHERE age BETWEEN ($1).low AND ($1).high", "EXECUTE within ('(20,30)')",
         "EXECUTE within (ROW(20, 40))", "PREPARE late (mood) AS UPDATE users SET title = $1 WHERE age < $2 AND username = 'h'", "EXECUTE late ('ok', 1000)",
         "PREPARE title (mood) AS UPDATE users SET title = $1::text WHERE age < $2 AND username = 'h' RETURNING title, $1", "EXECUTE title ('ok', 1000)");
    PGconn *const both[] = {conn, oracle};
    PGresult *described[2];
    for (int i = 0; i < 2; i++)
        described[i] = PQdescribePrepared(both[i], "one");
    cr_assert(PQnfields(described[0]) == 5 && PQnfields(described[1]) == 5, "%s", PQresultErrorMessage(described[0]));
    for (int k = 0; k < 5; k++)
        cr_expect_str_eq(PQfname(described[0], k), PQfname(described[1], k));
    for (int i = 0; i < 2; i++)
        PQclear(described[i]);
    SAME("DEALLOCATE ALL", "DROP TYPE mood, pair", "DROP DOMAIN \"years of age\"");
}

Test(prepared, what_is_not_supported_is_refused)
{
    EXPECT_REFUSED(conn, "PREPARE U&\"made\" AS SELECT count(*) FROM users");
    EXPECT(conn, "PREPARE made (int) AS " BY_AGE, "PREPARE");
    EXPECT_REFUSED(conn, "EXECUTE made ((SELECT 1))");
    EXPECT_REFUSED(conn, "EXECUTE made (nosuch(1))");
    EXPECT_ERROR(conn, "PREPARE keyway_1 AS SELECT 1", "42939");
}

/* A Parse may bring what PREPARE would not take, and what calls itself. */
Test(prepared, execute_of_what_is_no_query_is_refused)
{
    static const char *const statements[] = {"EXECUTE parsed", "EXPLAIN EXECUTE parsed", "BEGIN", "COPY users FROM STDIN", ""};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        PQclear(PQprepare(conn, "parsed", statements[i], 0, NULL));
        EXPECT_REFUSED(conn, "EXECUTE parsed");
        EXPECT_ERROR(conn, "EXPLAIN EXECUTE parsed", i == 0 ? "0A000" : "42601");
        EXPECT(conn, "DEALLOCATE parsed", "DEALLOCATE");
    }
}
