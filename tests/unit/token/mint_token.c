/* mint_token: see mint_token.h. */
#include "mint_token.h"

#include "token/base64url.h"

#include <openssl/evp.h>

#define SEED_SIZE      32
#define SIGNATURE_SIZE 64

static EVP_PKEY *seed_key(unsigned char seed)
{
        unsigned char bytes[SEED_SIZE];
        EVP_PKEY *key;

        memset(bytes, seed, sizeof(bytes));
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, bytes, sizeof(bytes));
        g_assert_nonnull(key);
        return key;
}

static char *encode(const void *bytes, size_t len)
{
        char *text = g_malloc(BASE64URL_ENCODED_MAX(len));

        base64url_encode(span_of(bytes, len), text);
        return text;
}

char *mint_json(const char *text)
{
        return g_strdelimit(g_strdup(text), "'", '"');
}

char *mint_token(const char *header, const char *payload, unsigned char seed)
{
        g_autofree char *header_json = mint_json(header), *payload_json = mint_json(payload);
        g_autofree char *head = encode(header_json, strlen(header_json));
        g_autofree char *body = encode(payload_json, strlen(payload_json));
        g_autofree char *input = g_strconcat(head, ".", body, NULL);
        g_autofree char *tail = NULL;
        unsigned char signature[SIGNATURE_SIZE];
        size_t signature_len = sizeof(signature);
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        EVP_PKEY *key = seed_key(seed);

        g_assert_cmpint(EVP_DigestSignInit(context, NULL, NULL, NULL, key), ==, 1);
        g_assert_cmpint(EVP_DigestSign(context, signature, &signature_len,
                                       (const unsigned char *) input, strlen(input)),
                        ==, 1);
        tail = encode(signature, signature_len);
        EVP_MD_CTX_free(context);
        EVP_PKEY_free(key);
        return g_strconcat(input, ".", tail, NULL);
}

char *mint_public(unsigned char seed)
{
        unsigned char bytes[SEED_SIZE];
        size_t len = sizeof(bytes);
        EVP_PKEY *key = seed_key(seed);

        g_assert_cmpint(EVP_PKEY_get_raw_public_key(key, bytes, &len), ==, 1);
        EVP_PKEY_free(key);
        return encode(bytes, len);
}
