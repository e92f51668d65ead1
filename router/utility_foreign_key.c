/*
 * A foreign key is checked by each shard among its own rows.  That is all rows if the referenced table is a reference table, or if both are on the home
 * shard.  Between sharded tables it is the rows of the same shard, so:
 *
 * - They must share a keyspace: where two tables are spread in different ways, a shard's rows say nothing of each other.
 * - If the key of the referenced table is among what is referenced, the referencing table's own key must refer to it.  Then a row and what it refers to
 *   have equal keys, and are on the same shard.  Another column has values of any shard, whose rows the check would miss.
 * - If what is referenced lacks the key (an order's number, where tables are spread by customer), the two rows meet if the application gives both the same
 *   key; that is its own care, like a unique index without the key.
 */
#include "router/utility_foreign_key.h"

#include <string.h>

#include "router/utility_place.h"

static const Constraint *find_primary(const List *constraints)
{
    ListCell *cell;
    foreach (cell, constraints)
        if (IsA(lfirst(cell), Constraint) && lfirst_node(Constraint, cell)->contype == CONSTR_PRIMARY)
            return lfirst(cell);
    return NULL;
}

/* Of a table that is being made and refers to itself. */
static List *primary_key_written(const CreateStmt *create)
{
    ListCell *cell;
    const Constraint *whole = find_primary(create->tableElts);
    if (whole)
        return whole->keys;
    foreach (cell, create->tableElts)
        if (IsA(lfirst(cell), ColumnDef) && find_primary(lfirst_node(ColumnDef, cell)->constraints))
            return list_make1(makeString(lfirst_node(ColumnDef, cell)->colname));
    return NIL;
}

static List *primary_key_known(const struct catalog_relation *relation)
{
    List *names = NIL;
    for (int i = 0; relation && i < relation->unique_count; i++)
        for (int k = 0; relation->uniques[i].primary && k < relation->uniques[i].column_count; k++)
            names = lappend(names, makeString(pstrdup(relation->columns[relation->uniques[i].columns[k]].name)));
    return names;
}

/* The names of the referenced columns; NIL: not known. */
static List *referenced_columns(const struct planning *planning, const Constraint *constraint, const CreateStmt *create)
{
    if (constraint->pk_attrs)
        return constraint->pk_attrs;
    bool itself = create && !strcmp(create->relation->relname, constraint->pktable->relname);
    return itself ? primary_key_written(create) : primary_key_known(resolve_relation(planning, constraint->pktable).relation);
}

static int place_of(const List *names, const char *name)
{
    for (int i = 0; i < list_length(names); i++)
        if (!strcmp(strVal(list_nth(names, i)), name))
            return i;
    return -1;
}

/* Where the key is referenced, does the key refer to it? */
static bool keys_meet(const struct routed_table *table, const struct routed_table *target, const List *referencing, const List *referenced)
{
    for (size_t k = 0; k < target->settings->key_count; k++) {
        int place = place_of(referenced, target->settings->key[k]);
        if (place >= 0 && place < list_length(referencing) &&
            (k >= table->settings->key_count || strcmp(strVal(list_nth(referencing, place)), table->settings->key[k])))
            return false;
    }
    return true;
}

static void refuse_other_column(struct plan *plan, const struct routed_table *target, const char *name, const char *referenced)
{
    plan_refuse(plan, "a foreign key from another column than the key to a key is not supported with several shards",
                "Make the referenced table a reference table, or leave the foreign key out.",
                "Key column \"%s\" of \"%s\" says on which shard its rows live, and rows of \"%s\" that refer to them would be on others.",
                target->settings->key[0], referenced, name);
}

void check_foreign_key(struct plan *plan, const struct planning *planning, const struct routed_table *table, const char *name,
                       const Constraint *constraint, const char *column, const CreateStmt *create)
{
    if (constraint->contype != CONSTR_FOREIGN)
        return;
    const struct routed_table *target = place_owner(planning, constraint->pktable);
    if ((target && !target->keyspace) || (!table && !target))
        return;
    if (!table || !target || !table->keyspace || !keyspace_same(table->keyspace, target->keyspace)) {
        plan_refuse(plan, "a foreign key between tables on different shards is not supported",
                    "Make the referenced table a reference table, or leave the foreign key out.",
                    "A shard that has rows of \"%s\" does not have all rows of \"%s\".", name, constraint->pktable->relname);
        return;
    }
    const List *referencing = column ? list_make1(makeString(pstrdup(column))) : constraint->fk_attrs;
    if (!keys_meet(table, target, referencing, referenced_columns(planning, constraint, create)))
        refuse_other_column(plan, target, name, constraint->pktable->relname);
}
