/*
 * The admin console: what it shows is true, and what it does, it does to the right ones.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/console.h"

static struct keyway keyway;
static PGconn *console, *client;

static const char *const of_zoe = "SELECT username FROM users WHERE username = 'zoe'";
static const char *const of_henry = "SELECT username FROM users WHERE username = 'henry'";

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){
                              .shards = 3, .settings = "pool_size = 4\n", .database = "pool_size = 1\n"});
    console = connect_console(&keyway);
    client = connect_keyway(&keyway, "application_name=tester");
    EXPECT(client, "INSERT INTO users (username, age) VALUES ('henry', 1)", "INSERT 0 1");
}

static void stop(void)
{
    PQfinish(client);
    PQfinish(console);
    keyway_stop(&keyway);
}

TestSuite(console, .init = start, .fini = stop, .timeout = 90);

/* --- what it shows
 * ------------------------------------------------------------------------------------------- */

Test(console, help_lists_the_commands_with_what_may_follow_them)
{
    cr_expect_eq(count_shown(console, "SHOW HELP", "command", "SHOW POOLS"), 1);
    cr_expect_eq(count_shown(console, "SHOW HELP", "command", "PAUSE [DATABASE]"), 1);
    cr_expect_eq(count_shown(console, "SHOW HELP", "command", "SHUTDOWN [WAIT_FOR_CLIENTS]"), 1);
}

Test(console, version_is_keyways)
{
    EXPECT_LIKE(console, "SHOW VERSION", "Keyway ");
}

Test(console, config_has_values_and_defaults)
{
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "value", "4");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "default", "20");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "pool_size", "changeable", "yes");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "listen", "changeable", "no");
    EXPECT_SHOWN(console, "SHOW CONFIG", "key", "auth_method", "value", "trust");
}

Test(console, databases_have_their_limits)
{
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "shards", "3");
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "pool_mode", "transaction");
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "pool_size", "1");
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "paused", "0");
}

Test(console, the_connections_of_a_database_are_counted)
{
    char *count = shown(console, "SHOW DATABASES", "name", "app", "current_connections");
    AWAIT_SHOWN(console, "SHOW SERVERS", "database", "app", atoi(count));
    cr_expect_geq(atoi(count), 1);
    free(count);
}

Test(console, pools_count_clients_and_servers_of_each_shard)
{
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "cl_active", "1");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "sv_idle", "1");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard0", "sv_idle", "0");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "pool_mode", "transaction");
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, of_henry, "henry");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "sv_active", "1");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "sv_idle", "0");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "cl_waiting", "0");
    EXPECT_SHOWN(console, "SHOW POOLS", "shard", "shard1", "maxwait", "0");
    EXPECT(client, "COMMIT", "COMMIT");
}

Test(console, clients_have_names_and_states)
{
    EXPECT_SHOWN(console, "SHOW CLIENTS", "application_name", "tester", "user", "app");
    EXPECT_SHOWN(console, "SHOW CLIENTS", "application_name", "tester", "state", "idle");
    EXPECT_SHOWN(console, "SHOW CLIENTS", "application_name", "tester", "addr", "127.0.0.1");
    EXPECT_SHOWN(console, "SHOW CLIENTS", "database", "keyway", "state", "active");
    PGresult *result = PQprepare(client, "one", of_zoe, 0, NULL);
    PQclear(result);
    EXPECT_SHOWN(console, "SHOW CLIENTS", "application_name", "tester", "prepared_statements", "1");
}

/* The backend's own number is that of the server the client is linked to. */
Test(console, servers_are_linked_to_their_clients)
{
    EXPECT(client, "BEGIN", "BEGIN");
    char *pid = ask(client, "SELECT pg_backend_pid()");
    char *id = shown(console, "SHOW CLIENTS", "application_name", "tester", "id");
    char *link = shown(console, "SHOW CLIENTS", "application_name", "tester", "link");
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", pid, "state", "active");
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", pid, "shard", "shard0");
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", pid, "link", id);
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", pid, "id", link);
    EXPECT(client, "COMMIT", "COMMIT");
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", pid, "state", "idle");
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", pid, "link", "");
    free(pid);
    free(id);
    free(link);
}

static long total(const char *counter)
{
    char column[60];
    snprintf(column, sizeof column, "total_%s", counter);
    char *text = shown(console, "SHOW STATS", "database", "app", column);
    cr_assert_not_null(text);
    long number = atol(text);
    free(text);
    return number;
}

Test(console, stats_count_what_was_asked)
{
    long queries = total("query_count"), transactions = total("xact_count"), single = total("single_count");
    long refused = total("refused_count"), multi = total("multi_count");
    EXPECT(client, of_zoe, "");
    EXPECT(client, "SELECT count(*) FROM users", "1");
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, of_henry, "henry");
    EXPECT(client, "COMMIT", "COMMIT");
    EXPECT_REFUSED(client, "SELECT ctid FROM users");
    cr_expect_eq(total("query_count") - queries, 6);
    cr_expect_eq(total("xact_count") - transactions, 4);
    cr_expect_eq(total("single_count") - single, 2);
    cr_expect_eq(total("multi_count") - multi, 1);
    cr_expect_eq(total("refused_count") - refused, 1);
}

Test(console, stats_count_bytes_and_time_while_the_client_is_there)
{
    long sent = total("sent"), received = total("received"), time = total("query_time");
    EXPECT_LIKE(client, "SELECT repeat('x', 100000), pg_sleep(0.1)", "xxx");
    cr_expect_gt(total("sent") - sent, 100000);
    cr_expect_gt(total("received") - received, 40);
    cr_expect_gt(total("query_time") - time, 99000);
    cr_expect_geq(total("xact_time"), total("query_time"));
}

Test(console, shards_are_up_with_their_versions)
{
    cr_expect_eq(count_shown(console, "SHOW SHARDS", "when_loaded", "up"), 3);
    char *version = shown(console, "SHOW SHARDS", "shard", "shard2", "version");
    cr_expect_eq(strncmp(version, "15", 2), 0);
    free(version);
    EXPECT_SHOWN(console, "SHOW SHARDS", "shard", "shard2", "collation", "C");
    EXPECT_SHOWN(console, "SHOW SHARDS", "shard", "shard2", "text_order", "keyway");
}

Test(console, keyspaces_ranges_and_tables_are_those_of_the_file)
{
    EXPECT(console, "SHOW KEYSPACES", "app|username|text|range|3");
    EXPECT(console, "SHOW RANGES",
           "app|username|shard0|-infinity|h\napp|username|shard1|h|q\napp|username|shard2|q|+infinity");
    EXPECT_SHOWN(console, "SHOW TABLES", "table", "follows", "key", "follower");
    EXPECT_SHOWN(console, "SHOW TABLES", "table", "follows", "keyspace", "username");
    EXPECT_SHOWN(console, "SHOW TABLES", "table", "countries", "kind", "reference");
    EXPECT_SHOWN(console, "SHOW TABLES", "table", "users", "problem", "");
}

Test(console, plans_count_their_hits)
{
    static const char *const cached = "select username from users where username = ?";
    EXPECT(client, of_zoe, "");
    char *text = shown(console, "SHOW PLANS", "statement", cached, "hits");
    cr_assert_not_null(text, "no plan for the normalised statement");
    int hits = atoi(text);
    free(text);
    EXPECT(client, of_henry, "henry");
    text = shown(console, "SHOW PLANS", "statement", cached, "hits");
    cr_expect_eq(atoi(text), hits + 1);
    free(text);
}

/* --- ROUTE
 * --------------------------------------------------------------------------------------------------- */

Test(console, route_says_where_a_statement_would_go)
{
    static const char *const one = "ROUTE 'SELECT * FROM users WHERE username = ''zoe'''";
    EXPECT_SHOWN(console, one, NULL, NULL, "kind", "single");
    EXPECT_SHOWN(console, one, NULL, NULL, "shards", "shard2");
    static const char *const all = "ROUTE 'SELECT count(*) FROM users'";
    EXPECT_SHOWN(console, all, NULL, NULL, "kind", "combine");
    EXPECT_SHOWN(console, all, NULL, NULL, "shards", "shard0, shard1, shard2");
    EXPECT_SHOWN(console, "ROUTE app 'SELECT username FROM users ORDER BY username'", NULL, NULL, "kind",
                 "merge");
    EXPECT_SHOWN(console, "ROUTE 'SELECT ctid FROM users'", NULL, NULL, "kind", "refuse");
}

Test(console, route_runs_nothing)
{
    EXPECT_LIKE(console, "ROUTE 'DELETE FROM users WHERE username = ''henry'''", "single");
    EXPECT(client, of_henry, "henry");
}

Test(console, route_refuses_what_it_cannot_look_at)
{
    EXPECT_ERROR(console, "ROUTE", "42601");
    EXPECT_ERROR(console, "ROUTE SELECT 1", "42601");
    EXPECT_ERROR(console, "ROUTE 'SELEC 1'", "42601");
    EXPECT_ERROR(console, "ROUTE nowhere 'SELECT 1'", "3D000");
}

/* --- who may use it, and what it does not know
 * --------------------------------------------------------------- */

Test(console, stats_users_may_look_but_not_touch)
{
    static const char *const forbidden[] = {"RELOAD",   "PAUSE",    "RESUME",     "RECONNECT",
                                            "KILL app", "SHUTDOWN", "SHOW CONFIG"};
    PGconn *stats = try_connect(&keyway, "dbname=keyway user=stats");
    EXPECT_LIKE(stats, "SHOW POOLS", "app|app|shard0");
    EXPECT_LIKE(stats, "ROUTE 'SELECT 1'", "single");
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        EXPECT_ERROR(stats, forbidden[i], "42501");
    PQfinish(stats);
    EXPECT(client, of_henry, "henry");
}

Test(console, others_are_turned_away)
{
    PGconn *other = try_connect(&keyway, "dbname=keyway user=app");
    cr_expect_eq(PQstatus(other), CONNECTION_BAD);
    cr_expect(strstr(PQerrorMessage(other), "may not use the console"), "%s", PQerrorMessage(other));
    PQfinish(other);
}

Test(console, bad_commands_are_errors_and_the_session_goes_on)
{
    EXPECT_ERROR(console, "SHOW NOTHING", "42601");
    EXPECT_ERROR(console, "SELECT 1", "42601");
    EXPECT_ERROR(console, "SHOW POOLS of app", "42601");
    EXPECT_ERROR(console, "SHOWPOOLS", "42601");
    EXPECT_ERROR(console, "SHUTDOWN SOMEHOW", "42601");
    EXPECT_ERROR(console, "PAUSE nowhere", "3D000");
    EXPECT_ERROR(console, "RESUME nowhere", "3D000");
    EXPECT_ERROR(console, "RECONNECT nowhere", "3D000");
    EXPECT_ERROR(console, "KILL nowhere", "3D000");
    EXPECT_ERROR(console, "KILL", "3D000");
    EXPECT(console, "", "EMPTY");
    EXPECT_LIKE(console, "  show\n version ; ", "Keyway ");
}

Test(console, the_extended_protocol_is_refused_clearly)
{
    char *answer = ask_params(console, "SHOW VERSION", 0, NULL);
    cr_expect(strstr(answer, "simple queries only"), "%s", answer);
    free(answer);
}

/* --- PAUSE, RECONNECT, KILL
 * ---------------------------------------------------------------------------------- */

static void expect_answer_later(PGconn *conn, const char *expected)
{
    bool timed_out;
    PGresult *result = next_result(conn, 20000, &timed_out);
    cr_assert_not(timed_out, "no answer");
    char *text = result_text(result);
    cr_expect_str_eq(text, expected);
    free(text);
    PQclear(result);
    cr_expect_null(PQgetResult(conn));
}

Test(console, statements_wait_while_their_database_is_paused)
{
    EXPECT(console, "PAUSE app", "PAUSE");
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "paused", "1");
    cr_assert(PQsendQuery(client, of_henry));
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "waiting", 1);
    EXPECT(console, "RESUME app", "RESUME");
    expect_answer_later(client, "henry");
    EXPECT_SHOWN(console, "SHOW DATABASES", "name", "app", "paused", "0");
}

Test(console, every_kind_of_statement_waits_and_goes_on)
{
    PGconn *many[3] = {connect_keyway(&keyway, NULL), connect_keyway(&keyway, NULL),
                       connect_keyway(&keyway, NULL)};
    EXPECT(console, "PAUSE", "PAUSE");
    cr_assert(PQsendQuery(many[0], "SELECT count(*) FROM users"));
    cr_assert(PQsendQuery(many[1], "BEGIN; INSERT INTO users (username) VALUES ('adam'); COMMIT"));
    cr_assert(PQsendQueryParams(many[2], of_henry, 0, NULL, NULL, NULL, NULL, 0));
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "waiting", 3);
    EXPECT_ON(0, "SELECT count(*) FROM users", "0");
    EXPECT(console, "RESUME", "RESUME");
    expect_answer_later(many[2], "henry");
    for (int i = 0; i < 3; i++) {
        for (PGresult *result; (result = PQgetResult(many[i]));)
            PQclear(result);
        PQfinish(many[i]);
    }
    EXPECT_ON(0, "SELECT username FROM users", "adam");
}

Test(console, a_transaction_that_has_begun_is_not_paused)
{
    EXPECT(client, "BEGIN", "BEGIN");
    EXPECT(client, of_henry, "henry");
    EXPECT(console, "PAUSE app", "PAUSE");
    EXPECT(client, "UPDATE users SET age = 2 WHERE username = 'henry'", "UPDATE 1");
    EXPECT(client, "COMMIT", "COMMIT");
    EXPECT(console, "RESUME app", "RESUME");
}

Test(console, reconnect_replaces_idle_servers_and_spares_those_in_use)
{
    static const char *const backend = "SELECT pg_backend_pid()";
    char *before = ask(client, backend);
    EXPECT(console, "RECONNECT app", "RECONNECT");
    char *after = ask(client, backend);
    cr_expect_str_neq(after, before);
    EXPECT(client, "BEGIN", "BEGIN");
    char *inside = ask(client, backend);
    EXPECT(console, "RECONNECT", "RECONNECT");
    EXPECT(client, backend, inside);
    EXPECT_SHOWN(console, "SHOW SERVERS", "remote_pid", inside, "close_needed", "1");
    EXPECT(client, "COMMIT", "COMMIT");
    AWAIT_SHOWN(console, "SHOW SERVERS", "remote_pid", inside, 0);
    free(before);
    free(after);
    free(inside);
}

Test(console, reconnect_and_reload_leave_a_client_what_its_server_keeps_for_it)
{
    static const char *const backend = "SELECT pg_backend_pid()";
    EXPECT(client, "CREATE TEMP TABLE mine (n int)", "CREATE TABLE");
    EXPECT(client, "INSERT INTO mine VALUES (7)", "INSERT 0 1");
    EXPECT(client, "SELECT pg_advisory_lock(7)", "");
    char *before = ask(client, backend);
    EXPECT(console, "RECONNECT", "RECONNECT");
    EXPECT(client, "SELECT n FROM mine", "7");
    EXPECT(console, "RELOAD", "RELOAD");
    for (int i = 0; i < 3; i++)
        EXPECT(client, "SELECT n FROM mine", "7");
    EXPECT(client, backend, before);
    EXPECT(client, "SELECT pg_advisory_unlock(7)", "t");
    EXPECT(client, "DISCARD ALL", "DISCARD ALL");
    AWAIT_SHOWN(console, "SHOW SERVERS", "remote_pid", before, 0);
    free(before);
}

Test(console, kill_disconnects_the_clients_of_a_database)
{
    PGconn *busy = connect_keyway(&keyway, NULL);
    cr_assert(PQsendQuery(busy, "SELECT pg_sleep(60)"));
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "active", 2); /* the console is one of them */
    EXPECT(console, "KILL app", "KILL");
    EXPECT_LIKE(client, of_henry, "killed by the administrator");
    PGresult *result = PQgetResult(busy);
    cr_expect_str_eq(PQresultErrorField(result, PG_DIAG_SQLSTATE), "57P01");
    PQclear(result);
    PQfinish(busy);
    PQreset(client);
    EXPECT(client, of_henry, "henry");
    AWAIT_SHOWN(console, "SHOW SERVERS", "state", "active", 0);
}
