/*
 * query: a client's requests, one after the other.
 *
 * A Query, or a batch of extended-protocol messages up to Sync or Flush, is looked at as a whole before anything is sent.  If all of it
 * belongs to one shard it is forwarded there, and the reply comes back as bytes; otherwise it becomes a run.
 */
#ifndef KEYWAY_QUERY_H
#define KEYWAY_QUERY_H

#include "proxy/client.h"
#include "router/plan.h"

/* Bytes from a client that has logged in; returns how many were used up. */
size_t query_input(struct client *client, const uint8_t *bytes, size_t length);
void query_reply_done(struct client *client, struct server *server);
void query_server_lost(struct client *client, const struct error *error);
/* What a request waited for has come, or its wait was ended with an error: it goes on. */
void query_resume(struct client *client);
/* The request is over: servers go back, the next request is looked at.  ReadyForQuery has been sent. */
void query_over(struct client *client);

/* --- for proxy/run as well ------------------------------------------------------------------------------------ */

enum lend_answer { LEND_DONE, LEND_WAIT, LEND_FAILED };
/* A server of this shard for the client, with the client's settings and in its transaction. */
enum lend_answer query_lend(struct client *client, int shard, struct server **server, struct error *error);

/* What planning depends on. */
struct session_facts query_facts(const struct client *client);

/* The statement of this text under the client's settings, held. */
struct statement *query_intern(struct client *client, const char *sql, size_t length, const uint32_t *types, int count);
/* The statement that the client calls so, or NULL; when its settings have changed since, the same under these. */
struct statement *query_statement(struct client *client, const char *name);

/* The plan of a prepared statement, from the statement or made now; borrowed.  NULL: `error`. */
struct plan *query_statement_plan(struct client *client, struct statement *statement, struct error *error);

/* Make sure the server has the statement; returns the name to use there in `name`. */
void query_prepare(struct server *server, struct statement *statement, bool named, struct reply_sink *sink,
                   char name[STATEMENT_NAME_SIZE]);

/* A Bind message taken apart; false: malformed.  The values borrow from the body. */
struct bind_message {
    const char *portal, *statement;
    const uint8_t *rest; /* behind the two names */
    size_t rest_length;
    struct bind_values values;
    const uint8_t *result_formats; /* the count and the codes, to the end of the message */
    size_t result_formats_length;
};
bool query_read_bind(const uint8_t *body, size_t length, const struct statement *statement, struct arena *arena,
                     struct bind_message *bind);

/* Statements that a server can run without the session having to act. */
bool query_is_plain(const struct plan *plan);

#endif
