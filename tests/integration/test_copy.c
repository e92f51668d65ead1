/*
 * COPY in binary format over several shards: the bytes that one PostgreSQL gives or takes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

enum { USERS = 300 };

static struct keyway keyway;
static PGconn *conn, *oracle;

static const char *const keyed_tables[][2] = {{"smallint", "i::smallint - 500"},
                                              {"integer", "i * 104729"},
                                              {"bigint", "i * 15485863000000"},
                                              {"uuid", "md5(i::text)::uuid"},
                                              {"date", "date '1999-07-01' + i"},
                                              {"timestamp", "timestamp '1999-12-31 23:59:00' + i * interval '0.777 s'"},
                                              {"timestamptz", "timestamptz '1999-12-31 23:59:00+02' + i * interval '0.777 s'"},
                                              {"varchar(5)", "chr(96 + i % 26) || left(i::text || '      ', 4)"},
                                              {"char(6)", "chr(97 + i % 26) || i::text"}};
enum { KEYED_TABLES = sizeof keyed_tables / sizeof *keyed_tables };

static const char *key_type_of(const char *type)
{
    return strncmp(type, "varchar", 7) == 0 ? "text" : strncmp(type, "char", 4) == 0 ? "character" : type;
}

/* Tables given_N and copied_N for each type of keys, that have the same keyspace. */
static const char *sections(void)
{
    static char text[4000];
    text[0] = '\0';
    for (int i = 0; i < KEYED_TABLES; i++)
        sprintf(text + strlen(text),
                "[keyspace app.k%d]\ntype = %s\nmethod = hash\nslots = 64\nshards = shard0, shard1, shard2\n"
                "[table app.given_%d]\nkeyspace = k%d\nkey = k\n[table app.copied_%d]\nkeyspace = k%d\nkey = k\n",
                i, key_type_of(keyed_tables[i][0]), i, i, i, i);
    sprintf(text + strlen(text), "[table app.moods]\nkeyspace = username\nkey = username\n"
                                 "[table app.pairs]\nkeyspace = pairs\nkey = b, a\n"
                                 "[keyspace app.pairs]\ntype = text, bigint\nmethod = hash\nshards = shard0, shard1, shard2\n");
    return text;
}

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .database = "multi_shard_commit = best_effort\n", .sections = sections()});
    load_tables(3, USERS);
    conn = connect_keyway(&keyway, NULL);
    oracle = connect_server(CLUSTER_ORACLE);
}

static void stop(void)
{
    PQfinish(conn);
    PQfinish(oracle);
    keyway_stop(&keyway);
}

TestSuite(copy, .init = start, .fini = stop, .timeout = 120);

/* ---- COPY TO ---- */

struct message {
    char *bytes;
    int length;
};

struct output {
    int count;
    int columns, binary;
    struct message messages[4000];
};

/* Everything of a COPY TO; an error shows as no messages. */
static struct output *copy_out(PGconn *from, const char *sql)
{
    struct output *output = calloc(1, sizeof *output);
    PGresult *result = PQexec(from, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_OUT, "%s: %s", sql, PQerrorMessage(from));
    output->columns = PQnfields(result);
    output->binary = PQbinaryTuples(result);
    for (int i = 0; i < output->columns; i++)
        cr_expect_eq(PQfformat(result, i), 1);
    PQclear(result);
    struct message *message = output->messages;
    for (; (message->length = PQgetCopyData(from, &message->bytes, 0)) > 0; message++)
        output->count++;
    cr_assert_eq(message->length, -1, "%s", PQerrorMessage(from));
    result = PQgetResult(from);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(from));
    PQclear(result);
    cr_assert_null(PQgetResult(from));
    return output;
}

static void free_output(struct output *output)
{
    for (int i = 0; i < output->count; i++)
        PQfreemem(output->messages[i].bytes);
    free(output);
}

static int compare_messages(const void *left, const void *right)
{
    const struct message *one = left, *other = right;
    int shorter = one->length < other->length ? one->length : other->length, order = memcmp(one->bytes, other->bytes, (size_t) shorter);
    return order ? order : one->length - other->length;
}

/* Of the first message, what is behind the header goes to the front: rows are to be sorted. */
static void cut_header(struct output *output)
{
    struct message *first = output->messages;
    cr_assert_geq(first->length, 19);
    cr_expect_eq(memcmp(first->bytes, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19), 0);
    first->length -= 19;
    memmove(first->bytes, first->bytes + 19, (size_t) first->length);
}

/* The same messages as of one PostgreSQL, but for the order of rows: a row or the trailer comes with the header, as clients expect. */
static void expect_same_output(const char *sql)
{
    struct output *got = copy_out(conn, sql), *expected = copy_out(oracle, sql);
    cr_expect_eq(got->columns, expected->columns);
    cr_expect_eq(got->binary, expected->binary);
    cr_assert_eq(got->count, expected->count, "%s: %d messages instead of %d", sql, got->count, expected->count);
    cut_header(got);
    cut_header(expected);
    cr_expect_eq(memcmp(got->messages[got->count - 1].bytes, "\377\377", 2), 0);
    qsort(got->messages, (size_t) got->count, sizeof *got->messages, compare_messages);
    qsort(expected->messages, (size_t) expected->count, sizeof *expected->messages, compare_messages);
    for (int i = 0; i < got->count; i++)
        cr_expect_eq(compare_messages(&got->messages[i], &expected->messages[i]), 0, "%s: message %d", sql, i);
    free_output(got);
    free_output(expected);
}

Test(copy, binary_rows_of_all_shards_have_one_header_and_one_trailer)
{
    expect_same_output("COPY users TO STDOUT (FORMAT binary)");
    expect_same_output("COPY posts (id, username) TO STDOUT WITH BINARY");
    expect_same_output("COPY BINARY follows TO STDOUT");
    expect_same_output("COPY countries TO STDOUT (FORMAT binary)");
}

Test(copy, binary_output_without_rows_is_a_header_and_a_trailer)
{
    EXPECT_LIKE(conn, "DELETE FROM posts WHERE username < 'q'", "DELETE ");
    EXPECT_LIKE(oracle, "DELETE FROM posts WHERE username < 'q'", "DELETE ");
    expect_same_output("COPY posts TO STDOUT (FORMAT binary)");
    EXPECT_LIKE(conn, "DELETE FROM posts", "DELETE ");
    EXPECT_LIKE(oracle, "DELETE FROM posts", "DELETE ");
    expect_same_output("COPY posts TO STDOUT (FORMAT binary)");
}

Test(copy, binary_output_of_queries)
{
    expect_same_output("COPY (SELECT username, age, karma + 1, tags FROM users WHERE age > 3) TO STDOUT (FORMAT binary)");
    expect_same_output("COPY (SELECT * FROM users JOIN posts USING (username)) TO STDOUT (FORMAT binary)");
    expect_same_output("COPY (SELECT username FROM users ORDER BY age, username LIMIT 7 OFFSET 2) TO STDOUT (FORMAT binary)");
    expect_same_output("COPY (SELECT country, count(*), avg(balance) FROM users GROUP BY 1) TO STDOUT (FORMAT binary)");
    expect_same_output("COPY (SELECT u FROM users u) TO STDOUT (FORMAT binary)");
    expect_same_output("COPY (SELECT * FROM users WHERE username = 'm') TO STDOUT (FORMAT binary)");
}

Test(copy, an_error_in_the_middle_of_binary_output)
{
    for (int i = 0; i < 10; i++) {
        char *bytes;
        int length;
        PGresult *result = PQexec(conn, "COPY (SELECT username, 1 / (age - 9) FROM users) TO STDOUT (FORMAT binary)");
        cr_assert_eq(PQresultStatus(result), PGRES_COPY_OUT, "%s", PQerrorMessage(conn));
        PQclear(result);
        while ((length = PQgetCopyData(conn, &bytes, 0)) > 0)
            PQfreemem(bytes);
        cr_expect_eq(length, -1);
        result = PQgetResult(conn);
        cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "22012");
        PQclear(result);
        cr_assert_null(PQgetResult(conn));
    }
    EXPECT(conn, "SELECT count(*) FROM users", "300");
}

/* ---- COPY FROM ---- */

/* The oracle's own data, as one piece. */
static char *data_of(const char *sql, size_t *length)
{
    struct output *output = copy_out(oracle, sql);
    char *data = NULL;
    *length = 0;
    for (int i = 0; i < output->count; i++) {
        data = realloc(data, *length + (size_t) output->messages[i].length);
        memcpy(data + *length, output->messages[i].bytes, (size_t) output->messages[i].length);
        *length += (size_t) output->messages[i].length;
    }
    free_output(output);
    return data;
}

/* The answer to a COPY FROM of these data in messages of this size. */
static const char *copy_in(PGconn *to, const char *sql, const char *data, size_t length, size_t piece)
{
    static char text[500];
    PGresult *result = PQexec(to, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_IN, "%s: %s", sql, PQerrorMessage(to));
    cr_expect_eq(PQbinaryTuples(result), 1);
    PQclear(result);
    for (size_t at = 0; at < length; at += piece)
        cr_assert_eq(PQputCopyData(to, data + at, (int) (piece < length - at ? piece : length - at)), 1);
    cr_assert_eq(PQputCopyEnd(to, NULL), 1);
    result = PQgetResult(to);
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(text, sizeof text, "%s%s%s", sqlstate ? sqlstate : PQcmdStatus(result), sqlstate ? " " : "",
             sqlstate ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : "");
    PQclear(result);
    cr_assert_null(PQgetResult(to));
    return text;
}

static void expect_same(const char *sql)
{
    char *got = ask(conn, sql), *expected = ask(oracle, sql);
    cr_expect_str_eq(got, expected, "%s", sql);
    free(got);
    free(expected);
}

Test(copy, binary_rows_go_to_the_shards_of_their_keys)
{
    static const size_t pieces[] = {1, 2, 7, 1000, 64 * 1024, 10000000};
    size_t length;
    char *data = data_of("COPY users TO STDOUT (FORMAT binary)", &length);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        EXPECT(conn, "DELETE FROM users", "DELETE 300");
        cr_expect_str_eq(copy_in(conn, "COPY users FROM STDIN (FORMAT binary)", data, length, pieces[i]), "COPY 300");
        expect_same("SELECT * FROM users ORDER BY username COLLATE \"C\"");
        EXPECT_ON(0, "SELECT count(*) FROM users WHERE username >= 'h'", "0");
        EXPECT_ON(1, "SELECT count(*) FROM users WHERE username < 'h' OR username >= 'q'", "0");
        EXPECT_ON(2, "SELECT count(*) FROM users WHERE username < 'q'", "0");
    }
    free(data);
}

Test(copy, binary_columns_in_another_order_and_defaults_for_the_rest)
{
    size_t length;
    char *data = data_of("COPY (SELECT age, username || '!', score FROM users) TO STDOUT (FORMAT binary)", &length);
    cr_expect_str_eq(copy_in(conn, "COPY users (age, username, score) FROM STDIN WITH BINARY", data, length, 100), "COPY 300");
    cr_expect_str_eq(copy_in(oracle, "COPY users (age, username, score) FROM STDIN WITH BINARY", data, length, 100), "COPY 300");
    expect_same("SELECT * FROM users ORDER BY username COLLATE \"C\"");
    free(data);
}

Test(copy, binary_rows_of_a_reference_table_go_to_every_shard)
{
    size_t length;
    char *data = data_of("COPY (SELECT code || '2', name, population FROM countries) TO STDOUT (FORMAT binary)", &length);
    cr_expect_str_eq(copy_in(conn, "COPY countries FROM STDIN (FORMAT binary)", data, length, 3), "COPY 5");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "SELECT count(*) FROM countries", "10");
    free(data);
}

/* Those that go by the text of the same value are where they have to be. */
Test(copy, binary_keys_of_all_types_are_where_their_texts_are)
{
    char sql[600];
    for (int i = 0; i < KEYED_TABLES; i++) {
        size_t length;
        for (int copied = 0; copied < 2; copied++) {
            snprintf(sql, sizeof sql, "CREATE TABLE %s_%d (n integer, k %s PRIMARY KEY)", copied ? "copied" : "given", i, keyed_tables[i][0]);
            EXPECT(conn, sql, "CREATE TABLE");
        }
        snprintf(sql, sizeof sql, "COPY (SELECT i, (%s)::%s FROM generate_series(1, 1000) i) TO STDOUT (FORMAT binary)", keyed_tables[i][1],
                 keyed_tables[i][0]);
        char *data = data_of(sql, &length);
        EXPECT_SOON(conn, "SELECT 1", "1", 1000);
        snprintf(sql, sizeof sql, "COPY copied_%d FROM STDIN (FORMAT binary)", i);
        cr_expect_str_eq(copy_in(conn, sql, data, length, 5000), "COPY 1000", "%s", sql);
        snprintf(sql, sizeof sql, "SELECT 'INSERT INTO given_%d VALUES ' || string_agg(format('(%%s, %%L)', i, (%s)::%s), ', ')"
                 " FROM generate_series(1, 1000) i", i, keyed_tables[i][1], keyed_tables[i][0]);
        char *insert = ask(oracle, sql);
        EXPECT(conn, insert, "INSERT 0 1000");
        snprintf(sql, sizeof sql, "SELECT count(*) FROM given_%d g FULL JOIN copied_%d c USING (n, k) WHERE g.n IS NULL OR c.n IS NULL", i, i);
        for (int shard = 0; shard < 3; shard++)
            EXPECT_ON(shard, sql, "0");
        free(insert);
        free(data);
    }
}

Test(copy, a_binary_key_of_two_columns)
{
    size_t length;
    EXPECT(conn, "CREATE TABLE pairs (a bigint, x text, b text, PRIMARY KEY (a, b))", "CREATE TABLE");
    char *data = data_of("COPY (SELECT i::bigint, NULL::text, 'b' || i % 7 FROM generate_series(1, 500) i) TO STDOUT (FORMAT binary)", &length);
    cr_expect_str_eq(copy_in(conn, "COPY pairs FROM STDIN (FORMAT binary)", data, length, 11), "COPY 500");
    for (int i = 1; i < 500; i += 37) {
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM pairs WHERE a = %d AND b = 'b%d'", i, i % 7);
        EXPECT(conn, sql, "1");
    }
    free(data);
}

Test(copy, a_failing_binary_copy_fails_as_on_one_postgresql)
{
    static const char head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    static const struct {
        const char *what, *bytes;
        size_t length;
        bool headless;
    } cases[] = {
#define DATA(what, bytes) {what, bytes, sizeof(bytes) - 1, true}
#define ROWS(what, bytes) {what, bytes, sizeof(bytes) - 1, false}
        DATA("nothing", ""),
        DATA("text", "anna\t1\nzoe\t2\n"),
        DATA("no flags", "PGCOPY\n\377\r\n\0\0"),
        DATA("flags", "PGCOPY\n\377\r\n\0\0\2\0\0\0\0\0\0"),
        DATA("oids", "PGCOPY\n\377\r\n\0\0\1\0\0\0\0\0\0"),
        DATA("no length", "PGCOPY\n\377\r\n\0\0\0\0\0\0\0"),
        DATA("negative length", "PGCOPY\n\377\r\n\0\0\0\0\0\377\377\377\377"),
        DATA("half an extension", "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\5abc"),
        ROWS("no rows", ""),
        ROWS("a trailer", "\377\377"),
        ROWS("one byte", "\0"),
        ROWS("behind the trailer", "\377\377\0"),
        ROWS("one field", "\0\1\0\0\0\1a"),
        ROWS("-2 fields", "\377\376"),
        ROWS("half a length", "\0\2\0\0"),
        ROWS("half a field", "\0\2\0\0\0\4a"),
        ROWS("negative field", "\0\2\377\377\377\376"),
        ROWS("a short integer", "\0\2\0\0\0\1z\0\0\0\3abc"),
        ROWS("a long integer", "\0\2\0\0\0\1z\0\0\0\5abcde"),
        ROWS("a key with a NUL", "\0\2\0\0\0\3z\0z\0\0\0\4abcd"),
        ROWS("a key that is no UTF-8", "\0\2\0\0\0\2z\377\0\0\0\4abcd"),
        ROWS("twice the same", "\0\2\0\0\0\1z\0\0\0\4abcd\0\2\0\0\0\1a\0\0\0\4abcd\0\2\0\0\0\1z\0\0\0\4abcd"),
        ROWS("a row", "\0\2\0\0\0\1z\377\377\377\377"),
    };
    EXPECT(conn, "DELETE FROM users", "DELETE 300");
    EXPECT(oracle, "DELETE FROM users", "DELETE 300");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 200; piece += 60) {
            char data[200], expected[500];
            size_t start = cases[i].headless ? 0 : sizeof head - 1;
            memcpy(data, head, start);
            memcpy(data + start, cases[i].bytes, cases[i].length);
            strcpy(expected, copy_in(oracle, "COPY users (username, age) FROM STDIN (FORMAT binary)", data, start + cases[i].length, piece));
            cr_expect_str_eq(copy_in(conn, "COPY users (username, age) FROM STDIN (FORMAT binary)", data, start + cases[i].length, piece),
                             expected, "%s: %s", cases[i].what, expected);
            expect_same("SELECT username, age FROM users");
            EXPECT_LIKE(conn, "DELETE FROM users", "DELETE");
            EXPECT_LIKE(oracle, "DELETE FROM users", "DELETE");
        }
}

Test(copy, a_binary_null_key_and_one_that_no_shard_holds)
{
    static const char null_key[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2ab\0\1\377\377\377\377\377\377";
    cr_expect_str_eq(copy_in(conn, "COPY users (username) FROM STDIN (FORMAT binary)", null_key, sizeof null_key - 1, 1000),
                     "23502 null value in a key column of a sharded table");
    EXPECT(conn, "SELECT count(*) FROM users", "300");
}

Test(copy, a_binary_copy_that_the_client_gives_up)
{
    static const char half[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2ab\0\1\0";
    PGresult *result = PQexec(conn, "COPY users (username) FROM STDIN (FORMAT binary)");
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_IN);
    PQclear(result);
    cr_assert_eq(PQputCopyData(conn, half, sizeof half - 1), 1);
    cr_assert_eq(PQputCopyEnd(conn, "no more"), 1);
    result = PQgetResult(conn);
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "57014");
    PQclear(result);
    cr_assert_null(PQgetResult(conn));
    EXPECT(conn, "SELECT count(*) FROM users", "300");
}

Test(copy, binary_rows_are_part_of_the_transaction)
{
    static const char rows[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2a!\0\1\0\0\0\2z!\377\377";
    static const char *const sql = "COPY users (username) FROM STDIN (FORMAT binary)";
    EXPECT(conn, "BEGIN", "BEGIN");
    cr_expect_str_eq(copy_in(conn, sql, rows, sizeof rows - 1, 5), "COPY 2");
    EXPECT(conn, "SELECT count(*) FROM users", "302");
    EXPECT(conn, "SAVEPOINT s", "SAVEPOINT");
    cr_expect_eq(strncmp(copy_in(conn, sql, rows, sizeof rows - 1, 5), "23505", 5), 0);
    EXPECT(conn, "ROLLBACK TO s", "ROLLBACK");
    EXPECT(conn, "SELECT count(*) FROM users", "302");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    EXPECT(conn, "SELECT count(*) FROM users", "300");
}

/* As drivers do: prepared and described first. */
Test(copy, binary_copy_in_the_extended_protocol)
{
    static const char rows[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\0\1\0\0\0\2a!\0\1\0\0\0\2z!\377\377";
    PGresult *result = PQprepare(conn, "c", "COPY users (username) FROM STDIN (FORMAT binary)", 0, NULL);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    for (int good = 1; good >= 0; good--) {
        result = PQexecPrepared(conn, "c", 0, NULL, NULL, NULL, 0);
        cr_assert_eq(PQresultStatus(result), PGRES_COPY_IN, "%s", PQerrorMessage(conn));
        PQclear(result);
        cr_assert_eq(PQputCopyData(conn, rows, (int) sizeof rows - (good ? 1 : 4)), 1);
        cr_assert_eq(PQputCopyEnd(conn, NULL), 1);
        result = PQgetResult(conn);
        const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        cr_expect_str_eq(sqlstate ? sqlstate : PQcmdStatus(result), good ? "COPY 2" : "22P04");
        PQclear(result);
        cr_assert_null(PQgetResult(conn));
        EXPECT(conn, "SELECT count(*) FROM users", "302");
    }
}

/* An array of enums has the enum's OID inside, which is another one on each shard. */
Test(copy, binary_rows_with_oids_of_one_server_are_refused)
{
    for (int shard = 0; shard < 3; shard++) {
        PGconn *server = connect_server(shard);
        for (int i = 0; i <= shard; i++)
            EXPECT(server, "DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('happy', 'sad')", "DROP TYPE\nCREATE TYPE");
        EXPECT(server, "CREATE TYPE user_part AS (a integer, b text); CREATE EXTENSION citext; CREATE DOMAIN small AS citext",
               "CREATE TYPE\nCREATE EXTENSION\nCREATE DOMAIN");
        PQfinish(server);
    }
    EXPECT(conn, "CREATE TABLE moods (username text PRIMARY KEY, now mood, all_of_them mood[], place regclass, part user_part, small small, ci citext)", "CREATE TABLE");
    EXPECT(conn, "INSERT INTO moods VALUES ('anna', 'sad', '{sad,happy}', NULL, '(1,x)', 'S', 'C'), ('zoe', 'happy', '{}')", "INSERT 0 2");
    EXPECT_REFUSED(conn, "COPY moods TO STDOUT (FORMAT binary)");
    EXPECT_REFUSED(conn, "COPY moods (username, place) TO STDOUT (FORMAT binary)");
    EXPECT_REFUSED(conn, "COPY moods FROM STDIN (FORMAT binary)");
    EXPECT_REFUSED(conn, "COPY moods (username, part) FROM STDIN (FORMAT binary)");
    struct output *output = copy_out(conn, "COPY moods (username, now, small, ci) TO STDOUT (FORMAT binary)");
    cr_expect_eq(output->count, 3);
    free_output(output);
    output = copy_out(conn, "COPY (SELECT username, now, ARRAY[now], all_of_them FROM moods) TO STDOUT (FORMAT binary)");
    cr_expect_eq(output->count, 3);
    free_output(output);
}
