/*
 * merge_rows: DataRow bodies for tests.
 */
#ifndef KEYWAY_TEST_MERGE_ROWS_H
#define KEYWAY_TEST_MERGE_ROWS_H

#include <stddef.h>
#include <stdint.h>

struct row {
    uint8_t bytes[1024];
    size_t length;
};

struct value {
    const char *bytes; /* NULL: NULL */
    int length;
};

struct row row_of(const struct value *values, int count);
/* Of at most eight texts. */
struct row text_row(const char *const *texts, int count);

#define ROW(...)                                                                                             \
    text_row((const char *const[]){__VA_ARGS__},                                                             \
             sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

#endif
