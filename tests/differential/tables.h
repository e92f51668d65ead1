/*
 * tables: the tables of setup.sql as the generator of statements sees them.
 */
#ifndef KEYWAY_DIFFERENTIAL_TABLES_H
#define KEYWAY_DIFFERENTIAL_TABLES_H

#include "tests/differential/term.h"

/* Columns of one pool have values in common: they are compared and joined with each other. */
enum pool {
    POOL_USERNAME,
    POOL_COUNTRY,
    POOL_ID, /* of an event */
    POOL_SMALL,
    POOL_LARGE,
    POOL_MONEY,
    POOL_MEASURE,
    POOL_WORD, /* texts of all kinds */
    POOL_SPELLING,
    POOL_CITY,
    POOL_KIND,
    POOL_TAG,
    POOL_ITEM,
    POOL_REGION,
    POOL_BODY,
    POOL_DAY,
    POOL_TIME,
    POOL_TOKEN,
    POOL_MOOD,
    POOL_BOOL,
    POOL_JSON,
    POOL_TAGS,
    POOLS,
};

struct column {
    const char *name;
    enum sort sort;
    enum pool pool;
};

enum { TABLE_COLUMNS = 16 };

struct table {
    const char *name;
    int weight;          /* how often it is taken */
    const char *keys[2]; /* its primary key; of a view: nothing */
    bool has_all;        /* `columns` has all columns, and all can be ordered */
    struct column columns[TABLE_COLUMNS];
};

extern const struct table tables[];
extern const int table_count;

/* Values of a pool as they stand within quotes; NULL ends the list. */
extern const char *const *const pool_values[POOLS];
/* The SQL type of each sort. */
extern const char *const sort_types[VALUE_SORTS];
/* A pool for values of no column. */
extern const enum pool sort_pools[VALUE_SORTS];

int table_width(const struct table *table);

#endif
