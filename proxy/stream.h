/*
 * stream: one non-blocking socket, plain or TLS, with back-pressure.
 *
 * All bytes of clients and servers pass here, and nothing else knows how they are moved.  Reads go into the worker's one
 * large buffer; a stream owns memory only for bytes that wait.  Writes collect during a loop turn and leave in one system
 * call before the loop sleeps; writability is watched only after EAGAIN.  Watchers are not toggled on the normal
 * path: a paused stream stops watching only when its socket turns readable while paused.
 */
#ifndef KEYWAY_STREAM_H
#define KEYWAY_STREAM_H

#include <ev.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"
#include "proxy/worker.h"

enum {
    STREAM_HIGH_WATER = 256 * 1024, /* more than this waiting to be sent: stop whoever feeds it */
    STREAM_LOW_WATER = 64 * 1024,   /* less than this: go on */
};

struct stream;

/* What the owner of a stream wants to know.  Called on the worker's thread only, never from inside a stream_…() call. */
struct stream_owner {
    /* Bytes arrived.  Returns how many were used up; the rest is kept and offered again, in front of what comes next.  A return of less than
     * `length` without stream_pause() means "this message is not complete yet". */
    size_t (*input)(struct stream *stream, const uint8_t *bytes, size_t length);
    /* Output fell below the low-water mark after stream_write() had reported it above the high one. */
    void (*drained)(struct stream *stream);
    /* The peer closed, or the connection failed, or TLS failed.  Called once; the owner must stream_close().  `reason` is
     * for the log.  Not called after stream_close(). */
    void (*ended)(struct stream *stream, const char *reason);
};

struct stream {
    ev_io readable, writable;
    int fd;                 /* -1 when closed */
    SSL *tls;               /* NULL: plain */
    bool tls_borrowed;      /* the SSL belongs to a PGconn: never freed here */
    bool fd_borrowed;       /* the descriptor belongs to a PGconn: never closed here */
    bool handshaking;       /* stream_accept_tls() is under way */
    bool paused;            /* do not offer input */
    bool above_high_water;  /* stream_write() said so */
    bool dirty;             /* in the worker's list */
    bool offer_again;       /* bytes wait in `in` that the owner has not seen since stream_resume() */
    bool failed;            /* an error waits to be told through ended() */
    bool closed;
    const char *failure;
    struct stream *next_dirty;
    struct worker *worker;
    const struct stream_owner *owner;
    void *context;          /* the owner's */
    struct buffer in, out;
    uint64_t bytes_received, bytes_sent;
};

/* Begin to serve a connected non-blocking socket.  The struct's memory is the owner's. */
void stream_open(struct stream *stream, struct worker *worker, int fd, SSL *tls, const struct stream_owner *owner,
                 void *context);
/* Server side of a TLS handshake on a stream that is open and plain: input() is next called with decrypted bytes; a failed handshake
 * calls ended(). */
void stream_accept_tls(struct stream *stream, SSL_CTX *context);

/* Queue bytes for sending.  False when the output is now above the high-water mark: stop feeding until drained().  On a failed or
 * closed stream the bytes are dropped. */
bool stream_write(struct stream *stream, const void *bytes, size_t length);
/* The output buffer itself, for wire_…() builders; call stream_wrote() after appending. */
struct buffer *stream_output(struct stream *stream);
bool stream_wrote(struct stream *stream); /* as stream_write() returns */
/* Send now what can be sent, for a stream about to be closed. */
void stream_flush(struct stream *stream);

/* Stop offering input; and offer again, first what waits. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* Leave this worker's loop without closing, to be attached to another worker's.  Nothing may wait in `in` or `out`. */
void stream_detach(struct stream *stream);
void stream_attach(struct stream *stream, struct worker *worker);

/* Stop watching, free buffers, close the descriptor and TLS unless borrowed.  Sends nothing more.  Idempotent; may be called inside input() and
 * ended(), after which the stream is not touched again, so its owner may free it once the callback has returned. */
void stream_close(struct stream *stream);

/* Called by the worker before its loop sleeps: flush and re-offer dirty streams until none is left. */
void stream_turn_end(struct worker *worker);

#endif
