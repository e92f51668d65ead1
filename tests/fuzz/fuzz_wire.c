/*
 * Any bytes as a conversation: frames never reach past what is there, readers never past their frame, an
 * ErrorResponse gives only strings inside itself, and no answer to a request for a password breaks the login
 * or passes without the password.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/auth.h"
#include "proxy/wire.h"

enum { LARGEST = 1 << 20 };

/* Of a password that no input can know: the keys are random. */
static struct user_settings users[] = {
    {.name = "scram",
     .secret = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
               "qmqNm0dzXFWqSrjMmnqBaqGgxFCsGbxyPN7pWYl8Ud0=:s5EvLLxJDLq9cn0bRRGTgg1h5sDIIdiYpMvOGRcJcCw="},
    {.name = "hashed", .secret = "md50123456789abcdef0123456789abcdef"},
};
static struct settings settings = {.users = users, .user_count = 2};

static void require(bool held)
{
    if (!held)
        abort();
}

static void require_inside(const struct frame *frame, const char *text)
{
    if (text == NULL)
        return;
    const uint8_t *at = (const uint8_t *) text;
    require(at >= frame->body && at < frame->body + frame->body_length);
    require(memchr(at, 0, (size_t) (frame->body + frame->body_length - at)) != NULL);
}

static void check_fields(const struct frame *frame)
{
    struct wire_fields fields;
    wire_read_fields(frame, &fields);
    const char *all[] = {fields.severity, fields.sqlstate, fields.message,
                         fields.detail,   fields.hint,     fields.position};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        require_inside(frame, all[i]);
}

/* The frame's own bytes say how it is read. */
static void check_reader(const struct frame *frame)
{
    struct reader reader = reader_of(frame);
    while (!reader.failed && reader.at < reader.end) {
        const uint8_t *before = reader.at;
        switch (*reader.at % 5) {
        case 0:
            read_byte(&reader);
            break;
        case 1:
            read_int16(&reader);
            break;
        case 2:
            read_bytes(&reader, (size_t) read_int32(&reader) % 64);
            break;
        case 3:
            read_bytes(&reader, (size_t) read_int32(&reader));
            break;
        case 4:
            require_inside(frame, read_string(&reader));
            break;
        }
        require(reader.at > before && reader.at <= reader.end);
    }
    require(reader_done(&reader) != reader.failed);
}

static size_t check_frame(const uint8_t *data, size_t size, bool startup)
{
    struct frame frame;
    enum wire_scan found =
        startup ? wire_scan_startup(data, size, LARGEST, &frame) : wire_scan(data, size, LARGEST, &frame);
    switch (found) {
    case WIRE_FRAME:
        require(frame.total <= size && frame.body + frame.body_length == data + frame.total);
        check_fields(&frame);
        check_reader(&frame);
        return frame.total;
    case WIRE_HEAD:
        require(frame.total > size && frame.total <= LARGEST + 1);
        return size;
    case WIRE_PARTIAL:
        require(size < WIRE_HEADER);
        return size;
    case WIRE_BAD:
        return size;
    }
    return size;
}

/* A SASLResponse that names the right nonce, or no mutation would ever come to the proof. */
static size_t with_nonce(const struct buffer *challenge, const uint8_t *data, size_t size, uint8_t *message)
{
    struct frame frame;
    if (wire_scan(buffer_data(challenge), buffer_length(challenge), LARGEST, &frame) != WIRE_FRAME ||
        frame.body_length < 6)
        return 0;
    const char *nonce = (const char *) frame.body + 4;
    const char *comma = memchr(nonce, ',', frame.body_length - 4);
    if (comma == NULL || comma - nonce > 1000 || size > 1000)
        return 0;
    size_t length = (size_t) sprintf((char *) message, "c=biws,%.*s,", (int) (comma - nonce), nonce);
    memcpy(message + length, data, size);
    return length + size;
}

static enum auth_step tell(struct auth *auth, const uint8_t *body, size_t length, struct buffer *out,
                           struct error *error)
{
    uint8_t *copy = malloc(length ? length : 1); /* of its own, so that a read past it is seen */
    if (length > 0)
        memcpy(copy, body, length);
    struct frame frame = {'p', copy, length, length + WIRE_HEADER};
    buffer_clear(out);
    enum auth_step step = auth_message(auth, &frame, out, error);
    free(copy);
    return step;
}

/* One byte chooses name and method; then each byte is the length of an answer. */
static void check_login(const uint8_t *data, size_t size)
{
    static const enum auth_method methods[] = {AUTH_PASSWORD, AUTH_MD5, AUTH_SCRAM_SHA_256,
                                               AUTH_SCRAM_SHA_256};
    static const char *const names[] = {"scram", "hashed", "nobody", "scram"};
    uint8_t message[2100];
    struct buffer out = {0};
    struct error error = {0};
    /* Verifying a cleartext password costs thousands of hashes: only the md5 kind is tried. */
    enum auth_method method = methods[data[0] % 4];
    const char *name = method == AUTH_PASSWORD ? "hashed" : names[data[0] / 4 % 4];
    bool nonce_known = data[0] & 128;
    struct auth *auth = auth_new(&settings, method, name, NULL);
    enum auth_step step = auth_begin(auth, &out, &error);
    for (size_t at = 1; at < size && step == AUTH_CONTINUE;) {
        size_t length = data[at++];
        length = length < size - at ? length : size - at;
        size_t told = nonce_known && at > 2 ? with_nonce(&out, data + at, length, message) : 0;
        step = told ? tell(auth, message, told, &out, &error) : tell(auth, data + at, length, &out, &error);
        at += length;
    }
    require(step != AUTH_DONE);
    require((step == AUTH_FAILED) == error_is_set(&error));
    error_clear(&error);
    buffer_free(&out);
    auth_free(auth);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    check_frame(data, size, true);
    for (size_t at = 0; at < size;)
        at += check_frame(data + at, size - at, false);
    check_login(data, size);
    return 0;
}
