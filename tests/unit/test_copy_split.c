/*
 * COPY rows find their shards in both formats, whatever pieces they arrive in.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/buffer.h"
#include "router/copy_split.h"

/* a … m on shard 0, n … on shard 1: a keyspace built as from the configuration. */
static struct keyspace *two_halves(void)
{
    static struct range_settings ranges[] = {{0, NULL, "n", 1}, {1, "n", NULL, 2}};
    static struct keyspace_settings keyspace = {
        .name = "names", .type = "text", .method = METHOD_RANGE, .ranges = ranges, .range_count = 2, .line = 1};
    static int shards[] = {0, 1};
    static struct shard_settings shard_settings[] = {{"east", "", 1}, {"west", "", 2}};
    static struct database_settings database = {.name = "app", .shards = shards, .shard_count = 2};
    static struct settings settings = {.file = "test", .shards = shard_settings, .shard_count = 2};
    struct diagnostics diagnostics = {0};
    struct keyspace *built = keyspace_build(&settings, &database, &keyspace, &diagnostics);
    diagnostics_print(&diagnostics, stderr);
    cr_assert(built);
    return built;
}

struct collected {
    char text[3][1024]; /* for all shards, and for each */
    int pieces;
};

static void collect(void *context, int shard, const uint8_t *rows, size_t length)
{
    struct collected *collected = context;
    char *text = collected->text[shard + 1];
    size_t used = strlen(text);
    snprintf(text + used, sizeof(collected->text[0]) - used, "%.*s", (int) length, (const char *) rows);
    collected->pieces++;
}

static const char *as_text(const struct collected *collected)
{
    static char text[4000];
    text[0] = '\0';
    for (int shard = -1; shard < 2; shard++)
        if (collected->text[shard + 1][0])
            sprintf(text + strlen(text), "%d:%s", shard, collected->text[shard + 1]);
    return text;
}

static int pieces; /* as many as the last one's rows were passed on in */

/* Feed in pieces of this size; each shard's rows as one text, or the error's SQLSTATE. */
static const char *split(struct copy_shape shape, const char *data, size_t piece)
{
    static char sqlstate[6];
    struct collected collected = {0};
    struct error error = {0};
    shape.keyspace = two_halves();
    struct copy_split *splitter = copy_split_new(&shape);
    bool fed = true;
    for (size_t at = 0, length = strlen(data); at < length && fed; at += piece)
        fed = copy_split_feed(splitter, (const uint8_t *) data + at, piece < length - at ? piece : length - at, collect,
                              &collected, &error);
    if (fed)
        fed = copy_split_finish(splitter, collect, &collected, &error);
    if (!fed)
        snprintf(sqlstate, sizeof(sqlstate), "%s", error.sqlstate);
    error_clear(&error);
    copy_split_free(splitter);
    keyspace_free((struct keyspace *) shape.keyspace);
    pieces = collected.pieces;
    return fed ? as_text(&collected) : sqlstate;
}

static int second_field[] = {1};

static struct copy_shape text_shape(void)
{
    return (struct copy_shape){
        .delimiter = '\t', .null_text = "\\N", .key_fields = second_field, .key_count = 1, .field_count = 2};
}

static struct copy_shape csv_shape(void)
{
    return (struct copy_shape){.csv = true,
                               .delimiter = ',',
                               .quote = '"',
                               .escape = '"',
                               .null_text = "",
                               .key_fields = second_field,
                               .key_count = 1,
                               .field_count = 2};
}

Test(copy_split, text_rows_go_by_their_key_in_pieces_of_any_size)
{
    for (size_t piece = 1; piece < 30; piece++)
        cr_assert_str_eq(split(text_shape(), "1\tbob\n2\tzoe\n3\tann\n", piece), "0:1\tbob\n3\tann\n1:2\tzoe\n");
}

Test(copy_split, escapes_in_a_text_key_are_undone)
{
    cr_assert_str_eq(split(text_shape(), "1\t\\x7aoe\n2\t\\141nn\n", 5), "0:2\t\\141nn\n1:1\t\\x7aoe\n");
}

Test(copy_split, an_escaped_line_end_does_not_end_a_text_row)
{
    cr_assert_str_eq(split(text_shape(), "a\\\nb\tzoe\n", 3), "1:a\\\nb\tzoe\n");
}

Test(copy_split, the_end_marker_ends_the_data)
{
    cr_assert_str_eq(split(text_shape(), "1\tbob\n\\.\nrubbish\n", 100), "0:1\tbob\n");
}

Test(copy_split, a_null_key_is_refused)
{
    cr_assert_str_eq(split(text_shape(), "1\t\\N\n", 100), "23502");
}

Test(copy_split, a_quoted_csv_key_and_line_ends_in_quotes_are_read)
{
    for (size_t piece = 1; piece < 40; piece++)
        cr_assert_str_eq(split(csv_shape(), "\"a,\n\"\"b\",\"zoe\"\n1,bob\n", piece),
                         "0:1,bob\n1:\"a,\n\"\"b\",\"zoe\"\n");
}

Test(copy_split, a_csv_header_goes_to_every_shard)
{
    struct copy_shape shape = csv_shape();
    shape.header = true;
    cr_assert_str_eq(split(shape, "n,name\n1,zoe\n", 4), "-1:n,name\n1:1,zoe\n");
}

Test(copy_split, an_empty_quoted_csv_field_is_a_text_and_not_null)
{
    cr_assert_str_eq(split(csv_shape(), "1,\"\"\n", 100), "0:1,\"\"\n");
    cr_assert_str_eq(split(csv_shape(), "1,\n", 100), "23502");
}

Test(copy_split, a_last_row_without_line_end_counts)
{
    cr_assert_str_eq(split(text_shape(), "1\tzoe", 2), "1:1\tzoe");
}

Test(copy_split, a_row_with_too_few_fields_is_left_to_postgresql)
{
    cr_assert_str_eq(split(text_shape(), "1\n", 100), "0:1\n");
}

/* Each shard would see only its own rows, and take their line ends for all. */
Test(copy_split, all_lines_end_alike)
{
    cr_expect_str_eq(split(text_shape(), "1\tb\r\n2\tz\r\n", 1), "0:1\tb\r\n1:2\tz\r\n");
    cr_expect_str_eq(split(text_shape(), "1\tb\r\n2\tz", 3), "0:1\tb\r\n1:2\tz");
    cr_expect_str_eq(split(text_shape(), "1\tb\n2\tz\r\n", 1), "22P04");
    cr_expect_str_eq(split(text_shape(), "1\tb\r\n2\tz\n", 100), "22P04");
    cr_expect_str_eq(split(text_shape(), "1\tb\n2\tz\rx\n", 2), "22P04");
    cr_expect_str_eq(split(csv_shape(), "1,b\n2,z\r\n", 1), "22P04");
}

Test(copy_split, carriage_returns_alone_are_refused_as_line_ends)
{
    cr_expect_str_eq(split(text_shape(), "1\tb\r2\tz\r", 1), "0A000");
    cr_expect_str_eq(split(text_shape(), "1\tb\r", 100), "0A000");
    cr_expect_str_eq(split(csv_shape(), "1,b\r2,z\r", 4), "0A000");
}

Test(copy_split, hidden_carriage_returns_are_data)
{
    cr_expect_str_eq(split(text_shape(), "1\\\r\tb\n2\tz\\\r\n", 1), "0:1\\\r\tb\n1:2\tz\\\r\n");
    cr_expect_str_eq(split(csv_shape(), "\"\r\n\",b\n2,z\n", 1), "0:\"\r\n\",b\n1:2,z\n");
}

Test(copy_split, rows_of_one_shard_that_come_together_are_passed_on_together)
{
    cr_assert_str_eq(split(text_shape(), "1\tbob\n2\tzoe\n3\tann\n4\tyan\n", 100), "0:1\tbob\n3\tann\n1:2\tzoe\n4\tyan\n");
    cr_assert_eq(pieces, 2);
}

static void append_all(void *context, int shard, const uint8_t *rows, size_t length)
{
    cr_assert_eq(shard, 0);
    buffer_append(context, rows, length);
}

/* By the thousand, and one that is longer than any piece. */
Test(copy_split, long_rows_keep_their_place)
{
    enum { LONG = 20000, ROWS = 3000 };
    struct copy_shape shape = text_shape();
    struct error error = {0};
    char *data = calloc(1, 2 * ROWS * 8 + LONG + 8), *end = data;
    for (int i = 0; i < 2 * ROWS; i++) {
        if (i == ROWS) {
            memset(end, 'x', LONG);
            end = stpcpy(end + LONG, "\tbob\n");
        }
        end += sprintf(end, "%d\tbob\n", i % 1000);
    }
    struct buffer whole = {0};
    shape.keyspace = two_halves();
    struct copy_split *splitter = copy_split_new(&shape);
    cr_assert(copy_split_feed(splitter, (uint8_t *) data, (size_t) (end - data), append_all, &whole, &error));
    cr_assert(copy_split_finish(splitter, append_all, &whole, &error));
    cr_assert_eq(buffer_length(&whole), (size_t) (end - data));
    cr_assert_eq(memcmp(buffer_data(&whole), data, (size_t) (end - data)), 0);
    copy_split_free(splitter);
    keyspace_free((struct keyspace *) shape.keyspace);
    buffer_free(&whole);
    free(data);
}
