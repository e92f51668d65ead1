/*
 * It is the main thread that looks, which serves nobody, twice a second and at the clocks of the workers' threads: a statement pays nothing
 * for it. A thread that has to wait for a processor is not busy: where processors are missing, clients on several threads cost more of
 * them.
 */
#include "proxy/worker_watch.h"

#include <pthread.h>
#include <time.h>

#include "proxy/balance.h"
#include "proxy/client_move.h"
#include "proxy/keyway.h"

static const double look_seconds = 0.5;

enum {
    SETTLES = 2,       /* looks during which a worker that gave or took clients is left alone */
    GATHERS_AFTER = 6, /* looks after a spreading */
};

struct watched { /* a worker; the main thread's */
    double cpu;  /* seconds its thread has run */
    int usual, settles;
};

static struct watched watched[KEYWAY_MAX_WORKERS];
static double looked_at;
static int looks_since_spreading = GATHERS_AFTER;
static ev_timer look_timer;

static double seconds_of(clockid_t clock)
{
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return (double) time.tv_sec + (double) time.tv_nsec / 1e9;
}

static double cpu_of(const struct worker *worker)
{
    clockid_t clock;
    return pthread_getcpuclockid(worker->thread, &clock) == 0 ? seconds_of(clock) : 0;
}

static struct balance_load look_at(int number, double elapsed)
{
    struct worker *worker = keyway.workers[number];
    struct watched *watch = &watched[number];
    double cpu = cpu_of(worker);
    int busy = (int) ((cpu - watch->cpu) * BALANCE_WHOLE / elapsed);
    watch->cpu = cpu;
    watch->usual += (busy - watch->usual) / 4;
    atomic_store(&worker->busy, busy);
    bool settles = watch->settles > 0;
    watch->settles -= settles;
    return (struct balance_load){atomic_load(&worker->client_count), busy, watch->usual, settles};
}

static void carry_out(const struct balance_move *move)
{
    bool spreads = move->share < BALANCE_WHOLE;
    if (spreads) {
        watched[move->from].settles = watched[move->to].settles = SETTLES;
        looks_since_spreading = 0;
    }
    clients_give(keyway.workers[move->from], keyway.workers[move->to], move->share, look_seconds);
}

static int full_share(void)
{
    struct settings *settings = keyway_settings();
    int full = (int) settings->worker_load * BALANCE_WHOLE / 100;
    settings_release(settings);
    return full;
}

static void look(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct balance_load loads[KEYWAY_MAX_WORKERS];
    struct balance_move moves[KEYWAY_MAX_WORKERS];
    double now = seconds_of(CLOCK_MONOTONIC), elapsed = now - looked_at;
    (void) loop, (void) timer, (void) events;
    if (elapsed < look_seconds / 2) /* the loop was late with the look before */
        return;
    looked_at = now;
    for (int i = 0; i < keyway.worker_count; i++)
        loads[i] = look_at(i, elapsed);
    int made = balance_decide(loads, keyway.worker_count, full_share(), looks_since_spreading >= GATHERS_AFTER, moves);
    looks_since_spreading += looks_since_spreading < GATHERS_AFTER;
    for (int i = 0; i < made; i++)
        carry_out(&moves[i]);
}

void worker_watch_start(struct ev_loop *loop)
{
    looked_at = seconds_of(CLOCK_MONOTONIC);
    for (int i = 0; i < keyway.worker_count; i++)
        watched[i].cpu = cpu_of(keyway.workers[i]);
    ev_timer_init(&look_timer, look, look_seconds, look_seconds);
    ev_timer_start(loop, &look_timer);
}

struct worker *worker_for_client(int worker_load)
{
    struct balance_load loads[KEYWAY_MAX_WORKERS];
    for (int i = 0; i < keyway.worker_count; i++)
        loads[i] =
            (struct balance_load){.clients = atomic_load(&keyway.workers[i]->client_count), .busy = atomic_load(&keyway.workers[i]->busy)};
    return keyway.workers[balance_place(loads, keyway.worker_count, worker_load * BALANCE_WHOLE / 100)];
}
