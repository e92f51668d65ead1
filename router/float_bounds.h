/*
 * float_bounds: how far the order of rows can move what an aggregate of floating-point numbers gives.
 *
 * sum, avg, stddev, variance and their kind, corr, covar and regr add numbers that are rounded after each addition, so that their last
 * digits depend on the order.  By how much at most can be told from a few other aggregates over the same rows; it is told in expressions
 * that stand beside the aggregate in the query.
 */
#ifndef KEYWAY_FLOAT_BOUNDS_H
#define KEYWAY_FLOAT_BOUNDS_H

#include "router/parse.h"

/* A number that a query computes, and what is known of those that it computes over the same rows in other orders: the nodes are new, to be
 * copied for each use. */
struct float_estimate {
    Node *value;
    Node *radius; /* no other is farther from it: double precision; NULL: 0 */
    Node *exact;  /* a condition: all are the same to the bit; NULL: always */
    Node *doubt;  /* a condition, to be asked first: nothing is known; NULL: never */
};

/* What stands there, or says that nothing does. */
Node *float_radius_of(const struct float_estimate *estimate);
Node *float_exact_of(const struct float_estimate *estimate);
Node *float_doubt_of(const struct float_estimate *estimate);

/* What each argument of an aggregate is. */
enum float_argument { FLOAT_REAL, FLOAT_DOUBLE, FLOAT_CONVERTED /* an integer or numeric where double precision is wanted */ };

/* How many arguments the aggregate of this name has; 0: it is none of these. */
int float_bounds_arguments(const char *name);

/* The estimate of a call of PostgreSQL's own aggregate, plain, with FILTER or OVER.  The nodes of the call are not changed. */
struct float_estimate float_bounds(const FuncCall *call, const enum float_argument *arguments);

#endif
