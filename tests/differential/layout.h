/*
 * layout: how the rows of the test's tables are spread over shards, and what a statement has changed in them.
 *
 * A layout cuts each keyspace into one piece for each shard; the last pieces may be of no keys.  layout_load() puts all rows on the oracle, and
 * on each shard those that are its own, without any help from Keyway.  After a statement, layout_changes()
 * says in which rows the tables differ from that beginning, and layout_restore() brings them back to it.
 */
#ifndef KEYWAY_DIFFERENTIAL_LAYOUT_H
#define KEYWAY_DIFFERENTIAL_LAYOUT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

enum { LAYOUT_MAX_SHARDS = 7 };

struct layout {
    const char *name;
    int shards;
    int owners[LAYOUT_MAX_SHARDS];            /* the shard of each piece */
    int keyless;                              /* so many of the last pieces have no keys */
    const char *names[LAYOUT_MAX_SHARDS - 1]; /* where the pieces of the user names are cut, */
    int slots[LAYOUT_MAX_SHARDS - 1];         /* of the hash slots, */
    const char *days[LAYOUT_MAX_SHARDS - 1];  /* of the days */
    const char *regions[LAYOUT_MAX_SHARDS];   /* the regions of each piece, as SQL strings */
};

extern const struct layout layouts[];
extern const int layout_count;

/* Direct connections: to the shards of a layout, and behind them to the oracle. */
struct servers {
    const struct layout *layout;
    PGconn *shards[LAYOUT_MAX_SHARDS];
    PGconn *oracle;
    unsigned changed; /* a bit for each table in which a change was seen */
};

void layout_write_configuration(const struct layout *layout, int port, FILE *file);
/* Connect and make the tables anew; exits if that is not possible. */
struct servers layout_load(const struct layout *layout);
void layout_unload(struct servers *servers);

/* Changed rows as sorted lines "table +row" and "table -row", malloc'ed. */
struct changes {
    char *expected; /* those of the oracle; of a reference table once for each shard */
    char *found; /* those of all shards; a row that is not where it belongs makes a line "table misplaced row"
                  */
};
struct changes layout_changes(struct servers *servers);
/* Bring back the tables in which these have seen changes. */
void layout_restore(struct servers *servers);

#endif
