/*
 * Rows as they come become arrays as array_recv() reads them.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "proxy/array_types.h"
#include "proxy/gather_rows.h"

enum { INT4 = 23, TEXT = 25, INT4_ARRAY = 1007, TEXT_ARRAY = 1009, MOOD = 20000, OTHER_MOOD = 30000 };

static struct arena arena;
static struct gather_rows rows;

static void begin(void)
{
    gather_rows_init(&rows, &arena, 2, NULL);
}

static void end(void)
{
    gather_rows_free(&rows);
    arena_free(&arena);
}

TestSuite(gather_rows, .init = begin, .fini = end);

static bool describe(uint32_t first, uint32_t second)
{
    static const char *const names[] = {"a", "b"};
    const uint32_t types[] = {first, second};
    struct buffer message = {0};
    wire_columns(&message, names, types, 2);
    struct frame frame = {'T', buffer_data(&message) + 5, buffer_length(&message) - 5, buffer_length(&message)};
    bool described = gather_rows_describe(&rows, &frame);
    buffer_free(&message);
    return described;
}

static bool add(bool own, const char *first, const char *second)
{
    const char *const values[] = {first, second};
    struct buffer message = {0};
    wire_row(&message, values, 2);
    struct frame frame = {'D', buffer_data(&message) + 5, buffer_length(&message) - 5, buffer_length(&message)};
    bool added = gather_rows_add(&rows, own, &frame);
    buffer_free(&message);
    return added;
}

static void expect_arrays(const void *bytes, size_t length)
{
    struct buffer out = {0};
    gather_rows_put_arrays(&rows, &out);
    cr_expect_eq(buffer_length(&out), length, "%zu bytes", buffer_length(&out));
    cr_expect(buffer_length(&out) == length && !memcmp(buffer_data(&out), bytes, length));
    buffer_free(&out);
}

Test(gather_rows, no_rows_are_arrays_without_a_dimension)
{
    static const char bytes[] = "\0\0\0\x0c"
                                "\0\0\0\0\0\0\0\0\0\0\0\x17"
                                "\0\0\0\x0c"
                                "\0\0\0\0\0\0\0\0\0\0\0\x19";
    cr_expect(describe(INT4, TEXT));
    expect_arrays(bytes, sizeof bytes - 1);
}

Test(gather_rows, columns_are_arrays_with_the_home_shards_own_values_first)
{
    static const char wanted[] = "\0\0\0\x20"
                                 "\0\0\0\1\0\0\0\1\0\0\0\x17\0\0\0\2\0\0\0\1"
                                 "\xff\xff\xff\xff"
                                 "\0\0\0\4wxyz"
                                 "\0\0\0\x1f"
                                 "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1"
                                 "\0\0\0\0"
                                 "\0\0\0\3abc";
    cr_expect(describe(INT4, TEXT));
    cr_expect(add(false, "wxyz", "abc"));
    cr_expect(add(true, NULL, ""));
    cr_expect_eq(rows.own_count, 1);
    cr_expect_eq(rows.other_count, 1);
    cr_expect_eq(gather_rows_array_type(&rows, 0), INT4_ARRAY);
    cr_expect_eq(gather_rows_array_type(&rows, 1), TEXT_ARRAY);
    expect_arrays(wanted, sizeof wanted - 1);
}

Test(gather_rows, shards_agree_on_types_of_postgresql_and_name_others_as_they_like)
{
    cr_expect(describe(INT4, MOOD));
    cr_expect(describe(INT4, OTHER_MOOD));
    cr_expect_not(describe(TEXT, MOOD));
    cr_expect_not(describe(INT4, TEXT));
}

Test(gather_rows, an_enums_values_are_labels_and_arrays_in_arrays_are_none)
{
    cr_expect(describe(INT4, MOOD));
    cr_expect(gather_rows_fit_arrays(&rows));
    cr_expect_eq(gather_rows_array_type(&rows, 1), TEXT_ARRAY);
    gather_rows_init(&rows, &arena, 2, NULL);
    cr_expect(describe(INT4, INT4_ARRAY));
    cr_expect_not(gather_rows_fit_arrays(&rows));
}

Test(gather_rows, what_is_no_row_is_not_taken)
{
    static const char *const bodies[] = {"", "\0\1\0\0\0\0", "\0\2\0\0\0\0", "\0\2\0\0\0\5abcd\0\0\0\0", "\0\2\xff\xff\xff\xfe\0\0\0\0",
                                         "\0\2\0\0\0\0\0\0\0\0x"};
    static const size_t lengths[] = {0, 6, 6, 14, 10, 11};
    cr_expect(describe(INT4, TEXT));
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct frame frame = {'D', (const uint8_t *) bodies[i], lengths[i], lengths[i] + 5};
        cr_expect_not(gather_rows_add(&rows, false, &frame), "row %zu", i);
    }
    cr_expect_eq(gather_rows_size(&rows), 0);
}

Test(gather_rows, array_types_are_found_for_scalars_of_postgresql_only)
{
    static const uint32_t known[][2] = {{16, 1000}, {114, 199}, {5069, 271}, {5038, 5039}, {1700, 1231}, {3802, 3807}};
    static const uint32_t unknown[] = {0, 1, 22, 30, 1000, 1007, 2205, 1033, 16384, UINT32_MAX};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        cr_expect_eq(array_type_of(known[i][0]), known[i][1]);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        cr_expect_eq(array_type_of(unknown[i]), 0, "%u", unknown[i]);
}
