/*
 * bank: a small sharded database for measuring the router, without a server.
 *
 * One table, account (id bigint PRIMARY KEY, owner text, balance bigint), over ten shards: by ranges of id that are a thousand apart, dealt
 * out to the shards in turn, or by the hash of id.
 */
#ifndef KEYWAY_BENCH_BANK_H
#define KEYWAY_BENCH_BANK_H

#include "router/plan.h"
#include "router/routing.h"

enum { BANK_SHARDS = 10, BANK_RANGE = 1000 };

/* So many ranges, or by hash when there are none.  Ends the process with a message when something is wrong. */
struct routing *bank_routing(int ranges);
/* What a session without settings of its own is planned under. */
struct session_facts bank_facts(void);

#endif
