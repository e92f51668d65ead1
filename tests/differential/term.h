/*
 * term: a statement as the tree it was made of, so that it can be made smaller.
 *
 * A term is a piece of SQL with holes, and a term for each hole.  Its sort says what may stand in its place:
 * a value of a type, a query, an item of FROM.  Writing the tree gives the text and the values of the
 * parameters, which are numbered then.
 */
#ifndef KEYWAY_DIFFERENTIAL_TERM_H
#define KEYWAY_DIFFERENTIAL_TERM_H

#include <stdbool.h>

#include "config/arena.h"
#include "tests/differential/corpus.h"

enum sort {
    SORT_INT, /* smallint, integer */
    SORT_BIG,
    SORT_NUM,
    SORT_FLOAT, /* real, double precision */
    SORT_TEXT,  /* text, varchar */
    SORT_BOOL,
    SORT_DATE,
    SORT_TIME, /* timestamptz */
    SORT_UUID,
    SORT_MOOD,
    SORT_JSON,  /* jsonb */
    SORT_ARRAY, /* text[] */
    VALUE_SORTS,
    SORT_ANY = VALUE_SORTS, /* in a grammar: one of the above, the same wherever it stands in the rule */
    SORT_QUERY,
    SORT_FROM,  /* an item of FROM */
    SORT_ITEMS, /* a select list */
    SORT_PART,  /* may be left out */
    SORT_FIXED, /* must stay as it is */
};

enum shape {
    TERM_LEAF,      /* text */
    TERM_PARAMETER, /* text: the value; NULL for NULL */
    TERM_PATTERN,   /* text with `#` for each child, and a backquote for the last one again */
    TERM_LIST,      /* children with text between them; one at least must stay */
    TERM_ORDER,     /* the numbers of all columns of `query`, so that the order is total; text: how each is
                       ordered, a digit for each in turn */
};

enum { TERM_CHILDREN = 16 };

struct term {
    enum sort sort;
    enum shape shape;
    const char *text;
    int child_count;
    struct term *children[TERM_CHILDREN]; /* NULL: left out */
    const struct term *query;
    int width; /* columns of an item of a select list; 0 means 1 */
};

struct term *term_leaf(struct arena *arena, enum sort sort, const char *text);
struct term *term_parameter(struct arena *arena, const char *value);
/* The children follow, as many as there are `#`. */
struct term *term_pattern(struct arena *arena, enum sort sort, const char *text, ...);
struct term *term_list(struct arena *arena, enum sort sort, const char *separator);
/* False: it is full. */
bool term_add(struct term *list, struct term *child);
struct term *term_order(struct arena *arena, const struct term *query, const char *variants);
/* A query: its WITH, the rest, its ORDER BY and LIMIT; the first and the last may be NULL. */
struct term *term_query(struct arena *arena, struct term *with, struct term *body, struct term *tail);
/* Is the order of its rows total? */
bool term_is_ordered(const struct term *query);

/* The text and the values, malloc'ed, as a step; false: too many parameters. */
bool term_write(const struct term *term, struct step *step);

#endif
