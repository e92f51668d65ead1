/*
 * trial: one entry of the corpus before one layout, in every way of asking.
 */
#ifndef KEYWAY_DIFFERENTIAL_TRIAL_H
#define KEYWAY_DIFFERENTIAL_TRIAL_H

#include "tests/differential/answer.h"
#include "tests/differential/layout.h"

enum verdict {
    VERDICT_EQUAL,
    VERDICT_REFUSED,   /* in at least one way of asking, and in none different */
    VERDICT_DIFFERENT, /* said on stdout */
};

struct bench {
    struct servers servers;
    int port; /* Keyway's */
    struct party keyway, oracle;
    char *reason;     /* of the last refusal: its DETAIL */
    bool quiet;       /* differences are not said */
    char sqlstate[6]; /* of the oracle's last answer, */
    int row_count;
    long oracle_ms, keyway_ms; /* that the last answers took */
    long patience_ms;          /* for each answer; 0: the usual */
};

void bench_connect(struct bench *bench);
void bench_disconnect(struct bench *bench);

enum verdict trial_run(struct bench *bench, const struct entry *entry);
/* In one way of asking only, if the entry can be asked so: trial_applies(). */
enum verdict trial_run_as(struct bench *bench, const struct entry *entry, enum protocol protocol);
bool trial_applies(const struct entry *entry, enum protocol protocol);

#endif
