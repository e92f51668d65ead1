/*
 * The analysis as a data structure: slots, regions, and what it answers once a statement is read: which slots
 * are equal, which conditions hold for a scan.
 */
#include "router/analyze_inside.h"

#include <stdio.h>
#include <string.h>

#include "router/sql_types.h"

int slot_new(struct analysis *analysis, const struct slot *slot)
{
    analysis->version++;
    *ARRAY_ADD(analysis, analysis->slots, analysis->slot_count, analysis->slot_room) = *slot;
    return analysis->slot_count - 1;
}

int region_new(struct analysis *analysis, int parent)
{
    struct region *region = arena_alloc(analysis->arena, sizeof *region);
    region->parent = parent;
    *ARRAY_ADD(analysis, analysis->regions, analysis->region_count, analysis->region_room) = region;
    return analysis->region_count - 1;
}

void region_equate(struct analysis *analysis, int region, int left, int right)
{
    if (left < 0 || right < 0)
        return;
    const struct slot *one = &analysis->slots[left], *other = &analysis->slots[right];
    if (!one->comparable || !other->comparable || !types_compare(one->type, other->type))
        return;
    struct region *where = analysis->regions[region];
    analysis->version++;
    *ARRAY_ADD(analysis, where->equalities, where->equality_count, where->equality_room) =
        (struct slot_pair){left, right};
}

void region_add_fact(struct analysis *analysis, int region, struct fact *fact)
{
    struct region *where = analysis->regions[region];
    *ARRAY_ADD(analysis, where->facts, where->fact_count, where->fact_room) = fact;
}

void region_add_value(struct analysis *analysis, int region, int slot, const struct value *value)
{
    struct fact *fact = arena_alloc(&analysis->plan->arena, sizeof *fact);
    *fact = (struct fact){.kind = FACT_VALUES, .slot = slot, .value_count = 1};
    fact->values = arena_memdup(&analysis->plan->arena, value, sizeof *value);
    region_add_fact(analysis, region, fact);
}

void analysis_give_up(struct analysis *analysis, const char *hint, const char *detail, const char *name)
{
    char text[256];
    snprintf(text, sizeof text, detail, name);
    if (!analysis->unreadable)
        plan_refuse(analysis->plan, NULL, hint, "%s", text);
    analysis->unreadable = true;
}

struct parameter_count {
    struct analysis *analysis;
    bool store;
};

/* $0, and what no Bind message has room for: the statement never runs, and what reads it meanwhile sees another. */
static void refuse_parameter(struct analysis *analysis, ParamRef *parameter)
{
    struct error error = {0};
    const char *sql = analysis->planning->sql;
    int number = parameter->number;
    parameter->number = 1;
    if (plan_is_refused(analysis->plan))
        return;
    error_set(&error, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $%d", number);
    for (int i = 0; i <= parameter->location && sql[i]; i++) /* in characters, from 1 */
        error.position += (sql[i] & 0xc0) != 0x80;
    plan_fail(analysis->plan, &error);
}

static bool count_parameters(Node *node, void *context)
{
    struct parameter_count *count = context;
    if (!node)
        return false;
    if (IsA(node, ParamRef)) {
        if (castNode(ParamRef, node)->number < 1 || castNode(ParamRef, node)->number > UINT16_MAX)
            refuse_parameter(count->analysis, castNode(ParamRef, node));
        int number = castNode(ParamRef, node)->number;
        if (count->store)
            count->analysis->parameter_uses[number - 1]++;
        else if (number > count->analysis->parameter_count)
            count->analysis->parameter_count = number;
    }
    return parse_walk(node, count_parameters, context);
}

void analysis_init(struct analysis *analysis, const struct planning *planning, struct plan *plan,
                   struct arena *arena, Node *statement)
{
    *analysis = (struct analysis){.planning = planning, .plan = plan, .arena = arena};
    analysis->depth = -1;
    analysis->float_memory = arena_alloc(arena, sizeof *analysis->float_memory);
    count_parameters(statement, &(struct parameter_count){analysis, false});
    analysis->parameter_uses =
        arena_alloc_array(arena, (size_t) analysis->parameter_count, sizeof *analysis->parameter_uses);
    count_parameters(statement, &(struct parameter_count){analysis, true});
    region_new(analysis, -1);
}

static int root_of(int *classes, int slot)
{
    while (classes[slot] != slot)
        slot = classes[slot] = classes[classes[slot]];
    return slot;
}

/* Each slot's class under the equalities of the region and all above it. */
static int *classes_of(struct analysis *analysis, int region)
{
    struct region *start = analysis->regions[region];
    if (start->classes && start->version == analysis->version)
        return start->classes;
    int *classes = arena_alloc_array(analysis->arena, (size_t) analysis->slot_count, sizeof *classes);
    for (int i = 0; i < analysis->slot_count; i++)
        classes[i] = i;
    for (; region >= 0; region = analysis->regions[region]->parent) {
        const struct region *here = analysis->regions[region];
        for (int i = 0; i < here->equality_count; i++)
            classes[root_of(classes, here->equalities[i].left)] = root_of(classes, here->equalities[i].right);
    }
    for (int i = 0; i < analysis->slot_count; i++)
        classes[i] = root_of(classes, i);
    start->version = analysis->version;
    return start->classes = classes;
}

bool analysis_equal(struct analysis *analysis, int region, int left, int right)
{
    if (left < 0 || right < 0)
        return false;
    const int *classes = classes_of(analysis, region);
    return classes[left] == classes[right];
}

bool scan_is_sharded(const struct scan *scan)
{
    return scan->relation.place == PLACE_SHARDED;
}

bool scans_have_sharded(const struct analysis *analysis, int first, int end)
{
    for (int i = first; i < end; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            return true;
    return false;
}

int scan_key_slot(const struct scan *scan, int k)
{
    return scan->first_slot + scan->relation.table->key_columns[k];
}

/* The facts about the scan's key columns, as they stand in the plan; an arm keeps only what is about them. */
static bool translate_fact(struct analysis *analysis, int scan, const struct fact *fact,
                           struct collected_facts *out);

static bool translate_list(struct analysis *analysis, int scan, const struct fact_list *list,
                           struct collected_facts *out)
{
    bool any = false;
    for (int i = 0; i < list->count; i++)
        any |= translate_fact(analysis, scan, list->facts[i], out);
    return any;
}

static bool translate_arms(struct analysis *analysis, int scan, const struct fact *fact,
                           struct collected_facts *out)
{
    struct arena *arena = &analysis->plan->arena;
    struct fact *copy = arena_memdup(arena, fact, sizeof *fact);
    copy->arms = arena_alloc_array(arena, (size_t) fact->arm_count, sizeof *copy->arms);
    for (int i = 0; i < fact->arm_count; i++) {
        struct collected_facts arm = {0};
        if (!translate_list(analysis, scan, &fact->arms[i], &arm))
            return false;
        copy->arms[i].facts = arena_memdup(arena, arm.facts, (size_t) arm.count * sizeof *arm.facts);
        copy->arms[i].count = arm.count;
    }
    *ARRAY_ADD(analysis, out->facts, out->count, out->room) = copy;
    return true;
}

static bool translate_fact(struct analysis *analysis, int scan, const struct fact *fact,
                           struct collected_facts *out)
{
    const struct scan *where = &analysis->scans[scan];
    bool any = false;
    if (fact->kind == FACT_ARMS)
        return translate_arms(analysis, scan, fact, out);
    for (int k = 0; k < keyspace_columns(where->relation.table->keyspace); k++) {
        if (!analysis_equal(analysis, where->region, fact->slot, scan_key_slot(where, k)))
            continue;
        struct fact *copy = arena_memdup(&analysis->plan->arena, fact, sizeof *fact);
        copy->slot = k;
        *ARRAY_ADD(analysis, out->facts, out->count, out->room) = copy;
        any = true;
    }
    return any;
}

/* With its alias, if the statement names the table more than once. */
static const char *name_use(const struct analysis *analysis, int scan, struct arena *arena)
{
    const struct scan *use = &analysis->scans[scan];
    const char *name = use->relation.table->settings->name;
    const Alias *alias = use->range ? use->range->alias : NULL;
    for (int i = 0; alias && i < analysis->scan_count; i++)
        if (i != scan && analysis->scans[i].relation.table == use->relation.table)
            return arena_printf(arena, "%s %s", name, alias->aliasname);
    return arena_strdup(arena, name);
}

struct condition *analysis_condition(struct analysis *analysis, int scan)
{
    struct arena *arena = &analysis->plan->arena;
    const struct scan *where = &analysis->scans[scan];
    const struct routed_table *table = where->relation.table;
    int keys = keyspace_columns(table->keyspace);
    struct collected_facts found = {0};
    for (int region = where->region; region >= 0; region = analysis->regions[region]->parent) {
        const struct fact_list list = {analysis->regions[region]->facts,
                                       analysis->regions[region]->fact_count};
        translate_list(analysis, scan, &list, &found);
    }
    const char **columns = arena_alloc_array(arena, (size_t) keys, sizeof *columns);
    for (int k = 0; k < keys; k++)
        columns[k] = arena_strdup(arena, table->settings->key[k]);
    struct condition *condition = arena_alloc(arena, sizeof *condition);
    *condition =
        (struct condition){name_use(analysis, scan, arena), columns, table->keyspace, {0}};
    condition->facts.facts = arena_memdup(arena, found.facts, (size_t) found.count * sizeof *found.facts);
    condition->facts.count = found.count;
    return condition;
}
