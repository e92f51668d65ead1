/*
 * A list: a client has few.  A name that is declared again after CLOSE or ROLLBACK takes the place of the old one; one that no longer
 * exists on its shard is known there, and the shard says so.
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

void cursor_declared(struct cursors **cursors, const char *name, int shard, bool hold, const uint8_t *description,
                     size_t description_length)
{
    struct cursors **old = find(cursors, name);
    if (*old)
        drop(old);
    struct cursors *cursor = memory_alloc(sizeof(*cursor));
    *cursor = (struct cursors){.next = *cursors, .name = memory_strdup(name), .shard = shard, .hold = hold};
    if (description) {
        cursor->description = memory_alloc(description_length);
        memcpy(cursor->description, description, description_length);
        cursor->description_length = description_length;
    }
    *cursors = cursor;
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

void cursors_transaction_over(struct cursors **cursors)
{
    for (struct cursors **link = cursors; *link;) {
        if ((*link)->hold)
            link = &(*link)->next;
        else
            drop(link);
    }
}

void cursors_free(struct cursors **cursors)
{
    while (*cursors)
        drop(cursors);
}
