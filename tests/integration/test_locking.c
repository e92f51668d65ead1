/*
 * SELECT … FOR UPDATE with LIMIT over several shards: exactly the rows are locked that one PostgreSQL would lock, whatever others do
 * to them meanwhile.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/fixture.h"
#include "tests/integration/raw.h"
#include "tests/integration/watch.h"

enum { SHARDS = 3, SOON_MS = 20000 };

static const char *const waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";

static struct keyway keyway;
static PGconn *one, *other, *shards[SHARDS], *watcher; /* the last one on shard 0, too */

/* By age they are on shard 0, 1, 2, 0, 1, 2, 0. */
static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = SHARDS});
    one = connect_keyway(&keyway, NULL);
    other = connect_keyway(&keyway, NULL);
    for (int i = 0; i < SHARDS; i++)
        shards[i] = connect_server(i);
    watcher = connect_server(0);
    EXPECT(shards[0], "INSERT INTO users (username, age) VALUES ('ann', 1), ('bob', 4), ('cid', 7)", "INSERT 0 3");
    EXPECT(shards[1], "INSERT INTO users (username, age) VALUES ('hal', 2), ('ian', 5)", "INSERT 0 2");
    EXPECT(shards[2], "INSERT INTO users (username, age) VALUES ('zoe', 3), ('yan', 6)", "INSERT 0 2");
}

static void stop(void)
{
    PQfinish(one);
    PQfinish(other);
    PQfinish(watcher);
    for (int i = 0; i < SHARDS; i++)
        PQfinish(shards[i]);
    keyway_stop(&keyway);
}

TestSuite(locking, .init = start, .fini = stop, .timeout = 90);

/* Which users a shard could still lock. */
static void expect_free(int shard, const char *users)
{
    EXPECT(shards[shard], "SELECT string_agg(username, ' ' ORDER BY age) FROM (SELECT * FROM users ORDER BY age FOR UPDATE SKIP LOCKED) u", users);
}

Test(locking, no_more_rows_than_the_limit_counts)
{
    EXPECT(one, "BEGIN", "BEGIN");
    EXPECT(one, "SELECT username, age FROM users ORDER BY age LIMIT 4 FOR UPDATE", "ann|1\nhal|2\nzoe|3\nbob|4");
    expect_free(0, "cid");
    expect_free(1, "ian");
    expect_free(2, "yan");
    EXPECT(one, "COMMIT", "COMMIT");
    expect_free(0, "ann bob cid");
}

Test(locking, a_shard_that_has_none_of_the_first_rows_locks_none)
{
    EXPECT(one, "BEGIN", "BEGIN");
    EXPECT(one, "SELECT username FROM users ORDER BY age DESC LIMIT 1 FOR UPDATE", "cid");
    expect_free(0, "ann bob");
    expect_free(1, "hal ian");
    expect_free(2, "zoe yan");
    EXPECT(one, "ROLLBACK", "ROLLBACK");
}

/* As nodeLimit.c pulls them. */
Test(locking, rows_that_offset_skips_are_locked)
{
    EXPECT(one, "BEGIN", "BEGIN");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 1 OFFSET 2 FOR UPDATE", "zoe");
    expect_free(0, "bob cid");
    expect_free(1, "ian");
    expect_free(2, "yan");
    EXPECT(one, "COMMIT", "COMMIT");
    EXPECT(one, "BEGIN", "BEGIN");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 0 OFFSET 2 FOR UPDATE", "");
    expect_free(0, "ann bob cid");
    EXPECT(one, "COMMIT", "COMMIT");
}

Test(locking, any_rows_without_an_order)
{
    char *answer;
    EXPECT(one, "BEGIN", "BEGIN");
    answer = ask(one, "SELECT count(*) FROM users WHERE age < 6");
    cr_assert_str_eq(answer, "5");
    free(answer);
    answer = ask(one, "SELECT 'x' FROM users WHERE age < 6 LIMIT 4 FOR UPDATE");
    cr_assert_str_eq(answer, "x\nx\nx\nx");
    free(answer);
    EXPECT(other, "BEGIN", "BEGIN");
    answer = ask(other, "SELECT 'x' FROM users WHERE age < 6 LIMIT 4 FOR UPDATE SKIP LOCKED");
    cr_assert_str_eq(answer, "x");
    free(answer);
    EXPECT(one, "COMMIT", "COMMIT");
    EXPECT(other, "COMMIT", "COMMIT");
}

Test(locking, parameters)
{
    const char *values[] = {"2", "1", "2"};
    char *answer;
    EXPECT(one, "BEGIN", "BEGIN");
    answer = ask_params(one, "SELECT username FROM users WHERE age >= $1 ORDER BY age LIMIT $2 OFFSET $3 FOR UPDATE", 3, values);
    cr_assert_str_eq(answer, "bob", "%s", answer);
    free(answer);
    expect_free(0, "ann cid");
    expect_free(1, "ian");
    expect_free(2, "yan");
    EXPECT(one, "COMMIT", "COMMIT");
    const char *all[] = {"2", NULL, "3"};
    answer = ask_params(one, "SELECT username FROM users WHERE age >= $1 ORDER BY age LIMIT $2 OFFSET $3 FOR SHARE", 3, all);
    cr_assert_str_eq(answer, "ian\nyan\ncid", "%s", answer);
    free(answer);
}

/* By karma, which is not selected, and in binary form. */
Test(locking, sorted_by_what_is_not_selected_in_binary_form)
{
    EXPECT(one, "UPDATE users SET karma = -age WHERE username = 'ann'", "UPDATE 1");
    EXPECT(one, "UPDATE users SET karma = -age WHERE username = 'zoe'", "UPDATE 1");
    PGresult *result = PQexecParams(one, "SELECT age FROM users ORDER BY karma LIMIT 2 FOR UPDATE", 0, NULL, NULL, NULL, NULL, 1);
    cr_assert_eq(PQntuples(result), 2, "%s", PQresultErrorMessage(result));
    cr_assert_eq(PQnfields(result), 1);
    cr_assert_eq(memcmp(PQgetvalue(result, 0, 0), "\0\0\0\3", 4), 0);
    cr_assert_eq(memcmp(PQgetvalue(result, 1, 0), "\0\0\0\1", 4), 0);
    PQclear(result);
}

/* Two workers that take jobs. */
Test(locking, locked_rows_are_skipped_in_the_order_of_all_shards)
{
    EXPECT(one, "BEGIN", "BEGIN");
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 2 FOR UPDATE SKIP LOCKED", "ann\nhal");
    EXPECT(other, "SELECT username FROM users ORDER BY age LIMIT 2 FOR UPDATE SKIP LOCKED", "zoe\nbob");
    expect_free(0, "cid");
    expect_free(1, "ian");
    expect_free(2, "yan");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 1 FOR UPDATE SKIP LOCKED", "ann");
    EXPECT(other, "COMMIT", "COMMIT");
    EXPECT(one, "COMMIT", "COMMIT");
}

Test(locking, nowait_fails_for_rows_that_it_wants_only)
{
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT username FROM users WHERE username = 'bob' FOR UPDATE", "bob");
    EXPECT(one, "BEGIN", "BEGIN");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 3 FOR UPDATE NOWAIT", "ann\nhal\nzoe");
    EXPECT_ERROR(one, "SELECT username FROM users ORDER BY age LIMIT 4 FOR UPDATE NOWAIT", "55P03");
    EXPECT(one, "ROLLBACK", "ROLLBACK");
    expect_free(1, "hal ian");
    EXPECT(other, "COMMIT", "COMMIT");
}

/* What it waited for is another row now: the first of all is on another shard. */
Test(locking, a_row_that_has_gone_meanwhile)
{
    EXPECT(shards[0], "BEGIN; DELETE FROM users WHERE username = 'ann'", "BEGIN\nDELETE 1");
    EXPECT(one, "BEGIN", "BEGIN");
    cr_assert(PQsendQuery(one, "SELECT username FROM users ORDER BY age LIMIT 1 FOR UPDATE"));
    EXPECT_SOON(watcher, waiting, "1", SOON_MS);
    EXPECT(shards[0], "COMMIT", "COMMIT");
    expect_next(one, "hal");
    cr_assert_null(PQgetResult(one));
    expect_free(0, "bob cid");
    expect_free(1, "ian");
    expect_free(2, "zoe yan");
    EXPECT(one, "COMMIT", "COMMIT");
}

Test(locking, the_transactions_own_savepoints)
{
    EXPECT(one, "BEGIN; SAVEPOINT a", "BEGIN\nSAVEPOINT");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 1 FOR UPDATE", "ann");
    EXPECT(one, "SAVEPOINT b", "SAVEPOINT");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 2 FOR UPDATE", "ann\nhal");
    EXPECT(one, "ROLLBACK TO b", "ROLLBACK");
    expect_free(0, "bob cid");
    expect_free(1, "hal ian");
    EXPECT(one, "ROLLBACK TO a", "ROLLBACK");
    expect_free(0, "ann bob cid");
    EXPECT(one, "COMMIT", "COMMIT");
}

/* Its own transaction locks, and lets go. */
Test(locking, outside_of_a_transaction)
{
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 2 FOR NO KEY UPDATE", "ann\nhal");
    expect_free(0, "ann bob cid");
    EXPECT(one, "SELECT username FROM users WHERE age > 100 ORDER BY age LIMIT 2 FOR UPDATE", "");
    EXPECT(one, "SELECT 1; SELECT username FROM users ORDER BY age LIMIT 1 FOR UPDATE; SELECT 2", "1\nann\n2");
}

Test(locking, errors)
{
    EXPECT(one, "BEGIN READ ONLY", "BEGIN");
    EXPECT_ERROR(one, "SELECT username FROM users WHERE age > 100 ORDER BY age LIMIT 2 FOR UPDATE", "25006");
    EXPECT(one, "ROLLBACK", "ROLLBACK");
    EXPECT_ERROR(one, "SELECT 1 / (age - 2) FROM users ORDER BY age LIMIT 2 FOR UPDATE", "22012");
    EXPECT_ERROR(one, "SELECT username FROM users ORDER BY age LIMIT -1 FOR UPDATE", "2201W");
    EXPECT_ERROR(one, "SELECT count(*) FROM users LIMIT 1 FOR UPDATE", "0A000");
    EXPECT_REFUSED(one, "SELECT username FROM users WHERE random() < 2 ORDER BY age LIMIT 1 FOR UPDATE");
    EXPECT_REFUSED(one, "EXPLAIN ANALYZE SELECT username FROM users ORDER BY age LIMIT 1 FOR UPDATE");
    EXPECT_LIKE(one, "EXPLAIN SELECT username FROM users ORDER BY age LIMIT 1 FOR UPDATE", "locks: ");
    EXPECT(one, "SET client_encoding = 'LATIN1'", "SET");
    EXPECT_REFUSED(one, "SELECT username FROM users WHERE username <> U&'\\4e2d' ORDER BY age LIMIT 1 FOR UPDATE");
    EXPECT(one, "SELECT username FROM users WHERE username <> 'x' ORDER BY age LIMIT 1 FOR UPDATE", "ann");
    expect_free(0, "ann bob cid");
}

/* The client is gone while a shard waits for a lock of its. */
Test(locking, a_client_that_leaves)
{
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT username FROM users WHERE username = 'ann' FOR UPDATE", "ann");
    int fd = raw_login(&keyway);
    raw_query(fd, "SELECT username FROM users ORDER BY age LIMIT 3 FOR UPDATE");
    EXPECT_SOON(watcher, waiting, "1", SOON_MS);
    close(fd);
    EXPECT_SOON(watcher, waiting, "0", SOON_MS);
    EXPECT_SOON(shards[1], "SELECT count(*) FROM (SELECT 1 FROM users FOR UPDATE SKIP LOCKED) u", "2", SOON_MS);
    EXPECT(other, "COMMIT", "COMMIT");
}

Test(locking, a_shard_that_is_lost)
{
    EXPECT(other, "BEGIN", "BEGIN");
    EXPECT(other, "SELECT username FROM users WHERE username = 'ann' FOR UPDATE", "ann");
    EXPECT(one, "BEGIN", "BEGIN");
    cr_assert(PQsendQuery(one, "SELECT username FROM users ORDER BY age LIMIT 3 FOR UPDATE"));
    EXPECT_SOON(watcher, waiting, "1", SOON_MS);
    EXPECT(watcher, "SELECT bool_and(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "t");
    PGresult *result = PQgetResult(one);
    cr_assert_eq(PQresultStatus(result), PGRES_FATAL_ERROR);
    PQclear(result);
    cr_assert_null(PQgetResult(one));
    EXPECT(one, "ROLLBACK", "ROLLBACK");
    expect_free(1, "hal ian");
    EXPECT(other, "COMMIT", "COMMIT");
    EXPECT(one, "SELECT username FROM users ORDER BY age LIMIT 3 FOR UPDATE", "ann\nhal\nzoe");
}
