/*
 * float_sums: aggregates of floating-point numbers that show whether the order of adding can be seen in them.
 *
 * The query over gathered rows adds in another order than one PostgreSQL would.  Most of what people ask for does not show it:
 * numbers of few binary digits are added without rounding, and a rounded or compared sum is the same for all sums near it; so is
 * what is computed of several.  Whether that is so depends on the numbers, so the query itself finds out, and fails where it is not.
 */
#ifndef KEYWAY_FLOAT_SUMS_H
#define KEYWAY_FLOAT_SUMS_H

#include "router/analyze_inside.h"

/* Where the order can be seen, the query fails with 22P02 and a message that contains this. */
#define FLOAT_SUMS_SEEN "The digits of a sum depend on the order of rows"

/* The same for jsonb_object_agg() over several rows with one key (gather_order). */
#define EQUAL_KEYS_SEEN "jsonb_object_agg() keeps the last of several equal keys"

/*
 * If the expression is such an aggregate, or made of some, rounded, compared, …: the expression that is to stand in its place, of the same
 * value and type, made of new nodes, and the *calls of aggregates in it.  NULL: it is no such thing.
 */
Node *float_sums_checked(struct analysis *analysis, Node *expression, List **calls);

/*
 * The same where such an aggregate is a subquery's, in an expression of a query: "x > (SELECT avg(x) FROM t)", "x > a" with FROM (SELECT avg(x) AS a
 * FROM t).  The *subqueries (CommonTableExpr) have become others, and belong into the WITH of the query; those in FROM select more than they did.
 * `columns`: they may; not where a column, or an expression of some, is grouped by.
 */
Node *float_sums_lifted(struct analysis *analysis, const struct query *query, Node *expression, bool columns, List **calls, List **subqueries);

/*
 * Where rows are sorted by such an expression, which is of a query: the *value to sort by instead, and a condition that belongs among what the query
 * sorts by: it is false, or fails where two of the numbers are so near to each other that the order of adding could change theirs.  NULL: it
 * is no such thing.
 */
Node *float_sums_ordered(struct analysis *analysis, const struct query *query, Node *expression, Node **value, List **calls);

/* Is there such an aggregate in an expression of the query, or a column of a subquery that has one? */
bool float_sums_concern(const struct analysis *analysis, const struct query *query, Node *expression);

/* The query is another now: what was found out about its columns (struct float_memory) may not hold any more. */
void float_sums_forget(struct analysis *analysis);

/* Is the call of sum() a part of such an expression?  Then it may be made of partial sums. */
bool float_sums_has(const struct analysis *analysis, const FuncCall *call);

#endif
