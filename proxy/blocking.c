/*
 * One queue, one lock, one condition.  Helper threads take jobs until the queue is empty and the end was
 * announced.
 */
#include "proxy/blocking.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

enum { BLOCKING_MAX_THREADS = 16 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t not_empty;
    struct blocking_job *first, **last;
    bool running;
    pthread_t threads[BLOCKING_MAX_THREADS];
    int thread_count;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .not_empty = PTHREAD_COND_INITIALIZER, .last = &queue.first};

static void deliver(struct inbox_message *message, struct worker *worker)
{
    (void) worker;
    struct blocking_job *job =
        (struct blocking_job *) ((char *) message - offsetof(struct blocking_job, done));
    job->finish(job);
}

static void carry_out(struct blocking_job *job)
{
    job->work(job);
    job->done.run = deliver;
    if (job->worker != NULL)
        worker_send(job->worker, &job->done);
    else
        job->finish(job);
}

/* NULL when there is none left and none will come. */
static struct blocking_job *next_job(void)
{
    pthread_mutex_lock(&queue.lock);
    while (queue.first == NULL && queue.running)
        pthread_cond_wait(&queue.not_empty, &queue.lock);
    struct blocking_job *job = queue.first;
    if (job != NULL) {
        queue.first = job->next;
        if (queue.first == NULL)
            queue.last = &queue.first;
    }
    pthread_mutex_unlock(&queue.lock);
    return job;
}

static void *helper_main(void *argument)
{
    for (struct blocking_job *job = next_job(); job != NULL; job = next_job())
        carry_out(job);
    return argument;
}

bool blocking_start(int threads)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pthread_mutex_lock(&queue.lock);
    queue.running = true;
    while (queue.thread_count < threads && queue.thread_count < BLOCKING_MAX_THREADS &&
           pthread_create(&queue.threads[queue.thread_count], NULL, helper_main, NULL) == 0)
        queue.thread_count++;
    queue.running = queue.thread_count > 0;
    bool started = queue.running;
    pthread_mutex_unlock(&queue.lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

void blocking_submit(struct blocking_job *job)
{
    pthread_mutex_lock(&queue.lock);
    bool queued = queue.running;
    if (queued) {
        job->next = NULL;
        *queue.last = job;
        queue.last = &job->next;
        pthread_cond_signal(&queue.not_empty);
    }
    pthread_mutex_unlock(&queue.lock);
    if (!queued)
        carry_out(job);
}

void blocking_stop(void)
{
    pthread_mutex_lock(&queue.lock);
    queue.running = false;
    pthread_cond_broadcast(&queue.not_empty);
    int count = queue.thread_count;
    queue.thread_count = 0;
    pthread_mutex_unlock(&queue.lock);
    for (int i = 0; i < count; i++)
        pthread_join(queue.threads[i], NULL);
}
