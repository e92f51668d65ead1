/*
 * Making, sharing and asking a snapshot.  It lives in its own arena with everything it points to; the count
 * of its holders says when that goes.  How the file becomes a snapshot is told in settings_load.h.
 */
#include "config/settings.h"

#include <stdlib.h>
#include <string.h>

#include "config/settings_load.h"

const char *const pool_mode_names[] = {
    [POOL_SESSION] = "session",
    [POOL_TRANSACTION] = "transaction",
    [POOL_STATEMENT] = "statement",
    NULL,
};
const char *const auth_method_names[] = {
    [AUTH_TRUST] = "trust", [AUTH_PASSWORD] = "password",
    [AUTH_MD5] = "md5",     [AUTH_SCRAM_SHA_256] = "scram-sha-256",
    [AUTH_CERT] = "cert",   NULL,
};
const char *const tls_mode_names[] = {
    [TLS_OFF] = "off",
    [TLS_ALLOW] = "allow",
    [TLS_PREFER] = "prefer",
    [TLS_REQUIRE] = "require",
    [TLS_VERIFY_CA] = "verify-ca",
    [TLS_VERIFY_FULL] = "verify-full",
    NULL,
};
const char *const io_mode_names[] = {
    [IO_AUTO] = "auto",
    [IO_EPOLL] = "epoll",
    [IO_URING] = "io_uring",
    NULL,
};
const char *const commit_mode_names[] = {
    [COMMIT_REFUSE] = "refuse",
    [COMMIT_BEST_EFFORT] = "best_effort",
    NULL,
};
const char *const float_sums_names[] = {
    [FLOAT_SUMS_REFUSE] = "refuse",
    [FLOAT_SUMS_ANY_ORDER] = "any_order",
    NULL,
};
const char *const keyspace_method_names[] = {
    [METHOD_RANGE] = "range",
    [METHOD_HASH] = "hash",
    [METHOD_LIST] = "list",
    NULL,
};

const char *pool_mode_name(enum pool_mode mode)
{
    return pool_mode_names[mode];
}

const char *auth_method_name(enum auth_method method)
{
    return auth_method_names[method];
}

const char *tls_mode_name(enum tls_mode mode)
{
    return tls_mode_names[mode];
}

const char *io_mode_name(enum io_mode mode)
{
    return io_mode_names[mode];
}

const char *commit_mode_name(enum commit_mode mode)
{
    return commit_mode_names[mode];
}

const char *load_path(struct load *load, const char *name)
{
    const char *file = load->settings->file;
    const char *slash = strrchr(file, '/');
    bool absolute = name[0] == '/' || name[0] == '@'; /* @: a socket in Linux's abstract namespace */
    if (absolute || slash == NULL)
        return name;
    return arena_printf(load->arena, "%.*s/%s", (int) (slash - file), file, name);
}

static void load_sections(struct load *load, const struct document *document)
{
    sections_name(load, document);
    load_keyway(load);
    load_shards(load);
    load_databases(load);
    load_users(load);
    load_keyspaces(load);
    load_tables(load);
}

struct settings *settings_load(const char *file, struct diagnostics *diagnostics)
{
    struct settings *settings = memory_alloc(sizeof(*settings));
    size_t mistakes_before = diagnostics->count;
    struct load load = {.settings = settings, .arena = &settings->arena, .diagnostics = diagnostics};
    struct document document;
    atomic_init(&settings->references, 1);
    settings->file = arena_strdup(&settings->arena, file);
    if (document_read(file, load.arena, diagnostics, &document))
        load_sections(&load, &document);
    if (diagnostics->count == mistakes_before)
        return settings;
    settings_release(settings);
    return NULL;
}

struct settings *settings_hold(struct settings *settings)
{
    atomic_fetch_add_explicit(&settings->references, 1, memory_order_relaxed);
    return settings;
}

void settings_release(struct settings *settings)
{
    if (settings == NULL || atomic_fetch_sub_explicit(&settings->references, 1, memory_order_acq_rel) > 1)
        return;
    struct arena arena = settings->arena;
    arena_free(&arena);
    free(settings);
}

#define COPY_INTEGER(name)  copy->name = settings->name;
#define COPY_SIZE(name)     copy->name = settings->name;
#define COPY_DURATION(name) copy->name = settings->name;
#define COPY_BOOLEAN(name)  copy->name = settings->name;
#define COPY_TEXT(name)     copy->name = arena_strdup(&copy->arena, settings->name);
#define COPY_FIELD(type, name, standard, unit, what) COPY_##type(name)

static void copy_values(struct settings *copy, const struct settings *settings)
{
    SETTINGS_TABLE(COPY_FIELD)
    copy->file = arena_strdup(&copy->arena, settings->file);
    copy->auth_method = settings->auth_method;
    copy->client_tls_sslmode = settings->client_tls_sslmode;
    copy->pool_mode = settings->pool_mode;
    copy->io = settings->io;
}

/* The database's shards become all there are, in its order. */
static void copy_shards(struct settings *copy, const struct settings *settings, const struct database_settings *database)
{
    struct arena *arena = &copy->arena;
    struct database_settings *only = arena_alloc(arena, sizeof(*only));
    *only = *database;
    only->name = arena_strdup(arena, database->name);
    only->dbname = arena_strdup(arena, database->dbname);
    only->shards = arena_alloc_array(arena, database->shard_count, sizeof(*only->shards));
    only->keyspaces = NULL;
    only->tables = NULL;
    only->keyspace_count = only->table_count = 0;
    copy->databases = only;
    copy->database_count = 1;
    copy->shards = arena_alloc_array(arena, database->shard_count, sizeof(*copy->shards));
    copy->shard_count = database->shard_count;
    for (size_t i = 0; i < database->shard_count; i++) {
        const struct shard_settings *shard = &settings->shards[database->shards[i]];
        only->shards[i] = (int) i;
        copy->shards[i] = (struct shard_settings){arena_strdup(arena, shard->name), arena_strdup(arena, shard->conninfo), shard->line};
    }
}

static void copy_user(struct settings *copy, const struct user_settings *user)
{
    if (user == NULL)
        return;
    copy->users = arena_alloc(&copy->arena, sizeof(*copy->users));
    copy->user_count = 1;
    *copy->users = *user;
    copy->users->name = arena_strdup(&copy->arena, user->name);
    copy->users->secret = arena_strdup(&copy->arena, user->secret);
    copy->users->server_user = arena_strdup(&copy->arena, user->server_user);
    copy->users->server_password = arena_strdup(&copy->arena, user->server_password);
}

struct settings *settings_for_logins(const struct settings *settings, const struct database_settings *database, const char *user)
{
    struct settings *copy = memory_alloc(sizeof(*copy));
    copy->references = 1;
    copy_values(copy, settings);
    copy_shards(copy, settings, database);
    copy_user(copy, settings_user(settings, user));
    return copy;
}

const struct database_settings *settings_database(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->database_count; i++)
        if (strcmp(settings->databases[i].name, name) == 0)
            return &settings->databases[i];
    return NULL;
}

static int compare_name(const void *name, const void *user)
{
    return strcmp(name, ((const struct user_settings *) user)->name);
}

const struct user_settings *settings_user(const struct settings *settings, const char *name)
{
    if (settings->user_count == 0)
        return NULL;
    return bsearch(name, settings->users, settings->user_count, sizeof(*settings->users), compare_name);
}

/* Is `name` in a list such as `admin, "Ops Team"`? */
static bool names_have(const char *list, const char *name)
{
    struct arena arena = {0};
    struct scanner scanner = {.at = list ? list : "", .arena = &arena};
    const char **names;
    size_t count;
    bool found = false;
    if (list && scan_names(&scanner, ',', "a name", &names, &count))
        for (size_t i = 0; i < count && !found; i++)
            found = strcmp(names[i], name) == 0;
    arena_free(&arena);
    return found;
}

bool settings_is_admin(const struct settings *settings, const char *user)
{
    return names_have(settings->admin_users, user);
}

bool settings_is_stats(const struct settings *settings, const char *user)
{
    return names_have(settings->stats_users, user) || settings_is_admin(settings, user);
}
