/*
 * gather_keys: tables, and subqueries, of which a gathered query needs only the rows whose keys are found in another one (semi-join reduction).
 */
#ifndef KEYWAY_GATHER_KEYS_H
#define KEYWAY_GATHER_KEYS_H

#include "router/gather_inside.h"

/* Of two tables that are joined, the one that the query restricts more becomes the source of the other one's keys; and in which order the scans become parts. */
void gather_choose_keys(struct gathering *gathering);

/* The scan's rows wait for those of another one. */
bool gather_waits_for_keys(const struct gathering *gathering, int scan);

/* The newest part is of a scan that waits, and selects this: give it what it needs to do so, if its sources are there. */
void gather_add_keys(struct gathering *gathering, int scan, const SelectStmt *select);
/* The same for parts that are subqueries, once all parts are made. */
void gather_add_keys_of_parts(struct gathering *gathering);

#endif
