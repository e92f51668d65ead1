/*
 * scram: the server side of one SCRAM-SHA-256 exchange (RFC 5802, RFC 7677; PostgreSQL 15 protocol, 55.3.1).
 *
 *      server                                       client
 *      AuthenticationSASL (mechanisms)        ->
 *                                            <-     SASLInitialResponse: client-first-message
 *      AuthenticationSASLContinue             ->
 *        server-first-message
 *                                            <-     SASLResponse: client-final-message
 *      AuthenticationSASLFinal                ->
 *        server-final-message
 */
#ifndef KEYWAY_SCRAM_H
#define KEYWAY_SCRAM_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "proxy/buffer.h"
#include "proxy/scram_secret.h"
#include "proxy/wire.h"

struct scram;

enum scram_result {
    SCRAM_CONTINUE,
    SCRAM_PROVED,   /* the client knows the password; the server-final-message was put into `out` */
    SCRAM_WRONG,    /* it does not; no error was set, because all methods word it alike */
    SCRAM_VIOLATED, /* `error` says how the protocol was broken */
};

/* Takes the secret over.  A doomed exchange goes its whole way and then is wrong.  `tls` or NULL: whose
 * certificate the channel is bound to. */
struct scram *scram_new(struct scram_secret *secret, bool doomed, SSL *tls);
void scram_begin(struct scram *scram, struct buffer *out);
enum scram_result scram_message(struct scram *scram, const struct frame *frame, struct buffer *out,
                                struct error *error);
void scram_free(struct scram *scram); /* NULL is fine; wipes secrets */

#endif
