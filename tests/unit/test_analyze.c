/*
 * analyze: names, regions and facts.  Given the town's tables, this is what a query says of its scans.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "router/analyze.h"
#include "tests/unit/town.h"

static struct routing *routing;
static struct plan *plan;
static struct parse parse;
static struct arena arena;
static struct analysis analysis;

static void set_up(void)
{
    routing = town_routing(2);
    plan = plan_new();
}

static void tear_down(void)
{
    parse_end(&parse);
    plan_release(plan);
    routing_release(routing);
    arena_free(&arena);
}

TestSuite(analyze, .init = set_up, .fini = tear_down);

/* The test's statement is read once; it lives until the test ends. */
static struct query *analyzed(const char *sql)
{
    static const struct session_facts facts = {.search_path = "public", .user = "app", .iso_dates = true, .server_encoding = true};
    static struct planning planning;
    struct error error = {0};
    planning = (struct planning){.routing = routing, .facts = &facts, .sql = sql, .length = strlen(sql)};
    cr_assert(parse_begin(&parse, sql, strlen(sql), &error), "%s", error.message);
    Node *statement = linitial_node(RawStmt, parse.statements)->stmt;
    analysis_init(&analysis, &planning, plan, &arena, statement);
    return analyze_select(&analysis, castNode(SelectStmt, statement));
}

/* The keys of two scans, as the region of the second one sees them. */
static bool keys_equal(int left, int right)
{
    return analysis_equal(&analysis, analysis.scans[right].region, scan_key_slot(&analysis.scans[left], 0),
                          scan_key_slot(&analysis.scans[right], 0));
}

static const char *condition_of(int scan)
{
    const struct execution execution = {.arena = &arena, .server_encoding = true};
    const char *text = condition_describe(analysis_condition(&analysis, scan), &execution);
    return text ? text : "none";
}

Test(analyze, a_join_condition_makes_keys_equal)
{
    analyzed("SELECT * FROM users u JOIN posts p ON p.username = u.username WHERE u.username = 'bob'");
    cr_expect_eq(analysis.scan_count, 2);
    cr_expect(keys_equal(0, 1));
    cr_expect_str_eq(condition_of(0), "username = 'bob'");
    cr_expect_str_eq(condition_of(1), "username = 'bob'");
}

Test(analyze, using_and_natural_are_equalities)
{
    analyzed("SELECT * FROM users JOIN posts USING (username) NATURAL JOIN users AS third");
    cr_expect(keys_equal(0, 1));
    cr_expect(keys_equal(0, 2));
}

Test(analyze, the_on_of_a_left_join_says_nothing_of_the_preserved_side)
{
    analyzed("SELECT * FROM users u LEFT JOIN posts p ON p.username = u.username AND u.username = 'bob'");
    cr_expect_str_eq(condition_of(0), "none");
    cr_expect_str_eq(condition_of(1), "username = 'bob'");
    cr_expect(keys_equal(0, 1), "seen from the nullable side");
    cr_expect_not(keys_equal(1, 0), "not from the preserved side");
}

Test(analyze, where_says_something_of_both_sides_of_an_outer_join)
{
    analyzed("SELECT * FROM users u LEFT JOIN posts p ON p.username = u.username WHERE p.username = 'bob'");
    cr_expect_str_eq(condition_of(0), "none", "that needs the ON, which the preserved side does not inherit");
    cr_expect_str_eq(condition_of(1), "username = 'bob'");
}

Test(analyze, a_full_join_keeps_its_on_to_itself)
{
    analyzed("SELECT * FROM users u FULL JOIN posts p ON p.username = u.username AND u.username = 'bob'");
    cr_expect_str_eq(condition_of(0), "none");
    cr_expect_str_eq(condition_of(1), "none");
    cr_expect_not(keys_equal(0, 1));
}

Test(analyze, arms_of_an_or_count_only_if_all_bind_the_key)
{
    analyzed("SELECT * FROM users WHERE (username = 'a' AND name = 'x') OR username IN ('b', 'c')");
    cr_expect_str_eq(condition_of(0), "(username = 'a' or username in ('b', 'c'))");
}

Test(analyze, an_or_with_an_arm_that_does_not_bind_the_key_is_no_fact)
{
    analyzed("SELECT * FROM users WHERE username = 'a' OR name = 'x'");
    cr_expect_str_eq(condition_of(0), "none");
}

Test(analyze, facts_pass_through_subqueries_but_not_through_a_limit)
{
    analyzed("SELECT * FROM (SELECT username AS u FROM users) s, (SELECT username AS v FROM users LIMIT 1) t "
             "WHERE u = 'a' AND v = 'b'");
    cr_expect_str_eq(condition_of(0), "username = 'a'");
    cr_expect_str_eq(condition_of(1), "none");
}

Test(analyze, facts_pass_into_the_arms_of_a_union)
{
    analyzed(
        "SELECT * FROM (SELECT username FROM users UNION SELECT username FROM users) s WHERE username = 'a'");
    cr_expect_str_eq(condition_of(0), "username = 'a'");
    cr_expect_str_eq(condition_of(1), "username = 'a'");
}

Test(analyze, an_inner_name_hides_an_outer_one)
{
    analyzed("SELECT * FROM users WHERE EXISTS (SELECT 1 FROM countries, LATERAL (SELECT 'x' AS username) s "
             "WHERE username = 'bob')");
    cr_expect_str_eq(condition_of(0), "none");
}

Test(analyze, a_name_that_an_unknown_table_may_have_is_no_outer_column)
{
    analyzed("SELECT * FROM users WHERE EXISTS (SELECT 1 FROM nowhere WHERE username = 'bob')");
    cr_expect_str_eq(condition_of(0), "none");
    cr_expect_str_eq(analysis.home, "nowhere");
}

Test(analyze, a_correlated_subquery_inherits_the_outer_facts)
{
    analyzed("SELECT (SELECT max(body) FROM posts p WHERE p.username = u.username) FROM users u "
             "WHERE u.username = 'bob'");
    cr_expect_str_eq(condition_of(1), "username = 'bob'");
}

Test(analyze, a_cte_is_read_where_it_is_used)
{
    analyzed("WITH w AS (SELECT username FROM users) SELECT * FROM w a, w b WHERE a.username = 'a'");
    cr_expect_eq(analysis.scan_count, 2);
    cr_expect_str_eq(condition_of(0), "username = 'a'");
    cr_expect_str_eq(condition_of(1), "none");
}

Test(analyze, a_row_comparison_bounds_its_first_column_only)
{
    analyzed("SELECT * FROM users WHERE (username, name) < ('b', 'c')");
    cr_expect_str_eq(condition_of(0), "username <= 'b'");
}

Test(analyze, output_columns_have_postgresqls_names)
{
    static const char *const names[] = {"username", "lower", "text",     "case",
                                        "?column?", "x",     "coalesce", "exists"};
    const struct query *query =
        analyzed("SELECT username, lower(name), 'a'::text, CASE WHEN true THEN 1 END, 1 + 1, 2 AS x, "
                 "coalesce(name, 'a'), EXISTS (SELECT 1) FROM users");
    cr_assert_eq(query->output_count, (int) (sizeof names / sizeof *names));
    for (int i = 0; i < query->output_count; i++)
        cr_expect_str_eq(query->outputs[i].name, names[i]);
}

Test(analyze, a_star_shows_the_merged_column_of_a_join_once)
{
    const struct query *query = analyzed("SELECT * FROM users JOIN posts USING (username)");
    cr_expect(query->outputs_known);
    cr_expect_eq(query->output_count, 5);
    cr_expect_str_eq(query->outputs[0].name, "username");
}

Test(analyze, literals_of_other_types_are_no_facts)
{
    analyzed("SELECT * FROM users WHERE username = 'b'::varchar(1) AND username = lower('b') "
             "AND username COLLATE \"C\" = 'c' AND username = B'1'");
    cr_expect_str_eq(condition_of(0), "none");
}
