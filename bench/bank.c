/*
 * A configuration file that lives only while it is read, and a catalog made of rows as the catalog queries give them.
 */
#include "bench/bank.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why ? why : "?");
    exit(1);
}

static void put_shards(FILE *out)
{
    fprintf(out, "shards = s0");
    for (int i = 1; i < BANK_SHARDS; i++)
        fprintf(out, ", s%d", i);
    fprintf(out, "\n");
}

static void put_ranges(FILE *out, int ranges)
{
    for (int i = 0; i < ranges; i++) {
        fprintf(out, "range = s%d [", i % BANK_SHARDS);
        fprintf(out, i == 0 ? "-infinity, " : "%d, ", i * BANK_RANGE);
        fprintf(out, i == ranges - 1 ? "+infinity)\n" : "%d)\n", (i + 1) * BANK_RANGE);
    }
}

static void put_settings(FILE *out, int ranges)
{
    fprintf(out, "[keyway]\nauth_method = trust\n");
    for (int i = 0; i < BANK_SHARDS; i++)
        fprintf(out, "[shard s%d]\nconninfo = host=127.0.0.1 port=%d\n", i, 5500 + i);
    fprintf(out, "[database bank]\n");
    put_shards(out);
    fprintf(out, "[keyspace bank.id]\ntype = bigint\nmethod = %s\n", ranges > 0 ? "range" : "hash");
    if (ranges > 0)
        put_ranges(out, ranges);
    else
        put_shards(out);
    fprintf(out, "[table bank.account]\nkeyspace = id\nkey = id\n");
}

static struct settings *bank_settings(int ranges)
{
    char path[] = "/tmp/keyway-bank-XXXXXX";
    struct diagnostics diagnostics = {0};
    int file = mkstemp(path);
    FILE *out = file < 0 ? NULL : fdopen(file, "w");
    if (out == NULL)
        give_up("a temporary file", path);
    put_settings(out, ranges);
    if (fclose(out) != 0)
        give_up("a temporary file", path);
    struct settings *settings = settings_load(path, &diagnostics);
    unlink(path);
    if (settings == NULL)
        give_up("settings", diagnostics.count ? diagnostics.entries[0].text : NULL);
    diagnostics_free(&diagnostics);
    return settings;
}

static struct catalog *bank_catalog(void)
{
    enum { SCHEMAS, RELATIONS, COLUMNS = 5, UNIQUES = 8, MOST_VALUES = 15 };
    static const struct {
        int query, count;
        const char *values[MOST_VALUES];
    } rows[] = {
        {SCHEMAS, 1, {"pg_catalog"}},
        {SCHEMAS, 1, {"public"}},
        {RELATIONS, 8, {"100", "public", "account", "r", "f", "f", "f", NULL}},
        {COLUMNS, 15, {"100", "id", "20", "-1", "bigint", "t", "f", "f", "t", "f", "f", NULL, "1", "0", NULL}},
        {COLUMNS, 15, {"100", "owner", "25", "-1", "text", "f", "t", "t", "t", "f", "f", NULL, "2", "0", NULL}},
        {COLUMNS, 15, {"100", "balance", "20", "-1", "bigint", "f", "f", "f", "t", "f", "f", NULL, "3", "0", NULL}},
        {UNIQUES, 5, {"100", "account_pkey", "t", "1", "1"}},
    };
    struct catalog_builder *builder = catalog_builder_new();
    struct error error = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!catalog_add_row(builder, rows[i].query, rows[i].values, rows[i].count, &error))
            give_up("catalog", error.message);
    return catalog_finish(builder);
}

struct routing *bank_routing(int ranges)
{
    struct catalog *catalogs[BANK_SHARDS];
    struct error error = {0};
    struct settings *settings = bank_settings(ranges);
    for (int i = 0; i < BANK_SHARDS; i++)
        catalogs[i] = bank_catalog();
    struct routing *routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    if (routing == NULL)
        give_up("routing", error.message);
    settings_release(settings);
    return routing;
}

struct session_facts bank_facts(void)
{
    return (struct session_facts){
        .search_path = "\"$user\", public", .user = "postgres", .iso_dates = true, .server_encoding = true};
}
