/*
 * forger: one direction of TLS 1.3's protected records, made by OpenSSL's own TLS13-KDF and its ciphers: what a peer could send that an SSL would
 * not, and what it is sent.
 */
#ifndef KEYWAY_TEST_FORGER_H
#define KEYWAY_TEST_FORGER_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"
#include "proxy/records.h"

struct forger {
    EVP_CIPHER_CTX *context;
    const EVP_CIPHER *cipher;
    const EVP_MD *digest;
    uint8_t secret[RECORD_SECRET], nonce[RECORD_NONCE];
    uint64_t number;
};

/* Under the secret and the number that the direction has now. */
void forger_begin(struct forger *forger, const struct direction *direction, const SSL_CIPHER *suite);
void forger_end(struct forger *forger);
void forger_change_keys(struct forger *forger);

/* Append a record with `padding` zeros behind the content; it may be longer than is allowed. */
void forger_seal(struct forger *forger, uint8_t type, const void *content, size_t length, size_t padding, struct buffer *out);
/* Open a whole record into `place`; false: it does not open.  What comes out is without padding. */
bool forger_open(struct forger *forger, const uint8_t *record, uint8_t *place, uint8_t *type, size_t *length);

#endif
