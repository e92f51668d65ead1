/*
 * dice: random numbers that are a function of what they are for.
 *
 * Each row has dice of its own, made from its table and its number: rows can be made in any order, and again
 * where another table needs them, and are always the same.
 */
#ifndef KEYWAY_TPCH_DICE_H
#define KEYWAY_TPCH_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

struct dice dice_for(uint64_t table, uint64_t row);
/* A number of low … high, both included. */
long dice_between(struct dice *dice, long low, long high);
/* True once in so many times. */
bool dice_once_in(struct dice *dice, long times);

#endif
