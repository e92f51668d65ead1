/*
 * TLS on both sides.  Clients are libpq's: what counts is whether they get in, and whether encrypted.
 */
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/console.h"
#include "tests/integration/watch.h"

static struct keyway keyway;

/* Settings with "%s" for the folder of the certificates. */
static void start_with(const char *settings, const char *conninfo)
{
    char text[2000], at_shards[1000];
    const char *folder = cluster_folder();
    snprintf(text, sizeof text,
             "client_tls_cert_file = %s/shown.crt\nclient_tls_key_file = %s/shown.key\nclient_tls_ca_file = "
             "%s/ca.crt\n%s",
             folder, folder, folder, settings);
    snprintf(at_shards, sizeof at_shards, conninfo ? conninfo : "", folder, folder, folder);
    cr_assert_eq(run("cd %s && cp server.crt shown.crt && cp server.key shown.key", folder), 0);
    keyway_start(&keyway, &(struct keyway_setup){.settings = text,
                                                 .database = "multi_shard_commit = best_effort\n",
                                                 .conninfo = at_shards});
}

static void stop(void)
{
    if (keyway.pid > 0)
        keyway_stop(&keyway);
}

TestSuite(tls, .fini = stop, .timeout = 120);

/* The client's certificate: one of the fixture's by its name, or "none". */
static PGconn *dial(const char *user, const char *sslmode, const char *certificate)
{
    char conninfo[1500];
    const char *folder = cluster_folder();
    snprintf(conninfo, sizeof conninfo,
             "dbname=app user=%s sslmode=%s sslcert=%s/%s.crt sslkey=%s/%s.key %s%s%s", user, sslmode, folder,
             certificate, folder, certificate, strncmp(sslmode, "verify", 6) == 0 ? "sslrootcert=" : "",
             strncmp(sslmode, "verify", 6) == 0 ? folder : "",
             strncmp(sslmode, "verify", 6) == 0 ? "/ca.crt" : "");
    return try_connect(&keyway, conninfo);
}

static const char *outcome(PGconn *conn)
{
    if (PQstatus(conn) != CONNECTION_OK)
        return "refused";
    char *answer = ask(conn, "SELECT 'works'");
    bool works = strcmp(answer, "works") == 0;
    free(answer);
    return !works ? "broken" : PQsslInUse(conn) ? "encrypted" : "plain";
}

static void expect_dial_at(int line, const char *sslmode, const char *certificate, const char *expected)
{
    PGconn *conn = dial("app", sslmode, certificate);
    const char *found = outcome(conn);
    cr_expect_str_eq(found, expected, "line %d: sslmode=%s with certificate %s is %s, not %s: %s", line,
                     sslmode, certificate, found, expected, PQerrorMessage(conn));
    PQfinish(conn);
}
#define EXPECT_DIAL(sslmode, certificate, expected) expect_dial_at(__LINE__, sslmode, certificate, expected)

/* --- what clients may do under each client_tls_sslmode
 * ------------------------------------------------------- */

Test(tls, off_has_none)
{
    start_with("client_tls_sslmode = off\n", NULL);
    EXPECT_DIAL("disable", "none", "plain");
    EXPECT_DIAL("prefer", "none", "plain");
    EXPECT_DIAL("require", "none", "refused");
    EXPECT_DIAL("verify-full", "client", "refused");
}

static void expect_as_the_client_likes(void)
{
    EXPECT_DIAL("disable", "none", "plain");
    EXPECT_DIAL("allow", "none", "plain");
    EXPECT_DIAL("prefer", "none", "encrypted");
    EXPECT_DIAL("require", "none", "encrypted");
    EXPECT_DIAL("verify-full", "none", "encrypted");
    EXPECT_DIAL("verify-full", "client", "encrypted");
}

Test(tls, allow_is_as_the_client_likes)
{
    start_with("client_tls_sslmode = allow\n", NULL);
    expect_as_the_client_likes();
}

Test(tls, prefer_is_as_the_client_likes)
{
    start_with("client_tls_sslmode = prefer\n", NULL);
    expect_as_the_client_likes();
}

Test(tls, require_takes_no_plain_clients)
{
    start_with("client_tls_sslmode = require\n", NULL);
    EXPECT_DIAL("disable", "none", "refused");
    EXPECT_DIAL("allow", "none", "encrypted");
    EXPECT_DIAL("prefer", "none", "encrypted");
    EXPECT_DIAL("require", "none", "encrypted");
    EXPECT_DIAL("verify-full", "client", "encrypted");
}

/* A certificate that signs itself. */
static void make_stranger(void)
{
    cr_assert_eq(run("cd %s && openssl req -x509 -newkey rsa:2048 -nodes -days 3 -subj /CN=app -keyout "
                     "stranger.key -out "
                     "stranger.crt 2> /dev/null && chmod 600 stranger.key",
                     cluster_folder()),
                 0);
}

static void expect_only_known_certificates(void)
{
    make_stranger();
    EXPECT_DIAL("disable", "none", "refused");
    EXPECT_DIAL("prefer", "none", "refused");
    EXPECT_DIAL("require", "none", "refused");
    EXPECT_DIAL("require", "stranger", "refused");
    EXPECT_DIAL("require", "client", "encrypted");
    EXPECT_DIAL("verify-full", "other", "encrypted");
}

Test(tls, verify_ca_takes_only_certificates_it_trusts)
{
    start_with("client_tls_sslmode = verify-ca\n", NULL);
    expect_only_known_certificates();
}

Test(tls, verify_full_is_the_same_on_this_side)
{
    start_with("client_tls_sslmode = verify-full\n", NULL);
    expect_only_known_certificates();
}

/* --- auth_method = cert
 * -------------------------------------------------------------------------------------- */

static void expect_login_at(int line, const char *user, const char *certificate, const char *expected)
{
    PGconn *conn = dial(user, "require", certificate);
    const char *found = outcome(conn);
    cr_expect_str_eq(found, expected, "line %d: %s with certificate %s is %s, not %s: %s", line, user,
                     certificate, found, expected, PQerrorMessage(conn));
    PQfinish(conn);
}
#define EXPECT_LOGIN(user, certificate, expected) expect_login_at(__LINE__, user, certificate, expected)

Test(tls, a_certificate_is_good_for_the_user_it_names_only)
{
    start_with("client_tls_sslmode = require\nauth_method = cert\n", NULL);
    EXPECT_LOGIN("app", "client", "encrypted");
    EXPECT_LOGIN("somebody", "other", "encrypted");
    EXPECT_LOGIN("app", "other", "refused");
    EXPECT_LOGIN("somebody", "client", "refused");
    EXPECT_LOGIN("app", "none", "refused");
    PGconn *conn = dial("app", "require", "other");
    cr_expect(strstr(PQerrorMessage(conn), "certificate authentication failed for user \"app\""), "%s",
              PQerrorMessage(conn));
    PQfinish(conn);
}

Test(tls, a_certificate_is_no_use_without_tls)
{
    start_with("client_tls_sslmode = require\nauth_method = cert\n", NULL);
    EXPECT_DIAL("disable", "client", "refused");
}

/* --- new certificates
 * ---------------------------------------------------------------------------------------- */

static char *shown_name(PGconn *conn)
{
    char name[200] = "";
    X509 *certificate = SSL_get1_peer_certificate(PQgetssl(conn));
    cr_assert(certificate);
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
    X509_free(certificate);
    return strdup(name);
}

static bool new_clients_see(const char *expected)
{
    PGconn *conn = dial("app", "require", "none");
    char *name = shown_name(conn);
    bool same = strcmp(name, expected) == 0;
    free(name);
    PQfinish(conn);
    return same;
}

static void replace_certificate(const char *with)
{
    cr_assert_eq(run("cd %s && cp %s.crt shown.crt && cp %s.key shown.key", cluster_folder(), with, with), 0);
}

Test(tls, a_reload_shows_the_new_certificate_to_new_clients)
{
    start_with("client_tls_sslmode = require\n", NULL);
    PGconn *old = dial("app", "require", "none"), *console = try_connect(&keyway, "dbname=keyway user=admin");
    cr_expect(new_clients_see("127.0.0.1"));
    replace_certificate("other");
    cr_expect(new_clients_see("127.0.0.1"));
    EXPECT(console, "RELOAD", "RELOAD");
    cr_expect(new_clients_see("somebody"));
    EXPECT(old, "SELECT 'still here'", "still here");
    EXPECT_LIKE(console, "SHOW VERSION", "Keyway");
    PQfinish(old);
    PQfinish(console);
}

Test(tls, sighup_does_the_same)
{
    start_with("client_tls_sslmode = require\n", NULL);
    PGconn *old = dial("app", "require", "none");
    replace_certificate("other");
    kill(keyway.pid, SIGHUP);
    long deadline = milliseconds() + 20000;
    while (!new_clients_see("somebody") && milliseconds() < deadline)
        pause_briefly();
    cr_expect(new_clients_see("somebody"));
    EXPECT(old, "SELECT 'still here'", "still here");
    PQfinish(old);
}

Test(tls, a_key_that_does_not_fit_keeps_the_old_certificate)
{
    start_with("client_tls_sslmode = require\n", NULL);
    PGconn *console = try_connect(&keyway, "dbname=keyway user=admin");
    cr_assert_eq(run("cp %s/other.crt %s/shown.crt", cluster_folder(), cluster_folder()), 0);
    EXPECT_ERROR(console, "RELOAD", "22023");
    cr_expect(new_clients_see("127.0.0.1"));
    PQfinish(console);
}

/* --- towards the shards
 * -------------------------------------------------------------------------------------- */

static const char *const encrypted_at_shard = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

Test(tls, sslmode_of_the_conninfo_decides_towards_the_shards)
{
    start_with("", "sslmode=disable");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, encrypted_at_shard, "f");
    PQfinish(conn);
    keyway_stop(&keyway);
    start_with("", "sslmode=require");
    conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, encrypted_at_shard, "t");
    EXPECT(conn, "SELECT count(*) FROM users", "0");
    PQfinish(conn);
}

Test(tls, verify_full_checks_the_shards_certificate)
{
    start_with("", "sslmode=verify-full sslrootcert=%s/ca.crt");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, encrypted_at_shard, "t");
    PQfinish(conn);
}

static void expect_no_database(const char *reason)
{
    PGconn *conn = try_connect(&keyway, "dbname=app user=app");
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD);
    cr_expect(strstr(PQerrorMessage(conn), reason), "no \"%s\" in: %s", reason, PQerrorMessage(conn));
    PQfinish(conn);
}

Test(tls, verify_full_refuses_a_shard_that_nobody_vouches_for)
{
    make_stranger();
    start_with("", "sslmode=verify-full sslrootcert=%s/stranger.crt");
    expect_no_database("certificate verify failed");
}

Test(tls, a_user_that_needs_tls_gets_in_with_it_only)
{
    start_with("", "user=tls_user sslmode=require");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT current_user", "tls_user");
    PQfinish(conn);
    keyway_stop(&keyway);
    start_with("", "user=tls_user sslmode=disable");
    expect_no_database("pg_hba.conf rejects connection");
}

Test(tls, a_user_that_needs_a_certificate_gets_in_with_it_only)
{
    start_with("", "user=cert_user sslmode=require sslcert=%s/client.crt sslkey=%s/client.key");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT current_user", "cert_user");
    PQfinish(conn);
    keyway_stop(&keyway);
    start_with("", "user=cert_user sslmode=require sslcert=%s/none.crt");
    expect_no_database("requires a valid client certificate");
}

/* --- clients that do nothing
 * --------------------------------------------------------------------------------------- */

enum { IDLE_CLIENTS = 1500, BYTES_EACH = 6 * 1024 };

Test(tls, idle_clients_cost_six_kilobytes_each_at_most)
{
    static PGconn *clients[IDLE_CLIENTS];
    if (sanitized())
        return;
    start_with("client_tls_sslmode = require\nmax_client_conn = 2000\n", NULL);
    PGconn *first = dial("app", "require", "none");
    EXPECT(first, "SELECT count(*) FROM users", "0");
    long before = keyway_rss_kb(&keyway);
    for (int i = 0; i < IDLE_CLIENTS; i++)
        clients[i] = dial("app", "require", "none");
    long each = (keyway_rss_kb(&keyway) - before) * 1024 / IDLE_CLIENTS;
    cr_expect_leq(each, BYTES_EACH, "an idle client costs %ld bytes", each);
    cr_expect_str_eq(outcome(clients[IDLE_CLIENTS - 1]), "encrypted");
    for (int i = 0; i < IDLE_CLIENTS; i++)
        PQfinish(clients[i]);
    PQfinish(first);
}

/* --- much through both
 * --------------------------------------------------------------------------------------- */

static PGconn *start_encrypted_everywhere(void)
{
    start_with("client_tls_sslmode = require\n", "sslmode=require");
    PGconn *conn = dial("app", "require", "none");
    cr_assert_str_eq(outcome(conn), "encrypted");
    EXPECT(conn, encrypted_at_shard, "t");
    return conn;
}

Test(tls, a_large_result_of_one_shard_passes)
{
    PGconn *conn = start_encrypted_everywhere();
    PGresult *result =
        PQexec(conn, "SELECT i, repeat(chr(97 + i % 26), 1000000) FROM generate_series(1, 40) AS i");
    cr_assert_eq(PQntuples(result), 40, "%s", PQerrorMessage(conn));
    for (int row = 0; row < 40; row++) {
        const char *text = PQgetvalue(result, row, 1);
        char letter[2] = {(char) ('a' + (row + 1) % 26)};
        cr_expect_eq(strspn(text, letter), 1000000, "row %d", row);
    }
    PQclear(result);
    PQfinish(conn);
}

Test(tls, a_large_result_of_all_shards_passes)
{
    PGconn *conn = start_encrypted_everywhere();
    load_tables(3, 200);
    PGresult *result = PQexec(conn, "SELECT username, repeat('y', 100000) FROM users ORDER BY username");
    cr_assert_eq(PQntuples(result), 200, "%s", PQerrorMessage(conn));
    for (int row = 0; row < 200; row++)
        cr_expect_eq(PQgetlength(result, row, 1), 100000);
    for (int row = 1; row < 200; row++)
        cr_expect_lt(strcmp(PQgetvalue(result, row - 1, 0), PQgetvalue(result, row, 0)), 0);
    PQclear(result);
    PQfinish(conn);
}

enum { COPIED = 6000, WIDE = 2000 };

static void copy_in(PGconn *conn)
{
    char row[WIDE + 100];
    PGresult *result = PQexec(conn, "COPY users (username, full_name) FROM STDIN");
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_IN, "%s", PQerrorMessage(conn));
    PQclear(result);
    for (int i = 0; i < COPIED; i++) {
        int length = snprintf(row, sizeof row, "%cuser%d\t%0*d\n", 'a' + i % 26, i, WIDE, i);
        cr_assert_eq(PQputCopyData(conn, row, length), 1);
    }
    cr_assert_eq(PQputCopyEnd(conn, NULL), 1);
    result = PQgetResult(conn);
    cr_expect_str_eq(PQcmdTuples(result), "6000", "%s", PQerrorMessage(conn));
    PQclear(result);
    cr_expect_null(PQgetResult(conn));
}

static void copy_out(PGconn *conn)
{
    int rows = 0, length;
    char *row;
    PGresult *result = PQexec(conn, "COPY users (username, full_name) TO STDOUT");
    cr_assert_eq(PQresultStatus(result), PGRES_COPY_OUT, "%s", PQerrorMessage(conn));
    PQclear(result);
    for (; (length = PQgetCopyData(conn, &row, 0)) > 0; rows++) {
        cr_expect_gt(length, WIDE);
        PQfreemem(row);
    }
    cr_expect_eq(rows, COPIED);
    result = PQgetResult(conn);
    cr_expect_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(conn));
    PQclear(result);
    cr_expect_null(PQgetResult(conn));
}

Test(tls, copy_passes_in_both_directions)
{
    PGconn *conn = start_encrypted_everywhere();
    copy_in(conn);
    EXPECT(conn, "SELECT count(*), sum(length(full_name)) FROM users", "6000|12000000");
    copy_out(conn);
    PQfinish(conn);
}

/* "abandoned": it ended without Terminate.  The other parts of the server's count are other tests'. */
static void expect_taken_leave(PGconn *watcher)
{
    char *before = ask(watcher, "SELECT sum(sessions_abandoned) FROM pg_stat_database");
    PGconn *console = connect_console(&keyway);
    EXPECT(console, "RECONNECT", "RECONNECT");
    expect_backends(0, 0);
    EXPECT(watcher, "SELECT sum(sessions_abandoned) FROM pg_stat_database", before);
    PQfinish(console);
    free(before);
}

Test(tls, servers_are_left_with_terminate_and_not_abandoned)
{
    static const char *const versions[] = {"TLSv1.2", "TLSv1.3"};
    for (int i = 0; i < 2; i++) {
        char conninfo[100];
        snprintf(conninfo, sizeof conninfo, "sslmode=require ssl_max_protocol_version=%s", versions[i]);
        start_with("", conninfo);
        PGconn *conn = connect_keyway(&keyway, NULL), *watcher = connect_server(0);
        EXPECT(conn, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()", versions[i]);
        expect_taken_leave(watcher);
        PQfinish(watcher);
        PQfinish(conn);
        keyway_stop(&keyway);
    }
}

/* The end of an encrypted client is noticed like that of any other. */
Test(tls, the_statement_of_a_client_that_is_gone_is_cancelled)
{
    PGconn *conn = start_encrypted_everywhere(), *holder = connect_server(0), *watcher = connect_server(0);
    EXPECT(holder, "BEGIN; LOCK TABLE users", "BEGIN\nLOCK TABLE");
    cr_assert(PQsendQuery(conn, "SELECT count(*) FROM users"));
    EXPECT_SOON(watcher, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "1", 20000);
    close(PQsocket(conn));
    EXPECT_SOON(watcher, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'", "0", 20000);
    PQfinish(holder);
    PQfinish(watcher);
}
