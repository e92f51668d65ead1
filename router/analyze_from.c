/*
 * FROM: relations, views, subqueries and joins become scans and regions.
 *
 * A subquery whose rows stand for themselves is merged: its conjuncts hold beside those around it, so it
 * shares their region.  Any other gets a region of its own, below, and new slots for its columns outside.
 * Such a column is linked to the inner one where a filter on it may be moved inside (grouping columns, arms
 * of a UNION), and what is known of the inner one alone is known of the outer one in any case.
 */
#include "router/analyze_inside.h"

#include <string.h>

#include "router/function_query.h"
#include "router/sql_types.h"

enum { MOST_SCANS = 2000, MOST_VIEWS = 32 };

static struct output *columns_of_scan(struct analysis *analysis, const struct scan *scan)
{
    const struct catalog_relation *relation = scan->relation.relation;
    struct output *columns =
        arena_alloc_array(analysis->arena, (size_t) relation->column_count, sizeof *columns);
    for (int i = 0; i < relation->column_count; i++)
        columns[i] = (struct output){.name = relation->columns[i].name, .slot = scan->first_slot + i};
    return columns;
}

static void add_slots(struct analysis *analysis, struct scan *scan)
{
    const struct catalog_relation *relation = scan->relation.relation;
    scan->first_slot = analysis->slot_count;
    for (int i = 0; i < relation->column_count; i++) {
        const struct catalog_column *column = &relation->columns[i];
        slot_new(analysis, &(struct slot){
                               .type = column->base,
                               .comparable = !column->collatable || column->collation_deterministic,
                               .ordered_by_type = !column->collatable || column->collation_is_bytes,
                               .order = catalog_column_order(column),
                           });
    }
}

/* A part of a configured table (a partition, a child) that is not configured itself.  Of its sequences the home shard's serve all shards. */
static bool is_hidden_part(const struct analysis *analysis, const struct resolved_relation *relation)
{
    return relation->place == PLACE_UNSHARDED && relation->relation && relation->relation->kind != RELATION_SEQUENCE &&
           routing_owner(analysis->planning->routing, relation->relation);
}

static void check_relation(struct analysis *analysis, const struct resolved_relation *relation)
{
    bool configured = relation->place == PLACE_SHARDED || relation->place == PLACE_REFERENCE;
    if (configured && !relation->relation)
        analysis_give_up(analysis, "Create the table through Keyway, or on every shard, and RELOAD.",
                         "Table \"%s\" is configured but does not exist on the home shard.", relation->name);
    else if (is_hidden_part(analysis, relation))
        analysis_give_up(analysis, "Name the parent table, or configure the partition like its parent.",
                         "Relation \"%s\" is a part of a configured table, which is spread over the shards.",
                         relation->name);
    else if (configured && relation->relation->row_security && !relation->relation->policies_are_local)
        analysis_give_up(
            analysis, "Drop the row security policies of the table, or let them ask of nothing but its row and the session.",
            "Table \"%s\" has row-level security, whose policies may read tables of other shards.",
            relation->name);
    else if (configured && relation->relation->row_security && analysis->view_depth > 0)
        analysis_give_up(analysis, "Query the table instead of the view.",
                         "Table \"%s\" has row-level security, and in a view the policies are those for the view's owner.", relation->name);
}

int scan_add(struct analysis *analysis, const struct resolved_relation *relation, int region)
{
    if (analysis->scan_count >= MOST_SCANS)
        analysis_give_up(analysis, "Split the statement.", "The statement uses too many tables (%s …).",
                         relation->name);
    check_relation(analysis, relation);
    struct scan *scan = ARRAY_ADD(analysis, analysis->scans, analysis->scan_count, analysis->scan_room);
    *scan = (struct scan){.relation = *relation, .region = region, .first_slot = NO_SLOT};
    if (relation->relation && !analysis->unreadable)
        add_slots(analysis, scan);
    switch (relation->place) {
    case PLACE_SHARDED:
    case PLACE_REFERENCE:
    case PLACE_VIEW:
        break;
    case PLACE_CATALOG:
        analysis->plan->catalog_only = true;
        analysis->home = relation->name;
        break;
    case PLACE_UNSHARDED:
    case PLACE_TEMPORARY:
    case PLACE_UNKNOWN:
        analysis->home = relation->name;
        break;
    }
    return analysis->scan_count - 1;
}

/* An alias may name columns, too: the first ones. */
static void apply_alias(struct analysis *analysis, struct item *item, const Alias *alias)
{
    ListCell *cell;
    int i = 0;
    if (!alias)
        return;
    item->name = alias->aliasname;
    item->schema = NULL;
    if (!alias->colnames)
        return;
    item->columns = item->column_count ? arena_memdup(analysis->arena, item->columns,
                                                      (size_t) item->column_count * sizeof *item->columns)
                                       : NULL;
    foreach (cell, alias->colnames)
        if (i < item->column_count)
            item->columns[i++].name = strVal(lfirst(cell));
}

static struct item *new_item(struct analysis *analysis, const Alias *alias, struct output *columns, int count,
                             bool opaque)
{
    struct item *item = arena_alloc(analysis->arena, sizeof *item);
    *item = (struct item){
        .columns = columns, .column_count = count, .opaque = opaque, .by_name = true, .by_column = true};
    apply_alias(analysis, item, alias);
    return item;
}

static struct source *new_source(struct analysis *analysis, enum source_kind kind)
{
    struct source *source = arena_alloc(analysis->arena, sizeof *source);
    source->kind = kind;
    source->scan = -1;
    return source;
}

/* What is known inside of a column alone is known of the column outside. */
static void carry_facts_out(struct analysis *analysis, const struct query *query, int inner, int outer,
                            int region)
{
    const struct region *from = analysis->regions[query->region];
    for (int i = 0; i < from->fact_count; i++) {
        const struct fact *fact = from->facts[i];
        if (fact->kind == FACT_ARMS || !analysis_equal(analysis, query->region, fact->slot, inner))
            continue;
        struct fact *copy = arena_memdup(&analysis->plan->arena, fact, sizeof *fact);
        copy->slot = outer;
        region_add_fact(analysis, region, copy);
    }
}

/* The arms of a set operation all show this column plainly, and as the same type, or as numbers that become one. */
static bool arms_agree(const struct analysis *analysis, const struct query *query, int column,
                       struct slot *facts)
{
    if (query->set_operation)
        return arms_agree(analysis, query->left, column, facts) &&
               arms_agree(analysis, query->right, column, facts);
    if (!query->outputs_known || column >= query->output_count || query->outputs[column].slot < 0)
        return false;
    const struct slot *found = &analysis->slots[query->outputs[column].slot];
    uint32_t type = facts->type ? common_type(facts->type, found->type) : found->type;
    facts->comparable = found->comparable && (!facts->type || (facts->comparable && facts->type == found->type));
    facts->type = type;
    return type != 0;
}

static void link_arms(struct analysis *analysis, const struct query *query, int column, int outer)
{
    if (query->select->limitCount || query->select->limitOffset)
        return;
    if (query->set_operation) {
        link_arms(analysis, query->left, column, outer);
        link_arms(analysis, query->right, column, outer);
    } else if (query_filter_moves_in(analysis, query, column)) {
        region_equate(analysis, query->region, query->outputs[column].slot, outer);
    }
}

static int outer_slot(struct analysis *analysis, const struct query *query, int column, int region)
{
    struct slot agreed = {0};
    if (query->set_operation) {
        if (!arms_agree(analysis, query, column, &agreed))
            return NO_SLOT;
        int slot = slot_new(analysis, &agreed);
        link_arms(analysis, query, column, slot);
        return slot;
    }
    int inner = query->outputs[column].slot;
    if (inner < 0)
        return NO_SLOT;
    struct slot facts = analysis->slots[inner];
    int slot = slot_new(analysis, &facts);
    carry_facts_out(analysis, query, inner, slot, region);
    if (query_filter_moves_in(analysis, query, column))
        region_equate(analysis, query->region, inner, slot);
    return slot;
}

void query_show(struct analysis *analysis, struct query *query, int region)
{
    int count = query->outputs_known ? query->output_count : 0;
    query->shown = arena_alloc_array(analysis->arena, (size_t) count, sizeof *query->shown);
    for (int i = 0; i < count; i++)
        query->shown[i] = outer_slot(analysis, query, i, region);
}

/* The columns that a subquery shows around it. */
static struct output *outer_columns(struct analysis *analysis, struct source *source, int region)
{
    struct query *query = source->query;
    source->output_count = query->outputs_known ? query->output_count : 0;
    source->outputs =
        arena_alloc_array(analysis->arena, (size_t) source->output_count, sizeof *source->outputs);
    if (!source->merged)
        query_show(analysis, query, region);
    for (int i = 0; i < source->output_count; i++) {
        source->outputs[i].name = query->outputs[i].name;
        source->outputs[i].slot = source->merged ? query->outputs[i].slot : query->shown[i];
    }
    return source->outputs;
}

static struct source *read_subquery(struct analysis *analysis, SelectStmt *select, const Alias *alias,
                                    struct scope *scope, struct scope *outer, int region)
{
    struct source *source = new_source(analysis, SOURCE_QUERY);
    source->merged = select_is_plain(analysis, select);
    source->query = read_select(analysis, select, outer, region, source->merged);
    struct output *columns = outer_columns(analysis, source, region);
    scope_add(analysis, scope,
              new_item(analysis, alias, columns, source->output_count, !source->query->outputs_known));
    return source;
}

static struct source *read_opaque(struct analysis *analysis, const char *name, const Alias *alias,
                                  struct scope *scope)
{
    struct item *item = new_item(analysis, alias, NULL, 0, true);
    if (!item->name)
        item->name = name;
    scope_add(analysis, scope, item);
    return new_source(analysis, SOURCE_OTHER);
}

/* A column of which nothing is known but its type: it is in no equality. */
static int typed_slot(struct analysis *analysis, uint32_t type)
{
    return type ? slot_new(analysis, &(struct slot){.type = type}) : NO_SLOT;
}

/* The columns of a query that was read elsewhere; of a recursive one, its first arm says what they are. */
static struct output *columns_by_type(struct analysis *analysis, const struct query *query)
{
    struct output *columns = arena_alloc_array(analysis->arena, (size_t) query->output_count, sizeof *columns);
    const struct query *first = query;
    while (first->set_operation)
        first = first->left;
    for (int i = 0; i < query->output_count; i++) {
        int slot = first->outputs[i].slot;
        columns[i] = (struct output){.name = query->outputs[i].name, .slot = slot < 0 ? NO_SLOT : typed_slot(analysis, analysis->slots[slot].type)};
    }
    return columns;
}

static bool is_recursive_union(const struct query *query)
{
    return query->set_operation && query->select->op == SETOP_UNION && !query->left->set_operation;
}

/* SEARCH and CYCLE add columns. */
static struct source *read_opaque_cte(struct analysis *analysis, const struct cte *cte, const Alias *alias,
                                      struct scope *scope)
{
    const struct query *query = cte->query;
    if (!query || !query->outputs_known || (query->set_operation && !is_recursive_union(query)) ||
        cte->node->search_clause || cte->node->cycle_clause)
        return read_opaque(analysis, cte->name, alias, scope);
    scope_add(analysis, scope,
              new_item(analysis, alias, columns_by_type(analysis, query), query->output_count, false));
    return new_source(analysis, SOURCE_OTHER);
}

/* Each use of a CTE is read as a subquery of its own: PostgreSQL's one reading gives the same rows to each.
 */
static struct source *read_cte(struct analysis *analysis, struct cte *cte, const RangeVar *range,
                               struct scope *scope, int region)
{
    *ARRAY_ADD(analysis, analysis->cte_uses, analysis->cte_use_count, analysis->cte_use_room) = range;
    Alias *alias = makeNode(Alias);
    alias->aliasname = range->alias ? range->alias->aliasname : range->relname;
    alias->colnames =
        range->alias && range->alias->colnames ? range->alias->colnames : cte->node->aliascolnames;
    if (range->alias && range->alias->colnames &&
        list_length(range->alias->colnames) < list_length(cte->node->aliascolnames))
        return read_opaque(analysis, cte->name, alias, scope);
    cte->used = true;
    if (cte->opaque || analysis->scan_count >= MOST_SCANS)
        return read_opaque_cte(analysis, cte, alias, scope);
    return read_subquery(analysis, castNode(SelectStmt, cte->node->ctequery), alias, scope, cte->scope,
                         region);
}

bool analysis_is_cte(const struct analysis *analysis, const RangeVar *range)
{
    for (int i = 0; i < analysis->cte_use_count; i++)
        if (analysis->cte_uses[i] == range)
            return true;
    return false;
}

/* The definition that stands for a view here; read again (in a CTE used twice), it is the same tree. */
static SelectStmt *parse_view(struct analysis *analysis, const struct catalog_relation *relation, const RangeVar *range)
{
    struct error error = {0};
    for (int i = 0; i < analysis->view_count; i++)
        if (analysis->views[i].range == range)
            return analysis->views[i].definition;
    List *parsed = relation->definition ? parse_more(relation->definition, &error) : NIL;
    error_clear(&error);
    Node *statement = list_length(parsed) == 1 ? linitial_node(RawStmt, parsed)->stmt : NULL;
    if (statement && IsA(statement, SelectStmt) && analysis->view_depth < MOST_VIEWS)
        return castNode(SelectStmt, statement);
    analysis_give_up(analysis, "Query the view's tables instead.",
                     "The definition of view \"%s\" cannot be examined.", relation->name);
    return NULL;
}

/* The view's columns as the catalog has them. */
static struct output *columns_of_view(struct analysis *analysis, const struct catalog_relation *view)
{
    struct output *columns = arena_alloc_array(analysis->arena, (size_t) view->column_count, sizeof *columns);
    for (int i = 0; i < view->column_count; i++)
        columns[i] = (struct output){.name = view->columns[i].name, .slot = typed_slot(analysis, view->columns[i].base)};
    return columns;
}

/* The view's columns have the names that the catalog gives; its definition sees nothing of the query around
 * it. */
static struct source *read_view(struct analysis *analysis, const struct resolved_relation *view,
                                const RangeVar *range, struct scope *scope, int region)
{
    SelectStmt *select = parse_view(analysis, view->relation, range);
    if (!select)
        return read_opaque(analysis, view->name, range->alias, scope);
    if (!view->relation->on_every_shard)
        analysis->local_view = view->name;
    struct source *source = new_source(analysis, SOURCE_QUERY);
    int use = analysis->view_count;
    *ARRAY_ADD(analysis, analysis->views, analysis->view_count, analysis->view_room) =
        (struct view_use){range, select, view->relation, analysis->scan_count, 0};
    analysis->view_depth++;
    source->merged = select_is_plain(analysis, select);
    source->query = read_select(analysis, select, NULL, region, source->merged);
    analysis->view_depth--;
    analysis->views[use].end_scan = analysis->scan_count;
    struct output *columns = outer_columns(analysis, source, region);
    bool known = source->query->outputs_known && source->output_count == view->relation->column_count;
    if (!known)
        columns = columns_of_view(analysis, view->relation);
    for (int i = 0; known && i < source->output_count; i++) {
        columns[i].name = view->relation->columns[i].name;
        if (columns[i].slot < 0)
            columns[i].slot = typed_slot(analysis, view->relation->columns[i].base);
    }
    struct item *item = new_item(analysis, NULL, columns, view->relation->column_count, false);
    item->name = range->relname;
    item->schema = view->schema;
    item->view = view->relation;
    apply_alias(analysis, item, range->alias);
    scope_add(analysis, scope, item);
    return source;
}

struct source *read_table(struct analysis *analysis, const struct resolved_relation *relation,
                          RangeVar *range, struct scope *scope, int region)
{
    struct source *source = new_source(analysis, SOURCE_SCAN);
    source->scan = scan_add(analysis, relation, region);
    analysis->scans[source->scan].range = range;
    const struct scan *scan = &analysis->scans[source->scan];
    bool known = scan->first_slot != NO_SLOT;
    struct item *item = new_item(analysis, NULL, known ? columns_of_scan(analysis, scan) : NULL,
                                 known ? relation->relation->column_count : 0, !known);
    item->name = range->relname;
    item->schema = relation->schema;
    item->table = relation->relation;
    item->range = range;
    apply_alias(analysis, item, range->alias);
    scope_add(analysis, scope, item);
    return source;
}

/* A part of a configured table is read like a table that is configured in the same way: each of its rows is on the shard of its key,
 * because it is one of the table's. */
static void take_for_table(const struct analysis *analysis, struct resolved_relation *relation)
{
    const struct routed_table *part = relation->place == PLACE_UNSHARDED && relation->relation
                                          ? routing_part(analysis->planning->routing, relation->relation)
                                          : NULL;
    if (!part)
        return;
    relation->table = part;
    relation->place = part->keyspace ? PLACE_SHARDED : PLACE_REFERENCE;
}

static struct source *read_range(struct analysis *analysis, RangeVar *range, struct scope *scope,
                                 struct scope *outer, int region)
{
    struct cte *cte = range->schemaname ? NULL : scope_cte(outer, range->relname);
    if (cte)
        return read_cte(analysis, cte, range, scope, region);
    struct resolved_relation relation = resolve_relation(analysis->planning, range);
    take_for_table(analysis, &relation);
    if (relation.place == PLACE_VIEW)
        return read_view(analysis, &relation, range, scope, region);
    return read_table(analysis, &relation, range, scope, region);
}

static struct source *read_from(struct analysis *analysis, Node *node, struct scope *scope,
                                struct scope *outer, struct scope *lateral, int region);

static int find_column(const struct scope *scope, int from, const char *name)
{
    int slot = NO_SLOT;
    for (int i = from; i < scope->count; i++)
        if (scope->items[i]->by_column) {
            int column = item_column(scope->items[i], name);
            if (column >= 0)
                slot = scope->items[i]->columns[column].slot;
        }
    return slot;
}

struct joined {
    struct output *columns;
    int count;
    bool opaque;
};

static bool is_listed(const List *names, const char *name)
{
    ListCell *cell;
    foreach (cell, names)
        if (name && !strcmp(strVal(lfirst(cell)), name))
            return true;
    return false;
}

static struct joined columns_of_side(struct analysis *analysis, const struct scope *side)
{
    struct joined all = {0};
    for (int i = 0; i < side->count; i++)
        if (side->items[i]->by_column) {
            all.count += side->items[i]->column_count;
            all.opaque |= side->items[i]->opaque;
        }
    all.columns = arena_alloc_array(analysis->arena, (size_t) all.count, sizeof *all.columns);
    int at = 0;
    for (int i = 0; i < side->count; i++)
        for (int c = 0; side->items[i]->by_column && c < side->items[i]->column_count; c++)
            all.columns[at++] = side->items[i]->columns[c];
    return all;
}

static List *shared_names(const struct joined *left, const struct joined *right)
{
    List *names = NIL;
    for (int i = 0; i < left->count; i++)
        for (int j = 0; left->columns[i].name && j < right->count; j++)
            if (right->columns[j].name && !strcmp(left->columns[i].name, right->columns[j].name) &&
                !is_listed(names, left->columns[i].name))
                names = lappend(names, makeString((char *) left->columns[i].name));
    return names;
}

/* Neither side's column, but of a type that both become. */
static int slot_of_either(struct analysis *analysis, int left, int right)
{
    if (left < 0 || right < 0)
        return NO_SLOT;
    struct slot slot = {.type = common_type(analysis->slots[left].type, analysis->slots[right].type)};
    return slot_new(analysis, &slot);
}

/* The merged column is the preserved side's; a full join's is neither side's. */
static int merged_slot(struct analysis *analysis, JoinType join, int left, int right)
{
    switch (join) {
    case JOIN_INNER:
    case JOIN_LEFT:
        return left;
    case JOIN_RIGHT:
        return right;
    default:
        return slot_of_either(analysis, left, right);
    }
}

/* The columns of the join: the merged ones, then the left side's others, then the right side's. */
static struct joined join_columns(struct analysis *analysis, const JoinExpr *join, const List *names,
                                  const struct scope *left_side, const struct scope *right_side, int region)
{
    struct joined left = columns_of_side(analysis, left_side), right = columns_of_side(analysis, right_side);
    struct joined all = {.opaque = left.opaque || right.opaque};
    if (join->isNatural)
        names = all.opaque ? NIL : shared_names(&left, &right);
    all.columns = arena_alloc_array(analysis->arena, (size_t) (left.count + right.count + list_length(names)),
                                    sizeof *all.columns);
    ListCell *cell;
    foreach (cell, names) {
        const char *name = strVal(lfirst(cell));
        int one = find_column(left_side, 0, name), other = find_column(right_side, 0, name);
        if (!function_facts_of_name(analysis->planning, list_make1(makeString((char *) "="))).users)
            region_equate(analysis, region, one, other);
        all.columns[all.count++] = (struct output){.name = name, .slot = merged_slot(analysis, join->jointype, one, other)};
    }
    for (int i = 0; i < left.count; i++)
        if (!is_listed(names, left.columns[i].name))
            all.columns[all.count++] = left.columns[i];
    for (int i = 0; i < right.count; i++)
        if (!is_listed(names, right.columns[i].name))
            all.columns[all.count++] = right.columns[i];
    return all;
}

/*
 * Which region each side stands in.  The nullable side of an outer join gets its own, where the ON holds too:
 * a row of it matters only if it matches.  The preserved side's rows matter whatever the ON says.  In a full
 * join both sides are preserved and nullable at once: the ON holds for neither, only for the pairs
 * (on_region).
 */
static void join_regions(struct analysis *analysis, JoinType join, int region, int *left, int *right, int *on)
{
    bool left_nullable = join == JOIN_RIGHT || join == JOIN_FULL;
    bool right_nullable = join == JOIN_LEFT || join == JOIN_FULL;
    *left = left_nullable ? region_new(analysis, region) : region;
    *right = right_nullable ? region_new(analysis, region) : region;
    switch (join) {
    case JOIN_INNER:
        *on = region;
        break;
    case JOIN_LEFT:
        *on = *right;
        break;
    case JOIN_RIGHT:
        *on = *left;
        break;
    default:
        *on = region_new(analysis, -1);
        break;
    }
}

/* Put a side's items into the scope of the join: findable by their names only, or not at all. */
static void hide_sides(struct analysis *analysis, struct scope *scope, const struct scope *side, bool by_name)
{
    for (int i = 0; i < side->count; i++) {
        struct item *item = arena_memdup(analysis->arena, side->items[i], sizeof *item);
        item->by_column = false;
        item->by_name = item->by_name && by_name;
        scope_add(analysis, scope, item);
    }
}

static void read_on(struct analysis *analysis, JoinExpr *join, const struct scope *left,
                    const struct scope *right, struct scope *outer, int region)
{
    struct scope *sides = scope_new(analysis, outer);
    for (int i = 0; i < left->count; i++)
        scope_add(analysis, sides, left->items[i]);
    for (int i = 0; i < right->count; i++)
        scope_add(analysis, sides, right->items[i]);
    enum clause clause = analysis->clause;
    analysis->clause = CLAUSE_FILTER;
    put_queries_into(analysis, &join->quals, sides);
    read_condition(analysis, join->quals, sides, region);
    analysis->clause = clause;
}

/* A scope that finds the left side's columns, for LATERAL items on the right. */
static struct scope *lateral_scope(struct analysis *analysis, const struct scope *left, struct scope *around)
{
    struct scope *lateral = scope_new(analysis, around);
    for (int i = 0; i < left->count; i++)
        scope_add(analysis, lateral, left->items[i]);
    return lateral;
}

/* TABLESAMPLE BERNOULLI or SYSTEM (100) of a sharded table is all of it, in the usual order: the table stands for it, because a copy
 * of it may be no table. */
static Node *whole_table(struct analysis *analysis, Node *item, const struct scope *scope)
{
    const RangeTableSample *sample = IsA(item, RangeTableSample) ? (const RangeTableSample *) item : NULL;
    if (!sample || sample->repeatable || list_length(sample->args) != 1 || !IsA(linitial(sample->args), A_Const) ||
        !IsA(sample->relation, RangeVar))
        return item;
    const A_Const *percent = linitial_node(A_Const, sample->args);
    const RangeVar *range = castNode(RangeVar, sample->relation);
    const char *method = parse_name(sample->method);
    bool known = list_length(sample->method) == 1 && (!strcmp(method, "bernoulli") || !strcmp(method, "system"));
    plan_pin_location(analysis->plan, analysis->planning, percent->location);
    if (!known || percent->isnull || !IsA(&percent->val, Integer) || intVal(&percent->val) != 100 ||
        (!range->schemaname && scope_cte(scope, range->relname)) ||
        resolve_relation(analysis->planning, range).place != PLACE_SHARDED)
        return item;
    return sample->relation;
}

static struct source *read_join(struct analysis *analysis, JoinExpr *join, struct scope *scope,
                                struct scope *outer, struct scope *lateral, int region)
{
    struct source *source = new_source(analysis, SOURCE_JOIN);
    join->larg = put_query_for_item(analysis, whole_table(analysis, join->larg, outer), lateral);
    int left_region, right_region, on;
    join_regions(analysis, join->jointype, region, &left_region, &right_region, &on);
    struct scope *left = scope_new(analysis, outer), *right = scope_new(analysis, outer);
    source->join = join->jointype;
    source->on_region = on;
    source->left = read_from(analysis, join->larg, left, outer, lateral, left_region);
    struct scope *beside = lateral_scope(analysis, left, lateral);
    join->rarg = put_query_for_item(analysis, whole_table(analysis, join->rarg, outer), beside);
    source->right = read_from(analysis, join->rarg, right, outer, beside, right_region);
    struct joined columns = join_columns(analysis, join, join->usingClause, left, right, on);
    read_on(analysis, join, left, right, outer, on);
    hide_sides(analysis, scope, left, !join->alias);
    hide_sides(analysis, scope, right, !join->alias);
    struct item *item = new_item(analysis, join->alias, columns.columns, columns.count, columns.opaque);
    item->by_name = join->alias;
    scope_add(analysis, scope, item);
    if (join->join_using_alias)
        read_opaque(analysis, NULL, join->join_using_alias, scope);
    if (join->isNatural && columns.opaque)
        item->column_count = 0; /* which columns are merged is not known */
    return source;
}

static struct source *read_other(struct analysis *analysis, Node *node, const Alias *alias, const char *name,
                                 struct scope *scope, struct scope *lateral, int region)
{
    enum clause clause = analysis->clause;
    analysis->clause = CLAUSE_FROM;
    read_expression(analysis, node, lateral, region);
    analysis->clause = clause;
    return read_opaque(analysis, name, alias, scope);
}

/* A function without alias is known by its name. */
static const char *function_item_name(const RangeFunction *function)
{
    Node *first = function->functions ? linitial(linitial_node(List, function->functions)) : NULL;
    return first && IsA(first, FuncCall) ? parse_name(castNode(FuncCall, first)->funcname) : NULL;
}

/* AS (name type, …) of a function that gives rows. */
static void add_defined(struct analysis *analysis, struct item *item, const List *definitions)
{
    ListCell *cell;
    foreach (cell, definitions) {
        const ColumnDef *column = lfirst_node(ColumnDef, cell);
        TypeCast cast = {.type = T_TypeCast, .typeName = column->typeName};
        const struct text_order *order;
        const struct query none = {0};
        uint32_t type = analysis_infer(analysis, &none, (Node *) &cast, &order);
        item->columns[item->column_count++] = (struct output){.name = column->colname, .slot = typed_slot(analysis, type)};
    }
}

static bool add_value(struct analysis *analysis, struct item *item, const char *name, Node *call, struct scope *lateral)
{
    const struct query query = {.scope = lateral};
    const struct text_order *order;
    uint32_t type = analysis_infer(analysis, &query, call, &order);
    item->columns[item->column_count++] = (struct output){.name = name, .slot = typed_slot(analysis, type)};
    return type_is_scalar(type);
}

/* The columns that the functions give; false: of one it is not known which. */
static bool add_function_columns(struct analysis *analysis, const RangeFunction *function, struct item *item, struct scope *lateral)
{
    bool single = list_length(function->functions) == 1;
    ListCell *cell;
    foreach (cell, function->functions) {
        Node *call = linitial(lfirst_node(List, cell));
        const List *definitions = single && function->coldeflist ? function->coldeflist : lsecond(lfirst_node(List, cell));
        const char *name = IsA(call, FuncCall) ? parse_name(castNode(FuncCall, call)->funcname) : NULL;
        if (definitions)
            add_defined(analysis, item, definitions);
        else if (!name || !add_value(analysis, item, single ? item->name : name, call, lateral))
            return false;
    }
    if (function->ordinality)
        item->columns[item->column_count++] = (struct output){.name = "ordinality", .slot = typed_slot(analysis, TYPE_int8)};
    return true;
}

static int most_columns(const RangeFunction *function)
{
    int count = 1 + list_length(function->functions) + list_length(function->coldeflist);
    ListCell *cell;
    foreach (cell, function->functions)
        count += list_length(lsecond(lfirst_node(List, cell)));
    return count;
}

/* A function that gives values offers one column: named by the alias's list, the alias, or the function. */
static struct source *read_function(struct analysis *analysis, const RangeFunction *function, struct scope *scope,
                                    struct scope *lateral, int region)
{
    struct source *source = read_other(analysis, (Node *) function->functions, function->alias, function_item_name(function),
                                       scope, lateral, region);
    struct item *item = scope->items[scope->count - 1];
    item->columns = arena_alloc_array(analysis->arena, (size_t) most_columns(function), sizeof *item->columns);
    if (!item->name || !add_function_columns(analysis, function, item, lateral)) {
        item->column_count = 0;
        return source;
    }
    const List *names = function->alias ? function->alias->colnames : NIL;
    for (int i = 0; i < item->column_count && i < list_length(names); i++)
        item->columns[i].name = strVal(list_nth(names, i));
    item->opaque = false;
    return source;
}

static struct source *read_from(struct analysis *analysis, Node *node, struct scope *scope,
                                struct scope *outer, struct scope *lateral, int region)
{
    switch (nodeTag(node)) {
    case T_RangeVar:
        return read_range(analysis, castNode(RangeVar, node), scope, outer, region);
    case T_JoinExpr:
        return read_join(analysis, castNode(JoinExpr, node), scope, outer, lateral, region);
    case T_RangeSubselect: {
        RangeSubselect *sub = castNode(RangeSubselect, node);
        struct source *source = read_subquery(analysis, castNode(SelectStmt, sub->subquery), sub->alias, scope,
                                              sub->lateral ? lateral : outer, region);
        scope->items[scope->count - 1]->replaced = parse_list_has(analysis->put_items, node);
        return source;
    }
    case T_RangeFunction:
        return read_function(analysis, castNode(RangeFunction, node), scope, lateral, region);
    case T_RangeTableSample: {
        RangeTableSample *sample = castNode(RangeTableSample, node);
        analysis->sampled = true;
        read_expression(analysis, (Node *) sample->args, lateral, region);
        return read_from(analysis, sample->relation, scope, outer, lateral, region);
    }
    default: /* XMLTABLE */
        return read_other(analysis, node, castNode(RangeTableFunc, node)->alias, "xmltable", scope, lateral,
                          region);
    }
}

void read_from_list(struct analysis *analysis, struct query *query, List *from, struct scope *outer)
{
    ListCell *cell;
    query->from = arena_alloc_array(analysis->arena, (size_t) list_length(from) + 1, sizeof *query->from);
    foreach (cell, from) {
        struct scope *lateral = lateral_scope(analysis, query->scope, outer);
        lateral->ctes = query->scope->ctes;
        struct scope *around = scope_new(analysis, outer);
        around->ctes = query->scope->ctes;
        lfirst(cell) = put_query_for_item(analysis, whole_table(analysis, lfirst(cell), around), lateral);
        query->from[query->from_count++] =
            read_from(analysis, lfirst(cell), query->scope, around, lateral, query->region);
    }
}
