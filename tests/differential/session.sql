-- Sessions: transactions, settings, prepared statements, cursors, COPY, DDL.

-- [script]
-- a transaction over several shards sees its own writes and is committed whole
BEGIN;
INSERT INTO users (username, age) VALUES ('new', 1);
INSERT INTO users (username, age) VALUES ('znew', 2);
SELECT username, age FROM users WHERE username IN ('new', 'znew') ORDER BY username;
SELECT count(*) FROM users;
COMMIT;
SELECT count(*) FROM users;

-- a transaction that is rolled back
BEGIN;
DELETE FROM posts WHERE username = 'zoe';
UPDATE users SET age = 0;
SELECT sum(age) FROM users;
ROLLBACK;
SELECT sum(age) FROM users;

-- an error aborts the transaction on all shards
BEGIN;
UPDATE users SET age = 0 WHERE username = 'ann';
UPDATE users SET age = 0 WHERE username = 'zoe';
INSERT INTO users (username) VALUES ('zoe');
SELECT 1;
COMMIT;
SELECT username, age FROM users WHERE username IN ('ann', 'zoe') ORDER BY username;

-- a syntax error aborts the transaction
BEGIN;
UPDATE users SET age = 0 WHERE username = 'ann';
SELEKT;
SELECT 1;
ROLLBACK;

-- savepoints over several shards
BEGIN;
UPDATE users SET age = 1 WHERE username = 'ann';
SAVEPOINT one;
UPDATE users SET age = 2 WHERE username = 'zoe';
SAVEPOINT two;
UPDATE users SET age = 3 WHERE username = 'kim';
ROLLBACK TO two;
SELECT username, age FROM users WHERE username IN ('ann', 'kim', 'zoe') ORDER BY username;
ROLLBACK TO SAVEPOINT one;
SELECT username, age FROM users WHERE username IN ('ann', 'kim', 'zoe') ORDER BY username;
RELEASE one;
COMMIT;

-- an error behind a savepoint can be undone
BEGIN;
UPDATE users SET age = 1 WHERE username = 'ann';
SAVEPOINT one;
INSERT INTO users (username) VALUES ('zoe');
ROLLBACK TO one;
UPDATE users SET age = 1 WHERE username = 'zoe';
COMMIT;

-- an unknown savepoint aborts
BEGIN;
SAVEPOINT one;
ROLLBACK TO two;
SELECT 1;
COMMIT;

-- a read-only transaction
BEGIN READ ONLY;
SELECT count(*) FROM users;
UPDATE users SET age = 1 WHERE username = 'bob';
ROLLBACK;

-- … gathers columns of enums and domains, which keep their types and the enum's order
BEGIN READ ONLY;
SELECT feeling, count(*), avg(weight) FROM events GROUP BY feeling ORDER BY feeling;
SELECT pg_typeof(a.feeling), pg_typeof(a.pos), a.feeling < b.feeling, count(*) FROM zoo a JOIN zoo b ON a.i2 = b.i2 + 1 GROUP BY 1, 2, 3 ORDER BY 3;
SELECT avg(pos), sum(x.pos), count(x.feeling) FROM (SELECT feeling, pos FROM zoo WHERE i2 > 3) x JOIN countries c ON true;
COMMIT;

-- … and of all other types, as texts where they are the database's own
BEGIN READ ONLY;
SELECT a.dim, (b.dim).label, a.dims, b.dims[2], a.id FROM zoo a JOIN zoo b ON a.i2 = b.i2 + 1 ORDER BY a.id;
SELECT dim, min(feeling), max(feeling), count(*), array_agg(dims ORDER BY id) FROM zoo WHERE dim IS NOT NULL GROUP BY dim ORDER BY dim;
SELECT min(ci), max(ci), count(DISTINCT ci), count(DISTINCT ci::text) FROM words WHERE n > 3;
SELECT a.ci = b.ci, count(*) FROM words a JOIN words b ON a.letter = b.letter GROUP BY 1 ORDER BY 1;
SELECT count(*), max(dim), min(dims) FROM zoo a NATURAL JOIN (SELECT id, dim FROM zoo WHERE id > 4) b;
WITH z AS NOT MATERIALIZED (SELECT * FROM zoo) SELECT count(*), max(a.dim) FROM z a JOIN z b ON a.i2 = b.i2;
WITH RECURSIVE r AS (SELECT id, dim FROM zoo WHERE id = 2 UNION SELECT z.id, z.dim FROM zoo z JOIN r ON z.id = r.id + 1) SELECT * FROM r ORDER BY id;
SELECT id, kind FROM events UNION SELECT i2, vc FROM zoo EXCEPT SELECT id, body FROM notes ORDER BY 1, 2;
SELECT feeling, dim FROM zoo UNION ALL SELECT feeling, NULL FROM events ORDER BY 1, 2;
SELECT ripe(age), count(*), min(title) FROM users GROUP BY 1 ORDER BY 1;
SELECT active, kind, count(*), sum(age) FROM users JOIN events USING (username) GROUP BY ROLLUP (active, kind) ORDER BY 1, 2, 3;
SELECT u.active, kind, grouping(kind) FROM users u JOIN events e ON e.id = u.age GROUP BY GROUPING SETS (CUBE ((active, kind)), ()), country ORDER BY 1, 2, 3, country;
COMMIT;

-- transaction modes are seen
START TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SHOW transaction_isolation;
SHOW transaction_read_only;
SELECT count(*) FROM posts;
COMMIT;

-- SET TRANSACTION behind BEGIN
BEGIN;
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SELECT count(*) FROM users;
SHOW transaction_isolation;
COMMIT;

-- a serializable write
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE users SET age = 5 WHERE username = 'bob';
COMMIT;

-- BEGIN twice warns, COMMIT twice warns
BEGIN;
BEGIN;
COMMIT;
COMMIT;
ROLLBACK;

-- END and ABORT
BEGIN;
UPDATE users SET age = 5 WHERE username = 'bob';
END;
BEGIN TRANSACTION;
UPDATE users SET age = 6 WHERE username = 'bob';
ABORT;
SELECT age FROM users WHERE username = 'bob';

-- COMMIT AND CHAIN
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE users SET age = 5 WHERE username = 'bob';
COMMIT AND CHAIN;
SHOW transaction_isolation;
ROLLBACK;

-- an empty transaction
BEGIN;
COMMIT;

-- a transaction block in one query
BEGIN; UPDATE users SET age = 1 WHERE username = 'ann'; UPDATE users SET age = 2 WHERE username = 'zoe'; COMMIT;
SELECT username, age FROM users WHERE username IN ('ann', 'zoe') ORDER BY 1;

-- settings are kept
SET datestyle = 'German';
SHOW datestyle;
SELECT born FROM users WHERE username = 'zoe';
SELECT username, born FROM users WHERE username IN ('ann', 'zoe') ORDER BY username;
SELECT username, born FROM users ORDER BY born, username LIMIT 5;
RESET datestyle;
SHOW datestyle;

-- the time zone changes values on all shards
SET timezone = 'Asia/Kolkata';
SELECT username, created FROM users ORDER BY created, username LIMIT 5;
SELECT min(created), max(created) FROM users;
SELECT created FROM users WHERE username = 'zoe';
SET TIME ZONE DEFAULT;
SHOW timezone;

-- interval and float styles
SET intervalstyle = 'iso_8601';
SET extra_float_digits = 0;
SELECT id, iv, f8, f4 FROM zoo WHERE id < 8 ORDER BY id;

-- floats that look equal and are not, by text without all of its digits
SET extra_float_digits = 0;
SELECT 0.3 + (age % 9) * 5.551115123125783e-17::float8 AS f, username FROM users ORDER BY f, username;
SELECT 0.3 + (age % 9) * 5.551115123125783e-17::float8 AS f, username FROM users ORDER BY f DESC, username LIMIT 5;
SELECT max(0.3 + (age % 9) * 5.551115123125783e-17::float8), min(score), sum(likes::float8) FROM users JOIN posts USING (username) WHERE score < 100;
SELECT count(*) FROM zoo a JOIN zoo b ON a.f8 = b.f8 AND a.id < b.id;
INSERT INTO lists (what) VALUES ('a'), ('b');
SET extra_float_digits = 3;
SELECT 0.3 + (age % 9) * 5.551115123125783e-17::float8 AS f, username FROM users ORDER BY f, username LIMIT 5;

-- … with which values of the database's own types would lose some
SET extra_float_digits = 0;
SELECT a.dim, a.f8, a.f4 FROM zoo a JOIN users u ON u.age = a.id ORDER BY a.id;

-- … nor those that are computed first
SET extra_float_digits = 0;
BEGIN;
INSERT INTO users (username, score, created) VALUES ('xa', random(), now()), ('xz', random(), now());
ROLLBACK;

-- bytea in escape format
SET bytea_output = 'escape';
SELECT id, bin FROM zoo ORDER BY id;
SELECT id, bin FROM zoo ORDER BY bin, id;

-- SET LOCAL ends with the transaction
BEGIN;
SET LOCAL extra_float_digits = 0;
SELECT id, f8 FROM zoo WHERE id < 5 ORDER BY id;
COMMIT;
SHOW extra_float_digits;

-- SET in a transaction that is rolled back
BEGIN;
SET extra_float_digits = 0;
ROLLBACK;
SHOW extra_float_digits;

-- SET behind a savepoint that is rolled back
BEGIN;
SAVEPOINT s;
SET extra_float_digits = 0;
ROLLBACK TO s;
COMMIT;
SHOW extra_float_digits;

-- search_path changes what names mean
CREATE SCHEMA other;
CREATE TABLE other.plain (a int);
SET search_path = other, public;
INSERT INTO plain VALUES (1);
SELECT * FROM plain;
SELECT count(*) FROM users;
SHOW search_path;
RESET search_path;
SELECT * FROM plain;
DROP SCHEMA other CASCADE;

-- an empty search_path
SET search_path = '';
SELECT count(*) FROM users;
SELECT count(*) FROM public.users;

-- client_encoding
SET client_encoding = 'LATIN1';
SHOW client_encoding;
SELECT username FROM users WHERE username LIKE '%lan';
RESET client_encoding;

-- application_name
SET application_name = 'test';
SHOW application_name;
SELECT current_setting('application_name');

-- SET ROLE
SET ROLE other;
SELECT current_user;
RESET ROLE;
SELECT current_user, session_user;

-- set_config
SELECT set_config('extra_float_digits', '0', false);
SHOW extra_float_digits;
SELECT id, f8 FROM zoo WHERE id = 5;

-- … beside others, and what is set now
SELECT current_setting('jit') AS cur, set_config('jit', 'off', false) AS new;
SHOW jit;
SELECT set_config('my.one', 'a', false), set_config('my.two', 'b''\c', false), 1;
SELECT username, current_setting('my.one'), current_setting('my.two') FROM users WHERE username IN ('ann', 'zoe') ORDER BY 1;
BEGIN;
SELECT count(*) FROM users WHERE username = 'zoe';
SELECT set_config('my.one', 'in here', true), set_config('my.two', 'stays', false), set_config('search_path', 'saved, public', true);
SELECT username, current_setting('my.one'), current_setting('my.two'), current_setting('search_path') FROM public.users WHERE username IN ('ann', 'zoe') ORDER BY 1;
COMMIT;
SELECT username, current_setting('my.one'), current_setting('my.two'), current_setting('search_path') FROM public.users WHERE username IN ('ann', 'zoe') ORDER BY 1;
SELECT set_config('work_mem', 'nothing', false), set_config('my.one', 'never', false);
SELECT set_config('my.one', 42::text, false), set_config('my.two'::text, 'it''s', false);
SELECT username, current_setting('my.one') FROM public.users WHERE username IN ('ann', 'zoe') ORDER BY 1;

-- … of a setting that the server may lack, as pg_dump asks for it
SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind';
SHOW restrict_nonsystem_relation_kind;
SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'no_such_setting';
SELECT count(*) FROM users;
RESET restrict_nonsystem_relation_kind;

-- names of the servers' own encoding: rows are gathered in READ ONLY, too
SET client_encoding = '''utf-8''';
BEGIN READ ONLY;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY age), mode() WITHIN GROUP (ORDER BY age) FROM users;
COMMIT;
SET client_encoding = 'Unicode';
BEGIN READ ONLY;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY age) FROM users;
COMMIT;

-- a setting of one's own
SET my.thing = 'x';
SELECT current_setting('my.thing');
SELECT username, current_setting('my.thing') FROM users WHERE username IN ('ann', 'zoe') ORDER BY 1;

-- statement_timeout
SET statement_timeout = '10s';
SHOW statement_timeout;
SELECT count(*) FROM users;

-- standard_conforming_strings off
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SELECT username FROM users WHERE username = 'b\x6fb';
SELECT 'a\\b';

-- DISCARD ALL
SET extra_float_digits = 0;
DISCARD ALL;
SHOW extra_float_digits;

-- RESET ALL
SET extra_float_digits = 0;
RESET ALL;
SHOW extra_float_digits;

-- SHOW of what depends on nothing
SHOW server_version;
SHOW server_encoding;
SHOW standard_conforming_strings;
SHOW integer_datetimes;
SHOW max_identifier_length;

-- SHOW TRANSACTION ISOLATION LEVEL and TIME ZONE
SHOW TRANSACTION ISOLATION LEVEL;
SHOW TIME ZONE;

-- PREPARE and EXECUTE over unsharded tables
PREPARE one (int) AS SELECT author FROM notes WHERE id = $1;
EXECUTE one (1);
EXECUTE one (3);
DEALLOCATE one;
EXECUTE one (1);

-- PREPARE and EXECUTE over sharded tables
PREPARE one (text) AS SELECT age FROM users WHERE username = $1;
EXECUTE one ('bob');
EXECUTE one ('zoe');
DEALLOCATE ALL;

-- EXECUTE by key, over shards, gathered, with arguments of all sorts
PREPARE one AS SELECT username, age FROM users WHERE username = $1;
EXECUTE one ('ann');
EXECUTE one ('z' || 'oe');
EXECUTE one (NULL);
EXECUTE one (5);
EXECUTE one ();
EXECUTE one ('ann', 1);
PREPARE one AS SELECT 1;
PREPARE two (int) AS SELECT count(*), avg(likes) FROM posts WHERE id > $1;
EXECUTE two (1);
EXECUTE two (1.4);
EXECUTE two ('1');
EXECUTE two (abs(-1) + 1);
EXECUTE two (3000000000);
EXECUTE two ('x');
EXECUTE two (true);
PREPARE three (numeric, text) AS SELECT a.username, b.username FROM users AS a JOIN users AS b ON a.age = b.age AND a.username <> b.username
  WHERE a.balance > $1 AND b.country = $2 ORDER BY 1, 2;
EXECUTE three (-1000, 'de');
EXECUTE three ('1e1', 'us');
DEALLOCATE three;
EXECUTE three (1, 'de');
EXECUTE nosuch (1);

-- PREPARE tells mistakes at once
PREPARE bad AS SELECT nosuch FROM users;
PREPARE bad (nosuch) AS SELECT 1;
PREPARE bad AS SELECT age FROM users WHERE username = $2;
EXECUTE bad ('x', 'ann');

-- PREPARE under a name in quotes, with comments, types with modifiers
PREPARE /* x AS */ "a ""b" -- AS
  (text, numeric(10,2)) AS SELECT count(*), $1, $2 FROM users;
EXECUTE "a ""b" ('x', 12.3456);
DEALLOCATE "a ""b";

-- EXECUTE that changes rows, in a transaction, too
PREPARE add (text, int) AS INSERT INTO users (username, age) VALUES ($1, $2) RETURNING username, age;
PREPARE older (int) AS UPDATE users SET age = age + $1;
PREPARE gone AS DELETE FROM users WHERE username = ANY ($1);
EXECUTE add ('new', 1);
EXECUTE add ('new', 1);
BEGIN;
EXECUTE add ('znew', 2);
EXECUTE older (1);
SAVEPOINT s;
EXECUTE nosuch;
ROLLBACK TO s;
PREPARE seen AS SELECT username, age FROM users WHERE username LIKE '%new' ORDER BY username;
EXECUTE seen;
ROLLBACK;
EXECUTE seen;
EXECUTE gone ('{new,znew}');
EXECUTE seen;

-- EXECUTE with values that settings would print short
SET extra_float_digits = -3;
SET datestyle = 'SQL, DMY';
PREPARE exact (float8, timestamptz) AS SELECT count(*), $1 = 1.0::float8 / 3, $2 FROM users;
EXECUTE exact (1.0::float8 / 3, '2024-02-01 12:13:14.151617+00'::timestamptz);
RESET ALL;

-- EXECUTE of a parameter of an enum that the statement tells
PREPARE felt AS SELECT count(*) FROM events WHERE feeling = $1;
EXECUTE felt ('ok');
EXECUTE felt ('nosuch');
EXECUTE felt ('happy'::mood);

-- several EXECUTE in one transaction of their own
PREPARE one AS SELECT count(*) FROM users WHERE age > $1;
PREPARE two AS SELECT 1 / ($1 - 1);
EXECUTE one (30);
EXECUTE two (1);
DISCARD ALL;
EXECUTE one (30);

-- PREPARE without tables
PREPARE one AS SELECT $1::int + 1;
EXECUTE one (1);
PREPARE one AS SELECT 2;
DEALLOCATE one;

-- a cursor over sums that do not, and that do show the order of rows
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT country, avg(score), round(avg(score * 1.5)::numeric, 2) FROM users WHERE score < 100 GROUP BY country ORDER BY country;
FETCH 2 FROM c;
MOVE 1 FROM c;
FETCH ALL FROM c;
DECLARE d CURSOR FOR SELECT jsonb_object_agg(username, age) FROM users;
FETCH ALL FROM d;
COMMIT;
BEGIN;
DECLARE c CURSOR FOR SELECT jsonb_object_agg(coalesce(country, 'x'), username) FROM users;
FETCH ALL FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT avg(score) FROM users;
ROLLBACK;

-- a cursor over an unsharded table
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM notes ORDER BY id;
FETCH 2 FROM c;
FETCH NEXT FROM c;
FETCH ALL FROM c;
CLOSE c;
COMMIT;

-- a cursor over one key
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM posts WHERE username = 'm' ORDER BY id;
FETCH 2 FROM c;
MOVE BACKWARD 1 FROM c;
FETCH FROM c;
CLOSE c;
COMMIT;

-- a cursor over all shards
BEGIN;
DECLARE c CURSOR FOR SELECT username FROM users ORDER BY username;
FETCH 5 FROM c;
CLOSE c;
COMMIT;

-- a cursor WITH HOLD over an unsharded table
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM notes ORDER BY id;
FETCH 1 FROM c;
CLOSE c;

-- a cursor outside of a transaction
DECLARE c CURSOR FOR SELECT 1;

-- COPY TO STDOUT of an unsharded table
COPY notes TO STDOUT;
COPY (SELECT id, author FROM notes ORDER BY id DESC) TO STDOUT WITH (FORMAT csv, HEADER);

-- COPY TO STDOUT of a query by key
COPY (SELECT username, id, body FROM posts WHERE username = 'm' ORDER BY id) TO STDOUT;

-- COPY TO STDOUT of queries that must be decided over all rows
COPY (SELECT username, age, tags FROM users ORDER BY username DESC LIMIT 4 OFFSET 1) TO STDOUT;
COPY (SELECT country, count(*) AS n, avg(age) FROM users GROUP BY 1 ORDER BY 1 NULLS FIRST) TO STDOUT WITH CSV HEADER;
COPY (SELECT u.username, p.body FROM users u JOIN posts p ON p.likes = u.age ORDER BY 1, p.id, p.username) TO STDOUT (FORMAT csv, NULL 'none', FORCE_QUOTE (body));
COPY (SELECT count(*) FROM users WHERE false) TO STDOUT (DELIMITER '|', HEADER);
COPY (SELECT nothing FROM users ORDER BY 1) TO STDOUT;
COPY (SELECT 1 / (age - age) FROM users ORDER BY 1) TO STDOUT;
COPY (SELECT username FROM users ORDER BY 1) TO STDOUT (FORMAT csv, FORCE_QUOTE (nothing));
BEGIN;
UPDATE users SET age = 77;
COPY (SELECT DISTINCT age FROM users ORDER BY 1) TO STDOUT;
COPY (SELECT nothing FROM users ORDER BY 1) TO STDOUT;
SELECT 1;
ROLLBACK;

-- COPY TO STDOUT of a reference table
COPY (SELECT * FROM countries ORDER BY code) TO STDOUT (FORMAT csv, NULL 'nothing');

-- COPY FROM STDIN over shards
COPY posts (username, id, body) FROM STDIN;
ann	900	nine hundred
zoe	901	\N
o'brien	902	tab\there
back\\slash	903	
\.
SELECT username, id, body FROM posts WHERE id >= 900 ORDER BY id;

-- COPY FROM STDIN in csv
COPY users (age, username) FROM STDIN WITH (FORMAT csv, HEADER);
age,username
1,"new, with comma"
,"with ""quotes"""
3,znew
\.
SELECT username, age FROM users WHERE username LIKE '%new%' OR username LIKE 'with%' ORDER BY username;

-- COPY FROM STDIN with a duplicate takes everything with it
COPY users (username) FROM STDIN;
new
zoe
\.
SELECT count(*) FROM users;

-- COPY FROM STDIN with a wrong value
COPY posts (username, id) FROM STDIN;
ann	one
\.

-- COPY FROM STDIN with a NULL key
COPY users (username) FROM STDIN;
new
\N
\.
SELECT count(*) FROM users;

-- COPY FROM STDIN with another delimiter and NULL
COPY posts (username, id, body) FROM STDIN (DELIMITER '|', NULL 'none');
ann|900|a	b
zoe|901|none
\.
SELECT username, id, body FROM posts WHERE id >= 900 ORDER BY id;

-- COPY FROM STDIN of nothing
COPY users (username) FROM STDIN;
\.
SELECT count(*) FROM users;

-- COPY FROM STDIN into a hash table
COPY events (id, kind) FROM STDIN;
1001	a
1002	b
-1003	c
\.
SELECT id, kind FROM events WHERE id > 1000 AND id < 2000 OR id < -1 ORDER BY id;

-- COPY FROM STDIN into a reference table
COPY countries (code, name) FROM STDIN;
es	Spain
at	Austria
\.
SELECT count(*) FROM countries;

-- COPY FROM STDIN into an unsharded table
COPY notes (id, author) FROM STDIN;
50	kim
51	\N
\.
SELECT * FROM notes ORDER BY id;

-- COPY TO STDOUT in binary format of what is decided over all rows
COPY (SELECT username, age, tags FROM users ORDER BY username DESC LIMIT 4 OFFSET 1) TO STDOUT (FORMAT binary);
COPY (SELECT country, count(*) AS n, avg(age) FROM users GROUP BY 1 ORDER BY 1 NULLS FIRST) TO STDOUT WITH BINARY;
COPY (SELECT * FROM countries ORDER BY code) TO STDOUT (FORMAT binary);
COPY (SELECT username FROM users WHERE username = 'm') TO STDOUT (FORMAT binary);
COPY (SELECT id, feeling FROM events WHERE id = 3) TO STDOUT (FORMAT binary);
COPY (SELECT id, feeling, ARRAY[feeling::text] FROM events ORDER BY id) TO STDOUT (FORMAT binary);
COPY (SELECT 1 / (age - age) FROM users ORDER BY 1) TO STDOUT (FORMAT binary);
COPY (SELECT username FROM users ORDER BY 1) TO STDOUT (FORMAT binary, DELIMITER ',');

-- COPY TO STDOUT in binary format, row by row
DELETE FROM follows;
COPY follows TO STDOUT WITH BINARY;
INSERT INTO follows VALUES ('zoe', 'ann', '2024-02-03');
COPY follows TO STDOUT WITH BINARY;
COPY follows (since, follower) TO STDOUT (FORMAT binary);
COPY BINARY follows TO STDOUT;

-- COPY FROM STDIN in binary format
COPY posts (username, id, body) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0003 00000003 'ann' 00000004 00000384 0000000c 'nine hundred'
0003 00000003 'zoe' 00000004 00000385 ffffffff
0003 00000007 'o' 27 'brien' 00000004 00000386 00000000
ffff
\.
SELECT username, id, body FROM posts WHERE id >= 900 ORDER BY id;
COPY events (kind, id) FROM STDIN WITH BINARY;
'PGCOPY' 0a ff 0d 0a 00 00000000 00000003 'ext'
0002 00000001 'a' 00000008 00000000000003e9
0002 00000001 'b' 00000008 00000000000003ea
0002 00000001 'c' 00000008 fffffffffffffc15
\.
SELECT id, kind FROM events WHERE id > 1000 AND id < 2000 OR id < -1 ORDER BY id;
COPY stock FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0004 00000004 00000007 00000003 'pen' 00000004 00000009 ffffffff
ffff
\.
SELECT * FROM stock WHERE item = 'pen' ORDER BY 1, 2;

-- COPY FROM STDIN in binary format that fails
COPY users (username, age) FROM STDIN (FORMAT binary);
username	age
\.
COPY users (username, age) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0002 00000003 'new' 00000004 00000001
0001 00000003 'new'
\.
COPY users (username, age) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0002 00000003 'new' 00000004 00000001
0002 00000004 'znew' 00000004
\.
COPY users (username, age) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0002 00000003 'new' 00000003 000001
\.
COPY events (id) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0001 00000004 00001234
\.
COPY users (username) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0001 00000003 'new' ffff ffff
\.
COPY users (username) FROM STDIN (FORMAT binary);
'PGCOPY' 0a ff 0d 0a 00 00000000 00000000
0001 ffffffff
\.
SELECT count(*) FROM users;
COPY users (username) FROM STDIN (FORMAT binary, HEADER);
\.
COPY users (username, nothing) FROM STDIN (FORMAT binary);
\.

-- COPY in a transaction that is rolled back
BEGIN;
COPY users (username) FROM STDIN;
new
znew
\.
SELECT count(*) FROM users;
ROLLBACK;
SELECT count(*) FROM users;

-- a temporary table
CREATE TEMP TABLE mine (a int, b text);
INSERT INTO mine VALUES (1, 'x'), (2, 'y');
SELECT * FROM mine ORDER BY a;
SELECT count(*) FROM mine;
UPDATE mine SET b = 'z' WHERE a = 1;
SELECT b FROM mine ORDER BY a;
DROP TABLE mine;

-- a temporary table ON COMMIT DROP
BEGIN;
CREATE TEMP TABLE mine ON COMMIT DROP AS SELECT 1 AS a;
SELECT * FROM mine;
COMMIT;
SELECT * FROM mine;

-- a temporary table hides a sharded one
CREATE TEMP TABLE users (a int);
INSERT INTO users VALUES (7);
SELECT * FROM users;
DROP TABLE users;
SELECT count(*) FROM users;

-- a temporary view
CREATE TEMP VIEW mine AS SELECT id FROM notes;
SELECT * FROM mine ORDER BY id;
DROP VIEW mine;

-- a table is made, used and dropped
CREATE TABLE extra (a int PRIMARY KEY, b text DEFAULT 'x');
INSERT INTO extra (a) VALUES (1), (2);
SELECT * FROM extra ORDER BY a;
ALTER TABLE extra ADD COLUMN c int DEFAULT 5;
SELECT * FROM extra ORDER BY a;
CREATE INDEX ON extra (b);
DROP TABLE extra;
SELECT * FROM extra;

-- a table is made in a transaction that is rolled back
BEGIN;
CREATE TABLE extra (a int);
INSERT INTO extra VALUES (1);
ROLLBACK;
SELECT * FROM extra;

-- a column is added to a sharded table, used and dropped
ALTER TABLE users ADD COLUMN motto text DEFAULT 'none';
SELECT motto, count(username) FROM users WHERE username = 'bob' GROUP BY motto;
UPDATE users SET motto = 'go' WHERE username = 'zoe';
SELECT username, motto FROM users WHERE motto <> 'none' ORDER BY username;
ALTER TABLE users DROP COLUMN motto;
SELECT motto FROM users;

-- an index on a sharded table
CREATE INDEX users_age ON users (age);
SELECT count(*) FROM users WHERE age = 14;
DROP INDEX users_age;

-- a view over a sharded table is made and dropped
CREATE VIEW elders AS SELECT username, age FROM users WHERE age > 40;
SELECT * FROM elders ORDER BY username;
SELECT age FROM elders WHERE username = 'bob';
DROP VIEW elders;
SELECT * FROM elders;

-- a view over a sharded and an unsharded table is made, used by another one, and dropped
CREATE VIEW noted AS SELECT u.username, u.age, n.id, n.body FROM users u JOIN notes n ON n.author = u.username;
SELECT * FROM noted ORDER BY username, id;
SELECT count(*) FROM noted JOIN posts USING (username) WHERE likes > age;
SELECT age FROM noted WHERE username = 'bob' ORDER BY id;
CREATE VIEW noted_ages AS SELECT DISTINCT age FROM noted;
SELECT * FROM noted_ages ORDER BY age;
ALTER VIEW noted_ages RENAME TO ages_of_noted;
DROP VIEW noted;
DROP VIEW noted CASCADE;
SELECT * FROM ages_of_noted;

-- a function that reads an unsharded table is made, used beside sharded tables, and dropped
CREATE FUNCTION notes_of(text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM notes WHERE author = $1';
SELECT username, notes_of(username) FROM users ORDER BY username LIMIT 5;
SELECT sum(notes_of(username)) FROM users;
SELECT notes_of('bob');
DROP FUNCTION notes_of(text);

-- a function that reads what there is not
CREATE FUNCTION lost() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM not_there';
SELECT lost();

-- a function is made, used and dropped
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
SELECT username, twice(age) FROM users ORDER BY username LIMIT 3;
DROP FUNCTION twice(int);

-- an enum is made, used and dropped
CREATE TYPE size AS ENUM ('small', 'large');
SELECT 'large'::size > 'small'::size;
DROP TYPE size;

-- a sequence is made, used and dropped
CREATE SEQUENCE counter;
SELECT nextval('counter');
SELECT nextval('counter'), currval('counter');
DROP SEQUENCE counter;

-- CREATE TABLE AS from unsharded rows
CREATE TABLE copy AS SELECT id, author FROM notes;
SELECT count(*) FROM copy;
DROP TABLE copy;

-- CREATE TABLE AS from sharded rows, with their types as they are
CREATE TABLE copy AS SELECT username, age, balance, city, title, tags, NULL AS nothing, 'x' AS letter FROM users;
SELECT attname, format_type(atttypid, atttypmod), (SELECT collname FROM pg_collation WHERE oid = attcollation) FROM pg_attribute WHERE attrelid = 'copy'::regclass AND attnum > 0 ORDER BY attnum;
SELECT * FROM copy ORDER BY username COLLATE "C";
CREATE TABLE copy AS SELECT username FROM users;
DROP TABLE copy;

-- CREATE TABLE AS with columns' names, of groups and joins
CREATE UNLOGGED TABLE copy (who, posts) AS SELECT username, count(*) FROM users JOIN posts USING (username) GROUP BY username ORDER BY 2 DESC, 1 LIMIT 10;
SELECT who, posts FROM copy ORDER BY posts DESC, who COLLATE "C";
DROP TABLE copy;

-- CREATE TABLE AS of what shards cannot compute
CREATE TABLE copy AS SELECT feeling, num52, c5, vc, dim, feelings FROM zoo;
SELECT count(*), count(dim), max(num52), min(c5), max(feeling) FROM copy;
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'copy'::regclass AND attnum > 0 ORDER BY attnum;
DROP TABLE copy;

-- CREATE TABLE AS in a transaction that is rolled back
BEGIN;
SAVEPOINT before;
CREATE TABLE copy AS SELECT username, age FROM users;
SELECT count(*), sum(age) FROM copy;
ROLLBACK TO before;
CREATE TABLE copy AS SELECT count(*) FROM users a, posts b WHERE a.age > b.id;
SELECT * FROM copy;
ROLLBACK;
SELECT count(*) FROM copy;

-- CREATE TABLE AS after a change of the transaction's own
BEGIN;
UPDATE users SET age = 7 WHERE username = 'zoe';
CREATE TABLE copy AS SELECT username, age FROM users WHERE age = 7;
COMMIT;
SELECT username, age FROM copy ORDER BY username COLLATE "C";
UPDATE users SET age = 8 WHERE username = 'zoe';
DROP TABLE copy;

-- CREATE TABLE AS in a transaction that reads only
BEGIN READ ONLY;
CREATE TABLE copy AS SELECT username FROM users;
ROLLBACK;
BEGIN READ ONLY;
SELECT count(*) FROM users;
SAVEPOINT a;
CREATE TABLE copy AS SELECT username FROM users;
ROLLBACK;

-- CREATE TABLE AS that fails in its query
CREATE TABLE copy AS SELECT 1 / (age - age) AS x FROM users;
SELECT count(*) FROM copy;

-- CREATE TABLE AS without rows
CREATE TABLE copy AS SELECT username, avg(age) FROM users GROUP BY 1 WITH NO DATA;
SELECT * FROM copy;
DROP TABLE copy;

-- CREATE TEMP TABLE AS from sharded rows
CREATE TEMP TABLE mine AS SELECT username, age FROM users WHERE age > 30;
SELECT * FROM mine ORDER BY username COLLATE "C";
INSERT INTO mine SELECT username, likes FROM posts WHERE likes > 10;
SELECT count(*), sum(age) FROM mine;

-- CREATE TEMP TABLE AS that does not outlive its transaction
BEGIN;
CREATE TEMP TABLE mine ON COMMIT DROP AS SELECT username FROM users ORDER BY username COLLATE "C" DESC LIMIT 3;
SELECT * FROM mine ORDER BY 1;
COMMIT;
SELECT * FROM mine;

-- a temporary table of the new one's name
CREATE TEMP TABLE copy AS SELECT 1 AS username;
CREATE TABLE public.copy AS SELECT username FROM users;
SELECT * FROM copy;
SELECT count(*) FROM public.copy;
DROP TABLE public.copy;

-- SELECT INTO from sharded rows
SELECT username, count(*) AS n INTO copy FROM posts GROUP BY username HAVING count(*) > 1;
SELECT sum(n), count(*) FROM copy;
DROP TABLE copy;

-- CREATE TABLE AS of a function that reads tables, of a view, of WITH
CREATE TABLE copy AS WITH w AS (SELECT username, likes_of(username) AS likes FROM users) SELECT w.*, t.* FROM w, totals t WHERE likes > 10;
SELECT count(*), sum(likes), sum(people) FROM copy;
DROP TABLE copy;

-- INSERT INTO a table of the home shard in a transaction, large and small
BEGIN;
INSERT INTO notes SELECT 1000 + row_number() OVER (ORDER BY a.username, b.username, b.id), a.username, b.body FROM users a, posts b;
SELECT count(*), sum(id) FROM notes;
INSERT INTO notes SELECT 100000 + count(*), 'all' FROM notes n JOIN users u ON n.author = u.username;
SELECT max(id) FROM notes;
DELETE FROM notes WHERE id >= 1000;
COMMIT;
DROP TABLE copy;

-- SELECT INTO
SELECT id INTO copy FROM notes;
SELECT count(*) FROM copy;
DROP TABLE copy;

-- a materialized view over unsharded rows
CREATE MATERIALIZED VIEW kept AS SELECT id FROM notes;
REFRESH MATERIALIZED VIEW kept;
SELECT count(*) FROM kept;
DROP MATERIALIZED VIEW kept;

-- a schema
CREATE SCHEMA other;
CREATE TABLE other.things (a int);
INSERT INTO other.things VALUES (1);
SELECT * FROM other.things;
DROP SCHEMA other CASCADE;

-- COMMENT, GRANT, REVOKE
COMMENT ON TABLE notes IS 'a comment';
SELECT obj_description('notes'::regclass);
COMMENT ON TABLE notes IS NULL;
GRANT SELECT ON users TO other;
SELECT has_table_privilege('other', 'users', 'SELECT');
REVOKE SELECT ON users FROM other;

-- COMMENT on a sharded table
COMMENT ON COLUMN users.age IS 'years';
SELECT col_description('users'::regclass, 3);
COMMENT ON COLUMN users.age IS NULL;

-- maintenance
ANALYZE users;
VACUUM posts;
ANALYZE;
REINDEX TABLE users;
CHECKPOINT;

-- VACUUM in a transaction
BEGIN;
VACUUM users;
ROLLBACK;

-- LOCK TABLE
BEGIN;
LOCK TABLE users IN SHARE MODE;
LOCK TABLE notes;
COMMIT;

-- LOCK TABLE outside of a transaction
LOCK TABLE users;

-- row locks of several shards
BEGIN;
SELECT username FROM users WHERE username IN ('ann', 'zoe') ORDER BY username FOR UPDATE;
UPDATE users SET age = 1 WHERE username IN ('ann', 'zoe');
COMMIT;

-- LISTEN and NOTIFY
LISTEN here;
NOTIFY here, 'x';
UNLISTEN here;
UNLISTEN *;

-- advisory locks
SELECT pg_advisory_lock(7);
SELECT pg_try_advisory_lock(7);
SELECT pg_advisory_unlock(7);
SELECT pg_advisory_unlock_all();

-- constraints
SET CONSTRAINTS ALL DEFERRED;
BEGIN;
SET CONSTRAINTS ALL IMMEDIATE;
COMMIT;

-- a DO block that writes an unsharded table
DO $$ BEGIN UPDATE notes SET body = 'done' WHERE id = 1; END $$;
SELECT body FROM notes WHERE id = 1;

-- TRUNCATE in a transaction that is rolled back
BEGIN;
TRUNCATE users, posts;
SELECT count(*) FROM users;
ROLLBACK;
SELECT count(*) FROM users;

-- reads of other shards behind a write in the same transaction
BEGIN;
UPDATE users SET age = 77 WHERE username = 'zoe';
SELECT max(age) FROM users;
SELECT username FROM users ORDER BY age DESC NULLS LAST, username LIMIT 1;
SELECT u.username, p.id FROM users u JOIN posts p USING (username) WHERE u.age = 77 ORDER BY p.id;
ROLLBACK;

-- a reference table within a transaction
BEGIN;
INSERT INTO countries VALUES ('es', 'Spain', 1);
SELECT u.username, c.name FROM users u, countries c WHERE c.code = 'es' ORDER BY u.username LIMIT 3;
SELECT count(*) FROM countries;
ROLLBACK;
SELECT count(*) FROM countries;

-- INSERT and read back by generated identity
INSERT INTO lists (what) VALUES ('eggs') RETURNING id;
SELECT currval('lists_id_seq');
SELECT lastval();

-- empty queries
;
SELECT 1;

-- many statements in one query
SELECT 1; SELECT username FROM users WHERE username = 'zoe'; SELECT count(*) FROM posts; SELECT 2;

-- an error in the middle of a query string
UPDATE users SET age = 1 WHERE username = 'ann'; SELECT 1 / 0; UPDATE users SET age = 2 WHERE username = 'zoe';
SELECT username, age FROM users WHERE username IN ('ann', 'zoe') ORDER BY 1;

-- EXPLAIN of a table that does not exist, and again
EXPLAIN SELECT * FROM nosuch;
EXPLAIN SELECT * FROM nosuch;

-- SET LOCAL holds to the end of its query string
SET LOCAL timezone = 'Asia/Tokyo'; SELECT created FROM users WHERE username = 'ann'; SHOW timezone;
SHOW timezone;

-- SET is undone by an error behind it in its query string
SET timezone = 'Asia/Tokyo'; SELECT 1 / 0;
SHOW timezone;
SELECT created FROM users WHERE username = 'zoe';

-- rows are gathered where the user has tables of names like those of the copies
CREATE TABLE keyway_1 (x integer);
SELECT count(*) FROM users u, places p, keyway_1;
DROP TABLE keyway_1;
CREATE TEMP TABLE keyway_1 (x integer);
SELECT count(*) FROM users u, places p;
DROP TABLE keyway_1;

-- a default of the session forbids the copies
SET default_transaction_read_only = on;
SELECT count(*) FROM users u, places p;

-- an equality of the user's own comes before PostgreSQL's
SET search_path = tricks, pg_catalog, public;
SELECT count(*) FROM public.users WHERE username = 'ZOE';
SELECT count(*) FROM public.users WHERE username = 'Ann'::text;
SELECT count(*) FROM public.users u JOIN posts p USING (username);
SELECT count(*) FROM public.users WHERE username IN ('ZOE', 'BOB');
SELECT count(*) FROM public.users WHERE username OPERATOR(pg_catalog.=) 'zoe';

-- a foreign key between tables that are spread in different ways
ALTER TABLE events ADD CONSTRAINT by_user FOREIGN KEY (username) REFERENCES users (username) NOT VALID;
INSERT INTO events (id, username) VALUES (5000, 'zoe'), (5001, 'ann'), (5002, 'kim');
ALTER TABLE events DROP CONSTRAINT by_user;

-- a foreign key from another column than the key to a key
ALTER TABLE follows ADD CONSTRAINT to_user FOREIGN KEY (followee) REFERENCES users NOT VALID;
INSERT INTO follows (follower, followee) VALUES ('ann', 'zoe'), ('zoe', 'ann'), ('max', 'bob');
ALTER TABLE follows DROP CONSTRAINT to_user;

-- a query that is gathered, where transactions are read only from the start
SET default_transaction_read_only = on;
SELECT count(*) FROM users u JOIN posts p ON u.age = p.likes;
RESET default_transaction_read_only;

-- a query that is gathered in a transaction that became read only
BEGIN;
SET TRANSACTION READ  ONLY;
SELECT count(*) FROM users u JOIN posts p ON u.age = p.likes;
ROLLBACK;

-- a query that is gathered for a client whose encoding lacks characters of the rows
SET client_encoding = 'LATIN1';
SELECT count(*) FROM users u JOIN posts p ON u.age = p.likes WHERE u.username <> 'x';
SELECT u.username FROM users u JOIN posts p ON u.age = p.likes WHERE u.username < 'c' ORDER BY 1;
RESET client_encoding;

-- a deferred constraint that one shard finds violated when the others would commit
ALTER TABLE posts ADD CONSTRAINT writer FOREIGN KEY (username) REFERENCES users DEFERRABLE INITIALLY DEFERRED NOT VALID;
INSERT INTO posts (username, id) VALUES ('ann', 900), ('zoe', 901), ('max', 902), ('nobody', 903);
SELECT count(*) FROM posts WHERE id >= 900;
BEGIN;
INSERT INTO posts (username, id) VALUES ('ann', 910), ('zoe', 911);
INSERT INTO posts (username, id) VALUES ('nobody', 912);
SELECT count(*) FROM posts WHERE id >= 900;
COMMIT;
SELECT count(*) FROM posts WHERE id >= 900;
BEGIN;
INSERT INTO posts (username, id) VALUES ('nobody', 920), ('ann', 921), ('zoe', 922);
INSERT INTO users (username) VALUES ('nobody');
COMMIT;
SELECT username, id FROM posts WHERE id >= 900 ORDER BY id;
INSERT INTO posts (username, id) VALUES ('ann', 930), ('noone', 931); INSERT INTO posts (username, id) VALUES ('zoe', 932);
SELECT username, id FROM posts WHERE id >= 900 ORDER BY id;
ALTER TABLE posts DROP CONSTRAINT writer;

-- a column GENERATED ALWAYS takes no value, also where other rows leave it to its sequence
ALTER TABLE zoo ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (START WITH 5000);
INSERT INTO zoo (id, i2) VALUES (DEFAULT, 1), (DEFAULT, 2), (DEFAULT, 3);
INSERT INTO zoo (i2) VALUES (4), (5);
INSERT INTO zoo (id, i2) OVERRIDING SYSTEM VALUE VALUES (7000, 6), (DEFAULT, 7);
SELECT count(*), count(DISTINCT id), min(i2), max(i2) FROM zoo WHERE id >= 5000;
INSERT INTO zoo (id, i2) VALUES (DEFAULT, 1), (8000, 2);
INSERT INTO zoo (id, i2) VALUES (8000, 1), (DEFAULT, 2);
INSERT INTO zoo (id, i2) VALUES (8000, 1), (8001, 2);
SELECT count(*) FROM zoo WHERE id >= 5000;
ALTER TABLE zoo ALTER COLUMN id DROP IDENTITY;

-- privileges on tables of all shards and of the home shard in one statement
CREATE ROLE reader_of_both;
GRANT SELECT, UPDATE (body) ON notes, posts TO reader_of_both;
SET ROLE reader_of_both;
SELECT count(*) FROM posts;
SELECT count(*) FROM notes;
RESET ROLE;
REVOKE ALL ON posts, notes FROM reader_of_both;
SET ROLE reader_of_both;
SELECT count(*) FROM posts;
SELECT count(*) FROM notes;
RESET ROLE;
DROP ROLE reader_of_both;

-- locks on tables of all shards and of the home shard in one statement
BEGIN;
LOCK TABLE notes, users IN SHARE MODE;
SELECT count(*) FROM users;
COMMIT;

-- a trigger of a table whose rows refer to those that are deleted writes to other shards
CREATE FUNCTION note_deleted() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO follows VALUES (''trigger'', OLD.username || OLD.id, NULL); RETURN OLD; END';
ALTER TABLE posts ADD CONSTRAINT writer FOREIGN KEY (username) REFERENCES users ON DELETE CASCADE NOT VALID;
CREATE TRIGGER note_deleted AFTER DELETE ON posts FOR EACH ROW EXECUTE FUNCTION note_deleted();
INSERT INTO users (username) VALUES ('newcomer');
DELETE FROM users WHERE username IN ('ann', 'zoe', 'max');
SELECT count(*) FROM follows WHERE follower = 'trigger';
DROP TRIGGER note_deleted ON posts;
ALTER TABLE posts DROP CONSTRAINT writer;
DROP FUNCTION note_deleted();

-- a trigger of a partition alone writes to other shards
CREATE FUNCTION note_read() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO follows VALUES (''trigger'', NEW.sensor::text, NULL); RETURN NEW; END';
CREATE TRIGGER note_read AFTER INSERT ON late_readings FOR EACH ROW EXECUTE FUNCTION note_read();
INSERT INTO readings (day, sensor) VALUES ('2024-01-02', 91), ('2024-01-20', 92), ('2024-02-01', 93);
SELECT followee FROM follows WHERE follower = 'trigger' ORDER BY followee;
DROP TRIGGER note_read ON late_readings;
DROP FUNCTION note_read();

-- TRUNCATE fires a trigger once
CREATE FUNCTION note_emptied() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO follows VALUES (''trigger'', TG_TABLE_NAME, NULL); RETURN NULL; END';
CREATE TRIGGER note_emptied AFTER TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION note_emptied();
TRUNCATE events;
SELECT followee FROM follows WHERE follower = 'trigger' ORDER BY followee;
DROP TRIGGER note_emptied ON events;
DROP FUNCTION note_emptied();

-- a trigger of a table of the home shard writes to a sharded one
CREATE FUNCTION note_noted() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO follows VALUES (NEW.author, ''noted'', NULL); RETURN NEW; END';
CREATE TRIGGER note_noted AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION note_noted();
INSERT INTO notes VALUES (100, 'zoe', 'by trigger'), (101, 'ann', 'by trigger'), (102, 'max', 'by trigger');
SELECT follower FROM follows WHERE followee = 'noted' ORDER BY follower;
SELECT follower FROM follows WHERE followee = 'noted' AND follower = 'zoe';
DROP TRIGGER note_noted ON notes;
DROP FUNCTION note_noted();

-- a trigger of a table of the home shard writes to another one there
CREATE FUNCTION note_noted() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO lists (id, what) SELECT 900 + NEW.id, name FROM countries WHERE code = ''de''; RETURN NEW; END';
CREATE TRIGGER note_noted AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION note_noted();
INSERT INTO notes VALUES (100, 'zoe', 'by trigger');
SELECT what FROM lists WHERE id = 1000;
DELETE FROM notes WHERE id = 100;
DROP TRIGGER note_noted ON notes;
DROP FUNCTION note_noted();
