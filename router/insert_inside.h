/*
 * insert_inside: what the rooms that plan an INSERT share.
 */
#ifndef KEYWAY_INSERT_INSIDE_H
#define KEYWAY_INSERT_INSIDE_H

#include "router/plan_inside.h"

struct inserting {
    struct plan *plan;
    struct analysis analysis;
    InsertStmt *insert;
    const SelectStmt *values; /* VALUES (…), …; NULL: from a SELECT */
    struct query *query;
    struct query *source; /* of a SELECT … */
    SelectStmt *unread;   /* … and a copy of it as it was written */
    struct resolved_relation target;
    int *columns; /* positions in the table of the columns named, or of all */
    int column_count;
    struct proof proof;
    struct insert_rows *evaluated; /* rows of which the home shard computes a part first; NULL: none */
    struct evaluation *evaluation;
    const int *evaluated_columns; /* the table's column at each place of such a row */
};

/* Where among the row's expressions the table's column stands; -1: nowhere. */
int insert_place(const struct inserting *inserting, int column, int width);
/* The evaluated output that stands for the column in this row; -1: it is as written. */
int insert_output(const struct inserting *inserting, int row, int column);

bool insert_is_key(const struct inserting *inserting, int column);
/* Mark the parameters that occur in the tree; `used` has one for each that the statement has. */
void insert_note_parameters(const struct inserting *inserting, Node *tree, bool *used);
/* A type's name as it is written in a cast that changes no value: char and bit alone mean a length of 1. */
const char *insert_type_name(const char *name);

/*
 * Before anything else is made of VALUES: choose what the home shard has to compute, take it out of the tree,
 * and leave the SQL in plan->evaluation.
 */
void insert_evaluate(struct inserting *inserting);
/* Once all of the tree has been read: which parameters are asked where. */
void insert_evaluated_parameters(struct inserting *inserting);

/*
 * Before anything else is made of a SELECT that reads no sharded table: where the home shard has to compute its rows, take it
 * out of the tree, and leave the SQL in plan->evaluation.
 */
void insert_compute(struct inserting *inserting);

/* Find out what the shards must be told of the parameters of rows that are split; false: it is not known. */
bool insert_parameter_types(struct inserting *inserting);

/* What is put into an INSERT's text beside its rows. */
struct insert_addition {
    const char *more;  /* columns behind those of the list: ", a, b"; NULL: none */
    const char *whole; /* the list in place of none: "(x, y, a, b) " */
    bool overriding;   /* OVERRIDING SYSTEM VALUE */
};
/* Cut the statement's text into rows; false if that cannot be done. */
bool insert_split(struct insert_rows *rows, const char *sql, size_t length, const List *values,
                  const struct insert_addition *addition, struct arena *arena);
/*
 * Find the literals in the texts of rows that insert_split() has cut, so that those of another statement with the same normalised text can stand there.
 * Literals elsewhere are pinned.  False: that cannot be done.
 */
bool insert_note_literals(struct insert_rows *rows, struct plan *plan, const struct normalised *normalised);
/* Cut a row's text "(a, b)" into the texts of its values; false: they are not those of the tree. */
bool insert_split_row(const char *text, const List *row, const char **values, struct arena *arena);

#endif
