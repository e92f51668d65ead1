/*
 * How parsing works: pg_query_raw_parse() runs PostgreSQL's grammar inside a memory context of this thread
 * and gives the grammar's own trees.  Two things are guarded here.
 *
 * Depth: PostgreSQL checks its stack while it walks a tree, libpg_query does not.  Its grammar survives any
 * text, but a tree of a hundred thousand levels ends every recursive walk in a crash.  So each tree is
 * measured once, by a walk that gives up early.
 *
 * Errors: walking or printing a node that the library does not know raises PostgreSQL's ERROR, which ends a
 * process that has not set a jump target.  parse_protect() sets one.
 */
#include "router/parse.h"

#include <stdlib.h>
#include <string.h>

#include "pg_query.h"
/* This header includes the server's, which were all included before: what matters is declared there already.
 */
#include "pg_query/pg_query_internal.h"

enum { DEEPEST_TREE = 1000 };

struct depth {
    int now;
};

static bool too_deep(Node *node, void *context)
{
    struct depth *depth = context;
    if (!node)
        return false;
    if (depth->now == DEEPEST_TREE)
        return true;
    depth->now++;
    bool result = parse_walk(node, too_deep, depth);
    depth->now--;
    return result;
}

/* The nodes at the top of a statement that raw_expression_tree_walker() knows; others hold no deep trees of
 * theirs. */
static bool is_walkable(const Node *statement)
{
    return IsA(statement, SelectStmt) || IsA(statement, InsertStmt) || IsA(statement, UpdateStmt) ||
           IsA(statement, DeleteStmt) || IsA(statement, MergeStmt);
}

bool parse_is_shallow(Node *statement)
{
    return !statement || !is_walkable(statement) || !too_deep(statement, &(struct depth){0});
}

/* E'\u…' begins with this; U&'\…' has another SQLSTATE under the same message.  The position is in characters, from 1. */
static bool is_escape_of_string(const char *sql, int position)
{
    for (; *sql && position > 1; position--)
        for (sql++; (*sql & 0xc0) == 0x80;)
            sql++;
    return sql[0] == '\\' && (sql[1] == 'u' || sql[1] == 'U');
}

/* What gram.y and scan.l raise are syntax errors but for these; libpg_query tells messages alone. */
static const char *state_of(const char *sql, const char *message, int position)
{
    static const struct {
        const char *start, *state;
    } states[] = {
        {"memory exhausted", "54001"},
        {"unsafe use of \\' in a string literal", "22P06"},
        {"invalid byte sequence for encoding", "22021"},
        {"there is no parameter", SQLSTATE_UNDEFINED_PARAMETER},
        {"frame start", "42P20"},
        {"frame end", "42P20"},
        {"precision for type float must be", "22023"},
        {"LIMIT #,# syntax is not supported", SQLSTATE_SYNTAX_ERROR},
    };
    static const char *const refusals[] = {"not yet implemented", "not supported", "cannot be marked", "current database cannot be changed",
                                           "aggregates cannot have output arguments"};
    if (!strcmp(message, "invalid Unicode escape") && is_escape_of_string(sql, position))
        return "22025";
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (!strncmp(message, states[i].start, strlen(states[i].start)))
            return states[i].state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strstr(message, refusals[i]))
            return SQLSTATE_FEATURE_NOT_SUPPORTED;
    return SQLSTATE_SYNTAX_ERROR;
}

static void set_too_deep(struct error *error)
{
    error_set(error, "54001", "stack depth limit exceeded");
    error_detail(error, "The statement is nested more than %d levels deep.", DEEPEST_TREE);
    error_hint(error, "Write the statement with fewer nested expressions.");
}

static bool all_shallow(const List *statements)
{
    ListCell *cell;
    foreach (cell, statements)
        if (!parse_is_shallow(lfirst_node(RawStmt, cell)->stmt))
            return false;
    return true;
}

List *parse_more(const char *sql, struct error *error)
{
    PgQueryInternalParsetreeAndError result = pg_query_raw_parse(sql);
    free(result.stderr_buffer);
    if (result.error) {
        error_set(error, state_of(sql, result.error->message, result.error->cursorpos), "%s", result.error->message);
        error->position = result.error->cursorpos > 0 ? result.error->cursorpos : 0;
        pg_query_free_error(result.error);
        return NIL;
    }
    if (all_shallow(result.tree))
        return result.tree;
    set_too_deep(error);
    return NIL;
}

List *parse_aside(const char *sql, struct error *error)
{
    MemoryContext memory = CurrentMemoryContext;
    MemoryContext aside = AllocSetContextCreateInternal(memory, "aside", ALLOCSET_DEFAULT_SIZES);
    CurrentMemoryContext = aside;
    List *parsed = parse_more(sql, error);
    CurrentMemoryContext = memory;
    parsed = (List *) copyObjectImpl(parsed);
    MemoryContextDelete(aside);
    return parsed;
}

bool parse_begin(struct parse *parse, const char *sql, size_t length, struct error *error)
{
    parse->context = pg_query_enter_memory_context();
    char *text = palloc0(length + 1);
    memcpy(text, sql, length);
    parse->statements = parse_more(text, error);
    if (!error_is_set(error))
        return true;
    parse_end(parse);
    return false;
}

void parse_end(struct parse *parse)
{
    pg_query_exit_memory_context(parse->context);
    *parse = (struct parse){0};
}

bool parse_walk(Node *node, parse_walker walker, void *context)
{
    return raw_expression_tree_walker(node, walker, context);
}

bool parse_visit_list(List *list, parse_visitor visitor, void *context)
{
    ListCell *cell;
    foreach (cell, list)
        if (!visitor((Node **) &cell->ptr_value, context))
            return false;
    return true;
}

static bool visit_call(FuncCall *call, parse_visitor visitor, void *context)
{
    return parse_visit_list(call->args, visitor, context) && parse_visit_list(call->agg_order, visitor, context) &&
           (!call->agg_filter || visitor(&call->agg_filter, context)) &&
           (!call->over || visitor((Node **) &call->over, context));
}

static bool visit_window(WindowDef *window, parse_visitor visitor, void *context)
{
    return parse_visit_list(window->partitionClause, visitor, context) &&
           parse_visit_list(window->orderClause, visitor, context) &&
           (!window->startOffset || visitor(&window->startOffset, context)) &&
           (!window->endOffset || visitor(&window->endOffset, context));
}

static bool visit_case(CaseExpr *expression, parse_visitor visitor, void *context)
{
    return (!expression->arg || visitor((Node **) &expression->arg, context)) &&
           parse_visit_list(expression->args, visitor, context) &&
           (!expression->defresult || visitor((Node **) &expression->defresult, context));
}

static bool visit_pair(Node **left, Node **right, parse_visitor visitor, void *context)
{
    if (*left && !visitor(left, context))
        return false;
    return !*right || visitor(right, context);
}

bool parse_visit(Node *node, parse_visitor visitor, void *context)
{
#define VISIT(type, member) visitor((Node **) &castNode(type, node)->member, context)
#define VISIT_LIST(type, member) parse_visit_list(castNode(type, node)->member, visitor, context)
    switch (nodeTag(node)) {
    case T_A_Const:
    case T_ParamRef:
    case T_ColumnRef:
    case T_SQLValueFunction:
        return true;
    case T_List:
        return parse_visit_list(castNode(List, node), visitor, context);
    case T_FuncCall:
        return visit_call(castNode(FuncCall, node), visitor, context);
    case T_WindowDef:
        return visit_window(castNode(WindowDef, node), visitor, context);
    case T_A_Expr:
        return visit_pair(&castNode(A_Expr, node)->lexpr, &castNode(A_Expr, node)->rexpr, visitor, context);
    case T_CaseExpr:
        return visit_case(castNode(CaseExpr, node), visitor, context);
    case T_CaseWhen:
        return visit_pair((Node **) &castNode(CaseWhen, node)->expr, (Node **) &castNode(CaseWhen, node)->result, visitor,
                          context);
    case T_SubLink:
        return !castNode(SubLink, node)->testexpr || VISIT(SubLink, testexpr);
    case T_BoolExpr:
        return VISIT_LIST(BoolExpr, args);
    case T_TypeCast:
        return VISIT(TypeCast, arg);
    case T_CoalesceExpr:
        return VISIT_LIST(CoalesceExpr, args);
    case T_MinMaxExpr:
        return VISIT_LIST(MinMaxExpr, args);
    case T_NullTest:
        return VISIT(NullTest, arg);
    case T_BooleanTest:
        return VISIT(BooleanTest, arg);
    case T_CollateClause:
        return VISIT(CollateClause, arg);
    case T_A_ArrayExpr:
        return VISIT_LIST(A_ArrayExpr, elements);
    case T_RowExpr:
        return VISIT_LIST(RowExpr, args);
    case T_GroupingSet:
        return VISIT_LIST(GroupingSet, content);
    case T_GroupingFunc:
        return VISIT_LIST(GroupingFunc, args);
    case T_SortBy:
        return VISIT(SortBy, node);
    case T_ResTarget:
        return VISIT(ResTarget, val);
    default:
        return false;
    }
#undef VISIT
#undef VISIT_LIST
}

bool parse_protect(void (*body)(void *context), void *context, struct error *error)
{
    sigjmp_buf here, *outer = PG_exception_stack;
    MemoryContext memory = CurrentMemoryContext;
    bool ended = sigsetjmp(here, 0) == 0;
    if (ended) {
        PG_exception_stack = &here;
        body(context);
    }
    PG_exception_stack = outer;
    if (ended)
        return true;
    CurrentMemoryContext = memory;
    ErrorData *raised = CopyErrorData();
    FlushErrorState();
    error_set(error, SQLSTATE_INTERNAL_ERROR, "cannot examine the statement: %s", raised->message);
    return false;
}

bool parse_list_has(const List *list, const void *item)
{
    ListCell *cell;
    foreach (cell, list)
        if (lfirst(cell) == item)
            return true;
    return false;
}

const char *parse_name(const List *names)
{
    return names ? strVal(llast(names)) : "";
}

const char *parse_qualifier(const List *names)
{
    int count = list_length(names);
    return count > 1 ? strVal(list_nth(names, count - 2)) : NULL;
}

const char *parse_constant_text(const A_Const *constant, struct arena *arena)
{
    if (constant->isnull)
        return NULL;
    switch (nodeTag(&constant->val)) {
    case T_Integer:
        return arena_printf(arena, "%d", intVal(&constant->val));
    case T_Float:
        return arena_strdup(arena, castNode(Float, &constant->val)->fval);
    case T_Boolean:
        return boolVal(&constant->val) ? "t" : "f";
    case T_String:
        return arena_strdup(arena, strVal(&constant->val));
    default: /* BitString: nothing else is a constant */
        return arena_strdup(arena, castNode(BitString, &constant->val)->bsval);
    }
}
