/*
 * gather_inside: what the rooms of a gathered query share while it is planned.
 *
 * plan_gather.c makes the query over copies; before that, gather_push.c finds what of it the shards can do.
 */
#ifndef KEYWAY_ROUTER_GATHER_INSIDE_H
#define KEYWAY_ROUTER_GATHER_INSIDE_H

#include "router/analyze_inside.h"
#include "router/plan_inside.h"

struct gathering {
    struct plan *plan;
    struct analysis *analysis;
    struct arena *arena; /* the plan's */
    SelectStmt *query;
    const char **names; /* mentioned anywhere, as columns may be */
    int name_count, name_room;
    bool all_columns; /* a natural join, a row, … */
    bool collates;             /* COLLATE is written somewhere */
    bool shows_row_type;       /* that of a table, which a copy does not have */
    const struct scan **scans; /* that are replaced, in the order of the parts; NULL: a query is */
    int *owners;               /* of each scan of the analysis: its part, or -1 */
    bool *arrays;              /* of the parts: their rows can be arrays */
    List **columns;            /* of the parts: their names */
    const char ***types;       /* of the parts that are no table's rows: the columns' types, where these are the users' own or arrays; or NULL */
    struct gather_key *keys;   /* by scan: which rows are not needed (gather_keys) */
    List *copies;              /* of RangeVar: where the query names the parts */
    struct gather_part *parts;
    int part_count;
    struct proof *proof;
};

/* Queries inside of the SELECT, and rows and groups of queries, that the shards can compute become parts. */
void gather_push(struct gathering *gathering, SelectStmt *select);

/* The name of a part's copy: one that nobody gives to a table of his own. */
const char *gather_copy_name(const struct gathering *gathering, int part);
/* A column as an item of a select list; `field` is a String or A_Star. */
ResTarget *gather_target(void *field);
/* Which of the statement's parameters a part speaks of, 0-based; in the tree, which is changed, they are $1, $2, … */
struct gather_parameters {
    int *numbers;
    int count;
};
struct gather_parameters gather_renumber(const struct gathering *gathering, Node *part);
/* A part of the same kind that asks for the same; -1: there is none. */
int gather_same_part(const struct gathering *gathering, enum gather_what what, const char *text,
                     const struct gather_parameters *parameters);
/* Is it of arrays?  (A domain over arrays is not.) */
bool gather_is_array(const struct catalog_column *column);
/* The column's type for a cast. */
const char *gather_type_name(const struct gathering *gathering, const struct catalog_column *column);
/* Is it of a domain or an enum? */
bool gather_is_own(const struct catalog_column *column);
/* May a value of the column travel in binary format?  (A type of PostgreSQL's own that has no OID inside, a domain over one, or an enum.) */
bool gather_is_binary(const struct catalog_column *column);
/* In an array its values are texts; what is made of them then, ::type, reads them as the type does: no user's cast stands in the way. */
bool gather_comes_as_text(const struct catalog_column *column);
bool gather_reads_text(const struct gathering *gathering, const struct catalog_column *column);

#endif
