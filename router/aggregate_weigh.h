/*
 * aggregate_weigh: aggregates over rows of a join each of which stands for several (gather_early).
 */
#ifndef KEYWAY_AGGREGATE_WEIGH_H
#define KEYWAY_AGGREGATE_WEIGH_H

#include "router/analyze_inside.h"

/*
 * The expression for an aggregate without DISTINCT over rows each of which is there `times` times, which is a bigint and never NULL.  NULL: it is not
 * known how.
 */
Node *aggregate_weigh(struct analysis *analysis, const struct query *query, FuncCall *call, Node *times);

/* What a factor of a product is made of. */
enum factor_side { FACTOR_NEITHER, FACTOR_GROUPED, FACTOR_OTHER };
typedef enum factor_side (*factor_judge)(void *context, Node *factor);

/*
 * sum(a * b), where a is of the grouped rows and b of the others: the product of each side's factors.  False: it is no such sum, or not one whose parts
 * add up to the same digits.
 */
bool aggregate_factors(struct analysis *analysis, const struct query *query, FuncCall *call, factor_judge judge, void *context, Node **grouped,
                       Node **others);

#endif
