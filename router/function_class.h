/*
 * function_class: what the result of a function depends on, by its name, volatility and body.
 *
 * What IMMUTABLE promises is believed.  A function of the database's users that does not promise it (most are
 * VOLATILE because nobody said anything) is judged by its text, if it is written in SQL or PL/pgSQL: where
 * nothing in it reads or changes what a shard has of its own, it may run on any.
 */
#ifndef KEYWAY_FUNCTION_CLASS_H
#define KEYWAY_FUNCTION_CLASS_H

#include "router/catalog.h"

/* What catalog_queries told of the functions of one name, or of an operator, or of a cast. */
struct function_source {
    struct catalog_function *function;
    char volatility; /* worst of 'i', 's', 'v' */
    bool builtin;    /* all of them come with PostgreSQL, are written in C, internal or SQL (which reads the
                        catalog at most), and none runs a query that it is given (query_to_xml, ts_stat, …) */
    const char
        *body; /* of those that are not IMMUTABLE, with the defaults of their arguments; NULL: not known */
    bool read; /* its class is known, or is being found */
    struct function_source *next;
};

/* The expressions of a table's policies. */
struct policy_source {
    struct catalog_relation *relation;
    const char *text;
    struct policy_source *next;
};

/* Set the class of each function of the list, and of each table whether its policies speak of nothing but its row and the session.  The names in
 * a body may be found in any schema: search_path is the session's. */
void function_classes_find(struct function_source *sources, struct policy_source *policies);

#endif
