/*
 * session: a client's settings, tracked and replayed.
 *
 * What a client has SET is an immutable, shared value: clients with the same settings hold the same object, and a server remembers
 * which object it was brought to last.  Equal pointers mean nothing has to be done; otherwise session_difference() gives
 * the statements that lead from one to the other.
 */
#ifndef KEYWAY_SESSION_H
#define KEYWAY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/buffer.h"

struct session_setting {
    const char *name;  /* lower case */
    const char *value; /* as text for the proxy's own use; NULL when it is not a simple value */
    const char *sql;   /* the statement that sets it */
    bool startup;      /* from the startup packet: RESET returns to it */
};

struct session; /* immutable, one worker's, reference-counted; NULL is a session without settings */

struct session_store; /* the sessions of one worker, each kept once */
struct session_store *session_store_new(void);
void session_store_free(struct session_store *store);

struct session *session_hold(struct session *session);
void session_release(struct session_store *store, struct session *session);

/* Each takes over the caller's reference to `session` and returns one to the result. */
struct session *session_set(struct session_store *store, struct session *session, const char *name, const char *value,
                            const char *sql, bool startup);
struct session *session_reset(struct session_store *store, struct session *session, const char *name); /* NULL: all */

/* The value the client gave `name`, or NULL; *known is false when it set something that is not a simple value. */
const char *session_value(const struct session *session, const char *name, bool *known);

/* Append the statements that lead a server from one to the other, separated by semicolons. */
void session_difference(const struct session *from, const struct session *to, struct buffer *sql);

/* Append the statement that sets `name` to a value in the form of SHOW and of the startup packet: through set_config(), because
 * SET search_path = 'a, b' would name one schema. */
void session_set_statement(struct buffer *sql, const char *name, const char *value, bool local);

/* A session is one worker's; its settings can travel to another worker in between, when a server moves there. */
struct session_parcel;
struct session_parcel *session_pack(const struct session *session); /* NULL for NULL */
struct session *session_unpack(struct session_store *store, struct session_parcel *parcel); /* the parcel is gone */

/* The same number for sessions of this worker under which a statement's text means the same: those that differ in nothing but
 * application_name and its kind.  No others ever had it; 0 for NULL. */
uint64_t session_meaning(const struct session *session);
/* Such a number that no session will have. */
uint64_t session_store_meaning(struct session_store *store);
size_t session_count(const struct session *session);
const struct session_setting *session_at(const struct session *session, size_t i);

#endif
