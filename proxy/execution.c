/*
 * In the extended protocol a statement that the shard gets in its own words is prepared without a name each time; the client's own words
 * are prepared once on each server.
 */
#include "proxy/execution.h"

#include <string.h>

#include "proxy/evaluate.h"
#include "proxy/extended.h"

enum { TYPE_TEXT = 25 }; /* pg_type.dat */

/* Is the parameter of no concern to the shard? */
static bool is_unwanted(const struct execution *execution, const bool *lacks, int parameter)
{
    const struct plan *plan = execution->plan;
    return parameter < plan->parameter_count &&
           ((lacks && lacks[parameter]) || (plan->evaluation && plan->evaluation->leaves[parameter]));
}

static void put_typed_parse(struct server *server, const struct execution *execution, const char *text, const bool *lacks)
{
    struct buffer *out = stream_output(&server->stream);
    const struct plan *plan = execution->plan;
    const struct statement *statement = execution->statement;
    int count = statement->type_count > plan->parameter_count ? statement->type_count : plan->parameter_count;
    size_t mark = wire_begin(out, 'P');
    wire_put_string(out, "");
    wire_put_string(out, text);
    wire_put_int16(out, (int16_t) count);
    for (int i = 0; i < count; i++) {
        uint32_t type = i < statement->type_count ? statement->types[i] : 0;
        if (type == 0 && i < plan->parameter_count)
            type = plan->parameter_types[i] == 0 && is_unwanted(execution, lacks, i) ? TYPE_TEXT : plan->parameter_types[i];
        wire_put_int32(out, (int32_t) type);
    }
    wire_end(out, mark);
    server->unnamed = 0;
}

const char *execution_portal(const struct execution *execution)
{
    return execution->limit != 0 ? execution->bind.portal : "";
}

/* The Bind message with the shard's statement; codes for hidden columns are added when each column has its own, and values that
 * computed ones have replaced, or that other shards get, are left out. */
static void put_bind(struct server *server, const struct execution *execution, const char *name, int hidden, const bool *lacks)
{
    struct buffer *out = stream_output(&server->stream);
    const struct bind_message *bind = &execution->bind;
    struct reader reader = {bind->result_formats, bind->result_formats + bind->result_formats_length, false};
    int16_t codes = read_int16(&reader);
    size_t mark = wire_begin(out, 'B');
    wire_put_string(out, execution_portal(execution));
    wire_put_string(out, name);
    if (execution->plan->evaluation || lacks) {
        evaluate_put_values(out, &bind->values, execution->plan->evaluation ? execution->plan->evaluation->leaves : NULL, lacks);
        wire_put_bytes(out, bind->result_formats, bind->result_formats_length);
    } else if (codes > 1 && hidden > 0) {
        wire_put_bytes(out, bind->rest, bind->rest_length - bind->result_formats_length);
        wire_put_int16(out, (int16_t) (codes + hidden));
        wire_put_bytes(out, reader.at, (size_t) (reader.end - reader.at));
        for (int i = 0; i < hidden; i++)
            wire_put_int16(out, 0);
    } else {
        wire_put_bytes(out, bind->rest, bind->rest_length);
    }
    wire_end(out, mark);
}

static void send_extended(struct server *server, const struct execution *execution, const char *text, int hidden,
                          const bool *lacks, struct reply_sink *sink)
{
    char name[STATEMENT_NAME_SIZE] = "";
    if (text) {
        put_typed_parse(server, execution, text, lacks);
        server_expect(server, 'P', false, sink);
    } else {
        query_prepare(server, execution->statement, !execution->once, sink, name);
    }
    put_bind(server, execution, name, hidden, lacks);
    server_expect(server, 'B', false, sink);
    extended_describe(server, sink, execution_portal(execution));
    extended_execute(server, sink, execution_portal(execution), execution->limit);
    if (execution->plan->statement == STATEMENT_COPY_IN)
        server_hold_sync(server, sink);
    else
        extended_sync(server, sink);
    stream_wrote(&server->stream);
}

void execution_send(const struct execution *execution, const struct run *run, struct server *server, const char *text,
                    int hidden, const bool *lacks, struct reply_sink *sink)
{
    if (execution->statement)
        send_extended(server, execution, text, hidden, lacks, sink);
    else if (text)
        server_query(server, text, strlen(text), sink);
    else
        server_query(server, run->text, run->text_length, sink);
}
