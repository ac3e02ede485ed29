/* How old what a verdict relies on may be: keys past their freshness, answers of the issuer about
 * the token (RFC 7662), who is asked, and what a budget covers; on both sides of each edge. */
#include "verdict/stage.h"

#include "mint.h"

#define SEC      INT64_C(1000000) /* in microseconds */
#define NOW_USEC (INT64_C(100000) * SEC)
#define OTHER    "https://other.example/realms/other"
#define EXP      "'exp':1700000300,"
#define FULL     "'typ':'Bearer','sub':'u','aud':'orders','scope':'orders:read',"
#define HEADER   "{'alg':'EdDSA','kid':'k','typ':'JWT'}"
#define JWT      "{'iss':'" MINT_ISSUER "'," EXP FULL "'x':1}"
#define LIGHT    "{'iss':'" MINT_ISSUER "'," EXP "'typ':'Bearer','azp':'shop'}"
#define EXPIRED  "{'iss':'" MINT_ISSUER "','exp':1700000000," FULL "'x':1}"
#define OPAQUE   "opaque-0123456789"

static const char *const names[] = { "a", "b" };

typedef struct World {
        ClaimsCache *cache, *answers;
        Checker *checker;
        IssuerFacts facts[2]; /* a has key k of seed 1, b of seed 2 */
        IssuerView *view;     /* of facts, made by world_view */
        Policy *policy;
        Question question;
        Verdict verdict;
        CheckNeeds needs;
} World;

static void world_init(World *world)
{
        static const char *const urls[] = { MINT_ISSUER, OTHER };

        *world = (World){ .cache = claims_cache_new(CACHE_SIZE_DEFAULT),
                          .answers = claims_cache_new(CACHE_SIZE_DEFAULT),
                          .question = { .now_sec = MINT_NOW, .now_usec = NOW_USEC },
                          .verdict = VERDICT_INIT };
        world->checker = checker_new(world->cache, world->answers);
        for (unsigned char i = 0; i < 2; i++)
                world->facts[i] = (IssuerFacts){ .name = g_intern_string(names[i]),
                                                 .url = g_intern_string(urls[i]),
                                                 .keys = mint_keys("k", i + 1, ""),
                                                 .algorithms = ALG_SET_ALL,
                                                 .keys_fresh_until_usec = INT64_MAX,
                                                 .introspects = true };
}

static void world_clear(World *world)
{
        verdict_clear(&world->verdict);
        checker_free(world->checker);
        claims_cache_free(world->cache);
        claims_cache_free(world->answers);
        issuer_view_unref(world->view);
        policy_unref(world->policy);
        for (size_t i = 0; i < 2; i++)
                keyset_unref(world->facts[i].keys);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(World, world_clear)

static void world_view(World *world, bool allow_development)
{
        issuer_view_unref(world->view);
        world->view = issuer_view_new(world->facts, 2, allow_development);
}

/* Settings as words: "max-age=5 issuers=a;b budget=60 keys=30 asked=b audience=orders". */
static void set_word(PolicySettings *settings, const char *name, const char *value)
{
        if (g_str_equal(name, "always"))
                settings->introspect = INTROSPECT_MODE_ALWAYS;
        else if (g_str_equal(name, "writes"))
                settings->introspect = INTROSPECT_MODE_WRITES;
        else if (g_str_equal(name, "max-age")) {
                settings->introspect = INTROSPECT_MODE_MAX_AGE;
                settings->introspect_max_age_sec = g_ascii_strtoll(value, NULL, 10);
        } else if (g_str_equal(name, "budget"))
                settings->introspection_stale_for_sec = g_ascii_strtoll(value, NULL, 10);
        else if (g_str_equal(name, "keys"))
                settings->keys_stale_for_sec = g_ascii_strtoll(value, NULL, 10);
        else if (g_str_equal(name, "asked"))
                settings->introspection_issuer = g_strdup(value);
        else if (g_str_equal(name, "issuers"))
                settings->issuers = g_strsplit(value, ";", -1);
        else if (g_str_equal(name, "audience"))
                settings->audience = g_strsplit(value, ";", -1);
        else if (g_str_equal(name, "scopes"))
                settings->scopes = g_strsplit(value, ";", -1);
        else if (!g_str_equal(name, "never"))
                g_error("no setting %s", name);
}

static void world_policy(World *world, const char *text)
{
        const PolicyIssuer issuers[] = { { names[0], world->facts[0].introspects },
                                         { names[1], world->facts[1].introspects } };
        g_autoptr(PolicySettings) settings = policy_settings_new("p");
        g_auto(GStrv) words = g_strsplit(text, " ", -1);
        g_autoptr(GError) error = NULL;

        for (char **word = words; *word; word++) {
                g_auto(GStrv) pair = g_strsplit(*word, "=", 2);

                set_word(settings, pair[0], pair[1]);
        }
        if (!settings->issuers)
                settings->issuers = g_strsplit("a", ";", -1);
        if (!settings->audience)
                settings->audience = g_strsplit("orders", ";", -1);
        policy_unref(world->policy);
        world->policy = policy_new(settings, issuers, G_N_ELEMENTS(issuers), &error);
        g_assert_no_error(error);
}

/* put_answer: as the daemon does, for an hour, so that age alone says what serves. payload NULL:
 * the token is inactive. */
static void put_answer(World *world, const char *token, const char *issuer, int64_t age_usec,
                       const char *payload)
{
        g_autoptr(Claims) claims = payload ? mint_claims(payload, "") : NULL;
        const CacheFacts facts = { .issuer = g_intern_string(issuer),
                                   .asked_usec = NOW_USEC - age_usec,
                                   .active = payload };
        Fingerprint fingerprint;

        fingerprint_of(span_from(token), &fingerprint);
        claims_cache_put(world->answers, &fingerprint, claims, &facts, MINT_NOW + 3600);
}

/* ask: "keys", "asks" or the reason's word. */
static const char *ask(World *world, const char *token)
{
        CheckAnswer answer;

        if (!world->view)
                world_view(world, false);
        verdict_clear(&world->verdict);
        world->question.token = span_from(token);
        world->question.policy = world->policy;
        answer = check_token(world->checker, world->view, &world->question, &world->verdict,
                             &world->needs);
        if (answer != CHECK_ANSWERED)
                return answer == CHECK_NEEDS_KEYS ? "keys" : "asks";
        if (world->verdict.reason != VERDICT_VALID)
                g_assert_false(world->verdict.stale);
        if (world->verdict.reason == VERDICT_UNAVAILABLE)
                g_assert_null(world->verdict.claims);
        return reason_words(world->verdict.reason)->word;
}

static char *token_of(const char *payload)
{
        return payload[0] == '{' ? mint_token(HEADER, payload, 1) : g_strdup(payload);
}

/* ---- one token, one answer, one verdict ---- */

typedef struct Row {
        const char *sentence;
        const char *policy;
        const char *token; /* a payload, or an opaque token */
        bool unsafe;
        Asked introspected;
        const char *answer; /* its payload; "": inactive; NULL: none is known */
        int64_t age_usec;   /* of the answer */
        const char *wanted;
        int64_t left_sec; /* how long the yes may be kept */
        bool stale;
} Row;

static const Row rows[] = {
        /* never */
        { "a whole JWT is not asked about", "never", JWT, true, 0, NULL, 0, "valid", 300 },
        { "an opaque token is", "never", OPAQUE, false, 0, NULL, 0, "asks" },
        { "an answer of now serves for 30 s", "never", OPAQUE, false, 0, JWT, 0, "valid", 30 },
        { "an answer 10 s old serves 20 s more", "never", OPAQUE, false, 0, JWT, 10 * SEC, "valid",
          20 },
        { "a half second is no whole one to keep it", "never", OPAQUE, false, 0, JWT, 59 * SEC / 2,
          "valid", 0 },
        { "an answer just 30 s old serves", "never", OPAQUE, false, 0, JWT, 30 * SEC, "valid", 0 },
        { "and a microsecond later it is asked anew", "never", OPAQUE, false, 0, JWT, 30 * SEC + 1,
          "asks" },
        { "a lightweight token is asked about", "never", LIGHT, false, 0, NULL, 0, "asks" },
        { "and is as good as its answer", "never", LIGHT, false, 0, JWT, 10 * SEC, "valid", 20 },
        { "for 30 s", "never", LIGHT, false, 0, JWT, 30 * SEC + 1, "asks" },
        { "an inactive token is inactive", "never", OPAQUE, false, 0, "", 30 * SEC, "inactive" },
        { "until it is asked about anew", "never", OPAQUE, false, 0, "", 30 * SEC + 1, "asks" },
        { "an inactive lightweight token is inactive", "never", LIGHT, false, 0, "", 1,
          "inactive" },
        /* always */
        { "always asks about a whole JWT", "always", JWT, false, 0, NULL, 0, "asks" },
        { "and takes nobody else's answer, of now though it be", "always", JWT, false, 0, JWT, 0,
          "asks" },
        { "nor for an opaque token", "always", OPAQUE, false, 0, JWT, 0, "asks" },
        { "nor a known no", "always", JWT, false, 0, "", 0, "asks" },
        { "its own answer serves, and for this request alone", "always", JWT, false, ASKED_FRESH,
          JWT, SEC, "valid", 0 },
        { "an own answer may have taken 10 s", "always", JWT, false, ASKED_FRESH, JWT, 10 * SEC,
          "valid", 0 },
        { "what is older is not the own one", "always", JWT, false, ASKED_FRESH, JWT, 10 * SEC + 1,
          "unavailable" },
        { "an answer that was not kept is none", "always", JWT, false, ASKED_FRESH, NULL, 0,
          "unavailable" },
        { "its own no is a no", "always", JWT, false, ASKED_FRESH, "", SEC, "inactive" },
        /* writes */
        { "writes does not ask about a read, and its yes is for that alone", "writes", JWT, false,
          0, NULL, 0, "valid", 0 },
        { "and asks about what may change something", "writes", JWT, true, 0, JWT, 0, "asks" },
        { "whose own answer serves", "writes", JWT, true, ASKED_FRESH, JWT, SEC, "valid", 0 },
        { "an opaque token that reads lives on an answer of 30 s", "writes", OPAQUE, false, 0, JWT,
          30 * SEC, "valid", 0 },
        { "and not longer", "writes", OPAQUE, false, 0, JWT, 30 * SEC + 1, "asks" },
        { "one that writes does not", "writes", OPAQUE, true, 0, JWT, 0, "asks" },
        /* max-age */
        { "max-age asks about what it does not know", "max-age=5", JWT, false, 0, NULL, 0, "asks" },
        { "an answer just of its age serves", "max-age=5", JWT, false, 0, JWT, 5 * SEC, "valid",
          0 },
        { "a microsecond older does not", "max-age=5", JWT, false, 0, JWT, 5 * SEC + 1, "asks" },
        { "it may be kept until then", "max-age=5", JWT, true, 0, JWT, 2 * SEC, "valid", 3 },
        { "a longer age is no more than exp", "max-age=3600", JWT, true, 0, JWT, 2 * SEC, "valid",
          300 },
        { "its own answer serves, slow though it was", "max-age=1", JWT, false, ASKED_FRESH, JWT,
          4 * SEC, "valid", 0 },
        { "max-age bounds an opaque token's answer", "max-age=5", OPAQUE, false, 0, JWT,
          5 * SEC + 1, "asks" },
        { "a known no serves as long", "max-age=5", JWT, false, 0, "", 5 * SEC, "inactive" },
        { "and not longer", "max-age=5", JWT, false, 0, "", 5 * SEC + 1, "asks" },
        /* in vain */
        { "in vain without a budget is unavailable", "max-age=5", JWT, false, ASKED_IN_VAIN, JWT,
          5 * SEC + 1, "unavailable" },
        { "and for an opaque token", "never", OPAQUE, false, ASKED_IN_VAIN, JWT, 30 * SEC + 1,
          "unavailable" },
        { "and without any answer", "max-age=5 budget=60", JWT, false, ASKED_IN_VAIN, NULL, 0,
          "unavailable" },
        { "a budget begins where the age ends", "max-age=5 budget=60", JWT, false, ASKED_IN_VAIN,
          JWT, 5 * SEC + 1, "valid", 0, true },
        { "an answer that has come meanwhile is not stale", "max-age=5 budget=60", JWT, false,
          ASKED_IN_VAIN, JWT, 2 * SEC, "valid", 3 },
        { "a budget holds to its last microsecond", "max-age=5 budget=60", JWT, false,
          ASKED_IN_VAIN, JWT, 65 * SEC, "valid", 0, true },
        { "and not one longer", "max-age=5 budget=60", JWT, false, ASKED_IN_VAIN, JWT, 65 * SEC + 1,
          "unavailable" },
        { "an opaque token has the budget behind its 30 s", "never budget=60", OPAQUE, false,
          ASKED_IN_VAIN, JWT, 90 * SEC, "valid", 0, true },
        { "and not more", "never budget=60", OPAQUE, false, ASKED_IN_VAIN, JWT, 90 * SEC + 1,
          "unavailable" },
        { "always has the budget alone", "always budget=60", JWT, false, ASKED_IN_VAIN, JWT,
          60 * SEC, "valid", 0, true },
        { "and not more than that", "always budget=60", JWT, false, ASKED_IN_VAIN, JWT,
          60 * SEC + 1, "unavailable" },
        { "a budget makes no no of an old one", "always budget=60", JWT, false, ASKED_IN_VAIN, "",
          SEC, "unavailable" },
        { "a budget lengthens no exp", "always budget=60", EXPIRED, false, ASKED_IN_VAIN, EXPIRED,
          SEC, "expired" },
        { "a budget is not spent before it was asked", "max-age=5 budget=60", JWT, false, 0, JWT,
          6 * SEC, "asks" },
        { "what was answered but not kept spends none", "max-age=1 budget=60", JWT, false,
          ASKED_FRESH, JWT, 11 * SEC, "unavailable" },
        /* not permitted */
        { "who may not ask is told nothing", "always", JWT, false, ASKED_NOT_PERMITTED, NULL, 0,
          "unavailable" },
        { "and spends no budget", "max-age=5 budget=60", JWT, false, ASKED_NOT_PERMITTED, JWT, SEC,
          "unavailable" },
        { "nor an opaque token", "never budget=60", OPAQUE, false, ASKED_NOT_PERMITTED, JWT, SEC,
          "unavailable" },
        /* what the token's own claims refuse */
        { "an expired token is not asked about", "always", EXPIRED, false, 0, NULL, 0, "expired" },
        { "nor when the issuer is away", "always", EXPIRED, false, ASKED_IN_VAIN, NULL, 0,
          "expired" },
        { "nor one that is not good yet", "always",
          "{'iss':'" MINT_ISSUER "','nbf':1700000002," EXP FULL "'x':1}", false, 0, NULL, 0,
          "not_yet_valid" },
        { "a scope that lacks may come with the answer", "always scopes=orders:write", JWT, false,
          0, NULL, 0, "asks" },
        /* what the answer says */
        { "an answer whose exp has come is expired, fresh as it is", "never", OPAQUE, false, 0,
          EXPIRED, 0, "expired" },
        { "a second before it is good", "never", OPAQUE, false, 0,
          "{'iss':'" MINT_ISSUER "','exp':1700000001," FULL "'x':1}", 0, "valid", 1 },
        { "an answer of another iss is not the issuer's", "never", OPAQUE, false, 0,
          "{'iss':'" OTHER "'," EXP FULL "'x':1}", 0, "unknown_issuer" },
        { "nor is one without iss", "never", OPAQUE, false, 0, "{" EXP FULL "'x':1}", 0,
          "unknown_issuer" },
        { "an answer without exp would never expire", "never", OPAQUE, false, 0,
          "{'iss':'" MINT_ISSUER "'," FULL "'x':1}", 0, "malformed" },
        { "the audience counts in the answer", "never audience=billing", OPAQUE, false, 0, JWT, 0,
          "wrong_audience" },
        { "and the scope", "always scopes=orders:write", JWT, false, ASKED_FRESH, JWT, SEC,
          "missing_scope" },
        { "an answer of a development provider does not count", "never", OPAQUE, false, 0,
          "{'iss':'" MINT_ISSUER "'," EXP FULL "'authd_development':true}", 0,
          "development_issuer" },
        /* what may be asked about */
        { "a broken JWT is not asked about", "never", "a.b.c", false, 0, JWT, 0, "malformed" },
        { "nor an empty token", "never", "", false, 0, JWT, 0, "missing_token" },
        { "nor one with a space", "never", "opaque token", false, 0, JWT, 0, "malformed" },
        { "nor one with a line's end", "never", "opaque\n", false, 0, JWT, 0, "malformed" },
        { "nor one with a control character", "never", "opaque\x7f", false, 0, JWT, 0,
          "malformed" },
        { "nor one with letters of others", "never", "opaqu\xc3\xa9", false, 0, JWT, 0,
          "malformed" },
        { "one of all visible characters is", "never", "!~\"%&'()*+,-./:;<=>?@[]^_`{|}", false, 0,
          NULL, 0, "asks" },
        { "nor an encrypted one, of five parts", "never", "a.b.c.d.e", false, 0, JWT, 0,
          "malformed" },
        { "four parts are no JWT, and opaque", "never", "a.b.c.d", false, 0, NULL, 0, "asks" },
        { "without an issuer to ask it is malformed", "never issuers=a;b", OPAQUE, false, 0, JWT, 0,
          "malformed" },
};

static void test_row(gconstpointer data)
{
        const Row *row = data;
        g_auto(World) world = { NULL };
        g_autofree char *token = token_of(row->token);

        world_init(&world);
        world_policy(&world, row->policy);
        world.question.unsafe = row->unsafe;
        world.question.introspected = row->introspected;
        if (row->answer)
                put_answer(&world, token, "a", row->age_usec, row->answer[0] ? row->answer : NULL);
        for (int round = 0; round < 2; round++) { /* the second finds the claims in the cache */
                g_assert_cmpstr(ask(&world, token), ==, row->wanted);
                g_test_message("%s", world.verdict.detail);
                g_assert_cmpint(world.verdict.stale, ==, row->stale);
                if (g_str_equal(row->wanted, "valid"))
                        g_assert_cmpint(world.verdict.until_sec - MINT_NOW, ==, row->left_sec);
        }
}

/* ---- who is asked ---- */

static void test_an_opaque_token_has_a_longest_size(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *longest = g_strnfill(CHECK_OPAQUE_SIZE_MAX, 'a');
        g_autofree char *longer = g_strnfill(CHECK_OPAQUE_SIZE_MAX + 1, 'a');

        world_init(&world);
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, longest), ==, "asks");
        g_assert_cmpstr(ask(&world, longer), ==, "malformed");
}

static void test_the_question_names_token_and_issuer(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);
        Fingerprint fingerprint;

        world_init(&world);
        world_policy(&world, "always");
        g_assert_cmpstr(ask(&world, jwt), ==, "asks");
        g_assert_cmpint(world.needs.kind, ==, NEEDS_INTROSPECTION);
        g_assert_true(world.needs.issuer == g_intern_string("a"));
        fingerprint_of(span_from(jwt), &fingerprint);
        g_assert_true(fingerprint_equal(&world.needs.token, &fingerprint));
        g_assert_true(span_equal_string(claims_subject(world.verdict.claims), "u"));
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "asks");
        g_assert_null(world.verdict.claims);
}

static void test_a_token_is_asked_of_one_issuer(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *of_a = mint_token(HEADER, JWT, 1);
        g_autofree char *of_b = mint_token(HEADER, "{'iss':'" OTHER "'," EXP FULL "'x':1}", 2);

        world_init(&world);
        world_policy(&world, "always issuers=a;b asked=b");
        g_assert_cmpstr(ask(&world, of_a), ==, "asks");
        g_assert_cmpstr(world.needs.issuer, ==, "a"); /* a JWT: its own */
        g_assert_cmpstr(ask(&world, of_b), ==, "asks");
        g_assert_cmpstr(world.needs.issuer, ==, "b");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "asks");
        g_assert_cmpstr(world.needs.issuer, ==, "b"); /* the one that is named */
}

static void test_one_issuers_answer_is_not_the_others(void)
{
        g_auto(World) world = { NULL };

        world_init(&world);
        put_answer(&world, OPAQUE, "a", 0, JWT);
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "valid");
        g_assert_cmpstr(world.verdict.issuer, ==, "a");
        world_policy(&world, "never issuers=b");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "asks");
        g_assert_cmpstr(world.needs.issuer, ==, "b");
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "unavailable");
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "valid"); /* a's is still there */
}

static void test_an_answer_meets_each_policy(void)
{
        g_auto(World) world = { NULL };

        world_init(&world);
        put_answer(&world, OPAQUE, "a", 0, JWT);
        for (int round = 0; round < 2; round++) {
                world_policy(&world, "never audience=orders");
                g_assert_cmpstr(ask(&world, OPAQUE), ==, "valid");
                world_policy(&world, "never audience=billing");
                g_assert_cmpstr(ask(&world, OPAQUE), ==, "wrong_audience");
                world_policy(&world, "never audience=orders scopes=orders:write");
                g_assert_cmpstr(ask(&world, OPAQUE), ==, "missing_scope");
        }
}

static void test_an_issuer_that_is_not_the_policys_is_not_asked(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *of_b = mint_token(HEADER, "{'iss':'" OTHER "'," EXP FULL "'x':1}", 2);

        world_init(&world);
        world_policy(&world, "never issuers=b");
        g_assert_cmpstr(ask(&world, of_b), ==, "valid"); /* and cached */
        world_policy(&world, "always issuers=a");
        for (int round = 0; round < 2; round++) {
                g_assert_cmpstr(ask(&world, of_b), ==, "unknown_issuer");
                claims_cache_clear(world.cache);
        }
}

static void test_an_issuer_without_a_client_is_not_asked(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *light = token_of(LIGHT);

        world_init(&world);
        world.facts[0].introspects = false;
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, light), ==, "wrong_audience");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "malformed");
}

static void test_nobody_is_asked_where_no_answers_are_kept(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *light = token_of(LIGHT);

        world_init(&world);
        checker_free(world.checker);
        world.checker = checker_new(world.cache, NULL);
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "malformed");
        g_assert_cmpstr(ask(&world, light), ==, "wrong_audience");
        world_policy(&world, "always");
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, light), ==, "unavailable"); /* and no yes */
}

static void test_an_issuer_that_the_view_lacks_could_not_be_asked(void)
{
        g_auto(World) world = { NULL };

        world_init(&world);
        world_policy(&world, "never issuers=b");
        world.view = issuer_view_new(world.facts, 1, false);
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "unavailable");
}

static void test_a_development_provider_is_not_asked(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);

        world_init(&world);
        world.facts[0].development = true;
        world_policy(&world, "always");
        g_assert_cmpstr(ask(&world, jwt), ==, "development_issuer");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "development_issuer");
        put_answer(&world, OPAQUE, "a", 0, JWT);
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "development_issuer");
        world_view(&world, true);
        g_assert_cmpstr(ask(&world, jwt), ==, "asks");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "asks");
}

/* What a signature does not hold for decides nothing, and asks for nothing. */
static void test_a_forged_token_is_not_asked_about(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *forged = mint_token(HEADER, LIGHT, 2);

        world_init(&world);
        world_policy(&world, "always");
        put_answer(&world, forged, "a", 0, JWT);
        g_assert_cmpstr(ask(&world, forged), ==, "bad_signature");
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, forged), ==, "bad_signature");
}

static void test_from_cache_means_both(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);

        world_init(&world);
        put_answer(&world, jwt, "a", 0, JWT);
        put_answer(&world, OPAQUE, "a", 0, JWT);
        world_policy(&world, "max-age=5");
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        g_assert_false(world.verdict.from_cache);
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        g_assert_true(world.verdict.from_cache);
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "valid");
        g_assert_true(world.verdict.from_cache);
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        g_assert_false(world.verdict.from_cache);
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "valid");
        g_assert_false(world.verdict.from_cache);
}

static void test_each_kind_of_question_is_asked_once(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);
        g_autoptr(KeySet) keys = NULL;

        world_init(&world);
        world_policy(&world, "always");
        keys = g_steal_pointer(&world.facts[0].keys);
        g_assert_cmpstr(ask(&world, jwt), ==, "keys");
        world.question.asked = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, jwt), ==, "unavailable");
        world.facts[0].keys = keyset_ref(keys);
        world_view(&world, false);
        g_assert_cmpstr(ask(&world, jwt), ==, "asks");
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, jwt), ==, "unavailable");
        put_answer(&world, jwt, "a", SEC, JWT);
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
}

static void test_the_detail_says_the_trouble(void)
{
        g_auto(World) world = { NULL };

        world_init(&world);
        world_policy(&world, "never");
        world.question.introspected = ASKED_IN_VAIN;
        world.question.trouble = "a.example answered 500.\n";
        ask(&world, OPAQUE);
        g_assert_cmpstr(world.verdict.detail, ==,
                        "Issuer a could not be asked about the token: a.example answered 500.?");
        world.question.introspected = ASKED_NOT_PERMITTED;
        world.question.trouble = "Add the mapper.";
        ask(&world, OPAQUE);
        g_assert_cmpstr(world.verdict.detail, ==, "Add the mapper.");
        world.question.trouble = NULL;
        ask(&world, OPAQUE);
        g_assert_nonnull(strstr(world.verdict.detail, "could not be asked"));
}

/* ---- keys ---- */

typedef struct KeysRow {
        const char *sentence;
        const char *policy;
        int64_t stale_usec; /* since they ceased to be fresh */
        int64_t issuer_max_sec;
        const char *wanted;
        int64_t left_sec;
        bool stale;
        const char *setting; /* what the detail names */
} KeysRow;

static const KeysRow keys_rows[] = {
        { "fresh keys verify", "never", -200 * SEC, 60, "valid", 260 },
        { "for as long as exp allows", "never", -250 * SEC, 60, "valid", 300 },
        { "in their last microsecond they are fresh", "never", 0, 60, "valid", 60 },
        { "then the issuer's budget is spent", "never", 1, 60, "valid", 59, true },
        { "to its last microsecond", "never", 60 * SEC, 60, "valid", 0, true },
        { "and not one longer", "never", 60 * SEC + 1, 60, "unavailable", 0, false,
          "stale_keys_max" },
        { "a policy's budget may be shorter", "never keys=30", 30 * SEC, 60, "valid", 0, true },
        { "and ends as sharply", "never keys=30", 30 * SEC + 1, 60, "unavailable", 0, false,
          "keys_stale_for" },
        { "it is never longer than the issuer's", "never keys=90", 60 * SEC + 1, 60, "unavailable",
          0, false, "stale_keys_max" },
        { "none means fresh", "never keys=0", 0, 60, "valid", 0 },
        { "and a microsecond is too much then", "never keys=0", 1, 60, "unavailable", 0, false,
          "keys_stale_for" },
        { "nobody is asked about a token whose keys are too old", "always", 60 * SEC + 1, 60,
          "unavailable", 0, false, "stale_keys_max" },
};

static void test_keys(gconstpointer data)
{
        const KeysRow *row = data;
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);

        world_init(&world);
        world_policy(&world, "never");
        ask(&world, jwt); /* it is in the cache from now on */
        world.facts[0].keys_fresh_until_usec = NOW_USEC - row->stale_usec;
        world.facts[0].stale_keys_max_usec = row->issuer_max_sec * SEC;
        world_view(&world, false);
        world_policy(&world, row->policy);
        for (int round = 0; round < 2; round++) {
                g_assert_cmpstr(ask(&world, jwt), ==, row->wanted);
                g_assert_cmpint(world.verdict.stale, ==, row->stale);
                if (g_str_equal(row->wanted, "valid"))
                        g_assert_cmpint(world.verdict.until_sec - MINT_NOW, ==, row->left_sec);
                if (row->setting && !strstr(world.verdict.detail, row->setting))
                        g_error("\"%s\" is not in \"%s\"", row->setting, world.verdict.detail);
                claims_cache_clear(world.cache); /* the second round verifies */
        }
}

static void test_spent_keys_say_neither_yes_nor_no(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *forged = mint_token(HEADER, JWT, 2);
        g_autofree char *unknown = mint_token("{'alg':'EdDSA','kid':'l'}", JWT, 1);

        world_init(&world);
        world.facts[0].keys_fresh_until_usec = NOW_USEC - 1;
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, forged), ==, "unavailable");
        g_assert_cmpstr(ask(&world, unknown), ==, "keys"); /* an unknown one is asked for */
        world.question.asked = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, unknown), ==, "unavailable");
        world.facts[0].keys_fresh_until_usec = NOW_USEC;
        world_view(&world, false);
        g_assert_cmpstr(ask(&world, forged), ==, "bad_signature");
        g_assert_cmpstr(ask(&world, unknown), ==, "unknown_key");
}

static void test_an_opaque_token_needs_no_keys(void)
{
        g_auto(World) world = { NULL };

        world_init(&world);
        world.facts[0].keys_fresh_until_usec = NOW_USEC - SEC;
        put_answer(&world, OPAQUE, "a", 0, JWT);
        world_policy(&world, "never");
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "valid");
        g_assert_false(world.verdict.stale);
}

static void test_both_budgets_bound_a_verdict(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);

        world_init(&world);
        world.facts[0].keys_fresh_until_usec = NOW_USEC - 1;
        world.facts[0].stale_keys_max_usec = 3 * SEC + 1;
        put_answer(&world, jwt, "a", 0, JWT);
        world_policy(&world, "max-age=5");
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        g_assert_true(world.verdict.stale); /* an answer of now makes no keys fresh */
        g_assert_cmpint(world.verdict.until_sec - MINT_NOW, ==, 3);
        world.facts[0].stale_keys_max_usec = 60 * SEC;
        world_view(&world, false);
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        g_assert_cmpint(world.verdict.until_sec - MINT_NOW, ==, 5);
}

/* ---- explaining ---- */

static const Step *find_step(const Steps *steps, const char *name)
{
        for (size_t i = 0; i < steps->n_steps; i++)
                if (g_str_equal(steps->steps[i].name, name))
                        return &steps->steps[i];
        return NULL;
}

static void assert_step(const Steps *steps, const char *name, StepResult result, const char *found,
                        const char *wanted)
{
        const Step *step = find_step(steps, name);

        g_assert_nonnull(step);
        g_assert_cmpint(step->result, ==, result);
        g_assert_cmpstr(step->found, ==, found);
        g_assert_cmpstr(step->wanted, ==, wanted);
}

static void test_explaining_asks_once_and_shows_the_answer(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);
        g_autofree Steps *steps = g_new0(Steps, 1);

        world_init(&world);
        world_policy(&world, "max-age=5");
        put_answer(&world, jwt, "a", 2 * SEC, JWT);
        world.question.steps = steps;
        g_assert_cmpstr(ask(&world, jwt), ==, "asks"); /* past the cache */
        assert_step(steps, "introspection", STEP_SKIPPED, "not known yet: the issuer is asked",
                    "max-age 5s");
        steps->n_steps = 0;
        put_answer(&world, jwt, "a", 3 * SEC, JWT);
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        assert_step(steps, "introspection", STEP_OK, "active, asked 3 s ago", "max-age 5s");
        g_assert_nonnull(find_step(steps, "audience"));
}

static void test_explaining_shows_an_opaque_token(void)
{
        g_auto(World) world = { NULL };
        g_autofree Steps *steps = g_new0(Steps, 1);

        world_init(&world);
        world_policy(&world, "never");
        put_answer(&world, OPAQUE, "a", 60 * SEC, NULL);
        world.question.steps = steps;
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "asks");
        steps->n_steps = 0;
        put_answer(&world, OPAQUE, "a", 0, NULL);
        world.question.introspected = ASKED_FRESH;
        g_assert_cmpstr(ask(&world, OPAQUE), ==, "inactive");
        assert_step(steps, "structure", STEP_OK, "no JWT: an opaque token",
                    "a compact JWS, or a token that the issuer can be asked about");
        assert_step(steps, "introspection", STEP_FAILED,
                    "Issuer a says that the token is not active (asked 0 s ago).",
                    "active, asked at most 30 s ago");
        g_assert_cmpint(find_step(steps, "policy")->result, ==, STEP_SKIPPED);
}

static void test_explaining_shows_what_keys_live_on(void)
{
        g_auto(World) world = { NULL };
        g_autofree char *jwt = token_of(JWT);
        g_autofree Steps *steps = g_new0(Steps, 1);

        world_init(&world);
        world_policy(&world, "never");
        world.question.steps = steps;
        ask(&world, jwt);
        assert_step(steps, "keys", STEP_OK, "fresh", "fresh");
        world.facts[0].keys_fresh_until_usec = NOW_USEC - 40 * SEC;
        world.facts[0].stale_keys_max_usec = 3600 * SEC;
        world_view(&world, false);
        steps->n_steps = 0;
        g_assert_cmpstr(ask(&world, jwt), ==, "valid");
        assert_step(steps, "keys", STEP_OK, "stale for 40 s", "stale for at most 1 h");
        world_policy(&world, "never keys=30");
        steps->n_steps = 0;
        g_assert_cmpstr(ask(&world, jwt), ==, "unavailable");
        assert_step(steps, "keys", STEP_FAILED,
                    "The keys of issuer a have been stale for 40 s, as it could not be asked; "
                    "keys_stale_for of the policy allows 30 s.",
                    "keys_stale_for");
}

typedef struct Case {
        const char *name;
        void (*run)(void);
} Case;

static const Case cases[] = {
        { "an opaque token has a longest size", test_an_opaque_token_has_a_longest_size },
        { "the question names token and issuer", test_the_question_names_token_and_issuer },
        { "a token is asked of one issuer", test_a_token_is_asked_of_one_issuer },
        { "one issuer's answer is not the other's", test_one_issuers_answer_is_not_the_others },
        { "an answer meets each policy", test_an_answer_meets_each_policy },
        { "an issuer that is not the policy's is not asked",
          test_an_issuer_that_is_not_the_policys_is_not_asked },
        { "an issuer without a client is not asked", test_an_issuer_without_a_client_is_not_asked },
        { "nobody is asked where no answers are kept",
          test_nobody_is_asked_where_no_answers_are_kept },
        { "an issuer that the view lacks could not be asked",
          test_an_issuer_that_the_view_lacks_could_not_be_asked },
        { "a development provider is not asked", test_a_development_provider_is_not_asked },
        { "a forged token is not asked about", test_a_forged_token_is_not_asked_about },
        { "from the cache means from both", test_from_cache_means_both },
        { "each kind of question is asked once", test_each_kind_of_question_is_asked_once },
        { "the detail says the trouble", test_the_detail_says_the_trouble },
        { "spent keys say neither yes nor no", test_spent_keys_say_neither_yes_nor_no },
        { "an opaque token needs no keys", test_an_opaque_token_needs_no_keys },
        { "both budgets bound a verdict", test_both_budgets_bound_a_verdict },
        { "explaining asks once and shows the answer",
          test_explaining_asks_once_and_shows_the_answer },
        { "explaining shows an opaque token", test_explaining_shows_an_opaque_token },
        { "explaining shows what keys live on", test_explaining_shows_what_keys_live_on },
};

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_set_nonfatal_assertions(); /* one run tells all rows that fail */
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strdup_printf("/stage/%03zu %s", i, rows[i].sentence);

                g_test_add_data_func(path, &rows[i], test_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(keys_rows); i++) {
                g_autofree char *path = g_strconcat("/stage/keys/", keys_rows[i].sentence, NULL);

                g_test_add_data_func(path, &keys_rows[i], test_keys);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *path = g_strconcat("/stage/", cases[i].name, NULL);

                g_test_add_func(path, cases[i].run);
        }
        return g_test_run();
}
