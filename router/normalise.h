/*
 * normalise: a statement's text without its literals.
 *
 * One pass of a lexer that agrees with PostgreSQL's scan.l (standard_conforming_strings on): literals become
 * '?', comments and extra white space go, unquoted identifiers are folded to lower case.  Two statements with the same normalised text
 * and the same literal kinds differ in nothing but the values of their literals.  This is the hot path: no allocation once
 * the buffers have grown, no parser.
 */
#ifndef KEYWAY_NORMALISE_H
#define KEYWAY_NORMALISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum literal_kind {
    LITERAL_INTEGER, /* digits that fit an int4: the parser's Integer */
    LITERAL_DECIMAL, /* any other number, also a large whole one: the parser's Float */
    LITERAL_STRING,  /* '…' ; E'…' and $tag$…$tag$ are strings too */
    LITERAL_BITS,    /* B'…' X'…' */
};

struct literal {
    enum literal_kind kind;
    uint32_t offset; /* of its first byte in the statement's text: equals the parser's location of the constant */
    uint32_t length; /* of the token as written */
    const char *value; /* decoded: quotes and escapes undone; points into the text or into the scratch buffer */
    uint32_t value_length;
};

/* Reused from statement to statement; a zeroed struct is valid. */
struct normalised {
    const char *sql; /* what was read: borrowed, and the literals point into it */
    char *text; /* not NUL-terminated */
    size_t length, capacity;
    struct literal *literals;
    size_t literal_count, literal_capacity;
    char *scratch;
    size_t scratch_length, scratch_capacity;
    uint64_t hash;       /* of text and literal kinds */
    int highest_parameter; /* of $n; 0 if none */
    bool several;        /* more than one statement (a semicolon with something behind it) */
    bool empty;          /* nothing but white space, comments and semicolons */
    bool unsure;         /* an unterminated or unusual token (U&'…'): do not cache, let the parser decide;
                          * nothing else in here holds then */
};

void normalise(const char *sql, size_t length, struct normalised *out);
/*
 * The same of what stands before the first semicolon alone; the result is its length, with the semicolon.  For texts that normalise() has read without being
 * unsure.  Where a statement may have semicolons inside (CREATE RULE, CREATE FUNCTION) this is not the whole of it.
 */
size_t normalise_first(const char *sql, size_t length, struct normalised *out);
/* The index of the literal that begins at `offset`; literal_count: none does. */
size_t normalised_literal(const struct normalised *normalised, uint32_t offset);
void normalised_free(struct normalised *normalised);

/* The first keyword of a statement, folded to lower case into `word` (cut at size): for dispatch without parsing. */
void first_keyword(const char *sql, size_t length, char *word, size_t size);

#endif
