/*
 * Configuration files: what is said of mistakes in them.  A case is a file and the whole of what must be
 * reported of it, each report with its line.
 */
#include "tests/unit/settings_files.h"

TestSuite(settings_mistakes, .init = make_folder, .fini = remove_folder);

Test(settings_mistakes, a_file_that_cannot_be_read_is_reported)
{
    cr_assert(settings_load(path, &diagnostics) == NULL);
    char *found = reported();
    cr_assert(eq(
        str, found,
        "keyway.ini: found no readable file (No such file or directory), expected Keyway's configuration\n"));
    free(found);
    diagnostics_free(&diagnostics);
    cr_assert(settings_load(folder, &diagnostics) == NULL);
    cr_assert(eq(sz, diagnostics.count, 1));
    cr_assert(strstr(diagnostics.entries[0].text, "Is a directory") != NULL);
}

Test(settings_mistakes, an_empty_file_has_no_database)
{
    reports("", "keyway.ini: found no [database NAME] section, expected at least one\n");
}

Test(settings_mistakes, lines_without_meaning_are_reported)
{
    reports("pool_size = 3\nnonsense\n" BASE "what is this\n[shard\n[database x] y\nshards = east\n",
            "keyway.ini:1: found 'pool_size' before any section, expected a [section] first\n"
            "keyway.ini:2: found 'nonsense', expected a [section] or a line of the form name = value\n"
            "keyway.ini:9: found 'what is this', expected a [section] or a line of the form name = value\n"
            "keyway.ini:10: found a section name that is not closed, expected ] at its end\n"
            "keyway.ini:11: found 'y' after the section name, expected nothing more on this line\n"
            "keyway.ini:10: in section [shard]: found nothing more, expected a name, for [shard NAME]\n");
}

Test(settings_mistakes, the_last_line_is_not_forgotten)
{
    reports(BASE "nonsense",
            "keyway.ini:7: found 'nonsense', expected a [section] or a line of the form name = value\n");
}

Test(settings_mistakes, unknown_sections_get_the_nearest_right_name)
{
    reports(
        BASE "[shrad north]\nconninfo = x\n[bogus thing]\n[]\n",
        "keyway.ini:7: found unknown section [shrad north], expected [shard NAME]\n"
        "keyway.ini:9: found unknown section [bogus thing], expected [keyway], [shard NAME], [database "
        "NAME], "
        "[keyspace DATABASE.NAME], [table DATABASE.TABLE] or [table DATABASE.SCHEMA.TABLE] or [user NAME]\n"
        "keyway.ini:10: found unknown section [], expected [keyway], [shard NAME], [database NAME], "
        "[keyspace DATABASE.NAME], [table DATABASE.TABLE] or [table DATABASE.SCHEMA.TABLE] or [user NAME]\n");
}

Test(settings_mistakes, section_names_must_have_their_parts)
{
    reports(
        BASE
        "[table users]\n[keyspace app.a.b]\n[shard a b]\n[user]\n[keyway x]\n[table app.\"x]\n[user \"\"]\n",
        "keyway.ini:12: found a section name that is not closed, expected ] at its end\n"
        "keyway.ini:7: found section [table users], expected [table DATABASE.TABLE] or "
        "[table DATABASE.SCHEMA.TABLE]\n"
        "keyway.ini:8: found section [keyspace app.a.b], expected [keyspace DATABASE.NAME]\n"
        "keyway.ini:9: in section [shard a b]: found 'b', expected nothing more, for [shard NAME]\n"
        "keyway.ini:10: in section [user]: found nothing more, expected a name, for [user NAME]\n"
        "keyway.ini:11: in section [keyway x]: found 'x', expected nothing more, for [keyway]\n"
        "keyway.ini:12: in section [table app.\"x]]: found '\"x]', expected a closing \", for "
        "[table DATABASE.TABLE] or [table DATABASE.SCHEMA.TABLE]\n"
        "keyway.ini:13: in section [user \"\"]: found '\"\"', expected a name, for [user NAME]\n");
}

Test(settings_mistakes, a_name_that_postgresql_would_cut_is_refused)
{
    reports(
        BASE "[user a123456789b123456789c123456789d123456789e123456789f123456789abcd]\n",
        "keyway.ini:7: in section [user a123456789b123456789c123456789d123456789e123456789f123456789abcd]: "
        "found 'a123456789b123456789c123456789d123456789e123456789f123456789…', expected a name of at most "
        "63 "
        "bytes, for [user NAME]\n");
}

Test(settings_mistakes, duplicate_sections_are_reported)
{
    reports(
        BASE "[shard EAST]\nconninfo = host=c\n[keyway]\n[keyway]\n[table app.t]\nreference = yes\n"
             "[table app.public.t]\nreference = yes\n",
        "keyway.ini:7: found section [shard EAST] a second time, expected it once (the first is on line 1)\n"
        "keyway.ini:10: found section [keyway] a second time, expected it once (the first is on line 9)\n"
        "keyway.ini:13: found section [table app.public.t] a second time, expected it once (the first is on "
        "line "
        "11)\n");
}

Test(settings_mistakes, unknown_keys_get_the_nearest_right_name)
{
    reports(
        BASE "pool_sise = 3\nflavour = x\n[keyway]\nquery_timout = 3\n= 4\n[shard c]\nconninfo = "
             "host=c\nport = 3\n",
        "keyway.ini:10: found unknown key 'query_timout' in [keyway], expected 'query_timeout'\n"
        "keyway.ini:11: found unknown key '' in [keyway], expected listen, unix_socket_dir, workers, "
        "worker_load, admin_users, "
        "stats_users, auth_file, log_file, log_connections, log_disconnections, pid_file, max_client_conn, "
        "pool_size, min_pool_size, reserve_pool_size, reserve_pool_timeout, query_timeout, "
        "query_wait_timeout, "
        "idle_transaction_timeout, client_idle_timeout, client_login_timeout, server_connect_timeout, "
        "server_login_retry, server_idle_timeout, server_lifetime, server_reset_query, tcp_keepalive_idle, "
        "max_packet_size, gather_max_bytes, plan_cache_size, client_tls_cert_file, client_tls_key_file, client_tls_ca_file, "
        "shutdown_timeout, auth_method, client_tls_sslmode, pool_mode or io\n"
        "keyway.ini:14: found unknown key 'port' in [shard c], expected conninfo\n"
        "keyway.ini:7: found unknown key 'pool_sise' in [database app], expected 'pool_size'\n"
        "keyway.ini:8: found unknown key 'flavour' in [database app], expected shards, workspace, pool_mode, pool_size, "
        "min_pool_size, reserve_pool_size, multi_shard_commit, float_sums or dbname\n");
}

Test(settings_mistakes, duplicate_keys_are_reported)
{
    reports(BASE
            "shards = east\n[keyspace app.k]\ntype = int\ntype = text\nmethod = range\nrange = east [0, 1)\n"
            "range = east [1, 2)\n",
            "keyway.ini:7: found key 'shards' a second time in [database app], expected it once (the first "
            "is on line "
            "6)\n"
            "keyway.ini:10: found key 'type' a second time in [keyspace app.k], expected it once (the first "
            "is on line "
            "9)\n");
}

Test(settings_mistakes, missing_keys_are_reported)
{
    reports("[shard a]\n[database d]\n[keyspace d.k]\n[table d.t]\n[table d.u]\nkey = id\n[table "
            "d.v]\nkeyspace = k\n"
            "[keyspace d.r]\ntype = int\nmethod = range\n[keyspace d.h]\ntype = int\nmethod = hash\n"
            "[keyspace d.l]\ntype = int\nmethod = list\n",
            "keyway.ini:1: found no key 'conninfo' in [shard a], expected conninfo = host=… port=… dbname=…\n"
            "keyway.ini:2: found no key 'shards' in [database d], expected shards = NAME, NAME, …\n"
            "keyway.ini:3: found no key 'type' in [keyspace d.k], expected a type such as type = text\n"
            "keyway.ini:3: found no key 'method' in [keyspace d.k], expected method = range, hash or list\n"
            "keyway.ini:9: found no key 'range' in [keyspace d.r], expected range = SHARD [LOWER, UPPER)\n"
            "keyway.ini:12: found neither 'shards' nor 'range' in [keyspace d.h], expected shards = NAME, … "
            "or range = "
            "SHARD [0, 300)\n"
            "keyway.ini:15: found no key 'list' in [keyspace d.l], expected list = SHARD (VALUE, …)\n"
            "keyway.ini:4: found neither a keyspace nor a reference table in [table d.t], expected keyspace "
            "= NAME and "
            "key = COLUMN, or reference = yes\n"
            "keyway.ini:5: found no key 'keyspace' in [table d.u], expected keyspace = NAME\n"
            "keyway.ini:7: found no key 'key' in [table d.v], expected key = COLUMN, …\n");
}

Test(settings_mistakes, unknown_names_are_reported_with_the_nearest)
{
    reports(BASE "[shard north]\nconninfo = host=n\n[database b]\nshards = easy, south, west\n"
                 "[keyspace app.kind]\ntype = int\nmethod = hash\nshards = wets, north\n"
                 "[keyspace ap.k]\ntype = int\nmethod = hash\nshards = east\n"
                 "[table app.t]\nkeyspace = knid\nkey = id\n[table b.t]\nkeyspace = k\nkey = id\n"
                 "[table c.t]\nreference = yes\n",
            "keyway.ini:10: shards: found unknown shard 'easy', expected 'east'\n"
            "keyway.ini:10: shards: found unknown shard 'south', expected east, west or north\n"
            "keyway.ini:14: shards: found unknown shard 'wets', expected 'west'\n"
            "keyway.ini:14: shards: found shard 'north', which database 'app' does not have, expected east "
            "or west\n"
            "keyway.ini:15: found [keyspace ap.k], but there is no [database ap], expected it to exist\n"
            "keyway.ini:20: keyspace: found unknown keyspace 'knid', expected 'kind'\n"
            "keyway.ini:23: keyspace: found unknown keyspace 'k', expected a section [keyspace b.k]\n"
            "keyway.ini:25: found [table c.t], but there is no [database c], expected it to exist\n");
}

Test(settings_mistakes, shards_listed_twice_are_reported)
{
    reports(BASE "[database b]\nshards = east, west, EAST\n[keyspace app.k]\ntype = int\nmethod = hash\n"
                 "shards = west, west\n",
            "keyway.ini:8: shards: found 'east' twice, expected each shard once\n"
            "keyway.ini:12: shards: found 'west' twice, expected each shard once\n");
}

Test(settings_mistakes, a_workspace_that_is_a_shard_or_has_keys_is_reported)
{
    reports(BASE "[database b]\nshards = east\nworkspace = west\n[keyspace b.k]\ntype = int\nmethod = hash\nshards = east, west\n"
                 "[database c]\nshards = east, west\nworkspace = west\n[database d]\nworkspace = wets\nshards = east\n",
            "keyway.ini:16: workspace: found 'west', which is among the shards, expected one that is not\n"
            "keyway.ini:18: workspace: found unknown shard 'wets', expected 'west'\n"
            "keyway.ini:13: shards: found shard 'west', which is the workspace of database 'b' and has no keys, expected east\n");
}

Test(settings_mistakes, two_shards_at_one_place_are_reported)
{
    reports("[shard a]\nconninfo = host=h port=1 dbname=x\n[shard b]\nconninfo = port=1 dbname='x' host=h\n"
            "[shard c]\nconninfo = host=h port=1 dbname=y\n[database d]\nshards = a, b, c\n"
            "[database e]\nshards = a, c\n[database f]\nshards = c, a\ndbname = z\n",
            "keyway.ini:8: shards: found 'a' and 'b' with the same conninfo, expected each shard at its own "
            "place\n"
            "keyway.ini:12: shards: found 'c' and 'a' with the same conninfo, expected each shard at its own "
            "place\n");
}

Test(settings_mistakes, a_conninfo_that_libpq_refuses_is_reported)
{
    reports(
        "[shard a]\nconninfo = hots=h\n[shard b]\nconninfo = host\n[shard c]\nconninfo =\n"
        "[database d]\nshards = a, b, c\n",
        "keyway.ini:2: conninfo: found what libpq refuses (invalid connection option \"hots\"), expected "
        "host=… "
        "port=… dbname=…\n"
        "keyway.ini:4: conninfo: found what libpq refuses (missing \"=\" after \"host\" in connection info "
        "string), expected host=… port=… dbname=…\n"
        "keyway.ini:6: conninfo: found nothing, expected host=… port=… dbname=…\n");
}

Test(settings_mistakes, too_many_shards_are_reported)
{
    struct arena arena = {0};
    char *text = arena_strdup(&arena, ""), *list = text;
    for (int i = 0; i <= SETTINGS_MAX_SHARDS; i++) {
        text = arena_printf(&arena, "%s[shard s%d]\nconninfo = host=h%d\n", text, i, i);
        list = arena_printf(&arena, "%s%ss%d", list, i ? "," : "", i);
    }
    reports(arena_printf(&arena, "%s[database d]\nshards = %s\n", text, list),
            "keyway.ini:516: shards: found 257 shards, expected at most 256\n");
    arena_free(&arena);
}

Test(settings_mistakes, bad_numbers_durations_sizes_and_words_are_reported)
{
    reports(
        "[keyway]\npool_size = many\nmax_client_conn = 0\nworkers = 0\nmin_pool_size = -1\nplan_cache_size = "
        "1e9\n"
        "query_timeout = 5 parsecs\nclient_idle_timeout = -1\nserver_lifetime = .5\nserver_idle_timeout = "
        "9999d\n"
        "max_packet_size = 2GB\nlog_connections = maybe\npool_mode = sesion\nauth_method = kerberos\n"
        "client_tls_sslmode = disable\nreserve_pool_size = 99999999999999999999\ntcp_keepalive_idle =\n" BASE,
        "keyway.ini:2: pool_size: found 'many', expected a whole number of connections from 1 to 1000000000\n"
        "keyway.ini:3: max_client_conn: found '0', expected a whole number of clients from 1 to 1000000000\n"
        "keyway.ini:4: workers: found '0', expected auto or a whole number of threads from 1 to 1024\n"
        "keyway.ini:5: min_pool_size: found '-1', expected a whole number of connections from 0 to "
        "1000000000\n"
        "keyway.ini:6: plan_cache_size: found '1e9', expected a whole number of plans from 0 to 1000000000\n"
        "keyway.ini:7: query_timeout: found '5 parsecs', expected a duration such as 500ms, 30s, 5min, 1h or "
        "1d, at "
        "most 3650d\n"
        "keyway.ini:8: client_idle_timeout: found '-1', expected a duration such as 500ms, 30s, 5min, 1h or "
        "1d, at "
        "most 3650d\n"
        "keyway.ini:9: server_lifetime: found '.5', expected a duration such as 500ms, 30s, 5min, 1h or 1d, "
        "at most "
        "3650d\n"
        "keyway.ini:10: server_idle_timeout: found '9999d', expected a duration such as 500ms, 30s, 5min, 1h "
        "or 1d, "
        "at most 3650d\n"
        "keyway.ini:11: max_packet_size: found '2GB', expected a size such as 16kB, 4MB or 1GB, from 1024 to "
        "1073741824 bytes\n"
        "keyway.ini:12: log_connections: found 'maybe', expected yes or no\n"
        "keyway.ini:13: pool_mode: found 'sesion', expected session, transaction or statement\n"
        "keyway.ini:14: auth_method: found 'kerberos', expected trust, password, md5, scram-sha-256 or cert\n"
        "keyway.ini:15: client_tls_sslmode: found 'disable', expected off, allow, prefer, require, verify-ca "
        "or "
        "verify-full\n"
        "keyway.ini:16: reserve_pool_size: found '99999999999999999999', expected a whole number of "
        "connections "
        "from 0 to 1000000000\n"
        "keyway.ini:17: tcp_keepalive_idle: found nothing, expected a duration such as 500ms, 30s, 5min, 1h "
        "or 1d, "
        "at most 3650d\n");
}

Test(settings_mistakes, bad_values_of_other_sections_are_reported)
{
    reports(BASE
            "pool_mode = x\npool_size = 0\nmin_pool_size = x\nreserve_pool_size = x\nmulti_shard_commit = x\nfloat_sums = x\n"
            "dbname =\n[keyspace app.k]\ntype =\nmethod = x\nslots = 0\ngaps = x\n"
            "[user u]\npool_mode = x\npool_size = 0\nmax_user_connections = x\nuser =\npassword =\n"
            "[table app.t]\nreference = x\ntriggers = all\n",
            "keyway.ini:7: pool_mode: found 'x', expected session, transaction or statement\n"
            "keyway.ini:8: pool_size: found '0', expected a whole number from 1 to 1000000000\n"
            "keyway.ini:9: min_pool_size: found 'x', expected a whole number from 0 to 1000000000\n"
            "keyway.ini:10: reserve_pool_size: found 'x', expected a whole number from 0 to 1000000000\n"
            "keyway.ini:11: multi_shard_commit: found 'x', expected refuse or best_effort\n"
            "keyway.ini:12: float_sums: found 'x', expected refuse or any_order\n"
            "keyway.ini:13: dbname: found nothing, expected the database's name at the shards\n"
            "keyway.ini:20: pool_mode: found 'x', expected session, transaction or statement\n"
            "keyway.ini:21: pool_size: found '0', expected a whole number from 1 to 1000000000\n"
            "keyway.ini:22: max_user_connections: found 'x', expected a whole number from 0 to 1000000000\n"
            "keyway.ini:23: user: found nothing, expected the user's name at the shards\n"
            "keyway.ini:24: password: found nothing, expected the user's password at the shards\n"
            "keyway.ini:15: type: found nothing, expected a type such as text or bigint\n"
            "keyway.ini:16: method: found 'x', expected range, hash or list\n"
            "keyway.ini:17: slots: found '0', expected a whole number from 1 to 65536\n"
            "keyway.ini:18: gaps: found 'x', expected yes or no\n"
            "keyway.ini:26: reference: found 'x', expected yes or no\n"
            "keyway.ini:27: triggers: found 'all', expected local\n"
            "keyway.ini:25: found neither a keyspace nor a reference table in [table app.t], expected "
            "keyspace = NAME "
            "and key = COLUMN, or reference = yes\n");
}

Test(settings_mistakes, two_phase_commit_is_not_there_yet)
{
    reports(
        BASE "multi_shard_commit = two_phase\n",
        "keyway.ini:7: multi_shard_commit: found 'two_phase', which is not yet available, expected refuse or "
        "best_effort\n");
}

Test(settings_mistakes, bad_addresses_are_reported)
{
    reports("[keyway]\nlisten = localhost, :1, ::1:5, [x]:5, a:0, b:1, b:1, c:65536\n" BASE,
            "keyway.ini:2: listen: found 'localhost', expected host:port with a port from 1 to 65535\n"
            "keyway.ini:2: listen: found ':1', expected host:port, where * as host is every address\n"
            "keyway.ini:2: listen: found '::1:5', expected an IPv6 address in brackets, as in [::1]:6432\n"
            "keyway.ini:2: listen: found '[x]:5', expected an IPv6 address between [ and ]\n"
            "keyway.ini:2: listen: found 'a:0', expected host:port with a port from 1 to 65535\n"
            "keyway.ini:2: listen: found 'b:1' twice, expected each address once\n"
            "keyway.ini:2: listen: found 'c:65536', expected host:port with a port from 1 to 65535\n");
    reports("[keyway]\nlisten =\n" BASE,
            "keyway.ini:2: listen: found nothing, expected at least one host:port\n");
}

Test(settings_mistakes, bad_lists_of_users_are_reported)
{
    reports("[keyway]\nadmin_users = a b\nstats_users = a,\n" BASE,
            "keyway.ini:2: admin_users: found 'b', expected nothing more\n"
            "keyway.ini:3: stats_users: found nothing more, expected a user's name\n");
}

Test(settings_mistakes, bad_ranges_are_reported)
{
    reports(
        BASE "[keyspace app.k]\ntype = text\nmethod = range\n"
             "range = east (a, b)\nrange = east [a, b]\nrange = east [a b, c)\nrange = east ['a, b)\n"
             "range = [a, b)\nrange = east [a)\nrange = east [+infinity, b)\nrange = east [a, -infinity)\n"
             "range = east [null, b)\nrange = east [(1, 2), (3)\nrange = east [a, b) c\nrange =\n"
             "range = south [a, b)\nrange = east [, b)\n",
        "keyway.ini:10: range: found '(a, b)', expected [ and the lower bound, which the range includes\n"
        "keyway.ini:11: range: found ']', expected ) after the upper bound, which the range excludes\n"
        "keyway.ini:12: range: found 'b, c)', expected a comma and the upper bound\n"
        "keyway.ini:13: range: found ''a, b)', expected a closing '\n"
        "keyway.ini:14: range: found '[a, b)', expected a shard's name\n"
        "keyway.ini:15: range: found ')', expected a comma and the upper bound\n"
        "keyway.ini:16: range: found +infinity as the lower bound, expected a value or -infinity\n"
        "keyway.ini:17: range: found -infinity as the upper bound, expected a value or +infinity\n"
        "keyway.ini:18: range: found NULL as a bound, expected a value (the word null is written 'null')\n"
        "keyway.ini:19: range: found nothing more, expected ) after the upper bound, which the range "
        "excludes\n"
        "keyway.ini:20: range: found 'c', expected nothing more\n"
        "keyway.ini:21: range: found nothing more, expected a shard's name\n"
        "keyway.ini:22: range: found unknown shard 'south', expected east or west\n"
        "keyway.ini:23: range: found ', b)', expected a value, quoted as '…' unless it is a word or a "
        "number\n");
}

Test(settings_mistakes, bad_lists_are_reported)
{
    reports(
        BASE "[keyspace app.k]\ntype = text\nmethod = list\n"
             "list = east (NULL, a)\nlist = east ()\nlist = east a\nlist = east (a b)\nlist = east (a) b\n"
             "list = east (a,)\n",
        "keyway.ini:10: list: found NULL, expected values only: a key is never NULL (the word null is "
        "written "
        "'null')\n"
        "keyway.ini:11: list: found ')', expected a value, quoted as '…' unless it is a word or a number\n"
        "keyway.ini:12: list: found 'a', expected ( and the values that live there\n"
        "keyway.ini:13: list: found 'b)', expected a comma or )\n"
        "keyway.ini:14: list: found 'b', expected nothing more\n"
        "keyway.ini:15: list: found ')', expected a value, quoted as '…' unless it is a word or a number\n");
}

Test(settings_mistakes, keys_that_do_not_fit_the_method_are_reported)
{
    reports(
        BASE
        "[keyspace app.r]\ntype = int\nmethod = range\nrange = east [0, 1)\nlist = east (1)\nslots = 5\n"
        "shards = east\n"
        "[keyspace app.l]\ntype = int\nmethod = list\nlist = east (1)\nrange = east [0, 1)\ngaps = yes\n"
        "[keyspace app.h]\ntype = int\nmethod = hash\nshards = east, west\nrange = east [0, 1)\nslots = 1\n",
        "keyway.ini:11: found 'list' in a keyspace with method = range, expected it only with method = list\n"
        "keyway.ini:12: found 'slots' in a keyspace with method = range, expected it only with method = "
        "hash\n"
        "keyway.ini:13: found 'shards' in a keyspace with method = range, expected it only with method = "
        "hash\n"
        "keyway.ini:18: found 'range' in a keyspace with method = list, expected it only with method = range "
        "or "
        "hash\n"
        "keyway.ini:19: found 'gaps' in a keyspace with method = list, expected it only with method = range\n"
        "keyway.ini:24: found both 'shards' and 'range' in [keyspace app.h], expected one of them\n"
        "keyway.ini:25: slots: found 1 slots for 2 shards, expected at least one slot for each\n");
}

Test(settings_mistakes, tables_that_contradict_themselves_are_reported)
{
    reports(
        BASE "[keyspace app.k]\ntype = int, numeric(10,2)\nmethod = hash\nshards = east\n"
             "[table app.a]\nreference = yes\nkeyspace = k\nkey = x\n"
             "[table app.b]\nkeyspace = k\nkey = x\n"
             "[table app.c]\nkeyspace = k\nkey = x, y, x\n"
             "[table app.d]\nkeyspace = k.k\nkey = x, y\n",
        "keyway.ini:13: found 'keyspace' in [table app.a], which is a reference table, expected one or the "
        "other\n"
        "keyway.ini:14: found 'key' in [table app.a], which is a reference table, expected one or the other\n"
        "keyway.ini:17: key: found 1 column, expected 2, because keyspace 'k' has type = int, numeric(10,2)\n"
        "keyway.ini:20: key: found column 'x' twice, expected each column once\n"
        "keyway.ini:20: key: found 3 columns, expected 2, because keyspace 'k' has type = int, "
        "numeric(10,2)\n"
        "keyway.ini:22: keyspace: found '.k', expected nothing more\n");
}

Test(settings_mistakes, the_consoles_name_is_taken)
{
    reports("[shard a]\nconninfo = host=a\n[database Keyway]\nshards = a\n",
            "keyway.ini:3: found [database keyway], expected another name: keyway is the admin console\n");
}

Test(settings_mistakes, a_minimum_above_the_maximum_is_reported)
{
    reports("[keyway]\npool_size = 3\nmin_pool_size = 4\n[database a]\nshards = x\npool_size = 2\n"
            "[shard x]\nconninfo = host=x\n",
            "keyway.ini:3: min_pool_size: found 4, expected at most pool_size, which is 3\n"
            "keyway.ini:4: min_pool_size: found 4, expected at most pool_size, which is 2\n");
}

Test(settings_mistakes, tls_needs_its_files)
{
    reports("[keyway]\nclient_tls_sslmode = require\n" BASE,
            "keyway.ini:2: found client_tls_sslmode = require without client_tls_cert_file, expected "
            "client_tls_cert_file to name a file\n"
            "keyway.ini:2: found client_tls_sslmode = require without client_tls_key_file, expected "
            "client_tls_key_file to name a file\n");
    write_file("cert.pem", "");
    write_file("key.pem", "");
    reports("[keyway]\nclient_tls_sslmode = verify-ca\nclient_tls_cert_file = cert.pem\nclient_tls_key_file "
            "= key.pem\n" BASE,
            "keyway.ini:2: found client_tls_sslmode = verify-ca without client_tls_ca_file, expected "
            "client_tls_ca_file "
            "to name a file\n");
    reports("[keyway]\nclient_tls_sslmode = allow\nclient_tls_cert_file = cert.pem\nclient_tls_key_file = "
            "kay.pem\n" BASE,
            "keyway.ini:4: client_tls_key_file: found 'kay.pem', which cannot be read (No such file or "
            "directory), "
            "expected a file\n");
}

Test(settings_mistakes, certificates_need_tls_and_an_authority)
{
    reports("[keyway]\nauth_method = cert\n" BASE,
            "keyway.ini:2: found auth_method = cert with client_tls_sslmode = off, expected TLS to be on\n"
            "keyway.ini:2: found auth_method = cert without client_tls_ca_file, expected client_tls_ca_file "
            "to name a "
            "file\n");
}

Test(settings_mistakes, mistakes_spread_over_two_keyway_sections_are_reported)
{
    reports("[keyway]\nclient_tls_sslmode = require\n[keyway]\nlisten = x\n" BASE,
            "keyway.ini:3: found section [keyway] a second time, expected it once (the first is on line 1)\n"
            "keyway.ini:4: listen: found 'x', expected host:port with a port from 1 to 65535\n"
            "keyway.ini:3: found client_tls_sslmode = require without client_tls_cert_file, expected "
            "client_tls_cert_file to name a file\n"
            "keyway.ini:3: found client_tls_sslmode = require without client_tls_key_file, expected "
            "client_tls_key_file to name a file\n");
}

Test(settings_mistakes, passwords_need_an_auth_file_that_can_be_read)
{
    reports("[keyway]\nauth_method = scram-sha-256\n" BASE,
            "keyway.ini:2: found auth_method = scram-sha-256 without auth_file, expected auth_file to name "
            "the users' "
            "secrets\n");
    reports("[keyway]\nauth_file = users.txt\n" BASE,
            "keyway.ini:2: auth_file: found 'users.txt', which cannot be read (No such file or directory), "
            "expected a "
            "file of names and secrets\n");
    reports("[keyway]\nauth_file = .\n" BASE, "keyway.ini:2: auth_file: found '.', which cannot be read (Is "
                                              "a directory), expected a file of names and "
                                              "secrets\n");
}

Test(settings_mistakes, bad_lines_of_auth_file_are_reported_with_its_name)
{
    write_file("users.txt", "\"amy\" \"x\"\nbob x\n\"cat\n\"dan\"\n\"eve\" \"x\n\"\" \"x\"\n\"fay\" \"x\"y\n"
                            "\"amy\" \"y\"\n\"gus\" \"SCRAM-SHA-256$4096:abc$def\"\n\"amy\" \"z\"\n");
    reports("[keyway]\nauth_file = users.txt\n" BASE,
            "users.txt:2: found no name in double quotes, expected \"name\" \"secret\"\n"
            "users.txt:3: found no name in double quotes, expected \"name\" \"secret\"\n"
            "users.txt:4: found no secret in double quotes, expected \"name\" \"secret\"\n"
            "users.txt:5: found no secret in double quotes, expected \"name\" \"secret\"\n"
            "users.txt:6: found no name in double quotes, expected \"name\" \"secret\"\n"
            "users.txt:7: found more behind the secret's quotes, expected a blank or the end of the line\n"
            "users.txt:9: found a damaged SCRAM secret, expected "
            "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey\n"
            "users.txt:8: found user \"amy\" a second time, expected it once (the first is on line 1)\n"
            "users.txt:10: found user \"amy\" a second time, expected it once (the first is on line 1)\n");
}

/* ---- diagnostics ---- */

Test(settings_mistakes, control_characters_are_shown_escaped)
{
    diagnostics_report(&diagnostics, "f", 3, "found '%s'", "a\x1b[31m\n");
    cr_assert(eq(str, (char *) diagnostics.entries[0].text, "found 'a\\x1b[31m\\x0a'"));
}

Test(settings_mistakes, reports_keep_their_order)
{
    for (int i = 1; i <= 100; i++)
        diagnostics_report(&diagnostics, "f", i, "n%d", i);
    cr_assert(eq(sz, diagnostics.count, 100));
    for (int i = 1; i <= 100; i++)
        cr_assert(eq(int, diagnostics.entries[i - 1].line, i));
}

Test(settings_mistakes, the_nearest_name_is_one_slip_in_three_letters_away)
{
    static const char *const names[] = {"shards", "shard", "pool_size", "pool_mode", NULL};
    cr_assert(eq(str, (char *) diagnostics_nearest("shrad", names), "shard"));
    cr_assert(eq(str, (char *) diagnostics_nearest("SHARDS", names), "shards"));
    cr_assert(eq(str, (char *) diagnostics_nearest("poolsize", names), "pool_size"));
    cr_assert(diagnostics_nearest("table", names) == NULL);
    cr_assert(diagnostics_nearest("", names) == NULL);
    static char endless[1000];
    memset(endless, 'x', sizeof(endless) - 1);
    cr_assert(diagnostics_nearest(endless, names) == NULL);
}
