/*
 * rewrite: the statement that each shard gets when several are asked.
 */
#ifndef KEYWAY_REWRITE_H
#define KEYWAY_REWRITE_H

#include "router/parse.h"

/*
 * The SELECT with `hidden` expressions behind its select list, and, if it has an OFFSET, with LIMIT raised by
 * the OFFSET and no OFFSET.  The text is in `arena`; NULL if it cannot be written (or trusted).  The tree is
 * left as it was.
 */
const char *rewrite_select(const SelectStmt *select, const List *hidden, bool has_offset,
                           struct arena *arena);

/*
 * SELECT … FOR UPDATE with LIMIT in two statements: what tells which of a shard's rows are among the first of all (`look`: the
 * same without locks), and what locks as many of its first rows as a number between `before` and `behind` says.  False: one
 * cannot be written.
 */
struct locking_texts {
    const char *look, *before, *behind;
};
bool rewrite_locking(const SelectStmt *select, const List *hidden, struct locking_texts *texts, struct arena *arena);

/* LIMIT + OFFSET (NULL: none), which may be parameters: that many of its first rows are enough of each shard.  NULL: all are needed. */
Node *rewrite_raised_limit(Node *limit, Node *offset);

/* The name in double quotes, as an identifier of a statement's text; in `arena`. */
const char *rewrite_quote_name(const char *name, struct arena *arena);

#endif
