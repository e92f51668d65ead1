/*
 * run_settings: what SET, RESET and statements with set_config() leave in the session, or in the transaction.
 */
#ifndef KEYWAY_RUN_SETTINGS_H
#define KEYWAY_RUN_SETTINGS_H

#include "proxy/execution.h"

struct run_setting {
    const char *name, *value;
    const char *sql; /* a statement of its own, by which another server gets it */
    bool local;      /* until the transaction ends */
};

/* Before one with set_config() is sent: run->settings, in the run's arena; parameters that are missing are left to the server's error.  False: one of them is
 * refused, and nothing has been set. */
bool run_settings_read(struct run *run, const struct execution *execution, struct error *error);
/* It has succeeded on the servers: other servers will get it, too. */
void run_settings_remember(struct run *run);

#endif
