/*
 * routing: everything that decides where a database's statements go, as one immutable snapshot.
 *
 * Settings, keyspaces and catalog belong together: a plan made under one snapshot is good under that snapshot only.  A reload
 * or a change of the schema makes a new one with a new version; plan caches notice and start afresh.
 */
#ifndef KEYWAY_ROUTING_H
#define KEYWAY_ROUTING_H

#include <stdatomic.h>
#include <stdint.h>

#include "config/settings.h"
#include "router/catalog.h"
#include "router/error.h"
#include "router/keyspace.h"

/* A configured table, joined with what the catalog says of it. */
struct routed_table {
    const struct table_settings *settings;
    const struct keyspace *keyspace;          /* NULL for a reference table */
    const struct catalog_relation *relation;  /* NULL when the home shard has no such table */
    int *key_columns;                         /* positions in relation, one per key column; NULL without relation */
    const struct error *obstacle; /* the table does not fit its configuration, and has no relation here; NULL: it does, or does not exist yet */
    const char *problem; /* why statements that touch more than one shard of it are refused (shards differ …), or NULL */
};

/* How a shard's database orders texts, for SHOW SHARDS. */
struct shard_locale {
    const char *collation; /* the default one: "en_US.UTF-8", "icu:en-US"; NULL: not known */
    const char *version;   /* of its library; NULL: none or not known */
    const char *obstacle;  /* why Keyway does not order by it, or NULL */
};

/* A relation that nothing may be asked of: a table that does not fit its configuration, and those that it inherits from and that inherit from it. */
struct unusable_relation {
    const struct catalog_relation *relation;
    const struct error *obstacle;
};

struct routing {
    _Atomic unsigned references;
    uint64_t version;               /* never reused in one process */
    struct arena arena;
    struct settings *snapshot;      /* held */
    const struct database_settings *settings;
    struct keyspace **keyspaces;    /* parallel to settings->keyspaces; owned */
    struct catalog *catalog;        /* the home shard's; owned */
    struct routed_table *tables;    /* parallel to settings->tables */
    const struct routed_table **by_name; /* the same, by schema and name */
    struct routed_table *parts; /* partitions and children that are not configured, of tables that are: as if they were, for reads */
    size_t part_count;
    struct unusable_relation *unusable; /* by relation */
    size_t unusable_count;
    struct shard_locale *locales;        /* parallel to settings->shards */
};

/*
 * Join settings, keyspaces and catalogs.  catalogs[i] is shard i's (NULL: unknown, not compared); [0], the home shard's, must be there.  Takes over
 * the catalogs, also when it fails (all but the home shard's are freed).  A table whose key column is missing, of a wrong type or of a nondeterministic
 * collation gets an obstacle; a keyspace that is not valid makes it fail.
 */
struct routing *routing_build(struct settings *snapshot, const struct database_settings *database,
                              struct catalog **catalogs, struct error *error);
struct routing *routing_hold(struct routing *routing);
void routing_release(struct routing *routing); /* NULL is fine */

/* What the first table that has an obstacle says of it; NULL: all tables fit. */
const struct error *routing_first_obstacle(const struct routing *routing);
/* Why nothing may be asked of the relation (NULL is fine), or NULL. */
const struct error *routing_obstacle(const struct routing *routing, const struct catalog_relation *relation);

/* The configured table of that name, or NULL. */
const struct routed_table *routing_table(const struct routing *routing, const char *schema, const char *name);

/*
 * The configured table that a relation of the catalog is a part of: itself, or, of a partition or child table, an index, or a
 * sequence that belongs to a column, the table above it.  NULL when there is none: it lives on the home shard.
 */
const struct routed_table *routing_owner(const struct routing *routing, const struct catalog_relation *relation);

/* A partition or child that is not configured itself is spread as the table above it is: under its own name, with that table's key.
 * NULL: the relation is none. */
const struct routed_table *routing_part(const struct routing *routing, const struct catalog_relation *relation);

/* Does the database need a parser at all?  (More than one shard, or any table in a keyspace.) */
static inline bool routing_is_sharded(const struct routing *routing)
{
    return routing->settings->shard_count > 1 || routing->settings->table_count > 0;
}

/* Check every keyspace of every database: what `keyway --check` does behind settings_load(). */
bool routing_check(const struct settings *settings, struct diagnostics *diagnostics);

#endif
