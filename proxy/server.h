/*
 * server: one connection to a shard.
 *
 * It logs in through libpq and is then taken over: raw protocol over the same socket (and TLS session), while the PGconn stays as
 * owner.  For each message sent that has a reply, the server remembers who wants it: the client that borrows the server gets it as
 * bytes (forward), a reply_sink gets it frame by frame (fan-out, internal statements), or nobody (swallow).  The queue of
 * expected replies is what keeps pipelined and injected messages apart.
 */
#ifndef KEYWAY_SERVER_H
#define KEYWAY_SERVER_H

#include <ev.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/session.h"
#include "proxy/statement.h"
#include "proxy/stream.h"
#include "proxy/wire.h"

struct client;
struct pool;
struct server;

enum server_state {
    SERVER_CONNECTING, /* libpq logs in */
    SERVER_IDLE,       /* in its pool's idle list */
    SERVER_LENT,       /* belongs to `client` */
    SERVER_CLEANING,   /* runs ROLLBACK or the reset query before it is idle again */
    SERVER_MOVING,     /* on its way to another worker */
    SERVER_CLOSED,
};

/* What a sink did with a frame. */
enum sink_answer {
    SINK_TAKEN,
    SINK_LATER, /* not now: offer it again after server_resume() */
};

/* Who receives the replies to messages that are not simply forwarded. */
struct reply_sink {
    /* One whole frame of the reply, the closing ReadyForQuery included when the message was Query or Sync. */
    enum sink_answer (*frame)(struct reply_sink *sink, struct server *server, const struct frame *frame);
    /* The connection was lost before the reply was complete.  Called once per sink. */
    void (*lost)(struct reply_sink *sink, struct server *server, const struct error *error);
};

/* One expected reply.  `message` is the type byte of what was sent: Q P B D E C S.  A sink gets the closing ReadyForQuery with its entry
 * still in the queue and removes it by server_answered(). */
struct expected_reply {
    uint8_t message;
    bool swallow;            /* the success is not told; an error of an extended-protocol message is */
    uint64_t number;         /* of Parse and Close: the statement, as an error decides whether the server has it */
    struct reply_sink *sink; /* NULL: forward to the client, unless swallow */
};

struct server {
    struct stream stream;
    ev_io polling; /* while libpq logs in */
    PGconn *connection;
    struct worker *worker;
    struct pool *pool;
    struct server *next, **link;   /* in the pool's list of all servers of this worker */
    struct server *next_idle;
    struct server *next_lent;      /* in the client's list */
    struct client *client;         /* while lent */
    enum server_state state;
    char status;                   /* of the last ReadyForQuery: 'I', 'T', 'E' */
    bool retire;                   /* close instead of going idle; what is pinned stays with its client until then */
    bool spoiled;                  /* the same, but at once: it is not in the state that its session should have */
    bool joined;                   /* takes part in its client's transaction */
    bool bringing;                 /* it is being brought to its client's settings or transaction, and that is awaited */
    bool refused;                  /* … and it has refused */
    bool wrote;                    /* has run a statement that may have changed data in this transaction */
    bool ended;                    /* its part of the transaction has been committed or rolled back … */
    bool committed;                /* … the former */
    bool pinned;                   /* keeps something of the client's beyond the transaction … */
    bool holds;                    /* … or cursors WITH HOLD, until the last of them is closed */
    bool copy_in;                  /* it waits for COPY data */
    bool unsynced;                 /* no Sync stands behind its messages: it may be in a transaction of which no ReadyForQuery has told … */
    bool skips;                    /* … and has met an error: it answers nothing before a Sync */
    bool sync_owed;                /* the Sync behind a COPY FROM STDIN is held back until its data end, or it fails */
    size_t passing;                /* bytes of a partly forwarded frame that are still to come */
    bool passing_drop;             /* … and they are swallowed rather than forwarded */
    bool cancel_wanted;            /* … but BEGIN must be answered first */
    bool cancel_again;             /* … or the one that is under way must have ended, and what it runs has not */
    unsigned cancels;              /* cancel requests under way for it: it is not lent to others before they ended */
    unsigned generation;           /* the pool's when it connected */
    struct expected_reply *expected; /* a ring */
    unsigned expected_first, expected_count, expected_capacity;
    struct session *applied;       /* the settings it was brought to last */
    struct statement_numbers *numbers; /* prepared statements it has */
    uint64_t unnamed;              /* number of the statement that is its unnamed one */
    ev_tstamp connected_at, idle_since, lent_at;
    uint64_t id;                   /* for SHOW SERVERS */
    char *last_words;              /* of a FATAL error, until the connection ends */
    struct server_login *login;    /* while it logs in */
};

/* Was it one when it was connected to, which can write nothing? */
bool server_is_standby(const struct server *server);

/*
 * Open a connection for `pool` on this worker.  Its end (login done or failed) is told to the pool.
 */
void server_connect(struct pool *pool, struct worker *worker);

/* Remember that a reply is expected; call in the order the messages are written to server->stream. */
void server_expect(struct server *server, uint8_t message, bool swallow, struct reply_sink *sink);
/* The same for a Parse or Close of this statement. */
void server_expect_numbered(struct server *server, uint8_t message, bool swallow, struct reply_sink *sink, uint64_t number);
/* The reply being awaited ends with that of a Sync rather than of a Query. */
/*
 * Put the Sync of a batch behind a COPY FROM STDIN: a Flush for now.  A server ignores a Sync while it copies, but not one that it reads
 * just before or after (55.2.6), so there must be none that it could read then.
 */
void server_hold_sync(struct server *server, struct reply_sink *sink);
/* Send it now, if it is owed. */
void server_send_held_sync(struct server *server);
bool server_is_quiet(const struct server *server); /* no reply outstanding */

/* From a sink that was given the ReadyForQuery of its Query or Sync, before it goes on. */
void server_answered(struct server *server);

/* Nobody wants what it still has to say; it will be closed when it is released. */
void server_drop_replies(struct server *server);

/* Write a Query message of the proxy's own; its reply goes to `sink` (NULL: swallowed). */
void server_query(struct server *server, const char *sql, size_t length, struct reply_sink *sink);

/* Go on after SINK_LATER, or after the client's output has drained. */
void server_resume(struct server *server);

/* The borrower is done with it.  It cleans itself up if need be and returns to its pool, or is closed. */
void server_release(struct server *server);
/* Close now.  Nobody is told but the pool. */
void server_close(struct server *server, const char *reason);

/* Its connection is lost: sinks and client are told, then it is closed. */
void server_lose(struct server *server, const struct error *error);
/* Clean and quiet: go back to the pool, or do what is still needed before that. */
void server_cleaned(struct server *server);
extern const struct stream_owner server_stream_owner;

/* Arrive at this worker, coming from another. */
struct session_parcel;
void server_arrive(struct server *server, struct worker *worker, struct session_parcel *applied);

/* Is the next reply this sink's? */
bool server_answers(const struct server *server, const struct reply_sink *sink);
/* Ask the shard to cancel what this server is running (PQcancel on a helper thread). */
void server_cancel(struct server *server);

const char *server_state_name(enum server_state state);

#endif
