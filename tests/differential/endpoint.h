/*
 * endpoint: the Keyway that stands before a layout, and its console.
 */
#ifndef KEYWAY_DIFFERENTIAL_ENDPOINT_H
#define KEYWAY_DIFFERENTIAL_ENDPOINT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct endpoint {
    pid_t pid;
    int port;
    PGconn *console;
    char file[300], log[300];
};

/* Choose a port and open the configuration for writing; exits if that is not possible. */
FILE *endpoint_configure(struct endpoint *endpoint);
/* Close the configuration, start and wait; exits with the log if it does not come up. */
void endpoint_start(struct endpoint *endpoint, FILE *configuration);
/* False: it did not end as it should, which is said; a sanitizer speaks through the exit status. */
bool endpoint_stop(struct endpoint *endpoint, const char *layout);

/* What ROUTE says about a statement; "no plan" is a kind. */
struct endpoint_route {
    char *kind, *reason;
};
struct endpoint_route endpoint_route(const struct endpoint *endpoint, const char *sql);
void endpoint_route_free(struct endpoint_route *route);

#endif
