/*
 * inih reads the file's shape: what is a comment, a name, a value, or nonsense.  As it is commonly built it
 * also cuts lines at 200 bytes and section names at 50, keeps silent about sections without keys and about
 * line numbers, takes an indented line for more of the value above, and sees a comment in `'a ;b'`.  So it is
 * not shown the file itself.  Its reader callback takes one line of the file per call and keeps it, and hands
 * inih a stand-in of the same shape, `name =` for `name = value`; the handler, called before the next line is
 * read, then finds the value and the line number in what was kept.  Sections are opened by the reader.
 */
#include "config/document.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/array.h"

enum { STAND_IN_LONGEST = 100 }; /* longer than any key, shorter than any INI_MAX_LINE */

struct document_reader {
    const char *file;
    FILE *stream;
    struct arena *arena;
    struct diagnostics *diagnostics;
    struct document *document;
    char *line; /* getline()'s */
    size_t line_capacity;
    char *text;     /* the line at hand, trimmed */
    int number;     /* its 1-based number */
    bool unclaimed; /* it says something, and the handler has not been called for it */
};

static char *trim(char *text)
{
    while (isspace((unsigned char) *text))
        text++;
    size_t length = strlen(text);
    while (length > 0 && isspace((unsigned char) text[length - 1]))
        length--;
    text[length] = '\0';
    return text;
}

/* The end of the quotation that begins at `at`, or NULL when it is never closed.  A doubled quote is part of
 * it. */
static const char *quotation_end(const char *at, bool backslash)
{
    char quote = *at;
    for (at++; *at; at++) {
        if (backslash && *at == '\\' && at[1])
            at++;
        else if (*at == quote && at[1] == quote)
            at++;
        else if (*at == quote)
            return at + 1;
    }
    return NULL;
}

/*
 * Cut the comment off a value: a semicolon at its start or after a blank, outside of quotes.  A quote opens a
 * quotation only where a word begins (`it's` has none) and only if it is closed.  `backslash`: libpq's
 * quoting, in which \' stays inside.
 */
static void cut_comment(char *value, bool backslash)
{
    bool word_begins = true;
    for (char *at = value; *at;) {
        if (*at == ';' && (at == value || isspace((unsigned char) at[-1]))) {
            *at = '\0';
            return;
        }
        if (backslash && *at == '\\' && at[1]) {
            at += 2;
            word_begins = false;
            continue;
        }
        const char *end = word_begins && strchr("'\"", *at) ? quotation_end(at, backslash) : NULL;
        word_begins = end == NULL && (isspace((unsigned char) *at) || strchr(",=.([", *at) != NULL);
        at = end ? value + (end - value) : at + 1;
    }
}

/* The closing bracket of a section line, which may stand inside of a quoted name without closing anything. */
static char *header_end(char *text)
{
    bool quoted = false;
    for (; *text; text++) {
        if (*text == '"')
            quoted = !quoted;
        else if (*text == ']' && !quoted)
            return text;
    }
    return NULL;
}

static void open_section(struct document_reader *reader, char *text)
{
    struct document *document = reader->document;
    char *end = header_end(text + 1);
    if (end == NULL) {
        diagnostics_report(reader->diagnostics, reader->file, reader->number,
                           "found a section name that is not closed, expected ] at its end");
        end = text + strlen(text);
    } else {
        *end = '\0';
        char *rest = trim(end + 1);
        if (*rest != '\0' && *rest != ';' && *rest != '#')
            diagnostics_report(reader->diagnostics, reader->file, reader->number,
                               "found '%s' after the section name, expected nothing more on this line", rest);
    }
    document->sections =
        array_room(reader->arena, document->sections, document->section_count, sizeof(*document->sections));
    document->sections[document->section_count++] = (struct document_section){
        .header = arena_strdup(reader->arena, trim(text + 1)),
        .line = reader->number,
    };
}

static void report_unclaimed(struct document_reader *reader)
{
    if (reader->unclaimed)
        diagnostics_report(reader->diagnostics, reader->file, reader->number,
                           "found '%.40s', expected a [section] or a line of the form name = value",
                           reader->text);
    reader->unclaimed = false;
}

/* Take the next line of the file; false at its end. */
static bool next_line(struct document_reader *reader)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    ssize_t length = getline(&reader->line, &reader->line_capacity, reader->stream);
    if (length < 0)
        return false;
    reader->number++;
    if (strlen(reader->line) < (size_t) length)
        diagnostics_report(reader->diagnostics, reader->file, reader->number,
                           "found a zero byte, expected text");
    char *text = reader->line;
    if (reader->number == 1 && strncmp(text, byte_order_mark, 3) == 0)
        text += 3;
    reader->text = trim(text);
    return true;
}

/* An ini_reader: works as fgets(), but gives the stand-in. */
static char *show_line(char *shown, int size, void *context)
{
    struct document_reader *reader = context;
    report_unclaimed(reader);
    if (!next_line(reader))
        return NULL;
    char *text = reader->text;
    if (*text == '[') {
        open_section(reader, text);
        snprintf(shown, (size_t) size, "[section]\n");
        return shown;
    }
    reader->unclaimed = *text != '\0' && *text != ';' && *text != '#';
    size_t name = strcspn(text, "=:");
    int visible = name < STAND_IN_LONGEST ? (int) name : STAND_IN_LONGEST;
    snprintf(shown, (size_t) size, "%.*s%s\n", visible, text, text[name] ? "=" : "");
    return shown;
}

/* An ini_handler. */
static int take_entry(void *context, const char *section_name, const char *name, const char *stand_in)
{
    (void) section_name;
    (void) stand_in;
    struct document_reader *reader = context;
    reader->unclaimed = false;
    struct document *document = reader->document;
    if (document->section_count == 0) {
        diagnostics_report(reader->diagnostics, reader->file, reader->number,
                           "found '%s' before any section, expected a [section] first", name);
        return 1;
    }
    char *value = reader->text + strcspn(reader->text, "=:") + 1;
    value = trim(value);
    cut_comment(value, strcmp(name, "conninfo") == 0);
    struct document_section *section = &document->sections[document->section_count - 1];
    section->entries =
        array_room(reader->arena, section->entries, section->entry_count, sizeof(*section->entries));
    section->entries[section->entry_count++] = (struct document_entry){
        .key = arena_strdup(reader->arena, name),
        .value = arena_strdup(reader->arena, trim(value)),
        .line = reader->number,
    };
    return 1;
}

bool document_read(const char *file, struct arena *arena, struct diagnostics *diagnostics,
                   struct document *document)
{
    struct document_reader reader = {
        .file = file,
        .stream = fopen(file, "re"),
        .arena = arena,
        .diagnostics = diagnostics,
        .document = document,
    };
    bool complete = false;
    *document = (struct document){0};
    errno = reader.stream ? 0 : errno;
    /* inih's own result names the first bad line only; report_unclaimed() has told them all. */
    if (reader.stream && ini_parse_stream(show_line, &reader, take_entry, &reader) >= 0)
        complete = !ferror(reader.stream);
    if (!complete)
        diagnostics_report(diagnostics, file, 0,
                           "found no readable file (%s), expected Keyway's configuration",
                           errno ? strerror(errno) : "it could not be read to its end");
    free(reader.line);
    if (reader.stream)
        fclose(reader.stream);
    return complete;
}
