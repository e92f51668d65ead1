/*
 * hot_path: the way of one statement, again and again, for callgrind to count its instructions.
 *
 *   bench/hot_path simple|prepared
 *
 * Callgrind collects inside go_simple() and go_prepared() only (bench/check_instructions says so): what comes before has planned everything.
 */
#include <stdio.h>
#include <string.h>

#include "bench/bank.h"
#include "bench/way.h"

enum { RANGES = 1000, CALLS = 1024 };

__attribute__((noinline)) int go_simple(struct way *way)
{
    int wrong = 0;
    for (int i = 0; i < CALLS; i++)
        wrong += way_simple(way, i % WAY_STATEMENTS) != way->statements[i % WAY_STATEMENTS].shard;
    return wrong;
}

__attribute__((noinline)) int go_prepared(struct way *way)
{
    int wrong = 0;
    for (int i = 0; i < CALLS; i++)
        wrong += way_prepared(way, i % WAY_STATEMENTS) != way->statements[i % WAY_STATEMENTS].shard;
    return wrong;
}

int main(int argc, char **argv)
{
    static struct way way;
    bool simple = argc == 2 && strcmp(argv[1], "simple") == 0;
    if (!simple && (argc != 2 || strcmp(argv[1], "prepared") != 0)) {
        fprintf(stderr, "usage: %s simple|prepared\n", argv[0]);
        return 2;
    }
    way_open(&way, bank_routing(RANGES), RANGES);
    int wrong = simple ? go_simple(&way) : go_prepared(&way);
    way_close(&way);
    printf("%d\n", CALLS);
    return wrong > 0;
}
