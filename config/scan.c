/*
 * Recursive descent without recursion: every function skips blanks, takes what it names, and leaves the
 * scanner behind it.
 */
#include "config/scan.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "config/array.h"

const char *scan_excerpt(struct arena *arena, const char *text)
{
    enum { LONGEST = 60 };
    size_t length = strlen(text);
    if (length <= LONGEST)
        return arena_printf(arena, "'%s'", text);
    length = LONGEST;
    while (length > 0 && ((unsigned char) text[length] & 0xc0) == 0x80) /* not inside of a UTF-8 character */
        length--;
    return arena_printf(arena, "'%.*s…'", (int) length, text);
}

static bool fail(struct scanner *scanner, const char *expected)
{
    const char *found = *scanner->at ? scan_excerpt(scanner->arena, scanner->at) : "nothing more";
    scanner->problem = arena_printf(scanner->arena, "found %s, expected %s", found, expected);
    return false;
}

static char peek(struct scanner *scanner)
{
    while (isspace((unsigned char) *scanner->at))
        scanner->at++;
    return *scanner->at;
}

static bool take(struct scanner *scanner, char wanted, const char *expected)
{
    if (peek(scanner) != wanted)
        return fail(scanner, expected);
    scanner->at++;
    return true;
}

bool scan_end(struct scanner *scanner)
{
    return peek(scanner) == '\0' || fail(scanner, "nothing more");
}

/* The quotation at the scanner, without quotes, doubled quotes made one; NULL when it is not closed. */
static char *take_quotation(struct scanner *scanner)
{
    char quote = *scanner->at;
    char *text = arena_alloc(scanner->arena, strlen(scanner->at));
    char *out = text;
    for (const char *at = scanner->at + 1; *at; at++) {
        if (*at == quote && at[1] == quote) {
            at++;
        } else if (*at == quote) {
            scanner->at = at + 1;
            return text;
        }
        *out++ = *at;
    }
    return NULL;
}

static bool is_name_character(char c)
{
    return isalnum((unsigned char) c) || (unsigned char) c >= 0x80 || (c != '\0' && strchr("_$-", c) != NULL);
}

static char *take_word(struct scanner *scanner)
{
    size_t length = 0;
    while (is_name_character(scanner->at[length]))
        length++;
    char *word = arena_strndup(scanner->arena, scanner->at, length);
    for (char *c = word; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char) (*c - 'A' + 'a');
    scanner->at += length;
    return word;
}

bool scan_name(struct scanner *scanner, const char *what, const char **name)
{
    char first = peek(scanner);
    struct scanner before = *scanner;
    char *text = NULL;
    if (first == '"') {
        text = take_quotation(scanner);
        if (text == NULL)
            return fail(scanner, "a closing \"");
    } else {
        text = take_word(scanner);
    }
    if (*text == '\0') {
        scanner->at = before.at;
        return fail(scanner, what);
    }
    if (strlen(text) > SCAN_LONGEST_NAME) {
        scanner->at = before.at;
        return fail(scanner, arena_printf(scanner->arena, "%s of at most %d bytes", what, SCAN_LONGEST_NAME));
    }
    *name = text;
    return true;
}

bool scan_names(struct scanner *scanner, char separator, const char *what, const char ***names, size_t *count)
{
    *names = NULL;
    *count = 0;
    do {
        if (*count > 0)
            scanner->at++;
        const char *name;
        if (!scan_name(scanner, what, &name))
            return false;
        *names = array_room(scanner->arena, *names, *count, sizeof(**names));
        (*names)[(*count)++] = name;
    } while (peek(scanner) == separator);
    return true;
}

/* A parenthesised tuple as it is written; parentheses inside of quotes do not count. */
static bool take_tuple(struct scanner *scanner, struct scanned_bound *bound)
{
    const char *start = scanner->at;
    int depth = 0;
    char quote = '\0';
    for (const char *at = start; *at; at++) {
        if (quote != '\0')
            quote = *at == quote ? '\0' : quote;
        else if (*at == '\'' || *at == '"')
            quote = *at;
        else if (*at == '(')
            depth++;
        else if (*at == ')' && --depth == 0) {
            scanner->at = at + 1;
            bound->text = arena_strndup(scanner->arena, start, (size_t) (scanner->at - start));
            return true;
        }
    }
    return fail(scanner, "a tuple closed by )");
}

static enum bound_kind kind_of_word(const char *word)
{
    if (strcasecmp(word, "-infinity") == 0)
        return BOUND_LOWEST;
    if (strcasecmp(word, "+infinity") == 0 || strcasecmp(word, "infinity") == 0)
        return BOUND_HIGHEST;
    return strcasecmp(word, "null") == 0 ? BOUND_NULL : BOUND_VALUE;
}

static bool scan_bound(struct scanner *scanner, struct scanned_bound *bound)
{
    *bound = (struct scanned_bound){.kind = BOUND_VALUE};
    char first = peek(scanner);
    if (first == '(')
        return take_tuple(scanner, bound);
    if (first == '\'') {
        bound->text = take_quotation(scanner);
        return bound->text != NULL || fail(scanner, "a closing '");
    }
    size_t length = strcspn(scanner->at, " \t,()[]'\";");
    if (length == 0)
        return fail(scanner, "a value, quoted as '…' unless it is a word or a number");
    bound->text = arena_strndup(scanner->arena, scanner->at, length);
    bound->kind = kind_of_word(bound->text);
    scanner->at += length;
    return true;
}

bool scan_range(struct scanner *scanner, struct scanned_range *range)
{
    return scan_name(scanner, "a shard's name", &range->shard) &&
           take(scanner, '[', "[ and the lower bound, which the range includes") &&
           scan_bound(scanner, &range->lower) && take(scanner, ',', "a comma and the upper bound") &&
           scan_bound(scanner, &range->upper) &&
           take(scanner, ')', ") after the upper bound, which the range excludes") && scan_end(scanner);
}

bool scan_list(struct scanner *scanner, struct scanned_list *list)
{
    *list = (struct scanned_list){0};
    if (!scan_name(scanner, "a shard's name", &list->shard) ||
        !take(scanner, '(', "( and the values that live there"))
        return false;
    do {
        struct scanned_bound value;
        if (list->value_count > 0)
            scanner->at++;
        if (!scan_bound(scanner, &value))
            return false;
        list->values = array_room(scanner->arena, list->values, list->value_count, sizeof(*list->values));
        list->values[list->value_count++] = value;
    } while (peek(scanner) == ',');
    return take(scanner, ')', "a comma or )") && scan_end(scanner);
}
