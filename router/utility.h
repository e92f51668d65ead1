/*
 * utility: plans for every statement that is not SELECT, INSERT, UPDATE, DELETE or MERGE.
 *
 * PostgreSQL calls them utility statements.  Most of them are about one kind of object, and where that object
 * lives says where the statement goes; a few carry a query, which is planned like any other.
 */
#ifndef KEYWAY_UTILITY_H
#define KEYWAY_UTILITY_H

#include "router/planning.h"

/* Fill `plan` for a utility statement, or for a SELECT … INTO. */
void utility_plan(struct plan *plan, const struct planning *planning, Node *statement);

/* SELECT set_config('name', 'value', …), alone, is SET or SET LOCAL.  False: it is not that. */
bool plan_set_config(struct plan *plan, const struct planning *planning, const SelectStmt *select);

#endif
