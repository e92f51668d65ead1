/*
 * Most of them would make PostgreSQL read a text in another way than the router does.
 */
#include "router/limited_settings.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* PostgreSQL's parse_bool(): unique prefixes of true, false, yes, no; on, off; 1, 0. */
static bool is_on(const char *value)
{
    return value && (strchr("tTyY1", *value) || !strcasecmp(value, "on")) && *value;
}

static bool is_positive(const char *value)
{
    return value && atoi(value) >= 1;
}

static bool is_off(const char *value)
{
    return value && *value && !is_on(value);
}

static bool is_hex(const char *value)
{
    return value && !strcasecmp(value, "hex");
}

enum { ENCODING_NAME = 32 };

/* clean_encoding_name() of PostgreSQL 15, common/encnames.c: letters and digits, in lower case. */
static void clean_encoding_name(const char *value, char name[ENCODING_NAME])
{
    size_t length = 0;
    for (; value && *value && length + 1 < ENCODING_NAME; value++)
        if (isalnum((unsigned char) *value))
            name[length++] = (char) tolower((unsigned char) *value);
    name[length] = '\0';
}

/* In these encodings a byte below 0x80 may be a part of a character, so text cannot be cut at quotes and
 * commas. */
static bool is_ascii_safe(const char *value)
{
    static const char *const unsafe[] = {"sjis",         "shiftjis",   "mskanji", "win932", "windows932",
                                         "shiftjis2004", "big5",       "win950",  "gbk",    "windows950",
                                         "win936",       "windows936", "uhc",     "win949", "gb18030",
                                         "windows949",   "johab"};
    char name[ENCODING_NAME];
    clean_encoding_name(value, name);
    for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe; i++)
        if (!strcmp(unsafe[i], name))
            return false;
    return *name;
}

bool setting_is_encoding(const char *client_encoding, const char *encoding)
{
    char one[ENCODING_NAME], other[ENCODING_NAME];
    if (!strcasecmp(client_encoding, encoding))
        return true;
    clean_encoding_name(client_encoding, one);
    clean_encoding_name(encoding, other);
    return !strcmp(strcmp(one, "unicode") ? one : "utf8", other);
}

/* A setting that would mislead the router; a session's own value of some is told to it (session_facts), but not that of a role. */
static const struct limited_setting {
    const char *name;
    bool (*allowed)(const char *value);
    bool told;
    const char *why, *hint;
} limited_settings[] = {
    {"standard_conforming_strings", is_on, false, "string literals would be read in another way",
     "Leave it on, and write E'…' for strings with escapes."},
    {"client_encoding", is_ascii_safe, false, "statements in that encoding cannot be read safely", "Use UTF8."},
    {"transform_null_equals", is_off, false, "key = NULL would find rows", "Write IS NULL."},
    {"array_nulls", is_on, false, "array literals would be read in another way", "Leave it on."},
    {"bytea_output", is_hex, true, "bytea values of different shards could not be put in order", "SET it in the session."},
    {"extra_float_digits", is_positive, true, "floats of different shards could not be put in order", "SET it in the session."},
};

/* The limit that the value does not keep; NULL: none. */
static const struct limited_setting *broken_limit(const char *name, const char *value, bool by_session)
{
    for (size_t i = 0; i < sizeof limited_settings / sizeof *limited_settings; i++) {
        const struct limited_setting *setting = &limited_settings[i];
        if (!strcmp(setting->name, name) && !(by_session && setting->told) && !setting->allowed(value))
            return setting;
    }
    return NULL;
}

static bool keeps_limit(const char *name, const char *value, bool by_session, struct error *error)
{
    const struct limited_setting *broken = broken_limit(name, value, by_session);
    if (!broken)
        return true;
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this value of the setting is not supported with several shards");
    error_detail(error, "With \"%s\" at this value, %s.", name, broken->why);
    error_hint(error, "%s", broken->hint);
    return false;
}

bool setting_is_supported(const char *name, const char *value, struct error *error)
{
    return keeps_limit(name, value, true, error);
}

bool setting_is_supported_as_default(const char *name, const char *value, struct error *error)
{
    return keeps_limit(name, value, false, error);
}

bool setting_rounds_floats(const char *extra_float_digits)
{
    return extra_float_digits && !is_positive(extra_float_digits);
}

bool setting_escapes_bytes(const char *bytea_output)
{
    return bytea_output && !is_hex(bytea_output);
}
