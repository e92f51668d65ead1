/*
 * balance: which workers carry the clients.
 *
 * As few as can: a worker with many clients finds several of them ready at each waking, and servers need not move between workers to
 * reach them.  A new client goes where others are as long as that worker is not too busy; a worker that is full gives some of its clients
 * to another one, and workers with little to do gather theirs on one of them.  All of it is a function of a few numbers, which
 * proxy/worker_watch finds out; who moves, and when, is proxy/client_move's.
 */
#ifndef KEYWAY_BALANCE_H
#define KEYWAY_BALANCE_H

#include <stdbool.h>

enum {
    CLIENT_BLOCK = 32,    /* so many clients are never spread: kept together they cost the least */
    BALANCE_MOST = 5000,  /* more are not gathered on one worker */
    BALANCE_WHOLE = 1000, /* shares are thousandths */
};

/* What is known of a worker, in shares of its time. */
struct balance_load {
    int clients;
    int busy;     /* of the last half second */
    int usual;    /* … of the last few seconds, the latest of which count most */
    bool settles; /* clients have just come or gone: what was measured says nothing yet */
};

/* Some of a worker's clients are to go to another: the share of those that ask for something. */
struct balance_move {
    int from, to, share;
};

/* The worker for a new client.  `full` is the share above which a worker is full; 0: clients never move, and so they are dealt out in
 * blocks. */
int balance_place(const struct balance_load *loads, int count, int full);
/* What is to be moved now, at most one move from each worker.  Returns how many.  `may_gather`: nothing was spread lately. */
int balance_decide(const struct balance_load *loads, int count, int full, bool may_gather, struct balance_move *moves);

#endif
