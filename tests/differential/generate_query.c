/*
 * A query is made from the inside: FROM first, which says what names can mean, then what uses them.
 */
#include <string.h>

#include "tests/differential/generate_inside.h"

enum { QUERY_DEPTH = 3 };

/* ---- relations ---- */

static const char *new_alias(struct generator *generator, char letter)
{
    return arena_printf(generator->arena, "%c%d", letter, ++generator->alias);
}

static struct relation *add_relation(struct generator *generator, const char *alias)
{
    struct scope *scope = generator->scope;
    struct relation *relation =
        &scope->relations[scope->count < SCOPE_RELATIONS ? scope->count++ : SCOPE_RELATIONS - 1];
    *relation = (struct relation){.alias = alias};
    return relation;
}

struct scope *scope_new(struct generator *generator, const struct scope *outer)
{
    struct scope *scope = arena_alloc(generator->arena, sizeof *scope);
    scope->outer = outer;
    return scope;
}

struct relation *scope_add_table(struct generator *generator, const struct table *table, const char *alias)
{
    struct relation *relation = add_relation(generator, alias);
    relation->column_count = table_width(table);
    memcpy(relation->columns, table->columns, sizeof relation->columns);
    relation->has_star = table->has_all;
    if (table->keys[0])
        relation->identity = arena_printf(generator->arena, table->keys[1] ? "%s.%s, %s.%s" : "%s.%s", alias,
                                          table->keys[0], alias, table->keys[1]);
    return relation;
}

static const struct table *choose_table(struct generator *generator)
{
    int total = 0, i = 0;
    for (int t = 0; t < table_count; t++)
        total += tables[t].weight;
    int chosen = below(generator, total);
    while ((chosen -= tables[i].weight) >= 0)
        i++;
    return &tables[i];
}

static bool is_name_free(const struct generator *generator, const char *name)
{
    for (const struct scope *scope = generator->scope; scope; scope = scope->outer)
        for (int i = 0; i < scope->count; i++)
            if (!strcmp(scope->relations[i].alias, name))
                return false;
    return true;
}

/* A WITH query of that name hides the table. */
static bool is_hidden(const struct generator *generator, const struct table *table)
{
    for (int i = 0; i < generator->cte_count; i++)
        if (!strcmp(generator->ctes[i].alias, table->name))
            return true;
    return false;
}

/* t (k, n): its first columns have other names. */
static void rename_columns(struct relation *relation)
{
    relation->columns[0].name = "k";
    relation->columns[1].name = "n";
    relation->identity = NULL;
}

static struct term *from_table(struct generator *generator)
{
    static const char *const ways[] = {"public.%s AS %s", "ONLY %s %s", "%s AS %s", "%s AS %s (k, n)"};
    const struct table *table = choose_table(generator);
    struct arena *arena = generator->arena;
    bool hidden = is_hidden(generator, table), other = chance(generator, 3);
    if (chance(generator, 35) && is_name_free(generator, table->name)) {
        const char *text =
            hidden || chance(generator, 8) ? arena_printf(arena, "public.%s", table->name) : table->name;
        scope_add_table(generator, table, table->name);
        return term_leaf(arena, SORT_FROM, text);
    }
    const char *another = choose_table(generator)->name; /* confusing, and right */
    const char *alias = other && is_name_free(generator, another) ? another : new_alias(generator, 't');
    int way = hidden ? 0 : chance(generator, 82) ? 2 : below(generator, sizeof ways / sizeof *ways);
    struct relation *relation = scope_add_table(generator, table, alias);
    if (way == 3)
        rename_columns(relation);
    return term_leaf(arena, SORT_FROM, arena_printf(arena, ways[way], table->name, alias));
}

static void add_outputs(struct generator *generator, const char *alias, const struct outputs *outputs)
{
    struct relation *relation = add_relation(generator, alias);
    memcpy(relation->columns, outputs->columns, sizeof relation->columns);
    relation->column_count = outputs->count;
    relation->has_star = true;
}

/* In LATERAL it may use what stands before it. */
static struct term *from_query(struct generator *generator)
{
    struct outputs outputs = {0};
    bool lateral = generator->scope->count > 0 && chance(generator, 45);
    struct scope *scope = generator->scope;
    if (!lateral)
        generator->scope = scope_new(generator, scope->outer);
    struct term *query = generate_query(generator, &outputs);
    generator->scope = scope;
    const char *alias = new_alias(generator, 's');
    add_outputs(generator, alias, &outputs);
    return term_pattern(generator->arena, SORT_FROM,
                        arena_printf(generator->arena, "%s(#) AS %s", lateral ? "LATERAL " : "", alias),
                        query);
}

static struct term *from_cte(struct generator *generator)
{
    const struct relation *cte = &generator->ctes[below(generator, generator->cte_count)];
    const char *alias = new_alias(generator, 'c');
    struct relation *relation = add_relation(generator, alias);
    *relation = *cte;
    relation->alias = alias;
    return term_leaf(generator->arena, SORT_FROM,
                     arena_printf(generator->arena, "%s AS %s", cte->alias, alias));
}

static struct term *values_row(struct generator *generator, const struct outputs *outputs, bool first)
{
    struct term *list = term_list(generator->arena, first ? SORT_ITEMS : SORT_FIXED, ", ");
    for (int i = 0; i < outputs->count; i++) {
        const struct column *column = &outputs->columns[i];
        term_add(list, chance(generator, 70) ? generate_literal(generator, column->sort, column->pool)
                                             : generate_value(generator, column->sort, 1));
    }
    return term_pattern(generator->arena, SORT_FIXED, "(#)", list);
}

static struct term *values_body(struct generator *generator, const struct outputs *outputs)
{
    struct term *rows = term_list(generator->arena, SORT_FIXED, ", ");
    int count = 1 + below(generator, 4);
    for (int i = 0; i < count; i++)
        term_add(rows, values_row(generator, outputs, i == 0));
    return term_pattern(generator->arena, SORT_FIXED, "VALUES #", rows);
}

static struct term *from_values(struct generator *generator)
{
    static const struct column names[] = {{"v", SORT_TEXT, POOL_USERNAME}, {"w", SORT_INT, POOL_SMALL}};
    struct outputs outputs = {.columns = {names[0], names[1]}, .count = 2};
    struct scope *scope = generator->scope;
    generator->scope = scope_new(generator, NULL);
    struct term *body = values_body(generator, &outputs);
    generator->scope = scope;
    const char *alias = new_alias(generator, 'v');
    add_outputs(generator, alias, &outputs);
    return term_pattern(generator->arena, SORT_FROM,
                        arena_printf(generator->arena, "(#) AS %s (v, w)", alias), body);
}

static struct term *from_function(struct generator *generator)
{
    struct outputs outputs = {.columns = {{"n", SORT_INT, POOL_SMALL}}, .count = 1};
    const char *alias = new_alias(generator, 'g');
    struct arena *arena = generator->arena;
    struct term *last =
        generator->scope->count && chance(generator, 40) ? generate_value(generator, SORT_INT, 1) : NULL;
    add_outputs(generator, alias, &outputs);
    if (!last)
        return term_leaf(arena, SORT_FROM, arena_printf(arena, "generate_series(1, 3) AS %s (n)", alias));
    return term_pattern(arena, SORT_FROM,
                        arena_printf(arena, "generate_series(1, least(#, 4)) AS %s (n)", alias), last);
}

static struct term *from_item(struct generator *generator)
{
    int kind = below(generator, 100);
    generator->tables--;
    if (kind < 14 && generator->depth < QUERY_DEPTH && generator->tables > 0)
        return from_query(generator);
    if (kind < 40 && generator->cte_count)
        return from_cte(generator);
    if (kind >= 95)
        return from_values(generator);
    if (kind >= 92)
        return from_function(generator);
    return from_table(generator);
}

/* ---- joins ---- */

static const struct column *find_partner(const struct relation *relation, const struct column *column)
{
    for (int i = 0; i < relation->column_count; i++)
        if (relation->columns[i].sort == column->sort && relation->columns[i].pool == column->pool)
            return &relation->columns[i];
    return NULL;
}

/* Columns of the last relation and of one before it that have values in common: keys, if there are such. */
static struct term *join_equality(struct generator *generator)
{
    const struct scope *scope = generator->scope;
    const struct relation *right = &scope->relations[scope->count - 1];
    int before = scope->count - 1 - generator->joined, first = below(generator, before),
        start = chance(generator, 60) ? 0 : below(generator, right->column_count);
    for (int i = 0; i < right->column_count; i++)
        for (int r = 0; r < before; r++) {
            const struct relation *left = &scope->relations[generator->joined + (first + r) % before];
            const struct column *column = &right->columns[(start + i) % right->column_count],
                                *partner = find_partner(left, column);
            if (!partner)
                continue;
            struct term *terms[] = {column_term(generator, left, partner),
                                    column_term(generator, right, column)};
            int swap = below(generator, 2);
            return term_pattern(generator->arena, SORT_BOOL, "(# = #)", terms[swap], terms[!swap]);
        }
    return NULL;
}

static struct term *join_condition(struct generator *generator, bool full)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, " AND ");
    struct term *equality = join_equality(generator);
    if (equality)
        term_add(list, equality);
    if (generator->joined > 0 && !equality)
        term_add(list, term_leaf(generator->arena, SORT_BOOL, "true"));
    else if (!generator->joined && (!equality || (!full && chance(generator, 25))))
        term_add(list, generate_condition(generator, 1));
    return list;
}

/* A name that both sides have, for USING. */
static const struct column *common_column(struct generator *generator)
{
    const struct scope *scope = generator->scope;
    const struct relation *left = &scope->relations[scope->count - 2],
                          *right = &scope->relations[scope->count - 1];
    for (int i = 0; i < left->column_count; i++)
        for (int j = 0; j < right->column_count; j++)
            if (!strcmp(left->columns[i].name, right->columns[j].name) &&
                left->columns[i].pool == right->columns[j].pool)
                return &left->columns[i];
    return NULL;
}

static struct term *join(struct generator *generator, struct term *left);

/* What is joined: an item, or a join in parentheses, where ON cannot mean what is outside. */
static struct term *joined_item(struct generator *generator)
{
    int before = generator->joined, first = generator->scope->count;
    struct term *item = from_item(generator);
    if (generator->tables <= 0 || first != 1 || !chance(generator, 15))
        return item;
    generator->joined = first;
    item = term_pattern(generator->arena, SORT_FROM, "(#)", join(generator, item));
    generator->joined = before;
    return item;
}

static struct term *join_using(struct generator *generator, struct term *left, struct term *right,
                               const char *kind, const struct column *column)
{
    generator->scope->merged = *column;
    if (chance(generator, 25))
        return term_pattern(generator->arena, SORT_FROM,
                            arena_printf(generator->arena, "# NATURAL %s #", kind), left, right);
    return term_pattern(generator->arena, SORT_FROM,
                        arena_printf(generator->arena, "# %s # USING (%s)", kind, column->name), left, right);
}

static struct term *join(struct generator *generator, struct term *left)
{
    static const char *const kinds[] = {"JOIN",      "JOIN",      "JOIN",       "LEFT JOIN",
                                        "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"};
    struct arena *arena = generator->arena;
    struct term *right = joined_item(generator);
    const struct column *common = common_column(generator);
    const char *kind = kinds[below(generator, sizeof kinds / sizeof *kinds)];
    if (common && chance(generator, 16))
        return join_using(generator, left, right, kind, common);
    if (generator->scope->count == 2 && chance(generator, 6))
        return term_pattern(arena, SORT_FROM, "# CROSS JOIN #", left, right);
    return term_pattern(arena, SORT_FROM, arena_printf(arena, "# %s # ON #", kind), left, right,
                        join_condition(generator, !strcmp(kind, "FULL JOIN")));
}

/* The conditions that a comma leaves to WHERE are added there. */
static struct term *from(struct generator *generator, struct term *where)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, ", ");
    int outside = generator->joined;
    generator->joined = 0;
    struct term *item = from_item(generator);
    bool commas = chance(generator, 25);
    while (generator->tables > 0 && generator->scope->count < 3 && chance(generator, 45)) {
        if (!commas) {
            item = join(generator, item);
            continue;
        }
        term_add(list, item);
        item = from_item(generator);
        struct term *equality = join_equality(generator);
        if (equality)
            term_add(where, equality);
    }
    term_add(list, item);
    generator->joined = outside;
    return term_pattern(generator->arena, SORT_PART, " FROM #", list);
}

/* ---- select lists ---- */

static enum pool pool_of(struct generator *generator, enum sort sort)
{
    const struct scope *scope = generator->scope;
    for (int i = 0; i < scope->count && chance(generator, 70); i++)
        for (int c = 0; c < scope->relations[i].column_count; c++)
            if (scope->relations[i].columns[c].sort == sort)
                return scope->relations[i].columns[c].pool;
    return sort_pools[sort];
}

/* Set operations and DISTINCT choose among equal values: they must look the same. */
static struct term *item(struct generator *generator, const struct column *column, struct term *value)
{
    struct arena *arena = generator->arena;
    const char *text = column->sort == SORT_NUM ? "trim_scale(#) AS %s" : "# AS %s";
    return term_pattern(arena, SORT_FIXED, arena_printf(arena, text, column->name), value);
}

static void fix_outputs(struct generator *generator, struct outputs *outputs)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    int count = outputs->count ? 0 : 1 + below(generator, 4);
    for (int i = 0; i < count; i++) {
        enum sort sort = generate_sort(generator);
        outputs->columns[outputs->count++] = (struct column){names[i], sort, pool_of(generator, sort)};
    }
}

static struct term *plain_items(struct generator *generator, const struct outputs *outputs, bool windows)
{
    struct term *list = term_list(generator->arena, SORT_ITEMS, ", ");
    for (int i = 0; i < outputs->count; i++) {
        enum sort sort = outputs->columns[i].sort;
        struct term *value = windows && chance(generator, 40) ? generate_window(generator, sort) : NULL;
        term_add(list, item(generator, &outputs->columns[i],
                            value ? value : generate_value(generator, sort, generator->complexity)));
    }
    return list;
}

static struct term *group_items(struct generator *generator, const struct outputs *outputs,
                                struct group *group)
{
    struct term *list = term_list(generator->arena, SORT_ITEMS, ", ");
    generator->group = group;
    for (int i = 0; i < outputs->count; i++) {
        enum sort sort = outputs->columns[i].sort;
        struct term *value = NULL;
        if (i < group->count && group->sorts[i] == sort && chance(generator, 90))
            value = group->keys[i];
        else if (chance(generator, 60))
            value = generate_aggregate(generator, sort);
        term_add(list, item(generator, &outputs->columns[i],
                            value ? value : generate_value(generator, sort, generator->complexity / 2)));
    }
    generator->group = NULL;
    return list;
}

/* ---- SELECT ---- */

/* Keys are of the sorts that the first columns have, so that they can be shown. */
static void make_group(struct generator *generator, const struct outputs *outputs, struct group *group)
{
    int count = below(generator, GROUP_KEYS + 1);
    generator->repeated = true;
    for (int i = 0; i < count; i++) {
        enum sort sort = i < outputs->count ? outputs->columns[i].sort : generate_sort(generator);
        struct term *key = generate_value(generator, sort, chance(generator, 25));
        if (key->sort == SORT_NUM)
            key = term_pattern(generator->arena, SORT_NUM, "trim_scale(#)", key);
        group->keys[group->count] = key;
        group->sorts[group->count++] = sort;
    }
    generator->repeated = false;
}

static struct term *group_by(struct generator *generator, const struct group *group, bool sets)
{
    static const char *const texts[] = {" GROUP BY GROUPING SETS ((#), ())", " GROUP BY ROLLUP (#)",
                                        " GROUP BY CUBE (#)", " GROUP BY DISTINCT ROLLUP (#)"};
    struct term *list = term_list(generator->arena, SORT_FIXED, ", ");
    if (!group->count)
        return NULL;
    for (int i = 0; i < group->count; i++)
        term_add(list, group->keys[i]);
    return term_pattern(generator->arena, SORT_PART, sets ? texts[below(generator, 4)] : " GROUP BY #", list);
}

static struct term *having(struct generator *generator, struct group *group)
{
    if (!chance(generator, 25))
        return NULL;
    generator->group = group;
    struct term *condition = generate_value(generator, SORT_BOOL, 2);
    generator->group = NULL;
    return term_pattern(generator->arena, SORT_PART, " HAVING #", condition);
}

/* PostgreSQL before 18 does not order rows of grouping sets by a key that is constant or that WHERE says
 * is: keys of sets are columns, stay so, and come without WHERE. */
static bool are_columns(struct group *group)
{
    for (int i = 0; i < group->count; i++)
        if (group->keys[i]->shape != TERM_LEAF || strchr(group->keys[i]->text, ':'))
            return false;
    for (int i = 0; i < group->count; i++)
        group->keys[i]->sort = SORT_FIXED;
    return group->count > 0;
}

static struct term *grouped_select(struct generator *generator, const struct outputs *outputs,
                                   struct term *from, struct term *where)
{
    struct group group = {0};
    make_group(generator, outputs, &group);
    bool sets = chance(generator, 15) && are_columns(&group);
    struct term *items = group_items(generator, outputs, &group);
    return term_pattern(generator->arena, SORT_FIXED, "SELECT #####", items, from, sets ? NULL : where,
                        group_by(generator, &group, sets), having(generator, &group));
}

static struct term *plain_select(struct generator *generator, struct outputs *outputs, struct term *from,
                                 struct term *where)
{
    bool distinct = chance(generator, 15);
    struct term *items = plain_items(generator, outputs, chance(generator, 15));
    struct term *word = distinct ? term_leaf(generator->arena, SORT_PART, "DISTINCT ") : NULL;
    if (!distinct && chance(generator, 25)) {
        generator->repeated = true;
        outputs->order = generate_value(generator, generate_sort(generator), 1);
        generator->repeated = false;
    }
    return term_pattern(generator->arena, SORT_FIXED, "SELECT ####", word, items, from, where);
}

static struct term *where_part(struct generator *generator, struct term *conditions)
{
    if (chance(generator, 60))
        term_add(conditions, generate_where(generator));
    for (int i = 0; i < conditions->child_count; i++)
        if (conditions->children[i]->sort == SORT_PART) /* one WHERE for both */
            conditions->children[i] = conditions->children[i]->children[0];
    return conditions->child_count ? term_pattern(generator->arena, SORT_PART, " WHERE #", conditions) : NULL;
}

static struct term *select_body(struct generator *generator, struct outputs *outputs)
{
    struct scope *outer = generator->scope;
    struct term *conditions = term_list(generator->arena, SORT_FIXED, " AND ");
    outputs->order = NULL;
    generator->scope = scope_new(generator, outer);
    generator->depth++;
    struct term *from_part = chance(generator, 97) ? from(generator, conditions) : NULL;
    fix_outputs(generator, outputs);
    struct term *where = where_part(generator, conditions);
    struct term *body = chance(generator, 30) ? grouped_select(generator, outputs, from_part, where)
                                              : plain_select(generator, outputs, from_part, where);
    generator->depth--;
    generator->scope = outer;
    return body;
}

/* ---- set operations ---- */

static struct term *arm(struct generator *generator, struct outputs *outputs, int depth);

static struct term *set_operation(struct generator *generator, struct outputs *outputs, int depth)
{
    static const char *const texts[] = {"# UNION #",     "# UNION ALL #",  "# UNION ALL #",    "# EXCEPT #",
                                        "# INTERSECT #", "# EXCEPT ALL #", "# INTERSECT ALL #"};
    struct term *left = arm(generator, outputs, depth - 1), *right = arm(generator, outputs, depth - 1);
    outputs->order = NULL;
    return term_pattern(generator->arena, SORT_FIXED, texts[below(generator, sizeof texts / sizeof *texts)],
                        left, right);
}

static struct term *body(struct generator *generator, struct outputs *outputs, int depth)
{
    if (depth > 0 && generator->tables > 1 && chance(generator, 14))
        return set_operation(generator, outputs, depth);
    if (outputs->count && chance(generator, 3))
        return values_body(generator, outputs);
    return select_body(generator, outputs);
}

static struct term *tail(struct generator *generator, const struct term *query, struct term *first);

static bool is_set_operation(const struct term *body)
{
    return body->child_count == 2;
}

static struct term *arm(struct generator *generator, struct outputs *outputs, int depth)
{
    struct term *query = term_query(generator->arena, NULL, body(generator, outputs, depth), NULL);
    if (chance(generator, 60) && !is_set_operation(query->children[1]))
        return query;
    if (chance(generator, 15))
        query->children[2] = tail(generator, query, outputs->order);
    return term_pattern(generator->arena, SORT_FIXED, "(#)", query);
}

/* ---- ORDER BY, LIMIT, WITH ---- */

static const char *variants(struct generator *generator)
{
    char *digits = arena_alloc(generator->arena, 5);
    for (int i = 0; i < 4; i++)
        digits[i] = (char) ('0' + (chance(generator, 60) ? 0 : below(generator, 4)));
    return digits;
}

static struct term *limit(struct generator *generator)
{
    static const char *const texts[] = {
        " LIMIT 3", " LIMIT 5 OFFSET 2", " OFFSET 4",  " LIMIT 1",
        " LIMIT 0", " LIMIT 100",        " LIMIT ALL", " FETCH FIRST 2 ROWS ONLY"};
    struct arena *arena = generator->arena;
    if (generator->parameters > 1 && chance(generator, 20)) {
        generator->parameters -= 2;
        return term_pattern(arena, SORT_PART, " LIMIT # OFFSET #", term_parameter(arena, "4"),
                            term_parameter(arena, "1"));
    }
    return term_leaf(arena, SORT_PART, texts[below(generator, sizeof texts / sizeof *texts)]);
}

/* `first` comes before all columns; or NULL. */
static struct term *tail(struct generator *generator, const struct term *query, struct term *first)
{
    struct arena *arena = generator->arena;
    struct term *order = term_order(arena, query, variants(generator));
    struct term *before = first ? term_pattern(arena, SORT_PART, "#, ", first) : NULL;
    return term_pattern(arena, SORT_PART, " ORDER BY ###", before, order,
                        chance(generator, 75) ? limit(generator) : NULL);
}

static struct term *recursive_cte(struct generator *generator)
{
    static const char *const text =
        "c0 (a, b) AS (SELECT 0, 'ann'::text UNION SELECT c0.a + 1, f.followee FROM c0"
        " JOIN follows f ON f.follower = c0.b WHERE c0.a < 3)";
    struct relation *relation = &generator->ctes[generator->cte_count++];
    *relation = (struct relation){.alias = "c0",
                                  .columns = {{"a", SORT_INT, POOL_SMALL}, {"b", SORT_TEXT, POOL_USERNAME}},
                                  .column_count = 2};
    return term_leaf(generator->arena, SORT_FIXED, text);
}

static struct term *plain_cte(struct generator *generator)
{
    static const char *const texts[] = {"%s AS (#)", "%s AS (#)", "%s AS MATERIALIZED (#)",
                                        "%s AS NOT MATERIALIZED (#)"};
    struct outputs outputs = {0};
    const char *table = choose_table(generator)->name;
    const char *alias = !generator->cte_count && chance(generator, 8) ? table : new_alias(generator, 'c');
    struct term *query = generate_query(generator, &outputs);
    struct relation *relation = &generator->ctes[generator->cte_count++];
    *relation = (struct relation){.alias = alias, .column_count = outputs.count};
    memcpy(relation->columns, outputs.columns, sizeof relation->columns);
    return term_pattern(generator->arena, SORT_FIXED,
                        arena_printf(generator->arena, texts[below(generator, 4)], alias), query);
}

static struct term *with(struct generator *generator)
{
    struct term *list = term_list(generator->arena, SORT_FIXED, ", ");
    bool recursive = !generator->depth && chance(generator, 10);
    if (recursive)
        term_add(list, recursive_cte(generator));
    while (generator->cte_count < CTES && (!list->child_count || chance(generator, 25)))
        term_add(list, plain_cte(generator));
    return term_pattern(generator->arena, SORT_PART, recursive ? "WITH RECURSIVE # " : "WITH # ", list);
}

struct term *generate_query(struct generator *generator, struct outputs *outputs)
{
    int ctes = generator->cte_count;
    struct term *first = ctes < CTES && chance(generator, 4) ? with(generator) : NULL;
    struct term *query = term_query(generator->arena, first, body(generator, outputs, 1), NULL);
    generator->cte_count = ctes;
    if (chance(generator, 12))
        query->children[2] = tail(generator, query, outputs->order);
    return query;
}

struct term *generate_scalar(struct generator *generator, enum sort sort)
{
    struct outputs outputs = {.columns = {{"a", sort, sort_pools[sort]}}, .count = 1};
    struct term *query = term_query(generator->arena, NULL, body(generator, &outputs, 0), NULL);
    struct term *order = term_order(generator->arena, query, variants(generator));
    query->children[2] = term_pattern(generator->arena, SORT_PART, " ORDER BY ###", NULL, order,
                                      term_leaf(generator->arena, SORT_FIXED, " LIMIT 1"));
    return query;
}

/* SELECT DISTINCT ON its first columns: which rows are first is left to the order. */
static void add_distinct_on(struct generator *generator, struct term *select)
{
    struct term *items = select->children[1];
    bool one = items->child_count == 1 || chance(generator, 60);
    select->children[0] =
        term_leaf(generator->arena, SORT_PART, one ? "DISTINCT ON (1) " : "DISTINCT ON (1, 2) ");
}

static bool is_plain_select(const struct term *body)
{
    return body->child_count == 4 && body->children[1] && body->children[1]->sort == SORT_ITEMS;
}

/* SELECT * stands for all columns of one relation. */
static struct term *star_statement(struct generator *generator)
{
    struct scope *scope = scope_new(generator, NULL);
    generator->scope = scope;
    struct term *conditions = term_list(generator->arena, SORT_FIXED, " AND ");
    struct term *table = from_table(generator), *items = term_list(generator->arena, SORT_ITEMS, ", ");
    struct relation *relation = &scope->relations[0];
    struct term *star = relation->has_star ? term_leaf(generator->arena, SORT_FIXED, "*")
                                           : column_term(generator, relation, &relation->columns[0]);
    star->width = relation->has_star ? relation->column_count : 1;
    term_add(items, star);
    struct term *where = where_part(generator, conditions);
    return term_pattern(generator->arena, SORT_FIXED, "SELECT ####", NULL, items,
                        term_pattern(generator->arena, SORT_PART, " FROM #", table), where);
}

struct term *generate_statement(struct generator *generator, bool ordered)
{
    struct outputs outputs = {0};
    struct term *ctes = chance(generator, 14) ? with(generator) : NULL;
    struct term *whole = chance(generator, 8) ? star_statement(generator) : body(generator, &outputs, 2);
    struct term *query = term_query(generator->arena, ctes, whole, NULL);
    if (!ordered && chance(generator, 60))
        return query;
    bool distinct_on = outputs.count && is_plain_select(whole) && chance(generator, 15);
    query->children[2] = tail(generator, query, distinct_on ? NULL : outputs.order);
    if (distinct_on)
        add_distinct_on(generator, whole);
    return query;
}
