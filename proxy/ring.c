/*
 * A turn is one io_uring_enter(): it submits the sends and the changes that the turn before has collected, and waits for completions.
 *
 * Sends never wait in the kernel (MSG_DONTWAIT): they are over when the call returns.  One that sent everything makes no completion, so
 * that none wakes a loop that has nothing to read, unless the stream has something to do then; what was not sent whole is told always.  For that MSG_WAITALL is needed,
 * without which a short send would count as a success.
 *
 * A receive brings its pieces in buffers of the ring's.  Over TCP it goes on by itself while they are small, until it has brought
 * RECEIVE_MOST bytes (Linux 6.17): a multishot receive without that limit would bring a stream that is about to be paused all that its
 * socket holds.  Where the kernel does not know the limit a receive is for one piece and asked for anew in the next turn; so it is on Unix sockets, where
 * one that goes on does not see an end that was there before it was asked for (Linux 6.18).  The request outlives its stream by the turn
 * that cancels it, so it carries the address of a place of its own, which is freed with its last completion.
 *
 * Deferred task work (one issuer): the kernel does its part inside our own calls only, and nothing changes between them.
 */
#include "proxy/ring.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config/arena.h"
#include "proxy/stream.h"

enum {
    RING_ENTRIES = 256,
    RING_PLACES = 10000,      /* more streams of one worker are libev's */
    RING_COMPLETIONS = 32768, /* a turn's always fit: of each place one that ends its receive, one of its send, one of a cancel; and all buffers */
    RING_BUFFERS = 64, /* a power of two */
    RING_BUFFER = 32 * 1024,
    RECEIVE_MOST = 4096, /* behind so many bytes a receive ends, with the piece that brought the last of them */
    BUFFER_GROUP = 0,
};

/* A stream's receive.  Completions carry its address; SEND_BIT says that it is the send's, REQUEST_BIT that it is a request's address. */
struct ring_place {
    struct stream *stream;                /* NULL: closed, or has left */
    struct ring_place *next, **link;      /* of all places */
    struct ring_place *next_change, **changing; /* in the list of those to arm or to cancel in the next turn */
    bool goes_on;                         /* its receives may be for several pieces */
    bool wanted;                          /* it is to receive */
    bool armed;                           /* the kernel has the request */
    bool fresh;                           /* … and has brought nothing for it yet */
    bool cancelled;                       /* … and was told to give it back */
};

/* What completions carry that are neither a place's nor a request's. */
enum { OF_NOBODY = 0, OF_LIBEV = 4, OF_PULSE = 8, LOWEST_ADDRESS = 4096 };
enum { SEND_BIT = 1, REQUEST_BIT = 2 };

struct ring {
    struct io_uring uring;
    struct io_uring_buf_ring *free_buffers;
    uint8_t *buffers; /* RING_BUFFERS of RING_BUFFER bytes */
    struct ring_place *places;
    int place_count;
    struct ring_place *changes, **changes_tail;
    struct stream *sending, **sending_tail;
    struct __kernel_timespec pulse;
    int event_fd;
    bool libev_is_watched, pulse_is_running;
    bool libev_is_due;
    bool limits_are_unknown; /* to the kernel: receives are for one piece */
};

/* --- beginning and end --------------------------------------------------------------------------------------- */

static void put_back(struct ring *ring, unsigned id)
{
    io_uring_buf_ring_add(ring->free_buffers, ring->buffers + (size_t) id * RING_BUFFER, RING_BUFFER, (unsigned short) id,
                          io_uring_buf_ring_mask(RING_BUFFERS), 0);
    io_uring_buf_ring_advance(ring->free_buffers, 1);
}

static bool share_buffers(struct ring *ring)
{
    size_t size = RING_BUFFERS * sizeof(struct io_uring_buf);
    void *memory = NULL;
    if (posix_memalign(&memory, 4096, size) != 0)
        return false;
    ring->free_buffers = memory;
    struct io_uring_buf_reg where = {
        .ring_addr = (uint64_t) (uintptr_t) memory, .ring_entries = RING_BUFFERS, .bgid = BUFFER_GROUP};
    if (io_uring_register_buf_ring(&ring->uring, &where, 0) != 0)
        return false;
    io_uring_buf_ring_init(ring->free_buffers);
    ring->buffers = memory_resize(NULL, (size_t) RING_BUFFERS * RING_BUFFER);
    for (unsigned id = 0; id < RING_BUFFERS; id++)
        put_back(ring, id);
    return true;
}

struct ring *ring_new(int event_fd, double pulse, const char **reason)
{
    struct ring *ring = memory_alloc(sizeof(*ring));
    struct io_uring_params params = {
        .flags = IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = RING_COMPLETIONS};
    int result = io_uring_queue_init_params(RING_ENTRIES, &ring->uring, &params);
    if (result < 0) {
        *reason = strerrordesc_np(-result);
        free(ring);
        return NULL;
    }
    ring->changes_tail = &ring->changes;
    ring->sending_tail = &ring->sending;
    ring->event_fd = event_fd;
    ring->pulse.tv_sec = (long long) pulse;
    ring->pulse.tv_nsec = (long long) ((pulse - (double) ring->pulse.tv_sec) * 1e9);
    if (!share_buffers(ring)) {
        *reason = "no buffers can be shared with the kernel";
        ring_free(ring);
        return NULL;
    }
    return ring;
}

/* --- places -------------------------------------------------------------------------------------------------- */

static void unlist_change(struct ring *ring, struct ring_place *place)
{
    if (place->changing == NULL)
        return;
    *place->changing = place->next_change;
    if (place->next_change != NULL)
        place->next_change->changing = place->changing;
    else
        ring->changes_tail = place->changing;
    place->changing = NULL;
}

/* What has to change is found out in the next turn: it may be nothing by then. */
static void list_change(struct ring *ring, struct ring_place *place)
{
    if (place->changing != NULL)
        return;
    place->next_change = NULL;
    place->changing = ring->changes_tail;
    *ring->changes_tail = place;
    ring->changes_tail = &place->next_change;
}

static void free_place(struct ring *ring, struct ring_place *place)
{
    unlist_change(ring, place);
    *place->link = place->next;
    if (place->next != NULL)
        place->next->link = place->link;
    ring->place_count--;
    free(place);
}

static void unlist_sending(struct ring *ring, struct stream *stream)
{
    struct ring_part *part = &stream->ring;
    if (part->sending == NULL)
        return;
    *part->sending = part->next_sending;
    if (part->next_sending != NULL)
        part->next_sending->ring.sending = part->sending;
    else
        ring->sending_tail = part->sending;
    part->sending = NULL;
}

static bool is_unix_socket(int fd)
{
    int domain = AF_UNSPEC;
    socklen_t length = sizeof(domain);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 && domain == AF_UNIX;
}

bool ring_enter(struct ring *ring, struct stream *stream)
{
    if (ring->place_count == RING_PLACES)
        return false;
    struct ring_place *place = memory_alloc(sizeof(*place));
    place->stream = stream;
    place->goes_on = !ring->limits_are_unknown && !is_unix_socket(stream->fd);
    place->next = ring->places;
    place->link = &ring->places;
    if (place->next != NULL)
        place->next->link = &place->next;
    ring->places = place;
    ring->place_count++;
    stream->ring = (struct ring_part){.place = place};
    return true;
}

void ring_receive(struct ring *ring, struct stream *stream)
{
    struct ring_place *place = stream->ring.place;
    place->wanted = true;
    if (!place->armed)
        list_change(ring, place);
}

void ring_cease(struct ring *ring, struct stream *stream)
{
    struct ring_place *place = stream->ring.place;
    place->wanted = false;
    if (place->armed && !place->cancelled)
        list_change(ring, place);
}

void ring_send(struct ring *ring, struct stream *stream)
{
    struct ring_part *part = &stream->ring;
    if (part->sending != NULL)
        return;
    part->next_sending = NULL;
    part->sending = ring->sending_tail;
    *ring->sending_tail = stream;
    ring->sending_tail = &part->next_sending;
}

void ring_forget(struct ring *ring, struct stream *stream)
{
    struct ring_place *place = stream->ring.place;
    unlist_sending(ring, stream);
    stream->ring.place = NULL;
    place->stream = NULL;
    place->wanted = false;
    if (!place->armed)
        free_place(ring, place);
    else if (!place->cancelled)
        list_change(ring, place);
}

/* --- requests ------------------------------------------------------------------------------------------------ */

static struct io_uring_sqe *request(struct ring *ring)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring->uring);
    while (sqe == NULL) { /* the queue is full */
        io_uring_submit(&ring->uring);
        sqe = io_uring_get_sqe(&ring->uring);
    }
    return sqe;
}

static void set_request(struct io_uring_sqe *sqe, struct ring_request *of)
{
    io_uring_sqe_set_data64(sqe, (uint64_t) (uintptr_t) of | REQUEST_BIT);
}

void ring_read(struct ring *ring, struct ring_request *of, int fd, void *bytes, size_t length)
{
    struct io_uring_sqe *sqe = request(ring);
    io_uring_prep_read(sqe, fd, bytes, (unsigned) length, 0);
    set_request(sqe, of);
}

void ring_accept(struct ring *ring, struct ring_request *of, int fd, struct sockaddr *address, socklen_t *length)
{
    struct io_uring_sqe *sqe = request(ring);
    io_uring_prep_accept(sqe, fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    set_request(sqe, of);
}

static void ask_to_receive(struct ring *ring, struct ring_place *place)
{
    struct io_uring_sqe *sqe = request(ring);
    io_uring_prep_recv(sqe, place->stream->fd, NULL, 0, 0);
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    if (place->goes_on) {
        sqe->ioprio |= IORING_RECV_MULTISHOT;
        sqe->file_index = RECEIVE_MOST; /* `optlen` of newer headers, at the same place */
    }
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = BUFFER_GROUP;
    io_uring_sqe_set_data(sqe, place);
    place->armed = place->fresh = true;
}

static void ask_to_cease(struct ring *ring, struct ring_place *place)
{
    struct io_uring_sqe *sqe = request(ring);
    io_uring_prep_cancel(sqe, place, 0);
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    io_uring_sqe_set_data64(sqe, OF_NOBODY);
    place->cancelled = true;
}

static void ask_for_changes(struct ring *ring)
{
    while (ring->changes != NULL) {
        struct ring_place *place = ring->changes;
        unlist_change(ring, place);
        if (place->wanted && !place->armed)
            ask_to_receive(ring, place);
        else if (!place->wanted && place->armed && !place->cancelled)
            ask_to_cease(ring, place);
    }
}

static void ask_to_send(struct ring *ring)
{
    struct stream *next;
    for (struct stream *stream = ring->sending; stream != NULL; stream = next) {
        const uint8_t *bytes;
        size_t length;
        next = stream->ring.next_sending;
        if (!stream_has_to_send(stream, &bytes, &length)) {
            unlist_sending(ring, stream);
            continue;
        }
        struct io_uring_sqe *sqe = request(ring);
        io_uring_prep_send(sqe, stream->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL);
        if (!stream_goes_on_when_sent(stream))
            sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
        io_uring_sqe_set_data64(sqe, (uint64_t) (uintptr_t) stream->ring.place | SEND_BIT);
    }
}

static void ask_to_be_woken(struct ring *ring)
{
    if (!ring->libev_is_watched) {
        struct io_uring_sqe *sqe = request(ring);
        io_uring_prep_poll_add(sqe, ring->event_fd, POLLIN);
        io_uring_sqe_set_data64(sqe, OF_LIBEV);
        ring->libev_is_watched = true;
    }
    if (!ring->pulse_is_running) {
        struct io_uring_sqe *sqe = request(ring);
        io_uring_prep_timeout(sqe, &ring->pulse, 0, 0);
        io_uring_sqe_set_data64(sqe, OF_PULSE);
        ring->pulse_is_running = true;
    }
}

/* Submit what was asked for, and wait until there are at least `completions`. */
static void enter_kernel(struct ring *ring, unsigned completions)
{
    do {
        if (completions > 0)
            io_uring_submit_and_wait(&ring->uring, completions);
        else
            io_uring_submit_and_get_events(&ring->uring);
    } while (io_uring_sq_ready(&ring->uring) > 0 || io_uring_cq_ready(&ring->uring) < completions);
}

/* --- completions --------------------------------------------------------------------------------------------- */

static struct ring_place *place_of(const struct io_uring_cqe *completion)
{
    return (struct ring_place *) (uintptr_t) (completion->user_data & ~(uint64_t) SEND_BIT);
}

static bool is_of_a_send(const struct io_uring_cqe *completion)
{
    return completion->user_data >= LOWEST_ADDRESS && (completion->user_data & SEND_BIT);
}

static struct ring_request *request_of(const struct io_uring_cqe *completion)
{
    bool is_one = completion->user_data >= LOWEST_ADDRESS && (completion->user_data & REQUEST_BIT);
    return is_one ? (struct ring_request *) (uintptr_t) (completion->user_data & ~(uint64_t) REQUEST_BIT) : NULL;
}

/* Every send of this turn is over: those without a completion have sent everything. */
static void note_sent(struct ring *ring)
{
    struct io_uring_cqe *completion;
    unsigned head;
    if (ring->sending == NULL)
        return;
    io_uring_for_each_cqe(&ring->uring, head, completion) {
        if (!is_of_a_send(completion))
            continue;
        struct stream *stream = place_of(completion)->stream;
        completion->user_data = OF_NOBODY;
        unlist_sending(ring, stream);
        stream_was_sent(stream, completion->res);
    }
    while (ring->sending != NULL) {
        struct stream *stream = ring->sending;
        unlist_sending(ring, stream);
        stream_was_sent(stream, STREAM_ALL_SENT);
    }
}

/* With its last completion the request is the kernel's no more. */
static void note_request(struct ring_place *place, const struct io_uring_cqe *completion)
{
    if (!(completion->flags & IORING_CQE_F_MORE))
        place->armed = place->cancelled = false;
}

/* A kernel that does not know the limit has no such field in a receive. */
static bool is_refused(struct ring *ring, struct ring_place *place, int result)
{
    bool refused = place->goes_on && result == -EINVAL;
    if (refused) {
        ring->limits_are_unknown = true;
        place->goes_on = false;
    }
    return refused;
}

static bool has_failed(int fd)
{
    struct pollfd socket = {.fd = fd};
    return poll(&socket, 1, 0) == 1;
}

/* Of a reset that came before the receive was asked for, one that goes on tells only the bytes before it: the next one is for one piece. */
static void look_behind_first_piece(struct ring *ring, struct ring_place *place)
{
    bool first = place->fresh;
    place->fresh = false;
    if (first && place->armed && place->stream != NULL && !place->cancelled && has_failed(place->stream->fd)) {
        place->goes_on = false;
        ask_to_cease(ring, place);
    }
}

static bool is_only_interrupted(int result)
{
    return result == -ECANCELED || result == -ENOBUFS || result == -EINTR || result == -EAGAIN;
}

/* Behind the call of the stream neither it nor the place may be there any more. */
static void receive_completed(struct ring *ring, struct ring_place *place, const struct io_uring_cqe *completion)
{
    struct stream *stream = place->stream;
    int result = completion->res;
    unsigned buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;
    note_request(place, completion);
    bool again = is_only_interrupted(result) || is_refused(ring, place, result);
    if (result <= 0 && !again)
        place->wanted = false;
    look_behind_first_piece(ring, place);
    if (place->wanted && !place->armed)
        list_change(ring, place);
    if (stream == NULL && !place->armed)
        free_place(ring, place);
    else if (stream != NULL && result > 0)
        stream_received(stream, ring->buffers + (size_t) buffer * RING_BUFFER, (size_t) result);
    else if (stream != NULL && !again)
        stream_receive_ended(stream, -result);
    if (completion->flags & IORING_CQE_F_BUFFER)
        put_back(ring, buffer);
}

static void complete(struct ring *ring, const struct io_uring_cqe *completion)
{
    struct ring_request *done = request_of(completion);
    if (done != NULL) {
        done->completed(done, completion->res);
        return;
    }
    switch (completion->user_data) {
    case OF_NOBODY:
        return;
    case OF_LIBEV:
        ring->libev_is_watched = false;
        ring->libev_is_due = true;
        return;
    case OF_PULSE:
        ring->pulse_is_running = false;
        ring->libev_is_due = true;
        return;
    default:
        receive_completed(ring, place_of(completion), completion);
    }
}

bool ring_turn(struct ring *ring, struct ev_loop *loop, bool yield, bool sleep)
{
    struct io_uring_cqe *next;
    ask_for_changes(ring);
    ask_to_be_woken(ring);
    ask_to_send(ring);
    if (yield) { /* what was sent is on its way first */
        enter_kernel(ring, 0);
        sched_yield();
    }
    enter_kernel(ring, sleep ? 1 : 0);
    ev_now_update(loop);
    ring->libev_is_due = false;
    note_sent(ring);
    while (io_uring_peek_batch_cqe(&ring->uring, &next, 1) == 1) {
        struct io_uring_cqe completion = *next;
        io_uring_cqe_seen(&ring->uring, next);
        complete(ring, &completion);
    }
    return ring->libev_is_due;
}

/* --- leaving ------------------------------------------------------------------------------------------------- */

/* Completions of the place that wait in the queue are taken out of it, in their order. */
static void take_completions(struct ring *ring, struct ring_place *place)
{
    struct io_uring_cqe *completion;
    unsigned head;
    io_uring_for_each_cqe(&ring->uring, head, completion) {
        if (completion->user_data != (uint64_t) (uintptr_t) place)
            continue;
        unsigned buffer = completion->flags >> IORING_CQE_BUFFER_SHIFT;
        note_request(place, completion);
        if (completion->res > 0)
            stream_left_over(place->stream, ring->buffers + (size_t) buffer * RING_BUFFER, (size_t) completion->res);
        if (completion->flags & IORING_CQE_F_BUFFER)
            put_back(ring, buffer);
        completion->user_data = OF_NOBODY;
    }
}

void ring_leave(struct ring *ring, struct stream *stream)
{
    struct ring_place *place = stream->ring.place;
    unlist_sending(ring, stream);
    place->wanted = false;
    take_completions(ring, place);
    if (place->armed && !place->cancelled)
        ask_to_cease(ring, place);
    while (place->armed) {
        enter_kernel(ring, io_uring_cq_ready(&ring->uring) + 1);
        take_completions(ring, place);
    }
    stream->ring.place = NULL;
    free_place(ring, place);
}

void ring_free(struct ring *ring)
{
    struct ring_place *next;
    if (ring == NULL)
        return;
    for (struct ring_place *place = ring->places; place != NULL; place = next) {
        next = place->next;
        if (place->stream != NULL)
            ring_leave(ring, place->stream);
    }
    io_uring_queue_exit(&ring->uring);
    while (ring->places != NULL)
        free_place(ring, ring->places);
    free(ring->free_buffers);
    free(ring->buffers);
    free(ring);
}
