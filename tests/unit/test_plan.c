/*
 * plan: which statement goes where, and which is refused.  Each row of a table is one statement: given the
 * shards and tables of plan_town, this is the kind of plan and these are the shards.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "router/plan.h"
#include "tests/unit/plan_town.h"

TestSuite(plan, .init = plan_town_set_up, .fini = plan_town_tear_down);

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
        {"SELECT u.username, avg(age) FROM users u FULL JOIN posts p USING (username) GROUP BY u.username", "gather abc"},
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
           {"SELECT * FROM users WHERE username NOT IN (SELECT username FROM posts)", "gather abc"}, /* which has a child */
           {"SELECT * FROM users WHERE username NOT IN (SELECT username FROM sequenced WHERE id > 3)", "concat abc"},
           {"SELECT username IN (SELECT username FROM sequenced), name FROM users WHERE username <> ALL (SELECT name FROM users)", "gather abc"},
           {"SELECT username IN (SELECT username FROM sequenced), name FROM users", "concat abc"},
           {"SELECT * FROM users WHERE username = 'bob' AND username NOT IN (SELECT username FROM sequenced)", "single a"},
           {"SELECT * FROM users WHERE username NOT IN (SELECT name FROM users)", "gather abc"},
           {"SELECT * FROM users WHERE name NOT IN (SELECT username FROM sequenced)", "gather abc"},
           {"SELECT * FROM users WHERE username NOT IN (SELECT username FROM sequenced LIMIT 5)", "gather abc"},
           {"SELECT * FROM users WHERE username NOT IN (SELECT username || '' FROM sequenced)", "gather abc"},
           {"SELECT * FROM users u LEFT JOIN timed t USING (username) WHERE t.username NOT IN (SELECT username FROM sequenced)", "gather abc"},
           {"SELECT * FROM users u FULL JOIN timed t USING (username) WHERE u.username NOT IN (SELECT username FROM sequenced)", "gather abc"},
           {"SELECT * FROM users u LEFT JOIN LATERAL (SELECT u.username AS z WHERE u.age > 1) l ON true WHERE l.z NOT IN (SELECT username FROM sequenced)", "gather abc"},
           {"DELETE FROM users WHERE username NOT IN (SELECT username FROM sequenced)", "concat abc"},
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
Test(plan, a_value_that_a_subquery_shows_is_compared)
{
    EXPECT({"WITH p AS (SELECT 'bob'::text AS who) SELECT posts.* FROM posts, p WHERE username = who", "single a"},
           {"SELECT * FROM (SELECT 250 AS n) p LEFT JOIN numbers ON numbers.n = p.n", "single c"},
           {"SELECT * FROM numbers LEFT JOIN (SELECT 250 AS n) p ON numbers.n = p.n", "concat abc"},
           {"SELECT * FROM numbers JOIN (SELECT 150 AS n UNION ALL SELECT 50) p ON numbers.n = p.n", "concat abc"},
           {"SELECT * FROM users WHERE username IN (SELECT 'zoe'::text)", "single c"},
           {"SELECT * FROM users WHERE username = (SELECT 'zoe'::text)", "concat abc"},
           {"SELECT * FROM users, (SELECT 'bob'::text AS who, count(*) FROM posts) p WHERE username = who", "gather abc"},
           {"SELECT * FROM users, (SELECT 'bob'::bytea AS who) p WHERE username = who::text", "concat abc"});
}

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
           {"SELECT * FROM users LIMIT 1 FOR UPDATE", "concat abc"},
           {"SELECT * FROM users ORDER BY age USING <", "gather abc"},
           {"SELECT * FROM users ORDER BY random()", "gather abc"},
           {"SELECT age FROM users UNION ALL SELECT likes FROM posts ORDER BY 1", "merge abc"});
}

Test(plan, groups_stay_on_their_shard_only_with_the_key)
{
    EXPECT({"SELECT username, count(*) FROM posts GROUP BY username", "concat abc"},
           {"SELECT username, count(*) FROM posts GROUP BY 1 HAVING count(*) > 2", "concat abc"},
           {"SELECT likes, avg(id) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT username, avg(likes) FROM posts GROUP BY username, likes", "concat abc"},
           {"SELECT username, count(*) FROM posts GROUP BY ROLLUP (username)", "gather abc"},
           {"SELECT DISTINCT username FROM posts", "concat abc"},
           {"SELECT DISTINCT body FROM posts", "gather abc"},
           {"SELECT DISTINCT ON (username) * FROM posts", "concat abc"},
           {"SELECT DISTINCT ON (likes) * FROM posts", "gather abc"},
           {"SELECT count(*) OVER () FROM posts", "gather abc"},
           {"SELECT row_number() OVER (PARTITION BY username ORDER BY id) FROM posts", "concat abc"},
           {"SELECT row_number() OVER w FROM posts WINDOW w AS (PARTITION BY username)", "concat abc"},
           {"SELECT row_number() OVER w FROM posts WINDOW w AS (ORDER BY username)", "gather abc"},
           {"SELECT p.username, avg(id) FROM users u LEFT JOIN posts p ON p.username = u.username "
            "GROUP BY p.username",
            "gather abc"},
           {"SELECT u.username, count(*) FROM users u LEFT JOIN posts p ON p.username = u.username "
            "GROUP BY u.username",
            "concat abc"},
           {"SELECT username FROM users UNION SELECT username FROM posts", "concat abc"},
           {"SELECT name FROM users UNION SELECT body FROM posts", "gather abc"},
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
           {"SELECT set_config(name, 'c', false) FROM pg_settings WHERE name = 'work_mem'", "single a"},
           {"SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'standard_conforming_strings'", "0A000"},
           {"SELECT set_config(name, 'c', false) FROM pg_settings WHERE name <> 'work_mem'", "0A000"},
           {"SELECT set_config(name, 'c', false) FROM pg_settings", "0A000"},
           {"SELECT set_config('a', 'c', false) FROM pg_settings WHERE name = 'work_mem'", "0A000"},
           {"SELECT query_to_xml('select', true, true, '')", "0A000"},
           {"SELECT random() FROM users", "concat abc"}, {"SELECT now(), * FROM users", "gather abc"},
           {"SELECT current_timestamp FROM users WHERE username = 'bob'", "single a"},
           {"SELECT * FROM users WHERE created < now()", "concat abc"},
           {"SELECT * FROM users, (SELECT random()) r", "gather abc"},
           {"SELECT unknown_function(1) FROM users", "0A000"}, {"SELECT ctid FROM users", "0A000"},
           {"SELECT ctid FROM users WHERE username = 'zoe'", "single c"},
           {"SELECT tableoid::regclass FROM users WHERE username = 'zoe'", "gather ac"},
           {"SELECT tableoid FROM users WHERE username = 'zoe'", "single c"}, {"SELECT (u).ctid FROM users u", "0A000"},
           {"SELECT * FROM users TABLESAMPLE SYSTEM (10)", "0A000"}, {"SELECT * FROM users TABLESAMPLE SYSTEM (100)", "concat abc"},
           {"SELECT count(*) FROM posts JOIN users u TABLESAMPLE BERNOULLI (100) ON age = likes", "gather abc"},
           {"SELECT * FROM users TABLESAMPLE SYSTEM (100) REPEATABLE (1)", "0A000"}, {"SELECT * FROM missing", "0A000"},
           {"SELECT * FROM secured WHERE username = 'bob'", "0A000"}, {"SELECT * FROM owned", "concat abc"}, {"SELECT * FROM owned_view", "0A000"},
           {"SELECT * FROM timed_out", "0A000"},
           {"SELECT * FROM pg_class c JOIN users u ON u.name = c.relname", "0A000"});
}

/* row.name calls name(row); operators and casts call functions, too. */
Test(plan, functions_are_seen_behind_other_syntax)
{
    EXPECT({"SELECT u.reader FROM users u", "0A000"}, {"SELECT (u).reader FROM users u", "0A000"},
           {"SELECT (SELECT u.reader) FROM users u WHERE username = 'bob'", "0A000"},
           {"SELECT u.pure FROM users u", "concat abc"}, {"SELECT u.pure FROM users u, notes", "0A000"},
           {"SELECT pure(u.*) FROM users u, notes", "gather abc"}, {"SELECT name <~> 'a' FROM users", "0A000"},
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
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET username = excluded.username, name = 'x'", "single a"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET (name, username) = (excluded.name, excluded.username)", "single a"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET (username, name) = (excluded.name, excluded.username)", "0A000"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET username = excluded.name", "0A000"},
        {"INSERT INTO users VALUES ('bob') ON CONFLICT (username) DO UPDATE SET (username, name) = (SELECT 'x', 'y')", "0A000"},
        {"INSERT INTO missing VALUES ('bob')", "0A000"}, {"INSERT INTO missing (username, name) VALUES ('bob', $1)", "0A000"},
        {"UPDATE missing SET name = DEFAULT", "0A000"}, {"DELETE FROM missing WHERE username = 'x'", "0A000"},
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
        {"INSERT INTO notes SELECT age, username FROM users", "gather abc"},
        {"WITH u AS (SELECT * FROM users) INSERT INTO notes SELECT age, username FROM u RETURNING *", "gather abc"},
        {"INSERT INTO notes SELECT 1 FROM users RETURNING (SELECT count(*) FROM users)", "0A000"},
        {"INSERT INTO notes SELECT age FROM users RETURNING $1::int", "0A000"}, {"INSERT INTO notes SELECT (SELECT max(age) FROM users)", "gather abc"},
        {"INSERT INTO notes VALUES ((SELECT max(age) FROM users))", "0A000"}, {"INSERT INTO notes SELECT 1 FROM users FOR UPDATE", "0A000"},
        {"INSERT INTO unknown SELECT age FROM users", "gather abc"}, {"INSERT INTO countries SELECT username FROM users", "0A000"},
        {"INSERT INTO notes SELECT age, username FROM users WHERE username = 'bob'", "single a"});
}

Test(plan, updates_and_deletes_fan_out_where_proved)
{
    EXPECT({"UPDATE users SET name = 'x' WHERE username = 'bob'", "single a"},
           {"UPDATE users SET age = age + 1", "concat abc"}, {"UPDATE users SET username = 'x'", "0A000"},
           {"UPDATE users SET username = username, age = 1", "concat abc"}, {"UPDATE users SET username = 'bob' WHERE username = 'bob'", "single a"},
           {"UPDATE users SET username = 'zoe' WHERE username = 'bob'", "0A000"}, {"UPDATE users SET username = NULL WHERE username = 'bob'", "single a"},
           {"UPDATE users SET username = lower(username) WHERE username = 'bob'", "0A000"},
           {"UPDATE users SET username = (SELECT 'bob') WHERE username = 'bob'", "0A000"},
           {"UPDATE users SET username = DEFAULT WHERE username = 'bob'", "single a"}, {"UPDATE users SET username = NULL", "concat abc"},
           {"UPDATE users SET username = NULL::text, age = 1 WHERE age = 2", "concat abc"},
           {"UPDATE users u SET username = p.username FROM posts p WHERE p.username = u.username", "concat abc"},
           {"UPDATE users u SET username = p.username FROM posts p WHERE p.username = u.name", "0A000"},
           {"UPDATE users u SET username = name WHERE name = username", "concat abc"},
           {"UPDATE users u SET username = name WHERE name = username OR age = 1", "0A000"},
           {"UPDATE users SET (name, username) = ('a', 'b') WHERE username = 'bob'", "single a"},
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
           {"MERGE INTO users u USING posts p ON p.username = u.username WHEN MATCHED THEN DELETE", "concat abc"});
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
    const struct evaluated row = {values, types, 2, 1};
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

static const char *const computed = "INSERT INTO sequenced AS s (username) SELECT unnest($1::text[]) RETURNING id";

/* The home shard answers with a sign, the values and the names of their types, for each row. */
Test(plan, rows_of_a_query_that_reads_no_table_are_computed_and_sent_to_their_shards)
{
    static const char *const values[] = {"t", "zoe", "1", "text", "bigint", "t", "a'l", "2", "text", "bigint",
                                         "t", "zed", NULL, "text", "bigint"};
    static const uint32_t types[] = {16, 25, 20, 2206, 2206};
    const struct evaluated rows = {values, types, 5, 3};
    struct plan *plan = make(computed);
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    cr_assert(plan->evaluation && plan->evaluation->rows);
    cr_expect_eq(plan->evaluation->count, 5);
    cr_expect_str_eq(plan->evaluation->sql,
                     "SELECT keyway.*, pg_catalog.pg_typeof(keyway.v0), pg_catalog.pg_typeof(keyway.v1) FROM (SELECT 1) one LEFT JOIN "
                     "(SELECT true AS present, keyway.*, nextval('s'::regclass) AS v1 FROM (SELECT unnest($1::text[])) keyway(v0) "
                     "OFFSET 0) keyway ON true");
    cr_assert(plan_route_evaluated(plan, routing, NULL, NULL, &rows, &arena, &route, &error), "%s", error.message);
    cr_assert_eq(route.part_count, 2);
    cr_expect_str_eq(route.parts[0].text,
                     "INSERT INTO sequenced AS s (username, id) VALUES ('a''l'::text, '2'::bigint) RETURNING id");
    cr_expect_str_eq(route.parts[1].text,
                     "INSERT INTO sequenced AS s (username, id) VALUES ('zoe'::text, '1'::bigint), ('zed'::text, NULL::bigint) RETURNING id");
    cr_assert_eq(route.turn_count, 3);
    cr_expect(route.turns[0] == 2 && route.turns[1] == 0 && route.turns[2] == 2);
    plan_release(plan);
    arena_free(&arena);
}

Test(plan, no_row_of_a_query_is_still_of_some_types)
{
    static const char *const values[] = {NULL, NULL, NULL, "text", "bigint"};
    static const uint32_t types[] = {16, 25, 20, 2206, 2206};
    const struct evaluated none = {values, types, 5, 1};
    struct plan *plan = make(computed);
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    cr_assert(plan_route_evaluated(plan, routing, NULL, NULL, &none, &arena, &route, &error), "%s", error.message);
    cr_expect_eq(route.kind, PLAN_SINGLE);
    cr_assert_eq(route.part_count, 1);
    cr_expect_str_eq(route.parts[0].text, "INSERT INTO sequenced AS s (username, id) SELECT NULL::text, NULL::bigint WHERE false  RETURNING id");
    plan_release(plan);
    arena_free(&arena);
}

Test(plan, rows_are_inserted_in_parts_where_these_come_to_the_same)
{
    static const struct {
        const char *sql;
        bool in_parts;
    } statements[] = {
        {"INSERT INTO users (username) SELECT 'a' || g FROM generate_series(1, 9) g", true},
        {"INSERT INTO users (username) SELECT 'a' || g FROM generate_series(1, 9) g ON CONFLICT DO NOTHING", true},
        {"INSERT INTO users (username, age) SELECT 'a' || g, 1 FROM generate_series(1, 9) g ON CONFLICT (username) DO UPDATE SET age = 2", false},
        {"INSERT INTO users (username) SELECT 'a' || g FROM generate_series(1, 9) g RETURNING username", false},
        {"INSERT INTO users (username) SELECT 'a' || statement_timestamp() FROM generate_series(1, 9) g", false},
        {"INSERT INTO sequenced (username) SELECT 'a' || g FROM generate_series(1, 9) g", false},
        {"INSERT INTO users (username) SELECT 'a' || now() || g FROM generate_series(1, 9) g", true},
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct plan *plan = make(statements[i].sql);
        cr_assert(plan->evaluation != NULL, "%s", statements[i].sql);
        cr_expect_eq(plan->evaluation->in_parts, statements[i].in_parts, "%s", statements[i].sql);
        plan_release(plan);
    }
}

Test(plan, queries_are_computed_where_the_shards_cannot_run_them)
{
    static const struct {
        const char *sql;
        bool computed;
    } statements[] = {
        {"INSERT INTO users (username) SELECT code FROM countries", true},
        {"INSERT INTO users (username) SELECT username FROM notes", true},
        {"INSERT INTO users (age, username) SELECT * FROM (VALUES (1, 'al'), (2, 'zoe')) AS v", true},
        {"WITH v (a) AS (VALUES ('al'), ('zoe')) INSERT INTO users (username) SELECT a FROM v", true},
        {"INSERT INTO users VALUES ('al'), ('zoe') LIMIT 1", true},
        {"INSERT INTO users SELECT lower('A')", true},
        {"INSERT INTO users (username, created) SELECT lower('A'), now()", true},
        {"INSERT INTO users SELECT 'bob' FROM generate_series(1, $1)", false},
        {"INSERT INTO sequenced (username) SELECT 'bob' FROM generate_series(1, $1)", true},
        {"INSERT INTO sequenced DEFAULT VALUES", true},
        {"INSERT INTO users DEFAULT VALUES", false},
        {"INSERT INTO users (username) SELECT username FROM posts", false},
        {"INSERT INTO users (username) SELECT body FROM posts", false},
        {"INSERT INTO users (username) SELECT username FROM posts_old", false},
        {"INSERT INTO users (username) SELECT w FROM writers", false},
        {"COPY (INSERT INTO users (username) SELECT code FROM countries) TO STDOUT", false},
        {"INSERT INTO users (username) SELECT (SELECT max(username) FROM posts)", false},
        {"INSERT INTO users (username) SELECT lower('A') FROM posts", false},
        {"INSERT INTO users (username) SELECT reader()", false},
        {"INSERT INTO users (username) SELECT nobody_knows()", false},
        {"INSERT INTO users (username) SELECT set_config('a.b', lower('A'), true)", false},
        {"INSERT INTO users (username) SELECT code FROM countries FOR UPDATE", false},
        {"WITH d AS (DELETE FROM notes RETURNING username) INSERT INTO users (username) SELECT username FROM d", false},
        {"INSERT INTO countries SELECT code, 'x' FROM countries", false},
        {"INSERT INTO countries SELECT code, 'x' FROM countries ON CONFLICT DO NOTHING", true},
        {"INSERT INTO countries SELECT code, 'x' FROM countries LIMIT 1", true},
        {"INSERT INTO countries SELECT username, 'x' FROM notes", true},
        {"INSERT INTO countries SELECT username, 'x' FROM users", false},
        {"INSERT INTO visits SELECT 1, now()", true},
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct plan *plan = make(statements[i].sql);
        cr_expect_eq(plan->evaluation && plan->many != PLAN_REFUSE, statements[i].computed, "%s", statements[i].sql);
        plan_release(plan);
    }
}

/* Those of a query are texts, but where the column decides. */
Test(plan, literals_of_a_select_list_take_the_types_of_the_columns)
{
    struct plan *plan = make("INSERT INTO users (username, age, created) SELECT lower('A'), '5', NULL FROM generate_series(1, 2)");
    cr_assert(plan->evaluation);
    cr_expect(strstr(plan->evaluation->sql, "SELECT lower('A'), '5'::int, NULL::timestamp with time zone FROM generate_series(1, 2)"), "%s",
              plan->evaluation->sql);
    plan_release(plan);
}

/* Many rows would make one of too many values. */
Test(plan, the_defaults_of_many_rows_are_computed_row_by_row)
{
    char *sql = NULL;
    size_t size;
    FILE *text = open_memstream(&sql, &size);
    fputs("INSERT INTO sequenced (username) VALUES ('al')", text);
    for (int i = 1; i < 2000; i++)
        fputs(", ('zoe')", text);
    fclose(text);
    struct plan *plan = make(sql);
    const char **values = calloc(4000, sizeof *values);
    static const uint32_t types[] = {20, 2206};
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    for (int i = 0; i < 4000; i++)
        values[i] = i % 2 ? "bigint" : i == 3998 ? "last" : "7";
    cr_assert(plan->evaluation);
    cr_expect_str_eq(plan->evaluation->sql, "SELECT v0, pg_catalog.pg_typeof(v0) FROM (SELECT nextval('s'::regclass) AS v0 FROM "
                                            "pg_catalog.generate_series(1, 2000) OFFSET 0) AS keyway");
    cr_assert(plan_route_evaluated(plan, routing, NULL, NULL, &(struct evaluated){values, types, 2, 2000}, &arena, &route, &error));
    cr_assert_eq(route.part_count, 2);
    cr_expect_str_eq(route.parts[0].text, "INSERT INTO sequenced (username, \"id\") VALUES ('al', '7'::bigint)");
    cr_expect(strstr(route.parts[1].text, ", ('zoe', 'last'::bigint)"));
    plan_release(plan);
    arena_free(&arena);
    free(values);
    free(sql);
}

static const char *route_two(const char *sql, const char *first, const char *second, struct arena *arena)
{
    const struct bind_value bound[] = {{first, (int32_t) strlen(first), false, 0}, {"1", 1, false, 0},
                                       {second, (int32_t) strlen(second), false, 0}, {"2", 1, false, 0}};
    struct plan *plan = make(sql);
    struct route route;
    struct error error = {0};
    const char *text = "refused";
    if (plan_route(plan, routing, NULL, &(struct bind_values){bound, 4}, arena, &route, &error)) {
        text = arena_printf(arena, "%d", route.part_count);
        for (int i = 0; i < 4; i++)
            text = arena_printf(arena, "%s %u%s", text, plan->parameter_types[i],
                                route.parts[0].lacks[i] ? "-" : route.parts[1].lacks[i] ? "+" : "");
    }
    error_clear(&error);
    plan_release(plan);
    return text;
}

/* Each shard gets only those of its own rows; their types are known from casts and columns, or by the shard that has the row. */
Test(plan, parameters_of_several_rows_need_not_be_declared)
{
    struct arena arena = {0};
    cr_expect_str_eq(route_two("INSERT INTO users (username, age) VALUES ($1, $2), ($3, $4) ON CONFLICT (username) DO UPDATE SET age = "
                               "excluded.age",
                               "al", "zoe", &arena),
                     "2 25+ 23+ 25- 23-");
    cr_expect_str_eq(route_two("INSERT INTO users (username, age) VALUES ($1::varchar, $2::bigint), ($3, $4 + 1)", "al", "zoe", &arena),
                     "2 1043+ 20+ 25- 0-");
    cr_expect_str_eq(route_two("INSERT INTO users (username, age) VALUES ($1, $2), ($3, $2 + $4)", "al", "zoe", &arena), "refused");
    cr_expect_str_eq(route_two("INSERT INTO users (username, age) VALUES ($1, $2), ($3, $4) RETURNING age + $4", "al", "zoe", &arena), "refused");
    arena_free(&arena);
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

/* Rows of source and target meet on their shard, and new ones stay there. */
Test(plan, merges_where_source_and_target_are_together)
{
    EXPECT({"MERGE INTO posts p USING users u ON p.username = u.username WHEN MATCHED THEN DELETE", "concat abc"},
           {"MERGE INTO users u USING posts p ON p.username = u.username WHEN NOT MATCHED THEN INSERT (username) VALUES (p.username)", "concat abc"},
           {"MERGE INTO users u USING posts p ON p.username = u.username WHEN NOT MATCHED THEN INSERT (username) VALUES (p.body)", "0A000"},
           {"MERGE INTO users u USING posts p ON p.username = u.username WHEN NOT MATCHED THEN INSERT (username) VALUES ('bob')", "0A000"},
           {"MERGE INTO posts p USING users u ON p.username = u.username WHEN NOT MATCHED THEN INSERT (username, id) VALUES (u.username, 1)", "0A000"},
           {"MERGE INTO users u USING posts p ON p.body = u.name WHEN MATCHED THEN DELETE", "0A000"},
           {"MERGE INTO users u USING countries c ON c.code = u.country WHEN MATCHED THEN DELETE", "concat abc"},
           {"MERGE INTO users u USING countries c ON c.code = u.username WHEN NOT MATCHED THEN INSERT (username) VALUES (c.code)", "0A000"},
           {"MERGE INTO users u USING (VALUES ('bob')) v (name) ON v.name = u.username WHEN NOT MATCHED THEN INSERT (username) VALUES (v.name)", "single a"},
           {"MERGE INTO users u USING (VALUES ('bob')) v (name) ON v.name = u.username WHEN NOT MATCHED THEN INSERT (username) VALUES ('zoe')", "0A000"},
           {"MERGE INTO users u USING (VALUES ('bob'), ('zoe')) v (name) ON v.name = u.username WHEN MATCHED THEN DELETE", "concat abc"},
           {"MERGE INTO users u USING (SELECT 'bob' AS name) v ON v.name = u.username WHEN MATCHED THEN UPDATE SET username = v.name", "0A000"},
           {"MERGE INTO users u USING posts p ON p.username = u.username AND p.username = 'bob' WHEN NOT MATCHED THEN INSERT (username) VALUES (p.username)", "concat abc"},
           {"MERGE INTO users u USING posts p ON p.username = u.username AND p.username = 'bob' WHEN MATCHED THEN DELETE", "single a"},
           {"MERGE INTO users u USING notes n ON n.body = u.username WHEN MATCHED THEN DELETE", "0A000"},
           {"MERGE INTO users u USING posts p ON p.username = u.username WHEN MATCHED THEN UPDATE SET name = now()::text", "0A000"},
           {"WITH w AS (SELECT 1) MERGE INTO users u USING posts p ON p.username = u.username WHEN MATCHED THEN DELETE", "0A000"},
           {"MERGE INTO notes n USING users u ON n.body = u.username WHEN MATCHED THEN DELETE", "0A000"});
}
