/*
 * moment: what a statement says of its transaction's clock, written as a constant.
 *
 * now() is the moment at which a transaction began, and each shard begins its part at another one.  So the shard that a transaction's first such
 * statement goes to tells its own (proxy/moment), and where others are asked after that, the statement gets a text in which that moment
 * stands in the place of now(), current_timestamp, current_date and their like, and of column defaults that call them.
 */
#ifndef KEYWAY_MOMENT_H
#define KEYWAY_MOMENT_H

#include "router/planning.h"

/* How the statement, whose tree is as it was parsed, reads that clock where moment_write() can see it. */
enum clock_reading moment_reading(const struct planning *planning, Node *statement);

/*
 * The text with the moment, which is a timestamp in UTC ("2026-11-30 20:16:50.123456"), in `arena`.  NULL: it is left as it is, as nothing in it
 * reads the clock, or the rows of an INSERT cannot be told apart in it.
 */
const char *moment_write(const struct routing *routing, const struct session_facts *facts, const char *sql, size_t length, const char *moment,
                         struct arena *arena);

#endif
