/*
 * Workers and helper threads: messages run in order, deferred frees after them, jobs come back to who asked.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proxy/blocking.h"
#include "proxy/log.h"
#include "proxy/worker.h"

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
