/*
 * Proof: a row of a table in FROM that is not on the nullable side of an outer join stands unchanged in each
 * row that WHERE judges.  A conjunct that reads nothing but this row rejects all of these rows or none, so a
 * rejected row need not be there at all.
 *
 * Each shard evaluates the conjunct for itself: it must not depend on clocks, on parameters (COPY has none),
 * or on other tables.
 */
#include "router/gather_filter.h"

#include <string.h>
#include <strings.h>

#include "router/sql_types.h"

/* ---- where the name stands ---- */

struct search {
    const RangeVar *range;
    const SelectStmt *found;
};

/* Is the name there, with its rows unchanged? */
static bool stands_in(const Node *item, const RangeVar *range)
{
    if (!IsA(item, JoinExpr))
        return item == (const Node *) range;
    const JoinExpr *join = (const JoinExpr *) item;
    if (join->alias)
        return false;
    bool left = join->jointype == JOIN_INNER || join->jointype == JOIN_LEFT;
    bool right = join->jointype == JOIN_INNER || join->jointype == JOIN_RIGHT;
    return (left && stands_in(join->larg, range)) || (right && stands_in(join->rarg, range));
}

static bool find_select(Node *node, void *context)
{
    struct search *search = context;
    ListCell *cell;
    if (!node || search->found)
        return search->found;
    if (IsA(node, SelectStmt))
        foreach (cell, castNode(SelectStmt, node)->fromClause)
            if (stands_in(lfirst(cell), search->range))
                search->found = castNode(SelectStmt, node);
    return search->found || parse_walk(node, find_select, context);
}

/* ---- what a conjunct speaks of ---- */

struct judging {
    const struct scan *scan;
    bool alone; /* the only item of FROM: bare column names are its own */
};

static bool is_own_column(const struct judging *judging, const ColumnRef *reference)
{
    const RangeVar *range = judging->scan->range;
    const char *name = range->alias ? range->alias->aliasname : range->relname;
    const Node *last = llast(reference->fields);
    if (!IsA(last, String) || (range->alias && range->alias->colnames) ||
        catalog_column(judging->scan->relation.relation, strVal(last)) < 0)
        return false;
    if (list_length(reference->fields) == 1)
        return judging->alone;
    return list_length(reference->fields) == 2 && !strcmp(strVal(linitial(reference->fields)), name);
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

/* A constant, which the home shard has already read when it examined the statement; also as date '…' and the
 * like. */
static bool is_constant(const Node *node)
{
    bool array;
    if (!node)
        return false;
    if (IsA(node, A_Const))
        return is_plain_constant((const A_Const *) node);
    if (!IsA(node, TypeCast) || !IsA(((const TypeCast *) node)->arg, A_Const))
        return false;
    uint32_t type = analysis_type(((const TypeCast *) node)->typeName, &array);
    return type && !array && !type_is_string(type) && is_constant(((const TypeCast *) node)->arg);
}

static bool are_constants(const Node *node)
{
    ListCell *cell;
    if (!node || !IsA(node, List))
        return is_constant(node);
    foreach (cell, (const List *) node)
        if (!is_constant(lfirst(cell)))
            return false;
    return true;
}

static bool is_column(const struct judging *judging, const Node *node)
{
    return node && IsA(node, ColumnRef) && is_own_column(judging, (const ColumnRef *) node);
}

static bool is_comparison(const A_Expr *expression)
{
    static const char *const names[] = {"=", "<>", "<", ">", "<=", ">=", "~~", "!~~"};
    if (list_length(expression->name) != 1)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(parse_name(expression->name), names[i]))
            return true;
    return false;
}

static bool compares_with_constants(const struct judging *judging, const A_Expr *expression)
{
    switch (expression->kind) {
    case AEXPR_OP:
    case AEXPR_LIKE:
        if (!is_comparison(expression))
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
    return (is_column(judging, expression->lexpr) && are_constants(expression->rexpr)) ||
           (is_constant(expression->lexpr) && is_column(judging, expression->rexpr));
}

/* Comparisons with constants, and what is made of them by AND, OR and NOT: none of these can fail. */
static bool is_fit(const struct judging *judging, const Node *node)
{
    ListCell *cell;
    switch (nodeTag(node)) {
    case T_A_Expr:
        return compares_with_constants(judging, (const A_Expr *) node);
    case T_NullTest:
        return is_column(judging, (const Node *) ((const NullTest *) node)->arg);
    case T_BooleanTest:
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

static List *conjuncts(Node *condition)
{
    if (!condition)
        return NIL;
    if (!IsA(condition, BoolExpr) || castNode(BoolExpr, condition)->boolop != AND_EXPR)
        return list_make1(condition);
    List *all = NIL;
    ListCell *cell;
    foreach (cell, castNode(BoolExpr, condition)->args)
        all = list_concat(all, conjuncts(lfirst(cell)));
    return all;
}

List *gather_filter(SelectStmt *query, const struct scan *scan)
{
    struct search search = {.range = scan->range};
    List *fit = NIL;
    ListCell *cell;
    find_select((Node *) query, &search);
    if (!search.found)
        return NIL;
    const List *from = search.found->fromClause;
    bool alone = list_length(from) == 1 && linitial(from) == scan->range;
    foreach (cell, conjuncts(search.found->whereClause)) {
        const struct judging judging = {scan, alone};
        if (is_fit(&judging, lfirst(cell)))
            fit = lappend(fit, lfirst(cell));
    }
    return fit;
}
