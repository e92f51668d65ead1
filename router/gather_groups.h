/*
 * gather_groups: GROUP BY a primary key groups the table's other columns, too (functional dependency).
 *
 * Rows of arrays have no key: where the query may rely on one, GROUP BY names the columns that follow from
 * it.
 */
#ifndef KEYWAY_GATHER_GROUPS_H
#define KEYWAY_GATHER_GROUPS_H

#include "router/gather_inside.h"

/* May a query group the table's rows by its primary key? */
bool gather_groups_by_key(const struct gathering *gathering, const struct catalog_relation *relation);
/* Name the other columns wherever it groups by the key of the table whose rows the part is; false: it cannot
 * be told where, or they cannot be grouped, and some of the tree may have been changed. */
bool gather_group_columns(struct gathering *gathering, int part);

/* Is the slot a column of a table in FROM whose primary key is among what the query groups by?  Not of grouping sets. */
bool gather_follows_from_key(struct analysis *analysis, const struct query *query, int slot);

/* Has the type an equality that GROUP BY can use? */
bool gather_has_equality(uint32_t type);

#endif
