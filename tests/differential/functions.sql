-- Functions that are queries: what stands in place of a call.

-- [rows]
-- of a reference table, by its key
SELECT username, country_name(country) FROM users

-- of a reference table, in WHERE, GROUP BY and ORDER BY
SELECT country_name(country) AS c, count(*) FROM users WHERE country_name(country) IS NOT NULL GROUP BY country_name(country) ORDER BY 2 DESC, country_name(country)

-- DISTINCT of it
SELECT DISTINCT country_name(country) FROM users

-- on the key: an argument's name that is no column
SELECT username, likes_of(username) FROM users

-- not on the key
SELECT full_name, likes_of(full_name), likes_of(country) FROM users

-- a literal says where it is
SELECT likes_of('bob')

-- a literal that has no row
SELECT likes_of('nobody'), likes_of(NULL)

-- by number and by the function's name, on the key
SELECT username, id, likes_of_post(username, id), likes_of_post(username, id + 1) FROM posts

-- names of arguments
SELECT likes_of_post('bob', post => 1)

-- defaults of arguments
SELECT username, likes_since(username), likes_since(username, '2024-01-01'), likes_since(writer => username, least_likes => 0) FROM users

-- the first row, in an order, of a strict function
SELECT username, best_post(username), best_post(NULL) FROM users

-- in an aggregate, and of one
SELECT country, sum(likes_of(username)), max(best_post(username)) FROM users GROUP BY country

-- in CASE, coalesce and a condition on the outer side
SELECT u.username, CASE WHEN likes_of(u.username) > 10 THEN 'much' ELSE coalesce(best_post(u.username)::text, 'none') END FROM users u LEFT JOIN follows f ON f.follower = u.username AND likes_of(f.followee) > 5

-- of an expression that is grouped by, and grouped itself
SELECT country_name(lower(country)), count(*), max(likes_of(lower(username))) FROM users GROUP BY 1

-- the same, by the output's name
SELECT country_name(lower(country)) AS c, count(*) FROM users GROUP BY c HAVING count(*) > 0 ORDER BY c

-- an expression beside it that is not its argument
SELECT country_name(country), lower(country), count(*) FROM users GROUP BY country

-- in ORDER BY and LIMIT
SELECT username FROM users ORDER BY likes_of(username) DESC, username LIMIT 3

-- in a window
SELECT username, rank() OVER (ORDER BY likes_of(username)), sum(likes_of(username)) OVER () FROM users

-- DISTINCT ON
SELECT DISTINCT ON (likes_of(username)) likes_of(username), username FROM users ORDER BY likes_of(username), username

-- a name that the column keeps
SELECT x.likes_of FROM (SELECT likes_of(username) FROM users) x WHERE x.likes_of > 3

-- in FROM, in the function's order
SELECT * FROM posts_of('bob')

-- in FROM, of each row of another table
SELECT u.username, p.id, p.likes FROM users u, posts_of(u.username) p WHERE p.likes > 2

-- in FROM of an outer join
SELECT u.username, p.id FROM users u LEFT JOIN posts_of(u.username) p ON p.likes > 5

-- in FROM, with names of its columns
SELECT a, sum(c) FROM posts_of('ann') AS p (a, b, c) GROUP BY a

-- in FROM, as rows whose type is not told
SELECT u.username, row_to_json(p), count(p) OVER () FROM users u, posts_of(u.username) p

-- in FROM, all shards: names and types of RETURNS TABLE
SELECT * FROM liked(3)

-- in FROM, grouped
SELECT writer, count(*), sum(ratio) FROM liked(1) GROUP BY writer HAVING count(*) > 1

-- in FROM, joined to a table
SELECT u.country, count(number) FROM users u JOIN liked(2) l ON l.writer = u.username GROUP BY u.country

-- in a subquery
SELECT username FROM users WHERE username IN (SELECT writer FROM liked(4)) AND EXISTS (SELECT FROM posts_of(username))

-- a value in FROM
SELECT n, n * 2 FROM user_count() AS n

-- values in FROM
SELECT ages, count(*) FROM ages(), users WHERE age < ages GROUP BY ages

-- a first row of each
SELECT u.username, p.id FROM users u CROSS JOIN LATERAL (SELECT id FROM posts_of(u.username) LIMIT 1) p

-- of all rows
SELECT user_count(), user_count() + count(*) FROM posts

-- of a row, called in both ways
SELECT username, full_title(u), u.full_title, u.fans, fans(u) FROM users u

-- of a row in parentheses
SELECT username, (u).fans, (u).full_title, (u).age FROM users u

-- of a row whose columns have other names
SELECT a, fans(u) FROM users u (a) WHERE u.fans > 0

-- of a row that an outer join has not found
SELECT f.followee, full_title(u), fans(u) FROM follows f LEFT JOIN users u ON u.username = f.followee

-- of a row, grouped and sorted
SELECT fans(u), count(*), string_agg(full_title(u), ',' ORDER BY username) FROM users u GROUP BY fans(u) ORDER BY fans(u)

-- of a row of a subquery's table
SELECT (SELECT max(fans(u)) FROM users u), (SELECT string_agg(full_title(v), '; ' ORDER BY v.username) FROM users v)

-- a function that calls another
SELECT username, fame(username) FROM users

-- BEGIN ATOMIC
SELECT written(0), written(5)

-- a WITH query that has a table's name
WITH posts AS (SELECT 'bob'::text AS username, 1 AS id), countries AS (SELECT 1) SELECT likes_of(username), best_post(username), country_name('de') FROM posts, countries

-- a parameter that says where it is
WITH p AS (SELECT 'bob'::text AS who) SELECT posts.* FROM posts, p WHERE username = who

-- two of them
WITH p AS (SELECT 'bob'::text AS who UNION ALL SELECT 'ann') SELECT posts.* FROM posts, p WHERE username = who

-- one that is NULL, on either side
WITH p AS (SELECT NULL::text AS who) SELECT p.who, id FROM p LEFT JOIN posts ON username = who

-- one that an outer join may lack
WITH p AS (SELECT 'bob'::text AS who) SELECT who, username, id FROM posts LEFT JOIN p ON username = who

-- one in a full join
WITH p AS (SELECT 'bob'::text AS who) SELECT who, username, id FROM posts FULL JOIN p ON username = who

-- one beside a contradiction
SELECT count(*) FROM (SELECT 'bob'::text AS who) p JOIN (SELECT 'ann'::text AS who) q ON p.who = q.who JOIN posts ON username = p.who

-- a whole number and a key of another type of numbers
SELECT * FROM (SELECT 3 AS id) p JOIN events e ON e.id = p.id

-- parameters
--$ bob | 1
--$ ann | 2
--$ ~ | ~
SELECT likes_of($1), likes_of_post($1, $2), count(*) FROM posts_of($1)

-- a parameter that a WITH query shows
--$ bob | 1
--$ zoe | 2
--$ ~ | 3
WITH p AS (SELECT $1::text AS who, $2::integer AS number) SELECT posts.*, number FROM posts, p WHERE username = who
