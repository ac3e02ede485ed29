/* test_siphash: the authors' example, and OpenSSL's SipHash for each length. */
#include "base/siphash.h"

#include <glib.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#define TEXT_MAX 300 /* past what the length's one byte holds */

static uint8_t key[SIPHASH_KEY_SIZE], text[TEXT_MAX];

static uint64_t openssl_siphash(size_t len)
{
        size_t size = sizeof(uint64_t), written = 0;
        OSSL_PARAM parameters[] = { OSSL_PARAM_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_END };
        EVP_MAC *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
        EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
        uint64_t hash = 0;

        g_assert_true(EVP_MAC_init(context, key, sizeof(key), parameters));
        g_assert_true(EVP_MAC_update(context, text, len));
        g_assert_true(EVP_MAC_final(context, (unsigned char *) &hash, &written, sizeof(hash)));
        g_assert_cmpuint(written, ==, sizeof(hash));
        EVP_MAC_CTX_free(context);
        EVP_MAC_free(mac);
        return GUINT64_FROM_LE(hash);
}

/* Appendix A of the paper: 15 bytes. */
static void authors_example(void)
{
        g_assert_cmphex(siphash(key, span_of(text, 15)), ==, UINT64_C(0xa129ca6149be45e5));
}

static void every_length(void)
{
        for (size_t len = 0; len <= TEXT_MAX; len++)
                g_assert_cmphex(siphash(key, span_of(text, len)), ==, openssl_siphash(len));
}

static void nothing_at_all(void)
{
        g_assert_cmphex(siphash(key, (Span){ NULL, 0 }), ==, siphash(key, SPAN_EMPTY));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < sizeof(key); i++)
                key[i] = (uint8_t) i;
        for (size_t i = 0; i < sizeof(text); i++)
                text[i] = (uint8_t) i;
        g_test_add_func("/siphash/the authors' example", authors_example);
        g_test_add_func("/siphash/each length is as OpenSSL has it", every_length);
        g_test_add_func("/siphash/no text is the empty one", nothing_at_all);
        return g_test_run();
}
