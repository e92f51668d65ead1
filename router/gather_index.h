/*
 * gather_index: which columns of a copy want an index, and which copies are read more than once.
 */
#ifndef KEYWAY_GATHER_INDEX_H
#define KEYWAY_GATHER_INDEX_H

#include "router/gather_inside.h"

/* Those of a part that stands for a table, for the query as it is before names are replaced. */
void gather_index(struct gathering *gathering, int part);

/* Is a query over gathered rows run again for each row of another one?  How often, and how, PostgreSQL decides by statistics. */
bool gather_runs_again(const struct gathering *gathering);

/* Of each part: does the query read it at several places? */
void gather_note_readings(struct gathering *gathering);

#endif
