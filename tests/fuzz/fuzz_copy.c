/*
 * COPY data of any content in each format: however they are cut into pieces, the shards get the same, or the same error comes.  What a shard gets of
 * binary data is a header, whole rows and at most one trailer.
 */
#include <stdlib.h>
#include <string.h>

#include "proxy/buffer.h"
#include "router/copy_binary.h"
#include "router/copy_split.h"

enum { SHARDS = 2, FIELDS = 2 };

struct outcome {
    struct buffer shards[SHARDS];
    char sqlstate[6];
};

static void require(bool held)
{
    if (!held)
        abort();
}

static struct keyspace *two_halves(void)
{
    static struct range_settings ranges[] = {{0, NULL, "n", 1}, {1, "n", NULL, 2}};
    static struct keyspace_settings keyspace = {
        .name = "names", .type = "text", .method = METHOD_RANGE, .ranges = ranges, .range_count = 2, .line = 1};
    static int shards[] = {0, 1};
    static struct shard_settings shard_settings[] = {{"east", "", 1}, {"west", "", 2}};
    static struct database_settings database = {.name = "app", .shards = shards, .shard_count = SHARDS};
    static struct settings settings = {.file = "test", .shards = shard_settings, .shard_count = SHARDS};
    struct diagnostics diagnostics = {0};
    return keyspace_build(&settings, &database, &keyspace, &diagnostics);
}

static struct copy_shape shape_of(uint8_t how)
{
    static int key_field[] = {1};
    static uint32_t text[] = {25};
    static int32_t varchar_of_three[] = {4 + 3};
    static struct keyspace *keyspace;
    if (keyspace == NULL)
        keyspace = two_halves();
    return (struct copy_shape){.csv = how % 4 == 1,
                               .binary = how % 4 > 1,
                               .delimiter = how % 4 == 1 ? ',' : '\t',
                               .quote = '"',
                               .escape = how & 4 ? '\'' : '"',
                               .null_text = how % 4 == 1 ? "" : "\\N",
                               .header = how & 8,
                               .key_fields = key_field,
                               .key_types = text,
                               .key_typmods = varchar_of_three,
                               .key_count = 1,
                               .field_count = FIELDS,
                               .server_encoding = how & 16,
                               .keyspace = keyspace};
}

static void append(void *context, int shard, const uint8_t *rows, size_t length)
{
    struct outcome *outcome = context;
    require(shard < SHARDS && length > 0);
    for (int i = 0; i < SHARDS; i++)
        if (shard < 0 || shard == i)
            buffer_append(&outcome->shards[i], rows, length);
}

static struct outcome split(const struct copy_shape *shape, const uint8_t *data, size_t size, size_t piece)
{
    struct outcome outcome = {0};
    struct error error = {0};
    struct copy_split *splitter = copy_split_new(shape);
    bool fed = true;
    for (size_t at = 0; at < size && fed; at += piece) {
        size_t length = piece < size - at ? piece : size - at;
        uint8_t *lent = malloc(length); /* of its own, so that a read past it is seen */
        memcpy(lent, data + at, length);
        fed = copy_split_feed(splitter, lent, length, append, &outcome, &error);
        free(lent);
    }
    fed = fed && copy_split_finish(splitter, append, &outcome, &error);
    require(fed == !error_is_set(&error));
    memcpy(outcome.sqlstate, error.sqlstate, sizeof outcome.sqlstate);
    error_clear(&error);
    copy_split_free(splitter);
    return outcome;
}

static void check_binary(const struct buffer *data)
{
    struct copy_binary scan = {.field_count = FIELDS};
    struct error error = {0};
    const uint8_t *at = buffer_data(data);
    size_t left = buffer_length(data), end;
    for (bool first = true; left > 0; first = false, at += end, left -= end) {
        enum copy_piece piece = copy_binary_scan(&scan, at, left, &end, &error);
        require(first ? piece == COPY_PIECE_HEADER : piece == COPY_PIECE_ROW || piece == COPY_PIECE_TRAILER);
    }
    require(copy_binary_finish(&scan, 0, &error));
}

static void free_outcome(struct outcome *outcome)
{
    for (int i = 0; i < SHARDS; i++)
        buffer_free(&outcome->shards[i]);
}

/* Data at once and in pieces.  Behind an error nothing counts: how many rows were passed on before depends on the pieces. */
static void compare(const struct copy_shape *shape, const uint8_t *data, size_t size, size_t piece)
{
    struct outcome whole = split(shape, data, size, size ? size : 1), cut = split(shape, data, size, piece);
    require(strcmp(whole.sqlstate, cut.sqlstate) == 0);
    for (int i = 0; i < SHARDS && !*whole.sqlstate; i++) {
        size_t length = buffer_length(&whole.shards[i]);
        require(length == buffer_length(&cut.shards[i]));
        require(length == 0 || memcmp(buffer_data(&whole.shards[i]), buffer_data(&cut.shards[i]), length) == 0);
        if (shape->binary)
            check_binary(&whole.shards[i]);
    }
    free_outcome(&whole);
    free_outcome(&cut);
}

/* What a server sends may be anything, too. */
static void check_server(const uint8_t *data, size_t size)
{
    for (int seen = 0; seen < 2; seen++) {
        bool header_seen = seen;
        const uint8_t *row = data;
        size_t length = size;
        if (copy_binary_row(&header_seen, &row, &length))
            require(length == 0 || (row >= data && length == (size_t) (data + size - row)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct copy_shape shape = shape_of(data[0]);
    size_t piece = data[1] % 40 + 1;
    check_server(data + 2, size - 2);
    if (data[0] % 4 == 3) { /* with a good header */
        struct buffer whole = {0};
        buffer_append(&whole, copy_binary_header, sizeof copy_binary_header);
        buffer_append(&whole, data + 2, size - 2);
        compare(&shape, buffer_data(&whole), buffer_length(&whole), piece);
        buffer_free(&whole);
    } else {
        compare(&shape, data + 2, size - 2, piece);
    }
    return 0;
}
