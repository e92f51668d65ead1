/*
 * cipher: the TLS of one stream, between bytes that were received and bytes that are to be sent.  It knows no socket.
 *
 * What came from the peer is offered to it and read decrypted; what is to be sent is written to it and taken, encrypted, from `out`.  Writing
 * never waits, so no call ever has to be repeated with the same arguments.  The handshake is OpenSSL's; behind it, records of TLS 1.3 are
 * proxy/records', and a client's SSL may go; a server's, which is libpq's, only rests.  Only proxy/stream.c and proxy/tls.c include this.
 */
#ifndef KEYWAY_CIPHER_H
#define KEYWAY_CIPHER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"
#include "proxy/records.h"
#include "proxy/transfer.h"

enum { CIPHER_LEAST_ROOM = RECORD_MOST };

struct cipher {
    SSL *tls;                /* NULL when it has been freed before the end; of no use any more when `own_records` */
    struct records *records; /* secrets that the handshake has told; later, and if `own_records`, who does its work */
    bool own_records;
    BIO *displaced;        /* what the SSL used before; gets it back */
    const uint8_t *lent;   /* offered and not yet read; the owner's memory, until cipher_keep() */
    size_t lent_length;
    struct buffer in, out; /* what was kept; what is to be sent.  Memory may be the worker's: see worker_lend_memory() */
    struct transfer end;   /* `own_records`: CLOSED or FAILED once the peer's records have come to that */
    bool more;             /* the SSL itself has something to be read, or part of it, or an end to tell */
    bool ended;            /* nothing follows what was offered */
    const char *failure;   /* … because of this */
};

/* SSLs of this context are going to tell their ciphers the secrets without which an SSL has to stay. */
void cipher_prepare(SSL_CTX *context);
/* Somebody else shakes hands with this client's SSL, has begun to, and will use it before its cipher is made: what that will need to go on by
 * itself is noted from now on.  Told again it does nothing. */
void cipher_watch(SSL *tls);
/* Take up an SSL, own or borrowed, before or after its handshake. */
struct cipher *cipher_new(SSL *tls);
/* The SSL goes back to what it used before; or, when encrypted output is left that was not sent, or others have gone on in its place, to nothing,
 * since what it says could not be understood. */
void cipher_free(struct cipher *cipher);
/* Nobody asks the SSL for what its handshake has shown any more: free it if the cipher can do without it.  Whether it was freed. */
bool cipher_forget_handshake(struct cipher *cipher);
const char *cipher_version(const struct cipher *cipher);
const char *cipher_suite(const struct cipher *cipher);

/* Bytes came: valid until cipher_keep(), which copies those that were not read by then. */
void cipher_offer(struct cipher *cipher, const uint8_t *bytes, size_t length);
void cipher_keep(struct cipher *cipher);
/* Nothing more will come; `failure` is a static text, NULL for an orderly end. */
void cipher_end(struct cipher *cipher, const char *failure);
/* A read may give something, or an end, without anything being offered. */
bool cipher_has_more(const struct cipher *cipher);

struct transfer cipher_shake_hands(struct cipher *cipher);
/* All that is there, as far as there is room; which there must be for CIPHER_LEAST_ROOM bytes. */
struct transfer cipher_receive(struct cipher *cipher, uint8_t *place, size_t room);
/* Whether there is anything to receive, which stays there; its count is 0 or 1. */
struct transfer cipher_peek(struct cipher *cipher);
/* One record's worth. */
struct transfer cipher_send(struct cipher *cipher, const uint8_t *bytes, size_t length);
/* The closure alert. */
void cipher_close(struct cipher *cipher);

#endif
