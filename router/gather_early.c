/*
 * Proof: let S be tables of the query's FROM and R the others, all of them joined by WHERE and the ON of inner joins, k what the conditions that
 * speak of both, and GROUP BY, take of S, and P the groups of S by k.  Rows of one of these groups have the same k, not just equal ones
 * (clause_is_same_if_equal()); so each of them stands beside the same rows of R, and in the same group of the query, as the group's row of P does.  The
 * rows of a group of the query are therefore those of the groups of P that stand in it, each as often as that stands there.  Of
 * these, sums and counts add up, and the others (min(), bool_or(), …) do not mind (aggregate_split.h).  A row of R counts as often as the groups beside it
 * have rows, and what sums multiply by is the same for all rows of a group (aggregate_weigh.h).
 *
 * On the left of LEFT JOINs rows of S stay what they are, and so do those of its groups; what is on the right is of R.
 *
 * Rows of S that stand beside none of R are grouped as well: what is computed of them cannot fail (safe_expression.h).  P has no group of no rows,
 * as it groups by something.
 *
 * It is worth while if several rows have the same k: not if k contains a unique key, nor, most likely, if it contains moments.  Who is S:
 * a sharded table, those that are tied to it by their keys, and reference tables that are joined to these.
 */
#include "router/gather_early.h"

#include <string.h>

#include "router/aggregate_split.h"
#include "router/aggregate_weigh.h"
#include "router/expressions.h"
#include "router/gather_clauses.h"
#include "router/gather_filter.h"
#include "router/gather_fit.h"
#include "router/prove.h"
#include "router/safe_expression.h"
#include "router/sql_types.h"

/* The alias of the groups: no name of the query means it (has_our_names()). */
#define EARLY_ALIAS "keyway: groups"

enum { MOST_LEAVES = 32, OTHERS = MOST_LEAVES, MOST_OUTER_JOINED = 8 /* PostgreSQL's join_collapse_limit: it goes through no more orders */ };

typedef uint64_t leaf_set; /* of FROM's leaves, and OTHERS: columns that are no leaf's */

struct early {
    struct analysis *analysis;
    const struct query *query;
    SelectStmt *select;
    Node *leaves[MOST_LEAVES];
    const struct scan *scans[MOST_LEAVES]; /* NULL: it is no table whose columns are known */
    int leaf_count;
    leaf_set nullable; /* these stand on the right of LEFT JOINs … */
    List *outer;       /* … which are these, the innermost first */
    bool merged;       /* columns of USING have lost what made them one */
    List *conjuncts;
    leaf_set grouped; /* S */
    List *inside, *outside; /* the conjuncts: of S alone, and the others */
    List *keys;
    int group_count; /* so many keys are those of GROUP BY */
    List *partials;
    bool conditions; /* what is visited is a condition */
    bool apply;      /* the second time around: put the groups' columns in place */
};

static leaf_set bit(int leaf)
{
    return (leaf_set) 1 << leaf;
}

/* ---- FROM ---- */

static bool is_lateral(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, RangeFunction) || IsA(node, RangeTableFunc) || IsA(node, RangeTableSample) ||
        (IsA(node, RangeSubselect) && castNode(RangeSubselect, node)->lateral))
        return true;
    return parse_walk(node, is_lateral, context);
}

static const struct scan *scan_of(const struct early *early, const Node *leaf)
{
    for (int i = early->query->first_scan; i < early->query->rows_end_scan; i++)
        if ((const Node *) early->analysis->scans[i].range == leaf)
            return early->analysis->scans[i].first_slot == NO_SLOT ? NULL : &early->analysis->scans[i];
    return NULL;
}

static bool add_leaf(struct early *early, Node *leaf)
{
    if (early->leaf_count == MOST_LEAVES)
        return false;
    early->scans[early->leaf_count] = scan_of(early, leaf);
    early->leaves[early->leaf_count++] = leaf;
    return true;
}

static int leaf_of_slot(const struct early *early, int slot)
{
    for (int i = 0; i < early->leaf_count; i++) {
        const struct scan *scan = early->scans[i];
        if (scan && slot >= scan->first_slot && slot < scan->first_slot + scan->relation.relation->column_count)
            return i;
    }
    return OTHERS;
}

static const char *name_of_leaf(const struct scan *scan)
{
    return scan->range->alias ? scan->range->alias->aliasname : scan->range->relname;
}

/* table.column, if that means this leaf's; else NULL. */
static Node *column_of_leaf(const struct early *early, int leaf, const char *name)
{
    const struct scan *scan = early->scans[leaf];
    int number = catalog_column(scan->relation.relation, name), level;
    ColumnRef *column = makeNode(ColumnRef);
    column->fields = list_make2(makeString((char *) name_of_leaf(scan)), makeString((char *) name));
    column->location = -1;
    return number >= 0 && scope_resolve(early->query->scope, column, &level) == scan->first_slot + number ? (Node *) column : NULL;
}

/* The same of the one leaf from first on that has the column, all of which must be known. */
static Node *column_of_leaves(const struct early *early, int first, int end, const char *name)
{
    int found = -1;
    for (int i = first; i < end; i++) {
        const struct scan *scan = early->scans[i];
        if (!scan || (scan->range->alias && scan->range->alias->colnames))
            return NULL;
        if (catalog_column(scan->relation.relation, name) < 0)
            continue;
        if (found >= 0)
            return NULL;
        found = i;
    }
    return found < 0 ? NULL : column_of_leaf(early, found, name);
}

static const struct catalog_column *catalog_column_of(const struct early *early, const Node *reference)
{
    int level, slot = scope_resolve(early->query->scope, (const ColumnRef *) reference, &level);
    const struct scan *scan = early->scans[leaf_of_slot(early, slot)];
    return &scan->relation.relation->columns[slot - scan->first_slot];
}

/* The column that is both is of the one's type and of the other's. */
static bool are_of_one_type(const struct early *early, const Node *one, const Node *other)
{
    const struct catalog_column *left = catalog_column_of(early, one), *right = catalog_column_of(early, other);
    return left->type == right->type && left->typmod == right->typmod && !left->collation_is_own && !right->collation_is_own;
}

/* USING (a): left.a = right.a */
static bool add_using(struct early *early, const List *names, int left, int right)
{
    ListCell *cell;
    foreach (cell, names) {
        Node *one = column_of_leaves(early, left, right, strVal(lfirst(cell)));
        Node *other = column_of_leaves(early, right, early->leaf_count, strVal(lfirst(cell)));
        if (!one || !other || !are_of_one_type(early, one, other))
            return false;
        early->conjuncts = lappend(early->conjuncts, makeSimpleA_Expr(AEXPR_OP, "=", one, other, -1));
        early->merged = true;
    }
    return true;
}

/* Other joins than inner ones stay whole. */
static bool add_item(struct early *early, Node *item)
{
    const JoinExpr *join = (const JoinExpr *) item;
    int left = early->leaf_count;
    if (!IsA(item, JoinExpr) || join->jointype != JOIN_INNER || join->isNatural || join->alias || join->join_using_alias)
        return add_leaf(early, item);
    early->conjuncts = list_concat(early->conjuncts, list_copy(gather_conjuncts(join->quals)));
    if (!add_item(early, join->larg))
        return false;
    int right = early->leaf_count;
    return add_item(early, join->rarg) && add_using(early, join->usingClause, left, right);
}

/* What a LEFT JOIN has on its left is as good as FROM itself. */
static bool add_outer(struct early *early, JoinExpr *join)
{
    if (join->isNatural || join->usingClause || join->alias)
        return add_item(early, (Node *) join);
    bool more = IsA(join->larg, JoinExpr) && castNode(JoinExpr, join->larg)->jointype == JOIN_LEFT;
    if (!(more ? add_outer(early, castNode(JoinExpr, join->larg)) : add_item(early, join->larg)) || !add_leaf(early, join->rarg))
        return false;
    early->nullable |= bit(early->leaf_count - 1);
    early->outer = lappend(early->outer, join);
    return early->leaf_count <= MOST_OUTER_JOINED;
}

static bool read_from(struct early *early)
{
    List *from = early->select->fromClause;
    ListCell *cell;
    if (is_lateral((Node *) from, NULL))
        return false;
    early->conjuncts = list_copy(gather_conjuncts(early->select->whereClause));
    if (list_length(from) == 1 && IsA(linitial(from), JoinExpr) && linitial_node(JoinExpr, from)->jointype == JOIN_LEFT)
        return add_outer(early, linitial(from)) && early->leaf_count > 1;
    foreach (cell, from)
        if (!add_item(early, lfirst(cell)))
            return false;
    return early->leaf_count > 1;
}

/* ---- whose columns ---- */

struct mention {
    const struct early *early;
    leaf_set leaves;
    bool subquery;
};

static int leaf_of_column(const struct early *early, const Node *reference)
{
    int level;
    return leaf_of_slot(early, scope_resolve(early->query->scope, (const ColumnRef *) reference, &level));
}

/* Does it need its table's name, as USING does not make it one with others any more? */
static bool is_bare(const struct early *early, const Node *reference)
{
    return early->merged && list_length(((const ColumnRef *) reference)->fields) == 1;
}

/* The column with its table's name; NULL: it is no table's. */
static Node *qualified(const struct early *early, const Node *reference)
{
    int leaf = leaf_of_column(early, reference);
    return leaf == OTHERS ? NULL : column_of_leaf(early, leaf, strVal(linitial(((const ColumnRef *) reference)->fields)));
}

/* True: there is something that is not known. */
static bool mention(Node *node, void *context)
{
    struct mention *mentioned = context;
    const struct early *early = mentioned->early;
    if (!node)
        return false;
    if (IsA(node, ColumnRef)) {
        if (!scope_finds(early->query->scope, castNode(ColumnRef, node)) || (is_bare(early, node) && !qualified(early, node)))
            return true;
        mentioned->leaves |= bit(leaf_of_column(early, node));
        return false;
    }
    if (IsA(node, SubLink)) {
        mentioned->subquery = true;
        return !clause_is_independent(early->analysis, castNode(SubLink, node)) || mention(castNode(SubLink, node)->testexpr, context);
    }
    return parse_walk(node, mention, context);
}

static bool leaves_of(const struct early *early, Node *node, leaf_set *leaves, bool *subquery)
{
    struct mention mentioned = {.early = early};
    bool unknown = mention(node, &mentioned);
    *leaves = mentioned.leaves;
    *subquery = mentioned.subquery;
    return !unknown;
}

/* Columns of S alone, and of no other; a list of nothing but constants has none. */
static bool is_of_groups(const struct early *early, Node *node)
{
    leaf_set leaves;
    bool subquery;
    return leaves_of(early, node, &leaves, &subquery) && !subquery && leaves && !(leaves & ~early->grouped);
}

/* What is computed of each row of S, those without partners as well. */
static bool is_computed_early(const struct early *early, Node *expression)
{
    return gather_is_pure(early->analysis, early->query->scope, expression) &&
           expression_cannot_fail(early->analysis, early->query, expression);
}

/* ---- keys ---- */

static int find_key(const struct early *early, Node *expression)
{
    ListCell *cell;
    foreach (cell, early->keys)
        if (clause_same_expression(early->query, lfirst(cell), expression))
            return foreach_current_index(cell);
    return -1;
}

/* Parts of a date are whole numbers, in numeric. */
static bool is_part_of_date(const Node *expression)
{
    return IsA(expression, FuncCall) && !strcmp(parse_name(((const FuncCall *) expression)->funcname), "extract");
}

static bool may_be_key(const struct early *early, Node *expression)
{
    const struct text_order *order;
    if (!is_of_groups(early, expression) || !is_computed_early(early, expression))
        return false;
    if (is_part_of_date(expression) || clause_is_same_if_equal(early->analysis, early->query, expression))
        return true;
    return !IsA(expression, ColumnRef) && analysis_infer(early->analysis, early->query, expression, &order) == TYPE_text && order;
}

static bool add_key(struct early *early, Node *expression)
{
    if (!may_be_key(early, expression))
        return false;
    if (find_key(early, expression) < 0)
        early->keys = lappend(early->keys, copyObjectImpl(expression));
    return true;
}

static Node *column_of_groups(int number)
{
    char name[24];
    ColumnRef *column = makeNode(ColumnRef);
    snprintf(name, sizeof name, "keyway: %d", number + 1); /* what no name of GROUP BY means, which may be an output's */
    column->fields = list_make2(makeString((char *) EARLY_ALIAS), makeString(pstrdup(name)));
    column->location = -1;
    return (Node *) column;
}

/* ---- aggregates ---- */

static int add_partial(void *context, Node *partial)
{
    struct early *early = context;
    ListCell *cell;
    foreach (cell, early->partials)
        if (equal(lfirst(cell), partial))
            return foreach_current_index(cell);
    early->partials = lappend(early->partials, partial);
    return list_length(early->partials) - 1;
}

static Node *partial_column(void *context, int number)
{
    const struct early *early = context;
    return column_of_groups(list_length(early->keys) + number);
}

static bool visit(Node **place, void *context);

/* How many rows a group has. */
static Node *rows_of_group(struct early *early)
{
    FuncCall *count = makeFuncCall(list_make2(makeString((char *) "pg_catalog"), makeString((char *) "count")), NIL, COERCE_EXPLICIT_CALL, -1);
    count->agg_star = true;
    return partial_column(early, add_partial(early, (Node *) count));
}

static bool replace(Node **place, const struct early *early, Node *final)
{
    if (final && early->apply)
        *place = final;
    return final != NULL;
}

/* An aggregate over R: a row of it stands there as often as the groups beside it have rows. */
static bool visit_aggregate_of_others(Node **place, struct early *early)
{
    FuncCall *call = castNode(FuncCall, *place);
    if (!parse_visit((Node *) call, visit, early))
        return false;
    return call->agg_distinct || replace(place, early, aggregate_weigh(early->analysis, early->query, call, rows_of_group(early)));
}

static enum factor_side side_of(void *context, Node *factor)
{
    const struct early *early = context;
    leaf_set leaves;
    bool subquery;
    if (!leaves_of(early, factor, &leaves, &subquery) || subquery)
        return FACTOR_NEITHER;
    if (leaves & early->grouped)
        return !(leaves & ~early->grouped) && is_computed_early(early, factor) ? FACTOR_GROUPED : FACTOR_NEITHER;
    return leaves ? FACTOR_OTHER : is_computed_early(early, factor) ? FACTOR_GROUPED : FACTOR_NEITHER;
}

/* sum(s * r) */
static bool visit_sum_of_both(Node **place, struct early *early)
{
    Node *grouped, *others;
    if (!aggregate_factors(early->analysis, early->query, castNode(FuncCall, *place), side_of, early, &grouped, &others) || !visit(&others, early))
        return false;
    Node *sum = partial_column(early, add_partial(early, (Node *) expression_call("sum", grouped)));
    return replace(place, early, (Node *) expression_call("sum", expression_operation("*", others, sum)));
}

/* A sum of rows without partners that is too large. */
static bool may_overflow(const struct early *early, const FuncCall *call)
{
    const struct text_order *order;
    uint32_t type = list_length(call->args) == 1 ? analysis_infer(early->analysis, early->query, linitial(call->args), &order) : 0;
    return !strcmp(parse_name(call->funcname), "sum") && (type == TYPE_interval || type == TYPE_money);
}

static bool visit_aggregate(Node **place, struct early *early)
{
    FuncCall *call = castNode(FuncCall, *place);
    const struct partial_values values = {add_partial, partial_column, early};
    leaf_set leaves;
    bool subquery;
    ListCell *cell;
    if (!leaves_of(early, (Node *) call, &leaves, &subquery) || subquery)
        return false;
    if (leaves && !(leaves & early->grouped))
        return visit_aggregate_of_others(place, early);
    if (leaves & ~early->grouped)
        return visit_sum_of_both(place, early);
    foreach (cell, call->args)
        if (!is_computed_early(early, lfirst(cell)))
            return false;
    if ((call->agg_filter && !is_computed_early(early, call->agg_filter)) || may_overflow(early, call))
        return false;
    return replace(place, early, aggregate_split(early->analysis, early->query, call, &values));
}

/* ---- the clauses ---- */

/* Does it speak of a column that is none? */
static bool has_other_column(Node *node, void *context)
{
    return node && (IsA(node, ColumnRef) ? find_key(context, node) < 0 : parse_walk(node, has_other_column, context));
}

/* A column or more of S: in a condition whatever can be a key, and cannot be made of others; behind GROUP BY what is one. */
static bool visit_own(Node **place, struct early *early)
{
    int number = find_key(early, *place);
    if (early->conditions && number < 0 && has_other_column(*place, early) && add_key(early, *place))
        number = find_key(early, *place);
    if (number < 0 || (!early->conditions && number >= early->group_count))
        return false;
    if (early->apply)
        *place = column_of_groups(number);
    return true;
}

static bool qualify(Node **place, void *context)
{
    const struct early *early = context;
    if (!IsA(*place, ColumnRef))
        return parse_visit(*place, qualify, context);
    if (is_bare(early, *place))
        *place = qualified(early, *place);
    return true;
}

static bool visit(Node **place, void *context)
{
    struct early *early = context;
    Node *node = *place;
    leaf_set leaves;
    bool subquery;
    if (IsA(node, A_Const))
        return true;
    if (IsA(node, CaseWhen) || IsA(node, SortBy) || IsA(node, WindowDef)) /* no expressions themselves */
        return parse_visit(node, visit, context);
    if (visit_own(place, early))
        return true;
    if (IsA(node, ColumnRef))
        return leaves_of(early, node, &leaves, &subquery) && !(leaves & early->grouped) && (!early->apply || qualify(place, early));
    if (IsA(node, FuncCall) && !castNode(FuncCall, node)->over && gather_is_aggregate(early->analysis, castNode(FuncCall, node)))
        return visit_aggregate(place, early);
    if (IsA(node, SubLink) && !clause_is_independent(early->analysis, castNode(SubLink, node)))
        return false;
    return parse_visit(node, visit, context);
}

static bool visit_output(Node **place, void *context)
{
    return visit(IsA(*place, ResTarget) ? &castNode(ResTarget, *place)->val : place, context);
}

/* ORDER BY and DISTINCT ON: a number or an output's name stays what it is. */
static bool visit_order(Node **place, void *context)
{
    const struct early *early = context;
    if (IsA(*place, SortBy))
        return visit_order(&castNode(SortBy, *place)->node, context);
    return IsA(*place, A_Const) || clause_names_output(early->query, *place) || visit(place, context);
}

/* GROUP BY: of S a key, of R anything. */
static bool visit_group(Node **place, void *context)
{
    struct early *early = context;
    Node *expression = clause_grouped_expression(early->query, *place);
    leaf_set leaves;
    bool subquery;
    if (!expression || IsA(*place, RowExpr) || IsA(*place, GroupingSet) || !leaves_of(early, expression, &leaves, &subquery) || subquery)
        return false;
    if (!early->apply && (leaves & early->grouped))
        return add_key(early, expression);
    return expression != *place || visit(place, context);
}

static bool visit_conditions(struct early *early)
{
    ListCell *cell;
    early->conditions = true;
    bool visited = parse_visit_list(early->outside, visit, early);
    foreach (cell, early->outer)
        visited = visited && visit(&lfirst_node(JoinExpr, cell)->quals, early);
    early->conditions = false;
    return visited;
}

static bool visit_clauses(struct early *early)
{
    SelectStmt *select = early->select;
    if (!parse_visit_list(select->groupClause, visit_group, early))
        return false;
    if (!early->apply)
        early->group_count = list_length(early->keys);
    return visit_conditions(early) && parse_visit_list(select->targetList, visit_output, early) &&
           (!select->havingClause || visit(&select->havingClause, early)) && parse_visit_list(select->windowClause, visit, early) &&
           parse_visit_list(select->sortClause, visit_order, early) &&
           (!select_has_distinct_on(select) || parse_visit_list(select->distinctClause, visit_order, early));
}

/* ---- is it worth while? ---- */

static bool has_column(const struct early *early, int slot)
{
    ListCell *cell;
    foreach (cell, early->keys)
        if (analysis_slot(early->analysis, early->query, lfirst(cell)) == slot)
            return true;
    return false;
}

static bool has_unique_key(const struct early *early, const struct scan *scan)
{
    const struct catalog_relation *relation = scan->relation.relation;
    for (int i = 0; i < relation->unique_count; i++) {
        bool all = true;
        for (int c = 0; c < relation->uniques[i].column_count; c++)
            all &= has_column(early, scan->first_slot + relation->uniques[i].columns[c]);
        if (all)
            return true;
    }
    return false;
}

static bool are_likely_fewer(const struct early *early)
{
    const struct text_order *order;
    ListCell *cell;
    for (int i = 0; i < early->leaf_count; i++)
        if ((early->grouped & bit(i)) && scan_is_sharded(early->scans[i]) && has_unique_key(early, early->scans[i]))
            return false;
    foreach (cell, early->keys) {
        uint32_t type = analysis_infer(early->analysis, early->query, lfirst(cell), &order);
        if (IsA(lfirst(cell), ColumnRef) && (type == TYPE_timestamp || type == TYPE_timestamptz || type == TYPE_time))
            return false;
    }
    return early->keys != NIL;
}

/* ---- who is grouped ---- */

static bool is_equality_of_columns(const Node *node)
{
    const A_Expr *expression = (const A_Expr *) node;
    return IsA(node, A_Expr) && expression->kind == AEXPR_OP && !strcmp(parse_name(expression->name), "=") && expression->lexpr &&
           IsA(expression->lexpr, ColumnRef) && IsA(expression->rexpr, ColumnRef);
}

/* Is there a condition between S and the table?  What ties them by a third table alone is not there where they are grouped. */
static bool is_joined(const struct early *early, int leaf, bool by_equality)
{
    leaf_set leaves;
    bool subquery;
    ListCell *cell;
    foreach (cell, early->conjuncts)
        if (leaves_of(early, lfirst(cell), &leaves, &subquery) && (leaves & early->grouped) && (leaves & bit(leaf)) &&
            !(leaves & ~(early->grouped | bit(leaf))) && (!by_equality || is_equality_of_columns(lfirst(cell))))
            return true;
    return false;
}

static bool belongs(const struct early *early, int leaf, const struct scan *first)
{
    const struct scan *scan = early->scans[leaf];
    if (!scan || (early->nullable & bit(leaf)))
        return false;
    return scan->relation.place == PLACE_REFERENCE
               ? is_joined(early, leaf, false)
               : scan_is_sharded(scan) && scans_are_tied(early->analysis, first, scan) && is_joined(early, leaf, true);
}

static void find_tables(struct early *early, int first)
{
    bool more = true;
    early->grouped = bit(first);
    while (more) {
        more = false;
        for (int i = 0; i < early->leaf_count; i++)
            if (!(early->grouped & bit(i)) && belongs(early, i, early->scans[first])) {
                early->grouped |= bit(i);
                more = true;
            }
    }
}

/* What conditions that speak of both say of a table of S: it is asked there, too. */
static void add_implied(struct early *early, const struct scan *scan)
{
    List *own;
    ListCell *cell;
    foreach (cell, gather_conjuncts(gather_filter(early->analysis, scan, true, &own)))
        if (!parse_list_has(own, lfirst(cell)) && is_of_groups(early, lfirst(cell)))
            early->inside = lappend(early->inside, copyObject((Node *) lfirst(cell)));
}

static void sort_conjuncts(struct early *early)
{
    ListCell *cell;
    early->inside = early->outside = NIL;
    foreach (cell, early->conjuncts) {
        bool inside = is_of_groups(early, lfirst(cell)) && gather_condition_is_fit(early->analysis, lfirst(cell), NULL) &&
                      expression_cannot_fail(early->analysis, early->query, lfirst(cell));
        List **list = inside ? &early->inside : &early->outside;
        *list = lappend(*list, lfirst(cell));
    }
    for (int i = 0; i < early->leaf_count; i++)
        if ((early->grouped & bit(i)) && scan_is_sharded(early->scans[i]))
            add_implied(early, early->scans[i]);
}

static bool can_group(struct early *early, int first)
{
    find_tables(early, first);
    if ((early->nullable & bit(first)) || early->grouped == bit(early->leaf_count) - 1)
        return false;
    early->keys = early->partials = NIL;
    sort_conjuncts(early);
    return visit_clauses(early) && are_likely_fewer(early);
}

/* ---- the whole ---- */

static SelectStmt *groups(struct early *early)
{
    SelectStmt *select = makeNode(SelectStmt);
    List *columns = (List *) copyObjectImpl(list_concat(list_copy(early->keys), early->partials));
    ListCell *cell;
    parse_visit_list(columns, qualify, early);
    parse_visit_list(early->inside, qualify, early);
    foreach (cell, columns) {
        ResTarget *target = makeNode(ResTarget);
        target->name = strVal(llast(castNode(ColumnRef, column_of_groups(foreach_current_index(cell)))->fields));
        target->val = lfirst(cell);
        target->location = -1;
        select->targetList = lappend(select->targetList, target);
    }
    for (int i = 0; i < early->leaf_count; i++)
        if (early->grouped & bit(i))
            select->fromClause = lappend(select->fromClause, early->leaves[i]);
    select->whereClause = gather_conjunction(early->inside);
    select->groupClause = (List *) copyObjectImpl(list_truncate(list_copy(columns), list_length(early->keys)));
    return select;
}

/* The items, joined, in the places of what the LEFT JOINs had on their left. */
static Node *with_outer(const struct early *early, const List *items)
{
    Node *joined = linitial(items);
    ListCell *cell;
    for_each_from (cell, items, 1) {
        JoinExpr *join = makeNode(JoinExpr);
        join->jointype = JOIN_INNER;
        join->larg = joined;
        join->rarg = lfirst(cell);
        joined = (Node *) join;
    }
    foreach (cell, early->outer) {
        lfirst_node(JoinExpr, cell)->larg = joined;
        joined = lfirst(cell);
    }
    return joined;
}

static SelectStmt *write_query(struct early *early)
{
    SelectStmt *select = early->select, *made = groups(early);
    RangeSubselect *item = makeNode(RangeSubselect);
    ListCell *cell;
    foreach (cell, select->targetList)
        lfirst_node(ResTarget, cell)->name = (char *) output_name(lfirst_node(ResTarget, cell));
    early->apply = true;
    visit_clauses(early);
    item->subquery = (Node *) made;
    item->alias = makeAlias(EARLY_ALIAS, NIL);
    select->fromClause = list_make1(item);
    for (int i = 0; i < early->leaf_count; i++)
        if (!((early->grouped | early->nullable) & bit(i)))
            select->fromClause = lappend(select->fromClause, early->leaves[i]);
    if (early->outer)
        select->fromClause = list_make1(with_outer(early, select->fromClause));
    select->whereClause = gather_conjunction(early->outside);
    return made;
}

static bool is_grouping(const struct query *query)
{
    const SelectStmt *select = query->select;
    return select && !query->set_operation && select->op == SETOP_NONE && (query->aggregates || select->groupClause) && !query->correlated &&
           query->outputs_known && !select->lockingClause && !select->valuesLists && !select_has_grouping_sets(select) &&
           !clause_has_star(select->targetList);
}

static bool is_our_name(const char *name)
{
    return name && !strncmp(name, "keyway: ", strlen("keyway: "));
}

/* Is something called as the groups, or their columns, would be? */
static bool has_our_names(const struct query *query)
{
    bool any = false;
    for (int i = 0; i < query->output_count; i++)
        any |= is_our_name(query->outputs[i].name);
    for (int i = 0; i < query->scope->count; i++) {
        const struct item *item = query->scope->items[i];
        any |= is_our_name(item->name);
        for (int k = 0; k < item->column_count; k++)
            any |= is_our_name(item->columns[k].name);
    }
    return any;
}

/* A query of WITH that is read twice is two readings of one text. */
static bool was_read_before(const struct analysis *analysis, int number)
{
    for (int i = 0; i < number; i++)
        if (analysis->queries[i]->select == analysis->queries[number]->select)
            return true;
    return false;
}

/* What gives another result for each row, or does something, is called for each. */
static bool calls_for_each_row(const struct analysis *analysis)
{
    for (int i = 0; i < analysis->sighting_count; i++)
        if (analysis->sightings[i].class != FUNCTION_SAFE && analysis->sightings[i].class != FUNCTION_CLOCK)
            return true;
    return false;
}

/* A view's definition is not of the statement's own tree. */
static bool is_in_view(const struct analysis *analysis, const struct query *query)
{
    for (int i = 0; i < analysis->view_count; i++)
        if (query->first_scan >= analysis->views[i].first_scan && query->end_scan <= analysis->views[i].end_scan)
            return true;
    return false;
}

List *gather_group_early(struct analysis *analysis)
{
    List *made = NIL;
    if (analysis->put_count || calls_for_each_row(analysis)) /* a function that stands for its query is read only once */
        return NIL;
    for (int i = 0; i < analysis->query_count; i++) {
        struct early early = {.analysis = analysis, .query = analysis->queries[i], .select = analysis->queries[i]->select};
        if (!is_grouping(early.query) || has_our_names(early.query) || is_in_view(analysis, early.query) || was_read_before(analysis, i) || !read_from(&early))
            continue;
        for (int k = 0; k < early.leaf_count; k++)
            if (early.scans[k] && scan_is_sharded(early.scans[k]) && can_group(&early, k)) {
                made = lappend(made, write_query(&early));
                break;
            }
    }
    return made;
}
