/*
 * random: a generated statement before a layout, made small if its answer is different.
 */
#ifndef KEYWAY_DIFFERENTIAL_RANDOM_H
#define KEYWAY_DIFFERENTIAL_RANDOM_H

#include <stdint.h>

#include "tests/differential/trial.h"

struct random_trial {
    enum verdict verdict;
    bool invalid; /* PostgreSQL has an error for it */
    bool has_rows;
    struct entry entry; /* what was asked; random_end() frees it */
};

/* Statement `number` of the seed's sequence, in a protocol that goes by its number. */
struct random_trial random_run(struct bench *bench, uint64_t seed, int number);
void random_end(struct random_trial *trial);

/* Is it this layout's turn? */
bool random_is_turn(const struct layout *layout, int number);

#endif
