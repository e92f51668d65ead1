/*
 * A query string's statements, by the parser's own account of where each one begins and ends.
 */
#include <string.h>

#include "router/parse.h"
#include "router/plan.h"

/* White space and comments before a statement are no part of it. */
static size_t skip_blank(const char *sql, size_t at, size_t end)
{
    for (;;) {
        size_t before = at;
        while (at < end && strchr(" \t\r\n\f\v", sql[at]))
            at++;
        if (at + 1 < end && sql[at] == '-' && sql[at + 1] == '-')
            while (at < end && sql[at] != '\n')
                at++;
        if (at + 1 < end && sql[at] == '/' && sql[at + 1] == '*') {
            int depth = 0;
            do {
                if (at + 1 < end && sql[at] == '/' && sql[at + 1] == '*')
                    depth++, at += 2;
                else if (at + 1 < end && sql[at] == '*' && sql[at + 1] == '/')
                    depth--, at += 2;
                else
                    at++;
            } while (depth > 0 && at < end);
        }
        if (at == before)
            return at;
    }
}

static size_t skip_blank_back(const char *sql, size_t start, size_t end)
{
    while (end > start && strchr(" \t\r\n\f\v;", sql[end - 1]))
        end--;
    return end;
}

bool plan_sole_statement(const char *sql, size_t length, struct statement_span *span)
{
    size_t start = skip_blank(sql, 0, length), end = skip_blank_back(sql, start, length);
    *span = (struct statement_span){start, end - start};
    return end > start && memchr(sql, ';', end) == NULL;
}

bool plan_split_statements(const char *sql, size_t length, struct arena *arena, struct statement_span **spans,
                           size_t *count, struct error *error)
{
    struct parse parse;
    if (!parse_begin(&parse, sql, length, error))
        return false;
    *count = 0;
    *spans = arena_alloc_array(arena, (size_t) list_length(parse.statements), sizeof(**spans));
    ListCell *cell;
    foreach (cell, parse.statements) {
        const RawStmt *statement = lfirst(cell);
        size_t start = (size_t) statement->stmt_location;
        size_t end = statement->stmt_len > 0 ? start + (size_t) statement->stmt_len : length;
        start = skip_blank(sql, start, end);
        end = skip_blank_back(sql, start, end);
        if (statement->stmt != NULL && end > start)
            (*spans)[(*count)++] = (struct statement_span){start, end - start};
    }
    parse_end(&parse);
    return true;
}
