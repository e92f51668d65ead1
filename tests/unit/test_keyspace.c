/*
 * keyspace: key values read as PostgreSQL reads them, hashed as PostgreSQL hashes them, and found where the
 * settings put them.
 *
 * The hash constants come from PostgreSQL 15.20: partitions of tables with PARTITION BY HASH and MODULUS 16,
 * as shown by SELECT tableoid::regclass, * after inserting the values.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/iso_time.h"
#include "router/key_hash.h"
#include "router/keyspace.h"

static struct shard_settings shard_list[] = {
    {.name = "north"}, {.name = "east"}, {.name = "south"}, {.name = "west"}};
static int shard_numbers[] = {0, 1, 2, 3};
static const struct settings settings = {.file = "keyway.ini", .shards = shard_list, .shard_count = 4};
static const struct database_settings database = {.name = "app", .shards = shard_numbers, .shard_count = 4};

static struct key_value read_as(enum key_type type, const char *text)
{
    struct key_value value;
    cr_assert_eq(key_read_text(type, text, strlen(text), &value), KEY_READ, "%s", text);
    return value;
}

static enum key_reading reading(enum key_type type, uint32_t oid, const char *text)
{
    struct key_value value;
    return key_read(type, oid, false, text, (int32_t) strlen(text), &value);
}

static int64_t integer_of(enum key_type type, uint32_t oid, bool binary, const char *bytes, int32_t length)
{
    struct key_value value;
    cr_assert_eq(key_read(type, oid, binary, bytes, length, &value), KEY_READ, "%.*s", (int) length, bytes);
    cr_assert_eq(value.type, type);
    return value.integer;
}

static int slot16(const struct key_value *values, int count)
{
    return (int) (key_hash(values, count) % 16);
}

Test(keyspace, integers_of_every_size_hash_into_postgres_partitions)
{
    static const struct {
        const char *text;
        int slot;
    } known[] = {{"0", 0},
                 {"1", 8},
                 {"-1", 5},
                 {"42", 2},
                 {"2147483648", 6},
                 {"-2147483649", 15},
                 {"9223372036854775807", 6}};
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        struct key_value value = read_as(KEY_BIGINT, known[i].text);
        cr_assert_eq(slot16(&value, 1), known[i].slot, "%s", known[i].text);
    }
    struct key_value small = read_as(KEY_SMALLINT, "42"), integer = read_as(KEY_INTEGER, "-1");
    cr_assert_eq(slot16(&small, 1), 2);
    cr_assert_eq(slot16(&integer, 1), 5);
}

Test(keyspace, several_columns_of_mixed_types_hash_into_postgres_partitions)
{
    struct key_value alice[] = {read_as(KEY_TEXT, "alice"), read_as(KEY_INTEGER, "1")};
    struct key_value bob[] = {read_as(KEY_TEXT, "bob"), read_as(KEY_INTEGER, "-7")};
    struct key_value empty[] = {read_as(KEY_TEXT, ""), read_as(KEY_INTEGER, "0")};
    struct key_value cheese[] = {read_as(KEY_TEXT, "k\xC3\xA4se"), read_as(KEY_INTEGER, "123456")};
    cr_assert_eq(slot16(alice, 2), 10);
    cr_assert_eq(slot16(bob, 2), 11);
    cr_assert_eq(slot16(empty, 2), 7);
    cr_assert_eq(slot16(cheese, 2), 14);
    struct key_value first[] = {read_as(KEY_BPCHAR, "ab    "),
                                read_as(KEY_UUID, "A0EEBC99-9c0b4ef8bb6d6bb9-bd380a11"),
                                read_as(KEY_DATE, "2024-02-29")};
    struct key_value second[] = {read_as(KEY_BPCHAR, "      "),
                                 read_as(KEY_UUID, "{00000000000000000000000000000000}"),
                                 read_as(KEY_DATE, "1999-12-31")};
    struct key_value third[] = {read_as(KEY_BPCHAR, "x y"),
                                read_as(KEY_UUID, "ffffffff-ffff-ffff-ffff-ffffffffffff"),
                                read_as(KEY_DATE, "infinity")};
    cr_assert_eq(slot16(first, 3), 5);
    cr_assert_eq(slot16(second, 3), 2);
    cr_assert_eq(slot16(third, 3), 11);
}

Test(keyspace, instants_hash_into_postgres_partitions)
{
    struct key_value known = read_as(KEY_TIMESTAMPTZ, "2024-02-29 12:34:56.789+02");
    cr_assert_eq(slot16(&known, 1), 12);
    known = read_as(KEY_TIMESTAMPTZ, "infinity");
    cr_assert_eq(slot16(&known, 1), 6);
    known = read_as(KEY_TIMESTAMPTZ, "1999-12-31T23:59:59Z");
    cr_assert_eq(slot16(&known, 1), 2);
}

Test(keyspace, integers_are_read_as_int8in_reads_them)
{
    cr_assert_eq(read_as(KEY_BIGINT, " \t+12 \n").integer, 12);
    cr_assert_eq(read_as(KEY_BIGINT, "-9223372036854775808").integer, INT64_MIN);
    cr_assert_eq(read_as(KEY_BIGINT, "9223372036854775807").integer, INT64_MAX);
    static const char *const wrong[] = {
        "",    " ",           "-", "+-1", "1 2", "1.0", "0x10", "9223372036854775808", "-9223372036854775809",
        "1_0", "\xC2\xA0\x31"};
    struct key_value value;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert_eq(key_read_text(KEY_BIGINT, wrong[i], strlen(wrong[i]), &value), KEY_UNKNOWN, "%s",
                     wrong[i]);
    cr_assert_eq(key_read_text(KEY_BIGINT, "1\0", 2, &value), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_SMALLINT, 0, "32768"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_INTEGER, 705, "-2147483649"), KEY_UNKNOWN);
}

Test(keyspace, integer_keys_cross_integer_types_exactly)
{
    cr_assert_eq(integer_of(KEY_INTEGER, 20, true, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 8), -2);
    cr_assert_eq(integer_of(KEY_BIGINT, 23, true, "\x00\x00\x30\x39", 4), 12345);
    cr_assert_eq(integer_of(KEY_BIGINT, 21, true, "\x80\x00", 2), -32768);
    cr_assert_eq(integer_of(KEY_INTEGER, 0, true, "\x00\x00\x00\x07", 4), 7);
    struct key_value value;
    cr_assert_eq(key_read(KEY_INTEGER, 20, true, "\0\0\0\x01\0\0\0\0", 8, &value), KEY_NEVER);
    cr_assert_eq(key_read(KEY_INTEGER, 23, true, "\0\0\0", 3, &value), KEY_UNKNOWN);
    cr_assert_eq(key_read(KEY_BIGINT, 0, true, "\0\0\0\1", 4, &value), KEY_UNKNOWN);
    cr_assert_eq(key_read(KEY_BIGINT, 20, true, NULL, -1, &value), KEY_NULL);
    cr_assert_eq(key_read(KEY_BIGINT, 20, true, "", -2, &value), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_SMALLINT, 20, "40000"), KEY_NEVER);
    cr_assert_eq(reading(KEY_BIGINT, 21, "40000"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_BIGINT, 25, "1"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_BIGINT, 26, "1"), KEY_UNKNOWN);
}

Test(keyspace, numeric_and_float_values_equal_an_integer_key_only_if_whole)
{
    static const struct {
        const char *text;
        enum key_reading expected;
        int64_t value;
    } numerics[] = {
        {"7.0", KEY_READ, 7},
        {"7.5", KEY_NEVER, 0},
        {"1e2", KEY_READ, 100},
        {"-1.50e1", KEY_READ, -15},
        {"123e-1", KEY_NEVER, 0},
        {"120e-1", KEY_READ, 12},
        {"0.000", KEY_READ, 0},
        {"0e999", KEY_READ, 0},
        {".5", KEY_NEVER, 0},
        {"5.", KEY_READ, 5},
        {"1e19", KEY_NEVER, 0},
        {"1e5000", KEY_UNKNOWN, 0},
        {"NaN", KEY_UNKNOWN, 0},
        {"", KEY_UNKNOWN, 0},
        {".", KEY_UNKNOWN, 0},
        {"1e", KEY_UNKNOWN, 0},
        {"1e 2", KEY_UNKNOWN, 0},
        {"1.2.3", KEY_UNKNOWN, 0},
        {"00012", KEY_READ, 12},
        {"9223372036854775807", KEY_READ, INT64_MAX},
        {"9223372036854775808", KEY_NEVER, 0},
        {"-9223372036854775808.000", KEY_READ, INT64_MIN},
        {"-9223372036854775809", KEY_NEVER, 0},
    };
    for (size_t i = 0; i < sizeof(numerics) / sizeof(*numerics); i++) {
        struct key_value value;
        const char *text = numerics[i].text;
        cr_assert_eq(key_read(KEY_BIGINT, 1700, false, text, (int32_t) strlen(text), &value),
                     numerics[i].expected, "%s", text);
        if (numerics[i].expected == KEY_READ)
            cr_assert_eq(value.integer, numerics[i].value, "%s", text);
    }
    cr_assert_eq(integer_of(KEY_BIGINT, 701, false, "1e3", 3), 1000);
    cr_assert_eq(integer_of(KEY_BIGINT, 701, true, "\xC0\x08\0\0\0\0\0\0", 8), -3);
    cr_assert_eq(integer_of(KEY_BIGINT, 700, false, "16777217", 8), 16777216); /* as float4 has it */
    cr_assert_eq(reading(KEY_BIGINT, 701, "2.5"), KEY_NEVER);
    cr_assert_eq(reading(KEY_BIGINT, 701, "9007199254740993"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_BIGINT, 701, "Infinity"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_INTEGER, 1700, "3000000000"), KEY_NEVER);
}

Test(keyspace, text_keys_take_text_of_any_bytes_but_no_padded_kind)
{
    cr_assert_eq(reading(KEY_TEXT, 25, "12345"), KEY_READ);
    cr_assert_eq(reading(KEY_TEXT, 1043, "x "), KEY_READ);
    cr_assert_eq(reading(KEY_TEXT, 0, "\xFF\xFE"), KEY_READ);
    cr_assert_eq(reading(KEY_TEXT, 19, "name"), KEY_READ);
    cr_assert_eq(reading(KEY_TEXT, 19, "a name that PostgreSQL cuts because it has more than 63 bytes xxx"),
                 KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_TEXT, 1042, "x"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_TEXT, 23, "1"), KEY_UNKNOWN);
    struct key_value value;
    cr_assert_eq(key_read(KEY_TEXT, 25, true, "a\0b", 3, &value), KEY_UNKNOWN);
    cr_assert_eq(key_read(KEY_TEXT, 25, true, "ab ", 3, &value), KEY_READ);
    cr_assert_eq(value.text.length, 3);
    cr_assert_eq(key_read(KEY_BPCHAR, 1042, true, "ab ", 3, &value), KEY_READ);
    cr_assert_eq(value.text.length, 2);
    cr_assert_eq(reading(KEY_BPCHAR, 25, "ab"), KEY_UNKNOWN);
    cr_assert_eq(key_read(KEY_BPCHAR, 0, true, "ab ", 3, &value), KEY_UNKNOWN);
}

Test(keyspace, uuids_are_read_as_uuid_in_reads_them)
{
    cr_assert_eq(reading(KEY_UUID, 2950, "a0eebc999c0b4ef8bb6d6bb9bd380a11"), KEY_READ);
    cr_assert_eq(reading(KEY_UUID, 0, "{a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11}"), KEY_READ);
    cr_assert_eq(reading(KEY_UUID, 0, "a0e-ebc999c0b4ef8bb6d6bb9bd380a11"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_UUID, 0, "{a0eebc999c0b4ef8bb6d6bb9bd380a11"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_UUID, 0, "a0eebc999c0b4ef8bb6d6bb9bd380a11 "), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_UUID, 0, "a0eebc999c0b4ef8bb6d6bb9bd380a1g"), KEY_UNKNOWN);
    cr_assert_eq(reading(KEY_UUID, 25, "a0eebc999c0b4ef8bb6d6bb9bd380a11"), KEY_UNKNOWN);
    struct key_value value;
    cr_assert_eq(key_read(KEY_UUID, 2950, true, "0123456789abcdef", 16, &value), KEY_READ);
    cr_assert_eq(key_read(KEY_UUID, 2950, true, "0123456789abcde", 15, &value), KEY_UNKNOWN);
}

Test(keyspace, dates_and_times_are_read_in_unambiguous_iso_form_only)
{
    cr_assert_eq(read_as(KEY_DATE, "2000-01-01").integer, 0);
    cr_assert_eq(read_as(KEY_DATE, "2024-02-29").integer, 8825);
    cr_assert_eq(read_as(KEY_DATE, "0044-03-15 BC").integer, -746117);
    cr_assert_eq(read_as(KEY_DATE, "4714-11-24 BC").integer, -2451545);
    cr_assert_eq(read_as(KEY_DATE, "5874897-12-31").integer, INT64_C(2145031948));
    cr_assert_eq(read_as(KEY_TIMESTAMP, "1999-12-31 23:59:59.5").integer, -500000);
    cr_assert_eq(read_as(KEY_TIMESTAMP, "2000-01-02").integer, INT64_C(86400000000));
    cr_assert_eq(read_as(KEY_TIMESTAMPTZ, "2000-01-01 05:45:00+0545").integer, 0);
    cr_assert_eq(read_as(KEY_TIMESTAMPTZ, "2000-01-01 00:00:00-00:00:01").integer, 1000000);
    cr_assert_eq(read_as(KEY_TIMESTAMP, "294276-12-31 23:59:59.999999").integer,
                 INT64_C(9223371331199999999));
    cr_assert_eq(read_as(KEY_TIMESTAMP, "-infinity").integer, INT64_MIN);
    static const struct {
        enum key_type type;
        const char *text;
    } unknown[] = {
        {KEY_DATE, "01/02/2024"},
        {KEY_DATE, "24-01-02"},
        {KEY_DATE, "2024-1-2"},
        {KEY_DATE, "2023-02-29"},
        {KEY_DATE, "2024-13-01"},
        {KEY_DATE, "today"},
        {KEY_DATE, "2024-01-02 10:00"},
        {KEY_DATE, "0000-01-01"},
        {KEY_DATE, "4714-11-23 BC"},
        {KEY_DATE, "5874898-01-01"},
        {KEY_DATE, " 2024-01-02"},
        {KEY_DATE, "2024-01-02 AD"},
        {KEY_TIMESTAMP, "now"},
        {KEY_TIMESTAMP, "2024-01-02 24:00:00"},
        {KEY_TIMESTAMP, "2024-01-02 10:00:60"},
        {KEY_TIMESTAMP, "2024-01-02 10:00:00+01"},
        {KEY_TIMESTAMP, "2024-01-02 10:00:00.1234567"},
        {KEY_TIMESTAMP, "2024-01-02 10:00:00."},
        {KEY_TIMESTAMP, "294277-01-01 00:00:00"},
        {KEY_TIMESTAMPTZ, "2024-01-02 10:00:00"},
        {KEY_TIMESTAMPTZ, "2024-01-02"},
        {KEY_TIMESTAMPTZ, "2024-01-02 10:00:00 Europe/Berlin"},
        {KEY_TIMESTAMPTZ, "2024-01-02 10:00:00+16"},
        {KEY_TIMESTAMPTZ, "294276-12-31 23:59:59-01"},
    };
    struct key_value value;
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
        cr_assert_eq(key_read_text(unknown[i].type, unknown[i].text, strlen(unknown[i].text), &value),
                     KEY_UNKNOWN, "%s", unknown[i].text);
    cr_assert_eq(integer_of(KEY_DATE, 1082, true, "\xFF\xFF\xFF\xFF", 4), -1);
    cr_assert_eq(integer_of(KEY_TIMESTAMP, 1114, true, "\0\0\0\0\0\0\0\1", 8), 1);
    cr_assert_eq(reading(KEY_TIMESTAMP, 1184, "2024-01-02 10:00:00+00"), KEY_UNKNOWN);
    cr_assert_eq(key_read(KEY_TIMESTAMPTZ, 0, true, "\0\0\0\0\0\0\0\1", 8, &value), KEY_UNKNOWN);
}

Test(keyspace, types_and_oids_name_each_other)
{
    enum key_type type;
    for (int i = KEY_SMALLINT; i <= KEY_TIMESTAMPTZ; i++) {
        cr_assert(key_type_of_oid(key_type_oid((enum key_type) i), &type));
        cr_assert_eq((int) type, i);
    }
    cr_assert(key_type_of_oid(1043, &type));
    cr_assert_eq(type, KEY_TEXT);
    cr_assert_not(key_type_of_oid(1700, &type));
}

/* Building: the result, and the reports as one text. */
static char reports[4096];

static struct keyspace *build(const struct keyspace_settings *from)
{
    struct diagnostics diagnostics = {0};
    struct keyspace *keyspace = keyspace_build(&settings, &database, from, &diagnostics);
    char *to = reports;
    *to = '\0';
    for (size_t i = 0; i < diagnostics.count; i++)
        to += snprintf(to, sizeof(reports) - (size_t) (to - reports), "%d: %s\n", diagnostics.entries[i].line,
                       diagnostics.entries[i].text);
    cr_assert_eq(keyspace == NULL, diagnostics.count > 0, "%s", reports);
    diagnostics_free(&diagnostics);
    return keyspace;
}

static struct keyspace *build_ranges(const char *type, bool gaps, struct range_settings *ranges, size_t count)
{
    struct keyspace_settings from = {.name = "k",
                                     .type = type,
                                     .method = METHOD_RANGE,
                                     .allow_gaps = gaps,
                                     .ranges = ranges,
                                     .range_count = count,
                                     .line = 1};
    return build(&from);
}

#define RANGES(type, gaps, ...)                                                                              \
    build_ranges(type, gaps, (struct range_settings[]){__VA_ARGS__},                                         \
                 sizeof((struct range_settings[]){__VA_ARGS__}) / sizeof(struct range_settings))

static int shard_of(const struct keyspace *keyspace, const char *text)
{
    struct key_value value = read_as(keyspace_type(keyspace, 0), text);
    return keyspace_shard(keyspace, &value);
}

Test(keyspace, text_ranges_are_half_open_and_ordered_by_bytes)
{
    struct keyspace *keyspace =
        RANGES("varchar(40)", false, {2, "t", NULL, 4}, {0, NULL, "g", 2}, {1, "g", "t", 3});
    cr_assert_eq(keyspace_type(keyspace, 0), KEY_TEXT);
    cr_assert_eq(shard_of(keyspace, ""), 0);
    cr_assert_eq(shard_of(keyspace, "Zoe"), 0);
    cr_assert_eq(shard_of(keyspace, "fzzz"), 0);
    cr_assert_eq(shard_of(keyspace, "g"), 1);
    cr_assert_eq(shard_of(keyspace, "t"), 2);
    cr_assert_eq(shard_of(keyspace, "\xC3\xA4"), 2);
    cr_assert_eq(shard_set_count(keyspace_shards(keyspace)), 3);
    struct arena arena = {0};
    struct keyspace_piece piece;
    cr_assert(keyspace_piece(keyspace, 0, &arena, &piece));
    cr_assert_eq(piece.shard, 0);
    cr_assert_str_eq(piece.lower, "-infinity");
    cr_assert_str_eq(piece.upper, "g");
    cr_assert_not(keyspace_piece(keyspace, 3, &arena, &piece));
    arena_free(&arena);
    keyspace_free(keyspace);
}

Test(keyspace, overlaps_gaps_and_wrong_bounds_are_reported_with_their_lines)
{
    RANGES("int", false, {0, NULL, "10", 2}, {1, "5", "20", 3}, {2, "20", NULL, 4});
    cr_assert(strstr(reports, "3: found range [5, 20) of shard east, which overlaps range [-infinity, 10) of "
                              "shard north in line 2"));
    RANGES("int", false, {0, NULL, "10", 2}, {1, "15", NULL, 3});
    cr_assert(strstr(reports, "3: found no shard for keys in [10, 15), between line 2 and line 3"));
    RANGES("int", false, {0, "0", "100", 2}, {1, "10", "20", 3}, {1, "50", "60", 4});
    cr_assert(strstr(reports, "3: found range [10, 20)"));
    cr_assert(strstr(reports, "4: found range [50, 60)"));
    cr_assert(strstr(reports, "2: found no shard for keys below 0"));
    cr_assert(strstr(reports, "2: found no shard for keys from 100 on"));
    RANGES("int", false, {0, NULL, "ten", 2}, {1, "9999999999", NULL, 3});
    cr_assert(strstr(reports, "2: found \"ten\" in keyspace k, expected a value of type integer"));
    cr_assert(strstr(reports, "3: found \"9999999999\""));
    RANGES("int", true, {0, "5", "5", 2}, {1, "7", "6", 3});
    cr_assert(strstr(reports, "2: found the empty range [5, 5)"));
    cr_assert(strstr(reports, "3: found the empty range [7, 6)"));
    RANGES("int", false, {0, NULL, NULL, 2}, {1, NULL, NULL, 3});
    cr_assert(strstr(reports, "overlaps"));
    RANGES("money", false, {0, NULL, NULL, 2});
    cr_assert(strstr(reports, "found key type \"money\""));
    RANGES("int, text", false, {0, NULL, NULL, 2});
    cr_assert(strstr(reports, "expected one: several columns are supported with method = hash"));
}

Test(keyspace, declared_gaps_hold_no_shard)
{
    struct keyspace *keyspace =
        RANGES("date", true, {0, "2024-01-01", "2024-02-01", 2}, {1, "2024-03-01", NULL, 3});
    cr_assert_eq(shard_of(keyspace, "2023-12-31"), -1);
    cr_assert_eq(shard_of(keyspace, "2024-01-31"), 0);
    cr_assert_eq(shard_of(keyspace, "2024-02-01"), -1);
    cr_assert_eq(shard_of(keyspace, "infinity"), 1);
    keyspace_free(keyspace);
}

/* Does one range meet an interval of integers?  The plain definition, over a small universe of values. */
static bool meets(const struct range_settings *range, int lower, bool lower_in, int upper, bool upper_in)
{
    for (int half = -10; half <= 250; half++) { /* in halves: keys are taken as dense */
        double value = half / 2.0;
        bool in_range =
            (!range->lower || value >= atoi(range->lower)) && (!range->upper || value < atoi(range->upper));
        bool above = value > lower || (lower_in && value == lower);
        bool below = value < upper || (upper_in && value == upper);
        if (in_range && above && below)
            return true;
    }
    return false;
}

Test(keyspace, lookups_in_random_ranges_agree_with_a_linear_scan)
{
    srand(4);
    for (int round = 0; round < 300; round++) {
        char texts[16][12];
        struct range_settings ranges[16];
        size_t count = 0;
        int at = rand() % 10;
        while (count < 16 && at < 100) {
            int next = at + 1 + rand() % 15;
            snprintf(texts[count], sizeof(texts[count]), "%d", at);
            ranges[count] = (struct range_settings){rand() % 4, texts[count], NULL, (int) count + 2};
            if (count > 0 && ranges[count - 1].upper == NULL)
                ranges[count - 1].upper = texts[count];
            at = next;
            count++;
        }
        struct keyspace *keyspace = build_ranges("int", true, ranges, count);
        for (int key = -5; key < 130; key++) {
            int expected = -1;
            for (size_t i = 0; i < count; i++)
                if (key >= atoi(ranges[i].lower) && (!ranges[i].upper || key < atoi(ranges[i].upper)))
                    expected = ranges[i].shard;
            struct key_value value = {.type = KEY_INTEGER, .integer = key};
            cr_assert_eq(keyspace_shard(keyspace, &value), expected);
        }
        for (int probe = 0; probe < 50; probe++) {
            int low = rand() % 120, high = rand() % 120;
            bool low_in = rand() % 2, high_in = rand() % 2;
            struct key_value lower = {.type = KEY_INTEGER, .integer = low};
            struct key_value upper = {.type = KEY_INTEGER, .integer = high};
            struct shard_set expected = {{0}};
            for (size_t i = 0; i < count; i++)
                if (meets(&ranges[i], low, low_in, high, high_in))
                    shard_set_add(&expected, ranges[i].shard);
            struct shard_set found = keyspace_interval(keyspace, &lower, low_in, &upper, high_in);
            cr_assert_eq(memcmp(&found, &expected, sizeof(found)), 0, "%d %d", low, high);
        }
        keyspace_free(keyspace);
    }
}

Test(keyspace, open_intervals_reach_to_the_ends)
{
    struct keyspace *keyspace =
        RANGES("int", false, {0, NULL, "0", 2}, {1, "0", "10", 3}, {2, "10", NULL, 4});
    struct key_value zero = {.type = KEY_INTEGER, .integer = 0};
    struct shard_set below = keyspace_interval(keyspace, NULL, false, &zero, false);
    struct shard_set up_to = keyspace_interval(keyspace, NULL, false, &zero, true);
    struct shard_set above = keyspace_interval(keyspace, &zero, true, NULL, false);
    struct shard_set all = keyspace_interval(keyspace, NULL, false, NULL, false);
    cr_assert_eq(below.words[0], 1);
    cr_assert_eq(up_to.words[0], 3);
    cr_assert_eq(above.words[0], 6);
    cr_assert_eq(all.words[0], 7);
    keyspace_free(keyspace);
}

static struct keyspace *build_hash(const char *type, int slots, struct range_settings *ranges,
                                   size_t range_count)
{
    static int order[] = {3, 0, 1};
    struct keyspace_settings from = {.name = "h",
                                     .type = type,
                                     .method = METHOD_HASH,
                                     .slots = slots,
                                     .line = 1,
                                     .shards = order,
                                     .shard_count = ranges ? 0 : 3,
                                     .ranges = ranges,
                                     .range_count = range_count};
    return build(&from);
}

Test(keyspace, hash_slots_are_shared_out_evenly_in_the_order_of_the_shards)
{
    struct keyspace *keyspace = build_hash("bigint", 16, NULL, 0); /* [0,5) [5,10) [10,16) */
    cr_assert_eq(shard_of(keyspace, "0"), 3);
    cr_assert_eq(shard_of(keyspace, "-1"), 0);
    cr_assert_eq(shard_of(keyspace, "-2147483649"), 1);
    struct arena arena = {0};
    struct keyspace_piece piece;
    cr_assert(keyspace_piece(keyspace, 2, &arena, &piece));
    cr_assert_str_eq(piece.lower, "10");
    cr_assert_str_eq(piece.upper, "16");
    arena_free(&arena);
    struct key_value key = {.type = KEY_BIGINT, .integer = 1};
    struct shard_set shards = keyspace_interval(keyspace, &key, true, &key, true);
    cr_assert_eq(shard_set_count(&shards), 3);
    keyspace_free(keyspace);
    cr_assert_null(build_hash("bigint", 2, NULL, 0));
    cr_assert_null(build_hash("bigint", 0, NULL, 0));
}

Test(keyspace, hash_slots_by_ranges_must_cover_every_slot_once)
{
    struct range_settings good[] = {{1, "8", NULL, 3}, {0, NULL, "8", 2}};
    struct keyspace *keyspace = build_hash("text, int", 16, good, 2);
    struct key_value alice[] = {read_as(KEY_TEXT, "alice"), read_as(KEY_INTEGER, "1")};
    cr_assert_eq(keyspace_columns(keyspace), 2);
    cr_assert_eq(keyspace_shard(keyspace, alice), 1);
    keyspace_free(keyspace);
    struct range_settings gap[] = {{0, "0", "7", 2}, {1, "8", "16", 3}};
    cr_assert_null(build_hash("int", 16, gap, 2));
    cr_assert(strstr(reports, "3: found no shard for keys in [7, 8)"));
    struct range_settings ends[] = {{0, "1", "15", 2}};
    cr_assert_null(build_hash("int", 16, ends, 1));
    cr_assert(strstr(reports, "slots [0, 1)"));
    struct range_settings beyond[] = {{0, "0", "17", 2}};
    cr_assert_null(build_hash("int", 16, beyond, 1));
    cr_assert(strstr(reports, "expected slots between 0 and 16"));
    struct range_settings empty[] = {{0, NULL, "16", 2}, {1, "16", NULL, 3}};
    cr_assert_null(build_hash("int", 16, empty, 2));
}

Test(keyspace, lists_hold_their_values_and_nothing_else)
{
    const char *one[] = {"de", "at"}, *two[] = {"fr"}, *again[] = {"de", NULL};
    struct list_settings lists[] = {{0, one, 2, 2}, {1, two, 1, 3}, {2, again, 2, 4}};
    struct keyspace_settings from = {
        .name = "l", .type = "char(2)", .method = METHOD_LIST, .lists = lists, .list_count = 2, .line = 1};
    struct keyspace *keyspace = build(&from);
    cr_assert_eq(shard_of(keyspace, "at"), 0);
    cr_assert_eq(shard_of(keyspace, "fr "), 1);
    cr_assert_eq(shard_of(keyspace, "it"), -1);
    struct key_value lower = read_as(KEY_BPCHAR, "de"), upper = read_as(KEY_BPCHAR, "fr");
    struct shard_set shards = keyspace_interval(keyspace, &lower, false, &upper, true);
    cr_assert_eq(shards.words[0], 2);
    struct arena arena = {0};
    struct keyspace_piece piece;
    cr_assert(keyspace_piece(keyspace, 0, &arena, &piece));
    cr_assert_str_eq(piece.lower, "de, at");
    cr_assert_null(piece.upper);
    arena_free(&arena);
    keyspace_free(keyspace);
    from.list_count = 3;
    cr_assert_null(build(&from));
    cr_assert(strstr(reports, "4: found the value \"de\" again, which line 2 gives to shard north"));
    cr_assert(strstr(reports, "4: found NULL"));
}

Test(keyspace, same_keyspaces_place_equal_keys_alike)
{
    struct keyspace *one = RANGES("int", false, {0, NULL, "5", 2}, {1, "5", NULL, 3});
    struct keyspace *other = RANGES("int4", false, {1, "05", NULL, 7}, {0, NULL, "5", 8});
    struct keyspace *third = RANGES("int", false, {0, NULL, "6", 2}, {1, "6", NULL, 3});
    struct keyspace *wider = RANGES("bigint", false, {0, NULL, "5", 2}, {1, "5", NULL, 3});
    struct keyspace *hash = build_hash("int", 16, NULL, 0), *same_hash = build_hash("int", 16, NULL, 0);
    cr_assert(keyspace_same(one, other));
    cr_assert_not(keyspace_same(one, third));
    cr_assert_not(keyspace_same(one, wider));
    cr_assert_not(keyspace_same(one, hash));
    cr_assert(keyspace_same(hash, same_hash));
    struct keyspace *all[] = {one, other, third, wider, hash, same_hash};
    for (size_t i = 0; i < 6; i++)
        keyspace_free(all[i]);
}

Test(keyspace, a_shard_set_knows_whether_it_has_none_one_or_more)
{
    for (int one = 0; one < SETTINGS_MAX_SHARDS; one++) {
        struct shard_set set = {{0}};
        cr_assert(shard_set_is_empty(&set) && !shard_set_is_single(&set));
        shard_set_add(&set, one);
        cr_assert(!shard_set_is_empty(&set) && shard_set_is_single(&set));
        for (int other = 0; other < SETTINGS_MAX_SHARDS; other += 7) {
            struct shard_set both = set;
            shard_set_add(&both, other);
            cr_assert_eq(shard_set_is_single(&both), one == other);
        }
    }
}
