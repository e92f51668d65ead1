/*
 * Proof: each combination of rows that matters fulfils all conjuncts.  A row for which no combination of it with rows of its partners fulfils
 * those that speak of these tables alone, stands in none.  Its partners are tables whose rows, as far as they can stand beside
 * it, are all on its own shard: reference tables, and sharded ones that are tied to it by their keys.
 *
 * Partners that only the table itself ties to each other are asked for apart: one row with three hundred here, five hundred there and seven
 * hundred elsewhere stands in more combinations than anybody can look through, and EXISTS is read as a join of its tables.  Columns that equal
 * each other because both equal a column of the table are therefore compared with that: a = b and b = c say a = c.
 */
#include "router/gather_partners.h"

#include <string.h>

#include "router/expressions.h"
#include "router/gather_filter.h"
#include "router/prove.h"
#include "router/sql_types.h"

static const struct scan *scan_at(const struct joined *joined, int place)
{
    return &joined->analysis->scans[joined->scans[place]];
}

/* ---- who they are ---- */

/* Sharded partners are tied in the one reading that there is; another might not have what ties them. */
static bool is_read_once(const struct analysis *analysis, const struct scan *scan)
{
    int readings = 0;
    for (int i = 0; i < analysis->scan_count; i++)
        readings += analysis->scans[i].range == scan->range;
    return readings == 1;
}

bool gather_is_partner(struct analysis *analysis, const struct scan *scan, const struct scan *other)
{
    const struct resolved_relation *relation = &other->relation;
    if (!relation->table || relation->table->problem || !relation->relation)
        return false;
    if (relation->place == PLACE_REFERENCE)
        return true;
    return scan_is_sharded(other) && is_read_once(analysis, scan) && scans_are_tied(analysis, scan, other);
}

static table_set partners_of(const struct joined *joined, int place)
{
    table_set set = 0;
    for (int i = 0; i < joined->count; i++)
        if (i != place && gather_is_partner(joined->analysis, scan_at(joined, place), scan_at(joined, i)))
            set |= (table_set) 1 << i;
    return set;
}

/* ---- columns that equal one of the table ---- */

bool gather_slots_compare(const struct analysis *analysis, int one, int other)
{
    const struct slot *left = &analysis->slots[one], *right = &analysis->slots[other];
    return types_compare(left->type, right->type) && left->type < FIRST_USER_TYPE &&
           (!type_is_string(left->type) || (left->order && left->order == right->order));
}

static bool equates(const struct conjunct *conjunct)
{
    return conjunct->slots[0] != NO_SLOT && conjunct->slots[1] != NO_SLOT;
}

static int root(int *parents, int slot)
{
    while (parents[slot] != slot)
        slot = parents[slot] = parents[parents[slot]];
    return slot;
}

/* Which slots are equal: those of one root. */
static int *find_classes(const struct joined *joined)
{
    int *parents = arena_alloc_array(joined->analysis->arena, (size_t) joined->analysis->slot_count, sizeof *parents);
    for (int i = 0; i < joined->analysis->slot_count; i++)
        parents[i] = i;
    for (int i = 0; i < joined->conjunct_count; i++)
        if (equates(&joined->conjuncts[i]))
            parents[root(parents, joined->conjuncts[i].slots[0])] = root(parents, joined->conjuncts[i].slots[1]);
    return parents;
}

static int table_of(const struct joined *joined, int slot)
{
    for (int i = 0; i < joined->count; i++) {
        const struct scan *scan = scan_at(joined, i);
        if (slot >= scan->first_slot && slot < scan->first_slot + scan->relation.relation->column_count)
            return i;
    }
    return -1;
}

/* The column of the table at the place that equals the slot, of those that can be compared with it; NO_SLOT: none does. */
static int equal_column(const struct joined *joined, int *parents, int place, int slot)
{
    const struct scan *scan = scan_at(joined, place);
    for (int i = 0; i < scan->relation.relation->column_count; i++) {
        int own = scan->first_slot + i;
        if (root(parents, own) == root(parents, slot) && gather_slots_compare(joined->analysis, own, slot))
            return own;
    }
    return NO_SLOT;
}

static const char *name_at(const struct joined *joined, int place)
{
    const RangeVar *range = scan_at(joined, place)->range;
    return range->alias ? range->alias->aliasname : range->relname;
}

static bool has_name_of_its_own(const struct joined *joined, int place)
{
    for (int i = 0; i < joined->count; i++)
        if (i != place && !strcmp(name_at(joined, i), name_at(joined, place)))
            return false;
    return true;
}

static Node *column_at(const struct joined *joined, int place, int slot)
{
    const struct scan *scan = scan_at(joined, place);
    ColumnRef *reference = makeNode(ColumnRef);
    reference->fields = list_make2(makeString((char *) name_at(joined, place)),
                                   makeString((char *) scan->relation.relation->columns[slot - scan->first_slot].name));
    reference->location = -1;
    return (Node *) reference;
}

/* ---- what holds, said by the table's own columns ---- */

struct saying {
    const struct joined *joined;
    int place;
    int *parents;
    struct conjunct *conjuncts;
    int count;
};

static bool is_among(const struct conjunct *conjuncts, int count, int own, int slot)
{
    for (int i = 0; i < count; i++) {
        const int *slots = conjuncts[i].slots;
        if ((slots[0] == own && slots[1] == slot) || (slots[0] == slot && slots[1] == own))
            return true;
    }
    return false;
}

static bool is_said(const struct saying *saying, int own, int slot)
{
    return is_among(saying->joined->conjuncts, saying->joined->conjunct_count, own, slot) ||
           is_among(saying->conjuncts, saying->count, own, slot);
}

/* The slot, of another table, is compared with the table's own column instead; false: it cannot be. */
static bool say_by_own(struct saying *saying, int slot)
{
    const struct joined *joined = saying->joined;
    int table = table_of(joined, slot), own = equal_column(joined, saying->parents, saying->place, slot);
    if (own == NO_SLOT || table < 0 || !has_name_of_its_own(joined, table) || !has_name_of_its_own(joined, saying->place))
        return false;
    if (!is_said(saying, own, slot))
        saying->conjuncts[saying->count++] = (struct conjunct){
            .node = expression_operation("=", column_at(joined, saying->place, own), column_at(joined, table, slot)),
            .used = (table_set) 1 << saying->place | (table_set) 1 << table,
            .slots = {own, slot},
        };
    return true;
}

/* Two columns of partners that equal one of the table need not be compared with each other. */
static void say(struct saying *saying, const struct conjunct *conjunct)
{
    bool of_others = equates(conjunct) && !(conjunct->used >> saying->place & 1);
    if (!of_others || !say_by_own(saying, conjunct->slots[0]) || !say_by_own(saying, conjunct->slots[1]))
        saying->conjuncts[saying->count++] = *conjunct;
}

static struct joined said_by_own(const struct joined *joined, int place)
{
    struct saying saying = {.joined = joined, .place = place, .parents = find_classes(joined)};
    saying.conjuncts = arena_alloc_array(joined->analysis->arena, 3 * (size_t) joined->conjunct_count, sizeof *saying.conjuncts);
    for (int i = 0; i < joined->conjunct_count; i++)
        say(&saying, &joined->conjuncts[i]);
    struct joined said = *joined;
    said.conjuncts = saying.conjuncts;
    said.conjunct_count = saying.count;
    return said;
}

/* ---- the conditions ---- */

/* Those that equalities lead to, from table to table. */
static table_set reachable(const struct joined *joined, table_set from, table_set within)
{
    bool grows = true;
    while (grows) {
        grows = false;
        for (int i = 0; i < joined->conjunct_count; i++) {
            const struct conjunct *conjunct = &joined->conjuncts[i];
            if (!equates(conjunct) || (conjunct->used & ~within) || !(conjunct->used & from) || !(conjunct->used & ~from))
                continue;
            from |= conjunct->used;
            grows = true;
        }
    }
    return from;
}

/* EXISTS (SELECT 1 FROM partners WHERE conjuncts) */
static Node *has_partners(const struct joined *joined, table_set partners, List *conjuncts)
{
    SelectStmt *select = makeNode(SelectStmt);
    SubLink *link = makeNode(SubLink);
    ResTarget *target = makeNode(ResTarget);
    target->val = expression_number("1");
    target->location = link->location = -1;
    select->targetList = list_make1(target);
    for (int i = 0; i < joined->count; i++) {
        if (!(partners >> i & 1))
            continue;
        RangeVar *range = (RangeVar *) copyObjectImpl(scan_at(joined, i)->range);
        range->schemaname = (char *) scan_at(joined, i)->relation.schema;
        select->fromClause = lappend(select->fromClause, range);
    }
    select->whereClause = gather_conjunction(conjuncts);
    link->subLinkType = EXISTS_SUBLINK;
    link->subselect = (Node *) select;
    return (Node *) link;
}

/* What holds for the table and partners that equalities tie to each other. */
static Node *group_condition(const struct joined *joined, table_set own, table_set group)
{
    List *chosen = NIL;
    bool restricts = false;
    for (int i = 0; i < joined->conjunct_count; i++) {
        const struct conjunct *conjunct = &joined->conjuncts[i];
        if ((conjunct->used & ~(own | group)) || conjunct->used == own)
            continue;
        chosen = lappend(chosen, conjunct->node);
        restricts |= conjunct->restricts;
    }
    return restricts ? has_partners(joined, group, chosen) : NULL;
}

List *gather_partner_conditions(const struct joined *joined, int place)
{
    struct joined said = said_by_own(joined, place);
    table_set own = (table_set) 1 << place, partners = partners_of(joined, place);
    table_set left = reachable(&said, own, own | partners) & ~own;
    List *conditions = NIL;
    while (left) {
        table_set group = reachable(&said, left & -left, left);
        Node *condition = group_condition(&said, own, group);
        if (condition)
            conditions = lappend(conditions, condition);
        left &= ~group;
    }
    return conditions;
}
