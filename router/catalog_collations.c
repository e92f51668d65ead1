/*
 * Collations: which of them Keyway orders by as the shards do.
 *
 * Proof: each shard says which library, which locale and which version of the library orders its texts now.
 * Keyway asks the same library (text_order.h), in the same version, for the same locale, on texts in the same
 * encoding; so it has the same order.  A database whose texts were put into indexes under another version may
 * not have them in order itself: its sorting is not followed.
 *
 * C.UTF-8 has no version; there the shard was asked for the order of its characters.
 */
#include <string.h>

#include "router/catalog_inside.h"

const struct catalog_collation *catalog_collation(const struct catalog *catalog, const char *schema,
                                                  const char *name)
{
    for (size_t i = 0; i < catalog->collation_count; i++)
        if (!strcmp(catalog->collations[i].name, name) && !strcmp(catalog->collations[i].schema, schema))
            return &catalog->collations[i];
    return NULL;
}

const struct catalog_collation *catalog_default_collation(const struct catalog *catalog)
{
    return catalog_collation(catalog, "pg_catalog", "default");
}

const struct text_order *catalog_column_order(const struct catalog_column *column)
{
    if (!column->collatable || column->collation_is_bytes)
        return &text_order_bytes;
    return column->collation ? column->collation->order : NULL;
}

static bool same_text(const char *left, const char *right)
{
    return left && right ? !strcmp(left, right) : left == right;
}

static bool same_locale(char provider, const char *left, const char *right)
{
    return left && right ? text_order_same_locale(provider, left, right) : left == right;
}

bool catalog_same_collation(const struct catalog_collation *left, const struct catalog_collation *right)
{
    return left->provider == right->provider && left->deterministic == right->deterministic &&
           !left->altered && !right->altered && same_locale(left->provider, left->locale, right->locale) &&
           same_locale(TEXT_ORDER_LIBC, left->ctype, right->ctype);
}

/* ---- one shard ---- */

static const struct text_order *give_up(struct catalog_collation *collation, const char *obstacle)
{
    collation->obstacle = obstacle;
    return NULL;
}

static const struct text_order *order_of(struct catalog *catalog, struct catalog_collation *collation)
{
    if (collation->by_bytes)
        return &text_order_bytes;
    if (!collation->deterministic)
        return give_up(collation, "it is not deterministic");
    if (!same_text(catalog->encoding, "UTF8"))
        return give_up(collation, "the encoding is not UTF8");
    if (collation->by_points)
        return &text_order_bytes;
    if (!collation->locale || collation->altered)
        return give_up(collation, "it has rules of its own");
    if (!collation->actual)
        return give_up(collation, "its version is not known");
    if (!same_text(collation->recorded, collation->actual))
        return give_up(collation, arena_printf(&catalog->arena, "it was made under version %s",
                                               collation->recorded ? collation->recorded : "?"));
    const struct text_order *order = text_order_find(collation->provider, collation->locale);
    if (!order)
        return give_up(collation, "Keyway's machine has no such locale");
    if (strcmp(text_order_version(order), collation->actual) != 0)
        return give_up(collation,
                       arena_printf(&catalog->arena, "Keyway has version %s", text_order_version(order)));
    return order;
}

void catalog_order_collations(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->collation_count; i++)
        catalog->collations[i].order = order_of(catalog, &catalog->collations[i]);
}

/* ---- all shards ---- */

static bool has_order(const struct catalog *other, const struct catalog_collation *home)
{
    if (!other)
        return home->by_bytes;
    const struct catalog_collation *found = catalog_collation(other, home->schema, home->name);
    return found && found->order == home->order;
}

/* The home shard sorts as another one does. */
static bool sorts_alike(const struct catalog *other, const struct catalog_collation *home)
{
    const struct catalog_collation *found = other ? catalog_collation(other, home->schema, home->name) : NULL;
    if (!found || !catalog_same_collation(found, home) || home->by_points != found->by_points)
        return false;
    bool told = home->by_points || home->actual;
    return home->by_bytes || (told && same_text(home->actual, found->actual) && same_text(home->recorded, home->actual) &&
                              same_text(found->recorded, found->actual));
}

static bool sorts_alike_everywhere(struct catalog *const *others, int count, const struct catalog_collation *home)
{
    for (int i = 0; i < count; i++)
        if (!sorts_alike(others[i], home))
            return false;
    return home != NULL;
}

/* The default collation, and those of columns: no expression has another without COLLATE. */
static bool all_sort_alike(const struct catalog *home, struct catalog *const *others, int count)
{
    const struct catalog_collation *alike = catalog_default_collation(home);
    if (!alike || !sorts_alike_everywhere(others, count, alike))
        return false;
    for (size_t i = 0; i < home->relation_count; i++)
        for (int c = 0; c < home->relations[i]->column_count; c++) {
            const struct catalog_collation *collation = home->relations[i]->columns[c].collation;
            if (!collation || collation == alike || collation->by_bytes)
                continue;
            if (!sorts_alike_everywhere(others, count, collation))
                return false;
            alike = collation;
        }
    return true;
}

bool catalog_collations_agree(const struct catalog *catalog)
{
    return catalog->collations_agree;
}

void catalog_note_other_collations(struct catalog *home, struct catalog *const *others, int count)
{
    home->collations_agree = all_sort_alike(home, others, count);
    for (size_t i = 0; i < home->collation_count; i++) {
        struct catalog_collation *collation = &home->collations[i];
        for (int other = 0; other < count && collation->order; other++)
            if (!has_order(others[other], collation))
                collation->order = NULL;
    }
}

const char *catalog_collation_text(const struct catalog_collation *collation, struct arena *arena)
{
    const char *locale = collation->locale ? collation->locale : "?";
    return arena_printf(arena, "%s%s", collation->provider == TEXT_ORDER_ICU ? "icu:" : "", locale);
}

const char *catalog_locale_difference(const struct catalog *home, const struct catalog *other,
                                      struct arena *arena)
{
    const struct catalog_collation *own = catalog_default_collation(home),
                                   *its = catalog_default_collation(other);
    if (!own || !its)
        return NULL;
    if (!same_text(home->encoding, other->encoding))
        return arena_printf(arena, "its database is encoded in %s, on the home shard in %s", other->encoding,
                            home->encoding);
    if (!catalog_same_collation(own, its))
        return arena_printf(arena, "its database has another default collation (%s, on the home shard %s)",
                            catalog_collation_text(its, arena), catalog_collation_text(own, arena));
    return NULL;
}
