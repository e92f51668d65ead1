/*
 * shrink: make a statement smaller as long as it shows what it shows.
 */
#ifndef KEYWAY_DIFFERENTIAL_SHRINK_H
#define KEYWAY_DIFFERENTIAL_SHRINK_H

#include <stdbool.h>

#include "tests/differential/generate.h"

/* Does what was generated, as it is now, still show it? */
typedef bool shrink_test(void *context, const struct generated *generated);

void shrink(struct arena *arena, struct generated *generated, shrink_test *shows, void *context);

#endif
