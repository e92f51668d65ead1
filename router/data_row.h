/*
 * data_row: the fields of a DataRow (PostgreSQL 15 protocol, 55.7), each checked against the row's end.
 */
#ifndef KEYWAY_DATA_ROW_H
#define KEYWAY_DATA_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/error.h"

struct field {
    const uint8_t *bytes; /* borrowed from the row */
    int32_t length;       /* -1: NULL */
};

/* Take a row of exactly `count` fields apart.  False with 08P01: it is malformed. */
bool data_row_read(const uint8_t *row, size_t length, struct field *fields, int count, struct error *error);

static inline uint16_t network_uint16(const uint8_t *bytes)
{
    return (uint16_t) (bytes[0] << 8 | bytes[1]);
}

static inline uint32_t network_uint32(const uint8_t *bytes)
{
    return (uint32_t) network_uint16(bytes) << 16 | network_uint16(bytes + 2);
}

static inline uint64_t network_uint64(const uint8_t *bytes)
{
    return (uint64_t) network_uint32(bytes) << 32 | network_uint32(bytes + 4);
}

#endif
