/*
 * SaltedPassword is PBKDF2 of the normalised password; the client's and the server's keys are HMACs of it,
 * and only the hash of the client's key is kept.  Normalisation and base64 are PostgreSQL's own
 * (libpgcommon), so that no password is read in two ways.
 */
#include "proxy/scram_secret.h"

#include <common/base64.h>
#include <common/saslprep.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

bool scram_hmac(const uint8_t key[SCRAM_KEY], const void *bytes, size_t length, uint8_t result[SCRAM_KEY])
{
    unsigned size = 0;
    return HMAC(EVP_sha256(), key, SCRAM_KEY, bytes, length, result, &size) != NULL && size == SCRAM_KEY;
}

bool scram_hash(const uint8_t *bytes, size_t length, uint8_t result[SCRAM_KEY])
{
    unsigned size = 0;
    return EVP_Digest(bytes, length, result, &size, EVP_sha256(), NULL) == 1 && size == SCRAM_KEY;
}

char *scram_encode(const uint8_t *bytes, size_t length)
{
    int room = pg_b64_enc_len((int) length);
    char *text = memory_alloc((size_t) room + 1);
    int written = pg_b64_encode((const char *) bytes, (int) length, text, room);
    text[written < 0 ? 0 : written] = '\0';
    return text;
}

uint8_t *scram_decode(const char *text, size_t *length)
{
    size_t given = strlen(text);
    if (given > INT_MAX / 2)
        return NULL;
    int room = pg_b64_dec_len((int) given);
    uint8_t *bytes = memory_alloc((size_t) room + 1);
    int decoded = pg_b64_decode(text, (int) given, (char *) bytes, room);
    if (decoded < 0) {
        free(bytes);
        return NULL;
    }
    *length = (size_t) decoded;
    return bytes;
}

static bool decode_key(const char *text, uint8_t key[SCRAM_KEY])
{
    size_t length = 0;
    uint8_t *bytes = scram_decode(text, &length);
    bool fits = bytes != NULL && length == SCRAM_KEY;
    if (fits)
        memcpy(key, bytes, SCRAM_KEY);
    free(bytes);
    return fits;
}

/* The text up to `mark`, which becomes its end; NULL when there is no `mark`. */
static char *cut(char **at, char mark)
{
    char *begin = *at, *end = strchr(begin, mark);
    if (end == NULL)
        return NULL;
    *end = '\0';
    *at = end + 1;
    return begin;
}

static bool parse_parts(struct scram_secret *secret, char *text)
{
    char *scheme = cut(&text, '$');
    char *iterations = scheme ? cut(&text, ':') : NULL;
    char *salt = iterations ? cut(&text, '$') : NULL;
    char *stored_key = salt ? cut(&text, ':') : NULL;
    if (stored_key == NULL || strcmp(scheme, "SCRAM-SHA-256") != 0)
        return false;
    char *end;
    errno = 0;
    long count = strtol(iterations, &end, 10);
    if (*end != '\0' || end == iterations || errno != 0 || count <= 0 || count > INT_MAX)
        return false;
    size_t salt_length = 0;
    uint8_t *salt_bytes = scram_decode(salt, &salt_length);
    free(salt_bytes);
    if (salt_bytes == NULL || !decode_key(stored_key, secret->stored_key) ||
        !decode_key(text, secret->server_key))
        return false;
    secret->iterations = (int) count;
    secret->salt = memory_strdup(salt);
    return true;
}

bool scram_secret_parse(struct scram_secret *secret, const char *text)
{
    *secret = (struct scram_secret){0};
    char *copy = memory_strdup(text);
    size_t size = strlen(copy);
    bool parsed = parse_parts(secret, copy);
    OPENSSL_cleanse(copy, size);
    free(copy);
    if (!parsed)
        scram_secret_wipe(secret);
    return parsed;
}

/* A password that is not valid UTF-8 or has forbidden characters is used as it is, by servers and by libpq.
 */
static bool salted_password(const char *password, const uint8_t *salt, size_t salt_length, int iterations,
                            uint8_t result[SCRAM_KEY])
{
    char *normalised = NULL;
    if (pg_saslprep(password, &normalised) != SASLPREP_SUCCESS)
        normalised = memory_strdup(password);
    size_t length = strlen(normalised);
    bool done = length <= INT_MAX && PKCS5_PBKDF2_HMAC(normalised, (int) length, salt, (int) salt_length,
                                                       iterations, EVP_sha256(), SCRAM_KEY, result) == 1;
    OPENSSL_cleanse(normalised, length);
    free(normalised);
    return done;
}

bool scram_secret_build(struct scram_secret *secret, const char *password, const uint8_t salt[SCRAM_SALT])
{
    uint8_t salted[SCRAM_KEY], client_key[SCRAM_KEY];
    *secret = (struct scram_secret){.iterations = SCRAM_ITERATIONS};
    bool built = salted_password(password, salt, SCRAM_SALT, SCRAM_ITERATIONS, salted) &&
                 scram_hmac(salted, "Client Key", 10, client_key) &&
                 scram_hash(client_key, SCRAM_KEY, secret->stored_key) &&
                 scram_hmac(salted, "Server Key", 10, secret->server_key);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(client_key, sizeof(client_key));
    if (built)
        secret->salt = scram_encode(salt, SCRAM_SALT);
    return built;
}

void scram_secret_mock(struct scram_secret *secret, const uint8_t salt[SCRAM_SALT])
{
    *secret = (struct scram_secret){.salt = scram_encode(salt, SCRAM_SALT), .iterations = SCRAM_ITERATIONS};
}

bool scram_secret_fits(const struct scram_secret *secret, const char *password)
{
    uint8_t salted[SCRAM_KEY], server_key[SCRAM_KEY];
    size_t salt_length = 0;
    uint8_t *salt = scram_decode(secret->salt, &salt_length);
    bool fits = salt != NULL && salted_password(password, salt, salt_length, secret->iterations, salted) &&
                scram_hmac(salted, "Server Key", 10, server_key) &&
                CRYPTO_memcmp(server_key, secret->server_key, SCRAM_KEY) == 0;
    free(salt);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(server_key, sizeof(server_key));
    return fits;
}

void scram_secret_wipe(struct scram_secret *secret)
{
    free(secret->salt);
    OPENSSL_cleanse(secret, sizeof(*secret));
}
