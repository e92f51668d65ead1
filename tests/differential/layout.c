/*
 * Each server runs all of setup.sql, and a shard then deletes what does not meet its conditions: SQL
 * expressions that say the same as the configuration, with PostgreSQL's own satisfies_hash_partition() for
 * the hashes.  A copy of each table in schema `saved` is the beginning that changes are told from.
 */
#include "tests/differential/layout.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/cluster.h"

enum { SLOTS = 1024 };

const struct layout layouts[] = {
    {.name = "1", .shards = 1, .regions = {"'eu', 'us', 'asia', 'africa', 'oz', 'mars'"}},
    {.name = "2",
     .shards = 2,
     .owners = {1, 0},
     .names = {"i"},
     .slots = {512},
     .days = {"2024-01-12"},
     .regions = {"'eu', 'asia'", "'us', 'africa', 'oz', 'mars'"}},
    {.name = "3",
     .shards = 3,
     .owners = {0, 1, 2},
     .names = {"h", "q"},
     .slots = {341, 682},
     .days = {"2024-01-10", "2024-01-20"},
     .regions = {"'eu'", "'us', 'asia'", "'africa', 'oz', 'mars'"}},
    {.name = "7",
     .shards = 7,
     .owners = {0, 1, 2, 3, 4, 5, 6},
     .names = {"Zz", "b", "e", "j", "m", "q"},
     .slots = {100, 250, 400, 550, 700, 850},
     .days = {"2024-01-03", "2024-01-06", "2024-01-10", "2024-01-15", "2024-01-16", "2024-01-25"},
     .regions = {"'eu'", "'us'", "'asia'", "'africa'", "'oz'", "'mars'", "'moon'"}},
    {.name = "3, one empty",
     .shards = 3,
     .owners = {0, 1, 2},
     .names = {"hzzzy", "hzzzz"},
     .slots = {512, 513},
     .days = {"2024-02-01", "2024-02-02"},
     .regions = {"'eu', 'us'", "'mars'", "'asia', 'africa', 'oz'"}},
    {.name = "3, a workspace", /* the first has no keys: gathered queries run there, and nothing else */
     .shards = 3,
     .owners = {1, 2, 0},
     .keyless = 1,
     .names = {"k"},
     .slots = {500},
     .days = {"2024-01-14"},
     .regions = {"'eu', 'mars'", "'us', 'asia', 'africa', 'oz'"}},
    {.name = "3, all on one",
     .shards = 3,
     .owners = {1, 0, 2},
     .names = {"\xe9\xbe\xa0", "\xe9\xbe\xa5"},
     .slots = {1022, 1023},
     .days = {"2030-01-01", "2031-01-01"},
     .regions = {"'eu', 'us', 'asia', 'africa', 'oz', 'mars'", "'moon'", "'sun'"}},
};
const int layout_count = sizeof layouts / sizeof *layouts;

enum keyspace { BY_NAME, BY_ID, BY_UUID, BY_TENANT, BY_DAY, BY_REGION, REFERENCE, HOME };

static const struct {
    const char *name;
    enum keyspace keyspace;
    const char *key;
} tables[] = {
    {"users", BY_NAME, "username"},
    {"posts", BY_NAME, "username"},
    {"follows", BY_NAME, "follower"},
    {"events", BY_ID, "id"},
    {"event_tags", BY_ID, "event_id"},
    {"zoo", BY_ID, "id"},
    {"tokens", BY_UUID, "id"},
    {"stock", BY_TENANT, "tenant, item"},
    {"readings", BY_DAY, "day"},
    {"places", BY_REGION, "region"},
    {"words", BY_NAME, "word"},
    {"terms", BY_NAME, "term"},
    {"countries", REFERENCE, NULL},
    {"notes", HOME, NULL},
    {"lists", HOME, NULL},
};
enum { TABLES = sizeof tables / sizeof *tables };

static const char *const keyspace_names[] = {
    [BY_NAME] = "name",     [BY_ID] = "id",   [BY_UUID] = "token",
    [BY_TENANT] = "tenant", [BY_DAY] = "day", [BY_REGION] = "region",
};

/* ---- the configuration ---- */

static int pieces(const struct layout *layout)
{
    return layout->shards - layout->keyless;
}

static const char *bound(const char *const *cuts, int piece, int count, bool upper)
{
    static char quoted[2][60];
    int cut = piece - !upper;
    if (cut < 0)
        return "-infinity";
    if (cut >= count - 1)
        return "+infinity";
    snprintf(quoted[upper], sizeof quoted[upper], "'%s'", cuts[cut]);
    return quoted[upper];
}

static int slot_bound(const struct layout *layout, int piece, bool upper)
{
    int cut = piece - !upper;
    return cut < 0 ? 0 : cut >= pieces(layout) - 1 ? SLOTS : layout->slots[cut];
}

static void write_piece(const struct layout *layout, enum keyspace keyspace, int piece, FILE *file)
{
    const char *const *cuts = keyspace == BY_DAY ? layout->days : layout->names;
    int shard = layout->owners[piece];
    switch (keyspace) {
    case BY_NAME:
    case BY_DAY:
        fprintf(file, "range = shard%d [%s, %s)\n", shard, bound(cuts, piece, pieces(layout), false),
                bound(cuts, piece, pieces(layout), true));
        break;
    case BY_ID:
    case BY_UUID:
    case BY_TENANT:
        fprintf(file, "range = shard%d [%d, %d)\n", shard, slot_bound(layout, piece, false),
                slot_bound(layout, piece, true));
        break;
    case BY_REGION:
        fprintf(file, "list = shard%d (%s)\n", shard, layout->regions[piece]);
        break;
    case REFERENCE:
    case HOME:
        break;
    }
}

static void write_keyspace(const struct layout *layout, enum keyspace keyspace, const char *lines, FILE *file)
{
    fprintf(file, "[keyspace app.%s]\n%s", keyspace_names[keyspace], lines);
    for (int piece = 0; piece < pieces(layout); piece++)
        write_piece(layout, keyspace, piece, file);
}

static void write_tables(FILE *file)
{
    for (int i = 0; i < TABLES; i++)
        switch (tables[i].keyspace) {
        case REFERENCE:
            fprintf(file, "[table app.%s]\nreference = yes\n", tables[i].name);
            break;
        case HOME:
            break;
        case BY_NAME:
        case BY_ID:
        case BY_UUID:
        case BY_TENANT:
        case BY_DAY:
        case BY_REGION:
            fprintf(file, "[table app.%s]\nkeyspace = %s\nkey = %s\n", tables[i].name,
                    keyspace_names[tables[i].keyspace], tables[i].key);
        }
}

void layout_write_configuration(const struct layout *layout, int port, FILE *file)
{
    fprintf(file, "[keyway]\nlisten = 127.0.0.1:%d\nadmin_users = admin\nworkers = 2\nauth_method = trust\n",
            port);
    for (int i = 0; i < layout->shards; i++)
        fprintf(file, "[shard shard%d]\nconninfo = host=127.0.0.1 port=%d dbname=app user=app\n", i,
                cluster_port(i));
    fprintf(file, "[database app]\nmulti_shard_commit = best_effort\n%sshards = ", layout->keyless ? "workspace = shard0\n" : "");
    for (int i = layout->keyless; i < layout->shards; i++)
        fprintf(file, "%sshard%d", i > layout->keyless ? ", " : "", i);
    fprintf(file, "\n");
    write_keyspace(layout, BY_NAME, "type = text\nmethod = range\n", file);
    write_keyspace(layout, BY_DAY, "type = date\nmethod = range\n", file);
    write_keyspace(layout, BY_ID, "type = bigint\nmethod = hash\n", file);
    write_keyspace(layout, BY_UUID, "type = uuid\nmethod = hash\n", file);
    write_keyspace(layout, BY_TENANT, "type = integer, text\nmethod = hash\n", file);
    write_keyspace(layout, BY_REGION, "type = text\nmethod = list\n", file);
    write_tables(file);
}

/* ---- the rows ---- */

static const char *const rings =
    "CREATE SCHEMA saved; CREATE TABLE saved.ring_id (k bigint) PARTITION BY HASH (k);"
    "CREATE TABLE saved.ring_token (k uuid) PARTITION BY HASH (k);"
    "CREATE TABLE saved.ring_tenant (k integer, l text) PARTITION BY HASH (k, l);";

/* For which rows of table i is this piece the place? */
static void write_condition(const struct layout *layout, int piece, int i, FILE *sql)
{
    const char *const *cuts = tables[i].keyspace == BY_DAY ? layout->days : layout->names;
    const char *order = tables[i].keyspace == BY_NAME ? " COLLATE \"C\"" : "";
    if (piece >= pieces(layout) && tables[i].keyspace != REFERENCE && tables[i].keyspace != HOME) {
        fprintf(sql, "false");
        return;
    }
    switch (tables[i].keyspace) {
    case BY_NAME:
    case BY_DAY:
        fprintf(sql, "true");
        if (piece > 0)
            fprintf(sql, " AND %s >= '%s'%s", tables[i].key, cuts[piece - 1], order);
        if (piece < pieces(layout) - 1)
            fprintf(sql, " AND %s < '%s'%s", tables[i].key, cuts[piece], order);
        break;
    case BY_ID:
    case BY_UUID:
    case BY_TENANT:
        fprintf(sql,
                "EXISTS (SELECT FROM generate_series(%d, %d) AS slot"
                " WHERE satisfies_hash_partition('saved.ring_%s'::regclass, %d, slot, %s))",
                slot_bound(layout, piece, false), slot_bound(layout, piece, true) - 1,
                keyspace_names[tables[i].keyspace], SLOTS, tables[i].key);
        break;
    case BY_REGION:
        fprintf(sql, "region IN (%s)", layout->regions[piece]);
        break;
    case REFERENCE:
        fprintf(sql, "true");
        break;
    case HOME:
        fprintf(sql, layout->owners[piece] == 0 ? "true" : "false");
    }
}

/* Run what was written to the stream, and close it. */
struct script {
    FILE *stream;
    char *text;
    size_t size;
};

static FILE *script_open(struct script *script)
{
    return script->stream = open_memstream(&script->text, &script->size);
}

static PGresult *must(PGconn *conn, PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fprintf(stderr, "a server cannot be set up or looked at: %s", PQerrorMessage(conn));
        cluster_destroy();
        exit(1);
    }
    return result;
}

static void script_run(struct script *script, PGconn *conn)
{
    fclose(script->stream);
    PQclear(must(conn, PQexec(conn, script->text)));
    free(script->text);
}

/* `piece` -1 is the oracle. */
static void write_changes(const struct layout *layout, int piece, FILE *sql)
{
    fprintf(sql, "PREPARE changes AS ");
    for (int i = 0; i < TABLES; i++) {
        const char *name = tables[i].name;
        fprintf(sql,
                "%sSELECT '%s', '+' || r FROM (SELECT whole::text AS r FROM public.%s whole EXCEPT SELECT "
                "s::text "
                "FROM saved.%s s) x"
                " UNION ALL SELECT '%s', '-' || r FROM (SELECT whole::text AS r FROM saved.%s whole EXCEPT"
                " SELECT whole::text FROM public.%s whole) x",
                i ? " UNION ALL " : "", name, name, name, name, name, name);
        if (piece < 0)
            continue;
        fprintf(sql,
                " UNION ALL SELECT '%s', 'misplaced ' || whole::text FROM public.%s whole"
                " WHERE NOT EXISTS (SELECT FROM saved.%s old WHERE old::text = whole::text) AND NOT (",
                name, name, name);
        write_condition(layout, piece, i, sql);
        fprintf(sql, ")");
    }
    fprintf(sql, ";");
}

static char *read_setup(void)
{
    char path[500];
    const char *folder = getenv("SOURCE_DIR");
    snprintf(path, sizeof path, "%s/tests/differential/setup.sql", folder ? folder : ".");
    FILE *file = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    if (!file || getdelim(&text, &size, 0, file) < 0) {
        perror(path);
        exit(1);
    }
    fclose(file);
    return text;
}

static PGconn *load_server(const struct layout *layout, int piece, const char *setup)
{
    char conninfo[100];
    struct script script;
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=app user=app",
             cluster_port(piece < 0 ? CLUSTER_ORACLE : layout->owners[piece]));
    PGconn *conn = PQconnectdb(conninfo);
    PQclear(must(conn, PQexec(conn, setup)));
    FILE *sql = script_open(&script);
    fprintf(sql, "%s", rings);
    for (int i = 0; i < TABLES; i++) {
        if (piece >= 0) {
            fprintf(sql, "DELETE FROM %s WHERE NOT (", tables[i].name);
            write_condition(layout, piece, i, sql);
            fprintf(sql, ");");
        }
        fprintf(sql, "CREATE TABLE saved.%s AS TABLE %s;", tables[i].name, tables[i].name);
    }
    fprintf(sql, "ANALYZE;");
    write_changes(layout, piece, sql);
    script_run(&script, conn);
    return conn;
}

struct servers layout_load(const struct layout *layout)
{
    struct servers servers = {.layout = layout};
    char *setup = read_setup();
    for (int piece = 0; piece < layout->shards; piece++)
        servers.shards[layout->owners[piece]] = load_server(layout, piece, setup);
    servers.oracle = load_server(layout, -1, setup);
    free(setup);
    return servers;
}

void layout_unload(struct servers *servers)
{
    for (int i = 0; i < servers->layout->shards; i++)
        PQfinish(servers->shards[i]);
    PQfinish(servers->oracle);
}

/* ---- changes ---- */

struct lines {
    char **text;
    int count;
};

static int table_number(const char *name)
{
    int i = 0;
    while (i < TABLES - 1 && strcmp(tables[i].name, name) != 0)
        i++;
    return i;
}

static void add_changes(struct servers *servers, struct lines *lines, PGconn *conn, int copies_of_references)
{
    PGresult *result = must(conn, PQgetResult(conn));
    for (int row = 0; row < PQntuples(result); row++) {
        const char *table = PQgetvalue(result, row, 0);
        int number = table_number(table);
        servers->changed |= 1u << number;
        for (int copy = tables[number].keyspace == REFERENCE ? copies_of_references : 1; copy > 0; copy--) {
            lines->text = realloc(lines->text, (size_t) (lines->count + 1) * sizeof *lines->text);
            if (!lines->text ||
                asprintf(&lines->text[lines->count++], "%s %s\n", table, PQgetvalue(result, row, 1)) < 0)
                abort();
        }
    }
    PQclear(result);
    PQclear(PQgetResult(conn));
}

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *) left, *(char *const *) right);
}

static char *join_lines(struct lines *lines)
{
    struct script text;
    FILE *stream = script_open(&text);
    if (lines->count)
        qsort(lines->text, (size_t) lines->count, sizeof *lines->text, compare_lines);
    for (int i = 0; i < lines->count; i++) {
        fputs(lines->text[i], stream);
        free(lines->text[i]);
    }
    free(lines->text);
    fclose(stream);
    return text.text;
}

/* All servers look at once. */
static void ask_for_changes(struct servers *servers)
{
    bool sent = PQsendQuery(servers->oracle, "EXECUTE changes");
    for (int i = 0; i < servers->layout->shards; i++)
        sent &= PQsendQuery(servers->shards[i], "EXECUTE changes");
    if (!sent)
        must(servers->oracle, NULL);
}

struct changes layout_changes(struct servers *servers)
{
    struct lines expected = {0}, found = {0};
    ask_for_changes(servers);
    add_changes(servers, &expected, servers->oracle, servers->layout->shards);
    for (int i = 0; i < servers->layout->shards; i++)
        add_changes(servers, &found, servers->shards[i], 1);
    return (struct changes){join_lines(&expected), join_lines(&found)};
}

static void send_restore(PGconn *conn, unsigned changed)
{
    struct script script;
    FILE *sql = script_open(&script);
    fprintf(sql, "SELECT setval('lists_id_seq', 3, false);");
    for (int i = 0; i < TABLES; i++)
        if (changed & 1u << i)
            fprintf(sql, "DELETE FROM %s; INSERT INTO %s TABLE saved.%s;", tables[i].name, tables[i].name,
                    tables[i].name);
    fclose(script.stream);
    if (!PQsendQuery(conn, script.text))
        must(conn, NULL);
    free(script.text);
}

static void await_restore(PGconn *conn)
{
    for (PGresult *result; (result = PQgetResult(conn)); PQclear(result))
        must(conn, result);
}

/* Sequences move without any change of rows; that of the unsharded tables is the first shard's. */
void layout_restore(struct servers *servers)
{
    int shards = servers->changed ? servers->layout->shards : 1;
    send_restore(servers->oracle, servers->changed);
    for (int i = 0; i < shards; i++)
        send_restore(servers->shards[i], servers->changed);
    await_restore(servers->oracle);
    for (int i = 0; i < shards; i++)
        await_restore(servers->shards[i]);
    servers->changed = 0;
}
