/*
 * The [keyway] section.  SETTINGS_TABLE becomes an array that says where in the snapshot each setting lives
 * and how it is read; defaults go through the same reader as the file's values.  The same array makes SHOW
 * CONFIG.
 */
#include "config/settings_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/array.h"
#include "config/values.h"

enum setting_type { SETTING_INTEGER, SETTING_DURATION, SETTING_SIZE, SETTING_TEXT, SETTING_BOOLEAN };

static const struct setting {
    const char *name;
    enum setting_type type;
    size_t offset;
    const char *standard, *unit, *what;
} plain_settings[] = {
#define SETTING_ROW(type, name, standard, unit, what)                                                        \
    {#name, SETTING_##type, offsetof(struct settings, name), standard, unit, what},
    SETTINGS_TABLE(SETTING_ROW)
#undef SETTING_ROW
};
enum { PLAIN_SETTINGS = sizeof(plain_settings) / sizeof(plain_settings[0]) };

/* The settings whose range is not "0 to SETTING_MOST". */
enum { SETTING_MOST = 1000000000 };
static const struct setting_range {
    const char *name;
    int64_t least, most;
} setting_ranges[] = {
    {"workers", 1, 1024},
    {"worker_load", 0, 100},
    {"max_client_conn", 1, SETTING_MOST},
    {"pool_size", 1, SETTING_MOST},
    {"max_packet_size", 1024, 1024 * 1024 * 1024},
    {"gather_max_bytes", 0, INT64_MAX},
};

static const struct setting *find_setting(const char *name)
{
    for (size_t i = 0; i < PLAIN_SETTINGS; i++)
        if (strcmp(plain_settings[i].name, name) == 0)
            return &plain_settings[i];
    return NULL;
}

static struct setting_range range_of(const struct setting *setting)
{
    for (size_t i = 0; i < sizeof(setting_ranges) / sizeof(setting_ranges[0]); i++)
        if (strcmp(setting_ranges[i].name, setting->name) == 0)
            return setting_ranges[i];
    return (struct setting_range){.least = 0, .most = SETTING_MOST};
}

/* Only `workers` may be auto, which is stored as 0: less than any number that may be written. */
static bool is_automatic(const struct setting *setting)
{
    return strcmp(setting->standard, "auto") == 0;
}

static void set_integer(struct load *load, const struct setting *setting, const struct document_entry *entry,
                        int64_t *place)
{
    int64_t number;
    struct setting_range range = range_of(setting);
    if (is_automatic(setting) && strcmp(entry->value, "auto") == 0)
        *place = 0;
    else if (value_integer(entry->value, &number) && number >= range.least && number <= range.most)
        *place = number;
    else
        load_refuse(load, entry,
                    arena_printf(load->arena, "%sa whole number of %s from %lld to %lld",
                                 is_automatic(setting) ? "auto or " : "", setting->unit,
                                 (long long) range.least, (long long) range.most));
}

static void set_size(struct load *load, const struct setting *setting, const struct document_entry *entry,
                     int64_t *place)
{
    int64_t number;
    struct setting_range range = range_of(setting);
    if (value_size(entry->value, &number) && number >= range.least && number <= range.most)
        *place = number;
    else
        load_refuse(load, entry,
                    arena_printf(load->arena, "a size such as 16kB, 4MB or 1GB, from %lld to %lld bytes",
                                 (long long) range.least, (long long) range.most));
}

static void set_duration(struct load *load, const struct document_entry *entry, double *place)
{
    enum { LONGEST = 10 * 365 * 86400 };
    double seconds;
    if (value_duration(entry->value, &seconds) && seconds <= LONGEST)
        *place = seconds;
    else
        load_refuse(load, entry, "a duration such as 500ms, 30s, 5min, 1h or 1d, at most 3650d");
}

static const char *const file_settings[] = {
    "unix_socket_dir",      "auth_file",           "log_file",           "pid_file",
    "client_tls_cert_file", "client_tls_key_file", "client_tls_ca_file", NULL,
};

static void set_text(struct load *load, const struct setting *setting, const struct document_entry *entry,
                     const char **place)
{
    const char *text = value_text(load->arena, entry->value, "'");
    if (*text == '\0')
        text = NULL;
    else if (value_choice(setting->name, file_settings) >= 0)
        text = load_path(load, text);
    *place = text;
}

static void set_plain(struct load *load, void *target, const struct document_entry *entry)
{
    const struct setting *setting = find_setting(entry->key);
    void *place = (char *) target + setting->offset;
    switch (setting->type) {
    case SETTING_INTEGER:
        set_integer(load, setting, entry, place);
        return;
    case SETTING_DURATION:
        set_duration(load, entry, place);
        return;
    case SETTING_SIZE:
        set_size(load, setting, entry, place);
        return;
    case SETTING_TEXT:
        set_text(load, setting, entry, place);
        return;
    case SETTING_BOOLEAN:
        load_boolean(load, entry, place);
        return;
    }
}

static void set_auth_method(struct load *load, void *target, const struct document_entry *entry)
{
    struct settings *settings = target;
    int choice;
    if (load_choice(load, entry, auth_method_names, &choice))
        settings->auth_method = (enum auth_method) choice;
}

static void set_tls_mode(struct load *load, void *target, const struct document_entry *entry)
{
    struct settings *settings = target;
    int choice;
    if (load_choice(load, entry, tls_mode_names, &choice))
        settings->client_tls_sslmode = (enum tls_mode) choice;
}

static void set_pool_mode(struct load *load, void *target, const struct document_entry *entry)
{
    struct settings *settings = target;
    int choice;
    if (load_choice(load, entry, pool_mode_names, &choice))
        settings->pool_mode = (enum pool_mode) choice;
}

static void set_io(struct load *load, void *target, const struct document_entry *entry)
{
    struct settings *settings = target;
    int choice;
    if (load_choice(load, entry, io_mode_names, &choice))
        settings->io = (enum io_mode) choice;
}

static const struct section_key keyway_keys[] = {
#define SETTING_KEY(type, name, standard, unit, what) {#name, set_plain, false},
    SETTINGS_TABLE(SETTING_KEY)
#undef SETTING_KEY
        {"auth_method", set_auth_method, false},
    {"client_tls_sslmode", set_tls_mode, false},
    {"pool_mode", set_pool_mode, false},
    {"io", set_io, false},
    {NULL, NULL, false},
};

static void set_defaults(struct load *load)
{
    for (size_t i = 0; i < PLAIN_SETTINGS; i++) {
        struct document_entry entry = {.key = plain_settings[i].name, .value = plain_settings[i].standard};
        set_plain(load, load->settings, &entry);
    }
    load->settings->auth_method = AUTH_SCRAM_SHA_256;
    load->settings->client_tls_sslmode = TLS_OFF;
    load->settings->pool_mode = POOL_TRANSACTION;
    load->settings->io = IO_AUTO;
}

/* Take "host:port" apart; an IPv6 address stands in brackets, * is every address.  NULL, or what is wrong
 * with it. */
static const char *parse_address(struct arena *arena, char *text, struct listen_address *address)
{
    char *colon = strrchr(text, ':');
    int64_t port;
    if (colon == NULL || !value_integer(colon + 1, &port) || port < 1 || port > 65535)
        return "host:port with a port from 1 to 65535";
    *colon = '\0';
    size_t length = strlen(text);
    unsigned char ignored[sizeof(struct in6_addr)];
    if (text[0] == '[' && text[length - 1] == ']') {
        text[length - 1] = '\0';
        text++;
        if (inet_pton(AF_INET6, text, ignored) != 1)
            return "an IPv6 address between [ and ]";
    } else if (strchr(text, ':') != NULL) {
        return "an IPv6 address in brackets, as in [::1]:6432";
    } else if (length == 0 || strpbrk(text, " \t[]/'\"") != NULL) {
        return "host:port, where * as host is every address";
    }
    address->host = strcmp(text, "*") == 0 ? NULL : text;
    address->port = arena_printf(arena, "%lld", (long long) port);
    return NULL;
}

static bool same_address(const struct listen_address *left, const struct listen_address *right)
{
    bool same_host =
        left->host && right->host ? strcmp(left->host, right->host) == 0 : left->host == right->host;
    return same_host && strcmp(left->port, right->port) == 0;
}

static void add_address(struct load *load, const char *text, int line)
{
    struct settings *settings = load->settings;
    struct listen_address address;
    const char *expected = parse_address(load->arena, arena_strdup(load->arena, text), &address);
    if (expected) {
        load_report(load, line, "listen: found %s, expected %s", scan_excerpt(load->arena, text), expected);
        return;
    }
    for (size_t i = 0; i < settings->address_count; i++)
        if (same_address(&settings->addresses[i], &address))
            load_report(load, line, "listen: found %s twice, expected each address once",
                        scan_excerpt(load->arena, text));
    settings->addresses =
        array_room(load->arena, settings->addresses, settings->address_count, sizeof(*settings->addresses));
    settings->addresses[settings->address_count++] = address;
}

static void load_addresses(struct load *load, int line)
{
    if (load->settings->listen == NULL) {
        load_report(load, line, "listen: found nothing, expected at least one host:port");
        return;
    }
    char *list = arena_strdup(load->arena, load->settings->listen);
    for (char *next; list; list = next) {
        char *comma = strchr(list, ',');
        next = comma ? comma + 1 : NULL;
        if (comma)
            *comma = '\0';
        list += strspn(list, " \t");
        size_t length = strlen(list);
        while (length > 0 && strchr(" \t", list[length - 1]))
            length--;
        list[length] = '\0';
        add_address(load, list, line);
    }
}

static void check_user_list(struct load *load, const struct section *section, const char *key)
{
    const struct document_entry *entry = section_entry(section, key);
    const char **names;
    size_t count;
    if (entry && *entry->value)
        load_names(load, entry, "a user's name", &names, &count);
}

/* The setting that makes a file necessary; without a key nothing does. */
struct file_need {
    const char *key, *value;
};

static void check_file(struct load *load, const struct section *section, const char *key, const char *file,
                       struct file_need need)
{
    if (file == NULL && need.key)
        load_report(load, section_line(section, need.key),
                    "found %s = %s without %s, expected %s to name a file", need.key, need.value, key, key);
    else if (file && access(file, R_OK) != 0)
        load_report(load, section_line(section, key),
                    "%s: found '%s', which cannot be read (%s), expected a file", key, file, strerror(errno));
}

static void check_tls(struct load *load, const struct section *section)
{
    const struct settings *settings = load->settings;
    enum tls_mode mode = settings->client_tls_sslmode;
    struct file_need nothing = {NULL, NULL};
    struct file_need tls = {"client_tls_sslmode", tls_mode_name(mode)};
    struct file_need certificate = {"auth_method", auth_method_name(settings->auth_method)};
    bool by_certificate = settings->auth_method == AUTH_CERT;
    bool verified = mode == TLS_VERIFY_CA || mode == TLS_VERIFY_FULL;
    if (by_certificate && mode == TLS_OFF)
        load_report(load, section_line(section, "auth_method"),
                    "found auth_method = cert with client_tls_sslmode = off, expected TLS to be on");
    check_file(load, section, "client_tls_cert_file", settings->client_tls_cert_file,
               mode != TLS_OFF ? tls : nothing);
    check_file(load, section, "client_tls_key_file", settings->client_tls_key_file,
               mode != TLS_OFF ? tls : nothing);
    check_file(load, section, "client_tls_ca_file", settings->client_tls_ca_file,
               by_certificate ? certificate
               : verified     ? tls
                              : nothing);
}

/* With no auth_file nobody has a password.  Said only to who asked for passwords: a file without the key may
 * be a draft. */
static void check_auth_file(struct load *load, const struct section *section)
{
    enum auth_method method = load->settings->auth_method;
    const struct document_entry *entry = section_entry(section, "auth_method");
    bool chosen = entry && value_choice(entry->value, auth_method_names) >= 0;
    if (chosen && load->settings->auth_file == NULL && method != AUTH_TRUST && method != AUTH_CERT)
        load_report(load, entry->line,
                    "found auth_method = %s without auth_file, expected auth_file to name the users' secrets",
                    auth_method_name(method));
}

static void check_pools(struct load *load, const struct section *section)
{
    const struct settings *settings = load->settings;
    if (settings->min_pool_size > settings->pool_size)
        load_report(load, section_line(section, "min_pool_size"),
                    "min_pool_size: found %lld, expected at most pool_size, which is %lld",
                    (long long) settings->min_pool_size, (long long) settings->pool_size);
}

static void check_socket_directory(struct load *load, const struct section *section)
{
    const char *directory = load->settings->unix_socket_dir;
    size_t longest = sizeof(((struct sockaddr_un *) NULL)->sun_path) - sizeof("/.s.PGSQL.65535");
    if (directory && strlen(directory) > longest)
        load_report(load, section_line(section, "unix_socket_dir"),
                    "unix_socket_dir: found a path of %zu bytes, expected at most %zu", strlen(directory),
                    longest);
}

void load_keyway(struct load *load)
{
    static const struct document_section nothing = {.header = "keyway", .line = 0};
    struct section section = {.kind = SECTION_KEYWAY, .title = "[keyway]", .source = &nothing};
    set_defaults(load);
    for (size_t i = sections_next(load, SECTION_KEYWAY, 0); i < load->section_count;
         i = sections_next(load, SECTION_KEYWAY, i + 1)) {
        section = load->sections[i];
        section_apply(load, &section, keyway_keys, load->settings);
    }
    load_addresses(load, section_line(&section, "listen"));
    check_user_list(load, &section, "admin_users");
    check_user_list(load, &section, "stats_users");
    check_socket_directory(load, &section);
    check_auth_file(load, &section);
    check_tls(load, &section);
    check_pools(load, &section);
}

static const char *show_plain(const struct settings *settings, const struct setting *setting,
                              struct arena *arena)
{
    const void *place = (const char *) settings + setting->offset;
    switch (setting->type) {
    case SETTING_INTEGER:
        if (is_automatic(setting) && *(const int64_t *) place == 0)
            return "auto";
        return arena_printf(arena, "%lld", (long long) *(const int64_t *) place);
    case SETTING_DURATION:
        return arena_printf(arena, "%.15g", *(const double *) place);
    case SETTING_SIZE:
        return arena_printf(arena, "%lld", (long long) *(const int64_t *) place);
    case SETTING_TEXT: {
        const char *text = *(const char *const *) place;
        return text ? text : "";
    }
    case SETTING_BOOLEAN:
        return *(const bool *) place ? "yes" : "no";
    }
    return "";
}

/* SHOW CONFIG ends with the settings that are choices. */
static struct setting_row choice_row(const struct settings *settings, size_t i)
{
    const struct setting_row rows[] = {
        {"auth_method", auth_method_name(settings->auth_method), auth_method_name(AUTH_SCRAM_SHA_256),
         "trust | password | md5 | scram-sha-256 | cert", "how clients prove who they are"},
        {"client_tls_sslmode", tls_mode_name(settings->client_tls_sslmode), tls_mode_name(TLS_OFF),
         "off | allow | prefer | require | verify-ca | verify-full", "TLS between clients and Keyway"},
        {"pool_mode", pool_mode_name(settings->pool_mode), pool_mode_name(POOL_TRANSACTION),
         "session | transaction | statement", "how long a client keeps a server"},
        {"io", io_mode_name(settings->io), io_mode_name(IO_AUTO), "auto | epoll | io_uring",
         "how bytes are moved, from the next start on"},
    };
    return i < sizeof(rows) / sizeof(rows[0]) ? rows[i] : (struct setting_row){0};
}

bool settings_row(const struct settings *settings, size_t i, struct arena *arena, struct setting_row *row)
{
    if (i >= PLAIN_SETTINGS) {
        *row = choice_row(settings, i - PLAIN_SETTINGS);
        return row->key != NULL;
    }
    const struct setting *setting = &plain_settings[i];
    *row = (struct setting_row){
        .key = setting->name,
        .value = show_plain(settings, setting, arena),
        .standard = setting->standard,
        .unit = setting->unit,
        .what = setting->what,
    };
    return true;
}
