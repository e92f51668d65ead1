/*
 * conditions: from key facts to shards, at each execution.
 *
 * A fact says something that must hold of a key column in every row that matters: it is one of some values,
 * lies between two, starts with a text, or one of several groups of facts holds.  The values are constants,
 * literals or parameters of the statement, bound anew each time.  What cannot be read is no fact; a set of
 * shards is therefore never too small.
 */
#ifndef KEYWAY_CONDITIONS_H
#define KEYWAY_CONDITIONS_H

#include "router/plan.h"

enum value_kind {
    VALUE_CONSTANT,  /* `text`, kept in the plan */
    VALUE_LITERAL,   /* literal `index` of the normalised statement */
    VALUE_PARAMETER, /* parameter `index` (0-based) */
    VALUE_EVALUATED, /* value `index` of the plan's evaluation, counted from row to row */
};

struct value {
    enum value_kind kind;
    uint32_t type;    /* the SQL type it is read as; 0: an untyped string, read as what it stands beside */
    const char *text; /* of VALUE_CONSTANT: NULL is SQL NULL */
    size_t index;
    bool number;    /* an uncast number: its size says its type, which `type` gives for now */
    bool negative;  /* a minus sign stands before the literal */
    bool uncertain; /* a parameter whose type other places of the statement may decide: binary is not read */
};

/* A value of this execution. */
struct bound {
    const char *bytes;
    int32_t length; /* -1: NULL */
    bool binary;
    bool unknown;  /* not to be had */
    uint32_t type; /* 0: an untyped string */
};

/* What an execution brings. */
struct execution {
    const struct normalised *literals;
    const struct bind_values *binds;
    struct arena *arena;
    bool server_encoding; /* else only ASCII texts are what the servers store */
    const struct evaluated *evaluated;
};

struct bound value_bind(const struct value *value, const struct execution *execution);
/* Read it as a key. */
enum key_reading value_key(const struct value *value, enum key_type type, const struct execution *execution,
                           struct key_value *key);
/* As SQL would write it, for EXPLAIN. */
const char *value_describe(const struct value *value, const struct execution *execution);

enum fact_kind {
    FACT_VALUES,   /* column = ANY of values */
    FACT_ARRAY,    /* column = ANY (values[0]), an array as text */
    FACT_AT_LEAST, /* column >= values[0] */
    FACT_ABOVE,    /* column > values[0] */
    FACT_AT_MOST,  /* column <= values[0] */
    FACT_BELOW,    /* column < values[0] */
    FACT_LIKE,     /* column LIKE values[0], of a text column in byte order */
    FACT_ARMS,     /* one of the arms: each a group of facts that hold together */
};

struct fact {
    enum fact_kind kind;
    int slot; /* while analysing: the column's slot; in a condition: the number of the key column */
    struct value *values;
    int value_count;
    struct fact_list *arms;
    int arm_count;
};

struct fact_list {
    struct fact **facts;
    int count;
};

/* One use of a sharded table: its rows that matter satisfy all the facts. */
struct condition {
    const char *table; /* … and what it is called, if others are uses of the same: "users u" */
    const char *const *columns; /* names of the key columns */
    const struct keyspace *keyspace;
    struct fact_list facts;
};

/* The shards that may hold rows that satisfy the facts. */
struct shard_set condition_shards(const struct condition *condition, const struct execution *execution);
/* "username = 'bob' and …", or NULL when there are no facts. */
const char *condition_describe(const struct condition *condition, const struct execution *execution);

#endif
