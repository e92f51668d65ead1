/*
 * catalog: look-ups in a snapshot, and the comparison of two shards' tables.
 *
 * Names are found through hash tables; a table's columns are few, so they are searched one by one.  Two
 * shards' versions of a table need not be equal, but whatever a plan may rely on must hold on every shard:
 * that is what catalog_difference() asks.
 */
#include "router/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "router/catalog_inside.h"

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    names_free(&catalog->by_name);
    names_free(&catalog->by_oid);
    names_free(&catalog->domains);
    names_free(&catalog->functions);
    names_free(&catalog->sources_by_name);
    arena_free(&catalog->building);
    names_free(&catalog->schemas);
    names_free(&catalog->results);
    arena_free(&catalog->arena);
    free(catalog);
}

const struct catalog_relation *catalog_relation(const struct catalog *catalog, const char *schema,
                                                const char *name)
{
    uint64_t hash = names_hash(schema, name);
    size_t probe = 0;
    const struct catalog_relation *relation = names_first(&catalog->by_name, hash, &probe);
    while (relation && (strcmp(relation->name, name) || strcmp(relation->schema, schema)))
        relation = names_next(&catalog->by_name, hash, &probe);
    return relation;
}

const struct catalog_function *catalog_function(const struct catalog *catalog, const char *schema,
                                                const char *name)
{
    uint64_t hash = names_hash(schema, name);
    size_t probe = 0;
    const struct catalog_function *function = names_first(&catalog->functions, hash, &probe);
    while (function && (strcmp(function->name, name) || strcmp(function->schema, schema)))
        function = names_next(&catalog->functions, hash, &probe);
    return function;
}

const char *catalog_results(const struct catalog *catalog, enum result_kind kind, const char *schema, const char *name)
{
    uint64_t hash = names_hash(schema, name);
    size_t probe = 0;
    const struct catalog_result *result = names_first(&catalog->results, hash, &probe);
    while (result && (result->kind != (char) kind || strcmp(result->name, name) || strcmp(result->schema, schema)))
        result = names_next(&catalog->results, hash, &probe);
    return result ? result->text : NULL;
}

bool catalog_has_schema(const struct catalog *catalog, const char *schema)
{
    uint64_t hash = names_hash(schema, "");
    size_t probe = 0;
    const char *found = names_first(&catalog->schemas, hash, &probe);
    while (found && strcmp(found, schema))
        found = names_next(&catalog->schemas, hash, &probe);
    return found;
}

int catalog_column(const struct catalog_relation *relation, const char *name)
{
    for (int i = 0; i < relation->column_count; i++)
        if (!strcmp(relation->columns[i].name, name))
            return i;
    return -1;
}

const struct catalog_relation *catalog_relation_at(const struct catalog *catalog, size_t i)
{
    return i < catalog->relation_count - catalog->index_count ? catalog->relations[i] : NULL;
}

bool catalog_defers(const struct catalog *catalog)
{
    return catalog->defers;
}

void catalog_note_others(struct catalog *home, struct catalog *const *others, int count)
{
    for (size_t i = 0; i < home->relation_count; i++) {
        struct catalog_relation *relation = home->relations[i];
        relation->on_every_shard = true;
        for (int other = 0; other < count && relation->on_every_shard; other++)
            if (others[other] && !catalog_relation(others[other], relation->schema, relation->name))
                relation->on_every_shard = false;
    }
    for (int other = 0; other < count; other++)
        home->defers |= !others[other] || others[other]->defers;
    catalog_note_other_collations(home, others, count);
}

static const char *column_difference(const struct catalog_column *home, const struct catalog_column *other,
                                     struct arena *arena)
{
    if (strcmp(home->name, other->name))
        return arena_printf(arena, "column \"%s\" stands where the home shard has \"%s\"", other->name,
                            home->name);
    if (strcmp(home->type_name, other->type_name))
        return arena_printf(arena, "column \"%s\" is of type %s, on the home shard of type %s", home->name,
                            other->type_name, home->type_name);
    if (home->typmod != other->typmod)
        return arena_printf(arena, "column \"%s\" has another length or precision than on the home shard",
                            home->name);
    if (home->collation_is_bytes != other->collation_is_bytes ||
        home->collation_deterministic != other->collation_deterministic ||
        (home->collation && other->collation && !catalog_same_collation(home->collation, other->collation)))
        return arena_printf(arena, "column \"%s\" has another collation than on the home shard", home->name);
    if (home->not_null && !other->not_null)
        return arena_printf(arena, "column \"%s\" may be NULL, on the home shard it is NOT NULL", home->name);
    if (home->standard != other->standard)
        return arena_printf(arena, "column \"%s\" has another kind of default than on the home shard",
                            home->name);
    return NULL;
}

static bool same_columns(const struct catalog_unique *left, const struct catalog_unique *right)
{
    return left->column_count == right->column_count &&
           !memcmp(left->columns, right->columns, (size_t) left->column_count * sizeof *left->columns);
}

static bool has_unique(const struct catalog_relation *relation, const struct catalog_unique *unique)
{
    for (int i = 0; i < relation->unique_count; i++)
        if (same_columns(&relation->uniques[i], unique) && relation->uniques[i].primary >= unique->primary)
            return true;
    return false;
}

static const char *unique_difference(const struct catalog_relation *home,
                                     const struct catalog_relation *other, struct arena *arena)
{
    for (int i = 0; i < home->unique_count; i++)
        if (!has_unique(other, &home->uniques[i]))
            return arena_printf(arena, "it lacks the home shard's unique index \"%s\"",
                                home->uniques[i].name);
    return NULL;
}

/* A trigger, rule or policy that the home shard does not show could change what a plan takes for granted. */
static const char *behaviour_difference(const struct catalog_relation *home,
                                        const struct catalog_relation *other)
{
    if (home->kind != other->kind)
        return "it is another kind of relation than on the home shard";
    if (home->has_triggers != other->has_triggers)
        return "it has triggers on one of the two shards only";
    if (home->has_rules != other->has_rules)
        return "it has rules on one of the two shards only";
    if (home->row_security != other->row_security)
        return "it has row security on one of the two shards only";
    if (home->row_security && strcmp(home->policies ? home->policies : "", other->policies ? other->policies : ""))
        return "it has other row security policies than on the home shard";
    return NULL;
}

const char *catalog_difference(const struct catalog_relation *home, const struct catalog_relation *other,
                               struct arena *arena)
{
    if (!home && !other)
        return NULL;
    if (!home || !other)
        return home ? "it does not exist there" : "it exists there but not on the home shard";
    const char *difference = behaviour_difference(home, other);
    if (difference)
        return difference;
    if (home->column_count != other->column_count)
        return arena_printf(arena, "it has %d columns, on the home shard %d", other->column_count,
                            home->column_count);
    for (int i = 0; i < home->column_count && !difference; i++)
        difference = column_difference(&home->columns[i], &other->columns[i], arena);
    return difference ? difference : unique_difference(home, other, arena);
}
