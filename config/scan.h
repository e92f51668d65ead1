/*
 * scan: the small grammars inside of values: names, lists of names, bounds, ranges.
 *
 *   name   = word | "quoted identifier"       folded to lower case unless quoted, as PostgreSQL does
 *   bound  = word | 'string' | (tuple) | -infinity | +infinity | infinity
 *   range  = name [ bound , bound )
 *   list   = name ( bound , … )
 *
 * A scanner stops at its first problem, which reads "found X, expected Y"; the functions then return false.
 */
#ifndef KEYWAY_SCAN_H
#define KEYWAY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"

enum { SCAN_LONGEST_NAME = 63 }; /* PostgreSQL cuts identifiers there; a name that it would cut is refused */

struct scanner {
    const char *at;
    struct arena *arena; /* of names, values and problems */
    const char *problem;
};

enum bound_kind { BOUND_VALUE, BOUND_LOWEST, BOUND_HIGHEST, BOUND_NULL };
struct scanned_bound {
    enum bound_kind kind;
    const char *text; /* of a value: without quotes; of a tuple: with its parentheses, as written */
};

struct scanned_range {
    const char *shard;
    struct scanned_bound lower, upper;
};

struct scanned_list {
    const char *shard;
    struct scanned_bound *values;
    size_t value_count;
};

bool scan_name(struct scanner *scanner, const char *what,
               const char **name); /* `what` names it in a problem */
bool scan_names(struct scanner *scanner, char separator, const char *what, const char ***names,
                size_t *count);
bool scan_end(struct scanner *scanner);
bool scan_range(struct scanner *scanner, struct scanned_range *range);
bool scan_list(struct scanner *scanner, struct scanned_list *list);

/* A piece of text for a message: in quotes, cut when it is long. */
const char *scan_excerpt(struct arena *arena, const char *text);

#endif
