/*
 * extended: messages of the extended protocol that the proxy sends to a server on its own (PostgreSQL 15 protocol, 55.2.3).
 *
 * Each is written and noted as expected for the sink.  A statement's name is "" for the unnamed one; Bind is the caller's own to write.
 */
#ifndef KEYWAY_EXTENDED_H
#define KEYWAY_EXTENDED_H

#include "proxy/server.h"

void extended_parse(struct server *server, struct reply_sink *sink, const char *text, size_t length, const uint32_t *types,
                    int type_count);
/* The same under a name. */
void extended_parse_named(struct server *server, struct reply_sink *sink, const char *name, const char *text, size_t length, const uint32_t *types,
                          int type_count);
void extended_describe_statement(struct server *server, struct reply_sink *sink, const char *name);
void extended_describe(struct server *server, struct reply_sink *sink, const char *portal);
void extended_execute(struct server *server, struct reply_sink *sink, const char *portal, int32_t limit);
/* Nobody is told. */
void extended_close(struct server *server, const char *portal);
void extended_close_statement(struct server *server, const char *name);
void extended_sync(struct server *server, struct reply_sink *sink); /* NULL: nobody is told */

#endif
