/*
 * main: from the command line to running workers, and the signals until they stop.
 */
#include <ev.h>
#include <malloc.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "config/arena.h"
#include "proxy/blocking.h"
#include "proxy/client.h"
#include "proxy/keyway.h"
#include "proxy/listener.h"
#include "proxy/log.h"
#include "proxy/session.h"
#include "proxy/statement.h"
#include "proxy/tls.h"
#include "proxy/worker_watch.h"
#include "router/routing.h"

enum { BLOCKING_THREADS = 4 };

static struct ev_loop *main_loop;
static struct ev_async drained;
static const double tick_seconds = 0.1;
static const double trim_seconds = 5;

static const char help[] =
    "Keyway is a sharding proxy for PostgreSQL.\n"
    "\n"
    "Usage:\n"
    "  keyway FILE           run in the foreground with this configuration\n"
    "  keyway --check FILE   report every mistake in it and stop\n"
    "  keyway --version      show the version\n"
    "  keyway --help         show this\n"
    "\n"
    "SIGHUP reads FILE again, SIGTERM waits for transactions to end and stops, SIGINT stops at once.\n";

/* Settings that are free of mistakes, or NULL after they were printed. */
static struct settings *load(const char *file)
{
    struct diagnostics diagnostics = {0};
    struct settings *settings = settings_load(file, &diagnostics);
    if (settings && !routing_check(settings, &diagnostics)) {
        settings_release(settings);
        settings = NULL;
    }
    diagnostics_print(&diagnostics, stderr);
    diagnostics_free(&diagnostics);
    return settings;
}

static int check(const char *file)
{
    struct settings *settings = load(file);
    if (settings == NULL)
        return 1;
    settings_release(settings);
    printf("%s: no mistakes found\n", file);
    return 0;
}

/* --- signals ------------------------------------------------------------------------------------------------- */

static void reload_work(struct blocking_job *job)
{
    struct error error = {0};
    (void) job;
    if (keyway_reload(&error))
        log_line(LOG_INFO, "the configuration was read again");
    else
        log_line(LOG_ERROR, "%s\n%s", error.message, error.detail ? error.detail : "");
    error_clear(&error);
}

static void reload_finish(struct blocking_job *job)
{
    free(job);
}

static void on_hangup(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void) loop, (void) watcher, (void) events;
    struct blocking_job *job = memory_alloc(sizeof(*job));
    job->work = reload_work;
    job->finish = reload_finish;
    blocking_submit(job);
}

static void on_terminate(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void) loop, (void) watcher, (void) events;
    log_line(LOG_INFO, "SIGTERM: waiting for clients to finish");
    listener_close();
    keyway_shutdown(true);
}

static void on_interrupt(struct ev_loop *loop, ev_signal *watcher, int events)
{
    (void) loop, (void) watcher, (void) events;
    log_line(LOG_INFO, "SIGINT: stopping now");
    listener_close();
    keyway_shutdown(false);
}

/* --- memory -------------------------------------------------------------------------------------------------- */

/*
 * What a rush of clients took lies about between what they keep, and the C library gives nothing back of that by itself.  Only
 * much of it is worth the milliseconds that it takes, on this thread, which serves nobody.
 */
static void on_trim(struct ev_loop *loop, ev_timer *timer, int events)
{
    enum { MUCH = 8 * 1024 * 1024 };
    (void) loop, (void) timer, (void) events;
    struct mallinfo2 memory = mallinfo2();
    if (memory.fordblks > MUCH && memory.fordblks > memory.uordblks / 2)
        malloc_trim(0);
}

/* --- the end ------------------------------------------------------------------------------------------------- */

void keyway_worker_drained(void)
{
    ev_async_send(main_loop, &drained);
}

static void on_drained(struct ev_loop *loop, ev_async *watcher, int events)
{
    (void) watcher, (void) events;
    if (atomic_load(&keyway.client_count) == 0)
        ev_break(loop, EVBREAK_ALL);
}

/* --- start --------------------------------------------------------------------------------------------------- */

static int worker_count(const struct settings *settings)
{
    long count = settings->workers > 0 ? settings->workers : sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > KEYWAY_MAX_WORKERS ? KEYWAY_MAX_WORKERS : (int) count;
}

static void worker_prepare(struct worker *worker, struct settings *settings, SSL_CTX *tls)
{
    struct worker_state *state = memory_alloc(sizeof(*state));
    state->worker = worker;
    state->settings = settings_hold(settings);
    state->tls = tls;
    if (tls)
        SSL_CTX_up_ref(tls);
    state->sessions = session_store_new();
    state->statements = statement_store_new();
    worker->state = state;
    ev_timer_init(&state->tick, keyway_tick, tick_seconds, tick_seconds);
    state->tick.data = worker;
    ev_timer_start(worker->loop, &state->tick);
}

static bool may_use_ring(const struct settings *settings)
{
    const char *reason = NULL;
    if (settings->io == IO_EPOLL)
        return false;
    bool may = worker_can_use_ring(&reason);
    if (!may)
        log_line(settings->io == IO_URING ? LOG_WARNING : LOG_INFO, "epoll is used: the kernel refuses io_uring: %s", reason);
    return may;
}

static bool start_workers(struct settings *settings, struct error *error)
{
    SSL_CTX *tls = tls_client_context(settings, error);
    if (error_is_set(error))
        return false;
    bool ring = may_use_ring(settings);
    keyway.worker_count = worker_count(settings);
    for (int i = 0; i < keyway.worker_count; i++) {
        keyway.workers[i] = worker_new(i);
        worker_prepare(keyway.workers[i], settings, tls);
        if (ring)
            worker_use_ring(keyway.workers[i]);
    }
    SSL_CTX_free(tls);
    for (int i = 0; i < keyway.worker_count; i++)
        if (!worker_start(keyway.workers[i])) {
            error_set(error, SQLSTATE_INTERNAL_ERROR, "cannot start a thread");
            return false;
        }
    return true;
}

static void load_databases(struct settings *settings)
{
    keyway_install_databases(settings);
    for (size_t i = 0; i < settings->database_count; i++) {
        struct error error = {0};
        if (!database_load_now(keyway_database(settings->databases[i].name), settings, &error))
            log_line(LOG_ERROR, "database \"%s\": %s: %s (tried again when a client asks for it)",
                     settings->databases[i].name, error.message, error.detail ? error.detail : "");
        error_clear(&error);
    }
}

static void watch_signals(ev_signal watchers[3])
{
    ev_signal_init(&watchers[0], on_hangup, SIGHUP);
    ev_signal_init(&watchers[1], on_terminate, SIGTERM);
    ev_signal_init(&watchers[2], on_interrupt, SIGINT);
    for (int i = 0; i < 3; i++)
        ev_signal_start(main_loop, &watchers[i]);
    ev_async_init(&drained, on_drained);
    ev_async_start(main_loop, &drained);
    signal(SIGPIPE, SIG_IGN);
}

/* As many descriptors as the system lets us have: every client and every server needs one. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void write_pid(const char *file)
{
    FILE *out = file ? fopen(file, "w") : NULL;
    if (out) {
        fprintf(out, "%ld\n", (long) getpid());
        fclose(out);
    }
}

static int run(const char *file)
{
    ev_signal watchers[3];
    ev_timer trim;
    struct error error = {0};
    struct timeval now;
    struct settings *settings = load(file);
    if (settings == NULL)
        return 1;
    keyway.config_file = file;
    keyway.settings = settings_hold(settings);
    gettimeofday(&now, NULL);
    keyway.started_at = (double) now.tv_sec + (double) now.tv_usec / 1e6;
    raise_file_limit();
    main_loop = ev_default_loop(EVFLAG_AUTO);
    watch_signals(watchers);
    ev_timer_init(&trim, on_trim, trim_seconds, trim_seconds);
    ev_timer_start(main_loop, &trim);
    if (!log_open(settings->log_file) || !blocking_start(BLOCKING_THREADS)) {
        fprintf(stderr, "keyway: cannot open the log or start threads\n");
        return 1;
    }
    if (!start_workers(settings, &error)) {
        log_line(LOG_FATAL, "%s: %s", error.message, error.detail ? error.detail : "");
        return 1;
    }
    load_databases(settings);
    if (!listener_open(settings, &error)) {
        log_line(LOG_FATAL, "%s", error.message);
        return 1;
    }
    worker_watch_start(main_loop);
    write_pid(settings->pid_file);
    log_line(LOG_INFO, "keyway %s is ready on %s, %d workers", KEYWAY_VERSION, settings->listen, keyway.worker_count);
    settings_release(settings); /* a client may already have had them replaced */
    ev_run(main_loop, 0);
    log_line(LOG_INFO, "keyway stops");
    settings = keyway_settings(); /* a reload may have replaced those of the start */
    if (settings->pid_file)
        unlink(settings->pid_file);
    fflush(NULL);
    _exit(0); /* worker threads still hold their servers: the kernel closes them */
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return printf("keyway %s\n", KEYWAY_VERSION) < 0;
    if (argc == 3 && strcmp(argv[1], "--check") == 0)
        return check(argv[2]);
    if (argc == 2 && argv[1][0] != '-')
        return run(argv[1]);
    fputs(help, stderr);
    return 2;
}
