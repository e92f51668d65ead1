/*
 * aggregate_split: aggregates as what is computed of each group's parts, and what is made of these.
 *
 * The parts of a group may be any: those of several shards, or finer groups.  The final value is PostgreSQL's to the byte:
 * it comes from the same functions over the same numbers.
 */
#ifndef KEYWAY_AGGREGATE_SPLIT_H
#define KEYWAY_AGGREGATE_SPLIT_H

#include "router/analyze_inside.h"

/* One of PostgreSQL's own, called without DISTINCT, ORDER BY, VARIADIC and OVER; FILTER may be there. */
bool aggregate_is_plain(const struct analysis *analysis, const FuncCall *call);

/* Where partial values are kept. */
struct partial_values {
    int (*add)(void *context, Node *partial);     /* its number; an equal one has the same */
    Node *(*column)(void *context, int number);   /* where it is found afterwards */
    void *context;
};

/*
 * The expression for an aggregate without DISTINCT over the query's rows, over columns with the partial values; NULL: it
 * does not split, or it is not known how.
 */
Node *aggregate_split(struct analysis *analysis, const struct query *query, FuncCall *call,
                      const struct partial_values *values);

#endif
