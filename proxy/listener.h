/*
 * listener: the sockets clients connect to.
 *
 * The main thread accepts and hands each socket to the worker with the fewest clients.
 */
#ifndef KEYWAY_LISTENER_H
#define KEYWAY_LISTENER_H

#include <ev.h>
#include <stdbool.h>

#include "config/settings.h"
#include "router/error.h"

/* Listen on every address of the settings; the watchers live in `loop`.  False with `error` if one cannot be had. */
bool listener_open(const struct settings *settings, struct ev_loop *loop, struct error *error);
void listener_close(struct ev_loop *loop);

#endif
