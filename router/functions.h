/*
 * functions: what a function call means for the place where it runs.
 *
 * A function whose result depends on nothing but its arguments may run on any shard.  Others depend on the
 * server (its clock, its catalog, its sequences, its random numbers) or run queries of their own that the
 * router cannot see.
 */
#ifndef KEYWAY_FUNCTIONS_H
#define KEYWAY_FUNCTIONS_H

#include "router/planning.h"

struct function_facts {
    enum function_class class;
    const char *name;
    bool users;     /* may be one of the database's users */
    bool shadowed;  /* may be one of theirs where PostgreSQL's own would fit, too */
    bool aggregate; /* may be one */
    bool any_order; /* … of the users' own, that takes rows in any order */
    bool returns_set;
    bool writes;         /* changes something that a transaction keeps */
    enum pin_reason pin; /* the server must stay with the session afterwards */
};

struct function_facts function_facts(const struct planning *planning, const FuncCall *call);
/* The same of a name alone: of an operator, or of a function that is called as row.name. */
struct function_facts function_facts_of_name(const struct planning *planning, List *name);
/* The same of a cast to the type. */
struct function_facts function_facts_of_cast(const struct planning *planning, const TypeName *type);

/* Does a cast to this type look things up in the catalog?  (regclass and the like) */
bool type_is_catalog(const TypeName *type);

#endif
