/*
 * What EXPLAIN and ROUTE say of a plan and one execution of it.
 */
#include "router/plan_inside.h"

static const char *describe_shards(const struct routing *routing, const struct shard_set *shards,
                                   struct arena *arena)
{
    const char *text = NULL;
    for (int i = shard_set_next(shards, 0); i >= 0; i = shard_set_next(shards, i + 1)) {
        const char *name = routing->snapshot->shards[routing->settings->shards[i]].name;
        text = text ? arena_printf(arena, "%s, %s", text, name) : name;
    }
    return text ? text : "none";
}

static const char *describe_refusal(const struct plan *plan, struct arena *arena)
{
    const struct error *refusal = &plan->refusal;
    return arena_printf(arena, "refuse: %s\n%s%s%s%s", refusal->message,
                        refusal->detail ? refusal->detail : "", refusal->detail ? "\n" : "",
                        refusal->hint ? refusal->hint : "", refusal->hint ? "\n" : "");
}

/* The facts that left shards out: of the statement, or of what is gathered. */
static const char *describe_facts(const struct plan *plan, const struct execution *execution, const struct route *route)
{
    const char *text = "";
    for (int i = 0; i < plan->inside->condition_count; i++) {
        const struct condition *condition = plan->inside->conditions[i];
        struct shard_set some = condition_shards(condition, execution);
        int asked = shard_set_count(route->kind == PLAN_GATHER ? &some : &route->shards), all = shard_set_count(keyspace_shards(condition->keyspace));
        bool prunes = asked < all && shard_set_count(&some) < all;
        const char *facts = prunes ? condition_describe(condition, execution) : NULL;
        if (facts)
            text = arena_printf(execution->arena, "%sfacts: %s: %s\n", text, condition->table, facts);
    }
    return text;
}

/* Of a part, if there are several; its copy has the same. */
static const char *describe_number(const struct plan *plan, int part, struct arena *arena)
{
    return plan->gather_count > 1 ? arena_printf(arena, " %d", part + 1) : "";
}

/* Which rows are left out where the sources of their keys have few rows. */
static const char *describe_keys(const struct plan *plan, const struct gather_part *part, struct arena *arena)
{
    const char *sources = "";
    for (int i = 0; i < part->key_count; i++) {
        const struct gather_key *key = &part->keys[i];
        sources = arena_printf(arena, "%s%s%s", sources, i ? ", " : "", plan->gather[key->of_home ? plan->gather_count + key->part : key->part].table);
    }
    return part->keyed ? arena_printf(arena, "keyed: %s by few rows of %s: %s\n", part->table, sources, part->keyed) : "";
}

static const char *describe_gathering(const struct plan *plan, const struct routing *routing,
                                      const struct route *route, struct arena *arena)
{
    const char *text = "";
    for (int i = 0; i < plan->gather_count; i++)
        text = arena_printf(arena, "%sgathered%s: %s from %s: %s\n%s", text, describe_number(plan, i, arena), plan->gather[i].table,
                            describe_shards(routing, &route->gather_shards[i], arena), plan->gather[i].select,
                            describe_keys(plan, &plan->gather[i], arena));
    for (int i = plan->gather_count; i < plan->gather_count + plan->gather_questions; i++)
        text = arena_printf(arena, "%skeys: %s from %s: %s\n", text, plan->gather[i].table,
                            describe_shards(routing, &route->gather_shards[i], arena), plan->gather[i].select);
    return text;
}

static const char *describe_order(const struct sort_key *keys, int count, struct arena *arena)
{
    const char *text = "by";
    for (int i = 0; i < count; i++) {
        const struct sort_key *key = &keys[i];
        const char *nulls = key->nulls_first == key->descending ? "" : key->nulls_first ? " NULLS FIRST" : " NULLS LAST";
        text = arena_printf(arena, "%s%s %d%s%s", text, i ? "," : "", key->column + 1, key->descending ? " DESC" : "", nulls);
    }
    return text;
}

/* Of the columns that are not the same in each part. */
static const char *describe_parts(const struct plan *plan, struct arena *arena)
{
    static const char *const hows[] = {[COMBINE_SUM] = "sum",           [COMBINE_MIN] = "min",         [COMBINE_MAX] = "max",
                                       [COMBINE_BOOL_AND] = "bool_and", [COMBINE_BOOL_OR] = "bool_or", [COMBINE_SAME] = NULL};
    const char *text = "";
    for (int i = 0; i < plan->combine_count; i++)
        if (hows[plan->combine[i].how])
            text = arena_printf(arena, "%s%s%d %s", text, *text ? ", " : "", i + 1, hows[plan->combine[i].how]);
    return *text ? arena_printf(arena, "combined: %s\n", text) : "";
}

static const char *describe_limits(const struct route *route, struct arena *arena)
{
    const char *limit = route->limit >= 0 ? arena_printf(arena, " LIMIT %lld", (long long) route->limit) : "";
    const char *offset = route->offset > 0 ? arena_printf(arena, " OFFSET %lld", (long long) route->offset) : "";
    return *limit || *offset ? arena_printf(arena, "limited:%s%s\n", limit, offset) : "";
}

/* What is made of the shards' rows on their way; columns are theirs, by number. */
static const char *describe_making(const struct plan *plan, const struct route *route, struct arena *arena)
{
    bool combines = route->kind == PLAN_COMBINE, ordered = (combines || route->kind == PLAN_MERGE) && plan->sort_key_count > 0;
    const char *merged = ordered ? arena_printf(arena, "merged: %s\n", describe_order(plan->sort_keys, plan->sort_key_count, arena)) : "";
    const char *ranked =
        combines && plan->ranking_count > 0 ? arena_printf(arena, "ranked: %s\n", describe_order(plan->ranking, plan->ranking_count, arena)) : "";
    if (!combines && route->kind != PLAN_MERGE && route->kind != PLAN_CONCAT)
        return "";
    return arena_printf(arena, "%s%s%s%s", merged, combines ? describe_parts(plan, arena) : "", ranked, describe_limits(route, arena));
}

static const char one_row[] = "single: the row goes to the shard of its key";

/* Does no shard hold what the facts say? */
static bool finds_nothing(const struct plan *plan, const struct execution *execution)
{
    struct shard_set some = plan->inside->fixed;
    for (int i = 0; i < plan->inside->condition_count; i++) {
        struct shard_set more = condition_shards(plan->inside->conditions[i], execution);
        shard_set_unite(&some, &more);
    }
    return plan->inside->condition_count > 0 && shard_set_is_empty(&some);
}

static const char *reason_of(const struct plan *plan, const struct execution *execution, const struct route *route)
{
    const struct insert_rows *rows = plan->inside->insert;
    if (route->kind != PLAN_SINGLE || plan->many == PLAN_SINGLE)
        return plan->reason ? plan->reason : plan_kind_name(route->kind);
    if (rows && rows->keyspace)
        return rows->count == 1 ? one_row : "single: all rows go to the shard of their keys";
    if (finds_nothing(plan, execution))
        return "single: no shard has rows that matter, one answers";
    return "single: all rows that matter are on one shard";
}

/* Of a row that is inserted. */
static const char *describe_key(const struct plan *plan, const struct execution *execution)
{
    const struct insert_rows *rows = plan->inside->insert;
    const char *text = "";
    if (!rows || !rows->keyspace || rows->count != 1 || rows->computed || rows->from_query)
        return "";
    for (int k = 0; k < keyspace_columns(rows->keyspace); k++)
        text = arena_printf(execution->arena, "%s%s%s = %s", text, k ? " and " : "", rows->columns[k], value_describe(&rows->values[k], execution));
    return arena_printf(execution->arena, "facts: %s: %s\n", rows->table, text);
}

/* The statement that a shard gets, with its rows left out; one that is not cut is there as a whole. */
static const char *describe_rows(const struct insert_rows *rows, struct arena *arena)
{
    if (!rows || !rows->before)
        return "";
    return arena_printf(arena, "statement: %s…%s%s\n", rows->before, *rows->after == ' ' || !*rows->after ? "" : " ", rows->after);
}

/* … and how many of the rows each shard gets. */
static const char *describe_split(const struct plan *plan, const struct routing *routing, const struct route *route, struct arena *arena)
{
    const char *text = "";
    if (route->kind != PLAN_SPLIT || route->part_count == 0)
        return "";
    for (int i = 0; i < route->part_count; i++) {
        struct shard_set shard = shard_set_one(route->parts[i].shard);
        text = arena_printf(arena, "%s%s%d to %s", text, i ? ", " : "", route->parts[i].rows, describe_shards(routing, &shard, arena));
    }
    return arena_printf(arena, "%srows: %s\n", describe_rows(plan->inside->insert, arena), text);
}

const char *plan_describe(const struct plan *plan, const struct routing *routing, const struct normalised *literals,
                          const struct bind_values *binds, const struct route *route, struct arena *arena)
{
    const struct execution execution = plan_execution(plan, literals, binds, NULL, arena);
    if (!route || plan->inside->refused)
        return describe_refusal(plan, arena);
    const char *text =
        arena_printf(arena, "%s\nshards: %s\n%s%s", reason_of(plan, &execution, route), describe_shards(routing, &route->shards, arena),
                     describe_facts(plan, &execution, route), describe_key(plan, &execution));
    if (route->kind == PLAN_GATHER)
        text = arena_printf(arena, "%s%s", text, describe_gathering(plan, routing, route, arena));
    if (route->kind != PLAN_SINGLE && plan->shard_text)
        text = arena_printf(arena, "%sstatement: %s\n", text, plan->shard_text);
    text = arena_printf(arena, "%s%s%s", text, describe_split(plan, routing, route, arena), describe_making(plan, route, arena));
    if (route->kind == PLAN_BROADCAST && plan->elsewhere_text)
        text = arena_printf(arena, "%selsewhere: %s\n", text, plan->elsewhere_text);
    if (route->kind != PLAN_SINGLE && plan->locking)
        text = arena_printf(arena, "%slooks: %s\nlocks: %s…%s\n", text, plan->locking->look, plan->locking->before, plan->locking->behind);
    return text;
}

/* Where its rows go is not known yet. */
static const char *reason_of_computed(const struct plan *plan, struct arena *arena)
{
    if (plan->many != PLAN_REFUSE)
        return plan->reason ? plan->reason : plan_kind_name(plan->many);
    if (plan->inside->insert && plan->inside->insert->count == 1)
        return one_row;
    return arena_printf(arena, "single: all rows go to the shard of their keys, or it is refused (%s)", plan->refusal.detail);
}

const char *plan_describe_evaluation(const struct plan *plan, const struct routing *routing, struct arena *arena)
{
    const struct insert_rows *rows = plan->inside->insert;
    struct shard_set home = shard_set_one(0), shards = plan->inside->fixed;
    bool spread = rows && rows->keyspace;
    if (spread)
        shard_set_unite(&shards, keyspace_shards(rows->keyspace));
    return arena_printf(arena, "%s\nshards: %s%s\ncomputed: on %s: %s\n%s", reason_of_computed(plan, arena),
                        spread ? "as the computed keys say, of " : "", describe_shards(routing, &shards, arena),
                        describe_shards(routing, &home, arena), plan->evaluation->sql, describe_rows(rows, arena));
}
