/*
 * plan_inside: the planner's own part of a plan: what an execution is bound to.
 */
#ifndef KEYWAY_PLAN_INSIDE_H
#define KEYWAY_PLAN_INSIDE_H

#include "router/analyze.h"
#include "router/conditions.h"
#include "router/planning.h"
#include "router/prove.h"

/* The rows of INSERT … VALUES into a sharded table. */
struct insert_rows {
    const char *table;
    const struct keyspace *keyspace;
    const char *const *columns; /* names of the key columns */
    const uint32_t *types;      /* theirs */
    const int32_t *typmods;
    struct value *values; /* of the key columns, row by row */
    int count;
    bool fails_with_null;        /* of UPDATE: with a NULL in its key a shard stores none of them, wherever they are */
    bool from_query;             /* of a query that may have no rows; `values` are those of each */
    bool computed;               /* each is a row of the evaluation, whose first value is a sign: a row without it is none;
                                    `values` and `pieces` are those of one row */
    bool answers;                /* each row gives one of RETURNING */
    const char *before, *after;  /* the statement's text around the rows; NULL if it cannot be split */
    const char **rows;           /* the text of each row, "(…)" … */
    size_t *starts;              /* … and where it began in the statement's */
    struct row_literal *literals; /* of all rows: other statements of this plan have others there; NULL: they have not */
    size_t *literal_ends;        /* for each row: how many of them its own is behind */
    struct insert_piece *pieces; /* with an evaluation, in place of `rows`: `width` for each row */
    int width;
    int parameter_count;
    const int *parameter_rows; /* by parameter: the only row that it stands in; negative: there is none */
};

/* Room for the keys of so many new rows of the table, which is sharded. */
struct insert_rows *insert_rows_new(struct arena *arena, const struct resolved_relation *target, int count);

/* Where a row's text has a literal of the statement. */
struct row_literal {
    size_t literal, at, length;
};

/* A value of a row: as written, or computed by the home shard. */
struct insert_piece {
    const char *text; /* NULL: value `value` of the evaluation, counted from row to row, whose type's name is `type` */
    int value, type;
};

struct plan_inside {
    bool refused;           /* plan->refusal holds for every execution */
    struct shard_set fixed; /* always among the shards */
    struct condition **conditions;
    int condition_count;
    struct insert_rows *insert;
    const int *gather_owners;   /* the part that each condition belongs to */
    struct value limit, offset; /* with plan->has_limit, has_offset */
    bool server_encoding;
    bool no_clock_words; /* 'now' and the like, written to every shard, would differ */
    bool clock_words; /* the text has such a word; found out only when its literals are not at hand later */
    bool pin_all;
    bool *pins;
    size_t pin_count;
};

/* The plan, bound to values; what is made of it is in `arena`. */
struct execution plan_execution(const struct plan *plan, const struct normalised *literals, const struct bind_values *binds,
                                const struct evaluated *evaluated, struct arena *arena);

/* The query, run on the home shard over copies of the rows it needs.  False: it cannot be, as `proof` says, or not with these SELECTs
 * that gather_group_early() has made.  The tree is changed. */
bool plan_gather(struct plan *plan, struct analysis *analysis, SelectStmt *select, const List *early, struct proof *proof);

/* Fill the plan from what the analysis found, for a statement that is to run with kind `kind` on several
 * shards (PLAN_REFUSE: the reason is in `proof`). */
void plan_conclude(struct plan *plan, struct analysis *analysis, enum plan_kind kind, const char *reason,
                   const struct proof *proof);
/* Functions and relations that no database of several shards can run anywhere; true if the plan is refused
 * now. */
bool plan_check_functions(struct plan *plan, struct analysis *analysis);

void plan_select(struct plan *plan, const struct planning *planning, struct arena *arena, SelectStmt *select);
void plan_insert(struct plan *plan, const struct planning *planning, struct arena *arena, InsertStmt *insert);
void plan_update(struct plan *plan, const struct planning *planning, struct arena *arena, UpdateStmt *update);
void plan_delete(struct plan *plan, const struct planning *planning, struct arena *arena, DeleteStmt *delete);
void plan_merge(struct plan *plan, const struct planning *planning, struct arena *arena, MergeStmt *merge);
void plan_sharded_merge(struct plan *plan, const struct planning *planning, struct arena *arena, MergeStmt *given,
                        const struct resolved_relation *target);

/* Writes: refuse targets that cannot be written in parts (triggers, rules, views); true if refused.  `changes_rows`: not only new ones. */
bool plan_check_view(struct plan *plan, const struct planning *planning, struct arena *arena,
                     const struct resolved_relation *target);
/* The same of a table of the home shard, whose triggers run there: they must not touch configured tables. */
bool plan_check_home(struct plan *plan, const struct planning *planning, const struct resolved_relation *target);
bool plan_check_target(struct plan *plan, const struct resolved_relation *target, bool changes_rows);
/* 'now', 'today' and the like, which each shard would read by its own clock. */
bool is_clock_text(const char *bytes, size_t length);
/* Is a string among the literals one of them? */
bool has_clock_word(const struct normalised *literals);
/* A value of 'now' must not reach the target on several shards. */
void plan_forbid_clock_words(struct plan *plan, const struct resolved_relation *target);
/* A write to a reference table: everything it reads must be the same on all shards. */
void plan_reference_write(struct plan *plan, struct analysis *analysis,
                          const struct resolved_relation *target);

/* Route the rows: their shards into `shards`, the parts into `route` if there are several. */
bool insert_route(const struct insert_rows *rows, const struct execution *execution, struct shard_set *shards,
                  struct route *route, struct error *error);

#endif
