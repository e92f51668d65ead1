/*
 * The tables are users, posts and follows, sharded by user name, and countries, a full copy on every shard.
 * The shards' ranges are plain letters, so that a test can say where a row must be.
 */
#include "tests/integration/fixture.h"

#include <assert.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/integration/process.h"

/* Where ranges begin, over 1, 3 and 7 shards. */
static const char *const bounds_of_1[] = {"-infinity", "+infinity"};
static const char *const bounds_of_3[] = {"-infinity", "h", "q", "+infinity"};
static const char *const bounds_of_7[] = {"-infinity", "d", "g", "j", "m", "q", "u", "+infinity"};

static const char *const *bounds_of(int shards)
{
    return shards == 1 ? bounds_of_1 : shards == 3 ? bounds_of_3 : bounds_of_7;
}

static const char *const make_tables =
    "SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
    "CREATE TABLE users (username text PRIMARY KEY, full_name text, email text, age integer, karma bigint,"
    " balance numeric(12,2), score double precision, active boolean, country text, born date, created "
    "timestamptz,"
    " tags text[], title text COLLATE \"en-x-icu\");"
    "CREATE TABLE posts (username text NOT NULL, id integer NOT NULL, body text, likes integer, posted "
    "timestamptz,"
    " PRIMARY KEY (username, id));"
    "CREATE TABLE follows (follower text NOT NULL, followee text NOT NULL, since date, PRIMARY KEY "
    "(follower, followee));"
    "CREATE TABLE countries (code text PRIMARY KEY, name text, population bigint);";

/* What is filled stays filled when its server is killed at once. */
static const char *const fill_tables =
    "SET synchronous_commit = on;"
    "INSERT INTO countries VALUES "
    "('de','Germany',83000000),('fr','France',68000000),('in','India',1400000000),"
    "('jp','Japan',125000000),('zz',NULL,NULL);"
    "CREATE TEMP TABLE names AS SELECT i, CASE i WHEN 1 THEN '' WHEN 2 THEN 'h' WHEN 3 THEN 'q' WHEN 4 THEN "
    "'Zed'"
    "  WHEN 5 THEN 'o''brien' WHEN 6 THEN 'back\\slash' WHEN 7 THEN U&'\\00e9lan' WHEN 8 THEN 'a b' WHEN 9 "
    "THEN 'm'"
    "  WHEN 10 THEN U&'\\4e2d\\6587' ELSE chr(97 + i %% 26) || 'user' || i END AS username"
    "  FROM generate_series(1, %d) AS i;"
    "INSERT INTO users SELECT username, CASE WHEN i %% 11 = 0 THEN NULL WHEN i %% 13 = 0 THEN '' ELSE 'Name "
    "' || i %% 17 END,"
    "  username || '@example.org', NULLIF(i %% 60, 7), i * 7919 %% 1000 - 100, round(i * 37 / 7.0, 2),"
    "  CASE WHEN i %% 19 = 0 THEN 'NaN' WHEN i %% 23 = 0 THEN '-Infinity' ELSE i / 8.0 END, NULLIF(i %% 3, "
    "2) = 1,"
    "  (ARRAY['de','fr','in','jp','xx',NULL])[i %% 6 + 1], date '1970-01-01' + i * 13 %% 9000,"
    "  timestamptz '2024-01-01 00:00:00+00' + i * interval '1 hour 7 seconds',"
    "  CASE WHEN i %% 5 = 0 THEN NULL ELSE ARRAY['t' || i %% 3, 't' || i %% 4] END,"
    "  (ARRAY['alpha','Beta','gamma','beta','Alpha',NULL])[i %% 6 + 1] FROM names WHERE %s;"
    "INSERT INTO posts SELECT username, p, CASE WHEN p = 3 THEN NULL ELSE 'post ' || p || ' of ' || username "
    "END, i * p %% 97,"
    "  timestamptz '2024-02-01 00:00:00+00' + i * p * interval '11 minutes'"
    "  FROM names, generate_series(1, i %% 5) AS p WHERE %s;"
    "INSERT INTO follows SELECT a.username, b.username, NULLIF(date '2024-03-01' + a.i %% 9, '2024-03-04')"
    "  FROM names a JOIN names b ON b.i IN ((a.i * 31 + 7) %% %d + 1, (a.i * 17 + 3) %% %d + 1) WHERE a.%s;"
    "DROP TABLE names;"
    "ANALYZE users, posts, follows, countries;";

bool sanitized(void)
{
    return getenv("ASAN_OPTIONS") || getenv("TSAN_OPTIONS");
}

/* A statement, or several in one transaction, on its way to a server; the servers work side by side. */
struct errand {
    PGconn *conn;
    int server;
};

static struct errand send_to(int server, const char *sql)
{
    struct errand errand = {.conn = connect_server(server), .server = server};
    cr_assert(PQsendQuery(errand.conn, sql), "server %d: %s", server, PQerrorMessage(errand.conn));
    return errand;
}

static void await_errand(struct errand *errand)
{
    for (PGresult *result; (result = PQgetResult(errand->conn)); PQclear(result)) {
        ExecStatusType status = PQresultStatus(result);
        cr_assert(status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK, "server %d: %s", errand->server,
                  PQerrorMessage(errand->conn));
    }
    PQfinish(errand->conn);
}

/* The condition that holds for the rows of one shard. */
static void condition_of(int shard, int shards, char *text, size_t size)
{
    const char *const *bounds = bounds_of(shards);
    char lower[60] = "true", upper[60] = "true";
    if (shard > 0)
        snprintf(lower, sizeof lower, "username >= '%s'", bounds[shard]);
    if (shard < shards - 1)
        snprintf(upper, sizeof upper, "username < '%s'", bounds[shard + 1]);
    snprintf(text, size, "username IS NOT NULL AND %s AND %s", lower, upper);
}

/* In the last INSERT the name is qualified: "a.username IS NOT NULL AND (…)" through a subselect would be
 * longer. */
static void qualify(const char *condition, char *text, size_t size)
{
    text[0] = 0;
    for (const char *at = condition; *at;) {
        size_t length = strlen(text);
        if (strncmp(at, "username", 8) == 0 && at != condition) {
            snprintf(text + length, size - length, "a.username");
            at += 8;
        } else {
            snprintf(text + length, size - length, "%c", *at++);
        }
    }
}

void load_tables(int shards, int users)
{
    struct errand errands[CLUSTER_SERVERS];
    for (int i = 0; i <= shards; i++) {
        char condition[200] = "username IS NOT NULL", qualified[260], sql[8000];
        bool is_oracle = i == shards;
        if (!is_oracle)
            condition_of(i, shards, condition, sizeof condition);
        qualify(condition, qualified, sizeof qualified);
        int length = snprintf(sql, sizeof sql, "%s", is_oracle ? make_tables : "");
        snprintf(sql + length, sizeof sql - (size_t) length, fill_tables, users, condition, condition, users, users, qualified);
        errands[i] = send_to(is_oracle ? CLUSTER_ORACLE : i, sql);
    }
    for (int i = 0; i <= shards; i++)
        await_errand(&errands[i]);
}

static bool says(const char *lines, const char *key)
{
    return lines && strstr(lines, key);
}

static void write_keyspaces(FILE *file, int shards)
{
    const char *const *bounds = bounds_of(shards);
    fprintf(file, "[keyspace app.username]\ntype = text\nmethod = range\n");
    for (int i = 0; i < shards; i++)
        fprintf(file, "range = shard%d [%s, %s)\n", i, bounds[i], bounds[i + 1]);
    fprintf(file, "[table app.users]\nkeyspace = username\nkey = username\n"
                  "[table app.posts]\nkeyspace = username\nkey = username\n"
                  "[table app.follows]\nkeyspace = username\nkey = follower\n"
                  "[table app.countries]\nreference = yes\n");
}

void keyway_configure(struct keyway *keyway, const struct keyway_setup *setup)
{
    FILE *file = fopen(keyway->file, "w");
    cr_assert(file, "cannot write %s", keyway->file);
    fprintf(file, "[keyway]\nlisten = 127.0.0.1:%d\nadmin_users = admin\nstats_users = stats\n",
            keyway->port);
    if (!says(setup->settings, "workers"))
        fprintf(file, "workers = 2\n");
    if (getenv("KEYWAY_IO"))
        fprintf(file, "io = %s\n", getenv("KEYWAY_IO"));
    if (!says(setup->settings, "auth_method"))
        fprintf(file, "auth_method = trust\n");
    if (!says(setup->settings, "server_login_retry"))
        fprintf(file, "server_login_retry = 200ms\n");
    fprintf(file, "%s", setup->settings ? setup->settings : "");
    for (int i = 0; i < keyway->shards; i++)
        fprintf(file, "[shard shard%d]\nconninfo = host=127.0.0.1 port=%d dbname=app %s %s\n", i,
                cluster_port(i), says(setup->conninfo, "user=") ? "" : "user=app",
                setup->conninfo ? setup->conninfo : "");
    fprintf(file, "[database app]\nshards = ");
    for (int i = 0; i < keyway->shards; i++)
        fprintf(file, "%sshard%d", i ? ", " : "", i);
    fprintf(file, "\n%s", setup->database ? setup->database : "");
    if (!setup->plain)
        write_keyspaces(file, keyway->shards);
    fprintf(file, "%s", setup->sections ? setup->sections : "");
    fclose(file);
}

void keyway_start(struct keyway *keyway, const struct keyway_setup *setup)
{
    static int number;
    *keyway = (struct keyway){.port = free_port(),
                              .shards = setup->plain    ? 1
                                        : setup->shards ? setup->shards
                                                        : 3};
    snprintf(keyway->file, sizeof keyway->file, "%s/keyway-%d-%d.ini", cluster_folder(), (int) getpid(),
             ++number);
    snprintf(keyway->log, sizeof keyway->log, "%s/keyway-%d-%d.log", cluster_folder(), (int) getpid(),
             number);
    cluster_ensure();
    struct errand errands[CLUSTER_SHARDS];
    int changed = setup->keep_tables ? 0 : keyway->shards;
    for (int i = 0; i < changed; i++)
        errands[i] = send_to(i, make_tables);
    for (int i = 0; i < changed; i++)
        await_errand(&errands[i]);
    keyway_configure(keyway, setup);
    struct rlimit files = {.rlim_cur = 10000, .rlim_max = 10000};
    setrlimit(RLIMIT_NOFILE, &files);
    keyway->pid = process_start(keyway->file, keyway->log);
    if (!process_await(keyway->pid, keyway->port)) {
        process_show_log(keyway->log);
        cr_assert_fail("keyway did not start");
    }
}

int keyway_wait(struct keyway *keyway, int timeout_ms)
{
    int status = process_wait(keyway->pid, timeout_ms);
    if (status != -1)
        keyway->pid = 0;
    return status;
}

void keyway_stop(struct keyway *keyway)
{
    cr_assert(keyway->pid > 0, "keyway is not running");
    kill(keyway->pid, SIGINT);
    pid_t pid = keyway->pid;
    int status = keyway_wait(keyway, 20000);
    if (status != 0) {
        cluster_note_failure();
        process_show_log(keyway->log);
    }
    if (status == -1) {
        kill(pid, SIGKILL);
        cr_assert_fail("keyway did not stop within 20 s of SIGINT");
    }
    cr_assert_eq(status, 0, "keyway ended with status %d", status);
}

long keyway_rss_kb(const struct keyway *keyway)
{
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int) keyway->pid);
    FILE *file = fopen(path, "r");
    cr_assert(file, "keyway is gone");
    cr_assert_eq(fscanf(file, "%*d %ld", &pages), 1);
    fclose(file);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

double keyway_cpu_seconds(const struct keyway *keyway)
{
    char path[64];
    unsigned long user = 0, system_time = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int) keyway->pid);
    FILE *file = fopen(path, "r");
    cr_assert(file, "keyway is gone");
    int found =
        fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system_time);
    fclose(file);
    cr_assert_eq(found, 2);
    return (double) (user + system_time) / (double) sysconf(_SC_CLK_TCK);
}

bool keyway_log_contains(const struct keyway *keyway, const char *text)
{
    char line[4096];
    bool found = false;
    FILE *file = fopen(keyway->log, "r");
    while (file && !found && fgets(line, sizeof line, file))
        found = strstr(line, text) != NULL;
    if (file)
        fclose(file);
    return found;
}
