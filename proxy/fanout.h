/*
 * fanout: one statement on one or more shards, its replies made into one.
 *
 * Each shard's reply goes through a sink of its own.  Rows are passed on as they come, merged in order, combined into one row, or taken from the first
 * shard only, as the route says; the counts of command tags are summed; the first error ends the statement and cancels the
 * others.  Rows wait in the shards' streams, not here: memory is bounded by a row per shard and the client's output.
 */
#ifndef KEYWAY_FANOUT_H
#define KEYWAY_FANOUT_H

#include "proxy/client.h"
#include "router/plan.h"

struct explanation;
struct fanout;

struct fanout_shape {
    const struct plan *plan; /* NULL: relay one server's reply */
    struct route route;
    bool simple;    /* a Query: RowDescription is part of the reply */
    bool described; /* extended: the client asked for the RowDescription */
    bool goes_on;         /* it does a part of the statement, and others follow: no tag is sent */
    uint64_t rows_before; /* … that other parts have counted */
    bool rewritten;       /* the statement is not the client's text, even if the plan says so */
    const char *verb; /* what stands before the count of rows in the tag; NULL: what the shards say */
    struct explanation *explanation; /* of EXPLAIN: the answer, which takes the shards' rows; it lives as long as the run; or NULL */
    const uint8_t *description; /* a RowDescription's body to send in place of the shard's, which must have the same types; or NULL */
    size_t description_length;
};

/* `count` servers will be written to, in shard order.  Ends with run_fanout_done(). */
struct fanout *fanout_new(struct client *client, const struct fanout_shape *shape, int count);
/* The sink for this server's reply; the caller writes the messages and calls server_expect() with it.  `messages` ReadyForQuery frames
 * are part of it (always 1 so far). */
struct reply_sink *fanout_add(struct fanout *fanout, struct server *server);
/* COPY FROM STDIN: every shard is ready for data, and the client knows. */
bool fanout_copies(const struct fanout *fanout);
/* CopyData from the client; `false`: the client is to be read no further for now. */
bool fanout_copy_data(struct fanout *fanout, const uint8_t *body, size_t length);
/* CopyDone, or CopyFail with the client's reason. */
void fanout_copy_end(struct fanout *fanout, const char *failure);
/* The client's output has drained: shards go on. */
void fanout_drained(struct fanout *fanout);
/* The last cancel request under way for one of its servers has ended. */
void fanout_cancelled(struct fanout *fanout);
/* A server is gone that had already answered. */
void fanout_forget(struct fanout *fanout, const struct server *server);
/* The client is gone: sinks must not be called any more (their servers are closed). */
void fanout_abandon(struct fanout *fanout);

#endif
