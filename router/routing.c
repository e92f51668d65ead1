/*
 * routing: settings, keyspaces and catalogs joined into one snapshot, and checked against each other.
 *
 * What would make every plan for a table wrong (a key column that is not there, that cannot hold the
 * keyspace's keys, or whose collation calls different texts equal) is the table's `obstacle`: no statement
 * may read or change it, nor any table that shares rows with it.  What is wrong only when several shards are
 * asked at once (they differ) is kept as its `problem`.  A configured table that does not exist yet has
 * neither: it may be created through Keyway.
 */
#include "router/routing.h"

#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t last_version;

static int compare_names(const char *left_schema, const char *left_name, const struct table_settings *right)
{
    int order = strcmp(left_name, right->name);
    return order ? order : strcmp(left_schema, right->schema);
}

static int compare_tables(const void *left, const void *right)
{
    const struct table_settings *settings = (*(const struct routed_table *const *) left)->settings;
    return compare_names(settings->schema, settings->name,
                         (*(const struct routed_table *const *) right)->settings);
}

const struct routed_table *routing_table(const struct routing *routing, const char *schema, const char *name)
{
    size_t low = 0, high = routing->settings->table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_names(schema, name, routing->by_name[middle]->settings);
        if (!order)
            return routing->by_name[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* The depth ends a loop that a damaged catalog could contain. */
static const struct routed_table *owner_above(const struct routing *routing,
                                              const struct catalog_relation *relation, int depth)
{
    const struct routed_table *table = routing_table(routing, relation->schema, relation->name);
    if (table || depth > 32)
        return table;
    if (relation->table)
        return owner_above(routing, relation->table, depth + 1);
    for (int i = 0; i < relation->parent_count && !table; i++)
        table = owner_above(routing, relation->parents[i], depth + 1);
    return table;
}

const struct routed_table *routing_owner(const struct routing *routing,
                                         const struct catalog_relation *relation)
{
    return owner_above(routing, relation, 0);
}

static int compare_parts(const void *left, const void *right)
{
    const struct catalog_relation *one = ((const struct routed_table *) left)->relation;
    const struct catalog_relation *other = ((const struct routed_table *) right)->relation;
    return (one > other) - (one < other);
}

const struct routed_table *routing_part(const struct routing *routing, const struct catalog_relation *relation)
{
    const struct routed_table wanted = {.relation = relation};
    return routing->part_count
               ? bsearch(&wanted, routing->parts, routing->part_count, sizeof wanted, compare_parts)
               : NULL;
}

static bool fail(struct error *error, const struct table_settings *table, const char *what, const char *hint)
{
    error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "table \"%s.%s\" of the configuration %s",
              table->schema, table->name, what);
    error_hint(error, "%s", hint);
    return false;
}

static bool fail_column(struct error *error, const struct table_settings *table, const char *column,
                        const char *what, const char *hint)
{
    error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "key column \"%s\" of table \"%s.%s\" %s", column,
              table->schema, table->name, what);
    error_hint(error, "%s", hint);
    return false;
}

static bool is_integer(enum key_type type)
{
    return type == KEY_SMALLINT || type == KEY_INTEGER || type == KEY_BIGINT;
}

/* The integer types order and hash their values alike, so one keyspace may serve columns of all of them. */
static bool same_family(enum key_type left, enum key_type right)
{
    return left == right || (is_integer(left) && is_integer(right));
}

static bool check_key_column(const struct routed_table *table, int i, struct error *error)
{
    const char *name = table->settings->key[i];
    int position = catalog_column(table->relation, name);
    if (position < 0)
        return fail_column(error, table->settings, name, "does not exist on the home shard",
                           "Correct the table's key in the configuration.");
    const struct catalog_column *column = &table->relation->columns[position];
    enum key_type type;
    if (!key_type_of_oid(column->type, &type) || !same_family(type, keyspace_type(table->keyspace, i))) {
        fail_column(error, table->settings, name, "is not of its keyspace's type",
                    "Give the table a keyspace of the column's type.");
        error_detail(error, "The column's type is %s, that of keyspace \"%s\" is %s.", column->type_name,
                     keyspace_name(table->keyspace), key_type_name(keyspace_type(table->keyspace, i)));
        return false;
    }
    if (column->collatable && !column->collation_deterministic)
        return fail_column(error, table->settings, name, "has a nondeterministic collation",
                           "Use a deterministic collation for the column: equal keys must be equal bytes.");
    table->key_columns[i] = position;
    return true;
}

static bool check_key(struct routing *routing, struct routed_table *table, struct error *error)
{
    size_t count = table->settings->key_count;
    if (count != (size_t) keyspace_columns(table->keyspace))
        return fail(error, table->settings, "has another number of key columns than its keyspace",
                    "Name as many columns as the keyspace has types.");
    table->key_columns = arena_alloc_array(&routing->arena, count, sizeof *table->key_columns);
    for (size_t i = 0; i < count; i++)
        if (!check_key_column(table, (int) i, error))
            return false;
    return true;
}

static bool same_key(const struct table_settings *left, const struct table_settings *right)
{
    if (left->reference || right->reference)
        return left->reference == right->reference;
    if (left->keyspace != right->keyspace || left->key_count != right->key_count)
        return false;
    for (size_t i = 0; i < left->key_count; i++)
        if (strcmp(left->key[i], right->key[i]))
            return false;
    return true;
}

/* Reading a parent reads its children: they must be spread over the shards in the same way. */
static bool check_parents(const struct routing *routing, const struct routed_table *table,
                          struct error *error)
{
    for (int i = 0; i < table->relation->parent_count; i++) {
        const struct catalog_relation *parent = table->relation->parents[i];
        const struct routed_table *above = routing_table(routing, parent->schema, parent->name);
        if (above && same_key(above->settings, table->settings))
            continue;
        fail(error, table->settings, "is a partition or child of a table that is not spread in the same way",
             "Configure the parent table with the same keyspace and key, or only the parent.");
        error_detail(error, "Its parent is \"%s.%s\".", parent->schema, parent->name);
        return false;
    }
    return true;
}

static bool check_table(struct routing *routing, struct routed_table *table, struct error *error)
{
    if (!table->relation)
        return true;
    if (table->relation->kind != RELATION_TABLE)
        return fail(error, table->settings, "is not a table",
                    "Only tables and partitioned tables can be configured.");
    if (!check_parents(routing, table, error))
        return false;
    return table->settings->reference || check_key(routing, table, error);
}

/* ---- tables that do not fit ---- */

static const struct error *keep_error(struct routing *routing, struct error *error)
{
    struct error *kept = arena_alloc(&routing->arena, sizeof *kept);
    memcpy(kept->sqlstate, error->sqlstate, sizeof kept->sqlstate);
    kept->message = arena_strdup(&routing->arena, error->message);
    kept->detail = arena_strdup(&routing->arena, error->detail);
    kept->hint = arena_strdup(&routing->arena, error->hint);
    error_clear(error);
    return kept;
}

static int compare_unusable(const void *left, const void *right)
{
    const struct catalog_relation *one = ((const struct unusable_relation *) left)->relation;
    const struct catalog_relation *other = ((const struct unusable_relation *) right)->relation;
    return (one > other) - (one < other);
}

/* Its own obstacle, or that of the nearest table above it; the depth ends a loop that a damaged catalog could contain. */
static const struct error *obstacle_above(const struct routing *routing, const struct catalog_relation *relation, int depth)
{
    const struct routed_table *table = routing_table(routing, relation->schema, relation->name);
    const struct error *obstacle = table ? table->obstacle : NULL;
    for (int i = 0; i < relation->parent_count && !obstacle && depth < 32; i++)
        obstacle = obstacle_above(routing, relation->parents[i], depth + 1);
    return obstacle;
}

static bool is_above(const struct catalog_relation *relation, const struct catalog_relation *above, int depth)
{
    bool found = relation == above;
    for (int i = 0; i < relation->parent_count && !found && depth < 32; i++)
        found = is_above(relation->parents[i], above, depth + 1);
    return found;
}

static const struct error *obstacle_below(const struct routing *routing, const struct catalog_relation *relation)
{
    for (size_t i = 0; i < routing->settings->table_count; i++) {
        const struct routed_table *table = &routing->tables[i];
        if (table->obstacle &&
            is_above(catalog_relation(routing->catalog, table->settings->schema, table->settings->name), relation, 0))
            return table->obstacle;
    }
    return NULL;
}

static void find_unusable(struct routing *routing)
{
    const struct catalog_relation *relation;
    size_t count = 0;
    if (!routing_first_obstacle(routing))
        return;
    while (catalog_relation_at(routing->catalog, count))
        count++;
    routing->unusable = arena_alloc_array(&routing->arena, count, sizeof *routing->unusable);
    for (size_t i = 0; (relation = catalog_relation_at(routing->catalog, i)); i++) {
        const struct error *obstacle = obstacle_above(routing, relation, 0);
        if (!obstacle)
            obstacle = obstacle_below(routing, relation);
        if (obstacle)
            routing->unusable[routing->unusable_count++] = (struct unusable_relation){relation, obstacle};
    }
    qsort(routing->unusable, routing->unusable_count, sizeof *routing->unusable, compare_unusable);
}

const struct error *routing_first_obstacle(const struct routing *routing)
{
    for (size_t i = 0; i < routing->settings->table_count; i++)
        if (routing->tables[i].obstacle)
            return routing->tables[i].obstacle;
    return NULL;
}

const struct error *routing_obstacle(const struct routing *routing, const struct catalog_relation *relation)
{
    if (!routing->unusable_count || !relation)
        return NULL;
    const struct unusable_relation *found = bsearch(&(struct unusable_relation){.relation = relation}, routing->unusable,
                                                    routing->unusable_count, sizeof *routing->unusable, compare_unusable);
    return found ? found->obstacle : NULL;
}

/* ---- tables and their parts ---- */

/* How the shards differ in one table, or NULL. */
static const char *find_problem(struct routing *routing, const struct routed_table *table,
                                struct catalog **catalogs)
{
    for (size_t shard = 1; shard < routing->settings->shard_count; shard++) {
        if (!catalogs[shard])
            continue;
        const struct catalog_relation *other =
            catalog_relation(catalogs[shard], table->settings->schema, table->settings->name);
        const char *difference =
            catalog_locale_difference(routing->catalog, catalogs[shard], &routing->arena);
        if (!difference)
            difference = catalog_difference(table->relation, other, &routing->arena);
        if (difference)
            return arena_printf(&routing->arena, "shard \"%s\" differs in table \"%s.%s\": %s",
                                routing->snapshot->shards[routing->settings->shards[shard]].name,
                                table->settings->schema, table->settings->name, difference);
    }
    return NULL;
}

/* The table whose rows the relation holds a part of; NULL: it is none, or it is configured itself, or a part of others, too. */
static const struct routed_table *table_of_part(const struct routing *routing, const struct catalog_relation *relation)
{
    if (!relation->has_parents || relation->kind != RELATION_TABLE ||
        routing_table(routing, relation->schema, relation->name))
        return NULL;
    for (const struct catalog_relation *above = relation; above; above = above->parents ? above->parents[0] : NULL)
        if (above->parent_count > 1)
            return NULL;
    return routing_owner(routing, relation);
}

/* False: it lacks a column of the key. */
static bool make_part(struct routing *routing, const struct catalog_relation *relation,
                      const struct routed_table *table, struct routed_table *part)
{
    struct table_settings *settings = arena_memdup(&routing->arena, table->settings, sizeof *settings);
    settings->schema = relation->schema;
    settings->name = relation->name;
    *part = (struct routed_table){.settings = settings, .keyspace = table->keyspace, .relation = relation};
    part->key_columns = arena_alloc_array(&routing->arena, settings->key_count, sizeof *part->key_columns);
    for (size_t k = 0; k < settings->key_count; k++) {
        part->key_columns[k] = catalog_column(relation, settings->key[k]);
        if (part->key_columns[k] < 0)
            return false;
    }
    return true;
}

static void join_parts(struct routing *routing, struct catalog **catalogs)
{
    size_t count = 0;
    const struct catalog_relation *relation;
    for (size_t i = 0; (relation = catalog_relation_at(routing->catalog, i)); i++)
        count += table_of_part(routing, relation) != NULL;
    routing->parts = arena_alloc_array(&routing->arena, count, sizeof *routing->parts);
    for (size_t i = 0; (relation = catalog_relation_at(routing->catalog, i)); i++) {
        const struct routed_table *table = table_of_part(routing, relation);
        struct routed_table *part = &routing->parts[routing->part_count];
        if (!table || routing_obstacle(routing, relation) || !make_part(routing, relation, table, part))
            continue;
        part->problem = table->problem ? table->problem : find_problem(routing, part, catalogs);
        routing->part_count++;
    }
    if (routing->part_count)
        qsort(routing->parts, routing->part_count, sizeof *routing->parts, compare_parts);
}

static bool join_keyspaces(struct routing *routing, struct error *error)
{
    size_t count = routing->settings->keyspace_count;
    routing->keyspaces = arena_alloc_array(&routing->arena, count, sizeof(struct keyspace *));
    struct diagnostics diagnostics = {0};
    for (size_t i = 0; i < count && !diagnostics.count; i++)
        routing->keyspaces[i] = keyspace_build(routing->snapshot, routing->settings,
                                               &routing->settings->keyspaces[i], &diagnostics);
    bool built = !diagnostics.count;
    if (!built) {
        error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "a keyspace of database \"%s\" is not valid",
                  routing->settings->name);
        error_detail(error, "%s:%d: %s", diagnostics.entries[0].file, diagnostics.entries[0].line,
                     diagnostics.entries[0].text);
    }
    diagnostics_free(&diagnostics);
    return built;
}

/* All tables are named before any is checked: a check looks at the table's parents, too. */
static void join_tables(struct routing *routing, struct catalog **catalogs)
{
    struct error error = {0};
    size_t count = routing->settings->table_count;
    routing->tables = arena_alloc_array(&routing->arena, count, sizeof *routing->tables);
    routing->by_name = arena_alloc_array(&routing->arena, count, sizeof(struct routed_table *));
    for (size_t i = 0; i < count; i++) {
        struct routed_table *table = &routing->tables[i];
        table->settings = &routing->settings->tables[i];
        table->keyspace = table->settings->reference ? NULL : routing->keyspaces[table->settings->keyspace];
        table->relation = catalog_relation(routing->catalog, table->settings->schema, table->settings->name);
        routing->by_name[i] = table;
    }
    if (count)
        qsort(routing->by_name, count, sizeof *routing->by_name, compare_tables);
    for (size_t i = 0; i < count; i++) {
        struct routed_table *table = &routing->tables[i];
        if (check_table(routing, table, &error)) {
            table->problem = find_problem(routing, table, catalogs);
            continue;
        }
        table->obstacle = keep_error(routing, &error);
        table->relation = NULL;
        table->key_columns = NULL;
    }
    find_unusable(routing);
}

/* Behind catalog_note_others(): what one shard lacks no shard has. */
static void tell_locales(struct routing *routing, struct catalog **catalogs)
{
    const struct catalog_collation *home = catalog_default_collation(routing->catalog);
    for (size_t shard = 0; shard < routing->settings->shard_count; shard++) {
        struct shard_locale *locale = &routing->locales[shard];
        const struct catalog_collation *own =
            catalogs[shard] ? catalog_default_collation(catalogs[shard]) : NULL;
        if (!own)
            continue;
        locale->collation = catalog_collation_text(own, &routing->arena);
        locale->version = arena_strdup(&routing->arena, own->actual);
        locale->obstacle = arena_strdup(&routing->arena, own->obstacle);
        if (!locale->obstacle && home && !home->order)
            locale->obstacle = "it is not so on all shards";
    }
}

struct routing *routing_build(struct settings *snapshot, const struct database_settings *database,
                              struct catalog **catalogs, struct error *error)
{
    struct routing *routing = memory_alloc(sizeof *routing);
    routing->references = 1;
    routing->version = ++last_version;
    routing->snapshot = settings_hold(snapshot);
    routing->settings = database;
    routing->catalog = catalogs[0];
    bool joined = join_keyspaces(routing, error);
    if (joined) {
        join_tables(routing, catalogs);
        join_parts(routing, catalogs);
    }
    catalog_note_others(routing->catalog, catalogs + 1, (int) database->shard_count - 1);
    routing->locales = arena_alloc_array(&routing->arena, database->shard_count, sizeof *routing->locales);
    tell_locales(routing, catalogs);
    for (size_t shard = 1; shard < database->shard_count; shard++)
        catalog_free(catalogs[shard]);
    if (joined)
        return routing;
    routing_release(routing);
    return NULL;
}

struct routing *routing_hold(struct routing *routing)
{
    routing->references++;
    return routing;
}

void routing_release(struct routing *routing)
{
    if (!routing || --routing->references)
        return;
    for (size_t i = 0; i < routing->settings->keyspace_count; i++)
        keyspace_free(routing->keyspaces[i]);
    catalog_free(routing->catalog);
    settings_release(routing->snapshot);
    arena_free(&routing->arena);
    free(routing);
}

bool routing_check(const struct settings *settings, struct diagnostics *diagnostics)
{
    size_t before = diagnostics->count;
    for (size_t i = 0; i < settings->database_count; i++) {
        const struct database_settings *database = &settings->databases[i];
        for (size_t k = 0; k < database->keyspace_count; k++)
            keyspace_free(keyspace_build(settings, database, &database->keyspaces[k], diagnostics));
    }
    return diagnostics->count == before;
}
