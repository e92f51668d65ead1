-- Order, equality and case of texts under other locales than C: what is merged, pruned, grouped or combined must be as the database
-- has it.  The setup's columns have collations of all kinds.

-- [total order]

-- the database's own order, in which case, accents and punctuation may come last
SELECT word FROM words ORDER BY word

-- the same descending, NULLS FIRST, over a nullable column
SELECT short, word FROM words ORDER BY short DESC NULLS LAST, word DESC

-- LIMIT takes the first rows of that order, not of the bytes'
SELECT word, n FROM words ORDER BY word LIMIT 7

-- OFFSET counts in that order
SELECT word FROM words ORDER BY word OFFSET 11 LIMIT 9

-- bytes, whatever the database has
SELECT bytes FROM words ORDER BY bytes LIMIT 40

-- code points
SELECT points FROM words ORDER BY points

-- the C library's English
SELECT english, word FROM words ORDER BY english NULLS FIRST, n

-- ICU, upper case first
SELECT upper_first FROM words ORDER BY upper_first

-- equal texts of a nondeterministic collation are told apart by what follows
SELECT folded, n FROM words ORDER BY folded, n

-- … of a domain with one
SELECT domain, n FROM words ORDER BY domain, n

-- citext
SELECT ci, n FROM words ORDER BY ci, n

-- "char" is ordered by its byte
SELECT letter, n FROM words ORDER BY letter, n

-- blanks at the end of a character(n) do not count
SELECT padded, n FROM words ORDER BY padded, n

-- name is always in the order of its bytes
SELECT tag FROM words ORDER BY tag

-- … unless told otherwise
SELECT tag FROM words ORDER BY tag COLLATE english

-- COLLATE in ORDER BY
SELECT word FROM words ORDER BY word COLLATE "C"

-- … POSIX, qualified
SELECT word FROM words ORDER BY word COLLATE pg_catalog."POSIX" DESC

-- … of another column's collation
SELECT word FROM words ORDER BY word COLLATE english, n

-- … the default, for a column that has another
SELECT bytes FROM words ORDER BY bytes COLLATE "default"

-- … ucs_basic
SELECT word FROM words ORDER BY word COLLATE ucs_basic

-- … ICU's root
SELECT word FROM words ORDER BY word COLLATE "und-x-icu"

-- … nondeterministic
SELECT word FROM words ORDER BY word COLLATE folded, n

-- COLLATE in the select list, sorted by its number
SELECT word COLLATE "C" AS w, n FROM words ORDER BY 1

-- … by its name
SELECT word COLLATE english AS w, n FROM words ORDER BY w

-- an output named like the column hides it
SELECT bytes COLLATE english AS bytes, n FROM words ORDER BY bytes

-- a subquery's column keeps its collation
SELECT w FROM (SELECT word COLLATE "C" AS w FROM words) s ORDER BY w

-- … and the database's
SELECT w FROM (SELECT word AS w FROM words) s ORDER BY w DESC

-- a column of each collation in one list
SELECT bytes, english, word, n FROM words ORDER BY left(bytes, 1), english DESC, n

-- arms of a UNION: both in the database's order
SELECT word FROM words UNION ALL SELECT username FROM users ORDER BY 1

-- … one by bytes: that one wins
SELECT word FROM words UNION ALL SELECT term FROM terms ORDER BY 1

-- … and both with it
SELECT bytes FROM words UNION ALL SELECT term FROM terms ORDER BY 1

-- DISTINCT ON takes the first of the database's order
SELECT DISTINCT ON (w.word) w.word, u.username FROM words w JOIN users u ON u.username = w.word ORDER BY w.word

-- DISTINCT ON an expression, first by text
SELECT DISTINCT ON (length(word)) length(word), word FROM words ORDER BY length(word), word

-- the same by bytes
SELECT DISTINCT ON (length(word)) length(word), bytes FROM words ORDER BY length(word), bytes

-- groups by the key, sorted by text of the group
SELECT word, max(english) FROM words GROUP BY word ORDER BY max(english) NULLS FIRST, word

-- varchar and text compare alike
SELECT short, n FROM words ORDER BY short, n LIMIT 20

-- ties are broken by bytes
SELECT word FROM words WHERE lower(word) = 'coop' OR word LIKE 'co%' ORDER BY word

-- a window's order
SELECT word, row_number() OVER (ORDER BY word), rank() OVER (ORDER BY bytes) FROM words ORDER BY word COLLATE "C"

-- a merge of a co-located join, sorted by the other table's collation
SELECT t.term, w.word FROM terms t JOIN words w ON w.word = t.term ORDER BY t.term

-- … and by the database's
SELECT t.term, w.word FROM terms t JOIN words w ON w.word = t.term ORDER BY w.word

-- the merged column of USING is the left one
SELECT username FROM users JOIN posts USING (username) JOIN follows ON follower = username ORDER BY username, id, followee LIMIT 30

-- binary and text forms of all string types
SELECT word, short, padded, tag, bytes FROM words ORDER BY short NULLS FIRST, padded, tag, bytes LIMIT 25

-- [rows]
-- aggregates of what is made of a domain that has a collation
SELECT avg(length(domain)), sum(length(domain)) + 1, count(DISTINCT domain), max(length(domain || 'x')) FROM words

-- groups of a domain that has a collation, and of what is made of it
SELECT length(domain), count(*), avg(length(domain || '!')) FROM words GROUP BY length(domain)

-- a domain that has a collation is compared by it, also as part of a result
SELECT count(*) FROM (SELECT domain, count(*) FROM words GROUP BY domain) AS x

-- a domain that has a collation beside one that an outer join extends
SELECT a.word, b.domain = 'ELAN', b.domain || '' = 'e' FROM words a LEFT JOIN words b ON b.word = a.word AND b.n % 2 = 0

-- … in a copy, and in a part of one
SELECT a.n, b.domain = a.domain FROM words a LEFT JOIN words b ON b.n = a.n + 1

-- what is less than a text depends on the collation: no shard may be left out
SELECT word FROM words WHERE word < 'b'

-- … BETWEEN
SELECT word FROM words WHERE word BETWEEN 'E' AND 'f'

-- … with a literal on the left
SELECT word FROM words WHERE 'coop' <= word AND 'Z' > word

-- … of rows
SELECT word, n FROM words WHERE (word, n) > ('e', 3)

-- … of a key in the order of bytes
SELECT term FROM terms WHERE term < 'b'

-- … BETWEEN bytes
SELECT term FROM terms WHERE term BETWEEN 'E' AND 'f'

-- … a key by bytes under another collation
SELECT term FROM terms WHERE term COLLATE english < 'b'

-- … where the other side says so
SELECT term FROM terms WHERE term < 'b' COLLATE english

-- … where a column's own collation loses to another's
SELECT t.term FROM terms t WHERE t.term = 'b' AND t.english < 'c'

-- tied to a key in the order of bytes
SELECT w.word, t.n FROM words w JOIN terms t ON t.term = w.word WHERE t.term > 'a' AND t.term < 'f'

-- … and to one in the database's order
SELECT w.word, t.n FROM words w JOIN terms t ON t.term = w.word WHERE w.word > 'a' AND w.word < 'f'

-- LIKE compares bytes under any deterministic collation
SELECT word FROM words WHERE word LIKE 'e%'

-- … an accent is another character
SELECT word FROM words WHERE word LIKE 'é%' OR word LIKE 'É_an'

-- … without a wildcard
SELECT word FROM words WHERE word LIKE 'co-op'

-- … of a whole character beyond the first plane
SELECT word FROM words WHERE word LIKE '😀%'

-- ILIKE folds case
SELECT word FROM words WHERE word ILIKE 'É%'

-- starts_with and ^@
SELECT word FROM words WHERE starts_with(word, 'St') OR word ^@ 'co'

-- equality is of bytes: composed and decomposed differ
SELECT word, n FROM words WHERE word IN ('élan', E'e\u0301lan', 'Elan')

-- equality under a nondeterministic collation is not
SELECT word FROM words WHERE word = 'ELAN' COLLATE folded

-- … the other way round
SELECT word FROM words WHERE 'ELAN' COLLATE folded = word

-- … of the column itself
SELECT word FROM words WHERE folded = 'elan'

-- … of a domain
SELECT word FROM words WHERE domain = 'strasse' OR domain = 'É'

-- … of a value of a domain
SELECT word FROM words WHERE word = 'ELAN'::folded_text

-- … in a list
SELECT word FROM words WHERE word IN ('ELAN'::folded_text, 'COOP')

-- … of an array
SELECT word FROM words WHERE word COLLATE folded = ANY ('{ELAN,COOP}')

-- … not distinct from
SELECT word FROM words WHERE word IS NOT DISTINCT FROM 'ELAN' COLLATE folded

-- a join by a column with a nondeterministic collation is not one by keys
SELECT w.word, t.term FROM words w JOIN terms t ON t.folded = w.word

-- … where both are compared so
SELECT w.word, t.term FROM words w JOIN terms t ON t.term = w.word COLLATE folded

-- … with the key and more
SELECT w.word, t.term FROM words w JOIN terms t ON t.term = w.word AND t.folded = w.folded

-- … semi-join
SELECT word FROM words WHERE word IN (SELECT folded FROM terms)

-- … anti-join
SELECT word FROM words WHERE word NOT IN (SELECT folded FROM terms WHERE folded IS NOT NULL)

-- … EXISTS
SELECT term FROM terms t WHERE EXISTS (SELECT FROM words w WHERE w.folded = t.term)

-- citext: its own operators
SELECT word FROM words WHERE ci = 'ELAN'

-- … compared with text: as text
SELECT word FROM words WHERE word = 'ELAN'::citext

-- … joined with a key
SELECT w.word, t.term FROM words w JOIN terms t ON t.term = w.ci

-- … LIKE
SELECT word FROM words WHERE ci LIKE 'e%'

-- groups by a nondeterministic collation cross shards
SELECT lower(min(word COLLATE "C")), count(*) FROM words GROUP BY folded

-- … of the key itself
SELECT count(*) FROM words GROUP BY word COLLATE folded

-- … by its number
SELECT count(DISTINCT n) FROM (SELECT word COLLATE folded AS w, n FROM words) s GROUP BY w

-- DISTINCT
SELECT count(*) FROM (SELECT DISTINCT word COLLATE folded FROM words) s

-- count(DISTINCT)
SELECT count(DISTINCT folded), count(DISTINCT word), count(DISTINCT ci), count(DISTINCT word COLLATE folded) FROM words

-- UNION removes equal texts
SELECT count(*) FROM (SELECT word FROM words UNION SELECT folded FROM terms) s

-- INTERSECT with a collation that is not the key's
SELECT count(*) FROM (SELECT word COLLATE folded FROM words INTERSECT SELECT term FROM terms) s

-- a window per equal texts
SELECT n, count(*) OVER (PARTITION BY folded) FROM words

-- … of the key under another collation
SELECT n, count(*) OVER (PARTITION BY word COLLATE folded) FROM words

-- min and max in the database's order
SELECT min(word), max(word), min(short), max(short) FROM words

-- … by bytes
SELECT min(bytes), max(bytes), min(word COLLATE "C"), max(word COLLATE "POSIX") FROM words

-- … of other collations
SELECT min(english), max(english), min(points), max(points), min(upper_first), max(upper_first) FROM words

-- … where blanks at the end do not count
SELECT min(padded) AS a, max(padded) AS b FROM words WHERE length(word) < 9

-- … of "char", which becomes text in the database's order
SELECT min(letter), max(letter) FROM words WHERE letter ~ '^[a-zA-Z]$'

-- … of name, which becomes text in the order of bytes
SELECT min(tag), max(tag) FROM words

-- … of citext
SELECT lower(min(ci)::text), lower(max(ci)::text) FROM words WHERE ci ~ '^[a-zA-Z]'

-- … with a COLLATE behind it
SELECT min(word) COLLATE "C", max(bytes) COLLATE english FROM words

-- … of an expression
SELECT min(lower(word)), max(word || 'x'), min(word::varchar(2)) FROM words

-- … by groups
SELECT n % 3, min(word), max(english) FROM words GROUP BY n % 3

-- greatest and least
SELECT n, greatest(word, 'F'), least(word, 'e') FROM words

-- string_agg in the database's order
SELECT string_agg(word, ',' ORDER BY word), string_agg(bytes, ',' ORDER BY bytes) FROM words

-- … array_agg DISTINCT
SELECT array_agg(DISTINCT left(word, 1)) FROM words

-- percentile and mode of texts
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY word), percentile_disc(0.5) WITHIN GROUP (ORDER BY bytes) FROM words

-- comparison with a subquery over other shards
SELECT word FROM words WHERE word > ALL (SELECT username FROM users WHERE username < 'h')

-- … with the greatest
SELECT word FROM words WHERE word >= (SELECT max(term) FROM terms)

-- upper and lower by the database's rules
SELECT upper(word), lower(word), initcap(word), n FROM words

-- … where a key is written so
SELECT n FROM words WHERE word = upper('é') OR word = lower('Ω')

-- character classes
SELECT word FROM words WHERE word ~ '^[[:alpha:]]+$' AND word ~ '^\w'

-- [error]

-- collations of two columns that cannot be told which to take
SELECT n FROM words WHERE english < upper_first

-- LIKE is not for nondeterministic collations
SELECT n FROM words WHERE folded LIKE 'e%'

-- a collation that is not there
SELECT word FROM words ORDER BY word COLLATE pg_catalog.english

-- two collations in one ORDER BY
SELECT english FROM words UNION ALL SELECT upper_first FROM words ORDER BY 1

-- [script]

-- a collation named like PostgreSQL's, found first
BEGIN;
CREATE COLLATION tricks."C" (LOCALE = 'en_US.UTF-8');
COMMIT;
SET search_path = tricks, pg_catalog, public;
SELECT words.word FROM public.words ORDER BY words.word COLLATE "C", n;
SELECT min(words.word COLLATE "C") FROM public.words WHERE words.word OPERATOR(pg_catalog.~) '^[a-zA-Z]';
RESET search_path;
DROP COLLATION tricks."C";

-- a minimum named like PostgreSQL's, found first
CREATE AGGREGATE tricks.min(text) (SFUNC = text_larger, STYPE = text);
SET search_path = tricks, pg_catalog, public;
SELECT min(words.word) FROM words;
RESET search_path;
DROP AGGREGATE tricks.min(text);

-- [write]

-- what is less than a text, in a write
DELETE FROM words WHERE word < 'b'

-- … BETWEEN, by bytes
UPDATE terms SET n = 0 WHERE term BETWEEN 'E' AND 'f'

-- … by a nondeterministic collation
UPDATE words SET n = 0 WHERE word = 'ELAN' COLLATE folded

-- … of a domain
DELETE FROM words WHERE word = 'coop'::folded_text

-- new keys go where their bytes say
INSERT INTO words (word, n) VALUES ('Ångström', 1), ('ångström', 2), ('Zebra', 3), ('öl', 4), ('_x', 5)

-- keys made by the database's rules
INSERT INTO words (word, n) VALUES (upper('straße'), 1), (lower('ÅNGSTRÖM'), 2), (initcap('ǆ'), 3)

-- [total order]

-- the order of expressions whose collation is the default one, and of those that a column, COLLATE or a type gives another one
SELECT word FROM words ORDER BY lower(word), word COLLATE "C";
SELECT word FROM words ORDER BY upper(word) DESC, word;
SELECT word || 'e' AS longer FROM words ORDER BY longer;
SELECT coalesce(english, word), word FROM words ORDER BY coalesce(english, word), word;
SELECT coalesce(points, 'm'), word FROM words ORDER BY 1, word;
SELECT lower(bytes), word FROM words ORDER BY 1, word;
SELECT lower(upper_first), word FROM words ORDER BY lower(upper_first), word;
SELECT lower(word COLLATE "C"), word FROM words ORDER BY 1, word;
SELECT lower(tag::text), word FROM words ORDER BY 1, word;
SELECT CASE WHEN n % 2 = 0 THEN word ELSE 'Zebra' END AS w, n, word FROM words ORDER BY w, n, word;
SELECT CASE WHEN n % 2 = 0 THEN english ELSE bytes END AS w, n, word FROM words ORDER BY w, n, word;
SELECT CASE WHEN english > bytes THEN 'b' ELSE 'A' END AS w, n, word FROM words ORDER BY w, n, word;
SELECT replace(padded::text, ' ', '-'), word FROM words ORDER BY 1, word;
SELECT short || padded, word FROM words ORDER BY short || padded, word;
SELECT domain || 'x', word FROM words ORDER BY domain || 'x', word;
SELECT ci::text || 'x', word FROM words ORDER BY ci::text || 'x', word;
SELECT repeat(letter::text, 2), word FROM words ORDER BY repeat(letter::text, 2), word;
SELECT w, n FROM (SELECT lower(word) AS w, n FROM words) s ORDER BY w, n;
SELECT w, count(*) FROM (SELECT lower(english) AS w FROM words) s GROUP BY w ORDER BY w;
SELECT left(word, 2) AS start, count(*), min(lower(word)), max(upper(word)) FROM words GROUP BY start ORDER BY start;
SELECT DISTINCT lower(word) FROM words ORDER BY 1 DESC;
SELECT count(*) FROM (SELECT DISTINCT lower(folded) FROM words) x;
SELECT to_char(n, '999') AS digits, count(*) FROM words GROUP BY 1 ORDER BY digits;
SELECT min(lower(bytes)), max(lower(english)), min(word || 'x'), max(initcap(upper_first)) FROM words;
