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

enum { CLIENTS = 40 };

static struct keyway keyway;
static atomic_bool over;
static atomic_int answered, failed, wrong, hung;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){.shards = 3, .settings = "query_wait_timeout = 5\n"});
    load_tables(3, 200);
}

static void stop(void)
{
    keyway_stop(&keyway);
}

TestSuite(chaos, .init = start, .fini = stop, .timeout = 120);

/* A statement whose answer carries the number that the client put into it, and the client's own setting. */
static void write_statement(unsigned *seed, int client, int number, char *sql, size_t size, char *expected,
                            size_t expected_size)
{
    static const char *const names[] = {"h", "q", "Zed", "m", "a b"};
    const char *name = names[rand_r(seed) % 5];
    if (rand_r(seed) % 4 == 0) {
        snprintf(
            sql, size,
            "SELECT username, %d, current_setting('application_name') FROM users ORDER BY username LIMIT 1",
            number);
        snprintf(expected, expected_size, "|%d|client%d", number, client);
    } else {
        snprintf(sql, size,
                 "SELECT username, %d, current_setting('application_name') FROM users WHERE username = '%s'",
                 number, name);
        snprintf(expected, expected_size, "%s|%d|client%d", name, number, client);
    }
}

static void *client(void *context)
{
    int self = (int) (intptr_t) context;
    unsigned seed = (unsigned) self;
    char conninfo[80];
    snprintf(conninfo, sizeof conninfo, "dbname=app user=app application_name=client%d", self);
    PGconn *conn = NULL;
    for (int number = 0; !atomic_load(&over); number++) {
        char sql[200], expected[60];
        if (!conn || PQstatus(conn) != CONNECTION_OK) {
            PQfinish(conn);
            conn = try_connect(&keyway, conninfo);
            if (PQstatus(conn) != CONNECTION_OK) {
                pause_briefly();
                continue;
            }
        }
        write_statement(&seed, self, (int) seed % 1000 * 1000 + number, sql, sizeof sql, expected,
                        sizeof expected);
        char *answer = ask(conn, sql);
        if (strcmp(answer, expected) == 0)
            atomic_fetch_add(&answered, 1);
        else if (strstr(answer, "TIMEOUT"))
            atomic_fetch_add(&hung, 1);
        else if (strncmp(answer, "ERROR", 5) == 0)
            atomic_fetch_add(&failed, 1);
        else
            atomic_fetch_add(&wrong, 1);
        free(answer);
    }
    PQfinish(conn);
    return NULL;
}

static void run_for(int ms)
{
    for (long end = milliseconds() + ms; milliseconds() < end;)
        pause_briefly();
}

Test(chaos, shards_are_killed_and_come_back_under_load)
{
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client, (void *) (intptr_t) (i + 1));
    run_for(1000);
    for (int shard = 0; shard < 3; shard++) {
        cluster_kill_server(shard);
        run_for(1000);
        cluster_start_server(shard);
        run_for(1000);
    }
    atomic_store(&over, true);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    cr_expect_eq(wrong, 0, "%d answers belonged to somebody else", wrong);
    cr_expect_eq(hung, 0, "%d clients were not answered", hung);
    cr_expect_gt(answered, 500, "only %d answers (%d errors)", answered, failed);
    PGconn *conn = connect_keyway(&keyway, NULL);
    EXPECT_SOON(conn, "SELECT count(*) FROM users", "200", 10000);
    PQfinish(conn);
}
