/*
 * expressions: nodes of expressions that the planner writes itself.
 *
 * Functions, operators and types are PostgreSQL's own, by their names in pg_catalog, whatever the session's search_path.  The nodes are of
 * the open parse (parse.h); arguments become part of them, names are borrowed.
 */
#ifndef KEYWAY_EXPRESSIONS_H
#define KEYWAY_EXPRESSIONS_H

#include "router/parse.h"

FuncCall *expression_call(const char *function, Node *argument);
Node *expression_cast(Node *value, const char *type);
Node *expression_operation(const char *operator, Node *left, Node *right);

/* An expression written in SQL, "$1 + 2 * abs($2)": $1 is a copy of values[0], and so on, with the precedence of a name. */
Node *expression_from(const char *sql, Node *const *values);
#define EXPRESSION(sql, ...) expression_from((sql), (Node *[]){__VA_ARGS__})

/* Constants as the grammar reads them: a whole number is an integer if it fits into one. */
Node *expression_number(const char *text);
Node *expression_text(const char *text);
Node *expression_truth(bool value);
Node *expression_null(void);

/* CASE WHEN condition THEN result … ELSE otherwise END: one more of its cases; the whole. */
List *expression_when(List *cases, Node *condition, Node *result);
Node *expression_choose(List *cases, Node *otherwise);

#endif
