/*
 * spread: how the rows of TPC-H are spread over four shards.
 *
 * Customers and their orders are together by the customer's key; the lines of an order are together by the
 * order's key, which is a keyspace of its own.  Parts and their suppliers are reference tables, or by the
 * part's key a third keyspace.  spread_load() puts all rows on the oracle and on each shard those that are
 * its own, without any help from Keyway.
 */
#ifndef KEYWAY_TPCH_SPREAD_H
#define KEYWAY_TPCH_SPREAD_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/differential/layout.h"
#include "tests/differential/tpch/rows.h"

struct spread {
    struct layout layout; /* its name and its shards only */
    bool by_range;        /* else by hash */
    bool parts;           /* part and partsupp are not reference tables */
};

extern const struct spread spreads[];
extern const int spread_count;

void spread_write_configuration(const struct spread *spread, const struct scale *scale, int port, FILE *file);
/* Connect and make the tables anew; exits if that is not possible.  layout_unload() ends it. */
struct servers spread_load(const struct spread *spread, const struct scale *scale, const char *setup);

#endif
