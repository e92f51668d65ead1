/*
 * wire: PostgreSQL protocol 3.0 framing, bytes only (PostgreSQL 15, chapter 55).
 *
 * Taking messages apart and putting them together in memory.  No sockets, no state: everything here can be
 * fuzzed.  Whatever is read is checked against the end of its message first.
 */
#ifndef KEYWAY_WIRE_H
#define KEYWAY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"
#include "router/error.h"

/* Request codes in place of a protocol version (55.7). */
enum {
    WIRE_PROTOCOL_3 = 196608,
    WIRE_CANCEL_REQUEST = 80877102,
    WIRE_SSL_REQUEST = 80877103,
    WIRE_GSSENC_REQUEST = 80877104,
};

enum { WIRE_HEADER = 5 }; /* type byte and Int32 length */

struct frame {
    uint8_t type;
    const uint8_t *body;
    size_t body_length; /* without header */
    size_t total;       /* with header */
};

enum wire_scan {
    WIRE_FRAME,   /* a whole frame is there */
    WIRE_HEAD,    /* the header is there, type and lengths are set, the body is not complete */
    WIRE_PARTIAL, /* not even the header is complete */
    WIRE_BAD,     /* a length below 4 or above `largest`: the stream cannot be trusted any more */
};

/* Look at the frame that begins at `bytes`. */
enum wire_scan wire_scan(const uint8_t *bytes, size_t length, size_t largest, struct frame *frame);
/* The same for the untyped first packet of a connection: frame->type is 0, total includes the Int32 length.
 */
enum wire_scan wire_scan_startup(const uint8_t *bytes, size_t length, size_t largest, struct frame *frame);

/* A cursor over a message body: after any read past the end `failed` stays true and reads give 0, NULL. */
struct reader {
    const uint8_t *at, *end;
    bool failed;
};
static inline struct reader reader_of(const struct frame *frame)
{
    return (struct reader){frame->body, frame->body + frame->body_length, false};
}
uint8_t read_byte(struct reader *reader);
int16_t read_int16(struct reader *reader);
int32_t read_int32(struct reader *reader);
const char *read_string(struct reader *reader); /* NUL-terminated inside the body; borrowed */
const uint8_t *read_bytes(struct reader *reader, size_t length); /* borrowed */
bool reader_done(const struct reader *reader);                   /* not failed and nothing left */

/* Building: begin a message, put its parts, end it (the length is patched in). */
size_t wire_begin(struct buffer *out, uint8_t type); /* returns the mark for wire_end */
void wire_put_byte(struct buffer *out, uint8_t value);
void wire_put_int16(struct buffer *out, int16_t value);
void wire_put_int32(struct buffer *out, int32_t value);
void wire_put_string(struct buffer *out, const char *text); /* with its NUL */
void wire_put_bytes(struct buffer *out, const void *bytes, size_t length);
void wire_end(struct buffer *out, size_t mark);

/* Whole messages. */
void wire_empty(struct buffer *out, uint8_t type); /* a message without body: ParseComplete, Sync, … */
void wire_message(struct buffer *out, uint8_t type, const void *body, size_t length);
void wire_error(struct buffer *out, const struct error *error,
                bool fatal); /* ErrorResponse, severity ERROR or FATAL */
void wire_notice(struct buffer *out, const char *severity, const struct error *notice);
void wire_ready(struct buffer *out, char status);        /* ReadyForQuery: 'I', 'T', 'E' */
void wire_complete(struct buffer *out, const char *tag); /* CommandComplete */
void wire_parameter(struct buffer *out, const char *name, const char *value); /* ParameterStatus */
void wire_query(struct buffer *out, const char *sql, size_t length);          /* Query */
/* A RowDescription of text-format columns; types are pg_type OIDs (NULL: all text). */
void wire_columns(struct buffer *out, const char *const *names, const uint32_t *types, int count);
void wire_row(struct buffer *out, const char *const *values, int count); /* DataRow in text; NULL is NULL */

/* An ErrorResponse or NoticeResponse taken apart (55.8); fields are borrowed, NULL if absent. */
struct wire_fields {
    const char *severity, *sqlstate, *message, *detail, *hint, *position;
};
bool wire_read_fields(const struct frame *frame, struct wire_fields *fields);
/* An ErrorResponse as an error of our own; one that cannot be read is an internal error. */
void wire_read_error(const struct frame *frame, struct error *error);

#endif
