/*
 * Plain streams: back-pressure, pauses, ends, and the lives of streams.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/stream_scene.h"

/* --- owners
 * ----------------------------------------------------------------------------------------------------- */

/* Waits for a megabyte in one piece. */
static size_t patient_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct scene *scene = stream->context;
    scene->offers++;
    if (length < 1024 * 1024)
        return 0;
    for (size_t i = 0; i < 1024 * 1024; i++)
        cr_assert(bytes[i] == pattern(i));
    scene->received += 1024 * 1024;
    stream_write(stream, "!", 1);
    return 1024 * 1024;
}

static const struct stream_owner patient = {
    .input = patient_input, .drained = note_drained, .ended = note_end};

static const struct stream_owner loyal = {
    .input = listening_input, .drained = note_drained, .ended = note_end, .half_closed = note_half_closed};

/* --- plain
 * ------------------------------------------------------------------------------------------------------ */

BOTH_WAYS(a_message_is_answered)
{
    struct scene scene;
    char answer[6] = "";
    scene_begin(&scene, over_tcp, &echo);
    for (int i = 0; i < 100; i++) {
        send_all(scene.peer, "hello", 5);
        receive_all(scene.peer, answer, 5);
        cr_assert(eq(str, answer, "hello"));
    }
    scene_end(&scene);
    cr_assert(eq(sz, scene.stream.bytes_received, 500));
    cr_assert(eq(sz, scene.stream.bytes_sent, 500));
}

static void *feed(void *argument)
{
    static _Thread_local uint8_t chunk[CHUNK];
    int fd = *(int *) argument;
    for (size_t done = 0; done < MANY; done += CHUNK) {
        for (size_t i = 0; i < CHUNK; i++)
            chunk[i] = pattern(done + i);
        send_all(fd, chunk, CHUNK);
    }
    return NULL;
}

static void read_back(int fd, bool slowly)
{
    static uint8_t chunk[CHUNK];
    for (size_t done = 0; done < MANY; done += CHUNK) {
        receive_all(fd, chunk, CHUNK);
        for (size_t i = 0; i < CHUNK; i++)
            cr_assert(chunk[i] == pattern(done + i));
        if (slowly && done % (MANY / 16) == 0)
            rest(20);
    }
}

static void transfer(int (*connected)(int *))
{
    struct scene scene;
    pthread_t feeder;
    scene_begin(&scene, connected, &echo);
    pthread_create(&feeder, NULL, feed, &scene.peer);
    rest(100);
    read_back(scene.peer, true);
    pthread_join(feeder, NULL);
    cr_assert(gt(int, scene.drains, 0));
    cr_assert(le(sz, scene.largest_output, STREAM_HIGH_WATER + WORKER_READ_BUFFER));
    scene_end(&scene);
    cr_assert(eq(sz, scene.received, MANY));
    cr_assert(eq(int, scene.ends, 0));
}

BOTH_WAYS(a_slow_reader_holds_its_feeder_over_tcp, .timeout = 60)
{
    transfer(over_tcp);
}

BOTH_WAYS(a_slow_reader_holds_its_feeder_over_a_unix_socket, .timeout = 60)
{
    transfer(over_unix);
}

BOTH_WAYS(nothing_is_offered_while_paused_and_all_of_it_after)
{
    struct scene scene;
    scene_begin(&scene, over_unix, &hesitant);
    send_all(scene.peer, "message 01message 02message 03mess", 34);
    for (int i = 1; i <= 3; i++) {
        char expected[24];
        rest(30);
        cr_assert(eq(int, scene.offers, i));
        snprintf(expected, sizeof(expected), "message %02d", i);
        cr_assert(eq(str, scene.heard, expected));
        on_worker(&scene, resume);
    }
    rest(30);
    cr_assert(eq(int, scene.offers, 4)); /* "mess" */
    send_all(scene.peer, "age 04", 6);
    rest(30);
    cr_assert(eq(str, scene.heard, "message 04"));
    scene_end(&scene);
}

/* A receive may go on for several pieces (proxy/ring). */
static void many_small_messages(int (*connected)(int *))
{
    enum { MESSAGES = 500, LENGTH = 50 };
    struct scene scene;
    uint8_t message[LENGTH], answer[LENGTH];
    scene_begin(&scene, connected, &echo);
    for (size_t i = 0; i < MESSAGES; i++) {
        for (size_t k = 0; k < LENGTH; k++)
            message[k] = pattern(i * LENGTH + k);
        send_all(scene.peer, message, LENGTH);
        receive_all(scene.peer, answer, LENGTH);
        cr_assert(zero(int, memcmp(answer, message, LENGTH)));
    }
    send_all(scene.peer, message, LENGTH);
    shutdown(scene.peer, SHUT_WR);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(sz, scene.received, (MESSAGES + 1) * LENGTH));
    cr_assert(eq(int, scene.ends, 1));
    scene_end(&scene);
}

BOTH_WAYS(many_small_messages_and_the_end_behind_them_arrive_over_tcp)
{
    many_small_messages(over_tcp);
}

BOTH_WAYS(many_small_messages_and_the_end_behind_them_arrive_over_a_unix_socket)
{
    many_small_messages(over_unix);
}

static void check_one_piece_waits(struct scene *scene)
{
    cr_assert(le(sz, buffer_length(&scene->stream.in), 64 * 1024));
}

BOTH_WAYS(a_paused_stream_is_not_brought_all_that_its_socket_holds)
{
    static char bytes[1024];
    struct scene scene;
    scene_begin(&scene, over_tcp, &hesitant);
    send_all(scene.peer, "message 01", 10);
    wait_until(&scene.offers, 1);
    set_non_blocking(scene.peer);
    for (int i = 0; i < 2000 && send(scene.peer, bytes, sizeof bytes, MSG_NOSIGNAL) > 0; i++)
        ;
    rest(30);
    on_worker(&scene, check_one_piece_waits);
    scene_end(&scene);
}

BOTH_WAYS(a_large_message_is_offered_in_one_piece_when_it_is_whole)
{
    struct scene scene;
    char answer = 0;
    uint8_t *message = malloc(1024 * 1024);
    for (size_t i = 0; i < 1024 * 1024; i++)
        message[i] = pattern(i);
    scene_begin(&scene, over_tcp, &patient);
    for (int i = 0; i < 3; i++) {
        send_all(scene.peer, message, 1024 * 1024);
        receive_all(scene.peer, &answer, 1);
        cr_assert(answer == '!');
    }
    rest(20);
    scene_end(&scene);
    cr_assert(eq(sz, scene.received, 3 * 1024 * 1024));
    free(message);
}

BOTH_WAYS(an_idle_stream_owns_no_buffers)
{
    struct scene scene;
    char answer[5];
    scene_begin(&scene, over_unix, &echo);
    send_all(scene.peer, "hello", 5);
    receive_all(scene.peer, answer, 5);
    rest(20);
    on_worker(&scene, check_no_memory);
    scene_end(&scene);
}

BOTH_WAYS(a_peer_that_stops_sending_still_gets_its_answer)
{
    struct scene scene;
    char answer[6] = "";
    scene_begin(&scene, over_tcp, &echo);
    send_all(scene.peer, "hello", 5);
    shutdown(scene.peer, SHUT_WR);
    receive_all(scene.peer, answer, 5);
    cr_assert(eq(str, answer, "hello"));
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(long, recv(scene.peer, answer, 1, 0), 0));
    cr_assert(eq(int, scene.ends, 1));
    scene_end(&scene);
}

BOTH_WAYS(the_end_is_told_to_a_paused_stream_after_it_was_resumed)
{
    struct scene scene;
    scene_begin(&scene, over_unix, &hesitant);
    send_all(scene.peer, "message 01message 02", 20);
    close(scene.peer);
    scene.peer = -1;
    rest(50);
    cr_assert(eq(int, scene.ends, 0));
    on_worker(&scene, resume);
    rest(50);
    cr_assert(eq(str, scene.heard, "message 02"));
    cr_assert(eq(int, scene.ends, 0));
    on_worker(&scene, resume);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(int, scene.ends, 1));
    scene_end(&scene);
}

static void ask_if_gone(struct scene *scene)
{
    scene->accepted = stream_peer_is_gone(&scene->stream);
}

static void check_little_waits(struct scene *scene)
{
    cr_assert(lt(sz, buffer_length(&scene->stream.in), 256 * 1024));
}

/* A merge takes one row each time. */
BOTH_WAYS(an_owner_that_takes_little_each_time_is_not_brought_more_and_more)
{
    static char bytes[64 * 1024];
    struct scene scene;
    scene_begin(&scene, over_tcp, &hesitant);
    set_non_blocking(scene.peer);
    for (int round = 0; round < 300; round++) {
        while (send(scene.peer, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
            ;
        on_worker(&scene, resume);
        rest(1);
    }
    on_worker(&scene, check_little_waits);
    scene_end(&scene);
}

BOTH_WAYS(an_owner_may_go_on_for_a_peer_that_stopped_sending)
{
    struct scene scene;
    char answer[4];
    scene_begin(&scene, over_tcp, &loyal);
    send_all(scene.peer, "hello", 5);
    shutdown(scene.peer, SHUT_WR);
    wait_until(&scene.half_closes, 1);
    cr_assert(eq(int, scene.ends, 0));
    on_worker(&scene, write_late);
    receive_all(scene.peer, answer, 4);
    on_worker(&scene, ask_if_gone);
    cr_assert(not(scene.accepted));
    on_worker(&scene, resume);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(str, scene.heard, "hello"));
    scene_end(&scene);
}

BOTH_WAYS(a_peer_that_is_gone_shows_it_when_something_is_sent)
{
    struct scene scene;
    scene_begin(&scene, over_tcp, &loyal);
    on_worker(&scene, pause_stream);
    close(scene.peer);
    scene.peer = -1;
    wait_until(&scene.half_closes, 1);
    on_worker(&scene, ask_if_gone);
    cr_assert(not(scene.accepted));
    on_worker(&scene, write_late);
    for (int rounds = 0; !scene.accepted && rounds < 1000; rounds++) {
        rest(10);
        on_worker(&scene, ask_if_gone);
    }
    cr_assert(scene.accepted);
    cr_assert(eq(int, scene.ends, 0));
    on_worker(&scene, resume);
    cr_assert(wait_for_end(&scene));
    scene_end(&scene);
}

BOTH_WAYS(a_reset_is_told_once)
{
    struct scene scene;
    scene_begin(&scene, over_tcp, &echo);
    send_all(scene.peer, "hello", 5);
    rest(20);
    reset_peer(&scene);
    cr_assert(wait_for_end(&scene));
    rest(20);
    cr_assert(eq(int, scene.ends, 1));
    scene_end(&scene);
}

/* What comes to a paused stream ends its receive: the next one finds bytes and the reset behind them. */
BOTH_WAYS(a_reset_behind_bytes_is_told_to_a_stream_that_was_resumed)
{
    struct scene scene;
    scene_begin(&scene, over_tcp, &hesitant);
    send_all(scene.peer, "message 01", 10);
    wait_until(&scene.offers, 1);
    send_all(scene.peer, "m", 1);
    rest(30);
    send_all(scene.peer, "essage 02", 9);
    reset_peer(&scene);
    rest(30);
    on_worker(&scene, resume);
    rest(30);
    cr_assert(eq(str, scene.heard, "message 02"));
    on_worker(&scene, resume);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(int, scene.ends, 1));
    scene_end(&scene);
}

BOTH_WAYS(a_failed_send_is_told_after_what_the_peer_said_last)
{
    struct scene scene;
    scene_begin(&scene, over_unix, &listening);
    send_all(scene.peer, "last words", 10);
    close(scene.peer);
    scene.peer = -1;
    on_worker(&scene, write_much);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(str, scene.heard, "last words"));
    cr_assert(eq(int, scene.ends, 1));
    cr_assert(not(scene.ended_inside_a_call));
    scene_end(&scene);
}

static void pause_and_write(struct scene *scene)
{
    stream_pause(&scene->stream);
    stream_write(&scene->stream, "x", 1);
}

BOTH_WAYS(a_failed_send_is_told_even_to_a_paused_stream)
{
    struct scene scene;
    scene_begin(&scene, over_unix, &listening);
    on_worker(&scene, pause_and_write);
    close(scene.peer);
    scene.peer = -1;
    on_worker(&scene, pause_and_write);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(int, scene.ends, 1));
    scene_end(&scene);
}

/* --- lifetime
 * --------------------------------------------------------------------------------------------------- */

struct guest {
    struct stream stream;
    struct scene *scene;
};

static size_t vanishing_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct guest *guest = (struct guest *) stream;
    struct scene *scene = guest->scene;
    stream_write(stream, bytes, length);
    stream_close(stream);
    free(guest);
    sem_post(&scene->ended);
    return length;
}

static const struct stream_owner vanishing = {
    .input = vanishing_input, .drained = note_drained, .ended = note_end};

static void open_guest(struct scene *scene)
{
    struct guest *guest = malloc(sizeof(*guest));
    guest->scene = scene;
    stream_open(&guest->stream, scene->worker, opening_fd, NULL, &vanishing, scene);
    move_through_ring(&guest->stream);
}

BOTH_WAYS(a_stream_may_be_closed_and_freed_by_the_owner_that_is_offered_input)
{
    struct scene scene;
    int peer;
    scene_begin(&scene, over_unix, &echo);
    for (int i = 0; i < 20; i++) {
        opening_fd = over_unix(&peer);
        set_non_blocking(opening_fd);
        on_worker(&scene, open_guest);
        send_all(peer, "hello", 5);
        cr_assert(wait_for_end(&scene));
        close(peer);
    }
    scene_end(&scene);
}

BOTH_WAYS(a_stream_moves_between_workers_with_what_waits_in_it)
{
    struct scene scene;
    char answer[6] = "";
    scene_begin(&scene, over_tcp, &echo);
    scene.other = start_worker(1);
    for (int i = 0; i < 50; i++) {
        on(scene.worker, &scene, detach);
        send_all(scene.peer, "hello", 5);
        on(scene.other, &scene, attach_to_other);
        receive_all(scene.peer, answer, 5);
        cr_assert(eq(str, answer, "hello"));
        on(scene.other, &scene, detach);
        on(scene.worker, &scene, attach_to_first);
        send_all(scene.peer, "again", 5);
        receive_all(scene.peer, answer, 5);
        cr_assert(eq(str, answer, "again"));
    }
    scene_end(&scene);
    worker_stop(scene.other);
    worker_free(scene.other);
}

/* Takes what ends with a full stop, and leaves its worker then. */
static size_t leaving_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct scene *scene = stream->context;
    const uint8_t *end = memchr(bytes, '.', length);
    size_t used = end ? (size_t) (end - bytes) + 1 : 0;
    strncat(scene->heard, (const char *) bytes, used);
    if (end)
        stream_detach(stream);
    scene->offers++;
    return used;
}

static const struct stream_owner leaving = {.input = leaving_input, .drained = note_drained, .ended = note_end};

static void do_nothing(struct scene *scene)
{
    (void) scene;
}

BOTH_WAYS(a_stream_that_leaves_inside_its_input_takes_along_what_was_not_read_and_no_more)
{
    struct scene scene;
    scene_begin(&scene, over_unix, &leaving);
    scene.other = start_worker(1);
    send_all(scene.peer, "ab", 2);
    wait_until(&scene.offers, 1);
    send_all(scene.peer, "c.de", 4); /* behind bytes that wait */
    wait_until(&scene.offers, 2);
    on(scene.worker, &scene, do_nothing); /* the turn is over */
    on(scene.other, &scene, attach_to_other);
    wait_until(&scene.offers, 3);
    send_all(scene.peer, "f.", 2);
    wait_until(&scene.offers, 4);
    on(scene.other, &scene, do_nothing);
    on(scene.worker, &scene, attach_to_first);
    send_all(scene.peer, "g.h.", 4); /* in one piece */
    wait_until(&scene.offers, 5);
    on(scene.worker, &scene, do_nothing);
    send_all(scene.peer, "i.", 2); /* while nobody receives */
    on(scene.other, &scene, attach_to_other);
    wait_until(&scene.offers, 6);
    on(scene.other, &scene, do_nothing);
    on(scene.worker, &scene, attach_to_first);
    wait_until(&scene.offers, 7);
    on(scene.worker, &scene, do_nothing);
    on(scene.worker, &scene, attach_to_first);
    cr_assert(eq(str, scene.heard, "abc.def.g.h.i."));
    scene_end(&scene);
    worker_stop(scene.other);
    worker_free(scene.other);
}

/* Does libev's epoll know the stream's descriptor?  (proc(5), fdinfo) */
static bool is_watched(const struct worker *worker, int fd)
{
    char path[40], line[200];
    bool found = false;
    int target;
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", worker->loop_fd);
    FILE *file = fopen(path, "r");
    cr_assert(not(zero(ptr, file)));
    while (fgets(line, sizeof(line), file))
        found |= sscanf(line, "tfd: %d", &target) == 1 && target == fd;
    fclose(file);
    return found;
}

Test(ring, a_stream_that_leaves_is_forgotten_by_libev, .init = use_ring)
{
    struct scene scene;
    scene_begin(&scene, over_unix, &listening);
    scene.other = start_worker(1);
    on_worker(&scene, write_much);
    for (int rounds = 0; !is_watched(scene.worker, scene.stream.fd) && rounds < 1000; rounds++)
        rest(10);
    cr_assert(is_watched(scene.worker, scene.stream.fd)); /* it says when more can be sent */
    on(scene.worker, &scene, detach);
    cr_assert(not(is_watched(scene.worker, scene.stream.fd)));
    on(scene.other, &scene, attach_to_other);
    on(scene.other, &scene, detach);
    on(scene.worker, &scene, attach_to_first);
    scene_end(&scene);
    worker_stop(scene.other);
    worker_free(scene.other);
}
