/*
 * gather_values: rows of tables and views as values of a gathered query.
 *
 * The copy of a table is no table, nor is the definition that stands for a view: its rows are of another type.  Where the query shows or stores a
 * row's type, a row is made anew of the columns, and given the type of the table, which the home shard has, too.
 */
#ifndef KEYWAY_GATHER_VALUES_H
#define KEYWAY_GATHER_VALUES_H

#include "router/gather_inside.h"

/* Once it is known which tables are gathered, and before their names give place to those of the copies. */
void gather_type_rows(struct gathering *gathering, SelectStmt *select);

#endif
