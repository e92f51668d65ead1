/*
 * gather_travel: how a column's values come from the shards, and what makes them the column's own again.
 *
 * Rows come in binary, or as texts where that would have one server's OIDs inside.  In an array a column has an element's type and no collation:
 * behind the array stands a cast, and COLLATE, which of a subquery's output is implicit, as a column's is.  Arrays hold scalars; what is an array
 * itself comes as its text there.
 */
#ifndef KEYWAY_GATHER_TRAVEL_H
#define KEYWAY_GATHER_TRAVEL_H

#include "router/gather_fit.h"
#include "router/gather_inside.h"

/* A column of a part. */
struct gather_travel {
    const char *form; /* what stands behind its values: ::type, COLLATE; NULL: nothing */
    bool as_text;     /* in an array */
    bool binary;      /* where it goes to a table */
    bool typed;       /* its type is known; else it may be any of PostgreSQL's own, or even others … */
    bool collated;    /* … and so is its collation */
};

/* Of a table that moves by itself. */
struct gather_travel gather_column_travel(const struct gathering *gathering, const struct catalog_column *column);

/* The columns of a part that a query is, or that its targets make of its FROM up to a scan: `travels` has `count`.  An outer join makes NULLs, which a
 * domain may forbid: its column is one of the type that it is made of then. */
void gather_query_travels(const struct gathering *gathering, const struct query *query, bool null_extends, struct gather_travel *travels,
                          int count);
void gather_target_travels(const struct gathering *gathering, const struct query *query, int end_scan, const List *targets,
                           bool null_extends, struct gather_travel *travels, int count);

/* True of all of them: typed, collated, binary. */
struct gather_travel gather_all_travels(const struct gather_travel *travels, int count);
/* Whether rows of which this is true may travel in binary, as part of a query (`fit->binary`); the result: all is known of their types. */
bool gather_settle_binary(const struct analysis *analysis, Node *query, struct gather_travel all, struct gather_fit *fit);

/* Are the query's rows the same bytes in binary format, whichever shard they come from?  False if that is not known. */
bool gather_is_alike_in_binary(struct analysis *analysis, const struct query *query, SelectStmt *select);

/* Is it of a domain or an enum? */
bool gather_is_own(const struct catalog_column *column);
/* May a value of the column travel in binary format?  (A type of PostgreSQL's own that has no OID inside, a domain over one, or an enum.) */
bool gather_is_binary(const struct catalog_column *column);

#endif
