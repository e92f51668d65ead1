/*
 * listener: the sockets clients connect to.
 *
 * Each of them is with one worker, that with the fewest clients: it takes the next connection for itself, and goes on to another one when
 * it is not that any more.
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
