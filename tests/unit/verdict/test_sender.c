/* test_sender: bound tokens, and who sends them. */
#include "verdict/sender.h"

#include "base/secret.h"
#include "mint.h"
#include "token/base64url.h"

#define TOKEN      "a.b.c"
#define THUMBPRINT "HDDsLAATWp19f0pITxjRV-CXiWilg-HXC5bX2BZ2iEw"
#define OTHER      "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"
#define SEED       7

typedef enum Sent {
        SENT_BEARER,      /* as a bearer token */
        SENT_DPOP,        /* with a proof by SEED */
        SENT_DPOP_NONCE,  /* and a good nonce in it */
        SENT_DPOP_OTHER,  /* with a proof by another key */
        SENT_BARE_DPOP,   /* by the scheme, without a proof */
        SENT_PLACELESS,   /* with a proof, and nobody told for which request */
        SENT_CERTIFICATE, /* as a bearer token, over TLS with a certificate */
        SENT_OTHER_CERTIFICATE,
        SENT_BOTH,    /* proof and certificate */
        SENT_NOTHING, /* nothing is known of the sender */
} Sent;

typedef struct Row {
        const char *sentence;
        const char *claims; /* %T: the thumbprint of SEED's key */
        Sent sent;
        BindingMode dpop, mtls;
        bool nonce;
        Reason reason;
} Row;

#define FREE     "{'sub':'u'}"
#define TO_KEY   "{'cnf':{'jkt':'%T'}}"
#define TO_CERT  "{'cnf':{'x5t#S256':'" THUMBPRINT "'}}"
#define TO_BOTH  "{'cnf':{'jkt':'%T','x5t#S256':'" THUMBPRINT "'}}"
#define OPTIONAL BINDING_OPTIONAL
#define NEVER    BINDING_NEVER
#define REQUIRED BINDING_REQUIRED

static const Row rows[] = {
        { "a bearer token", FREE, SENT_BEARER, OPTIONAL, OPTIONAL, false, VERDICT_VALID },
        { "a bearer token of an unknown sender", FREE, SENT_NOTHING, OPTIONAL, OPTIONAL, false,
          VERDICT_VALID },
        { "a bearer token with somebody's certificate", FREE, SENT_CERTIFICATE, OPTIONAL, OPTIONAL,
          false, VERDICT_VALID },
        { "a bearer token that came as a DPoP token", FREE, SENT_DPOP, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "a bearer token where keys are required", FREE, SENT_BEARER, REQUIRED, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "a bearer token where certificates are required", FREE, SENT_CERTIFICATE, OPTIONAL,
          REQUIRED, false, VERDICT_WRONG_TYPE },

        { "a key's token with its proof", TO_KEY, SENT_DPOP, OPTIONAL, OPTIONAL, false,
          VERDICT_VALID },
        { "where keys are required", TO_KEY, SENT_DPOP, REQUIRED, OPTIONAL, false, VERDICT_VALID },
        { "a key's token as a bearer token", TO_KEY, SENT_BEARER, OPTIONAL, OPTIONAL, false,
          VERDICT_MISSING_PROOF },
        { "a key's token without a proof", TO_KEY, SENT_BARE_DPOP, OPTIONAL, OPTIONAL, false,
          VERDICT_MISSING_PROOF },
        { "a key's token with another's proof", TO_KEY, SENT_DPOP_OTHER, OPTIONAL, OPTIONAL, false,
          VERDICT_BAD_PROOF },
        { "a key's token where they are not taken", TO_KEY, SENT_DPOP, NEVER, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "a key's token when nobody told for which request", TO_KEY, SENT_PLACELESS, OPTIONAL,
          OPTIONAL, false, VERDICT_WRONG_TYPE },
        { "a key's token of an unknown sender", TO_KEY, SENT_NOTHING, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "a nonce that is demanded", TO_KEY, SENT_DPOP_NONCE, OPTIONAL, OPTIONAL, true,
          VERDICT_VALID },
        { "a nonce that lacks", TO_KEY, SENT_DPOP, OPTIONAL, OPTIONAL, true, VERDICT_PROOF_NONCE },

        { "a certificate's token with it", TO_CERT, SENT_CERTIFICATE, OPTIONAL, OPTIONAL, false,
          VERDICT_VALID },
        { "where certificates are required", TO_CERT, SENT_CERTIFICATE, OPTIONAL, REQUIRED, false,
          VERDICT_VALID },
        { "a certificate's token without it", TO_CERT, SENT_BEARER, OPTIONAL, OPTIONAL, false,
          VERDICT_MISSING_CERTIFICATE },
        { "a certificate's token with another", TO_CERT, SENT_OTHER_CERTIFICATE, OPTIONAL, OPTIONAL,
          false, VERDICT_WRONG_CERTIFICATE },
        { "a certificate's token where they are not taken", TO_CERT, SENT_CERTIFICATE, OPTIONAL,
          NEVER, false, VERDICT_WRONG_TYPE },
        { "a certificate's token of an unknown sender", TO_CERT, SENT_NOTHING, OPTIONAL, OPTIONAL,
          false, VERDICT_WRONG_TYPE },
        { "a certificate's token where keys are required", TO_CERT, SENT_CERTIFICATE, REQUIRED,
          OPTIONAL, false, VERDICT_WRONG_TYPE },

        { "bound to both, with both", TO_BOTH, SENT_BOTH, OPTIONAL, OPTIONAL, false,
          VERDICT_VALID },
        { "bound to both, with the proof alone", TO_BOTH, SENT_DPOP, OPTIONAL, OPTIONAL, false,
          VERDICT_MISSING_CERTIFICATE },
        { "bound to both, with the certificate alone", TO_BOTH, SENT_CERTIFICATE, OPTIONAL,
          OPTIONAL, false, VERDICT_MISSING_PROOF },

        { "bound in another way", "{'cnf':{'kid':'a'}}", SENT_BOTH, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "bound in another way as well", "{'cnf':{'jkt':'%T','kid':'a'}}", SENT_BOTH, OPTIONAL,
          OPTIONAL, false, VERDICT_WRONG_TYPE },
        { "Keycloak's, bound by DPoP", "{'typ':'DPoP','cnf':{'jkt':'%T','kc-jkt-type':'DPoP'}}",
          SENT_DPOP, OPTIONAL, OPTIONAL, false, VERDICT_VALID },
        { "Keycloak's, as a bearer token", "{'typ':'DPoP','cnf':{'jkt':'%T','kc-jkt-type':'DPoP'}}",
          SENT_BEARER, OPTIONAL, OPTIONAL, false, VERDICT_MISSING_PROOF },
        { "Keycloak's, bound by an attestation",
          "{'cnf':{'jkt':'%T','kc-jkt-type':'Client-Attestation'}}", SENT_DPOP, OPTIONAL, OPTIONAL,
          false, VERDICT_WRONG_TYPE },
        { "a type of binding without one", "{'cnf':{'kc-jkt-type':'DPoP'}}", SENT_BEARER, OPTIONAL,
          OPTIONAL, false, VERDICT_WRONG_TYPE },
        { "a type of binding beside a certificate alone",
          "{'cnf':{'x5t#S256':'" THUMBPRINT "','kc-jkt-type':'DPoP'}}", SENT_CERTIFICATE, OPTIONAL,
          OPTIONAL, false, VERDICT_WRONG_TYPE },
        { "DPoP by its mark, bound to no key", "{'typ':'DPoP'}", SENT_BEARER, OPTIONAL, OPTIONAL,
          false, VERDICT_WRONG_TYPE },
        { "DPoP by its mark, bound to no key, sender unknown", "{'typ':'DPoP'}", SENT_NOTHING,
          OPTIONAL, OPTIONAL, false, VERDICT_WRONG_TYPE },
        { "DPoP by its mark, bound to a certificate alone",
          "{'typ':'DPoP','cnf':{'x5t#S256':'" THUMBPRINT "'}}", SENT_CERTIFICATE, OPTIONAL,
          OPTIONAL, false, VERDICT_WRONG_TYPE },
        { "bound to nothing", "{'cnf':{}}", SENT_BOTH, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "bound to null", "{'cnf':null}", SENT_BEARER, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "bound to text", "{'cnf':'%T'}", SENT_BOTH, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "bound to a number", "{'cnf':{'jkt':1}}", SENT_BOTH, OPTIONAL, OPTIONAL, false,
          VERDICT_WRONG_TYPE },
        { "bound to an empty thumbprint", "{'cnf':{'jkt':''}}", SENT_BOTH, OPTIONAL, OPTIONAL,
          false, VERDICT_WRONG_TYPE },
};

static Replay *replay;
static Nonces *nonces;
static DpopJudge *judge;

static Policy *make_policy(const Row *row)
{
        static const PolicyIssuer issuers[] = { { "test", false } };
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_autoptr(GError) error = NULL;
        Policy *policy;

        settings->audience = g_strsplit("orders", ";", -1);
        settings->dpop = row->dpop;
        settings->mtls = row->mtls;
        settings->dpop_nonce = row->nonce;
        policy = policy_new(settings, issuers, 1, &error);
        g_assert_no_error(error);
        return policy;
}

static Claims *make_claims(const char *text)
{
        g_autoptr(KeySet) keys = mint_keys("k", SEED, "");
        char jkt[BASE64URL_ENCODED_MAX(JWK_THUMBPRINT_SIZE)];
        GString *filled = g_string_new(text);
        g_autofree char *payload = NULL;

        base64url_encode(span_of(keyset_get(keys, 0)->thumbprint, JWK_THUMBPRINT_SIZE), jkt);
        g_string_replace(filled, "%T", jkt, 0);
        payload = g_string_free(filled, FALSE);
        return mint_claims(payload, "");
}

static char *make_proof(unsigned char seed, bool with_nonce)
{
        static int n_proofs;
        char nonce[NONCE_TEXT_MAX], ath[BASE64URL_ENCODED_MAX(FINGERPRINT_SIZE)];
        g_autofree char *x = mint_public(seed), *header = NULL, *claims = NULL;
        Fingerprint digest;

        fingerprint_of(span_from(TOKEN), &digest);
        base64url_encode(span_of(digest.bytes, FINGERPRINT_SIZE), ath);
        nonces_make(nonces, MINT_NOW, nonce);
        header = g_strdup_printf("{'typ':'dpop+jwt','alg':'EdDSA','jwk':{'kty':'OKP',"
                                 "'crv':'Ed25519','x':'%s'}}",
                                 x);
        claims = g_strdup_printf("{'jti':'p%d','htm':'GET','htu':'https://api.example.com/',"
                                 "'iat':%" G_GINT64_FORMAT ",'ath':'%s','nonce':'%s'}",
                                 n_proofs++, MINT_NOW, ath, with_nonce ? nonce : "none");
        return mint_token(header, claims, seed);
}

static void check_row(gconstpointer pointer)
{
        const Row *row = pointer;
        bool by_dpop =
            (row->sent >= SENT_DPOP && row->sent <= SENT_PLACELESS) || row->sent == SENT_BOTH;
        g_autofree char *proof = make_proof(row->sent == SENT_DPOP_OTHER ? SEED + 1 : SEED,
                                            row->sent == SENT_DPOP_NONCE);
        g_autoptr(Policy) policy = make_policy(row);
        g_autoptr(Claims) claims = make_claims(row->claims);
        g_auto(Place) place = { 0 };
        const char *why;
        Sender sender = { .proof = SPAN_EMPTY, .by_dpop = by_dpop };
        Verdict verdict = VERDICT_INIT;
        Steps *steps = g_new0(Steps, 1);

        place_init(&place, span_from("GET"), span_from("api.example.com"), span_from("/"), false,
                   &why);
        if (by_dpop && row->sent != SENT_BARE_DPOP) {
                sender.proof = span_from(proof);
                sender.n_proofs = 1;
        }
        if (row->sent != SENT_PLACELESS) {
                sender.place = &place;
                sender.scheme = "https";
        }
        if (row->sent == SENT_CERTIFICATE || row->sent == SENT_BOTH)
                sender.certificate = THUMBPRINT;
        if (row->sent == SENT_OTHER_CERTIFICATE)
                sender.certificate = OTHER;
        g_assert_cmpint(sender_check(policy, claims, span_from(TOKEN),
                                     row->sent == SENT_NOTHING ? NULL : &sender, judge, MINT_NOW,
                                     &verdict, steps),
                        ==, row->reason);
        g_assert_cmpint(verdict.detail[0] == '\0', ==, row->reason == VERDICT_VALID);
        g_free(steps);
}

static void no_judge(void)
{
        static const Row row = { .claims = TO_KEY };
        g_autofree char *proof = make_proof(SEED, false);
        g_autoptr(Policy) policy = make_policy(&row);
        g_autoptr(Claims) claims = make_claims(TO_KEY);
        g_auto(Place) place = { 0 };
        const char *why;
        Sender sender = { .proof = span_from(proof),
                          .n_proofs = 1,
                          .by_dpop = true,
                          .scheme = "https",
                          .place = &place };
        Verdict verdict = VERDICT_INIT;

        place_init(&place, span_from("GET"), span_from("api.example.com"), span_from("/"), false,
                   &why);
        g_assert_cmpint(
            sender_check(policy, claims, span_from(TOKEN), &sender, NULL, MINT_NOW, &verdict, NULL),
            ==, VERDICT_WRONG_TYPE);
}

int main(int argc, char **argv)
{
        int result;

        g_test_init(&argc, &argv, NULL);
        replay = replay_new(1);
        nonces = nonces_new();
        judge = dpop_judge_new(replay, nonces);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strconcat("/sender/", rows[i].sentence, NULL);

                g_test_add_data_func(name, &rows[i], check_row);
        }
        g_test_add_func("/sender/where nobody judges proofs", no_judge);
        result = g_test_run();
        dpop_judge_free(judge);
        nonces_free(nonces);
        replay_free(replay);
        return result;
}
