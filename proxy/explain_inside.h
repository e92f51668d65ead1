/*
 * explain_inside: what the rooms of explain share: the answers (explain.c), and how they are written (explain_format.c).
 */
#ifndef KEYWAY_EXPLAIN_INSIDE_H
#define KEYWAY_EXPLAIN_INSIDE_H

#include "proxy/explain.h"

struct answer {
    struct explained of;
    const char **rows; /* in text a line each, else a document */
    size_t count, room;
    bool counted;  /* how many rows were moved for it is known … */
    bool measured; /* … and how many bytes */
    size_t moved_rows, moved_bytes;
    struct answer *next;
};

struct explanation {
    struct arena *arena;
    enum explain_format format;
    bool counts, widths;
    bool gathers; /* some answers are for parts */
    const char *preface;
    struct answer *answers, *last;
    int count;
};

/* In explain_format.c: in text, a row for each line; or one row. */
void explanation_put_lines(const struct explanation *explanation, struct buffer *out);
void explanation_put_document(const struct explanation *explanation, struct buffer *out);

#endif
