/*
 * big_sum: the sum of whole numbers of any size, exactly.
 */
#ifndef KEYWAY_BIG_SUM_H
#define KEYWAY_BIG_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct big_magnitude {
    uint32_t *limbs; /* nine decimal digits each, lowest first */
    size_t count, capacity;
};

/* A zeroed struct is the sum of nothing. */
struct big_sum {
    int64_t small; /* as long as it can hold the terms that are no larger themselves … */
    struct big_magnitude positive, negative; /* … and those that went there, of each sign */
};

/* Add a term in decimal text, perhaps with a minus sign.  False: it is no whole number. */
bool big_sum_add_text(struct big_sum *sum, const char *text, size_t length);
void big_sum_add(struct big_sum *sum, int64_t term);

/* The sum as decimal text, malloc'ed. */
char *big_sum_text(struct big_sum *sum);
/* The sum as an integer; false if it does not fit. */
bool big_sum_integer(struct big_sum *sum, int64_t *value);
/* Begin anew, with the memory that there is. */
void big_sum_clear(struct big_sum *sum);
void big_sum_free(struct big_sum *sum);

#endif
