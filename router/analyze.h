/*
 * analyze: what a statement reads, and what must hold for the rows that matter.
 *
 * The raw tree is read once, names are resolved, and three things come out: the scans (each use of a base
 * relation at any level), the queries they stand in, and regions.  A region is a set of conjuncts that hold
 * together for every combination of rows that can influence the result; regions form a tree, and what holds
 * in a region holds in those below it (the ON of a LEFT JOIN, for example, makes a region of its own for the
 * nullable side, which inherits the WHERE; the preserved side does not inherit the ON).
 *
 * Every conjunct that is kept rejects NULLs of the columns it names.  That is why a WHERE may say something
 * of the nullable side's scans, too: a row that it does not let through could at most be replaced by a
 * null-extended one, which it does not let through either.
 *
 * A column of a scan is a slot.  Equalities of a region join slots into classes; facts are about slots.  An
 * output column of a subquery that is nothing but a column shares or is linked to that column's slot, so that
 * keys are followed through subqueries.
 */
#ifndef KEYWAY_ANALYZE_H
#define KEYWAY_ANALYZE_H

#include "router/conditions.h"
#include "router/functions.h"
#include "router/planning.h"

enum { NO_SLOT = -1, ROOT_REGION = 0 };

struct slot {
    uint32_t type;        /* pg_type OID */
    bool comparable;      /* its = is an equality of values: no nondeterministic collation */
    bool ordered_by_type; /* its < is the keyspace's: no text, or text in byte order */
    const struct text_order *order; /* of text; NULL: not known */
};

struct slot_pair {
    int left, right;
};

struct region {
    int parent; /* -1 of the root */
    struct slot_pair *equalities;
    int equality_count, equality_room;
    struct fact **facts;
    int fact_count, fact_room;
    int *classes; /* computed when asked for, under `version` of the analysis */
    unsigned version;
};

struct scan {
    struct resolved_relation relation;
    RangeVar *range; /* where it is named; NULL: the target of a write */
    int region;
    int first_slot; /* of its columns; NO_SLOT if they are unknown */
    bool inserted;  /* the target of an INSERT: its new rows say where it goes */
};

/* A column that a query or FROM item offers. */
struct output {
    const char *name;
    int slot;         /* NO_SLOT: no plain column */
    Node *expression; /* of a select list; NULL elsewhere */
    bool forgotten;   /* it is no longer computed (gather_unread): its slot says what it would be */
};

enum source_kind { SOURCE_SCAN, SOURCE_QUERY, SOURCE_OTHER, SOURCE_JOIN };

/* One node of a FROM tree. */
struct source {
    enum source_kind kind;
    int scan;
    struct query *query;
    bool merged; /* of a query: its region is the one it stands in */
    JoinType join;
    struct source *left, *right;
    int on_region; /* of a full join: where only its ON holds */
    struct output
        *outputs; /* of a query that is not merged: its columns as slots of the region it stands in */
    int output_count;
};

struct query {
    SelectStmt *select; /* NULL: the rows that an UPDATE or DELETE works on */
    bool set_operation;
    struct query *left, *right; /* of a set operation */
    int region;
    struct scope *scope; /* to resolve names of its ORDER BY and the like */
    struct source **from;
    int from_count;
    struct output *outputs;
    int output_count;
    bool outputs_known;
    int *shown; /* the slots of its columns in the region around it, if that is another one (in FROM, IN); else NULL */
    bool aggregates, windows;
    int first_scan, end_scan; /* the scans below it are those in between */
    int rows_end_scan;        /* … and up to here those of its FROM and WHERE */
    int depth;
    bool correlated;          /* it may refer to a query around it */
    struct query *around;     /* that was being read when this one began */
    bool passes_order;        /* the one around it relies on the order in which it gives its rows */
    bool moves_whole;         /* the shards may compute it as a whole (gather_push) … */
    bool pushed;              /* … and do */
};

/* Where a thing was found that not every plan allows. */
enum clause { CLAUSE_OUTPUT, CLAUSE_FILTER, CLAUSE_FROM, CLAUSE_OTHER, CLAUSE_SET };

struct sighting {
    enum function_class class;
    const char *name;
    enum clause clause;
    int depth; /* of the query: 0 is the statement itself */
};

/* An aggregate or window function, and the query whose rows it takes; it may turn out not to depend on their order. */
struct order_dependent {
    const char *name;
    const struct query *query;
    const struct query *reader; /* that computes it: the query itself, or the one around ARRAY(SELECT …) */
    const FuncCall *call; /* NULL: ARRAY(SELECT …) */
};

/* A reference to tableoid, and the table in FROM that it asks for. */
struct table_oid {
    const ColumnRef *reference;
    const RangeVar *range;
};

/* A view in FROM, and the definition that is read in its place. */
struct view_use {
    const RangeVar *range;
    SelectStmt *definition;
    const struct catalog_relation *relation;
    int first_scan, end_scan; /* what it reads */
};

/*
 * What has been found out about sums of floating-point numbers in columns of subqueries (float_steps, float_columns): each column is named many times, and so
 * may those below it be.  It holds until the query is changed.
 */
struct float_memory {
    List *concerned, *unconcerned; /* of Node: values of columns */
    List *shared, *taken;          /* of SelectStmt: queries of WITH */
};

struct analysis {
    const struct planning *planning;
    struct arena *arena; /* dies with the planning */
    struct plan *plan;

    struct slot *slots;
    int slot_count, slot_room;
    struct region **regions;
    int region_count, region_room;
    struct scan *scans;
    int scan_count, scan_room;
    struct query **queries; /* all that were read: a CTE's once for each use */
    int query_count, query_room;
    struct query *reading; /* the one that is being read */
    struct view_use *views;
    int view_count, view_room;
    const RangeVar **cte_uses; /* names in FROM that mean a CTE */
    int cte_use_count, cte_use_room;
    struct sighting *sightings;
    int sighting_count, sighting_room;
    int *parameter_uses;
    int parameter_count;

    unsigned version; /* grows with slots and equalities */
    int depth;        /* of the query being read */
    int view_depth;   /* > 0: reading a view's definition, whose literals are not the statement's */
    enum clause clause;

    const char *home;            /* what must be read on the home shard, or NULL */
    const char *row_function;    /* called as row.name */
    const char *outer_aggregate; /* stands in a subquery, and takes rows of the statement's own */
    const char *system_column;   /* ctid, tableoid, … seen */
    const char *storage_column;  /* … which a copy of the table cannot have, or of a table that is not known */
    List *table_oids;            /* … and which it can (struct table_oid) */
    const char *local_view;      /* a view that not every shard has */
    const char *order_sensitive; /* its result may depend on the order of rows */
    struct order_dependent *order_dependents; /* aggregates that show in which order rows arrive */
    int order_dependent_count, order_dependent_room;
    List *unordered;             /* calls and ARRAY(SELECT …) that stand where the order of a list cannot be seen */
    int lifted_sums;             /* subqueries that stand in WITH now, and columns that gave their places to others … */
    List *lifted_columns;        /* … which are these (struct lifted_column of float_steps.h) */
    struct float_memory *float_memory;
    List *checked_sums;          /* calls of sum() whose parts may be added in any order (float_sums) */
    const char *recursive;       /* a WITH RECURSIVE query */
    bool time_casts;             /* casts to dates and times outside conditions */
    bool modifying;              /* WITH changes data */
    bool sampled;                /* TABLESAMPLE */
    bool limited_inside;         /* a LIMIT below the statement's own */
    bool locks;                  /* FOR UPDATE and the like below the statement's own */
    bool unreadable;             /* refused for good: the plan says why */
    bool puts_queries;           /* for functions that are queries (function_query.h) … */
    int put_count;               /* … how many so far … */
    List *put_items;             /* … and those in FROM: their rows are of another type then … */
    List *unnamed_rows;          /* … which whatever takes these does not tell */
};

/* Read a SELECT (with the regions, scans and queries below it). */
struct query *analyze_select(struct analysis *analysis, SelectStmt *select);
/* Read an UPDATE's or DELETE's target, other tables and condition as the query of the rows it works on. */
struct query *analyze_change(struct analysis *analysis, RangeVar *target, List *others, Node *where,
                             WithClause *with);
/* The rows of a list of FROM items. */
struct query *analyze_rows(struct analysis *analysis, List *from);
/* More clauses of that statement: SET expressions, RETURNING, rows of VALUES. */
void analyze_clause(struct analysis *analysis, struct query *query, Node *expressions, enum clause clause);
/* Read an INSERT's target and WITH; then, if it has one, its SELECT. */
struct query *analyze_insert(struct analysis *analysis, RangeVar *target, WithClause *with);
struct query *analyze_source(struct analysis *analysis, struct query *insert, SelectStmt *select);

void analysis_init(struct analysis *analysis, const struct planning *planning, struct plan *plan,
                   struct arena *arena, Node *statement);

/* Are the two slots equal in every combination of rows of the region? */
bool analysis_equal(struct analysis *analysis, int region, int left, int right);
/* The slot of a column named in an expression of the query; NO_SLOT if it is no plain column. */
int analysis_slot(struct analysis *analysis, const struct query *query, Node *expression);
/* The type of an expression, where simple rules tell it, and the order of text, or NULL.  0: not known. */
uint32_t analysis_infer(struct analysis *analysis, const struct query *query, Node *expression,
                        const struct text_order **order);
/* A quoted literal, or a parameter that Parse has not declared and that stands nowhere else: it takes its type from its place. */
bool analysis_is_untyped(const struct analysis *analysis, const Node *expression);
/* The conditions on a sharded scan's key columns, in the plan's arena. */
struct condition *analysis_condition(struct analysis *analysis, int scan);
/* Does the name in FROM mean a CTE? */
bool analysis_is_cte(const struct analysis *analysis, const RangeVar *range);
/* DISTINCT ON; GROUPING SETS, CUBE, ROLLUP. */
bool select_has_distinct_on(const SelectStmt *select);
bool select_has_grouping_sets(const SelectStmt *select);
/* Do all window functions of the query work within one value of the slot? */
bool query_partitions_by(struct analysis *analysis, const struct query *query, int slot);
/* Does SET of an UPDATE give a key column a value? */
bool set_names_key(const struct routed_table *table, const List *set);
/* Refuse for good; `detail` has one %s for `name`. */
void analysis_give_up(struct analysis *analysis, const char *hint, const char *detail, const char *name);
/* The slot of key column k of a sharded scan. */
int scan_key_slot(const struct scan *scan, int k);
bool scan_is_sharded(const struct scan *scan);
/* Is one of the scans [first, end)? */
bool scans_have_sharded(const struct analysis *analysis, int first, int end);

/* A constant, parameter, or a cast of one, that stands beside something of the SQL type; false: it is none of
 * these. */
bool analysis_value(struct analysis *analysis, Node *expression, uint32_t type, struct value *value);
/* The OID of a built-in type's name without modifiers; of an array type its elements' with *array set; else
 * 0. */
uint32_t analysis_type(const TypeName *type, bool *array);

#endif
