/*
 * rows: TPC-H's tables, filled as its specification says (revision 3, 4.2.3).
 *
 * At scale 1 there are 6 million rows in lineitem.  The values follow the specification, with two additions,
 * without which small scales would give queries 8 and 17 to 20 nothing to find: some parts are of the kinds
 * that queries look for, and some orders are large.
 */
#ifndef KEYWAY_TPCH_ROWS_H
#define KEYWAY_TPCH_ROWS_H

#include <stdio.h>

enum table {
    TABLE_REGION,
    TABLE_NATION,
    TABLE_SUPPLIER,
    TABLE_PART,
    TABLE_PARTSUPP,
    TABLE_CUSTOMER,
    TABLE_ORDERS,
    TABLE_LINEITEM,
    TABLES,
};

/* How many there are of what the rows are made from. */
struct scale {
    long suppliers, parts, customers, orders;
};

/* For 0.0025 (one supplier of each nation) and more. */
struct scale scale_of(double factor);

/* rows_write() makes the rows of one part, order, … at a time: this many times. */
long rows_steps(const struct scale *scale, enum table table);
/* Lines for COPY FROM in text format: of partsupp and lineitem several. */
void rows_write(FILE *file, const struct scale *scale, enum table table, long step);

/* Orders have only the first eight of each 32 keys: 1 … 8, 33 … 40, … */
long rows_order_key(long step);

#endif
