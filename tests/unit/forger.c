#include "forger.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_LENGTH = 16, KEY_MOST_LENGTH = 32 };

static void require(bool held)
{
    if (!held)
        abort();
}

static void derive(const struct forger *forger, const char *label, uint8_t *place, size_t length)
{
    static EVP_KDF *function;
    if (function == NULL)
        function = EVP_KDF_fetch(NULL, "TLS13-KDF", NULL);
    EVP_KDF_CTX *context = EVP_KDF_CTX_new(function);
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *) EVP_MD_get0_name(forger->digest), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *) forger->secret, (size_t) EVP_MD_get_size(forger->digest)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_PREFIX, (char[]){"tls13 "}, 6),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_LABEL, (void *) label, strlen(label)),
        OSSL_PARAM_construct_end(),
    };
    require(EVP_KDF_derive(context, place, length, parameters) == 1);
    EVP_KDF_CTX_free(context);
}

static void make_key(struct forger *forger)
{
    uint8_t key[KEY_MOST_LENGTH];
    derive(forger, "key", key, (size_t) EVP_CIPHER_get_key_length(forger->cipher));
    derive(forger, "iv", forger->nonce, RECORD_NONCE);
    require(EVP_CipherInit_ex(forger->context, forger->cipher, NULL, key, NULL, 1) == 1);
    forger->number = 0;
}

void forger_begin(struct forger *forger, const struct direction *direction, const SSL_CIPHER *suite)
{
    *forger = (struct forger){.context = EVP_CIPHER_CTX_new(),
                              .cipher = EVP_get_cipherbynid(SSL_CIPHER_get_cipher_nid(suite)),
                              .digest = SSL_CIPHER_get_handshake_digest(suite)};
    memcpy(forger->secret, direction->secret, RECORD_SECRET);
    make_key(forger);
    forger->number = direction->number;
}

void forger_end(struct forger *forger)
{
    EVP_CIPHER_CTX_free(forger->context);
}

void forger_change_keys(struct forger *forger)
{
    uint8_t next[RECORD_SECRET];
    size_t length = (size_t) EVP_MD_get_size(forger->digest);
    derive(forger, "traffic upd", next, length);
    memcpy(forger->secret, next, length);
    make_key(forger);
}

/* The nonce of the next record, and its header as what is authenticated besides. */
static void begin_record(struct forger *forger, const uint8_t *header, int sealing)
{
    uint8_t nonce[RECORD_NONCE];
    int done;
    memcpy(nonce, forger->nonce, RECORD_NONCE);
    for (int i = 0; i < 8; i++)
        nonce[RECORD_NONCE - 1 - i] ^= (uint8_t) (forger->number >> 8 * i);
    require(EVP_CipherInit_ex(forger->context, NULL, NULL, NULL, nonce, sealing) == 1);
    require(EVP_CipherUpdate(forger->context, NULL, &done, header, RECORD_HEADER) == 1);
    forger->number++;
}

void forger_seal(struct forger *forger, uint8_t type, const void *content, size_t length, size_t padding, struct buffer *out)
{
    size_t inner = length + 1 + padding;
    const uint8_t header[] = {SSL3_RT_APPLICATION_DATA, 3, 3, (uint8_t) ((inner + TAG_LENGTH) >> 8), (uint8_t) (inner + TAG_LENGTH)};
    uint8_t *plain = calloc(1, inner), *place;
    int done;
    if (length > 0)
        memcpy(plain, content, length);
    plain[length] = type;
    buffer_append(out, header, RECORD_HEADER);
    place = buffer_reserve(out, inner + TAG_LENGTH);
    begin_record(forger, header, 1);
    require(EVP_CipherUpdate(forger->context, place, &done, plain, (int) inner) == 1);
    require(EVP_CipherFinal_ex(forger->context, place + inner, &done) == 1);
    require(EVP_CIPHER_CTX_ctrl(forger->context, EVP_CTRL_AEAD_GET_TAG, TAG_LENGTH, place + inner) == 1);
    out->end += inner + TAG_LENGTH;
    free(plain);
}

bool forger_open(struct forger *forger, const uint8_t *record, uint8_t *place, uint8_t *type, size_t *length)
{
    size_t inner = records_length(record) - RECORD_HEADER - TAG_LENGTH;
    uint8_t tag[TAG_LENGTH];
    int done;
    memcpy(tag, record + RECORD_HEADER + inner, TAG_LENGTH);
    begin_record(forger, record, 0);
    require(EVP_CIPHER_CTX_ctrl(forger->context, EVP_CTRL_AEAD_SET_TAG, TAG_LENGTH, tag) == 1);
    require(EVP_CipherUpdate(forger->context, place, &done, record + RECORD_HEADER, (int) inner) == 1);
    if (EVP_CipherFinal_ex(forger->context, place + inner, &done) != 1)
        return false;
    while (inner > 0 && place[inner - 1] == 0)
        inner--;
    *type = inner > 0 ? place[inner - 1] : 0;
    *length = inner > 0 ? inner - 1 : 0;
    return true;
}
