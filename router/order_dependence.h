/*
 * order_dependence: aggregates and window functions whose result depends on the order in which rows arrive.
 *
 * Rows that come from several shards have no order of their own, where those of one table have at least the
 * one in which they are stored.  A list without ORDER BY would show that, and so would sums of floating-point
 * numbers, whose last digits depend on it.
 */
#ifndef KEYWAY_ORDER_DEPENDENCE_H
#define KEYWAY_ORDER_DEPENDENCE_H

#include "router/analyze_inside.h"

/* Is the call such a one? */
bool call_depends_on_order(const struct analysis *analysis, const FuncCall *call,
                           const struct function_facts *facts, const struct scope *scope);

#endif
