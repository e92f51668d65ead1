/*
 * From settings to a keyspace: every bound and value is read as its column's type, put in order, and checked
 * against its neighbours.  Checking goes on after a mistake, so that all are reported; the keyspace is given
 * out only if there was none.
 *
 * Hash slots are ranges of integers here, so that one check of overlaps and gaps serves both methods.
 */
#include <stdlib.h>
#include <string.h>

#include "router/keyspace_inside.h"

struct build {
    const struct settings *settings;
    const struct database_settings *database;
    const struct keyspace_settings *from;
    struct keyspace *keyspace;
    struct diagnostics *diagnostics;
    bool failed;
};

#define REPORT(build, line, ...)                                                                             \
    ((build)->failed = true,                                                                                 \
     diagnostics_report((build)->diagnostics, (build)->settings->file, (line), __VA_ARGS__))

static const char *shard_name(const struct build *build, int shard)
{
    return build->settings->shards[build->database->shards[shard]].name;
}

static const struct {
    const char *name;
    enum key_type type;
} type_names[] = {
    {"smallint", KEY_SMALLINT},
    {"int2", KEY_SMALLINT},
    {"integer", KEY_INTEGER},
    {"int", KEY_INTEGER},
    {"int4", KEY_INTEGER},
    {"bigint", KEY_BIGINT},
    {"int8", KEY_BIGINT},
    {"text", KEY_TEXT},
    {"varchar", KEY_TEXT},
    {"character varying", KEY_TEXT},
    {"char", KEY_BPCHAR},
    {"character", KEY_BPCHAR},
    {"bpchar", KEY_BPCHAR},
    {"uuid", KEY_UUID},
    {"date", KEY_DATE},
    {"timestamp", KEY_TIMESTAMP},
    {"timestamp without time zone", KEY_TIMESTAMP},
    {"timestamptz", KEY_TIMESTAMPTZ},
    {"timestamp with time zone", KEY_TIMESTAMPTZ},
};
enum { TYPE_NAME_COUNT = sizeof(type_names) / sizeof(*type_names) };

/* The type as it is looked up: lower case, single blanks, without a length in parentheses. */
static const char *plain_type_name(struct arena *arena, const char *text, size_t length)
{
    char *name = arena_alloc(arena, length + 1);
    size_t used = 0;
    bool inside = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i] == '\t' ? ' ' : text[i];
        inside = c == '(' || (inside && c != ')');
        if (inside || c == ')' || (c == ' ' && (used == 0 || name[used - 1] == ' ')))
            continue;
        name[used++] = c >= 'A' && c <= 'Z' ? (char) (c + 32) : c;
    }
    while (used > 0 && name[used - 1] == ' ')
        used--;
    name[used] = '\0';
    return name;
}

static const char *nearest_type(const char *name)
{
    const char *names[TYPE_NAME_COUNT + 1] = {NULL};
    for (int i = 0; i < TYPE_NAME_COUNT; i++)
        names[i] = type_names[i].name;
    return diagnostics_nearest(name, names);
}

static void add_type(struct build *build, const char *text, size_t length)
{
    const char *name = plain_type_name(&build->keyspace->arena, text, length);
    for (int i = 0; i < TYPE_NAME_COUNT; i++)
        if (strcmp(name, type_names[i].name) == 0) {
            build->keyspace->types[build->keyspace->columns++] = type_names[i].type;
            return;
        }
    const char *nearest = nearest_type(name);
    REPORT(
        build, build->from->line,
        "found key type \"%s\" of keyspace %s%s%s, expected one of smallint, integer, bigint, text, varchar, "
        "char, uuid, date, timestamp, timestamptz",
        name, build->from->name, nearest ? ", which may mean " : "", nearest ? nearest : "");
}

static void read_types(struct build *build)
{
    const char *text = build->from->type ? build->from->type : "";
    size_t most = strlen(text) + 1; /* one more than there can be commas */
    build->keyspace->types =
        arena_alloc_array(&build->keyspace->arena, most, sizeof(*build->keyspace->types));
    int depth = 0;
    for (const char *from = text, *at = text;; at++) {
        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
        if (*at != '\0' && (*at != ',' || depth > 0))
            continue;
        add_type(build, from, (size_t) (at - from));
        if (*at == '\0')
            break;
        from = at + 1;
    }
}

static bool single_column(struct build *build, const char *method)
{
    if (build->keyspace->columns == 1)
        return true;
    REPORT(build, build->from->line,
           "found %d key columns in keyspace %s, expected one: several columns are supported with method = "
           "hash, not with %s",
           build->keyspace->columns, build->from->name, method);
    return false;
}

/* A bound or list value as a key of the given type; what it borrows lives in the keyspace. */
static bool read_value(struct build *build, enum key_type type, const char *text, int line,
                       struct key_value *value)
{
    if (key_read_text(type, text, strlen(text), value) == KEY_READ)
        return true;
    bool time = type == KEY_DATE || type == KEY_TIMESTAMP || type == KEY_TIMESTAMPTZ;
    REPORT(build, line, "found \"%s\" in keyspace %s, expected a value of type %s%s", text, build->from->name,
           key_type_name(type),
           !time                     ? ""
           : type == KEY_TIMESTAMPTZ ? " written as YYYY-MM-DD HH:MM:SS+HH"
                                     : " written as YYYY-MM-DD");
    return false;
}

static bool read_bound(struct build *build, enum key_type type, const char *text, const char *open, int line,
                       struct key_bound *bound, const char **shown)
{
    *shown = arena_strdup(&build->keyspace->arena, text ? text : open);
    bound->infinite = text == NULL;
    return bound->infinite || read_value(build, type, *shown, line, &bound->value);
}

static bool has_order(struct build *build, const struct key_range *range)
{
    if (range->lower.infinite || range->upper.infinite ||
        key_compare(&range->lower.value, &range->upper.value) < 0)
        return true;
    REPORT(build, range->line, "found the empty range [%s, %s), expected a lower bound below the upper one",
           range->lower_text, range->upper_text);
    return false;
}

static int compare_lower(const void *left, const void *right)
{
    const struct key_range *one = left, *other = right;
    if (one->lower.infinite || other->lower.infinite)
        return (int) other->lower.infinite - (int) one->lower.infinite;
    int order = key_compare(&one->lower.value, &other->lower.value);
    return order ? order : one->line - other->line;
}

/* Ranges that could be read, in order. */
static void read_ranges(struct build *build, enum key_type type)
{
    struct keyspace *keyspace = build->keyspace;
    keyspace->ranges =
        arena_alloc_array(&keyspace->arena, build->from->range_count + 1, sizeof(*keyspace->ranges));
    for (size_t i = 0; i < build->from->range_count; i++) {
        const struct range_settings *from = &build->from->ranges[i];
        struct key_range *range = &keyspace->ranges[keyspace->range_count];
        range->shard = from->shard;
        range->line = from->line;
        bool lower =
            read_bound(build, type, from->lower, "-infinity", from->line, &range->lower, &range->lower_text);
        bool upper =
            read_bound(build, type, from->upper, "+infinity", from->line, &range->upper, &range->upper_text);
        if (lower && upper && has_order(build, range))
            keyspace->range_count++;
    }
    qsort(keyspace->ranges, keyspace->range_count, sizeof(*keyspace->ranges), compare_lower);
}

static void report_overlap(struct build *build, const struct key_range *one, const struct key_range *other)
{
    REPORT(build, other->line,
           "found range [%s, %s) of shard %s, which overlaps range [%s, %s) of shard %s in line %d, expected "
           "ranges "
           "that are apart",
           other->lower_text, other->upper_text, shard_name(build, other->shard), one->lower_text,
           one->upper_text, shard_name(build, one->shard), one->line);
}

/* Each range against the one that reaches furthest among those before it: overlaps and gaps between. */
static void check_neighbours(struct build *build, bool allow_gaps)
{
    const struct keyspace *keyspace = build->keyspace;
    const struct key_range *furthest = keyspace->ranges;
    for (size_t i = 1; i < keyspace->range_count; i++) {
        const struct key_range *range = &keyspace->ranges[i];
        int order = furthest->upper.infinite || range->lower.infinite
                        ? 1
                        : key_compare(&furthest->upper.value, &range->lower.value);
        if (order > 0)
            report_overlap(build, furthest, range);
        else if (order < 0 && !allow_gaps)
            REPORT(build, range->line,
                   "found no shard for keys in [%s, %s), between line %d and line %d, expected ranges "
                   "without gaps "
                   "(or gaps = yes)",
                   furthest->upper_text, range->lower_text, furthest->line, range->line);
        bool further =
            range->upper.infinite ||
            (!furthest->upper.infinite && key_compare(&furthest->upper.value, &range->upper.value) < 0);
        if (further)
            furthest = range;
    }
}

/* The first and the last range reach to the ends. */
static void check_ends(struct build *build)
{
    const struct key_range *first = build->keyspace->ranges, *last = first;
    for (size_t i = 0; i < build->keyspace->range_count; i++) {
        const struct key_range *range = &build->keyspace->ranges[i];
        if (range->upper.infinite ||
            (!last->upper.infinite && key_compare(&last->upper.value, &range->upper.value) < 0))
            last = range;
    }
    if (!first->lower.infinite)
        REPORT(build, first->line,
               "found no shard for keys below %s, expected a range from -infinity (or gaps = yes)",
               first->lower_text);
    if (!last->upper.infinite)
        REPORT(build, last->line,
               "found no shard for keys from %s on, expected a range to +infinity (or gaps = yes)",
               last->upper_text);
}

static void add_piece(struct keyspace *keyspace, int shard, const char *lower, const char *upper)
{
    keyspace->pieces[keyspace->piece_count++] = (struct keyspace_piece){shard, lower, upper};
}

static void pieces_of_ranges(struct keyspace *keyspace)
{
    keyspace->pieces = arena_alloc_array(&keyspace->arena, keyspace->range_count, sizeof(*keyspace->pieces));
    for (size_t i = 0; i < keyspace->range_count; i++) {
        const struct key_range *range = &keyspace->ranges[i];
        shard_set_add(&keyspace->shards, range->shard);
        add_piece(keyspace, range->shard, range->lower_text, range->upper_text);
    }
}

static bool compares_as_integer(enum key_type type)
{
    switch (type) {
    case KEY_SMALLINT:
    case KEY_INTEGER:
    case KEY_BIGINT:
    case KEY_DATE:
    case KEY_TIMESTAMP:
    case KEY_TIMESTAMPTZ:
        return true;
    case KEY_TEXT:
    case KEY_BPCHAR:
    case KEY_UUID:
        return false;
    }
    return false;
}

/* Nothing is below the least integer, so a range without a lower end may as well begin there. */
static void note_starts(struct keyspace *keyspace)
{
    if (!compares_as_integer(keyspace->types[0]))
        return;
    keyspace->starts = arena_alloc_array(&keyspace->arena, keyspace->range_count, sizeof(*keyspace->starts));
    for (size_t i = 0; i < keyspace->range_count; i++) {
        const struct key_bound *lower = &keyspace->ranges[i].lower;
        keyspace->starts[i] = lower->infinite ? INT64_MIN : lower->value.integer;
    }
}

static void build_range(struct build *build)
{
    if (!single_column(build, "range"))
        return;
    if (build->from->range_count == 0) {
        REPORT(build, build->from->line, "found no range in keyspace %s, expected at least one",
               build->from->name);
        return;
    }
    read_ranges(build, build->keyspace->types[0]);
    if (build->keyspace->range_count == 0)
        return;
    check_neighbours(build, build->from->allow_gaps);
    /* With a range left out for its own mistake, its place would be reported as missing. */
    bool all_read = build->keyspace->range_count == build->from->range_count;
    if (all_read && !build->from->allow_gaps)
        check_ends(build);
    note_starts(build->keyspace);
    pieces_of_ranges(build->keyspace);
}

/* Slots are shared out in runs whose lengths differ by one at most. */
static void share_out_slots(struct build *build)
{
    struct keyspace *keyspace = build->keyspace;
    size_t count = build->from->shard_count;
    keyspace->ranges = arena_alloc_array(&keyspace->arena, count, sizeof(*keyspace->ranges));
    for (size_t i = 0; i < count; i++) {
        int64_t lower = (int64_t) i * keyspace->slots / (int64_t) count;
        int64_t upper = (int64_t) (i + 1) * keyspace->slots / (int64_t) count;
        struct key_range *range = &keyspace->ranges[keyspace->range_count++];
        *range = (struct key_range){.shard = build->from->shards[i], .line = build->from->line};
        range->lower.value = (struct key_value){.type = KEY_INTEGER, .integer = lower};
        range->upper.value = (struct key_value){.type = KEY_INTEGER, .integer = upper};
        range->lower_text = arena_printf(&keyspace->arena, "%lld", (long long) lower);
        range->upper_text = arena_printf(&keyspace->arena, "%lld", (long long) upper);
    }
}

/* Slot ranges end at 0 and at the number of slots, where those of keys end at infinity. */
static void close_slot_range(struct build *build, struct key_range *range)
{
    struct keyspace *keyspace = build->keyspace;
    if (range->lower.infinite) {
        range->lower = (struct key_bound){.value = {.type = KEY_INTEGER, .integer = 0}};
        range->lower_text = "0";
    }
    if (range->upper.infinite) {
        range->upper = (struct key_bound){.value = {.type = KEY_INTEGER, .integer = keyspace->slots}};
        range->upper_text = arena_printf(&keyspace->arena, "%d", keyspace->slots);
    }
    if (range->lower.value.integer < 0 || range->upper.value.integer > keyspace->slots)
        REPORT(build, range->line, "found slots [%s, %s), expected slots between 0 and %d", range->lower_text,
               range->upper_text, keyspace->slots);
    else
        has_order(build, range); /* once more: an end that was open has a value now */
}

static void check_slots(struct build *build)
{
    struct keyspace *keyspace = build->keyspace;
    for (size_t i = 0; i < keyspace->range_count; i++)
        close_slot_range(build, &keyspace->ranges[i]);
    if (build->failed || keyspace->range_count == 0)
        return;
    check_neighbours(build, false);
    const struct key_range *first = keyspace->ranges, *last = &keyspace->ranges[keyspace->range_count - 1];
    if (first->lower.value.integer != 0)
        REPORT(build, first->line, "found no shard for slots [0, %s), expected every slot to have one",
               first->lower_text);
    if (!build->failed && last->upper.value.integer != keyspace->slots)
        REPORT(build, last->line, "found no shard for slots [%s, %d), expected every slot to have one",
               last->upper_text, keyspace->slots);
}

static void fill_slots(struct keyspace *keyspace)
{
    keyspace->slot_shards = arena_alloc_array(&keyspace->arena, (size_t) keyspace->slots, sizeof(uint16_t));
    for (size_t i = 0; i < keyspace->range_count; i++) {
        const struct key_range *range = &keyspace->ranges[i];
        for (int64_t slot = range->lower.value.integer; slot < range->upper.value.integer; slot++)
            keyspace->slot_shards[slot] = (uint16_t) range->shard;
    }
}

static bool check_slot_count(struct build *build)
{
    const struct keyspace_settings *from = build->from;
    if (from->slots < 1 || from->slots > KEYSPACE_MOST_SLOTS)
        REPORT(build, from->line, "found %d slots in keyspace %s, expected 1 to %d", from->slots, from->name,
               KEYSPACE_MOST_SLOTS);
    else if (from->range_count == 0 && from->shard_count == 0)
        REPORT(build, from->line, "found neither shards nor ranges in keyspace %s, expected one of them",
               from->name);
    else if (from->range_count == 0 && from->shard_count > (size_t) from->slots)
        REPORT(build, from->line, "found %zu shards for %d slots in keyspace %s, expected a slot for each",
               from->shard_count, from->slots, from->name);
    else
        return true;
    return false;
}

static void build_hash(struct build *build)
{
    if (!check_slot_count(build))
        return;
    build->keyspace->slots = build->from->slots;
    if (build->from->range_count > 0) {
        read_ranges(build, KEY_INTEGER);
        check_slots(build);
    } else {
        share_out_slots(build);
    }
    if (build->failed)
        return;
    fill_slots(build->keyspace);
    pieces_of_ranges(build->keyspace);
}

static int compare_entries(const void *left, const void *right)
{
    const struct key_entry *one = left, *other = right;
    int order = key_compare(&one->value, &other->value);
    return order ? order : one->line - other->line;
}

static void read_entry(struct build *build, const struct list_settings *list, const char *value)
{
    struct keyspace *keyspace = build->keyspace;
    if (value == NULL) {
        REPORT(build, list->line,
               "found NULL in a list of keyspace %s, expected key values, which are never NULL",
               build->from->name);
        return;
    }
    struct key_entry *entry = &keyspace->entries[keyspace->entry_count];
    entry->shard = list->shard;
    entry->line = list->line;
    entry->text = arena_strdup(&keyspace->arena, value);
    if (read_value(build, keyspace->types[0], entry->text, list->line, &entry->value))
        keyspace->entry_count++;
}

/* One line's values as SHOW RANGES has them. */
static const char *show_list(struct arena *arena, const struct list_settings *list)
{
    size_t length = 0;
    for (size_t i = 0; i < list->value_count; i++)
        length += list->values[i] ? strlen(list->values[i]) + 2 : 0;
    char *shown = arena_alloc(arena, length + 1), *to = shown;
    for (size_t i = 0; i < list->value_count; i++) {
        if (list->values[i] == NULL)
            continue;
        if (to > shown)
            to = stpcpy(to, ", ");
        to = stpcpy(to, list->values[i]);
    }
    return shown;
}

static void check_duplicates(struct build *build)
{
    const struct keyspace *keyspace = build->keyspace;
    for (size_t i = 1; i < keyspace->entry_count; i++) {
        const struct key_entry *one = &keyspace->entries[i - 1], *other = &keyspace->entries[i];
        if (key_compare(&one->value, &other->value) == 0)
            REPORT(build, other->line,
                   "found the value \"%s\" again, which line %d gives to shard %s, expected it once",
                   other->text, one->line, shard_name(build, one->shard));
    }
}

static void build_list(struct build *build)
{
    struct keyspace *keyspace = build->keyspace;
    const struct keyspace_settings *from = build->from;
    if (!single_column(build, "list"))
        return;
    size_t values = 0;
    for (size_t i = 0; i < from->list_count; i++)
        values += from->lists[i].value_count;
    if (values == 0)
        REPORT(build, from->line, "found no list value in keyspace %s, expected at least one", from->name);
    keyspace->entries = arena_alloc_array(&keyspace->arena, values, sizeof(*keyspace->entries));
    keyspace->pieces = arena_alloc_array(&keyspace->arena, from->list_count, sizeof(*keyspace->pieces));
    for (size_t i = 0; i < from->list_count; i++) {
        const struct list_settings *list = &from->lists[i];
        for (size_t value = 0; value < list->value_count; value++)
            read_entry(build, list, list->values[value]);
        add_piece(keyspace, list->shard, show_list(&keyspace->arena, list), NULL);
        shard_set_add(&keyspace->shards, list->shard);
    }
    qsort(keyspace->entries, keyspace->entry_count, sizeof(*keyspace->entries), compare_entries);
    check_duplicates(build);
}

static void build_method(struct build *build)
{
    switch (build->from->method) {
    case METHOD_RANGE:
        build_range(build);
        return;
    case METHOD_HASH:
        build_hash(build);
        return;
    case METHOD_LIST:
        build_list(build);
        return;
    }
}

struct keyspace *keyspace_build(const struct settings *settings, const struct database_settings *database,
                                const struct keyspace_settings *keyspace, struct diagnostics *diagnostics)
{
    struct build build = {settings,    database, keyspace, memory_alloc(sizeof(struct keyspace)),
                          diagnostics, false};
    build.keyspace->name = arena_strdup(&build.keyspace->arena, keyspace->name);
    build.keyspace->method = keyspace->method;
    read_types(&build);
    if (!build.failed)
        build_method(&build);
    if (!build.failed)
        return build.keyspace;
    keyspace_free(build.keyspace);
    return NULL;
}
