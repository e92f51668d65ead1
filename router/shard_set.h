/*
 * shard_set: which of a database's shards; a bitmap over their numbers 0 … shard_count-1.
 */
#ifndef KEYWAY_SHARD_SET_H
#define KEYWAY_SHARD_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"

enum { SHARD_SET_WORDS = SETTINGS_MAX_SHARDS / 64 };

struct shard_set {
    uint64_t words[SHARD_SET_WORDS];
};

static inline void shard_set_add(struct shard_set *set, int shard)
{
    set->words[shard / 64] |= UINT64_C(1) << (shard % 64);
}

static inline void shard_set_remove(struct shard_set *set, int shard)
{
    set->words[shard / 64] &= ~(UINT64_C(1) << (shard % 64));
}

static inline bool shard_set_has(const struct shard_set *set, int shard)
{
    return set->words[shard / 64] >> (shard % 64) & 1;
}

static inline int shard_set_count(const struct shard_set *set)
{
    int count = 0;
    for (int i = 0; i < SHARD_SET_WORDS; i++)
        count += __builtin_popcountll(set->words[i]);
    return count;
}

static inline bool shard_set_is_empty(const struct shard_set *set)
{
    uint64_t any = 0;
    for (int i = 0; i < SHARD_SET_WORDS; i++)
        any |= set->words[i];
    return any == 0;
}

/* Exactly one member: asked at each statement, and counting bits is slow without an instruction for it. */
static inline bool shard_set_is_single(const struct shard_set *set)
{
    uint64_t any = 0, more = 0;
    for (int i = 0; i < SHARD_SET_WORDS; i++) {
        uint64_t word = set->words[i];
        more |= (word & (word - 1)) | (any ? word : 0);
        any |= word;
    }
    return any != 0 && more == 0;
}

/* The lowest member not below `from`, or -1: for (s = next(set, 0); s >= 0; s = next(set, s + 1)). */
static inline int shard_set_next(const struct shard_set *set, int from)
{
    for (int word = from / 64; word < SHARD_SET_WORDS; word++) {
        uint64_t bits = set->words[word];
        if (word == from / 64)
            bits &= ~UINT64_C(0) << (from % 64);
        if (bits)
            return word * 64 + __builtin_ctzll(bits);
    }
    return -1;
}

static inline struct shard_set shard_set_all(int shard_count)
{
    struct shard_set set = {{0}};
    for (int shard = 0; shard < shard_count; shard++)
        shard_set_add(&set, shard);
    return set;
}

static inline struct shard_set shard_set_one(int shard)
{
    struct shard_set set = {{0}};
    shard_set_add(&set, shard);
    return set;
}

static inline void shard_set_unite(struct shard_set *set, const struct shard_set *other)
{
    for (int i = 0; i < SHARD_SET_WORDS; i++)
        set->words[i] |= other->words[i];
}

static inline void shard_set_intersect(struct shard_set *set, const struct shard_set *other)
{
    for (int i = 0; i < SHARD_SET_WORDS; i++)
        set->words[i] &= other->words[i];
}

#endif
