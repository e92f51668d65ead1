/*
 * What is not proved right is refused with a reason and a way out, and has changed nothing.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3});
    load_tables(3, 100);
    conn = connect_keyway(&keyway, NULL);
}

static void stop(void)
{
    EXPECT(conn, "SELECT count(*) FROM users", "100");
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(refusals, .init = start, .fini = stop, .timeout = 60);

Test(refusals, a_key_that_changes)
{
    EXPECT_REFUSED(conn, "UPDATE users SET username = 'zoe' WHERE username = 'h'");
    EXPECT_ON(1, "SELECT count(*) FROM users WHERE username = 'h'", "1");
}

Test(refusals, row_locks_through_a_copy)
{
    EXPECT_REFUSED(conn, "SELECT u.username FROM users u JOIN follows f ON f.followee = u.username FOR UPDATE");
}

Test(refusals, what_tells_a_copy_from_the_table)
{
    EXPECT_REFUSED(conn, "SELECT a.ctid FROM users a JOIN users b ON b.karma = a.karma");
}

Test(refusals, gathering_into_tables_behind_a_savepoint_of_a_read_only_transaction)
{
    EXPECT(conn, "BEGIN READ ONLY", "BEGIN");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
    EXPECT_REFUSED(conn, "SELECT a.username, a.full_name, count(*) FROM users a JOIN users b ON b.karma = a.karma GROUP BY a.username, ROLLUP (b.age)");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}

/* The rows of an array come from several shards, though each of them finds its own by itself. */
Test(refusals, arrays_of_rows_without_an_order)
{
    EXPECT_REFUSED(conn, "SELECT ARRAY(SELECT username FROM users WHERE age > 3)");
    EXPECT_REFUSED(conn, "SELECT c.code, ARRAY(SELECT age FROM users) FROM countries c");
}

/* Only the rows tell: 1/3 added in another order has other last digits, 1/4 has not. */
Test(refusals, sums_of_floats_that_show_the_order_of_rows)
{
    EXPECT_REFUSED(conn, "SELECT sum(karma / 3.0::float8) FROM users");
    EXPECT_REFUSED(conn, "EXPLAIN ANALYZE SELECT avg(karma / 3.0::float8) FROM users");
    EXPECT_REFUSED(conn, "SELECT sum(karma / 3.0::float8) OVER () FROM users");
    EXPECT_REFUSED(conn, "SELECT sum(1e300::float8) FROM users");
    EXPECT(conn, "SELECT sum(1 / 4.0::float8) * 4 = count(*), round(sum(1 / 3.0::float8)::numeric * 3, 3) = count(*) FROM users", "t|t");
    EXPECT(conn, "SELECT sum(CASE WHEN karma > 3 THEN 'Infinity' ELSE karma / 3.0::float8 END) FROM users", "Infinity");
    EXPECT(conn, "SELECT sum(1 / 3.0::float8) > 0, round(avg(1 / 3.0::float8)::numeric, 4) FROM users", "t|0.3333");
}

/* Which of several equal keys is the last is not known; that all are different is found out by the query itself. */
Test(refusals, objects_with_equal_keys)
{
    EXPECT_REFUSED(conn, "SELECT jsonb_object_agg(coalesce(age, 0) % 3, username) FROM users");
    EXPECT(conn, "SELECT jsonb_object_agg(username || '!', age) FILTER (WHERE username < 'c') <> '{}', jsonb_object_agg(username, 1) FILTER (WHERE age < 0) FROM users", "t|~");
}

/* Groups of equal sums, but for their last digits: which comes first is not known. */
Test(refusals, groups_that_floats_do_not_tell_apart)
{
    EXPECT_REFUSED(conn, "SELECT g % 3 FROM users, generate_series(1, 9) g GROUP BY 1 ORDER BY sum(1 / 3.0::float8)");
    EXPECT_REFUSED(conn, "SELECT rank() OVER (ORDER BY avg(1 / 3.0::float8)) FROM users, generate_series(1, 9) g GROUP BY g % 3 LIMIT 1");
    EXPECT_REFUSED(conn, "SELECT rank() OVER w FROM users GROUP BY age % 3 WINDOW w AS (ORDER BY avg(karma / 3.0::float8) RANGE 1 PRECEDING)");
    EXPECT(conn, "SELECT g % 3 FROM users, generate_series(1, 9) g GROUP BY 1 ORDER BY sum(1 / 4.0::float8), 1", "0\n1\n2");
    EXPECT(conn, "SELECT g % 3 FROM users, generate_series(1, 9) g GROUP BY 1 ORDER BY sum(g % 3 / 3.0::float8) DESC LIMIT 2", "2\n1");
}

Test(refusals, writes_to_several_shards_unless_allowed)
{
    EXPECT_REFUSED(conn, "UPDATE users SET age = 1");
    EXPECT_REFUSED(conn, "INSERT INTO users (username) VALUES ('a1'), ('z1')");
    EXPECT_ON(0, "SELECT count(*) FROM users WHERE username = 'a1'", "0");
    EXPECT_ON(2, "SELECT count(*) FROM users WHERE username = 'z1'", "0");
}

Test(refusals, volatile_functions_on_several_shards)
{
    EXPECT_REFUSED(conn, "UPDATE countries SET population = (random() * 100)::int");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "SELECT sum(population) FROM countries", "1676000000");
}

Test(refusals, what_is_wrong_anyway_is_told_as_postgresql_tells_it)
{
    EXPECT_ERROR(conn, "UPDATE users SET username = 'zoe', nosuch = 1 WHERE username = 'h'", "42703");
    EXPECT_ERROR(conn, "SELECT nosuch(username) FROM users", "42883");
    EXPECT_ERROR(conn, "SELECT username FROM users LIMIT 'x'", "22P02");
    char *answer = ask_params(conn, "MERGE INTO users u USING nosuch n ON true WHEN MATCHED THEN DELETE", 0, NULL);
    cr_expect(strstr(answer, "42P01"), "%s", answer);
    free(answer);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT_ERROR(conn, "UPDATE users SET username = nosuch WHERE username = 'h'", "42703");
    EXPECT_ERROR(conn, "SELECT 1", "25P02");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
}
