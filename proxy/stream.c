/*
 * What a stream has to do is done at one of two places: when its socket is readable, one receive, offered to
 * the owner; and at the end of the loop turn, when it is in the worker's dirty list: offer again, send,
 * report.  Nothing calls the owner from anywhere else.
 *
 * While an owner is called, worker->current names the stream; closing or detaching clears it, and that is how
 * stream.c learns, without looking at memory that may be gone, that it must not touch the stream any more.
 *
 * A stream in the worker's ring (proxy/ring) does the same with other means: it is told what was received where
 * others receive, and hands its output over at the end of the turn where others send.  Whatever is rare (a failed
 * send, a large piece, a move to another worker) is done by hand, as for the others.
 *
 * Under TLS what is received goes through the stream's cipher before it is offered, and what is sent after it was
 * written; how the bytes are moved makes no difference to it.
 *
 *      event                       running                         paused
 *      socket readable             receive, offer                  stop watching
 *      stream_resume()             -                               watch, offer what waits at turn end
 *      peer closed                 half_closed(), or ended()       half_closed(); ended() after resume
 *      send failed                 offer what is readable, then    ended() at turn end
 *                                  ended(), at turn end
 */
#include "proxy/stream.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/cipher.h"
#include "proxy/dirty.h"
#include "proxy/transfer.h"

enum {
    TURN_LIMIT = 256,            /* visits to dirty streams before all that are left get one each, and the loop looks at its sockets again */
    ENCRYPTED_MOST = 64 * 1024,  /* no more is encrypted while so much waits to be sent */
    PLENTY_WAITS = 32 * 1024,    /* that much is offered before more is received */
    ENCRYPTED_BOUND = 256 * 1024, /* only what TLS has to say itself, to a peer that asks and does not read, comes to so much */
};

/* --- watching -------------------------------------------------------------------------------------------------- */

/* In the ring libev is asked only when there is something for it to do. */
static void start(struct stream *stream, ev_io *watcher)
{
    if (ev_is_active(watcher))
        return;
    ev_io_start(stream->worker->loop, watcher);
    stream->worker->watches_changed = true;
}

static void stop(struct stream *stream, ev_io *watcher)
{
    if (!ev_is_active(watcher))
        return;
    ev_io_stop(stream->worker->loop, watcher);
    stream->worker->watches_changed = true;
    if (stream->through_ring && stream->worker->ring != NULL)
        worker_unwatch(stream->worker, stream->fd);
}

static void start_receiving(struct stream *stream)
{
    if (stream->cipher != NULL && stream->cipher->ended)
        return;
    if (stream->ring.place != NULL)
        ring_receive(stream->worker->ring, stream);
    else
        start(stream, &stream->readable);
}

static void stop_receiving(struct stream *stream)
{
    if (stream->ring.place != NULL)
        ring_cease(stream->worker->ring, stream);
    else
        stop(stream, &stream->readable);
}

/*
 * An owner that takes little each time it is resumed, as a merge does, would otherwise have more received for each of its rows than it takes.
 * Receiving begins again when it was offered what waits and wants more.
 */
static bool is_behind(const struct stream *stream)
{
    return stream->offer_again && buffer_length(&stream->in) >= PLENTY_WAITS;
}

/* --- calling the owner ----------------------------------------------------------------------------------------- */

static void enter_owner(struct stream *stream)
{
    assert(stream->worker->current == NULL);
    stream->worker->current = stream;
    stream->worker->departed = NULL;
}

/* Whether the stream is still there after its owner was called. */
static bool leave_owner(struct worker *worker, const struct stream *stream)
{
    bool there = worker->current == stream;
    worker->current = NULL;
    return there;
}

static void drop(struct stream *stream, struct buffer *buffer)
{
    buffer_clear(buffer);
    worker_take_memory(stream->worker, buffer);
}

static void drop_output(struct stream *stream)
{
    drop(stream, &stream->out);
    if (stream->cipher != NULL)
        drop(stream, &stream->cipher->out);
}

static void fail(struct stream *stream, const char *reason)
{
    stream->failed = true;
    stream->failure = reason;
    stream->above_high_water = false;
    drop_output(stream);
    if (stream->worker != NULL)
        stop(stream, &stream->writable);
    dirty_add(stream);
}

static void tell_end(struct stream *stream, const char *reason)
{
    struct worker *worker = stream->worker;
    stop_receiving(stream);
    stream->end_told = true;
    enter_owner(stream);
    stream->owner->ended(stream, reason);
    leave_owner(worker, stream);
}

/* Plain bytes that are left when TLS begins were not sent by whom TLS will prove to be there. */
static void refuse_plain_rest(struct stream *stream)
{
    if (!stream->handshaking || buffer_length(&stream->in) == 0)
        return;
    buffer_clear(&stream->in);
    worker_take_memory(stream->worker, &stream->in);
    fail(stream, "unencrypted bytes after the request for TLS");
}

/* Of a stream that its owner has detached: what was not read comes before what was received meanwhile. */
static void keep_rest(struct stream *stream, const uint8_t *rest, size_t length)
{
    struct buffer later = stream->in;
    if (length == 0)
        return;
    stream->in = (struct buffer){0};
    buffer_append(&stream->in, rest, length);
    buffer_append(&stream->in, buffer_data(&later), buffer_length(&later));
    buffer_free(&later);
}

/* Bytes in the worker's read buffer; `in` is empty.  False: the stream is gone. */
static bool offer_read(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct worker *worker = stream->worker;
    enter_owner(stream);
    size_t used = stream->owner->input(stream, bytes, length);
    assert(used <= length);
    if (!leave_owner(worker, stream)) {
        if (worker->departed == stream)
            keep_rest(stream, bytes + used, length - used);
        return false;
    }
    if (used < length) {
        worker_lend_memory(worker, &stream->in);
        buffer_append(&stream->in, bytes + used, length - used);
    } else {
        worker_take_memory(worker, &stream->in);
    }
    refuse_plain_rest(stream);
    return true;
}

static bool offer_waiting(struct stream *stream)
{
    struct worker *worker = stream->worker;
    size_t length = buffer_length(&stream->in);
    enter_owner(stream);
    size_t used = stream->owner->input(stream, buffer_data(&stream->in), length);
    assert(used <= length);
    if (!leave_owner(worker, stream)) {
        if (worker->departed == stream)
            buffer_take(&stream->in, used);
        return false;
    }
    buffer_take(&stream->in, used);
    if (used == length)
        worker_take_memory(worker, &stream->in);
    refuse_plain_rest(stream);
    return true;
}

/* --- receiving ------------------------------------------------------------------------------------------------- */

enum receive_outcome { RECEIVED, RECEIVED_NOTHING, STREAM_GONE };

/* The owner is told that its peer has stopped sending. */
static enum receive_outcome peer_closed(struct stream *stream, const char *reason)
{
    struct worker *worker = stream->worker;
    if (stream->failed || stream->owner->half_closed == NULL) {
        tell_end(stream, stream->failed ? stream->failure : reason);
        return STREAM_GONE;
    }
    stop_receiving(stream);
    enter_owner(stream);
    bool goes_on = stream->owner->half_closed(stream);
    if (!leave_owner(worker, stream))
        return STREAM_GONE;
    if (!goes_on) {
        tell_end(stream, reason);
        return STREAM_GONE;
    }
    stream->paused = true;
    return RECEIVED_NOTHING;
}

static enum receive_outcome received_nothing(struct stream *stream, const struct transfer *transfer)
{
    switch (transfer->end) {
    case TRANSFER_GOOD:
    case TRANSFER_WAIT:
        return RECEIVED_NOTHING;
    case TRANSFER_CLOSED:
        return peer_closed(stream, transfer->reason);
    case TRANSFER_FAILED:
        tell_end(stream, stream->failed ? stream->failure : transfer->reason);
        return STREAM_GONE;
    }
    return RECEIVED_NOTHING;
}

/* Bytes that came from elsewhere than the worker's buffer, behind those that wait.  False: the stream is gone. */
static bool take_in(struct stream *stream, const uint8_t *bytes, size_t length)
{
    if (buffer_length(&stream->in) == 0)
        return offer_read(stream, bytes, length);
    buffer_append(&stream->in, bytes, length);
    return offer_waiting(stream);
}

/* The cipher keeps what it has not read.  Is there more to be read, or has it something to say itself? */
static void settle_cipher(struct stream *stream)
{
    struct cipher *cipher = stream->cipher;
    if (cipher->lent_length > 0)
        worker_lend_memory(stream->worker, &cipher->in);
    cipher_keep(cipher);
    stream->read_again = cipher_has_more(cipher);
    if (buffer_length(&cipher->in) == 0)
        worker_take_memory(stream->worker, &cipher->in);
    if (buffer_length(&cipher->out) > 0)
        dirty_add(stream);
    if (buffer_length(&cipher->out) > ENCRYPTED_BOUND)
        fail(stream, "TLS: the peer does not read what it asks for");
}

static struct transfer receive_decrypted(struct stream *stream, uint8_t *place, size_t room)
{
    struct transfer transfer = cipher_receive(stream->cipher, place, room);
    settle_cipher(stream);
    return transfer;
}

/*
 * Bytes that wait are put in front of the new ones, in the worker's buffer, so that the owner sees one piece
 * and `in` stays small; when they are too many for that, the new ones are read behind them.
 */
static enum receive_outcome receive(struct stream *stream)
{
    struct worker *worker = stream->worker;
    size_t waiting = buffer_length(&stream->in);
    bool behind = waiting > WORKER_READ_BUFFER / 2;
    size_t room = behind ? WORKER_READ_BUFFER / 2 : WORKER_READ_BUFFER - waiting;
    uint8_t *place = behind ? buffer_reserve(&stream->in, room) : worker->read_buffer + waiting;
    struct transfer transfer = stream->cipher ? receive_decrypted(stream, place, room)
                                              : transfer_receive(stream->fd, place, room, 0);
    if (transfer.count == 0)
        return received_nothing(stream, &transfer);
    if (stream->read_again)
        dirty_add_first(stream);
    stream->bytes_received += transfer.count;
    worker->received++;
    stream->offer_again = false;
    bool there;
    if (behind) {
        stream->in.end += transfer.count;
        there = offer_waiting(stream);
    } else {
        if (waiting > 0)
            memcpy(worker->read_buffer, buffer_data(&stream->in), waiting);
        buffer_clear(&stream->in);
        there = offer_read(stream, worker->read_buffer, waiting + transfer.count);
    }
    return there ? RECEIVED : STREAM_GONE;
}

static void tell_half_closed(struct stream *stream)
{
    struct worker *worker = stream->worker;
    enter_owner(stream);
    stream->owner->half_closed(stream);
    leave_owner(worker, stream);
}

static struct transfer peek(struct stream *stream)
{
    uint8_t byte;
    if (stream->cipher == NULL)
        return transfer_receive(stream->fd, &byte, 1, MSG_PEEK);
    struct transfer transfer = cipher_peek(stream->cipher);
    settle_cipher(stream);
    return transfer;
}

/* A paused stream, or one that is behind, became readable: by bytes, which wait, or by its peer's end. */
static void look_at_paused(struct stream *stream)
{
    struct transfer transfer = peek(stream);
    if (transfer.end == TRANSFER_WAIT)
        return;
    stop_receiving(stream);
    if (transfer.end != TRANSFER_GOOD && stream->paused && stream->owner->half_closed != NULL)
        tell_half_closed(stream);
}

/* What TLS fails of is told to the peer as well, if that takes no waiting. */
static void fail_tls(struct stream *stream, const char *reason)
{
    struct buffer *out = &stream->cipher->out;
    transfer_send(stream->fd, buffer_data(out), buffer_length(out));
    fail(stream, reason);
}

static void shake_hands(struct stream *stream)
{
    struct transfer transfer = cipher_shake_hands(stream->cipher);
    settle_cipher(stream);
    switch (transfer.end) {
    case TRANSFER_WAIT:
        return;
    case TRANSFER_GOOD:
        stream->handshaking = false;
        dirty_add(stream);
        return;
    case TRANSFER_CLOSED:
    case TRANSFER_FAILED:
        fail_tls(stream, transfer.reason);
        return;
    }
}

/* Of TLS: something was offered to the cipher, or its end. */
static void read_encrypted(struct stream *stream)
{
    if (stream->handshaking)
        shake_hands(stream);
    else if (stream->paused || is_behind(stream))
        look_at_paused(stream);
    else
        receive(stream);
}

/* What the ring does for those that are in it. */
static void offer_to_cipher(struct stream *stream)
{
    uint8_t *place = stream->worker->encrypted;
    struct transfer transfer = transfer_receive(stream->fd, place, WORKER_ENCRYPTED, 0);
    if (transfer.count > 0)
        cipher_offer(stream->cipher, place, transfer.count);
    else if (transfer.end != TRANSFER_WAIT)
        cipher_end(stream->cipher, transfer.end == TRANSFER_FAILED ? transfer.reason : NULL);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void) loop, (void) events;
    struct stream *stream = watcher->data;
    if (stream->cipher != NULL) {
        offer_to_cipher(stream);
        read_encrypted(stream);
    } else if (stream->paused || is_behind(stream)) {
        look_at_paused(stream);
    } else {
        receive(stream);
    }
}

/* --- sending --------------------------------------------------------------------------------------------------- */

/* What the socket is to get: of TLS what was encrypted. */
static struct buffer *outgoing(struct stream *stream)
{
    return stream->cipher ? &stream->cipher->out : &stream->out;
}

static bool may_send(const struct stream *stream)
{
    return stream->worker != NULL && !stream->closed && !stream->failed && !ev_is_active(&stream->writable);
}

/* Of these bytes so much as may wait to be sent; returns how much that was. */
static size_t encrypt(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct cipher *cipher = stream->cipher;
    size_t done = 0;
    while (done < length && buffer_length(&cipher->out) < ENCRYPTED_MOST && !stream->handshaking && !stream->failed) {
        worker_lend_memory(stream->worker, &cipher->out);
        struct transfer transfer = cipher_send(cipher, bytes + done, length - done);
        done += transfer.count;
        if (transfer.end != TRANSFER_GOOD)
            fail_tls(stream, transfer.reason ? transfer.reason : "TLS cannot send");
    }
    stream->bytes_sent += done;
    return done;
}

static void encrypt_output(struct stream *stream)
{
    if (stream->cipher == NULL)
        return;
    size_t done = encrypt(stream, buffer_data(&stream->out), buffer_length(&stream->out));
    if (stream->failed)
        return;
    buffer_take(&stream->out, done);
    if (buffer_length(&stream->out) == 0)
        worker_take_memory(stream->worker, &stream->out);
}

/* Send as much of `bytes` as the socket takes; returns how much that was.  A failure is noted in the stream. */
static size_t send_bytes(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct transfer transfer = transfer_send(stream->fd, bytes, length);
    if (transfer.end == TRANSFER_FAILED)
        fail(stream, transfer.reason);
    else if (transfer.end == TRANSFER_WAIT)
        start(stream, &stream->writable);
    if (stream->cipher == NULL)
        stream->bytes_sent += transfer.count;
    return transfer.count;
}

/* All that waits, in as many pieces as it is encrypted in; until the socket takes no more. */
static void send_waiting(struct stream *stream)
{
    struct buffer *out = outgoing(stream);
    while (may_send(stream)) {
        encrypt_output(stream);
        if (stream->failed || buffer_length(out) == 0)
            break;
        size_t sent = send_bytes(stream, buffer_data(out), buffer_length(out));
        if (!stream->failed)
            buffer_take(out, sent);
    }
    if (buffer_length(out) == 0)
        worker_take_memory(stream->worker, out);
}

/* A large piece, when nothing waits before it: without copying it. */
static size_t send_large(struct stream *stream, const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    if (stream->cipher == NULL)
        return send_bytes(stream, bytes, length);
    while (done < length && may_send(stream) && !stream->handshaking) {
        done += encrypt(stream, bytes + done, length - done);
        send_waiting(stream);
    }
    return done;
}

/* In the ring, together with what others have to send. */
static void send_at_turn_end(struct stream *stream)
{
    if (stream->ring.place == NULL) {
        send_waiting(stream);
        return;
    }
    if (may_send(stream))
        encrypt_output(stream);
    if (!stream->failed && buffer_length(outgoing(stream)) > 0)
        ring_send(stream->worker->ring, stream);
}

/* The sending itself happens at the end of the turn. */
static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void) loop, (void) events;
    struct stream *stream = watcher->data;
    stop(stream, watcher);
    dirty_add(stream);
}

/* --- the end of a turn ----------------------------------------------------------------------------------------- */

static bool offer_again(struct stream *stream)
{
    if (stream->offer_again && !stream->paused) {
        stream->offer_again = false;
        if (buffer_length(&stream->in) > 0 && !offer_waiting(stream))
            return false;
        if (!stream->paused && !stream->end_told)
            start_receiving(stream);
    }
    if (stream->read_again && !stream->paused && !stream->handshaking)
        return receive(stream) != STREAM_GONE;
    return true;
}

static bool tell_drained(struct stream *stream)
{
    if (!stream->above_high_water || buffer_length(&stream->out) >= STREAM_LOW_WATER)
        return true;
    struct worker *worker = stream->worker;
    stream->above_high_water = false;
    enter_owner(stream);
    stream->owner->drained(stream);
    return leave_owner(worker, stream);
}

/* A server that dies may have said why: what can still be read is offered before the failed send is told. */
static void end_failed(struct stream *stream)
{
    if (stream->handshaking || (stream->paused && !stream->last_reads)) {
        tell_end(stream, stream->failure);
        return;
    }
    if (stream->paused)
        return;
    stream->last_reads = true;
    if (stream->ring.place != NULL) { /* the last reads are made by hand */
        ring_leave(stream->worker->ring, stream);
        stream->offer_again = buffer_length(&stream->in) > 0;
        dirty_add(stream);
        return;
    }
    if (stream->cipher != NULL)
        offer_to_cipher(stream);
    switch (receive(stream)) {
    case RECEIVED:
        dirty_add(stream);
        return;
    case RECEIVED_NOTHING:
        tell_end(stream, stream->failure);
        return;
    case STREAM_GONE:
        return;
    }
}

static void see_to(struct stream *stream)
{
    if (stream->end_told) {
        send_at_turn_end(stream);
        return;
    }
    if (!offer_again(stream))
        return;
    send_at_turn_end(stream);
    if (!tell_drained(stream))
        return;
    if (stream->failed)
        end_failed(stream);
}

static void see_to_some(struct worker *worker, unsigned visits)
{
    for (; worker->dirty != NULL && visits > 0; visits--) {
        struct stream *stream = worker->dirty;
        dirty_remove(stream);
        see_to(stream);
    }
}

/* Streams that put each other in front again and again, as the inputs of a merge do, leave everybody else one visit. */
void stream_turn_end(struct worker *worker)
{
    see_to_some(worker, TURN_LIMIT);
    if (worker->dirty == NULL)
        return;
    see_to_some(worker, dirty_begin_in_order(worker));
    dirty_end_in_order(worker);
}

/* --- told by the ring ------------------------------------------------------------------------------------------ */

bool stream_has_to_send(const struct stream *stream, const uint8_t **bytes, size_t *length)
{
    const struct buffer *out = stream->cipher ? &stream->cipher->out : &stream->out;
    *bytes = buffer_data(out);
    *length = buffer_length(out);
    return *length > 0 && may_send(stream);
}

bool stream_goes_on_when_sent(const struct stream *stream)
{
    return stream->above_high_water || (stream->cipher && buffer_length(&stream->out) > 0);
}

void stream_was_sent(struct stream *stream, int result)
{
    struct buffer *out = outgoing(stream);
    size_t length = buffer_length(out);
    if (result == STREAM_ALL_SENT)
        result = length < INT_MAX ? (int) length : INT_MAX;
    if (result < 0 && result != -EAGAIN && result != -EINTR) {
        fail(stream, strerrordesc_np(-result));
        return;
    }
    size_t sent = result > 0 ? (size_t) result : 0;
    if (stream->cipher == NULL)
        stream->bytes_sent += sent;
    buffer_take(out, sent);
    if (sent < length)
        start(stream, &stream->writable);
    else
        worker_take_memory(stream->worker, out);
    if (stream_goes_on_when_sent(stream))
        dirty_add(stream);
}

void stream_left_over(struct stream *stream, const uint8_t *bytes, size_t length)
{
    if (stream->cipher != NULL) {
        cipher_offer(stream->cipher, bytes, length);
        settle_cipher(stream);
        return;
    }
    stream->bytes_received += length;
    worker_lend_memory(stream->worker, &stream->in);
    buffer_append(&stream->in, bytes, length);
}

void stream_received(struct stream *stream, const uint8_t *bytes, size_t length)
{
    if (stream->end_told)
        return;
    if (stream->cipher != NULL) {
        cipher_offer(stream->cipher, bytes, length);
        read_encrypted(stream);
        return;
    }
    if (stream->paused || is_behind(stream)) {
        stream_left_over(stream, bytes, length);
        stop_receiving(stream);
        return;
    }
    stream->bytes_received += length;
    stream->worker->received++;
    stream->offer_again = false;
    take_in(stream, bytes, length);
}

void stream_receive_ended(struct stream *stream, int error)
{
    const char *reason = error ? strerrordesc_np(error) : "connection closed by peer";
    if (stream->end_told)
        return;
    if (stream->cipher != NULL) {
        cipher_end(stream->cipher, error ? reason : NULL);
        read_encrypted(stream);
    } else if (stream->paused) {
        if (stream->owner->half_closed != NULL)
            tell_half_closed(stream);
    } else if (error) {
        tell_end(stream, stream->failed ? stream->failure : reason);
    } else {
        peer_closed(stream, reason);
    }
}

/* --- what owners call ------------------------------------------------------------------------------------------ */

static void watch(struct stream *stream)
{
    ev_io_init(&stream->readable, on_readable, stream->fd, EV_READ);
    ev_io_init(&stream->writable, on_writable, stream->fd, EV_WRITE);
    stream->readable.data = stream->writable.data = stream;
    if (stream->through_ring && stream->worker->ring != NULL)
        ring_enter(stream->worker->ring, stream);
    if (!stream->paused && !stream->end_told)
        start_receiving(stream);
    if (stream->cipher != NULL)
        stream->read_again = cipher_has_more(stream->cipher);
    if (buffer_length(&stream->in) > 0)
        stream->offer_again = true;
    if (stream->read_again || stream->offer_again || stream->failed || stream_has_unsent(stream))
        dirty_add(stream);
}

void stream_open(struct stream *stream, struct worker *worker, int fd, SSL *tls,
                 const struct stream_owner *owner, void *context)
{
    *stream = (struct stream){.fd = fd, .tls = tls, .worker = worker, .owner = owner, .context = context};
    if (tls != NULL)
        stream->cipher = cipher_new(tls);
    watch(stream);
}

void stream_watch_handshake(SSL *tls)
{
    cipher_watch(tls);
}

void stream_open_in_ring(struct stream *stream, struct worker *worker, int fd, const struct stream_owner *owner, void *context)
{
    *stream = (struct stream){.fd = fd, .through_ring = true, .worker = worker, .owner = owner, .context = context};
    watch(stream);
}

void stream_use_ring(struct stream *stream)
{
    stream->through_ring = true;
    if (stream->closed || stream->worker == NULL || stream->worker->ring == NULL || stream->ring.place != NULL)
        return;
    stop(stream, &stream->readable);
    if (ring_enter(stream->worker->ring, stream))
        worker_unwatch(stream->worker, stream->fd);
    if (!stream->paused && !stream->end_told)
        start_receiving(stream);
}

bool stream_accept_tls(struct stream *stream, SSL_CTX *context)
{
    if (stream->cipher != NULL || stream->closed || stream->failed || buffer_length(&stream->in) > 0)
        return false;
    send_waiting(stream);
    if (stream->failed || buffer_length(&stream->out) > 0)
        return false;
    SSL *tls = SSL_new(context);
    if (tls == NULL)
        return false;
    SSL_set_accept_state(tls);
    stream->cipher = cipher_new(tls);
    stream->tls = tls;
    stream->handshaking = true;
    return true;
}

void stream_forget_handshake(struct stream *stream)
{
    if (stream->cipher != NULL && !stream->tls_borrowed && cipher_forget_handshake(stream->cipher))
        stream->tls = NULL;
}

bool stream_speaks_for_borrowed_tls(const struct stream *stream)
{
    return stream->cipher != NULL && stream->tls_borrowed && stream->cipher->own_records;
}

bool stream_tls_names(const struct stream *stream, const char **version, const char **suite)
{
    if (stream->cipher == NULL)
        return false;
    *version = cipher_version(stream->cipher);
    *suite = cipher_suite(stream->cipher);
    return true;
}

bool stream_write(struct stream *stream, const void *bytes, size_t length)
{
    if (stream->closed || stream->failed || length == 0)
        return !stream->above_high_water;
    size_t sent = 0;
    if (length >= STREAM_LARGE_WRITE && may_send(stream)) {
        send_waiting(stream);
        if (!stream_has_unsent(stream) && may_send(stream))
            sent = send_large(stream, bytes, length);
    }
    if (!stream->failed && sent < length)
        buffer_append(stream_output(stream), (const uint8_t *) bytes + sent, length - sent);
    return stream_wrote(stream);
}

struct buffer *stream_output(struct stream *stream)
{
    if (stream->worker != NULL)
        worker_lend_memory(stream->worker, &stream->out);
    return &stream->out;
}

bool stream_wrote(struct stream *stream)
{
    if (stream->closed || stream->failed) {
        drop(stream, &stream->out);
        return true;
    }
    dirty_add(stream);
    if (buffer_length(&stream->out) > STREAM_HIGH_WATER)
        send_waiting(stream);
    if (buffer_length(&stream->out) > STREAM_HIGH_WATER)
        stream->above_high_water = true;
    return !stream->above_high_water;
}

bool stream_has_unsent(const struct stream *stream)
{
    return buffer_length(&stream->out) > 0 || (stream->cipher && buffer_length(&stream->cipher->out) > 0);
}

static bool cipher_is_calm(const struct cipher *cipher)
{
    return buffer_length(&cipher->in) == 0 && cipher->lent_length == 0 && !cipher->ended && !cipher_has_more(cipher);
}

bool stream_is_calm(const struct stream *stream)
{
    bool ended = stream->closed || stream->failed || stream->end_told || stream->worker == NULL;
    return !ended && !stream->paused && !stream->handshaking && !stream->above_high_water && stream->worker->current != stream &&
           buffer_length(&stream->in) == 0 && !stream_has_unsent(stream) && (stream->cipher == NULL || cipher_is_calm(stream->cipher));
}

void stream_flush(struct stream *stream)
{
    send_waiting(stream);
}

void stream_pause(struct stream *stream)
{
    stream->paused = true;
}

void stream_resume(struct stream *stream)
{
    stream->paused = false;
    if (stream->closed || stream->end_told || stream->worker == NULL)
        return;
    bool being_offered = stream->worker->current == stream;
    if (buffer_length(&stream->in) > 0 || being_offered)
        stream->offer_again = true;
    if (!is_behind(stream))
        start_receiving(stream);
    if (stream->offer_again || stream->read_again || stream->failed)
        dirty_add_first(stream);
}

bool stream_peer_is_gone(const struct stream *stream)
{
    struct pollfd socket = {.fd = stream->fd};
    return poll(&socket, 1, 0) == 1 && (socket.revents & (POLLHUP | POLLERR)) != 0;
}

static void let_go(struct stream *stream)
{
    struct worker *worker = stream->worker;
    if (worker == NULL)
        return;
    dirty_remove(stream);
    stop(stream, &stream->readable);
    stop(stream, &stream->writable);
    if (worker->current == stream)
        worker->current = NULL;
}

void stream_detach(struct stream *stream)
{
    if (stream->worker->current == stream)
        stream->worker->departed = stream;
    if (stream->ring.place != NULL)
        ring_leave(stream->worker->ring, stream);
    let_go(stream);
    stream->worker = NULL;
}

void stream_attach(struct stream *stream, struct worker *worker)
{
    stream->worker = worker;
    watch(stream);
}

/* A failed send has lost bytes: the peer could make nothing of an alert behind them. */
static void say_goodbye(struct stream *stream)
{
    struct buffer *out = &stream->cipher->out;
    if (stream->handshaking || stream->failed)
        return;
    cipher_close(stream->cipher);
    transfer_send(stream->fd, buffer_data(out), buffer_length(out));
}

static void close_tls(struct stream *stream)
{
    if (stream->cipher == NULL)
        return;
    if (!stream->tls_borrowed || stream_speaks_for_borrowed_tls(stream))
        say_goodbye(stream);
    cipher_free(stream->cipher);
    stream->cipher = NULL;
    if (!stream->tls_borrowed)
        SSL_free(stream->tls);
    stream->tls = NULL;
}

void stream_close(struct stream *stream)
{
    if (stream->closed)
        return;
    if (stream->ring.sending != NULL) /* it would have left by now */
        send_waiting(stream);
    if (stream->ring.place != NULL)
        ring_forget(stream->worker->ring, stream);
    let_go(stream);
    stream->closed = true;
    drop(stream, &stream->in);
    drop(stream, &stream->out);
    close_tls(stream);
    if (!stream->fd_borrowed)
        close(stream->fd);
    stream->fd = -1;
}
