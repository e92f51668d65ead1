/*
 * Conditions compare columns with what a sharding proxy looks for: keys with literals and parameters of all
 * kinds, keys with keys, and with queries.
 */
#include <string.h>

#include "tests/differential/generate_inside.h"

/* ---- a column and literals ---- */

/* A value as something that is not just a literal of the column's type. */
static const char *const disguises[VALUE_SORTS][8] = {
    [SORT_INT] = {"%s.0", "%s.5", "'%s'::bigint", "'%s'::smallint", "'%s'::float8", "(%s + 0)"},
    [SORT_BIG] = {"%s.0", "'%s'::numeric", "'%s'::bigint", "'%s'::float8", "(%s - 0)"},
    [SORT_TEXT] = {"'%s'::varchar", "'%s'::char(5)", "'%s'::name", "lower('%s')", "('%s' || '')", "E'%s'"},
    [SORT_DATE] = {"'%s'::timestamp", "'%s'::timestamptz", "date '%s'", "'%s 00:00:01'::timestamp"},
    [SORT_UUID] = {"'{%s}'", "upper('%s')::uuid"},
};

static struct term *disguised(struct generator *generator, const struct column *column, const char *value)
{
    int count = 0;
    while (disguises[column->sort][count])
        count++;
    if (!count)
        return NULL;
    const char *format = disguises[column->sort][below(generator, count)];
    return term_leaf(generator->arena, column->sort, arena_printf(generator->arena, format, value));
}

/* As one compares with a column: its type is known from there. */
static struct term *bare_literal(struct generator *generator, const struct column *column)
{
    const char *value = choose_value(generator, column->pool);
    if (generator->parameters > 0 && !generator->repeated && chance(generator, 50))
        return term_pattern(generator->arena, column->sort, "#", generate_parameter(generator, value));
    if (chance(generator, 8))
        return generate_literal(generator, column->sort, column->pool);
    struct term *term = chance(generator, 10) ? disguised(generator, column, value) : NULL;
    bool number = column->sort == SORT_INT || column->sort == SORT_BIG || column->sort == SORT_NUM;
    return term ? term
                : term_leaf(generator->arena, column->sort,
                            number && chance(generator, 80) ? value
                                                            : arena_printf(generator->arena, "'%s'", value));
}

/* '{…}' of two values, or the same as a parameter. */
static struct term *array_literal(struct generator *generator, const struct column *column)
{
    struct arena *arena = generator->arena;
    const char *values = arena_printf(arena, "{\"%s\",\"%s\"}", choose_value(generator, column->pool),
                                      choose_value(generator, column->pool));
    if (generator->parameters > 0 && chance(generator, 60))
        return term_pattern(arena, SORT_FIXED,
                            chance(generator, 50) ? "#"
                                                  : arena_printf(arena, "#::%s[]", sort_types[column->sort]),
                            generate_parameter(generator, values));
    return term_leaf(arena, SORT_FIXED, arena_printf(arena, "'%s'", values));
}

/* Each `#` is the column, a value (`v`), or an array (`[`), as `arguments` says; the first is the column. */
static const struct comparison {
    const char *text;
    int weight;
    char argument;
} comparisons[] = {
    {"(# = #)", 6, 'v'},
    {"(# IN (#, #))", 3, 'v'},
    {"(# IN (#, #, #))", 2, 'v'},
    {"(# IN (#))", 1, 'v'},
    {"(# > #)", 2, 'v'},
    {"(# >= #)", 2, 'v'},
    {"(# < #)", 2, 'v'},
    {"(# <= #)", 2, 'v'},
    {"(# <> #)", 2, 'v'},
    {"(NOT (# = #))", 1, 'v'},
    {"(# IS NOT DISTINCT FROM #)", 1, 'v'},
    {"(# IS DISTINCT FROM #)", 1, 'v'},
    {"(# BETWEEN # AND #)", 2, 'v'},
    {"(# NOT BETWEEN # AND #)", 1, 'v'},
    {"(# NOT IN (#, #))", 1, 'v'},
    {"((# = #) IS NOT TRUE)", 1, 'v'},
    {"(# = ANY (ARRAY[#, #]))", 1, 't'},
    {"(# = ANY (#))", 3, '['},
    {"(# <> ALL (#))", 1, '['},
    {"(# IS NULL)", 1, 'v'},
    {"(# IS NOT NULL)", 2, 'v'},
};

static const struct comparison *choose_comparison(struct generator *generator)
{
    int total = 0, i = 0;
    for (size_t c = 0; c < sizeof comparisons / sizeof *comparisons; c++)
        total += comparisons[c].weight;
    int chosen = below(generator, total);
    while ((chosen -= comparisons[i].weight) >= 0)
        i++;
    return &comparisons[i];
}

static struct term *compared_value(struct generator *generator, const struct comparison *comparison,
                                   const struct column *column)
{
    return comparison->argument == '[' && column->sort != SORT_JSON && column->sort != SORT_ARRAY
               ? array_literal(generator, column)
           : comparison->argument == 'v' ? bare_literal(generator, column)
                                         : generate_literal(generator, column->sort, column->pool);
}

static struct term *compare_column(struct generator *generator)
{
    const struct scope *scope = generator->scope;
    const struct relation *relation = &scope->relations[below(generator, scope->count)];
    const struct column *column =
        &relation->columns[chance(generator, 50) ? 0 : below(generator, relation->column_count)];
    const struct comparison *comparison = choose_comparison(generator);
    struct term *term = term_pattern(generator->arena, SORT_BOOL, "");
    bool merged = scope->merged.name && chance(generator, 30);
    column = merged ? &scope->merged : column;
    term->text = comparison->text;
    term_add(term, merged ? term_leaf(generator->arena, column->sort, column->name)
                          : column_term(generator, relation, column));
    for (const char *at = strchr(term->text, '#') + 1; (at = strchr(at, '#')); at++)
        term_add(term, compared_value(generator, comparison, column));
    return term;
}

/* The first two columns, which are a key of two in many tables. */
static struct term *compare_rows(struct generator *generator)
{
    static const char *const texts[] = {"((#, #) = (#, #))", "((#, #) >= (#, #))", "((#, #) < (#, #))",
                                        "((#, #) IN ((#, #), (#, #)))"};
    const struct relation *relation = &generator->scope->relations[below(generator, generator->scope->count)];
    struct term *term = term_pattern(generator->arena, SORT_BOOL, "");
    int which = 0;
    if (relation->column_count < 2)
        return compare_column(generator);
    term->text = texts[below(generator, sizeof texts / sizeof *texts)];
    for (const char *at = strchr(term->text, '#'); at; at = strchr(at + 1, '#'), which++)
        term_add(term, which < 2 ? column_term(generator, relation, &relation->columns[which])
                                 : bare_literal(generator, &relation->columns[which % 2]));
    return term;
}

/* ---- columns and columns ---- */

/* Two columns that have values in common, of different relations where that can be. */
static struct term *compare_columns(struct generator *generator, const struct scope *other)
{
    const struct relation *left, *right;
    const struct column *a = choose_column(generator, generator->scope, SORT_ANY, &left), *b = NULL;
    for (int i = 0; a && i < 12; i++) {
        b = choose_column(generator, other, a->sort, &right);
        if (b && b->pool == a->pool && left != right)
            break;
    }
    if (!a || !b)
        return compare_column(generator);
    const char *text = chance(generator, 85) ? "(# = #)" : chance(generator, 50) ? "(# < #)" : "(# <> #)";
    return term_pattern(generator->arena, SORT_BOOL, text, column_term(generator, left, a),
                        column_term(generator, right, b));
}

/* ---- a column and a query ---- */

static struct term *nested_condition(struct generator *generator)
{
    static const char *const texts[] = {"(# IN (#))",    "(# IN (#))",    "(# NOT IN (#))",
                                        "(# = ANY (#))", "(# > ALL (#))", "(# <= ANY (#))"};
    struct arena *arena = generator->arena;
    struct outputs any = {0}, one = {.count = 1};
    const struct relation *relation;
    const struct column *column = choose_column(generator, generator->scope, SORT_ANY, &relation);
    if (!column || chance(generator, 40))
        return term_pattern(arena, SORT_BOOL, chance(generator, 60) ? "EXISTS (#)" : "(NOT EXISTS (#))",
                            generate_query(generator, &any));
    if (chance(generator, 30))
        column = &relation->columns[0];
    one.columns[0] = *column;
    return term_pattern(arena, SORT_BOOL, texts[below(generator, sizeof texts / sizeof *texts)],
                        column_term(generator, relation, column), generate_query(generator, &one));
}

struct term *generate_condition(struct generator *generator, int depth)
{
    int kind = below(generator, generator->complexity ? 100 : 60);
    if (kind < 42 && generator->scope->count)
        return compare_column(generator);
    if (kind < 46 && generator->scope->count)
        return compare_rows(generator);
    if (kind < 60 && generator->scope->count) {
        bool outer = generator->scope->outer && chance(generator, 80);
        return compare_columns(generator, outer ? generator->scope->outer : generator->scope);
    }
    if (kind < 72 && may_nest(generator))
        return nested_condition(generator);
    return generate_by_rule(generator, depth);
}

struct term *generate_where(struct generator *generator)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, " AND ");
    int count = 1 + chance(generator, 35);
    if (generator->scope->outer && generator->scope->count && chance(generator, 60))
        term_add(list, compare_columns(generator, generator->scope->outer));
    for (int i = 0; i < count; i++)
        term_add(list, generate_condition(generator, generator->complexity));
    return term_pattern(generator->arena, SORT_PART, " WHERE #", list);
}
