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
                                          "[table app.links]\nkeyspace = username\nkey = username\n"
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

/* ---- INSERT … SELECT that reads no sharded table ---- */

Test(inserts, rows_of_arrays_go_to_their_shards)
{
    const char *values[] = {"{zoe,anna,henry,NULL}", "{1,2,NULL,4}"};
    char *answer = ask_params(conn, "INSERT INTO users (username, age) SELECT * FROM unnest($1::text[], $2::int[]) RETURNING username, age", 2, values);
    cr_expect(strstr(answer, "ERROR 23502"), "%s", answer);
    free(answer);
    EXPECT(conn, "SELECT count(*) FROM users", "0");
    values[0] = "{zoe,anna,henry}";
    values[1] = "{1,2,NULL}";
    answer = ask_params(conn, "INSERT INTO users (username, age) SELECT * FROM UNNEST(($1)::varchar[], ($2)::int[]) RETURNING username, age", 2, values);
    cr_expect_str_eq(answer, "zoe|1\nanna|2\nhenry|~");
    free(answer);
    EXPECT_ON(0, "SELECT username FROM users", "anna");
    EXPECT_ON(1, "SELECT username FROM users", "henry");
    answer = ask_params(conn, "INSERT INTO users (username, age) SELECT unnest($1::text[]), unnest($2::int[]) ON CONFLICT (username) "
                              "DO UPDATE SET age = coalesce(users.age, 0) + excluded.age + $3", 3, (const char *[]){"{zoe,bob}", "{5,6}", "10"});
    cr_expect_str_eq(answer, "INSERT 0 2");
    free(answer);
    EXPECT(conn, "SELECT username, age FROM users ORDER BY 1", "anna|2\nbob|6\nhenry|~\nzoe|16");
}

Test(inserts, rows_of_a_query_answer_in_its_order_and_get_one_sequences_numbers)
{
    EXPECT(conn, "INSERT INTO notes (username, body) SELECT p0::varchar, p1::text FROM (VALUES ('zoe', 'c', 2), ('anna', 'a', 0), ('henry', 'b', 1)) "
                 "AS imp_sen (p0, p1, sen_counter) ORDER BY sen_counter RETURNING notes.id, notes.id AS id__1, username",
           "1|1|anna\n2|2|henry\n3|3|zoe");
    EXPECT(conn, "SELECT count(DISTINCT made), count(DISTINCT dice) FROM notes", "1|3");
    EXPECT(conn, "INSERT INTO notes (username) SELECT name || g FROM (VALUES ('anna'), ('zoe')) AS v (name), generate_series(1, 200) AS g", "INSERT 0 400");
    EXPECT(conn, "SELECT min(id), max(id), count(DISTINCT id) FROM notes", "1|403|403");
}

Test(inserts, copy_of_what_is_computed_first_is_refused)
{
    EXPECT_ERROR(conn, "COPY (INSERT INTO users (username) SELECT unnest('{anna}'::text[]) RETURNING username) TO STDOUT", "0A000");
    EXPECT(conn, "SELECT count(*) FROM users", "0");
}

Test(inserts, no_rows_of_a_query_are_none)
{
    EXPECT(conn, "INSERT INTO users (username, age) SELECT * FROM unnest('{}'::text[], '{}'::int[])", "INSERT 0 0");
    EXPECT(conn, "INSERT INTO users (username, age) SELECT * FROM unnest('{}'::text[], '{}'::int[]) RETURNING age", "");
    EXPECT_ERROR(conn, "INSERT INTO users (username, age) SELECT * FROM unnest('{}'::text[], '{}'::text[])", "42804");
    EXPECT_ERROR(conn, "INSERT INTO users (username, age) SELECT * FROM unnest('{a}'::text[], '{1}'::int[], '{}'::int[])", "42601");
}

Test(inserts, reference_tables_get_the_same_rows_of_a_query_everywhere)
{
    EXPECT(conn, "INSERT INTO tags (name) SELECT 'tag ' || g FROM generate_series(3, 1, -1) AS g RETURNING id, name", "1|tag 3\n2|tag 2\n3|tag 1");
    PGconn *home = connect_server(0);
    char *rows = ask(home, "SELECT * FROM tags ORDER BY id");
    EXPECT_ON(1, "SELECT * FROM tags ORDER BY id", rows);
    EXPECT_ON(2, "SELECT * FROM tags ORDER BY id", rows);
    free(rows);
    PQfinish(home);
    EXPECT(conn, "INSERT INTO users (username, age) SELECT name, id FROM tags RETURNING username", "tag 3\ntag 2\ntag 1");
}

Test(inserts, char_and_bit_keep_their_length_when_they_are_computed)
{
    EXPECT(conn, "CREATE TABLE codes (id serial PRIMARY KEY, code char(3), bits bit(3))", "CREATE TABLE");
    EXPECT(conn, "INSERT INTO users (username, full_name) SELECT rpad('zo', 4)::char(4) || 'e', b'101'::text", "INSERT 0 1");
    EXPECT(conn, "SELECT username, full_name FROM users", "zoe|101");
    EXPECT(conn, "INSERT INTO users (username, full_name) SELECT lower('ANNA'), 'abc'::char(5)", "INSERT 0 1");
    EXPECT(conn, "SELECT full_name FROM users WHERE username = 'anna'", "abc");
}

Test(inserts, an_empty_row_of_defaults_gets_a_number_too)
{
    EXPECT(conn, "INSERT INTO tags DEFAULT VALUES RETURNING id", "1");
    EXPECT(conn, "INSERT INTO tags DEFAULT VALUES RETURNING id", "2");
    EXPECT_ON(1, "SELECT count(*), max(id) FROM tags", "2|2");
    EXPECT(conn, "INSERT INTO papers DEFAULT VALUES RETURNING username", "anonymous1");
    EXPECT_ERROR(conn, "INSERT INTO tags (id, name) OVERRIDING USER VALUE VALUES (7, 'x')", "0A000");
}

Test(inserts, values_of_more_than_a_megabyte_reach_all_shards)
{
    char *array = malloc(2200000), *at = array;
    *at++ = '{';
    for (int i = 0; i < 20000; i++)
        at += sprintf(at, "%s%c%096d", i ? "," : "", "azh"[i % 3], i);
    strcpy(at, "}");
    char *answer = ask_params(conn, "INSERT INTO users (username) SELECT unnest($1::text[])", 1, (const char *[]){array});
    cr_expect_str_eq(answer, "INSERT 0 20000");
    free(answer);
    free(array);
    EXPECT(conn, "SELECT count(*), count(DISTINCT username) FROM users", "20000|20000");
    EXPECT_ON(1, "SELECT count(*) FROM users", "6666");
}

Test(inserts, thousands_of_rows_of_values_get_their_defaults)
{
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    fputs("INSERT INTO notes (username) VALUES ('anna')", text);
    for (int i = 1; i < 5000; i++)
        fprintf(text, ", ('%s')", i % 2 ? "zoe" : "henry");
    fclose(text);
    EXPECT(conn, sql, "INSERT 0 5000");
    free(sql);
    EXPECT(conn, "SELECT count(DISTINCT id), max(id), count(DISTINCT dice), count(DISTINCT made) FROM notes", "5000|5000|5000|1");
}

Test(inserts, parameters_of_several_rows_need_no_types)
{
    char *answer = ask_params(conn, "INSERT INTO users (username, age) VALUES ($1::VARCHAR, $2::INTEGER), ($3::VARCHAR, $4::INTEGER) ON CONFLICT "
                                    "(username) DO UPDATE SET age = excluded.age + users.age + $5 RETURNING username, age", 5,
                              (const char *[]){"zoe", "1", "anna", "2", "3"});
    cr_expect_str_eq(answer, "zoe|1\nanna|2");
    free(answer);
    answer = ask_params(conn, "INSERT INTO users (username, age, full_name) VALUES ($1, $2 + 1, upper($3)), ($4, $5 * 2, $6) ON CONFLICT (username) "
                              "DO UPDATE SET age = excluded.age RETURNING username, age", 6, (const char *[]){"zoe", "1", "x", "anna", "2", "y"});
    cr_expect_str_eq(answer, "zoe|2\nanna|4");
    free(answer);
}

/* As Django adds to a many-to-many relation: no row elsewhere has the number that the sequence gives. */
Test(inserts, conflicts_are_not_about_numbers_from_a_sequence)
{
    EXPECT(conn, "CREATE TABLE links (id bigserial PRIMARY KEY, username text NOT NULL, tag int, UNIQUE (username, tag))", "CREATE TABLE");
    EXPECT(conn, "INSERT INTO links (username, tag) SELECT * FROM unnest(ARRAY['anna', 'kim', 'zoe'], ARRAY[1, 1, 1]) ON CONFLICT DO NOTHING", "INSERT 0 3");
    EXPECT(conn, "INSERT INTO links (username, tag) VALUES ('anna', 1), ('kim', 2), ('zoe', 1), ('zed', 1) ON CONFLICT DO NOTHING", "INSERT 0 2");
    EXPECT(conn, "SELECT count(*), count(DISTINCT id) FROM links", "5|5");
    EXPECT_REFUSED(conn, "INSERT INTO links (id, username, tag) VALUES (1, 'zoe', 9) ON CONFLICT DO NOTHING");
    EXPECT_REFUSED(conn, "INSERT INTO links VALUES (1, 'zoe', 9) ON CONFLICT DO NOTHING");
    EXPECT(conn, "SELECT last_value >= 5, is_called FROM links_id_seq", "t|t"); /* as pg_dump asks */
}

/* ---- rows that come in parts ---- */

#define ROWS(count) " FROM generate_series(1, " #count ") AS g"
#define NAME        "chr(97 + mod(g, 26)) || g"

Test(inserts, rows_in_parts_are_counted_together)
{
    static const int counts[] = {1, 99, 100, 101, 200, 201, 5000, 30000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        char sql[200], tag[30], count[10];
        const char *values[] = {count};
        snprintf(count, sizeof count, "%d", counts[i]);
        snprintf(tag, sizeof tag, "INSERT 0 %s", count);
        snprintf(sql, sizeof sql, "INSERT INTO users (username) SELECT " NAME " FROM generate_series(1, %s) AS g", count);
        EXPECT(conn, sql, tag);
        EXPECT(conn, "SELECT count(*) FROM users", count);
        char gone[30];
        snprintf(gone, sizeof gone, "DELETE %d", counts[i]);
        EXPECT(conn, "DELETE FROM users", gone);
        char *answer = ask_params(conn, "INSERT INTO users (username) SELECT " NAME " FROM generate_series(1, $1::integer) AS g", 1, values);
        cr_expect_str_eq(answer, tag);
        free(answer);
        EXPECT(conn, "SELECT count(DISTINCT username) FROM users", count);
        EXPECT(conn, "DELETE FROM users", gone);
    }
}

Test(inserts, an_error_takes_all_parts_back)
{
    static const struct {
        const char *sql, *sqlstate;
    } cases[] = {
        {"INSERT INTO users (username, age) SELECT " NAME ", 1000 / (4000 - g)" ROWS(5000), "22012"},
        {"INSERT INTO users (username) SELECT chr(97 + least(g, 4000) % 26) || least(g, 4000)" ROWS(5000), "23505"},
        {"INSERT INTO users (username) SELECT CASE WHEN g < 4000 THEN " NAME " END" ROWS(5000), "23502"},
        {"INSERT INTO notes (username, body) SELECT " NAME ", repeat('x', g / 500)" ROWS(5000), "22001"},
        {"INSERT INTO users (username, age) SELECT 'a' || least(g, 4000), g" ROWS(5000) " ON CONFLICT (username) DO UPDATE SET age = 1", "21000"},
    };
    EXPECT(conn, "INSERT INTO users (username) VALUES ('Anna'), ('zoe')", "INSERT 0 2");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        EXPECT_ERROR(conn, cases[i].sql, cases[i].sqlstate);
        EXPECT(conn, "SELECT count(*) FROM users", "2");
        EXPECT(conn, "BEGIN", "BEGIN");
        EXPECT(conn, "INSERT INTO users (username) VALUES ('kim')", "INSERT 0 1");
        EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
        EXPECT_ERROR(conn, cases[i].sql, cases[i].sqlstate);
        EXPECT_ERROR(conn, "SELECT count(*) FROM users", "25P02");
        EXPECT(conn, "ROLLBACK TO s", "ROLLBACK");
        EXPECT(conn, "SELECT count(*) FROM users", "3");
        EXPECT(conn, "INSERT INTO users (username) SELECT " NAME ROWS(300), "INSERT 0 300");
        EXPECT(conn, "SELECT count(*) FROM users", "303");
        EXPECT(conn, "ROLLBACK", "ROLLBACK");
    }
    EXPECT(conn, "SELECT count(*) FROM notes", "0");
    EXPECT(conn, "INSERT INTO users (username) SELECT 'a' || least(g, 4000)" ROWS(5000) " ON CONFLICT DO NOTHING", "INSERT 0 4000");
}

/* Nothing is known of the second shard before some rows are on the first. */
Test(inserts, parts_for_a_second_shard_are_refused_where_it_could_not_be_committed_with_the_first)
{
    PQfinish(conn);
    keyway_stop(&keyway);
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3});
    conn = connect_keyway(&keyway, NULL);
    EXPECT_REFUSED(conn, "INSERT INTO users (username) SELECT CASE WHEN g < 900 THEN 'a' ELSE 'z' END || g" ROWS(1000));
    EXPECT(conn, "SELECT count(*) FROM users", "0");
    EXPECT(conn, "INSERT INTO users (username) SELECT 'z' || g" ROWS(1000), "INSERT 0 1000");
    EXPECT_ON(2, "SELECT count(*) FROM users", "1000");
}

/* The key of a row is looked for when the statement is over, and may come later. */
Test(inserts, rows_may_refer_to_later_ones)
{
    EXPECT(conn, "CREATE TABLE links (username text, id integer, next integer, PRIMARY KEY (username, id), "
                 "FOREIGN KEY (username, next) REFERENCES links (username, id))", "CREATE TABLE");
    EXPECT(conn, "INSERT INTO links SELECT (ARRAY['anna', 'kim', 'zoe'])[1 + g % 3], g, CASE WHEN g <= 997 THEN g + 3 END" ROWS(1000), "INSERT 0 1000");
    EXPECT_ERROR(conn, "INSERT INTO links SELECT (ARRAY['anna', 'kim', 'zoe'])[1 + g % 3], g + 2000, CASE WHEN g <= 997 THEN g + 2004 END" ROWS(1000), "23503");
    EXPECT(conn, "SELECT count(*), count(next) FROM links", "1000|997");
}

Test(inserts, parts_have_one_time)
{
    EXPECT(conn, "INSERT INTO papers SELECT " NAME ", concat(statement_timestamp(), now())" ROWS(3000), "INSERT 0 3000");
    EXPECT(conn, "INSERT INTO notes (username, id) SELECT " NAME ", g" ROWS(3000), "INSERT 0 3000");
    EXPECT(conn, "SELECT count(DISTINCT title) FROM papers", "1");
    EXPECT(conn, "SELECT count(DISTINCT made), count(DISTINCT dice) FROM notes", "1|3000");
}

/* The query does not see what has been inserted, and keeps nothing open behind it. */
Test(inserts, parts_of_a_tables_rows)
{
    EXPECT(conn, "CREATE TABLE plain AS SELECT g, " NAME " AS name" ROWS(2000), "SELECT 2000");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "INSERT INTO users (username) SELECT name FROM plain ORDER BY g DESC", "INSERT 0 2000");
    EXPECT(conn, "INSERT INTO papers (username) SELECT name FROM plain WHERE g > 1000", "INSERT 0 1000");
    EXPECT(conn, "SELECT count(*) FROM pg_cursors", "0");
    EXPECT(conn, "ALTER TABLE plain ADD COLUMN more text", "ALTER TABLE");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "INSERT INTO tags (name) SELECT 'tag ' || g" ROWS(1000), "INSERT 0 1000");
    EXPECT(conn, "INSERT INTO tags (name) SELECT name FROM tags", "INSERT 0 1000");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "SELECT count(*), count(DISTINCT name), max(id) FROM tags", "2000|1000|2000");
}

Test(inserts, several_statements_of_parts_are_one_transaction)
{
    EXPECT(conn, "INSERT INTO users (username) SELECT " NAME ROWS(500) "; INSERT INTO papers (username) SELECT " NAME ROWS(500), "INSERT 0 500\nINSERT 0 500");
    EXPECT_LIKE(conn, "INSERT INTO users (username) SELECT 'x' || " NAME ROWS(500) "; INSERT INTO papers (username) SELECT " NAME ROWS(500), "23505");
    EXPECT(conn, "SELECT count(*) FROM users", "500");
    EXPECT(conn, "PREPARE more AS INSERT INTO users (username) SELECT 'y' || " NAME " FROM generate_series(1, $1::integer) AS g", "PREPARE");
    EXPECT(conn, "EXECUTE more (700)", "INSERT 0 700");
    EXPECT(conn, "SELECT count(*) FROM users", "1200");
}
