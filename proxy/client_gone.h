/*
 * client_gone: has a client that stopped sending gone, or does it still wait for its answer?
 *
 * Who is gone has its statement cancelled, and its place in a pool's queue given to others.
 */
#ifndef KEYWAY_CLIENT_GONE_H
#define KEYWAY_CLIENT_GONE_H

#include "proxy/client.h"

/* half_closed() of a client's stream: true while a request is under way whose answer may still be wanted. */
bool client_half_closed(struct stream *stream);
/* Every tick: nobody is there any more to take the answer of the request that is under way. */
bool client_is_gone(const struct client *client);

#endif
