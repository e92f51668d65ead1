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
    bool collations_agree; /* with those of all other shards */
    const char *encoding; /* of the database; NULL: it was not told */
};

/* How the collation orders texts, as far as this catalog alone tells. */
void catalog_order_collations(struct catalog *catalog);
/* What is left of it beside the others. */
void catalog_note_other_collations(struct catalog *home, struct catalog *const *others, int count);
bool catalog_same_collation(const struct catalog_collation *left, const struct catalog_collation *right);

#endif
