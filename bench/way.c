#include "bench/way.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bank.h"

static const char prepared_sql[] = "SELECT balance FROM account WHERE id = $1;";

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

static int shard_of(const struct plan *plan, struct way *way, const struct normalised *literals,
                    const struct bind_values *binds)
{
    struct route route;
    struct error error = {0};
    bool single = plan_route(plan, way->routing, literals, binds, &way->scratch, &route, &error) &&
                  route.kind == PLAN_SINGLE;
    error_clear(&error);
    return single ? shard_set_next(&route.shards, 0) : -1;
}

int way_simple(struct way *way, int i)
{
    struct error error = {0};
    const char *sql = way->statements[i].sql;
    size_t length = way->statements[i].length;
    normalise(sql, length, &way->normalised);
    struct plan *plan =
        plan_cache_get(way->cache, way->routing, &way->facts, sql, length, &way->normalised, NULL, 0, &error);
    if (plan == NULL)
        give_up(error.message);
    int shard = shard_of(plan, way, &way->normalised, NULL);
    arena_reset(&way->scratch);
    plan_release(plan);
    return shard;
}

int way_prepared(struct way *way, int i)
{
    struct bind_value value = {.bytes = way->statements[i].key, .length = (int32_t) strlen(way->statements[i].key)};
    struct bind_values binds = {&value, 1};
    int shard = shard_of(way->prepared, way, &way->prepared_text, &binds);
    arena_reset(&way->scratch);
    return shard;
}

static int right_shard(const struct way *way, int64_t key, int ranges)
{
    struct key_value value = {.type = KEY_BIGINT, .integer = key};
    return ranges > 0 ? (int) (key / BANK_RANGE) % BANK_SHARDS
                      : keyspace_shard(way->routing->keyspaces[0], &value);
}

static void make_statement(struct way *way, int i, int ranges)
{
    int64_t key = (int64_t) i * 7919 % ((ranges > 0 ? ranges : 1000) * (int64_t) BANK_RANGE) + 100000;
    way->statements[i].length = (size_t) snprintf(way->statements[i].sql, sizeof way->statements[i].sql,
                                                  "SELECT balance FROM account WHERE id = %lld;", (long long) key);
    snprintf(way->statements[i].key, sizeof way->statements[i].key, "%lld", (long long) key);
    way->statements[i].shard = right_shard(way, key, ranges);
}

static void prepare(struct way *way)
{
    struct error error = {0};
    normalise(prepared_sql, sizeof prepared_sql - 1, &way->prepared_text);
    way->prepared = plan_cache_get(way->cache, way->routing, &way->facts, prepared_sql, sizeof prepared_sql - 1,
                                   &way->prepared_text, NULL, 0, &error);
    if (way->prepared == NULL)
        give_up(error.message);
}

void way_open(struct way *way, struct routing *routing, int ranges)
{
    *way = (struct way){.routing = routing, .facts = bank_facts(), .cache = plan_cache_new(1000)};
    prepare(way);
    for (int i = 0; i < WAY_STATEMENTS; i++) {
        make_statement(way, i, ranges);
        if (way_simple(way, i) != way->statements[i].shard || way_prepared(way, i) != way->statements[i].shard)
            give_up("a statement goes to the wrong shard");
    }
}

void way_close(struct way *way)
{
    plan_release(way->prepared);
    plan_cache_free(way->cache);
    normalised_free(&way->normalised);
    normalised_free(&way->prepared_text);
    arena_free(&way->scratch);
    routing_release(way->routing);
}
