/*
 * generate_inside: what the parts of the generator have in common.
 */
#ifndef KEYWAY_DIFFERENTIAL_GENERATE_INSIDE_H
#define KEYWAY_DIFFERENTIAL_GENERATE_INSIDE_H

#include <stdint.h>

#include "tests/differential/tables.h"
#include "tests/differential/term.h"

enum { SCOPE_RELATIONS = 6, GROUP_KEYS = 3, CTES = 2 };

struct relation {
    const char *alias;
    struct column columns[TABLE_COLUMNS];
    int column_count;
    const char *identity; /* columns that tell its rows apart, as they are written; NULL: none are known */
    bool has_star;        /* SELECT alias.* gives columns that can be ordered */
};

/* What names can mean. */
struct scope {
    struct relation relations[SCOPE_RELATIONS];
    int count;
    struct column merged; /* of JOIN USING: its name alone means it; or no name */
    const struct scope *outer;
};

/* Of a query with aggregates: what stands outside of them. */
struct group {
    struct term *keys[GROUP_KEYS];
    enum sort sorts[GROUP_KEYS];
    int count;
};

/* The columns of a query; on the way in, those that are wanted. */
struct outputs {
    struct column columns[TABLE_COLUMNS];
    int count;
    struct term *order; /* told: a value that the rows can be ordered by besides; or NULL */
};

struct generator {
    struct arena *arena;
    uint64_t state;
    uint64_t values; /* the same for the values of literals */
    struct scope *scope;
    const struct group *group; /* NULL: values are those of rows */
    int alias;                 /* the last number used */
    int tables;                /* that may still be read */
    int joined;                /* the first relation of the scope that ON can mean */
    int depth;                 /* of queries in each other */
    int parameters;            /* that may still be used */
    int complexity;            /* how deep values are: 0 for columns and literals */
    bool returns;              /* writes may have RETURNING */
    bool repeated;             /* what is made stands in two places: no parameters, no subqueries */
    struct relation ctes[CTES];
    int cte_count;
};

/* ---- chance ---- */
int below(struct generator *generator, int limit);
bool chance(struct generator *generator, int percent);
int below_for_value(struct generator *generator, int limit);

/* ---- values and conditions ---- */
struct term *generate_value(struct generator *generator, enum sort sort, int depth);
struct term *generate_literal(struct generator *generator, enum sort sort, enum pool pool);
struct term *generate_aggregate(struct generator *generator, enum sort sort);
struct term *generate_window(struct generator *generator, enum sort sort);
struct term *generate_condition(struct generator *generator, int depth);
struct term *generate_where(struct generator *generator);
/* A sort that values at hand have. */
enum sort generate_sort(struct generator *generator);
const struct column *choose_column(struct generator *generator, const struct scope *scope, enum sort sort,
                                   const struct relation **relation);
const char *choose_value(struct generator *generator, enum pool pool);
/* A value given with Bind. */
struct term *generate_parameter(struct generator *generator, const char *value);
/* May a query stand here? */
bool may_nest(const struct generator *generator);
/* A condition by one of the rules for values. */
struct term *generate_by_rule(struct generator *generator, int depth);
struct term *column_term(struct generator *generator, const struct relation *relation,
                         const struct column *column);

/* ---- queries ---- */
/* With outputs->count 0: any columns, which are told. */
struct term *generate_query(struct generator *generator, struct outputs *outputs);
/* One row at most. */
struct term *generate_scalar(struct generator *generator, enum sort sort);
/* Rows in a total order; without one unless `ordered`, in most cases. */
struct term *generate_statement(struct generator *generator, bool ordered);
struct term *generate_write(struct generator *generator);
struct scope *scope_new(struct generator *generator, const struct scope *outer);
/* Add the table under the alias. */
struct relation *scope_add_table(struct generator *generator, const struct table *table, const char *alias);

#endif
