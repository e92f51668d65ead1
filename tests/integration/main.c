/*
 * The integration tests' main process: it owns the PostgreSQL servers.  Criterion runs each test in a process
 * of its own, so that whatever a test does to itself, the servers are stopped and removed here.
 */
#include <criterion/criterion.h>
#include <criterion/options.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/integration/cluster.h"

static pid_t owner;

static void stop_on_signal(int number)
{
    if (getpid() == owner)
        cluster_destroy();
    _exit(128 + number);
}

int main(int argc, char **argv)
{
    owner = getpid();
    setenv("LC_ALL", "C.UTF-8", 1);
    struct criterion_test_set *tests = criterion_initialize();
    int failed = 0;
    if (criterion_handle_args(argc, argv, true)) {
        criterion_options.jobs = 1; /* the servers are shared, and some tests kill them */
        signal(SIGINT, stop_on_signal);
        signal(SIGTERM, stop_on_signal);
        failed = !cluster_create("C") || !criterion_run_all_tests(tests) || cluster_has_failure();
        cluster_destroy();
    }
    criterion_finalize(tests);
    return failed;
}
