/*
 * GROUP BY, or SELECT DISTINCT, whose groups cross shards, answered by a merge of groups.
 *
 * Each row is on one shard (prove_rows), so a group of the whole is made of no more than one group of each shard, with the same keys; its counts, sums,
 * minima and the like are made of theirs (select_combine.c).  Each shard sorts its groups by all of the keys, in an order that the merge knows
 * exactly, so that equal groups meet there; keys are equal for the merge where they are for PostgreSQL.  ORDER BY may say in which order the keys sort,
 * as far as it is by keys.  LIMIT n OFFSET m needs no more than the first n + m groups of each shard: a group that is among the first of all has
 * fewer before it on its shard.
 *
 * ORDER BY of aggregates needs all groups, of which a small LIMIT keeps the first ones: a ranking.
 *
 * Every column of the result is a key, an aggregate, or a constant.  What PostgreSQL itself would have to compute of whole groups (HAVING,
 * expressions of aggregates) is gathered, and so are rankings without a LIMIT.
 *
 * UNION is DISTINCT of what its arms give, all together: a row is in the result if an arm gives it on any shard.  So each arm's result may be
 * that of the shards together (prove_query), or the same on each of them.
 */
#include <string.h>

#include "router/analyze_inside.h"
#include "router/rewrite.h"
#include "router/selecting.h"

struct grouping {
    struct selecting *selecting;
    struct sort_key *keys; /* in the order of GROUP BY; the column of one that is not selected is behind those that are */
    int count, room;
    bool *sorted; /* ORDER BY has it */
    bool *is_key; /* by output */
    List *order;  /* for the shards */
    const struct anchor *anchor;
};

enum { MOST_RANKED = 10000 }; /* more rows are not held here */

static bool give_up(struct grouping *grouping, const char *detail)
{
    return selecting_give_up(grouping->selecting, "Add the key column there, or give the key's value in WHERE.", detail);
}

static bool is_bare_name(const Node *node)
{
    return IsA(node, ColumnRef) && list_length(((const ColumnRef *) node)->fields) == 1 &&
           IsA(linitial(((const ColumnRef *) node)->fields), String);
}

/*
 * The output that an item of GROUP BY means: its number, or else a column's name before an output's (findTargetlistEntrySQL92()); -1: it is an expression
 * that is not selected.  False: it is not known what it means.
 */
static bool find_output(struct grouping *grouping, Node *item, int *position)
{
    struct selecting *selecting = grouping->selecting;
    int level = 0;
    if (IsA(item, A_Const)) {
        *position = selecting_position(selecting, item);
        return *position >= 0;
    }
    if (is_bare_name(item) && scope_resolve(selecting->query->scope, castNode(ColumnRef, item), &level) == NO_SLOT) {
        *position = selecting_position_of_name(selecting->query, strVal(linitial(castNode(ColumnRef, item)->fields)));
        return *position < 0 || level < 0;
    }
    *position = selecting_position_of_expression(selecting, item);
    return true;
}

static bool add_key(struct grouping *grouping, int column, uint32_t type, const struct text_order *order)
{
    if (!selecting_can_order(grouping->selecting, type, order))
        return false;
    for (int k = 0; k < grouping->count; k++)
        if (grouping->keys[k].column == column)
            return true;
    if (grouping->count == grouping->room)
        return give_up(grouping, "GROUP BY has too many items.");
    grouping->keys[grouping->count++] = (struct sort_key){.column = column, .order = order};
    return true;
}

static bool add_output(struct grouping *grouping, int position)
{
    const struct text_order *order;
    uint32_t type = selecting_output_type(grouping->selecting, grouping->selecting->query, position, &order);
    return add_key(grouping, position, type, order);
}

static bool add_hidden(struct grouping *grouping, Node *item)
{
    struct selecting *selecting = grouping->selecting;
    const struct text_order *order;
    uint32_t type = analysis_infer(&selecting->analysis, selecting->query, item, &order);
    selecting->hidden = lappend(selecting->hidden, item);
    return add_key(grouping, selecting->query->output_count + list_length(selecting->hidden) - 1, type, order);
}

static bool add_item(struct grouping *grouping, Node *item)
{
    ListCell *cell;
    int position;
    if (IsA(item, RowExpr) && castNode(RowExpr, item)->row_format == COERCE_IMPLICIT_CAST) {
        foreach (cell, castNode(RowExpr, item)->args)
            if (!add_item(grouping, lfirst(cell)))
                return false;
        return true;
    }
    if (!find_output(grouping, item, &position))
        return give_up(grouping, "It is not known what an item of GROUP BY means.");
    return position >= 0 ? add_output(grouping, position) : add_hidden(grouping, item);
}

static bool is_constant(const struct query *query, int position)
{
    return !query->set_operation && query->outputs[position].expression && IsA(query->outputs[position].expression, A_Const);
}

/* DISTINCT: the outputs are the keys; a constant tells no rows apart. */
static bool add_outputs(struct grouping *grouping)
{
    const struct query *query = grouping->selecting->query;
    for (int i = 0; i < query->output_count; i++)
        if (!is_constant(query, i) && !add_output(grouping, i))
            return false;
    return true;
}

/* May two outputs be told to be the same expression? */
static bool shows_key(const struct query *query, int position, int key)
{
    const struct output *output = &query->outputs[position], *other = &query->outputs[key];
    return position == key || (output->slot >= 0 && output->slot == other->slot) ||
           (output->expression && other->expression && equal(output->expression, other->expression));
}

static bool combine_output(struct grouping *grouping, int position, struct combine_column *column)
{
    const struct query *query = grouping->selecting->query;
    for (int k = 0; k < grouping->count; k++)
        if (grouping->keys[k].column < query->output_count && shows_key(query, position, grouping->keys[k].column)) {
            column->how = COMBINE_SAME;
            return grouping->is_key[position] = true;
        }
    const List *targets = grouping->selecting->select->targetList;
    if (list_length(targets) != query->output_count)
        return give_up(grouping, "The columns of the result are not known.");
    return selecting_combine_target(grouping->selecting, grouping->anchor, list_nth_node(ResTarget, targets, position), column);
}

static bool combine_outputs(struct grouping *grouping)
{
    struct plan *plan = grouping->selecting->plan;
    int count = grouping->selecting->query->output_count, most = count + grouping->count + list_length(grouping->selecting->select->sortClause);
    plan->combine = arena_alloc_array(&plan->arena, (size_t) most, sizeof *plan->combine);
    plan->combine_count = count;
    for (int i = 0; i < count; i++)
        if (!combine_output(grouping, i, &plan->combine[i]))
            return false;
    return true;
}

/* ---- the order of the groups ---- */

static void sort_by(struct grouping *grouping, const struct sort_key *key)
{
    struct plan *plan = grouping->selecting->plan;
    A_Const *number = makeNode(A_Const);
    number->val.ival = (Integer){.type = T_Integer, .ival = key->column + 1};
    number->location = -1;
    SortBy *sort = makeNode(SortBy);
    sort->node = (Node *) number;
    sort->sortby_dir = key->descending ? SORTBY_DESC : SORTBY_ASC;
    sort->sortby_nulls = key->nulls_first ? SORTBY_NULLS_FIRST : SORTBY_NULLS_LAST;
    sort->location = -1;
    grouping->order = lappend(grouping->order, sort);
    plan->sort_keys[plan->sort_key_count++] = *key;
}

/* Has PostgreSQL nothing against the item?  The shards sort by numbers, and would not say.  ORDER BY of a UNION takes names and numbers only. */
static bool is_accepted(const struct query *query, const Node *node)
{
    int named = 0;
    for (int i = 0; is_bare_name(node) && i < query->output_count; i++)
        named += query->outputs[i].name && !strcmp(query->outputs[i].name, strVal(linitial(((const ColumnRef *) node)->fields)));
    return named <= 1 && (!query->set_operation || named == 1 || IsA(node, A_Const));
}

/* The column of the shards' rows that ORDER BY goes by; -1: it is no key. */
static int sorted_column(struct grouping *grouping, Node *node)
{
    struct selecting *selecting = grouping->selecting;
    ListCell *cell;
    int position = is_accepted(selecting->query, node) ? selecting_position(selecting, node) : -1;
    if (position >= 0)
        return grouping->is_key[position] ? position : -1;
    int slot = analysis_slot(&selecting->analysis, selecting->query, node);
    foreach (cell, selecting->hidden)
        if (equal(lfirst(cell), node) || (slot >= 0 && slot == analysis_slot(&selecting->analysis, selecting->query, lfirst(cell))))
            return selecting->query->output_count + foreach_current_index(cell);
    return -1;
}

static bool sort_as_told(struct grouping *grouping, const SortBy *sort)
{
    struct selecting *selecting = grouping->selecting;
    int column = sort->sortby_dir == SORTBY_USING ? -1 : sorted_column(grouping, sort->node);
    if (column < 0)
        return give_up(grouping, "ORDER BY is by more than what GROUP BY has.");
    struct sort_key key = selecting_direction(sort);
    key.column = column;
    bool named = false;
    for (int k = 0; k < grouping->count; k++)
        if (grouping->keys[k].column == column) {
            grouping->sorted[k] = named = true;
            key.order = grouping->keys[k].order;
        }
    if (!named) { /* it shows one of them once more */
        uint32_t type = selecting_output_type(selecting, selecting->query, column, &key.order);
        if (!selecting_can_order(selecting, type, key.order))
            return false;
    }
    sort_by(grouping, &key);
    return true;
}

static void sort_by_others(struct grouping *grouping)
{
    for (int k = 0; k < grouping->count; k++)
        if (!grouping->sorted[k])
            sort_by(grouping, &grouping->keys[k]);
}

static bool sort_groups(struct grouping *grouping)
{
    ListCell *cell;
    foreach (cell, grouping->selecting->select->sortClause)
        if (!sort_as_told(grouping, lfirst_node(SortBy, cell)))
            return false;
    sort_by_others(grouping);
    return true;
}

/* ---- rankings ---- */

static bool small_constant(const Node *node, int *value)
{
    if (!node || !IsA(node, A_Const) || ((const A_Const *) node)->isnull || !IsA(&((const A_Const *) node)->val, Integer))
        return false;
    *value = intVal(&((const A_Const *) node)->val);
    return *value >= 0 && *value <= MOST_RANKED;
}

static bool has_small_limit(const SelectStmt *select)
{
    int limit, offset = 0;
    return small_constant(select->limitCount, &limit) && (!select->limitOffset || small_constant(select->limitOffset, &offset)) &&
           limit + offset <= MOST_RANKED;
}

/* An aggregate that is sorted by, but not selected. */
static bool rank_by_hidden(struct grouping *grouping, Node *node, struct sort_key *key)
{
    struct selecting *selecting = grouping->selecting;
    struct plan *plan = selecting->plan;
    ResTarget target = {.type = T_ResTarget, .val = node};
    if (!IsA(node, FuncCall) || !selecting_combine_target(selecting, grouping->anchor, &target, &plan->combine[plan->combine_count]))
        return false;
    key->column = plan->combine_count++;
    selecting->hidden = lappend(selecting->hidden, node);
    uint32_t type = analysis_infer(&selecting->analysis, selecting->query, node, &key->order);
    return selecting_can_order(selecting, type, key->order);
}

static bool rank_as_told(struct grouping *grouping, const SortBy *sort, struct sort_key *key)
{
    struct selecting *selecting = grouping->selecting;
    if (sort->sortby_dir == SORTBY_USING || !is_accepted(selecting->query, sort->node))
        return give_up(grouping, "ORDER BY is not by keys or aggregates.");
    *key = selecting_direction(sort);
    key->column = selecting_position(selecting, sort->node);
    if (key->column < 0)
        key->column = sorted_column(grouping, sort->node);
    if (key->column < 0)
        return rank_by_hidden(grouping, sort->node, key);
    for (int k = 0; k < grouping->count; k++)
        if (grouping->keys[k].column == key->column) {
            key->order = grouping->keys[k].order;
            return true;
        }
    uint32_t type = selecting_output_type(selecting, selecting->query, key->column, &key->order);
    return selecting_can_order(selecting, type, key->order);
}

static bool sorts_by_keys(struct grouping *grouping)
{
    ListCell *cell;
    foreach (cell, grouping->selecting->select->sortClause)
        if (lfirst_node(SortBy, cell)->sortby_dir == SORTBY_USING || sorted_column(grouping, lfirst_node(SortBy, cell)->node) < 0)
            return false;
    return true;
}

/* Columns are hidden here, when the groups are known: what the shards add at the end is combined, too. */
static bool rank_groups(struct grouping *grouping)
{
    struct plan *plan = grouping->selecting->plan;
    const List *told = grouping->selecting->select->sortClause;
    ListCell *cell;
    if (!has_small_limit(grouping->selecting->select))
        return give_up(grouping, "ORDER BY is by more than what GROUP BY has.");
    for (int i = 0; i < list_length(grouping->selecting->hidden); i++)
        plan->combine[plan->combine_count++].how = COMBINE_SAME;
    plan->ranking = arena_alloc_array(&plan->arena, (size_t) list_length(told), sizeof *plan->ranking);
    foreach (cell, told)
        if (!rank_as_told(grouping, lfirst_node(SortBy, cell), &plan->ranking[plan->ranking_count++]))
            return false;
    sort_by_others(grouping);
    return true;
}

static bool order_groups(struct grouping *grouping)
{
    struct plan *plan = grouping->selecting->plan;
    size_t most = (size_t) (list_length(grouping->selecting->select->sortClause) + grouping->count);
    plan->sort_keys = arena_alloc_array(&plan->arena, most, sizeof *plan->sort_keys);
    if (!(sorts_by_keys(grouping) ? sort_groups(grouping) : rank_groups(grouping)))
        return false;
    plan->hidden = list_length(grouping->selecting->hidden);
    return true;
}

/* ---- UNION ---- */

/* Does it do for an arm of UNION that each shard gives its part, whatever is given twice? */
static bool prove_arm(struct selecting *selecting, const struct query *query)
{
    struct anchor anchor;
    if (query->set_operation && query->select->op == SETOP_UNION)
        return prove_arm(selecting, query->left) && prove_arm(selecting, query->right);
    return !scans_have_sharded(&selecting->analysis, query->first_scan, query->end_scan) || prove_query(&selecting->analysis, query, &anchor, &selecting->proof);
}

/* Each shard would have its own value of what one arm gives once. */
static bool differs_from_shard_to_shard(const struct analysis *analysis)
{
    for (int i = 0; i < analysis->sighting_count; i++)
        if (analysis->sightings[i].class == FUNCTION_VOLATILE || analysis->sightings[i].class == FUNCTION_CLOCK)
            return true;
    return false;
}

static bool prove_union(struct selecting *selecting)
{
    return !differs_from_shard_to_shard(&selecting->analysis) && prove_arm(selecting, selecting->query);
}

/* ---- the whole ---- */

static bool write_for_shards(struct grouping *grouping)
{
    struct selecting *selecting = grouping->selecting;
    struct plan *plan = selecting->plan;
    SelectStmt sorted = *selecting->select;
    sorted.sortClause = grouping->order;
    if (plan->ranking_count > 0) { /* all groups are needed */
        sorted.limitCount = sorted.limitOffset = NULL;
        sorted.limitOption = (LimitOption) PARSED_LIMIT_DEFAULT;
    }
    plan->shard_text = rewrite_select(&sorted, selecting->hidden, plan->has_offset, &plan->arena);
    plan_pin_all(plan);
    return plan->shard_text || give_up(grouping, "The statement for the shards cannot be written.");
}

static bool groups_alone(const struct selecting *selecting)
{
    const SelectStmt *select = selecting->select;
    const struct query *query = selecting->query;
    bool distinct = select->distinctClause && !select_has_distinct_on(select);
    if (query->set_operation)
        return query->outputs_known && select->op == SETOP_UNION && !select->all && !select->lockingClause;
    return query->outputs_known && !query->windows && !select->havingClause && !select->lockingClause &&
           !select_has_distinct_on(select) && !select_has_grouping_sets(select) &&
           (select->groupClause ? !distinct : distinct && !query->aggregates);
}

static bool read_items(struct grouping *grouping)
{
    ListCell *cell;
    if (!grouping->selecting->select->groupClause)
        return add_outputs(grouping);
    foreach (cell, grouping->selecting->select->groupClause)
        if (!add_item(grouping, lfirst(cell)))
            return false;
    return true;
}

enum plan_kind select_groups(struct selecting *selecting)
{
    enum { ITEMS = 64 };
    struct sort_key keys[ITEMS];
    bool sorted[ITEMS] = {false};
    struct anchor anchor;
    struct grouping grouping = {.selecting = selecting, .keys = keys, .room = ITEMS, .sorted = sorted, .anchor = &anchor};
    if (!groups_alone(selecting))
        return PLAN_REFUSE;
    grouping.is_key = arena_alloc_array(selecting->analysis.arena, (size_t) selecting->query->output_count, sizeof *grouping.is_key);
    bool rows = selecting->query->set_operation ? prove_union(selecting)
                                                : prove_rows(&selecting->analysis, selecting->query, &anchor, &selecting->proof);
    bool proved = rows && read_items(&grouping) && grouping.count > 0 && combine_outputs(&grouping) && order_groups(&grouping) &&
                  selecting_read_limits(selecting) && write_for_shards(&grouping);
    return proved ? PLAN_COMBINE : PLAN_REFUSE;
}
