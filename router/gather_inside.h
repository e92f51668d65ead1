/*
 * gather_inside: what the rooms of a gathered query share while it is planned.
 *
 * plan_gather.c makes the query over copies; before that, gather_push.c finds what of it the shards can do.
 */
#ifndef KEYWAY_ROUTER_GATHER_INSIDE_H
#define KEYWAY_ROUTER_GATHER_INSIDE_H

#include "router/analyze_inside.h"
#include "router/plan_inside.h"

/* Which rows of a scan are asked for. */
struct gather_wanted {
    Node *condition; /* a copy; NULL: all */
    List *own;       /* what of it the query says of this table alone (gather_filter()) */
};

/* A query, or its FROM and WHERE, that is a part now. */
struct gather_pushed {
    struct gather_pushed *next;
    const SelectStmt *select; /* of the readings: it reads the part's copy now … */
    const SelectStmt *computed; /* … and this is what the shards compute */
    int part;
    const List *expressions;  /* the part's first columns are these of the query's; NIL: its columns are the query's */
};

struct gathering {
    struct plan *plan;
    struct analysis *analysis;
    struct arena *arena; /* the plan's */
    SelectStmt *query;
    const char **names; /* mentioned anywhere, as columns may be */
    int name_count, name_room;
    bool all_columns; /* a natural join, a row, … */
    bool shows_row_type;       /* that of a table, which a copy does not have */
    const struct scan **scans; /* that are replaced, in the order of the parts; NULL: a query is */
    int *owners;               /* of each scan of the analysis: its part, or -1 */
    bool *arrays;              /* of the parts: their rows can be arrays */
    List **columns;            /* of the parts: their names */
    const char ***forms;       /* of the parts: what stands behind the columns' values in arrays (gather_travel), or NULL */
    struct gather_pushed *pushed; /* what became parts, the newest first */
    const List *early;         /* SELECTs that gather_group_early() has made: they must become parts */
    struct gather_keys *keys;  /* by scan, and by part that is a query: which rows are not needed (gather_keys) … */
    int *sequence;             /* … and in which order scans become parts */
    int sequence_count;
    struct gather_part *questions; /* to the home shard for keys alone */
    int question_count;
    struct gather_wanted *wanted; /* by scan (gather_applied) */
    List *copies;              /* of RangeVar: where the query names the parts */
    struct gather_part *parts;
    int part_count;
    struct proof *proof;
};

/* Queries inside of the SELECT, and rows and groups of queries, that the shards can compute become parts. */
void gather_push(struct gathering *gathering, SelectStmt *select);

/* Do all columns that the query mentions? */
bool gather_travels_in_binary(const struct gathering *gathering, const struct catalog_relation *relation);
/* The name of a part's copy: one that nobody gives to a table of his own. */
const char *gather_copy_name(const struct gathering *gathering, int part);
/* A column as an item of a select list; `field` is a String or A_Star. */
ResTarget *gather_target(void *field);
/* Does the query still name it? */
bool gather_still_reads(const struct gathering *gathering, const struct scan *scan);
/* Which of the statement's parameters a part speaks of, 0-based; in the tree, which is changed, they are $1, $2, … */
struct gather_parameters {
    int *numbers;
    int count;
};
struct gather_parameters gather_renumber(const struct gathering *gathering, Node *part);
/* A part of the same kind that asks for the same; -1: there is none. */
int gather_same_part(const struct gathering *gathering, enum gather_what what, const char *text,
                     const struct gather_parameters *parameters);
/* How the part's columns come is noted, and whether they may be arrays, if all is known that has to be.  The columns that come as texts in
 * arrays; NULL: none. */
struct gather_travel;
const bool *gather_note_travels(struct gathering *gathering, int part, const struct gather_travel *travels, int count, bool known);

#endif
