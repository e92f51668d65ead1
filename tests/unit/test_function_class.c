/*
 * What the body of a function says of the place where it may run.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "tests/unit/town.h"

/* The class of the function f() that is not IMMUTABLE and has this body, beside pure(), reader(), the
 * operator @@@ and casts of two kinds. */
static enum function_class class_of(const char *body)
{
    static const char *const functions[] = {
        "pg_catalog|lower|i|t|f|f|f|t",
        "pg_catalog|now|s|t|f|f|f|t",
        "pg_catalog|random|v|t|f|f|f|t",
        "pg_catalog|nextval|v|t|f|f|f|t",
        "pg_catalog|unnest|i|t|f|f|t|t",
        "pg_catalog|query_to_xml|i|f|f|f|f|t",
        "pg_catalog|generate_series|i|t|f|f|t|t",
        "public|f|v|f|f|f|f|t",
        "public|pure|v|f|f|f|f|t",
        "public|reader|s|f|f|f|f|t",
        "other|declared|i|f|f|f|f|t",
        "public|foreign_one|v|f|f|f|f|t",
        "public|@@@|v|f|f|f|f|t",
        "public|::slow|v|f|f|f|f|t",
        "public|mutual|v|f|f|f|f|t",
        "public|ticking|s|f|f|f|f|t",
    };
    static const char *const bodies[] = {
        "public|pure|SELECT lower($1)",   "public|reader|SELECT count(1) FROM users",
        "public|@@@|SELECT 1 FROM users", "public|::slow|SELECT 1 FROM users",
        "public|mutual|SELECT f($1)",     "public|ticking|SELECT now()"};
    struct catalog_builder *builder = catalog_builder_new();
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        town_row(builder, TOWN_FUNCTIONS, functions[i]);
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        town_row(builder, TOWN_BODIES, bodies[i]);
    const char *const row[] = {"public", "f", body};
    struct error error = {0};
    cr_assert(catalog_add_row(builder, TOWN_BODIES, row, 3, &error));
    struct catalog *catalog = catalog_finish(builder);
    enum function_class class = catalog_function(catalog, "public", "f")->class;
    catalog_free(catalog);
    return class;
}

static void expect(enum function_class class, const char *const *bodies)
{
    for (; *bodies; bodies++)
        cr_expect(eq(int, class_of(*bodies), class), "%s", *bodies);
}

Test(function_class, trusts_what_only_computes)
{
    expect(
        FUNCTION_SAFE,
        (const char *[]){
            "",
            "SELECT $1 * 2 + lower($2)::int",
            "SELECT pure($1), other.declared($1), f($1 - 1)",
            "SELECT CASE WHEN $1 IS DISTINCT FROM $2 AND $1 IS NOT DISTINCT FROM 3 THEN 1 END",
            "SELECT extract(year FROM $1) + length(substring($2 FROM 2 FOR 3)) + trim(both 'x' FROM $2)::int",
            "SELECT array_agg(x ORDER BY x) FROM unnest($1) AS x, LATERAL generate_series(1, x) AS g(i)",
            "SELECT * FROM pg_catalog.unnest($1) x CROSS JOIN \"unnest\"($2) y WHERE x IN (1, 2) ORDER BY x, "
            "y",
            "SELECT max(v) FROM (VALUES (1, 2), ($1, 3)) AS t (v, w), (SELECT 1 FROM unnest($1)) u",
            "DECLARE r text := ''; t users%ROWTYPE; -- FROM users\n BEGIN FOR i IN 1..10 LOOP r := r || i; "
            "END LOOP;"
            " /* DELETE */ RETURN r || 'UPDATE users'; EXCEPTION WHEN others THEN RAISE NOTICE 'no'; END",
            "SELECT $1::numeric(10, 2), cast($1 AS varchar(3))",
            NULL,
        });
}

Test(function_class, tells_clocks_and_chance)
{
    expect(FUNCTION_CLOCK, (const char *[]){"SELECT now() - $1", "SELECT current_date", "SELECT ticking()",
                                            "SELECT $1 < 'Today 12:00'::timestamp", NULL});
    expect(FUNCTION_VOLATILE, (const char *[]){"SELECT random() * $1", "SELECT now(), random()", NULL});
}

Test(function_class, distrusts_what_may_read_or_change)
{
    expect(FUNCTION_READER,
           (const char *[]){
               "SELECT count(*) FROM users",
               "SELECT count(*) FROM public.users u",
               "SELECT count(*) FROM \"users\"",
               "SELECT 1 FROM unnest($1) x, users",
               "SELECT 1 FROM unnest($1) x JOIN users ON true",
               "SELECT 1 FROM unnest($1) x, LATERAL users",
               "SELECT 1 FROM (users CROSS JOIN unnest($1))",
               "SELECT 1 FROM ((SELECT 1 FROM users)) x",
               "SELECT 1 FROM (SELECT 2 FROM users) x",
               "SELECT 1 FROM ONLY (users)",
               "SELECT 1 FROM ROWS FROM (unnest($1))",
               "SELECT 1 FROM (TABLE users) x",
               "SELECT 1 AS distinct FROM users",
               "SELECT 1 AS where, 2 FROM unnest($1), users",
               "SELECT extract(year FROM (SELECT d FROM users))",
               "SELECT \"substring\"(1 FROM users)",
               "SELECT 1 IN (SELECT 1 FROM users)",
               "TABLE users",
               "INSERT INTO users VALUES (1)",
               "WITH x AS (DELETE FROM users RETURNING 1) SELECT 1",
               "BEGIN EXECUTE 'SELECT 1'; END",
               "BEGIN n := count(*) FROM users; RETURN n; END",
               "BEGIN FOR r IN SELECT * FROM users LOOP RETURN r; END LOOP; END",
               "BEGIN SELECT 1 INTO n FROM users; END",
               "SELECT reader($1)",
               "SELECT public.reader($1)",
               "SELECT \"reader\"($1)",
               "SELECT (r).reader",
               "SELECT foreign_one($1)",
               "SELECT mutual($1)",
               "SELECT nextval('s')",
               "SELECT query_to_xml('SELECT 1', true, true, '')",
               "SELECT $1 @@@ 2",
               "SELECT $1 @@@-2",
               "SELECT $1::slow",
               "SELECT CAST($1 AS public.slow)",
               "SELECT 'users'::regclass",
               "SELECT 'a\\' || (SELECT 1 FROM users) || '", /* as the lexer reads it under
                                                                standard_conforming_strings = off */
               "SELECT U&'\\0041'",
               "SELECT 'not ended",
               "SELECT a_name_that_is_much_too_long_for_postgresql_which_cuts_it_off_after_sixty_three(1)",
               "SELECT 1 FROM",
               "SELECT 1)",
               NULL,
           });
}

Test(function_class, trusts_none_whose_body_is_not_told)
{
    struct catalog_builder *builder = catalog_builder_new();
    town_row(builder, TOWN_FUNCTIONS, "public|f|v|f|f|f|f|t");
    town_row(builder, TOWN_FUNCTIONS, "public|g|i|f|f|f|f|t");
    struct catalog *catalog = catalog_finish(builder);
    cr_expect(eq(int, catalog_function(catalog, "public", "f")->class, FUNCTION_READER));
    cr_expect(eq(int, catalog_function(catalog, "public", "g")->class, FUNCTION_SAFE));
    catalog_free(catalog);
}
