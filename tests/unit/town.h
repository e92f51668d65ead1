/*
 * town: a small sharded database for tests, without a server.
 *
 * Two or more shards hold users and posts by username, and copies of countries; notes live on the home shard.
 * The catalogs are made of rows as the catalog queries give them.
 */
#ifndef KEYWAY_TEST_TOWN_H
#define KEYWAY_TEST_TOWN_H

#include <stdbool.h>

#include "router/routing.h"

/* The numbers of the catalog queries. */
enum {
    TOWN_SCHEMAS,
    TOWN_RELATIONS,
    TOWN_COLLATIONS,
    TOWN_DEFAULT_VERSION,
    TOWN_DOMAINS,
    TOWN_COLUMNS,
    TOWN_PARENTS,
    TOWN_PARTS,
    TOWN_UNIQUES,
    TOWN_FUNCTIONS,
    TOWN_RESULTS,
    TOWN_BODIES,
    TOWN_ANY_ORDER,
    TOWN_QUERY_FUNCTIONS,
    TOWN_PARAMETERS,
    TOWN_POLICIES,
    TOWN_REFERENCES,
    TOWN_DEFERRABLE,
    TOWN_TRIGGERS,
};

/* Add a row: `values` are separated by '|', and '~' stands for NULL. */
void town_row(struct catalog_builder *builder, int query, const char *values);
/* The rows that every shard has, and those that only the home shard has. */
void town_shared_rows(struct catalog_builder *builder);
void town_home_rows(struct catalog_builder *builder);

/* Settings from the text of a configuration file; the test fails if they are not accepted. */
struct settings *town_settings(const char *text);

/* The town on 1 or 2 shards: users a–m on the first, n–z on the second. */
struct routing *town_routing(int shard_count);

#endif
