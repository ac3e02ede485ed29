/* test_dpop: a good proof, and each way in which one is not (RFC 9449 §4.3), a row each. */
#include "proof/dpop.h"

#include "base/secret.h"
#include "mint_token.h"
#include "token/base64url.h"

#define NOW    INT64_C(1700000000)
#define TOKEN  "header.payload.signature"
#define SEED   7
#define HEADER "{'typ':'dpop+jwt','alg':'EdDSA','jwk':%K}"
#define CLAIMS                                                                                     \
        "{'jti':'%J','htm':'POST','htu':'https://api.example.com/"                                 \
        "orders','iat':1700000000,'ath':'%A'}"
#define CLAIMS_OF(htm, htu, iat)                                                                   \
        "{'jti':'%J','htm':'" htm "','htu':'" htu "','iat':" iat ",'ath':'%A'}"
#define WITH_URL(htu)  CLAIMS_OF("POST", htu, "1700000000")
#define WITH_TIME(iat) CLAIMS_OF("POST", "https://api.example.com/orders", iat)

static Replay *replay;
static Nonces *nonces;
static DpopJudge *judge;

/* Every %X of a template: K the public JWK of SEED, A the token's hash, N a good nonce, J a fresh
 * jti. */
static char *fill(const char *template)
{
        static int n_proofs;
        char nonce[NONCE_TEXT_MAX], ath[BASE64URL_ENCODED_MAX(FINGERPRINT_SIZE)];
        g_autofree char *x = mint_public(SEED);
        g_autofree char *jwk = g_strdup_printf("{'kty':'OKP','crv':'Ed25519','x':'%s'}", x);
        g_autofree char *jti = g_strdup_printf("proof-%d", n_proofs++);
        GString *text = g_string_new(template);
        Fingerprint digest;

        fingerprint_of(span_from(TOKEN), &digest);
        base64url_encode(span_of(digest.bytes, FINGERPRINT_SIZE), ath);
        nonces_make(nonces, NOW, nonce);
        g_string_replace(text, "%K", jwk, 0);
        g_string_replace(text, "%A", ath, 0);
        g_string_replace(text, "%N", nonce, 0);
        g_string_replace(text, "%J", jti, 0);
        return g_string_free(text, FALSE);
}

static char *make_proof(const char *header, const char *claims, unsigned char seed)
{
        g_autofree char *filled_header = fill(header), *filled_claims = fill(claims);

        return mint_token(filled_header, filled_claims, seed);
}

/* The thumbprint of SEED's key, as an issuer would write it into cnf.jkt. */
static char *make_jkt(unsigned char seed)
{
        g_autofree char *x = mint_public(seed);
        g_autofree char *json =
            g_strdup_printf("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}", x);
        g_autoptr(KeySet) keys = NULL;
        char *text = g_malloc(BASE64URL_ENCODED_MAX(JWK_THUMBPRINT_SIZE));

        g_assert_cmpint(keyset_parse(span_from(json), NULL, NULL, &keys), ==, 0);
        base64url_encode(span_of(keyset_get(keys, 0)->thumbprint, JWK_THUMBPRINT_SIZE), text);
        return text;
}

typedef struct Row {
        const char *sentence;
        const char *header, *claims;
        const char *trouble; /* NULL: good */
        bool demand_nonce;
        int answer; /* 0 with a trouble: DPOP_E_REFUSED */
} Row;

static const Row rows[] = {
        { "a good proof", HEADER, CLAIMS, NULL },
        { "typ in capitals is the same media type", "{'typ':'DPoP+JWT','alg':'EdDSA','jwk':%K}",
          CLAIMS, NULL },
        { "members that nobody demands", HEADER,
          "{'jti':'%J','htm':'POST','htu':'https://api.example.com/orders','iat':1700000000,"
          "'ath':'%A','nonce':'whatever','x':{'y':1}}",
          NULL },

        { "another typ", "{'typ':'JWT','alg':'EdDSA','jwk':%K}", CLAIMS, "typ" },
        { "no typ", "{'alg':'EdDSA','jwk':%K}", CLAIMS, "typ" },
        { "no algorithm", "{'typ':'dpop+jwt','alg':'none','jwk':%K}", CLAIMS, "no JWS" },
        { "a symmetric algorithm", "{'typ':'dpop+jwt','alg':'HS256','jwk':%K}", CLAIMS, "no JWS" },
        { "another algorithm than the key's", "{'typ':'dpop+jwt','alg':'ES256','jwk':%K}", CLAIMS,
          "signature" },
        { "no key", "{'typ':'dpop+jwt','alg':'EdDSA'}", CLAIMS, "no public key" },
        { "a key that is text", "{'typ':'dpop+jwt','alg':'EdDSA','jwk':'%J'}", CLAIMS,
          "no public key" },
        { "a key set for a key", "{'typ':'dpop+jwt','alg':'EdDSA','jwk':{'keys':[%K]}}", CLAIMS,
          "no public key" },
        { "a private key",
          "{'typ':'dpop+jwt','alg':'EdDSA','jwk':{'kty':'OKP','crv':'Ed25519',"
          "'x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',"
          "'d':'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A'}}",
          CLAIMS, "no public key" },
        { "somebody else's key",
          "{'typ':'dpop+jwt','alg':'EdDSA','jwk':{'kty':'OKP','crv':'Ed25519',"
          "'x':'11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo'}}",
          CLAIMS, "signature" },

        { "another method", HEADER,
          CLAIMS_OF("GET", "https://api.example.com/orders", "1700000000"), "htm" },
        { "the method in small letters", HEADER,
          CLAIMS_OF("post", "https://api.example.com/orders", "1700000000"), "htm" },
        { "no method", HEADER,
          "{'jti':'%J','htu':'https://api.example.com/orders','iat':1700000000,'ath':'%A'}",
          "htm" },

        { "the default port written", HEADER, WITH_URL("https://api.example.com:443/orders"),
          NULL },
        { "a host in capitals", HEADER, WITH_URL("HTTPS://API.example.com/orders"), NULL },
        { "a query does not count", HEADER, WITH_URL("https://api.example.com/orders?x=/../y"),
          NULL },
        { "a fragment does not count", HEADER, WITH_URL("https://api.example.com/orders#x"), NULL },
        { "a path in another spelling", HEADER, WITH_URL("https://api.example.com/.//%6Frders"),
          NULL },
        { "another path", HEADER, WITH_URL("https://api.example.com/orders/7"), "htu" },
        { "another host", HEADER, WITH_URL("https://api.example.org/orders"), "htu" },
        { "another port", HEADER, WITH_URL("https://api.example.com:8443/orders"), "htu" },
        { "another scheme", HEADER, WITH_URL("http://api.example.com/orders"), "htu" },
        { "a path alone", HEADER, WITH_URL("/orders"), "htu" },
        { "a scheme alone", HEADER, WITH_URL("https"), "htu" },
        { "no URL at all", HEADER, WITH_URL(""), "htu" },

        { "just not too old", HEADER, WITH_TIME("1699999940"), NULL },
        { "too old by a second", HEADER, WITH_TIME("1699999939"), "too old" },
        { "just not too far ahead", HEADER, WITH_TIME("1700000005"), NULL },
        { "ahead by a second too much", HEADER, WITH_TIME("1700000006"), "future" },
        { "a time that is text", HEADER, WITH_TIME("'1700000000'"), "iat" },
        { "a time with a fraction", HEADER, WITH_TIME("1700000000.5"), "iat" },

        { "another token", HEADER,
          "{'jti':'%J','htm':'POST','htu':'https://api.example.com/orders','iat':1700000000,"
          "'ath':'fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo'}",
          "ath" },
        { "no token", HEADER,
          "{'jti':'%J','htm':'POST','htu':'https://api.example.com/orders','iat':1700000000}",
          "ath" },
        { "no jti", HEADER,
          "{'htm':'POST','htu':'https://api.example.com/orders','iat':1700000000,'ath':'%A'}",
          "jti" },
        { "an empty jti", HEADER,
          "{'jti':'','htm':'POST','htu':'https://api.example.com/orders','iat':1700000000,"
          "'ath':'%A'}",
          "jti" },
        { "claims that are a list", HEADER, "[1]", "claims" },
        { "a member twice", HEADER,
          "{'jti':'%J','jti':'%J','htm':'POST','htu':'https://api.example.com/orders',"
          "'iat':1700000000,'ath':'%A'}",
          "claims" },

        { "the nonce that is demanded", HEADER,
          "{'jti':'%J','htm':'POST','htu':'https://api.example.com/orders','iat':1700000000,"
          "'ath':'%A','nonce':'%N'}",
          NULL, true },
        { "no nonce where one is demanded", HEADER, CLAIMS, "nonce", true, DPOP_E_NEEDS_NONCE },
        { "another nonce", HEADER,
          "{'jti':'%J','htm':'POST','htu':'https://api.example.com/orders','iat':1700000000,"
          "'ath':'%A','nonce':'%A'}",
          "nonce", true, DPOP_E_NEEDS_NONCE },
};

static int ask(const char *proof, unsigned n_proofs, unsigned char token_seed, bool demand_nonce,
               const char **ret_why)
{
        g_autofree char *jkt = make_jkt(token_seed);
        g_auto(Place) place = { 0 };
        DpopQuestion question = {
                .proof = span_from(proof),
                .n_proofs = n_proofs,
                .token = span_from(TOKEN),
                .jkt = span_from(jkt),
                .scheme = "https",
                .place = &place,
                .demand_nonce = demand_nonce,
                .algorithms = ALG_SET_ALL,
                .now_sec = NOW,
        };

        *ret_why = NULL;
        g_assert_cmpint(place_init(&place, span_from("POST"), span_from("api.example.com"),
                                   span_from("/orders?page=2"), false, ret_why),
                        ==, 0);
        return dpop_check(judge, &question, ret_why);
}

static void check_row(gconstpointer pointer)
{
        const Row *row = pointer;
        g_autofree char *proof = make_proof(row->header, row->claims, SEED);
        const char *why;
        int r = ask(proof, 1, SEED, row->demand_nonce, &why);

        if (!row->trouble) {
                g_assert_cmpstr(why, ==, NULL);
                g_assert_cmpint(r, ==, 0);
                return;
        }
        g_assert_cmpint(r, ==, row->answer ? row->answer : DPOP_E_REFUSED);
        g_assert_nonnull(strstr(why, row->trouble));
}

static void how_many(void)
{
        g_autofree char *proof = make_proof(HEADER, CLAIMS, SEED);
        g_autofree char *long_one = g_strnfill(DPOP_SIZE_MAX + 1, 'a');
        const char *why;

        g_assert_cmpint(ask("", 0, SEED, false, &why), ==, DPOP_E_REFUSED);
        g_assert_cmpint(ask("", 1, SEED, false, &why), ==, DPOP_E_REFUSED);
        g_assert_cmpint(ask(proof, 2, SEED, false, &why), ==, DPOP_E_REFUSED);
        g_assert_cmpint(ask(long_one, 1, SEED, false, &why), ==, DPOP_E_REFUSED);
        g_assert_nonnull(strstr(why, "too long"));
        g_assert_cmpint(ask("a.b.c", 1, SEED, false, &why), ==, DPOP_E_REFUSED);
        g_assert_cmpint(ask(proof, 1, SEED, false, &why), ==, 0);
}

static void used_once(void)
{
        g_autofree char *proof = make_proof(HEADER, CLAIMS, SEED);
        const char *why;

        g_assert_cmpint(ask(proof, 1, SEED, false, &why), ==, 0);
        g_assert_cmpint(ask(proof, 1, SEED, false, &why), ==, DPOP_E_REFUSED);
        g_assert_nonnull(strstr(why, "before"));
}

/* A proof that is refused for another cause leaves its jti unused: nobody can burn another's. */
static void refused_is_not_used(void)
{
        g_autofree char *proof = make_proof(HEADER, CLAIMS, SEED);
        const char *why;

        g_assert_cmpint(ask(proof, 1, SEED + 1, false, &why), ==, DPOP_E_REFUSED);
        g_assert_nonnull(strstr(why, "cnf.jkt"));
        g_assert_cmpint(ask(proof, 1, SEED, false, &why), ==, 0);
}

int main(int argc, char **argv)
{
        int result;

        g_test_init(&argc, &argv, NULL);
        replay = replay_new(1);
        nonces = nonces_new();
        judge = dpop_judge_new(replay, nonces);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strconcat("/dpop/", rows[i].sentence, NULL);

                g_test_add_data_func(name, &rows[i], check_row);
        }
        g_test_add_func("/dpop/one proof, neither none nor two", how_many);
        g_test_add_func("/dpop/a proof is used once", used_once);
        g_test_add_func("/dpop/a refused proof is not used up", refused_is_not_used);
        result = g_test_run();
        dpop_judge_free(judge);
        nonces_free(nonces);
        replay_free(replay);
        return result;
}
