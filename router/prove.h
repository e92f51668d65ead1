/*
 * prove: may a query run whole on each shard, its result being the rows of all of them together?
 *
 * Yes, if each result row is made from rows of one shard only, and exactly one shard makes it.  That is so
 * when one sharded relation of FROM, whose rows are never replaced by NULLs (the anchor), is tied to every
 * other sharded relation, at whatever level, by equality of their keys; when everything else is the same on
 * every shard; and when no clause brings rows of different keys together.
 */
#ifndef KEYWAY_PROVE_H
#define KEYWAY_PROVE_H

#include "router/analyze.h"

enum { MOST_KEY_COLUMNS = 16 };

struct anchor {
    const struct keyspace *keyspace;
    int slots[MOST_KEY_COLUMNS];     /* of the key, in the query's region; NO_SLOT: not to be had */
    int positions[MOST_KEY_COLUMNS]; /* of the key among the query's outputs; -1 */
    int first_scan, end_scan;        /* these are proved already */
    bool nullable;                   /* the key of a row may be NULL: a full join's row without a match */
};

/* Why it is not proved: DETAIL and HINT, in the plan's arena. */
struct proof {
    const char *detail, *hint;
};

/* Is the result of the query the disjoint union of its results on the shards? */
bool prove_query(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                 struct proof *proof);
/* The same of the rows of its FROM and WHERE only, whatever is made of them: for aggregates and writes. */
bool prove_rows(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                struct proof *proof);
/* … and even if other clauses read other tables. */
bool prove_block(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                 struct proof *proof);
/* Two sharded scans: have their rows equal keys wherever a combination of both matters? */
bool scans_are_tied(struct analysis *analysis, const struct scan *scan, const struct scan *other);
/* Does nothing in the statement forbid running it on several shards: clocks, random numbers, system columns,
 * …? */
/* The slot of an item of GROUP BY or DISTINCT ON, which name an input column, else an output column, or its number; NO_SLOT: it is none. */
int prove_item_slot(struct analysis *analysis, const struct query *query, Node *item);
bool prove_environment(struct analysis *analysis, struct proof *proof);

/* "concat: users and posts are joined on their keys, countries is on every shard": why each shard may answer `query` for its rows.  `groups`: how those
 * that cross shards become whole; NULL: none do. */
const char *prove_reason(struct analysis *analysis, const struct query *query, const char *what, const char *groups);

#endif
