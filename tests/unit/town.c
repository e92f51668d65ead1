/*
 * town: rows, and a configuration file that lives only while it is read.
 */
#include "tests/unit/town.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void town_row(struct catalog_builder *builder, int query, const char *values)
{
    char copy[512];
    const char *row[16];
    int count = 0;
    struct error error = {0};
    snprintf(copy, sizeof copy, "%s", values);
    for (char *rest = copy, *value; (value = strsep(&rest, "|"));)
        row[count++] = strcmp(value, "~") ? value : NULL;
    cr_assert(catalog_add_row(builder, query, row, count, &error), "%s: %s", values, error.message);
}

static const struct {
    int query;
    const char *values;
} shared_rows[] = {
    {TOWN_SCHEMAS, "pg_catalog"},
    {TOWN_SCHEMAS, "public"},
    {TOWN_RELATIONS, "100|public|users|r|f|f|f|~"},
    {TOWN_RELATIONS, "101|public|posts|r|f|f|f|~"},
    {TOWN_RELATIONS, "102|public|countries|r|f|f|f|~"},
    {TOWN_RELATIONS, "103|public|users_old|r|f|f|f|~"},
    {TOWN_RELATIONS, "104|public|user_names|v|f|f|f| SELECT users.username FROM public.users;"},
    {TOWN_RELATIONS, "105|public|free_seq|S|f|f|f|~"},
    {TOWN_RELATIONS, "106|public|posts_id_seq|S|f|f|f|~"},
    {TOWN_RELATIONS, "107|public|users_pkey|i|f|f|f|~"},
    {TOWN_COLUMNS, "100|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "100|name|25|-1|text|f|t|f|t|f|f|'nobody'::text|2|0|~"},
    {TOWN_COLUMNS, "101|id|20|-1|bigint|t|f|f|t|f|f|nextval('public.posts_id_seq'::regclass)|1|0|~"},
    {TOWN_COLUMNS, "101|length|23|-1|integer|f|f|f|t|f|t|length(body)|2|0|~"},
    {TOWN_COLUMNS, "101|username|1043|24|character varying|t|t|f|t|f|f|~|3|0|character varying(20)"},
    {TOWN_COLUMNS, "101|body|25|-1|text|f|t|f|t|f|f|~|4|0|~"},
    {TOWN_COLUMNS, "102|code|1042|6|character|t|t|f|t|f|f|~|1|0|character(2)"},
    {TOWN_COLUMNS, "102|since|1184|-1|timestamp with time zone|f|f|f|t|f|f|now()|2|0|~"},
    {TOWN_COLUMNS, "103|username|25|-1|text|t|t|t|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "103|name|25|-1|text|f|t|f|t|f|f|~|2|0|~"},
    {TOWN_COLUMNS, "104|username|25|-1|text|f|t|t|t|f|f|~|1|0|~"},
    {TOWN_PARENTS, "103|100"},
    {TOWN_PARTS, "107|100"},
    {TOWN_PARTS, "106|101"},
    {TOWN_UNIQUES, "100|users_pkey|t|1|1"},
    {TOWN_COLLATIONS, "pg_catalog|C|c|C|C|t|~|~|f|f|UTF8|950"},
    {TOWN_FUNCTIONS, "pg_catalog|lower|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|count|i|t|t|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|length|i|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|now|s|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|random|v|t|f|f|f|t"},
    {TOWN_FUNCTIONS, "pg_catalog|nextval|v|t|f|f|f|t"},
};

static const struct {
    int query;
    const char *values;
} home_rows[] = {
    {TOWN_RELATIONS, "200|public|notes|r|f|f|f|~"},
    {TOWN_RELATIONS, "201|public|note_view|v|f|f|f| SELECT notes.id FROM public.notes;"},
    {TOWN_RELATIONS, "202|public|note_count|m|f|f|f| SELECT count(*) AS n FROM public.notes;"},
    {TOWN_RELATIONS, "203|public|user_count|m|f|f|f| SELECT count(*) AS n FROM public.users;"},
    {TOWN_RELATIONS, "204|public|notes_id_seq|S|f|f|f|~"},
    {TOWN_RELATIONS, "205|public|notes_body|i|f|f|f|~"},
    {TOWN_COLUMNS, "200|id|23|-1|integer|t|f|f|t|f|f|nextval('public.notes_id_seq'::regclass)|1|0|~"},
    {TOWN_COLUMNS, "200|body|25|-1|text|f|t|f|t|f|f|~|2|0|~"},
    {TOWN_COLUMNS, "201|id|23|-1|integer|f|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "202|n|20|-1|bigint|f|f|f|t|f|f|~|1|0|~"},
    {TOWN_COLUMNS, "203|n|20|-1|bigint|f|f|f|t|f|f|~|1|0|~"},
    {TOWN_PARTS, "204|200"},
    {TOWN_PARTS, "205|200"},
};

void town_shared_rows(struct catalog_builder *builder)
{
    for (size_t i = 0; i < sizeof shared_rows / sizeof *shared_rows; i++)
        town_row(builder, shared_rows[i].query, shared_rows[i].values);
}

void town_home_rows(struct catalog_builder *builder)
{
    for (size_t i = 0; i < sizeof home_rows / sizeof *home_rows; i++)
        town_row(builder, home_rows[i].query, home_rows[i].values);
}

struct settings *town_settings(const char *text)
{
    char path[] = "/tmp/keyway-town-XXXXXX";
    struct diagnostics diagnostics = {0};
    int file = mkstemp(path);
    cr_assert(file >= 0);
    cr_assert(write(file, text, strlen(text)) == (ssize_t) strlen(text));
    close(file);
    struct settings *settings = settings_load(path, &diagnostics);
    unlink(path);
    cr_assert(settings, "%s", diagnostics.count ? diagnostics.entries[0].text : "not loaded");
    diagnostics_free(&diagnostics);
    return settings;
}

static const char *const tables = "[table app.users]\nkeyspace = username\nkey = username\n"
                                  "[table app.posts]\nkeyspace = username\nkey = username\n"
                                  "[table app.planned]\nkeyspace = username\nkey = username\n"
                                  "[table app.countries]\nreference = yes\n";

static const char *const one_shard = "[shard a]\nconninfo = host=127.0.0.1\n"
                                     "[database app]\nshards = a\n"
                                     "[keyspace app.username]\ntype = text\nmethod = range\n"
                                     "range = a [-infinity, +infinity)\n";

static const char *const two_shards = "[shard a]\nconninfo = host=127.0.0.1\n"
                                      "[shard b]\nconninfo = host=127.0.0.1 port=5433\n"
                                      "[database app]\nshards = a, b\n"
                                      "[keyspace app.username]\ntype = text\nmethod = range\n"
                                      "range = a [-infinity, n)\nrange = b [n, +infinity)\n";

struct routing *town_routing(int shard_count)
{
    char text[2048];
    struct error error = {0};
    struct catalog *catalogs[2];
    snprintf(text, sizeof text, "[keyway]\nauth_method = trust\n%s%s",
             shard_count == 1 ? one_shard : two_shards, tables);
    struct settings *settings = town_settings(text);
    for (int shard = 0; shard < shard_count; shard++) {
        struct catalog_builder *builder = catalog_builder_new();
        town_shared_rows(builder);
        if (shard == 0)
            town_home_rows(builder);
        catalogs[shard] = catalog_finish(builder);
    }
    struct routing *routing = routing_build(settings, &settings->databases[0], catalogs, &error);
    cr_assert(routing, "%s", error.message);
    settings_release(settings);
    return routing;
}
