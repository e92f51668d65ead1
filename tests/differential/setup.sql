-- The tables of the differential test with all their rows.  Every server runs this; a shard then deletes what is not its own.
-- Keys: users, posts, follows by text range; events, event_tags, zoo by hash of a bigint; stock by hash of two columns; tokens by
-- hash of a uuid; readings by range of a date; places by list; words and terms by text range again, terms' key in the order of its
-- bytes whatever the database's is.  countries is a full copy everywhere; notes and lists are unsharded.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS saved, other, tricks CASCADE;
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
SET search_path = public;

CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE size AS (width integer, label text, marks mood[]);
CREATE FUNCTION plus_one(integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS 'SELECT upper($1) || ''!''';

-- Of functions that promise nothing those that only compute.
CREATE FUNCTION half(integer) RETURNS numeric LANGUAGE sql AS 'SELECT round($1 / 2.0, 1)';
CREATE FUNCTION steps(integer) RETURNS SETOF integer LANGUAGE sql STABLE AS 'SELECT g * half($1)::integer FROM generate_series(1, 3) AS g';
CREATE FUNCTION ripe(integer) RETURNS text LANGUAGE plpgsql AS
    'DECLARE r text := ''''; BEGIN FOR i IN 1..3 LOOP r := r || CASE WHEN $1 > i * 20 THEN ''*'' ELSE ''.'' END; END LOOP; RETURN r; END';
CREATE FUNCTION sorted(text[]) RETURNS text[] LANGUAGE sql AS 'SELECT array_agg(x ORDER BY x) FROM unnest($1) AS x';
CREATE AGGREGATE product(numeric) (SFUNC = numeric_mul, STYPE = numeric, INITCOND = '1');
CREATE FUNCTION halves(numeric, integer) RETURNS numeric LANGUAGE sql AS 'SELECT coalesce($1, 0) + half($2)';
CREATE AGGREGATE sum_of_halves(integer) (SFUNC = halves, STYPE = numeric);

CREATE TABLE users (username text PRIMARY KEY, full_name text, age integer, karma bigint, balance numeric(12,2),
    score double precision, active boolean DEFAULT true, country text, born date, created timestamptz, tags text[],
    title text COLLATE "en-x-icu", city varchar(20));
CREATE TABLE posts (username text NOT NULL, id integer NOT NULL, body text, likes integer DEFAULT 0, posted timestamptz,
    PRIMARY KEY (username, id));
CREATE TABLE follows (follower text NOT NULL, followee text NOT NULL, since date, PRIMARY KEY (follower, followee));
CREATE TABLE countries (code text PRIMARY KEY, name text, population bigint);
CREATE TABLE events (id bigint PRIMARY KEY, kind text NOT NULL DEFAULT 'click', username text, at timestamptz, data jsonb,
    weight smallint CHECK (weight >= 0), feeling mood);
CREATE TABLE event_tags (event_id bigint NOT NULL, tag text NOT NULL, PRIMARY KEY (event_id, tag));
CREATE TABLE stock (tenant integer NOT NULL, item text NOT NULL, amount integer NOT NULL, price numeric, PRIMARY KEY (tenant, item));
CREATE TABLE tokens (id uuid PRIMARY KEY, username text, used boolean NOT NULL DEFAULT false);
CREATE TABLE readings (day date NOT NULL, sensor integer NOT NULL, value real, note text, PRIMARY KEY (day, sensor)) PARTITION BY RANGE (day);
CREATE TABLE early_readings PARTITION OF readings FOR VALUES FROM (MINVALUE) TO ('2024-01-16');
CREATE TABLE late_readings PARTITION OF readings DEFAULT;
CREATE TABLE places (region text NOT NULL, name text NOT NULL, people integer, PRIMARY KEY (region, name));
CREATE TABLE zoo (id bigint PRIMARY KEY, num numeric, num52 numeric(5,2), f8 float8, f4 real, i2 smallint, ts timestamp,
    tz timestamptz(3), d date, t time, ttz timetz, iv interval, j json, jb jsonb, ints integer[], texts text[], grid integer[][],
    bin bytea, u uuid, bl boolean, c5 char(5), vc varchar(10), nm name, ip inet, net cidr, mac macaddr, bits bit(3), vbits bit varying(5),
    cash money, feeling mood, feelings mood[], pos positive, span int4range, spans int4multirange, spot point, doc tsvector, x xml, dim size, dims size[]);
-- Collations of all kinds beside the database's own: bytes, code points, the C library's, ICU's, one that is not deterministic.
CREATE COLLATION points (LOCALE = 'C.UTF-8');
CREATE COLLATION english (LOCALE = 'en_US.UTF-8');
CREATE COLLATION upper_first (PROVIDER = icu, LOCALE = 'und-u-kf-upper');
CREATE COLLATION folded (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
CREATE DOMAIN folded_text AS text COLLATE folded;
CREATE EXTENSION citext;
CREATE TABLE words (word text PRIMARY KEY, bytes text COLLATE "C", points text COLLATE points, english text COLLATE english,
    upper_first text COLLATE upper_first, folded text COLLATE folded, domain folded_text, ci citext, letter "char", padded char(8),
    short varchar(12), tag name, n integer);
CREATE TABLE terms (term text COLLATE "C" PRIMARY KEY, english text COLLATE english, folded text COLLATE folded, n integer);
CREATE TABLE notes (id integer PRIMARY KEY, author text, body text);
CREATE TABLE lists (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, what text, done boolean DEFAULT false);

-- Functions that are queries over tables, or take a table's row.
CREATE FUNCTION country_name(text) RETURNS text LANGUAGE sql STABLE AS 'SELECT name FROM countries WHERE code = $1';
CREATE FUNCTION likes_of(name text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT coalesce(sum(likes), 0) FROM posts WHERE username = name';
CREATE FUNCTION likes_of_post(text, post integer) RETURNS integer LANGUAGE sql AS
    'SELECT likes FROM posts WHERE username = $1 AND id = likes_of_post.post';
CREATE FUNCTION best_post(writer text) RETURNS integer LANGUAGE sql STABLE STRICT AS
    'SELECT p.id FROM posts p WHERE p.username = writer ORDER BY p.likes DESC, p.id';
CREATE FUNCTION posts_of(writer text) RETURNS SETOF posts LANGUAGE sql STABLE AS
    'SELECT * FROM posts WHERE username = writer ORDER BY likes DESC, id';
CREATE FUNCTION liked(lowest integer) RETURNS TABLE (writer text, number integer, ratio numeric) LANGUAGE sql STABLE AS
    'SELECT username, id, likes / 7.0 FROM posts WHERE likes >= lowest';
CREATE FUNCTION likes_since(writer text, since timestamptz DEFAULT '2024-01-10 00:00:00+00', least_likes integer DEFAULT 1 + 1) RETURNS bigint
    LANGUAGE sql STABLE AS 'SELECT count(*) FROM posts WHERE username = writer AND posted >= since AND likes >= least_likes';
CREATE FUNCTION user_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM users';
CREATE FUNCTION ages() RETURNS SETOF integer LANGUAGE sql STABLE AS 'SELECT DISTINCT age FROM users';
CREATE FUNCTION full_title(users) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.title || '' '' || ($1).full_name';
CREATE FUNCTION fans(star users) RETURNS bigint LANGUAGE sql STABLE AS
    'SELECT count(*) FROM follows f WHERE f.followee = star.username';
CREATE FUNCTION fame(username text) RETURNS numeric LANGUAGE sql STABLE AS
    'SELECT round(likes_of(fame.username) / 3.0, 2) + (SELECT count(*) FROM follows f WHERE f.follower = fame.username)';
CREATE FUNCTION written(lowest integer) RETURNS bigint STABLE
    BEGIN ATOMIC SELECT count(*) FROM posts WHERE likes > lowest AND body <> 'costs$1'; END;
CREATE FUNCTION deep(integer) RETURNS bigint LANGUAGE sql AS
    'SELECT CASE WHEN $1 > 0 THEN deep($1 - 1) ELSE (SELECT count(*) FROM users) END';

CREATE VIEW adults AS SELECT username, age, country FROM users WHERE age >= 18;
CREATE VIEW written AS SELECT u.username, u.country, p.id, p.likes FROM users u JOIN posts p ON p.username = u.username;
CREATE VIEW totals AS SELECT country, count(*) AS people FROM users GROUP BY country;

-- What reads tables without looking like it, and what is named like PostgreSQL's own.
CREATE FUNCTION event_count(users) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM events WHERE events.username = $1.username';
CREATE FUNCTION initial(users) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT left($1.username, 1)';
CREATE FUNCTION of_kind(text, text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM events WHERE kind = $1';
CREATE FUNCTION add_kind(bigint, text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT $1 + of_kind($2, $2)';
CREATE AGGREGATE count_of_kinds(text) (SFUNC = add_kind, STYPE = bigint, INITCOND = '0');
CREATE OPERATOR <~> (LEFTARG = text, RIGHTARG = text, FUNCTION = of_kind);
CREATE TYPE tally AS (n bigint);
CREATE FUNCTION to_tally(text) RETURNS tally LANGUAGE sql STABLE AS 'SELECT ROW(count(*))::tally FROM events WHERE kind = $1';
CREATE CAST (text AS tally) WITH FUNCTION to_tally(text);
CREATE SCHEMA tricks;
CREATE FUNCTION tricks.alike(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT lower($1) OPERATOR(pg_catalog.=) lower($2)';
CREATE OPERATOR tricks.= (LEFTARG = text, RIGHTARG = text, FUNCTION = tricks.alike);

INSERT INTO countries VALUES ('de', 'Germany', 83000000), ('fr', 'France', 68000000), ('in', 'India', 1400000000),
    ('jp', 'Japan', 125000000), ('zz', NULL, NULL);

CREATE TEMP TABLE names AS SELECT i, (ARRAY['', 'h', 'q', 'Zed', 'o''brien', 'back\slash', 'élan', 'a b', 'm', '中文', 'ann', 'bob',
    'zoe', 'kim', '100%', 'a_b', 'axb', 'Ann', ' lead', 'bob ', 'NULL', '12345', 'true', 'd', 'j', 'u', 'g', 'hzzz', 'i', 'p', 'zzzz',
    'carl', 'eve', 'lou', 'max', 'ned', 'rob', 'sue', 'tom', 'will'])[i] AS username FROM generate_series(1, 40) AS i;
INSERT INTO users SELECT username,
    CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN '' ELSE 'Name ' || i % 7 END,
    NULLIF(i * 7 % 50, 7), CASE WHEN i % 9 = 0 THEN NULL WHEN i = 5 THEN 9000000000000000000 WHEN i = 14 THEN 9000000000000000000
      ELSE i * 7919 % 1000 - 100 END, NULLIF(round(i * 37 / 7.0, 2), 37),
    CASE WHEN i % 19 = 0 THEN 'NaN' WHEN i % 23 = 0 THEN '-Infinity' WHEN i = 3 THEN '-0' WHEN i = 4 THEN 0 ELSE i / 8.0 END,
    NULLIF(i % 3, 2) = 1, (ARRAY['de', 'fr', 'in', 'jp', 'xx', NULL])[i % 6 + 1], date '1970-01-01' + i * 13 % 400,
    timestamptz '2024-01-01 00:00:00+00' + i * interval '1 hour 7 seconds 120 milliseconds',
    CASE WHEN i % 5 = 0 THEN NULL WHEN i % 7 = 0 THEN '{}' ELSE ARRAY['t' || i % 3, 't' || i % 4] END,
    (ARRAY['alpha', 'Beta', 'gamma', 'beta', 'Alpha', NULL])[i % 6 + 1], (ARRAY['Oslo', 'Rome', 'Lima', 'oslo'])[i % 4 + 1] FROM names;
INSERT INTO posts SELECT username, p, CASE WHEN p = 3 THEN NULL ELSE 'post ' || p || ' of ' || username END, i * p % 17,
    timestamptz '2024-02-01 00:00:00+00' + i * p * interval '11 minutes' FROM names, generate_series(1, i % 4) AS p;
INSERT INTO posts VALUES ('ghost', 1, 'nobody wrote this', 1, NULL), ('phantom', 7, 'nor this', NULL, NULL);
INSERT INTO follows SELECT a.username, b.username, NULLIF(date '2024-03-01' + a.i % 9, '2024-03-04')
    FROM names a JOIN names b ON b.i IN ((a.i * 31 + 7) % 40 + 1, (a.i * 17 + 3) % 40 + 1);
INSERT INTO events SELECT i, (ARRAY['click', 'view', 'buy'])[i % 3 + 1], (SELECT username FROM names WHERE names.i = e.i % 50),
    timestamptz '2024-05-01 00:00:00+00' + i * interval '90 minutes', CASE WHEN i % 4 = 0 THEN NULL ELSE
    jsonb_build_object('n', i, 'tags', jsonb_build_array('t' || i % 2), 'deep', jsonb_build_object('k', i % 3)) END,
    NULLIF(i % 10, 3), (ARRAY['sad', 'ok', 'happy', NULL]::mood[])[i % 4 + 1] FROM generate_series(1, 60) AS e(i);
INSERT INTO events VALUES (-1, 'odd', NULL, '-infinity', 'null', 0, NULL), (9223372036854775807, 'odd', NULL, 'infinity', '[]', 32767, 'sad');
INSERT INTO event_tags SELECT i, 'tag' || t FROM generate_series(1, 60) AS i, generate_series(1, i % 3) AS t;
INSERT INTO stock SELECT t, x, t * 10 + length(x), t / 3.0 FROM generate_series(1, 6) AS t, unnest(ARRAY['nut', 'bolt', 'Screw', '']) AS x;
INSERT INTO tokens SELECT md5(i::text)::uuid, (SELECT username FROM names WHERE names.i = e.i), i % 2 = 0 FROM generate_series(1, 20) AS e(i);
INSERT INTO readings SELECT date '2024-01-01' + i, s, i * s / 4.0, CASE WHEN i % 4 = 0 THEN NULL ELSE 'n' || i END
    FROM generate_series(0, 29) AS i, generate_series(1, 2) AS s WHERE i % 7 <> 3;
INSERT INTO places VALUES ('eu', 'Oslo', 700), ('eu', 'Rome', 2800), ('us', 'Reno', 260), ('us', 'Rome', 36), ('asia', 'Kobe', 1500),
    ('asia', 'Oslo', NULL), ('africa', 'Dakar', 1100), ('oz', 'Perth', 2100);
INSERT INTO zoo (id) VALUES (1);
INSERT INTO zoo SELECT i, i / 3.0, i + 0.5, i / 7.0::float8, i / 7.0::real, i, timestamp '2024-01-31 10:00' + i * interval '31 days',
    timestamptz '2024-03-31 00:30:00.123456+00' + i * interval '1 hour', date '2024-02-27' + i, time '23:59:50' + i * interval '1 second',
    timetz '12:00+02', make_interval(months => i, days => -i, secs => i / 2.0), json_build_object('b', i, 'a', ARRAY[i]),
    jsonb_build_object('b', i, 'a', NULL), ARRAY[i, NULL, i * i], ARRAY['a', 'b,c', '"q"', NULL], ARRAY[[i, 2], [3, 4]],
    decode(lpad(to_hex(i), 4, '0'), 'hex'), md5(i::text)::uuid, i % 2 = 0, 'c' || i, 'v' || i, 'n' || i, ('10.0.0.' || i)::inet,
    '10.0.0.0/24', '08:00:2b:01:02:03', B'101', B'11', i * 1.25, (ARRAY['sad', 'ok', 'happy']::mood[])[i % 3 + 1], ARRAY['ok', 'sad']::mood[], i,
    int4range(i, i + 3), int4multirange(int4range(i, i + 1), int4range(i + 5, i + 6)), point(i, -i), 'fat cat'::tsvector, ('<a>' || i || '</a>')::xml
    FROM generate_series(2, 14) AS i;
INSERT INTO zoo (id, num, f8, f4, ts, tz, d, iv, bin, c5) VALUES (101, 'NaN', 'Infinity', '-Infinity', 'infinity', '-infinity', 'infinity', '-1 day', '', ''),
    (102, 123456789012345678901234567890.123456789, 1e-310, 1e38, '0044-03-15 BC', '0001-01-01 00:00:00+00', '4713-01-01 BC', '178000000 years', '\x00ff', 'é'),
    (103, -0.000000000000000000001, 0.1::float8 + 0.2, 16777217, '1999-12-31 23:59:59.999999', '1999-12-31 23:59:59.9996+00', '1999-12-31', '0', '\xdeadbeef', 'ab  ');
UPDATE zoo SET dim = (id, 'no "' || id || '", (x)', ARRAY[feeling]), dims = ARRAY[(1, NULL, NULL), (id, '', '{sad,ok}')]::size[] WHERE id % 3 > 0;
-- Values that are equal, but not the same.
INSERT INTO zoo (id, num, f8, iv, c5, jb) SELECT 200 + i, (ARRAY[1, 1.0, 1.00])[i % 3 + 1], (ARRAY['0', '-0'])[i % 2 + 1]::float8,
    (ARRAY['1 mon', '30 days', '720 hours'])[i % 3 + 1]::interval, 'x', (ARRAY['{"n": 1}', '{"n": 1.0}'])[i % 2 + 1]::jsonb FROM generate_series(1, 30) AS i;
-- Case, accents (also as two characters), punctuation, blanks, digits, what is ignored, other scripts, beyond the first plane.
CREATE TEMP TABLE spellings AS SELECT row_number() OVER () AS i, x FROM unnest(ARRAY['elan', 'Elan', 'ELAN', 'élan', 'Élan', E'e\u0301lan',
    'e', 'E', 'é', 'É', 'è', 'f', 'F', 'coop', 'co-op', 'co op', 'CO-OP', 'co_op', 'co.op', 'COOP', '9', '10', '1', '-1', '1a', 'a1', '_a',
    ' a', 'a ', 'A', 'a', 'b', 'B', '!b', '~', 'ss', 'ß', 'SS', 'sz', 'æ', 'ae', 'Ae', 'az', 'ø', 'z', 'Z', 'å', 'Ω', 'ω', 'я', 'Я', '中', '文',
    E'\U0001F600', E'\uFF41', E'\u00ADsoft', 'soft', 'Straße', 'Strasse', 'strasse', 'i', 'I', 'ı', 'İ', 'résumé', 'resume', 'Resume',
    'a''b', 'a"b', 'a.b', 'ab', 'aB', 'Ab', 'AB', '']) AS x;
INSERT INTO words SELECT x, x, x, x, x, x, x, x, x::"char", left(x, 8), left(x, 12), x, i FROM spellings;
UPDATE words SET folded = NULL, english = NULL, short = NULL WHERE n % 17 = 0;
INSERT INTO terms SELECT x, lower(x), upper(x), i FROM spellings WHERE i % 3 <> 0;
INSERT INTO users (username, full_name, age, country, created, title, city) SELECT x, x, i, lower(left(x, 2)),
    timestamptz '2024-01-10 00:00:00+00' + i * interval '1 minute', x, x FROM spellings
    WHERE x NOT IN (SELECT username FROM users) AND i % 4 = 0;
INSERT INTO posts (username, id, body, likes) SELECT x, i, 'post of ' || x, i % 5 FROM spellings WHERE i % 5 = 0;
DROP TABLE spellings;
INSERT INTO notes VALUES (1, 'ann', 'first'), (2, 'zoe', NULL), (3, NULL, 'of nobody'), (4, 'ann', 'again');
INSERT INTO lists (what) VALUES ('milk'), ('bread');
DROP TABLE names;
