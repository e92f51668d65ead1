/*
 * A listening socket belongs to the worker that waits for its next connection, and only that one touches it.  With the connection,
 * if that is another's, goes the socket.  When it is shut down accepting fails, and that is how its worker learns of the end.
 *
 * Out of descriptors, accepting rests for a moment instead of spinning.
 */
#include "proxy/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/arena.h"
#include "proxy/client.h"
#include "proxy/keyway.h"
#include "proxy/log.h"
#include "proxy/worker_watch.h"

enum { BACKLOG = 1024 };

struct listener {
    struct worker_accept accept;
    struct listener *next; /* the main thread's */
    _Atomic int holders;   /* the main thread, until it has shut the socket down, and the worker, until it has learned of that */
    ev_timer rest;
    bool is_local;         /* a Unix socket */
    char *path;            /* … of which this is the name; the main thread's */
    int idle;              /* tcp_keepalive_idle as the socket, and so every connection of it, has it */
};

static struct listener *listeners;

/* A connection for a worker, which takes the socket it came from as well. */
struct accepted {
    struct inbox_message message;
    struct listener *listener;
    int fd; /* -1: only the socket */
    char host[48];
};

static void keep_alive(int fd, int idle)
{
    int on = idle > 0;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    if (on)
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
}

/* Connections have the options that their listening socket had: it is given others when the settings have changed. */
static void follow_settings(struct listener *listener, int fd, const struct settings *settings)
{
    int idle = (int) settings->tcp_keepalive_idle;
    if (listener->is_local || idle == listener->idle)
        return;
    listener->idle = idle;
    keep_alive(listener->accept.fd, idle);
    keep_alive(fd, idle);
}

static void accepted_run(struct inbox_message *message, struct worker *worker)
{
    struct accepted *accepted = (struct accepted *) message;
    if (accepted->fd >= 0)
        client_open(worker, accepted->fd, accepted->host);
    worker_accept(worker, &accepted->listener->accept);
    free(accepted);
}

static void send_accepted(struct worker *worker, struct listener *listener, int fd, const char *host)
{
    struct accepted *accepted = memory_alloc(sizeof(*accepted));
    accepted->message.run = accepted_run;
    accepted->listener = listener;
    accepted->fd = fd;
    strcpy(accepted->host, host);
    worker_send(worker, &accepted->message);
}

static void name_host(const struct listener *listener, char *host, size_t size)
{
    if (listener->is_local)
        strcpy(host, "[local]");
    else if (getnameinfo((const struct sockaddr *) &listener->accept.address, listener->accept.length, host, (socklen_t) size, NULL, 0,
                         NI_NUMERICHOST) != 0)
        strcpy(host, "?");
}

static void take_connection(struct listener *listener, struct worker *worker, int fd)
{
    char host[sizeof(((struct accepted *) NULL)->host)];
    const struct settings *settings = worker_state(worker)->settings;
    struct worker *taker = worker_for_client((int) settings->worker_load);
    name_host(listener, host, sizeof(host));
    follow_settings(listener, fd, settings);
    atomic_fetch_add(&taker->client_count, 1);
    atomic_fetch_add(&keyway.client_count, 1);
    if (taker != worker) {
        send_accepted(taker, listener, fd, host);
        return;
    }
    client_open(worker, fd, host);
    worker_accept(worker, &listener->accept);
}

static void rest_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct listener *listener = timer->data;
    (void) loop, (void) events;
    worker_accept(listener->accept.worker, &listener->accept);
}

static void let_go(struct listener *listener)
{
    if (atomic_fetch_sub(&listener->holders, 1) > 1)
        return;
    close(listener->accept.fd);
    free(listener);
}

static void accepted(struct worker_accept *accept, struct worker *worker, int result)
{
    struct listener *listener = (struct listener *) accept; /* its first member */
    switch (-result) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
        log_line(LOG_ERROR, "accept: %s", strerror(-result));
        ev_timer_set(&listener->rest, 0.1, 0);
        ev_timer_start(worker->loop, &listener->rest);
        break;
    case EINVAL: /* it does not listen any more */
        let_go(listener);
        break;
    default:
        if (result >= 0)
            take_connection(listener, worker, result);
        else
            worker_accept(worker, accept);
    }
}

static bool listen_on(int fd, const struct sockaddr *address, socklen_t length, const char *path)
{
    if (bind(fd, address, length) != 0 || listen(fd, BACKLOG) != 0)
        return false;
    struct listener *listener = memory_alloc(sizeof(*listener));
    listener->holders = 2;
    listener->accept.fd = fd;
    listener->accept.accepted = accepted;
    listener->is_local = path != NULL;
    listener->path = path ? memory_strdup(path) : NULL;
    ev_timer_init(&listener->rest, rest_over, 0.1, 0);
    listener->rest.data = listener;
    listener->next = listeners;
    listeners = listener;
    send_accepted(keyway.workers[0], listener, -1, "");
    return true;
}

static bool open_tcp(const struct listen_address *wanted, struct error *error)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found = NULL;
    const char *host = wanted->host && strcmp(wanted->host, "*") != 0 ? wanted->host : NULL;
    int failure = getaddrinfo(host, wanted->port, &hints, &found), on = 1;
    if (failure != 0) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "cannot listen on %s:%s: %s", host ? host : "*", wanted->port,
                  gai_strerror(failure));
        return false;
    }
    bool open = true;
    for (struct addrinfo *at = found; at && open; at = at->ai_next) {
        int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue; /* an address family this machine lacks */
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (at->ai_family == AF_INET6)
            setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        open = listen_on(fd, at->ai_addr, at->ai_addrlen, NULL);
        if (!open) {
            error_set(error, SQLSTATE_CANNOT_CONNECT, "cannot listen on %s:%s: %s", host ? host : "*", wanted->port,
                      strerror(errno));
            close(fd);
        }
    }
    freeaddrinfo(found);
    return open;
}

static bool open_unix(const char *folder, const char *port, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%s", folder, port);
    if (length < 0 || (size_t) length >= sizeof(address.sun_path)) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "the Unix socket's path in %s is too long", folder);
        return false;
    }
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !listen_on(fd, (struct sockaddr *) &address, sizeof(address), address.sun_path)) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "cannot listen on %s: %s", address.sun_path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    chmod(address.sun_path, 0777);
    return true;
}

bool listener_open(const struct settings *settings, struct error *error)
{
    for (size_t i = 0; i < settings->address_count; i++)
        if (!open_tcp(&settings->addresses[i], error))
            return false;
    if (settings->unix_socket_dir && settings->address_count > 0)
        return open_unix(settings->unix_socket_dir, settings->addresses[0].port, error);
    return true;
}

void listener_close(void)
{
    while (listeners) {
        struct listener *listener = listeners;
        listeners = listener->next;
        if (listener->path)
            unlink(listener->path);
        free(listener->path);
        shutdown(listener->accept.fd, SHUT_RDWR);
        let_go(listener);
    }
}
