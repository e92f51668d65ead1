/*
 * results: the type of what a function or an operator gives, from the types of its arguments.
 *
 * PostgreSQL chooses among all those of one name (PostgreSQL 15, 10.2 and 10.3); the catalog knows them with the types that they
 * take and give.  Where the choice cannot be followed, but all that could be chosen give the same type, that is the answer.
 */
#ifndef KEYWAY_RESULTS_H
#define KEYWAY_RESULTS_H

#include "router/planning.h"

/* `arguments` are type OIDs: 0 where one is not known, TYPE_unknown of a literal that has no type yet, and of an operator's
 * missing left argument RESULT_NO_ARGUMENT.  0: the type is not known, or depends on an argument's (anyelement). */
enum { RESULT_NO_ARGUMENT = 0xffffffff };
/* In place of a count: the arguments have names, and may be any. */
enum { RESULT_ANY_COUNT = -1 };
uint32_t result_of_function(const struct planning *planning, const List *name, const uint32_t *arguments, int count);
uint32_t result_of_operator(const struct planning *planning, const List *name, uint32_t left, uint32_t right);
/* The type of that name, a domain's being the type that it is made of; 0: it is not known. */
uint32_t result_of_cast(const struct planning *planning, const TypeName *type);

#endif
