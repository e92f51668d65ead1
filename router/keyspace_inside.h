/*
 * keyspace_inside: what a built keyspace is made of; for keyspace.c and keyspace_build.c only.
 */
#ifndef KEYWAY_KEYSPACE_INSIDE_H
#define KEYWAY_KEYSPACE_INSIDE_H

#include "router/keyspace.h"

enum { KEYSPACE_MOST_SLOTS = 65536 };

struct key_bound {
    bool infinite; /* as a lower bound below, as an upper bound above everything */
    struct key_value value;
};

struct key_range { /* of keys, or with METHOD_HASH of slots */
    int shard;
    struct key_bound lower, upper; /* lower belongs to the range, upper does not */
    const char *lower_text, *upper_text;
    int line;
};

struct key_entry { /* one value of a list */
    int shard;
    struct key_value value;
    const char *text;
    int line;
};

struct keyspace {
    struct arena arena; /* owns everything below */
    const char *name;
    enum keyspace_method method;
    int columns;
    enum key_type *types;
    struct shard_set shards;
    struct key_range *ranges; /* METHOD_RANGE, METHOD_HASH: in order, apart from each other */
    size_t range_count;
    int64_t *starts; /* METHOD_RANGE of a type that compares as an integer: the ranges' lower ends, close together */
    uint16_t *slot_shards; /* METHOD_HASH: the shard of each slot */
    int slots;
    struct key_entry *entries; /* METHOD_LIST: in order of their values, no two alike */
    size_t entry_count;
    struct keyspace_piece *pieces; /* for people */
    size_t piece_count;
};

#endif
