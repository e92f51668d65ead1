/*
 * pgbench runs unchanged, with its tables sharded by branch, in all three query modes; and pg_dump.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/integration/fixture.h"

static const char *const sections =
    "[keyspace app.branch]\ntype = integer\nmethod = range\n"
    "range = shard0 [-infinity, 3)\nrange = shard1 [3, 5)\nrange = shard2 [5, +infinity)\n"
    "[table app.pgbench_branches]\nkeyspace = branch\nkey = bid\n"
    "[table app.pgbench_tellers]\nkeyspace = branch\nkey = bid\n"
    "[table app.pgbench_accounts]\nkeyspace = branch\nkey = bid\n"
    "[table app.pgbench_history]\nkeyspace = branch\nkey = bid\n";

static struct keyway keyway;

static int pgbench(const char *arguments)
{
    const char *folder = getenv("PG_BINDIR");
    int status =
        run("%s/pgbench -h 127.0.0.1 -p %d -U app %s app > %s/pgbench.log 2>&1",
            folder ? folder : "/usr/lib/postgresql/15/bin", keyway.port, arguments, cluster_folder());
    if (status != 0)
        run("cat %s/pgbench.log >&2", cluster_folder());
    return status;
}

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3,
                                                 .sections = sections,
                                                 .database = "multi_shard_commit = best_effort\n"});
    cr_assert_eq(pgbench("-i -q -s 6"), 0);
}

static void stop(void)
{
    keyway_stop(&keyway);
}

TestSuite(pgbench, .init = start, .fini = stop, .timeout = 120);

Test(pgbench, initialisation_puts_each_branch_on_its_shard)
{
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT count(*) FROM pgbench_accounts", "600000");
    PQfinish(conn);
    for (int shard = 0; shard < 3; shard++) {
        char expected[20];
        snprintf(expected, sizeof expected, "%d|%d|200000", shard * 2 + 1, shard * 2 + 2);
        EXPECT_ON(shard, "SELECT min(bid), max(bid), count(*) FROM pgbench_accounts", expected);
    }
}

Test(pgbench, selects_run_in_every_mode)
{
    cr_expect_eq(pgbench("-n -S -c 8 -j 2 -T 2 -M simple"), 0);
    cr_expect_eq(pgbench("-n -S -c 8 -j 2 -T 2 -M extended"), 0);
    cr_expect_eq(pgbench("-n -S -c 8 -j 2 -T 2 -M prepared"), 0);
}

/* The books balance: what was added to accounts, tellers and branches is what the history says. */
Test(pgbench, transactions_run_in_every_mode)
{
    cr_expect_eq(pgbench("-n -c 1 -t 100 -M simple"), 0);
    cr_expect_eq(pgbench("-n -c 1 -t 100 -M extended"), 0);
    cr_expect_eq(pgbench("-n -c 1 -t 100 -M prepared"), 0);
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT count(*) FROM pgbench_history", "300");
    char *moved = ask(conn, "SELECT sum(delta) FROM pgbench_history");
    EXPECT(conn, "SELECT sum(abalance) FROM pgbench_accounts", moved);
    EXPECT(conn, "SELECT sum(tbalance) FROM pgbench_tellers", moved);
    EXPECT(conn, "SELECT sum(bbalance) FROM pgbench_branches", moved);
    free(moved);
    PQfinish(conn);
}

/* Clients that take jobs from a queue: each the first that is left, which is on any shard; nobody fails, and no job is done twice. */
static void work_off(const char *lock, int clients, int each)
{
    char file[300], arguments[400], left[20];
    FILE *script;
    load_tables(3, 200);
    snprintf(file, sizeof file, "%s/queue.sql", cluster_folder());
    cr_assert((script = fopen(file, "w")));
    fprintf(script, "BEGIN;\nSELECT quote_literal(username) AS username FROM users ORDER BY karma, users.username LIMIT 1 %s \\gset\n"
                    "INSERT INTO posts (username, id) VALUES (:username, 0);\n"
                    "DELETE FROM users WHERE username = :username;\nCOMMIT;\n", lock);
    fclose(script);
    PGconn *conn = connect_keyway(&keyway, NULL);
    for (int shard = 0; shard < 3; shard++) {
        PGconn *server = connect_server(shard);
        EXPECT_LIKE(server, "DELETE FROM posts", "DELETE");
        PQfinish(server);
    }
    snprintf(arguments, sizeof arguments, "-n -c %d -t %d -f %s", clients, each, file);
    cr_expect_eq(pgbench(arguments), 0);
    snprintf(left, sizeof left, "%d|%d", 200 - clients * each, clients * each);
    EXPECT(conn, "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM posts)", left);
    PQfinish(conn);
}

Test(pgbench, a_queue_whose_locked_rows_are_skipped)
{
    work_off("FOR UPDATE SKIP LOCKED", 8, 20);
}

Test(pgbench, a_queue_whose_locked_rows_are_awaited)
{
    work_off("FOR UPDATE", 8, 20);
}

/* pg_dump reads in one READ ONLY transaction; what it writes is restored as it is, through Keyway. */
Test(pgbench, a_dump_holds_all_rows_and_restores_them)
{
    const char *folder = getenv("PG_BINDIR") ? getenv("PG_BINDIR") : "/usr/lib/postgresql/15/bin";
    PGconn *conn = connect_keyway(&keyway, NULL);
    char *before = ask(conn, "SELECT count(*), sum(aid), max(bid) FROM pgbench_accounts");
    cr_assert_eq(run("%s/pg_dump -h 127.0.0.1 -p %d -U app -t 'pgbench_*' app > %s/dump.sql", folder, keyway.port, cluster_folder()), 0);
    EXPECT(conn, "DROP TABLE pgbench_accounts, pgbench_tellers, pgbench_branches, pgbench_history", "DROP TABLE");
    cr_assert_eq(run("%s/psql -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p %d -U app -f %s/dump.sql app > /dev/null", folder, keyway.port, cluster_folder()), 0);
    EXPECT(conn, "SELECT count(*), sum(aid), max(bid) FROM pgbench_accounts", before);
    EXPECT_ON(1, "SELECT min(bid), max(bid), count(*) FROM pgbench_accounts", "3|4|200000");
    free(before);
    PQfinish(conn);
}
