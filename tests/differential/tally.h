/*
 * tally: how often something was seen, for the last lines of the report.
 */
#ifndef KEYWAY_DIFFERENTIAL_TALLY_H
#define KEYWAY_DIFFERENTIAL_TALLY_H

struct tally_row {
    char *name;
    int times;
    char *example; /* the first */
};

struct tally {
    struct tally_row *rows;
    int count;
};

void tally_add(struct tally *tally, const char *name, const char *example);
/* Most frequent first; with examples on a line of their own. */
void tally_print(struct tally *tally, const char *title, int with_examples);
void tally_free(struct tally *tally);

#endif
