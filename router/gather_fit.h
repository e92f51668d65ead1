/*
 * gather_fit: may the shards compute this part of a gathered query, each for its own rows?
 *
 * They may if it means the same on each of them: no clock but in conditions, nothing random, no LIMIT, lock or sample,
 * nothing that lives on one shard.
 */
#ifndef KEYWAY_GATHER_FIT_H
#define KEYWAY_GATHER_FIT_H

#include "router/analyze_inside.h"

/* An expression over columns of the scope's own, without aggregates, sublinks, sets and COLLATE. */
bool gather_is_pure(struct analysis *analysis, const struct scope *scope, Node *expression);
/* A query, or a list of FROM items; CTEs that it uses are defined within, or in `with` (NULL: none). */
bool gather_is_fit(struct analysis *analysis, Node *node, const WithClause *with);
/* A condition over such a FROM; NULL: none. */
bool gather_condition_is_fit(struct analysis *analysis, Node *condition, const WithClause *with);
/* The tables that these scans read are the same on all shards, or sharded. */
bool gather_reads_fit(const struct analysis *analysis, int first, int end);
/* Is the call one of an aggregate, for all that is known? */
bool gather_is_aggregate(const struct analysis *analysis, const FuncCall *call);

/* How a part's rows can travel. */
struct gather_fit {
    bool binary;   /* no type is the users' own, but for domains and enums */
    bool own;      /* there are columns of these … */
    bool domains;  /* … and some are of domains */
    bool collates; /* a column may have another collation than its type's */
};
/* Of a part, as tree and as text, that reads the query's scans up to an end. */
struct gather_fit gather_fit_of(const struct analysis *analysis, const struct query *query, int end_scan, Node *select,
                                const char *text);

#endif
