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
    const struct analysis *analysis;
    const struct scan *scan;
    bool alone; /* the only item of FROM: bare column names are its own */
    bool unfit;
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

/* 'now' and the like, which become a time where they meet one. */
static bool may_be_clock_word(const A_Const *constant)
{
    static const char *const words[] = {"now", "today", "tomorrow", "yesterday"};
    if (constant->isnull || !IsA(&constant->val, String))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(strVal(&constant->val), words[i]))
            return true;
    return false;
}

static bool judge(Node *node, void *context)
{
    struct judging *judging = context;
    if (!node)
        return false;
    switch (nodeTag(node)) {
    case T_ColumnRef:
        judging->unfit |= !is_own_column(judging, castNode(ColumnRef, node));
        return judging->unfit;
    case T_A_Const:
        judging->unfit |= may_be_clock_word(castNode(A_Const, node));
        return judging->unfit;
    case T_FuncCall: {
        struct function_facts facts = function_facts(judging->analysis->planning, castNode(FuncCall, node));
        judging->unfit |= facts.class != FUNCTION_SAFE || facts.aggregate || facts.returns_set;
        break;
    }
    case T_TypeCast:
        judging->unfit |= type_is_catalog(castNode(TypeCast, node)->typeName);
        break;
    case T_A_Expr:
    case T_BoolExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_CaseExpr:
    case T_CaseWhen:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_A_ArrayExpr:
    case T_CollateClause:
    case T_TypeName:
    case T_List:
        break;
    default: /* sublinks, parameters, CURRENT_DATE, rows, … */
        judging->unfit = true;
        break;
    }
    return judging->unfit || parse_walk(node, judge, context);
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

List *gather_filter(const struct analysis *analysis, SelectStmt *query, const struct scan *scan)
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
        struct judging judging = {analysis, scan, alone, false};
        if (!judge(lfirst(cell), &judging))
            fit = lappend(fit, lfirst(cell));
    }
    return fit;
}
