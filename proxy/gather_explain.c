/*
 * Each shard is asked for its plan of a part right before the rows of it, with the same parameters and keys: under ANALYZE it runs the part
 * twice, so that it is the shard that measures, and the rows that move are counted themselves.  Without ANALYZE nothing moves, and of parts
 * that would wait for keys the plan is that for all rows.
 */
#include "proxy/gather_inside.h"

#include "proxy/run_explain.h"

static const char *keys_in_words(const struct gather *gather, int part)
{
    if (!gather->plan->gather[part].keyed)
        return NULL;
    return gather->keyed[part].count ? "by keys" : "without keys";
}

void gather_explain_part(struct gather_shard *shard, int part)
{
    struct gather *gather = shard->gather;
    if (!gather->explanation || !gather_takes_part(gather, shard->number, part))
        return;
    const struct explained explained = {
        .shard = shard->number,
        .name = run_shard_name(gather->run, shard->number),
        .part = part + 1,
        .rows = arena_strdup(&gather->run->arena, gather->plan->gather[part].table),
        .asked = keys_in_words(gather, part),
    };
    shard->shares[part].answer = explanation_expect(gather->explanation, &explained);
    gather_ask_plan(gather, shard, part);
}

bool gather_is_explaining(const struct gather_shard *shard)
{
    const struct gather *gather = shard->gather;
    bool at_part = shard->part >= 0 && shard->part < gather->plan->gather_count;
    return gather->explanation && at_part && shard->part >= shard->explained && gather_takes_part(gather, shard->number, shard->part);
}

void gather_explain_row(struct gather_shard *shard, const struct frame *frame)
{
    struct gather *gather = shard->gather;
    explanation_add(gather->explanation, shard->shares[shard->part].answer, frame->body, frame->body_length);
}

/* ---- what has moved ---- */

static const char *rows_in_words(struct arena *arena, size_t rows)
{
    return arena_printf(arena, "%zu row%s", rows, rows == 1 ? "" : "s");
}

static void tell_moves(struct gather *gather, int part)
{
    struct arena *arena = &gather->run->arena;
    const char *each = "";
    size_t rows = 0, bytes = 0;
    for (int i = 0; i < gather->shard_count; i++) {
        const struct gather_share *share = &gather->shards[i].shares[part];
        if (&gather->shards[i] == gather->home || !gather_takes_part(gather, gather->shards[i].number, part))
            continue;
        rows += share->rows;
        bytes += share->bytes;
        each = arena_printf(arena, "%s%s%s %zu", each, *each ? ", " : "", run_shard_name(gather->run, gather->shards[i].number), share->rows);
        explanation_moved(gather->explanation, share->answer, share->rows, share->bytes);
    }
    const char *number = gather->plan->gather_count > 1 ? arena_printf(arena, " %d", part + 1) : "";
    const char *way = gather->tables ? "into a temporary table" : "as arrays";
    explanation_note(gather->explanation,
                     arena_printf(arena, "moved%s: %s: %s, %zu bytes, %s%s%s%s\n", number, gather->plan->gather[part].table,
                                  rows_in_words(arena, rows), bytes, way, *each ? " (" : "", each, *each ? ")" : ""));
}

struct explanation *gather_explanation(struct gather *gather)
{
    if (!gather->explanation)
        return NULL;
    for (int i = 0; !gather->explains_only && i < gather->plan->gather_count; i++)
        tell_moves(gather, i);
    if (!gather->explains_only)
        explanation_note(gather->explanation, gather_keys_describe(gather, &gather->run->arena));
    else
        explanation_note(gather->explanation, "planned: when the rows have come (EXPLAIN ANALYZE shows how)\n");
    return gather->explanation;
}
