/*
 * Proof: in every combination of rows that can influence the result, a column of the one table equals a column of the other (the scan's
 * region, analyze.h); the other's rows in these combinations are among those of its part.  A row of the first whose value is not among
 * the values of that part stands in no such combination.
 *
 * Which table is the smaller one is not known.  A table that is compared with a constant is taken for smaller than one that is not, and
 * one that is searched for by a value for smaller than one of which a range is wanted.  If the source turns out to be large, its
 * keys are not used.
 */
#include "router/gather_keys.h"

#include <string.h>

#include "router/gather_filter.h"
#include "router/sql_types.h"

/* By scan: where the keys come from, and which columns are equal; source -1: nowhere. */
struct gather_key {
    int source;
    int column, source_column;
    bool is_source; /* of another scan's */
};

/* ---- how much a filter leaves ---- */

enum restriction { UNRESTRICTED, RANGE_WANTED, VALUE_WANTED };

static bool finds_value(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, A_Expr)) {
        const A_Expr *expression = castNode(A_Expr, node);
        bool equal = expression->kind == AEXPR_OP && !strcmp(parse_name(expression->name), "=");
        bool columns = expression->lexpr && IsA(expression->lexpr, ColumnRef) && IsA(expression->rexpr, ColumnRef);
        return (equal && !columns) || (expression->kind == AEXPR_IN && !strcmp(parse_name(expression->name), "="));
    }
    if (IsA(node, BoolExpr) && castNode(BoolExpr, node)->boolop == NOT_EXPR)
        return false;
    return parse_walk(node, finds_value, context);
}

static enum restriction restriction_of(struct gathering *gathering, const struct scan *scan)
{
    List *own;
    Node *filter = gather_filter(gathering->analysis, scan, true, &own);
    return !filter ? UNRESTRICTED : finds_value(filter, NULL) ? VALUE_WANTED : RANGE_WANTED;
}

/* ---- which columns are equal ---- */

static bool is_candidate(const struct gathering *gathering, int scan)
{
    const struct scan *candidate = &gathering->analysis->scans[scan];
    return scan_is_sharded(candidate) && gathering->owners[scan] < 0 && candidate->range && candidate->first_slot != NO_SLOT &&
           candidate->relation.relation;
}

/* What holds in one reading of a name need not hold in another. */
static bool is_read_once(const struct analysis *analysis, int scan)
{
    int readings = 0;
    for (int i = 0; i < analysis->scan_count; i++)
        readings += analysis->scans[i].range == analysis->scans[scan].range;
    return readings == 1;
}

static bool find_columns(struct analysis *analysis, int scan, int source, struct gather_key *key)
{
    const struct scan *one = &analysis->scans[scan], *other = &analysis->scans[source];
    for (int i = 0; i < one->relation.relation->column_count; i++)
        for (int k = 0; k < other->relation.relation->column_count; k++) {
            int left = one->first_slot + i, right = other->first_slot + k;
            uint32_t type = analysis->slots[left].type;
            if (!analysis_equal(analysis, one->region, left, right) || type >= FIRST_USER_TYPE ||
                !types_compare(type, analysis->slots[right].type))
                continue;
            *key = (struct gather_key){.source = source, .column = i, .source_column = k, .is_source = key->is_source};
            return true;
        }
    return false;
}

/* ---- the choice ---- */

static void choose_source(struct gathering *gathering, int scan, const enum restriction *restrictions)
{
    struct gather_key *keys = gathering->keys;
    int best = -1;
    if (keys[scan].is_source || !is_read_once(gathering->analysis, scan))
        return;
    for (int i = 0; i < gathering->analysis->scan_count; i++) {
        if (i == scan || !is_candidate(gathering, i) || keys[i].source >= 0 || restrictions[i] == UNRESTRICTED ||
            restrictions[i] < restrictions[scan] || (restrictions[i] == restrictions[scan] && i > scan) ||
            (best >= 0 && restrictions[i] <= restrictions[best]))
            continue;
        if (find_columns(gathering->analysis, scan, i, &keys[scan]))
            best = i;
    }
    if (best >= 0)
        keys[best].is_source = true;
}

void gather_choose_keys(struct gathering *gathering)
{
    const struct analysis *analysis = gathering->analysis;
    size_t count = (size_t) analysis->scan_count;
    enum restriction *restrictions = arena_alloc_array(analysis->arena, count, sizeof *restrictions);
    gathering->keys = arena_alloc_array(analysis->arena, count, sizeof *gathering->keys);
    for (int i = 0; i < analysis->scan_count; i++) {
        gathering->keys[i].source = -1;
        restrictions[i] = is_candidate(gathering, i) ? restriction_of(gathering, &analysis->scans[i]) : UNRESTRICTED;
    }
    for (int i = 0; i < analysis->scan_count; i++)
        if (is_candidate(gathering, i))
            choose_source(gathering, i, restrictions);
}

bool gather_waits_for_keys(const struct gathering *gathering, int scan)
{
    return gathering->keys[scan].source >= 0;
}

/* ---- the condition ---- */

/* column = ANY ($number) */
static Node *is_among_keys(const char *column, int number)
{
    ColumnRef *reference = makeNode(ColumnRef);
    ParamRef *array = makeNode(ParamRef);
    reference->fields = list_make1(makeString((char *) column));
    array->number = number;
    reference->location = array->location = -1;
    return (Node *) makeA_Expr(AEXPR_OP_ANY, list_make2(makeString((char *) "pg_catalog"), makeString((char *) "=")), (Node *) reference,
                               (Node *) array, -1);
}

static int column_of_part(const struct gathering *gathering, int part, const char *name)
{
    ListCell *cell;
    foreach (cell, gathering->columns[part])
        if (!strcmp(strVal(lfirst(cell)), name))
            return foreach_current_index(cell);
    return -1;
}

void gather_add_keys(struct gathering *gathering, int scan, const SelectStmt *select)
{
    const struct gather_key *key = &gathering->keys[scan];
    const struct scan *scans = gathering->analysis->scans;
    struct gather_part *part = &gathering->parts[gathering->part_count - 1];
    int source = gathering->owners[key->source];
    if (source < 0 || !gathering->scans[source] || !gathering->arrays[source] || !part->binary)
        return;
    int column = column_of_part(gathering, source, scans[key->source].relation.relation->columns[key->source_column].name);
    if (column < 0)
        return;
    const char *name = scans[scan].relation.relation->columns[key->column].name;
    if (scans[scan].relation.relation->columns[key->column].enumeration) /* the array is of labels */
        return;
    SelectStmt restricted = *select;
    Node *among = is_among_keys(name, part->parameter_count + 1);
    restricted.whereClause =
        select->whereClause ? (Node *) makeBoolExpr(AND_EXPR, list_make2(select->whereClause, among), -1) : among;
    part->keyed = parse_deparse((Node *) &restricted, gathering->arena);
    part->key_part = source;
    part->key_column = column;
}
