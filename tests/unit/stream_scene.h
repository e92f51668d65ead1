/*
 * stream_scene: one stream on a real worker thread; the test's own thread is its peer.
 */
#ifndef KEYWAY_TEST_STREAM_SCENE_H
#define KEYWAY_TEST_STREAM_SCENE_H

#include <openssl/ssl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/stream.h"
#include "proxy/worker.h"

enum { MANY = 24 * 1024 * 1024, CHUNK = 64 * 1024 };

/* Streams are to behave alike whether epoll or io_uring moves their bytes. */
void use_ring(void);

#define BOTH_WAYS(name, ...)                                                                                 \
    static void name(void);                                                                                  \
    Test(stream, name, ##__VA_ARGS__)                                                                        \
    {                                                                                                        \
        name();                                                                                              \
    }                                                                                                        \
    Test(ring, name, .init = use_ring, ##__VA_ARGS__)                                                        \
    {                                                                                                        \
        name();                                                                                              \
    }                                                                                                        \
    static void name(void)

/* One stream under test.  What the worker's thread counts is atomic; the test's thread waits on the
 * semaphores. */
struct scene {
    struct inbox_message message;
    void (*action)(struct scene *);
    struct worker *worker, *other;
    struct stream stream;
    int peer;
    SSL_CTX *tls;
    sem_t acted, ended;
    _Atomic int offers, ends, drains, half_closes;
    _Atomic size_t received, largest_output;
    _Atomic bool ended_inside_a_call;
    bool inside_a_call;
    bool accepted;
    char heard[64];
};

/* --- the stage ----------------------------------------------------------------------------------------------- */

/* A connection: the stream's end, which is to be made non-blocking, and in `*peer` the test's. */
int over_tcp(int *peer);
int over_unix(int *peer);
void set_non_blocking(int fd);

extern int opening_fd; /* what the next stream is opened on */
struct worker *start_worker(int number);
void scene_begin(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner);
/* With `tls` the stream is to take it up. */
void secure_scene_begin(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner, SSL_CTX *tls);
void scene_end(struct scene *scene);
/* From where on a stream is to be in the ring, in the tests that want it there. */
void move_through_ring(struct stream *stream);

/* Run the action on the worker's thread, to its end. */
void on(struct worker *worker, struct scene *scene, void (*action)(struct scene *));
void on_worker(struct scene *scene, void (*action)(struct scene *));

bool wait_for_end(struct scene *scene);
void wait_until(_Atomic int *count, int expected);
void rest(int milliseconds);

uint8_t pattern(size_t place);
void send_all(int fd, const void *bytes, size_t length);
void receive_all(int fd, void *bytes, size_t length);
void reset_peer(struct scene *scene);

/* --- actions ------------------------------------------------------------------------------------------------- */

void close_stream(struct scene *scene);
void pause_stream(struct scene *scene);
void resume(struct scene *scene);
void detach(struct scene *scene);
void attach_to_other(struct scene *scene);
void attach_to_first(struct scene *scene);
void write_late(struct scene *scene);
void write_much(struct scene *scene);
void check_no_memory(struct scene *scene);

/* --- owners -------------------------------------------------------------------------------------------------- */

extern const struct stream_owner echo, hesitant, listening;
size_t echo_input(struct stream *stream, const uint8_t *bytes, size_t length);
size_t listening_input(struct stream *stream, const uint8_t *bytes, size_t length);
void note_drained(struct stream *stream);
void note_end(struct stream *stream, const char *reason);
/* Goes on for a peer that stopped sending, until it is resumed. */
bool note_half_closed(struct stream *stream);

#endif
