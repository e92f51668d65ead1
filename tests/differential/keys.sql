-- What binds a key to a shard, and what must not.

-- [rows]
-- a key as a plain literal
SELECT * FROM users WHERE username = 'bob'

-- the empty string is a key like others
SELECT * FROM users WHERE username = ''

-- a key with a quote in it
SELECT * FROM users WHERE username = 'o''brien'

-- a key with a backslash, which is nothing special in a standard string
SELECT * FROM users WHERE username = 'back\slash'

-- an escape string
SELECT * FROM users WHERE username = E'b\x6fb'

-- an escape string with a backslash
SELECT * FROM users WHERE username = E'back\\slash'

-- a unicode escape string
SELECT * FROM users WHERE username = U&'\00e9lan'

-- a unicode escape string with an escape character of its own
SELECT * FROM users WHERE username = U&'!00e9lan' UESCAPE '!'

-- dollar quoting
SELECT * FROM users WHERE username = $$bob$$

-- dollar quoting with a tag
SELECT * FROM users WHERE username = $x$o'brien$x$

-- two string constants on two lines are one
SELECT * FROM users WHERE username = 'bo'
  'b'

-- non-ASCII keys
SELECT * FROM users WHERE username IN ('中文', 'élan')

-- the bound of a range itself
SELECT * FROM users WHERE username IN ('h', 'q', 'i')

-- a string that looks like a number stays text
SELECT username FROM users WHERE username = '12345'

-- an integer beside a text key is an error
SELECT username FROM users WHERE username = 12345

-- a key with a trailing blank is another key
SELECT username FROM users WHERE username = 'bob '

-- char(5) beside text: its blanks are not significant
SELECT username FROM users WHERE username = 'bob'::char(5)

-- a bpchar of another length
SELECT username FROM users WHERE username = 'bob  '::bpchar

-- casts to text, varchar, name
SELECT username FROM users WHERE username = 'bob'::text OR username = 'zoe'::varchar OR username = CAST('ann' AS name)

-- varchar(2) cuts the key off
SELECT username FROM users WHERE username = 'bobby'::varchar(3)

-- a text-literal cast by its type in front
SELECT username FROM users WHERE username = text 'bob'

-- nested casts
SELECT username FROM users WHERE username = 12345::text

-- a cast that changes the value: true becomes 'true'
SELECT username FROM users WHERE username = true::text

-- a cast on the column is no key fact unless it is harmless
SELECT username FROM users WHERE username::varchar = 'bob'

-- a cast that cuts the column
SELECT username FROM users WHERE username::varchar(1) = 'b'

-- the column in a function
SELECT username FROM users WHERE lower(username) = 'ann'

-- the column in an expression
SELECT username FROM users WHERE username || '' = 'bob'

-- the key from a function of constants
SELECT username FROM users WHERE username = lower('BOB')

-- the key from concatenation
SELECT username FROM users WHERE username = 'bo' || 'b'

-- the constant on the left
SELECT username FROM users WHERE 'bob' = username

-- = NULL is never true
SELECT username FROM users WHERE username = NULL

-- IS NULL of a key
SELECT username FROM users WHERE username IS NULL

-- IS NOT NULL of a key
SELECT count(*) FROM users WHERE username IS NOT NULL

-- IS NOT DISTINCT FROM a key
SELECT username FROM users WHERE username IS NOT DISTINCT FROM 'bob'

-- IS DISTINCT FROM binds nothing
SELECT username FROM users WHERE username IS DISTINCT FROM 'bob'

-- <> binds nothing
SELECT username FROM users WHERE username <> 'bob'

-- NOT of an equality binds nothing
SELECT username FROM users WHERE NOT (username = 'bob')

-- NOT of an inequality
SELECT username FROM users WHERE NOT username <> 'bob'

-- IN over several shards
SELECT username, age FROM users WHERE username IN ('ann', 'zoe', 'kim', 'nobody')

-- IN with NULL in it
SELECT username FROM users WHERE username IN ('ann', NULL, 'zoe')

-- NOT IN with NULL is never true
SELECT username FROM users WHERE username NOT IN ('ann', NULL)

-- NOT IN of constants
SELECT username FROM users WHERE username NOT IN ('ann', 'zoe')

-- IN with one value twice gives the row once
SELECT username FROM users WHERE username IN ('bob', 'bob', 'bob')

-- IN with an expression in it
SELECT username FROM users WHERE username IN ('ann', lower('ZOE'), 'b' || 'ob')

-- IN with a column in it
SELECT username FROM users WHERE username IN ('ann', full_name, country)

-- = ANY of an array constructor
SELECT username FROM users WHERE username = ANY (ARRAY['bob', 'zoe'])

-- = ANY of an array literal
SELECT username FROM users WHERE username = ANY ('{bob,"a b",zoe,NULL}')

-- = ANY of an array literal with a cast
SELECT username FROM users WHERE username = ANY ('{bob,zoe}'::text[])

-- = ANY of an empty array
SELECT username FROM users WHERE username = ANY ('{}')

-- = ANY of a NULL array
SELECT username FROM users WHERE username = ANY (NULL::text[])

-- = ALL is not = ANY
SELECT username FROM users WHERE username = ALL (ARRAY['bob', 'bob'])

-- <> ALL
SELECT count(*) FROM users WHERE username <> ALL (ARRAY['bob', 'zoe'])

-- = ANY of a set of VALUES
SELECT username FROM users WHERE username IN (VALUES ('bob'), ('zoe'))

-- OR of two keys
SELECT username FROM users WHERE username = 'bob' OR username = 'zoe'

-- OR of a key and another column
SELECT username FROM users WHERE username = 'bob' OR age = 14

-- OR whose arms each bind the key and more
SELECT username FROM users WHERE (username = 'bob' AND age > 0) OR (username = 'zoe' AND age > 0)

-- OR under AND
SELECT username FROM users WHERE (username = 'bob' OR username = 'zoe') AND age IS NOT NULL

-- two different keys at once: no row
SELECT username FROM users WHERE username = 'bob' AND username = 'zoe'

-- a contradiction in an aggregate still gives one row
SELECT count(*), sum(age) FROM users WHERE username = 'bob' AND username = 'zoe'

-- an aggregate of no key's row
SELECT count(*), max(age) FROM users WHERE username = 'nobody'

-- CASE as a condition
SELECT username FROM users WHERE CASE WHEN username = 'bob' THEN true ELSE age = 21 END

-- COALESCE around the key
SELECT username FROM users WHERE coalesce(username, 'x') = 'bob'

-- a boolean test of an equality
SELECT username FROM users WHERE (username = 'bob') IS TRUE

-- a boolean test that holds for everybody else
SELECT count(*) FROM users WHERE (username = 'bob') IS NOT TRUE

-- an equality compared with false
SELECT count(*) FROM users WHERE (username = 'bob') = false

-- a range of text under collation C
SELECT username FROM users WHERE username > 'c' AND username < 'p'

-- BETWEEN over a bound
SELECT username FROM users WHERE username BETWEEN 'g' AND 'i'

-- BETWEEN with its ends exchanged is empty
SELECT username FROM users WHERE username BETWEEN 'i' AND 'g'

-- BETWEEN SYMMETRIC is not
SELECT username FROM users WHERE username BETWEEN SYMMETRIC 'i' AND 'g'

-- NOT BETWEEN
SELECT username FROM users WHERE username NOT BETWEEN 'b' AND 'y'

-- >= a bound
SELECT username FROM users WHERE username >= 'q'

-- <= a bound
SELECT username FROM users WHERE username <= 'h'

-- an inequality with the constant on the left
SELECT username FROM users WHERE 'h' > username

-- an inequality under another collation than the column's
SELECT username FROM users WHERE username < 'b' COLLATE "en-x-icu"

-- equality under another deterministic collation
SELECT username FROM users WHERE username = 'bob' COLLATE "en-x-icu"

-- LIKE with a prefix
SELECT username FROM users WHERE username LIKE 'b%'

-- LIKE with an underscore
SELECT username FROM users WHERE username LIKE 'a_b'

-- LIKE with an escaped underscore
SELECT username FROM users WHERE username LIKE 'a\_b'

-- LIKE without wildcards
SELECT username FROM users WHERE username LIKE 'bob'

-- LIKE with its own escape character
SELECT username FROM users WHERE username LIKE '100!%' ESCAPE '!'

-- NOT LIKE
SELECT count(*) FROM users WHERE username NOT LIKE 'b%'

-- ILIKE
SELECT username FROM users WHERE username ILIKE 'A%'

-- SIMILAR TO
SELECT username FROM users WHERE username SIMILAR TO '(ann|zoe)%'

-- a regular expression
SELECT username FROM users WHERE username ~ '^[ab]'

-- starts_with operator
SELECT username FROM users WHERE username ^@ 'zo'

-- row equality
SELECT username FROM users WHERE (username, age) = ('bob', 34)

-- row equality with the key second
SELECT username, id FROM posts WHERE (id, username) = (1, 'zoe')

-- row IN
SELECT username, id FROM posts WHERE (username, id) IN (('ann', 1), ('ann', 2), ('zoe', 1), ('kim', 9))

-- row comparison over shards
SELECT username, id FROM posts WHERE (username, id) > ('p', 1)

-- row comparison with >= at a bound
SELECT username, id FROM posts WHERE (username, id) >= ('q', 1) AND (username, id) < ('zoe', 1)

-- row IS DISTINCT FROM
SELECT count(*) FROM posts WHERE (username, id) IS DISTINCT FROM ('q', 1)

-- the key through an alias
SELECT u.username FROM users AS u WHERE u.username = 'bob'

-- the key through a column alias of the table
SELECT who FROM users AS u (who) WHERE who = 'bob'

-- columns renamed across: `age` now means the key
SELECT age FROM users AS u (age, username) WHERE username = 'bob'

-- a key in quotes and capitals
SELECT "username" FROM "public"."users" WHERE "users"."username" = 'bob'

-- identifiers are folded
SELECT USERNAME FROM Public.USERS WHERE UserName = 'bob'

-- the whole row compared
SELECT u.username FROM users u WHERE u IS NOT NULL

-- a key compared with another column
SELECT username FROM users WHERE username = city

-- a key compared with itself
SELECT count(*) FROM users WHERE username = username

-- a constant condition
SELECT count(*) FROM users WHERE false

-- a hash key
SELECT * FROM events WHERE id = 17

-- a hash key as a string
SELECT id FROM events WHERE id = '17'

-- a hash key as numeric: compared as numeric
SELECT id FROM events WHERE id = 17.0

-- a hash key as a numeric that no row can equal
SELECT id FROM events WHERE id = 17.5

-- a hash key as float
SELECT id FROM events WHERE id = 17::float8

-- a hash key as smallint
SELECT id FROM events WHERE id = 17::smallint

-- a negative hash key
SELECT id FROM events WHERE id = -1

-- a doubly negative hash key
SELECT id FROM events WHERE id = - (-17)

-- the largest bigint
SELECT id FROM events WHERE id = 9223372036854775807

-- a number beyond bigint
SELECT id FROM events WHERE id = 9223372036854775808

-- hash keys in an IN list of mixed types
SELECT id FROM events WHERE id IN (1, 2, '3', 4.0, 5::smallint)

-- a range over hash keys prunes nothing
SELECT id FROM events WHERE id BETWEEN 10 AND 20

-- arithmetics on the key
SELECT id FROM events WHERE id + 1 = 18

-- arithmetics on the constant
SELECT id FROM events WHERE id = 16 + 1

-- a hexadecimal-looking string is no integer here
SELECT id FROM events WHERE id = '0x11'

-- a string with blanks is an integer
SELECT id FROM events WHERE id = ' 17 '

-- a key of two columns, both given
SELECT * FROM stock WHERE tenant = 2 AND item = 'nut'

-- a key of two columns, one given
SELECT * FROM stock WHERE tenant = 2

-- a key of two columns with IN for each
SELECT * FROM stock WHERE tenant IN (1, 5) AND item IN ('nut', 'bolt', '')

-- a key of two columns in a row comparison
SELECT * FROM stock WHERE (item, tenant) = ('Screw', 4)

-- a key of two columns in OR
SELECT * FROM stock WHERE (tenant = 1 AND item = 'nut') OR (tenant = 6 AND item = '')

-- a uuid key in other spellings
SELECT * FROM tokens WHERE id IN ('c4ca4238-a0b9-2382-0dcc-509a6f75849b', '{C81E728D9D4C2F636F067F89CC14862C}')

-- a uuid key with a cast
SELECT username FROM tokens WHERE id = 'eccbc87e4b5ce2fe28308fd9f2a7baf3'::uuid

-- a uuid key that is none
SELECT username FROM tokens WHERE id = 'no uuid'

-- a date key
SELECT * FROM readings WHERE day = '2024-01-10'

-- a date key in another spelling
SELECT * FROM readings WHERE day = 'January 10, 2024'

-- a date key with a cast
SELECT * FROM readings WHERE day = DATE '2024-01-20'

-- a date key beside a timestamp
SELECT * FROM readings WHERE day = TIMESTAMP '2024-01-20 00:00:00'

-- a date key beside a timestamp that no date equals
SELECT * FROM readings WHERE day = TIMESTAMP '2024-01-20 10:00:00'

-- a date key beside a timestamptz
SELECT * FROM readings WHERE day = TIMESTAMPTZ '2024-01-20 00:00:00+00'

-- days in a half-open range over a bound
SELECT * FROM readings WHERE day >= '2024-01-08' AND day < '2024-01-12'

-- days before a timestamp in the middle of a day
SELECT day, sensor FROM readings WHERE day < TIMESTAMP '2024-01-03 12:00'

-- days by interval arithmetics
SELECT day, sensor FROM readings WHERE day > date '2024-01-25' - 3

-- infinity
SELECT count(*) FROM readings WHERE day < 'infinity' AND day > '-infinity'

-- a list key
SELECT * FROM places WHERE region = 'eu'

-- list keys of several shards
SELECT * FROM places WHERE region IN ('eu', 'oz')

-- a list key that nothing is listed for
SELECT * FROM places WHERE region = 'pluto'

-- a list key among others
SELECT * FROM places WHERE region <> 'eu' AND name = 'Rome'

-- [rows]
-- a parameter as key
--$ bob
--$ zoe
--$ o'brien
--$
--$ ~
SELECT username, age FROM users WHERE username = $1

-- a parameter twice
--$ bob
SELECT username FROM users WHERE username = $1 AND username || 'x' = $1 || 'x'

-- two parameters over several shards
--$ ann | zoe
--$ ann | ~
SELECT username FROM users WHERE username IN ($1, $2)

-- an array parameter
--$ {ann,zoe,kim}
--$ {}
--$ ~
--$ {NULL,bob}
SELECT username FROM users WHERE username = ANY ($1)

-- a parameter with a cast
--$ bob
SELECT username FROM users WHERE username = $1::text

-- a parameter with a cast to varchar of a length
--$ bobby
SELECT username FROM users WHERE username = $1::varchar(3)

-- a parameter for a bigint key
--$ 17
--$ -1
--$ 9223372036854775807
SELECT id, kind FROM events WHERE id = $1

-- a parameter that is no number
--$ seventeen
SELECT id, kind FROM events WHERE id = $1

-- a parameter cast to integer beside a bigint key
--$ 17
SELECT id, kind FROM events WHERE id = $1::int

-- a numeric parameter beside a bigint key
--$ 17.0
--$ 17.5
SELECT id, kind FROM events WHERE id = $1::numeric

-- parameters for both columns of a key
--$ 2 | nut
--$ 6 |
SELECT * FROM stock WHERE item = $2 AND tenant = $1

-- a uuid parameter
--$ c4ca4238a0b923820dcc509a6f75849b
SELECT username FROM tokens WHERE id = $1

-- a date parameter
--$ 2024-01-10
--$ Jan 20 2024
SELECT sensor, value FROM readings WHERE day = $1

-- a range of parameters
--$ 2024-01-08 | 2024-01-12
SELECT day, sensor FROM readings WHERE day >= $1 AND day < $2

-- a parameter that is compared with an expression only
--$ 3
SELECT username FROM users WHERE length(username) = $1

-- a parameter in the select list
--$ hello | bob
SELECT $1 AS greeting, username FROM users WHERE username = $2

-- a parameter in the select list over several shards
--$ 5
SELECT username, age + $1 FROM users

-- a parameter in OR
--$ bob | 14
SELECT username FROM users WHERE username = $1 OR age = $2
