/*
 * cluster: the real PostgreSQL servers that integration tests run against.
 *
 * Servers 0 … 6 are shards, the last one is the oracle: one plain PostgreSQL that holds all rows and whose
 * answers are the right ones.  The test program's main process makes them and removes them; each test runs in
 * a process of its own and finds them through the environment.  A test may stop, kill and restart servers;
 * the next test finds them all up again.
 */
#ifndef KEYWAY_TEST_CLUSTER_H
#define KEYWAY_TEST_CLUSTER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <sys/types.h>

enum { CLUSTER_SHARDS = 7, CLUSTER_ORACLE = CLUSTER_SHARDS, CLUSTER_SERVERS };

/*
 * Main process only: make and start everything (false: said why on stderr); stop and remove everything.
 * `locale` is that of the databases: a name of the C library ("C", "en_US.UTF-8") or "icu:" and one of ICU.
 * The servers, and what this process starts from then on, find C.UTF-8 and en_US.UTF-8 on any machine.
 */
bool cluster_create(const char *locale);
void cluster_destroy(void);

/* The folder all files of this run live in: certificates are ca.crt, server.crt/.key, client.crt/.key
 * (CN=app). */
const char *cluster_folder(void);
int cluster_port(int server);

void cluster_start_server(int server); /* waits until it accepts connections */
void cluster_kill_server(
    int server); /* SIGKILL to its postmaster and all its processes, waits until they are gone */
void cluster_stop_server(int server); /* fast shutdown, waits */
void cluster_ensure(void);            /* start those that are down */

/* Criterion does not count what fails in a fini function: note it here, and the whole run fails. */
void cluster_note_failure(void);
bool cluster_has_failure(void);

/* Run a shell command (printf-like); its exit status, 0 for success. */
int run(const char *format, ...) __attribute__((format(printf, 1, 2)));
int free_port(void);
long milliseconds(void); /* a monotonic clock */
/* Wait for a short while between two looks at something that gives no event. */
void pause_briefly(void);

#endif
