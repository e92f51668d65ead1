/*
 * Sections get their names here, `[table app."My Table"]` becoming a kind and its names, and their keys are
 * matched with the tables of the modules that know what the keys do.  A duplicate section is reported and
 * still loaded: what is wrong inside of it is worth telling, and a document with a mistake makes no snapshot
 * anyway.
 */
#include "config/settings_load.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "config/array.h"
#include "config/values.h"

static const struct section_shape {
    const char *word;
    const char *shape; /* as a message shows it */
    size_t least, most;
} shapes[] = {
    [SECTION_KEYWAY] = {"keyway", "[keyway]", 0, 0},
    [SECTION_SHARD] = {"shard", "[shard NAME]", 1, 1},
    [SECTION_DATABASE] = {"database", "[database NAME]", 1, 1},
    [SECTION_KEYSPACE] = {"keyspace", "[keyspace DATABASE.NAME]", 2, 2},
    [SECTION_TABLE] = {"table", "[table DATABASE.TABLE] or [table DATABASE.SCHEMA.TABLE]", 2, 3},
    [SECTION_USER] = {"user", "[user NAME]", 1, 1},
};
enum { KINDS = sizeof(shapes) / sizeof(shapes[0]) };

void load_report(struct load *load, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprintf(load->arena, format, arguments);
    va_end(arguments);
    diagnostics_report(load->diagnostics, load->settings->file, line, "%s", text);
}

const char *load_suggestion(struct load *load, const char *found, const char *const *names)
{
    const char *nearest = diagnostics_nearest(found, names);
    return nearest ? arena_printf(load->arena, "'%s'", nearest) : value_names(load->arena, names, " or ");
}

static void report_unknown_section(struct load *load, const struct document_section *source, const char *word)
{
    const char *words[KINDS + 1] = {0};
    const char *all[KINDS + 1] = {0};
    for (size_t i = 0; i < KINDS; i++) {
        words[i] = shapes[i].word;
        all[i] = shapes[i].shape;
    }
    const char *nearest = diagnostics_nearest(word, words);
    int kind = nearest ? value_choice(nearest, words) : -1;
    load_report(load, source->line, "found unknown section [%s], expected %s", source->header,
                kind >= 0 ? all[kind] : value_names(load->arena, all, " or "));
}

/* Split "table app.users" into its kind and names. */
static bool section_parse(struct load *load, const struct document_section *source, struct section *section)
{
    size_t length = 0;
    while (source->header[length] && !isspace((unsigned char) source->header[length]))
        length++;
    const char *word = arena_strndup(load->arena, source->header, length);
    size_t kind = 0;
    while (kind < KINDS && strcmp(word, shapes[kind].word) != 0)
        kind++;
    if (kind == KINDS) {
        report_unknown_section(load, source, word);
        return false;
    }
    *section = (struct section){
        .kind = (enum section_kind) kind,
        .title = arena_printf(load->arena, "[%s]", source->header),
        .source = source,
    };
    struct scanner scanner = {.at = source->header + length, .arena = load->arena};
    bool scanned =
        shapes[kind].most == 0 || scan_names(&scanner, '.', "a name", &section->names, &section->name_count);
    if (!scanned || !scan_end(&scanner)) {
        load_report(load, source->line, "in section %s: %s, for %s", section->title, scanner.problem,
                    shapes[kind].shape);
        return false;
    }
    if (section->name_count < shapes[kind].least || section->name_count > shapes[kind].most) {
        load_report(load, source->line, "found section %s, expected %s", section->title, shapes[kind].shape);
        return false;
    }
    return true;
}

/* A table's schema is public when it is not named. */
static void section_name_schema(struct load *load, struct section *section)
{
    if (section->kind != SECTION_TABLE || section->name_count != 2)
        return;
    const char **names = arena_alloc_array(load->arena, 3, sizeof(*names));
    names[0] = section->names[0];
    names[1] = "public";
    names[2] = section->names[1];
    section->names = names;
    section->name_count = 3;
}

static bool same_section(const struct section *left, const struct section *right)
{
    if (left->kind != right->kind)
        return false;
    for (size_t i = 0; i < left->name_count; i++)
        if (strcmp(left->names[i], right->names[i]) != 0)
            return false;
    return true;
}

/* The first section of each name, found by its hash: tables come by the thousand. */
struct first_sections {
    size_t *places; /* number + 1; 0: free */
    size_t mask;
};

static struct first_sections first_sections_new(struct arena *arena, size_t count)
{
    size_t room = 8;
    while (room < 2 * count)
        room *= 2;
    return (struct first_sections){arena_alloc_array(arena, room, sizeof(size_t)), room - 1};
}

/* FNV-1a, the names' ends included. */
static size_t section_hash(const struct section *section)
{
    uint64_t hash = 0xcbf29ce484222325 ^ (uint64_t) section->kind;
    for (size_t i = 0; i < section->name_count; i++) {
        const char *at = section->names[i];
        do {
            hash = (hash ^ (unsigned char) *at) * 0x100000001b3;
        } while (*at++);
    }
    return (size_t) hash;
}

/* The section is about to be the last one. */
static void report_duplicate(struct load *load, const struct first_sections *firsts, const struct section *section)
{
    size_t place = section_hash(section) & firsts->mask;
    while (firsts->places[place] > 0) {
        const struct section *first = &load->sections[firsts->places[place] - 1];
        if (same_section(first, section)) {
            load_report(load, section->source->line,
                        "found section %s a second time, expected it once (the first is on line %d)",
                        section->title, first->source->line);
            return;
        }
        place = (place + 1) & firsts->mask;
    }
    firsts->places[place] = load->section_count + 1;
}

void sections_name(struct load *load, const struct document *document)
{
    struct first_sections firsts = first_sections_new(load->arena, document->section_count);
    load->sections = arena_alloc_array(load->arena, document->section_count, sizeof(*load->sections));
    for (size_t i = 0; i < document->section_count; i++) {
        struct section section;
        if (!section_parse(load, &document->sections[i], &section))
            continue;
        section_name_schema(load, &section);
        report_duplicate(load, &firsts, &section);
        load->sections[load->section_count++] = section;
    }
}

size_t sections_next(const struct load *load, enum section_kind kind, size_t from)
{
    while (from < load->section_count && load->sections[from].kind != kind)
        from++;
    return from;
}

static void report_unknown_key(struct load *load, const struct section *section,
                               const struct section_key *keys, const struct document_entry *entry)
{
    const char **names = NULL;
    size_t count = 0;
    for (; keys->name; keys++) {
        names = array_room(load->arena, names, count, sizeof(*names));
        names[count++] = keys->name;
    }
    names = array_room(load->arena, names, count, sizeof(*names));
    names[count] = NULL;
    load_report(load, entry->line, "found unknown key %s in %s, expected %s",
                scan_excerpt(load->arena, entry->key), section->title,
                load_suggestion(load, entry->key, names));
}

static const struct section_key *find_key(const struct section_key *keys, const char *name)
{
    while (keys->name && strcmp(keys->name, name) != 0)
        keys++;
    return keys->name ? keys : NULL;
}

void section_apply(struct load *load, const struct section *section, const struct section_key *keys,
                   void *target)
{
    for (size_t i = 0; i < section->source->entry_count; i++) {
        const struct document_entry *entry = &section->source->entries[i];
        const struct section_key *key = find_key(keys, entry->key);
        const struct document_entry *first = section_entry(section, entry->key);
        if (key == NULL)
            report_unknown_key(load, section, keys, entry);
        else if (first != entry && !key->repeatable)
            load_report(load, entry->line,
                        "found key '%s' a second time in %s, expected it once (the first is on line %d)",
                        entry->key, section->title, first->line);
        else
            key->apply(load, target, entry);
    }
}

const struct document_entry *section_entry(const struct section *section, const char *key)
{
    for (size_t i = 0; i < section->source->entry_count; i++)
        if (strcmp(section->source->entries[i].key, key) == 0)
            return &section->source->entries[i];
    return NULL;
}

int section_line(const struct section *section, const char *key)
{
    const struct document_entry *entry = section_entry(section, key);
    return entry ? entry->line : section->source->line;
}

void section_require(struct load *load, const struct section *section, const char *key, const char *shape)
{
    if (section_entry(section, key) == NULL)
        load_report(load, section->source->line, "found no key '%s' in %s, expected %s", key, section->title,
                    shape);
}

void load_refuse(struct load *load, const struct document_entry *entry, const char *expected)
{
    const char *found = *entry->value ? scan_excerpt(load->arena, entry->value) : "nothing";
    load_report(load, entry->line, "%s: found %s, expected %s", entry->key, found, expected);
}

struct scanner load_scanner(struct load *load, const struct document_entry *entry)
{
    return (struct scanner){.at = entry->value, .arena = load->arena};
}

void load_problem(struct load *load, const struct document_entry *entry, const struct scanner *scanner)
{
    load_report(load, entry->line, "%s: %s", entry->key, scanner->problem);
}

bool load_integer(struct load *load, const struct document_entry *entry, int64_t least, int64_t most,
                  int64_t *value)
{
    int64_t number;
    if (value_integer(entry->value, &number) && number >= least && number <= most) {
        *value = number;
        return true;
    }
    load_refuse(
        load, entry,
        arena_printf(load->arena, "a whole number from %lld to %lld", (long long) least, (long long) most));
    return false;
}

bool load_boolean(struct load *load, const struct document_entry *entry, bool *value)
{
    bool read = value_boolean(entry->value, value);
    if (!read)
        load_refuse(load, entry, "yes or no");
    return read;
}

bool load_choice(struct load *load, const struct document_entry *entry, const char *const *choices,
                 int *choice)
{
    int chosen = value_choice(entry->value, choices);
    if (chosen < 0) {
        load_refuse(load, entry, value_names(load->arena, choices, " or "));
        return false;
    }
    *choice = chosen;
    return true;
}

bool load_name(struct load *load, const struct document_entry *entry, const char *what, const char **name)
{
    struct scanner scanner = load_scanner(load, entry);
    bool read = scan_name(&scanner, what, name) && scan_end(&scanner);
    if (!read)
        load_problem(load, entry, &scanner);
    return read;
}

bool load_names(struct load *load, const struct document_entry *entry, const char *what, const char ***names,
                size_t *count)
{
    struct scanner scanner = load_scanner(load, entry);
    bool read = scan_names(&scanner, ',', what, names, count) && scan_end(&scanner);
    if (!read) {
        load_problem(load, entry, &scanner);
        *count = 0;
    }
    return read;
}
