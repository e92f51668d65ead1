/*
 * Routing: a plan, bound to the values of one execution.
 */
#include "router/plan_inside.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "router/sql_types.h"

struct execution plan_execution(const struct plan *plan, const struct normalised *literals, const struct bind_values *binds,
                                const struct evaluated *evaluated, struct arena *arena)
{
    return (struct execution){literals, binds, arena, plan->inside->server_encoding, evaluated};
}

bool is_clock_text(const char *bytes, size_t length)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    while (length && isspace((unsigned char) *bytes)) {
        bytes++;
        length--;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t word = strlen(words[i]);
        if (length >= word && !strncasecmp(bytes, words[i], word) &&
            (length == word || !isalnum((unsigned char) bytes[word])))
            return true;
    }
    return false;
}

bool has_clock_word(const struct normalised *literals)
{
    for (size_t i = 0; i < literals->literal_count; i++)
        if (literals->literals[i].kind == LITERAL_STRING &&
            is_clock_text(literals->literals[i].value, literals->literals[i].value_length))
            return true;
    return false;
}

static bool is_bound_to_clock_word(const struct bind_values *binds)
{
    for (int i = 0; binds && i < binds->count; i++)
        if (!binds->values[i].binary && binds->values[i].length > 0 &&
            is_clock_text(binds->values[i].bytes, (size_t) binds->values[i].length))
            return true;
    return false;
}

static bool read_binary_count(const struct bound *bound, int64_t *count)
{
    if (bound->length != 8 && bound->length != 4 && bound->length != 2)
        return false;
    uint64_t number = 0;
    for (int32_t i = 0; i < bound->length; i++)
        number = number << 8 | (unsigned char) bound->bytes[i];
    int shift = 64 - 8 * bound->length;
    *count = (int64_t) (number << shift) >> shift;
    return true;
}

static bool read_text_count(const struct bound *bound, int64_t *count)
{
    char text[32], *end;
    if (bound->length <= 0 || (size_t) bound->length >= sizeof text)
        return false;
    memcpy(text, bound->bytes, (size_t) bound->length);
    text[bound->length] = '\0';
    errno = 0;
    *count = strtoll(text, &end, 10);
    return end != text && !errno && !end[strspn(end, " \t\r\n")];
}

/* A LIMIT or OFFSET; NULL is none (`standard`).  What cannot be read is refused. */
static bool read_count(const struct value *value, const struct execution *execution, int64_t standard,
                       int64_t *count, struct error *error)
{
    struct bound bound = value_bind(value, execution);
    *count = standard;
    if (!bound.unknown && bound.length < 0)
        return true;
    if (!bound.unknown && (bound.binary ? read_binary_count(&bound, count) : read_text_count(&bound, count)))
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this statement cannot be run across shards");
    error_detail(error, "The value of LIMIT or OFFSET is not a plain integer.");
    error_hint(error, "Give LIMIT and OFFSET as bigint.");
    return false;
}

/* OFFSET is judged before LIMIT, as PostgreSQL's nodeLimit.c does. */
static bool read_limits(const struct plan *plan, const struct execution *execution, struct route *route,
                        struct error *error)
{
    if (plan->has_offset && !read_count(&plan->inside->offset, execution, 0, &route->offset, error))
        return false;
    if (route->offset < 0) {
        error_set(error, "2201X", "OFFSET must not be negative");
        return false;
    }
    bool none = true;
    if (plan->has_limit) {
        if (!read_count(&plan->inside->limit, execution, INT64_MIN, &route->limit, error))
            return false;
        none = route->limit == INT64_MIN;
    }
    if (none)
        route->limit = -1;
    else if (route->limit < 0) {
        error_set(error, "2201W", "LIMIT must not be negative");
        return false;
    }
    return true;
}

static bool fail(const struct plan *plan, struct error *error)
{
    error_copy(error, &plan->refusal);
    return false;
}

/* Where nothing matters any shard will do; it must be one that has the tables. */
static int any_shard(const struct plan *plan)
{
    if (!plan->inside->condition_count)
        return 0;
    int shard = shard_set_next(keyspace_shards(plan->inside->conditions[0]->keyspace), 0);
    return shard < 0 ? 0 : shard;
}

static bool choose_kind(const struct plan *plan, const struct execution *execution, struct route *route,
                        struct error *error)
{
    if (shard_set_is_empty(&route->shards))
        shard_set_add(&route->shards, any_shard(plan));
    if (shard_set_is_single(&route->shards) && !(plan->many == PLAN_SPLIT && plan->copy)) {
        route->kind = PLAN_SINGLE;
        return true;
    }
    if (plan->many == PLAN_REFUSE)
        return fail(plan, error);
    route->kind = plan->many;
    if (route->kind == PLAN_GATHER)
        shard_set_add(&route->shards, 0);
    if (route->kind == PLAN_MERGE || route->kind == PLAN_CONCAT || route->kind == PLAN_COMBINE)
        return read_limits(plan, execution, route, error);
    return true;
}

static bool check_clock_words(const struct plan *plan, const struct execution *execution,
                              const struct route *route, struct error *error)
{
    if (route->kind == PLAN_SINGLE || route->kind == PLAN_GATHER || !plan->inside->no_clock_words)
        return true;
    if (!plan->inside->clock_words && !(execution->literals && has_clock_word(execution->literals)) &&
        !is_bound_to_clock_word(execution->binds))
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this statement cannot be run across shards");
    error_detail(error, "A value such as 'now' is read by each shard's own clock.");
    error_hint(error, "Give the time itself.");
    return false;
}

bool plan_route_evaluated(const struct plan *plan, const struct routing *routing,
                          const struct normalised *literals, const struct bind_values *binds,
                          const struct evaluated *evaluated, struct arena *arena, struct route *route,
                          struct error *error)
{
    (void) routing;
    const struct plan_inside *inside = plan->inside;
    const struct execution execution = plan_execution(plan, literals, binds, evaluated, arena);
    *route = (struct route){.shards = inside->fixed, .limit = -1};
    if (inside->refused)
        return fail(plan, error);
    int asked = plan->gather_count + plan->gather_questions;
    if (plan->gather)
        route->gather_shards = arena_alloc_array(arena, (size_t) asked, sizeof *route->gather_shards);
    for (int i = plan->gather_count; i < asked; i++)
        shard_set_add(&route->gather_shards[i], 0);
    for (int i = 0; i < inside->condition_count; i++) {
        struct shard_set some = condition_shards(inside->conditions[i], &execution);
        if (plan->gather && inside->gather_owners[i] >= 0)
            shard_set_unite(&route->gather_shards[inside->gather_owners[i]], &some);
        shard_set_unite(&route->shards, &some);
    }
    if (inside->insert && !insert_route(inside->insert, &execution, &route->shards, route, error))
        return false;
    return choose_kind(plan, &execution, route, error) && check_clock_words(plan, &execution, route, error);
}

bool plan_route(const struct plan *plan, const struct routing *routing, const struct normalised *literals,
                const struct bind_values *binds, struct arena *arena, struct route *route,
                struct error *error)
{
    if (!plan->evaluation || plan->inside->refused)
        return plan_route_evaluated(plan, routing, literals, binds, NULL, arena, route, error);
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "the shards are known only when the statement runs");
    error_detail(error, "Values that say where the rows go are computed by PostgreSQL first: %s",
                 plan->evaluation->sql);
    error_hint(error, "Give constants for the key and for columns with a sequence.");
    return false;
}

const char *plan_kind_name(enum plan_kind kind)
{
    static const char *const names[] = {
        [PLAN_SINGLE] = "single",   [PLAN_CONCAT] = "concat", [PLAN_MERGE] = "merge",
        [PLAN_COMBINE] = "combine", [PLAN_SPLIT] = "split",   [PLAN_BROADCAST] = "broadcast",
        [PLAN_GATHER] = "gather",   [PLAN_REFUSE] = "refuse",
    };
    return names[kind];
}
