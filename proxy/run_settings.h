/*
 * run_settings: what a statement with set_config() sets, once its parameters are known.
 */
#ifndef KEYWAY_RUN_SETTINGS_H
#define KEYWAY_RUN_SETTINGS_H

#include "proxy/execution.h"

struct run_setting {
    const char *name, *value;
    const char *sql; /* a statement of its own, by which another server gets it */
    bool local;      /* until the transaction ends */
};

/* Before it is sent: run->settings, in the run's arena; parameters that are missing are left to the server's error.  False: one of them is
 * refused, and nothing has been set. */
bool run_settings_read(struct run *run, const struct execution *execution, struct error *error);

#endif
