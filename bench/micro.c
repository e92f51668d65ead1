/*
 * micro: nanoseconds and allocations per call of what a statement costs inside Keyway, without any socket.
 *
 *   bench/micro [PART-OF-A-NAME]
 *
 * Each case is called in rounds of about 20 ms; the table shows the median round and the quickest, which a busy machine disturbs least.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/allocations.h"
#include "bench/bank.h"
#include "bench/way.h"
#include "proxy/wire.h"
#include "router/merge.h"

enum { ROUNDS = 15, KEYS = 1024, MERGE_INPUTS = 3, REPLY_SIZE = 256, LISTED = 10000 };

static const double ROUND_SECONDS = 0.02;

struct scene {
    struct way ranges, many_ranges, hash;
    struct key_value keys[KEYS]; /* all over the key space of many_ranges */
    char *list;                  /* a SELECT of so many keys */
    uint8_t reply[REPLY_SIZE];   /* what a server says to one select */
    size_t reply_length;
    struct merge *merge;
    int64_t merge_value;
    struct group_merge *groups;
    int64_t group_keys[MERGE_INPUTS];
    uint64_t sum; /* so that no result goes unused */
};

/* --- the cases ----------------------------------------------------------------------------------------------- */

static void run_lookup(struct scene *scene, long count)
{
    struct way *way = &scene->ranges;
    struct error error = {0};
    for (long i = 0; i < count; i++) {
        const char *sql = way->statements[i % WAY_STATEMENTS].sql;
        size_t length = way->statements[i % WAY_STATEMENTS].length;
        normalise(sql, length, &way->normalised);
        struct plan *plan =
            plan_cache_get(way->cache, way->routing, &way->facts, sql, length, &way->normalised, NULL, 0, &error);
        scene->sum += plan->references;
        plan_release(plan);
    }
}

static void run_simple(struct scene *scene, long count)
{
    for (long i = 0; i < count; i++)
        scene->sum += (uint64_t) way_simple(&scene->ranges, (int) (i % WAY_STATEMENTS));
}

static void run_prepared(struct scene *scene, long count)
{
    for (long i = 0; i < count; i++)
        scene->sum += (uint64_t) way_prepared(&scene->ranges, (int) (i % WAY_STATEMENTS));
}

static void run_simple_hash(struct scene *scene, long count)
{
    for (long i = 0; i < count; i++)
        scene->sum += (uint64_t) way_simple(&scene->hash, (int) (i % WAY_STATEMENTS));
}

static void run_normalise_update(struct scene *scene, long count)
{
    static const char sql[] = "UPDATE account /* branch 7 */ SET balance = balance + -4711, owner = 'O''Brien'\n"
                              "  WHERE id = 123456 AND owner <> 'nobody' RETURNING balance";
    for (long i = 0; i < count; i++) {
        normalise(sql, sizeof sql - 1, &scene->ranges.normalised);
        scene->sum += scene->ranges.normalised.hash;
    }
}

static void plan_text(struct scene *scene, const char *sql, long count)
{
    struct way *way = &scene->ranges;
    struct error error = {0};
    size_t length = strlen(sql);
    for (long i = 0; i < count; i++) {
        normalise(sql, length, &way->normalised);
        struct plan *plan = plan_make(way->routing, &way->facts, sql, length, &way->normalised, NULL, 0, &error);
        scene->sum += plan->references;
        plan_release(plan);
    }
}

static void run_plan_select(struct scene *scene, long count)
{
    plan_text(scene, "SELECT balance FROM account WHERE id = 4711", count);
}

static void run_plan_insert(struct scene *scene, long count)
{
    plan_text(scene, "INSERT INTO account (id, owner, balance) VALUES (4711, 'bob', 12)", count);
}

static void run_plan_join(struct scene *scene, long count)
{
    plan_text(scene,
              "SELECT a.id, count(*), sum(b.balance) FROM account a JOIN account b ON a.id = b.id"
              " WHERE a.owner LIKE 'b%' GROUP BY a.id ORDER BY a.id LIMIT 10",
              count);
}

static void run_plan_list(struct scene *scene, long count)
{
    plan_text(scene, scene->list, count);
}

static void shards_of_keys(struct scene *scene, const struct way *way, long count)
{
    const struct keyspace *keyspace = way->routing->keyspaces[0];
    for (long i = 0; i < count; i++)
        scene->sum += (uint64_t) keyspace_shard(keyspace, &scene->keys[i % KEYS]);
}

static void run_shard_of_range(struct scene *scene, long count)
{
    shards_of_keys(scene, &scene->ranges, count);
}

static void run_shard_of_many(struct scene *scene, long count)
{
    shards_of_keys(scene, &scene->many_ranges, count);
}

static void run_shard_of_hash(struct scene *scene, long count)
{
    shards_of_keys(scene, &scene->hash, count);
}

static void run_frames(struct scene *scene, long count)
{
    struct frame frame;
    size_t at = 0;
    for (long i = 0; i < count; i++) {
        if (wire_scan(scene->reply + at, scene->reply_length - at, 1 << 30, &frame) != WIRE_FRAME)
            abort();
        at = at + frame.total < scene->reply_length ? at + frame.total : 0;
        scene->sum += frame.type;
    }
}

static void put_number(struct buffer *row, int64_t number)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%lld", (long long) number);
    wire_put_int32(row, length);
    wire_put_bytes(row, text, (size_t) length);
}

static void push_row(struct scene *scene, int input)
{
    struct error error = {0};
    uint8_t place[64];
    struct buffer row = {.bytes = place, .capacity = sizeof place};
    wire_put_int16(&row, 1);
    put_number(&row, 1000000 + scene->merge_value++);
    if (!merge_push(scene->merge, input, place, buffer_length(&row), &error))
        abort();
}

/* One row leaves, and its input's next one comes: the making of the row is counted with it. */
static void run_merge(struct scene *scene, long count)
{
    const uint8_t *row;
    size_t length;
    for (long i = 0; i < count; i++) {
        if (merge_next(scene->merge, &row, &length) != MERGE_ROW)
            abort();
        scene->sum += row[length - 1];
        for (int input = 0; input < MERGE_INPUTS; input++)
            if (merge_wants(scene->merge, input))
                push_row(scene, input);
    }
}

/* A key, and how often it was there. */
static void push_part(struct scene *scene, int input)
{
    struct error error = {0};
    uint8_t place[64];
    struct buffer row = {.bytes = place, .capacity = sizeof place};
    wire_put_int16(&row, 2);
    put_number(&row, 1000000 + scene->group_keys[input]++);
    put_number(&row, 100);
    if (!merge_push(group_merge_input(scene->groups), input, place, buffer_length(&row), &error))
        abort();
}

/* All inputs have all groups; what is counted is rows that come. */
static void run_groups(struct scene *scene, long count)
{
    const uint8_t *row;
    size_t length;
    struct error error = {0};
    for (long pushed = 0; pushed < count;) {
        enum merge_step step = group_merge_next(scene->groups, &row, &length, &error);
        if (step == MERGE_FAILED)
            abort();
        if (step == MERGE_ROW)
            scene->sum += row[length - 1];
        for (int input = 0; input < MERGE_INPUTS; input++)
            if (merge_wants(group_merge_input(scene->groups), input)) {
                push_part(scene, input);
                pushed++;
            }
    }
}

static const struct bench_case {
    const char *name;
    void (*run)(struct scene *scene, long count);
} cases[] = {
    {"normalise, look up", run_lookup},
    {"normalise, look up, route: simple, 1,000 ranges", run_simple},
    {"the same, hash", run_simple_hash},
    {"route: prepared, 1,000 ranges", run_prepared},
    {"normalise UPDATE of 130 bytes", run_normalise_update},
    {"parse, analyze, plan: SELECT by key", run_plan_select},
    {"parse, analyze, plan: INSERT", run_plan_insert},
    {"parse, analyze, plan: join with GROUP BY", run_plan_join},
    {"parse, analyze, plan: IN of 10,000 literals", run_plan_list},
    {"key to shard: 1,000 ranges", run_shard_of_range},
    {"key to shard: 100,000 ranges", run_shard_of_many},
    {"key to shard: hash", run_shard_of_hash},
    {"scan a frame", run_frames},
    {"merge step: 3 inputs by bigint", run_merge},
    {"group merge, a row: 3 inputs by bigint, a count", run_groups},
};

/* --- the scene ----------------------------------------------------------------------------------------------- */

static void make_reply(struct scene *scene)
{
    struct buffer out = {0};
    static const char *const name = "balance", *const value = "123456";
    wire_columns(&out, &name, NULL, 1);
    wire_row(&out, &value, 1);
    wire_complete(&out, "SELECT 1");
    wire_ready(&out, 'I');
    scene->reply_length = buffer_length(&out);
    memcpy(scene->reply, buffer_data(&out), scene->reply_length);
    buffer_free(&out);
}

static void make_list(struct scene *scene)
{
    struct buffer text = {0};
    static const char start[] = "SELECT balance FROM account WHERE id IN (0";
    wire_put_bytes(&text, start, sizeof start - 1);
    for (int i = 1; i < LISTED; i++) {
        char key[24];
        wire_put_bytes(&text, key, (size_t) snprintf(key, sizeof key, ", %d", i * 7919));
    }
    wire_put_bytes(&text, ")", sizeof ")");
    scene->list = strdup((const char *) buffer_data(&text));
    buffer_free(&text);
}

static void make_merge(struct scene *scene)
{
    static const struct sort_key key = {.column = 0};
    static const struct merge_column column = {.type = 20};
    const struct merge_shape shape = {
        .keys = &key, .key_count = 1, .columns = &column, .column_count = 1, .limit = -1, .inputs = MERGE_INPUTS};
    struct error error = {0};
    scene->merge = merge_new(&shape, &error);
    for (int input = 0; input < MERGE_INPUTS; input++)
        push_row(scene, input);
}

static void make_groups(struct scene *scene)
{
    static const struct sort_key key = {.column = 0};
    static const struct merge_column columns[] = {{.type = 20}, {.type = 20}};
    static const struct combine_column how[] = {{.how = COMBINE_SAME}, {.how = COMBINE_SUM}};
    const struct group_shape shape = {
        .rows = {.keys = &key, .key_count = 1, .columns = columns, .column_count = 2, .limit = -1, .inputs = MERGE_INPUTS}, .how = how};
    struct error error = {0};
    scene->groups = group_merge_new(&shape, &error);
}

static void open_scene(struct scene *scene)
{
    enum { FEW = 1000, MANY = 100000 };
    way_open(&scene->ranges, bank_routing(FEW), FEW);
    way_open(&scene->many_ranges, bank_routing(MANY), MANY);
    way_open(&scene->hash, bank_routing(0), 0);
    for (int i = 0; i < KEYS; i++)
        scene->keys[i] = (struct key_value){
            .type = KEY_BIGINT, .integer = (int64_t) i * 48271 * 7919 % ((int64_t) MANY * BANK_RANGE)};
    make_list(scene);
    make_reply(scene);
    make_merge(scene);
    make_groups(scene);
}

static void close_scene(struct scene *scene)
{
    free(scene->list);
    way_close(&scene->ranges);
    way_close(&scene->many_ranges);
    way_close(&scene->hash);
    merge_free(scene->merge);
    group_merge_free(scene->groups);
}

/* --- measuring ----------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double) time.tv_sec + (double) time.tv_nsec * 1e-9;
}

static double seconds_of(const struct bench_case *one, struct scene *scene, long count)
{
    double before = now();
    one->run(scene, count);
    return now() - before;
}

static long calls_of_a_round(const struct bench_case *one, struct scene *scene)
{
    long count = 1;
    while (seconds_of(one, scene, count) < ROUND_SECONDS / 2)
        count *= 2;
    return count;
}

static int compare_seconds(const void *left, const void *right)
{
    double one = *(const double *) left, other = *(const double *) right;
    return (one > other) - (one < other);
}

static void measure(const struct bench_case *one, struct scene *scene)
{
    double rounds[ROUNDS];
    long count = calls_of_a_round(one, scene);
    uint64_t before = allocations();
    for (int i = 0; i < ROUNDS; i++)
        rounds[i] = seconds_of(one, scene, count);
    double asked = (double) (allocations() - before) / ((double) count * ROUNDS);
    qsort(rounds, ROUNDS, sizeof *rounds, compare_seconds);
    printf("%-50s %9.1f %9.1f %9.2f\n", one->name, rounds[ROUNDS / 2] / (double) count * 1e9,
           rounds[0] / (double) count * 1e9, asked);
}

int main(int argc, char **argv)
{
    static struct scene scene;
    open_scene(&scene);
    printf("%-50s %9s %9s %9s\n", "per call", "ns", "lowest", "malloc");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 2 || strstr(cases[i].name, argv[1]))
            measure(&cases[i], &scene);
    close_scene(&scene);
    return scene.sum == 0;
}
