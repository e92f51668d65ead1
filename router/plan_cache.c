/*
 * A hash table with chains, and one list through all entries from the most to the least recently used.
 *
 * An entry's key is everything planning depends on besides literal values: the normalised text, the kinds of
 * its literals, the session's facts, the declared parameter types.  A plan that pins literals is found only
 * when those have the same values again; a text whose every value makes another plan would fill the cache, so
 * only a few variants of a key are kept.  Looking up allocates nothing.
 */
#include "router/plan_cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "router/fast_hash.h"

enum {
    MOST_VARIANTS = 8,        /* plans of one key that differ in pinned values */
    LONGEST_TEXT = 16 * 1024, /* longer texts, and more bytes of pinned values, are not stored */
    FIRST_BUCKETS = 64,
    MOST_BYTES = 64 * 1024 * 1024, /* of all plans: those of thousands of values have hundreds of bytes for each */
    MOST_BYTES_EACH = MOST_BYTES / 16,
};

struct pin {
    size_t literal;
    const char *value;
    uint32_t length;
};

struct entry {
    struct entry *chain;         /* of the same bucket */
    struct entry *newer, *older; /* in the order of use */
    struct arena arena;          /* owns everything below but the plan */
    struct plan *plan;           /* one reference */
    uint64_t hash, hits, last_used;
    size_t bytes; /* with the plan */
    const char *text;
    size_t length;
    uint8_t *kinds;
    size_t literal_count;
    const char *search_path, *user;
    bool iso_dates, server_encoding, gathers, rounded_floats, escaped_bytes;
    uint32_t *types;
    int type_count;
    struct pin *pins;
    size_t pin_count;
};

struct plan_cache {
    size_t limit;
    struct entry **buckets;
    size_t bucket_count; /* a power of two */
    struct entry *newest, *oldest;
    uint64_t version; /* of the routing that all plans here were made under */
    uint64_t clock;   /* counts uses */
    size_t bytes;     /* of all entries */
    struct plan_cache_counts counts;
};

/* What is looked for; all borrowed. */
struct key {
    uint64_t hash;
    const struct normalised *normalised;
    const char *search_path, *user;
    const struct session_facts *facts;
    const uint32_t *types;
    int type_count;
};

static struct key make_key(const struct normalised *normalised, const struct session_facts *facts,
                           const uint32_t *types, int type_count)
{
    struct key key = {.normalised = normalised, .facts = facts, .types = types, .type_count = type_count};
    key.search_path = facts->search_path ? facts->search_path : "";
    key.user = facts->user ? facts->user : "";
    uint64_t flags = (uint64_t) facts->escaped_bytes << 4 | (uint64_t) facts->rounded_floats << 3 | (uint64_t) facts->gathers << 2 | (uint64_t) facts->iso_dates << 1 | facts->server_encoding;
    key.hash = fast_hash(key.search_path, strlen(key.search_path), normalised->hash ^ flags);
    key.hash = fast_hash(key.user, strlen(key.user), key.hash);
    key.hash = fast_hash(types, (size_t) type_count * sizeof(*types), key.hash);
    return key;
}

static bool same_kinds(const struct entry *entry, const struct normalised *normalised)
{
    if (entry->literal_count != normalised->literal_count)
        return false;
    for (size_t i = 0; i < entry->literal_count; i++)
        if (entry->kinds[i] != (uint8_t) normalised->literals[i].kind)
            return false;
    return true;
}

static bool same_key(const struct entry *entry, const struct key *key)
{
    const struct normalised *normalised = key->normalised;
    return entry->hash == key->hash && entry->length == normalised->length &&
           entry->type_count == key->type_count && entry->iso_dates == key->facts->iso_dates &&
           entry->server_encoding == key->facts->server_encoding && entry->gathers == key->facts->gathers &&
           entry->rounded_floats == key->facts->rounded_floats && entry->escaped_bytes == key->facts->escaped_bytes &&
           (entry->length == 0 || memcmp(entry->text, normalised->text, entry->length) == 0) &&
           same_kinds(entry, normalised) && strcmp(entry->search_path, key->search_path) == 0 &&
           strcmp(entry->user, key->user) == 0 &&
           (key->type_count == 0 ||
            memcmp(entry->types, key->types, (size_t) key->type_count * sizeof(*key->types)) == 0);
}

static bool same_pins(const struct entry *entry, const struct normalised *normalised)
{
    for (size_t i = 0; i < entry->pin_count; i++) {
        const struct pin *pin = &entry->pins[i];
        const struct literal *literal = &normalised->literals[pin->literal];
        if (literal->value_length != pin->length ||
            (pin->length > 0 && memcmp(literal->value, pin->value, pin->length) != 0))
            return false;
    }
    return true;
}

static struct entry **bucket_of(const struct plan_cache *cache, uint64_t hash)
{
    return &cache->buckets[hash & (cache->bucket_count - 1)];
}

static struct entry *find(const struct plan_cache *cache, const struct key *key)
{
    for (struct entry *entry = *bucket_of(cache, key->hash); entry; entry = entry->chain)
        if (same_key(entry, key) && same_pins(entry, key->normalised))
            return entry;
    return NULL;
}

static void unlink_use(struct plan_cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void link_newest(struct plan_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
    entry->last_used = ++cache->clock;
}

static void free_entry(struct entry *entry)
{
    plan_release(entry->plan);
    arena_free(&entry->arena);
    free(entry);
}

static void evict(struct plan_cache *cache, struct entry *entry)
{
    struct entry **link = bucket_of(cache, entry->hash);
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    unlink_use(cache, entry);
    cache->bytes -= entry->bytes;
    free_entry(entry);
    cache->counts.plans--;
    cache->counts.evictions++;
}

/* A new routing version: nothing that was planned holds any more. */
static void forget_all(struct plan_cache *cache)
{
    while (cache->newest) {
        struct entry *entry = cache->newest;
        cache->newest = entry->older;
        free_entry(entry);
    }
    cache->oldest = NULL;
    memset(cache->buckets, 0, cache->bucket_count * sizeof(struct entry *));
    cache->counts.plans = 0;
    cache->bytes = 0;
}

/* Of too many plans of one key, the one that was not used for longest goes. */
static void limit_variants(struct plan_cache *cache, const struct key *key)
{
    struct entry *stalest = NULL;
    int variants = 0;
    for (struct entry *entry = *bucket_of(cache, key->hash); entry; entry = entry->chain) {
        if (!same_key(entry, key))
            continue;
        variants++;
        if (stalest == NULL || entry->last_used < stalest->last_used)
            stalest = entry;
    }
    if (variants >= MOST_VARIANTS)
        evict(cache, stalest);
}

static void grow(struct plan_cache *cache)
{
    free(cache->buckets);
    cache->bucket_count *= 2;
    cache->buckets = memory_alloc(cache->bucket_count * sizeof(struct entry *));
    for (struct entry *entry = cache->newest; entry; entry = entry->older) {
        struct entry **bucket = bucket_of(cache, entry->hash);
        entry->chain = *bucket;
        *bucket = entry;
    }
}

/* Copy the literals that the plan pins. */
static void copy_pins(struct entry *entry, const struct normalised *normalised)
{
    entry->pins = arena_alloc_array(&entry->arena, normalised->literal_count, sizeof(*entry->pins));
    for (size_t i = 0; i < normalised->literal_count; i++) {
        const struct literal *literal = &normalised->literals[i];
        if (plan_pins(entry->plan, i))
            entry->pins[entry->pin_count++] = (struct pin){
                i, arena_memdup(&entry->arena, literal->value, literal->value_length), literal->value_length};
    }
}

static struct entry *new_entry(const struct key *key, struct plan *plan)
{
    const struct normalised *normalised = key->normalised;
    struct entry *entry = memory_alloc(sizeof(*entry));
    entry->plan = plan_hold(plan);
    entry->hash = key->hash;
    entry->text = arena_strndup(&entry->arena, normalised->text, normalised->length);
    entry->length = normalised->length;
    entry->literal_count = normalised->literal_count;
    entry->kinds = arena_alloc(&entry->arena, normalised->literal_count);
    for (size_t i = 0; i < normalised->literal_count; i++)
        entry->kinds[i] = (uint8_t) normalised->literals[i].kind;
    entry->search_path = arena_strdup(&entry->arena, key->search_path);
    entry->user = arena_strdup(&entry->arena, key->user);
    entry->iso_dates = key->facts->iso_dates;
    entry->server_encoding = key->facts->server_encoding;
    entry->gathers = key->facts->gathers;
    entry->rounded_floats = key->facts->rounded_floats;
    entry->escaped_bytes = key->facts->escaped_bytes;
    entry->types = arena_memdup(&entry->arena, key->types, (size_t) key->type_count * sizeof(*key->types));
    entry->type_count = key->type_count;
    copy_pins(entry, normalised);
    entry->bytes = sizeof *entry + entry->arena.total + plan->arena.total + (plan->inner ? plan->inner->arena.total : 0);
    return entry;
}

static bool worth_storing(const struct plan_cache *cache, const struct normalised *normalised,
                          const struct plan *plan)
{
    size_t pinned = 0;
    for (size_t i = 0; i < normalised->literal_count; i++)
        pinned += plan_pins(plan, i) ? normalised->literals[i].value_length : 0;
    return cache->limit > 0 && pinned <= LONGEST_TEXT;
}

static void store(struct plan_cache *cache, const struct key *key, struct plan *plan)
{
    if (!worth_storing(cache, key->normalised, plan))
        return;
    struct entry *entry = new_entry(key, plan);
    if (entry->bytes > MOST_BYTES_EACH) {
        free_entry(entry);
        return;
    }
    limit_variants(cache, key);
    while (cache->oldest && (cache->counts.plans >= cache->limit || cache->bytes + entry->bytes > MOST_BYTES))
        evict(cache, cache->oldest);
    if (cache->counts.plans >= cache->bucket_count)
        grow(cache);
    struct entry **bucket = bucket_of(cache, key->hash);
    entry->chain = *bucket;
    *bucket = entry;
    link_newest(cache, entry);
    cache->bytes += entry->bytes;
    cache->counts.plans++;
}

static struct plan *use(struct plan_cache *cache, struct entry *entry)
{
    cache->counts.hits++;
    entry->hits++;
    unlink_use(cache, entry);
    link_newest(cache, entry);
    return plan_hold(entry->plan);
}

struct plan_cache *plan_cache_new(size_t limit)
{
    struct plan_cache *cache = memory_alloc(sizeof(*cache));
    cache->limit = limit;
    cache->bucket_count = FIRST_BUCKETS;
    cache->buckets = memory_alloc(cache->bucket_count * sizeof(struct entry *));
    return cache;
}

void plan_cache_free(struct plan_cache *cache)
{
    if (cache == NULL)
        return;
    forget_all(cache);
    free(cache->buckets);
    free(cache);
}

struct plan *plan_cache_get(struct plan_cache *cache, const struct routing *routing,
                            const struct session_facts *facts, const char *sql, size_t length,
                            const struct normalised *normalised, const uint32_t *types, int type_count,
                            struct error *error)
{
    if (routing->version != cache->version) {
        forget_all(cache);
        cache->version = routing->version;
    }
    bool cacheable = !normalised->unsure && !normalised->several && normalised->length <= LONGEST_TEXT;
    if (!cacheable) {
        cache->counts.misses++;
        return plan_make(routing, facts, sql, length, normalised->unsure ? NULL : normalised, types,
                         type_count, error);
    }
    struct key key = make_key(normalised, facts, types, type_count);
    struct entry *entry = find(cache, &key);
    if (entry != NULL)
        return use(cache, entry);
    cache->counts.misses++;
    struct plan *plan = plan_make(routing, facts, sql, length, normalised, types, type_count, error);
    if (plan != NULL)
        store(cache, &key, plan);
    return plan;
}

struct plan_cache_counts plan_cache_counts(const struct plan_cache *cache)
{
    return cache->counts;
}

void plan_cache_visit(const struct plan_cache *cache,
                      void (*row)(void *context, const char *text, size_t length, const struct plan *plan,
                                  uint64_t hits),
                      void *context)
{
    for (const struct entry *entry = cache->newest; entry; entry = entry->older)
        row(context, entry->text, entry->length, entry->plan, entry->hits);
}
