/*
 * auth: who a client is.
 *
 * The server side of PostgreSQL's authentication exchanges (15 protocol, 55.2.1 and 55.3; RFC 5802, RFC
 * 7677), as a state machine over messages: no sockets.  SCRAM against a stored SCRAM secret or a plain
 * password, with channel binding tls-server-end-point under TLS; md5 against an md5 hash or a plain password;
 * cleartext; certificate common name.  A name that is not in auth_file goes through the same exchange and
 * fails at its end, so that names cannot be probed.
 */
#ifndef KEYWAY_AUTH_H
#define KEYWAY_AUTH_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"
#include "proxy/buffer.h"
#include "proxy/wire.h"

struct auth; /* exists only while a client logs in */

enum auth_step {
    AUTH_CONTINUE, /* messages for the client were put into `out`; wait for its answer ('p') */
    AUTH_DONE,     /* authenticated; AuthenticationOk ('R' 0) has NOT been put: the session does it */
    AUTH_FAILED,   /* `error` says why (28P01 as PostgreSQL words it, or 08P01) */
};

/* Begin.  `tls` is the client's TLS session or NULL.  Nothing of `settings` is needed after this call. */
struct auth *auth_new(const struct settings *settings, enum auth_method method, const char *user, SSL *tls);
/* AUTH_DONE can put a last message into `out` (AuthenticationSASLFinal), before AuthenticationOk. */
enum auth_step auth_begin(struct auth *auth, struct buffer *out, struct error *error);
/* The client's PasswordMessage / SASLInitialResponse / SASLResponse (all type 'p'). */
enum auth_step auth_message(struct auth *auth, const struct frame *frame, struct buffer *out,
                            struct error *error);
void auth_free(struct auth *auth); /* wipes secrets; NULL is fine */

#endif
