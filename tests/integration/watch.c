/*
 * Everything is awaited by its event where there is one (an answer, the end of a connection) and looked at
 * again and again where there is none.
 */
#include "tests/integration/watch.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

int backend_of(PGconn *conn)
{
    char *answer = ask(conn, "SELECT pg_backend_pid()");
    int pid = atoi(answer);
    cr_assert(pid > 0, "SELECT pg_backend_pid(): %s", answer);
    free(answer);
    return pid;
}

/* ---- console and shards ---- */

static int column_sum(const PGresult *rows, const char *column)
{
    int number = PQfnumber(rows, column), sum = 0;
    cr_assert(number >= 0, "the console shows no column %s", column);
    for (int row = 0; row < PQntuples(rows); row++)
        sum += atoi(PQgetvalue(rows, row, number));
    return sum;
}

static int pool_sum(PGconn *console, const char *column)
{
    PGresult *rows = PQexec(console, "SHOW POOLS");
    cr_assert_eq(PQresultStatus(rows), PGRES_TUPLES_OK, "%s", PQerrorMessage(console));
    int sum = column_sum(rows, column);
    PQclear(rows);
    return sum;
}

static int rows_with(PGconn *console, const char *command, const char *column, const char *value)
{
    PGresult *rows = PQexec(console, command);
    int number = PQfnumber(rows, column), count = 0;
    cr_assert(number >= 0, "%s", PQerrorMessage(console));
    for (int row = 0; row < PQntuples(rows); row++)
        count += strcmp(PQgetvalue(rows, row, number), value) == 0;
    PQclear(rows);
    return count;
}

static int server_count(PGconn *console, const char *state)
{
    return rows_with(console, "SHOW SERVERS", "state", state);
}

static int shard_count(PGconn *console, const char *state)
{
    return rows_with(console, "SHOW SHARDS", "when_loaded", state);
}

static void expect_count(int (*count)(PGconn *console, const char *what), PGconn *console, const char *what,
                         int expected)
{
    long deadline = milliseconds() + PATIENCE_MS;
    int found = count(console, what);
    for (; found != expected && milliseconds() < deadline; found = count(console, what))
        pause_briefly();
    cr_expect_eq(found, expected, "the console shows %s %d, expected %d", what, found, expected);
}

void expect_pool(PGconn *console, const char *column, int value)
{
    expect_count(pool_sum, console, column, value);
}

void expect_servers(PGconn *console, const char *state, int count)
{
    expect_count(server_count, console, state, count);
}

void expect_shards(PGconn *console, const char *state, int count)
{
    expect_count(shard_count, console, state, count);
}

static void expect_count_on(int server, const char *condition, int count)
{
    char sql[400], expected[20];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND %s",
             condition);
    snprintf(expected, sizeof expected, "%d", count);
    PGconn *conn = connect_server(server);
    EXPECT_SOON(conn, sql, expected, PATIENCE_MS);
    PQfinish(conn);
}

void expect_backends(int server, int count)
{
    expect_count_on(server, "application_name = 'keyway'", count);
}

void expect_running(int server, const char *like, int count)
{
    char condition[200];
    snprintf(condition, sizeof condition, "state = 'active' AND query LIKE '%s'", like);
    expect_count_on(server, condition, count);
}

void expect_idle(int server, const char *like, int count)
{
    char condition[200];
    snprintf(condition, sizeof condition, "state LIKE 'idle%%' AND query LIKE '%s'", like);
    expect_count_on(server, condition, count);
}

/* ---- answers ---- */

void expect_next_of_pipeline(PGconn *conn, const char *expected)
{
    bool timed_out;
    PGresult *result = next_result(conn, PATIENCE_MS, &timed_out);
    cr_assert(!timed_out, "no answer, expected: %s", expected);
    if (result == NULL) /* between two statements of a pipeline */
        result = next_result(conn, PATIENCE_MS, &timed_out);
    cr_assert(result, "no answer, expected: %s", expected);
    char *answer = result_text(result);
    cr_expect_str_eq(answer, expected, "answered: %s\n  expected: %s", answer, expected);
    free(answer);
    PQclear(result);
}

void expect_next(PGconn *conn, const char *expected)
{
    bool timed_out;
    expect_next_of_pipeline(conn, expected);
    PGresult *more = next_result(conn, PATIENCE_MS, &timed_out);
    cr_expect(more == NULL && !timed_out, "there is another answer behind: %s", expected);
    PQclear(more);
}

void expect_number(PGconn *conn, int number)
{
    char expected[20];
    snprintf(expected, sizeof expected, "%d", number);
    expect_next(conn, expected);
}

bool answers_nothing_yet(PGconn *conn)
{
    return PQconsumeInput(conn) && PQisBusy(conn);
}

void expect_notification(PGconn *conn, const char *channel, const char *payload)
{
    long deadline = milliseconds() + PATIENCE_MS;
    PGnotify *notification = NULL;
    while (!(notification = PQnotifies(conn)) && milliseconds() < deadline) {
        struct pollfd ready = {.fd = PQsocket(conn), .events = POLLIN};
        poll(&ready, 1, 100);
        cr_assert(PQconsumeInput(conn), "%s", PQerrorMessage(conn));
    }
    cr_assert(notification, "no notification came");
    cr_expect_str_eq(notification->relname, channel);
    cr_expect_str_eq(notification->extra, payload);
    PQfreemem(notification);
}

/* ---- last words ---- */

struct words {
    char sqlstate[8], message[200];
};

/* libpq takes what comes outside of a statement for a notice, errors too. */
static void keep_words(void *context, const PGresult *result)
{
    struct words *words = context;
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(words->sqlstate, sizeof words->sqlstate, "%s", sqlstate ? sqlstate : "");
    snprintf(words->message, sizeof words->message, "%s", message ? message : "");
}

void expect_last_words(PGconn *conn, const char *sqlstate, const char *message)
{
    struct words words = {"", ""};
    long deadline = milliseconds() + PATIENCE_MS;
    PQsetNoticeReceiver(conn, keep_words, &words);
    do {
        struct pollfd ready = {.fd = PQsocket(conn), .events = POLLIN};
        poll(&ready, 1, 100);
        PQconsumeInput(conn);
        PQisBusy(conn); /* takes messages apart */
    } while (PQstatus(conn) == CONNECTION_OK && milliseconds() < deadline);
    cr_expect_eq(PQstatus(conn), CONNECTION_BAD, "the connection has not ended");
    cr_expect_str_eq(words.sqlstate, sqlstate, "the last words are %s %s", words.sqlstate, words.message);
    cr_expect(strstr(words.message, message), "the last words are %s %s", words.sqlstate, words.message);
}

static int dial(const struct keyway *keyway)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) keyway->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    return fd;
}

static size_t read_to_end(int fd, char *bytes, size_t size)
{
    size_t length = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (length < size && poll(&ready, 1, PATIENCE_MS) == 1) {
        ssize_t now = recv(fd, bytes + length, size - length, 0);
        if (now <= 0)
            break;
        length += (size_t) now;
    }
    return length;
}

/* Read to the end of the connection; the first message is this FATAL error. */
static void expect_error_message(int fd, const char *sqlstate, const char *message)
{
    char bytes[2000], code[8];
    size_t length = read_to_end(fd, bytes, sizeof bytes);
    snprintf(code, sizeof code, "C%s", sqlstate);
    cr_expect(length > 5 && bytes[0] == 'E', "no ErrorResponse but %zu bytes", length);
    cr_expect(memmem(bytes, length, "SFATAL", 7), "the error is not fatal");
    cr_expect(memmem(bytes, length, code, strlen(code) + 1), "the SQLSTATE is not %s", sqlstate);
    cr_expect(memmem(bytes, length, message, strlen(message)), "the error does not say %s", message);
    close(fd);
}

void expect_first_error(const struct keyway *keyway, const char *sqlstate, const char *message)
{
    static const char startup[] = "\0\0\0\x1f\0\3\0\0user\0app\0database\0app\0\0";
    int fd = dial(keyway);
    cr_assert_eq(send(fd, startup, 31, MSG_NOSIGNAL), 31);
    expect_error_message(fd, sqlstate, message);
}

void expect_silent_client_told(const struct keyway *keyway, const char *sqlstate, const char *message)
{
    expect_error_message(dial(keyway), sqlstate, message);
}

/* ---- a shard that does not answer ---- */

PGconn *lock_users(int server)
{
    PGconn *conn = connect_server(server);
    EXPECT(conn, "BEGIN", "BEGIN");
    EXPECT(conn, "LOCK TABLE users IN ACCESS EXCLUSIVE MODE", "LOCK TABLE");
    return conn;
}

static pid_t frozen;

void freeze_postmaster(int server)
{
    PGconn *conn = connect_server(server);
    char *answer = ask(conn, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
    frozen = (pid_t) atoi(answer);
    free(answer);
    PQfinish(conn);
    cr_assert(frozen > 1 && kill(frozen, SIGSTOP) == 0);
}

void thaw_postmaster(void)
{
    if (frozen > 1)
        kill(frozen, SIGCONT);
    frozen = 0;
}
