/*
 * Reading: a cursor that can never leave its message; the first read past the end makes all further reads
 * give nothing, so that callers check once, at the end.  Building: the length is put as zero and patched by
 * wire_end(); the mark is an offset from the first waiting byte, because the buffer may move while it grows.
 */
#include "proxy/wire.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

static void store32(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t) (value >> 24);
    bytes[1] = (uint8_t) (value >> 16);
    bytes[2] = (uint8_t) (value >> 8);
    bytes[3] = (uint8_t) value;
}

/* The Int32 length counts itself; `before` bytes stand in front of it. */
static enum wire_scan scan(const uint8_t *bytes, size_t length, size_t before, size_t largest,
                           struct frame *frame)
{
    if (length < before + 4)
        return WIRE_PARTIAL;
    uint32_t stated = load32(bytes + before);
    if (stated < 4 || stated > INT32_MAX || stated > largest)
        return WIRE_BAD;
    frame->body = bytes + before + 4;
    frame->body_length = stated - 4;
    frame->total = before + stated;
    return length >= frame->total ? WIRE_FRAME : WIRE_HEAD;
}

enum wire_scan wire_scan(const uint8_t *bytes, size_t length, size_t largest, struct frame *frame)
{
    *frame = (struct frame){0};
    if (length > 0)
        frame->type = bytes[0];
    return scan(bytes, length, 1, largest, frame);
}

enum wire_scan wire_scan_startup(const uint8_t *bytes, size_t length, size_t largest, struct frame *frame)
{
    *frame = (struct frame){0};
    return scan(bytes, length, 0, largest, frame);
}

static const uint8_t *fail(struct reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
    return NULL;
}

const uint8_t *read_bytes(struct reader *reader, size_t length)
{
    if (reader->failed || length > (size_t) (reader->end - reader->at))
        return fail(reader);
    const uint8_t *bytes = reader->at;
    reader->at += length;
    return bytes;
}

uint8_t read_byte(struct reader *reader)
{
    const uint8_t *bytes = read_bytes(reader, 1);
    return bytes ? bytes[0] : 0;
}

int16_t read_int16(struct reader *reader)
{
    const uint8_t *bytes = read_bytes(reader, 2);
    if (bytes == NULL)
        return 0;
    uint16_t value = (uint16_t) (bytes[0] << 8 | bytes[1]);
    return (int16_t) value;
}

int32_t read_int32(struct reader *reader)
{
    const uint8_t *bytes = read_bytes(reader, 4);
    return bytes ? (int32_t) load32(bytes) : 0;
}

const char *read_string(struct reader *reader)
{
    size_t left = (size_t) (reader->end - reader->at);
    const uint8_t *nul = left > 0 && !reader->failed ? memchr(reader->at, 0, left) : NULL;
    if (nul == NULL)
        return (const char *) fail(reader);
    return (const char *) read_bytes(reader, (size_t) (nul - reader->at) + 1);
}

bool reader_done(const struct reader *reader)
{
    return !reader->failed && reader->at == reader->end;
}

size_t wire_begin(struct buffer *out, uint8_t type)
{
    if (type != 0)
        wire_put_byte(out, type);
    size_t mark = buffer_length(out);
    wire_put_int32(out, 0);
    return mark;
}

void wire_put_byte(struct buffer *out, uint8_t value)
{
    *buffer_reserve(out, 1) = value;
    out->end += 1;
}

void wire_put_int16(struct buffer *out, int16_t value)
{
    uint8_t *at = buffer_reserve(out, 2);
    at[0] = (uint8_t) ((uint16_t) value >> 8);
    at[1] = (uint8_t) value;
    out->end += 2;
}

void wire_put_int32(struct buffer *out, int32_t value)
{
    store32(buffer_reserve(out, 4), (uint32_t) value);
    out->end += 4;
}

void wire_put_string(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text) + 1);
}

void wire_put_bytes(struct buffer *out, const void *bytes, size_t length)
{
    buffer_append(out, bytes, length);
}

void wire_end(struct buffer *out, size_t mark)
{
    size_t length = buffer_length(out) - mark;
    assert(length >= 4 && length <= INT32_MAX);
    store32(out->bytes + out->start + mark, (uint32_t) length);
}

void wire_empty(struct buffer *out, uint8_t type)
{
    wire_end(out, wire_begin(out, type));
}

void wire_message(struct buffer *out, uint8_t type, const void *body, size_t length)
{
    size_t mark = wire_begin(out, type);
    wire_put_bytes(out, body, length);
    wire_end(out, mark);
}

static void put_field(struct buffer *out, uint8_t code, const char *text)
{
    if (text == NULL)
        return;
    wire_put_byte(out, code);
    wire_put_string(out, text);
}

/* 55.8: S is the localized severity and V the same in English; ours is always English. */
static void put_fields(struct buffer *out, uint8_t type, const char *severity, const struct error *error)
{
    size_t mark = wire_begin(out, type);
    put_field(out, 'S', severity);
    put_field(out, 'V', severity);
    put_field(out, 'C', error->sqlstate[0] ? error->sqlstate : SQLSTATE_INTERNAL_ERROR);
    put_field(out, 'M', error->message ? error->message : "unknown error");
    put_field(out, 'D', error->detail);
    put_field(out, 'H', error->hint);
    if (error->position > 0) {
        char position[16];
        snprintf(position, sizeof(position), "%d", error->position);
        put_field(out, 'P', position);
    }
    wire_put_byte(out, 0);
    wire_end(out, mark);
}

void wire_error(struct buffer *out, const struct error *error, bool fatal)
{
    put_fields(out, 'E', fatal ? "FATAL" : "ERROR", error);
}

void wire_notice(struct buffer *out, const char *severity, const struct error *notice)
{
    put_fields(out, 'N', severity, notice);
}

void wire_ready(struct buffer *out, char status)
{
    wire_message(out, 'Z', &status, 1);
}

void wire_complete(struct buffer *out, const char *tag)
{
    wire_message(out, 'C', tag, strlen(tag) + 1);
}

void wire_parameter(struct buffer *out, const char *name, const char *value)
{
    size_t mark = wire_begin(out, 'S');
    wire_put_string(out, name);
    wire_put_string(out, value);
    wire_end(out, mark);
}

void wire_query(struct buffer *out, const char *sql, size_t length)
{
    size_t mark = wire_begin(out, 'Q');
    wire_put_bytes(out, sql, length);
    wire_put_byte(out, 0);
    wire_end(out, mark);
}

enum { TEXT_OID = 25 };

/* pg_type.typlen of the types that Keyway itself answers with; everything else is of variable length. */
static int16_t type_length(uint32_t type)
{
    static const struct {
        uint32_t type;
        int16_t length;
    } lengths[] = {
        {16, 1},    /* bool */
        {19, 64},   /* name */
        {20, 8},    /* int8 */
        {21, 2},    /* int2 */
        {23, 4},    /* int4 */
        {26, 4},    /* oid */
        {700, 4},   /* float4 */
        {701, 8},   /* float8 */
        {1082, 4},  /* date */
        {1114, 8},  /* timestamp */
        {1184, 8},  /* timestamptz */
        {1186, 16}, /* interval */
        {2950, 16}, /* uuid */
    };
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        if (lengths[i].type == type)
            return lengths[i].length;
    return -1;
}

void wire_columns(struct buffer *out, const char *const *names, const uint32_t *types, int count)
{
    size_t mark = wire_begin(out, 'T');
    wire_put_int16(out, (int16_t) count);
    for (int i = 0; i < count; i++) {
        uint32_t type = types ? types[i] : TEXT_OID;
        wire_put_string(out, names[i]);
        wire_put_int32(out, 0); /* not a column of a table */
        wire_put_int16(out, 0);
        wire_put_int32(out, (int32_t) type);
        wire_put_int16(out, type_length(type));
        wire_put_int32(out, -1); /* no type modifier */
        wire_put_int16(out, 0);  /* text format */
    }
    wire_end(out, mark);
}

void wire_row(struct buffer *out, const char *const *values, int count)
{
    size_t mark = wire_begin(out, 'D');
    wire_put_int16(out, (int16_t) count);
    for (int i = 0; i < count; i++) {
        if (values[i] == NULL) {
            wire_put_int32(out, -1);
            continue;
        }
        size_t length = strlen(values[i]);
        wire_put_int32(out, (int32_t) length);
        wire_put_bytes(out, values[i], length);
    }
    wire_end(out, mark);
}

static const char **field_place(struct wire_fields *fields, uint8_t code)
{
    switch (code) {
    case 'V':
        return &fields->severity;
    case 'C':
        return &fields->sqlstate;
    case 'M':
        return &fields->message;
    case 'D':
        return &fields->detail;
    case 'H':
        return &fields->hint;
    case 'P':
        return &fields->position;
    }
    return NULL;
}

bool wire_read_fields(const struct frame *frame, struct wire_fields *fields)
{
    const char *localized = NULL;
    struct reader reader = reader_of(frame);
    *fields = (struct wire_fields){0};
    for (uint8_t code = read_byte(&reader); code != 0; code = read_byte(&reader)) {
        const char *text = read_string(&reader);
        const char **place = code == 'S' ? &localized : field_place(fields, code);
        if (place != NULL)
            *place = text;
    }
    if (fields->severity == NULL)
        fields->severity = localized; /* servers before 9.6 send no V */
    return reader_done(&reader);
}

void wire_read_error(const struct frame *frame, struct error *error)
{
    struct wire_fields fields;
    bool readable = wire_read_fields(frame, &fields) && fields.message && fields.sqlstate && strlen(fields.sqlstate) == 5;
    error_set(error, readable ? fields.sqlstate : SQLSTATE_INTERNAL_ERROR, "%s",
              readable ? fields.message : "a shard sent an error that cannot be read");
    if (readable && fields.detail)
        error_detail(error, "%s", fields.detail);
    if (readable && fields.hint)
        error_hint(error, "%s", fields.hint);
}
