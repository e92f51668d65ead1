/*
 * Reports are kept in an arena of their own, so that they outlive whatever was being read.  What was found in
 * a file is quoted in them; control characters are escaped here once, because the text ends on terminals, in
 * logs and on the console.
 */
#include "config/diagnostics.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "config/array.h"

static char *printable(struct arena *arena, const char *text)
{
    char *escaped = arena_alloc(arena, strlen(text) * 4 + 1);
    char *out = escaped;
    for (; *text; text++) {
        unsigned char c = (unsigned char) *text;
        if (c < 0x20 || c == 0x7f)
            out += sprintf(out, "\\x%02x", (unsigned) c);
        else
            *out++ = *text;
    }
    return escaped;
}

void diagnostics_report(struct diagnostics *diagnostics, const char *file, int line, const char *format, ...)
{
    struct arena *arena = &diagnostics->arena;
    va_list arguments;
    va_start(arguments, format);
    char *text = arena_vprintf(arena, format, arguments);
    va_end(arguments);
    diagnostics->entries =
        array_room(arena, diagnostics->entries, diagnostics->count, sizeof(*diagnostics->entries));
    diagnostics->entries[diagnostics->count++] = (struct diagnostic){
        .file = arena_strdup(arena, file),
        .line = line,
        .text = printable(arena, text),
    };
}

void diagnostics_print(const struct diagnostics *diagnostics, FILE *out)
{
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *entry = &diagnostics->entries[i];
        if (entry->line > 0)
            fprintf(out, "%s:%d: %s\n", entry->file, entry->line, entry->text);
        else
            fprintf(out, "%s: %s\n", entry->file, entry->text);
    }
}

void diagnostics_free(struct diagnostics *diagnostics)
{
    arena_free(&diagnostics->arena);
    *diagnostics = (struct diagnostics){0};
}

enum { NEAREST_LONGEST = 64 }; /* PostgreSQL's identifiers end at 63 bytes */

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment), letters' case
 * ignored. */
static size_t edit_distance(const char *left, size_t left_length, const char *right, size_t right_length)
{
    size_t rows[3][NEAREST_LONGEST + 1];
    for (size_t j = 0; j <= right_length; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= left_length; i++) {
        size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        int here = tolower((unsigned char) left[i - 1]);
        row[0] = i;
        for (size_t j = 1; j <= right_length; j++) {
            int there = tolower((unsigned char) right[j - 1]);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (here != there));
            bool swapped = i > 1 && j > 1 && here == tolower((unsigned char) right[j - 2]) &&
                           there == tolower((unsigned char) left[i - 2]);
            if (swapped && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
    }
    return rows[left_length % 3][right_length];
}

const char *diagnostics_nearest(const char *found, const char *const *names)
{
    const char *nearest = NULL;
    size_t nearest_distance = 0;
    size_t found_length = strlen(found);
    if (found_length > NEAREST_LONGEST)
        return NULL;
    for (; *names; names++) {
        size_t length = strlen(*names);
        if (length > NEAREST_LONGEST)
            continue;
        size_t distance = edit_distance(found, found_length, *names, length);
        size_t longer = length > found_length ? length : found_length;
        /* One slip in three letters is a slip; more is another word. */
        if (distance * 3 <= longer && (nearest == NULL || distance < nearest_distance)) {
            nearest = *names;
            nearest_distance = distance;
        }
    }
    return nearest;
}
