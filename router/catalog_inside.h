/*
 * catalog_inside: what a snapshot is made of, for the builder that fills it and the look-ups that read it.
 */
#ifndef KEYWAY_CATALOG_INSIDE_H
#define KEYWAY_CATALOG_INSIDE_H

#include "router/catalog.h"
#include "router/catalog_names.h"

struct catalog_result {
    char kind; /* enum result_kind */
    const char *schema, *name, *text;
};

struct catalog {
    struct arena arena;                  /* holds everything below but the tables' slots */
    struct catalog_relation **relations; /* in the order of their rows: indexes last */
    size_t relation_count;
    size_t index_count;
    struct names by_name;   /* struct catalog_relation */
    struct names by_oid;    /* struct catalog_relation; while building */
    struct names functions; /* struct catalog_function */
    struct names schemas;   /* char */
    struct names results;   /* struct catalog_result */
    struct catalog_collation *collations;
    size_t collation_count;
    size_t found_collation; /* the one that was looked for last; while building */
    struct names domains;   /* while building */
    struct arena building;  /* holds the following; while building */
    struct function_source *sources;
    struct names sources_by_name;
    struct policy_source *policies;
    bool collations_agree; /* with those of all other shards */
    bool defers;           /* it has constraints that may be checked at COMMIT, or another shard has */
    const char *encoding; /* of the database; NULL: it was not told */
};

/* A domain is the type that it is made of wherever it meets an operator or a function. */
#define ABOVE                                                                                                \
    "WITH RECURSIVE above AS (SELECT oid, typbasetype AS base FROM pg_type WHERE typtype = 'd'"              \
    " UNION ALL SELECT a.oid, t.typbasetype FROM above a JOIN pg_type t ON t.oid = a.base WHERE t.typtype = 'd')"
/* One with a collation of its own is left out where nothing tells the collation of a value. */
#define BASES                                                                                                \
    ABOVE ", bases AS (SELECT a.oid, a.base FROM above a JOIN pg_type t ON t.oid = a.base JOIN pg_type d ON d.oid = a.oid"       \
    " WHERE t.typtype <> 'd' AND d.typcollation = t.typcollation) "

/* What catalog_build.c and catalog_functions.c share: the texts of queries, and what understands a row of each. */
extern const char catalog_functions_query[], catalog_bodies_query[], catalog_any_order_query[], catalog_query_functions_query[],
    catalog_parameters_query[];
bool catalog_add_function(struct catalog *catalog, const char *const *row);
bool catalog_add_body(struct catalog *catalog, const char *const *row);
bool catalog_add_any_order(struct catalog *catalog, const char *const *row);
bool catalog_add_query_function(struct catalog *catalog, const char *const *row);
bool catalog_add_parameter(struct catalog *catalog, const char *const *row);
/* A value in PostgreSQL's text form; false: it is none. */
bool catalog_is_true(const char *value);
bool catalog_read_number(const char *value, long long lowest, long long highest, long long *number);
bool catalog_read_oid(const char *value, uint32_t *oid);

/* How the collation orders texts, as far as this catalog alone tells. */
void catalog_order_collations(struct catalog *catalog);
/* What is left of it beside the others. */
void catalog_note_other_collations(struct catalog *home, struct catalog *const *others, int count);
bool catalog_same_collation(const struct catalog_collation *left, const struct catalog_collation *right);

#endif
