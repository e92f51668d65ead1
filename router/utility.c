/*
 * utility: one table says of every utility statement what it is and which functions know more.
 *
 * A statement is described first: its kind, whether it writes, whether it changes the catalog.  Then it is
 * routed, if there is anything to choose: with one shard everything goes there.  A statement that is not in
 * the table is refused with several shards, because nothing proves that it would do the right thing.
 *
 * All literals are pinned: what stands in a utility statement is part of what it is.
 */
#include "router/utility.h"

#include <string.h>

#include "router/utility_inside.h"

static void route_home(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    (void) statement;
    plan_on_home(plan, "the session or the home shard answers");
}

static void route_everywhere(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) statement;
    plan_on_all(plan, planning, PLAN_BROADCAST, "every shard has it, or gets it");
}

/* Functions are on every shard, also those that name what the home shard alone has: it is the one that looks at their bodies. */
static void route_function(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) statement;
    plan_on_all(plan, planning, PLAN_BROADCAST, "every shard gets it");
    plan->before_elsewhere = "SET LOCAL check_function_bodies = off";
}

static void refuse_server_wide(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    (void) statement;
    plan_refuse(plan, "the statement is not supported with several shards",
                "Run it on the shards themselves.",
                "It is about one server as a whole, not about the database that the shards make up.");
}

static void refuse_code(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    (void) statement;
    plan_refuse(plan, "CALL and DO are not supported with several shards",
                "Send the statements one by one, or run the code on the shards themselves.",
                "The code may touch any table, and would see the rows of one shard only.");
}

static void describe_transaction(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    const TransactionStmt *transaction = (const TransactionStmt *) statement;
    static const enum statement_kind kinds[] = {
        [TRANS_STMT_BEGIN] = STATEMENT_BEGIN,
        [TRANS_STMT_START] = STATEMENT_BEGIN,
        [TRANS_STMT_COMMIT] = STATEMENT_COMMIT,
        [TRANS_STMT_ROLLBACK] = STATEMENT_ROLLBACK,
        [TRANS_STMT_SAVEPOINT] = STATEMENT_SAVEPOINT,
        [TRANS_STMT_RELEASE] = STATEMENT_RELEASE,
        [TRANS_STMT_ROLLBACK_TO] = STATEMENT_ROLLBACK_TO,
        [TRANS_STMT_PREPARE] = STATEMENT_OTHER,
        [TRANS_STMT_COMMIT_PREPARED] = STATEMENT_OTHER,
        [TRANS_STMT_ROLLBACK_PREPARED] = STATEMENT_OTHER,
    };
    plan->statement = kinds[transaction->kind];
    plan->chain = transaction->chain;
    plan->access = transaction_access_of(transaction->options);
    plan->name = arena_strdup(&plan->arena, transaction->savepoint_name);
    plan->writes = plan->statement == STATEMENT_OTHER;
    plan->outside_transaction =
        transaction->kind == TRANS_STMT_COMMIT_PREPARED || transaction->kind == TRANS_STMT_ROLLBACK_PREPARED;
}

static void route_transaction(struct plan *plan, const struct planning *planning, Node *statement)
{
    if (plan->statement == STATEMENT_OTHER)
        plan_refuse(plan, "two-phase commit by the client is not supported with several shards",
                    "Use COMMIT.", "A prepared transaction belongs to one server.");
    else
        route_home(plan, planning, statement);
}

static void describe_fetch(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    const FetchStmt *fetch = (const FetchStmt *) statement;
    plan->name = arena_strdup(&plan->arena, fetch->portalname);
    plan->value = fetch->ismove ? "MOVE" : "FETCH";
}

static void describe_close(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->name = arena_strdup(&plan->arena, ((const ClosePortalStmt *) statement)->portalname);
    plan->value = "CLOSE";
}

static void describe_listen(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->name = arena_strdup(&plan->arena, ((const ListenStmt *) statement)->conditionname);
    plan->pin = PIN_LISTEN;
}

static void describe_unlisten(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->name = arena_strdup(&plan->arena, ((const UnlistenStmt *) statement)->conditionname);
}

static void describe_load(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    (void) statement;
    plan->pin = PIN_SESSION_STATE;
}

/* On a database with one shard a temporary relation pins its server, too. */
static bool is_temporary(const RangeVar *range)
{
    return range->relpersistence == 't' || (range->schemaname && !strcmp(range->schemaname, "pg_temp"));
}

static const RangeVar *created_relation(const Node *node)
{
    if (IsA(node, CreateStmt))
        return ((const CreateStmt *) node)->relation;
    if (IsA(node, CreateTableAsStmt))
        return ((const CreateTableAsStmt *) node)->into->rel;
    if (IsA(node, SelectStmt))
        return ((const SelectStmt *) node)->intoClause->rel;
    if (IsA(node, ViewStmt))
        return ((const ViewStmt *) node)->view;
    return ((const CreateSeqStmt *) node)->sequence;
}

static void describe_created(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    if (is_temporary(created_relation(statement)))
        plan->pin = PIN_TEMPORARY_TABLE;
}

enum {
    WRITES = 1,
    CATALOG = 2, /* changes what the catalog snapshot holds; writes, too */
    OUTSIDE = 4, /* not in a transaction block */
};

/* X(node, kind, flags, describe, route) */
#define UTILITY_STATEMENTS(X)                                                                                \
    X(TransactionStmt, OTHER, 0, describe_transaction, route_transaction)                                    \
    X(VariableSetStmt, SET, 0, describe_set, route_set)                                                      \
    X(VariableShowStmt, SHOW, 0, describe_show, route_home)                                                  \
    X(ConstraintsSetStmt, SET_LOCAL, 0, NULL, route_home)                                                    \
    X(DiscardStmt, DISCARD, 0, describe_discard, route_home)                                                 \
    X(PrepareStmt, PREPARE, 0, describe_prepare, route_prepare)                                              \
    X(ExecuteStmt, EXECUTE, WRITES, describe_execute, route_execute)                                         \
    X(DeallocateStmt, DEALLOCATE, 0, describe_deallocate, route_home)                                        \
    X(FetchStmt, CURSOR, 0, describe_fetch, route_home)                                                      \
    X(ClosePortalStmt, CURSOR, 0, describe_close, route_home)                                                \
    X(ListenStmt, LISTEN, 0, describe_listen, route_home)                                                    \
    X(UnlistenStmt, LISTEN, 0, describe_unlisten, route_home)                                                \
    X(NotifyStmt, OTHER, WRITES, NULL, route_home)                                                           \
    X(LoadStmt, OTHER, 0, describe_load, route_home)                                                         \
    X(CallStmt, OTHER, WRITES, NULL, refuse_code)                                                            \
    X(DoStmt, OTHER, WRITES, NULL, refuse_code)                                                              \
    X(LockStmt, OTHER, 0, NULL, route_lock)                                                                  \
    X(TruncateStmt, OTHER, WRITES, NULL, route_truncate)                                                     \
    X(VacuumStmt, MAINTENANCE, 0, describe_vacuum, route_vacuum)                                             \
    X(ClusterStmt, MAINTENANCE, WRITES, describe_cluster, route_cluster)                                     \
    X(ReindexStmt, MAINTENANCE, WRITES, describe_reindex, route_reindex)                                     \
    X(CheckPointStmt, MAINTENANCE, 0, NULL, route_everywhere)                                                \
    X(RefreshMatViewStmt, OTHER, WRITES, NULL, route_refresh)                                                \
    X(CreateStmt, DDL, CATALOG, describe_created, route_create_table)                                        \
    X(CreateTableAsStmt, DDL, CATALOG, describe_created, route_create_table_as)                              \
    X(SelectStmt, DDL, CATALOG, describe_created, route_select_into)                                         \
    X(CreateForeignTableStmt, DDL, CATALOG, NULL, route_create_foreign_table)                                \
    X(AlterTableStmt, DDL, CATALOG, describe_alter_table, route_alter_table)                                 \
    X(IndexStmt, DDL, CATALOG, describe_index, route_index)                                                  \
    X(CreateTrigStmt, DDL, CATALOG, NULL, route_trigger)                                                     \
    X(RuleStmt, DDL, CATALOG, NULL, route_rule)                                                              \
    X(CreatePolicyStmt, DDL, CATALOG, NULL, route_create_policy)                                             \
    X(AlterPolicyStmt, DDL, CATALOG, NULL, route_alter_policy)                                               \
    X(CreateStatsStmt, DDL, WRITES, NULL, route_statistics)                                                  \
    X(AlterStatsStmt, DDL, WRITES, NULL, route_everywhere)                                                   \
    X(CreateSeqStmt, DDL, CATALOG, describe_created, route_create_sequence)                                  \
    X(AlterSeqStmt, DDL, CATALOG, NULL, route_alter_sequence)                                                \
    X(ViewStmt, DDL, CATALOG, describe_created, route_view)                                                  \
    X(CompositeTypeStmt, DDL, CATALOG, NULL, route_composite_type)                                           \
    X(DropStmt, DDL, CATALOG, describe_drop, route_drop)                                                     \
    X(RenameStmt, DDL, CATALOG, NULL, route_rename)                                                          \
    X(AlterObjectSchemaStmt, DDL, CATALOG, NULL, route_set_schema)                                           \
    X(AlterOwnerStmt, DDL, WRITES, NULL, route_owner)                                                        \
    X(AlterObjectDependsStmt, DDL, WRITES, NULL, route_depends)                                              \
    X(CommentStmt, DDL, WRITES, NULL, route_comment)                                                         \
    X(GrantStmt, DDL, WRITES, NULL, route_grant)                                                             \
    X(CreateSchemaStmt, DDL, CATALOG, NULL, route_schema)                                                    \
    X(CreateEnumStmt, DDL, CATALOG, NULL, route_everywhere)                                                  \
    X(AlterEnumStmt, DDL, CATALOG, NULL, route_everywhere)                                                   \
    X(CreateRangeStmt, DDL, CATALOG, NULL, route_everywhere)                                                 \
    X(CreateDomainStmt, DDL, CATALOG, NULL, route_everywhere)                                                \
    X(AlterDomainStmt, DDL, CATALOG, NULL, route_everywhere)                                                 \
    X(AlterTypeStmt, DDL, CATALOG, NULL, route_everywhere)                                                   \
    X(DefineStmt, DDL, CATALOG, NULL, route_everywhere)                                                      \
    X(CreateFunctionStmt, DDL, CATALOG, NULL, route_function)                                                \
    X(AlterFunctionStmt, DDL, CATALOG, NULL, route_everywhere)                                               \
    X(CreateExtensionStmt, DDL, CATALOG, NULL, route_everywhere)                                             \
    X(AlterExtensionStmt, DDL, CATALOG, NULL, route_everywhere)                                              \
    X(AlterExtensionContentsStmt, DDL, WRITES, NULL, route_everywhere)                                       \
    X(CreateCastStmt, DDL, CATALOG, NULL, route_everywhere)                                                  \
    X(CreateConversionStmt, DDL, WRITES, NULL, route_everywhere)                                             \
    X(CreateOpClassStmt, DDL, CATALOG, NULL, route_everywhere)                                               \
    X(CreateOpFamilyStmt, DDL, CATALOG, NULL, route_everywhere)                                              \
    X(AlterOpFamilyStmt, DDL, CATALOG, NULL, route_everywhere)                                               \
    X(AlterOperatorStmt, DDL, CATALOG, NULL, route_everywhere)                                               \
    X(AlterCollationStmt, DDL, CATALOG, NULL, route_everywhere)                                              \
    X(AlterTSDictionaryStmt, DDL, WRITES, NULL, route_everywhere)                                            \
    X(AlterTSConfigurationStmt, DDL, WRITES, NULL, route_everywhere)                                         \
    X(CreateTransformStmt, DDL, WRITES, NULL, route_everywhere)                                              \
    X(CreateAmStmt, DDL, WRITES, NULL, route_everywhere)                                                     \
    X(CreatePLangStmt, DDL, WRITES, NULL, route_everywhere)                                                  \
    X(CreateEventTrigStmt, DDL, WRITES, NULL, route_everywhere)                                              \
    X(AlterEventTrigStmt, DDL, WRITES, NULL, route_everywhere)                                               \
    X(AlterDefaultPrivilegesStmt, DDL, WRITES, NULL, route_everywhere)                                       \
    X(GrantRoleStmt, DDL, WRITES, NULL, route_everywhere)                                                    \
    X(CreateRoleStmt, DDL, WRITES, NULL, route_everywhere)                                                   \
    X(AlterRoleStmt, DDL, WRITES, NULL, route_everywhere)                                                    \
    X(AlterRoleSetStmt, DDL, WRITES, NULL, route_role_set)                                                   \
    X(DropRoleStmt, DDL, WRITES, NULL, route_everywhere)                                                     \
    X(DropOwnedStmt, DDL, CATALOG, NULL, route_everywhere)                                                   \
    X(ReassignOwnedStmt, DDL, WRITES, NULL, route_everywhere)                                                \
    X(CreateFdwStmt, DDL, WRITES, NULL, route_home)                                                          \
    X(AlterFdwStmt, DDL, WRITES, NULL, route_home)                                                           \
    X(CreateForeignServerStmt, DDL, WRITES, NULL, route_home)                                                \
    X(AlterForeignServerStmt, DDL, WRITES, NULL, route_home)                                                 \
    X(CreateUserMappingStmt, DDL, WRITES, NULL, route_home)                                                  \
    X(AlterUserMappingStmt, DDL, WRITES, NULL, route_home)                                                   \
    X(DropUserMappingStmt, DDL, WRITES, NULL, route_home)                                                    \
    X(ImportForeignSchemaStmt, DDL, CATALOG, NULL, route_home)                                               \
    X(CreatedbStmt, DDL, WRITES | OUTSIDE, NULL, refuse_server_wide)                                         \
    X(DropdbStmt, DDL, WRITES | OUTSIDE, NULL, refuse_server_wide)                                           \
    X(CreateTableSpaceStmt, DDL, WRITES | OUTSIDE, NULL, refuse_server_wide)                                 \
    X(DropTableSpaceStmt, DDL, WRITES | OUTSIDE, NULL, refuse_server_wide)                                   \
    X(AlterSystemStmt, DDL, WRITES | OUTSIDE, NULL, refuse_server_wide)

struct utility_statement {
    NodeTag tag;
    enum statement_kind kind;
    int flags;
    utility_step describe, route;
};

#define UTILITY_ROW(node, kind, flags, describe, route) {T_##node, STATEMENT_##kind, flags, describe, route},

static const struct utility_statement statements[] = {UTILITY_STATEMENTS(UTILITY_ROW)};

static const struct utility_statement *find_statement(NodeTag tag)
{
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        if (statements[i].tag == tag)
            return &statements[i];
    return NULL;
}

/* Statements whose query decides: description and route are one. */
static utility_step whole_planner(NodeTag tag)
{
    static const struct {
        NodeTag tag;
        utility_step plan;
    } planners[] = {
        {T_ExplainStmt, plan_explain},
        {T_DeclareCursorStmt, plan_declare_cursor},
        {T_CopyStmt, plan_copy},
    };
    for (size_t i = 0; i < sizeof planners / sizeof *planners; i++)
        if (planners[i].tag == tag)
            return planners[i].plan;
    return NULL;
}

static void plan_unknown(struct plan *plan, const struct planning *planning)
{
    plan->statement = STATEMENT_OTHER;
    plan->writes = true;
    if (planning_one_shard(planning))
        plan_on_home(plan, "the database has one shard");
    else
        plan_refuse(plan, "the statement is not supported with several shards",
                    "Run it on the shards themselves.", "Keyway does not know what it does.");
}

/* The query inside; statements without one, or whose query nobody walks, have none. */
static Node *inner_query(const Node *statement)
{
    if (IsA(statement, ExplainStmt))
        return ((const ExplainStmt *) statement)->query;
    if (IsA(statement, DeclareCursorStmt))
        return ((const DeclareCursorStmt *) statement)->query;
    if (IsA(statement, CopyStmt))
        return ((const CopyStmt *) statement)->query;
    if (IsA(statement, PrepareStmt))
        return ((const PrepareStmt *) statement)->query;
    if (IsA(statement, CreateTableAsStmt))
        return ((const CreateTableAsStmt *) statement)->query;
    if (IsA(statement, ViewStmt))
        return ((const ViewStmt *) statement)->query;
    return NULL;
}

static bool is_shallow(const Node *statement)
{
    ListCell *cell;
    if (!IsA(statement, RuleStmt))
        return parse_is_shallow(inner_query(statement));
    foreach (cell, ((const RuleStmt *) statement)->actions)
        if (!parse_is_shallow(lfirst(cell)))
            return false;
    return true;
}

static void fail_too_deep(struct plan *plan)
{
    struct error error = {0};
    error_set(&error, "54001", "stack depth limit exceeded");
    plan->statement = STATEMENT_OTHER;
    plan_fail(plan, &error);
}

void utility_plan(struct plan *plan, const struct planning *planning, Node *statement)
{
    utility_step whole = whole_planner(nodeTag(statement));
    const struct utility_statement *known = find_statement(nodeTag(statement));
    plan_pin_all(plan);
    if (!is_shallow(statement)) {
        fail_too_deep(plan);
        return;
    }
    if (whole) {
        whole(plan, planning, statement);
        return;
    }
    if (!known) {
        plan_unknown(plan, planning);
        return;
    }
    plan->statement = known->kind;
    plan->writes = known->flags & (WRITES | CATALOG);
    plan->changes_catalog = known->flags & CATALOG;
    plan->outside_transaction = known->flags & OUTSIDE;
    plan->redefines = plan->changes_catalog && !utility_keeps_names(planning, statement);
    if (known->describe)
        known->describe(plan, planning, statement);
    if (planning_one_shard(planning))
        plan_on_home(plan, "the database has one shard");
    else
        known->route(plan, planning, statement);
}
