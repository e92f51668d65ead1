/*
 * values: plain setting values read from text: numbers, durations, sizes, yes and no, one word of a list.
 *
 * Each reader takes the whole text or refuses it; none accepts a part, a sign it has no use for, or an
 * overflow.
 */
#ifndef KEYWAY_VALUES_H
#define KEYWAY_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"

bool value_integer(const char *text, int64_t *value); /* decimal digits, at most INT64_MAX */
bool value_duration(const char *text,
                    double *seconds);              /* 500ms, 30s, 5min, 1h, 1d; bare numbers are seconds */
bool value_size(const char *text, int64_t *bytes); /* 16kB, 4MB, 1GB; bare numbers are bytes */
bool value_boolean(const char *text, bool *value); /* yes, no, on, off, true, false, 1, 0 */
int value_choice(const char *text, const char *const *choices); /* index, or -1; choices end with NULL */

/* Free text, which may be quoted: a whole text in '…' (or "…", where `quotes` has it) loses its quotes,
 * doubled ones inside become one.  Anything else is taken as it stands. */
const char *value_text(struct arena *arena, const char *text, const char *quotes);

/* "a, b or c" for messages; names end with NULL. */
const char *value_names(struct arena *arena, const char *const *names, const char *last_joint);

#endif
