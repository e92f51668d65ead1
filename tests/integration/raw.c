/*
 * Blocking sockets; whatever comes is compared as bytes.
 */
#include "tests/integration/raw.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

const char raw_startup[] = "\0\0\0\x1f\0\3\0\0user\0app\0database\0app\0\0";

int raw_dial(const struct keyway *keyway)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) keyway->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    return fd;
}

void raw_put(int fd, const void *bytes, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t now = send(fd, (const char *) bytes + sent, length - sent, MSG_NOSIGNAL);
        if (now <= 0)
            return;
        sent += (size_t) now;
    }
}

void raw_message(int fd, char type, const void *body, size_t length)
{
    char head[5] = {type};
    uint32_t size = htonl((uint32_t) length + 4);
    memcpy(head + 1, &size, sizeof size);
    raw_put(fd, head, sizeof head);
    raw_put(fd, body, length);
}

void raw_query(int fd, const char *sql)
{
    raw_message(fd, 'Q', sql, strlen(sql) + 1);
}

void raw_terminate(int fd)
{
    raw_message(fd, 'X', "", 0);
}

size_t raw_answer(int fd, char *bytes, size_t size)
{
    size_t length = 0;
    while (length < size && (length < 6 || memcmp(bytes + length - 6, "Z\0\0\0\5I", 6) != 0)) {
        ssize_t now = recv(fd, bytes + length, size - length, 0);
        if (now <= 0)
            break;
        length += (size_t) now;
    }
    return length;
}

int raw_login(const struct keyway *keyway)
{
    char bytes[4096];
    int fd = raw_dial(keyway);
    raw_put(fd, raw_startup, RAW_STARTUP);
    size_t length = raw_answer(fd, bytes, sizeof bytes);
    cr_assert(length > 6 && bytes[length - 6] == 'Z', "no login with the plain startup packet");
    return fd;
}

bool raw_closes(int fd, int timeout_ms)
{
    char bytes[4096];
    long deadline = milliseconds() + timeout_ms;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        long left = deadline - milliseconds();
        if (left <= 0 || poll(&ready, 1, (int) left) == 0)
            return false;
        if (recv(fd, bytes, sizeof bytes, 0) <= 0)
            return true;
    }
}
