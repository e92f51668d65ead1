/*
 * A line is found first, its fields second.  In text format a backslash hides the character behind it; in CSV quotes hide delimiters and
 * line ends; the binary format's pieces are copy_binary's to find.  Only key fields are decoded.  Rows are collected by their shards until what was fed comes to its end: a message for each row would
 * cost the server a tenth more, and Keyway, too.
 */
#include "router/copy_split.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "router/copy_binary.h"

enum { LARGEST_ROW = 1 << 30, BATCH_ROOM = 8 * 1024 };

/* Rows of one shard that were not passed on yet. */
struct batch {
    uint8_t *bytes; /* BATCH_ROOM of them, once there was a row */
    size_t length;
};

/* The first row tells how all others end, as CopyReadLineText() has it. */
enum line_end { LINE_END_UNKNOWN, LINE_END_NEWLINE, LINE_END_RETURN_NEWLINE };

struct copy_split {
    const struct copy_shape *shape;
    uint8_t *bytes; /* an unfinished row */
    size_t length, capacity;
    size_t scanned; /* of them, known to hold no line end */
    bool in_quotes, escaped, returned; /* the state of the scan there */
    bool bare_return;                  /* the row has a carriage return that is no part of its line end */
    enum line_end line_end;
    bool header_seen;
    bool ended;     /* the \. line came: the rest is ignored */
    struct copy_binary binary;
    enum copy_piece piece; /* of binary data: what was found last */
    uint64_t line;
    char *decoded; /* fields of the present row */
    size_t decoded_room;
    const char **fields; /* those that are key fields: in `decoded`, or where they are in a binary row */
    size_t *field_lengths;
    bool *nulls;
    struct key_value *values;
    struct batch *batches; /* by shard */
    int batch_count;
};

struct copy_split *copy_split_new(const struct copy_shape *shape)
{
    struct copy_split *split = memory_alloc(sizeof(*split));
    size_t keys = (size_t) shape->key_count;
    split->shape = shape;
    split->fields = memory_alloc(keys * sizeof(*split->fields));
    split->field_lengths = memory_alloc(keys * sizeof(*split->field_lengths));
    split->nulls = memory_alloc(keys * sizeof(*split->nulls));
    split->values = memory_alloc(keys * sizeof(*split->values));
    split->binary = (struct copy_binary){.field_count = shape->field_count,
                                         .key_fields = shape->key_fields,
                                         .key_count = shape->key_count,
                                         .keys = memory_alloc(keys * sizeof(*split->binary.keys))};
    return split;
}

void copy_split_free(struct copy_split *split)
{
    if (split == NULL)
        return;
    for (int shard = 0; shard < split->batch_count; shard++)
        free(split->batches[shard].bytes);
    free(split->batches);
    free(split->decoded);
    free(split->fields);
    free(split->field_lengths);
    free(split->nulls);
    free(split->values);
    free(split->binary.keys);
    free(split->bytes);
    free(split);
}

/* --- lines --------------------------------------------------------------------------------------------------- */

/* Where the row that begins the bytes ends (behind its line end), or 0. */
static size_t row_end(struct copy_split *split, const uint8_t *bytes, size_t length)
{
    const struct copy_shape *shape = split->shape;
    for (size_t i = split->scanned; i < length; i++) {
        uint8_t at = bytes[i];
        bool after_return = split->returned;
        split->returned = at == '\r' && !split->escaped && !split->in_quotes;
        split->bare_return |= after_return && at != '\n';
        if (split->escaped) {
            split->escaped = false;
        } else if (!shape->csv && at == '\\') {
            split->escaped = true;
        } else if (shape->csv && split->in_quotes && at == (uint8_t) shape->escape && shape->escape != shape->quote) {
            split->escaped = true;
        } else if (shape->csv && at == (uint8_t) shape->quote) {
            split->in_quotes = !split->in_quotes; /* a doubled quote turns it off and on again */
        } else if (at == '\n' && !split->in_quotes) {
            split->scanned = 0;
            split->returned = after_return;
            return i + 1;
        }
    }
    split->scanned = length;
    return 0;
}

static size_t without_line_end(const struct copy_split *split, const uint8_t *row, size_t length)
{
    if (length > 0 && row[length - 1] == '\n')
        length -= split->returned ? 2 : 1;
    return length;
}

static bool wrong_line_end(const struct copy_split *split, const char *what, const char *hint,
                           struct error *error)
{
    error_set(error, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s %s found in data",
              split->shape->csv ? "unquoted" : "literal", what);
    error_detail(error, "COPY, line %llu", (unsigned long long) split->line);
    error_hint(error,
               split->shape->csv ? "Use quoted CSV field to represent %s." : "Use \"%s\" to represent it.",
               split->shape->csv ? what : hint);
    return false;
}

/* A shard sees only its own rows: where they end otherwise than those of other shards it would not notice. */
static bool check_line_end(struct copy_split *split, const uint8_t *row, size_t length, struct error *error)
{
    bool whole = row[length - 1] == '\n';
    bool bare = split->bare_return || (!whole && split->returned);
    enum line_end line_end = split->returned ? LINE_END_RETURN_NEWLINE : LINE_END_NEWLINE;
    split->bare_return = false;
    if (bare && split->line_end == LINE_END_UNKNOWN) {
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                  "COPY of lines that end with carriage returns is not supported");
        error_detail(error, "The lines of a sharded table's rows are told apart by newlines.");
        error_hint(error, "Send the data with newlines, or newlines behind the carriage returns.");
        return false;
    }
    if (bare || (whole && split->line_end == LINE_END_NEWLINE && line_end == LINE_END_RETURN_NEWLINE))
        return wrong_line_end(split, "carriage return", "\\r", error);
    if (whole && split->line_end == LINE_END_RETURN_NEWLINE && line_end == LINE_END_NEWLINE)
        return wrong_line_end(split, "newline", "\\n", error);
    split->line_end = line_end;
    return true;
}

/* --- fields -------------------------------------------------------------------------------------------------- */

static int digit_value(uint8_t digit)
{
    return isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10;
}

/* The character that a backslash sequence stands for; *at is on the character behind the backslash and is moved past it. */
static char text_escape(const uint8_t **at, const uint8_t *end)
{
    uint8_t first = *(*at)++;
    int value = 0, digits = 0;
    switch (first) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'v':
        return '\v';
    case 'x':
        for (; *at < end && isxdigit(**at) && digits < 2; digits++)
            value = value * 16 + digit_value(*(*at)++);
        return digits ? (char) value : 'x';
    default:
        break;
    }
    if (first < '0' || first > '7')
        return (char) first;
    value = first - '0';
    for (digits = 1; *at < end && **at >= '0' && **at <= '7' && digits < 3; digits++)
        value = value * 8 + (*(*at)++ - '0');
    return (char) value;
}

static bool is_null_text(const struct copy_shape *shape, const uint8_t *raw, size_t length)
{
    return strlen(shape->null_text) == length && memcmp(raw, shape->null_text, length) == 0;
}

/* One field from *at to the next delimiter; its value goes to `value` (room for the whole field). */
static void read_text_field(const struct copy_shape *shape, const uint8_t **at, const uint8_t *end, char *value,
                            size_t *length, bool *null)
{
    const uint8_t *start = *at;
    *length = 0;
    while (*at < end && **at != (uint8_t) shape->delimiter) {
        if (**at == '\\' && *at + 1 < end) {
            ++*at;
            value[(*length)++] = text_escape(at, end);
        } else {
            value[(*length)++] = (char) *(*at)++;
        }
    }
    *null = is_null_text(shape, start, (size_t) (*at - start));
}

static void read_csv_field(const struct copy_shape *shape, const uint8_t **at, const uint8_t *end, char *value,
                           size_t *length, bool *null)
{
    const uint8_t *start = *at;
    bool quoted = false, any_quote = false;
    *length = 0;
    for (; *at < end && (quoted || **at != (uint8_t) shape->delimiter); ++*at) {
        bool escaped = quoted && **at == (uint8_t) shape->escape && *at + 1 < end &&
                       ((*at)[1] == (uint8_t) shape->quote || (*at)[1] == (uint8_t) shape->escape);
        if (escaped) {
            ++*at;
        } else if (**at == (uint8_t) shape->quote) {
            quoted = !quoted;
            any_quote = true;
            continue;
        }
        value[(*length)++] = (char) **at;
    }
    *null = !any_quote && is_null_text(shape, start, (size_t) (*at - start));
}

/* Which of the key's columns a field is; -1: none. */
static int key_of_field(const struct copy_shape *shape, int field)
{
    for (int key = 0; key < shape->key_count; key++)
        if (shape->key_fields[key] == field)
            return key;
    return -1;
}

/* No field is longer decoded than it was, and each delimiter leaves room for its end. */
static char *room_for_fields(struct copy_split *split, size_t row_length)
{
    if (row_length >= split->decoded_room) {
        split->decoded_room = 2 * row_length + 64;
        split->decoded = memory_resize(split->decoded, split->decoded_room);
    }
    return split->decoded;
}

/* The key fields of a row; false if it has too few fields: PostgreSQL will say so. */
static bool read_key_fields(struct copy_split *split, const uint8_t *row, size_t length)
{
    const struct copy_shape *shape = split->shape;
    const uint8_t *at = row, *end = row + length;
    char *place = room_for_fields(split, length);
    int found = 0;
    for (int field = 0; found < shape->key_count; field++) {
        int key = key_of_field(shape, field);
        size_t value_length;
        bool null;
        if (shape->csv)
            read_csv_field(shape, &at, end, place, &value_length, &null);
        else
            read_text_field(shape, &at, end, place, &value_length, &null);
        if (key >= 0) {
            split->fields[key] = place;
            split->field_lengths[key] = value_length;
            split->nulls[key] = null;
            place[value_length] = '\0';
            place += value_length + 1;
            found++;
        }
        if (at == end)
            break;
        at++; /* the delimiter */
    }
    return found == shape->key_count;
}

/* The key fields of a binary row. */
static void take_key_fields(struct copy_split *split, const uint8_t *row)
{
    for (int key = 0; key < split->shape->key_count; key++) {
        const struct copy_field *field = &split->binary.keys[key];
        split->nulls[key] = field->length < 0;
        split->fields[key] = (const char *) row + field->start;
        split->field_lengths[key] = split->nulls[key] ? 0 : (size_t) field->length;
    }
}

/* --- rows ---------------------------------------------------------------------------------------------------- */

static bool is_ascii(const struct key_value *value)
{
    bool text = value->type == KEY_TEXT || value->type == KEY_BPCHAR, ascii = true;
    for (size_t i = 0; text && i < value->text.length; i++)
        ascii &= !(value->text.bytes[i] & 0x80);
    return ascii;
}

static enum key_reading read_key(const struct copy_split *split, int key, struct key_value *value)
{
    const struct copy_shape *shape = split->shape;
    enum key_type type = keyspace_type(shape->keyspace, key);
    if (split->nulls[key])
        return KEY_NULL;
    if (!shape->binary)
        return key_read_text(type, split->fields[key], split->field_lengths[key], value);
    return key_read(type, shape->key_types[key], true, split->fields[key], (int32_t) split->field_lengths[key], value);
}

static void fail_unread(const struct copy_split *split, int key, struct error *error)
{
    if (split->shape->binary)
        error_set(error, "22P03", "the key of a row cannot be read");
    else
        error_set(error, "22P02", "the key of a row cannot be read: \"%s\"", split->fields[key]);
    error_hint(error, "Dates and times are read in ISO form, timestamps with time zone with an offset.");
}

/* The value is not what the column will hold, in a way that is not known here. */
static void fail_changed(const struct copy_split *split, const struct key_value *value, struct error *error)
{
    bool ascii = is_ascii(value);
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the key of a row cannot be read as the column would");
    error_detail(error, "%s  COPY, line %llu", ascii ? "The column rounds it." : "It is in another encoding than the servers'.",
                 (unsigned long long) split->line);
    error_hint(error, "%s", ascii ? "Give the key in the column's own precision." : "Set client_encoding to that of the servers.");
}

static void fail_unmapped(const struct copy_split *split, struct error *error)
{
    const char *keyspace = keyspace_name(split->shape->keyspace);
    error_set(error, SQLSTATE_CHECK_VIOLATION, "no shard holds the key of a row");
    if (split->shape->binary)
        error_detail(error, "COPY, line %llu; keyspace \"%s\".", (unsigned long long) split->line, keyspace);
    else
        error_detail(error, "Key: \"%s\"; keyspace \"%s\".", split->fields[0], keyspace);
}

static bool take_key(struct copy_split *split, int key, struct error *error)
{
    const struct copy_shape *shape = split->shape;
    struct key_value *value = &split->values[key];
    switch (read_key(split, key, value)) {
    case KEY_READ:
        if ((!shape->server_encoding && !is_ascii(value)) || !key_as_stored(value, shape->key_typmods[key]))
            fail_changed(split, value, error);
        break;
    case KEY_NULL:
        error_set(error, SQLSTATE_NOT_NULL_VIOLATION, "null value in a key column of a sharded table");
        break;
    case KEY_UNKNOWN:
    case KEY_NEVER:
        fail_unread(split, key, error);
        break;
    }
    return !error_is_set(error);
}

static bool find_shard(struct copy_split *split, int *shard, struct error *error)
{
    bool known = true;
    for (int key = 0; key < split->shape->key_count && known; key++)
        known = take_key(split, key, error);
    *shard = known ? keyspace_shard(split->shape->keyspace, split->values) : -1;
    if (known && *shard < 0)
        fail_unmapped(split, error);
    if (!error_is_set(error))
        return true;
    if (error->detail == NULL)
        error_detail(error, "COPY, line %llu", (unsigned long long) split->line);
    return false;
}

static struct batch *batch_of(struct copy_split *split, int shard)
{
    if (shard >= split->batch_count) {
        size_t count = (size_t) shard + 1, old = (size_t) split->batch_count;
        split->batches = memory_resize(split->batches, count * sizeof(*split->batches));
        memset(split->batches + old, 0, (count - old) * sizeof(*split->batches));
        split->batch_count = (int) count;
    }
    struct batch *batch = &split->batches[shard];
    if (batch->bytes == NULL)
        batch->bytes = memory_alloc(BATCH_ROOM);
    return batch;
}

static void pass_batch(struct copy_split *split, int shard, copy_split_rows *pass, void *context)
{
    struct batch *batch = &split->batches[shard];
    if (batch->length > 0)
        pass(context, shard, batch->bytes, batch->length);
    batch->length = 0;
}

static void pass_batches(struct copy_split *split, copy_split_rows *pass, void *context)
{
    for (int shard = 0; shard < split->batch_count; shard++)
        pass_batch(split, shard, pass, context);
}

static void add_row(struct copy_split *split, int shard, const uint8_t *row, size_t length, copy_split_rows *pass, void *context)
{
    struct batch *batch = batch_of(split, shard);
    if (length > BATCH_ROOM - batch->length)
        pass_batch(split, shard, pass, context);
    if (length > BATCH_ROOM) {
        pass(context, shard, row, length);
        return;
    }
    memcpy(batch->bytes + batch->length, row, length);
    batch->length += length;
}

/* Where rows go that PostgreSQL will complain of. */
static int any_shard(const struct copy_split *split)
{
    const struct shard_set *shards = keyspace_shards(split->shape->keyspace);
    return shards ? shard_set_next(shards, 0) : 0;
}

static bool take_line(struct copy_split *split, const uint8_t *row, size_t length, copy_split_rows *pass, void *context,
                      struct error *error)
{
    size_t content = without_line_end(split, row, length);
    int shard = any_shard(split);
    split->line++;
    if (split->ended)
        return true;
    if (!check_line_end(split, row, length, error))
        return false;
    split->returned = false;
    if (split->shape->header && !split->header_seen) {
        split->header_seen = true;
        pass(context, -1, row, length);
        return true;
    }
    if (content == 2 && memcmp(row, "\\.", 2) == 0) {
        split->ended = true;
        return true;
    }
    if (read_key_fields(split, row, content) && !find_shard(split, &shard, error))
        return false;
    add_row(split, shard, row, length, pass, context);
    return true;
}

/* Of the key's types a malformed value is one of a wrong length or with a NUL inside: no input function takes it. */
static bool has_malformed_key(const struct copy_split *split)
{
    struct key_value value;
    for (int key = 0; key < split->shape->key_count; key++)
        if (read_key(split, key, &value) == KEY_UNKNOWN)
            return true;
    return false;
}

static bool take_binary_row(struct copy_split *split, const uint8_t *row, size_t length, copy_split_rows *pass, void *context,
                            struct error *error)
{
    int shard = any_shard(split);
    split->line++;
    take_key_fields(split, row);
    if (!has_malformed_key(split) && !find_shard(split, &shard, error))
        return false;
    add_row(split, shard, row, length, pass, context);
    return true;
}

/* Each shard gets a header of our own, for what was checked in the client's, and the trailer behind its last row. */
static bool take_piece(struct copy_split *split, const uint8_t *piece, size_t length, copy_split_rows *pass, void *context,
                       struct error *error)
{
    switch (split->piece) {
    case COPY_PIECE_HEADER:
        pass(context, -1, copy_binary_header, sizeof(copy_binary_header));
        break;
    case COPY_PIECE_ROW:
        return take_binary_row(split, piece, length, pass, context, error);
    case COPY_PIECE_TRAILER:
        pass_batches(split, pass, context);
        pass(context, -1, copy_binary_trailer, sizeof(copy_binary_trailer));
        break;
    case COPY_PIECE_PART:
    case COPY_PIECE_EXTENSION:
    case COPY_PIECE_WRONG:
        break;
    }
    return true;
}

static bool take_row(struct copy_split *split, const uint8_t *row, size_t length, copy_split_rows *pass, void *context,
                     struct error *error)
{
    return split->shape->binary ? take_piece(split, row, length, pass, context, error)
                                : take_line(split, row, length, pass, context, error);
}

/* Where the row, or another piece of binary data, that begins the bytes ends; 0: it does not yet, or with `error` it never will. */
static size_t find_end(struct copy_split *split, const uint8_t *bytes, size_t length, struct error *error)
{
    size_t end;
    if (!split->shape->binary)
        return row_end(split, bytes, length);
    split->piece = copy_binary_scan(&split->binary, bytes, length, &end, error);
    if (split->piece == COPY_PIECE_WRONG && split->binary.state == COPY_AT_ROW)
        error_detail(error, "COPY, line %llu", (unsigned long long) split->line + 1);
    return end;
}

static bool keep(struct copy_split *split, const uint8_t *bytes, size_t length, struct error *error)
{
    if (split->length + length > LARGEST_ROW) {
        error_set(error, SQLSTATE_PROGRAM_LIMIT, "a row of COPY data is too long");
        return false;
    }
    if (split->length + length > split->capacity) {
        split->capacity = (split->length + length) * 2;
        split->bytes = memory_resize(split->bytes, split->capacity);
    }
    if (length > 0)
        memcpy(split->bytes + split->length, bytes, length);
    split->length += length;
    return true;
}

static bool take_rows(struct copy_split *split, const uint8_t *bytes, size_t length, copy_split_rows *pass, void *context,
                      struct error *error)
{
    if (split->length > 0) { /* finish the row that was begun */
        size_t before = split->length;
        if (!keep(split, bytes, length, error))
            return false;
        size_t end = find_end(split, split->bytes, split->length, error);
        if (end == 0)
            return !error_is_set(error);
        split->length = 0;
        if (!take_row(split, split->bytes, end, pass, context, error))
            return false;
        bytes += end - before;
        length -= end - before;
    }
    size_t end;
    while (length > 0 && (end = find_end(split, bytes, length, error)) > 0) {
        if (!take_row(split, bytes, end, pass, context, error))
            return false;
        bytes += end;
        length -= end;
    }
    return !error_is_set(error) && keep(split, bytes, length, error);
}

bool copy_split_feed(struct copy_split *split, const uint8_t *bytes, size_t length, copy_split_rows *pass, void *context,
                     struct error *error)
{
    if (!take_rows(split, bytes, length, pass, context, error))
        return false;
    pass_batches(split, pass, context);
    return true;
}

bool copy_split_finish(struct copy_split *split, copy_split_rows *pass, void *context, struct error *error)
{
    size_t length = split->length;
    split->length = 0;
    if (split->shape->binary ? !copy_binary_finish(&split->binary, length, error)
                             : length > 0 && !take_line(split, split->bytes, length, pass, context, error))
        return false;
    pass_batches(split, pass, context);
    return true;
}
