/*
 * A line is made on the stack and leaves in one write() to a descriptor opened for appending, so there is no
 * lock. A new log file takes the number of the old one (dup3), so that no thread can hold a closed
 * descriptor.
 */
#include "proxy/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_TEXT = 4096, LOG_PREFIX = 96 };

static _Atomic int log_descriptor = STDERR_FILENO;
static _Atomic int log_lowest = LOG_INFO;

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_DEBUG:
        return "DEBUG";
    case LOG_INFO:
        return "INFO";
    case LOG_WARNING:
        return "WARNING";
    case LOG_ERROR:
        return "ERROR";
    case LOG_FATAL:
        return "FATAL";
    }
    return "LOG";
}

static size_t put_prefix(char *line, enum log_level level)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t length = strftime(line, LOG_PREFIX, "%Y-%m-%d %H:%M:%S", &utc);
    int more = snprintf(line + length, LOG_PREFIX - length, ".%03ld UTC [%d] %s ", now.tv_nsec / 1000000,
                        (int) getpid(), level_name(level));
    return length + (size_t) more;
}

/* Names and texts of clients reach the log: they may not start lines of their own or move the terminal's
 * cursor. */
static size_t put_escaped(char *line, const char *text)
{
    size_t length = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char) *text;
        if (c >= 0x20 && c != 0x7f)
            line[length++] = *text;
        else
            length += (size_t) sprintf(line + length, "\\x%02x", c);
    }
    return length;
}

void log_line(enum log_level level, const char *format, ...)
{
    if ((int) level < atomic_load_explicit(&log_lowest, memory_order_relaxed))
        return;
    int saved = errno;
    char text[LOG_TEXT], line[LOG_PREFIX + 4 * LOG_TEXT + 1];
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (wanted >= LOG_TEXT)
        memcpy(text + LOG_TEXT - 4, "...", 4);
    size_t length = put_prefix(line, level);
    length += put_escaped(line + length, text);
    line[length++] = '\n';
    ssize_t ignored = write(log_descriptor, line, length); /* a full disk must not stop the proxy */
    (void) ignored;
    errno = saved;
}

void log_set_level(enum log_level lowest)
{
    log_lowest = (int) lowest;
}

bool log_open(const char *file)
{
    int opened = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640) : STDERR_FILENO;
    if (opened < 0)
        return false;
    if (log_descriptor == STDERR_FILENO) {
        log_descriptor = opened;
        return true;
    }
    bool replaced = dup3(opened, log_descriptor, O_CLOEXEC) >= 0;
    int saved = errno;
    if (opened != STDERR_FILENO)
        close(opened);
    errno = saved;
    return replaced;
}
