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
#include "router/text_order.h"

struct catalog;

enum column_default {
    DEFAULT_NONE,
    DEFAULT_CONSTANT,
    DEFAULT_EXPRESSION,
    DEFAULT_SEQUENCE,
    DEFAULT_GENERATED
};

struct catalog_collation {
    const char *schema, *name;
    uint32_t oid;
    char provider;      /* 'c': the C library, 'i': ICU; others are not followed */
    const char *locale; /* the provider's name for it; NULL: none that is known */
    const char *ctype;  /* what upper and lower case follow */
    bool deterministic;
    const char *recorded, *actual; /* the library's version: when it was made, and now; NULL: not known */
    bool altered;                  /* by rules of its own */
    bool by_points; /* the shard was asked: single characters are in the order of their code points */
    bool by_bytes;  /* C, POSIX */
    const struct text_order *order; /* on this shard; once the routing is built, on all */
    const char *obstacle;           /* why there is none on this shard */
};

struct catalog_column {
    const char *name;
    int number;    /* as pg_attribute has it: dropped columns keep theirs */
    uint32_t type; /* pg_type OID */
    int32_t typmod;
    uint32_t base; /* … or, of a domain, that of the type that it is made of */
    bool enumeration; /* that one is an enum */
    bool in_c;        /* … or somebody's own in C: citext, hstore, vector */
    const char *
        type_name; /* as format_type() writes it: the same on every shard, which OIDs of user types are not */
    const char *modified_name; /* … with what typmod says: "numeric(10,2)"; NULL: it says nothing */
    bool not_null;
    bool collatable;
    bool collation_is_own;   /* another than its type's */
    bool collation_is_bytes; /* C or POSIX */
    bool collation_deterministic;
    const struct catalog_collation *collation; /* NULL: of no text, or it was not told */
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
    bool has_triggers; /* user triggers, enabled, also of partitions and children … */
    bool has_truncate_triggers; /* … TRUNCATE is among what fires them */
    bool referring_triggers;    /* it has none, but tables have that refer to it by foreign keys with an action */
    const char *trigger_text;   /* of the functions of them all; NULL: there are none, or none that could be read */
    bool has_rules;    /* rules other than a view's _RETURN */
    bool references_itself; /* a foreign key of it, or of a part of it, may ask for rows of its own */
    bool row_security;
    bool policies_are_local; /* … and its policies read no tables */
    const char *policies;    /* what they say; NULL: there are none */
    bool has_children;                       /* inherited from, or partitioned */
    bool has_parents;                        /* inherits, or is a partition */
    const struct catalog_relation **parents; /* of those: the ones known here */
    int parent_count;
    const struct catalog_relation
        *table;             /* of an index, and of a sequence that belongs to a column: the table */
    bool on_every_shard;    /* each other shard has one of this name, too; known once the routing is built */
    const char *definition; /* of a view: pg_get_viewdef with an empty search_path, else NULL */
};

/* What the result of a function depends on, the best first. */
enum function_class {
    FUNCTION_SAFE,     /* the same everywhere, given the same session settings */
    FUNCTION_CLOCK,    /* stable, but each shard has its own clock: now() */
    FUNCTION_VOLATILE, /* another result at each call: random() */
    FUNCTION_HOME,     /* depends on the server, its catalog or its sequences: home shard */
    FUNCTION_LOCK,     /* advisory locks: home shard */
    FUNCTION_SETTING,  /* changes the session of one server only: set_config(), setseed() */
    FUNCTION_UNKNOWN,  /* not in the catalog */
    FUNCTION_READER,   /* may read tables behind the router's back */
};

/* What a function in SQL takes, or a column (or the value) that it gives. */
struct query_parameter {
    const char *name;    /* NULL: none */
    uint32_t type, base; /* pg_type OID; of a domain also that of the type that it is made of */
    int32_t typmod;
    const char *type_name; /* with it, as format_type() writes it */
    const char *standard;  /* its default, names qualified; NULL: none */
    uint32_t relation;     /* pg_class OID of the table whose row it is; 0: it is no row */
};

/* A function in SQL that stands for nothing but its text. */
struct query_function {
    const char *text; /* $1 is written "$1" */
    bool strict, returns_set, takes_row;
    struct query_parameter *arguments, *results;
    int argument_count, result_count;
};

/* All functions of one name (or the users' operators, or casts, which are named "::type"): what the worst of
 * them may do. */
struct catalog_function {
    const char *schema, *name;
    enum function_class class;
    bool aggregate, window, returns_set; /* any of them */
    bool any_order;                      /* they are users' aggregates that take rows in any order */
    bool takes_builtin;                  /* one of them takes nothing but types that come with PostgreSQL */
    const struct query_function *query;  /* the only one of the name is a query; NULL: nothing like that is known */
};

/* What is known of types. */
enum result_kind {
    RESULT_FUNCTION = 'f', /* what all functions of one name take and give: "23,23>23 ?>25" (?: not in any usual way) */
    RESULT_OPERATOR = 'o', /* the same of operators; a prefix operator's left argument is 0 */
    RESULT_TYPE = 't',     /* the type's own OID; a domain's is that of the type that it is made of */
    RESULT_CONVERSION = 'c', /* without a name: " 23>20  23>1700 …", the casts that PostgreSQL makes without being asked; under the
                              * name "text", " 16400 …", the types that users' functions make of texts */
};

/* The queries to run, in this order, each over one shard in one REPEATABLE READ READ ONLY transaction with
 * search_path = pg_catalog.  The list ends with a NULL. */
extern const char *const catalog_queries[];
/* The first PostgreSQL that understands the query, as libpq numbers them; 0: any. */
int catalog_query_since(int query);

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
const char *catalog_results(const struct catalog *catalog, enum result_kind kind, const char *schema, const char *name);
/* The collation of that name; NULL if there is none, or none that columns of the database have and that may
 * be told apart. */
const struct catalog_collation *catalog_collation(const struct catalog *catalog, const char *schema,
                                                  const char *name);
/* The database's own; NULL if it was not told. */
const struct catalog_collation *catalog_default_collation(const struct catalog *catalog);
/* Do all shards sort texts by the same libraries in the same versions, whichever collation is asked for?  (Once the routing is built.) */
bool catalog_collations_agree(const struct catalog *catalog);
/* "en_US.UTF-8", "icu:en-US". */
const char *catalog_collation_text(const struct catalog_collation *collation, struct arena *arena);
/* How texts of the column are ordered on all shards, where Keyway can do the same; NULL elsewhere. */
const struct text_order *catalog_column_order(const struct catalog_column *column);
/* May a constraint be checked as late as at COMMIT, on any shard?  (Once the routing is built.) */
bool catalog_defers(const struct catalog *catalog);
bool catalog_has_schema(const struct catalog *catalog, const char *schema);
/* The relation's column by name: 0-based position, or -1. */
int catalog_column(const struct catalog_relation *relation, const char *name);
/* All relations but indexes, for SHOW TABLES, by schema and name: NULL past the end. */
const struct catalog_relation *catalog_relation_at(const struct catalog *catalog, size_t i);

/* Fill in on_every_shard and the orders of collations: `others` are the other shards' catalogs; one that is
 * NULL (unknown) is taken to have everything, but not another shard's order of texts, unless that is the
 * order of bytes. */
void catalog_note_others(struct catalog *home, struct catalog *const *others, int count);

/* What differs between two shards' versions of one relation (columns, types, collations), as a sentence in
 * `arena`; NULL when nothing that matters does.  Either may be NULL: missing there. */
/* The same of the databases as a whole: encoding and default collation. */
const char *catalog_locale_difference(const struct catalog *home, const struct catalog *other,
                                      struct arena *arena);
const char *catalog_difference(const struct catalog_relation *home, const struct catalog_relation *other,
                               struct arena *arena);

#endif
