/* test_assertion: what an assertion says, how it is signed, and when the same one is given again.
 */
#include "proof/assertion.h"

#include "mint_token.h"
#include "token/json.h"
#include "token/verify.h"

#include <errno.h>

#define NOW      INT64_C(1700000000)
#define POLICY   "orders"
#define ISSUER   "https://authd.example"
#define AUDIENCE "orders-backend"
#define TTL_SEC  60

static AssertionSigner *signer;
static AssertionKeys *keys;

static Claims *claims_of(const char *payload)
{
        g_autofree char *json = mint_json(payload);
        Claims *claims = NULL;

        g_assert_cmpint(claims_parse(span_from(json), SPAN_EMPTY, &claims, NULL), ==, 0);
        return claims;
}

/* opened: the payload of an assertion whose signature holds by the published keys. */
static json_t *opened(Span assertion)
{
        static const JsonLimits limits = { JWS_PAYLOAD_SIZE_MAX, CLAIMS_DEPTH_MAX };
        static uint8_t buffer[JWS_PAYLOAD_SIZE_MAX];
        static Jws jws;
        g_autoptr(Verifier) verifier = verifier_new();
        g_autoptr(KeySet) set = NULL;
        json_t *payload = NULL;
        Span text;

        g_assert_cmpint(keyset_parse(assertion_signer_jwks(signer), NULL, NULL, &set), ==, 0);
        g_assert_cmpint(jws_parse(assertion, &jws), ==, 0);
        g_assert_cmpstr(jws.typ, ==, ASSERTION_TYPE);
        const Key *key = keyset_find(set, span_of(jws.kid, jws.kid_len), jws.alg);
        g_assert_nonnull(key);
        g_assert_cmpint(verify_jws(verifier, key, &jws), ==, 0);
        g_assert_cmpint(jws_decode_payload(&jws, buffer, &text), ==, 0);
        g_assert_cmpint(json_parse_object(text, &limits, &payload), ==, 0);
        return payload;
}

typedef struct Row {
        const char *sentence;
        const char *token;  /* claims, ' for " */
        const char *claims; /* of the rule, by ;  NULL: the default */
        const char *said;   /* but for jti */
} Row;

#define SAID(more)                                                                                 \
        "{'iss':'" ISSUER "','aud':'" AUDIENCE "','policy':'" POLICY "','iat':1700000000" more "}"

static const Row rows[] = {
        { "sub, azp and scope come along", "{'sub':'ada','azp':'shop','scope':'a b'}", NULL,
          SAID(",'exp':1700000060,'sub':'ada','azp':'shop','scope':'a b'") },
        { "client_id stands in for azp", "{'sub':'ada','client_id':'shop'}", NULL,
          SAID(",'exp':1700000060,'sub':'ada','azp':'shop'") },
        { "what the token lacks is absent", "{}", NULL, SAID(",'exp':1700000060") },
        { "the default claims, if they are there",
          "{'preferred_username':'ada','groups':['a','b'],'other':1}", NULL,
          SAID(",'exp':1700000060,'preferred_username':'ada','groups':['a','b']") },
        { "null is as absent", "{'email':null}", NULL, SAID(",'exp':1700000060") },
        { "a nested claim under its path", "{'realm_access':{'roles':['x']}}", "realm_access.roles",
          SAID(",'exp':1700000060,'realm_access.roles':['x']") },
        { "objects, numbers and booleans as they are", "{'a':{'b':[1,2.5,true]},'c':false}", "a;c",
          SAID(",'exp':1700000060,'a':{'b':[1,2.5,true]},'c':false") },
        { "no longer than the token itself", "{'exp':1700000059}", NULL,
          SAID(",'exp':1700000059") },
        { "as long as the token, to the second", "{'exp':1700000060}", NULL,
          SAID(",'exp':1700000060") },
        { "and no longer than its own life", "{'exp':1700000061}", NULL,
          SAID(",'exp':1700000060") },
        { "a token that lives by the leeway alone gives what is over", "{'exp':1699999999}", NULL,
          SAID(",'exp':1699999999") },
        { "a quote and an escape in a claim end no string",
          "{'sub':'x\\u0022,\\u0022aud\\u0022:\\u0022other','email':'\\u005c\\u000a\\u2028'}", NULL,
          SAID(",'exp':1700000060,'sub':'x\\u0022,\\u0022aud\\u0022:\\u0022other',"
               "'email':'\\u005c\\u000a\\u2028'") },
        { "a claim called as one of ours is not taken up",
          "{'sub':'ada','iss':'evil','aud':'evil','policy':'evil','typ':'Bearer'}", "email",
          SAID(",'exp':1700000060,'sub':'ada'") },
        { "a claim that does not fit is named", "{'sub':'ada','groups':'%L','email':'e'}",
          "groups;email", SAID(",'exp':1700000060,'sub':'ada','email':'e','left_out':['groups']") },
};

static char *long_text(size_t len)
{
        return g_strnfill(len, 'g');
}

static Span sign(const AssertionRule *rule, const Claims *claims, const Fingerprint *token,
                 int64_t now_sec)
{
        const AssertionOrder order = { rule, g_intern_string(POLICY), claims, token, now_sec };
        Span text = SPAN_EMPTY;

        g_assert_cmpint(assertion_sign(signer, &order, &text), ==, 0);
        g_assert_cmpuint(text.len, <=, ASSERTION_SIZE_MAX);
        return text;
}

static void init_rule(AssertionRule *rule, const char *claims)
{
        g_auto(GStrv) list = claims ? g_strsplit(claims, ";", -1) : NULL;
        g_autoptr(GError) error = NULL;

        g_assert_true(assertion_rule_init(rule, ISSUER, AUDIENCE, TTL_SEC, list, &error));
        g_assert_no_error(error);
}

static void check_row(gconstpointer userdata)
{
        const Row *row = userdata;
        GString *token = g_string_new(row->token);
        g_autofree char *filler = long_text(ASSERTION_SIZE_MAX);
        g_autofree char *said_json = mint_json(row->said);
        json_auto *wanted = json_loads(said_json, 0, NULL);
        AssertionRule rule;

        g_string_replace(token, "%L", filler, 0);
        g_autofree char *payload = g_string_free(token, FALSE);
        g_autoptr(Claims) claims = claims_of(payload);
        init_rule(&rule, row->claims);
        json_auto *said = opened(sign(&rule, claims, NULL, NOW));
        g_assert_cmpuint(strlen(json_string_value(json_object_get(said, "jti"))), ==, 22);
        json_object_del(said, "jti");
        g_assert_true(json_equal(said, wanted));
        assertion_rule_deinit(&rule);
}

/* Every length from far below the bound to far above it: always whole, never over the bound. */
static void bound(void)
{
        bool left_out_before = false;
        AssertionRule rule;

        init_rule(&rule, "groups");
        for (size_t len = 2400; len < 3100; len++) {
                g_autofree char *filler = long_text(len);
                g_autofree char *payload = g_strdup_printf("{'groups':'%s'}", filler);
                g_autoptr(Claims) claims = claims_of(payload);
                json_auto *said = opened(sign(&rule, claims, NULL, NOW));
                bool left_out = json_object_get(said, "left_out") != NULL;

                g_assert_true(left_out == !json_object_get(said, "groups"));
                g_assert_true(left_out || !left_out_before);
                left_out_before = left_out;
        }
        g_assert_true(left_out_before);
        assertion_rule_deinit(&rule);
}

static void subject_too_long(void)
{
        g_autofree char *filler = long_text(ASSERTION_SIZE_MAX);
        g_autofree char *payload = g_strdup_printf("{'sub':'%s'}", filler);
        g_autoptr(Claims) claims = claims_of(payload);
        AssertionRule rule;
        Span text;

        init_rule(&rule, NULL);
        const AssertionOrder order = { &rule, POLICY, claims, NULL, NOW };
        g_assert_cmpint(assertion_sign(signer, &order, &text), ==, -E2BIG);
        assertion_rule_deinit(&rule);
}

typedef struct Again {
        const char *sentence;
        const char *exp;
        int64_t after_sec;
        const char *token;  /* the second time; the first time it is "one" */
        const char *policy; /* the same: POLICY */
        bool same;
} Again;

static const Again agains[] = {
        { "the same at once", "1800000000", 0, "one", POLICY, true },
        { "the same short of half its life", "1800000000", TTL_SEC / 2 - 1, "one", POLICY, true },
        { "a new one at half its life", "1800000000", TTL_SEC / 2, "one", POLICY, false },
        { "half of a life that the token cuts short, before", "1700000020", 9, "one", POLICY,
          true },
        { "half of a life that the token cuts short, after", "1700000020", 10, "one", POLICY,
          false },
        { "a new one for another token", "1800000000", 0, "two", POLICY, false },
        { "a new one for another policy", "1800000000", 0, "one", "stock", false },
        { "a new one where nothing may be kept", "1800000000", 0, NULL, POLICY, false },
};

static void check_again(gconstpointer row)
{
        const Again *again = row;
        g_autofree char *payload = g_strdup_printf("{'exp':%s}", again->exp);
        g_autoptr(Claims) claims = claims_of(payload);
        Fingerprint one, other;
        AssertionRule rule;
        Span text;

        init_rule(&rule, NULL);
        fingerprint_of(span_from("one"), &one);
        fingerprint_of(span_from(again->token), &other);
        assertion_signer_take(signer, keys);
        text = sign(&rule, claims, &one, NOW);
        g_autofree char *first = g_strndup(text.data, text.len);
        const AssertionOrder order = { &rule, g_intern_string(again->policy), claims,
                                       again->token ? &other : NULL, NOW + again->after_sec };
        g_assert_cmpint(assertion_sign(signer, &order, &text), ==, 0);
        g_assert_true(span_equal_string(text, first) == again->same);
        assertion_rule_deinit(&rule);
}

/* New keys, or a reload, which the worker tells by giving the keys again: nothing old is given. */
static void forgets(void)
{
        g_autoptr(Claims) claims = claims_of("{}");
        Fingerprint token;
        AssertionRule rule;

        init_rule(&rule, NULL);
        fingerprint_of(span_from("one"), &token);
        Span text = sign(&rule, claims, &token, NOW);
        g_autofree char *first = g_strndup(text.data, text.len);
        assertion_signer_take(signer, keys);
        g_assert_false(span_equal_string(sign(&rule, claims, &token, NOW), first));
        assertion_rule_deinit(&rule);
}

static void without_keys(void)
{
        g_autoptr(Claims) claims = claims_of("{}");
        AssertionRule rule;
        Span text;

        init_rule(&rule, NULL);
        const AssertionOrder order = { &rule, POLICY, claims, NULL, NOW };
        assertion_signer_take(signer, NULL);
        g_assert_cmpint(assertion_sign(signer, &order, &text), ==, -ENOKEY);
        assertion_signer_take(signer, keys);
        assertion_rule_deinit(&rule);
}

typedef struct Refusal {
        const char *claims;
        const char *words;
} Refusal;

static const Refusal refusals[] = {
        { "aud", "assertion_claims: aud is the assertion's own" },
        { "email;sub", "assertion_claims: sub is the assertion's own" },
        { "typ", "assertion_claims: typ is the assertion's own" },
        { "cnf", "assertion_claims: cnf is the assertion's own" },
        { "email;email", "assertion_claims: email is there twice" },
        { "1;2;3;4;5;6;7;8;9;a;b;c;d;e;f;g;h;i;j;k;l;m;n;o;p;q;r;s;t;u;v;w;x",
          "x is one too many" },
        { "", "is no claim" },
};

static void check_refusal(gconstpointer row)
{
        const Refusal *refusal = row;
        g_auto(GStrv) list = g_strsplit(refusal->claims, ";", -1);
        g_autoptr(GError) error = NULL;
        AssertionRule rule;

        if (!list[0]) {
                g_strfreev(list);
                list = g_strdupv((char *[]){ "", NULL });
        }
        g_assert_false(assertion_rule_init(&rule, ISSUER, AUDIENCE, TTL_SEC, list, &error));
        g_assert_nonnull(strstr(error->message, refusal->words));
        assertion_rule_deinit(&rule);
}

/* What it costs; told with -m perf, never a failure. */
static void cost(void)
{
        enum { N = 20000 };
        g_autoptr(Claims) claims = claims_of("{'sub':'ada','azp':'shop','scope':'openid',"
                                             "'preferred_username':'ada','email':'a@b.example'}");
        Fingerprint token;
        AssertionRule rule;

        init_rule(&rule, NULL);
        fingerprint_of(span_from("one"), &token);
        for (int kept = 0; kept < 2; kept++) {
                gint64 began_usec = g_get_monotonic_time();

                for (int i = 0; i < N; i++)
                        sign(&rule, claims, kept ? &token : NULL, NOW);
                g_test_message("%s: %.2f us", kept ? "kept" : "signed",
                               (double) (g_get_monotonic_time() - began_usec) / N);
        }
        assertion_rule_deinit(&rule);
}

#define ADD_ROWS(group, table, name, run)                                                          \
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {                                         \
                g_autofree char *path = g_strconcat(group, (table)[i].name, NULL);                 \
                g_test_add_data_func(path, &(table)[i], run);                                      \
        }

int main(int argc, char **argv)
{
        int result;

        g_test_init(&argc, &argv, NULL);
        signer = assertion_signer_new();
        keys = assertion_keys_turn(NULL, NOW);
        assertion_signer_take(signer, keys);
        ADD_ROWS("/says/", rows, sentence, check_row)
        ADD_ROWS("/again/", agains, sentence, check_again)
        ADD_ROWS("/refused/", refusals, words, check_refusal)
        g_test_add_func("/bound/whole or left out, and never over it", bound);
        g_test_add_func("/bound/a subject that does not fit is refused", subject_too_long);
        g_test_add_func("/keys/given anew, nothing is kept", forgets);
        g_test_add_func("/keys/none", without_keys);
        if (g_test_perf())
                g_test_add_func("/cost", cost);
        result = g_test_run();
        assertion_signer_free(signer);
        assertion_keys_unref(keys);
        return result;
}
