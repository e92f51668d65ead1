/*
 * copy_binary: the binary format of COPY (PostgreSQL 15, COPY, "Binary Format").
 *
 * Data are a header, rows, and a trailer, which may be missing.  A scanner tells a client's data into these pieces, however they are cut on their
 * way, and refuses what PostgreSQL refuses (copyfromparse.c) with its errors; what is in a field only its type's input function can judge.
 */
#ifndef KEYWAY_COPY_BINARY_H
#define KEYWAY_COPY_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/error.h"

/* As PostgreSQL writes them: no flags, no extension. */
extern const uint8_t copy_binary_header[19];
extern const uint8_t copy_binary_trailer[2];

enum copy_piece {
    COPY_PIECE_PART, /* of one: more is needed */
    COPY_PIECE_HEADER,
    COPY_PIECE_EXTENSION, /* of the header, or a part of it: says nothing */
    COPY_PIECE_ROW,
    COPY_PIECE_TRAILER,
    COPY_PIECE_WRONG, /* the error says why */
};

struct copy_field {
    size_t start;   /* in its row */
    int32_t length; /* -1: NULL */
};

/* All zero but for the first members: nothing was scanned. */
struct copy_binary {
    int field_count;       /* of each row */
    const int *key_fields; /* positions of those that are noted … */
    int key_count;
    struct copy_field *keys; /* … here: of the row that was found last */
    enum { COPY_AT_HEADER, COPY_AT_EXTENSION, COPY_AT_ROW, COPY_AT_END } state;
    int32_t extension; /* bytes of it that are still to come */
    size_t scanned;    /* of an unfinished row: where the next field is, perhaps behind what has come */
    int field;         /* … and its number */
};

/* The piece at the beginning of the bytes, and where it ends.  Of a part the same bytes are expected again, with more behind them. */
enum copy_piece copy_binary_scan(struct copy_binary *scan, const uint8_t *bytes, size_t length, size_t *end, struct error *error);
/* The end of the data, `left` bytes of a piece having come; false with `error`: something is missing. */
bool copy_binary_finish(const struct copy_binary *scan, size_t left, struct error *error);

/*
 * What is a row in the next message of a server's COPY TO: the header stands before its first row, or before the trailer (copyto.c).  False: the
 * message is none of such a COPY.  Length 0: there is no row in it.
 */
bool copy_binary_row(bool *header_seen, const uint8_t **bytes, size_t *length);

#endif
