/*
 * PostgreSQL writes JSON and YAML as a list of queries, XML as elements of one document (ExplainBeginOutput() in explain.c).  Of each shard's
 * document the queries are taken, members of ours are put before the first one's own, and one list or document is made of all of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/explain_inside.h"
#include "proxy/wire.h"

/* --- text ---------------------------------------------------------------------------------------------------- */

static const char *title_of(const struct explanation *explanation, const struct answer *answer)
{
    const struct explained *of = &answer->of;
    if (of->part == 0)
        return arena_printf(explanation->arena, "Shard %s%s", of->name, explanation->gathers ? ", over gathered rows" : "");
    return arena_printf(explanation->arena, "Shard %s, gathered %d: %s%s%s", of->name, of->part, of->rows, of->asked ? ", " : "",
                        of->asked ? of->asked : "");
}

static void put_answer_lines(const struct explanation *explanation, const struct answer *answer, struct buffer *out)
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

void explanation_put_lines(const struct explanation *explanation, struct buffer *out)
{
    for (const char *line = explanation->preface; *line;) {
        size_t length = strcspn(line, "\n");
        const char *text = arena_strndup(explanation->arena, line, length);
        wire_row(out, &text, 1);
        line += length + (line[length] == '\n');
    }
    for (const struct answer *answer = explanation->answers; answer; answer = answer->next)
        put_answer_lines(explanation, answer, out);
}

/* --- values -------------------------------------------------------------------------------------------------- */

/* Of JSON, and of YAML, in which PostgreSQL writes its own texts so, too. */
static void put_quoted(FILE *out, const char *text, size_t length)
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

static void put_escaped(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        switch (text[i]) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        default:
            putc(text[i], out);
        }
}

/* --- members of a query -------------------------------------------------------------------------------------- */

/* How a format writes them. */
struct document_style {
    const char *begin, *end;        /* the document */
    const char *between;            /* two shards' queries */
    const char *open, *close;       /* a query without any */
    void (*put_text)(FILE *out, const char *name, const char *text);
    void (*put_number)(FILE *out, const char *name, size_t number);
    void (*put_preface)(FILE *out, const char *preface);
    const char *(*find_members)(const char *document, size_t *length); /* of a shard's: behind where the first query opens, to where the last ends */
};

static void put_members(FILE *out, const struct document_style *style, const struct answer *answer)
{
    const struct explained *of = &answer->of;
    style->put_text(out, "Shard", of->name);
    if (of->part > 0)
        style->put_number(out, "Part", (size_t) of->part);
    if (of->rows)
        style->put_text(out, "Gathered", of->rows);
    if (of->asked)
        style->put_text(out, "Asked", of->asked);
    if (answer->counted)
        style->put_number(out, "Moved Rows", answer->moved_rows);
    if (answer->measured)
        style->put_number(out, "Moved Bytes", answer->moved_bytes);
}

/* The lines of the preface, each put by the format, between two texts. */
static void put_each_line(FILE *out, const char *preface, const char *before, const char *between,
                          void (*put)(FILE *out, const char *text, size_t length), const char *behind)
{
    for (const char *line = preface; *line;) {
        size_t length = strcspn(line, "\n");
        fputs(line == preface ? before : between, out);
        put(out, line, length);
        fputs(behind, out);
        line += length + (line[length] == '\n');
    }
}

/* --- JSON ---------------------------------------------------------------------------------------------------- */

static void put_json_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, "\n    \"%s\": ", name);
    put_quoted(out, text, strlen(text));
    putc(',', out);
}

static void put_json_number(FILE *out, const char *name, size_t number)
{
    fprintf(out, "\n    \"%s\": %zu,", name, number);
}

static void put_json_preface(FILE *out, const char *preface)
{
    fputs("\n    \"Keyway\": [", out);
    put_each_line(out, preface, "\n      ", ",\n      ", put_quoted, "");
    fputs("\n    ],", out);
}

static const char *find_json_members(const char *document, size_t *length)
{
    const char *open = strchr(document, '{'), *close = strrchr(document, ']');
    if (open == NULL || close == NULL || close < open)
        return NULL;
    while (close > open && strchr(" \n", close[-1]))
        close--;
    *length = (size_t) (close - open - 1);
    return open + 1;
}

/* --- YAML ---------------------------------------------------------------------------------------------------- */

static void put_yaml_text(FILE *out, const char *name, const char *text)
{
    fprintf(out, "%s: ", name);
    put_quoted(out, text, strlen(text));
    fputs("\n  ", out);
}

static void put_yaml_number(FILE *out, const char *name, size_t number)
{
    fprintf(out, "%s: %zu\n  ", name, number);
}

static void put_yaml_preface(FILE *out, const char *preface)
{
    fputs("Keyway: ", out);
    put_each_line(out, preface, "\n    - ", "\n    - ", put_quoted, "");
    fputs("\n  ", out);
}

static const char *find_yaml_members(const char *document, size_t *length)
{
    if (strncmp(document, "- ", 2) != 0)
        return NULL;
    *length = strlen(document + 2);
    return document + 2;
}

/* --- XML ----------------------------------------------------------------------------------------------------- */

/* Blanks in names become hyphens, as in ExplainXMLTag(). */
static void put_xml_tag(FILE *out, const char *before, const char *name)
{
    fputs(before, out);
    for (; *name; name++)
        putc(*name == ' ' ? '-' : *name, out);
    putc('>', out);
}

static void put_xml_text(FILE *out, const char *name, const char *text)
{
    put_xml_tag(out, "\n    <", name);
    put_escaped(out, text, strlen(text));
    put_xml_tag(out, "</", name);
}

static void put_xml_number(FILE *out, const char *name, size_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", number);
    put_xml_text(out, name, text);
}

static void put_xml_preface(FILE *out, const char *preface)
{
    fputs("\n    <Keyway>", out);
    put_each_line(out, preface, "\n      <Item>", "\n      <Item>", put_escaped, "</Item>");
    fputs("\n    </Keyway>", out);
}

static const char *find_xml_members(const char *document, size_t *length)
{
    static const char query[] = "<Query>", last[] = "\n</explain>";
    const char *open = strstr(document, query), *close = NULL;
    for (const char *at = document; (at = strstr(at, last)) != NULL; at++)
        close = at;
    if (open == NULL || close == NULL || close < open)
        return NULL;
    open += sizeof query - 1;
    *length = (size_t) (close - open);
    return open;
}

/* --- the document -------------------------------------------------------------------------------------------- */

static const struct document_style *style_of(enum explain_format format)
{
    static const struct document_style styles[] = {
        [EXPLAIN_JSON] = {"[\n", "\n]", ",\n", "  {", "\n    \"Plan\": null\n  }", put_json_text, put_json_number, put_json_preface, find_json_members},
        [EXPLAIN_YAML] = {"", "", "\n", "- ", "Plan: null", put_yaml_text, put_yaml_number, put_yaml_preface, find_yaml_members},
        [EXPLAIN_XML] = {"<explain xmlns=\"http://www.postgresql.org/2009/explain\">\n", "\n</explain>", "\n", "  <Query>", "\n  </Query>",
                         put_xml_text, put_xml_number, put_xml_preface, find_xml_members},
    };
    return &styles[format];
}

static void put_queries(FILE *out, const struct document_style *style, const struct explanation *explanation)
{
    const char *preface = explanation->preface;
    for (const struct answer *answer = explanation->answers; answer; answer = answer->next)
        for (size_t k = 0, length = 0; k < answer->count; k++) {
            const char *members = style->find_members(answer->rows[k], &length);
            if (members == NULL)
                continue;
            fputs(preface ? "" : style->between, out);
            fputs(style->open, out);
            if (preface)
                style->put_preface(out, preface);
            put_members(out, style, answer);
            fwrite(members, 1, length, out);
            preface = NULL;
        }
    if (preface) { /* no shard was asked */
        fputs(style->open, out);
        style->put_preface(out, preface);
        fputs(style->close, out);
    }
}

void explanation_put_document(const struct explanation *explanation, struct buffer *out)
{
    const struct document_style *style = style_of(explanation->format);
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    fputs(style->begin, file);
    put_queries(file, style, explanation);
    fputs(style->end, file);
    fclose(file);
    wire_row(out, (const char *const *) &text, 1);
    free(text);
}
