/*
 * listener: the sockets clients connect to.
 *
 * Each of them is with one worker, which takes the next connection for itself; when that is for another one (proxy/worker_watch), the socket goes
 * there as well.
 */
#ifndef KEYWAY_LISTENER_H
#define KEYWAY_LISTENER_H

#include <stdbool.h>

#include "config/settings.h"
#include "router/error.h"

/* Listen on every address of the settings, when the workers run.  False with `error` if one cannot be had. */
bool listener_open(const struct settings *settings, struct error *error);
/* Nobody is accepted any more.  On the thread that opened them. */
void listener_close(void);

#endif
