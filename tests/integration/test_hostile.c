/*
 * Bytes that no client would send: the connection may end, Keyway and everybody else go on.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/fixture.h"
#include "tests/integration/raw.h"

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

static void expect_closed_after_login(const void *bytes, size_t length)
{
    int fd = raw_login(&keyway);
    raw_put(fd, bytes, length);
    cr_expect(raw_closes(fd, 10000), "the connection stays open");
    close(fd);
}

Test(hostile, garbage_in_place_of_a_startup_packet)
{
    srand(1);
    for (int round = 0; round < 50; round++) {
        char bytes[300];
        int fd = raw_dial(&keyway);
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (char) rand();
        raw_put(fd, bytes, (size_t) (rand() % 300) + 1);
        shutdown(fd, SHUT_WR);
        cr_expect(raw_closes(fd, 10000), "round %d: the connection stays open", round);
        close(fd);
    }
}

Test(hostile, http_in_place_of_a_startup_packet)
{
    int fd = raw_dial(&keyway);
    raw_put(fd, "GET / HTTP/1.1\r\n\r\n", 18);
    cr_expect(raw_closes(fd, 10000));
    close(fd);
}

Test(hostile, a_client_that_never_logs_in)
{
    int fd = raw_dial(&keyway);
    cr_expect(raw_closes(fd, 15000));
    close(fd);
}

Test(hostile, a_startup_packet_cut_short)
{
    for (size_t length = 1; length < RAW_STARTUP; length += 3) {
        int fd = raw_dial(&keyway);
        raw_put(fd, raw_startup, length);
        shutdown(fd, SHUT_WR);
        cr_expect(raw_closes(fd, 10000));
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
    int fd = raw_login(&keyway);
    raw_put(fd, "Q\0\0\0\x20SELECT", 11);
    shutdown(fd, SHUT_WR);
    cr_expect(raw_closes(fd, 10000));
    close(fd);
}

/* One byte at a time is slow, but right. */
Test(hostile, a_query_in_single_bytes_is_answered)
{
    static const char query[] = "Q\0\0\0\x0dSELECT 1";
    char bytes[500];
    int fd = raw_login(&keyway);
    for (size_t i = 0; i < sizeof query; i++)
        raw_put(fd, query + i, 1);
    size_t length = raw_answer(fd, bytes, sizeof bytes);
    cr_expect(memmem(bytes, length, "SELECT 1\0Z", 10), "no answer in %zu bytes", length);
    raw_terminate(fd);
    cr_expect(raw_closes(fd, 10000));
    close(fd);
}

Test(hostile, random_messages_after_login)
{
    srand(2);
    for (int round = 0; round < 100; round++) {
        static const char types[] = "QPBDECSHFfdcpX?";
        unsigned char bytes[80];
        size_t length = (size_t) (rand() % 60);
        int fd = raw_login(&keyway);
        bytes[0] = (unsigned char) types[rand() % 15];
        bytes[1] = bytes[2] = bytes[3] = 0;
        bytes[4] = (unsigned char) (length + 4);
        for (size_t i = 0; i < length; i++)
            bytes[5 + i] = (unsigned char) rand();
        raw_put(fd, bytes, 5 + length);
        raw_put(fd, "S\0\0\0\4X\0\0\0\4", 10);
        shutdown(fd, SHUT_WR);
        cr_expect(raw_closes(fd, 10000), "round %d: type %c, length %zu: neither answered nor closed", round,
                  bytes[0], length);
        close(fd);
    }
}

/* A statement of `length` bytes whose answer is the length of the text inside. */
static char *long_statement(size_t length)
{
    static const char start[] = "SELECT length('", end[] = "')";
    char *sql = malloc(length + 1);
    size_t ends = sizeof start + sizeof end - 2;
    memset(sql, 'x', length);
    memcpy(sql, start, sizeof start - 1);
    memcpy(sql + length - (sizeof end - 1), end, sizeof end);
    cr_assert_gt(length, ends);
    return sql;
}

Test(hostile, a_message_just_below_max_packet_size_is_answered)
{
    PGconn *conn = connect_keyway(&keyway, NULL);
    char *sql = long_statement(1000017);
    EXPECT(conn, sql, "1000000");
    free(sql);
    PQfinish(conn);
}

Test(hostile, a_message_above_max_packet_size)
{
    int fd = raw_login(&keyway);
    char *sql = long_statement(2000000);
    raw_query(fd, sql);
    cr_expect(raw_closes(fd, 10000), "the connection stays open");
    free(sql);
    close(fd);
}

/* A connection may be half-closed before its time: nothing of it stays behind. */
Test(hostile, a_half_closed_socket_before_and_after_login)
{
    int early = raw_dial(&keyway), late = raw_login(&keyway);
    shutdown(early, SHUT_WR);
    shutdown(late, SHUT_WR);
    cr_expect(raw_closes(early, 10000));
    cr_expect(raw_closes(late, 10000));
    close(early);
    close(late);
}

Test(hostile, a_half_closed_socket_in_the_middle_of_copy)
{
    char bytes[1000];
    int fd = raw_login(&keyway);
    raw_query(fd, "COPY users (username) FROM STDIN");
    cr_assert_gt(recv(fd, bytes, sizeof bytes, 0), 0);
    raw_message(fd, 'd', "half\n", 5);
    shutdown(fd, SHUT_WR);
    cr_expect(raw_closes(fd, 10000));
    close(fd);
}

Test(hostile, a_burst_of_queries_before_any_answer_is_read)
{
    enum { BURST = 300 };
    char bytes[4096];
    size_t answers = 0, length;
    int fd = raw_login(&keyway);
    for (int i = 0; i < BURST; i++)
        raw_query(fd, "SELECT username FROM users WHERE username = 'q'");
    raw_terminate(fd);
    while ((length = (size_t) recv(fd, bytes, 1, 0)) == 1)
        answers += bytes[0] == 'Z';
    cr_expect_eq(answers, BURST, "%zu answers", answers);
    close(fd);
}
