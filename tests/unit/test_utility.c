/*
 * Utility statements: what each one is, and which shards it goes to, in a town of two shards.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

#include "router/plan.h"
#include "tests/unit/town.h"

static struct routing *routing;

static void begin(void)
{
    routing = town_routing(2);
}

static void end(void)
{
    routing_release(routing);
}

TestSuite(utility, .init = begin, .fini = end);

static const struct session_facts facts = {
    .search_path = "\"$user\", public", .user = "bob", .iso_dates = true, .server_encoding = true};

static struct plan *planned_with(const struct session_facts *session, const char *sql)
{
    struct error error = {0};
    struct plan *plan = plan_make(routing, session, sql, strlen(sql), NULL, NULL, 0, &error);
    cr_assert(plan != NULL, "%s: %s", sql, error.message);
    return plan;
}

static struct plan *planned(const char *sql)
{
    return planned_with(&facts, sql);
}

static bool same(const char *left, const char *right)
{
    return left && right ? !strcmp(left, right) : left == right;
}

enum where { HOME, ALL, REFUSED };

static enum where where_of(const struct plan *plan, const char *sql)
{
    struct arena arena = {0};
    struct route route = {0};
    struct error error = {0};
    enum where where = REFUSED;
    if (plan_route(plan, routing, NULL, NULL, &arena, &route, &error)) {
        where = shard_set_count(&route.shards) == 2 ? ALL : HOME;
        cr_expect(shard_set_has(&route.shards, 0), "%s: goes to another shard than the home shard", sql);
    } else {
        cr_expect(same(error.sqlstate, SQLSTATE_FEATURE_NOT_SUPPORTED), "%s: %s", sql, error.sqlstate);
        cr_expect(error.detail && error.hint, "%s: a refusal has a detail and a hint", sql);
    }
    error_clear(&error);
    arena_free(&arena);
    return where;
}

struct expectation {
    const char *sql;
    enum where where;
};

static void expect_all(const struct expectation *expectations, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct plan *plan = planned(expectations[i].sql);
        enum where where = where_of(plan, expectations[i].sql);
        cr_expect(where == expectations[i].where, "%s: %d instead of %d (%s)", expectations[i].sql, where,
                  expectations[i].where, plan->reason ? plan->reason : plan->refusal.message);
        plan_release(plan);
    }
}

#define EXPECT(...)                                                                                          \
    do {                                                                                                     \
        static const struct expectation expectations[] = {__VA_ARGS__};                                      \
        expect_all(expectations, sizeof expectations / sizeof *expectations);                                \
    } while (0)

/* ---- what statements are ---- */

Test(utility, statements_are_told_apart)
{
    static const struct {
        const char *sql;
        enum statement_kind kind;
        const char *name, *value;
    } kinds[] = {
        {"BEGIN", STATEMENT_BEGIN, NULL, NULL},
        {"START TRANSACTION ISOLATION LEVEL SERIALIZABLE", STATEMENT_BEGIN, NULL, NULL},
        {"COMMIT", STATEMENT_COMMIT, NULL, NULL},
        {"END", STATEMENT_COMMIT, NULL, NULL},
        {"ROLLBACK", STATEMENT_ROLLBACK, NULL, NULL},
        {"ABORT", STATEMENT_ROLLBACK, NULL, NULL},
        {"SAVEPOINT s", STATEMENT_SAVEPOINT, "s", NULL},
        {"RELEASE SAVEPOINT s", STATEMENT_RELEASE, "s", NULL},
        {"ROLLBACK TO s", STATEMENT_ROLLBACK_TO, "s", NULL},
        {"SET Work_Mem = '4MB'", STATEMENT_SET, "work_mem", "4MB"},
        {"SET statement_timeout TO 500", STATEMENT_SET, "statement_timeout", "500"},
        {"SET search_path TO app, \"My Schema\"", STATEMENT_SET, "search_path", "app, \"My Schema\""},
        {"SET search_path = 'a, b'", STATEMENT_SET, "search_path", "\"a, b\""},
        {"SET DateStyle = ISO, DMY", STATEMENT_SET, "datestyle", "iso, dmy"},
        {"SET TIME ZONE 'UTC'", STATEMENT_SET, "timezone", "UTC"},
        {"SET TIME ZONE INTERVAL '1' HOUR TO MINUTE", STATEMENT_SET, "timezone", NULL},
        {"SET NAMES 'UTF8'", STATEMENT_SET, "client_encoding", "UTF8"},
        {"SET ROLE bob", STATEMENT_SET, "role", "bob"},
        {"SET SESSION AUTHORIZATION bob", STATEMENT_SET, "session_authorization", "bob"},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE", STATEMENT_SET,
         "default_transaction_isolation", "serializable"},
        {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", STATEMENT_SET,
         "default_transaction_read_only", "on"},
        {"RESET work_mem", STATEMENT_SET, "work_mem", NULL},
        {"RESET ALL", STATEMENT_SET, NULL, NULL},
        {"SET LOCAL work_mem = 64", STATEMENT_SET_LOCAL, "work_mem", "64"},
        {"SET TRANSACTION READ ONLY", STATEMENT_SET_LOCAL, "transaction", NULL},
        {"SET CONSTRAINTS ALL DEFERRED", STATEMENT_SET_LOCAL, NULL, NULL},
        {"SHOW TimeZone", STATEMENT_SHOW, "timezone", NULL},
        {"SHOW ALL", STATEMENT_SHOW, "all", NULL},
        {"DISCARD ALL", STATEMENT_DISCARD, "ALL", NULL},
        {"DISCARD PLANS", STATEMENT_DISCARD, "PLANS", NULL},
        {"DISCARD SEQUENCES", STATEMENT_DISCARD, "SEQUENCES", NULL},
        {"DISCARD TEMP", STATEMENT_DISCARD, "TEMP", NULL},
        {"PREPARE p AS SELECT 1", STATEMENT_PREPARE, "p", NULL},
        {"EXECUTE p", STATEMENT_EXECUTE, "p", NULL},
        {"DEALLOCATE p", STATEMENT_DEALLOCATE, "p", NULL},
        {"DEALLOCATE ALL", STATEMENT_DEALLOCATE, NULL, NULL},
        {"DECLARE c CURSOR FOR SELECT 1", STATEMENT_CURSOR, "c", "DECLARE"},
        {"FETCH NEXT FROM c", STATEMENT_CURSOR, "c", "FETCH"},
        {"MOVE ALL IN c", STATEMENT_CURSOR, "c", "MOVE"},
        {"CLOSE c", STATEMENT_CURSOR, "c", "CLOSE"},
        {"CLOSE ALL", STATEMENT_CURSOR, NULL, "CLOSE"},
        {"LISTEN news", STATEMENT_LISTEN, "news", NULL},
        {"UNLISTEN *", STATEMENT_LISTEN, NULL, NULL},
        {"NOTIFY news", STATEMENT_OTHER, NULL, NULL},
        {"LOCK TABLE users", STATEMENT_OTHER, NULL, NULL},
        {"TRUNCATE users", STATEMENT_OTHER, NULL, NULL},
        {"VACUUM users", STATEMENT_MAINTENANCE, NULL, NULL},
        {"CREATE TABLE t (a int)", STATEMENT_DDL, NULL, NULL},
        {"SELECT 1 INTO t", STATEMENT_DDL, NULL, NULL},
        {"COPY notes FROM STDIN", STATEMENT_COPY_IN, NULL, NULL},
        {"COPY notes TO STDOUT", STATEMENT_COPY_OUT, NULL, NULL},
        {"COPY notes FROM '/tmp/x'", STATEMENT_OTHER, NULL, NULL},
        {"EXPLAIN SELECT 1", STATEMENT_EXPLAIN, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct plan *plan = planned(kinds[i].sql);
        cr_expect(plan->statement == kinds[i].kind, "%s: kind %d", kinds[i].sql, plan->statement);
        cr_expect(same(plan->name, kinds[i].name), "%s: %s", kinds[i].sql,
                  plan->name ? plan->name : "no name");
        cr_expect(same(plan->value, kinds[i].value), "%s: %s", kinds[i].sql,
                  plan->value ? plan->value : "no value");
        plan_release(plan);
    }
}

enum {
    WRITES = 1,
    CATALOG = 2,
    OUTSIDE = 4,
    CHAIN = 8,
    RESETS = 16,
};

Test(utility, statements_say_what_they_do)
{
    static const struct {
        const char *sql;
        int flags;
        enum pin_reason pin;
    } effects[] = {
        {"COMMIT AND CHAIN", CHAIN, PIN_NONE},
        {"ROLLBACK AND CHAIN", CHAIN, PIN_NONE},
        {"SET work_mem TO DEFAULT", RESETS, PIN_NONE},
        {"RESET ALL", RESETS, PIN_NONE},
        {"SET ROLE NONE", 0, PIN_NONE},
        {"DISCARD ALL", OUTSIDE, PIN_NONE},
        {"LISTEN a", 0, PIN_LISTEN},
        {"UNLISTEN a", 0, PIN_NONE},
        {"NOTIFY a", WRITES, PIN_NONE},
        {"LOAD 'auto_explain'", 0, PIN_SESSION_STATE},
        {"PREPARE p AS SELECT 1", 0, PIN_NONE},
        {"DECLARE c CURSOR FOR SELECT 1", 0, PIN_NONE},
        {"DECLARE c CURSOR WITH HOLD FOR SELECT 1", 0, PIN_HELD_CURSOR},
        {"CREATE TEMP TABLE t (a int)", WRITES | CATALOG, PIN_TEMPORARY_TABLE},
        {"CREATE TEMP TABLE t AS SELECT 1", WRITES | CATALOG, PIN_TEMPORARY_TABLE},
        {"SELECT 1 INTO TEMP t", WRITES | CATALOG, PIN_TEMPORARY_TABLE},
        {"CREATE TABLE pg_temp.t (a int)", WRITES | CATALOG, PIN_TEMPORARY_TABLE},
        {"CREATE TABLE t (a int)", WRITES | CATALOG, PIN_NONE},
        {"TRUNCATE users", WRITES, PIN_NONE},
        {"LOCK users", 0, PIN_NONE},
        {"COPY users FROM STDIN", WRITES, PIN_NONE},
        {"COPY users TO STDOUT", 0, PIN_NONE},
        {"VACUUM", OUTSIDE, PIN_NONE},
        {"VACUUM ANALYZE users", OUTSIDE, PIN_NONE},
        {"ANALYZE users", 0, PIN_NONE},
        {"CLUSTER", WRITES | OUTSIDE, PIN_NONE},
        {"CLUSTER notes USING notes_body", WRITES, PIN_NONE},
        {"REINDEX TABLE notes", WRITES, PIN_NONE},
        {"REINDEX TABLE CONCURRENTLY notes", WRITES | OUTSIDE, PIN_NONE},
        {"REINDEX SCHEMA public", WRITES | OUTSIDE, PIN_NONE},
        {"CREATE INDEX ON users (name)", WRITES | CATALOG, PIN_NONE},
        {"CREATE INDEX CONCURRENTLY ON users (name)", WRITES | CATALOG | OUTSIDE, PIN_NONE},
        {"DROP INDEX CONCURRENTLY notes_body", WRITES | CATALOG | OUTSIDE, PIN_NONE},
        {"CREATE ROLE alice", WRITES, PIN_NONE},
        {"CREATE DATABASE d", WRITES | OUTSIDE, PIN_NONE},
        {"EXPLAIN DELETE FROM users WHERE username = 'a'", 0, PIN_NONE},
        {"EXPLAIN ANALYZE DELETE FROM users WHERE username = 'a'", WRITES, PIN_NONE},
        {"EXPLAIN (ANALYZE false) DELETE FROM users WHERE username = 'a'", 0, PIN_NONE},
    };
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        struct plan *plan = planned(effects[i].sql);
        int flags = plan->writes * WRITES + plan->changes_catalog * CATALOG +
                    plan->outside_transaction * OUTSIDE + plan->chain * CHAIN + plan->reset * RESETS;
        cr_expect(flags == effects[i].flags, "%s: flags %d instead of %d", effects[i].sql, flags,
                  effects[i].flags);
        cr_expect(plan->pin == effects[i].pin, "%s: pin %d", effects[i].sql, plan->pin);
        plan_release(plan);
    }
}

/* ---- where statements go ---- */

Test(utility, sessions_and_transactions_are_the_home_shards)
{
    EXPECT({"BEGIN", HOME}, {"SAVEPOINT s", HOME}, {"SET work_mem = 64", HOME}, {"SHOW work_mem", HOME},
           {"DISCARD ALL", HOME}, {"FETCH c", HOME}, {"NOTIFY a", HOME}, {"LISTEN a", HOME},
           {"EXECUTE p", HOME}, {"DEALLOCATE p", HOME}, {"SET CONSTRAINTS ALL IMMEDIATE", HOME},
           {"PREPARE TRANSACTION 'x'", REFUSED}, {"COMMIT PREPARED 'x'", REFUSED},
           {"ROLLBACK PREPARED 'x'", REFUSED});
}

Test(utility, settings_that_mislead_the_router_are_refused)
{
    EXPECT({"SET standard_conforming_strings = off", REFUSED},
           {"SET standard_conforming_strings = 'false'", REFUSED},
           {"SET standard_conforming_strings = on", HOME},
           {"SET LOCAL standard_conforming_strings = off", REFUSED},
           {"SET client_encoding = 'SJIS'", REFUSED}, {"SET client_encoding = 'shift_jis_2004'", REFUSED},
           {"SET NAMES 'GBK'", REFUSED}, {"SET client_encoding = 'Big-5'", REFUSED},
           {"SET NAMES 'GB18030'", REFUSED}, {"SET NAMES 'latin1'", HOME}, {"SET NAMES 'UTF8'", HOME},
           {"SET transform_null_equals = on", REFUSED}, {"SET array_nulls = off", REFUSED},
           {"SET bytea_output = 'escape'", HOME}, {"SET extra_float_digits = 0", HOME},
           {"SET extra_float_digits = 3", HOME}, {"SET TRANSACTION SNAPSHOT 'x'", REFUSED},
           {"ALTER ROLE bob SET client_encoding = 'SJIS'", REFUSED},
           {"ALTER ROLE bob SET work_mem = 64", ALL},
           {"ALTER ROLE bob IN DATABASE app SET work_mem = 64", REFUSED});
}

Test(utility, tables_are_made_where_they_are_configured)
{
    EXPECT({"CREATE TABLE planned (username text)", ALL}, {"CREATE TABLE public.users (username text)", ALL},
           {"CREATE TABLE IF NOT EXISTS countries (code text)", ALL},
           {"CREATE TABLE other.users (a int)", HOME}, {"CREATE TABLE things (a serial PRIMARY KEY)", HOME},
           {"CREATE TABLE planned (LIKE users)", ALL}, {"CREATE TABLE planned (LIKE notes)", REFUSED},
           {"CREATE TABLE things (LIKE users)", HOME},
           {"CREATE TABLE planned (username text) INHERITS (users)", ALL},
           {"CREATE TABLE more () INHERITS (users)", REFUSED},
           {"CREATE TABLE planned () INHERITS (notes)", REFUSED},
           {"CREATE TABLE part PARTITION OF users DEFAULT", REFUSED},
           {"CREATE TABLE part PARTITION OF notes DEFAULT", HOME});
}

Test(utility, temporary_relations_are_the_home_shards)
{
    EXPECT({"CREATE TEMP TABLE t (a int)", HOME}, {"CREATE TEMP TABLE users (a int)", REFUSED},
           {"CREATE TEMP TABLE planned (a int)", REFUSED}, {"CREATE TABLE pg_temp.users (a int)", REFUSED},
           {"CREATE TEMP TABLE user_names (a int)", REFUSED}, {"CREATE TEMP TABLE notes (a int)", HOME},
           {"CREATE TEMP TABLE note_view (a int)", HOME}, {"CREATE TEMP SEQUENCE s", HOME},
           {"CREATE TEMP VIEW v AS SELECT * FROM notes", HOME},
           {"CREATE TEMP VIEW v AS SELECT * FROM users", REFUSED},
           {"CREATE TEMP VIEW users AS SELECT 1", REFUSED},
           {"CREATE TEMP TABLE t AS SELECT * FROM notes", HOME},
           {"CREATE TEMP TABLE users_old AS SELECT 1", REFUSED}, {"DROP TABLE pg_temp.t", HOME});
}

Test(utility, a_path_that_starts_with_pg_temp_makes_temporary_tables)
{
    struct session_facts session = facts;
    session.search_path = "pg_temp, public";
    struct plan *plan = planned_with(&session, "CREATE TABLE users (a int)");
    cr_expect(where_of(plan, "users in pg_temp") == REFUSED);
    plan_release(plan);
    plan = planned_with(&session, "CREATE TABLE t (a int)");
    cr_expect(eq(int, plan->pin, PIN_TEMPORARY_TABLE));
    plan_release(plan);
}

/* Rows that are there get the values at once, on each shard: they must be those that one PostgreSQL would give. */
Test(utility, new_columns_are_filled_alike_on_all_shards)
{
    EXPECT({"ALTER TABLE users ADD COLUMN n int DEFAULT 5", ALL}, {"ALTER TABLE users ADD COLUMN n text DEFAULT lower('x') || 1", ALL},
           {"ALTER TABLE users ADD COLUMN n serial", REFUSED}, {"ALTER TABLE countries ADD COLUMN n bigserial", REFUSED},
           {"ALTER TABLE notes ADD COLUMN n serial", HOME}, {"ALTER TABLE users ADD n int GENERATED ALWAYS AS IDENTITY", REFUSED},
           {"ALTER TABLE users ADD n int DEFAULT nextval('s')", REFUSED}, {"ALTER TABLE users ADD n timestamptz DEFAULT now()", REFUSED},
           {"ALTER TABLE users ADD n date NOT NULL DEFAULT CURRENT_DATE", REFUSED}, {"ALTER TABLE users ADD n date DEFAULT 'today'", REFUSED},
           {"ALTER TABLE notes ADD n timestamptz DEFAULT now()", HOME}, {"ALTER TABLE users ADD n text DEFAULT CURRENT_USER", ALL},
           {"ALTER TABLE users ADD n float DEFAULT random()", ALL}, {"ALTER TABLE countries ADD n float DEFAULT random()", REFUSED},
           {"ALTER TABLE users ADD n int DEFAULT mystery()", REFUSED}, {"ALTER TABLE users ADD a int, ADD b float DEFAULT random()", ALL},
           {"ALTER TABLE countries ADD a int, ADD b float DEFAULT random()", REFUSED},
           {"ALTER TABLE users ADD COLUMN IF NOT EXISTS name text DEFAULT now()", ALL},
           {"ALTER TABLE users ADD COLUMN IF NOT EXISTS n text DEFAULT now()", REFUSED},
           {"ALTER TABLE users ALTER COLUMN name TYPE text USING lower(name)", ALL},
           {"ALTER TABLE users ALTER COLUMN name TYPE text USING now()::text", REFUSED},
           {"ALTER TABLE countries ALTER COLUMN since TYPE date USING since + (random() * 5)::int", REFUSED},
           {"ALTER TABLE users ALTER COLUMN name SET DEFAULT now()", ALL}, {"CREATE TABLE planned (username text, n serial, at date DEFAULT now())", ALL});
}

Test(utility, foreign_keys_need_all_rows_of_their_target)
{
    EXPECT({"ALTER TABLE posts ADD FOREIGN KEY (username) REFERENCES users", ALL},
           {"ALTER TABLE posts ADD FOREIGN KEY (body) REFERENCES countries", ALL},
           {"ALTER TABLE notes ADD FOREIGN KEY (body) REFERENCES countries", HOME},
           {"ALTER TABLE notes ADD FOREIGN KEY (body) REFERENCES users", REFUSED},
           {"ALTER TABLE countries ADD FOREIGN KEY (code) REFERENCES users", REFUSED},
           {"ALTER TABLE posts ADD FOREIGN KEY (id) REFERENCES notes", REFUSED},
           {"ALTER TABLE posts ADD COLUMN n int REFERENCES notes", REFUSED},
           {"CREATE TABLE t (u text REFERENCES users)", REFUSED},
           {"CREATE TABLE t (n int REFERENCES notes)", HOME},
           {"CREATE TABLE t (u text, FOREIGN KEY (u) REFERENCES users)", REFUSED},
           {"CREATE TABLE t (a int PRIMARY KEY, b int REFERENCES t)", HOME});
}

Test(utility, foreign_keys_to_a_key_come_from_a_key)
{
    EXPECT({"ALTER TABLE posts ADD FOREIGN KEY (username) REFERENCES users (username)", ALL},
           {"ALTER TABLE posts ADD FOREIGN KEY (body) REFERENCES users (username)", REFUSED},
           {"ALTER TABLE posts ADD FOREIGN KEY (body, username) REFERENCES users (name, username)", ALL},
           {"ALTER TABLE posts ADD FOREIGN KEY (username, body) REFERENCES users (name, username)", REFUSED},
           {"ALTER TABLE posts ADD FOREIGN KEY (body) REFERENCES users (name)", ALL},
           {"ALTER TABLE posts ADD COLUMN writer text REFERENCES users (username)", REFUSED},
           {"CREATE TABLE planned (username text PRIMARY KEY REFERENCES users (username))", ALL},
           {"CREATE TABLE planned (username text PRIMARY KEY, boss text REFERENCES planned)", REFUSED},
           {"CREATE TABLE planned (username text, n int, boss int, PRIMARY KEY (username, n), FOREIGN KEY (username, boss) REFERENCES planned)", ALL},
           {"CREATE TABLE planned (username text, n int, boss text, PRIMARY KEY (username, n), FOREIGN KEY (boss, n) REFERENCES planned)", REFUSED});
}

Test(utility, alter_table_goes_where_the_table_is)
{
    EXPECT(
        {"ALTER TABLE users ADD PRIMARY KEY (name)", ALL}, {"ALTER TABLE users ADD COLUMN age int", ALL},
        {"ALTER TABLE countries DROP COLUMN since", ALL}, {"ALTER TABLE notes ADD COLUMN age int", HOME},
        {"ALTER TABLE nowhere ADD COLUMN age int", HOME}, {"ALTER TABLE users_old ADD COLUMN age int", ALL},
        {"ALTER TABLE users DROP COLUMN username", REFUSED},
        {"ALTER TABLE users_old DROP COLUMN username", REFUSED},
        {"ALTER TABLE users ALTER COLUMN username TYPE varchar", REFUSED},
        {"ALTER TABLE users ALTER COLUMN name TYPE varchar", ALL}, {"ALTER TABLE users OWNER TO bob", ALL},
        {"ALTER TABLE users RENAME COLUMN username TO login", REFUSED},
        {"ALTER TABLE users RENAME COLUMN name TO title", ALL},
        {"ALTER TABLE users RENAME TO people", REFUSED}, {"ALTER TABLE notes RENAME TO planned", REFUSED},
        {"ALTER TABLE notes RENAME TO remarks", HOME},
        {"ALTER TABLE users RENAME CONSTRAINT users_pkey TO u", ALL},
        {"ALTER TABLE users SET SCHEMA x", REFUSED}, {"ALTER TABLE notes SET SCHEMA x", HOME},
        {"ALTER TABLE x.users SET SCHEMA public", REFUSED},
        {"ALTER TABLE users ATTACH PARTITION notes DEFAULT", REFUSED},
        {"ALTER TABLE users ATTACH PARTITION planned DEFAULT", ALL},
        {"ALTER TABLE users DETACH PARTITION users_old", REFUSED},
        {"ALTER TABLE notes INHERIT users", REFUSED}, {"ALTER TABLE users_old NO INHERIT users", REFUSED},
        {"ALTER TABLE planned INHERIT users", ALL}, {"ALTER INDEX notes_body RENAME TO n", HOME},
        {"ALTER INDEX users_pkey RENAME TO n", ALL}, {"ALTER VIEW user_names RENAME TO names", ALL},
        {"ALTER TYPE mood ADD ATTRIBUTE a int", ALL}, {"ALTER SEQUENCE notes_id_seq RESTART", HOME},
        {"ALTER SEQUENCE posts_id_seq RESTART", ALL}, {"ALTER SEQUENCE free_seq OWNED BY notes.id", REFUSED},
        {"ALTER SEQUENCE free_seq OWNED BY NONE", ALL}, {"ALTER SCHEMA public RENAME TO x", REFUSED},
        {"ALTER SCHEMA y RENAME TO x", ALL});
}

Test(utility, drop_and_truncate_take_each_shard_what_it_has)
{
    EXPECT({"DROP TABLE users", ALL}, {"DROP TABLE IF EXISTS users, posts, countries", ALL},
           {"DROP TABLE notes", HOME}, {"DROP TABLE users, notes", ALL}, {"DROP TABLE users, notes CASCADE", REFUSED},
           {"DROP VIEW user_names, note_view", ALL}, {"DROP TABLE users_old", ALL},
           {"DROP TABLE IF EXISTS x", HOME}, {"DROP INDEX users_pkey", ALL}, {"DROP INDEX notes_body", HOME},
           {"DROP INDEX unknown_index", ALL}, {"DROP VIEW user_names", ALL}, {"DROP VIEW note_view", HOME}, {"DROP VIEW temporary_view", HOME},
           {"DROP SEQUENCE free_seq", ALL}, {"DROP TRIGGER t ON users", ALL},
           {"DROP TRIGGER t ON notes", HOME}, {"DROP POLICY p ON public.users", ALL},
           {"DROP RULE r ON notes", HOME}, {"DROP TYPE mood", ALL}, {"DROP FUNCTION f(int)", ALL},
           {"DROP SCHEMA s CASCADE", ALL}, {"DROP EXTENSION citext", ALL}, {"DROP SERVER s", HOME},
           {"DROP MATERIALIZED VIEW note_count", HOME}, {"TRUNCATE users, posts, countries", ALL},
           {"TRUNCATE notes", HOME}, {"TRUNCATE notes, users", ALL},
           {"TRUNCATE notes, users CASCADE", REFUSED}, {"TRUNCATE TABLE ONLY users CASCADE", ALL});
}

static void expect_elsewhere(const char *sql, const char *text)
{
    struct plan *plan = planned(sql);
    cr_expect(same(plan->elsewhere_text, text), "%s: elsewhere %s", sql, plan->elsewhere_text);
    plan_release(plan);
}

Test(utility, of_what_is_dropped_or_emptied_the_other_shards_are_told_their_own)
{
    expect_elsewhere("TRUNCATE notes, users, countries RESTART IDENTITY", "TRUNCATE users, countries RESTART IDENTITY");
    expect_elsewhere("TRUNCATE ONLY users, nowhere", "TRUNCATE ONLY users");
    expect_elsewhere("DROP TABLE IF EXISTS posts, notes, public.users", "DROP TABLE IF EXISTS posts, public.users");
    expect_elsewhere("DROP INDEX users_pkey, notes_body", "DROP INDEX users_pkey");
    expect_elsewhere("TRUNCATE users, posts", NULL);
    expect_elsewhere("GRANT SELECT ON notes, users, countries TO bob", "GRANT select ON users, countries TO bob");
    expect_elsewhere("REVOKE ALL ON notes, users FROM bob CASCADE", "REVOKE ALL ON users FROM bob CASCADE");
    expect_elsewhere("GRANT SELECT ON pg_catalog.pg_class, notes, users TO bob", "GRANT select ON pg_catalog.pg_class, users TO bob");
    expect_elsewhere("GRANT SELECT ON notes TO bob", NULL);
    expect_elsewhere("LOCK TABLE notes, ONLY users IN SHARE MODE NOWAIT", "LOCK TABLE ONLY users IN SHARE MODE NOWAIT");
    expect_elsewhere("DROP TABLE notes", NULL);
    expect_elsewhere("DROP TABLE users, notes CASCADE", NULL);
}

Test(utility, views_live_where_their_tables_live)
{
    EXPECT({"CREATE VIEW v AS SELECT * FROM users", ALL}, {"CREATE VIEW v AS SELECT * FROM notes", HOME},
           {"CREATE VIEW v AS SELECT * FROM users, countries", ALL},
           {"CREATE VIEW v AS SELECT * FROM notes, countries", HOME},
           {"CREATE VIEW v AS SELECT * FROM notes WHERE id IN (SELECT length(name) FROM users)", HOME},
           {"CREATE OR REPLACE VIEW v AS SELECT n.* FROM notes n, users", HOME},
           {"CREATE OR REPLACE VIEW note_view AS SELECT n.* FROM notes n, users", HOME},
           {"CREATE OR REPLACE VIEW user_names AS SELECT * FROM notes", REFUSED},
           {"CREATE OR REPLACE VIEW user_names AS SELECT n.* FROM notes n, users", REFUSED},
           {"CREATE OR REPLACE VIEW user_names AS SELECT * FROM countries", ALL},
           {"CREATE VIEW v AS SELECT * FROM user_names", ALL}, {"CREATE VIEW v AS SELECT 1", ALL},
           {"CREATE VIEW v AS WITH x AS (SELECT * FROM users) SELECT * FROM x", ALL},
           {"CREATE VIEW v AS WITH x AS (SELECT * FROM notes) SELECT * FROM x, users", HOME},
           {"CREATE VIEW planned AS SELECT 1", REFUSED},
           {"CREATE RECURSIVE VIEW v (n) AS SELECT 1 UNION SELECT n + 1 FROM v WHERE n < 5", ALL},
           {"CREATE RULE r AS ON INSERT TO notes DO ALSO INSERT INTO notes VALUES (1)", HOME},
           {"CREATE RULE r AS ON INSERT TO notes DO ALSO INSERT INTO users VALUES ('a')", REFUSED});
}

Test(utility, rows_of_queries_are_stored_on_the_home_shard)
{
    EXPECT({"CREATE TABLE t AS SELECT * FROM notes", HOME},
           {"CREATE TABLE t AS SELECT * FROM countries", HOME},
           {"CREATE TABLE t AS SELECT * FROM users", ALL}, {"CREATE TABLE t AS SELECT * FROM users WITH NO DATA", HOME},
           {"CREATE TABLE t AS SELECT ctid FROM users", REFUSED},
           {"CREATE TABLE users AS SELECT * FROM posts", REFUSED},
           {"CREATE TABLE t AS SELECT * FROM user_names", ALL},
           {"CREATE TABLE planned AS SELECT 'a' AS username", REFUSED},
           {"CREATE TABLE t AS EXECUTE p", REFUSED}, {"SELECT * INTO t FROM notes", HOME},
           {"SELECT * INTO t FROM users", ALL}, {"SELECT 'a' AS username INTO planned", REFUSED},
           {"CREATE MATERIALIZED VIEW m AS SELECT * FROM notes", HOME},
           {"CREATE MATERIALIZED VIEW m AS SELECT * FROM users", REFUSED},
           {"REFRESH MATERIALIZED VIEW note_count", HOME}, {"REFRESH MATERIALIZED VIEW user_count", REFUSED});
}

Test(utility, what_is_not_tied_to_a_table_is_on_every_shard)
{
    EXPECT({"CREATE SCHEMA s", ALL}, {"CREATE SCHEMA s CREATE TABLE t (a int)", REFUSED},
           {"CREATE TYPE mood AS ENUM ('a')", ALL}, {"CREATE TYPE pair AS (a int, b int)", ALL},
           {"CREATE TYPE planned AS (a int)", REFUSED}, {"ALTER TYPE mood ADD VALUE 'b'", ALL},
           {"CREATE DOMAIN d AS text CHECK (value <> '')", ALL}, {"CREATE EXTENSION citext", ALL},
           {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", ALL}, {"CREATE SEQUENCE s", ALL},
           {"CREATE SEQUENCE s OWNED BY notes.id", HOME}, {"CREATE SEQUENCE planned", REFUSED},
           {"CREATE AGGREGATE a (int) (sfunc = f, stype = int)", ALL}, {"CREATE ROLE r", ALL},
           {"DROP ROLE r", ALL}, {"GRANT bob TO alice", ALL}, {"CREATE CAST (text AS mood) WITH INOUT", ALL},
           {"CREATE DATABASE d", REFUSED}, {"DROP DATABASE d", REFUSED},
           {"ALTER SYSTEM SET work_mem = 64", REFUSED}, {"CREATE TABLESPACE t LOCATION '/x'", REFUSED},
           {"CREATE PUBLICATION p", REFUSED}, {"ALTER DATABASE d SET work_mem = 64", REFUSED},
           {"DO $$ BEGIN END $$", REFUSED}, {"CALL p()", REFUSED},
           {"SECURITY LABEL ON TABLE users IS 'x'", REFUSED}, {"LOAD 'x'", HOME});
}

Test(utility, what_belongs_to_a_table_follows_it)
{
    EXPECT({"CREATE INDEX ON users (name)", ALL}, {"CREATE UNIQUE INDEX i ON posts (id)", ALL},
           {"CREATE INDEX ON notes (body)", HOME}, {"CREATE STATISTICS s ON username, name FROM users", ALL},
           {"CREATE STATISTICS s ON id, body FROM notes", HOME},
           {"CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION f()", ALL},
           {"CREATE TRIGGER t BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION f()", HOME},
           {"CREATE POLICY p ON users", ALL}, {"ALTER POLICY p ON notes TO bob", HOME},
           {"COMMENT ON TABLE users IS 'x'", ALL}, {"COMMENT ON COLUMN notes.id IS 'x'", HOME},
           {"COMMENT ON COLUMN public.users.name IS 'x'", ALL}, {"COMMENT ON SCHEMA public IS 'x'", ALL},
           {"COMMENT ON DATABASE app IS 'x'", REFUSED}, {"COMMENT ON CONSTRAINT c ON users IS 'x'", ALL},
           {"GRANT SELECT ON users TO bob", ALL}, {"GRANT SELECT ON users, notes TO bob", ALL},
           {"REVOKE ALL ON notes FROM bob", HOME}, {"GRANT USAGE ON SCHEMA public TO bob", ALL},
           {"GRANT SELECT ON ALL TABLES IN SCHEMA public TO bob", ALL},
           {"GRANT CONNECT ON DATABASE a TO bob", REFUSED},
           {"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO bob", ALL}, {"LOCK TABLE users, posts", ALL},
           {"LOCK TABLE notes", HOME}, {"LOCK TABLE users, notes", ALL});
}

Test(utility, maintenance_goes_to_the_shards_that_hold_the_tables)
{
    EXPECT({"VACUUM", ALL}, {"VACUUM ANALYZE users, posts", ALL}, {"VACUUM notes", HOME}, {"ANALYZE", ALL},
           {"ANALYZE users (username)", ALL}, {"VACUUM users, notes", REFUSED}, {"CHECKPOINT", ALL},
           {"CLUSTER users USING users_pkey", ALL}, {"REINDEX INDEX users_pkey", ALL},
           {"REINDEX TABLE notes", HOME}, {"REINDEX SCHEMA public", ALL}, {"REINDEX DATABASE app", REFUSED});
}

Test(utility, prepared_statements_are_the_sessions_and_cursors_gather)
{
    EXPECT({"PREPARE p AS SELECT * FROM notes WHERE id = $1", HOME},
           {"PREPARE p AS SELECT * FROM users", HOME}, {"PREPARE p AS DELETE FROM countries", HOME},
           {"PREPARE U&\"p\" AS SELECT 1", REFUSED}, {"EXECUTE p ('a', 1 + 1, '2024-01-01'::date)", HOME},
           {"EXECUTE p (version())", REFUSED}, {"EXECUTE p (nosuch(1))", REFUSED}, {"EXPLAIN EXECUTE p (1)", HOME},
           {"DECLARE c CURSOR FOR SELECT * FROM notes", HOME},
           {"DECLARE c CURSOR FOR SELECT * FROM users", ALL},
           {"DECLARE c CURSOR WITH HOLD FOR SELECT * FROM users ORDER BY username", ALL},
           {"DECLARE c CURSOR FOR SELECT * FROM users FOR UPDATE", REFUSED});
}

Test(utility, a_cursor_over_gathered_rows_keeps_its_options)
{
    struct plan *plan = planned("declare \"C c\" binary no scroll cursor with hold for select username from users order by 1");
    static const char *const begins = "DECLARE \"C c\" BINARY NO SCROLL CURSOR WITH HOLD FOR ";
    cr_expect_eq(plan->many, PLAN_GATHER);
    cr_expect_str_eq(plan->wrapped_query, "SELECT username FROM users ORDER BY 1");
    cr_expect_eq(strncmp(plan->shard_text, begins, strlen(begins)), 0, "%s", plan->shard_text);
    cr_expect_eq(strncmp(plan->gather_values, begins, strlen(begins)), 0, "%s", plan->gather_values);
    plan_release(plan);
}

Test(utility, copy_of_gathered_rows_keeps_its_options)
{
    static const struct {
        const char *sql, *text;
    } cases[] = {
        {"COPY (SELECT username FROM users ORDER BY 1) TO STDOUT",
         "COPY (SELECT \"keyway: rows\".c1 AS username FROM pg_temp.\"keyway: gathered 1\" \"keyway: rows\" ORDER BY 1) TO STDOUT"},
        {"copy (select username from users) to stdout (format csv, header, force_quote (username), null 'x')",
         "COPY (SELECT \"keyway: rows\".c1 AS username FROM pg_temp.\"keyway: gathered 1\" \"keyway: rows\") TO STDOUT WITH "
         "(FORMAT CSV, HEADER, FORCE_QUOTE (username), NULL 'x')"},
        {"COPY (SELECT username FROM users) TO STDOUT (FORMAT text)", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plan *plan = planned(cases[i].sql);
        cr_expect_eq(plan->many, cases[i].text ? PLAN_GATHER : PLAN_CONCAT, "%s", cases[i].sql);
        cr_expect_null(plan->gather_values);
        if (cases[i].text)
            cr_expect_str_eq(plan->shard_text, cases[i].text, "%s", plan->shard_text);
        plan_release(plan);
    }
}

Test(utility, with_one_shard_everything_goes_there)
{
    routing_release(routing);
    routing = town_routing(1);
    EXPECT({"DROP TABLE users, notes", HOME}, {"DO $$ BEGIN END $$", HOME}, {"CREATE DATABASE d", HOME},
           {"ALTER TABLE users DROP COLUMN username", HOME}, {"SET standard_conforming_strings = off", HOME},
           {"PREPARE p AS SELECT * FROM users", HOME}, {"COPY users FROM STDIN (FORMAT binary)", HOME},
           {"COPY users TO '/tmp/x'", HOME}, {"CREATE TABLE t AS SELECT * FROM users", HOME},
           {"SECURITY LABEL ON TABLE users IS 'x'", HOME}, {"PREPARE TRANSACTION 'x'", HOME},
           {"DECLARE c CURSOR FOR SELECT * FROM notes", HOME}, {"EXPLAIN SELECT 1", HOME},
           {"CREATE TEMP TABLE users (a int)", HOME});
}

Test(utility, queries_nested_too_deeply_are_an_error)
{
    static const char *const starts[] = {"EXPLAIN SELECT 1",           "CREATE VIEW v AS SELECT 1",
                                         "PREPARE p AS SELECT 1",      "DECLARE c CURSOR FOR SELECT 1",
                                         "CREATE TABLE t AS SELECT 1", "COPY (SELECT 1"};
    char sql[20000];
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct arena arena = {0};
        struct route route = {0};
        struct error error = {0};
        size_t length = strlen(strcpy(sql, starts[i]));
        while (length < sizeof sql - 100)
            length += strlen(strcpy(sql + length, " + 1"));
        strcpy(sql + length, *starts[i] == 'C' && starts[i][1] == 'O' ? ") TO STDOUT" : "");
        struct plan *plan = planned(sql);
        cr_expect(not(plan_route(plan, routing, NULL, NULL, &arena, &route, &error)), "%s", starts[i]);
        cr_expect(same(error.sqlstate, "54001"), "%s: %s", starts[i], error.sqlstate);
        error_clear(&error);
        arena_free(&arena);
        plan_release(plan);
    }
}

/* ---- COPY ---- */

Test(utility, copy_goes_where_the_table_is)
{
    EXPECT({"COPY users FROM STDIN", ALL}, {"COPY users TO STDOUT", ALL}, {"COPY notes FROM STDIN", HOME},
           {"COPY notes TO STDOUT", HOME}, {"COPY countries (code, since) FROM STDIN", ALL},
           {"COPY countries (code) FROM STDIN", REFUSED},
           {"COPY countries FROM STDIN WHERE code <> ''", REFUSED},
           {"COPY countries TO STDOUT (FORMAT binary)", HOME}, {"COPY users FROM '/tmp/x'", REFUSED},
           {"COPY users TO PROGRAM 'cat'", REFUSED}, {"COPY countries TO '/tmp/x'", REFUSED},
           {"COPY notes TO '/tmp/x'", HOME}, {"COPY notes FROM STDIN (FORMAT binary)", HOME},
           {"COPY users_old FROM STDIN", REFUSED}, {"COPY user_names TO STDOUT", REFUSED},
           {"COPY planned FROM STDIN", REFUSED}, {"COPY pg_class TO STDOUT", HOME},
           {"COPY nowhere FROM STDIN", HOME});
}

Test(utility, copy_options_that_cannot_be_followed_are_refused)
{
    EXPECT(
        {"COPY users FROM STDIN (FREEZE on)", ALL}, {"COPY users FROM STDIN WITH CSV HEADER", ALL},
        {"COPY users FROM STDIN (FORMAT csv, HEADER match)", ALL},
        {"COPY users FROM STDIN WHERE name <> 'x'", ALL}, {"COPY users FROM STDIN (FORMAT binary)", ALL},
        {"COPY users FROM STDIN (ENCODING 'latin1')", REFUSED}, {"COPY users FROM STDIN BINARY", ALL},
        {"COPY users (name) FROM STDIN BINARY", REFUSED},
        {"COPY users FROM STDIN (FORMAT csv, FORCE_NULL (username))", REFUSED},
        {"COPY users FROM STDIN (FORMAT csv, FORCE_NOT_NULL (username))", REFUSED},
        {"COPY users FROM STDIN (FORMAT csv, FORCE_NULL (name))", ALL},
        {"COPY users FROM STDIN (ON_ERROR ignore)", REFUSED},
        {"COPY users FROM STDIN (DELIMITER 'ab')", REFUSED}, {"COPY users (name) FROM STDIN", REFUSED},
        {"COPY posts (username, body) FROM STDIN", REFUSED}, {"COPY users TO STDOUT WITH CSV", ALL},
        {"COPY users TO STDOUT WITH CSV HEADER", REFUSED}, {"COPY users TO STDOUT (FORMAT binary)", ALL},
        {"COPY users TO STDOUT (FORMAT csv, FORCE_QUOTE *)", ALL});
}

Test(utility, copy_of_a_query_goes_where_the_query_goes)
{
    EXPECT({"COPY (SELECT * FROM notes ORDER BY id) TO STDOUT", HOME},
           {"COPY (SELECT * FROM users) TO STDOUT", ALL},
           {"COPY (SELECT * FROM users ORDER BY username) TO STDOUT", ALL},
           {"COPY (SELECT * FROM users FOR UPDATE) TO STDOUT (FORMAT binary)", ALL},
           {"COPY (SELECT ctid FROM users) TO STDOUT", REFUSED},
           {"COPY (SELECT * FROM users) TO '/tmp/x'", REFUSED},
           {"COPY (SELECT * FROM notes) TO '/tmp/x'", HOME});
}

Test(utility, copy_shapes_say_where_the_key_is)
{
    struct plan *plan = planned("COPY users FROM STDIN");
    cr_assert(eq(int, plan->many, PLAN_SPLIT));
    cr_assert(not(plan->copy->csv));
    cr_assert(eq(chr, plan->copy->delimiter, '\t'));
    cr_assert(eq(str, (char *) plan->copy->null_text, "\\N"));
    cr_assert(eq(int, plan->copy->key_fields[0], 0));
    cr_assert(eq(int, plan->copy->field_count, 2));
    cr_assert(plan->copy->keyspace == routing->keyspaces[0]);
    plan_release(plan);

    plan =
        planned("COPY users (name, username) FROM STDIN WITH DELIMITER ';' NULL 'nil' CSV HEADER QUOTE ''''");
    cr_assert(plan->copy->csv && plan->copy->header);
    cr_assert(eq(chr, plan->copy->delimiter, ';'));
    cr_assert(eq(chr, plan->copy->quote, '\''));
    cr_assert(eq(chr, plan->copy->escape, '\''));
    cr_assert(eq(str, (char *) plan->copy->null_text, "nil"));
    cr_assert(eq(int, plan->copy->key_fields[0], 1));
    plan_release(plan);
}

Test(utility, generated_columns_are_not_among_the_fields_of_copy)
{
    struct plan *plan = planned("COPY posts FROM STDIN");
    cr_assert(eq(int, plan->copy->key_fields[0], 1));
    cr_assert(eq(int, plan->copy->field_count, 3));
    plan_release(plan);
}

/* ---- PREPARE and EXECUTE ---- */

Test(utility, prepare_is_cut_to_its_statement)
{
    static const struct {
        const char *sql, *prepared;
        int types;
    } cuts[] = {
        {"PREPARE p AS SELECT 1;", "SELECT 1", 0},
        {"prepare p9$ä (int, numeric(10, 2)) as SELECT $1 AS as; ", "SELECT $1 AS as", 2},
        {"/* AS */ PREPARE -- p AS\n \"as \"\" (\"(\"a)\".\"t\") /* as */ AS(SELECT 1)", "(SELECT 1)", 1},
        {"PREPARE p(text)AS-- x\nVALUES ('AS')", "VALUES ('AS')", 1},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct plan *plan = planned(cuts[i].sql);
        cr_expect(same(plan->prepared, cuts[i].prepared), "%s: '%s'", cuts[i].sql, plan->prepared ? plan->prepared : "nothing");
        cr_expect_eq(plan->declared_types, cuts[i].types, "%s: %d types", cuts[i].sql, plan->declared_types);
        plan_release(plan);
    }
    routing_release(routing);
    routing = town_routing(1);
    struct plan *plan = planned("PREPARE p AS SELECT 1");
    cr_expect(plan->pin == PIN_PREPARE && plan->prepared == NULL);
    plan_release(plan);
}

Test(utility, arguments_of_execute_are_constants_or_computed)
{
    static const struct plan_argument arguments[] = {
        {ARGUMENT_STRING, "a'b"}, {ARGUMENT_NULL, NULL},     {ARGUMENT_INTEGER, "-5"},  {ARGUMENT_NUMERIC, "1.50"},
        {ARGUMENT_TRUTH, "t"},    {ARGUMENT_COMPUTED, NULL}, {ARGUMENT_COMPUTED, NULL}, {ARGUMENT_COMPUTED, NULL},
    };
    struct plan *plan = planned("EXECUTE p ('a''b', NULL, -5, 1.50, true, 'f'::bool, B'101', 1 + 1)");
    cr_assert_eq(plan->argument_count, sizeof arguments / sizeof *arguments);
    for (int i = 0; i < plan->argument_count; i++) {
        cr_expect_eq(plan->arguments[i].kind, arguments[i].kind, "argument %d: kind %d", i + 1, plan->arguments[i].kind);
        cr_expect(same(plan->arguments[i].text, arguments[i].text), "argument %d", i + 1);
    }
    plan_release(plan);
}

/* ---- EXPLAIN ---- */

Test(utility, explain_is_cut_into_options_and_statement)
{
    static const struct {
        const char *sql, *prefix, *explained;
        bool text;
    } cuts[] = {
        {"EXPLAIN SELECT 1", "EXPLAIN ", "SELECT 1", true},
        {"explain analyze verbose SELECT 1;", "explain analyze verbose ", "SELECT 1", true},
        {"EXPLAIN (ANALYZE, FORMAT json) SELECT 1", "EXPLAIN (ANALYZE, FORMAT json) ", "SELECT 1", false},
        {"EXPLAIN (FORMAT 'text', COSTS off)SELECT 1", "EXPLAIN (FORMAT 'text', COSTS off)", "SELECT 1",
         true},
        {"EXPLAIN (SELECT 1)", "EXPLAIN ", "(SELECT 1)", true},
        {"EXPLAIN ANALYZE (SELECT 1)", "EXPLAIN ANALYZE ", "(SELECT 1)", true},
        {"/* a /* b */ c */ EXPLAIN -- d\n (COSTS /* ) */ off) SELECT 1",
         "/* a /* b */ c */ EXPLAIN -- d\n (COSTS /* ) */ off) ", "SELECT 1", true},
    };
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct plan *plan = planned(cuts[i].sql);
        cr_expect(same(plan->explain_prefix, cuts[i].prefix), "%s: '%s'", cuts[i].sql, plan->explain_prefix);
        cr_expect(same(plan->explained, cuts[i].explained), "%s: '%s'", cuts[i].sql, plan->explained);
        cr_expect_eq(plan->explain_format == EXPLAIN_TEXT, cuts[i].text, "%s: format", cuts[i].sql);
        cr_expect(plan->inner && plan->inner->statement == STATEMENT_SELECT, "%s: inner plan", cuts[i].sql);
        plan_release(plan);
    }
}

Test(utility, explain_has_the_explained_statements_plan)
{
    struct plan *plan = planned("EXPLAIN CREATE TABLE t AS SELECT * FROM users");
    cr_assert(eq(int, plan->inner->many, PLAN_GATHER));
    plan_release(plan);
    plan = planned("EXPLAIN ANALYZE CREATE TABLE t AS SELECT * FROM users");
    cr_assert(eq(int, plan->inner->many, PLAN_REFUSE));
    plan_release(plan);
    plan = planned("EXPLAIN SELECT * FROM users");
    cr_assert(eq(int, plan->inner->many, PLAN_CONCAT));
    cr_assert(not(plan->writes));
    plan_release(plan);
}
