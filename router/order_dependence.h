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

enum order_dependence { ORDER_IGNORED, ORDER_SHOWN, ORDER_ADDED /* … by the numbers that it adds, if they are not exact */ };

/* What kind of call is it? */
enum order_dependence call_order_dependence(const struct analysis *analysis, const FuncCall *call,
                                            const struct function_facts *facts);
/* Of one that adds, once the statement is read: are the numbers known to be integers, numerics or intervals? */
bool adds_exact_numbers(struct analysis *analysis, const struct query *query, const FuncCall *call);

#endif
