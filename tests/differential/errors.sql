-- Errors: the same SQLSTATE, message and position, whether Keyway or a shard finds them.

-- [error]
-- a syntax error with its position
SELECT * FORM users

-- a syntax error at the end
SELECT * FROM users WHERE

-- a syntax error behind non-ASCII characters: positions are characters
SELECT 'é中' AS x, * FORM users

-- a syntax error in the second line
SELECT *
FROM users WHERE username = = 'bob'

-- an unterminated string
SELECT 'abc

-- an unterminated comment
SELECT 1 /* abc

-- an unterminated quoted identifier
SELECT "abc

-- an unknown keyword
SELEKT 1

-- frames that cannot be
SELECT sum(age) OVER (ORDER BY age ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) FROM users

-- … or end before they start
SELECT sum(age) OVER (ORDER BY age ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM users

-- a precision that no float has
SELECT age::float(60) FROM users

-- MySQL's LIMIT
SELECT username FROM users LIMIT 1, 2

-- a Unicode escape that is too short, in an escape string
SELECT 'é', E'\u00' FROM users

-- … and in a Unicode string
SELECT 'é', U&'\00' FROM users

-- half of a surrogate pair
SELECT E'\uD83D' FROM users

-- a parameter that cannot be, as a key
SELECT username FROM users WHERE username = $0::text

-- … in a row to insert
INSERT INTO users (username, age) VALUES ('é', $0)

-- … in what is gathered
SELECT max(age) + 1 FROM users WHERE age > $0

-- a clause that is not implemented
CREATE ASSERTION a CHECK (true)

-- a table that does not exist
SELECT * FROM nosuch

-- a schema that does not exist
SELECT * FROM nosuch.users

-- a column that does not exist
SELECT nosuch FROM users

-- a column that does not exist in a condition beside the key
SELECT username FROM users WHERE username = 'bob' AND nosuch = 1

-- a column that does not exist, of an alias
SELECT u.nosuch FROM users u

-- the table's name where only the alias is known
SELECT users.username FROM users u

-- a missing FROM entry
SELECT p.id FROM users u

-- an ambiguous column
SELECT username FROM users u JOIN posts p ON p.username = u.username

-- a function that does not exist
SELECT nosuch(username) FROM users

-- a function with wrong arguments
SELECT plus_one('x', 2) FROM users

-- an operator that does not exist
SELECT username + 1 FROM users WHERE username = 'bob'

-- a type that does not exist
SELECT username::nosuch FROM users

-- a wrong literal
SELECT 'x'::int FROM users WHERE username = 'bob'

-- a wrong literal compared with a column
SELECT username FROM users WHERE age = 'x'

-- a wrong date
SELECT * FROM readings WHERE day = '2024-02-30'

-- a wrong enum label
SELECT id FROM events WHERE feeling = 'angry'

-- division by zero on one shard
SELECT username, 1 / (age - 14) FROM users

-- division by zero on all shards
SELECT username, 1 / 0 FROM users

-- division by zero with the key
SELECT 1 / (age - age) FROM users WHERE username = 'bob'

-- overflow
SELECT karma * karma FROM users

-- a domain's check
SELECT (age - 14)::positive FROM users

-- GROUP BY is missing
SELECT username, count(*) FROM users

-- an aggregate in WHERE
SELECT username FROM users WHERE count(*) > 1

-- a window function in WHERE
SELECT username FROM users WHERE row_number() OVER () = 1

-- nested aggregates
SELECT max(count(*)) FROM users

-- ORDER BY a position that does not exist
SELECT username FROM users ORDER BY 5

-- GROUP BY a position that does not exist
SELECT count(*) FROM users GROUP BY 3

-- DISTINCT and ORDER BY of something else
SELECT DISTINCT username FROM users ORDER BY age

-- arms of different widths
SELECT username, age FROM users UNION SELECT username FROM posts

-- arms of different types
SELECT username FROM users UNION SELECT id FROM posts

-- a subquery with two columns
SELECT username FROM users WHERE username IN (SELECT username, id FROM posts)

-- a subquery without an alias
SELECT * FROM (SELECT username FROM users)

-- a WITH name twice
WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a

-- a condition that is no boolean
SELECT username FROM users WHERE age

-- LIMIT that is no number
SELECT username FROM users LIMIT 'x'

-- LIMIT of a column
SELECT username FROM users LIMIT age

-- FOR UPDATE with GROUP BY
SELECT username, count(*) FROM posts GROUP BY username FOR UPDATE

-- FOR UPDATE of an unknown name
SELECT username FROM users FOR UPDATE OF nosuch

-- a collation that does not exist
SELECT username FROM users ORDER BY username COLLATE "nosuch"

-- collations that conflict
SELECT username FROM users ORDER BY username COLLATE "C" || username COLLATE "POSIX"

-- a wrong row width
SELECT username FROM users WHERE (username, age) = ('bob', 1, 2)

-- wrong widths of VALUES
VALUES (1, 2), (3)

-- too few target columns
INSERT INTO users (username) VALUES ('a', 1)

-- a column twice
INSERT INTO users (username, username) VALUES ('a', 'b')

-- SET of a column twice
UPDATE users SET age = 1, age = 2 WHERE username = 'bob'

-- SET of a wrong type
UPDATE users SET age = 'x' WHERE username = 'bob'

-- COMMIT outside of a transaction is a warning, ROLLBACK TO an error
ROLLBACK TO SAVEPOINT nowhere

-- SAVEPOINT outside of a transaction
SAVEPOINT s

-- RELEASE of an unknown savepoint
RELEASE SAVEPOINT s

-- an unknown setting
SET nosuch = 1

-- a wrong value of a setting
SET work_mem = 'much'

-- SHOW of an unknown setting
SHOW nosuch

-- DEALLOCATE of an unknown statement
DEALLOCATE nosuch

-- EXECUTE of an unknown statement
EXECUTE nosuch

-- CLOSE of an unknown cursor
CLOSE nosuch

-- FETCH of an unknown cursor
FETCH FROM nosuch

-- DROP of a table that does not exist
DROP TABLE nosuch

-- CREATE of a table that exists
CREATE TABLE users (a int)

-- ALTER of a column that does not exist
ALTER TABLE users DROP COLUMN nosuch

-- CREATE INDEX on a column that does not exist
CREATE INDEX ON users (nosuch)

-- TRUNCATE of a table that does not exist
TRUNCATE nosuch

-- COPY of a table that does not exist
COPY nosuch TO STDOUT

-- raise from a DO block
DO $$ BEGIN RAISE EXCEPTION 'custom' USING ERRCODE = 'P0042'; END $$

-- regular expressions that are wrong
SELECT username FROM users WHERE username ~ '('

-- a scalar subquery with several rows
SELECT (SELECT id FROM posts WHERE username = 'm')

-- a NUL escape
SELECT E'\000'

-- a wrong unicode escape
SELECT U&'\zzzz'

-- two primary keys of one user in two shards: a violation that one shard sees
INSERT INTO users (username) VALUES ('zoe')

-- a violation of NOT NULL beside the key
INSERT INTO events (id, kind) VALUES (9999, NULL)

-- [rows]
-- a cast that fails for one row
SELECT username::int FROM users

-- a parameter that was not given
SELECT username FROM users WHERE username = $1

-- DISTINCT ON and ORDER BY do not match
SELECT DISTINCT ON (username) username FROM users ORDER BY age
