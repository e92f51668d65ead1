/*
 * gather_push: what gather_push.c and gather_block.c share: readings of a query, and parts made of queries.
 */
#ifndef KEYWAY_GATHER_PUSH_H
#define KEYWAY_GATHER_PUSH_H

#include "router/gather_inside.h"

/* The alias of a copy in place of FROM: no name of the query can mean it. */
#define GATHER_ALIAS "keyway: rows"

/* FROM and WHERE of the query become a part.  False, and nothing has changed: they cannot. */
bool gather_push_block(struct gathering *gathering, SelectStmt *select);

/* Readings of the query that no part stands for yet: does it hold for all of them, and is there one? */
typedef bool (*gather_reading_test)(struct analysis *analysis, const struct query *query);
bool gather_all_readings(struct gathering *gathering, const SelectStmt *select, gather_reading_test test);
const struct query *gather_first_reading(const struct gathering *gathering, const SelectStmt *select);
/* May the shards compute the query as a whole, as it is? */
bool gather_moves_whole(struct gathering *gathering, const SelectStmt *select);
/* What the query, or its FROM and WHERE, became (struct gather_pushed). */
void gather_note_pushed(struct gathering *gathering, const SelectStmt *select, const SelectStmt *computed, int part, const List *expressions);
/* They are the part's now; `rows`: only what FROM and WHERE read. */
void gather_own_readings(struct gathering *gathering, const SelectStmt *select, int part, bool rows);

/* A part that is what `given` selects, in so many columns, of the query's scans up to an end: its number, which may be that of
 * an equal part.  -1: its text cannot be written, its parameters cannot be given, or its columns' types would show that they are copies. */
int gather_add_part(struct gathering *gathering, enum gather_what what, const struct query *query, int end_scan,
                     const SelectStmt *given, int columns);
/* The shards find the tables that were meant here, whatever their search_path. */
void gather_qualify(struct gathering *gathering, const struct query *query, int end_scan);

/* Is it, or does it contain, a row that an expression makes?  No column can be of its type, nor of an array of such. */
bool gather_makes_row(Node *node, void *context);

/* c1, c2, … */
const char *gather_column_name(struct gathering *gathering, int number);
/* The copy of a part, as an item of FROM, and a column of it (0-based). */
RangeVar *gather_copy_in_from(struct gathering *gathering, int part);
Node *gather_copy_column(struct gathering *gathering, int number);

#endif
