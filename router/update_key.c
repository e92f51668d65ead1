#include "router/update_key.h"

#include <string.h>

#include "router/sql_types.h"

/* What the item gives its column; NULL: it is not to be seen, as in (a, b) = (SELECT …). */
static Node *value_of(const ResTarget *target)
{
    if (target->indirection)
        return NULL;
    if (!IsA(target->val, MultiAssignRef))
        return target->val;
    const MultiAssignRef *one = castNode(MultiAssignRef, target->val);
    const RowExpr *row = (const RowExpr *) one->source;
    return IsA(row, RowExpr) && one->colno <= list_length(row->args) ? list_nth(row->args, one->colno - 1) : NULL;
}

static const ResTarget *find_item(const List *set, const char *column)
{
    ListCell *cell;
    foreach (cell, set)
        if (!strcmp(lfirst_node(ResTarget, cell)->name, column))
            return lfirst_node(ResTarget, cell);
    return NULL;
}

/*
 * Proof: of two columns of one type (or of text and varchar, which are equal if they are the same) that are equal in every row that is changed,
 * one can stand for the other.  Of different types it could not: 9007199254740993 = 9007199254740992::float8.
 */
static bool are_alike(const struct slot *left, const struct slot *right)
{
    return left->type == right->type || (type_is_text(left->type) && type_is_text(right->type));
}

static bool is_unchanged(struct analysis *analysis, const struct query *query, Node *value, int key)
{
    int slot = value && IsA(value, ColumnRef) ? analysis_slot(analysis, query, value) : NO_SLOT;
    return slot >= 0 && (slot == key || (are_alike(&analysis->slots[slot], &analysis->slots[key]) && analysis_equal(analysis, query->region, slot, key)));
}

static const struct value *known_value(const struct condition *condition, int key)
{
    for (int i = 0; i < condition->facts.count; i++) {
        const struct fact *fact = condition->facts.facts[i];
        if (fact->kind == FACT_VALUES && fact->value_count == 1 && fact->slot == key)
            return &fact->values[0];
    }
    return NULL;
}

/*
 * Proof: a row that is to have NULL in this column is not stored, whatever else it has (ExecConstraints(), behind BEFORE triggers, of which there are
 * none).  So either the statement fails, with PostgreSQL's own error of the shard that has such a row, or it finds no row, and then changes none.
 */
static bool takes_no_null(const struct resolved_relation *target, int column)
{
    const struct catalog_relation *relation = target->relation;
    return relation->columns[column].not_null && !relation->has_triggers && !relation->has_children && !target->table->problem;
}

/* DEFAULT of a column that has none, and is of no domain, which may have one. */
static bool is_no_default(const Node *given, const struct catalog_column *column)
{
    return IsA(given, SetToDefault) && column->standard == DEFAULT_NONE && column->base == column->type;
}

static bool is_refused_null(struct analysis *analysis, const struct scan *scan, int k, Node *given)
{
    int place = scan->relation.table->key_columns[k];
    const struct catalog_column *column = &scan->relation.relation->columns[place];
    struct value value;
    if (!given || !takes_no_null(&scan->relation, place))
        return false;
    return is_no_default(given, column) ||
           (!IsA(given, SetToDefault) && analysis_value(analysis, given, column->type, &value) && value.kind == VALUE_CONSTANT && !value.text);
}

/* The new value of key column k, as an assignment reads it; an old one is what WHERE says of it. */
static bool read_value(struct analysis *analysis, const struct scan *scan, int k, Node *given, const struct condition *condition, struct value *value)
{
    const struct catalog_column *column = &scan->relation.relation->columns[scan->relation.table->key_columns[k]];
    if (given)
        return !IsA(given, SetToDefault) && analysis_value(analysis, given, column->type, value);
    const struct value *known = known_value(condition, k);
    if (known)
        *value = *known;
    return known;
}

static const struct scan *find_scan(const struct analysis *analysis, const RangeVar *target)
{
    const struct scan *scan = analysis->scans;
    while (scan->range != target)
        scan++;
    return scan;
}

static bool takes_no_null_key(const struct scan *scan)
{
    for (size_t k = 0; k < scan->relation.table->settings->key_count; k++)
        if (!takes_no_null(&scan->relation, scan->relation.table->key_columns[k]))
            return false;
    return true;
}

enum key_change update_key(struct analysis *analysis, const struct query *query, const RangeVar *target, const List *set)
{
    const struct scan *scan = find_scan(analysis, target);
    const struct table_settings *settings = scan->relation.table->settings;
    const struct condition *condition = analysis_condition(analysis, (int) (scan - analysis->scans));
    struct insert_rows *row = insert_rows_new(&analysis->plan->arena, &scan->relation, 1);
    row->from_query = true;
    row->fails_with_null = takes_no_null_key(scan);
    bool known = true, changed = false;
    for (size_t k = 0; k < settings->key_count; k++) {
        const ResTarget *item = find_item(set, settings->key[k]);
        bool stays = !item || is_unchanged(analysis, query, value_of(item), scan_key_slot(scan, (int) k));
        Node *given = stays ? NULL : value_of(item);
        if (is_refused_null(analysis, scan, (int) k, given))
            return KEY_STAYS;
        changed |= !stays;
        known &= (stays || given) && read_value(analysis, scan, (int) k, given, condition, &row->values[k]);
    }
    if (!changed)
        return KEY_STAYS;
    if (!known)
        return KEY_UNCLEAR;
    analysis->plan->inside->insert = row;
    return KEY_KNOWN;
}
