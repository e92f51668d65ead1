/*
 * drivers: what real drivers and ORMs see through Keyway must be what they see of one PostgreSQL.
 *
 *   drivers.test [--filter GLOB]      those drivers whose names match, e.g. 'psycopg*'
 *
 * A driver's script knows one server, that of the environment (PGHOST, PGPORT, …), and prints what it sees:
 * its transcript.  It runs once against one PostgreSQL and once against Keyway over three shards, each time
 * over tables made anew through the same door by setup.sql, and at its end rows_left.sql prints what it has
 * left behind.  Each flow of a transcript is one test.  transcript.h says what a transcript is.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/differential/endpoint.h"
#include "tests/drivers/transcript.h"
#include "tests/integration/cluster.h"

enum { SHARDS = 3, TIME_LIMIT = 240 /* seconds for one script */ };

struct driver {
    const char *name;
    const char *command; /* of a shell in tests/drivers; $WORK is a folder for what it makes */
};

/* Interpreters are Debian's, whatever else is called so on this machine: they have Debian's drivers. */
static const struct driver drivers[] = {
    {"psycopg2", "/usr/bin/python3 -BE psycopg2_flows.py"},
    {"psycopg", "/usr/bin/python3 -BE psycopg_flows.py"},
    {"asyncpg", "/usr/bin/python3 -BE asyncpg_flows.py"},
    {"pgjdbc", "javac -d $WORK -cp /usr/share/java/postgresql.jar Pgjdbc.java && java -cp "
               "$WORK:/usr/share/java/postgresql.jar Pgjdbc"},
    {"sqlalchemy", "/usr/bin/python3 -BE sqlalchemy_flows.py"},
    {"dbd-pg", "/usr/bin/perl dbd_pg_flows.pl"},
    {"ruby-pg", "/usr/bin/ruby ruby_pg_flows.rb"},
    {"django", "/usr/bin/python3 -BE django_flows.py"},
};

struct report {
    const char *filter;
    int passed, failed;
};

static void stop_on_signal(int number)
{
    cluster_destroy();
    _exit(128 + number);
}

/* ---- Keyway, with passwords and TLS ---- */

static void fail_to_write(const char *path)
{
    perror(path);
    cluster_destroy();
    exit(1);
}

static void write_users(void)
{
    char path[500];
    snprintf(path, sizeof path, "%s/users.txt", cluster_folder());
    FILE *file = fopen(path, "w");
    if (!file)
        fail_to_write(path);
    fprintf(file, "\"%s\" \"%s\"\n\"admin\" \"%s\"\n", getenv("PGUSER"), getenv("PGPASSWORD"),
            getenv("PGPASSWORD"));
    fclose(file);
}

static void write_tables(FILE *file)
{
    char line[1000];
    FILE *tables = fopen("tables.ini", "r");
    if (!tables)
        fail_to_write("tables.ini");
    while (fgets(line, sizeof line, tables))
        fputs(line, file);
    fclose(tables);
}

static struct endpoint start_keyway(void)
{
    struct endpoint keyway;
    FILE *file = endpoint_configure(&keyway);
    write_users();
    fprintf(
        file,
        "[keyway]\nlisten = 127.0.0.1:%d\nworkers = 2\nadmin_users = admin\nauth_file = users.txt\n"
        "client_tls_sslmode = allow\nclient_tls_cert_file = server.crt\nclient_tls_key_file = server.key\n",
        keyway.port);
    for (int i = 0; i < SHARDS; i++)
        fprintf(file, "[shard shard%d]\nconninfo = host=127.0.0.1 port=%d dbname=app user=%s password='%s'\n",
                i, cluster_port(i), getenv("PGUSER"), getenv("PGPASSWORD"));
    write_tables(file);
    endpoint_start(&keyway, file);
    return keyway;
}

/* ---- one driver ---- */

static void transcript_path(const struct driver *driver, const char *side, char *path, size_t size)
{
    snprintf(path, size, "%s/%s.%s", cluster_folder(), driver->name, side);
}

/* The script, between setup.sql and rows_left.sql; "== end" says that all three came to their end. */
static struct transcript run_driver(const struct driver *driver, const char *side, int port)
{
    char path[600];
    transcript_path(driver, side, path, sizeof path);
    int status = run("export PGPORT=%d WORK=%s && "
                     "{ psql -XqAt -v ON_ERROR_STOP=1 -f setup.sql && timeout -k 5 %d sh -c '%s' && "
                     "psql -XqAt -v ON_ERROR_STOP=1 -f rows_left.sql && echo '== end'; } > %s 2> %s.stderr",
                     port, cluster_folder(), TIME_LIMIT, driver->command, path, path);
    if (status != 0)
        run("echo '%s against %s ended with status %d:'; tail -n 30 %s.stderr", driver->name, side,
            status > 255 ? status >> 8 : status, path);
    return transcript_read(path);
}

static int compare_driver(const struct driver *driver, const struct transcript *reference,
                          const struct transcript *keyway)
{
    int failed = 0;
    for (int i = 0; i < reference->count; i++) {
        const char *difference = transcript_difference(reference, keyway, i);
        if (difference)
            printf("FAILED %s: %s: %s\n", driver->name, reference->flows[i].name, difference);
        failed += difference != NULL;
    }
    return failed;
}

static void show_difference(const struct driver *driver)
{
    char reference[600], keyway[600];
    transcript_path(driver, "postgresql", reference, sizeof reference);
    transcript_path(driver, "keyway", keyway, sizeof keyway);
    fflush(stdout);
    run("diff -U 2 --label 'one PostgreSQL' --label Keyway %s %s | head -n 200", reference, keyway);
}

static void try_driver(struct report *report, const struct driver *driver, const struct endpoint *endpoint)
{
    long start = milliseconds();
    struct transcript reference = run_driver(driver, "postgresql", cluster_port(CLUSTER_ORACLE));
    long middle = milliseconds();
    struct transcript keyway = run_driver(driver, "keyway", endpoint->port);
    long end = milliseconds();
    int failed = compare_driver(driver, &reference, &keyway);
    printf("%s: %d flows, %d failed; %.1f s of PostgreSQL, %.1f s of Keyway\n", driver->name, reference.count,
           failed, (double) (middle - start) / 1000.0, (double) (end - middle) / 1000.0);
    if (failed)
        show_difference(driver);
    fflush(stdout);
    report->passed += reference.count - failed;
    report->failed += failed;
    transcript_free(&reference);
    transcript_free(&keyway);
}

/* ---- all of them ---- */

static void try_drivers(struct report *report)
{
    struct endpoint keyway = start_keyway();
    for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
        if (fnmatch(report->filter, drivers[i].name, 0) == 0)
            try_driver(report, &drivers[i], &keyway);
    bool ended = endpoint_stop(&keyway, "three shards");
    report->passed += ended;
    report->failed += !ended;
}

/* Who runs the scripts owns the database on each server: they make schemas and tables. */
static bool hand_over_databases(void)
{
    int failed = 0;
    for (int i = 0; i < CLUSTER_SERVERS; i++)
        failed += run("psql -Xq -p %d -U postgres -d postgres -c 'ALTER DATABASE app OWNER TO scram_user'",
                      cluster_port(i)) != 0;
    return failed == 0;
}

static void set_environment(void)
{
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("PGHOST", "127.0.0.1", 1);
    setenv("PGDATABASE", "app", 1);
    setenv("PGUSER", "scram_user", 1);
    setenv("PGPASSWORD", "scram secret", 1);
}

static bool enter_source_folder(void)
{
    char folder[600];
    const char *source = getenv("SOURCE_DIR");
    snprintf(folder, sizeof folder, "%s/tests/drivers", source ? source : ".");
    if (chdir(folder) == 0)
        return true;
    fprintf(stderr, "%s: %s\n", folder, strerror(errno));
    return false;
}

static void read_arguments(struct report *report, int argc, char **argv)
{
    static const struct option options[] = {{"filter", required_argument, NULL, 'f'}, {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (option != 'f') {
            fprintf(stderr, "drivers.test [--filter GLOB]\n");
            exit(2);
        }
        report->filter = optarg;
    }
}

int main(int argc, char **argv)
{
    struct report report = {.filter = "*"};
    read_arguments(&report, argc, argv);
    set_environment();
    signal(SIGINT, stop_on_signal);
    signal(SIGTERM, stop_on_signal);
    signal(SIGPIPE, SIG_IGN);
    bool ready = enter_source_folder() && cluster_create("C") && hand_over_databases();
    if (ready)
        try_drivers(&report);
    cluster_destroy();
    if (!ready)
        return 1;
    printf("Synthesis: Tested: %d | Passing: %d | Failing: %d\n", report.passed + report.failed,
           report.passed, report.failed);
    return report.failed > 0;
}
