/*
 * One watcher per listening socket.  Out of descriptors, accepting rests until the next tick instead of spinning.
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

enum {
    BACKLOG = 1024,
    CLIENT_BLOCK = 32, /* clients that one worker gets before the next one gets some */
};

struct listener {
    struct listener *next;
    ev_io acceptable;
    ev_timer rest;
    char *path; /* of a Unix socket */
};

static struct listener *listeners;

struct accepted {
    struct inbox_message message;
    int fd;
    char host[48];
};

static void accepted_run(struct inbox_message *message, struct worker *worker)
{
    struct accepted *accepted = (struct accepted *) message;
    client_open(worker, accepted->fd, accepted->host);
    free(accepted);
}

/*
 * The worker with the fewest clients, counted in blocks: a few clients that share one loop are served several at each waking, while
 * one each on many loops would pay for a sleep and a wake-up per statement (measured: a quarter more CPU for 16 clients on two).
 */
static struct worker *emptiest_worker(void)
{
    struct worker *found = keyway.workers[0];
    for (int i = 1; i < keyway.worker_count; i++)
        if (atomic_load(&keyway.workers[i]->client_count) / CLIENT_BLOCK < atomic_load(&found->client_count) / CLIENT_BLOCK)
            found = keyway.workers[i];
    return found;
}

static void keep_alive(int fd)
{
    struct settings *settings = keyway_settings();
    int on = 1, idle = (int) settings->tcp_keepalive_idle;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (idle > 0) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    }
    settings_release(settings);
}

static void rest_over(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void) events;
    ev_io_start(loop, &((struct listener *) timer->data)->acceptable);
}

static void accept_one(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct listener *listener = watcher->data;
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    (void) events;
    int fd = accept4(watcher->fd, (struct sockaddr *) &address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            log_line(LOG_ERROR, "accept: %s", strerror(errno));
            ev_io_stop(loop, watcher);
            ev_timer_set(&listener->rest, 0.1, 0);
            ev_timer_start(loop, &listener->rest);
        }
        return;
    }
    struct accepted *accepted = memory_alloc(sizeof(*accepted));
    accepted->message.run = accepted_run;
    accepted->fd = fd;
    if (listener->path)
        strcpy(accepted->host, "[local]");
    else if (getnameinfo((struct sockaddr *) &address, length, accepted->host, sizeof(accepted->host), NULL, 0,
                         NI_NUMERICHOST) != 0)
        strcpy(accepted->host, "?");
    if (!listener->path)
        keep_alive(fd);
    struct worker *worker = emptiest_worker();
    atomic_fetch_add(&worker->client_count, 1);
    atomic_fetch_add(&keyway.client_count, 1);
    worker_send(worker, &accepted->message);
}

static bool listen_on(int fd, const struct sockaddr *address, socklen_t length, const char *path, struct ev_loop *loop)
{
    if (bind(fd, address, length) != 0 || listen(fd, BACKLOG) != 0)
        return false;
    struct listener *listener = memory_alloc(sizeof(*listener));
    listener->path = path ? memory_strdup(path) : NULL;
    ev_io_init(&listener->acceptable, accept_one, fd, EV_READ);
    ev_timer_init(&listener->rest, rest_over, 0.1, 0);
    listener->acceptable.data = listener->rest.data = listener;
    ev_io_start(loop, &listener->acceptable);
    listener->next = listeners;
    listeners = listener;
    return true;
}

static bool open_tcp(const struct listen_address *wanted, struct ev_loop *loop, struct error *error)
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
        open = listen_on(fd, at->ai_addr, at->ai_addrlen, NULL, loop);
        if (!open) {
            error_set(error, SQLSTATE_CANNOT_CONNECT, "cannot listen on %s:%s: %s", host ? host : "*", wanted->port,
                      strerror(errno));
            close(fd);
        }
    }
    freeaddrinfo(found);
    return open;
}

static bool open_unix(const char *folder, const char *port, struct ev_loop *loop, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%s", folder, port);
    if (length < 0 || (size_t) length >= sizeof(address.sun_path)) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "the Unix socket's path in %s is too long", folder);
        return false;
    }
    unlink(address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || !listen_on(fd, (struct sockaddr *) &address, sizeof(address), address.sun_path, loop)) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "cannot listen on %s: %s", address.sun_path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    chmod(address.sun_path, 0777);
    return true;
}

bool listener_open(const struct settings *settings, struct ev_loop *loop, struct error *error)
{
    for (size_t i = 0; i < settings->address_count; i++)
        if (!open_tcp(&settings->addresses[i], loop, error))
            return false;
    if (settings->unix_socket_dir && settings->address_count > 0)
        return open_unix(settings->unix_socket_dir, settings->addresses[0].port, loop, error);
    return true;
}

void listener_close(struct ev_loop *loop)
{
    while (listeners) {
        struct listener *listener = listeners;
        listeners = listener->next;
        ev_io_stop(loop, &listener->acceptable);
        ev_timer_stop(loop, &listener->rest);
        close(listener->acceptable.fd);
        if (listener->path)
            unlink(listener->path);
        free(listener->path);
        free(listener);
    }
}
