/*
 * safe_expression: expressions that cannot fail, whatever is in the row.
 *
 * What the shards compute for rows that the query itself would not have looked at must not bring an error to light.
 */
#ifndef KEYWAY_SAFE_EXPRESSION_H
#define KEYWAY_SAFE_EXPRESSION_H

#include "router/analyze_inside.h"

/*
 * An expression over columns of the query's FROM: comparisons, what AND, OR, NOT, CASE and COALESCE make of them, sums and products of numerics,
 * parts of dates and times, lengths and cases of texts.  Left out are errors of numbers of more than 65,000 digits and of years beyond 200,000.
 * What can be found out without a row (a constant that is no date) is PostgreSQL's error before it looks at any.
 */
bool expression_cannot_fail(struct analysis *analysis, const struct query *query, Node *expression);

#endif
