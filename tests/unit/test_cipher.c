/*
 * A cipher without a socket, at whose other end is OpenSSL: what becomes of records that come in pieces, were tampered with or have no place there.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "certificates.h"
#include "forger.h"
#include "proxy/cipher.h"

struct ends {
    SSL *client;
    struct cipher *server;
    BIO *sent; /* by the client, and not yet offered */
    uint8_t place[2 * CIPHER_LEAST_ROOM];
};

struct wish {
    const char *suite;
    uint8_t fragments; /* TLSEXT_max_fragment_length_… */
    bool tickets;
    bool no_secrets;
};

/* --- both ends ------------------------------------------------------------------------------------------------- */

static void to_client(struct ends *ends)
{
    struct buffer *out = &ends->server->out;
    BIO_write(SSL_get_rbio(ends->client), buffer_data(out), (int) buffer_length(out));
    buffer_clear(out);
}

static size_t take_sent(struct ends *ends, uint8_t *place, size_t room)
{
    int length = BIO_read(ends->sent, place, (int) room);
    return length > 0 ? (size_t) length : 0;
}

/* The client's last words are kept behind its handshake, as if they had come with it. */
static void shake_hands(struct ends *ends, const char *word)
{
    static uint8_t bytes[10000];
    for (bool said = false; !said;) {
        said = SSL_do_handshake(ends->client) == 1 && SSL_write(ends->client, word, (int) strlen(word)) > 0;
        cipher_offer(ends->server, bytes, take_sent(ends, bytes, sizeof(bytes)));
        struct transfer transfer = cipher_shake_hands(ends->server);
        cr_assert(eq(int, transfer.end, said ? TRANSFER_GOOD : TRANSFER_WAIT));
        cipher_keep(ends->server);
        to_client(ends);
    }
}

static void expect_received(struct ends *ends, const char *word)
{
    struct transfer transfer = cipher_receive(ends->server, ends->place, sizeof(ends->place));
    cr_assert(eq(sz, transfer.count, strlen(word)));
    cr_assert(zero(int, memcmp(ends->place, word, transfer.count)));
}

static void begin(struct ends *ends, struct wish wish)
{
    struct certificate certificate = certificate_new("keyway");
    SSL_CTX *server = certificate_server(&certificate, NULL), *client = certificate_client(NULL);
    if (!wish.no_secrets)
        certificate_tell_secrets(server);
    SSL_CTX_set_num_tickets(server, wish.tickets ? 2 : 0);
    if (wish.suite) {
        cr_assert(eq(int, SSL_CTX_set_ciphersuites(server, wish.suite), 1));
        cr_assert(eq(int, SSL_CTX_set_ciphersuites(client, wish.suite), 1));
    }
    SSL_CTX_set_tlsext_max_fragment_length(client, wish.fragments);
    SSL *tls = SSL_new(server);
    SSL_set_accept_state(tls);
    *ends = (struct ends){.client = SSL_new(client), .server = cipher_new(tls), .sent = BIO_new(BIO_s_mem())};
    SSL_set_connect_state(ends->client);
    SSL_set_bio(ends->client, BIO_new(BIO_s_mem()), ends->sent);
    shake_hands(ends, "with the handshake");
    expect_received(ends, "with the handshake");
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    certificate_free(&certificate);
}

static void end(struct ends *ends)
{
    SSL *tls = cipher_forget_handshake(ends->server) ? NULL : ends->server->tls;
    SSL_free(ends->client);
    cipher_free(ends->server);
    SSL_free(tls);
}

static void say(struct ends *ends, const char *word)
{
    cr_assert(eq(int, SSL_write(ends->client, word, (int) strlen(word)), (int) strlen(word)));
}

static void offer_sent(struct ends *ends)
{
    static uint8_t bytes[100000];
    cipher_offer(ends->server, bytes, take_sent(ends, bytes, sizeof(bytes)));
}

static void answer(struct ends *ends, const char *word)
{
    char heard[100] = "";
    struct transfer transfer = cipher_send(ends->server, (const uint8_t *) word, strlen(word));
    cr_assert(eq(sz, transfer.count, strlen(word)));
    to_client(ends);
    cr_assert(eq(int, SSL_read(ends->client, heard, sizeof(heard) - 1), (int) strlen(word)));
    cr_assert(eq(str, heard, (char *) word));
}

static void converse(struct ends *ends)
{
    say(ends, "hello");
    say(ends, ", you");
    offer_sent(ends);
    expect_received(ends, "hello, you");
    cipher_keep(ends->server);
    answer(ends, "hello yourself");
}

static void expect_end(struct ends *ends, enum transfer_end expected, const char *reason)
{
    for (int again = 0; again < 2; again++) {
        struct transfer transfer = cipher_receive(ends->server, ends->place, sizeof(ends->place));
        cr_assert(zero(sz, transfer.count));
        cr_assert(eq(int, transfer.end, expected));
        cr_assert(eq(str, (char *) transfer.reason, (char *) reason));
        cr_assert(cipher_has_more(ends->server));
    }
}

static void expect_alert(struct ends *ends, int reason)
{
    char byte;
    to_client(ends);
    ERR_clear_error();
    cr_assert(le(int, SSL_read(ends->client, &byte, 1), 0));
    cr_assert(eq(int, ERR_GET_REASON(ERR_peek_error()), reason));
}

/* --- who does it ----------------------------------------------------------------------------------------------- */

static void expect_conversation(struct wish wish, bool own_records)
{
    struct ends ends;
    begin(&ends, wish);
    cr_assert(ends.server->own_records == own_records);
    for (int i = 0; i < 3; i++)
        converse(&ends);
    cr_assert(cipher_forget_handshake(ends.server) == own_records);
    converse(&ends);
    end(&ends);
}

Test(cipher, all_suites_of_tls_1_3_do_without_their_ssl)
{
    expect_conversation((struct wish){.suite = "TLS_AES_128_GCM_SHA256"}, true);
    expect_conversation((struct wish){.suite = "TLS_AES_256_GCM_SHA384"}, true);
    expect_conversation((struct wish){.suite = "TLS_CHACHA20_POLY1305_SHA256"}, true);
}

Test(cipher, an_ssl_stays_where_its_records_are_of_another_form_or_were_begun)
{
    expect_conversation((struct wish){.fragments = TLSEXT_max_fragment_length_512}, false);
    expect_conversation((struct wish){.tickets = true}, false);
    expect_conversation((struct wish){.no_secrets = true}, false);
    expect_conversation((struct wish){.suite = "TLS_AES_128_CCM_SHA256"}, false);
}

Test(cipher, it_tells_its_version_and_suite_without_its_ssl)
{
    struct ends ends;
    begin(&ends, (struct wish){.suite = "TLS_AES_128_GCM_SHA256"});
    cr_assert(cipher_forget_handshake(ends.server));
    cr_assert(eq(str, (char *) cipher_version(ends.server), "TLSv1.3"));
    cr_assert(eq(str, (char *) cipher_suite(ends.server), "TLS_AES_128_GCM_SHA256"));
    end(&ends);
}

/* --- records --------------------------------------------------------------------------------------------------- */

Test(cipher, records_that_come_byte_by_byte_are_put_together)
{
    struct ends ends;
    uint8_t bytes[100];
    begin(&ends, (struct wish){0});
    say(&ends, "one");
    say(&ends, "two");
    size_t length = take_sent(&ends, bytes, sizeof(bytes)), received = 0;
    for (size_t i = 0; i < length; i++) {
        cipher_offer(ends.server, bytes + i, 1);
        cr_assert(eq(int, cipher_has_more(ends.server), i + 1 == length / 2 || i + 1 == length));
        cr_assert(eq(sz, cipher_peek(ends.server).count, cipher_has_more(ends.server)));
        received += cipher_receive(ends.server, ends.place + received, sizeof(ends.place) - received).count;
        cipher_keep(ends.server);
        cr_assert(eq(sz, received, i + 1 == length ? 6 : i + 1 >= length / 2 ? 3 : 0));
    }
    cr_assert(zero(int, memcmp(ends.place, "onetwo", 6)));
    end(&ends);
}

Test(cipher, long_texts_and_padded_records_pass)
{
    struct ends ends;
    begin(&ends, (struct wish){0});
    size_t length = 3 * RECORD_MOST_PLAIN, received = 0;
    char *text = calloc(1, length + 1), *heard = calloc(1, length + CIPHER_LEAST_ROOM);
    memset(text, 'x', length);
    SSL_set_block_padding(ends.client, 4096);
    say(&ends, text);
    say(&ends, "!");
    offer_sent(&ends);
    while (cipher_has_more(ends.server))
        received += cipher_receive(ends.server, (uint8_t *) heard + received, CIPHER_LEAST_ROOM).count;
    cr_assert(eq(sz, received, length + 1));
    cr_assert(zero(int, memcmp(heard, text, length)));
    cr_assert(heard[length] == '!');
    for (size_t sent = 0; sent < length;)
        sent += cipher_send(ends.server, (uint8_t *) text + sent, length - sent).count;
    to_client(&ends);
    for (int got = 0; (size_t) got < length;)
        got += SSL_read(ends.client, heard + got, (int) length - got);
    cr_assert(zero(int, memcmp(heard, text, length)));
    free(text);
    free(heard);
    end(&ends);
}

static void expect_other_keys(const char *suite)
{
    struct ends ends;
    begin(&ends, (struct wish){.suite = suite});
    for (int i = 0; i < 3; i++) {
        SSL_key_update(ends.client, i == 1 ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_REQUESTED);
        converse(&ends);
    }
    ends.server->records->left = 3;
    for (int i = 0; i < 5; i++)
        converse(&ends);
    cr_assert(gt(u32, ends.server->records->left, 1000));
    end(&ends);
}

Test(cipher, keys_change_when_the_client_wants_it_and_when_they_have_sealed_enough)
{
    expect_other_keys("TLS_AES_128_GCM_SHA256");
    expect_other_keys("TLS_AES_256_GCM_SHA384");
    expect_other_keys("TLS_CHACHA20_POLY1305_SHA256");
}

/* --- what an SSL would not send -------------------------------------------------------------------------------- */

static const uint8_t new_keys[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_NOT_REQUESTED};
static const uint8_t keys_on_both_sides[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_REQUESTED};

/* A client whose every record is made by hand. */
struct forged {
    struct ends ends;
    struct forger client, server; /* what it sends, and what it is sent */
    struct buffer records;
};

static void begin_forging(struct forged *forged)
{
    begin(&forged->ends, (struct wish){0});
    struct records *records = forged->ends.server->records;
    forger_begin(&forged->client, &records->received, records->suite);
    forger_begin(&forged->server, &records->sent, records->suite);
    forged->records = (struct buffer){0};
}

static void end_forging(struct forged *forged)
{
    forger_end(&forged->client);
    forger_end(&forged->server);
    buffer_free(&forged->records);
    end(&forged->ends);
}

static void forge(struct forged *forged, uint8_t type, const void *content, size_t length)
{
    forger_seal(&forged->client, type, content, length, 0, &forged->records);
}

static void offer_forged(struct forged *forged)
{
    cipher_offer(forged->ends.server, buffer_data(&forged->records), buffer_length(&forged->records));
}

/* What was forged is taken whole, and gives these words. */
static void expect_words(struct forged *forged, const char *words)
{
    offer_forged(forged);
    if (words[0] != '\0')
        expect_received(&forged->ends, words);
    cr_assert(eq(int, cipher_receive(forged->ends.server, forged->ends.place, sizeof(forged->ends.place)).end, TRANSFER_WAIT));
    cipher_keep(forged->ends.server);
    buffer_clear(&forged->records);
}

static void expect_sent(struct forged *forged, uint8_t type, const void *content, size_t length)
{
    struct buffer *out = &forged->ends.server->out;
    uint8_t got_type, place[CIPHER_LEAST_ROOM];
    size_t got;
    cr_assert(gt(sz, buffer_length(out), RECORD_HEADER));
    cr_assert(forger_open(&forged->server, buffer_data(out), place, &got_type, &got));
    buffer_take(out, records_length(buffer_data(out)));
    cr_assert(eq(int, got_type, type));
    cr_assert(eq(sz, got, length));
    cr_assert(zero(int, memcmp(place, content, length)));
}

static void expect_refused(struct forged *forged, const char *reason, uint8_t alert)
{
    offer_forged(forged);
    expect_end(&forged->ends, TRANSFER_FAILED, reason);
    expect_sent(forged, SSL3_RT_ALERT, ((uint8_t[]){SSL3_AL_FATAL, alert}), 2);
    cipher_close(forged->ends.server);
    cr_assert(zero(sz, buffer_length(&forged->ends.server->out)));
}

/* One record of this type and content. */
static void expect_forgery_refused(uint8_t type, const void *content, size_t length, const char *reason, uint8_t alert)
{
    struct forged forged;
    begin_forging(&forged);
    forge(&forged, type, content, length);
    expect_refused(&forged, reason, alert);
    end_forging(&forged);
}

Test(cipher, a_change_of_keys_may_come_in_pieces)
{
    struct forged forged;
    begin_forging(&forged);
    for (size_t cut = 1; cut < sizeof(new_keys); cut++) {
        forge(&forged, SSL3_RT_HANDSHAKE, new_keys, cut);
        expect_words(&forged, "");
        forge(&forged, SSL3_RT_HANDSHAKE, new_keys + cut, sizeof(new_keys) - cut);
        forger_change_keys(&forged.client);
        forge(&forged, SSL3_RT_APPLICATION_DATA, "hello", 5);
        expect_words(&forged, "hello");
    }
    for (size_t i = 0; i < sizeof(new_keys); i++)
        forge(&forged, SSL3_RT_HANDSHAKE, new_keys + i, 1);
    forger_change_keys(&forged.client);
    forge(&forged, SSL3_RT_APPLICATION_DATA, "hello", 5);
    expect_words(&forged, "hello");
    cr_assert(zero(sz, buffer_length(&forged.ends.server->out)));
    end_forging(&forged);
}

Test(cipher, whoever_asks_often_for_new_keys_before_there_is_data_for_it_gets_them_once)
{
    struct forged forged;
    begin_forging(&forged);
    for (int i = 0; i < 3; i++) {
        forge(&forged, SSL3_RT_HANDSHAKE, keys_on_both_sides, sizeof(keys_on_both_sides));
        forger_change_keys(&forged.client);
    }
    forge(&forged, SSL3_RT_APPLICATION_DATA, "hello", 5);
    expect_words(&forged, "hello");
    cr_assert(zero(sz, buffer_length(&forged.ends.server->out)));
    for (int i = 0; i < 2; i++)
        cr_assert(eq(sz, cipher_send(forged.ends.server, (const uint8_t *) "you", 3).count, 3));
    expect_sent(&forged, SSL3_RT_HANDSHAKE, new_keys, sizeof(new_keys));
    forger_change_keys(&forged.server);
    expect_sent(&forged, SSL3_RT_APPLICATION_DATA, "you", 3);
    expect_sent(&forged, SSL3_RT_APPLICATION_DATA, "you", 3);
    cr_assert(zero(sz, buffer_length(&forged.ends.server->out)));
    end_forging(&forged);
}

Test(cipher, a_change_of_keys_that_is_none_ends_the_conversation_with_the_alert_for_it)
{
    const char *another_length = "TLS: a change of keys of another length", *unexpected = "TLS: unexpected message";
    const uint8_t too_long[] = {SSL3_MT_KEY_UPDATE, 0, 0, 2, 0, 0}, empty[] = {SSL3_MT_KEY_UPDATE, 0, 0, 0};
    const uint8_t unknown[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, 2}, two[] = {SSL3_MT_KEY_UPDATE, 0, 0, 1, 0, SSL3_MT_KEY_UPDATE, 0, 0, 1, 0};
    const uint8_t ticket[] = {SSL3_MT_NEWSESSION_TICKET, 0, 0, 0};
    expect_forgery_refused(SSL3_RT_HANDSHAKE, too_long, sizeof(too_long), another_length, SSL_AD_DECODE_ERROR);
    expect_forgery_refused(SSL3_RT_HANDSHAKE, empty, sizeof(empty), another_length, SSL_AD_DECODE_ERROR);
    expect_forgery_refused(SSL3_RT_HANDSHAKE, unknown, sizeof(unknown), "TLS: a change of keys that asks for something unknown",
                           SSL_AD_ILLEGAL_PARAMETER);
    expect_forgery_refused(SSL3_RT_HANDSHAKE, two, sizeof(two), "TLS: more in the record of a change of keys", SSL_AD_UNEXPECTED_MESSAGE);
    expect_forgery_refused(SSL3_RT_HANDSHAKE, ticket, sizeof(ticket), unexpected, SSL_AD_UNEXPECTED_MESSAGE);
    expect_forgery_refused(SSL3_RT_HANDSHAKE, "", 0, unexpected, SSL_AD_UNEXPECTED_MESSAGE);
}

Test(cipher, nothing_comes_between_the_pieces_of_a_message)
{
    static const uint8_t types[] = {SSL3_RT_APPLICATION_DATA, SSL3_RT_ALERT};
    for (size_t i = 0; i < sizeof(types); i++) {
        struct forged forged;
        begin_forging(&forged);
        forge(&forged, SSL3_RT_HANDSHAKE, new_keys, 3);
        forge(&forged, types[i], (uint8_t[]){SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY}, 2);
        expect_refused(&forged, "TLS: a message that is interrupted", SSL_AD_UNEXPECTED_MESSAGE);
        end_forging(&forged);
    }
}

Test(cipher, alerts_and_types_that_are_none_end_the_conversation)
{
    const uint8_t alerts[] = {SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY, SSL3_AL_WARNING, SSL_AD_CLOSE_NOTIFY};
    expect_forgery_refused(SSL3_RT_ALERT, "", 0, "TLS: an alert that is none", SSL_AD_UNEXPECTED_MESSAGE);
    expect_forgery_refused(SSL3_RT_ALERT, alerts, 1, "TLS: an alert that is none", SSL_AD_DECODE_ERROR);
    expect_forgery_refused(SSL3_RT_ALERT, alerts, sizeof(alerts), "TLS: an alert that is none", SSL_AD_DECODE_ERROR);
    expect_forgery_refused(SSL3_RT_CHANGE_CIPHER_SPEC, "\1", 1, "TLS: unexpected record", SSL_AD_UNEXPECTED_MESSAGE);
    expect_forgery_refused(0, "", 0, "TLS: a record without content", SSL_AD_UNEXPECTED_MESSAGE);
}

Test(cipher, a_record_is_as_long_as_it_may_be_and_no_longer)
{
    struct forged forged;
    char *text = calloc(1, RECORD_MOST_PLAIN + 2);
    memset(text, 'x', RECORD_MOST_PLAIN);
    begin_forging(&forged);
    forge(&forged, SSL3_RT_APPLICATION_DATA, text, RECORD_MOST_PLAIN);
    expect_words(&forged, text);
    forger_seal(&forged.client, SSL3_RT_APPLICATION_DATA, "x", 1, RECORD_MOST_PLAIN - 1, &forged.records);
    expect_words(&forged, "x");
    forge(&forged, SSL3_RT_APPLICATION_DATA, text, RECORD_MOST_PLAIN + 1);
    expect_refused(&forged, "TLS: a record that is too long", SSL_AD_RECORD_OVERFLOW);
    end_forging(&forged);
    free(text);
}

Test(cipher, a_peer_that_speaks_on_and_on_without_data_is_left)
{
    static const uint8_t canceled[] = {SSL3_AL_WARNING, SSL_AD_USER_CANCELLED};
    static const struct {
        uint8_t type;
        const uint8_t *content;
        size_t length;
    } idle[] = {
        {SSL3_RT_APPLICATION_DATA, canceled, 0},
        {SSL3_RT_ALERT, canceled, sizeof(canceled)},
        {SSL3_RT_HANDSHAKE, keys_on_both_sides, sizeof(keys_on_both_sides)},
    };
    for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        struct forged forged;
        begin_forging(&forged);
        for (int times = 0; times < 100; times++) {
            if (times == 30 || times == 60) {
                forge(&forged, SSL3_RT_APPLICATION_DATA, "word", 4);
                expect_words(&forged, "word");
            }
            forge(&forged, idle[i].type, idle[i].content, idle[i].length);
            if (idle[i].type == SSL3_RT_HANDSHAKE)
                forger_change_keys(&forged.client);
        }
        expect_refused(&forged, "TLS: too many records without data", SSL_AD_UNEXPECTED_MESSAGE);
        end_forging(&forged);
    }
}

/* --- what is refused ------------------------------------------------------------------------------------------- */

static void expect_refusal(void (*spoil)(uint8_t *record, size_t *length), const char *reason, int alert)
{
    struct ends ends;
    uint8_t bytes[1000];
    begin(&ends, (struct wish){0});
    say(&ends, "a word");
    size_t length = take_sent(&ends, bytes, sizeof(bytes));
    spoil(bytes, &length);
    cipher_offer(ends.server, bytes, length);
    expect_end(&ends, TRANSFER_FAILED, reason);
    cr_assert(eq(int, cipher_send(ends.server, bytes, 1).end, TRANSFER_FAILED));
    expect_alert(&ends, alert);
    cipher_close(ends.server);
    cr_assert(zero(sz, buffer_length(&ends.server->out)));
    end(&ends);
}

static void change_content(uint8_t *record, size_t *length)
{
    (void) length;
    record[RECORD_HEADER + 2] ^= 1;
}

static void change_tag(uint8_t *record, size_t *length)
{
    record[*length - 1] ^= 0x80;
}

static void change_header(uint8_t *record, size_t *length)
{
    (void) length;
    record[1] ^= 1;
}

static void make_plain(uint8_t *record, size_t *length)
{
    (void) length;
    record[0] = SSL3_RT_ALERT;
}

static void make_too_long(uint8_t *record, size_t *length)
{
    record[3] = record[4] = 0xff;
    *length = RECORD_HEADER;
}

static void make_too_short(uint8_t *record, size_t *length)
{
    record[3] = 0;
    record[4] = 16;
    *length = RECORD_HEADER + 16;
}

Test(cipher, a_record_that_was_tampered_with_ends_the_conversation)
{
    const char *reason = "TLS: a record that its key does not open";
    expect_refusal(change_content, reason, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    expect_refusal(change_tag, reason, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
    expect_refusal(change_header, reason, SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
}

Test(cipher, a_record_that_can_be_none_ends_the_conversation)
{
    expect_refusal(make_plain, "TLS: a record without protection", SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE);
    expect_refusal(make_too_long, "TLS: a record that is too long", SSL_R_TLSV1_ALERT_RECORD_OVERFLOW);
    expect_refusal(make_too_short, "TLS: a record that is too short", SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
}

Test(cipher, a_record_that_comes_twice_is_taken_once)
{
    struct ends ends;
    uint8_t bytes[100];
    begin(&ends, (struct wish){0});
    say(&ends, "pay");
    size_t length = take_sent(&ends, bytes, sizeof(bytes));
    cipher_offer(ends.server, bytes, length);
    expect_received(&ends, "pay");
    cipher_offer(ends.server, bytes, length);
    expect_end(&ends, TRANSFER_FAILED, "TLS: a record that its key does not open");
    end(&ends);
}

/* --- ends ------------------------------------------------------------------------------------------------------ */

Test(cipher, a_closure_is_told_behind_what_came_before_it)
{
    struct ends ends;
    begin(&ends, (struct wish){0});
    say(&ends, "last words");
    SSL_shutdown(ends.client);
    offer_sent(&ends);
    expect_received(&ends, "last words");
    expect_end(&ends, TRANSFER_CLOSED, "TLS closed by peer");
    answer(&ends, "so long");
    cipher_close(ends.server);
    to_client(&ends);
    cr_assert(eq(int, SSL_shutdown(ends.client), 1));
    end(&ends);
}

Test(cipher, a_connection_that_breaks_in_a_record_is_told_from_a_closure)
{
    struct ends ends;
    uint8_t bytes[100];
    begin(&ends, (struct wish){0});
    say(&ends, "half of it");
    cipher_offer(ends.server, bytes, take_sent(&ends, bytes, sizeof(bytes)) / 2);
    cr_assert(eq(int, cipher_receive(ends.server, ends.place, sizeof(ends.place)).end, TRANSFER_WAIT));
    cipher_keep(ends.server);
    cipher_end(ends.server, "Connection reset by peer");
    expect_end(&ends, TRANSFER_FAILED, "Connection reset by peer");
    end(&ends);
}
