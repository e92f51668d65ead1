/*
 * log: one line per event, "2026-01-31 12:00:00.123 UTC [pid] LEVEL text", from any thread.
 */
#ifndef KEYWAY_LOG_H
#define KEYWAY_LOG_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR, LOG_FATAL };

/* Each line is one write(): lines of several threads do not mix.  Control characters in the text are escaped;
 * a text of more than 4 kB is cut and ends in "...". */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_set_level(enum log_level lowest);
/* Append to FILE from now on (NULL: standard error); called again on reload, for log rotation.  False, with
 * errno set, when the file cannot be opened: the log then goes on where it went before. */
bool log_open(const char *file);

#endif
