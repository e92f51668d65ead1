/*
 * Who gets in: clients by each auth_method, and Keyway itself at its shards.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;

static void stop(void)
{
    if (keyway.pid > 0)
        keyway_stop(&keyway);
}

TestSuite(logins, .fini = stop, .timeout = 90);

/* --- clients: each user's password is "NAME secret", kept in another form
 * ------------------------------------ */

static void write_users(const char *file)
{
    FILE *out = fopen(file, "w");
    PGconn *conn = connect_server(0);
    char *md5 = PQencryptPasswordConn(conn, "hashed secret", "hashed", "md5");
    char *scram = PQencryptPasswordConn(conn, "salted secret", "salted", "scram-sha-256");
    fprintf(out, "\"plain\" \"plain secret\"\n\"hashed\" \"%s\"\n\"salted\" \"%s\"\n\"none\" \"\"\n", md5,
            scram);
    fclose(out);
    PQfreemem(md5);
    PQfreemem(scram);
    PQfinish(conn);
}

static void start_with_method(const char *method)
{
    char file[300], settings[500];
    snprintf(file, sizeof file, "%s/users.txt", cluster_folder());
    snprintf(settings, sizeof settings, "auth_method = %s\nauth_file = %s\n", method, file);
    cluster_ensure();
    write_users(file);
    keyway_start(&keyway, &(struct keyway_setup){.settings = settings});
}

static PGconn *login(const char *user, const char *password)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "dbname=app user=%s password='%s'", user, password);
    return try_connect(&keyway, conninfo);
}

static void expect_in_at(int line, const char *user)
{
    char password[60];
    snprintf(password, sizeof password, "%s secret", user);
    PGconn *conn = login(user, password);
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "line %d: %s: %s", line, user, PQerrorMessage(conn));
    EXPECT(conn, "SELECT count(*) FROM users", "0");
    PQfinish(conn);
}

static void expect_out_at(int line, const char *user, const char *password)
{
    char reason[100];
    snprintf(reason, sizeof reason, "password authentication failed for user \"%s\"", user);
    PGconn *conn = login(user, password);
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD, "line %d: %s got in with '%s'", line, user, password);
    cr_expect(strstr(PQerrorMessage(conn), reason), "line %d: %s: %s", line, user, PQerrorMessage(conn));
    PQfinish(conn);
}
#define EXPECT_IN(user)            expect_in_at(__LINE__, user)
#define EXPECT_OUT(user, password) expect_out_at(__LINE__, user, password)

/* Nobody can find out which users there are. */
static void expect_wrong_ones_out(void)
{
    EXPECT_OUT("plain", "wrong");
    EXPECT_OUT("hashed", "wrong");
    EXPECT_OUT("salted", "wrong");
    EXPECT_OUT("none", "wrong");
    EXPECT_OUT("nobody", "wrong");
}

Test(logins, trust_asks_for_nothing)
{
    start_with_method("trust");
    EXPECT_IN("plain");
    EXPECT_IN("nobody");
}

Test(logins, password_compares_with_every_kind_of_secret)
{
    start_with_method("password");
    EXPECT_IN("plain");
    EXPECT_IN("hashed");
    EXPECT_IN("salted");
    expect_wrong_ones_out();
}

Test(logins, md5_takes_scram_secrets_by_scram)
{
    start_with_method("md5");
    EXPECT_IN("plain");
    EXPECT_IN("hashed");
    EXPECT_IN("salted");
    expect_wrong_ones_out();
}

Test(logins, scram_cannot_be_done_with_an_md5_secret)
{
    start_with_method("scram-sha-256");
    EXPECT_IN("plain");
    EXPECT_IN("salted");
    EXPECT_OUT("hashed", "hashed secret");
    expect_wrong_ones_out();
}

Test(logins, without_a_password_nobody_gets_in)
{
    start_with_method("scram-sha-256");
    PGconn *conn = try_connect(&keyway, "dbname=app user=plain passfile=/nonexistent");
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD);
    cr_expect(PQconnectionNeedsPassword(conn));
    PQfinish(conn);
}

Test(logins, scram_binds_to_the_channel_under_tls)
{
    char file[300], settings[1500];
    const char *folder = cluster_folder();
    cluster_ensure();
    snprintf(file, sizeof file, "%s/users.txt", folder);
    write_users(file);
    snprintf(settings, sizeof settings,
             "auth_method = scram-sha-256\nauth_file = %s\nclient_tls_sslmode = "
             "require\nclient_tls_cert_file = %s/server.crt\n"
             "client_tls_key_file = %s/server.key\n",
             file, folder, folder);
    keyway_start(&keyway, &(struct keyway_setup){.settings = settings});
    PGconn *conn = try_connect(
        &keyway, "dbname=app user=salted password='salted secret' sslmode=require channel_binding=require");
    cr_expect_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    PQfinish(conn);
}

/* A changed auth_file counts after a reload, for those who come then. */
Test(logins, a_reload_reads_the_users_again)
{
    start_with_method("md5");
    PGconn *inside = login("plain", "plain secret");
    cr_assert_eq(run("echo '\"plain\" \"new secret\"' > %s/users.txt", cluster_folder()), 0);
    cr_assert_eq(run("echo '\"admin\" \"admin secret\"' >> %s/users.txt", cluster_folder()), 0);
    EXPECT_OUT("plain", "new secret");
    kill(keyway.pid, SIGHUP);
    long deadline = milliseconds() + 20000;
    PGconn *conn = login("plain", "new secret");
    while (PQstatus(conn) != CONNECTION_OK && milliseconds() < deadline) {
        PQfinish(conn);
        conn = login("plain", "new secret");
    }
    cr_expect_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
    EXPECT_OUT("plain", "plain secret");
    EXPECT(inside, "SELECT 1", "1");
    PQfinish(inside);
    PQfinish(conn);
}

/* --- Keyway at its shards
 * ------------------------------------------------------------------------------------ */

static void expect_logged_in_as(const char *conninfo, const char *user)
{
    keyway_start(&keyway, &(struct keyway_setup){.conninfo = conninfo});
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT current_user", user);
    PQfinish(conn);
}

Test(logins, at_a_shard_by_scram)
{
    expect_logged_in_as("user=scram_user password='scram secret'", "scram_user");
}

Test(logins, at_a_shard_by_md5)
{
    expect_logged_in_as("user=md5_user password='md5 secret'", "md5_user");
}

Test(logins, at_a_shard_by_password)
{
    expect_logged_in_as("user=password_user password='plain secret'", "password_user");
}

Test(logins, a_wrong_password_at_the_shards_is_told_to_the_client)
{
    keyway_start(&keyway, &(struct keyway_setup){.conninfo = "user=scram_user password=wrong"});
    PGconn *conn = try_connect(&keyway, "dbname=app user=app");
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD);
    cr_expect(strstr(PQerrorMessage(conn), "password authentication failed for user \"scram_user\""), "%s",
              PQerrorMessage(conn));
    PQfinish(conn);
}

Test(logins, a_user_section_says_who_logs_in_for_a_client)
{
    keyway_start(&keyway, &(struct keyway_setup){
                              .sections = "[user reader]\nuser = scram_user\npassword = 'scram secret'\n"
                                          "[user mistaken]\nuser = scram_user\npassword = wrong\n"});
    PGconn *conn = try_connect(&keyway, "dbname=app user=reader");
    EXPECT(conn, "SELECT current_user", "scram_user");
    PQfinish(conn);
    conn = try_connect(&keyway, "dbname=app user=mistaken");
    EXPECT_LIKE(conn, "SELECT current_user", "could not log in at shard");
    PQfinish(conn);
    conn = connect_keyway(&keyway, NULL);
    EXPECT(conn, "SELECT current_user", "app");
    PQfinish(conn);
}
