/* answer: what an introspection endpoint's answer must be to count. */
#include "issuer/answer.h"

#include "signed_answer.h"

#define NOW    "1800000000"
#define ISSUER "https://sso.example.com/realms/a"
#define PLAIN  "application/json"
#define SIGNED "application/token-introspection+jwt"

static Signer signer, stranger;

static const char active[] = "active", inactive[] = "inactive"; /* else a part of the sentence */

typedef struct PlainRow {
        const char *sentence;
        const char *media_type;
        const char *body;
        const char *expect;
        const char *own;
        bool demand_signed;
} PlainRow;

static const PlainRow plains[] = {
        { "active", PLAIN, "{\"active\":true}", active },
        { "not active", PLAIN, "{\"active\":false}", inactive },
        { "a media type with parameters, in other letters", "Application/JSON;charset=utf-8",
          "{\"active\":true}", active },
        { "no media type", "", "{\"active\":true}", "no JSON" },
        { "HTML", "text/html", "<html>", "of type \"text/html\"" },
        { "a media type that would end a sentence", "a\"\r\n\x01x", "{\"active\":true}",
          "of type \"a????x\"" },
        { "Keycloak's own form", "application/jwt", "{\"active\":true,\"jwt\":\"e.y.J\"}",
          "no JSON" },
        { "JSON with another name", "application/jsonx", "{\"active\":true}", "no JSON" },
        { "garbage", PLAIN, "}{", "JSON" },
        { "cut short", PLAIN, "{\"active\":tr", "JSON" },
        { "nothing", PLAIN, "", "JSON" },
        { "active is a string", PLAIN, "{\"active\":\"true\"}", "neither true nor false" },
        { "the issuer's iss", PLAIN, "{\"active\":true,\"iss\":\"" ISSUER "\"}", active },
        { "another iss", PLAIN, "{\"active\":true,\"iss\":\"" ISSUER "/\"}", "another issuer" },
        { "an empty iss", PLAIN, "{\"active\":true,\"iss\":\"\"}", "another issuer" },
        { "another iss of a token that says none", PLAIN, "{\"active\":true,\"iss\":\"x\"}",
          "another issuer", "{\"sub\":\"s\"}" },
        { "another iss than the token's", PLAIN, "{\"active\":true,\"iss\":\"x\"}", "(iss)",
          "{\"iss\":\"" ISSUER "\"}" },
        { "another jti than the token's", PLAIN, "{\"active\":true,\"jti\":\"2\"}", "(jti)",
          "{\"iss\":\"" ISSUER "\",\"jti\":\"1\"}" },
        { "exp as long past as clocks may differ", PLAIN, "{\"active\":true,\"exp\":1799999940}",
          active },
        { "exp a second longer past", PLAIN, "{\"active\":true,\"exp\":1799999939}", inactive },
        { "exp of the token itself long past", PLAIN, "{\"active\":true}", inactive,
          "{\"exp\":1799999939}" },
        { "not signed, and that is demanded", PLAIN, "{\"active\":true}", "not signed", NULL,
          true },
        { "not signed and not active, and that is demanded", PLAIN, "{\"active\":false}",
          "not signed", NULL, true },
};

#define HEADER "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"token-introspection+jwt\"}"
#define GOOD                                                                                       \
        "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":" NOW                                   \
        ",\"token_introspection\":{\"active\":true}}"

typedef struct SignedRow {
        const char *sentence;
        const char *header;
        const char *payload;
        const char *expect;
        bool by_stranger;
        bool no_keys;
        AlgSet without;
} SignedRow;

static const SignedRow signs[] = {
        { "active", HEADER, GOOD, active },
        { "not active", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":" NOW
          ",\"token_introspection\":{\"active\":false}}",
          inactive },
        { "aud is a list", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":[\"other\",\"authd\"],\"iat\":" NOW
          ",\"token_introspection\":{\"active\":true}}",
          active },
        { "typ with application/ in front",
          "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"application/token-introspection+jwt\"}", GOOD,
          active },
        { "no kid, and one key", "{\"alg\":\"EdDSA\",\"typ\":\"token-introspection+jwt\"}", GOOD,
          active },
        { "typ JWT: an access token is no answer",
          "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"JWT\"}", GOOD, "typ" },
        { "no typ", "{\"alg\":\"EdDSA\",\"kid\":\"k\"}", GOOD, "typ" },
        { "alg none", "{\"alg\":\"none\",\"kid\":\"k\",\"typ\":\"token-introspection+jwt\"}", GOOD,
          "alg" },
        { "an unknown critical header",
          "{\"alg\":\"EdDSA\",\"kid\":\"k\",\"typ\":\"token-introspection+jwt\",\"crit\":[\"x\"]}",
          GOOD, "crit" },
        { "an algorithm that the issuer may not use", HEADER, GOOD, "algorithm", false, false,
          1u << ALG_EDDSA },
        { "another kid", "{\"alg\":\"EdDSA\",\"kid\":\"x\",\"typ\":\"token-introspection+jwt\"}",
          GOOD, "none of the issuer's" },
        { "keys not known yet", HEADER, GOOD, "not known yet", false, true },
        { "signed by a stranger", HEADER, GOOD, "does not hold", true },
        { "another iss", HEADER,
          "{\"iss\":\"https://x\",\"aud\":\"authd\",\"iat\":" NOW
          ",\"token_introspection\":{\"active\":true}}",
          "its iss" },
        { "no iss", HEADER,
          "{\"aud\":\"authd\",\"iat\":" NOW ",\"token_introspection\":{\"active\":true}}",
          "its iss" },
        { "aud is another client", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd2\",\"iat\":" NOW
          ",\"token_introspection\":{\"active\":true}}",
          "its aud" },
        { "no aud", HEADER,
          "{\"iss\":\"" ISSUER "\",\"iat\":" NOW ",\"token_introspection\":{\"active\":true}}",
          "its aud" },
        { "no iat", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"token_introspection\":{\"active\":true}}",
          "no iat" },
        { "iat as far in the future as clocks may differ", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":1800000060,"
          "\"token_introspection\":{\"active\":true}}",
          active },
        { "iat a second further", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":1800000061,"
          "\"token_introspection\":{\"active\":true}}",
          "future" },
        { "iat as long ago as clocks may differ", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":1799999940,"
          "\"token_introspection\":{\"active\":true}}",
          active },
        { "iat a second longer ago: an old answer again", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":1799999939,"
          "\"token_introspection\":{\"active\":true}}",
          "long ago" },
        { "active outside of token_introspection", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":" NOW ",\"active\":true}",
          "no object" },
        { "token_introspection is a string", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":" NOW
          ",\"token_introspection\":\"{\\\"active\\\":true}\"}",
          "no object" },
        { "token_introspection twice", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":" NOW
          ",\"token_introspection\":{\"active\":false},\"token_introspection\":{\"active\":true}}",
          "JSON" },
        { "another iss inside", HEADER,
          "{\"iss\":\"" ISSUER "\",\"aud\":\"authd\",\"iat\":" NOW
          ",\"token_introspection\":{\"active\":true,\"iss\":\"x\"}}",
          "another issuer" },
};

static AnswerAsked asked_new(bool demand_signed)
{
        return (AnswerAsked){ .issuer_url = ISSUER,
                              .client_id = "authd",
                              .demand_signed = demand_signed,
                              .keys = signer.keys,
                              .algorithms = ALG_SET_ALL,
                              .verifier = verifier_new(),
                              .now_sec = atoi(NOW) };
}

static void assert_read(const AnswerAsked *asked, const char *media_type, const char *body,
                        const char *own_json, const char *expect)
{
        g_autoptr(Claims) own = NULL, claims = NULL;
        g_autofree char *trouble = NULL;

        if (own_json)
                g_assert_cmpint(claims_parse(span_from(own_json), SPAN_EMPTY, &own, NULL), ==, 0);
        trouble = answer_read(asked, media_type, span_from(body), own, &claims);
        if (expect == active || expect == inactive) {
                g_assert_cmpstr(trouble, ==, NULL);
                g_assert_true((claims != NULL) == (expect == active));
                return;
        }
        g_assert_null(claims);
        g_assert_nonnull(trouble);
        if (!strstr(trouble, expect))
                g_error("\"%s\" does not say \"%s\"", trouble, expect);
}

static void run_plain(const void *data)
{
        const PlainRow *row = data;
        AnswerAsked asked = asked_new(row->demand_signed);

        assert_read(&asked, row->media_type, row->body, row->own, row->expect);
        verifier_free(asked.verifier);
}

/* A signed answer counts the same, demanded or not. */
static void run_signed(const void *data)
{
        const SignedRow *row = data;
        g_autofree char *body =
            signer_sign(row->by_stranger ? &stranger : &signer, row->header, row->payload);

        for (int demand_signed = 0; demand_signed < 2; demand_signed++) {
                AnswerAsked asked = asked_new(demand_signed);

                if (row->no_keys)
                        asked.keys = NULL;
                asked.algorithms &= ~row->without;
                assert_read(&asked, SIGNED, body, NULL, row->expect);
                verifier_free(asked.verifier);
        }
}

static void test_signed_text_is_no_json(void)
{
        g_autofree char *body = signer_sign(&signer, HEADER, GOOD);
        g_autofree char *longer = g_strconcat(body, "A", NULL);
        AnswerAsked asked = asked_new(false);

        assert_read(&asked, PLAIN, body, NULL, "JSON");
        assert_read(&asked, SIGNED, "{\"active\":true}", NULL, "refused");
        assert_read(&asked, SIGNED, longer, NULL, "refused");
        assert_read(&asked, SIGNED, "", NULL, "refused");
        verifier_free(asked.verifier);
}

static void test_iss_is_filled(void)
{
        AnswerAsked asked = asked_new(false);
        g_autoptr(Claims) claims = NULL;

        g_assert_null(answer_read(&asked, PLAIN,
                                  span_from("{\"active\":true,\"token_type\":\"Bearer\"}"), NULL,
                                  &claims));
        g_assert_true(span_equal_string(claims_issuer(claims), ISSUER));
        g_assert_cmpint(claims_kind(claims), ==, TOKEN_KIND_ACCESS);
        verifier_free(asked.verifier);
}

static void rows_add(const char *group, const char *sentence, const void *row, GTestDataFunc run)
{
        g_autofree char *plain = g_strdelimit(g_strdup(sentence), "/", '|');
        g_autofree char *path = g_strdup_printf("/answer/%s/%s", group, plain);

        g_test_add_data_func(path, row, run);
}

int main(int argc, char **argv)
{
        int result;

        g_test_init(&argc, &argv, NULL);
        signer = signer_new();
        stranger = signer_new();
        for (size_t i = 0; i < G_N_ELEMENTS(plains); i++)
                rows_add("plain", plains[i].sentence, &plains[i], run_plain);
        for (size_t i = 0; i < G_N_ELEMENTS(signs); i++)
                rows_add("signed", signs[i].sentence, &signs[i], run_signed);
        g_test_add_func("/answer/the media type says what it is", test_signed_text_is_no_json);
        g_test_add_func("/answer/an opaque token's iss is who was asked", test_iss_is_filled);
        result = g_test_run();
        signer_clear(&signer);
        signer_clear(&stranger);
        return result;
}
