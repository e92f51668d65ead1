/*
 * console: looking things up in what the admin console shows.
 */
#ifndef KEYWAY_TEST_CONSOLE_H
#define KEYWAY_TEST_CONSOLE_H

#include "tests/integration/fixture.h"

/*
 * The value in `column` of the one row of a SHOW command where column `key` has this value (NULL: of its only
 * row); malloc'ed, NULL when there is no such row.
 */
char *shown(PGconn *console, const char *command, const char *key, const char *value, const char *column);
/* How many rows have this value there. */
int count_shown(PGconn *console, const char *command, const char *key, const char *value);

#define EXPECT_SHOWN(console, command, key, value, column, expected)                                         \
    expect_shown_at(__FILE__, __LINE__, console, command, key, value, column, expected)
void expect_shown_at(const char *file, int line, PGconn *console, const char *command, const char *key,
                     const char *value, const char *column, const char *expected);

/* Wait until so many rows have this value there, or fail. */
#define AWAIT_SHOWN(console, command, key, value, count)                                                     \
    await_shown_at(__FILE__, __LINE__, console, command, key, value, count)
void await_shown_at(const char *file, int line, PGconn *console, const char *command, const char *key,
                    const char *value, int count);

#endif
