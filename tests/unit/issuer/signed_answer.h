/* signed_answer: an issuer with one Ed25519 key that signs introspection answers, for tests. */
#pragma once

#include "token/base64url.h"
#include "token/jwk.h"

#include <glib.h>
#include <string.h>

typedef struct Signer {
        EVP_PKEY *key;
        KeySet *keys; /* its public half, kid "k" */
} Signer;

static inline char *signer_encode(const void *bytes, size_t len)
{
        char *text = g_malloc(BASE64URL_ENCODED_MAX(len));

        base64url_encode(span_of(bytes, len), text);
        return text;
}

static inline Signer signer_new(void)
{
        Signer signer = { .key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") };
        uint8_t public_key[32];
        size_t len = sizeof(public_key);
        g_autofree char *x = NULL, *json = NULL;

        g_assert_cmpint(EVP_PKEY_get_raw_public_key(signer.key, public_key, &len), ==, 1);
        x = signer_encode(public_key, len);
        json =
            g_strdup_printf("{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", x);
        g_assert_cmpint(keyset_parse(span_from(json), NULL, NULL, &signer.keys), ==, 0);
        return signer;
}

static inline void signer_clear(Signer *signer)
{
        EVP_PKEY_free(signer->key);
        keyset_unref(signer->keys);
}

/* signer_sign: a compact JWS; the caller frees. */
static inline char *signer_sign(const Signer *signer, const char *header, const char *payload)
{
        g_autofree char *head = signer_encode(header, strlen(header));
        g_autofree char *body = signer_encode(payload, strlen(payload));
        g_autofree char *input = g_strdup_printf("%s.%s", head, body), *signature = NULL;
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        uint8_t raw[64];
        size_t len = sizeof(raw);

        g_assert_cmpint(EVP_DigestSignInit(context, NULL, NULL, NULL, signer->key), ==, 1);
        g_assert_cmpint(EVP_DigestSign(context, raw, &len, (const uint8_t *) input, strlen(input)),
                        ==, 1);
        EVP_MD_CTX_free(context);
        signature = signer_encode(raw, len);
        return g_strdup_printf("%s.%s", input, signature);
}
