/*
 * Words are looked for anywhere, also in literals and comments: a word too many costs a parse, no more.
 */
#include "router/pass_through.h"

#include <string.h>

#include "router/normalise.h"

/* Statements that leave the session as it is, unless a function they call does; not COPY, whose Sync is a matter of its own. */
static const char *const verbs[] = {"select", "insert", "update", "delete", "with", "values", "table", "merge", "explain"};

/* set_config(), setseed(), pg_advisory_lock() and its family; SELECT INTO may make a temporary table. */
static const char *const effects[] = {"set_config", "setseed", "advisory"};

static bool is_verb(const char *word)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (!strcmp(word, verbs[i]))
            return true;
    return false;
}

static bool has_effect(const char *sql, const char *verb)
{
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++)
        if (strcasestr(sql, effects[i]))
            return true;
    return strcmp(verb, "insert") && strcmp(verb, "merge") && strcasestr(sql, "into");
}

static bool is_one_statement(const char *sql, size_t length)
{
    const char *semicolon = memchr(sql, ';', length);
    return !semicolon || semicolon[1 + strspn(semicolon + 1, " \t\r\n;")] == '\0';
}

bool passes_through(const struct routing *routing, const char *sql, size_t length)
{
    char word[16];
    if (routing_is_sharded(routing) || !is_one_statement(sql, length))
        return false;
    first_keyword(sql, length, word, sizeof word);
    return is_verb(word) && !has_effect(sql, word);
}
