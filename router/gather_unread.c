/*
 * The rules are those of PostgreSQL 15: remove_unused_subquery_outputs() in allpaths.c, inline_cte() in subselect.c (a query of WITH that is
 * read once and not MATERIALIZED stands where it is read), simplify_EXISTS_query().  Where they leave a column alone, so does this: an error
 * in it is PostgreSQL's, too.  What reads columns without naming them (*, a row, NATURAL) reads all.
 *
 * A column stays in its place, as a constant, so that others keep their numbers.
 */
#include "router/gather_unread.h"

#include <string.h>

#include "router/expressions.h"
#include "router/float_steps.h"
#include "router/gather_push.h"

/* ---- WITH ---- */

static bool mentions(Node *node, void *context)
{
    const char *name = context;
    if (!node)
        return false;
    if (IsA(node, RangeVar) && !castNode(RangeVar, node)->schemaname && !strcmp(castNode(RangeVar, node)->relname, name))
        return true;
    return parse_walk(node, mentions, context);
}

void gather_drop_unused_ctes(SelectStmt *select)
{
    WithClause *with = select->withClause;
    bool dropped = with != NULL;
    while (dropped) {
        dropped = false;
        for (int i = 0; i < list_length(with->ctes) && !dropped; i++) {
            CommonTableExpr *cte = list_nth_node(CommonTableExpr, with->ctes, i);
            List *others = list_delete_nth_cell(list_copy(with->ctes), i);
            select->withClause = NULL;
            dropped = IsA(cte->ctequery, SelectStmt) && !mentions((Node *) select, cte->ctename) &&
                      !mentions((Node *) others, cte->ctename);
            select->withClause = with;
            if (dropped)
                with->ctes = others;
        }
    }
    if (with && !with->ctes)
        select->withClause = NULL;
}

/* A query of WITH, and how often the statement names it. */
struct cte_use {
    const char *name;
    CommonTableExpr *cte;
    int ctes, readings;
};

static bool count_uses(Node *node, void *context)
{
    struct cte_use *use = context;
    if (!node)
        return false;
    if (IsA(node, WithClause)) {
        WithClause *with = castNode(WithClause, node);
        ListCell *cell;
        foreach (cell, with->ctes)
            if (!strcmp(lfirst_node(CommonTableExpr, cell)->ctename, use->name)) {
                use->ctes += 1 + with->recursive; /* one that may read itself is never the only one */
                use->cte = lfirst(cell);
            }
    }
    if (IsA(node, RangeVar) && !castNode(RangeVar, node)->schemaname)
        use->readings += !strcmp(castNode(RangeVar, node)->relname, use->name);
    return parse_walk(node, count_uses, context);
}

/* ---- what a query reads of an item of its FROM ---- */

struct reading {
    const Node *item; /* not to be looked into */
    const char *name;
    struct gathering *gathering;
    const char **columns;
    int count, room;
    bool all;
};

static void read_name(struct reading *reading, const char *name)
{
    *ARRAY_ADD(reading->gathering->analysis, reading->columns, reading->count, reading->room) = name;
}

static void read_reference(struct reading *reading, const ColumnRef *reference)
{
    int count = list_length(reference->fields);
    ListCell *cell;
    foreach (cell, reference->fields)
        if (IsA(lfirst(cell), String))
            read_name(reading, strVal(lfirst(cell)));
    if (IsA(llast(reference->fields), A_Star))
        reading->all |= count > 1 && !strcmp(strVal(list_nth(reference->fields, count - 2)), reading->name);
    else
        reading->all |= count == 1 && !strcmp(strVal(linitial(reference->fields)), reading->name);
}

static bool read_columns(Node *node, void *context)
{
    struct reading *reading = context;
    ListCell *cell;
    if (!node || node == reading->item)
        return false;
    if (IsA(node, ColumnRef))
        read_reference(reading, castNode(ColumnRef, node));
    if (IsA(node, JoinExpr)) {
        reading->all |= castNode(JoinExpr, node)->isNatural || castNode(JoinExpr, node)->alias;
        foreach (cell, castNode(JoinExpr, node)->usingClause)
            read_name(reading, strVal(lfirst(cell)));
    }
    return parse_walk(node, read_columns, context);
}

static bool is_bare_star(const Node *node)
{
    return IsA(node, ColumnRef) && list_length(((const ColumnRef *) node)->fields) == 1 &&
           IsA(linitial(((const ColumnRef *) node)->fields), A_Star);
}

static bool is_star(const Node *node)
{
    return IsA(node, ColumnRef) && IsA(llast(((const ColumnRef *) node)->fields), A_Star);
}

static bool is_read(const struct reading *reading, const char *column)
{
    for (int i = 0; i < reading->count; i++)
        if (!strcmp(reading->columns[i], column))
            return true;
    return false;
}

static struct reading read_item(struct gathering *gathering, SelectStmt *select, const Node *item, const char *name)
{
    struct reading reading = {.item = item, .name = name, .gathering = gathering};
    ListCell *cell;
    foreach (cell, select->targetList)
        reading.all |= is_bare_star(lfirst_node(ResTarget, cell)->val);
    parse_walk((Node *) select, read_columns, &reading);
    return reading;
}

/* ---- columns that may go ---- */

static bool has_effect(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, FuncCall)) {
        enum function_class class = function_facts(gathering->analysis->planning, castNode(FuncCall, node)).class;
        if (class != FUNCTION_SAFE && class != FUNCTION_CLOCK)
            return true;
    }
    return parse_walk(node, has_effect, context);
}

/* It makes several rows of one, or a parameter takes its type from it. */
static bool matters(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node)
        return false;
    if (IsA(node, ParamRef))
        return true;
    if (IsA(node, FuncCall) && function_facts(gathering->analysis->planning, castNode(FuncCall, node)).returns_set)
        return true;
    return parse_walk(node, matters, context);
}

static bool has_aggregate(Node *node, void *context)
{
    struct gathering *gathering = context;
    if (!node || IsA(node, SubLink))
        return false;
    if (IsA(node, FuncCall) && !castNode(FuncCall, node)->over &&
        function_facts(gathering->analysis->planning, castNode(FuncCall, node)).aggregate)
        return true;
    return parse_walk(node, has_aggregate, context);
}

/* GROUP BY and ORDER BY may mean a column by its number, or by its name. */
struct position {
    int number; /* from 1 */
    const char *name;
};

static bool is_meant(Node *node, void *context)
{
    const struct position *position = context;
    if (!node)
        return false;
    if (IsA(node, A_Const) && !castNode(A_Const, node)->isnull && IsA(&castNode(A_Const, node)->val, Integer))
        return castNode(A_Const, node)->val.ival.ival == position->number;
    if (IsA(node, ColumnRef))
        return list_length(castNode(ColumnRef, node)->fields) == 1 && !is_star(node) &&
               !strcmp(strVal(linitial(castNode(ColumnRef, node)->fields)), position->name);
    bool holds_items = IsA(node, List) || IsA(node, SortBy) || IsA(node, GroupingSet) || IsA(node, RowExpr);
    return holds_items && parse_walk(node, is_meant, context); /* in other expressions they mean what they are */
}

static bool forget_orders(Node *node, void *context)
{
    struct gathering *gathering = context;
    struct analysis *analysis = gathering->analysis;
    if (!node)
        return false;
    for (int i = 0; i < analysis->order_dependent_count; i++)
        if ((const Node *) analysis->order_dependents[i].call == node)
            analysis->order_dependents[i].name = NULL;
    return parse_walk(node, forget_orders, context);
}

static Node *count_of_rows(void)
{
    FuncCall *call = expression_call("count", NULL);
    call->args = NIL;
    call->agg_star = true;
    return (Node *) call;
}

static void note_forgotten(const struct analysis *analysis, const SelectStmt *select, const Node *expression)
{
    for (int i = 0; i < analysis->query_count; i++) {
        struct query *query = analysis->queries[i];
        for (int k = 0; query->select == select && k < query->output_count; k++)
            query->outputs[k].forgotten |= query->outputs[k].expression == expression;
    }
}

/* A query without GROUP BY has one row because it has an aggregate: it keeps one. */
static void forget(struct gathering *gathering, const SelectStmt *select, ResTarget *target)
{
    bool aggregates = !select->groupClause && has_aggregate(target->val, gathering);
    target->name = (char *) output_name(target);
    forget_orders(target->val, gathering);
    note_forgotten(gathering->analysis, select, target->val);
    target->val = aggregates ? count_of_rows() : expression_cast(expression_null(), "text");
}

/* Is the target's column, of this number and under this name, not read by anybody, and free to go? */
static bool is_unread(const struct reading *reading, const SelectStmt *select, const ResTarget *target, int number, const char *name)
{
    struct position position = {number, output_name(target)};
    return !is_star(target->val) && !is_read(reading, name) && !is_meant((Node *) select->groupClause, &position) &&
           !is_meant((Node *) select->sortClause, &position) && !has_effect(target->val, reading->gathering) &&
           !matters(target->val, reading->gathering);
}

static void forget_columns_of_union(struct reading *reading, SelectStmt *select, const List *names);

static void forget_columns(struct reading *reading, SelectStmt *select, const List *names)
{
    ListCell *cell;
    int number = 0;
    if (select->op == SETOP_UNION)
        forget_columns_of_union(reading, select, names);
    if (reading->all || select->op != SETOP_NONE || select->distinctClause || select->valuesLists || select->intoClause)
        return;
    foreach (cell, select->targetList)
        if (is_star(lfirst_node(ResTarget, cell)->val) && names)
            return;
    foreach (cell, select->targetList) {
        ResTarget *target = lfirst_node(ResTarget, cell);
        const char *name = ++number <= list_length(names) ? strVal(list_nth(names, number - 1)) : output_name(target);
        if (!IsA(target->val, A_Const) && is_unread(reading, select, target, number, name))
            forget(reading->gathering, select, target);
    }
}

/* … of UNION ALL: PostgreSQL takes its arms apart if their columns have the same types, and nothing is done with all rows. */

static List *arms_of_union(SelectStmt *select, List *arms)
{
    if (select->op == SETOP_NONE)
        return lappend(arms, select);
    bool plain = select->op == SETOP_UNION && select->all && !select->sortClause && !select->limitCount && !select->limitOffset &&
                 !select->lockingClause && !select->withClause && !select->intoClause;
    return plain ? arms_of_union(select->rarg, arms_of_union(select->larg, arms)) : lappend(arms, NULL);
}

static bool are_plain(struct gathering *gathering, const List *arms)
{
    int columns = linitial(arms) ? list_length(linitial_node(SelectStmt, arms)->targetList) : 0;
    ListCell *cell, *target;
    foreach (cell, arms) {
        const SelectStmt *arm = lfirst(cell);
        if (!arm || arm->distinctClause || arm->valuesLists || arm->intoClause || arm->withClause || list_length(arm->targetList) != columns ||
            !gather_first_reading(gathering, arm))
            return false;
        foreach (target, arm->targetList) {
            const Node *value = lfirst_node(ResTarget, target)->val;
            if (is_star(value) || (!arm->groupClause && has_aggregate((Node *) value, gathering)))
                return false;
        }
    }
    return true;
}

static const ResTarget *column_of_arm(const SelectStmt *arm, int number)
{
    return list_nth_node(ResTarget, arm->targetList, number - 1);
}

/* Of all its columns: one that differs makes PostgreSQL compute them all. */
static bool have_same_types(struct gathering *gathering, const List *arms)
{
    const struct text_order *order;
    ListCell *cell;
    for (int number = 1; number <= list_length(linitial_node(SelectStmt, arms)->targetList); number++) {
        uint32_t type = 0;
        foreach (cell, arms) {
            const SelectStmt *arm = lfirst_node(SelectStmt, cell);
            uint32_t of_arm = analysis_infer(gathering->analysis, gather_first_reading(gathering, arm), column_of_arm(arm, number)->val, &order);
            if (!of_arm || (type && of_arm != type))
                return false;
            type = of_arm;
        }
    }
    return true;
}

static void forget_columns_of_union(struct reading *reading, SelectStmt *select, const List *names)
{
    List *arms = arms_of_union(select, NIL);
    ListCell *cell;
    if (reading->all || !are_plain(reading->gathering, arms) || !have_same_types(reading->gathering, arms))
        return;
    for (int number = 1; number <= list_length(linitial_node(SelectStmt, arms)->targetList); number++) {
        const char *name = number <= list_length(names) ? strVal(list_nth(names, number - 1)) : output_name(column_of_arm(linitial(arms), number));
        bool unread = true;
        foreach (cell, arms)
            unread &= is_unread(reading, lfirst(cell), column_of_arm(lfirst(cell), number), number, name);
        foreach (cell, unread ? arms : NIL)
            forget(reading->gathering, lfirst(cell), (ResTarget *) column_of_arm(lfirst(cell), number));
    }
}

/* ---- columns that gave their places to others (float_steps) ---- */

static ResTarget *target_of(const struct lifted_column *column)
{
    ListCell *cell;
    foreach (cell, column->select->targetList)
        if (lfirst_node(ResTarget, cell)->val == column->value)
            return lfirst(cell);
    return NULL;
}

static int number_of(const SelectStmt *select, const ResTarget *target)
{
    int number = 1;
    ListCell *cell;
    foreach (cell, select->targetList) {
        if (lfirst(cell) == target)
            break;
        number++;
    }
    return number;
}

static bool find_stars(Node *node, void *context)
{
    return node && (is_star(node) || parse_walk(node, find_stars, context));
}

/* Columns that are read under other names than their own. */
static bool find_column_lists(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, Alias) && castNode(Alias, node)->colnames)
        return true;
    if (IsA(node, RangeVar) && castNode(RangeVar, node)->alias && castNode(RangeVar, node)->alias->colnames)
        return true;
    if (IsA(node, RangeSubselect) && castNode(RangeSubselect, node)->alias && castNode(RangeSubselect, node)->alias->colnames)
        return true;
    if (IsA(node, CommonTableExpr) && castNode(CommonTableExpr, node)->aliascolnames)
        return true;
    return parse_walk(node, find_column_lists, context);
}

/* The others compute the same: nothing is left out.  It may be a query of WITH that is read several times, under other names. */
static void forget_lifted(struct gathering *gathering, const struct lifted_column *column)
{
    ResTarget *target = target_of(column);
    if (!target)
        return;
    struct reading reading = {.item = (const Node *) column->select, .name = "", .gathering = gathering};
    struct position position = {number_of(column->select, target), output_name(target)};
    read_columns((Node *) gathering->query, &reading);
    if (!reading.all && !find_column_lists((Node *) gathering->query, NULL) && !find_stars((Node *) gathering->query, NULL) && !is_read(&reading, position.name) &&
        !is_meant((Node *) column->select->groupClause, &position) && !is_meant((Node *) column->select->sortClause, &position))
        forget(gathering, column->select, target);
}

/* ---- the items of FROM ---- */

static void look_at_subquery(struct gathering *gathering, SelectStmt *select, RangeSubselect *item)
{
    if (!item->alias || !IsA(item->subquery, SelectStmt))
        return;
    struct reading reading = read_item(gathering, select, item->subquery, item->alias->aliasname);
    forget_columns(&reading, castNode(SelectStmt, item->subquery), item->alias->colnames);
}

/* The names under which a query of WITH is read, all over the statement. */
struct cte_reading {
    struct reading reading;
    const char *cte;
    int found;
};

static void add_reading(struct cte_reading *all, SelectStmt *select, const RangeVar *item)
{
    struct gathering *gathering = all->reading.gathering;
    struct reading one = read_item(gathering, select, all->reading.item, item->alias ? item->alias->aliasname : item->relname);
    all->found++;
    all->reading.all |= one.all || (item->alias && item->alias->colnames);
    for (int i = 0; i < one.count; i++)
        read_name(&all->reading, one.columns[i]);
}

static void find_readings_of_item(struct cte_reading *all, SelectStmt *select, Node *item)
{
    if (IsA(item, JoinExpr)) {
        find_readings_of_item(all, select, castNode(JoinExpr, item)->larg);
        find_readings_of_item(all, select, castNode(JoinExpr, item)->rarg);
    } else if (IsA(item, RangeVar) && !castNode(RangeVar, item)->schemaname && !strcmp(castNode(RangeVar, item)->relname, all->cte)) {
        add_reading(all, select, castNode(RangeVar, item));
    }
}

static bool find_readings(Node *node, void *context)
{
    ListCell *cell;
    if (!node)
        return false;
    if (IsA(node, SelectStmt))
        foreach (cell, castNode(SelectStmt, node)->fromClause)
            find_readings_of_item(context, castNode(SelectStmt, node), lfirst(cell));
    return parse_walk(node, find_readings, context);
}

/* NOT MATERIALIZED: it stands wherever it is read. */
static void look_at_repeated_cte(struct gathering *gathering, const struct cte_use *use)
{
    struct cte_reading all = {.reading = {.item = use->cte->ctequery, .gathering = gathering}, .cte = use->name};
    find_readings((Node *) gathering->query, &all);
    if (all.found == use->readings)
        forget_columns(&all.reading, castNode(SelectStmt, use->cte->ctequery), use->cte->aliascolnames);
}

static void look_at_cte(struct gathering *gathering, SelectStmt *select, const RangeVar *item)
{
    struct cte_use use = {.name = item->relname};
    if (item->schemaname || !analysis_is_cte(gathering->analysis, item))
        return;
    count_uses((Node *) gathering->query, &use);
    if (use.ctes != 1 || use.cte->ctematerialized == CTEMaterializeAlways || !IsA(use.cte->ctequery, SelectStmt) ||
        has_effect(use.cte->ctequery, gathering))
        return;
    if (use.readings != 1) {
        if (use.cte->ctematerialized == CTEMaterializeNever)
            look_at_repeated_cte(gathering, &use);
        return;
    }
    const List *names = item->alias && item->alias->colnames ? item->alias->colnames : use.cte->aliascolnames;
    if (list_length(names) < list_length(use.cte->aliascolnames))
        return;
    struct reading reading = read_item(gathering, select, use.cte->ctequery, item->alias ? item->alias->aliasname : item->relname);
    forget_columns(&reading, castNode(SelectStmt, use.cte->ctequery), names);
}

static void look_at_item(struct gathering *gathering, SelectStmt *select, Node *item)
{
    if (IsA(item, JoinExpr)) {
        look_at_item(gathering, select, castNode(JoinExpr, item)->larg);
        look_at_item(gathering, select, castNode(JoinExpr, item)->rarg);
    } else if (IsA(item, RangeSubselect)) {
        look_at_subquery(gathering, select, castNode(RangeSubselect, item));
    } else if (IsA(item, RangeVar)) {
        look_at_cte(gathering, select, castNode(RangeVar, item));
    }
}

static bool has_window(Node *node, void *context)
{
    if (!node || IsA(node, SubLink))
        return false;
    return (IsA(node, FuncCall) && castNode(FuncCall, node)->over) || parse_walk(node, has_window, context);
}

/* Whether there are rows does not depend on what is selected of them. */
static void look_at_exists(struct gathering *gathering, SelectStmt *select)
{
    struct reading nothing = {.gathering = gathering};
    ListCell *cell;
    if (select->groupClause || select->havingClause || select->sortClause || select->windowClause || select->limitCount ||
        select->limitOffset || select->lockingClause)
        return;
    foreach (cell, select->targetList)
        if (has_aggregate(lfirst_node(ResTarget, cell)->val, gathering) ||
            has_window(lfirst_node(ResTarget, cell)->val, NULL))
            return;
    forget_columns(&nothing, select, NIL);
}

/* From the outside to the inside: what nobody reads reads nothing either. */
static bool look(Node *node, void *context)
{
    struct gathering *gathering = context;
    ListCell *cell;
    if (!node)
        return false;
    if (IsA(node, SelectStmt)) {
        gather_drop_unused_ctes(castNode(SelectStmt, node));
        foreach (cell, castNode(SelectStmt, node)->fromClause)
            look_at_item(gathering, castNode(SelectStmt, node), lfirst(cell));
    }
    if (IsA(node, SubLink) && castNode(SubLink, node)->subLinkType == EXISTS_SUBLINK &&
        IsA(castNode(SubLink, node)->subselect, SelectStmt))
        look_at_exists(gathering, castNode(SelectStmt, castNode(SubLink, node)->subselect));
    return parse_walk(node, look, context);
}

void gather_forget_unread(struct gathering *gathering, SelectStmt *select)
{
    ListCell *cell;
    look((Node *) select, gathering);
    foreach (cell, gathering->analysis->lifted_columns)
        forget_lifted(gathering, lfirst(cell));
}
