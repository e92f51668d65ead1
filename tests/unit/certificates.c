/*
 * P-256 keys, because they are made in no time; SHA-256 signatures.
 */
#include "certificates.h"

#include <assert.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "proxy/cipher.h"

struct certificate certificate_new(const char *common_name)
{
    struct certificate made = {X509_new(), EVP_EC_gen("P-256")};
    X509_NAME *name = X509_get_subject_name(made.x509);
    X509_set_version(made.x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.x509), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *) common_name, -1, -1, 0);
    X509_set_issuer_name(made.x509, name);
    X509_set_pubkey(made.x509, made.key);
    int size = X509_sign(made.x509, made.key, EVP_sha256());
    assert(size > 0);
    (void) size;
    return made;
}

void certificate_free(struct certificate *certificate)
{
    X509_free(certificate->x509);
    EVP_PKEY_free(certificate->key);
}

void certificate_write(const struct certificate *certificate, const char *file, const char *key_file)
{
    FILE *out = fopen(file, "w");
    PEM_write_X509(out, certificate->x509);
    fclose(out);
    out = fopen(key_file, "w");
    PEM_write_PrivateKey(out, certificate->key, NULL, NULL, 0, NULL, NULL);
    fclose(out);
}

SSL_CTX *certificate_server(const struct certificate *certificate, const struct certificate *trusted)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(context, certificate->x509);
    SSL_CTX_use_PrivateKey(context, certificate->key);
    if (trusted != NULL) {
        X509_STORE_add_cert(SSL_CTX_get_cert_store(context), trusted->x509);
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return context;
}

void certificate_tell_secrets(SSL_CTX *context)
{
    SSL_CTX_set_num_tickets(context, 0);
    cipher_prepare(context);
}

SSL_CTX *certificate_client(const struct certificate *shown)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (shown != NULL) {
        SSL_CTX_use_certificate(context, shown->x509);
        SSL_CTX_use_PrivateKey(context, shown->key);
    }
    return context;
}

void certificate_shake_hands(SSL *server, SSL *client)
{
    BIO *server_side, *client_side;
    BIO_new_bio_pair(&server_side, 0, &client_side, 0);
    SSL_set_bio(server, server_side, server_side);
    SSL_set_bio(client, client_side, client_side);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int turn = 0; turn < 10; turn++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
}
