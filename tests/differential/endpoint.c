/*
 * Its configuration and its log are files in the cluster's folder, named by its port.
 */
#include "tests/differential/endpoint.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/cluster.h"
#include "tests/integration/process.h"

FILE *endpoint_configure(struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){.port = free_port()};
    snprintf(endpoint->file, sizeof endpoint->file, "%s/keyway-%d.ini", cluster_folder(), endpoint->port);
    snprintf(endpoint->log, sizeof endpoint->log, "%s/keyway-%d.log", cluster_folder(), endpoint->port);
    FILE *file = fopen(endpoint->file, "w");
    if (!file) {
        perror(endpoint->file);
        cluster_destroy();
        exit(1);
    }
    return file;
}

void endpoint_start(struct endpoint *endpoint, FILE *configuration)
{
    char conninfo[100];
    fclose(configuration);
    endpoint->pid = process_start(endpoint->file, endpoint->log);
    if (!process_await(endpoint->pid, endpoint->port)) {
        process_show_log(endpoint->log);
        cluster_destroy();
        exit(1);
    }
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=keyway user=admin", endpoint->port);
    endpoint->console = PQconnectdb(conninfo);
}

bool endpoint_stop(struct endpoint *endpoint, const char *layout)
{
    PQfinish(endpoint->console);
    kill(endpoint->pid, SIGINT);
    int status = process_wait(endpoint->pid, 20000);
    if (status == 0)
        return true;
    printf("DIFFERENT over %s: Keyway ended with status %d\n", layout, status);
    process_show_log(endpoint->log);
    if (status == -1)
        kill(endpoint->pid, SIGKILL);
    return false;
}

static PGresult *route(const struct endpoint *endpoint, const char *sql)
{
    size_t length = strlen(sql);
    char *command = malloc(2 * length + 20), *to = command;
    if (!command)
        abort();
    to += sprintf(to, "ROUTE '");
    for (const char *from = sql; *from; from++) {
        if (*from == '\'')
            *to++ = '\'';
        *to++ = *from == '\n' ? ' ' : *from;
    }
    strcpy(to, "'");
    PGresult *result = PQexec(endpoint->console, command);
    free(command);
    return result;
}

struct endpoint_route endpoint_route(const struct endpoint *endpoint, const char *sql)
{
    PGresult *result = route(endpoint, sql);
    bool planned = PQntuples(result) == 1 && PQnfields(result) == 3;
    struct endpoint_route words = {strdup(planned ? PQgetvalue(result, 0, 0) : "no plan"),
                                   strdup(planned ? PQgetvalue(result, 0, 2) : "")};
    PQclear(result);
    return words;
}

void endpoint_route_free(struct endpoint_route *route)
{
    free(route->kind);
    free(route->reason);
    *route = (struct endpoint_route){0};
}
