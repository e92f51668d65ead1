/*
 * watch: what clients are told, what the console shows and what the shards run, awaited.
 */
#ifndef KEYWAY_TEST_WATCH_H
#define KEYWAY_TEST_WATCH_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "tests/integration/fixture.h"

/* The process id of the backend that answers. */
int backend_of(PGconn *conn);

/* A column of SHOW POOLS, summed over users, shards and workers, reaches this value soon. */
void expect_pool(PGconn *console, const char *column, int value);
/* So many rows of SHOW SERVERS in this state, soon. */
void expect_servers(PGconn *console, const char *state, int count);
/* So many rows of SHOW SHARDS say this ("up", "down"), soon. */
void expect_shards(PGconn *console, const char *state, int count);
/* So many backends of Keyway's on a server soon, and so many that run a statement LIKE this. */
void expect_backends(int server, int count);
void expect_running(int server, const char *like, int count);
/* … are idle behind such a query. */
void expect_idle(int server, const char *like, int count);

/* What was sent has this one answer; nothing was answered yet; the answer is a number. */
void expect_next(PGconn *conn, const char *expected);
void expect_next_of_pipeline(PGconn *conn, const char *expected);
void expect_number(PGconn *conn, int number);
bool answers_nothing_yet(PGconn *conn);
/* A NOTIFY arrives, without anything being asked. */
void expect_notification(PGconn *conn, const char *channel, const char *payload);

/* The connection ends, or has ended, with this FATAL error, of which the message is a part. */
void expect_last_words(PGconn *conn, const char *sqlstate, const char *message);
/* The first answer to a startup packet is this error; the same for somebody who sends nothing at all. */
void expect_first_error(const struct keyway *keyway, const char *sqlstate, const char *message);
void expect_silent_client_told(const struct keyway *keyway, const char *sqlstate, const char *message);

/* Nobody can read or write a server's users until this connection ends. */
PGconn *lock_users(int server);

/* The postmaster of a server stands still: it accepts no logins and refuses none, its backends go on. */
void freeze_postmaster(int server);
void thaw_postmaster(void);

#endif
