/*
 * The method and the kind of the user's secret choose one of the exchanges below; the rows are PostgreSQL's
 * rules.
 *
 *      method           secret: plain      md5 hash           SCRAM              none
 *      password         compare            compare            compare            fail
 *      md5              md5                md5                SCRAM              as the first user with a
 * secret, fail scram-sha-256    SCRAM              SCRAM, fail        SCRAM              SCRAM, fail
 *
 * Salts for plain passwords and for names without a secret are made from the name under a key of this
 * process, so that both look alike and stay the same from one attempt to the next, as stored salts do.
 */
#include "proxy/auth.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/scram.h"
#include "proxy/tls.h"

enum { MD5_HASH = 35, MD5_SALT = 4, LARGEST_ANSWER = 65535 };
enum { ASK_CLEARTEXT = 3, ASK_MD5 = 5 };

enum secret_kind { SECRET_NONE, SECRET_PLAIN, SECRET_MD5, SECRET_SCRAM };
enum exchange { EXCHANGE_NONE, EXCHANGE_CERTIFICATE, EXCHANGE_CLEARTEXT, EXCHANGE_MD5, EXCHANGE_SCRAM };

struct auth {
    enum exchange exchange;
    enum secret_kind kind, mock_kind;
    char *user;
    char *secret; /* NULL: none */
    SSL *tls;
    uint8_t md5_salt[MD5_SALT];
    struct scram *scram;
};

static uint8_t process_key[SCRAM_KEY];
static bool process_key_made;

static void make_process_key(void)
{
    process_key_made = RAND_bytes(process_key, sizeof(process_key)) == 1;
}

/* A keyed hash of a text: equal only for equal texts, and nobody outside can compute it. */
static bool keyed_hash(const char *text, uint8_t hash[SCRAM_KEY])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_process_key);
    return process_key_made && scram_hmac(process_key, text, strlen(text), hash);
}

/* As PostgreSQL's get_password_type(): what is neither of the two known forms is a plain password. */
static enum secret_kind secret_kind(const char *secret)
{
    if (secret == NULL)
        return SECRET_NONE;
    if (strncmp(secret, "md5", 3) == 0 && strlen(secret) == MD5_HASH &&
        strspn(secret + 3, "0123456789abcdef") == MD5_HASH - 3)
        return SECRET_MD5;
    struct scram_secret parsed;
    if (!scram_secret_parse(&parsed, secret))
        return SECRET_PLAIN;
    scram_secret_wipe(&parsed);
    return SECRET_SCRAM;
}

static enum secret_kind first_kind(const struct settings *settings)
{
    for (size_t i = 0; i < settings->user_count; i++)
        if (settings->users[i].secret != NULL)
            return secret_kind(settings->users[i].secret);
    return SECRET_SCRAM;
}

static enum exchange choose_exchange(enum auth_method method, enum secret_kind kind)
{
    switch (method) {
    case AUTH_TRUST:
        return EXCHANGE_NONE;
    case AUTH_CERT:
        return EXCHANGE_CERTIFICATE;
    case AUTH_PASSWORD:
        return EXCHANGE_CLEARTEXT;
    case AUTH_MD5:
        return kind == SECRET_SCRAM ? EXCHANGE_SCRAM : EXCHANGE_MD5;
    case AUTH_SCRAM_SHA_256:
        return EXCHANGE_SCRAM;
    }
    return EXCHANGE_SCRAM;
}

struct auth *auth_new(const struct settings *settings, enum auth_method method, const char *user, SSL *tls)
{
    const struct user_settings *known = settings_user(settings, user);
    struct auth *auth = memory_alloc(sizeof(*auth));
    auth->user = memory_strdup(user);
    auth->secret = known && known->secret ? memory_strdup(known->secret) : NULL;
    auth->kind = secret_kind(auth->secret);
    auth->mock_kind = auth->kind == SECRET_NONE ? first_kind(settings) : auth->kind;
    auth->exchange = choose_exchange(method, auth->mock_kind);
    auth->tls = tls;
    return auth;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    scram_free(auth->scram);
    if (auth->secret != NULL)
        OPENSSL_cleanse(auth->secret, strlen(auth->secret));
    free(auth->secret);
    free(auth->user);
    OPENSSL_cleanse(auth, sizeof(*auth));
    free(auth);
}

static enum auth_step wrong_password(const struct auth *auth, struct error *error)
{
    error_set(error, SQLSTATE_INVALID_PASSWORD, "password authentication failed for user \"%s\"", auth->user);
    return AUTH_FAILED;
}

static enum auth_step not_possible(struct error *error, const char *what)
{
    error_set(error, SQLSTATE_INTERNAL_ERROR, "%s", what);
    return AUTH_FAILED;
}

static enum auth_step violated(struct error *error, const char *what)
{
    error_set(error, SQLSTATE_PROTOCOL_VIOLATION, "%s", what);
    return AUTH_FAILED;
}

/* --- certificate
 * ------------------------------------------------------------------------------------------------ */

static enum auth_step check_certificate(const struct auth *auth, struct error *error)
{
    char *name = tls_peer_name(auth->tls);
    bool same = name != NULL && strcmp(name, auth->user) == 0;
    free(name);
    if (same)
        return AUTH_DONE;
    error_set(error, SQLSTATE_INVALID_AUTHORIZATION, "certificate authentication failed for user \"%s\"",
              auth->user);
    return AUTH_FAILED;
}

/* --- md5
 * -------------------------------------------------------------------------------------------------------- */

/* "md5" and the hash of both parts in hexadecimal, with its NUL. */
static bool md5_hash(const void *first, size_t first_length, const void *second, size_t second_length,
                     char result[MD5_HASH + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && EVP_DigestInit_ex(context, EVP_md5(), NULL) == 1 &&
                EVP_DigestUpdate(context, first, first_length) == 1 &&
                EVP_DigestUpdate(context, second, second_length) == 1 &&
                EVP_DigestFinal_ex(context, hash, NULL) == 1;
    EVP_MD_CTX_free(context);
    memcpy(result, "md5", 4);
    for (size_t i = 0; done && i < 16; i++) {
        result[3 + 2 * i] = digits[hash[i] >> 4];
        result[4 + 2 * i] = digits[hash[i] & 15];
    }
    result[MD5_HASH] = '\0';
    return done;
}

/* The form in which auth_file may hold a password. */
static bool stored_md5(const char *password, const char *user, char result[MD5_HASH + 1])
{
    return md5_hash(password, strlen(password), user, strlen(user), result);
}

static enum auth_step ask_md5(struct auth *auth, struct buffer *out, struct error *error)
{
    if (RAND_bytes(auth->md5_salt, MD5_SALT) != 1)
        return not_possible(error, "could not generate random MD5 salt");
    size_t mark = wire_begin(out, 'R');
    wire_put_int32(out, ASK_MD5);
    wire_put_bytes(out, auth->md5_salt, MD5_SALT);
    wire_end(out, mark);
    return AUTH_CONTINUE;
}

static bool md5_answer_fits(const struct auth *auth, const char *answer)
{
    char stored[MD5_HASH + 1] = "", expected[MD5_HASH + 1] = "";
    if (auth->kind == SECRET_MD5)
        memcpy(stored, auth->secret, MD5_HASH + 1);
    else if (!stored_md5(auth->secret ? auth->secret : "", auth->user, stored))
        return false;
    bool computed = md5_hash(stored + 3, MD5_HASH - 3, auth->md5_salt, MD5_SALT, expected);
    bool same = computed && strlen(answer) == MD5_HASH && CRYPTO_memcmp(answer, expected, MD5_HASH) == 0;
    OPENSSL_cleanse(stored, sizeof(stored));
    OPENSSL_cleanse(expected, sizeof(expected));
    return same && auth->secret != NULL;
}

/* --- cleartext
 * -------------------------------------------------------------------------------------------------- */

static enum auth_step ask_cleartext(struct buffer *out)
{
    size_t mark = wire_begin(out, 'R');
    wire_put_int32(out, ASK_CLEARTEXT);
    wire_end(out, mark);
    return AUTH_CONTINUE;
}

static bool same_text(const char *one, const char *other)
{
    uint8_t one_hash[SCRAM_KEY], other_hash[SCRAM_KEY];
    return keyed_hash(one, one_hash) && keyed_hash(other, other_hash) &&
           CRYPTO_memcmp(one_hash, other_hash, SCRAM_KEY) == 0;
}

static bool fits_scram_secret(const char *password, const char *text)
{
    struct scram_secret secret;
    if (!scram_secret_parse(&secret, text))
        return false;
    bool fits = scram_secret_fits(&secret, password);
    scram_secret_wipe(&secret);
    return fits;
}

static bool fits_mock(const struct auth *auth, const char *password);

static bool password_fits(const struct auth *auth, const char *password)
{
    char hash[MD5_HASH + 1];
    switch (auth->kind) {
    case SECRET_NONE:
        return fits_mock(auth, password);
    case SECRET_PLAIN:
        return same_text(password, auth->secret);
    case SECRET_MD5:
        return stored_md5(password, auth->user, hash) && same_text(hash, auth->secret);
    case SECRET_SCRAM:
        return fits_scram_secret(password, auth->secret);
    }
    return false;
}

/* PasswordMessage: one string and nothing else. */
static const char *read_password(const struct frame *frame, struct error *error)
{
    struct reader reader = reader_of(frame);
    const char *password = read_string(&reader);
    if (!reader_done(&reader)) {
        violated(error, "invalid password packet size");
        return NULL;
    }
    if (*password == '\0') {
        error_set(error, SQLSTATE_INVALID_PASSWORD, "empty password returned by client");
        return NULL;
    }
    return password;
}

static enum auth_step check_answer(const struct auth *auth, const struct frame *frame, struct error *error)
{
    const char *answer = read_password(frame, error);
    if (answer == NULL)
        return AUTH_FAILED;
    bool fits = auth->exchange == EXCHANGE_MD5 ? md5_answer_fits(auth, answer) : password_fits(auth, answer);
    return fits ? AUTH_DONE : wrong_password(auth, error);
}

/* --- SCRAM
 * ------------------------------------------------------------------------------------------------------ */

/* The keys for a name without a usable secret cost as much time as those of the others do. */
static bool make_scram_secret(const struct auth *auth, struct scram_secret *secret, bool *doomed)
{
    uint8_t salt[SCRAM_KEY];
    *doomed = auth->kind == SECRET_NONE || auth->kind == SECRET_MD5;
    if (auth->kind == SECRET_SCRAM)
        return scram_secret_parse(secret, auth->secret);
    if (!keyed_hash(auth->user, salt))
        return false;
    if (auth->mock_kind == SECRET_PLAIN)
        return scram_secret_build(secret, auth->secret ? auth->secret : "", salt);
    scram_secret_mock(secret, salt);
    return true;
}

static bool fits_mock(const struct auth *auth, const char *password)
{
    struct scram_secret secret;
    uint8_t salt[SCRAM_KEY];
    if (auth->mock_kind == SECRET_SCRAM && keyed_hash(auth->user, salt)) {
        scram_secret_mock(&secret, salt);
        scram_secret_fits(&secret, password); /* for the time it takes */
        scram_secret_wipe(&secret);
    }
    return false;
}

static enum auth_step ask_scram(struct auth *auth, struct buffer *out, struct error *error)
{
    struct scram_secret secret;
    bool doomed;
    if (!make_scram_secret(auth, &secret, &doomed))
        return not_possible(error, "could not prepare SCRAM authentication");
    auth->scram = scram_new(&secret, doomed, auth->tls);
    scram_begin(auth->scram, out);
    return AUTH_CONTINUE;
}

static enum auth_step continue_scram(struct auth *auth, const struct frame *frame, struct buffer *out,
                                     struct error *error)
{
    switch (scram_message(auth->scram, frame, out, error)) {
    case SCRAM_CONTINUE:
        return AUTH_CONTINUE;
    case SCRAM_PROVED:
        return AUTH_DONE;
    case SCRAM_WRONG:
        return wrong_password(auth, error);
    case SCRAM_VIOLATED:
        return AUTH_FAILED;
    }
    return AUTH_FAILED;
}

/* --- the exchange
 * ----------------------------------------------------------------------------------------------- */

enum auth_step auth_begin(struct auth *auth, struct buffer *out, struct error *error)
{
    switch (auth->exchange) {
    case EXCHANGE_NONE:
        return AUTH_DONE;
    case EXCHANGE_CERTIFICATE:
        return check_certificate(auth, error);
    case EXCHANGE_CLEARTEXT:
        return ask_cleartext(out);
    case EXCHANGE_MD5:
        return ask_md5(auth, out, error);
    case EXCHANGE_SCRAM:
        return ask_scram(auth, out, error);
    }
    return AUTH_FAILED;
}

enum auth_step auth_message(struct auth *auth, const struct frame *frame, struct buffer *out,
                            struct error *error)
{
    if (frame->type != 'p')
        return violated(error, "expected a password or SASL response");
    if (frame->body_length > LARGEST_ANSWER)
        return violated(error, "invalid message length");
    switch (auth->exchange) {
    case EXCHANGE_NONE:
    case EXCHANGE_CERTIFICATE:
        return violated(error, "nothing was asked that this could answer");
    case EXCHANGE_CLEARTEXT:
    case EXCHANGE_MD5:
        return check_answer(auth, frame, error);
    case EXCHANGE_SCRAM:
        return continue_scram(auth, frame, out, error);
    }
    return AUTH_FAILED;
}
