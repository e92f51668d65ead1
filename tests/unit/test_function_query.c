/*
 * function_query: which calls give place to the function's query, and which texts are not trusted to.
 */
#include <criterion/criterion.h>

#include "tests/unit/plan_town.h"

TestSuite(function_query, .init = plan_town_set_up, .fini = plan_town_tear_down);

Test(function_query, a_call_is_planned_as_its_query)
{
    EXPECT({"SELECT name_of('zoe')", "single c"}, {"SELECT name_of(username) FROM users", "concat abc"},
           {"SELECT name_by_argument(u.username) FROM users u WHERE username = 'bob'", "single a"},
           {"SELECT name_of(name) FROM users", "gather abc"}, {"SELECT title_of(country) FROM users", "gather abc"},
           {"SELECT username FROM users WHERE name_of(username) = 'x'", "concat abc"},
           {"SELECT same_name(username) FROM users", "gather abc"}, {"SELECT through_another('zoe')", "single c"});
}

/* The key finds one row; of several the first is taken, and each shard has a first. */
Test(function_query, a_value_is_of_the_first_row)
{
    EXPECT({"SELECT username, name_of(username) FROM users ORDER BY username", "merge abc"},
           {"SELECT any_body(username) FROM users", "gather abc"}, {"SELECT some_body(username) FROM users", "gather abc"});
}

Test(function_query, doubtful_texts_stay_functions)
{
    EXPECT({"SELECT of_home(username) FROM users", "gather abc"},
           {"WITH notes AS (SELECT 1) SELECT of_home(username) FROM users", "0A000"}, {"SELECT hides_table(username) FROM users", "0A000"}, {"SELECT locks(username) FROM users", "0A000"},
           {"SELECT by_chance(username) FROM users", "0A000"}, {"SELECT today(username) FROM users", "0A000"},
           {"SELECT quotes_number(username) FROM users", "0A000"}, {"SELECT collates(username) FROM users", "0A000"},
           {"SELECT samples(username) FROM users", "0A000"}, {"SELECT twice(username) FROM users", "0A000"},
           {"SELECT changes(username) FROM users", "0A000"}, {"SELECT changes_inside(username) FROM users", "0A000"},
           {"SELECT of_catalog(username) FROM users", "0A000"}, {"SELECT of_nothing_known(username) FROM users", "0A000"},
           {"SELECT calls_unknown(username) FROM users", "0A000"}, {"SELECT two_columns(username) FROM users", "0A000"},
           {"SELECT is_broken(username) FROM users", "0A000"}, {"SELECT itself(username) FROM users", "0A000"});
}

Test(function_query, doubtful_arguments_stay_arguments)
{
    EXPECT({"SELECT name_of(age) FROM users", "0A000"}, {"SELECT name_of(random()::text) FROM users", "0A000"},
           {"SELECT name_of(max(username)) FROM users", "0A000"}, {"SELECT name_of(unknown_function(username)) FROM users", "0A000"},
           {"SELECT name_of(username, username) FROM users", "0A000"}, {"SELECT name_of() FROM users", "0A000"}, {"SELECT name_of(other => username) FROM users", "0A000"},
           {"SELECT name_of(argument => username) FROM users", "concat abc"},
           {"SELECT name_of(username) FILTER (WHERE true) FROM users", "0A000"},
           {"SELECT name_of(username) OVER () FROM users", "0A000"}, {"SELECT name_of(VARIADIC username) FROM users", "0A000"});
}

/* What is written stays a call. */
Test(function_query, writes_are_not_rewritten)
{
    EXPECT({"UPDATE users SET name = name_of(username) WHERE username = 'bob'", "0A000"},
           {"INSERT INTO users (username, name) VALUES ('bob', name_of('zoe'))", "0A000"},
           {"DELETE FROM users WHERE name_of(username) = 'x'", "0A000"});
}
