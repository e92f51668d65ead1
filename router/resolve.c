/*
 * resolve: which relation a name means, and where it lives.
 *
 * PostgreSQL looks an unqualified name up in pg_temp, pg_catalog and then along search_path.  The same is
 * done here over the catalog snapshot, with one addition: a configured table counts as being in its schema
 * even if the catalog lacks it, so that a statement about it is never taken for one about some other table.
 */
#include "router/planning.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Elements are unquoted and folded as PostgreSQL's SplitIdentifierString() does. */
static void read_quoted(struct resolve_path *path, char schema[NAMEDATALEN])
{
    size_t length = 0;
    const char *at = path->rest + 1;
    for (; *at && (*at != '"' || at[1] == '"'); at++) {
        at += *at == '"';
        if (length + 1 < NAMEDATALEN)
            schema[length++] = *at;
    }
    schema[length] = '\0';
    path->rest = *at ? at + 1 : at;
}

static void read_plain(struct resolve_path *path, char schema[NAMEDATALEN])
{
    size_t length = 0;
    const char *at = path->rest;
    for (; *at && *at != ',' && !isspace((unsigned char) *at); at++)
        if (length + 1 < NAMEDATALEN)
            schema[length++] = (char) tolower((unsigned char) *at);
    schema[length] = '\0';
    path->rest = at;
}

struct resolve_path resolve_path(const struct planning *planning)
{
    const char *path = planning->facts->search_path;
    return (struct resolve_path){path ? path : "\"$user\", public", planning->facts};
}

bool resolve_path_next(struct resolve_path *path, char schema[NAMEDATALEN])
{
    while (*path->rest == ',' || isspace((unsigned char) *path->rest))
        path->rest++;
    if (!*path->rest)
        return false;
    if (*path->rest == '"')
        read_quoted(path, schema);
    else
        read_plain(path, schema);
    if (!strcmp(schema, "$user"))
        snprintf(schema, NAMEDATALEN, "%s", path->facts->user ? path->facts->user : "");
    return true;
}

static bool is_catalog_schema(const char *schema)
{
    return !strcmp(schema, "pg_catalog") || !strcmp(schema, "information_schema") ||
           !strncmp(schema, "pg_toast", 8);
}

static bool is_temporary_schema(const char *schema)
{
    return !strncmp(schema, "pg_temp", 7);
}

static enum relation_place place_of(const struct resolved_relation *found)
{
    if (found->table)
        return found->table->keyspace ? PLACE_SHARDED : PLACE_REFERENCE;
    if (!found->relation)
        return PLACE_UNKNOWN;
    return found->relation->kind == RELATION_VIEW ? PLACE_VIEW : PLACE_UNSHARDED;
}

/* A table that does not fit its configuration is planned for as one that does not exist, and then the statement is refused. */
static void note_unusable(const struct planning *planning, struct resolved_relation *found)
{
    const struct error *obstacle = routing_obstacle(planning->routing, found->relation);
    if (!obstacle)
        return;
    if (!planning->unusable->name)
        *planning->unusable = (struct unusable_name){found->relation->name, obstacle};
    if (found->table)
        found->relation = found->table->relation;
}

/* A partition or child of a configured table counts as unsharded here; analysis looks for its owner. */
static bool find_in_schema(const struct planning *planning, const char *schema, const char *name,
                           struct resolved_relation *found)
{
    const struct routing *routing = planning->routing;
    found->table = routing_table(routing, schema, name);
    found->relation = catalog_relation(routing->catalog, schema, name);
    if (!found->table && !found->relation)
        return false;
    note_unusable(planning, found);
    found->schema = found->table ? found->table->settings->schema : found->relation->schema;
    found->place = place_of(found);
    return true;
}

static struct resolved_relation resolve_qualified(const struct planning *planning, const RangeVar *range)
{
    struct resolved_relation found = {.name = range->relname, .schema = range->schemaname};
    if (is_catalog_schema(range->schemaname))
        found.place = PLACE_CATALOG;
    else if (is_temporary_schema(range->schemaname))
        found.place = PLACE_TEMPORARY;
    else if (!find_in_schema(planning, range->schemaname, range->relname, &found))
        found.place = PLACE_UNKNOWN;
    return found;
}

struct resolved_relation resolve_relation(const struct planning *planning, const RangeVar *range)
{
    if (range->schemaname)
        return resolve_qualified(planning, range);
    struct resolved_relation found = {.name = range->relname};
    struct resolve_path path = resolve_path(planning);
    char schema[NAMEDATALEN];
    while (resolve_path_next(&path, schema))
        if (find_in_schema(planning, schema, range->relname, &found))
            return found;
    found.place = strncmp(range->relname, "pg_", 3) ? PLACE_UNKNOWN : PLACE_CATALOG;
    return found;
}

bool resolve_creation_schema(const struct planning *planning, char schema[NAMEDATALEN])
{
    struct resolve_path path = resolve_path(planning);
    while (resolve_path_next(&path, schema))
        if (is_catalog_schema(schema) || catalog_has_schema(planning->routing->catalog, schema))
            return true;
    return false;
}
