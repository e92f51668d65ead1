/*
 * transaction: which shards a client's transaction has touched, and how it ends on all of them.
 *
 * BEGIN is answered by the proxy; each shard gets it with the first statement it runs, together with the savepoints and
 * transaction-local settings made so far.  An implicit transaction (several statements in one Query, several Executes before Sync,
 * a write to several shards) is the same without the client's BEGIN.
 */
#ifndef KEYWAY_TRANSACTION_H
#define KEYWAY_TRANSACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/plan.h"

struct client;
struct server;
struct session;

enum transaction_kind {
    TRANSACTION_NONE,
    TRANSACTION_EXPLICIT, /* after BEGIN */
    TRANSACTION_IMPLICIT, /* lasts as long as the request */
};

/*
 * A READ ONLY transaction may not make temporary tables, which a gathered query may need.  So its part on the home shard is READ WRITE, and READ ONLY
 * inside of a savepoint that Keyway makes before the first query: it is released for as long as tables are made and filled (proxy/gather_tables.c).
 */
enum transaction_guard {
    GUARD_NONE,
    GUARD_WANTED, /* the home shard has joined, but no query has run there: SET at most */
    GUARD_SET,    /* the savepoint is there */
};
#define GUARD_FIRST "SET TRANSACTION READ WRITE; " GUARD_BEGIN
#define GUARD_BEGIN "SAVEPOINT keyway_read_only; SET TRANSACTION READ ONLY"
#define GUARD_END   "RELEASE SAVEPOINT keyway_read_only"

struct transaction {
    enum transaction_kind kind;
    enum transaction_guard guard;
    bool failed;            /* aborted: only ROLLBACK is taken */
    bool deadlocked;        /* … by others who wait for its servers */
    bool changes_catalog;   /* DDL ran in it: the catalog is read again once it is committed */
    bool reset;             /* RESET ran in it: its servers have values of their own where the startup packet gave some */
    bool keeps_tables;      /* cursors read temporary tables on the home shard (proxy/gather) */
    bool catalog_is_old;    /* … on several shards: plans from the catalog as it was cannot be trusted until then … */
    bool redefined;         /* … not even those of tables of the home shard */
    bool read_only;         /* as BEGIN, SET TRANSACTION or the session said; else that is not known */
    bool setting;           /* it is SET that the home shard is wanted for */
    bool had_savepoints;
    bool has_clock;         /* a statement has read its clock: that of the part on … */
    int clock_shard;        /* … this shard, which began at … */
    char moment[32];        /* … this moment, in UTC; empty: nobody has asked yet (proxy/moment.h) */
    bool replay_may_fail;   /* shards can refuse what is in `replay` */
    unsigned savepoints;
    unsigned begin_length;  /* of BEGIN in the replay */
    char *replay;           /* BEGIN, SAVEPOINT and SET LOCAL statements so far, for shards that join later */
    struct session *local;  /* what SET LOCAL has set; held */
    uint64_t meaning;       /* what that makes of the session's meaning; 0 before the first */
    struct savepoint *savepoint; /* innermost first */
    struct session *before; /* the settings to return to on ROLLBACK; held */
};

/* 'I', 'T' or 'E', for ReadyForQuery. */
char transaction_status(const struct client *client);

/* `access` is what BEGIN says of it. */
void transaction_begin(struct client *client, enum transaction_kind kind, enum transaction_access access, const char *begin, size_t length);
/* Several statements are one transaction; nothing happens if there is one. */
void transaction_begin_implicit(struct client *client);
/* SET TRANSACTION has said it; ACCESS_UNSAID: the setting was set in another way. */
void transaction_set_access(struct client *client, enum transaction_access access);
/* Has the session said that its transactions are READ ONLY? */
bool transaction_is_read_only_by_session(const struct client *client);
/* The home shard's server gets BEGIN, and is then asked again: true if it is to get GUARD_FIRST now. */
bool transaction_joins_home(struct client *client, const struct server *server);
bool transaction_asks_home(struct client *client);
/* Can temporary tables be made behind GUARD_END? */
bool transaction_can_lift_guard(const struct client *client);
/* A statement all present and future participants run: SET LOCAL and the like.  `name` is the setting, NULL if it is none, `value` its value as in
 * session_set(). */
void transaction_remember(struct client *client, const char *name, const char *value, const char *sql, size_t length);
/* The setting was SET for the session: what SET LOCAL said before no longer holds.  NULL: all. */
void transaction_forget_local(struct client *client, const char *name);
void transaction_savepoint(struct client *client, const char *name, const char *sql, size_t length);
void transaction_release_savepoint(struct client *client, const char *name);
/* false: no such savepoint.  What was replayable after it is forgotten; the settings return to what they were. */
bool transaction_rollback_to(struct client *client, const char *name);
bool transaction_has_savepoint(const struct client *client, const char *name);

/* Shards that take part, and those that may have changed data. */
int transaction_participants(const struct client *client);
int transaction_writers(const struct client *client);

/* It has ended on all shards: forget it; `committed` says whether settings stay as they are. */
void transaction_over(struct client *client, bool committed);

#endif
