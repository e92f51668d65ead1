/*
 * catalog_names: a hash table from a name, or a number, to the thing that has it.
 *
 * It holds hashes and pointers only; what makes two names equal is the caller's business: probe with
 * names_first() and names_next() until the item is the right one.  Nothing is ever removed.
 */
#ifndef KEYWAY_CATALOG_NAMES_H
#define KEYWAY_CATALOG_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names_slot {
    uint64_t hash;
    void *item; /* NULL: free */
};

struct names { /* a zeroed struct is an empty table */
    struct names_slot *slots;
    size_t size; /* a power of two, or 0 */
    size_t count;
};

void names_add(struct names *names, uint64_t hash, void *item);
void names_free(struct names *names);

/* The items of this hash, one after the other; NULL at the end.  `*probe` is the place in between. */
void *names_first(const struct names *names, uint64_t hash, size_t *probe);
void *names_next(const struct names *names, uint64_t hash, size_t *probe);

uint64_t names_hash(const char *schema, const char *name);
uint64_t names_hash_number(uint32_t number);

#endif
