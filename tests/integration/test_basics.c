/*
 * What every client does first: ask, in the simple and in the extended protocol, and get the answer of one
 * PostgreSQL.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3});
    load_tables(3, 200);
    conn = connect_keyway(&keyway, NULL);
}

static void stop(void)
{
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(basics, .init = start, .fini = stop, .timeout = 60);

Test(basics, constants_are_answered)
{
    EXPECT(conn, "SELECT 1, 'a', NULL", "1|a|~");
}

Test(basics, an_empty_query_is_empty)
{
    EXPECT(conn, "", "EMPTY");
    EXPECT(conn, " ; ", "EMPTY");
}

Test(basics, several_statements_answer_in_turn)
{
    EXPECT(conn, "SELECT 1; SELECT 2", "1\n2");
}

Test(basics, a_syntax_error_has_its_position_and_the_session_goes_on)
{
    PGresult *result = PQexec(conn, "SELECT 1 FRM users");
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42601");
    cr_expect_not_null(PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    PQclear(result);
    EXPECT(conn, "SELECT 1", "1");
}

Test(basics, a_shards_own_error_comes_through)
{
    EXPECT_ERROR(conn, "SELECT 1 / (karma - karma) FROM users WHERE username = 'h'", "22012");
    EXPECT_ERROR(conn, "SELECT nothing FROM users WHERE username = 'h'", "42703");
    EXPECT(conn, "SELECT 1", "1");
}

Test(basics, the_session_has_parameters_of_a_postgresql_15)
{
    cr_expect_eq(PQserverVersion(conn) / 10000, 15);
    cr_expect_str_eq(PQparameterStatus(conn, "server_encoding"), "UTF8");
    cr_expect_str_eq(PQparameterStatus(conn, "integer_datetimes"), "on");
}

Test(basics, an_unknown_database_is_refused_at_login)
{
    PGconn *other = try_connect(&keyway, "dbname=nowhere user=app");
    cr_expect_eq(PQstatus(other), CONNECTION_BAD);
    PQfinish(other);
}

Test(basics, parameters_in_text_find_their_shard)
{
    const char *names[] = {"h", "q", "o'brien"};
    for (int i = 0; i < 3; i++) {
        char *answer = ask_params(conn, "SELECT username FROM users WHERE username = $1", 1, &names[i]);
        cr_expect_str_eq(answer, names[i]);
        free(answer);
    }
}

Test(basics, a_prepared_statement_serves_all_shards)
{
    const char *names[] = {"h", "q", "Zed", "m"};
    PGresult *result = PQprepare(conn, "by_name", "SELECT email FROM users WHERE username = $1", 0, NULL);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    for (int i = 0; i < 8; i++) {
        char expected[60];
        result = PQexecPrepared(conn, "by_name", 1, &names[i % 4], NULL, NULL, 0);
        char *answer = result_text(result);
        snprintf(expected, sizeof expected, "%s@example.org", names[i % 4]);
        cr_expect_str_eq(answer, expected);
        free(answer);
        PQclear(result);
    }
}

Test(basics, a_prepared_statement_can_be_described)
{
    PGresult *result =
        PQprepare(conn, "described", "SELECT karma, email FROM users WHERE username = $1", 0, NULL);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    result = PQdescribePrepared(conn, "described");
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    cr_expect_eq(PQnparams(result), 1);
    cr_expect_eq(PQparamtype(result, 0), 25);
    cr_expect_eq(PQnfields(result), 2);
    cr_expect_eq(PQftype(result, 0), 20);
    PQclear(result);
}

Test(basics, an_unknown_prepared_statement_is_an_error)
{
    PGresult *result = PQexecPrepared(conn, "nobody", 0, NULL, NULL, NULL, 0);
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "26000");
    PQclear(result);
    EXPECT(conn, "SELECT 1", "1");
}

Test(basics, binary_results_come_as_asked)
{
    const char *name = "h";
    PGresult *result =
        PQexecParams(conn, "SELECT 258 FROM users WHERE username = $1", 1, NULL, &name, NULL, NULL, 1);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
    cr_expect_eq(PQfformat(result, 0), 1);
    cr_expect_arr_eq(PQgetvalue(result, 0, 0), "\0\0\1\2", 4);
    PQclear(result);
}

Test(basics, settings_follow_the_session)
{
    EXPECT(conn, "SET application_name = 'reader'", "SET");
    EXPECT(conn, "SHOW application_name", "reader");
    EXPECT(conn, "SELECT username, current_setting('application_name') FROM users WHERE username = 'q'",
           "q|reader");
}

Test(basics, a_database_without_tables_of_ours_is_passed_through)
{
    struct keyway plain;
    keyway_start(&plain, &(struct keyway_setup){.plain = true});
    PGconn *through = connect_keyway(&plain, NULL);
    EXPECT(through, "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1), (2); SELECT sum(a) FROM t",
           "CREATE TABLE\nINSERT 0 2\n3");
    PQfinish(through);
    keyway_stop(&plain);
}
