/*
 * The inbox is a locked list and an eventfd: the sender that finds it empty wakes the loop, which takes the
 * whole list at once. Everything that is to happen before the loop sleeps hangs on one ev_prepare watcher.
 *
 * With a ring the thread waits in the ring and not in libev.  libev keeps what is rare; so that the ring can wait for it as well, its
 * descriptor, which it does not tell, is foreseen when the loop is made, and then seen to be of the kind "eventpoll".
 */
#include "proxy/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "proxy/stream.h"

/* What happens by time (the proxy's tick) is libev's, and may be as late as this. */
static const double pulse_seconds = 0.1;

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

static void wake(struct worker *worker)
{
    uint64_t once = 1;
    while (write(worker->wake.fd, &once, sizeof(once)) < 0 && errno == EINTR)
        ;
}

static void woken(struct worker *worker)
{
    run_inbox(worker);
    worker->stopped = worker->stopping;
}

static void woken_by_libev(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void) events;
    struct worker *worker = watcher->data;
    while (read(watcher->fd, &worker->wakings, sizeof(worker->wakings)) < 0 && errno == EINTR)
        ;
    woken(worker);
    if (worker->stopped)
        ev_break(loop, EVBREAK_ALL);
}

static struct worker *worker_of(struct ring_request *request)
{
    return (struct worker *) ((char *) request - offsetof(struct worker, woken));
}

static void await_waking(struct worker *worker)
{
    ring_read(worker->ring, &worker->woken, worker->wake.fd, &worker->wakings, sizeof(worker->wakings));
}

static void woken_by_ring(struct ring_request *request, int result)
{
    struct worker *worker = worker_of(request);
    (void) result;
    await_waking(worker);
    woken(worker);
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
static bool should_let_others_run(struct worker *worker)
{
    bool busy = worker->received > 1;
    worker->received = 0;
    return busy;
}

static void going_to_sleep(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    (void) events;
    struct worker *worker = watcher->data;
    end_turn(worker);
    if (should_let_others_run(worker))
        sched_yield();
    if (worker->dirty != NULL)
        ev_idle_start(loop, &worker->more);
    else
        ev_idle_stop(loop, &worker->more);
}

static void stay_awake(struct ev_loop *loop, struct ev_idle *watcher, int events)
{
    (void) loop, (void) watcher, (void) events; /* that it is active is what keeps the loop from sleeping */
}

static bool is_event_poll(int fd)
{
    char path[40], target[40] = "";
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, "anon_inode:[eventpoll]") == 0;
}

/* The kernel gives the lowest number that is free: the next descriptor will have this one. */
static int next_descriptor(void)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return fd;
}

struct worker *worker_new(int number)
{
    int wake_fd = eventfd(0, EFD_CLOEXEC);
    if (wake_fd < 0)
        return NULL;
    int fd = next_descriptor();
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (loop == NULL) {
        close(wake_fd);
        return NULL;
    }
    struct worker *worker = memory_alloc(sizeof(*worker));
    worker->number = number;
    worker->loop = loop;
    worker->loop_fd = fd >= 0 && is_event_poll(fd) ? fd : -1;
    worker->read_buffer = memory_alloc(WORKER_READ_BUFFER);
    worker->encrypted = memory_alloc(WORKER_ENCRYPTED);
    worker->dirty_tail = &worker->dirty;
    worker->inbox_tail = &worker->inbox;
    pthread_mutex_init(&worker->inbox_lock, NULL);
    ev_prepare_init(&worker->before_sleep, going_to_sleep);
    ev_idle_init(&worker->more, stay_awake);
    ev_io_init(&worker->wake, woken_by_libev, wake_fd, EV_READ);
    worker->woken.completed = woken_by_ring;
    worker->before_sleep.data = worker->wake.data = worker;
    ev_prepare_start(loop, &worker->before_sleep);
    ev_io_start(loop, &worker->wake);
    return worker;
}

static void run_ring(struct worker *worker)
{
    worker->watches_changed = true;
    ev_io_stop(worker->loop, &worker->wake);
    await_waking(worker);
    while (!worker->stopped) {
        end_turn(worker);
        if (worker->watches_changed) {
            worker->watches_changed = false;
            ev_run(worker->loop, EVRUN_NOWAIT);
            continue;
        }
        bool yield = should_let_others_run(worker);
        if (ring_turn(worker->ring, worker->loop, yield, worker->dirty == NULL))
            worker->watches_changed = true;
    }
    ring_free(worker->ring);
    worker->ring = NULL;
}

bool worker_can_use_ring(const char **reason)
{
    struct ring *ring = ring_new(-1, pulse_seconds, reason);
    ring_free(ring);
    return ring != NULL;
}

void worker_use_ring(struct worker *worker)
{
    worker->wants_ring = worker->loop_fd >= 0;
}

void worker_unwatch(struct worker *worker, int fd)
{
    epoll_ctl(worker->loop_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* --- accepting ----------------------------------------------------------------------------------------------- */

/* A ring's accept() waits in the kernel; libev's must not, should the one who connects have left in between. */
static void fit_for_accepting(struct worker_accept *accept, bool blocking)
{
    if (accept->blocking == blocking)
        return;
    int flags = fcntl(accept->fd, F_GETFL);
    fcntl(accept->fd, F_SETFL, blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
    accept->blocking = blocking;
}

static void accepted_by_ring(struct ring_request *request, int result)
{
    struct worker_accept *accept = (struct worker_accept *) request; /* its first member */
    accept->accepted(accept, accept->worker, result);
}

static void accept_by_libev(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void) events;
    struct worker_accept *accept = watcher->data;
    int fd = accept4(accept->fd, (struct sockaddr *) &accept->address, &accept->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int result = fd < 0 ? -errno : fd;
    ev_io_stop(loop, watcher);
    accept->accepted(accept, accept->worker, result);
}

void worker_accept(struct worker *worker, struct worker_accept *accept)
{
    accept->worker = worker;
    accept->length = sizeof(accept->address);
    fit_for_accepting(accept, worker->ring != NULL);
    if (worker->ring != NULL) {
        accept->request.completed = accepted_by_ring;
        ring_accept(worker->ring, &accept->request, accept->fd, (struct sockaddr *) &accept->address, &accept->length);
    } else {
        ev_io_init(&accept->acceptable, accept_by_libev, accept->fd, EV_READ);
        accept->acceptable.data = accept;
        ev_io_start(worker->loop, &accept->acceptable);
    }
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    const char *reason;
    if (worker->wants_ring)
        worker->ring = ring_new(worker->loop_fd, pulse_seconds, &reason);
    if (worker->ring != NULL)
        run_ring(worker);
    else
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
    bool was_empty = worker->inbox == NULL;
    *worker->inbox_tail = message;
    worker->inbox_tail = &message->next;
    pthread_mutex_unlock(&worker->inbox_lock);
    if (was_empty)
        wake(worker);
}

void worker_stop(struct worker *worker)
{
    worker->stopping = true;
    wake(worker);
}

void worker_free(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    while (run_inbox(worker) || worker->deferred_count > 0)
        end_turn(worker);
    ev_loop_destroy(worker->loop);
    close(worker->wake.fd);
    for (int i = 0; i < worker->spare_count; i++)
        free(worker->spares[i]);
    pthread_mutex_destroy(&worker->inbox_lock);
    arena_free(&worker->scratch);
    free(worker->deferred);
    free(worker->read_buffer);
    free(worker->encrypted);
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

void worker_lend_memory(struct worker *worker, struct buffer *buffer)
{
    if (buffer->bytes != NULL)
        return;
    buffer->bytes =
        worker->spare_count > 0 ? worker->spares[--worker->spare_count] : memory_resize(NULL, WORKER_SPARE);
    buffer->capacity = WORKER_SPARE;
}

void worker_take_memory(struct worker *worker, struct buffer *buffer)
{
    if (buffer->bytes == NULL)
        return;
    if (worker != NULL && buffer->capacity == WORKER_SPARE && worker->spare_count < WORKER_SPARES) {
        worker->spares[worker->spare_count++] = buffer->bytes;
        *buffer = (struct buffer){0};
    } else {
        buffer_free(buffer);
    }
}
