/*
 * array_types: which array type PostgreSQL's own types have (PostgreSQL 15, pg_type.dat, typarray).
 */
#ifndef KEYWAY_ARRAY_TYPES_H
#define KEYWAY_ARRAY_TYPES_H

#include <stdint.h>

/* The OID of the type's array type; 0 for arrays, for types of the database's own, and for those whose values mean something on
 * one server only. */
uint32_t array_type_of(uint32_t element);

#endif
