/*
 * Writes that have one right outcome: each row is written once, with values of its own.
 */
#include <string.h>

#include "tests/differential/generate_inside.h"

enum { WRITABLE = 14 }; /* the tables before the views */

static const struct table *choose_table(struct generator *generator)
{
    return &tables[below(generator, WRITABLE)];
}

static bool is_key(const struct table *table, int column)
{
    return (table->keys[0] && !strcmp(table->columns[column].name, table->keys[0])) ||
           (table->keys[1] && !strcmp(table->columns[column].name, table->keys[1]));
}

static struct term *returning(struct generator *generator, int width)
{
    struct arena *arena = generator->arena;
    if (!generator->returns || !chance(generator, 35))
        return NULL;
    if (generator->scope->relations[0].has_star && chance(generator, 50))
        return term_leaf(arena, SORT_PART, " RETURNING *");
    struct term *list = term_list(arena, SORT_FIXED, ", ");
    generator->tables = 0;
    for (int i = 0; i <= width % 2; i++)
        term_add(list, generate_value(generator, generate_sort(generator), 1));
    return term_pattern(arena, SORT_PART, " RETURNING #", list);
}

/* ---- INSERT ---- */

/* Keys that are new, mostly; but no region that belongs to no shard. */
static struct term *new_value(struct generator *generator, const struct table *table, int column)
{
    const struct column *described = &table->columns[column];
    struct arena *arena = generator->arena;
    if (is_key(table, column) && described->pool != POOL_REGION && chance(generator, 60)) {
        int number = 1000 + below(generator, 100000);
        if (described->sort == SORT_TEXT)
            return term_leaf(arena, SORT_TEXT,
                             arena_printf(arena, "'%c%d'", "aehjmqz"[below(generator, 7)], number));
        if (described->sort == SORT_INT || described->sort == SORT_BIG)
            return term_leaf(arena, SORT_INT, arena_printf(arena, "%d", number % 30000));
    }
    if (chance(generator, 8) && !is_key(table, column))
        return term_leaf(arena, SORT_FIXED, "DEFAULT");
    return generate_literal(generator, described->sort, described->pool);
}

/* Where one row may be a duplicate, and another have a value that is not allowed, it depends on their order
 * which is the error: of several rows, only duplicates are wrong. */
static bool is_restricted(const struct table *table, int column)
{
    static const char *const names[] = {"kind", "used", "amount", "weight", "pos"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(table->columns[column].name, names[i]))
            return true;
    return is_key(table, column);
}

static struct term *safe_value(struct generator *generator, const struct table *table, int column)
{
    const struct column *described = &table->columns[column];
    struct arena *arena = generator->arena;
    struct term *value = described->sort == SORT_INT && !is_key(table, column)
                             ? term_leaf(arena, SORT_INT, "5")
                             : new_value(generator, table, column);
    bool safe = value->shape == TERM_LEAF && strncmp(value->text, "NULL", 4) != 0 &&
                strcmp(value->text, "DEFAULT") != 0;
    return safe ? value
                : term_leaf(arena, SORT_FIXED,
                            arena_printf(arena, "'%s'::%s", choose_value(generator, described->pool),
                                         sort_types[described->sort]));
}

static struct term *new_row(struct generator *generator, const struct table *table, int width, bool alone)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, ", ");
    for (int i = 0; i < width; i++)
        term_add(list, alone || !is_restricted(table, i) ? new_value(generator, table, i)
                                                         : safe_value(generator, table, i));
    return term_pattern(generator->arena, SORT_FIXED, "(#)", list);
}

static struct term *names_of(struct generator *generator, const struct table *table, int width)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, ", ");
    for (int i = 0; i < width; i++)
        term_add(list, term_leaf(generator->arena, SORT_FIXED, table->columns[i].name));
    return list;
}

static struct term *on_conflict(struct generator *generator, const struct table *table, int width)
{
    struct arena *arena = generator->arena;
    if (!chance(generator, 30))
        return NULL;
    int column = below(generator, width);
    if (is_key(table, column) || chance(generator, 40))
        return term_leaf(arena, SORT_PART, " ON CONFLICT DO NOTHING");
    const char *keys = arena_printf(arena, table->keys[1] ? "%s, %s" : "%s", table->keys[0], table->keys[1]);
    const char *name = table->columns[column].name;
    return term_leaf(
        arena, SORT_PART,
        arena_printf(arena, " ON CONFLICT (%s) DO UPDATE SET %s = excluded.%s", keys, name, name));
}

/* All keys at least. */
static int choose_width(struct generator *generator, const struct table *table)
{
    int least = table->keys[1] ? 2 : 1, width = table_width(table);
    return chance(generator, 30) ? width : least + below(generator, width - least + 1);
}

static struct term *insert_values(struct generator *generator, const struct table *table)
{
    struct term *rows = term_list(generator->arena, SORT_FIXED, ", ");
    int width = choose_width(generator, table), count = chance(generator, 50) ? 1 : 2 + below(generator, 4);
    for (int i = 0; i < count; i++)
        term_add(rows, new_row(generator, table, width, count == 1));
    struct term *conflict = on_conflict(generator, table, width);
    scope_add_table(generator, table, table->name);
    return term_pattern(generator->arena, SORT_FIXED,
                        arena_printf(generator->arena, "INSERT INTO %s (#) VALUES ###", table->name),
                        names_of(generator, table, width), rows, conflict, returning(generator, width));
}

static struct term *insert_query(struct generator *generator, const struct table *table)
{
    int width = choose_width(generator, table);
    struct outputs outputs = {.count = width};
    memcpy(outputs.columns, table->columns, sizeof outputs.columns);
    struct term *query = generate_query(generator, &outputs);
    if (query->children[1]->child_count == 1) /* VALUES of anything: its rows could fail in several ways */
        return insert_values(generator, table);
    return term_pattern(generator->arena, SORT_FIXED,
                        arena_printf(generator->arena, "INSERT INTO %s (#) #", table->name),
                        names_of(generator, table, width), query);
}

/* ---- UPDATE and DELETE ---- */

/* A key gets a constant: whether that is free does not depend on the order of rows. */
static struct term *assignments(struct generator *generator, const struct table *table)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, ", ");
    int width = table_width(table), first = below(generator, width), count = 1 + below(generator, 2);
    for (int i = 0; i < count && i < width; i++) {
        int column = (first + i) % width;
        const struct column *described = &table->columns[column];
        bool key = is_key(table, column);
        if (key && !chance(generator, 10))
            continue;
        term_add(list, term_pattern(generator->arena, SORT_FIXED,
                                    arena_printf(generator->arena, "%s = #", described->name),
                                    key ? generate_literal(generator, described->sort, described->pool)
                                        : generate_value(generator, described->sort, 2)));
    }
    if (!list->child_count)
        term_add(list, term_leaf(generator->arena, SORT_FIXED,
                                 arena_printf(generator->arena, "%s = %s", table->columns[width - 1].name,
                                              table->columns[width - 1].name)));
    return list;
}

/* Another table's row for each: by its whole key. */
static const char *update_from(struct generator *generator, const struct table *table)
{
    for (int i = 0; i < table_width(table); i++)
        if (table->columns[i].pool == POOL_USERNAME && strcmp(table->name, "users") != 0 &&
            chance(generator, 30)) {
            const char *text = arena_printf(generator->arena, " FROM users u WHERE u.username = %s.%s AND ",
                                            table->name, table->columns[i].name);
            scope_add_table(generator, &tables[0], "u");
            return text;
        }
    return NULL;
}

static struct term *update(struct generator *generator, const struct table *table)
{
    struct arena *arena = generator->arena;
    const char *other = update_from(generator, table);
    struct term *where = other || chance(generator, 92) ? generate_where(generator) : NULL;
    struct term *sets = assignments(generator, table);
    if (other)
        where = term_pattern(arena, SORT_PART, arena_printf(arena, "%s#", other), where->children[0]);
    return term_pattern(arena, SORT_FIXED, arena_printf(arena, "UPDATE %s SET ###", table->name), sets, where,
                        returning(generator, 2));
}

static struct term *delete_rows(struct generator *generator, const struct table *table)
{
    struct term *where = chance(generator, 95) ? generate_where(generator) : NULL;
    return term_pattern(generator->arena, SORT_FIXED,
                        arena_printf(generator->arena, "DELETE FROM %s##", table->name), where,
                        returning(generator, 3));
}

struct term *generate_write(struct generator *generator)
{
    const struct table *table = choose_table(generator);
    int kind = below(generator, 100);
    generator->tables = 2;
    if (kind < 38)
        return insert_values(generator, table);
    if (kind < 50 && strcmp(table->name, "lists") != 0 && strcmp(table->name, "places") != 0)
        return insert_query(generator, table);
    scope_add_table(generator, table, table->name);
    return kind < 78 ? update(generator, table) : delete_rows(generator, table);
}
