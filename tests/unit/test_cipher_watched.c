/*
 * A client's SSL that was used by its owner before a cipher took it up, as libpq's are for logins: what the
 * cipher makes of it, in conversation with an SSL of OpenSSL.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/err.h>
#include <string.h>

#include "certificates.h"
#include "forger.h"
#include "proxy/cipher.h"

struct ends {
    SSL *client, *server;
    struct cipher *cipher; /* of the client, once it was taken up */
    uint8_t place[2 * CIPHER_LEAST_ROOM];
};

struct wish {
    const char *suite;
    size_t tickets;
    int version;
    bool unwatched, is_asked_by_another;
};

static void tell_nobody(const SSL *tls, const char *line)
{
    (void) tls, (void) line;
}

/* Both have shaken hands, and the client has been told of it while it was watched. */
static void begin(struct ends *ends, struct wish wish)
{
    struct certificate certificate = certificate_new("keyway");
    SSL_CTX *server = certificate_server(&certificate, NULL), *client = certificate_client(NULL);
    BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
    SSL_CTX_set_num_tickets(server, wish.tickets);
    if (wish.suite) {
        cr_assert(eq(int, SSL_CTX_set_ciphersuites(server, wish.suite), 1));
        cr_assert(eq(int, SSL_CTX_set_ciphersuites(client, wish.suite), 1));
    }
    if (wish.version)
        SSL_CTX_set_max_proto_version(client, wish.version);
    if (wish.is_asked_by_another)
        SSL_CTX_set_keylog_callback(client, tell_nobody);
    *ends = (struct ends){.client = SSL_new(client), .server = SSL_new(server)};
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set_bio(ends->client, to_client, to_server);
    SSL_set_bio(ends->server, to_server, to_client);
    SSL_set_connect_state(ends->client);
    SSL_set_accept_state(ends->server);
    for (bool done = false; !done;) {
        done = SSL_do_handshake(ends->client) == 1;
        if (!wish.unwatched)
            cipher_watch(ends->client);
        done = SSL_do_handshake(ends->server) == 1 && done;
    }
    SSL_CTX_free(server);
    SSL_CTX_free(client);
    certificate_free(&certificate);
}

static void end(struct ends *ends)
{
    if (ends->cipher != NULL)
        cipher_free(ends->cipher);
    SSL_free(ends->client);
    SSL_free(ends->server);
}

static void write_word(SSL *tls, const char *word)
{
    cr_assert(eq(int, SSL_write(tls, word, (int) strlen(word)), (int) strlen(word)));
}

static void expect_read(SSL *tls, const char *word)
{
    char heard[100] = "";
    cr_assert(eq(int, SSL_read(tls, heard, sizeof(heard) - 1), (int) strlen(word)));
    cr_assert(eq(str, heard, (char *) word));
}

/* By the client's SSL itself, in other numbers of records to each side. */
static void log_in(struct ends *ends)
{
    write_word(ends->client, "let me in");
    expect_read(ends->server, "let me in");
    write_word(ends->server, "who are you?");
    write_word(ends->server, "tell me");
    expect_read(ends->client, "who are you?");
    expect_read(ends->client, "tell me");
    write_word(ends->client, "I");
    expect_read(ends->server, "I");
    write_word(ends->server, "go on");
    expect_read(ends->client, "go on");
}

static size_t take_sent(struct ends *ends, uint8_t *place, size_t room)
{
    int length = BIO_read(SSL_get_wbio(ends->server), place, (int) room);
    return length > 0 ? (size_t) length : 0;
}

static void expect_received(struct ends *ends, const char *word)
{
    static uint8_t bytes[10000];
    cipher_offer(ends->cipher, bytes, take_sent(ends, bytes, sizeof(bytes)));
    struct transfer transfer = cipher_receive(ends->cipher, ends->place, sizeof(ends->place));
    cr_assert(eq(sz, transfer.count, strlen(word)));
    cr_assert(zero(int, memcmp(ends->place, word, transfer.count)));
    cipher_keep(ends->cipher);
}

static void to_server(struct ends *ends)
{
    struct buffer *out = &ends->cipher->out;
    BIO_write(SSL_get_rbio(ends->server), buffer_data(out), (int) buffer_length(out));
    buffer_clear(out);
}

static void converse(struct ends *ends)
{
    cr_assert(eq(sz, cipher_send(ends->cipher, (const uint8_t *) "a question", 10).count, 10));
    to_server(ends);
    expect_read(ends->server, "a question");
    write_word(ends->server, "an answer");
    write_word(ends->server, ", and more");
    expect_received(ends, "an answer, and more");
}

static void expect_conversation(struct wish wish, bool own_records)
{
    struct ends ends;
    begin(&ends, wish);
    log_in(&ends);
    ends.cipher = cipher_new(ends.client);
    cr_assert(ends.cipher->own_records == own_records);
    cr_assert(not(cipher_has_more(ends.cipher)));
    for (int i = 0; i < 3; i++)
        converse(&ends);
    end(&ends);
}

/* --- who goes on
 * ----------------------------------------------------------------------------------------------- */

Test(cipher_watched, all_suites_of_tls_1_3_go_on_behind_a_login)
{
    expect_conversation((struct wish){.suite = "TLS_AES_128_GCM_SHA256"}, true);
    expect_conversation((struct wish){.suite = "TLS_AES_256_GCM_SHA384"}, true);
    expect_conversation((struct wish){.suite = "TLS_CHACHA20_POLY1305_SHA256"}, true);
}

Test(cipher_watched, tickets_behind_the_handshake_are_counted)
{
    expect_conversation((struct wish){.tickets = 2}, true);
}

Test(cipher_watched, an_ssl_goes_on_where_its_records_are_of_another_form_or_were_not_watched)
{
    expect_conversation((struct wish){.version = TLS1_2_VERSION}, false);
    expect_conversation((struct wish){.suite = "TLS_AES_128_CCM_SHA256"}, false);
    expect_conversation((struct wish){.unwatched = true}, false);
    expect_conversation((struct wish){.is_asked_by_another = true}, false);
}

Test(cipher_watched, an_ssl_whose_keys_have_changed_goes_on)
{
    struct ends ends;
    begin(&ends, (struct wish){0});
    SSL_key_update(ends.server, SSL_KEY_UPDATE_REQUESTED);
    log_in(&ends);
    ends.cipher = cipher_new(ends.client);
    cr_assert(not(ends.cipher->own_records));
    converse(&ends);
    end(&ends);
}

/* Of a record of 5 + 2 + 1 + 16 bytes, cut in its header or behind it. */
static void expect_rest_read(size_t cut)
{
    struct ends ends;
    uint8_t bytes[100], byte;
    begin(&ends, (struct wish){0});
    log_in(&ends);
    write_word(ends.server, "no");
    size_t length = take_sent(&ends, bytes, sizeof(bytes));
    BIO_write(SSL_get_rbio(ends.client), bytes, (int) cut);
    cr_assert(eq(int, SSL_read(ends.client, &byte, 1), -1));
    ends.cipher = cipher_new(ends.client);
    cr_assert(not(ends.cipher->own_records));
    cipher_offer(ends.cipher, bytes + cut, length - cut);
    struct transfer transfer = cipher_receive(ends.cipher, ends.place, sizeof(ends.place));
    cr_assert(eq(sz, transfer.count, 2));
    cr_assert(zero(int, memcmp(ends.place, "no", 2)));
    cipher_keep(ends.cipher);
    converse(&ends);
    end(&ends);
}

Test(cipher_watched, an_ssl_that_has_a_part_of_a_record_goes_on)
{
    for (size_t cut = 1; cut < 24; cut++)
        expect_rest_read(cut);
}

Test(cipher_watched, an_ssl_that_has_data_goes_on)
{
    struct ends ends;
    uint8_t byte;
    begin(&ends, (struct wish){0});
    log_in(&ends);
    write_word(ends.server, "two");
    cr_assert(eq(int, SSL_read(ends.client, &byte, 1), 1));
    ends.cipher = cipher_new(ends.client);
    cr_assert(not(ends.cipher->own_records));
    cr_assert(cipher_has_more(ends.cipher));
    expect_received(&ends, "wo");
    converse(&ends);
    end(&ends);
}

/* --- the conversation
 * ------------------------------------------------------------------------------------------ */

Test(cipher_watched, keys_change_when_either_side_wants_it)
{
    struct ends ends;
    begin(&ends, (struct wish){0});
    log_in(&ends);
    ends.cipher = cipher_new(ends.client);
    for (int i = 0; i < 3; i++) {
        SSL_key_update(ends.server, i == 1 ? SSL_KEY_UPDATE_NOT_REQUESTED : SSL_KEY_UPDATE_REQUESTED);
        converse(&ends);
    }
    ends.cipher->records->left = 2;
    for (int i = 0; i < 4; i++)
        converse(&ends);
    cr_assert(gt(u32, ends.cipher->records->left, 1000));
    end(&ends);
}

Test(cipher_watched, tickets_that_come_later_are_passed_over)
{
    struct ends ends;
    begin(&ends, (struct wish){.tickets = 1});
    log_in(&ends);
    ends.cipher = cipher_new(ends.client);
    for (int i = 0; i < 3; i++) {
        cr_assert(eq(int, SSL_new_session_ticket(ends.server), 1));
        converse(&ends);
    }
    end(&ends);
}

/* Whatever is cut in two, and behind it a change of keys and data. */
Test(cipher_watched, tickets_may_come_in_pieces_and_with_other_messages)
{
    static const uint8_t messages[] = {SSL3_MT_NEWSESSION_TICKET,
                                       0,
                                       0,
                                       3,
                                       'a',
                                       'b',
                                       'c',
                                       SSL3_MT_NEWSESSION_TICKET,
                                       0,
                                       0,
                                       0,
                                       SSL3_MT_KEY_UPDATE,
                                       0,
                                       0,
                                       1,
                                       SSL_KEY_UPDATE_NOT_REQUESTED};
    struct ends ends;
    begin(&ends, (struct wish){0});
    log_in(&ends);
    ends.cipher = cipher_new(ends.client);
    struct forger forger;
    struct buffer forged = {0};
    forger_begin(&forger, &ends.cipher->records->received, ends.cipher->records->suite);
    for (size_t cut = 1; cut < sizeof(messages); cut++) {
        forger_seal(&forger, SSL3_RT_HANDSHAKE, messages, cut, 0, &forged);
        forger_seal(&forger, SSL3_RT_HANDSHAKE, messages + cut, sizeof(messages) - cut, 0, &forged);
        forger_change_keys(&forger);
        forger_seal(&forger, SSL3_RT_APPLICATION_DATA, "hello", 5, 0, &forged);
        cipher_offer(ends.cipher, buffer_data(&forged), buffer_length(&forged));
        struct transfer transfer = cipher_receive(ends.cipher, ends.place, sizeof(ends.place));
        cr_assert(eq(sz, transfer.count, 5));
        buffer_clear(&forged);
    }
    forger_end(&forger);
    buffer_free(&forged);
    end(&ends);
}

Test(cipher_watched, nothing_comes_between_the_pieces_of_a_ticket)
{
    static const uint8_t begun[] = {SSL3_MT_NEWSESSION_TICKET, 0, 0, 3, 'a'};
    for (size_t length = 1; length <= sizeof(begun); length++) {
        struct ends ends;
        struct forger forger;
        struct buffer forged = {0};
        begin(&ends, (struct wish){0});
        log_in(&ends);
        ends.cipher = cipher_new(ends.client);
        forger_begin(&forger, &ends.cipher->records->received, ends.cipher->records->suite);
        forger_seal(&forger, SSL3_RT_HANDSHAKE, begun, length, 0, &forged);
        forger_seal(&forger, SSL3_RT_APPLICATION_DATA, "hello", 5, 0, &forged);
        cipher_offer(ends.cipher, buffer_data(&forged), buffer_length(&forged));
        struct transfer transfer = cipher_receive(ends.cipher, ends.place, sizeof(ends.place));
        cr_assert(eq(int, transfer.end, TRANSFER_FAILED));
        cr_assert(eq(str, (char *) transfer.reason, "TLS: a message that is interrupted"));
        forger_end(&forger);
        buffer_free(&forged);
        end(&ends);
    }
}

/* --- the end
 * --------------------------------------------------------------------------------------------------- */

/* What its owner would say with it would be under numbers that were used. */
Test(cipher_watched, the_ssl_is_given_back_without_a_way_to_its_peer)
{
    struct ends ends;
    begin(&ends, (struct wish){0});
    log_in(&ends);
    ends.cipher = cipher_new(ends.client);
    converse(&ends);
    cipher_close(ends.cipher);
    to_server(&ends);
    cipher_free(ends.cipher);
    ends.cipher = NULL;
    cr_assert(zero(ptr, SSL_get_wbio(ends.client)));
    cr_assert(le(int, SSL_write(ends.client, "x", 1), 0));
    char byte;
    ERR_clear_error();
    cr_assert(zero(int, SSL_read(ends.server, &byte, 1)));
    cr_assert(eq(int, SSL_get_error(ends.server, 0), SSL_ERROR_ZERO_RETURN));
    end(&ends);
}
