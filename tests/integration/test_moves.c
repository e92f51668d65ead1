/*
 * Servers that move between workers, because clients wait on both of them: each client gets its own rows, whole and once.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/fixture.h"

enum { CLIENTS = 80, ROUNDS = 8, ROWS = 5 }; /* clients come to a worker in blocks of 32 */

static struct keyway keyway;
static PGconn *clients[CLIENTS];

static void start(bool plain)
{
    keyway_start(&keyway, &(struct keyway_setup){.plain = plain, .settings = "workers = 2\nworker_load = 0\npool_size = 3\n"});
    for (int i = 0; i < CLIENTS; i++)
        clients[i] = connect_keyway(&keyway, NULL);
}

static void stop(void)
{
    for (int i = 0; i < CLIENTS; i++)
        PQfinish(clients[i]);
    keyway_stop(&keyway);
}

TestSuite(moves, .fini = stop, .timeout = 120);

/* Rows of several receipts, whose ends fall into the middle of others. */
static int row_length(int client, int round)
{
    return 3000 + 797 * ((client * 7 + round * 13) % 40);
}

static void ask_all(int round, const char *sql, bool extended)
{
    for (int i = 0; i < CLIENTS; i++) {
        char text[300];
        snprintf(text, sizeof text, sql, i, row_length(i, round), ROWS);
        cr_assert(extended ? PQsendQueryParams(clients[i], text, 0, NULL, NULL, NULL, NULL, 0) : PQsendQuery(clients[i], text),
                  "%s", PQerrorMessage(clients[i]));
    }
}

static void expect_own_rows(int client, int round)
{
    char number[12];
    PGresult *result = PQgetResult(clients[client]), *next;
    snprintf(number, sizeof number, "%d", client);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "client %d, round %d: %s", client, round, PQerrorMessage(clients[client]));
    cr_assert_eq(PQntuples(result), ROWS, "client %d, round %d: %d rows", client, round, PQntuples(result));
    for (int row = 0; row < ROWS; row++) {
        cr_assert_str_eq(PQgetvalue(result, row, 0), number, "round %d", round);
        cr_assert_eq(PQgetlength(result, row, 1), row_length(client, round), "client %d, round %d", client, round);
    }
    PQclear(result);
    next = PQgetResult(clients[client]);
    cr_assert_null(next, "client %d, round %d: more than it asked for", client, round);
}

static void ask_and_expect(const char *sql, bool extended)
{
    for (int round = 0; round < ROUNDS; round++) {
        ask_all(round, sql, extended);
        for (int i = 0; i < CLIENTS; i++)
            expect_own_rows(i, round);
    }
}

#define OWN_ROWS "SELECT %d, repeat('x', %d) FROM generate_series(1, %d)"

Test(moves, replies_that_are_passed_on)
{
    start(true);
    ask_and_expect(OWN_ROWS, false);
    ask_and_expect(OWN_ROWS, true);
}

Test(moves, replies_that_are_read_on_the_way)
{
    start(false);
    EXPECT(clients[0], "INSERT INTO users (username) VALUES ('ann')", "INSERT 0 1");
    EXPECT(clients[0], "INSERT INTO users (username) VALUES ('max')", "INSERT 0 1");
    EXPECT(clients[0], "INSERT INTO users (username) VALUES ('zoe')", "INSERT 0 1");
    ask_and_expect("SELECT %d, repeat('x', %d) FROM users, generate_series(1, %d) AS n ORDER BY n, username LIMIT 5", false);
}
