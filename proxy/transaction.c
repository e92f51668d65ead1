/*
 * The replay text grows with each statement that a late joiner needs, separated by semicolons; a savepoint remembers how long it
 * was, so that ROLLBACK TO cuts it back.
 */
#include "proxy/transaction.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/arena.h"
#include "proxy/client.h"
#include "proxy/keyway.h"

struct savepoint {
    struct savepoint *next;
    char *name;
    size_t replay_length;    /* with its own SAVEPOINT statement */
    struct session *session, *local; /* held */
};

static struct session_store *sessions_of(const struct client *client)
{
    return worker_state(client->stream.worker)->sessions;
}

char transaction_status(const struct client *client)
{
    if (client->transaction.kind != TRANSACTION_EXPLICIT)
        return 'I';
    return client->transaction.failed ? 'E' : 'T';
}

static void append_replay(struct transaction *transaction, const char *sql, size_t length)
{
    size_t old = transaction->replay ? strlen(transaction->replay) : 0;
    transaction->replay = memory_resize(transaction->replay, old + length + 3);
    char *at = transaction->replay + old;
    if (old > 0) {
        memcpy(at, "\n;", 2); /* a new line first: the statement before may end in a comment */
        at += 2;
    }
    memcpy(at, sql, length);
    at[length] = '\0';
}

void transaction_remember(struct client *client, const char *name, const char *value, const char *sql, size_t length)
{
    struct transaction *transaction = &client->transaction;
    append_replay(transaction, sql, length);
    transaction->replay_may_fail = true;
    transaction->meaning = session_store_meaning(sessions_of(client));
    if (name)
        transaction->local = session_set(sessions_of(client), transaction->local, name, value, sql, false);
}

void transaction_forget_local(struct client *client, const char *name)
{
    struct transaction *transaction = &client->transaction;
    transaction->local = session_reset(sessions_of(client), transaction->local, name);
}

/* ---- READ ONLY ---- */

bool transaction_is_read_only_by_session(const struct client *client)
{
    static const char *const words[] = {"on", "true", "yes", "1"};
    bool known;
    const char *value = session_value(client->session, "default_transaction_read_only", &known);
    for (size_t i = 0; value && i < sizeof words / sizeof *words; i++)
        if (strcasecmp(value, words[i]) == 0)
            return true;
    return false;
}

void transaction_set_access(struct client *client, enum transaction_access access)
{
    struct transaction *transaction = &client->transaction;
    transaction->read_only = access == ACCESS_READ_ONLY;
    if (access == ACCESS_UNSAID && transaction->guard == GUARD_WANTED)
        transaction->guard = GUARD_NONE;
}

/* SET TRANSACTION may still change it, and must not meet a savepoint. */
static bool guard(struct transaction *transaction)
{
    if (transaction->setting)
        return false;
    transaction->guard = transaction->read_only ? GUARD_SET : GUARD_NONE;
    return transaction->read_only;
}

/* What stands in the replay behind BEGIN may be queries: behind them a transaction cannot become READ WRITE, nor inside of a savepoint. */
bool transaction_joins_home(struct client *client, const struct server *server)
{
    struct transaction *transaction = &client->transaction;
    if (client->group->shard_count == 1 || server_is_standby(server))
        return false;
    transaction->guard = strlen(transaction->replay) == transaction->begin_length ? GUARD_WANTED : GUARD_NONE;
    return guard(transaction);
}

bool transaction_asks_home(struct client *client)
{
    struct transaction *transaction = &client->transaction;
    if (transaction->guard != GUARD_WANTED)
        return false;
    transaction->read_only &= !transaction->had_savepoints;
    return guard(transaction);
}

bool transaction_can_lift_guard(const struct client *client)
{
    return client->transaction.guard == GUARD_SET && client->transaction.savepoints == 0;
}

/* ---- beginning, savepoints ---- */

void transaction_begin(struct client *client, enum transaction_kind kind, enum transaction_access access, const char *begin, size_t length)
{
    struct transaction *transaction = &client->transaction;
    transaction->kind = kind;
    transaction->read_only = access == ACCESS_READ_ONLY || (access == ACCESS_UNSAID && transaction_is_read_only_by_session(client));
    transaction->failed = transaction->changes_catalog = transaction->catalog_is_old = false;
    transaction->before = session_hold(client->session);
    client->transaction_started = ev_now(client->stream.worker->loop);
    append_replay(transaction, begin, length);
    transaction->begin_length = (unsigned) length;
}

void transaction_begin_implicit(struct client *client)
{
    static const char begin[] = "BEGIN";
    if (client->transaction.kind == TRANSACTION_NONE)
        transaction_begin(client, TRANSACTION_IMPLICIT, ACCESS_UNSAID, begin, sizeof begin - 1);
}

static void savepoint_drop(struct client *client)
{
    struct savepoint *savepoint = client->transaction.savepoint;
    client->transaction.savepoint = savepoint->next;
    client->transaction.savepoints--;
    session_release(sessions_of(client), savepoint->session);
    session_release(sessions_of(client), savepoint->local);
    free(savepoint->name);
    free(savepoint);
}

void transaction_savepoint(struct client *client, const char *name, const char *sql, size_t length)
{
    struct transaction *transaction = &client->transaction;
    struct savepoint *savepoint = memory_alloc(sizeof(*savepoint));
    append_replay(transaction, sql, length);
    savepoint->name = memory_strdup(name);
    savepoint->replay_length = strlen(transaction->replay);
    savepoint->session = session_hold(client->session);
    savepoint->local = session_hold(transaction->local);
    savepoint->next = transaction->savepoint;
    transaction->savepoint = savepoint;
    transaction->savepoints++;
    transaction->had_savepoints = true;
}

static struct savepoint *savepoint_find(const struct client *client, const char *name)
{
    struct savepoint *savepoint = client->transaction.savepoint;
    while (savepoint && strcmp(savepoint->name, name) != 0)
        savepoint = savepoint->next;
    return savepoint;
}

bool transaction_has_savepoint(const struct client *client, const char *name)
{
    return savepoint_find(client, name) != NULL;
}

void transaction_release_savepoint(struct client *client, const char *name)
{
    struct savepoint *released = savepoint_find(client, name);
    if (released == NULL)
        return;
    /* The SAVEPOINT statement stays in the replay: an unreleased savepoint of a late joiner does no harm. */
    while (client->transaction.savepoint != released)
        savepoint_drop(client);
    savepoint_drop(client);
}

bool transaction_rollback_to(struct client *client, const char *name)
{
    struct savepoint *kept = savepoint_find(client, name);
    if (kept == NULL)
        return false;
    while (client->transaction.savepoint != kept)
        savepoint_drop(client);
    client->transaction.replay[kept->replay_length] = '\0';
    client->transaction.failed = false;
    session_release(sessions_of(client), client->session);
    client->session = session_hold(kept->session);
    session_release(sessions_of(client), client->transaction.local);
    client->transaction.local = session_hold(kept->local);
    return true;
}

int transaction_participants(const struct client *client)
{
    int count = 0;
    for (const struct server *server = client->servers; server; server = server->next_lent)
        count += server->joined;
    return count;
}

int transaction_writers(const struct client *client)
{
    int count = 0;
    for (const struct server *server = client->servers; server; server = server->next_lent)
        count += server->joined && server->wrote;
    return count;
}

void transaction_over(struct client *client, bool committed)
{
    struct transaction *transaction = &client->transaction;
    struct session_store *sessions = sessions_of(client);
    if (transaction->kind == TRANSACTION_NONE)
        return;
    while (transaction->savepoint)
        savepoint_drop(client);
    struct session *after = committed ? client->session : transaction->before;
    session_hold(after);
    for (struct server *server = client->servers; server; server = server->next_lent)
        if (server->joined) {
            /* What was SET inside stays only if it committed: otherwise the server has what it joined with. */
            if (committed) {
                session_release(sessions, server->applied);
                server->applied = transaction->reset ? NULL : session_hold(after);
            }
            server->joined = server->wrote = server->ended = server->committed = false;
        }
    session_release(sessions, client->session);
    session_release(sessions, transaction->before);
    session_release(sessions, transaction->local);
    client->session = after;
    free(transaction->replay);
    *transaction = (struct transaction){0};
}
