/*
 * SELECT: one shard where that is enough; else concat, merge or combine, if proved.
 *
 * concat   the result is the disjoint union of the shards' results (prove_query) and has no order.
 * merge    the same, and each shard sorts its part by keys that the merge orders exactly as PostgreSQL does:
 * a k-way merge of sorted parts is the sorted whole.  LIMIT n OFFSET m needs no more than each part's first n
 * + m rows. combine  aggregates without GROUP BY over rows that are such a union (prove_rows): count, sum,
 * min, max and the like of the whole are sum, sum, min, max of the parts'.
 */
#include <string.h>

#include "router/gather_travel.h"
#include "router/order_dependence.h"
#include "router/plan_inside.h"
#include "router/rewrite.h"
#include "router/sql_types.h"

struct selecting {
    struct plan *plan;
    struct analysis analysis;
    const struct query *query;
    SelectStmt *select;
    struct proof proof;
    const char *unproved; /* why rows had to be gathered */
    List *hidden; /* expressions to add to the select list */
};

static bool give_up(struct selecting *selecting, const char *hint, const char *detail)
{
    if (!selecting->proof.detail)
        selecting->proof = (struct proof){detail, hint};
    return false;
}

/* ---- ORDER BY ---- */

static int position_by_name(const struct query *query, const char *name)
{
    for (int i = 0; i < query->output_count; i++)
        if (query->outputs[i].name && !strcmp(query->outputs[i].name, name))
            return i;
    return -1;
}

static int position_by_expression(struct selecting *selecting, Node *expression)
{
    const struct query *query = selecting->query;
    int slot = query->set_operation ? NO_SLOT : analysis_slot(&selecting->analysis, query, expression);
    for (int i = 0; i < query->output_count; i++) {
        if (slot >= 0 && IsA(expression, ColumnRef) && query->outputs[i].slot == slot)
            return i;
        if (query->outputs[i].expression && equal(query->outputs[i].expression, expression)) {
            if (!IsA(expression, ColumnRef))
                plan_pin_all(selecting->plan); /* with other literals they might differ */
            return i;
        }
    }
    return -1;
}

/* As findTargetlistEntrySQL92(): a number, an output's name, else an expression over the input. */
static int position_of(struct selecting *selecting, Node *node)
{
    const struct query *query = selecting->query;
    if (IsA(node, A_Const)) {
        const A_Const *constant = castNode(A_Const, node);
        plan_pin_location(selecting->plan, selecting->analysis.planning, constant->location);
        if (constant->isnull || !IsA(&constant->val, Integer))
            return -1;
        int number = intVal(&constant->val);
        return number > 0 && number <= query->output_count ? number - 1 : -1;
    }
    if (IsA(node, ColumnRef) && list_length(castNode(ColumnRef, node)->fields) == 1 &&
        IsA(linitial(castNode(ColumnRef, node)->fields), String)) {
        int position = position_by_name(query, strVal(linitial(castNode(ColumnRef, node)->fields)));
        if (position >= 0)
            return position;
    }
    return position_by_expression(selecting, node);
}

/* The type of an output column; a set operation's is known where both arms have the same. */
static uint32_t output_type(struct selecting *selecting, const struct query *query, int position,
                            const struct text_order **order)
{
    struct analysis *analysis = &selecting->analysis;
    if (query->set_operation) {
        const struct text_order *other;
        uint32_t left = output_type(selecting, query->left, position, order);
        uint32_t right = output_type(selecting, query->right, position, &other);
        if (*order != other)
            *order = NULL;
        return left == right ? left : 0;
    }
    *order = NULL;
    if (!query->outputs_known || position >= query->output_count)
        return 0;
    const struct output *output = &query->outputs[position];
    if (output->slot >= 0)
        *order = analysis->slots[output->slot].order;
    if (output->slot >= 0 && !output->expression)
        return analysis->slots[output->slot].type;
    return output->expression ? analysis_infer(analysis, query, output->expression, order) : 0;
}

static bool can_order(struct selecting *selecting, uint32_t type, const struct text_order *order)
{
    if (!type || !merge_can_order(type, order))
        return give_up(selecting, "Sort by a column of a simple type; for text, by one COLLATE \"C\".",
                       "It is not known how to order by this expression as PostgreSQL does.");
    if (type_is_string(type) && !selecting->analysis.planning->facts->server_encoding)
        return give_up(selecting, "SET client_encoding to the servers' own.",
                       "Text is merged in the servers' encoding only.");
    if (type_is_time(type) && !selecting->analysis.planning->facts->iso_dates)
        return give_up(selecting, "SET datestyle = ISO.", "Dates can be merged in DateStyle ISO only.");
    if ((type == TYPE_float4 || type == TYPE_float8) && selecting->analysis.planning->facts->rounded_floats)
        return give_up(selecting, "SET extra_float_digits = 1.", "Floats can be merged with all of their digits only.");
    if (type == TYPE_bytea && selecting->analysis.planning->facts->escaped_bytes)
        return give_up(selecting, "SET bytea_output = hex.", "Values of bytea can be merged in hex only.");
    return true;
}

static bool add_hidden(struct selecting *selecting, Node *node, struct sort_key *key)
{
    const SelectStmt *select = selecting->select;
    const struct text_order *order;
    if (selecting->query->set_operation || (select->distinctClause && !select_has_distinct_on(select)))
        return give_up(selecting, "Sort by a column of the select list.",
                       "ORDER BY is not by a column of the result.");
    uint32_t type = analysis_infer(&selecting->analysis, selecting->query, node, &order);
    if (!can_order(selecting, type, order))
        return false;
    key->column = selecting->query->output_count + list_length(selecting->hidden);
    key->order = order;
    selecting->hidden = lappend(selecting->hidden, node);
    return true;
}

static bool add_sort_key(struct selecting *selecting, const SortBy *sort, struct sort_key *key)
{
    if (sort->sortby_dir == SORTBY_USING)
        return give_up(selecting, "Sort by ASC or DESC.", "ORDER BY … USING names an operator.");
    key->descending = sort->sortby_dir == SORTBY_DESC;
    key->nulls_first = sort->sortby_nulls == SORTBY_NULLS_FIRST ||
                       (sort->sortby_nulls == SORTBY_NULLS_DEFAULT && key->descending);
    int position = position_of(selecting, sort->node);
    if (position < 0)
        return add_hidden(selecting, sort->node, key);
    const struct text_order *order;
    uint32_t type = output_type(selecting, selecting->query, position, &order);
    key->column = position;
    key->order = order;
    return can_order(selecting, type, order);
}

/* A number that no column has, or a constant that is none: an error on every shard. */
static bool has_wrong_number(struct selecting *selecting, const List *sort)
{
    ListCell *cell;
    bool wrong = false;
    foreach (cell, sort)
        wrong |= IsA(lfirst_node(SortBy, cell)->node, A_Const) &&
                 position_of(selecting, lfirst_node(SortBy, cell)->node) < 0;
    return wrong;
}

/* The output of a query in the order of a subquery that is its k-th sort key, and the key; -1: there is none. */
static int sorted_output(struct selecting *selecting, const struct query *query, int k, const SortBy **sort)
{
    const struct query *outer = selecting->query;
    if (query->select->sortClause) {
        *sort = list_nth_node(SortBy, query->select->sortClause, k);
        selecting->query = query;
        int position = query->outputs_known ? position_of(selecting, (*sort)->node) : -1;
        selecting->query = outer;
        return position;
    }
    const Node *item;
    const struct source *source = order_source(query, &item);
    int column = source && source->kind == SOURCE_QUERY ? sorted_output(selecting, source->query, k, sort) : -1;
    const struct output *inner = column < 0 ? NULL : source->merged ? &source->query->outputs[column] : &source->outputs[column];
    for (int i = 0; inner && inner->slot >= 0 && i < query->output_count; i++)
        if (query->outputs[i].slot == inner->slot && (!query->outputs[i].expression || IsA(query->outputs[i].expression, ColumnRef)))
            return i;
    return -1;
}

static const struct query *sorted_query(const struct query *query)
{
    const Node *item;
    const struct source *source = NULL;
    while (!query->select->sortClause && (source = order_source(query, &item)) && source->kind == SOURCE_QUERY)
        query = source->query;
    return query;
}

/* SELECT … FROM (SELECT … ORDER BY …): PostgreSQL keeps that order, and so does each shard; the merge goes by the same columns. */
static bool read_inherited_order(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const List *sort = sorted_query(selecting->query)->select->sortClause;
    if (!sort)
        return give_up(selecting, "Give the query an ORDER BY of its own.", "Its rows come in the order of subqueries.");
    plan->sort_keys = arena_alloc_array(&plan->arena, (size_t) list_length(sort), sizeof *plan->sort_keys);
    for (int k = 0; k < list_length(sort); k++) {
        const SortBy *by = NULL;
        struct sort_key *key = &plan->sort_keys[plan->sort_key_count++];
        const struct text_order *order;
        key->column = selecting->query->outputs_known ? sorted_output(selecting, selecting->query, k, &by) : -1;
        if (key->column < 0 || by->sortby_dir == SORTBY_USING)
            return give_up(selecting, "Give the query an ORDER BY of its own.", "Its rows come in the order of a subquery.");
        key->descending = by->sortby_dir == SORTBY_DESC;
        key->nulls_first = by->sortby_nulls == SORTBY_NULLS_FIRST || (by->sortby_nulls == SORTBY_NULLS_DEFAULT && key->descending);
        uint32_t type = output_type(selecting, selecting->query, key->column, &order);
        key->order = order;
        if (!can_order(selecting, type, order))
            return false;
    }
    return true;
}

static bool read_order(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const List *sort = selecting->select->sortClause;
    ListCell *cell;
    if (!sort && order_is_kept(selecting->query))
        return read_inherited_order(selecting);
    if (!sort || (selecting->query->outputs_known && has_wrong_number(selecting, sort)))
        return true;
    if (!selecting->query->outputs_known)
        return give_up(selecting, "Name the columns instead of *.",
                       "The columns of the result are not known.");
    plan->sort_keys = arena_alloc_array(&plan->arena, (size_t) list_length(sort), sizeof *plan->sort_keys);
    foreach (cell, sort)
        if (!add_sort_key(selecting, lfirst_node(SortBy, cell), &plan->sort_keys[plan->sort_key_count++]))
            return false;
    plan->hidden = list_length(selecting->hidden);
    return true;
}

/* ---- LIMIT, OFFSET ---- */

/* PostgreSQL rounds it. */
static bool has_fraction(const Node *node)
{
    if (!IsA(node, A_Const) || ((const A_Const *) node)->isnull || !IsA(&((const A_Const *) node)->val, Float))
        return false;
    const char *text = ((const A_Const *) node)->val.fval.fval;
    return strspn(text, "0123456789") != strlen(text);
}

/* A constant or parameter; only then is it the same for every shard and for the merge. */
static bool read_count(struct selecting *selecting, Node *node, struct value *value, bool *present)
{
    *present = node != NULL;
    if (!node)
        return true;
    if (has_fraction(node) || !analysis_value(&selecting->analysis, node, TYPE_int8, value))
        return give_up(selecting, "Give LIMIT and OFFSET as numbers or parameters.",
                       "LIMIT or OFFSET is an expression.");
    return true;
}

static bool read_limits(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const SelectStmt *select = selecting->select;
    if (select->limitCount && (int) select->limitOption == PARSED_LIMIT_WITH_TIES)
        return give_up(selecting, "Use LIMIT without WITH TIES.",
                       "FETCH FIRST … WITH TIES counts equal rows.");
    return read_count(selecting, select->limitCount, &plan->inside->limit, &plan->has_limit) &&
           read_count(selecting, select->limitOffset, &plan->inside->offset, &plan->has_offset);
}

/* Hidden columns and OFFSET need another text for the shards; its literals are then fixed. */
static bool rewrite(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    if (!selecting->hidden && !plan->has_offset)
        return true;
    plan->shard_text = rewrite_select(selecting->select, selecting->hidden, plan->has_offset, &plan->arena);
    plan_pin_all(plan);
    return plan->shard_text || give_up(selecting, "Write ORDER BY and LIMIT in a simpler form.",
                                       "The statement for the shards cannot be written.");
}

/* ---- FOR UPDATE with LIMIT ---- */

static bool skips_locked(const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->lockingClause)
        if (lfirst_node(LockingClause, cell)->waitPolicy == LockWaitSkip)
            return true;
    return false;
}

/* Looked at twice, a row must be the same each time.  What clocks say of it is found out then (proxy/locking). */
static bool gives_the_same_twice(struct selecting *selecting)
{
    for (int i = 0; i < selecting->analysis.sighting_count; i++)
        if (selecting->analysis.sightings[i].class == FUNCTION_VOLATILE)
            return give_up(selecting, "Pass the value as a parameter.",
                           arena_printf(&selecting->plan->arena, "FOR UPDATE with LIMIT looks at rows twice, and %s() gives another result each time.",
                                        selecting->analysis.sightings[i].name));
    return true;
}

/*
 * PostgreSQL locks a row when LIMIT takes it (nodeLockRows.c), also for OFFSET.  The first rows of all are made of some first rows of each
 * shard: once it is known of how many, each shard locks as many.  Without LIMIT all rows are locked, whatever OFFSET skips.
 */
static bool write_locking(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    struct locking_texts texts;
    if (!selecting->select->lockingClause || !plan->has_limit)
        return true;
    if (!gives_the_same_twice(selecting))
        return false;
    if (!rewrite_locking(selecting->select, selecting->hidden, &texts, &plan->arena))
        return give_up(selecting, "Write ORDER BY and LIMIT in a simpler form.", "The statement for the shards cannot be written.");
    const struct locking_steps steps = {texts.look, texts.before, texts.behind, skips_locked(selecting->select)};
    plan->locking = arena_memdup(&plan->arena, &steps, sizeof steps);
    plan_pin_all(plan);
    return true;
}

static bool check_binary(struct selecting *selecting)
{
    return !selecting->analysis.planning->alike_in_binary ||
           gather_is_alike_in_binary(&selecting->analysis, selecting->query, selecting->select) ||
           give_up(selecting, "Select columns of PostgreSQL's own types.", "In binary format the rows may have OIDs of one server inside.");
}

static enum plan_kind prove_merge(struct selecting *selecting)
{
    struct anchor anchor;
    if (!prove_query(&selecting->analysis, selecting->query, &anchor, &selecting->proof) ||
        !read_limits(selecting) || !read_order(selecting) || !check_binary(selecting) || !rewrite(selecting) ||
        !write_locking(selecting))
        return PLAN_REFUSE;
    return selecting->plan->sort_key_count ? PLAN_MERGE : PLAN_CONCAT;
}

/* ---- aggregates ---- */

static bool is_key_of(struct selecting *selecting, const struct anchor *anchor, Node *expression)
{
    int slot = analysis_slot(&selecting->analysis, selecting->query, expression);
    for (int k = 0; k < keyspace_columns(anchor->keyspace); k++)
        if (analysis_equal(&selecting->analysis, selecting->query->region, slot, anchor->slots[k]) &&
            keyspace_columns(anchor->keyspace) == 1)
            return true;
    return false;
}

struct aggregate {
    const char *name;
    enum combine_how how;
};

static const struct aggregate *find_aggregate(const FuncCall *call)
{
    static const struct aggregate aggregates[] = {
        {"count", COMBINE_SUM},       {"sum", COMBINE_SUM},           {"min", COMBINE_MIN},
        {"max", COMBINE_MAX},         {"bool_and", COMBINE_BOOL_AND}, {"every", COMBINE_BOOL_AND},
        {"bool_or", COMBINE_BOOL_OR},
    };
    const char *qualifier = parse_qualifier(call->funcname);
    if (qualifier && strcmp(qualifier, "pg_catalog"))
        return NULL;
    for (size_t i = 0; i < sizeof aggregates / sizeof *aggregates; i++)
        if (!strcmp(aggregates[i].name, parse_name(call->funcname)))
            return &aggregates[i];
    return NULL;
}

/* Only sums of integers and orders that are exactly PostgreSQL's. */
static bool argument_combines(struct selecting *selecting, const struct aggregate *aggregate,
                              const FuncCall *call, struct combine_column *column)
{
    const struct text_order *order = NULL;
    Node *argument = list_length(call->args) == 1 ? linitial(call->args) : NULL;
    bool extreme = aggregate->how == COMBINE_MIN || aggregate->how == COMBINE_MAX;
    uint32_t type =
        analysis_infer(&selecting->analysis, selecting->query, extreme ? (Node *) call : argument, &order);
    column->order = order;
    switch (aggregate->how) {
    case COMBINE_SUM:
        return !strcmp(aggregate->name, "count") || type_is_integer(type);
    case COMBINE_MIN:
    case COMBINE_MAX:
        return argument && can_order(selecting, type, order);
    case COMBINE_BOOL_AND:
    case COMBINE_BOOL_OR:
    case COMBINE_SAME:
        break;
    }
    return argument;
}

/* count(DISTINCT key): a value of the key is on one shard only.  min and max do not care; anything else does.
 */
static bool distinct_combines(struct selecting *selecting, const struct anchor *anchor, const FuncCall *call)
{
    if (!call->agg_distinct)
        return true;
    return list_length(call->args) == 1 && is_key_of(selecting, anchor, linitial(call->args));
}

static bool combine_call(struct selecting *selecting, const struct anchor *anchor, const FuncCall *call,
                         struct combine_column *column)
{
    const struct aggregate *aggregate = find_aggregate(call);
    const char *hint = "Select count, sum of integers, min and max only, each alone in its column.";
    struct function_facts facts = function_facts(selecting->analysis.planning, call);
    if (!aggregate || call->over || call->agg_order || call->agg_within_group || call->func_variadic ||
        !facts.aggregate || facts.shadowed)
        return give_up(selecting, hint, arena_printf(&selecting->plan->arena, "%s() is not what Keyway itself combines.",
                                                     parse_name(call->funcname)));
    if (!distinct_combines(selecting, anchor, call))
        return give_up(selecting, hint, "DISTINCT inside an aggregate compares rows of different shards.");
    column->how = aggregate->how;
    return argument_combines(selecting, aggregate, call, column) ||
           give_up(selecting, hint, arena_printf(&selecting->plan->arena,
                                                 "Keyway itself does not combine %s() of this type.", aggregate->name));
}

static bool combine_target(struct selecting *selecting, const struct anchor *anchor, const ResTarget *target,
                           struct combine_column *column)
{
    if (IsA(target->val, A_Const)) {
        column->how = COMBINE_SAME;
        return true;
    }
    if (IsA(target->val, FuncCall))
        return combine_call(selecting, anchor, castNode(FuncCall, target->val), column);
    return give_up(selecting, "Select the aggregates alone and compute with them in the application.",
                   "Keyway itself does not compute with aggregates.");
}

static enum plan_kind prove_combine(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const SelectStmt *select = selecting->select;
    struct anchor anchor;
    ListCell *cell;
    if (!prove_rows(&selecting->analysis, selecting->query, &anchor, &selecting->proof))
        return PLAN_REFUSE;
    if (select->havingClause || select->sortClause || select->limitCount || select->limitOffset ||
        select->distinctClause || selecting->query->windows || select->lockingClause) {
        give_up(selecting, "Select the aggregates alone.",
                "HAVING, ORDER BY, LIMIT, DISTINCT or a window beside an aggregate is not combined.");
        return PLAN_REFUSE;
    }
    plan->combine =
        arena_alloc_array(&plan->arena, (size_t) list_length(select->targetList), sizeof *plan->combine);
    foreach (cell, select->targetList)
        if (!combine_target(selecting, &anchor, lfirst_node(ResTarget, cell),
                            &plan->combine[plan->combine_count++]))
            return PLAN_REFUSE;
    return PLAN_COMBINE;
}

/* ---- the whole ---- */

static enum plan_kind choose(struct selecting *selecting)
{
    const SelectStmt *select = selecting->select;
    bool combine = !selecting->query->set_operation && selecting->query->aggregates && !select->groupClause;
    if (!prove_environment(&selecting->analysis, &selecting->proof))
        return PLAN_REFUSE;
    return combine ? prove_combine(selecting) : prove_merge(selecting);
}

static bool has_sharded(const struct analysis *analysis)
{
    for (int i = 0; i < analysis->scan_count; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            return true;
    return false;
}

/* What was prepared for another way of answering does not hold for this one. */
static void forget(struct plan *plan)
{
    plan->shard_text = NULL;
    plan->sort_keys = NULL;
    plan->sort_key_count = plan->hidden = plan->combine_count = 0;
    plan->combine = NULL;
    plan->locking = NULL;
    plan->has_limit = plan->has_offset = false;
}

/* The shards themselves are tried first; where they cannot answer, their rows are gathered. */
static enum plan_kind choose_or_gather(struct selecting *selecting)
{
    enum plan_kind kind = choose(selecting);
    bool steps = selecting->analysis.planning->facts->gathers;
    if (kind != PLAN_REFUSE && !selecting->analysis.home && !steps)
        return kind;
    selecting->unproved = selecting->analysis.home ? "what it reads is partly on the home shard only"
                          : kind != PLAN_REFUSE    ? "one server must give all of them"
                                                   : selecting->proof.detail;
    forget(selecting->plan);
    bool gathers = plan_gather(selecting->plan, &selecting->analysis, selecting->select, &selecting->proof);
    return gathers ? PLAN_GATHER : PLAN_REFUSE;
}

/* Over what the home shard answers, and why no shard does so alone. */
static const char *reason_to_gather(const struct selecting *selecting)
{
    static const char *const whats[] = {[GATHER_ROWS] = "rows of",
                                        [GATHER_FOUND] = "rows found in",
                                        [GATHER_GROUPS] = "partial groups of",
                                        [GATHER_RESULT] = "results of a subquery on"};
    const struct plan *plan = selecting->plan;
    struct arena *arena = &selecting->plan->arena;
    const char *text = "";
    bool groups = true;
    for (int i = 0; i < plan->gather_count; i++) {
        const struct gather_part *part = &plan->gather[i];
        groups &= part->what == GATHER_GROUPS;
        text = arena_printf(arena, "%s%s%s %s", text, i ? ", " : "", whats[part->what], part->table);
    }
    return arena_printf(arena, groups ? "combine: the home shard adds up %s (%s)" : "gather: the home shard answers over %s (%s)",
                        text, selecting->unproved);
}

static const char *reason_for(struct selecting *selecting, enum plan_kind kind)
{
    if (kind == PLAN_REFUSE)
        return selecting->proof.detail;
    if (kind != PLAN_GATHER)
        return prove_reason(&selecting->analysis, selecting->query, plan_kind_name(kind));
    return reason_to_gather(selecting);
}

void plan_select(struct plan *plan, const struct planning *planning, struct arena *arena, SelectStmt *select)
{
    struct selecting selecting = {.plan = plan, .select = select};
    analysis_init(&selecting.analysis, planning, plan, arena, (Node *) select);
    selecting.analysis.puts_queries = true;
    selecting.query = analyze_select(&selecting.analysis, select);
    plan->writes |= selecting.analysis.modifying;
    if (plan_is_refused(plan))
        return;
    enum plan_kind kind = has_sharded(&selecting.analysis) ? choose_or_gather(&selecting) : PLAN_SINGLE;
    plan_conclude(plan, &selecting.analysis, kind, reason_for(&selecting, kind), &selecting.proof);
}
