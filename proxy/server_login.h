/*
 * server_login: a server's way from nothing to "ready", through libpq.
 *
 * Host names are resolved on a helper thread, then libpq logs in without blocking (so every libpq option works), then the
 * socket and the TLS session are taken over by the server's stream.
 */
#ifndef KEYWAY_SERVER_LOGIN_H
#define KEYWAY_SERVER_LOGIN_H

#include "config/settings.h"
#include "proxy/server.h"

/* libpq's keywords and values for one login; NULL-terminated; free with login_options_free(). */
struct login_options {
    const char **keywords, **values;
    struct arena arena;
};
/*
 * The shard's conninfo with what the database and the [user] section put in its place.  `user` NULL: the proxy's own errand (reading the
 * catalog).  False with `error` when the conninfo cannot be taken apart.
 */
bool login_options_make(struct login_options *options, const struct settings *settings,
                        const struct database_settings *database, int shard, const char *user, struct error *error);
void login_options_free(struct login_options *options);
/* The user that this shard's conninfo names, or NULL. */
const char *login_conninfo_user(struct arena *arena, const struct settings *settings, const struct database_settings *database, int shard);
/* The name that a client's servers of that shard log in with: one of the arguments, or the settings' text. */
const char *login_user(const struct settings *settings, const char *conninfo_user, const char *user);
/* Blocking: add hostaddr for host names.  False with `error` when a name cannot be resolved. */
bool login_options_resolve(struct login_options *options, struct error *error);

/* Stop a login under way, if any. */
void server_login_stop(struct server *server);
/* It has taken longer than server_connect_timeout. */
void server_login_expire(struct server *server);

#endif
