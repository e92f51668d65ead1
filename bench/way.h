/*
 * way: what routing does with one statement that was seen before, from its bytes to its shard.
 *
 * The same calls, in the same order, that proxy/query makes for a Query message and proxy/batch for a Bind of a prepared statement.  What
 * measures them (bench/micro, bench/hot_path) measures this.
 */
#ifndef KEYWAY_BENCH_WAY_H
#define KEYWAY_BENCH_WAY_H

#include "router/plan.h"
#include "router/plan_cache.h"

enum { WAY_STATEMENTS = 64 }; /* that differ in their key only */

struct way {
    struct routing *routing; /* held */
    struct session_facts facts;
    struct plan_cache *cache;
    struct normalised normalised; /* of the simple statement being looked at */
    struct arena scratch;
    struct {
        char sql[96];
        size_t length;
        char key[24]; /* of the same statement with a parameter, as text */
        int shard;    /* that is right */
    } statements[WAY_STATEMENTS];
    struct plan *prepared; /* held: what proxy/statement keeps */
    struct normalised prepared_text;
};

/* Takes over the routing, whose account has `ranges` ranges (0: hash).  Each statement is routed once, both ways: all plans are there. */
void way_open(struct way *way, struct routing *routing, int ranges);
void way_close(struct way *way);

/* The shard of statement i, as a Query that has it as a literal, and as a Bind of a prepared statement.  -1: not one shard. */
int way_simple(struct way *way, int i);
int way_prepared(struct way *way, int i);

#endif
