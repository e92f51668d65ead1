/*
 * bring: a lent server, brought to where its client is.
 *
 * Before a server runs anything for a client it gets the client's settings and takes part in its transaction.
 * What the shard may refuse of that is awaited before the client's statement is sent, so that no statement
 * runs under settings that are not its client's.
 */
#ifndef KEYWAY_BRING_H
#define KEYWAY_BRING_H

#include "proxy/client.h"

/*
 * True: the server is ready for the client's statement.  False: its answer is awaited (client->waiting is
 * WAIT_SETTINGS, and servers may be brought meanwhile); query_resume() follows, with the shard's error in
 * client->pool_error if it refused.
 */
bool bring_server(struct client *client, struct server *server);
/*
 * The server has run messages without a Sync, and answered them: that becomes its part of the client's transaction, an implicit one if there is none, which
 * others can join.  False: it is awaited as above.
 */
bool bring_open_batch(struct client *client, struct server *server);
/*
 * Has a BEGIN that the statement follows at once not been answered yet?  A cancel request must not hit it: the
 * statement would run outside the transaction.  server_cancel() then leaves cancel_wanted, and is called again.
 */
bool bring_precedes(const struct server *server);

#endif
