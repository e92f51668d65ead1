/*
 * The oracle and Keyway are asked in turn.  What writes is asked with all tables at their beginning and
 * looked at afterwards; a refused statement must have changed nothing.  A script that is refused in the
 * middle is not compared from there on, but goes on to its end, where it removes what it made.
 */
#include "tests/differential/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/integration/cluster.h"

static void ignore_notice(void *context, const PGresult *result)
{
    (void) context;
    (void) result;
}

static PGconn *connect_to(int port)
{
    char conninfo[120];
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=app user=app connect_timeout=20",
             port);
    PGconn *conn = PQconnectdb(conninfo);
    PQsetNoticeReceiver(conn, ignore_notice, NULL);
    return conn;
}

void bench_connect(struct bench *bench)
{
    const struct servers *servers = &bench->servers;
    bench->keyway = (struct party){connect_to(bench->port), servers->shards, servers->layout->shards,
                                   bench->keyway.foreign_types, bench->patience_ms};
    bench->oracle =
        (struct party){connect_to(atoi(PQport(servers->oracle))), &servers->oracle, 1, 0, bench->patience_ms};
}

void bench_disconnect(struct bench *bench)
{
    PQfinish(bench->keyway.conn);
    PQfinish(bench->oracle.conn);
}

static void tidy(struct bench *bench, bool anew)
{
    PGconn *conns[] = {bench->keyway.conn, bench->oracle.conn};
    bool good = !anew;
    for (int i = 0; i < 2 && good; i++) {
        PGTransactionStatusType status = PQtransactionStatus(conns[i]);
        if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
            PQclear(PQexec(conns[i], "ROLLBACK"));
        good = PQtransactionStatus(conns[i]) == PQTRANS_IDLE;
    }
    if (!good) {
        bench_disconnect(bench);
        bench_connect(bench);
    }
}

static void announce(const struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    printf("DIFFERENT %s.sql:%d over %s, %s: %s\n", entry->file, entry->line, bench->servers.layout->name,
           protocol_names[protocol], entry->comment);
}

static void announce_step(const struct step *step)
{
    printf("  %s\n", step->sql);
    for (int i = 0; i < step->value_count; i++)
        printf("  $%d = %s\n", i + 1, step->values[i] ? step->values[i] : "NULL");
}

/* A data exception, or a violated constraint (PostgreSQL 15, appendix A). */
static bool is_of_a_value(const char *sqlstate)
{
    return !strncmp(sqlstate, "22", 2) || !strncmp(sqlstate, "23", 2);
}

/* The rows of a query that is inserted come in any order: which one fails first, and in which way, may differ. */
static bool fails_alike(const struct step *step, const struct answer *expected, const struct answer *found)
{
    bool of_query = !strncasecmp(step->sql, "INSERT", 6) && strcasestr(step->sql, " SELECT ");
    return of_query && is_of_a_value(expected->sqlstate) && is_of_a_value(found->sqlstate);
}

/* What is no SQL is refused alike, whatever it was to find out: it belongs among the errors. */
static bool is_mistyped(const struct entry *entry, const struct answer *expected)
{
    bool error = entry->section == SECTION_ERROR || entry->section == SECTION_SCRIPT;
    return !error && expected->message && !strncmp(expected->message, "syntax error", strlen("syntax error"));
}

static enum verdict judge(struct bench *bench, const struct entry *entry, const struct step *step,
                          enum protocol protocol, struct answer *expected, struct answer *found)
{
    bool mistyped = is_mistyped(entry, expected);
    if (!mistyped && (answer_equal(expected, found, entry->section) || fails_alike(step, expected, found)))
        return VERDICT_EQUAL;
    if (!mistyped && answer_is_refusal(found)) {
        free(bench->reason);
        bench->reason = strdup(found->detail);
        return VERDICT_REFUSED;
    }
    if (bench->quiet)
        return VERDICT_DIFFERENT;
    announce(bench, entry, protocol);
    announce_step(step);
    answer_print(expected, "expected");
    answer_print(found, "answered");
    return VERDICT_DIFFERENT;
}

static enum verdict run_step(struct bench *bench, const struct entry *entry, const struct step *step,
                             enum protocol protocol)
{
    long started = milliseconds();
    struct answer expected = answer_ask(&bench->oracle, step, protocol);
    long between = milliseconds();
    struct answer found = answer_ask(&bench->keyway, step, protocol);
    bench->oracle_ms = between - started;
    bench->keyway_ms = milliseconds() - between;
    enum verdict verdict = judge(bench, entry, step, protocol, &expected, &found);
    memcpy(bench->sqlstate, expected.sqlstate, sizeof bench->sqlstate);
    bench->row_count = expected.row_count;
    answer_free(&expected);
    answer_free(&found);
    return verdict;
}

static void print_changes(const struct bench *bench, const struct entry *entry, enum protocol protocol,
                          const struct changes *changes)
{
    announce(bench, entry, protocol);
    announce_step(&entry->steps[entry->step_count - 1]);
    printf("  the tables differ afterwards; expected changes:\n%s  found changes:\n%s", changes->expected,
           changes->found);
}

/* After a refusal the oracle alone has run the statement. */
static enum verdict check_tables(struct bench *bench, const struct entry *entry, enum protocol protocol,
                                 enum verdict verdict)
{
    struct changes changes = layout_changes(&bench->servers);
    bool comparable =
        verdict == VERDICT_EQUAL || (verdict == VERDICT_REFUSED && entry->section != SECTION_SCRIPT);
    if (verdict == VERDICT_REFUSED)
        *changes.expected = '\0';
    if (comparable && strcmp(changes.expected, changes.found) != 0) {
        if (!bench->quiet)
            print_changes(bench, entry, protocol, &changes);
        verdict = VERDICT_DIFFERENT;
    }
    free(changes.expected);
    free(changes.found);
    return verdict;
}

static enum verdict worse(enum verdict left, enum verdict right)
{
    return left > right ? left : right;
}

static enum verdict run_write(struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    enum verdict worst = VERDICT_EQUAL;
    for (int i = 0; i < entry->step_count; i++) {
        enum verdict verdict = run_step(bench, entry, &entry->steps[i], protocol);
        worst = worse(worst, check_tables(bench, entry, protocol, verdict));
        layout_restore(&bench->servers);
    }
    return worst;
}

static void run_uncompared(struct bench *bench, const struct step *step, enum protocol protocol)
{
    struct answer answers[] = {answer_ask(&bench->oracle, step, protocol),
                               answer_ask(&bench->keyway, step, protocol)};
    answer_free(&answers[0]);
    answer_free(&answers[1]);
}

static enum verdict run_script(struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    enum verdict verdict = VERDICT_EQUAL;
    tidy(bench, true);
    for (int i = 0; i < entry->step_count; i++)
        if (verdict == VERDICT_EQUAL)
            verdict = run_step(bench, entry, &entry->steps[i], protocol);
        else
            run_uncompared(bench, &entry->steps[i], protocol);
    tidy(bench, true);
    verdict = check_tables(bench, entry, protocol, verdict);
    layout_restore(&bench->servers);
    return verdict;
}

static enum verdict run_read(struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    enum verdict worst = VERDICT_EQUAL;
    for (int i = 0; i < entry->step_count; i++)
        worst = worse(worst, run_step(bench, entry, &entry->steps[i], protocol));
    return worst;
}

static enum verdict run_section(struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    switch (entry->section) {
    case SECTION_ROWS:
    case SECTION_TOTAL_ORDER:
    case SECTION_SOME_ROWS:
    case SECTION_NAMES:
    case SECTION_EXPLAIN:
    case SECTION_ERROR:
        return run_read(bench, entry, protocol);
    case SECTION_WRITE:
        return run_write(bench, entry, protocol);
    case SECTION_SCRIPT:
        return run_script(bench, entry, protocol);
    }
    return VERDICT_DIFFERENT;
}

static bool is_binary(enum protocol protocol)
{
    return protocol == PROTOCOL_PREPARED_BINARY || protocol == PROTOCOL_PARAMETERS_BINARY;
}

/* Values need the extended protocol; scripts, which are long, are run in one form of each protocol. */
bool trial_applies(const struct entry *entry, enum protocol protocol)
{
    if (entry->section == SECTION_SCRIPT)
        return protocol == PROTOCOL_SIMPLE || protocol == PROTOCOL_PARAMETERS_TEXT;
    if (entry->section == SECTION_WRITE && protocol == PROTOCOL_PARAMETERS_TEXT)
        return false;
    if (entry->section == SECTION_NAMES && is_binary(protocol))
        return false;
    return protocol != PROTOCOL_SIMPLE || !entry->steps[0].value_count;
}

enum verdict trial_run_as(struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    enum verdict verdict = run_section(bench, entry, protocol);
    tidy(bench, false);
    return verdict;
}

enum verdict trial_run(struct bench *bench, const struct entry *entry)
{
    enum verdict worst = VERDICT_EQUAL;
    for (enum protocol protocol = 0; protocol < PROTOCOLS && worst != VERDICT_DIFFERENT; protocol++)
        if (trial_applies(entry, protocol))
            worst = worse(worst, trial_run_as(bench, entry, protocol));
    return worst;
}
