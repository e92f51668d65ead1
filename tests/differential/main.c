/*
 * differential: the same statements to Keyway and to one PostgreSQL that holds all rows.
 *
 *   differential.test                                 the corpus and 20000 random statements, under locale C;
 *                                                     then under the others the corpus over one layout and
 *                                                     2000 random statements over another
 *   differential.test --locale L [--brief]            all of it under one locale, or as much as of the others
 *   differential.test --filter GLOB                   of the corpus, what matches "LAYOUT/FILE:LINE":
 * '3/joins:*' differential.test --random N [--seed S] [--first I]     random statements only
 *
 * Under C unless --locale says otherwise: C.UTF-8, en_US.UTF-8, icu:en-US.  --refusals names each of them.
 *
 * Each entry of the corpus before each layout is one test.  It is equal, or refused (0A000 with DETAIL and
 * HINT, and nothing changed), or different; only the last is a failure.  The tally says which kinds of plans
 * answered and what was refused why.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/differential/endpoint.h"
#include "tests/differential/random.h"
#include "tests/differential/tally.h"
#include "tests/differential/trial.h"
#include "tests/integration/cluster.h"

enum { RANDOM_STATEMENTS = 20000, BRIEF_STATEMENTS = 2000 };

static const char *const other_locales[] = {"C.UTF-8", "en_US.UTF-8", "icu:en-US"};

/* The layouts of a brief run: of the corpus, and of random statements. */
static const char brief_corpus[] = "3", brief_random[] = "7";

struct report {
    const char *locale; /* of the databases */
    bool everywhere;    /* the others follow */
    bool brief;
    const char *filter;
    bool refusals;    /* name each of them */
    int first, count; /* random statements, under one locale */
    int statements;   /* … under all of them */
    unsigned long long seed;
    int verdicts[VERDICT_DIFFERENT + 1];
    int invalid, with_rows; /* random statements */
    struct tally kinds, reasons, errors;
    int foreign_types;
};

static void stop_on_signal(int number)
{
    cluster_destroy();
    _exit(128 + number);
}

/* ---- the tally ---- */

/* Names differ from statement to statement; the reason is what is left. */
static char *reason_without_names(const char *detail)
{
    char *reason;
    size_t size;
    FILE *stream = open_memstream(&reason, &size);
    for (const char *at = detail; *at; at++) {
        const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;
        fputs(end ? "\"…\"" : (char[]){*at, '\0'}, stream);
        at = end ? end : at;
    }
    fclose(stream);
    return reason;
}

static const char *const verdict_names[] = {
    [VERDICT_EQUAL] = "equal", [VERDICT_REFUSED] = "refused", [VERDICT_DIFFERENT] = "different"};

static void count_kind(struct report *report, const struct endpoint *keyway, const struct entry *entry,
                       enum verdict verdict)
{
    char name[80];
    const char *sql = entry->steps[0].sql;
    struct endpoint_route route = endpoint_route(keyway, sql);
    const char *kind = entry->section == SECTION_SCRIPT ? "script"
                       : entry->steps[0].value_count    ? "with parameters"
                                                        : route.kind;
    snprintf(name, sizeof name, "%s, %s", kind, verdict_names[verdict]);
    tally_add(&report->kinds, name, sql);
    endpoint_route_free(&route);
}

static void count(struct report *report, struct bench *bench, const struct endpoint *keyway,
                  const struct entry *entry, enum verdict verdict)
{
    report->verdicts[verdict]++;
    count_kind(report, keyway, entry, verdict);
    if (verdict != VERDICT_REFUSED)
        return;
    char *reason = reason_without_names(bench->reason);
    tally_add(&report->reasons, reason, entry->steps[0].sql);
    free(reason);
    if (report->refusals)
        printf("refused %s.sql:%d over %s: %s\n", entry->file, entry->line, bench->servers.layout->name,
               bench->reason);
}

/* ---- one layout ---- */

static struct endpoint start_keyway(const struct layout *layout)
{
    struct endpoint keyway;
    FILE *configuration = endpoint_configure(&keyway);
    layout_write_configuration(layout, keyway.port, configuration);
    endpoint_start(&keyway, configuration);
    return keyway;
}

/* That it ends as it should is a test of its own. */
static void stop_keyway(struct report *report, struct endpoint *keyway, const struct layout *layout)
{
    bool good = endpoint_stop(keyway, layout->name);
    report->verdicts[good ? VERDICT_EQUAL : VERDICT_DIFFERENT]++;
}

static bool is_chosen(const struct report *report, const struct layout *layout, const struct entry *entry)
{
    char name[200];
    snprintf(name, sizeof name, "%s/%s:%d", layout->name, entry->file, entry->line);
    return fnmatch(report->filter, name, 0) == 0 && (!report->brief || !strcmp(layout->name, brief_corpus));
}

static bool is_turn(const struct report *report, const struct layout *layout, int number)
{
    return report->brief ? !strcmp(layout->name, brief_random) : random_is_turn(layout, number);
}

static void run_entries(struct report *report, struct bench *bench, const struct endpoint *keyway,
                        const struct corpus *corpus)
{
    for (int i = 0; i < corpus->count; i++)
        if (is_chosen(report, bench->servers.layout, &corpus->entries[i])) {
            enum verdict verdict = trial_run(bench, &corpus->entries[i]);
            count(report, bench, keyway, &corpus->entries[i], verdict);
        }
}

/* Statements with an error are good for little: there should be few. */
static void count_error(struct report *report, const struct bench *bench, const struct entry *entry)
{
    report->invalid++;
    tally_add(&report->errors, bench->sqlstate, entry->steps[entry->step_count / 3].sql);
}

static void run_random(struct report *report, struct bench *bench, const struct endpoint *keyway)
{
    for (int i = report->first; i < report->first + report->count; i++) {
        if (!is_turn(report, bench->servers.layout, i))
            continue;
        struct random_trial trial = random_run(bench, report->seed, i);
        report->with_rows += trial.has_rows;
        if (trial.invalid)
            count_error(report, bench, &trial.entry);
        count(report, bench, keyway, &trial.entry, trial.verdict);
        random_end(&trial);
    }
}

static void run_layout(struct report *report, const struct layout *layout, const struct corpus *corpus)
{
    long started = milliseconds();
    struct bench bench = {.servers = layout_load(layout)};
    struct endpoint keyway = start_keyway(layout);
    bench.port = keyway.port;
    bench_connect(&bench);
    run_entries(report, &bench, &keyway, corpus);
    run_random(report, &bench, &keyway);
    bench_disconnect(&bench);
    stop_keyway(report, &keyway, layout);
    layout_unload(&bench.servers);
    report->foreign_types += bench.keyway.foreign_types;
    free(bench.reason);
    printf("locale %s, layout \"%s\": done in %ld s\n", report->locale, layout->name,
           (milliseconds() - started) / 1000);
    fflush(stdout);
}

static bool layout_is_chosen(const struct report *report, const struct layout *layout,
                             const struct corpus *corpus)
{
    for (int i = 0; i < corpus->count; i++)
        if (is_chosen(report, layout, &corpus->entries[i]))
            return true;
    for (int i = report->first; i < report->first + report->count; i++)
        if (is_turn(report, layout, i))
            return true;
    return false;
}

static bool run_locale(struct report *report, const struct corpus *corpus)
{
    bool ready = cluster_create(report->locale);
    for (int i = 0; ready && i < layout_count; i++)
        if (layout_is_chosen(report, &layouts[i], corpus))
            run_layout(report, &layouts[i], corpus);
    cluster_destroy();
    return ready;
}

static bool run_others(struct report *report, const struct corpus *corpus)
{
    bool ready = true;
    report->brief = true;
    report->count = BRIEF_STATEMENTS;
    report->statements += BRIEF_STATEMENTS * (int) (sizeof other_locales / sizeof *other_locales);
    for (size_t i = 0; ready && i < sizeof other_locales / sizeof *other_locales; i++) {
        report->locale = other_locales[i];
        ready = run_locale(report, corpus);
    }
    return ready;
}

static int finish(struct report *report)
{
    const int *verdicts = report->verdicts;
    int tested = verdicts[VERDICT_EQUAL] + verdicts[VERDICT_REFUSED] + verdicts[VERDICT_DIFFERENT];
    tally_print(&report->kinds, "plans (statements x layouts):", 0);
    tally_print(&report->reasons, "refusals by reason (statements x layouts):", 1);
    if (report->statements) {
        tally_print(&report->errors, "errors of random statements by SQLSTATE:", 1);
        printf("random statements: %d, %d of them gave rows, %d an error\n", report->statements,
               report->with_rows, report->invalid);
    }
    printf("types of the database's own under the OID of another shard than the first: %d times\n",
           report->foreign_types);
    printf("equal %d, refused %d, different %d\n", verdicts[VERDICT_EQUAL], verdicts[VERDICT_REFUSED],
           verdicts[VERDICT_DIFFERENT]);
    printf("Synthesis: Tested: %d | Passing: %d | Failing: %d\n", tested,
           tested - verdicts[VERDICT_DIFFERENT], verdicts[VERDICT_DIFFERENT]);
    tally_free(&report->kinds);
    tally_free(&report->reasons);
    tally_free(&report->errors);
    return verdicts[VERDICT_DIFFERENT] > 0;
}

static void usage(void)
{
    fprintf(stderr, "differential.test [--refusals] [--locale LOCALE] [--brief]"
                    " [--filter GLOB | --random N [--seed S] [--first I]]\n");
    exit(2);
}

static const struct option options[] = {
    {"filter", required_argument, NULL, 'f'}, {"refusals", no_argument, NULL, 'v'},
    {"random", required_argument, NULL, 'r'}, {"seed", required_argument, NULL, 's'},
    {"first", required_argument, NULL, 'i'},  {"locale", required_argument, NULL, 'l'},
    {"brief", no_argument, NULL, 'b'},        {0},
};

/* One part alone leaves out the other, and other locales. */
static void read_argument(struct report *report, int option)
{
    report->everywhere &= option == 'v';
    switch (option) {
    case 'l':
        report->locale = optarg;
        break;
    case 'b':
        report->brief = true;
        report->count = report->count == RANDOM_STATEMENTS ? BRIEF_STATEMENTS : report->count;
        break;
    case 'f':
        report->filter = optarg;
        report->count = 0;
        break;
    case 'v':
        report->refusals = true;
        break;
    case 'r':
        report->filter = "";
        report->count = atoi(optarg);
        break;
    case 's':
        report->seed = strtoull(optarg, NULL, 10);
        break;
    case 'i':
        report->first = atoi(optarg);
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
    if (optind < argc)
        usage();
}

static struct corpus read_corpus(void)
{
    char folder[500];
    const char *source = getenv("SOURCE_DIR");
    snprintf(folder, sizeof folder, "%s/tests/differential", source ? source : ".");
    return corpus_read(folder);
}

int main(int argc, char **argv)
{
    struct report report = {
        .locale = "C", .everywhere = true, .filter = "*", .count = RANDOM_STATEMENTS, .seed = 1};
    setenv("LC_ALL", "C.UTF-8", 1);
    read_arguments(&report, argc, argv);
    struct corpus corpus = read_corpus();
    signal(SIGINT, stop_on_signal);
    signal(SIGTERM, stop_on_signal);
    signal(SIGPIPE, SIG_IGN);
    report.statements = report.count;
    bool ready = run_locale(&report, &corpus);
    if (ready && report.everywhere)
        ready = run_others(&report, &corpus);
    corpus_free(&corpus);
    return ready ? finish(&report) : 1;
}
