/*
 * fast_hash: a quick hash of bytes for tables in memory.
 *
 * Sixteen bytes at a time through a 64x64 multiplication whose halves are folded.  Never stored, never sent,
 * and no secret: whoever looks something up compares the whole key behind it.  (Where keys live is decided by
 * key_hash.)
 */
#ifndef KEYWAY_FAST_HASH_H
#define KEYWAY_FAST_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t fast_hash_fold(uint64_t left, uint64_t right)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide) left * right;
    return (uint64_t) product ^ (uint64_t) (product >> 64);
}

static inline uint64_t fast_hash_word(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

static inline uint64_t fast_hash(const void *data, size_t length, uint64_t seed)
{
    const uint64_t first = UINT64_C(0x9E3779B97F4A7C15), second = UINT64_C(0xD6E8FEB86659FD93);
    const uint8_t *bytes = data;
    uint64_t hash = fast_hash_fold(seed ^ first, (uint64_t) length ^ second);
    for (; length >= 16; bytes += 16, length -= 16)
        hash = fast_hash_fold(hash ^ fast_hash_word(bytes), fast_hash_word(bytes + 8) ^ second);
    uint8_t tail[16] = {0};
    if (length > 0)
        memcpy(tail, bytes, length);
    return fast_hash_fold(hash ^ fast_hash_word(tail) ^ first, fast_hash_word(tail + 8) ^ second);
}

#endif
