/*
 * sql_types: the OIDs of built-in types that planning tells apart (PostgreSQL 15, pg_type.dat).
 */
#ifndef KEYWAY_SQL_TYPES_H
#define KEYWAY_SQL_TYPES_H

#include <stdbool.h>
#include <stdint.h>

/* X(name as the grammar gives it, OID, OID of its array type) */
#define SQL_TYPES(X)                                                                                         \
    X(bool, 16, 1000)                                                                                        \
    X(bytea, 17, 1001)                                                                                       \
    X(name, 19, 1003)                                                                                        \
    X(int8, 20, 1016)                                                                                        \
    X(int2, 21, 1005)                                                                                        \
    X(int4, 23, 1007)                                                                                        \
    X(text, 25, 1009)                                                                                        \
    X(oid, 26, 1028)                                                                                         \
    X(float4, 700, 1021)                                                                                     \
    X(float8, 701, 1022)                                                                                     \
    X(bpchar, 1042, 1014)                                                                                    \
    X(varchar, 1043, 1015)                                                                                   \
    X(date, 1082, 1182)                                                                                      \
    X(time, 1083, 1183)                                                                                      \
    X(timestamp, 1114, 1115)                                                                                 \
    X(timestamptz, 1184, 1185)                                                                               \
    X(timetz, 1266, 1270)                                                                                    \
    X(numeric, 1700, 1231)                                                                                   \
    X(uuid, 2950, 2951)

#define SQL_TYPE_ENUM(name, oid, array) TYPE_##name = (oid), TYPE_ARRAY_##name = (array),
enum sql_type { SQL_TYPES(SQL_TYPE_ENUM) TYPE_char = 18, TYPE_unknown = 705, TYPE_money = 790, TYPE_interval = 1186 };
#undef SQL_TYPE_ENUM

/* From here on types are the database's own, and are called otherwise on each shard (FirstNormalObjectId in access/transam.h). */
enum { FIRST_USER_TYPE = 16384 };

/* One of the above: it has an order, and a hash function. */
static inline bool type_is_usual(uint32_t type)
{
#define SQL_TYPE_IS(name, oid, array) type == (oid) ||
    return SQL_TYPES(SQL_TYPE_IS) false;
#undef SQL_TYPE_IS
}

/* "pg_catalog.int4[]"; NULL: it is not an array of one of them. */
static inline const char *type_array_name(uint32_t type)
{
    switch (type) {
#define SQL_TYPE_ARRAY(name, oid, array) \
    case array: \
        return "pg_catalog." #name "[]";
        SQL_TYPES(SQL_TYPE_ARRAY)
#undef SQL_TYPE_ARRAY
    default:
        return NULL;
    }
}

/* "float8"; NULL: it is no number */
static inline const char *number_type_name(uint32_t type)
{
    switch (type) {
    case TYPE_int2:
        return "int2";
    case TYPE_int4:
        return "int4";
    case TYPE_int8:
        return "int8";
    case TYPE_numeric:
        return "numeric";
    case TYPE_float4:
        return "float4";
    case TYPE_float8:
        return "float8";
    default:
        return NULL;
    }
}

static inline bool type_is_integer(uint32_t type)
{
    return type == TYPE_int2 || type == TYPE_int4 || type == TYPE_int8;
}

static inline bool type_is_number(uint32_t type)
{
    return type_is_integer(type) || type == TYPE_numeric || type == TYPE_float4 || type == TYPE_float8;
}

/* text and varchar: compared by the same operators, after no conversion */
static inline bool type_is_text(uint32_t type)
{
    return type == TYPE_text || type == TYPE_varchar;
}

static inline bool type_is_string(uint32_t type)
{
    return type_is_text(type) || type == TYPE_bpchar || type == TYPE_name;
}

/* One of PostgreSQL's own types that are no row, of those that are told apart here. */
static inline bool type_is_scalar(uint32_t type)
{
#define SQL_TYPE_CASE(name, oid, array) case TYPE_##name:
    switch (type) {
        SQL_TYPES(SQL_TYPE_CASE)
    case TYPE_money:
    case TYPE_interval:
        return true;
    default:
        return false;
    }
#undef SQL_TYPE_CASE
}

/* Equal values of the two types are equal keys. */
static inline bool types_compare(uint32_t left, uint32_t right)
{
    return (left == right && left) || (type_is_integer(left) && type_is_integer(right)) ||
           (type_is_text(left) && type_is_text(right));
}

/* Its text depends on the clock when it is 'now' or 'today'. */
static inline bool type_is_time(uint32_t type)
{
    return type == TYPE_date || type == TYPE_time || type == TYPE_timestamp || type == TYPE_timestamptz ||
           type == TYPE_timetz;
}

#endif
