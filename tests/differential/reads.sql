-- Rows of independent shards: select lists, expressions, orders, limits.

-- [rows]
-- every column of every shard
SELECT * FROM users

-- TABLE is SELECT *
TABLE posts

-- expressions of a row
SELECT username, age + 1 AS next, upper(full_name), coalesce(country, '?') FROM users

-- whole rows as composite values
SELECT u FROM users u WHERE age > 40

-- a column named like a function
SELECT u.username, length(u.username) AS count FROM users u

-- the same column twice
SELECT username, username, age AS username FROM users

-- a column without a name
SELECT age * 2, 'x', NULL, 1.5, true FROM users

-- no column at all
SELECT FROM users

-- a condition on the shards' rows
SELECT username FROM users WHERE age > 30 AND karma < 500

-- conditions with NULLs
SELECT username FROM users WHERE age IS NULL OR country IS NULL

-- booleans as conditions
SELECT username FROM users WHERE active AND NOT (country = 'de')

-- arrays
SELECT username FROM users WHERE 't1' = ANY (tags)

-- array operators
SELECT username, tags FROM users WHERE tags @> ARRAY['t1'] OR tags = '{}'

-- jsonb operators
SELECT id, data ->> 'n', data -> 'deep' ->> 'k' FROM events WHERE data @> '{"tags": ["t1"]}'

-- jsonb that is null and SQL NULL
SELECT id, data IS NULL, data = 'null' FROM events WHERE id < 9

-- jsonb question mark operator
SELECT id FROM events WHERE data ? 'n' AND id < 20

-- enum comparison
SELECT id, feeling FROM events WHERE feeling > 'sad'

-- a set-returning function in the select list
SELECT username, generate_series(1, 2) FROM users WHERE age < 20

-- unnest in the select list
SELECT username, unnest(tags) FROM users

-- a set-returning function that gives nothing drops the row
SELECT username, generate_series(1, age - 40) FROM users

-- a function in FROM beside a table
SELECT u.username, g FROM users u, generate_series(1, 2) AS g

-- LATERAL unnest
SELECT u.username, t.tag, t.n FROM users u, unnest(u.tags) WITH ORDINALITY AS t (tag, n)

-- LEFT JOIN LATERAL unnest
SELECT u.username, t FROM users u LEFT JOIN unnest(u.tags) AS t ON true

-- VALUES beside a table
SELECT u.username, v.x FROM users u, (VALUES (1), (2)) AS v (x) WHERE u.age = v.x * 7

-- ROWS FROM
SELECT u.username, a, b FROM users u, ROWS FROM (generate_series(1, 2), generate_series(5, 7)) AS t (a, b) WHERE username = 'bob'

-- a function of the database's users
SELECT username, plus_one(age), shout(country) FROM users

-- a function of the database's users in a condition
SELECT username FROM users WHERE plus_one(age) = 15

-- a view over a sharded table
SELECT * FROM adults

-- a view with the key given
SELECT * FROM adults WHERE username = 'bob'

-- a view that joins on the key
SELECT * FROM written

-- a view that joins on the key with the key given
SELECT * FROM written WHERE username = 'zoe'

-- now() does not differ within a statement
SELECT username, now() = now(), current_date IS NOT NULL FROM users WHERE username = 'bob'

-- a comparison with now()
SELECT username FROM users WHERE created < now()

-- CASE in the select list
SELECT username, CASE WHEN age < 18 THEN 'minor' WHEN age IS NULL THEN 'unknown' ELSE 'adult' END FROM users

-- casts in the select list
SELECT username, age::text, balance::int, score::numeric(10,3), born::timestamp FROM users WHERE score <> 'NaN' AND score > '-Infinity'

-- type modifiers of results
SELECT balance, city, balance * 2, city || '' FROM users

-- typmod of a cast
SELECT balance::numeric(20,4), city::varchar(5), created::timestamptz(0) FROM users

-- a comment and odd blanks
SELECT /* all of them */ username -- the key
FROM	users
WHERE age = 14

-- a semicolon at the end
SELECT username FROM users WHERE username = 'bob';

-- an empty statement between two
;

-- two statements in one query
SELECT username FROM users WHERE username = 'bob'; SELECT count(*) FROM users

-- reference table alone
SELECT * FROM countries

-- unsharded table alone
SELECT * FROM notes

-- unsharded tables joined
SELECT n.id, l.what FROM notes n JOIN lists l ON l.id = n.id

-- a table that only lives on the first shard, beside a reference table
SELECT n.id, c.code FROM notes n, countries c WHERE c.code = 'de'

-- no table
SELECT 1, 'a', NULL

-- VALUES alone
VALUES (1, 'a'), (2, 'b')

-- generate_series alone
SELECT * FROM generate_series(1, 5)

-- a function call without FROM
SELECT plus_one(1), shout('a'), lower('ABC')

-- a literal that only the parser reads, in a gathered query
SELECT U&'\00e9', p.name FROM users u, places p WHERE u.age = p.people % 50

-- [total order]
-- the first rows of each shard, by an expression
SELECT username, length(full_name) FROM users ORDER BY length(full_name) DESC NULLS LAST, username LIMIT 3

-- ... of a tie, by an expression, with an offset
SELECT username FROM users ORDER BY age % 3, upper(username) OFFSET 2 LIMIT 3

-- ... WITH TIES, the ties on several shards
SELECT count(*) FROM (SELECT username FROM users ORDER BY age / 10 FETCH FIRST 2 ROWS WITH TIES) s

-- ... in a subquery beside a sum
SELECT sum(age) FROM (SELECT age FROM users ORDER BY reverse(username) LIMIT 4) s

-- ... by the name of an output that hides a column
SELECT lower(username) AS age, username FROM users ORDER BY age DESC, 2 LIMIT 3

-- ... by nothing that is selected, of a join on the key
SELECT p.id FROM users u JOIN posts p USING (username) ORDER BY p.likes - u.age, u.username, p.id LIMIT 4

-- ... where functions make several rows of one
SELECT generate_series(1, 2), username FROM users ORDER BY upper(username) DESC, 1 LIMIT 3

-- ... or none of the first
SELECT unnest(tags), username FROM users ORDER BY upper(username), 1 LIMIT 2

-- ... with a LIMIT of NULL, of 0, of ALL
SELECT (SELECT count(*) FROM (SELECT 1 FROM users ORDER BY upper(username) LIMIT NULL) a), (SELECT count(*) FROM (SELECT 1 FROM users ORDER BY upper(username) LIMIT 0) b), (SELECT count(*) FROM (SELECT 1 FROM users ORDER BY upper(username) LIMIT ALL) c)

-- ... of a CTE that is read twice
WITH top AS (SELECT username, age FROM users ORDER BY abs(age), username LIMIT 3) SELECT a.username, b.age FROM top a JOIN top b ON a.age >= b.age ORDER BY 1, 2

-- [total order]
-- ordered by the key
SELECT username FROM users ORDER BY username

-- ordered by the key downwards
SELECT username FROM users ORDER BY username DESC

-- NULLs come last
SELECT age, username FROM users ORDER BY age, username

-- NULLs come first when descending
SELECT age, username FROM users ORDER BY age DESC, username

-- NULLS FIRST
SELECT age, username FROM users ORDER BY age NULLS FIRST, username DESC

-- DESC NULLS LAST
SELECT karma, username FROM users ORDER BY karma DESC NULLS LAST, username

-- bigint beyond integers
SELECT karma, username FROM users ORDER BY karma DESC NULLS LAST, username DESC

-- numeric
SELECT balance, username FROM users ORDER BY balance, username

-- float with NaN and infinity and -0
SELECT score, username FROM users ORDER BY score, username

-- float downwards
SELECT score, username FROM users ORDER BY score DESC, username

-- booleans
SELECT active, username FROM users ORDER BY active, username

-- dates
SELECT born, username FROM users ORDER BY born DESC, username

-- timestamptz
SELECT created, username FROM users ORDER BY created

-- timestamptz with infinities
SELECT at, id FROM events ORDER BY at, id

-- an enum sorts by its definition
SELECT feeling, id FROM events ORDER BY feeling DESC, id

-- text under an ICU collation
SELECT title, username FROM users ORDER BY title, username

-- text under a collation named in ORDER BY
SELECT username FROM users ORDER BY username COLLATE "en-x-icu", username

-- text with COLLATE "C"
SELECT title, username FROM users ORDER BY title COLLATE "C", username

-- arrays as order
SELECT tags, username FROM users ORDER BY tags, username

-- jsonb as order
SELECT data, id FROM events ORDER BY data, id

-- uuid as order
SELECT id FROM tokens ORDER BY id

-- smallint as order
SELECT weight, id FROM events ORDER BY weight DESC NULLS LAST, id DESC

-- real as order
SELECT value, day, sensor FROM readings ORDER BY value, day, sensor

-- varchar as order
SELECT city, username FROM users ORDER BY city, username

-- bpchar as order: blanks do not count
SELECT c5, id FROM zoo ORDER BY c5, id

-- bytea as order
SELECT bin, id FROM zoo ORDER BY bin, id

-- interval as order
SELECT iv, id FROM zoo ORDER BY iv, id

-- time and timetz as order
SELECT t, ttz, id FROM zoo ORDER BY t DESC, ttz, id

-- timestamp with BC dates
SELECT ts, id FROM zoo ORDER BY ts, id

-- date with BC dates and infinity
SELECT d, id FROM zoo ORDER BY d DESC, id

-- numeric with NaN and very long values
SELECT num, id FROM zoo ORDER BY num, id

-- inet as order
SELECT ip, id FROM zoo ORDER BY ip, id

-- oid as order
SELECT id::oid, id FROM zoo WHERE id < 50 ORDER BY id::oid DESC

-- money as order
SELECT cash, id FROM zoo ORDER BY cash, id

-- name as order
SELECT nm, id FROM zoo ORDER BY nm, id

-- bit strings as order
SELECT bits, vbits, id FROM zoo ORDER BY bits, vbits, id

-- ranges as order
SELECT span, id FROM zoo ORDER BY span, id

-- by position
SELECT username, age FROM users ORDER BY 2, 1

-- by an output name that hides a column
SELECT username AS age FROM users ORDER BY age

-- by an output name that exchanges columns
SELECT age AS username, username AS age FROM users ORDER BY age DESC

-- an expression does not see output names
SELECT -age AS karma, username FROM users ORDER BY karma + 0, username

-- by a column that is not selected
SELECT username FROM users ORDER BY age, username

-- by a column that is not selected, star
SELECT u.* FROM users u ORDER BY u.age DESC, u.username

-- by an expression
SELECT username FROM users ORDER BY age % 10, username

-- by an expression that is selected
SELECT username, age % 10 FROM users ORDER BY age % 10, username

-- by length
SELECT username FROM users ORDER BY length(username), username

-- by lower()
SELECT username FROM users ORDER BY lower(username), username

-- by CASE
SELECT username FROM users ORDER BY CASE WHEN username = 'm' THEN 0 ELSE 1 END, username

-- by a boolean expression
SELECT username FROM users ORDER BY age IS NULL, username

-- by a constant expression
SELECT username FROM users ORDER BY 1 + 1, username

-- a position behind the select list is an error, whatever else is sorted by
SELECT username FROM users ORDER BY 2, age

-- the same where a column is added for the order
SELECT username FROM users ORDER BY age, 2

-- by a string constant: an error
SELECT username FROM users ORDER BY 'username'

-- USING an operator
SELECT age, username FROM users ORDER BY age USING >, username

-- the same key twice
SELECT username FROM users ORDER BY username, username DESC

-- two keys in different directions
SELECT country, username FROM users ORDER BY country DESC NULLS LAST, username

-- LIMIT
SELECT username FROM users ORDER BY username LIMIT 7

-- LIMIT 0
SELECT username FROM users ORDER BY username LIMIT 0

-- LIMIT NULL is no limit
SELECT username FROM users ORDER BY username LIMIT NULL

-- LIMIT ALL
SELECT username FROM users ORDER BY username LIMIT ALL

-- OFFSET without LIMIT
SELECT username FROM users ORDER BY username OFFSET 33

-- LIMIT and OFFSET
SELECT username FROM users ORDER BY age, username LIMIT 5 OFFSET 17

-- OFFSET before LIMIT
SELECT username FROM users ORDER BY age, username OFFSET 17 LIMIT 5

-- OFFSET beyond the end
SELECT username FROM users ORDER BY username OFFSET 1000

-- LIMIT and OFFSET over a hidden column
SELECT username FROM users ORDER BY karma DESC NULLS LAST, username LIMIT 4 OFFSET 2

-- FETCH FIRST
SELECT username FROM users ORDER BY username FETCH FIRST 2 ROWS ONLY

-- FETCH FIRST without a count
SELECT username FROM users ORDER BY username FETCH FIRST ROW ONLY

-- OFFSET … ROWS FETCH NEXT
SELECT username FROM users ORDER BY username OFFSET 3 ROWS FETCH NEXT 4 ROWS ONLY

-- WITH TIES of a total order
SELECT username FROM users ORDER BY username FETCH FIRST 2 ROWS WITH TIES

-- LIMIT by an expression
SELECT username FROM users ORDER BY username LIMIT 1 + 2

-- LIMIT by a fraction, which is rounded
SELECT username FROM users ORDER BY username LIMIT 2.5

-- … beside an OFFSET
SELECT username FROM users ORDER BY username LIMIT 2.5 OFFSET 1

-- … and an OFFSET with one
SELECT username FROM users ORDER BY username LIMIT 3 OFFSET 0.5

-- … both
SELECT username FROM users ORDER BY username LIMIT 1.5 OFFSET 1.5

-- … in another notation
SELECT username FROM users ORDER BY username DESC LIMIT 1e1 OFFSET 0.5e1

-- … WITH TIES
SELECT username FROM users ORDER BY username DESC OFFSET 1.5 ROWS FETCH FIRST (2.5) ROWS WITH TIES

-- LIMIT as a string
SELECT username FROM users ORDER BY username LIMIT '3'

-- LIMIT by a subquery
SELECT username FROM users ORDER BY username LIMIT (SELECT count(*) FROM countries)

-- a negative LIMIT is an error
SELECT username FROM users ORDER BY username LIMIT -1

-- a negative OFFSET is an error
SELECT username FROM users ORDER BY username OFFSET -1

-- LIMIT with the key given
SELECT username, id FROM posts WHERE username = 'm' ORDER BY id DESC LIMIT 1 OFFSET 1

-- LIMIT over keys of some shards
SELECT username FROM users WHERE username IN ('ann', 'bob', 'zoe', 'kim') ORDER BY username LIMIT 2 OFFSET 1

-- LIMIT as a parameter
--$ 3
--$ 0
--$ ~
--$ 100
SELECT username FROM users ORDER BY username LIMIT $1

-- LIMIT and OFFSET as parameters
--$ 3 | 2
--$ 5 | ~
--$ ~ | 35
--$ 9223372036854775807 | 30
SELECT username FROM users ORDER BY username LIMIT $1 OFFSET $2

-- a negative parameter
--$ -1
SELECT username FROM users ORDER BY username LIMIT $1

-- a parameter of LIMIT with a cast
--$ 4
SELECT username FROM users ORDER BY username DESC LIMIT $1::int

-- a parameter in ORDER BY
--$ 7
SELECT username FROM users ORDER BY age % $1::int, username

-- order of rows with the same output
SELECT country FROM users ORDER BY country

-- DISTINCT with order
SELECT DISTINCT username FROM posts ORDER BY username

-- DISTINCT across shards with order
SELECT DISTINCT country FROM users ORDER BY country

-- DISTINCT of expressions with LIMIT
SELECT DISTINCT age % 5 FROM users ORDER BY 1 LIMIT 3

-- DISTINCT ON the key
SELECT DISTINCT ON (username) username, id FROM posts ORDER BY username, id DESC

-- DISTINCT ON another column
SELECT DISTINCT ON (country) country, username FROM users ORDER BY country, username

-- DISTINCT ON the key and more, with LIMIT
SELECT DISTINCT ON (username) username, id, body FROM posts ORDER BY username DESC, id LIMIT 4

-- DISTINCT ON by position
SELECT DISTINCT ON (1) username, id FROM posts ORDER BY 1, 2

-- a set-returning function in the select list, ordered
SELECT username, generate_series(1, 2) AS n FROM users ORDER BY n DESC, username

-- LIMIT over a set-returning function
SELECT generate_series(1, 3) AS n, username FROM users ORDER BY username, n LIMIT 7

-- an ordered view
SELECT * FROM adults ORDER BY username

-- order by a whole row
SELECT username FROM users u ORDER BY u

-- order by a row constructor
SELECT username FROM users ORDER BY (age, username)

-- for update with order
SELECT username FROM users WHERE username = 'bob' ORDER BY username FOR UPDATE

-- for update of all, ordered
SELECT username FROM users ORDER BY username FOR UPDATE

-- for share with LIMIT
SELECT username FROM users ORDER BY username LIMIT 2 FOR SHARE

-- SKIP LOCKED
SELECT username FROM users ORDER BY username FOR UPDATE SKIP LOCKED

-- FOR UPDATE with LIMIT: as many rows of each shard as it counts
SELECT username, karma FROM users ORDER BY karma NULLS LAST, username LIMIT 5 FOR UPDATE

-- LIMIT and OFFSET, sorted by what is not selected
SELECT full_name FROM users ORDER BY age, username LIMIT 3 OFFSET 2 FOR SHARE

-- No rows, and no rows to skip
SELECT username FROM users ORDER BY username LIMIT 0 OFFSET 2 FOR UPDATE NOWAIT

-- Fewer rows than LIMIT counts
SELECT username FROM users WHERE age > 40 ORDER BY username LIMIT 100 FOR NO KEY UPDATE SKIP LOCKED

-- FOR UPDATE of one of two tables that are joined on the key, with LIMIT
SELECT u.username, p.id FROM users u JOIN posts p ON p.username = u.username ORDER BY p.likes, u.username, p.id LIMIT 4 FOR UPDATE OF p

-- FOR KEY SHARE with LIMIT ALL
SELECT username FROM users ORDER BY username LIMIT ALL FOR KEY SHARE

-- [some rows]
-- LIMIT without an order: any five
SELECT username FROM users LIMIT 5

-- LIMIT larger than the table
SELECT username FROM users LIMIT 500

-- OFFSET without an order
SELECT username FROM users OFFSET 35

-- LIMIT and OFFSET without an order
SELECT username FROM users LIMIT 10 OFFSET 35

-- LIMIT 1 of one shard
SELECT username, id FROM posts WHERE username = 'm' LIMIT 1

-- volatile values per row
SELECT username, random() FROM users

-- a volatile condition that always holds
SELECT username FROM users WHERE random() >= 0

-- uuids
SELECT gen_random_uuid() FROM users

-- physical places
SELECT ctid, username FROM users WHERE username = 'bob'

-- the time
SELECT username, clock_timestamp() FROM users WHERE username = 'bob'

-- now() of several shards
SELECT username, now() FROM users

-- a sample of everything
SELECT username FROM users TABLESAMPLE BERNOULLI (100)

-- [rows]
-- A partition by its own name, which no configuration mentions.
-- all of it
SELECT * FROM early_readings

-- one key, on one shard
SELECT sensor, value FROM late_readings WHERE day = '2024-01-20'

-- a key that it cannot have
SELECT sensor, value FROM early_readings WHERE day = '2024-01-20'

-- combined
SELECT count(*), min(day), max(note) FROM early_readings

-- gathered
SELECT note, count(*), avg(sensor) FROM late_readings GROUP BY note

-- beside its table, by the key
SELECT r.day, r.sensor, e.note FROM readings r LEFT JOIN early_readings e USING (day, sensor) WHERE r.sensor = 1

-- beside the other one
SELECT e.day, l.day FROM early_readings e JOIN late_readings l ON l.day = e.day + 14 AND l.sensor = e.sensor

-- in a subquery that the shards cannot answer
SELECT username, age FROM users WHERE age IN (SELECT sensor FROM late_readings WHERE note IS NULL)

-- … and in one that has the only sharded table
SELECT (SELECT count(*) FROM early_readings), name FROM countries

-- samples of everything, in a join and below an aggregate
SELECT avg(u.age), count(p.id) FROM users u TABLESAMPLE SYSTEM (100) JOIN posts p TABLESAMPLE BERNOULLI (100) ON p.likes = u.age

-- a sample of nothing, behind one of everything
SELECT count(*) FROM users TABLESAMPLE BERNOULLI (100), posts TABLESAMPLE SYSTEM (0)

-- [total order]
-- A function of a row in place of a column.
-- merged by it
SELECT u.initial, u.username FROM users u ORDER BY 1, 2 LIMIT 20

-- … where it is not selected
SELECT u.username FROM users u ORDER BY u.initial DESC, u.username LIMIT 20

-- its extremes
SELECT min(u.initial), max(u.initial) FROM users u

-- [total order]
-- LIMIT and OFFSET that are rounded
SELECT username FROM users ORDER BY username LIMIT 3.5 OFFSET 1.4

-- a large one, which is not
SELECT username FROM users ORDER BY username LIMIT 3000000000 OFFSET 2

-- DISTINCT ON takes a name for an output before it takes it for a column, as ORDER BY does and GROUP BY does not
SELECT DISTINCT ON (username) country AS username, age FROM users ORDER BY username, age, users.username;
SELECT DISTINCT ON (username) country AS username, username AS u FROM users ORDER BY username, u;
SELECT DISTINCT ON (users.username) country AS username, age FROM users ORDER BY users.username, age;
SELECT DISTINCT ON (u) username AS u, country AS username FROM users ORDER BY u;
SELECT country AS username, count(*) FROM users GROUP BY username ORDER BY 1, 2;
SELECT DISTINCT ON (username, id) *, 1 AS one FROM posts ORDER BY username, id;
