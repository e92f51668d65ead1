/*
 * SELECT: one shard where that is enough; else concat, merge or combine, if proved.
 *
 * concat   the result is the disjoint union of the shards' results (prove_query) and has no order.
 * merge    the same, and each shard sorts its part by keys that the merge orders exactly as PostgreSQL does: a k-way merge of sorted parts is the
 *          sorted whole.  LIMIT n OFFSET m needs no more than each part's first n + m rows.
 * combine  partial values over rows that are such a union (prove_rows): those of all rows (select_combine.c), or of groups (select_groups.c).
 */
#include <string.h>

#include "router/gather_early.h"
#include "router/gather_travel.h"
#include "router/rewrite.h"
#include "router/selecting.h"
#include "router/sql_types.h"

bool selecting_give_up(struct selecting *selecting, const char *hint, const char *detail)
{
    if (!selecting->proof.detail)
        selecting->proof = (struct proof){detail, hint};
    return false;
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
        return selecting_give_up(selecting, "Give LIMIT and OFFSET as numbers or parameters.",
                       "LIMIT or OFFSET is an expression.");
    return true;
}

bool selecting_read_limits(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    const SelectStmt *select = selecting->select;
    if (select->limitCount && (int) select->limitOption == PARSED_LIMIT_WITH_TIES)
        return selecting_give_up(selecting, "Use LIMIT without WITH TIES.",
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
    return plan->shard_text || selecting_give_up(selecting, "Write ORDER BY and LIMIT in a simpler form.",
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
            return selecting_give_up(selecting, "Pass the value as a parameter.",
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
        return selecting_give_up(selecting, "Write ORDER BY and LIMIT in a simpler form.", "The statement for the shards cannot be written.");
    const struct locking_steps steps = {texts.look, texts.before, texts.behind, skips_locked(selecting->select)};
    plan->locking = arena_memdup(&plan->arena, &steps, sizeof steps);
    plan_pin_all(plan);
    return true;
}

static bool check_binary(struct selecting *selecting)
{
    return !selecting->analysis.planning->alike_in_binary ||
           gather_is_alike_in_binary(&selecting->analysis, selecting->query, selecting->select) ||
           selecting_give_up(selecting, "Select columns of PostgreSQL's own types.", "In binary format the rows may have OIDs of one server inside.");
}

static enum plan_kind prove_merge(struct selecting *selecting)
{
    struct anchor anchor;
    if (!prove_query(&selecting->analysis, selecting->query, &anchor, &selecting->proof) ||
        !selecting_read_limits(selecting) || !selecting_read_order(selecting) || !check_binary(selecting) || !rewrite(selecting) ||
        !write_locking(selecting))
        return PLAN_REFUSE;
    return selecting->plan->sort_key_count ? PLAN_MERGE : PLAN_CONCAT;
}

/* ---- the whole ---- */

/* What was prepared for another way of answering does not hold for this one. */
static void forget(struct selecting *selecting)
{
    struct plan *plan = selecting->plan;
    plan->shard_text = NULL;
    plan->sort_keys = NULL;
    plan->sort_key_count = plan->hidden = plan->combine_count = plan->ranking_count = 0;
    plan->combine = NULL;
    plan->ranking = NULL;
    plan->locking = NULL;
    plan->has_limit = plan->has_offset = false;
    selecting->hidden = NIL;
}

/* Groups that cross shards.  Where they cannot be merged either, what was said first is the reason. */
static enum plan_kind try_groups(struct selecting *selecting)
{
    const struct proof first = selecting->proof;
    forget(selecting);
    selecting->proof = (struct proof){0};
    enum plan_kind kind = select_groups(selecting);
    if (kind == PLAN_REFUSE)
        selecting->proof = first;
    return kind;
}

static enum plan_kind choose(struct selecting *selecting)
{
    const SelectStmt *select = selecting->select;
    if (!prove_environment(&selecting->analysis, &selecting->proof))
        return PLAN_REFUSE;
    if (!selecting->query->set_operation && selecting->query->aggregates && !select->groupClause)
        return select_combine(selecting);
    enum plan_kind kind = prove_merge(selecting);
    return kind == PLAN_REFUSE ? try_groups(selecting) : kind;
}

static void analyze(struct selecting *selecting)
{
    const struct planning *planning = selecting->analysis.planning;
    struct arena *arena = selecting->analysis.arena;
    analysis_init(&selecting->analysis, planning, selecting->plan, arena, (Node *) selecting->select);
    selecting->analysis.puts_queries = true;
    selecting->query = analyze_select(&selecting->analysis, selecting->select);
}

/* Groups of tables that are joined to others move, if the shards can make them; else all is as it was. */
static bool gather_with_groups(struct selecting *selecting)
{
    const struct proof first = selecting->proof;
    const bool checks_sums = selecting->plan->checks_sums;
    SelectStmt *written = (SelectStmt *) copyObjectImpl(selecting->select);
    List *early = gather_group_early(&selecting->analysis);
    if (!early)
        return false;
    analyze(selecting);
    if (!plan_is_refused(selecting->plan) &&
        plan_gather(selecting->plan, &selecting->analysis, selecting->select, early, &selecting->proof))
        return true;
    selecting->proof = first;
    selecting->plan->checks_sums = checks_sums;
    *selecting->select = *written;
    analyze(selecting);
    return false;
}

/* The shards themselves are tried first; where they cannot answer, their rows are gathered. */
static enum plan_kind choose_or_gather(struct selecting *selecting)
{
    enum plan_kind kind = choose(selecting);
    bool steps = selecting->analysis.planning->facts->gathers;
    if (kind != PLAN_REFUSE && !selecting->analysis.home && !steps)
        return kind;
    selecting->unproved = selecting->analysis.home ? "What it reads is partly on the home shard only."
                          : kind != PLAN_REFUSE    ? "One server must give all of them."
                                                   : selecting->proof.detail;
    forget(selecting);
    bool gathers = gather_with_groups(selecting) ||
                   plan_gather(selecting->plan, &selecting->analysis, selecting->select, NIL, &selecting->proof);
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
    if (kind == PLAN_GATHER)
        return reason_to_gather(selecting);
    const char *groups = selecting->query->set_operation ? ", equal ones meet in their order" : ", groups meet in the order of their keys";
    bool merges_groups = kind == PLAN_COMBINE && selecting->plan->sort_key_count > 0;
    return prove_reason(&selecting->analysis, selecting->query, plan_kind_name(kind), merges_groups ? groups : NULL);
}

void plan_select(struct plan *plan, const struct planning *planning, struct arena *arena, SelectStmt *select)
{
    struct selecting selecting = {.plan = plan, .select = select, .analysis = {.planning = planning, .arena = arena}};
    analyze(&selecting);
    plan->writes |= selecting.analysis.modifying;
    if (plan_is_refused(plan))
        return;
    enum plan_kind kind = scans_have_sharded(&selecting.analysis, 0, selecting.analysis.scan_count) ? choose_or_gather(&selecting) : PLAN_SINGLE;
    plan_conclude(plan, &selecting.analysis, kind, reason_for(&selecting, kind), &selecting.proof);
}
