/* judge: checks that wait for an issuer's word: one letter for equal ones, both kinds of question
 * within one time, and what the answer makes of them. */
#include "api/judge.h"

#include "base/clock.h"
#include "base/log.h"
#include "mint.h"
#include "net/request.h"

#define HEADER "{'alg':'EdDSA','kid':'k','typ':'JWT'}"
#define CLAIMS "{'iss':'" MINT_ISSUER "','exp':1700000300,'sub':'u','typ':'Bearer','aud':'orders'}"
#define OPAQUE "opaque"

typedef struct Desk {
        ClaimsCache *answers;
        Checker *checker;
        MetricRegistry *registry;
        ApiMetrics metrics;
        uint64_t by_class[CLASS_FORBIDDEN + 1];
        Api api;
        unsigned n_key_letters, n_letters;
        CheckNeeds needs; /* of the last letter, of either kind */
        char token[1024];
        char subject[32]; /* of its own claims; "": it had none */
} Desk;

static Desk desk;

/* Slip: what a request was told. */
typedef struct Slip {
        unsigned n_told;
        Reason reason;
        char detail[VERDICT_DETAIL_MAX];
} Slip;

static void on_ask_keys(Api *api, const CheckNeeds *needs)
{
        desk.n_key_letters++;
        desk.needs = *needs;
}

static void on_ask_introspection(Api *api, const CheckNeeds *needs, Span token, Claims *own)
{
        Span subject = own ? claims_subject(own) : SPAN_EMPTY;

        desk.n_letters++;
        desk.needs = *needs;
        g_assert_cmpuint(token.len, <, sizeof(desk.token));
        memcpy(desk.token, token.data, token.len);
        desk.token[token.len] = '\0';
        g_assert_cmpuint(subject.len, <, sizeof(desk.subject));
        memcpy(desk.subject, subject.data, subject.len);
        desk.subject[subject.len] = '\0';
}

static void on_watch(Api *api)
{
}

static const ApiHooks hooks = { .ask_keys = on_ask_keys,
                                .ask_introspection = on_ask_introspection,
                                .watch_deadlines = on_watch };

static void give_view(KeySet *keys)
{
        const IssuerFacts facts = { .name = g_intern_static_string("test"),
                                    .url = g_intern_static_string(MINT_ISSUER),
                                    .keys = keys,
                                    .algorithms = ALG_SET_ALL,
                                    .keys_fresh_until_usec = INT64_MAX,
                                    .introspects = true };

        issuer_view_unref(desk.api.view);
        desk.api.view = issuer_view_new(&facts, 1, false);
        keyset_unref(keys);
}

static Policy *make_policy(const char *name, IntrospectMode mode)
{
        static const PolicyIssuer issuer = { "test", true };
        g_autoptr(PolicySettings) settings = policy_settings_new(name);

        settings->audience = g_strsplit("orders", ";", -1);
        settings->introspect = mode;
        return policy_new(settings, &issuer, 1, NULL);
}

static void give_policies(void)
{
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);

        g_ptr_array_add(policies, make_policy("never", INTROSPECT_MODE_NEVER));
        g_ptr_array_add(policies, make_policy("always", INTROSPECT_MODE_ALWAYS));
        g_ptr_array_add(policies, make_policy("writes", INTROSPECT_MODE_WRITES));
        desk.api.policies = policy_set_new(policies);
}

static void desk_open(void)
{
        static const char *const by_verdict[] = { "issuer", "policy", "door", "reason", NULL };

        desk = (Desk){ .answers = claims_cache_new(CACHE_SIZE_DEFAULT),
                       .registry = metric_registry_new() };
        desk.checker = checker_new(NULL, desk.answers);
        desk.metrics = (ApiMetrics){
                .verdicts = metric_family_new(desk.registry, METRIC_COUNTER, "test_verdicts_total",
                                              "Verdicts.", by_verdict, NULL, 0),
                .by_class = desk.by_class,
        };
        api_init(&desk.api, &hooks, &desk.metrics, desk.checker, NULL);
        give_view(mint_keys("k", 1, ""));
        give_policies();
}

static void desk_close(void)
{
        api_deinit(&desk.api);
        checker_free(desk.checker);
        claims_cache_free(desk.answers);
        metric_registry_free(desk.registry);
}

/* told: in place of a door; it ends the exchange, as an answer would. */
static void told(Exchange *exchange, Verdict *verdict)
{
        Slip *slip = exchange->request->userdata;

        slip->n_told++;
        slip->reason = verdict->reason;
        g_strlcpy(slip->detail, verdict->detail, sizeof(slip->detail));
        request_free(exchange->request);
        policy_unref(exchange->policy);
        g_free(exchange->trouble);
        g_free(exchange);
}

static void judge(const char *policy, const char *token, const char *method, Slip *slip)
{
        static char connection[1024]; /* of a peer that nobody looks at: nothing is logged */
        Exchange *exchange = g_new0(Exchange, 1);

        *slip = (Slip){ 0 };
        exchange->api = &desk.api;
        exchange->request = request_new();
        exchange->request->connection = (Connection *) (void *) connection;
        exchange->request->userdata = slip;
        exchange->token = span_from(token);
        exchange->method = span_from(method);
        exchange->judged = told;
        g_assert_true(judge_policy(exchange, span_from(policy)));
        judge_token(exchange);
}

/* answer: as the daemon does: first what the issuer said, then that it was asked. */
static void answer(const char *payload, Asked asked, const char *trouble)
{
        g_autoptr(Claims) claims = payload ? mint_claims(payload, "") : NULL;
        const CacheFacts facts = { .issuer = desk.needs.issuer,
                                   .asked_usec = clock_monotonic_usec(),
                                   .active = payload };
        const CheckNeeds needs = desk.needs;

        if (asked == ASKED_FRESH)
                claims_cache_put(desk.answers, &needs.token, claims, &facts, MINT_NOW + 60);
        pending_resolve(desk.api.pending, &needs, asked, trouble);
}

static void test_equal_tokens_share_a_letter(void)
{
        Slip one, two, other;

        desk_open();
        judge("never", OPAQUE, "", &one);
        judge("always", OPAQUE, "", &two);
        g_assert_cmpuint(desk.n_letters, ==, 1);
        g_assert_cmpstr(desk.token, ==, OPAQUE);
        g_assert_cmpstr(desk.subject, ==, "");
        g_assert_cmpuint(one.n_told + two.n_told, ==, 0);
        answer(CLAIMS, ASKED_FRESH, NULL);
        g_assert_cmpint(one.reason, ==, VERDICT_VALID);
        g_assert_cmpint(two.reason, ==, VERDICT_VALID);
        judge("never", OPAQUE, "", &other); /* the answer is there */
        g_assert_cmpuint(desk.n_letters, ==, 1);
        g_assert_cmpint(other.reason, ==, VERDICT_VALID);
        judge("always", OPAQUE, "", &other); /* and serves nobody who wants his own */
        g_assert_cmpuint(desk.n_letters, ==, 2);
        answer(NULL, ASKED_FRESH, NULL);
        g_assert_cmpint(other.reason, ==, VERDICT_INACTIVE);
        g_assert_cmpuint(desk.by_class[CLASS_VALID], ==, 3);
        desk_close();
}

static void test_a_jwts_own_claims_go_with_the_letter(void)
{
        g_autofree char *token = mint_token(HEADER, CLAIMS, 1);
        Slip slip;

        desk_open();
        judge("always", token, "GET", &slip);
        g_assert_cmpstr(desk.token, ==, token);
        g_assert_cmpstr(desk.subject, ==, "u");
        answer(CLAIMS, ASKED_FRESH, NULL);
        g_assert_cmpint(slip.reason, ==, VERDICT_VALID);
        desk_close();
}

static void test_trouble_reaches_the_detail_and_is_bounded(void)
{
        g_autofree char *longish = g_strnfill(64 * 1024, 'x');
        Slip slip;

        desk_open();
        judge("never", OPAQUE, "", &slip);
        answer(NULL, ASKED_NOT_PERMITTED, "Add the mapper.");
        g_assert_cmpint(slip.reason, ==, VERDICT_UNAVAILABLE);
        g_assert_cmpstr(slip.detail, ==, "Add the mapper.");
        judge("never", OPAQUE, "", &slip);
        answer(NULL, ASKED_IN_VAIN, longish);
        g_assert_cmpint(slip.reason, ==, VERDICT_UNAVAILABLE);
        g_assert_true(g_str_has_suffix(slip.detail, "x..."));
        desk_close();
}

static void test_an_answer_that_was_not_kept_ends_the_asking(void)
{
        Slip slip;

        desk_open();
        judge("never", OPAQUE, "", &slip);
        pending_resolve(desk.api.pending, &desk.needs, ASKED_FRESH, NULL);
        g_assert_cmpuint(desk.n_letters, ==, 1);
        g_assert_cmpuint(slip.n_told, ==, 1);
        g_assert_cmpint(slip.reason, ==, VERDICT_UNAVAILABLE);
        desk_close();
}

/* Keys, then the issuer's word: two letters, and one time for both. */
static void test_two_questions_share_one_time(void)
{
        g_autofree char *token = mint_token(HEADER, CLAIMS, 1);
        int64_t before_usec, after_usec;
        Slip slip;

        desk_open();
        give_view(NULL);
        before_usec = clock_monotonic_usec();
        judge("always", token, "GET", &slip);
        after_usec = clock_monotonic_usec();
        g_assert_cmpuint(desk.n_key_letters, ==, 1);
        clock_advance_monotonic_for_tests(API_PARK_USEC / 2);
        give_view(mint_keys("k", 1, ""));
        pending_resolve(desk.api.pending, &desk.needs, ASKED_FRESH, NULL);
        g_assert_cmpuint(desk.n_letters, ==, 1);
        g_assert_cmpstr(desk.subject, ==, "u");
        g_assert_true(api_expire(&desk.api, before_usec + API_PARK_USEC - 1));
        g_assert_cmpuint(slip.n_told, ==, 0);
        g_assert_false(api_expire(&desk.api, after_usec + API_PARK_USEC));
        g_assert_cmpuint(slip.n_told, ==, 1);
        g_assert_cmpint(slip.reason, ==, VERDICT_UNAVAILABLE);
        g_assert_nonnull(strstr(slip.detail, "it gave no answer in time"));
        desk_close();
}

static void test_who_still_waits_is_told_at_the_end(void)
{
        Slip slip;

        desk_open();
        judge("never", OPAQUE, "", &slip);
        desk_close();
        g_assert_cmpuint(slip.n_told, ==, 1);
        g_assert_cmpint(slip.reason, ==, VERDICT_UNAVAILABLE);
}

typedef struct MethodRow {
        const char *method;
        bool safe;
} MethodRow;

static const MethodRow methods[] = {
        { "GET", true },      { "HEAD", true },      { "OPTIONS", true }, { "TRACE", true },
        { "POST", false },    { "PUT", false },      { "PATCH", false },  { "DELETE", false },
        { "CONNECT", false }, { "PROPFIND", false }, { "get", false },    { "GET ", false },
        { " GET", false },    { "GETS", false },     { "GE", false },     { "", false },
};

/* Under introspect = writes: no letter for what is safe. */
static void test_methods(void)
{
        g_autofree char *token = mint_token(HEADER, CLAIMS, 1);

        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
                Slip slip;

                g_test_message("\"%s\"", methods[i].method);
                g_assert_cmpint(!place_method_is_unsafe(span_from(methods[i].method)), ==,
                                methods[i].safe);
                desk_open();
                judge("writes", token, methods[i].method, &slip);
                g_assert_cmpuint(desk.n_letters, ==, methods[i].safe ? 0 : 1);
                g_assert_cmpuint(slip.n_told, ==, methods[i].safe ? 1 : 0);
                desk_close();
        }
        g_assert_true(place_method_is_unsafe(span_of("GET\0", 4)));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        clock_set_wall_for_tests(MINT_NOW);
        log_set_level(LOG_LEVEL_ERROR);
        g_test_add_func("/judge/parked/equal tokens share a letter",
                        test_equal_tokens_share_a_letter);
        g_test_add_func("/judge/parked/a JWT's own claims go with the letter",
                        test_a_jwts_own_claims_go_with_the_letter);
        g_test_add_func("/judge/parked/trouble reaches the detail and is bounded",
                        test_trouble_reaches_the_detail_and_is_bounded);
        g_test_add_func("/judge/parked/an answer that was not kept ends the asking",
                        test_an_answer_that_was_not_kept_ends_the_asking);
        g_test_add_func("/judge/parked/two questions share one time",
                        test_two_questions_share_one_time);
        g_test_add_func("/judge/parked/who still waits is told at the end",
                        test_who_still_waits_is_told_at_the_end);
        g_test_add_func("/judge/parked/a method that is not known may change something",
                        test_methods);
        return g_test_run();
}
