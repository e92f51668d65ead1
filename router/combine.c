/*
 * One accumulator per column takes each shard's partial value; NULLs are skipped as aggregates skip them, and
 * a column that saw nothing else is NULL.  Which types an accumulator takes is decided before the first row.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/big_sum.h"
#include "router/data_row.h"
#include "router/merge.h"
#include "router/numeric_binary.h"
#include "router/row_compare.h"

enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_NUMERIC = 1700 };

struct accumulator {
    struct combine_column how;
    struct merge_column column;
    const struct sort_type *type; /* MIN, MAX */
    bool any;                     /* a value other than NULL was seen */
    struct big_sum sum;           /* SUM */
    bool truth;                   /* BOOL_AND, BOOL_OR */
    struct field kept;            /* MIN, MAX, SAME: the value so far, in … */
    uint8_t *memory;              /* … this */
    size_t room;
    struct sort_value kept_value; /* MIN, MAX: the same, read; borrows from kept */
};

struct combine {
    struct accumulator *columns;
    struct field *fields; /* of the row being pushed */
    int count;
    bool pushed; /* a first row has come */
    uint8_t *row;
    size_t row_room;
};

static bool refuse(struct error *error, int column, const char *why)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot combine the results of several shards");
    error_detail(error, "Result column %d %s.", column + 1, why);
    error_hint(error, "Select from one shard, by giving the key.");
    return false;
}

static bool is_integer(uint32_t type)
{
    return type == OID_INT2 || type == OID_INT4 || type == OID_INT8;
}

static bool check_column(const struct combine_column *how, const struct merge_column *column, int i,
                         struct error *error)
{
    if (column->format != 0 && column->format != 1)
        return refuse(error, i, "has an unknown format");
    switch (how->how) {
    case COMBINE_SUM:
        return is_integer(column->type) || column->type == OID_NUMERIC ||
               refuse(error, i, "is a sum of another type than integers");
    case COMBINE_MIN:
    case COMBINE_MAX:
        return merge_can_order(column->type, how->order) ||
               refuse(
                   error, i,
                   "is a minimum or maximum of a type or collation that is not ordered outside PostgreSQL");
    case COMBINE_BOOL_AND:
    case COMBINE_BOOL_OR:
        return column->type == OID_BOOL || refuse(error, i, "is not of type boolean");
    case COMBINE_SAME:
        return true;
    }
    return false;
}

struct combine *combine_new(const struct combine_column *how, const struct merge_column *columns, int count,
                            struct error *error)
{
    for (int i = 0; i < count; i++)
        if (!check_column(&how[i], &columns[i], i, error))
            return NULL;
    struct combine *combine = memory_alloc(sizeof(*combine));
    combine->count = count;
    combine->fields = memory_alloc((size_t) count * sizeof(*combine->fields));
    combine->columns = memory_alloc((size_t) count * sizeof(*combine->columns));
    for (int i = 0; i < count; i++) {
        struct accumulator *accumulator = &combine->columns[i];
        accumulator->how = how[i];
        accumulator->column = columns[i];
        accumulator->type = sort_type_of(columns[i].type);
    }
    combine_clear(combine);
    return combine;
}

void combine_clear(struct combine *combine)
{
    combine->pushed = false;
    for (int i = 0; i < combine->count; i++) {
        struct accumulator *accumulator = &combine->columns[i];
        accumulator->any = false;
        accumulator->truth = accumulator->how.how == COMBINE_BOOL_AND;
        accumulator->kept = (struct field){NULL, -1};
        big_sum_clear(&accumulator->sum);
    }
}

void combine_free(struct combine *combine)
{
    if (combine == NULL)
        return;
    for (int i = 0; i < combine->count; i++) {
        free(combine->columns[i].memory);
        big_sum_free(&combine->columns[i].sum);
    }
    free(combine->row);
    free(combine->fields);
    free(combine->columns);
    free(combine);
}

static bool malformed(struct error *error, const char *what)
{
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "a shard sent a malformed value");
    error_detail(error, "%s", what);
    return false;
}

static bool add_binary(struct accumulator *accumulator, const struct field *field)
{
    const uint8_t *bytes = field->bytes;
    switch (field->length) {
    case 2:
        big_sum_add(&accumulator->sum, (int16_t) network_uint16(bytes));
        return accumulator->column.type == OID_INT2;
    case 4:
        big_sum_add(&accumulator->sum, (int32_t) network_uint32(bytes));
        return accumulator->column.type == OID_INT4;
    case 8:
        big_sum_add(&accumulator->sum, (int64_t) network_uint64(bytes));
        return accumulator->column.type == OID_INT8;
    }
    return false;
}

static bool add_numeric(struct accumulator *accumulator, const struct field *field)
{
    char *text = numeric_binary_text(field->bytes, (size_t) field->length);
    bool added = text && big_sum_add_text(&accumulator->sum, text, strlen(text));
    free(text);
    return added;
}

static bool add_to_sum(struct accumulator *accumulator, const struct field *field, struct error *error)
{
    if (accumulator->column.format == 1 && accumulator->column.type == OID_NUMERIC)
        return add_numeric(accumulator, field) || malformed(error, "A partial sum is not a whole number.");
    if (accumulator->column.format == 1)
        return add_binary(accumulator, field) || malformed(error, "A partial sum has a wrong length.");
    return big_sum_add_text(&accumulator->sum, (const char *) field->bytes, (size_t) field->length) ||
           malformed(error, "A partial sum is not a whole number.");
}

static bool read_truth(const struct accumulator *accumulator, const struct field *field, bool *truth,
                       struct error *error)
{
    uint8_t yes = accumulator->column.format == 0 ? 't' : 1, no = accumulator->column.format == 0 ? 'f' : 0;
    if (field->length != 1 || (field->bytes[0] != yes && field->bytes[0] != no))
        return malformed(error, "A truth value is neither true nor false.");
    *truth = field->bytes[0] == yes;
    return true;
}

static bool add_truth(struct accumulator *accumulator, const struct field *field, struct error *error)
{
    bool truth;
    if (!read_truth(accumulator, field, &truth, error))
        return false;
    bool all = accumulator->how.how == COMBINE_BOOL_AND;
    accumulator->truth = all ? accumulator->truth && truth : accumulator->truth || truth;
    return true;
}

/* Keep a copy of the value: the row it came in goes. */
static void keep(struct accumulator *accumulator, const struct field *field)
{
    size_t length = field->length > 0 ? (size_t) field->length : 0;
    if (length > accumulator->room) {
        free(accumulator->memory);
        accumulator->room = length + length / 4;
        accumulator->memory = memory_alloc(accumulator->room);
    }
    if (length > 0)
        memcpy(accumulator->memory, field->bytes, length);
    accumulator->kept = (struct field){accumulator->memory, field->length};
}

static bool add_extreme(struct accumulator *accumulator, const struct field *field, struct error *error)
{
    struct sort_value value;
    int16_t format = accumulator->column.format;
    if (!sort_value_read(accumulator->type, format, field, &value, error))
        return false;
    if (accumulator->any) {
        int order =
            sort_value_compare(accumulator->type, accumulator->how.order, &value, &accumulator->kept_value);
        if (accumulator->how.how == COMBINE_MIN ? order >= 0 : order <= 0)
            return true;
    }
    keep(accumulator, field);
    return sort_value_read(accumulator->type, format, &accumulator->kept, &accumulator->kept_value, error);
}

static bool add_value(struct accumulator *accumulator, const struct field *field, bool first,
                      struct error *error)
{
    bool added = true;
    if (field->length < 0)
        return true;
    switch (accumulator->how.how) {
    case COMBINE_SUM:
        added = add_to_sum(accumulator, field, error);
        break;
    case COMBINE_MIN:
    case COMBINE_MAX:
        added = add_extreme(accumulator, field, error);
        break;
    case COMBINE_BOOL_AND:
    case COMBINE_BOOL_OR:
        added = add_truth(accumulator, field, error);
        break;
    case COMBINE_SAME:
        if (first)
            keep(accumulator, field);
        break;
    }
    accumulator->any = true;
    return added;
}

bool combine_push(struct combine *combine, const uint8_t *row, size_t length, struct error *error)
{
    if (!data_row_read(row, length, combine->fields, combine->count, error))
        return false;
    for (int i = 0; i < combine->count; i++)
        if (!add_value(&combine->columns[i], &combine->fields[i], !combine->pushed, error))
            return false;
    combine->pushed = true;
    return true;
}

static void set_kept(struct accumulator *accumulator, const void *bytes, size_t length)
{
    struct field field = {bytes, (int32_t) length};
    keep(accumulator, &field);
}

static void set_binary_sum(struct accumulator *accumulator, int64_t value)
{
    size_t size = accumulator->column.type == OID_INT2 ? 2 : accumulator->column.type == OID_INT4 ? 4 : 8;
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t) ((uint64_t) value >> 8 * (size - 1 - i));
    set_kept(accumulator, bytes, size);
}

static void set_numeric_sum(struct accumulator *accumulator, const char *text)
{
    size_t length;
    uint8_t *bytes = numeric_binary_from(text, &length);
    set_kept(accumulator, bytes, length);
    free(bytes);
}

static bool in_range(uint32_t type, int64_t value)
{
    return type == OID_INT2   ? value >= INT16_MIN && value <= INT16_MAX
           : type == OID_INT4 ? value >= INT32_MIN && value <= INT32_MAX
                              : true;
}

static void set_sum_text(struct accumulator *accumulator, const char *text)
{
    if (accumulator->column.format == 1)
        set_numeric_sum(accumulator, text);
    else
        set_kept(accumulator, text, strlen(text));
}

static bool finish_sum(struct accumulator *accumulator, struct error *error)
{
    uint32_t type = accumulator->column.type;
    int64_t value = 0;
    char digits[24];
    bool small = big_sum_integer(&accumulator->sum, &value);
    if (is_integer(type) && !(small && in_range(type, value))) {
        error_set(error, SQLSTATE_NUMERIC_OUT_OF_RANGE, "%s out of range", sort_type_name(accumulator->type));
        return false;
    }
    if (is_integer(type) && accumulator->column.format == 1) {
        set_binary_sum(accumulator, value);
    } else if (small) {
        snprintf(digits, sizeof digits, "%lld", (long long) value);
        set_sum_text(accumulator, digits);
    } else {
        char *text = big_sum_text(&accumulator->sum);
        set_sum_text(accumulator, text);
        free(text);
    }
    return true;
}

/* The column's value becomes `kept`. */
static bool finish_column(struct accumulator *accumulator, struct error *error)
{
    if (!accumulator->any)
        return true;
    switch (accumulator->how.how) {
    case COMBINE_SUM:
        return finish_sum(accumulator, error);
    case COMBINE_BOOL_AND:
    case COMBINE_BOOL_OR:
        if (accumulator->column.format == 1)
            set_kept(accumulator, accumulator->truth ? "\1" : "\0", 1);
        else
            set_kept(accumulator, accumulator->truth ? "t" : "f", 1);
        return true;
    case COMBINE_MIN:
    case COMBINE_MAX:
    case COMBINE_SAME:
        return true;
    }
    return true;
}

static uint8_t *put_network(uint8_t *to, uint32_t value, int size)
{
    for (int i = size - 1; i >= 0; i--)
        *to++ = (uint8_t) (value >> 8 * i);
    return to;
}

bool combine_finish(struct combine *combine, const uint8_t **row, size_t *length, struct error *error)
{
    size_t size = 2;
    for (int i = 0; i < combine->count; i++) {
        struct accumulator *accumulator = &combine->columns[i];
        if (!finish_column(accumulator, error))
            return false;
        size += 4 + (accumulator->kept.length > 0 ? (size_t) accumulator->kept.length : 0);
    }
    if (size > combine->row_room) {
        free(combine->row);
        combine->row_room = size + size / 4;
        combine->row = memory_alloc(combine->row_room);
    }
    uint8_t *to = put_network(combine->row, (uint32_t) combine->count, 2);
    for (int i = 0; i < combine->count; i++) {
        const struct field *kept = &combine->columns[i].kept;
        to = put_network(to, (uint32_t) kept->length, 4);
        if (kept->length > 0)
            to = mempcpy(to, kept->bytes, (size_t) kept->length);
    }
    *row = combine->row;
    *length = size;
    return true;
}
