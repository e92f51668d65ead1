/*
 * client_rest: which clients the tick has to look at.
 *
 * To a client that has nothing under way nothing happens by time, but that it may have been idle for too long.  Such clients are at rest,
 * in the order in which they came to it, and of them only the first is looked at: thousands of them cost a tick no more than one.
 * Any input takes a client out again, and the tick that finds it with nothing to do puts it back, or sends it to another worker (proxy/client_move).
 */
#ifndef KEYWAY_CLIENT_REST_H
#define KEYWAY_CLIENT_REST_H

#include <ev.h>

#include "proxy/client.h"
#include "proxy/keyway.h"

/* The client is its worker's now, and new there: ticks look at it. */
void clients_add(struct client *client);
/* It is gone from this worker. */
void clients_remove(struct worker_state *state, struct client *client);
/* Something has come from the client: ticks look at it. */
void client_rouse(struct client *client);
/* A tick for all clients of the worker. */
void clients_tick(struct worker *worker, ev_tstamp now);

#endif
