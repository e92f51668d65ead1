/*
 * catalog: what the router must know of the tables, read from the shards.
 *
 * A snapshot is immutable.  It is built from rows of a few queries over pg_catalog that the caller runs (the
 * router has no sockets); the queries stand here beside the code that understands their rows.  The home
 * shard's (the database's first shard's) catalog is the one that plans are made from; the others' are
 * compared with it.
 */
#ifndef KEYWAY_CATALOG_H
#define KEYWAY_CATALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "router/error.h"

struct catalog;

enum column_default {
    DEFAULT_NONE,
    DEFAULT_CONSTANT,
    DEFAULT_EXPRESSION,
    DEFAULT_SEQUENCE,
    DEFAULT_GENERATED
};

struct catalog_column {
    const char *name;
    uint32_t type; /* pg_type OID */
    int32_t typmod;
    const char *
        type_name; /* as format_type() writes it: the same on every shard, which OIDs of user types are not */
    bool not_null;
    bool collatable;
    bool collation_is_bytes; /* C or POSIX */
    bool collation_deterministic;
    enum column_default standard; /* how it gets a value when an INSERT names none */
    bool always_identity;         /* GENERATED ALWAYS AS IDENTITY */
    const char *default_text;     /* its expression, names qualified; NULL: none */
};

struct catalog_unique { /* a primary key or unique index that is immediate, valid, without predicate or
                           expressions */
    const char *name;
    bool primary;
    int *columns; /* 0-based */
    int column_count;
};

enum relation_kind {
    RELATION_TABLE, /* also partitioned */
    RELATION_VIEW,
    RELATION_MATERIALIZED_VIEW,
    RELATION_FOREIGN,
    RELATION_SEQUENCE,
    RELATION_OTHER, /* an index */
};

struct catalog_relation {
    const char *schema, *name;
    uint32_t oid;
    enum relation_kind kind;
    struct catalog_column *columns; /* in attnum order, dropped ones left out */
    int column_count;
    struct catalog_unique *uniques;
    int unique_count;
    bool has_triggers; /* user triggers, enabled */
    bool has_rules;    /* rules other than a view's _RETURN */
    bool row_security;
    bool has_children;                       /* inherited from, or partitioned */
    bool has_parents;                        /* inherits, or is a partition */
    const struct catalog_relation **parents; /* of those: the ones known here */
    int parent_count;
    const struct catalog_relation
        *table;             /* of an index, and of a sequence that belongs to a column: the table */
    bool on_every_shard;    /* each other shard has one of this name, too; known once the routing is built */
    const char *definition; /* of a view: pg_get_viewdef with an empty search_path, else NULL */
};

/* All functions of one name (or the users' operators, or casts, which are named "::type"): what the worst of
 * them may do. */
struct catalog_function {
    const char *schema, *name;
    char volatility; /* worst of 'i', 's', 'v' */
    bool builtin; /* all of them come with PostgreSQL, are written in C, internal or SQL (which reads the
                     catalog at most), and none runs a query that it is given (query_to_xml, ts_stat, …) */
    bool aggregate, window, returns_set; /* any of them */
    bool takes_builtin; /* one of them takes nothing but types that come with PostgreSQL */
};

/* The queries to run, in this order, each over one shard in one REPEATABLE READ READ ONLY transaction with
 * search_path = pg_catalog.  The list ends with a NULL. */
extern const char *const catalog_queries[];

struct catalog_builder;
struct catalog_builder *catalog_builder_new(void);
/* One row of catalog_queries[query]; values are text, NULL for SQL NULL. */
bool catalog_add_row(struct catalog_builder *builder, int query, const char *const *values, int count,
                     struct error *error);
/* The snapshot; the builder is gone either way. */
struct catalog *catalog_finish(struct catalog_builder *builder);
void catalog_builder_abandon(struct catalog_builder *builder);
void catalog_free(struct catalog *catalog);

const struct catalog_relation *catalog_relation(const struct catalog *catalog, const char *schema,
                                                const char *name);
const struct catalog_function *catalog_function(const struct catalog *catalog, const char *schema,
                                                const char *name);
bool catalog_has_schema(const struct catalog *catalog, const char *schema);
/* The relation's column by name: 0-based position, or -1. */
int catalog_column(const struct catalog_relation *relation, const char *name);
/* All relations but indexes, for SHOW TABLES, by schema and name: NULL past the end. */
const struct catalog_relation *catalog_relation_at(const struct catalog *catalog, size_t i);

/* Fill in on_every_shard: `others` are the other shards' catalogs; one that is NULL (unknown) is taken to
 * have everything. */
void catalog_note_others(struct catalog *home, struct catalog *const *others, int count);

/* What differs between two shards' versions of one relation (columns, types, collations), as a sentence in
 * `arena`; NULL when nothing that matters does.  Either may be NULL: missing there. */
const char *catalog_difference(const struct catalog_relation *home, const struct catalog_relation *other,
                               struct arena *arena);

#endif
