-- Joins: on the key or not, inner and outer, with reference tables and across keyspaces.

-- [rows]
-- parentheses around what stands before IS, BETWEEN, IN, a cast, a subscript, AT TIME ZONE, COLLATE
SELECT (u.age = 1 OR p.likes = 5) IS NOT TRUE AS a, u.age BETWEEN 1 AND (p.body IS NULL)::int AS b, (u.age > 20) IN (p.likes > 5) AS c, (NOT u.active)::text AS d, (CASE WHEN u.active THEN u.tags ELSE ARRAY[p.body] END)[1] AS e, (p.posted + interval '1 day') AT TIME ZONE 'Asia/Tokyo' AS f, (u.country || p.body) COLLATE "C" AS g, ((u.age = 1) IS NOT DISTINCT FROM NULL) IS NULL AS h, (u.active AND p.likes > 3) IS NULL AS i FROM users u, posts p

-- a view's row as a value
SELECT a FROM adults a, posts p WHERE a.age = p.likes

-- a column and an alias of one name
SELECT s.a, a.age FROM users a JOIN (SELECT likes AS a FROM posts) s ON s.a = a.age

-- the catalog beside rows of several shards
SELECT count(*) FROM pg_class c, users u WHERE c.relname LIKE 'keyway%'

-- the session's schemas beside rows of several shards
SELECT current_schemas(true), count(*) FROM users u JOIN posts p ON u.age = p.likes

-- the statement beside rows of several shards
SELECT current_query(), now() = statement_timestamp(), count(*) FROM users u JOIN posts p ON u.age = p.likes

-- parentheses that are missing in print, and a name that Keyway uses itself
SELECT "keyway_operand_0_" FROM (SELECT u.age AS "keyway_operand_0_" FROM users u JOIN posts p ON p.likes = u.age) s WHERE ("keyway_operand_0_" = 1 OR true) IS NOT FALSE

-- an inner join on the key
SELECT u.username, p.id, u.age, p.likes FROM users u JOIN posts p ON p.username = u.username

-- the key given on one side
SELECT u.username, p.id FROM users u JOIN posts p ON p.username = u.username WHERE u.username = 'zoe'

-- the key given on the other side
SELECT u.username, p.id FROM users u JOIN posts p ON p.username = u.username WHERE p.username = 'zoe'

-- the key given in ON
SELECT u.username, p.id FROM users u JOIN posts p ON p.username = u.username AND u.username = 'zoe'

-- a comma join
SELECT u.username, p.id FROM users u, posts p WHERE u.username = p.username

-- USING
SELECT username, id FROM users JOIN posts USING (username)

-- USING with an alias
SELECT j.username, id FROM users JOIN posts USING (username) AS j

-- USING star: the key once and first
SELECT * FROM users JOIN posts USING (username) WHERE username = 'zoe'

-- NATURAL on the key alone
SELECT username, id FROM users NATURAL JOIN posts

-- NATURAL on several columns: username and nothing else in common with events but more
SELECT count(*) FROM users NATURAL JOIN tokens

-- three tables on the key
SELECT u.username, p.id, f.followee FROM users u JOIN posts p ON p.username = u.username JOIN follows f ON f.follower = p.username

-- the key's equality goes over a third table
SELECT u.username, f.followee FROM users u, posts p, follows f WHERE u.username = p.username AND p.username = f.follower AND p.id = 1

-- an equality on the key and on another column
SELECT u.username FROM users u JOIN posts p ON u.username = p.username AND u.age = p.likes * 7

-- an inequality beside the key
SELECT u.username, p.id FROM users u JOIN posts p ON u.username = p.username AND p.likes > 5

-- a self join on the key
SELECT a.username, b.age FROM users a JOIN users b ON a.username = b.username

-- a self join on another column
SELECT a.username, b.username FROM users a JOIN users b ON a.age = b.age AND a.username < b.username

-- a self join with one side's key
SELECT a.username, b.username FROM users a JOIN users b ON a.country = b.country WHERE a.username = 'kim'

-- both sides' keys on one shard
SELECT a.username, b.username FROM users a, users b WHERE a.username = 'ann' AND b.username = 'bob'

-- both sides' keys on different shards
SELECT a.username, b.username FROM users a, users b WHERE a.username = 'ann' AND b.username = 'zoe'

-- a join of the key with a column that is not a key
SELECT u.username, f.follower FROM users u JOIN follows f ON f.followee = u.username

-- the same with the follower given
SELECT u.username, u.age FROM follows f JOIN users u ON u.username = f.followee WHERE f.follower = 'ann'

-- a cross join
SELECT count(*) FROM users CROSS JOIN posts

-- a cross join with one key
SELECT count(*) FROM users u CROSS JOIN posts p WHERE u.username = 'bob'

-- an equality of expressions of the keys
SELECT u.username FROM users u JOIN posts p ON lower(u.username) = lower(p.username)

-- an equality under OR is none
SELECT count(*) FROM users u JOIN posts p ON u.username = p.username OR p.id = 7

-- an equality by IN of a column
SELECT u.username, p.id FROM users u JOIN posts p ON u.username IN (p.username)

-- an equality by = ANY of an array of a column
SELECT u.username, p.id FROM users u JOIN posts p ON u.username = ANY (ARRAY[p.username])

-- IS NOT DISTINCT FROM between keys
SELECT u.username, p.id FROM users u JOIN posts p ON u.username IS NOT DISTINCT FROM p.username

-- a row equality with the key
SELECT u.username, p.id FROM users u JOIN posts p ON (u.username, 1) = (p.username, p.id)

-- LEFT JOIN on the key
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = u.username

-- LEFT JOIN with a condition of the left side in ON: no fact
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = u.username AND u.username = 'zoe'

-- LEFT JOIN with a condition of the right side in ON: no fact for the left
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = u.username AND p.username = 'zoe'

-- LEFT JOIN with the right key in WHERE is inner
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = u.username WHERE p.username = 'zoe'

-- LEFT JOIN with ON the constant only
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = 'zoe' AND p.id = 1

-- LEFT JOIN and the right side's absence
SELECT u.username FROM users u LEFT JOIN posts p ON p.username = u.username WHERE p.username IS NULL

-- LEFT JOIN and COALESCE of the right key
SELECT u.username FROM users u LEFT JOIN posts p ON p.username = u.username WHERE coalesce(p.username, 'zoe') = 'zoe'

-- RIGHT JOIN on the key
SELECT u.username, p.username, p.id FROM users u RIGHT JOIN posts p ON p.username = u.username

-- RIGHT JOIN with the key of the preserved side
SELECT u.username, p.id FROM users u RIGHT JOIN posts p ON p.username = u.username WHERE p.username = 'ghost'

-- FULL JOIN on the key
SELECT u.username, p.username, p.id FROM users u FULL JOIN posts p ON p.username = u.username

-- FULL JOIN USING: the merged key is neither side's
SELECT username, u.username, p.id FROM users u FULL JOIN posts p USING (username)

-- FULL JOIN USING with the merged key given
SELECT username, u.age, p.id FROM users u FULL JOIN posts p USING (username) WHERE username = 'ghost'

-- FULL JOIN with one side's key given
SELECT u.username, p.id FROM users u FULL JOIN posts p ON p.username = u.username WHERE u.username = 'zoe'

-- FULL JOIN on the key and more
SELECT u.username, p.username, p.id FROM users u FULL JOIN posts p ON p.username = u.username AND p.id = 1

-- FULL JOIN where one side has its key in a subquery
SELECT a.username, b.username FROM (SELECT username FROM users WHERE username = 'zoe') a FULL JOIN (SELECT username FROM posts WHERE username = 'ann') b ON a.username = b.username

-- LEFT JOIN of three tables
SELECT u.username, p.id, f.followee FROM users u LEFT JOIN posts p ON p.username = u.username LEFT JOIN follows f ON f.follower = p.username

-- LEFT JOIN whose second ON goes to the first table
SELECT u.username, p.id, f.followee FROM users u LEFT JOIN posts p ON p.username = u.username AND p.id = 2 LEFT JOIN follows f ON f.follower = u.username

-- an inner join inside the nullable side
SELECT u.username, p.id, f.followee FROM users u LEFT JOIN (posts p JOIN follows f ON f.follower = p.username) ON p.username = u.username

-- a LEFT JOIN and then an inner join by the nullable key
SELECT u.username, f.followee FROM users u LEFT JOIN posts p ON p.username = u.username JOIN follows f ON f.follower = p.username

-- a LEFT JOIN not on the key
SELECT u.username, p.username FROM users u LEFT JOIN posts p ON p.likes = u.age

-- an anti join by LEFT JOIN not on the key
SELECT u.username FROM users u LEFT JOIN follows f ON f.followee = u.username WHERE f.follower IS NULL

-- sharded LEFT JOIN reference
SELECT u.username, c.name FROM users u LEFT JOIN countries c ON c.code = u.country

-- sharded JOIN reference
SELECT u.username, c.name FROM users u JOIN countries c ON c.code = u.country

-- reference JOIN sharded
SELECT c.name, u.username FROM countries c JOIN users u ON c.code = u.country

-- reference LEFT JOIN sharded: the unmatched come once, not once per shard
SELECT c.code, u.username FROM countries c LEFT JOIN users u ON c.code = u.country

-- reference LEFT JOIN sharded with the key given
SELECT c.code, u.username FROM countries c LEFT JOIN users u ON c.code = u.country AND u.username = 'ann'

-- reference LEFT JOIN sharded, made inner by WHERE
SELECT c.code, u.username FROM countries c LEFT JOIN users u ON c.code = u.country WHERE u.age > 20

-- sharded RIGHT JOIN reference
SELECT c.code, u.username FROM users u RIGHT JOIN countries c ON c.code = u.country

-- FULL JOIN on the key, grouped by a key that unmatched rows lack
SELECT u.username, count(*) FROM users u FULL JOIN posts p ON p.username = u.username GROUP BY u.username

-- FULL JOIN on the key, DISTINCT
SELECT DISTINCT u.username FROM users u FULL JOIN posts p ON p.username = u.username

-- FULL JOIN on the key, a window over it
SELECT p.id, count(*) OVER (PARTITION BY u.username) FROM users u FULL JOIN posts p ON p.username = u.username

-- FULL JOIN on the key, counted
SELECT count(*), count(u.username), count(p.username), count(DISTINCT u.username) FROM users u FULL JOIN posts p ON p.username = u.username

-- FULL JOIN on the key, ordered
SELECT u.username, p.id FROM users u FULL JOIN posts p ON p.username = u.username AND p.likes > 2 ORDER BY u.username NULLS FIRST, p.id

-- FULL JOIN of three
SELECT u.username, p.id, f.followee FROM users u FULL JOIN posts p ON p.username = u.username FULL JOIN follows f ON f.follower = u.username

-- FULL JOIN of three, the last on the key of the second
SELECT u.username, p.id, f.followee FROM users u FULL JOIN posts p ON p.username = u.username FULL JOIN follows f ON f.follower = p.username

-- FULL JOIN on the key, a table joined to the side that may be missing
SELECT u.username, p.id, f.followee FROM users u FULL JOIN posts p ON p.username = u.username LEFT JOIN follows f ON f.follower = u.username

-- FULL JOIN on the key, a sublink on it
SELECT p.id, (SELECT count(*) FROM follows f WHERE f.follower = u.username) FROM users u FULL JOIN posts p ON p.username = u.username WHERE NOT EXISTS (SELECT FROM follows f WHERE f.follower = u.username AND f.followee = 'ann')

-- FULL JOIN on the key inside a subquery that is grouped around it
SELECT k, count(*) FROM (SELECT u.username AS k FROM users u FULL JOIN posts p ON p.username = u.username) s GROUP BY k

-- FULL JOIN on the key inside an arm of a UNION
SELECT u.username FROM users u FULL JOIN posts p ON p.username = u.username UNION SELECT username FROM users

-- FULL JOIN of joins on the key
SELECT u.username, f.followee, p.id FROM (users u JOIN follows f ON f.follower = u.username) FULL JOIN posts p ON p.username = f.follower

-- FULL JOIN on more than the key's equality, under OR
SELECT u.username, p.id FROM users u FULL JOIN posts p ON p.username = u.username AND (p.likes = u.age OR p.id = 1)

-- FULL JOIN in a CTE that is read twice
WITH x AS (SELECT u.username FROM users u FULL JOIN posts p ON p.username = u.username) SELECT count(*) FROM x a JOIN x b ON a.username = b.username

-- sharded FULL JOIN reference
SELECT c.code, u.username FROM users u FULL JOIN countries c ON c.code = u.country

-- reference CROSS JOIN sharded
SELECT c.code, u.username FROM countries c CROSS JOIN users u

-- two reference tables' rows beside the key
SELECT u.username, a.code, b.code FROM users u JOIN countries a ON a.code = u.country LEFT JOIN countries b ON b.population > a.population

-- two sharded tables and a reference table
SELECT u.username, p.id, c.name FROM users u JOIN posts p ON p.username = u.username LEFT JOIN countries c ON c.code = u.country

-- a reference table between two sharded ones ties nothing
SELECT a.username, b.username FROM users a JOIN countries c ON c.code = a.country JOIN users b ON b.country = c.code WHERE a.age < 10

-- VALUES LEFT JOIN sharded
SELECT v.name, u.age FROM (VALUES ('ann'), ('zoe'), ('nobody')) AS v (name) LEFT JOIN users u ON u.username = v.name

-- VALUES JOIN sharded
SELECT v.name, u.age FROM (VALUES ('ann'), ('zoe'), ('nobody')) AS v (name) JOIN users u ON u.username = v.name

-- generate_series LEFT JOIN sharded
SELECT g, e.kind FROM generate_series(55, 65) AS g LEFT JOIN events e ON e.id = g

-- a hash key's tables joined on the key
SELECT e.id, t.tag FROM events e JOIN event_tags t ON t.event_id = e.id

-- a hash key's tables LEFT JOINed
SELECT e.id, t.tag FROM events e LEFT JOIN event_tags t ON t.event_id = e.id

-- two hash tables joined by the key's cast
SELECT e.id, z.num52 FROM events e JOIN zoo z ON z.id = e.id::int

-- two keyspaces joined
SELECT u.username, e.id FROM users u JOIN events e ON e.username = u.username

-- two keyspaces with both keys given
SELECT u.username, e.kind FROM users u, events e WHERE u.username = 'ann' AND e.id = 11

-- two keyspaces of equal type joined by their keys
SELECT p.username, r.name FROM posts p JOIN places r ON r.region = p.username

-- a join of sharded and unsharded tables
SELECT u.username, n.body FROM users u JOIN notes n ON n.author = u.username

-- a join of sharded and unsharded tables with the key given
SELECT u.username, n.body FROM users u JOIN notes n ON n.author = u.username WHERE u.username = 'ann'

-- unsharded LEFT JOIN sharded
SELECT n.id, u.age FROM notes n LEFT JOIN users u ON n.author = u.username

-- a join on the two columns of a key
SELECT a.tenant, a.item, b.amount FROM stock a JOIN stock b ON a.tenant = b.tenant AND a.item = b.item

-- a join on one of the two columns of a key
SELECT a.tenant, a.item, b.item FROM stock a JOIN stock b ON a.tenant = b.tenant WHERE a.item < b.item

-- a join on exchanged columns
SELECT a.follower, b.follower FROM follows a JOIN follows b ON a.follower = b.followee AND a.followee = b.follower

-- a join on the key where a subquery shows it under another name
SELECT s.who, p.id FROM (SELECT username AS who, age FROM users) s JOIN posts p ON p.username = s.who

-- a join where the subquery changes the key
SELECT s.who, p.id FROM (SELECT upper(username) AS who FROM users) s JOIN posts p ON upper(p.username) = s.who

-- a join where the subquery's column only has the key's name
SELECT s.username, p.id FROM (SELECT country AS username FROM users) s JOIN posts p ON p.username = s.username

-- a join of two grouped subqueries on the key
SELECT a.username, a.n, b.m FROM (SELECT username, count(*) AS n FROM posts GROUP BY username) a JOIN (SELECT follower, count(*) AS m FROM follows GROUP BY follower) b ON a.username = b.follower

-- a join with an aggregate of everything
SELECT u.username, t.n FROM users u, (SELECT count(*) AS n FROM posts) t

-- a join with a limited subquery
SELECT u.username, t.id FROM users u JOIN (SELECT * FROM posts ORDER BY username, id LIMIT 5) t ON t.username = u.username

-- LATERAL with the key
SELECT u.username, l.id FROM users u, LATERAL (SELECT id FROM posts p WHERE p.username = u.username) l

-- LATERAL with a LIMIT
SELECT u.username, l.id FROM users u, LATERAL (SELECT id FROM posts p WHERE p.username = u.username ORDER BY id DESC LIMIT 1) l

-- LEFT JOIN LATERAL with an aggregate
SELECT u.username, l.n FROM users u LEFT JOIN LATERAL (SELECT count(*) AS n FROM posts p WHERE p.username = u.username) l ON true

-- LATERAL without the key
SELECT u.username, l.n FROM users u, LATERAL (SELECT count(*) AS n FROM posts p WHERE p.likes < u.age) l

-- a parenthesised join with an alias
SELECT j.id FROM (users u JOIN posts p ON p.username = u.username) AS j (a, b, c, d, e, f, g, h, i, k, l, m, n, o, id) WHERE j.a = 'zoe'

-- a join whose ON is false
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON false

-- a join whose ON is true
SELECT count(*) FROM users u LEFT JOIN countries c ON true

-- a view joined with a table on the key
SELECT a.username, p.id FROM adults a JOIN posts p ON p.username = a.username

-- a view that groups, joined
SELECT u.username, t.people FROM users u JOIN totals t ON t.country = u.country

-- columns renamed by a table's alias, gathered
SELECT a, c, p.name FROM users AS u (a, b, c), places p WHERE c > 20

-- conditions that an OR implies: of each table alone, and what all arms say; NULLs, an arm that says nothing of a table
SELECT u.username, e.id FROM users u, events e WHERE (u.age = e.weight AND u.country = 'de' AND e.kind = 'buy') OR (u.age = e.weight AND u.country = 'fr' AND e.kind <> 'buy');
SELECT u.username, e.id FROM users u, events e WHERE (u.age = e.weight AND u.country = 'de') OR (u.age = e.weight AND e.kind = 'buy');
SELECT u.username, e.id FROM users u, events e WHERE (u.age = e.weight AND u.country = 'de' AND e.id < 20) OR (u.age = e.weight + 1 AND u.country IS NULL AND e.id > 80);
SELECT u.username, e.id FROM users u JOIN events e ON (u.age = e.weight AND u.age IN (3, 4)) OR (e.weight = u.age AND e.kind = 'odd');
SELECT u.username, p.id FROM users u, posts p WHERE (u.username = p.username AND p.id = 1 AND u.age > 30) OR (u.username = p.username AND p.likes > 10);
SELECT u.username, p.id FROM users u, posts p WHERE (u.username = p.username AND p.id = 1) OR u.username = p.username;
SELECT u.username, p.id FROM users u, posts p WHERE (u.username = p.username AND p.id = 1) OR (u.username = p.body AND p.id = 1);
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON (u.username = p.username AND p.id = 1) OR (u.username = p.username AND p.likes IS NULL) WHERE u.age > 20;
SELECT a.username, b.username, n.id FROM users a, users b, notes n WHERE a.age = b.karma AND n.id = a.age AND ((a.country = 'de' AND b.country = 'fr' AND n.author = 'ann') OR (a.country = 'fr' AND b.country = 'de') OR (a.country IS NULL AND b.active));
SELECT a.username, c.name, d.name FROM users a JOIN countries c ON c.code = a.country, events e JOIN users b ON b.age = e.weight JOIN countries d ON d.code = b.country WHERE a.karma = b.karma AND ((c.name = 'Germany' AND d.name = 'France') OR (c.name = 'France' AND d.name = 'Germany'))

-- [total order]
-- a join on the key, ordered by columns of both
SELECT u.username, p.id FROM users u JOIN posts p ON p.username = u.username ORDER BY p.likes, u.username, p.id

-- a LEFT JOIN ordered with NULLs of the nullable side first
SELECT u.username, p.id FROM users u LEFT JOIN posts p ON p.username = u.username ORDER BY p.id NULLS FIRST, u.username

-- a join ordered by a column of the reference table
SELECT u.username, c.population FROM users u LEFT JOIN countries c ON c.code = u.country ORDER BY c.population DESC, u.username LIMIT 9

-- FULL JOIN USING ordered by the merged key
SELECT username, p.id FROM users u FULL JOIN posts p USING (username) ORDER BY username, p.id

-- [names]
-- rows in an array
SELECT array_agg(p.* ORDER BY p.username, p.id) FROM users u JOIN posts p ON u.age = p.likes

-- a table's row as an argument
SELECT row_to_json(u.*), pg_typeof(u.*) FROM users u JOIN posts p ON u.age = p.likes

-- rows of gathered tables keep their types
SELECT u, p.id FROM users u JOIN posts p ON p.likes = u.age;
SELECT u.username, p FROM users u LEFT JOIN posts p ON p.likes = u.age;
SELECT u, p FROM users u FULL JOIN posts p ON p.likes = u.age;
SELECT array_agg(p ORDER BY p.username, p.id), max(u.title) FROM posts p LEFT JOIN users u ON p.likes = u.age GROUP BY p.id % 3;
SELECT pg_typeof(p), pg_typeof(u), count(*) FROM posts p JOIN users u ON p.likes = u.age GROUP BY 1, 2;
SELECT DISTINCT p FROM posts p WHERE id < 3;
SELECT array_agg(p.*) FILTER (WHERE p.id = 2), pg_typeof(array_agg(p.*)), count(p.*), max(p.*) FROM posts p LEFT JOIN users u ON p.likes = u.age WHERE p.username = 'bob' AND p.id = 2;
SELECT p FROM posts p ORDER BY p LIMIT 3;
SELECT p AS x FROM posts p ORDER BY x DESC LIMIT 2;
SELECT id AS p, count(*) FROM posts p GROUP BY p ORDER BY p LIMIT 2;
SELECT p, count(*) FROM posts p JOIN users u ON p.likes = u.age GROUP BY p ORDER BY p;
SELECT x.p, (x.p).id FROM (SELECT p FROM posts p ORDER BY username, id LIMIT 3) x;
SELECT (x.p).*, x.age FROM (SELECT p, u.age FROM posts p JOIN users u ON p.likes = u.age) x;
SELECT p.likes, (SELECT u FROM users u WHERE u.age = p.likes ORDER BY username LIMIT 1) FROM posts p;
SELECT first_value(p) OVER (PARTITION BY likes ORDER BY id DESC, username) FROM posts p WHERE likes < 20;
SELECT p, n FROM posts p, notes n WHERE p.likes = n.id;
SELECT CASE WHEN p.likes > 5 THEN p END, coalesce(p, NULL)::text FROM posts p LEFT JOIN users u ON p.likes = u.age WHERE p.id < 4;
SELECT ARRAY[p, q], greatest(p, q), nullif(p, q) FROM posts p, posts q WHERE p.likes = q.id AND p.username < q.username;
SELECT p FROM posts p EXCEPT SELECT q FROM posts q WHERE q.likes > 9;
SELECT z, z.dims FROM zoo z JOIN users u ON u.age = z.id;
SELECT count(w), max(w::text), min(w) FROM (SELECT r AS w FROM readings r JOIN users u ON r.sensor = u.age) x;

-- … and those of views
SELECT a, p.id, pg_typeof(a) FROM adults a JOIN posts p ON p.likes = a.age;
SELECT DISTINCT adults FROM adults WHERE age < 50;
SELECT array_agg(a ORDER BY a.username), max((a).country) FROM adults AS a JOIN posts p ON p.likes = a.age;
SELECT b FROM adults AS b (x, y) JOIN posts p ON p.likes = y;
SELECT w.a FROM (SELECT a FROM adults a) w JOIN posts p ON p.likes = (w.a).age;
SELECT a FROM adults a LEFT JOIN posts p ON p.likes = a.age;

-- … in comparisons they are compared as rows, in which NULL is equal to NULL
SELECT u.username FROM users u WHERE u IN (SELECT v FROM users v WHERE age > 30);
SELECT u.username, v.username FROM users u JOIN users v ON u IN (v, v);
SELECT count(*) FROM users u, users v WHERE v.age = u.age + 1 AND u NOT IN (v);
SELECT (p, q.id) IN (SELECT r, r.id FROM posts r), p IS NOT DISTINCT FROM q, p = q FROM posts p, posts q WHERE p.likes = q.id;
SELECT u.username FROM users u LEFT JOIN posts p ON p.likes = u.age WHERE p IS NULL;
SELECT u = (SELECT v FROM users v WHERE v.username = u.username) FROM users u;

-- patterns whose operands are printed apart
SELECT (u.age + 1)::text SIMILAR TO (p.body || '_'), (NOT u.age = 1)::text SIMILAR TO 't%' ESCAPE '#', count(*) FROM users u, posts p GROUP BY 1, 2 ORDER BY 1, 2;
SELECT (NOT u.age = 1)::text LIKE (p.body || '_') ESCAPE 'x', (u.age + 1)::text ILIKE '2_' ESCAPE '#', count(*) FROM users u, posts p GROUP BY 1, 2 ORDER BY 1, 2;
