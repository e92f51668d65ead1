-- Writes: each row to its shard, all of a statement or nothing of it.

-- [write]
-- one row
INSERT INTO users (username, age) VALUES ('new', 1)

-- one row without a list of columns
INSERT INTO follows VALUES ('ann', 'nobody', '2024-01-01')

-- fewer values than columns
INSERT INTO users VALUES ('new', 'New One')

-- columns in another order
INSERT INTO posts (likes, id, username) VALUES (1, 99, 'zoe')

-- several rows of several shards
INSERT INTO users (username, age) VALUES ('new1', 1), ('znew', 2), ('Anew', 3), ('mnew', NULL)

-- several rows of one shard
INSERT INTO posts (username, id) VALUES ('zoe', 101), ('zoe', 102), ('zoe', 103)

-- rows with DEFAULT
INSERT INTO users (username, active, age) VALUES ('new1', DEFAULT, 1), ('znew', false, DEFAULT)

-- DEFAULT VALUES lacks the key
INSERT INTO users DEFAULT VALUES

-- a missing key
INSERT INTO users (age) VALUES (1)

-- a NULL key
INSERT INTO users VALUES (NULL)

-- a NULL key of a query that has no rows is no error
INSERT INTO events (id, kind) SELECT NULL::bigint, what FROM lists WHERE false

-- a key of no shard in a query that has no rows is no error
INSERT INTO places (region, name) SELECT 'nowhere', what FROM lists WHERE false

-- a NULL key among others
INSERT INTO users (username) VALUES ('new1'), (NULL)

-- an empty string as key
INSERT INTO posts (username, id) VALUES ('', 77)

-- a quoted key
INSERT INTO posts (username, id, body) VALUES ('o''brien', 77, 'it''s')

-- a key from an expression
INSERT INTO users (username) VALUES (lower('NEW'))

-- a key from concatenation
INSERT INTO users (username) VALUES ('n' || 'ew')

-- a key with a cast
INSERT INTO users (username) VALUES ('new'::varchar(2)), ('znew'::text)

-- a number as text key
INSERT INTO users (username) VALUES (98765)

-- other values from expressions
INSERT INTO users (username, age, created) VALUES ('new', 1 + 2 * 3, timestamptz '2024-01-01' + interval '1 day')

-- other values from a subquery
INSERT INTO users (username, age) VALUES ('new', (SELECT max(population) / 1000000 FROM countries))

-- a duplicate key
INSERT INTO users (username) VALUES ('bob')

-- a duplicate key among others takes them with it
INSERT INTO users (username) VALUES ('new1'), ('znew'), ('bob')

-- the same new row twice
INSERT INTO users (username) VALUES ('new'), ('new')

-- a value that does not fit
INSERT INTO users (username, city) VALUES ('new', 'a city with a name that is too long')

-- a value that does not fit in one of several rows
INSERT INTO users (username, balance) VALUES ('new1', 1), ('znew', 12345678901234)

-- a check constraint on one shard
INSERT INTO events (id, weight) VALUES (1001, 1), (1002, -1)

-- RETURNING
INSERT INTO users (username, age) VALUES ('new', 1) RETURNING username, age + 1 AS next, active

-- RETURNING star over shards
INSERT INTO posts (username, id) VALUES ('ann', 71), ('zoe', 72) RETURNING *

-- ON CONFLICT DO NOTHING, with a conflict
INSERT INTO users (username, age) VALUES ('bob', 1), ('new', 2), ('znew', 3) ON CONFLICT DO NOTHING

-- ON CONFLICT (key) DO NOTHING RETURNING
INSERT INTO users (username, age) VALUES ('bob', 1), ('znew', 3) ON CONFLICT (username) DO NOTHING RETURNING username

-- an upsert that updates
INSERT INTO users (username, age) VALUES ('bob', 1) ON CONFLICT (username) DO UPDATE SET age = excluded.age RETURNING username, age, karma

-- an upsert of several shards
INSERT INTO users (username, age) VALUES ('bob', 1), ('zoe', 2), ('new', 3) ON CONFLICT (username) DO UPDATE SET age = users.age + excluded.age

-- an upsert with WHERE
INSERT INTO users (username, age) VALUES ('bob', 1), ('zoe', 2) ON CONFLICT (username) DO UPDATE SET age = 0 WHERE users.age > 40

-- … that sets all columns, the key's, too, as ORMs write it
INSERT INTO users (username, age) VALUES ('bob', 1), ('zoe', 2), ('newest', 3) ON CONFLICT (username) DO UPDATE SET username = excluded.username, age = excluded.age;
INSERT INTO users (username, age) VALUES ('bob', 1), ('zoe', 2) ON CONFLICT (username) DO UPDATE SET (username, age) = (excluded.username, excluded.age + 1);

-- an upsert that changes the key
INSERT INTO users (username) VALUES ('bob') ON CONFLICT (username) DO UPDATE SET username = 'bobby'

-- an upsert by the constraint's name
INSERT INTO users (username, age) VALUES ('bob', 1) ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET age = 5

-- an upsert with an alias
INSERT INTO users AS u (username, age) VALUES ('bob', 1) ON CONFLICT (username) DO UPDATE SET age = u.age * 10

-- INSERT … SELECT with the key on one shard
INSERT INTO posts (username, id) SELECT username, 500 FROM users WHERE username = 'bob'

-- INSERT … SELECT of all rows with the same key
INSERT INTO posts (username, id, body) SELECT username, 500, 'copied' FROM users

-- INSERT … SELECT of another column as key
INSERT INTO posts (username, id) SELECT followee, 600 FROM follows GROUP BY followee

-- INSERT … SELECT of constants
INSERT INTO posts (username, id) SELECT 'zoe', 700

-- INSERT … SELECT of generate_series for one key
INSERT INTO posts (username, id) SELECT 'zoe', g FROM generate_series(700, 705) AS g

-- INSERT … SELECT of generate_series as key
INSERT INTO events (id) SELECT g FROM generate_series(1000, 1020) AS g

-- INSERT … SELECT of a reference table
INSERT INTO places (region, name) SELECT 'eu', name FROM countries WHERE name IS NOT NULL

-- INSERT … SELECT with RETURNING
INSERT INTO posts (username, id) SELECT username, 500 FROM users WHERE age > 40 RETURNING username, id

-- INSERT … VALUES as a subquery with order
INSERT INTO posts (username, id) SELECT * FROM (VALUES ('ann', 900), ('zoe', 901)) AS v

-- INSERT … SELECT of arrays side by side
INSERT INTO posts (username, id, body) SELECT * FROM unnest(ARRAY['ann', 'zoe', 'Anew'], '{901,902,903}'::integer[], '{a,NULL,"it''s \"c\""}'::text[])

-- INSERT … SELECT of arrays of different lengths
INSERT INTO posts (username, id, body) SELECT * FROM unnest(ARRAY['ann', 'zoe'], '{901,902}'::integer[], '{a}'::text[])

-- INSERT … SELECT of arrays, one of whose keys is NULL
INSERT INTO posts (username, id) SELECT * FROM unnest(ARRAY['ann', 'zoe', NULL], '{901,902,903}'::integer[])

-- INSERT … SELECT of empty arrays
INSERT INTO posts (username, id) SELECT * FROM unnest('{}'::text[], '{}'::integer[]) RETURNING *

-- INSERT … SELECT of functions that give rows in the select list
INSERT INTO posts (username, id) SELECT unnest(ARRAY['ann', 'zoe', 'bob']), unnest(ARRAY[901, 902, 903]) RETURNING username, id

-- INSERT … SELECT of arrays with ON CONFLICT DO NOTHING
INSERT INTO users (username, age) SELECT * FROM unnest(ARRAY['bob', 'new', 'znew'], ARRAY[1, 2, 3]) ON CONFLICT DO NOTHING

-- INSERT … SELECT of arrays with ON CONFLICT DO UPDATE
INSERT INTO users AS u (username, age) SELECT * FROM unnest(ARRAY['bob', 'new', 'zoe'], ARRAY[1, 2, 3]) ON CONFLICT (username) DO UPDATE SET age = coalesce(u.age, 0) + excluded.age RETURNING username, age

-- INSERT … SELECT that changes a row twice
INSERT INTO users (username, age) SELECT * FROM unnest(ARRAY['bob', 'zoe', 'bob'], ARRAY[1, 2, 3]) ON CONFLICT (username) DO UPDATE SET age = excluded.age

-- INSERT … SELECT in the order of a counter, as an ORM writes it
INSERT INTO posts (username, id, body) SELECT p0::varchar, p1::integer, p2 FROM (VALUES ('zoe', '910', 'z', 2), ('ann', '911', 'a', 0), ('new', '912', NULL, 1)) AS imp_sen (p0, p1, p2, sen_counter) ORDER BY sen_counter RETURNING posts.id, posts.id AS id__1

-- INSERT … SELECT of the first rows of a series
INSERT INTO events (id, kind) SELECT g, 'kind ' || g FROM generate_series(1000, 2000) AS g ORDER BY g DESC LIMIT 7 OFFSET 2 RETURNING id, kind

-- INSERT … SELECT of literals that take the types of the columns
INSERT INTO events (id, kind, at, data, weight, feeling) SELECT g, 'x', '2024-01-01 00:00+00', '{"a": [1, "b"]}', '7', 'happy' FROM generate_series(1000, 1005) AS g RETURNING *

-- INSERT … SELECT of literals around a star
INSERT INTO events (feeling, id, kind, at, weight) SELECT 'sad', v.*, '2024-01-01 00:00+00', (ARRAY[7, 8])[1] FROM (VALUES (1001, 'a'), (1002, 'b')) AS v

-- INSERT … SELECT of a literal that is none of the column's type
INSERT INTO events (id, kind, feeling) SELECT g, 'x', 'merry' FROM generate_series(1000, 1005) AS g

-- INSERT … SELECT that violates a check on some rows
INSERT INTO events (id, weight) SELECT g, 1003 - g FROM generate_series(1000, 1005) AS g

-- INSERT … SELECT of all kinds of types
INSERT INTO zoo (id, num, num52, f8, f4, ts, tz, d, t, ttz, iv, jb, ints, texts, grid, bin, u, ip, bits, vbits, c5, vc, feelings, pos, span, dim) SELECT 70000 + g, 1.50, g / 3.0, 0.1 + 0.2, 0.1::real, '2024-01-01'::timestamp + g * interval '1 hour', timestamptz '2024-01-01 10:00:00.1235+02', date '2024-02-29', time '10:00', timetz '10:00+03', interval '1 mon -2 days 03:04:05.6', jsonb_build_object('g', g), ARRAY[g, NULL], ARRAY['a"b', 'c,d', NULL, '\'], ARRAY[[1, 2], [3, g]], decode('00ff27', 'hex'), '00000000-0000-0000-0000-00000000000f'::uuid, inet '10.0.0.1/8', b'101', b'01', 'ab'::char(4), 'vc   ', ARRAY['ok', 'sad']::mood[], g, int4range(1, g + 2), ROW(g, 'l', ARRAY['ok']::mood[])::size FROM generate_series(1, 6) AS g RETURNING id, num, num52, f8, f4, ts, tz, ttz, iv, jb, ints, texts, grid, bin, ip, bits, vbits, c5, vc, pos, span

-- INSERT … SELECT of a text that is too long
INSERT INTO zoo (id, vc) SELECT 70000 + g, repeat('x', 8 + g) FROM generate_series(1, 6) AS g

-- INSERT … SELECT of a domain's value that is none
INSERT INTO zoo (id, pos) SELECT 70000 + g, 3 - g FROM generate_series(1, 6) AS g

-- INSERT … SELECT with a key in two columns
INSERT INTO stock (tenant, item, amount) SELECT g, 'item ' || g % 3, g FROM generate_series(500, 520) AS g

-- INSERT … SELECT into dates
INSERT INTO readings (day, sensor, value) SELECT d, 77, 1.5 FROM generate_series(timestamp '2024-01-01', timestamp '2024-02-01', interval '5 days') AS d

-- INSERT … SELECT of a reference table for its own key
INSERT INTO users (username, full_name) SELECT 'c_' || code, name FROM countries ORDER BY code RETURNING username

-- INSERT … SELECT of an unsharded table
INSERT INTO users (username, full_name) SELECT 'n_' || id, body FROM notes ORDER BY id RETURNING username, full_name

-- INSERT … SELECT of a union of constants
INSERT INTO posts (username, id) SELECT 'ann', 920 UNION ALL SELECT 'zoe', 921 UNION ALL SELECT 'zoe', 922

-- INSERT … SELECT of WITH
WITH v (name, n) AS (VALUES ('ann', 930), ('zoe', 931)) INSERT INTO posts (username, id) SELECT name, n FROM v RETURNING *

-- INSERT … SELECT of WITH RECURSIVE
WITH RECURSIVE v (n) AS (SELECT 1000 UNION ALL SELECT n + 7 FROM v WHERE n < 1100) INSERT INTO events (id) SELECT n FROM v RETURNING id

-- INSERT … VALUES with an order of its own
INSERT INTO posts (username, id) VALUES ('ann', 940), ('zoe', 941), ('bob', 942) ORDER BY 2 DESC LIMIT 2

-- INSERT … SELECT of a JSON document's elements
INSERT INTO posts (username, id, likes) SELECT e ->> 'name', (e ->> 'id')::integer, (e -> 'likes')::integer FROM jsonb_array_elements('[{"name": "ann", "id": 950}, {"name": "zoe", "id": 951, "likes": 3}]') AS e RETURNING *

-- INSERT … SELECT of a record set
INSERT INTO posts (username, id) SELECT * FROM jsonb_to_recordset('[{"username": "ann", "id": 960}, {"username": "zoe", "id": 961}]') AS r (username text, id integer)

-- INSERT … SELECT into a reference table with ON CONFLICT
INSERT INTO countries (code, name) SELECT * FROM unnest(ARRAY['de', 'xx', 'yy'], ARRAY['Germania', 'X', 'Y']) ON CONFLICT (code) DO UPDATE SET name = excluded.name RETURNING code, name

-- INSERT … SELECT of the first rows into a reference table
INSERT INTO countries (code, name) SELECT 'x' || g, 'X' FROM generate_series(1, 9) AS g ORDER BY g DESC LIMIT 3

-- INSERT … SELECT of an unsharded table into a reference table
INSERT INTO countries (code, name) SELECT 'n' || id, body FROM notes

-- INSERT … SELECT that fails in one of the rows
INSERT INTO users (username, age) SELECT 'new' || g, 10 / (g - 3) FROM generate_series(1, 5) AS g

-- INSERT into a hash table
INSERT INTO events (id, kind, weight) VALUES (1001, 'a', 1), (1002, 'b', 2), (1003, DEFAULT, 3), (-5, 'c', NULL)

-- INSERT into a hash table with a key written as text
INSERT INTO events (id) VALUES ('2001'), (2002.0), ('  2003 ')

-- INSERT of a key that is rounded
INSERT INTO events (id) VALUES (3000.5)

-- INSERT into a table with a key of two columns
INSERT INTO stock VALUES (7, 'nut', 1, 0.5), (8, 'bolt', 2, NULL), (1, 'wheel', 3, 1)

-- INSERT of uuids
INSERT INTO tokens (id) VALUES ('00000000-0000-0000-0000-000000000001'), ('{FFFFFFFF00000000000000000000000F}')

-- INSERT by date, in several spellings
INSERT INTO readings (day, sensor, value) VALUES ('2024-01-05', 9, 1.5), ('Jan 25 2024', 9, 2), (date '2023-12-31', 9, NULL)

-- INSERT by date from a timestamp
INSERT INTO readings (day, sensor) VALUES (timestamp '2024-01-15 13:00', 9)

-- INSERT into a list table
INSERT INTO places VALUES ('eu', 'Kyiv', 2900), ('oz', 'Hobart', 200)

-- many rows
INSERT INTO events (id, weight) VALUES (5001, 1), (5002, 2), (5003, 3), (5004, 4), (5005, 5), (5006, 6), (5007, 7), (5008, 8), (5009, 9), (5010, 10), (5011, 11), (5012, 12)

-- INSERT into a reference table
INSERT INTO countries VALUES ('es', 'Spain', 48000000), ('at', 'Austria', NULL) RETURNING *

-- upsert into a reference table
INSERT INTO countries VALUES ('de', 'Deutschland', 1), ('at', 'Austria', 2) ON CONFLICT (code) DO UPDATE SET name = excluded.name

-- a conflict in a reference table
INSERT INTO countries VALUES ('xy', 'New', 1), ('de', 'Again', 2)

-- INSERT … SELECT into a reference table from itself
INSERT INTO countries SELECT code || '2', name, population FROM countries

-- INSERT … SELECT into a reference table from a sharded one
INSERT INTO countries (code) SELECT username FROM users WHERE username < 'b'

-- INSERT into an unsharded table
INSERT INTO notes VALUES (10, 'kim', 'ten') RETURNING *

-- INSERT into an unsharded table with an identity column
INSERT INTO lists (what) VALUES ('eggs'), ('tea') RETURNING id, what

-- INSERT … SELECT into an unsharded table from a sharded one
INSERT INTO notes SELECT 100 + age, username, country FROM users WHERE username = 'bob'

-- INSERT with a parameter list that does not match
INSERT INTO users (username, age) VALUES ('new')

-- INSERT into a column that does not exist
INSERT INTO users (username, nosuch) VALUES ('new', 1)

-- INSERT into a table that does not exist
INSERT INTO nosuch VALUES (1)

-- INSERT through a view
INSERT INTO adults (username, age) VALUES ('new', 20)

-- OVERRIDING
INSERT INTO lists (id, what) OVERRIDING SYSTEM VALUE VALUES (50, 'salt')

-- INSERT with parameters
--$ new | 5
--$ znew | ~
--$ bob | 1
--$ ~ | 1
INSERT INTO users (username, age) VALUES ($1, $2)

-- INSERT of two rows with parameters
--$ new | 5 | znew | 6
INSERT INTO users (username, age) VALUES ($1, $2), ($3, $4) RETURNING username

-- INSERT with a parameter as hash key
--$ 7001
--$ -7
INSERT INTO events (id, weight) VALUES ($1, 3)

-- an upsert with parameters
--$ bob | 3
--$ nobody | 3
INSERT INTO users (username, age) VALUES ($1, $2) ON CONFLICT (username) DO UPDATE SET age = users.age + excluded.age RETURNING age

-- UPDATE by key
UPDATE users SET age = age + 1 WHERE username = 'bob'

-- UPDATE by key RETURNING
UPDATE users SET age = age + 1, city = upper(city) WHERE username = 'zoe' RETURNING *

-- UPDATE of keys on several shards
UPDATE users SET karma = 0 WHERE username IN ('ann', 'zoe', 'nobody')

-- UPDATE of everything
UPDATE users SET age = coalesce(age, 0) + 1

-- UPDATE of everything RETURNING
UPDATE posts SET likes = likes + 1 RETURNING username, id, likes

-- UPDATE of nothing
UPDATE users SET age = 1 WHERE username = 'nobody'

-- UPDATE by another column
UPDATE users SET active = NOT active WHERE country = 'de'

-- UPDATE by a range of the key
UPDATE users SET age = 0 WHERE username >= 'g' AND username < 'r'

-- UPDATE of the key column
UPDATE users SET username = 'bobby' WHERE username = 'bob'

-- UPDATE of the key column to itself
UPDATE users SET username = username, age = 3 WHERE username = 'bob'

-- UPDATE of a column that is not the key but in the primary key
UPDATE posts SET id = id + 100 WHERE username = 'zoe'

-- UPDATE with DEFAULT
UPDATE users SET active = DEFAULT WHERE active IS NULL

-- UPDATE of several columns at once
UPDATE users SET (age, country) = (1, 'zz') WHERE username IN ('ann', 'bob')

-- UPDATE of several columns from a subquery
UPDATE users SET (full_name, karma) = (SELECT name, population FROM countries WHERE code = users.country) WHERE country = 'de'

-- UPDATE FROM a table on the key
UPDATE users u SET age = p.id FROM posts p WHERE p.username = u.username AND p.id = 1

-- UPDATE FROM a table on the key, RETURNING both
UPDATE users u SET age = p.id FROM posts p WHERE p.username = u.username AND p.id = 1 RETURNING u.username, p.body

-- UPDATE FROM a table not on the key
UPDATE users u SET age = 1 FROM follows f WHERE f.followee = u.username AND f.follower < 'b'

-- UPDATE FROM a reference table
UPDATE users u SET full_name = c.name FROM countries c WHERE c.code = u.country

-- UPDATE FROM VALUES
UPDATE users u SET age = v.age FROM (VALUES ('ann', 1), ('zoe', 2)) AS v (username, age) WHERE v.username = u.username

-- UPDATE with a subquery on the key
UPDATE users u SET karma = (SELECT sum(likes) FROM posts p WHERE p.username = u.username)

-- UPDATE with a subquery of everything
UPDATE users SET karma = (SELECT count(*) FROM posts)

-- UPDATE with EXISTS on the key
UPDATE users u SET active = true WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username)

-- UPDATE with IN of another table's other column
UPDATE users SET active = true WHERE username IN (SELECT followee FROM follows)

-- UPDATE that violates a check on one shard
UPDATE events SET weight = weight - 5

-- UPDATE that violates uniqueness
UPDATE posts SET id = 1 WHERE username = 'm'

-- UPDATE with a division by zero on one shard
UPDATE users SET age = 10 / (age - 14)

-- UPDATE of a json, an array and an enum
UPDATE events SET data = jsonb_set(coalesce(data, '{}'), '{x}', '1'), feeling = 'ok' WHERE id < 5

-- UPDATE of an array's element
UPDATE users SET tags[1] = 'changed' WHERE username IN ('ann', 'bob', 'zoe')

-- UPDATE of a reference table
UPDATE countries SET population = population + 1 WHERE code <> 'de' RETURNING code, population

-- UPDATE of a reference table from itself
UPDATE countries SET population = (SELECT max(population) FROM countries)

-- UPDATE of a reference table from a sharded one
UPDATE countries SET population = (SELECT count(*) FROM users)

-- UPDATE of a reference table with now()
UPDATE countries SET population = extract(epoch FROM now())::bigint * 0

-- UPDATE of an unsharded table
UPDATE notes SET body = 'x' WHERE author = 'ann'

-- UPDATE of an unsharded table from a sharded one
UPDATE notes n SET body = u.country FROM users u WHERE u.username = n.author

-- UPDATE through a view
UPDATE adults SET age = 99 WHERE username = 'bob'

-- UPDATE of only the table
UPDATE ONLY users SET age = 1 WHERE username = 'bob'

-- UPDATE with a parameter as key
--$ bob | 3
--$ nobody | 3
--$ ~ | 3
UPDATE users SET age = $2 WHERE username = $1

-- UPDATE with parameters over shards
--$ 3 | 20
UPDATE users SET age = age + $1 WHERE age > $2

-- UPDATE by an array parameter
--$ {ann,zoe}
UPDATE users SET age = 0 WHERE username = ANY ($1) RETURNING username

-- UPDATE of both key columns' other values
UPDATE stock SET amount = amount - 1 WHERE tenant = 2 AND item = 'nut' RETURNING amount

-- UPDATE of one of two key columns
UPDATE stock SET item = 'nuts' WHERE tenant = 2 AND item = 'nut'

-- UPDATE by date range
UPDATE readings SET note = 'checked' WHERE day BETWEEN '2024-01-09' AND '2024-01-16'

-- UPDATE with CURRENT OF outside of a transaction
UPDATE users SET age = 1 WHERE CURRENT OF nowhere

-- DELETE by key
DELETE FROM users WHERE username = 'bob'

-- DELETE by key RETURNING
DELETE FROM posts WHERE username = 'zoe' RETURNING *

-- DELETE of everything
DELETE FROM posts

-- DELETE of everything RETURNING
DELETE FROM places RETURNING region, name

-- DELETE of nothing
DELETE FROM posts WHERE username = 'nobody'

-- DELETE by keys of several shards
DELETE FROM users WHERE username IN ('ann', 'zoe')

-- DELETE by another column
DELETE FROM posts WHERE likes > 5 RETURNING username, id

-- DELETE with OR of key and another column
DELETE FROM users WHERE username = 'bob' OR age < 10

-- DELETE USING on the key
DELETE FROM posts p USING users u WHERE u.username = p.username AND u.age > 20

-- DELETE USING not on the key
DELETE FROM users u USING follows f WHERE f.followee = u.username AND f.follower = 'ann'

-- DELETE USING a reference table
DELETE FROM users u USING countries c WHERE c.code = u.country AND c.population > 100000000

-- DELETE with NOT EXISTS on the key
DELETE FROM posts p WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.username = p.username) RETURNING username

-- DELETE with IN not on the key
DELETE FROM users WHERE username IN (SELECT followee FROM follows)

-- DELETE with a subquery of everything
DELETE FROM users WHERE age < (SELECT avg(age) FROM users)

-- DELETE with a parameter
--$ 17
--$ 100000
DELETE FROM events WHERE id = $1 RETURNING id, kind

-- DELETE from a reference table
DELETE FROM countries WHERE population IS NULL RETURNING code

-- DELETE from a reference table by a sharded one
DELETE FROM countries WHERE code NOT IN (SELECT country FROM users WHERE country IS NOT NULL)

-- DELETE from an unsharded table
DELETE FROM notes WHERE author IS NULL

-- DELETE with volatile condition that always holds
DELETE FROM posts WHERE random() >= 0

-- TRUNCATE of a sharded table
TRUNCATE posts

-- TRUNCATE of several tables
TRUNCATE posts, follows, countries

-- TRUNCATE of tables on every shard and on the home shard, as Django's flush does
TRUNCATE posts, lists, countries, notes

-- … with CASCADE
TRUNCATE posts, lists CASCADE

-- … of a table that does not exist
TRUNCATE posts, nosuch, notes

-- TRUNCATE with RESTART IDENTITY
TRUNCATE lists RESTART IDENTITY

-- WITH that deletes and shows, by key
WITH gone AS (DELETE FROM posts WHERE username = 'zoe' RETURNING *) SELECT id, body FROM gone

-- WITH that deletes everywhere and counts
WITH gone AS (DELETE FROM posts RETURNING *) SELECT count(*) FROM gone

-- WITH that updates and joins on the key
WITH changed AS (UPDATE users SET age = 1 WHERE username = 'bob' RETURNING username) SELECT p.id FROM posts p JOIN changed c ON c.username = p.username

-- WITH that moves rows
WITH gone AS (DELETE FROM posts WHERE username = 'ann' RETURNING *) INSERT INTO posts SELECT 'zoe', id + 1000, body, likes, posted FROM gone

-- WITH that inserts
WITH made AS (INSERT INTO users (username) VALUES ('new') RETURNING username) SELECT * FROM made

-- WITH before UPDATE
WITH old AS (SELECT username FROM users WHERE age > 40) UPDATE users SET active = false WHERE username IN (SELECT username FROM old)

-- WITH before INSERT
WITH rows AS (SELECT 'zoe' AS username, 800 AS id) INSERT INTO posts (username, id) SELECT * FROM rows

-- MERGE
MERGE INTO posts p USING users u ON p.username = u.username AND p.id = 1 WHEN MATCHED THEN UPDATE SET likes = 100 WHEN NOT MATCHED THEN INSERT (username, id) VALUES (u.username, 1)

-- MERGE by key
MERGE INTO users u USING (VALUES ('bob', 1)) AS v (username, age) ON u.username = v.username WHEN MATCHED THEN UPDATE SET age = v.age

-- MERGE of rows that are together
MERGE INTO users u USING (SELECT username, count(*) AS n FROM posts WHERE likes > 1 GROUP BY username) s ON s.username = u.username WHEN MATCHED AND u.age > 20 THEN DELETE WHEN MATCHED THEN UPDATE SET age = n, city = 'merged' WHEN NOT MATCHED AND n > 0 THEN INSERT (username, age, full_name) VALUES (s.username, n, 'new')

-- MERGE that only inserts
MERGE INTO posts p USING users ON p.username = users.username WHEN NOT MATCHED THEN INSERT VALUES (users.username, 77, full_name, age, NULL)

-- MERGE that does nothing where there is a match
MERGE INTO posts AS p USING follows f ON p.username = f.follower AND p.id = 2 WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED AND f.since IS NULL THEN INSERT (username, id, body) VALUES (f.follower, 1000 + length(f.followee), f.followee)

-- MERGE whose source is everywhere
MERGE INTO users u USING countries c ON u.country = c.code WHEN MATCHED AND u.active THEN UPDATE SET city = left(c.name, 20), karma = c.population WHEN MATCHED AND c.code = 'fr' THEN DELETE

-- … but has no key to insert
MERGE INTO users u USING countries c ON u.username = c.code WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (username) VALUES (c.code)

-- MERGE of a row of constants
MERGE INTO users u USING (VALUES ('nobody', 5)) AS v (username, age) ON u.username = v.username WHEN MATCHED THEN UPDATE SET age = v.age WHEN NOT MATCHED THEN INSERT (username, age) VALUES (v.username, v.age)

-- … that is there
MERGE INTO events e USING (SELECT 7 AS id, 'merged' AS kind) v ON v.id = e.id WHEN MATCHED THEN UPDATE SET kind = v.kind WHEN NOT MATCHED THEN INSERT (id, kind) VALUES (v.id, v.kind)

-- … of parameters
--$ bob | 5
--$ zzz | 6
--$ a | 7
MERGE INTO users u USING (SELECT $1::text AS username, $2::int AS age) v ON u.username = v.username WHEN MATCHED THEN UPDATE SET age = v.age + 1 WHEN NOT MATCHED THEN INSERT (username, age) VALUES (v.username, v.age)

-- … whose new key is another shard's
MERGE INTO users u USING (VALUES ('ann')) AS v (username) ON u.username = 'nobody' WHEN NOT MATCHED THEN INSERT (username) VALUES ('zann')

-- MERGE of one key
MERGE INTO posts p USING (SELECT * FROM users WHERE username = 'ann') u ON p.username = 'ann' AND p.id = u.age WHEN NOT MATCHED THEN INSERT (username, id, body) VALUES ('ann', 500, u.full_name) WHEN MATCHED THEN DELETE

-- MERGE that finds a row twice
MERGE INTO users u USING posts p ON u.username = p.username WHEN MATCHED THEN UPDATE SET age = p.likes

-- MERGE of the key to itself
MERGE INTO users u USING posts p ON u.username = p.username AND p.id = 1 WHEN MATCHED THEN UPDATE SET username = u.username, age = p.likes

-- MERGE of another key
MERGE INTO users u USING posts p ON u.username = p.username AND p.id = 1 WHEN MATCHED THEN UPDATE SET username = 'x'

-- MERGE of rows that are not together
MERGE INTO users u USING posts p ON u.age = p.likes AND p.id = 1 WHEN MATCHED THEN UPDATE SET city = 'x'

-- MERGE whose new rows would leave their source
MERGE INTO follows f USING users u ON f.follower = u.username WHEN NOT MATCHED THEN INSERT VALUES (coalesce(u.country, 'x'), u.username, NULL)

-- MERGE with a condition on the source alone
MERGE INTO posts p USING users u ON p.username = u.username AND u.username = 'ann' WHEN NOT MATCHED THEN INSERT (username, id) VALUES (u.username, 900) WHEN MATCHED THEN UPDATE SET likes = 0

-- MERGE with a subquery
MERGE INTO users u USING users s ON s.username = u.username WHEN MATCHED AND EXISTS (SELECT FROM posts p WHERE p.username = u.username) THEN UPDATE SET age = (SELECT max(likes) FROM posts p WHERE p.username = u.username) WHEN MATCHED THEN DELETE

-- MERGE into two keys
MERGE INTO stock s USING (SELECT tenant, item, amount FROM stock) o ON s.tenant = o.tenant AND s.item = o.item WHEN MATCHED AND s.amount > 30 THEN DELETE WHEN NOT MATCHED THEN INSERT (tenant, item, amount) VALUES (o.tenant, o.item, 0)

-- SET of the key to itself
UPDATE users SET username = username, age = age + 1 WHERE age > 30 RETURNING username, age

-- SET of the key to what WHERE says
UPDATE users SET username = 'bob', full_name = 'Bob', age = 3 WHERE username = 'bob' RETURNING *

-- … in another place, and of a column in a row
UPDATE posts SET (username, id, likes) = ('ann', 1, 99) WHERE id = 1 AND username = 'ann'

-- … with parameters
--$ bob | 5
--$ zoe | 6
--$ nobody | 7
--$ ~ | 8
UPDATE users SET username = $1, age = $2 WHERE username = $1

-- … with another parameter
--$ bob | 5 | bob
--$ bobby | 5 | bob
--$ zzz | 5 | ann
--$ a | 5 | zoe
UPDATE users SET username = $1, age = $2 WHERE username = $3 RETURNING username, age

-- SET of the key to one of the same shard, perhaps
UPDATE users SET username = 'anna' WHERE username = 'ann'

-- … that is another shard's
UPDATE users SET username = 'zann' WHERE username = 'ann'

-- … that is there already
UPDATE users SET username = 'zoe' WHERE username = 'will'

-- … NULL, which no row may have
UPDATE users SET username = NULL WHERE username = 'ann'

-- … where there is no row
UPDATE users SET username = NULL, age = 1 WHERE username = 'nobody at all'

-- … on any shard
UPDATE posts SET username = NULL WHERE likes > 1000000

-- … in a list, of rows of all shards
UPDATE posts SET (body, username) = ('x', NULL) WHERE likes = 3

-- … written as a default that is none
UPDATE users SET username = DEFAULT WHERE username = 'nobody at all'

-- … as a parameter
--$ ~ | ann
--$ ~ | nobody at all
UPDATE users SET username = $1 WHERE username = $2 RETURNING username

-- … of a part of a key
UPDATE stock SET tenant = NULL, item = 'nut' WHERE amount < 0

-- SET of the key to one that is equal to it
UPDATE posts p SET username = u.username, body = u.country FROM users u WHERE u.username = p.username AND u.age > 20 RETURNING p.username, p.id, p.body

-- … but not in all rows
UPDATE posts p SET username = u.username FROM users u WHERE u.age = p.likes

-- SET of a part of the key
UPDATE stock SET tenant = 3, amount = 0 WHERE tenant = 3 AND item = 'nut'

-- … where the rest is not known
UPDATE stock SET tenant = 3, amount = 0 WHERE tenant = 3

-- … to itself
UPDATE stock SET tenant = tenant, item = item, price = 1 WHERE amount > 30

-- SET of a key of numbers
UPDATE events SET id = 7, kind = 'same' WHERE id = 7

-- SET of a key of dates
UPDATE readings SET day = '2024-01-15', value = 0 WHERE day = date '2024-01-15' AND sensor = 1

-- SET of a key of uuids
UPDATE tokens SET id = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b', used = true WHERE id = 'C4CA4238A0B923820DCC509A6F75849B'

-- SET of a key to a number that the type rounds
UPDATE events SET id = 7.2, kind = 'same' WHERE id = 7

-- a table of the home shard gets rows of several shards
INSERT INTO notes (id, author) SELECT 100 + age, username FROM users WHERE age IN (14, 21, 28) AND username > 'b'

-- … with what takes its type from the table's columns
INSERT INTO notes SELECT 200 + id, NULL, 'x' FROM posts WHERE username IN ('ann', 'will', 'phantom') AND id < 3 AND likes > 1 RETURNING *

-- … that have another type
INSERT INTO notes SELECT '1' || id, username, likes FROM posts WHERE username = 'phantom'

-- … in their order
INSERT INTO lists (what) SELECT username FROM users ORDER BY username COLLATE "C" DESC LIMIT 5 RETURNING id, what, done

-- … of groups, with a conflict
INSERT INTO notes AS n SELECT min(age), max(username), count(*)::text FROM users GROUP BY country HAVING min(age) < 4 ON CONFLICT (id) DO UPDATE SET body = n.body || excluded.body, author = 'merged' RETURNING n.*, n.id + 1 AS next

-- … that are not there yet
INSERT INTO notes SELECT p.id, p.username FROM posts p WHERE p.likes = 1 AND NOT EXISTS (SELECT FROM notes n WHERE n.id = p.id) ON CONFLICT DO NOTHING

-- … and a table that both are
INSERT INTO notes SELECT n.id + 10, u.username, c.name FROM notes n JOIN users u ON u.username = n.author LEFT JOIN countries c ON c.code = u.country RETURNING id

-- … with parameters
--$ 1 | it | 3
--$ 7 | ~ | 5
INSERT INTO notes (id, author, body) SELECT 500 + age + $1, username, $2 FROM users WHERE age > $3 AND age < 12 RETURNING id, body

-- … of a union
INSERT INTO lists (what, done) SELECT username, active FROM users WHERE age < 5 UNION SELECT followee, NULL FROM follows WHERE follower = 'zoe' UNION SELECT name, true FROM countries ORDER BY 1, 2

-- … that violate a constraint
INSERT INTO notes (id) SELECT id FROM posts WHERE id < 3

-- … that do not fit
INSERT INTO notes (id) SELECT karma FROM users WHERE karma > 5000000000

-- … of no rows
INSERT INTO notes (id) SELECT age FROM users WHERE age < 0 RETURNING *

-- … with WITH of its query
INSERT INTO notes WITH w AS (SELECT max(likes) AS n FROM posts GROUP BY username) SELECT 300 + count(*), 'most', max(n)::text FROM w

-- … with WITH before it
WITH w AS (SELECT max(likes) AS n FROM posts GROUP BY username) INSERT INTO notes SELECT 300 + count(*), 'most', max(n)::text FROM w

-- MERGE of an unsharded table
MERGE INTO notes n USING (VALUES (1, 'x'), (9, 'y')) AS v (id, body) ON n.id = v.id WHEN MATCHED THEN UPDATE SET body = v.body WHEN NOT MATCHED THEN INSERT VALUES (v.id, NULL, v.body)

-- two writes in one query
UPDATE users SET age = 1 WHERE username = 'ann'; UPDATE users SET age = 2 WHERE username = 'zoe'

-- two writes in one query, the second fails: nothing remains
UPDATE users SET age = 1 WHERE username = 'ann'; INSERT INTO users (username) VALUES ('zoe')

-- a write and a read in one query
DELETE FROM posts WHERE username = 'zoe'; SELECT count(*) FROM posts

-- a sequence's function
SELECT nextval('lists_id_seq')

-- DO by itself
DO $$ BEGIN NULL; END $$

-- a computed key with a literal that only the parser reads
INSERT INTO users (username, age) VALUES (lower(U&'\00c9Q'), 1) RETURNING username, age
