/*
 * gather_filter: which rows of a gathered table the query's WHERE lets through.
 */
#ifndef KEYWAY_GATHER_FILTER_H
#define KEYWAY_GATHER_FILTER_H

#include "router/analyze.h"

/*
 * The conjuncts of the WHERE that stands over the scan's name in FROM which compare columns of this table with constants;
 * NULL: none.  The expressions are the query's own, not copies.
 */
List *gather_filter(SelectStmt *query, const struct scan *scan);

#endif
