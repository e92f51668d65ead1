/*
 * words: the texts of TPC-H's rows (specification, 4.2.2): names out of lists, sentences, addresses.
 */
#ifndef KEYWAY_TPCH_WORDS_H
#define KEYWAY_TPCH_WORDS_H

#include <stdio.h>

#include "tests/differential/tpch/dice.h"

struct nation {
    const char *name;
    int region;
};

enum { NATIONS = 25, REGIONS = 5 };

extern const struct nation words_nations[NATIONS];
extern const char *const words_regions[REGIONS];

/* One of each list. */
const char *words_colour(struct dice *dice);
const char *words_segment(struct dice *dice);
const char *words_priority(struct dice *dice);
const char *words_instruction(struct dice *dice);
const char *words_mode(struct dice *dice);
/* Of three words, and of two. */
void words_write_type(FILE *file, struct dice *dice);
void words_write_container(FILE *file, struct dice *dice);

/* Sentences, cut off at a length of shortest … longest. */
void words_write_comment(FILE *file, struct dice *dice, int shortest, int longest);
void words_write_address(FILE *file, struct dice *dice);
void words_write_phone(FILE *file, struct dice *dice, int nation);

#endif
