/*
 * A row is checked when it comes, and what its values add to each column is counted: so the arrays' sizes are known before their
 * first byte is written, and all of them are written in one walk over the rows.
 */
#include "proxy/gather_rows.h"

#include <assert.h>
#include <string.h>

#include "proxy/array_types.h"
#include "router/sql_types.h"

enum {
    TEXT = 25, /* pg_type.dat */
    ARRAY_HEAD = 12,      /* dimensions, has-null, element type */
    ARRAY_DIMENSION = 8,  /* length, lower bound */
    VALUE_LENGTH = 4,
};

void gather_rows_init(struct gather_rows *rows, struct arena *arena, int columns, const bool *as_text)
{
    *rows = (struct gather_rows){.column_count = columns};
    rows->columns = arena_alloc_array(arena, (size_t) columns, sizeof *rows->columns);
    for (int i = 0; as_text && i < columns; i++)
        rows->columns[i].as_text = as_text[i];
}

void gather_rows_free(struct gather_rows *rows)
{
    buffer_free(&rows->own);
    buffer_free(&rows->others);
}

/* Types of the database's own have another OID on each server. */
static bool is_same_type(uint32_t left, uint32_t right)
{
    return left == right || (left >= FIRST_USER_TYPE && right >= FIRST_USER_TYPE);
}

bool gather_rows_describe(struct gather_rows *rows, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    if (read_int16(&reader) != rows->column_count)
        return false;
    for (int i = 0; i < rows->column_count; i++) {
        read_string(&reader);
        read_bytes(&reader, 6); /* table and column */
        uint32_t type = (uint32_t) read_int32(&reader);
        read_bytes(&reader, 8); /* size, modifier, format */
        if (reader.failed || (rows->described && !is_same_type(rows->columns[i].type, type)))
            return false;
        if (!rows->described)
            rows->columns[i].type = type;
    }
    rows->described = true;
    return reader_done(&reader);
}

/* Of types of the database's own only enums come here: their values are labels. */
static uint32_t element_type(const struct gather_column *column)
{
    return column->type < FIRST_USER_TYPE && !column->as_text ? column->type : TEXT;
}

bool gather_rows_fit_arrays(const struct gather_rows *rows)
{
    for (int i = 0; i < rows->column_count; i++)
        if (gather_rows_array_type(rows, i) == 0)
            return false;
    return true;
}

static bool is_well_formed(const struct gather_rows *rows, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    if (read_int16(&reader) != rows->column_count)
        return false;
    for (int i = 0; i < rows->column_count; i++) {
        int32_t length = read_int32(&reader);
        if (length > 0)
            read_bytes(&reader, (size_t) length);
        if (reader.failed || length < -1)
            return false;
    }
    return reader_done(&reader);
}

static void count_values(struct gather_rows *rows, const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    read_int16(&reader);
    for (int i = 0; i < rows->column_count; i++) {
        int32_t length = read_int32(&reader);
        rows->columns[i].nulls |= length < 0;
        if (length > 0) {
            rows->columns[i].bytes += (size_t) length;
            read_bytes(&reader, (size_t) length);
        }
    }
}

bool gather_rows_add(struct gather_rows *rows, bool own, const struct frame *frame)
{
    if (!is_well_formed(rows, frame))
        return false;
    count_values(rows, frame);
    buffer_append(own ? &rows->own : &rows->others, frame->body, frame->body_length);
    *(own ? &rows->own_count : &rows->other_count) += 1;
    return true;
}

size_t gather_rows_size(const struct gather_rows *rows)
{
    return buffer_length(&rows->own) + buffer_length(&rows->others);
}

uint32_t gather_rows_array_type(const struct gather_rows *rows, int column)
{
    return array_type_of(element_type(&rows->columns[column]));
}

/* --- arrays -------------------------------------------------------------------------------------------------- */

static uint8_t *put(uint8_t *at, size_t value)
{
    at[0] = (uint8_t) (value >> 24);
    at[1] = (uint8_t) (value >> 16);
    at[2] = (uint8_t) (value >> 8);
    at[3] = (uint8_t) value;
    return at + 4;
}

size_t gather_rows_count(const struct gather_rows *rows)
{
    return rows->own_count + rows->other_count;
}

/* An array without elements has no dimension. */
static size_t array_size(const struct gather_rows *rows, const struct gather_column *column)
{
    size_t count = gather_rows_count(rows);
    return ARRAY_HEAD + (count > 0 ? ARRAY_DIMENSION + VALUE_LENGTH * count + column->bytes : 0);
}

static void put_head(const struct gather_rows *rows, struct gather_column *column, uint8_t *at)
{
    size_t count = gather_rows_count(rows);
    at = put(at, array_size(rows, column));
    at = put(at, count > 0);
    at = put(at, column->nulls);
    at = put(at, element_type(column));
    if (count > 0) {
        at = put(at, count);
        at = put(at, 1);
    }
    column->next = at;
}

static void put_value(struct gather_column *column, const uint8_t *bytes, size_t length)
{
    memcpy(column->next, bytes, length);
    column->next += length;
}

/* The values of the columns from one to another (not included). */
static void put_values(struct gather_rows *rows, const struct buffer *buffer, int from, int to)
{
    struct reader reader = {buffer_data(buffer), buffer_data(buffer) + buffer_length(buffer), false};
    while (reader.at < reader.end) {
        read_int16(&reader);
        for (int i = 0; i < rows->column_count; i++) {
            const uint8_t *value = reader.at;
            int32_t length = read_int32(&reader);
            if (length > 0)
                read_bytes(&reader, (size_t) length);
            if (i >= from && i < to)
                put_value(&rows->columns[i], value, (size_t) (reader.at - value));
        }
    }
    assert(!reader.failed);
}

/* Their arrays, one behind the other, where there is room for them. */
static void put_arrays(struct gather_rows *rows, uint8_t *at, int from, int to)
{
    for (int i = from; i < to; i++) {
        put_head(rows, &rows->columns[i], at);
        at += VALUE_LENGTH + array_size(rows, &rows->columns[i]);
    }
    if (buffer_length(&rows->own) > 0)
        put_values(rows, &rows->own, from, to);
    if (buffer_length(&rows->others) > 0)
        put_values(rows, &rows->others, from, to);
}

void gather_rows_put_arrays(struct gather_rows *rows, struct buffer *out)
{
    size_t total = 0;
    for (int i = 0; i < rows->column_count; i++)
        total += VALUE_LENGTH + array_size(rows, &rows->columns[i]);
    put_arrays(rows, buffer_reserve(out, total), 0, rows->column_count);
    out->end += total;
}

const uint8_t *gather_rows_array(struct gather_rows *rows, int column, struct arena *arena, size_t *length)
{
    *length = VALUE_LENGTH + array_size(rows, &rows->columns[column]);
    uint8_t *array = arena_alloc(arena, *length);
    put_arrays(rows, array, column, column + 1);
    return array;
}
