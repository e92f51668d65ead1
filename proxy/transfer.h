/*
 * transfer: one attempt to move bytes, and what it came to; only proxy/stream.c and proxy/cipher.c include this.
 */
#ifndef KEYWAY_TRANSFER_H
#define KEYWAY_TRANSFER_H

#include <stddef.h>
#include <stdint.h>

enum transfer_end {
    TRANSFER_GOOD,   /* nothing stands in the way of the next transfer */
    TRANSFER_WAIT,   /* go on when there is more to receive, or room to send */
    TRANSFER_CLOSED, /* the peer closed */
    TRANSFER_FAILED,
};

/* Of a receipt an end is reported only with a count of 0. */
struct transfer {
    size_t count;
    enum transfer_end end;
    const char *reason; /* static; of CLOSED and FAILED */
};

/* From and to a non-blocking socket; `flags` are recv()'s. */
struct transfer transfer_receive(int fd, uint8_t *place, size_t room, int flags);
struct transfer transfer_send(int fd, const uint8_t *bytes, size_t length);

#endif
