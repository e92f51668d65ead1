/*
 * plan_gather: what of a query that no shard answers alone the shards compute, which rows move, and what is refused.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "router/plan.h"
#include "tests/unit/plan_town.h"

TestSuite(plan_gather, .init = plan_town_set_up, .fini = plan_town_tear_down);

/* The library's printer leaves out parentheses that matter. */
Test(plan_gather, a_gathered_query_keeps_its_parentheses)
{
    EXPECT({"SELECT * FROM users u, posts p WHERE (u.age = 1 OR p.body = 'x') IS NOT TRUE", "gather abc"},
           {"SELECT * FROM users u, posts p WHERE u.age BETWEEN 1 AND (p.body IS NULL)::int", "gather abc"},
           {"SELECT (u.age = 1) IN (p.body = 'x') FROM users u, posts p", "gather abc"},
           {"SELECT (NOT u.age = 1)::text FROM users u, posts p", "gather abc"},
           {"SELECT u.age FROM users u, posts p ORDER BY 1 OFFSET ($1 + 1) FETCH FIRST ($2::int) ROWS WITH TIES", "gather abc"},
           {"SELECT (coalesce(u.name, p.body) || 'x') COLLATE \"C\" FROM users u, posts p", "gather abc"},
           {"SELECT (CASE WHEN u.age = 1 THEN ARRAY[p.body] END)[1] FROM users u, posts p", "gather abc"},
           {"SELECT ((u.age = 1 AND true) IS NOT DISTINCT FROM true) IS NULL FROM users u, posts p",
            "gather abc"});
}

/* What is added up must be exact, or a floating-point number, which the query checks then: the types of functions and operators are chosen as PostgreSQL does. */
Test(plan_gather, sums_are_gathered_where_their_type_is_known)
{
    EXPECT({"SELECT sum(age) + 1 FROM users", "gather abc"}, {"SELECT sum(age / 3.0::float8) + 1 FROM users", "0A000"},
           {"SELECT sum(created - created) FROM users", "gather abc"},
           {"SELECT sum(created - interval '1 day' - now()) FROM users", "gather abc"},
           {"SELECT sum(created - '2024-01-01') FROM users", "gather abc"},
           {"SELECT sum((created - created) * 2) FROM users", "gather abc"},
           {"SELECT sum(mod(age, 3::int8)) + 1 FROM users", "gather abc"},
           {"SELECT sum(half(age)) FROM users", "gather abc"}, {"SELECT sum(half(age::float8)) FROM users", "gather abc, checked"},
           {"SELECT sum(half(unknown_function(age))) FROM users", "0A000"},
           {"SELECT sum(name::price) FROM users", "gather abc"}, {"SELECT sum(name::interval) FROM users", "gather abc"},
           {"SELECT sum(name::other) FROM users", "0A000"}, {"SELECT sum(x) FROM (SELECT half(age) AS x FROM users) s", "gather abc"},
           {"SELECT sum(x) FROM (SELECT age FROM users UNION ALL SELECT 2.5) s (x)", "gather abc"},
           {"SELECT sum(x) FROM (SELECT age FROM users UNION ALL SELECT 2.5::float8) s (x)", "gather abc, checked"},
           {"SELECT sum(s) FROM users, generate_series(1, 3) s", "combine abc"},
           {"SELECT sum(v.b) FROM users, (VALUES (1, 2), (2, 2.5)) v (a, b)", "gather abc"},
           {"SELECT sum(v.b) FROM users, (VALUES (1, 2), (2, 2.5::float8)) v (a, b)", "gather abc, checked"},
           {"WITH RECURSIVE r AS (SELECT name, age AS n FROM users UNION ALL SELECT u.name, r.n FROM users u JOIN r ON u.country = r.name) "
            "SELECT sum(n) FROM r", "gather abc"},
           {"WITH RECURSIVE r (x, n) AS (SELECT name, age::float8 FROM users UNION ALL SELECT name, n FROM users JOIN r ON country = x) "
            "SELECT sum(n) FROM r", "gather abc, checked"},
           {"SELECT sum(age::float8) + 1 FROM users", "gather abc, checked"}, {"SELECT avg(age::real) FROM users", "gather abc, checked"},
           {"SELECT sum(age::int2::float8) + 1 FROM users", "gather abc, checked"}, {"SELECT sum(age::int2::real) + 1 FROM users", "gather abc, checked"},
           {"SELECT avg(age::int2::real) FROM users", "gather abc, checked"}, {"SELECT sum(id::float8) + 1 FROM posts", "gather abc, checked"},
           {"SELECT sum(-(age * 2.5)) FROM users", "gather abc"}, {"SELECT sum(-(age * 2.5::float8)) FROM users", "gather abc, checked"});
}

/* A parameter without a type takes that of its place; where it stands twice, the first place has decided, and which that is is not looked for. */
Test(plan_gather, parameters_take_the_types_of_choices)
{
    EXPECT({"SELECT sum(coalesce(age, $1)) + 1 FROM users", "gather abc"},
           {"SELECT sum(CASE WHEN name = $1 THEN age WHEN name = $2 THEN $3 ELSE 2.5 END) + 1 FROM users", "gather abc"},
           {"SELECT sum(greatest($1, age)) + 1 FROM users", "gather abc"},
           {"SELECT sum(coalesce(age::float8, $1)) + 1 FROM users", "gather abc, checked"},
           {"SELECT country FROM users GROUP BY country HAVING avg(age::float8) > $1 AND sum(age::real) BETWEEN '1' AND $2", "gather abc, checked"},
           {"SELECT round((avg(age::float8) * $1)::numeric, $2), round(coalesce(sum(age::float8) / nullif($3, 0), $4)) FROM users", "gather abc, checked"},
           {"SELECT CASE WHEN sum(age::float8) > '3' THEN $1 ELSE sum(age::float8) END > $2 FROM users", "gather abc, checked"},
           {"SELECT round(avg(age::float8)::numeric, 1) || '%' FROM users", "gather abc, checked"},
           {"SELECT sum(coalesce(age, $1, $1)) + 1 FROM users", "0A000"}, {"SELECT sum($1) + 1 FROM users", "0A000"});
}

/* What is made of a sum of floating-point numbers says how much of it is shown. */
Test(plan_gather, sums_of_floats_are_checked_by_the_query)
{
    EXPECT({"SELECT round(avg(age::float8)::numeric, 2) FROM users", "gather abc, checked"},
           {"SELECT country FROM users GROUP BY country HAVING sum(age::float8) > 3", "gather abc, checked"},
           {"SELECT sum(age::float8) OVER (ORDER BY country) FROM users", "gather abc, checked"},
           {"SELECT sum(half(age::float8) ORDER BY country) FROM users", "gather abc, checked"},
           {"SELECT country, sum(age::float8) FILTER (WHERE age > 3) FROM users GROUP BY country ORDER BY 2", "gather abc, checked"},
           {"SELECT username, sum(age::float8) FROM users GROUP BY username", "concat abc"},
           {"SELECT sum(s) FROM (SELECT username, sum(age::float8) AS s FROM users GROUP BY username) x", "gather abc, checked"},
           {"SELECT max(s) FROM (SELECT username, sum(age::float8) AS s FROM users GROUP BY username) x", "combine abc"},
           {"SELECT sum(age::float8 + random()) FROM users", "0A000"}, {"SELECT stddev(age::float8) FROM users", "0A000"},
           {"SELECT sum((SELECT age::float8)) FROM users", "0A000"}, {"SELECT corr(age, age) FROM users", "0A000"},
           {"DECLARE c CURSOR FOR SELECT sum(age::float8) FROM users", "gather abc, checked"},
           {"COPY (SELECT sum(age::float8) FROM users) TO STDOUT", "gather abc, checked"});
    EXPECT({"DECLARE c CURSOR WITH HOLD FOR SELECT sum(age::float8) FROM users", "0A000"});
}

/* (SELECT max(u.age)) is an aggregate of the query around it. */
Test(plan_gather, aggregates_of_the_query_around_are_gathered)
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

/* A list that shows in which order rows came is refused, unless nobody can see it, or there is only one order. */
Test(plan_gather, lists_are_gathered_where_their_order_is_known_or_not_seen)
{
    EXPECT({"SELECT array_agg(age) FROM users", "0A000"}, {"SELECT array_length(array_agg(age), 1) FROM users", "gather abc"},
           {"SELECT 1 = ANY (array_agg(age)) FROM users", "gather abc"}, {"SELECT array_agg(age) @> '{1}' FROM users", "gather abc"},
           {"SELECT array_agg(age) = '{1}' FROM users", "0A000"}, {"SELECT cardinality(ARRAY(SELECT age FROM users))", "gather abc"},
           {"SELECT ARRAY(SELECT age FROM users)", "0A000"}, {"SELECT array_length(array_agg(age) || 1, 1) FROM users", "0A000"},
           {"SELECT array_length(coalesce(array_agg(age), '{}'), 1) FROM users", "gather abc"},
           {"SELECT length(string_agg(name, ',')) FROM users", "gather abc"},
           {"SELECT length(string_agg(name, country)) FROM users", "0A000"},
           {"SELECT jsonb_object_agg(username, age) FROM users", "gather abc"},
           {"SELECT jsonb_object_agg(name, age) FROM users", "gather abc, checked"}, {"SELECT json_object_agg(username, age) FROM users", "0A000"},
           {"SELECT jsonb_object_agg(id, body) FROM posts", "gather abc, checked"},
           {"SELECT jsonb_object_agg(name, n) FROM (SELECT name, count(*) AS n FROM users GROUP BY 1) s", "gather abc"},
           {"SELECT jsonb_object_agg(name, n) FROM (SELECT name, count(*) AS n FROM users GROUP BY 1, country) s", "gather abc, checked"},
           {"SELECT jsonb_object_agg(n, name) FROM (SELECT name, count(*) AS n FROM users GROUP BY 1) s", "gather abc, checked"},
           {"SELECT array_agg(age) FROM (SELECT age FROM users ORDER BY username) s", "gather abc"},
           {"SELECT array_agg(age) FROM (SELECT * FROM (SELECT age FROM users ORDER BY username) s) s", "gather abc"},
           {"SELECT array_agg(age) FROM (SELECT age FROM users ORDER BY username) s WHERE age IN (SELECT likes FROM posts)", "0A000"},
           {"SELECT array_agg(age) FROM (SELECT age FROM users ORDER BY username) s JOIN posts ON likes = age", "0A000"},
           {"WITH s AS (SELECT age FROM users ORDER BY username) SELECT array_agg(age) FROM s", "gather abc"},
           {"SELECT array_agg(age) FROM users WHERE username = lower('BOB')", "0A000"},
           {"SELECT array_agg(age ORDER BY 1) FROM users", "0A000"}, {"SELECT array_agg(age ORDER BY name) FROM users", "gather abc"},
           {"SELECT row_number() OVER (ORDER BY (SELECT NULL)) FROM users", "0A000"},
           {"SELECT row_number() OVER w FROM users WINDOW w AS (PARTITION BY name)", "0A000"},
           {"SELECT row_number() OVER (w ROWS 1 PRECEDING) FROM users WINDOW w AS (PARTITION BY name ORDER BY age)", "gather abc"},
           {"SELECT count(*) OVER (ROWS 1 PRECEDING) FROM users", "0A000"},
           {"SELECT sum(age) OVER (ORDER BY 1 ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM users", "gather abc"},
           {"SELECT sum(x / 3.0::float8 ORDER BY n) FROM numbers", "gather abc"},
           {"SELECT sum(x / 3.0::float8 ORDER BY x) FROM numbers", "0A000"},
           {"SELECT sum(x / 3.0::float8) OVER (PARTITION BY x ORDER BY n) FROM numbers", "gather abc"},
           {"SELECT sum(x / 3.0::float8) OVER (ORDER BY x) FROM numbers", "0A000"},
           {"SELECT sum(likes / 3.0::float8 ORDER BY id) FROM posts", "0A000"});
}

/* Its tables are others for a while, under other names, and in a transaction. */
Test(plan_gather, what_could_see_that_rows_are_gathered_is_refused)
{
    EXPECT({"SELECT * FROM information_schema.tables t, users u, posts p", "0A000"},
           {"SELECT current_query() FROM users u, posts p", "0A000"},
           {"SELECT pg_my_temp_schema() FROM users u, posts p", "0A000"},
           {"SELECT u FROM users u, posts p", "gather abc"},
           {"SELECT pg_typeof(u.*) FROM users u, posts p", "0A000"},
           {"SELECT count(u.*), p.a FROM users u, (SELECT body AS a FROM posts) p, posts a GROUP BY p.a",
            "gather abc"});
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

/* Each level names the column below it six times. */
Test(plan_gather, columns_of_subqueries_are_looked_into_once)
{
    struct arena arena = {0};
    const char *sql = "SELECT country AS k, sum(age::float8) AS s FROM users GROUP BY 1";
    for (int level = 0; level < 12; level++)
        sql = arena_printf(&arena, "SELECT k, CASE WHEN s > 1 THEN s WHEN s < -1 THEN -s WHEN s = 0 THEN 0 ELSE s END AS s FROM (%s) x", sql);
    sql = arena_printf(&arena, "SELECT k, round(max(s)) FROM (%s) x GROUP BY k", sql);
    struct plan *plan = make(sql);
    cr_expect(plan->many == PLAN_GATHER && plan->checks_sums);
    plan_release(plan);
    arena_free(&arena);
}

static void expect_over_copies(const char *sql, const char *wanted)
{
    struct plan *plan = make(sql);
    cr_expect_eq(plan->many, PLAN_GATHER, "%s", sql);
    cr_expect_str_eq(plan->shard_text, wanted, "%s", sql);
    plan_release(plan);
}

#define U "pg_temp.\"keyway: gathered 1\""
#define P "pg_temp.\"keyway: gathered 2\""
Test(plan_gather, what_the_shards_have_asked_is_not_asked_again)
{
    expect_over_copies("SELECT u.name FROM users u JOIN posts p ON p.likes = u.age AND u.age > 1 AND random() > 0 WHERE (u.name <> 'x' AND u.age < $1)",
                       "SELECT u.name FROM " U " u JOIN " P " p ON p.likes = u.age AND random() > 0");
    expect_over_copies("SELECT 1 FROM users u JOIN posts p ON p.likes = 1, notes n WHERE n.id = p.id AND n.id <> u.age",
                       "SELECT 1 FROM " U " u JOIN " P " p ON true, notes n WHERE n.id = p.id AND n.id <> u.age");
    /* rows that may be missing; what is on the home shard, or what it alone can tell; rows that are not chosen by their own columns */
    expect_over_copies("SELECT u.name FROM users u LEFT JOIN posts p ON p.likes = u.age AND p.id = 1 WHERE p.id = 2 AND u.age = 3",
                       "SELECT u.name FROM " U " u LEFT JOIN " P " p ON p.likes = u.age AND p.id = 1 WHERE p.id = 2");
    expect_over_copies("SELECT u.name FROM users u, posts p, notes n WHERE n.id = 1 AND u.age < 3 + n.id AND u.age = p.likes",
                       "SELECT u.name FROM " U " u, " P " p, notes n WHERE n.id = 1 AND u.age < (3 + n.id) AND u.age = p.likes");
    /* PostgreSQL does not sort by what it takes for one value */
    expect_over_copies("SELECT u.age FROM users u, posts p WHERE u.age = 1 AND p.id = u.age GROUP BY CUBE (1, p.id) ORDER BY 1",
                       "SELECT u.age FROM " U " u, " P " p WHERE u.age = 1 AND p.id = u.age GROUP BY CUBE (1, p.id) ORDER BY 1");
}
#undef U
#undef P

Test(plan_gather, gathered_rows_can_be_arrays)
{
    expect_over_arrays("SELECT avg(age) FROM users WHERE name <> $1 AND random() > 0",
                       "WITH \"keyway: gathered 1\"(age) AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($2) )) "
                       "SELECT avg(age) FROM \"keyway: gathered 1\" users WHERE random() > 0");
    expect_over_arrays("WITH x AS (SELECT random() AS one) SELECT avg(age) FROM users, x WHERE age > $3",
                       "WITH \"keyway: gathered 1\"(age) AS (SELECT * FROM ROWS FROM (pg_catalog.unnest($4) )), "
                       "x AS (SELECT random() AS one) "
                       "SELECT avg(age) FROM \"keyway: gathered 1\" users, x");
    expect_over_arrays("SELECT username, name, count(*) FROM users JOIN (SELECT avg(age) FROM users) x (age) "
                       "USING (age) GROUP BY ROLLUP (username)",
                       NULL);
}

/* Arrays have no primary key: the columns that follow from it are named. */
Test(plan_gather, rows_of_arrays_are_grouped_by_all_that_the_primary_key_groups)
{
#define OVER_USERS(columns, unnested, select, group)                                                                       \
    "WITH \"keyway: gathered 1\"(" columns ") AS (SELECT * FROM ROWS FROM (" unnested ")) " select                         \
    " FROM \"keyway: gathered 1\" u, \"keyway: gathered 1\" v WHERE u.age = v.age GROUP BY " group
#define JOINED "SELECT u.username AS x, u.name, sum(u.age * v.age)"
#define EXPECT_GROUPS(group)                                                                                               \
    expect_over_arrays(JOINED " FROM users u, users v WHERE u.age = v.age GROUP BY " group,                                \
                       OVER_USERS("username, name, age",                                                                   \
                                  "pg_catalog.unnest($1) , pg_catalog.unnest($2) , pg_catalog.unnest($3) ", JOINED,        \
                                  group ", u.username, u.name, u.age"))
    EXPECT_GROUPS("u.username");
    EXPECT_GROUPS("1");
    EXPECT_GROUPS("x");
    expect_over_arrays("SELECT v.name, sum(u.age * v.age) FROM users u, users v WHERE u.age = v.age GROUP BY v.name",
                       OVER_USERS("name, age", "pg_catalog.unnest($1) , pg_catalog.unnest($2) ", "SELECT v.name, sum(u.age * v.age)", "v.name"));
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

Test(plan_gather, groups_that_cross_shards_are_made_of_partial_groups)
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

Test(plan_gather, rows_that_the_shards_find_move_with_the_columns_that_matter)
{
    expect_pushes("SELECT DISTINCT name FROM users WHERE age > 1 ORDER BY name",
                  "SELECT DISTINCT name AS c1 FROM public.users WHERE age > 1",
                  "SELECT DISTINCT " C(1) " AS name FROM " COPY " ORDER BY name");
    expect_pushes("SELECT DISTINCT u.name, posts.id + 1 FROM users u JOIN posts USING (username)",
                  "SELECT DISTINCT u.name AS c1, posts.id + 1 AS c2 FROM public.users u JOIN public.posts USING (username)",
                  "SELECT DISTINCT " C(1) " AS name, " C(2) " AS \"?column?\" FROM " COPY);
}

Test(plan_gather, the_first_rows_of_each_shard_are_enough)
{
    expect_pushes("SELECT username, age FROM users WHERE age > 1 ORDER BY lower(name) DESC, 2 LIMIT 10 OFFSET 5",
                  "SELECT lower(name) AS c1, age AS c2, username AS c3 FROM public.users WHERE age > 1 ORDER BY 1 DESC, 2 LIMIT 15",
                  "SELECT " C(3) " AS username, " C(2) " AS age FROM " COPY " ORDER BY " C(1) " DESC, 2 LIMIT 10 OFFSET 5");
    expect_pushes("SELECT u.username AS n FROM users u JOIN posts p USING (username) ORDER BY n, p.likes + 1 FETCH FIRST 3 ROWS WITH TIES",
                  "SELECT u.username AS c1, p.likes + 1 AS c2 FROM public.users u JOIN public.posts p USING (username) "
                  "ORDER BY 1, 2 FETCH FIRST 3 ROWS WITH TIES",
                  "SELECT " C(1) " AS n FROM " COPY " ORDER BY n, " C(2) " FETCH FIRST 3 ROWS WITH TIES");
    expect_pushes("SELECT avg(s.likes), max(z) FROM (SELECT p.*, id + 1 AS z FROM posts p WHERE body > 'a' ORDER BY likes DESC LIMIT 3) s",
                  "SELECT p.likes AS c1, p.id AS c2, p.username AS c3, p.body AS c4 FROM public.posts p WHERE body > 'a' ORDER BY 1 DESC LIMIT 3",
                  "SELECT avg(s.likes), max(z) FROM (SELECT " C(2) " AS id, " C(3) " AS username, " C(4) " AS body, " C(1) " AS likes, " C(2)
                  " + 1 AS z FROM " COPY " ORDER BY likes DESC LIMIT 3) s");
    expect_pushes("SELECT generate_series(1, age) FROM users ORDER BY lower(name) LIMIT 10", "SELECT age AS c1, name AS c2 FROM public.users",
                  "SELECT generate_series(1, " C(1) ") AS generate_series FROM " COPY " ORDER BY lower(" C(2) ") LIMIT 10");
    expect_pushes("SELECT DISTINCT name FROM users ORDER BY name LIMIT 2", "SELECT DISTINCT name AS c1 FROM public.users",
                  "SELECT DISTINCT " C(1) " AS name FROM " COPY " ORDER BY name LIMIT 2");
}

Test(plan_gather, what_depends_on_the_place_or_the_rows_around_is_not_computed_by_the_shards)
{
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE random() > 0.5", "SELECT age FROM public.users");
    EXPECT_GATHERS("SELECT name, (SELECT count(*) FROM posts WHERE body = users.name) FROM users",
                   "SELECT name FROM public.users", "SELECT body FROM public.posts");
}

Test(plan_gather, gathered_are_the_columns_and_rows_that_matter)
{
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE name = 'x' AND age > 3 AND random() > 0.5",
                   "SELECT age FROM public.users WHERE name = 'x' AND age > 3");
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE random() > 0 AND age > $2 AND username < $1",
                   "SELECT age FROM public.users WHERE age > $1 AND username < $2");
    EXPECT_GATHERS("SELECT avg(age) FROM users WHERE EXISTS (SELECT * FROM posts WHERE body = name AND likes < 2 + 1)",
                   "SELECT body FROM public.posts WHERE likes < (2 + 1)", "SELECT name, age FROM public.users");
    /* what * means: a table's columns, or those that a subquery names */
    EXPECT_GATHERS("SELECT * FROM (SELECT u.age FROM users u JOIN posts p ON p.likes = u.age AND random() > 0) s",
                   "SELECT age FROM public.users", "SELECT likes FROM public.posts");
    EXPECT_GATHERS("WITH s AS (SELECT u.age FROM users u JOIN posts p ON p.likes = u.age AND random() > 0) SELECT s.* FROM s",
                   "SELECT age FROM public.users", "SELECT likes FROM public.posts");
    EXPECT_GATHERS("SELECT p.* FROM users u JOIN posts p ON p.likes = u.age AND random() > 0",
                   "SELECT username, age FROM public.users", "SELECT id, username, body, likes FROM public.posts");
    /* what each arm of an OR says of one table */
    EXPECT_GATHERS("SELECT 1 FROM users, posts WHERE (body = name AND age = 1 AND likes > 2) OR (body = name AND age = 3 AND likes < id AND likes = 4)",
                   "SELECT name, age FROM public.users WHERE age = 1 OR age = 3",
                   "SELECT id, body, likes FROM public.posts WHERE likes > 2 OR likes = 4");
    EXPECT_GATHERS("SELECT 1 FROM users, posts WHERE body = name AND ((likes > 2 AND age = 1) OR (likes > 3 AND (age = 4 OR age = 5)) OR (age > 6 AND likes > 7))",
                   "SELECT name, age FROM public.users WHERE age = 1 OR age = 4 OR age = 5 OR age > 6",
                   "SELECT body, likes FROM public.posts WHERE likes > 2 OR likes > 3 OR likes > 7");
    EXPECT_GATHERS("SELECT 1 FROM users LEFT JOIN posts ON body = name WHERE (age = 1 AND likes IS NULL) OR (age > 3 AND likes / age > 2)",
                   "SELECT name, age FROM public.users WHERE age = 1 OR age > 3", "SELECT body, likes FROM public.posts");
    EXPECT_GATHERS("SELECT 1 FROM users, posts WHERE body = name AND ((age = 1 AND likes > 2) OR likes = 4)",
                   "SELECT body, likes FROM public.posts WHERE likes > 2 OR likes = 4", "SELECT name, age FROM public.users");
    /* a column or an output that is called like a table is no row */
    EXPECT_GATHERS("SELECT max(posts) OVER () FROM (SELECT u.age AS posts FROM users u JOIN posts p ON p.likes = u.age AND random() > 0) s WHERE posts > 1",
                   "SELECT age FROM public.users", "SELECT likes FROM public.posts");
    EXPECT_GATHERS("SELECT age, count(*) AS posts FROM users JOIN posts ON likes = age AND random() > 0 GROUP BY age ORDER BY posts DESC",
                   "SELECT age FROM public.users", "SELECT likes FROM public.posts");
    EXPECT_GATHERS("SELECT max(posts::text) FROM posts WHERE random() > 0", "SELECT id, username, body, likes FROM public.posts");
    EXPECT_GATHERS("SELECT age AS p FROM users ORDER BY (SELECT max(q.x) FROM (SELECT p::text AS x FROM posts p WHERE random() > 0) q)",
                   "SELECT age AS c1 FROM public.users", "SELECT id, username, body, likes FROM public.posts");
    /* in FROM what stands to the right is not in sight yet */
    EXPECT_GATHERS("SELECT max(x.y) FROM posts p JOIN users ON p.likes = age AND random() > 0 CROSS JOIN LATERAL (SELECT p::text AS y, 1 AS p) x",
                   "SELECT id, username, body, likes FROM public.posts", "SELECT username, name, age, country, created FROM public.users");
    /* bare names; columns that are compared with each other */
    EXPECT_GATHERS("SELECT 1 FROM users, posts WHERE body = name AND age = 1 AND likes <> id",
                   "SELECT name FROM public.users WHERE age = 1",
                   "SELECT body FROM public.posts WHERE likes <> id");
}

/* Of tables whose rows are all there, on the row's own shard. */
Test(plan_gather, gathered_rows_have_partners)
{
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u JOIN countries c ON c.code = u.country JOIN notes n ON n.id = u.age "
                   "WHERE c.title = 'x'",
                   "SELECT name, age, country FROM public.users u WHERE EXISTS (SELECT 1 FROM public.countries c WHERE "
                   "c.title = 'x' AND c.code = u.country)");
    EXPECT_GATHERS("SELECT 1 FROM users u, posts p, notes n WHERE u.username = p.username AND p.likes = 1 AND n.id = u.age",
                   "SELECT username, age FROM public.users u WHERE EXISTS (SELECT 1 FROM public.posts p WHERE "
                   "u.username = p.username AND p.likes = 1)",
                   "SELECT id, username FROM public.posts p WHERE p.likes = 1");
    /* those that only the table ties to each other are asked for apart; one to which no equality leads is no partner */
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u, countries c, posts p, notes n WHERE c.code = u.country AND n.id = u.age "
                   "AND p.username = u.username AND p.likes = 1 AND (c.title = 'x' OR u.age > p.id)",
                   "SELECT username, name, age, country FROM public.users u WHERE EXISTS (SELECT 1 FROM public.posts p WHERE "
                   "p.username = u.username AND p.likes = 1)",
                   "SELECT id, username FROM public.posts p WHERE p.likes = 1 AND EXISTS (SELECT 1 FROM public.users u, public.countries c "
                   "WHERE c.code = u.country AND p.username = u.username AND (c.title = 'x' OR u.age > p.id))");
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u, countries c, notes n WHERE (c.code > u.country OR c.title = 'x') AND n.id = u.age",
                   "SELECT name, age, country FROM public.users");
    /* all posts of a user beside all of them again would be a product */
    EXPECT_GATHERS("SELECT u.name, n.id FROM users u, posts p, posts q, notes n WHERE u.username = p.username AND p.username = q.username "
                   "AND p.likes = 1 AND q.likes = 2 AND n.id = u.age",
                   "SELECT username, name, age FROM public.users u WHERE EXISTS (SELECT 1 FROM public.posts p WHERE "
                   "u.username = p.username AND p.likes = 1) AND EXISTS (SELECT 1 FROM public.posts q WHERE "
                   "u.username OPERATOR(pg_catalog.=) q.username AND q.likes = 2)",
                   "SELECT id, username FROM public.posts p WHERE p.likes = 1 AND EXISTS (SELECT 1 FROM public.posts q WHERE "
                   "p.username = q.username AND q.likes = 2)",
                   "SELECT id, username FROM public.posts q WHERE q.likes = 2 AND EXISTS (SELECT 1 FROM public.posts p WHERE "
                   "p.username = q.username AND p.likes = 1)");
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
    EXPECT_GATHERS("SELECT 1 FROM users u, numbers m, notes n WHERE u.age = m.n AND m.x = 1 AND n.id = u.age",
                   "SELECT n FROM public.numbers m WHERE m.x = 1", "SELECT age FROM public.users");
}

/* Two names of one CTE: only one of them ties the tables. */
Test(plan_gather, partners_are_tied_in_every_reading)
{
    EXPECT_GATHERS("WITH x AS (SELECT u.username AS a, p.username AS b FROM users u, posts p WHERE p.likes = u.age AND u.age = 1) "
                   "SELECT count(*) FROM x, x y, notes WHERE x.a = x.b AND y.a <> notes.username",
                   "SELECT username, age FROM public.users u WHERE u.age = 1", "SELECT username, likes FROM public.posts");
}

Test(plan_gather, what_nothing_reads_is_not_gathered)
{
    EXPECT_GATHERS("WITH unused AS (SELECT count(*) FROM posts) SELECT avg(age) FROM users WHERE username > 'bob'",
                   "SELECT pg_catalog.sum(age) AS c1, pg_catalog.count(age) AS c2 FROM public.users "
                   "WHERE username > 'bob'");
    EXPECT({"WITH unused AS (SELECT count(*) FROM posts) SELECT avg(age) FROM users WHERE username > 'bob'", "gather abc"});
}

Test(plan_gather, one_copy_serves_equal_uses)
{
    EXPECT_GATHERS("SELECT 1 FROM users u, users v, notes WHERE u.age = v.age", "SELECT age FROM public.users");
    EXPECT_GATHERS("SELECT 1 FROM users u, users v, notes WHERE u.age = v.age AND v.age > 1",
                   "SELECT age FROM public.users v WHERE v.age > 1", "SELECT age FROM public.users");
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
Test(plan_gather, copies_have_indexes)
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

Test(plan_gather, gathered_rows_are_never_too_few)
{
    /* of the nullable side, of what another table decides, of the clock, of a pattern that may be wrong, under OR */
    EXPECT_GATHERS("SELECT 1 FROM users u LEFT JOIN posts p ON p.body = u.name WHERE p.likes IS NULL "
                   "AND u.age = 1",
                   "SELECT name FROM public.users u WHERE u.age = 1",
                   "SELECT body, likes FROM public.posts");
    EXPECT_GATHERS(
        "SELECT u.age FROM users u, posts p WHERE u.age = p.likes AND (u.age = 1 OR p.likes = 2)",
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
Test(plan_gather, escapes_are_not_written_in_another_encoding)
{
    static const struct session_facts latin = {.search_path = "public", .user = "app", .iso_dates = true};
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

/* The part that waits for keys, or none: "" */
static void expect_keyed(const char *sql, const char *keyed)
{
    struct plan *plan = make(sql);
    cr_expect_eq(plan->many, PLAN_GATHER, "%s", sql);
    const struct gather_part *last = &plan->gather[plan->gather_count - 1];
    cr_expect_str_eq(last->keyed ? last->keyed : "", keyed, "%s\n  %s", sql, last->keyed ? last->keyed : "none");
    for (int i = 0; i < last->key_count; i++)
        cr_expect(last->keys[i].of_home || &plan->gather[last->keys[i].part] < last, "%s: its source comes later", sql);
    plan_release(plan);
}

/* Only rows with a key that the other table has can matter; where the join keeps all of them, they do. */
Test(plan_gather, rows_wait_for_the_keys_of_a_table_that_is_restricted_more)
{
    static const char likes[] = "SELECT id, likes FROM public.posts WHERE likes OPERATOR(pg_catalog.=) ANY($1)";
    static const char likes_of[] = "SELECT likes FROM public.posts WHERE likes OPERATOR(pg_catalog.=) ANY($1)";
    static const char ages[] = "SELECT username, age FROM public.users WHERE age OPERATOR(pg_catalog.=) ANY($1)";
    expect_keyed("SELECT p.id FROM users u JOIN posts p ON p.likes = u.age WHERE u.country = 'de'", likes);
    expect_keyed("SELECT p.id FROM posts p, users u WHERE p.likes = u.age AND u.country > 'de'", likes);
    expect_keyed("SELECT p.id FROM users u LEFT JOIN posts p ON p.likes = u.age WHERE u.country = 'de'", likes);
    expect_keyed("SELECT p.id FROM posts p LEFT JOIN users u ON p.likes = u.age AND u.country = 'de'", "");
    expect_keyed("SELECT p.id FROM posts p FULL JOIN users u ON p.likes = u.age AND u.country = 'de'", "");
    expect_keyed("SELECT p.id FROM users u JOIN posts p ON p.likes = u.age", "");
    expect_keyed("SELECT p.id FROM users u JOIN posts p ON p.likes >= u.age WHERE u.country = 'de'", "");
    expect_keyed("SELECT p.id FROM users u JOIN posts p ON p.likes = u.age OR p.id = 3 WHERE u.country = 'de'", "");
    expect_keyed("SELECT (SELECT count(*) FROM posts p WHERE p.likes = u.age) FROM users u WHERE u.country = 'de'", likes_of);
    expect_keyed("SELECT u.username FROM users u WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.likes = u.age) AND u.country = 'de'",
                 "SELECT username, likes FROM public.posts WHERE likes OPERATOR(pg_catalog.=) ANY($1)");
    expect_keyed("SELECT u.username FROM users u WHERE u.age NOT IN (SELECT p.likes FROM posts p) AND u.country = 'de'", "");
    expect_keyed("SELECT u.username FROM users u JOIN posts p ON p.likes = u.age WHERE p.body = 'x' AND u.age > 3",
                 "SELECT username, age FROM public.users u WHERE u.age > 3 AND age OPERATOR(pg_catalog.=) ANY($1)");
    expect_keyed("SELECT u.username FROM users u JOIN posts p ON p.likes = u.age WHERE p.body = $1", ages);
    expect_keyed("WITH x AS (SELECT likes FROM posts) SELECT (SELECT count(*) FROM x), u.username FROM users u JOIN x ON x.likes = u.age "
                 "WHERE u.country = 'de'", "");
}

/* A subquery that asks for rows of the same shard is a condition of the table's own. */
Test(plan_gather, the_shards_answer_subqueries_for_their_own_rows)
{
#define WITH_NUMBERS "SELECT u.username FROM users u JOIN numbers m ON m.x = u.age WHERE "
    EXPECT_GATHERS(WITH_NUMBERS "NOT EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.likes > 3)",
                   "SELECT username, age FROM public.users u WHERE NOT EXISTS (SELECT FROM public.posts p WHERE p.username = u.username AND p.likes > 3)",
                   "SELECT x FROM public.numbers");
    EXPECT_GATHERS(WITH_NUMBERS "u.country IN (SELECT code FROM countries WHERE title <> 'x') OR u.country = 'de'",
                   "SELECT username, age FROM public.users u WHERE u.country IN (SELECT code FROM public.countries WHERE title <> 'x') OR u.country = 'de'",
                   "SELECT x FROM public.numbers");
    EXPECT_GATHERS(WITH_NUMBERS "NOT EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.likes > 3) GROUP BY CUBE (u.username)",
                   "SELECT username, age FROM public.users u WHERE NOT EXISTS (SELECT FROM public.posts p WHERE p.username = u.username AND p.likes > 3)",
                   "SELECT x FROM public.numbers", "SELECT username FROM public.posts p WHERE p.likes > 3");
    /* whose rows are elsewhere, or may be; that may fail; that speaks of both tables, or of none */
    EXPECT_GATHERS(WITH_NUMBERS "NOT EXISTS (SELECT FROM posts p WHERE p.likes = u.age)", "SELECT username, age FROM public.users",
                   "SELECT x FROM public.numbers", "SELECT username, likes FROM public.posts");
    EXPECT_GATHERS(WITH_NUMBERS "u.age NOT IN (SELECT likes FROM posts)", "SELECT * FROM (SELECT likes FROM public.posts) \"keyway: rows\"(c1)",
                   "SELECT username, age FROM public.users", "SELECT x FROM public.numbers");
    EXPECT_GATHERS(WITH_NUMBERS "EXISTS (SELECT FROM posts p WHERE p.username = u.username AND 1 / p.likes = 1)", "SELECT username, age FROM public.users",
                   "SELECT x FROM public.numbers", "SELECT username, likes FROM public.posts");
    EXPECT_GATHERS(WITH_NUMBERS "EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.likes < m.n)", "SELECT username, age FROM public.users",
                   "SELECT n, x FROM public.numbers", "SELECT username, likes FROM public.posts");
    EXPECT_GATHERS(WITH_NUMBERS "EXISTS (SELECT FROM countries WHERE title = 'x')", "SELECT username, age FROM public.users", "SELECT x FROM public.numbers");
}

static void expect_question(const char *sql, const char *keyed, const char *question)
{
    struct plan *plan = make(sql);
    cr_assert(plan->many == PLAN_GATHER, "%s", sql);
    const struct gather_part *last = &plan->gather[plan->gather_count - 1];
    cr_expect(last->keyed && !strcmp(last->keyed, keyed), "%s\n  %s", sql, last->keyed ? last->keyed : "none");
    cr_assert(plan->gather_questions == 1 && plan->gather[plan->gather_count].what == GATHER_KEYS, "%s", sql);
    cr_expect_str_eq(plan->gather[plan->gather_count].select, question, "%s", sql);
    plan_release(plan);
}

Test(plan_gather, rows_wait_for_the_keys_of_a_table_of_the_home_shard)
{
    static const char ages[] = "SELECT username, age FROM public.users WHERE age OPERATOR(pg_catalog.=) ANY($1)";
    static const char all[] = "SELECT id FROM public.notes n LIMIT 10001", bob[] = "SELECT id FROM public.notes n WHERE n.username = 'bob' LIMIT 10001";
    expect_question("SELECT u.username FROM users u JOIN notes n ON n.id = u.age", ages, all);
    expect_question("SELECT u.username FROM notes n LEFT JOIN users u ON n.id = u.age WHERE n.username = 'bob'", ages, bob);
    expect_question("SELECT username FROM users u WHERE age IN (SELECT id FROM notes n WHERE n.username = 'bob')", ages, bob);
    expect_question("SELECT username FROM users u WHERE EXISTS (SELECT FROM notes n WHERE n.username = 'bob' AND u.age = n.id)", ages, bob);
    expect_question("SELECT n.id, (SELECT max(username) FROM users WHERE age = n.id) FROM notes n WHERE n.username = 'bob'", ages, bob);
    expect_question("WITH n AS (SELECT id FROM notes n WHERE n.username = 'bob') SELECT u.username FROM users u, n WHERE u.age = n.id", ages, bob);
    expect_question("SELECT u.username FROM users u JOIN notes n ON n.id = u.age WHERE n.username = $2 AND u.name = $1",
                    "SELECT username, age FROM public.users u WHERE u.name = $1 AND age OPERATOR(pg_catalog.=) ANY($2)",
                    "SELECT id FROM public.notes n WHERE n.username = $1 LIMIT 10001");
    expect_question("SELECT u.username FROM users u, (SELECT max(id) FROM posts) p WHERE u.age IN (SELECT id FROM visits WHERE id > 3 ORDER BY 1) AND u.age < max", ages,
                    "SELECT id FROM public.visits WHERE id > 3 LIMIT 10001");
    expect_question("SELECT u.username FROM users u JOIN notes n ON n.id = u.age WHERE u.name > 'b' AND u.name < 'd'",
                    "SELECT username, age FROM public.users u WHERE u.name > 'b' AND u.name < 'd' AND age OPERATOR(pg_catalog.=) ANY($1)", all);
    /* all rows stay; others are wanted; the table's rows are fewer already; a part's NULLs count */
    expect_keyed("SELECT u.username FROM users u LEFT JOIN notes n ON n.id = u.age", "");
    expect_keyed("SELECT u.username FROM users u FULL JOIN notes n ON n.id = u.age", "");
    expect_keyed("SELECT username FROM users WHERE age NOT IN (SELECT id FROM notes)", "");
    expect_keyed("SELECT username FROM users u WHERE NOT EXISTS (SELECT FROM notes n WHERE n.id = u.age)", "");
    expect_keyed("SELECT username FROM users WHERE age IN (SELECT id FROM notes) OR name = 'x'", "");
    expect_keyed("SELECT username FROM users WHERE age = ALL (SELECT id FROM notes)", "");
    expect_keyed("SELECT username FROM users WHERE age < (SELECT id FROM notes n WHERE n.id = age)", "");
    expect_keyed("SELECT u.username FROM users u JOIN notes n ON n.id = u.age WHERE u.name = 'x'", "");
}

Test(plan_gather, rows_wait_for_the_keys_of_a_subquery)
{
    static const char ages[] = "SELECT username, age FROM public.users WHERE age OPERATOR(pg_catalog.=) ANY($1)";
    expect_keyed("SELECT username FROM users WHERE age IN (SELECT likes FROM posts WHERE body = 'x')", ages);
    expect_keyed("SELECT u.username FROM users u JOIN (SELECT likes, count(*) FROM posts GROUP BY likes) p ON p.likes = u.age", ages);
    expect_keyed("SELECT u.username FROM users u JOIN (SELECT DISTINCT likes FROM posts) p ON p.likes = u.age", ages);
    expect_keyed("SELECT u.username FROM users u JOIN (SELECT likes FROM posts ORDER BY id LIMIT 3) p ON p.likes = u.age", ages);
    expect_keyed("SELECT u.username FROM users u LEFT JOIN (SELECT DISTINCT likes FROM posts) p ON p.likes = u.age", "");
    expect_keyed("SELECT u.username FROM users u JOIN (SELECT count(*) AS likes FROM posts GROUP BY likes) p ON p.likes = u.age", "");
    expect_keyed("SELECT u.username FROM users u JOIN (SELECT likes + 1 AS likes FROM posts GROUP BY likes) p ON p.likes = u.age", "");
    expect_keyed("SELECT username FROM users WHERE age NOT IN (SELECT likes FROM posts WHERE body = 'x')", "");
    expect_keyed("SELECT username FROM users WHERE age IN (SELECT likes FROM posts)", "");
}

/* What waits for few rows is few rows itself. */
Test(plan_gather, rows_wait_for_the_keys_of_several_tables_and_of_those_that_wait)
{
    expect_keyed("SELECT u.username FROM users u, posts p, notes n WHERE p.likes = u.age AND p.body = 'x' AND n.username = u.name",
                 "SELECT username, name, age FROM public.users WHERE (age OPERATOR(pg_catalog.=) ANY($1) OR $1 IS NULL) AND "
                 "(name OPERATOR(pg_catalog.=) ANY($2) OR $2 IS NULL)");
    struct plan *plan = make("SELECT m.x FROM numbers m, users u, posts p WHERE p.body = 'x' AND u.age = p.likes AND u.name = p.username AND m.x = u.age");
    cr_assert_eq(plan->gather_count, 3);
    cr_expect_str_eq(plan->gather[0].table, "posts");
    cr_expect(!plan->gather[0].keyed && plan->gather[1].keyed && plan->gather[2].keyed);
    plan_release(plan);
}

/* Of the columns that nobody names the last one was taken, wide or not. */
Test(plan_gather, rows_that_are_only_counted_move_their_narrowest_column)
{
    struct plan *plan = make("SELECT count(*) FROM users a, users b");
    cr_assert_eq(plan->many, PLAN_GATHER);
    for (int i = 0; i < plan->gather_count; i++)
        cr_expect(strstr(plan->gather[i].select, "SELECT age"), "%s", plan->gather[i].select);
    plan_release(plan);
}

/* The name of a row's table moves beside it, where nothing can see one more column. */
Test(plan_gather, tableoid_is_gathered_where_its_column_does_not_show)
{
    EXPECT({"SELECT tableoid::regclass FROM users", "gather abc"}, {"SELECT tableoid, * FROM users", "gather abc"},
           {"SELECT u.tableoid, * FROM users u JOIN posts p ON p.id = u.age", "gather abc"},
           {"SELECT p.*, u.tableoid FROM users u JOIN posts p USING (name)", "gather abc"},
           {"SELECT * FROM users u JOIN posts p USING (name) WHERE u.tableoid > 5", "0A000"},
           {"SELECT u.tableoid, u FROM users u", "0A000"}, {"SELECT u.tableoid, count(u) FROM users u GROUP BY 1", "0A000"},
           {"SELECT u.tableoid FROM users u NATURAL JOIN posts", "0A000"}, {"SELECT (u).tableoid FROM users u", "0A000"},
           {"SELECT tableoid FROM users u, posts", "0A000"}, {"SELECT tableoid FROM users JOIN posts ON true", "0A000"},
           {"SELECT tableoid FROM (SELECT age AS tableoid FROM users) x", "concat abc"},
           {"SELECT ctid FROM (SELECT age AS ctid FROM users) x", "concat abc"}, {"SELECT u.tableoid, u.ctid FROM users u", "0A000"},
           {"SELECT EXISTS (SELECT FROM posts WHERE posts.tableoid = users.tableoid) FROM users", "gather abc"},
           {"SELECT age AS tableoid FROM users ORDER BY tableoid", "merge abc"}, {"SELECT age AS tableoid FROM users ORDER BY tableoid + 0", "gather abc"},
           {"UPDATE users SET age = 1 RETURNING tableoid", "0A000"});
}
