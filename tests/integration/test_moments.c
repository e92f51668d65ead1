/*
 * The clock of one transaction, which is the same on all of its shards.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
    conn = connect_keyway(&keyway, NULL);
    EXPECT_LIKE(conn, "ALTER TABLE users ALTER created SET DEFAULT now(), ALTER born SET DEFAULT CURRENT_DATE", "ALTER TABLE");
}

static void stop(void)
{
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(moments, .init = start, .fini = stop, .timeout = 60);

#define MOMENTS "SELECT count(*), count(DISTINCT created) FROM users"

Test(moments, of_rows_on_several_shards)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username, created) VALUES ('henry', now())", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username, created) VALUES ('anna', now()), ('zoe', transaction_timestamp())", "INSERT 0 2");
    EXPECT(conn, "INSERT INTO users (username, created) VALUES ('amy', /* now() */ pg_catalog . now ( ))", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username, created) VALUES ('zac', current_timestamp)", "INSERT 0 1");
    EXPECT(conn, MOMENTS, "5|1");
    EXPECT(conn, "SELECT count(*) FROM users WHERE created = now()", "5");
    EXPECT(conn, "UPDATE users SET created = now() + interval '1 day' WHERE username = 'zoe'", "UPDATE 1");
    EXPECT(conn, "SELECT username FROM users WHERE created = now() + interval '1 day'", "zoe");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

Test(moments, of_defaults)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('anna')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username, age, created) VALUES ('henry', 1, DEFAULT)", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users VALUES ('ida')", "INSERT 0 1");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, MOMENTS, "4|1");
    EXPECT(conn, "SELECT count(*) FROM users WHERE born = created::date", "4");
}

Test(moments, keep_their_types_and_names)
{
    static const char *const reads[] = {
        "SELECT now(), age FROM users WHERE username = '%s'",
        "SELECT now()::date, current_date, current_time(2), localtime, localtimestamp(0), current_timestamp(3) FROM users WHERE username = '%s'",
        "SELECT now() AT TIME ZONE 'UTC' AS there, extract(epoch FROM now()), now() - interval '1 day' FROM users WHERE username = '%s'",
        "SELECT x.now, x.localtimestamp FROM (SELECT now(), localtimestamp FROM users WHERE username = '%s') x",
        "SELECT DISTINCT age, now(), current_date FROM users WHERE username = '%s' ORDER BY now(), current_date DESC, age",
        "SELECT now(), count(*), U&\"no\\0077\"() IS NULL FROM users WHERE username = '%s' GROUP BY now(), age",
        "SELECT \"now\"(), x FROM users, generate_series(now(), now() + interval '1 hour', '1 hour') x, now() y WHERE username = '%s' LIMIT 1",
        "SELECT CASE WHEN age > 0 THEN '-infinity' ELSE now() END FROM users WHERE username = '%s'",
    };
    EXPECT(conn, "INSERT INTO users (username) VALUES ('anna'), ('zoe')", "INSERT 0 2");
    EXPECT(conn, "SET timezone = 'Asia/Kolkata'", "SET");
    EXPECT(conn, "SET datestyle = 'German'", "SET");
    EXPECT(conn, "BEGIN READ ONLY", "BEGIN");
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        char here[400], there[400];
        snprintf(here, sizeof here, reads[i], "zoe");
        snprintf(there, sizeof there, reads[i], "anna");
        PGresult *first = PQexec(conn, here), *other = PQexec(conn, there);
        cr_expect_eq(PQresultStatus(other), PGRES_TUPLES_OK, "%s: %s", there, PQresultErrorMessage(other));
        cr_assert_eq(PQnfields(first), PQnfields(other));
        for (int k = 0; k < PQnfields(first); k++)
            cr_expect(strcmp(PQfname(first, k), PQfname(other, k)) == 0 && PQftype(first, k) == PQftype(other, k) &&
                          PQfmod(first, k) == PQfmod(other, k) && strcmp(PQgetvalue(first, 0, k), PQgetvalue(other, 0, k)) == 0,
                      "%s: %s is %s, and %s %s", there, PQfname(first, k), PQgetvalue(first, 0, k), PQfname(other, k), PQgetvalue(other, 0, k));
        PQclear(first);
        PQclear(other);
    }
    EXPECT(conn, "COMMIT", "COMMIT");
}

Test(moments, of_prepared_statements)
{
    PQclear(PQprepare(conn, "made", "INSERT INTO users (username, age, created) VALUES ($1, $2, now())", 0, NULL));
    EXPECT(conn, "PREPARE spoken (text) AS INSERT INTO users (username) VALUES ($1)", "PREPARE");
    for (int round = 0; round < 2; round++) {
        EXPECT(conn, "BEGIN", "BEGIN");
        static const char *const names[] = {"anna", "henry", "zoe"};
        for (int i = 0; i < 3; i++) {
            const char *const values[] = {names[i], "7"};
            PGresult *result = PQexecPrepared(conn, "made", 2, values, NULL, NULL, 0);
            cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQresultErrorMessage(result));
            PQclear(result);
        }
        EXPECT(conn, "EXECUTE spoken ('zac')", "INSERT 0 1");
        EXPECT(conn, "EXECUTE spoken ('amy')", "INSERT 0 1");
        EXPECT(conn, MOMENTS, "5|1");
        EXPECT(conn, "ROLLBACK", "ROLLBACK");
    }
}

Test(moments, survive_savepoints)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SAVEPOINT before", "SAVEPOINT");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(conn, "ROLLBACK TO before", "ROLLBACK");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('anna')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(conn, "SELECT count(*) FROM users WHERE created = now()", "2");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, MOMENTS, "2|1");
}

Test(moments, of_the_statements_of_one_query)
{
    EXPECT_LIKE(conn, "INSERT INTO users (username) VALUES ('zoe'); INSERT INTO users (username) VALUES ('anna'); " MOMENTS, "2|1");
}

/* A text for one shard goes there as it is, unless the clock is elsewhere. */
Test(moments, of_a_text_for_another_shard)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('anna')", "INSERT 0 1");
    EXPECT_LIKE(conn, "INSERT INTO users (username, created) VALUES ('zoe', now()); INSERT INTO users (username) VALUES ('zac')", "INSERT 0 1");
    EXPECT(conn, MOMENTS, "3|1");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

Test(moments, of_the_statements_of_one_batch)
{
    static const char *const names[] = {"zoe", "anna", "henry"};
    PQenterPipelineMode(conn);
    for (int i = 0; i < 3; i++)
        PQsendQueryParams(conn, "INSERT INTO users (username) VALUES ($1)", 1, NULL, &names[i], NULL, NULL, 0);
    PQpipelineSync(conn);
    for (int results = 0; results < 7; results++) {
        PGresult *result = PQgetResult(conn);
        cr_expect(!result || PQresultStatus(result) != PGRES_FATAL_ERROR, "%s", PQresultErrorMessage(result));
        PQclear(result);
    }
    PQexitPipelineMode(conn);
    EXPECT(conn, MOMENTS, "3|1");
}

/* The home shard computes numbers, and is asked for them in the middle of a transaction that has begun elsewhere. */
Test(moments, of_rows_with_numbers)
{
    EXPECT_LIKE(conn, "CREATE SEQUENCE numbers", "CREATE SEQUENCE");
    EXPECT_LIKE(conn, "ALTER TABLE users ALTER karma SET DEFAULT nextval('numbers')", "ALTER TABLE");
    for (int round = 0; round < 2; round++) {
        EXPECT(conn, "BEGIN", "BEGIN");
        if (round == 1)
            EXPECT(conn, "INSERT INTO users (username, karma) VALUES ('zac', 0)", "INSERT 0 1");
        EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
        EXPECT(conn, "INSERT INTO users (username) VALUES ('anna'), ('henry')", "INSERT 0 2");
        EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe') ON CONFLICT (username) DO UPDATE SET created = now() RETURNING created = now()", "t");
        EXPECT_LIKE(conn, MOMENTS, "|1");
        EXPECT(conn, "SELECT count(*) FROM users WHERE karma IS NULL OR created <> now()", "0");
        EXPECT(conn, "ROLLBACK", "ROLLBACK");
    }
    EXPECT_LIKE(conn, "ALTER TABLE users ALTER karma DROP DEFAULT", "ALTER TABLE");
    EXPECT_LIKE(conn, "DROP SEQUENCE numbers", "DROP SEQUENCE");
}

/* … gathers rows, and keeps cursors. */
Test(moments, of_what_the_home_shard_makes)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(conn, "SELECT now() = max(created), avg(1) FROM users", "t|1.00000000000000000000");
    EXPECT(conn, "DECLARE seen CURSOR FOR SELECT username, created = now() FROM users", "DECLARE CURSOR");
    EXPECT(conn, "FETCH seen", "zoe|t");
    EXPECT(conn, "SELECT count(*) FROM countries WHERE now() = (SELECT max(created) FROM users)", "0");
    EXPECT(conn, "COMMIT", "COMMIT");
}

Test(moments, are_others_in_the_next_transaction)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('anna')", "INSERT 0 1");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zac')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('amy')", "INSERT 0 1");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, MOMENTS, "4|2");
}

/* Nobody is asked for a moment that one shard has. */
Test(moments, of_one_shard_cost_nothing)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SELECT count(*) FROM users WHERE username = 'anna'", "0");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username, created) VALUES ('zac', now())", "INSERT 0 1");
    PGconn *there = connect_server(2);
    EXPECT(there, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO users (username, created) VALUES (''zac'', now())'", "1");
    PQfinish(there);
    EXPECT(conn, "COMMIT", "COMMIT");
}

/* The client has not written what the shard complains of. */
Test(moments, leave_no_position_in_errors)
{
    EXPECT(conn, "INSERT INTO users (username) VALUES ('anna'), ('zoe')", "INSERT 0 2");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT_LIKE(conn, "SELECT now() IS NULL FROM users WHERE username = 'zoe'", "f");
    PGresult *result = PQexec(conn, "SELECT now() || age::date FROM users WHERE username = 'anna'");
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "42846");
    cr_expect_null(PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION));
    PQclear(result);
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}
