/*
 * Whole numbers of type numeric, between text and the binary format.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "router/numeric_binary.h"

struct pair {
    const char *text;
    size_t length;
    uint8_t bytes[24];
};

/* As PostgreSQL 15 sends them. */
static const struct pair pairs[] = {
    {"0", 8, {0, 0, 0, 0, 0, 0, 0, 0}},
    {"1", 10, {0, 1, 0, 0, 0, 0, 0, 0, 0, 1}},
    {"-42", 10, {0, 1, 0, 0, 0x40, 0, 0, 0, 0, 42}},
    {"10000", 10, {0, 1, 0, 1, 0, 0, 0, 0, 0, 1}},
    {"123456789", 14, {0, 3, 0, 2, 0, 0, 0, 0, 0, 1, 0x09, 0x29, 0x1a, 0x85}},
    {"90000000000000000000", 10, {0, 1, 0, 4, 0, 0, 0, 0, 0x23, 0x28}},
};

Test(numeric_binary, numbers_are_sent_as_postgresql_does)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        size_t length;
        uint8_t *bytes = numeric_binary_from(pairs[i].text, &length);
        cr_assert_eq(length, pairs[i].length, "%s: %zu bytes", pairs[i].text, length);
        cr_expect_arr_eq(bytes, pairs[i].bytes, length, "%s", pairs[i].text);
        free(bytes);
    }
}

Test(numeric_binary, and_read_back)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char *read = numeric_binary_text(pairs[i].bytes, pairs[i].length);
        cr_assert_not_null(read, "%s", pairs[i].text);
        cr_expect_str_eq(read, pairs[i].text);
        free(read);
    }
}

Test(numeric_binary, what_is_no_whole_number_is_none)
{
    static const struct pair wrong[] = {
        {"half", 10, {0, 1, 0xff, 0xff, 0, 0, 0, 1, 0x13, 0x88}},
        {"NaN", 8, {0, 0, 0, 0, 0xc0, 0, 0, 0}},
        {"cut", 9, {0, 1, 0, 0, 0, 0, 0, 0, 0}},
        {"short", 4, {0, 1, 0, 0}},
        {"more digits than said", 12, {0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_null(numeric_binary_text(wrong[i].bytes, wrong[i].length), "%s", wrong[i].text);
}
