/*
 * The choice of func_select_candidate() in parse_func.c: first whoever takes exactly these types; else, of those that the arguments
 * can be converted for without being asked, the ones with the most exact types, then with the most exact or preferred ones.  Of
 * what PostgreSQL does behind that, for literals without a type, only that they are texts if they can be is followed.
 */
#include "router/results.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/sql_types.h"

enum { MOST_ARGUMENTS = 8, MOST_CANDIDATES = 128, ANY_COUNT = -1 };

struct candidate {
    uint32_t arguments[MOST_ARGUMENTS], result;
    int count; /* ANY_COUNT: it has defaults or VARIADIC, or takes a domain: it is always possible, and never exact */
};

struct choice {
    const struct planning *planning;
    bool operators;          /* not functions */
    const char *conversions; /* that PostgreSQL makes without being asked */
    const uint32_t *arguments;
    int count;
    struct candidate candidates[MOST_CANDIDATES];
    int candidate_count;
    bool overflow;
};

/* pg_type.dat: the pseudo types that stand for any type, or any of a kind. */
static bool is_polymorphic(uint32_t type)
{
    static const uint32_t types[] = {2276, 2283, 2277, 2776, 3500, 3831, 4537, 5077, 5078, 5079, 5080, 4538};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* record, cstring, internal, void, trigger, … */
static bool is_pseudo(uint32_t type)
{
    return is_polymorphic(type) || type == 2249 || type == 2287 || (type >= 2275 && type <= 2282) || type == 3838;
}

static bool converts(const struct choice *choice, uint32_t from, uint32_t to)
{
    char pair[32];
    if (from == RESULT_NO_ARGUMENT || to == RESULT_NO_ARGUMENT)
        return from == to;
    if (from == to || !from || from == TYPE_unknown || is_polymorphic(to))
        return true;
    snprintf(pair, sizeof pair, " %u>%u ", from, to);
    return choice->conversions && strstr(choice->conversions, pair);
}

static bool is_possible(const struct choice *choice, const struct candidate *candidate)
{
    if (candidate->count == ANY_COUNT || choice->count == RESULT_ANY_COUNT)
        return true;
    if (candidate->count != choice->count)
        return false;
    for (int i = 0; i < choice->count; i++)
        if (!converts(choice, choice->arguments[i], candidate->arguments[i]))
            return false;
    return true;
}

/* "23,23>23", "?>25", ">1184"; an operator's missing argument is 0. */
static const char *read_signature(const char *text, struct candidate *candidate, bool operator)
{
    char *end = (char *) text;
    candidate->count = 0;
    if (*text == '?') {
        candidate->count = ANY_COUNT;
        end++;
    }
    while (*end != '>') {
        uint32_t type = (uint32_t) strtoul(end + (*end == ','), &end, 10);
        if (candidate->count == MOST_ARGUMENTS)
            candidate->count = ANY_COUNT;
        if (candidate->count != ANY_COUNT)
            candidate->arguments[candidate->count++] = type || !operator ? type : RESULT_NO_ARGUMENT;
    }
    candidate->result = (uint32_t) strtoul(end + 1, &end, 10);
    return end + strspn(end, " ");
}

static void add_candidates(struct choice *choice, enum result_kind kind, const char *schema, const char *name)
{
    const char *text = catalog_results(choice->planning->routing->catalog, kind, schema, name);
    while (text && *text) {
        struct candidate candidate;
        text = read_signature(text, &candidate, kind == RESULT_OPERATOR);
        if (!is_possible(choice, &candidate))
            continue;
        choice->overflow |= choice->candidate_count == MOST_CANDIDATES;
        if (!choice->overflow)
            choice->candidates[choice->candidate_count++] = candidate;
    }
}

/* Of all schemas that the name may be looked up in: which of them comes first does not matter if they agree. */
static void find_candidates(struct choice *choice, enum result_kind kind, const List *name)
{
    const char *schema = parse_qualifier(name), *bare = parse_name(name);
    char next[NAMEDATALEN];
    if (schema) {
        add_candidates(choice, kind, schema, bare);
        return;
    }
    add_candidates(choice, kind, "pg_catalog", bare);
    struct resolve_path path = resolve_path(choice->planning);
    while (resolve_path_next(&path, next))
        if (strcmp(next, "pg_catalog"))
            add_candidates(choice, kind, next, bare);
}

/* The type that all of them give, or 0. */
static uint32_t common_result(const struct choice *choice)
{
    for (int i = 1; i < choice->candidate_count; i++)
        if (choice->candidates[i].result != choice->candidates[0].result)
            return 0;
    bool known = choice->candidate_count && !choice->overflow && !is_pseudo(choice->candidates[0].result);
    return known ? choice->candidates[0].result : 0;
}

/* Of the category that the argument is of (pg_type.typispreferred). */
static bool is_preferred(uint32_t argument, uint32_t type)
{
    switch (type) {
    case TYPE_float8:
        return type_is_integer(argument) || argument == TYPE_numeric || argument == TYPE_float4 || argument == TYPE_money;
    case TYPE_oid:
        return type_is_integer(argument) || argument == TYPE_numeric || argument == TYPE_float4;
    case TYPE_text:
        return type_is_string(argument);
    case TYPE_timestamptz:
        return argument == TYPE_date || argument == TYPE_timestamp;
    default:
        return false;
    }
}

static int score(const struct choice *choice, const struct candidate *candidate, bool preferred)
{
    int score = 0;
    for (int i = 0; candidate->count != ANY_COUNT && i < choice->count; i++) {
        uint32_t argument = choice->arguments[i], type = candidate->arguments[i];
        score += argument != TYPE_unknown && (argument == type || (preferred && is_preferred(argument, type)));
    }
    return score;
}

static void keep_best(struct choice *choice, bool preferred)
{
    int best = 0, kept = 0;
    for (int i = 0; i < choice->candidate_count; i++) {
        int points = score(choice, &choice->candidates[i], preferred);
        best = points > best ? points : best;
    }
    for (int i = 0; i < choice->candidate_count; i++)
        if (score(choice, &choice->candidates[i], preferred) == best)
            choice->candidates[kept++] = choice->candidates[i];
    choice->candidate_count = kept;
}

static bool has_variable(const struct choice *choice)
{
    for (int i = 0; i < choice->candidate_count; i++)
        if (choice->candidates[i].count == ANY_COUNT)
            return true;
    return false;
}

static bool has_argument(const struct choice *choice, uint32_t type)
{
    for (int i = 0; i < choice->count; i++)
        if (choice->arguments[i] == type)
            return true;
    return false;
}

/* Those that take exactly these types, if there are any: nothing else is chosen then. */
static void keep_exact(struct choice *choice)
{
    int kept = 0;
    for (int i = 0; i < choice->candidate_count; i++)
        if (choice->candidates[i].count != ANY_COUNT &&
            score(choice, &choice->candidates[i], false) == choice->count)
            choice->candidates[kept++] = choice->candidates[i];
    if (kept)
        choice->candidate_count = kept;
}

static bool keeps(struct choice *choice, int argument, bool (*keep)(uint32_t type))
{
    int kept = 0;
    for (int i = 0; i < choice->candidate_count; i++)
        if (keep(choice->candidates[i].arguments[argument]))
            choice->candidates[kept++] = choice->candidates[i];
    if (kept)
        choice->candidate_count = kept;
    return kept > 0;
}

static bool is_text(uint32_t type)
{
    return type == TYPE_text;
}

/* A literal without a type is taken for a text where any of them takes one.  Of types of the users' own that is not known, and
 * operators that take any type (||) are not among those that are followed. */
static bool take_literals_for_texts(struct choice *choice)
{
    for (int i = 0; i < choice->candidate_count; i++)
        for (int a = 0; a < choice->count; a++) {
            uint32_t type = choice->candidates[i].arguments[a];
            if ((choice->operators && is_polymorphic(type)) ||
                (choice->arguments[a] == TYPE_unknown && type >= FIRST_USER_TYPE && type != RESULT_NO_ARGUMENT))
                return false;
        }
    for (int a = 0; a < choice->count; a++) {
        if (choice->arguments[a] != TYPE_unknown)
            continue;
        if (!keeps(choice, a, type_is_string))
            return false;
        keeps(choice, a, is_text);
    }
    return true;
}

static uint32_t choose(struct choice *choice)
{
    uint32_t result = common_result(choice);
    if (result || choice->overflow || has_argument(choice, 0))
        return result;
    keep_exact(choice);
    result = common_result(choice);
    for (int preferred = 0; preferred < 2 && !result && !has_variable(choice); preferred++) {
        keep_best(choice, preferred);
        result = common_result(choice);
    }
    bool texts = !result && !has_variable(choice) && has_argument(choice, TYPE_unknown) && take_literals_for_texts(choice);
    return texts ? common_result(choice) : result;
}

static uint32_t result_of(const struct planning *planning, enum result_kind kind, const List *name,
                          const uint32_t *arguments, int count)
{
    struct choice choice = {
        .planning = planning, .operators = kind == RESULT_OPERATOR, .arguments = arguments, .count = count};
    choice.conversions = catalog_results(planning->routing->catalog, RESULT_CONVERSION, "", "");
    find_candidates(&choice, kind, name);
    return choose(&choice);
}

uint32_t result_of_function(const struct planning *planning, const List *name, const uint32_t *arguments, int count)
{
    return count > MOST_ARGUMENTS ? 0 : result_of(planning, RESULT_FUNCTION, name, arguments, count);
}

/* A literal beside another type is first taken to be of that type (binary_oper_exact() in parse_oper.c). */
uint32_t result_of_operator(const struct planning *planning, const List *name, uint32_t left, uint32_t right)
{
    uint32_t same[] = {left == TYPE_unknown ? right : left, right == TYPE_unknown ? left : right};
    uint32_t arguments[] = {left, right};
    bool literal = left != RESULT_NO_ARGUMENT && (left == TYPE_unknown) != (right == TYPE_unknown);
    if (literal && left && right) {
        struct choice choice = {.planning = planning, .arguments = same, .count = 2};
        find_candidates(&choice, RESULT_OPERATOR, name);
        keep_exact(&choice);
        if (choice.candidate_count && score(&choice, &choice.candidates[0], false) == 2)
            return common_result(&choice);
    }
    return result_of(planning, RESULT_OPERATOR, name, arguments, 2);
}

uint32_t result_of_cast(const struct planning *planning, const TypeName *type)
{
    const struct catalog *catalog = planning->routing->catalog;
    char next[NAMEDATALEN];
    if (!type->names || type->setof || type->pct_type || type->arrayBounds)
        return 0;
    const char *schema = parse_qualifier(type->names), *name = parse_name(type->names);
    const char *found = catalog_results(catalog, RESULT_TYPE, schema ? schema : "pg_catalog", name);
    struct resolve_path path = resolve_path(planning);
    bool named = false; /* pg_catalog, in the path: not the first then */
    while (!schema && resolve_path_next(&path, next)) {
        const char *other = strcmp(next, "pg_catalog") ? catalog_results(catalog, RESULT_TYPE, next, name) : NULL;
        named |= !strcmp(next, "pg_catalog");
        if (named && other && found)
            return 0;
        found = found ? found : other;
    }
    return found ? (uint32_t) strtoul(found, NULL, 10) : 0;
}
