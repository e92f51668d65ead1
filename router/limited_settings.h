/*
 * limited_settings: settings of a session that would mislead the router, where a database has several shards.
 */
#ifndef KEYWAY_LIMITED_SETTINGS_H
#define KEYWAY_LIMITED_SETTINGS_H

#include <stdbool.h>

#include "router/error.h"

/* May a session have this value?  False: *error says why not.  `name` in lower case; `value` NULL: it is not known. */
bool setting_is_supported(const char *name, const char *value, struct error *error);
/* … or a role, whose sessions do not tell? */
bool setting_is_supported_as_default(const char *name, const char *value, struct error *error);

/* What session_facts says of these values; NULL: PostgreSQL's own. */
bool setting_rounds_floats(const char *extra_float_digits);
bool setting_escapes_bytes(const char *bytea_output);
/* Does the client's name for an encoding, "'utf-8'" or "UNICODE", mean the one with this name, "UTF8"?  False of other names that one has, too. */
bool setting_is_encoding(const char *client_encoding, const char *encoding);

#endif
