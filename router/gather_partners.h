/*
 * gather_partners: rows of a gathered table that find no partners in the tables beside it need not be there.
 */
#ifndef KEYWAY_GATHER_PARTNERS_H
#define KEYWAY_GATHER_PARTNERS_H

#include <stdint.h>

#include "router/analyze_inside.h"

typedef uint64_t table_set; /* of places among the tables */

/* What WHERE, or the ON of an inner join, asks of the tables; it cannot fail and depends on nothing else. */
struct conjunct {
    Node *node;
    table_set used;
    bool restricts; /* it compares with a constant */
    int slots[2];   /* the columns that it says are equal, or NO_SLOT */
};

/* The tables of a FROM whose rows stand unchanged in what it makes, at most 64: by place the numbers of their scans; and what holds for them. */
struct joined {
    struct analysis *analysis;
    const int *scans;
    int count;
    const struct conjunct *conjuncts;
    int conjunct_count;
};

/* Columns of types whose comparison cannot fail, also where the one is a text with a collation that the other has not. */
bool gather_slots_compare(const struct analysis *analysis, int one, int other);

/* Are all rows of the other that can stand beside one of the sharded scan on this one's own shard? */
bool gather_is_partner(struct analysis *analysis, const struct scan *scan, const struct scan *other);

/* Conditions for the table at the place, that rows which matter fulfil: EXISTS (SELECT 1 FROM partners WHERE …).  NIL: there is none. */
List *gather_partner_conditions(const struct joined *joined, int place);

#endif
