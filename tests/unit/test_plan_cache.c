/*
 * plan_cache: a statement seen before is not planned again, and no statement gets another's plan.
 *
 * The planner is a fake that counts its calls; it pins literal 0 of any text that begins with "pin".
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "router/plan_cache.h"

static int made, alive;
static bool had_normalised;
static size_t plan_bytes; /* that the planner says each plan has */

struct plan *plan_make(const struct routing *routing, const struct session_facts *facts, const char *sql,
                       size_t length, const struct normalised *normalised, const uint32_t *types,
                       int type_count, struct error *error)
{
    (void) routing, (void) facts, (void) types, (void) type_count;
    made++;
    had_normalised = normalised != NULL;
    if (length >= 3 && memcmp(sql, "bad", 3) == 0) {
        error_set(error, SQLSTATE_SYNTAX_ERROR, "syntax error");
        return NULL;
    }
    struct plan *plan = memory_alloc(sizeof(*plan));
    plan->references = 1;
    plan->chain = length >= 3 && memcmp(sql, "pin", 3) == 0;
    plan->arena.total = plan_bytes;
    alive++;
    return plan;
}

struct plan *plan_hold(struct plan *plan)
{
    plan->references++;
    return plan;
}

void plan_release(struct plan *plan)
{
    if (--plan->references == 0) {
        alive--;
        free(plan);
    }
}

bool plan_pins(const struct plan *plan, size_t literal)
{
    return plan->chain && literal == 0;
}

static struct routing routing = {.version = 7};
static struct session_facts facts = {.search_path = "public", .user = "me", .iso_dates = true, .server_encoding = true};
static struct normalised normalised;
static struct error failure;

/* The plan's address as a name for it; the cache keeps it alive. */
static const struct plan *get(struct plan_cache *cache, const char *sql)
{
    normalise(sql, strlen(sql), &normalised);
    struct plan *plan =
        plan_cache_get(cache, &routing, &facts, sql, strlen(sql), &normalised, NULL, 0, &failure);
    if (plan)
        plan_release(plan);
    return plan;
}

static void all_is_returned(struct plan_cache *cache)
{
    plan_cache_free(cache);
    cr_assert_eq(alive, 0);
    normalised_free(&normalised);
    error_clear(&failure);
}

Test(plan_cache, statements_that_differ_in_literals_share_one_plan)
{
    struct plan_cache *cache = plan_cache_new(10);
    const struct plan *plan = get(cache, "select 1 where a = 'x'");
    cr_assert_eq(get(cache, "SELECT 2 WHERE a='y';"), plan);
    cr_assert_neq(get(cache, "select 'x' where a = 1"), plan);
    cr_assert_neq(get(cache, "select 1 where b = 'x'"), plan);
    cr_assert_eq(made, 3);
    struct plan_cache_counts counts = plan_cache_counts(cache);
    cr_assert_eq(counts.hits, 1);
    cr_assert_eq(counts.misses, 3);
    cr_assert_eq(counts.plans, 3);
    all_is_returned(cache);
}

Test(plan_cache, session_facts_and_parameter_types_make_other_plans)
{
    struct plan_cache *cache = plan_cache_new(10);
    struct session_facts variants[] = {
        {.search_path = "public", .user = "me", .iso_dates = true, .server_encoding = true},
        {.search_path = "app", .user = "me", .iso_dates = true, .server_encoding = true},
        {.search_path = "public", .user = "you", .iso_dates = true, .server_encoding = true},
        {.search_path = "public", .user = "me", .server_encoding = true},
        {.search_path = "public", .user = "me", .iso_dates = true},
        {.search_path = "public", .user = "me", .iso_dates = true, .server_encoding = true, .gathers = true},
        {.iso_dates = true, .server_encoding = true},
        {.search_path = "publicm", .user = "e", .iso_dates = true, .server_encoding = true},
        {.search_path = "public", .user = "me", .iso_dates = true, .server_encoding = true, .rounded_floats = true},
        {.search_path = "public", .user = "me", .iso_dates = true, .server_encoding = true, .escaped_bytes = true},
    };
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++) {
            facts = variants[i];
            get(cache, "select 1");
        }
    cr_assert_eq(made, 10);
    const uint32_t types[] = {23, 25}, others[] = {23, 20};
    const char *sql = "select 1";
    normalise(sql, strlen(sql), &normalised);
    for (int round = 0; round < 2; round++) {
        plan_release(plan_cache_get(cache, &routing, &facts, sql, 8, &normalised, types, 2, &failure));
        plan_release(plan_cache_get(cache, &routing, &facts, sql, 8, &normalised, types, 1, &failure));
        plan_release(plan_cache_get(cache, &routing, &facts, sql, 8, &normalised, others, 2, &failure));
    }
    cr_assert_eq(made, 13);
    all_is_returned(cache);
}

Test(plan_cache, a_pinned_literal_must_have_its_value_again)
{
    struct plan_cache *cache = plan_cache_new(10);
    const struct plan *one = get(cache, "pin 1, 'a'"), *two = get(cache, "pin 2, 'a'");
    cr_assert_neq(one, two);
    cr_assert_eq(get(cache, "pin 1, 'b'"), one);
    cr_assert_eq(get(cache, "pin 2, 'b'"), two);
    cr_assert_eq(made, 2);
    get(cache, "pin ''");
    get(cache, "pin ''");
    cr_assert_eq(made, 3);
    all_is_returned(cache);
}

Test(plan_cache, plans_are_few_where_they_are_large)
{
    struct plan_cache *cache = plan_cache_new(1000);
    char sql[40];
    plan_bytes = 1000 * 1000;
    for (int i = 0; i < 200; i++) {
        snprintf(sql, sizeof sql, "select a%d", i);
        get(cache, sql);
    }
    cr_expect_eq(plan_cache_counts(cache).plans, 67);
    cr_expect_eq(alive, 67);
    int before = made;
    get(cache, "select a199");
    cr_expect_eq(made, before, "the newest are there");
    plan_bytes = 5 * 1000 * 1000;
    get(cache, "select large");
    cr_expect_eq(plan_cache_counts(cache).plans, 67, "one that is as large as many is not kept");
    plan_bytes = 0;
    get(cache, "select small");
    cr_expect_eq(plan_cache_counts(cache).plans, 68);
    all_is_returned(cache);
}

Test(plan_cache, variants_of_one_text_are_few_and_the_stalest_goes)
{
    struct plan_cache *cache = plan_cache_new(1000);
    char sql[32];
    const struct plan *first = get(cache, "pin 0");
    for (int i = 1; i < 100; i++) {
        snprintf(sql, sizeof(sql), "pin %d", i);
        get(cache, sql);
        cr_assert_eq(get(cache, "pin 0"), first);
    }
    struct plan_cache_counts counts = plan_cache_counts(cache);
    cr_assert_eq(counts.plans, 8);
    cr_assert_eq(counts.evictions, 92);
    all_is_returned(cache);
}

Test(plan_cache, the_least_recently_used_plan_goes_first)
{
    struct plan_cache *cache = plan_cache_new(3);
    get(cache, "select a");
    get(cache, "select b");
    get(cache, "select c");
    get(cache, "select a");
    get(cache, "select d");
    cr_assert_eq(made, 4);
    get(cache, "select a");
    get(cache, "select c");
    cr_assert_eq(made, 4);
    get(cache, "select b");
    cr_assert_eq(made, 5);
    cr_assert_eq(plan_cache_counts(cache).plans, 3);
    cr_assert_eq(alive, 3);
    all_is_returned(cache);
}

Test(plan_cache, what_is_unsure_several_or_long_is_planned_each_time)
{
    struct plan_cache *cache = plan_cache_new(10);
    for (int i = 0; i < 2; i++)
        get(cache, "select U&'x'");
    cr_assert_not(had_normalised);
    for (int i = 0; i < 2; i++)
        get(cache, "select 1; select 2");
    cr_assert(had_normalised);
    char *sql = memory_alloc(40000);
    for (int round = 0; round < 2; round++) {
        strcpy(sql, "pin '");
        memset(sql + 5, 'x', 20000);
        strcpy(sql + 20005, "'");
        get(cache, sql);
        strcpy(sql, "select a");
        memset(sql + 8, 'x', 20000);
        sql[20008] = '\0';
        get(cache, sql);
    }
    free(sql);
    cr_assert_eq(made, 8);
    cr_assert_eq(plan_cache_counts(cache).plans, 0);
    all_is_returned(cache);
}

Test(plan_cache, a_new_routing_version_starts_afresh)
{
    struct plan_cache *cache = plan_cache_new(10);
    get(cache, "select 1");
    get(cache, "select a");
    routing.version = 8;
    get(cache, "select 1");
    cr_assert_eq(made, 3);
    cr_assert_eq(plan_cache_counts(cache).plans, 1);
    cr_assert_eq(alive, 1);
    all_is_returned(cache);
}

Test(plan_cache, a_text_that_does_not_parse_is_an_error_and_not_kept)
{
    struct plan_cache *cache = plan_cache_new(10);
    cr_assert_null(get(cache, "bad"));
    cr_assert(error_is_set(&failure));
    cr_assert_eq(plan_cache_counts(cache).plans, 0);
    all_is_returned(cache);
}

Test(plan_cache, a_cache_of_no_size_keeps_nothing)
{
    struct plan_cache *cache = plan_cache_new(0);
    get(cache, "select 1");
    get(cache, "select 1");
    cr_assert_eq(made, 2);
    all_is_returned(cache);
}

static void count_row(void *context, const char *text, size_t length, const struct plan *plan, uint64_t hits)
{
    cr_assert_not_null(plan);
    if (length == 8 && memcmp(text, "select ?", 8) == 0)
        cr_assert_eq(hits, 2);
    ++*(int *) context;
}

Test(plan_cache, show_plans_sees_each_entry_with_its_hits)
{
    struct plan_cache *cache = plan_cache_new(10);
    get(cache, "select 1");
    get(cache, "select 2");
    get(cache, "select 3");
    get(cache, "select a");
    int rows = 0;
    plan_cache_visit(cache, count_row, &rows);
    cr_assert_eq(rows, 2);
    all_is_returned(cache);
}

Test(plan_cache, many_plans_are_all_found_again)
{
    struct plan_cache *cache = plan_cache_new(500);
    char sql[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 500; i++) {
            snprintf(sql, sizeof(sql), "select a%d", i);
            get(cache, sql);
        }
    cr_assert_eq(made, 500);
    for (int i = 0; i < 2000; i++) {
        snprintf(sql, sizeof(sql), "select b%d", i);
        get(cache, sql);
    }
    cr_assert_eq(plan_cache_counts(cache).plans, 500);
    cr_assert_eq(alive, 500);
    all_is_returned(cache);
}
