/*
 * Configuration files: what they say, the sample, and SHOW CONFIG.
 */
#include "tests/unit/settings_files.h"

TestSuite(settings, .init = make_folder, .fini = remove_folder);

/* ---- what files say ---- */

Test(settings, defaults_are_those_of_the_table)
{
    struct settings *settings = accepted(BASE);
    cr_assert(eq(str, (char *) settings->listen, "127.0.0.1:6432"));
    cr_assert(eq(i64, settings->workers, 0));
    cr_assert(eq(i64, settings->max_client_conn, 10000));
    cr_assert(eq(dbl, settings->query_wait_timeout, 120));
    cr_assert(eq(i64, settings->max_packet_size, 1024 * 1024 * 1024));
    cr_assert(settings->admin_users == NULL);
    cr_assert(settings->log_connections);
    cr_assert(eq(int, settings->auth_method, AUTH_SCRAM_SHA_256));
    cr_assert(eq(int, settings->client_tls_sslmode, TLS_OFF));
    cr_assert(eq(int, settings->pool_mode, POOL_TRANSACTION));
    cr_assert(eq(int, settings->io, IO_AUTO));
    cr_assert(eq(sz, settings->address_count, 1));
    cr_assert(eq(str, (char *) settings->addresses[0].host, "127.0.0.1"));
    cr_assert(eq(str, (char *) settings->addresses[0].port, "6432"));
    settings_release(settings);
}

Test(settings, values_are_read_with_their_units)
{
    struct settings *settings =
        accepted("[keyway]\n"
                 "workers = 3\nquery_timeout = 500ms\nserver_idle_timeout=5min\n"
                 "server_lifetime = 1h\nclient_idle_timeout: 1d\nclient_login_timeout = 1.5\n"
                 "query_wait_timeout = 30s\nmax_packet_size = 16MB\nlog_connections = off\n"
                 "shutdown_timeout = 2 min\nserver_reset_query =\npool_mode = session\n" BASE);
    cr_assert(eq(i64, settings->workers, 3));
    cr_assert(eq(dbl, settings->query_timeout, 0.5));
    cr_assert(eq(dbl, settings->server_idle_timeout, 300));
    cr_assert(eq(dbl, settings->server_lifetime, 3600));
    cr_assert(eq(dbl, settings->client_idle_timeout, 86400));
    cr_assert(eq(dbl, settings->client_login_timeout, 1.5));
    cr_assert(eq(dbl, settings->query_wait_timeout, 30));
    cr_assert(eq(i64, settings->max_packet_size, 16 * 1024 * 1024));
    cr_assert(not(settings->log_connections));
    cr_assert(eq(dbl, settings->shutdown_timeout, 120));
    cr_assert(settings->server_reset_query == NULL);
    cr_assert(eq(int, settings->databases[0].pool_mode, POOL_SESSION));
    settings_release(settings);
}

Test(settings, listen_takes_several_addresses)
{
    struct settings *settings = accepted("[keyway]\nlisten = *:1, [::1]:2 ,localhost:65535 ; three\n" BASE);
    cr_assert(eq(sz, settings->address_count, 3));
    cr_assert(settings->addresses[0].host == NULL);
    cr_assert(eq(str, (char *) settings->addresses[1].host, "::1"));
    cr_assert(eq(str, (char *) settings->addresses[2].host, "localhost"));
    cr_assert(eq(str, (char *) settings->addresses[2].port, "65535"));
    settings_release(settings);
}

Test(settings, a_database_takes_over_what_keyway_says_unless_it_says_otherwise)
{
    struct settings *settings =
        accepted("[database b]\nshards = x\npool_mode = statement\npool_size = 3\n"
                 "min_pool_size = 2\nreserve_pool_size = 1\nmulti_shard_commit = best_effort\n"
                 "dbname = Real\n[database a]\nshards = x\n[shard x]\nconninfo = host=h\n"
                 "[keyway]\npool_size = 7\nmin_pool_size = 5\nreserve_pool_size = 4\n");
    const struct database_settings *a = settings_database(settings, "a"),
                                   *b = settings_database(settings, "b");
    cr_assert(a && b);
    cr_assert(eq(i64, a->pool_size, 7));
    cr_assert(eq(i64, a->min_pool_size, 5));
    cr_assert(eq(i64, a->reserve_pool_size, 4));
    cr_assert(eq(int, a->pool_mode, POOL_TRANSACTION));
    cr_assert(eq(int, a->multi_shard_commit, COMMIT_REFUSE));
    cr_assert(a->dbname == NULL);
    cr_assert(eq(i64, b->pool_size, 3));
    cr_assert(eq(i64, b->min_pool_size, 2));
    cr_assert(eq(i64, b->reserve_pool_size, 1));
    cr_assert(eq(int, b->pool_mode, POOL_STATEMENT));
    cr_assert(eq(int, b->multi_shard_commit, COMMIT_BEST_EFFORT));
    cr_assert(eq(str, (char *) b->dbname, "Real"));
    cr_assert(settings_database(settings, "c") == NULL);
    settings_release(settings);
}

Test(settings, shards_of_a_database_are_numbered_in_its_own_order)
{
    struct settings *settings = accepted(BASE "[database back]\nshards = west, east\n"
                                              "[keyspace back.k]\ntype = int\nmethod = range\n"
                                              "range = west [-infinity, 0)\nrange = east [0, +infinity)\n");
    const struct database_settings *back = settings_database(settings, "back");
    cr_assert(eq(int, back->shards[0], 1));
    cr_assert(eq(int, back->shards[1], 0));
    cr_assert(eq(int, back->keyspaces[0].ranges[0].shard, 0));
    cr_assert(eq(int, back->keyspaces[0].ranges[1].shard, 1));
    settings_release(settings);
}

/* Wherever it is written. */
Test(settings, a_workspace_is_the_first_shard)
{
    static const char *const orders[] = {"workspace = scratch\nshards = west, east\n", "shards = west, east\nworkspace = Scratch\n"};
    for (int i = 0; i < 2; i++) {
        char text[300];
        snprintf(text, sizeof text, "%s", BASE "[shard scratch]\nconninfo = host=s\n[database back]\n");
        strcat(text, orders[i]);
        strcat(text, "[keyspace back.k]\ntype = int\nmethod = hash\nshards = west, east\n");
        struct settings *settings = accepted(text);
        const struct database_settings *back = settings_database(settings, "back");
        cr_assert(eq(sz, back->shard_count, 3));
        cr_assert(back->has_workspace);
        cr_assert(eq(int, back->shards[0], 2));
        cr_assert(eq(int, back->shards[1], 1));
        cr_assert(eq(int, back->keyspaces[0].shards[0], 1));
        cr_assert(eq(int, back->keyspaces[0].shards[1], 2));
        settings_release(settings);
    }
}

Test(settings, sections_may_stand_in_any_order)
{
    struct settings *settings =
        accepted("[table app.t]\nkeyspace = k\nkey = id\n"
                 "[keyspace app.k]\nmethod = hash\ntype = bigint\nshards = west, east\n" BASE);
    const struct database_settings *app = settings_database(settings, "app");
    cr_assert(eq(sz, app->table_count, 1));
    cr_assert(eq(int, app->tables[0].keyspace, 0));
    cr_assert(eq(str, (char *) app->tables[0].schema, "public"));
    cr_assert(eq(sz, app->keyspaces[0].shard_count, 2));
    cr_assert(eq(int, app->keyspaces[0].shards[0], 1));
    cr_assert(eq(int, app->keyspaces[0].slots, 1024));
    settings_release(settings);
}

Test(settings, bounds_are_words_strings_tuples_or_infinite)
{
    struct settings *settings =
        accepted(BASE "[keyspace app.k]\ntype = text\nmethod = range\ngaps = yes\n"
                      "range = east [-infinity, 'a;b')\n"
                      "range = east ['a;b','O''Hara ;x' )  ; a comment with 'quotes'\n"
                      "range = \"east\" [ 'it;s' , '-infinity')\n"
                      "range = west [-12.5, 2024-01-01)\n"
                      "range = west [('de, )', 100), (Fr, -1))\n"
                      "range=west [z,Infinity)\n");
    const struct range_settings *ranges = settings->databases[0].keyspaces[0].ranges;
    cr_assert(eq(sz, settings->databases[0].keyspaces[0].range_count, 6));
    cr_assert(settings->databases[0].keyspaces[0].allow_gaps);
    cr_assert(ranges[0].lower == NULL);
    cr_assert(eq(str, (char *) ranges[0].upper, "a;b"));
    cr_assert(eq(int, ranges[0].line, 11));
    cr_assert(eq(str, (char *) ranges[1].lower, "a;b"));
    cr_assert(eq(str, (char *) ranges[1].upper, "O'Hara ;x"));
    cr_assert(eq(str, (char *) ranges[2].upper, "-infinity"));
    cr_assert(eq(str, (char *) ranges[3].lower, "-12.5"));
    cr_assert(eq(str, (char *) ranges[3].upper, "2024-01-01"));
    cr_assert(eq(str, (char *) ranges[4].lower, "('de, )', 100)"));
    cr_assert(eq(str, (char *) ranges[4].upper, "(Fr, -1)"));
    cr_assert(eq(int, ranges[4].shard, 1));
    cr_assert(ranges[5].upper == NULL);
    settings_release(settings);
}

Test(settings, lists_name_values)
{
    struct settings *settings = accepted(BASE "[keyspace app.k]\ntype = text\nmethod = list\n"
                                              "list = east ('de', at, 42)\nlist = west ('null', 'x '';y')\n");
    const struct keyspace_settings *keyspace = &settings->databases[0].keyspaces[0];
    cr_assert(eq(sz, keyspace->list_count, 2));
    cr_assert(eq(sz, keyspace->lists[0].value_count, 3));
    cr_assert(eq(str, (char *) keyspace->lists[0].values[0], "de"));
    cr_assert(eq(str, (char *) keyspace->lists[0].values[1], "at"));
    cr_assert(eq(str, (char *) keyspace->lists[0].values[2], "42"));
    cr_assert(eq(str, (char *) keyspace->lists[1].values[0], "null"));
    cr_assert(eq(str, (char *) keyspace->lists[1].values[1], "x ';y"));
    cr_assert(eq(int, keyspace->lists[1].shard, 1));
    cr_assert(eq(int, keyspace->lists[1].line, 11));
    settings_release(settings);
}

Test(settings, a_hash_keyspace_may_name_runs_of_slots)
{
    struct settings *settings = accepted(BASE "[keyspace app.k]\ntype = uuid\nmethod = hash\nslots = 512\n"
                                              "range = east [0, 300)\nrange = west [300, 512)\n");
    const struct keyspace_settings *keyspace = &settings->databases[0].keyspaces[0];
    cr_assert(eq(int, keyspace->slots, 512));
    cr_assert(eq(sz, keyspace->shard_count, 0));
    cr_assert(eq(sz, keyspace->range_count, 2));
    cr_assert(eq(str, (char *) keyspace->ranges[1].upper, "512"));
    settings_release(settings);
}

Test(settings, names_are_folded_unless_quoted)
{
    struct settings *settings =
        accepted("[shard East]\nconninfo = host=a\n[database \"App.One\"]\nshards = EAST\n"
                 "[keyspace \"App.One\".K]\ntype = int, text\nmethod = hash\nshards = \"east\"\n"
                 "[table \"App.One\".Sales.\"My ]\"\"T ;x\"] ; \"quoted\n"
                 "keyspace = k\nkey = Id, \"Second, Part\"\ntriggers = local\n");
    const struct database_settings *database = settings_database(settings, "App.One");
    cr_assert(database != NULL);
    const struct table_settings *table = &database->tables[0];
    cr_assert(eq(str, (char *) table->schema, "sales"));
    cr_assert(eq(str, (char *) table->name, "My ]\"T ;x"));
    cr_assert(eq(sz, table->key_count, 2));
    cr_assert(eq(str, (char *) table->key[0], "id"));
    cr_assert(eq(str, (char *) table->key[1], "Second, Part"));
    cr_assert(table->local_triggers);
    settings_release(settings);
}

Test(settings, a_reference_table_has_no_keyspace)
{
    struct settings *settings = accepted(BASE "[table app.countries]\nreference = yes\n");
    const struct table_settings *table = &settings->databases[0].tables[0];
    cr_assert(table->reference);
    cr_assert(eq(int, table->keyspace, -1));
    cr_assert(eq(int, table->line, 7));
    settings_release(settings);
}

Test(settings, a_comment_needs_a_blank_before_it_and_no_quotes_around_it)
{
    struct settings *settings = accepted("# one\n; two\n  [keyway] ; three\n"
                                         "  log_file = /a;b ; it's four\n"
                                         "\tpid_file = 'c ;d'\n"
                                         "server_reset_query = SELECT ' ;'; DISCARD ALL ; five\n"
                                         "stats_users = ; nobody\n" BASE);
    cr_assert(eq(str, (char *) settings->log_file, "/a;b"));
    cr_assert(strcmp(settings->pid_file + strlen(settings->pid_file) - 5, "/c ;d") == 0);
    cr_assert(eq(str, (char *) settings->server_reset_query, "SELECT ' ;'; DISCARD ALL"));
    cr_assert(settings->stats_users == NULL);
    settings_release(settings);
}

Test(settings, conninfo_keeps_libpqs_own_quoting)
{
    struct settings *settings =
        accepted("[shard a]\nconninfo = host=h password='it\\'s ;not' user=u ; comment\n"
                 "[database d]\nshards = a\n");
    cr_assert(eq(str, (char *) settings->shards[0].conninfo, "host=h password='it\\'s ;not' user=u"));
    settings_release(settings);
}

Test(settings, a_uri_becomes_keywords_and_values)
{
    struct settings *settings = accepted("[shard a]\nconninfo = postgresql://u:p%27w@h:5501/app\n"
                                         "[database d]\nshards = a\n");
    const char *conninfo = settings->shards[0].conninfo;
    cr_assert(strstr(conninfo, "host='h'") && strstr(conninfo, "port='5501'") &&
              strstr(conninfo, "dbname='app'"));
    cr_assert(strstr(conninfo, "password='p\\'w'") != NULL);
    settings_release(settings);
}

Test(settings, lines_of_any_length_are_read_whole)
{
    static char text[20000], value[8000];
    memset(value, 'x', sizeof(value) - 1);
    snprintf(text, sizeof(text),
             "[shard a]\nconninfo = host=h application_name=%s port=1\n[database d]\nshards = a\n", value);
    struct settings *settings = accepted(text);
    cr_assert(eq(sz, strlen(settings->shards[0].conninfo), strlen("host=h application_name= port=1") + 7999));
    settings_release(settings);
}

Test(settings, windows_line_ends_and_a_byte_order_mark_are_no_matter)
{
    struct settings *settings =
        accepted("\xef\xbb\xbf[shard a]\r\nconninfo = host=h\r\n[database d]\r\nshards = a");
    cr_assert(eq(str, (char *) settings->shards[0].conninfo, "host=h"));
    settings_release(settings);
}

Test(settings, files_are_relative_to_the_configurations_folder)
{
    char expected[128];
    write_file("users.txt", "");
    struct settings *settings =
        accepted("[keyway]\nauth_file = users.txt\nlog_file = /var/log/keyway.log\n" BASE);
    file_in_folder(expected, sizeof(expected), "users.txt");
    cr_assert(eq(str, (char *) settings->auth_file, expected));
    cr_assert(eq(str, (char *) settings->log_file, "/var/log/keyway.log"));
    settings_release(settings);
}

#define SCRAM                                                                                                \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"              \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

Test(settings, users_come_from_sections_and_from_auth_file)
{
    write_file("users.txt",
               "; names\n# and secrets\n\n\"zoe\" \"plain \"\"pw\"\"\"\n  \"amy\"\t\"" SCRAM "\"\n"
               "\"Ops Team\" \"\" \"ignored\"\n");
    struct settings *settings =
        accepted("[keyway]\nauth_file = users.txt\nauth_method = md5\n"
                 "[user zoe]\npool_mode = session\npool_size = 2\nmax_user_connections = 9\n"
                 "user = Boss\npassword = 'a ;b'\n[user bob]\n" BASE);
    cr_assert(eq(sz, settings->user_count, 4));
    const struct user_settings *zoe = settings_user(settings, "zoe");
    cr_assert(eq(str, (char *) zoe->secret, "plain \"pw\""));
    cr_assert(zoe->has_pool_mode && zoe->has_pool_size);
    cr_assert(eq(int, zoe->pool_mode, POOL_SESSION));
    cr_assert(eq(i64, zoe->pool_size, 2));
    cr_assert(eq(i64, zoe->max_user_connections, 9));
    cr_assert(eq(str, (char *) zoe->server_user, "Boss"));
    cr_assert(eq(str, (char *) zoe->server_password, "a ;b"));
    cr_assert(eq(int, zoe->line, 4));
    cr_assert(eq(str, (char *) settings_user(settings, "amy")->secret, SCRAM));
    cr_assert(not(settings_user(settings, "amy")->has_pool_mode));
    cr_assert(settings_user(settings, "bob")->secret == NULL);
    cr_assert(settings_user(settings, "Ops Team")->secret == NULL);
    cr_assert(settings_user(settings, "ops team") == NULL);
    settings_release(settings);
}

Test(settings, logins_need_shards_and_a_user_of_them_only)
{
    write_file("users.txt", "\"amy\" \"secret\"\n\"bob\" \"word\"\n");
    struct settings *all = accepted("[keyway]\nauth_file = users.txt\nauth_method = md5\nserver_connect_timeout = 7\n[user amy]\nuser = Boss\n" BASE);
    const struct database_settings *database = &all->databases[0];
    const struct shard_settings *last = &all->shards[database->shards[database->shard_count - 1]];
    struct settings *few = settings_for_logins(all, database, "amy");
    cr_assert(eq(sz, few->database_count, 1));
    cr_assert(eq(str, (char *) few->databases[0].name, (char *) database->name));
    cr_assert(eq(sz, few->databases[0].keyspace_count, 0));
    cr_assert(eq(sz, few->databases[0].table_count, 0));
    cr_assert(eq(sz, few->shard_count, database->shard_count));
    cr_assert(eq(str, (char *) few->shards[few->databases[0].shards[few->shard_count - 1]].conninfo, (char *) last->conninfo));
    settings_release(all);
    cr_assert(eq(dbl, few->server_connect_timeout, 7));
    cr_assert(eq(str, (char *) settings_user(few, "amy")->server_user, "Boss"));
    cr_assert(settings_user(few, "bob") == NULL);
    settings_release(few);
}

Test(settings, without_users_nobody_is_found)
{
    struct settings *settings = accepted(BASE);
    cr_assert(settings_user(settings, "zoe") == NULL);
    cr_assert(not(settings_is_admin(settings, "zoe")));
    settings_release(settings);
}

Test(settings, admins_are_also_let_in_to_look)
{
    struct settings *settings =
        accepted("[keyway]\nadmin_users = Admin, \"Ops\"\nstats_users = watch\n" BASE);
    cr_assert(settings_is_admin(settings, "admin") && settings_is_admin(settings, "Ops"));
    cr_assert(not(settings_is_admin(settings, "ops")));
    cr_assert(not(settings_is_admin(settings, "watch")));
    cr_assert(settings_is_stats(settings, "watch") && settings_is_stats(settings, "admin"));
    cr_assert(not(settings_is_stats(settings, "")));
    settings_release(settings);
}

Test(settings, a_snapshot_lives_until_its_last_holder_lets_go)
{
    struct settings *settings = accepted(BASE);
    cr_assert(settings_hold(settings) == settings);
    settings_release(settings);
    cr_assert(eq(str, (char *) settings->databases[0].name, "app"));
    settings_release(settings);
    settings_release(NULL);
}

/* ---- SHOW CONFIG and the sample ---- */

static bool same_rows(const struct settings *left, const struct settings *right)
{
    struct arena arena = {0};
    struct setting_row a, b;
    bool same = true;
    size_t i = 0;
    for (; settings_row(left, i, &arena, &a); i++)
        same = same && settings_row(right, i, &arena, &b) && strcmp(a.key, b.key) == 0 &&
               strcmp(a.value, b.value) == 0;
    same = same && !settings_row(right, i, &arena, &b) && i > 30;
    arena_free(&arena);
    return same;
}

static const char *row_value(const struct settings *settings, const char *key, struct arena *arena)
{
    struct setting_row row;
    for (size_t i = 0; settings_row(settings, i, arena, &row); i++)
        if (strcmp(row.key, key) == 0)
            return row.value;
    return "(no such row)";
}

Test(settings, rows_show_values_as_text)
{
    struct arena arena = {0};
    struct settings *settings =
        accepted("[keyway]\nquery_timeout = 250ms\nmax_packet_size = 1MB\n"
                 "log_connections = no\npool_mode = statement\nauth_method = trust\nio = epoll\n" BASE);
    static const char *const rows[][2] = {
        {"listen", "127.0.0.1:6432"},   {"workers", "auto"},       {"query_timeout", "0.25"},
        {"max_packet_size", "1048576"}, {"log_connections", "no"}, {"admin_users", ""},
        {"pool_mode", "statement"},     {"auth_method", "trust"},  {"client_tls_sslmode", "off"},
        {"io", "epoll"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_assert(eq(str, (char *) row_value(settings, rows[i][0], &arena), (char *) rows[i][1]));
    settings_release(settings);
    arena_free(&arena);
}

static void sample_path(char *buffer, size_t size)
{
    static const char *const variables[] = {"SOURCE_DIR", "srcdir"};
    for (size_t i = 0; i < 2; i++) {
        const char *source = getenv(variables[i]);
        snprintf(buffer, size, "%s/config/keyway.ini", source ? source : ".");
        if (access(buffer, R_OK) == 0)
            return;
    }
    cr_fatal("set SOURCE_DIR to the folder with config/keyway.ini");
}

static struct settings *load_sample(void)
{
    char sample[4096];
    sample_path(sample, sizeof(sample));
    struct settings *settings = settings_load(sample, &diagnostics);
    char *found = reported();
    cr_assert(eq(str, found, ""));
    cr_assert(settings != NULL);
    free(found);
    return settings;
}

Test(settings, the_sample_is_the_demos_configuration)
{
    struct settings *settings = load_sample();
    const struct database_settings *app = settings_database(settings, "app");
    cr_assert(eq(int, settings->auth_method, AUTH_TRUST));
    cr_assert(settings_is_admin(settings, "admin"));
    cr_assert(eq(sz, app->shard_count, 3));
    cr_assert(eq(str, (char *) settings->shards[2].name, "west"));
    cr_assert(eq(int, app->multi_shard_commit, COMMIT_BEST_EFFORT));
    cr_assert(eq(sz, app->keyspaces[0].range_count, 3));
    cr_assert(eq(str, (char *) app->keyspaces[0].ranges[1].lower, "i"));
    cr_assert(eq(str, (char *) app->keyspaces[0].ranges[1].upper, "r"));
    cr_assert(eq(sz, app->table_count, 4));
    cr_assert(eq(str, (char *) app->tables[2].key[0], "follower"));
    cr_assert(app->tables[3].reference);
    settings_release(settings);
}

Test(settings, a_reload_of_the_same_file_makes_an_equal_snapshot)
{
    struct settings *first = load_sample(), *second = load_sample();
    cr_assert(first != second);
    cr_assert(same_rows(first, second));
    cr_assert(eq(sz, first->shard_count, second->shard_count));
    for (size_t i = 0; i < first->shard_count; i++)
        cr_assert(eq(str, (char *) first->shards[i].conninfo, (char *) second->shards[i].conninfo));
    const struct database_settings *a = first->databases, *b = second->databases;
    cr_assert(eq(sz, a->table_count, b->table_count));
    for (size_t i = 0; i < a->table_count; i++)
        cr_assert(eq(str, (char *) a->tables[i].name, (char *) b->tables[i].name));
    settings_release(first);
    settings_release(second);
}

/* The sample with its commented-out defaults, `;name = value`, switched on. */
static char *sample_with_defaults(void)
{
    char sample[4096];
    sample_path(sample, sizeof(sample));
    FILE *in = fopen(sample, "r");
    char *text = NULL, *line = NULL;
    size_t size, capacity = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert(in != NULL);
    while (getline(&line, &capacity, in) >= 0)
        fputs(line[0] == ';' && line[1] >= 'a' && line[1] <= 'z' ? line + 1 : line, out);
    free(line);
    fclose(in);
    fclose(out);
    return text;
}

Test(settings, the_defaults_that_the_sample_tells_are_the_defaults)
{
    char *text = sample_with_defaults();
    struct settings *plain = load_sample(), *explicit = accepted(text);
    cr_assert(same_rows(plain, explicit));
    free(text);
    settings_release(plain);
    settings_release(explicit);
}

Test(settings, the_sample_has_every_setting)
{
    char *text = sample_with_defaults();
    struct settings *settings = load_sample();
    struct arena arena = {0};
    struct setting_row row;
    for (size_t i = 0; settings_row(settings, i, &arena, &row); i++)
        cr_assert(strstr(text, arena_printf(&arena, "\n%s =", row.key)) != NULL, "%s is not in the sample",
                  row.key);
    arena_free(&arena);
    settings_release(settings);
    free(text);
}
