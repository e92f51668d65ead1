/*
 * Keyspaces and tables: how keys find their shards, as far as that can be said without knowing what a key
 * value is.
 */
#include "config/settings_load.h"

#include <string.h>

#include "config/array.h"
#include "config/values.h"

enum { STANDARD_SLOTS = 1024, MOST_SLOTS = 65536 };

struct keyspace_draft {
    struct keyspace_settings keyspace;
    const struct database_settings *database; /* NULL when there is none of that name */
};

/* Number of types in "text, numeric(10,2)": commas inside of parentheses do not part. */
static size_t count_types(const char *text)
{
    size_t count = 1;
    int depth = 0;
    for (; *text; text++) {
        depth += *text == '(' ? 1 : *text == ')' ? -1 : 0;
        if (*text == ',' && depth == 0)
            count++;
    }
    return count;
}

static void set_type(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    if (*entry->value == '\0')
        load_refuse(load, entry, "a type such as text or bigint");
    else
        draft->keyspace.type = entry->value;
}

static void set_method(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    int choice;
    if (load_choice(load, entry, keyspace_method_names, &choice))
        draft->keyspace.method = (enum keyspace_method) choice;
}

/* The ends that no value lies beyond: NULL stands for them. */
static bool take_ends(struct load *load, const struct document_entry *entry,
                      const struct scanned_range *scanned, struct range_settings *range)
{
    const char *problem = NULL;
    if (scanned->lower.kind == BOUND_NULL || scanned->upper.kind == BOUND_NULL)
        problem = "found NULL as a bound, expected a value (the word null is written 'null')";
    else if (scanned->lower.kind == BOUND_HIGHEST)
        problem = "found +infinity as the lower bound, expected a value or -infinity";
    else if (scanned->upper.kind == BOUND_LOWEST)
        problem = "found -infinity as the upper bound, expected a value or +infinity";
    if (problem) {
        load_report(load, entry->line, "range: %s", problem);
        return false;
    }
    range->lower = scanned->lower.kind == BOUND_VALUE ? scanned->lower.text : NULL;
    range->upper = scanned->upper.kind == BOUND_VALUE ? scanned->upper.text : NULL;
    return true;
}

static void add_range(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    struct keyspace_settings *keyspace = &draft->keyspace;
    struct scanner scanner = load_scanner(load, entry);
    struct scanned_range scanned;
    if (!scan_range(&scanner, &scanned)) {
        load_problem(load, entry, &scanner);
        return;
    }
    struct range_settings range = {.line = entry->line};
    range.shard = load_shard_number(load, draft->database, scanned.shard, entry);
    if (!take_ends(load, entry, &scanned, &range))
        return;
    keyspace->ranges = array_room(load->arena, keyspace->ranges, keyspace->range_count, sizeof(range));
    keyspace->ranges[keyspace->range_count++] = range;
}

static void add_list(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    struct keyspace_settings *keyspace = &draft->keyspace;
    struct scanner scanner = load_scanner(load, entry);
    struct scanned_list scanned;
    if (!scan_list(&scanner, &scanned)) {
        load_problem(load, entry, &scanner);
        return;
    }
    struct list_settings list = {.line = entry->line};
    list.shard = load_shard_number(load, draft->database, scanned.shard, entry);
    list.values = arena_alloc_array(load->arena, scanned.value_count, sizeof(*list.values));
    for (size_t i = 0; i < scanned.value_count; i++) {
        if (scanned.values[i].kind == BOUND_NULL)
            load_report(load, entry->line,
                        "list: found NULL, expected values only: a key is never NULL (the word null is "
                        "written 'null')");
        else
            list.values[list.value_count++] = scanned.values[i].text;
    }
    keyspace->lists = array_room(load->arena, keyspace->lists, keyspace->list_count, sizeof(list));
    keyspace->lists[keyspace->list_count++] = list;
}

static void set_slots(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    int64_t slots;
    if (load_integer(load, entry, 1, MOST_SLOTS, &slots))
        draft->keyspace.slots = (int) slots;
}

static bool has_number(const struct keyspace_settings *keyspace, int shard)
{
    for (size_t i = 0; i < keyspace->shard_count; i++)
        if (keyspace->shards[i] == shard)
            return true;
    return false;
}

static void set_keyspace_shards(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    struct keyspace_settings *keyspace = &draft->keyspace;
    const char **names;
    size_t count;
    if (!load_names(load, entry, "a shard's name", &names, &count))
        return;
    keyspace->shards = arena_alloc_array(load->arena, count, sizeof(*keyspace->shards));
    for (size_t i = 0; i < count; i++) {
        int shard = load_shard_number(load, draft->database, names[i], entry);
        if (shard >= 0 && has_number(keyspace, shard))
            load_report(load, entry->line, "shards: found '%s' twice, expected each shard once", names[i]);
        else if (shard >= 0)
            keyspace->shards[keyspace->shard_count++] = shard;
    }
}

static void set_gaps(struct load *load, void *target, const struct document_entry *entry)
{
    struct keyspace_draft *draft = target;
    load_boolean(load, entry, &draft->keyspace.allow_gaps);
}

static const struct section_key keyspace_keys[] = {
    {"type", set_type, false}, {"method", set_method, false}, {"range", add_range, true},
    {"list", add_list, true},  {"slots", set_slots, false},   {"shards", set_keyspace_shards, false},
    {"gaps", set_gaps, false}, {NULL, NULL, false},
};

/* Which keys say something under which method. */
static void check_fitting_keys(struct load *load, const struct section *section, enum keyspace_method method)
{
    static const struct {
        const char *key;
        bool fits[METHOD_LIST + 1];
        const char *methods;
    } fitting[] = {
        {"range", {[METHOD_RANGE] = true, [METHOD_HASH] = true}, "range or hash"},
        {"list", {[METHOD_LIST] = true}, "list"},
        {"slots", {[METHOD_HASH] = true}, "hash"},
        {"shards", {[METHOD_HASH] = true}, "hash"},
        {"gaps", {[METHOD_RANGE] = true}, "range"},
    };
    for (size_t i = 0; i < sizeof(fitting) / sizeof(fitting[0]); i++)
        if (!fitting[i].fits[method] && section_entry(section, fitting[i].key))
            load_report(load, section_line(section, fitting[i].key),
                        "found '%s' in a keyspace with method = %s, expected it only with method = %s",
                        fitting[i].key, keyspace_method_names[method], fitting[i].methods);
}

static void check_hash(struct load *load, const struct section *section,
                       const struct keyspace_settings *keyspace)
{
    bool shards = section_entry(section, "shards") != NULL, ranges = section_entry(section, "range") != NULL;
    if (shards && ranges)
        load_report(load, section_line(section, "range"),
                    "found both 'shards' and 'range' in %s, expected one of them", section->title);
    else if (!shards && !ranges)
        load_report(
            load, section->source->line,
            "found neither 'shards' nor 'range' in %s, expected shards = NAME, … or range = SHARD [0, 300)",
            section->title);
    if (keyspace->shard_count > (size_t) keyspace->slots)
        load_report(load, section_line(section, "slots"),
                    "slots: found %d slots for %zu shards, expected at least one slot for each",
                    keyspace->slots, keyspace->shard_count);
}

static void check_keyspace(struct load *load, const struct section *section,
                           const struct keyspace_draft *draft)
{
    if (draft->database == NULL)
        load_report(load, section->source->line,
                    "found %s, but there is no [database %s], expected it to exist", section->title,
                    section->names[0]);
    section_require(load, section, "type", "a type such as type = text");
    section_require(load, section, "method", "method = range, hash or list");
    const struct document_entry *method = section_entry(section, "method");
    if (method == NULL || value_choice(method->value, keyspace_method_names) < 0)
        return;
    check_fitting_keys(load, section, draft->keyspace.method);
    switch (draft->keyspace.method) {
    case METHOD_RANGE:
        section_require(load, section, "range", "range = SHARD [LOWER, UPPER)");
        return;
    case METHOD_HASH:
        check_hash(load, section, &draft->keyspace);
        return;
    case METHOD_LIST:
        section_require(load, section, "list", "list = SHARD (VALUE, …)");
        return;
    }
}

void load_keyspaces(struct load *load)
{
    for (size_t i = sections_next(load, SECTION_KEYSPACE, 0); i < load->section_count;
         i = sections_next(load, SECTION_KEYSPACE, i + 1)) {
        const struct section *section = &load->sections[i];
        struct database_settings *database = load_database(load, section->names[0]);
        struct keyspace_draft draft = {
            .keyspace = {.name = section->names[1], .slots = STANDARD_SLOTS, .line = section->source->line},
            .database = database,
        };
        section_apply(load, section, keyspace_keys, &draft);
        check_keyspace(load, section, &draft);
        if (database == NULL)
            continue;
        database->keyspaces =
            array_room(load->arena, database->keyspaces, database->keyspace_count, sizeof(draft.keyspace));
        database->keyspaces[database->keyspace_count++] = draft.keyspace;
    }
}

struct table_draft {
    struct table_settings table;
    const struct database_settings *database;
};

static int find_keyspace(const struct database_settings *database, const char *name)
{
    for (size_t i = 0; i < database->keyspace_count; i++)
        if (strcmp(database->keyspaces[i].name, name) == 0)
            return (int) i;
    return -1;
}

static void set_keyspace(struct load *load, void *target, const struct document_entry *entry)
{
    struct table_draft *draft = target;
    const struct database_settings *database = draft->database;
    const char *name;
    if (!load_name(load, entry, "a keyspace's name, without its database", &name) || database == NULL)
        return;
    draft->table.keyspace = find_keyspace(database, name);
    if (draft->table.keyspace >= 0)
        return;
    const char **names = arena_alloc_array(load->arena, database->keyspace_count + 1, sizeof(*names));
    for (size_t i = 0; i < database->keyspace_count; i++)
        names[i] = database->keyspaces[i].name;
    load_report(load, entry->line, "keyspace: found unknown keyspace '%s', expected %s", name,
                database->keyspace_count
                    ? load_suggestion(load, name, names)
                    : arena_printf(load->arena, "a section [keyspace %s.%s]", database->name, name));
}

static void set_key(struct load *load, void *target, const struct document_entry *entry)
{
    struct table_draft *draft = target;
    struct table_settings *table = &draft->table;
    if (!load_names(load, entry, "a column's name", &table->key, &table->key_count))
        return;
    for (size_t i = 1; i < table->key_count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(table->key[i], table->key[j]) == 0)
                load_report(load, entry->line, "key: found column '%s' twice, expected each column once",
                            table->key[i]);
}

static void set_reference(struct load *load, void *target, const struct document_entry *entry)
{
    struct table_draft *draft = target;
    load_boolean(load, entry, &draft->table.reference);
}

static void set_triggers(struct load *load, void *target, const struct document_entry *entry)
{
    static const char *const choices[] = {"local", NULL};
    struct table_draft *draft = target;
    int choice;
    if (load_choice(load, entry, choices, &choice))
        draft->table.local_triggers = true;
}

static const struct section_key table_keys[] = {
    {"keyspace", set_keyspace, false}, {"key", set_key, false}, {"reference", set_reference, false},
    {"triggers", set_triggers, false}, {NULL, NULL, false},
};

static void check_reference(struct load *load, const struct section *section)
{
    static const char *const others[] = {"keyspace", "key"};
    for (size_t i = 0; i < 2; i++)
        if (section_entry(section, others[i]))
            load_report(load, section_line(section, others[i]),
                        "found '%s' in %s, which is a reference table, expected one or the other", others[i],
                        section->title);
}

static void check_key_count(struct load *load, const struct section *section, const struct table_draft *draft)
{
    const struct table_settings *table = &draft->table;
    if (draft->database == NULL || table->keyspace < 0 || table->key_count == 0)
        return;
    const struct keyspace_settings *keyspace = &draft->database->keyspaces[table->keyspace];
    size_t types = keyspace->type ? count_types(keyspace->type) : 0;
    if (types != 0 && types != table->key_count)
        load_report(load, section_line(section, "key"),
                    "key: found %zu column%s, expected %zu, because keyspace '%s' has type = %s",
                    table->key_count, table->key_count == 1 ? "" : "s", types, keyspace->name,
                    keyspace->type);
}

static void check_table(struct load *load, const struct section *section, const struct table_draft *draft)
{
    if (draft->database == NULL)
        load_report(load, section->source->line,
                    "found %s, but there is no [database %s], expected it to exist", section->title,
                    section->names[0]);
    bool keyspace = section_entry(section, "keyspace") != NULL, key = section_entry(section, "key") != NULL;
    if (draft->table.reference)
        check_reference(load, section);
    else if (!keyspace && !key)
        load_report(load, section->source->line,
                    "found neither a keyspace nor a reference table in %s, expected keyspace = NAME and key "
                    "= COLUMN, "
                    "or reference = yes",
                    section->title);
    else {
        section_require(load, section, "keyspace", "keyspace = NAME");
        section_require(load, section, "key", "key = COLUMN, …");
        check_key_count(load, section, draft);
    }
}

void load_tables(struct load *load)
{
    for (size_t i = sections_next(load, SECTION_TABLE, 0); i < load->section_count;
         i = sections_next(load, SECTION_TABLE, i + 1)) {
        const struct section *section = &load->sections[i];
        struct database_settings *database = load_database(load, section->names[0]);
        struct table_draft draft = {
            .table = {.schema = section->names[1],
                      .name = section->names[2],
                      .keyspace = -1,
                      .line = section->source->line},
            .database = database,
        };
        section_apply(load, section, table_keys, &draft);
        check_table(load, section, &draft);
        if (database == NULL)
            continue;
        database->tables =
            array_room(load->arena, database->tables, database->table_count, sizeof(draft.table));
        database->tables[database->table_count++] = draft.table;
    }
}
