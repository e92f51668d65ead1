/*
 * Routing new rows: which shard each belongs to, and the statement that each shard gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "router/insert_inside.h"
#include "router/sql_types.h"

/* A query's rows would all fail, but it may have none.  The caller adds the detail. */
static void refuse_query(struct error *error)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this statement cannot be run across shards");
    error_hint(error, "Give the key a value that belongs to a shard.");
}

static bool fail_null(const struct insert_rows *rows, int column, struct error *error)
{
    const char *name = rows->columns[column];
    if (rows->from_query) {
        refuse_query(error);
        error_detail(error, "Key column \"%s\" of \"%s\" would be NULL in each row of the query.", name,
                     rows->table);
        return false;
    }
    error_set(error, SQLSTATE_NOT_NULL_VIOLATION,
              "null value in column \"%s\" of relation \"%s\" violates not-null constraint", name,
              rows->table);
    error_detail(error, "The column is a key: it says on which shard a row lives.");
    return false;
}

static bool fail_unread(const struct insert_rows *rows, int column, const char *value, struct error *error)
{
    error_set(error, SQLSTATE_FEATURE_NOT_SUPPORTED, "this statement cannot be run across shards");
    error_detail(error, "The value %s for key column \"%s\" of \"%s\" cannot be read as the column would.",
                 value, rows->columns[column], rows->table);
    error_hint(error, "Give the key as a value of the column's own type.");
    return false;
}

static bool read_key(const struct insert_rows *rows, const struct value *value, int column,
                     const struct execution *execution, struct key_value *key, struct error *error)
{
    enum key_type type = keyspace_type(rows->keyspace, column);
    switch (value_key(value, type, execution, key)) {
    case KEY_READ:
        break;
    case KEY_NULL:
        return fail_null(rows, column, error);
    case KEY_UNKNOWN:
    case KEY_NEVER:
        return fail_unread(rows, column, value_describe(value, execution), error);
    }
    return key_as_stored(key, rows->typmods[column]) || fail_unread(rows, column, value_describe(value, execution), error);
}

static bool fail_unmapped(const struct insert_rows *rows, const struct value *values,
                          const struct execution *execution, struct error *error)
{
    const char *columns = NULL, *texts = NULL;
    if (rows->from_query) {
        refuse_query(error);
        error_detail(error, "No shard of keyspace \"%s\" has the key of the query's rows.",
                     keyspace_name(rows->keyspace));
        return false;
    }
    for (int i = 0; i < keyspace_columns(rows->keyspace); i++) {
        const char *text = value_describe(&values[i], execution);
        columns =
            columns ? arena_printf(execution->arena, "%s, %s", columns, rows->columns[i]) : rows->columns[i];
        texts = texts ? arena_printf(execution->arena, "%s, %s", texts, text) : text;
    }
    error_set(error, SQLSTATE_CHECK_VIOLATION, "no shard of keyspace \"%s\" found for row",
              keyspace_name(rows->keyspace));
    error_detail(error, "Partition key of the failing row contains (%s) = (%s).", columns, texts);
    return false;
}

/* Of rows that are computed, the one of this number stands for the evaluation. */
static struct execution execution_of_row(const struct insert_rows *rows, int row, const struct execution *all,
                                         struct evaluated *evaluated)
{
    struct execution execution = *all;
    if (!rows->computed)
        return execution;
    *evaluated = *all->evaluated;
    evaluated->values += (size_t) row * (size_t) evaluated->count;
    execution.evaluated = evaluated;
    return execution;
}

/* Rows that are not changed after all belong to any shard. */
static bool has_no_rows(const struct insert_rows *rows, const struct execution *execution)
{
    struct key_value key;
    for (int i = 0; rows->fails_with_null && i < keyspace_columns(rows->keyspace); i++)
        if (value_key(&rows->values[i], keyspace_type(rows->keyspace, i), execution, &key) == KEY_NULL)
            return true;
    return false;
}

static bool row_shard(const struct insert_rows *rows, int row, const struct execution *all, int *shard, struct error *error)
{
    int keys = keyspace_columns(rows->keyspace);
    const struct value *values = &rows->values[rows->computed ? 0 : (size_t) row * (size_t) keys];
    struct evaluated evaluated;
    const struct execution of_row = execution_of_row(rows, row, all, &evaluated), *execution = &of_row;
    struct key_value key[MOST_KEY_COLUMNS];
    for (int i = 0; i < keys; i++)
        if (!read_key(rows, &values[i], i, execution, &key[i], error))
            return false;
    *shard = keyspace_shard(rows->keyspace, key);
    return *shard >= 0 || fail_unmapped(rows, values, execution, error);
}

const char *insert_type_name(const char *name)
{
    return !strcmp(name, "character") ? "pg_catalog.bpchar" : !strcmp(name, "bit") ? "pg_catalog.\"bit\"" : name;
}

/* A computed value stands in the text as a literal of its own type. */
static void put_piece(FILE *out, const struct insert_piece *piece, const struct evaluated *evaluated)
{
    if (piece->text) {
        fputs(piece->text, out);
        return;
    }
    const char *value = evaluated->values[piece->value], *type = insert_type_name(evaluated->values[piece->type]);
    if (!value) {
        fprintf(out, "NULL::%s", type);
        return;
    }
    putc('\'', out);
    for (; *value; value++) {
        if (*value == '\'')
            putc('\'', out);
        putc(*value, out);
    }
    fprintf(out, "'::%s", type);
}

/* The row as it was written when it was planned, but with the literals of this statement. */
static void put_written(FILE *out, const struct insert_rows *rows, int row, const struct normalised *literals)
{
    const char *text = rows->rows[row];
    bool others = rows->literals && literals;
    size_t at = 0, end = others ? rows->literal_ends[row] : 0;
    for (size_t i = others && row ? rows->literal_ends[row - 1] : 0; i < end; i++) {
        const struct row_literal *place = &rows->literals[i];
        const struct literal *literal = &literals->literals[place->literal];
        fwrite(text + at, 1, place->at - at, out);
        fwrite(literals->sql + literal->offset, 1, literal->length, out);
        at = place->at + place->length;
    }
    fputs(text + at, out);
}

static void put_row(FILE *out, const struct insert_rows *rows, int row, const struct execution *all)
{
    if (!rows->pieces) {
        put_written(out, rows, row, all->literals);
        return;
    }
    struct evaluated evaluated;
    const struct execution execution = execution_of_row(rows, row, all, &evaluated);
    const struct insert_piece *pieces = &rows->pieces[rows->computed ? 0 : row * rows->width];
    for (int i = 0; i < rows->width; i++) {
        fputs(i ? ", " : "(", out);
        put_piece(out, &pieces[i], execution.evaluated);
    }
    putc(')', out);
}

/* How many rows there are: the computed one without its sign is none. */
static int count_rows(const struct insert_rows *rows, const struct execution *execution)
{
    if (!rows->computed)
        return rows->count;
    return execution->evaluated->rows == 1 && !execution->evaluated->values[0] ? 0 : execution->evaluated->rows;
}

/* SELECT of no row, of the types that the rows would have had, in place of VALUES. */
static void put_nothing(FILE *out, const struct insert_rows *rows, const struct evaluated *evaluated)
{
    fprintf(out, "%.*sSELECT ", (int) (strlen(rows->before) - strlen("VALUES ")), rows->before);
    for (int i = 0; i < rows->width; i++)
        fprintf(out, "%sNULL::%s", i ? ", " : "", insert_type_name(evaluated->values[rows->pieces[i].type]));
    fputs(" WHERE false ", out);
}

/* The statement for one shard: the rows that are its own; `shards` NULL: all of them. */
static const char *part_text(const struct insert_rows *rows, const int *shards, int shard,
                             const struct execution *execution, int *count)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    int all = count_rows(rows, execution);
    *count = 0;
    if (all > 0)
        fputs(rows->before, out);
    else
        put_nothing(out, rows, execution->evaluated);
    for (int i = 0; i < all; i++) {
        if (shards && shards[i] != shard)
            continue;
        fputs((*count)++ ? ", " : "", out);
        put_row(out, rows, i, execution);
    }
    fputs(rows->after, out);
    fclose(out);
    const char *copy = arena_strndup(execution->arena, text, size);
    free(text);
    return copy;
}

/* Of the parameters those that stand in rows of other shards only. */
static const bool *find_lacking(const struct insert_rows *rows, const int *shards, int shard, const struct execution *execution)
{
    int count = rows->parameter_rows && shards && execution->binds ? execution->binds->count : 0;
    bool *lacks = count ? arena_alloc_array(execution->arena, (size_t) count, sizeof *lacks) : NULL;
    for (int i = 0; i < count && i < rows->parameter_count; i++)
        lacks[i] = rows->parameter_rows[i] >= 0 && shards[rows->parameter_rows[i]] != shard;
    return lacks;
}

static void make_parts(const struct insert_rows *rows, const int *shards, const struct shard_set *set,
                       const struct execution *execution, struct route *route)
{
    route->parts = arena_alloc_array(execution->arena, (size_t) shard_set_count(set), sizeof *route->parts);
    for (int shard = shard_set_next(set, 0); shard >= 0; shard = shard_set_next(set, shard + 1)) {
        struct split_part *part = &route->parts[route->part_count++];
        part->shard = shard;
        part->text = part_text(rows, shards, shard, execution, &part->rows);
        part->lacks = find_lacking(rows, shards, shard, execution);
    }
}

bool insert_route(const struct insert_rows *rows, const struct execution *execution, struct shard_set *shards,
                  struct route *route, struct error *error)
{
    struct shard_set own = {{0}};
    if (!rows->keyspace) { /* a reference table: all rows on all shards */
        make_parts(rows, NULL, shards, execution, route);
        return true;
    }
    if (has_no_rows(rows, execution))
        return true;
    int count = count_rows(rows, execution);
    int *row_shards = arena_alloc_array(execution->arena, (size_t) count, sizeof *row_shards);
    for (int i = 0; i < count; i++) {
        if (!row_shard(rows, i, execution, &row_shards[i], error))
            return false;
        shard_set_add(&own, row_shards[i]);
    }
    if (!count)
        shard_set_add(&own, shard_set_next(keyspace_shards(rows->keyspace), 0));
    shard_set_unite(shards, &own);
    if (rows->before && (rows->pieces || shard_set_count(&own) > 1))
        make_parts(rows, row_shards, &own, execution, route);
    if (rows->answers && route->part_count > 1) {
        route->turns = row_shards;
        route->turn_count = count;
    }
    return true;
}
