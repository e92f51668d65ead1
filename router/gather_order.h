/*
 * gather_order: which aggregates of a gathered query could show in which order rows arrive.
 */
#ifndef KEYWAY_GATHER_ORDER_H
#define KEYWAY_GATHER_ORDER_H

#include "router/gather_inside.h"

/* Before the query is changed: those that give the same in whichever order rows come are no longer order dependents. */
void gather_forget_harmless_orders(struct gathering *gathering);

/* An expression over sums of floating-point numbers that finds out whether the order of adding can be seen (float_sums_checked()), or NULL; and note that it
 * stands in the query now. */
Node *gather_checked_sum(const struct gathering *gathering, Node *expression, List **calls);
void gather_order_is_checked(struct gathering *gathering, const List *calls);

/* Scalar subqueries of such sums stand before the queries that compare them, and where rows are sorted by sums, the query sees that they are apart. */
void gather_lift_sums(struct gathering *gathering, SelectStmt *select);

/* Such sums take the places of those that are left in the query. */
void gather_check_sums(struct gathering *gathering, SelectStmt *select);

/* An aggregate that shows the order of rows nevertheless; NULL: none does. */
const char *gather_shown_order(const struct gathering *gathering);

#endif
