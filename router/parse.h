/*
 * parse: the one place that knows libpg_query and the quirks of PostgreSQL's node headers.
 *
 * A parse is a memory context full of PostgreSQL 15's own raw parse trees.  It belongs to the thread that
 * began it and dies as a whole with parse_end(); what outlives it is copied into an arena.  Parses do not
 * nest on one thread, but more text can be parsed into an open one (a view's definition).  Include this
 * instead of any PostgreSQL header.
 */
#ifndef KEYWAY_PARSE_H
#define KEYWAY_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "router/error.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wignored-attributes"
/* libpg_query keeps these pointers per thread, the server's headers do not know that. */
#define CurrentMemoryContext hidden_CurrentMemoryContext
#define PG_exception_stack   hidden_PG_exception_stack
#define error_context_stack  hidden_error_context_stack
#include "postgres.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/nodes.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "nodes/primnodes.h"
#include "nodes/value.h"
#include "utils/memutils.h"
#undef CurrentMemoryContext
#undef PG_exception_stack
#undef error_context_stack
extern __thread MemoryContext CurrentMemoryContext;
extern __thread sigjmp_buf *PG_exception_stack;
extern __thread ErrorContextCallback *error_context_stack;
#pragma GCC diagnostic pop

/* port.h puts PostgreSQL's own printf family in place of the C library's. */
#undef snprintf
#undef vsnprintf
#undef sprintf
#undef vsprintf
#undef fprintf
#undef vfprintf
#undef printf
#undef vprintf
#undef strerror
#undef strerror_r
#undef gettext
#undef ngettext

/* enum LimitOption as libpg_query 15 numbers it: it puts a first value before PostgreSQL's. */
enum { PARSED_LIMIT_DEFAULT = 0, PARSED_LIMIT_COUNT = 1, PARSED_LIMIT_WITH_TIES = 2 };

struct parse {
    MemoryContext context;
    List *statements; /* of RawStmt, each with its own stmt_location and stmt_len */
};

/*
 * Parse a query string (any number of statements).  On failure `error` has PostgreSQL's message, SQLSTATE and
 * the character position, nothing is left open, and the result is false.  Text nested too deeply for a stack
 * is 54001.
 */
bool parse_begin(struct parse *parse, const char *sql, size_t length, struct error *error);
void parse_end(struct parse *parse);

/* Parse more text into the open parse: a list of RawStmt, or NIL with `error`. */
List *parse_more(const char *sql, struct error *error);
/* The same for short texts, of which there may be many: what the parser itself needed, some 70 kB, is given back at once. */
List *parse_aside(const char *sql, struct error *error);

/* Not so deep that a recursive walk of it could exhaust the stack; parse_begin() has asked this of SELECT,
 * INSERT, UPDATE, DELETE and MERGE, but not of those inside other statements (EXPLAIN, PREPARE, CREATE VIEW,
 * …). */
bool parse_is_shallow(Node *statement);

/* The statement's text, made from its tree, in `arena`; NULL if that text would not parse to an equal tree.
 */
char *parse_deparse(Node *statement, struct arena *arena);

/* Visit the direct children of a raw node.  The walker returns true to stop; so does this. */
typedef bool (*parse_walker)(Node *node, void *context);
bool parse_walk(Node *node, parse_walker walker, void *context);

/*
 * Visit the places of an expression's direct children, so that they can be put in place of others; of a sublink only what
 * stands before its query.  Lists are seen through.  False: the visitor said so, or the node is of a kind that is not known here.
 */
typedef bool (*parse_visitor)(Node **place, void *context);
bool parse_visit(Node *node, parse_visitor visitor, void *context);
bool parse_visit_list(List *list, parse_visitor visitor, void *context);

/* Is it among the list's pointers? */
bool parse_list_has(const List *list, const void *item);

/* The last name of a qualified name list (of String), and the one before it or NULL. */
const char *parse_name(const List *names);
const char *parse_qualifier(const List *names);

/* The constant's value as PostgreSQL's output functions write it; NULL for the constant NULL. */
const char *parse_constant_text(const A_Const *constant, struct arena *arena);

/*
 * Run `body` so that an error raised inside libpg_query (a node it does not know, no memory) ends it instead
 * of the process: false with `error`.  What `body` had allocated outside the parse stays allocated.
 */
bool parse_protect(void (*body)(void *context), void *context, struct error *error);

#endif
