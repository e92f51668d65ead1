/*
 * portal: a client's bound portals, so that Describe, Execute and Close find the shard that Bind chose.
 *
 * A portal lives until the transaction that made it ends; the unnamed one until the next Bind.  A portal over one shard is that server's;
 * one over several shards, or of a statement that the proxy carries out itself, keeps the Bind message for Execute.
 */
#ifndef KEYWAY_PORTAL_H
#define KEYWAY_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proxy/statement.h"

struct portal {
    struct portal *next;
    char *name;
    struct statement *statement; /* held */
    int shard;                   /* where it is bound; -1: nowhere, `bind` is kept */
    uint8_t *bind;               /* the Bind message's body */
    size_t bind_length;
    bool described;              /* Describe was asked for: rows need a RowDescription before them */
    bool executed;               /* to its end, by a run: it has no more to give */
};

struct portals; /* NULL: none */
/* Puts a portal in the place of the one of that name. */
struct portal *portal_put(struct portals **portals, struct statement_store *store, const char *name,
                          struct statement *statement);
struct portal *portal_find(const struct portals *portals, const char *name);
void portal_remove(struct portals *portals, struct statement_store *store, const char *name);
void portals_clear(struct portals **portals, struct statement_store *store); /* the transaction ended */

#endif
