-- Groups of tables that are joined to others, made before the join: what they are grouped by, how often a row of theirs stands in the result.

-- [rows]
-- a count and sums by a column of the other table
SELECT u.country, count(*), sum(e.weight), count(e.weight), avg(e.weight) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- no GROUP BY
SELECT count(*), sum(e.weight), min(e.at), max(e.id) FROM events e, users u WHERE u.username = e.username AND u.age > 10

-- no GROUP BY, and no rows
SELECT count(*), sum(e.weight), min(e.at), bool_or(e.weight > 3) FROM events e, users u WHERE u.username = e.username AND u.age > 1000

-- no rows of the table that is grouped, and a GROUP BY: no groups
SELECT u.country, count(*) FROM events e, users u WHERE u.username = e.username AND e.weight > 1000 GROUP BY u.country

-- no condition between the tables
SELECT u.country, count(*), sum(e.weight) FROM events e, users u GROUP BY u.country

-- no condition, nothing to group by, no rows of one
SELECT n.author, count(*) FROM events e, notes n WHERE e.weight > 1000 GROUP BY n.author

-- rows that stand beside several
SELECT f.followee, count(*), sum(e.weight), avg(e.weight), count(DISTINCT f.since) FROM events e JOIN follows f ON f.followee = e.username GROUP BY f.followee

-- NULLs on both sides of the join
SELECT count(*), count(a.username), sum(a.age) FROM users a, users b WHERE a.karma = b.karma

-- NULLs that are not distinct
SELECT count(*), sum(a.age) FROM users a JOIN users b ON a.age IS NOT DISTINCT FROM b.age + 1

-- a condition on both that is no equality
SELECT b.country, count(*), sum(a.likes) FROM posts a, users b WHERE a.likes > b.age GROUP BY b.country

-- an OR of conditions on both
SELECT b.country, count(*), sum(a.likes) FROM posts a, users b WHERE (a.likes = 3 AND b.age > 20) OR (a.likes > 5 AND b.age < 20) GROUP BY b.country

-- grouped by columns of both
SELECT e.kind, u.country, count(*), max(e.weight) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind, u.country

-- grouped by numbers and names of outputs
SELECT e.kind AS what, u.country AS land, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY what, 2

-- outputs, and columns of the other table, that are called like columns that Keyway makes
SELECT u.country AS c1, e.kind AS c2, count(*), sum(e.weight) AS c3 FROM events e JOIN users u ON u.username = e.username GROUP BY c1, c2

-- … and as no one would call them
SELECT u.country AS "keyway: 1", e.kind AS "keyway: 2", count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY "keyway: 1", "keyway: 2"

-- … nor a table
SELECT "keyway: groups".country, count(*) FROM events e JOIN users "keyway: groups" ON "keyway: groups".username = e.username GROUP BY 1

-- … in GROUP BY, HAVING and windows
SELECT c1, count(*), max(c2), rank() OVER (ORDER BY c1) FROM events e JOIN (SELECT username AS c1, age AS c2 FROM users) u ON c1 = e.username WHERE c2 > 5 GROUP BY c1 HAVING max(c2) > 6

-- an output that is called like a column
SELECT u.country AS kind, e.kind AS country, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country, e.kind

-- grouped by an expression of the table's own
SELECT date_trunc('day', e.at) AS day, u.country, count(*) FROM events e JOIN users u ON u.username = e.username WHERE e.id > 0 AND e.id < 100 GROUP BY 1, 2

-- … and by a part of a date
SELECT extract(day FROM e.at), u.country, count(*), sum(e.weight) FROM events e JOIN users u ON u.username = e.username WHERE e.id BETWEEN 1 AND 100 GROUP BY 1, 2

-- … which is spelled in two ways
SELECT e.weight / 2, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY weight / 2

-- an expression over both
SELECT e.kind || coalesce(u.country, ''), count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY 1

-- an expression over a key behind GROUP BY
SELECT e.kind || '!', upper(e.kind), count(*) + 1 FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- HAVING of sums, keys and the other table's columns
SELECT e.kind, u.country, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind, u.country HAVING count(*) > 1 AND e.kind <> 'buy' AND sum(e.weight) IS NOT NULL AND u.country > 'a'

-- windows over groups
SELECT u.country, count(*), rank() OVER (ORDER BY count(*) DESC, u.country), sum(count(*)) OVER (), sum(sum(e.weight)) OVER (ORDER BY u.country) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- DISTINCT of groups
SELECT DISTINCT count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country, e.kind

-- aggregates of the other table, which do not mind how often a row is there, and which do
SELECT e.kind, min(u.age), max(u.karma), bool_and(u.active), count(DISTINCT u.country), string_agg(DISTINCT u.country, ',' ORDER BY u.country) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- a sum of the other table's, too
SELECT e.kind, sum(u.age), sum(e.weight), count(u.age) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- … of all types, and averages, of rows that stand there several times
SELECT e.kind, sum(u.karma), sum(u.balance), avg(u.balance), avg(u.karma), count(u.country), sum(u.age) FILTER (WHERE u.active), count(*) FILTER (WHERE u.age > 20) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- … of floats, intervals, texts and rows
SELECT e.kind, max(u.score), sum(z.iv), count(z.dim), count(z.jb) FROM events e JOIN users u ON u.username = e.username JOIN zoo z ON z.i2 = u.age GROUP BY e.kind

-- … on the right of a LEFT JOIN
SELECT e.kind, sum(u.age), count(u.age), count(u.username), avg(u.age), sum(u.balance * e.weight) FROM events e LEFT JOIN users u ON u.username = e.username AND u.age > 10 GROUP BY e.kind

-- a sum over both
SELECT e.kind, sum(u.balance * e.weight) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- … of products of several, and their digits
SELECT u.country, sum(p.likes * u.balance * (1 - p.likes / 100.000) * 2.50), sum(u.balance * p.likes * u.balance) FROM posts p JOIN users u ON u.age = p.likes GROUP BY u.country

-- … of numbers without end, and without scale
SELECT s.tenant, sum(s.price * e.weight), sum(e.weight * s.price * 1.0) FROM stock s JOIN events e ON e.weight = s.tenant GROUP BY s.tenant

-- … NaN and infinity, which add up to other things apart
SELECT n.id, sum(z.num * n.id), sum(n.id * z.num52), sum((n.id - 2) * z.num) FROM zoo z JOIN notes n ON n.id < z.i2 OR z.id > 100 GROUP BY n.id

-- … integers, whose product may be too large
SELECT u.country, sum(u.karma * p.likes) FROM posts p JOIN users u ON u.age = p.likes WHERE u.karma < 1000 GROUP BY u.country

-- … with FILTER
SELECT u.country, sum(u.balance * p.likes) FILTER (WHERE p.likes > 3), sum(u.balance * p.likes) FILTER (WHERE u.age > 3) FROM posts p JOIN users u ON u.age = p.likes GROUP BY u.country

-- aggregates with FILTER over one of them, and over both
SELECT u.country, count(*) FILTER (WHERE e.weight > 3), sum(e.weight) FILTER (WHERE e.kind = 'buy') FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- … over the other
SELECT e.kind, count(*) FILTER (WHERE u.age > 20), min(u.age) FILTER (WHERE u.active) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- … what FILTER keeps from being computed
SELECT e.kind, count(10 / (u.age - 7)) FILTER (WHERE u.age <> 7), avg(10 / (u.age - 7)) FILTER (WHERE u.age <> 7) FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind

-- aggregates that do not split
SELECT u.country, array_agg(e.id ORDER BY e.id), count(DISTINCT e.kind), stddev(e.weight) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- DISTINCT values of the table that could be grouped
SELECT u.country, count(DISTINCT e.weight), sum(DISTINCT e.weight), count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- bits, and truth values of many
SELECT u.country, bit_and(e.weight), bit_or(e.weight), bit_xor(e.weight), bool_and(e.kind = 'buy'), every(e.weight > 2) FROM events e JOIN follows f ON f.followee = e.username JOIN users u ON u.username = f.follower GROUP BY u.country

-- constants as arguments
SELECT u.country, count(1), max(2), sum(3), min('x') FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- intervals, money, numerics
SELECT u.country, sum(z.iv), sum(z.cash), sum(z.num52), avg(z.num52) FROM zoo z JOIN users u ON u.age = z.i2 WHERE z.id < 100 GROUP BY u.country

-- floats
SELECT u.country, sum(p.likes::float8), avg(p.likes::real) FROM posts p JOIN users u ON u.age = p.likes GROUP BY u.country

-- keys that are equal but not the same: numerics, floats, char(n)
SELECT z.num, count(*) FROM zoo z JOIN users u ON u.age = z.num GROUP BY z.num

-- texts that are equal but not the same
SELECT count(*) FROM words w JOIN users u ON lower(u.city) = lower(w.word) GROUP BY w.folded

-- texts of other collations, joined and grouped
SELECT w.english, count(*), max(w.upper_first), min(w.points) FROM words w, notes n WHERE w.english > n.author COLLATE english GROUP BY w.english

-- enums, domains, uuids
SELECT e.feeling, z.pos, count(*) FROM events e JOIN zoo z ON z.feeling = e.feeling GROUP BY e.feeling, z.pos

-- several tables that are together on each shard
SELECT v.country, count(*), sum(p.likes), max(u.age) FROM users u JOIN posts p ON p.username = u.username, users v WHERE v.age = p.likes GROUP BY v.country

-- … with a reference table
SELECT c.name, v.country, count(*), sum(p.likes) FROM users u JOIN posts p ON p.username = u.username JOIN countries c ON c.code = u.country, users v WHERE v.age = p.likes GROUP BY c.name, v.country

-- a reference table that is joined to the other one
SELECT c.name, count(*), sum(p.likes) FROM posts p, users v JOIN countries c ON c.code = v.country WHERE v.age = p.likes GROUP BY c.name

-- a table of the home shard
SELECT n.id, count(*), sum(p.likes) FROM posts p JOIN notes n ON n.id = p.likes GROUP BY n.id

-- … all of whose columns depend on its key
SELECT n.id, n.author, n.body, count(*), sum(p.likes) FROM posts p JOIN notes n ON n.id = p.likes GROUP BY n.id

-- a table whose columns depend on its key
SELECT u.username, u.full_name, u.age, count(*) FROM users u JOIN posts p ON p.likes = u.age GROUP BY u.username

-- tables that a third one ties
SELECT v.country, count(*), sum(p.likes) FROM users u, posts p, users v WHERE u.username = v.username AND p.username = v.username AND v.age > 5 GROUP BY v.country

-- … of the home shard
SELECT n.id, count(*), sum(p.likes), max(u.age) FROM users u, posts p, notes n WHERE u.username = n.author AND p.username = n.author GROUP BY n.id

-- three keyspaces
SELECT s.item, u.country, count(*), sum(s.amount), sum(e.weight) FROM events e, users u, stock s WHERE u.username = e.username AND s.tenant = e.weight GROUP BY s.item, u.country

-- an outer join beside it
SELECT u.country, count(*), sum(e.weight), count(p.id) FROM events e, users u LEFT JOIN posts p ON p.username = u.username WHERE u.username = e.username GROUP BY u.country

-- the table on the side that is kept, and on the one that is not
SELECT u.country, count(*), sum(e.weight) FROM events e LEFT JOIN users u ON u.username = e.username GROUP BY u.country

-- … the other way round
SELECT u.country, count(*), count(e.id), sum(e.weight) FROM users u LEFT JOIN events e ON u.username = e.username GROUP BY u.country

-- … beside others that are inner ones
SELECT u.country, c.name, count(*), sum(e.weight), count(DISTINCT n.author) FROM events e JOIN users u ON u.username = e.username LEFT JOIN countries c ON c.code = u.country LEFT JOIN notes n ON n.id = e.weight AND n.author <> e.kind GROUP BY u.country, c.name

-- … with conditions on what may be NULL
SELECT u.country, count(*), sum(e.weight) FROM events e LEFT JOIN users u ON u.username = e.username WHERE u.age IS NULL OR u.age > e.weight GROUP BY u.country

-- … of the table that is kept, in ON
SELECT e.kind, count(*), sum(e.weight), max(u.age) FROM events e LEFT JOIN users u ON u.username = e.username AND e.kind = 'buy' AND e.weight > 2 GROUP BY e.kind

-- a LEFT JOIN in brackets on the right
SELECT e.kind, count(*), max(p.likes) FROM events e LEFT JOIN (users u LEFT JOIN posts p ON p.username = u.username) ON u.username = e.username GROUP BY e.kind

-- RIGHT and FULL
SELECT u.country, count(*), sum(e.weight) FROM events e RIGHT JOIN users u ON u.username = e.username GROUP BY u.country

-- … FULL
SELECT u.country, count(*), sum(e.weight) FROM events e FULL JOIN users u ON u.username = e.username GROUP BY u.country

-- USING, the column as a key
SELECT username, count(*), sum(weight) FROM events JOIN users USING (username) GROUP BY username

-- … of the other table
SELECT country, count(*), sum(weight), max(age) FROM events JOIN users USING (username) GROUP BY country

-- … several times: which table's it is
SELECT username, count(*), min(age), max(used::text) FROM users JOIN tokens USING (username) JOIN events USING (username) WHERE username > 'b' GROUP BY username HAVING max(username) IS NOT NULL

-- … the other way round
SELECT username, count(*), min(age), sum(weight), max(username) FROM events JOIN users USING (username) JOIN tokens USING (username) GROUP BY events.username, 1

-- … of two types: it is of the common one
SELECT id::text, pg_typeof(id)::text, count(*), sum(weight) FROM posts JOIN events USING (id) GROUP BY id

-- … of two types, in an expression that would be too large for the one
SELECT kind, max((id * 1000000000)::text), count(*) FROM posts JOIN events USING (id) GROUP BY kind

-- … a condition of tables that are grouped together
SELECT s.item, count(*), sum(likes) FROM users JOIN posts USING (username) JOIN stock s ON s.tenant = likes WHERE username > 'b' AND username <> 'zoe' GROUP BY s.item

-- … as a key, in sums and filters
SELECT username, s.item, count(username), max(username) FILTER (WHERE username < 'm') FROM users JOIN posts USING (username) JOIN stock s ON s.tenant = likes GROUP BY username, s.item

-- … beside a LEFT JOIN USING
SELECT country, count(*), sum(weight) FROM events JOIN users USING (username) LEFT JOIN tokens USING (username) GROUP BY country

-- … with an alias of its own
SELECT j.username, count(*) FROM events JOIN users USING (username) AS j GROUP BY j.username

-- NATURAL
SELECT username, count(*) FROM (SELECT username, kind FROM events) e NATURAL JOIN users GROUP BY username

-- a join with an alias
SELECT j.country, count(*), sum(j.weight) FROM (events e JOIN users u ON u.username = e.username) AS j (a, kind, b, c, d, weight, f, username, g, h, i, k, l, m, country) GROUP BY j.country

-- a subquery and VALUES as the other side
SELECT x.name, count(*), sum(e.weight) FROM events e JOIN (VALUES ('buy', 'bought'), ('view', 'seen'), ('view', 'looked at')) x (kind, name) ON x.kind = e.kind GROUP BY x.name

-- … a subquery over the same table
SELECT e.kind, count(*), sum(e.weight) FROM events e JOIN (SELECT kind, max(weight) AS m FROM events GROUP BY kind) x ON x.kind = e.kind AND e.weight < x.m GROUP BY e.kind

-- in a subquery, whose groups are joined
SELECT s.country, s.n, c.name FROM (SELECT u.country, count(*) AS n FROM events e JOIN users u ON u.username = e.username GROUP BY u.country) s LEFT JOIN countries c ON c.code = s.country

-- in WITH, read twice
WITH s AS (SELECT u.country, count(*) AS n, sum(e.weight) AS w FROM events e JOIN users u ON u.username = e.username GROUP BY u.country) SELECT a.country, a.n, b.w FROM s a JOIN s b ON b.country = a.country AND b.n >= a.n

-- in arms of UNION
SELECT u.country, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country UNION ALL SELECT e.kind, sum(e.weight) FROM events e JOIN follows f ON f.followee = e.username GROUP BY e.kind

-- in EXISTS, IN and scalar subqueries
SELECT username FROM users WHERE country IN (SELECT u.country FROM events e JOIN users u ON u.username = e.username GROUP BY u.country HAVING count(*) > 5) AND age < (SELECT count(*) FROM events e, users u WHERE u.username = e.username)

-- correlated
SELECT c.code, (SELECT count(*) FROM events e JOIN users u ON u.username = e.username WHERE u.country = c.code) FROM countries c

-- LATERAL
SELECT n.id, s.c FROM notes n, LATERAL (SELECT count(*) AS c FROM events e JOIN users u ON u.username = e.username WHERE e.weight = n.id) s

-- conditions with subqueries, of the table's own
SELECT u.country, count(*), sum(e.weight) FROM events e JOIN users u ON u.username = e.username WHERE e.kind IN (SELECT min(kind) FROM events) OR e.weight > (SELECT avg(weight) FROM events) GROUP BY u.country

-- … that speak of both
SELECT u.country, count(*) FROM events e JOIN users u ON u.username = e.username WHERE NOT EXISTS (SELECT 1 FROM notes n WHERE n.id = e.weight AND n.author = u.username) GROUP BY u.country

-- … in HAVING and in the select list
SELECT u.country, count(*), (SELECT max(id) FROM notes) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country HAVING count(*) > (SELECT min(id) FROM notes)

-- a condition that would fail for a row without partner
SELECT u.country, sum(10 / (e.weight - 4)) FROM events e JOIN users u ON u.username = e.username AND u.age > 1000 GROUP BY u.country

-- a sum that would be too large for a row without partner
SELECT u.country, sum(e.id * 2) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- a clock in a condition
SELECT u.country, count(*) FROM events e JOIN users u ON u.username = e.username WHERE e.at < now() - interval '1 day' GROUP BY u.country

-- what differs from row to row
SELECT count(*) > 0 FROM events e JOIN users u ON u.username = e.username WHERE random() < 2

-- whole rows and stars
SELECT u, count(*) FROM events e JOIN (SELECT country, age FROM users) u ON u.age = e.weight GROUP BY u

-- columns of one name
SELECT count(*), count(e.username), max(p.username) FROM events e, posts p WHERE e.username = p.username AND e.id = p.id

-- grouping sets over both
SELECT e.kind, u.country, count(*), sum(e.weight) FROM events e JOIN users u ON u.username = e.username GROUP BY ROLLUP (e.kind, u.country)

-- the key of the table among what it is grouped by
SELECT e.id, count(*), sum(e.weight) FROM events e JOIN follows f ON f.followee = e.username GROUP BY e.id

-- moments, of which each has its own
SELECT e.at, count(*) FROM events e JOIN follows f ON f.followee = e.username GROUP BY e.at

-- CASE, COALESCE and NULLIF in arguments and conditions
SELECT u.country, sum(CASE WHEN e.kind = 'buy' THEN e.weight ELSE 0 END), sum(coalesce(e.weight, 0)), count(nullif(e.kind, 'view')) FROM events e JOIN users u ON u.username = e.username WHERE CASE e.kind WHEN 'odd' THEN false ELSE u.age > 5 END GROUP BY u.country

-- a literal as the only output
SELECT 'x' FROM events e JOIN users u ON u.username = e.username GROUP BY u.country

-- a partitioned table
SELECT u.country, r.sensor, count(*), max(r.day), min(r.note) FROM readings r JOIN users u ON u.age = extract(day FROM r.day) GROUP BY u.country, r.sensor

-- views on both sides
SELECT a.country, count(*), sum(w.likes) FROM written w JOIN adults a ON a.age = w.likes GROUP BY a.country

-- a view that joins and groups, beside a query that does
SELECT t.country, t.people, s.n FROM totals t JOIN (SELECT u.country, count(*) AS n FROM events e JOIN users u ON u.username = e.username GROUP BY u.country) s ON s.country = t.country

-- parameters are literals here, and of any type
SELECT u.country, count(*) FROM events e JOIN users u ON u.username = e.username WHERE e.weight BETWEEN 2 AND 7 AND e.kind LIKE 'v%' AND e.username <> 'bob' AND u.age IN (1, 7, 14, 21, 28, 35) GROUP BY u.country

-- a subquery of the user's own that is grouped, and few rows beside it
SELECT p.n, u.username FROM (SELECT likes, count(*) AS n, sum(id) FROM posts GROUP BY likes) p JOIN users u ON u.age = p.likes WHERE u.country = 'de'

-- … with windows over its groups, whose values others change
SELECT p.n, p.r, u.username FROM (SELECT likes, count(*) AS n, rank() OVER (ORDER BY likes) AS r FROM posts GROUP BY likes) p JOIN users u ON u.age = p.likes WHERE u.country = 'de'

-- … with a LIMIT
SELECT p.n, u.username FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes ORDER BY likes LIMIT 5) p JOIN users u ON u.age = p.likes WHERE u.country = 'de'

-- … of DISTINCT rows, and of all
SELECT p.likes, u.username FROM (SELECT DISTINCT likes FROM posts) p JOIN users u ON u.age = p.likes WHERE u.country = 'de'

-- … in an outer join, on either side
SELECT p.likes, p.n, u.username FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) p LEFT JOIN users u ON u.age = p.likes AND u.country = 'de'

-- … the other way round
SELECT p.likes, p.n, u.username FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) p RIGHT JOIN users u ON u.age = p.likes WHERE u.country = 'de'

-- … read twice
WITH p AS (SELECT likes, count(*) AS n FROM posts GROUP BY likes) SELECT a.n, b.n FROM p a JOIN users u ON u.age = a.likes, p b WHERE u.country = 'de' AND b.likes = 3

-- … restricted by a table of the home shard
SELECT p.likes, p.n, n.author FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) p JOIN notes n ON n.id = p.likes

-- … by groups that are restricted themselves
SELECT p.likes, p.n, e.m FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) p JOIN (SELECT weight, count(*) AS m FROM events WHERE kind = 'buy' GROUP BY weight) e ON e.weight = p.likes

-- … a whole result of each shard
SELECT p.n, p.username, e.id FROM (SELECT username, count(*) AS n FROM posts GROUP BY username) p JOIN events e ON e.username = p.username WHERE e.kind = 'buy' AND e.weight = 5

-- … compared with IN
SELECT p.likes, p.n FROM (SELECT likes, count(*) AS n FROM posts GROUP BY likes) p WHERE p.likes IN (SELECT age FROM users WHERE country = 'de')

-- [total order]
-- an order by sums, keys and columns of the other table
SELECT e.kind, u.country, count(*) AS n FROM events e JOIN users u ON u.username = e.username GROUP BY e.kind, u.country ORDER BY n DESC, e.kind, u.country NULLS FIRST

-- … with LIMIT
SELECT u.country, sum(e.weight) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country ORDER BY sum(e.weight) DESC NULLS LAST, u.country LIMIT 3 OFFSET 1

-- DISTINCT ON over groups
SELECT DISTINCT ON (u.country) u.country, e.kind, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country, e.kind ORDER BY u.country, count(*) DESC, e.kind

-- an output's name before a column's
SELECT u.country AS kind, count(*) FROM events e JOIN users u ON u.username = e.username GROUP BY u.country ORDER BY kind
