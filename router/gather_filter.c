/*
 * Proof: a row of a table in FROM that is not on the nullable side of an outer join stands unchanged in each
 * row that WHERE, and the ON of inner joins, let through.  Two kinds of rows need not be there:
 *
 * - One that a conjunct rejects by itself: one that reads nothing but this row rejects all rows that contain it.
 * - One that finds no partners among the rows of other tables (gather_partners.h).
 *
 * A conjunct may ask for rows of other tables itself, by EXISTS or IN, if those that can tell are on the row's own shard: of reference tables, and of sharded ones
 * that are tied to it by their keys.
 *
 * Where a conjunct is an OR, one of its arms holds, and so does what that arm says of the table alone: the OR of these is a conjunct, too
 * (as in orclauses.c), which the query goes on to ask itself.
 *
 * Each shard evaluates the conjuncts for itself: they must not depend on clocks, and cannot fail, so that no error
 * comes of a row that the query would not have looked at.
 */
#include "router/gather_filter.h"

#include <string.h>
#include <strings.h>

#include "router/gather_partners.h"
#include "router/sql_types.h"

enum { MOST_TABLES = 64 };

/* The tables of FROM whose rows stand unchanged, and what holds for them. */
struct judging {
    struct analysis *analysis;
    const struct query *query;
    const struct scan *scan; /* the one that is judged … */
    table_set own;           /* … and its place */
    int scans[MOST_TABLES];
    int count;
    List *conjuncts;
    bool parameters;  /* may be used */
    table_set used;   /* by the conjunct that is looked at */
    bool restricts;   /* it compares with a constant */
    const struct query *inner; /* of a subquery that is looked at; NULL: none is */
};

/* ---- what holds for the rows ---- */

List *gather_conjuncts(Node *condition)
{
    if (!condition)
        return NIL;
    if (!IsA(condition, BoolExpr) || castNode(BoolExpr, condition)->boolop != AND_EXPR)
        return list_make1(condition);
    List *all = NIL;
    ListCell *cell;
    foreach (cell, castNode(BoolExpr, condition)->args)
        all = list_concat(all, gather_conjuncts(lfirst(cell)));
    return all;
}

Node *gather_conjunction(List *conjuncts)
{
    if (!conjuncts)
        return NULL;
    return list_length(conjuncts) == 1 ? linitial(conjuncts) : (Node *) makeBoolExpr(AND_EXPR, conjuncts, -1);
}

static int scan_of(const struct judging *judging, const RangeVar *range)
{
    for (int i = judging->query->first_scan; i < judging->query->end_scan; i++)
        if (judging->analysis->scans[i].range == range)
            return i;
    return -1;
}

static void add_table(struct judging *judging, const RangeVar *range)
{
    int scan = scan_of(judging, range);
    bool renamed = range->alias && range->alias->colnames;
    if (scan >= 0 && !renamed && judging->analysis->scans[scan].first_slot != NO_SLOT && judging->count < MOST_TABLES)
        judging->scans[judging->count++] = scan;
}

static void add_item(struct judging *judging, const Node *item)
{
    if (IsA(item, RangeVar))
        add_table(judging, (const RangeVar *) item);
    if (!IsA(item, JoinExpr) || ((const JoinExpr *) item)->alias)
        return;
    const JoinExpr *join = (const JoinExpr *) item;
    if (join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT)
        add_item(judging, join->larg);
    if (join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT)
        add_item(judging, join->rarg);
    if (join->jointype == JOIN_INNER)
        judging->conjuncts = list_concat(judging->conjuncts, gather_conjuncts(join->quals));
}

static void read_query(struct judging *judging, const struct query *query)
{
    ListCell *cell;
    judging->query = query;
    judging->count = 0;
    judging->conjuncts = gather_conjuncts(query->select->whereClause);
    foreach (cell, query->select->fromClause)
        add_item(judging, lfirst(cell));
}

static int place_of(const struct judging *judging, int scan)
{
    for (int i = 0; i < judging->count; i++)
        if (judging->scans[i] == scan)
            return i;
    return -1;
}

/* Find the query in whose FROM the scan stands with its rows unchanged; its place among the tables, or -1. */
static int find_query(struct judging *judging, int scan)
{
    const struct analysis *analysis = judging->analysis;
    for (int i = 0; i < analysis->query_count; i++) {
        const struct query *query = analysis->queries[i];
        if (!query->select || query->set_operation || scan < query->first_scan || scan >= query->end_scan)
            continue;
        read_query(judging, query);
        if (place_of(judging, scan) >= 0)
            return place_of(judging, scan);
    }
    return -1;
}

/* ---- what a conjunct speaks of ---- */

/* In the part, and in a sublink of it, the table goes by the name that it has in the query. */
static bool is_named_so(const struct scan *scan, const ColumnRef *reference)
{
    const RangeVar *range = scan->range;
    const Node *last = llast(reference->fields);
    if (!IsA(last, String) || catalog_column(scan->relation.relation, strVal(last)) < 0)
        return false;
    return list_length(reference->fields) == 1 ||
           (list_length(reference->fields) == 2 &&
            !strcmp(strVal(linitial(reference->fields)), range->alias ? range->alias->aliasname : range->relname));
}

/* The column's slot, or NO_SLOT if it is of none of the tables, nor of the subquery's. */
static int column_slot(struct judging *judging, const Node *node)
{
    int level, own_level = judging->inner ? 1 : 0;
    if (!node || !IsA(node, ColumnRef))
        return NO_SLOT;
    int slot = scope_resolve(judging->inner ? judging->inner->scope : judging->query->scope, (const ColumnRef *) node, &level);
    if (slot >= 0 && judging->inner && level == 0)
        return slot;
    for (int i = 0; slot >= 0 && level == own_level && i < judging->count; i++) {
        const struct scan *scan = &judging->analysis->scans[judging->scans[i]];
        if (slot < scan->first_slot || slot >= scan->first_slot + scan->relation.relation->column_count)
            continue;
        judging->used |= (table_set) 1 << i;
        return is_named_so(scan, (const ColumnRef *) node) ? slot : NO_SLOT;
    }
    return NO_SLOT;
}

/* 'now' and the like, which become a time where they meet one; a pattern's escapes, which may be wrong. */
static bool is_plain_constant(const A_Const *constant)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday", "\\"};
    if (constant->isnull || !IsA(&constant->val, String))
        return true;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(strVal(&constant->val), words[i]))
            return false;
    return true;
}

static bool is_interval(const TypeName *type)
{
    const char *qualifier = parse_qualifier(type->names);
    return qualifier && !strcmp(qualifier, "pg_catalog") && !strcmp(parse_name(type->names), "interval") && !type->arrayBounds;
}

static bool is_operator(const A_Expr *expression, const char *const *names)
{
    if (expression->kind != AEXPR_OP || list_length(expression->name) != 1)
        return false;
    for (; *names; names++)
        if (!strcmp(parse_name(expression->name), *names))
            return true;
    return false;
}

static bool is_number(const Node *node)
{
    return IsA(node, A_Const) && !((const A_Const *) node)->isnull &&
           (IsA(&((const A_Const *) node)->val, Integer) || IsA(&((const A_Const *) node)->val, Float));
}

/* Numbers, and dates with intervals: PostgreSQL computes them while it plans, which it has done when the part is asked for. */
static bool is_sum_of_constants(const A_Expr *expression)
{
    static const char *const names[] = {"+", "-", NULL};
    bool array;
    if (!is_operator(expression, names) || !expression->lexpr)
        return false;
    if (is_number(expression->lexpr) && is_number(expression->rexpr))
        return true;
    if (!IsA(expression->lexpr, TypeCast) || !IsA(expression->rexpr, TypeCast))
        return false;
    const TypeCast *left = (const TypeCast *) expression->lexpr, *right = (const TypeCast *) expression->rexpr;
    uint32_t type = analysis_type(left->typeName, &array);
    return (type == TYPE_date || type == TYPE_timestamp) && !array && is_interval(right->typeName) && IsA(left->arg, A_Const) &&
           IsA(right->arg, A_Const) && is_plain_constant((const A_Const *) left->arg);
}

/* A constant, which the home shard has already read when it examined the statement; also as date '…' and the
 * like. */
static bool is_constant(const struct judging *judging, const Node *node)
{
    bool array;
    if (!node)
        return false;
    if (IsA(node, A_Const))
        return is_plain_constant((const A_Const *) node);
    if (IsA(node, ParamRef))
        return judging->parameters;
    if (IsA(node, A_Expr))
        return is_sum_of_constants((const A_Expr *) node);
    if (!IsA(node, TypeCast) || !IsA(((const TypeCast *) node)->arg, A_Const))
        return false;
    uint32_t type = analysis_type(((const TypeCast *) node)->typeName, &array);
    return type && !array && !type_is_string(type) && is_constant(judging, ((const TypeCast *) node)->arg);
}

static bool are_constants(const struct judging *judging, const Node *node)
{
    ListCell *cell;
    if (!node || !IsA(node, List))
        return is_constant(judging, node);
    foreach (cell, (const List *) node)
        if (!is_constant(judging, lfirst(cell)))
            return false;
    return true;
}

static bool is_column(struct judging *judging, const Node *node)
{
    return column_slot(judging, node) != NO_SLOT;
}

static bool compares_columns(struct judging *judging, const Node *left, const Node *right)
{
    int one = column_slot(judging, left), other = column_slot(judging, right);
    return one != NO_SLOT && other != NO_SLOT && gather_slots_compare(judging->analysis, one, other);
}

static bool compares(struct judging *judging, const A_Expr *expression)
{
    static const char *const comparisons[] = {"=", "<>", "<", ">", "<=", ">=", NULL};
    static const char *const likes[] = {"~~", "!~~", NULL};
    bool like = false;
    switch (expression->kind) {
    case AEXPR_LIKE:
    case AEXPR_OP:
        like = expression->kind == AEXPR_LIKE || is_operator(expression, likes);
        if (!like && !is_operator(expression, comparisons))
            return false;
        if (like && IsA(expression->rexpr, ParamRef)) /* a pattern may end within an escape */
            return false;
        break;
    case AEXPR_IN:
    case AEXPR_BETWEEN:
    case AEXPR_NOT_BETWEEN:
    case AEXPR_DISTINCT:
    case AEXPR_NOT_DISTINCT:
        break;
    default:
        return false;
    }
    if (!like && expression->kind == AEXPR_OP && compares_columns(judging, expression->lexpr, expression->rexpr))
        return true;
    judging->restricts = true;
    return (is_column(judging, expression->lexpr) && are_constants(judging, expression->rexpr)) ||
           (is_constant(judging, expression->lexpr) && is_column(judging, expression->rexpr));
}

static bool is_fit_subquery(struct judging *judging, const SubLink *link);

/* Comparisons with constants, and what is made of them by AND, OR and NOT: none of these can fail. */
static bool is_fit(struct judging *judging, const Node *node)
{
    ListCell *cell;
    switch (nodeTag(node)) {
    case T_SubLink:
        return is_fit_subquery(judging, (const SubLink *) node);
    case T_A_Expr:
        return compares(judging, (const A_Expr *) node);
    case T_NullTest:
        judging->restricts = true;
        return is_column(judging, (const Node *) ((const NullTest *) node)->arg);
    case T_BooleanTest:
        judging->restricts = true;
        return is_column(judging, (const Node *) ((const BooleanTest *) node)->arg);
    case T_BoolExpr:
        foreach (cell, ((const BoolExpr *) node)->args)
            if (!is_fit(judging, lfirst(cell)))
                return false;
        return true;
    default:
        return false;
    }
}

/* ---- subqueries ---- */

/* The one reading of the subquery; NULL: there are others. */
static const struct query *reading_of(const struct analysis *analysis, const Node *select)
{
    const struct query *found = NULL;
    for (int i = 0; i < analysis->query_count; i++) {
        if ((const Node *) analysis->queries[i]->select != select)
            continue;
        if (found)
            return NULL;
        found = analysis->queries[i];
    }
    return found;
}

/* Its FROM has tables, and there are no others below: all of them are on each shard, or tied to the scan that is judged. */
static bool reads_partners(const struct judging *judging, const struct query *query)
{
    struct analysis *analysis = judging->analysis;
    ListCell *cell;
    if (query->end_scan - query->first_scan != list_length(query->select->fromClause))
        return false;
    foreach (cell, query->select->fromClause)
        if (!IsA(lfirst(cell), RangeVar) || (lfirst_node(RangeVar, cell)->alias && lfirst_node(RangeVar, cell)->alias->colnames))
            return false;
    for (int i = query->first_scan; i < query->end_scan; i++)
        if (!analysis->scans[i].range || analysis->scans[i].first_slot == NO_SLOT ||
            !gather_is_partner(analysis, judging->scan, &analysis->scans[i]))
            return false;
    return query->end_scan > query->first_scan;
}

static bool compares_output(struct judging *judging, const SubLink *link, const struct query *query)
{
    const List *targets = query->select->targetList;
    if (list_length(targets) != 1)
        return false;
    int one = column_slot(judging, link->testexpr);
    judging->inner = query;
    int other = column_slot(judging, linitial_node(ResTarget, targets)->val);
    judging->inner = NULL;
    return one != NO_SLOT && other != NO_SLOT && gather_slots_compare(judging->analysis, one, other);
}

/* What EXISTS selects is not computed. */
static bool selects_nothing(const SelectStmt *select)
{
    ListCell *cell;
    foreach (cell, select->targetList)
        if (!IsA(lfirst_node(ResTarget, cell)->val, ColumnRef) && !IsA(lfirst_node(ResTarget, cell)->val, A_Const))
            return false;
    return !select->sortClause && !select->distinctClause;
}

/* [NOT] EXISTS (SELECT … FROM partners WHERE …), column [NOT] IN (SELECT column FROM …), of the scan's own row alone. */
static bool is_fit_subquery(struct judging *judging, const SubLink *link)
{
    const SelectStmt *select = (const SelectStmt *) link->subselect;
    const struct query *query = judging->inner ? NULL : reading_of(judging->analysis, link->subselect);
    bool exists = link->subLinkType == EXISTS_SUBLINK, in = link->subLinkType == ANY_SUBLINK && !link->operName;
    ListCell *cell;
    if (!query || (!exists && !in) || !scan_is_sharded(judging->scan) || !select_is_plain(judging->analysis, select) || select->withClause ||
        select->lockingClause || !selects_nothing(select) || !reads_partners(judging, query) ||
        (in && !compares_output(judging, link, query)))
        return false;
    bool fit = true;
    judging->inner = query;
    foreach (cell, gather_conjuncts(select->whereClause))
        fit &= is_fit(judging, lfirst(cell));
    judging->inner = NULL;
    judging->restricts = true;
    return fit && judging->used == judging->own;
}

static void qualify(const struct analysis *analysis, const Node *select)
{
    const struct query *query = reading_of(analysis, select);
    for (int i = query->first_scan; i < query->end_scan; i++)
        analysis->scans[i].range->schemaname = (char *) analysis->scans[i].relation.schema;
}

/* The shards find the tables of its subqueries, whatever their search_path. */
static bool qualify_subqueries(Node *node, void *context)
{
    if (!node)
        return false;
    if (IsA(node, SubLink))
        qualify(context, castNode(SubLink, node)->subselect);
    return parse_walk(node, qualify_subqueries, context);
}

static void note_equality(struct judging *judging, struct conjunct *conjunct)
{
    static const char *const equality[] = {"=", NULL};
    const A_Expr *expression = (const A_Expr *) conjunct->node;
    conjunct->slots[0] = conjunct->slots[1] = NO_SLOT;
    if (!IsA(expression, A_Expr) || !is_operator(expression, equality) || !expression->lexpr || !IsA(expression->lexpr, ColumnRef) ||
        !IsA(expression->rexpr, ColumnRef))
        return;
    conjunct->slots[0] = column_slot(judging, expression->lexpr);
    conjunct->slots[1] = column_slot(judging, expression->rexpr);
}

/* ---- what an OR implies ---- */

static bool is_or(const Node *node)
{
    return IsA(node, BoolExpr) && ((const BoolExpr *) node)->boolop == OR_EXPR;
}

static bool is_in_all(const List *arms, const Node *conjunct)
{
    ListCell *arm, *cell;
    foreach (arm, arms) {
        bool found = false;
        foreach (cell, gather_conjuncts(lfirst(arm)))
            found |= equal(lfirst(cell), conjunct);
        if (!found)
            return false;
    }
    return true;
}

/* What all arms say of several tables holds by itself (find_duplicate_ors() in prepqual.c). */
static void add_common(struct judging *judging)
{
    List *common = NIL;
    ListCell *cell, *said;
    foreach (cell, judging->conjuncts) {
        if (!is_or(lfirst(cell)))
            continue;
        const List *arms = lfirst_node(BoolExpr, cell)->args;
        foreach (said, gather_conjuncts(linitial(arms))) {
            judging->used = 0;
            if (is_fit(judging, lfirst(said)) && (judging->used & (judging->used - 1)) && is_in_all(arms, lfirst(said)))
                common = lappend(common, lfirst(said));
        }
    }
    judging->conjuncts = list_concat(list_copy(judging->conjuncts), common);
}

static Node *said_by_arm(struct judging *judging, Node *arm, table_set table)
{
    List *said = NIL;
    ListCell *cell;
    foreach (cell, gather_conjuncts(arm)) {
        judging->used = 0;
        judging->restricts = false;
        if (is_fit(judging, lfirst(cell)) && judging->used == table && judging->restricts)
            said = lappend(said, lfirst(cell));
    }
    return gather_conjunction(said);
}

/* What follows of an OR for one table; NULL: an arm says nothing of it. */
static Node *said_by_arms(struct judging *judging, const Node *condition, table_set table)
{
    List *arms = NIL;
    ListCell *cell;
    if (!is_or(condition))
        return NULL;
    foreach (cell, ((const BoolExpr *) condition)->args) {
        Node *said = said_by_arm(judging, lfirst(cell), table);
        if (!said)
            return NULL;
        arms = is_or(said) ? list_concat(arms, ((BoolExpr *) said)->args) : lappend(arms, said);
    }
    return (Node *) makeBoolExpr(OR_EXPR, arms, -1);
}

static int fitting_conjuncts(struct judging *judging, struct conjunct *conjuncts)
{
    int count = 0;
    ListCell *cell;
    foreach (cell, judging->conjuncts) {
        judging->used = 0;
        judging->restricts = false;
        if (!is_fit(judging, lfirst(cell)))
            continue;
        conjuncts[count] = (struct conjunct){.node = lfirst(cell), .used = judging->used, .restricts = judging->restricts};
        note_equality(judging, &conjuncts[count++]);
    }
    return count;
}

static bool speaks_of_one(struct judging *judging, const Node *condition)
{
    judging->used = 0;
    return is_fit(judging, condition) && (judging->used & (judging->used - 1)) == 0;
}

static int implied_conjuncts(struct judging *judging, struct conjunct *conjuncts)
{
    int count = 0;
    ListCell *cell;
    foreach (cell, judging->conjuncts)
        for (int i = 0; i < judging->count && !speaks_of_one(judging, lfirst(cell)); i++) {
            table_set table = (table_set) 1 << i;
            Node *said = said_by_arms(judging, lfirst(cell), table);
            if (said)
                conjuncts[count++] = (struct conjunct){.node = said, .used = table, .restricts = true, .slots = {NO_SLOT, NO_SLOT}};
        }
    return count;
}

Node *gather_filter(struct analysis *analysis, const struct scan *scan, bool parameters, List **own)
{
    struct judging judging = {.analysis = analysis, .parameters = parameters};
    int place = find_query(&judging, (int) (scan - analysis->scans));
    *own = NIL;
    if (place < 0)
        return NULL;
    judging.scan = scan;
    judging.own = (table_set) 1 << place;
    add_common(&judging);
    size_t room = (size_t) list_length(judging.conjuncts) * (size_t) (judging.count + 1);
    struct conjunct *conjuncts = arena_alloc_array(analysis->arena, room, sizeof *conjuncts);
    int fitting = fitting_conjuncts(&judging, conjuncts), count = fitting + implied_conjuncts(&judging, conjuncts + fitting);
    List *implied = NIL;
    for (int i = 0; i < count; i++) {
        List **said = i < fitting ? own : &implied;
        if (conjuncts[i].used == (table_set) 1 << place)
            *said = lappend(*said, conjuncts[i].node);
    }
    qualify_subqueries((Node *) *own, analysis);
    qualify_subqueries((Node *) implied, analysis);
    struct joined joined = {analysis, judging.scans, judging.count, conjuncts, count};
    List *partners = scan_is_sharded(scan) ? gather_partner_conditions(&joined, place) : NIL;
    return gather_conjunction(list_concat(list_concat(list_copy(*own), implied), partners));
}
