/*
 * utility_place: where the things live that a utility statement names.
 *
 * A configured table, sharded or reference, is on every shard, and so is what belongs to it: indexes,
 * partitions, sequences of its columns.  Any other table is on the home shard with its belongings.  Views and
 * free sequences are where the catalogs show them.  A statement may name things of one sort only, unless it does
 * the same to each of them.
 */
#ifndef KEYWAY_UTILITY_PLACE_H
#define KEYWAY_UTILITY_PLACE_H

#include "router/planning.h"

struct utility_place {
    const struct planning *planning;
    const char *home;       /* the name of something that lives on the home shard only */
    const char *everywhere; /* of something that every shard has a part or its own of */
    const char *reference;  /* of a reference table that is read: it is on every shard, and on the home shard
                               in full */
};

/* What a name that nobody knows is taken to be: a table is the home shard's to judge, while an index or a
 * view may have been made on every shard a moment ago. */
enum unknown_place { UNKNOWN_IS_HOME, UNKNOWN_IS_EVERYWHERE };

/* The statement does something to this relation. */
void place_relation(struct utility_place *place, const RangeVar *range, enum unknown_place unknown);
/* The same for each of them (RangeVars); the result are those of which every shard has something. */
List *place_relations(struct utility_place *place, const List *ranges, enum unknown_place unknown);
/* The same for a qualified name (a list of String) without its last `skip` parts. */
void place_names(struct utility_place *place, List *names, int skip, enum unknown_place unknown);
/* The name in such a list, in a RangeVar of the parse. */
RangeVar *place_range(List *names, int skip);
/* The query (SELECT, INSERT, UPDATE, DELETE or MERGE; others are passed over) reads, or writes, its
 * relations. */
void place_query(struct utility_place *place, Node *query);

/*
 * The statement goes where these things live; nothing named: to every shard.  Mixed: refused, `what` says
 * what the statement does ("DROP").
 */
void place_apply(struct plan *plan, const struct utility_place *place, const char *what);

/*
 * The same for a statement that does to each thing what it would do to that alone: of both sorts, the home shard gets all of it,
 * and the others get `elsewhere`, a copy without what is not theirs.
 */
void place_apply_apart(struct plan *plan, const struct utility_place *place, Node *elsewhere, const char *what);
/* Does every shard have this relation, a part of it, or one of its own? */
bool place_is_everywhere(const struct planning *planning, const RangeVar *range, enum unknown_place unknown);

/* The configured table of this name, also if nobody made it yet; NULL otherwise. */
const struct routed_table *place_configured(const struct planning *planning, const RangeVar *range);
/* The configured table that this is, or is a part of. */
const struct routed_table *place_owner(const struct planning *planning, const RangeVar *range);
/* Will CREATE make it a temporary one? */
bool place_is_temporary(const struct planning *planning, const RangeVar *range);
/* The configured table whose name CREATE would take; NULL otherwise. */
const struct routed_table *place_taken(const struct planning *planning, const RangeVar *range);
/*
 * A temporary relation hides others of its name for the rest of the session: false, and refused, if one of
 * those is more than a table of the home shard.  Else it is made there, and keeps the server.
 */
bool place_temporary(struct plan *plan, const struct planning *planning, const RangeVar *range);

#endif
