/*
 * Explanations are short: they are collected whole, in the statement's arena.
 *
 * Under EXPLAIN ANALYZE the shards send no rows: how many they would send is what their plans' first nodes say ("Actual Rows"), and how wide
 * these are is what PostgreSQL expects of them ("Plan Width"), which COSTS OFF leaves out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/explain_inside.h"
#include "proxy/wire.h"

struct explanation *explanation_new(struct arena *arena, enum explain_format format, const char *preface)
{
    struct explanation *explanation = arena_alloc(arena, sizeof(*explanation));
    *explanation = (struct explanation){.arena = arena, .format = format, .preface = arena_strdup(arena, preface)};
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
    answer->counted = answer->measured = true;
    answer->moved_rows = rows;
    answer->moved_bytes = bytes;
}

/* --- what the shards' plans count ---------------------------------------------------------------------------- */

static const char *find_behind(const char *text, const char *word)
{
    const char *found = strstr(text, word);
    return found ? found + strlen(word) : NULL;
}

/* What stands before a number of the plan's first node, in each format. */
struct number_marks {
    const char *clause, *text, *json, *xml, *yaml;
};

/*
 * NAN: it is not told.  In text the node is the first line, and its numbers stand behind all names, of which those with blanks or signs
 * are in quotes.  In the other formats its members come before those of other nodes, and names cannot look like one: quotes, brackets and line ends
 * in them are escaped.
 */
static double number_of(const struct explanation *explanation, const struct answer *answer, const struct number_marks *marks)
{
    const char *at = answer->count > 0 ? answer->rows[0] : "", *quote = strrchr(at, '"');
    char *end = NULL;
    switch (explanation->format) {
    case EXPLAIN_TEXT:
        at = find_behind(quote ? quote : at, marks->clause);
        at = at ? find_behind(at, marks->text) : NULL;
        break;
    case EXPLAIN_JSON:
        at = find_behind(at, marks->json);
        break;
    case EXPLAIN_XML:
        at = find_behind(at, marks->xml);
        break;
    case EXPLAIN_YAML:
        at = find_behind(at, marks->yaml);
        break;
    }
    double number = at ? strtod(at, &end) : NAN;
    return end == at ? NAN : number;
}

static double actual_rows(const struct explanation *explanation, const struct answer *answer)
{
    static const struct number_marks marks = {" (actual ", "rows=", "\"Actual Rows\": ", "<Actual-Rows>", "\n    Actual Rows: "};
    return number_of(explanation, answer, &marks);
}

static double row_width(const struct explanation *explanation, const struct answer *answer)
{
    static const struct number_marks marks = {" (cost=", "width=", "\"Plan Width\": ", "<Plan-Width>", "\n    Plan Width: "};
    return number_of(explanation, answer, &marks);
}

static const char *rows_in_words(struct arena *arena, double rows)
{
    return arena_printf(arena, "%.0f row%s", rows, rows == 1 ? "" : "s");
}

/* Each tells how many, or none does. */
static void count_rows(struct explanation *explanation)
{
    struct arena *arena = explanation->arena;
    const char *each = "";
    double rows = 0, bytes = 0;
    for (struct answer *answer = explanation->answers; answer; answer = answer->next) {
        double some = actual_rows(explanation, answer);
        answer->counted = !isnan(some);
        answer->moved_rows = answer->counted ? (size_t) some : 0;
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
    if (explanation->format == EXPLAIN_TEXT)
        explanation_put_lines(explanation, out);
    else
        explanation_put_document(explanation, out);
}
