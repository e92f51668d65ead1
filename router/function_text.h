/*
 * function_text: functions that are queries, as trees that may become part of a statement.
 *
 * A text may stand elsewhere if it is one SELECT that changes and locks nothing, takes no chance, and has no name that something else may be meant
 * by there: its tables get their schemas, its constants are no literals of the statement.
 */
#ifndef KEYWAY_FUNCTION_TEXT_H
#define KEYWAY_FUNCTION_TEXT_H

#include "router/analyze_inside.h"

/* The only function of its name, if it is a query that reads tables, or takes a table's row; NULL: the call is of another. */
const struct query_function *function_text_find(const struct planning *planning, const FuncCall *call);
/* Its text, of the open parse, for a call in the scope; NULL: it is doubtful. */
SelectStmt *function_text_read(struct analysis *analysis, const struct scope *scope, const struct query_function *function);

/* A value is that of the first row: with LIMIT 1, if there may be several.  False: which row that is cannot be written. */
bool function_text_take_first(const struct planning *planning, SelectStmt *select);
/* One column, and no star. */
bool function_text_gives_one_column(const SelectStmt *select);
/* SELECT * FROM table, whose columns are those that the function gives. */
bool function_text_gives_rows_of(const struct planning *planning, const SelectStmt *select, const struct query_function *function);

#endif
