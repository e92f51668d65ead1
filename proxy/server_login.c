/*
 * server_connect() copies what is needed into a server_login, has names resolved by a helper thread if there are any, and then
 * drives PQconnectPoll() from one watcher.  The login object goes when the server is ready or has failed.
 */
#include "proxy/server_login.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include "proxy/blocking.h"
#include "proxy/database.h"
#include "proxy/keyway.h"
#include "proxy/log.h"
#include "proxy/pool.h"

struct server_login {
    struct blocking_job job;
    struct server *server; /* NULL: given up while names were being resolved */
    struct login_options options;
    struct error error;
    bool resolving;
    const char *shard_name;
};

static _Atomic uint64_t last_server_id;

/* --- options ------------------------------------------------------------------------------------------------- */

static const char *option_value(const struct login_options *options, const char *keyword)
{
    for (size_t i = 0; options->keywords[i]; i++)
        if (strcmp(options->keywords[i], keyword) == 0)
            return options->values[i];
    return NULL;
}

static void option_put(struct login_options *options, const char *keyword, const char *value)
{
    size_t count = 0;
    if (value == NULL)
        return;
    for (; options->keywords[count]; count++)
        if (strcmp(options->keywords[count], keyword) == 0) {
            options->values[count] = arena_strdup(&options->arena, value);
            return;
        }
    options->keywords[count] = keyword;
    options->values[count] = arena_strdup(&options->arena, value);
}

static bool is_plain_password(const char *secret)
{
    return secret && strncmp(secret, "SCRAM-SHA-256$", 14) != 0 && !(strncmp(secret, "md5", 3) == 0 && strlen(secret) == 35);
}

/* Who logs in: the [user] section, else the conninfo, else the client's own name (with its plain password, if known). */
static void put_identity(struct login_options *options, const struct settings *settings, const char *user)
{
    const struct user_settings *known = user ? settings_user(settings, user) : NULL;
    if (known && known->server_user) {
        option_put(options, "user", known->server_user);
        option_put(options, "password", known->server_password);
    } else if (option_value(options, "user") == NULL && user) {
        option_put(options, "user", user);
        if (known && known->server_password)
            option_put(options, "password", known->server_password);
        else if (known && is_plain_password(known->secret))
            option_put(options, "password", known->secret);
    } else if (known && known->server_password) {
        option_put(options, "password", known->server_password);
    }
}

bool login_options_make(struct login_options *options, const struct settings *settings,
                        const struct database_settings *database, int shard, const char *user, struct error *error)
{
    const struct shard_settings *target = &settings->shards[database->shards[shard]];
    char *message = NULL;
    *options = (struct login_options){0};
    PQconninfoOption *parsed = PQconninfoParse(target->conninfo, &message);
    if (parsed == NULL) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "the conninfo of shard \"%s\" is not valid", target->name);
        error_detail(error, "%s", message ? message : "out of memory");
        PQfreemem(message);
        return false;
    }
    size_t count = 0;
    while (parsed[count].keyword)
        count++;
    options->keywords = arena_alloc_array(&options->arena, count + 1, sizeof(char *));
    options->values = arena_alloc_array(&options->arena, count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        if (parsed[i].val)
            option_put(options, arena_strdup(&options->arena, parsed[i].keyword), parsed[i].val);
    PQconninfoFree(parsed);

    if (database->dbname)
        option_put(options, "dbname", database->dbname);
    else if (option_value(options, "dbname") == NULL)
        option_put(options, "dbname", database->name);
    if (option_value(options, "application_name") == NULL && option_value(options, "fallback_application_name") == NULL)
        option_put(options, "fallback_application_name", "keyway");
    if (option_value(options, "connect_timeout") == NULL && settings->server_connect_timeout > 0)
        option_put(options, "connect_timeout", /* heeded by logins that block: reading the catalog */
                   arena_printf(&options->arena, "%.0f", settings->server_connect_timeout + 0.5));
    put_identity(options, settings, user);
    return true;
}

void login_options_free(struct login_options *options)
{
    arena_free(&options->arena);
}

const char *login_conninfo_user(struct arena *arena, const struct settings *settings, const struct database_settings *database, int shard)
{
    struct login_options options;
    struct error error = {0};
    bool made = login_options_make(&options, settings, database, shard, NULL, &error);
    const char *found = made ? option_value(&options, "user") : NULL;
    const char *copy = found ? arena_strdup(arena, found) : NULL;
    login_options_free(&options);
    error_clear(&error);
    return copy;
}

const char *login_user(const struct settings *settings, const char *conninfo_user, const char *user)
{
    const struct user_settings *known = settings_user(settings, user);
    if (known && known->server_user)
        return known->server_user;
    return conninfo_user ? conninfo_user : user;
}

static bool is_address(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return host[0] == '\0' || host[0] == '/' || host[0] == '@' || inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static bool needs_resolving(const struct login_options *options)
{
    const char *hosts = option_value(options, "host");
    if (hosts == NULL || option_value(options, "hostaddr"))
        return false;
    char *copy = memory_strdup(hosts), *rest = copy, *host;
    bool names = false;
    while ((host = strsep(&rest, ",")))
        names |= !is_address(host);
    free(copy);
    return names;
}

static const char *resolve_host(struct arena *arena, const char *host, struct error *error)
{
    if (is_address(host)) /* a socket's folder has no address: libpq takes an empty entry so */
        return host[0] == '/' || host[0] == '@' ? "" : host;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    char text[NI_MAXHOST];
    int failure = getaddrinfo(host, NULL, &hints, &found);
    if (failure == 0)
        failure = getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST);
    if (found)
        freeaddrinfo(found);
    if (failure != 0) {
        error_set(error, SQLSTATE_CANNOT_CONNECT, "could not translate host name \"%s\" to address", host);
        error_detail(error, "%s", gai_strerror(failure));
        return NULL;
    }
    return arena_strdup(arena, text);
}

bool login_options_resolve(struct login_options *options, struct error *error)
{
    if (!needs_resolving(options))
        return true;
    char *rest = arena_strdup(&options->arena, option_value(options, "host")), *host;
    const char *addresses = NULL;
    while ((host = strsep(&rest, ","))) {
        const char *address = resolve_host(&options->arena, host, error);
        if (address == NULL)
            return false;
        addresses = addresses ? arena_printf(&options->arena, "%s,%s", addresses, address) : address;
    }
    option_put(options, "hostaddr", addresses);
    return true;
}

/* --- the login ----------------------------------------------------------------------------------------------- */

static void login_free(struct server_login *login)
{
    login_options_free(&login->options);
    error_clear(&login->error);
    free(login);
}

void server_login_stop(struct server *server)
{
    struct server_login *login = server->login;
    ev_io_stop(server->worker->loop, &server->polling);
    server->login = NULL;
    if (login == NULL)
        return;
    if (login->resolving)
        login->server = NULL; /* the helper still has it: login_resolved() frees it */
    else
        login_free(login);
}

static void login_failed(struct server *server, const char *sqlstate, const char *detail)
{
    struct error error = {0};
    struct pool *pool = server->pool;
    struct worker *worker = server->worker;
    error_set(&error, sqlstate, "could not log in at shard \"%s\"", server->login->shard_name);
    char *text = memory_strdup(detail);
    for (size_t length = strlen(text); length > 0 && text[length - 1] == '\n'; length--)
        text[length - 1] = '\0';
    error_detail(&error, "%s", text);
    free(text);
    log_line(LOG_WARNING, "%s: %s", error.message, error.detail);
    server_close(server, "login failed");
    pool_login_failed(pool, worker, &error);
    error_clear(&error);
}

static void login_done(struct server *server)
{
    SSL *tls = PQsslInUse(server->connection) ? PQsslStruct(server->connection, "OpenSSL") : NULL;
    int fd = PQsocket(server->connection);
    server_login_stop(server);
    stream_open(&server->stream, server->worker, fd, tls, &server_stream_owner, server);
    server->stream.fd_borrowed = server->stream.tls_borrowed = true;
    stream_use_ring(&server->stream);
    server->status = 'I';
    server->connected_at = ev_now(server->worker->loop);
    pool_logged_in(server);
}

/* libpq waits for what the shard answers to the beginning of its handshake, if it has one. */
static void watch_handshake(struct server *server)
{
    SSL *tls = PQsslStruct(server->connection, "OpenSSL");
    if (tls != NULL)
        stream_watch_handshake(tls);
}

static void login_poll(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct server *server = watcher->data;
    (void) events;
    PostgresPollingStatusType status = PQconnectPoll(server->connection);
    ev_io_stop(loop, watcher);
    watch_handshake(server);
    switch (status) {
    case PGRES_POLLING_OK:
        login_done(server);
        return;
    case PGRES_POLLING_FAILED:
        login_failed(server, SQLSTATE_CONNECTION_FAILURE, PQerrorMessage(server->connection));
        return;
    case PGRES_POLLING_READING:
    case PGRES_POLLING_ACTIVE:
        ev_io_set(watcher, PQsocket(server->connection), EV_READ);
        break;
    case PGRES_POLLING_WRITING:
        ev_io_set(watcher, PQsocket(server->connection), EV_WRITE);
        break;
    }
    ev_io_start(loop, watcher);
    server->worker->watches_changed = true;
}

static void login_start(struct server *server)
{
    struct server_login *login = server->login;
    server->connection = PQconnectStartParams(login->options.keywords, login->options.values, 0);
    if (server->connection == NULL || PQstatus(server->connection) == CONNECTION_BAD) {
        login_failed(server, SQLSTATE_CONNECTION_FAILURE,
                     server->connection ? PQerrorMessage(server->connection) : "out of memory");
        return;
    }
    ev_io_init(&server->polling, login_poll, PQsocket(server->connection), EV_WRITE);
    server->polling.data = server;
    ev_io_start(server->worker->loop, &server->polling);
    server->worker->watches_changed = true;
}

static void login_resolve(struct blocking_job *job)
{
    struct server_login *login = (struct server_login *) job;
    login_options_resolve(&login->options, &login->error);
}

static void login_resolved(struct blocking_job *job)
{
    struct server_login *login = (struct server_login *) job;
    login->resolving = false;
    if (login->server == NULL)
        login_free(login);
    else if (error_is_set(&login->error))
        login_failed(login->server, login->error.sqlstate,
                     login->error.detail ? login->error.detail : login->error.message);
    else
        login_start(login->server);
}

void server_login_expire(struct server *server)
{
    login_failed(server, SQLSTATE_CONNECTION_FAILURE, "server_connect_timeout: the shard did not answer in time");
}

void server_connect(struct pool *pool, struct worker *worker)
{
    struct server *server = memory_alloc(sizeof(*server));
    struct server_login *login = memory_alloc(sizeof(*login));
    server->worker = worker;
    server->state = SERVER_CONNECTING;
    server->stream.fd = -1;
    server->stream.closed = true;
    server->id = atomic_fetch_add(&last_server_id, 1) + 1;
    server->connected_at = ev_now(worker->loop);
    server->login = login;
    login->server = server;
    pool_adopt(pool, server);

    struct settings *settings = worker_state(worker)->settings;
    const struct database_settings *database = settings_database(settings, pool->group->database->name);
    if (database == NULL) {
        login->shard_name = "?";
        login_failed(server, SQLSTATE_INVALID_CATALOG_NAME, "the database is no longer in the configuration");
        return;
    }
    if (!pool_group_fits(pool->group, settings, database)) { /* its clients are still routed to the shards before a reload */
        settings = pool->group->snapshot;
        database = pool->group->shards;
    }
    login->shard_name = arena_strdup(&login->options.arena, "?");
    struct error error = {0};
    bool made = login_options_make(&login->options, settings, database, pool->shard, pool->group->user, &error);
    login->shard_name = arena_strdup(&login->options.arena, settings->shards[database->shards[pool->shard]].name);
    if (!made) {
        login_failed(server, error.sqlstate, error.detail ? error.detail : error.message);
        error_clear(&error);
    } else if (needs_resolving(&login->options)) {
        login->resolving = true;
        login->job.worker = worker;
        login->job.work = login_resolve;
        login->job.finish = login_resolved;
        blocking_submit(&login->job);
    } else {
        login_start(server);
    }
}
