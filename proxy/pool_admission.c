/*
 * As with servers, a message to another worker does not carry the client: it only says that somebody of that worker is the first of the
 * queue, and may come in if there is still room when it arrives.  Whoever looks at the queue ends with nobody waiting, no room, or such a message.
 */
#include "proxy/pool_admission.h"

#include <stdlib.h>

#include "config/arena.h"
#include "proxy/pool.h"
#include "proxy/worker.h"

/* With nobody waiting to come in, or nobody who needs a second shard, for so long, there is nothing to be afraid of. */
static const double CALM_SECONDS = 5;

void pool_admission_init(struct pool_admission *admission)
{
    pthread_mutex_init(&admission->lock, NULL);
}

static bool has_room(const struct pool_group *group, struct worker *worker)
{
    return !pool_is_contended(&group->admission) || group->admission.inside < pool_size(group, worker);
}

static void queue_remove(struct pool_admission *admission, struct pool_wait *wait)
{
    *(wait->previous ? &wait->previous->next : &admission->first) = wait->next;
    *(wait->next ? &wait->next->previous : &admission->last) = wait->previous;
    wait->entering = NULL;
    atomic_fetch_sub(&admission->waiting, 1);
}

static void queue_append(struct pool_group *group, struct pool_wait *wait, struct worker *worker)
{
    struct pool_admission *admission = &group->admission;
    wait->worker = worker;
    wait->since = ev_now(worker->loop);
    wait->entering = group;
    wait->next = NULL;
    wait->previous = admission->last;
    *(admission->last ? &admission->last->next : &admission->first) = wait;
    admission->last = wait;
    atomic_fetch_add(&admission->waiting, 1);
    admission->waited = true;
}

struct serve_message {
    struct inbox_message message;
    struct pool_group *group;
};

static void serve(struct pool_group *group, struct worker *worker);

static void serve_run(struct inbox_message *message, struct worker *worker)
{
    struct pool_group *group = ((struct serve_message *) message)->group;
    free(message);
    serve(group, worker);
}

/* The first of the queue, who has come in by that; or NULL: `elsewhere` is the worker to ask, if any. */
static struct pool_wait *let_in(struct pool_group *group, struct worker *worker, struct worker **elsewhere)
{
    struct pool_admission *admission = &group->admission;
    pthread_mutex_lock(&admission->lock);
    struct pool_wait *wait = has_room(group, worker) ? admission->first : NULL;
    *elsewhere = wait && wait->worker != worker ? wait->worker : NULL;
    if (*elsewhere)
        wait = NULL;
    if (wait) {
        queue_remove(admission, wait);
        admission->inside++;
    }
    pthread_mutex_unlock(&admission->lock);
    return wait;
}

static void serve(struct pool_group *group, struct worker *worker)
{
    struct worker *elsewhere;
    struct pool_wait *wait;
    if (atomic_load(&group->admission.waiting) == 0)
        return;
    while ((wait = let_in(group, worker, &elsewhere)))
        wait->end->admitted(wait);
    if (elsewhere) {
        struct serve_message *message = memory_alloc(sizeof(*message));
        message->message.run = serve_run;
        message->group = group;
        worker_send(elsewhere, &message->message);
    }
}

bool pool_admission_begin(struct pool_group *group, struct worker *worker)
{
    struct pool_admission *admission = &group->admission;
    pthread_mutex_lock(&admission->lock);
    bool begins = !pool_is_contended(admission);
    if (begins) {
        admission->looked_at = ev_now(worker->loop);
        admission->waited = false;
        atomic_store(&admission->contended, true);
    }
    atomic_store(&admission->grew, true);
    pthread_mutex_unlock(&admission->lock);
    return begins;
}

bool pool_admission_enter(struct pool_group *group, struct worker *worker, struct pool_wait *wait)
{
    struct pool_admission *admission = &group->admission;
    pthread_mutex_lock(&admission->lock);
    bool enters = admission->first == NULL && has_room(group, worker);
    if (enters)
        admission->inside++;
    else
        queue_append(group, wait, worker);
    pthread_mutex_unlock(&admission->lock);
    return enters;
}

void pool_admission_join(struct pool_group *group)
{
    pthread_mutex_lock(&group->admission.lock);
    group->admission.inside++;
    pthread_mutex_unlock(&group->admission.lock);
}

void pool_admission_leave(struct pool_group *group, struct worker *worker)
{
    pthread_mutex_lock(&group->admission.lock);
    group->admission.inside--;
    pthread_mutex_unlock(&group->admission.lock);
    serve(group, worker);
}

void pool_admission_give_up(struct pool_wait *wait)
{
    struct pool_admission *admission = &wait->entering->admission;
    pthread_mutex_lock(&admission->lock);
    queue_remove(admission, wait);
    pthread_mutex_unlock(&admission->lock);
}

void pool_admission_tick(struct pool_group *group, struct worker *worker, double now)
{
    struct pool_admission *admission = &group->admission;
    if (!pool_is_contended(admission))
        return;
    pthread_mutex_lock(&admission->lock);
    if (now - admission->looked_at >= CALM_SECONDS) {
        if (!admission->waited || !atomic_load(&admission->grew))
            atomic_store(&admission->contended, false);
        admission->looked_at = now;
        admission->waited = admission->first != NULL;
        atomic_store(&admission->grew, false);
    }
    pthread_mutex_unlock(&admission->lock);
    serve(group, worker);
}
