/*
 * explain: the answer to EXPLAIN, made from the router's plan and the shards' own plans.
 *
 * In text, the router's lines come first, then each shard's plans under the shard's name.  In JSON, the shards' arrays become one, and the
 * first plan has the router's lines as "Keyway".
 */
#ifndef KEYWAY_EXPLAIN_H
#define KEYWAY_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "proxy/buffer.h"

struct explanation;

/* `preface` are the router's lines; copied.  `count` shards will answer. */
struct explanation *explanation_new(struct arena *arena, bool json, const char *preface, int count);
void explanation_name(struct explanation *explanation, int number, const char *shard);
/* A DataRow of that shard's answer: one column. */
void explanation_add(struct explanation *explanation, int number, const uint8_t *row, size_t length);
/* All rows of the answer, as DataRow messages. */
void explanation_send(struct explanation *explanation, struct buffer *out);

#endif
