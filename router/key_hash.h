/*
 * key_hash: PostgreSQL's own hash of a key, the one that PARTITION BY HASH uses.
 *
 * Each column through its type's extended hash function under the seed of hash partitioning, then combined as
 * compute_partition_hash_value() does: the remainder modulo the number of partitions is the same.
 */
#ifndef KEYWAY_KEY_HASH_H
#define KEYWAY_KEY_HASH_H

#include <stdint.h>

#include "router/keyspace.h"

uint64_t key_hash(const struct key_value *values, int count);

#endif
