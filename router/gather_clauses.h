/*
 * gather_clauses: what the clauses behind WHERE mean: expressions that are the same in other words, names and numbers of outputs.
 */
#ifndef KEYWAY_GATHER_CLAUSES_H
#define KEYWAY_GATHER_CLAUSES_H

#include "router/analyze_inside.h"

/*
 * PostgreSQL compares what names mean: GROUP BY t.a % 2 groups a % 2.  Two expressions that are the same but for the names of their columns
 * have these in the same places.
 */
bool clause_same_expression(const struct query *query, Node *left, Node *right);
/* Are two values of the expression the same if they are equal?  Of texts, if their collation is deterministic. */
bool clause_is_same_if_equal(struct analysis *analysis, const struct query *query, Node *expression);
/* A sublink that does not speak of this query's rows. */
bool clause_is_independent(const struct analysis *analysis, const SubLink *link);
/* Is it the bare name of an output? */
bool clause_names_output(const struct query *query, const Node *node);
/* What an item of GROUP BY means: a number or a name may stand for an output.  NULL: nothing. */
Node *clause_grouped_expression(const struct query *query, Node *item);
/* table.*, *; is there one among them? */
bool clause_is_star(const ResTarget *target);
bool clause_has_star(const List *targets);

#endif
