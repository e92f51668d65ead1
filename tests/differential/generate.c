/*
 * Each statement has its own random numbers (splitmix64), so that it can be made again alone; its
 * literals have a sequence apart, so that it can be made with others.
 */
#include "tests/differential/generate.h"

#include "tests/differential/generate_inside.h"

enum { MOST_TABLES = 4, MOST_PARAMETERS = 6 };

static uint64_t next(uint64_t *state)
{
    uint64_t mixed = *state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31);
}

int below(struct generator *generator, int limit)
{
    return (int) (next(&generator->state) % (uint64_t) limit);
}

int below_for_value(struct generator *generator, int limit)
{
    return (int) (next(&generator->values) % (uint64_t) limit);
}

bool chance(struct generator *generator, int percent)
{
    return below(generator, 100) < percent;
}

static struct generator start(struct arena *arena, uint64_t seed, int number, int variant)
{
    struct generator generator = {.arena = arena, .state = seed};
    generator.state = next(&generator.state) ^ (uint64_t) number * 0xd6e8feb86659fd93;
    generator.values = next(&generator.state) + (uint64_t) variant;
    return generator;
}

static struct generator for_statement(struct generator *generator)
{
    struct generator own = {
        .arena = generator->arena, .state = next(&generator->state), .values = next(&generator->values)};
    own.scope = scope_new(generator, NULL);
    bool simple = chance(&own, 45); /* what one shard after the other can answer */
    own.complexity = simple ? 0 : 2;
    own.tables = 1 + below(&own, simple ? 2 : MOST_TABLES);
    own.parameters = chance(&own, 30) ? MOST_PARAMETERS : 0;
    return own;
}

static void add_step(struct generated *generated, struct term *step)
{
    generated->steps[generated->step_count++] = step;
}

static void add_read(struct generated *generated, struct generator *generator, bool ordered)
{
    struct generator own = for_statement(generator);
    add_step(generated, generate_statement(&own, ordered));
}

/* A script's rows are compared in their order, and those of RETURNING have none. */
static void add_write(struct generated *generated, struct generator *generator)
{
    struct generator own = for_statement(generator);
    own.returns = !generated->script;
    add_step(generated, generate_write(&own));
}

/* What a transaction has written it must see, and nothing of it stays. */
static void make_script(struct generated *generated, struct generator *generator)
{
    generated->script = true;
    add_step(generated, term_leaf(generator->arena, SORT_FIXED, "BEGIN"));
    add_write(generated, generator);
    add_read(generated, generator, true);
    add_read(generated, generator, true);
    add_step(generated,
             term_leaf(generator->arena, SORT_FIXED, chance(generator, 70) ? "ROLLBACK" : "COMMIT"));
}

struct generated generate(struct arena *arena, uint64_t seed, int number, int variant)
{
    struct generator generator = start(arena, seed, number, variant);
    struct generated generated = {0};
    int kind = below(&generator, 100);
    if (kind < 3) {
        make_script(&generated, &generator);
    } else if (kind < 12) {
        generated.writes = true;
        add_write(&generated, &generator);
    } else {
        add_read(&generated, &generator, false);
    }
    return generated;
}
