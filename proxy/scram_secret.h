/*
 * scram_secret: what a server keeps of a password for SCRAM-SHA-256 (RFC 5802, section 3; RFC 7677).
 */
#ifndef KEYWAY_SCRAM_SECRET_H
#define KEYWAY_SCRAM_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCRAM_KEY = 32, SCRAM_SALT = 16, SCRAM_ITERATIONS = 4096 };

struct scram_secret {
    char *salt; /* base64, as it is sent; malloc'ed */
    int iterations;
    uint8_t stored_key[SCRAM_KEY], server_key[SCRAM_KEY];
};

/* PostgreSQL's form, "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey".  False when `text` is anything
 * else. */
bool scram_secret_parse(struct scram_secret *secret, const char *text);
/* From a password, which is first normalised (SASLprep, RFC 4013) as PostgreSQL does it. */
bool scram_secret_build(struct scram_secret *secret, const char *password, const uint8_t salt[SCRAM_SALT]);
/* One that fits no password, with this salt. */
void scram_secret_mock(struct scram_secret *secret, const uint8_t salt[SCRAM_SALT]);
/* Whether the secret was made from this password. */
bool scram_secret_fits(const struct scram_secret *secret, const char *password);
void scram_secret_wipe(struct scram_secret *secret);

bool scram_hmac(const uint8_t key[SCRAM_KEY], const void *bytes, size_t length, uint8_t result[SCRAM_KEY]);
bool scram_hash(const uint8_t *bytes, size_t length, uint8_t result[SCRAM_KEY]);

/* base64 without white space; both malloc'ed.  NULL when `text` is not base64. */
char *scram_encode(const uint8_t *bytes, size_t length);
uint8_t *scram_decode(const char *text, size_t *length);

#endif
