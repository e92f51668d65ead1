/*
 * function_query: a function that is a query over tables stands for that query.
 *
 * Proof: PostgreSQL runs a function in SQL as its query, with the arguments' values for parameters (functions.c);
 * what is computed of a view is computed of such a call as well.  So the call gives place to a subquery over
 * the arguments,
 *
 *     f(x, y)                  (SELECT (text)::type FROM (SELECT x::type AS a, y::type AS b) AS f)
 *     FROM f(x, y) AS t        LATERAL (SELECT … FROM (SELECT …) AS f, LATERAL (text)) AS t
 *
 * in which the text finds the arguments by their names or numbers, after the columns of its own tables, as in a
 * function.  A value is that of the first row.  Not every text may do so: not one that changes or locks anything, takes
 * chance or a sequence's next number, or has names that something else may be meant by.  The shards that answer
 * may be sent the call itself: there it is its query over what the shard has.
 *
 * Before a query's expressions are read its calls are replaced (the tree is changed); the text is read as the
 * subquery that it is then, and may have calls in turn.
 */
#ifndef KEYWAY_FUNCTION_QUERY_H
#define KEYWAY_FUNCTION_QUERY_H

#include "router/analyze_inside.h"

/* In the clauses of a plain SELECT whose FROM has been read. */
void put_queries(struct analysis *analysis, struct query *query);
/* In an expression whose names are looked for in the scope. */
void put_queries_into(struct analysis *analysis, Node **expression, const struct scope *scope);
/* What stands in FROM for the item: itself, if it is no such function. */
Node *put_query_for_item(struct analysis *analysis, Node *item, const struct scope *scope);

#endif
