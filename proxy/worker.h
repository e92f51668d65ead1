/*
 * worker: one event loop on one thread, and what its connections share.
 *
 * Workers share nothing on the statement path.  What comes from outside (a new client, a server lent by
 * another worker, the end of a helper's work) arrives as a message in the worker's inbox.
 *
 * A turn of the loop: the callbacks of what became ready and of the inbox; then stream_turn_end(), which
 * sends what they wrote and offers again what they left; then the deferred frees; then sleep.  With a ring the turn is
 * the ring's, and libev has its own only when something it watches has happened.
 */
#ifndef KEYWAY_WORKER_H
#define KEYWAY_WORKER_H

#include <ev.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "proxy/buffer.h"
#include "proxy/ring.h"

enum {
    WORKER_READ_BUFFER = 128 * 1024,
    WORKER_ENCRYPTED = 32 * 1024,
    WORKER_SPARE = 16 * 1024, /* size of a spare piece of buffer memory */
    WORKER_SPARES = 64,       /* how many are kept */
};

struct stream;
struct worker;
struct worker_deferred;

/* A message to a worker: run(message) is called once on the worker's thread, and owns the message. */
struct inbox_message {
    struct inbox_message *next;
    void (*run)(struct inbox_message *message, struct worker *worker);
};

/*
 * A listening socket, for one connection.  accepted() is told its descriptor, which is non-blocking, or an errno, negative.  It may ask
 * for the next one, of this worker or, by a message, of another.
 */
struct worker_accept {
    struct ring_request request;
    struct ev_io acceptable;
    struct worker *worker;
    int fd;
    bool blocking; /* as a ring wants it, and libev does not */
    struct sockaddr_storage address;
    socklen_t length;
    void (*accepted)(struct worker_accept *accept, struct worker *worker, int result);
};

struct worker {
    int number;
    pthread_t thread;
    bool started; /* `thread` is to be joined */
    struct ev_loop *loop;
    struct ring *ring;    /* moves the bytes of streams that use it; NULL: libev says when sockets are ready */
    bool wants_ring;      /* … to be made when the thread starts */
    bool watches_changed; /* libev must be told of it before the ring sleeps */
    int loop_fd;          /* libev's own descriptor; -1: unknown */
    uint8_t *read_buffer; /* WORKER_READ_BUFFER bytes; used inside one read callback only */
    uint8_t *encrypted;   /* WORKER_ENCRYPTED bytes: what comes of TLS, where libev says when sockets are ready */
    struct stream *dirty,
        **dirty_tail;       /* streams with something to do before the loop sleeps, first come first */
    bool nobody_first;      /* … without exception (proxy/dirty) */
    struct stream *current; /* the stream whose owner is being called; NULL once that owner let go of it */
    struct stream *departed; /* … by detaching it: what the owner has read is still to be taken off */
    uint8_t *spares[WORKER_SPARES]; /* pieces of WORKER_SPARE bytes for stream buffers */
    int spare_count;
    struct worker_deferred *deferred;
    size_t deferred_count, deferred_capacity;
    unsigned received; /* pieces of input in this turn */
    struct ev_prepare before_sleep;
    struct ev_idle more; /* keeps the loop from sleeping while dirty streams are left over from a turn */
    struct ev_io wake; /* of an eventfd: an ev_async writes only while libev itself sleeps */
    struct ring_request woken; /* … with a ring, which reads it into `wakings` */
    uint64_t wakings;
    _Atomic bool stopping;
    bool stopped; /* the loop has seen it */
    pthread_mutex_t inbox_lock;
    struct inbox_message *inbox, **inbox_tail;
    _Atomic int client_count; /* with those on their way to it */
    _Atomic int busy;         /* thousandths of its time in the last half second (proxy/worker_watch) */
    struct arena scratch;     /* reset after each statement that used it */
    void *state;              /* the proxy's own per-worker state: struct worker_state of proxy/keyway.h */
};

/* Make the loop and its thread-independent parts; the thread is started by worker_start().  NULL when the
 * kernel gives no loop. */
struct worker *worker_new(int number);
/* The thread will have a ring, if the kernel gives one; before worker_start(). */
void worker_use_ring(struct worker *worker);
/* Can this process have rings?  If not, `reason` (static) says why. */
bool worker_can_use_ring(const char **reason);
/* libev leaves a descriptor that it does not watch any more where the kernel watches it, until that is once too often.  With a ring that
 * would wake the loop for each piece of data, so it is taken out here; libev puts up with that. */
void worker_unwatch(struct worker *worker, int fd);
/* Signals are blocked in the thread: they are the main thread's.  False: no thread could be made. */
bool worker_start(struct worker *worker);
/* From any thread.  Messages run in the order in which they were sent. */
void worker_send(struct worker *worker, struct inbox_message *message);
/* Ends the loop after the present turn; from any thread. */
void worker_stop(struct worker *worker);
/* Joins the thread; then messages that came after the last turn still run, on the calling thread, so that
 * none is lost with what it owns.  Streams that are still open are not closed: their owners do that in a
 * message before worker_stop(). */
void worker_free(struct worker *worker);

/* Wait for a connection; on the worker's thread. */
void worker_accept(struct worker *worker, struct worker_accept *accept);

/* Memory for a buffer that has none, of the pieces that the worker's streams share; and back, from a buffer whose bytes are not needed any more
 * (a NULL worker: to the system). */
void worker_lend_memory(struct worker *worker, struct buffer *buffer);
void worker_take_memory(struct worker *worker, struct buffer *buffer);

/* Call function(argument) at the end of this loop turn, when no callback is running: for memory that
 * functions further up the stack still use.  On the worker's thread only. */
void worker_defer_free(struct worker *worker, void (*function)(void *), void *argument);

#endif
