/*
 * statement: prepared statements of clients and of servers.
 *
 * A client's Parse makes a name in the client's table; the statement itself (text, parameter types and the meaning that the
 * session's settings give to them) is kept once per worker, with a number.  A server that is to run it gets it under a name made of that number, once; so a prepared statement follows the
 * client to whatever server it is lent.  Plans are kept with the statement: a Bind does not look anything up.
 */
#ifndef KEYWAY_STATEMENT_H
#define KEYWAY_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "router/plan.h"

enum { STATEMENT_NAME_SIZE = 32 }; /* "keyway_" and a number */

struct statement {
    unsigned references;
    uint64_t number;      /* never reused in one process; 0 is no statement */
    char *sql;
    size_t length;
    uint32_t *types;      /* as declared in Parse */
    int type_count;
    bool typed;           /* … which are those of all its parameters, as a shard has told */
    uint32_t *described;  /* of one that was refused, what a shard has told of all its parameters; or NULL */
    int described_count;
    uint64_t described_under; /* the routing's version then */
    uint32_t hash;
    struct statement *next; /* in its bucket */
    uint64_t meaning;     /* session_meaning() of who parsed it: shards read its text under these settings */
    uint64_t parsed_under; /* the routing's version then: what is parsed after a change of the schema is parsed anew by the shards, too */
    struct plan *plan;    /* held; good while routing_version and plan_meaning fit */
    uint64_t routing_version;
    uint64_t plan_meaning; /* of the session the plan was made under */
    struct normalised normalised; /* of sql: the plan refers to its literals */
};

struct statement_store; /* one worker's */
struct statement_store *statement_store_new(void);
void statement_store_free(struct statement_store *store);
/* The one statement of this text, these types and this meaning, parsed under this version of the routing, held. */
struct statement *statement_intern(struct statement_store *store, const char *sql, size_t length, const uint32_t *types,
                                   int type_count, uint64_t meaning, uint64_t version);
struct statement *statement_hold(struct statement *statement);
void statement_release(struct statement_store *store, struct statement *statement); /* NULL is fine */
size_t statement_store_count(const struct statement_store *store);

/*
 * A shard has told what its parameters are; true: that is more than was declared, and a statement with all of them (statement_intern(), which are
 * `typed` then) may have a better plan.  It is remembered for as long as the routing has this version.
 */
bool statement_describe(struct statement *statement, const uint32_t *types, int count, uint64_t version);
bool statement_is_described(const struct statement *statement, uint64_t version);

/* The name under which servers know it, and whether a name is such, or may become one: clients' own are not. */
void statement_server_name(uint64_t number, char name[STATEMENT_NAME_SIZE]);
bool statement_name_is_reserved(const char *name);
#define STATEMENT_NAME_PREFIX "keyway_"

/* A client's names: name -> statement.  The unnamed statement is the name "". */
struct statement_names;
struct statement *statement_names_find(const struct statement_names *names, const char *name);
/* Puts a held statement under a name; the one it replaces is released.  *names is made when first needed. */
void statement_names_put(struct statement_names **names, struct statement_store *store, const char *name,
                         struct statement *statement);
bool statement_names_remove(struct statement_names *names, struct statement_store *store, const char *name);
/* Forget every name of this statement: its Parse has failed at the server. */
void statement_names_forget(struct statement_names *names, struct statement_store *store, uint64_t number);
void statement_names_free(struct statement_names **names, struct statement_store *store);
/* Names can travel to a client's next worker: what stands for its statements there is made anew.  `meaning` is that of the client's session, here and
 * there; those parsed under another one stay so, and get `other`.  NULL for none. */
struct statement_parcel;
struct statement_parcel *statement_names_pack(const struct statement_names *names, uint64_t meaning);
void statement_names_unpack(struct statement_names **names, struct statement_store *store, struct statement_parcel *parcel, uint64_t meaning,
                            uint64_t other); /* the parcel is gone */
size_t statement_names_count(const struct statement_names *names);

/* A server's numbers: which statements it has.  When it has more than `limit`, the one used least recently is to be closed. */
struct statement_numbers;
bool statement_numbers_use(struct statement_numbers **numbers, uint64_t number); /* present (and now recent)? */
/* Add; returns a number to close on the server, or 0. */
uint64_t statement_numbers_add(struct statement_numbers **numbers, uint64_t number, size_t limit);
void statement_numbers_remove(struct statement_numbers *numbers, uint64_t number);
void statement_numbers_free(struct statement_numbers **numbers);
size_t statement_numbers_count(const struct statement_numbers *numbers);

#endif
