-- Subqueries: IN, EXISTS, scalars, FROM, WITH, set operations.

-- [rows]
-- IN on the key
SELECT username FROM users WHERE username IN (SELECT username FROM posts)

-- IN on the key with a condition inside
SELECT username FROM users u WHERE username IN (SELECT username FROM posts WHERE likes > 5)

-- IN on another column
SELECT username FROM users WHERE username IN (SELECT followee FROM follows)

-- IN with the inner key given
SELECT username FROM users WHERE username IN (SELECT followee FROM follows WHERE follower = 'ann')

-- IN of a reference table
SELECT username FROM users WHERE country IN (SELECT code FROM countries WHERE population > 100000000)

-- NOT IN of a reference table
SELECT username FROM users WHERE country NOT IN (SELECT code FROM countries)

-- a reference table's rows that are IN a sharded one
SELECT code FROM countries WHERE code IN (SELECT country FROM users)

-- a reference table's rows that are NOT IN a sharded one
SELECT code FROM countries WHERE code NOT IN (SELECT country FROM users WHERE country IS NOT NULL)

-- NOT IN on the key
SELECT username FROM users WHERE username NOT IN (SELECT username FROM posts)

-- NOT IN where the inner side has NULLs: nothing
SELECT username FROM users WHERE country NOT IN (SELECT country FROM users)

-- NOT IN on another column
SELECT username FROM users WHERE username NOT IN (SELECT followee FROM follows)

-- NOT IN of an empty set
SELECT count(*) FROM users WHERE username NOT IN (SELECT username FROM posts WHERE false)

-- EXISTS on the key
SELECT username FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username)

-- EXISTS on the key and more
SELECT username FROM users u WHERE EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.likes > u.age)

-- EXISTS without correlation
SELECT username FROM users WHERE EXISTS (SELECT 1 FROM posts WHERE id = 7)

-- EXISTS on another column
SELECT username FROM users u WHERE EXISTS (SELECT 1 FROM follows f WHERE f.followee = u.username)

-- NOT EXISTS on the key
SELECT username FROM users u WHERE NOT EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username)

-- NOT EXISTS on another column
SELECT username FROM users u WHERE NOT EXISTS (SELECT 1 FROM follows f WHERE f.followee = u.username)

-- EXISTS of a reference table
SELECT username FROM users u WHERE EXISTS (SELECT 1 FROM countries c WHERE c.code = u.country)

-- EXISTS over sharded rows without an outer FROM
SELECT 1 WHERE EXISTS (SELECT 1 FROM users WHERE age = 14)

-- NOT EXISTS over sharded rows without an outer FROM
SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM users WHERE age = 14)

-- EXISTS in the select list
SELECT EXISTS (SELECT 1 FROM users WHERE age = 14)

-- EXISTS in the select list, on the key
SELECT username, EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username) FROM users u

-- EXISTS under OR, on the key
SELECT username FROM users u WHERE age = 14 OR EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username)

-- IN under NOT, on the key
SELECT username FROM users u WHERE NOT (username IN (SELECT username FROM posts))

-- two levels of EXISTS on the key
SELECT username FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username AND EXISTS (SELECT 1 FROM follows f WHERE f.follower = p.username AND f.followee > 'm'))

-- two levels, the inner tied to the outermost
SELECT username FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username AND EXISTS (SELECT 1 FROM follows f WHERE f.follower = u.username))

-- a row IN on the key
SELECT username FROM users WHERE (username, 1) IN (SELECT username, id FROM posts)

-- = ANY of a subquery on the key
SELECT username FROM users WHERE username = ANY (SELECT username FROM posts)

-- <> ALL of a subquery on the key
SELECT username FROM users WHERE username <> ALL (SELECT username FROM posts)

-- > ALL of a subquery
SELECT username FROM users WHERE age >= ALL (SELECT age FROM users WHERE age IS NOT NULL)

-- a correlated scalar on the key
SELECT username, (SELECT count(*) FROM posts p WHERE p.username = u.username) FROM users u

-- a correlated scalar on the key in a condition
SELECT username FROM users u WHERE (SELECT count(*) FROM posts p WHERE p.username = u.username) > 2

-- a correlated scalar on another column
SELECT username, (SELECT count(*) FROM follows f WHERE f.followee = u.username) FROM users u

-- a scalar of everything
SELECT username, (SELECT count(*) FROM posts) FROM users

-- a scalar of everything in a condition
SELECT username FROM users WHERE age = (SELECT max(age) FROM users)

-- a scalar of a reference table
SELECT username, (SELECT name FROM countries c WHERE c.code = u.country) FROM users u

-- a scalar alone
SELECT (SELECT count(*) FROM users)

-- a scalar with the key given
SELECT (SELECT age FROM users WHERE username = 'bob'), (SELECT count(*) FROM posts WHERE username = 'bob')

-- scalars with keys of different shards
SELECT (SELECT age FROM users WHERE username = 'ann'), (SELECT age FROM users WHERE username = 'zoe')

-- a scalar that gives more than one row is an error
SELECT username, (SELECT id FROM posts p WHERE p.username = u.username) FROM users u

-- an ARRAY subquery on the key
SELECT username, ARRAY (SELECT id FROM posts p WHERE p.username = u.username ORDER BY id) FROM users u

-- an ARRAY subquery of everything
SELECT ARRAY (SELECT username FROM users ORDER BY username)

-- a subquery in FROM
SELECT * FROM (SELECT username, age FROM users) s WHERE age > 30

-- a subquery in FROM with the key given outside
SELECT * FROM (SELECT username, age FROM users) s WHERE username = 'bob'

-- a subquery in FROM with an aggregate, the key given outside
SELECT * FROM (SELECT username, count(*) FROM posts GROUP BY username) s WHERE username = 'zoe'

-- a subquery in FROM with a window, the key given outside
SELECT * FROM (SELECT username, rank() OVER (ORDER BY age) FROM users) s WHERE username = 'zoe'

-- a subquery in FROM with LIMIT, the key given outside
SELECT * FROM (SELECT username FROM users ORDER BY username LIMIT 3) s WHERE username = 'zoe'

-- a subquery in FROM with DISTINCT, the key given outside
SELECT * FROM (SELECT DISTINCT username FROM posts) s WHERE username = 'zoe'

-- a subquery in FROM that renames the key to another column's name
SELECT * FROM (SELECT age AS username, username AS age FROM users) s WHERE age = 'bob'

-- a subquery in FROM whose key is a constant
SELECT * FROM (SELECT 'bob' AS username, age FROM users) s WHERE username = 'bob'

-- a subquery in FROM with the key given inside
SELECT * FROM (SELECT * FROM users WHERE username = 'bob') s

-- nested subqueries in FROM
SELECT a FROM (SELECT b AS a FROM (SELECT username AS b FROM users) x) y WHERE a = 'zoe'

-- the number of a limited subquery's rows
SELECT count(*) FROM (SELECT username FROM users LIMIT 5) s

-- the number of distinct rows
SELECT count(*) FROM (SELECT DISTINCT country FROM users) s

-- the sum of sums
SELECT sum(n) FROM (SELECT username, count(*) AS n FROM posts GROUP BY username) s

-- the maximum of counts by key
SELECT max(n) FROM (SELECT username, count(*) AS n FROM posts GROUP BY username) s

-- the maximum of counts that cross shards
SELECT max(n) FROM (SELECT country, count(*) AS n FROM users GROUP BY country) s

-- WITH of one key
WITH u AS (SELECT * FROM users WHERE username = 'bob') SELECT * FROM u

-- WITH of all rows
WITH u AS (SELECT username, age FROM users) SELECT * FROM u WHERE age > 30

-- WITH used twice, on the key
WITH p AS (SELECT username, id FROM posts) SELECT a.username, b.id FROM p a JOIN p b ON a.username = b.username AND a.id = b.id

-- WITH used twice, not on the key
WITH u AS (SELECT username, age FROM users) SELECT a.username FROM u a JOIN u b ON a.age = b.age + 1

-- WITH MATERIALIZED and the key outside
WITH u AS MATERIALIZED (SELECT * FROM users) SELECT username FROM u WHERE username = 'bob'

-- WITH of an aggregate
WITH n AS (SELECT count(*) AS n FROM users) SELECT n FROM n

-- WITH of an aggregate beside rows
WITH n AS (SELECT max(age) AS top FROM users) SELECT username FROM users, n WHERE age = top

-- WITH that is not used
WITH unused AS (SELECT count(*) FROM posts) SELECT username FROM users WHERE username = 'bob'

-- WITH that hides a table
WITH users AS (SELECT 'bob' AS username) SELECT * FROM users

-- WITH that hides a table, used with the key
WITH users AS (SELECT username, id AS age FROM posts) SELECT * FROM users WHERE username = 'zoe'

-- WITH chains
WITH a AS (SELECT username, age FROM users), b AS (SELECT username FROM a WHERE age > 20) SELECT * FROM b WHERE username > 'm'

-- WITH inside a subquery
SELECT * FROM (WITH x AS (SELECT username FROM users) SELECT * FROM x) s WHERE username = 'kim'

-- WITH RECURSIVE over numbers only
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t

-- WITH RECURSIVE whose first arm gives a type's length, as the columns of the second do
WITH RECURSIVE p (a, n) AS (SELECT 0.5::numeric(5,2), 1 UNION ALL SELECT num52, n + 1 FROM zoo, p WHERE num52 > a AND n < 2) SELECT * FROM p;
WITH RECURSIVE p (a, b, n) AS (SELECT 'a'::char(5), 'a'::varchar(10), 1 UNION ALL SELECT c5, vc, n + 1 FROM zoo JOIN p ON vc >= b WHERE n < 2) SELECT * FROM p;
WITH RECURSIVE p (a, b, n) AS (SELECT B'000'::bit(3), B'00000'::varbit(5), 1 UNION SELECT z.bits, z.vbits, n + 1 FROM p JOIN zoo z ON z.bits >= a LEFT JOIN users u ON u.age = z.id WHERE n < 2) SELECT * FROM p;

-- WITH RECURSIVE over sharded rows
WITH RECURSIVE t (who) AS (SELECT 'ann' UNION SELECT followee FROM t JOIN follows ON follower = who) SELECT * FROM t

-- UNION ALL of shards' rows
SELECT username FROM users UNION ALL SELECT username FROM posts

-- UNION ALL of columns that are no keys
SELECT country FROM users UNION ALL SELECT body FROM posts

-- UNION on the key
SELECT username FROM users UNION SELECT username FROM posts

-- UNION of columns that are no keys
SELECT country FROM users UNION SELECT city FROM users

-- UNION with the key in different places
SELECT username, city FROM users UNION SELECT city, username FROM users

-- UNION with a constant that tells the arms apart
SELECT username, 'u' FROM users UNION SELECT username, 'p' FROM posts

-- UNION ALL with a reference table: its rows come once
SELECT username FROM users UNION ALL SELECT code FROM countries

-- UNION with VALUES: its rows come once
SELECT username FROM users UNION ALL VALUES ('extra')

-- UNION ALL of one key each, on different shards
SELECT username, age FROM users WHERE username = 'ann' UNION ALL SELECT username, age FROM users WHERE username = 'zoe'

-- UNION ALL of one key each, on one shard
SELECT username, age FROM users WHERE username = 'ann' UNION ALL SELECT username, age FROM users WHERE username = 'bob'

-- UNION ALL with types that are unified
SELECT username, age FROM users UNION ALL SELECT username, likes::numeric FROM posts

-- UNION ALL of different keyspaces
SELECT username FROM users UNION ALL SELECT kind FROM events

-- EXCEPT on the key
SELECT username FROM users EXCEPT SELECT username FROM posts

-- EXCEPT ALL on the key
SELECT username FROM posts EXCEPT ALL SELECT username FROM users

-- EXCEPT of other columns
SELECT username FROM users EXCEPT SELECT followee FROM follows

-- INTERSECT on the key
SELECT username FROM users INTERSECT SELECT username FROM posts

-- INTERSECT ALL on the key
SELECT username FROM posts INTERSECT ALL SELECT follower FROM follows

-- INTERSECT of other columns
SELECT country FROM users INTERSECT SELECT code FROM countries

-- three arms
SELECT username FROM users UNION SELECT username FROM posts EXCEPT SELECT follower FROM follows

-- three arms with parentheses
SELECT username FROM users EXCEPT (SELECT username FROM posts UNION SELECT follower FROM follows)

-- the key given in one arm only
SELECT username FROM users WHERE username = 'ann' UNION SELECT username FROM posts WHERE likes = 1

-- a set operation in FROM with the key given outside
SELECT * FROM (SELECT username FROM users UNION ALL SELECT username FROM posts) s WHERE username = 'zoe'

-- a set operation in IN
SELECT username FROM users WHERE username IN (SELECT username FROM posts UNION SELECT follower FROM follows)

-- the number of a union
SELECT count(*) FROM (SELECT username FROM users UNION SELECT username FROM posts) s

-- a set-returning subquery of constants
SELECT * FROM (SELECT generate_series(1, 3) AS g) s WHERE g > 1

-- a subquery over pg_catalog beside a sharded table
SELECT username FROM users WHERE username IN (SELECT relname FROM pg_class)

-- Rows by the keys of another table (semi-join reduction).
-- NOT IN sees NULLs and all rows
SELECT u.username FROM users u WHERE u.age < 30 AND u.username NOT IN (SELECT f.followee FROM follows f WHERE f.since > '2024-03-02')

-- NOT EXISTS does not
SELECT u.username FROM users u WHERE u.age < 30 AND NOT EXISTS (SELECT 1 FROM follows f WHERE f.followee = u.username AND f.since > '2024-03-02')

-- the side that a LEFT JOIN keeps needs all its rows
SELECT f.follower, u.username FROM follows f LEFT JOIN users u ON u.username = f.followee AND u.age = 30

-- … unless WHERE says otherwise
SELECT f.follower, u.username FROM follows f LEFT JOIN users u ON u.username = f.followee WHERE u.age = 30

-- a FULL JOIN needs all of both
SELECT f.follower, u.username FROM follows f FULL JOIN users u ON u.username = f.followee AND u.age = 30

-- IN beside OR
SELECT count(*) FROM follows f WHERE f.followee IN (SELECT username FROM users WHERE age = 30) OR f.since = '2024-03-05'

-- scalar subqueries, one with the key and one without
SELECT u.username, (SELECT max(f.since) FROM follows f WHERE f.followee = u.username), (SELECT count(*) FROM follows f) FROM users u WHERE u.age = 30

-- a limit within counts all rows
SELECT u.username, x.follower FROM users u JOIN (SELECT followee, follower FROM follows ORDER BY since, followee, follower LIMIT 30) x
ON x.followee = u.username WHERE u.age < 40

-- windows within see all rows
SELECT u.username, x.n FROM users u JOIN (SELECT followee, rank() OVER (ORDER BY since) AS n FROM follows) x ON x.followee = u.username WHERE u.age < 25

-- groups within are whole
SELECT u.username, x.n FROM users u LEFT JOIN (SELECT followee, count(*) AS n FROM follows GROUP BY 1) x ON x.followee = u.username WHERE u.age < 25

-- a CTE that is used twice
WITH x AS (SELECT followee, follower FROM follows) SELECT u.username, x.follower, (SELECT count(*) FROM x) FROM users u JOIN x ON x.followee = u.username
WHERE u.age < 25

-- recursion needs the keys that it finds
WITH RECURSIVE r AS (SELECT username, 0 AS depth FROM users WHERE age = 30 UNION SELECT f.follower, depth + 1 FROM r JOIN follows f ON f.followee = r.username
WHERE depth < 3) SELECT * FROM r

-- integers of different sizes
SELECT e.id, u.username FROM events e JOIN users u ON u.age = e.weight WHERE u.country = 'de' AND e.kind > 'a'

-- three tables in a row
SELECT count(*) FROM users u JOIN posts p ON p.likes = u.age JOIN events e ON e.weight = p.likes WHERE u.country = 'de'

-- a column that nobody reads is not computed: an error in it does not come to light
SELECT count(*) FROM (SELECT username, 100 / (age - 30) AS boom FROM users) x JOIN follows f ON f.followee = x.username

-- … of a query of WITH that is read once
WITH x AS (SELECT username, 100 / (age - 30) AS boom FROM users) SELECT x.username, f.follower FROM x JOIN follows f ON f.followee = x.username

-- … of one that is read twice it is: 22012
WITH x AS (SELECT username, 100 / (age - 30) AS boom FROM users) SELECT count(*) FROM x JOIN x AS y ON y.username > x.username JOIN events e ON e.username = x.username

-- … of a MATERIALIZED one, too: 22012
WITH x AS MATERIALIZED (SELECT username, 100 / (age - 30) AS boom FROM users) SELECT count(*) FROM x JOIN follows f ON f.followee = x.username

-- … a group's
SELECT sum(n) FROM (SELECT country, count(*) AS n, max(1 / (age - 30)) AS boom FROM users GROUP BY country) x

-- … that is all there is of it: still one row
SELECT count(*) FROM (SELECT max(1 / (age - 30)) AS boom FROM users) x, countries

-- … read by a *
SELECT * FROM (SELECT username, 100 / (age - 30) AS boom FROM users) x JOIN follows f ON f.followee = x.username

-- … by the name of the row
SELECT count(x) FROM (SELECT username, 100 / (age - 30) AS boom FROM users) x JOIN follows f ON f.followee = x.username

-- … by its number, inside
SELECT x.username FROM (SELECT username, 100 / (age - 30) AS boom FROM users ORDER BY 2 LIMIT 3) x JOIN follows f ON f.followee = x.username

-- … under other names
SELECT count(a) FROM (SELECT username, 100 / (age - 30) FROM users) AS x (a, b) JOIN follows f ON f.followee = x.a

-- … with DISTINCT it counts
SELECT count(*) FROM (SELECT DISTINCT country, age > 30 FROM users) x, countries

-- what EXISTS selects is not computed
SELECT EXISTS (SELECT 100 / (age - 30) FROM users), EXISTS (SELECT max(age) FROM users WHERE false), EXISTS (SELECT count(*) FROM posts HAVING count(*) > 1000000)

-- a query of WITH that nobody reads, over a table of the home shard
WITH n AS (SELECT 1 / 0 FROM notes), m AS (SELECT * FROM n) SELECT country, count(*) FROM users GROUP BY ROLLUP (country) ORDER BY 1

-- a list without an order that nobody reads
SELECT x.country, x.n FROM (SELECT country, count(*) AS n, array_agg(username) AS list FROM users GROUP BY country) x JOIN countries c ON c.code = x.country

-- an OR whose arms speak of both tables
SELECT u.username, p.id FROM users u, posts p WHERE (p.likes = u.age % 7 AND u.country = 'de' AND p.likes > 2) OR (p.likes = u.age % 5 AND u.age > 30 AND p.likes IN (1, 4))

-- an OR of which one arm says nothing of one table
SELECT u.username, p.id FROM users u JOIN posts p ON p.likes = u.age % 7 WHERE (u.country = 'de' AND p.likes > 2) OR p.likes = 0

-- an OR above a table that may be missing
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.likes = u.age % 7 AND p.likes > 1 WHERE (u.country = 'de' AND p.id IS NULL) OR (u.age > 30 AND p.likes < 4)

-- an OR with a guard in it, which a full join does not let the shards ask
SELECT u.username, p.id FROM users u FULL JOIN posts p ON p.likes = u.age WHERE (u.age IS NULL AND p.likes > 3) OR (p.likes <> 0 AND u.age / p.likes > 2 AND u.country = 'de')

-- columns of a subquery that are called like tables, whose rows are gathered
SELECT users, posts, rank() OVER (PARTITION BY posts ORDER BY users) FROM (SELECT u.age AS users, p.likes AS posts FROM users u JOIN posts p ON p.likes = u.age % 7) x WHERE posts > 1

-- an output that is called like its table
SELECT age AS users, count(*) AS posts FROM users JOIN posts ON likes = age % 7 GROUP BY age ORDER BY users

-- rows where a column to the right is called like their table
SELECT x.y, x.p FROM posts p JOIN users ON p.likes = age % 7 CROSS JOIN LATERAL (SELECT p::text AS y, 1 AS p) x

-- rows of a table beside a subquery's column of its name
SELECT count(DISTINCT posts::text), (SELECT max(posts) FROM (SELECT age AS posts FROM users) y) FROM posts WHERE likes > 2

-- [total order]
-- UNION on the key, ordered
SELECT username FROM users UNION SELECT username FROM posts ORDER BY username

-- UNION ALL ordered by position with LIMIT
SELECT username, age AS n FROM users UNION ALL SELECT username, id FROM posts ORDER BY 1, 2 NULLS FIRST LIMIT 10

-- EXCEPT ordered downwards
SELECT username FROM users EXCEPT SELECT username FROM posts ORDER BY 1 DESC

-- arms with their own order and limit
(SELECT username FROM users ORDER BY username LIMIT 2) UNION ALL (SELECT username FROM users ORDER BY username DESC LIMIT 2) ORDER BY 1

-- a subquery ordered outside
SELECT * FROM (SELECT username, age FROM users WHERE age > 10) s ORDER BY age, username LIMIT 5

-- EXISTS ordered
SELECT username FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username) ORDER BY username OFFSET 5

-- ordered by a correlated scalar
SELECT username FROM users u ORDER BY (SELECT count(*) FROM posts p WHERE p.username = u.username), username

-- ordered by a selected correlated scalar
SELECT username, (SELECT count(*) FROM posts p WHERE p.username = u.username) AS n FROM users u ORDER BY n DESC, username

-- WITH ordered outside
WITH u AS (SELECT username, age FROM users) SELECT * FROM u ORDER BY age NULLS FIRST, username LIMIT 4

-- Rows in the order of a subquery: SQL leaves it open, PostgreSQL keeps it, and people rely on it.
-- LIMIT outside, ORDER BY inside
SELECT * FROM (SELECT username, age FROM users ORDER BY age, username) x LIMIT 3

-- … the last ones, with OFFSET
SELECT x.age + 1 AS next, x.username FROM (SELECT username, age FROM users ORDER BY age DESC NULLS LAST, username) x LIMIT 4 OFFSET 2

-- … of a query of WITH, with a condition
WITH z AS (SELECT username, karma FROM users ORDER BY karma DESC NULLS LAST, username) SELECT * FROM z WHERE karma IS NOT NULL LIMIT 4

-- … through another subquery, sorted by what it does not give
SELECT username FROM (SELECT * FROM (SELECT username, country FROM users ORDER BY lower(full_name), username) x) y LIMIT 5

-- … as a scalar, and behind IN
SELECT (SELECT x.username FROM (SELECT username FROM users ORDER BY username DESC) x LIMIT 1), count(*) FROM posts
WHERE username IN (SELECT username FROM (SELECT username FROM users ORDER BY karma DESC NULLS LAST, username) y LIMIT 5)

-- the first of each group
SELECT DISTINCT ON (country) country, username FROM (SELECT country, username FROM users ORDER BY country, username DESC) s

-- numbered (ROWNUM)
SELECT n, username FROM (SELECT row_number() OVER () AS n, username FROM (SELECT username FROM users ORDER BY karma NULLS FIRST, username) s) t WHERE n BETWEEN 3 AND 6 ORDER BY n

-- an array
SELECT ARRAY(SELECT username FROM (SELECT username FROM users ORDER BY age, username) s), (SELECT first_value(username) OVER () FROM (SELECT username FROM users ORDER BY username DESC) t LIMIT 1)

-- groups in their order
SELECT * FROM (SELECT country, count(*) AS n FROM users GROUP BY country ORDER BY n DESC, country NULLS FIRST) x LIMIT 2

-- Aggregates of the query around.
-- by their FILTER alone
SELECT (SELECT max(0) FILTER (WHERE age > 30)), (SELECT count(*) FILTER (WHERE active)) FROM users

-- with a subquery in it
SELECT (SELECT max((SELECT i.age FROM users i WHERE i.username = o.username))) FROM users o

-- Rows that an expression makes: no column has their type.
-- an array of rows that finds cycles
WITH RECURSIVE s (f, t, cycle, path) AS (
    SELECT follower, followee, false, ARRAY[ROW(follower, followee)] FROM follows WHERE follower < 'c'
    UNION ALL SELECT g.follower, g.followee, ROW(g.follower, g.followee) = ANY (path), path || ROW(g.follower, g.followee) FROM follows g, s WHERE g.follower = s.t AND NOT cycle AND cardinality(path) < 3)
SELECT count(*), count(*) FILTER (WHERE cycle) FROM s

-- a row as a column of a subquery
SELECT k, n FROM (SELECT (country, 3) AS k, count(*) AS n FROM users GROUP BY country) x ORDER BY n DESC, k LIMIT 3

-- … of the inner query, with a subquery that speaks of it
SELECT country, (SELECT sum(CASE WHEN EXISTS (SELECT 1 FROM countries c WHERE c.code = i.country) THEN 1 ELSE 0 END) FROM users i WHERE i.country = o.country) FROM (SELECT DISTINCT country FROM users) o ORDER BY 1

-- UNION ALL of queries that are in order
(SELECT username, 1 FROM users WHERE age < 40 ORDER BY username) UNION ALL (SELECT username, 2 FROM users ORDER BY username DESC) LIMIT 5

-- Sums of floats that a column list renames: what still reads them
SELECT b > 3, b::text::numeric::int FROM (SELECT sum(age::float8) FROM users) x (b)

-- … in a query of WITH that is read under two lists
WITH x AS (SELECT active AS k, sum(age::float8) AS s FROM users GROUP BY 1) SELECT p.k, p.b > 3, (SELECT count(*) FROM x AS q (k, c) WHERE q.c::text > '0') FROM x AS p (k, b) ORDER BY 1

-- … in an order of a list
SELECT array_agg(k ORDER BY s) FROM (SELECT active AS k, sum(age::float8) AS s FROM users GROUP BY 1) x

-- … in windows within ORDER BY
SELECT k FROM (SELECT active AS k, sum(score) AS s FROM users WHERE score < 100 GROUP BY 1) x ORDER BY round(max(s) OVER (PARTITION BY k)::numeric, 1), k

-- … by DISTINCT ON
SELECT DISTINCT ON (s) k, s > 0 FROM (SELECT country AS k, sum(age * 0.5::float8) AS s FROM users GROUP BY 1) x ORDER BY s, k

-- … grouped by, and selected twice
SELECT s + 1 AS t, count(*), (s + 1) * 2 > 3 FROM (SELECT country, sum(age::float8) AS s FROM users GROUP BY 1) x GROUP BY 1 ORDER BY 1

-- comparisons with an average that are grouped by, and selected twice
SELECT score > (SELECT avg(age::float8) FROM users) AS hot, NOT score > (SELECT avg(age::float8) FROM users) AS cold, count(*) FROM users GROUP BY 1 ORDER BY 1

-- An arm of UNION ALL that is in the order of a subquery
SELECT username FROM (SELECT username FROM users ORDER BY karma NULLS LAST, username) y UNION ALL SELECT 'nobody' LIMIT 6

-- … added up
SELECT count(*), min(n) FROM (SELECT username AS n FROM (SELECT username FROM (SELECT username FROM users ORDER BY username DESC) y) z UNION ALL SELECT 'zzzz' LIMIT 4) x

-- *, beside what is not proved
SELECT *, (SELECT count(*) FROM posts) FROM (SELECT username, age FROM (SELECT * FROM users ORDER BY age NULLS LAST, username) y) x LIMIT 5

-- Aggregates of whole rows of the query around
SELECT (SELECT count(c) FROM countries k WHERE k.code = 'de'), (SELECT max((SELECT (c.name)::text)) FROM countries k WHERE k.code = 'de') FROM countries c WHERE c.code IN (SELECT country FROM users)

-- … in a function of FROM
SELECT (SELECT max(x) FROM generate_series(1, u.age) x) FROM users u WHERE u.age BETWEEN 1 AND 30 ORDER BY u.username

-- a row by nullif
SELECT nullif(ROW(active, 1), ROW(true, 1)), count(*) FROM users GROUP BY 1 ORDER BY 1

-- columns of UNION ALL that nobody reads are not computed
SELECT max(w) FROM (SELECT age AS w, 1 / (age - age) AS z FROM users UNION ALL SELECT 1, 1) x;
SELECT max(w) FROM (SELECT id AS w, 1 / (id - id) AS z, username FROM posts UNION ALL SELECT age, age, country FROM users UNION ALL SELECT count(*)::int, 1 / count(*)::int, author FROM notes GROUP BY author) x WHERE username > 'b';

-- … but where PostgreSQL does so
SELECT max(w) FROM (SELECT age AS w, 1 / (age - age) AS z FROM users UNION SELECT 1, 1) x;
SELECT max(w) FROM (SELECT age AS w, 1 / (age - age) AS z FROM users UNION ALL SELECT 1, 1.5) x;
SELECT max(w) FROM (SELECT age AS w, 1 / (age - age) AS z FROM users UNION ALL SELECT 1, 1 ORDER BY 1) x;

-- columns of WITH … NOT MATERIALIZED that no reading reads
WITH c AS NOT MATERIALIZED (SELECT 1 / (age - age) AS z, age FROM users) SELECT max(a.age), max(b.age) FROM c a JOIN c b USING (age);
WITH c (z, x) AS NOT MATERIALIZED (SELECT 1 / (age - age), age FROM users) SELECT max(a.x), (SELECT count(x) FROM c) FROM c a;
WITH c AS NOT MATERIALIZED (SELECT 1 / (age - age) AS z, age FROM users) SELECT max(a.age), max(b.age) FROM c a JOIN c b USING (age) WHERE a.z > 0;
WITH c AS (SELECT 1 / (age - age) AS z, age FROM users) SELECT max(a.age), max(b.age) FROM c a JOIN c b USING (age);

-- all columns of the first rows of one table
SELECT s.username, s.age, p.id FROM (SELECT * FROM users WHERE age IS NOT NULL ORDER BY age DESC, username LIMIT 3) s JOIN posts p ON p.likes = s.age % 7 ORDER BY 1, 2, 3;
SELECT s.*, c.code FROM (SELECT u.*, u.age + 1 AS next FROM users u ORDER BY u.username LIMIT 2 OFFSET 1) s, countries c ORDER BY s.username, c.code;
WITH top AS (SELECT * FROM posts ORDER BY likes DESC NULLS LAST, username, id LIMIT 4) SELECT top, count(*) OVER () FROM top ORDER BY top.username, top.id;

-- [rows]
-- NOT IN of the key, and IN where it is no conjunct: a NULL, an outer join, another column, an empty subquery
SELECT username FROM users WHERE username NOT IN (SELECT username FROM posts WHERE likes > 3) ORDER BY 1;
SELECT username FROM users WHERE username NOT IN (SELECT username FROM posts WHERE likes > 30000) ORDER BY 1;
SELECT username, username IN (SELECT follower FROM follows), username NOT IN (SELECT followee FROM follows) FROM users ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT follower FROM follows) OR age > 40 ORDER BY 1;
SELECT username FROM users WHERE NOT (username IN (SELECT follower FROM follows WHERE followee > 'c') AND age > 20) ORDER BY 1;
SELECT username FROM users WHERE username NOT IN (SELECT country FROM users) ORDER BY 1;
SELECT username FROM users WHERE country NOT IN (SELECT username FROM posts) ORDER BY 1;
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = u.username AND p.likes > 5 WHERE p.username NOT IN (SELECT follower FROM follows) ORDER BY 1, 2;
SELECT u.username, p.id FROM users u FULL JOIN posts p ON p.username = u.username AND p.likes > 5 WHERE u.username NOT IN (SELECT follower FROM follows) ORDER BY 1, 2;
SELECT u.username, l.z FROM users u LEFT JOIN LATERAL (SELECT u.username AS z WHERE u.age > 20) l ON true WHERE (l.z NOT IN (SELECT username FROM posts WHERE likes > 5)) IS NULL ORDER BY 1;
SELECT username FROM users WHERE (username, age) NOT IN (SELECT username, likes FROM posts) ORDER BY 1;
SELECT username FROM users WHERE (username, age) NOT IN (SELECT username, NULL::int FROM posts) ORDER BY 1;
SELECT username FROM users WHERE username NOT IN (SELECT p.username FROM posts p LEFT JOIN follows f ON f.follower = p.username WHERE f.since IS NULL) ORDER BY 1;
SELECT username FROM users WHERE username NOT IN (SELECT f.follower FROM posts p LEFT JOIN follows f ON f.follower = p.username) ORDER BY 1;
SELECT username FROM users WHERE username = 'bob' AND username NOT IN (SELECT username FROM posts WHERE id = 1);
SELECT c.code FROM countries c WHERE c.code NOT IN (SELECT username FROM users) ORDER BY 1;
SELECT count(*) FILTER (WHERE username NOT IN (SELECT follower FROM follows)), max(age) FROM users;

-- … in grouping sets and beside aggregates, whose rows have NULL for the key
SELECT username, username IN (SELECT username FROM posts WHERE id = 1) FROM users WHERE username = 'bob' GROUP BY ROLLUP (username) ORDER BY 1;
SELECT username, count(*) FROM users WHERE username < 'c' GROUP BY GROUPING SETS ((username), ()) HAVING (username NOT IN (SELECT follower FROM follows)) IS NULL ORDER BY 1;
SELECT max(username), max(username) IN (SELECT username FROM posts) FROM users WHERE username = 'nobody';

-- keys of a table on the home shard: NULLs among them, beside outer joins on either side, and where they must not be used
SELECT u.username, n.id, n.body FROM users u JOIN notes n ON n.author = u.full_name OR n.author = u.username ORDER BY 1, 2;
SELECT p.username, p.id, n.body FROM posts p JOIN notes n ON n.id = p.likes WHERE n.author = 'ann' ORDER BY 1, 2, 3;
SELECT n.id, p.username, p.id FROM notes n LEFT JOIN posts p ON p.likes = n.id AND p.id = 1 ORDER BY 1, 2, 3;
SELECT p.username, p.id, n.id FROM posts p LEFT JOIN notes n ON n.id = p.likes AND n.author = 'ann' WHERE p.id < 3 ORDER BY 1, 2, 3;
SELECT p.username, p.id, n.id FROM posts p FULL JOIN notes n ON n.id = p.likes AND n.author = 'ann' WHERE p.id < 3 OR p.id IS NULL ORDER BY 1, 2, 3;
SELECT u.username FROM users u WHERE u.full_name IN (SELECT author FROM notes) ORDER BY 1;
SELECT u.username FROM users u WHERE u.age NOT IN (SELECT id FROM notes WHERE author = 'ann') ORDER BY 1;
SELECT u.username FROM users u WHERE u.full_name NOT IN (SELECT author FROM notes WHERE author IS NOT NULL) ORDER BY 1;
SELECT u.username FROM users u WHERE (u.age IN (SELECT id FROM notes)) IS NOT TRUE ORDER BY 1;
SELECT p.username, p.id FROM posts p WHERE EXISTS (SELECT FROM notes n WHERE n.id = p.likes AND n.body LIKE 'f%') ORDER BY 1, 2;
SELECT p.username, p.id FROM posts p WHERE NOT EXISTS (SELECT FROM notes n WHERE n.id = p.likes) AND p.id = 2 ORDER BY 1, 2;
SELECT n.id, (SELECT count(*) FROM posts p WHERE p.likes = n.id), (SELECT max(p.username) FROM posts p WHERE p.likes = n.id + 1) FROM notes n ORDER BY 1;
SELECT n.id FROM notes n WHERE n.id NOT IN (SELECT likes FROM posts WHERE likes IS NOT NULL AND id = 2) ORDER BY 1;
SELECT n.author, count(*) FROM notes n JOIN posts p ON p.likes = n.id GROUP BY ROLLUP (n.author) ORDER BY 1, 2;

-- keys of a subquery that the shards compute: plain, grouped, limited, DISTINCT, of an outer join, of a UNION, used twice
SELECT username, age FROM users WHERE age IN (SELECT likes FROM posts WHERE id = 2) ORDER BY 1;
SELECT username, age FROM users WHERE age NOT IN (SELECT likes FROM posts WHERE id = 2 AND likes IS NOT NULL) ORDER BY 1;
SELECT u.username, p.n FROM users u JOIN (SELECT likes, count(*) AS n FROM posts WHERE id < 3 GROUP BY likes HAVING count(*) > 2) p ON p.likes = u.age ORDER BY 1;
SELECT u.username, p.n FROM users u LEFT JOIN (SELECT likes, count(*) AS n FROM posts WHERE id = 1 GROUP BY likes) p ON p.likes = u.age ORDER BY 1;
SELECT u.username, p.likes FROM users u JOIN (SELECT likes FROM posts WHERE likes > 3 ORDER BY likes, username, id LIMIT 4) p ON p.likes = u.age ORDER BY 1, 2;
SELECT u.username, p.likes FROM users u JOIN (SELECT likes, id FROM posts GROUP BY ROLLUP (likes, id)) p ON p.likes = u.age AND p.id = 1 ORDER BY 1, 2;
SELECT u.username FROM users u JOIN (SELECT DISTINCT likes FROM posts WHERE id = 1) p ON p.likes = u.age ORDER BY 1;
SELECT u.username FROM users u JOIN (SELECT p.likes FROM follows f LEFT JOIN posts p ON p.username = f.follower AND p.id = 2 WHERE f.since > '2024-03-05') x ON x.likes = u.age ORDER BY 1;
SELECT u.username FROM users u WHERE u.age IN (SELECT likes FROM posts WHERE id = 1 UNION SELECT amount FROM stock WHERE item = 'nut') ORDER BY 1;
WITH x AS (SELECT likes FROM posts WHERE id = 2 GROUP BY likes) SELECT u.username, (SELECT count(*) FROM x) FROM users u JOIN x ON x.likes = u.age WHERE u.age NOT IN (SELECT likes + 1 FROM x WHERE likes IS NOT NULL) ORDER BY 1;
SELECT e.kind, count(*) FROM events e WHERE e.username IN (SELECT username FROM users WHERE age = 30) AND e.weight IN (SELECT likes FROM posts WHERE username > 'm') GROUP BY e.kind ORDER BY 1;

-- keys of a subquery's column that is there twice, and read once
SELECT x.b, e.id FROM (SELECT username AS a, username AS b FROM users WHERE age > 20) AS x JOIN events AS e ON e.username = x.b;
SELECT e.id FROM (SELECT username AS a, username AS b, country AS c FROM users WHERE age > 20) AS x JOIN events AS e ON e.username = x.b WHERE x.c = 'de';
WITH x AS (SELECT username AS a, username AS b FROM users WHERE age > 20) SELECT e.id FROM x JOIN events AS e ON e.username = b;
SELECT e.id FROM (SELECT username AS a, username AS b FROM users WHERE age > 20 UNION ALL SELECT username, username FROM posts WHERE id = 1) AS x
  JOIN events AS e ON e.username = x.b;

-- keys from several tables, and from those that wait for keys themselves
SELECT u.username, p.id, n.id FROM users u, posts p, notes n WHERE p.likes = u.age AND p.id = 2 AND n.author = p.username ORDER BY 1, 2, 3;
SELECT s.tenant, s.item, u.username, p.id FROM stock s, users u, posts p WHERE p.id = 1 AND u.age = p.likes AND s.amount = u.age ORDER BY 1, 2, 3, 4;
SELECT s.tenant, s.item, u.username, p.id FROM stock s LEFT JOIN users u ON s.amount = u.age LEFT JOIN posts p ON p.likes = u.age AND p.id = 1 ORDER BY 1, 2, 3, 4;
SELECT count(*) FROM events a JOIN events b ON b.weight = a.weight JOIN users u ON u.age = b.weight WHERE a.kind = 'odd' OR a.id = 3;
SELECT u.username, t.k FROM notes AS t (k, n) JOIN users u ON u.username = t.n WHERE t.k < 3 ORDER BY 1, 2;

-- IN a subquery that groups, is limited, or is a UNION: the row's witness is a row of its result
SELECT username, age FROM users WHERE username IN (SELECT username FROM posts GROUP BY username HAVING count(*) > 2) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT username FROM posts ORDER BY likes DESC NULLS LAST, username, id LIMIT 5) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT max(username) FROM posts GROUP BY likes) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT max(username) FROM posts) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT DISTINCT ON (likes) username FROM posts WHERE likes > 2 ORDER BY likes, username DESC, id) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT username FROM posts WHERE likes > 5 UNION SELECT follower FROM follows WHERE since IS NULL) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT username FROM posts EXCEPT SELECT follower FROM follows) ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT username FROM posts GROUP BY ROLLUP (username)) AND age > 20 ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT first_value(username) OVER (PARTITION BY likes ORDER BY username, id) FROM posts) ORDER BY 1;
SELECT username FROM users WHERE (username, age) IN (SELECT username, max(likes) FROM posts GROUP BY username) ORDER BY 1;
SELECT username FROM users WHERE age IN (SELECT likes FROM posts GROUP BY likes HAVING count(*) > 3) ORDER BY 1;
SELECT username FROM users WHERE age IN (SELECT count(*) FROM posts GROUP BY username) ORDER BY 1;
SELECT username FROM users WHERE username NOT IN (SELECT username FROM posts GROUP BY username HAVING count(*) > 2) ORDER BY 1;
SELECT u.username FROM users u LEFT JOIN follows f ON f.follower = u.username AND f.followee IN (SELECT username FROM posts GROUP BY username HAVING sum(likes) > 9) WHERE u.age > 20 ORDER BY 1, f.followee;
SELECT p.id, count(*) FROM posts p WHERE p.username IN (SELECT follower FROM follows GROUP BY follower HAVING max(since) > '2024-03-05') GROUP BY p.id ORDER BY 1;
SELECT username FROM users WHERE username IN (SELECT username FROM posts WHERE username > 'm' GROUP BY username) AND username IN (SELECT x FROM (SELECT followee AS x FROM follows GROUP BY followee) y) ORDER BY 1;

-- conditions with subqueries that a shard can answer for its own rows, in queries that are gathered: (not) there, (not) in, NULLs, reference tables, names that mean something else inside
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE NOT EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.likes > 10) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE EXISTS (SELECT 1 FROM posts WHERE username = u.username AND id = 2) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.username IN (SELECT username FROM posts WHERE likes > 5) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.username NOT IN (SELECT username FROM posts WHERE likes > 5) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.age NOT IN (SELECT likes FROM posts p WHERE p.username = u.username) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.age NOT IN (SELECT likes FROM posts p) OR u.age = 3 ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.country IN (SELECT code FROM countries WHERE population > 70000000) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.country NOT IN (SELECT code FROM countries WHERE name LIKE 'I%') OR u.country IS NULL ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE u.country IS NULL OR EXISTS (SELECT FROM countries c WHERE c.code = u.country AND c.population > 70000000) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.likes < e.weight) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE EXISTS (SELECT FROM posts u WHERE u.username = u.username AND id = 1) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u JOIN events e ON e.weight = u.age WHERE EXISTS (SELECT FROM posts p, countries c WHERE p.username = u.username AND c.code = u.country AND p.id = 2) ORDER BY 1, 2;
SELECT u.username, e.id FROM users u LEFT JOIN events e ON e.weight = u.age AND EXISTS (SELECT FROM event_tags t WHERE t.event_id = e.id AND t.tag = 'tag1') ORDER BY 1, 2;
SELECT u.username, e.id FROM events e LEFT JOIN users u ON e.weight = u.age WHERE NOT EXISTS (SELECT FROM posts p WHERE p.username = u.username) AND e.id < 30 ORDER BY 1, 2;
SELECT count(*), count(e.id) FROM users u FULL JOIN events e ON e.weight = u.age WHERE NOT EXISTS (SELECT FROM posts p WHERE p.username = u.username);
SELECT u.username, count(*) FROM users u, events e WHERE e.weight = u.age AND NOT EXISTS (SELECT FROM posts p WHERE p.username = u.username AND p.id = 4) GROUP BY CUBE (u.username) ORDER BY 1, 2;
SELECT u.username FROM users u WHERE u.karma > (SELECT avg(karma) FROM users WHERE age > 20) AND NOT EXISTS (SELECT * FROM posts WHERE posts.username = u.username AND id = 3) ORDER BY 1;
