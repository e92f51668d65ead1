/*
 * records: TLS 1.3's protected records (RFC 8446, 5 and 7), under the secrets of a handshake that OpenSSL has made.
 *
 * An SSL of OpenSSL 3 keeps 14 KB for as long as a connection lasts; what the conversation behind the handshake needs of it are the keys of two
 * directions.  These are theirs, so that the SSL can go; where it has to stay, since it is libpq's, a record still takes less work than through it.
 * Whole records go in and come out: who has them in pieces puts them together first.  Only proxy/cipher.c includes this.
 */
#ifndef KEYWAY_RECORDS_H
#define KEYWAY_RECORDS_H

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"

enum {
    RECORD_HEADER = 5,
    RECORD_MOST_PLAIN = 16384,                             /* content of one record */
    RECORD_MOST = RECORD_HEADER + RECORD_MOST_PLAIN + 256, /* with its protection */
    RECORD_SECRET = 48,                                    /* at most: as long as the suite's digest */
    RECORD_NONCE = 12,                                     /* of all suites that are taken */
    RECORD_KEY_UPDATE = 5,                                 /* that message, whole */
};

struct direction {
    EVP_CIPHER_CTX *context;
    size_t secret_length; /* 0: it was not told */
    uint8_t secret[RECORD_SECRET], nonce[RECORD_NONCE];
    uint64_t number; /* of the next record */
};

struct records {
    struct direction received, sent;
    const SSL_CIPHER *suite;
    const EVP_MD *digest;
    uint32_t left;                      /* so many may still be sent under this key */
    bool of_client;                     /* our side is the handshake's client */
    bool ended;                         /* nothing more may be sent; or, before it began, what is known of the SSL's records does not suffice */
    bool new_keys_due;                  /* the peer has asked for them, and nothing was sent since */
    uint8_t fruitless;                  /* records in a row that have brought no data */
    uint32_t ticket_left;               /* bytes of a session ticket that have not come */
    uint8_t begun_length;               /* of a handshake message whose rest has not come … */
    uint8_t begun[RECORD_KEY_UPDATE];   /* … its beginning */
};

struct records *records_new(bool of_client);
/* Take in a line of SSL_CTX_set_keylog_callback(), if it tells a secret that is needed. */
void records_note_secret(struct records *records, const char *line);
/* What SSL_set_msg_callback() tells of an SSL: its protected records are counted, so that another can go on behind them. */
void records_note_message(struct records *records, bool sent, int content_type, const uint8_t *bytes, size_t length);
/* From now on this is who protects the conversation of an SSL, which has shaken hands and, if its records were not counted, has neither sent nor
 * received anything since.  False: it is not TLS 1.3, or its records are not all in the form that is known here, or it is in the middle of one;
 * the SSL has to go on. */
bool records_begin(struct records *records, SSL *tls);
/* The same for whoever has no SSL: both secrets were told, and this suite was agreed on. */
bool records_begin_under(struct records *records, const SSL_CIPHER *suite);
void records_free(struct records *records);

const SSL_CIPHER *records_suite(const struct records *records);

/* How long a record says it is, of which RECORD_HEADER bytes are there; more than RECORD_MOST are none. */
size_t records_length(const uint8_t *header);

enum record_kind {
    RECORD_DATA,    /* at least one byte */
    RECORD_NOTHING, /* the peer has spoken of the conversation itself, or said nothing */
    RECORD_CLOSED,  /* it has closed its side */
    RECORD_FAILED,
};

struct record {
    enum record_kind kind;
    size_t length;      /* of the data */
    const char *reason; /* static; of FAILED */
};

/* Open one record into `place`, where there is room for RECORD_MOST bytes.  Data stays where it was until records_passed(); anything else is done
 * at once and not to be opened again.  What there is to answer is appended to `out`. */
struct record records_open(struct records *records, const uint8_t *bytes, uint8_t *place, struct buffer *out);
void records_passed(struct records *records);

/* Append one record with as many of these bytes as it can hold, whose number is returned; 0 when nothing can be sent any more. */
size_t records_seal(struct records *records, const uint8_t *bytes, size_t length, struct buffer *out);
/* Append the closure alert, unless something has ended the conversation before. */
void records_close(struct records *records, struct buffer *out);

#endif
