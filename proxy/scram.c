/*
 * Messages are comma-separated attributes, "n=…,r=…".  Each is parsed in a copy whose commas become string
 * ends; what goes into the proof is taken from the untouched text.  Words and SQLSTATEs of the errors are
 * PostgreSQL's.
 */
#include "proxy/scram.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

#define MECHANISM      "SCRAM-SHA-256"
#define MECHANISM_PLUS "SCRAM-SHA-256-PLUS"
#define BINDING_TYPE   "tls-server-end-point"

enum { NONCE_BYTES = 18 }; /* PostgreSQL's SCRAM_RAW_NONCE_LEN; 24 characters when sent */
enum { SASL = 10, SASL_CONTINUE = 11, SASL_FINAL = 12 };

enum scram_state { EXPECT_INITIAL, EXPECT_FIRST, EXPECT_FINAL, OVER };

struct scram {
    enum scram_state state;
    struct scram_secret secret;
    bool doomed;
    uint8_t binding[EVP_MAX_MD_SIZE]; /* the hash of our certificate */
    unsigned binding_length;          /* 0: no channel binding on this connection */
    bool plus;                        /* the client chose it */
    char binding_flag;                /* 'n', 'y' or 'p', of the client-first-message */
    char *client_first_bare;
    char *nonce; /* the client's and ours */
    char *server_first;
};

/* RFC 5929, section 4.1: the certificate under the hash of its own signature, but SHA-256 in place of MD5 and
 * SHA-1. Without such a hash (Ed25519) there is no binding. */
static unsigned certificate_hash(SSL *tls, uint8_t hash[EVP_MAX_MD_SIZE])
{
    X509 *certificate = tls ? SSL_get_certificate(tls) : NULL;
    int digest = NID_undef;
    if (certificate == NULL || !OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, NULL) ||
        digest == NID_undef)
        return 0;
    const EVP_MD *md = digest == NID_md5 || digest == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(digest);
    unsigned length = 0;
    return md != NULL && X509_digest(certificate, md, hash, &length) == 1 ? length : 0;
}

struct scram *scram_new(struct scram_secret *secret, bool doomed, SSL *tls)
{
    struct scram *scram = memory_alloc(sizeof(*scram));
    scram->secret = *secret;
    OPENSSL_cleanse(secret, sizeof(*secret));
    scram->doomed = doomed;
    scram->binding_length = certificate_hash(tls, scram->binding);
    return scram;
}

void scram_free(struct scram *scram)
{
    if (scram == NULL)
        return;
    scram_secret_wipe(&scram->secret);
    free(scram->client_first_bare);
    free(scram->nonce);
    free(scram->server_first);
    free(scram);
}

static void put_sasl(struct buffer *out, int code, const char *text)
{
    size_t mark = wire_begin(out, 'R');
    wire_put_int32(out, code);
    wire_put_bytes(out, text, strlen(text));
    wire_end(out, mark);
}

void scram_begin(struct scram *scram, struct buffer *out)
{
    size_t mark = wire_begin(out, 'R');
    wire_put_int32(out, SASL);
    if (scram->binding_length > 0)
        wire_put_string(out, MECHANISM_PLUS);
    wire_put_string(out, MECHANISM);
    wire_put_byte(out, 0);
    wire_end(out, mark);
}

static bool violation(struct error *error, const char *message, const char *detail)
{
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "%s", message);
    if (detail != NULL)
        error_detail(error, "%s", detail);
    return false;
}

static bool malformed(struct error *error, const char *detail)
{
    return violation(error, "malformed SCRAM message", detail);
}

/* The value of the attribute at *at, which must have this name (0: any; the name is then in **at). */
static char *attribute(char **at, char name, struct error *error)
{
    char *begin = *at;
    bool named = name ? begin[0] == name
                      : (begin[0] >= 'A' && begin[0] <= 'Z') || (begin[0] >= 'a' && begin[0] <= 'z');
    if (!named || begin[1] != '=') {
        malformed(error, named ? "Expected character \"=\" after an attribute's name."
                               : "An attribute is missing or out of order.");
        return NULL;
    }
    char *end = begin + strcspn(begin, ",");
    *at = *end ? end + 1 : end;
    *end = '\0';
    return begin + 2;
}

static bool binding_unlike_mechanism(struct scram *scram, struct error *error)
{
    if (scram->binding_flag == 'p' && !scram->plus)
        return !malformed(error, "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM "
                                 "message includes channel binding data.");
    if (scram->binding_flag != 'p' && scram->plus)
        return !malformed(error, "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not "
                                 "include channel binding data.");
    return false;
}

/* A client that thinks we offered no binding when we did has been lied to by somebody in the middle. */
static bool accept_no_binding(struct scram *scram, char **at, struct error *error)
{
    if (binding_unlike_mechanism(scram, error))
        return false;
    if (scram->binding_flag == 'y' && scram->binding_length > 0) {
        error_set(error, SQLSTATE_INVALID_AUTHORIZATION, "SCRAM channel binding negotiation error");
        error_detail(error, "The client supports SCRAM channel binding but thinks the server does not.  "
                            "However, this server does support channel binding.");
        return false;
    }
    *at += 1;
    if (**at != ',')
        return malformed(error, "Comma expected after the channel binding flag.");
    *at += 1;
    return true;
}

static bool accept_binding(struct scram *scram, char **at, struct error *error)
{
    if (binding_unlike_mechanism(scram, error))
        return false;
    char *type = attribute(at, 'p', error);
    if (type == NULL)
        return false;
    if (strcmp(type, BINDING_TYPE) == 0)
        return true;
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "unsupported SCRAM channel-binding type \"%.64s\"", type);
    return false;
}

/* gs2-header: the channel binding flag and the authorization identity, which is not supported. */
static bool parse_gs2_header(struct scram *scram, char **at, struct error *error)
{
    scram->binding_flag = **at;
    switch (**at) {
    case 'n':
    case 'y':
        if (!accept_no_binding(scram, at, error))
            return false;
        break;
    case 'p':
        if (!accept_binding(scram, at, error))
            return false;
        break;
    default:
        return malformed(error, "Unexpected channel-binding flag.");
    }
    if (**at == 'a') {
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED,
                  "client uses authorization identity, but it is not supported");
        return false;
    }
    if (**at != ',')
        return malformed(error, "Unexpected attribute in client-first-message.");
    *at += 1;
    return true;
}

static bool is_nonce(const char *text)
{
    const char *at = text;
    for (; *at != '\0'; at++)
        if (*at < 0x21 || *at > 0x7e || *at == ',')
            return false;
    return at > text;
}

/* The user name here is ignored: the startup packet has named the user (55.3.1). */
static bool parse_client_first(struct scram *scram, char *text, char **nonce, struct error *error)
{
    char *at = text;
    if (!parse_gs2_header(scram, &at, error))
        return false;
    scram->client_first_bare = memory_strdup(at);
    if (*at == 'm') {
        error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "client requires an unsupported SCRAM extension");
        return false;
    }
    if (attribute(&at, 'n', error) == NULL || (*nonce = attribute(&at, 'r', error)) == NULL)
        return false;
    if (!is_nonce(*nonce))
        return malformed(error, "Non-printable characters in SCRAM nonce.");
    while (*at != '\0')
        if (attribute(&at, 0, error) == NULL)
            return false;
    return true;
}

static char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *print(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        abort(); /* out of memory, as everywhere */
    va_end(arguments);
    return text;
}

static enum scram_result client_first(struct scram *scram, char *text, struct buffer *out,
                                      struct error *error)
{
    char *client_nonce = NULL;
    if (!parse_client_first(scram, text, &client_nonce, error))
        return SCRAM_VIOLATED;
    uint8_t random[NONCE_BYTES];
    if (RAND_bytes(random, sizeof(random)) != 1) {
        error_set(error, SQLSTATE_INTERNAL_ERROR, "could not generate random nonce");
        return SCRAM_VIOLATED;
    }
    char *server_nonce = scram_encode(random, sizeof(random));
    scram->nonce = print("%s%s", client_nonce, server_nonce);
    scram->server_first = print("r=%s,s=%s,i=%d", scram->nonce, scram->secret.salt, scram->secret.iterations);
    free(server_nonce);
    put_sasl(out, SASL_CONTINUE, scram->server_first);
    scram->state = EXPECT_FINAL;
    return SCRAM_CONTINUE;
}

/* What the client must say it is bound to: the gs2 header, and with 'p' our certificate's hash. */
static char *expected_binding(const struct scram *scram)
{
    static const char header[] = "p=" BINDING_TYPE ",,";
    if (scram->binding_flag != 'p')
        return memory_strdup(scram->binding_flag == 'n' ? "biws" : "eSws"); /* "n,,", "y,," */
    uint8_t bytes[sizeof(header) + EVP_MAX_MD_SIZE];
    memcpy(bytes, header, sizeof(header) - 1);
    memcpy(bytes + sizeof(header) - 1, scram->binding, scram->binding_length);
    return scram_encode(bytes, sizeof(header) - 1 + scram->binding_length);
}

static bool check_binding(const struct scram *scram, const char *told, struct error *error)
{
    char *expected = expected_binding(scram);
    bool same = strcmp(expected, told) == 0;
    free(expected);
    if (same)
        return true;
    if (scram->binding_flag != 'p')
        return violation(error, "unexpected SCRAM channel-binding attribute in client-final-message", NULL);
    error_set(error, SQLSTATE_INVALID_AUTHORIZATION, "SCRAM channel binding check failed");
    return false;
}

struct client_final {
    const char *nonce;
    size_t without_proof; /* length of the message up to the comma before the proof */
    uint8_t proof[SCRAM_KEY];
};

static bool decode_proof(struct client_final *final, const char *text, struct error *error)
{
    size_t length = 0;
    uint8_t *proof = scram_decode(text, &length);
    bool fits = proof != NULL && length == SCRAM_KEY;
    if (fits)
        memcpy(final->proof, proof, SCRAM_KEY);
    free(proof);
    return fits || malformed(error, "Malformed proof in client-final-message.");
}

static bool parse_client_final(struct scram *scram, char *text, struct client_final *final,
                               struct error *error)
{
    char *at = text, name;
    const char *binding = attribute(&at, 'c', error), *value;
    if (binding == NULL || !check_binding(scram, binding, error))
        return false;
    if ((final->nonce = attribute(&at, 'r', error)) == NULL)
        return false;
    do {
        final->without_proof = (size_t) (at - text) - 1;
        name = *at;
        if ((value = attribute(&at, 0, error)) == NULL)
            return false;
    } while (name != 'p');
    if (*at != '\0')
        return malformed(error, "Garbage found at the end of client-final-message.");
    return decode_proof(final, value, error);
}

/* ClientKey is the proof without the client's signature; its hash must be what is stored. */
static bool is_proof(const struct scram *scram, const struct client_final *final, const char *auth_message)
{
    uint8_t client_key[SCRAM_KEY], hash[SCRAM_KEY];
    if (!scram_hmac(scram->secret.stored_key, auth_message, strlen(auth_message), client_key))
        return false;
    for (int i = 0; i < SCRAM_KEY; i++)
        client_key[i] ^= final->proof[i];
    bool same = scram_hash(client_key, SCRAM_KEY, hash) &&
                CRYPTO_memcmp(hash, scram->secret.stored_key, SCRAM_KEY) == 0;
    OPENSSL_cleanse(client_key, sizeof(client_key));
    return same && !scram->doomed;
}

static bool put_server_final(const struct scram *scram, const char *auth_message, struct buffer *out)
{
    uint8_t signature[SCRAM_KEY];
    if (!scram_hmac(scram->secret.server_key, auth_message, strlen(auth_message), signature))
        return false;
    char *encoded = scram_encode(signature, sizeof(signature));
    char *text = print("v=%s", encoded);
    put_sasl(out, SASL_FINAL, text);
    free(text);
    free(encoded);
    return true;
}

static enum scram_result client_final(struct scram *scram, char *text, struct buffer *out,
                                      struct error *error)
{
    struct client_final final = {0};
    char *untouched = memory_strdup(text);
    enum scram_result result = SCRAM_VIOLATED;
    if (!parse_client_final(scram, text, &final, error))
        goto done;
    if (strcmp(final.nonce, scram->nonce) != 0) {
        violation(error, "invalid SCRAM response", "Nonce does not match.");
        goto done;
    }
    char *auth_message = print("%s,%s,%.*s", scram->client_first_bare, scram->server_first,
                               (int) final.without_proof, untouched);
    bool proved = is_proof(scram, &final, auth_message) && put_server_final(scram, auth_message, out);
    result = proved ? SCRAM_PROVED : SCRAM_WRONG;
    free(auth_message);
done:
    free(untouched);
    return result;
}

static bool choose_mechanism(struct scram *scram, const char *name, struct error *error)
{
    scram->plus = strcmp(name, MECHANISM_PLUS) == 0 && scram->binding_length > 0;
    return scram->plus || strcmp(name, MECHANISM) == 0 ||
           violation(error, "client selected an invalid SASL authentication mechanism", NULL);
}

/* SASLInitialResponse: mechanism, Int32 length or -1, bytes.  NULL bytes when the client waits for a
 * challenge. */
static bool read_initial(struct scram *scram, struct reader *reader, const uint8_t **bytes, size_t *length,
                         struct error *error)
{
    const char *mechanism = read_string(reader);
    if (mechanism == NULL)
        return violation(error, "invalid SASL response", NULL);
    if (!choose_mechanism(scram, mechanism, error))
        return false;
    int32_t stated = read_int32(reader);
    *bytes = NULL;
    *length = 0;
    if (stated >= 0) {
        *length = (size_t) stated;
        *bytes = read_bytes(reader, *length);
    }
    if (!reader_done(reader) || stated < -1)
        return violation(error, "insufficient data left in message", NULL);
    return true;
}

static enum scram_result client_text(struct scram *scram, const uint8_t *bytes, size_t length,
                                     struct buffer *out, struct error *error)
{
    if (length == 0 || memchr(bytes, '\0', length) != NULL) {
        malformed(error,
                  length == 0 ? "The message is empty." : "Message length does not match input length.");
        return SCRAM_VIOLATED;
    }
    char *text = memory_alloc(length + 1);
    memcpy(text, bytes, length);
    enum scram_result result = scram->state == EXPECT_FINAL ? client_final(scram, text, out, error)
                                                            : client_first(scram, text, out, error);
    OPENSSL_cleanse(text, length);
    free(text);
    return result;
}

enum scram_result scram_message(struct scram *scram, const struct frame *frame, struct buffer *out,
                                struct error *error)
{
    struct reader reader = reader_of(frame);
    const uint8_t *bytes = frame->body;
    size_t length = frame->body_length;
    if (scram->state == OVER) {
        violation(error, "unexpected SASL response", NULL);
        return SCRAM_VIOLATED;
    }
    if (scram->state == EXPECT_INITIAL) {
        if (!read_initial(scram, &reader, &bytes, &length, error))
            return SCRAM_VIOLATED;
        scram->state = EXPECT_FIRST;
        if (bytes == NULL) {
            put_sasl(out, SASL_CONTINUE, "");
            return SCRAM_CONTINUE;
        }
    }
    enum scram_result result = client_text(scram, bytes, length, out, error);
    if (result != SCRAM_CONTINUE)
        scram->state = OVER;
    return result;
}
