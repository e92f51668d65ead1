/*
 * Type OIDs of PostgreSQL's own types are compared as numbers; those of the database's types, which differ
 * from server to server, by what the server calls them.  Values are compared as bytes: text with NULL as `~`,
 * binary in hexadecimal.
 */
#include "tests/differential/answer.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/cluster.h"

enum { PATIENCE_MS = 30000, FIRST_OWN_OID = 16384, SHOWN_ROWS = 12 };

const char *const protocol_names[PROTOCOLS] = {
    [PROTOCOL_SIMPLE] = "simple",
    [PROTOCOL_PREPARED_TEXT] = "prepared, text",
    [PROTOCOL_PREPARED_BINARY] = "prepared, binary",
    [PROTOCOL_PARAMETERS_TEXT] = "parameters, text",
    [PROTOCOL_PARAMETERS_BINARY] = "parameters, binary",
};

struct listener {
    struct party *party;
    struct answer *answer;
    FILE *head;
    int row_room;
    bool lost;
};

/* ---- reading results ---- */

/* Its name, if the server has such a type; malloc'ed. */
static char *type_name(PGconn *catalog, Oid type)
{
    char sql[80];
    snprintf(sql, sizeof sql, "SELECT oid::regtype FROM pg_type WHERE oid = %u", type);
    PGresult *result = PQexec(catalog, sql);
    char *name = PQntuples(result) == 1 ? strdup(PQgetvalue(result, 0, 0)) : NULL;
    PQclear(result);
    return name;
}

static void write_type(FILE *head, struct party *party, Oid type)
{
    char *name = NULL;
    for (int i = 0; type >= FIRST_OWN_OID && i < party->catalog_count && !name; i++) {
        name = type_name(party->catalogs[i], type);
        party->foreign_types += name && i > 0;
    }
    if (name)
        fprintf(head, "%s", name);
    else
        fprintf(head, "%u", type);
    free(name);
}

static void write_columns(struct listener *listener, const PGresult *result)
{
    for (int i = 0; i < PQnfields(result); i++) {
        fprintf(listener->head, "%s%s ", i ? ", " : "", PQfname(result, i));
        write_type(listener->head, listener->party, PQftype(result, i));
        fprintf(listener->head, "/%d/%d/%d/%s", PQfmod(result, i), PQfsize(result, i), PQftablecol(result, i),
                PQfformat(result, i) ? "binary" : "text");
    }
}

static void add_row(struct listener *listener, char *row)
{
    struct answer *answer = listener->answer;
    if (answer->row_count == listener->row_room) {
        listener->row_room = listener->row_room ? listener->row_room * 2 : 64;
        answer->rows = realloc(answer->rows, (size_t) listener->row_room * sizeof *answer->rows);
    }
    if (!answer->rows || !row)
        abort();
    answer->rows[answer->row_count++] = row;
}

static void write_value(FILE *row, const PGresult *result, int number, int column)
{
    const char *value = PQgetvalue(result, number, column);
    if (PQgetisnull(result, number, column))
        fputc('~', row);
    else if (!PQfformat(result, column))
        fputs(value, row);
    else
        for (int i = 0; i < PQgetlength(result, number, column); i++)
            fprintf(row, "%02x", (unsigned char) value[i]);
}

static void add_rows(struct listener *listener, const PGresult *result)
{
    for (int number = 0; number < PQntuples(result); number++) {
        char *text;
        size_t size;
        FILE *row = open_memstream(&text, &size);
        for (int column = 0; column < PQnfields(result); column++) {
            fputs(column ? "|" : "", row);
            write_value(row, result, number, column);
        }
        fclose(row);
        add_row(listener, text);
    }
}

static void keep_field(char **field, const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    free(*field);
    *field = text ? strdup(text) : NULL;
}

static void add_error(struct listener *listener, const PGresult *result)
{
    struct answer *answer = listener->answer;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    fprintf(listener->head, "ERROR %s", sqlstate ? sqlstate : PQresultErrorMessage(result));
    snprintf(answer->sqlstate, sizeof answer->sqlstate, "%s", sqlstate ? sqlstate : "-");
    keep_field(&answer->message, result, PG_DIAG_MESSAGE_PRIMARY);
    keep_field(&answer->detail, result, PG_DIAG_MESSAGE_DETAIL);
    keep_field(&answer->hint, result, PG_DIAG_MESSAGE_HINT);
    keep_field(&answer->position, result, PG_DIAG_STATEMENT_POSITION);
}

/* In hexadecimal digits.  The header stands before a row, whichever is the first. */
static char *binary_row(struct listener *listener, const char *bytes, int length)
{
    enum { HEADER = 19 };
    char *text;
    size_t size;
    if (length >= HEADER && memcmp(bytes, "PGCOPY\n\377\r\n", 11) == 0) {
        fputs(" header", listener->head);
        bytes += HEADER;
        length -= HEADER;
    }
    FILE *row = open_memstream(&text, &size);
    for (int i = 0; i < length; i++)
        fprintf(row, "%02x", (unsigned char) bytes[i]);
    fclose(row);
    return text;
}

static void read_copy(struct listener *listener, const PGresult *result)
{
    char *line;
    int length;
    fprintf(listener->head, "COPY OUT %d", PQnfields(result));
    for (int i = 0; i < PQnfields(result); i++)
        fprintf(listener->head, " %d", PQfformat(result, i));
    while ((length = PQgetCopyData(listener->party->conn, &line, 0)) > 0) {
        add_row(listener, PQbinaryTuples(result) ? binary_row(listener, line, length) : strdup(line));
        PQfreemem(line);
    }
}

/* Pairs of hexadecimal digits, with blanks and text in quotes between them; the result is no longer than the text. */
static int read_binary(const char *text, char *bytes)
{
    int length = 0;
    for (bool quoted = false; *text; text++) {
        if (*text == '\'')
            quoted = !quoted;
        else if (quoted)
            bytes[length++] = *text;
        else if (isxdigit((unsigned char) text[0]) && isxdigit((unsigned char) text[1])) {
            bytes[length++] = (char) strtol((char[]){text[0], text[1], '\0'}, NULL, 16);
            text++;
        }
    }
    return length;
}

static void send_copy(struct listener *listener, const PGresult *result, const struct step *step)
{
    PGconn *conn = listener->party->conn;
    char *data = strdup(step->copy ? step->copy : "");
    int length = PQbinaryTuples(result) ? read_binary(step->copy ? step->copy : "", data) : (int) strlen(data);
    fprintf(listener->head, "COPY IN");
    if (PQputCopyData(conn, data, length) != 1 || PQputCopyEnd(conn, NULL) != 1)
        fprintf(listener->head, " failed: %s", PQerrorMessage(conn));
    free(data);
}

static void write_parameter(struct listener *listener, const PGresult *result, int i)
{
    fprintf(listener->head, " $%d: ", i + 1);
    write_type(listener->head, listener->party, PQparamtype(result, i));
}

static void read_result(struct listener *listener, const PGresult *result, const struct step *step)
{
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
        write_columns(listener, result);
        add_rows(listener, result);
        fprintf(listener->head, " %s", PQcmdStatus((PGresult *) result));
        break;
    case PGRES_COMMAND_OK:
        fprintf(listener->head, "%s", PQcmdStatus((PGresult *) result));
        write_columns(listener, result); /* of Describe */
        for (int i = 0; i < PQnparams(result); i++)
            write_parameter(listener, result, i);
        break;
    case PGRES_EMPTY_QUERY:
        fprintf(listener->head, "EMPTY");
        break;
    case PGRES_COPY_OUT:
        read_copy(listener, result);
        break;
    case PGRES_COPY_IN:
        send_copy(listener, result, step);
        break;
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
        add_error(listener, result);
        break;
    case PGRES_COPY_BOTH:
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED:
        fprintf(listener->head, "%s", PQresStatus(PQresultStatus(result)));
        break;
    }
    fputc('\n', listener->head);
}

/* False: the end says nothing any more. */
static bool await_result(PGconn *conn, long patience_ms)
{
    long deadline = milliseconds() + patience_ms;
    while (PQisBusy(conn)) {
        struct pollfd ready = {.fd = PQsocket(conn), .events = POLLIN | (PQflush(conn) == 1 ? POLLOUT : 0)};
        long left = deadline - milliseconds();
        if (left <= 0 || poll(&ready, 1, (int) left) == 0)
            return false;
        if (!PQconsumeInput(conn))
            break;
    }
    return true;
}

/* All results of what was sent; true if there was no error among them. */
static bool listen_to(struct listener *listener, int sent, const struct step *step)
{
    PGconn *conn = listener->party->conn;
    long patience_ms = listener->party->patience_ms ? listener->party->patience_ms : PATIENCE_MS;
    bool good = true;
    if (!sent)
        fprintf(listener->head, "could not send: %s\n", PQerrorMessage(conn));
    while (sent) {
        if (!await_result(conn, patience_ms)) {
            fprintf(listener->head, "no answer within %ld s\n", patience_ms / 1000);
            listener->lost = true;
            return false;
        }
        PGresult *result = PQgetResult(conn);
        if (!result)
            break;
        good &= PQresultStatus(result) != PGRES_FATAL_ERROR;
        read_result(listener, result, step);
        PQclear(result);
    }
    return sent && good;
}

/* ---- asking ---- */

static void ask_prepared(struct listener *listener, const struct step *step, bool binary)
{
    PGconn *conn = listener->party->conn;
    const char *const *values = (const char *const *) step->values;
    const char *name = binary ? "" : "asked";
    if (listen_to(listener, PQsendPrepare(conn, name, step->sql, 0, NULL), step) &&
        listen_to(listener, PQsendDescribePrepared(conn, name), step))
        listen_to(listener, PQsendQueryPrepared(conn, name, step->value_count, values, NULL, NULL, binary),
                  step);
    if (!binary && PQtransactionStatus(conn) != PQTRANS_INERROR && !listener->lost)
        PQclear(PQexec(conn, "DEALLOCATE asked"));
}

static void ask(struct listener *listener, const struct step *step, enum protocol protocol)
{
    PGconn *conn = listener->party->conn;
    const char *const *values = (const char *const *) step->values;
    switch (protocol) {
    case PROTOCOL_SIMPLE:
        listen_to(listener, PQsendQuery(conn, step->sql), step);
        break;
    case PROTOCOL_PREPARED_TEXT:
    case PROTOCOL_PREPARED_BINARY:
        ask_prepared(listener, step, protocol == PROTOCOL_PREPARED_BINARY);
        break;
    case PROTOCOL_PARAMETERS_TEXT:
    case PROTOCOL_PARAMETERS_BINARY:
        listen_to(listener,
                  PQsendQueryParams(conn, step->sql, step->value_count, NULL, values, NULL, NULL,
                                    protocol == PROTOCOL_PARAMETERS_BINARY),
                  step);
        break;
    case PROTOCOLS:
        break;
    }
}

struct answer answer_ask(struct party *party, const struct step *step, enum protocol protocol)
{
    struct answer answer = {0};
    size_t size;
    struct listener listener = {
        .party = party, .answer = &answer, .head = open_memstream(&answer.head, &size)};
    ask(&listener, step, protocol);
    if (PQstatus(party->conn) != CONNECTION_OK)
        fprintf(listener.head, "the connection is gone\n");
    fprintf(listener.head, "transaction status %d\n", PQtransactionStatus(party->conn));
    fclose(listener.head);
    return answer;
}

void answer_free(struct answer *answer)
{
    for (int i = 0; i < answer->row_count; i++)
        free(answer->rows[i]);
    free(answer->rows);
    free(answer->head);
    free(answer->message);
    free(answer->detail);
    free(answer->hint);
    free(answer->position);
    *answer = (struct answer){0};
}

/* ---- comparing ---- */

bool answer_is_refusal(const struct answer *answer)
{
    return !strcmp(answer->sqlstate, "0A000") && answer->detail && answer->hint;
}

static int compare_rows(const void *left, const void *right)
{
    return strcmp(*(char *const *) left, *(char *const *) right);
}

static void sort_rows(struct answer *answer)
{
    if (answer->row_count)
        qsort(answer->rows, (size_t) answer->row_count, sizeof *answer->rows, compare_rows);
}

static bool same_rows(const struct answer *expected, const struct answer *found)
{
    for (int i = 0; i < expected->row_count; i++)
        if (strcmp(expected->rows[i], found->rows[i]) != 0)
            return false;
    return true;
}

static bool same_text(const char *left, const char *right)
{
    return left && right ? !strcmp(left, right) : left == right;
}

bool answer_equal(struct answer *expected, struct answer *found, enum section section)
{
    if (strcmp(expected->head, found->head) != 0 ||
        (section != SECTION_EXPLAIN && expected->row_count != found->row_count))
        return false;
    switch (section) {
    case SECTION_SOME_ROWS:
    case SECTION_EXPLAIN:
        return true;
    case SECTION_ROWS:
    case SECTION_NAMES:
    case SECTION_WRITE:
        sort_rows(expected);
        sort_rows(found);
        break;
    case SECTION_ERROR:
        if (!same_text(expected->message, found->message) || !same_text(expected->position, found->position))
            return false;
        break;
    case SECTION_TOTAL_ORDER:
    case SECTION_SCRIPT:
        break;
    }
    return same_rows(expected, found);
}

void answer_print(const struct answer *answer, const char *title)
{
    printf("  %s:\n", title);
    for (const char *at = answer->head; *at; at += strcspn(at, "\n") + 1)
        printf("    %.*s\n", (int) strcspn(at, "\n"), at);
    for (int i = 0; i < answer->row_count && i < SHOWN_ROWS; i++)
        printf("    %s\n", answer->rows[i]);
    if (answer->row_count > SHOWN_ROWS)
        printf("    … %d rows in all\n", answer->row_count);
    if (answer->message)
        printf("    %s; DETAIL %s; HINT %s; position %s\n", answer->message,
               answer->detail ? answer->detail : "none", answer->hint ? answer->hint : "none",
               answer->position ? answer->position : "none");
}
