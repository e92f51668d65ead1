/*
 * ring: the bytes of a worker's streams, plain or encrypted, moved through io_uring.
 *
 * One ring per worker, made and used by the worker's thread only.  A stream that is in the ring has a receive that waits for bytes and takes its
 * memory, when they come, from buffers that all streams share; its output leaves with that of all others in the same system call
 * that then waits.  So a turn of the loop costs one system call, however many streams took part in it.  What else the
 * loop watches stays with libev: the ring wakes when libev's own descriptor has something to say.
 *
 * Only proxy/stream and proxy/worker include this.
 */
#ifndef KEYWAY_RING_H
#define KEYWAY_RING_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct ring;
struct ring_place;
struct stream;

/* What a stream keeps of the ring it is in. */
struct ring_part {
    struct ring_place *place;                /* NULL: not in the ring */
    struct stream *next_sending, **sending; /* in the list of those with output for the next turn; NULL: not there */
};

/* Anything else that the ring waits for, once.  completed() is told what the system call would have returned, or an errno, negative; by then the
 * request is the caller's again.  Part of something larger. */
struct ring_request {
    void (*completed)(struct ring_request *request, int result);
};

/* A ring for the calling thread, which wakes when `event_fd` is readable and after `pulse` seconds at the latest.  NULL with `reason`
 * (static): the kernel has none to give. */
struct ring *ring_new(int event_fd, double pulse, const char **reason);
/* Streams that are still in it leave it. */
void ring_free(struct ring *ring);

/* One turn: send, begin and cease to receive, with `yield` let others run, with `sleep` wait until something has happened; then tell the
 * streams.  True: libev has something to do. */
bool ring_turn(struct ring *ring, struct ev_loop *loop, bool yield, bool sleep);

/* The next turn asks for it.  The descriptor waits in the kernel: it is not a non-blocking one.  The arguments stay where they are until then. */
void ring_read(struct ring *ring, struct ring_request *request, int fd, void *bytes, size_t length);
void ring_accept(struct ring *ring, struct ring_request *request, int fd, struct sockaddr *address, socklen_t *length);

/* The stream enters; it does not yet receive.  False: the ring is full, and the stream stays with libev. */
bool ring_enter(struct ring *ring, struct stream *stream);
/* From the next turn on receive, and cease to; stream_received() and its kin are told, the former perhaps a few times more. */
void ring_receive(struct ring *ring, struct stream *stream);
void ring_cease(struct ring *ring, struct stream *stream);
/* Send the stream's output in the next turn. */
void ring_send(struct ring *ring, struct stream *stream);
/* The stream leaves at once: what was received for it by then goes through stream_left_over(). */
void ring_leave(struct ring *ring, struct stream *stream);
/* The same for one that is about to be closed: what was received is lost. */
void ring_forget(struct ring *ring, struct stream *stream);

#endif
