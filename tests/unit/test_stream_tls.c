/*
 * Streams under TLS, which OpenSSL itself speaks at their other end.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "certificates.h"
#include "proxy/cipher.h"
#include "tests/unit/stream_scene.h"

/* A third way: through the ring, with records that are the stream's own instead of OpenSSL's. */
static bool own_records;

static void use_own_records(void)
{
    own_records = true;
    use_ring();
}

#define ALL_WAYS(name, ...)                                                                                  \
    static void name(void);                                                                                  \
    Test(records, name, .init = use_own_records, ##__VA_ARGS__)                                              \
    {                                                                                                        \
        name();                                                                                              \
    }                                                                                                        \
    BOTH_WAYS(name, ##__VA_ARGS__)

/* Takes up TLS; what then comes is the owner's that it stands in for. */
static bool takes_up_tls(struct stream *stream)
{
    struct scene *scene = stream->context;
    if (stream->cipher != NULL) {
        if (own_records)
            stream_forget_handshake(stream);
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
    SSL_CTX *server = certificate_server(&certificate, NULL);
    if (own_records)
        certificate_tell_secrets(server);
    secure_scene_begin(scene, connected, owner, server);
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

static void check_ssl(struct scene *scene)
{
    const char *version, *suite;
    cr_assert(eq(int, scene->stream.tls == NULL, own_records));
    cr_assert(stream_tls_names(&scene->stream, &version, &suite));
    cr_assert(eq(int, strncmp(version, "TLSv1.", 6), 0));
}

static void small_exchanges(int version)
{
    struct scene scene;
    SSL *client = connected_scene(&scene, &secure, version);
    for (int i = 0; i < 50; i++)
        exchange(client, "hello");
    on_worker(&scene, check_ssl);
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

ALL_WAYS(messages_pass_through_tls_1_3)
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

ALL_WAYS(much_passes_through_tls_1_3_both_ways, .timeout = 60)
{
    secure_transfer(TLS1_3_VERSION);
}

BOTH_WAYS(much_passes_through_tls_1_2_both_ways, .timeout = 60)
{
    secure_transfer(TLS1_2_VERSION);
}

ALL_WAYS(what_tls_holds_is_offered_after_a_pause)
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

ALL_WAYS(an_idle_stream_under_tls_owns_no_buffers)
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

ALL_WAYS(a_stream_under_tls_moves_between_workers_in_the_middle_of_a_record)
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

ALL_WAYS(a_peer_that_has_closed_tls_still_gets_its_answer)
{
    answer_late(close_tls);
}

ALL_WAYS(a_peer_that_stops_sending_without_closing_tls_still_gets_its_answer)
{
    answer_late(close_tcp);
}

ALL_WAYS(the_end_of_tls_is_told_to_a_paused_stream_after_it_was_resumed)
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

ALL_WAYS(a_reset_under_tls_is_told_once)
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
ALL_WAYS(a_failed_send_under_tls_is_told_after_what_the_peer_said_last)
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

ALL_WAYS(a_peer_that_asks_for_new_keys_and_does_not_read_is_left)
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
