/*
 * blocking: work that would stop a loop, done by helper threads.
 *
 * Name resolution, PQcancel and reading the catalog block; they run on a few threads of their own, and
 * the result comes back to the asking worker's inbox.
 */
#ifndef KEYWAY_BLOCKING_H
#define KEYWAY_BLOCKING_H

#include <stdbool.h>

#include "proxy/worker.h"

struct blocking_job {
    struct blocking_job *next;
    struct inbox_message done; /* used by the machinery */
    struct worker *worker; /* who asked; NULL: nobody waits for the end, finish() runs on the helper thread */
    void (*work)(struct blocking_job *job);   /* on a helper thread */
    void (*finish)(struct blocking_job *job); /* on the worker's thread; owns the job */
};

bool blocking_start(int threads);               /* false: not one thread could be made */
void blocking_submit(struct blocking_job *job); /* from any thread; jobs begin in the order of their coming */
/* Finishes what was begun and what is queued, then returns.  A job submitted later is done by the submitting
 * thread itself. */
void blocking_stop(void);

#endif
