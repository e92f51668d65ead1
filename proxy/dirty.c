/*
 * Each stream knows the pointer that points to it, so that it can be taken out from anywhere.
 */
#include "proxy/dirty.h"

void dirty_remove(struct stream *stream)
{
    if (!stream->dirty)
        return;
    *stream->dirty_place = stream->next_dirty;
    if (stream->next_dirty != NULL)
        stream->next_dirty->dirty_place = stream->dirty_place;
    else
        stream->worker->dirty_tail = stream->dirty_place;
    stream->dirty = false;
}

void dirty_add(struct stream *stream)
{
    struct worker *worker = stream->worker;
    if (stream->dirty || worker == NULL || stream->closed)
        return;
    stream->dirty = true;
    stream->next_dirty = NULL;
    stream->dirty_place = worker->dirty_tail;
    *worker->dirty_tail = stream;
    worker->dirty_tail = &stream->next_dirty;
}

void dirty_add_first(struct stream *stream)
{
    struct worker *worker = stream->worker;
    if (worker == NULL || stream->closed)
        return;
    if (worker->nobody_first) {
        dirty_add(stream);
        return;
    }
    dirty_remove(stream);
    if (worker->dirty == NULL) {
        dirty_add(stream);
        return;
    }
    stream->dirty = true;
    stream->next_dirty = worker->dirty;
    stream->dirty_place = &worker->dirty;
    stream->next_dirty->dirty_place = &stream->next_dirty;
    worker->dirty = stream;
}

unsigned dirty_begin_in_order(struct worker *worker)
{
    unsigned count = 0;
    worker->nobody_first = true;
    if (worker->dirty != NULL) {
        struct stream *first = worker->dirty;
        dirty_remove(first);
        dirty_add(first);
    }
    for (const struct stream *stream = worker->dirty; stream != NULL; stream = stream->next_dirty)
        count++;
    return count;
}

void dirty_end_in_order(struct worker *worker)
{
    worker->nobody_first = false;
}
