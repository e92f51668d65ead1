/*
 * MERGE into a sharded table.
 *
 * The rows that it works on are those of `source LEFT JOIN target ON …`, or of the inner join if nothing is done where there is no match: they are
 * analysed as such.  Proof: if these are a disjoint union over the shards (prove_rows), with the source as what drives them where rows may be
 * without a match, then each source row is on one shard, all rows of the target that match it are there, and so each shard does for its own rows what
 * one PostgreSQL would.  A row that is inserted must stay there: its key is the source's, column by column, and is stored as it is.
 *
 * Else all of it may be known to be on one shard: what the target's rows must satisfy, the source, and the keys of new rows, which are
 * constants then.  A source of one row of constants (VALUES, SELECT without FROM) is what it says: its columns stand for their values.
 */
#include <string.h>

#include "router/analyze_inside.h"
#include "router/plan_inside.h"
#include "router/sql_types.h"
#include "router/update_key.h"

struct merging {
    struct plan *plan;
    MergeStmt *merge;
    struct analysis analysis;
    struct query *query;
    const struct scan *target;
    struct anchor anchor;
    bool proved; /* `anchor` drives it */
};

static bool inserts(const MergeStmt *merge)
{
    ListCell *cell;
    foreach (cell, merge->mergeWhenClauses)
        if (lfirst_node(MergeWhenClause, cell)->commandType == CMD_INSERT)
            return true;
    return false;
}

/* ---- a source of one row of constants ---- */

struct one_row {
    const char *name;
    List *columns; /* of String */
    List *values;
};

static bool is_constant(Node *value)
{
    return IsA(value, A_Const) || IsA(value, ParamRef) || (IsA(value, TypeCast) && is_constant(castNode(TypeCast, value)->arg));
}

static bool read_one_row(Node *source, struct one_row *row)
{
    const RangeSubselect *item = (const RangeSubselect *) source;
    const SelectStmt *select = IsA(source, RangeSubselect) ? castNode(SelectStmt, item->subquery) : NULL;
    ListCell *cell;
    if (!select || !item->alias || select->op != SETOP_NONE || select->fromClause || select->whereClause || select->groupClause ||
        select->havingClause || select->limitCount || select->limitOffset || select->withClause || list_length(select->valuesLists) > 1)
        return false;
    row->name = item->alias->aliasname;
    row->values = select->valuesLists ? linitial(select->valuesLists) : NIL;
    row->columns = list_copy(item->alias->colnames);
    foreach (cell, select->targetList)
        row->values = lappend(row->values, lfirst_node(ResTarget, cell)->val);
    for (int i = list_length(row->columns); i < list_length(select->targetList); i++)
        row->columns = lappend(row->columns, makeString((char *) output_name(list_nth_node(ResTarget, select->targetList, i))));
    return true;
}

static bool put_constant(Node **place, void *context)
{
    const struct one_row *row = context;
    const List *fields = *place && IsA(*place, ColumnRef) ? castNode(ColumnRef, *place)->fields : NIL;
    if (!*place)
        return true;
    if (list_length(fields) != 2 || !IsA(lsecond(fields), String) || strcmp(strVal(linitial(fields)), row->name)) {
        parse_visit(*place, put_constant, context);
        return true;
    }
    for (int i = 0; i < list_length(row->columns) && i < list_length(row->values); i++)
        if (!strcmp(strVal(list_nth(row->columns, i)), strVal(lsecond(fields))) && is_constant(list_nth(row->values, i)))
            *place = list_nth(row->values, i);
    return true;
}

static void put_constants(MergeStmt *merge)
{
    struct one_row row = {0};
    ListCell *cell;
    if (!read_one_row(merge->sourceRelation, &row))
        return;
    put_constant(&merge->joinCondition, &row);
    foreach (cell, merge->mergeWhenClauses)
        parse_visit_list(lfirst_node(MergeWhenClause, cell)->values, put_constant, &row);
}

/* ---- reading ---- */

static void read_rows_of(struct merging *merging)
{
    MergeStmt *merge = merging->merge;
    JoinExpr *join = makeNode(JoinExpr);
    ListCell *cell;
    join->jointype = inserts(merge) ? JOIN_LEFT : JOIN_INNER;
    join->larg = merge->sourceRelation;
    join->rarg = (Node *) merge->relation;
    join->quals = merge->joinCondition;
    merging->query = analyze_rows(&merging->analysis, list_make1(join));
    foreach (cell, merge->mergeWhenClauses) {
        const MergeWhenClause *clause = lfirst_node(MergeWhenClause, cell);
        analyze_clause(&merging->analysis, merging->query, clause->condition, CLAUSE_FILTER);
        analyze_clause(&merging->analysis, merging->query, (Node *) clause->targetList, CLAUSE_SET);
        analyze_clause(&merging->analysis, merging->query, (Node *) clause->values, CLAUSE_SET);
    }
    for (int i = 0; i < merging->analysis.scan_count; i++)
        if (merging->analysis.scans[i].range == merge->relation)
            merging->target = &merging->analysis.scans[i];
}

/* ---- actions ---- */

static bool refuse(struct merging *merging, const char *hint, const char *detail)
{
    plan_refuse(merging->plan, NULL, hint, detail, merging->target->relation.name);
    return false;
}

/* The expression for a column; NULL: it is left to its default. */
static Node *inserted(const struct merging *merging, const MergeWhenClause *clause, int column)
{
    const struct catalog_relation *relation = merging->target->relation.relation;
    int place = clause->targetList ? -1 : column;
    ListCell *cell;
    foreach (cell, clause->targetList)
        if (!strcmp(lfirst_node(ResTarget, cell)->name, relation->columns[column].name))
            place = foreach_current_index(cell);
    Node *value = place >= 0 && place < list_length(clause->values) ? list_nth(clause->values, place) : NULL;
    return value && !IsA(value, SetToDefault) ? value : NULL;
}

static bool leaves_default(const struct merging *merging, const MergeWhenClause *clause, enum column_default kind)
{
    const struct catalog_relation *relation = merging->target->relation.relation;
    for (int i = 0; i < relation->column_count; i++)
        if (relation->columns[i].standard == kind && !inserted(merging, clause, i))
            return true;
    return false;
}

static bool sets_default(Node *node, void *context)
{
    return node && (IsA(node, SetToDefault) || parse_walk(node, sets_default, context));
}

/* Is it the source's key, which has brought its row here? */
static bool is_source_key(struct merging *merging, Node *value, int k)
{
    struct analysis *analysis = &merging->analysis;
    const struct catalog_column *to = &merging->target->relation.relation->columns[merging->target->relation.table->key_columns[k]];
    int slot = value && IsA(value, ColumnRef) ? analysis_slot(analysis, merging->query, value) : NO_SLOT;
    if (slot < 0 || !merging->proved || to->typmod >= 0 || !analysis_equal(analysis, merging->query->region, slot, merging->anchor.slots[k]))
        return false;
    uint32_t from = analysis->slots[slot].type;
    return from == to->base || (type_is_text(from) && type_is_text(to->base));
}

static bool takes_source_key(struct merging *merging, const MergeWhenClause *clause)
{
    const struct routed_table *table = merging->target->relation.table;
    for (size_t k = 0; k < table->settings->key_count; k++)
        if (!is_source_key(merging, inserted(merging, clause, table->key_columns[k]), (int) k))
            return false;
    return true;
}

static bool read_constant_key(struct merging *merging, const MergeWhenClause *clause, struct value *values)
{
    const struct scan *target = merging->target;
    const struct routed_table *table = target->relation.table;
    for (size_t k = 0; k < table->settings->key_count; k++) {
        Node *value = inserted(merging, clause, table->key_columns[k]);
        if (!value || !analysis_value(&merging->analysis, value, target->relation.relation->columns[table->key_columns[k]].type, &values[k]))
            return refuse(merging, "Insert the key of a source that is sharded alike and joined by it, or a constant.",
                          "MERGE inserts rows into \"%s\" whose keys may belong to other shards.");
    }
    return true;
}

/* Rows of constant keys; *fed: all that are inserted stay where their source is. */
static bool read_inserts(struct merging *merging, bool *fed)
{
    size_t keys = merging->target->relation.table->settings->key_count;
    struct insert_rows *rows =
        insert_rows_new(&merging->plan->arena, &merging->target->relation, list_length(merging->merge->mergeWhenClauses));
    ListCell *cell;
    *fed = true;
    rows->from_query = true;
    rows->count = 0;
    foreach (cell, merging->merge->mergeWhenClauses) {
        const MergeWhenClause *clause = lfirst_node(MergeWhenClause, cell);
        if (clause->commandType != CMD_INSERT)
            continue;
        if (clause->override == OVERRIDING_USER_VALUE || leaves_default(merging, clause, DEFAULT_SEQUENCE))
            return refuse(merging, "Give the column a value.", "MERGE leaves a column of \"%s\" to a sequence, and each shard's counts for itself.");
        *fed &= !leaves_default(merging, clause, DEFAULT_EXPRESSION);
        if (takes_source_key(merging, clause))
            continue;
        *fed = false;
        if (!read_constant_key(merging, clause, &rows->values[(size_t) rows->count++ * keys]))
            return false;
    }
    if (rows->count)
        merging->plan->inside->insert = rows;
    return true;
}

static bool check_updates(struct merging *merging)
{
    ListCell *cell;
    foreach (cell, merging->merge->mergeWhenClauses) {
        const MergeWhenClause *clause = lfirst_node(MergeWhenClause, cell);
        if (clause->commandType != CMD_UPDATE)
            continue;
        if (sets_default((Node *) clause->targetList, NULL))
            return refuse(merging, "Give the value itself.", "MERGE gives a column of \"%s\" its default, which each shard would evaluate.");
        if (set_names_key(merging->target->relation.table, clause->targetList) &&
            update_key(&merging->analysis, merging->query, merging->merge->relation, clause->targetList) != KEY_STAYS)
            return refuse(merging, "Delete the row and insert it anew.", "MERGE changes a key column of \"%s\", which says on which shard a row lives.");
    }
    return true;
}

void plan_sharded_merge(struct plan *plan, const struct planning *planning, struct arena *arena, MergeStmt *given,
                        const struct resolved_relation *target)
{
    struct merging merging = {.plan = plan, .merge = (MergeStmt *) copyObjectImpl(given)};
    struct proof proof = {0};
    bool fed = false;
    if (given->withClause) {
        plan_refuse(plan, NULL, "Write the query of WITH in USING.", "MERGE into \"%s\", which is spread over the shards, has a WITH clause.", target->name);
        return;
    }
    put_constants(merging.merge);
    analysis_init(&merging.analysis, planning, plan, arena, (Node *) given);
    read_rows_of(&merging);
    if (plan_is_refused(plan) || plan_check_target(plan, target, true))
        return;
    merging.proved = prove_environment(&merging.analysis, &proof) && prove_rows(&merging.analysis, merging.query, &merging.anchor, &proof) &&
                     keyspace_same(merging.anchor.keyspace, target->table->keyspace);
    if (!read_inserts(&merging, &fed) || !check_updates(&merging))
        return;
    plan_forbid_clock_words(plan, target);
    bool concat = merging.proved && fed;
    if (!proof.detail)
        proof = (struct proof){"MERGE inserts rows that may belong to other shards than what they are made of.",
                               "Insert the key of a source that is sharded alike and joined by it, or give one key's value."};
    plan_conclude(plan, &merging.analysis, concat ? PLAN_CONCAT : PLAN_REFUSE,
                  concat ? prove_reason(&merging.analysis, merging.query, "concat", NULL) : proof.detail, &proof);
}
