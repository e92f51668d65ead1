/*
 * The functions come from PostgreSQL's libpgcommon; here is only which one serves which type.  Integers of
 * all sizes hash alike, and text hashes its bytes (a key's collation is deterministic).
 */
#include <postgres_fe.h>

#include <common/hashfn.h>

#include "router/key_hash.h"

static const uint64_t HASH_SEED = UINT64_C(0x7A5B22367996DCFD); /* HASH_PARTITION_SEED in partition.h */

/* hashint8extended(): folded so that a value that fits an int4 hashes as one. */
static uint64_t hash_integer(int64_t value)
{
    uint32_t low = (uint32_t) value, high = (uint32_t) ((uint64_t) value >> 32);
    return hash_bytes_uint32_extended(low ^ (value >= 0 ? high : ~high), HASH_SEED);
}

static uint64_t hash_value(const struct key_value *value)
{
    switch (value->type) {
    case KEY_SMALLINT:
    case KEY_INTEGER:
    case KEY_BIGINT:
    case KEY_DATE:
    case KEY_TIMESTAMP:
    case KEY_TIMESTAMPTZ:
        return hash_integer(value->integer);
    case KEY_TEXT:
    case KEY_BPCHAR:
        return hash_bytes_extended((const unsigned char *) value->text.bytes, (int) value->text.length,
                                   HASH_SEED);
    case KEY_UUID:
        return hash_bytes_extended(value->uuid, sizeof(value->uuid), HASH_SEED);
    }
    return 0;
}

uint64_t key_hash(const struct key_value *values, int count)
{
    uint64_t hash = 0;
    for (int i = 0; i < count; i++)
        hash = hash_combine64(hash, hash_value(&values[i]));
    return hash;
}
