/*
 * allocations: how often this program has asked for memory.
 *
 * The program's own malloc(), calloc(), realloc() and their kind stand before the C library's and count, whoever calls them: Keyway, libpg_query
 * or the library itself.
 */
#ifndef KEYWAY_BENCH_ALLOCATIONS_H
#define KEYWAY_BENCH_ALLOCATIONS_H

#include <stdint.h>

/* Since the program began; free() is not counted. */
uint64_t allocations(void);

#endif
