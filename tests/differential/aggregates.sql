-- Aggregates, groups and windows.

-- [rows]
-- count of all rows
SELECT count(*) FROM users

-- counts skip NULLs
SELECT count(*), count(age), count(country), count(tags) FROM users

-- sums of smallint, integer, bigint, numeric have different types
SELECT sum(weight), sum(age), sum(balance) FROM users, events WHERE users.username = 'bob' AND events.id < 10

-- sums of integers over shards
SELECT sum(age) FROM users

-- a sum of bigints is numeric and may pass their range
SELECT sum(karma) FROM users

-- a sum of smallints is bigint
SELECT sum(weight) FROM events

-- a sum of numerics
SELECT sum(balance) FROM users

-- a sum of floats
SELECT sum(likes::float8) FROM posts

-- a sum of intervals
SELECT sum(iv) FROM zoo WHERE id < 50

-- a sum of money
SELECT sum(cash) FROM zoo

-- a sum of nothing is NULL
SELECT sum(age), count(age), min(age), max(username) FROM users WHERE age > 1000

-- extremes
SELECT min(age), max(age), min(karma), max(karma) FROM users

-- extremes of text under collation C
SELECT min(username), max(username) FROM users

-- extremes of text under an ICU collation
SELECT min(title), max(title) FROM users

-- extremes of varchar are text
SELECT min(city), max(city) FROM users

-- extremes of dates and times
SELECT min(born), max(born), min(created), max(created) FROM users

-- extremes of floats with NaN
SELECT min(score), max(score) FROM users

-- extremes of numerics with NaN
SELECT min(num), max(num) FROM zoo

-- extremes of times, intervals and arrays
SELECT min(t), max(ttz), min(iv), max(ints), min(feeling), max(c5), max(ip) FROM zoo

-- extremes with infinite times
SELECT min(at), max(at) FROM events

-- the largest NULL
SELECT max(age) FROM users WHERE age IS NULL

-- bool_and, bool_or, every
SELECT bool_and(active), bool_or(active), every(age > 0) FROM users

-- bool_and of nothing
SELECT bool_and(active) FROM users WHERE age > 1000

-- bit_and, bit_or, bit_xor
SELECT bit_and(age), bit_or(age), bit_xor(age) FROM users

-- avg
SELECT avg(age), avg(balance) FROM users

-- avg of floats
SELECT avg(likes::float8) FROM posts

-- standard deviation and variance
SELECT stddev(age), stddev_pop(age), variance(age), var_pop(age) FROM users

-- standard deviation over one row is NULL
SELECT stddev(age) FROM users WHERE username = 'bob'

-- regression
SELECT corr(likes, id), regr_slope(likes, id), covar_pop(likes, id) FROM posts

-- array_agg with an order
SELECT array_agg(username ORDER BY username) FROM users

-- string_agg with an order
SELECT string_agg(username, ',' ORDER BY username DESC) FROM users

-- json_agg and jsonb_object_agg
SELECT json_agg(username ORDER BY username), jsonb_object_agg(username, age) FROM users WHERE age > 30

-- xmlagg
SELECT xmlagg(x ORDER BY id) FROM zoo

-- percentiles
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY age), percentile_disc(0.5) WITHIN GROUP (ORDER BY age), mode() WITHIN GROUP (ORDER BY country) FROM users

-- a hypothetical rank
SELECT rank(20) WITHIN GROUP (ORDER BY age) FROM users

-- range_agg
SELECT range_agg(span) FROM zoo

-- count DISTINCT of the key
SELECT count(DISTINCT username) FROM posts

-- count DISTINCT of another column
SELECT count(DISTINCT country) FROM users

-- sum DISTINCT
SELECT sum(DISTINCT likes) FROM posts

-- min DISTINCT
SELECT min(DISTINCT age) FROM users

-- FILTER
SELECT count(*) FILTER (WHERE age > 20), sum(age) FILTER (WHERE active) FROM users

-- count of two columns as a row
SELECT count((age, country)) FROM users

-- count of an expression
SELECT count(NULLIF(country, 'de')), sum(age * 2 + 1), max(length(username)) FROM users

-- a sum of a CASE
SELECT sum(CASE WHEN active THEN 1 ELSE 0 END) FROM users

-- sums that overflow on one shard
SELECT sum(karma * 9) FROM users

-- an aggregate inside an expression
SELECT count(*) + 1, max(age) - min(age) FROM users

-- an aggregate cast
SELECT count(*)::int, sum(age)::text FROM users

-- an aggregate in a function
SELECT coalesce(sum(age), 0) FROM users WHERE age > 1000

-- an aggregate beside a constant
SELECT 'total' AS what, count(*), 1.5, NULL FROM users

-- an aggregate beside a parameter-less function
SELECT count(*), current_user FROM users

-- a comparison of aggregates
SELECT max(age) > min(age) FROM users

-- the same aggregate twice
SELECT count(*), count(*) FROM users

-- column names of aggregates
SELECT count(*) AS n, sum(age) total, max(age) FROM users

-- count over a join on the key
SELECT count(*), sum(p.likes) FROM users u JOIN posts p ON p.username = u.username

-- count over a LEFT JOIN on the key
SELECT count(*), count(p.id) FROM users u LEFT JOIN posts p ON p.username = u.username

-- count over a join with a reference table
SELECT count(*), sum(c.population) FROM users u JOIN countries c ON c.code = u.country

-- count of reference rows with a LEFT JOIN
SELECT count(*) FROM countries c LEFT JOIN users u ON u.country = c.code

-- count of a reference table
SELECT count(*), sum(population) FROM countries

-- count with keys
SELECT count(*), sum(age) FROM users WHERE username IN ('ann', 'zoe', 'nobody')

-- count of a hash table
SELECT count(*), min(id), max(id), sum(weight) FROM events

-- count of a list table
SELECT count(*), sum(people), max(region) FROM places

-- count with a semi join on the key
SELECT count(*) FROM users u WHERE EXISTS (SELECT 1 FROM posts p WHERE p.username = u.username)

-- count with LIMIT 0
SELECT count(*) FROM users LIMIT 0

-- count with OFFSET 1
SELECT count(*) FROM users OFFSET 1

-- count with LIMIT
SELECT count(*) FROM users LIMIT 10

-- count with ORDER BY itself
SELECT count(*) FROM users ORDER BY 1

-- DISTINCT of an aggregate
SELECT DISTINCT count(*) FROM users

-- HAVING without GROUP BY
SELECT count(*) FROM users HAVING count(*) > 1000

-- HAVING without GROUP BY that holds
SELECT max(age) FROM users HAVING count(*) > 3

-- HAVING without an aggregate in the select list
SELECT 1 FROM users HAVING count(*) > 3

-- GROUP BY of nothing
SELECT count(*) FROM users GROUP BY ()

-- GROUP BY the key
SELECT username, count(*), sum(likes) FROM posts GROUP BY username

-- GROUP BY the key and more
SELECT username, id % 2, count(*) FROM posts GROUP BY username, id % 2

-- GROUP BY the key by position
SELECT username, avg(likes), string_agg(body, ',' ORDER BY id) FROM posts GROUP BY 1

-- GROUP BY the key under an output name
SELECT username AS who, count(*) FROM posts GROUP BY who

-- GROUP BY an output name that a column has, too: the column wins
SELECT username AS body, count(*) FROM posts GROUP BY body, username

-- GROUP BY the key that is not selected
SELECT count(*) FROM posts GROUP BY username

-- GROUP BY the key with HAVING
SELECT username, count(*) FROM posts GROUP BY username HAVING count(*) > 1 AND max(likes) > 3

-- GROUP BY the primary key gives all columns
SELECT u.* FROM users u GROUP BY u.username

-- GROUP BY an expression of the key
SELECT lower(username), count(*) FROM users GROUP BY lower(username)

-- GROUP BY another column
SELECT country, count(*) FROM users GROUP BY country

-- GROUP BY another column, with all that can be summed
SELECT country, count(*), sum(age), min(age), max(username) FROM users GROUP BY country

-- GROUP BY another column, with averages
SELECT country, avg(age) FROM users GROUP BY country

-- GROUP BY another column with HAVING
SELECT country FROM users GROUP BY country HAVING count(*) > 6

-- GROUP BY one column of a key of two
SELECT tenant, sum(amount) FROM stock GROUP BY tenant

-- GROUP BY both columns of a key of two
SELECT item, tenant, sum(amount) FROM stock GROUP BY tenant, item

-- GROUP BY of a join on the key
SELECT u.username, count(p.id) FROM users u LEFT JOIN posts p ON p.username = u.username GROUP BY u.username

-- GROUP BY the nullable side's key
SELECT p.username, count(*) FROM users u LEFT JOIN posts p ON p.username = u.username GROUP BY p.username

-- GROUP BY a reference table's column
SELECT c.name, count(*) FROM users u JOIN countries c ON c.code = u.country GROUP BY c.name

-- GROUP BY of a reference table LEFT JOINed with a sharded one
SELECT c.code, count(u.username) FROM countries c LEFT JOIN users u ON u.country = c.code GROUP BY c.code

-- ROLLUP of the key
SELECT username, count(*) FROM posts GROUP BY ROLLUP (username)

-- CUBE
SELECT country, active, count(*) FROM users GROUP BY CUBE (country, active)

-- GROUPING SETS
SELECT username, id, grouping(username, id), count(*) FROM posts GROUP BY GROUPING SETS ((username, id), (username))

-- two outputs that are equal, grouped by their numbers in different sets
SELECT country AS a, country AS b, count(*) FROM users GROUP BY ROLLUP (1, 2)

-- the same by their names
SELECT country AS a, country AS b, sum(age) FROM users GROUP BY CUBE (a, b)

-- the same column written twice is one
SELECT country, country AS b, count(*) FROM users GROUP BY ROLLUP (country, country)

-- two columns that a join makes equal
SELECT u.username, p.username, count(*) FROM users u JOIN posts p ON p.username = u.username GROUP BY ROLLUP (u.username, p.username)

-- constants in sets
SELECT username FROM users EXCEPT SELECT left('note', 2) AS c FROM posts GROUP BY GROUPING SETS ((1), ())

-- ROLLUP with the key given
SELECT username, id, count(*) FROM posts WHERE username = 'm' GROUP BY ROLLUP (username, id)

-- GROUP BY DISTINCT
SELECT username, count(*) FROM posts GROUP BY DISTINCT username, username

-- DISTINCT with the key
SELECT DISTINCT username FROM posts

-- DISTINCT without the key
SELECT DISTINCT country, active FROM users

-- DISTINCT of the key and an expression
SELECT DISTINCT username, id % 2 FROM posts

-- DISTINCT of an expression of the key
SELECT DISTINCT left(username, 1) FROM users

-- an aggregate of an aggregate by window
SELECT username, sum(count(*)) OVER () FROM posts GROUP BY username

-- a window over everything
SELECT username, count(*) OVER () FROM users

-- a window ordered over everything
SELECT username, row_number() OVER (ORDER BY username) FROM users

-- a window within the key
SELECT username, id, row_number() OVER (PARTITION BY username ORDER BY id) FROM posts

-- a window within the key, aggregates and frames
SELECT username, id, sum(likes) OVER (PARTITION BY username ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), lag(id) OVER (PARTITION BY username ORDER BY id) FROM posts

-- a named window within the key
SELECT username, id, first_value(id) OVER w, ntile(2) OVER w FROM posts WINDOW w AS (PARTITION BY username ORDER BY id DESC)

-- one window within the key, another not
SELECT username, id, count(*) OVER (PARTITION BY username), count(*) OVER (PARTITION BY id) FROM posts

-- a window within the key and more
SELECT username, id, count(*) OVER (PARTITION BY id % 2, username) FROM posts

-- a window within another column
SELECT username, rank() OVER (PARTITION BY country ORDER BY age, username) FROM users

-- a window with the key given
SELECT id, sum(likes) OVER (ORDER BY id) FROM posts WHERE username = 'm'

-- a window inside a subquery within the key
SELECT username, id FROM (SELECT username, id, rank() OVER (PARTITION BY username ORDER BY id DESC) AS r FROM posts) s WHERE r = 1

-- a window over groups of the key
SELECT username, rank() OVER (ORDER BY count(*) DESC) FROM posts GROUP BY username

-- an aggregate over a set-returning function
SELECT count(*) FROM users, unnest(tags) AS t

-- an aggregate with a set-returning function in the select list
SELECT count(*), generate_series(1, 2) FROM users

-- a user-defined function around a sum
SELECT sum(plus_one(age)) FROM users

-- ungrouped aggregates of a view
SELECT count(*), max(age) FROM adults

-- a view that groups
SELECT * FROM totals

-- DISTINCT of what is made of values that are equal but not the same
SELECT DISTINCT num::text FROM zoo WHERE id > 200

-- DISTINCT of a scale, beside another column
SELECT DISTINCT c5, scale(num) FROM zoo WHERE id > 200

-- DISTINCT of both
SELECT count(*) FROM (SELECT DISTINCT num, scale(num) FROM zoo) x

-- DISTINCT of a zero's sign
SELECT DISTINCT f8::text, c5 FROM zoo WHERE id > 200

-- DISTINCT of what an interval adds
SELECT DISTINCT date '2024-01-31' + iv, iv::text FROM zoo WHERE id > 200

-- DISTINCT of a number in jsonb
SELECT DISTINCT jb ->> 'n', jb = '{"n": 1}' FROM zoo WHERE id > 200

-- DISTINCT of what only looks the same to its type
SELECT DISTINCT ci::text, ci || '!' FROM words

-- DISTINCT of texts under a collation that takes different ones for equal
SELECT DISTINCT md5(folded), length(folded) FROM words

-- DISTINCT ON of them
SELECT DISTINCT ON (num::text) num::text, c5 FROM zoo WHERE id > 200 ORDER BY num::text

-- DISTINCT with an order and a limit
SELECT DISTINCT num::text, f8::text FROM zoo WHERE id > 200 ORDER BY num::text DESC, f8::text LIMIT 5

-- DISTINCT through a subquery and WITH
WITH w AS (SELECT DISTINCT c5, num::text AS n FROM zoo WHERE id > 200) SELECT c5, count(*) FROM (SELECT DISTINCT c5, n FROM w) x GROUP BY c5

-- DISTINCT of a join
SELECT DISTINCT a.num::text || b.f8 FROM zoo a JOIN zoo b ON a.id = b.id WHERE a.id > 200

-- grouping sets of one column under two names
SELECT x, y, count(*) FROM (SELECT country AS x, country AS y FROM users) s GROUP BY ROLLUP (x, y)

-- the same, named in other ways
SELECT s.x, y, grouping(x), grouping(s.y), max(n) FROM (SELECT country AS x, country AS y, age AS n FROM users) s GROUP BY CUBE (x, s.y)

-- the same, from two subqueries
SELECT a.x, b.x, count(*) FROM users u, LATERAL (SELECT u.country AS x) a, LATERAL (SELECT u.country AS x) b GROUP BY GROUPING SETS ((a.x, b.x), (a.x), ())

-- a list in parentheses that has the primary key in it
SELECT u.age, u.full_name, count(*) FROM users u JOIN posts p ON p.likes = u.age % 5 GROUP BY (u.age, u.username)

-- a whole row beside the primary key
SELECT u::text, count(*) FROM users u JOIN posts p ON p.likes = u.age % 5 GROUP BY u.username

-- a view's row inside a subquery
SELECT (a.whole).age, b.likes FROM (SELECT v AS whole, v.age FROM adults v) a JOIN posts b ON b.likes = a.age % 5

-- a whole row counted beside grouping sets
SELECT country, age, count(u.*), count(*) FROM users u GROUP BY ROLLUP (country, age)

-- a column that has no equality, and depends on a key that is grouped by
SELECT z.id, z.j, z.spot, count(*), sum(e.weight) FROM zoo z JOIN events e ON e.weight = z.i2 GROUP BY z.id

-- a list of texts from citext: distinct as texts
SELECT letter, string_agg(DISTINCT ci, ',' ORDER BY ci) FROM words GROUP BY letter

-- all of them
SELECT string_agg(DISTINCT ci, ',' ORDER BY ci), count(DISTINCT ci), count(DISTINCT ci::text) FROM words

-- DISTINCT inside aggregates of what is made of equal values
SELECT c5, count(DISTINCT num), count(DISTINCT num::text), string_agg(DISTINCT num::text, ',' ORDER BY num::text) FROM zoo WHERE id > 200 GROUP BY c5

-- [total order]
-- GROUP BY the key, ordered by the aggregate
SELECT username, count(*) AS n FROM posts GROUP BY username ORDER BY n DESC, username

-- GROUP BY the key, ordered by an aggregate that is not selected
SELECT username FROM posts GROUP BY username ORDER BY max(likes) DESC, username LIMIT 5

-- GROUP BY the key, ordered by the key with OFFSET
SELECT username, sum(likes) FROM posts GROUP BY username ORDER BY username OFFSET 20

-- GROUP BY another column, ordered
SELECT country, count(*) FROM users GROUP BY country ORDER BY count(*) DESC, country

-- GROUP BY another column with LIMIT
SELECT country, count(*) FROM users GROUP BY country ORDER BY country NULLS FIRST LIMIT 2

-- a window within the key, ordered by it
SELECT username, id, row_number() OVER (PARTITION BY username ORDER BY id DESC) AS r FROM posts ORDER BY r, username

-- an ordered GROUP BY of a join
SELECT u.username, u.age, count(p.id) FROM users u LEFT JOIN posts p USING (username) GROUP BY u.username, u.age ORDER BY 3 DESC, 1

-- FILTER with a parameter
--$ 20
SELECT count(*) FILTER (WHERE age > $1::int) FROM users

-- a sum with a parameter
--$ 3
SELECT sum(age + $1) FROM users

-- a parameter in HAVING
--$ 2
SELECT username, count(*) FROM posts GROUP BY username HAVING count(*) > $1 ORDER BY username

-- [rows]
-- The types of what is added up.
-- a domain is the type that it is made of
SELECT sum(pos), avg(pos), min(pos) FROM zoo

-- differences of times are intervals
SELECT sum(posted - timestamptz '2024-01-01 00:00+00'), avg(posted - timestamptz '2024-01-01 00:00+00') FROM posts

-- … beside a date, a literal without a type, the clock
SELECT sum(posted - date '2024-01-01'), sum('2024-03-01 00:00+00' - posted), sum(posted - now()) < interval '0' FROM posts

-- intervals times integers
SELECT sum(iv * 2), sum(3 * iv), sum(iv / 2) FROM zoo WHERE id < 50

-- money times integers, divided by money it is a float
SELECT sum(cash * 3), max(cash / 2) FROM zoo

-- functions of several types choose by their arguments
SELECT sum(mod(age, 7::bigint)), sum(abs(karma)), sum(round(balance)), sum(round(balance, 1)), sum(sign(balance)), sum(div(balance, 7)) FROM users

-- a user's function over what has to be converted
SELECT sum(plus_one(weight)), sum(plus_one(age)) FROM events, users WHERE events.id < 4

-- elements of arrays, one by one and all
SELECT sum(ints[1]), sum(grid[1][2]) FROM zoo

-- rows of arrays
SELECT sum(y), count(y) FROM zoo, unnest(ints) AS y

-- … under an alias with a column
SELECT sum(x.n), max(x.n) FROM zoo, LATERAL unnest(ints) AS x (n)

-- rows of a function
SELECT sum(g * age) FROM users, generate_series(1, 3) AS g

-- rows of VALUES, integers and numerics
SELECT sum(v.n * age) FROM users, (VALUES (1), (2.5), (NULL)) AS v (n)

-- quoted numbers take the type that they stand beside
SELECT sum(CASE WHEN age > 20 THEN balance ELSE '0' END), sum(coalesce(balance, '1.5')), sum(age + '3') FROM users

-- scalars of subqueries
SELECT sum((SELECT max(population) FROM countries WHERE code = country)) FROM users

-- arms of a union, integers and numerics
SELECT sum(x), avg(x) FROM (SELECT age FROM users UNION ALL SELECT balance FROM users) AS s (x)

-- what a recursive query gives
WITH RECURSIVE chain AS (SELECT follower, followee, 1 AS n FROM follows WHERE follower = 'ann'
UNION SELECT f.follower, f.followee, n + 1 FROM follows f JOIN chain c ON f.follower = c.followee WHERE n < 4)
SELECT count(*), sum(n), avg(n) FROM chain

-- what window functions give
SELECT sum(r), sum(before), sum(total) FROM (SELECT rank() OVER (ORDER BY age) AS r, lag(balance) OVER (ORDER BY username) AS before,
sum(age) OVER (PARTITION BY country) AS total FROM users) s

-- a view's columns
SELECT avg(likes), sum(likes * 0.1) FROM written

-- the types that casts name
SELECT sum(full_name::text::varchar::integer), sum(('1 day ' || age)::interval) FROM users WHERE full_name ~ '^[0-9]+$'

-- an extension's type of the same operator name
SELECT sum(n % 7), count(*) FROM words WHERE ci <> 'a'

-- Lists whose order is not seen, or given.
-- the length of a list
SELECT country, array_length(array_agg(username), 1), cardinality(array_agg(age)) FROM users GROUP BY country

-- … of a list in a subquery, of a list that may be empty, of a text
SELECT array_length((SELECT array_agg(id) FROM posts), 1), cardinality(coalesce(array_agg(age), '{}'::int[])), length(string_agg(username, ', ')),
jsonb_array_length(jsonb_agg(age)), json_array_length(json_agg(age)) FROM users

-- membership in a list
SELECT country, 'bob' = ANY (array_agg(username)), array_agg(username) @> ARRAY['ann'], array_agg(username) && '{zoe,kim}' FROM users GROUP BY country

-- a list is there, or not
SELECT array_agg(age) IS NULL, array_agg(id) IS NOT NULL FROM users, posts WHERE users.username = posts.body

-- = ANY of an array of a query
SELECT username FROM users WHERE username = ANY (ARRAY(SELECT followee FROM follows WHERE since > '2024-03-03'))

-- no less than the number of rows
SELECT cardinality(ARRAY(SELECT age FROM users WHERE age > 20)), array_upper(ARRAY(SELECT username FROM posts), 1)

-- an object of keys that differ, sorted
SELECT jsonb_object_agg(username, age) FROM users

-- … of an expression, in groups, in another object
SELECT active, jsonb_build_object('all', jsonb_object_agg(lower(full_name) || username, karma), 'n', count(*)) FROM users GROUP BY active ORDER BY active

-- … of what a UNION ALL gives
SELECT jsonb_object_agg(k, v) FROM (SELECT username AS k, age AS v FROM users WHERE age > 30 UNION ALL SELECT code || '?', 1 FROM countries) x

-- … because they are groups
SELECT jsonb_object_agg(c, n) FROM (SELECT coalesce(country, '-') AS c, count(*) AS n FROM users GROUP BY 1) s

-- … and numbers
SELECT jsonb_object_agg(w, n) FROM (SELECT weight AS w, count(*) AS n FROM events WHERE weight IS NOT NULL GROUP BY weight) s

-- a list of rows that a CTE has sorted
WITH s AS (SELECT username, age FROM users ORDER BY username) SELECT json_agg(s.username), array_agg(age) FROM s

-- … a subquery within
SELECT json_agg(r) FROM (SELECT row_to_json(s) AS r FROM (SELECT username, age FROM users ORDER BY username) s) t

-- … with lists of their own
SELECT json_agg(r) FROM (SELECT json_build_object('u', s.username, 'p', p.list) AS r FROM (SELECT username FROM users WHERE age > 30 ORDER BY username) s
LEFT JOIN LATERAL (SELECT json_agg(id ORDER BY id) AS list FROM posts WHERE posts.username = s.username) p ON true) t

-- bounds of ranges, of which the averages are exact
SELECT country, avg(upper(int4range(0, age)) - lower(int4range(0, age))), sum(upper(numrange(0, balance))), avg(upper(tstzrange(NULL, now())) - now())
FROM users WHERE age >= 0 AND balance >= 0 GROUP BY country ORDER BY country

-- elements of arrays, named arguments
SELECT sum((ARRAY[age, 2])[1]), avg((ARRAY[balance, 2])[1]), avg(make_interval(days => age % 5)) FROM users

-- what is chosen in order
SELECT avg(m), stddev(d) FROM (SELECT mode() WITHIN GROUP (ORDER BY age) AS m, percentile_disc(0.5) WITHIN GROUP (ORDER BY balance) AS d FROM users GROUP BY country) x

-- columns of functions
SELECT sum(t.a), avg(t.b), sum(x.v * x.n), max(x.n), sum(z.b) FROM users, jsonb_to_record('{"a":1,"b":2.5}') AS t (a int, b numeric),
unnest(ARRAY[1, 2, age]) WITH ORDINALITY AS x (v, n), ROWS FROM (generate_series(1, 3), json_to_recordset('[{"q":2}]') AS (q int)) AS z (a, b)

-- an equal subquery in GROUP BY
SELECT (SELECT max(p.likes) FROM posts p LEFT JOIN events e ON e.weight = p.likes WHERE p.likes > c.population) AS most, count(*) FROM countries c
GROUP BY (SELECT max(p.likes) FROM posts p LEFT JOIN events e ON e.weight = p.likes WHERE p.likes > c.population)

-- an outer query's aggregate in a subquery of groups that move
SELECT country, max(age), (SELECT c.name FROM countries c WHERE c.population > max(u.age) ORDER BY c.code LIMIT 1) AS c FROM users u GROUP BY country ORDER BY country

-- … which has aggregates of its own
SELECT * FROM (SELECT p.likes, (SELECT count(DISTINCT u.age) FROM users u WHERE u.age > max(p.id)) AS n, (SELECT count(*) FROM (SELECT c.code FROM countries c
WHERE c.population <> min(p.id) ORDER BY 1 LIMIT 3) z) AS m FROM posts p GROUP BY p.likes) x WHERE n >= 0

-- … of all rows, beside an aggregate of its own and alone
SELECT count(*), (SELECT min(c.code) FROM countries c WHERE c.population > max(u.age)) FROM users u

-- … in a subquery that looks as if it had one
SELECT (SELECT max(u.age)) FROM users u

-- … with sets
SELECT country, active, count(*), EXISTS (SELECT 1 FROM posts p WHERE p.likes > max(u.age)) FROM users u GROUP BY CUBE (country, active)

-- integers as floats
SELECT sum(age::float8), avg(age::double precision), avg(weight::real) FROM users, events WHERE events.id < 4

-- fields of times
SELECT avg(date_part('hour', posted)), avg(date_part('year', posted)), sum(date_part('day', posted)) FROM posts

-- floats of few binary digits are added without rounding
SELECT sum(age / 8.0::float8), avg(age / 1024.0::float8), sum(-age::real / 16), avg(weight::real * 0.25) FROM users, events WHERE events.id < 4

-- … in groups over shards, as totals of groups, and of none
SELECT country, sum(age * 0.5::float8) AS half, avg(age * 0.5::float8) FILTER (WHERE active) FROM users GROUP BY ROLLUP (country) ORDER BY country, half

-- … in windows
SELECT username, sum(age * 0.5::float8) OVER (PARTITION BY country), avg(age::float8) OVER (ORDER BY active) FROM users

-- … of no rows, and of NULLs
SELECT sum(score), avg(score) FROM users WHERE username < ''

-- minus zero
SELECT sum(-0.0::float8), avg(-0.0::float8), sum(-0.0::real) FROM posts

-- … joined, in HAVING and ORDER BY
SELECT c.name, sum(u.age * 1.5::float8) FROM users u JOIN countries c ON c.code = u.country GROUP BY c.name HAVING avg(u.age::float8) > 20 ORDER BY avg(u.age::float8) DESC, 1

-- a sum that is rounded does not show its last digits
SELECT round(sum(f8)::numeric, 3), round(avg(f8)::numeric, 2) AS mean, sum(f8)::int, avg(f8)::numeric(10, 4), sum(f8) > 1, to_char(sum(f8), '999990.00')
FROM zoo WHERE id < 100

-- … in groups
SELECT i2 % 3 AS third, round((sum(f8) * 100 / count(*))::numeric, 1), floor(sum(f8)), round(sum(f4)::numeric, 2), coalesce(avg(f4), 0)::int, avg(f8) IS NULL
FROM zoo WHERE id < 100 GROUP BY 1 ORDER BY 1

-- … in windows
SELECT id, round(sum(f8) OVER (PARTITION BY i2 % 3)::numeric, 4), round(avg(f8) OVER ()::numeric, 6) FROM zoo WHERE id < 100

-- … of integers that are too large to be added exactly
SELECT (sum(id * 1e15::float8) / 1e15)::int, round((avg(id * 1e15::float8) / 1e13)::numeric, 3) FROM zoo WHERE id < 100

-- deviations that are rounded do not show it either
SELECT round(stddev(f8)::numeric, 4), round(variance(f8)::numeric, 2), round(stddev_pop(f4)::numeric, 3), var_pop(f8)::numeric(12, 3), var_samp(f4) > 1
FROM zoo WHERE id < 100

-- … in groups, of one row and of equal ones
SELECT i2 % 7 AS g, round(stddev(f8)::numeric, 2), round(stddev_pop(f8)::numeric, 2), stddev(i2 * 0.5::float8) IS NULL, variance(1.5::float8)
FROM zoo WHERE id < 100 GROUP BY 1 ORDER BY 1

-- … in windows, and with FILTER
SELECT id, round(stddev(f8) OVER (PARTITION BY i2 % 3)::numeric, 4), round(var_pop(f8) FILTER (WHERE id % 2 = 0) OVER ()::numeric, 5) FROM zoo WHERE id < 100

-- regression, rounded
SELECT round(corr(likes, id)::numeric, 4), round(regr_slope(likes, id)::numeric, 6), round(regr_intercept(likes, id)::numeric, 4),
round(regr_r2(likes, id)::numeric, 5), round(covar_pop(likes, id)::numeric, 3), round(covar_samp(likes, id * 0.1)::numeric, 3) FROM posts

-- … in groups; those of one row or of equal ones have none
SELECT username, round(corr(likes, id)::numeric, 6), regr_count(likes, id), round(regr_slope(likes, id)::numeric, 6), regr_avgx(likes, id), regr_avgy(likes, id),
round(regr_sxx(likes, id)::numeric, 2), round(regr_syy(likes, id)::numeric, 2), round(regr_sxy(likes, id)::numeric, 2), corr(1, id), regr_r2(1.0, id), regr_slope(likes, 7)
FROM posts GROUP BY username, id % 2 ORDER BY username, 3, 5, 6

-- what is computed of several sums, and rounded
SELECT round((sum(f8) / count(f8))::numeric, 3), round((sum(f8) / sum(f4))::numeric, 3), round((avg(f8) - avg(f4))::numeric, 3),
round((100 * sum(f8) FILTER (WHERE id % 2 = 0) / nullif(sum(f8), 0))::numeric, 2), round((stddev(f8) / avg(f8))::numeric, 2), round(sqrt(avg(f8 * f8))::numeric, 3),
round(abs(-sum(f8))::numeric, 2), round((avg(f8 ^ 2) - avg(f8) ^ 2)::numeric, 2) FROM zoo WHERE id < 100

-- … with numerics between
SELECT round(sum(f8)::numeric / count(*), 2), round(sum(f8)::numeric / nullif(sum(f4)::numeric, 0), 2), round(avg(f8)::numeric * 100, 1) || '%' FROM zoo WHERE id < 100

-- … chosen, compared, the largest of
SELECT i2 % 3 AS third, round((CASE WHEN sum(f8) > 0 THEN sum(f4) / sum(f8) ELSE -1 END)::numeric, 2), avg(f8) > avg(f4) + 1, greatest(round(avg(f8)::numeric, 2), 3),
round(greatest(avg(f8), avg(f4), 0)::numeric, 2), sum(f8) BETWEEN 1 AND 10000000, avg(f8) NOT BETWEEN 1 AND 2, sum(f8) = 3.3, coalesce(round((sum(f8) / nullif(sum(f8), 0))::numeric, 1), 0)
FROM zoo WHERE id < 100 GROUP BY 1 ORDER BY 1

-- … in a subquery that rows are compared with
SELECT id, f8 FROM zoo WHERE id < 100 AND f8 > 1.01 * (SELECT avg(f8) FROM zoo WHERE id < 100)

-- … where one of them is as large as the average, to the last bit
SELECT id, f8 FROM zoo WHERE id < 100 AND f8 > (SELECT avg(f8) FROM zoo WHERE id < 100)

-- … by both, in a join, with an average of its own
SELECT z.i2 % 3 AS third, round((avg(z.f8) / (SELECT avg(f8) FROM zoo WHERE id < 100))::numeric, 2) AS share, count(*) FROM zoo z
JOIN events e ON e.id = z.id AND abs(z.f8 - (SELECT avg(f8) FROM zoo WHERE id < 100)) < 3 * (SELECT stddev(f8) FROM zoo WHERE id < 100)
WHERE z.id < 100 GROUP BY 1 HAVING avg(z.f8) > (SELECT 0.1 * avg(f8) FROM zoo WHERE id < 100) ORDER BY 1

-- … of no rows, of groups
SELECT id FROM zoo WHERE id < 100 AND (f8 > (SELECT avg(f8) FROM zoo WHERE id > 1000000000) OR f8 >= (SELECT 0.9 * avg(f8) FROM zoo WHERE id < 100 GROUP BY id % 1 HAVING avg(f8) > 0))

-- … of several groups: 21000
SELECT id FROM zoo WHERE id < 100 AND f8 > (SELECT avg(f8) FROM zoo WHERE id < 100 GROUP BY i2 % 3)

-- … of no rows
SELECT round((sum(score) / nullif(sum(score), 0))::numeric, 2), round(stddev(score)::numeric, 2), round(corr(score, age)::numeric, 2), coalesce(avg(score), 0), sqrt(sum(score))
FROM users WHERE username < ''

-- groups in the order of sums of floats
SELECT i2 % 5, count(*) FROM zoo WHERE id < 100 AND f8 < 1e6 GROUP BY 1 ORDER BY avg(f8) DESC NULLS LAST LIMIT 3

-- … behind other keys, in sets
SELECT country, active FROM users WHERE score < 100 GROUP BY ROLLUP (country, active) ORDER BY active, sum(score) / count(score) NULLS FIRST, country

-- … in windows
SELECT country, rank() OVER (ORDER BY avg(score) DESC), dense_rank() OVER w, ntile(3) OVER (PARTITION BY active ORDER BY sum(score) + 1, country)
FROM users WHERE score < 100 GROUP BY country, active WINDOW w AS (ORDER BY round(avg(score)::numeric, 1), country) ORDER BY 2, 1

-- … of a derived table, with DISTINCT ON
SELECT DISTINCT ON (x.active) x.* FROM (SELECT active, country, row_number() OVER (PARTITION BY active ORDER BY stddev(score), country) AS n FROM users WHERE score < 100 GROUP BY 1, 2) x
ORDER BY x.active, x.n

-- sums of floats that are columns of a subquery: compared with each row's value
SELECT z.id, round(((z.f8 - s.m) / nullif(s.d, 0))::numeric, 2) FROM zoo z JOIN (SELECT i2 % 3 AS g, avg(f8) AS m, stddev(f8) AS d FROM zoo WHERE id < 100 GROUP BY 1) s ON s.g = z.i2 % 3
WHERE z.id < 100 AND abs(z.f8 - s.m) < 2 * s.d ORDER BY 1

-- … of a CTE, all of its columns, the first ones
WITH s AS (SELECT country, active, sum(score) AS v FROM users WHERE score < 100 GROUP BY 1, 2), k AS (SELECT s.*, rank() OVER (PARTITION BY active ORDER BY v DESC) AS r FROM s)
SELECT country, active, round(v::numeric, 2), r FROM k WHERE r <= 2 ORDER BY active, r, country

-- … through several levels, in each their names
SELECT b, round(c::numeric, 1) FROM (SELECT b, c FROM (SELECT *, v * 2 AS c FROM (SELECT active, avg(score) FROM users WHERE score < 100 GROUP BY 1) s (b, v)) t) u WHERE c > 0 ORDER BY u.c DESC, b

-- … beside those of the row before
WITH s AS (SELECT country, sum(score) AS v FROM users WHERE score < 100 GROUP BY 1)
SELECT country, round((v - lag(v) OVER (ORDER BY country))::numeric, 2), lead(v, 1, 0) OVER (ORDER BY country) > v, round((v - first_value(v) OVER (ORDER BY country))::numeric, 2) FROM s ORDER BY 1

-- … in groups, counted, in the shape of a CASE
SELECT CASE WHEN a > 10 THEN 'much' ELSE 'little' END AS how, count(*), max(country), count(*) FILTER (WHERE a > 20) FROM (SELECT country, avg(score) AS a FROM users WHERE score < 100 GROUP BY 1) s
GROUP BY how ORDER BY how

-- … of a query of WITH that is read twice: compared with their average
WITH s AS (SELECT country, sum(score) AS v FROM users WHERE score < 100 GROUP BY 1) SELECT country, round(v::numeric, 1), v > (SELECT avg(v) FROM s) FROM s WHERE v > 0.1 * (SELECT max(v) FROM s) ORDER BY v DESC NULLS LAST, 1

-- … joined to themselves, and to their largest
WITH s AS (SELECT country, sum(score) AS v FROM users WHERE score < 100 GROUP BY 1), m (t) AS (SELECT max(v) FROM s)
SELECT a.country, b.country, round((a.v / m.t)::numeric, 2) FROM s a JOIN s b ON a.v > b.v * 1.5 AND a.country < b.country, m WHERE m.t > 0 ORDER BY 1, 2

-- … added up, per group and as shares
SELECT active, round(avg(v)::numeric, 2), round(sum(v)::numeric, 2), round(max(v)::numeric, 1), count(v) FROM (SELECT active, country, avg(score) AS v FROM users WHERE score < 100 GROUP BY 1, 2) s GROUP BY active ORDER BY 1

-- … as shares of a window's sum
WITH s AS (SELECT country, sum(score) AS v FROM users WHERE score < 100 GROUP BY 1) SELECT country, round((100 * v / nullif(sum(v) OVER (), 0))::numeric, 1) FROM s ORDER BY 1

-- … of a LATERAL subquery, null-extended
SELECT c.code, round(s.t::numeric, 2), s.t IS NULL FROM countries c LEFT JOIN LATERAL (SELECT sum(u.score) AS t FROM users u WHERE u.country = c.code AND u.score < 100) s ON s.t > 5 ORDER BY s.t NULLS FIRST, 1

-- … of a subquery that each shard answers
SELECT x.username, round((x.s / nullif(x.n, 0))::numeric, 3) FROM (SELECT username, sum(likes / 3.0::float8) AS s, count(*) AS n FROM posts GROUP BY 1) x JOIN follows f ON f.followee = x.username
WHERE x.s > 1 ORDER BY x.s DESC, 1 LIMIT 7

-- floats in an order of their own
SELECT sum(score ORDER BY username), avg(score ORDER BY score), stddev(score ORDER BY username DESC), corr(score, age ORDER BY username) FROM users WHERE score < 100

-- … in a window
SELECT username, sum(score) OVER (ORDER BY username), avg(score) OVER (PARTITION BY country ORDER BY username ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
FROM users

-- … in a window with a name, and one that builds on it
SELECT username, sum(score) OVER w, avg(score) OVER (w ROWS 1 PRECEDING) FROM users WINDOW w AS (PARTITION BY active ORDER BY username)

-- … different ones
SELECT sum(DISTINCT score), avg(DISTINCT score) FROM users WHERE score < 100

-- The rows of a join on the key, for aggregates that are not made of parts.
-- groups by what depends on the key
SELECT u.username, u.country, stddev(p.likes), percentile_disc(0.5) WITHIN GROUP (ORDER BY p.id) FROM users u JOIN posts p ON p.username = u.username
GROUP BY u.country, u.username

-- … by a primary key, with columns that depend on it
SELECT u.full_name, u.age + 1 AS a, variance(p.likes) FILTER (WHERE p.id > 1), string_agg(p.body, ',' ORDER BY p.id) FROM users u JOIN posts p ON p.username = u.username
GROUP BY u.username HAVING count(*) > 1

-- … by an expression, in sets, with a window over it
SELECT lower(u.country) AS c, active, stddev_pop(p.likes), count(DISTINCT p.id), rank() OVER (ORDER BY variance(p.likes), lower(u.country), active) FROM users u
JOIN posts p ON p.username = u.username GROUP BY GROUPING SETS ((lower(u.country)), (active), ())

-- … of no rows
SELECT stddev(p.likes), mode() WITHIN GROUP (ORDER BY p.id) FROM users u JOIN posts p ON p.username = u.username WHERE u.age > 1000

-- … of all, limited
SELECT u.country, stddev(p.likes) AS s FROM users u LEFT JOIN posts p ON p.username = u.username GROUP BY 1 ORDER BY 2 DESC NULLS LAST, 1 LIMIT 3

-- … of distinct rows
SELECT DISTINCT stddev(p.likes) FROM users u LEFT JOIN posts p ON p.username = u.username GROUP BY u.age

-- a merged column of a FULL JOIN
SELECT sum(id), avg(id), stddev(id) FROM posts FULL JOIN notes USING (id)

-- [script]
-- A plan is not used for literals of another type.
-- a large whole number, and one with a fraction
SELECT sum(age + 3000000000) FROM users;
SELECT sum(age + 2.5) FROM users;
SELECT max(age + 3000000000) FROM users;
SELECT max(age + 2.25) FROM users;

-- [rows]
-- Aggregates of the query around the one that they stand in.
-- alone
SELECT (SELECT max(u.age)), (SELECT count(u.country) + 1) FROM users u

-- … of no rows
SELECT (SELECT max(u.age)), (SELECT count(*) FROM countries WHERE population > count(u.age)) FROM users u WHERE u.age > 1000

-- beside columns of groups
SELECT country, (SELECT sum(u.age)), (SELECT name FROM countries c WHERE c.code = u.country AND count(u.age) > 2) FROM users u GROUP BY country

-- in HAVING
SELECT country FROM users u GROUP BY country HAVING EXISTS (SELECT 1 FROM countries c WHERE c.code = u.country AND count(u.username) > 3)

-- over rows of one shard
SELECT (SELECT max(u.age)), (SELECT count(*) FROM posts WHERE username = 'zoe') FROM users u WHERE u.username = 'bob'

-- beside a query of another sharded table
SELECT (SELECT max(u.age)), (SELECT count(*) FROM posts p WHERE p.likes < max(u.age)) FROM users u

-- of both, which is the inner query's
SELECT u.username, (SELECT max(u.age + p.likes) FROM posts p WHERE p.username = u.username) FROM users u

-- lists of no rows
SELECT count(*), array_agg(username), string_agg(username, ',') FROM users WHERE false

-- lists of groups by the first columns of a subquery's ORDER BY
SELECT country, array_agg(username) FROM (SELECT country, username FROM users ORDER BY country, username) s GROUP BY country;
SELECT country, active, string_agg(username, ','), count(*) FROM (SELECT u.country, u.active, u.username FROM users u ORDER BY u.country, u.active, u.username DESC) s GROUP BY s.country, s.active ORDER BY s.country;
SELECT country, json_agg(s) FROM (SELECT country AS country, age, username FROM users ORDER BY 1, 2, 3) s WHERE age > 20 GROUP BY 1 HAVING count(*) > 1 ORDER BY count(*), 1;
SELECT country, array_agg(likes) FROM (SELECT country, likes, p.username FROM users JOIN posts p ON likes = age ORDER BY country, likes, p.username) s GROUP BY country;

-- … by others, which PostgreSQL may sort again
SELECT country, array_agg(username) FROM (SELECT country, username FROM users ORDER BY username, country) s GROUP BY country;
SELECT country, array_agg(username) FROM (SELECT country, username FROM users ORDER BY country DESC, username) s GROUP BY country;
SELECT country, array_agg(username) FROM (SELECT country, username FROM users ORDER BY country, username) s GROUP BY country ORDER BY country DESC;
SELECT x, array_agg(username) FROM (SELECT title AS country, country AS x, username FROM users ORDER BY country, username) s GROUP BY x;
SELECT b, array_agg(a) FROM (SELECT country, username FROM users ORDER BY country, username) s (a, b) GROUP BY b;

-- spreads of floats in a subquery, of groups that have one row, of what squares cannot tell, and of infinite numbers
SELECT round(avg(x)::numeric, 2), count(x) FROM (SELECT stddev(score) AS x FROM users GROUP BY country, age) s;
SELECT round(max(x)::numeric, 4), round(min(x)::numeric, 4) FROM (SELECT covar_samp(score, age / 7.0::float8) AS x FROM users WHERE score < 100 GROUP BY age) s;
SELECT count(*) FROM users WHERE age > (SELECT stddev_pop(CASE WHEN age < 30 THEN 'infinity'::float8 ELSE score * 1.1 END) FROM users);
SELECT stddev_pop(CASE WHEN age < 30 THEN 'infinity'::float8 ELSE score * 1.1 END) + stddev(score * 1.1) FROM users WHERE score < 100;
WITH c AS (SELECT country, stddev_pop(CASE WHEN age < 20 THEN 'nan'::float8 ELSE score * 1.1 END) AS x FROM users GROUP BY country) SELECT country, round(x::numeric, 2), x > (SELECT avg(x) FROM c) FROM c;
SELECT sum(score * 1e-320::float8) < 3 FROM users WHERE score < 100;

-- … and of none
SELECT max(x), max(y), count(*) FROM (SELECT stddev(f8) AS x, var_pop(f8) AS y FROM zoo WHERE f8 IS NULL OR abs(f8) < 1e9 GROUP BY id % 7, f8 IS NULL) s;
SELECT round(max(x)::numeric, 3), count(*) FROM (SELECT country, regr_intercept(score, age) + covar_pop(score, age) AS x FROM users WHERE score IS NULL OR score < 50 GROUP BY country, score IS NULL) s;

-- subqueries over subqueries that name the column of the one below several times: neither Keyway nor the home shard may look into it once for each
WITH a AS (SELECT country, sum(score) AS s FROM users WHERE score < 100 GROUP BY country), b AS (SELECT country, CASE WHEN s > 1 THEN s WHEN s < -1 THEN -s WHEN s = 0 THEN 0 ELSE s END AS s FROM a), c AS (SELECT country, CASE WHEN s > 1 THEN s WHEN s < -1 THEN -s WHEN s = 0 THEN 0 ELSE s END AS s FROM b), d AS (SELECT country, CASE WHEN s > 1 THEN s WHEN s < -1 THEN -s WHEN s = 0 THEN 0 ELSE s END AS s FROM c) SELECT country, round(max(s)) FROM d GROUP BY country ORDER BY country;
SELECT round(max(s)) FROM (SELECT CASE WHEN s > 1 THEN s ELSE -s END AS s FROM (SELECT CASE WHEN s > 1 THEN s ELSE -s END AS s FROM (SELECT avg(score) AS s FROM users WHERE score < 100 GROUP BY country) x ORDER BY x.s LIMIT 3) y) z;

-- jsonb_object_agg() of equal keys that have equal values, and of what a subquery gives
SELECT jsonb_object_agg(coalesce(country, 'x'), 1), jsonb_object_agg(coalesce(country, 'x'), upper(country)) FROM users;
SELECT jsonb_object_agg(username || '/' || id, (SELECT count(*) FROM users u WHERE u.age = p.likes)) FROM posts p;
SELECT country, jsonb_object_agg(username, (SELECT sum(likes) FROM posts p WHERE p.likes < u.age)) FROM users u GROUP BY country;
SELECT jsonb_object_agg(coalesce(country, 'x'), NULL), jsonb_object_agg(coalesce(country, 'x'), 'y') FROM users;

-- DISTINCT constants beside partial values: a shard without rows has a row of these, but no group
SELECT count(DISTINCT 1), count(*) FROM users WHERE age < -1;
SELECT count(DISTINCT 'x'), sum(DISTINCT 1), array_agg(DISTINCT 3), string_agg(DISTINCT 'x', ','), count(*), max(age) FROM users WHERE age < -1;
SELECT count(DISTINCT 'x'), sum(DISTINCT 1), array_agg(DISTINCT 3), string_agg(DISTINCT 'x', ','), count(*), max(age) FROM users WHERE age > 20;
SELECT count(DISTINCT 1) FILTER (WHERE true), count(DISTINCT 1) FILTER (WHERE false), sum(age) FROM users WHERE username = ANY (ARRAY['ann', 'zoe']);
SELECT x.a, x.b, c.code FROM (SELECT count(DISTINCT 1) AS a, sum(age) AS b FROM users WHERE age < -1) x, countries c ORDER BY c.code;

-- sums of columns of recursive queries in the queries of WITH behind them
WITH RECURSIVE r AS (SELECT username, age, 0 AS l FROM users WHERE age < 30 UNION ALL SELECT u.username, u.age, l + 1 FROM users u JOIN r ON u.age = r.age + 3 WHERE l < 4), s AS (SELECT kind, sum(l) AS n, avg(age) AS m FROM r JOIN events e ON e.username = r.username GROUP BY kind) SELECT * FROM s ORDER BY kind;
WITH RECURSIVE one AS (SELECT 1 AS n), s AS (SELECT avg(one.n), count(*) FROM posts, one) SELECT * FROM s;
WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5), s AS (SELECT sum(n) AS x FROM r, users) SELECT x, (SELECT sum(n) FROM r) FROM s;
WITH RECURSIVE later AS (SELECT sum(n) AS x, count(*) FROM early, users), early (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM early WHERE n < 3) SELECT count FROM later;

-- GROUP BY finds an expression by what its names mean: with the table's name here and without it there it is the same
SELECT age % 2, count(country) FROM users GROUP BY users.age % 2 ORDER BY users.age % 2;
SELECT lower(u.country), count(*), max(u.age) FROM users u GROUP BY lower(country) HAVING lower(u.country) > 'a' ORDER BY lower(country);
SELECT u.age % 3, count(*) FROM users u JOIN posts p USING (username) GROUP BY age % 3;
SELECT likes % 2, rank() OVER (ORDER BY posts.likes % 2), sum(count(*)) OVER (ORDER BY posts.likes % 2) FROM posts GROUP BY public.posts.likes % 2;
SELECT CASE WHEN p.likes > 3 THEN 'many' ELSE 'few' END, count(DISTINCT id) FROM posts p GROUP BY CASE WHEN likes > 3 THEN 'many' ELSE 'few' END;
SELECT (age % 2) + 1, stddev(karma) FROM users GROUP BY users.age % 2 ORDER BY (users.age % 2) + 1;
WITH w AS (SELECT age % 2 AS k, count(*) AS n FROM users GROUP BY users.age % 2) SELECT w.k % 2, sum(n) FROM w GROUP BY k % 2 ORDER BY 1;
SELECT users.age % 2, grouping(age % 2), count(*) FROM users GROUP BY ROLLUP (users.age % 2) ORDER BY 1, 2, 3;
SELECT u.age % 2, age % 2, count(*) FROM users u GROUP BY ROLLUP (1, 2);
SELECT u.age % 2, age % 2, count(*) FROM users u GROUP BY CUBE (age % 2, u.age % 2);

-- … and in spellings that are the same for PostgreSQL alone
SELECT age::integer % 2, count(*) FROM users GROUP BY age % 2 ORDER BY 1;
SELECT substring(country, 1, 1), count(*) FROM users GROUP BY substring(country FROM 1 FOR 1) ORDER BY 1;
SELECT likes BETWEEN 1 AND 2, count(*) FROM posts GROUP BY likes >= 1 AND likes <= 2 ORDER BY 1;
SELECT likes = ANY (ARRAY[1, 2]), sum(id) FROM posts GROUP BY likes IN (1, 2) ORDER BY 1;
SELECT lower(country), count(*) FROM users GROUP BY pg_catalog.lower(country) ORDER BY 1;

-- SELECT DISTINCT is sorted by an output in another spelling
SELECT DISTINCT u.age + 1 FROM users u ORDER BY age + 1 LIMIT 5;
SELECT DISTINCT lower(users.country) FROM users ORDER BY lower(country) DESC;
SELECT DISTINCT age::integer + 1 FROM users ORDER BY age + 1 LIMIT 5;

-- what follows from a primary key that is joined, beside what does not
SELECT u.full_name, u.age + 1, count(*), count(DISTINCT e.kind) FROM users u JOIN events e ON e.weight = u.age % 5 GROUP BY u.username ORDER BY u.username;
SELECT x.full_name, count(*) FROM (SELECT * FROM users) x GROUP BY x.username;

-- grouping sets of which one can only be sorted and one only hashed
SELECT f, x, grouping(f, x), count(*) FROM (SELECT (age % 8)::bit(4) AS f, (age % 3)::text::xid AS x FROM users) s GROUP BY GROUPING SETS ((f), (x))

-- groups that meet in a merge: keys of every type that it orders, NULLs among them
SELECT f8, count(*), min(num52), max(f4), bool_or(bl) FROM zoo WHERE f8 <> 0 OR f8 IS NULL GROUP BY f8;
SELECT f4, num52, count(*) FROM zoo GROUP BY f4, num52;
SELECT bl, i2, sum(id), sum(i2), min(d), max(ts), min(tz), max(u), min(bin) FROM zoo GROUP BY bl, i2;
SELECT d, ts, tz, count(*) FROM zoo GROUP BY 1, 2, 3;
SELECT u, bin, nm, c5, vc, count(num), count(*) FROM zoo GROUP BY (u, bin), nm, c5, vc;
SELECT age, sum(karma), every(active), bool_and(active) FILTER (WHERE age > 30) FROM users GROUP BY age;
SELECT english, n % 2, count(*), min(bytes) FROM words GROUP BY english, n % 2;
SELECT letter, padded, short, tag, count(*) FROM words GROUP BY letter, padded, short, tag;
SELECT upper_first, count(*) FROM words GROUP BY upper_first;
SELECT folded, count(*) FROM words GROUP BY folded HAVING count(*) > 100;
SELECT points COLLATE "C", count(*) FROM words GROUP BY points COLLATE "C";

-- … of which a column shows nothing, one twice, or a constant
SELECT count(*), 'of', 5, NULL FROM posts GROUP BY likes;
SELECT count(*) FROM posts GROUP BY likes % 3, id % 2;
SELECT country, country AS again, max(country) FROM users GROUP BY users.country;
SELECT country AS age, count(*) FROM users GROUP BY age;
SELECT age % 2 AS parity, count(*), sum(age) FROM users GROUP BY parity;

-- … over joins, FULL ones too, and of no rows
SELECT p.likes, count(*), count(u.username), max(u.age) FROM users u FULL JOIN posts p USING (username) GROUP BY p.likes;
SELECT p.username, count(*) FROM users u LEFT JOIN posts p USING (username) WHERE u.age < 50 GROUP BY p.username;
SELECT u.age, c.code, count(*), sum(c.population) FROM users u JOIN countries c ON c.code = u.country GROUP BY u.age, c.code;
SELECT age, count(*) FROM users WHERE age < -5 GROUP BY age;
SELECT age, (SELECT count(*) FROM posts p WHERE p.username = max(u.username)) FROM users u GROUP BY age;
SELECT age % 4, count(*) FROM users WHERE username IN (SELECT username FROM posts WHERE likes > 2) GROUP BY age % 4;
SELECT age, count(DISTINCT username), count(DISTINCT country) FROM users GROUP BY age;

-- … whose sums are too large for their type, or errors of one group
SELECT sum(b) FROM (SELECT age, 9000000000000000000 AS b FROM users) s GROUP BY age % 2;
SELECT age % 2, sum(9000000000000000000::int8) FROM users GROUP BY age % 2;
SELECT age % 2, sum(1000 / (age - 30)) FROM users GROUP BY age % 2;

-- DISTINCT, the same way
SELECT DISTINCT country, active FROM users;
SELECT DISTINCT f8, f4, num52, bl FROM zoo WHERE f8 <> 0 OR f8 IS NULL;
SELECT DISTINCT 'x', likes % 3, NULL FROM posts;
SELECT DISTINCT english COLLATE "C", n % 2 FROM words;
SELECT DISTINCT p.* FROM users u JOIN posts p USING (username) WHERE u.age > 30;
SELECT DISTINCT likes, (SELECT u.age % 2 FROM users u WHERE u.username = p.username) FROM posts p;
SELECT DISTINCT unnest(tags) FROM users;
SELECT DISTINCT random() < 2, country FROM users;

-- UNION has a row once, however many arms and shards give it
SELECT age FROM users UNION SELECT likes FROM posts;
SELECT country FROM users UNION SELECT code FROM countries;
SELECT country, age FROM users UNION SELECT code, 30 FROM countries UNION ALL SELECT 'de', 30;
SELECT country, age FROM users UNION ALL SELECT 'de', 30 UNION SELECT code, 30 FROM countries;
SELECT age FROM users UNION (SELECT likes FROM posts UNION ALL SELECT 30);
SELECT age FROM users UNION (SELECT likes FROM posts EXCEPT SELECT age FROM users);
SELECT username, age FROM users UNION (SELECT username, likes FROM posts INTERSECT SELECT username, id FROM posts);
SELECT age FROM users UNION SELECT count(*)::int FROM posts;
SELECT age FROM users UNION SELECT max(likes) FROM posts GROUP BY username;
SELECT age FROM users UNION SELECT karma FROM users;
SELECT born FROM users UNION SELECT d FROM zoo;
SELECT active, age FROM users WHERE age > 30 UNION SELECT bl, i2 FROM zoo;
SELECT random() < 2, age FROM users UNION SELECT true, 5;
SELECT now() > '2020-01-01', age FROM users UNION SELECT true, 5;
SELECT english FROM words UNION SELECT term FROM terms;
SELECT 1 UNION SELECT age FROM users UNION SELECT age FROM users;

-- [total order]

-- groups in the order of their keys
SELECT country, count(*), sum(age) FROM users GROUP BY country ORDER BY country;
SELECT country, count(*), sum(age) FROM users GROUP BY country ORDER BY 1 DESC NULLS LAST LIMIT 3 OFFSET 1;
SELECT count(*) FROM users GROUP BY country ORDER BY country NULLS FIRST LIMIT 4;
SELECT active, age % 3 AS third, count(*) FROM users GROUP BY active, third ORDER BY third DESC, active NULLS FIRST;
SELECT max(id), likes AS l FROM posts GROUP BY likes ORDER BY l DESC OFFSET 2;
SELECT english, count(*) FROM words GROUP BY english ORDER BY english DESC, english COLLATE "C" LIMIT 7;
SELECT points, count(*) FROM words GROUP BY points ORDER BY points;
SELECT f8, count(*) FROM zoo WHERE f8 <> 0 OR f8 IS NULL GROUP BY f8 ORDER BY f8 DESC NULLS LAST;
SELECT age AS x, karma AS x FROM users GROUP BY age, karma ORDER BY x;
SELECT country FROM users GROUP BY country ORDER BY country LIMIT NULL OFFSET NULL;
SELECT country FROM users GROUP BY country ORDER BY country LIMIT 0;

-- … of aggregates
SELECT country, count(*) FROM users GROUP BY country ORDER BY count(*) DESC, country LIMIT 4;
SELECT country, count(*) AS c FROM users GROUP BY country ORDER BY c, country DESC NULLS LAST LIMIT 2 OFFSET 2;
SELECT likes FROM posts GROUP BY likes ORDER BY sum(id) DESC NULLS LAST, likes LIMIT 5;
SELECT likes % 4 FROM posts GROUP BY likes % 4, id % 3 ORDER BY max(posted), likes % 4, id % 3 LIMIT 6 OFFSET 1;
SELECT age, min(country) FROM users GROUP BY age ORDER BY min(country) NULLS FIRST, 1 LIMIT 10;
SELECT age, sum(karma) FROM users GROUP BY age ORDER BY 2 DESC, 1 LIMIT 10;
SELECT age, avg(karma) FROM users GROUP BY age ORDER BY count(*), age LIMIT 10;
SELECT age, count(*) FROM users GROUP BY age ORDER BY count(*) + age, age LIMIT 10;
SELECT 'x', age FROM users GROUP BY age ORDER BY 1, max(karma), age LIMIT 5;
SELECT age FROM users GROUP BY age ORDER BY count(*), age LIMIT 0;

-- DISTINCT and UNION in an order
SELECT DISTINCT country, active FROM users ORDER BY active DESC, country LIMIT 5 OFFSET 1;
SELECT DISTINCT age % 5 AS fifth FROM users ORDER BY fifth DESC;
SELECT DISTINCT age FROM users ORDER BY age % 5, age;
SELECT country FROM users UNION SELECT code FROM countries ORDER BY country DESC LIMIT 6;
SELECT age AS a, likes AS b FROM users JOIN posts USING (username) UNION SELECT 1, 2 ORDER BY b, 1 LIMIT 9;
SELECT age FROM users UNION SELECT likes FROM posts ORDER BY age + 1;
SELECT age AS n FROM users UNION SELECT likes FROM posts ORDER BY likes;
