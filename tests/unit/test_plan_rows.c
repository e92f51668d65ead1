/*
 * INSERT of rows for several shards: one plan serves all statements that differ in their literals.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "router/plan.h"
#include "tests/unit/plan_town.h"

TestSuite(plan_rows, .init = plan_town_set_up, .fini = plan_town_tear_down);

struct made {
    struct normalised first, other;
    struct plan *plan;
};

static struct made make_of(const char *first, const char *other)
{
    struct made made = {0};
    struct error error = {0};
    normalise(first, strlen(first), &made.first);
    made.plan = plan_make(routing, &facts, first, strlen(first), &made.first, NULL, 0, &error);
    cr_assert(made.plan, "%s: %s", first, error.message);
    normalise(other, strlen(other), &made.other);
    cr_assert_eq(made.first.hash, made.other.hash, "%s: %s", first, other);
    return made;
}

static void free_made(struct made *made)
{
    plan_release(made->plan);
    normalised_free(&made->first);
    normalised_free(&made->other);
}

/* The plan of one statement, with the literals of the other, gives the shards these parts, each in brackets. */
static void expect_parts(const char *first, const char *other, const char *parts)
{
    struct made made = make_of(first, other);
    struct arena arena = {0};
    struct error error = {0};
    struct route route;
    char text[1000] = "";
    for (size_t i = 0; i < made.first.literal_count; i++)
        cr_expect_not(plan_pins(made.plan, i), "%s: %zu", first, i);
    cr_assert(plan_route(made.plan, routing, &made.other, NULL, &arena, &route, &error), "%s: %s", other, error.message);
    for (int i = 0; i < route.part_count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "[%d %s]", route.parts[i].shard, route.parts[i].text);
    cr_expect_str_eq(text, parts, "%s: %s", other, text);
    arena_free(&arena);
    free_made(&made);
}

/* "10": the first of the literals is pinned, and the second is not. */
static void expect_pins(const char *sql, const char *pins)
{
    struct made made = make_of(sql, sql);
    cr_assert_eq(made.first.literal_count, strlen(pins), "%s", sql);
    for (size_t i = 0; pins[i]; i++)
        cr_expect_eq(plan_pins(made.plan, i), pins[i] == '1', "%s: %zu", sql, i);
    free_made(&made);
}

Test(plan_rows, each_statement_has_its_own_literals)
{
    expect_parts("INSERT INTO users (username, name, age) VALUES ('al', 'x', 1), ('zoe', NULL, -2)",
                 "INSERT INTO users (username, name, age) VALUES ('robert', 'O''Brien', 30), ('bo', NULL, -40)",
                 "[0 INSERT INTO users (username, name, age) VALUES ('bo', NULL, -40)]"
                 "[2 INSERT INTO users (username, name, age) VALUES ('robert', 'O''Brien', 30)]");
    expect_parts("INSERT INTO users (username, age) VALUES ('al', 1), ('zoe', 2), ('bo', 3)",
                 "INSERT INTO users (username, age) VALUES ('zoe', 7), ('al', 8), ('henry', 9)",
                 "[0 INSERT INTO users (username, age) VALUES ('al', 8)]"
                 "[1 INSERT INTO users (username, age) VALUES ('henry', 9)]"
                 "[2 INSERT INTO users (username, age) VALUES ('zoe', 7)]");
    expect_parts("INSERT INTO users (username, age) VALUES ('al', 1), ('zoe', 2)", "INSERT INTO users (username, age) VALUES ('al', 3), ('bo', 4)", "");
}

Test(plan_rows, strings_may_be_written_in_any_way)
{
    expect_parts("INSERT INTO users (username, name) VALUES ('al', 'x'), ('zoe', 'y')",
                 "insert into Users(username,name)values(E'b\\x6f',$$),('$$),/* ( */('zo'\n'e','')",
                 "[0 INSERT INTO users (username, name) VALUES (E'b\\x6f', $$),('$$)]"
                 "[2 INSERT INTO users (username, name) VALUES ('zo'\n'e', '')]");
    expect_parts("INSERT INTO users (username, name) VALUES ('al', -- his name\n 'x'), ('zoe','y'::text)",
                 "INSERT INTO users (username, name) VALUES (E'bo', E'\\n'), ($q$zoe$q$, E'z' :: text)",
                 "[0 INSERT INTO users (username, name) VALUES (E'bo', -- his name\n E'\\n')]"
                 "[2 INSERT INTO users (username, name) VALUES ($q$zoe$q$,E'z'::text)]");
}

Test(plan_rows, parameters_and_defaults_stay)
{
    expect_pins("INSERT INTO users (username, name, age) VALUES ('al', $1, 1), ('zoe', DEFAULT, $2)", "000");
    expect_pins("INSERT INTO users (username, age) VALUES ('al', CAST('1' AS int)), ('zoe', '2'::int)", "0000");
}

Test(plan_rows, literals_elsewhere_are_pinned)
{
    expect_pins("INSERT INTO users (username, age) VALUES ('al', 1), ('zoe', 2) RETURNING age + 5, 'x'", "000011");
    expect_pins("INSERT INTO users (username, age) VALUES ('al', 1), ('zoe', 2) ON CONFLICT (username) DO UPDATE SET age = 7", "00001");
}

/* An N or a type's name right before a string would grow together with the E of another one. */
Test(plan_rows, what_could_be_read_in_another_way_pins_all)
{
    expect_pins("INSERT INTO users (username, name) VALUES ('al', N'x'), ('zoe', 'y')", "1111");
    expect_pins("INSERT INTO users (username, created) VALUES ('al', timestamptz'2020-01-01 00:00Z'), ('zoe', NULL)", "111");
    expect_pins("INSERT INTO users (username, name) VALUES ('al', 'x' || 'z'), ('zoe', 'y')", "11111");
    expect_pins("INSERT INTO users (username, age) VALUES ('al', 1 + 1), ('zoe', 2)", "11111");
}
