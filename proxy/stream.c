/*
 * What a stream has to do is done at one of two places: when its socket is readable, one receive, offered to
 * the owner; and at the end of the loop turn, when it is in the worker's dirty list: offer again, send,
 * report.  Nothing calls the owner from anywhere else.
 *
 * While an owner is called, worker->current names the stream; closing or detaching clears it, and that is how
 * stream.c learns, without looking at memory that may be gone, that it must not touch the stream any more.
 *
 * A plain stream in the worker's ring (proxy/ring) does the same with other means: it is told what was received where
 * others receive, and hands its output over at the end of the turn where others send.  Whatever is rare (a failed
 * send, a large piece, a move to another worker) is done by hand, as for the others.
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
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/stream_tls.h"

enum { TURN_LIMIT = 1024 }; /* visits to dirty streams before the loop looks at its sockets again */

/* --- memory of buffers
 * ------------------------------------------------------------------------------------------ */

static void own_memory(struct worker *worker, struct buffer *buffer)
{
    if (buffer->bytes != NULL)
        return;
    buffer->bytes =
        worker->spare_count > 0 ? worker->spares[--worker->spare_count] : memory_resize(NULL, WORKER_SPARE);
    buffer->capacity = WORKER_SPARE;
}

static void give_back(struct worker *worker, struct buffer *buffer)
{
    if (buffer->bytes == NULL)
        return;
    if (worker != NULL && buffer->capacity == WORKER_SPARE && worker->spare_count < WORKER_SPARES) {
        worker->spares[worker->spare_count++] = buffer->bytes;
        *buffer = (struct buffer){0};
    } else {
        buffer_free(buffer);
    }
}

/* --- the dirty list
 * --------------------------------------------------------------------------------------------- */

static void unmark(struct stream *stream)
{
    if (!stream->dirty)
        return;
    *stream->dirty_place = stream->next_dirty;
    if (stream->next_dirty != NULL)
        stream->next_dirty->dirty_place = stream->dirty_place;
    else
        stream->worker->dirty_tail = stream->dirty_place;
    stream->dirty = false;
}

static void mark(struct stream *stream)
{
    struct worker *worker = stream->worker;
    if (stream->dirty || worker == NULL || stream->closed)
        return;
    stream->dirty = true;
    stream->next_dirty = NULL;
    stream->dirty_place = worker->dirty_tail;
    *worker->dirty_tail = stream;
    worker->dirty_tail = &stream->next_dirty;
}

/* In front: what its owner writes when it is offered input leaves together with what others have written. */
static void mark_first(struct stream *stream)
{
    struct worker *worker = stream->worker;
    if (worker == NULL || stream->closed)
        return;
    unmark(stream);
    if (worker->dirty == NULL) {
        mark(stream);
        return;
    }
    stream->dirty = true;
    stream->next_dirty = worker->dirty;
    stream->dirty_place = &worker->dirty;
    stream->next_dirty->dirty_place = &stream->next_dirty;
    worker->dirty = stream;
}

/* --- watching
 * --------------------------------------------------------------------------------------------------- */

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
    if (stream->ring.place != NULL)
        worker_unwatch(stream->worker, stream->fd);
}

static void enter_ring(struct stream *stream)
{
    if (ring_enter(stream->worker->ring, stream))
        worker_unwatch(stream->worker, stream->fd);
}

static void start_receiving(struct stream *stream)
{
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

/* --- calling the owner
 * ------------------------------------------------------------------------------------------ */

static void enter_owner(struct stream *stream)
{
    assert(stream->worker->current == NULL);
    stream->worker->current = stream;
}

/* Whether the stream is still there after its owner was called. */
static bool leave_owner(struct worker *worker, const struct stream *stream)
{
    bool there = worker->current == stream;
    worker->current = NULL;
    return there;
}

static void fail(struct stream *stream, const char *reason)
{
    stream->failed = true;
    stream->failure = reason;
    stream->above_high_water = false;
    buffer_clear(&stream->out);
    give_back(stream->worker, &stream->out);
    if (stream->worker != NULL)
        stop(stream, &stream->writable);
    mark(stream);
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
    give_back(stream->worker, &stream->in);
    fail(stream, "unencrypted bytes after the request for TLS");
}

/* Bytes in the worker's read buffer; `in` is empty.  False: the stream is gone. */
static bool offer_read(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct worker *worker = stream->worker;
    enter_owner(stream);
    size_t used = stream->owner->input(stream, bytes, length);
    if (!leave_owner(worker, stream))
        return false;
    assert(used <= length);
    if (used < length) {
        own_memory(worker, &stream->in);
        buffer_append(&stream->in, bytes + used, length - used);
    } else {
        give_back(worker, &stream->in);
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
    if (!leave_owner(worker, stream))
        return false;
    assert(used <= length);
    buffer_take(&stream->in, used);
    if (used == length)
        give_back(worker, &stream->in);
    refuse_plain_rest(stream);
    return true;
}

/* --- receiving
 * -------------------------------------------------------------------------------------------------- */

static struct transfer plain_end(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return (struct transfer){.end = TRANSFER_WAIT_READ};
    return (struct transfer){.end = TRANSFER_FAILED, .reason = strerrordesc_np(errno)};
}

static struct transfer plain_receive(int fd, uint8_t *place, size_t room, int flags)
{
    ssize_t got = recv(fd, place, room, flags);
    if (got > 0)
        return (struct transfer){.count = (size_t) got};
    if (got == 0)
        return (struct transfer){.end = TRANSFER_CLOSED, .reason = "connection closed by peer"};
    return plain_end();
}

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
    case TRANSFER_WAIT_READ:
        return RECEIVED_NOTHING;
    case TRANSFER_WAIT_WRITE:
        stream->read_wants_write = true;
        start(stream, &stream->writable);
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
    struct transfer transfer = stream->tls ? stream_tls_receive(stream->tls, place, room)
                                           : plain_receive(stream->fd, place, room, 0);
    stream->read_again = transfer.again;
    if (transfer.count == 0)
        return received_nothing(stream, &transfer);
    if (transfer.again)
        mark_first(stream);
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

/* A paused stream became readable: by bytes, which wait, or by its peer's end. */
static void look_at_paused(struct stream *stream)
{
    uint8_t byte;
    struct transfer transfer = {.end = TRANSFER_GOOD};
    if (stream->owner->half_closed != NULL)
        transfer = stream->tls ? stream_tls_peek(stream->tls) : plain_receive(stream->fd, &byte, 1, MSG_PEEK);
    stream->read_again |= transfer.again;
    if (transfer.end == TRANSFER_WAIT_READ)
        return;
    stop_receiving(stream);
    if (transfer.end == TRANSFER_CLOSED || transfer.end == TRANSFER_FAILED)
        tell_half_closed(stream);
}

static void shake_hands(struct stream *stream)
{
    struct transfer transfer = stream_tls_handshake(stream->tls);
    switch (transfer.end) {
    case TRANSFER_WAIT_READ:
        return;
    case TRANSFER_WAIT_WRITE:
        start(stream, &stream->writable);
        return;
    case TRANSFER_GOOD:
        stream->handshaking = false;
        stream->read_again = SSL_has_pending(stream->tls);
        mark(stream);
        return;
    case TRANSFER_CLOSED:
    case TRANSFER_FAILED:
        fail(stream, transfer.reason);
        return;
    }
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void) loop, (void) events;
    struct stream *stream = watcher->data;
    if (stream->write_wants_read) {
        stream->write_wants_read = false;
        mark(stream);
    }
    if (stream->handshaking)
        shake_hands(stream);
    else if (stream->paused)
        look_at_paused(stream);
    else
        receive(stream);
}

/* --- sending
 * ---------------------------------------------------------------------------------------------------- */

static struct transfer plain_send(int fd, const uint8_t *bytes, size_t length)
{
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent >= 0)
        return (struct transfer){.count = (size_t) sent,
                                 .end = (size_t) sent == length ? TRANSFER_GOOD : TRANSFER_WAIT_WRITE};
    struct transfer transfer = plain_end();
    if (transfer.end == TRANSFER_WAIT_READ)
        transfer.end = TRANSFER_WAIT_WRITE;
    return transfer;
}

/* Send as much of `bytes` as the socket takes; returns how much that was.  A failure is noted in the stream.
 */
static size_t send_bytes(struct stream *stream, const uint8_t *bytes, size_t length)
{
    size_t done = 0;
    enum transfer_end end = TRANSFER_GOOD;
    while (done < length && end == TRANSFER_GOOD) {
        struct transfer transfer = stream->tls && !stream->handshaking
                                       ? stream_tls_send(stream->tls, bytes + done, length - done)
                                       : plain_send(stream->fd, bytes + done, length - done);
        end = transfer.end;
        done += transfer.count;
        if (end == TRANSFER_CLOSED || end == TRANSFER_FAILED)
            fail(stream, transfer.reason);
    }
    stream->bytes_sent += done;
    if (end == TRANSFER_WAIT_WRITE)
        start(stream, &stream->writable);
    if (end == TRANSFER_WAIT_READ) {
        stream->write_wants_read = true;
        start(stream, &stream->readable);
    }
    return done;
}

static bool may_send(const struct stream *stream)
{
    return stream->worker != NULL && !stream->closed && !stream->failed && !stream->handshaking &&
           !stream->write_wants_read && !ev_is_active(&stream->writable);
}

static void send_waiting(struct stream *stream)
{
    if (buffer_length(&stream->out) > 0 && may_send(stream)) {
        size_t sent = send_bytes(stream, buffer_data(&stream->out), buffer_length(&stream->out));
        if (stream->failed)
            return;
        buffer_take(&stream->out, sent);
    }
    if (buffer_length(&stream->out) == 0)
        give_back(stream->worker, &stream->out);
}

/* In the ring, together with what others have to send. */
static void send_at_turn_end(struct stream *stream)
{
    if (stream->ring.place != NULL && buffer_length(&stream->out) > 0)
        ring_send(stream->worker->ring, stream);
    else
        send_waiting(stream);
}

/* The sending itself happens at the end of the turn. */
static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void) loop, (void) events;
    struct stream *stream = watcher->data;
    stop(stream, watcher);
    if (stream->read_wants_write) {
        stream->read_wants_write = false;
        stream->read_again = true;
    }
    mark(stream);
    if (stream->handshaking)
        shake_hands(stream);
}

/* --- the end of a turn
 * ------------------------------------------------------------------------------------------ */

static bool offer_again(struct stream *stream)
{
    if (stream->offer_again && !stream->paused) {
        stream->offer_again = false;
        if (buffer_length(&stream->in) > 0 && !offer_waiting(stream))
            return false;
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
        mark(stream);
        return;
    }
    switch (receive(stream)) {
    case RECEIVED:
        mark(stream);
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

void stream_turn_end(struct worker *worker)
{
    for (int visits = 0; worker->dirty != NULL && visits < TURN_LIMIT; visits++) {
        struct stream *stream = worker->dirty;
        unmark(stream);
        see_to(stream);
    }
}

/* --- told by the ring
 * ----------------------------------------------------------------------------------------------- */

bool stream_has_to_send(const struct stream *stream, const uint8_t **bytes, size_t *length)
{
    *bytes = buffer_data(&stream->out);
    *length = buffer_length(&stream->out);
    return *length > 0 && may_send(stream);
}

void stream_was_sent(struct stream *stream, int result)
{
    size_t length = buffer_length(&stream->out);
    if (result == STREAM_ALL_SENT)
        result = length < INT_MAX ? (int) length : INT_MAX;
    if (result < 0 && result != -EAGAIN && result != -EINTR) {
        fail(stream, strerrordesc_np(-result));
        return;
    }
    size_t sent = result > 0 ? (size_t) result : 0;
    stream->bytes_sent += sent;
    buffer_take(&stream->out, sent);
    if (sent < length)
        start(stream, &stream->writable);
    else
        give_back(stream->worker, &stream->out);
    if (stream->above_high_water)
        mark(stream);
}

void stream_left_over(struct stream *stream, const uint8_t *bytes, size_t length)
{
    stream->bytes_received += length;
    own_memory(stream->worker, &stream->in);
    buffer_append(&stream->in, bytes, length);
}

void stream_received(struct stream *stream, const uint8_t *bytes, size_t length)
{
    if (stream->end_told)
        return;
    if (stream->paused) {
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
    if (stream->paused) {
        if (stream->owner->half_closed != NULL)
            tell_half_closed(stream);
    } else if (error) {
        tell_end(stream, stream->failed ? stream->failure : reason);
    } else {
        peer_closed(stream, reason);
    }
}

/* --- what owners call
 * ------------------------------------------------------------------------------------------- */

static void watch(struct stream *stream)
{
    ev_io_init(&stream->readable, on_readable, stream->fd, EV_READ);
    ev_io_init(&stream->writable, on_writable, stream->fd, EV_WRITE);
    stream->readable.data = stream->writable.data = stream;
    if (stream->through_ring && stream->worker->ring != NULL)
        enter_ring(stream);
    if (!stream->paused && !stream->end_told)
        start_receiving(stream);
    if (stream->tls != NULL && !stream->handshaking && SSL_has_pending(stream->tls))
        stream->read_again = true;
    if (buffer_length(&stream->in) > 0)
        stream->offer_again = true;
    if (stream->read_again || stream->offer_again || stream->failed || buffer_length(&stream->out) > 0)
        mark(stream);
}

void stream_open(struct stream *stream, struct worker *worker, int fd, SSL *tls,
                 const struct stream_owner *owner, void *context)
{
    *stream = (struct stream){.fd = fd, .tls = tls, .worker = worker, .owner = owner, .context = context};
    if (tls != NULL)
        stream_tls_prepare(tls);
    watch(stream);
}

void stream_use_ring(struct stream *stream)
{
    assert(stream->tls == NULL);
    stream->through_ring = true;
    if (stream->closed || stream->worker == NULL || stream->worker->ring == NULL || stream->ring.place != NULL)
        return;
    stop(stream, &stream->readable);
    enter_ring(stream);
    if (!stream->paused && !stream->end_told)
        start_receiving(stream);
}

bool stream_accept_tls(struct stream *stream, SSL_CTX *context)
{
    assert(!stream->through_ring);
    if (stream->tls != NULL || stream->closed || stream->failed || buffer_length(&stream->in) > 0)
        return false;
    send_waiting(stream);
    if (stream->failed || buffer_length(&stream->out) > 0)
        return false;
    SSL *tls = SSL_new(context);
    if (tls == NULL || SSL_set_fd(tls, stream->fd) != 1) {
        SSL_free(tls);
        return false;
    }
    SSL_set_accept_state(tls);
    stream_tls_prepare(tls);
    stream->tls = tls;
    stream->handshaking = true;
    return true;
}

bool stream_write(struct stream *stream, const void *bytes, size_t length)
{
    if (stream->closed || stream->failed || length == 0)
        return !stream->above_high_water;
    size_t sent = 0;
    if (length >= STREAM_LARGE_WRITE && may_send(stream)) {
        send_waiting(stream);
        if (buffer_length(&stream->out) == 0 && may_send(stream))
            sent = send_bytes(stream, bytes, length);
    }
    if (!stream->failed && sent < length)
        buffer_append(stream_output(stream), (const uint8_t *) bytes + sent, length - sent);
    return stream_wrote(stream);
}

struct buffer *stream_output(struct stream *stream)
{
    if (stream->worker != NULL)
        own_memory(stream->worker, &stream->out);
    return &stream->out;
}

bool stream_wrote(struct stream *stream)
{
    if (stream->closed || stream->failed) {
        buffer_clear(&stream->out);
        give_back(stream->worker, &stream->out);
        return true;
    }
    mark(stream);
    if (buffer_length(&stream->out) > STREAM_HIGH_WATER)
        send_waiting(stream);
    if (buffer_length(&stream->out) > STREAM_HIGH_WATER)
        stream->above_high_water = true;
    return !stream->above_high_water;
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
    start_receiving(stream);
    bool being_offered = stream->worker->current == stream;
    if (buffer_length(&stream->in) > 0 || being_offered)
        stream->offer_again = true;
    if (stream->offer_again || stream->read_again || stream->failed)
        mark_first(stream);
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
    unmark(stream);
    stop(stream, &stream->readable);
    stop(stream, &stream->writable);
    if (worker->current == stream)
        worker->current = NULL;
}

void stream_detach(struct stream *stream)
{
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
    buffer_clear(&stream->in);
    buffer_clear(&stream->out);
    give_back(stream->worker, &stream->in);
    give_back(stream->worker, &stream->out);
    if (stream->tls != NULL && !stream->tls_borrowed) {
        if (!stream->handshaking && !stream->failed)
            stream_tls_goodbye(stream->tls);
        SSL_free(stream->tls);
    }
    stream->tls = NULL;
    if (!stream->fd_borrowed)
        close(stream->fd);
    stream->fd = -1;
}
