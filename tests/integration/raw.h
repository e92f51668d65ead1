/*
 * raw: a client made of bytes, for what libpq would never send.
 */
#ifndef KEYWAY_TEST_RAW_H
#define KEYWAY_TEST_RAW_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/integration/fixture.h"

/* A startup packet for user app and database app, and its length. */
extern const char raw_startup[];
enum { RAW_STARTUP = 31 };

/* A connection on which nothing was sent yet. */
int raw_dial(const struct keyway *keyway);
/* One that has logged in and got ReadyForQuery. */
int raw_login(const struct keyway *keyway);
/* Send all of it; a peer that has hung up already is no failure. */
void raw_put(int fd, const void *bytes, size_t length);
/* Send a message: its type, its length, its body. */
void raw_message(int fd, char type, const void *body, size_t length);
void raw_query(int fd, const char *sql);
void raw_terminate(int fd);
/* Read until ReadyForQuery outside of a transaction, or the end; how many bytes came. */
size_t raw_answer(int fd, char *bytes, size_t size);
/* Read until the other side closes; false: it did not within the time. */
bool raw_closes(int fd, int timeout_ms);

#endif
