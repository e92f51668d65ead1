/*
 * A list: a client has few.
 */
#include "proxy/cursor.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

struct cursors {
    struct cursors *next;
    char *name;
    int shard;
    bool hold;
    int savepoints; /* before it, in the transaction that declared it; -1: that is over, or there was none */
    uint8_t *description;
    size_t description_length;
};

static struct cursors **find(struct cursors **link, const char *name)
{
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static void drop(struct cursors **link)
{
    struct cursors *cursor = *link;
    *link = cursor->next;
    free(cursor->name);
    free(cursor->description);
    free(cursor);
}

void cursor_declared(struct cursors **cursors, const char *name, int shard, bool hold, int savepoints)
{
    cursor_closed(cursors, name);
    struct cursors *cursor = memory_alloc(sizeof(*cursor));
    *cursor = (struct cursors){.next = *cursors, .name = memory_strdup(name), .shard = shard, .hold = hold, .savepoints = savepoints};
    *cursors = cursor;
}

void cursor_describe(struct cursors *cursors, const char *name, const uint8_t *description, size_t description_length)
{
    struct cursors *cursor = *find(&cursors, name);
    free(cursor->description);
    cursor->description = memory_alloc(description_length);
    memcpy(cursor->description, description, description_length);
    cursor->description_length = description_length;
}

void cursor_closed(struct cursors **cursors, const char *name)
{
    struct cursors **link = find(cursors, name);
    if (*link)
        drop(link);
}

bool cursors_hold(const struct cursors *cursors, int shard)
{
    for (; cursors; cursors = cursors->next)
        if (cursors->hold && cursors->shard == shard)
            return true;
    return false;
}

int cursor_shard(const struct cursors *cursors, const char *name)
{
    struct cursors *first = (struct cursors *) cursors, *found = *find(&first, name);
    return found ? found->shard : -1;
}

const uint8_t *cursor_description(const struct cursors *cursors, const char *name, size_t *length)
{
    struct cursors *first = (struct cursors *) cursors, *found = *find(&first, name);
    *length = found ? found->description_length : 0;
    return found ? found->description : NULL;
}

void cursors_rolled_back_to(struct cursors **cursors, unsigned savepoints)
{
    for (struct cursors **link = cursors; *link;) {
        if ((*link)->savepoints >= (int) savepoints)
            drop(link);
        else
            link = &(*link)->next;
    }
}

void cursors_released(struct cursors *cursors, unsigned savepoints)
{
    for (; cursors; cursors = cursors->next)
        if (cursors->savepoints > (int) savepoints)
            cursors->savepoints = (int) savepoints;
}

void cursors_transaction_over(struct cursors **cursors, const struct shard_set *committed)
{
    for (struct cursors **link = cursors; *link;) {
        struct cursors *cursor = *link;
        if (!cursor->hold || (cursor->savepoints >= 0 && !shard_set_has(committed, cursor->shard))) {
            drop(link);
            continue;
        }
        cursor->savepoints = -1;
        link = &cursor->next;
    }
}

void cursors_lost(struct cursors **cursors, int shard)
{
    for (struct cursors **link = cursors; *link;) {
        if ((*link)->shard == shard)
            drop(link);
        else
            link = &(*link)->next;
    }
}

void cursors_free(struct cursors **cursors)
{
    while (*cursors)
        drop(cursors);
}
