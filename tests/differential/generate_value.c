/*
 * The grammar of values is a table of rules: what comes out, the text, what goes in, one
 * letter for each sort.
 */
#include <string.h>

#include "tests/differential/generate_inside.h"

/* x: any sort; y: any that max() and min() take.  Both are the same wherever they stand in a rule. */
static const char sort_letters[] = {
    [SORT_INT] = 'i',  [SORT_BIG] = 'b',  [SORT_NUM] = 'n',  [SORT_FLOAT] = 'f',
    [SORT_TEXT] = 't', [SORT_BOOL] = 'o', [SORT_DATE] = 'd', [SORT_TIME] = 's',
    [SORT_UUID] = 'u', [SORT_MOOD] = 'm', [SORT_JSON] = 'j', [SORT_ARRAY] = 'a',
};

struct rule {
    char result;
    const char *text;
    const char *arguments;
    int weight;
};

/* Smallints are widened before they are added.  Numerics of different scales can be equal: where several
 * meet, trim_scale() makes them look so. */
static const struct rule value_rules[] = {
    {'i', "(# + 0 + #)", "ii", 4},
    {'i', "(# - 0 - #)", "ii", 3},
    {'i', "(# * 2)", "i", 2},
    {'i', "(# % 5)", "i", 3},
    {'i', "(# / 3)", "i", 2},
    {'i', "(- #)", "i", 1},
    {'i', "length(#)", "t", 3},
    {'i', "abs(#)", "i", 1},
    {'i', "cardinality(#)", "a", 1},
    {'i', "array_length(#, 1)", "a", 1},
    {'i', "plus_one(#)", "i", 1},
    {'i', "position('a' IN #)", "t", 1},
    {'i', "(#)::integer", "o", 1},
    {'i', "(# ->> 'n')::integer", "j", 1},
    {'b', "(# % 1000)", "b", 3},
    {'b', "(# / 7)", "b", 2},
    {'b', "(#)::bigint", "i", 2},
    {'b', "(# % 100 + #)", "bi", 2},
    {'n', "trim_scale(# + #)", "nn", 2},
    {'n', "trim_scale(# * 2.5)", "n", 2},
    {'n', "round(#, 1)", "n", 2},
    {'n', "(#)::numeric", "i", 2},
    {'n', "(# / 4.0)", "i", 2},
    {'n', "(#)::numeric(12,3)", "i", 1},
    {'n', "extract(day FROM #)", "d", 1},
    {'f', "(# + 1)", "f", 1},
    {'f', "(# * 2)", "f", 1},
    {'f', "(#)::double precision", "i", 2},
    {'f', "abs(#)", "f", 1},
    {'t', "upper(#)", "t", 2},
    {'t', "lower(#)", "t", 2},
    {'t', "(# || #)", "tt", 3},
    {'t', "left(#, 2)", "t", 2},
    {'t', "substr(#, 2, 3)", "t", 1},
    {'t', "replace(#, 'a', 'b')", "t", 1},
    {'t', "trim(#)", "t", 1},
    {'t', "(#)::text", "i", 2},
    {'t', "(#)::text", "b", 1},
    {'t', "(#)::text", "n", 1},
    {'t', "(#)::text", "o", 1},
    {'t', "(#)::text", "d", 1},
    {'t', "(#)::text", "s", 1},
    {'t', "(#)::text", "u", 1},
    {'t', "(#)::text", "m", 1},
    {'t', "(#)::text", "j", 1},
    {'t', "(#)::varchar", "t", 1},
    {'t', "(# ->> 'n')", "j", 2},
    {'t', "md5(#)", "t", 1},
    {'t', "shout(#)", "t", 1},
    {'t', "concat(#, '-', #)", "tx", 1},
    {'t', "array_to_string(#, ',')", "a", 1},
    {'t', "(#)[1]", "a", 2},
    {'t', "format('%s/%s', #, #)", "xx", 1},
    {'t', "to_char(#, 'YYYY-MM')", "d", 1},
    {'d', "(# + 7)", "d", 2},
    {'d', "(#)::date", "s", 2},
    {'s', "(# + interval '1 day')", "s", 2},
    {'s', "date_trunc('day', #)", "s", 2},
    {'s', "(#)::timestamptz", "d", 1},
    {'u', "md5(#)::uuid", "t", 1},
    {'m', "(CASE WHEN # THEN 'ok' ELSE 'sad' END)::mood", "o", 1},
    {'j', "(# -> 'deep')", "j", 2},
    {'j', "to_jsonb(#)", "i", 1},
    {'j', "to_jsonb(#)", "t", 1},
    {'j', "jsonb_build_object('k', #)", "i", 1},
    {'a', "ARRAY[#, #]", "tt", 2},
    {'a', "array_append(#, #)", "at", 1},
    {'a', "string_to_array(#, ' ')", "t", 1},
    {'n', "trim_scale(coalesce(#, #))", "nn", 2},
    {'n', "trim_scale(CASE WHEN # THEN # ELSE # END)", "onn", 2},
    {'n', "trim_scale(greatest(#, #))", "nn", 1},
    {'N', "coalesce(#, #)", "xx", 3},
    {'N', "CASE WHEN # THEN # ELSE # END", "oxx", 3},
    {'N', "CASE WHEN # THEN # END", "ox", 2},
    {'N', "CASE # WHEN # THEN # ELSE # END", "ttxx", 1},
    {'N', "nullif(#, #)", "xx", 2},
    {'N', "greatest(#, #)", "xx", 1},
    {'N', "least(#, #)", "xx", 1},
    {'o', "(# = #)", "xx", 6},
    {'o', "(# <> #)", "xx", 3},
    {'o', "(# < #)", "xx", 3},
    {'o', "(# >= #)", "xx", 2},
    {'o', "(# IS NULL)", "x", 4},
    {'o', "(# IS NOT NULL)", "x", 3},
    {'o', "(# IS DISTINCT FROM #)", "xx", 2},
    {'o', "(# IS NOT DISTINCT FROM #)", "xx", 2},
    {'o', "(# BETWEEN # AND #)", "xxx", 2},
    {'o', "(# NOT BETWEEN # AND #)", "xxx", 1},
    {'o', "(# BETWEEN SYMMETRIC # AND #)", "iii", 1},
    {'o', "(# IN (#, #))", "xxx", 3},
    {'o', "(# NOT IN (#, #))", "xxx", 2},
    {'o', "(NOT #)", "o", 4},
    {'o', "(# AND #)", "oo", 4},
    {'o', "(# OR #)", "oo", 6},
    {'o', "(# IS TRUE)", "o", 1},
    {'o', "(# IS NOT FALSE)", "o", 1},
    {'o', "(# IS UNKNOWN)", "o", 1},
    {'o', "(# LIKE 'a%')", "t", 2},
    {'o', "(# NOT LIKE '%o%')", "t", 1},
    {'o', "(# LIKE '_o%')", "t", 1},
    {'o', "(# ILIKE 'N%')", "t", 1},
    {'o', "(# ~ '^[a-m]')", "t", 1},
    {'o', "starts_with(#, 'z')", "t", 1},
    {'o', "(# = ANY (#))", "ta", 2},
    {'o', "(# <> ALL (#))", "ta", 1},
    {'o', "(# > ANY (ARRAY[#, #]))", "iii", 1},
    {'o', "(# @> ARRAY['t1'])", "a", 1},
    {'o', "((#, #) = (#, #))", "titi", 1},
    {'o', "((#, #) < (#, #))", "titi", 1},
    {'o', "((#, #) IN ((#, #), (#, #)))", "tititi", 1},
    {'o', "(row(#, #) IS NULL)", "ti", 1},
    {'o', "(# @> '{\"n\": 1}')", "j", 1},
    {'o', "(# ? 'n')", "j", 1},
    {'o', "coalesce(#, false)", "o", 2},
};

static const struct rule aggregate_rules[] = {
    {'b', "count(*)", "", 6},
    {'b', "count(#)", "x", 4},
    {'b', "count(DISTINCT #)", "x", 4},
    {'b', "count(*) FILTER (WHERE #)", "o", 2},
    {'b', "sum(#)", "i", 5},
    {'b', "sum(#) FILTER (WHERE #)", "io", 2},
    {'b', "sum(DISTINCT #)", "i", 1},
    {'b', "coalesce(sum(#), 0)", "i", 1},
    {'n', "sum(#)", "b", 3},
    {'n', "sum(#)", "n", 3},
    {'n', "avg(#)", "i", 4},
    {'n', "avg(DISTINCT #)", "i", 1},
    {'n', "avg(#) FILTER (WHERE #)", "io", 1},
    {'n', "round(stddev(#), 4)", "i", 1},
    {'n', "round(var_pop(#), 4)", "i", 1},
    {'i', "bit_or(#)", "i", 1},
    {'i', "mode() WITHIN GROUP (ORDER BY #)", "i", 1},
    {'i', "percentile_disc(0.5) WITHIN GROUP (ORDER BY #)", "i", 1},
    {'f', "percentile_cont(0.5) WITHIN GROUP (ORDER BY #)", "i", 2},
    {'o', "bool_and(#)", "o", 2},
    {'o', "bool_or(#)", "o", 2},
    {'o', "every(#)", "o", 1},
    {'t', "string_agg(#, ',' ORDER BY `)", "t", 3},
    {'t', "string_agg(DISTINCT #, ',')", "t", 1},
    {'t', "string_agg(#, '' ORDER BY ` DESC) FILTER (WHERE #)", "to", 1},
    {'a', "array_agg(# ORDER BY `)", "t", 2},
    {'a', "array_agg(DISTINCT #)", "t", 1},
    {'j', "jsonb_agg(# ORDER BY `)", "i", 1},
    {'u', "(min((#)::text))::uuid", "u", 1},
    {'y', "max(#)", "y", 5},
    {'y', "min(#)", "y", 5},
    {'y', "max(#) FILTER (WHERE #)", "yo", 1},
};

/* w: a window; W: one whose order is total. */
static const struct rule window_rules[] = {
    {'b', "count(*) OVER (#)", "w", 3},
    {'b', "rank() OVER (#)", "w", 3},
    {'b', "dense_rank() OVER (#)", "w", 2},
    {'b', "sum(#) OVER (#)", "iw", 3},
    {'b', "count(#) OVER (#)", "xw", 1},
    {'n', "avg(#) OVER (#)", "iw", 1},
    {'y', "max(#) OVER (#)", "yw", 2},
    {'y', "min(#) FILTER (WHERE #) OVER (#)", "yow", 1},
    {'b', "row_number() OVER (#)", "W", 3},
    {'x', "lag(#) OVER (#)", "xW", 2},
    {'x', "first_value(#) OVER (#)", "xW", 1},
    {'b', "sum(#) OVER (# ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)", "iW", 1},
};

/* ---- rules ---- */

static bool is_result(const struct rule *rule, enum sort sort)
{
    switch (rule->result) {
    case 'x':
        return true;
    case 'N':
        return sort != SORT_NUM;
    case 'y':
        return sort != SORT_BOOL && sort != SORT_UUID && sort != SORT_JSON;
    default:
        return rule->result == sort_letters[sort];
    }
}

static const struct rule *choose_rule(struct generator *generator, const struct rule *rules, size_t count,
                                      enum sort sort)
{
    int total = 0;
    for (size_t i = 0; i < count; i++)
        total += is_result(&rules[i], sort) ? rules[i].weight : 0;
    int chosen = total ? below(generator, total) : -1;
    for (size_t i = 0; i < count && chosen >= 0; i++) {
        chosen -= is_result(&rules[i], sort) ? rules[i].weight : 0;
        if (chosen < 0)
            return &rules[i];
    }
    return NULL;
}

static struct term *window(struct generator *generator, bool total);

static enum sort letter_sort(char letter, enum sort any)
{
    for (enum sort sort = 0; sort < VALUE_SORTS; sort++)
        if (sort_letters[sort] == letter)
            return sort;
    return any;
}

/* `any` is what x, y stand for. */
static struct term *apply(struct generator *generator, const struct rule *rule, enum sort sort, enum sort any,
                          int depth)
{
    struct term *term = term_pattern(generator->arena, sort, "");
    term->text = rule->text;
    for (const char *at = rule->arguments; *at; at++)
        term_add(term, *at == 'w' || *at == 'W'
                           ? window(generator, *at == 'W')
                           : generate_value(generator, letter_sort(*at, any), depth - 1));
    return term;
}

static bool is_free(const struct rule *rule)
{
    return !strchr("xyN", rule->result);
}

/* ---- columns and literals ---- */

/* Does the name alone mean this column? */
static bool is_unique(const struct generator *generator, const struct relation *relation, const char *name)
{
    const struct scope *scope = generator->scope;
    int count = 0;
    for (int i = 0; i < scope->count; i++)
        for (int c = 0; c < scope->relations[i].column_count; c++)
            count += !strcmp(scope->relations[i].columns[c].name, name);
    return relation >= scope->relations && relation < scope->relations + scope->count && count == 1;
}

/* A negative zero equals zero and looks different.  The length of a varchar is told of an expression once it
 * has been folded to the column, and not before. */
static const char *column_format(const char *name)
{
    return !strcmp(name, "score") ? "(%s.%s + 0)" : !strcmp(name, "city") ? "(%s.%s)::varchar" : "%s.%s";
}

struct term *column_term(struct generator *generator, const struct relation *relation,
                         const struct column *column)
{
    const char *format = column_format(column->name);
    if (*format == '%' && chance(generator, 12) && is_unique(generator, relation, column->name))
        return term_leaf(generator->arena, column->sort, column->name);
    return term_leaf(generator->arena, column->sort,
                     arena_printf(generator->arena, format, relation->alias, column->name));
}

const struct column *choose_column(struct generator *generator, const struct scope *scope, enum sort sort,
                                   const struct relation **relation)
{
    const struct column *chosen = NULL;
    int seen = 0;
    for (int i = 0; i < scope->count; i++)
        for (int c = 0; c < scope->relations[i].column_count; c++) {
            const struct column *column = &scope->relations[i].columns[c];
            if ((sort != SORT_ANY && column->sort != sort) || below(generator, ++seen) != 0)
                continue;
            chosen = column;
            *relation = &scope->relations[i];
        }
    return chosen;
}

enum sort generate_sort(struct generator *generator)
{
    static const enum sort usual[] = {SORT_INT, SORT_TEXT, SORT_TEXT, SORT_BIG,
                                      SORT_NUM, SORT_BOOL, SORT_DATE};
    const struct relation *relation;
    const struct column *column =
        chance(generator, 75) ? choose_column(generator, generator->scope, SORT_ANY, &relation) : NULL;
    return column ? column->sort : usual[below(generator, sizeof usual / sizeof *usual)];
}

const char *choose_value(struct generator *generator, enum pool pool)
{
    int count = 0;
    while (pool_values[pool][count])
        count++;
    return pool_values[pool][below_for_value(generator, count)];
}

struct term *generate_parameter(struct generator *generator, const char *value)
{
    generator->parameters--;
    return term_parameter(generator->arena, chance(generator, 3) ? NULL : value);
}

struct term *generate_literal(struct generator *generator, enum sort sort, enum pool pool)
{
    struct arena *arena = generator->arena;
    const char *value = choose_value(generator, pool), *type = sort_types[sort];
    bool number = sort == SORT_INT || sort == SORT_BIG;
    if (chance(generator, 4))
        return term_leaf(arena, sort, arena_printf(arena, "NULL::%s", type));
    if (generator->parameters > 0 && !generator->repeated && chance(generator, 35))
        return term_pattern(arena, sort, arena_printf(arena, "#::%s", type),
                            generate_parameter(generator, value));
    return term_leaf(arena, sort,
                     generator->repeated ? arena_printf(arena, "'%s'::%s", value, type)
                     : sort == SORT_TEXT && chance(generator, 50) ? arena_printf(arena, "'%s'", value)
                     : number && *value != '-'                    ? value
                     : sort == SORT_BOOL                          ? value
                                         : arena_printf(arena, "'%s'::%s", value, type));
}

static struct term *key_leaf(struct generator *generator, enum sort sort)
{
    const struct group *group = generator->group;
    int first = group->count ? below(generator, group->count) : 0;
    for (int i = 0; i < group->count; i++)
        if (group->sorts[(first + i) % group->count] == sort)
            return group->keys[(first + i) % group->count];
    return NULL;
}

static struct term *column_leaf(struct generator *generator, enum sort sort)
{
    const struct relation *relation;
    const struct scope *scope = generator->scope;
    bool outer = scope->outer && chance(generator, 12);
    if (scope->merged.name && scope->merged.sort == sort && chance(generator, 30))
        return term_leaf(generator->arena, sort, scope->merged.name);
    const struct column *column = choose_column(generator, outer ? scope->outer : scope, sort, &relation);
    return column ? column_term(generator, relation, column) : NULL;
}

static struct term *leaf(struct generator *generator, enum sort sort)
{
    struct term *term = NULL;
    if (generator->group && chance(generator, 85)) {
        term = chance(generator, 45) ? key_leaf(generator, sort) : NULL;
        term = term ? term : generate_aggregate(generator, sort);
    } else if (!generator->group && chance(generator, 90)) {
        term = column_leaf(generator, sort);
    }
    return term ? term : generate_literal(generator, sort, sort_pools[sort]);
}

/* ---- values ---- */

bool may_nest(const struct generator *generator)
{
    return generator->complexity && !generator->repeated && !generator->group && generator->depth < 3 &&
           generator->tables > 0;
}

struct term *generate_value(struct generator *generator, enum sort sort, int depth)
{
    if (may_nest(generator) && chance(generator, 2))
        return term_pattern(generator->arena, sort, "(#)", generate_scalar(generator, sort));
    if (sort == SORT_BOOL && !generator->group && !generator->repeated && depth > 0 && chance(generator, 40))
        return generate_condition(generator, depth);
    const struct rule *rule =
        depth > 0 && chance(generator, sort == SORT_BOOL ? 75 : 40)
            ? choose_rule(generator, value_rules, sizeof value_rules / sizeof *value_rules, sort)
            : NULL;
    if (!rule)
        return leaf(generator, sort);
    return apply(generator, rule, sort, is_free(rule) ? generate_sort(generator) : sort, depth);
}

/* Inside of it, values are those of rows. */
struct term *generate_aggregate(struct generator *generator, enum sort sort)
{
    const struct group *group = generator->group;
    const struct rule *rule =
        choose_rule(generator, aggregate_rules, sizeof aggregate_rules / sizeof *aggregate_rules, sort);
    if (!rule)
        return NULL;
    generator->group = NULL;
    struct term *term =
        apply(generator, rule, sort, is_free(rule) ? generate_sort(generator) : sort, generator->complexity);
    generator->group = group;
    return term;
}

/* ---- windows ---- */

/* Columns that tell the rows of the whole FROM apart, or NULL. */
static const char *identity(struct generator *generator)
{
    const char *all = NULL;
    for (int i = 0; i < generator->scope->count; i++) {
        const char *own = generator->scope->relations[i].identity;
        if (!own)
            return NULL;
        all = all ? arena_printf(generator->arena, "%s, %s", all, own) : own;
    }
    return all;
}

static struct term *window(struct generator *generator, bool total)
{
    struct arena *arena = generator->arena;
    struct term *partition = NULL, *order = NULL;
    if (chance(generator, 50))
        partition = term_pattern(arena, SORT_PART, "PARTITION BY # ",
                                 generate_value(generator, generate_sort(generator), 1));
    if (total)
        order = term_leaf(arena, SORT_FIXED, arena_printf(arena, "ORDER BY %s", identity(generator)));
    else if (chance(generator, 60))
        order = term_pattern(arena, SORT_PART, chance(generator, 50) ? "ORDER BY #" : "ORDER BY # DESC",
                             generate_value(generator, generate_sort(generator), 1));
    return term_pattern(arena, SORT_FIXED, "##", partition, order);
}

struct term *generate_window(struct generator *generator, enum sort sort)
{
    const struct rule *rule =
        choose_rule(generator, window_rules, sizeof window_rules / sizeof *window_rules, sort);
    if (!rule || (strchr(rule->arguments, 'W') && !identity(generator)))
        return NULL;
    return apply(generator, rule, sort, is_free(rule) ? generate_sort(generator) : sort,
                 generator->complexity / 2);
}

struct term *generate_by_rule(struct generator *generator, int depth)
{
    const struct rule *rule =
        choose_rule(generator, value_rules, sizeof value_rules / sizeof *value_rules, SORT_BOOL);
    return apply(generator, rule, SORT_BOOL, is_free(rule) ? generate_sort(generator) : SORT_BOOL, depth);
}
