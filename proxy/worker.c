/*
 * The inbox is a locked list and an ev_async: the sender that finds it empty wakes the loop, which takes the
 * whole list at once. Everything that is to happen before the loop sleeps hangs on one ev_prepare watcher.
 */
#include "proxy/worker.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#include "proxy/stream.h"

struct worker_deferred {
    void (*function)(void *);
    void *argument;
};

static struct inbox_message *take_inbox(struct worker *worker)
{
    pthread_mutex_lock(&worker->inbox_lock);
    struct inbox_message *first = worker->inbox;
    worker->inbox = NULL;
    worker->inbox_tail = &worker->inbox;
    pthread_mutex_unlock(&worker->inbox_lock);
    return first;
}

static bool run_inbox(struct worker *worker)
{
    struct inbox_message *message = take_inbox(worker);
    bool any = message != NULL;
    while (message != NULL) {
        struct inbox_message *next = message->next;
        message->run(message, worker);
        message = next;
    }
    return any;
}

static void run_deferred(struct worker *worker)
{
    for (size_t i = 0; i < worker->deferred_count; i++) {
        struct worker_deferred deferred = worker->deferred[i];
        deferred.function(deferred.argument); /* which may defer more */
    }
    worker->deferred_count = 0;
}

static void woken(struct ev_loop *loop, struct ev_async *watcher, int events)
{
    (void) events;
    struct worker *worker = watcher->data;
    run_inbox(worker);
    if (worker->stopping)
        ev_break(loop, EVBREAK_ALL);
}

static void end_turn(struct worker *worker)
{
    stream_turn_end(worker);
    run_deferred(worker);
}

/*
 * Under load the processes that this turn has given work to run first, where they share the processor, and the next turn finds several
 * answers at once: fewer and fuller turns, a tenth less CPU per statement (bench/README.md).  A loop with little to do sleeps at once,
 * and is woken at once.
 */
static void let_others_run(struct worker *worker)
{
    if (worker->received > 1)
        sched_yield();
    worker->received = 0;
}

static void going_to_sleep(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    (void) events;
    struct worker *worker = watcher->data;
    end_turn(worker);
    let_others_run(worker);
    if (worker->dirty != NULL)
        ev_idle_start(loop, &worker->more);
    else
        ev_idle_stop(loop, &worker->more);
}

static void stay_awake(struct ev_loop *loop, struct ev_idle *watcher, int events)
{
    (void) loop, (void) watcher, (void) events; /* that it is active is what keeps the loop from sleeping */
}

struct worker *worker_new(int number)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (loop == NULL)
        return NULL;
    struct worker *worker = memory_alloc(sizeof(*worker));
    worker->number = number;
    worker->loop = loop;
    worker->read_buffer = memory_alloc(WORKER_READ_BUFFER);
    worker->dirty_tail = &worker->dirty;
    worker->inbox_tail = &worker->inbox;
    pthread_mutex_init(&worker->inbox_lock, NULL);
    ev_prepare_init(&worker->before_sleep, going_to_sleep);
    ev_idle_init(&worker->more, stay_awake);
    ev_async_init(&worker->wake, woken);
    worker->before_sleep.data = worker->wake.data = worker;
    ev_prepare_start(loop, &worker->before_sleep);
    ev_async_start(loop, &worker->wake);
    return worker;
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    ev_run(worker->loop, 0);
    while (run_inbox(worker) || worker->dirty != NULL || worker->deferred_count > 0)
        end_turn(worker);
    return NULL;
}

bool worker_start(struct worker *worker)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    worker->started = pthread_create(&worker->thread, NULL, worker_main, worker) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return worker->started;
}

void worker_send(struct worker *worker, struct inbox_message *message)
{
    message->next = NULL;
    pthread_mutex_lock(&worker->inbox_lock);
    bool wake = worker->inbox == NULL;
    *worker->inbox_tail = message;
    worker->inbox_tail = &message->next;
    pthread_mutex_unlock(&worker->inbox_lock);
    if (wake)
        ev_async_send(worker->loop, &worker->wake);
}

void worker_stop(struct worker *worker)
{
    worker->stopping = true;
    ev_async_send(worker->loop, &worker->wake);
}

void worker_free(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    while (run_inbox(worker) || worker->deferred_count > 0)
        end_turn(worker);
    ev_loop_destroy(worker->loop);
    for (int i = 0; i < worker->spare_count; i++)
        free(worker->spares[i]);
    pthread_mutex_destroy(&worker->inbox_lock);
    arena_free(&worker->scratch);
    free(worker->deferred);
    free(worker->read_buffer);
    free(worker);
}

void worker_defer_free(struct worker *worker, void (*function)(void *), void *argument)
{
    if (worker->deferred_count == worker->deferred_capacity) {
        worker->deferred_capacity = worker->deferred_capacity ? worker->deferred_capacity * 2 : 16;
        worker->deferred =
            memory_resize(worker->deferred, worker->deferred_capacity * sizeof(*worker->deferred));
    }
    worker->deferred[worker->deferred_count++] = (struct worker_deferred){function, argument};
}
