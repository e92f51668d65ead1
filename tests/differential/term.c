/*
 * Terms are never copied: who makes a tree smaller puts another child in a place, and the old one back if
 * that was no good.  One term may stand in two places.
 */
#include "tests/differential/term.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct term *make(struct arena *arena, enum sort sort, enum shape shape, const char *text)
{
    struct term *term = arena_alloc(arena, sizeof *term);
    term->sort = sort;
    term->shape = shape;
    term->text = text;
    return term;
}

struct term *term_leaf(struct arena *arena, enum sort sort, const char *text)
{
    return make(arena, sort, TERM_LEAF, text);
}

struct term *term_parameter(struct arena *arena, const char *value)
{
    return make(arena, SORT_FIXED, TERM_PARAMETER, value);
}

struct term *term_pattern(struct arena *arena, enum sort sort, const char *text, ...)
{
    struct term *term = make(arena, sort, TERM_PATTERN, text);
    va_list children;
    va_start(children, text);
    for (const char *at = strchr(text, '#'); at; at = strchr(at + 1, '#'))
        term_add(term, va_arg(children, struct term *));
    va_end(children);
    return term;
}

struct term *term_list(struct arena *arena, enum sort sort, const char *separator)
{
    return make(arena, sort, TERM_LIST, separator);
}

bool term_add(struct term *list, struct term *child)
{
    if (list->child_count == TERM_CHILDREN)
        return false;
    list->children[list->child_count++] = child;
    return true;
}

struct term *term_order(struct arena *arena, const struct term *query, const char *variants)
{
    struct term *term = make(arena, SORT_FIXED, TERM_ORDER, variants);
    assert(*variants);
    term->query = query;
    return term;
}

enum { QUERY_WITH, QUERY_BODY, QUERY_TAIL };

struct term *term_query(struct arena *arena, struct term *with, struct term *body, struct term *tail)
{
    return term_pattern(arena, SORT_QUERY, "###", with, body, tail);
}

bool term_is_ordered(const struct term *query)
{
    const struct term *tail = query->sort == SORT_QUERY ? query->children[QUERY_TAIL] : NULL;
    return tail && tail->children[1]->shape == TERM_ORDER;
}

/* The select list that names the columns: the first one. */
static const struct term *find_items(const struct term *term)
{
    const struct term *found = NULL;
    if (!term || term->sort == SORT_ITEMS)
        return term;
    for (int i = 0; i < term->child_count && !found; i++)
        found = find_items(term->children[i]);
    return found;
}

static int width_of(const struct term *items)
{
    int width = 0;
    for (int i = 0; items && i < items->child_count; i++)
        if (items->children[i])
            width += items->children[i]->width ? items->children[i]->width : 1;
    return width;
}

/* ---- writing ---- */

struct writer {
    FILE *sql;
    struct step *step;
    bool full;
};

static void write_term(struct writer *writer, const struct term *term);

static void write_parameter(struct writer *writer, const char *value)
{
    struct step *step = writer->step;
    if (step->value_count == STEP_VALUES) {
        writer->full = true;
        return;
    }
    step->values[step->value_count++] = value ? strdup(value) : NULL;
    fprintf(writer->sql, "$%d", step->value_count);
}

static void write_pattern(struct writer *writer, const struct term *term)
{
    int child = 0;
    for (const char *at = term->text; *at; at++)
        if (*at == '#')
            write_term(writer, term->children[child++]);
        else if (*at == '`')
            write_term(writer, term->children[child - 1]);
        else
            fputc(*at, writer->sql);
}

static void write_list(struct writer *writer, const struct term *term)
{
    bool first = true;
    for (int i = 0; i < term->child_count; i++) {
        if (!term->children[i])
            continue;
        fputs(first ? "" : term->text, writer->sql);
        write_term(writer, term->children[i]);
        first = false;
    }
}

static void write_order(struct writer *writer, const struct term *term)
{
    static const char *const variants[] = {"", " DESC", " NULLS FIRST", " DESC NULLS LAST"};
    int width = width_of(find_items(term->query->children[QUERY_BODY]));
    size_t count = strlen(term->text);
    for (int i = 0; i < width; i++)
        fprintf(writer->sql, "%s%d%s", i ? ", " : "", i + 1,
                variants[(term->text[(size_t) i % count] - '0') % 4]);
}

static void write_term(struct writer *writer, const struct term *term)
{
    if (!term)
        return;
    switch (term->shape) {
    case TERM_LEAF:
        fputs(term->text, writer->sql);
        break;
    case TERM_PARAMETER:
        write_parameter(writer, term->text);
        break;
    case TERM_PATTERN:
        write_pattern(writer, term);
        break;
    case TERM_LIST:
        write_list(writer, term);
        break;
    case TERM_ORDER:
        write_order(writer, term);
        break;
    }
}

bool term_write(const struct term *term, struct step *step)
{
    size_t size;
    struct writer writer = {.step = step};
    *step = (struct step){0};
    writer.sql = open_memstream(&step->sql, &size);
    write_term(&writer, term);
    fclose(writer.sql);
    return !writer.full;
}
