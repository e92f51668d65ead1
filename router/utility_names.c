/*
 * A transaction may go on with tables of the home shard behind statements that are listed here; behind others what it means is known when it has been
 * committed, and the catalog read again.
 */
#include "router/utility_inside.h"
#include "router/utility_place.h"

static bool makes_plain_table(const CreateStmt *create)
{
    return !create->inhRelations && !create->partbound && create->relation->relpersistence != 't';
}

static bool changes_columns(const AlterTableStmt *alter)
{
    ListCell *cell;
    if (alter->objtype != OBJECT_TABLE && alter->objtype != OBJECT_INDEX && alter->objtype != OBJECT_SEQUENCE)
        return false;
    foreach (cell, alter->cmds)
        switch (lfirst_node(AlterTableCmd, cell)->subtype) {
        case AT_AddColumn:
        case AT_ColumnDefault:
        case AT_DropNotNull:
        case AT_SetNotNull:
        case AT_SetStatistics:
        case AT_SetStorage:
        case AT_DropColumn:
        case AT_AddConstraint:
        case AT_ValidateConstraint:
        case AT_DropConstraint:
        case AT_AlterColumnType:
        case AT_ChangeOwner:
        case AT_SetRelOptions:
        case AT_ResetRelOptions:
        case AT_AddIdentity:
        case AT_SetIdentity:
        case AT_DropIdentity:
        case AT_DropExpression:
            break;
        default:
            return false;
        }
    return true;
}

/* Behind the name of a configured table there is no other; that of another one may mean one further on in search_path now. */
static bool drops_configured_tables(const struct planning *planning, const DropStmt *drop)
{
    ListCell *cell;
    foreach (cell, drop->objects) {
        struct resolved_relation relation = resolve_relation(planning, place_range(lfirst_node(List, cell), 0));
        if (!relation.table)
            return false;
    }
    return true;
}

bool utility_keeps_names(const struct planning *planning, const Node *statement)
{
    switch (nodeTag(statement)) {
    case T_CreateStmt:
        return makes_plain_table((const CreateStmt *) statement);
    case T_AlterTableStmt:
        return changes_columns((const AlterTableStmt *) statement);
    case T_DropStmt:
        if (((const DropStmt *) statement)->removeType == OBJECT_TABLE)
            return drops_configured_tables(planning, (const DropStmt *) statement);
        return ((const DropStmt *) statement)->removeType == OBJECT_INDEX;
    case T_CreateSchemaStmt:
        return !((const CreateSchemaStmt *) statement)->schemaElts;
    case T_CreateSeqStmt:
        return ((const CreateSeqStmt *) statement)->sequence->relpersistence != 't';
    case T_RenameStmt: /* of what no other statement names */
        return ((const RenameStmt *) statement)->renameType == OBJECT_COLUMN || ((const RenameStmt *) statement)->renameType == OBJECT_TABCONSTRAINT ||
               ((const RenameStmt *) statement)->renameType == OBJECT_INDEX;
    case T_IndexStmt:
    case T_CreateEnumStmt:
    case T_AlterEnumStmt:
    case T_CreateDomainStmt:
    case T_CreateExtensionStmt:
        return true;
    default:
        return false;
    }
}
