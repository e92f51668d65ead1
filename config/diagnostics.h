/*
 * diagnostics: every mistake found in a configuration, each with its place.
 *
 * Checking never stops at the first mistake; whoever finds one reports it here and goes on.  A report reads
 * "FILE:LINE: found X, expected Y".
 */
#ifndef KEYWAY_DIAGNOSTICS_H
#define KEYWAY_DIAGNOSTICS_H

#include <stddef.h>
#include <stdio.h>

#include "config/arena.h"

struct diagnostic {
    const char *file;
    int line;         /* 1-based; 0 when the file as a whole is meant */
    const char *text; /* one sentence: what was found and what was expected */
};

struct diagnostics {
    struct arena arena;
    struct diagnostic *entries;
    size_t count;
};

void diagnostics_report(struct diagnostics *diagnostics, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* One line each, in the order of the report. */
void diagnostics_print(const struct diagnostics *diagnostics, FILE *out);
void diagnostics_free(struct diagnostics *diagnostics);

/* The entry of `names` (NULL-terminated) nearest to `found` by edit distance, or NULL when none is near
 * enough to be what was meant. */
const char *diagnostics_nearest(const char *found, const char *const *names);

#endif
