/*
 * settings_load: what the modules that make a settings snapshot share.
 *
 * A document's sections are named and sorted by kind (settings_sections), then each kind is turned into its
 * part of the snapshot: [keyway] (settings_keyway), shards, users and databases (settings_servers), keyspaces
 * and tables (settings_keyspaces), the users of auth_file (auth_file).  Each kind of section has a table of
 * its keys; what is wrong is reported and loading goes on, so that all mistakes are told at once.
 */
#ifndef KEYWAY_SETTINGS_LOAD_H
#define KEYWAY_SETTINGS_LOAD_H

#include "config/document.h"
#include "config/scan.h"
#include "config/settings.h"

enum section_kind {
    SECTION_KEYWAY,
    SECTION_SHARD,
    SECTION_DATABASE,
    SECTION_KEYSPACE,
    SECTION_TABLE,
    SECTION_USER,
};

struct section {
    enum section_kind kind;
    const char *title;  /* "[shard east]", for messages */
    const char **names; /* after the kind, split at dots */
    size_t name_count;
    const struct document_section *source;
};

struct load {
    struct settings *settings;
    struct arena *arena; /* the snapshot's own */
    struct diagnostics *diagnostics;
    struct section *sections;
    size_t section_count;
};

/* Takes one key's value into `target`, which belongs to the section. */
typedef void apply_key(struct load *load, void *target, const struct document_entry *entry);
struct section_key {
    const char *name;
    apply_key *apply;
    bool repeatable;
};

/* settings_sections: the document's sections with their names; unknown ones and duplicates are reported. */
void sections_name(struct load *load, const struct document *document);
/* Apply the section's entries by its table of keys, which ends with a NULL name. */
void section_apply(struct load *load, const struct section *section, const struct section_key *keys,
                   void *target);
/* The first entry of that key, or NULL. */
const struct document_entry *section_entry(const struct section *section, const char *key);
int section_line(const struct section *section, const char *key); /* of that entry, or else of the section */
/* Report it when the section lacks that key; `shape` shows what was expected. */
void section_require(struct load *load, const struct section *section, const char *key, const char *shape);
/* The first section of that kind and names at or after `from`; section_count when there is none. */
size_t sections_next(const struct load *load, enum section_kind kind, size_t from);

void load_report(struct load *load, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* "KEY: found 'VALUE', expected …" */
void load_refuse(struct load *load, const struct document_entry *entry, const char *expected);
struct scanner load_scanner(struct load *load, const struct document_entry *entry);
/* The scanner's problem, reported for its entry. */
void load_problem(struct load *load, const struct document_entry *entry, const struct scanner *scanner);
/* What was expected instead of `found`: the nearest of the names, or else all of them. */
const char *load_suggestion(struct load *load, const char *found, const char *const *names);

/* Values of entries; each reports what it refuses and returns false then. */
bool load_integer(struct load *load, const struct document_entry *entry, int64_t least, int64_t most,
                  int64_t *value);
bool load_boolean(struct load *load, const struct document_entry *entry, bool *value);
bool load_choice(struct load *load, const struct document_entry *entry, const char *const *choices,
                 int *choice);
bool load_name(struct load *load, const struct document_entry *entry, const char *what, const char **name);
bool load_names(struct load *load, const struct document_entry *entry, const char *what, const char ***names,
                size_t *count);

/* The kinds, in the order in which they must be loaded. */
void load_keyway(struct load *load);
void load_shards(struct load *load);
void load_databases(struct load *load);
void load_users(struct load *load); /* [user] sections and auth_file */
void load_keyspaces(struct load *load);
void load_tables(struct load *load);

/* The database of that name for changing, or NULL. */
struct database_settings *load_database(struct load *load, const char *name);
/* The shard's number in `database`, or -1, which is reported.  Without a database any shard will do. */
int load_shard_number(struct load *load, const struct database_settings *database, const char *name,
                      const struct document_entry *entry);

/* A file named in the configuration: relative to the configuration file's folder. */
const char *load_path(struct load *load, const char *name);

/* auth_file: one name and secret; `secret` is NULL for "". */
struct auth_file_entry {
    const char *name, *secret;
    int line;
};
bool auth_file_read(const char *file, struct arena *arena, struct diagnostics *diagnostics,
                    struct auth_file_entry **entries, size_t *count);

/* Names of the enums, in their order, NULL-terminated. */
extern const char *const pool_mode_names[], *const auth_method_names[],
                                                *const tls_mode_names[], *const io_mode_names[], *const commit_mode_names[],
                                                *const float_sums_names[], *const keyspace_method_names[];

#endif
