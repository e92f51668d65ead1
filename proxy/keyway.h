/*
 * keyway: the process — its workers, databases and settings, and how a reload replaces them.
 */
#ifndef KEYWAY_KEYWAY_H
#define KEYWAY_KEYWAY_H

#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "config/settings.h"
#include "proxy/database.h"
#include "proxy/worker.h"
#include "router/normalise.h"

struct client;
struct session_store;
struct statement_store;

struct client_list {
    struct client *first, *last;
};

/* Clients that a worker gives to another one as they come to rest (proxy/client_move). */
struct client_giving {
    struct worker *to;
    int count;
    double until; /* of its loop's time */
};

/* The proxy's part of a worker: everything here is touched by that worker's thread only. */
struct worker_state {
    struct worker *worker;
    struct settings *settings;   /* held: the snapshot in force */
    SSL_CTX *tls;                /* for clients; NULL when TLS is off */
    struct session_store *sessions;
    struct statement_store *statements;
    struct database_view *views;
    struct client *clients;      /* all of this worker */
    int client_count;
    struct client_list awake;    /* those that a tick looks at (proxy/client_rest) */
    struct client_list resting;  /* those with nothing under way */
    struct client_giving giving;
    uint64_t clients_came, clients_left; /* from and to other workers */
    struct normalised normalised; /* of the statement being looked at */
    struct ev_timer tick;
    bool draining;               /* SIGTERM: clients leave when their transaction ends */
    double draining_since;
};

static inline struct worker_state *worker_state(struct worker *worker)
{
    return worker->state;
}

enum { KEYWAY_MAX_WORKERS = 64 };

struct keyway {
    const char *config_file;
    struct worker *workers[KEYWAY_MAX_WORKERS];
    int worker_count;
    _Atomic int client_count;
    _Atomic bool shutting_down;
    pthread_mutex_t lock;      /* for what follows */
    struct settings *settings; /* held */
    struct database *databases;
    double started_at;         /* seconds since the epoch */
};

extern struct keyway keyway;

/* The database of that name, or NULL; from any thread. */
struct database *keyway_database(const char *name);
struct settings *keyway_settings(void); /* held */

/* Read the file again: all or nothing.  False with `error` (every mistake in its detail); from any thread but never quick: call it from a
 * helper thread. */
bool keyway_reload(struct error *error);

/* This worker's view of a database, made when first asked for. */
struct database_view *keyway_view(struct worker *worker, struct database *database);

/* Make run-time databases for those of the settings; mark the ones that are no longer there. */
void keyway_install_databases(const struct settings *settings);

/* A worker's tick: timeouts of clients and upkeep of pools; timer->data is the worker. */
void keyway_tick(struct ev_loop *loop, ev_timer *timer, int events);

/* Begin to stop: `drain` waits for transactions to end and clients to leave, otherwise at once. */
void keyway_shutdown(bool drain);
/* From a worker whose last client left while draining. */
void keyway_worker_drained(void);

#endif
