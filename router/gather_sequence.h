/*
 * gather_sequence: parts stand in the order in which they can be asked for: behind those whose keys they wait for.
 */
#ifndef KEYWAY_GATHER_SEQUENCE_H
#define KEYWAY_GATHER_SEQUENCE_H

#include "router/gather_inside.h"

/* Number the parts anew, once all are made and before the query reads any but those that were queries of it.  Keys that would come in a circle do not occur (gather_keys.h). */
void gather_put_in_sequence(struct gathering *gathering);

#endif
