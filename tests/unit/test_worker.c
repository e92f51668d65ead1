/*
 * Workers and helper threads: messages run in order, deferred frees after them, jobs come back to who asked.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy/blocking.h"
#include "proxy/log.h"
#include "proxy/worker.h"
#include "tests/unit/stream_scene.h"

struct note {
    struct inbox_message message;
    int number;
};

static int last_number;
static _Atomic int runs;
static _Atomic pthread_t ran_on;

static void run_note(struct inbox_message *message, struct worker *worker)
{
    struct note *note = (struct note *) message;
    cr_assert(pthread_equal(pthread_self(), worker->thread) != 0);
    cr_assert(eq(int, note->number, last_number + 1));
    last_number = note->number;
    runs++;
    free(note);
}

static void send_note(struct worker *worker, int number)
{
    struct note *note = malloc(sizeof(*note));
    note->message.run = run_note;
    note->number = number;
    worker_send(worker, &note->message);
}

Test(worker, messages_run_once_and_in_order_on_its_thread)
{
    struct worker *worker = worker_new(3);
    for (int i = 1; i <= 10; i++)
        send_note(worker, i);
    cr_assert(worker_start(worker));
    for (int i = 11; i <= 5000; i++)
        send_note(worker, i);
    worker_stop(worker);
    worker_free(worker);
    cr_assert(eq(int, last_number, 5000));
}

static void note_free(void *memory)
{
    cr_assert(eq(int, runs, 1)); /* the message that deferred it has returned */
    last_number++;
    free(memory);
}

static void defer(struct inbox_message *message, struct worker *worker)
{
    (void) message;
    for (int i = 0; i < 40; i++)
        worker_defer_free(worker, note_free, malloc(8));
    cr_assert(eq(int, last_number, 0));
    runs++;
}

Test(worker, deferred_frees_come_after_the_callback)
{
    struct worker *worker = worker_new(0);
    struct inbox_message message = {.run = defer};
    worker_start(worker);
    worker_send(worker, &message);
    worker_stop(worker);
    worker_free(worker);
    cr_assert(eq(int, last_number, 40));
}

/* A listening socket that goes to the other worker with each connection. */
struct porter {
    struct worker_accept accept;
    struct inbox_message message;
    struct worker *workers[2];
    int taken, result;
    sem_t told;
};

static void wait_for_next(struct inbox_message *message, struct worker *worker)
{
    struct porter *porter = (struct porter *) ((char *) message - offsetof(struct porter, message));
    worker_accept(worker, &porter->accept);
}

static void take(struct worker_accept *accept, struct worker *worker, int result)
{
    struct porter *porter = (struct porter *) accept;
    cr_assert(pthread_equal(pthread_self(), worker->thread) != 0);
    cr_assert(worker == porter->workers[porter->taken % 2]);
    porter->result = result;
    if (result >= 0)
        worker_send(porter->workers[++porter->taken % 2], &porter->message);
    sem_post(&porter->told);
}

static int listen_somewhere(struct sockaddr_in *address)
{
    socklen_t size = sizeof(*address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert(eq(int, bind(fd, (struct sockaddr *) address, size), 0));
    cr_assert(eq(int, listen(fd, 5), 0));
    getsockname(fd, (struct sockaddr *) address, &size);
    return fd;
}

BOTH_WAYS(a_listening_socket_goes_from_worker_to_worker_until_it_is_shut_down)
{
    struct sockaddr_in address;
    struct porter porter = {.accept = {.fd = listen_somewhere(&address), .accepted = take},
                            .message = {.run = wait_for_next},
                            .workers = {start_worker(0), start_worker(1)}};
    sem_init(&porter.told, 0, 0);
    worker_send(porter.workers[0], &porter.message);
    for (int i = 1; i <= 5; i++) {
        int peer = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert(eq(int, connect(peer, (struct sockaddr *) &address, sizeof(address)), 0));
        sem_wait(&porter.told);
        cr_assert(ge(int, porter.result, 0));
        bool non_blocking = fcntl(porter.result, F_GETFL) & O_NONBLOCK;
        cr_assert(non_blocking);
        close(porter.result);
        close(peer);
    }
    shutdown(porter.accept.fd, SHUT_RDWR);
    sem_wait(&porter.told);
    cr_assert(eq(int, porter.result, -EINVAL));
    cr_assert(eq(int, porter.taken, 5));
    for (int i = 0; i < 2; i++) {
        worker_stop(porter.workers[i]);
        worker_free(porter.workers[i]);
    }
    close(porter.accept.fd);
}

struct job {
    struct blocking_job job;
    sem_t *done;
    bool worked;
};

static void work(struct blocking_job *job)
{
    ((struct job *) job)->worked = true;
}

static void finish(struct blocking_job *blocking_job)
{
    struct job *job = (struct job *) blocking_job;
    cr_assert(job->worked);
    ran_on = pthread_self();
    runs++;
    sem_post(job->done);
    free(job);
}

static void submit(struct worker *worker, sem_t *done)
{
    struct job *job = calloc(1, sizeof(*job));
    job->job.worker = worker;
    job->job.work = work;
    job->job.finish = finish;
    job->done = done;
    blocking_submit(&job->job);
}

Test(blocking, a_job_is_finished_on_the_worker_that_asked)
{
    sem_t done;
    sem_init(&done, 0, 0);
    struct worker *worker = worker_new(0);
    cr_assert(worker_start(worker));
    cr_assert(blocking_start(2));
    for (int i = 0; i < 100; i++) {
        submit(worker, &done);
        sem_wait(&done);
        cr_assert(pthread_equal(ran_on, worker->thread) != 0);
    }
    blocking_stop();
    worker_stop(worker);
    worker_free(worker);
    cr_assert(eq(int, runs, 100));
}

Test(blocking, stopping_drops_no_job)
{
    sem_t done;
    sem_init(&done, 0, 0);
    cr_assert(blocking_start(3));
    for (int i = 0; i < 500; i++)
        submit(NULL, &done);
    blocking_stop();
    cr_assert(eq(int, runs, 500));
    submit(NULL, &done);
    cr_assert(eq(int, runs, 501));
    cr_assert(blocking_start(1)); /* and again */
    submit(NULL, &done);
    blocking_stop();
    cr_assert(eq(int, runs, 502));
}

Test(log, a_line_is_one_line_whatever_its_text)
{
    char name[] = "/tmp/keyway-log-XXXXXX", text[8192] = "", large[6000];
    close(mkstemp(name));
    cr_assert(log_open(name));
    log_line(LOG_DEBUG, "not told");
    log_line(LOG_INFO, "user \"%s\"", "a\nb\x1b[0m");
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    log_line(LOG_ERROR, "%s", large);
    cr_assert(log_open(name)); /* as on reload */
    log_line(LOG_WARNING, "after");
    cr_assert(log_open(NULL));
    cr_assert(not(log_open("/nonexistent/keyway.log")));
    int fd = open(name, O_RDONLY);
    cr_assert(gt(long, read(fd, text, sizeof(text) - 1), 0));
    close(fd);
    unlink(name);
    cr_assert(zero(ptr, strstr(text, "not told")));
    cr_assert(not(zero(ptr, strstr(text, "INFO user \"a\\x0ab\\x1b[0m\"\n"))));
    cr_assert(not(zero(ptr, strstr(text, "xxx...\n"))));
    cr_assert(not(zero(ptr, strstr(text, "WARNING after\n"))));
    cr_assert(not(zero(ptr, strstr(text, " UTC ["))));
}
