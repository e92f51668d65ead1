/*
 * worker: one event loop on one thread, and what its connections share.
 *
 * Workers share nothing on the statement path.  What comes from outside (a new client, a server lent by another worker,
 * the end of a helper's work) arrives as a message in the worker's inbox.
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

enum { WORKER_READ_BUFFER = 128 * 1024 };

struct stream;
struct worker;

/* A message to a worker: run(message) is called once on the worker's thread, and owns the message. */
struct inbox_message {
    struct inbox_message *next;
    void (*run)(struct inbox_message *message, struct worker *worker);
};

struct worker {
    int number;
    pthread_t thread;
    struct ev_loop *loop;
    uint8_t *read_buffer;      /* WORKER_READ_BUFFER bytes; used inside one read callback only */
    struct stream *dirty;      /* streams with something to flush or to offer again before the loop sleeps */
    struct stream *closing;    /* streams whose owners are told of the end before the loop sleeps */
    struct ev_prepare before_sleep;
    struct ev_async wake;
    pthread_mutex_t inbox_lock;
    struct inbox_message *inbox, **inbox_tail;
    _Atomic int client_count;  /* the acceptor gives a new socket to the worker with the fewest */
    struct arena scratch;      /* reset after each statement that used it */
    void *state;               /* the proxy's own per-worker state: struct worker_state of proxy/keyway.h */
};

/* Make the loop and its thread-independent parts; the thread is started by worker_start(). */
struct worker *worker_new(int number);
bool worker_start(struct worker *worker); /* false: no thread could be made */
/* From any thread. */
void worker_send(struct worker *worker, struct inbox_message *message);
/* Ends the loop after the present turn; from any thread. */
void worker_stop(struct worker *worker);
/* After the thread ended (joins it). */
void worker_free(struct worker *worker);

#endif
