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

#include "router/error.h"

struct client;
struct server;
struct session;

enum transaction_kind {
    TRANSACTION_NONE,
    TRANSACTION_EXPLICIT, /* after BEGIN */
    TRANSACTION_IMPLICIT, /* lasts as long as the request */
};

struct transaction {
    enum transaction_kind kind;
    bool failed;            /* aborted: only ROLLBACK is taken */
    bool changes_catalog;   /* DDL ran in it: the catalog is read again once it is committed */
    bool reset;             /* RESET ran in it: its servers have values of their own where the startup packet gave some */
    bool keeps_tables;      /* cursors read temporary tables on the home shard (proxy/gather) */
    bool catalog_is_old;    /* … on several shards: plans from the catalog as it was cannot be trusted until then */
    char *replay;           /* BEGIN, SAVEPOINT and SET LOCAL statements so far, for shards that join later */
    bool replay_may_fail;   /* … with such as a shard can refuse */
    struct session *local;  /* what SET LOCAL has set; held */
    uint64_t meaning;       /* what that makes of the session's meaning; 0 before the first */
    unsigned savepoints;
    struct savepoint *savepoint; /* innermost first */
    struct session *before; /* the settings to return to on ROLLBACK; held */
};

/* 'I', 'T' or 'E', for ReadyForQuery. */
char transaction_status(const struct client *client);

void transaction_begin(struct client *client, enum transaction_kind kind, const char *begin, size_t length);
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
