/*
 * corpus: the statements, as the .sql files of this folder hold them.
 *
 * A file is a list of sections, `-- [NAME]`, of paragraphs.  A paragraph begins with a comment that says what
 * it catches; a line
 * `--$ a | b` gives values for $1, $2 (`~`: NULL), several such lines several executions; the rest is the
 * statement, or several, each but the last of which ends with a semicolon at the end of a line.  In a script each statement ends with a semicolon at the end of a line, and the lines behind COPY
 * … FROM STDIN up to `\.` are its data.
 */
#ifndef KEYWAY_DIFFERENTIAL_CORPUS_H
#define KEYWAY_DIFFERENTIAL_CORPUS_H

#include <stdbool.h>

enum section {
    SECTION_ROWS,        /* [rows]: as a multiset */
    SECTION_TOTAL_ORDER, /* [total order]: in their order */
    SECTION_SOME_ROWS,   /* [some rows]: any of the possible ones: only their number */
    SECTION_NAMES,       /* [names]: as a multiset, in text only: in binary the values are OIDs */
    SECTION_EXPLAIN,     /* [explain]: it says more than PostgreSQL's: columns and command tag only */
    SECTION_ERROR,       /* [error]: message and position, too */
    SECTION_WRITE,       /* [write]: rows as a multiset; all tables afterwards */
    SECTION_SCRIPT,      /* [script]: statements of one session, all in their order; all tables afterwards */
};

enum { STEP_VALUES = 8 };

struct step {
    char *sql;
    char *copy; /* data for COPY FROM, or NULL */
    char *values[STEP_VALUES];
    int value_count;
};

struct entry {
    const char *file; /* without folder and suffix */
    int line;
    enum section section;
    char *comment;
    struct step *steps;
    int step_count;
};

struct corpus {
    struct entry *entries;
    int count;
};

/* Read all files of the folder but setup.sql, sorted by name; exits with a message if one is not in this
 * form. */
struct corpus corpus_read(const char *folder);
void corpus_free(struct corpus *corpus);

#endif
