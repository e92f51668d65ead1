/*
 * utility_foreign_key: may the shards check this foreign key?
 */
#ifndef KEYWAY_UTILITY_FOREIGN_KEY_H
#define KEYWAY_UTILITY_FOREIGN_KEY_H

#include "router/planning.h"

/*
 * Refuse a constraint on `table` (NULL: of the home shard), named `name`, if it is a foreign key that a shard cannot check.  `column` is the
 * one that it is written behind, or NULL; `create` makes the table, or is NULL.
 */
void check_foreign_key(struct plan *plan, const struct planning *planning, const struct routed_table *table, const char *name,
                       const Constraint *constraint, const char *column, const CreateStmt *create);

#endif
