/*
 * What EXPLAIN and ROUTE say of a plan: how it is answered and why, which shards are asked, and what left out the others.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/plan_town.h"

TestSuite(plan_describe, .init = plan_town_set_up, .fini = plan_town_tear_down);

struct description {
    const char *sql, *text;
};

/* The description begins with the text. */
static void expect_described(const struct description *descriptions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct plan *plan = make(descriptions[i].sql);
        struct arena arena = {0};
        struct error error = {0};
        struct route route;
        bool routed = plan_route(plan, routing, NULL, NULL, &arena, &route, &error);
        const char *text = plan_describe(plan, routing, NULL, NULL, routed ? &route : NULL, &arena);
        cr_expect(strncmp(text, descriptions[i].text, strlen(descriptions[i].text)) == 0, "%s\n  is described as:\n%s\n  not as:\n%s", descriptions[i].sql,
                  text, descriptions[i].text);
        error_clear(&error);
        plan_release(plan);
        arena_free(&arena);
    }
}

#define EXPECT_DESCRIBED(...)                                                                                \
    do {                                                                                                     \
        static const struct description descriptions[] = {__VA_ARGS__};                                      \
        expect_described(descriptions, sizeof descriptions / sizeof *descriptions);                          \
    } while (0)

Test(plan_describe, one_shard_and_what_left_out_the_others)
{
    EXPECT_DESCRIBED(
        {"SELECT * FROM users WHERE username = 'bob'", "single: all rows that matter are on one shard\nshards: a\nfacts: users: username = 'bob'\n"},
        {"SELECT * FROM users WHERE username >= 'h' AND username < 'k'",
         "single: all rows that matter are on one shard\nshards: b\nfacts: users: username >= 'h' and username < 'k'\n"},
        {"SELECT * FROM users u, posts p WHERE u.username = p.username AND p.username IN ('al', 'bob')", "single: all rows that matter are on one shard\nshards: a\n"},
        {"SELECT * FROM users a, users b WHERE a.age = b.age AND a.username = 'al' AND b.username = 'bob'",
         "single: all rows that matter are on one shard\nshards: a\nfacts: users a: username = 'al'\nfacts: users b: username = 'bob'\n"},
        {"SELECT * FROM numbers WHERE n = 1000", "single: no shard has rows that matter, one answers\nshards: a\nfacts: numbers: n = 1000\n"},
        {"SELECT * FROM countries", "single: every shard has what it needs\nshards: a\n"},
        {"SELECT * FROM notes", "single: all of it is on the home shard\nshards: a\n"});
}

Test(plan_describe, rows_that_are_whole_on_each_shard)
{
    EXPECT_DESCRIBED(
        {"SELECT * FROM users WHERE age = 3", "concat: rows of users are independent\nshards: a, b, c\n"},
        {"SELECT * FROM users WHERE username > 'h' ORDER BY age DESC LIMIT 3",
         "merge: rows of users are independent\nshards: b, c\nfacts: users: username > 'h'\nmerged: by 3 DESC\nlimited: LIMIT 3\n"},
        {"SELECT u.age, c.title FROM users u LEFT JOIN countries c ON c.code = u.country",
         "concat: rows of users are independent, countries is on every shard\n"},
        {"SELECT u.age, p.likes FROM users u LEFT JOIN posts p ON p.username = u.username", "concat: users and posts are tied by their keys\n"},
        {"SELECT age FROM users u WHERE EXISTS (SELECT FROM posts p WHERE p.username = u.username)", "concat: users and posts are tied by their keys\n"},
        {"SELECT username FROM users UNION SELECT username FROM posts", "concat: equal rows of users and posts have equal keys\n"},
        {"SELECT age FROM users UNION ALL SELECT likes FROM posts ORDER BY 1", "merge: UNION ALL puts rows of users and posts side by side\n"});
}

Test(plan_describe, what_keeps_groups_on_one_shard)
{
    EXPECT_DESCRIBED(
        {"SELECT username, count(*) FROM posts GROUP BY username", "concat: rows of posts are independent, GROUP BY has the key\n"},
        {"SELECT DISTINCT ON (username) username, id FROM posts ORDER BY username, likes", "merge: rows of posts are independent, DISTINCT has the key\n"},
        {"SELECT username, row_number() OVER (PARTITION BY username ORDER BY id) FROM posts",
         "concat: rows of posts are independent, windows are within one key\n"},
        {"SELECT * FROM (SELECT username, count(*) AS n FROM posts GROUP BY username) x ORDER BY n LIMIT 3",
         "merge: rows of posts are independent, GROUP BY has the key\n"},
        {"WITH t AS (SELECT DISTINCT username FROM posts) SELECT * FROM t JOIN users USING (username)",
         "concat: posts and users are tied by their keys, DISTINCT has the key\n"},
        {"SELECT * FROM writers WHERE n > 1", "concat: rows of posts are independent, GROUP BY has the key\n"},
        {"SELECT age, (SELECT max(likes) FROM posts p WHERE p.username = u.username GROUP BY u.username) FROM users u",
         "concat: users and posts are tied by their keys\n"});
}

Test(plan_describe, what_is_combined_and_where)
{
    EXPECT_DESCRIBED(
        {"SELECT count(*), min(age) FROM users", "combine: rows of users are independent\nshards: a, b, c\ncombined: 1 sum, 2 min\n"},
        {"SELECT count(DISTINCT username) FROM posts", "combine: rows of posts are independent, DISTINCT has the key\n"},
        {"SELECT age, count(*) FROM users GROUP BY age", "combine: rows of users are independent, groups meet in the order of their keys\n"},
        {"SELECT DISTINCT age FROM users", "combine: rows of users are independent, groups meet in the order of their keys\n"},
        {"SELECT age FROM users UNION SELECT likes FROM posts", "combine: UNION has each row of users and posts once, equal ones meet in their order\n"},
        {"SELECT age, avg(age) FROM users GROUP BY age",
         "combine: the home shard adds up partial groups of users (GROUP BY does not contain the key: groups cross shards.)\n"},
        {"SELECT count(DISTINCT age) FROM users",
         "combine: the home shard adds up partial groups of users (DISTINCT inside an aggregate compares rows of different shards.)\n"});
}

Test(plan_describe, why_rows_are_gathered)
{
    EXPECT_DESCRIBED(
        {"SELECT string_agg(username, ',' ORDER BY age) FROM users",
         "gather: the home shard answers over rows found in users (string_agg() is not what Keyway itself combines.)\n"},
        {"SELECT age, row_number() OVER (ORDER BY age) FROM users",
         "gather: the home shard answers over rows found in users (A window function without PARTITION BY the key looks at rows of different shards.)\n"},
        {"SELECT DISTINCT ON (age) age, username FROM users ORDER BY age, username",
         "gather: the home shard answers over rows found in users (DISTINCT ON does not contain the key: groups cross shards.)\n"},
        {"SELECT c.title, u.age FROM countries c LEFT JOIN users u ON u.country = c.code",
         "gather: the home shard answers over rows of users (No sharded table drives the query: each shard would give the same rows again.)\n"},
        {"SELECT age FROM users WHERE age IN (SELECT likes FROM posts)",
         "gather: the home shard answers over results of a subquery on posts, rows of users (Table \"posts\" is not tied to the other sharded tables by "
         "equality of their keys.)\n"},
        {"SELECT * FROM users JOIN notes USING (username)", "gather: the home shard answers over rows of users (What it reads is partly on the home shard only.)\n"});
}

Test(plan_describe, why_a_limit_inside_is_not_the_shards)
{
    EXPECT_DESCRIBED(
        {"SELECT * FROM (SELECT age FROM users ORDER BY age LIMIT 3) x",
         "gather: the home shard answers over rows found in users (LIMIT in a subquery counts rows of all shards together.)\n"},
        {"SELECT age, (SELECT id FROM posts p WHERE p.username = u.username ORDER BY id LIMIT 1) FROM users u LIMIT 1",
         "gather: the home shard answers over rows of users, rows of posts (LIMIT in a subquery may count rows of several shards.)\n"},
        {"SELECT age FROM users WHERE country = (SELECT code FROM countries LIMIT 1) LIMIT 1",
         "gather: the home shard answers over rows of users (LIMIT in a subquery may choose other rows on each shard.)\n"});
}

Test(plan_describe, changes)
{
    EXPECT_DESCRIBED(
        {"INSERT INTO users (username, age) VALUES ('zoe', 1)", "single: the row goes to the shard of its key\nshards: c\nfacts: users: username = 'zoe'\n"},
        {"INSERT INTO users (username, age) VALUES ('al', 1), ('bob', 2)", "single: all rows go to the shard of their keys\nshards: a\n"},
        {"INSERT INTO users (username, age) VALUES ('zoe', 1), ('al', 2), ('zed', 3) ON CONFLICT DO NOTHING",
         "split: each row goes to the shard of its key\nshards: a, c\nstatement: INSERT INTO users (username, age) VALUES … ON CONFLICT DO NOTHING\n"
         "rows: 1 to a, 2 to c\n"},
        {"INSERT INTO countries VALUES ('x', 'X')", "broadcast: each shard has a copy of the reference table\nshards: a, b, c\n"},
        {"DELETE FROM posts p USING users u WHERE u.username = p.username AND u.age = 3", "concat: posts and users are tied by their keys\n"},
        {"UPDATE users SET username = 'x'", "refuse: this statement cannot be run across shards\nSET changes the key of \"users\", and not all rows"});
}
