-- Types: every value comes as PostgreSQL writes it, in text and in binary.

-- [total order]
-- numerics, floats and smallints
SELECT id, num, num52, f8, f4, i2 FROM zoo ORDER BY id

-- dates and times
SELECT id, ts, tz, d, t, ttz, iv FROM zoo ORDER BY id

-- json and jsonb
SELECT id, j, jb FROM zoo ORDER BY id

-- arrays
SELECT id, ints, texts, grid FROM zoo ORDER BY id

-- bytea, uuid, booleans and strings
SELECT id, bin, u, bl, c5, vc, nm FROM zoo ORDER BY id

-- networks, bits and money
SELECT id, ip, net, mac, bits, vbits, cash FROM zoo ORDER BY id

-- enums and domains
SELECT id, feeling, pos FROM zoo ORDER BY id

-- ranges
SELECT id, span, spans FROM zoo ORDER BY id

-- points, text search and XML
SELECT id, spot, doc, x FROM zoo ORDER BY id

-- row constructors
SELECT id, ROW(id, 'a', NULL) FROM zoo ORDER BY id LIMIT 5

-- composite values of a table, as text
SELECT id, z::text FROM zoo z ORDER BY id

-- types of expressions
SELECT id, id + 1, num * 2, f4 + 1, i2 + i2, ts - '2024-01-01', d - 1, iv * 2, t + '1 hour', ints || 5, vc || c5 FROM zoo WHERE id < 20 ORDER BY id

-- types of literals
SELECT id, 1, 1.0, 1e0, 'x', B'1', X'1F', DATE '2024-01-01', INTERVAL '1 day', NULL, ARRAY[1], '{}'::text[] FROM zoo ORDER BY id LIMIT 3

-- to_json of rows
SELECT id, to_json(z) FROM (SELECT id, num, d FROM zoo) z ORDER BY id LIMIT 5

-- typmods
SELECT num52, c5, vc, tz, bits, num52::numeric(7,1), vc::varchar(3) FROM zoo ORDER BY id LIMIT 3

-- a numeric sort with a numeric hidden key
SELECT id FROM zoo ORDER BY num52 DESC NULLS LAST, id

-- merged by real, with infinity
SELECT id, f4 FROM zoo ORDER BY f4, id

-- merged by float, with tiny values
SELECT id, f8 FROM zoo ORDER BY f8 DESC, id

-- merged by timestamptz(3)
SELECT id, tz FROM zoo ORDER BY tz DESC NULLS LAST, id

-- merged by a domain
SELECT id, pos FROM zoo ORDER BY pos, id

-- merged by uuid, downwards with NULLs
SELECT id, u FROM zoo ORDER BY u DESC, id

-- merged by smallint, NULLs first
SELECT id, i2 FROM zoo ORDER BY i2 NULLS FIRST, id

-- merged by timestamp cast
SELECT id, tz::timestamp FROM zoo ORDER BY tz::timestamp, id

-- merged by an extraction
SELECT id, extract(month FROM ts) FROM zoo ORDER BY extract(month FROM ts), id

-- [rows]
-- a domain stays one where an outer join has made it NULL, or a choice has been made
SELECT pg_typeof(x.p)::text AS p_type, pg_typeof(x.q)::text AS q_type, x.p, c.code FROM (SELECT z.pos AS p, coalesce(z.pos, z.pos) AS q FROM events e LEFT JOIN zoo z ON z.id = e.id) x JOIN countries c ON c.population > x.p

-- a key comparison of int8 with a domain value
SELECT id FROM zoo WHERE id = 5::positive

-- equality of every type
SELECT id FROM zoo WHERE num = 'NaN' OR u = md5('3')::uuid OR feeling = 'happy' OR bin = '\x0004' OR ip = '10.0.0.6' OR d = '2024-03-05'

-- containment
SELECT id FROM zoo WHERE ints @> '{4}' OR span @> 5 OR jb ? 'b' AND jb -> 'b' = '6'

-- text search
SELECT id FROM zoo WHERE doc @@ 'cat'::tsquery

-- interval arithmetics
SELECT id, justify_days(iv), extract(epoch FROM iv) FROM zoo WHERE id < 20

-- null handling
SELECT id, num IS NULL, coalesce(num52, 0), NULLIF(i2, 5), num52 IS NOT DISTINCT FROM NULL FROM zoo

-- aggregates of the types that combine
SELECT count(num), min(num), max(num52), min(d), max(ts), min(tz), max(f8), min(f4), max(i2), bool_or(bl), min(u::text COLLATE "C") FROM zoo

-- sums of smallint and of bigint
SELECT sum(i2), sum(id) FROM zoo

-- parameters of many types
--$ 5 | 1.5 | 2024-03-05 | {1,2}
SELECT id FROM zoo WHERE id = $1::bigint OR num52 = $2::numeric OR d = $3::date OR ints = $4::int[]

-- a bytea and a uuid parameter
--$ \x0004 | c81e728d9d4c2f636f067f89cc14862c
SELECT id FROM zoo WHERE bin = $1::bytea OR u = $2::uuid

-- an enum parameter
--$ happy
SELECT id FROM zoo WHERE feeling = $1

-- a json parameter
--$ {"b": 5}
SELECT id FROM zoo WHERE jb @> $1

-- a NULL parameter of every kind
--$ ~ | ~
SELECT id FROM zoo WHERE num52 = $1 OR texts = $2

-- a function that reads tables, called like a column
SELECT u.username, u.event_count FROM users u

-- the same in parentheses
SELECT (u).event_count FROM users u

-- a function that is VOLATILE because nobody said anything
SELECT username, half(age), ripe(age), sorted(tags) FROM users

-- the same where rows are chosen, grouped and added
SELECT ripe(age), count(*), sum(half(age)) FROM users WHERE half(age) > 10 GROUP BY ripe(age)

-- the same in the order of an aggregate, and in HAVING
SELECT country, string_agg(username, ',' ORDER BY half(age), username), max(half(age)) FROM users GROUP BY country HAVING max(half(age)) > 20

-- the same in rows that are gathered
SELECT a.username, half(b.age), rank() OVER (ORDER BY half(b.age), a.username, b.username) FROM users a JOIN users b ON half(a.age) = half(b.age + 1)

-- a function of theirs that gives rows, beside each row
SELECT u.username, s FROM users u, steps(u.age) s

-- a function of theirs with the key's value
SELECT ripe(age) FROM users WHERE username = 'bob'

-- an aggregate of theirs that takes rows in any order
SELECT country, product(age::numeric / 10), count(*) FROM users GROUP BY country HAVING product(1.5) > 1

-- one of theirs that may not, in order
SELECT sum_of_halves(age ORDER BY username), sum_of_halves(DISTINCT age) FROM users

-- one of theirs that reads tables
SELECT count_of_kinds(kind ORDER BY kind) FROM events

-- a harmless function called like a column
SELECT u.username, u.initial FROM users u

-- a function of a row that is gathered
SELECT u.initial, p.name FROM users u, places p

-- a function of all columns of a row that is gathered
SELECT initial(u.*), p.name FROM users u, places p

-- the type of a row that is gathered
SELECT pg_typeof(u.*)::text FROM users u, places p

-- an operator that reads tables
SELECT username, 'click'::text <~> username FROM users

-- an operator that reads tables, of constants only
SELECT 'click'::text OPERATOR(public.<~>) ''::text

-- a cast that reads tables
SELECT (kind::tally).n FROM events

-- a cast that reads tables, of a constant only
SELECT (('click'::text)::tally).n

-- [write]
-- values of every type
INSERT INTO zoo (id, num, f8, ts, tz, d, t, iv, j, jb, ints, texts, bin, u, bl, c5, vc, ip, bits, cash, feeling, feelings, pos, span) VALUES (500, 'NaN', '-Infinity', 'infinity', '2024-01-01 00:00:00.1235+02', '0001-01-01 BC', '24:00', '1 year -3 days', '{"a" : 1}', '{"a" : 1}', '{1,NULL}', '{"a,b",NULL,"NULL"}', '\xff00', '{a0eebc999c0b4ef8bb6d6bb9bd380a11}', 'yes', 'x', 'y', '::1', '111', '$1,234.50', 'sad', '{ok,happy}', 5, '[1,5]') RETURNING id, num, f8, ts, tz, d, t, iv, j, jb, ints, texts, bin, u, bl, c5, vc, ip, bits, cash, feeling, pos, span

-- a domain that is violated
INSERT INTO zoo (id, pos) VALUES (501, 1), (502, 0), (503, 2)

-- an enum label that does not exist
INSERT INTO zoo (id, feeling) VALUES (501, 'ok'), (502, 'angry')

-- a char that is padded
UPDATE zoo SET c5 = 'a', vc = 'b  ' WHERE id IN (2, 3, 4) RETURNING id, c5, vc

-- parameters of many types
--$ 600 | 1.50 | 2024-03-05 | {1,2} | happy | \x0102
INSERT INTO zoo (id, num, d, ints, feeling, bin) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, num, d, ints, feeling, bin
