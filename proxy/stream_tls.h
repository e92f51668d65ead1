/*
 * stream_tls: how a stream's bytes move through OpenSSL; only proxy/stream.c includes this.
 */
#ifndef KEYWAY_STREAM_TLS_H
#define KEYWAY_STREAM_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transfer_end {
    TRANSFER_GOOD,       /* nothing stands in the way of the next transfer */
    TRANSFER_WAIT_READ,  /* go on when the socket is readable */
    TRANSFER_WAIT_WRITE, /* go on when it is writable */
    TRANSFER_CLOSED,     /* the peer closed */
    TRANSFER_FAILED,
};

/* What one attempt to send or receive came to.  An end is reported only with a count of 0. */
struct transfer {
    size_t count;
    enum transfer_end end;
    bool again;         /* receiving: call again without waiting for the socket */
    const char *reason; /* static; of CLOSED and FAILED */
};

/* Ready an SSL, own or borrowed, for partial writes from a moving buffer. */
void stream_tls_prepare(SSL *tls);
struct transfer stream_tls_handshake(SSL *tls);
/* Everything OpenSSL holds and one read of the socket brings, as far as there is room. */
struct transfer stream_tls_receive(SSL *tls, uint8_t *place, size_t room);
/* Whether there is anything to receive, which stays there; its count is 0 or 1. */
struct transfer stream_tls_peek(SSL *tls);
/* One record's worth.  After a WAIT_… the next call must begin with the same bytes, and at least as many. */
struct transfer stream_tls_send(SSL *tls, const uint8_t *bytes, size_t length);
/* The closure alert, if it can be sent without waiting. */
void stream_tls_goodbye(SSL *tls);

#endif
