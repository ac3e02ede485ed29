/* Key sets of tests/tokens/keysets by their names, and finding a key in a set. */
#include "token/jwk.h"
#include "rows.h"

typedef struct AnswerWord {
        const char *word;
        int answer;
} AnswerWord;

static const AnswerWord answer_words[] = {
        { "malformed", JWK_E_MALFORMED },
        { "unsupported", JWK_E_UNSUPPORTED },
        { "not_for_signing", JWK_E_NOT_FOR_SIGNING },
        { "weak", JWK_E_WEAK },
        { "private", JWK_E_PRIVATE },
        { "too_many", JWK_E_TOO_MANY },
        { "empty", JWK_E_EMPTY },
        { "duplicate", JWK_E_DUPLICATE },
};

typedef struct Skipped {
        size_t n_skipped;
        size_t index;
        int answer;
        char why[128];
} Skipped;

static void note_skipped(size_t index, const char *kid, int answer, const char *why, void *userdata)
{
        Skipped *skipped = userdata;

        skipped->n_skipped++;
        skipped->index = index;
        skipped->answer = answer;
        g_strlcpy(skipped->why, why, sizeof skipped->why);
}

static int answer_of_name(const char *name)
{
        if (name[0] == 'y')
                return 0;
        for (size_t i = 0; i < G_N_ELEMENTS(answer_words); i++)
                if (g_str_has_prefix(name + 2, answer_words[i].word))
                        return answer_words[i].answer;
        g_assert_not_reached();
}

/* One key set: a set that is empty for its only key's sake answers for that key. */
static void run_file(const void *data)
{
        const char *name = data;
        g_autofree char *path = g_build_filename("keysets", name, NULL);
        g_autoptr(KeySet) set = NULL;
        Skipped skipped = { 0 };
        size_t len;
        g_autofree char *json = rows_file(path, &len);
        int r = keyset_parse(span_of(json, len), note_skipped, &skipped, &set);

        if (r == JWK_E_EMPTY && skipped.n_skipped == 1)
                r = skipped.answer;
        g_assert_cmpint(r, ==, answer_of_name(name));
        g_assert_true((set != NULL) == (r == 0));
}

static char *issuer_keys(void)
{
        size_t len;

        return rows_file("keys.jwks", &len);
}

static const char *kid_found(const KeySet *set, const char *kid, AlgId alg)
{
        const Key *key = keyset_find(set, span_from(kid), alg_get(alg));

        return key ? key->kid : NULL;
}

static void test_find(void)
{
        g_autofree char *json = issuer_keys();
        g_autoptr(KeySet) set = rows_keyset(json);

        g_assert_cmpuint(keyset_size(set), ==, 7);
        g_assert_null(keyset_get(set, 7));
        for (size_t i = 0; i < keyset_size(set); i++)
                g_assert_true(keyset_find(set, span_from(keyset_get(set, i)->kid),
                                          alg_get(ALG_RS256)) == keyset_get(set, i));
        g_assert_cmpstr(kid_found(set, "rsa-any", ALG_ES256), ==, "rsa-any");
        g_assert_null(kid_found(set, "rsa-an", ALG_RS256));
        g_assert_null(kid_found(set, "rsa-any2", ALG_RS256));
        g_assert_null(kid_found(set, "rsa-enc", ALG_RS256));
        g_assert_null(keyset_find(set, span_of("rsa-any\0", 8), alg_get(ALG_RS256)));
}

static void test_find_without_kid(void)
{
        g_autofree char *json = issuer_keys();
        g_autoptr(KeySet) set = rows_keyset(json);

        g_assert_cmpstr(kid_found(set, "", ALG_ES256), ==, "ec-256");
        g_assert_cmpstr(kid_found(set, "", ALG_PS512), ==, "rsa-any");
        g_assert_null(kid_found(set, "", ALG_RS256)); /* two could */
        g_assert_null(kid_found(set, "", ALG_EDDSA)); /* Ed25519 and Ed448 could */
}

static void test_narrowed(void)
{
        g_autofree char *json = issuer_keys();
        g_autoptr(KeySet) set = rows_keyset(json);
        const AlgSet rsa = 1u << ALG_RS256 | 1u << ALG_RS384 | 1u << ALG_RS512 | 1u << ALG_PS256 |
                           1u << ALG_PS384 | 1u << ALG_PS512;
        const AlgSet expected[] = { rsa,
                                    1u << ALG_RS256,
                                    1u << ALG_ES256,
                                    1u << ALG_ES384,
                                    1u << ALG_ES512,
                                    1u << ALG_EDDSA,
                                    1u << ALG_EDDSA };

        for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
                g_assert_cmphex(keyset_get(set, i)->algs, ==, expected[i]);
        g_assert_cmpint(keyset_get(set, 0)->bits, ==, 2048);
        g_assert_cmpint(keyset_get(set, 4)->bits, ==, 521);
}

static void test_one_kid_two_types(void)
{
        size_t len;
        g_autofree char *json = rows_file("keysets/y_one_kid_for_an_RSA_and_an_EC_key.json", &len);
        g_autoptr(KeySet) set = rows_keyset(json);

        g_assert_cmpint(keyset_find(set, span_from("a"), alg_get(ALG_RS256))->type, ==,
                        KEY_TYPE_RSA);
        g_assert_cmpint(keyset_find(set, span_from("a"), alg_get(ALG_ES256))->type, ==,
                        KEY_TYPE_EC);
        g_assert_nonnull(keyset_find(set, span_from("a"), alg_get(ALG_EDDSA)));
}

static void test_skipped_is_told(void)
{
        size_t len;
        g_autofree char *json = rows_file("keysets/y_the_same_key_twice.json", &len);
        g_autoptr(KeySet) set = NULL;
        Skipped skipped = { 0 };

        g_assert_cmpint(keyset_parse(span_from(json), note_skipped, &skipped, &set), ==, 0);
        g_assert_cmpuint(keyset_size(set), ==, 1);
        g_assert_cmpuint(skipped.n_skipped, ==, 1);
        g_assert_cmpuint(skipped.index, ==, 1);
        g_assert_cmpint(skipped.answer, ==, JWK_E_DUPLICATE);
        g_assert_cmpstr(skipped.why, ==, "the same key stands in the set twice");
}

static void test_zero_in_front(void)
{
        size_t len;
        g_autofree char *zero_json =
            rows_file("keysets/y_RSA_modulus_with_a_zero_byte_in_front.json", &len);
        g_autofree char *plain_json = rows_file("keysets/y_one_bare_key.json", &len);
        g_autoptr(KeySet) zero = rows_keyset(zero_json), plain = rows_keyset(plain_json);

        g_assert_cmpint(keyset_get(zero, 0)->bits, ==, 2048);
        g_assert_true(keyset_equal(zero, plain));
}

/* n Ed25519 keys; kids count down from start so that the document is not in the order of kids. */
static char *many_keys(int n, int start)
{
        GString *json = g_string_new("{\"keys\":[");

        for (int i = 0; i < n; i++)
                g_string_append_printf(json,
                                       "%s{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k%d\","
                                       "\"x\":\"%08dCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
                                       i ? "," : "", start - i, start - i);
        g_string_append(json, "]}");
        return g_string_free(json, FALSE);
}

static void test_many(void)
{
        g_autofree char *json = many_keys(KEYSET_KEYS_MAX, 5000);
        g_autoptr(KeySet) set = rows_keyset(json);

        g_assert_cmpuint(keyset_size(set), ==, KEYSET_KEYS_MAX);
        for (size_t i = 0; i < KEYSET_KEYS_MAX; i++) {
                const Key *key = keyset_get(set, i);

                g_assert_true(keyset_find(set, span_from(key->kid), alg_get(ALG_EDDSA)) == key);
        }
        g_assert_null(kid_found(set, "k1", ALG_EDDSA));
        g_assert_null(kid_found(set, "k9999", ALG_EDDSA));
}

static void test_equal(void)
{
        g_autofree char *abc_json = many_keys(3, 3), *ab_json = many_keys(2, 2),
                        *bc_json = many_keys(2, 3);
        g_autoptr(KeySet) abc = rows_keyset(abc_json), ab = rows_keyset(ab_json),
                          bc = rows_keyset(bc_json);
        g_autofree char *turned_json =
            g_strdup("{\"keys\":[{\"x\":\"00000001CrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":"
                     "\"k1\",\"crv\":\"Ed25519\",\"kty\":\"OKP\"},"
                     "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k2\",\"x\":\"00000002CrfVS_"
                     "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
        g_autoptr(KeySet) turned = rows_keyset(turned_json);

        g_assert_true(keyset_equal(ab, turned));
        g_assert_false(keyset_equal(abc, ab));
        g_assert_false(keyset_equal(ab, bc));
}

static bool drop_named(const Key *key, void *userdata)
{
        const char *const *kids = userdata;

        return g_strv_contains(kids, key->kid);
}

static void test_without(void)
{
        static const char *const none[] = { "c", NULL }, *const one[] = { "b", NULL },
                                 *const all[] = { "a", "b", NULL };
        const Alg *eddsa = alg_find(span_from("EdDSA"));
        KeySet *set = rows_keyset(
            "{\"keys\":[{\"kid\":\"b\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
            "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},{\"kid\":\"a\",\"kty\":\"OKP\",\"crv\":\"Ed25519\","
            "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
        g_autoptr(KeySet) same = keyset_without(set, drop_named, (void *) none);
        g_autoptr(KeySet) rest = keyset_without(set, drop_named, (void *) one);
        g_autoptr(KeySet) empty = keyset_without(set, drop_named, (void *) all);

        g_assert_true(same == set);
        g_assert_null(keyset_find(set, SPAN_EMPTY, eddsa)); /* there are two */
        keyset_unref(set);
        g_clear_pointer(&same, keyset_unref); /* what was kept lives without them */
        g_assert_cmpuint(keyset_size(rest), ==, 1);
        g_assert_null(keyset_find(rest, span_from("b"), eddsa));
        g_assert_cmpstr(keyset_find(rest, span_from("a"), eddsa)->kid, ==, "a");
        g_assert_nonnull(keyset_find(rest, SPAN_EMPTY, eddsa)); /* the sole one now */
        g_assert_cmpint(EVP_PKEY_get_bits(keyset_get(rest, 0)->pkey), >, 0);
        g_assert_cmpuint(keyset_size(empty), ==, 0);
        g_assert_null(keyset_find(empty, span_from("a"), eddsa));
        g_assert_null(keyset_find(empty, SPAN_EMPTY, eddsa));
        g_assert_false(keyset_equal(rest, empty));
}

static void test_too_long(void)
{
        g_autofree char *json = g_strnfill(KEYSET_SIZE_MAX + 1, ' ');
        KeySet *set = NULL;

        g_assert_cmpint(keyset_parse(span_of(json, KEYSET_SIZE_MAX + 1), NULL, NULL, &set), ==,
                        JWK_E_MALFORMED);
}

static void test_reference(void)
{
        KeySet *set = rows_keyset("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_"
                                  "7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}");
        g_autoptr(KeySet) second = keyset_ref(set);

        keyset_unref(set);
        g_assert_cmpuint(keyset_size(second), ==, 1);
        keyset_unref(NULL);
}

static void add_files(void)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tokens", "keysets", NULL);
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        const char *name;
        unsigned n_files = 0;

        while (folder && (name = g_dir_read_name(folder)))
                if (g_str_has_suffix(name, ".json") && ++n_files)
                        rows_add_file("jwk/file", name, run_file);
        g_assert_cmpuint(n_files, >, 60);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_files();
        g_test_add_func("/jwk/a key is found by its whole kid", test_find);
        g_test_add_func("/jwk/without kid the only key for the algorithm is found",
                        test_find_without_kid);
        g_test_add_func("/jwk/kty, crv and alg say what a key may verify", test_narrowed);
        g_test_add_func("/jwk/one kid for two types of key finds the one for the algorithm",
                        test_one_kid_two_types);
        g_test_add_func("/jwk/a key left out is told", test_skipped_is_told);
        g_test_add_func("/jwk/a zero byte in front of the modulus changes nothing",
                        test_zero_in_front);
        g_test_add_func("/jwk/each of 1024 keys is found", test_many);
        g_test_add_func("/jwk/sets are equal in any order", test_equal);
        g_test_add_func("/jwk/a set without some of its keys", test_without);
        g_test_add_func("/jwk/a document over 1 MiB is refused", test_too_long);
        g_test_add_func("/jwk/the last reference frees", test_reference);
        return g_test_run();
}
