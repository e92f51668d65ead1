/*
 * gather_names: which columns a gathered query mentions by their names, whatever tables they may be of.
 */
#ifndef KEYWAY_GATHER_NAMES_H
#define KEYWAY_GATHER_NAMES_H

#include "router/gather_inside.h"

/* Look at the query as it is now. */
void gather_note_names(struct gathering *gathering, SelectStmt *select);

bool gather_mentions(const struct gathering *gathering, const char *column);

/* A bare name that a table or a view has, too, may mean its row. */
bool gather_may_be_row(const struct analysis *analysis, const ColumnRef *reference);

#endif
