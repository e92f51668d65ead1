/*
 * settings: the configuration file, read, checked and frozen.
 *
 * A snapshot is immutable and shared by all threads through a reference count; a reload makes a new one and
 * the old one goes when its last user lets go.  Nothing here knows what a key value is: bounds stay text,
 * with their line, and router/keyspace judges them into the same diagnostics.
 */
#ifndef KEYWAY_SETTINGS_H
#define KEYWAY_SETTINGS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/diagnostics.h"

enum { SETTINGS_MAX_SHARDS = 256 }; /* shards of one database; struct shard_set is sized by it */

enum pool_mode { POOL_SESSION, POOL_TRANSACTION, POOL_STATEMENT };
enum auth_method { AUTH_TRUST, AUTH_PASSWORD, AUTH_MD5, AUTH_SCRAM_SHA_256, AUTH_CERT };
enum tls_mode { TLS_OFF, TLS_ALLOW, TLS_PREFER, TLS_REQUIRE, TLS_VERIFY_CA, TLS_VERIFY_FULL };
/* Sums of floating-point numbers of several shards: their last digits depend on the order of adding. */
enum float_sums { FLOAT_SUMS_REFUSE, FLOAT_SUMS_ANY_ORDER };
enum commit_mode { COMMIT_REFUSE, COMMIT_BEST_EFFORT };
enum io_mode { IO_AUTO, IO_EPOLL, IO_URING };
enum keyspace_method { METHOD_RANGE, METHOD_HASH, METHOD_LIST };

/*
 * The settings of [keyway] that are plain values: one table from which the struct, the parser, SHOW CONFIG and
 * the README's table are made.  X(type, name, default as text, unit or choices, what it does).
 * Types: INTEGER (int64_t), DURATION (seconds, double; 0 = off; accepts 500ms, 30s, 5min, 1h, 1d, bare numbers
 * are seconds), SIZE (bytes, int64_t; accepts kB, MB, GB), TEXT (const char *, NULL when empty), BOOLEAN.
 */
#define SETTINGS_TABLE(X)                                                                                        \
    X(TEXT, listen, "127.0.0.1:6432", "addresses", "where clients connect: host:port, comma-separated")          \
    X(TEXT, unix_socket_dir, "", "directory", "also listen on DIR/.s.PGSQL.PORT")                                \
    X(INTEGER, workers, "auto", "threads", "event loops; auto is one per CPU")                                   \
    X(INTEGER, worker_load, "60", "percent", "a worker that is busier gives clients to others; 0: they stay")    \
    X(TEXT, admin_users, "", "names", "who may use the console, comma-separated")                                \
    X(TEXT, stats_users, "", "names", "who may only look at the console, comma-separated")                       \
    X(TEXT, auth_file, "", "file", "clients' names and passwords or SCRAM secrets")                              \
    X(TEXT, log_file, "", "file", "where to log; standard error when empty")                                     \
    X(BOOLEAN, log_connections, "yes", "yes | no", "log each client that logs in")                               \
    X(BOOLEAN, log_disconnections, "yes", "yes | no", "log each client that leaves, with the reason")            \
    X(TEXT, pid_file, "", "file", "written at start, removed at stop")                                           \
    X(INTEGER, max_client_conn, "10000", "clients", "more are turned away with 53300")                           \
    X(INTEGER, pool_size, "20", "connections", "per shard and user, over all workers")                           \
    X(INTEGER, min_pool_size, "0", "connections", "kept open per shard and user once it was used")               \
    X(INTEGER, reserve_pool_size, "0", "connections", "more than pool_size for clients that wait too long")      \
    X(DURATION, reserve_pool_timeout, "5", "seconds", "how long is too long")                                    \
    X(DURATION, query_timeout, "0", "seconds", "a statement that runs longer is cancelled; 0 never")             \
    X(DURATION, query_wait_timeout, "120", "seconds", "a client that waits longer for a server gets an error")   \
    X(DURATION, idle_transaction_timeout, "0", "seconds", "a transaction idle for longer ends the client")       \
    X(DURATION, client_idle_timeout, "0", "seconds", "a client idle for longer is disconnected")                 \
    X(DURATION, client_login_timeout, "60", "seconds", "a client that takes longer to log in is disconnected")   \
    X(DURATION, server_connect_timeout, "15", "seconds", "a login at a shard that takes longer has failed")      \
    X(DURATION, server_login_retry, "15", "seconds", "how long to wait after a failed login at a shard")         \
    X(DURATION, server_idle_timeout, "600", "seconds", "a server idle for longer is closed")                     \
    X(DURATION, server_lifetime, "3600", "seconds", "a server older than this is closed when next idle")         \
    X(TEXT, server_reset_query, "DISCARD ALL", "SQL", "run when a session-mode client leaves its server")        \
    X(DURATION, tcp_keepalive_idle, "60", "seconds", "idle time before keep-alive probes")                       \
    X(SIZE, max_packet_size, "1GB", "bytes", "a longer message is a protocol error")                             \
    X(SIZE, gather_max_bytes, "1GB", "bytes", "a query that gathers more rows than this ends with an error")      \
    X(INTEGER, plan_cache_size, "10000", "plans", "cached plans per worker and database")                        \
    X(TEXT, client_tls_cert_file, "", "file", "the certificate shown to clients")                                \
    X(TEXT, client_tls_key_file, "", "file", "its private key")                                                  \
    X(TEXT, client_tls_ca_file, "", "file", "authorities whose client certificates are trusted")                 \
    X(DURATION, shutdown_timeout, "0", "seconds", "how long SIGTERM waits for clients; 0 as long as it takes")

#define SETTINGS_INTEGER(name)  int64_t name;
#define SETTINGS_SIZE(name)     int64_t name;
#define SETTINGS_DURATION(name) double name;
#define SETTINGS_BOOLEAN(name)  bool name;
#define SETTINGS_TEXT(name)     const char *name;
#define SETTINGS_FIELD(type, name, standard, unit, what) SETTINGS_##type(name)

struct shard_settings {
    const char *name;
    const char *conninfo; /* libpq keyword/value string, checked with PQconninfoParse */
    int line;
};

struct user_settings { /* a [user NAME] section and/or a line of auth_file */
    const char *name;
    const char *secret;          /* from auth_file: plain password, md5…, or SCRAM-SHA-256$…; NULL if none */
    bool has_pool_mode, has_pool_size;
    enum pool_mode pool_mode;
    int64_t pool_size;
    int64_t max_user_connections; /* 0 = no limit */
    const char *server_user;     /* name at the shards (key `user`), NULL: see shard conninfo, then client's own */
    const char *server_password; /* (key `password`) */
    int line;
};

struct range_settings { /* one `range = SHARD [LO, HI)` line; of a hash keyspace the bounds are slots */
    int shard;           /* index into database->shards */
    const char *lower;   /* text; NULL is -infinity */
    const char *upper;   /* text; NULL is +infinity */
    int line;
};

struct list_settings { /* one `list = SHARD (V, V, …)` line */
    int shard;
    const char **values; /* a NULL entry stands for the key NULL, never allowed: reported */
    size_t value_count;
    int line;
};

struct keyspace_settings {
    const char *name;       /* without the database */
    const char *type;       /* as written: text, bigint, … ; several types comma-separated for multi-column keys */
    enum keyspace_method method;
    int slots;              /* hash: number of slots, default 1024 */
    bool allow_gaps;        /* range: `gaps = yes` */
    int *shards;            /* hash without ranges: indices into database->shards, in order */
    size_t shard_count;
    struct range_settings *ranges;
    size_t range_count;
    struct list_settings *lists;
    size_t list_count;
    int line;
};

struct table_settings {
    const char *schema;  /* "public" unless said */
    const char *name;
    bool reference;
    int keyspace;        /* index into database->keyspaces; -1 for a reference table */
    const char **key;    /* column names */
    size_t key_count;
    bool local_triggers; /* `triggers = local`: the table's triggers touch nothing outside the row's own shard */
    int line;
};

struct database_settings {
    const char *name;
    int *shards; /* indices into settings->shards; position in this array is the database's shard number */
    size_t shard_count;
    bool has_workspace; /* the first one has no keys */
    enum pool_mode pool_mode;
    int64_t pool_size, min_pool_size, reserve_pool_size;
    enum commit_mode multi_shard_commit;
    enum float_sums float_sums;
    const char *dbname;  /* NULL: the shard's conninfo says */
    struct keyspace_settings *keyspaces;
    size_t keyspace_count;
    struct table_settings *tables;
    size_t table_count;
    int line;
};

struct listen_address {
    const char *host; /* NULL or "*" is every address */
    const char *port;
};

struct settings {
    _Atomic unsigned references;
    struct arena arena;
    const char *file; /* as given on the command line */
    SETTINGS_TABLE(SETTINGS_FIELD)
    enum auth_method auth_method;
    enum tls_mode client_tls_sslmode;
    enum pool_mode pool_mode;          /* default for databases: transaction */
    enum io_mode io;
    struct listen_address *addresses;  /* `listen`, taken apart */
    size_t address_count;
    struct shard_settings *shards;
    size_t shard_count;
    struct database_settings *databases;
    size_t database_count;
    struct user_settings *users;
    size_t user_count;
};

/*
 * Read and check FILE.  All mistakes go to `diagnostics`; the result is NULL if there was any.  Relative
 * file names inside (auth_file, TLS files) are taken relative to FILE's folder.  The caller owns one reference.
 */
struct settings *settings_load(const char *file, struct diagnostics *diagnostics);
struct settings *settings_hold(struct settings *settings);
void settings_release(struct settings *settings); /* NULL is fine */
/* A copy with what it takes to log a user in at a database's shards, and no more: no keyspaces, no tables, nobody else.  The database is its
 * only one.  The caller owns one reference. */
struct settings *settings_for_logins(const struct settings *settings, const struct database_settings *database, const char *user);

/* NULL when there is none of that name. */
const struct database_settings *settings_database(const struct settings *settings, const char *name);
const struct user_settings *settings_user(const struct settings *settings, const char *name);
bool settings_is_admin(const struct settings *settings, const char *user);
bool settings_is_stats(const struct settings *settings, const char *user); /* admins are, too */

/* SHOW CONFIG: the i-th plain setting as text in `arena`; false past the end. */
struct setting_row {
    const char *key, *value, *standard, *unit, *what;
};
bool settings_row(const struct settings *settings, size_t i, struct arena *arena, struct setting_row *row);

const char *pool_mode_name(enum pool_mode mode);
const char *auth_method_name(enum auth_method method);
const char *tls_mode_name(enum tls_mode mode);
const char *io_mode_name(enum io_mode mode);
const char *commit_mode_name(enum commit_mode mode);

#endif
