/*
 * Whoever used the unnamed statement before has to parse it again.
 */
#include "proxy/extended.h"

void extended_parse(struct server *server, struct reply_sink *sink, const char *text, size_t length, const uint32_t *types,
                    int type_count)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'P');
    wire_put_string(out, "");
    wire_put_bytes(out, text, length);
    wire_put_byte(out, 0);
    wire_put_int16(out, (int16_t) type_count);
    for (int i = 0; i < type_count; i++)
        wire_put_int32(out, (int32_t) types[i]);
    wire_end(out, mark);
    server_expect(server, 'P', false, sink);
    server->unnamed = 0;
}

void extended_describe(struct server *server, struct reply_sink *sink, uint8_t kind)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'D');
    wire_put_byte(out, kind);
    wire_put_string(out, "");
    wire_end(out, mark);
    server_expect(server, 'D', false, sink);
}

void extended_execute(struct server *server, struct reply_sink *sink, int32_t limit)
{
    struct buffer *out = stream_output(&server->stream);
    size_t mark = wire_begin(out, 'E');
    wire_put_string(out, "");
    wire_put_int32(out, limit);
    wire_end(out, mark);
    server_expect(server, 'E', false, sink);
}

void extended_sync(struct server *server, struct reply_sink *sink)
{
    wire_empty(stream_output(&server->stream), 'S');
    server_expect(server, 'S', false, sink);
    stream_wrote(&server->stream);
}
