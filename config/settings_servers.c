/*
 * Shards, the databases made of them, and the users.
 */
#include "config/settings_load.h"

#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "config/array.h"
#include "config/values.h"

enum { MOST_CONNECTIONS = 1000000000 };

/* Options as a keyword/value string, without the keyword `except` (which may be NULL). */
static const char *conninfo_text(struct arena *arena, const PQconninfoOption *options, const char *except)
{
    const char *text = "";
    for (; options->keyword; options++) {
        if (options->val == NULL || (except && strcmp(options->keyword, except) == 0))
            continue;
        char *quoted = arena_alloc(arena, strlen(options->val) * 2 + 1);
        char *out = quoted;
        for (const char *c = options->val; *c; c++) {
            if (*c == '\'' || *c == '\\')
                *out++ = '\\';
            *out++ = *c;
        }
        text = arena_printf(arena, "%s%s%s='%s'", text, *text ? " " : "", options->keyword, quoted);
    }
    return text;
}

static const char *without_line_end(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text, strcspn(text, "\r\n"));
}

static void set_conninfo(struct load *load, void *target, const struct document_entry *entry)
{
    struct shard_settings *shard = target;
    if (*entry->value == '\0') {
        load_refuse(load, entry, "host=… port=… dbname=…");
        return;
    }
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(entry->value, &problem);
    bool is_uri =
        strncmp(entry->value, "postgres://", 11) == 0 || strncmp(entry->value, "postgresql://", 13) == 0;
    if (options == NULL)
        load_report(load, entry->line,
                    "conninfo: found what libpq refuses (%s), expected host=… port=… dbname=…",
                    problem ? without_line_end(load->arena, problem) : "out of memory");
    else
        shard->conninfo = is_uri ? conninfo_text(load->arena, options, NULL) : entry->value;
    PQfreemem(problem);
    PQconninfoFree(options);
}

void load_shards(struct load *load)
{
    static const struct section_key keys[] = {{"conninfo", set_conninfo, false}, {NULL, NULL, false}};
    struct settings *settings = load->settings;
    settings->shards = arena_alloc_array(load->arena, load->section_count, sizeof(*settings->shards));
    for (size_t i = sections_next(load, SECTION_SHARD, 0); i < load->section_count;
         i = sections_next(load, SECTION_SHARD, i + 1)) {
        const struct section *section = &load->sections[i];
        struct shard_settings *shard = &settings->shards[settings->shard_count++];
        *shard = (struct shard_settings){.name = section->names[0], .line = section->source->line};
        section_apply(load, section, keys, shard);
        section_require(load, section, "conninfo", "conninfo = host=… port=… dbname=…");
    }
}

static int find_shard(const struct settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->shard_count; i++)
        if (strcmp(settings->shards[i].name, name) == 0)
            return (int) i;
    return -1;
}

/* All shards' names, or those of one database, NULL-terminated. */
static const char **shard_names(struct load *load, const struct database_settings *database)
{
    const struct settings *settings = load->settings;
    size_t count = database ? database->shard_count : settings->shard_count;
    const char **names = arena_alloc_array(load->arena, count + 1, sizeof(*names));
    for (size_t i = 0; i < count; i++)
        names[i] = settings->shards[database ? (size_t) database->shards[i] : i].name;
    return names;
}

static int known_shard(struct load *load, const char *name, const struct document_entry *entry)
{
    int shard = find_shard(load->settings, name);
    if (shard < 0)
        load_report(load, entry->line, "%s: found unknown shard '%s', expected %s", entry->key, name,
                    load_suggestion(load, name, shard_names(load, NULL)));
    return shard;
}

int load_shard_number(struct load *load, const struct database_settings *database, const char *name,
                      const struct document_entry *entry)
{
    int shard = known_shard(load, name, entry);
    if (shard < 0 || database == NULL || database->shard_count == 0)
        return -1;
    for (size_t i = database->has_workspace; i < database->shard_count; i++)
        if (database->shards[i] == shard)
            return (int) i;
    bool workspace = database->has_workspace && database->shards[0] == shard;
    load_report(load, entry->line, "%s: found shard '%s', which %sdatabase '%s'%s, expected %s", entry->key, name,
                workspace ? "is the workspace of " : "", database->name, workspace ? " and has no keys" : " does not have",
                value_names(load->arena, shard_names(load, database) + database->has_workspace, " or "));
    return -1;
}

static bool has_shard(const struct database_settings *database, int shard)
{
    for (size_t i = 0; i < database->shard_count; i++)
        if (database->shards[i] == shard)
            return true;
    return false;
}

static void set_shards(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    const char **names;
    size_t count;
    if (!load_names(load, entry, "a shard's name", &names, &count))
        return;
    if (count > SETTINGS_MAX_SHARDS)
        load_report(load, entry->line, "shards: found %zu shards, expected at most %d", count,
                    SETTINGS_MAX_SHARDS);
    int *workspace = database->shards;
    database->shards = arena_alloc_array(load->arena, count + 1, sizeof(*database->shards));
    if (database->has_workspace)
        database->shards[0] = *workspace;
    for (size_t i = 0; i < count; i++) {
        int shard = known_shard(load, names[i], entry);
        if (shard >= 0 && has_shard(database, shard))
            load_report(load, entry->line, "shards: found '%s' twice, expected each shard once", names[i]);
        else if (shard >= 0)
            database->shards[database->shard_count++] = shard;
    }
}

/* It stands before the shards, wherever it is written. */
static void set_workspace(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    const char *name;
    int shard = load_name(load, entry, "a shard's name", &name) ? known_shard(load, name, entry) : -1;
    if (shard < 0)
        return;
    if (has_shard(database, shard)) {
        load_report(load, entry->line, "workspace: found '%s', which is among the shards, expected one that is not", name);
        return;
    }
    int *shards = arena_alloc_array(load->arena, database->shard_count + 1, sizeof(*shards));
    shards[0] = shard;
    for (size_t i = 0; i < database->shard_count; i++)
        shards[i + 1] = database->shards[i];
    database->shards = shards;
    database->shard_count++;
    database->has_workspace = true;
}

static void set_database_pool_mode(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    int choice;
    if (load_choice(load, entry, pool_mode_names, &choice))
        database->pool_mode = (enum pool_mode) choice;
}

static void set_database_pool_size(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    load_integer(load, entry, 1, MOST_CONNECTIONS, &database->pool_size);
}

static void set_min_pool_size(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    load_integer(load, entry, 0, MOST_CONNECTIONS, &database->min_pool_size);
}

static void set_reserve_pool_size(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    load_integer(load, entry, 0, MOST_CONNECTIONS, &database->reserve_pool_size);
}

static void set_commit_mode(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    int choice;
    if (strcmp(entry->value, "two_phase") == 0)
        load_report(load, entry->line,
                    "multi_shard_commit: found 'two_phase', which is not yet available, expected %s",
                    value_names(load->arena, commit_mode_names, " or "));
    else if (load_choice(load, entry, commit_mode_names, &choice))
        database->multi_shard_commit = (enum commit_mode) choice;
}

static void set_float_sums(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    int choice;
    if (load_choice(load, entry, float_sums_names, &choice))
        database->float_sums = (enum float_sums) choice;
}

static void set_dbname(struct load *load, void *target, const struct document_entry *entry)
{
    struct database_settings *database = target;
    const char *name = value_text(load->arena, entry->value, "'\"");
    if (*name == '\0')
        load_refuse(load, entry, "the database's name at the shards");
    else
        database->dbname = name;
}

static const struct section_key database_keys[] = {
    {"shards", set_shards, false},
    {"workspace", set_workspace, false},
    {"pool_mode", set_database_pool_mode, false},
    {"pool_size", set_database_pool_size, false},
    {"min_pool_size", set_min_pool_size, false},
    {"reserve_pool_size", set_reserve_pool_size, false},
    {"multi_shard_commit", set_commit_mode, false},
    {"float_sums", set_float_sums, false},
    {"dbname", set_dbname, false},
    {NULL, NULL, false},
};

/* Where a shard's rows are, for comparing: its options, less the dbname when the database has its own. */
static const char *shard_place(struct load *load, const struct database_settings *database, size_t number)
{
    const char *conninfo = load->settings->shards[database->shards[number]].conninfo;
    PQconninfoOption *options = conninfo ? PQconninfoParse(conninfo, NULL) : NULL;
    const char *place =
        options ? conninfo_text(load->arena, options, database->dbname ? "dbname" : NULL) : NULL;
    PQconninfoFree(options);
    return place;
}

/* Two shards of one database at one place would give every row twice. */
static void check_places(struct load *load, const struct database_settings *database, int line)
{
    const struct settings *settings = load->settings;
    const char **places = arena_alloc_array(load->arena, database->shard_count, sizeof(*places));
    for (size_t i = 0; i < database->shard_count; i++) {
        places[i] = shard_place(load, database, i);
        size_t first = 0;
        while (first < i && (!places[i] || !places[first] || strcmp(places[first], places[i]) != 0))
            first++;
        if (first < i)
            load_report(
                load, line,
                "shards: found '%s' and '%s' with the same conninfo, expected each shard at its own place",
                settings->shards[database->shards[first]].name, settings->shards[database->shards[i]].name);
    }
}

static void check_database(struct load *load, const struct section *section,
                           const struct database_settings *database)
{
    int line = section->source->line;
    if (strcmp(database->name, "keyway") == 0)
        load_report(load, line,
                    "found [database keyway], expected another name: keyway is the admin console");
    section_require(load, section, "shards", "shards = NAME, NAME, …");
    if (database->has_workspace && database->shard_count == SETTINGS_MAX_SHARDS + 1)
        load_report(load, section_line(section, "workspace"), "workspace: found one beside %d shards, expected at most %d shards with it",
                    SETTINGS_MAX_SHARDS, SETTINGS_MAX_SHARDS);
    check_places(load, database, section_line(section, "shards"));
    bool own_size = section_entry(section, "min_pool_size") || section_entry(section, "pool_size");
    if (own_size && database->min_pool_size > database->pool_size)
        load_report(load, section_line(section, "min_pool_size"),
                    "min_pool_size: found %lld, expected at most pool_size, which is %lld",
                    (long long) database->min_pool_size, (long long) database->pool_size);
}

void load_databases(struct load *load)
{
    struct settings *settings = load->settings;
    settings->databases = arena_alloc_array(load->arena, load->section_count, sizeof(*settings->databases));
    for (size_t i = sections_next(load, SECTION_DATABASE, 0); i < load->section_count;
         i = sections_next(load, SECTION_DATABASE, i + 1)) {
        const struct section *section = &load->sections[i];
        struct database_settings *database = &settings->databases[settings->database_count++];
        *database = (struct database_settings){
            .name = section->names[0],
            .pool_mode = settings->pool_mode,
            .pool_size = settings->pool_size,
            .min_pool_size = settings->min_pool_size,
            .reserve_pool_size = settings->reserve_pool_size,
            .multi_shard_commit = COMMIT_REFUSE,
            .float_sums = FLOAT_SUMS_REFUSE,
            .line = section->source->line,
        };
        section_apply(load, section, database_keys, database);
        check_database(load, section, database);
    }
    if (settings->database_count == 0)
        load_report(load, 0, "found no [database NAME] section, expected at least one");
}

struct database_settings *load_database(struct load *load, const char *name)
{
    for (size_t i = 0; i < load->settings->database_count; i++)
        if (strcmp(load->settings->databases[i].name, name) == 0)
            return &load->settings->databases[i];
    return NULL;
}

static void set_user_pool_mode(struct load *load, void *target, const struct document_entry *entry)
{
    struct user_settings *user = target;
    int choice;
    if (!load_choice(load, entry, pool_mode_names, &choice))
        return;
    user->has_pool_mode = true;
    user->pool_mode = (enum pool_mode) choice;
}

static void set_user_pool_size(struct load *load, void *target, const struct document_entry *entry)
{
    struct user_settings *user = target;
    user->has_pool_size = load_integer(load, entry, 1, MOST_CONNECTIONS, &user->pool_size);
}

static void set_max_user_connections(struct load *load, void *target, const struct document_entry *entry)
{
    struct user_settings *user = target;
    load_integer(load, entry, 0, MOST_CONNECTIONS, &user->max_user_connections);
}

static void set_server_user(struct load *load, void *target, const struct document_entry *entry)
{
    struct user_settings *user = target;
    const char *name = value_text(load->arena, entry->value, "'\"");
    if (*name == '\0')
        load_refuse(load, entry, "the user's name at the shards");
    else
        user->server_user = name;
}

static void set_server_password(struct load *load, void *target, const struct document_entry *entry)
{
    struct user_settings *user = target;
    const char *password = value_text(load->arena, entry->value, "'");
    if (*password == '\0')
        load_refuse(load, entry, "the user's password at the shards");
    else
        user->server_password = password;
}

static const struct section_key user_keys[] = {
    {"pool_mode", set_user_pool_mode, false},
    {"pool_size", set_user_pool_size, false},
    {"max_user_connections", set_max_user_connections, false},
    {"user", set_server_user, false},
    {"password", set_server_password, false},
    {NULL, NULL, false},
};

static void load_user_sections(struct load *load)
{
    struct settings *settings = load->settings;
    for (size_t i = sections_next(load, SECTION_USER, 0); i < load->section_count;
         i = sections_next(load, SECTION_USER, i + 1)) {
        const struct section *section = &load->sections[i];
        struct user_settings user = {.name = section->names[0], .line = section->source->line};
        section_apply(load, section, user_keys, &user);
        settings->users = array_room(load->arena, settings->users, settings->user_count, sizeof(user));
        settings->users[settings->user_count++] = user;
    }
}

static int compare_users(const void *left, const void *right)
{
    return strcmp(((const struct user_settings *) left)->name, ((const struct user_settings *) right)->name);
}

static int compare_secrets(const void *left, const void *right)
{
    const struct auth_file_entry *a = left, *b = right;
    int order = strcmp(a->name, b->name);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* auth_file's entries in the order of their names, each name once. */
static size_t unique_secrets(struct load *load, struct auth_file_entry *entries, size_t count)
{
    size_t kept = 0;
    qsort(entries, count, sizeof(*entries), compare_secrets);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && strcmp(entries[kept - 1].name, entries[i].name) == 0)
            diagnostics_report(load->diagnostics, load->settings->auth_file, entries[i].line,
                               "found user \"%s\" a second time, expected it once (the first is on line %d)",
                               entries[i].name, entries[kept - 1].line);
        else
            entries[kept++] = entries[i];
    }
    return kept;
}

/* A user known from both places is one user: sections and entries, both sorted by name, are run through side
 * by side. */
static void merge_secrets(struct load *load, const struct auth_file_entry *entries, size_t entry_count)
{
    struct settings *settings = load->settings;
    struct user_settings *merged =
        arena_alloc_array(load->arena, settings->user_count + entry_count, sizeof(*merged));
    size_t count = 0, next = 0;
    for (size_t i = 0; i < settings->user_count || next < entry_count;) {
        int order = i == settings->user_count ? 1 : next == entry_count ? -1 : 0;
        if (order == 0)
            order = strcmp(settings->users[i].name, entries[next].name);
        struct user_settings user = {0};
        if (order <= 0)
            user = settings->users[i++];
        else
            user = (struct user_settings){.name = entries[next].name, .line = entries[next].line};
        if (order >= 0)
            user.secret = entries[next++].secret;
        merged[count++] = user;
    }
    settings->users = merged;
    settings->user_count = count;
}

static int auth_file_line(const struct load *load)
{
    size_t i = sections_next(load, SECTION_KEYWAY, 0);
    return i < load->section_count ? section_line(&load->sections[i], "auth_file") : 0;
}

void load_users(struct load *load)
{
    struct settings *settings = load->settings;
    struct auth_file_entry *entries = NULL;
    size_t count = 0;
    load_user_sections(load);
    if (settings->user_count > 1)
        qsort(settings->users, settings->user_count, sizeof(*settings->users), compare_users);
    if (settings->auth_file == NULL)
        return;
    if (!auth_file_read(settings->auth_file, load->arena, load->diagnostics, &entries, &count))
        load_report(load, auth_file_line(load),
                    "auth_file: found '%s', which cannot be read (%s), expected a file of names and secrets",
                    settings->auth_file, strerror(errno));
    if (count > 1)
        count = unique_secrets(load, entries, count);
    merge_secrets(load, entries, count);
}
