/*
 * pass_through: statements of a database without sharded tables that need not be parsed.
 *
 * There the router has nothing to decide; only what changes the session (SET, BEGIN, temporary tables,
 * advisory locks, …) must be understood.  What cannot do so, judged by its first word and by the absence of a
 * few others, goes to the server unread.
 */
#ifndef KEYWAY_PASS_THROUGH_H
#define KEYWAY_PASS_THROUGH_H

#include <stdbool.h>
#include <stddef.h>

#include "router/routing.h"

/* `sql` is NUL-terminated at `length`.  False is always safe: the statement is then parsed. */
bool passes_through(const struct routing *routing, const char *sql, size_t length);

#endif
