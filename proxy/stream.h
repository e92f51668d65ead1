/*
 * stream: one non-blocking socket, plain or TLS, with back-pressure.
 *
 * All bytes of clients and servers pass here, and nothing else knows how they are moved.  Reads go into the
 * worker's one large buffer; a stream owns memory only for bytes that wait.  Writes collect during a loop
 * turn and leave in one system call before the loop sleeps; writability is watched only after EAGAIN.
 * Watchers are not toggled on the normal path: a paused stream stops watching only when its socket turns
 * readable while paused.
 *
 * Lifetime: the struct's memory is the owner's.  After stream_close(), wherever it is called (also inside
 * input(), drained() and ended()), the stream is not touched again by its worker, so that its memory may be freed
 * at once; nor after stream_detach(), but inside input(), behind which what it has read is taken off `in`: it
 * may be handed to another thread at the end of the turn (worker_defer_free()).  The owner's own functions further up the
 * stack are the owner's to think of: worker_defer_free() frees when none is running.
 */
#ifndef KEYWAY_STREAM_H
#define KEYWAY_STREAM_H

#include <ev.h>
#include <limits.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"
#include "proxy/ring.h"
#include "proxy/worker.h"

enum {
    STREAM_HIGH_WATER = 256 * 1024, /* more than this waiting to be sent: stop whoever feeds it */
    STREAM_LOW_WATER = 64 * 1024,   /* less than this: go on */
    STREAM_LARGE_WRITE = 32 * 1024, /* a piece of this size is sent at once instead of being copied */
    STREAM_ALL_SENT = INT_MAX,
};

struct stream;

/* What the owner of a stream wants to know.  Called on the worker's thread only, never from inside a
 * stream_…() call, and never one inside another. */
struct stream_owner {
    /* Bytes arrived.  Returns how many were used up; the rest is kept and offered again, in front of what
     * comes next. A return of less than `length` without stream_pause() means "this message is not complete
     * yet".  The return value is ignored once the stream was closed or detached: what was offered then counts
     * as used. */
    size_t (*input)(struct stream *stream, const uint8_t *bytes, size_t length);
    /* Output fell below the low-water mark after stream_write() had reported it above the high one. */
    void (*drained)(struct stream *stream);
    /* The peer closed, or the connection failed, or TLS failed.  Called once, after everything readable was
     * offered; the owner must stream_close().  What it writes before that can still reach a peer that only
     * stopped sending.  `reason` is a static text for the log.  Not called after stream_close().  A paused
     * stream learns of its peer's end when it is resumed, but of a failed send at the end of the same turn:
     * then what was not yet read is lost. */
    void (*ended)(struct stream *stream, const char *reason);
    /* The peer will send nothing more; what it has sent was offered, or waits because the stream is paused.
     * True: go on as paused, since what is written may still be wanted; ended() follows after stream_resume().
     * A paused stream stays so whatever is returned.  NULL: ended() at once, and nothing while paused. */
    bool (*half_closed)(struct stream *stream);
};

struct stream {
    ev_io readable, writable;
    struct ring_part ring; /* while its bytes move through the worker's ring */
    int fd;                /* -1 when closed */
    SSL *tls;              /* NULL: plain, or forgotten */
    struct cipher *cipher; /* between it and the socket; NULL: plain */
    bool tls_borrowed;     /* the SSL belongs to a PGconn: never freed here */
    bool fd_borrowed;      /* the descriptor belongs to a PGconn: never closed here */
    bool handshaking;      /* stream_accept_tls() is under way */
    bool through_ring;     /* stream_use_ring() was called */
    bool paused;           /* do not offer input */
    bool above_high_water; /* stream_write() said so */
    bool dirty;            /* in the worker's list */
    bool offer_again;      /* bytes wait in `in` that the owner has not seen since stream_resume() */
    bool read_again;       /* bytes wait inside the cipher, of which the socket says nothing */
    bool failed;           /* sending failed: what is readable is still offered, then ended() is called */
    bool last_reads;       /* … and that has begun */
    bool end_told;         /* ended() was called */
    bool closed;
    const char *failure;
    struct stream *next_dirty, **dirty_place; /* the pointer that points here */
    struct worker *worker;                    /* NULL while detached */
    const struct stream_owner *owner;
    void *context; /* the owner's */
    struct buffer in, out;
    uint64_t bytes_received, bytes_sent; /* without TLS's own */
};

/* Begin to serve a connected non-blocking socket, with `tls` when a handshake is already done.  Sets all
 * fields; tls_borrowed and fd_borrowed are for the owner to set afterwards. */
void stream_open(struct stream *stream, struct worker *worker, int fd, SSL *tls,
                 const struct stream_owner *owner, void *context);
/* A handshake has begun that libpq makes for a stream that will be opened: what the stream needs to do without the SSL is noted.  Told again it
 * does nothing. */
void stream_watch_handshake(SSL *tls);
/* From now on, and on every worker it will be attached to, bytes move through the worker's ring where it has one (proxy/ring). */
void stream_use_ring(struct stream *stream);
/* Both in one, for a new descriptor of which libev has heard nothing. */
void stream_open_in_ring(struct stream *stream, struct worker *worker, int fd, const struct stream_owner *owner, void *context);
/* Server side of a TLS handshake on a stream that is open and plain: input() is next called with decrypted
 * bytes; a failed handshake calls ended().  What was written before leaves in plain first.  False, and
 * nothing has happened, when plain bytes wait on either side or OpenSSL refuses.  When input() calls this and
 * then leaves bytes unused, these would pass from plain into the encrypted conversation: the stream fails
 * instead (CVE-2021-23214). */
bool stream_accept_tls(struct stream *stream, SSL_CTX *context);

/* What the handshake has shown of the peer is not asked for any more: `tls` is freed and NULL, where it is not needed for the bytes. */
void stream_forget_handshake(struct stream *stream);
/* The owner of the SSL, a PGconn, can say nothing more through it: what has to be said before the end is for the owner of the stream to write. */
bool stream_speaks_for_borrowed_tls(const struct stream *stream);
/* Names of OpenSSL's for version and cipher suite; false of a plain stream. */
bool stream_tls_names(const struct stream *stream, const char **version, const char **suite);

/* Queue bytes for sending.  False when the output is now above the high-water mark: stop feeding until
 * drained(). On a failed or closed stream the bytes are dropped. */
bool stream_write(struct stream *stream, const void *bytes, size_t length);
/* The output buffer itself, for wire_…() builders; call stream_wrote() after appending. */
struct buffer *stream_output(struct stream *stream);
bool stream_wrote(struct stream *stream); /* as stream_write() returns */
/* Send now what can be sent, for a stream about to be closed. */
void stream_flush(struct stream *stream);

/* There is output that has not left yet. */
bool stream_has_unsent(const struct stream *stream);

/* No bytes wait on either side, nothing has ended or failed, and its owner is not being called. */
bool stream_is_calm(const struct stream *stream);

/* Stop offering input; and offer again, first what waits, at the end of this turn. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* The peer has not only stopped sending: it has answered something that was sent to it with a reset. */
bool stream_peer_is_gone(const struct stream *stream);

/* Leave this worker's loop without closing, to be attached to another worker's.  What waits in `in` and `out`
 * goes with it. */
void stream_detach(struct stream *stream);
void stream_attach(struct stream *stream, struct worker *worker);

/* Stop watching, free buffers, close the descriptor and TLS unless borrowed.  Sends nothing more, except
 * TLS's closure alert.  Idempotent. */
void stream_close(struct stream *stream);

/* Called by the worker before its loop sleeps: flush and re-offer dirty streams until none is left, or all were seen to that were dirty
 * after many visits, and what is received must have its turn (worker->dirty is then not empty). */
void stream_turn_end(struct worker *worker);

/* --- told by proxy/ring ---------------------------------------------------------------------------------- */

/* The output, if it may be sent now.  It is not touched until stream_was_sent(). */
bool stream_has_to_send(const struct stream *stream, const uint8_t **bytes, size_t *length);
/* There is something to do when all of it was sent: whoever feeds the stream may go on, or more is to be encrypted. */
bool stream_goes_on_when_sent(const struct stream *stream);
/* So many bytes of it were sent, STREAM_ALL_SENT, or none for this reason (an errno, negative). */
void stream_was_sent(struct stream *stream, int result);
/* Bytes came.  The owner is called: the stream may be gone afterwards. */
void stream_received(struct stream *stream, const uint8_t *bytes, size_t length);
/* Nothing more will come: the peer closed (0), or an errno.  The stream may be gone afterwards. */
void stream_receive_ended(struct stream *stream, int error);
/* Bytes that had come when the stream left the ring. */
void stream_left_over(struct stream *stream, const uint8_t *bytes, size_t length);

#endif
