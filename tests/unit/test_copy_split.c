/*
 * COPY rows find their shards in all formats, whatever pieces they arrive in.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/buffer.h"
#include "router/copy_binary.h"
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
static uint32_t text_type[] = {25};
static int32_t no_typmod[] = {-1};

static struct copy_shape text_shape(void)
{
    return (struct copy_shape){.delimiter = '\t',
                               .null_text = "\\N",
                               .key_fields = second_field,
                               .key_types = text_type,
                               .key_typmods = no_typmod,
                               .key_count = 1,
                               .field_count = 2,
                               .server_encoding = true};
}

static struct copy_shape csv_shape(void)
{
    return (struct copy_shape){.csv = true,
                               .delimiter = ',',
                               .quote = '"',
                               .escape = '"',
                               .null_text = "",
                               .key_fields = second_field,
                               .key_types = text_type,
                               .key_typmods = no_typmod,
                               .key_count = 1,
                               .field_count = 2,
                               .server_encoding = true};
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

Test(copy_split, a_key_goes_where_what_the_column_stores_of_it_belongs)
{
    static int32_t varchar_of_one[] = {4 + 1};
    struct copy_shape shape = text_shape();
    shape.key_typmods = varchar_of_one;
    cr_expect_str_eq(split(shape, "1\tm  \n2\tn \n", 100), "0:1\tm  \n1:2\tn \n");
}

Test(copy_split, a_key_in_another_encoding_is_refused_unless_it_is_ascii)
{
    struct copy_shape shape = text_shape();
    shape.server_encoding = false;
    cr_expect_str_eq(split(shape, "1\tbob\n", 100), "0:1\tbob\n");
    cr_expect_str_eq(split(shape, "1\t\xe9lan\n", 100), "0A000");
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

/* ---- binary ---- */

static void put_int(struct buffer *data, int size, int value)
{
    for (int i = size - 1; i >= 0; i--)
        buffer_append(data, &(uint8_t){(uint8_t) (value >> 8 * i)}, 1);
}

static void put_field(struct buffer *data, const char *value)
{
    put_int(data, 4, value ? (int) strlen(value) : -1);
    if (value)
        buffer_append(data, value, strlen(value));
}

static void put_row(struct buffer *data, const char *number, const char *name)
{
    put_int(data, 2, 2);
    put_field(data, number);
    put_field(data, name);
}

static void put_header(struct buffer *data, int flags, int extension)
{
    buffer_append(data, "PGCOPY\n\377\r\n", 11);
    put_int(data, 4, flags);
    put_int(data, 4, extension);
}

static void append_to_shard(void *context, int shard, const uint8_t *rows, size_t length)
{
    struct buffer *shards = context;
    for (int i = 0; i < 2; i++)
        if (shard < 0 || shard == i)
            buffer_append(&shards[i], rows, length);
}

/* "0: 1|bob 3|ann .", where a point is a trailer; nothing of a shard that did not even get a header. */
static void describe(char *text, int shard, const struct buffer *data)
{
    static const int fields[] = {0, 1};
    struct copy_field keys[2];
    struct copy_binary scan = {.field_count = 2, .key_fields = fields, .key_count = 2, .keys = keys};
    struct error error = {0};
    const uint8_t *at = buffer_data(data), *end = at + buffer_length(data);
    size_t length;
    for (enum copy_piece piece; at < end; at += length) {
        piece = copy_binary_scan(&scan, at, (size_t) (end - at), &length, &error);
        cr_assert(length > 0, "%s", error.message);
        if (piece == COPY_PIECE_HEADER)
            text += sprintf(text, "%d:", shard);
        else if (piece == COPY_PIECE_TRAILER)
            text += sprintf(text, " .\n");
        else
            text += sprintf(text, " %.*s|%.*s", keys[0].length, at + keys[0].start, keys[1].length, at + keys[1].start);
    }
}

/* Fed in pieces of this size, and freed: what the shards get, or the error. */
static const char *split_binary(struct copy_shape shape, const struct buffer *data, size_t piece)
{
    static char text[2000];
    struct buffer shards[2] = {0};
    struct error error = {0};
    bool fed = true;
    size_t length = buffer_length(data);
    shape.keyspace = two_halves();
    shape.binary = true;
    struct copy_split *splitter = copy_split_new(&shape);
    for (size_t at = 0; at < length && fed; at += piece) {
        size_t size = piece < length - at ? piece : length - at;
        uint8_t *lent = malloc(size); /* of its own, so that a read past it is seen */
        memcpy(lent, buffer_data(data) + at, size);
        fed = copy_split_feed(splitter, lent, size, append_to_shard, shards, &error);
        free(lent);
    }
    fed = fed && copy_split_finish(splitter, append_to_shard, shards, &error);
    cr_assert_eq(fed, !error_is_set(&error));
    text[0] = '\0';
    for (int shard = 0; shard < 2 && fed; shard++)
        describe(text + strlen(text), shard, &shards[shard]);
    if (!fed)
        snprintf(text, sizeof text, "%s %s", error.sqlstate, error.message);
    error_clear(&error);
    copy_split_free(splitter);
    keyspace_free((struct keyspace *) shape.keyspace);
    buffer_free(&shards[0]);
    buffer_free(&shards[1]);
    return text;
}

/* However the data are cut. */
static void expect_binary(struct copy_shape shape, struct buffer *data, const char *expected)
{
    for (size_t piece = 1; piece <= buffer_length(data) + 1; piece++)
        cr_expect_str_eq(split_binary(shape, data, piece), expected, "in pieces of %zu: %s", piece, split_binary(shape, data, piece));
    buffer_free(data);
}

Test(copy_split, binary_rows_go_by_their_key_in_pieces_of_any_size)
{
    struct buffer data = {0};
    put_header(&data, 0, 0);
    put_row(&data, "1", "bob");
    put_row(&data, "", "zoe");
    put_row(&data, "3", "");
    put_int(&data, 2, -1);
    expect_binary(text_shape(), &data, "0: 1|bob 3| .\n1: |zoe .\n");
}

Test(copy_split, every_shard_gets_a_header_and_the_client_s_extension_is_passed_over)
{
    struct buffer data = {0};
    put_header(&data, 0xffff, 7);
    buffer_append(&data, "\377\377\377\377\377\377\377", 7);
    put_row(&data, "1", "bob");
    expect_binary(text_shape(), &data, "0: 1|bob1:");
    put_header(&data, 0, 0);
    put_int(&data, 2, -1);
    expect_binary(text_shape(), &data, "0: .\n1: .\n");
}

Test(copy_split, a_null_in_a_binary_key_is_refused_and_elsewhere_taken)
{
    struct buffer data = {0};
    put_header(&data, 0, 0);
    put_row(&data, NULL, "bob");
    expect_binary(text_shape(), &data, "0: |bob1:");
    put_header(&data, 0, 0);
    put_row(&data, "1", NULL);
    expect_binary(text_shape(), &data, "23502 null value in a key column of a sharded table");
}

Test(copy_split, binary_headers_are_checked_as_postgresql_does)
{
    static const struct {
        int flags, extension;
        size_t length;
        const char *expected;
    } cases[] = {{0, 0, 0, "22P04 COPY file signature not recognized"},
                 {0, 0, 10, "22P04 COPY file signature not recognized"},
                 {0, 0, 11, "22P04 invalid COPY file header (missing flags)"},
                 {0, 0, 14, "22P04 invalid COPY file header (missing flags)"},
                 {0, 0, 15, "22P04 invalid COPY file header (missing length)"},
                 {0, 0, 18, "22P04 invalid COPY file header (missing length)"},
                 {0, -1, 19, "22P04 invalid COPY file header (missing length)"},
                 {0, 1, 19, "22P04 invalid COPY file header (wrong length)"},
                 {0, 0x7fffffff, 19, "22P04 invalid COPY file header (wrong length)"},
                 {1 << 16, 0, 19, "22P04 invalid COPY file header (WITH OIDS)"},
                 {1 << 17, 0, 19, "22P04 unrecognized critical flags in COPY file header"},
                 {1 << 30, 0, 15, "22P04 unrecognized critical flags in COPY file header"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer whole = {0}, data = {0};
        put_header(&whole, cases[i].flags, cases[i].extension);
        buffer_append(&data, buffer_data(&whole), cases[i].length);
        buffer_free(&whole);
        expect_binary(text_shape(), &data, cases[i].expected);
    }
    struct buffer lines = {0};
    buffer_append(&lines, "1\tbob\n2\tzoe\n", 12);
    expect_binary(text_shape(), &lines, "22P04 COPY file signature not recognized");
}

Test(copy_split, a_binary_row_of_another_number_of_fields_is_an_error)
{
    struct buffer data = {0};
    put_header(&data, 0, 0);
    put_int(&data, 2, 3);
    expect_binary(text_shape(), &data, "22P04 row field count is 3, expected 2");
    put_header(&data, 0, 0);
    put_int(&data, 2, -2);
    expect_binary(text_shape(), &data, "22P04 row field count is -2, expected 2");
}

Test(copy_split, lengths_of_binary_fields_are_checked_before_they_are_believed)
{
    struct buffer data = {0};
    put_header(&data, 0, 0);
    put_int(&data, 2, 2);
    put_int(&data, 4, -2);
    expect_binary(text_shape(), &data, "22P04 invalid field size");
    put_header(&data, 0, 0);
    put_int(&data, 2, 2);
    put_int(&data, 4, 0x7fffffff);
    expect_binary(text_shape(), &data, "54000 out of memory");
}

/* All but a single byte, which is taken for the end. */
Test(copy_split, a_binary_row_that_is_not_whole_is_an_error)
{
    struct buffer row = {0};
    put_row(&row, "1", "zoe");
    for (size_t length = 0; length < buffer_length(&row); length++) {
        struct buffer data = {0};
        put_header(&data, 0, 0);
        put_row(&data, "2", "ann");
        buffer_append(&data, buffer_data(&row), length);
        expect_binary(text_shape(), &data, length < 2 ? "0: 2|ann1:" : "22P04 unexpected EOF in COPY data");
    }
    buffer_free(&row);
}

Test(copy_split, nothing_may_come_behind_the_trailer)
{
    struct buffer data = {0};
    put_header(&data, 0, 0);
    put_row(&data, "1", "zoe");
    put_int(&data, 2, -1);
    put_int(&data, 1, 0);
    expect_binary(text_shape(), &data, "22P04 received copy data after EOF marker");
}

Test(copy_split, a_binary_key_goes_where_what_the_column_stores_of_it_belongs)
{
    static int32_t varchar_of_one[] = {4 + 1};
    struct copy_shape shape = text_shape();
    struct buffer data = {0};
    shape.key_typmods = varchar_of_one;
    put_header(&data, 0, 0);
    put_row(&data, "1", "m  ");
    expect_binary(shape, &data, "0: 1|m  1:");
}

/* PostgreSQL says what is wrong with it. */
Test(copy_split, a_malformed_binary_key_is_left_to_postgresql)
{
    struct buffer data = {0};
    put_header(&data, 0, 0);
    put_int(&data, 2, 2);
    put_field(&data, "1");
    put_int(&data, 4, 4);
    buffer_append(&data, "z\0zz", 4);
    expect_binary(text_shape(), &data, "0: 1|z1:");
}

Test(copy_split, the_key_s_fields_are_noted_in_the_key_s_order)
{
    static const int fields[] = {2, 0};
    struct copy_field keys[2];
    struct copy_binary scan = {.field_count = 3, .key_fields = fields, .key_count = 2, .keys = keys, .state = COPY_AT_ROW};
    struct error error = {0};
    struct buffer data = {0};
    size_t end;
    put_int(&data, 2, 3);
    put_field(&data, "0123456789abcdef");
    put_field(&data, NULL);
    put_field(&data, "zoe");
    cr_assert_eq(copy_binary_scan(&scan, buffer_data(&data), buffer_length(&data), &end, &error), COPY_PIECE_ROW);
    cr_expect_eq(end, buffer_length(&data));
    cr_expect_eq(keys[0].start, 2 + 4 + 16 + 4 + 4);
    cr_expect_eq(keys[0].length, 3);
    cr_expect_eq(keys[1].start, 2 + 4);
    cr_expect_eq(keys[1].length, 16);
    buffer_free(&data);
}

/* ---- rows of servers ---- */

static const char *row_of(bool *header_seen, const struct buffer *message)
{
    static char text[100];
    const uint8_t *row = buffer_data(message);
    size_t length = buffer_length(message);
    if (!copy_binary_row(header_seen, &row, &length))
        return "wrong";
    snprintf(text, sizeof text, "%zu bytes at %zu", length, length ? (size_t) (row - buffer_data(message)) : 0);
    return text;
}

Test(copy_split, headers_and_trailers_of_servers_are_no_rows)
{
    struct buffer first = {0}, row = {0}, end = {0}, nothing = {0}, extended = {0};
    bool seen = false;
    put_row(&row, "1", "zoe");
    put_int(&end, 2, -1);
    put_header(&first, 0, 0);
    put_row(&first, "1", "zoe");
    put_header(&nothing, 0, 0);
    put_int(&nothing, 2, -1);
    put_header(&extended, 0, 3);
    cr_expect_str_eq(row_of(&seen, &row), "wrong");
    cr_expect_str_eq(row_of(&seen, &extended), "wrong");
    cr_expect_str_eq(row_of(&seen, &first), "14 bytes at 19");
    cr_expect_str_eq(row_of(&seen, &row), "14 bytes at 0");
    cr_expect_str_eq(row_of(&seen, &end), "0 bytes at 0");
    seen = false;
    cr_expect_str_eq(row_of(&seen, &nothing), "0 bytes at 0");
    seen = false;
    buffer_append(&extended, "ext", 3);
    cr_expect_str_eq(row_of(&seen, &extended), "0 bytes at 0");
    buffer_free(&first);
    buffer_free(&row);
    buffer_free(&end);
    buffer_free(&nothing);
    buffer_free(&extended);
}
