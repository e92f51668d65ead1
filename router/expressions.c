/*
 * No node has a location: none of this stands in the client's text.
 */
#include "router/expressions.h"

#include <stdint.h>
#include <stdlib.h>

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
