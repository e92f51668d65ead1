/*
 * Each direction has a secret, from which its key and the start of its nonces are made, and counts its records: the number makes each nonce
 * another one.  A record of the peer that does not open ends the conversation, as does anything that has no place behind a handshake: keys
 * that change and alerts are all that there is besides data, and few of them in a row.
 */
#include "proxy/records.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

enum {
    TAG = 16, /* of all suites that are taken */
    KEY_MOST = 32,
    INNER_MOST = RECORD_MOST_PLAIN + 1, /* with its type, and what it is padded with */
    MESSAGE_HEADER = 4, /* of a handshake message: its type and length */
    FRUITLESS_MOST = 32, /* nobody has so much to say beside the data: each record costs us more than it costs the peer */
    SEALED_WITH_ONE_KEY = 1 << 24, /* AES-GCM keeps its promises up to 2^24.5 records (RFC 8446, 5.5) */
};

enum content_type { CONTENT_ALERT = 21, CONTENT_HANDSHAKE = 22, CONTENT_DATA = 23 };
enum alert {
    ALERT_CLOSE_NOTIFY = 0,
    ALERT_UNEXPECTED_MESSAGE = 10,
    ALERT_BAD_RECORD_MAC = 20,
    ALERT_RECORD_OVERFLOW = 22,
    ALERT_ILLEGAL_PARAMETER = 47,
    ALERT_DECODE_ERROR = 50,
    ALERT_INTERNAL_ERROR = 80,
    ALERT_USER_CANCELED = 90,
};
enum alert_level { LEVEL_WARNING = 1, LEVEL_FATAL = 2 };

/* --- secrets and keys ------------------------------------------------------------------------------------------ */

struct records *records_new(bool of_client)
{
    struct records *records = memory_alloc(sizeof(*records));
    records->of_client = of_client;
    return records;
}

/* "LABEL CLIENT-RANDOM SECRET", both in hexadecimal. */
static void take_secret(struct direction *direction, const char *line)
{
    const char *hexadecimal = strrchr(line, ' ') + 1;
    size_t length = 0;
    bool read = OPENSSL_hexstr2buf_ex(direction->secret, RECORD_SECRET, &length, hexadecimal, '\0') == 1;
    direction->secret_length = read ? length : 0;
    direction->number = 0;
}

void records_note_secret(struct records *records, const char *line)
{
    static const char client[] = "CLIENT_TRAFFIC_SECRET_0 ", server[] = "SERVER_TRAFFIC_SECRET_0 ";
    if (strncmp(line, client, sizeof(client) - 1) == 0)
        take_secret(records->of_client ? &records->sent : &records->received, line);
    else if (strncmp(line, server, sizeof(server) - 1) == 0)
        take_secret(records->of_client ? &records->received : &records->sent, line);
}

/* The secret is told between the last record under the old keys and the first under the new. */
void records_note_message(struct records *records, bool sent, int content_type, const uint8_t *bytes, size_t length)
{
    if (content_type == SSL3_RT_HEADER && length == RECORD_HEADER && bytes[0] == CONTENT_DATA)
        (sent ? &records->sent : &records->received)->number++;
    else if (content_type == SSL3_RT_HANDSHAKE && (length == 0 || bytes[0] == SSL3_MT_KEY_UPDATE))
        records->ended = true;
}

/* HKDF-Expand-Label(secret, label, "", length) (RFC 8446, 7.1), for no more than the digest is long. */
static bool expand(const struct records *records, const uint8_t *secret, const char *label, uint8_t *place, size_t length)
{
    uint8_t info[64], block[EVP_MAX_MD_SIZE];
    size_t label_length = strlen(label), end = 0;
    assert(length <= (size_t) EVP_MD_get_size(records->digest) && label_length + 5 <= sizeof(info));
    info[end++] = 0;
    info[end++] = (uint8_t) length;
    info[end++] = (uint8_t) label_length;
    memcpy(info + end, label, label_length);
    end += label_length;
    info[end++] = 0; /* no context */
    info[end++] = 1; /* the first block */
    bool done = HMAC(records->digest, secret, EVP_MD_get_size(records->digest), info, end, block, NULL) != NULL;
    if (done)
        memcpy(place, block, length);
    OPENSSL_cleanse(block, sizeof(block));
    return done;
}

/* `cipher` is NULL for a context that has had a key. */
static bool make_keys(const struct records *records, struct direction *direction, const EVP_CIPHER *cipher)
{
    uint8_t key[KEY_MOST];
    size_t length = (size_t) EVP_CIPHER_get_key_length(cipher ? cipher : EVP_CIPHER_CTX_get0_cipher(direction->context));
    bool done = expand(records, direction->secret, "tls13 key", key, length) &&
                expand(records, direction->secret, "tls13 iv", direction->nonce, RECORD_NONCE) &&
                EVP_CipherInit_ex(direction->context, cipher, NULL, key, NULL, direction == &records->sent) == 1;
    OPENSSL_cleanse(key, sizeof(key));
    return done;
}

static bool change_keys(const struct records *records, struct direction *direction)
{
    direction->number = 0;
    return expand(records, direction->secret, "tls13 traffic upd", direction->secret,
                  (size_t) EVP_MD_get_size(records->digest)) &&
           make_keys(records, direction, NULL);
}

/* --- beginning and end ----------------------------------------------------------------------------------------- */

static const EVP_CIPHER *cipher_of(const SSL_CIPHER *suite)
{
    switch (SSL_CIPHER_get_cipher_nid(suite)) {
    case NID_aes_128_gcm:
        return EVP_aes_128_gcm();
    case NID_aes_256_gcm:
        return EVP_aes_256_gcm();
    case NID_chacha20_poly1305:
        return EVP_chacha20_poly1305();
    }
    return NULL;
}

/* A record that waits in the SSL, or a part of one, would be lost; "RH" is OpenSSL's name for the beginning of a record. */
static bool is_between_records(SSL *tls)
{
    return !SSL_has_pending(tls) && strcmp(SSL_rstate_string(tls), "RH") == 0;
}

/* A server's session ticket would have been the first record, which nobody has counted. */
static bool may_be_replaced(const struct records *records, SSL *tls)
{
    return SSL_version(tls) == TLS1_3_VERSION && SSL_is_init_finished(tls) &&
           (records->of_client ? !SSL_is_server(tls) : SSL_is_server(tls) && SSL_get_num_tickets(tls) == 0) &&
           SSL_get_early_data_status(tls) == SSL_EARLY_DATA_NOT_SENT && is_between_records(tls);
}

/* A client may have asked for shorter records (RFC 6066, 4). */
static bool has_whole_records(SSL *tls)
{
    return SSL_SESSION_get_max_fragment_length(SSL_get0_session(tls)) == TLSEXT_max_fragment_length_DISABLED;
}

bool records_begin(struct records *records, SSL *tls)
{
    return records != NULL && !records->ended && may_be_replaced(records, tls) && has_whole_records(tls) &&
           records_begin_under(records, SSL_get_current_cipher(tls));
}

static bool has_secrets(const struct records *records)
{
    size_t length = (size_t) EVP_MD_get_size(records->digest);
    return records->received.secret_length == length && records->sent.secret_length == length;
}

bool records_begin_under(struct records *records, const SSL_CIPHER *suite)
{
    const EVP_CIPHER *cipher = cipher_of(suite);
    records->suite = suite;
    records->digest = SSL_CIPHER_get_handshake_digest(suite);
    if (cipher == NULL || records->digest == NULL || !has_secrets(records) || records->sent.number >= SEALED_WITH_ONE_KEY)
        return false;
    records->left = SEALED_WITH_ONE_KEY - (uint32_t) records->sent.number;
    records->received.context = EVP_CIPHER_CTX_new();
    records->sent.context = EVP_CIPHER_CTX_new();
    return records->received.context != NULL && records->sent.context != NULL &&
           make_keys(records, &records->received, cipher) && make_keys(records, &records->sent, cipher);
}

void records_free(struct records *records)
{
    if (records == NULL)
        return;
    EVP_CIPHER_CTX_free(records->received.context);
    EVP_CIPHER_CTX_free(records->sent.context);
    OPENSSL_cleanse(records, sizeof(*records));
    free(records);
}

const SSL_CIPHER *records_suite(const struct records *records)
{
    return records->suite;
}

/* --- one record ------------------------------------------------------------------------------------------------ */

size_t records_length(const uint8_t *header)
{
    return RECORD_HEADER + ((size_t) header[3] << 8 | header[4]);
}

/* Its nonce has the number of the record on the last bytes of what nonces start from (RFC 8446, 5.3). */
static bool begin_record(const struct direction *direction, const OSSL_PARAM *tag)
{
    uint8_t nonce[RECORD_NONCE];
    memcpy(nonce, direction->nonce, RECORD_NONCE);
    for (int i = 0; i < 8; i++)
        nonce[RECORD_NONCE - 1 - i] ^= (uint8_t) (direction->number >> 8 * i);
    return EVP_CipherInit_ex2(direction->context, NULL, NULL, nonce, -1, tag) == 1;
}

/* Where the tag is, or is to be; as a parameter of the cipher's it takes fewer calls than EVP_CIPHER_CTX_ctrl(). */
#define TAG_AT(place) {OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, place, TAG), OSSL_PARAM_END}

/* RECORD_HEADER bytes, the content and its type, the tag; `place` has room for them. */
static bool encrypt(const struct direction *direction, uint8_t type, const uint8_t *content, size_t length, uint8_t *place)
{
    size_t inner = length + 1;
    int done = 0;
    EVP_CIPHER_CTX *context = direction->context;
    const uint8_t header[RECORD_HEADER] = {CONTENT_DATA, 3, 3, (uint8_t) ((inner + TAG) >> 8), (uint8_t) (inner + TAG)};
    uint8_t *body = memcpy(place, header, RECORD_HEADER);
    body += RECORD_HEADER;
    memcpy(body, content, length);
    body[length] = type;
    OSSL_PARAM tag[] = TAG_AT(body + inner);
    return begin_record(direction, NULL) && EVP_CipherUpdate(context, NULL, &done, header, RECORD_HEADER) == 1 &&
           EVP_CipherUpdate(context, body, &done, body, (int) inner) == 1 &&
           EVP_CipherFinal_ex(context, body + inner, &done) == 1 && EVP_CIPHER_CTX_get_params(context, tag) == 1;
}

/* The content, its type and its padding, `inner` bytes, into `place`. */
static bool decrypt(const struct direction *direction, const uint8_t *bytes, size_t inner, uint8_t *place)
{
    int done = 0;
    EVP_CIPHER_CTX *context = direction->context;
    const OSSL_PARAM tag[] = TAG_AT((uint8_t *) bytes + RECORD_HEADER + inner);
    return begin_record(direction, tag) &&
           EVP_CipherUpdate(context, NULL, &done, bytes, RECORD_HEADER) == 1 &&
           EVP_CipherUpdate(context, place, &done, bytes + RECORD_HEADER, (int) inner) == 1 &&
           EVP_CipherFinal_ex(context, place + inner, &done) == 1;
}

/* --- sending --------------------------------------------------------------------------------------------------- */

static bool append(struct records *records, enum content_type type, const uint8_t *content, size_t length, struct buffer *out)
{
    uint8_t *place = buffer_reserve(out, RECORD_HEADER + length + 1 + TAG);
    if (!encrypt(&records->sent, (uint8_t) type, content, length, place))
        records->ended = true;
    if (records->ended)
        return false;
    out->end += RECORD_HEADER + length + 1 + TAG;
    records->sent.number++;
    records->left--;
    return true;
}

static void send_alert(struct records *records, enum alert_level level, enum alert alert, struct buffer *out)
{
    const uint8_t content[] = {(uint8_t) level, (uint8_t) alert};
    if (!records->ended)
        append(records, CONTENT_ALERT, content, sizeof(content), out);
    records->ended = true;
}

/* It is the last record under the old key, and asks for no answer (RFC 8446, 4.6.3). */
static void send_new_keys(struct records *records, struct buffer *out)
{
    const uint8_t content[RECORD_KEY_UPDATE] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_NOT_REQUESTED};
    records->new_keys_due = false;
    if (records->ended || !append(records, CONTENT_HANDSHAKE, content, sizeof(content), out))
        return;
    records->ended = !change_keys(records, &records->sent);
    records->left = SEALED_WITH_ONE_KEY;
}

size_t records_seal(struct records *records, const uint8_t *bytes, size_t length, struct buffer *out)
{
    size_t count = length < RECORD_MOST_PLAIN ? length : RECORD_MOST_PLAIN;
    if (records->left <= 1 || records->new_keys_due)
        send_new_keys(records, out);
    return !records->ended && append(records, CONTENT_DATA, bytes, count, out) ? count : 0;
}

void records_close(struct records *records, struct buffer *out)
{
    send_alert(records, LEVEL_WARNING, ALERT_CLOSE_NOTIFY, out);
}

/* --- receiving ------------------------------------------------------------------------------------------------- */

static struct record failed(struct records *records, enum alert alert, const char *reason, struct buffer *out)
{
    send_alert(records, LEVEL_FATAL, alert, out);
    return (struct record){.kind = RECORD_FAILED, .reason = reason};
}

/* An alert is never in pieces, nor with another one in a record (RFC 8446, 5.1). */
static struct record alerted(struct records *records, const uint8_t *content, size_t length, struct buffer *out)
{
    if (length != 2)
        return failed(records, length == 0 ? ALERT_UNEXPECTED_MESSAGE : ALERT_DECODE_ERROR, "TLS: an alert that is none", out);
    switch (content[1]) {
    case ALERT_CLOSE_NOTIFY:
        return (struct record){.kind = RECORD_CLOSED};
    case ALERT_USER_CANCELED: /* the closure follows */
        return (struct record){.kind = RECORD_NOTHING};
    }
    records->ended = true;
    return (struct record){.kind = RECORD_FAILED, .reason = SSL_alert_desc_string_long(content[1])};
}

/* The peer's next record is under other keys.  Ours change with the next data: however often it has asked by then, it gets one answer. */
static struct record keys_changed(struct records *records, uint8_t request, struct buffer *out)
{
    if (request > SSL_KEY_UPDATE_REQUESTED)
        return failed(records, ALERT_ILLEGAL_PARAMETER, "TLS: a change of keys that asks for something unknown", out);
    if (!change_keys(records, &records->received))
        return failed(records, ALERT_INTERNAL_ERROR, "TLS: no new keys can be made", out);
    if (request == SSL_KEY_UPDATE_REQUESTED)
        records->new_keys_due = true;
    return (struct record){.kind = RECORD_NOTHING};
}

/* A server may offer its client sessions to resume, which nobody here wants (RFC 8446, 4.6.1).  How much of this, and of what has begun before,
 * belongs to such messages. */
static size_t pass_tickets(struct records *records, const uint8_t *content, size_t length)
{
    size_t passed = 0;
    while (records->of_client && passed < length) {
        size_t rest = length - passed, count = records->ticket_left < rest ? records->ticket_left : rest;
        records->ticket_left -= (uint32_t) count;
        passed += count;
        if (passed == length || (records->begun_length > 0 ? records->begun[0] : content[passed]) != SSL3_MT_NEWSESSION_TICKET)
            break;
        records->begun[records->begun_length++] = content[passed++];
        if (records->begun_length == MESSAGE_HEADER) {
            records->ticket_left = (uint32_t) records->begun[1] << 16 | (uint32_t) records->begun[2] << 8 | records->begun[3];
            records->begun_length = 0;
        }
    }
    return passed;
}

/* Of handshake messages only KeyUpdate is left.  It may come in pieces, but ends with its record, since the next one is under other keys (RFC
 * 8446, 5.1). */
static struct record shaken(struct records *records, const uint8_t *content, size_t length, struct buffer *out)
{
    static const uint8_t start[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1};
    size_t passed = pass_tickets(records, content, length);
    if (passed > 0 && passed == length)
        return (struct record){.kind = RECORD_NOTHING};
    content += passed;
    length -= passed;
    size_t missing = RECORD_KEY_UPDATE - (size_t) records->begun_length, count = length < missing ? length : missing;
    memcpy(records->begun + records->begun_length, content, count);
    records->begun_length = (uint8_t) (records->begun_length + count);
    if (length == 0 || records->begun[0] != SSL3_MT_KEY_UPDATE)
        return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: unexpected message", out);
    if (memcmp(records->begun, start, records->begun_length < sizeof(start) ? records->begun_length : sizeof(start)) != 0)
        return failed(records, ALERT_DECODE_ERROR, "TLS: a change of keys of another length", out);
    if (count < length)
        return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: more in the record of a change of keys", out);
    if (records->begun_length < RECORD_KEY_UPDATE)
        return (struct record){.kind = RECORD_NOTHING};
    records->begun_length = 0;
    return keys_changed(records, records->begun[RECORD_KEY_UPDATE - 1], out);
}

static struct record opened_other(struct records *records, uint8_t type, const uint8_t *content, size_t length, struct buffer *out)
{
    records_passed(records);
    if (++records->fruitless > FRUITLESS_MOST)
        return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: too many records without data", out);
    switch (type) {
    case CONTENT_DATA:
        return (struct record){.kind = RECORD_NOTHING};
    case CONTENT_ALERT:
        return alerted(records, content, length, out);
    case CONTENT_HANDSHAKE:
        return shaken(records, content, length, out);
    }
    return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: unexpected record", out);
}

static struct record opened(struct records *records, uint8_t type, const uint8_t *content, size_t length, struct buffer *out)
{
    if ((records->begun_length > 0 || records->ticket_left > 0) && type != CONTENT_HANDSHAKE)
        return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: a message that is interrupted", out);
    if (type != CONTENT_DATA || length == 0)
        return opened_other(records, type, content, length, out);
    records->fruitless = 0;
    return (struct record){.kind = RECORD_DATA, .length = length};
}

struct record records_open(struct records *records, const uint8_t *bytes, uint8_t *place, struct buffer *out)
{
    size_t length = records_length(bytes);
    if (bytes[0] != CONTENT_DATA)
        return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: a record without protection", out);
    if (length > RECORD_MOST || length > RECORD_HEADER + INNER_MOST + TAG)
        return failed(records, ALERT_RECORD_OVERFLOW, "TLS: a record that is too long", out);
    if (length < RECORD_HEADER + TAG + 1)
        return failed(records, ALERT_BAD_RECORD_MAC, "TLS: a record that is too short", out);
    size_t inner = length - RECORD_HEADER - TAG;
    if (!decrypt(&records->received, bytes, inner, place))
        return failed(records, ALERT_BAD_RECORD_MAC, "TLS: a record that its key does not open", out);
    while (inner > 0 && place[inner - 1] == 0)
        inner--;
    if (inner == 0)
        return failed(records, ALERT_UNEXPECTED_MESSAGE, "TLS: a record without content", out);
    return opened(records, place[inner - 1], place, inner - 1, out);
}

void records_passed(struct records *records)
{
    records->received.number++;
}
