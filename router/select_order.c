/*
 * The order of a SELECT's rows, as keys for a merge of rows that the shards have sorted by the same: its ORDER BY, or that of the subquery that it
 * shows row by row.
 */
#include <string.h>

#include "router/order_dependence.h"
#include "router/selecting.h"
#include "router/sql_types.h"

int selecting_position_of_name(const struct query *query, const char *name)
{
    for (int i = 0; i < query->output_count; i++)
        if (query->outputs[i].name && !strcmp(query->outputs[i].name, name))
            return i;
    return -1;
}

int selecting_position_of_expression(struct selecting *selecting, Node *expression)
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
int selecting_position(struct selecting *selecting, Node *node)
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
        int position = selecting_position_of_name(query, strVal(linitial(castNode(ColumnRef, node)->fields)));
        if (position >= 0)
            return position;
    }
    return selecting_position_of_expression(selecting, node);
}

/* The type of an output column; a set operation's is known where both arms have the same. */
uint32_t selecting_output_type(struct selecting *selecting, const struct query *query, int position,
                            const struct text_order **order)
{
    struct analysis *analysis = &selecting->analysis;
    if (query->set_operation) {
        const struct text_order *other;
        uint32_t left = selecting_output_type(selecting, query->left, position, order);
        uint32_t right = selecting_output_type(selecting, query->right, position, &other);
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

bool selecting_can_order(struct selecting *selecting, uint32_t type, const struct text_order *order)
{
    if (!type || !merge_can_order(type, order))
        return selecting_give_up(selecting, "Sort by a column of a simple type; for text, by one COLLATE \"C\".",
                       "It is not known how to order by this expression as PostgreSQL does.");
    if (type_is_string(type) && !selecting->analysis.planning->facts->server_encoding)
        return selecting_give_up(selecting, "SET client_encoding to the servers' own.",
                       "Text is merged in the servers' encoding only.");
    if (type_is_time(type) && !selecting->analysis.planning->facts->iso_dates)
        return selecting_give_up(selecting, "SET datestyle = ISO.", "Dates can be merged in DateStyle ISO only.");
    if ((type == TYPE_float4 || type == TYPE_float8) && selecting->analysis.planning->facts->rounded_floats)
        return selecting_give_up(selecting, "SET extra_float_digits = 1.", "Floats can be merged with all of their digits only.");
    if (type == TYPE_bytea && selecting->analysis.planning->facts->escaped_bytes)
        return selecting_give_up(selecting, "SET bytea_output = hex.", "Values of bytea can be merged in hex only.");
    return true;
}

static bool add_hidden(struct selecting *selecting, Node *node, struct sort_key *key)
{
    const SelectStmt *select = selecting->select;
    const struct text_order *order;
    if (selecting->query->set_operation || (select->distinctClause && !select_has_distinct_on(select)))
        return selecting_give_up(selecting, "Sort by a column of the select list.",
                       "ORDER BY is not by a column of the result.");
    uint32_t type = analysis_infer(&selecting->analysis, selecting->query, node, &order);
    if (!selecting_can_order(selecting, type, order))
        return false;
    key->column = selecting->query->output_count + list_length(selecting->hidden);
    key->order = order;
    selecting->hidden = lappend(selecting->hidden, node);
    return true;
}

struct sort_key selecting_direction(const SortBy *sort)
{
    bool descending = sort->sortby_dir == SORTBY_DESC;
    bool nulls_first = sort->sortby_nulls == SORTBY_NULLS_FIRST || (sort->sortby_nulls == SORTBY_NULLS_DEFAULT && descending);
    return (struct sort_key){.descending = descending, .nulls_first = nulls_first};
}

static bool add_sort_key(struct selecting *selecting, const SortBy *sort, struct sort_key *key)
{
    if (sort->sortby_dir == SORTBY_USING)
        return selecting_give_up(selecting, "Sort by ASC or DESC.", "ORDER BY … USING names an operator.");
    *key = selecting_direction(sort);
    int position = selecting_position(selecting, sort->node);
    if (position < 0)
        return add_hidden(selecting, sort->node, key);
    const struct text_order *order;
    uint32_t type = selecting_output_type(selecting, selecting->query, position, &order);
    key->column = position;
    key->order = order;
    return selecting_can_order(selecting, type, order);
}

/* A number that no column has, or a constant that is none: an error on every shard. */
static bool has_wrong_number(struct selecting *selecting, const List *sort)
{
    ListCell *cell;
    bool wrong = false;
    foreach (cell, sort)
        wrong |= IsA(lfirst_node(SortBy, cell)->node, A_Const) &&
                 selecting_position(selecting, lfirst_node(SortBy, cell)->node) < 0;
    return wrong;
}

/* The output of a query in the order of a subquery that is its k-th sort key, and the key; -1: there is none. */
static int sorted_output(struct selecting *selecting, const struct query *query, int k, const SortBy **sort)
{
    const struct query *outer = selecting->query;
    if (query->select->sortClause) {
        *sort = list_nth_node(SortBy, query->select->sortClause, k);
        selecting->query = query;
        int position = query->outputs_known ? selecting_position(selecting, (*sort)->node) : -1;
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
        return selecting_give_up(selecting, "Give the query an ORDER BY of its own.", "Its rows come in the order of subqueries.");
    plan->sort_keys = arena_alloc_array(&plan->arena, (size_t) list_length(sort), sizeof *plan->sort_keys);
    for (int k = 0; k < list_length(sort); k++) {
        const SortBy *by = NULL;
        struct sort_key *key = &plan->sort_keys[plan->sort_key_count++];
        const struct text_order *order;
        int column = selecting->query->outputs_known ? sorted_output(selecting, selecting->query, k, &by) : -1;
        if (column < 0 || by->sortby_dir == SORTBY_USING)
            return selecting_give_up(selecting, "Give the query an ORDER BY of its own.", "Its rows come in the order of a subquery.");
        *key = selecting_direction(by);
        key->column = column;
        uint32_t type = selecting_output_type(selecting, selecting->query, key->column, &order);
        key->order = order;
        if (!selecting_can_order(selecting, type, order))
            return false;
    }
    return true;
}

bool selecting_read_order(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const List *sort = selecting->select->sortClause;
    ListCell *cell;
    if (!sort && order_is_kept(selecting->query))
        return read_inherited_order(selecting);
    if (!sort || (selecting->query->outputs_known && has_wrong_number(selecting, sort)))
        return true;
    if (!selecting->query->outputs_known)
        return selecting_give_up(selecting, "Name the columns instead of *.",
                       "The columns of the result are not known.");
    plan->sort_keys = arena_alloc_array(&plan->arena, (size_t) list_length(sort), sizeof *plan->sort_keys);
    foreach (cell, sort)
        if (!add_sort_key(selecting, lfirst_node(SortBy, cell), &plan->sort_keys[plan->sort_key_count++]))
            return false;
    plan->hidden = list_length(selecting->hidden);
    return true;
}
