/*
 * Numbers are taken apart by hand where the C library would accept more than is promised: leading blanks,
 * signs, hexadecimal, "inf".
 */
#include "config/values.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char digits[] = "0123456789";

/* The number at the start of `text`; NULL when there is none or it does not fit. */
static const char *leading_integer(const char *text, int64_t *value)
{
    size_t length = strspn(text, digits);
    int64_t sum = 0;
    if (length == 0)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, text[i] - '0', &sum))
            return NULL;
    }
    *value = sum;
    return text + length;
}

bool value_integer(const char *text, int64_t *value)
{
    const char *end = leading_integer(text, value);
    return end != NULL && *end == '\0';
}

bool value_duration(const char *text, double *seconds)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"ms", 0.001}, {"s", 1}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    size_t length = strspn(text, digits);
    if (length == 0)
        return false;
    if (text[length] == '.') {
        size_t decimals = strspn(text + length + 1, digits);
        if (decimals == 0)
            return false;
        length += 1 + decimals;
    }
    const char *unit = text + length + strspn(text + length, " \t");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(unit, units[i].name) == 0) {
            double number = strtod(text, NULL);
            /* A division keeps 500ms exactly half a second, and 1ms the double nearest to it. */
            *seconds = units[i].seconds < 1 ? number / 1000 : number * units[i].seconds;
            return true;
        }
    }
    return false;
}

bool value_size(const char *text, int64_t *bytes)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"", 1}, {"B", 1}, {"kB", 1024}, {"MB", 1024 * 1024}, {"GB", 1024 * 1024 * 1024}};
    int64_t number;
    const char *unit = leading_integer(text, &number);
    if (unit == NULL)
        return false;
    unit += strspn(unit, " \t");
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (strcasecmp(unit, units[i].name) == 0)
            return !__builtin_mul_overflow(number, units[i].bytes, bytes);
    return false;
}

bool value_boolean(const char *text, bool *value)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1", NULL};
    int word = value_choice(text, words);
    if (word >= 0)
        *value = word % 2 == 1;
    return word >= 0;
}

int value_choice(const char *text, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        if (strcasecmp(text, choices[i]) == 0)
            return i;
    return -1;
}

const char *value_text(struct arena *arena, const char *text, const char *quotes)
{
    char quote = *text;
    if (quote == '\0' || strchr(quotes, quote) == NULL)
        return text;
    char *plain = arena_alloc(arena, strlen(text));
    char *out = plain;
    for (const char *at = text + 1; *at; at++) {
        if (*at == quote && at[1] == quote)
            at++;
        else if (*at == quote)
            return at[1] == '\0' ? plain : text;
        *out++ = *at;
    }
    return text;
}

const char *value_names(struct arena *arena, const char *const *names, const char *last_joint)
{
    char *joined = NULL;
    for (size_t i = 0; names[i]; i++) {
        const char *joint = names[i + 1] ? ", " : last_joint;
        joined =
            joined ? arena_printf(arena, "%s%s%s", joined, joint, names[i]) : arena_strdup(arena, names[i]);
    }
    return joined ? joined : "nothing";
}
