/*
 * GROUP BY, DISTINCT and UNION across shards: merged as groups, or gathered.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "router/plan.h"
#include "tests/unit/plan_town.h"

TestSuite(plan_groups, .init = plan_town_set_up, .fini = plan_town_tear_down);

Test(plan_groups, whose_columns_are_keys_and_partial_values)
{
    EXPECT({"SELECT likes, count(*) FROM posts GROUP BY likes", "combine abc"},
           {"SELECT count(*), min(id), sum(likes) FROM posts GROUP BY likes, id % 7", "combine abc"},
           {"SELECT likes, likes AS again, 'x', 5 FROM posts GROUP BY (likes, id)", "combine abc"},
           {"SELECT p.username, count(*) FROM users u LEFT JOIN posts p ON p.username = u.username GROUP BY p.username", "combine abc"},
           {"SELECT u.username FROM users u FULL JOIN posts p USING (username) GROUP BY u.username", "combine abc"},
           {"SELECT age, count(DISTINCT username) FROM users GROUP BY age", "combine abc"},
           {"SELECT age, count(*) FROM users WHERE username IN ('al', 'bob') GROUP BY age", "single a"},
           {"SELECT likes, avg(id) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT likes, count(*) + 1 FROM posts GROUP BY likes", "gather abc"},
           {"SELECT likes + 1, count(*) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY likes HAVING count(*) > 1", "gather abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY ROLLUP (likes)", "gather abc"},
           {"SELECT likes, count(*), sum(count(*)) OVER () FROM posts GROUP BY likes", "gather abc"},
           {"SELECT name, count(*) FROM users GROUP BY name", "gather abc"}, /* the order of these texts is not known */
           {"SELECT name, count(DISTINCT age) FROM users GROUP BY name", "gather abc"},
           {"SELECT age, count(*) FROM users, countries GROUP BY age", "combine abc"},
           {"SELECT p.likes, count(*) FROM users u, posts p GROUP BY p.likes", "gather abc"});
}

/* An input's column before an output, and an output that is an expression for one that may be either. */
Test(plan_groups, whose_keys_are_known)
{
    EXPECT({"SELECT age % 2 AS parity, count(*) FROM users GROUP BY parity", "combine abc"},
           {"SELECT age % 2 AS parity, count(*) FROM users GROUP BY 1", "combine abc"},
           {"SELECT users.age % 2, count(*) FROM users GROUP BY age % 2", "gather abc"},
           {"SELECT id % 2 AS likes, count(*) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT age % 2 AS n, count(*) FROM users, unknown_function() AS f GROUP BY n", "0A000"});
}

Test(plan_groups, in_an_order_of_keys)
{
    EXPECT({"SELECT likes, count(*) FROM posts GROUP BY likes ORDER BY likes DESC LIMIT 5 OFFSET 2", "combine abc"},
           {"SELECT count(*) FROM posts GROUP BY likes, id ORDER BY id, likes NULLS FIRST", "combine abc"},
           {"SELECT likes AS n, count(*) AS n FROM posts GROUP BY likes ORDER BY n", "gather abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY likes ORDER BY likes USING <", "gather abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY likes ORDER BY likes + 1", "gather abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY likes ORDER BY 3", "gather abc"},
           {"SELECT likes, count(*) FROM posts GROUP BY likes ORDER BY likes FETCH FIRST 2 ROWS WITH TIES", "gather abc"});
}

Test(plan_groups, ranked_by_aggregates_with_a_small_limit)
{
    EXPECT({"SELECT likes, count(*) AS c FROM posts GROUP BY likes ORDER BY c DESC, likes LIMIT 5", "combine abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY count(*) DESC LIMIT 5 OFFSET 5", "combine abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY max(id), likes LIMIT 10000", "combine abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY max(id), likes LIMIT 10000 OFFSET 1", "gather abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY max(id), likes LIMIT NULL", "gather abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY max(id), likes LIMIT $1", "gather abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY avg(id) LIMIT 5", "gather abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY count(*) + 1 LIMIT 5", "gather abc"},
           {"SELECT likes FROM posts GROUP BY likes ORDER BY count(*)", "gather abc"});
}

Test(plan_groups, of_distinct_rows)
{
    EXPECT({"SELECT DISTINCT likes FROM posts", "combine abc"},
           {"SELECT DISTINCT likes, id % 3 FROM posts ORDER BY 2 DESC LIMIT 3", "combine abc"},
           {"SELECT DISTINCT likes, 'x' FROM posts", "combine abc"},
           {"SELECT DISTINCT 'x' FROM posts", "gather abc"},
           {"SELECT DISTINCT likes, count(*) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT DISTINCT count(*) FROM posts GROUP BY likes", "gather abc"},
           {"SELECT DISTINCT ON (likes) id FROM posts", "gather abc"},
           {"SELECT DISTINCT name FROM users", "gather abc"});
}

/* What an arm gives on each shard counts once, as what it gives on one. */
Test(plan_groups, of_unions)
{
    EXPECT({"SELECT age FROM users UNION SELECT likes FROM posts", "combine abc"},
           {"SELECT age FROM users UNION SELECT 1", "combine abc"},
           {"SELECT age FROM users UNION ALL SELECT likes FROM posts UNION SELECT 1 ORDER BY age LIMIT 3", "combine abc"},
           {"SELECT age FROM users UNION (SELECT likes FROM posts UNION ALL SELECT 1)", "combine abc"},
           {"SELECT age FROM users UNION SELECT likes FROM posts UNION ALL SELECT 1", "gather abc"},
           {"SELECT age FROM users UNION (SELECT likes FROM posts EXCEPT SELECT age FROM users)", "gather abc"},
           {"SELECT age FROM users UNION (SELECT likes FROM posts LIMIT 2)", "gather abc"},
           {"SELECT age FROM users UNION SELECT count(*)::int FROM posts", "gather abc"},
           {"SELECT name FROM users UNION SELECT body FROM posts", "gather abc"},
           {"SELECT age FROM users UNION SELECT id FROM posts", "gather abc"}, /* the type is not looked for */
           {"SELECT age FROM users UNION SELECT likes FROM posts ORDER BY age + 1", "gather abc"});
}
