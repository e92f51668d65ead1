/*
 * evaluate: values that the home shard computes before a statement can be routed (struct evaluation of
 * router/plan.h).
 *
 * The run's item is begun, finds that its plan has an evaluation, and waits for it; when the row is there,
 * the item is begun again and routed with it.
 */
#ifndef KEYWAY_EVALUATE_H
#define KEYWAY_EVALUATE_H

#include "proxy/run.h"

/* The row, or rows, of the item being run, of this plan's evaluation; NULL: not there yet. */
const struct evaluated *evaluate_row(const struct run *run, const struct plan *plan);
/* Ask the home shard; `statement` and `values` are those of the extended protocol, NULL in a Query. */
enum run_step evaluate_begin(struct run *run, const struct plan *plan, const struct statement *statement,
                             const struct bind_values *values);

/* Bind's parameter formats and values; those not wanted (NULL: all are) for one reason or the other are NULL.  A parameter that is
 * not wanted is declared as text. */
void evaluate_put_values(struct buffer *out, const struct bind_values *values, const bool *unwanted, const bool *lacks);

#endif
