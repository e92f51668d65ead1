/*
 * Whoever used the unnamed statement before has to parse it again.
 */
#include "proxy/extended.h"

void extended_parse_named(struct server *server, struct reply_sink *sink, const char *name, const char *text, size_t length, const uint32_t *types,
                          int type_count)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'P');
    wire_put_string(out, name);
    wire_put_bytes(out, text, length);
    wire_put_byte(out, 0);
    wire_put_int16(out, (int16_t) type_count);
    for (int i = 0; i < type_count; i++)
        wire_put_int32(out, (int32_t) types[i]);
    wire_end(out, mark);
    server_expect(server, 'P', false, sink);
}

void extended_parse(struct server *server, struct reply_sink *sink, const char *text, size_t length, const uint32_t *types,
                    int type_count)
{
    extended_parse_named(server, sink, "", text, length, types, type_count);
    server->unnamed = 0;
}

static void put_about(struct server *server, uint8_t type, uint8_t kind, const char *name)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, type);
    wire_put_byte(out, kind);
    wire_put_string(out, name);
    wire_end(out, mark);
}

void extended_describe_statement(struct server *server, struct reply_sink *sink, const char *name)
{
    put_about(server, 'D', 'S', name);
    server_expect(server, 'D', false, sink);
}

void extended_describe(struct server *server, struct reply_sink *sink, const char *portal)
{
    put_about(server, 'D', 'P', portal);
    server_expect(server, 'D', false, sink);
}

void extended_execute(struct server *server, struct reply_sink *sink, const char *portal, int32_t limit)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'E');
    wire_put_string(out, portal);
    wire_put_int32(out, limit);
    wire_end(out, mark);
    server_expect(server, 'E', false, sink);
}

void extended_close(struct server *server, const char *portal)
{
    put_about(server, 'C', 'P', portal);
    server_expect(server, 'C', true, NULL);
    stream_wrote(&server->stream);
}

void extended_close_statement(struct server *server, const char *name)
{
    put_about(server, 'C', 'S', name);
    server_expect(server, 'C', true, NULL);
    stream_wrote(&server->stream);
}

void extended_sync(struct server *server, struct reply_sink *sink)
{
    wire_empty(stream_output(&server->stream), 'S');
    server_expect(server, 'S', sink == NULL, sink);
    stream_wrote(&server->stream);
}
