/*
 * splice: a statement's text with parts of it replaced; all else stays as the client has written it.
 */
#ifndef KEYWAY_SPLICE_H
#define KEYWAY_SPLICE_H

#include <stddef.h>

#include "config/arena.h"

/* Zeroed: nothing is replaced. */
struct splices {
    struct splice {
        size_t from, end; /* in the text */
        const char *text; /* borrowed */
    } *list;
    int count, room;
};

/* In any order; the places must not overlap. */
void splices_add(struct splices *splices, struct splice splice, struct arena *arena);
/* From `begin`, behind which all of the places are, to the end. */
const char *splices_apply(const struct splices *splices, const char *sql, size_t begin, struct arena *arena);

#endif
