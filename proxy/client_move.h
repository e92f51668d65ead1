/*
 * client_move: clients at rest go to another worker.
 *
 * A client that has nothing under way is its socket, its settings, the names of its prepared statements and its place in a few lists.
 * It leaves behind a tick, which finds it at rest between two of its statements, and arrives by a message; what it sends meanwhile waits in
 * its socket, or goes along.  Who never asks for anything stays where it is: it costs nothing there.
 *
 * Whoever visits the clients of all workers one after the other would meet some twice, and others not at all; meanwhile nobody moves.
 */
#ifndef KEYWAY_CLIENT_MOVE_H
#define KEYWAY_CLIENT_MOVE_H

#include "proxy/client.h"

/* For so many seconds `from` gives clients to `to` as they come to rest: a share, in thousandths, of those that ask for something, or all.
 * What it was told before is over.  From any thread. */
void clients_give(struct worker *from, struct worker *to, int share, double seconds);
/* This client came to rest: does its worker give it away?  Then it is the worker's no more.  From a tick, inside no function of its
 * stream's owner. */
bool client_moves(struct client *client);

/* From here on every client is met on its worker, or in the inbox of it, until the same number of clients_may_move(). */
void clients_stay(void);
void clients_may_move(void);

#endif
