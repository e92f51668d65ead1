/*
 * CopyData of a forwarded COPY is passed on as it comes to the server that waits for it; that of a run goes to its fan-out.  A server whose output is full stops the client's input until it has
 * drained.
 */
#include "proxy/copy.h"

#include <string.h>

#include "proxy/fanout.h"
#include "proxy/keyway.h"
#include "proxy/run.h"

bool copy_wanted(const struct client *client)
{
    if (client->run)
        return client->run->fanout && fanout_copies(client->run->fanout);
    for (const struct server *server = client->servers; server; server = server->next_lent)
        if (server->copy_in)
            return true;
    return false;
}

static void copy_send(struct client *client, const uint8_t *bytes, size_t length)
{
    for (struct server *server = client->servers; server; server = server->next_lent)
        if (server->copy_in && !stream_write(&server->stream, bytes, length))
            stream_pause(&client->stream);
}

/* In extended protocol the Sync of the batch has been held back: the server gets it now, and the client's own next one is not passed on. */
static void copy_end(struct client *client)
{
    for (struct server *server = client->servers; server; server = server->next_lent) {
        if (server->copy_in && server->sync_owed) {
            server_send_held_sync(server);
            client->drop_sync = true;
        }
        server->copy_in = false;
    }
}

static void refuse_message(struct client *client)
{
    struct error error = {0};
    error_set(&error, SQLSTATE_PROTOCOL_VIOLATION, "unexpected message type during COPY from stdin");
    client_close(client, &error, "unexpected message during COPY");
    error_clear(&error);
}

/* Whole messages for a fan-out: rows may have to be taken apart. */
static size_t run_copy_message(struct client *client, const struct frame *frame)
{
    struct fanout *fanout = client->run->fanout;
    struct reader reader = reader_of(frame);
    const char *reason;
    switch (frame->type) {
    case 'd':
        fanout_copy_data(fanout, frame->body, frame->body_length);
        break;
    case 'c':
        fanout_copy_end(fanout, NULL);
        client->drop_sync = run_is_synced(client->run);
        break;
    case 'f':
        reason = read_string(&reader);
        fanout_copy_end(fanout, reason ? reason : "");
        client->drop_sync = run_is_synced(client->run);
        break;
    case 'X':
        client_close(client, NULL, "client close request");
        break;
    case 'H':
    case 'S': /* ignored during COPY (55.2.6) */
        break;
    default:
        refuse_message(client);
        break;
    }
    return frame->total;
}

size_t copy_input(struct client *client, const uint8_t *bytes, size_t length)
{
    struct frame frame;
    if (client->passing > 0) {
        size_t part = client->passing < length ? client->passing : length;
        client->passing -= part;
        copy_send(client, bytes, part);
        return part;
    }
    switch (wire_scan(bytes, length, (size_t) worker_state(client->stream.worker)->settings->max_packet_size, &frame)) {
    case WIRE_FRAME:
        if (client->run)
            return run_copy_message(client, &frame);
        if (frame.type == 'd' || frame.type == 'c' || frame.type == 'f')
            copy_send(client, bytes, frame.total);
        if (frame.type == 'c' || frame.type == 'f')
            copy_end(client);
        if (frame.type == 'X')
            client_close(client, NULL, "client close request");
        else if (strchr("dcfHS", frame.type) == NULL)
            refuse_message(client);
        return frame.total; /* Flush and Sync are ignored during COPY (55.2.6) */
    case WIRE_HEAD:
        if (frame.type != 'd' || client->run)
            return 0;
        client->passing = frame.total;
        return copy_input(client, bytes, length);
    case WIRE_PARTIAL:
        return 0;
    case WIRE_BAD:
        client_close(client, NULL, "invalid message length");
        return length;
    }
    return length;
}
