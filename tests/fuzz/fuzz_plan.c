/*
 * Any bytes through the planner: a statement is planned, routed and described without harm; the plan that
 * looks its literals up in the normalised statement and the plan that keeps them choose the same shards; and
 * what the shards get can be parsed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "router/plan.h"

static const char configuration[] =
    "[keyway]\nauth_method = trust\n[shard a]\nconninfo = host=127.0.0.1\n"
    "[shard b]\nconninfo = host=127.0.0.1 port=5433\n[database app]\nshards = a, b\n"
    "[keyspace app.t]\ntype = text\nmethod = range\nrange = a [-infinity, n)\nrange = b [n, +infinity)\n"
    "[keyspace app.n]\ntype = bigint, date\nmethod = hash\nshards = a, b\n"
    "[table app.t]\nkeyspace = t\nkey = k\n[table app.u]\nkeyspace = t\nkey = k\n"
    "[table app.n]\nkeyspace = n\nkey = a, b\n[table app.r]\nreference = yes\n";

/* Query number and values, separated by '|', '~' for NULL. */
static const struct {
    int query;
    const char *values;
} rows[] = {
    {0, "pg_catalog"},
    {0, "public"},
    {2, "pg_catalog|C|c|C|C|t|~|~|f|f|UTF8|950"},
    {2, "pg_catalog|default|c|C.UTF-8|C.UTF-8|t|~|~|f|t|UTF8|100"},
    {1, "1|public|t|r|f|f|f|~"},
    {5, "1|k|25|-1|text|t|t|t|t|f|f|~|1|950|~"},
    {5, "1|x|23|-1|integer|f|f|f|t|f|f|~|2|0|~"},
    {1, "2|public|u|r|f|f|f|~"},
    {5, "2|k|1043|14|character varying|t|t|f|t|f|f|~|1|0|~"},
    {5, "2|x|25|-1|text|f|t|t|t|f|f|~|2|0|~"},
    {1, "3|public|n|r|f|f|f|~"},
    {5, "3|a|20|-1|bigint|t|f|f|t|f|f|~|1|0|~"},
    {5, "3|b|1082|-1|date|t|f|f|t|f|f|~|2|0|~"},
    {1, "4|public|r|r|f|f|f|~"},
    {5, "4|c|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {5, "4|d|1184|-1|timestamp with time zone|f|f|f|t|f|f|~|2|0|~"},
    {1, "5|public|h|r|f|f|f|~"},
    {5, "5|k|25|-1|text|f|t|t|t|f|f|~|1|0|~"},
    {1, "6|public|v|v|f|f|f| SELECT t.k, count(*) AS n FROM public.t GROUP BY t.k;"},
    {5, "6|k|25|-1|text|f|t|t|t|f|f|~|1|0|~"},
    {5, "6|n|20|-1|bigint|f|f|f|t|f|f|~|2|0|~"},
    {8, "1|t_pkey|t|1|1"},
    {9, "pg_catalog|count|i|t|t|f|f|t"},
    {9, "pg_catalog|max|i|t|t|f|f|t"},
    {9, "pg_catalog|sum|i|t|t|f|f|t"},
    {9, "pg_catalog|now|s|t|f|f|f|t"},
    {9, "pg_catalog|lower|i|t|f|f|f|t"},
    {9, "public|f|s|f|f|f|f|t"},
    {13, "public|f|f|f|SELECT max(u.x) FROM u WHERE u.k = \"$1\" AND f.b < 3"},
    {14, "public|f|a|~|25|25|-1|text|0|~"},
    {14, "public|f|a|b|23|23|-1|integer|0|1"},
    {14, "public|f|r|~|25|25|-1|text|0|~"},
    {9, "public|g|v|f|f|f|t|t"},
    {13, "public|g|t|t|SELECT t.x, f(t.k) FROM t WHERE k = w ORDER BY 1"},
    {14, "public|g|a|w|25|25|-1|text|0|~"},
    {14, "public|g|r|x|23|23|-1|integer|0|~"},
    {14, "public|g|r|y|25|25|-1|text|0|~"},
    {9, "public|e|i|f|f|f|f|f"},
    {13, "public|e|f|f|SELECT \"$1\".k FROM g(\"$1\".k)"},
    {14, "public|e|a|~|16500|16500|-1|public.t|1|~"},
    {14, "public|e|r|~|25|25|-1|text|0|~"},
};

static void require(bool held)
{
    if (!held)
        abort();
}

static void add_row(struct catalog_builder *builder, int query, const char *values)
{
    char copy[256];
    const char *row[16];
    int count = 0;
    struct error error = {0};
    snprintf(copy, sizeof copy, "%s", values);
    for (char *rest = copy, *value; (value = strsep(&rest, "|"));)
        row[count++] = strcmp(value, "~") ? value : NULL;
    require(catalog_add_row(builder, query, row, count, &error));
}

static struct catalog *new_catalog(void)
{
    struct catalog_builder *builder = catalog_builder_new();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        add_row(builder, rows[i].query, rows[i].values);
    return catalog_finish(builder);
}

static struct routing *new_routing(void)
{
    char path[] = "/tmp/keyway-fuzz-XXXXXX";
    struct diagnostics diagnostics = {0};
    struct error error = {0};
    int file = mkstemp(path);
    require(file >= 0 &&
            write(file, configuration, strlen(configuration)) == (ssize_t) strlen(configuration));
    close(file);
    struct settings *settings = settings_load(path, &diagnostics);
    unlink(path);
    require(settings != NULL);
    struct catalog *catalogs[2] = {new_catalog(), new_catalog()};
    struct routing *routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    settings_release(settings);
    require(routing != NULL);
    return routing;
}

struct outcome {
    bool planned, routed;
    enum plan_kind kind;
    struct shard_set shards;
};

static const struct session_facts facts = {.search_path = "\"$user\", public", .user = "app", .iso_dates = true, .server_encoding = true};

static void check_text(const struct routing *routing, const char *text)
{
    struct error error = {0};
    struct plan *plan = plan_make(routing, &facts, text, strlen(text), NULL, NULL, 0, &error);
    require(plan != NULL);
    plan_release(plan);
}

static struct outcome plan_one(const struct routing *routing, const char *sql, size_t size,
                               const struct normalised *normalised)
{
    struct outcome outcome = {0};
    struct arena arena = {0};
    struct route route;
    struct error error = {0};
    struct plan *plan = plan_make(routing, &facts, sql, size, normalised, NULL, 0, &error);
    outcome.planned = plan != NULL;
    if (plan && plan_route(plan, routing, normalised, NULL, &arena, &route, &error)) {
        outcome.routed = true;
        outcome.kind = route.kind;
        outcome.shards = route.shards;
        plan_describe(plan, routing, normalised, NULL, &route, &arena);
        if (plan->shard_text)
            check_text(routing, plan->shard_text);
        for (int i = 0; i < route.part_count; i++)
            check_text(routing, route.parts[i].text);
    } else {
        require(error_is_set(&error));
    }
    error_clear(&error);
    plan_release(plan);
    arena_free(&arena);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct routing *routing;
    static struct normalised normalised;
    if (!routing)
        routing = new_routing();
    if (size > 4096 || memchr(data, 0, size))
        return 0; /* the protocol ends a statement at its first NUL */
    char *sql = malloc(size + 1);
    memcpy(sql, data, size);
    sql[size] = '\0';
    normalise(sql, size, &normalised);
    struct outcome kept = plan_one(routing, sql, size, NULL);
    struct outcome looked_up = plan_one(routing, sql, size, &normalised);
    require(kept.planned == looked_up.planned && kept.routed == looked_up.routed);
    if (kept.routed)
        require(kept.kind == looked_up.kind && !memcmp(&kept.shards, &looked_up.shards, sizeof kept.shards));
    free(sql);
    return 0;
}
