/*
 * Scripts end in a transaction that is rolled back, or are restored like all writes.  What is different once
 * and never again while it is made smaller is shown as it was.
 */
#include "tests/differential/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/differential/generate.h"
#include "tests/differential/shrink.h"

static const char *const layout_names[] = {"3", "7", "3, one empty"};
enum { LAYOUTS = sizeof layout_names / sizeof *layout_names };

bool random_is_turn(const struct layout *layout, int number)
{
    return !strcmp(layout_names[number % LAYOUTS], layout->name);
}

/* ---- entries ---- */

static enum section section_of(const struct generated *generated)
{
    if (generated->script)
        return SECTION_SCRIPT;
    if (generated->writes)
        return SECTION_WRITE;
    return term_is_ordered(generated->steps[0]) ? SECTION_TOTAL_ORDER : SECTION_ROWS;
}

static struct entry make_entry(const struct generated *generated, int number, char *comment)
{
    struct entry entry = {.file = "random",
                          .line = number,
                          .section = section_of(generated),
                          .comment = comment,
                          .step_count = generated->step_count};
    entry.steps = calloc((size_t) generated->step_count, sizeof *entry.steps);
    for (int i = 0; entry.steps && i < generated->step_count; i++)
        term_write(generated->steps[i], &entry.steps[i]);
    if (!entry.steps)
        abort();
    return entry;
}

static void free_entry(struct entry *entry)
{
    for (int i = 0; i < entry->step_count; i++) {
        for (int v = 0; v < entry->steps[i].value_count; v++)
            free(entry->steps[i].values[v]);
        free(entry->steps[i].sql);
    }
    free(entry->steps);
}

void random_end(struct random_trial *trial)
{
    free_entry(&trial->entry);
    free(trial->entry.comment);
}

/* Values in a script, too, need the extended protocol. */
static bool applies(const struct entry *entry, enum protocol protocol)
{
    bool values = false;
    for (int i = 0; i < entry->step_count; i++)
        values |= entry->steps[i].value_count > 0;
    return trial_applies(entry, protocol) && (protocol != PROTOCOL_SIMPLE || !values);
}

static enum protocol choose_protocol(const struct entry *entry)
{
    enum protocol protocol = (enum protocol)(entry->line / LAYOUTS % PROTOCOLS);
    while (!applies(entry, protocol))
        protocol = (protocol + 1) % PROTOCOLS;
    return protocol;
}

/* ---- what is different ---- */

struct attempt {
    struct bench *bench;
    int number;
    enum protocol protocol;
};

static bool shows_difference(void *context, const struct generated *generated)
{
    const struct attempt *attempt = context;
    struct entry entry = make_entry(generated, attempt->number, NULL);
    bool different = applies(&entry, attempt->protocol) &&
                     trial_run_as(attempt->bench, &entry, attempt->protocol) == VERDICT_DIFFERENT;
    free_entry(&entry);
    return different;
}

static void show(struct bench *bench, const struct entry *entry, enum protocol protocol)
{
    bench->quiet = false;
    if (entry->section == SECTION_SCRIPT)
        for (int i = 0; i < entry->step_count; i++)
            printf("step %d: %s\n", i + 1, entry->steps[i].sql);
    if (trial_run_as(bench, entry, protocol) != VERDICT_DIFFERENT)
        printf("DIFFERENT once, and not again: %s\n", entry->steps[0].sql);
    fflush(stdout);
}

static void explain(struct arena *arena, struct attempt *attempt, struct generated *generated, char *comment)
{
    shrink(arena, generated, shows_difference, attempt);
    struct entry entry = make_entry(generated, attempt->number, comment);
    show(attempt->bench, &entry, attempt->protocol);
    free_entry(&entry);
}

/* The plan made for the one is used for the other. */
static void add_variant(struct arena *arena, struct generated *generated, uint64_t seed, int number)
{
    generated->steps[generated->step_count++] = generate(arena, seed, number, 1).steps[0];
}

struct random_trial random_run(struct bench *bench, uint64_t seed, int number)
{
    struct arena arena = {0};
    struct random_trial trial = {0};
    struct generated generated = generate(&arena, seed, number, 0);
    if (!generated.writes && !generated.script && number / LAYOUTS % 4 == 0)
        add_variant(&arena, &generated, seed, number);
    char *comment = NULL;
    if (asprintf(&comment, "--seed %llu --first %d --random 1", (unsigned long long) seed, number) < 0)
        abort();
    trial.entry = make_entry(&generated, number, comment);
    struct attempt attempt = {bench, number, choose_protocol(&trial.entry)};
    bench->quiet = true;
    trial.verdict = trial_run_as(bench, &trial.entry, attempt.protocol);
    trial.invalid = *bench->sqlstate;
    trial.has_rows = bench->row_count > 0;
    if (trial.verdict == VERDICT_DIFFERENT)
        explain(&arena, &attempt, &generated, comment);
    bench->quiet = false;
    arena_free(&arena);
    return trial;
}
