/*
 * client: a frontend session.
 *
 * Startup, TLS, authentication and the end of a session are here; what a client asks for is carried out by proxy/query (one
 * request after the other), with the servers that proxy/pool lends.  A request that has to wait for something is left unread in the
 * client's stream and tried again when that has come: nothing half-done is kept meanwhile.
 */
#ifndef KEYWAY_CLIENT_H
#define KEYWAY_CLIENT_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "proxy/auth.h"
#include "proxy/database.h"
#include "proxy/pool.h"
#include "proxy/server.h"
#include "proxy/session.h"
#include "proxy/statement.h"
#include "proxy/stream.h"
#include "proxy/transaction.h"

struct run;
struct cursors;
struct portals;

enum client_state {
    CLIENT_STARTUP,        /* the first packet is awaited */
    CLIENT_AUTHENTICATING,
    CLIENT_IDLE,           /* ready for a request */
    CLIENT_BUSY,           /* a request is being carried out: no input is offered, unless COPY data flows */
    CLIENT_CLOSED,
};

enum client_wait { /* why an unread request waits */
    WAIT_NOTHING,
    WAIT_SERVER,   /* or to be let in before */
    WAIT_REPLIES,  /* to what it has sent without a Sync: then another shard is asked */
    WAIT_SETTINGS, /* its servers are being brought to its settings and transaction */
    WAIT_LOAD,  /* the database's catalog is being read */
    WAIT_PAUSE, /* PAUSE */
};

struct client {
    struct stream stream;
    struct client *next, **link; /* in the worker's list */
    struct client_list *list;    /* which of proxy/client_rest it is in */
    struct client *next_listed, *previous_listed;
    enum client_state state;
    enum client_wait waiting;
    bool console;                /* talks to the admin console */
    bool admin;                  /* … and may change things */
    bool skip_to_sync;           /* after an error in extended protocol */
    bool drop_sync;              /* the next Sync was already sent at the end of COPY data */
    bool half_closed;            /* it has stopped sending while its request was under way */
    bool leaving;                /* its Terminate, or its end, waits for the output before it to leave */
    bool admitted;               /* its transaction was let in, or counts as such (proxy/pool_admission) */
    bool open_batch;             /* messages were sent without Sync: the next ones belong to them … */
    int open_shard;              /* … and they went there */
    enum pool_mode mode;
    struct auth *auth;           /* while it logs in */
    char *user, *database_name;  /* its own until it has a group, then the group's and the database's */
    char *server_user;           /* its name at the home shard */
    struct database_view *view;
    struct pool_group *group;
    uint64_t state_serial;       /* of the database's state that `group` is known to fit */
    struct pool_wait pool_wait;
    struct error pool_error;     /* the failure a wait ended with */
    struct client *next_loading;
    uint64_t load_awaited;
    struct server *servers;      /* lent to it, through next_lent */
    struct session *session;
    struct transaction transaction;
    struct statement_names *names;
    struct portals *portals;
    struct cursors *cursors;
    struct run *run;             /* a request that takes several steps */
    size_t scanned;              /* bytes of the waiting batch known to hold no Sync */
    size_t passing;              /* bytes of a partly forwarded CopyData that are still to come */
    uint32_t cancel_pid, cancel_key;
    char host[48];               /* where it comes from */
    ev_tstamp connected_at, state_since, query_started, transaction_started;
    uint64_t id;
};

/* A new connection, on its worker. */
void client_open(struct worker *worker, int fd, const char *host);
/* The end: servers go back or are closed, the socket is closed.  With an error, the client is told first (FATAL). */
void client_close(struct client *client, const struct error *error, const char *reason);

/* Terminate: the end, as soon as all output has left.  Returns how many of `length` bytes were used up. */
size_t client_terminate(struct client *client, size_t length);

/* Send bytes; false when the client should not be fed for now. */
bool client_send(struct client *client, const void *bytes, size_t length);
struct buffer *client_output(struct client *client); /* for wire_…(); then client_wrote() */
bool client_wrote(struct client *client);

/* The request failed: ErrorResponse; in extended protocol everything up to Sync is skipped. */
void client_error(struct client *client, const struct error *error);

/* A lent server of this shard, or NULL. */
struct server *client_server(const struct client *client, int shard);
/* Give back every server that need not stay (pool mode, transaction, pins). */
void client_release_servers(struct client *client);
/* Take a lost server off the list. */
void client_forget_server(struct client *client, struct server *server);
/* Give one back now. */
void client_release_server(struct client *client, struct server *server);

/* It does not count any more among those that were let in, if it did. */
void client_leave_pools(struct client *client);

/* Wait for a new reading of the catalog: run_loaded() or another try follows. */
void client_await_load(struct client *client);
/* The console has greeted: requests follow. */
void client_logged_in(struct client *client);

/* Try the unread request again (it waited), at the end of this loop turn. */
void client_retry(struct client *client);

/* --- told by others ------------------------------------------------------------------------------------------ */

/* ReadyForQuery of a forwarded request went to the client. */
void client_reply_done(struct client *client, struct server *server);
/* All that a lent server was asked has been answered. */
void client_replies_done(struct client *client);
/* Its Parse of this statement failed, or was skipped after an error: the name does not exist. */
void client_parse_failed(struct client *client, uint64_t number);
/* A lent server is gone; if it was amid a forwarded frame the client cannot be saved. */
void client_server_lost(struct client *client, struct server *server, const struct error *error, bool in_frame);
/* A server that the client fed has room again. */
void client_server_drained(struct client *client);
/* A load ended: clients that waited for it try again. */
void client_loads_done(struct database_view *view);
/* Every tick. */
void client_tick(struct client *client, ev_tstamp now);

#endif
