/*
 * Where the statements of a query string begin and end.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config/arena.h"
#include "router/plan.h"

/* The statements, each in brackets. */
static const char *split(const char *sql)
{
    static char text[1000];
    struct arena arena = {0};
    struct error error = {0};
    struct statement_span *spans;
    size_t count, used = 0;
    cr_assert(plan_split_statements(sql, strlen(sql), &arena, &spans, &count, &error), "%s", error.message);
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        used += (size_t) sprintf(text + used, "[%.*s]", (int) spans[i].length, sql + spans[i].offset);
    arena_free(&arena);
    return text;
}

static const char *sole(const char *sql)
{
    static char text[1000];
    struct statement_span span;
    if (!plan_sole_statement(sql, strlen(sql), &span))
        return "parse it";
    sprintf(text, "[%.*s]", (int) span.length, sql + span.offset);
    return text;
}

static void expect_same(const char *sql, const char *statement)
{
    cr_expect_str_eq(split(sql), statement, "%s: %s", sql, split(sql));
    cr_expect_str_eq(sole(sql), statement, "%s: %s", sql, sole(sql));
}

static void expect_parser_only(const char *sql, const char *statements)
{
    cr_expect_str_eq(split(sql), statements, "%s: %s", sql, split(sql));
    cr_expect_str_eq(sole(sql), "parse it", "%s: %s", sql, sole(sql));
}

Test(plan_split, a_statement_without_a_semicolon_inside_needs_no_parser)
{
    expect_same("SELECT 1", "[SELECT 1]");
    expect_same(" \n\tSELECT 1 ;\n ; ", "[SELECT 1]");
    expect_same("/* one /* two */ */ -- three\nSELECT 1 /* four */", "[SELECT 1 /* four */]");
    expect_same("SELECT 1 -- of them\n;", "[SELECT 1 -- of them]");
    expect_same("SELECT '--', 2", "[SELECT '--', 2]");
}

Test(plan_split, a_semicolon_inside_may_be_anything)
{
    expect_parser_only("SELECT ';'", "[SELECT ';']");
    expect_parser_only("/* ; */ SELECT 1", "[SELECT 1]");
    expect_parser_only("SELECT 1; -- the only one", "[SELECT 1]");
    expect_parser_only("SELECT 1; SELECT 2", "[SELECT 1][SELECT 2]");
    expect_parser_only("; ; SELECT 1", "[SELECT 1]");
}

Test(plan_split, nothing_is_no_statement)
{
    expect_parser_only("", "");
    expect_parser_only(" ; ", "");
    expect_parser_only("-- nothing", "");
}
