/*
 * string_literal: a quoted string constant of SQL, read and decoded.
 *
 * '…' with doubled quotes, E'…' with backslash escapes, both with their continuations over line ends, as
 * PostgreSQL 15 (section 4.1.2) reads them.
 */
#ifndef KEYWAY_STRING_LITERAL_H
#define KEYWAY_STRING_LITERAL_H

#include <stdbool.h>
#include <stddef.h>

struct string_literal {
    const char *value; /* decoded; inside the statement if nothing had to be undone, else in the room given */
    size_t length;
    size_t room_used;
    const char *end; /* behind the last quote */
};

/*
 * Read the string whose first quote is at `at`.  `room` has at least `end - at` bytes.  False: it does not
 * end, or an escape is wrong or makes bytes whose validity only the server's encoding decides.
 */
bool string_literal_read(const char *at, const char *end, bool escapes, char *room,
                         struct string_literal *string);

#endif
