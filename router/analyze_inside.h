/*
 * analyze_inside: what the three files of the analysis share.
 *
 * analyze.c reads queries and FROM, analyze_names.c resolves names, analyze_facts.c reads conditions.
 */
#ifndef KEYWAY_ANALYZE_INSIDE_H
#define KEYWAY_ANALYZE_INSIDE_H

#include "router/analyze.h"

/* What a FROM item offers to names. */
struct item {
    const char *name;   /* NULL: none (a join without alias) */
    const char *schema; /* of a table without alias */
    struct output *columns;
    int column_count;
    const struct catalog_relation *table; /* whose row it is; NULL: no table's */
    const struct catalog_relation *view;  /* that it is, by its definition; or NULL */
    const RangeVar *range; /* of a table, which has system columns; NULL: it has none */
    bool replaced;  /* what stood there before has rows of another type */
    bool opaque;    /* has columns that are not known */
    bool by_name;   /* item.column finds it */
    bool by_column; /* a bare column finds it */
};

struct cte {
    struct cte *next; /* what was in sight before */
    const char *name;
    CommonTableExpr *node;
    struct scope *scope; /* of its definition */
    bool opaque;         /* read once where it stands; references give columns of which no more than the type is known */
    const struct query *query; /* of an opaque one, once it has been read; NULL: it gives unknown columns */
    bool used;
};

struct scope {
    struct scope *outer;
    struct item **items;
    int count, room;
    struct cte *ctes;
    int depth; /* of the query whose names these are */
};

struct scope *scope_new(struct analysis *analysis, struct scope *outer);
void scope_add(struct analysis *analysis, struct scope *scope, struct item *item);
/* The slot of a column reference, or NO_SLOT.  *level: 0 if the scope itself has it, more for outer ones, -1
 * unknown. */
int scope_resolve(const struct scope *scope, const ColumnRef *reference, int *level);
/* The name that PostgreSQL gives to the column of a select list. */
const char *output_name(const ResTarget *target);
/* How far out the item of FROM with this name is; -1: there is none. */
int scope_item_level(const struct scope *scope, const char *name);
/* The table whose row a bare name means; NULL: it is a column's, or not known.  *item: what FROM has under the name. */
const struct catalog_relation *scope_row(const struct scope *scope, const ColumnRef *reference, const struct item **item);
/* Whose a name is that system columns have. */
enum system_name {
    SYSTEM_NAME_UNKNOWN,
    SYSTEM_NAME_OF_COLUMN, /* a column of FROM is called like that */
    SYSTEM_NAME_OF_TABLE,  /* the system column of *range */
};
enum system_name scope_system_name(const struct scope *scope, const ColumnRef *reference, const RangeVar **range);
/* Does the scope itself have a column of that name, and only one? */
bool scope_finds(const struct scope *scope, const ColumnRef *reference);
/* Is table.name no column of the table, as far as its columns are known? */
bool scope_lacks_column(const struct scope *scope, const ColumnRef *reference, bool *opaque);
struct cte *scope_cte(const struct scope *scope, const char *name);
/* The item's position of a column; -1 none, -2 several. */
int item_column(const struct item *item, const char *name);

struct collected_facts {
    struct fact **facts;
    int count, room;
};

int slot_new(struct analysis *analysis, const struct slot *slot);
int region_new(struct analysis *analysis, int parent);
/* Both are ignored if the slots or types do not allow the conclusion. */
void region_equate(struct analysis *analysis, int region, int left, int right);
void region_add_fact(struct analysis *analysis, int region, struct fact *fact);
/* slot = value */
void region_add_value(struct analysis *analysis, int region, int slot, const struct value *value);

/* Read a condition whose conjuncts hold in the region. */
/* What IN (SELECT …) says of its subquery where it is no conjunct. */
void tie_subquery(struct analysis *analysis, const SubLink *link, const struct query *query, struct scope *scope, int region);
void read_condition(struct analysis *analysis, Node *condition, struct scope *scope, int region);
/* Note functions, system columns and sublinks of an expression; sublinks' regions inherit from `region`. */
void read_expression(struct analysis *analysis, Node *expression, struct scope *scope, int region);
struct query *read_select(struct analysis *analysis, SelectStmt *select, struct scope *outer, int parent,
                          bool merge);
void read_in_clause(struct analysis *analysis, Node *expression, struct query *query, int region,
                    enum clause clause);
struct query *query_new(struct analysis *analysis, SelectStmt *select, struct scope *outer, int region);
void read_from_list(struct analysis *analysis, struct query *query, List *from, struct scope *outer);
struct source *read_table(struct analysis *analysis, const struct resolved_relation *relation,
                          RangeVar *range, struct scope *scope, int region);
void read_with(struct analysis *analysis, const WithClause *with, struct scope *scope);
void read_unused_with(struct analysis *analysis, const WithClause *with, struct scope *scope);
/* An INSERT, UPDATE or DELETE inside WITH. */
void read_change(struct analysis *analysis, Node *statement, struct scope *outer);
/* Tell the region around a query, which it is not one with, of the columns that it shows there: `shown`. */
void query_show(struct analysis *analysis, struct query *query, int region);
/* The names and slots of the query's select list. */
void read_outputs(struct analysis *analysis, struct query *query);
/* The type of values that stand in for one another (in CASE, in a column of VALUES); 0: it is not known. */
uint32_t type_of_choice(struct analysis *analysis, const struct query *query, const List *choices);
/* The type that analysis_infer() tells. */
uint32_t type_of_expression(struct analysis *analysis, const struct query *query, Node *expression);
/* The order of an expression that is a text, if its collation is the default one and Keyway knows its order; else NULL. */
const struct text_order *order_of_text(struct analysis *analysis, const struct query *query, Node *expression);
/* What numbers become together; other types only if they are the same; else 0. */
uint32_t common_type(uint32_t left, uint32_t right);
/* May a filter on this output column be applied to the query's rows instead? */
bool query_filter_moves_in(struct analysis *analysis, const struct query *query, int column);
/* Can the query's rows be taken one by one into the region around it? */
bool select_is_plain(struct analysis *analysis, const SelectStmt *select);
/* Room for one more element: arrays of an analysis double. */
void *array_room(struct arena *arena, void *array, int count, int *room, size_t size);

#define ARRAY_ADD(analysis, array, count, room)                                                              \
    ((array) = array_room((analysis)->arena, (array), (count), &(room), sizeof *(array)), &(array)[(count)++])

#endif
