/*
 * A child that dies with its parent: a test that crashes takes its server along.
 */
#include "tests/integration/process.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/cluster.h"

static void become_keyway(const char *configuration, const char *log)
{
    const char *program = getenv("KEYWAY");
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    for (fd = 3; fd < 256; fd++)
        close(fd);
    execl(program ? program : "./keyway", "keyway", configuration, (char *) NULL);
}

pid_t process_start(const char *configuration, const char *log)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent)
        become_keyway(configuration, log);
    _exit(127);
}

bool process_await(pid_t pid, int port)
{
    char conninfo[120];
    long deadline = milliseconds() + 20000;
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=app user=app connect_timeout=5 sslmode=disable",
             port);
    while (PQping(conninfo) != PQPING_OK) {
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid || milliseconds() > deadline)
            return false;
        pause_briefly();
    }
    return true;
}

int process_wait(pid_t pid, int timeout_ms)
{
    long deadline = milliseconds() + timeout_ms;
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (milliseconds() > deadline)
            return -1;
        pause_briefly();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void process_show_log(const char *log)
{
    fflush(NULL);
    run("echo '--- the end of the log:' >&2; tail -n 40 %s >&2", log);
}
