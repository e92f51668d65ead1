/*
 * UPDATE, DELETE and MERGE, and what all writes share.
 *
 * Sharded target: the rows to change are FROM's combinations, as in a SELECT; if these are a disjoint union
 * over the shards (prove_rows), each shard changes its own.  Reference target: every shard does the same to
 * its copy, so all that the statement depends on must be the same everywhere.  Unsharded target: the home
 * shard.
 */
#include <string.h>

#include "router/plan_inside.h"
#include "router/sql_types.h"
#include "router/trigger_text.h"
#include "router/update_key.h"

static bool reads_configured(const struct planning *planning, struct plan *plan, struct arena *arena,
                             const struct resolved_relation *view)
{
    struct error error = {0};
    struct analysis analysis;
    List *parsed = view->relation->definition ? parse_more(view->relation->definition, &error) : NIL;
    error_clear(&error);
    if (list_length(parsed) != 1 || !IsA(linitial_node(RawStmt, parsed)->stmt, SelectStmt))
        return true;
    SelectStmt *select = castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt);
    analysis_init(&analysis, planning, plan, arena, (Node *) select);
    analysis.view_depth = 1;
    analyze_select(&analysis, select);
    for (int i = 0; i < analysis.scan_count; i++)
        if (analysis.scans[i].relation.table)
            return true;
    return false;
}

/* A view over home tables is written on the home shard. */
bool plan_check_view(struct plan *plan, const struct planning *planning, struct arena *arena,
                     const struct resolved_relation *target)
{
    if (target->place == PLACE_VIEW && reads_configured(planning, plan, arena, target))
        plan_refuse(plan, NULL, "Write to the table itself.",
                    "View \"%s\" is based on a table that is spread over the shards.", target->name);
    return plan_is_refused(plan);
}

bool plan_check_home(struct plan *plan, const struct planning *planning, const struct resolved_relation *target)
{
    const struct database_settings *settings = planning->routing->settings;
    const char *text = target->table || !target->relation ? NULL : target->relation->trigger_text;
    for (size_t i = 0; text && i < settings->table_count; i++)
        if (trigger_text_names(text, settings->tables[i].name, settings->tables[i].reference))
            plan_refuse(plan, NULL, "Write to that table in a statement of the application.",
                        "A trigger of \"%s\" would find, and leave, rows of \"%s\" on the home shard only.", target->name, settings->tables[i].name);
    return plan_is_refused(plan);
}

bool plan_check_target(struct plan *plan, const struct resolved_relation *target, bool changes_rows)
{
    if (target->table && !target->relation)
        plan_refuse(plan, NULL, "Create the table through Keyway, or on every shard, and RELOAD.",
                    "Table \"%s\" is configured but does not exist on the home shard.", target->name);
    if (!target->table || !target->relation)
        return plan_is_refused(plan);
    if (target->relation->has_triggers && !target->table->settings->local_triggers)
        plan_refuse(plan, NULL,
                    "If its triggers touch nothing but rows of the same shard, say `triggers = local` in the "
                    "table's section of keyway.ini.",
                    "Table \"%s\" has triggers, which may touch rows of other shards.", target->name);
    if (changes_rows && target->relation->referring_triggers && !target->table->settings->local_triggers)
        plan_refuse(plan, NULL,
                    "If those triggers touch nothing but rows of the same shard, say `triggers = local` in the section of this table, too.",
                    "Tables that refer to \"%s\" by foreign keys have triggers, which may touch rows of other shards.", target->name);
    if (target->relation->has_rules)
        plan_refuse(plan, NULL, "Drop the rules, or use triggers and `triggers = local`.",
                    "Table \"%s\" has rules, which may touch rows of other shards.", target->name);
    return plan_is_refused(plan);
}

static bool has_time_column(const struct catalog_relation *relation)
{
    for (int i = 0; i < relation->column_count; i++)
        if (type_is_time(relation->columns[i].type))
            return true;
    return false;
}

void plan_forbid_clock_words(struct plan *plan, const struct resolved_relation *target)
{
    if (target->relation)
        plan->inside->no_clock_words |= has_time_column(target->relation);
}

static bool refuse_copy(struct plan *plan, const char *what)
{
    plan_refuse(plan, "this statement cannot change a reference table", "Give the values themselves.",
                "%s may be different on each shard, but the copies of a reference table must stay the same.",
                what);
    return false;
}

static bool is_same_everywhere(struct plan *plan, const struct analysis *analysis)
{
    for (int i = 0; i < analysis->scan_count; i++)
        if (analysis->scans[i].relation.place != PLACE_REFERENCE)
            return refuse_copy(
                plan, arena_printf(&plan->arena, "Relation \"%s\"", analysis->scans[i].relation.name));
    for (int i = 0; i < analysis->sighting_count; i++)
        return refuse_copy(plan, arena_printf(&plan->arena, "Function %s()", analysis->sightings[i].name));
    if (analysis->home)
        return refuse_copy(plan, analysis->home);
    if (analysis->system_column)
        return refuse_copy(plan, analysis->system_column);
    if (analysis->order_sensitive)
        return refuse_copy(plan, analysis->order_sensitive);
    if (analysis->limited_inside || analysis->sampled || analysis->recursive || analysis->modifying)
        return refuse_copy(plan, "A subquery with LIMIT, TABLESAMPLE, RECURSIVE or a change of data");
    return true;
}

void plan_reference_write(struct plan *plan, struct analysis *analysis,
                          const struct resolved_relation *target)
{
    if (plan_is_refused(plan) || !is_same_everywhere(plan, analysis))
        return;
    if (target->table->problem) {
        plan_refuse(plan, NULL, "Make the table the same on all shards, and RELOAD.", "The %s.",
                    target->table->problem);
        return;
    }
    plan_forbid_clock_words(plan, target);
    plan_on_all(plan, analysis->planning, PLAN_BROADCAST,
                "broadcast: each shard has a copy of the reference table");
}

/* ---- UPDATE, DELETE ---- */

struct change {
    RangeVar *target;
    List *others, *set, *returning;
    Node *where;
    WithClause *with;
};

static bool sets_default(const List *set)
{
    ListCell *cell;
    foreach (cell, set)
        if (IsA(lfirst_node(ResTarget, cell)->val, SetToDefault))
            return true;
    return false;
}

/* SET column = DEFAULT may mean a sequence's next number or the time. */
static bool sets_default_of(const struct change *change, const struct resolved_relation *target,
                            enum column_default standard)
{
    if (!sets_default(change->set))
        return false;
    for (int i = 0; i < target->relation->column_count; i++)
        if (target->relation->columns[i].standard == standard)
            return true;
    return false;
}

static void plan_sharded_change(struct plan *plan, struct analysis *analysis, const struct query *query,
                                const struct change *change, const struct resolved_relation *target)
{
    struct anchor anchor;
    struct proof proof = {0};
    enum key_change key = set_names_key(target->table, change->set) ? update_key(analysis, query, change->target, change->set) : KEY_STAYS;
    if (key == KEY_UNCLEAR) {
        plan_refuse(plan, NULL, "Delete the row and insert it anew.",
                    "SET changes a key column of \"%s\", which says on which shard a row lives.",
                    target->name);
        return;
    }
    if (sets_default_of(change, target, DEFAULT_SEQUENCE)) {
        plan_refuse(plan, NULL, "Give the value itself.",
                    "A default of \"%s\" is from a sequence of each shard.", target->name);
        return;
    }
    plan_forbid_clock_words(plan, target);
    if (key == KEY_KNOWN)
        proof = (struct proof){arena_printf(&plan->arena, "SET changes the key of \"%s\", and not all rows are known to be on the shard of the new one.",
                                            target->name),
                               "Give the old key in WHERE; if the new one is another shard's, delete the row and insert it anew."};
    bool proved = key == KEY_STAYS && prove_environment(analysis, &proof) && prove_rows(analysis, query, &anchor, &proof);
    if (sets_default_of(change, target, DEFAULT_EXPRESSION)) {
        proved = false;
        proof =
            (struct proof){"SET gives a column its default, an expression that each shard would evaluate.",
                           "Give the value itself."};
    }
    plan_conclude(plan, analysis, proved ? PLAN_CONCAT : PLAN_REFUSE,
                  proved ? prove_reason(analysis, query, "concat", NULL) : proof.detail, &proof);
}

static void plan_reference_change(struct plan *plan, struct analysis *analysis, const struct change *change,
                                  const struct resolved_relation *target)
{
    if (change->set && change->others)
        refuse_copy(plan, "Which of several matching rows UPDATE … FROM takes");
    if (sets_default_of(change, target, DEFAULT_SEQUENCE) ||
        sets_default_of(change, target, DEFAULT_EXPRESSION))
        refuse_copy(plan, "A default");
    plan_reference_write(plan, analysis, target);
}

/* On the home shard, with whatever it reads. */
static void plan_home_change(struct plan *plan, struct analysis *analysis)
{
    struct proof proof = {"The changed table is on the home shard, what it reads is on others, too.",
                          "Read first, then write in a statement of its own."};
    plan_conclude(plan, analysis, PLAN_REFUSE, proof.detail, &proof);
}

static void plan_change(struct plan *plan, const struct planning *planning, struct arena *arena,
                        Node *statement, const struct change *change)
{
    struct analysis analysis;
    analysis_init(&analysis, planning, plan, arena, statement);
    struct query *query =
        analyze_change(&analysis, change->target, change->others, change->where, change->with);
    analyze_clause(&analysis, query, (Node *) change->set, CLAUSE_SET);
    analyze_clause(&analysis, query, (Node *) change->returning, CLAUSE_OUTPUT);
    struct resolved_relation target = resolve_relation(planning, change->target);
    if (plan_is_refused(plan) || plan_check_view(plan, planning, arena, &target) ||
        plan_check_target(plan, &target, true) || plan_check_home(plan, planning, &target))
        return;
    if (target.place == PLACE_SHARDED) {
        plan_sharded_change(plan, &analysis, query, change, &target);
    } else if (target.place == PLACE_REFERENCE) {
        if (!plan_check_functions(plan, &analysis))
            plan_reference_change(plan, &analysis, change, &target);
    } else {
        analysis.home = target.name;
        plan_home_change(plan, &analysis);
    }
}

void plan_update(struct plan *plan, const struct planning *planning, struct arena *arena, UpdateStmt *update)
{
    const struct change change = {update->relation,      update->fromClause,  update->targetList,
                                  update->returningList, update->whereClause, update->withClause};
    plan_change(plan, planning, arena, (Node *) update, &change);
}

void plan_delete(struct plan *plan, const struct planning *planning, struct arena *arena, DeleteStmt *delete)
{
    const struct change change = {delete->relation,      delete->usingClause, NIL,
                                  delete->returningList, delete->whereClause, delete->withClause};
    plan_change(plan, planning, arena, (Node *) delete, &change);
}

/* MERGE both finds rows and makes new ones.  Where the target is no sharded table, all of it must be at home. */
void plan_merge(struct plan *plan, const struct planning *planning, struct arena *arena, MergeStmt *merge)
{
    struct analysis analysis;
    ListCell *cell;
    struct resolved_relation target = resolve_relation(planning, merge->relation);
    if (target.place == PLACE_SHARDED && target.relation) {
        plan_sharded_merge(plan, planning, arena, merge, &target);
        return;
    }
    analysis_init(&analysis, planning, plan, arena, (Node *) merge);
    struct query *query = analyze_change(&analysis, merge->relation, list_make1(merge->sourceRelation),
                                         merge->joinCondition, merge->withClause);
    foreach (cell, merge->mergeWhenClauses) {
        const MergeWhenClause *clause = lfirst_node(MergeWhenClause, cell);
        analyze_clause(&analysis, query, clause->condition, CLAUSE_FILTER);
        analyze_clause(&analysis, query, (Node *) clause->targetList, CLAUSE_SET);
        analyze_clause(&analysis, query, (Node *) clause->values, CLAUSE_SET);
    }
    for (int i = 0; i < analysis.scan_count; i++)
        if (analysis.scans[i].relation.table)
            plan_refuse(plan, NULL, "Use INSERT … ON CONFLICT, or UPDATE and INSERT.",
                        "MERGE names \"%s\", which is spread over the shards.",
                        analysis.scans[i].relation.name);
    if (plan_is_refused(plan) || plan_check_view(plan, planning, arena, &target) || plan_check_home(plan, planning, &target))
        return;
    analysis.home = target.name;
    plan_home_change(plan, &analysis);
}
