/*
 * Explanations are short: they are collected whole, in the statement's arena.
 *
 * Under EXPLAIN ANALYZE the shards send no rows: how many they would send is what their plans' first nodes say ("Actual Rows"), and how wide
 * these are is what PostgreSQL expects of them ("Plan Width"), which COSTS OFF leaves out.
 */
#include "proxy/explain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/wire.h"

struct answer {
    struct explained of;
    const char **rows;
    size_t count, room;
    bool measured;
    size_t moved_rows, moved_bytes;
    struct answer *next;
};

struct explanation {
    struct arena *arena;
    bool json;
    bool counts, widths;
    bool gathers; /* some answers are for parts */
    const char *preface;
    struct answer *answers, *last;
    int count;
};

struct explanation *explanation_new(struct arena *arena, bool json, const char *preface)
{
    struct explanation *explanation = arena_alloc(arena, sizeof(*explanation));
    *explanation = (struct explanation){.arena = arena, .json = json, .preface = arena_strdup(arena, preface)};
    return explanation;
}

void explanation_note(struct explanation *explanation, const char *lines)
{
    explanation->preface = arena_printf(explanation->arena, "%s%s", explanation->preface, lines);
}

void explanation_count(struct explanation *explanation, bool widths)
{
    explanation->counts = true;
    explanation->widths = widths;
}

int explanation_expect(struct explanation *explanation, const struct explained *explained)
{
    struct answer *answer = arena_alloc(explanation->arena, sizeof(*answer));
    *answer = (struct answer){.of = *explained};
    if (explanation->last)
        explanation->last->next = answer;
    else
        explanation->answers = answer;
    explanation->last = answer;
    explanation->gathers |= explained->part > 0;
    return explanation->count++;
}

static struct answer *find_answer(const struct explanation *explanation, int number)
{
    struct answer *answer = explanation->answers;
    for (; number > 0; number--)
        answer = answer->next;
    return answer;
}

void explanation_add(struct explanation *explanation, int number, const uint8_t *row, size_t length)
{
    struct answer *answer = find_answer(explanation, number);
    struct reader reader = {row, row + length, false};
    read_int16(&reader);
    int32_t size = read_int32(&reader);
    const uint8_t *bytes = size < 0 ? NULL : read_bytes(&reader, (size_t) size);
    if (bytes == NULL)
        return;
    if (answer->count == answer->room) {
        size_t room = answer->room ? 2 * answer->room : 16;
        const char **rows = arena_alloc_array(explanation->arena, room, sizeof(*rows));
        if (answer->count > 0)
            memcpy(rows, answer->rows, answer->count * sizeof(*rows));
        answer->rows = rows;
        answer->room = room;
    }
    answer->rows[answer->count++] = arena_strndup(explanation->arena, (const char *) bytes, (size_t) size);
}

void explanation_moved(struct explanation *explanation, int number, size_t rows, size_t bytes)
{
    struct answer *answer = find_answer(explanation, number);
    answer->measured = true;
    answer->moved_rows = rows;
    answer->moved_bytes = bytes;
}

/* --- what the shards' plans count ---------------------------------------------------------------------------- */

static const char *find_behind(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    return found ? found + strlen(word) : NULL;
}

/*
 * A number of the plan's first node; NAN: it is not told.  In text the node is the first line, and its numbers stand behind all names, of
 * which those with blanks or signs are in quotes; in JSON its members come before those of other nodes, and a quote in a name is escaped.
 */
static double number_of(const struct explanation *explanation, const struct answer *answer, const char *clause, const char *word,
                        const char *member)
{
    const char *at = answer->count > 0 ? answer->rows[0] : NULL;
    if (at && explanation->json)
        at = find_behind(at, member);
    else if (at && (at = find_behind(strrchr(at, '"') ? strrchr(at, '"') : at, clause)))
        at = find_behind(at, word);
    char *end = NULL;
    double number = at ? strtod(at, &end) : NAN;
    return end == at ? NAN : number;
}

static double actual_rows(const struct explanation *explanation, const struct answer *answer)
{
    return number_of(explanation, answer, " (actual ", "rows=", "\"Actual Rows\": ");
}

static double row_width(const struct explanation *explanation, const struct answer *answer)
{
    return number_of(explanation, answer, " (cost=", "width=", "\"Plan Width\": ");
}

static const char *rows_in_words(struct arena *arena, double rows)
{
    return arena_printf(arena, "%.0f row%s", rows, rows == 1 ? "" : "s");
}

/* Of all shards, or of none. */
static void count_rows(struct explanation *explanation)
{
    struct arena *arena = explanation->arena;
    const char *each = "";
    double rows = 0, bytes = 0;
    for (struct answer *answer = explanation->answers; answer; answer = answer->next) {
        double some = actual_rows(explanation, answer);
        rows += some;
        bytes += some * row_width(explanation, answer);
        each = arena_printf(arena, "%s%s%s %.0f", each, *each ? ", " : " (", answer->of.name, some);
    }
    if (isnan(rows) || explanation->count == 0)
        return;
    const char *about = isnan(bytes) || !explanation->widths ? "" : arena_printf(arena, ", about %.0f bytes", bytes);
    explanation_note(explanation, arena_printf(arena, "moved: %s%s%s%s\n", rows_in_words(arena, rows), about,
                                               explanation->count > 1 ? each : "", explanation->count > 1 ? ")" : ""));
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

static const char *title_of(const struct explanation *explanation, const struct answer *answer)
{
    const struct explained *of = &answer->of;
    if (of->part == 0)
        return arena_printf(explanation->arena, "Shard %s%s", of->name, explanation->gathers ? ", over gathered rows" : "");
    return arena_printf(explanation->arena, "Shard %s, gathered %d: %s%s%s", of->name, of->part, of->rows, of->asked ? ", " : "",
                        of->asked ? of->asked : "");
}

static void send_answer(const struct explanation *explanation, const struct answer *answer, struct buffer *out)
{
    bool named = explanation->count > 1 || answer->of.part > 0;
    const char *title = title_of(explanation, answer);
    if (named)
        wire_row(out, &title, 1);
    for (size_t k = 0; k < answer->count; k++) {
        const char *row = named ? arena_printf(explanation->arena, "  %s", answer->rows[k]) : answer->rows[k];
        wire_row(out, &row, 1);
    }
}

static void send_text(struct explanation *explanation, struct buffer *out)
{
    send_lines(explanation, out);
    for (const struct answer *answer = explanation->answers; answer; answer = answer->next)
        send_answer(explanation, answer, out);
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

static void put_member(FILE *out, const char *name, const char *text)
{
    if (text == NULL)
        return;
    fprintf(out, ",\n    \"%s\": ", name);
    put_json_string(out, text, strlen(text));
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

static void put_origin(FILE *out, const struct explanation *explanation, const struct answer *answer)
{
    const struct explained *of = &answer->of;
    double rows = explanation->counts ? actual_rows(explanation, answer) : NAN;
    fputs("    \"Shard\": ", out);
    put_json_string(out, of->name, strlen(of->name));
    if (of->part > 0)
        fprintf(out, ",\n    \"Part\": %d", of->part);
    put_member(out, "Gathered", of->rows);
    put_member(out, "Asked", of->asked);
    if (answer->measured)
        fprintf(out, ",\n    \"Moved Rows\": %zu,\n    \"Moved Bytes\": %zu", answer->moved_rows, answer->moved_bytes);
    else if (!isnan(rows))
        fprintf(out, ",\n    \"Moved Rows\": %.0f", rows);
}

/* What stands between the brackets of one of a shard's arrays, its first object opened for members of ours. */
static void put_plan(FILE *out, const struct explanation *explanation, const struct answer *answer, const char *json, const char *preface)
{
    const char *open = strchr(json, '{'), *close = strrchr(json, ']');
    if (open == NULL || close == NULL || close < open)
        return;
    for (size_t length = (size_t) (close - json); length > 0 && strchr(" \n", json[length - 1]); length--)
        close--;
    fputs("  {\n", out);
    if (preface)
        put_preface(out, preface);
    put_origin(out, explanation, answer);
    fprintf(out, ",%.*s", (int) (close - open - 1), open + 1);
}

static void put_plans(FILE *out, const struct explanation *explanation)
{
    const char *preface = explanation->preface;
    for (const struct answer *answer = explanation->answers; answer; answer = answer->next)
        for (size_t k = 0; k < answer->count; k++) {
            fputs(preface ? "" : ",\n", out);
            put_plan(out, explanation, answer, answer->rows[k], preface);
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

/* --- the whole answer ---------------------------------------------------------------------------------------- */

static bool is_before(const struct explained *one, const struct explained *other)
{
    return one->part != other->part ? one->part < other->part : one->shard < other->shard;
}

/* Those for the parts of a gathered query stand behind that for the query. */
static void order_answers(struct explanation *explanation)
{
    struct answer *sorted = NULL;
    for (struct answer *answer = explanation->answers, *next; answer; answer = next) {
        struct answer **at = &sorted;
        next = answer->next;
        while (*at && !is_before(&answer->of, &(*at)->of))
            at = &(*at)->next;
        answer->next = *at;
        *at = answer;
    }
    explanation->answers = sorted;
}

void explanation_send(struct explanation *explanation, struct buffer *out)
{
    order_answers(explanation);
    if (explanation->counts)
        count_rows(explanation);
    if (explanation->json)
        send_json(explanation, out);
    else
        send_text(explanation, out);
}
