/*
 * client_shards: the shards that a client's statements are routed to, and how it moves when a reload changes
 * them.
 */
#ifndef KEYWAY_CLIENT_SHARDS_H
#define KEYWAY_CLIENT_SHARDS_H

#include "proxy/client.h"

/* At the end of the login. */
void client_join_shards(struct client *client);
/* Before a statement is planned.  False: the shards were changed while the client was in the middle of
 * something that cannot move, and it was closed. */
bool client_follow_shards(struct client *client);
/* The view has a new state: who waits for a server of shards that are no longer in use stops waiting for them. */
void client_shards_changed(struct worker *worker, const struct database_view *view);

#endif
