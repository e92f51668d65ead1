/*
 * plan: which statement goes where, and which is refused.  Each row of a table is one statement: given the
 * shards and tables below, this is the kind of plan and these are the shards.
 *
 * Shards a, b, c hold usernames up to g, from g to n, and from n on.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "router/plan.h"
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
    {TOWN_COLUMNS, "100|username|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "100|name|25|-1|text|f|t|f|t|f|f|~"},
    {TOWN_COLUMNS, "100|age|23|-1|integer|f|f|f|t|f|f|~"},
    {TOWN_COLUMNS, "100|country|25|-1|text|f|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "100|created|1184|-1|timestamp with time zone|f|f|f|t|f|f|~"},
    {TOWN_UNIQUES, "100|users_pkey|t|username"},
    {TOWN_RELATIONS, "101|public|posts|r|f|f|f|~"},
    {TOWN_COLUMNS, "101|id|20|-1|bigint|t|f|f|t|f|f|~"},
    {TOWN_COLUMNS, "101|username|1043|24|character varying|t|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "101|body|25|-1|text|f|t|f|t|f|f|~"},
    {TOWN_COLUMNS, "101|likes|23|-1|integer|f|f|f|t|f|f|~"},
    {TOWN_UNIQUES, "101|posts_pkey|t|id"},
    {TOWN_RELATIONS, "102|public|countries|r|f|f|f|~"},
    {TOWN_COLUMNS, "102|code|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "102|title|25|-1|text|f|t|f|t|f|f|~"},
    {TOWN_RELATIONS, "103|public|numbers|r|f|f|f|~"},
    {TOWN_COLUMNS, "103|n|23|-1|integer|t|f|f|t|f|f|~"},
    {TOWN_COLUMNS, "103|x|23|-1|integer|f|f|f|t|f|f|~"},
    {TOWN_UNIQUES, "103|numbers_pkey|t|n"},
    {TOWN_RELATIONS, "104|public|places|r|f|f|f|~"},
    {TOWN_COLUMNS, "104|town|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "104|street|23|-1|integer|t|f|f|t|f|f|~"},
    {TOWN_RELATIONS, "105|public|sequenced|r|f|f|f|~"},
    {TOWN_COLUMNS, "105|id|20|-1|bigint|t|f|f|t|f|f|nextval('s'::regclass)"},
    {TOWN_COLUMNS, "105|username|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_RELATIONS, "106|public|timed|r|f|f|f|~"},
    {TOWN_COLUMNS, "106|username|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "106|at|1184|-1|timestamp with time zone|f|f|f|t|f|f|now()"},
    {TOWN_RELATIONS, "107|public|triggered|r|f|t|f|~"},
    {TOWN_COLUMNS, "107|username|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_RELATIONS, "108|public|trusted|r|f|t|f|~"},
    {TOWN_COLUMNS, "108|username|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_RELATIONS, "109|public|secured|r|t|f|f|~"},
    {TOWN_COLUMNS, "109|username|25|-1|text|t|t|t|t|f|f|~"},
    {TOWN_RELATIONS, "110|public|visits|r|f|f|f|~"},
    {TOWN_COLUMNS, "110|id|23|-1|integer|t|f|f|t|f|f|~"},
    {TOWN_COLUMNS, "110|at|1184|-1|timestamp with time zone|f|f|f|t|f|f|~"},
    {TOWN_RELATIONS, "111|public|people|v|f|f|f| SELECT users.username AS who, users.age FROM public.users;"},
    {TOWN_COLUMNS, "111|who|25|-1|text|f|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "111|age|23|-1|integer|f|f|f|t|f|f|~"},
    {TOWN_RELATIONS, "112|public|writers|v|f|f|f| SELECT (posts.username)::text AS w, count(*) AS n FROM "
                     "public.posts WHERE ((posts.username)::text > 'b'::text) GROUP BY posts.username;"},
    {TOWN_COLUMNS, "112|w|25|-1|text|f|t|t|t|f|f|~"},
    {TOWN_COLUMNS, "112|n|20|-1|bigint|f|f|f|t|f|f|~"},
    {TOWN_RELATIONS, "113|public|notes|r|f|f|f|~"},
    {TOWN_COLUMNS, "113|id|23|-1|integer|t|f|f|t|f|f|~"},
    {TOWN_COLUMNS, "113|username|25|-1|text|f|t|t|t|f|f|~"},
    {TOWN_RELATIONS, "114|public|posts_old|r|f|f|f|~"},
    {TOWN_COLUMNS, "114|likes|23|-1|integer|f|f|f|t|f|f|~"},
    {TOWN_COLUMNS, "114|username|1043|24|character varying|t|t|t|t|f|f|~"},
    {TOWN_PARENTS, "114|101"},
    {TOWN_COLLATIONS, "pg_catalog|C|c|C|C|t|~|~|f|f|UTF8"},
    {TOWN_COLLATIONS, "pg_catalog|default|c|xx_XX|xx_XX|t|1|1|f|f|UTF8"},
    {TOWN_FUNCTIONS, "pg_catalog|lower|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|count|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|sum|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|avg|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|min|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|max|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|bool_or|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|row_number|i|t|f|t|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|now|s|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|random|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|nextval|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|set_config|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|pg_advisory_lock|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|pg_backend_pid|s|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|query_to_xml|v|f|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|generate_series|i|t|f|f|t|t"},
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

static struct routing *routing;

static void set_up(void)
{
    struct settings *settings = town_settings(configuration);
    struct catalog *catalogs[3];
    struct error error = {0};
    for (int shard = 0; shard < 3; shard++) {
        struct catalog_builder *builder = catalog_builder_new();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            town_row(builder, rows[i].query, rows[i].values);
        catalogs[shard] = catalog_finish(builder);
    }
    routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    cr_assert(routing, "%s", error.message);
    settings_release(settings);
}

static void tear_down(void)
{
    routing_release(routing);
}

static const struct session_facts facts = {"\"$user\", public", "app", true, true, false};

/* "concat abc", "single b", or the SQLSTATE of the error. */
static const char *outcome(const char *sql, const struct bind_values *binds, char *text, size_t size)
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
        text[used] = '\0';
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

struct expectation {
    const char *sql, *outcome;
};

static void expect_all(const struct expectation *expectations, size_t count)
{
    char text[64];
    for (size_t i = 0; i < count; i++) {
        const char *found = outcome(expectations[i].sql, NULL, text, sizeof text);
        cr_expect_str_eq(found, expectations[i].outcome, "%s\n  expected %s, found %s", expectations[i].sql,
                         expectations[i].outcome, found);
    }
}

#define EXPECT(...)                                                                                          \
    do {                                                                                                     \
        static const struct expectation expectations[] = {__VA_ARGS__};                                      \
        expect_all(expectations, sizeof expectations / sizeof *expectations);                                \
    } while (0)

TestSuite(plan, .init = set_up, .fini = tear_down);

Test(plan, a_key_in_where_chooses_the_shard)
{
    EXPECT({"SELECT * FROM users WHERE username = 'bob'", "single a"},
           {"SELECT * FROM users WHERE 'hal' = username", "single b"},
           {"SELECT * FROM public.users u WHERE u.username = 'zoe'", "single c"},
           {"SELECT * FROM users WHERE username = 'bob' AND age > 3", "single a"},
           {"SELECT * FROM users WHERE (username = 'bob') IS TRUE", "single a"},
           {"SELECT * FROM users WHERE username = 'bob'::text", "single a"},
           {"SELECT * FROM posts WHERE username = 'bob'::varchar", "single a"},
           {"SELECT * FROM posts WHERE username::text = 'zoe'", "single c"},
           {"SELECT * FROM users WHERE username IS NOT DISTINCT FROM 'bob'", "single a"},
           {"SELECT * FROM users WHERE username = E'b\\x6fb'", "single a"},
           {"SELECT * FROM users WHERE username = $$zoe$$", "single c"},
           {"SELECT count(*), avg(age) FROM users WHERE username = 'bob'", "single a"},
           {"SELECT * FROM users WHERE username = 'bob' LIMIT lower('3')::int", "single a"},
           {"SELECT * FROM numbers WHERE n = 150", "single b"},
           {"SELECT * FROM numbers WHERE n = '250'", "single c"},
           {"SELECT * FROM numbers WHERE n = +5", "concat abc"},
           {"SELECT * FROM numbers WHERE n = -5", "single a"},
           {"SELECT * FROM numbers WHERE n = 150::bigint", "single b"},
           {"SELECT * FROM places WHERE town = 'x' AND street = 1", "single b"});
}

Test(plan, lists_ranges_and_arms_choose_shards)
{
    EXPECT({"SELECT * FROM users WHERE username IN ('bob', 'al')", "single a"},
           {"SELECT * FROM users WHERE username IN ('bob', 'zoe')", "concat ac"},
           {"SELECT * FROM users WHERE username = ANY (ARRAY['bob', 'hal'])", "concat ab"},
           {"SELECT * FROM users WHERE username = ANY ('{bob,\"hal\"}')", "concat ab"},
           {"SELECT * FROM users WHERE username = ANY ('{bob}'::text[])", "single a"},
           {"SELECT * FROM users WHERE username = ANY ('{bob,NULL}')", "single a"},
           {"SELECT * FROM users WHERE username = 'bob' OR username = 'hal'", "concat ab"},
           {"SELECT * FROM users WHERE username = 'bob' OR age = 3", "concat abc"},
           {"SELECT * FROM users WHERE NOT username = 'bob'", "concat abc"},
           {"SELECT * FROM users WHERE username < 'c'", "single a"},
           {"SELECT * FROM users WHERE username >= 'n'", "single c"},
           {"SELECT * FROM users WHERE username BETWEEN 'h' AND 'k'", "single b"},
           {"SELECT * FROM users WHERE username LIKE 'bo%'", "single a"},
           {"SELECT * FROM users WHERE username LIKE '%bo'", "concat abc"},
           {"SELECT * FROM users WHERE username NOT LIKE 'bo%'", "concat abc"},
           {"SELECT * FROM users WHERE username = 'bob' AND username = 'zoe'", "single a"},
           {"SELECT * FROM users WHERE username = NULL", "single a"},
           {"SELECT * FROM users WHERE username = lower('BOB')", "concat abc"},
           {"SELECT * FROM users WHERE username COLLATE \"C\" = 'bob'", "concat abc"},
           {"SELECT * FROM users WHERE username OPERATOR(public.=) 'bob'", "concat abc"},
           {"SELECT * FROM users WHERE (username, age) = ('bob', 3)", "single a"},
           {"SELECT * FROM users WHERE (username, age) IN (('bob', 3), ('zoe', 4))", "concat ac"},
           {"SELECT * FROM users WHERE CASE WHEN username = 'bob' THEN true END", "concat abc"},
           {"SELECT * FROM numbers WHERE n BETWEEN 120 AND 130", "single b"},
           {"SELECT * FROM numbers WHERE n IN (1, 2, 3)", "single a"},
           {"SELECT * FROM places WHERE town = 'x'", "concat abc"});
}

/* The library's printer leaves out parentheses that matter. */
Test(plan, a_gathered_query_keeps_its_parentheses)
{
    EXPECT({"SELECT * FROM users u, posts p WHERE (u.age = 1 OR p.body = 'x') IS NOT TRUE", "gather abc"},
           {"SELECT * FROM users u, posts p WHERE u.age BETWEEN 1 AND (p.body IS NULL)::int", "gather abc"},
           {"SELECT (u.age = 1) IN (p.body = 'x') FROM users u, posts p", "gather abc"},
           {"SELECT (NOT u.age = 1)::text FROM users u, posts p", "gather abc"},
           {"SELECT (coalesce(u.name, p.body) || 'x') COLLATE \"C\" FROM users u, posts p", "gather abc"},
           {"SELECT (CASE WHEN u.age = 1 THEN ARRAY[p.body] END)[1] FROM users u, posts p", "gather abc"},
           {"SELECT ((u.age = 1 AND true) IS NOT DISTINCT FROM true) IS NULL FROM users u, posts p",
            "gather abc"});
}

Test(plan, joins_carry_the_key)
{
    EXPECT(
        {"SELECT * FROM users u JOIN posts p ON p.username = u.username WHERE u.username = 'bob'",
         "single a"},
        {"SELECT * FROM users JOIN posts USING (username) WHERE username = 'zoe'", "single c"},
        {"SELECT * FROM users NATURAL JOIN posts WHERE users.username = 'zoe'", "single c"},
        {"SELECT * FROM users u, posts p WHERE p.username = u.username AND p.username = 'hal'", "single b"},
        {"SELECT * FROM users u LEFT JOIN posts p ON p.username = u.username WHERE u.username = 'bob'",
         "single a"},
        {"SELECT * FROM users u LEFT JOIN posts p ON p.username = 'bob'", "gather abc"},
        {"SELECT * FROM users u LEFT JOIN posts p ON p.username = u.username AND u.username = 'bob'",
         "concat abc"},
        {"SELECT * FROM users u LEFT JOIN posts p ON p.username = u.username AND p.username = 'bob'",
         "concat abc"},
        {"SELECT * FROM users u JOIN posts p ON p.username = u.username", "concat abc"},
        {"SELECT * FROM users u LEFT JOIN posts p ON p.username = u.username", "concat abc"},
        {"SELECT * FROM users u RIGHT JOIN posts p ON p.username = u.username", "concat abc"},
        {"SELECT * FROM users u FULL JOIN posts p ON p.username = u.username", "concat abc"},
        {"SELECT * FROM users u FULL JOIN posts p ON p.likes = u.age", "gather abc"},
        {"SELECT * FROM users u FULL JOIN countries c ON c.code = u.country", "gather abc"},
        {"SELECT u.username FROM users u FULL JOIN posts p USING (username) GROUP BY u.username", "gather abc"},
        {"SELECT * FROM users u JOIN posts p ON p.body = u.username", "gather abc"},
        {"SELECT * FROM users u, posts p", "gather abc"},
        {"SELECT * FROM users u, posts p WHERE u.username = 'bob' AND p.username = 'al'", "single a"},
        {"SELECT * FROM users u, posts p WHERE u.username = 'bob' AND p.username = 'zoe'", "gather ac"},
        {"SELECT * FROM users u JOIN countries c ON c.code = u.country", "concat abc"},
        {"SELECT * FROM users u LEFT JOIN countries c ON c.code = u.country", "concat abc"},
        {"SELECT * FROM countries c LEFT JOIN users u ON c.code = u.country", "gather abc"},
        {"SELECT * FROM countries c LEFT JOIN users u ON u.username = 'bob'", "single a"},
        {"SELECT * FROM users u RIGHT JOIN countries c ON c.code = u.country", "gather abc"},
        {"SELECT * FROM generate_series(1, 3) g, users", "concat abc"},
        {"SELECT * FROM users u JOIN notes n ON n.username = u.username", "gather abc"},
        {"SELECT * FROM users u JOIN notes n ON n.username = u.username WHERE u.username = 'bob'",
         "single a"},
        {"SELECT * FROM users u JOIN notes n ON n.username = u.username WHERE u.username = 'zoe'",
         "gather ac"});
}

Test(plan, subqueries_are_followed)
{
    EXPECT({"SELECT * FROM (SELECT * FROM users) s WHERE username = 'bob'", "single a"},
           {"SELECT * FROM (SELECT username AS u FROM users) s WHERE u = 'bob'", "single a"},
           {"SELECT * FROM (SELECT username FROM users LIMIT 3) s WHERE username = 'bob'", "gather abc"},
           {"SELECT * FROM (SELECT username, count(*) FROM posts GROUP BY 1) s WHERE username = 'bob'",
            "single a"},
           {"SELECT * FROM (SELECT username, count(*) FROM posts GROUP BY 1) s", "concat abc"},
           {"SELECT * FROM (SELECT body, count(*) FROM posts GROUP BY 1) s", "gather abc"},
           {"WITH w AS (SELECT * FROM users) SELECT * FROM w WHERE username = 'bob'", "single a"},
           {"WITH users AS (SELECT 1 AS username) SELECT * FROM users", "single a"},
           {"WITH w AS (SELECT username FROM users WHERE username = 'zoe') SELECT * FROM w", "single c"},
           {"SELECT * FROM (SELECT username FROM users UNION ALL SELECT username FROM users) s "
            "WHERE username = 'hal'",
            "single b"},
           {"SELECT * FROM users WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = users.username)",
            "concat abc"},
           {"SELECT * FROM users WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = users.username) "
            "AND username = 'bob'",
            "single a"},
           {"SELECT * FROM users WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.username = users.username)",
            "concat abc"},
           {"SELECT * FROM users WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.body = users.name)",
            "gather abc"},
           {"SELECT * FROM users WHERE username IN (SELECT username FROM posts)", "concat abc"},
           {"SELECT * FROM users WHERE username NOT IN (SELECT username FROM posts)", "gather abc"},
           {"SELECT * FROM users WHERE name IN (SELECT username FROM posts)", "gather abc"},
           {"SELECT * FROM users WHERE username IN (SELECT username FROM posts WHERE username = 'bob')",
            "single a"},
           {"SELECT name, (SELECT count(*) FROM posts p WHERE p.username = u.username) FROM users u",
            "concat abc"},
           {"SELECT name, (SELECT count(*) FROM posts p) FROM users u", "gather abc"},
           {"SELECT (SELECT count(*) FROM users)", "gather abc"},
           {"SELECT (SELECT count(*) FROM users WHERE username = 'zoe')", "single c"},
           {"SELECT * FROM countries WHERE EXISTS (SELECT 1 FROM users WHERE country = code)", "gather abc"},
           {"SELECT 1 WHERE EXISTS (SELECT 1 FROM users)", "gather abc"},
           {"SELECT * FROM users u, LATERAL (SELECT count(*) FROM posts p WHERE p.username = u.username) s",
            "concat abc"},
           {"SELECT (SELECT count(u.age)) FROM users u", "gather abc"},
           {"WITH RECURSIVE r AS (SELECT username FROM users UNION SELECT username FROM r) SELECT * FROM r",
            "gather abc"});
}

/* An ungrouped aggregate gives a row even if its WHERE is never true: its WHERE says nothing of the rows
 * around it. */
Test(plan, facts_do_not_leak_out_of_aggregates)
{
    EXPECT(
        {"SELECT * FROM users u, LATERAL (SELECT count(*) FROM countries WHERE u.username = 'bob') s",
         "concat abc"},
        {"SELECT u.name, (SELECT count(*) FROM posts p WHERE p.username = u.username AND u.username = 'bob') "
         "FROM users u",
         "concat abc"},
        {"SELECT * FROM users u LEFT JOIN LATERAL (SELECT 1 WHERE u.username = 'bob') s ON true",
         "concat abc"},
        {"SELECT * FROM users u WHERE EXISTS (SELECT count(*) FROM countries WHERE u.username = 'bob')",
         "concat abc"},
        {"SELECT * FROM users u WHERE EXISTS (SELECT 1 FROM countries WHERE u.username = 'bob')",
         "single a"});
}

Test(plan, views_are_read_through)
{
    EXPECT({"SELECT * FROM people WHERE who = 'bob'", "single a"}, {"SELECT * FROM people", "concat abc"},
           {"SELECT * FROM people ORDER BY age", "merge abc"}, {"SELECT * FROM writers", "concat abc"},
           {"SELECT * FROM writers WHERE w = 'zoe'", "single c"},
           {"SELECT * FROM people p JOIN writers ON who = w", "concat abc"},
           {"INSERT INTO people VALUES ('bob', 3)", "0A000"},
           {"DELETE FROM people WHERE who = 'bob'", "0A000"});
}

/* A partition or child that is not configured has rows of its parent's, which are where their keys are. */
Test(plan, parts_of_tables_are_read_like_tables)
{
    EXPECT({"SELECT * FROM posts_old", "concat abc"}, {"SELECT * FROM posts_old WHERE username = 'zoe'", "single c"},
           {"SELECT sum(likes) FROM posts_old", "combine abc"},
           {"SELECT count(*) FROM posts_old o JOIN users USING (username)", "combine abc"},
           {"SELECT count(*) FROM posts_old o JOIN users ON o.likes = age", "gather abc"},
           {"SELECT sum(likes / 3.0::float8) FROM posts_old", "0A000"},
           {"INSERT INTO posts_old VALUES (1, 'bob')", "0A000"}, {"DELETE FROM posts_old WHERE username = 'bob'", "0A000"},
           {"DELETE FROM posts USING posts_old o WHERE posts.username = o.username", "concat abc"});
}

Test(plan, order_and_limit_are_merged)
{
    EXPECT({"SELECT * FROM users ORDER BY username", "merge abc"},
           {"SELECT username FROM users ORDER BY 1 DESC NULLS LAST LIMIT 5 OFFSET 2", "merge abc"},
           {"SELECT username FROM users ORDER BY age", "merge abc"},
           {"SELECT username FROM users ORDER BY name", "gather abc"},
           {"SELECT username FROM users ORDER BY name COLLATE \"C\"", "merge abc"},
           {"SELECT username FROM users ORDER BY lower(name)", "gather abc"},
           {"SELECT username FROM users ORDER BY age + 1", "merge abc"},
           {"SELECT username AS u FROM users ORDER BY u", "merge abc"},
           {"SELECT DISTINCT username FROM users ORDER BY username", "merge abc"},
           {"SELECT DISTINCT username, age FROM users ORDER BY lower(username)", "gather abc"},
           {"SELECT username, count(*) FROM posts GROUP BY username ORDER BY count(*) DESC LIMIT 3",
            "merge abc"},
           {"SELECT * FROM users LIMIT 3", "concat abc"}, {"SELECT * FROM users LIMIT ALL", "concat abc"},
           {"SELECT * FROM users OFFSET 3", "concat abc"}, {"SELECT * FROM users LIMIT -1", "2201W"},
           {"SELECT * FROM users LIMIT -1 OFFSET -1", "2201X"},
           {"SELECT * FROM users LIMIT 1 + 1", "gather abc"},
           {"SELECT * FROM users ORDER BY age FETCH FIRST 2 ROWS ONLY", "merge abc"},
           {"SELECT * FROM users ORDER BY age FETCH FIRST 2 ROWS WITH TIES", "gather abc"},
           {"SELECT * FROM users FOR UPDATE", "concat abc"},
           {"SELECT * FROM users LIMIT 1 FOR UPDATE", "0A000"},
           {"SELECT * FROM users ORDER BY age USING <", "gather abc"},
           {"SELECT * FROM users ORDER BY random()", "gather abc"},
           {"SELECT age FROM users UNION ALL SELECT likes FROM posts ORDER BY 1", "merge abc"});
}

Test(plan, groups_stay_on_their_shard_only_with_the_key)
{
    EXPECT({"SELECT username, count(*) FROM posts GROUP BY username", "concat abc"},
           {"SELECT username, count(*) FROM posts GROUP BY 1 HAVING count(*) > 2", "concat abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT username, avg(likes) FROM posts GROUP BY username, likes", "concat abc"},
           {"SELECT username, count(*) FROM posts GROUP BY ROLLUP (username)", "gather abc"},
           {"SELECT DISTINCT username FROM posts", "concat abc"},
           {"SELECT DISTINCT likes FROM posts", "gather abc"},
           {"SELECT DISTINCT ON (username) * FROM posts", "concat abc"},
           {"SELECT DISTINCT ON (likes) * FROM posts", "gather abc"},
           {"SELECT count(*) OVER () FROM posts", "gather abc"},
           {"SELECT row_number() OVER (PARTITION BY username ORDER BY id) FROM posts", "concat abc"},
           {"SELECT row_number() OVER w FROM posts WINDOW w AS (PARTITION BY username)", "concat abc"},
           {"SELECT row_number() OVER w FROM posts WINDOW w AS (ORDER BY username)", "gather abc"},
           {"SELECT p.username, count(*) FROM users u LEFT JOIN posts p ON p.username = u.username "
            "GROUP BY p.username",
            "gather abc"},
           {"SELECT u.username, count(*) FROM users u LEFT JOIN posts p ON p.username = u.username "
            "GROUP BY u.username",
            "concat abc"},
           {"SELECT username FROM users UNION SELECT username FROM posts", "concat abc"},
           {"SELECT age FROM users UNION SELECT likes FROM posts", "gather abc"},
           {"SELECT username FROM users EXCEPT SELECT username FROM posts", "concat abc"},
           {"SELECT username FROM users UNION ALL SELECT code FROM countries", "gather abc"},
           {"SELECT username FROM users UNION ALL SELECT 'x'", "gather abc"},
           {"(SELECT username FROM users LIMIT 2) UNION ALL SELECT username FROM posts", "gather abc"},
           {"SELECT username FROM users UNION ALL (SELECT username FROM posts OFFSET 2) ORDER BY 1",
            "gather abc"});
}

Test(plan, aggregates_are_combined_where_that_is_exact)
{
    EXPECT(
        {"SELECT count(*) FROM users", "combine abc"},
        {"SELECT count(*), sum(age), min(age), max(created), 1 FROM users", "combine abc"},
        {"SELECT count(DISTINCT username) FROM posts", "combine abc"},
        {"SELECT count(DISTINCT likes) FROM posts", "gather abc"},
        {"SELECT avg(age) FROM users", "gather abc"}, {"SELECT count(*) + 1 FROM users", "gather abc"},
        {"SELECT max(name) FROM users", "gather abc"}, {"SELECT max(username) FROM users", "combine abc"},
        {"SELECT count(*) FROM users HAVING count(*) > 1", "gather abc"},
        {"SELECT count(*) FROM users LIMIT 1", "gather abc"},
        {"SELECT count(*) FILTER (WHERE age > 3) FROM users", "combine abc"},
        {"SELECT bool_or(age > 3) FROM users", "combine abc"},
        {"SELECT count(*) FROM users u JOIN posts p USING (username)", "combine abc"},
        {"SELECT count(*) FROM users u JOIN posts p ON p.body = u.name", "gather abc"},
        {"SELECT count(*) FROM (SELECT age FROM users UNION ALL SELECT likes FROM posts) s", "combine abc"},
        {"SELECT count(*) FROM (SELECT DISTINCT age FROM users) s", "gather abc"},
        {"SELECT count(*) FROM (SELECT DISTINCT username FROM users) s", "combine abc"},
        {"SELECT count(*), username FROM users WHERE username IN ('bob', 'zoe')", "gather ac"},
        {"SELECT count(*) FROM users WHERE username = 'bob'", "single a"});
}

/* What is added up must be known to be exact: the types of functions and operators are chosen as PostgreSQL does. */
Test(plan, sums_are_gathered_where_their_type_is_exact)
{
    EXPECT({"SELECT sum(age) + 1 FROM users", "gather abc"}, {"SELECT sum(age / 3.0::float8) + 1 FROM users", "0A000"},
           {"SELECT sum(created - created) FROM users", "gather abc"},
           {"SELECT sum(created - interval '1 day' - now()) FROM users", "gather abc"},
           {"SELECT sum(created - '2024-01-01') FROM users", "gather abc"},
           {"SELECT sum((created - created) * 2) FROM users", "gather abc"},
           {"SELECT sum(mod(age, 3::int8)) + 1 FROM users", "gather abc"},
           {"SELECT sum(half(age)) FROM users", "gather abc"}, {"SELECT sum(half(age::float8)) FROM users", "0A000"},
           {"SELECT sum(half(unknown_function(age))) FROM users", "0A000"},
           {"SELECT sum(name::price) FROM users", "gather abc"}, {"SELECT sum(name::interval) FROM users", "gather abc"},
           {"SELECT sum(name::other) FROM users", "0A000"}, {"SELECT sum(x) FROM (SELECT half(age) AS x FROM users) s", "gather abc"},
           {"SELECT sum(x) FROM (SELECT age FROM users UNION ALL SELECT 2.5) s (x)", "gather abc"},
           {"SELECT sum(x) FROM (SELECT age FROM users UNION ALL SELECT 2.5::float8) s (x)", "0A000"},
           {"SELECT sum(s) FROM users, generate_series(1, 3) s", "combine abc"},
           {"SELECT sum(v.b) FROM users, (VALUES (1, 2), (2, 2.5)) v (a, b)", "gather abc"},
           {"SELECT sum(v.b) FROM users, (VALUES (1, 2), (2, 2.5::float8)) v (a, b)", "0A000"},
           {"WITH RECURSIVE r AS (SELECT name, age AS n FROM users UNION ALL SELECT u.name, r.n FROM users u JOIN r ON u.country = r.name) "
            "SELECT sum(n) FROM r", "gather abc"},
           {"WITH RECURSIVE r (x, n) AS (SELECT name, age::float8 FROM users UNION ALL SELECT name, n FROM users JOIN r ON country = x) "
            "SELECT sum(n) FROM r", "0A000"},
           {"SELECT sum(age::float8) + 1 FROM users", "gather abc"}, {"SELECT sum(age::real) + 1 FROM users", "0A000"},
           {"SELECT avg(age::real) FROM users", "gather abc"}, {"SELECT sum(id::float8) + 1 FROM posts", "0A000"},
           {"SELECT sum(-(age * 2.5)) FROM users", "gather abc"}, {"SELECT sum(-(age * 2.5::float8)) FROM users", "0A000"});
}

/* A list that shows in which order rows came is refused, unless nobody can see it, or there is only one order. */
/* (SELECT max(u.age)) is an aggregate of the query around it. */
Test(plan, aggregates_of_the_query_around_are_gathered)
{
    EXPECT({"SELECT (SELECT max(u.age)) FROM users u", "gather abc"}, {"SELECT (SELECT sum(u.age)) FROM users u", "gather abc"},
           {"SELECT (SELECT array_agg(u.age)) FROM users u", "0A000"}, {"SELECT (SELECT sum(u.age::float8 / 3)) FROM users u", "0A000"},
           {"SELECT (SELECT sum(u.age::float8 / 3) FROM countries LIMIT 1) FROM users u", "0A000"},
           {"SELECT country FROM users u GROUP BY country HAVING EXISTS (SELECT 1 FROM countries WHERE count(u.age) > 3)", "gather abc"},
           {"SELECT * FROM (SELECT (SELECT max(u.age)) FROM users u) s", "0A000"},
           {"INSERT INTO users (username) SELECT (SELECT max(u.username)) FROM users u", "0A000"},
           {"INSERT INTO countries SELECT (SELECT max(u.username)) FROM users u", "0A000"},
           {"INSERT INTO users (username, age) SELECT 'bob', (SELECT max(c.code)) FROM countries c", "single a"},
           {"SELECT (SELECT max(u.age + p.likes) FROM posts p) FROM users u", "gather abc"},
           {"SELECT array_agg(age) FROM users WHERE false AND age > 1", "gather abc"});
}

Test(plan, lists_are_gathered_where_their_order_is_known_or_not_seen)
{
    EXPECT({"SELECT array_agg(age) FROM users", "0A000"}, {"SELECT array_length(array_agg(age), 1) FROM users", "gather abc"},
           {"SELECT 1 = ANY (array_agg(age)) FROM users", "gather abc"}, {"SELECT array_agg(age) @> '{1}' FROM users", "gather abc"},
           {"SELECT array_agg(age) = '{1}' FROM users", "0A000"}, {"SELECT cardinality(ARRAY(SELECT age FROM users))", "gather abc"},
           {"SELECT ARRAY(SELECT age FROM users)", "0A000"}, {"SELECT array_length(array_agg(age) || 1, 1) FROM users", "0A000"},
           {"SELECT array_length(coalesce(array_agg(age), '{}'), 1) FROM users", "gather abc"},
           {"SELECT length(string_agg(name, ',')) FROM users", "gather abc"},
           {"SELECT length(string_agg(name, country)) FROM users", "0A000"},
           {"SELECT jsonb_object_agg(username, age) FROM users", "gather abc"},
           {"SELECT jsonb_object_agg(name, age) FROM users", "0A000"}, {"SELECT json_object_agg(username, age) FROM users", "0A000"},
           {"SELECT jsonb_object_agg(id, body) FROM posts", "0A000"},
           {"SELECT jsonb_object_agg(name, n) FROM (SELECT name, count(*) AS n FROM users GROUP BY 1) s", "gather abc"},
           {"SELECT jsonb_object_agg(name, n) FROM (SELECT name, count(*) AS n FROM users GROUP BY 1, country) s", "0A000"},
           {"SELECT jsonb_object_agg(n, name) FROM (SELECT name, count(*) AS n FROM users GROUP BY 1) s", "0A000"},
           {"SELECT array_agg(age) FROM (SELECT age FROM users ORDER BY username) s", "gather abc"},
           {"SELECT array_agg(age) FROM (SELECT * FROM (SELECT age FROM users ORDER BY username) s) s", "gather abc"},
           {"SELECT array_agg(age) FROM (SELECT age FROM users ORDER BY username) s WHERE age IN (SELECT likes FROM posts)", "0A000"},
           {"SELECT array_agg(age) FROM (SELECT age FROM users ORDER BY username) s JOIN posts ON likes = age", "0A000"},
           {"WITH s AS (SELECT age FROM users ORDER BY username) SELECT array_agg(age) FROM s", "gather abc"},
           {"SELECT array_agg(age) FROM users WHERE username = lower('BOB')", "0A000"},
           {"SELECT sum(x / 3.0::float8 ORDER BY n) FROM numbers", "gather abc"},
           {"SELECT sum(x / 3.0::float8 ORDER BY x) FROM numbers", "0A000"},
           {"SELECT sum(x / 3.0::float8) OVER (PARTITION BY x ORDER BY n) FROM numbers", "gather abc"},
           {"SELECT sum(x / 3.0::float8) OVER (ORDER BY x) FROM numbers", "0A000"},
           {"SELECT sum(likes / 3.0::float8 ORDER BY id) FROM posts", "0A000"});
}

Test(plan, what_depends_on_the_server_is_told_apart)
{
    EXPECT({"SELECT 1", "single a"}, {"SELECT now()", "single a"}, {"SELECT * FROM countries", "single a"},
           {"SELECT * FROM notes", "single a"}, {"SELECT * FROM nowhere", "single a"},
           {"SELECT * FROM pg_catalog.pg_class", "single a"}, {"SELECT pg_backend_pid()", "single a"},
           {"SELECT 'users'::regclass", "single a"}, {"SELECT nextval('s')", "single a"},
           {"SELECT pg_advisory_lock(1)", "single a"}, {"SELECT pg_advisory_lock(1) FROM users", "0A000"},
           {"SELECT reader()", "0A000"}, {"SELECT pure() FROM users", "concat abc"},
           {"SELECT set_config('a.b', 'c', false)", "single a"},
           {"SELECT set_config('a.b', 'c', age > 1) FROM users", "0A000"},
           {"SELECT query_to_xml('select', true, true, '')", "0A000"},
           {"SELECT random() FROM users", "concat abc"}, {"SELECT now(), * FROM users", "gather abc"},
           {"SELECT current_timestamp FROM users WHERE username = 'bob'", "single a"},
           {"SELECT * FROM users WHERE created < now()", "concat abc"},
           {"SELECT * FROM users, (SELECT random()) r", "gather abc"},
           {"SELECT unknown_function(1) FROM users", "0A000"}, {"SELECT ctid FROM users", "0A000"},
           {"SELECT ctid FROM users WHERE username = 'zoe'", "single c"},
           {"SELECT tableoid::regclass FROM users WHERE username = 'zoe'", "0A000"},
           {"SELECT * FROM users TABLESAMPLE SYSTEM (10)", "0A000"}, {"SELECT * FROM users TABLESAMPLE SYSTEM (100)", "concat abc"},
           {"SELECT count(*) FROM posts JOIN users u TABLESAMPLE BERNOULLI (100) ON age = likes", "gather abc"},
           {"SELECT * FROM users TABLESAMPLE SYSTEM (100) REPEATABLE (1)", "0A000"}, {"SELECT * FROM missing", "0A000"},
           {"SELECT * FROM secured WHERE username = 'bob'", "0A000"},
           {"SELECT * FROM pg_class c JOIN users u ON u.name = c.relname", "0A000"});
}

/* Its tables are others for a while, under other names, and in a transaction. */
Test(plan, what_could_see_that_rows_are_gathered_is_refused)
{
    EXPECT({"SELECT * FROM information_schema.tables t, users u, posts p", "0A000"},
           {"SELECT current_query() FROM users u, posts p", "0A000"},
           {"SELECT pg_my_temp_schema() FROM users u, posts p", "0A000"},
           {"SELECT u FROM users u, posts p", "0A000"},
           {"SELECT pg_typeof(u.*) FROM users u, posts p", "0A000"},
           {"SELECT count(u.*), p.a FROM users u, (SELECT body AS a FROM posts) p, posts a GROUP BY p.a",
            "gather abc"});
}

/* row.name calls name(row); operators and casts call functions, too. */
Test(plan, functions_are_seen_behind_other_syntax)
{
    EXPECT({"SELECT u.reader FROM users u", "0A000"}, {"SELECT (u).reader FROM users u", "0A000"},
           {"SELECT (SELECT u.reader) FROM users u WHERE username = 'bob'", "0A000"},
           {"SELECT u.pure FROM users u", "concat abc"}, {"SELECT u.pure FROM users u, notes", "0A000"},
           {"SELECT pure(u.*) FROM users u, notes", "0A000"}, {"SELECT name <~> 'a' FROM users", "0A000"},
           {"SELECT 1 WHERE 1 OPERATOR(public.<~>) ALL (SELECT 2)", "0A000"},
           {"SELECT name::tally FROM users", "0A000"}, {"SELECT name::other FROM users", "concat abc"},
           {"SELECT * FROM users WHERE username <= 'c'", "concat abc"},
           {"SELECT * FROM users WHERE username OPERATOR(pg_catalog.<=) 'c'", "single a"});
}

Test(plan, inserts_go_to_the_shards_of_their_keys)
{
    EXPECT(
        {"INSERT INTO users (name, username) VALUES ('Bob', 'bob')", "single a"},
        {"INSERT INTO users VALUES ('zoe')", "single c"},
        {"INSERT INTO users VALUES ('al'), ('bob')", "single a"},
        {"INSERT INTO users VALUES ('al'), ('zoe')", "split ac"},
        {"INSERT INTO users VALUES ('al', 'x') , ('zoe', '),(') RETURNING username", "split ac"},
        {"INSERT INTO users (name) VALUES ('Bob')", "23502"},
        {"INSERT INTO users (username) VALUES (lower('BOB'))", "0A000"},
        {"INSERT INTO users (username) VALUES (NULL)", "23502"},
        {"INSERT INTO users (username) SELECT NULL::text FROM notes", "0A000"},
        {"INSERT INTO users (username) VALUES (DEFAULT)", "23502"},
        {"INSERT INTO users DEFAULT VALUES", "23502"}, {"INSERT INTO numbers VALUES (150)", "single b"},
        {"INSERT INTO numbers VALUES (1000)", "23514"}, {"INSERT INTO numbers VALUES (1.5)", "0A000"},
        {"INSERT INTO posts (id, username) VALUES (1, 'bob')", "single a"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT DO NOTHING", "single a"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET name = excluded.name",
         "single a"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET username = 'x'", "0A000"},
        {"INSERT INTO posts (id, username) VALUES (1, 'bob') ON CONFLICT (id) DO NOTHING", "0A000"},
        {"INSERT INTO posts (id, username) VALUES (1, 'bob') ON CONFLICT DO NOTHING", "0A000"},
        {"INSERT INTO sequenced (username) VALUES ('bob')", "0A000"},
        {"INSERT INTO sequenced (id, username) VALUES (1, 'bob')", "single a"},
        {"INSERT INTO timed (username) VALUES ('bob')", "single a"},
        {"INSERT INTO timed (username) VALUES ('bob'), ('zoe')", "0A000"},
        {"INSERT INTO timed VALUES ('bob', '2020-01-01Z'), ('zoe', '2020-01-01Z')", "split ac"},
        {"INSERT INTO timed VALUES ('bob', now()), ('zoe', now())", "0A000"},
        {"INSERT INTO triggered VALUES ('bob')", "0A000"}, {"INSERT INTO trusted VALUES ('bob')", "single a"},
        {"INSERT INTO users (username, age) VALUES ('bob', (SELECT count(*) FROM posts WHERE username = "
         "'bob'))",
         "single a"},
        {"INSERT INTO users (username, age) VALUES ('bob', (SELECT count(*) FROM posts WHERE username = "
         "'zoe'))",
         "0A000"},
        {"INSERT INTO users SELECT 'bob', 'Bob'", "single a"},
        {"INSERT INTO users (username) SELECT username FROM posts", "concat abc"},
        {"INSERT INTO users (username) SELECT username FROM posts WHERE username = 'zoe' LIMIT 1",
         "single c"},
        {"INSERT INTO users (username) SELECT username FROM posts LIMIT 1", "0A000"},
        {"INSERT INTO users (username) SELECT body FROM posts", "0A000"},
        {"INSERT INTO users (username) SELECT code FROM countries", "0A000"},
        {"INSERT INTO users (username, age) SELECT username, count(*) FROM posts GROUP BY 1", "concat abc"},
        {"INSERT INTO notes VALUES (1)", "single a"},
        {"INSERT INTO notes SELECT age, username FROM users", "0A000"},
        {"INSERT INTO notes SELECT age, username FROM users WHERE username = 'bob'", "single a"});
}

Test(plan, updates_and_deletes_fan_out_where_proved)
{
    EXPECT({"UPDATE users SET name = 'x' WHERE username = 'bob'", "single a"},
           {"UPDATE users SET age = age + 1", "concat abc"}, {"UPDATE users SET username = 'x'", "0A000"},
           {"UPDATE users SET (name, username) = ('a', 'b') WHERE username = 'bob'", "0A000"},
           {"UPDATE users SET created = now()", "0A000"},
           {"UPDATE users SET created = now() WHERE username = 'bob'", "single a"},
           {"UPDATE users SET age = random()", "0A000"},
           {"UPDATE users u SET age = p.likes FROM posts p WHERE p.username = u.username", "concat abc"},
           {"UPDATE users u SET age = p.likes FROM posts p WHERE p.body = u.name", "0A000"},
           {"UPDATE users u SET age = (SELECT count(*) FROM posts p WHERE p.username = u.username)",
            "concat abc"},
           {"UPDATE users SET age = (SELECT count(*) FROM posts)", "0A000"},
           {"DELETE FROM users WHERE username IN ('bob', 'zoe') RETURNING *", "concat ac"},
           {"DELETE FROM users USING posts p WHERE p.username = users.username", "concat abc"},
           {"DELETE FROM users WHERE ctid = '(0,1)'", "0A000"},
           {"DELETE FROM triggered WHERE username = 'bob'", "0A000"}, {"DELETE FROM notes", "single a"},
           {"DELETE FROM notes WHERE username IN (SELECT username FROM users)", "0A000"},
           {"WITH d AS (DELETE FROM users WHERE username = 'bob' RETURNING *) SELECT * FROM d", "single a"},
           {"WITH d AS (DELETE FROM users RETURNING *) SELECT * FROM d", "0A000"},
           {"WITH d AS (INSERT INTO users VALUES ('bob') RETURNING *) SELECT * FROM d", "0A000"},
           {"MERGE INTO users u USING posts p ON p.username = u.username WHEN MATCHED THEN DELETE", "0A000"});
}

Test(plan, reference_tables_are_written_everywhere)
{
    EXPECT({"INSERT INTO countries VALUES ('de', 'Germany')", "broadcast abc"},
           {"UPDATE countries SET title = lower(title)", "broadcast abc"},
           {"DELETE FROM countries WHERE code = 'de'", "broadcast abc"},
           {"INSERT INTO countries SELECT * FROM countries", "broadcast abc"},
           {"INSERT INTO countries SELECT username FROM users", "0A000"},
           {"INSERT INTO countries SELECT code FROM countries LIMIT 1", "0A000"},
           {"INSERT INTO countries SELECT username FROM notes", "0A000"},
           {"INSERT INTO countries VALUES (random())", "0A000"},
           {"INSERT INTO visits VALUES (1, now())", "0A000"},
           {"INSERT INTO visits VALUES (1, 'now')", "0A000"},
           {"INSERT INTO visits VALUES (1, '2020-01-01Z')", "broadcast abc"},
           {"UPDATE countries SET title = c.title FROM countries c", "0A000"},
           {"DELETE FROM countries WHERE code IN (SELECT country FROM users)", "0A000"});
}

Test(plan, errors_of_the_parser_are_postgresqls)
{
    EXPECT({"SELEC 1", "42601"}, {"SELECT 'x", "42601"}, {"", "single a"}, {"-- nothing", "single a"});
    struct error error = {0};
    const char *sql = "SELECT 'é' FRO x";
    cr_assert_null(plan_make(routing, &facts, sql, strlen(sql), NULL, NULL, 0, &error));
    cr_expect_eq(error.position, 16, "positions count characters");
    error_clear(&error);
}

Test(plan, deep_nesting_is_an_error_and_no_crash)
{
    size_t length = 400000;
    char *sql = memory_alloc(length + 16), text[64];
    strcpy(sql, "SELECT 1");
    for (size_t at = 8; at + 2 < length; at += 2)
        memcpy(sql + at, "+1", 2);
    cr_expect_str_eq(outcome(sql, NULL, text, sizeof text), "54001");
    free(sql);
}

static const char *with_parameter(const char *sql, const char *value, char *text, size_t size)
{
    struct bind_value bind = {value, value ? (int32_t) strlen(value) : -1, false, 0};
    return outcome(sql, &(struct bind_values){&bind, 1}, text, size);
}

Test(plan, parameters_are_bound_at_each_execution)
{
    char text[64];
    const char *select = "SELECT * FROM users WHERE username = $1";
    cr_expect_str_eq(with_parameter(select, "bob", text, sizeof text), "single a");
    cr_expect_str_eq(with_parameter(select, "zoe", text, sizeof text), "single c");
    cr_expect_str_eq(with_parameter(select, NULL, text, sizeof text), "single a");
    cr_expect_str_eq(with_parameter("INSERT INTO users VALUES ($1)", "zoe", text, sizeof text), "single c");
    cr_expect_str_eq(with_parameter("INSERT INTO users VALUES ($1)", NULL, text, sizeof text), "23502");
    cr_expect_str_eq(
        with_parameter("SELECT * FROM users WHERE username = ANY ($1)", "{al,bob}", text, sizeof text),
        "single a");
    cr_expect_str_eq(with_parameter("SELECT * FROM users ORDER BY age LIMIT $1", "-2", text, sizeof text),
                     "2201W");
}

Test(plan, a_binary_parameter_is_read_by_its_type)
{
    char text[64];
    const char eight[8] = {0, 0, 0, 0, 0, 0, 0, (char) 150};
    struct bind_value bind = {eight, 8, true, 20};
    const struct bind_values binds = {&bind, 1};
    cr_expect_str_eq(outcome("SELECT * FROM numbers WHERE n = $1", &binds, text, sizeof text), "single b");
    bind.type = 0;
    cr_expect_str_eq(outcome("SELECT * FROM numbers WHERE n = $1", &binds, text, sizeof text), "concat abc",
                     "eight bytes are no integer");
    cr_expect_str_eq(outcome("SELECT * FROM numbers WHERE n = $1::bigint", &binds, text, sizeof text),
                     "single b");
}

Test(plan, one_template_serves_all_values)
{
    const char *first = "SELECT * FROM users WHERE username = 'bob' LIMIT 3";
    const char *second = "SELECT * FROM users WHERE username = 'zoe' LIMIT 9";
    struct normalised one = {0}, other = {0};
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    normalise(first, strlen(first), &one);
    normalise(second, strlen(second), &other);
    struct plan *plan = plan_make(routing, &facts, first, strlen(first), &one, NULL, 0, &error);
    cr_expect_not(plan_pins(plan, 0));
    cr_expect_not(plan_pins(plan, 1));
    cr_assert(plan_route(plan, routing, &other, NULL, &arena, &route, &error));
    cr_expect(shard_set_has(&route.shards, 2));
    plan_release(plan);
    normalised_free(&one);
    normalised_free(&other);
    arena_free(&arena);
}

static struct plan *make(const char *sql)
{
    struct error error = {0};
    struct plan *plan = plan_make(routing, &facts, sql, strlen(sql), NULL, NULL, 0, &error);
    cr_assert(plan, "%s", error.message);
    return plan;
}

Test(plan, literals_that_a_plan_compared_are_pinned)
{
    const char *sql = "SELECT username, age + 1 FROM users ORDER BY age + 1";
    struct normalised normalised = {0};
    struct error error = {0};
    normalise(sql, strlen(sql), &normalised);
    struct plan *plan = plan_make(routing, &facts, sql, strlen(sql), &normalised, NULL, 0, &error);
    cr_expect(plan_pins(plan, 0), "age + 2 in one place is another plan");
    cr_expect(plan_pins(plan, 1));
    plan_release(plan);
    normalised_free(&normalised);
}

Test(plan, the_words_for_now_are_not_written_to_several_shards)
{
    EXPECT({"UPDATE users SET created = 'now'", "0A000"},
           {"UPDATE users SET created = ' Today 10:00'", "0A000"},
           {"UPDATE users SET created = '2020-01-01Z'", "concat abc"},
           {"UPDATE users SET created = 'now' WHERE username = 'bob'", "single a"},
           {"UPDATE users SET name = 'nowhere'", "concat abc"},
           {"SELECT 'now'::timestamptz, username FROM users", "0A000"},
           {"SELECT * FROM users WHERE created < 'now'::timestamptz", "concat abc"});
}

Test(plan, a_parameter_declared_unknown_is_undeclared)
{
    char text[64];
    struct bind_value bind = {"zoe", 3, false, 705};
    const struct bind_values binds = {&bind, 1};
    cr_expect_str_eq(outcome("SELECT * FROM users WHERE username = $1", &binds, text, sizeof text),
                     "single c");
}

Test(plan, the_shards_text_has_hidden_columns_and_a_raised_limit)
{
    struct plan *plan = make("SELECT username FROM users ORDER BY age DESC LIMIT 10 OFFSET 20");
    cr_assert_str_eq(plan->shard_text,
                     "SELECT username, age AS keyway_sort_1 FROM users ORDER BY age DESC LIMIT 30");
    cr_expect_eq(plan->hidden, 1);
    cr_expect_eq(plan->sort_keys[0].column, 1);
    cr_expect(plan->sort_keys[0].descending);
    cr_expect(plan->sort_keys[0].nulls_first);
    plan_release(plan);
    plan = make("SELECT username FROM users ORDER BY username LIMIT 10");
    cr_expect_null(plan->shard_text, "LIMIT alone is every shard's own limit");
    plan_release(plan);
    plan = make("SELECT username FROM users ORDER BY 2, age");
    cr_expect_null(plan->shard_text, "a hidden column must not become the second one");
    plan_release(plan);
    plan = make("SELECT username FROM users ORDER BY username LIMIT $1 OFFSET $2");
    cr_assert_str_eq(plan->shard_text,
                     "SELECT username FROM users ORDER BY username LIMIT ($1::bigint + "
                     "LEAST(COALESCE($2::bigint, 0), 9223372036854775807 - $1::bigint))",
                     "a sum of any two values is a bigint");
    plan_release(plan);
}

Test(plan, split_parts_are_complete_statements)
{
    const char *sql =
        "insert into users /* ( */ values ('al', '(,'), ('zoe', 'x'), ('bob', $$)$$) returning age;";
    struct plan *plan = make(sql);
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    cr_assert(plan_route(plan, routing, NULL, NULL, &arena, &route, &error), "%s", error.message);
    cr_assert_eq(route.part_count, 2);
    cr_expect_str_eq(route.parts[0].text,
                     "insert into users /* ( */ values ('al', '(,'), ('bob', $$)$$) returning age;");
    cr_expect_eq(route.parts[0].rows, 2);
    cr_expect_str_eq(route.parts[1].text, "insert into users /* ( */ values ('zoe', 'x') returning age;");
    plan_release(plan);
    arena_free(&arena);
}

/* What each part of a gathered query asks the shards for. */
static void expect_gathers(const char *sql, const char *const *reads)
{
    struct plan *plan = make(sql);
    cr_expect_eq(plan->many, PLAN_GATHER, "%s", sql);
    int i = 0;
    for (; i < plan->gather_count && reads[i]; i++)
        cr_expect_str_eq(plan->gather[i].select, reads[i], "%s\n  %s", sql, plan->gather[i].select);
    cr_expect(i == plan->gather_count && !reads[i], "%s: %d parts", sql, plan->gather_count);
    plan_release(plan);
}
#define EXPECT_GATHERS(sql, ...) expect_gathers(sql, (const char *const[]){__VA_ARGS__, NULL})

static void expect_over_arrays(const char *sql, const char *wanted)
{
    struct plan *plan = make(sql);
    cr_expect_eq(plan->many, PLAN_GATHER, "%s", sql);
    cr_expect(wanted ? plan->gather_values && !strcmp(plan->gather_values, wanted) : !plan->gather_values,
              "%s\n  %s", sql, plan->gather_values ? plan->gather_values : "none");
    plan_release(plan);
}

Test(plan, gathered_rows_can_be_arrays_unless_the_query_relies_on_a_primary_key)
{
    expect_over_arrays("SELECT avg(age) FROM users WHERE name <> $1 AND random() > 0",
                       "WITH \"keyway: gathered 1\"(name, age) AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($2) , pg_catalog.unnest($3) )) "
                       "SELECT avg(age) FROM \"keyway: gathered 1\" users WHERE name <> $1 AND random() > 0");
    expect_over_arrays("WITH x AS (SELECT random() AS one) SELECT avg(age) FROM users, x WHERE age > $3",
                       "WITH \"keyway: gathered 1\"(age) AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($4) )), "
                       "x AS (SELECT random() AS one) "
                       "SELECT avg(age) FROM \"keyway: gathered 1\" users, x WHERE age > $3");
    expect_over_arrays("SELECT username, name, count(*) FROM users JOIN (SELECT avg(age) FROM users) x (age) "
                       "USING (age) GROUP BY username",
                       NULL);
}

/* What the shards compute of a query, and what the home shard makes of that. */
static void expect_pushes(const char *sql, const char *select, const char *rest)
{
    struct plan *plan = make(sql);
    cr_assert_eq(plan->many, PLAN_GATHER, "%s", sql);
    cr_expect_eq(plan->gather_count, 1, "%s", sql);
    cr_expect_str_eq(plan->gather[0].select, select, "%s\n  %s", sql, plan->gather[0].select);
    cr_expect_str_eq(plan->shard_text, rest, "%s\n  %s", sql, plan->shard_text);
    plan_release(plan);
}
#define COPY "pg_temp.\"keyway: gathered 1\" \"keyway: rows\""
#define C(n) "\"keyway: rows\".c" #n

Test(plan, groups_that_cross_shards_are_made_of_partial_groups)
{
    expect_pushes("SELECT name, count(*), max(age) FROM users GROUP BY name HAVING count(*) > 1 ORDER BY 2",
                  "SELECT name AS c1, pg_catalog.count(*) AS c2, pg_catalog.max(age) AS c3 FROM public.users GROUP BY name",
                  "SELECT " C(1) " AS name, COALESCE(pg_catalog.sum(" C(2) ")::bigint, 0) AS count, "
                  "pg_catalog.max(" C(3) ") AS max FROM " COPY " GROUP BY " C(1)
                  " HAVING COALESCE(pg_catalog.sum(" C(2) ")::bigint, 0) > 1 ORDER BY 2");
    expect_pushes("SELECT name AS n, count(DISTINCT age) FROM users WHERE lower(name) <> 'x' GROUP BY n",
                  "SELECT name AS c1, age AS c2 FROM public.users WHERE lower(name) <> 'x' GROUP BY name, age",
                  "SELECT " C(1) " AS n, count(DISTINCT " C(2) ") AS count FROM " COPY " GROUP BY " C(1));
}

Test(plan, rows_that_the_shards_find_move_with_the_columns_that_matter)
{
    expect_pushes("SELECT DISTINCT name FROM users WHERE age > 1 ORDER BY name",
                  "SELECT DISTINCT name AS c1 FROM public.users WHERE age > 1",
                  "SELECT DISTINCT " C(1) " AS name FROM " COPY " ORDER BY name");
    expect_pushes("SELECT DISTINCT u.name, posts.id + 1 FROM users u JOIN posts USING (username)",
                  "SELECT DISTINCT u.name AS c1, posts.id AS c2 FROM public.users u JOIN public.posts USING (username)",
                  "SELECT DISTINCT " C(1) " AS name, " C(2) " + 1 AS \"?column?\" FROM " COPY);
}

Test(plan, the_first_rows_of_each_shard_are_enough)
{
    expect_pushes("SELECT username, age FROM users WHERE age > 1 ORDER BY lower(name) DESC, 2 LIMIT 10 OFFSET 5",
                  "SELECT lower(name) AS c1, age AS c2, username AS c3 FROM public.users WHERE age > 1 ORDER BY 1 DESC, 2 LIMIT 15",
                  "SELECT " C(3) " AS username, " C(2) " AS age FROM " COPY " ORDER BY " C(1) " DESC, 2 LIMIT 10 OFFSET 5");
    expect_pushes("SELECT u.username AS n FROM users u JOIN posts p USING (username) ORDER BY n, p.likes + 1 FETCH FIRST 3 ROWS WITH TIES",
                  "SELECT u.username AS c1, p.likes + 1 AS c2 FROM public.users u JOIN public.posts p USING (username) "
                  "ORDER BY 1, 2 FETCH FIRST 3 ROWS WITH TIES",
                  "SELECT " C(1) " AS n FROM " COPY " ORDER BY n, " C(2) " FETCH FIRST 3 ROWS WITH TIES");
    expect_pushes("SELECT generate_series(1, age) FROM users ORDER BY lower(name) LIMIT 10", "SELECT age AS c1, name AS c2 FROM public.users",
                  "SELECT generate_series(1, " C(1) ") AS generate_series FROM " COPY " ORDER BY lower(" C(2) ") LIMIT 10");
    expect_pushes("SELECT DISTINCT name FROM users ORDER BY name LIMIT 2", "SELECT DISTINCT name AS c1 FROM public.users",
                  "SELECT DISTINCT " C(1) " AS name FROM " COPY " ORDER BY name LIMIT 2");
}

Test(plan, what_depends_on_the_place_or_the_rows_around_is_not_computed_by_the_shards)
{
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE random() > 0.5", "SELECT age FROM public.users");
    EXPECT_GATHERS("SELECT name, (SELECT count(*) FROM posts WHERE body = users.name) FROM users",
                   "SELECT name FROM public.users", "SELECT body FROM public.posts");
}

Test(plan, gathered_are_the_columns_and_rows_that_matter)
{
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE name = 'x' AND age > 3 AND random() > 0.5",
                   "SELECT name, age FROM public.users WHERE name = 'x' AND age > 3");
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE random() > 0 AND age > $2 AND username < $1",
                   "SELECT username, age FROM public.users WHERE age > $1 AND username < $2");
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE EXISTS (SELECT * FROM posts WHERE body = name AND likes < 2 + 1)",
                   "SELECT name, age FROM public.users", "SELECT body, likes FROM public.posts WHERE likes < (2 + 1)");
    /* bare names; columns that are compared with each other */
    EXPECT_GATHERS("SELECT count(*) FROM users, posts WHERE body = name AND age = 1 AND likes <> id",
                   "SELECT name, age FROM public.users WHERE age = 1",
                   "SELECT id, body, likes FROM public.posts WHERE likes <> id");
}

/* Of tables whose rows are all there, on the row's own shard. */
Test(plan, gathered_rows_have_partners)
{
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u JOIN countries c ON c.code = u.country JOIN notes n ON n.id = u.age "
                   "WHERE c.title = 'x'",
                   "SELECT name, age, country FROM public.users u WHERE EXISTS (SELECT 1 FROM public.countries c WHERE "
                   "c.title = 'x' AND c.code = u.country)");
    EXPECT_GATHERS("SELECT count(*) FROM users u, posts p, notes n WHERE u.username = p.username AND p.likes = 1 AND n.id = u.age",
                   "SELECT username, age FROM public.users u WHERE EXISTS (SELECT 1 FROM public.posts p WHERE "
                   "u.username = p.username AND p.likes = 1)",
                   "SELECT id, username, likes FROM public.posts p WHERE p.likes = 1");
    /* no condition on the partner; no condition that leads to it; not all of its rows are here; it may be missing */
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u, countries c, notes n WHERE c.code = u.country AND n.id = u.age",
                   "SELECT name, age, country FROM public.users");
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u, countries c, notes n WHERE c.title = 'x' AND n.id = u.age",
                   "SELECT name, age FROM public.users");
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u, notes n WHERE n.id = u.age AND n.username = 'x'",
                   "SELECT username, name, age FROM public.users");
    EXPECT_GATHERS("SELECT count(*) FROM users u LEFT JOIN posts p ON u.username = p.username, notes n "
                   "WHERE p.likes = 1 AND n.id = u.age",
                   "SELECT username, age FROM public.users", "SELECT id, username, likes FROM public.posts");
    EXPECT_GATHERS("SELECT count(*) FROM users u, numbers m, notes n WHERE u.age = m.n AND m.x = 1 AND n.id = u.age",
                   "SELECT age FROM public.users", "SELECT n, x FROM public.numbers m WHERE m.x = 1");
}

/* Two names of one CTE: only one of them ties the tables. */
Test(plan, partners_are_tied_in_every_reading)
{
    EXPECT_GATHERS("WITH x AS (SELECT u.username AS a, p.username AS b FROM users u, posts p WHERE p.likes = u.age AND u.age = 1) "
                   "SELECT count(*) FROM x, x y, notes WHERE x.a = x.b AND y.a <> notes.username",
                   "SELECT username, age FROM public.users u WHERE u.age = 1", "SELECT username, likes FROM public.posts");
}

Test(plan, one_copy_serves_equal_uses)
{
    EXPECT_GATHERS("SELECT count(*) FROM users u, users v, notes WHERE u.age = v.age", "SELECT age FROM public.users");
    EXPECT_GATHERS("SELECT count(*) FROM users u, users v, notes WHERE u.age = v.age AND v.age > 1",
                   "SELECT age FROM public.users", "SELECT age FROM public.users v WHERE v.age > 1");
}

static void expect_indexes(const char *sql, int part, const char *index)
{
    struct plan *plan = make(sql);
    cr_assert(plan->many == PLAN_GATHER && part < plan->gather_count, "%s", sql);
    cr_assert_eq(plan->gather[part].index_count, index != NULL, "%s", sql);
    if (index)
        cr_expect_str_eq(plan->gather[part].indexes[0], index);
    plan_release(plan);
}

/* … for which the query would go through the copy again for each row. */
Test(plan, copies_have_indexes)
{
    const char *often = "SELECT name FROM users u WHERE age < (SELECT avg(likes) FROM posts WHERE likes > 1 AND %s)";
    char sql[200];
    snprintf(sql, sizeof sql, often, "id = u.age");
    expect_indexes(sql, 1, "btree (\"id\")");
    snprintf(sql, sizeof sql, often, "name = body");
    expect_indexes(sql, 1, "hash (\"body\")");
    expect_indexes(sql, 0, NULL);
    snprintf(sql, sizeof sql, often, "id = u.age + likes");
    expect_indexes(sql, 1, NULL);
    expect_indexes("SELECT name FROM users u WHERE EXISTS (SELECT * FROM posts WHERE id = u.age)", 1, NULL);
    expect_indexes("SELECT name FROM users u WHERE age = 1 OR EXISTS (SELECT * FROM posts WHERE id = u.age)", 1, "btree (\"id\")");
}

Test(plan, gathered_rows_are_never_too_few)
{
    /* of the nullable side, of what another table decides, of the clock, of a pattern that may be wrong, under OR */
    EXPECT_GATHERS("SELECT count(*) FROM users u LEFT JOIN posts p ON p.body = u.name WHERE p.likes IS NULL "
                   "AND u.age = 1",
                   "SELECT name, age FROM public.users u WHERE u.age = 1",
                   "SELECT body, likes FROM public.posts");
    EXPECT_GATHERS(
        "SELECT avg(u.age) FROM users u, posts p WHERE u.age = p.likes AND (u.age = 1 OR p.likes = 2)",
        "SELECT age FROM public.users", "SELECT likes FROM public.posts");
    EXPECT_GATHERS("SELECT avg(age) FROM users u WHERE u.age > 1 AND EXISTS (SELECT 1 FROM posts p WHERE "
                   "p.likes = u.age)",
                   "SELECT age FROM public.users u WHERE u.age > 1", "SELECT likes FROM public.posts");
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE name < now()::text AND name <> 'today'",
                   "SELECT name, age FROM public.users");
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE random() > 0 AND name LIKE $1", "SELECT name, age FROM public.users");
    EXPECT_GATHERS(
        "SELECT count(*) FROM users u FULL JOIN posts p ON p.likes = u.age WHERE u.age = 1 AND p.likes = 1",
        "SELECT age FROM public.users", "SELECT likes FROM public.posts");
}

/* The shards would read the characters of a text that is written anew in the client's encoding. */
Test(plan, escapes_are_not_written_in_another_encoding)
{
    static const struct session_facts latin = {"public", "app", true, false, false};
    static const struct {
        const char *sql;
        enum plan_kind many;
    } cases[] = {
        {"SELECT avg(age) FROM users WHERE name <> U&'\\00e9'", PLAN_REFUSE},
        {"SELECT avg(age) FROM users WHERE name <> E'\\u00e9'", PLAN_REFUSE},
        {"SELECT avg(age) FROM users WHERE name <> '\xe9'", PLAN_GATHER},
        {"SELECT avg(age) FROM users WHERE name <> E'\\n'", PLAN_GATHER},
        {"SELECT name FROM users WHERE name <> E'\\u00e9'", PLAN_CONCAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error error = {0};
        struct plan *plan = plan_make(routing, &latin, cases[i].sql, strlen(cases[i].sql), NULL, NULL, 0, &error);
        cr_assert(plan, "%s", error.message);
        cr_expect_eq(plan->many, cases[i].many, "%s", cases[i].sql);
        plan_release(plan);
    }
}

struct evaluated_case {
    const char *sql, *evaluation, *part;
};

/* The home shard answers: the value 'bob' of type text, then numbers of type bigint. */
static const struct evaluated_case evaluated_cases[] = {
    {"INSERT INTO users (username, age) VALUES (lower('BOB'), 3) RETURNING age",
     "SELECT v0, pg_catalog.pg_typeof(v0) FROM (SELECT lower('BOB') AS v0 OFFSET 0) AS keyway",
     "INSERT INTO users (username, age) VALUES ('bob'::text, 3) RETURNING age"},
    {"INSERT INTO sequenced (username) VALUES ('bob')",
     "SELECT v0, pg_catalog.pg_typeof(v0) FROM (SELECT nextval('s'::regclass) AS v0 OFFSET 0) AS keyway",
     "INSERT INTO sequenced (username, \"id\") VALUES ('bob', 'bob'::text)"},
    {"INSERT INTO sequenced AS s VALUES (DEFAULT, 'bob') ON CONFLICT DO NOTHING",
     "SELECT v0, pg_catalog.pg_typeof(v0) FROM (SELECT nextval('s'::regclass) AS v0 OFFSET 0) AS keyway",
     "INSERT INTO sequenced AS s VALUES ('bob'::text, 'bob') ON CONFLICT DO NOTHING"},
};

Test(plan, what_an_insert_leaves_to_postgresql_takes_its_place_in_the_text)
{
    const char *values[] = {"bob", "text"};
    const uint32_t types[] = {25, 2206};
    const struct evaluated row = {values, types, 2};
    for (size_t i = 0; i < sizeof evaluated_cases / sizeof *evaluated_cases; i++) {
        const struct evaluated_case *wanted = &evaluated_cases[i];
        struct plan *plan = make(wanted->sql);
        struct arena arena = {0};
        struct error error = {0};
        struct route route;
        cr_assert(plan->evaluation, "%s", wanted->sql);
        cr_expect_str_eq(plan->evaluation->sql, wanted->evaluation);
        cr_expect_not(plan_route(plan, routing, NULL, NULL, &arena, &route, &error));
        error_clear(&error);
        cr_assert(plan_route_evaluated(plan, routing, NULL, NULL, &row, &arena, &route, &error), "%s: %s",
                  wanted->sql, error.message);
        cr_assert_eq(route.part_count, 1);
        cr_expect_eq(route.kind, PLAN_SINGLE);
        cr_expect(shard_set_has(&route.shards, 0));
        cr_expect_str_eq(route.parts[0].text, wanted->part);
        plan_release(plan);
        arena_free(&arena);
    }
}

Test(plan, nothing_is_computed_first_that_can_be_routed_as_it_stands)
{
    static const char *const statements[] = {
        "INSERT INTO users (username, age) VALUES ('bob', 3)",
        "INSERT INTO users (username, age) VALUES ('bob', length('x'))",
        "INSERT INTO users (username, age) VALUES ($1, $2)",
        "INSERT INTO users (username, age) VALUES ((SELECT 'bob'), 3)",
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct plan *plan = make(statements[i]);
        cr_expect_null(plan->evaluation, "%s", statements[i]);
        plan_release(plan);
    }
}

Test(plan, rows_that_all_answer_do_so_in_their_order)
{
    struct plan *plan =
        make("INSERT INTO users (username) VALUES ('zoe'), ('al'), ('zed') RETURNING username");
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    cr_assert(plan_route(plan, routing, NULL, NULL, &arena, &route, &error));
    cr_assert_eq(route.turn_count, 3);
    cr_expect(route.turns[0] > 0 && route.turns[1] == 0 && route.turns[2] == route.turns[0]);
    plan_release(plan);
    arena_free(&arena);
}

Test(plan, statements_are_described)
{
    struct plan *plan = make("SELECT * FROM users WHERE username = 'bob'");
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    cr_assert(plan_route(plan, routing, NULL, NULL, &arena, &route, &error));
    const char *text = plan_describe(plan, routing, NULL, NULL, &route, &arena);
    cr_expect(strstr(text, "shards: a\n"), "%s", text);
    cr_expect(strstr(text, "username = 'bob'"), "%s", text);
    plan_release(plan);
    arena_free(&arena);
}
