/*
 * Each call empties the thread's OpenSSL error queue first: an error left there by anybody would otherwise be
 * taken for this call's (SSL_get_error(3)).
 */
#include "proxy/stream_tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <string.h>

void stream_tls_prepare(SSL *tls)
{
    /* Without AUTO_RETRY, records that follow a session ticket in what was read ahead would wait for a socket
     * that has nothing more to say. */
    SSL_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                          SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_set_options(tls, SSL_OP_NO_RENEGOTIATION);
    SSL_set_read_ahead(tls, 1);
}

static struct transfer failure(void)
{
    int saved = errno;
    unsigned long code = ERR_peek_error();
    if (code != 0 && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return (struct transfer){.end = TRANSFER_CLOSED, .reason = "connection closed by peer"};
    const char *reason = NULL;
    if (code != 0)
        reason = ERR_reason_error_string(code);
    else if (saved != 0)
        reason = strerrordesc_np(saved);
    return (struct transfer){.end = TRANSFER_FAILED, .reason = reason ? reason : "TLS error"};
}

static struct transfer why_not(SSL *tls, int result)
{
    switch (SSL_get_error(tls, result)) {
    case SSL_ERROR_WANT_READ:
        return (struct transfer){.end = TRANSFER_WAIT_READ};
    case SSL_ERROR_WANT_WRITE:
        return (struct transfer){.end = TRANSFER_WAIT_WRITE};
    case SSL_ERROR_ZERO_RETURN:
        return (struct transfer){.end = TRANSFER_CLOSED, .reason = "TLS closed by peer"};
    case SSL_ERROR_SYSCALL:
        if (errno == 0 && ERR_peek_error() == 0)
            return (struct transfer){.end = TRANSFER_CLOSED, .reason = "connection closed by peer"};
        return failure();
    }
    return failure();
}

static void begin_call(void)
{
    ERR_clear_error();
    errno = 0;
}

struct transfer stream_tls_handshake(SSL *tls)
{
    begin_call();
    int result = SSL_do_handshake(tls);
    return result == 1 ? (struct transfer){.end = TRANSFER_GOOD} : why_not(tls, result);
}

struct transfer stream_tls_receive(SSL *tls, uint8_t *place, size_t room)
{
    struct transfer sum = {0};
    do {
        size_t got = 0;
        begin_call();
        int result = SSL_read_ex(tls, place + sum.count, room - sum.count, &got);
        if (result != 1) {
            struct transfer end = why_not(tls, result);
            if (sum.count == 0)
                return end;
            sum.again = end.end != TRANSFER_WAIT_READ;
            return sum;
        }
        sum.count += got;
    } while (sum.count < room && SSL_has_pending(tls));
    sum.again = SSL_has_pending(tls);
    return sum;
}

struct transfer stream_tls_peek(SSL *tls)
{
    uint8_t byte;
    size_t count = 0;
    begin_call();
    int result = SSL_peek_ex(tls, &byte, 1, &count);
    if (result != 1)
        return why_not(tls, result);
    return (struct transfer){.count = count, .again = true};
}

struct transfer stream_tls_send(SSL *tls, const uint8_t *bytes, size_t length)
{
    size_t sent = 0;
    begin_call();
    int result = SSL_write_ex(tls, bytes, length > INT_MAX ? INT_MAX : length, &sent);
    if (result == 1)
        return (struct transfer){.count = sent, .end = TRANSFER_GOOD};
    return why_not(tls, result);
}

void stream_tls_goodbye(SSL *tls)
{
    begin_call();
    SSL_shutdown(tls);
    ERR_clear_error();
}
