/*
 * Memory is bounded: a client that does not read holds back the shards that feed it.  A sanitizer's own
 * memory would hide that, so nothing is asked of a server that was built with one.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/integration/fixture.h"

enum { LIMIT_KB = 64 * 1024, ROW = 100 * 1000 };

static struct keyway keyway;

static void start(void)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n"});
}

static void stop(void)
{
    keyway_stop(&keyway);
}

TestSuite(memory, .init = start, .fini = stop, .timeout = 300);

/* So many wide rows on each shard, short there, long when they are read. */
static void fill(int rows)
{
    static const char first_letters[] = "amz";
    for (int shard = 0; shard < 3; shard++) {
        char sql[200], tag[30];
        PGconn *conn = connect_server(shard);
        snprintf(sql, sizeof sql,
                 "INSERT INTO users (username) SELECT '%c' || i FROM generate_series(1, %d) AS i",
                 first_letters[shard], rows);
        snprintf(tag, sizeof tag, "INSERT 0 %d", rows);
        EXPECT(conn, sql, tag);
        PQfinish(conn);
    }
}

/* Nothing moves any more: the sockets are full, and the shards are held back. */
static void wait_until_held_back(void)
{
    double before, after = keyway_cpu_seconds(&keyway);
    int quiet = 0;
    for (int rounds = 0; quiet < 30 && rounds < 2000; rounds++) {
        pause_briefly();
        before = after;
        after = keyway_cpu_seconds(&keyway);
        quiet = after == before ? quiet + 1 : 0;
    }
    cr_expect_eq(quiet, 30, "keyway did not come to rest");
}

/* Ask for much, read nothing until all is full, then read it all; what Keyway needed at most meanwhile. */
static long read_slowly(const char *sql, int rows)
{
    PGconn *conn = connect_keyway(&keyway, NULL);
    cr_assert(PQsendQuery(conn, sql) && PQsetSingleRowMode(conn));
    wait_until_held_back();
    long largest = keyway_rss_kb(&keyway);
    int seen = 0;
    for (PGresult *result; (result = PQgetResult(conn)); PQclear(result)) {
        if (PQresultStatus(result) != PGRES_SINGLE_TUPLE) {
            cr_expect_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQresultErrorMessage(result));
            continue;
        }
        cr_expect_eq(PQgetlength(result, 0, 0), ROW);
        if (++seen % 500 == 0 && keyway_rss_kb(&keyway) > largest)
            largest = keyway_rss_kb(&keyway);
    }
    cr_expect_eq(seen, rows, "%d rows", seen);
    PQfinish(conn);
    return largest;
}

static void expect_within_limit(long largest)
{
    cr_expect_lt(largest, LIMIT_KB, "Keyway needed %ld kB", largest);
}

Test(memory, a_slow_reader_of_a_gigabyte_from_one_shard)
{
    if (sanitized())
        return;
    expect_within_limit(read_slowly("SELECT repeat('x', 100000) FROM generate_series(1, 10000)", 10000));
}

Test(memory, a_slow_reader_of_a_gigabyte_from_three_shards_as_it_comes)
{
    if (sanitized())
        return;
    fill(3333);
    expect_within_limit(read_slowly("SELECT repeat('x', 100000) FROM users", 9999));
}

Test(memory, a_slow_reader_of_a_gigabyte_from_three_shards_in_order)
{
    if (sanitized())
        return;
    fill(3333);
    expect_within_limit(
        read_slowly("SELECT repeat('x', 100000), username FROM users ORDER BY username", 9999));
}

/* The order goes from shard to shard with each row, so that all are held back all the time. */
Test(memory, a_quick_reader_of_rows_that_take_turns)
{
    enum { ROWS = 400 * 1000 };
    if (sanitized())
        return;
    fill(ROWS);
    PGconn *conn = connect_keyway(&keyway, NULL);
    cr_assert(PQsendQuery(conn, "SELECT repeat('x', 150) FROM users ORDER BY substr(username, 2)::integer") && PQsetSingleRowMode(conn));
    int seen = 0;
    long largest = 0;
    for (PGresult *result; (result = PQgetResult(conn)); PQclear(result)) {
        seen += PQntuples(result);
        if (seen % 10000 == 0 && keyway_rss_kb(&keyway) > largest)
            largest = keyway_rss_kb(&keyway);
    }
    cr_expect_eq(seen, 3 * ROWS, "%d rows", seen);
    expect_within_limit(largest);
    PQfinish(conn);
}

static void *read_all(void *conn)
{
    for (PGresult *result; (result = PQgetResult(conn)); PQclear(result))
        ;
    return NULL;
}

/* … and all of them would have something to do all the time. */
Test(memory, rows_that_take_turns_do_not_keep_the_turns_of_others)
{
    enum { ROWS = 200 * 1000 };
    fill(ROWS);
    PGconn *reader = connect_keyway(&keyway, NULL), *other = connect_keyway(&keyway, NULL);
    EXPECT(other, "SELECT 1 FROM users WHERE username = 'a1'", "1");
    cr_assert(PQsendQuery(reader, "SELECT username FROM users ORDER BY substr(username, 2)::integer") && PQsetSingleRowMode(reader));
    PGresult *first = PQgetResult(reader);
    cr_assert_eq(PQresultStatus(first), PGRES_SINGLE_TUPLE);
    PQclear(first);
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, read_all, reader), 0);
    int answers = 0;
    while (pthread_tryjoin_np(thread, NULL) != 0) {
        EXPECT(other, "SELECT 1 FROM users WHERE username = 'a1'", "1");
        answers++;
    }
    cr_expect_gt(answers, 10, "%d answers while rows were merged", answers);
    PQfinish(reader);
    PQfinish(other);
}

Test(memory, one_row_of_a_hundred_megabytes_is_not_kept)
{
    if (sanitized())
        return;
    PGconn *conn = connect_keyway(&keyway, NULL);
    cr_assert(PQsendQuery(conn, "SELECT repeat('x', 100000000)"));
    wait_until_held_back();
    expect_within_limit(keyway_rss_kb(&keyway));
    PGresult *result = PQgetResult(conn);
    cr_expect_eq(PQgetlength(result, 0, 0), 100000000);
    expect_within_limit(keyway_rss_kb(&keyway));
    PQclear(result);
    PQfinish(conn);
}

/* --- the other way: a server that does not read
 * -------------------------------------------------------------- */

/* The shard waits for a lock, and does not read its COPY data meanwhile. */
Test(memory, copy_data_for_a_shard_that_does_not_read)
{
    enum { PIECE = 1000000, PIECES = 200 };
    static char piece[PIECE + 100];
    if (sanitized())
        return;
    PGconn *conn = connect_keyway(&keyway, NULL), *holder = connect_server(2);
    EXPECT(holder, "BEGIN; INSERT INTO users (username) VALUES ('z')", "BEGIN\nINSERT 0 1");
    PGresult *result = PQexec(conn, "COPY users (username, full_name) FROM STDIN");
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_IN, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQsetnonblocking(conn, 1);
    cr_assert_eq(PQputCopyData(conn, "z\tsame key\n", 11), 1); /* waits for the other's transaction */
    long largest = 0;
    int sent = 0;
    for (; sent < PIECES && PQflush(conn) == 0; sent++) {
        int length = snprintf(piece, sizeof piece, "z%d\t%0*d\n", sent, PIECE, sent);
        cr_assert_eq(PQputCopyData(conn, piece, length), 1);
        for (int rounds = 0; PQflush(conn) == 1 && rounds < 100; rounds++)
            pause_briefly();
        largest = keyway_rss_kb(&keyway) > largest ? keyway_rss_kb(&keyway) : largest;
    }
    cr_expect_lt(sent, PIECES, "all of it was taken, and is kept somewhere");
    expect_within_limit(largest);
    EXPECT(holder, "ROLLBACK", "ROLLBACK");
    PQsetnonblocking(conn, 0);
    cr_expect_eq(PQputCopyEnd(conn, NULL), 1, "%s", PQerrorMessage(conn));
    result = PQgetResult(conn);
    cr_expect_eq(atoi(PQcmdTuples(result)), sent + 1, "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    PQfinish(holder);
}

Test(memory, rows_that_are_computed_first_are_not_all_kept)
{
    if (sanitized())
        return;
    PGconn *conn = connect_keyway(&keyway, NULL);
    long largest = 0;
    cr_assert(PQsendQuery(conn, "INSERT INTO users (username, full_name) SELECT chr(97 + g % 26) || g, repeat('x', 300) FROM generate_series(1, 200000) AS g"));
    for (; PQisBusy(conn) && PQconsumeInput(conn); pause_briefly())
        if (keyway_rss_kb(&keyway) > largest)
            largest = keyway_rss_kb(&keyway);
    PGresult *result = PQgetResult(conn);
    cr_expect_str_eq(PQcmdStatus(result), "INSERT 0 200000", "%s", PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    expect_within_limit(largest);
}

Test(memory, a_statement_of_thirty_megabytes_reaches_its_shard)
{
    enum { LENGTH = 30000000 };
    char *sql = malloc(LENGTH + 200);
    PGconn *conn = connect_keyway(&keyway, NULL);
    int start_length = sprintf(sql, "SELECT length('");
    memset(sql + start_length, 'x', LENGTH);
    strcpy(sql + start_length + LENGTH, "')");
    EXPECT(conn, sql, "30000000");
    free(sql);
    PQfinish(conn);
}

/* --- clients that do nothing
 * ------------------------------------------------------------------------------------------------ */

enum { IDLE_CLIENTS = 3000, BYTES_EACH = 2048 };

Test(memory, three_thousand_idle_clients_cost_two_kilobytes_each_at_most)
{
    static PGconn *clients[IDLE_CLIENTS];
    if (sanitized())
        return;
    PGconn *first = connect_keyway(&keyway, NULL);
    EXPECT(first, "SELECT count(*) FROM users", "0");
    long before = keyway_rss_kb(&keyway);
    for (int i = 0; i < IDLE_CLIENTS; i++)
        clients[i] = connect_keyway(&keyway, NULL);
    long each = (keyway_rss_kb(&keyway) - before) * 1024 / IDLE_CLIENTS;
    cr_expect_leq(each, BYTES_EACH, "an idle client costs %ld bytes", each);
    for (int i = 0; i < IDLE_CLIENTS; i++)
        PQfinish(clients[i]);
    EXPECT(first, "SELECT count(*) FROM users", "0");
    PQfinish(first);
}
