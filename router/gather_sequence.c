/*
 * Of those that can come next, one that others wait for is first; else they are in the order in which they were made.
 */
#include "router/gather_sequence.h"

#include <string.h>

#include "router/rewrite.h"

static bool waits_for(const struct gather_part *part, int other)
{
    for (int i = 0; i < part->key_count; i++)
        if (!part->keys[i].of_home && part->keys[i].part == other)
            return true;
    return false;
}

static bool is_source(const struct gathering *gathering, int number)
{
    for (int i = 0; i < gathering->part_count; i++)
        if (waits_for(&gathering->parts[i], number))
            return true;
    return false;
}

static bool can_be_next(const struct gathering *gathering, int number, const int *places)
{
    for (int i = 0; i < gathering->part_count; i++)
        if (places[i] < 0 && waits_for(&gathering->parts[number], i))
            return false;
    return places[number] < 0;
}

static int next_of(const struct gathering *gathering, const int *places)
{
    int first = -1;
    for (int i = 0; i < gathering->part_count; i++) {
        if (!can_be_next(gathering, i, places))
            continue;
        if (is_source(gathering, i))
            return i;
        first = first < 0 ? i : first;
    }
    return first;
}

/* An array's elements, of each part, in their new places. */
static void move(void *array, size_t size, const int *places, int count, struct arena *arena)
{
    char *before = arena_memdup(arena, array, (size_t) count * size);
    for (int i = 0; i < count; i++)
        memcpy((char *) array + (size_t) places[i] * size, before + (size_t) i * size, size);
}

/* Copies that the query reads already are called by their part's number. */
static void rename_copies(struct gathering *gathering, const int *places)
{
    ListCell *cell;
    foreach (cell, gathering->copies) {
        RangeVar *range = lfirst_node(RangeVar, cell);
        int number = 0;
        while (strcmp(range->relname, gather_copy_name(gathering, number)))
            number++;
        range->relname = (char *) gather_copy_name(gathering, places[number]);
    }
}

static void renumber_keys(struct gathering *gathering, struct gather_part *part, const int *places)
{
    struct gather_key *keys = arena_alloc_array(gathering->arena, (size_t) part->key_count, sizeof *keys);
    for (int i = 0; i < part->key_count; i++) {
        keys[i] = part->keys[i];
        if (!keys[i].of_home)
            keys[i].part = places[keys[i].part];
    }
    part->keys = keys;
}

static void move_parts(struct gathering *gathering, const int *places)
{
    struct arena *arena = gathering->analysis->arena;
    int count = gathering->part_count;
    move(gathering->parts, sizeof *gathering->parts, places, count, arena);
    move(gathering->scans, sizeof *gathering->scans, places, count, arena);
    move(gathering->columns, sizeof *gathering->columns, places, count, arena);
    move(gathering->arrays, sizeof *gathering->arrays, places, count, arena);
    move(gathering->forms, sizeof *gathering->forms, places, count, arena);
    for (int i = 0; i < count; i++) {
        gathering->parts[i].copy = rewrite_quote_name(gather_copy_name(gathering, i), gathering->arena);
        renumber_keys(gathering, &gathering->parts[i], places);
    }
    for (int i = 0; i < gathering->analysis->scan_count; i++)
        if (gathering->owners[i] >= 0)
            gathering->owners[i] = places[gathering->owners[i]];
    for (struct gather_pushed *pushed = gathering->pushed; pushed; pushed = pushed->next)
        pushed->part = places[pushed->part];
    rename_copies(gathering, places);
}

void gather_put_in_sequence(struct gathering *gathering)
{
    int *places = arena_alloc_array(gathering->analysis->arena, (size_t) gathering->part_count, sizeof *places);
    bool moved = false;
    for (int i = 0; i < gathering->part_count; i++)
        places[i] = -1;
    for (int i = 0; i < gathering->part_count; i++) {
        int next = next_of(gathering, places);
        places[next] = i;
        moved |= next != i;
    }
    if (moved)
        move_parts(gathering, places);
}
