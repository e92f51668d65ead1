/*
 * run_statement: one statement of a run, by what it means to the session.
 */
#ifndef KEYWAY_RUN_STATEMENT_H
#define KEYWAY_RUN_STATEMENT_H

#include "proxy/portal.h"
#include "proxy/query.h"
#include "proxy/run.h"

enum run_step run_query(struct run *run, const struct run_item *item);
enum run_step run_execute_portal(struct run *run, struct portal *portal, int32_t limit);
/* Carry out a statement with what this Bind message's body says; run->limit tells whether it stops at the limit of rows. */
enum run_step run_bound(struct run *run, struct statement *statement, const uint8_t *bind, size_t length, bool described, int32_t limit);
enum run_step run_describe_statement(struct run *run, struct statement *statement);
/* Its fan-out succeeded: what it changed in the session holds now. */
void run_statement_done(struct run *run);

void run_aborted_error(struct error *error); /* 25P02 */
/* What may still run in an aborted transaction. */
bool run_allowed_when_failed(enum statement_kind statement);

/* The server keeps what the statement makes, beyond the transaction. */
void run_pin(struct server *server, const struct plan *plan);

struct execution;
/* A server of the shard, brought to the client's settings: STEP_DONE if it is there. */
enum run_step run_lend(struct run *run, int shard, struct server **server);
/* Servers of all these shards, lent one after the other, in shard order; brought to the client's settings all at the same time. */
enum lend_answer run_lend_all(struct client *client, const struct shard_set *shards, struct error *error);

/* In run.c. */
enum run_step run_fail(struct run *run, struct error *error); /* sends and clears it; STEP_FAILED */
void run_end_transaction(struct run *run, enum run_ending ending, const char *tag);

#endif
