/*
 * iso_time: dates and timestamps in the one form that means the same everywhere.
 *
 * What PostgreSQL writes under DateStyle ISO, and reads alike under every DateStyle (15, section 8.5):
 * YYYY-MM-DD, with a time behind a blank or a T, an offset from UTC, BC, or infinity.
 */
#ifndef KEYWAY_ISO_TIME_H
#define KEYWAY_ISO_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum iso_shape {
    ISO_DATE,      /* days since 2000-01-01 */
    ISO_TIMESTAMP, /* microseconds since then; the time of day may be missing (midnight), an offset may not be
                      there */
    ISO_TIMESTAMPTZ, /* microseconds since then, UTC; the offset must be there */
};

/* False if the text is anything else, or beyond what PostgreSQL can store. */
bool iso_time_read(enum iso_shape shape, const char *text, size_t length, int64_t *value);

#endif
