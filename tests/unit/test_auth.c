/*
 * Authentication: every method and kind of secret, with a client's side written out here from the RFCs.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "certificates.h"
#include "proxy/auth.h"
#include "proxy/scram_secret.h"
#include "proxy/tls.h"

/* RFC 7677, section 3: user "user", password "pencil". */
#define PENCIL_SALT "W22ZaJ0SNY7soEsUEjb6gQ=="

static struct user_settings users[] = {
    /* by name, as settings_user() expects */
    {.name = "ann", .secret = NULL}, /* the same as scram's; the first one with a secret */
    {.name = "broken", .secret = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$tooshort:AAAA"},
    {.name = "hashed", .secret = NULL}, /* md5 of "pencil" and "hashed" */
    {.name = "nothing", .secret = NULL},
    {.name = "plain", .secret = "pencil"},
    {.name = "scram", .secret = NULL}, /* made by pencil_secret() */
    {.name = "unicode", .secret = "I\xc2\xadX \xe2\x85\xa8"}, /* SASLprep: "IX IX" */
};
static struct settings settings = {.users = users, .user_count = sizeof(users) / sizeof(users[0])};
static char secret_text[256], hash_text[40];

static void md5_hex(const char *text, size_t length, char *hex)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    EVP_Digest(text, length, hash, NULL, EVP_md5(), NULL);
    for (int i = 0; i < 16; i++)
        sprintf(hex + 2 * i, "%02x", hash[i]);
}

static void prepare(void)
{
    struct scram_secret secret;
    size_t length;
    uint8_t *salt = scram_decode(PENCIL_SALT, &length);
    cr_assert(scram_secret_build(&secret, "pencil", salt));
    char *stored = scram_encode(secret.stored_key, SCRAM_KEY),
         *server = scram_encode(secret.server_key, SCRAM_KEY);
    snprintf(secret_text, sizeof(secret_text), "SCRAM-SHA-256$4096:%s$%s:%s", PENCIL_SALT, stored, server);
    users[0].secret = users[5].secret = secret_text;
    strcpy(hash_text, "md5");
    md5_hex("pencilhashed", 12, hash_text + 3);
    users[2].secret = hash_text;
    scram_secret_wipe(&secret);
    free(salt);
    free(stored);
    free(server);
}

/* --- a client
 * --------------------------------------------------------------------------------------------------- */

struct login {
    struct auth *auth;
    struct buffer out;
    struct error error;
    enum auth_step step;
    char bare[128], server_first[256], nonce[128];
};

static struct frame answer_of(struct login *login)
{
    struct frame frame;
    cr_assert(eq(int, wire_scan(buffer_data(&login->out), buffer_length(&login->out), 1 << 16, &frame),
                 WIRE_FRAME));
    cr_assert(frame.type == 'R' && frame.total == buffer_length(&login->out));
    return frame;
}

static int asked(struct login *login)
{
    struct frame frame = answer_of(login);
    struct reader reader = reader_of(&frame);
    return read_int32(&reader);
}

static bool text_in_answer(struct login *login, char *text, size_t size)
{
    struct frame frame = answer_of(login);
    size_t length = frame.body_length - 4;
    cr_assert(lt(sz, length, size));
    memcpy(text, frame.body + 4, length);
    text[length] = '\0';
    return length > 0;
}

static void begin(struct login *login, enum auth_method method, const char *user, SSL *tls)
{
    *login = (struct login){0};
    prepare();
    login->auth = auth_new(&settings, method, user, tls);
    login->step = auth_begin(login->auth, &login->out, &login->error);
}

static void end(struct login *login)
{
    auth_free(login->auth);
    buffer_free(&login->out);
    error_clear(&login->error);
}

static enum auth_step answer(struct login *login, const void *body, size_t length)
{
    uint8_t *copy = malloc(length + 1); /* exactly as long: a read past it is seen */
    copy = realloc(copy, length ? length : 1);
    memcpy(copy, body, length);
    struct frame frame = {'p', copy, length, length + WIRE_HEADER};
    buffer_clear(&login->out);
    login->step = auth_message(login->auth, &frame, &login->out, &login->error);
    free(copy);
    return login->step;
}

static void answer_initial(struct login *login, const char *mechanism, const char *text)
{
    struct buffer body = {0};
    wire_put_string(&body, mechanism);
    wire_put_int32(&body, text ? (int32_t) strlen(text) : -1);
    if (text != NULL)
        wire_put_bytes(&body, text, strlen(text));
    answer(login, buffer_data(&body), buffer_length(&body));
    buffer_free(&body);
}

static void first(struct login *login, const char *mechanism, const char *gs2)
{
    char text[256];
    strcpy(login->bare, "n=,r=rOprNGfwEbeRWgbNEkqO");
    snprintf(text, sizeof(text), "%s%s", gs2, login->bare);
    answer_initial(login, mechanism, text);
}

static void read_server_first(struct login *login, char *salt, int *iterations)
{
    cr_assert(eq(int, asked(login), 11));
    cr_assert(text_in_answer(login, login->server_first, sizeof(login->server_first)));
    cr_assert(eq(
        int, sscanf(login->server_first, "r=%127[^,],s=%127[^,],i=%d", login->nonce, salt, iterations), 3));
    cr_assert(eq(int, strncmp(login->nonce, "rOprNGfwEbeRWgbNEkqO", 20), 0));
    cr_assert(eq(sz, strlen(login->nonce), 20 + 24));
}

/* RFC 5802: ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage). */
static void finish(struct login *login, const char *binding, const char *password)
{
    char salt_text[128], message[1024], without[512], final[1024], *proof_text;
    uint8_t salted[32], key[32], stored[32], signature[32];
    int iterations = 0;
    size_t salt_length = 0;
    read_server_first(login, salt_text, &iterations);
    uint8_t *salt = scram_decode(salt_text, &salt_length);
    PKCS5_PBKDF2_HMAC(password, (int) strlen(password), salt, (int) salt_length, iterations, EVP_sha256(), 32,
                      salted);
    free(salt);
    scram_hmac(salted, "Client Key", 10, key);
    scram_hash(key, 32, stored);
    snprintf(without, sizeof(without), "c=%s,r=%s", binding, login->nonce);
    snprintf(message, sizeof(message), "%s,%s,%s", login->bare, login->server_first, without);
    scram_hmac(stored, message, strlen(message), signature);
    for (int i = 0; i < 32; i++)
        key[i] ^= signature[i];
    proof_text = scram_encode(key, 32);
    snprintf(final, sizeof(final), "%s,p=%s", without, proof_text);
    free(proof_text);
    answer(login, final, strlen(final));
    if (login->step != AUTH_DONE)
        return;
    char told[128], expected[128], *signature_text;
    scram_hmac(salted, "Server Key", 10, key);
    scram_hmac(key, message, strlen(message), signature);
    signature_text = scram_encode(signature, 32);
    snprintf(expected, sizeof(expected), "v=%s", signature_text);
    free(signature_text);
    cr_assert(eq(int, asked(login), 12));
    cr_assert(text_in_answer(login, told, sizeof(told)));
    cr_assert(eq(str, told, expected));
}

static void log_in_by_scram(struct login *login, enum auth_method method, const char *user,
                            const char *password)
{
    begin(login, method, user, NULL);
    cr_assert(eq(int, login->step, AUTH_CONTINUE));
    cr_assert(eq(int, asked(login), 10));
    first(login, "SCRAM-SHA-256", "n,,");
    cr_assert(eq(int, login->step, AUTH_CONTINUE));
    finish(login, "biws", password);
}

static void expect_refusal(struct login *login, const char *sqlstate, const char *message)
{
    cr_assert(eq(int, login->step, AUTH_FAILED));
    cr_assert(eq(str, login->error.sqlstate, (char *) sqlstate));
    cr_assert(eq(str, login->error.message, (char *) message));
    end(login);
}

static void answer_cleartext(struct login *login, const char *user, const char *password)
{
    begin(login, AUTH_PASSWORD, user, NULL);
    cr_assert(eq(int, asked(login), 3));
    answer(login, password, strlen(password) + 1);
}

static void answer_md5(struct login *login, const char *user, const char *password)
{
    char inner[80], outer[40] = "md5", text[80];
    begin(login, AUTH_MD5, user, NULL);
    cr_assert(eq(int, asked(login), 5));
    snprintf(text, sizeof(text), "%s%s", password, user);
    md5_hex(text, strlen(text), inner);
    memcpy(inner + 32, answer_of(login).body + 4, 4);
    md5_hex(inner, 36, outer + 3);
    answer(login, outer, strlen(outer) + 1);
}

/* --- trust, password, md5
 * --------------------------------------------------------------------------------------- */

Test(auth, trust_asks_nothing)
{
    struct login login;
    begin(&login, AUTH_TRUST, "nobody", NULL);
    cr_assert(eq(int, login.step, AUTH_DONE));
    cr_assert(eq(sz, buffer_length(&login.out), 0));
    end(&login);
}

Test(auth, a_cleartext_password_is_compared_with_any_kind_of_secret)
{
    const char *known[] = {"plain", "hashed", "scram"};
    struct login login;
    for (int i = 0; i < 3; i++) {
        char message[80];
        answer_cleartext(&login, known[i], "pencil");
        cr_assert(eq(int, login.step, AUTH_DONE));
        end(&login);
        answer_cleartext(&login, known[i], "pencil2");
        snprintf(message, sizeof(message), "password authentication failed for user \"%s\"", known[i]);
        expect_refusal(&login, "28P01", message);
    }
}

Test(auth, an_unknown_name_is_asked_and_then_refused)
{
    struct login login;
    answer_cleartext(&login, "nobody", "pencil");
    expect_refusal(&login, "28P01", "password authentication failed for user \"nobody\"");
    answer_cleartext(&login, "nothing", "pencil");
    expect_refusal(&login, "28P01", "password authentication failed for user \"nothing\"");
    answer_cleartext(&login, "plain", "");
    expect_refusal(&login, "28P01", "empty password returned by client");
}

Test(auth, a_password_message_is_one_string_and_nothing_else)
{
    struct login login;
    const struct {
        const char *body;
        size_t length;
    } bad[] = {{"", 0}, {"pencil", 6}, {"pencil\0x", 8}, {"pencil\0\0", 8}};
    for (size_t i = 0; i < 4; i++) {
        begin(&login, AUTH_PASSWORD, "plain", NULL);
        answer(&login, bad[i].body, bad[i].length);
        expect_refusal(&login, "08P01", "invalid password packet size");
    }
}

Test(auth, md5_works_with_hash_and_plain_password)
{
    struct login login;
    answer_md5(&login, "hashed", "pencil");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
    answer_md5(&login, "plain", "pencil");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
    answer_md5(&login, "hashed", "pen");
    expect_refusal(&login, "28P01", "password authentication failed for user \"hashed\"");
}

Test(auth, a_scram_secret_is_asked_for_by_scram_under_md5_too)
{
    struct login login;
    log_in_by_scram(&login, AUTH_MD5, "scram", "pencil");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
    log_in_by_scram(&login, AUTH_MD5, "nobody", "pencil"); /* as the first user with a secret */
    expect_refusal(&login, "28P01", "password authentication failed for user \"nobody\"");
}

/* --- SCRAM
 * ------------------------------------------------------------------------------------------------------ */

Test(scram, the_example_of_the_rfc)
{
    struct scram_secret secret;
    prepare();
    cr_assert(scram_secret_parse(&secret, secret_text));
    char *server_key = scram_encode(secret.server_key, SCRAM_KEY);
    cr_assert(eq(str, server_key, "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="));
    cr_assert(scram_secret_fits(&secret, "pencil"));
    cr_assert(not(scram_secret_fits(&secret, "Pencil")));
    free(server_key);
    scram_secret_wipe(&secret);
}

Test(scram, secrets_that_are_none_are_not_parsed)
{
    static const char *const texts[] = {
        "",
        "SCRAM-SHA-256",
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096",
        "SCRAM-SHA-256$4096:AAAA",
        "SCRAM-SHA-256$4096:AAAA$AAAA",
        "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA",
        "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-1$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22 aJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    };
    struct scram_secret secret;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert(not(scram_secret_parse(&secret, texts[i])));
}

Test(scram, the_right_password_is_proved_and_a_wrong_one_is_not)
{
    const char *known[] = {"scram", "plain"};
    struct login login;
    for (int i = 0; i < 2; i++) {
        char message[80];
        log_in_by_scram(&login, AUTH_SCRAM_SHA_256, known[i], "pencil");
        cr_assert(eq(int, login.step, AUTH_DONE));
        end(&login);
        log_in_by_scram(&login, AUTH_SCRAM_SHA_256, known[i], "Pencil");
        snprintf(message, sizeof(message), "password authentication failed for user \"%s\"", known[i]);
        expect_refusal(&login, "28P01", message);
    }
}

Test(scram, passwords_are_normalised)
{
    struct login login;
    log_in_by_scram(&login, AUTH_SCRAM_SHA_256, "unicode", "IX IX");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
}

Test(scram, what_only_begins_like_a_secret_is_a_plain_password)
{
    struct login login;
    log_in_by_scram(&login, AUTH_SCRAM_SHA_256, "broken", users[1].secret);
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
}

Test(scram, names_without_a_usable_secret_go_the_whole_way_and_fail)
{
    const char *names[] = {"nobody", "nothing", "hashed"};
    struct login login;
    for (int i = 0; i < 3; i++) {
        char message[80];
        log_in_by_scram(&login, AUTH_SCRAM_SHA_256, names[i], i == 1 ? "" : "pencil");
        snprintf(message, sizeof(message), "password authentication failed for user \"%s\"", names[i]);
        expect_refusal(&login, "28P01", message);
    }
}

Test(scram, an_unknown_names_salt_is_the_same_each_time)
{
    struct login login;
    char salts[2][128];
    int iterations;
    for (int i = 0; i < 2; i++) {
        begin(&login, AUTH_SCRAM_SHA_256, "nobody", NULL);
        first(&login, "SCRAM-SHA-256", "n,,");
        read_server_first(&login, salts[i], &iterations);
        cr_assert(eq(int, iterations, 4096));
        end(&login);
    }
    cr_assert(eq(str, salts[0], salts[1]));
}

Test(scram, an_empty_initial_response_gets_an_empty_challenge)
{
    struct login login;
    char text[8];
    begin(&login, AUTH_SCRAM_SHA_256, "scram", NULL);
    answer_initial(&login, "SCRAM-SHA-256", NULL);
    cr_assert(eq(int, asked(&login), 11));
    cr_assert(not(text_in_answer(&login, text, sizeof(text))));
    strcpy(login.bare, "n=,r=rOprNGfwEbeRWgbNEkqO");
    answer(&login, "n,,n=,r=rOprNGfwEbeRWgbNEkqO", 28);
    finish(&login, "biws", "pencil");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
}

Test(scram, a_malformed_first_message_is_a_violation)
{
    static const struct {
        const char *text, *sqlstate;
    } bad[] = {
        {"", "08P01"},
        {"n", "08P01"},
        {"n,", "08P01"},
        {"n,,", "08P01"},
        {"x,,n=,r=abc", "08P01"},
        {"n,x,n=,r=abc", "08P01"},
        {"n,a=admin,n=,r=abc", "0A000"},
        {"n,,m=x,n=,r=abc", "0A000"},
        {"n,,r=abc", "08P01"},
        {"n,,n=", "08P01"},
        {"n,,n=,r=", "08P01"},
        {"n,,n=,r=a\x01"
         "bc",
         "08P01"},
        {"n,,n=,r=abc,1=x", "08P01"},
        {"n,,n=,r=abc,x", "08P01"},
        {"p=tls-server-end-point,,n=,r=abc", "08P01"},
        {"p", "08P01"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct login login;
        begin(&login, AUTH_SCRAM_SHA_256, "scram", NULL);
        answer_initial(&login, "SCRAM-SHA-256", bad[i].text);
        cr_assert(eq(int, login.step, AUTH_FAILED));
        cr_assert(eq(str, login.error.sqlstate, (char *) bad[i].sqlstate));
        end(&login);
    }
}

Test(scram, a_malformed_initial_response_is_a_violation)
{
    static const struct {
        const char *body;
        size_t length;
    } bad[] = {{"", 0},
               {"SCRAM-SHA-256", 13},
               {"SCRAM-SHA-256\0", 14},
               {"SCRAM-SHA-256\0\0\0\0\x09n,,", 21},
               {"SCRAM-SHA-256\0\xff\xff\xff\xfen,,", 21},
               {"SCRAM-SHA-1\0\0\0\0\x03n,,", 19},
               {"SCRAM-SHA-256-PLUS\0\0\0\0\x03n,,", 26}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct login login;
        begin(&login, AUTH_SCRAM_SHA_256, "scram", NULL);
        answer(&login, bad[i].body, bad[i].length);
        cr_assert(eq(int, login.step, AUTH_FAILED));
        cr_assert(eq(str, login.error.sqlstate, "08P01"));
        end(&login);
    }
}

Test(scram, a_malformed_final_message_is_a_violation)
{
    static const char *const bad[] = {
        "",
        "c=biws",
        "c=biws,",
        "c=biws,r=abc",
        "c=biws,r=abc,p=AAAA",
        "c=eSws,r=abc,p=AAAA",
        "r=abc,c=biws,p=AAAA",
        "c=biws,r=abc,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts",
        "c=biws,r=abc,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=,x=y",
        "c=biws,r=abc,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct login login;
        begin(&login, AUTH_SCRAM_SHA_256, "scram", NULL);
        first(&login, "SCRAM-SHA-256", "n,,");
        answer(&login, bad[i], strlen(bad[i]));
        cr_assert(eq(int, login.step, AUTH_FAILED));
        cr_assert(eq(str, login.error.sqlstate, "08P01"));
        end(&login);
    }
}

/* --- TLS
 * -------------------------------------------------------------------------------------------------------- */

struct channel {
    struct certificate server, client;
    SSL *near, *far;
};

static void channel_open(struct channel *channel, const char *client_name)
{
    channel->server = certificate_new("keyway");
    channel->client = certificate_new(client_name ? client_name : "nobody");
    SSL_CTX *near = certificate_server(&channel->server, client_name ? &channel->client : NULL);
    SSL_CTX *far = certificate_client(client_name ? &channel->client : NULL);
    channel->near = SSL_new(near);
    channel->far = SSL_new(far);
    SSL_CTX_free(near);
    SSL_CTX_free(far);
    certificate_shake_hands(channel->near, channel->far);
    cr_assert(eq(int, SSL_is_init_finished(channel->near), 1));
}

static void channel_close(struct channel *channel)
{
    SSL_free(channel->near);
    SSL_free(channel->far);
    certificate_free(&channel->server);
    certificate_free(&channel->client);
}

static char *binding_to(X509 *certificate)
{
    uint8_t bytes[24 + EVP_MAX_MD_SIZE];
    unsigned length = 0;
    memcpy(bytes, "p=tls-server-end-point,,", 24);
    X509_digest(certificate, EVP_sha256(), bytes + 24, &length);
    return scram_encode(bytes, 24 + length);
}

Test(scram, the_channel_is_bound_to_our_certificate)
{
    struct channel channel;
    struct login login;
    channel_open(&channel, NULL);
    char *binding = binding_to(channel.server.x509), *other = binding_to(channel.client.x509);
    begin(&login, AUTH_SCRAM_SHA_256, "scram", channel.near);
    cr_assert(memcmp(answer_of(&login).body + 4, "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 34) == 0);
    first(&login, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,");
    finish(&login, binding, "pencil");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
    begin(&login, AUTH_SCRAM_SHA_256, "scram", channel.near);
    first(&login, "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,");
    finish(&login, other, "pencil");
    expect_refusal(&login, "28000", "SCRAM channel binding check failed");
    free(binding);
    free(other);
    channel_close(&channel);
}

Test(scram, binding_flag_and_mechanism_must_agree)
{
    static const struct {
        const char *mechanism, *gs2, *sqlstate;
    } bad[] = {
        {"SCRAM-SHA-256-PLUS", "n,,", "08P01"},
        {"SCRAM-SHA-256-PLUS", "y,,", "08P01"},
        {"SCRAM-SHA-256-PLUS", "p=tls-unique,,", "08P01"},
        {"SCRAM-SHA-256", "p=tls-server-end-point,,", "08P01"},
        {"SCRAM-SHA-256", "y,,", "28000"}, /* somebody hid PLUS from the client */
    };
    struct channel channel;
    channel_open(&channel, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct login login;
        begin(&login, AUTH_SCRAM_SHA_256, "scram", channel.near);
        first(&login, bad[i].mechanism, bad[i].gs2);
        cr_assert(eq(int, login.step, AUTH_FAILED));
        cr_assert(eq(str, login.error.sqlstate, (char *) bad[i].sqlstate));
        end(&login);
    }
    channel_close(&channel);
}

Test(scram, without_tls_a_client_that_could_bind_is_welcome)
{
    struct login login;
    begin(&login, AUTH_SCRAM_SHA_256, "scram", NULL);
    first(&login, "SCRAM-SHA-256", "y,,");
    finish(&login, "eSws", "pencil");
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
}

Test(auth, a_certificates_common_name_is_the_user)
{
    struct channel channel;
    struct login login;
    channel_open(&channel, "plain");
    begin(&login, AUTH_CERT, "plain", channel.near);
    cr_assert(eq(int, login.step, AUTH_DONE));
    end(&login);
    begin(&login, AUTH_CERT, "scram", channel.near);
    expect_refusal(&login, "28000", "certificate authentication failed for user \"scram\"");
    channel_close(&channel);
}

Test(auth, without_a_verified_certificate_there_is_no_certificate_login)
{
    struct channel channel;
    struct login login;
    channel_open(&channel, NULL);
    begin(&login, AUTH_CERT, "plain", channel.near);
    expect_refusal(&login, "28000", "certificate authentication failed for user \"plain\"");
    begin(&login, AUTH_CERT, "plain", NULL);
    expect_refusal(&login, "28000", "certificate authentication failed for user \"plain\"");
    channel_close(&channel);
}

/* --- the context
 * ------------------------------------------------------------------------------------------------ */

Test(tls, the_context_is_made_from_files_that_fit_each_other)
{
    char folder[] = "/tmp/keyway-tls-XXXXXX", one[64], one_key[64], other[64], other_key[64];
    cr_assert(not(zero(ptr, mkdtemp(folder))));
    snprintf(one, sizeof(one), "%s/one.crt", folder);
    snprintf(one_key, sizeof(one_key), "%s/one.key", folder);
    snprintf(other, sizeof(other), "%s/other.crt", folder);
    snprintf(other_key, sizeof(other_key), "%s/other.key", folder);
    struct certificate first_one = certificate_new("one"), second = certificate_new("other");
    certificate_write(&first_one, one, one_key);
    certificate_write(&second, other, other_key);

    struct settings tls = {.client_tls_sslmode = TLS_OFF};
    struct error error = {0};
    cr_assert(zero(ptr, tls_client_context(&tls, &error)));
    cr_assert(not(error_is_set(&error)));

    tls.client_tls_sslmode = TLS_REQUIRE;
    cr_assert(zero(ptr, tls_client_context(&tls, &error)));
    cr_assert(eq(str, error.message, "client_tls_cert_file is not set"));
    error_clear(&error);

    tls.client_tls_cert_file = one;
    tls.client_tls_key_file = other_key;
    cr_assert(zero(ptr, tls_client_context(&tls, &error)));
    cr_assert(error_is_set(&error));
    error_clear(&error);

    tls.client_tls_key_file = one_key;
    SSL_CTX *context = tls_client_context(&tls, &error);
    cr_assert(not(zero(ptr, context)));
    cr_assert(eq(int, SSL_CTX_get_verify_mode(context), SSL_VERIFY_NONE));
    SSL_CTX_free(context);

    tls.auth_method = AUTH_CERT;
    cr_assert(zero(ptr, tls_client_context(&tls, &error)));
    cr_assert(eq(str, error.message, "client_tls_ca_file is not set"));
    error_clear(&error);

    tls.client_tls_ca_file = other;
    context = tls_client_context(&tls, &error);
    cr_assert(not(zero(ptr, context)));
    cr_assert(eq(int, SSL_CTX_get_verify_mode(context), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT));
    SSL_CTX_free(context);

    certificate_free(&first_one);
    certificate_free(&second);
    unlink(one), unlink(one_key), unlink(other), unlink(other_key), rmdir(folder);
}
