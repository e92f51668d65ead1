/*
 * Words end where SQL's keywords do: what is skipped as one is a keyword, or a name without quotes.
 */
#include "router/utility_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Comments may nest (PostgreSQL 15, 4.1.5). */
static const char *skip_comment(const char *at)
{
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\r\n");
    int depth = 0;
    do {
        if (at[0] == '/' && at[1] == '*') {
            depth++;
            at += 2;
        } else if (at[0] == '*' && at[1] == '/') {
            depth--;
            at += 2;
        } else {
            at++;
        }
    } while (depth && *at);
    return at;
}

static bool at_comment(const char *at)
{
    return (at[0] == '-' && at[1] == '-') || (at[0] == '/' && at[1] == '*');
}

const char *text_skip_blanks(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f\v");
        if (!at_comment(at))
            return at;
        at = skip_comment(at);
    }
}

const char *text_skip_word(const char *at)
{
    return at + strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
}

/* Behind a quote's end; a doubled quote is two strings to it, which comes to the same. */
static const char *skip_quoted(const char *at)
{
    const char *end = strchr(at + 1, *at);
    return end ? end + 1 : at + strlen(at);
}

const char *text_skip_parentheses(const char *at)
{
    int depth = 0;
    while (*at) {
        if (*at == '\'' || *at == '"') {
            at = skip_quoted(at);
            continue;
        }
        if (at_comment(at)) {
            at = skip_comment(at);
            continue;
        }
        depth += *at == '(';
        depth -= *at == ')';
        at++;
        if (!depth)
            break;
    }
    return at;
}

const char *text_skip_name(const char *at)
{
    if (*at != '"') {
        while (*at && (strchr("_$", *at) || isalnum((unsigned char) *at) || (unsigned char) *at > 127))
            at++;
        return at;
    }
    while (*at == '"')
        at = skip_quoted(at);
    return at;
}

bool text_is_word(const char *at, const char *word)
{
    size_t length = (size_t) (text_skip_name(at) - at);
    return length == strlen(word) && strncasecmp(at, word, length) == 0;
}
