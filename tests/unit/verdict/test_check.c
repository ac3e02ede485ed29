/* check_token: the order of its stages, when it asks for keys, what the cache may answer, who says
 * yes. */
#include "verdict/check.h"

#include "mint.h"

#define HEADER  "{'alg':'EdDSA','kid':'k','typ':'JWT'}"
#define PAYLOAD "{'iss':'" MINT_ISSUER "','exp':1700000300,'sub':'u','typ':'Bearer','aud':'orders'}"

typedef struct World {
        ClaimsCache *cache;
        Checker *checker;
        Policy *policy;
} World;

static Policy *make_policy(void)
{
        static const PolicyIssuer issuer = { .name = "test" };
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");

        settings->audience = g_strsplit("orders", ";", -1);
        return policy_new(settings, &issuer, 1, NULL);
}

static World world_new(void)
{
        World world = { .cache = claims_cache_new(CACHE_SIZE_DEFAULT), .policy = make_policy() };

        world.checker = checker_new(world.cache, NULL);
        g_assert_nonnull(world.checker);
        g_assert_nonnull(world.policy);
        return world;
}

static void world_clear(World *world)
{
        checker_free(world->checker);
        claims_cache_free(world->cache);
        policy_unref(world->policy);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_clear)

/* view_of: takes the reference of keys. */
static IssuerView *view_of(const char *url, KeySet *keys, AlgSet algorithms, bool development,
                           bool allow_development)
{
        IssuerFacts facts = { .name = g_intern_static_string("test"),
                              .url = g_intern_string(url),
                              .keys = keys,
                              .algorithms = algorithms,
                              .development = development,
                              .keys_fresh_until_usec = INT64_MAX };
        IssuerView *view = issuer_view_new(&facts, 1, allow_development);

        keyset_unref(keys);
        return view;
}

static IssuerView *plain_view(KeySet *keys)
{
        return view_of(MINT_ISSUER, keys, ALG_SET_ALL, false, false);
}

static CheckAnswer ask(World *world, const IssuerView *view, const char *token, Asked asked,
                       Verdict *verdict, CheckNeeds *needs)
{
        const Question question = { .token = span_from(token),
                                    .policy = world->policy,
                                    .now_sec = MINT_NOW,
                                    .asked = asked };

        verdict_clear(verdict);
        return check_token(world->checker, view, &question, verdict, needs);
}

static Reason reason_of(World *world, const IssuerView *view, const char *token, Asked asked)
{
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;
        Reason reason = VERDICT_UNAVAILABLE;

        if (ask(world, view, token, asked, &verdict, &needs) == CHECK_ANSWERED)
                reason = verdict.reason;
        /* whatever is refused before its signature held hands no claims on */
        if (reason < VERDICT_EXPIRED && reason != VERDICT_VALID)
                g_assert_null(verdict.claims);
        verdict_clear(&verdict);
        return reason;
}

/* ---- one token, one view, one answer ---- */

typedef struct Row {
        const char *sentence;
        const char *header;
        const char *payload;
        unsigned char seed;
        Reason reason;
} Row;

static const Row rows[] = {
        { "a good token is valid", HEADER, PAYLOAD, 1, VERDICT_VALID },
        { "a token without kid is verified by the only key that fits", "{'alg':'EdDSA'}", PAYLOAD,
          1, VERDICT_VALID },
        { "another key's signature does not hold", HEADER, PAYLOAD, 2, VERDICT_BAD_SIGNATURE },
        { "a kid that the issuer does not have", "{'alg':'EdDSA','kid':'l'}", PAYLOAD, 1,
          VERDICT_UNKNOWN_KEY },
        { "the key's algorithm is not the header's", "{'alg':'RS256','kid':'k'}", PAYLOAD, 1,
          VERDICT_KEY_MISMATCH },
        { "none is no algorithm", "{'alg':'none','kid':'k'}", PAYLOAD, 1,
          VERDICT_UNSUPPORTED_ALGORITHM },
        { "HS256 is none of ours", "{'alg':'HS256','kid':'k'}", PAYLOAD, 1,
          VERDICT_UNSUPPORTED_ALGORITHM },
        { "an unknown crit breaks the token", "{'alg':'EdDSA','kid':'k','crit':['x']}", PAYLOAD, 1,
          VERDICT_MALFORMED },
        { "an issuer that nobody configured", HEADER, "{'iss':'https://evil.example','sub':'u'}", 1,
          VERDICT_UNKNOWN_ISSUER },
        { "a slash more is another issuer", HEADER, "{'iss':'" MINT_ISSUER "/','sub':'u'}", 1,
          VERDICT_UNKNOWN_ISSUER },
        { "a payload without iss", HEADER, "{'sub':'u'}", 1, VERDICT_UNKNOWN_ISSUER },
        { "a payload that is no object", HEADER, "[]", 1, VERDICT_MALFORMED },
        { "the signature comes before the claims' form", HEADER,
          "{'iss':'" MINT_ISSUER "','exp':'soon'}", 2, VERDICT_BAD_SIGNATURE },
        { "and a broken claim after it", HEADER, "{'iss':'" MINT_ISSUER "','exp':'soon'}", 1,
          VERDICT_MALFORMED },
        { "the signature comes before the policy", HEADER, "{'iss':'" MINT_ISSUER "','exp':1}", 2,
          VERDICT_BAD_SIGNATURE },
        { "and expiry after it", HEADER, "{'iss':'" MINT_ISSUER "','exp':1}", 1, VERDICT_EXPIRED },
        { "a token marked by devidp is refused", HEADER,
          "{'iss':'" MINT_ISSUER "','exp':1700000300,'sub':'u','typ':'Bearer','aud':'orders',"
          "'authd_development':true}",
          1, VERDICT_DEVELOPMENT_ISSUER },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *token = mint_token(row->header, row->payload, row->seed);

        for (int round = 0; round < 2; round++) /* the second may come from the cache */
                g_assert_cmpstr(reason_words(reason_of(&world, view, token, ASKED_FRESH))->word, ==,
                                reason_words(row->reason)->word);
}

static void test_a_yes_is_whole(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        for (int round = 0; round < 2; round++) {
                g_assert_cmpint(ask(&world, view, token, ASKED_NOTHING, &verdict, &needs), ==,
                                CHECK_ANSWERED);
                g_assert_cmpint(verdict.reason, ==, VERDICT_VALID);
                g_assert_cmpstr(verdict.issuer, ==, "test");
                g_assert_cmpint(verdict.until_sec, ==, 1700000300);
                g_assert_cmpstr(verdict.detail, ==, "");
                g_assert_cmpint(verdict.from_cache, ==, round == 1);
                g_assert_true(span_equal_string(claims_subject(verdict.claims), "u"));
        }
        verdict_clear(&verdict);
}

static void test_words_that_are_no_token(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *huge = g_strnfill(10 * 1024 * 1024, 'a');

        g_assert_cmpint(reason_of(&world, view, "", ASKED_NOTHING), ==, VERDICT_MISSING_TOKEN);
        g_assert_cmpint(reason_of(&world, view, "opaque", ASKED_NOTHING), ==, VERDICT_MALFORMED);
        g_assert_cmpint(reason_of(&world, view, "a.b.c", ASKED_NOTHING), ==, VERDICT_MALFORMED);
        g_assert_cmpint(reason_of(&world, view, "..", ASKED_NOTHING), ==, VERDICT_MALFORMED);
        g_assert_cmpint(reason_of(&world, view, huge, ASKED_NOTHING), ==, VERDICT_MALFORMED);
}

/* ---- keys that are not there ---- */

static void test_unknown_keys_are_asked_for_once(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) none = plain_view(NULL);
        g_autoptr(IssuerView) some = plain_view(mint_keys("old", 2, ""));
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        g_assert_cmpint(ask(&world, none, token, ASKED_NOTHING, &verdict, &needs), ==,
                        CHECK_NEEDS_KEYS);
        g_assert_cmpint(needs.kind, ==, NEEDS_KEYS);
        g_assert_cmpstr(needs.issuer, ==, "test");
        g_assert_cmpstr(needs.kid, ==, "k");
        g_assert_cmpint(ask(&world, some, token, ASKED_NOTHING, &verdict, &needs), ==,
                        CHECK_NEEDS_KEYS);
        g_assert_cmpint(reason_of(&world, none, token, ASKED_FRESH), ==, VERDICT_UNAVAILABLE);
        g_assert_cmpint(reason_of(&world, some, token, ASKED_FRESH), ==, VERDICT_UNKNOWN_KEY);
        g_assert_cmpint(reason_of(&world, none, token, ASKED_IN_VAIN), ==, VERDICT_UNAVAILABLE);
        g_assert_cmpint(reason_of(&world, some, token, ASKED_IN_VAIN), ==, VERDICT_UNAVAILABLE);
        verdict_clear(&verdict);
}

static void test_a_strangers_keys_are_not_asked_for(void)
{
        static const PolicyIssuer issuers[] = { { "test" }, { "other" } };
        g_auto(World) world = world_new();
        g_autoptr(PolicySettings) settings = policy_settings_new("orders");
        g_autoptr(IssuerView) none = plain_view(NULL);
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        settings->audience = g_strsplit("orders", ";", -1);
        settings->issuers = g_strsplit("other", ";", -1);
        policy_unref(world.policy);
        world.policy = policy_new(settings, issuers, G_N_ELEMENTS(issuers), NULL);
        g_assert_cmpint(ask(&world, none, token, ASKED_NOTHING, &verdict, &needs), ==,
                        CHECK_ANSWERED);
        g_assert_cmpint(verdict.reason, ==, VERDICT_UNKNOWN_ISSUER);
        verdict_clear(&verdict);
}

static void test_a_token_without_kid_asks_without_one(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) none = plain_view(NULL);
        g_autofree char *token = mint_token("{'alg':'EdDSA'}", PAYLOAD, 1);
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        g_assert_cmpint(ask(&world, none, token, ASKED_NOTHING, &verdict, &needs), ==,
                        CHECK_NEEDS_KEYS);
        g_assert_cmpstr(needs.kid, ==, "");
}

static void test_garbage_asks_for_nothing(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) none = plain_view(NULL);
        g_autofree char *stranger =
            mint_token(HEADER, "{'iss':'https://evil.example','sub':'u'}", 1);

        g_assert_cmpint(reason_of(&world, none, stranger, ASKED_NOTHING), ==,
                        VERDICT_UNKNOWN_ISSUER);
        g_assert_cmpint(reason_of(&world, none, "a.b.c", ASKED_NOTHING), ==, VERDICT_MALFORMED);
}

/* ---- what the view forbids ---- */

static void test_an_algorithm_that_the_issuer_may_not_use(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view =
            view_of(MINT_ISSUER, mint_keys("k", 1, ""), 1u << ALG_RS256, false, false);
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);

        g_assert_cmpint(reason_of(&world, view, token, ASKED_NOTHING), ==,
                        VERDICT_UNSUPPORTED_ALGORITHM);
}

static void test_development_is_refused_unless_allowed(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) refused =
            view_of(MINT_ISSUER, mint_keys("k", 1, ""), ALG_SET_ALL, true, false);
        g_autoptr(IssuerView) allowed =
            view_of(MINT_ISSUER, mint_keys("k", 1, ""), ALG_SET_ALL, true, true);
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);

        g_assert_cmpint(reason_of(&world, refused, token, ASKED_NOTHING), ==,
                        VERDICT_DEVELOPMENT_ISSUER);
        g_assert_cmpint(reason_of(&world, allowed, token, ASKED_NOTHING), ==, VERDICT_VALID);
        g_assert_cmpint(reason_of(&world, refused, token, ASKED_NOTHING), ==,
                        VERDICT_DEVELOPMENT_ISSUER);
}

static void test_keys_of_any_issuer_take_any_iss(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view =
            view_of(NULL, mint_keys("k", 1, ""), ALG_SET_ALL, false, false);
        g_autofree char *with = mint_token(HEADER, PAYLOAD, 1);
        g_autofree char *without =
            mint_token(HEADER, "{'exp':1700000300,'sub':'u','typ':'Bearer','aud':'orders'}", 1);

        g_assert_cmpint(reason_of(&world, view, with, ASKED_FRESH), ==, VERDICT_VALID);
        g_assert_cmpint(reason_of(&world, view, without, ASKED_FRESH), ==, VERDICT_VALID);
}

/* ---- the cache answers only while the view still would ---- */

typedef struct Change {
        const char *sentence;
        const char *url;
        const char *kid;
        unsigned char seed; /* 0: no keys at all */
        AlgSet algorithms;
        Reason reason;
} Change;

static const Change changes[] = {
        { "nothing changed", MINT_ISSUER, "k", 1, ALG_SET_ALL, VERDICT_VALID },
        { "the key is gone", MINT_ISSUER, "l", 2, ALG_SET_ALL, VERDICT_UNKNOWN_KEY },
        { "another key has its kid", MINT_ISSUER, "k", 2, ALG_SET_ALL, VERDICT_BAD_SIGNATURE },
        { "all keys are gone", MINT_ISSUER, "k", 0, ALG_SET_ALL, VERDICT_UNAVAILABLE },
        { "its algorithm is no longer the issuer's", MINT_ISSUER, "k", 1, 1u << ALG_ES256,
          VERDICT_UNSUPPORTED_ALGORITHM },
        { "the issuer has another url", "https://other.example", "k", 1, ALG_SET_ALL,
          VERDICT_UNKNOWN_ISSUER },
};

static void test_change(gconstpointer data)
{
        const Change *change = data;
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) before = plain_view(mint_keys("k", 1, ""));
        g_autoptr(IssuerView) after =
            view_of(change->url, change->seed ? mint_keys(change->kid, change->seed, "") : NULL,
                    change->algorithms, false, false);
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);

        g_assert_cmpint(reason_of(&world, before, token, ASKED_FRESH), ==, VERDICT_VALID);
        g_assert_cmpstr(reason_words(reason_of(&world, after, token, ASKED_FRESH))->word, ==,
                        reason_words(change->reason)->word);
}

static void test_a_hit_meets_time_and_policy_anew(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);
        Question question = { .token = span_from(token), .policy = world.policy };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        g_assert_cmpint(reason_of(&world, view, token, ASKED_NOTHING), ==, VERDICT_VALID);
        question.now_sec = 1700000300;
        check_token(world.checker, view, &question, &verdict, &needs);
        g_assert_true(verdict.from_cache);
        g_assert_cmpint(verdict.reason, ==, VERDICT_EXPIRED);
        verdict_clear(&verdict);
}

static void test_what_was_refused_before_the_claims_is_not_cached(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *forged = mint_token(HEADER, PAYLOAD, 2);
        CacheStats stats;

        reason_of(&world, view, forged, ASKED_FRESH);
        claims_cache_stats(world.cache, &stats);
        g_assert_cmpuint(stats.n_entries, ==, 0);
}

static void test_a_token_without_exp_is_not_cached(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *endless =
            mint_token(HEADER, "{'iss':'" MINT_ISSUER "','sub':'u','typ':'Bearer'}", 1);
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;
        CacheStats stats;

        g_assert_cmpint(ask(&world, view, endless, ASKED_FRESH, &verdict, &needs), ==,
                        CHECK_ANSWERED);
        g_assert_cmpint(verdict.reason, ==, VERDICT_MALFORMED);
        verdict_clear(&verdict);
        claims_cache_stats(world.cache, &stats);
        g_assert_cmpuint(stats.n_entries, ==, 0);
}

static void test_a_cached_token_ends_past_the_largest_leeway(void)
{
        const int64_t end_sec = 1700000300 + POLICY_LEEWAY_SEC_MAX;
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);
        Question question = { .token = span_from(token), .policy = world.policy };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        g_assert_cmpint(reason_of(&world, view, token, ASKED_NOTHING), ==, VERDICT_VALID);
        for (int64_t now_sec = end_sec - 1; now_sec <= end_sec; now_sec++) {
                question.now_sec = now_sec;
                check_token(world.checker, view, &question, &verdict, &needs);
                g_assert_cmpint(verdict.from_cache, ==, now_sec < end_sec);
                g_assert_cmpint(verdict.reason, ==, VERDICT_EXPIRED);
                verdict_clear(&verdict);
        }
}

/* ---- explaining ---- */

static void test_steps_show_the_whole_way(void)
{
        static const char *const names[] = { "structure", "issuer",    "algorithm", "key",
                                             "keys",      "signature", "claims",    "exp" };
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 1);
        g_autofree Steps *steps = g_new0(Steps, 1);
        const Question question = { .token = span_from(token),
                                    .policy = world.policy,
                                    .now_sec = MINT_NOW,
                                    .steps = steps };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        reason_of(&world, view, token, ASKED_NOTHING); /* a cached token is shown all the same */
        check_token(world.checker, view, &question, &verdict, &needs);
        g_assert_cmpint(verdict.reason, ==, VERDICT_VALID);
        g_assert_false(verdict.from_cache);
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_assert_cmpstr(steps->steps[i].name, ==, names[i]);
                g_assert_cmpint(steps->steps[i].result, ==, STEP_OK);
        }
        verdict_clear(&verdict);
}

static void test_steps_end_at_a_forged_signature(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        g_autofree char *token = mint_token(HEADER, PAYLOAD, 2);
        g_autofree Steps *steps = g_new0(Steps, 1);
        const Question question = { .token = span_from(token),
                                    .policy = world.policy,
                                    .now_sec = MINT_NOW,
                                    .steps = steps };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        check_token(world.checker, view, &question, &verdict, &needs);
        g_assert_cmpuint(steps->n_steps, ==, 7);
        g_assert_cmpstr(steps->steps[5].name, ==, "signature");
        g_assert_cmpint(steps->steps[5].result, ==, STEP_FAILED);
        g_assert_cmpint(steps->steps[5].reason, ==, VERDICT_BAD_SIGNATURE);
        g_assert_cmpint(steps->steps[6].result, ==, STEP_SKIPPED);
}

/* ---- the signature alone ---- */

static void test_the_signature_alone(void)
{
        g_auto(World) world = world_new();
        g_autoptr(IssuerView) view = plain_view(mint_keys("k", 1, ""));
        const IssuerFacts *facts = issuer_view_get(view, 0);
        g_autofree char *good = mint_token(HEADER, "no JSON", 1);
        g_autofree char *forged = mint_token(HEADER, "no JSON", 2);
        Verdict verdict = VERDICT_INIT;
        Span payload = SPAN_EMPTY;

        g_assert_true(check_signature(world.checker, facts, span_from(good), &verdict, &payload));
        g_assert_true(span_equal_string(payload, "bm8gSlNPTg"));
        g_assert_false(
            check_signature(world.checker, facts, span_from(forged), &verdict, &payload));
        g_assert_cmpint(verdict.reason, ==, VERDICT_BAD_SIGNATURE);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/check/", rows[i].sentence, NULL);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(changes); i++) {
                g_autofree char *path =
                    g_strconcat("/check/after a hit/", changes[i].sentence, NULL);

                g_test_add_data_func(path, &changes[i], test_change);
        }
        g_test_add_func("/check/a yes is whole", test_a_yes_is_whole);
        g_test_add_func("/check/words that are no token", test_words_that_are_no_token);
        g_test_add_func("/check/unknown keys are asked for once",
                        test_unknown_keys_are_asked_for_once);
        g_test_add_func("/check/the keys of an issuer that is not the policy's are not asked for",
                        test_a_strangers_keys_are_not_asked_for);
        g_test_add_func("/check/a token without kid asks without one",
                        test_a_token_without_kid_asks_without_one);
        g_test_add_func("/check/garbage asks for nothing", test_garbage_asks_for_nothing);
        g_test_add_func("/check/an algorithm that the issuer may not use",
                        test_an_algorithm_that_the_issuer_may_not_use);
        g_test_add_func("/check/development is refused unless allowed",
                        test_development_is_refused_unless_allowed);
        g_test_add_func("/check/keys of any issuer take any iss",
                        test_keys_of_any_issuer_take_any_iss);
        g_test_add_func("/check/a hit meets time and policy anew",
                        test_a_hit_meets_time_and_policy_anew);
        g_test_add_func("/check/what was refused before the claims is not cached",
                        test_what_was_refused_before_the_claims_is_not_cached);
        g_test_add_func("/check/a token without exp is not cached",
                        test_a_token_without_exp_is_not_cached);
        g_test_add_func("/check/a cached token ends past the largest leeway",
                        test_a_cached_token_ends_past_the_largest_leeway);
        g_test_add_func("/check/steps show the whole way", test_steps_show_the_whole_way);
        g_test_add_func("/check/steps end at a forged signature",
                        test_steps_end_at_a_forged_signature);
        g_test_add_func("/check/the signature alone", test_the_signature_alone);
        return g_test_run();
}
