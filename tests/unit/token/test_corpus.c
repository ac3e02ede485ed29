/* The corpus of tests/tokens, as far as token/ alone can judge it: good tokens verify and parse,
 * bad ones are refused with the reason in their name. What a policy refuses must be fine until
 * there. */
#include "token/claims.h"
#include "token/verify.h"
#include "rows.h"

static KeySet *keys;
static Verifier *verifier;

/* What verdict/ alone can judge. */
static const char *const policy_reasons[] = { "expired",        "not_yet_valid",  "wrong_type",
                                              "unknown_issuer", "wrong_audience", "missing_claim" };

static const char *const parse_words[] = {
        [JWS_E_NOT_A_JWS] = "malformed", [JWS_E_MALFORMED] = "malformed",
        [JWS_E_TOO_LARGE] = "malformed", [JWS_E_UNSUPPORTED_ALGORITHM] = "unsupported_algorithm",
        [JWS_E_CRITICAL] = "malformed",
};

static const char *const verify_words[] = {
        [VERIFY_E_KEY_MISMATCH] = "key_mismatch",
        [VERIFY_E_BAD_SIGNATURE] = "bad_signature",
};

static const char *judge_claims(const Jws *jws)
{
        g_autofree uint8_t *buffer = g_malloc(JWS_PAYLOAD_SIZE_MAX);
        g_autoptr(Claims) claims = NULL;
        Span payload;

        if (jws_decode_payload(jws, buffer, &payload) != 0 ||
            claims_parse(payload, span_of(jws->typ, jws->typ_len), &claims, NULL) != 0)
                return "malformed";
        return "fine";
}

static const char *judge(Span token)
{
        const Key *key;
        Jws jws;
        int r = jws_parse(token, &jws);

        g_assert_cmpint(r, >=, 0);
        if (r != 0)
                return parse_words[r];
        key = keyset_find(keys, span_of(jws.kid, jws.kid_len), jws.alg);
        if (!key)
                return "unknown_key";
        r = verify_jws(verifier, key, &jws);
        g_assert_cmpint(r, >=, 0);
        return r != 0 ? verify_words[r] : judge_claims(&jws);
}

static bool expects(const char *name, const char *word)
{
        if (name[0] == 'y')
                return g_str_equal(word, "fine");
        for (size_t i = 0; i < G_N_ELEMENTS(policy_reasons); i++)
                if (g_str_has_prefix(name + 2, policy_reasons[i]))
                        return g_str_equal(word, "fine");
        return g_str_has_prefix(name + 2, word);
}

static void run_file(const void *data)
{
        const char *name = data;
        size_t len;
        g_autofree char *token = rows_file(name, &len);
        const char *word = judge(span_of(token, len));

        if (!expects(name, word))
                g_error("%s was judged %s", name, word);
}

static void add_files(void)
{
        g_autofree char *path = g_test_build_filename(G_TEST_DIST, "tokens", NULL);
        g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
        const char *name;
        unsigned n_files = 0;

        while (folder && (name = g_dir_read_name(folder)))
                if (g_str_has_suffix(name, ".jws") && ++n_files)
                        rows_add_file("corpus", name, run_file);
        g_assert_cmpuint(n_files, >, 250);
}

int main(int argc, char **argv)
{
        g_autofree char *json = NULL;
        size_t len;
        int r;

        g_test_init(&argc, &argv, NULL);
        json = rows_file("keys.jwks", &len);
        keys = rows_keyset(json);
        verifier = verifier_new();
        add_files();
        r = g_test_run();
        verifier_free(verifier);
        keyset_unref(keys);
        return r;
}
