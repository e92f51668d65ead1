/*
 * Which statements of a database without sharded tables go to the server unread.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "router/pass_through.h"
#include "router/plan.h"
#include "tests/unit/town.h"

static struct routing *plain_routing(void)
{
    struct error error = {0};
    struct settings *settings =
        town_settings("[keyway]\nauth_method = trust\n[shard a]\nconninfo = host=127.0.0.1\n"
                      "[database app]\nshards = a\n");
    struct catalog *catalog = catalog_finish(catalog_builder_new());
    struct routing *routing = routing_build(settings, &settings->databases[0], &catalog, &error);
    cr_assert(routing, "%s", error.message);
    settings_release(settings);
    return routing;
}

static bool passes(const struct routing *routing, const char *sql)
{
    return passes_through(routing, sql, strlen(sql));
}

Test(pass_through, what_leaves_the_session_alone_is_not_read)
{
    static const char *const statements[] = {
        "SELECT * FROM nonsense WHERE (((",
        "insert into t values (1) returning *;",
        "/* hint */ update t set a = 1",
        "with x as (delete from t) select 1",
        "EXPLAIN SELECT 1",
        "TABLE t ; ",
    };
    struct routing *routing = plain_routing();
    struct session_facts facts = {.search_path = "public", .user = "me", .iso_dates = true, .server_encoding = true};
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        struct error error = {0};
        cr_expect(passes(routing, statements[i]), "%s", statements[i]);
        struct plan *plan =
            plan_make(routing, &facts, statements[i], strlen(statements[i]), NULL, NULL, 0, &error);
        cr_assert(plan, "%s: %s", statements[i], error.message);
        cr_expect_eq(plan->many, PLAN_SINGLE);
        plan_release(plan);
    }
    routing_release(routing);
}

Test(pass_through, what_may_change_the_session_is_read)
{
    static const char *const statements[] = {
        "SET a = 1",
        "BEGIN",
        "CREATE TEMP TABLE t ()",
        "SELECT 1 INTO TEMP t",
        "select pg_advisory_lock(1)",
        "SELECT set_config('a.b', 'c', false)",
        "SELECT 1; SET a = 1",
        "LISTEN x",
        "PREPARE p AS SELECT 1",
        "",
        "DECLARE c CURSOR FOR SELECT 1",
        "SELECT setseed(0)",
        "DISCARD ALL",
        "CALL p()", "COPY t FROM STDIN",
    };
    struct routing *routing = plain_routing();
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        cr_expect_not(passes(routing, statements[i]), "%s", statements[i]);
    routing_release(routing);
}

Test(pass_through, with_sharded_tables_everything_is_read)
{
    struct routing *one = town_routing(1), *two = town_routing(2);
    cr_expect_not(passes(one, "SELECT 1"));
    cr_expect_not(passes(two, "SELECT 1"));
    routing_release(one);
    routing_release(two);
}
