/*
 * Asking and comparing: answers as text, so that a test reads like a psql session.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

enum { PATIENCE_MS = 30000 }; /* an answer that takes longer will not come */

PGconn *try_connect(const struct keyway *keyway, const char *conninfo)
{
    char all[1200];
    snprintf(all, sizeof all, "host=127.0.0.1 port=%d connect_timeout=20 %s", keyway->port, conninfo);
    return PQconnectdb(all);
}

static PGconn *must(PGconn *conn)
{
    cr_assert_eq(PQstatus(conn), CONNECTION_OK, "cannot connect: %s", PQerrorMessage(conn));
    return conn;
}

static void ignore_notice(void *context, const char *message)
{
    (void) context;
    (void) message;
}

PGconn *connect_keyway(const struct keyway *keyway, const char *more)
{
    char conninfo[1000];
    snprintf(conninfo, sizeof conninfo, "dbname=app user=app %s", more ? more : "");
    PGconn *conn = must(try_connect(keyway, conninfo));
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    return conn;
}

PGconn *connect_console(const struct keyway *keyway)
{
    return must(try_connect(keyway, "dbname=keyway user=admin"));
}

PGconn *connect_server(int server)
{
    char conninfo[200];
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=app user=app sslmode=disable", cluster_port(server));
    PGconn *conn = must(PQconnectdb(conninfo));
    PQsetNoticeProcessor(conn, ignore_notice, NULL);
    return conn;
}

/* Rows with a newline between them, none at the end. */
static void put_rows(FILE *out, const PGresult *result)
{
    for (int row = 0; row < PQntuples(result); row++)
        for (int column = 0; column < PQnfields(result); column++)
            fprintf(out, "%s%s",
                    column ? "|"
                    : row  ? "\n"
                           : "",
                    PQgetisnull(result, row, column) ? "~" : PQgetvalue(result, row, column));
}

static void put_result(FILE *out, const PGresult *result)
{
    const char *sqlstate;
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        put_rows(out, result);
        break;
    case PGRES_COMMAND_OK:
        fputs(PQcmdStatus((PGresult *) result), out);
        break;
    case PGRES_EMPTY_QUERY:
        fputs("EMPTY", out);
        break;
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
        sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
        fprintf(out, "ERROR %s: %s", sqlstate ? sqlstate : "-",
                PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                    ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)
                    : PQresultErrorMessage(result));
        break;
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
        fputs("COPY", out);
        break;
    case PGRES_PIPELINE_SYNC:
        fputs("SYNC", out);
        break;
    case PGRES_PIPELINE_ABORTED:
        fputs("ABORTED", out);
        break;
    }
}

char *result_text(const PGresult *result)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    put_result(out, result);
    fclose(out);
    return text;
}

PGresult *next_result(PGconn *conn, int timeout_ms, bool *timed_out)
{
    long deadline = milliseconds() + timeout_ms;
    *timed_out = false;
    while (PQisBusy(conn)) {
        struct pollfd ready = {.fd = PQsocket(conn), .events = POLLIN | (PQflush(conn) == 1 ? POLLOUT : 0)};
        long left = deadline - milliseconds();
        if (left <= 0 || poll(&ready, 1, (int) left) == 0) {
            *timed_out = true;
            return NULL;
        }
        if (!PQconsumeInput(conn))
            break;
    }
    return PQgetResult(conn);
}

/* All results of what was sent, a line each; "TIMEOUT" in place of one that does not come. */
static char *collect(PGconn *conn, int sent)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    bool timed_out = false, first = true;
    if (!sent)
        fprintf(out, "ERROR -: %s", PQerrorMessage(conn));
    for (PGresult *result; sent && (result = next_result(conn, PATIENCE_MS, &timed_out)); first = false) {
        if (!first)
            fputc('\n', out);
        put_result(out, result);
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT)
            break;
    }
    if (timed_out)
        fputs("TIMEOUT", out);
    fclose(out);
    return text;
}

char *ask(PGconn *conn, const char *sql)
{
    return collect(conn, PQsendQuery(conn, sql));
}

char *ask_params(PGconn *conn, const char *sql, int count, const char *const *values)
{
    return collect(conn, PQsendQueryParams(conn, sql, count, NULL, values, NULL, NULL, 0));
}

void expect_at(const char *file, int line, PGconn *conn, const char *sql, const char *expected)
{
    char *answer = ask(conn, sql);
    cr_expect_str_eq(answer, expected, "%s:%d: %s\n  answered: %s\n  expected: %s", file, line, sql, answer,
                     expected);
    free(answer);
}

void expect_like_at(const char *file, int line, PGconn *conn, const char *sql, const char *part)
{
    char *answer = ask(conn, sql);
    cr_expect(strstr(answer, part), "%s:%d: %s\n  answered: %s\n  expected part: %s", file, line, sql, answer,
              part);
    free(answer);
}

void expect_error_at(const char *file, int line, PGconn *conn, const char *sql, const char *sqlstate)
{
    char start[20];
    char *answer = ask(conn, sql);
    snprintf(start, sizeof start, "ERROR %s:", sqlstate);
    cr_expect(strstr(answer, start), "%s:%d: %s\n  answered: %s\n  expected error %s", file, line, sql,
              answer, sqlstate);
    free(answer);
}

void expect_same_at(const char *file, int line, PGconn *conn, PGconn *oracle, const char *const *statements)
{
    for (; *statements; statements++) {
        char *answer = ask(conn, *statements), *right = ask(oracle, *statements);
        cr_expect_str_eq(answer, right, "%s:%d: %s\n  answered: %.2000s\n  right is: %.2000s", file, line, *statements, answer, right);
        free(answer);
        free(right);
    }
}

void expect_refused_at(const char *file, int line, PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    cr_expect(sqlstate && strcmp(sqlstate, "0A000") == 0,
              "%s:%d: %s\n  expected a refusal (0A000), not %s %s", file, line, sql,
              sqlstate ? sqlstate : PQcmdStatus(result), PQresultErrorMessage(result));
    cr_expect(PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL), "%s:%d: %s\n  the refusal has no DETAIL",
              file, line, sql);
    cr_expect(PQresultErrorField(result, PG_DIAG_MESSAGE_HINT), "%s:%d: %s\n  the refusal has no HINT", file,
              line, sql);
    PQclear(result);
}

void expect_on_at(const char *file, int line, int server, const char *sql, const char *expected)
{
    PGconn *conn = connect_server(server);
    expect_at(file, line, conn, sql, expected);
    PQfinish(conn);
}

void expect_soon_at(const char *file, int line, PGconn *conn, const char *sql, const char *expected,
                    int timeout_ms)
{
    long deadline = milliseconds() + timeout_ms;
    char *answer = ask(conn, sql);
    while (strcmp(answer, expected) != 0 && milliseconds() < deadline) {
        free(answer);
        pause_briefly();
        answer = ask(conn, sql);
    }
    cr_expect_str_eq(answer, expected, "%s:%d: %s\n  answered: %s\n  expected within %d ms: %s", file, line,
                     sql, answer, timeout_ms, expected);
    free(answer);
}
