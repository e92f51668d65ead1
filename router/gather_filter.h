/*
 * gather_filter: which rows of a gathered table the query's conditions let through.
 */
#ifndef KEYWAY_GATHER_FILTER_H
#define KEYWAY_GATHER_FILTER_H

#include "router/analyze_inside.h"

/*
 * A condition for the table alone, under the scan's name in FROM, that every row fulfils which can matter; NULL: none is known.
 * It is made of the query's own expressions, not of copies; of its parameters only with `parameters`.  *own: those conjuncts of WHERE and ON
 * among them that speak of no other table.
 */
Node *gather_filter(struct analysis *analysis, const struct scan *scan, bool parameters, List **own);

/* The conditions that AND makes one of, and back; NIL and NULL: there is none. */
List *gather_conjuncts(Node *condition);
Node *gather_conjunction(List *conjuncts);

#endif
