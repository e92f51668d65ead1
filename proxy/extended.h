/*
 * extended: messages of the extended protocol for a server's unnamed statement and portal (PostgreSQL 15 protocol, 55.2.3).
 *
 * Each is written and noted as expected for the sink.  Bind is the caller's own to write.
 */
#ifndef KEYWAY_EXTENDED_H
#define KEYWAY_EXTENDED_H

#include "proxy/server.h"

void extended_parse(struct server *server, struct reply_sink *sink, const char *text, size_t length, const uint32_t *types,
                    int type_count);
/* 'S': the statement, 'P': the portal. */
void extended_describe(struct server *server, struct reply_sink *sink, uint8_t kind);
void extended_execute(struct server *server, struct reply_sink *sink, int32_t limit);
void extended_sync(struct server *server, struct reply_sink *sink);

#endif
