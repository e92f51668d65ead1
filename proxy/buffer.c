/*
 * Room is found at the end if there is enough, then at the front if so much was taken that moving the rest
 * costs no more than what was taken (each byte is moved at most once for each byte taken), and else by
 * doubling.
 */
#include "proxy/buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

enum { BUFFER_SMALLEST = 512 };

static void move_to_front(struct buffer *buffer)
{
    size_t length = buffer_length(buffer);
    memmove(buffer->bytes, buffer->bytes + buffer->start, length);
    buffer->start = 0;
    buffer->end = length;
}

static void grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity < BUFFER_SMALLEST ? BUFFER_SMALLEST : buffer->capacity;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    if (capacity > buffer->capacity) {
        buffer->bytes = memory_resize(buffer->bytes, capacity);
        buffer->capacity = capacity;
    }
}

uint8_t *buffer_reserve(struct buffer *buffer, size_t room)
{
    if (buffer->capacity - buffer->end >= room && buffer->bytes != NULL)
        return buffer->bytes + buffer->end;
    size_t length = buffer_length(buffer);
    if (buffer->start > 0 && buffer->start >= length)
        move_to_front(buffer);
    if (buffer->capacity - buffer->end < room || buffer->bytes == NULL) {
        assert(room <= SIZE_MAX - buffer->end);
        size_t needed = buffer->end + room;
        grow(buffer, needed > buffer->capacity ? needed : buffer->capacity);
    }
    return buffer->bytes + buffer->end;
}

void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0)
        return;
    memcpy(buffer_reserve(buffer, length), bytes, length);
    buffer->end += length;
}

void buffer_take(struct buffer *buffer, size_t length)
{
    assert(length <= buffer_length(buffer));
    buffer->start += length;
    if (buffer->start == buffer->end)
        buffer_clear(buffer);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->start = buffer->end = 0;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
