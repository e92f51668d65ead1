/*
 * Every term is tried without its parts, in the shape of a smaller term of its sort inside it, and as a
 * literal; what makes the text shorter and still shows the difference stays, until nothing more does.  What
 * makes no sense any more is an error everywhere, and so shows nothing.
 *
 * A term changes in its place, so that it changes wherever it stands.
 */
#include "tests/differential/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "tests/differential/tables.h"

enum { MOST_TRIES = 2000, MOST_INNER = 64 };

struct shrinking {
    struct arena *arena;
    struct generated *generated;
    shrink_test *shows;
    void *context;
    size_t length; /* of the text that showed it last */
    int tries;
};

/* ---- one change ---- */

/* SELECT DISTINCT ON takes any of its rows where their order is not total. */
static bool has_one_answer(const struct term *step, const char *sql)
{
    return !strstr(sql, "DISTINCT ON") || term_is_ordered(step);
}

static size_t length_of(const struct generated *generated)
{
    size_t length = 0;
    for (int i = 0; i < generated->step_count; i++) {
        struct step step;
        bool whole = term_write(generated->steps[i], &step);
        length += strlen(step.sql);
        if (!whole || !has_one_answer(generated->steps[i], step.sql))
            length = 1 << 30;
        for (int v = 0; v < step.value_count; v++)
            free(step.values[v]);
        free(step.sql);
    }
    return length;
}

static bool is_better(struct shrinking *shrinking)
{
    size_t length = length_of(shrinking->generated);
    if (length >= shrinking->length || shrinking->tries == 0)
        return false;
    shrinking->tries--;
    if (!shrinking->shows(shrinking->context, shrinking->generated))
        return false;
    shrinking->length = length;
    return true;
}

static bool try_as(struct shrinking *shrinking, struct term *term, const struct term *other)
{
    struct term before = *term;
    *term = *other;
    if (is_better(shrinking))
        return true;
    *term = before;
    return false;
}

/* ---- all changes of a term ---- */

static int count_children(const struct term *term)
{
    int count = 0;
    for (int i = 0; i < term->child_count; i++)
        count += term->children[i] != NULL;
    return count;
}

static void drop_children(struct shrinking *shrinking, struct term *term)
{
    for (int i = 0; i < term->child_count; i++) {
        struct term *child = term->children[i];
        bool optional =
            term->shape == TERM_LIST ? count_children(term) > 1 : child && child->sort == SORT_PART;
        if (!child || !optional)
            continue;
        term->children[i] = NULL;
        if (!is_better(shrinking))
            term->children[i] = child;
    }
}

static int find_inner(struct term *term, enum sort sort, struct term **found, int count)
{
    for (int i = 0; i < term->child_count; i++) {
        struct term *child = term->children[i];
        if (!child)
            continue;
        if (child->sort == sort && count < MOST_INNER)
            found[count++] = child;
        count = find_inner(child, sort, found, count);
    }
    return count;
}

static void hoist(struct shrinking *shrinking, struct term *term)
{
    struct term *found[MOST_INNER];
    bool hoistable = term->sort < VALUE_SORTS || term->sort == SORT_QUERY || term->sort == SORT_FROM;
    int count = hoistable ? find_inner(term, term->sort, found, 0) : 0;
    for (int i = count - 1; i >= 0; i--) /* the innermost first */
        if (try_as(shrinking, term, found[i]))
            return;
}

static void try_literals(struct shrinking *shrinking, struct term *term)
{
    if (term->sort >= VALUE_SORTS)
        return;
    const char *type = sort_types[term->sort];
    bool number = term->sort == SORT_INT || term->sort == SORT_BIG;
    const char *texts[] = {
        number                    ? "1"
        : term->sort == SORT_BOOL ? "true"
                                  : "''",
        term->sort == SORT_BOOL ? "false" : "NULL",
        arena_printf(shrinking->arena, "NULL::%s", type),
        arena_printf(shrinking->arena, "'%s'::%s", pool_values[sort_pools[term->sort]][0], type),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (try_as(shrinking, term, term_leaf(shrinking->arena, term->sort, texts[i])))
            return;
}

static void shrink_term(struct shrinking *shrinking, struct term *term)
{
    drop_children(shrinking, term);
    hoist(shrinking, term);
    try_literals(shrinking, term);
    for (int i = 0; i < term->child_count; i++)
        if (term->children[i])
            shrink_term(shrinking, term->children[i]);
}

/* Those before the last and the first ones, BEGIN and the end of the transaction, go too. */
static void drop_steps(struct shrinking *shrinking)
{
    struct generated *generated = shrinking->generated;
    for (int i = generated->step_count - 1; i >= 0 && generated->step_count > 1; i--) {
        struct generated before = *generated;
        memmove(&generated->steps[i], &generated->steps[i + 1],
                (size_t) (generated->step_count - i - 1) * sizeof *generated->steps);
        generated->step_count--;
        if (!is_better(shrinking))
            *generated = before;
    }
}

void shrink(struct arena *arena, struct generated *generated, shrink_test *shows, void *context)
{
    struct shrinking shrinking = {.arena = arena,
                                  .generated = generated,
                                  .shows = shows,
                                  .context = context,
                                  .length = length_of(generated),
                                  .tries = MOST_TRIES};
    size_t before;
    do {
        before = shrinking.length;
        drop_steps(&shrinking);
        for (int i = 0; i < generated->step_count; i++)
            shrink_term(&shrinking, generated->steps[i]);
    } while (shrinking.length < before && shrinking.tries > 0);
}
