/*
 * TCP does not tell a peer that only stopped sending from one that has gone, before something is sent to it:
 * a parameter that never changes does the one no harm, and from the other a reset comes back, which the next
 * tick sees.  Who has said Terminate, however, wants its statement to run, and may go meanwhile.
 */
#include "proxy/client_gone.h"

#include <string.h>

#include "proxy/client_rest.h"
#include "proxy/copy.h"

static bool request_is_under_way(const struct client *client)
{
    return client->state == CLIENT_BUSY || (client->state == CLIENT_IDLE && client->waiting != WAIT_NOTHING);
}

static bool has_said_goodbye(const struct client *client)
{
    static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
    const struct buffer *in = &client->stream.in;
    size_t length = buffer_length(in);
    return length >= sizeof(terminate) &&
           memcmp(buffer_data(in) + length - sizeof(terminate), terminate, sizeof(terminate)) == 0;
}

static bool is_between_messages(const struct client *client)
{
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (server->passing > 0)
            return false;
    return true;
}

/* The end may be read in the same turn as the answer before it was written. */
static bool has_output_to_send(struct client *client)
{
    stream_flush(&client->stream);
    client->leaving = stream_has_unsent(&client->stream);
    return client->leaving;
}

bool client_half_closed(struct stream *stream)
{
    struct client *client = stream->context;
    client_rouse(client);
    bool data_is_missing = !stream->paused && copy_wanted(client);
    if (!request_is_under_way(client) || client->console || data_is_missing)
        return has_output_to_send(client);
    client->half_closed = !has_said_goodbye(client);
    if (client->half_closed && is_between_messages(client)) {
        wire_parameter(client_output(client), "integer_datetimes", "on");
        client_wrote(client);
    }
    return true;
}

bool client_is_gone(const struct client *client)
{
    return client->half_closed && request_is_under_way(client) && stream_peer_is_gone(&client->stream);
}
