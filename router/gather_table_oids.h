/*
 * gather_table_oids: tableoid of rows that are gathered.
 *
 * An OID is one server's, a table's name is not.  Of a row the shards tell the name of its table (of the partition, of the child), with its schema
 * and in quotes, as one more column of the copy; over the copy that column, cast to regclass and to oid, is what tableoid is of a row of the home
 * shard.  So all that the query makes of it (regclass, text, comparisons, groups, orders, binary results) is made of one server's OIDs, as in one
 * PostgreSQL.
 *
 * The column must not be seen: a star that would show it is written out, and a query that uses rows as a whole, or joins by all
 * columns that have the same name, is not gathered.
 */
#ifndef KEYWAY_GATHER_TABLE_OIDS_H
#define KEYWAY_GATHER_TABLE_OIDS_H

#include "router/gather_inside.h"

/* No name of a user's own. */
#define GATHER_TABLE_NAME "keyway: table name"

/* Put that column in the places of tableoid.  False: the query is of a form in which this cannot be done, or would show. */
bool gather_show_table_oids(struct gathering *gathering, SelectStmt *select);
/* Is the column wanted of this table in FROM? */
bool gather_tells_table(const struct gathering *gathering, const RangeVar *range);
/* The column as an item of the shards' select list, over the one table in FROM. */
ResTarget *gather_table_name(void);

#endif
