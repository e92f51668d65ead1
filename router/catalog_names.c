/*
 * catalog_names: open addressing with linear probing, never more than half full.
 */
#include "router/catalog_names.h"

#include <stdlib.h>

#include "config/arena.h"

static void put(struct names_slot *slots, size_t size, uint64_t hash, void *item)
{
    size_t at = (size_t) hash & (size - 1);
    while (slots[at].item)
        at = (at + 1) & (size - 1);
    slots[at] = (struct names_slot){hash, item};
}

static void grow(struct names *names)
{
    size_t size = names->size ? names->size * 2 : 64;
    struct names_slot *slots = memory_alloc(size * sizeof *slots);
    for (size_t i = 0; i < names->size; i++)
        if (names->slots[i].item)
            put(slots, size, names->slots[i].hash, names->slots[i].item);
    free(names->slots);
    names->slots = slots;
    names->size = size;
}

void names_add(struct names *names, uint64_t hash, void *item)
{
    if (names->count * 2 >= names->size)
        grow(names);
    put(names->slots, names->size, hash, item);
    names->count++;
}

void names_free(struct names *names)
{
    free(names->slots);
    *names = (struct names){0};
}

static void *find(const struct names *names, uint64_t hash, size_t *probe)
{
    for (; names->slots[*probe].item; *probe = (*probe + 1) & (names->size - 1))
        if (names->slots[*probe].hash == hash)
            return names->slots[*probe].item;
    return NULL;
}

void *names_first(const struct names *names, uint64_t hash, size_t *probe)
{
    if (!names->size)
        return NULL;
    *probe = (size_t) hash & (names->size - 1);
    return find(names, hash, probe);
}

void *names_next(const struct names *names, uint64_t hash, size_t *probe)
{
    *probe = (*probe + 1) & (names->size - 1);
    return find(names, hash, probe);
}

/* FNV-1a, and a last mix because the table uses the low bits. */
static uint64_t hash_bytes(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char) *text) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t mix(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

uint64_t names_hash(const char *schema, const char *name)
{
    uint64_t hash = hash_bytes(UINT64_C(14695981039346656037), schema);
    return mix(hash_bytes((hash ^ 0xFF) * UINT64_C(1099511628211), name));
}

uint64_t names_hash_number(uint32_t number)
{
    return mix(number);
}
