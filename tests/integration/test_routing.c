/*
 * Each row on the shard of its key, and only there; each answer the one that a PostgreSQL with all the rows
 * gives.
 */
#include <criterion/criterion.h>
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
}

static void start_with_rows(void)
{
    start();
    load_tables(3, 200);
}

static void stop(void)
{
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(routing, .init = start, .fini = stop, .timeout = 60);
TestSuite(reads, .init = start_with_rows, .fini = stop, .timeout = 60);

Test(routing, an_inserted_row_is_on_the_shard_of_its_key_only)
{
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anna', 30)", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('henry', 31)", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (age, username) VALUES (32, 'zoe')", "INSERT 0 1");
    EXPECT_ON(0, "SELECT username FROM users", "anna");
    EXPECT_ON(1, "SELECT username FROM users", "henry");
    EXPECT_ON(2, "SELECT username FROM users", "zoe");
}

Test(routing, the_bound_itself_belongs_to_the_upper_range)
{
    EXPECT(conn, "INSERT INTO users (username) VALUES ('h')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username) VALUES ('gzzz')", "INSERT 0 1");
    EXPECT_ON(0, "SELECT username FROM users", "gzzz");
    EXPECT_ON(1, "SELECT username FROM users", "h");
}

Test(routing, rows_of_one_insert_go_to_their_shards)
{
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anna', 1), ('zoe', 2), ('henry', 3), ('bob', 4)",
           "INSERT 0 4");
    EXPECT_ON(0, "SELECT username FROM users ORDER BY 1", "anna\nbob");
    EXPECT_ON(1, "SELECT username FROM users", "henry");
    EXPECT_ON(2, "SELECT username FROM users", "zoe");
}

Test(routing, a_failing_row_takes_the_others_with_it)
{
    EXPECT_ERROR(conn, "INSERT INTO users (username, age) VALUES ('anna', 1), ('zoe', 2), ('zoe', 3)",
                 "23505");
    EXPECT(conn, "SELECT count(*) FROM users", "0");
}

Test(routing, a_missing_key_is_a_clear_error)
{
    EXPECT_LIKE(conn, "INSERT INTO users (age) VALUES (1)", "ERROR ");
    EXPECT_LIKE(conn, "INSERT INTO users (username) VALUES (NULL)", "ERROR ");
    EXPECT(conn, "SELECT count(*) FROM users", "0");
}

Test(routing, update_and_delete_follow_the_key)
{
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anna', 1), ('zoe', 2)", "INSERT 0 2");
    EXPECT(conn, "UPDATE users SET age = age + 10 WHERE username = 'zoe'", "UPDATE 1");
    EXPECT(conn, "DELETE FROM users WHERE username = 'anna'", "DELETE 1");
    EXPECT(conn, "DELETE FROM users WHERE username = 'nobody'", "DELETE 0");
    EXPECT_ON(0, "SELECT count(*) FROM users", "0");
    EXPECT_ON(2, "SELECT username, age FROM users", "zoe|12");
}

Test(routing, counts_of_a_write_on_all_shards_are_summed)
{
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('anna', 1), ('henry', 2), ('zoe', 3)",
           "INSERT 0 3");
    EXPECT(conn, "UPDATE users SET age = 9", "UPDATE 3");
    EXPECT(conn, "DELETE FROM users WHERE age = 9", "DELETE 3");
}

Test(routing, tables_of_one_keyspace_live_together)
{
    EXPECT(conn, "INSERT INTO posts (username, id, body) VALUES ('zoe', 1, 'hello')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO follows (follower, followee) VALUES ('zoe', 'anna')", "INSERT 0 1");
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('zoe', 2)", "INSERT 0 1");
    EXPECT(conn,
           "SELECT u.username, p.body, f.followee FROM users u JOIN posts p USING (username)"
           " JOIN follows f ON f.follower = u.username WHERE u.username = 'zoe'",
           "zoe|hello|anna");
}

Test(routing, a_reference_table_is_written_on_every_shard)
{
    EXPECT(conn, "INSERT INTO countries VALUES ('de', 'Germany', 1)", "INSERT 0 1");
    EXPECT(conn, "UPDATE countries SET population = 2 WHERE code = 'de'", "UPDATE 1");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "SELECT * FROM countries", "de|Germany|2");
    EXPECT(conn, "DELETE FROM countries", "DELETE 1");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "SELECT count(*) FROM countries", "0");
}

Test(routing, parameters_route_writes_too)
{
    const char *rows[][2] = {{"anna", "1"}, {"henry", "2"}, {"zoe", "3"}};
    for (int i = 0; i < 3; i++) {
        char *answer = ask_params(conn, "INSERT INTO users (username, age) VALUES ($1, $2)", 2, rows[i]);
        cr_expect_str_eq(answer, "INSERT 0 1");
        free(answer);
        EXPECT_ON(i, "SELECT count(*) FROM users", "1");
    }
}

Test(routing, tables_are_made_on_every_shard)
{
    EXPECT(conn, "ALTER TABLE users ADD COLUMN motto text", "ALTER TABLE");
    EXPECT(conn, "INSERT INTO users (username, motto) VALUES ('zoe', 'go')", "INSERT 0 1");
    EXPECT(conn, "SELECT motto FROM users", "go");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "SELECT count(motto) > -1 FROM users", "t");
}

/* Ask both; a read that names no order is compared as a set by asking for one. */
static void same_as_oracle(const char *const *statements, int count)
{
    PGconn *oracle = connect_server(CLUSTER_ORACLE);
    for (int i = 0; i < count; i++) {
        char *expected = ask(oracle, statements[i]);
        EXPECT(conn, statements[i], expected);
        free(expected);
    }
    PQfinish(oracle);
}
#define SAME(...)                                                                                            \
    do {                                                                                                     \
        const char *const list[] = {__VA_ARGS__};                                                            \
        same_as_oracle(list, sizeof list / sizeof list[0]);                                                  \
    } while (0)

Test(reads, of_one_key)
{
    SAME("SELECT * FROM users WHERE username = 'q'", "SELECT * FROM users WHERE username = ''",
         "SELECT * FROM users WHERE username = 'o''brien'",
         "SELECT * FROM users WHERE username = E'back\\\\slash'",
         "SELECT * FROM users WHERE username = 'nobody'",
         "SELECT id, body FROM posts WHERE username = 'a b' ORDER BY id");
}

Test(reads, ordered_over_all_shards)
{
    SAME("SELECT username, karma FROM users ORDER BY username",
         "SELECT username FROM users ORDER BY username DESC",
         "SELECT age, username FROM users ORDER BY age, username",
         "SELECT age, username FROM users ORDER BY age NULLS FIRST, username DESC",
         "SELECT username, id, likes FROM posts ORDER BY likes DESC, username, id",
         "SELECT born, username FROM users ORDER BY born DESC, username");
}

Test(reads, with_limit_and_offset)
{
    SAME("SELECT username FROM users ORDER BY username LIMIT 7",
         "SELECT username FROM users ORDER BY username LIMIT 0",
         "SELECT username FROM users ORDER BY karma, username LIMIT 10 OFFSET 25",
         "SELECT username FROM users ORDER BY username OFFSET 190",
         "SELECT username FROM users ORDER BY username OFFSET 1000");
}

Test(reads, counts_sums_and_extremes)
{
    SAME("SELECT count(*) FROM users", "SELECT count(age), sum(age), min(age), max(karma) FROM users",
         "SELECT count(*) FROM users WHERE age > 30",
         "SELECT sum(karma) FROM users WHERE username = 'nobody'", "SELECT min(born), max(born) FROM users");
}

Test(reads, several_keys)
{
    SAME("SELECT username, age FROM users WHERE username IN ('h', 'q', 'm', 'nobody') ORDER BY username",
         "SELECT username FROM users WHERE username = 'h' OR username = 'q' ORDER BY username",
         "SELECT username FROM users WHERE username >= 'h' AND username < 'm' ORDER BY username");
}

Test(reads, joined_on_the_key)
{
    SAME("SELECT u.username, p.id, p.body FROM users u JOIN posts p ON p.username = u.username ORDER BY "
         "u.username, p.id",
         "SELECT u.username, c.name FROM users u JOIN countries c ON c.code = u.country ORDER BY u.username",
         "SELECT count(*) FROM users u JOIN follows f ON f.follower = u.username");
}

Test(reads, of_a_reference_table)
{
    SAME("SELECT * FROM countries ORDER BY code", "SELECT count(*) FROM countries");
}

Test(reads, without_order_are_complete)
{
    PGresult *result = PQexec(conn, "SELECT username FROM users");
    cr_expect_eq(PQntuples(result), 200, "%s", PQerrorMessage(conn));
    PQclear(result);
}

/* Each shard asks them of its own rows; one that reads a table would see no more than the shard's. */
Test(reads, of_a_table_with_policies)
{
    EXPECT(conn, "GRANT USAGE ON SCHEMA public TO other", "GRANT");
    EXPECT(conn, "GRANT SELECT ON users, posts TO other", "GRANT");
    EXPECT(conn, "CREATE POLICY its_own ON users USING (age % 2 = 0 AND current_user = 'other' AND karma >= current_setting('app.least')::int)",
           "CREATE POLICY");
    EXPECT(conn, "ALTER TABLE users ENABLE ROW LEVEL SECURITY", "ALTER TABLE");
    char *rows = ask(conn, "SELECT count(*) FROM users WHERE age % 2 = 0 AND karma >= 20"),
         *pairs = ask(conn, "SELECT count(*) FROM users a JOIN users b ON a.age = b.age + 2 WHERE a.age % 2 = 0 AND a.karma >= 20 AND b.karma >= 20");
    EXPECT(conn, "SET app.least = 20", "SET");
    EXPECT(conn, "SET ROLE other", "SET");
    EXPECT(conn, "SELECT count(*) FROM users", rows);
    EXPECT(conn, "SELECT count(*) FROM users a JOIN users b ON a.age = b.age + 2", pairs);
    free(rows);
    free(pairs);
    EXPECT(conn, "RESET ROLE", "RESET");
    EXPECT(conn, "CREATE VIEW all_users AS SELECT username, age FROM users", "CREATE VIEW");
    EXPECT_REFUSED(conn, "SELECT count(*) FROM all_users a JOIN all_users b ON a.age = b.age + 2"); /* of its owner it would show all */
    EXPECT(conn, "CREATE POLICY that_reads ON users USING (username IN (SELECT username FROM posts))", "CREATE POLICY");
    EXPECT_REFUSED(conn, "SELECT count(*) FROM users");
}
