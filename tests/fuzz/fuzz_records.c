/*
 * A conversation behind a handshake of TLS 1.3 with a client that may say anything, in pieces of any size: what is received is what was sent under
 * the keys, up to the first thing that RFC 8446 forbids, which ends it with an alert; and all that is sent can be opened.
 *
 * The input is a script of the client's records.  What each must lead to is worked out here a second time, and the records are made and opened by
 * tests/unit/forger, not by proxy/records.
 */
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/cipher.h"
#include "tests/unit/forger.h"

enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90, FRUITLESS = 32, KEY_UPDATE = 24 };

struct scene {
    struct cipher *server;
    struct forger client, answers;   /* what the client sends, and what it is sent */
    struct buffer records;           /* of the client, not yet offered */
    struct buffer expected, told;    /* data that was sent and not received; data that Keyway sent and the client has not opened */
    enum transfer_end end;           /* of the client's records, as it has to be */
    bool silent;                     /* … by an alert of the client's, after which nothing may be said */
    bool alerted;                    /* Keyway has sent its alert */
    bool due;                        /* it has asked for new keys */
    int fruitless, begun;            /* records in a row without data; bytes of a KeyUpdate that is not whole */
    uint8_t message[5];
    const uint8_t *script, *script_end;
};

static void require(bool held)
{
    if (!held)
        abort();
}

static uint8_t next(struct scene *scene)
{
    return scene->script < scene->script_end ? *scene->script++ : 0;
}

static size_t next_bytes(struct scene *scene, size_t wanted, const uint8_t **bytes)
{
    size_t left = (size_t) (scene->script_end - scene->script), count = wanted < left ? wanted : left;
    *bytes = scene->script;
    scene->script += count;
    return count;
}

/* --- what has to become of it ---------------------------------------------------------------------------------- */

static void expect_failure(struct scene *scene)
{
    scene->end = TRANSFER_FAILED;
}

static void expect_message(struct scene *scene, const uint8_t *content, size_t length)
{
    static const uint8_t start[] = {KEY_UPDATE, 0, 0, 1};
    if (length == 0 || length > sizeof(scene->message) - (size_t) scene->begun) {
        expect_failure(scene);
        return;
    }
    memcpy(scene->message + scene->begun, content, length);
    scene->begun += (int) length;
    if (memcmp(scene->message, start, scene->begun < 4 ? (size_t) scene->begun : 4) != 0 || (scene->begun == 5 && scene->message[4] > 1)) {
        expect_failure(scene);
    } else if (scene->begun == 5) {
        scene->begun = 0;
        scene->due |= scene->message[4] == 1;
        forger_change_keys(&scene->client);
    }
}

static void expect_alert(struct scene *scene, const uint8_t *content, size_t length)
{
    if (length == 2 && content[1] == USER_CANCELED)
        return;
    scene->end = length == 2 && content[1] == CLOSE_NOTIFY ? TRANSFER_CLOSED : TRANSFER_FAILED;
    scene->silent = length == 2 && content[1] != CLOSE_NOTIFY;
}

static void expect(struct scene *scene, uint8_t type, const uint8_t *content, size_t length, size_t padding)
{
    if (scene->end != TRANSFER_GOOD)
        return;
    if (length + padding > RECORD_MOST_PLAIN || (type != SSL3_RT_HANDSHAKE && scene->begun > 0) || type == 0) {
        expect_failure(scene);
    } else if (type == SSL3_RT_APPLICATION_DATA && length > 0) {
        scene->fruitless = 0;
        buffer_append(&scene->expected, content, length);
    } else if (++scene->fruitless > FRUITLESS) {
        expect_failure(scene);
    } else if (type == SSL3_RT_ALERT) {
        expect_alert(scene, content, length);
    } else if (type == SSL3_RT_HANDSHAKE) {
        expect_message(scene, content, length);
    } else if (type != SSL3_RT_APPLICATION_DATA) {
        expect_failure(scene);
    }
}

static void send_record(struct scene *scene, uint8_t type, const uint8_t *content, size_t length, size_t padding)
{
    forger_seal(&scene->client, type, content, length, padding, &scene->records);
    expect(scene, type, content, length, padding);
}

/* --- what becomes of it ---------------------------------------------------------------------------------------- */

/* All that the cipher has; the memory ends where it has to. */
static void receive(struct scene *scene)
{
    uint8_t *place = malloc(CIPHER_LEAST_ROOM);
    struct transfer transfer;
    while ((transfer = cipher_receive(scene->server, place, CIPHER_LEAST_ROOM)).count > 0) {
        require(transfer.count <= buffer_length(&scene->expected));
        require(memcmp(place, buffer_data(&scene->expected), transfer.count) == 0);
        buffer_take(&scene->expected, transfer.count);
    }
    require((transfer.end == TRANSFER_WAIT) == !cipher_has_more(scene->server));
    free(place);
}

static void offer(struct scene *scene, size_t length, bool paused)
{
    uint8_t *lent = malloc(length);
    memcpy(lent, buffer_data(&scene->records), length);
    buffer_take(&scene->records, length);
    cipher_offer(scene->server, lent, length);
    if (paused)
        cipher_peek(scene->server);
    else
        receive(scene);
    cipher_keep(scene->server);
    free(lent);
}

static void deliver(struct scene *scene, uint8_t how)
{
    size_t piece = how & 0x40 ? 1 + next(scene) : SIZE_MAX;
    while (buffer_length(&scene->records) > 0)
        offer(scene, piece < buffer_length(&scene->records) ? piece : buffer_length(&scene->records), how & 0x80);
}

/* The records that are on their way to the client: keys only when they are due, data as it was sent. */
static void open_answers(struct scene *scene)
{
    struct buffer *out = &scene->server->out;
    uint8_t place[RECORD_MOST], type;
    size_t length;
    while (buffer_length(out) > 0) {
        require(buffer_length(out) >= RECORD_HEADER && records_length(buffer_data(out)) <= buffer_length(out));
        require(forger_open(&scene->answers, buffer_data(out), place, &type, &length));
        buffer_take(out, records_length(buffer_data(out)));
        if (type == SSL3_RT_HANDSHAKE) {
            require(scene->due && length == 5 && memcmp(place, "\x18\0\0\1\0", 5) == 0);
            scene->due = false;
            forger_change_keys(&scene->answers);
        } else if (type == SSL3_RT_ALERT) {
            require(length == 2 && buffer_length(out) == 0 && !scene->silent && !scene->alerted);
            scene->alerted = true;
            require((place[0] == SSL3_AL_FATAL) == (scene->end == TRANSFER_FAILED) && (place[1] != 0) == (scene->end == TRANSFER_FAILED));
        } else {
            require(type == SSL3_RT_APPLICATION_DATA && length > 0 && length <= buffer_length(&scene->told));
            require(memcmp(place, buffer_data(&scene->told), length) == 0);
            buffer_take(&scene->told, length);
        }
    }
    require(buffer_length(&scene->told) == 0);
}

static void answer(struct scene *scene, const uint8_t *bytes, size_t length)
{
    receive(scene);
    bool due = scene->due;
    struct transfer transfer = cipher_send(scene->server, bytes, length);
    require((transfer.count == length) == (scene->end != TRANSFER_FAILED));
    buffer_append(&scene->told, bytes, transfer.count);
    open_answers(scene);
    require(transfer.count == 0 || !due || !scene->due);
}

/* --- the script ------------------------------------------------------------------------------------------------ */

static void send_long(struct scene *scene)
{
    uint8_t *bytes = calloc(1, RECORD_MOST_PLAIN + 2);
    send_record(scene, SSL3_RT_APPLICATION_DATA, bytes, RECORD_MOST_PLAIN - 2 + next(scene) % 4, next(scene) % 4);
    free(bytes);
}

static void send_new_keys(struct scene *scene, uint8_t how)
{
    const uint8_t message[] = {KEY_UPDATE, 0, 0, 1, how & 1};
    size_t cut = how / 2 % sizeof(message);
    if (cut > 0)
        send_record(scene, SSL3_RT_HANDSHAKE, message, cut, 0);
    send_record(scene, SSL3_RT_HANDSHAKE, message + cut, sizeof(message) - cut, 0);
}

static void send_spoiled(struct scene *scene, const uint8_t *bytes, size_t length)
{
    size_t before = buffer_length(&scene->records);
    forger_seal(&scene->client, SSL3_RT_APPLICATION_DATA, bytes, length, 0, &scene->records);
    size_t at = next(scene) % (buffer_length(&scene->records) - before);
    scene->records.bytes[scene->records.start + before + at] ^= (uint8_t) (1 << next(scene) % 8);
    if (at == 3 || at == 4) /* a longer one has to be there to be refused */
        buffer_append(&scene->records, memset(buffer_reserve(&scene->records, RECORD_MOST), 0, RECORD_MOST), RECORD_MOST);
    if (scene->end == TRANSFER_GOOD)
        expect_failure(scene);
}

static void step(struct scene *scene)
{
    uint8_t how = next(scene), type = next(scene);
    const uint8_t *bytes;
    size_t length = next_bytes(scene, next(scene) % 32, &bytes);
    switch (how % 8) {
    case 0:
        send_record(scene, SSL3_RT_APPLICATION_DATA, bytes, length, type);
        break;
    case 1:
        send_record(scene, SSL3_RT_HANDSHAKE, bytes, length % 8, 0);
        break;
    case 2:
        send_record(scene, SSL3_RT_ALERT, bytes, length % 4, 0);
        break;
    case 3:
        send_record(scene, type, bytes, type ? length : 0, length);
        break;
    case 4:
        send_new_keys(scene, type);
        break;
    case 5:
        send_long(scene);
        break;
    case 6:
        if (type < 128) /* or scripts would be over too soon */
            send_spoiled(scene, bytes, length);
        break;
    case 7:
        if (length > 0)
            answer(scene, bytes, length);
        break;
    }
    deliver(scene, how);
}

static struct records *new_records(const SSL_CIPHER *suite, const uint8_t *secret)
{
    struct records *records = memory_alloc(sizeof(*records));
    size_t length = (size_t) EVP_MD_get_size(SSL_CIPHER_get_handshake_digest(suite));
    memset(records->sent.secret, 1, length);
    memcpy(records->received.secret, secret, length);
    records->sent.secret_length = records->received.secret_length = length;
    require(records_begin_under(records, suite));
    return records;
}

static const SSL_CIPHER *suite_of(uint8_t number)
{
    static SSL *tls;
    if (tls == NULL)
        tls = SSL_new(SSL_CTX_new(TLS_server_method()));
    return SSL_CIPHER_find(tls, (uint8_t[]){0x13, (uint8_t) (1 + number % 3)});
}

static void converse(struct scene *scene)
{
    while (scene->script < scene->script_end)
        step(scene);
    receive(scene);
    struct transfer transfer = cipher_receive(scene->server, (uint8_t[CIPHER_LEAST_ROOM]){0}, CIPHER_LEAST_ROOM);
    require(transfer.end == (scene->end == TRANSFER_GOOD ? TRANSFER_WAIT : scene->end));
    require(buffer_length(&scene->expected) == 0);
    cipher_close(scene->server);
    open_answers(scene);
    require(scene->alerted != scene->silent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[RECORD_SECRET] = "the client's";
    if (size == 0)
        return 0;
    const SSL_CIPHER *suite = suite_of(data[0]);
    struct scene scene = {.server = memory_alloc(sizeof(*scene.server)), .script = data + 1, .script_end = data + size};
    struct records *records = new_records(suite, secret);
    scene.server->records = records;
    scene.server->own_records = true;
    forger_begin(&scene.client, &records->received, suite);
    forger_begin(&scene.answers, &records->sent, suite);
    converse(&scene);
    forger_end(&scene.client);
    forger_end(&scene.answers);
    buffer_free(&scene.records);
    buffer_free(&scene.expected);
    buffer_free(&scene.told);
    cipher_free(scene.server);
    return 0;
}
