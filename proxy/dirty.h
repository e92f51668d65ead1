/*
 * dirty: the streams of a worker that have something to do before its loop sleeps, in their order.
 *
 * For streams that are closed or detached nothing happens.  Only proxy/stream.c includes this.
 */
#ifndef KEYWAY_DIRTY_H
#define KEYWAY_DIRTY_H

#include "proxy/stream.h"

/* Last, if it is not there yet. */
void dirty_add(struct stream *stream);
/* In front: what its owner writes when it is offered input leaves together with what others have written. */
void dirty_add_first(struct stream *stream);
void dirty_remove(struct stream *stream);

/*
 * Until the end of it nobody gets in front of others; and who was in front just now is last.  Returns how many there are: as many visits reach all
 * of them.
 */
unsigned dirty_begin_in_order(struct worker *worker);
void dirty_end_in_order(struct worker *worker);

#endif
