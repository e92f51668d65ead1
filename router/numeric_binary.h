/*
 * numeric_binary: whole numbers of type numeric in the binary format (PostgreSQL 15, numeric_send() in numeric.c).
 *
 * Int16 count of digits, Int16 weight of the first, Int16 sign, Int16 display scale, then the digits, Int16 each, to the base of 10000.
 */
#ifndef KEYWAY_NUMERIC_BINARY_H
#define KEYWAY_NUMERIC_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As decimal text, malloc'ed; NULL: malformed, or no whole number. */
char *numeric_binary_text(const uint8_t *bytes, size_t length);
/* From decimal text with an optional minus sign; malloc'ed. */
uint8_t *numeric_binary_from(const char *text, size_t *length);

#endif
