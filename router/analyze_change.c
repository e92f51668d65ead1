/*
 * Changes: UPDATE and DELETE as the query of the rows they work on, and statements inside WITH that change
 * data.
 */
#include "router/analyze_inside.h"
#include "router/plan_inside.h"

#include <string.h>

struct query *read_rows(struct analysis *analysis, RangeVar *target, List *others, Node *where,
                        WithClause *with, struct scope *outer)
{
    struct query *query = query_new(analysis, NULL, outer, region_new(analysis, ROOT_REGION));
    analysis->depth++;
    read_with(analysis, with, query->scope);
    struct resolved_relation relation = resolve_relation(analysis->planning, target);
    struct source *source = read_table(analysis, &relation, target, query->scope, query->region);
    analysis->clause = CLAUSE_FROM;
    read_from_list(analysis, query, others, outer);
    query->from[query->from_count++] = source;
    analysis->clause = CLAUSE_FILTER;
    read_condition(analysis, where, query->scope, query->region);
    read_unused_with(analysis, with, query->scope);
    analysis->depth--;
    query->end_scan = analysis->scan_count;
    return query;
}

struct query *analyze_change(struct analysis *analysis, RangeVar *target, List *others, Node *where,
                             WithClause *with)
{
    return read_rows(analysis, target, others, where, with, NULL);
}

struct query *analyze_rows(struct analysis *analysis, List *from)
{
    struct query *query = query_new(analysis, NULL, NULL, region_new(analysis, ROOT_REGION));
    analysis->depth++;
    analysis->clause = CLAUSE_FROM;
    read_from_list(analysis, query, from, NULL);
    analysis->depth--;
    query->rows_end_scan = query->end_scan = analysis->scan_count;
    return query;
}

void analyze_clause(struct analysis *analysis, struct query *query, Node *expressions, enum clause clause)
{
    analysis->depth++;
    read_in_clause(analysis, expressions, query, query->region, clause);
    analysis->depth--;
    query->end_scan = analysis->scan_count;
}

struct query *analyze_insert(struct analysis *analysis, RangeVar *target, WithClause *with)
{
    struct query *query = read_rows(analysis, target, NIL, NULL, with, NULL);
    for (int i = query->first_scan; i < query->end_scan; i++)
        if (analysis->scans[i].region == query->region)
            analysis->scans[i].inserted = true;
    return query;
}

/* It sees the INSERT's WITH, not its table. */
struct query *analyze_source(struct analysis *analysis, struct query *insert, SelectStmt *select)
{
    struct scope *scope = scope_new(analysis, NULL);
    scope->ctes = insert->scope->ctes;
    struct query *source = read_select(analysis, select, scope, ROOT_REGION, false);
    insert->end_scan = analysis->scan_count;
    return source;
}

bool set_names_key(const struct routed_table *table, const List *set)
{
    ListCell *cell;
    foreach (cell, set)
        for (size_t i = 0; i < table->settings->key_count; i++)
            if (!strcmp(lfirst_node(ResTarget, cell)->name, table->settings->key[i]))
                return true;
    return false;
}

/* An INSERT, UPDATE or DELETE inside WITH.  Its table must be on the shard where all the rest is. */
static void read_insert(struct analysis *analysis, InsertStmt *insert, struct scope *outer)
{
    struct resolved_relation relation = resolve_relation(analysis->planning, insert->relation);
    if (relation.table)
        analysis_give_up(analysis, "Send the INSERT as a statement of its own.",
                         "WITH inserts into table \"%s\", which is spread over the shards.", relation.name);
    analysis->unreadable |= plan_check_home(analysis->plan, analysis->planning, &relation);
    struct query *query = query_new(analysis, NULL, outer, region_new(analysis, ROOT_REGION));
    read_table(analysis, &relation, insert->relation, query->scope, query->region);
    read_with(analysis, insert->withClause, query->scope);
    if (insert->selectStmt)
        read_select(analysis, castNode(SelectStmt, insert->selectStmt), query->scope, ROOT_REGION, false);
    read_in_clause(analysis, (Node *) insert->onConflictClause, query, query->region, CLAUSE_SET);
    read_in_clause(analysis, (Node *) insert->returningList, query, query->region, CLAUSE_OUTPUT);
}

/* The scan that stands in the query's own region before all others; WITH is read first, into regions of its
 * own. */
static const struct scan *target_of(const struct analysis *analysis, const struct query *query)
{
    int scan = query->first_scan;
    while (analysis->scans[scan].region != query->region)
        scan++;
    return &analysis->scans[scan];
}

static void read_changed(struct analysis *analysis, struct query *query, List *set, List *returning)
{
    const struct resolved_relation *target = &target_of(analysis, query)->relation;
    analysis->unreadable |= plan_check_target(analysis->plan, target, true) || plan_check_home(analysis->plan, analysis->planning, target);
    if (target->place == PLACE_REFERENCE || target->place == PLACE_VIEW)
        analysis_give_up(analysis, "Send it as a statement of its own.",
                         "WITH changes \"%s\", which is not on one shard.", target->name);
    if (target->place == PLACE_SHARDED && set_names_key(target->table, set))
        analysis_give_up(analysis, "Delete the row and insert it anew.",
                         "WITH changes the key of table \"%s\", which says on which shard a row lives.",
                         target->name);
    read_in_clause(analysis, (Node *) set, query, query->region, CLAUSE_SET);
    read_in_clause(analysis, (Node *) returning, query, query->region, CLAUSE_OUTPUT);
}

void read_change(struct analysis *analysis, Node *statement, struct scope *outer)
{
    analysis->depth++;
    if (IsA(statement, InsertStmt)) {
        read_insert(analysis, castNode(InsertStmt, statement), outer);
    } else if (IsA(statement, UpdateStmt)) {
        UpdateStmt *update = castNode(UpdateStmt, statement);
        struct query *query = read_rows(analysis, update->relation, update->fromClause, update->whereClause,
                                        update->withClause, outer);
        read_changed(analysis, query, update->targetList, update->returningList);
    } else if (IsA(statement, DeleteStmt)) {
        DeleteStmt *delete = castNode(DeleteStmt, statement);
        struct query *query = read_rows(analysis, delete->relation, delete->usingClause, delete->whereClause,
                                        delete->withClause, outer);
        read_changed(analysis, query, NIL, delete->returningList);
    } else {
        analysis_give_up(analysis, "Send it as a statement of its own.", "WITH contains a statement%s.", "");
    }
    analysis->depth--;
}
