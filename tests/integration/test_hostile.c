/*
 * Bytes that no client would send: the connection may end, Keyway and everybody else go on.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/fixture.h"

static struct keyway keyway;
static PGconn *bystander;

static void start(void)
{
    keyway_start(&keyway, &(struct keyway_setup){
                              .shards = 3, .settings = "max_packet_size = 1MB\nclient_login_timeout = 2\n"});
    load_tables(3, 50);
    bystander = connect_keyway(&keyway, NULL);
}

static void stop(void)
{
    EXPECT(bystander, "SELECT count(*) FROM users", "50");
    PQfinish(bystander);
    keyway_stop(&keyway);
}

TestSuite(hostile, .init = start, .fini = stop, .timeout = 60);

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) keyway.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    return fd;
}

static void put(int fd, const void *bytes, size_t length)
{
    for (size_t sent = 0; sent < length;) {
        ssize_t now = send(fd, (const char *) bytes + sent, length - sent, MSG_NOSIGNAL);
        if (now <= 0)
            return; /* it has hung up on us already, as it may */
        sent += (size_t) now;
    }
}

/* Read until the other side closes; false: it did not within the time. */
static bool closes(int fd, int timeout_ms)
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

/* Read until ReadyForQuery or the end; how many bytes came. */
static size_t read_answer(int fd, char *bytes, size_t size)
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

static const char startup[] = "\0\0\0\x1f\0\3\0\0user\0app\0database\0app\0\0";

/* Log in with bytes of our own and read what comes until ReadyForQuery. */
static int login(void)
{
    char bytes[4096];
    int fd = dial();
    put(fd, startup, 31);
    size_t length = read_answer(fd, bytes, sizeof bytes);
    cr_assert(length > 6 && bytes[length - 6] == 'Z', "no login with the plain startup packet");
    return fd;
}

static void expect_closed_after_login(const void *bytes, size_t length)
{
    int fd = login();
    put(fd, bytes, length);
    cr_expect(closes(fd, 10000), "the connection stays open");
    close(fd);
}

Test(hostile, garbage_in_place_of_a_startup_packet)
{
    srand(1);
    for (int round = 0; round < 50; round++) {
        char bytes[300];
        int fd = dial();
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char) rand();
        put(fd, bytes, (size_t) (rand() % 300) + 1);
        shutdown(fd, SHUT_WR);
        cr_expect(closes(fd, 10000), "round %d: the connection stays open", round);
        close(fd);
    }
}

Test(hostile, http_in_place_of_a_startup_packet)
{
    int fd = dial();
    put(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    cr_expect(closes(fd, 10000));
    close(fd);
}

Test(hostile, a_client_that_never_logs_in)
{
    int fd = dial();
    cr_expect(closes(fd, 15000));
    close(fd);
}

Test(hostile, a_startup_packet_cut_short)
{
    for (size_t length = 1; length < 31; length += 3) {
        int fd = dial();
        put(fd, startup, length);
        shutdown(fd, SHUT_WR);
        cr_expect(closes(fd, 10000));
        close(fd);
    }
}

Test(hostile, a_message_of_unknown_type)
{
    expect_closed_after_login("!\0\0\0\5x", 6);
}

Test(hostile, a_length_that_is_too_small)
{
    expect_closed_after_login("Q\0\0\0\0\0", 6);
}

Test(hostile, a_length_that_is_too_large)
{
    expect_closed_after_login("Q\x7f\xff\xff\xffSELECT", 11);
}

Test(hostile, a_message_cut_by_the_end_of_the_stream)
{
    int fd = login();
    put(fd, "Q\0\0\0\x20SELECT", 11);
    shutdown(fd, SHUT_WR);
    cr_expect(closes(fd, 10000));
    close(fd);
}

/* One byte at a time is slow, but right. */
Test(hostile, a_query_in_single_bytes_is_answered)
{
    static const char query[] = "Q\0\0\0\x0dSELECT 1";
    char bytes[500];
    int fd = login();
    for (size_t i = 0; i < sizeof query; i++)
        put(fd, query + i, 1);
    size_t length = read_answer(fd, bytes, sizeof bytes);
    cr_expect(memmem(bytes, length, "SELECT 1\0Z", 10), "no answer in %zu bytes", length);
    put(fd, "X\0\0\0\4", 5);
    cr_expect(closes(fd, 10000));
    close(fd);
}

Test(hostile, random_messages_after_login)
{
    srand(2);
    for (int round = 0; round < 100; round++) {
        static const char types[] = "QPBDECSHFfdcpX?";
        unsigned char bytes[80];
        size_t length = (size_t) (rand() % 60);
        int fd = login();
        bytes[0] = (unsigned char) types[rand() % 15];
        bytes[1] = bytes[2] = bytes[3] = 0;
        bytes[4] = (unsigned char) (length + 4);
        for (size_t i = 0; i < length; i++)
            bytes[5 + i] = (unsigned char) rand();
        put(fd, bytes, 5 + length);
        put(fd, "S\0\0\0\4X\0\0\0\4", 10);
        shutdown(fd, SHUT_WR);
        cr_expect(closes(fd, 10000), "round %d: type %c, length %zu: neither answered nor closed", round,
                  bytes[0], length);
        close(fd);
    }
}
