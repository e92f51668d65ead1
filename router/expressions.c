/*
 * No node has a location: none of this stands in the client's text.
 */
#include "router/expressions.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEMPLATE_SIZE = 8192 };

static List *builtin(const char *name)
{
    return list_make2(makeString((char *) "pg_catalog"), makeString((char *) name));
}

FuncCall *expression_call(const char *function, Node *argument)
{
    return makeFuncCall(builtin(function), list_make1(argument), COERCE_EXPLICIT_CALL, -1);
}

Node *expression_cast(Node *value, const char *type)
{
    TypeCast *node = makeNode(TypeCast);
    node->arg = value;
    node->typeName = makeTypeNameFromNameList(builtin(type));
    node->typeName->typemod = -1;
    node->location = -1;
    return (Node *) node;
}

Node *expression_operation(const char *operator, Node *left, Node *right)
{
    return (Node *) makeA_Expr(AEXPR_OP, builtin(operator), left, right, -1);
}

static List *builtin_of(List *names)
{
    return list_length(names) == 1 ? builtin(parse_name(names)) : names;
}

/* As the grammar does: a AND b AND c is one expression, and (a AND b) AND c, too. */
static void flatten(BoolExpr *expression)
{
    BoolExpr *first = linitial(expression->args);
    ListCell *cell;
    if (!IsA(first, BoolExpr) || first->boolop != expression->boolop || first->boolop == NOT_EXPR)
        return;
    for_each_from(cell, expression->args, 1)
        first->args = lappend(first->args, lfirst(cell));
    expression->args = first->args;
}

/* Of an operator's names those that the deparser needs as they are stand alone: NULLIF, IS DISTINCT FROM. */
static bool fill_in(Node **place, void *context)
{
    Node *const *values = context;
    Node *node = *place;
    if (IsA(node, ParamRef)) {
        *place = (Node *) copyObjectImpl(values[castNode(ParamRef, node)->number - 1]);
        return true;
    }
    if (IsA(node, FuncCall))
        castNode(FuncCall, node)->funcname = builtin_of(castNode(FuncCall, node)->funcname);
    else if (IsA(node, A_Expr) && castNode(A_Expr, node)->kind == AEXPR_OP)
        castNode(A_Expr, node)->name = builtin_of(castNode(A_Expr, node)->name);
    else if (IsA(node, TypeCast))
        castNode(TypeCast, node)->typeName->names = builtin_of(castNode(TypeCast, node)->typeName->names);
    else if (IsA(node, A_Const))
        castNode(A_Const, node)->location = -1;
    bool filled = parse_visit(node, fill_in, context);
    if (IsA(node, BoolExpr))
        flatten(castNode(BoolExpr, node));
    return filled;
}

Node *expression_from(const char *sql, Node *const *values)
{
    char text[TEMPLATE_SIZE];
    struct error error = {0};
    int length = snprintf(text, sizeof text, "SELECT %s", sql);
    assert(length < (int) sizeof text);
    List *parsed = parse_aside(text, &error);

    assert(!error_is_set(&error));
    Node *expression = linitial_node(ResTarget, castNode(SelectStmt, linitial_node(RawStmt, parsed)->stmt)->targetList)->val;
    fill_in(&expression, (void *) values);
    return expression;
}

static A_Const *constant_new(void)
{
    A_Const *constant = makeNode(A_Const);
    constant->location = -1;
    return constant;
}

Node *expression_number(const char *text)
{
    A_Const *constant = constant_new();
    char *end;
    long whole = strtol(text, &end, 10);
    if (!*end && whole <= INT32_MAX)
        constant->val.ival = (Integer){.type = T_Integer, .ival = (int) whole};
    else
        constant->val.fval = (Float){.type = T_Float, .fval = (char *) text};
    return (Node *) constant;
}

Node *expression_text(const char *text)
{
    A_Const *constant = constant_new();
    constant->val.sval = (String){.type = T_String, .sval = (char *) text};
    return (Node *) constant;
}

Node *expression_truth(bool value)
{
    A_Const *constant = constant_new();
    constant->val.boolval = (Boolean){.type = T_Boolean, .boolval = value};
    return (Node *) constant;
}

Node *expression_null(void)
{
    A_Const *constant = constant_new();
    constant->isnull = true;
    return (Node *) constant;
}

List *expression_when(List *cases, Node *condition, Node *result)
{
    CaseWhen *one = makeNode(CaseWhen);
    one->expr = (Expr *) condition;
    one->result = (Expr *) result;
    one->location = -1;
    return lappend(cases, one);
}

Node *expression_choose(List *cases, Node *otherwise)
{
    CaseExpr *expression = makeNode(CaseExpr);
    expression->args = cases;
    expression->defresult = (Expr *) otherwise;
    expression->location = -1;
    return (Node *) expression;
}
