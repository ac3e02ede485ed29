/* One Verifier over many keys and answers, and all of token/ on a small stack. */
#include "token/claims.h"
#include "token/verify.h"
#include "rows.h"

#include <openssl/err.h>
#include <pthread.h>

#define SMALL_STACK_SIZE (64 * 1024)
#define HUGE_TOKEN_SIZE  (10 * 1024 * 1024)

static const char *const good_files[] = {
        "y_RS256_with_the_key_rsa-any.jws", "y_PS512_with_the_key_rsa-any.jws",
        "y_ES256_with_the_key_ec-256.jws",  "y_ES384_with_the_key_ec-384.jws",
        "y_ES512_with_the_key_ec-521.jws",  "y_EdDSA_with_the_key_ed25519.jws",
        "y_EdDSA_with_the_key_ed448.jws",   "y_just_as_long_as_a_token_may_be.jws",
};

static KeySet *load_keys(void)
{
        size_t len;
        g_autofree char *json = rows_file("keys.jwks", &len);

        return rows_keyset(json);
}

static int verify_file(Verifier *verifier, const KeySet *set, const char *name, bool flip)
{
        size_t len;
        g_autofree char *token = rows_file(name, &len);
        Jws jws;

        g_assert_cmpint(jws_parse(span_of(token, len), &jws), ==, 0);
        if (flip)
                jws.signature[0] ^= 0x40;
        return verify_jws(verifier, keyset_find(set, span_of(jws.kid, jws.kid_len), jws.alg), &jws);
}

static void test_mixed(void)
{
        g_autoptr(KeySet) set = load_keys();
        g_autoptr(Verifier) verifier = verifier_new();

        for (int round = 0; round < 3; round++)
                for (size_t i = 0; i < G_N_ELEMENTS(good_files); i++) {
                        g_assert_cmpint(verify_file(verifier, set, good_files[i], true), ==,
                                        VERIFY_E_BAD_SIGNATURE);
                        g_assert_cmpint(verify_file(verifier, set, good_files[i], false), ==, 0);
                        g_assert_cmpuint(ERR_peek_error(), ==, 0);
                }
}

/* Contexts stay prepared, in fewer slots than these keys and algorithms need: whoever falls on a
 * slot must not meet the context of another. */
static void test_slots(void)
{
        static const char *const files[] = {
                "y_RS256_with_the_key_rsa-any.jws", "y_RS384_with_the_key_rsa-any.jws",
                "y_RS512_with_the_key_rsa-any.jws", "y_PS256_with_the_key_rsa-any.jws",
                "y_PS384_with_the_key_rsa-any.jws", "y_PS512_with_the_key_rsa-any.jws",
        };
        g_autoptr(GPtrArray) sets = g_ptr_array_new_with_free_func((GDestroyNotify) keyset_unref);
        g_autoptr(Verifier) verifier = verifier_new();

        for (int round = 0; round < 60; round++) {
                KeySet *set = load_keys();

                g_ptr_array_add(sets, set); /* kept, so that each key has another address */
                for (size_t i = 0; i < G_N_ELEMENTS(files); i++)
                        g_assert_cmpint(verify_file(verifier, set, files[i], false), ==, 0);
        }
}

/* n keys that differ from the issuer's: its modulus (342 characters) with other
 * digits at one place. */
static KeySet *wrong_keys(const char *right, int n)
{
        g_autoptr(GString) json = g_string_new("{\"keys\":[");

        for (int i = 0; i < n; i++)
                g_string_append_printf(
                    json,
                    "%s{\"kty\":\"RSA\",\"e\":\"AQAB\",\"kid\":\"k%d\",\"n\":\"%.100s%04d%.238s\"}",
                    i ? "," : "", i, right, i, right + 104);
        g_string_append(json, "]}");
        return rows_keyset(json->str);
}

static void test_many_keys(void)
{
        size_t len;
        g_autofree char *json = rows_file("keys.jwks", &len);
        g_autofree char *token = rows_file("y_RS256_with_the_key_rsa-any.jws", &len);
        g_autoptr(KeySet) set = rows_keyset(json);
        json_auto_t *document = json_loads(json, 0, NULL);
        const json_t *first = json_array_get(json_object_get(document, "keys"), 0);
        g_autoptr(KeySet) wrong = wrong_keys(json_string_value(json_object_get(first, "n")), 300);
        g_autoptr(Verifier) verifier = verifier_new();
        Jws jws;

        g_assert_cmpint(jws_parse(span_of(token, len), &jws), ==, 0);
        for (size_t i = 0; i < keyset_size(wrong); i++) {
                g_assert_cmpint(verify_jws(verifier, keyset_get(wrong, i), &jws), ==,
                                VERIFY_E_BAD_SIGNATURE);
                g_assert_cmpint(verify_jws(verifier, keyset_get(set, 0), &jws), ==, 0);
        }
}

static void test_key_says_the_algorithm(void)
{
        g_autoptr(KeySet) set = load_keys();
        g_autoptr(Verifier) verifier = verifier_new();
        size_t len;
        g_autofree char *token = rows_file("y_RS256_with_the_key_rsa-any.jws", &len);
        Key narrowed = *keyset_get(set, 0);
        Jws jws;

        g_assert_cmpint(jws_parse(span_of(token, len), &jws), ==, 0);
        g_assert_cmpint(verify_jws(verifier, &narrowed, &jws), ==, 0);
        narrowed.algs &= ~(1u << ALG_RS256);
        g_assert_cmpint(verify_jws(verifier, &narrowed, &jws), ==, VERIFY_E_KEY_MISMATCH);
        narrowed.algs = ALG_SET_ALL; /* even then kty must fit */
        narrowed.type = KEY_TYPE_EC;
        g_assert_cmpint(verify_jws(verifier, &narrowed, &jws), ==, VERIFY_E_KEY_MISMATCH);
        jws.alg = NULL;
        g_assert_cmpint(verify_jws(verifier, keyset_get(set, 0), &jws), ==, VERIFY_E_KEY_MISMATCH);
}

static void test_message_changed(void)
{
        g_autoptr(KeySet) set = load_keys();
        g_autoptr(Verifier) verifier = verifier_new();

        for (size_t i = 0; i < G_N_ELEMENTS(good_files); i++) {
                size_t len;
                g_autofree char *token = rows_file(good_files[i], &len);
                Jws jws;

                g_assert_cmpint(jws_parse(span_of(token, len), &jws), ==, 0);
                token[jws.signing_input.len - 1] ^= 1;
                g_assert_cmpint(verify_jws(verifier,
                                           keyset_find(set, span_of(jws.kid, jws.kid_len), jws.alg),
                                           &jws),
                                ==, VERIFY_E_BAD_SIGNATURE);
        }
}

/* The public key of another's, under our key's name: nothing of the call before may be left. */
static const Key *stranger_for(const KeySet *strangers, const Key *key)
{
        for (size_t i = 0; i < keyset_size(strangers); i++) {
                const Key *stranger = keyset_get(strangers, i);

                if (stranger->type == key->type && stranger->curve == key->curve)
                        return stranger;
        }
        g_assert_not_reached();
}

static void test_other_key(void)
{
        size_t len;
        g_autofree char *json = rows_file("strangers.jwks", &len);
        g_autoptr(KeySet) set = load_keys(), strangers = rows_keyset(json);
        g_autoptr(Verifier) verifier = verifier_new();

        for (size_t i = 0; i < G_N_ELEMENTS(good_files); i++) {
                g_autofree char *token = rows_file(good_files[i], &len);
                const Key *key;
                Jws jws;

                g_assert_cmpint(jws_parse(span_of(token, len), &jws), ==, 0);
                key = keyset_find(set, span_of(jws.kid, jws.kid_len), jws.alg);
                g_assert_cmpint(verify_jws(verifier, key, &jws), ==, 0);
                g_assert_cmpint(verify_jws(verifier, stranger_for(strangers, key), &jws), ==,
                                VERIFY_E_BAD_SIGNATURE);
        }
}

/* What a worker does with one token, with the payload where Checker keeps it: on the heap. */
static int check_once(Verifier *verifier, const KeySet *set, Span token)
{
        g_autofree uint8_t *buffer = g_malloc(JWS_PAYLOAD_SIZE_MAX);
        g_autoptr(Claims) claims = NULL;
        char issuer_buffer[256];
        Span payload, issuer;
        Jws jws;
        int r = jws_parse(token, &jws);

        if (r != 0)
                return r;
        r = jws_decode_payload(&jws, buffer, &payload);
        if (r != 0 || !jws_peek_issuer(payload, &issuer, issuer_buffer, sizeof issuer_buffer))
                return -1;
        r = verify_jws(verifier, keyset_find(set, span_of(jws.kid, jws.kid_len), jws.alg), &jws);
        return r != 0 ? r : claims_parse(payload, span_of(jws.typ, jws.typ_len), &claims, NULL);
}

static void *check_good_files(void *userdata)
{
        g_autoptr(KeySet) set = load_keys();
        g_autoptr(Verifier) verifier = verifier_new();

        for (size_t i = 0; i < G_N_ELEMENTS(good_files); i++) {
                size_t len;
                g_autofree char *token = rows_file(good_files[i], &len);

                g_assert_cmpint(check_once(verifier, set, span_of(token, len)), ==, 0);
        }
        return NULL;
}

static void *check_huge(void *userdata)
{
        g_autoptr(KeySet) set = load_keys();
        g_autoptr(Verifier) verifier = verifier_new();
        g_autofree char *token = g_strnfill(HUGE_TOKEN_SIZE, 'A');

        g_assert_cmpint(check_once(verifier, set, span_of(token, HUGE_TOKEN_SIZE)), ==,
                        JWS_E_TOO_LARGE);
        token[100] = token[HUGE_TOKEN_SIZE - 100] = '.';
        g_assert_cmpint(check_once(verifier, set, span_of(token, HUGE_TOKEN_SIZE)), ==,
                        JWS_E_TOO_LARGE);
        memset(token, '.', HUGE_TOKEN_SIZE);
        g_assert_cmpint(check_once(verifier, set, span_of(token, HUGE_TOKEN_SIZE)), ==,
                        JWS_E_TOO_LARGE);
        return NULL;
}

static void run_on_small_stack(void *(*body)(void *) )
{
        pthread_attr_t attributes;
        pthread_t thread;

        g_assert_cmpint(pthread_attr_init(&attributes), ==, 0);
        g_assert_cmpint(pthread_attr_setstacksize(&attributes, SMALL_STACK_SIZE), ==, 0);
        g_assert_cmpint(pthread_create(&thread, &attributes, body, NULL), ==, 0);
        g_assert_cmpint(pthread_join(thread, NULL), ==, 0);
        pthread_attr_destroy(&attributes);
}

static void test_small_stack_good(void)
{
        run_on_small_stack(check_good_files);
}

static void test_small_stack_huge(void)
{
        run_on_small_stack(check_huge);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/verify/one verifier serves all keys, after refusals too", test_mixed);
        g_test_add_func("/verify/no key or algorithm meets the context of another", test_slots);
        g_test_add_func("/verify/many wrong keys and the right one in turn", test_many_keys);
        g_test_add_func("/verify/the key says the algorithm", test_key_says_the_algorithm);
        g_test_add_func("/verify/the same token under another key of its kind", test_other_key);
        g_test_add_func("/verify/a changed message is refused by each algorithm",
                        test_message_changed);
        g_test_add_func("/verify/each algorithm and the longest token on a stack of 64 KiB",
                        test_small_stack_good);
        g_test_add_func("/verify/a token of 10 MB on a stack of 64 KiB", test_small_stack_huge);
        return g_test_run();
}
