/*
 * One shard is down: that concerns its own rows only, and ends when it is back.
 */
#include <criterion/criterion.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "query_wait_timeout = 5\n"});
    load_tables(3, 200);
}

static void stop(void)
{
    keyway_stop(&keyway);
}

TestSuite(shard_down, .init = start, .fini = stop, .timeout = 120);

/* The shards that live go on answering. */
Test(shard_down, a_dead_shard_is_an_error_only_for_its_own_rows)
{
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT username FROM users WHERE username = 'h'", "h");
    cluster_kill_server(1);
    EXPECT(conn, "SELECT username FROM users WHERE username = 'q'", "q");
    EXPECT_LIKE(conn, "SELECT username FROM users WHERE username = 'h'", "ERROR ");
    cluster_start_server(1);
    PQfinish(conn);
    conn = connect_keyway(&keyway, NULL);
    EXPECT_SOON(conn, "SELECT username FROM users WHERE username = 'h'", "h", 15000);
    PQfinish(conn);
}
