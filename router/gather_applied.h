/*
 * gather_applied: conditions that every gathered row fulfils already.
 */
#ifndef KEYWAY_GATHER_APPLIED_H
#define KEYWAY_GATHER_APPLIED_H

#include "router/gather_inside.h"

/* Which rows of each sharded table that is still read are asked for; behind gather_note_names(), which says
 * in what form they travel. */
void gather_choose_filters(struct gathering *gathering);

/* Those conditions are left out of the query, which may no longer mention the columns that they read: note
 * its names again. */
void gather_forget_applied(struct gathering *gathering, SelectStmt *select);

#endif
