/*
 * Shards a, b, c hold usernames up to g, from g to n, and from n on.
 */
#include "tests/unit/plan_town.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/town.h"

static const char *const configuration =
    "[keyway]\nauth_method = trust\n"
    "[shard a]\nconninfo = host=127.0.0.1\n"
    "[shard b]\nconninfo = host=127.0.0.1 port=5433\n"
    "[shard c]\nconninfo = host=127.0.0.1 port=5434\n"
    "[database app]\nshards = a, b, c\n"
    "[keyspace app.username]\ntype = text\nmethod = range\n"
    "range = a [-infinity, g)\nrange = b [g, n)\nrange = c [n, +infinity)\n"
    "[keyspace app.number]\ntype = bigint\nmethod = range\ngaps = yes\n"
    "range = a [0, 100)\nrange = b [100, 200)\nrange = c [200, 300)\n"
    "[keyspace app.place]\ntype = text, integer\nmethod = hash\nshards = a, b, c\n"
    "[table app.users]\nkeyspace = username\nkey = username\n"
    "[table app.posts]\nkeyspace = username\nkey = username\n"
    "[table app.numbers]\nkeyspace = number\nkey = n\n"
    "[table app.places]\nkeyspace = place\nkey = town, street\n"
    "[table app.sequenced]\nkeyspace = username\nkey = username\n"
    "[table app.timed]\nkeyspace = username\nkey = username\n"
    "[table app.triggered]\nkeyspace = username\nkey = username\n"
    "[table app.trusted]\nkeyspace = username\nkey = username\ntriggers = local\n"
    "[table app.secured]\nkeyspace = username\nkey = username\n"
    "[table app.timed_out]\nkeyspace = username\nkey = username\n"
    "[table app.owned]\nkeyspace = username\nkey = username\n"
    "[table app.missing]\nkeyspace = username\nkey = username\n"
    "[table app.countries]\nreference = yes\n"
    "[table app.visits]\nreference = yes\n";

static const struct {
    int query;
    const char *values;
} rows[] = {
    {TOWN_SCHEMAS, "pg_catalog"},
    {TOWN_SCHEMAS, "public"},
    {TOWN_RELATIONS, "100|public|users|r|f|f|f|~"},
    {TOWN_COLUMNS, "100|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "100|name|25|-1|text|f|t|f|t|f|f|~|2|0|~"},
    {TOWN_COLUMNS, "100|age|23|-1|integer|f|f|f|t|f|f|~|3|0|~"},
    {TOWN_COLUMNS, "100|country|25|-1|text|f|t|t|t|f|f|~|4|0|~"},
    {TOWN_COLUMNS, "100|created|1184|-1|timestamp with time zone|f|f|f|t|f|f|~|5|0|~"},
    {TOWN_UNIQUES, "100|users_pkey|t|1|1"},
    {TOWN_RELATIONS, "101|public|posts|r|f|f|f|~"},
    {TOWN_COLUMNS, "101|id|20|-1|bigint|t|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "101|username|1043|24|character varying|t|t|t|t|f|f|~|2|0|~"},
    {TOWN_COLUMNS, "101|body|25|-1|text|f|t|f|t|f|f|~|3|0|~"},
    {TOWN_COLUMNS, "101|likes|23|-1|integer|f|f|f|t|f|f|~|4|0|~"},
    {TOWN_UNIQUES, "101|posts_pkey|t|1|1"},
    {TOWN_RELATIONS, "102|public|countries|r|f|f|f|~"},
    {TOWN_COLUMNS, "102|code|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "102|title|25|-1|text|f|t|f|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "103|public|numbers|r|f|f|f|~"},
    {TOWN_COLUMNS, "103|n|23|-1|integer|t|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "103|x|23|-1|integer|f|f|f|t|f|f|~|2|0|~"},
    {TOWN_UNIQUES, "103|numbers_pkey|t|1|1"},
    {TOWN_RELATIONS, "104|public|places|r|f|f|f|~"},
    {TOWN_COLUMNS, "104|town|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "104|street|23|-1|integer|t|f|f|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "105|public|sequenced|r|f|f|f|~"},
    {TOWN_COLUMNS, "105|id|20|-1|bigint|t|f|f|t|f|f|nextval('s'::regclass)|1|0|~"},
    {TOWN_COLUMNS, "105|username|25|-1|text|t|t|t|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "106|public|timed|r|f|f|f|~"},
    {TOWN_COLUMNS, "106|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "106|at|1184|-1|timestamp with time zone|f|f|f|t|f|f|now()|2|0|~"},
    {TOWN_RELATIONS, "107|public|triggered|r|f|t|f|~"},
    {TOWN_COLUMNS, "107|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_RELATIONS, "108|public|trusted|r|f|t|f|~"},
    {TOWN_COLUMNS, "108|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_RELATIONS, "109|public|secured|r|t|f|f|~"},
    {TOWN_POLICIES, "109|'p * t public' ; username IN (SELECT users.username FROM public.users) ; "},
    {TOWN_COLUMNS, "109|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_RELATIONS, "115|public|owned|r|t|f|f|~"},
    {TOWN_POLICIES, "115|'p * t public' ; (username = CURRENT_USER) ; (length(username) > 2)"},
    {TOWN_COLUMNS, "115|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_RELATIONS, "117|public|timed_out|r|t|f|f|~"},
    {TOWN_POLICIES, "117|'p * t public' ; (at < now()) ; "},
    {TOWN_COLUMNS, "117|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "117|at|1184|-1|timestamp with time zone|f|f|f|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "116|public|owned_view|v|f|f|f| SELECT owned.username FROM public.owned;"},
    {TOWN_COLUMNS, "116|username|25|-1|text|f|t|t|t|f|f|~|1|0|~"},
    {TOWN_RELATIONS, "110|public|visits|r|f|f|f|~"},
    {TOWN_COLUMNS, "110|id|23|-1|integer|t|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "110|at|1184|-1|timestamp with time zone|f|f|f|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "111|public|people|v|f|f|f| SELECT users.username AS who, users.age FROM public.users;"},
    {TOWN_COLUMNS, "111|who|25|-1|text|f|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "111|age|23|-1|integer|f|f|f|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "112|public|writers|v|f|f|f| SELECT (posts.username)::text AS w, count(*) AS n FROM "
                     "public.posts WHERE ((posts.username)::text > 'b'::text) GROUP BY posts.username;"},
    {TOWN_COLUMNS, "112|w|25|-1|text|f|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "112|n|20|-1|bigint|f|f|f|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "113|public|notes|r|f|f|f|~"},
    {TOWN_COLUMNS, "113|id|23|-1|integer|t|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "113|username|25|-1|text|f|t|t|t|f|f|~|2|0|~"},
    {TOWN_RELATIONS, "114|public|posts_old|r|f|f|f|~"},
    {TOWN_COLUMNS, "114|likes|23|-1|integer|f|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "114|username|1043|24|character varying|t|t|t|t|f|f|~|2|0|~"},
    {TOWN_PARENTS, "114|101"},
    {TOWN_REFERENCES, "105"},
    {TOWN_COLLATIONS, "pg_catalog|C|c|C|C|t|~|~|f|f|UTF8|950"},
    {TOWN_COLLATIONS, "pg_catalog|default|c|xx_XX|xx_XX|t|1|1|f|f|UTF8|100"},
    {TOWN_FUNCTIONS, "pg_catalog|lower|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|count|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|sum|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|avg|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|min|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|max|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|bool_or|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|row_number|i|t|f|t|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|now|s|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|statement_timestamp|s|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|random|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|nextval|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|set_config|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|pg_advisory_lock|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|pg_backend_pid|s|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|query_to_xml|v|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|generate_series|i|t|f|f|t|t"},
    {TOWN_FUNCTIONS, "pg_catalog|unnest|i|t|f|f|t|t"},
    {TOWN_FUNCTIONS, "public|pure|i|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "public|<~>|s|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "public|::tally|s|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "public|<=|i|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "public|reader|s|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "public|half|i|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|array_agg|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|string_agg|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|jsonb_object_agg|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|json_object_agg|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|array_length|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|cardinality|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|length|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|mod|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|round|i|t|f|f|f|t"},
    {TOWN_RESULTS, "f|pg_catalog|count|2276>20 >20"},
    {TOWN_RESULTS, "f|pg_catalog|lower|25>25 3831>2283"},
    {TOWN_RESULTS, "f|pg_catalog|now|>1184"},
    {TOWN_RESULTS, "f|pg_catalog|generate_series|23,23>23 23,23,23>23 1114,1114,1186>1114"},
    {TOWN_RESULTS, "f|pg_catalog|sum|20>1700 23>20 700>700 701>701 790>790 1186>1186 1700>1700"},
    {TOWN_RESULTS, "f|pg_catalog|mod|21,21>21 23,23>23 20,20>20 1700,1700>1700"},
    {TOWN_RESULTS, "f|public|half|23>1700 701>701"},
    {TOWN_RESULTS, "o|pg_catalog|-|1184,1184>1186 1184,1186>1184 0,701>701 23,23>23"},
    {TOWN_RESULTS, "o|pg_catalog|*|1186,701>1186 701,1186>1186 701,701>701 23,23>23"},
    {TOWN_RESULTS, "t|pg_catalog|interval|1186"},
    {TOWN_RESULTS, "t|public|price|1700"},
    {TOWN_RESULTS, "c||| 21>23  21>20  21>1700  21>701  23>20  23>1700  23>701  20>1700  20>701  1700>701  1082>1184 "},
};

/* Functions of a text that are queries, "$1" being the argument: names and texts. */
static const char *const query_functions[][2] = {
    {"name_of", "SELECT name FROM users WHERE username = \"$1\""},
    {"name_by_argument", "SELECT name FROM users u WHERE u.username = argument"},
    {"title_of", "SELECT title FROM countries WHERE code = \"$1\""},
    {"any_body", "SELECT body FROM posts WHERE username = \"$1\""},
    {"some_body", "SELECT body FROM posts WHERE username = \"$1\" ORDER BY likes LIMIT 1"},
    {"same_name", "WITH named AS (SELECT name FROM users WHERE username = \"$1\") SELECT name FROM named"},
    {"through_another", "SELECT name_of(code) FROM countries WHERE code = \"$1\" LIMIT 1"},
    {"itself", "SELECT itself(name) FROM users WHERE username = \"$1\""},
    {"of_home", "SELECT username FROM notes WHERE username = \"$1\" LIMIT 1"},
    {"hides_table", "WITH users AS (SELECT 'x' AS name) SELECT name FROM users"},
    {"locks", "SELECT name FROM users WHERE username = \"$1\" FOR UPDATE"},
    {"by_chance", "SELECT name FROM users WHERE age > random()"},
    {"today", "SELECT name FROM users WHERE created > 'today'"},
    {"quotes_number", "SELECT name FROM users WHERE username = '\"$1\"'"},
    {"collates", "SELECT name COLLATE \"C\" FROM users WHERE username = \"$1\""},
    {"samples", "SELECT name FROM users TABLESAMPLE BERNOULLI (10) LIMIT 1"},
    {"twice", "SELECT 1; SELECT name FROM users LIMIT 1"},
    {"changes", "DELETE FROM users RETURNING name"},
    {"changes_inside", "WITH gone AS (DELETE FROM users RETURNING name) SELECT name FROM gone"},
    {"of_catalog", "SELECT relname FROM pg_catalog.pg_class LIMIT 1"},
    {"of_nothing_known", "SELECT name FROM unknown_table LIMIT 1"},
    {"calls_unknown", "SELECT reader(name) FROM users WHERE username = \"$1\""},
    {"two_columns", "SELECT name, age FROM users WHERE username = \"$1\""},
    {"is_broken", "SELECT FROM WHERE"},
};

static void add_query_functions(struct catalog_builder *builder)
{
    char row[512];
    for (size_t i = 0; i < sizeof query_functions / sizeof *query_functions; i++) {
        const char *name = query_functions[i][0];
        snprintf(row, sizeof row, "public|%s|s|f|f|f|f|t", name);
        town_row(builder, TOWN_FUNCTIONS, row);
        snprintf(row, sizeof row, "public|%s|f|f|%s", name, query_functions[i][1]);
        town_row(builder, TOWN_QUERY_FUNCTIONS, row);
        snprintf(row, sizeof row, "public|%s|a|argument|25|25|-1|text|0|~", name);
        town_row(builder, TOWN_PARAMETERS, row);
        snprintf(row, sizeof row, "public|%s|r|~|25|25|-1|text|0|~", name);
        town_row(builder, TOWN_PARAMETERS, row);
    }
}

struct routing *routing;

void plan_town_set_up(void)
{
    struct settings *settings = town_settings(configuration);
    struct catalog *catalogs[3];
    struct error error = {0};
    for (int shard = 0; shard < 3; shard++) {
        struct catalog_builder *builder = catalog_builder_new();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            town_row(builder, rows[i].query, rows[i].values);
        add_query_functions(builder);
        catalogs[shard] = catalog_finish(builder);
    }
    routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    cr_assert(routing, "%s", error.message);
    settings_release(settings);
}

void plan_town_tear_down(void)
{
    routing_release(routing);
}

const struct session_facts facts = {.search_path = "\"$user\", public", .user = "app", .iso_dates = true, .server_encoding = true};

const char *outcome(const char *sql, const struct bind_values *binds, char *text, size_t size)
{
    struct normalised normalised = {0};
    struct arena arena = {0};
    struct route route;
    struct error error = {0};
    normalise(sql, strlen(sql), &normalised);
    struct plan *plan = plan_make(routing, &facts, sql, strlen(sql), &normalised, NULL, 0, &error);
    if (plan && plan_route(plan, routing, &normalised, binds, &arena, &route, &error)) {
        size_t used = (size_t) snprintf(text, size, "%s ", plan_kind_name(route.kind));
        for (int i = shard_set_next(&route.shards, 0); i >= 0 && used + 1 < size;
             i = shard_set_next(&route.shards, i + 1))
            text[used++] = (char) ('a' + i);
        snprintf(text + used, size - used, "%s", plan->checks_sums ? ", checked" : "");
    } else {
        snprintf(text, size, "%s", error.sqlstate);
        if (plan && !strcmp(error.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED))
            cr_expect(error.detail && error.hint, "a refusal has DETAIL and HINT: %s", sql);
    }
    error_clear(&error);
    plan_release(plan);
    normalised_free(&normalised);
    arena_free(&arena);
    return text;
}

void expect_all(const struct expectation *expectations, size_t count)
{
    char text[64];
    for (size_t i = 0; i < count; i++) {
        const char *found = outcome(expectations[i].sql, NULL, text, sizeof text);
        cr_expect_str_eq(found, expectations[i].outcome, "%s\n  expected %s, found %s", expectations[i].sql,
                         expectations[i].outcome, found);
    }
}

struct plan *make(const char *sql)
{
    struct error error = {0};
    struct plan *plan = plan_make(routing, &facts, sql, strlen(sql), NULL, NULL, 0, &error);
    cr_assert(plan, "%s", error.message);
    return plan;
}
