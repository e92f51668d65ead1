/*
 * batch: extended-protocol messages up to Sync or Flush, looked at as a whole (PostgreSQL 15 protocol, 55.2.3).
 */
#ifndef KEYWAY_BATCH_H
#define KEYWAY_BATCH_H

#include "proxy/client.h"

size_t batch_input(struct client *client, const uint8_t *bytes, size_t length);

#endif
