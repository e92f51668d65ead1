/*
 * run: a request that takes several steps.
 *
 * Most requests are one statement for one shard and are forwarded as they come (proxy/query).  Everything else is copied into a run,
 * cut into items (the statements of a Query, or the messages of an extended-protocol batch), and carried out one after the
 * other: answered by the proxy, or sent to one or more shards through a fan-out.  A run ends with its ReadyForQuery.
 */
#ifndef KEYWAY_RUN_H
#define KEYWAY_RUN_H

#include "config/arena.h"
#include "proxy/client.h"
#include "proxy/fanout.h"
#include "router/plan.h"

struct run_item {
    uint8_t type;        /* 'Q' for a statement of a Query, else the message's type */
    const uint8_t *body; /* of a message; NUL-terminated text of a statement */
    size_t length;
};

/* What became of an item. */
enum run_step {
    STEP_DONE,   /* go on with the next */
    STEP_BUSY,   /* a reply is awaited: run_continue() is called when it is there */
    STEP_WAIT,   /* a server or a load is awaited: the item is begun again */
    STEP_AGAIN,  /* it is another one now, and begun at once */
    STEP_FAILED, /* the client has its ErrorResponse */
};

enum run_ending { ENDING_NONE, ENDING_COMMIT, ENDING_ROLLBACK };

struct run {
    struct client *client;
    struct arena arena;
    bool extended;
    bool failed;            /* an error was sent: what is left is skipped */
    bool cancelled;         /* the client has asked for it; what ran then may have ended before it heard of that */
    bool several;           /* more than one statement: they form one implicit transaction … */
    bool open;              /* … and so do those of a batch without Sync with what follows it */
    struct run_item *items;
    size_t count, cursor;
    struct plan *plan;      /* held: of the statement being run */
    struct fanout *fanout;  /* replies being merged; NULL between statements */
    enum run_ending ending; /* the transaction is being ended on its shards */
    struct reply_sink end_sink;
    int ending_count;       /* servers whose answer to that is awaited */
    struct error end_error; /* the first failure while committing */
    int committed;          /* writers that have committed */
    bool checking;          /* they are asked for what is deferred, before the first of them commits */
    const char *end_tag;    /* CommandComplete to send when it has ended; NULL: none */
    uint64_t rows;          /* that the last statement's tag has counted */
    int shard;              /* the first one that the last routed statement went to */
    bool loading;           /* the catalog is being read after DDL */
    bool load_after;        /* the statement changed the catalog outside a transaction block */
    struct gather *gather;  /* rows being gathered for the item, or there for its plan; NULL otherwise */
    const char *closing;    /* the cursor that a Close is under way for; NULL: none */
    const uint8_t *description; /* of a cursor's rows that was declared over gathered ones: a RowDescription's body; in the arena */
    size_t description_length;
    struct locking *locking; /* rows being looked for and locked for the item; NULL otherwise */
    struct evaluating *evaluating; /* of the last statement whose values had to be computed first; in the arena */
    struct statement *typed; /* the one executed in place of the client's, which lacks types of parameters; held, or NULL */
    struct moment *moment;   /* of the last statement that was given its transaction's moment, in the arena; or NULL */
    struct run_prepared *prepared; /* of the last PREPARE or EXECUTE, in the arena; or NULL */
    int32_t limit;          /* of rows, at which the statement being executed stops; 0: it does not */
    const struct run_setting *settings; /* of a statement with set_config(), or NULL; in the arena */
    const char *text;       /* of the statement being run */
    size_t text_length;
};

/* Begin with a copy of a Query's text, which is parsed to find its statements, of one that has a plan and so is one statement, or of the
 * messages of a batch; they are carried out at once as far as possible. */
void run_start_query(struct client *client, const char *text, size_t length);
void run_start_statement(struct client *client, const char *text, size_t length);
void run_start_batch(struct client *client, const struct run_item *items, size_t count);
void run_continue(struct client *client);
/* CommandComplete of the statement that runs.  A Query's last statement is complete when the implicit transaction that it ends has been committed. */
void run_complete(struct run *run, const char *tag);
/* Is it an extended-protocol batch that ends with a Sync of its own? */
bool run_is_synced(const struct run *run);
/* The client is gone. */
void run_abandon(struct client *client);
/* The client's output has drained. */
void run_drained(struct client *client);
/* The client asks that what runs be cancelled; its servers have been told. */
void run_cancel(struct client *client);
/* The last cancel request under way for one of the client's servers has ended. */
void run_cancelled(struct client *client);
/* The load that the client waited for has ended. */
void run_loaded(struct client *client);
/* The values that an item waited for are there, or there is an error (which is sent and cleared). */
void run_evaluated(struct run *run, struct error *error);
/* The same for rows: they are ready, or an error has been sent. */
void run_gathered(struct run *run, bool failed);
/* The statement's fan-out is complete: with or without an error sent. */
void run_fanout_done(struct client *client, bool failed);

#endif
