/*
 * cancel_key: the secret with which a client cancels what it runs.
 *
 * The key is drawn at random, told in BackendKeyData, and comes back in a CancelRequest on a connection of its own (PostgreSQL 15
 * protocol, 55.2.8); whatever worker the client is on then cancels what the client's servers run.
 */
#ifndef KEYWAY_CANCEL_KEY_H
#define KEYWAY_CANCEL_KEY_H

#include "proxy/client.h"

/* Sets client->cancel_pid and cancel_key; zero both if there is no randomness to be had. */
void cancel_key_draw(struct client *client);
void cancel_key_forget(struct client *client);
/* The client leaves its worker, and is on another one. */
void cancel_key_departs(struct client *client);
void cancel_key_arrives(struct client *client);
/* A CancelRequest came in; from any worker. */
void cancel_key_used(uint32_t pid, uint32_t key);

#endif
