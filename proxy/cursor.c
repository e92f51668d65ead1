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
    free(cursor);
}

void cursor_declared(struct cursors **cursors, const char *name, int shard, bool hold)
{
    struct cursors **old = find(cursors, name);
    if (*old)
        drop(old);
    struct cursors *cursor = memory_alloc(sizeof(*cursor));
    *cursor = (struct cursors){*cursors, memory_strdup(name), shard, hold};
    *cursors = cursor;
}

int cursor_shard(const struct cursors *cursors, const char *name)
{
    struct cursors *first = (struct cursors *) cursors, *found = *find(&first, name);
    return found ? found->shard : -1;
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
