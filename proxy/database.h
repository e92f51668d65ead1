/*
 * database: one configured database at run time.
 *
 * What its shards told of themselves (catalog, parameters for the login greeting) is one immutable state, made by a helper thread and
 * replaced as a whole; each worker looks at it through a view of its own, so that no statement takes a lock.
 */
#ifndef KEYWAY_DATABASE_H
#define KEYWAY_DATABASE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "proxy/worker.h"
#include "router/error.h"
#include "router/plan_cache.h"
#include "router/routing.h"

struct client;

struct database_parameter { /* a ParameterStatus of the home shard */
    const char *name, *value;
};

/* Immutable, reference-counted. */
struct database_state {
    _Atomic unsigned references;
    uint64_t serial;                          /* of another state: another number */
    struct arena arena;
    struct settings *snapshot;                /* held */
    const struct database_settings *settings; /* of the snapshot */
    struct routing *routing;                  /* held; NULL for a database that needs no parsing */
    struct database_parameter *parameters;
    int parameter_count;
    const char *home_user;   /* the one that the home shard's conninfo names, or NULL */
    const char *search_path; /* the default one, as SHOW gives it */
    const char *encoding;    /* server_encoding */
    bool iso_dates;          /* the default DateStyle is ISO */
    bool rounded_floats, escaped_bytes; /* … extra_float_digits is less than 1, … bytea_output is not hex */
    const char **shard_versions; /* server_version per shard, NULL where it could not be reached; for SHOW SHARDS */
    const char **shard_errors;   /* why it could not be reached, or NULL */
};

/* X-macro of the counters of SHOW STATS. */
#define DATABASE_COUNTERS(X)                                                                                     \
    X(xact_count)                                                                                                \
    X(query_count)                                                                                               \
    X(received)                                                                                                  \
    X(sent)                                                                                                      \
    X(xact_time)                                                                                                 \
    X(query_time)                                                                                                \
    X(wait_time)                                                                                                 \
    X(single_count)                                                                                              \
    X(multi_count)                                                                                               \
    X(refused_count)

struct database_counters { /* times are microseconds, received and sent are bytes of clients that have left */
#define X(name) uint64_t name;
    DATABASE_COUNTERS(X)
#undef X
};

struct database {
    struct database *next;
    char *name;
    _Atomic bool paused;
    _Atomic bool removed;         /* no longer in the configuration */
    pthread_mutex_t lock;         /* for what follows */
    struct database_state *state; /* NULL until the first load succeeded */
    uint64_t load_wanted;         /* number of the newest load asked for */
    uint64_t load_done;           /* … finished, with or without success */
    bool loading;
    struct settings *load_settings; /* what the next load is made with; held */
    struct error load_error;      /* of the last load, if it failed */
    struct pool_group *groups;
};

/* A worker's view of a database. */
struct database_view {
    struct database_view *next;
    struct database *database;
    struct database_state *state; /* held; NULL until loaded */
    uint64_t load_seen;           /* load_done when the view was last brought up to date */
    struct error load_error;
    struct plan_cache *plans;     /* NULL for a database that needs no parsing */
    struct database_counters counters;
    struct client *loading;       /* clients that wait for a load, linked through client->next_loading */
};

struct database *database_new(const char *name);

/*
 * Ask for a (new) load with these settings; from any thread.  Returns the load's number: it is finished when a view's load_seen reaches
 * it.  Each worker's view is brought up to date by a message.
 */
uint64_t database_load(struct database *database, struct settings *settings);

/* Load now, on this thread (at start and for a reload): false with `error` if the home shard cannot be read. */
bool database_load_now(struct database *database, struct settings *settings, struct error *error);

/* Bring a view up to date with its database's newest load; on the view's worker. */
void database_view_update(struct database_view *view);
/* The same, and whoever waits for it goes on. */
void database_view_renew(struct worker *worker, struct database_view *view);

struct database_state *database_state_hold(struct database_state *state);
void database_state_release(struct database_state *state);
/* The present state, held; NULL if none. */
struct database_state *database_state_now(struct database *database);

#endif
