/*
 * Explanations are short: they are collected whole, in the statement's arena.
 */
#include "proxy/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/wire.h"

struct explained_shard {
    const char *name;
    const char **rows;
    size_t count, room;
};

struct explanation {
    struct arena *arena;
    bool json;
    const char *preface;
    struct explained_shard *shards;
    int count;
};

struct explanation *explanation_new(struct arena *arena, bool json, const char *preface, int count)
{
    struct explanation *explanation = arena_alloc(arena, sizeof(*explanation));
    *explanation = (struct explanation){
        .arena = arena, .json = json, .preface = arena_strdup(arena, preface), .count = count};
    explanation->shards = arena_alloc_array(arena, (size_t) count, sizeof(*explanation->shards));
    return explanation;
}

void explanation_name(struct explanation *explanation, int number, const char *shard)
{
    explanation->shards[number].name = arena_strdup(explanation->arena, shard);
}

void explanation_add(struct explanation *explanation, int number, const uint8_t *row, size_t length)
{
    struct explained_shard *shard = &explanation->shards[number];
    struct reader reader = {row, row + length, false};
    read_int16(&reader);
    int32_t size = read_int32(&reader);
    const uint8_t *bytes = size < 0 ? NULL : read_bytes(&reader, (size_t) size);
    if (bytes == NULL)
        return;
    if (shard->count == shard->room) {
        size_t room = shard->room ? 2 * shard->room : 16;
        const char **rows = arena_alloc_array(explanation->arena, room, sizeof(*rows));
        if (shard->count > 0)
            memcpy(rows, shard->rows, shard->count * sizeof(*rows));
        shard->rows = rows;
        shard->room = room;
    }
    shard->rows[shard->count++] = arena_strndup(explanation->arena, (const char *) bytes, (size_t) size);
}

/* --- text ---------------------------------------------------------------------------------------------------- */

static void send_lines(struct explanation *explanation, struct buffer *out)
{
    for (const char *line = explanation->preface; *line;) {
        size_t length = strcspn(line, "\n");
        const char *text = arena_strndup(explanation->arena, line, length);
        wire_row(out, &text, 1);
        line += length + (line[length] == '\n');
    }
}

static void send_text(struct explanation *explanation, struct buffer *out)
{
    send_lines(explanation, out);
    for (int i = 0; i < explanation->count; i++) {
        const struct explained_shard *shard = &explanation->shards[i];
        bool named = explanation->count > 1;
        const char *title = arena_printf(explanation->arena, "Shard %s", shard->name);
        if (named)
            wire_row(out, &title, 1);
        for (size_t k = 0; k < shard->count; k++) {
            const char *row = named ? arena_printf(explanation->arena, "  %s", shard->rows[k]) : shard->rows[k];
            wire_row(out, &row, 1);
        }
    }
}

/* --- JSON ---------------------------------------------------------------------------------------------------- */

static void put_json_string(FILE *out, const char *text, size_t length)
{
    putc('"', out);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char) text[i];
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < ' ')
            fprintf(out, "\\u%04x", byte);
        else
            putc(byte, out);
    }
    putc('"', out);
}

static void put_preface(FILE *out, const char *preface)
{
    fputs("    \"Keyway\": [", out);
    for (const char *line = preface; *line;) {
        size_t length = strcspn(line, "\n");
        fputs(line == preface ? "\n      " : ",\n      ", out);
        put_json_string(out, line, length);
        line += length + (line[length] == '\n');
    }
    fputs("\n    ],\n", out);
}

/* What stands between the brackets of one of a shard's arrays, its first object opened for members of ours. */
static void put_plan(FILE *out, const struct explained_shard *shard, const char *json, const char *preface)
{
    const char *open = strchr(json, '{'), *close = strrchr(json, ']');
    if (open == NULL || close == NULL || close < open)
        return;
    for (size_t length = (size_t) (close - json); length > 0 && strchr(" \n", json[length - 1]); length--)
        close--;
    fputs("  {\n", out);
    if (preface)
        put_preface(out, preface);
    fputs("    \"Shard\": ", out);
    put_json_string(out, shard->name, strlen(shard->name));
    fprintf(out, ",%.*s", (int) (close - open - 1), open + 1);
}

static void put_plans(FILE *out, const struct explanation *explanation)
{
    const char *preface = explanation->preface;
    for (int i = 0; i < explanation->count; i++)
        for (size_t k = 0; k < explanation->shards[i].count; k++) {
            fputs(preface ? "" : ",\n", out);
            put_plan(out, &explanation->shards[i], explanation->shards[i].rows[k], preface);
            preface = NULL;
        }
}

static void send_json(struct explanation *explanation, struct buffer *out)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    fputs("[\n", file);
    if (explanation->count > 0) {
        put_plans(file, explanation);
    } else {
        fputs("  {\n", file);
        put_preface(file, explanation->preface);
        fputs("    \"Shard\": null\n  }", file);
    }
    fputs("\n]", file);
    fclose(file);
    wire_row(out, (const char *const *) &text, 1);
    free(text);
}

void explanation_send(struct explanation *explanation, struct buffer *out)
{
    if (explanation->json)
        send_json(explanation, out);
    else
        send_text(explanation, out);
}
