/*
 * copy: COPY FROM STDIN, from the client to one shard, to several, or each row to its shard.
 */
#ifndef KEYWAY_COPY_H
#define KEYWAY_COPY_H

#include "proxy/client.h"
#include "router/plan.h"

/* Does a lent server wait for COPY data?  Then the client's input goes to copy_input(). */
bool copy_wanted(const struct client *client);
size_t copy_input(struct client *client, const uint8_t *bytes, size_t length);

#endif
