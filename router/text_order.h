/*
 * text_order: an order of texts that Keyway and a PostgreSQL agree on to the last byte.
 *
 * Bytes are one.  Others are those of the C library and of ICU: PostgreSQL asks them to compare, and takes
 * texts that they call equal by their bytes (varstr_cmp() of PostgreSQL 15's varlena.c); so does this.  That
 * the same library in the same version is asked on both sides is the caller's to see to.  All texts are
 * UTF-8.
 */
#ifndef KEYWAY_TEXT_ORDER_H
#define KEYWAY_TEXT_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_order;

extern const struct text_order text_order_bytes; /* of the collations C and POSIX */

/* pg_collation.collprovider */
enum { TEXT_ORDER_LIBC = 'c', TEXT_ORDER_ICU = 'i' };

/*
 * The order of a locale under the name that PostgreSQL has for it ("en_US.UTF-8", "en-US"); NULL if the
 * library does not know it.  One locale is one order, under each spelling of its encoding, and lives as long
 * as the process: equal pointers are equal orders.  From any thread.
 */
const struct text_order *text_order_find(char provider, const char *locale);

/* Is it one locale, perhaps under two spellings of its encoding? */
bool text_order_same_locale(char provider, const char *left, const char *right);

/* The library's version, as PostgreSQL's pg_collation_actual_version() gives it; of bytes "". */
const char *text_order_version(const struct text_order *order);

/* < 0, 0, > 0; 0 only for equal bytes. */
int text_order_compare(const struct text_order *order, const uint8_t *left, size_t left_length,
                       const uint8_t *right, size_t right_length);

#endif
