/*
 * The parameters of an INSERT whose rows are split.
 *
 * Each shard gets a statement of its own, which may lack a parameter that another one has; it must be told the types of those
 * at least.  A type is known if Parse has declared it, if a cast stands around the parameter, or if the parameter alone is a
 * column's value.  One that stands in a single row is told by that row, on the shard that gets it; the others do not get it.
 */
#include "router/insert_inside.h"
#include "router/sql_types.h"

enum { SHARED = -1, NOT_USED = -2, IN_REST = -3 };

/* ---- where they are ---- */

struct parameter_use {
    bool *used;
    int count;
};

static bool note_parameter(Node *node, void *context)
{
    const struct parameter_use *use = context;
    if (!node)
        return false;
    if (IsA(node, ParamRef)) {
        int number = castNode(ParamRef, node)->number;
        if (number > 0 && number <= use->count)
            use->used[number - 1] = true;
    }
    return parse_walk(node, note_parameter, context);
}

void insert_note_parameters(const struct inserting *inserting, Node *tree, bool *used)
{
    note_parameter(tree, &(struct parameter_use){used, inserting->analysis.parameter_count});
}

/* ---- what they are ---- */

struct finding {
    struct inserting *inserting;
    uint32_t *types; /* by parameter; 0: not known */
    bool *undecided; /* its places say different things, or one says nothing */
    int *rows;       /* the only row that it stands in; or one of the above */
    int row;         /* that is being read; IN_REST: what stands around the rows */
    int count;
};

/* The type of a parameter that a cast stands around; 0: not one of PostgreSQL's own, or not known here. */
static uint32_t type_of_cast(const TypeName *name)
{
    TypeName plain = *name;
    bool array;
    plain.typmods = NIL;
    uint32_t type = analysis_type(&plain, &array);
#define ARRAY_CASE(element, oid, array_oid) \
    case oid: \
        return array ? (array_oid) : (oid);
    switch (type) {
        SQL_TYPES(ARRAY_CASE)
    default:
        return 0;
    }
#undef ARRAY_CASE
}

static void note(struct finding *finding, const ParamRef *parameter, uint32_t type)
{
    int at = parameter->number - 1;
    if (at < 0 || at >= finding->count)
        return;
    finding->rows[at] = finding->rows[at] == NOT_USED || finding->rows[at] == finding->row ? finding->row : SHARED;
    finding->undecided[at] |= !type || (finding->types[at] && finding->types[at] != type);
    finding->types[at] = type;
}

static bool find(Node *node, void *context)
{
    struct finding *finding = context;
    if (!node)
        return false;
    if (IsA(node, TypeCast) && IsA(castNode(TypeCast, node)->arg, ParamRef)) {
        note(finding, castNode(ParamRef, castNode(TypeCast, node)->arg), type_of_cast(castNode(TypeCast, node)->typeName));
        return false;
    }
    if (IsA(node, ParamRef)) {
        note(finding, castNode(ParamRef, node), 0);
        return false;
    }
    return parse_walk(node, find, context);
}

static void find_in_row(struct finding *finding, const List *row)
{
    const struct inserting *inserting = finding->inserting;
    ListCell *cell;
    int place = 0;
    foreach (cell, row) {
        int column = place < inserting->column_count ? inserting->columns[place] : -1;
        place++;
        if (IsA(lfirst(cell), ParamRef) && column >= 0)
            note(finding, lfirst_node(ParamRef, cell), inserting->target.relation->columns[column].type);
        else
            find(lfirst(cell), finding);
    }
}

static void find_in_statement(struct finding *finding)
{
    struct inserting *inserting = finding->inserting;
    InsertStmt rest = *inserting->insert;
    ListCell *cell;
    finding->row = 0;
    if (inserting->values)
        foreach (cell, inserting->values->valuesLists) {
            find_in_row(finding, lfirst_node(List, cell));
            finding->row++;
        }
    rest.selectStmt = NULL;
    finding->row = IN_REST;
    find((Node *) &rest, finding);
}

static bool is_left_out(const struct inserting *inserting, int parameter)
{
    return inserting->evaluation && inserting->evaluation->leaves[parameter];
}

/* What stands around the rows tells all shards the same, but of a query it may have been another place that told the type. */
static bool tells_itself(const struct finding *finding, int parameter)
{
    const struct evaluation *evaluation = finding->inserting->evaluation;
    bool of_query = !finding->inserting->values && evaluation && evaluation->asks[parameter];
    return finding->rows[parameter] != SHARED && !(finding->rows[parameter] == IN_REST && of_query);
}

bool insert_parameter_types(struct inserting *inserting)
{
    struct plan *plan = inserting->plan;
    const struct planning *planning = inserting->analysis.planning;
    struct arena *scratch = inserting->analysis.arena;
    int count = inserting->analysis.parameter_count;
    struct finding finding = {.inserting = inserting, .count = count};
    finding.types = arena_alloc_array(scratch, (size_t) count, sizeof *finding.types);
    finding.undecided = arena_alloc_array(scratch, (size_t) count, sizeof *finding.undecided);
    finding.rows = arena_alloc_array(&plan->arena, (size_t) count, sizeof *finding.rows);
    for (int i = 0; i < count; i++)
        finding.rows[i] = NOT_USED;
    find_in_statement(&finding);
    plan->parameter_types = arena_alloc_array(&plan->arena, (size_t) count, sizeof *plan->parameter_types);
    plan->parameter_count = count;
    for (int i = 0; i < count; i++) {
        uint32_t *type = &plan->parameter_types[i];
        *type = i < planning->type_count ? planning->types[i] : 0;
        bool own = finding.types[i] >= FIRST_USER_TYPE && tells_itself(&finding, i);
        if (!*type && !finding.undecided[i] && !own)
            *type = finding.types[i];
        if (!*type && !is_left_out(inserting, i) && !tells_itself(&finding, i))
            return false;
    }
    if (inserting->values) {
        plan->inside->insert->parameter_count = count;
        plan->inside->insert->parameter_rows = finding.rows;
    }
    return true;
}
