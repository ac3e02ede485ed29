/* test_challenge: WWW-Authenticate by reason and policy. */
#include "api/challenge.h"

#define ALGS "algs=\"RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA\""

typedef struct Row {
        const char *sentence;
        Reason reason;
        const char *detail;
        const char *acr;
        int64_t max_auth_age_sec;
        BindingMode dpop;
        bool by_dpop;
        const char *wanted;
} Row;

static const Row rows[] = {
        { "no token is told the scheme alone", VERDICT_MISSING_TOKEN, "", NULL, 0, BINDING_OPTIONAL,
          false, "Bearer" },
        { "no token is told the scheme that is taken", VERDICT_MISSING_TOKEN, "", NULL, 0,
          BINDING_REQUIRED, false, "DPoP " ALGS },
        { "a bad token is told why", VERDICT_EXPIRED, "It ended.", NULL, 0, BINDING_OPTIONAL, false,
          "Bearer error=\"invalid_token\", error_description=\"It ended.\"" },
        { "quotes and backslashes do not leave the string", VERDICT_EXPIRED, "a\"b\\c", NULL, 0,
          BINDING_OPTIONAL, false, "Bearer error=\"invalid_token\", error_description=\"a'b'c\"" },
        { "a bad DPoP token is told in its scheme", VERDICT_EXPIRED, "x", NULL, 0, BINDING_OPTIONAL,
          true, "DPoP error=\"invalid_token\", error_description=\"x\", " ALGS },
        { "a bad proof", VERDICT_BAD_PROOF, "x", NULL, 0, BINDING_OPTIONAL, false,
          "DPoP error=\"invalid_dpop_proof\", error_description=\"x\", " ALGS },
        { "a nonce is wanted", VERDICT_PROOF_NONCE, "x", NULL, 0, BINDING_OPTIONAL, true,
          "DPoP error=\"use_dpop_nonce\", error_description=\"x\", " ALGS },
        { "a bound token that came as a bearer token", VERDICT_MISSING_PROOF, "x", NULL, 0,
          BINDING_OPTIONAL, false, "DPoP error=\"invalid_token\", error_description=\"x\", " ALGS },
        { "a sign-in by a better means", VERDICT_ACR_TOO_LOW, "x", "gold;silver", 0,
          BINDING_OPTIONAL, false,
          "Bearer error=\"insufficient_user_authentication\", error_description=\"x\", "
          "acr_values=\"gold silver\"" },
        { "a sign-in anew", VERDICT_AUTH_TOO_OLD, "x", NULL, 60, BINDING_OPTIONAL, false,
          "Bearer error=\"insufficient_user_authentication\", error_description=\"x\", "
          "max_age=\"60\"" },
        { "both demands at once", VERDICT_AUTH_TOO_OLD, "x", "gold", 60, BINDING_OPTIONAL, false,
          "Bearer error=\"insufficient_user_authentication\", error_description=\"x\", "
          "acr_values=\"gold\", max_age=\"60\"" },
        { "demands are told where they failed alone", VERDICT_EXPIRED, "x", "gold", 60,
          BINDING_OPTIONAL, false, "Bearer error=\"invalid_token\", error_description=\"x\"" },
};

static void test_row(gconstpointer data)
{
        static const PolicyIssuer issuer = { "test", false };
        const Row *row = data;
        g_autoptr(PolicySettings) settings = policy_settings_new("p");
        g_autoptr(GString) out = g_string_new(NULL);
        Verdict verdict = { .reason = row->reason };

        settings->audience = g_strsplit("orders", ";", -1);
        settings->acr = row->acr ? g_strsplit(row->acr, ";", -1) : NULL;
        settings->max_auth_age_sec = row->max_auth_age_sec;
        settings->dpop = row->dpop;
        g_autoptr(Policy) policy = policy_new(settings, &issuer, 1, NULL);
        g_strlcpy(verdict.detail, row->detail, sizeof(verdict.detail));
        challenge_write(out, policy, &verdict, row->by_dpop);
        g_assert_cmpstr(out->str, ==, row->wanted);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *name = g_strdup_printf("/challenge/%s", rows[i].sentence);

                g_test_add_data_func(name, &rows[i], test_row);
        }
        return g_test_run();
}
