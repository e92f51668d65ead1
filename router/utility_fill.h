/*
 * utility_fill: what ALTER TABLE puts into the rows that are there already.
 *
 * A new column's default, and USING of a column's new type, are computed by each shard for its own rows.
 */
#ifndef KEYWAY_UTILITY_FILL_H
#define KEYWAY_UTILITY_FILL_H

#include "router/planning.h"

/* Refuse the command on a configured table, named by `range`, if its shards would fill rows with something else than one PostgreSQL. */
void check_fill(struct plan *plan, const struct planning *planning, const struct routed_table *table, const RangeVar *range,
                const AlterTableCmd *command);

#endif
