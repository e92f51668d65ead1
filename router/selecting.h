/*
 * selecting: what the rooms of a SELECT's plan share: plan_select.c, which tries one way after another, and those that know one of them.
 */
#ifndef KEYWAY_SELECTING_H
#define KEYWAY_SELECTING_H

#include "router/plan_inside.h"

struct selecting {
    struct plan *plan;
    struct analysis analysis;
    const struct query *query;
    SelectStmt *select;
    struct proof proof;
    const char *unproved; /* why rows had to be gathered */
    List *hidden; /* expressions to add to the select list */
};

/* Why a way is none; the first reason stays.  False. */
bool selecting_give_up(struct selecting *selecting, const char *hint, const char *detail);

/* The output that an item of ORDER BY means, as findTargetlistEntrySQL92(): a number, an output's name, else an expression over the input; -1. */
int selecting_position(struct selecting *selecting, Node *node);
/* … and the output that is the same expression over the input; -1. */
int selecting_position_of_expression(struct selecting *selecting, Node *expression);
/* The first output of the name; -1. */
int selecting_position_of_name(const struct query *query, const char *name);
/* The type of an output column, 0 if it is not known, and the order of text; a set operation's is known where both arms have the same. */
uint32_t selecting_output_type(struct selecting *selecting, const struct query *query, int position, const struct text_order **order);
/* Does a merge order values of the type as PostgreSQL does?  Else it gives up. */
bool selecting_can_order(struct selecting *selecting, uint32_t type, const struct text_order *order);

/* ASC or DESC, NULLS FIRST or LAST: a sort key without a column. */
struct sort_key selecting_direction(const SortBy *sort);
/* ORDER BY: the plan's sort keys, and what has to be selected for them. */
bool selecting_read_order(struct selecting *selecting);
/* LIMIT and OFFSET: those of the plan. */
bool selecting_read_limits(struct selecting *selecting);

/* How the parts of an output are combined: a constant or an aggregate's value. */
bool selecting_combine_target(struct selecting *selecting, const struct anchor *anchor, const ResTarget *target, struct combine_column *column);

/* PLAN_COMBINE, or PLAN_REFUSE: aggregates of all rows; GROUP BY, DISTINCT. */
enum plan_kind select_combine(struct selecting *selecting);
enum plan_kind select_groups(struct selecting *selecting);

#endif
