/*
 * tls: the certificate Keyway shows to clients, as an OpenSSL context that a reload replaces.
 */
#ifndef KEYWAY_TLS_H
#define KEYWAY_TLS_H

#include <openssl/ssl.h>

#include "config/settings.h"
#include "router/error.h"

/*
 * The context for client connections under these settings: TLS 1.2 or later, client certificates asked for
 * and verified against client_tls_ca_file under verify-ca and verify-full (required there; also whenever
 * auth_method = cert).  NULL with client_tls_sslmode = off and no error; NULL with `error` when a file is
 * missing or does not fit. SSL_CTX_free() it; SSLs made from it keep it alive.
 */
SSL_CTX *tls_client_context(const struct settings *settings, struct error *error);

/* The common name of the peer's verified certificate, malloc'ed; NULL without one. */
char *tls_peer_name(SSL *tls);

#endif
