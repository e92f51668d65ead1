/*
 * Clients that move between workers, because these have much to do, or little: nobody notices.
 *
 * All clients ask, and are answered, in rounds.  All at once, and one round behind the other, they make a worker busy, and it gives clients away;
 * one client after the other, at a pace, they leave the workers with so little to do that these gather their clients.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/console.h"
#include "tests/integration/watch.h"

enum { CLIENTS = 90, SOON_MS = 60000, LONGEST_ROUND = 12 /* seconds */ };

static struct keyway keyway;
static PGconn *clients[CLIENTS], *console;
static int client_count, last_round;

/* --- the clients --------------------------------------------------------------------------------------------- */

/* What a client is like; each statement's answer tells whose it is, and of which round. */
enum role { PLAIN, WITH_PARAMETERS, PREPARED, UNNAMED, WITH_SETTINGS, IN_TRANSACTION, LISTENING, ROLES };
enum { LISTENERS = 3 };

static enum role role_of(int client)
{
    enum role role = (enum role)(client % ROLES);
    return role == LISTENING && client >= LISTENERS * ROLES ? PLAIN : role;
}

static void prepare(int client, const char *name)
{
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT %d, $1::int", client);
    PGresult *result = PQprepare(clients[client], name, sql, 0, NULL);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQerrorMessage(clients[client]));
    PQclear(result);
}

static void begin(int client)
{
    char sql[100];
    switch (role_of(client)) {
    case PREPARED:
        prepare(client, "own");
        break;
    case UNNAMED:
        prepare(client, "");
        break;
    case WITH_SETTINGS:
        snprintf(sql, sizeof sql, "SET application_name = '%d'", client);
        EXPECT(clients[client], sql, "SET");
        break;
    case LISTENING:
        snprintf(sql, sizeof sql, "LISTEN own_%d", client);
        EXPECT(clients[client], sql, "LISTEN");
        break;
    case PLAIN:
    case WITH_PARAMETERS:
    case IN_TRANSACTION:
    case ROLES:
        break;
    }
}

static const char *in_transaction(int round, const char *sql)
{
    return round % 3 == 0 ? "BEGIN" : round % 3 == 2 ? "COMMIT" : sql;
}

static void ask_own(int client, int round)
{
    PGconn *conn = clients[client];
    char sql[200], number[12];
    const char *values[] = {number};
    snprintf(number, sizeof number, "%d", round);
    snprintf(sql, sizeof sql, "SELECT %d, %d", client, round);
    int sent = 0;
    switch (role_of(client)) {
    case PLAIN:
    case LISTENING:
    case ROLES:
        sent = PQsendQuery(conn, sql);
        break;
    case WITH_PARAMETERS:
        snprintf(sql, sizeof sql, "SELECT %d, $1::int", client);
        sent = PQsendQueryParams(conn, sql, 1, NULL, values, NULL, NULL, 0);
        break;
    case PREPARED:
        sent = PQsendQueryPrepared(conn, "own", 1, values, NULL, NULL, 0);
        break;
    case UNNAMED:
        sent = PQsendQueryPrepared(conn, "", 1, values, NULL, NULL, 0);
        break;
    case WITH_SETTINGS:
        snprintf(sql, sizeof sql, "SELECT current_setting('application_name'), %d", round);
        sent = PQsendQuery(conn, sql);
        break;
    case IN_TRANSACTION:
        sent = PQsendQuery(conn, in_transaction(round, sql));
        break;
    }
    cr_assert(sent, "client %d, round %d: %s", client, round, PQerrorMessage(conn));
}

static void expect_own(int client, int round)
{
    char expected[40];
    snprintf(expected, sizeof expected, "%d|%d", client, round);
    expect_next(clients[client], role_of(client) == IN_TRANSACTION ? in_transaction(round, expected) : expected);
}

static void round_of(void)
{
    last_round++;
    for (int i = 0; i < client_count; i++)
        ask_own(i, last_round);
    for (int i = 0; i < client_count; i++)
        expect_own(i, last_round);
}

/* One after another, at a pace. */
static void quiet_round_of(double seconds)
{
    last_round++;
    for (int i = 0; i < client_count; i++) {
        ask_own(i, last_round);
        expect_own(i, last_round);
        poll(NULL, 0, (int) (seconds * 1000 / client_count));
    }
}

/* Those that transact begin anew with the next round. */
static void end_transactions(void)
{
    last_round = last_round / 3 * 3 + 2;
    for (int i = IN_TRANSACTION; i < client_count; i += ROLES)
        EXPECT_LIKE(clients[i], "ROLLBACK", "ROLLBACK");
}

/* --- their moves --------------------------------------------------------------------------------------------- */

static int sum_of_workers(const char *column)
{
    int sum = 0;
    PGresult *result = PQexec(console, "SHOW WORKERS");
    cr_assert_eq(PQntuples(result), 2, "%s", PQerrorMessage(console));
    for (int i = 0; i < 2; i++)
        sum += atoi(PQgetvalue(result, i, PQfnumber(result, column)));
    PQclear(result);
    return sum;
}

/* Nobody is missing meanwhile, or counted twice. */
static void expect_all(void)
{
    cr_expect_eq(count_shown(console, "SHOW CLIENTS", "database", "app"), client_count);
    cr_expect_eq(sum_of_workers("clients"), client_count + 1);
}

/* But those that listen, and keep their servers, and the console. */
static bool are_together(void)
{
    char *text = shown(console, "SHOW WORKERS", "worker", "0", "clients");
    int first = atoi(text), all = client_count + 1;
    free(text);
    return first <= 4 || first >= all - 4;
}

/* What is little for the workers is a matter of the machine: rounds become longer until they have less to do.  Clients at rest do not move, so all
 * of them have to ask now and then. */
static void go_quietly(void)
{
    double seconds = sanitized() ? 1 : 0.3;
    for (long deadline = milliseconds() + 2 * SOON_MS; !are_together(); seconds = seconds < LONGEST_ROUND ? seconds * 1.3 : seconds) {
        cr_assert_lt(milliseconds(), deadline, "not all clients have come to one worker within rounds of %.1f s", seconds);
        quiet_round_of(seconds);
        expect_all();
    }
}

static bool have_moved(int before, long deadline)
{
    int moved = sum_of_workers("clients_left") - before;
    cr_assert_lt(milliseconds(), deadline, "%d clients have moved; the workers are busy for %d per cent", moved, sum_of_workers("busy"));
    return moved >= 5;
}

/* From one worker to both. */
static void go_busily(void)
{
    go_quietly();
    int before = sum_of_workers("clients_left");
    long deadline = milliseconds() + SOON_MS;
    while (!have_moved(before, deadline)) {
        round_of();
        expect_all();
    }
    cr_expect_eq(sum_of_workers("clients_came"), sum_of_workers("clients_left"));
}

/* The same, but each client asks as soon as it has its own answer: requests meet clients that are about to leave. */
static void go_freely(void)
{
    struct pollfd sockets[CLIENTS];
    int rounds[CLIENTS];
    go_quietly();
    int before = sum_of_workers("clients_left"), answers = 0;
    long deadline = milliseconds() + SOON_MS;
    for (int i = 0; i < client_count; i++) {
        sockets[i] = (struct pollfd){.fd = PQsocket(clients[i]), .events = POLLIN};
        ask_own(i, rounds[i] = last_round + 1);
    }
    while (answers % 1000 > 0 || !have_moved(before, deadline)) {
        poll(sockets, (nfds_t) client_count, 1000);
        for (int i = 0; i < client_count; i++) {
            if (sockets[i].revents == 0 || !PQconsumeInput(clients[i]) || PQisBusy(clients[i]))
                continue;
            expect_own(i, rounds[i]);
            ask_own(i, ++rounds[i]);
            answers++;
        }
    }
    for (int i = 0; i < client_count; i++) {
        expect_own(i, rounds[i]);
        last_round = rounds[i] > last_round ? rounds[i] : last_round;
    }
    end_transactions();
}

static void start_with(const char *settings, const char *database, bool plain, int count, const char *conninfo)
{
    char text[2000];
    snprintf(text, sizeof text, "workers = 2\n%s%s", strstr(settings, "worker_load") ? "" : "worker_load = 5\n", settings);
    keyway_start(&keyway, &(struct keyway_setup){.plain = plain, .settings = text, .database = database});
    console = connect_console(&keyway);
    client_count = count;
    for (int i = 0; i < count; i++) {
        clients[i] = connect_keyway(&keyway, conninfo);
        begin(i);
    }
}

static void start(void)
{
    start_with("", NULL, true, CLIENTS, NULL);
}

static void stop(void)
{
    for (int i = 0; i < client_count; i++)
        PQfinish(clients[i]);
    PQfinish(console);
    if (keyway.pid > 0)
        keyway_stop(&keyway);
}

TestSuite(balance, .fini = stop, .timeout = 300);

/* --- what they notice ---------------------------------------------------------------------------------------- */

static void expect_notifications(void)
{
    for (int i = LISTENING; i < LISTENERS * ROLES; i += ROLES) {
        char sql[40], channel[20];
        snprintf(channel, sizeof channel, "own_%d", i);
        snprintf(sql, sizeof sql, "NOTIFY %s, 'x'", channel);
        EXPECT(clients[0], sql, "NOTIFY");
        expect_notification(clients[i], channel, "x");
    }
}

Test(balance, every_answer_is_its_clients_own)
{
    start();
    for (int times = 0; times < 3; times++) {
        go_busily();
        go_quietly();
    }
    expect_notifications();
}

Test(balance, every_answer_is_its_clients_own_over_several_shards)
{
    start_with("", NULL, false, CLIENTS, NULL);
    go_busily();
    go_quietly();
    go_busily();
}

Test(balance, what_a_client_asks_while_it_leaves_goes_with_it)
{
    start();
    for (int times = 0; times < 3; times++)
        go_freely();
}

Test(balance, clients_move_with_their_encryption)
{
    char settings[1500];
    const char *folder = cluster_folder();
    snprintf(settings, sizeof settings,
             "client_tls_sslmode = require\nclient_tls_cert_file = %s/server.crt\nclient_tls_key_file = %s/server.key\n", folder, folder);
    start_with(settings, NULL, true, CLIENTS, "sslmode=require");
    go_busily();
    go_freely();
    cr_expect(PQsslInUse(clients[0]));
}

Test(balance, clients_without_the_latest_tls_move_as_well)
{
    char settings[1500];
    const char *folder = cluster_folder();
    snprintf(settings, sizeof settings,
             "client_tls_sslmode = require\nclient_tls_cert_file = %s/server.crt\nclient_tls_key_file = %s/server.key\n", folder, folder);
    start_with(settings, NULL, true, CLIENTS, "sslmode=require ssl_max_protocol_version=TLSv1.2");
    go_busily();
    go_quietly();
}

Test(balance, a_cancel_request_finds_a_client_that_has_moved)
{
    start();
    go_busily();
    go_quietly();
    for (int i = 0; i < CLIENTS; i += ROLES) {
        char message[256];
        PGcancel *request = PQgetCancel(clients[i]);
        cr_assert(PQsendQuery(clients[i], "SELECT pg_sleep(100)"));
        expect_running(0, "%pg_sleep(100)%", 1);
        cr_assert(PQcancel(request, message, sizeof message), "%s", message);
        expect_next(clients[i], "ERROR 57014: canceling statement due to user request");
        PQfreeCancel(request);
    }
    round_of();
}

Test(balance, a_table_is_known_to_the_client_that_made_it_wherever_it_goes)
{
    start_with("", NULL, false, CLIENTS, NULL);
    for (int times = 0; times < 2; times++) {
        EXPECT(clients[PLAIN], "CREATE TABLE passing (n int)", "CREATE TABLE");
        go_busily();
        EXPECT(clients[PLAIN], "SELECT count(*) FROM passing", "0");
        EXPECT(clients[PLAIN], "DROP TABLE passing", "DROP TABLE");
        go_quietly();
        EXPECT_ERROR(clients[PLAIN], "SELECT count(*) FROM passing", "42P01");
    }
}

Test(balance, clients_come_and_leave_meanwhile)
{
    start();
    for (int times = 0; times < 2; times++) {
        go_busily();
        for (int i = times; i < CLIENTS; i += 3) {
            ask_own(i, 0);
            PQfinish(clients[i]); /* some of them with an answer on its way */
            clients[i] = connect_keyway(&keyway, NULL);
            begin(i);
        }
        end_transactions();
        AWAIT_SHOWN(console, "SHOW CLIENTS", "database", "app", CLIENTS);
        go_quietly();
    }
}

/* --- what the console does ----------------------------------------------------------------------------------- */

Test(balance, nobody_escapes_kill)
{
    start();
    go_busily();
    round_of();
    for (int i = 0; i < CLIENTS; i++)
        ask_own(i, last_round + 1);
    EXPECT(console, "KILL app", "KILL");
    EXPECT_SHOWN(console, "SHOW POOLS", "database", "app", "cl_active", "0");
    cr_expect_eq(count_shown(console, "SHOW CLIENTS", "database", "app"), 0);
    cr_expect_eq(sum_of_workers("clients"), 1);
}

Test(balance, a_reload_and_a_pause_meanwhile)
{
    start();
    go_busily();
    EXPECT(console, "RELOAD", "RELOAD");
    go_quietly();
    end_transactions();
    EXPECT(console, "PAUSE", "PAUSE");
    last_round++;
    for (int i = 0; i < CLIENTS; i++)
        ask_own(i, last_round);
    AWAIT_SHOWN(console, "SHOW CLIENTS", "state", "waiting", CLIENTS - LISTENERS); /* these have servers of their own */
    EXPECT(console, "RESUME", "RESUME");
    for (int i = 0; i < CLIENTS; i++)
        expect_own(i, last_round);
    go_busily();
}

Test(balance, shutting_down_waits_for_transactions_only)
{
    start();
    go_busily();
    EXPECT(console, "SHUTDOWN WAIT_FOR_CLIENTS", "SHUTDOWN");
    for (int i = IN_TRANSACTION; i < CLIENTS; i += ROLES) {
        char *answer = ask(clients[i], "COMMIT");
        free(answer);
    }
    cr_expect_eq(keyway_wait(&keyway, SOON_MS), 0, "keyway did not end by itself");
}

Test(balance, shutting_down_at_once_is_possible_with_statements_under_way)
{
    start();
    go_busily();
    for (int i = 0; i < CLIENTS; i++)
        ask_own(i, last_round + 1);
    EXPECT(console, "SHUTDOWN", "SHUTDOWN");
    cr_expect_eq(keyway_wait(&keyway, SOON_MS), 0, "keyway did not end by itself");
}

/* --- who stays ----------------------------------------------------------------------------------------------- */

static bool has_been_busy(void)
{
    char *busy = shown(console, "SHOW WORKERS", "worker", "0", "busy");
    bool is = atoi(busy) > 10;
    free(busy);
    return is;
}

/* The console is a client, too. */
Test(balance, a_block_of_clients_stays_together_however_busy)
{
    start_with("", NULL, true, 31, NULL);
    long deadline = milliseconds() + SOON_MS;
    for (int times = 0; times < 100;) {
        cr_assert_lt(milliseconds(), deadline, "the worker was not busy");
        round_of();
        times += has_been_busy();
    }
    EXPECT_SHOWN(console, "SHOW WORKERS", "worker", "0", "clients", "32");
    EXPECT_SHOWN(console, "SHOW WORKERS", "worker", "0", "clients_left", "0");
}

Test(balance, clients_are_dealt_out_and_stay_if_the_settings_say_so)
{
    start_with("worker_load = 0\n", NULL, true, CLIENTS, NULL);
    for (int times = 0; times < 100; times++)
        round_of();
    EXPECT_SHOWN(console, "SHOW WORKERS", "worker", "1", "clients", "32");
    cr_expect_eq(sum_of_workers("clients_left"), 0);
}
