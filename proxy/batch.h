/*
 * batch: extended-protocol messages up to Sync or Flush, looked at as a whole (PostgreSQL 15 protocol, 55.2.3).
 */
#ifndef KEYWAY_BATCH_H
#define KEYWAY_BATCH_H

#include "proxy/client.h"

/*
 * Messages without a Sync behind them have gone to one shard as they were, and others follow that are not for it alone.  False: replies to the former, or
 * the shard's own part of a transaction that others can join, are awaited; the client tries again then.  True: nothing is open any more.
 */
bool batch_leave(struct client *client);
/* … that shard has met an error: nothing is answered before the Sync. */
bool batch_skips(const struct client *client);

size_t batch_input(struct client *client, const uint8_t *bytes, size_t length);

#endif
