/*
 * Files are read line by line into paragraphs; comments before the first section are the file's own; a blank
 * line ends one, except in the data of a COPY.
 */
#include "tests/differential/corpus.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct corpus *corpus;
    FILE *file;
    const char *name;
    int number; /* of the line */
    char *line;
    size_t room;
    enum section section;
    bool sectioned;
};

static const struct {
    const char *name;
    enum section section;
} sections[] = {
    {"[rows]", SECTION_ROWS},   {"[total order]", SECTION_TOTAL_ORDER}, {"[some rows]", SECTION_SOME_ROWS},
    {"[names]", SECTION_NAMES}, {"[explain]", SECTION_EXPLAIN},         {"[error]", SECTION_ERROR},
    {"[write]", SECTION_WRITE}, {"[script]", SECTION_SCRIPT},
};

static void fail(const struct reader *reader, const char *why)
{
    fprintf(stderr, "%s.sql:%d: %s\n", reader->name, reader->number, why);
    exit(1);
}

static void *grown(void *array, int count, size_t size)
{
    void *larger = realloc(array, (size_t) (count + 1) * size);
    if (!larger)
        abort();
    memset((char *) larger + (size_t) count * size, 0, size);
    return larger;
}

static bool next_line(struct reader *reader)
{
    ssize_t length = getline(&reader->line, &reader->room, reader->file);
    if (length < 0)
        return false;
    if (length > 0 && reader->line[length - 1] == '\n')
        reader->line[length - 1] = '\0';
    reader->number++;
    return true;
}

static void add_line(char **text, const char *line)
{
    char *longer;
    if (asprintf(&longer, "%s%s%s", *text ? *text : "", *text ? "\n" : "", line) < 0)
        abort();
    free(*text);
    *text = longer;
}

static void read_section(struct reader *reader)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (!strcmp(reader->line + 3, sections[i].name)) {
            reader->section = sections[i].section;
            reader->sectioned = true;
            return;
        }
    fail(reader, "unknown section");
}

static struct step *add_step(struct entry *entry)
{
    entry->steps = grown(entry->steps, entry->step_count, sizeof *entry->steps);
    return &entry->steps[entry->step_count++];
}

/* `--$ a | b`; an empty value is one that has nothing there. */
static void read_values(struct reader *reader, struct entry *entry)
{
    struct step *step = add_step(entry);
    char *at = reader->line + strlen("--$");
    for (char *end = at; end; at = end + 2) {
        at += *at == ' ';
        end = strstr(at, " |");
        if (end)
            *end = '\0';
        if (step->value_count == STEP_VALUES)
            fail(reader, "too many values");
        step->values[step->value_count++] = strcmp(at, "~") ? strdup(at) : NULL;
        if (!end)
            break;
    }
}

static bool ends_statement(const char *line)
{
    size_t length = strlen(line);
    return length && line[length - 1] == ';';
}

static void read_copy_data(struct reader *reader, struct step *step)
{
    step->copy = strdup("");
    while (next_line(reader) && strcmp(reader->line, "\\.") != 0) {
        char *longer;
        if (asprintf(&longer, "%s%s\n", step->copy, reader->line) < 0)
            abort();
        free(step->copy);
        step->copy = longer;
    }
}

static bool is_copy_in(const char *sql)
{
    return !strncasecmp(sql, "copy ", 5) && strcasestr(sql, " from stdin");
}

static void read_script(struct reader *reader, struct entry *entry)
{
    struct step *step = NULL;
    do {
        if (!step)
            step = add_step(entry);
        add_line(&step->sql, reader->line);
        if (!ends_statement(reader->line))
            continue;
        if (is_copy_in(step->sql))
            read_copy_data(reader, step);
        step = NULL;
    } while (next_line(reader) && *reader->line);
    if (step)
        fail(reader, "a statement of a script ends with a semicolon");
}

/* Up to a blank line, or a semicolon at the end of one; true: more statements follow. */
static bool read_statement(struct reader *reader, struct entry *entry)
{
    char *sql = NULL;
    bool more = true, ended = false;
    while (!strncmp(reader->line, "--$", 3)) {
        read_values(reader, entry);
        if (!next_line(reader))
            fail(reader, "values without a statement");
    }
    while (more && !ended) {
        ended = ends_statement(reader->line);
        if (ended)
            reader->line[strlen(reader->line) - 1] = '\0';
        add_line(&sql, reader->line);
        more = next_line(reader) && *reader->line;
    }
    if (!entry->step_count)
        add_step(entry);
    for (int i = 0; i < entry->step_count; i++)
        entry->steps[i].sql = strdup(sql);
    if (is_copy_in(sql))
        fail(reader, "COPY FROM STDIN belongs into a script");
    free(sql);
    return more;
}

static struct entry *add_entry(struct reader *reader, const char *comment)
{
    struct corpus *corpus = reader->corpus;
    corpus->entries = grown(corpus->entries, corpus->count, sizeof *corpus->entries);
    struct entry *entry = &corpus->entries[corpus->count++];
    *entry = (struct entry){.file = reader->name, .line = reader->number, .section = reader->section, .comment = strdup(comment)};
    return entry;
}

/* The reader is at its comment. */
static void read_paragraph(struct reader *reader)
{
    if (!reader->sectioned || strncmp(reader->line, "-- ", 3) != 0)
        fail(reader, "expected a section, then a comment that says what the next statements catch");
    char *comment = strdup(reader->line + 3);
    struct entry *entry = add_entry(reader, comment);
    if (!next_line(reader) || !*reader->line)
        fail(reader, "a comment without a statement");
    if (reader->section == SECTION_SCRIPT)
        read_script(reader, entry);
    else
        while (read_statement(reader, entry))
            entry = add_entry(reader, comment);
    free(comment);
}

static void read_file(struct corpus *corpus, const char *path)
{
    const char *base = strrchr(path, '/') + 1;
    struct reader reader = {
        .corpus = corpus, .file = fopen(path, "r"), .name = strndup(base, strcspn(base, "."))};
    if (!reader.file || !reader.name) {
        perror(path);
        exit(1);
    }
    while (next_line(&reader)) {
        if (!strncmp(reader.line, "-- [", 4))
            read_section(&reader);
        else if (*reader.line && (reader.sectioned || strncmp(reader.line, "-- ", 3) != 0))
            read_paragraph(&reader);
    }
    free(reader.line);
    fclose(reader.file);
}

struct corpus corpus_read(const char *folder)
{
    struct corpus corpus = {0};
    char pattern[500];
    glob_t files;
    snprintf(pattern, sizeof pattern, "%s/*.sql", folder);
    if (glob(pattern, 0, NULL, &files) != 0) {
        fprintf(stderr, "there is no corpus in %s\n", folder);
        exit(1);
    }
    for (size_t i = 0; i < files.gl_pathc; i++)
        if (!strstr(files.gl_pathv[i], "/setup.sql"))
            read_file(&corpus, files.gl_pathv[i]);
    globfree(&files);
    return corpus;
}

static void free_step(struct step *step)
{
    free(step->sql);
    free(step->copy);
    for (int i = 0; i < step->value_count; i++)
        free(step->values[i]);
}

void corpus_free(struct corpus *corpus)
{
    const char *name = NULL;
    for (int i = 0; i < corpus->count; i++) {
        struct entry *entry = &corpus->entries[i];
        for (int step = 0; step < entry->step_count; step++)
            free_step(&entry->steps[step]);
        free(entry->steps);
        free(entry->comment);
        if (entry->file != name)
            free((char *) name);
        name = entry->file;
    }
    free((char *) name);
    free(corpus->entries);
}
