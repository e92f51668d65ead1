/*
 * planning: what the planner's rooms share while one statement is being planned.
 *
 * plan.c starts; SELECT, INSERT, UPDATE, DELETE and MERGE are planned by plan_select.c and plan_write.c,
 * everything else by utility.c.  Each of them fills the same struct plan through the few functions here.  The
 * plan says where the statement goes in one of two ways: a fixed set of shards (plan_on_…), or conditions
 * evaluated at each execution (conditions.h).
 */
#ifndef KEYWAY_PLANNING_H
#define KEYWAY_PLANNING_H

#include "router/parse.h"
#include "router/plan.h"

/* What a name has turned out to mean, and must not be asked: the first such. */
struct unusable_name {
    const char *name;             /* NULL: there was none */
    const struct error *obstacle;
};

/* One plan_make() on its way. */
struct planning {
    const struct routing *routing;
    const struct session_facts *facts;
    const char *sql; /* NUL-terminated; parse locations are byte offsets into it */
    size_t length;
    const struct normalised *normalised; /* NULL: literals are kept in the plan */
    const uint32_t *types;
    int type_count;
    struct unusable_name *unusable; /* what resolve_relation() notes */
    bool alike_in_binary; /* rows of several shards are of use only if equal ones are equal bytes in binary format, too */
};

enum relation_place {
    PLACE_SHARDED,   /* `table` is set and has a keyspace */
    PLACE_REFERENCE, /* `table` is set and has none */
    PLACE_UNSHARDED, /* lives on the home shard (shard 0) */
    PLACE_VIEW,      /* a view: what it reads says where it lives */
    PLACE_CATALOG,   /* pg_catalog, information_schema, pg_toast */
    PLACE_TEMPORARY, /* schema pg_temp */
    PLACE_UNKNOWN,   /* the home shard will say what is wrong, or it was made in this session */
};

struct resolved_relation {
    enum relation_place place;
    const char *schema, *name;               /* schema NULL if unknown */
    const struct catalog_relation *relation; /* NULL: not in the catalog */
    const struct routed_table *table;        /* NULL: not configured */
};

/* Can the home shard compute the expression, without columns, for all shards (insert_evaluate.c)?  Not what reads tables. */
bool planning_computes(const struct planning *planning, Node *expression);

/* Find the relation as PostgreSQL would: by schema, or along search_path with pg_catalog first. */
struct resolved_relation resolve_relation(const struct planning *planning, const RangeVar *range);
/* The schema that CREATE of an unqualified name uses; false if the path has none. */
bool resolve_creation_schema(const struct planning *planning, char schema[NAMEDATALEN]);

/* The schemas of search_path, "$user" replaced, one after another; pg_catalog only if it is named there. */
struct resolve_path {
    const char *rest;
    const struct session_facts *facts;
};
struct resolve_path resolve_path(const struct planning *planning);
bool resolve_path_next(struct resolve_path *path, char schema[NAMEDATALEN]);

/* Does the database have just one shard?  Then every statement is single there and nothing is refused. */
static inline bool planning_one_shard(const struct planning *planning)
{
    return planning->routing->settings->shard_count == 1;
}

/* Plan a SELECT, INSERT, UPDATE, DELETE or MERGE into `plan` (also nested ones: EXPLAIN, DECLARE CURSOR, …).
 */
void plan_statement(struct plan *plan, const struct planning *planning, Node *statement);

/* A new plan of a nested statement of the same text (plan->inner of EXPLAIN); the caller owns it. */
struct plan *plan_nested(const struct planning *planning, Node *statement);

/* An empty plan with one reference. */
struct plan *plan_new(void);

/* The statement never runs: 0A000.  The first refusal stays. */
void plan_refuse(struct plan *plan, const char *message, const char *hint, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
/* It runs only when an execution needs one shard; else the refusal is raised. */
void plan_refuse_many(struct plan *plan, const char *message, const char *hint, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
bool plan_is_refused(const struct plan *plan); /* by plan_refuse() */
/* Another SQLSTATE or message than a refusal's: every execution fails with it.  Takes over the error's texts.
 */
void plan_fail(struct plan *plan, struct error *error);

/* Fixed places.  `reason` is a sentence that lives as long as the program or the plan. */
void plan_on_home(struct plan *plan, const char *reason);
void plan_on_all(struct plan *plan, const struct planning *planning, enum plan_kind kind, const char *reason);
void plan_on_shards(struct plan *plan, const struct shard_set *shards, enum plan_kind kind,
                    const char *reason);

/* The plan holds only for the literals as they are now: all of them, that one, or the one at a parse location. */
void plan_pin_all(struct plan *plan);
void plan_pin_literal(struct plan *plan, const struct normalised *normalised, size_t literal);
void plan_pin_location(struct plan *plan, const struct planning *planning, int location);

#endif
