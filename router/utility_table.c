/*
 * utility_table: CREATE and ALTER TABLE, and what is made on a table.
 *
 * A configured table is made and changed on every shard in the same way; every other one on the home shard.
 * Refused is what would leave the configuration without its table or key, and what ties tables together that
 * live differently: a foreign key or a partition would then be checked against a part of the rows only.
 */
#include "router/utility_inside.h"

#include <string.h>

#include "router/utility_fill.h"
#include "router/utility_foreign_key.h"
#include "router/utility_place.h"

static bool same_key(const struct routed_table *left, const struct routed_table *right)
{
    if (!left->keyspace || !right->keyspace)
        return left->keyspace == right->keyspace;
    if (left->keyspace != right->keyspace || left->settings->key_count != right->settings->key_count)
        return false;
    for (size_t i = 0; i < left->settings->key_count; i++)
        if (strcmp(left->settings->key[i], right->settings->key[i]))
            return false;
    return true;
}

static bool is_key(const struct routed_table *table, const char *column)
{
    for (size_t i = 0; column && i < table->settings->key_count; i++)
        if (!strcmp(table->settings->key[i], column))
            return true;
    return false;
}

/* A partition or child holds rows of its parent, so both must be configured alike, or neither. */
static void check_child(struct plan *plan, const struct routed_table *child,
                        const struct routed_table *parent, const char *child_name, const char *parent_name)
{
    if (child == parent || (child && parent && same_key(child, parent)))
        return;
    plan_refuse(plan, "a partition or child table must be configured like its parent",
                "Name both tables in the configuration, with the same keyspace and key, and reload it.",
                "\"%s\" and \"%s\" would not be spread over the shards in the same way.", child_name,
                parent_name);
}

static void check_constraints(struct plan *plan, const struct planning *planning,
                              const struct routed_table *table, const char *name, List *constraints, const char *column,
                              const CreateStmt *create)
{
    ListCell *cell;
    foreach (cell, constraints)
        if (IsA(lfirst(cell), Constraint))
            check_foreign_key(plan, planning, table, name, lfirst(cell), column, create);
}

/* LIKE copies the definition of a table that must be where the new one is made. */
static void check_like(struct plan *plan, const struct planning *planning, const struct routed_table *table,
                       const TableLikeClause *like)
{
    struct utility_place place = {.planning = planning};
    place_relation(&place, like->relation, UNKNOWN_IS_HOME);
    if (table && place.home)
        plan_refuse(plan, "a table on every shard cannot be made like a table of the home shard",
                    "Write the columns out.", "\"%s\" is on the home shard only.", place.home);
}

static void check_elements(struct plan *plan, const struct planning *planning,
                           const struct routed_table *table, const CreateStmt *create)
{
    ListCell *cell;
    check_constraints(plan, planning, table, create->relation->relname, create->constraints, NULL, create);
    check_constraints(plan, planning, table, create->relation->relname, create->tableElts, NULL, create);
    foreach (cell, create->tableElts) {
        if (IsA(lfirst(cell), ColumnDef))
            check_constraints(plan, planning, table, create->relation->relname,
                              ((const ColumnDef *) lfirst(cell))->constraints, ((const ColumnDef *) lfirst(cell))->colname, create);
        else if (IsA(lfirst(cell), TableLikeClause))
            check_like(plan, planning, table, lfirst(cell));
    }
    foreach (cell, create->inhRelations) {
        const RangeVar *parent = lfirst(cell);
        check_child(plan, table, place_owner(planning, parent), create->relation->relname, parent->relname);
    }
}

void route_create_table(struct plan *plan, const struct planning *planning, Node *statement)
{
    const CreateStmt *create = (const CreateStmt *) statement;
    bool temporary = place_is_temporary(planning, create->relation);
    const struct routed_table *table = temporary ? NULL : place_taken(planning, create->relation);
    check_elements(plan, planning, table, create);
    if (plan_is_refused(plan))
        return;
    if (temporary)
        place_temporary(plan, planning, create->relation);
    else if (table)
        plan_on_all(plan, planning, PLAN_BROADCAST, "the table is configured to be on every shard");
    else
        plan_on_home(plan, "a table that is not configured lives on the home shard");
}

void route_create_foreign_table(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RangeVar *range = ((const CreateForeignTableStmt *) statement)->base.relation;
    if (place_taken(planning, range) || ((const CreateForeignTableStmt *) statement)->base.inhRelations)
        plan_refuse(plan, "this foreign table is not supported with several shards",
                    "Create it under another name and without a parent.",
                    "\"%s\" would stand for, or be a part of, a table on several shards.", range->relname);
    else
        plan_on_home(plan, "foreign tables live on the home shard");
}

static void refuse_key_change(struct plan *plan, const struct routed_table *table, const char *column)
{
    if (is_key(table, column))
        plan_refuse(plan, "a key column cannot be changed",
                    "Create a new table with the new key, configure it, and copy the rows.",
                    "Column \"%s\" says on which shard a row of \"%s\" lives.", column,
                    table->settings->name);
}

static bool is_partition_command(const AlterTableCmd *command)
{
    return command->subtype == AT_AttachPartition || command->subtype == AT_DetachPartition ||
           command->subtype == AT_DetachPartitionFinalize;
}

/* A partition that was no more than a part of its parent could not stay on every shard without it: it must be
 * configured. */
static void check_command(struct plan *plan, const struct planning *planning, const RangeVar *range,
                          const AlterTableCmd *command)
{
    const struct routed_table *owner = place_owner(planning, range);
    if (owner)
        check_fill(plan, planning, owner, range, command);
    if (command->subtype == AT_DropColumn || command->subtype == AT_AlterColumnType) {
        if (owner)
            refuse_key_change(plan, owner, command->name);
    } else if (command->subtype == AT_AddColumn) {
        check_constraints(plan, planning, owner, range->relname,
                          ((const ColumnDef *) command->def)->constraints, ((const ColumnDef *) command->def)->colname, NULL);
    } else if (command->subtype == AT_AddConstraint) {
        check_foreign_key(plan, planning, owner, range->relname, (const Constraint *) command->def, NULL, NULL);
    } else if (is_partition_command(command)) {
        const RangeVar *child = ((const PartitionCmd *) command->def)->name;
        check_child(plan, place_configured(planning, child), owner, child->relname, range->relname);
    } else if (command->subtype == AT_AddInherit || command->subtype == AT_DropInherit) {
        const RangeVar *parent = (const RangeVar *) command->def;
        check_child(plan, place_configured(planning, range), place_owner(planning, parent), range->relname,
                    parent->relname);
    }
}

static enum unknown_place unknown_of(ObjectType type)
{
    bool table = type == OBJECT_TABLE || type == OBJECT_MATVIEW || type == OBJECT_FOREIGN_TABLE;
    return table ? UNKNOWN_IS_HOME : UNKNOWN_IS_EVERYWHERE;
}

void describe_alter_table(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    ListCell *cell;
    foreach (cell, ((const AlterTableStmt *) statement)->cmds) {
        const AlterTableCmd *command = lfirst(cell);
        if (is_partition_command(command) && ((const PartitionCmd *) command->def)->concurrent)
            plan->outside_transaction = true;
    }
}

void route_alter_table(struct plan *plan, const struct planning *planning, Node *statement)
{
    const AlterTableStmt *alter = (const AlterTableStmt *) statement;
    struct utility_place place = {.planning = planning};
    ListCell *cell;
    if (alter->objtype == OBJECT_TYPE) {
        plan_on_all(plan, planning, PLAN_BROADCAST, "types are on every shard");
        return;
    }
    if (alter->objtype != OBJECT_INDEX)
        foreach (cell, alter->cmds)
            check_command(plan, planning, alter->relation, lfirst(cell));
    place_relation(&place, alter->relation, unknown_of(alter->objtype));
    if (!plan_is_refused(plan))
        place_apply(plan, &place, "ALTER TABLE");
}

void describe_index(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->outside_transaction = ((const IndexStmt *) statement)->concurrent;
}

static void route_on(struct plan *plan, const struct planning *planning, const RangeVar *range,
                     const char *what)
{
    struct utility_place place = {.planning = planning};
    place_relation(&place, range, UNKNOWN_IS_HOME);
    place_apply(plan, &place, what);
}

void route_index(struct plan *plan, const struct planning *planning, Node *statement)
{
    route_on(plan, planning, ((const IndexStmt *) statement)->relation, "CREATE INDEX");
}

void route_trigger(struct plan *plan, const struct planning *planning, Node *statement)
{
    const CreateTrigStmt *trigger = (const CreateTrigStmt *) statement;
    struct utility_place place = {.planning = planning};
    place_relation(&place, trigger->relation, UNKNOWN_IS_HOME);
    if (trigger->constrrel)
        place_relation(&place, trigger->constrrel, UNKNOWN_IS_HOME);
    place_apply(plan, &place, "CREATE TRIGGER");
}

void route_create_policy(struct plan *plan, const struct planning *planning, Node *statement)
{
    route_on(plan, planning, ((const CreatePolicyStmt *) statement)->table, "CREATE POLICY");
}

void route_alter_policy(struct plan *plan, const struct planning *planning, Node *statement)
{
    route_on(plan, planning, ((const AlterPolicyStmt *) statement)->table, "ALTER POLICY");
}

void route_statistics(struct plan *plan, const struct planning *planning, Node *statement)
{
    struct utility_place place = {.planning = planning};
    ListCell *cell;
    foreach (cell, ((const CreateStatsStmt *) statement)->relations)
        if (IsA(lfirst(cell), RangeVar))
            place_relation(&place, lfirst(cell), UNKNOWN_IS_HOME);
    place_apply(plan, &place, "CREATE STATISTICS");
}

/* OWNED BY table.column ties the sequence to the table; OWNED BY NONE has one name only. */
static void place_sequence_owner(struct utility_place *place, List *options)
{
    ListCell *cell;
    foreach (cell, options) {
        const DefElem *option = lfirst(cell);
        if (!strcmp(option->defname, "owned_by") && option->arg && list_length((List *) option->arg) > 1)
            place_names(place, (List *) option->arg, 1, UNKNOWN_IS_HOME);
    }
}

void route_create_sequence(struct plan *plan, const struct planning *planning, Node *statement)
{
    const CreateSeqStmt *create = (const CreateSeqStmt *) statement;
    struct utility_place place = {.planning = planning};
    place_sequence_owner(&place, create->options);
    if (place_taken(planning, create->sequence))
        plan_refuse(plan, "a sequence must not have the name of a configured table",
                    "Give the sequence another name.", "\"%s\" is configured to be a table.",
                    create->sequence->relname);
    else if (place_is_temporary(planning, create->sequence))
        place_temporary(plan, planning, create->sequence);
    else
        place_apply(plan, &place, "CREATE SEQUENCE");
}

void route_alter_sequence(struct plan *plan, const struct planning *planning, Node *statement)
{
    const AlterSeqStmt *alter = (const AlterSeqStmt *) statement;
    struct utility_place place = {.planning = planning};
    place_sequence_owner(&place, alter->options);
    place_relation(&place, alter->sequence, UNKNOWN_IS_EVERYWHERE);
    place_apply(plan, &place, "ALTER SEQUENCE");
}

void route_composite_type(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RangeVar *range = ((const CompositeTypeStmt *) statement)->typevar;
    if (place_taken(planning, range))
        plan_refuse(plan, "a type must not have the name of a configured table",
                    "Give the type another name.", "\"%s\" is configured to be a table.", range->relname);
    else
        plan_on_all(plan, planning, PLAN_BROADCAST, "types are on every shard");
}
