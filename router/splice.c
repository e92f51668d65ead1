#include "router/splice.h"

#include <stdlib.h>
#include <string.h>

void splices_add(struct splices *splices, struct splice splice, struct arena *arena)
{
    if (splices->count == splices->room) {
        int room = splices->room ? 2 * splices->room : 8;
        struct splice *list = arena_alloc_array(arena, (size_t) room, sizeof *list);
        if (splices->count)
            memcpy(list, splices->list, (size_t) splices->count * sizeof *list);
        splices->list = list;
        splices->room = room;
    }
    splices->list[splices->count++] = splice;
}

static int compare_places(const void *left, const void *right)
{
    const struct splice *one = left, *other = right;
    return one->from < other->from ? -1 : one->from > other->from;
}

const char *splices_apply(const struct splices *splices, const char *sql, size_t begin, struct arena *arena)
{
    const char *text = "";
    size_t at = begin;
    if (splices->count)
        qsort(splices->list, (size_t) splices->count, sizeof *splices->list, compare_places);
    for (int i = 0; i < splices->count; i++) {
        const struct splice *splice = &splices->list[i];
        text = arena_printf(arena, "%s%.*s%s", text, (int) (splice->from - at), sql + at, splice->text);
        at = splice->end;
    }
    return arena_printf(arena, "%s%s", text, sql + at);
}
