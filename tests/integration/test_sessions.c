/*
 * A client's settings and prepared statements go with it from server to server.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"
#include "tests/integration/watch.h"

static struct keyway keyway;
static PGconn *conn, *other;

static void start_on_one_server(int workers)
{
    char settings[60];
    snprintf(settings, sizeof settings, "pool_size = 1\nworkers = %d\n", workers);
    keyway_start(&keyway, &(struct keyway_setup){.plain = true, .settings = settings});
    conn = connect_keyway(&keyway, NULL);
    other = connect_keyway(&keyway, NULL);
}

/* The home shard knows a text search configuration that the others do not: they refuse the setting. */
static void start_with_a_setting_of_home(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3,
                                                 .settings = "pool_size = 1\n",
                                                 .database = "multi_shard_commit = best_effort\n"});
    EXPECT_ON(0, "CREATE TEXT SEARCH CONFIGURATION public.of_home (COPY = simple)",
              "CREATE TEXT SEARCH CONFIGURATION");
    conn = connect_keyway(&keyway, NULL);
    other = connect_keyway(&keyway, NULL);
    EXPECT(other, "INSERT INTO users (username, age) VALUES ('anna', 1), ('henry', 2), ('zoe', 3)",
           "INSERT 0 3");
}

static void stop(void)
{
    PQfinish(conn);
    PQfinish(other);
    keyway_stop(&keyway);
}

TestSuite(sessions, .fini = stop, .timeout = 60);

/* ---- settings that a shard refuses ---- */

static const char *const refusal =
    "ERROR 22023: invalid value for parameter \"default_text_search_config\": \"public.of_home\"";

static void expect_nothing_changed(void)
{
    EXPECT(other, "SELECT username, age FROM users ORDER BY username", "anna|1\nhenry|2\nzoe|3");
}

Test(sessions, a_statement_does_not_run_where_its_settings_are_refused)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SET default_text_search_config = 'public.of_home'", "SET");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'zoe'", refusal);
    char *answer = ask_params(conn, "UPDATE users SET age = 99 WHERE username = 'zoe'", 0, NULL);
    cr_expect_str_eq(answer, refusal);
    free(answer);
    expect_nothing_changed();
    EXPECT(conn, "SELECT age FROM users WHERE username = 'anna'", "1");
    EXPECT(conn, "RESET default_text_search_config", "RESET");
    EXPECT(conn, "UPDATE users SET age = 3 WHERE username = 'zoe'", "UPDATE 1");
    expect_nothing_changed();
    expect_backends(2, 1);
}

Test(sessions, a_fan_out_does_not_run_when_one_shard_refuses_the_settings)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SET default_text_search_config = 'public.of_home'", "SET");
    EXPECT(conn, "UPDATE users SET age = 99", refusal);
    EXPECT(conn, "SELECT username FROM users ORDER BY username", refusal);
    EXPECT(
        conn,
        "UPDATE users SET age = 99 WHERE username = 'anna'; UPDATE users SET age = 99 WHERE username = 'zoe'",
        "UPDATE 1\nERROR 22023: invalid value for parameter \"default_text_search_config\": "
        "\"public.of_home\"");
    expect_nothing_changed();
    for (int shard = 0; shard < 3; shard++)
        expect_backends(shard, 1);
}

Test(sessions, a_transaction_is_aborted_by_a_shard_that_refuses_the_settings)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SET default_text_search_config = 'public.of_home'", "SET");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'anna'", "UPDATE 1");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'zoe'", refusal);
    cr_expect_eq(PQtransactionStatus(conn), PQTRANS_INERROR);
    EXPECT(conn, "COMMIT", "ROLLBACK");
    expect_nothing_changed();
}

Test(sessions, a_transaction_is_aborted_by_a_shard_that_refuses_its_local_settings)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SET LOCAL default_text_search_config = 'public.of_home'", "SET");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'anna'", "UPDATE 1");
    EXPECT(conn, "UPDATE users SET age = 99 WHERE username = 'zoe'", refusal);
    cr_expect_eq(PQtransactionStatus(conn), PQTRANS_INERROR);
    EXPECT_ERROR(conn, "SELECT age FROM users WHERE username = 'zoe'", "25P02");
    EXPECT(conn, "ROLLBACK", "ROLLBACK");
    expect_nothing_changed();
    EXPECT(conn, "SELECT age FROM users WHERE username = 'zoe'", "3");
}

Test(sessions, a_pipeline_is_skipped_up_to_its_sync_when_its_settings_are_refused)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SET default_text_search_config = 'public.of_home'", "SET");
    cr_assert(PQenterPipelineMode(conn));
    for (int i = 0; i < 2; i++)
        cr_assert(PQsendQueryParams(conn, "UPDATE users SET age = 99 WHERE username = 'zoe'", 0, NULL, NULL,
                                    NULL, NULL, 0));
    cr_assert(PQsendFlushRequest(conn));
    expect_next_of_pipeline(conn, refusal);
    cr_assert(PQpipelineSync(conn));
    expect_next_of_pipeline(conn, "ABORTED");
    expect_next_of_pipeline(conn, "SYNC");
    cr_assert(PQexitPipelineMode(conn));
    expect_nothing_changed();
}

Test(sessions, copy_does_not_begin_where_the_settings_are_refused)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SET default_text_search_config = 'public.of_home'", "SET");
    EXPECT(conn, "COPY users (username, age) FROM STDIN", refusal);
    EXPECT(conn, "COPY users TO STDOUT", refusal);
    EXPECT(conn, "SELECT age FROM users WHERE username = 'anna'", "1");
    expect_nothing_changed();
}

/* Both are refused on their way to two shards at once; each gets its own error, none waits for the other. */
Test(sessions, refused_settings_do_not_lock_up_clients_that_need_the_same_servers)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SET default_text_search_config = 'public.of_home'", "SET");
    EXPECT(other, "SET default_text_search_config = 'public.of_home'", "SET");
    for (int round = 0; round < 50; round++) {
        cr_assert(PQsendQuery(conn, "SELECT count(*) FROM users"));
        cr_assert(PQsendQuery(other, "SELECT count(*) FROM users"));
        expect_next(conn, refusal);
        expect_next(other, refusal);
    }
    EXPECT(other, "RESET ALL", "RESET");
    expect_nothing_changed();
}

Test(sessions, local_settings_reach_the_shards_that_join_later)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SET LOCAL work_mem = '7MB'", "SET");
    EXPECT(conn, "SELECT current_setting('work_mem') FROM users", "7MB\n7MB\n7MB");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT current_setting('work_mem') FROM users", "4MB\n4MB\n4MB");
}

Test(sessions, settings_of_the_startup_packet_are_refused_by_the_first_statement)
{
    start_with_a_setting_of_home();
    PGconn *wrong = connect_keyway(&keyway, "options='-c work_mem=banana'");
    EXPECT(wrong, "SELECT 1", "ERROR 22023: invalid value for parameter \"work_mem\": \"banana\"");
    PQfinish(wrong);
    EXPECT(other, "SELECT 1", "1");
}

static void expect_no_login(const char *more, const char *reason)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "dbname=app user=app %s", more);
    PGconn *login = try_connect(&keyway, conninfo);
    cr_expect_eq(PQstatus(login), CONNECTION_BAD, "%s", more);
    cr_expect(strstr(PQerrorMessage(login), reason), "%s: %s", more, PQerrorMessage(login));
    PQfinish(login);
}

Test(sessions, settings_of_the_startup_packet_that_would_mislead_the_router_let_nobody_in)
{
    start_with_a_setting_of_home();
    expect_no_login("options='-c standard_conforming_strings=off'", "With \"standard_conforming_strings\" at this value");
    expect_no_login("client_encoding=SJIS", "statements in that encoding cannot be read safely");
    expect_no_login("options='-c Array_nulls=0'", "array literals would be read in another way");
    PGconn *rounding = connect_keyway(&keyway, "options='-c extra_float_digits=0'");
    EXPECT(rounding, "SELECT v FROM (SELECT CASE username WHEN 'ann' THEN 0.3::float8 ELSE 0.1::float8 + 0.2 END AS v, username FROM users) x"
                     " ORDER BY v, username LIMIT 1", "0.3");
    PQfinish(rounding);
    EXPECT(other, "SELECT 1", "1");
}

/* ---- settings that follow ---- */

Test(sessions, many_clients_with_settings_of_their_own_share_one_server)
{
    enum { CLIENTS = 12 };
    PGconn *clients[CLIENTS];
    start_on_one_server(2);
    for (int i = 0; i < CLIENTS; i++) {
        char name[40];
        snprintf(name, sizeof name, "application_name=client%d", i);
        clients[i] = connect_keyway(&keyway, name);
    }
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < CLIENTS; i++)
            cr_assert(PQsendQuery(clients[i], "SELECT current_setting('application_name')"));
        for (int i = 0; i < CLIENTS; i++) {
            char name[40];
            snprintf(name, sizeof name, "client%d", i);
            expect_next(clients[i], name);
        }
    }
    for (int i = 0; i < CLIENTS; i++)
        PQfinish(clients[i]);
}

Test(sessions, reset_returns_to_what_the_startup_packet_said)
{
    start_with_a_setting_of_home();
    PGconn *client = connect_keyway(&keyway, "options='-c work_mem=5MB'");
    static const char *const resets[] = {"RESET work_mem", "RESET ALL", "SET work_mem TO DEFAULT",
                                         "SELECT 1; RESET ALL"};
    for (int i = 0; i < 4; i++) {
        EXPECT(client, "SET work_mem = '7MB'", "SET");
        EXPECT(client, "SELECT current_setting('work_mem') FROM users", "7MB\n7MB\n7MB");
        free(ask(client, resets[i]));
        EXPECT(client, "SELECT current_setting('work_mem') FROM users", "5MB\n5MB\n5MB");
        EXPECT(client, "SHOW work_mem", "5MB");
    }
    EXPECT(other, "SHOW work_mem", "4MB");
    PQfinish(client);
}

/* The shards know the client as `app`. */
Test(sessions, a_schema_of_the_user_is_that_of_the_shards_user)
{
    start_with_a_setting_of_home();
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "CREATE SCHEMA app; CREATE TABLE app.users AS SELECT 'zoe' AS username, 7 AS age",
                  "CREATE SCHEMA\nSELECT 1");
    PGconn *console = connect_console(&keyway), *stranger = connect_keyway(&keyway, "user=stranger");
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT_SOON(stranger, "SELECT username, age FROM users", "zoe|7", 20000);
    EXPECT(stranger, "SET ROLE other", "SET");
    EXPECT_ERROR(stranger, "SELECT username, age FROM users", "42P01"); /* it may not look into public */
    PQfinish(stranger);
    PQfinish(console);
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "DROP SCHEMA app CASCADE", "DROP SCHEMA");
}

/* In schema b the same names are tables that nobody has sharded. */
Test(sessions, a_local_search_path_is_routed_as_any_other)
{
    start_with_a_setting_of_home();
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "CREATE SCHEMA b; CREATE TABLE b.users AS SELECT 'zoe' AS username, 7 AS age",
                  "CREATE SCHEMA\nSELECT 1");
    PGconn *console = connect_console(&keyway);
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(conn, "SET search_path = b", "SET");
    EXPECT_SOON(conn, "SELECT username, age FROM users", "zoe|7", 20000);
    EXPECT(conn, "RESET search_path", "RESET");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SET LOCAL search_path = b", "SET");
    EXPECT(conn, "SELECT username, age FROM users", "zoe|7");
    EXPECT(conn, "SET LOCAL search_path TO DEFAULT", "SET");
    EXPECT(conn, "SELECT username, age FROM users ORDER BY username", "anna|1\nhenry|2\nzoe|3");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT username, age FROM users ORDER BY username", "anna|1\nhenry|2\nzoe|3");
    PQfinish(console);
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "DROP SCHEMA b CASCADE", "DROP SCHEMA");
}

/* ---- prepared statements ---- */

static void prepare(PGconn *client, const char *name, const char *sql)
{
    PGresult *result = PQprepare(client, name, sql, 0, NULL);
    cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql, PQresultErrorMessage(result));
    PQclear(result);
}

static void expect_prepared(PGconn *client, const char *name, int count, const char *value,
                            const char *expected)
{
    PGresult *result = PQexecPrepared(client, name, count, &value, NULL, NULL, 0);
    char *answer = result_text(result);
    cr_expect_str_eq(answer, expected, "%s(%s)\n  answered: %s\n  expected: %s", name, value, answer,
                     expected);
    free(answer);
    PQclear(result);
}

static void share_one_name(int workers)
{
    enum { CLIENTS = 15 };
    PGconn *clients[CLIENTS];
    start_on_one_server(workers);
    for (int i = 0; i < CLIENTS; i++) {
        char sql[80];
        clients[i] = connect_keyway(&keyway, NULL);
        snprintf(sql, sizeof sql, "SELECT $1::integer + %d", 100 * (i / 2)); /* each text twice */
        prepare(clients[i], "plan", sql);
    }
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < CLIENTS; i++) {
            char expected[20];
            snprintf(expected, sizeof expected, "%d", 100 * (i / 2) + 7);
            expect_prepared(clients[i], "plan", 1, "7", expected);
        }
    for (int i = 0; i < CLIENTS; i++)
        PQfinish(clients[i]);
    expect_backends(0, 1);
}

Test(sessions, one_name_means_something_else_to_each_of_many_clients_on_one_server)
{
    share_one_name(1);
}

Test(sessions, a_name_keeps_its_meaning_when_the_server_moves_between_workers)
{
    share_one_name(3);
}

Test(sessions, closing_a_statement_leaves_that_of_another_client_with_the_same_text)
{
    start_on_one_server(1);
    prepare(conn, "plan", "SELECT $1::integer * 2");
    prepare(other, "plan", "SELECT $1::integer * 2");
    EXPECT(conn, "DEALLOCATE plan", "DEALLOCATE");
    expect_prepared(other, "plan", 1, "4", "8");
    expect_prepared(conn, "plan", 1, "4", "ERROR 26000: prepared statement \"plan\" does not exist");
    prepare(conn, "plan", "SELECT $1::integer * 3");
    expect_prepared(conn, "plan", 1, "4", "12");
    expect_prepared(other, "plan", 1, "4", "8");
}

Test(sessions, deallocating_all_statements_takes_those_of_prepare_and_of_parse)
{
    start_on_one_server(1);
    prepare(conn, "parsed", "SELECT $1::integer * 2");
    EXPECT(conn, "PREPARE made AS SELECT 1", "PREPARE");
    expect_prepared(conn, "parsed", 1, "4", "8");
    EXPECT(conn, "EXECUTE made", "1");
    EXPECT(conn, "DEALLOCATE ALL", "DEALLOCATE ALL");
    EXPECT(conn, "EXECUTE made", "ERROR 26000: prepared statement \"made\" does not exist");
    expect_prepared(conn, "parsed", 1, "4", "ERROR 26000: prepared statement \"parsed\" does not exist");
    EXPECT(conn, "PREPARE made AS SELECT 2", "PREPARE");
    EXPECT(conn, "EXECUTE made", "2");
    prepare(conn, "parsed", "SELECT $1::integer * 2");
    expect_prepared(conn, "parsed", 1, "4", "8");
}

Test(sessions, one_text_with_different_parameter_types_is_two_statements)
{
    start_on_one_server(1);
    PQclear(PQprepare(conn, "plan", "SELECT pg_typeof($1)", 1, &(Oid){23}));
    PQclear(PQprepare(other, "plan", "SELECT pg_typeof($1)", 1, &(Oid){25}));
    for (int round = 0; round < 2; round++) {
        expect_prepared(conn, "plan", 1, "4", "integer");
        expect_prepared(other, "plan", 1, "4", "text");
    }
}

Test(sessions, one_text_under_different_search_paths_reads_different_tables)
{
    start_on_one_server(1);
    EXPECT(conn, "CREATE SCHEMA a; CREATE TABLE a.t AS SELECT 1 AS x", "CREATE SCHEMA\nSELECT 1");
    EXPECT(conn, "CREATE SCHEMA b; CREATE TABLE b.t AS SELECT 'two' AS y", "CREATE SCHEMA\nSELECT 1");
    EXPECT(conn, "SET search_path = a", "SET");
    EXPECT(other, "SET search_path = b", "SET");
    prepare(conn, "plan", "SELECT * FROM t");
    prepare(other, "plan", "SELECT * FROM t");
    for (int round = 0; round < 2; round++) {
        expect_prepared(conn, "plan", 0, NULL, "1");
        expect_prepared(other, "plan", 0, NULL, "two");
    }
    EXPECT(conn, "DROP SCHEMA a, b CASCADE", "DROP SCHEMA");
}

/* A literal is read when the statement is prepared. */
Test(sessions, one_text_under_different_date_styles_means_different_dates)
{
    start_on_one_server(1);
    EXPECT(conn, "SET datestyle = 'ISO, MDY'", "SET");
    EXPECT(other, "SET datestyle = 'ISO, DMY'", "SET");
    prepare(conn, "plan", "SELECT '01/02/2024'::date");
    prepare(other, "plan", "SELECT '01/02/2024'::date");
    for (int round = 0; round < 2; round++) {
        expect_prepared(conn, "plan", 0, NULL, "2024-01-02");
        expect_prepared(other, "plan", 0, NULL, "2024-02-01");
    }
}

Test(sessions, a_statement_prepared_under_local_settings_is_not_shared)
{
    start_on_one_server(1);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SET LOCAL datestyle = 'ISO, DMY'", "SET");
    prepare(conn, "plan", "SELECT '01/02/2024'::date");
    expect_prepared(conn, "plan", 0, NULL, "2024-02-01");
    EXPECT(conn, "COMMIT", "COMMIT");
    prepare(other, "plan", "SELECT '01/02/2024'::date");
    expect_prepared(other, "plan", 0, NULL, "2024-01-02");
}

Test(sessions, clients_that_differ_in_their_names_only_share_their_statements)
{
    start_on_one_server(1);
    PGconn *console = connect_console(&keyway);
    for (int i = 0; i < 4; i++) {
        char name[40];
        snprintf(name, sizeof name, "application_name=client%d", i);
        PGconn *client = connect_keyway(&keyway, name);
        prepare(client, "plan", "SELECT $1::integer + 1");
        expect_prepared(client, "plan", 1, "1", "2");
        prepare(i % 2 ? conn : other, name, "SELECT $1::integer + 1");
        PQfinish(client);
    }
    PGresult *servers = PQexec(console, "SHOW SERVERS");
    cr_expect_str_eq(PQgetvalue(servers, 0, PQfnumber(servers, "prepared_statements")), "1");
    PQclear(servers);
    PQfinish(console);
}

Test(sessions, a_client_may_have_more_statements_than_a_server_keeps)
{
    enum { STATEMENTS = 450 };
    char name[20], text[60];
    start_on_one_server(1);
    for (int i = 0; i < STATEMENTS; i++) {
        snprintf(name, sizeof name, "plan%d", i);
        snprintf(text, sizeof text, "SELECT $1::integer + %d", i);
        prepare(conn, name, text);
    }
    for (int i = 0; i < STATEMENTS; i += 7) {
        snprintf(name, sizeof name, "plan%d", i);
        snprintf(text, sizeof text, "%d", i + 1);
        expect_prepared(conn, name, 1, "1", text);
    }
}

Test(sessions, prepared_statements_survive_the_loss_of_their_server)
{
    start_on_one_server(1);
    prepare(conn, "plan", "SELECT $1::integer + 1");
    EXPECT_ON(
        0, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'keyway'",
        "1");
    expect_backends(0, 0);
    expect_prepared(conn, "plan", 1, "1", "2");
}

/* Its error comes at once, and the rest of the pipeline is skipped up to Sync. */
Test(sessions, the_loss_of_a_server_behind_a_flush_is_told)
{
    start_on_one_server(1);
    cr_assert(PQenterPipelineMode(conn));
    cr_assert(PQsendQueryParams(conn, "SELECT pg_sleep(100)", 0, NULL, NULL, NULL, NULL, 0));
    cr_assert(PQsendFlushRequest(conn));
    PQflush(conn);
    expect_running(0, "SELECT pg_sleep(100)", 1);
    EXPECT_ON(
        0, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'keyway'",
        "1");
    expect_next_of_pipeline(conn, "ERROR 08006: the connection to a shard was lost");
    cr_assert(PQsendQueryParams(conn, "SELECT 1", 0, NULL, NULL, NULL, NULL, 0));
    cr_assert(PQpipelineSync(conn));
    expect_next_of_pipeline(conn, "ABORTED");
    expect_next_of_pipeline(conn, "SYNC");
    cr_assert(PQexitPipelineMode(conn));
    EXPECT(conn, "SELECT 1", "1");
}

Test(sessions, set_config_is_repeated_like_set)
{
    start_with_a_setting_of_home();
    EXPECT(conn, "SELECT set_config('search_path', '', false)", "");
    EXPECT_ERROR(conn, "SELECT count(*) FROM users", "42P01");
    EXPECT(conn, "SELECT pg_catalog.set_config('search_path', 'public', false);", "public");
    EXPECT(conn, "SELECT set_config('my.name', 'me', false)", "me");
    EXPECT(conn, "SELECT username, current_setting('my.name') FROM users ORDER BY username",
           "anna|me\nhenry|me\nzoe|me");
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "SELECT set_config('my.name', 'you', true)", "you");
    EXPECT(conn, "SELECT username, current_setting('my.name') FROM users ORDER BY username",
           "anna|you\nhenry|you\nzoe|you");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(conn, "SELECT current_setting('my.name')", "me");
}

static void expect_columns(PGresult *result, int columns)
{
    cr_expect_eq(PQnfields(result), columns, "%d columns: %s", PQnfields(result), PQresultErrorMessage(result));
    PQclear(result);
}

/* Each Parse is a new one, also where the client has parsed the same text just before. */
Test(sessions, what_is_parsed_after_ddl_has_the_new_columns)
{
    start_with_a_setting_of_home();
    static const char *const texts[] = {"SELECT * FROM posts", "SELECT * FROM posts ORDER BY username LIMIT 1", "SELECT * FROM posts WHERE username = 'anna'"};
    EXPECT(other, "INSERT INTO posts (username, id) VALUES ('anna', 1)", "INSERT 0 1");
    for (int i = 0; i < 3; i++) {
        char sql[60];
        expect_columns(PQexecParams(conn, texts[i], 0, NULL, NULL, NULL, NULL, 1), 5 + i);
        expect_columns(PQexecParams(conn, texts[i], 0, NULL, NULL, NULL, NULL, 1), 5 + i);
        snprintf(sql, sizeof sql, "ALTER TABLE posts ADD COLUMN mood%d text", i);
        EXPECT(other, sql, "ALTER TABLE");
        expect_columns(PQexecParams(conn, texts[i], 0, NULL, NULL, NULL, NULL, 1), 6 + i);
        PQclear(PQprepare(conn, texts[i], texts[i], 0, NULL));
        expect_columns(PQexecPrepared(conn, texts[i], 0, NULL, NULL, NULL, 0), 6 + i);
    }
}

/* ---- the unnamed statement ---- */

/* A Query destroys a server's unnamed statement, whoever sent it. */
Test(sessions, the_unnamed_statement_outlives_what_others_ask_its_server)
{
    const char *const values[] = {"7"};
    start_on_one_server(1);
    PQclear(PQprepare(conn, "", "SELECT $1::int", 0, NULL));
    for (int times = 0; times < 2; times++) {
        PQclear(PQexecPrepared(conn, "", 1, values, NULL, NULL, 0));
        EXPECT(other, "SELECT 1", "1");
        PGresult *result = PQexecPrepared(conn, "", 1, values, NULL, NULL, 0);
        char *answer = result_text(result);
        cr_expect_str_eq(answer, "7");
        free(answer);
        PQclear(result);
    }
}

/* ---- set_config() of parameters ---- */

static void expect_asked(const char *sql, const char *value, const char *expected)
{
    const char *const values[] = {value, "b'\\c"};
    char *answer = ask_params(conn, sql, 1 + (strstr(sql, "$2") != NULL), values);
    cr_expect(!strncmp(answer, expected, strlen(expected)), "%s\n  %s", sql, answer);
    free(answer);
}

/* As PostgREST and layers for row-level security ask; servers that are needed later get the same. */
Test(sessions, set_config_takes_parameters)
{
    static const char both[] = "SELECT username, current_setting('my.one', true), current_setting('my.two', true) FROM users ORDER BY 1";
    start_with_a_setting_of_home();
    PQclear(PQexec(conn, "BEGIN"));
    expect_asked("SELECT set_config('my.one', $1, true), set_config('my.two', $2, false), current_setting('my.one', true)", "1", "1|b'\\c|");
    EXPECT(conn, both, "anna|1|b'\\c\nhenry|1|b'\\c\nzoe|1|b'\\c");
    expect_asked("SELECT set_config('my.one', $1, true)", "2", "2");
    EXPECT(conn, both, "anna|2|b'\\c\nhenry|2|b'\\c\nzoe|2|b'\\c");
    EXPECT(conn, "COMMIT", "COMMIT");
    EXPECT(other, "SELECT count(*) FROM users WHERE current_setting('my.two', true) <> ''", "0");
    EXPECT(conn, both, "anna||b'\\c\nhenry||b'\\c\nzoe||b'\\c");
    expect_asked("SELECT set_config($1, 'off', false)", "standard_conforming_strings", "ERROR 0A000");
    expect_asked("SELECT set_config($1, 'x', false)", NULL, "ERROR 0A000");
    expect_asked("SELECT set_config('work_mem', $1, false)", "nothing", "ERROR 22023");
    expect_asked("SELECT set_config('work_mem', $1, false)", "1MB", "1MB");
    EXPECT(conn, "SELECT username, current_setting('work_mem') FROM users ORDER BY 1", "anna|1MB\nhenry|1MB\nzoe|1MB");
    EXPECT_ERROR(conn, "SELECT set_config('my.one', $1, false)", "42P02");
    const Oid integer = 23;
    const char bytes[] = {0, 0, 0, 42}, *const value = bytes;
    const int length = sizeof bytes, binary = 1;
    PGresult *result = PQexecParams(conn, "SELECT set_config('my.one', $1::text, false)", 1, &integer, &value, &length, &binary, 0);
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "0A000");
    PQclear(result);
    expect_asked("SELECT $1::int, set_config('my.one', $1::text, false)", "42", "ERROR 0A000");
    expect_asked("SELECT set_config('my.one', $1::text, false)", "42", "42");
}
