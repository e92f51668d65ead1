/*
 * Reading key values (keyspace.h).  Each key type has one reader of text, which accepts what PostgreSQL's
 * input function accepts or less, never more; where reading depends on a setting, or PostgreSQL would raise
 * an error, the value is unknown.
 */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "router/iso_time.h"
#include "router/keyspace.h"

/* pg_type.dat of PostgreSQL 15. */
enum type_oid {
    OID_UNDECLARED = 0,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_NAME = 19,
    OID_TEXT = 25,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_UNKNOWN = 705,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
};

static const struct {
    uint32_t oid;
    const char *name;
} key_types[] = {
    [KEY_SMALLINT] = {OID_INT2, "smallint"},
    [KEY_INTEGER] = {OID_INT4, "integer"},
    [KEY_BIGINT] = {OID_INT8, "bigint"},
    [KEY_TEXT] = {OID_TEXT, "text"},
    [KEY_BPCHAR] = {OID_BPCHAR, "character"},
    [KEY_UUID] = {OID_UUID, "uuid"},
    [KEY_DATE] = {OID_DATE, "date"},
    [KEY_TIMESTAMP] = {OID_TIMESTAMP, "timestamp without time zone"},
    [KEY_TIMESTAMPTZ] = {OID_TIMESTAMPTZ, "timestamp with time zone"},
};

uint32_t key_type_oid(enum key_type type)
{
    return key_types[type].oid;
}

const char *key_type_name(enum key_type type)
{
    return key_types[type].name;
}

bool key_type_of_oid(uint32_t oid, enum key_type *type)
{
    if (oid == OID_VARCHAR)
        oid = OID_TEXT;
    for (size_t i = 0; i < sizeof(key_types) / sizeof(*key_types); i++)
        if (key_types[i].oid == oid) {
            *type = (enum key_type) i;
            return true;
        }
    return false;
}

/* isspace() of the C locale: what the input functions of numbers skip. */
static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void trim(const char **text, size_t *length)
{
    while (*length > 0 && is_space(**text)) {
        ++*text;
        --*length;
    }
    while (*length > 0 && is_space((*text)[*length - 1]))
        --*length;
}

static bool fits(enum key_type type, int64_t value)
{
    if (type == KEY_SMALLINT)
        return value >= INT16_MIN && value <= INT16_MAX;
    if (type == KEY_INTEGER)
        return value >= INT32_MIN && value <= INT32_MAX;
    return true;
}

/* int8in(): blanks, a sign, digits, blanks. */
static bool parse_integer(const char *text, size_t length, int64_t *value)
{
    trim(&text, &length);
    bool negative = length > 0 && *text == '-';
    if (length > 0 && (*text == '-' || *text == '+')) {
        text++;
        length--;
    }
    if (length == 0)
        return false;
    int64_t sum = 0; /* grows downwards: INT64_MIN has no positive */
    for (size_t i = 0; i < length; i++)
        if (!is_digit(text[i]) || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, text[i] - '0', &sum))
            return false;
    if (!negative && sum == INT64_MIN)
        return false;
    *value = negative ? sum : -sum;
    return true;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* uuid_in(): 32 hex digits, a hyphen allowed behind every fourth, braces around all of it. */
static bool parse_uuid(const char *text, size_t length, uint8_t *uuid)
{
    const char *end = text + length;
    bool braced = length > 0 && *text == '{';
    text += braced;
    for (int i = 0; i < 16; i++) {
        if (end - text < 2 || hex_digit(text[0]) < 0 || hex_digit(text[1]) < 0)
            return false;
        uuid[i] = (uint8_t) (hex_digit(text[0]) << 4 | hex_digit(text[1]));
        text += 2;
        if (i % 2 == 1 && i < 15 && text < end && *text == '-')
            text++;
    }
    if (braced && (text == end || *text++ != '}'))
        return false;
    return text == end;
}

static enum key_reading read_text_bytes(const char *text, size_t length, struct key_value *value)
{
    if (length > INT_MAX || (length > 0 && memchr(text, 0, length) != NULL))
        return KEY_UNKNOWN;
    if (value->type == KEY_BPCHAR)
        while (length > 0 && text[length - 1] == ' ')
            length--;
    value->text.bytes = length > 0 ? text : "";
    value->text.length = length;
    return KEY_READ;
}

static enum key_reading known_if(bool known)
{
    return known ? KEY_READ : KEY_UNKNOWN;
}

enum key_reading key_read_text(enum key_type type, const char *text, size_t length, struct key_value *value)
{
    value->type = type;
    switch (type) {
    case KEY_SMALLINT:
    case KEY_INTEGER:
    case KEY_BIGINT:
        return known_if(parse_integer(text, length, &value->integer) && fits(type, value->integer));
    case KEY_TEXT:
    case KEY_BPCHAR:
        return read_text_bytes(text, length, value);
    case KEY_UUID:
        return known_if(parse_uuid(text, length, value->uuid));
    case KEY_DATE:
        return known_if(iso_time_read(ISO_DATE, text, length, &value->integer));
    case KEY_TIMESTAMP:
        return known_if(iso_time_read(ISO_TIMESTAMP, text, length, &value->integer));
    case KEY_TIMESTAMPTZ:
        return known_if(iso_time_read(ISO_TIMESTAMPTZ, text, length, &value->integer));
    }
    return KEY_UNKNOWN;
}

/* A signed integer of 2, 4 or 8 bytes in network order. */
static int64_t network_integer(const char *bytes, size_t size)
{
    uint64_t value = (uint8_t) bytes[0] & 0x80 ? ~UINT64_C(0) : 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | (uint8_t) bytes[i];
    return (int64_t) value;
}

static size_t integer_size(enum key_type type)
{
    return type == KEY_SMALLINT ? 2 : type == KEY_INTEGER ? 4 : 8;
}

/* A value that is an integer for sure: of the key's type, or never equal to one. */
static enum key_reading integer_value(enum key_type type, int64_t integer, struct key_value *value)
{
    value->type = type;
    value->integer = integer;
    return fits(type, integer) ? KEY_READ : KEY_NEVER;
}

/* Something of one of the integer types `own`, for a key that may be of another. */
static enum key_reading read_integer(enum key_type type, enum key_type own, bool binary, const char *bytes,
                                     size_t length, struct key_value *value)
{
    int64_t integer;
    if (binary) {
        if (length != integer_size(own))
            return KEY_UNKNOWN;
        integer = network_integer(bytes, length);
    } else if (!parse_integer(bytes, length, &integer) || !fits(own, integer)) {
        return KEY_UNKNOWN;
    }
    return integer_value(type, integer, value);
}

struct decimal {
    const char *digits, *digits_end; /* with at most one point between */
    int64_t point;                   /* how many of the digits stand before the decimal point */
    bool negative;
};

/* numeric_in() without its special values: sign, digits with a point, exponent. */
static bool parse_decimal(const char *text, size_t length, struct decimal *decimal)
{
    enum { LARGEST_EXPONENT = 1000 };
    trim(&text, &length);
    const char *at = text, *end = text + length;
    decimal->negative = at < end && *at == '-';
    at += at < end && (*at == '-' || *at == '+');
    decimal->digits = at;
    int64_t before = 0, behind = 0, exponent = 0;
    for (; at < end && is_digit(*at); at++)
        before++;
    if (at < end && *at == '.')
        for (at++; at < end && is_digit(*at); at++)
            behind++;
    decimal->digits_end = at;
    if (before + behind == 0)
        return false;
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at == end || is_space(*at) || !parse_integer(at, (size_t) (end - at), &exponent) ||
            exponent > LARGEST_EXPONENT || exponent < -LARGEST_EXPONENT)
            return false;
        at = end;
    }
    decimal->point = before + exponent;
    return at == end;
}

/* The decimal as an integer; KEY_NEVER if it is none of 64 bits. */
static enum key_reading whole_part(const struct decimal *decimal, int64_t *integer)
{
    int64_t position = 0, sum = 0;
    bool overflow = false;
    for (const char *at = decimal->digits; at < decimal->digits_end; at++) {
        if (*at == '.')
            continue;
        if (position++ < decimal->point)
            overflow |= __builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, *at - '0', &sum);
        else if (*at != '0')
            return KEY_NEVER;
        if (overflow)
            return KEY_NEVER;
    }
    for (; position < decimal->point && sum != 0; position++)
        if (__builtin_mul_overflow(sum, 10, &sum))
            return KEY_NEVER;
    if (!decimal->negative && sum == INT64_MIN)
        return KEY_NEVER;
    *integer = decimal->negative ? sum : -sum;
    return KEY_READ;
}

/* integer = numeric is exact: the integer becomes a numeric. */
static enum key_reading read_numeric(enum key_type type, bool binary, const char *bytes, size_t length,
                                     struct key_value *value)
{
    struct decimal decimal;
    int64_t integer;
    if (binary || !parse_decimal(bytes, length, &decimal))
        return KEY_UNKNOWN;
    enum key_reading reading = whole_part(&decimal, &integer);
    return reading == KEY_READ ? integer_value(type, integer, value) : reading;
}

static bool parse_float(bool single, const char *text, size_t length, double *number)
{
    char copy[64], *end;
    trim(&text, &length);
    if (length == 0 || length >= sizeof(copy))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if (strspn(copy, "0123456789+-.eE") != length)
        return false;
    errno = 0;
    *number = single ? (double) strtof(copy, &end) : strtod(copy, &end);
    return errno == 0 && *end == '\0';
}

static double network_float(const char *bytes, size_t size)
{
    int64_t bits = network_integer(bytes, size);
    if (size == 8) {
        double number;
        memcpy(&number, &bits, sizeof(number));
        return number;
    }
    int32_t half = (int32_t) bits;
    float number;
    memcpy(&number, &half, sizeof(number));
    return (double) number;
}

/* integer = float compares as double precision, which holds every integer below 2^53 and no two as one. */
static enum key_reading read_float(enum key_type type, bool single, bool binary, const char *bytes,
                                   size_t length, struct key_value *value)
{
    const double exact = 9007199254740992.0;
    double number;
    if (binary) {
        if (length != (single ? 4 : 8))
            return KEY_UNKNOWN;
        number = network_float(bytes, length);
    } else if (!parse_float(single, bytes, length, &number)) {
        return KEY_UNKNOWN;
    }
    if (!(fabs(number) < exact))
        return KEY_UNKNOWN;
    if (number != floor(number))
        return KEY_NEVER;
    return integer_value(type, (int64_t) number, value);
}

static enum key_reading read_integer_key(enum key_type type, uint32_t oid, bool binary, const char *bytes,
                                         size_t length, struct key_value *value)
{
    switch (oid) {
    case OID_UNDECLARED: /* becomes the column's own type */
        if (binary)
            return read_integer(type, type, binary, bytes, length, value);
        return key_read_text(type, bytes, length, value);
    case OID_UNKNOWN:
        return binary ? KEY_UNKNOWN : key_read_text(type, bytes, length, value);
    case OID_INT2:
        return read_integer(type, KEY_SMALLINT, binary, bytes, length, value);
    case OID_INT4:
        return read_integer(type, KEY_INTEGER, binary, bytes, length, value);
    case OID_INT8:
        return read_integer(type, KEY_BIGINT, binary, bytes, length, value);
    case OID_NUMERIC:
        return read_numeric(type, binary, bytes, length, value);
    case OID_FLOAT4:
    case OID_FLOAT8:
        return read_float(type, oid == OID_FLOAT4, binary, bytes, length, value);
    }
    return KEY_UNKNOWN;
}

/* Text in both formats is its bytes. */
static enum key_reading read_text_key(uint32_t oid, const char *bytes, size_t length, struct key_value *value)
{
    enum { LONGEST_NAME = 63 };
    value->type = KEY_TEXT;
    bool text = oid == OID_UNDECLARED || oid == OID_UNKNOWN || oid == OID_TEXT || oid == OID_VARCHAR;
    bool name = oid == OID_NAME && length <= LONGEST_NAME; /* a longer one is cut */
    return text || name ? read_text_bytes(bytes, length, value) : KEY_UNKNOWN;
}

/* A value for bpchar, uuid, date and timestamp keys, of the same type or not yet of any. */
static enum key_reading read_own_type(enum key_type type, uint32_t oid, bool binary, const char *bytes,
                                      size_t length, struct key_value *value)
{
    bool own = oid == key_types[type].oid;
    if (!own && oid != OID_UNDECLARED && oid != OID_UNKNOWN)
        return KEY_UNKNOWN;
    if (!binary)
        return key_read_text(type, bytes, length, value);
    value->type = type;
    if (type == KEY_UUID && oid != OID_UNKNOWN && length == sizeof(value->uuid)) {
        memcpy(value->uuid, bytes, length);
        return KEY_READ;
    }
    /* Eight undeclared bytes may have become any kind of timestamp, and blanks count in some kinds of text.
     */
    size_t size = type == KEY_DATE ? 4 : 8;
    if (!own || type == KEY_UUID || (type != KEY_BPCHAR && length != size))
        return KEY_UNKNOWN;
    if (type == KEY_BPCHAR)
        return read_text_bytes(bytes, length, value);
    value->integer = network_integer(bytes, length);
    return KEY_READ;
}

enum key_reading key_read(enum key_type type, uint32_t oid, bool binary, const char *bytes, int32_t length,
                          struct key_value *value)
{
    if (length == -1)
        return KEY_NULL;
    if (length < 0)
        return KEY_UNKNOWN;
    switch (type) {
    case KEY_SMALLINT:
    case KEY_INTEGER:
    case KEY_BIGINT:
        return read_integer_key(type, oid, binary, bytes, (size_t) length, value);
    case KEY_TEXT:
        return read_text_key(oid, bytes, (size_t) length, value);
    case KEY_BPCHAR:
    case KEY_UUID:
    case KEY_DATE:
    case KEY_TIMESTAMP:
    case KEY_TIMESTAMPTZ:
        return read_own_type(type, oid, binary, bytes, (size_t) length, value);
    }
    return KEY_UNKNOWN;
}

/* What varchar(n) stores of a longer text: n characters, if blanks follow; if not, the shard raises the
 * error. */
static void cut_to_length(struct key_value *key, int32_t typmod)
{
    const int header = 4; /* VARHDRSZ is part of the modifier */
    size_t at = 0;
    for (int32_t characters = 0; at < key->text.length; at++)
        if (((unsigned char) key->text.bytes[at] & 0xc0) != 0x80 && characters++ == typmod - header)
            break;
    key->text.length = at;
}

bool key_as_stored(struct key_value *value, int32_t typmod)
{
    if (typmod >= 0 && value->type == KEY_TEXT)
        cut_to_length(value, typmod);
    bool timestamp = value->type == KEY_TIMESTAMP || value->type == KEY_TIMESTAMPTZ;
    return typmod < 0 || !timestamp || value->integer % 1000000 == 0;
}

static int compare_integers(int64_t left, int64_t right)
{
    return (left > right) - (left < right);
}

static int compare_texts(const struct key_value *left, const struct key_value *right)
{
    size_t shorter = left->text.length < right->text.length ? left->text.length : right->text.length;
    int order = shorter > 0 ? memcmp(left->text.bytes, right->text.bytes, shorter) : 0;
    return order ? order
                 : (left->text.length > right->text.length) - (left->text.length < right->text.length);
}

int key_compare(const struct key_value *left, const struct key_value *right)
{
    switch (left->type) {
    case KEY_SMALLINT:
    case KEY_INTEGER:
    case KEY_BIGINT:
    case KEY_DATE:
    case KEY_TIMESTAMP:
    case KEY_TIMESTAMPTZ:
        return compare_integers(left->integer, right->integer);
    case KEY_TEXT:
    case KEY_BPCHAR:
        return compare_texts(left, right);
    case KEY_UUID:
        return memcmp(left->uuid, right->uuid, sizeof(left->uuid));
    }
    return 0;
}
