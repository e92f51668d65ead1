/*
 * merge and combine: rows of several inputs in PostgreSQL's order, and partial rows made one exactly.
 *
 * The ordered lists below are what PostgreSQL 15.20 gave for ORDER BY over the same values in mixed order.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/merge.h"
#include "tests/unit/merge_rows.h"

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_CHAR = 18,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23
};
enum {
    OID_TEXT = 25,
    OID_OID = 26,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043
};
enum {
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_INTERVAL = 1186,
    OID_NUMERIC = 1700
};
enum { OID_UUID = 2950, OID_JSONB = 3802 };

static void push(struct merge *merge, int input, struct row row)
{
    struct error error = {0};
    cr_assert(merge_push(merge, input, row.bytes, row.length, &error), "%s: %s", error.message, error.detail);
}

static void expect(struct merge *merge, struct row row)
{
    const uint8_t *got = NULL;
    size_t length = 0;
    cr_assert_eq(merge_next(merge, &got, &length), MERGE_ROW);
    cr_assert(length == row.length && memcmp(got, row.bytes, length) == 0, "got %.*s, not %.*s",
              (int) length - 6, (const char *) got + 6, (int) row.length - 6, (const char *) row.bytes + 6);
}

static void expect_step(struct merge *merge, enum merge_step step)
{
    const uint8_t *row;
    size_t length;
    cr_assert_eq(merge_next(merge, &row, &length), step);
}

static struct merge *new_merge(const struct sort_key *keys, int key_count, const struct merge_column *columns,
                               int column_count, int inputs)
{
    struct error error = {0};
    struct merge_shape shape = {keys, key_count, columns, column_count, 0, 0, -1, inputs};
    struct merge *merge = merge_new(&shape, &error);
    cr_assert_not_null(merge, "%s", error.message);
    return merge;
}

/* One value from each input, given in the wrong order, leaves in the order of the list; and backwards,
 * descending. */
static void check_order_by(const struct text_order *order, uint32_t type, int16_t format,
                           const struct value *values, int count)
{
    for (int descending = 0; descending < 2; descending++) {
        struct sort_key key = {.column = 0, .descending = descending, .order = order};
        struct merge_column column = {type, format};
        struct merge *merge = new_merge(&key, 1, &column, 1, count);
        for (int i = 0; i < count; i++) {
            int input = (i * 7 + 3) % count;
            expect_step(merge, MERGE_WAIT);
            push(merge, input, row_of(&values[(input * 5 + 2) % count], 1));
            merge_end_input(merge, input);
        }
        for (int i = 0; i < count; i++)
            expect(merge, row_of(&values[descending ? count - 1 - i : i], 1));
        expect_step(merge, MERGE_DONE);
        merge_free(merge);
    }
}

static void check_order(uint32_t type, int16_t format, const struct value *values, int count)
{
    check_order_by(&text_order_bytes, type, format, values, count);
}

/* `count` must have no divisor in common with 5 and 7 for the shuffling above. */
#define ORDER(type, ...)                                                                                     \
    order_texts(type, (const char *const[]){__VA_ARGS__},                                                    \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void order_texts(uint32_t type, const char *const *texts, int count)
{
    struct value values[32];
    cr_assert(count % 5 != 0 && count % 7 != 0);
    for (int i = 0; i < count; i++)
        values[i] = (struct value){texts[i], (int) strlen(texts[i])};
    check_order(type, 0, values, count);
}

Test(merge, text_format_numbers_are_ordered_by_value)
{
    ORDER(OID_NUMERIC, "-Infinity", "-100", "-1.01", "-1", "0.00", "0.00001", "0.05", "0.5", "1.10", "9.99",
          "10", "123456789012345678901234567890.01", "123456789012345678901234567890.1", "Infinity", "NaN",
          "NaN");
    ORDER(OID_FLOAT8, "-Infinity", "-2.5", "0", "1e-300", "0.1", "3", "1e+20", "Infinity", "NaN");
    ORDER(OID_FLOAT4, "-1e-05", "0.1", "3.4028235e+38");
    ORDER(OID_INT8, "-9223372036854775808", "-10", "-9", "0", "9", "10", "99", "9223372036854775807");
    ORDER(OID_INT2, "-5", "0", "7");
    ORDER(OID_OID, "0", "2147483648", "4294967295");
    ORDER(OID_BOOL, "f", "t");
}

Test(merge, text_format_dates_and_times_are_ordered_as_instants)
{
    ORDER(OID_DATE, "-infinity", "4713-01-01 BC", "0044-03-15 BC", "0001-01-01", "1999-12-31", "2024-01-01",
          "12024-05-06", "infinity");
    ORDER(OID_TIMESTAMP, "-infinity", "0044-03-15 10:00:00 BC", "2024-01-01 00:00:00",
          "2024-01-01 00:00:00.09", "2024-01-01 00:00:00.1", "infinity");
    ORDER(OID_TIMESTAMPTZ, "-infinity", "0044-03-15 15:41:16+05:41:16 BC", "1920-01-01 05:30:00+05:30",
          "2024-01-01 05:45:00.09+05:45", "2023-12-31 20:00:00.1-04", "294276-01-01 05:45:00+05:45");
}

Test(merge, text_format_bytes_are_ordered_by_bytes)
{
    ORDER(OID_TEXT, "", "B", "a", "a ", "ab", "~", "\xC3\xA4", "\xC3\xB6");
    ORDER(OID_VARCHAR, "", "B", "a");
    ORDER(OID_NAME, "A", "_", "a");
    ORDER(OID_BPCHAR, "  ", "B ", "a\t", "ab   ");
    ORDER(OID_CHAR, "", "0", "a", "\\377");
    ORDER(OID_BYTEA, "\\x", "\\x00", "\\x0001", "\\xff");
    ORDER(OID_UUID, "00000000-0000-0000-0000-000000000000", "0eebc999-9c0b-4ef8-bb6d-6bb9bd380a11",
          "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11");
}

/* Blanks at the end of a character(n) are nothing. */
Test(merge, texts_are_ordered_by_their_collation)
{
    static const struct value texts[] = {{"_a", 2}, {"10", 2}, {"a", 1}, {"A", 1}, {"co-op", 5}, {"coop", 4}};
    static const struct value padded[] = {{"_a ", 3}, {"a", 1}, {"A   ", 4}, {"co-op ", 6}};
    const struct text_order *order = text_order_find(TEXT_ORDER_ICU, "en-US");
    for (int16_t format = 0; format < 2; format++) {
        check_order_by(order, OID_TEXT, format, texts, 6);
        check_order_by(order, OID_VARCHAR, format, texts, 6);
        check_order_by(order, OID_NAME, format, texts, 6);
        check_order_by(order, OID_BPCHAR, format, padded, 4);
    }
    check_order_by(order, OID_CHAR, 0, (struct value[]){{"A", 1}, {"_", 1}, {"a", 1}}, 3);
    check_order_by(order, OID_BYTEA, 1, (struct value[]){{"A", 1}, {"_", 1}, {"a", 1}}, 3);
}

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

Test(merge, binary_format_is_ordered_like_text_format)
{
    check_order(OID_INT2, 1, (struct value[]){BYTES("\x80\0"), BYTES("\xFF\xFF"), BYTES("\0\1")}, 3);
    check_order(OID_INT4, 1,
                (struct value[]){BYTES("\xFF\xFF\xFF\xFE"), BYTES("\0\0\0\0"), BYTES("\0\0\1\0")}, 3);
    check_order(OID_OID, 1,
                (struct value[]){BYTES("\0\0\0\0"), BYTES("\x7F\0\0\0"), BYTES("\xFF\xFF\xFF\xFE")}, 3);
    check_order(OID_INT8, 1, (struct value[]){BYTES("\x80\0\0\0\0\0\0\0"), BYTES("\0\0\0\1\0\0\0\0")}, 2);
    check_order(OID_TIMESTAMPTZ, 1, (struct value[]){BYTES("\x80\0\0\0\0\0\0\0"), BYTES("\0\0\0\1\0\0\0\0")},
                2);
    check_order(OID_DATE, 1, (struct value[]){BYTES("\xFF\xFF\xFF\xFE"), BYTES("\0\0\0\0")}, 2);
    check_order(OID_BOOL, 1, (struct value[]){BYTES("\0"), BYTES("\1")}, 2);
    check_order(OID_CHAR, 1, (struct value[]){BYTES("\0"), BYTES("a"), BYTES("\xFF")}, 3);
    check_order(OID_BYTEA, 1, (struct value[]){BYTES(""), BYTES("\0"), BYTES("\0\1"), BYTES("\xFF")}, 4);
    check_order(OID_UUID, 1,
                (struct value[]){BYTES("0123456789abcdef"), BYTES("\xFF"
                                                                  "123456789abcdef")},
                2);
    check_order(OID_FLOAT4, 1,
                (struct value[]){BYTES("\xFF\x80\0\0"), BYTES("\xBF\x80\0\0"), BYTES("\0\0\0\0"),
                                 BYTES("\x7F\xC0\0\0")},
                4);
    check_order(OID_FLOAT8, 1,
                (struct value[]){BYTES("\xBF\xF0\0\0\0\0\0\0"), BYTES("\x3F\xF0\0\0\0\0\0\0"),
                                 BYTES("\x7F\xF0\0\0\0\0\0\0"), BYTES("\xFF\xF8\0\0\0\0\0\0")},
                4);
    check_order(OID_NUMERIC, 1, /* -Infinity, -12345678.5, 0, 0.0001, 10000, 99999999.0001, Infinity, NaN */
                (struct value[]){BYTES("\0\0\0\0\xF0\0\0\x20"),
                                 BYTES("\0\3\0\1\x40\0\0\1\x04\xD2\x16\x2E\x13\x88"),
                                 BYTES("\0\0\0\0\0\0\0\0"), BYTES("\0\1\xFF\xFF\0\0\0\4\0\1"),
                                 BYTES("\0\1\0\1\0\0\0\0\0\1"), BYTES("\0\3\0\1\0\0\0\4\x27\x0F\x27\x0F\0\1"),
                                 BYTES("\0\0\0\0\xD0\0\0\x20"), BYTES("\0\0\0\0\xC0\0\0\0")},
                8);
}

/* The row of input 0 leaves first although it comes last: the values are equal. */
static void check_equal(uint32_t type, const char *one, const char *other)
{
    struct sort_key key = {.column = 0, .order = &text_order_bytes};
    struct merge_column column = {type, 0};
    struct merge *merge = new_merge(&key, 1, &column, 1, 2);
    push(merge, 1, ROW(one));
    push(merge, 0, ROW(other));
    expect(merge, ROW(other));
    merge_free(merge);
    merge = new_merge(&key, 1, &column, 1, 2);
    push(merge, 1, ROW(other));
    push(merge, 0, ROW(one));
    expect(merge, ROW(one));
    merge_free(merge);
}

Test(merge, equal_values_leave_in_the_order_of_their_inputs)
{
    check_equal(OID_NUMERIC, "1.10", "1.1");
    check_equal(OID_NUMERIC, "-0.00", "0");
    check_equal(OID_FLOAT8, "-0", "0");
    check_equal(OID_FLOAT8, "NaN", "NaN");
    check_equal(OID_BPCHAR, "a  ", "a");
    check_equal(OID_TIMESTAMPTZ, "2024-01-01 12:00:00+02", "2024-01-01 05:00:00-05");
}

Test(merge, what_cannot_be_ordered_exactly_is_refused)
{
    cr_assert_not(merge_can_order(OID_INTERVAL, &text_order_bytes));
    cr_assert_not(merge_can_order(OID_JSONB, &text_order_bytes));
    cr_assert_not(merge_can_order(OID_TEXT, NULL));
    cr_assert_not(merge_can_order(OID_BPCHAR, NULL));
    cr_assert(merge_can_order(OID_INT4, NULL));
    struct error error = {0};
    struct sort_key key = {.column = 0};
    struct merge_column column = {OID_TEXT, 0};
    struct merge_shape shape = {&key, 1, &column, 1, 0, 0, -1, 2};
    cr_assert_null(merge_new(&shape, &error));
    cr_assert_str_eq(error.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED);
    error_clear(&error);
    key.column = 1;
    cr_assert_null(merge_new(&shape, &error));
    error_clear(&error);
}

static void rejected(uint32_t type, int16_t format, const char *bytes, size_t length)
{
    struct error error = {0};
    struct sort_key key = {.column = 0, .order = &text_order_bytes};
    struct merge_column column = {type, format};
    struct merge *merge = new_merge(&key, 1, &column, 1, 1);
    struct value value = {bytes, (int) length};
    struct row row = row_of(&value, 1);
    cr_assert_not(merge_push(merge, 0, row.bytes, row.length, &error), "%u %.*s", type, (int) length, bytes);
    cr_assert_not_null(error.message);
    error_clear(&error);
    merge_free(merge);
}

#define REJECTED(type, format, text) rejected(type, format, text, sizeof(text) - 1)

Test(merge, values_that_are_not_what_postgres_sends_are_errors)
{
    REJECTED(OID_INT4, 0, "");
    REJECTED(OID_INT4, 0, "1.5");
    REJECTED(OID_INT8, 0, "9223372036854775808");
    REJECTED(OID_INT8, 1, "\0\0\0\0");
    REJECTED(OID_BOOL, 0, "true");
    REJECTED(OID_BOOL, 1, "\2");
    REJECTED(OID_FLOAT8, 0, "0x10");
    REJECTED(OID_FLOAT8, 0, "1.5.");
    REJECTED(OID_NUMERIC, 0, "1e5");
    REJECTED(OID_NUMERIC, 0, "-");
    REJECTED(OID_NUMERIC, 1, "\0\2\0\0\0\0\0\0\0\1");
    REJECTED(OID_NUMERIC, 1, "\0\1\0\0\0\0\0\0\x27\x10");
    REJECTED(OID_NUMERIC, 1, "\0\0\0\0\x12\x34\0\0");
    REJECTED(OID_UUID, 0, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11");
    REJECTED(OID_UUID, 1, "short");
    REJECTED(OID_BYTEA, 0, "abc");
    REJECTED(OID_BYTEA, 0, "\\x0");
    REJECTED(OID_DATE, 0, "01/02/2024");
    REJECTED(OID_TIMESTAMPTZ, 0, "2024-01-01 00:00:00 CET");
    REJECTED(OID_CHAR, 0, "ab");
}

Test(merge, rows_that_do_not_end_where_they_say_are_errors)
{
    struct merge_column columns[] = {{OID_TEXT, 0}, {OID_TEXT, 0}};
    struct row good = ROW("one", NULL);
    struct merge *merge = new_merge(NULL, 0, columns, 2, 1);
    for (size_t length = 0; length < good.length; length++) {
        struct error error = {0};
        uint8_t *exact = malloc(length); /* an overread would be seen */
        memcpy(exact, good.bytes, length);
        cr_assert_not(merge_push(merge, 0, exact, length, &error));
        cr_assert_str_eq(error.sqlstate, SQLSTATE_PROTOCOL_VIOLATION);
        error_clear(&error);
        free(exact);
    }
    static const char *const wrong[] = {"\0\2\xFF\xFF\xFF\xFE\0\0\0\0", "\0\2\x7F\xFF\xFF\xFF\0\0\0\0",
                                        "\0\2\0\0\0\0\0\0\0\0x", "\0\3\0\0\0\0\0\0\0\0"};
    for (int i = 0; i < 4; i++) {
        struct error error = {0};
        cr_assert_not(merge_push(merge, 0, (const uint8_t *) wrong[i], i == 2 ? 11 : 10, &error));
        error_clear(&error);
    }
    push(merge, 0, good);
    expect(merge, good);
    merge_free(merge);
}

Test(merge, nulls_stand_where_the_key_says)
{
    struct merge_column column = {OID_INT4, 0};
    for (int variant = 0; variant < 4; variant++) {
        struct sort_key key = {.column = 0, .descending = variant & 1, .nulls_first = variant & 2};
        struct merge *merge = new_merge(&key, 1, &column, 1, 3);
        push(merge, 0, ROW("1"));
        push(merge, 1, ROW(NULL));
        push(merge, 2, ROW("2"));
        for (int i = 0; i < 3; i++)
            merge_end_input(merge, i);
        if (key.nulls_first)
            expect(merge, ROW(NULL));
        expect(merge, key.descending ? ROW("2") : ROW("1"));
        expect(merge, key.descending ? ROW("1") : ROW("2"));
        if (!key.nulls_first)
            expect(merge, ROW(NULL));
        expect_step(merge, MERGE_DONE);
        merge_free(merge);
    }
}

Test(merge, a_row_leaves_only_when_no_input_owes_one)
{
    struct sort_key key = {.column = 0};
    struct merge_column column = {OID_INT4, 0};
    struct merge *merge = new_merge(&key, 1, &column, 1, 2);
    push(merge, 0, ROW("1"));
    cr_assert_not(merge_wants(merge, 0));
    cr_assert(merge_wants(merge, 1));
    expect_step(merge, MERGE_WAIT);
    merge_end_input(merge, 1);
    merge_end_input(merge, 1);
    cr_assert_not(merge_wants(merge, 1));
    expect(merge, ROW("1"));
    cr_assert(merge_wants(merge, 0));
    expect_step(merge, MERGE_WAIT);
    push(merge, 0, ROW("2"));
    merge_end_input(merge, 0);
    expect(merge, ROW("2"));
    expect_step(merge, MERGE_DONE);
    merge_free(merge);
}

Test(merge, concatenation_lets_rows_leave_as_they_come)
{
    struct merge_column column = {OID_JSONB, 0};
    struct merge *merge = new_merge(NULL, 0, &column, 1, 3);
    push(merge, 2, ROW("c"));
    push(merge, 0, ROW("a"));
    expect(merge, ROW("c"));
    push(merge, 2, ROW("d"));
    expect(merge, ROW("a"));
    expect(merge, ROW("d"));
    expect_step(merge, MERGE_WAIT);
    for (int i = 0; i < 3; i++)
        merge_end_input(merge, i);
    expect_step(merge, MERGE_DONE);
    merge_free(merge);
}

Test(merge, limit_and_offset_count_rows_of_the_whole_result)
{
    struct error error = {0};
    struct sort_key key = {.column = 0};
    struct merge_column column = {OID_INT4, 0};
    struct merge_shape shape = {&key, 1, &column, 1, 0, 1, 2, 2};
    struct merge *merge = merge_new(&shape, &error);
    push(merge, 0, ROW("1"));
    push(merge, 1, ROW("2"));
    expect_step(merge, MERGE_WAIT); /* 1 was skipped */
    push(merge, 0, ROW("3"));
    expect(merge, ROW("2"));
    push(merge, 1, ROW("4"));
    expect(merge, ROW("3"));
    expect_step(merge, MERGE_DONE);
    cr_assert_not(merge_wants(merge, 0));
    push(merge, 0, ROW("5")); /* what was on its way is dropped */
    expect_step(merge, MERGE_DONE);
    merge_free(merge);
    shape.limit = 0;
    merge = merge_new(&shape, &error);
    expect_step(merge, MERGE_DONE);
    merge_free(merge);
    shape.inputs = 0;
    shape.limit = -1;
    merge = merge_new(&shape, &error);
    expect_step(merge, MERGE_DONE);
    merge_free(merge);
}

Test(merge, hidden_columns_order_the_rows_and_stay_behind)
{
    struct error error = {0};
    struct sort_key key = {.column = 2};
    struct merge_column columns[] = {{OID_TEXT, 0}, {OID_TEXT, 0}, {OID_INT4, 0}};
    struct merge_shape shape = {&key, 1, columns, 3, 1, 0, -1, 2};
    struct merge *merge = merge_new(&shape, &error);
    push(merge, 0, ROW("x", NULL, "2"));
    push(merge, 1, ROW("y", "z", "1"));
    expect(merge, ROW("y", "z"));
    merge_end_input(merge, 1);
    expect(merge, ROW("x", NULL));
    merge_free(merge);
}

/* Random rows: (integer or NULL, text), ordered by integer descending nulls first, then text. */
struct random_row {
    int number; /* -1: NULL */
    char text[4];
    int input, serial;
};

static int compare_random(const void *left, const void *right)
{
    const struct random_row *one = left, *other = right;
    if ((one->number < 0) != (other->number < 0))
        return one->number < 0 ? -1 : 1;
    if (one->number != other->number)
        return one->number > other->number ? -1 : 1;
    int order = strcmp(one->text, other->text);
    if (order == 0)
        order = one->input != other->input ? one->input - other->input : one->serial - other->serial;
    return order;
}

static int compare_in_input(const void *left, const void *right)
{
    const struct random_row *one = left, *other = right;
    return one->input != other->input ? one->input - other->input : compare_random(left, right);
}

static struct row row_of_random(const struct random_row *random)
{
    char number[12], serial[12];
    snprintf(number, sizeof(number), "%d", random->number);
    snprintf(serial, sizeof(serial), "%d", random->serial);
    return ROW(random->number < 0 ? NULL : number, random->text, serial);
}

static void check_random_merge(int inputs, int count)
{
    static struct random_row rows[400], sorted[400];
    for (int i = 0; i < count; i++) {
        rows[i] = (struct random_row){rand() % 12 - 1, "", rand() % inputs, i};
        for (int c = rand() % 3; c > 0; c--)
            rows[i].text[c - 1] = (char) ('a' + rand() % 3);
    }
    memcpy(sorted, rows, sizeof(sorted));
    qsort(sorted, (size_t) count, sizeof(*sorted), compare_random);
    qsort(rows, (size_t) count, sizeof(*rows), compare_in_input);
    struct sort_key keys[] = {{0, true, true, NULL}, {1, false, false, &text_order_bytes}};
    struct merge_column columns[] = {{OID_INT4, 0}, {OID_TEXT, 0}, {OID_INT4, 0}};
    struct error error = {0};
    int64_t offset = rand() % 5, limit = rand() % 2 ? -1 : rand() % 200;
    struct merge_shape shape = {keys, 2, columns, 3, 0, offset, limit, inputs};
    struct merge *merge = merge_new(&shape, &error);
    int next[16];
    for (int input = 0, i = 0; input < inputs; input++) {
        next[input] = i;
        while (i < count && rows[i].input == input)
            i++;
    }
    int64_t left = 0;
    for (;;) {
        const uint8_t *row;
        size_t length;
        enum merge_step step = merge_next(merge, &row, &length);
        if (step == MERGE_DONE)
            break;
        if (step == MERGE_ROW) {
            struct row expected = row_of_random(&sorted[offset + left++]);
            cr_assert(length == expected.length && memcmp(row, expected.bytes, length) == 0);
            continue;
        }
        int input = rand() % inputs;
        if (!merge_wants(merge, input))
            continue;
        if (next[input] < count && rows[next[input]].input == input)
            push(merge, input, row_of_random(&rows[next[input]++]));
        else
            merge_end_input(merge, input);
    }
    int64_t all = count > offset ? count - offset : 0;
    cr_assert_eq(left, limit >= 0 && limit < all ? limit : all);
    merge_free(merge);
}

Test(merge, random_sorted_inputs_merge_as_qsort_orders_them)
{
    srand(5);
    for (int round = 0; round < 200; round++)
        check_random_merge(rand() % 16 + 1, rand() % 400);
}

/* Combining. */
static struct combine *new_combine(enum combine_how how, uint32_t type, int16_t format)
{
    struct error error = {0};
    struct combine_column column = {how, &text_order_bytes};
    struct merge_column type_of = {type, format};
    struct combine *combine = combine_new(&column, &type_of, 1, &error);
    cr_assert_not_null(combine, "%s %s", error.message, error.detail);
    return combine;
}

static void combine_is(enum combine_how how, uint32_t type, int16_t format, const struct value *values,
                       int count, struct value expected)
{
    struct error error = {0};
    struct combine *combine = new_combine(how, type, format);
    for (int i = 0; i < count; i++) {
        struct row row = row_of(&values[i], 1);
        cr_assert(combine_push(combine, row.bytes, row.length, &error), "%s", error.message);
    }
    const uint8_t *row;
    size_t length;
    cr_assert(combine_finish(combine, &row, &length, &error), "%s", error.message);
    struct row wanted = row_of(&expected, 1);
    cr_assert(length == wanted.length && memcmp(row, wanted.bytes, length) == 0, "got %.*s", (int) length - 6,
              (const char *) row + 6);
    combine_free(combine);
}

static void texts_combine(enum combine_how how, uint32_t type, const char *one, const char *two,
                          const char *three, const char *expected)
{
    const char *texts[] = {one, two, three, expected};
    struct value values[4];
    for (int i = 0; i < 4; i++)
        values[i] = (struct value){texts[i], texts[i] ? (int) strlen(texts[i]) : -1};
    combine_is(how, type, 0, values, 3, values[3]);
}

Test(combine, sums_of_integers_are_exact_at_any_size)
{
    texts_combine(COMBINE_SUM, OID_INT8, "1", "2", "39", "42");
    texts_combine(COMBINE_SUM, OID_INT8, NULL, "5", NULL, "5");
    texts_combine(COMBINE_SUM, OID_INT8, NULL, NULL, NULL, NULL);
    texts_combine(COMBINE_SUM, OID_INT8, "0", NULL, "0", "0");
    texts_combine(COMBINE_SUM, OID_INT8, "9223372036854775807", "-9223372036854775808", "9223372036854775807",
                  "9223372036854775806");
    texts_combine(COMBINE_SUM, OID_NUMERIC, "999999999999999999999999999999", "1", "-3",
                  "999999999999999999999999999997");
    texts_combine(COMBINE_SUM, OID_NUMERIC, "-1000000000000000000000", "1", "0", "-999999999999999999999");
    texts_combine(COMBINE_SUM, OID_NUMERIC, "1000000000", "-1000000000", "0", "0");
    texts_combine(COMBINE_SUM, OID_NUMERIC, "18446744073709551616", "18446744073709551616",
                  "000000000000000000000001", "36893488147419103233");
}

Test(combine, random_sums_agree_with_128_bits)
{
    srand(11);
    for (int round = 0; round < 2000; round++) {
        char texts[3][64];
        struct value values[3];
        __extension__ __int128 sum = 0;
        for (int i = 0; i < 3; i++) {
            int64_t term = (int64_t) ((uint64_t) rand() << 33 ^ (uint64_t) rand() << 11 ^ (uint64_t) rand());
            term >>= rand() % 64;
            sum += term;
            values[i] =
                (struct value){texts[i], snprintf(texts[i], sizeof(texts[i]), "%lld", (long long) term)};
        }
        char digits[48], *at = digits + sizeof(digits);
        bool negative = sum < 0;
        if (negative)
            sum = -sum;
        do
            *--at = (char) ('0' + (int) (sum % 10));
        while ((sum /= 10) > 0);
        if (negative)
            *--at = '-';
        combine_is(COMBINE_SUM, OID_NUMERIC, 0, values, 3,
                   (struct value){at, (int) (digits + sizeof(digits) - at)});
    }
}

static void out_of_range(uint32_t type, const char *one, const char *other)
{
    struct error error = {0};
    struct combine *combine = new_combine(COMBINE_SUM, type, 0);
    struct row first = ROW(one), second = ROW(other);
    cr_assert(combine_push(combine, first.bytes, first.length, &error));
    cr_assert(combine_push(combine, second.bytes, second.length, &error));
    const uint8_t *row;
    size_t length;
    cr_assert_not(combine_finish(combine, &row, &length, &error));
    cr_assert_str_eq(error.sqlstate, SQLSTATE_NUMERIC_OUT_OF_RANGE);
    error_clear(&error);
    combine_free(combine);
}

Test(combine, a_sum_beyond_its_type_is_the_error_postgres_raises)
{
    out_of_range(OID_INT8, "9223372036854775807", "1");
    out_of_range(OID_INT8, "-9223372036854775808", "-1");
    out_of_range(OID_INT4, "2147483647", "1");
    out_of_range(OID_INT2, "-32768", "-1");
}

Test(combine, binary_integers_stay_binary)
{
    combine_is(
        COMBINE_SUM, OID_INT8, 1,
        (struct value[]){BYTES("\0\0\0\0\0\0\0\5"), {NULL, -1}, BYTES("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE")}, 3,
        (struct value) BYTES("\0\0\0\0\0\0\0\3"));
    combine_is(COMBINE_SUM, OID_INT4, 1, (struct value[]){BYTES("\0\0\0\1"), BYTES("\xFF\xFF\xFF\xFE")}, 2,
               (struct value) BYTES("\xFF\xFF\xFF\xFF"));
    combine_is(COMBINE_MAX, OID_INT4, 1, (struct value[]){BYTES("\0\0\0\1"), BYTES("\xFF\xFF\xFF\xFE")}, 2,
               (struct value) BYTES("\0\0\0\1"));
    combine_is(COMBINE_BOOL_OR, OID_BOOL, 1, (struct value[]){BYTES("\0"), BYTES("\1")}, 2,
               (struct value) BYTES("\1"));
}

Test(combine, extremes_follow_the_order_of_the_type)
{
    texts_combine(COMBINE_MIN, OID_INT8, "10", "9", NULL, "9");
    texts_combine(COMBINE_MAX, OID_INT8, "10", "9", NULL, "10");
    texts_combine(COMBINE_MAX, OID_NUMERIC, "10.5", "NaN", "11", "NaN");
    texts_combine(COMBINE_MIN, OID_TIMESTAMPTZ, "2024-01-01 12:00:00+00", "2024-01-01 12:30:00+01", NULL,
                  "2024-01-01 12:30:00+01");
    texts_combine(COMBINE_MAX, OID_TEXT, "", "b", "a", "b");
    texts_combine(COMBINE_MIN, OID_DATE, NULL, NULL, NULL, NULL);
}

Test(combine, truth_values_skip_null)
{
    texts_combine(COMBINE_BOOL_AND, OID_BOOL, "t", NULL, "t", "t");
    texts_combine(COMBINE_BOOL_AND, OID_BOOL, "t", "f", "t", "f");
    texts_combine(COMBINE_BOOL_OR, OID_BOOL, "f", NULL, "f", "f");
    texts_combine(COMBINE_BOOL_OR, OID_BOOL, NULL, NULL, NULL, NULL);
    texts_combine(COMBINE_SAME, OID_JSONB, "{}", "{}", "{}", "{}");
    texts_combine(COMBINE_SAME, OID_JSONB, NULL, NULL, NULL, NULL);
}

Test(combine, what_cannot_be_combined_exactly_is_refused)
{
    static const struct {
        enum combine_how how;
        uint32_t type;
        int16_t format;
        bool bytes;
    } refused[] = {{COMBINE_SUM, OID_FLOAT8, 0, true},    {COMBINE_SUM, OID_FLOAT8, 1, true},
                   {COMBINE_MIN, OID_TEXT, 0, false},     {COMBINE_MAX, OID_INTERVAL, 0, true},
                   {COMBINE_BOOL_AND, OID_INT4, 0, true}, {COMBINE_SAME, OID_INT4, 2, true}};
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct error error = {0};
        struct combine_column how = {refused[i].how, refused[i].bytes ? &text_order_bytes : NULL};
        struct merge_column column = {refused[i].type, refused[i].format};
        cr_assert_null(combine_new(&how, &column, 1, &error));
        cr_assert_str_eq(error.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED);
        cr_assert_not_null(error.detail);
        cr_assert_not_null(error.hint);
        error_clear(&error);
    }
}

Test(combine, partial_values_that_are_none_are_errors)
{
    static const char *const wrong[] = {"1.5", "", "-", "NaN", "1e3", "+1", " 1"};
    struct combine *combine = new_combine(COMBINE_SUM, OID_NUMERIC, 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct error error = {0};
        struct row row = ROW(wrong[i]);
        cr_assert_not(combine_push(combine, row.bytes, row.length, &error), "%s", wrong[i]);
        error_clear(&error);
    }
    combine_free(combine);
}

Test(merge, command_tags_give_their_counts)
{
    uint64_t rows = 1;
    cr_assert(merge_tag_count("UPDATE 3", &rows));
    cr_assert(merge_tag_count("INSERT 0 2", &rows));
    cr_assert(merge_tag_count("SELECT 0", &rows));
    cr_assert_eq(rows, 6);
    cr_assert_not(merge_tag_count("CREATE TABLE", &rows));
    cr_assert_not(merge_tag_count("BEGIN", &rows));
    cr_assert_not(merge_tag_count("UPDATE ", &rows));
    cr_assert_not(merge_tag_count("UPDATE 99999999999999999999", &rows));
    cr_assert_eq(rows, 6);
}
