/*
 * fixture: a running Keyway with tables behind it, and short words to ask and to compare.
 *
 * A test starts a Keyway over one, three or seven shards, asks, and stops it; stopping checks that it ended
 * by itself without an error, so a crash or a sanitizer's finding fails the test that caused it.
 */
#ifndef KEYWAY_TEST_FIXTURE_H
#define KEYWAY_TEST_FIXTURE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "tests/integration/cluster.h"

struct keyway {
    pid_t pid;
    int port;
    int shards;
    char file[400]; /* the configuration */
    char log[400];
};

/* What differs from the standard configuration; lines are INI lines with their newline, NULL: none. */
struct keyway_setup {
    int shards;           /* 1, 3 or 7; 0 means 3 */
    const char *settings; /* more lines of [keyway]; replaces auth_method = trust if it names one */
    const char *database; /* more lines of [database app] */
    const char *conninfo; /* more of every shard's conninfo; "user=…" replaces user=app */
    const char *sections; /* more sections */
    bool plain;           /* a database `app` without keyspaces and tables: pass-through over one shard */
    bool keep_tables;     /* do not make the tables anew */
};

/* Make the standard tables anew on the shards, empty; start Keyway, wait until it accepts. */
void keyway_start(struct keyway *keyway, const struct keyway_setup *setup);
/* Rewrite the configuration file only. */
void keyway_configure(struct keyway *keyway, const struct keyway_setup *setup);
/* SIGINT, wait, and check that it exited with 0. */
void keyway_stop(struct keyway *keyway);
/* Wait for it to end by itself; its exit status, -1 if it did not within the time. */
int keyway_wait(struct keyway *keyway, int timeout_ms);
long keyway_rss_kb(const struct keyway *keyway);
double keyway_cpu_seconds(const struct keyway *keyway);
bool keyway_log_contains(const struct keyway *keyway, const char *text);
bool sanitized(void); /* memory and time of the server say nothing */

/* A connection, which must succeed; `more` is added to the conninfo (NULL: nothing). */
PGconn *connect_keyway(const struct keyway *keyway, const char *more);
PGconn *connect_console(const struct keyway *keyway);
PGconn *connect_server(int server);
/* One that may fail. */
PGconn *try_connect(const struct keyway *keyway, const char *conninfo);

/*
 * The answer of a statement as text: rows as "a|b", one a line, NULL as "~"; a command without rows as its
 * tag; an error as "ERROR sqlstate: message".  Several statements' answers follow each other, a line each.
 * malloc'ed.
 */
char *ask(PGconn *conn, const char *sql);
char *ask_params(PGconn *conn, const char *sql, int count, const char *const *values);
char *result_text(const PGresult *result);
/* The next result within the time; NULL with *timed_out when it did not come. */
PGresult *next_result(PGconn *conn, int timeout_ms, bool *timed_out);

/* Check an answer: EXPECT the whole text, EXPECT_ERROR its SQLSTATE, EXPECT_LIKE a part of it. */
void expect_at(const char *file, int line, PGconn *conn, const char *sql, const char *expected);
void expect_error_at(const char *file, int line, PGconn *conn, const char *sql, const char *sqlstate);
void expect_like_at(const char *file, int line, PGconn *conn, const char *sql, const char *part);
void expect_refused_at(const char *file, int line, PGconn *conn, const char *sql);
#define EXPECT(conn, sql, expected)       expect_at(__FILE__, __LINE__, conn, sql, expected)
#define EXPECT_ERROR(conn, sql, sqlstate) expect_error_at(__FILE__, __LINE__, conn, sql, sqlstate)
#define EXPECT_LIKE(conn, sql, part)      expect_like_at(__FILE__, __LINE__, conn, sql, part)
/* 0A000 with DETAIL and HINT. */
#define EXPECT_REFUSED(conn, sql) expect_refused_at(__FILE__, __LINE__, conn, sql)

/* What a statement answers on one server, asked directly. */
#define EXPECT_ON(server, sql, expected) expect_on_at(__FILE__, __LINE__, server, sql, expected)
void expect_on_at(const char *file, int line, int server, const char *sql, const char *expected);

/* Each of these statements, up to a NULL, must be answered alike on both connections. */
#define EXPECT_SAME(conn, oracle, ...) expect_same_at(__FILE__, __LINE__, conn, oracle, (const char *const[]){__VA_ARGS__, NULL})
void expect_same_at(const char *file, int line, PGconn *conn, PGconn *oracle, const char *const *statements);

/* Wait until a statement's answer is the expected one, or fail after the time. */
#define EXPECT_SOON(conn, sql, expected, timeout_ms)                                                         \
    expect_soon_at(__FILE__, __LINE__, conn, sql, expected, timeout_ms)
void expect_soon_at(const char *file, int line, PGconn *conn, const char *sql, const char *expected,
                    int timeout_ms);

/* Fill the tables of the first `shards` shards and of the oracle with the same `users` users, their posts and
 * follows: each row on its shard. */
void load_tables(int shards, int users);

#endif
