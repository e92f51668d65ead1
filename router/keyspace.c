/*
 * Looking up: a hash key by its slot's entry in a table, ranges and lists by binary search over what
 * keyspace_build.c put in order.
 */
#include "router/keyspace.h"

#include <stdlib.h>
#include <string.h>

#include "router/key_hash.h"
#include "router/keyspace_inside.h"

void keyspace_free(struct keyspace *keyspace)
{
    if (keyspace == NULL)
        return;
    arena_free(&keyspace->arena);
    free(keyspace);
}

int keyspace_columns(const struct keyspace *keyspace)
{
    return keyspace->columns;
}

enum key_type keyspace_type(const struct keyspace *keyspace, int column)
{
    return keyspace->types[column];
}

enum keyspace_method keyspace_method(const struct keyspace *keyspace)
{
    return keyspace->method;
}

const char *keyspace_name(const struct keyspace *keyspace)
{
    return keyspace->name;
}

const struct shard_set *keyspace_shards(const struct keyspace *keyspace)
{
    return &keyspace->shards;
}

/* How many of the ordered numbers are at or below the value; each step halves what is left, without a branch to guess. */
static size_t numbers_from_below(const int64_t *numbers, size_t count, int64_t value)
{
    const int64_t *base = numbers;
    if (count == 0)
        return 0;
    while (count > 1) {
        size_t half = count / 2;
        base += base[half - 1] <= value ? half : 0;
        count -= half;
    }
    return (size_t) (base - numbers) + (*base <= value);
}

/* How many ranges begin at or below the value: the last of them is the one that may hold it. */
static size_t ranges_from_below(const struct keyspace *keyspace, const struct key_value *value)
{
    if (keyspace->starts)
        return numbers_from_below(keyspace->starts, keyspace->range_count, value->integer);
    size_t low = 0, high = keyspace->range_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct key_bound *lower = &keyspace->ranges[middle].lower;
        if (lower->infinite || key_compare(&lower->value, value) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool ends_above(const struct key_range *range, const struct key_value *value)
{
    return range->upper.infinite || key_compare(value, &range->upper.value) < 0;
}

static int range_shard(const struct keyspace *keyspace, const struct key_value *value)
{
    size_t below = ranges_from_below(keyspace, value);
    if (below == 0 || !ends_above(&keyspace->ranges[below - 1], value))
        return -1;
    return keyspace->ranges[below - 1].shard;
}

static int list_shard(const struct keyspace *keyspace, const struct key_value *value)
{
    size_t low = 0, high = keyspace->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = key_compare(value, &keyspace->entries[middle].value);
        if (order == 0)
            return keyspace->entries[middle].shard;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

int keyspace_shard(const struct keyspace *keyspace, const struct key_value *values)
{
    switch (keyspace->method) {
    case METHOD_RANGE:
        return range_shard(keyspace, values);
    case METHOD_HASH:
        return keyspace->slot_shards[key_hash(values, keyspace->columns) % (uint64_t) keyspace->slots];
    case METHOD_LIST:
        return list_shard(keyspace, values);
    }
    return -1;
}

struct interval {
    const struct key_value *lower, *upper; /* NULL: open end */
    bool lower_inclusive, upper_inclusive;
};

static bool interval_is_empty(const struct interval *interval)
{
    if (interval->lower == NULL || interval->upper == NULL)
        return false;
    int order = key_compare(interval->lower, interval->upper);
    return order > 0 || (order == 0 && !(interval->lower_inclusive && interval->upper_inclusive));
}

static bool below_upper_end(const struct interval *interval, const struct key_value *value)
{
    if (interval->upper == NULL)
        return true;
    int order = key_compare(value, interval->upper);
    return order < 0 || (order == 0 && interval->upper_inclusive);
}

static bool above_lower_end(const struct interval *interval, const struct key_value *value)
{
    if (interval->lower == NULL)
        return true;
    int order = key_compare(value, interval->lower);
    return order > 0 || (order == 0 && interval->lower_inclusive);
}

static struct shard_set interval_of_ranges(const struct keyspace *keyspace, const struct interval *interval)
{
    struct shard_set shards = {{0}};
    size_t first = interval->lower ? ranges_from_below(keyspace, interval->lower) : 0;
    for (size_t i = first > 0 ? first - 1 : 0; i < keyspace->range_count; i++) {
        const struct key_range *range = &keyspace->ranges[i];
        if (!range->lower.infinite && !below_upper_end(interval, &range->lower.value))
            break;
        if (interval->lower == NULL || ends_above(range, interval->lower))
            shard_set_add(&shards, range->shard);
    }
    return shards;
}

static struct shard_set interval_of_list(const struct keyspace *keyspace, const struct interval *interval)
{
    struct shard_set shards = {{0}};
    for (size_t i = 0; i < keyspace->entry_count; i++) {
        const struct key_entry *entry = &keyspace->entries[i];
        if (above_lower_end(interval, &entry->value) && below_upper_end(interval, &entry->value))
            shard_set_add(&shards, entry->shard);
    }
    return shards;
}

struct shard_set keyspace_interval(const struct keyspace *keyspace, const struct key_value *lower,
                                   bool lower_inclusive, const struct key_value *upper, bool upper_inclusive)
{
    struct interval interval = {lower, upper, lower_inclusive, upper_inclusive};
    if (interval_is_empty(&interval))
        return (struct shard_set){{0}};
    switch (keyspace->method) {
    case METHOD_RANGE:
        return interval_of_ranges(keyspace, &interval);
    case METHOD_HASH:
        return keyspace->shards;
    case METHOD_LIST:
        return interval_of_list(keyspace, &interval);
    }
    return keyspace->shards;
}

bool keyspace_piece(const struct keyspace *keyspace, size_t i, struct arena *arena,
                    struct keyspace_piece *piece)
{
    if (i >= keyspace->piece_count)
        return false;
    piece->shard = keyspace->pieces[i].shard;
    piece->lower = arena_strdup(arena, keyspace->pieces[i].lower);
    piece->upper = arena_strdup(arena, keyspace->pieces[i].upper);
    return true;
}

static bool same_bound(const struct key_bound *left, const struct key_bound *right)
{
    if (left->infinite || right->infinite)
        return left->infinite == right->infinite;
    return key_compare(&left->value, &right->value) == 0;
}

static bool same_ranges(const struct keyspace *left, const struct keyspace *right)
{
    if (left->range_count != right->range_count)
        return false;
    for (size_t i = 0; i < left->range_count; i++) {
        const struct key_range *one = &left->ranges[i], *other = &right->ranges[i];
        if (one->shard != other->shard || !same_bound(&one->lower, &other->lower) ||
            !same_bound(&one->upper, &other->upper))
            return false;
    }
    return true;
}

static bool same_entries(const struct keyspace *left, const struct keyspace *right)
{
    if (left->entry_count != right->entry_count)
        return false;
    for (size_t i = 0; i < left->entry_count; i++)
        if (left->entries[i].shard != right->entries[i].shard ||
            key_compare(&left->entries[i].value, &right->entries[i].value) != 0)
            return false;
    return true;
}

static bool same_types(const struct keyspace *left, const struct keyspace *right)
{
    return left->columns == right->columns &&
           memcmp(left->types, right->types, (size_t) left->columns * sizeof(*left->types)) == 0;
}

bool keyspace_same(const struct keyspace *left, const struct keyspace *right)
{
    if (left == right)
        return true;
    if (left->method != right->method || !same_types(left, right))
        return false;
    switch (left->method) {
    case METHOD_RANGE:
        return same_ranges(left, right);
    case METHOD_HASH:
        return left->slots == right->slots && memcmp(left->slot_shards, right->slot_shards,
                                                     (size_t) left->slots * sizeof(*left->slot_shards)) == 0;
    case METHOD_LIST:
        return same_entries(left, right);
    }
    return false;
}
