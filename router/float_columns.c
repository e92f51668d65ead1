/*
 * Names are looked for in FROM itself: an item has the name that qualifies the column, or it alone has a column of the name.  What is merged (USING,
 * NATURAL), or stands in a join with a name of its own, is left alone.
 */
#include "router/float_columns.h"

#include <string.h>

/* ---- what FROM has ---- */

struct looking {
    const struct analysis *analysis;
    const struct query *query;
    const char *item, *name; /* "item.name"; item may be NULL */
    bool all;                /* no name: all columns of the item */
    const char *owner;       /* the item that has it … */
    const List *names;       /* … with these names for its columns */
    struct float_column column;
    int found;
    bool unclear;
};

static bool is_star(const Node *node)
{
    return IsA(node, ColumnRef) && IsA(llast(((const ColumnRef *) node)->fields), A_Star);
}

/* A query of WITH is read once for each use, each time in the same way. */
static const struct query *first_reading(const struct analysis *analysis, const SelectStmt *select)
{
    for (int i = 0; i < analysis->query_count; i++)
        if (analysis->queries[i]->select == select)
            return analysis->queries[i];
    return NULL;
}

static int count_readings(const struct analysis *analysis, const SelectStmt *select)
{
    int count = 0;
    for (int i = 0; i < analysis->query_count; i++)
        count += analysis->queries[i]->select == select;
    return count;
}

static bool is_simple(const SelectStmt *select)
{
    ListCell *cell;
    if (select->op != SETOP_NONE || select->distinctClause || select->valuesLists || select->intoClause || select->lockingClause)
        return false;
    foreach (cell, select->targetList)
        if (is_star(lfirst_node(ResTarget, cell)->val))
            return false;
    return true;
}

static const char *column_name(const SelectStmt *select, int i, const List *names)
{
    return i < list_length(names) ? strVal(list_nth(names, i)) : output_name(list_nth_node(ResTarget, select->targetList, i));
}

/* `names` in place of the first columns' own. */
static void look_into(struct looking *looking, Node *subquery, const char *item, const List *names)
{
    if (!subquery || !IsA(subquery, SelectStmt) || (looking->item && strcmp(looking->item, item)))
        return;
    SelectStmt *select = castNode(SelectStmt, subquery);
    if (!is_simple(select)) {
        looking->unclear |= looking->item == NULL; /* it might have the column */
        return;
    }
    for (int i = 0; i < list_length(select->targetList); i++)
        if (looking->all ? i == 0 : !strcmp(column_name(select, i, names), looking->name)) {
            looking->found++;
            looking->owner = item;
            looking->names = names;
            looking->column = (struct float_column){select, first_reading(looking->analysis, select),
                                                    list_nth_node(ResTarget, select->targetList, i)->val};
        }
}

/* What others take of a query of WITH that is read several times. */
struct sharing {
    const char *name;
    List *aliases; /* under which it is read */
    bool taken;    /* all of its columns */
};

static bool find_aliases(Node *node, void *context)
{
    struct sharing *sharing = context;
    if (!node)
        return false;
    if (IsA(node, RangeVar) && !strcmp(castNode(RangeVar, node)->relname, sharing->name))
        sharing->aliases = lappend(sharing->aliases, castNode(RangeVar, node)->alias ? castNode(RangeVar, node)->alias->aliasname
                                                                                     : castNode(RangeVar, node)->relname);
    return parse_walk(node, find_aliases, context);
}

static bool is_alias(const struct sharing *sharing, const char *name)
{
    ListCell *cell;
    foreach (cell, sharing->aliases)
        if (!strcmp(lfirst(cell), name))
            return true;
    return false;
}

/* Any *, a row, a join of whatever has the same name. */
static bool find_takers(Node *node, void *context)
{
    struct sharing *sharing = context;
    if (!node)
        return false;
    if (IsA(node, JoinExpr))
        sharing->taken |= castNode(JoinExpr, node)->isNatural || castNode(JoinExpr, node)->alias;
    if (IsA(node, ColumnRef)) {
        const List *fields = castNode(ColumnRef, node)->fields;
        sharing->taken |= is_star(node) || (list_length(fields) == 1 && is_alias(sharing, strVal(linitial(fields))));
    }
    return parse_walk(node, find_takers, context);
}

static bool is_taken(const struct analysis *analysis, const struct cte *cte)
{
    struct sharing sharing = {.name = cte->name};
    Node *statement = analysis->query_count ? (Node *) analysis->queries[0]->select : NULL;
    find_aliases(statement, &sharing);
    find_takers(statement, &sharing);
    return !statement || sharing.taken;
}

/* Under another name nobody else must take all of its columns. */
static bool is_shared_by_name(const struct analysis *analysis, const struct cte *cte)
{
    struct float_memory *memory = analysis->float_memory;
    Node *select = cte->node->ctequery;
    if (parse_list_has(memory->shared, select) || parse_list_has(memory->taken, select))
        return parse_list_has(memory->shared, select);
    bool shared = count_readings(analysis, (const SelectStmt *) select) <= 1 || !is_taken(analysis, cte);
    List **nodes = shared ? &memory->shared : &memory->taken;
    *nodes = lappend(*nodes, select);
    return shared;
}

static void look_at_cte(struct looking *looking, const RangeVar *range)
{
    const struct cte *cte = analysis_is_cte(looking->analysis, range) ? scope_cte(looking->query->scope, range->relname) : NULL;
    if (!cte || cte->opaque || (!looking->all && !is_shared_by_name(looking->analysis, cte)))
        return;
    const List *names = range->alias && range->alias->colnames ? range->alias->colnames : cte->node->aliascolnames;
    if (list_length(names) >= list_length(cte->node->aliascolnames))
        look_into(looking, cte->node->ctequery, range->alias ? range->alias->aliasname : range->relname, names);
}

static bool merges(const JoinExpr *join, const char *name)
{
    ListCell *cell;
    if (!name)
        return join->alias;
    foreach (cell, join->usingClause)
        if (!strcmp(strVal(lfirst(cell)), name))
            return true;
    return join->isNatural || join->alias;
}

static void look_at(struct looking *looking, Node *item)
{
    if (IsA(item, JoinExpr)) {
        const JoinExpr *join = castNode(JoinExpr, item);
        looking->unclear |= merges(join, looking->name);
        look_at(looking, join->larg);
        look_at(looking, join->rarg);
    } else if (IsA(item, RangeSubselect) && castNode(RangeSubselect, item)->alias) {
        const Alias *alias = castNode(RangeSubselect, item)->alias;
        look_into(looking, castNode(RangeSubselect, item)->subquery, alias->aliasname, alias->colnames);
    } else if (IsA(item, RangeVar)) {
        look_at_cte(looking, castNode(RangeVar, item));
    }
}

/* ---- what takes all columns ---- */

/* item.*, or the item's name alone, which is a row. */
static bool takes_all(Node *node, void *context)
{
    const char *owner = context;
    if (!node)
        return false;
    if (!IsA(node, ColumnRef))
        return parse_walk(node, takes_all, context);
    const List *fields = castNode(ColumnRef, node)->fields;
    int count = list_length(fields);
    if (is_star(node))
        return count > 1 && !strcmp(strVal(list_nth(fields, count - 2)), owner);
    return count == 1 && !strcmp(strVal(linitial(fields)), owner);
}

static bool has_bare_star(const List *targets)
{
    ListCell *cell;
    foreach (cell, targets)
        if (is_star(lfirst_node(ResTarget, cell)->val) && list_length(castNode(ColumnRef, lfirst_node(ResTarget, cell)->val)->fields) == 1)
            return true;
    return false;
}

/* ---- * ---- */

static bool are_unique(const SelectStmt *select, const List *names)
{
    for (int i = 0; i < list_length(select->targetList); i++)
        for (int k = 0; k < i; k++)
            if (!strcmp(column_name(select, i, names), column_name(select, k, names)))
                return false;
    return true;
}

List *float_columns_of(const struct analysis *analysis, const struct query *query, const ColumnRef *star)
{
    struct looking looking = {.analysis = analysis, .query = query, .all = true};
    int count = list_length(star->fields);
    ListCell *cell;
    List *targets = NIL;
    if (count > 2 || (count == 1 && list_length(query->select->fromClause) != 1))
        return NIL;
    looking.item = count == 2 ? strVal(linitial(star->fields)) : NULL;
    foreach (cell, query->select->fromClause)
        if (count == 2 || !IsA(lfirst(cell), JoinExpr))
            look_at(&looking, lfirst(cell));
    if (looking.found != 1 || looking.unclear || !are_unique(looking.column.select, looking.names))
        return NIL;
    for (int i = 0; i < list_length(looking.column.select->targetList); i++) {
        ColumnRef *reference = makeNode(ColumnRef);
        ResTarget *target = makeNode(ResTarget);
        const char *name = column_name(looking.column.select, i, looking.names);
        reference->fields = list_make2(makeString(pstrdup(looking.owner)), makeString(pstrdup(name)));
        target->val = (Node *) reference;
        reference->location = target->location = -1;
        targets = lappend(targets, target);
    }
    return targets;
}

bool float_column_find(const struct analysis *analysis, const struct query *query, const ColumnRef *reference, struct float_column *column)
{
    struct looking looking = {.analysis = analysis, .query = query};
    int count = list_length(reference->fields);
    ListCell *cell;
    if (!query || !query->scope || !query->select || count > 2 || is_star((const Node *) reference) || !scope_finds(query->scope, reference) ||
        has_bare_star(query->select->targetList))
        return false;
    looking.name = strVal(llast(reference->fields));
    looking.item = count == 2 ? strVal(linitial(reference->fields)) : NULL;
    foreach (cell, query->select->fromClause)
        look_at(&looking, lfirst(cell));
    if (looking.found != 1 || looking.unclear || !looking.column.query || looking.column.query->moves_whole || takes_all((Node *) query->select, (void *) looking.owner))
        return false;
    *column = looking.column;
    return true;
}
