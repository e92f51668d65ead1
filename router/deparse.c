/*
 * Printing: the printer is the library's, not the server's.  Its text is trusted only after parsing it again.
 *
 * It leaves out some parentheses: those of an operator's result before IS NULL, in BETWEEN, before COLLATE, of FETCH FIRST's number …
 * Where that gave another tree, such operands are printed apart: in their places stand names of columns,
 * which are then replaced in the text, in parentheses.
 */
#include <stdlib.h>
#include <string.h>

#include "router/parse.h"

#include "pg_query.h"
/* This header includes the server's, which were all included before: what matters is declared there already.
 */
#include "pg_query/pg_query_internal.h"

extern PgQueryProtobuf pg_query_nodes_to_protobuf(const void *nodes);

/* ---- printing ---- */

struct deparsing {
    Node *statement;
    char *text; /* malloc()ed */
};

static void deparse_body(void *context)
{
    struct deparsing *deparsing = context;
    RawStmt *raw = makeNode(RawStmt);
    raw->stmt = deparsing->statement;
    PgQueryProtobuf protobuf = pg_query_nodes_to_protobuf(list_make1(raw));
    MemoryContext memory = CurrentMemoryContext;
    PgQueryDeparseResult result = pg_query_deparse_protobuf(protobuf);
    CurrentMemoryContext = memory; /* the library leaves its top context behind */
    free(protobuf.data);
    if (!result.error && result.query)
        deparsing->text = strdup(result.query);
    pg_query_free_deparse_result(result);
}

/* What the library makes of it, or NULL. */
static const char *print(Node *statement, struct arena *arena)
{
    struct error error = {0};
    struct deparsing deparsing = {.statement = statement};
    const char *text =
        parse_protect(deparse_body, &deparsing, &error) ? arena_strdup(arena, deparsing.text) : NULL;
    free(deparsing.text);
    error_clear(&error);
    return text;
}

static bool means(const char *text, const Node *statement)
{
    struct error error = {0};
    List *again = text ? parse_more(text, &error) : NIL;
    error_clear(&error);
    return list_length(again) == 1 && equal(linitial_node(RawStmt, again)->stmt, statement);
}

/* ---- operands apart ---- */

static const char placeholder[] = "keyway_operand_";

struct operand {
    Node **slot; /* where it stands */
    Node *node;
};

struct operands {
    struct arena *arena;
    struct operand *list;
    int count, room;
};

static bool is_compound(const Node *node)
{
    switch (nodeTag(node)) {
    case T_A_ArrayExpr:
    case T_A_Expr:
    case T_A_Indirection:
    case T_BoolExpr:
    case T_BooleanTest:
    case T_CaseExpr:
    case T_CoalesceExpr:
    case T_CollateClause:
    case T_FuncCall:
    case T_MinMaxExpr:
    case T_NullTest:
    case T_SubLink:
    case T_TypeCast:
        return true;
    default:
        return false;
    }
}

static void set_apart(struct operands *operands, Node **slot)
{
    if (!*slot || !is_compound(*slot))
        return;
    if (operands->count == operands->room) {
        int room = operands->room ? operands->room * 2 : 16;
        struct operand *list = arena_alloc_array(operands->arena, (size_t) room, sizeof *list);
        if (operands->count)
            memcpy(list, operands->list, (size_t) operands->count * sizeof *list);
        operands->list = list;
        operands->room = room;
    }
    ColumnRef *reference = makeNode(ColumnRef);
    reference->fields =
        list_make1(makeString((char *) arena_printf(operands->arena, "%s%d_", placeholder, operands->count)));
    operands->list[operands->count++] = (struct operand){slot, *slot};
    *slot = (Node *) reference;
}

static void set_all_apart(struct operands *operands, List *list)
{
    ListCell *cell;
    foreach (cell, list)
        set_apart(operands, (Node **) &cell->ptr_value);
}

/* SIMILAR TO has, and LIKE … ESCAPE, a function's call behind it, which the library takes for granted. */
static bool is_pattern(const A_Expr *expression)
{
    bool like = expression->kind == AEXPR_SIMILAR || expression->kind == AEXPR_LIKE || expression->kind == AEXPR_ILIKE;
    return like && expression->rexpr && IsA(expression->rexpr, FuncCall) &&
           (expression->kind == AEXPR_SIMILAR || !strcmp(parse_name(((const FuncCall *) expression->rexpr)->funcname), "like_escape"));
}

static void set_sides_apart(struct operands *operands, A_Expr *expression)
{
    bool between = expression->kind >= AEXPR_BETWEEN && expression->kind <= AEXPR_NOT_BETWEEN_SYM;
    set_apart(operands, &expression->lexpr);
    if (between)
        set_all_apart(operands, castNode(List, expression->rexpr));
    else if (is_pattern(expression))
        set_all_apart(operands, castNode(FuncCall, expression->rexpr)->args);
    else if (expression->rexpr && !IsA(expression->rexpr, List))
        set_apart(operands, &expression->rexpr);
}

/* The inner ones first, so that they stand within the outer ones. */
static bool find_operands(Node *node, void *context)
{
    struct operands *operands = context;
    if (!node || parse_walk(node, find_operands, context))
        return node != NULL;
    switch (nodeTag(node)) {
    case T_A_Expr:
        set_sides_apart(operands, castNode(A_Expr, node));
        break;
    case T_NullTest:
        set_apart(operands, (Node **) &castNode(NullTest, node)->arg);
        break;
    case T_BooleanTest:
        set_apart(operands, (Node **) &castNode(BooleanTest, node)->arg);
        break;
    case T_CollateClause:
        set_apart(operands, &castNode(CollateClause, node)->arg);
        break;
    case T_A_Indirection:
        set_apart(operands, &castNode(A_Indirection, node)->arg);
        break;
    case T_TypeCast:
        set_apart(operands, &castNode(TypeCast, node)->arg);
        break;
    case T_SubLink:
        set_apart(operands, &castNode(SubLink, node)->testexpr);
        break;
    case T_SelectStmt: /* FETCH FIRST (…) ROWS */
        set_apart(operands, &castNode(SelectStmt, node)->limitCount);
        set_apart(operands, &castNode(SelectStmt, node)->limitOffset);
        break;
    case T_FuncCall: /* AT TIME ZONE, and others with a syntax of their own */
        if (castNode(FuncCall, node)->funcformat == COERCE_SQL_SYNTAX)
            set_all_apart(operands, castNode(FuncCall, node)->args);
        break;
    default:
        break;
    }
    return false;
}

static const char *with_operands(const struct operands *operands, const char *text);

/* In parentheses; NULL if it cannot be printed. */
static const char *print_operand(const struct operands *operands, int number)
{
    SelectStmt *select = makeNode(SelectStmt);
    ResTarget *target = makeNode(ResTarget);
    target->val = operands->list[number].node;
    select->targetList = list_make1(target);
    const char *text = print((Node *) select, operands->arena);
    const size_t word = strlen("SELECT ");
    if (!text || strncmp(text, "SELECT ", word) != 0)
        return NULL;
    text = with_operands(operands, text + word);
    return text ? arena_printf(operands->arena, "(%s)", text) : NULL;
}

/* The text with each placeholder replaced. */
static const char *with_operands(const struct operands *operands, const char *text)
{
    const char *all = "", *found;
    while ((found = strstr(text, placeholder))) {
        char *end;
        long number = strtol(found + strlen(placeholder), &end, 10);
        const char *operand =
            number < operands->count && *end == '_' ? print_operand(operands, (int) number) : NULL;
        if (!operand)
            return NULL;
        all = arena_printf(operands->arena, "%s%.*s%s", all, (int) (found - text), text, operand);
        text = end + 1;
    }
    return arena_printf(operands->arena, "%s%s", all, text);
}

struct search {
    struct operands operands;
    Node *statement;
};

static void search_body(void *context)
{
    struct search *search = context;
    find_operands(search->statement, &search->operands);
}

static void put_back(const struct operands *operands)
{
    for (int i = operands->count - 1; i >= 0; i--)
        *operands->list[i].slot = operands->list[i].node;
}

static const char *print_apart(Node *statement, struct arena *arena)
{
    struct error error = {0};
    struct search search = {{.arena = arena}, statement};
    const char *text = parse_protect(search_body, &search, &error) ? print(statement, arena) : NULL;
    text = text ? with_operands(&search.operands, text) : NULL;
    put_back(&search.operands);
    error_clear(&error);
    return text;
}

char *parse_deparse(Node *statement, struct arena *arena)
{
    if (!parse_is_shallow(statement))
        return NULL;
    const char *text = print(statement, arena);
    if (means(text, statement))
        return (char *) text;
    text = text && !strstr(text, placeholder) ? print_apart(statement, arena) : NULL;
    return means(text, statement) ? (char *) text : NULL;
}
