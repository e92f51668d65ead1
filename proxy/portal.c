/*
 * A list: drivers use one or a few portals at a time.
 */
#include "proxy/portal.h"

#include <stdlib.h>
#include <string.h>

#include "config/arena.h"

struct portals {
    struct portal *first;
};

static struct portal **portal_link(struct portals *portals, const char *name)
{
    struct portal **link = &portals->first;
    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static void portal_unlink(struct portal **link, struct statement_store *store)
{
    struct portal *portal = *link;
    *link = portal->next;
    statement_release(store, portal->statement);
    free(portal->name);
    free(portal->bind);
    free(portal);
}

struct portal *portal_put(struct portals **made, struct statement_store *store, const char *name,
                          struct statement *statement)
{
    if (*made == NULL)
        *made = memory_alloc(sizeof(**made));
    portal_remove(*made, store, name);
    struct portal *portal = memory_alloc(sizeof(*portal));
    portal->name = memory_strdup(name);
    portal->statement = statement_hold(statement);
    portal->shard = -1;
    portal->next = (*made)->first;
    (*made)->first = portal;
    return portal;
}

struct portal *portal_find(const struct portals *portals, const char *name)
{
    struct portal *portal = portals ? portals->first : NULL;
    while (portal && strcmp(portal->name, name) != 0)
        portal = portal->next;
    return portal;
}

void portal_remove(struct portals *portals, struct statement_store *store, const char *name)
{
    struct portal **link = portals ? portal_link(portals, name) : NULL;
    if (link && *link)
        portal_unlink(link, store);
}

void portals_clear(struct portals **portals, struct statement_store *store)
{
    if (*portals == NULL)
        return;
    while ((*portals)->first)
        portal_unlink(&(*portals)->first, store);
    free(*portals);
    *portals = NULL;
}
