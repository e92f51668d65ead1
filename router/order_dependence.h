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

enum order_dependence {
    ORDER_IGNORED,
    ORDER_SHOWN,
    ORDER_ADDED, /* … by the numbers that it adds, if they are not exact */
    ORDER_OF_KEYS, /* … of equal keys, if there are any: the last one counts */
};

/* What kind of call is it, of a query? */
enum order_dependence call_order_dependence(const struct analysis *analysis, const struct query *query, const FuncCall *call,
                                            const struct function_facts *facts);
/* Whatever takes this list sees what is in it, and not in which order: note it before it is read. */
void order_unseen(struct analysis *analysis, Node *list);
bool order_is_unseen(const struct analysis *analysis, const void *list);
/* … by a function, operator or test that is about to be read. */
void order_unseen_by(struct analysis *analysis, Node *node);
/* Do the rows of the query come in an order that ORDER BY of a subquery gave them? */
bool order_of_input(const struct query *query);
/* … or do the rows of each of its groups? */
bool order_of_aggregated(const struct query *query);
/* The one source whose rows the query's are, in their order, because those before it are no more than one row each; NULL: there is none.  *item: where it
 * stands. */
const struct source *order_source(const struct query *query, const Node **item);
/* Once the query is read: do its rows come, and do its window functions, DISTINCT ON and LIMIT take them, in such an order?  It may have an
 * ORDER BY behind window functions.  PostgreSQL does not promise that, but does so. */
bool order_is_kept(const struct query *query);
/* Once the statement is read: does the call give the same in whichever order rows come? */
bool order_is_harmless(struct analysis *analysis, const struct order_dependent *dependent);

#endif
