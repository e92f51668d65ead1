/*
 * float_columns: a column that a subquery in FROM, or a query of WITH, computes.
 */
#ifndef KEYWAY_FLOAT_COLUMNS_H
#define KEYWAY_FLOAT_COLUMNS_H

#include "router/analyze_inside.h"

struct float_column {
    SelectStmt *select; /* of the subquery */
    const struct query *query;
    Node *value;        /* what it selects */
};

/*
 * What a reference in a query's expressions means, if the subquery may select more columns than it does: nobody takes all of them as they are, and it is
 * read this once; and the shards do not compute it.  False: it is another reference.
 */
bool float_column_find(const struct analysis *analysis, const struct query *query, const ColumnRef *reference, struct float_column *column);

/* The columns that a * or item.* of the query's select list means, as such a list, if they are those of one such subquery; or NIL. */
List *float_columns_of(const struct analysis *analysis, const struct query *query, const ColumnRef *star);

#endif
