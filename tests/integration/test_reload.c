/*
 * RELOAD and SIGHUP: a changed file is in force as a whole or not at all, and nobody gets a wrong answer
 * meanwhile.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/console.h"

static struct keyway keyway;
static PGconn *console, *client;

static const struct keyway_setup usual = {
    .shards = 3, .settings = "pool_size = 4\nlog_connections = no\nlog_disconnections = no\n"};

static void start(void)
{
    keyway_start(&keyway, &usual);
    load_tables(3, 50);
    console = connect_console(&keyway);
    client = connect_keyway(&keyway, NULL);
}

static void stop(void)
{
    PQfinish(client);
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(reload, .init = start, .fini = stop, .timeout = 120);

static void configure(const char *settings, const char *sections)
{
    keyway_configure(&keyway, &(struct keyway_setup){.settings = settings, .sections = sections});
}

Test(reload, a_changed_setting_is_in_force_when_reload_answers)
{
    configure("pool_size = 7\n", NULL);
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "value", "4");
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "value", "7");
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "pool_size", "7");
}

Test(reload, a_new_table_is_routed_when_reload_answers)
{
    EXPECT(client, "CREATE TABLE notes (username text, note text)", "CREATE TABLE");
    configure(NULL, "[table app.notes]\nkeyspace = username\nkey = username\n");
    for (int shard = 1; shard < 3; shard++)
        EXPECT_ON(shard, "CREATE TABLE notes (username text, note text)", "CREATE TABLE");
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(client, "INSERT INTO notes VALUES ('zoe', 'hello')", "INSERT 0 1");
    EXPECT_ON(2, "SELECT note FROM notes", "hello");
}

static void expect_sorted_by(const char *kind)
{
    char route[200], *answer;
    snprintf(route, sizeof route, "ROUTE 'SELECT username FROM users ORDER BY username COLLATE english'");
    answer = ask(console, route);
    cr_expect_eq(strncmp(answer, kind, strlen(kind)), 0, "expected %s, found %s", kind, answer);
    free(answer);
    EXPECT(client, "SELECT username FROM users WHERE age < 0 ORDER BY username COLLATE english",
           "a-b\nA-B\nab\nAB\nz\nZ");
}

/* Once a shard's library is another than Keyway's, or than it was when the collation was made, PostgreSQL
 * sorts. */
Test(reload, texts_are_merged_only_in_the_version_that_all_shards_have)
{
    EXPECT(client,
           "INSERT INTO users (username, age) VALUES ('ab', -1), ('a-b', -1), ('A-B', -1), ('AB', -1), ('Z', "
           "-1)",
           "INSERT 0 5");
    EXPECT(client, "INSERT INTO users (username, age) VALUES ('z', -1)", "INSERT 0 1");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "CREATE COLLATION english (PROVIDER = icu, LOCALE = 'en-US')", "CREATE COLLATION");
    EXPECT(console, "RELOAD", "RELOAD");
    expect_sorted_by("merge");
    EXPECT_ON(2, "UPDATE pg_collation SET collversion = '1.2' WHERE collname = 'english'", "UPDATE 1");
    EXPECT(console, "RELOAD", "RELOAD");
    expect_sorted_by("gather");
    EXPECT_ON(2, "ALTER COLLATION english REFRESH VERSION", "ALTER COLLATION");
    EXPECT(console, "RELOAD", "RELOAD");
    expect_sorted_by("merge");
    EXPECT_ON(
        1, "DROP COLLATION english; CREATE COLLATION english (PROVIDER = icu, LOCALE = 'en-US-u-kf-upper')",
        "DROP COLLATION\nCREATE COLLATION");
    EXPECT(console, "RELOAD", "RELOAD");
    expect_sorted_by("gather");
    for (int shard = 0; shard < 3; shard++)
        EXPECT_ON(shard, "DROP COLLATION english", "DROP COLLATION");
}

/* "FILE:LINE:" of the first line with this text. */
static void place_of(const char *text, char *place, size_t size)
{
    char line[1000];
    int number = 1;
    FILE *file = fopen(keyway.file, "r");
    while (fgets(line, sizeof line, file) && !strstr(line, text))
        number++;
    fclose(file);
    snprintf(place, size, "%s:%d:", keyway.file, number);
}

static PGresult *failing_reload(void)
{
    PGresult *result = PQexec(console, "RELOAD");
    cr_assert_eq(PQresultStatus(result), PGRES_FATAL_ERROR, "a broken file was taken");
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "22023");
    return result;
}

Test(reload, a_broken_file_changes_nothing_and_every_mistake_is_told_with_its_line)
{
    configure("pool_size = 9\npool_sise = many\n", "[table app.notes]\nkeyspace = nowhere\nkey = username\n");
    PGresult *result = failing_reload();
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    char place[500];
    place_of("pool_sise", place, sizeof place);
    cr_expect(detail && strstr(detail, place), "no %s in %s", place, detail ? detail : "(no detail)");
    cr_expect(detail && strstr(detail, "pool_size"), "no nearest name in %s", detail);
    cr_expect(detail && strstr(detail, "nowhere"), "not every mistake in %s", detail);
    PQclear(result);
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "value", "4");
    EXPECT(client, "SELECT count(*) FROM users", "50");
}

Test(reload, a_certificate_that_cannot_be_read_changes_nothing)
{
    configure("pool_size = 9\nclient_tls_sslmode = require\nclient_tls_cert_file = nothing.crt\n"
              "client_tls_key_file = nothing.key\n",
              NULL);
    PQclear(failing_reload());
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "value", "4");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "client_tls_sslmode", "value", "off");
}

static void await_log(const char *text)
{
    long deadline = milliseconds() + 20000;
    while (!keyway_log_contains(&keyway, text) && milliseconds() < deadline)
        pause_briefly();
    cr_expect(keyway_log_contains(&keyway, text), "the log does not say: %s", text);
}

Test(reload, sighup_does_the_same_and_says_so_in_the_log)
{
    configure("pool_sise = 9\n", NULL);
    kill(keyway.pid, SIGHUP);
    await_log("the old settings stay in force");
    char place[500];
    place_of("pool_sise", place, sizeof place);
    await_log(place);
    configure("pool_size = 8\n", NULL);
    kill(keyway.pid, SIGHUP);
    await_log("the configuration was read again");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "value", "8");
}

Test(reload, a_removed_database_takes_no_more_clients)
{
    configure(NULL, "[database second]\nshards = shard1\n");
    EXPECT(console, "RELOAD", "RELOAD");
    PGconn *second = try_connect(&keyway, "dbname=second user=app");
    EXPECT_LIKE(second, "SELECT count(*) FROM users", "");
    PQfinish(second);
    configure(NULL, NULL);
    EXPECT(console, "RELOAD", "RELOAD");
    second = try_connect(&keyway, "dbname=second user=app");
    cr_expect(strstr(PQerrorMessage(second), "does not exist"), "%s", PQerrorMessage(second));
    PQfinish(second);
}

/* --- the order of the shards changes under load
 * -------------------------------------------------------------- */

enum { CLIENTS = 12, RELOADS = 20 };

static atomic_bool over;
static atomic_int answered, failed, wrong;

static void judge(char *answer, const char *expected)
{
    if (strcmp(answer, expected) == 0)
        atomic_fetch_add(&answered, 1);
    else if (strncmp(answer, "ERROR", 5) == 0)
        atomic_fetch_add(&failed, 1);
    else
        atomic_fetch_add(&wrong, 1);
    if (strcmp(answer, expected) != 0)
        cr_log_warn("answered %s, expected %s", answer, expected);
    free(answer);
}

static void ask_something(PGconn *conn, int number)
{
    static const char *const names[] = {"Zed", "h", "q", "m", "a b"};
    const char *name = names[number % 5];
    char sql[200];
    if (number % 4 == 0) {
        judge(ask(conn, "SELECT count(*) FROM users"), "50");
    } else if (number % 4 == 1) {
        judge(ask_params(conn, "SELECT username FROM users WHERE username = $1", 1, &name), name);
    } else {
        snprintf(sql, sizeof sql, "SELECT username FROM users WHERE username = '%s'", name);
        judge(ask(conn, sql), name);
    }
}

static void *steady_client(void *context)
{
    PGconn *conn = connect_keyway(&keyway, NULL);
    for (int number = (int) (intptr_t) context; !atomic_load(&over); number++)
        ask_something(conn, number);
    PQfinish(conn);
    return NULL;
}

/* Shards are numbered in this order; what is named in the ranges stays where it is. */
static void write_order(const char *order)
{
    keyway_configure(&keyway, &usual);
    cr_assert_eq(run("sed -i 's/^shards = .*/shards = %s/' %s", order, keyway.file), 0);
}

Test(reload, reordered_shards_under_load_never_give_a_wrong_answer)
{
    static const char *const orders[] = {"shard2, shard0, shard1", "shard1, shard2, shard0",
                                         "shard0, shard1, shard2"};
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, steady_client, (void *) (intptr_t) i);
    for (int i = 0; i < RELOADS; i++) {
        write_order(orders[i % 3]);
        EXPECT(console, "RELOAD", "RELOAD");
    }
    atomic_store(&over, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(wrong, 0, "%d wrong answers", wrong);
    cr_expect_eq(failed, 0, "%d statements failed", failed);
    cr_expect_gt(answered, 200, "only %d answers", answered);
}

static void *reload_all_the_time(void *context)
{
    PGconn *conn = connect_console(context);
    while (!atomic_load(&over))
        EXPECT(conn, "RELOAD", "RELOAD");
    PQfinish(conn);
    return NULL;
}

/* A reload that has looked before the DDL is not taken for one that has seen it. */
Test(reload, what_ddl_has_made_meanwhile_is_known)
{
    pthread_t thread;
    pthread_create(&thread, NULL, reload_all_the_time, &keyway);
    for (int i = 0; i < 30; i++) {
        EXPECT(client, "DROP TABLE posts", "DROP TABLE");
        EXPECT_ERROR(client, "SELECT count(*) FROM posts", "42P01");
        EXPECT(client, "CREATE TABLE posts (username text, id int, PRIMARY KEY (username, id))", "CREATE TABLE");
        EXPECT(client, "SELECT count(*) FROM posts", "0");
    }
    atomic_store(&over, true);
    pthread_join(thread, NULL);
    EXPECT(client, "SELECT count(*) FROM posts", "0");
}

/* What it has begun on one shard cannot go on with another numbering. */
Test(reload, a_transaction_over_changed_shards_ends_with_a_clear_error)
{
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, "SELECT username FROM users WHERE username = 'h'", "h");
    write_order("shard2, shard0, shard1");
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT_LIKE(client, "SELECT username FROM users WHERE username = 'h'", "a reload has changed the shards");
    cr_expect_eq(PQstatus(client), CONNECTION_BAD);
    PQreset(client);
    EXPECT(client, "SELECT username FROM users WHERE username = 'h'", "h");
}

Test(reload, a_transaction_goes_on_when_the_shards_stay)
{
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, "SELECT username FROM users WHERE username = 'h'", "h");
    configure("pool_size = 2\n", NULL);
    EXPECT(console, "RELOAD", "RELOAD");
    EXPECT(client, "SELECT username FROM users WHERE username = 'q'", "q");
    EXPECT(client, "COMMIT", "COMMIT");
}

Test(reload, who_waits_for_a_server_moves_to_the_new_shards)
{
    configure("pool_size = 1\n", NULL);
    EXPECT(console, "RELOAD", "RELOAD");
    PGconn *holder = connect_keyway(&keyway, NULL);
    EXPECT(holder, "BEGIN", "BEGIN");
    EXPECT(holder, "SELECT username FROM users WHERE username = 'q'", "q");
    cr_assert(PQsendQuery(client, "SELECT username FROM users WHERE username = 'q'"));
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "waiting", 1);
    write_order("shard2, shard0, shard1");
    EXPECT(console, "RELOAD", "RELOAD");
    bool timed_out;
    PGresult *result = next_result(client, 20000, &timed_out);
    cr_assert_not(timed_out, "it still waits");
    cr_expect_str_eq(PQgetvalue(result, 0, 0), "q");
    PQclear(result);
    PQfinish(holder);
}
