/*
 * evaluate: values that the home shard computes before a statement can be routed (struct evaluation of
 * router/plan.h).
 *
 * The run's item is begun, finds that its plan has an evaluation, and waits for it; when the row is there,
 * the item is begun again and routed with it.
 *
 * Rows that can be inserted in parts are not all computed first.  The home shard keeps the query in a portal, and
 * gives so many of its rows as a few hundred kilobytes hold; these are routed and inserted, and the item is begun
 * again for the next ones.  As soon as there is a second part the statement is a transaction, so that an error
 * takes all parts back.
 */
#ifndef KEYWAY_EVALUATE_H
#define KEYWAY_EVALUATE_H

#include "proxy/run.h"

struct routing;

/* The row, or rows, of the item being run, of this plan's evaluation; NULL: not there yet. */
const struct evaluated *evaluate_row(const struct run *run, const struct plan *plan);
/* Ask the home shard; `statement` and `values` are those of the extended protocol, NULL in a Query. */
enum run_step evaluate_begin(struct run *run, const struct plan *plan, const struct statement *statement,
                             const struct bind_values *values);

/* Is the item being run one of this plan, for which something has been computed? */
bool evaluate_is_begun(const struct run *run, const struct plan *plan);
/* What plan_route_evaluated() takes: the routing that the plan was made for, and an arena for one part. */
const struct routing *evaluate_routing(const struct run *run);
struct arena *evaluate_arena(struct run *run);
/* Of the item's rows: there may be more than these; others came before; so many have been inserted; there turned out to be no more. */
bool evaluate_has_more(const struct run *run);
bool evaluate_is_later_part(const struct run *run);
uint64_t evaluate_rows_before(const struct run *run);
bool evaluate_is_over(const struct run *run);
/* The rows at hand have been inserted; true: the item goes on with more. */
bool evaluate_part_done(struct run *run);
void evaluate_free(struct run *run);

struct execution;
/* EXPLAIN of what the explained statement has computed first, which runs nothing; its plan is what the home shard's is. */
enum run_step evaluate_explain(struct run *run, const struct execution *execution);

/* Bind's parameter formats and values; those not wanted (NULL: all are) for one reason or the other are NULL.  A parameter that is
 * not wanted is declared as text. */
void evaluate_put_values(struct buffer *out, const struct bind_values *values, const bool *unwanted, const bool *lacks);

#endif
