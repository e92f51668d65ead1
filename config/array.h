/*
 * array: arrays in an arena that grow by doubling.
 */
#ifndef KEYWAY_ARRAY_H
#define KEYWAY_ARRAY_H

#include <string.h>

#include "config/arena.h"

/*
 * Room for one more item behind the `count` that are there: `items` itself, or a copy twice as long. Capacity
 * is not stored, it is the power of two that follows from the count; so an array is grown by this function
 * only.
 */
static inline void *array_room(struct arena *arena, void *items, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return items;
    void *grown = arena_alloc_array(arena, count ? count * 2 : 1, size);
    if (count > 0)
        memcpy(grown, items, count * size);
    return grown;
}

#endif
