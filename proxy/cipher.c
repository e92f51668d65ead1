/*
 * OpenSSL gets a BIO of our own, which reads what was offered and appends to `out`.  It is not allowed to read ahead during a handshake, so that
 * what follows is still here if proxy/records goes on.
 *
 * Each call into the SSL empties the thread's error queue first: an error left there by anybody would otherwise be taken for this call's
 * (SSL_get_error(3)).
 */
#include "proxy/cipher.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

/* --- the BIO ------------------------------------------------------------------------------------------------- */

static size_t read_kept(struct cipher *cipher, char *place, size_t room)
{
    size_t length = buffer_length(&cipher->in) < room ? buffer_length(&cipher->in) : room;
    memcpy(place, buffer_data(&cipher->in), length);
    buffer_take(&cipher->in, length);
    return length;
}

static size_t read_lent(struct cipher *cipher, char *place, size_t room)
{
    size_t length = cipher->lent_length < room ? cipher->lent_length : room;
    memcpy(place, cipher->lent, length);
    cipher->lent += length;
    cipher->lent_length -= length;
    return length;
}

static int bio_read(BIO *bio, char *place, size_t room, size_t *got)
{
    struct cipher *cipher = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    *got = 0;
    if (buffer_length(&cipher->in) > 0)
        *got = read_kept(cipher, place, room);
    else if (cipher->lent_length > 0)
        *got = read_lent(cipher, place, room);
    else if (!cipher->ended)
        BIO_set_retry_read(bio);
    return *got > 0;
}

static int bio_write(BIO *bio, const char *bytes, size_t length, size_t *written)
{
    struct cipher *cipher = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    buffer_append(&cipher->out, bytes, length);
    *written = length;
    return 1;
}

/* It never says that it has come to its end: OpenSSL would take that for an attack and send nothing more, but a peer that only stopped sending
 * is still owed its answers.  A read that gives nothing, and not for the time being, is told apart by why_not(). */
static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void) bio, (void) number, (void) pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method; /* one for the process, as OpenSSL has it */
static int cipher_type;

static void make_method(void)
{
    cipher_type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
    method = BIO_meth_new(cipher_type, "keyway cipher");
    if (method == NULL) /* as everywhere when memory is out */
        abort();
    BIO_meth_set_read_ex(method, bio_read);
    BIO_meth_set_write_ex(method, bio_write);
    BIO_meth_set_ctrl(method, bio_control);
}

static BIO *new_bio(struct cipher *cipher)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_method);
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        abort();
    BIO_set_data(bio, cipher);
    BIO_set_init(bio, 1);
    return bio;
}

/* --- watching a handshake -------------------------------------------------------------------------------------- */

static int watching_index; /* where an SSL has the records of cipher_watch() */

static void free_watching(void *parent, void *records, CRYPTO_EX_DATA *data, int index, long number, void *pointer)
{
    (void) parent, (void) data, (void) index, (void) number, (void) pointer;
    records_free(records);
}

static void make_index(void)
{
    watching_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_watching);
    if (watching_index < 0)
        abort();
}

static int index_of_watching(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_index);
    return watching_index;
}

/* Called inside the handshake; of one that is not watched the BIO leads to the cipher. */
static void take_note(const SSL *tls, const char *line)
{
    struct records *watching = SSL_get_ex_data(tls, index_of_watching());
    BIO *bio = SSL_get_wbio(tls);
    if (watching != NULL) {
        records_note_secret(watching, line);
    } else if (bio != NULL && BIO_method_type(bio) == cipher_type) {
        struct cipher *cipher = BIO_get_data(bio);
        if (cipher->records == NULL)
            cipher->records = records_new(false);
        records_note_secret(cipher->records, line);
    }
}

void cipher_prepare(SSL_CTX *context)
{
    index_of_watching();
    SSL_CTX_set_keylog_callback(context, take_note);
}

static void take_note_of_message(int sent, int version, int content_type, const void *bytes, size_t length, SSL *tls, void *records)
{
    (void) version, (void) tls;
    records_note_message(records, sent, content_type, bytes, length);
}

/* Where its owner has secrets written elsewhere, they are left to it. */
void cipher_watch(SSL *tls)
{
    SSL_CTX *context = SSL_get_SSL_CTX(tls);
    SSL_CTX_keylog_cb_func told = SSL_CTX_get_keylog_callback(context);
    if (SSL_get_ex_data(tls, index_of_watching()) != NULL || SSL_is_init_finished(tls) || (told != NULL && told != take_note))
        return;
    struct records *records = records_new(true);
    if (SSL_set_ex_data(tls, index_of_watching(), records) != 1)
        abort();
    SSL_set_msg_callback(tls, take_note_of_message);
    SSL_set_msg_callback_arg(tls, records);
    cipher_prepare(context);
}

/* A watched SSL is done with once its records have an owner. */
static void take_over_records(struct cipher *cipher)
{
    struct records *watching = SSL_get_ex_data(cipher->tls, index_of_watching());
    if (watching == NULL)
        return;
    SSL_set_msg_callback(cipher->tls, NULL);
    SSL_set_ex_data(cipher->tls, index_of_watching(), NULL);
    cipher->own_records = records_begin(watching, cipher->tls);
    if (cipher->own_records)
        cipher->records = watching;
    else
        records_free(watching);
}

/* --- beginning and end --------------------------------------------------------------------------------------- */

struct cipher *cipher_new(SSL *tls)
{
    struct cipher *cipher = memory_alloc(sizeof(*cipher));
    cipher->tls = tls;
    cipher->displaced = SSL_get_rbio(tls);
    if (cipher->displaced != NULL)
        BIO_up_ref(cipher->displaced);
    BIO *bio = new_bio(cipher);
    SSL_set_bio(tls, bio, bio);
    /* Without AUTO_RETRY, records that follow a session ticket in what was read ahead would wait for more that need not come. */
    SSL_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS |
                          SSL_MODE_AUTO_RETRY);
    SSL_set_options(tls, SSL_OP_NO_RENEGOTIATION);
    SSL_set_read_ahead(tls, SSL_is_init_finished(tls));
    cipher->more = SSL_has_pending(tls);
    take_over_records(cipher);
    return cipher;
}

bool cipher_forget_handshake(struct cipher *cipher)
{
    if (!cipher->own_records)
        return false;
    SSL_free(cipher->tls);
    cipher->tls = NULL;
    return true;
}

const char *cipher_version(const struct cipher *cipher)
{
    return cipher->own_records ? SSL_CIPHER_get_version(records_suite(cipher->records)) : SSL_get_version(cipher->tls);
}

const char *cipher_suite(const struct cipher *cipher)
{
    return SSL_CIPHER_get_name(cipher->own_records ? records_suite(cipher->records) : SSL_get_current_cipher(cipher->tls));
}

static void give_back(struct cipher *cipher)
{
    bool in_step = buffer_length(&cipher->out) == 0 && !cipher->own_records;
    if (!in_step)
        BIO_free(cipher->displaced);
    SSL_set_bio(cipher->tls, in_step ? cipher->displaced : NULL, in_step ? cipher->displaced : NULL);
}

void cipher_free(struct cipher *cipher)
{
    if (cipher->tls != NULL)
        give_back(cipher);
    records_free(cipher->records);
    buffer_free(&cipher->in);
    buffer_free(&cipher->out);
    free(cipher);
}

/* --- what comes ---------------------------------------------------------------------------------------------- */

void cipher_offer(struct cipher *cipher, const uint8_t *bytes, size_t length)
{
    cipher->lent = bytes;
    cipher->lent_length = length;
}

void cipher_keep(struct cipher *cipher)
{
    buffer_append(&cipher->in, cipher->lent, cipher->lent_length);
    cipher->lent = NULL;
    cipher->lent_length = 0;
}

void cipher_end(struct cipher *cipher, const char *failure)
{
    cipher->ended = true;
    cipher->failure = failure;
}

static bool has_unread(const struct cipher *cipher)
{
    return cipher->lent_length > 0 || buffer_length(&cipher->in) > 0;
}

/* --- records of our own ---------------------------------------------------------------------------------------- */

/* How long the record is that what was kept begins with, as far as it can be told. */
static size_t kept_record(const struct cipher *cipher)
{
    return buffer_length(&cipher->in) < RECORD_HEADER ? RECORD_HEADER : records_length(buffer_data(&cipher->in));
}

static void complete_kept(struct cipher *cipher, size_t length)
{
    size_t missing = length > buffer_length(&cipher->in) ? length - buffer_length(&cipher->in) : 0;
    size_t count = missing < cipher->lent_length ? missing : cipher->lent_length;
    if (count == 0)
        return;
    buffer_append(&cipher->in, cipher->lent, count);
    cipher->lent += count;
    cipher->lent_length -= count;
}

/* The whole record that is next; NULL: it has not come.  Of one that is too long its beginning will do. */
static const uint8_t *next_record(struct cipher *cipher)
{
    if (buffer_length(&cipher->in) > 0) {
        complete_kept(cipher, RECORD_HEADER);
        complete_kept(cipher, kept_record(cipher));
    }
    bool kept = buffer_length(&cipher->in) > 0;
    const uint8_t *bytes = kept ? buffer_data(&cipher->in) : cipher->lent;
    size_t length = kept ? buffer_length(&cipher->in) : cipher->lent_length;
    return length >= RECORD_HEADER && (records_length(bytes) <= length || records_length(bytes) > RECORD_MOST) ? bytes : NULL;
}

static void pass_record(struct cipher *cipher, const uint8_t *bytes)
{
    size_t length = records_length(bytes);
    if (bytes == cipher->lent) {
        cipher->lent += length;
        cipher->lent_length -= length;
    } else {
        buffer_take(&cipher->in, length);
    }
}

static bool has_record(const struct cipher *cipher)
{
    size_t kept = buffer_length(&cipher->in), length = kept + cipher->lent_length;
    uint8_t header[RECORD_HEADER];
    if (length < RECORD_HEADER)
        return false;
    for (size_t i = 0; i < RECORD_HEADER; i++)
        header[i] = i < kept ? buffer_data(&cipher->in)[i] : cipher->lent[i - kept];
    return records_length(header) <= length || records_length(header) > RECORD_MOST;
}

static struct transfer no_record(const struct cipher *cipher)
{
    if (!cipher->ended)
        return (struct transfer){.end = TRANSFER_WAIT};
    if (cipher->failure != NULL)
        return (struct transfer){.end = TRANSFER_FAILED, .reason = cipher->failure};
    return (struct transfer){.end = TRANSFER_CLOSED, .reason = "connection closed by peer"};
}

/* The next record's data into `place`, where it is to be seen or taken from. */
static struct transfer open_record(struct cipher *cipher, uint8_t *place, bool take)
{
    while (cipher->end.end == TRANSFER_GOOD) {
        const uint8_t *bytes = next_record(cipher);
        if (bytes == NULL)
            return no_record(cipher);
        struct record record = records_open(cipher->records, bytes, place, &cipher->out);
        switch (record.kind) {
        case RECORD_DATA:
            if (take) {
                records_passed(cipher->records);
                pass_record(cipher, bytes);
            }
            return (struct transfer){.count = record.length};
        case RECORD_NOTHING:
            pass_record(cipher, bytes);
            break;
        case RECORD_CLOSED:
            cipher->end = (struct transfer){.end = TRANSFER_CLOSED, .reason = "TLS closed by peer"};
            break;
        case RECORD_FAILED:
            cipher->end = (struct transfer){.end = TRANSFER_FAILED, .reason = record.reason};
            break;
        }
    }
    return cipher->end;
}

static struct transfer receive_records(struct cipher *cipher, uint8_t *place, size_t room)
{
    struct transfer sum = {.end = TRANSFER_GOOD};
    assert(room >= CIPHER_LEAST_ROOM);
    while (room - sum.count >= CIPHER_LEAST_ROOM) {
        struct transfer one = open_record(cipher, place + sum.count, true);
        if (one.count == 0)
            return sum.count > 0 ? sum : one;
        sum.count += one.count;
    }
    return sum;
}

static struct transfer peek_record(struct cipher *cipher)
{
    uint8_t place[CIPHER_LEAST_ROOM];
    struct transfer transfer = open_record(cipher, place, false);
    transfer.count = transfer.count > 0;
    return transfer;
}

static struct transfer seal_record(struct cipher *cipher, const uint8_t *bytes, size_t length)
{
    size_t count = records_seal(cipher->records, bytes, length, &cipher->out);
    if (count == 0)
        return (struct transfer){.end = TRANSFER_FAILED, .reason = "TLS has ended"};
    return (struct transfer){.count = count};
}

bool cipher_has_more(const struct cipher *cipher)
{
    if (cipher->own_records)
        return cipher->end.end != TRANSFER_GOOD || cipher->ended || has_record(cipher);
    return cipher->more || cipher->ended || has_unread(cipher);
}

/* --- calls into the SSL -------------------------------------------------------------------------------------- */

static void begin_call(void)
{
    ERR_clear_error();
    errno = 0;
}

static struct transfer failure(const struct cipher *cipher)
{
    unsigned long code = ERR_peek_error();
    if (cipher->ended && cipher->failure != NULL)
        return (struct transfer){.end = TRANSFER_FAILED, .reason = cipher->failure};
    if (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return (struct transfer){.end = TRANSFER_CLOSED, .reason = "connection closed by peer"};
    const char *reason = ERR_reason_error_string(code);
    return (struct transfer){.end = TRANSFER_FAILED, .reason = reason ? reason : "TLS error"};
}

static struct transfer why_not(const struct cipher *cipher)
{
    switch (SSL_get_error(cipher->tls, 0)) {
    case SSL_ERROR_WANT_READ:
        return (struct transfer){.end = TRANSFER_WAIT};
    case SSL_ERROR_ZERO_RETURN:
        return (struct transfer){.end = TRANSFER_CLOSED, .reason = "TLS closed by peer"};
    }
    return failure(cipher);
}

static void take_up_records(struct cipher *cipher)
{
    cipher->own_records = records_begin(cipher->records, cipher->tls);
    if (cipher->own_records)
        return;
    records_free(cipher->records);
    cipher->records = NULL;
}

struct transfer cipher_shake_hands(struct cipher *cipher)
{
    begin_call();
    if (SSL_do_handshake(cipher->tls) != 1)
        return why_not(cipher);
    take_up_records(cipher);
    SSL_set_read_ahead(cipher->tls, 1);
    cipher->more = SSL_has_pending(cipher->tls);
    return (struct transfer){.end = TRANSFER_GOOD};
}

/* SSL_has_pending() also counts the beginning of a record whose rest has not come: one call too many, which gives nothing. */
static struct transfer receive_by_ssl(struct cipher *cipher, uint8_t *place, size_t room)
{
    struct transfer sum = {.end = TRANSFER_GOOD};
    do {
        size_t got = 0;
        begin_call();
        if (SSL_read_ex(cipher->tls, place + sum.count, room - sum.count, &got) != 1) {
            struct transfer end = why_not(cipher);
            cipher->more = end.end != TRANSFER_WAIT;
            return sum.count > 0 ? sum : end;
        }
        sum.count += got;
        cipher->more = SSL_has_pending(cipher->tls);
    } while (sum.count < room && (cipher->more || has_unread(cipher)));
    return sum;
}

struct transfer cipher_receive(struct cipher *cipher, uint8_t *place, size_t room)
{
    return cipher->own_records ? receive_records(cipher, place, room) : receive_by_ssl(cipher, place, room);
}

struct transfer cipher_peek(struct cipher *cipher)
{
    uint8_t byte;
    if (cipher->own_records)
        return peek_record(cipher);
    begin_call();
    struct transfer transfer = {0};
    if (SSL_peek_ex(cipher->tls, &byte, 1, &transfer.count) != 1)
        transfer = why_not(cipher);
    cipher->more = transfer.end != TRANSFER_WAIT;
    return transfer;
}

struct transfer cipher_send(struct cipher *cipher, const uint8_t *bytes, size_t length)
{
    size_t sent = 0;
    if (cipher->own_records)
        return seal_record(cipher, bytes, length);
    begin_call();
    if (SSL_write_ex(cipher->tls, bytes, length > INT_MAX ? INT_MAX : length, &sent) != 1)
        return why_not(cipher);
    return (struct transfer){.count = sent};
}

void cipher_close(struct cipher *cipher)
{
    if (cipher->own_records) {
        records_close(cipher->records, &cipher->out);
        return;
    }
    begin_call();
    SSL_shutdown(cipher->tls);
    ERR_clear_error();
}
