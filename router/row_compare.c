/*
 * One table says for each type how its text and its binary form are read and how the results compare.  There
 * are five ways to compare: as integers (also everything that PostgreSQL stores as one), as floats, as
 * decimals of any length, as bytes, and as texts (text_order.h).  uuid and bytea in text compare as their hex
 * digits, which are lower-case and so in the order of the bytes they stand for.
 */
#include "router/row_compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/iso_time.h"

enum ordering { ORDER_INTEGER, ORDER_REAL, ORDER_DECIMAL, ORDER_BYTES, ORDER_TEXT };

/* The classes of decimals, in their order. */
enum decimal_class {
    DECIMAL_MINUS_INFINITY,
    DECIMAL_NEGATIVE,
    DECIMAL_ZERO,
    DECIMAL_POSITIVE,
    DECIMAL_PLUS_INFINITY,
    DECIMAL_NAN,
};

static bool equals(const uint8_t *bytes, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool text_integer(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    bool negative = length > 0 && bytes[0] == '-';
    size_t i = negative;
    if (i == length)
        return false;
    int64_t sum = 0;
    for (; i < length; i++)
        if (!is_digit(bytes[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, bytes[i] - '0', &sum))
            return false;
    if (!negative && sum == INT64_MIN)
        return false;
    value->integer = negative ? sum : -sum;
    return true;
}

static bool binary_int2(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 2)
        return false;
    value->integer = (int16_t) network_uint16(bytes);
    return true;
}

/* Also date. */
static bool binary_int4(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 4)
        return false;
    value->integer = (int32_t) network_uint32(bytes);
    return true;
}

/* Also timestamps. */
static bool binary_int8(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 8)
        return false;
    value->integer = (int64_t) network_uint64(bytes);
    return true;
}

static bool binary_oid(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 4)
        return false;
    value->integer = network_uint32(bytes);
    return true;
}

static bool text_bool(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 1 || (bytes[0] != 't' && bytes[0] != 'f'))
        return false;
    value->integer = bytes[0] == 't';
    return true;
}

static bool binary_bool(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 1 || bytes[0] > 1)
        return false;
    value->integer = bytes[0];
    return true;
}

/* charout(): nothing for the zero byte, \ooo for bytes from 0x80. */
static bool text_char(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length <= 1) {
        value->integer = length ? bytes[0] : 0;
        return true;
    }
    if (length != 4 || bytes[0] != '\\')
        return false;
    value->integer = 0;
    for (int i = 1; i < 4; i++) {
        if (bytes[i] < '0' || bytes[i] > '7')
            return false;
        value->integer = value->integer * 8 + (bytes[i] - '0');
    }
    return value->integer <= 0xFF;
}

static bool binary_char(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 1)
        return false;
    value->integer = bytes[0];
    return true;
}

static bool text_date(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    return iso_time_read(ISO_DATE, (const char *) bytes, length, &value->integer);
}

static bool text_timestamp(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    return iso_time_read(ISO_TIMESTAMP, (const char *) bytes, length, &value->integer);
}

static bool text_timestamptz(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    return iso_time_read(ISO_TIMESTAMPTZ, (const char *) bytes, length, &value->integer);
}

static bool text_float(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    char copy[64], *end;
    if (equals(bytes, length, "NaN") || equals(bytes, length, "Infinity") ||
        equals(bytes, length, "-Infinity")) {
        value->real = bytes[0] == 'N' ? NAN : bytes[0] == '-' ? -INFINITY : INFINITY;
        return true;
    }
    if (length == 0 || length >= sizeof(copy))
        return false;
    memcpy(copy, bytes, length);
    copy[length] = '\0';
    if (strspn(copy, "0123456789+-.e") != length)
        return false;
    value->real = strtod(copy, &end);
    return *end == '\0' && isfinite(value->real);
}

static bool binary_float4(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 4)
        return false;
    uint32_t bits = network_uint32(bytes);
    float number;
    memcpy(&number, &bits, sizeof(number));
    value->real = (double) number;
    return true;
}

static bool binary_float8(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 8)
        return false;
    uint64_t bits = network_uint64(bytes);
    memcpy(&value->real, &bits, sizeof(value->real));
    return true;
}

static bool special_decimal(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (equals(bytes, length, "NaN"))
        value->integer = DECIMAL_NAN;
    else if (equals(bytes, length, "Infinity"))
        value->integer = DECIMAL_PLUS_INFINITY;
    else if (equals(bytes, length, "-Infinity"))
        value->integer = DECIMAL_MINUS_INFINITY;
    else
        return false;
    return true;
}

/* numeric_out(): sign, digits, perhaps a point and digits; zeros at both outer ends say nothing. */
static bool text_numeric(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (special_decimal(bytes, length, value))
        return true;
    const uint8_t *at = bytes, *end = bytes + length;
    bool negative = at < end && *at == '-';
    const uint8_t *head = at += negative;
    while (at < end && is_digit(*at))
        at++;
    const uint8_t *head_end = at, *tail = at;
    if (at < end && *at == '.')
        for (tail = ++at; at < end && is_digit(*at); at++)
            continue;
    if (at != end || head == head_end)
        return false;
    while (head < head_end && *head == '0')
        head++;
    while (end > tail && end[-1] == '0')
        end--;
    value->head = head;
    value->head_length = (size_t) (head_end - head);
    value->weight = head_end - head;
    value->tail = tail;
    value->tail_length = (size_t) (end - tail);
    bool zero = head == head_end && tail == end;
    value->integer = zero ? DECIMAL_ZERO : negative ? DECIMAL_NEGATIVE : DECIMAL_POSITIVE;
    return true;
}

static bool binary_numeric_class(uint16_t sign, bool zero, struct sort_value *value)
{
    switch (sign) {
    case 0x0000:
        value->integer = zero ? DECIMAL_ZERO : DECIMAL_POSITIVE;
        return true;
    case 0x4000:
        value->integer = zero ? DECIMAL_ZERO : DECIMAL_NEGATIVE;
        return true;
    case 0xC000:
        value->integer = DECIMAL_NAN;
        return true;
    case 0xD000:
        value->integer = DECIMAL_PLUS_INFINITY;
        return true;
    case 0xF000:
        value->integer = DECIMAL_MINUS_INFINITY;
        return true;
    }
    return false;
}

/* numeric_send(): count, weight, sign, display scale, then groups of four digits, whose bytes compare as
 * their values. */
static bool binary_numeric(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    enum { HEADER = 8, GROUP = 2, GROUP_LIMIT = 10000 };
    if (length < HEADER || length != HEADER + (size_t) network_uint16(bytes) * GROUP)
        return false;
    const uint8_t *head = bytes + HEADER, *end = bytes + length;
    for (const uint8_t *at = head; at < end; at += GROUP)
        if (network_uint16(at) >= GROUP_LIMIT)
            return false;
    value->weight = (int16_t) network_uint16(bytes + 2);
    for (; head < end && network_uint16(head) == 0; head += GROUP)
        value->weight--;
    while (end > head && network_uint16(end - GROUP) == 0)
        end -= GROUP;
    value->head = head;
    value->head_length = (size_t) (end - head);
    value->tail = end;
    return binary_numeric_class(network_uint16(bytes + 4), head == end, value);
}

static bool any_bytes(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    value->head = bytes;
    value->head_length = length;
    return true;
}

static bool padded_bytes(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    while (length > 0 && bytes[length - 1] == ' ')
        length--;
    return any_bytes(bytes, length, value);
}

static bool text_uuid(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length != 36)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? bytes[i] != '-' : !is_lower_hex(bytes[i]))
            return false;
    }
    return any_bytes(bytes, length, value);
}

static bool binary_uuid(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    return length == 16 && any_bytes(bytes, length, value);
}

static bool text_bytea(const uint8_t *bytes, size_t length, struct sort_value *value)
{
    if (length < 2 || length % 2 != 0 || bytes[0] != '\\' || bytes[1] != 'x')
        return false;
    for (size_t i = 2; i < length; i++)
        if (!is_lower_hex(bytes[i]))
            return false;
    return any_bytes(bytes, length, value);
}

typedef bool (*value_reader)(const uint8_t *bytes, size_t length, struct sort_value *value);

struct sort_type {
    uint32_t oid; /* pg_type.dat of PostgreSQL 15 */
    const char *name;
    enum ordering ordering;
    value_reader text, binary;
    const char *hint; /* what makes shards send another text; NULL: nothing does */
};

static const char date_hint[] = "Set DateStyle to ISO.";
static const char bytea_hint[] = "Set bytea_output to hex.";

static const struct sort_type sort_types[] = {
    {16, "boolean", ORDER_INTEGER, text_bool, binary_bool, NULL},
    {17, "bytea", ORDER_BYTES, text_bytea, any_bytes, bytea_hint},
    {18, "\"char\"", ORDER_INTEGER, text_char, binary_char, NULL},
    {19, "name", ORDER_TEXT, any_bytes, any_bytes, NULL},
    {20, "bigint", ORDER_INTEGER, text_integer, binary_int8, NULL},
    {21, "smallint", ORDER_INTEGER, text_integer, binary_int2, NULL},
    {23, "integer", ORDER_INTEGER, text_integer, binary_int4, NULL},
    {25, "text", ORDER_TEXT, any_bytes, any_bytes, NULL},
    {26, "oid", ORDER_INTEGER, text_integer, binary_oid, NULL},
    {700, "real", ORDER_REAL, text_float, binary_float4, NULL},
    {701, "double precision", ORDER_REAL, text_float, binary_float8, NULL},
    {1042, "character", ORDER_TEXT, padded_bytes, padded_bytes, NULL},
    {1043, "character varying", ORDER_TEXT, any_bytes, any_bytes, NULL},
    {1082, "date", ORDER_INTEGER, text_date, binary_int4, date_hint},
    {1114, "timestamp without time zone", ORDER_INTEGER, text_timestamp, binary_int8, date_hint},
    {1184, "timestamp with time zone", ORDER_INTEGER, text_timestamptz, binary_int8, date_hint},
    {1700, "numeric", ORDER_DECIMAL, text_numeric, binary_numeric, NULL},
    {2950, "uuid", ORDER_BYTES, text_uuid, binary_uuid, NULL},
};

const struct sort_type *sort_type_of(uint32_t oid)
{
    for (size_t i = 0; i < sizeof(sort_types) / sizeof(*sort_types); i++)
        if (sort_types[i].oid == oid)
            return &sort_types[i];
    return NULL;
}

bool merge_can_order(uint32_t type, const struct text_order *order)
{
    const struct sort_type *found = sort_type_of(type);
    return found != NULL && (order != NULL || found->ordering != ORDER_TEXT);
}

const char *sort_type_name(const struct sort_type *type)
{
    return type->name;
}

bool sort_value_read(const struct sort_type *type, int16_t format, const struct field *field,
                     struct sort_value *value, struct error *error)
{
    *value = (struct sort_value){.null = field->length < 0};
    if (value->null)
        return true;
    value_reader reader = format == 0 ? type->text : type->binary;
    if (reader(field->bytes, (size_t) field->length, value))
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot order the rows of several shards");
    error_detail(error, "A shard sent a value of type %s in a form that is not understood.", type->name);
    if (type->hint != NULL)
        error_hint(error, "%s", type->hint);
    return false;
}

static int compare_integers(int64_t left, int64_t right)
{
    return (left > right) - (left < right);
}

/* NaN equals NaN and is above everything else; the two zeros are equal. */
static int compare_reals(double left, double right)
{
    if (isnan(left) || isnan(right))
        return (isnan(left) != 0) - (isnan(right) != 0);
    return (left > right) - (left < right);
}

static int compare_bytes(const uint8_t *left, size_t left_length, const uint8_t *right, size_t right_length)
{
    size_t shorter = left_length < right_length ? left_length : right_length;
    int order = shorter > 0 ? memcmp(left, right, shorter) : 0;
    return order ? order : (left_length > right_length) - (left_length < right_length);
}

static int compare_magnitudes(const struct sort_value *left, const struct sort_value *right)
{
    if (left->weight != right->weight)
        return left->weight < right->weight ? -1 : 1;
    int order = compare_bytes(left->head, left->head_length, right->head, right->head_length);
    return order ? order : compare_bytes(left->tail, left->tail_length, right->tail, right->tail_length);
}

static int compare_decimals(const struct sort_value *left, const struct sort_value *right)
{
    if (left->integer != right->integer)
        return compare_integers(left->integer, right->integer);
    if (left->integer == DECIMAL_POSITIVE)
        return compare_magnitudes(left, right);
    return left->integer == DECIMAL_NEGATIVE ? compare_magnitudes(right, left) : 0;
}

int sort_value_compare(const struct sort_type *type, const struct text_order *order,
                       const struct sort_value *left, const struct sort_value *right)
{
    switch (type->ordering) {
    case ORDER_INTEGER:
        return compare_integers(left->integer, right->integer);
    case ORDER_REAL:
        return compare_reals(left->real, right->real);
    case ORDER_DECIMAL:
        return compare_decimals(left, right);
    case ORDER_BYTES:
        return compare_bytes(left->head, left->head_length, right->head, right->head_length);
    case ORDER_TEXT:
        return text_order_compare(order, left->head, left->head_length, right->head, right->head_length);
    }
    return 0;
}
