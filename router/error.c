/*
 * An error owns its three texts.  They are formatted at the time of the failure, because what they name may
 * be gone when they are told.
 */
#include "router/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

static char *format_text(const char *format, va_list arguments)
{
    va_list measured;
    va_copy(measured, arguments);
    int length = vsnprintf(NULL, 0, format, measured);
    va_end(measured);
    if (length < 0)
        return memory_strdup(format); /* a broken locale must not hide the failure */
    char *text = memory_alloc((size_t) length + 1);
    vsnprintf(text, (size_t) length + 1, format, arguments);
    return text;
}

static char *copy_text(const char *text)
{
    return text ? memory_strdup(text) : NULL;
}

void error_set(struct error *error, const char *sqlstate, const char *format, ...)
{
    assert(strlen(sqlstate) == 5);
    va_list arguments;
    va_start(arguments, format);
    char *message = format_text(format, arguments); /* before clearing: the arguments may be the old texts */
    va_end(arguments);
    error_clear(error);
    memcpy(error->sqlstate, sqlstate, sizeof(error->sqlstate));
    error->message = message;
}

void error_detail(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *detail = format_text(format, arguments);
    va_end(arguments);
    free(error->detail);
    error->detail = detail;
}

void error_hint(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *hint = format_text(format, arguments);
    va_end(arguments);
    free(error->hint);
    error->hint = hint;
}

void error_copy(struct error *to, const struct error *from)
{
    assert(!error_is_set(to));
    memcpy(to->sqlstate, from->sqlstate, sizeof(to->sqlstate));
    to->message = copy_text(from->message);
    to->detail = copy_text(from->detail);
    to->hint = copy_text(from->hint);
    to->position = from->position;
}

void error_clear(struct error *error)
{
    free(error->message);
    free(error->detail);
    free(error->hint);
    *error = (struct error){0};
}
