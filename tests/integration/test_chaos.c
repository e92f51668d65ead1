/*
 * Shards that die under load: every client gets its own answer or a clear error, and none waits for ever.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

enum { NUMBERS = 1000000, CLIENTS = 200, ENOUGH = 1000 };

static struct keyway keyway;
static atomic_bool over;
static atomic_int answered, failed, wrong, hung, unclear;

/* The pools keep 200 clients within the 150 connections that a shard allows. */
static void start(void)
{
    keyway_start(&keyway,
                 &(struct keyway_setup){.shards = 3,
                                        .settings = "query_wait_timeout = 5\npool_size = 40\n"
                                                    "log_connections = no\nlog_disconnections = no\n"});
    load_tables(3, 200);
}

static void stop(void)
{
    keyway_stop(&keyway);
}

TestSuite(chaos, .init = start, .fini = stop, .timeout = 240);

/* Statements whose answers carry the number that the client put into them, and some the client's own setting.
 */
enum question { OF_ONE, OF_ALL, WITH_PARAMETERS, WRITE, TRANSACTION, QUESTIONS };

static char *ask_number(PGconn *conn, enum question question, const char *name, int number)
{
    char sql[300], text[20];
    const char *parameters[] = {name, text};
    snprintf(text, sizeof text, "%d", number);
    switch (question) {
    case OF_ALL:
        snprintf(
            sql, sizeof sql,
            "SELECT username, %d, current_setting('application_name') FROM users ORDER BY username LIMIT 1",
            number);
        return ask(conn, sql);
    case WITH_PARAMETERS:
        return ask_params(conn, "SELECT username, $2::integer FROM users WHERE username = $1", 2, parameters);
    case WRITE:
        snprintf(sql, sizeof sql, "UPDATE users SET age = age WHERE username = '%s' RETURNING username, %d",
                 name, number);
        return ask(conn, sql);
    case TRANSACTION:
        snprintf(sql, sizeof sql, "BEGIN; SELECT username, %d FROM users WHERE username = '%s'; COMMIT",
                 number, name);
        return ask(conn, sql);
    case OF_ONE:
    case QUESTIONS:
        break;
    }
    snprintf(sql, sizeof sql,
             "SELECT username, %d, current_setting('application_name') FROM users WHERE username = '%s'",
             number, name);
    return ask(conn, sql);
}

static void write_expected(enum question question, const char *name, int number, char *text, size_t size)
{
    switch (question) {
    case OF_ONE:
    case OF_ALL:
        snprintf(text, size, "%s|%d|client%d", question == OF_ALL ? "" : name, number, number / NUMBERS);
        return;
    case TRANSACTION:
        snprintf(text, size, "BEGIN\n%s|%d\nCOMMIT", name, number);
        return;
    case WITH_PARAMETERS:
    case WRITE:
    case QUESTIONS:
        snprintf(text, size, "%s|%d", name, number);
        return;
    }
}

static void judge(PGconn *conn, const char *answer, const char *expected)
{
    if (strcmp(answer, expected) == 0)
        atomic_fetch_add(&answered, 1);
    else if (strstr(answer, "TIMEOUT"))
        atomic_fetch_add(&hung, 1);
    else if (strstr(answer, "ERROR"))
        atomic_fetch_add(&failed, 1);
    else
        atomic_fetch_add(&wrong, 1);
    if (strstr(answer, "closed the connection unexpectedly"))
        atomic_fetch_add(&unclear, 1);
    if (PQtransactionStatus(conn) != PQTRANS_IDLE && PQstatus(conn) == CONNECTION_OK)
        free(ask(conn, "ROLLBACK"));
}

/* A connection, the old one if it is still good; NULL when there is none just now. */
static PGconn *connected(PGconn *conn, int client_number)
{
    char conninfo[100];
    if (conn && PQstatus(conn) == CONNECTION_OK)
        return conn;
    PQfinish(conn);
    snprintf(conninfo, sizeof conninfo, "dbname=app user=app application_name=client%d", client_number);
    conn = try_connect(&keyway, conninfo);
    if (PQstatus(conn) == CONNECTION_OK)
        return conn;
    PQfinish(conn);
    pause_briefly();
    return NULL;
}

static void *client(void *context)
{
    static const char *const names[] = {"h", "q", "Zed", "m", "a b"};
    int own = (int) (intptr_t) context * NUMBERS;
    unsigned seed = (unsigned) own;
    PGconn *conn = NULL;
    for (int number = own; !atomic_load(&over); number++) {
        conn = connected(conn, own / NUMBERS);
        if (!conn)
            continue;
        char expected[100];
        enum question question = (enum question)(rand_r(&seed) % QUESTIONS);
        const char *name = names[rand_r(&seed) % 5];
        char *answer = ask_number(conn, question, name, number);
        write_expected(question, name, number, expected, sizeof expected);
        judge(conn, answer, expected);
        free(answer);
    }
    PQfinish(conn);
    return NULL;
}

static void await_answers(int more)
{
    int wanted = atomic_load(&answered) + more;
    for (long end = milliseconds() + 60000; atomic_load(&answered) < wanted && milliseconds() < end;)
        pause_briefly();
    cr_expect_geq(answered, wanted, "no %d more answers within a minute", more);
}

Test(chaos, shards_are_killed_and_come_back_under_load)
{
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client, (void *) (intptr_t) (i + 1));
    await_answers(ENOUGH);
    for (int shard = 0; shard < 3; shard++) {
        cluster_kill_server(shard);
        await_answers(CLIENTS);
        cluster_start_server(shard);
        await_answers(ENOUGH);
    }
    atomic_store(&over, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(wrong, 0, "%d answers belonged to somebody else", wrong);
    cr_expect_eq(hung, 0, "%d clients were not answered", hung);
    cr_expect_eq(unclear, 0, "%d clients were cut off without a word", unclear);
    cr_expect_gt(failed, 0, "nobody noticed that shards were killed");
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT_SOON(conn, "SELECT count(*) FROM users", "200", 10000);
    PQfinish(conn);
}
