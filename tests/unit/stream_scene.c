#include "tests/unit/stream_scene.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static bool through_ring;

void use_ring(void)
{
    const char *reason;
    if (!worker_can_use_ring(&reason))
        cr_skip_test("the kernel refuses io_uring: %s", reason);
    through_ring = true;
}

static void act(struct inbox_message *message, struct worker *worker)
{
    (void) worker;
    struct scene *scene = (struct scene *) message;
    scene->action(scene);
    sem_post(&scene->acted);
}

void on(struct worker *worker, struct scene *scene, void (*action)(struct scene *))
{
    scene->action = action;
    scene->message.run = act;
    worker_send(worker, &scene->message);
    sem_wait(&scene->acted);
}

void on_worker(struct scene *scene, void (*action)(struct scene *))
{
    on(scene->worker, scene, action);
}

void set_non_blocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int over_tcp(int *peer)
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

int over_unix(int *peer)
{
    int pair[2];
    cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0));
    *peer = pair[1];
    return pair[0];
}

static const struct stream_owner *opening_owner;
int opening_fd;

void move_through_ring(struct stream *stream)
{
    if (through_ring && !stream->through_ring)
        stream_use_ring(stream);
}

static void open_stream(struct scene *scene)
{
    if (through_ring)
        stream_open_in_ring(&scene->stream, scene->worker, opening_fd, opening_owner, scene);
    else
        stream_open(&scene->stream, scene->worker, opening_fd, NULL, opening_owner, scene);
}

void close_stream(struct scene *scene)
{
    stream_close(&scene->stream);
}

struct worker *start_worker(int number)
{
    struct worker *worker = worker_new(number);
    if (through_ring)
        worker_use_ring(worker);
    cr_assert(worker_start(worker));
    return worker;
}

void secure_scene_begin(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner, SSL_CTX *tls)
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

void scene_begin(struct scene *scene, int (*connected)(int *), const struct stream_owner *owner)
{
    secure_scene_begin(scene, connected, owner, NULL);
}

void scene_end(struct scene *scene)
{
    on_worker(scene, close_stream);
    worker_stop(scene->worker);
    worker_free(scene->worker);
    if (scene->peer >= 0)
        close(scene->peer);
    if (scene->tls)
        SSL_CTX_free(scene->tls);
}

bool wait_for_end(struct scene *scene)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    return sem_timedwait(&scene->ended, &until) == 0;
}

void rest(int milliseconds)
{
    poll(NULL, 0, milliseconds);
}

uint8_t pattern(size_t place)
{
    return (uint8_t) (place * 31 + (place >> 11));
}

void send_all(int fd, const void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t sent = send(fd, (const char *) bytes + done, length - done, MSG_NOSIGNAL);
        cr_assert(gt(long, sent, 0));
        done += (size_t) sent;
    }
}

void receive_all(int fd, void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = recv(fd, (char *) bytes + done, length - done, 0);
        cr_assert(gt(long, got, 0));
        done += (size_t) got;
    }
}

/* --- actions ------------------------------------------------------------------------------------------------- */

void pause_stream(struct scene *scene)
{
    stream_pause(&scene->stream);
}

void resume(struct scene *scene)
{
    stream_resume(&scene->stream);
}

void check_no_memory(struct scene *scene)
{
    cr_assert(zero(ptr, scene->stream.in.bytes));
    cr_assert(zero(ptr, scene->stream.out.bytes));
}

void write_late(struct scene *scene)
{
    stream_write(&scene->stream, "late", 4);
}

void wait_until(_Atomic int *count, int expected)
{
    for (int rounds = 0; *count != expected && rounds < 1000; rounds++)
        rest(10);
    cr_assert(eq(int, *count, expected));
}

void reset_peer(struct scene *scene)
{
    struct linger at_once = {1, 0};
    setsockopt(scene->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(scene->peer);
    scene->peer = -1;
}

void write_much(struct scene *scene)
{
    static char much[STREAM_LARGE_WRITE * 2];
    scene->inside_a_call = true;
    for (int i = 0; i < 10; i++)
        stream_write(&scene->stream, much, sizeof(much));
    scene->inside_a_call = false;
}

void attach_to_other(struct scene *scene)
{
    stream_attach(&scene->stream, scene->other);
}

void attach_to_first(struct scene *scene)
{
    stream_attach(&scene->stream, scene->worker);
}

void detach(struct scene *scene)
{
    stream_detach(&scene->stream);
}

/* --- owners -------------------------------------------------------------------------------------------------- */

void note_end(struct stream *stream, const char *reason)
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

size_t echo_input(struct stream *stream, const uint8_t *bytes, size_t length)
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

void note_drained(struct stream *stream)
{
    ((struct scene *) stream->context)->drains++;
    stream_resume(stream);
}

const struct stream_owner echo = {.input = echo_input, .drained = note_drained, .ended = note_end};

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

const struct stream_owner hesitant = {
    .input = hesitant_input, .drained = note_drained, .ended = note_end};

size_t listening_input(struct stream *stream, const uint8_t *bytes, size_t length)
{
    struct scene *scene = stream->context;
    scene->offers++;
    size_t room = sizeof(scene->heard) - 1 - strlen(scene->heard);
    strncat(scene->heard, (const char *) bytes, length < room ? length : room);
    return length;
}

const struct stream_owner listening = {
    .input = listening_input, .drained = note_drained, .ended = note_end};

bool note_half_closed(struct stream *stream)
{
    struct scene *scene = stream->context;
    return ++scene->half_closes == 1;
}
