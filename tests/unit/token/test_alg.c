/* The table of algorithms against the words of RFC 7518 §3.1 and RFC 8037 §3.1. */
#include "token/alg.h"
#include "rows.h"

static const char *const names[_ALG_MAX] = { "RS256", "RS384", "RS512", "PS256", "PS384",
                                             "PS512", "ES256", "ES384", "ES512", "EdDSA" };

static const char *const strangers[] = { "",         "none",   "None",   "HS256",  "HS384",
                                         "HS512",    "rs256",  "Rs256",  "RS256 ", " RS256",
                                         "RS25",     "RS2560", "ES256K", "eddsa",  "Ed25519",
                                         "RSA-OAEP", "dir" };

static void test_names(void)
{
        for (int id = 0; id < _ALG_MAX; id++) {
                const Alg *alg = alg_find(span_from(names[id]));

                g_assert_nonnull(alg);
                g_assert_cmpint(alg->id, ==, id);
                g_assert_true(alg == alg_get((AlgId) id));
                g_assert_true(alg_set_has(ALG_SET_ALL, alg->id));
        }
}

static void test_strangers(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(strangers); i++)
                g_assert_null(alg_find(span_from(strangers[i])));
        g_assert_null(alg_find(span_of("RS256\0", 6)));
}

static void test_coordinates(void)
{
        g_assert_cmpuint(alg_get(ALG_ES256)->coordinate_size, ==, 32);
        g_assert_cmpuint(alg_get(ALG_ES384)->coordinate_size, ==, 48);
        g_assert_cmpuint(alg_get(ALG_ES512)->coordinate_size, ==, 66);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/alg/each name finds its row", test_names);
        g_test_add_func("/alg/no other word finds one", test_strangers);
        g_test_add_func("/alg/ES512 has coordinates of 66 bytes", test_coordinates);
        return g_test_run();
}
