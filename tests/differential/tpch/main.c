/*
 * tpch: the 22 queries of TPC-H to Keyway over four shards and to one PostgreSQL that holds all rows.
 *
 *   tpch.test [--scale FACTOR] [--filter GLOB] [--simple] [--serve]
 *
 * Without arguments: a small scale, all layouts, all queries, in all ways of asking.  --filter takes what
 * matches "LAYOUT/QNUMBER": 'hash/Q1'; --simple asks in the simple protocol only; --serve asks nothing, but
 * leaves the layout's servers to psql until it is interrupted.  Each query before each layout is one test,
 * which also fails if the query is refused: all of them can be answered.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/differential/endpoint.h"
#include "tests/differential/tpch/spread.h"
#include "tests/differential/trial.h"
#include "tests/integration/cluster.h"

enum { PATIENCE_MS = 600 * 1000 };

static const double usual_scale = 0.005;

struct report {
    double factor;
    const char *filter;
    bool simple, serve;
    int passed, failed;
};

static void stop_on_signal(int number)
{
    cluster_destroy();
    _exit(128 + number);
}

/* ---- one query ---- */

struct measured {
    enum verdict verdict;
    long keyway_ms, oracle_ms; /* in the simple protocol */
};

static int query_number(const struct entry *entry)
{
    return atoi(entry->comment + 1);
}

static struct measured ask(const struct report *report, struct bench *bench, const struct entry *entry)
{
    struct measured measured = {VERDICT_EQUAL, 0, 0};
    for (enum protocol protocol = 0; protocol < (report->simple ? 1 : PROTOCOLS); protocol++) {
        enum verdict verdict = trial_run_as(bench, entry, protocol);
        if (protocol == PROTOCOL_SIMPLE) {
            measured.keyway_ms = bench->keyway_ms;
            measured.oracle_ms = bench->oracle_ms;
        }
        if (verdict > measured.verdict)
            measured.verdict = verdict;
        if (verdict == VERDICT_DIFFERENT)
            break;
    }
    return measured;
}

/* Is there a row, and not one of NULLs alone, which aggregates make of nothing? */
static bool finds_something(const struct bench *bench, const struct entry *entry)
{
    PGresult *result = PQexec(bench->oracle.conn, entry->steps[0].sql);
    bool found = false;
    for (int i = 0; PQntuples(result) > 0 && i < PQnfields(result); i++)
        found |= !PQgetisnull(result, 0, i);
    PQclear(result);
    return found;
}

/* What keeps this verdict from being right; NULL: nothing. */
static const char *complaint(const struct bench *bench, const struct entry *entry, enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_EQUAL:
        return finds_something(bench, entry) ? NULL : "finds nothing: this scale does not test it";
    case VERDICT_REFUSED:
        return "is refused";
    case VERDICT_DIFFERENT:
        return "is answered wrongly";
    }
    return NULL;
}

static void run_query(struct report *report, struct bench *bench, const struct endpoint *keyway,
                      const struct entry *entry)
{
    static const char *const verdicts[] = {
        [VERDICT_EQUAL] = "equal", [VERDICT_REFUSED] = "refused", [VERDICT_DIFFERENT] = "DIFFERENT"};
    struct measured measured = ask(report, bench, entry);
    struct endpoint_route route = endpoint_route(keyway, entry->steps[0].sql);
    const char *wrong = complaint(bench, entry, measured.verdict);
    const char *reason = measured.verdict == VERDICT_REFUSED ? bench->reason : route.reason;
    printf("%-5s Q%-2d %7ld ms, PostgreSQL %5ld ms, %4d rows, %s; %.*s\n", bench->servers.layout->name,
           query_number(entry), measured.keyway_ms, measured.oracle_ms, bench->row_count,
           verdicts[measured.verdict], (int) strcspn(reason, "\n"), reason);
    if (wrong)
        printf("FAILED %s Q%d %s\n", bench->servers.layout->name, query_number(entry), wrong);
    *(wrong ? &report->failed : &report->passed) += 1;
    fflush(stdout);
    endpoint_route_free(&route);
}

/* ---- one layout ---- */

static void source_path(char *path, size_t size, const char *name)
{
    const char *folder = getenv("SOURCE_DIR");
    snprintf(path, size, "%s/tests/differential/tpch%s", folder ? folder : ".", name);
}

static char *read_setup(void)
{
    char path[500], *text = NULL;
    size_t size = 0;
    source_path(path, sizeof path, "/setup.sql");
    FILE *file = fopen(path, "r");
    if (!file || getdelim(&text, &size, 0, file) < 0) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return text;
}

static bool is_chosen(const struct report *report, const struct spread *spread, const struct entry *entry)
{
    char name[40];
    snprintf(name, sizeof name, "%s/Q%d", spread->layout.name, query_number(entry));
    return fnmatch(report->filter, name, 0) == 0;
}

static bool spread_is_chosen(const struct report *report, const struct spread *spread,
                             const struct corpus *corpus)
{
    for (int i = 0; i < corpus->count; i++)
        if (is_chosen(report, spread, &corpus->entries[i]))
            return true;
    return false;
}

static void serve(int port)
{
    printf("psql -h 127.0.0.1 -p %d -U app app\n", port);
    fflush(stdout);
    for (;;)
        pause(); /* stop_on_signal() ends it */
}

static void run_layout(struct report *report, const struct spread *spread, const struct corpus *corpus)
{
    struct scale scale = scale_of(report->factor);
    struct endpoint keyway;
    char *setup = read_setup();
    long started = milliseconds();
    struct bench bench = {.servers = spread_load(spread, &scale, setup), .patience_ms = PATIENCE_MS};
    FILE *configuration = endpoint_configure(&keyway);
    spread_write_configuration(spread, &scale, keyway.port, configuration);
    endpoint_start(&keyway, configuration);
    printf("%s: scale %g, loaded in %ld ms\n", spread->layout.name, report->factor, milliseconds() - started);
    if (report->serve)
        serve(keyway.port);
    bench.port = keyway.port;
    bench_connect(&bench);
    for (int i = 0; i < corpus->count; i++)
        if (is_chosen(report, spread, &corpus->entries[i]))
            run_query(report, &bench, &keyway, &corpus->entries[i]);
    bench_disconnect(&bench);
    report->failed += !endpoint_stop(&keyway, spread->layout.name);
    layout_unload(&bench.servers);
    free(bench.reason);
    free(setup);
}

/* ---- the program ---- */

/* Query 11 looks for a fraction that goes by the scale. */
static void fill_in_fraction(struct corpus *corpus, double factor)
{
    static const char name[] = ":fraction";
    for (int i = 0; i < corpus->count; i++) {
        struct step *step = corpus->entries[i].steps;
        char *at = strstr(step->sql, name), *filled;
        if (!at)
            continue;
        if (asprintf(&filled, "%.*s%.10f%s", (int) (at - step->sql), step->sql, 0.0001 / factor,
                     at + strlen(name)) < 0)
            abort();
        free(step->sql);
        step->sql = filled;
    }
}

static void usage(void)
{
    fprintf(stderr, "tpch.test [--scale FACTOR] [--filter GLOB] [--simple] [--serve]\n");
    exit(2);
}

static const struct option options[] = {
    {"scale", required_argument, NULL, 's'},
    {"filter", required_argument, NULL, 'f'},
    {"simple", no_argument, NULL, 'p'},
    {"serve", no_argument, NULL, 'l'},
    {0},
};

static void read_argument(struct report *report, int option)
{
    switch (option) {
    case 's':
        report->factor = atof(optarg);
        break;
    case 'f':
        report->filter = optarg;
        break;
    case 'p':
        report->simple = true;
        break;
    case 'l':
        report->serve = true;
        break;
    default:
        usage();
    }
}

static void read_arguments(struct report *report, int argc, char **argv)
{
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
        read_argument(report, option);
    if (optind < argc || report->factor < 0.0025)
        usage();
}

int main(int argc, char **argv)
{
    struct report report = {.factor = usual_scale, .filter = "*"};
    char folder[500];
    setenv("LC_ALL", "C.UTF-8", 1);
    read_arguments(&report, argc, argv);
    source_path(folder, sizeof folder, "");
    struct corpus corpus = corpus_read(folder);
    fill_in_fraction(&corpus, report.factor);
    signal(SIGINT, stop_on_signal);
    signal(SIGTERM, stop_on_signal);
    signal(SIGPIPE, SIG_IGN);
    bool ready = cluster_create("C");
    for (int i = 0; ready && i < spread_count; i++)
        if (spread_is_chosen(&report, &spreads[i], &corpus))
            run_layout(&report, &spreads[i], &corpus);
    cluster_destroy();
    corpus_free(&corpus);
    printf("Synthesis: Tested: %d | Passing: %d | Failing: %d\n", report.passed + report.failed,
           report.passed, report.failed);
    return !ready || report.failed > 0;
}
