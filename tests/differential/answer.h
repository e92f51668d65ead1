/*
 * answer: all that a client can see of what a statement gives, in a form that can be compared and shown.
 */
#ifndef KEYWAY_DIFFERENTIAL_ANSWER_H
#define KEYWAY_DIFFERENTIAL_ANSWER_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "tests/differential/corpus.h"

/* How a statement is sent. */
enum protocol {
    PROTOCOL_SIMPLE,        /* Query */
    PROTOCOL_PREPARED_TEXT, /* Parse of a named statement, Describe, Bind, Execute; results in text format */
    PROTOCOL_PREPARED_BINARY, /* the same unnamed, results in binary format */
    PROTOCOL_PARAMETERS_TEXT, /* Parse, Bind, Describe, Execute in one go */
    PROTOCOL_PARAMETERS_BINARY,
    PROTOCOLS,
};
extern const char *const protocol_names[PROTOCOLS];

/* One end to ask: Keyway or the oracle. */
struct party {
    PGconn *conn;
    PGconn *const *catalogs; /* the servers whose type OIDs it may use, */
    int catalog_count;
    int foreign_types; /* counts the uses of others' than the first one's */
    long patience_ms;  /* for each answer; 0: 30 s */
};

struct answer {
    char *head;  /* a line for each result: its columns or its command tag, its SQLSTATE; then the
                    transaction's state */
    char **rows; /* of all results */
    int row_count;
    char sqlstate[6]; /* of the last error, else empty; with its texts, else NULL */
    char *message, *detail, *hint, *position;
};

/* Ask and wait; an end that says nothing for too long, or goes away, says that in the head. */
struct answer answer_ask(struct party *party, const struct step *step, enum protocol protocol);
void answer_free(struct answer *answer);

/* 0A000 with DETAIL and HINT. */
bool answer_is_refusal(const struct answer *answer);
/* Is the answer as the section wants it compared the expected one?  Sorts rows where their order does not
 * matter. */
bool answer_equal(struct answer *expected, struct answer *found, enum section section);
/* For people: the head, the first rows and the error, indented. */
void answer_print(const struct answer *answer, const char *title);

#endif
