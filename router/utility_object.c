/*
 * utility_object: statements that work on objects of any type: DROP, RENAME, SET SCHEMA, OWNER TO, COMMENT,
 * GRANT.
 *
 * The type says what the object's name means and where such objects live; one table holds this for all types.
 */
#include "router/utility_inside.h"

#include <string.h>

#include "router/utility_place.h"

enum object_home {
    OBJECT_IS_TABLE,      /* a table or view: one that nobody knows is the home shard's, as temporary ones are */
    OBJECT_IS_RELATION,   /* index, sequence: found in the catalog */
    OBJECT_IS_OF_TABLE,   /* its name is its table's and one part more */
    OBJECT_IS_EVERYWHERE, /* made on every shard */
    OBJECT_IS_AT_HOME,    /* made on the home shard only */
    OBJECT_IS_OF_SERVER,  /* belongs to a server or a database, which may be called otherwise on each shard */
};

static enum object_home object_home(ObjectType type)
{
    switch (type) {
    case OBJECT_TABLE:
    case OBJECT_MATVIEW:
    case OBJECT_FOREIGN_TABLE:
    case OBJECT_VIEW:
        return OBJECT_IS_TABLE;
    case OBJECT_INDEX:
    case OBJECT_SEQUENCE:
        return OBJECT_IS_RELATION;
    case OBJECT_COLUMN:
    case OBJECT_POLICY:
    case OBJECT_RULE:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
        return OBJECT_IS_OF_TABLE;
    case OBJECT_ACCESS_METHOD:
    case OBJECT_AGGREGATE:
    case OBJECT_AMOP:
    case OBJECT_AMPROC:
    case OBJECT_ATTRIBUTE:
    case OBJECT_CAST:
    case OBJECT_COLLATION:
    case OBJECT_CONVERSION:
    case OBJECT_DEFAULT:
    case OBJECT_DEFACL:
    case OBJECT_DOMAIN:
    case OBJECT_DOMCONSTRAINT:
    case OBJECT_EVENT_TRIGGER:
    case OBJECT_EXTENSION:
    case OBJECT_FUNCTION:
    case OBJECT_LANGUAGE:
    case OBJECT_OPCLASS:
    case OBJECT_OPERATOR:
    case OBJECT_OPFAMILY:
    case OBJECT_PROCEDURE:
    case OBJECT_ROLE:
    case OBJECT_ROUTINE:
    case OBJECT_SCHEMA:
    case OBJECT_STATISTIC_EXT:
    case OBJECT_TRANSFORM:
    case OBJECT_TSCONFIGURATION:
    case OBJECT_TSDICTIONARY:
    case OBJECT_TSPARSER:
    case OBJECT_TSTEMPLATE:
    case OBJECT_TYPE:
        return OBJECT_IS_EVERYWHERE;
    case OBJECT_FDW:
    case OBJECT_FOREIGN_SERVER:
    case OBJECT_LARGEOBJECT:
    case OBJECT_USER_MAPPING:
        return OBJECT_IS_AT_HOME;
    case OBJECT_DATABASE:
    case OBJECT_PARAMETER_ACL:
    case OBJECT_PUBLICATION:
    case OBJECT_PUBLICATION_NAMESPACE:
    case OBJECT_PUBLICATION_REL:
    case OBJECT_SUBSCRIPTION:
    case OBJECT_TABLESPACE:
        return OBJECT_IS_OF_SERVER;
    }
    return OBJECT_IS_OF_SERVER;
}

static void refuse_server_object(struct plan *plan)
{
    plan_refuse(plan, "the statement is not supported with several shards",
                "Run it on the shards themselves.",
                "It is about an object of one server or database, which may be another one on each shard.");
}

/* Where an object lives that is not tied to a table. */
static void route_untied(struct plan *plan, const struct planning *planning, enum object_home home)
{
    switch (home) {
    case OBJECT_IS_AT_HOME:
        plan_on_home(plan, "objects of this type live on the home shard");
        break;
    case OBJECT_IS_OF_SERVER:
        refuse_server_object(plan);
        break;
    case OBJECT_IS_TABLE:
    case OBJECT_IS_RELATION:
    case OBJECT_IS_OF_TABLE:
    case OBJECT_IS_EVERYWHERE:
        plan_on_all(plan, planning, PLAN_BROADCAST, "objects of this type are on every shard");
        break;
    }
}

static bool is_tied(enum object_home home)
{
    return home == OBJECT_IS_TABLE || home == OBJECT_IS_RELATION || home == OBJECT_IS_OF_TABLE;
}

static enum unknown_place unknown_place(enum object_home home)
{
    return home == OBJECT_IS_RELATION ? UNKNOWN_IS_EVERYWHERE : UNKNOWN_IS_HOME;
}

/* The name of one object of a tied type, as DROP and COMMENT have it. */
static void place_object(struct utility_place *place, enum object_home home, Node *object)
{
    if (object && IsA(object, List))
        place_names(place, (List *) object, home == OBJECT_IS_OF_TABLE, unknown_place(home));
}

void describe_drop(struct plan *plan, const struct planning *planning, Node *statement)
{
    (void) planning;
    plan->outside_transaction = ((const DropStmt *) statement)->concurrent;
}

/* What every shard has of the objects, under names that are those of relations. */
static List *objects_everywhere(const struct planning *planning, enum object_home home, List *objects)
{
    List *everywhere = NIL;
    ListCell *cell;
    foreach (cell, objects) {
        RangeVar *range = IsA(lfirst(cell), List) ? place_range(lfirst(cell), 0) : NULL;
        if (range && place_is_everywhere(planning, range, unknown_place(home)))
            everywhere = lappend(everywhere, lfirst(cell));
    }
    return everywhere;
}

/* Each shard drops what it has, or all fail: RESTRICT leaves nothing to be found elsewhere, as CASCADE might. */
void route_drop(struct plan *plan, const struct planning *planning, Node *statement)
{
    DropStmt *drop = castNode(DropStmt, statement), *elsewhere;
    enum object_home home = object_home(drop->removeType);
    struct utility_place place = {.planning = planning};
    ListCell *cell;
    if (!is_tied(home)) {
        route_untied(plan, planning, home);
        return;
    }
    foreach (cell, drop->objects)
        place_object(&place, home, lfirst(cell));
    if (drop->behavior == DROP_CASCADE || home == OBJECT_IS_OF_TABLE) {
        place_apply(plan, &place, "DROP");
        return;
    }
    elsewhere = copyObject(drop);
    elsewhere->objects = objects_everywhere(planning, home, drop->objects);
    place_apply_apart(plan, &place, (Node *) elsewhere, "DROP");
}

static bool has_tables_in(const struct planning *planning, const char *schema)
{
    const struct database_settings *settings = planning->routing->settings;
    for (size_t i = 0; i < settings->table_count; i++)
        if (!strcmp(settings->tables[i].schema, schema))
            return true;
    return false;
}

/* `name` in the schema where the relation is. */
static bool is_configured_name(const struct planning *planning, const RangeVar *range, const char *name)
{
    const char *schema = resolve_relation(planning, range).schema;
    return schema && routing_table(planning->routing, schema, name);
}

static void refuse_rename(struct plan *plan, const char *name)
{
    plan_refuse(plan, "what the configuration names cannot be renamed",
                "Change the configuration, and rename it on the shards themselves.",
                "\"%s\" is, or would become, a name in the configuration.", name);
}

/* Does the rename take a name out of the configuration, or give it one? */
static bool renames_configured(const struct planning *planning, const RenameStmt *rename)
{
    if (rename->renameType == OBJECT_SCHEMA)
        return has_tables_in(planning, rename->subname) || has_tables_in(planning, rename->newname);
    if (!rename->relation)
        return false;
    if (rename->renameType == OBJECT_COLUMN) {
        const struct routed_table *table = place_owner(planning, rename->relation);
        for (size_t i = 0; table && i < table->settings->key_count; i++)
            if (!strcmp(table->settings->key[i], rename->subname))
                return true;
        return false;
    }
    return object_home(rename->renameType) != OBJECT_IS_OF_TABLE &&
           (place_configured(planning, rename->relation) ||
            is_configured_name(planning, rename->relation, rename->newname));
}

/* ALTER TABLE may name an index or a view, too, so the catalog decides, not the type. */
static void route_relation(struct plan *plan, const struct planning *planning, const RangeVar *range,
                           ObjectType type, const char *what)
{
    struct utility_place place = {.planning = planning};
    place_relation(&place, range,
                   object_home(type) == OBJECT_IS_RELATION ? UNKNOWN_IS_EVERYWHERE : UNKNOWN_IS_HOME);
    place_apply(plan, &place, what);
}

void route_rename(struct plan *plan, const struct planning *planning, Node *statement)
{
    const RenameStmt *rename = (const RenameStmt *) statement;
    enum object_home home = object_home(rename->renameType);
    if (renames_configured(planning, rename))
        refuse_rename(plan, rename->relation ? rename->relation->relname : rename->newname);
    else if (rename->relation && is_tied(home))
        route_relation(plan, planning, rename->relation, rename->renameType, "RENAME");
    else
        route_untied(plan, planning, home);
}

void route_set_schema(struct plan *plan, const struct planning *planning, Node *statement)
{
    const AlterObjectSchemaStmt *alter = (const AlterObjectSchemaStmt *) statement;
    enum object_home home = object_home(alter->objectType);
    if (!alter->relation || !is_tied(home))
        route_untied(plan, planning, home);
    else if (place_configured(planning, alter->relation) ||
             routing_table(planning->routing, alter->newschema, alter->relation->relname))
        refuse_rename(plan, alter->relation->relname);
    else
        route_relation(plan, planning, alter->relation, alter->objectType, "SET SCHEMA");
}

void route_owner(struct plan *plan, const struct planning *planning, Node *statement)
{
    route_untied(plan, planning, object_home(((const AlterOwnerStmt *) statement)->objectType));
}

void route_depends(struct plan *plan, const struct planning *planning, Node *statement)
{
    const AlterObjectDependsStmt *alter = (const AlterObjectDependsStmt *) statement;
    if (alter->relation)
        route_relation(plan, planning, alter->relation, alter->objectType, "DEPENDS ON EXTENSION");
    else
        route_untied(plan, planning, object_home(alter->objectType));
}

void route_comment(struct plan *plan, const struct planning *planning, Node *statement)
{
    const CommentStmt *comment = (const CommentStmt *) statement;
    enum object_home home = object_home(comment->objtype);
    struct utility_place place = {.planning = planning};
    if (!is_tied(home)) {
        route_untied(plan, planning, home);
        return;
    }
    place_object(&place, home, comment->object);
    place_apply(plan, &place, "COMMENT");
}

void route_grant(struct plan *plan, const struct planning *planning, Node *statement)
{
    GrantStmt *grant = castNode(GrantStmt, statement), *elsewhere;
    struct utility_place place = {.planning = planning};
    if (grant->targtype != ACL_TARGET_OBJECT || !is_tied(object_home(grant->objtype))) {
        route_untied(plan, planning, object_home(grant->objtype));
        return;
    }
    enum unknown_place unknown = grant->objtype == OBJECT_SEQUENCE ? UNKNOWN_IS_EVERYWHERE : UNKNOWN_IS_HOME;
    elsewhere = copyObject(grant);
    elsewhere->objects = place_relations(&place, grant->objects, unknown);
    place_apply_apart(plan, &place, (Node *) elsewhere, grant->is_grant ? "GRANT" : "REVOKE");
}

void route_schema(struct plan *plan, const struct planning *planning, Node *statement)
{
    if (((const CreateSchemaStmt *) statement)->schemaElts)
        plan_refuse(plan, "CREATE SCHEMA with elements is not supported with several shards",
                    "Create the schema first, and what it holds by statements of their own.",
                    "Its elements may live on different shards.");
    else
        plan_on_all(plan, planning, PLAN_BROADCAST, "schemas are on every shard");
}
