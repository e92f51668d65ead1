/*
 * plan_cache: normalised text -> plan template.
 *
 * One cache per worker and database: no locks.  An entry is found by normalised text, session facts and declared
 * parameter types; plans of one text that pin literals stand side by side.  Bounded, in number and in bytes: the least
 * recently used plan goes.  A new routing version empties it.
 */
#ifndef KEYWAY_PLAN_CACHE_H
#define KEYWAY_PLAN_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include "router/plan.h"

struct plan_cache;

struct plan_cache *plan_cache_new(size_t limit);
void plan_cache_free(struct plan_cache *cache);

/*
 * The plan for this statement, from the cache or made now.  The result is held for the caller: plan_release() it.  `normalised` must be
 * of `sql`.  NULL with `error` when the text does not parse.
 */
struct plan *plan_cache_get(struct plan_cache *cache, const struct routing *routing, const struct session_facts *facts,
                            const char *sql, size_t length, const struct normalised *normalised,
                            const uint32_t *types, int type_count, struct error *error);

struct plan_cache_counts {
    uint64_t hits, misses, evictions;
    size_t plans;
};
struct plan_cache_counts plan_cache_counts(const struct plan_cache *cache);

/* SHOW PLANS: calls `row` for each entry. */
void plan_cache_visit(const struct plan_cache *cache,
                      void (*row)(void *context, const char *text, size_t length, const struct plan *plan, uint64_t hits),
                      void *context);

#endif
