/*
 * buffer: bytes that wait, in one growable piece.
 *
 * Bytes are appended at the end and taken from the front; what was taken makes room again.  A connection owns
 * memory only while something waits: an emptied buffer can give its memory back to its worker's spares.  A
 * zeroed struct is a valid empty buffer.
 */
#ifndef KEYWAY_BUFFER_H
#define KEYWAY_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *bytes;
    size_t start, end, capacity; /* waiting bytes are bytes[start … end-1] */
};

static inline size_t buffer_length(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

/* The first waiting byte; NULL for a buffer that owns no memory. */
static inline const uint8_t *buffer_data(const struct buffer *buffer)
{
    return buffer->bytes ? buffer->bytes + buffer->start : NULL;
}

/* Where the next `room` bytes may be written; the writer then adds what it wrote to buffer->end.  Bytes that
 * wait may move. */
uint8_t *buffer_reserve(struct buffer *buffer, size_t room);
void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_take(struct buffer *buffer, size_t length); /* forget bytes at the front */
void buffer_clear(struct buffer *buffer);               /* empty, memory kept */
void buffer_free(struct buffer *buffer);                /* empty, memory returned */

#endif
