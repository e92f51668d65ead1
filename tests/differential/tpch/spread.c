/*
 * The rows are made once and sent to all servers; what a shard keeps is up to the WHERE of its COPY, which
 * says the same as the configuration, with PostgreSQL's own satisfies_hash_partition() for the hashes: a
 * keyspace with as many slots as shards agrees with it.
 */
#include "tests/differential/tpch/spread.h"

#include <stdlib.h>
#include <string.h>

#include "tests/integration/cluster.h"

enum { SHARDS = 4, BATCH_BYTES = 1 << 20 };

const struct spread spreads[] = {
    {.layout = {.name = "hash", .shards = SHARDS}},
    {.layout = {.name = "range", .shards = SHARDS}, .by_range = true},
    {.layout = {.name = "parts", .shards = SHARDS}, .parts = true},
};
const int spread_count = sizeof spreads / sizeof *spreads;

enum keyspace { BY_CUSTOMER, BY_ORDER, BY_PART, REFERENCE };

static const struct {
    const char *name, *type;
} keyspaces[] = {[BY_CUSTOMER] = {"customer", "integer"},
                 [BY_ORDER] = {"order", "bigint"},
                 [BY_PART] = {"part", "integer"}};

static const struct {
    const char *name;
    enum keyspace keyspace;
    const char *key;
} tables[TABLES] = {
    [TABLE_REGION] = {"region", REFERENCE, NULL},
    [TABLE_NATION] = {"nation", REFERENCE, NULL},
    [TABLE_SUPPLIER] = {"supplier", REFERENCE, NULL},
    [TABLE_PART] = {"part", BY_PART, "p_partkey"},
    [TABLE_PARTSUPP] = {"partsupp", BY_PART, "ps_partkey"},
    [TABLE_CUSTOMER] = {"customer", BY_CUSTOMER, "c_custkey"},
    [TABLE_ORDERS] = {"orders", BY_CUSTOMER, "o_custkey"},
    [TABLE_LINEITEM] = {"lineitem", BY_ORDER, "l_orderkey"},
};

static enum keyspace keyspace_of(const struct spread *spread, enum table table)
{
    enum keyspace keyspace = tables[table].keyspace;
    return keyspace == BY_PART && !spread->parts ? REFERENCE : keyspace;
}

/* The first key of a shard's range. */
static long cut(const struct scale *scale, enum keyspace keyspace, int shard)
{
    switch (keyspace) {
    case BY_CUSTOMER:
        return scale->customers * shard / SHARDS + 1;
    case BY_ORDER:
        return rows_order_key(scale->orders * shard / SHARDS);
    case BY_PART:
        return scale->parts * shard / SHARDS + 1;
    case REFERENCE:
        break;
    }
    return 0;
}

/* ---- the configuration ---- */

static void write_ranges(const struct scale *scale, enum keyspace keyspace, FILE *file)
{
    for (int shard = 0; shard < SHARDS; shard++) {
        char lower[30] = "-infinity", upper[30] = "+infinity";
        if (shard > 0)
            snprintf(lower, sizeof lower, "%ld", cut(scale, keyspace, shard));
        if (shard < SHARDS - 1)
            snprintf(upper, sizeof upper, "%ld", cut(scale, keyspace, shard + 1));
        fprintf(file, "range = shard%d [%s, %s)\n", shard, lower, upper);
    }
}

static void write_shard_names(FILE *file)
{
    fprintf(file, "shards = ");
    for (int shard = 0; shard < SHARDS; shard++)
        fprintf(file, "%sshard%d", shard ? ", " : "", shard);
    fputc('\n', file);
}

static void write_keyspace(const struct spread *spread, const struct scale *scale, enum keyspace keyspace,
                           FILE *file)
{
    fprintf(file, "[keyspace app.%s]\ntype = %s\nmethod = %s\n", keyspaces[keyspace].name,
            keyspaces[keyspace].type, spread->by_range ? "range" : "hash");
    if (spread->by_range) {
        write_ranges(scale, keyspace, file);
    } else {
        fprintf(file, "slots = %d\n", SHARDS);
        write_shard_names(file);
    }
}

static void write_table(const struct spread *spread, enum table table, FILE *file)
{
    enum keyspace keyspace = keyspace_of(spread, table);
    fprintf(file, "[table app.%s]\n", tables[table].name);
    if (keyspace == REFERENCE)
        fprintf(file, "reference = yes\n");
    else
        fprintf(file, "keyspace = %s\nkey = %s\n", keyspaces[keyspace].name, tables[table].key);
}

void spread_write_configuration(const struct spread *spread, const struct scale *scale, int port, FILE *file)
{
    fprintf(file, "[keyway]\nlisten = 127.0.0.1:%d\nadmin_users = admin\nworkers = 2\nauth_method = trust\n",
            port);
    for (int shard = 0; shard < SHARDS; shard++)
        fprintf(file, "[shard shard%d]\nconninfo = host=127.0.0.1 port=%d dbname=app user=app\n", shard,
                cluster_port(shard));
    fprintf(file, "[database app]\n");
    write_shard_names(file);
    write_keyspace(spread, scale, BY_CUSTOMER, file);
    write_keyspace(spread, scale, BY_ORDER, file);
    if (spread->parts)
        write_keyspace(spread, scale, BY_PART, file);
    for (enum table table = 0; table < TABLES; table++)
        write_table(spread, table, file);
}

/* ---- the rows ---- */

/* Of the shard, or the oracle behind the last one. */
static PGconn *server(const struct servers *servers, int number)
{
    return number < SHARDS ? servers->shards[number] : servers->oracle;
}

static void fail(PGconn *conn)
{
    fprintf(stderr, "a server cannot be set up: %s", PQerrorMessage(conn));
    cluster_destroy();
    exit(1);
}

static void execute(PGconn *conn, const char *sql, ExecStatusType expected)
{
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != expected)
        fail(conn);
    PQclear(result);
}

/* For which rows of a table is this shard the place? */
static void write_condition(const struct spread *spread, const struct scale *scale, enum table table,
                            int shard, FILE *sql)
{
    enum keyspace keyspace = keyspace_of(spread, table);
    if (keyspace == REFERENCE)
        return;
    if (!spread->by_range) {
        fprintf(sql, " WHERE satisfies_hash_partition('ring.%s'::regclass, %d, %d, %s)",
                keyspaces[keyspace].type, SHARDS, shard, tables[table].key);
        return;
    }
    fprintf(sql, " WHERE true");
    if (shard > 0)
        fprintf(sql, " AND %s >= %ld", tables[table].key, cut(scale, keyspace, shard));
    if (shard < SHARDS - 1)
        fprintf(sql, " AND %s < %ld", tables[table].key, cut(scale, keyspace, shard + 1));
}

static void begin_copy(const struct spread *spread, const struct scale *scale, enum table table, int number,
                       PGconn *conn)
{
    char *text;
    size_t size;
    FILE *sql = open_memstream(&text, &size);
    fprintf(sql, "COPY %s FROM STDIN", tables[table].name);
    if (number < SHARDS)
        write_condition(spread, scale, table, number, sql);
    fclose(sql);
    execute(conn, text, PGRES_COPY_IN);
    free(text);
}

static void end_copy(PGconn *conn)
{
    if (PQputCopyEnd(conn, NULL) != 1)
        fail(conn);
    PGresult *result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail(conn);
    PQclear(result);
    PQclear(PQgetResult(conn));
}

static void send_lines(const struct servers *servers, const char *lines, size_t size)
{
    for (int i = 0; i <= SHARDS; i++)
        if (PQputCopyData(server(servers, i), lines, (int) size) != 1)
            fail(server(servers, i));
}

static void send_rows(const struct servers *servers, const struct scale *scale, enum table table)
{
    char *lines;
    size_t size;
    FILE *stream = open_memstream(&lines, &size);
    long steps = rows_steps(scale, table);
    for (long step = 0; step < steps; step++) {
        rows_write(stream, scale, table, step);
        if (ftell(stream) < BATCH_BYTES && step < steps - 1)
            continue;
        fflush(stream);
        send_lines(servers, lines, size);
        rewind(stream);
    }
    fclose(stream);
    free(lines);
}

static PGconn *connect_to(int number, const char *setup)
{
    char conninfo[100];
    snprintf(conninfo, sizeof conninfo, "host=127.0.0.1 port=%d dbname=app user=app",
             cluster_port(number < SHARDS ? number : CLUSTER_ORACLE));
    PGconn *conn = PQconnectdb(conninfo);
    execute(conn, setup, PGRES_COMMAND_OK);
    return conn;
}

struct servers spread_load(const struct spread *spread, const struct scale *scale, const char *setup)
{
    struct servers servers = {.layout = &spread->layout};
    for (int i = 0; i < SHARDS; i++)
        servers.shards[i] = connect_to(i, setup);
    servers.oracle = connect_to(SHARDS, setup);
    for (enum table table = 0; table < TABLES; table++) {
        for (int i = 0; i <= SHARDS; i++)
            begin_copy(spread, scale, table, i, server(&servers, i));
        send_rows(&servers, scale, table);
        for (int i = 0; i <= SHARDS; i++)
            end_copy(server(&servers, i));
    }
    for (int i = 0; i <= SHARDS; i++)
        execute(server(&servers, i), "ANALYZE", PGRES_COMMAND_OK);
    return servers;
}
