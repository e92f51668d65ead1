/*
 * catalog_inside: what a snapshot is made of, for the builder that fills it and the look-ups that read it.
 */
#ifndef KEYWAY_CATALOG_INSIDE_H
#define KEYWAY_CATALOG_INSIDE_H

#include "router/catalog.h"
#include "router/catalog_names.h"

struct catalog {
    struct arena arena;                  /* holds everything below but the tables' slots */
    struct catalog_relation **relations; /* in the order of their rows: indexes last */
    size_t relation_count;
    size_t index_count;
    struct names by_name;   /* struct catalog_relation */
    struct names by_oid;    /* struct catalog_relation; while building */
    struct names functions; /* struct catalog_function */
    struct names schemas;   /* char */
};

#endif
