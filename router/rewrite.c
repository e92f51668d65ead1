/*
 * A copy of the tree is changed and printed; parse_deparse() makes sure that the text means the changed tree.
 */
#include "router/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Node *bigint(Node *value)
{
    TypeCast *cast = makeNode(TypeCast);
    cast->arg = value;
    cast->typeName = makeTypeNameFromNameList(list_make2(makeString("pg_catalog"), makeString("int8")));
    cast->typeName->typemod = -1;
    cast->location = -1;
    return (Node *) cast;
}

/* A whole number: PostgreSQL rounds others, and knows best how. */
static bool constant_count(const Node *node, long long *count)
{
    if (!IsA(node, A_Const) || castNode(A_Const, node)->isnull)
        return false;
    const A_Const *constant = castNode(A_Const, node);
    if (IsA(&constant->val, Integer))
        *count = intVal(&constant->val);
    else if (IsA(&constant->val, Float) && !castNode(Float, &constant->val)->fval[strspn(castNode(Float, &constant->val)->fval, "0123456789")])
        *count = strtoll(castNode(Float, &constant->val)->fval, NULL, 10);
    else
        return false;
    return true;
}

static Node *integer_constant(long long count)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", count);
    A_Const *constant = makeNode(A_Const);
    if (count <= INT32_MAX) {
        constant->val.ival.type = T_Integer;
        constant->val.ival.ival = (int) count;
    } else {
        constant->val.fval.type = T_Float;
        constant->val.fval.fval = pstrdup(text);
    }
    constant->location = -1;
    return (Node *) constant;
}

/*
 * OFFSET's share of a shard's limit where the values are not known: OFFSET NULL is 0, and the sum stays a
 * bigint.
 */
static Node *added_offset(Node *limit, Node *offset)
{
    CoalesceExpr *known = makeNode(CoalesceExpr);
    known->args = list_make2(bigint(copyObject(offset)), integer_constant(0));
    known->location = -1;
    MinMaxExpr *least = makeNode(MinMaxExpr);
    least->op = IS_LEAST;
    least->args = list_make2(
        known, makeSimpleA_Expr(AEXPR_OP, "-", integer_constant(INT64_MAX), bigint(copyObject(limit)), -1));
    least->location = -1;
    return (Node *) least;
}

/*
 * Each shard's first LIMIT + OFFSET rows are enough.  A negative one never gets so far, and a sum that is no
 * bigint is no limit.  NULL + anything is NULL: no limit, as PostgreSQL has it.
 */
Node *rewrite_raised_limit(Node *limit, Node *offset)
{
    long long count, skipped;
    if (!limit || (IsA(limit, A_Const) && castNode(A_Const, limit)->isnull))
        return NULL;
    if (!offset)
        return copyObject(limit);
    if (constant_count(limit, &count) && constant_count(offset, &skipped))
        return count < 0 || skipped < 0 || count > INT64_MAX - skipped ? NULL
                                                                       : integer_constant(count + skipped);
    return (Node *) makeSimpleA_Expr(AEXPR_OP, "+", bigint(copyObject(limit)), added_offset(limit, offset),
                                     -1);
}

static List *with_hidden(List *targets, const List *hidden)
{
    ListCell *cell;
    int number = 0;
    foreach (cell, hidden) {
        char name[32];
        snprintf(name, sizeof name, "keyway_sort_%d", ++number);
        ResTarget *target = makeNode(ResTarget);
        target->name = pstrdup(name);
        target->val = copyObject(lfirst(cell));
        target->location = -1;
        targets = lappend(targets, target);
    }
    return targets;
}

static SelectStmt *for_shards(const SelectStmt *select, const List *hidden, bool has_offset)
{
    SelectStmt *copy = (SelectStmt *) copyObjectImpl(select);
    copy->targetList = with_hidden(copy->targetList, hidden);
    if (has_offset) {
        copy->limitCount = rewrite_raised_limit(copy->limitCount, copy->limitOffset);
        copy->limitOffset = NULL;
        if (!copy->limitCount)
            copy->limitOption = (LimitOption) PARSED_LIMIT_DEFAULT;
    }
    return copy;
}

const char *rewrite_select(const SelectStmt *select, const List *hidden, bool has_offset, struct arena *arena)
{
    return parse_deparse((Node *) for_shards(select, hidden, has_offset), arena);
}

/* LIMIT stands behind all that could hold the same text; what follows it has none. */
bool rewrite_locking(const SelectStmt *select, const List *hidden, struct locking_texts *texts, struct arena *arena)
{
    static const char mark[] = "keyway: locked rows", quoted[] = "'keyway: locked rows'";
    SelectStmt *copy = for_shards(select, hidden, true);
    copy->lockingClause = NIL;
    texts->look = parse_deparse((Node *) copy, arena);
    A_Const *number = makeNode(A_Const);
    number->val.sval.type = T_String;
    number->val.sval.sval = pstrdup(mark);
    number->location = -1;
    /* The client's own LIMIT stays, and with it the types of its parameters. */
    MinMaxExpr *least = makeNode(MinMaxExpr);
    least->op = IS_LEAST;
    least->args = copy->limitCount ? list_make2(bigint(copy->limitCount), bigint((Node *) number)) : list_make1(bigint((Node *) number));
    least->location = -1;
    copy->limitCount = bigint((Node *) least); /* the printer takes no LEAST there */
    copy->limitOption = (LimitOption) PARSED_LIMIT_COUNT;
    copy->lockingClause = copyObject(select->lockingClause);
    const char *text = parse_deparse((Node *) copy, arena), *found = NULL;
    for (const char *at = text; at && (at = strstr(at, quoted)); at++)
        found = at;
    if (!texts->look || !found)
        return false;
    texts->before = arena_strndup(arena, text, (size_t) (found + 1 - text)); /* with the quote */
    texts->behind = found + sizeof quoted - 2;
    return true;
}

const char *rewrite_quote_name(const char *name, struct arena *arena)
{
    char *quoted = arena_alloc(arena, strlen(name) * 2 + 3), *at = quoted;
    *at++ = '"';
    for (; *name; name++) {
        if (*name == '"')
            *at++ = '"';
        *at++ = *name;
    }
    *at++ = '"';
    *at = '\0';
    return quoted;
}
