/*
 * SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
 */
#include "tests/differential/tpch/dice.h"

static const uint64_t golden_gamma = 0x9e3779b97f4a7c15;

static uint64_t roll(struct dice *dice)
{
    uint64_t mixed = dice->state += golden_gamma;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return mixed ^ mixed >> 31;
}

struct dice dice_for(uint64_t table, uint64_t row)
{
    struct dice of_table = {table};
    return (struct dice){roll(&of_table) + row * 0x2545f4914f6cdd1d};
}

long dice_between(struct dice *dice, long low, long high)
{
    return low + (long) (roll(dice) % (uint64_t) (high - low + 1));
}

bool dice_once_in(struct dice *dice, long times)
{
    return dice_between(dice, 1, times) == 1;
}
