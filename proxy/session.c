/*
 * A session is a sorted array of settings, made unique in its worker's store by a hash of its contents.  Setting something builds
 * the new array and looks it up; clients come and go with the same handful of settings, so the store stays small.
 * A name can stand twice: as the startup packet gave it, and as SET changed it; the later entry wins.
 */
#include "proxy/session.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

enum { STORE_BUCKETS = 256 };

struct session {
    unsigned references;
    uint32_t hash;
    uint64_t serial;
    struct session *meaning; /* itself, or held: the same without what cannot change a statement's meaning */
    struct session *next;    /* in its bucket */
    struct arena arena;
    struct session_setting *settings; /* by name, the startup value before the later one */
    size_t count;
};

struct session_store {
    struct session *buckets[STORE_BUCKETS];
    uint64_t last_serial;
};

struct session_store *session_store_new(void)
{
    return memory_alloc(sizeof(struct session_store));
}

static void session_free(struct session *session)
{
    arena_free(&session->arena);
    free(session);
}

void session_store_free(struct session_store *store)
{
    for (size_t i = 0; i < STORE_BUCKETS; i++)
        while (store->buckets[i]) {
            struct session *next = store->buckets[i]->next;
            session_free(store->buckets[i]);
            store->buckets[i] = next;
        }
    free(store);
}

struct session *session_hold(struct session *session)
{
    if (session)
        session->references++;
    return session;
}

void session_release(struct session_store *store, struct session *session)
{
    if (session == NULL || --session->references > 0)
        return;
    struct session **link = &store->buckets[session->hash % STORE_BUCKETS];
    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    if (session->meaning != session)
        session_release(store, session->meaning);
    session_free(session);
}

static uint32_t hash_text(uint32_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (uint8_t) *text) * 16777619u;
    return (hash ^ 0xff) * 16777619u;
}

static uint32_t hash_settings(const struct session_setting *settings, size_t count)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < count; i++)
        hash = hash_text(hash_text(hash, settings[i].name), settings[i].sql) + settings[i].startup;
    return hash;
}

static bool same_setting(const struct session_setting *left, const struct session_setting *right)
{
    return left->startup == right->startup && strcmp(left->name, right->name) == 0 &&
           strcmp(left->sql, right->sql) == 0;
}

static bool same_settings(const struct session *session, const struct session_setting *settings, size_t count)
{
    if (session->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!same_setting(&session->settings[i], &settings[i]))
            return false;
    return true;
}

static void copy_settings(struct arena *arena, struct session_setting *to, const struct session_setting *from,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = (struct session_setting){
            .name = arena_strdup(arena, from[i].name),
            .value = arena_strdup(arena, from[i].value),
            .sql = arena_strdup(arena, from[i].sql),
            .startup = from[i].startup,
        };
}

/* Whatever else a client sets can change how a text is read: names by search_path, literals by DateStyle or TimeZone, … */
static bool is_without_meaning(const char *name)
{
    static const char *const names[] = {
        "application_name", "client_min_messages", "idle_in_transaction_session_timeout", "lock_timeout", "statement_timeout",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static struct session *session_intern(struct session_store *store, const struct session_setting *settings, size_t count);

static void find_meaning(struct session_store *store, struct session *session)
{
    size_t kept = 0;
    struct session_setting *settings = memory_alloc(session->count * sizeof(*settings));
    for (size_t i = 0; i < session->count; i++)
        if (!is_without_meaning(session->settings[i].name))
            settings[kept++] = session->settings[i];
    session->meaning = kept == session->count ? session : session_intern(store, settings, kept);
    free(settings);
}

/* The one session with these settings, held; NULL for none at all. */
static struct session *session_intern(struct session_store *store, const struct session_setting *settings, size_t count)
{
    if (count == 0)
        return NULL;
    uint32_t hash = hash_settings(settings, count);
    for (struct session *session = store->buckets[hash % STORE_BUCKETS]; session; session = session->next)
        if (session->hash == hash && same_settings(session, settings, count))
            return session_hold(session);

    struct session *session = memory_alloc(sizeof(*session));
    session->references = 1;
    session->serial = ++store->last_serial;
    session->hash = hash;
    session->count = count;
    session->settings = arena_alloc_array(&session->arena, count, sizeof(*settings));
    copy_settings(&session->arena, session->settings, settings, count);
    session->next = store->buckets[hash % STORE_BUCKETS];
    store->buckets[hash % STORE_BUCKETS] = session;
    find_meaning(store, session);
    return session;
}

struct session *session_set(struct session_store *store, struct session *session, const char *name, const char *value,
                            const char *sql, bool startup)
{
    size_t count = session_count(session), kept = 0;
    struct session_setting *settings = memory_alloc((count + 1) * sizeof(*settings));
    struct session_setting added = {.name = name, .value = value, .sql = sql, .startup = startup};
    bool placed = false;
    for (size_t i = 0; i < count; i++) {
        const struct session_setting *old = &session->settings[i];
        int order = strcmp(old->name, name);
        if (order == 0 && old->startup == startup)
            continue;
        if (!placed && (order > 0 || (order == 0 && startup))) {
            settings[kept++] = added;
            placed = true;
        }
        settings[kept++] = *old;
    }
    if (!placed)
        settings[kept++] = added;
    struct session *result = session_intern(store, settings, kept);
    free(settings);
    session_release(store, session);
    return result;
}

struct session *session_reset(struct session_store *store, struct session *session, const char *name)
{
    size_t count = session_count(session), kept = 0;
    if (count == 0)
        return session;
    struct session_setting *settings = memory_alloc(count * sizeof(*settings));
    for (size_t i = 0; i < count; i++) {
        const struct session_setting *old = &session->settings[i];
        if (old->startup || (name && strcmp(old->name, name) != 0))
            settings[kept++] = *old;
    }
    struct session *result = session_intern(store, settings, kept);
    free(settings);
    session_release(store, session);
    return result;
}

/* The entry in force for a name: the last of its name. */
static const struct session_setting *in_force(const struct session *session, const char *name)
{
    for (size_t i = session_count(session); i-- > 0;)
        if (strcmp(session->settings[i].name, name) == 0)
            return &session->settings[i];
    return NULL;
}

const char *session_value(const struct session *session, const char *name, bool *known)
{
    const struct session_setting *setting = in_force(session, name);
    *known = setting == NULL || setting->value != NULL;
    return setting ? setting->value : NULL;
}

static void append_text(struct buffer *sql, const char *text)
{
    buffer_append(sql, text, strlen(text));
}

static void append_quoted(struct buffer *sql, const char *text, char quote)
{
    buffer_append(sql, &quote, 1);
    for (; *text; text++) {
        if (*text == quote)
            buffer_append(sql, &quote, 1);
        buffer_append(sql, text, 1);
    }
    buffer_append(sql, &quote, 1);
}

/* A custom setting's name has dots that separate identifiers. */
static void append_setting_name(struct buffer *sql, const char *name)
{
    char *copy = memory_strdup(name), *rest = copy, *part;
    bool first = true;
    while ((part = strsep(&rest, "."))) {
        if (!first)
            append_text(sql, ".");
        append_quoted(sql, part, '"');
        first = false;
    }
    free(copy);
}

/* An E'' string: it means the same whatever standard_conforming_strings says. */
static void append_literal(struct buffer *sql, const char *text)
{
    append_text(sql, strchr(text, '\\') ? "E'" : "'");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buffer_append(sql, text, 1);
        buffer_append(sql, text, 1);
    }
    append_text(sql, "'");
}

void session_set_statement(struct buffer *sql, const char *name, const char *value, bool local)
{
    append_text(sql, "SELECT pg_catalog.set_config(");
    append_literal(sql, name);
    append_text(sql, ", ");
    append_literal(sql, value);
    append_text(sql, local ? ", true)" : ", false)");
}

/* A statement of the client's may end in a comment. */
static void append_separated(struct buffer *sql, const char *text)
{
    if (buffer_length(sql) > 0)
        append_text(sql, "\n;");
    append_text(sql, text);
}

void session_difference(const struct session *from, const struct session *to, struct buffer *sql)
{
    for (size_t i = 0; i < session_count(from); i++)
        if (in_force(to, from->settings[i].name) == NULL) {
            append_separated(sql, "RESET ");
            append_setting_name(sql, from->settings[i].name);
        }
    for (size_t i = 0; i < session_count(to); i++) {
        const struct session_setting *wanted = &to->settings[i];
        if (in_force(to, wanted->name) != wanted)
            continue;
        const struct session_setting *present = in_force(from, wanted->name);
        if (present == NULL || strcmp(present->sql, wanted->sql) != 0)
            append_separated(sql, wanted->sql);
    }
}

struct session_parcel {
    struct arena arena;
    struct session_setting *settings;
    size_t count;
};

struct session_parcel *session_pack(const struct session *session)
{
    if (session == NULL)
        return NULL;
    struct session_parcel *parcel = memory_alloc(sizeof(*parcel));
    parcel->count = session->count;
    parcel->settings = arena_alloc_array(&parcel->arena, parcel->count, sizeof(*parcel->settings));
    copy_settings(&parcel->arena, parcel->settings, session->settings, session->count);
    return parcel;
}

struct session *session_unpack(struct session_store *store, struct session_parcel *parcel)
{
    if (parcel == NULL)
        return NULL;
    struct session *session = session_intern(store, parcel->settings, parcel->count);
    arena_free(&parcel->arena);
    free(parcel);
    return session;
}

uint64_t session_meaning(const struct session *session)
{
    return session && session->meaning ? session->meaning->serial : 0;
}

uint64_t session_store_meaning(struct session_store *store)
{
    return ++store->last_serial;
}

size_t session_count(const struct session *session)
{
    return session ? session->count : 0;
}

const struct session_setting *session_at(const struct session *session, size_t i)
{
    return &session->settings[i];
}
