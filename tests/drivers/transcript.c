/*
 * The file stays in memory as it is; each heading becomes the end of the flow before it.
 */
#include "tests/drivers/transcript.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char heading[] = "== ", unexpected[] = "!!", cut_short[] = "!! cut short\n";

static bool begins(const char *line, const char *prefix)
{
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

static char *read_all(const char *path)
{
    char *bytes, part[4096];
    size_t size, length;
    FILE *file = fopen(path, "r"), *stream = open_memstream(&bytes, &size);
    while (file && (length = fread(part, 1, sizeof part, file)) > 0)
        for (size_t i = 0; i < length; i++)
            fputc(part[i] ? part[i] : '?', stream); /* a zero byte would end the text */
    if (file)
        fclose(file);
    fclose(stream);
    return bytes;
}

static void add(struct transcript *transcript, const char *name, const char *text)
{
    transcript->flows = reallocarray(transcript->flows, transcript->count + 1, sizeof *transcript->flows);
    if (!transcript->flows)
        abort();
    transcript->flows[transcript->count++] = (struct flow){name, text};
}

struct transcript transcript_read(const char *path)
{
    struct transcript transcript = {.bytes = read_all(path)};
    for (char *line = transcript.bytes, *next; *line; line = next) {
        char *end = strchrnul(line, '\n');
        next = *end ? end + 1 : end;
        if (!begins(line, heading))
            continue;
        *line = *end = '\0';
        add(&transcript, line + strlen(heading), next);
    }
    if (transcript.count == 0 || strcmp(transcript.flows[transcript.count - 1].name, "end") != 0)
        add(&transcript, "end", cut_short);
    return transcript;
}

void transcript_free(struct transcript *transcript)
{
    free(transcript->bytes);
    free(transcript->flows);
    *transcript = (struct transcript){0};
}

static const struct flow *find(const struct transcript *transcript, const char *name)
{
    for (int i = 0; i < transcript->count; i++)
        if (strcmp(transcript->flows[i].name, name) == 0)
            return &transcript->flows[i];
    return NULL;
}

static bool has_unexpected(const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL)
        if (begins(line, unexpected))
            return true;
    return false;
}

const char *transcript_difference(const struct transcript *reference, const struct transcript *keyway,
                                  int flow)
{
    const struct flow *expected = &reference->flows[flow], *found = find(keyway, expected->name);
    if (has_unexpected(expected->text))
        return "an unexpected error of one PostgreSQL";
    if (!found)
        return "missing";
    return strcmp(expected->text, found->text) != 0 ? "different" : NULL;
}
