/*
 * row_compare: two values of one column in the order PostgreSQL has them.
 *
 * A value is read once, when its row arrives, into a form that compares quickly; whatever is not exactly what
 * a PostgreSQL sends for the type is an error then.  Comparing cannot fail.
 */
#ifndef KEYWAY_ROW_COMPARE_H
#define KEYWAY_ROW_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/data_row.h"
#include "router/error.h"
#include "router/merge.h"

struct sort_value {
    bool null;
    int64_t integer; /* integers, booleans, dates and times; of a decimal: its class */
    int64_t weight;  /* of a decimal: digits (text) or digit groups (binary) before the point */
    double real;
    const uint8_t *head, *tail; /* bytes, borrowed; of a decimal: digits before and behind the point */
    size_t head_length, tail_length;
};

struct sort_type; /* how values of one type are read and compared */

/* NULL for a type that cannot be ordered. */
const struct sort_type *sort_type_of(uint32_t oid);
const char *sort_type_name(const struct sort_type *type);

/* `format` as in a RowDescription; the value borrows from the field.  False with 0A000: not what a shard
 * sends for the type. */
bool sort_value_read(const struct sort_type *type, int16_t format, const struct field *field,
                     struct sort_value *value, struct error *error);

/* < 0, 0, > 0; neither is NULL, and both were read in the same format.  `order` is that of texts. */
int sort_value_compare(const struct sort_type *type, const struct text_order *order,
                       const struct sort_value *left, const struct sort_value *right);

#endif
