/*
 * One PostgreSQL computes the expression for each row where it is volatile, and else once for all of them.  Shards that do so for their own rows come to the
 * same if the value is the same everywhere, or if it is another one for each row whoever makes it: random numbers and uuids in the rows of a sharded
 * table, but not in the copies of a reference table.
 *
 * It is not the same if the value comes from a clock, of which each shard has its own where all rows should get one moment, or from a sequence, which
 * each shard begins anew, so that rows of different shards would get equal numbers, and copies of one row different ones.
 */
#include "router/utility_fill.h"

#include <string.h>

#include "router/functions.h"
#include "router/plan_inside.h"

struct fill {
    const struct planning *planning;
    bool copies;     /* a reference table's rows, of which each shard has one */
    const char *why; /* what differs; NULL: nothing */
};

static void note_facts(struct fill *fill, struct function_facts facts)
{
    switch (facts.class) {
    case FUNCTION_SAFE:
        return;
    case FUNCTION_CLOCK:
        fill->why = "each shard has its own clock";
        return;
    case FUNCTION_VOLATILE:
        if (fill->copies)
            fill->why = "each shard would make up values of its own for the copies of a row";
        return;
    case FUNCTION_HOME:
        fill->why = "each shard has its own sequences and catalog";
        return;
    case FUNCTION_LOCK:
    case FUNCTION_SETTING:
    case FUNCTION_UNKNOWN:
    case FUNCTION_READER:
        fill->why = "a function in it may be different on each shard";
        return;
    }
}

static void note_users(struct fill *fill, struct function_facts facts)
{
    if (facts.users)
        note_facts(fill, facts);
}

static bool is_clock(const Node *node)
{
    if (IsA(node, SQLValueFunction))
        return ((const SQLValueFunction *) node)->op <= SVFOP_LOCALTIMESTAMP_N;
    const A_Const *constant = (const A_Const *) node;
    return IsA(node, A_Const) && !constant->isnull && IsA(&constant->val, String) &&
           is_clock_text(constant->val.sval.sval, strlen(constant->val.sval.sval));
}

static bool note_node(Node *node, void *context)
{
    struct fill *fill = context;
    if (!node || fill->why)
        return fill->why != NULL;
    if (IsA(node, FuncCall))
        note_facts(fill, function_facts(fill->planning, castNode(FuncCall, node)));
    else if (IsA(node, A_Expr))
        note_users(fill, function_facts_of_name(fill->planning, castNode(A_Expr, node)->name));
    else if (IsA(node, TypeCast))
        note_users(fill, function_facts_of_cast(fill->planning, castNode(TypeCast, node)->typeName));
    else if (is_clock(node))
        fill->why = "each shard has its own clock";
    return fill->why || parse_walk(node, note_node, context);
}

static bool is_serial(const TypeName *type)
{
    static const char *const names[] = {"serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"};
    for (size_t i = 0; list_length(type->names) == 1 && i < sizeof names / sizeof *names; i++)
        if (!strcmp(parse_name(type->names), names[i]))
            return true;
    return false;
}

static void note_column(struct fill *fill, const ColumnDef *column)
{
    ListCell *cell;
    bool numbered = column->typeName && is_serial(column->typeName);
    note_node(column->raw_default, fill);
    foreach (cell, column->constraints) {
        const Constraint *constraint = lfirst_node(Constraint, cell);
        numbered |= constraint->contype == CONSTR_IDENTITY;
        if (constraint->contype == CONSTR_DEFAULT)
            note_node(constraint->raw_expr, fill);
    }
    if (numbered)
        fill->why = "each shard has its own sequences and catalog";
}

/* IF NOT EXISTS may find that there is nothing to do. */
static bool is_there(const struct planning *planning, const RangeVar *range, const AlterTableCmd *command)
{
    struct resolved_relation relation = resolve_relation(planning, range);
    return command->missing_ok && relation.relation &&
           catalog_column(relation.relation, ((const ColumnDef *) command->def)->colname) >= 0;
}

void check_fill(struct plan *plan, const struct planning *planning, const struct routed_table *table, const RangeVar *range,
                const AlterTableCmd *command)
{
    const ColumnDef *column = (const ColumnDef *) command->def;
    struct fill fill = {.planning = planning, .copies = !table->keyspace};
    const char *name = command->subtype == AT_AddColumn ? column->colname : command->name;
    if (command->subtype == AT_AddColumn && !is_there(planning, range, command))
        note_column(&fill, column);
    else if (command->subtype == AT_AlterColumnType)
        note_node(column->raw_default, &fill);
    if (fill.why)
        plan_refuse(plan, "the rows of a table on several shards cannot be filled like that",
                    "Add the column without it, or with a constant, fill it by UPDATE, and set its default, or make it an identity, then.",
                    "Each shard would compute column \"%s\" for its own rows of \"%s\", and %s.", name, range->relname, fill.why);
}
