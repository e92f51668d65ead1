/*
 * worker_watch: how busy the workers are, and what follows from it for clients that are there and for those that come (proxy/balance).
 */
#ifndef KEYWAY_WORKER_WATCH_H
#define KEYWAY_WORKER_WATCH_H

#include <ev.h>

#include "proxy/worker.h"

/* Look at the workers, which run, from now on; on the thread of this loop. */
void worker_watch_start(struct ev_loop *loop);
/* The worker that is to take a client that has just come; from any thread. */
struct worker *worker_for_client(int worker_load);

#endif
