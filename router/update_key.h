/*
 * update_key: SET of a key column, as ORMs write it that give all columns their values.
 *
 * A row may be changed where it is if its new key belongs to the shard that it is on.  That is so if the key is what it was: SET key = key, or what
 * WHERE says is equal to it.  Else all of the new key must be known, and the statement may go to the one shard that it belongs to, and
 * to no other: where WHERE lets rows of other shards be changed, too, these would move.
 */
#ifndef KEYWAY_UPDATE_KEY_H
#define KEYWAY_UPDATE_KEY_H

#include "router/plan_inside.h"

enum key_change {
    KEY_STAYS,   /* no key column is another afterwards, or there are no rows then: NULL is refused */
    KEY_KNOWN,   /* plan->inside->insert is its new value, which takes part in the routing */
    KEY_UNCLEAR, /* nobody knows where the rows would belong */
};

/* What the SET list makes of the key of the rows that the query works on, which `target` in it names. */
enum key_change update_key(struct analysis *analysis, const struct query *query, const RangeVar *target, const List *set);

#endif
