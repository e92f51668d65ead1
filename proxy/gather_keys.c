/*
 * A part may have several sources: what is known of each of them by the time when none is awaited any more is used.  A source is settled when all shards that
 * were asked for it have answered, or when it turns out to be too large.
 *
 * Rows are held for this also when they go to tables.  Those of other parts are left unread meanwhile, so a source must come before them:
 * who goes over to tables gives up the sources behind the rows that have to wait.
 */
#include "proxy/gather_inside.h"

enum { HELD_KEYS = 256 * 1024 /* bytes of rows of one source, while others wait */ };

static int number_of(const struct gather *gather, const struct gather_key *key)
{
    return key->of_home ? gather->plan->gather_count + key->part : key->part;
}

void gather_keys_begin(struct gather *gather)
{
    const struct plan *plan = gather->plan;
    struct arena *arena = &gather->run->arena;
    gather->sources = arena_alloc_array(arena, (size_t) gather_total(gather), sizeof *gather->sources);
    gather->keyed = arena_alloc_array(arena, (size_t) plan->gather_count, sizeof *gather->keyed);
    for (int i = 0; i < plan->gather_count; i++)
        for (int k = 0; k < plan->gather[i].key_count; k++)
            gather->sources[number_of(gather, &plan->gather[i].keys[k])].state = SOURCE_AWAITED;
    if (gather->tables) /* the home shard is not asked for its own rows */
        gather_keys_give_up(gather, 0);
    for (int i = 0; gather->explains_only && i < gather_total(gather); i++)
        gather->sources[i].state = SOURCE_OF_NOTHING;
}

bool gather_keys_are_settled(const struct gather *gather, int part)
{
    const struct gather_part *keyed = &gather->plan->gather[part];
    for (int k = 0; k < keyed->key_count; k++)
        if (gather_keys_are_awaited(gather, number_of(gather, &keyed->keys[k])))
            return false;
    return true;
}

bool gather_keys_are_awaited(const struct gather *gather, int number)
{
    return gather->sources[number].state == SOURCE_AWAITED;
}

void gather_keys_give_up(struct gather *gather, int from)
{
    for (int i = from; i < gather->plan->gather_count; i++)
        if (gather_keys_are_awaited(gather, i))
            gather->sources[i].state = SOURCE_TOO_LARGE;
}

void gather_keys_asked(struct gather *gather, int number)
{
    gather->sources[number].answers++;
}

void gather_keys_answered(struct gather *gather, int number)
{
    struct gather_source *source = &gather->sources[number];
    if (--source->answers == 0 && source->state == SOURCE_AWAITED)
        source->state = SOURCE_KNOWN;
}

bool gather_keys_have_room(struct gather *gather, int number, size_t length)
{
    struct gather_source *source = &gather->sources[number];
    size_t held = gather_rows_size(&gather->rows[number]), count = gather->rows[number].own_count;
    bool question = number >= gather->plan->gather_count;
    if (held + length > HELD_KEYS || (question && count == GATHER_MOST_KEYS))
        source->state = SOURCE_TOO_LARGE;
    return source->state == SOURCE_AWAITED;
}

/* ---- what a part is asked for with ---- */

static struct gather_array array_of(struct gather *gather, int number, int column)
{
    struct gather_rows *rows = &gather->rows[number];
    struct gather_array array = {.type = rows->described ? gather_rows_array_type(rows, column) : 0};
    if (gather->sources[number].state == SOURCE_KNOWN && array.type != 0)
        array.value = gather_rows_array(rows, column, &gather->run->arena, &array.length);
    return array;
}

void gather_keys_take(struct gather *gather, int part)
{
    const struct gather_part *waiting = &gather->plan->gather[part];
    struct gather_keyed *keyed = &gather->keyed[part];
    keyed->arrays = arena_alloc_array(&gather->run->arena, (size_t) waiting->key_count, sizeof *keyed->arrays);
    for (int k = 0; k < waiting->key_count; k++) {
        keyed->arrays[k] = array_of(gather, number_of(gather, &waiting->keys[k]), waiting->keys[k].column);
        if (keyed->arrays[k].value)
            keyed->count = waiting->key_count;
    }
}

const char *gather_keys_describe(const struct gather *gather, struct arena *arena)
{
    const char *text = "";
    for (int i = gather->plan->gather_count; i < gather_total(gather); i++) {
        const char *table = gather->plan->gather[i].table;
        size_t count = gather->rows[i].own_count;
        text = gather->sources[i].state == SOURCE_KNOWN
                   ? arena_printf(arena, "%skeys: %s: %zu value%s\n", text, table, count, count == 1 ? "" : "s")
                   : arena_printf(arena, "%skeys: %s: not used, there are too many\n", text, table);
    }
    return text;
}
