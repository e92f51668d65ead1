/*
 * float_steps: what is known of an expression that is made of aggregates of floating-point numbers.
 *
 * The order of rows moves an aggregate by no more than a bound (float_bounds).  Arithmetics, rounding, comparing and the like are followed, step by
 * step, to what that makes of the whole expression.
 */
#ifndef KEYWAY_FLOAT_STEPS_H
#define KEYWAY_FLOAT_STEPS_H

#include "router/analyze_inside.h"
#include "router/float_bounds.h"

enum float_stage {
    STAGE_FLOAT,   /* a floating-point number */
    STAGE_NUMERIC, /* a numeric of one */
    STAGE_SCALED,  /* a numeric with arithmetics: how many digits it shows may vary */
    STAGE_FIXED,   /* whatever is made of this shows nothing more */
};

/* An expression that is understood. */
struct float_outcome {
    enum float_stage stage;
    uint32_t type;
    bool near;                      /* the radius is known */
    struct float_estimate estimate; /* without `near`, its value and doubt only */
    Node *low, *high;               /* what is possible is between them; NULL: as the radius says */
};

/* What was known of a column of a subquery stands in "keyway: value 1", "keyway: radius 1", … */
struct lifted_column {
    SelectStmt *select;
    const Node *value; /* the column's own */
    uint32_t type;
    int number;
};

struct float_chain {
    struct analysis *analysis;
    const struct query *query; /* whose columns and aggregates they are */
    List *calls;               /* of aggregates that were found */
    bool lifts;                /* scalar subqueries may give their places to … */
    List *subqueries;          /* … these (CommonTableExpr) … */
    List *targets;             /* … each of which selects such a list then */
    bool concerns;             /* such columns were found */
    bool takes_columns;        /* a column of a subquery in FROM may give its place to others … */
    List *selects;             /* … of these (SelectStmt) … */
    List *additions;           /* … each of which selects such a list, too, then */
    List *columns;             /* whose they are (struct lifted_column) */
};

/* False: it does something that is not known here.  The nodes of the outcome are new, or parts of the expression, which is not changed: to be
 * copied for each use. */
bool float_steps_follow(struct float_chain *chain, Node *expression, struct float_outcome *outcome);
Node *float_steps_low(const struct float_outcome *outcome);
Node *float_steps_high(const struct float_outcome *outcome);

/* Is there such an aggregate in an expression of the query, or a column of a subquery that has one? */
bool float_steps_concern(const struct float_chain *chain, Node *expression);

/* What the analysis noted of a call, unless its order does not matter any more; NULL: nothing. */
struct order_dependent *float_steps_dependent(const struct analysis *analysis, const Node *call);

#endif
