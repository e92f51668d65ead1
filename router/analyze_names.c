/*
 * Names: scopes hold what FROM offers, as parse_relation.c of PostgreSQL has it.  A join hides its sides from
 * bare column names and offers the merged columns itself; with an alias it hides them altogether.  Where
 * columns are not known (a function's, a table's that the catalog lacks) a bare name that is not found may be
 * one of those: it is then nothing, never an outer query's column.
 */
#include "router/analyze_inside.h"

#include <string.h>

void *array_room(struct arena *arena, void *array, int count, int *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 8;
    void *larger = arena_alloc_array(arena, (size_t) *room, size);
    if (count)
        memcpy(larger, array, (size_t) count * size);
    return larger;
}

struct scope *scope_new(struct analysis *analysis, struct scope *outer)
{
    struct scope *scope = arena_alloc(analysis->arena, sizeof *scope);
    scope->outer = outer;
    scope->ctes = outer ? outer->ctes : NULL;
    scope->depth = analysis->depth;
    return scope;
}

void scope_add(struct analysis *analysis, struct scope *scope, struct item *item)
{
    *ARRAY_ADD(analysis, scope->items, scope->count, scope->room) = item;
}

struct cte *scope_cte(const struct scope *scope, const char *name)
{
    struct cte *cte = scope->ctes;
    while (cte && strcmp(cte->name, name))
        cte = cte->next;
    return cte;
}

int item_column(const struct item *item, const char *name)
{
    int found = -1;
    for (int i = 0; i < item->column_count; i++)
        if (item->columns[i].name && !strcmp(item->columns[i].name, name)) {
            if (found >= 0)
                return -2;
            found = i;
        }
    return found;
}

static const struct item *find_item(const struct scope *scope, const char *schema, const char *table)
{
    for (; scope; scope = scope->outer)
        for (int i = 0; i < scope->count; i++) {
            const struct item *item = scope->items[i];
            if (item->by_name && item->name && !strcmp(item->name, table) &&
                (!schema || (item->schema && !strcmp(item->schema, schema))))
                return item;
        }
    return NULL;
}

bool scope_lacks_column(const struct scope *scope, const ColumnRef *reference, bool *opaque)
{
    int count = list_length(reference->fields);
    if (count < 2 || count > 3 || !IsA(llast(reference->fields), String))
        return false;
    const char *schema = count == 3 ? strVal(linitial(reference->fields)) : NULL;
    const struct item *item = find_item(scope, schema, strVal(list_nth(reference->fields, count - 2)));
    *opaque = item && item->opaque;
    return item && item_column(item, strVal(llast(reference->fields))) == -1;
}

enum finding { FOUND, NOT_HERE, UNDECIDED };

static enum finding find_bare(const struct scope *scope, const char *name, int *slot)
{
    bool opaque = false;
    enum finding finding = NOT_HERE;
    for (int i = 0; i < scope->count; i++) {
        const struct item *item = scope->items[i];
        if (!item->by_column)
            continue;
        opaque |= item->opaque;
        int column = item_column(item, name);
        if (column == -1)
            continue;
        if (column == -2 || finding == FOUND)
            return UNDECIDED;
        finding = FOUND;
        *slot = item->columns[column].slot;
    }
    return finding == NOT_HERE && opaque ? UNDECIDED : finding;
}

static enum finding find_qualified(const struct scope *scope, const char *schema, const char *table,
                                   const char *name, int *slot)
{
    for (int i = 0; i < scope->count; i++) {
        const struct item *item = scope->items[i];
        if (!item->by_name || !item->name || strcmp(item->name, table))
            continue;
        if (schema && (!item->schema || strcmp(item->schema, schema)))
            continue;
        int column = item_column(item, name);
        if (column < 0)
            return UNDECIDED;
        *slot = item->columns[column].slot;
        return FOUND;
    }
    return NOT_HERE;
}

static enum finding find(const struct scope *scope, const List *fields, int *slot)
{
    const char *name = strVal(llast(fields));
    switch (list_length(fields)) {
    case 1:
        return find_bare(scope, name, slot);
    case 2:
        return find_qualified(scope, NULL, strVal(linitial(fields)), name, slot);
    case 3:
        return find_qualified(scope, strVal(linitial(fields)), strVal(lsecond(fields)), name, slot);
    default:
        return UNDECIDED;
    }
}

int scope_resolve(const struct scope *scope, const ColumnRef *reference, int *level)
{
    ListCell *cell;
    *level = -1;
    foreach (cell, reference->fields)
        if (!IsA(lfirst(cell), String))
            return NO_SLOT;
    for (int depth = 0; scope; scope = scope->outer, depth++) {
        int slot = NO_SLOT;
        enum finding finding = find(scope, reference->fields, &slot);
        if (finding != NOT_HERE) {
            *level = depth;
            return finding == FOUND ? slot : NO_SLOT;
        }
    }
    return NO_SLOT;
}

const struct catalog_relation *scope_row(const struct scope *scope, const ColumnRef *reference, const struct item **item)
{
    int level;
    *item = NULL;
    if (list_length(reference->fields) != 1 || !IsA(linitial(reference->fields), String))
        return NULL;
    scope_resolve(scope, reference, &level);
    *item = level < 0 ? find_item(scope, NULL, strVal(linitial(reference->fields))) : NULL;
    return *item && !(*item)->opaque ? (*item)->table : NULL;
}

bool scope_finds(const struct scope *scope, const ColumnRef *reference)
{
    int slot;
    ListCell *cell;
    foreach (cell, reference->fields)
        if (!IsA(lfirst(cell), String))
            return false;
    return find(scope, reference->fields, &slot) == FOUND;
}

static bool is_meant(const struct item *item, const List *fields)
{
    int count = list_length(fields);
    if (count == 1)
        return item->by_column;
    bool schema = count == 2 || (item->schema && !strcmp(item->schema, strVal(linitial(fields))));
    return schema && item->by_name && item->name && !strcmp(item->name, strVal(list_nth(fields, count - 2)));
}

/* A table's own columns come before its system columns, and those of an inner query before any of one around it (scanNSItemForColumn() in
 * parse_relation.c). */
enum system_name scope_system_name(const struct scope *scope, const ColumnRef *reference, const RangeVar **range)
{
    const char *name = strVal(llast(reference->fields));
    if (list_length(reference->fields) > 3)
        return SYSTEM_NAME_UNKNOWN;
    for (; scope; scope = scope->outer) {
        int columns = 0, tables = 0, items = 0;
        for (int i = 0; i < scope->count; i++) {
            const struct item *item = scope->items[i];
            if (!is_meant(item, reference->fields))
                continue;
            if (item->opaque)
                return SYSTEM_NAME_UNKNOWN;
            items++;
            columns += item_column(item, name) != -1;
            if (item_column(item, name) == -1 && item->range) {
                *range = item->range;
                tables++;
            }
        }
        if (columns + tables == 1)
            return tables ? SYSTEM_NAME_OF_TABLE : SYSTEM_NAME_OF_COLUMN;
        if (columns + tables > 1 || (items && list_length(reference->fields) > 1))
            return SYSTEM_NAME_UNKNOWN;
    }
    return SYSTEM_NAME_UNKNOWN;
}

int scope_item_level(const struct scope *scope, const char *name)
{
    for (int level = 0; scope; scope = scope->outer, level++)
        for (int i = 0; i < scope->count; i++)
            if (scope->items[i]->by_name && scope->items[i]->name && !strcmp(scope->items[i]->name, name))
                return level;
    return -1;
}
