/*
 * Everything a file can be wrong in is found here, when the configuration is read, and never at a client's
 * handshake.
 */
#include "proxy/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "proxy/cipher.h"

/* The default asks on the terminal; a proxy that is reloaded has none. */
static int no_passphrase(char *place, int size, int writing, void *context)
{
    (void) writing, (void) context;
    if (size > 0)
        place[0] = '\0';
    return 0;
}

static bool refuse(struct error *error, const char *what, const char *file)
{
    unsigned long code = ERR_peek_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s \"%s\" cannot be used", what, file);
    error_detail(error, "%s", reason ? reason : "OpenSSL gives no reason");
    ERR_clear_error();
    return false;
}

static bool require_set(const char *value, const char *key, const char *why, struct error *error)
{
    if (value != NULL)
        return true;
    error_set(error, SQLSTATE_INVALID_PARAMETER_VALUE, "%s is not set", key);
    error_detail(error, "%s needs it.", why);
    return false;
}

static bool load_certificate(SSL_CTX *context, const struct settings *settings, struct error *error)
{
    const char *certificate = settings->client_tls_cert_file, *key = settings->client_tls_key_file;
    if (!require_set(certificate, "client_tls_cert_file", "TLS for clients", error) ||
        !require_set(key, "client_tls_key_file", "TLS for clients", error))
        return false;
    if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
        return refuse(error, "client_tls_cert_file", certificate);
    if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context) != 1)
        return refuse(error, "client_tls_key_file", key);
    return true;
}

static bool wants_client_certificate(const struct settings *settings)
{
    return settings->client_tls_sslmode == TLS_VERIFY_CA || settings->client_tls_sslmode == TLS_VERIFY_FULL ||
           settings->auth_method == AUTH_CERT;
}

static bool load_authorities(SSL_CTX *context, const struct settings *settings, struct error *error)
{
    if (!wants_client_certificate(settings))
        return true;
    const char *file = settings->client_tls_ca_file;
    if (!require_set(file, "client_tls_ca_file", "The verification of client certificates", error))
        return false;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
    if (names == NULL || SSL_CTX_load_verify_locations(context, file, NULL) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return refuse(error, "client_tls_ca_file", file);
    }
    SSL_CTX_set_client_CA_list(context, names);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    return true;
}

/* As PostgreSQL's own server: no sessions to resume, so no tickets; no renegotiation; no compression. */
static void set_habits(SSL_CTX *context)
{
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    cipher_prepare(context);
}

SSL_CTX *tls_client_context(const struct settings *settings, struct error *error)
{
    if (settings->client_tls_sslmode == TLS_OFF)
        return NULL;
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL) {
        refuse(error, "client_tls_sslmode", tls_mode_name(settings->client_tls_sslmode));
        return NULL;
    }
    set_habits(context);
    if (load_certificate(context, settings, error) && load_authorities(context, settings, error))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

/* A name with a NUL inside could be read as another, shorter one (CVE-2009-4034). */
static char *common_name(X509 *certificate)
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (index < 0)
        return NULL;
    unsigned char *text = NULL;
    int length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
    if (length < 0)
        return NULL;
    char *name = NULL;
    if (length > 0 && memchr(text, '\0', (size_t) length) == NULL) {
        name = memory_alloc((size_t) length + 1);
        memcpy(name, text, (size_t) length);
    }
    OPENSSL_free(text);
    return name;
}

char *tls_peer_name(SSL *tls)
{
    if (tls == NULL || SSL_get_verify_mode(tls) == SSL_VERIFY_NONE || SSL_get_verify_result(tls) != X509_V_OK)
        return NULL;
    X509 *certificate = SSL_get1_peer_certificate(tls);
    if (certificate == NULL)
        return NULL;
    char *name = common_name(certificate);
    X509_free(certificate);
    return name;
}
