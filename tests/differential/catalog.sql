-- The catalog: what tools ask.  OIDs differ from server to server, names do not.

-- [rows]
-- tables, as \dt asks
SELECT n.nspname AS "Schema", c.relname AS "Name", CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence' WHEN 't' THEN 'TOAST table' WHEN 'f' THEN 'foreign table' WHEN 'p' THEN 'partitioned table' WHEN 'I' THEN 'partitioned index' END AS "Type", pg_catalog.pg_get_userbyid(c.relowner) AS "Owner"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_am am ON am.oid = c.relam
WHERE c.relkind IN ('r', 'p', '') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast' AND n.nspname <> 'information_schema' AND pg_catalog.pg_table_is_visible(c.oid)
ORDER BY 1, 2

-- a table by name, as \d asks first, without its OID
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname OPERATOR(pg_catalog.~) '^(users)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2

-- columns, as \d asks
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef), a.attnotnull,
  (SELECT c.collname FROM pg_catalog.pg_collation c, pg_catalog.pg_type t WHERE c.oid = a.attcollation AND t.oid = a.atttypid AND a.attcollation <> t.typcollation) AS attcollation, a.attidentity, a.attgenerated
FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'users'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum

-- indexes, as \d asks
SELECT c2.relname, i.indisprimary, i.indisunique, i.indisclustered, i.indisvalid, pg_catalog.pg_get_indexdef(i.indexrelid, 0, true), pg_catalog.pg_get_constraintdef(con.oid, true), contype, condeferrable, condeferred
FROM pg_catalog.pg_class c, pg_catalog.pg_class c2, pg_catalog.pg_index i LEFT JOIN pg_catalog.pg_constraint con ON (conrelid = i.indrelid AND conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
WHERE c.oid = 'posts'::regclass AND c.oid = i.indrelid AND i.indexrelid = c2.oid ORDER BY i.indisprimary DESC, c2.relname

-- check constraints, as \d asks
SELECT r.conname, pg_catalog.pg_get_constraintdef(r.oid, true) FROM pg_catalog.pg_constraint r WHERE r.conrelid = 'events'::regclass AND r.contype = 'c' ORDER BY 1

-- schemas, as \dn asks
SELECT n.nspname AS "Name", pg_catalog.pg_get_userbyid(n.nspowner) AS "Owner" FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1

-- views and their definitions
SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'

-- information_schema
SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = 'public' AND table_name IN ('users', 'posts')

-- information_schema tables
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = 'public'

-- functions of the database
SELECT proname, provolatile FROM pg_proc WHERE pronamespace = 'public'::regnamespace

-- enum labels
SELECT enumlabel FROM pg_enum WHERE enumtypid = 'mood'::regtype

-- pg_typeof
SELECT pg_typeof(username), pg_typeof(age) FROM users WHERE username = 'bob'

-- the size of a value
SELECT pg_column_size(1::int)

-- the current database, user and schema
SELECT current_database(), current_user, session_user, current_schema, current_schemas(false)

-- the server's version
SELECT version()

-- settings
SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'TimeZone', 'DateStyle', 'extra_float_digits')

-- roles
SELECT rolname, rolsuper FROM pg_roles WHERE rolname !~ '^pg_'

-- databases
SELECT datname FROM pg_database WHERE datallowconn

-- whether this is a standby
SELECT pg_is_in_recovery()

-- types, as drivers ask for them
SELECT t.typname, t.typtype, t.typcategory FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = 'public' AND t.typtype IN ('e', 'd')

-- a query with an OID of PostgreSQL's own types
SELECT typname FROM pg_type WHERE oid IN (16, 20, 23, 25)

-- collations
SELECT collname, collprovider FROM pg_collation WHERE collname = 'C'

-- sequences
SELECT sequencename, data_type, increment_by FROM pg_sequences WHERE schemaname = 'public'

-- the keywords
SELECT count(*) FROM pg_get_keywords()

-- the definition of a view
SELECT pg_get_viewdef('adults'::regclass, true)

-- the key columns, as ORMs ask
SELECT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) WHERE i.indrelid = 'users'::regclass AND i.indisprimary

-- the columns' types, as ORMs ask
SELECT attname, atttypid, atttypmod, attnotnull FROM pg_attribute WHERE attrelid = 'posts'::regclass AND attnum > 0

-- the text of tableoid
SELECT tableoid::regclass::text, day, sensor FROM readings

-- the text of tableoid as an output of the same name
SELECT tableoid::regclass::text AS tableoid, username FROM users ORDER BY tableoid, username

-- tableoid as a condition
SELECT count(*), min(day) FROM readings WHERE tableoid = 'late_readings'::regclass

-- tableoid as a condition, the other way around, and in a list
SELECT day, sensor FROM readings WHERE 'early_readings'::regclass = tableoid OR tableoid IN ('users'::regclass, 'posts'::regclass)

-- tableoid compared with that of another row
SELECT a.day, b.day FROM readings a JOIN readings b ON a.tableoid = b.tableoid AND a.sensor = b.sensor AND b.day = a.day + 1

-- tableoid compared with a table's in a join on the key
SELECT username, id FROM users JOIN posts USING (username) WHERE users.tableoid <> posts.tableoid

-- EXISTS with tableoid
SELECT day FROM readings r WHERE EXISTS (SELECT * FROM late_readings l WHERE l.tableoid = r.tableoid AND l.day = r.day + 1)

-- aggregates of tableoid
SELECT count(DISTINCT tableoid), min(tableoid::regclass::text), string_agg(DISTINCT tableoid::regclass::text, ',') FROM readings

-- tableoid in CASE
SELECT day, CASE tableoid WHEN 'early_readings'::regclass THEN 'early' ELSE 'late' END FROM readings

-- tableoid in a filter and a window
SELECT day, sensor, count(*) FILTER (WHERE tableoid = 'late_readings'::regclass) OVER (PARTITION BY tableoid ORDER BY day, sensor) FROM readings

-- a subquery's column that is called tableoid
SELECT tableoid, count(*) FROM (SELECT age AS tableoid FROM users) AS x GROUP BY tableoid

-- [total order]
-- groups in the order of tableoid
SELECT tableoid::regclass::text AS "table", count(*) FROM readings GROUP BY tableoid ORDER BY tableoid

-- the order of tableoid and others
SELECT day, sensor, tableoid::regclass::text AS "table" FROM readings ORDER BY tableoid DESC, day, sensor

-- the order of an output that is called tableoid
SELECT DISTINCT tableoid::regclass::text FROM readings ORDER BY tableoid DESC

-- the order of tableoid::regclass
SELECT day, sensor FROM readings ORDER BY tableoid::regclass, day DESC, sensor LIMIT 7

-- [names]
-- enum functions
SELECT enum_range(NULL::mood), enum_first(NULL::mood)

-- regclass and regtype
SELECT 'users'::regclass, 'mood'::regtype, 'int4'::regtype, to_regclass('nosuch')

-- tableoid
SELECT tableoid::regclass, username FROM users WHERE username = 'bob'

-- tableoid over several shards
SELECT DISTINCT tableoid::regclass FROM users

-- tableoid beside all columns, of a partitioned table
SELECT tableoid::regclass, * FROM readings WHERE sensor = 1

-- tableoid behind all columns, of a join
SELECT r.*, p.region, p.tableoid::regclass, r.tableoid::regclass FROM readings r JOIN places p ON p.people > r.sensor * 1000

-- tableoid of all columns of two tables
SELECT *, r.tableoid::regclass AS "table" FROM early_readings r, countries c WHERE c.population > 100000000

-- tableoid that an outer join leaves out
SELECT c.code, u.tableoid::regclass, u.username FROM countries c LEFT JOIN users u ON u.country = c.code AND u.age > 30

-- groups of tableoid
SELECT tableoid::regclass, count(*), sum(sensor) FROM readings GROUP BY tableoid

-- groups of tableoid::regclass
SELECT tableoid::regclass, max(value) FROM readings GROUP BY tableoid::regclass

-- tableoid of a row that is grouped by its key
SELECT u.tableoid::regclass, u.full_name, count(*) FROM users u JOIN follows f ON f.followee = u.username GROUP BY u.username

-- tableoid in a subquery and out of it
SELECT tableoid::regclass, n FROM (SELECT tableoid, count(*) AS n FROM readings GROUP BY 1) AS x

-- tableoid of the query around
SELECT username, (SELECT users.tableoid::regclass FROM countries WHERE code = country) FROM users

-- tableoid in WITH
WITH x AS (SELECT *, tableoid AS t FROM readings) SELECT day, t::regclass FROM x WHERE sensor = 2

-- tableoid of a reference table beside a sharded one
SELECT c.tableoid::regclass, p.tableoid::regclass, p.name FROM places p, countries c WHERE c.code = 'de'

-- tableoid of a union
SELECT tableoid::regclass FROM users UNION SELECT tableoid::regclass FROM posts UNION ALL SELECT tableoid::regclass FROM notes

-- tableoid of one table of a schema
SELECT public.users.tableoid::regclass, public.users.username FROM public.users

-- DISTINCT ON tableoid
SELECT DISTINCT ON (tableoid) tableoid::regclass, day, sensor FROM readings ORDER BY tableoid, day, sensor

-- tableoid as a parameter's
--$ early_readings
SELECT day, sensor FROM readings WHERE tableoid = $1::text::regclass

-- arrays of enums, whose elements name their type
SELECT id, feelings FROM zoo

-- arrays of domains that an outer join extends
SELECT array_agg(b.domain ORDER BY a.n), ARRAY[max(b.domain)] FROM words a LEFT JOIN words b ON b.word = a.word AND b.n % 3 = 0

-- arrays of a domain over numbers that an outer join extends
SELECT e.kind, array_agg(z.pos ORDER BY e.id), array_agg(DISTINCT z.pos) FROM events e LEFT JOIN zoo z ON z.id = e.id GROUP BY e.kind

-- … that one of its own does not
SELECT array_agg(z.pos ORDER BY z.id), array_agg(z.pos + 1 ORDER BY z.id) FROM events e JOIN zoo z ON z.id = e.id WHERE e.kind = 'view'


-- [explain]
-- EXPLAIN of an unsharded table
EXPLAIN (COSTS OFF) SELECT 1

-- EXPLAIN does not run
EXPLAIN (COSTS OFF) DELETE FROM notes

-- EXPLAIN of all shards
EXPLAIN SELECT * FROM users

-- EXPLAIN of one shard
EXPLAIN (COSTS OFF) SELECT * FROM users WHERE username = 'bob'

-- EXPLAIN ANALYZE in JSON
EXPLAIN (ANALYZE, FORMAT json) SELECT username FROM users ORDER BY username LIMIT 3

-- EXPLAIN of a write, which does not run
EXPLAIN UPDATE users SET age = 1
