/*
 * Transactions over one shard and over several.
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
    keyway_start(&keyway,
                 &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
    conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anna', 1), ('henry', 2), ('zoe', 3)",
           "INSERT 0 3");
}

static void stop(void)
{
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(transactions, .init = start, .fini = stop, .timeout = 60);

static void expect_status(PGTransactionStatusType status)
{
    cr_expect_eq(PQtransactionStatus(conn), status, "the transaction status is %d, not %d",
                 PQtransactionStatus(conn), status);
}

Test(transactions, commit_keeps_and_rollback_forgets)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    expect_status(PQTRANS_INTRANS);
    EXPECT(conn, "UPDATE users SET age = 10 WHERE username = 'anna'", "UPDATE 1");
    EXPECT(conn, "COMMIT", "COMMIT");
    expect_status(PQTRANS_IDLE);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "DELETE FROM users WHERE username = 'anna'", "DELETE 1");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT_ON(0, "SELECT username, age FROM users", "anna|10");
}

Test(transactions, an_empty_one_needs_no_shard)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "COMMIT", "COMMIT");
    expect_status(PQTRANS_IDLE);
}

Test(transactions, they_grow_to_several_shards)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET age = 11 WHERE username = 'anna'", "UPDATE 1");
    EXPECT(conn, "UPDATE users SET age = 13 WHERE username = 'zoe'", "UPDATE 1");
    EXPECT(conn, "SELECT username, age FROM users ORDER BY username", "anna|11\nhenry|2\nzoe|13");
    EXPECT_ON(0, "SELECT age FROM users", "1");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT_ON(0, "SELECT age FROM users", "11");
    EXPECT_ON(2, "SELECT age FROM users", "13");
}

Test(transactions, an_error_on_one_shard_aborts_all)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET age = 11 WHERE username = 'anna'", "UPDATE 1");
    EXPECT_ERROR(conn, "UPDATE users SET age = 1 / 0 WHERE username = 'zoe'", "22012");
    expect_status(PQTRANS_INERROR);
    EXPECT_ERROR(conn, "SELECT age FROM users WHERE username = 'anna'", "25P02");
    EXPECT(conn, "COMMIT", "ROLLBACK");
    EXPECT_ON(0, "SELECT age FROM users", "1");
}

Test(transactions, a_refusal_aborts_like_any_error)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET age = 11 WHERE username = 'anna'", "UPDATE 1");
    EXPECT_ERROR(conn, "UPDATE users SET username = 'q' WHERE username = 'anna'", "0A000");
    expect_status(PQTRANS_INERROR);
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT_ON(0, "SELECT age FROM users", "1");
}

Test(transactions, savepoints_reach_every_shard_of_the_transaction)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET age = 11 WHERE username = 'anna'", "UPDATE 1");
    EXPECT(conn, "SAVEPOINT here", "SAVEPOINT");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'anna'", "UPDATE 1");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'zoe'", "UPDATE 1");
    EXPECT_ERROR(conn, "SELECT 1 / 0 FROM users WHERE username = 'henry'", "22012");
    EXPECT(conn, "ROLLBACK TO SAVEPOINT here", "ROLLBACK");
    expect_status(PQTRANS_INTRANS);
    EXPECT(conn, "RELEASE here", "RELEASE");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT username, age FROM users ORDER BY username", "anna|11\nhenry|2\nzoe|3");
}

Test(transactions, statements_of_one_query_are_one_transaction)
{
    EXPECT_LIKE(
        conn,
        "UPDATE users SET age = 50 WHERE username = 'anna'; UPDATE users SET age = 50 WHERE username = 'zoe';"
        " SELECT 1 / 0",
        "22012");
    expect_status(PQTRANS_IDLE);
    EXPECT_ON(0, "SELECT age FROM users", "1");
    EXPECT_ON(2, "SELECT age FROM users", "3");
}

/* Each server sees of a text what it runs: all of it, where all of it is that shard's. */
Test(transactions, statements_of_one_shard_go_there_as_one_text)
{
    static const char text[] = "INSERT INTO users (username, age) VALUES ('abel', 1); ;\n"
                               "SELECT age FROM users WHERE username = 'abel'; -- her age; as it is\n"
                               "SELECT split_part(query, ' ', 1) || length(query) FROM pg_stat_activity WHERE pid = pg_backend_pid();";
    char expected[100];
    snprintf(expected, sizeof expected, "INSERT 0 1\n1\nINSERT%zu", strlen(text));
    EXPECT(conn, text, expected);
    EXPECT(conn, "UPDATE users SET age = 2 WHERE username = 'abel'; SELECT age FROM users WHERE username = 'abel'", "UPDATE 1\n2");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('yves'); SELECT age FROM users WHERE username = 'abel'", "INSERT 0 1\n2");
    EXPECT_ERROR(conn, "INSERT INTO users (username) VALUES ('bill'); SELECT age / 0 FROM users WHERE username = 'abel'", "22012");
    EXPECT(conn, "SELECT username FROM users ORDER BY 1", "abel\nanna\nhenry\nyves\nzoe");
}

Test(transactions, a_text_of_one_shard_within_a_transaction_is_a_part_of_it)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('yves'); SELECT count(*) FROM users WHERE username = 'yves'", "INSERT 0 1\n1");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('abel'); SELECT count(*) FROM users WHERE username = 'abel'", "INSERT 0 1\n1");
    EXPECT_ERROR(conn, "SELECT 1 FROM users WHERE username = 'abel'; INSERT INTO users (username) VALUES ('abel')", "23505");
    EXPECT_ERROR(conn, "SELECT 1 FROM users WHERE username = 'abel'; SELECT 2 FROM users WHERE username = 'abel'", "25P02");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT count(*) FROM users", "3");
}

Test(transactions, the_chosen_isolation_is_the_shards)
{
    EXPECT(conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "BEGIN");
    EXPECT(conn, "SELECT current_setting('transaction_isolation') FROM users WHERE username = 'zoe'",
           "repeatable read");
    EXPECT_ERROR(conn, "DELETE FROM users WHERE username = 'anna'", "25006");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

Test(transactions, a_client_that_leaves_takes_its_transaction_along)
{
    PGconn *leaving = connect_keyway(&keyway, NULL);
    EXPECT(leaving, "BEGIN", "BEGIN");
    EXPECT(leaving, "UPDATE users SET age = 77 WHERE username = 'anna'", "UPDATE 1");
    PQfinish(leaving);
    EXPECT(conn, "UPDATE users SET age = age + 1 WHERE username = 'anna'", "UPDATE 1");
    EXPECT_ON(0, "SELECT age FROM users", "2");
}

/* Both go through one pooled server; neither sees the other's transaction. */
Test(transactions, sessions_do_not_mix)
{
    PGconn *other = connect_keyway(&keyway, NULL);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET age = 20 WHERE username = 'henry'", "UPDATE 1");
    EXPECT(other, "SELECT age FROM users WHERE username = 'henry'", "2");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(other, "SELECT age FROM users WHERE username = 'henry'", "20");
    PQfinish(other);
}

/* The others are cancelled when one shard fails; a cancel that comes late must not hit what follows. */
Test(transactions, a_shard_that_fails_leaves_no_cancel_behind)
{
    for (int i = 0; i < 200; i++) {
        char *answer =
            ask(conn, "INSERT INTO users (username, balance) VALUES ('al', 1), ('hal', 1), ('zz', 1e12)");
        cr_expect_str_eq(answer, "ERROR 22003: numeric field overflow");
        free(answer);
        EXPECT(conn, "UPDATE users SET age = 5 WHERE username = 'zoe'", "UPDATE 1");
    }
    EXPECT(conn, "SELECT count(*) FROM users", "3");
}

/* In extended protocol there are two Syncs, and the shards must see one: whenever the error comes, one
 * ReadyForQuery ends it. */
Test(transactions, a_failed_copy_in_extended_protocol_ends_once)
{
    static const char *const copy = "COPY users (username, age) FROM STDIN";
    for (int i = 0; i < 100; i++) {
        bool timed_out;
        cr_assert(PQsendQueryParams(conn, copy, 0, NULL, NULL, NULL, NULL, 0));
        PQclear(next_result(conn, 20000, &timed_out));
        cr_assert_eq(PQputCopyData(conn, "al\tx\nzz\t1\n", 10), 1);
        if (i % 2)
            PQflush(conn);
        cr_assert_eq(PQputCopyEnd(conn, NULL), 1);
        PGresult *result = next_result(conn, 20000, &timed_out);
        cr_assert_not(timed_out);
        cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "22P02");
        PQclear(result);
        cr_assert_null(next_result(conn, 20000, &timed_out));
        cr_assert_not(timed_out);
        EXPECT(conn, "SELECT count(*) FROM users", "3");
    }
}

/* As Rails and Alembic migrate: what has been done is noted in a table of their own, which may be new, too. */
Test(transactions, behind_definitions_tables_of_the_home_shard_can_be_written)
{
    EXPECT(conn, "CREATE TABLE migrations (version int PRIMARY KEY)", "CREATE TABLE");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "ALTER TABLE users ADD COLUMN more int", "ALTER TABLE");
    EXPECT(conn, "CREATE INDEX ON users (more)", "CREATE INDEX");
    EXPECT(conn, "ALTER TABLE users RENAME COLUMN karma TO merit", "ALTER TABLE");
    EXPECT(conn, "INSERT INTO migrations VALUES (1) RETURNING version", "1");
    EXPECT(conn, "CREATE TABLE heads (name text)", "CREATE TABLE");
    EXPECT(conn, "INSERT INTO heads SELECT 'v' || version FROM migrations", "INSERT 0 1");
    EXPECT(conn, "UPDATE heads SET name = 'v2' WHERE name = 'v1'", "UPDATE 1");
    EXPECT(conn, "SELECT attname FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'more'", "more");
    EXPECT_REFUSED(conn, "SELECT count(more) FROM users");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT count(*) FROM migrations", "0");
}

static void start_strict(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3});
    conn = connect_keyway(&keyway, NULL);
}

/* DDL is on several shards whatever the setting says; the home shard's table adds none. */
Test(transactions, the_home_shard_may_be_written_where_definitions_were_changed, .init = start_strict)
{
    EXPECT(conn, "CREATE TABLE migrations (version int PRIMARY KEY)", "CREATE TABLE");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "ALTER TABLE users ADD COLUMN more int", "ALTER TABLE");
    EXPECT(conn, "INSERT INTO migrations VALUES (1)", "INSERT 0 1");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT count(more), (SELECT count(*) FROM migrations) FROM users", "0|1");
}

/* A name could be another thing's now. */
Test(transactions, behind_new_views_and_names_nothing_can_be_routed)
{
    static const char *const definitions[] = {
        "CREATE VIEW grown AS SELECT * FROM users WHERE age > 17",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE users ENABLE ROW LEVEL SECURITY",
    };
    EXPECT(conn, "CREATE TABLE migrations (version int PRIMARY KEY)", "CREATE TABLE");
    for (size_t i = 0; i < sizeof definitions / sizeof *definitions; i++) {
        EXPECT(conn, "BEGIN", "BEGIN");
        cr_assert_eq(PQresultStatus(PQexec(conn, definitions[i])), PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
        EXPECT_REFUSED(conn, "SELECT count(*) FROM migrations");
        EXPECT(conn, "ROLLBACK", "ROLLBACK");
    }
}

/* So do those that bring another server to the session's settings. */
Test(transactions, settings_may_end_in_comments)
{
    EXPECT(conn, "SET work_mem = '1MB' -- little", "SET");
    EXPECT(conn, "SET my.own = 'x' -- own", "SET");
    EXPECT(conn, "SELECT current_setting('work_mem'), current_setting('my.own') FROM users WHERE username = 'zoe'", "1MB|x");
    EXPECT(conn, "SELECT current_setting('work_mem'), current_setting('my.own') FROM users WHERE username = 'anna'", "1MB|x");
}

/* The other shards get BEGIN, SAVEPOINT and SET LOCAL as the client wrote them, one after the other. */
Test(transactions, statements_that_are_repeated_may_end_in_comments)
{
    EXPECT(conn, "BEGIN -- work", "BEGIN");
    EXPECT(conn, "SELECT age FROM users WHERE username = 'anna'", "1");
    EXPECT(conn, "SET LOCAL work_mem = '1MB' -- little", "SET");
    EXPECT(conn, "SAVEPOINT s -- here", "SAVEPOINT");
    EXPECT(conn, "SELECT age, current_setting('work_mem') FROM users WHERE username = 'zoe'", "3|1MB");
    EXPECT(conn, "ROLLBACK TO s -- back", "ROLLBACK");
    EXPECT(conn, "SELECT sum(age), max(current_setting('work_mem')) FROM users", "6|1MB");
    EXPECT(conn, "COMMIT -- done", "COMMIT");
}
