/*
 * What is not proved right is refused with a reason and a way out, and has changed nothing.
 */
#include <criterion/criterion.h>

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

Test(refusals, joins_that_cross_shards)
{
    EXPECT_REFUSED(conn, "SELECT count(*) FROM users u JOIN follows f ON f.followee = u.username");
    EXPECT_REFUSED(conn, "SELECT a.username FROM users a JOIN users b ON b.karma = a.karma");
}

Test(refusals, windows_and_limits_in_subqueries)
{
    EXPECT_REFUSED(conn, "SELECT username, rank() OVER (ORDER BY karma) FROM users");
    EXPECT_REFUSED(conn, "SELECT count(*) FROM (SELECT username FROM users LIMIT 5) AS few");
}

Test(refusals, a_reference_table_left_joined_to_a_sharded_one)
{
    EXPECT_REFUSED(conn,
                   "SELECT c.code, u.username FROM countries c LEFT JOIN users u ON u.country = c.code");
}

Test(refusals, subqueries_that_do_not_share_the_key)
{
    EXPECT_REFUSED(conn, "SELECT username FROM users WHERE username NOT IN (SELECT followee FROM follows)");
    EXPECT_REFUSED(conn, "SELECT (SELECT count(*) FROM posts) FROM users WHERE username = 'h'");
    EXPECT_REFUSED(conn, "SELECT 1 WHERE EXISTS (SELECT 1 FROM users WHERE age > 50)");
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
