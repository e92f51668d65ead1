/*
 * float_lift: numbers of subqueries, of which those can tell what is known of them.
 */
#ifndef KEYWAY_FLOAT_LIFT_H
#define KEYWAY_FLOAT_LIFT_H

#include "router/float_steps.h"

/* (SELECT avg(x) FROM t), if the chain lifts; a column that a subquery in FROM, or a query of WITH, computes.  False: it is not understood. */
bool float_lift_subquery(struct float_chain *chain, SubLink *link, struct float_outcome *outcome);
bool float_lift_column(struct float_chain *chain, ColumnRef *reference, struct float_outcome *outcome);

#endif
