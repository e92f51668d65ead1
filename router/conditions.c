/*
 * How facts become shards: each key column gets the list of values that its equalities leave, if there are
 * any; all columns' lists multiplied give the keys, and the keyspace says where each lives.  With values for
 * the first column only, or with inequalities, the keyspace's intervals take over.  Facts with arms are the
 * union of their arms, each arm taken together with the facts beside it.  Everything is intersected: each of
 * the steps alone gives a set that is large enough.
 */
#include "router/conditions.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "router/sql_types.h"

enum {
    MOST_KEYS = 100000, /* more combinations than this are not tried one by one */
    MOST_COLUMNS = 16,
};

static bool is_ascii(const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char) bytes[i] >= 128)
            return false;
    return true;
}

/* The type that PostgreSQL's lexer gives a number: digits, perhaps behind a minus, that fit; any other is numeric. */
static uint32_t number_type(const char *text, size_t length)
{
    bool negative = length > 0 && *text == '-';
    int64_t number = 0; /* grows downwards: INT64_MIN has no positive */
    for (size_t i = negative; i < length; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, text[i] - '0', &number))
            return TYPE_numeric;
    if (!negative && number == INT64_MIN)
        return TYPE_numeric;
    return number >= INT32_MIN + (negative ? 0 : 1) ? TYPE_int4 : TYPE_int8;
}

static struct bound bind_literal(const struct value *value, const struct execution *execution)
{
    struct bound bound = {.unknown = true, .type = value->type};
    if (!execution->literals || value->index >= execution->literals->literal_count)
        return bound;
    const struct literal *literal = &execution->literals->literals[value->index];
    bound.bytes = literal->value;
    bound.length = (int32_t) literal->value_length;
    if (literal->kind == LITERAL_BITS)
        return bound;
    bound.unknown = false;
    if (value->negative) {
        bound.bytes = arena_printf(execution->arena, "-%.*s", (int) literal->value_length, literal->value);
        bound.length++;
    }
    if (value->number)
        bound.type = number_type(bound.bytes, (size_t) bound.length);
    return bound;
}

static struct bound bind_parameter(const struct value *value, const struct execution *execution)
{
    struct bound bound = {.unknown = true, .type = value->type};
    if (!execution->binds || value->index >= (size_t) execution->binds->count)
        return bound;
    const struct bind_value *bind = &execution->binds->values[value->index];
    bound.bytes = bind->bytes;
    bound.length = bind->length;
    bound.binary = bind->binary;
    bool described = bind->type && bind->type != TYPE_unknown;
    if (described)
        bound.type = bind->type;
    bound.unknown = bind->binary && value->uncertain && !described;
    return bound;
}

static struct bound bind_evaluated(const struct value *value, const struct execution *execution)
{
    const struct evaluated *evaluated = execution->evaluated;
    if (!evaluated || value->index >= (size_t) evaluated->count * (size_t) evaluated->rows)
        return (struct bound){.unknown = true};
    const char *text = evaluated->values[value->index];
    return (struct bound){
        .bytes = text, .length = text ? (int32_t) strlen(text) : -1, .type = evaluated->types[value->index % (size_t) evaluated->count]};
}

struct bound value_bind(const struct value *value, const struct execution *execution)
{
    struct bound bound = {.type = value->type};
    switch (value->kind) {
    case VALUE_CONSTANT:
        bound.bytes = value->text;
        bound.length = value->text ? (int32_t) strlen(value->text) : -1;
        break;
    case VALUE_LITERAL:
        bound = bind_literal(value, execution);
        break;
    case VALUE_PARAMETER:
        bound = bind_parameter(value, execution);
        break;
    case VALUE_EVALUATED:
        bound = bind_evaluated(value, execution);
        break;
    }
    return bound;
}

static bool is_textual(enum key_type type)
{
    return type == KEY_TEXT || type == KEY_BPCHAR;
}

static enum key_reading read_bound(const struct bound *bound, enum key_type type,
                                   const struct execution *execution, struct key_value *key)
{
    if (bound->unknown)
        return KEY_UNKNOWN;
    if (bound->length < 0)
        return KEY_NULL;
    if (is_textual(type) && !execution->server_encoding && !is_ascii(bound->bytes, (size_t) bound->length))
        return KEY_UNKNOWN;
    if (!bound->type && bound->binary)
        return KEY_UNKNOWN;
    if (!bound->type)
        return key_read_text(type, bound->bytes, (size_t) bound->length, key);
    return key_read(type, bound->type, bound->binary, bound->bytes, bound->length, key);
}

enum key_reading value_key(const struct value *value, enum key_type type, const struct execution *execution,
                           struct key_value *key)
{
    struct bound bound = value_bind(value, execution);
    return read_bound(&bound, type, execution, key);
}

static const char *quoted(struct arena *arena, const char *bytes, size_t length)
{
    char *text = arena_alloc(arena, length * 2 + 3), *at = text;
    *at++ = '\'';
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] == '\'')
            *at++ = '\'';
        *at++ = bytes[i];
    }
    *at = '\'';
    return text;
}

const char *value_describe(const struct value *value, const struct execution *execution)
{
    struct bound bound = value_bind(value, execution);
    if (bound.unknown || bound.binary)
        return value->kind == VALUE_PARAMETER ? arena_printf(execution->arena, "$%zu", value->index + 1)
                                              : "?";
    if (bound.length < 0)
        return "NULL";
    if (bound.type == TYPE_int4 || bound.type == TYPE_int8 || bound.type == TYPE_numeric)
        return arena_strndup(execution->arena, bound.bytes, (size_t) bound.length);
    return quoted(execution->arena, bound.bytes, (size_t) bound.length);
}

/* The values that one key column may have: not `known` means any. */
struct candidates {
    bool known;
    struct key_value *values;
    size_t count;
};

static bool contains(const struct candidates *candidates, const struct key_value *value)
{
    for (size_t i = 0; i < candidates->count; i++)
        if (!key_compare(&candidates->values[i], value))
            return true;
    return false;
}

static void narrow(struct candidates *candidates, const struct candidates *other)
{
    if (!other->known)
        return;
    if (!candidates->known) {
        *candidates = *other;
        return;
    }
    size_t kept = 0;
    for (size_t i = 0; i < candidates->count; i++)
        if (contains(other, &candidates->values[i]))
            candidates->values[kept++] = candidates->values[i];
    candidates->count = kept;
}

/* NULL and values that no key equals drop out: no row has them.  One unknown value spoils the list. */
static bool add_candidate(struct candidates *candidates, enum key_reading reading,
                          const struct key_value *value)
{
    if (reading == KEY_UNKNOWN)
        return false;
    if (reading == KEY_READ)
        candidates->values[candidates->count++] = *value;
    return true;
}

static struct candidates read_values(const struct fact *fact, enum key_type type,
                                     const struct execution *execution)
{
    struct candidates candidates = {.known = true};
    candidates.values =
        arena_alloc_array(execution->arena, (size_t) fact->value_count, sizeof *candidates.values);
    for (int i = 0; i < fact->value_count && candidates.known; i++) {
        struct key_value value;
        enum key_reading reading = value_key(&fact->values[i], type, execution, &value);
        candidates.known = add_candidate(&candidates, reading, &value);
    }
    return candidates;
}

/*
 * One element of a one-dimensional array in text form, from *at on; *at moves behind the comma or to the
 * closing brace.  False: not the plain form that array_out() writes.
 */
static bool next_element(const char **at, const char *end, char *buffer, int32_t *length)
{
    const char *from = *at;
    *length = 0;
    if (from < end && *from == '"') {
        for (from++; from < end && *from != '"'; from++) {
            from += *from == '\\' && from + 1 < end;
            buffer[(*length)++] = *from;
        }
        from++;
    } else {
        while (from < end && !strchr(",{}\"\\ \t\r\n", *from))
            buffer[(*length)++] = *from++;
        if (!*length)
            return false;
        if (*length == 4 && !strncasecmp(buffer, "null", 4))
            *length = -1;
    }
    if (from >= end || (*from != ',' && *from != '}'))
        return false;
    *at = from + (*from == ',');
    return true;
}

static struct candidates read_array_text(const struct bound *bound, enum key_type type,
                                         const struct execution *execution)
{
    struct candidates candidates = {0};
    const char *at = bound->bytes, *end = bound->bytes + bound->length;
    if (bound->length < 2 || *at != '{' || end[-1] != '}')
        return candidates;
    candidates.values =
        arena_alloc_array(execution->arena, (size_t) bound->length, sizeof *candidates.values);
    for (at++; at < end - 1;) {
        struct bound element = {.bytes = arena_alloc(execution->arena, (size_t) (end - at))};
        struct key_value value;
        if (!next_element(&at, end, (char *) element.bytes, &element.length) ||
            !add_candidate(&candidates, read_bound(&element, type, execution, &value), &value))
            return (struct candidates){0};
        if (at == end - 1 && end[-2] == ',')
            return (struct candidates){0};
    }
    candidates.known = true;
    return candidates;
}

static struct candidates read_array(const struct fact *fact, enum key_type type,
                                    const struct execution *execution)
{
    struct bound bound = value_bind(&fact->values[0], execution);
    if (bound.unknown || bound.binary)
        return (struct candidates){0};
    if (bound.length < 0)
        return (struct candidates){.known = true};
    return read_array_text(&bound, type, execution);
}

/* A key of several columns is looked up for each combination of its columns' values. */
static bool combine_columns(const struct keyspace *keyspace, const struct candidates *columns,
                            struct shard_set *shards)
{
    size_t combinations = 1;
    int count = keyspace_columns(keyspace);
    for (int i = 0; i < count; i++) {
        if (!columns[i].known || (columns[i].count && combinations > MOST_KEYS / columns[i].count))
            return false;
        combinations *= columns[i].count;
    }
    for (size_t n = 0; n < combinations; n++) {
        struct key_value key[MOST_COLUMNS];
        size_t rest = n;
        for (int i = 0; i < count; i++) {
            key[i] = columns[i].values[rest % columns[i].count];
            rest /= columns[i].count;
        }
        int shard = keyspace_shard(keyspace, key);
        if (shard >= 0)
            shard_set_add(shards, shard);
    }
    return true;
}

static struct shard_set shards_of_values(const struct keyspace *keyspace, const struct candidates *columns)
{
    struct shard_set shards = {{0}};
    for (int i = 0; i < keyspace_columns(keyspace); i++)
        if (columns[i].known && !columns[i].count)
            return shards;
    if (combine_columns(keyspace, columns, &shards))
        return shards;
    if (!columns[0].known)
        return *keyspace_shards(keyspace);
    for (size_t i = 0; i < columns[0].count; i++) {
        const struct key_value *value = &columns[0].values[i];
        struct shard_set some = keyspace_interval(keyspace, value, true, value, true);
        shard_set_unite(&shards, &some);
    }
    return shards;
}

/*
 * column LIKE pattern: the text before the first wildcard is a prefix of every match, and, without a
 * wildcard, the only match.  A pattern that ends in the escape character is an error that PostgreSQL will
 * raise.
 */
static bool like_prefix(const struct bound *pattern, char *prefix, size_t *length, bool *whole)
{
    *length = 0;
    for (int32_t i = 0; i < pattern->length; i++) {
        char byte = pattern->bytes[i];
        *whole = false;
        if (byte == '%' || byte == '_')
            return true;
        if (byte == '\\' && ++i == pattern->length)
            return false;
        prefix[(*length)++] = pattern->bytes[i];
    }
    *whole = true;
    return true;
}

/* The least text above all texts with the prefix; false if there is none. */
static bool after_prefix(char *prefix, size_t *length)
{
    while (*length && (unsigned char) prefix[*length - 1] == 0xff)
        --*length;
    if (*length)
        prefix[*length - 1]++;
    return *length > 0;
}

static struct shard_set shards_of_like(const struct keyspace *keyspace, const struct fact *fact,
                                       const struct execution *execution)
{
    struct bound pattern = value_bind(&fact->values[0], execution);
    if (pattern.unknown || (!execution->server_encoding && !is_ascii(pattern.bytes, (size_t) pattern.length)))
        return *keyspace_shards(keyspace);
    if (pattern.length < 0)
        return (struct shard_set){{0}};
    struct key_value lower = {.type = KEY_TEXT}, upper = lower;
    char *prefix = arena_alloc(execution->arena, (size_t) pattern.length + 1);
    bool whole = false;
    if (!like_prefix(&pattern, prefix, &lower.text.length, &whole))
        return *keyspace_shards(keyspace);
    lower.text.bytes = prefix;
    if (whole)
        return keyspace_interval(keyspace, &lower, true, &lower, true);
    char *end = arena_memdup(execution->arena, prefix, (size_t) pattern.length + 1);
    upper.text.length = lower.text.length;
    upper.text.bytes = end;
    bool bounded = after_prefix(end, &upper.text.length);
    return keyspace_interval(keyspace, &lower, true, bounded ? &upper : NULL, false);
}

static struct shard_set shards_of_inequality(const struct keyspace *keyspace, const struct fact *fact,
                                             const struct execution *execution)
{
    struct key_value value;
    enum key_reading reading = value_key(&fact->values[0], keyspace_type(keyspace, 0), execution, &value);
    if (reading == KEY_NULL) /* a comparison with NULL is never true */
        return (struct shard_set){{0}};
    if (reading != KEY_READ)
        return *keyspace_shards(keyspace);
    bool inclusive = fact->kind == FACT_AT_LEAST || fact->kind == FACT_AT_MOST;
    bool from_below = fact->kind == FACT_AT_LEAST || fact->kind == FACT_ABOVE;
    return keyspace_interval(keyspace, from_below ? &value : NULL, inclusive, from_below ? NULL : &value,
                             inclusive);
}

static struct shard_set shards_of_facts(const struct condition *condition, const struct fact_list *lists,
                                        int list_count, const struct execution *execution);

/* Each arm is taken together with the facts that stand beside the arms (but not with other groups of arms).
 */
static struct shard_set shards_of_arms(const struct condition *condition, const struct fact_list *beside,
                                       const struct fact *fact, const struct execution *execution)
{
    struct shard_set shards = {{0}};
    struct fact_list plain = {arena_alloc_array(execution->arena, (size_t) beside->count, sizeof(void *)), 0};
    for (int i = 0; i < beside->count; i++)
        if (beside->facts[i]->kind != FACT_ARMS)
            plain.facts[plain.count++] = beside->facts[i];
    for (int i = 0; i < fact->arm_count; i++) {
        struct fact_list both[2] = {plain, fact->arms[i]};
        struct shard_set some = shards_of_facts(condition, both, 2, execution);
        shard_set_unite(&shards, &some);
    }
    return shards;
}

/* What the fact alone says of the shards, for the kinds that are not values. */
static struct shard_set shards_of_fact(const struct condition *condition, const struct fact_list *beside,
                                       const struct fact *fact, const struct execution *execution)
{
    const struct keyspace *keyspace = condition->keyspace;
    switch (fact->kind) {
    case FACT_VALUES:
    case FACT_ARRAY:
        break;
    case FACT_AT_LEAST:
    case FACT_ABOVE:
    case FACT_AT_MOST:
    case FACT_BELOW:
        if (fact->slot == 0)
            return shards_of_inequality(keyspace, fact, execution);
        break;
    case FACT_LIKE:
        if (fact->slot == 0 && keyspace_type(keyspace, 0) == KEY_TEXT)
            return shards_of_like(keyspace, fact, execution);
        break;
    case FACT_ARMS:
        return shards_of_arms(condition, beside, fact, execution);
    }
    return *keyspace_shards(keyspace);
}

static void narrow_by_values(const struct condition *condition, const struct fact *fact,
                             struct candidates *columns, const struct execution *execution)
{
    struct candidates some = {0};
    enum key_type type = keyspace_type(condition->keyspace, fact->slot);
    if (fact->kind == FACT_VALUES)
        some = read_values(fact, type, execution);
    else if (fact->kind == FACT_ARRAY)
        some = read_array(fact, type, execution);
    narrow(&columns[fact->slot], &some);
}

static struct shard_set shards_of_facts(const struct condition *condition, const struct fact_list *lists,
                                        int list_count, const struct execution *execution)
{
    struct candidates columns[MOST_COLUMNS] = {{0}};
    for (int list = 0; list < list_count; list++)
        for (int i = 0; i < lists[list].count; i++)
            if (lists[list].facts[i]->kind != FACT_ARMS)
                narrow_by_values(condition, lists[list].facts[i], columns, execution);
    struct shard_set shards = shards_of_values(condition->keyspace, columns);
    for (int list = 0; list < list_count; list++)
        for (int i = 0; i < lists[list].count; i++) {
            struct shard_set some = shards_of_fact(condition, &lists[list], lists[list].facts[i], execution);
            shard_set_intersect(&shards, &some);
        }
    return shards;
}

/* column = value, and nothing else: nearly every statement.  The same as below, without lists to be multiplied. */
static struct shard_set shards_of_value(const struct condition *condition, const struct value *value,
                                        const struct execution *execution)
{
    const struct keyspace *keyspace = condition->keyspace;
    struct shard_set shards = {{0}};
    struct key_value key;
    switch (value_key(value, keyspace_type(keyspace, 0), execution, &key)) {
    case KEY_UNKNOWN:
        return *keyspace_shards(keyspace);
    case KEY_NULL:
    case KEY_NEVER:
        return shards;
    case KEY_READ:
        break;
    }
    int shard = keyspace_shard(keyspace, &key);
    if (shard >= 0)
        shard_set_add(&shards, shard);
    return shards;
}

struct shard_set condition_shards(const struct condition *condition, const struct execution *execution)
{
    const struct fact_list *facts = &condition->facts;
    assert(keyspace_columns(condition->keyspace) <= MOST_COLUMNS);
    if (facts->count == 1 && keyspace_columns(condition->keyspace) == 1 && facts->facts[0]->kind == FACT_VALUES &&
        facts->facts[0]->value_count == 1)
        return shards_of_value(condition, &facts->facts[0]->values[0], execution);
    return shards_of_facts(condition, &condition->facts, 1, execution);
}

static const char *describe_list(const struct condition *condition, const struct fact_list *list,
                                 const struct execution *execution);

static const char *describe_values(const struct fact *fact, const char *column,
                                   const struct execution *execution)
{
    const char *first = value_describe(&fact->values[0], execution);
    if (fact->value_count == 1)
        return arena_printf(execution->arena, "%s = %s", column, first);
    for (int i = 1; i < fact->value_count && i < 5; i++)
        first = arena_printf(execution->arena, "%s, %s", first, value_describe(&fact->values[i], execution));
    return arena_printf(execution->arena, "%s in (%s%s)", column, first, fact->value_count > 5 ? ", …" : "");
}

static const char *describe_arms(const struct condition *condition, const struct fact *fact,
                                 const struct execution *execution)
{
    const char *text = describe_list(condition, &fact->arms[0], execution);
    for (int i = 1; i < fact->arm_count; i++)
        text = arena_printf(execution->arena, "%s or %s", text,
                            describe_list(condition, &fact->arms[i], execution));
    return arena_printf(execution->arena, "(%s)", text);
}

static const char *describe_fact(const struct condition *condition, const struct fact *fact,
                                 const struct execution *execution)
{
    static const char *const operators[] = {
        [FACT_ARRAY] = "= any", [FACT_AT_LEAST] = ">=", [FACT_ABOVE] = ">",
        [FACT_AT_MOST] = "<=",  [FACT_BELOW] = "<",     [FACT_LIKE] = "like",
    };
    if (fact->kind == FACT_ARMS)
        return describe_arms(condition, fact, execution);
    if (fact->kind == FACT_VALUES)
        return describe_values(fact, condition->columns[fact->slot], execution);
    return arena_printf(execution->arena, "%s %s %s", condition->columns[fact->slot], operators[fact->kind],
                        value_describe(&fact->values[0], execution));
}

static const char *describe_list(const struct condition *condition, const struct fact_list *list,
                                 const struct execution *execution)
{
    const char *text = NULL;
    for (int i = 0; i < list->count; i++) {
        const char *one = describe_fact(condition, list->facts[i], execution);
        text = text ? arena_printf(execution->arena, "%s and %s", text, one) : one;
    }
    return text ? text : "true";
}

const char *condition_describe(const struct condition *condition, const struct execution *execution)
{
    return condition->facts.count ? describe_list(condition, &condition->facts, execution) : NULL;
}
