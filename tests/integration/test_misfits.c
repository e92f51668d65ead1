/*
 * Tables whose key is not on the shards any more: they alone cannot be used, and whoever names them is told why.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/console.h"

static struct keyway keyway;
static PGconn *console, *client;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3});
    load_tables(3, 50);
    console = connect_console(&keyway);
    client = connect_keyway(&keyway, NULL);
}

static void stop(void)
{
    PQfinish(client);
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(misfits, .init = start, .fini = stop, .timeout = 60);

static void on_shards(const char *sql, const char *expected)
{
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, sql, expected);
}

static void rename_key_of_posts(void)
{
    on_shards("ALTER TABLE posts RENAME COLUMN username TO author", "ALTER TABLE");
}

static void expect_misfit(const char *sql)
{
    EXPECT_REFUSED(client, sql);
    EXPECT_LIKE(client, sql, "does not fit the configuration and cannot be used");
}

Test(misfits, others_go_on_with_what_has_changed)
{
    rename_key_of_posts();
    on_shards("ALTER TABLE users ADD COLUMN motto text", "ALTER TABLE");
    EXPECT(client, "CREATE TABLE fresh (x integer)", "CREATE TABLE");
    EXPECT(client, "UPDATE users SET motto = 'go on' WHERE username = 'h'", "UPDATE 1");
    EXPECT(client, "SELECT max(motto), count(*) FROM users", "go on|50");
    EXPECT(client, "SELECT count(x) FROM fresh", "0");
    EXPECT(client, "WITH posts AS (SELECT username FROM users) SELECT count(*) FROM posts", "50");
    EXPECT(client, "CREATE TABLE later (x integer)", "CREATE TABLE");
    EXPECT(client, "SELECT count(x) FROM later", "0");
}

Test(misfits, every_statement_that_names_one_is_refused)
{
    static const char *const statements[] = {
        "SELECT author FROM posts",
        "SELECT count(*) FROM posts",
        "SELECT * FROM posts WHERE author = 'h'",
        "SELECT u.username FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.author = u.username)",
        "SELECT avg(id) FROM (SELECT id FROM posts LIMIT 3) x",
        "SELECT id FROM all_posts",
        "INSERT INTO posts (author, id) VALUES ('h', 77)",
        "INSERT INTO posts SELECT 'h', 77",
        "INSERT INTO users (username) SELECT author FROM posts",
        "INSERT INTO countries (code, name) VALUES ('xx', (SELECT max(body) FROM posts))",
        "UPDATE posts SET likes = 1",
        "UPDATE users SET age = 1 FROM posts WHERE author = users.username",
        "DELETE FROM posts WHERE author = 'h'",
        "WITH gone AS (DELETE FROM posts RETURNING id) SELECT count(*) FROM gone",
        "MERGE INTO countries c USING posts p ON p.author = c.code WHEN MATCHED THEN DELETE",
        "COPY posts TO STDOUT",
        "COPY posts FROM STDIN",
        "COPY (SELECT id FROM posts) TO STDOUT",
        "EXPLAIN SELECT author FROM posts",
        "EXPLAIN ANALYZE DELETE FROM posts",
        "DECLARE c CURSOR WITH HOLD FOR SELECT author FROM posts",
        "TRUNCATE posts",
        "TRUNCATE users, posts",
        "LOCK TABLE posts",
        "ANALYZE posts",
        "CREATE TABLE copied AS SELECT author FROM posts",
        "SELECT author INTO copied FROM posts",
        "CREATE VIEW more AS SELECT author FROM posts",
        "CREATE INDEX ON posts (likes)",
    };
    EXPECT(client, "CREATE VIEW all_posts AS SELECT id FROM posts", "CREATE VIEW");
    EXPECT(client, "PREPARE before AS SELECT count(*) FROM posts", "PREPARE");
    rename_key_of_posts();
    EXPECT(console, "RELOAD", "RELOAD");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        expect_misfit(statements[i]);
    expect_misfit("EXECUTE before");
    EXPECT_ERROR(client, "INSERT INTO posts (username, id) VALUES ('h', 77)", "42703"); /* as on one PostgreSQL */
    on_shards("SELECT count(*) > 0 FROM posts WHERE likes IS DISTINCT FROM 1", "t");
    char *answer = ask_params(client, "SELECT author FROM posts WHERE author = $1", 1, (const char *[]){"h"});
    cr_expect(strncmp(answer, "ERROR 0A000", 11) == 0, "%s", answer);
    free(answer);
}

Test(misfits, the_reason_is_told)
{
    rename_key_of_posts();
    on_shards("ALTER TABLE follows ALTER COLUMN follower TYPE bytea USING convert_to(follower, 'UTF8')", "ALTER TABLE");
    EXPECT(console, "RELOAD", "RELOAD");
    PGresult *result = PQexec(client, "SELECT * FROM follows");
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), "\"follows\" does not fit the configuration and cannot be used");
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
                     "The key column \"follower\" of table \"public.follows\" is not of its keyspace's type. The column's type is bytea, that of "
                     "keyspace \"username\" is text.");
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT),
                     "Give the table a keyspace of the column's type. RELOAD puts a changed configuration in force.");
    PQclear(result);
    EXPECT_SHOWN(console, "SHOW TABLES", "table", "posts", "problem",
                 "cannot be used: key column \"username\" of table \"public.posts\" does not exist on the home shard");
    EXPECT_SHOWN(console, "SHOW TABLES", "table", "users", "problem", "");
    cr_expect(keyway_log_contains(&keyway, "key column \"username\" of table \"public.posts\" does not exist on the home shard, and cannot be used"));
}

Test(misfits, they_can_be_mended_on_the_shards_or_in_the_file_or_dropped)
{
    rename_key_of_posts();
    EXPECT(console, "RELOAD", "RELOAD");
    expect_misfit("SELECT count(*) > 0 FROM posts");
    on_shards("ALTER TABLE posts RENAME COLUMN author TO username", "ALTER TABLE");
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(client, "SELECT count(*) > 0 FROM posts", "t");

    rename_key_of_posts();
    EXPECT(console, "RELOAD", "RELOAD");
    expect_misfit("SELECT count(*) > 0 FROM posts");
    cr_assert_eq(run("sed -i '/app.posts/,/^key =/s/^key = .*/key = author/' %s", keyway.file), 0);
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(client, "SELECT count(*) > 0 FROM posts", "t");
    EXPECT(client, "SELECT author FROM posts WHERE author = 'm' LIMIT 1", "m");

    cr_assert_eq(run("sed -i '/app.posts/,/^key =/s/^key = .*/key = nothing/' %s", keyway.file), 0);
    EXPECT(console, "RELOAD", "RELOAD");
    expect_misfit("SELECT count(*) > 0 FROM posts");
    EXPECT(client, "ALTER TABLE posts ADD COLUMN nothing text", "ALTER TABLE");
    EXPECT(client, "SELECT count(nothing) FROM posts", "0");
    EXPECT(client, "ALTER TABLE posts DROP COLUMN likes", "ALTER TABLE");
    on_shards("ALTER TABLE posts DROP COLUMN nothing", "ALTER TABLE");
    EXPECT(console, "RELOAD", "RELOAD");
    expect_misfit("SELECT count(*) > 0 FROM posts");
    EXPECT(client, "DROP TABLE posts", "DROP TABLE");
    on_shards("SELECT to_regclass('posts')", "~");
}

/* Its rows are the parent's, too: the home shard has only a part of them. */
Test(misfits, who_shares_their_rows_cannot_be_used_either)
{
    on_shards("CREATE TABLE above (username text); ALTER TABLE posts INHERIT above", "CREATE TABLE\nALTER TABLE");
    on_shards("CREATE TABLE below () INHERITS (posts)", "CREATE TABLE");
    EXPECT(client, "CREATE TABLE fresh (x integer)", "CREATE TABLE");
    expect_misfit("SELECT count(*) FROM posts");
    expect_misfit("SELECT count(*) FROM above");
    expect_misfit("SELECT count(*) FROM below");
    expect_misfit("DELETE FROM above");
    EXPECT(client, "SELECT count(x) FROM fresh", "0");
    on_shards("ALTER TABLE posts NO INHERIT above", "ALTER TABLE");
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(client, "SELECT count(*) FROM above", "0");
    EXPECT(client, "SELECT count(*) FROM below", "0");
}

/* Nobody has used the database before: what is wrong with it is found out then, as a whole. */
Test(misfits, a_start_is_refused_with_one)
{
    rename_key_of_posts();
    PQfinish(client);
    PQfinish(console);
    keyway_stop(&keyway);
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .keep_tables = true});
    console = connect_console(&keyway);
    client = try_connect(&keyway, "dbname=app user=app");
    cr_expect(strstr(PQerrorMessage(client), "key column \"username\" of table \"public.posts\" does not exist on the home shard"), "%s",
              PQerrorMessage(client));
    on_shards("ALTER TABLE posts RENAME COLUMN author TO username", "ALTER TABLE");
    PQfinish(client);
    client = connect_keyway(&keyway, NULL);
    EXPECT(client, "SELECT count(*) > 0 FROM posts", "t");
}
