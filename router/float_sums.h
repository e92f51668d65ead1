/*
 * float_sums: sums and averages of floating-point numbers that show whether the order of adding can be seen in them.
 *
 * The query over gathered rows adds in another order than one PostgreSQL would.  Most of what people ask for does not show it:
 * numbers of few binary digits are added without rounding, and a rounded or compared sum is the same for all sums near it.  Whether
 * that is so depends on the numbers, so the query itself finds out, and fails where it is not.
 */
#ifndef KEYWAY_FLOAT_SUMS_H
#define KEYWAY_FLOAT_SUMS_H

#include "router/analyze_inside.h"

/* Where the order can be seen, the query fails with 22P02 and a message that contains this. */
#define FLOAT_SUMS_SEEN "The digits of a sum depend on the order of rows"

/*
 * If the expression is such a sum, or one that is rounded, compared, …: the expression that is to stand in its place, of the same
 * value and type, made of new nodes, and the *call of sum() or avg() in it.  NULL: it is no such thing.
 */
Node *float_sums_checked(struct analysis *analysis, Node *expression, const FuncCall **call);

/* Is the call of sum() a part of such an expression?  Then it may be made of partial sums. */
bool float_sums_has(const struct analysis *analysis, const FuncCall *call);

#endif
