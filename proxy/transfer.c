/*
 * A send that moved less than it was given has filled the socket: it is to wait, and need not be tried once more to learn that.
 */
#include "proxy/transfer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static struct transfer nothing_moved(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
        return (struct transfer){.end = TRANSFER_WAIT};
    return (struct transfer){.end = TRANSFER_FAILED, .reason = strerrordesc_np(errno)};
}

struct transfer transfer_receive(int fd, uint8_t *place, size_t room, int flags)
{
    ssize_t got = recv(fd, place, room, flags);
    if (got > 0)
        return (struct transfer){.count = (size_t) got};
    if (got == 0)
        return (struct transfer){.end = TRANSFER_CLOSED, .reason = "connection closed by peer"};
    return nothing_moved();
}

struct transfer transfer_send(int fd, const uint8_t *bytes, size_t length)
{
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0)
        return nothing_moved();
    return (struct transfer){.count = (size_t) sent, .end = (size_t) sent == length ? TRANSFER_GOOD : TRANSFER_WAIT};
}
