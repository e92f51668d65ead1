/*
 * utility_inside: the kinds of utility statements, one file each.
 *
 * Every one has two halves: what the statement is, which holds for any database, and where it goes, which is
 * asked only when the database has several shards.  A half is a function of this type; statements that carry
 * a query have a single one for both.
 */
#ifndef KEYWAY_UTILITY_INSIDE_H
#define KEYWAY_UTILITY_INSIDE_H

#include "router/planning.h"

typedef void (*utility_step)(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_session.c */
void describe_set(struct plan *plan, const struct planning *planning, Node *statement);
void route_set(struct plan *plan, const struct planning *planning, Node *statement);
void route_role_set(struct plan *plan, const struct planning *planning, Node *statement);
void describe_show(struct plan *plan, const struct planning *planning, Node *statement);
/*
 * utility_names.c: do tables that are not configured stay where the catalog shows them, and what is new under a name that it lacks is a table of the home
 * shard?  Not behind a new view, function or rule, a table that inherits, a name that goes elsewhere.
 */
bool utility_keeps_names(const struct planning *planning, const Node *statement);

enum transaction_access transaction_access_of(const List *modes); /* of BEGIN and SET TRANSACTION */
void describe_discard(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_copy.c */
void plan_copy(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_query.c: statements that carry a query */
void plan_explain(struct plan *plan, const struct planning *planning, Node *statement);
void plan_declare_cursor(struct plan *plan, const struct planning *planning, Node *statement);
void route_create_table_as(struct plan *plan, const struct planning *planning, Node *statement);
void route_select_into(struct plan *plan, const struct planning *planning, Node *statement);
void route_refresh(struct plan *plan, const struct planning *planning, Node *statement);
void route_view(struct plan *plan, const struct planning *planning, Node *statement);
void route_rule(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_prepared.c */
void describe_prepare(struct plan *plan, const struct planning *planning, Node *statement);
void route_prepare(struct plan *plan, const struct planning *planning, Node *statement);
void describe_execute(struct plan *plan, const struct planning *planning, Node *statement);
void route_execute(struct plan *plan, const struct planning *planning, Node *statement);
void describe_deallocate(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_table.c: CREATE and ALTER TABLE, and what is made on a table */
void route_create_table(struct plan *plan, const struct planning *planning, Node *statement);
void describe_alter_table(struct plan *plan, const struct planning *planning, Node *statement);
void route_alter_table(struct plan *plan, const struct planning *planning, Node *statement);
void route_create_foreign_table(struct plan *plan, const struct planning *planning, Node *statement);
void describe_index(struct plan *plan, const struct planning *planning, Node *statement);
void route_index(struct plan *plan, const struct planning *planning, Node *statement);
void route_trigger(struct plan *plan, const struct planning *planning, Node *statement);
void route_create_policy(struct plan *plan, const struct planning *planning, Node *statement);
void route_alter_policy(struct plan *plan, const struct planning *planning, Node *statement);
void route_statistics(struct plan *plan, const struct planning *planning, Node *statement);
void route_create_sequence(struct plan *plan, const struct planning *planning, Node *statement);
void route_alter_sequence(struct plan *plan, const struct planning *planning, Node *statement);
void route_composite_type(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_object.c: statements about objects of any type */
void describe_drop(struct plan *plan, const struct planning *planning, Node *statement);
void route_drop(struct plan *plan, const struct planning *planning, Node *statement);
void route_rename(struct plan *plan, const struct planning *planning, Node *statement);
void route_set_schema(struct plan *plan, const struct planning *planning, Node *statement);
void route_owner(struct plan *plan, const struct planning *planning, Node *statement);
void route_depends(struct plan *plan, const struct planning *planning, Node *statement);
void route_comment(struct plan *plan, const struct planning *planning, Node *statement);
void route_grant(struct plan *plan, const struct planning *planning, Node *statement);
void route_schema(struct plan *plan, const struct planning *planning, Node *statement);

/* utility_maintenance.c */
void route_truncate(struct plan *plan, const struct planning *planning, Node *statement);
void route_lock(struct plan *plan, const struct planning *planning, Node *statement);
void describe_vacuum(struct plan *plan, const struct planning *planning, Node *statement);
void route_vacuum(struct plan *plan, const struct planning *planning, Node *statement);
void describe_cluster(struct plan *plan, const struct planning *planning, Node *statement);
void route_cluster(struct plan *plan, const struct planning *planning, Node *statement);
void describe_reindex(struct plan *plan, const struct planning *planning, Node *statement);
void route_reindex(struct plan *plan, const struct planning *planning, Node *statement);

/* An option's value, as PostgreSQL's defGetBoolean() reads it; without a value it is true, and so is what
 * cannot be read. */
bool option_is_true(const DefElem *option);
/* Its value as text, in the plan's arena; NULL if it has none or it is a list. */
const char *option_text(struct plan *plan, const DefElem *option);

#endif
