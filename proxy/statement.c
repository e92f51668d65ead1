/*
 * Three small hash tables: the worker's statements by text, a client's by name, a server's by number.
 */
#include "proxy/statement.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

/* --- the worker's statements ------------------------------------------------------------------------------- */

enum { FIRST_BUCKETS = 64 };

struct statement_store {
    struct statement **buckets;
    size_t bucket_count, count;
};

static _Atomic uint64_t last_number;

struct statement_store *statement_store_new(void)
{
    struct statement_store *store = memory_alloc(sizeof(*store));
    store->bucket_count = FIRST_BUCKETS;
    store->buckets = memory_alloc(FIRST_BUCKETS * sizeof(struct statement *));
    return store;
}

static void statement_free(struct statement *statement)
{
    if (statement->plan)
        plan_release(statement->plan);
    normalised_free(&statement->normalised);
    free(statement->sql);
    free(statement->types);
    free(statement->described);
    free(statement);
}

void statement_store_free(struct statement_store *store)
{
    for (size_t i = 0; i < store->bucket_count; i++)
        while (store->buckets[i]) {
            struct statement *next = store->buckets[i]->next;
            statement_free(store->buckets[i]);
            store->buckets[i] = next;
        }
    free(store->buckets);
    free(store);
}

static uint32_t hash_bytes_32(uint32_t hash, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ at[i]) * 16777619u;
    return hash;
}

static void store_grow(struct statement_store *store)
{
    size_t count = store->bucket_count * 2;
    struct statement **buckets = memory_alloc(count * sizeof(*buckets));
    for (size_t i = 0; i < store->bucket_count; i++)
        while (store->buckets[i]) {
            struct statement *moved = store->buckets[i];
            store->buckets[i] = moved->next;
            moved->next = buckets[moved->hash % count];
            buckets[moved->hash % count] = moved;
        }
    free(store->buckets);
    store->buckets = buckets;
    store->bucket_count = count;
}

struct statement *statement_intern(struct statement_store *store, const char *sql, size_t length, const uint32_t *types,
                                   int type_count, uint64_t meaning, uint64_t version)
{
    size_t types_size = (size_t) type_count * sizeof(*types);
    uint32_t hash = hash_bytes_32(hash_bytes_32(2166136261u, sql, length), types, types_size) + (uint32_t) meaning + (uint32_t) version * 31;
    for (struct statement *found = store->buckets[hash % store->bucket_count]; found; found = found->next)
        if (found->hash == hash && found->length == length && found->type_count == type_count && found->meaning == meaning &&
            found->parsed_under == version && memcmp(found->sql, sql, length) == 0 &&
            (types_size == 0 || memcmp(found->types, types, types_size) == 0))
            return statement_hold(found);

    if (store->count >= store->bucket_count)
        store_grow(store);
    struct statement *statement = memory_alloc(sizeof(*statement));
    statement->references = 1;
    statement->number = atomic_fetch_add(&last_number, 1) + 1;
    statement->sql = memory_alloc(length + 1);
    memcpy(statement->sql, sql, length);
    statement->length = length;
    statement->types = memory_alloc(types_size);
    if (types_size > 0)
        memcpy(statement->types, types, types_size);
    statement->type_count = type_count;
    statement->meaning = meaning;
    statement->parsed_under = version;
    statement->hash = hash;
    statement->next = store->buckets[hash % store->bucket_count];
    store->buckets[hash % store->bucket_count] = statement;
    store->count++;
    return statement;
}

struct statement *statement_hold(struct statement *statement)
{
    statement->references++;
    return statement;
}

void statement_release(struct statement_store *store, struct statement *statement)
{
    if (statement == NULL || --statement->references > 0)
        return;
    struct statement **link = &store->buckets[statement->hash % store->bucket_count];
    while (*link != statement)
        link = &(*link)->next;
    *link = statement->next;
    store->count--;
    statement_free(statement);
}

bool statement_describe(struct statement *statement, const uint32_t *types, int count, uint64_t version)
{
    size_t size = (size_t) count * sizeof(*types);
    if (statement->typed || (count == statement->type_count && (count == 0 || memcmp(types, statement->types, size) == 0)))
        return false;
    statement->described = memory_resize(statement->described, size);
    memcpy(statement->described, types, size);
    statement->described_count = count;
    statement->described_under = version;
    return true;
}

bool statement_is_described(const struct statement *statement, uint64_t version)
{
    return statement->described && statement->described_under == version;
}

size_t statement_store_count(const struct statement_store *store)
{
    return store->count;
}

void statement_server_name(uint64_t number, char name[STATEMENT_NAME_SIZE])
{
    snprintf(name, STATEMENT_NAME_SIZE, STATEMENT_NAME_PREFIX "%llu", (unsigned long long) number);
}

bool statement_name_is_reserved(const char *name)
{
    return strncmp(name, STATEMENT_NAME_PREFIX, strlen(STATEMENT_NAME_PREFIX)) == 0;
}

/* --- a client's names -------------------------------------------------------------------------------------- */

struct name_entry {
    struct name_entry *next;
    struct statement *statement;
    uint32_t hash;
    char name[];
};

/* Few clients have more than a handful of names; those that do get a table that grows. */
struct statement_names {
    struct name_entry **buckets;
    size_t bucket_count, count;
};

static struct name_entry **name_link(const struct statement_names *names, const char *name, uint32_t hash)
{
    struct name_entry **link = &names->buckets[hash % names->bucket_count];
    while (*link && ((*link)->hash != hash || strcmp((*link)->name, name) != 0))
        link = &(*link)->next;
    return link;
}

static uint32_t hash_name(const char *name)
{
    return hash_bytes_32(2166136261u, name, strlen(name));
}

struct statement *statement_names_find(const struct statement_names *names, const char *name)
{
    if (names == NULL)
        return NULL;
    struct name_entry *entry = *name_link(names, name, hash_name(name));
    return entry ? entry->statement : NULL;
}

static void names_grow(struct statement_names *names)
{
    size_t count = names->bucket_count * 4;
    struct name_entry **buckets = memory_alloc(count * sizeof(*buckets));
    for (size_t i = 0; i < names->bucket_count; i++)
        while (names->buckets[i]) {
            struct name_entry *moved = names->buckets[i];
            names->buckets[i] = moved->next;
            moved->next = buckets[moved->hash % count];
            buckets[moved->hash % count] = moved;
        }
    free(names->buckets);
    names->buckets = buckets;
    names->bucket_count = count;
}

void statement_names_put(struct statement_names **made, struct statement_store *store, const char *name,
                         struct statement *statement)
{
    struct statement_names *names = *made;
    if (names == NULL) {
        names = *made = memory_alloc(sizeof(*names));
        names->bucket_count = 2;
        names->buckets = memory_alloc(names->bucket_count * sizeof(*names->buckets));
    }
    uint32_t hash = hash_name(name);
    struct name_entry *entry = *name_link(names, name, hash);
    if (entry) {
        statement_release(store, entry->statement);
        entry->statement = statement;
        return;
    }
    if (names->count >= names->bucket_count * 2)
        names_grow(names);
    size_t size = strlen(name) + 1;
    entry = memory_alloc(sizeof(*entry) + size);
    memcpy(entry->name, name, size);
    entry->hash = hash;
    entry->statement = statement;
    entry->next = names->buckets[hash % names->bucket_count];
    names->buckets[hash % names->bucket_count] = entry;
    names->count++;
}

bool statement_names_remove(struct statement_names *names, struct statement_store *store, const char *name)
{
    if (names == NULL)
        return false;
    struct name_entry **link = name_link(names, name, hash_name(name)), *entry = *link;
    if (entry == NULL)
        return false;
    *link = entry->next;
    statement_release(store, entry->statement);
    free(entry);
    names->count--;
    return true;
}

void statement_names_forget(struct statement_names *names, struct statement_store *store, uint64_t number)
{
    for (size_t i = 0; names && i < names->bucket_count; i++) {
        struct name_entry **link = &names->buckets[i];
        while (*link) {
            struct name_entry *entry = *link;
            if (entry->statement->number != number) {
                link = &entry->next;
                continue;
            }
            *link = entry->next;
            statement_release(store, entry->statement);
            free(entry);
            names->count--;
        }
    }
}

void statement_names_free(struct statement_names **made, struct statement_store *store)
{
    struct statement_names *names = *made;
    if (names == NULL)
        return;
    for (size_t i = 0; i < names->bucket_count; i++)
        while (names->buckets[i]) {
            struct name_entry *entry = names->buckets[i];
            names->buckets[i] = entry->next;
            statement_release(store, entry->statement);
            free(entry);
        }
    free(names->buckets);
    free(names);
    *made = NULL;
}

struct packed_name {
    const char *name, *sql;
    const uint32_t *types;
    size_t length;
    int type_count;
    bool of_session; /* parsed under the meaning that the session has */
    uint64_t parsed_under;
};

struct statement_parcel {
    struct arena arena;
    size_t count;
    struct packed_name *names;
};

static struct packed_name pack_name(struct arena *arena, const struct name_entry *entry, uint64_t meaning)
{
    const struct statement *statement = entry->statement;
    return (struct packed_name){
        .name = arena_strdup(arena, entry->name),
        .sql = arena_memdup(arena, statement->sql, statement->length + 1),
        .types = arena_memdup(arena, statement->types, (size_t) statement->type_count * sizeof(*statement->types)),
        .length = statement->length,
        .type_count = statement->type_count,
        .of_session = statement->meaning == meaning,
        .parsed_under = statement->parsed_under,
    };
}

struct statement_parcel *statement_names_pack(const struct statement_names *names, uint64_t meaning)
{
    if (names == NULL || names->count == 0)
        return NULL;
    struct statement_parcel *parcel = memory_alloc(sizeof(*parcel));
    parcel->names = arena_alloc_array(&parcel->arena, names->count, sizeof(*parcel->names));
    for (size_t i = 0; i < names->bucket_count; i++)
        for (const struct name_entry *entry = names->buckets[i]; entry; entry = entry->next)
            parcel->names[parcel->count++] = pack_name(&parcel->arena, entry, meaning);
    return parcel;
}

void statement_names_unpack(struct statement_names **names, struct statement_store *store, struct statement_parcel *parcel, uint64_t meaning,
                            uint64_t other)
{
    for (size_t i = 0; parcel && i < parcel->count; i++) {
        const struct packed_name *packed = &parcel->names[i];
        struct statement *statement = statement_intern(store, packed->sql, packed->length, packed->types, packed->type_count,
                                                       packed->of_session ? meaning : other, packed->parsed_under);
        statement_names_put(names, store, packed->name, statement);
    }
    if (parcel)
        arena_free(&parcel->arena);
    free(parcel);
}

size_t statement_names_count(const struct statement_names *names)
{
    return names ? names->count : 0;
}

/* --- a server's numbers ------------------------------------------------------------------------------------ */

struct number_entry {
    uint64_t number; /* 0: free */
    uint64_t used;   /* a tick: larger is more recent */
};

/* Open addressing with linear probing; at most half full. */
struct statement_numbers {
    struct number_entry *entries;
    size_t capacity, count; /* capacity is a power of two */
    uint64_t tick;
};

static size_t number_place(const struct statement_numbers *numbers, uint64_t number)
{
    size_t place = (size_t) (number * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (numbers->capacity - 1);
    while (numbers->entries[place].number != 0 && numbers->entries[place].number != number)
        place = (place + 1) & (numbers->capacity - 1);
    return place;
}

bool statement_numbers_use(struct statement_numbers **made, uint64_t number)
{
    struct statement_numbers *numbers = *made;
    if (numbers == NULL)
        return false;
    struct number_entry *entry = &numbers->entries[number_place(numbers, number)];
    if (entry->number == 0)
        return false;
    entry->used = ++numbers->tick;
    return true;
}

static void numbers_insert(struct statement_numbers *numbers, struct number_entry entry)
{
    numbers->entries[number_place(numbers, entry.number)] = entry;
    numbers->count++;
}

static void numbers_rebuild(struct statement_numbers *numbers, size_t capacity, uint64_t left_out)
{
    struct number_entry *old = numbers->entries;
    size_t old_capacity = numbers->capacity;
    numbers->entries = memory_alloc(capacity * sizeof(*old));
    numbers->capacity = capacity;
    numbers->count = 0;
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].number != 0 && old[i].number != left_out)
            numbers_insert(numbers, old[i]);
    free(old);
}

static uint64_t least_recent(const struct statement_numbers *numbers)
{
    const struct number_entry *oldest = NULL;
    for (size_t i = 0; i < numbers->capacity; i++)
        if (numbers->entries[i].number != 0 && (oldest == NULL || numbers->entries[i].used < oldest->used))
            oldest = &numbers->entries[i];
    return oldest ? oldest->number : 0;
}

uint64_t statement_numbers_add(struct statement_numbers **made, uint64_t number, size_t limit)
{
    struct statement_numbers *numbers = *made;
    if (numbers == NULL) {
        numbers = *made = memory_alloc(sizeof(*numbers));
        numbers->capacity = 8;
        numbers->entries = memory_alloc(numbers->capacity * sizeof(*numbers->entries));
    }
    uint64_t closed = 0;
    if (numbers->count >= limit) {
        closed = least_recent(numbers);
        statement_numbers_remove(numbers, closed);
    }
    if (numbers->count * 2 >= numbers->capacity)
        numbers_rebuild(numbers, numbers->capacity * 2, 0);
    numbers_insert(numbers, (struct number_entry){number, ++numbers->tick});
    return closed;
}

void statement_numbers_remove(struct statement_numbers *numbers, uint64_t number)
{
    if (numbers && numbers->entries[number_place(numbers, number)].number != 0)
        numbers_rebuild(numbers, numbers->capacity, number);
}

void statement_numbers_free(struct statement_numbers **made)
{
    if (*made) {
        free((*made)->entries);
        free(*made);
        *made = NULL;
    }
}

size_t statement_numbers_count(const struct statement_numbers *numbers)
{
    return numbers ? numbers->count : 0;
}
