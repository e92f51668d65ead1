/*
 * utility_place: a verdict is collected name by name, and applied at the end.
 */
#include "router/utility_place.h"

#include <string.h>

/* Index, sequence of a column, partition: as its table.  A view or a free sequence: as the catalogs show it.
 */
static bool is_everywhere(const struct planning *planning, const struct catalog_relation *relation)
{
    if (routing_owner(planning->routing, relation))
        return true;
    switch (relation->kind) {
    case RELATION_VIEW:
        return relation->on_every_shard;
    case RELATION_SEQUENCE:
        return !relation->table && relation->on_every_shard;
    case RELATION_TABLE:
    case RELATION_MATERIALIZED_VIEW:
    case RELATION_FOREIGN:
    case RELATION_OTHER:
        break;
    }
    return false;
}

static void note(const char **sort, const char *name)
{
    if (!*sort)
        *sort = name;
}

static void place_resolved(struct utility_place *place, const struct resolved_relation *found,
                           const char *name, enum unknown_place unknown)
{
    switch (found->place) {
    case PLACE_SHARDED:
    case PLACE_REFERENCE:
        note(&place->everywhere, name);
        break;
    case PLACE_UNSHARDED:
    case PLACE_VIEW:
        note(found->relation && is_everywhere(place->planning, found->relation) ? &place->everywhere
                                                                                : &place->home,
             name);
        break;
    case PLACE_TEMPORARY:
        note(&place->home, name);
        break;
    case PLACE_UNKNOWN:
        note(unknown == UNKNOWN_IS_HOME ? &place->home : &place->everywhere, name);
        break;
    case PLACE_CATALOG: /* every shard has its own */
        break;
    }
}

void place_relation(struct utility_place *place, const RangeVar *range, enum unknown_place unknown)
{
    struct resolved_relation found = resolve_relation(place->planning, range);
    place_resolved(place, &found, range->relname, unknown);
}

List *place_relations(struct utility_place *place, const List *ranges, enum unknown_place unknown)
{
    List *everywhere = NIL;
    ListCell *cell;
    foreach (cell, ranges) {
        struct utility_place alone = {.planning = place->planning};
        place_relation(&alone, lfirst(cell), unknown);
        place_relation(place, lfirst(cell), unknown);
        if (!alone.home)
            everywhere = lappend(everywhere, lfirst(cell));
    }
    return everywhere;
}

RangeVar *place_range(List *names, int skip)
{
    int count = list_length(names) - skip;
    if (count < 1)
        return NULL;
    char *name = strVal(list_nth(names, count - 1));
    char *schema = count > 1 ? strVal(list_nth(names, count - 2)) : NULL;
    return makeRangeVar(schema, name, -1);
}

void place_names(struct utility_place *place, List *names, int skip, enum unknown_place unknown)
{
    RangeVar *range = place_range(names, skip);
    if (range)
        place_relation(place, range, unknown);
}

/* Names of WITH queries are gathered first: a relation of such a name that nobody knows is one of them. */
struct query_walk {
    struct utility_place *place;
    List *with_names; /* of char * */
};

static bool gather_with_names(Node *node, void *context)
{
    struct query_walk *walk = context;
    if (node && IsA(node, CommonTableExpr))
        walk->with_names = lappend(walk->with_names, ((CommonTableExpr *) node)->ctename);
    return node && parse_walk(node, gather_with_names, context);
}

static bool is_with_name(const struct query_walk *walk, const RangeVar *range)
{
    ListCell *cell;
    if (range->schemaname)
        return false;
    foreach (cell, walk->with_names)
        if (!strcmp(lfirst(cell), range->relname))
            return true;
    return false;
}

static void read_relation(struct query_walk *walk, const RangeVar *range)
{
    struct resolved_relation found = resolve_relation(walk->place->planning, range);
    if (found.place == PLACE_REFERENCE)
        note(&walk->place->reference, range->relname);
    else if (found.place != PLACE_UNKNOWN || !is_with_name(walk, range))
        place_resolved(walk->place, &found, range->relname, UNKNOWN_IS_HOME);
}

static bool read_relations(Node *node, void *context)
{
    if (node && IsA(node, RangeVar)) {
        read_relation(context, (const RangeVar *) node);
        return false;
    }
    return node && parse_walk(node, read_relations, context);
}

static bool is_query(const Node *node)
{
    return node && (IsA(node, SelectStmt) || IsA(node, InsertStmt) || IsA(node, UpdateStmt) ||
                    IsA(node, DeleteStmt) || IsA(node, MergeStmt));
}

void place_query(struct utility_place *place, Node *query)
{
    struct query_walk walk = {place, NIL};
    if (!is_query(query))
        return;
    gather_with_names(query, &walk);
    read_relations(query, &walk);
}

void place_apply(struct plan *plan, const struct utility_place *place, const char *what)
{
    if (place->home && place->everywhere)
        plan_refuse(
            plan, "the statement names relations that live on different shards",
            "Use one statement for the relations on every shard, and another for those on the home shard.",
            "%s: \"%s\" is on the home shard only, \"%s\" is on every shard.", what, place->home,
            place->everywhere);
    else if (place->home)
        plan_on_home(plan, "what it names lives on the home shard");
    else
        plan_on_all(plan, place->planning, PLAN_BROADCAST, "every shard has what it names");
}

void place_apply_apart(struct plan *plan, const struct utility_place *place, Node *elsewhere, const char *what)
{
    const char *text = place->home && place->everywhere ? parse_deparse(elsewhere, &plan->arena) : NULL;
    if (!text) {
        place_apply(plan, place, what);
        return;
    }
    plan->elsewhere_text = text;
    plan_on_all(plan, place->planning, PLAN_BROADCAST, "every shard has some of what it names, and the home shard has the rest, too");
}

bool place_is_everywhere(const struct planning *planning, const RangeVar *range, enum unknown_place unknown)
{
    struct utility_place place = {.planning = planning};
    place_relation(&place, range, unknown);
    return place.everywhere != NULL;
}

const struct routed_table *place_configured(const struct planning *planning, const RangeVar *range)
{
    return resolve_relation(planning, range).table;
}

const struct routed_table *place_owner(const struct planning *planning, const RangeVar *range)
{
    struct resolved_relation found = resolve_relation(planning, range);
    if (found.table || !found.relation)
        return found.table;
    return routing_owner(planning->routing, found.relation);
}

/* pg_temp counts as existing, wherever it stands in the path. */
static bool first_is_temporary(const struct planning *planning)
{
    struct resolve_path path = resolve_path(planning);
    char schema[NAMEDATALEN];
    while (resolve_path_next(&path, schema)) {
        if (!strncmp(schema, "pg_temp", strlen("pg_temp")))
            return true;
        if (catalog_has_schema(planning->routing->catalog, schema))
            return false;
    }
    return false;
}

bool place_is_temporary(const struct planning *planning, const RangeVar *range)
{
    if (range->relpersistence == 't')
        return true;
    if (range->schemaname)
        return !strncmp(range->schemaname, "pg_temp", strlen("pg_temp"));
    return first_is_temporary(planning);
}

const struct routed_table *place_taken(const struct planning *planning, const RangeVar *range)
{
    char schema[NAMEDATALEN];
    if (range->schemaname)
        return routing_table(planning->routing, range->schemaname, range->relname);
    if (!resolve_creation_schema(planning, schema))
        return NULL;
    return routing_table(planning->routing, schema, range->relname);
}

/* search_path may change while the temporary relation is there: schemas make no difference. */
static bool hides_more_than_home(const struct planning *planning, const char *name)
{
    const struct routing *routing = planning->routing;
    for (size_t i = 0; i < routing->settings->table_count; i++)
        if (!strcmp(routing->settings->tables[i].name, name))
            return true;
    const struct catalog_relation *relation;
    for (size_t i = 0; (relation = catalog_relation_at(routing->catalog, i)); i++)
        if (!strcmp(relation->name, name) && is_everywhere(planning, relation))
            return true;
    return false;
}

bool place_temporary(struct plan *plan, const struct planning *planning, const RangeVar *range)
{
    if (hides_more_than_home(planning, range->relname)) {
        plan_refuse(
            plan, "a temporary relation must not have the name of a relation that is on every shard",
            "Give the temporary relation another name.",
            "\"%s\" would stand for the temporary relation on one shard and for another one on the rest.",
            range->relname);
        return false;
    }
    plan->pin = PIN_TEMPORARY_TABLE;
    plan_on_home(plan, "temporary relations live on the home shard");
    return true;
}
