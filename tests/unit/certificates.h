/*
 * Self-signed certificates made on the spot, and both ends of TLS in memory.
 */
#ifndef KEYWAY_TEST_CERTIFICATES_H
#define KEYWAY_TEST_CERTIFICATES_H

#include <openssl/ssl.h>

struct certificate {
    X509 *x509;
    EVP_PKEY *key;
};

struct certificate certificate_new(const char *common_name);
void certificate_free(struct certificate *certificate);
/* PEM files, for settings that name files. */
void certificate_write(const struct certificate *certificate, const char *file, const char *key_file);

/* A context that shows this certificate; with `trusted`, it also demands one that this one has signed. */
SSL_CTX *certificate_server(const struct certificate *certificate, const struct certificate *trusted);
/* As Keyway's own: its handshakes' secrets become known to proxy/cipher, and there are no session tickets. */
void certificate_tell_secrets(SSL_CTX *context);
SSL_CTX *certificate_client(const struct certificate *shown); /* NULL: none */

/* Run both handshakes to their end through memory. */
void certificate_shake_hands(SSL *server, SSL *client);

#endif
