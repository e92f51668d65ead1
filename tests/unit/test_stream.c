/*
 * Streams on a real worker thread; the test's own thread is the peer.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "certificates.h"
#include "proxy/cipher.h"
#include "proxy/stream.h"
#include "proxy/worker.h"

enum { MANY = 24 * 1024 * 1024, CHUNK = 64 * 1024 };

/* Streams are to behave alike whether epoll or io_uring moves their bytes. */
static bool through_ring;

static void use_ring(void)
{
    const char *reason;
    if (!worker_can_use_ring(&reason))
        cr_skip_test("the kernel refuses io_uring: %s", reason);
    through_ring = true;
}

#define BOTH_WAYS(name, ...)                                                                                 \
    static void name(void);                                                                                  \
    Test(stream, name, ##__VA_ARGS__)                                                                        \
    {                                                                                                        \
        name();                                                                                              \
    }                                                                                                        \
    Test(ring, name, .init = use_ring, ##__VA_ARGS__)                                                        \
    {                                                                                                        \
        name();                                                                                              \
    }                                                                                                        \
    static void name(void)

/* One stream under test.  What the worker's thread counts is atomic; the test's thread waits on the
 * semaphores. */
struct scene {
    struct inbox_message message;
    void (*action)(struct scene *);
    struct worker *worker, *other;
    struct stream stream;
    int peer;
    SSL_CTX *tls;
    sem_t acted, ended;
    _Atomic int offers, ends, drains, half_closes;
    _Atomic size_t received, largest_output;
    _Atomic bool ended_inside_a_call;
    bool inside_a_call;
    bool accepted;
    char heard[64];
};

static void act(struct inbox_message *message, struct worker *worker)
{
    (void) worker;
    struct scene *scene = (struct scene *) message;
    scene->action(scene);
    sem_post(&scene->acted);
}

static void on(struct worker *worker, struct scene *scene, void (*action)(struct scene *))
{
    scene->action = action;
    scene->message.run = act;
    worker_send(worker, &scene->message);
    sem_wait(&scene->acted);
}

static void on_worker(struct scene *scene, void (*action)(struct scene *))
{
    on(scene->worker, scene, action);
}

static void set_non_blocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int over_tcp(int *peer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(eq(int, bind(listener, (struct sockaddr *) &address, size), 0));
    cr_assert(eq(int, listen(listener, 1), 0));
    getsockname(listener, (struct sockaddr *) &address, &size);
    *peer = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(eq(int, connect(*peer, (struct sockaddr *) &address, size), 0));
    int fd = accept(listener, NULL, NULL);
    close(listener);
    return fd;
}

static int over_unix(int *peer)
{
    int pair[2];
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0));
    *peer = pair[1];
    return pair[0];
}

static const struct stream_owner *opening_owner;
static int opening_fd;

static void move_through_ring(struct stream *stream)
{
    if (through_ring && !stream->through_ring)
        stream_use_ring(stream);
}

static void open_stream(struct scene *scene)
{
    stream_open(&scene->stream, scene->worker, opening_fd, NULL, opening_owner, scene);
    if (scene->tls == NULL)
        move_through_ring(&scene->stream);
}

static void close_stream(struct scene *scene)
{
    stream_close(&scene->stream);
}

static struct worker *start_worker(int number)
{
    struct worker *worker = worker_new(number);
    if (through_ring)
        worker_use_ring(worker);
    cr_assert(worker_start(worker));
    return worker;
}

/* With `tls` the stream is to take it up. */
static void secure_scene_begin(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner, SSL_CTX *tls)
{
    *scene = (struct scene){.tls = tls};
    sem_init(&scene->acted, 0, 0);
    sem_init(&scene->ended, 0, 0);
    scene->worker = start_worker(0);
    opening_fd = connected(&scene->peer);
    opening_owner = owner;
    set_non_blocking(opening_fd);
    on_worker(scene, open_stream);
}

static void scene_begin(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner)
{
    secure_scene_begin(scene, connected, owner, NULL);
}

static void scene_end(struct scene *scene)
{
    on_worker(scene, close_stream);
    worker_stop(scene->worker);
    worker_free(scene->worker);
    if (scene->peer >= 0)
        close(scene->peer);
    if (scene->tls)
        SSL_CTX_free(scene->tls);
}

static bool wait_for_end(struct scene *scene)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    return sem_timedwait(&scene->ended, &until) == 0;
}

static void rest(int milliseconds)
{
    poll(NULL, 0, milliseconds);
}

static uint8_t pattern(size_t place)
{
    return (uint8_t) (place * 31 + (place >> 11));
}

static void send_all(int fd, const void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t sent = send(fd, (const char *) bytes + done, length - done, MSG_NOSIGNAL);
        cr_assert(gt(long, sent, 0));
        done += (size_t) sent;
    }
}

static void receive_all(int fd, void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = recv(fd, (char *) bytes + done, length - done, 0);
        cr_assert(gt(long, got, 0));
        done += (size_t) got;
    }
}

/* --- owners
 * ----------------------------------------------------------------------------------------------------- */

static void note_end(struct stream *stream, const char *reason)
{
    struct scene *scene = stream->context;
    cr_assert(not(zero(ptr, (void *) reason)));
    if (scene->inside_a_call)
        scene->ended_inside_a_call = true;
    scene->ends++;
    stream_flush(stream);
    stream_close(stream);
    sem_post(&scene->ended);
}

static size_t echo_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct scene *scene = stream->context;
    scene->offers++;
    scene->received += length;
    if (!stream_write(stream, bytes, length))
        stream_pause(stream);
    if (buffer_length(&stream->out) > scene->largest_output)
        scene->largest_output = buffer_length(&stream->out);
    return length;
}

static void note_drained(struct stream *stream)
{
    ((struct scene *) stream->context)->drains++;
    stream_resume(stream);
}

static const struct stream_owner echo = {.input = echo_input, .drained = note_drained, .ended = note_end};

/* Takes messages of ten bytes, one at a time, and pauses after each. */
static size_t hesitant_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct scene *scene = stream->context;
    scene->offers++;
    if (length < 10)
        return 0;
    memcpy(scene->heard, bytes, 10);
    stream_pause(stream);
    return 10;
}

static const struct stream_owner hesitant = {
    .input = hesitant_input, .drained = note_drained, .ended = note_end};

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

static size_t listening_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct scene *scene = stream->context;
    scene->offers++;
    size_t room = sizeof(scene->heard) - 1 - strlen(scene->heard);
    strncat(scene->heard, (const char *) bytes, length < room ? length : room);
    return length;
}

static const struct stream_owner listening = {
    .input = listening_input, .drained = note_drained, .ended = note_end};

/* Goes on for a peer that stopped sending, until it is resumed. */
static bool note_half_closed(struct stream *stream)
{
    struct scene *scene = stream->context;
    return ++scene->half_closes == 1;
}

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

static void pause_stream(struct scene *scene)
{
    stream_pause(&scene->stream);
}

static void resume(struct scene *scene)
{
    stream_resume(&scene->stream);
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

static void check_no_memory(struct scene *scene)
{
    cr_assert(zero(ptr, scene->stream.in.bytes));
    cr_assert(zero(ptr, scene->stream.out.bytes));
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

static void write_late(struct scene *scene)
{
    stream_write(&scene->stream, "late", 4);
}

static void ask_if_gone(struct scene *scene)
{
    scene->accepted = stream_peer_is_gone(&scene->stream);
}

static void wait_until(_Atomic int *count, int expected)
{
    for (int rounds = 0; *count != expected && rounds < 1000; rounds++)
        rest(10);
    cr_assert(eq(int, *count, expected));
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

static void reset_peer(struct scene *scene)
{
    struct linger at_once = {1, 0};
    setsockopt(scene->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(scene->peer);
    scene->peer = -1;
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

static void write_much(struct scene *scene)
{
    static char much[STREAM_LARGE_WRITE * 2];
    scene->inside_a_call = true;
    for (int i = 0; i < 10; i++)
        stream_write(&scene->stream, much, sizeof(much));
    scene->inside_a_call = false;
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

static void attach_to_other(struct scene *scene)
{
    stream_attach(&scene->stream, scene->other);
}

static void attach_to_first(struct scene *scene)
{
    stream_attach(&scene->stream, scene->worker);
}

static void detach(struct scene *scene)
{
    stream_detach(&scene->stream);
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

/* --- TLS
 * -------------------------------------------------------------------------------------------------------- */

/* Takes up TLS; what then comes is the owner's that it stands in for. */
static bool takes_up_tls(struct stream *stream)
{
    struct scene *scene = stream->context;
    if (stream->tls != NULL) {
        move_through_ring(stream);
        return false;
    }
    stream_write(stream, "S", 1);
    cr_assert(stream_accept_tls(stream, scene->tls));
    return true;
}

/* Answers one byte, 'S' as for SSLRequest, and takes up TLS; then echoes. */
static size_t secure_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    return takes_up_tls(stream) ? 1 : echo_input(stream, bytes, length);
}

static const struct stream_owner secure = {.input = secure_input, .drained = note_drained, .ended = note_end};

static size_t secure_listening_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    return takes_up_tls(stream) ? 1 : listening_input(stream, bytes, length);
}

static const struct stream_owner secure_loyal = {
    .input = secure_listening_input, .drained = note_drained, .ended = note_end, .half_closed = note_half_closed};

static const struct stream_owner secure_listening = {
    .input = secure_listening_input, .drained = note_drained, .ended = note_end};

/* The peer's side, up to where its handshake is due. */
static SSL *secure_scene(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner, int version)
{
    struct certificate certificate = certificate_new("keyway");
    secure_scene_begin(scene, connected, owner, certificate_server(&certificate, NULL));
    SSL_CTX *context = certificate_client(NULL);
    SSL_CTX_set_max_proto_version(context, version);
    SSL *client = SSL_new(context);
    SSL_CTX_free(context);
    certificate_free(&certificate);
    SSL_set_fd(client, scene->peer);
    char answer = 0;
    send_all(scene->peer, "?", 1);
    receive_all(scene->peer, &answer, 1);
    cr_assert(answer == 'S');
    return client;
}

static SSL *connected_scene(struct scene *scene, const struct stream_owner *owner, int version)
{
    SSL *client = secure_scene(scene, over_tcp, owner, version);
    cr_assert(eq(int, SSL_connect(client), 1));
    return client;
}

static void say(SSL *client, const char *word)
{
    cr_assert(eq(int, SSL_write(client, word, (int) strlen(word)), (int) strlen(word)));
}

static void hear(SSL *client, const char *word)
{
    char answer[64] = "";
    for (int got = 0, length = (int) strlen(word); got < length;) {
        int more = SSL_read(client, answer + got, length - got);
        cr_assert(gt(int, more, 0));
        got += more;
    }
    cr_assert(eq(str, answer, (char *) word));
}

static void exchange(SSL *client, const char *word)
{
    say(client, word);
    hear(client, word);
}

static void small_exchanges(int version)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, version);
    for (int i = 0; i < 50; i++)
        exchange(client, "hello");
    if (version == TLS1_3_VERSION) {
        SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
        exchange(client, "with other keys");
    }
    SSL_shutdown(client);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(int, SSL_shutdown(client), 1)); /* it has said goodbye as well */
    SSL_free(client);
    scene_end(&scene);
    cr_assert(eq(int, scene.ends, 1));
}

BOTH_WAYS(messages_pass_through_tls_1_3)
{
    small_exchanges(TLS1_3_VERSION);
}

BOTH_WAYS(messages_pass_through_tls_1_2)
{
    small_exchanges(TLS1_2_VERSION);
}

struct both_ways {
    SSL *client;
    size_t sent, received;
    uint8_t out[CHUNK], in[CHUNK];
};

static bool push(struct both_ways *ways)
{
    size_t done = 0, length = MANY - ways->sent < 20000 ? MANY - ways->sent : 20000;
    for (size_t i = 0; i < length; i++)
        ways->out[i] = pattern(ways->sent + i);
    if (length == 0 || SSL_write_ex(ways->client, ways->out, length, &done) != 1)
        return false;
    ways->sent += done;
    return true;
}

static bool pull(struct both_ways *ways)
{
    size_t got = 0;
    if (SSL_read_ex(ways->client, ways->in, CHUNK, &got) != 1)
        return false;
    for (size_t i = 0; i < got; i++)
        cr_assert(ways->in[i] == pattern(ways->received + i));
    ways->received += got;
    return true;
}

static void pump(struct both_ways *ways, int fd)
{
    set_non_blocking(fd);
    while (ways->received < MANY) {
        bool hungry = ways->sent % (1 << 20) > (1 << 19) || ways->sent == MANY;
        bool pushed = push(ways), pulled = hungry && pull(ways);
        if (!pushed && !pulled && !pull(ways)) {
            short wanted = ways->sent < MANY ? POLLIN | POLLOUT : POLLIN;
            struct pollfd peer = {.fd = fd, .events = wanted};
            cr_assert(eq(int, poll(&peer, 1, 10000), 1));
        }
    }
}

static void secure_transfer(int version)
{
    struct scene scene;
    SSL *client = secure_scene(&scene, over_tcp, &secure, version);
    SSL_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    cr_assert(eq(int, SSL_connect(client), 1));
    struct both_ways *ways = calloc(1, sizeof(*ways));
    ways->client = client;
    pump(ways, scene.peer);
    cr_assert(le(sz, scene.largest_output, STREAM_HIGH_WATER + WORKER_READ_BUFFER));
    SSL_free(client);
    scene_end(&scene);
    cr_assert(eq(sz, scene.received, MANY));
    free(ways);
}

BOTH_WAYS(much_passes_through_tls_1_3_both_ways, .timeout = 60)
{
    secure_transfer(TLS1_3_VERSION);
}

BOTH_WAYS(much_passes_through_tls_1_2_both_ways, .timeout = 60)
{
    secure_transfer(TLS1_2_VERSION);
}

BOTH_WAYS(what_tls_holds_is_offered_after_a_pause)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_3_VERSION);
    exchange(client, "hello");
    on_worker(&scene, pause_stream);
    say(client, "one");
    say(client, "two");
    rest(30);
    cr_assert(eq(sz, scene.received, 5));
    on_worker(&scene, resume);
    hear(client, "onetwo");
    SSL_free(client);
    scene_end(&scene);
}

static void check_no_encrypted(struct scene *scene)
{
    const struct cipher *cipher = scene->stream.cipher;
    check_no_memory(scene);
    cr_assert(zero(ptr, cipher->in.bytes));
    cr_assert(zero(ptr, cipher->out.bytes));
}

BOTH_WAYS(an_idle_stream_under_tls_owns_no_buffers)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_3_VERSION);
    exchange(client, "hello");
    on_worker(&scene, pause_stream);
    say(client, "what waits for a while");
    rest(20);
    on_worker(&scene, resume);
    hear(client, "what waits for a while");
    rest(20);
    on_worker(&scene, check_no_encrypted);
    SSL_free(client);
    scene_end(&scene);
}

/* A record whose halves come apart, around a pause and a move. */
static void tear(SSL *client, int fd, const char *word, uint8_t *record, size_t *length)
{
    BIO *memory = BIO_new(BIO_s_mem());
    SSL_set0_wbio(client, memory);
    say(client, word);
    *length = (size_t) BIO_read(memory, record, 1000);
    SSL_set0_wbio(client, BIO_new_socket(fd, BIO_NOCLOSE));
}

BOTH_WAYS(a_stream_under_tls_moves_between_workers_in_the_middle_of_a_record)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_3_VERSION);
    uint8_t record[1000];
    size_t length;
    exchange(client, "hello");
    scene.other = start_worker(1);
    for (int i = 0; i < 20; i++) {
        tear(client, scene.peer, "torn", record, &length);
        send_all(scene.peer, record, 10);
        on(scene.worker, &scene, detach);
        send_all(scene.peer, record + 10, length - 10);
        on(scene.other, &scene, attach_to_other);
        hear(client, "torn");
        tear(client, scene.peer, "once more", record, &length);
        on(scene.other, &scene, pause_stream);
        send_all(scene.peer, record, length - 1);
        rest(2);
        on(scene.other, &scene, detach);
        on(scene.worker, &scene, attach_to_first);
        send_all(scene.peer, record + length - 1, 1);
        on(scene.worker, &scene, resume);
        hear(client, "once more");
    }
    SSL_free(client);
    scene_end(&scene);
    worker_stop(scene.other);
    worker_free(scene.other);
}

static void answer_late(void (*stop_sending)(SSL *client, int fd))
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure_loyal, TLS1_3_VERSION);
    say(client, "hello");
    stop_sending(client, scene.peer);
    wait_until(&scene.half_closes, 1);
    cr_assert(eq(int, scene.ends, 0));
    on_worker(&scene, write_late);
    hear(client, "late");
    on_worker(&scene, resume);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(str, scene.heard, "hello"));
    cr_assert(eq(int, scene.ends, 1));
    SSL_free(client);
    scene_end(&scene);
}

static void close_tls(SSL *client, int fd)
{
    (void) fd;
    SSL_shutdown(client);
}

static void close_tcp(SSL *client, int fd)
{
    (void) client;
    shutdown(fd, SHUT_WR);
}

BOTH_WAYS(a_peer_that_has_closed_tls_still_gets_its_answer)
{
    answer_late(close_tls);
}

BOTH_WAYS(a_peer_that_stops_sending_without_closing_tls_still_gets_its_answer)
{
    answer_late(close_tcp);
}

BOTH_WAYS(the_end_of_tls_is_told_to_a_paused_stream_after_it_was_resumed)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_3_VERSION);
    exchange(client, "hello");
    on_worker(&scene, pause_stream);
    say(client, "last");
    SSL_shutdown(client);
    rest(30);
    cr_assert(eq(int, scene.ends, 0));
    on_worker(&scene, resume);
    hear(client, "last");
    cr_assert(wait_for_end(&scene));
    SSL_free(client);
    scene_end(&scene);
    cr_assert(eq(int, scene.ends, 1));
}

BOTH_WAYS(a_reset_under_tls_is_told_once)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_3_VERSION);
    exchange(client, "hello");
    reset_peer(&scene);
    cr_assert(wait_for_end(&scene));
    rest(20);
    cr_assert(eq(int, scene.ends, 1));
    SSL_free(client);
    scene_end(&scene);
}

/* Whether with or behind its last words: the peer does not read what it is sent, and is gone. */
BOTH_WAYS(a_failed_send_under_tls_is_told_after_what_the_peer_said_last)
{
    struct scene scene;
    SSL *client = secure_scene(&scene, over_unix, &secure_listening, TLS1_3_VERSION);
    cr_assert(eq(int, SSL_connect(client), 1));
    say(client, "a word, ");
    rest(20);
    say(client, "last words");
    close(scene.peer);
    scene.peer = -1;
    on_worker(&scene, write_much);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(str, scene.heard, "a word, last words"));
    cr_assert(eq(int, scene.ends, 1));
    cr_assert(not(scene.ended_inside_a_call));
    SSL_free(client);
    scene_end(&scene);
}

BOTH_WAYS(a_peer_that_asks_for_new_keys_and_does_not_read_is_left)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_3_VERSION);
    exchange(client, "hello");
    struct pollfd peer = {.fd = scene.peer, .events = POLLOUT};
    SSL_set_mode(client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    set_non_blocking(scene.peer);
    while (scene.ends == 0 && poll(&peer, 1, 10000) == 1) {
        SSL_key_update(client, SSL_KEY_UPDATE_REQUESTED);
        if (SSL_do_handshake(client) != 1 && SSL_get_error(client, -1) == SSL_ERROR_SYSCALL)
            break;
    }
    cr_assert(wait_for_end(&scene));
    SSL_free(client);
    scene_end(&scene);
    cr_assert(eq(int, scene.ends, 1));
}

BOTH_WAYS(renegotiation_is_refused_and_the_conversation_goes_on)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, TLS1_2_VERSION);
    exchange(client, "hello");
    cr_assert(eq(int, SSL_renegotiate(client), 1));
    SSL_do_handshake(client);
    cr_assert(le(sz, scene.received, 5));
    SSL_free(client);
    scene_end(&scene);
}

/* As libpq's: the handshake was somebody else's, and so is the SSL. */
static SSL *borrowed;

static void open_borrowed(struct scene *scene)
{
    stream_open(&scene->stream, scene->worker, opening_fd, borrowed, &echo, scene);
    scene->stream.tls_borrowed = scene->stream.fd_borrowed = true;
    move_through_ring(&scene->stream);
}

static void *accept_tls(void *tls)
{
    cr_assert(eq(int, SSL_accept(tls), 1));
    return NULL;
}

BOTH_WAYS(an_ssl_that_was_borrowed_works_when_it_is_given_back)
{
    struct scene scene;
    struct certificate certificate = certificate_new("keyway");
    SSL_CTX *server = certificate_server(&certificate, NULL), *context = certificate_client(NULL);
    SSL *peer = SSL_new(server);
    pthread_t shaking;
    borrowed = SSL_new(context);
    scene_begin(&scene, over_tcp, &echo);
    on_worker(&scene, close_stream);
    close(scene.peer);
    opening_fd = over_tcp(&scene.peer);
    SSL_set_fd(peer, scene.peer);
    SSL_set_fd(borrowed, opening_fd);
    pthread_create(&shaking, NULL, accept_tls, peer);
    cr_assert(eq(int, SSL_connect(borrowed), 1));
    pthread_join(shaking, NULL);
    set_non_blocking(opening_fd);
    on_worker(&scene, open_borrowed);
    for (int i = 0; i < 20; i++)
        exchange(peer, "hello");
    on_worker(&scene, close_stream);
    say(borrowed, "terminate");
    hear(peer, "terminate");
    scene_end(&scene);
    close(opening_fd);
    SSL_free(borrowed);
    SSL_free(peer);
    SSL_CTX_free(server);
    SSL_CTX_free(context);
    certificate_free(&certificate);
}

Test(stream, a_handshake_that_is_none_ends_the_stream)
{
    struct scene scene;
    SSL *client = secure_scene(&scene, over_tcp, &secure, TLS1_3_VERSION);
    send_all(scene.peer, "Q\0\0\0\x0dselect 1", 13);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(int, scene.ends, 1));
    cr_assert(eq(sz, scene.received, 0));
    SSL_free(client);
    scene_end(&scene);
}

static void demand_certificate(struct scene *scene)
{
    SSL_set_verify(scene->stream.tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

Test(stream, a_handshake_that_fails_is_told_to_the_peer)
{
    struct scene scene;
    SSL *client = secure_scene(&scene, over_tcp, &secure, TLS1_2_VERSION);
    on_worker(&scene, demand_certificate);
    cr_assert(ne(int, SSL_connect(client), 1));
    cr_assert(eq(int, ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE));
    cr_assert(wait_for_end(&scene));
    SSL_free(client);
    scene_end(&scene);
}

Test(stream, a_peer_that_is_gone_in_the_middle_of_its_handshake_ends_the_stream)
{
    struct scene scene;
    SSL *client = secure_scene(&scene, over_tcp, &secure, TLS1_3_VERSION);
    send_all(scene.peer, "\x16\x03\x01\x01\x00", 5);
    shutdown(scene.peer, SHUT_WR);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(int, scene.ends, 1));
    SSL_free(client);
    scene_end(&scene);
}

Test(stream, plain_bytes_behind_the_request_for_tls_never_become_input)
{
    struct scene scene;
    struct certificate certificate = certificate_new("keyway");
    secure_scene_begin(&scene, over_tcp, &secure, certificate_server(&certificate, NULL));
    send_all(scene.peer, "?drop table accounts", 20);
    cr_assert(wait_for_end(&scene));
    cr_assert(eq(sz, scene.received, 0));
    certificate_free(&certificate);
    scene_end(&scene);
}

static void try_tls(struct scene *scene)
{
    scene->accepted = stream_accept_tls(&scene->stream, scene->tls);
}

Test(stream, tls_does_not_begin_over_plain_bytes_that_wait)
{
    struct scene scene;
    struct certificate certificate = certificate_new("keyway");
    scene_begin(&scene, over_unix, &hesitant);
    scene.tls = certificate_server(&certificate, NULL);
    send_all(scene.peer, "part", 4);
    rest(30);
    on_worker(&scene, try_tls);
    cr_assert(not(scene.accepted));
    certificate_free(&certificate);
    scene_end(&scene);
}
