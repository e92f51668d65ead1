/*
 * Columns are found by their names, as tools do it.
 */
#include "tests/integration/console.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 20000 };

static PGresult *show(PGconn *console, const char *command)
{
    PGresult *result = PQexec(console, command);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s: %s", command, PQerrorMessage(console));
    return result;
}

static int column_of(const PGresult *result, const char *command, const char *name)
{
    int column = PQfnumber(result, name);
    cr_assert_geq(column, 0, "%s has no column %s", command, name);
    return column;
}

static int find_row(const PGresult *result, const char *command, const char *key, const char *value)
{
    int found = -1;
    for (int row = 0; row < PQntuples(result); row++) {
        if (key && strcmp(PQgetvalue(result, row, column_of(result, command, key)), value) != 0)
            continue;
        cr_assert_eq(found, -1, "%s: more than one row", command);
        found = row;
    }
    return found;
}

char *shown(PGconn *console, const char *command, const char *key, const char *value, const char *column)
{
    PGresult *result = show(console, command);
    int row = find_row(result, command, key, value);
    char *text = row < 0 ? NULL : strdup(PQgetvalue(result, row, column_of(result, command, column)));
    PQclear(result);
    return text;
}

int count_shown(PGconn *console, const char *command, const char *key, const char *value)
{
    PGresult *result = show(console, command);
    int count = 0;
    for (int row = 0; row < PQntuples(result); row++)
        count += strcmp(PQgetvalue(result, row, column_of(result, command, key)), value) == 0;
    PQclear(result);
    return count;
}

void expect_shown_at(const char *file, int line, PGconn *console, const char *command, const char *key,
                     const char *value, const char *column, const char *expected)
{
    char *text = shown(console, command, key, value, column);
    cr_expect(text && strcmp(text, expected) == 0, "%s:%d: %s where %s is %s: %s is %s, not %s", file, line,
              command, key ? key : "-", value ? value : "-", column, text ? text : "(no row)", expected);
    free(text);
}

void await_shown_at(const char *file, int line, PGconn *console, const char *command, const char *key,
                    const char *value, int count)
{
    long deadline = milliseconds() + PATIENCE_MS;
    int now;
    while ((now = count_shown(console, command, key, value)) != count && milliseconds() < deadline)
        pause_briefly();
    cr_expect_eq(now, count, "%s:%d: %s: %d rows where %s is %s, not %d", file, line, command, now, key,
                 value, count);
}
