/*
 * plan: what is done with a statement, and why that is right.
 *
 * plan_make() turns one statement's text into a template that holds for every value of its literals and parameters;
 * plan_route() binds values and says which shards.  A plan is taken because a rule proved it to give PostgreSQL's answer; each rule
 * stands as a comment in plan.c where it is applied, and in `reason` for EXPLAIN.  What no rule proves is refused.
 */
#ifndef KEYWAY_PLAN_H
#define KEYWAY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "router/error.h"
#include "router/merge.h"
#include "router/normalise.h"
#include "router/routing.h"
#include "router/shard_set.h"

enum plan_kind {
    PLAN_SINGLE,    /* one shard, text unchanged, reply forwarded as bytes */
    PLAN_CONCAT,    /* rows of all shards as they come; for UPDATE/DELETE the counts are summed */
    PLAN_MERGE,     /* ordered merge, limit and offset */
    PLAN_COMBINE,   /* partial rows become one row, or one for each group: these come in the order of sort_keys, as in a merge */
    PLAN_SPLIT,     /* rows of an INSERT, or of COPY FROM, each to its shard */
    PLAN_BROADCAST, /* the same on every shard, the first one's reply for the client (reference tables, DDL, SET) */
    PLAN_GATHER,    /* rows are copied into temporary tables of the home shard; the query runs there */
    PLAN_REFUSE,    /* 0A000 with `refusal` */
};

/* What kind of statement it is, as far as a session must act on it. */
enum statement_kind {
    STATEMENT_EMPTY,
    STATEMENT_SELECT,      /* also VALUES, TABLE, WITH */
    STATEMENT_INSERT,
    STATEMENT_UPDATE,
    STATEMENT_DELETE,
    STATEMENT_MERGE_INTO,
    STATEMENT_COPY_IN,
    STATEMENT_COPY_OUT,
    STATEMENT_EXPLAIN,     /* `inner` is the plan of the explained statement */
    STATEMENT_BEGIN,       /* BEGIN, START TRANSACTION: its text is replayed on each shard that joins */
    STATEMENT_COMMIT,      /* COMMIT, END; `chain` */
    STATEMENT_ROLLBACK,    /* ROLLBACK, ABORT; `chain` */
    STATEMENT_SAVEPOINT,   /* `name` */
    STATEMENT_RELEASE,     /* `name` */
    STATEMENT_ROLLBACK_TO, /* `name` */
    STATEMENT_SET,         /* SET, RESET of `name` for the session (name NULL: RESET ALL) */
    STATEMENT_SET_LOCAL,   /* SET LOCAL, SET TRANSACTION, SET CONSTRAINTS: for the transaction */
    STATEMENT_SHOW,
    STATEMENT_DISCARD,     /* `name` is "ALL", "PLANS", "TEMP", "SEQUENCES" */
    STATEMENT_PREPARE,     /* SQL-level; `name` */
    STATEMENT_EXECUTE,     /* SQL-level; `name` */
    STATEMENT_DEALLOCATE,  /* `name`; NULL: ALL */
    STATEMENT_CURSOR,      /* DECLARE, FETCH, MOVE, CLOSE of cursor `name` */
    STATEMENT_LISTEN,      /* LISTEN, UNLISTEN */
    STATEMENT_DDL,         /* changes the catalog */
    STATEMENT_MAINTENANCE, /* VACUUM, ANALYZE, REINDEX, CLUSTER, CHECKPOINT */
    STATEMENT_OTHER,       /* anything else that a server runs: LOCK, NOTIFY, CALL, DO, TRUNCATE, … */
};

enum explain_format { EXPLAIN_TEXT, EXPLAIN_JSON, EXPLAIN_XML, EXPLAIN_YAML };

/* Why a server must stay with the client beyond the transaction, in transaction mode. */
enum pin_reason {
    PIN_NONE,
    PIN_TEMPORARY_TABLE,
    PIN_ADVISORY_LOCK,
    PIN_LISTEN,
    PIN_HELD_CURSOR,
    PIN_PREPARE,        /* SQL-level PREPARE */
    PIN_SESSION_STATE,  /* anything else a server keeps: set_config(…, false), LOAD, … */
};

/* COPY … FROM STDIN of a sharded table: what the splitter must know. */
struct copy_shape {
    bool csv, binary;      /* else text format */
    char delimiter, quote, escape;
    const char *null_text; /* how NULL is written */
    bool header;           /* the first line is a header */
    int *key_fields;       /* position of each key column among the fields */
    uint32_t *key_types;   /* its pg_type OID */
    int32_t *key_typmods;  /* what it stores may be less than what is given */
    int key_count;
    int field_count;
    bool server_encoding;  /* texts come as they are stored; else only ASCII ones do for sure */
    const struct keyspace *keyspace;
};

/*
 * Values that PostgreSQL must compute before the statement can be routed: an INSERT's key, the next value of a
 * sequence, all rows of a query.  The home shard runs `sql`; its one row, or its rows, come back through
 * plan_route_evaluated().
 */
struct evaluation {
    const char *sql;
    int count;          /* of its columns */
    bool rows;          /* it may have more than one … */
    int row_count;      /* … and has as many; 0: any number … */
    bool in_parts;      /* … of which the statement can insert one part after the other, in one transaction */
    const bool *asks;   /* by parameter: it occurs in `sql` … */
    const bool *leaves; /* … and nowhere in the statements that the shards get then */
};
struct evaluated {
    const char *const *values; /* as text, row by row; NULL is NULL */
    const uint32_t *types;     /* of the columns */
    int count;
    int rows;
};

/*
 * Rows that a gathered query needs of the shards: what `select` gives on each of them, all together.  They reach the home
 * shard in one of two ways: as arrays, one for each column, which the query `gather_values` of the plan takes as
 * parameters behind the client's own; or in a temporary table named `copy`, which `shard_text` of the plan reads.
 */
enum gather_what {
    GATHER_ROWS,   /* of one table */
    GATHER_FOUND,  /* what FROM and WHERE of a query find */
    GATHER_GROUPS, /* … in groups, with partial values of its aggregates */
    GATHER_RESULT, /* of a subquery as a whole */
    GATHER_KEYS,   /* of a table on the home shard: values that others are asked for by, and no more */
};
enum { GATHER_MOST_KEYS = 10000 /* of a table on the home shard: more are not used */ };

/* Keys that restrict a part: the values of a column of another part, which has to be asked for before, or of one of GATHER_KEYS. */
struct gather_key {
    int part;   /* of_home: the number among those, else among the parts */
    bool of_home;
    int column;
};

struct gather_part {
    enum gather_what what;
    const char *table;     /* whose rows they are made of: "users, posts" */
    const char *select;    /* what each shard runs; its $1, $2, … are … */
    const int *parameters; /* … these of the statement's parameters, 0-based */
    int parameter_count;
    int column_count;
    const char *keyed;     /* the same of those rows only that have these keys; NULL: there are none; `select` always is right */
    const struct gather_key *keys; /* their arrays are the last parameters; of several each may be NULL, which restricts nothing */
    int key_count;
    const char *copy;      /* of the temporary table, in quotes, to be found in pg_temp */
    const bool *as_text;   /* of the columns: arrays, which no array holds; NULL: there are none */
    const char *key;       /* its primary key, "a", "b", which the query relies on (functional dependency); or NULL */
    const char *const *indexes; /* what the table wants indexes of: "btree (a)" */
    int index_count;
    bool read_again;       /* at several places of the query */
    bool binary;           /* its columns may travel in binary format; else as text, by COPY, and it has no parameters */
    const char *format;    /* COPY's options */
};

/*
 * SELECT … FOR UPDATE (or SHARE) with LIMIT over several shards, of which no more rows may be locked than one PostgreSQL would lock: those
 * that LIMIT and OFFSET count.  How many of them are on each shard is found out first, without locks.
 */
struct locking_steps {
    const char *look;            /* the first rows of each shard, unlocked */
    const char *before, *behind; /* the statement that locks; between them, how many */
    bool skips;                  /* SKIP LOCKED */
};

/* set_config(name, value, local): the number of the parameter that is its name, or value, 0-based, if that is NULL. */
struct plan_setting {
    const char *name, *value;
    int name_parameter, value_parameter;
    bool local;   /* until the transaction ends */
    bool if_known; /* where the server has it: … FROM pg_settings WHERE name = '…' */
    bool limited; /* one that would mislead the router is refused (limited_settings.h) */
};

/* EXECUTE's: a constant as text, which for a parameter of a fitting type is the value; or what PostgreSQL has to compute. */
enum argument_kind { ARGUMENT_NULL, ARGUMENT_STRING, ARGUMENT_INTEGER, ARGUMENT_NUMERIC, ARGUMENT_TRUTH, ARGUMENT_COMPUTED };
struct plan_argument {
    enum argument_kind kind;
    const char *text; /* NULL of ARGUMENT_NULL and ARGUMENT_COMPUTED */
};

/* Does a statement read its transaction's clock: now(), current_date, a column's default that calls them? */
enum clock_reading {
    CLOCK_UNREAD,
    CLOCK_IN_ROWS, /* of an INSERT, nowhere but in what the home shard computes if it computes anything of the rows */
    CLOCK_READ,
};

enum transaction_access { ACCESS_UNSAID, ACCESS_READ_ONLY, ACCESS_READ_WRITE };

/* Instead of making a table … */
#define RELATION_IS_THERE        "there"
#define TRANSACTION_IS_READ_ONLY "read only"

struct plan_inside; /* conditions, values, rows: the planner's own */

struct plan {
    unsigned references; /* a plan stays on one thread: not atomic */
    struct arena arena;
    enum statement_kind statement;
    bool writes;          /* may change data */
    bool returning;       /* INSERT, UPDATE or DELETE with RETURNING */
    bool changes_catalog; /* the routing must be read again once this is committed */
    bool redefines;       /* … and until then names may mean other things than the catalog tells */
    bool of_home;         /* reads and changes tables of the home shard alone, by names that no view stands behind */
    bool outside_transaction; /* cannot run in a transaction block (VACUUM, CREATE INDEX CONCURRENTLY, …) */
    bool chain;           /* COMMIT/ROLLBACK AND CHAIN */
    enum transaction_access access; /* what BEGIN or SET TRANSACTION says */
    enum clock_reading clock; /* of a statement that is routed over several shards: see moment.h */
    bool catalog_only;    /* reads pg_catalog or OIDs: home shard */
    enum pin_reason pin;
    const char *name;     /* see enum statement_kind */
    const char *value;    /* STATEMENT_SET: the value's text as one string if it is simple, else NULL;
                             STATEMENT_CURSOR: "DECLARE", "FETCH", "MOVE" or "CLOSE" */
    bool reset;           /* STATEMENT_SET: RESET, or SET … TO DEFAULT */
    const struct plan_setting *settings; /* STATEMENT_SET, and STATEMENT_SET_LOCAL if all are local: by set_config(); without name and value then */
    int setting_count;

    enum plan_kind many;  /* the kind taken when more than one shard is meant */
    const char *reason;   /* one sentence: why `many` is right ("concat: users and posts are joined on their keys") */
    struct error refusal; /* with many == PLAN_REFUSE */
    const char *before_elsewhere; /* of PLAN_BROADCAST: what all shards but the home shard get first; it cannot fail; or NULL */
    const char *elsewhere_text; /* of PLAN_BROADCAST: what they get in place of the client's own; or NULL */
    const char *shard_text; /* the statement each shard gets when many shards are meant; NULL: the client's own */
    struct sort_key *sort_keys;
    int sort_key_count;
    int hidden;           /* trailing columns of the shards' rows that the client must not see */
    struct combine_column *combine;
    int combine_count;
    struct sort_key *ranking; /* of PLAN_COMBINE: the order of groups if it is not that of their keys; it has a LIMIT then */
    int ranking_count;
    bool has_limit, has_offset;
    const struct locking_steps *locking; /* of PLAN_CONCAT and PLAN_MERGE with a LIMIT; or NULL */
    struct copy_shape *copy;
    uint32_t *parameter_types; /* known from the statement itself (casts, target columns); 0 unknown */
    int parameter_count;
    const struct gather_part *gather; /* of PLAN_GATHER; shard_text is the query over the temporary tables */
    int gather_count;
    int gather_questions;      /* so many of GATHER_KEYS stand behind the parts: only the home shard is asked, and the query does not read them */
    const char *gather_values; /* the query over arrays, or NULL: it needs the tables */
    bool gather_as_text;       /* … takes arrays as their texts: it is for transactions that can have no tables */
    int gather_first;          /* the number of the first array: $gather_first; then part by part, column by column */
    bool gather_runs_again;    /* a part is read again for each row of another one: see gather_index.h */
    bool stores;               /* the query writes what is made of gathered rows: nothing of it may be undone behind it … */
    const char *creates;       /* … into a table that this makes before; or NULL */
    const char *if_new;        /* … of this name, unless the evaluation's one value is one of these; or NULL */
    bool checks_sums;          /* the query fails with FLOAT_SUMS_SEEN where a sum shows the order of rows, with EQUAL_KEYS_SEEN where an object does */
    const uint32_t *described_types; /* of its parameters, as the home shard told when it was first run; NULL: not yet */
    int described_count;
    const char *wrapped_query;  /* the client's query in DECLARE CURSOR, whose columns FETCH gives, or in COPY, over gathered rows */
    const struct evaluation *evaluation; /* to be run first; NULL: nothing is */
    struct plan *inner;        /* of EXPLAIN: owned */
    const char *prepared;      /* of PREPARE over several shards: the statement's text behind AS */
    int declared_types;        /* … and how many types it declares */
    const struct plan_argument *arguments; /* of EXECUTE */
    int argument_count;
    const char *explained;     /* of EXPLAIN: the statement's text behind the options */
    const char *explain_prefix; /* of EXPLAIN: "EXPLAIN (ANALYZE, …) " to put before each shard's statement */
    enum explain_format explain_format;
    bool explain_analyzes;     /* the statement is run */
    struct plan_inside *inside;
};

/* What planning depends on besides the text: a change of any of these makes another plan. */
struct session_facts {
    const char *search_path;   /* as SHOW search_path gives it; "$user" stands for `user` */
    const char *user;          /* current_user */
    bool iso_dates;            /* DateStyle is ISO: text-format dates and times sort by value */
    bool server_encoding;      /* client_encoding is the servers' own: literals are bytes as stored */
    bool gathers;              /* a SELECT over several shards is gathered whatever else is proved: its rows are read in steps */
    bool rounded_floats;       /* extra_float_digits is less than 1: values as text are not all that they are */
    bool escaped_bytes;        /* bytea_output is not hex: values as text do not sort as they do */
};

/* Values given at Bind (PostgreSQL 15 protocol, 55.7 Bind); all borrowed. */
struct bind_value {
    const char *bytes;
    int32_t length; /* -1: NULL */
    bool binary;
    uint32_t type;  /* as declared in Parse or described; 0 unknown */
};
struct bind_values {
    const struct bind_value *values;
    int count;
};

/* One shard's share of a split statement. */
struct split_part {
    int shard;
    const char *text; /* a complete statement; its parameters keep their numbers */
    int rows;
    const bool *lacks; /* by parameter: it is of another part's rows; NULL: none is */
};

/* Where one execution goes. */
struct route {
    enum plan_kind kind;       /* PLAN_SINGLE when one shard is enough, else plan->many */
    struct shard_set shards;   /* at least one */
    int64_t limit, offset;     /* of PLAN_MERGE, PLAN_CONCAT and PLAN_COMBINE: -1 and 0 without */
    struct split_part *parts;  /* of PLAN_SPLIT of an INSERT: one per shard in `shards`, in order; in the caller's arena */
    int part_count;
    struct shard_set *gather_shards; /* of PLAN_GATHER: for each part, whose rows matter */
    const int *turns; /* the shard of each row, where each gives one row of RETURNING: they come in this order; or NULL */
    int turn_count;
};

/*
 * Plan one statement (no trailing statements behind a semicolon).  `types` are the parameter types declared in Parse.  Returns a
 * plan with one reference, of kind PLAN_REFUSE if it was not proved; NULL with `error` set only if the text does not parse
 * (PostgreSQL's own message and position).  If `normalised` is given, the plan refers to literals by their
 * place in it where it can, and plan_pins() says which must stay as they are.
 */
struct plan *plan_make(const struct routing *routing, const struct session_facts *facts, const char *sql, size_t length,
                       const struct normalised *normalised, const uint32_t *types, int type_count,
                       struct error *error);
struct plan *plan_hold(struct plan *plan);
void plan_release(struct plan *plan);

/* Must literal i have the value it had in plan_make() for the plan to hold? */
bool plan_pins(const struct plan *plan, size_t literal);

/*
 * Bind values to the plan.  `literals` as in plan_make(), with this execution's values (NULL if plan_make() had none); `binds`
 * NULL for a statement without parameters.  What the route points to lives in `arena`.  False with `error`: refused, a NULL or unmapped key, or
 * a value out of place.
 */
bool plan_route(const struct plan *plan, const struct routing *routing, const struct normalised *literals,
                const struct bind_values *binds, struct arena *arena, struct route *route, struct error *error);

/* The same for a plan with an evaluation, whose row is at hand; plan_route() refuses such a plan. */
bool plan_route_evaluated(const struct plan *plan, const struct routing *routing, const struct normalised *literals,
                          const struct bind_values *binds, const struct evaluated *evaluated, struct arena *arena,
                          struct route *route, struct error *error);

/*
 * What PREPARE's text prepares, with casts where it says parameters of its own declared types, by number: of the database's own, which have another OID
 * on each shard.  In `arena`; NULL: it is no such text as has been planned.
 */
const char *plan_cast_parameters(const char *sql, size_t length, const bool *own, struct arena *arena);

/* Did a shard fail with this because a plan that checks_sums told it to, where the answer cannot be known?  Then it is a refusal instead. */
bool plan_refuses_with(struct error *failure);

/* The statements of a query string: (offset, length) pairs in `arena`, comments and blanks trimmed.  False: syntax error. */
struct statement_span {
    size_t offset, length;
};
bool plan_split_statements(const char *sql, size_t length, struct arena *arena, struct statement_span **spans,
                           size_t *count, struct error *error);
/* The same, without parsing, for a text that has been parsed before and is one statement; false: only the parser knows where that ends. */
bool plan_sole_statement(const char *sql, size_t length, struct statement_span *span);

const char *plan_kind_name(enum plan_kind kind);
/* "kind: reason", the facts that chose the shards (with the values of plan_route()), the text the shards get: EXPLAIN's and ROUTE's
 * lines, in `arena`. */
const char *plan_describe(const struct plan *plan, const struct routing *routing, const struct normalised *literals,
                          const struct bind_values *binds, const struct route *route, struct arena *arena);
/* The same of one with an evaluation, before that has run: what is computed, and what each shard gets then. */
const char *plan_describe_evaluation(const struct plan *plan, const struct routing *routing, struct arena *arena);

#endif
