/*
 * gather_unread: what a query would compute and nobody reads.
 *
 * PostgreSQL's planner does not compute columns of subqueries that nobody reads, nor the select list of EXISTS: they cost nothing there, and
 * an error in them does not come to light.  Where rows are gathered they would be computed, and moved.
 */
#ifndef KEYWAY_GATHER_UNREAD_H
#define KEYWAY_GATHER_UNREAD_H

#include "router/gather_inside.h"

/* Put constants in the places of unread columns, and leave out queries of WITH that nobody reads. */
void gather_forget_unread(struct gathering *gathering, SelectStmt *select);

/* Queries of the SELECT's own WITH that it does not name. */
void gather_drop_unused_ctes(SelectStmt *select);

#endif
