/*
 * The proof follows the query from the outside in.
 *
 * Rows: FROM's combinations.  Each contains one row of the anchor, which lives on one shard.  A sharded scan
 * that is tied to the anchor (equal keys in every combination that matters) adds only rows of the same shard;
 * reference tables and functions add the same everywhere.  So each combination is found on exactly one shard.
 * A scan in a sublink or under the nullable side of a join is covered by the same argument: its rows with
 * other keys do not matter.
 *
 * Clauses: a group, a DISTINCT or a window frame stays on one shard if the key is among the columns that
 * define it.
 *
 * The anchor must be preserved: of `reference LEFT JOIN sharded` each shard would give the reference rows.  A full join
 * preserves both sides; its rows may lack either key, so that no clause can go by one.
 */
#include "router/prove.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool disprove(struct analysis *analysis, struct proof *proof, const char *hint, const char *detail,
                     ...) __attribute__((format(printf, 4, 5)));

/* The first reason stays. */
static bool disprove(struct analysis *analysis, struct proof *proof, const char *hint, const char *detail,
                     ...)
{
    va_list arguments;
    if (proof->detail)
        return false;
    va_start(arguments, detail);
    proof->detail = arena_vprintf(&analysis->plan->arena, detail, arguments);
    va_end(arguments);
    proof->hint = hint;
    return false;
}

static void anchor_at_scan(struct analysis *analysis, int number, struct anchor *anchor)
{
    const struct scan *scan = &analysis->scans[number];
    *anchor = (struct anchor){
        .keyspace = scan->relation.table->keyspace, .first_scan = number, .end_scan = number + 1};
    for (int k = 0; k < keyspace_columns(anchor->keyspace); k++) {
        anchor->slots[k] = scan_key_slot(scan, k);
        anchor->positions[k] = -1;
    }
}

/* Seen from outside, a subquery's key is the slot of the column that shows it. */
static bool anchor_at_query(struct analysis *analysis, const struct source *source, struct anchor *anchor,
                            struct proof *proof)
{
    if (!prove_query(analysis, source->query, anchor, proof))
        return false;
    for (int k = 0; !source->merged && k < keyspace_columns(anchor->keyspace); k++) {
        int position = anchor->positions[k];
        anchor->slots[k] =
            position >= 0 && position < source->output_count ? source->outputs[position].slot : NO_SLOT;
    }
    return true;
}

static bool is_tied(struct analysis *analysis, const struct scan *scan, const struct anchor *anchor)
{
    const struct keyspace *keyspace = scan->relation.table->keyspace;
    if (!keyspace_same(keyspace, anchor->keyspace))
        return false;
    for (int k = 0; k < keyspace_columns(keyspace); k++)
        if (!analysis_equal(analysis, scan->region, scan_key_slot(scan, k), anchor->slots[k]))
            return false;
    return true;
}

bool scans_are_tied(struct analysis *analysis, const struct scan *scan, const struct scan *other)
{
    struct anchor anchor;
    anchor_at_scan(analysis, (int) (scan - analysis->scans), &anchor);
    return is_tied(analysis, other, &anchor);
}

static bool all_tied(struct analysis *analysis, int first, int end, const struct anchor *anchor, struct proof *proof)
{
    for (int i = first; i < end; i++) {
        const struct scan *scan = &analysis->scans[i];
        if (!scan_is_sharded(scan) || (i >= anchor->first_scan && i < anchor->end_scan) ||
            is_tied(analysis, scan, anchor))
            continue;
        return disprove(analysis, proof, "Join the sharded tables on their keys, or give one key's value.",
                        "Table \"%s\" is not tied to the other sharded tables by equality of their keys.",
                        scan->relation.name);
    }
    return true;
}

struct scan_range {
    int first, end;
};

static struct scan_range range_of(const struct source *source)
{
    switch (source->kind) {
    case SOURCE_SCAN:
        return (struct scan_range){source->scan, source->scan + 1};
    case SOURCE_QUERY:
        return (struct scan_range){source->query->first_scan, source->query->end_scan};
    case SOURCE_OTHER:
        return (struct scan_range){INT_MAX, 0};
    case SOURCE_JOIN:
        break;
    }
    struct scan_range left = range_of(source->left), right = range_of(source->right);
    return (struct scan_range){left.first < right.first ? left.first : right.first, left.end > right.end ? left.end : right.end};
}

static bool find_anchor(struct analysis *analysis, const struct source *source, struct anchor *anchor,
                        struct proof *proof);

/*
 * Both sides' rows are there, each on its shard; a pair that matches has equal keys and so is on one shard, and whether a row has a
 * match is known there.
 */
static bool anchor_at_full_join(struct analysis *analysis, const struct source *join, struct anchor *anchor,
                                struct proof *proof)
{
    struct scan_range left = range_of(join->left), right = range_of(join->right);
    struct anchor other;
    if (!find_anchor(analysis, join->left, anchor, proof) || !find_anchor(analysis, join->right, &other, proof) ||
        !all_tied(analysis, left.first, right.first, anchor, proof) ||
        !all_tied(analysis, right.first, right.end, &other, proof))
        return false;
    bool same = keyspace_same(anchor->keyspace, other.keyspace);
    for (int k = 0; same && k < keyspace_columns(anchor->keyspace); k++)
        same = analysis_equal(analysis, join->on_region, anchor->slots[k], other.slots[k]);
    if (!same)
        return disprove(analysis, proof, "Join the tables on their keys.", "A FULL JOIN is not on the keys of its tables.");
    anchor->first_scan = left.first;
    anchor->end_scan = right.end;
    anchor->nullable = true;
    return true;
}

/* Only sources whose rows are never replaced by NULLs, or a full join of two such. */
static bool find_anchor(struct analysis *analysis, const struct source *source, struct anchor *anchor,
                        struct proof *proof)
{
    switch (source->kind) {
    case SOURCE_SCAN:
        if (!scan_is_sharded(&analysis->scans[source->scan]))
            return false;
        anchor_at_scan(analysis, source->scan, anchor);
        return true;
    case SOURCE_QUERY:
        return scans_have_sharded(analysis, source->query->first_scan, source->query->end_scan) &&
               anchor_at_query(analysis, source, anchor, proof);
    case SOURCE_OTHER:
        return false;
    case SOURCE_JOIN:
        break;
    }
    if (source->join == JOIN_FULL)
        return anchor_at_full_join(analysis, source, anchor, proof);
    bool left = source->join == JOIN_INNER || source->join == JOIN_LEFT;
    bool right = source->join == JOIN_INNER || source->join == JOIN_RIGHT;
    return (left && find_anchor(analysis, source->left, anchor, proof)) ||
           (right && find_anchor(analysis, source->right, anchor, proof));
}

static bool prove_until(struct analysis *analysis, const struct query *query, int end, struct anchor *anchor,
                        struct proof *proof)
{
    struct proof inner = {0};
    bool found = false;
    for (int i = 0; i < query->from_count && !found; i++)
        found = find_anchor(analysis, query->from[i], anchor, &inner);
    if (!found && inner.detail)
        return disprove(analysis, proof, inner.hint, "%s", inner.detail);
    if (!found)
        return disprove(analysis, proof, "Give the key's value, or let a sharded table drive the query.",
                        "No sharded table drives the query: each shard would give the same rows again.");
    return all_tied(analysis, query->first_scan, end, anchor, proof);
}

bool prove_rows(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                struct proof *proof)
{
    return prove_until(analysis, query, query->end_scan, anchor, proof);
}

bool prove_block(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                 struct proof *proof)
{
    return prove_until(analysis, query, query->rows_end_scan, anchor, proof);
}

/* ---- clauses ---- */

static bool is_key(struct analysis *analysis, const struct query *query, int slot, int key)
{
    return analysis_equal(analysis, query->region, slot, key);
}

int prove_item_slot(struct analysis *analysis, const struct query *query, Node *item)
{
    int slot = analysis_slot(analysis, query, item);
    if (slot >= 0)
        return slot;
    if (IsA(item, A_Const) && IsA(&castNode(A_Const, item)->val, Integer)) {
        int number = intVal(&castNode(A_Const, item)->val);
        plan_pin_location(analysis->plan, analysis->planning, castNode(A_Const, item)->location);
        return query->outputs_known && number > 0 && number <= query->output_count
                   ? query->outputs[number - 1].slot
                   : NO_SLOT;
    }
    if (!IsA(item, ColumnRef) || list_length(castNode(ColumnRef, item)->fields) != 1)
        return NO_SLOT;
    for (int i = 0; i < query->output_count; i++)
        if (query->outputs[i].name &&
            !strcmp(query->outputs[i].name, strVal(linitial(castNode(ColumnRef, item)->fields))))
            return query->outputs[i].slot;
    return NO_SLOT;
}

/* DISTINCT ON means an output before a column of that name, as ORDER BY does (findTargetlistEntrySQL92()). */
static bool distinct_on_has_key(struct analysis *analysis, const struct query *query, const List *items, int key)
{
    ListCell *cell;
    foreach (cell, items) {
        const ColumnRef *reference = IsA(lfirst(cell), ColumnRef) ? lfirst_node(ColumnRef, cell) : NULL;
        bool bare = reference && list_length(reference->fields) == 1 && IsA(linitial(reference->fields), String);
        int slot = bare && !query->outputs_known ? NO_SLOT : prove_item_slot(analysis, query, lfirst(cell));
        for (int i = 0; bare && i < query->output_count; i++)
            if (query->outputs[i].name && !strcmp(query->outputs[i].name, strVal(linitial(reference->fields)))) {
                slot = query->outputs[i].slot;
                break;
            }
        if (is_key(analysis, query, slot, key))
            return true;
    }
    return false;
}

static bool list_has_key(struct analysis *analysis, const struct query *query, const List *items, int key)
{
    ListCell *cell;
    bool found = false;
    foreach (cell, items)
        found |= is_key(analysis, query, prove_item_slot(analysis, query, lfirst(cell)), key);
    return found;
}

static bool outputs_have_key(struct analysis *analysis, const struct query *query, int key)
{
    for (int i = 0; i < query->output_count; i++)
        if (is_key(analysis, query, query->outputs[i].slot, key))
            return true;
    return false;
}

static bool clauses_keep_key(struct analysis *analysis, const struct query *query, int key,
                             struct proof *proof)
{
    const SelectStmt *select = query->select;
    const char *hint = "Add the key column there, or give the key's value in WHERE.";
    if (select->groupClause && !list_has_key(analysis, query, select->groupClause, key))
        return disprove(analysis, proof, hint, "GROUP BY does not contain the key: groups cross shards.");
    if (select_has_distinct_on(select) && !distinct_on_has_key(analysis, query, select->distinctClause, key))
        return disprove(analysis, proof, hint, "DISTINCT ON does not contain the key: groups cross shards.");
    if (select->distinctClause && !select_has_distinct_on(select) && !outputs_have_key(analysis, query, key))
        return disprove(analysis, proof, hint, "DISTINCT without the key compares rows of different shards.");
    if (query->windows && !query_partitions_by(analysis, query, key))
        return disprove(analysis, proof, hint,
                        "A window function without PARTITION BY the key looks at rows of different shards.");
    return true;
}

static bool prove_clauses(struct analysis *analysis, const struct query *query, const struct anchor *anchor,
                          struct proof *proof)
{
    const SelectStmt *select = query->select;
    if (query->aggregates && !select->groupClause)
        return disprove(analysis, proof, "Ask for the rows, or give the key's value in WHERE.",
                        "An aggregate without GROUP BY the key needs rows of different shards.");
    if (anchor->nullable && (select->groupClause || select->distinctClause || query->windows))
        return disprove(analysis, proof, "Group by the keys of a join that is not FULL.",
                        "A FULL JOIN leaves the key NULL where there is no match: such groups cross shards.");
    if (select_has_grouping_sets(select))
        return disprove(analysis, proof, "Use a plain GROUP BY that contains the key.",
                        "GROUPING SETS, CUBE and ROLLUP make groups that cross shards.");
    for (int k = 0; k < keyspace_columns(anchor->keyspace); k++)
        if (!clauses_keep_key(analysis, query, anchor->slots[k], proof))
            return false;
    return true;
}

/* ---- queries ---- */

static void find_positions(struct analysis *analysis, const struct query *query, struct anchor *anchor)
{
    for (int k = 0; k < keyspace_columns(anchor->keyspace); k++) {
        anchor->positions[k] = -1;
        bool known = query->outputs_known && !anchor->nullable;
        for (int i = 0; known && i < query->output_count && anchor->positions[k] < 0; i++)
            if (is_key(analysis, query, query->outputs[i].slot, anchor->slots[k]))
                anchor->positions[k] = i;
    }
}

static bool prove_leaf(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                       struct proof *proof)
{
    if (query->select->valuesLists)
        return disprove(analysis, proof, "Run VALUES as a statement of its own.",
                        "VALUES would give its rows once for each shard.");
    if (!prove_rows(analysis, query, anchor, proof) || !prove_clauses(analysis, query, anchor, proof))
        return false;
    find_positions(analysis, query, anchor);
    anchor->first_scan = query->first_scan;
    anchor->end_scan = query->end_scan;
    return true;
}

static bool same_positions(const struct anchor *left, const struct anchor *right)
{
    if (!keyspace_same(left->keyspace, right->keyspace))
        return false;
    for (int k = 0; k < keyspace_columns(left->keyspace); k++)
        if (left->positions[k] < 0 || left->positions[k] != right->positions[k])
            return false;
    return true;
}

/*
 * UNION ALL puts rows side by side: whatever each arm's shards give belongs to the result.  The other set
 * operations compare rows; they stay on a shard when both arms show the key in the same column, because equal
 * rows then have equal keys.
 */
static bool prove_set(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                      struct proof *proof)
{
    struct anchor right;
    if (!prove_query(analysis, query->left, anchor, proof) ||
        !prove_query(analysis, query->right, &right, proof))
        return false;
    bool keyed = same_positions(anchor, &right);
    if (!keyed && !(query->select->op == SETOP_UNION && query->select->all))
        return disprove(analysis, proof, "Select the key column in both arms, in the same place.",
                        "UNION, INTERSECT and EXCEPT without the key compare rows of different shards.");
    for (int k = 0; k < keyspace_columns(anchor->keyspace); k++) {
        anchor->slots[k] = NO_SLOT;
        if (!keyed)
            anchor->positions[k] = -1;
    }
    anchor->first_scan = query->first_scan;
    anchor->end_scan = query->end_scan;
    return true;
}

bool prove_query(struct analysis *analysis, const struct query *query, struct anchor *anchor,
                 struct proof *proof)
{
    return query->set_operation ? prove_set(analysis, query, anchor, proof)
                                : prove_leaf(analysis, query, anchor, proof);
}

/* ---- environment ---- */

static bool prove_sighting(struct analysis *analysis, const struct sighting *sighting, struct proof *proof)
{
    switch (sighting->class) {
    case FUNCTION_SAFE:
    case FUNCTION_HOME: /* counted as a use of the home shard */
    case FUNCTION_LOCK:
        return true;
    case FUNCTION_CLOCK:
        return sighting->clause == CLAUSE_FILTER ||
               disprove(analysis, proof, "Pass the time as a parameter.",
                        "%s() differs from shard to shard: each has its own clock.", sighting->name);
    case FUNCTION_VOLATILE:
        return (sighting->depth == 0 &&
                (sighting->clause == CLAUSE_OUTPUT || sighting->clause == CLAUSE_FILTER)) ||
               disprove(analysis, proof, "Pass the value as a parameter.",
                        "%s() gives another result on each shard.", sighting->name);
    case FUNCTION_SETTING:
    case FUNCTION_UNKNOWN:
    case FUNCTION_READER:
        break;
    }
    return disprove(analysis, proof, "Give the key's value, so that one shard runs the statement.",
                    "It is not known what function %s() depends on.", sighting->name);
}

static bool prove_tables(struct analysis *analysis, struct proof *proof)
{
    for (int i = 0; i < analysis->scan_count; i++) {
        const struct routed_table *table = analysis->scans[i].relation.table;
        if (table && table->problem)
            return disprove(analysis, proof, "Make the table the same on all shards, and RELOAD.", "The %s.",
                            table->problem);
    }
    return true;
}

static bool reads_sharded(const struct analysis *analysis, const struct query *query)
{
    for (int i = query->first_scan; i < query->end_scan; i++)
        if (scan_is_sharded(&analysis->scans[i]))
            return true;
    return false;
}

/* What LIMIT lets through in the statement's subqueries would be something else on a shard. */
static const char *what_is_limited(const struct analysis *analysis)
{
    const char *what = "LIMIT in a subquery may choose other rows on each shard.";
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if (query->depth == 0 || !query->select || !(query->select->limitCount || query->select->limitOffset) || !reads_sharded(analysis, query))
            continue;
        if (!query->correlated)
            return "LIMIT in a subquery counts rows of all shards together.";
        what = "LIMIT in a subquery may count rows of several shards.";
    }
    return what;
}

bool prove_environment(struct analysis *analysis, struct proof *proof)
{
    const char *hint = "Give the key's value, so that one shard runs the statement.";
    for (int i = 0; i < analysis->sighting_count; i++)
        if (!prove_sighting(analysis, &analysis->sightings[i], proof))
            return false;
    if (analysis->system_column)
        return disprove(analysis, proof, "Use the primary key instead.",
                        "System column %s says where a row is stored on one shard.",
                        analysis->storage_column ? analysis->storage_column : analysis->system_column);
    if (analysis->outer_aggregate)
        return disprove(analysis, proof, "Write the aggregate in the query whose rows it counts.",
                        "The aggregate %s() in a subquery takes rows of the query around it.", analysis->outer_aggregate);
    if (analysis->recursive)
        return disprove(analysis, proof, hint, "WITH RECURSIVE (%s) may follow rows from shard to shard.",
                        analysis->recursive);
    if (analysis->modifying)
        return disprove(analysis, proof, "Send the statements one after another.",
                        "WITH contains a statement that changes data.");
    if (analysis->sampled)
        return disprove(analysis, proof, hint, "TABLESAMPLE takes its sample from each shard apart.");
    if (analysis->limited_inside)
        return disprove(analysis, proof, hint, "%s", what_is_limited(analysis));
    if (analysis->locks)
        return disprove(analysis, proof, hint, "A subquery locks rows.");
    if (analysis->local_view)
        return disprove(analysis, proof, "Create the view through Keyway, on every shard.",
                        "View \"%s\" does not exist on every shard.", analysis->local_view);
    return prove_tables(analysis, proof);
}

/* ---- reasons ---- */

/* "users and posts": the tables, each once, that are sharded, or that are not. */
static const char *name_tables(struct analysis *analysis, const struct query *query, bool sharded, int *count)
{
    struct arena *arena = &analysis->plan->arena;
    const char *tables = "";
    *count = 0;
    for (int i = query->first_scan; i < query->end_scan; i++) {
        const struct scan *scan = &analysis->scans[i];
        bool seen = scan_is_sharded(scan) != sharded || !scan->relation.table;
        for (int j = query->first_scan; j < i && !seen; j++)
            seen = analysis->scans[j].relation.table == scan->relation.table;
        if (seen)
            continue;
        tables = arena_printf(arena, "%s%s%s", tables, *count ? " and " : "", scan->relation.name);
        (*count)++;
    }
    return tables;
}

static const char *what_keeps_groups(const struct query *query);

/* … of a subquery in FROM. */
static const char *what_keeps_groups_in(const struct source *source)
{
    if (source->kind == SOURCE_QUERY)
        return source->query->correlated ? "" : what_keeps_groups(source->query);
    if (source->kind != SOURCE_JOIN)
        return "";
    const char *left = what_keeps_groups_in(source->left);
    return *left ? left : what_keeps_groups_in(source->right);
}

static bool counts_distinct(Node *node, void *context)
{
    return node && ((IsA(node, FuncCall) && castNode(FuncCall, node)->agg_distinct) || parse_walk(node, counts_distinct, context));
}

/* Why a group, or what else is made of several rows, has all of them on one shard; empty: there is none. */
static const char *what_keeps_groups(const struct query *query)
{
    const SelectStmt *select = query->select;
    const char *inside = "";
    if (!select || query->set_operation)
        return "";
    if (select->groupClause)
        return ", GROUP BY has the key";
    if (select->distinctClause || (query->aggregates && counts_distinct((Node *) select->targetList, NULL)))
        return ", DISTINCT has the key";
    if (query->windows)
        return ", windows are within one key";
    for (int i = 0; i < query->from_count && !*inside; i++)
        inside = what_keeps_groups_in(query->from[i]);
    return inside;
}

/* Is there a UNION ALL or the like inside, whose arms are tied to nothing? */
static bool has_set_inside(const struct analysis *analysis, const struct query *query)
{
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *other = analysis->queries[i];
        if (other != query && other->set_operation && other->first_scan >= query->first_scan && other->end_scan <= query->end_scan)
            return true;
    }
    return false;
}

const char *prove_reason(struct analysis *analysis, const struct query *query, const char *what, const char *groups)
{
    struct arena *arena = &analysis->plan->arena;
    int count, others;
    const char *tables = name_tables(analysis, query, true, &count), *references = name_tables(analysis, query, false, &others);
    bool tied = count > 1 && !has_set_inside(analysis, query);
    const char *text = arena_printf(arena, tied ? "%s: %s are tied by their keys" : "%s: rows of %s are independent", what, tables);
    if (query->set_operation)
        text = arena_printf(arena, groups ? "%s: UNION has each row of %s once"
                                   : query->select->op == SETOP_UNION && query->select->all ? "%s: UNION ALL puts rows of %s side by side"
                                                                                            : "%s: equal rows of %s have equal keys", what, tables);
    text = arena_printf(arena, "%s%s", text, groups ? groups : what_keeps_groups(query));
    return others ? arena_printf(arena, "%s, %s %s on every shard", text, references, others > 1 ? "are" : "is") : text;
}
