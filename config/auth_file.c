/*
 * auth_file is PgBouncer's userlist.txt: a line holds a name and a secret, both in double quotes, a doubled
 * quote meaning one.  What follows on the line is left alone.  A secret is a plain password, md5 with 32
 * hexadecimal digits, or a SCRAM secret as pg_authid holds it; one that begins like a SCRAM secret and is
 * none is reported, because it would be taken for a password.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/array.h"
#include "config/settings_load.h"

/* The quoted word at *at, which is moved behind it; NULL when there is none or it is not closed. */
static char *take_quoted(struct arena *arena, const char **at)
{
    const char *in = *at + strspn(*at, " \t");
    if (*in != '"')
        return NULL;
    char *word = arena_alloc(arena, strlen(in) + 1);
    char *out = word;
    for (in++; *in; in++) {
        if (*in == '"' && in[1] == '"') {
            in++;
        } else if (*in == '"') {
            *at = in + 1;
            return word;
        }
        *out++ = *in;
    }
    return NULL;
}

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 32 bytes in base64: 43 digits and a = sign. */
static const char *skip_scram_key(const char *text)
{
    return strspn(text, base64) == 43 && text[43] == '=' ? text + 44 : NULL;
}

/* SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey> */
static bool scram_secret_is_whole(const char *secret)
{
    const char *at = strchr(secret, '$') + 1;
    size_t iterations = strspn(at, "0123456789");
    if (iterations == 0 || at[iterations] != ':')
        return false;
    at += iterations + 1;
    size_t salt = strspn(at, base64);
    at += salt + strspn(at + salt, "=");
    if (salt == 0 || *at != '$')
        return false;
    at = skip_scram_key(at + 1);
    if (at == NULL || *at != ':')
        return false;
    at = skip_scram_key(at + 1);
    return at != NULL && *at == '\0';
}

/* NULL, or what was found and what was expected. */
static const char *parse_line(struct arena *arena, const char *text, struct auth_file_entry *entry)
{
    static const char scram[] = "SCRAM-SHA-256$";
    const char *at = text;
    entry->name = take_quoted(arena, &at);
    if (entry->name == NULL || *entry->name == '\0')
        return "found no name in double quotes, expected \"name\" \"secret\"";
    entry->secret = isspace((unsigned char) *at) ? take_quoted(arena, &at) : NULL;
    if (entry->secret == NULL)
        return "found no secret in double quotes, expected \"name\" \"secret\"";
    if (*at != '\0' && !isspace((unsigned char) *at))
        return "found more behind the secret's quotes, expected a blank or the end of the line";
    if (*entry->secret == '\0')
        entry->secret = NULL;
    else if (strncmp(entry->secret, scram, strlen(scram)) == 0 && !scram_secret_is_whole(entry->secret))
        return "found a damaged SCRAM secret, expected SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey";
    return NULL;
}

static char *line_without_end(char *line)
{
    line += strspn(line, " \t");
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

bool auth_file_read(const char *file, struct arena *arena, struct diagnostics *diagnostics,
                    struct auth_file_entry **entries, size_t *count)
{
    FILE *stream = fopen(file, "re");
    if (stream == NULL)
        return false;
    char *line = NULL;
    size_t capacity = 0;
    errno = 0;
    for (int number = 1; getline(&line, &capacity, stream) >= 0; number++) {
        const char *text = line_without_end(line);
        if (*text == '\0' || *text == ';' || *text == '#')
            continue;
        struct auth_file_entry entry = {.line = number};
        const char *problem = parse_line(arena, text, &entry);
        if (problem) {
            diagnostics_report(diagnostics, file, number, "%s", problem);
            continue;
        }
        *entries = array_room(arena, *entries, *count, sizeof(**entries));
        (*entries)[(*count)++] = entry;
    }
    int failure = ferror(stream) ? errno : 0;
    if (line)
        explicit_bzero(line, capacity);
    free(line);
    fclose(stream);
    errno = failure;
    return failure == 0;
}
