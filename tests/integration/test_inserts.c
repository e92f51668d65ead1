/*
 * INSERTs whose key or other values PostgreSQL computes before the rows can be routed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *conn;

static const char *const make_notes =
    "CREATE TABLE notes (username text NOT NULL, id serial, body varchar(5), made timestamptz DEFAULT now(),"
    " dice double precision DEFAULT random(), PRIMARY KEY (username, id))";
static const char *const make_tags = "CREATE TABLE tags (id integer GENERATED ALWAYS AS IDENTITY PRIMARY "
                                     "KEY, name text, made timestamptz DEFAULT now())";
static const char *const make_papers =
    "CREATE TABLE papers (username text DEFAULT 'anonymous' || 1 PRIMARY KEY, title text)";

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){
                              .shards = 3,
                              .database = "multi_shard_commit = best_effort\n",
                              .sections = "[table app.notes]\nkeyspace = username\nkey = username\n"
                                          "[table app.papers]\nkeyspace = username\nkey = username\n"
                                          "[table app.tags]\nreference = yes\n",
                          });
    conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, make_notes, "CREATE TABLE");
    EXPECT(conn, make_tags, "CREATE TABLE");
    EXPECT(conn, make_papers, "CREATE TABLE");
}

static void stop(void)
{
    PQfinish(conn);
    keyway_stop(&keyway);
}

TestSuite(inserts, .init = start, .fini = stop, .timeout = 60);

Test(inserts, a_computed_key_says_where_the_row_goes)
{
    EXPECT(conn, "INSERT INTO users (username, age) VALUES (upper('zoe') || 'x', 1), (lower('ZOE'), 2)",
           "INSERT 0 2");
    EXPECT_ON(0, "SELECT username, age FROM users", "ZOEx|1");
    EXPECT_ON(2, "SELECT username, age FROM users", "zoe|2");
    EXPECT_ERROR(conn, "INSERT INTO users (username) VALUES (lower(NULL))", "23502");
    EXPECT_ERROR(conn, "INSERT INTO users (username) VALUES ((1 / 0)::text)", "22012");
    EXPECT(conn, "SELECT count(*) FROM users", "2");
}

/* Its plan is made for it alone, and found nowhere when the values are there. */
Test(inserts, a_statement_too_long_to_be_kept_is_computed_once)
{
    char *sql = NULL;
    size_t size = 0;
    FILE *text = open_memstream(&sql, &size);
    fprintf(text, "INSERT INTO users (username, full_name) VALUES (lower('ZED'), '%20000d')", 1);
    fclose(text);
    EXPECT(conn, sql, "INSERT 0 1");
    EXPECT_ON(2, "SELECT username, length(full_name) FROM users", "zed|20000");
    free(sql);
}

Test(inserts, a_key_left_to_its_default_is_computed_too)
{
    EXPECT(conn, "INSERT INTO papers (title) VALUES ('first') RETURNING username", "anonymous1");
    EXPECT_ON(0, "SELECT title FROM papers", "first");
}

Test(inserts, one_sequence_serves_all_shards)
{
    EXPECT(conn, "INSERT INTO notes (username, body) VALUES ('zoe', 'a') RETURNING id", "1");
    EXPECT(conn, "INSERT INTO notes (username, body) VALUES ('anna', 'b') RETURNING id", "2");
    EXPECT(conn, "INSERT INTO notes VALUES ('henry', DEFAULT, 'c') RETURNING id", "3");
    EXPECT(conn,
           "INSERT INTO notes (username, id) VALUES ('anna', nextval('notes_id_seq') * 10) RETURNING id",
           "40");
    EXPECT(conn, "SELECT username, id FROM notes ORDER BY id", "zoe|1\nanna|2\nhenry|3\nanna|40");
}

/* A client that wrote several rows finds its keys by their position. */
Test(inserts, rows_for_several_shards_answer_in_the_order_of_the_rows)
{
    EXPECT(conn,
           "INSERT INTO notes (username, body) VALUES ('zoe', 'a'), ('anna', 'b'), ('zed', 'c'), ('henry', "
           "'d'), "
           "('bob', 'e') RETURNING username, id, body",
           "zoe|1|a\nanna|2|b\nzed|3|c\nhenry|4|d\nbob|5|e");
}

Test(inserts, the_clock_is_read_once_for_all_rows_and_random_numbers_once_for_each)
{
    EXPECT(conn, "INSERT INTO notes (username) VALUES ('zoe'), ('anna'), ('henry')", "INSERT 0 3");
    EXPECT(conn, "SELECT min(made) = max(made) FROM notes WHERE username = 'zoe'", "t");
    for (int shard = 1; shard < 3; shard++) {
        PGconn *home = connect_server(0), *other = connect_server(shard);
        char *made = ask(home, "SELECT made FROM notes"), *others = ask(other, "SELECT made FROM notes");
        char *dice = ask(home, "SELECT dice FROM notes"), *other_dice = ask(other, "SELECT dice FROM notes");
        cr_expect_str_eq(made, others);
        cr_expect_str_neq(dice, other_dice);
        free(made);
        free(others);
        free(dice);
        free(other_dice);
        PQfinish(home);
        PQfinish(other);
    }
}

Test(inserts, reference_tables_get_the_same_values_everywhere)
{
    EXPECT(conn, "INSERT INTO tags (name) VALUES ('red'), ('green') RETURNING id, name", "1|red\n2|green");
    PGconn *home = connect_server(0);
    char *rows = ask(home, "SELECT * FROM tags ORDER BY id");
    EXPECT_ON(1, "SELECT * FROM tags ORDER BY id", rows);
    EXPECT_ON(2, "SELECT * FROM tags ORDER BY id", rows);
    free(rows);
    PQfinish(home);
}

Test(inserts, parameters_are_asked_where_they_are_used)
{
    const char *values[] = {"ZOE", "5", "text"};
    char *answer = ask_params(
        conn, "INSERT INTO notes (username, id, body) VALUES (lower($1), $2, $3) RETURNING *, $2", 3, values);
    cr_expect(strncmp(answer, "zoe|5|text|", 11) == 0, "%s", answer);
    free(answer);
    answer = ask_params(
        conn,
        "INSERT INTO notes (username, body) VALUES ($1, $2), (lower($1), $2) RETURNING username, id, body", 2,
        (const char *[]){"ANNA", "b"});
    cr_expect_str_eq(answer, "ANNA|1|b\nanna|2|b");
    free(answer);
    answer = ask_params(conn, "INSERT INTO notes (username, body) VALUES ($1, $2)", 1, values);
    cr_expect(strstr(answer, "ERROR 08P01"), "%s", answer);
    free(answer);
}

/* As assignments do: what does not fit is an error, not cut off. */
Test(inserts, a_computed_value_is_converted_as_the_expression_would_be)
{
    EXPECT_ERROR(
        conn,
        "INSERT INTO notes (username, id, body) VALUES ('bob', nextval('notes_id_seq'), repeat('x', 6))",
        "22001");
    EXPECT_ERROR(conn, "INSERT INTO notes (username, id) VALUES ('bob', lower('1'))", "42804");
}

Test(inserts, a_transaction_sees_its_own_sequence)
{
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO notes (username) VALUES ('zoe') RETURNING id", "1");
    EXPECT(conn, "SELECT currval('notes_id_seq')", "1");
    EXPECT(conn, "INSERT INTO notes (username, id) VALUES ('anna', currval('notes_id_seq') + 1) RETURNING id",
           "2");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT count(*) FROM notes", "0");
}

Test(inserts, a_conflict_is_found_on_the_computed_key)
{
    EXPECT(conn, "INSERT INTO users (username, age) VALUES ('zoe', 1)", "INSERT 0 1");
    EXPECT_ERROR(conn, "INSERT INTO users (username, age) VALUES (lower('ZOE'), 2)", "23505");
    EXPECT(conn,
           "INSERT INTO users AS u (username, age) VALUES (lower('ZOE'), 2) ON CONFLICT (username) DO UPDATE "
           "SET age = "
           "u.age + excluded.age RETURNING age",
           "3");
}
