/*
 * explain: the answer to EXPLAIN, made from the router's plan and the shards' own plans.
 *
 * In text, the router's lines come first, then each shard's plans under the shard's name.  In JSON, YAML and XML the shards' documents
 * become one, and the first plan has the router's lines as "Keyway".  Of a gathered query the plan over gathered rows, which is known only if it runs, comes
 * before those of its parts, as in PostgreSQL a node comes before what it reads.
 */
#ifndef KEYWAY_EXPLAIN_H
#define KEYWAY_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"
#include "proxy/buffer.h"
#include "router/plan.h"

struct explanation;

/* Whose answer it is; the texts are borrowed for as long as the explanation lives. */
struct explained {
    int shard;
    const char *name;  /* the shard's */
    int part;          /* of a gathered query, from 1; 0: the statement itself */
    const char *rows;  /* of a part: of which tables */
    const char *asked; /* of a part, how: "by keys of users"; NULL: as always */
};

/* `preface` are the router's lines; copied. */
struct explanation *explanation_new(struct arena *arena, enum explain_format format, const char *preface);
/* Lines behind those. */
void explanation_note(struct explanation *explanation, const char *lines);
/* The rows that the shards send are told, as their plans count them (ANALYZE).  `widths`: and about how many bytes, as wide as the plans
 * expect them to be; that is not the width of what RETURNING gives. */
void explanation_count(struct explanation *explanation, bool widths);

/* A shard is going to answer: the number of its answer. */
int explanation_expect(struct explanation *explanation, const struct explained *explained);
/* A DataRow of that answer: one column. */
void explanation_add(struct explanation *explanation, int number, const uint8_t *row, size_t length);
/* What has been moved for it was measured. */
void explanation_moved(struct explanation *explanation, int number, size_t rows, size_t bytes);

/* All rows of the whole answer, as DataRow messages. */
void explanation_send(struct explanation *explanation, struct buffer *out);

#endif
