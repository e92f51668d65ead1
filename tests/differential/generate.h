/*
 * generate: random statements over the tables of setup.sql, most of them valid, and with one right answer.
 *
 * What PostgreSQL leaves open is not generated: LIMIT comes with a total order, aggregates that depend on the
 * order of rows with an ORDER BY, row_number() with a key; no sums of floating-point numbers, no values that
 * are equal and look different where one of them is chosen, nothing that fails for some rows only.
 */
#ifndef KEYWAY_DIFFERENTIAL_GENERATE_H
#define KEYWAY_DIFFERENTIAL_GENERATE_H

#include <stdint.h>

#include "tests/differential/term.h"

enum { GENERATED_STEPS = 5 };

struct generated {
    bool writes;
    bool script; /* several steps, in a transaction */
    struct term *steps[GENERATED_STEPS];
    int step_count;
};

/* Statement `number` of the sequence that belongs to the seed.  Its variants differ in their literals only.
 */
struct generated generate(struct arena *arena, uint64_t seed, int number, int variant);

#endif
