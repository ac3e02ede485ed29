#include "api/judge.h"

#include "api/routes.h"
#include "api/shadowing.h"
#include "api/vouch.h"
#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

#define POLICY_DEFAULT   "default"
#define POLICY_ANONYMOUS "anonymous"

const char *judge_policy_word(const Exchange *exchange)
{
        if (exchange->policy)
                return policy_name(exchange->policy);
        return exchange->route_name ? POLICY_ANONYMOUS : POLICY_BY_ROUTE;
}

static void count_verdict(const Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);

        metric_add(exchange->api->metrics->verdicts,
                   (const char *[]){ verdict->issuer ? verdict->issuer : "",
                                     judge_policy_word(exchange), exchange_door(exchange),
                                     words->word },
                   1);
        __atomic_fetch_add(&exchange->api->metrics->by_class[words->verdict], 1, __ATOMIC_RELAXED);
}

static void log_verdict(const Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);
        const Peer *peer = request_peer(exchange->request);
        char token[FINGERPRINT_TEXT_MAX] = "";
        Fingerprint fingerprint;

        if (!log_enabled(words->log_level))
                return;
        if (exchange->token.len > 0) {
                fingerprint_of(exchange->token, &fingerprint);
                fingerprint_text(&fingerprint, token);
        }
        log_event(
            words->log_level, "verdict", verdict->detail[0] ? verdict->detail : words->sentence,
            LOG_TEXT("verdict", verdict_class_text(words->verdict)),
            LOG_TEXT("reason", words->word), LOG_TEXT("issuer", verdict->issuer),
            LOG_TEXT("policy", judge_policy_word(exchange)),
            LOG_TEXT("route", exchange->route_name), LOG_TEXT("door", exchange_door(exchange)),
            LOG_TEXT("token", token), LOG_TEXT("request_id", exchange->trace.request_id),
            LOG_TEXT("trace_id", exchange->trace.trace_id),
            LOG_TEXT("span_id", exchange->trace.span_id),
            LOG_NUMBER("uid", peer->has_credentials ? (int64_t) peer->uid : -1),
            LOG_TEXT("address", peer->address),
            LOG_NUMBER("duration_usec",
                       clock_monotonic_usec() - request_started_usec(exchange->request)));
}

static void count_limited(const Exchange *exchange, const char *route, const char *limit)
{
        metric_add(exchange->api->metrics->limited,
                   (const char *[]){ judge_policy_word(exchange), route, limit }, 1);
}

bool judge_take_limits(Exchange *exchange, Verdict *verdict)
{
        enum { OF_POLICY, OF_ROUTE, N_SETS };
        const Front *front = exchange->api->front;
        const PolicyFront *policy = exchange->policy ? front_policy(front, exchange->policy) : NULL;
        Limits *const sets[N_SETS] = {
                [OF_POLICY] = policy ? policy->limits : NULL,
                [OF_ROUTE] =
                    exchange->route_name ? front_route_limits(front, exchange->route_name) : NULL,
        };
        LimitAnswer *answer = &exchange->limit;

        limits_take_all(sets, N_SETS, verdict->claims, span_from(exchange->original.address),
                        clock_monotonic_usec(), answer);
        if (answer->taken)
                return true;
        count_limited(exchange, answer->set == OF_ROUTE ? exchange->route_name : "", answer->text);
        verdict_refuse(verdict, VERDICT_RATE_LIMITED,
                       "Too many requests: the %s allows %s; ask again in %" PRId64 " s.",
                       answer->set == OF_ROUTE ? "route" : "policy", answer->text,
                       answer->retry_after_sec);
        return false;
}

/* reason_is_failure: no token at all is no guess at one, and nor is a true token of which the
 * protocol wants a nonce (RFC 9449 §8) or a fresher sign-in (RFC 9470). */
static bool reason_is_failure(Reason reason)
{
        static const Reason steps[] = { VERDICT_MISSING_TOKEN, VERDICT_PROOF_NONCE,
                                        VERDICT_ACR_TOO_LOW, VERDICT_AUTH_TOO_OLD };

        for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
                if (steps[i] == reason)
                        return false;
        return reason_words(reason)->verdict == CLASS_INVALID;
}

static void note_failure(const Exchange *exchange, const Verdict *verdict)
{
        if (reason_is_failure(verdict->reason))
                front_note_failure(exchange->api->front, span_from(exchange->original.address),
                                   clock_monotonic_usec());
}

/* is_throttled: before any signature is looked at. */
static bool is_throttled(Exchange *exchange, Verdict *verdict)
{
        if (!exchange->dialect || exchange->token.len == 0 ||
            !front_is_throttled(exchange->api->front, span_from(exchange->original.address),
                                clock_monotonic_usec(), &exchange->limit))
                return false;
        count_limited(exchange, "", "auth_failures");
        verdict_refuse(verdict, VERDICT_RATE_LIMITED,
                       "Too many tokens from this address were refused; ask again in %" PRId64
                       " s.",
                       exchange->limit.retry_after_sec);
        return true;
}

void judge_finish(Exchange *exchange, Verdict *verdict)
{
        if (exchange->dialect && verdict->reason == VERDICT_VALID)
                judge_take_limits(exchange, verdict);
        /* A place without a policy (no_route, bad_path) has nothing to hand on. */
        if (exchange->policy) {
                vouch_for(exchange, verdict);
                shadowing_judge(exchange, verdict);
        }
        if (exchange->dialect)
                note_failure(exchange, verdict);
        count_verdict(exchange, verdict);
        log_verdict(exchange, verdict);
        exchange->judged(exchange, verdict);
        verdict_clear(verdict);
}

/* judge_again: from the top, under the view and the policies of now. */
static void judge_again(Exchange *exchange, const char *trouble)
{
        g_autoptr(Policy) before = g_steal_pointer(&exchange->policy);

        g_free(exchange->trouble);
        exchange->trouble = trouble ? g_strndup(trouble, VERDICT_DETAIL_MAX) : NULL;
        if (judge_policy(exchange, span_from(policy_name(before))))
                judge_token(exchange);
}

static void keys_asked(Asked answer, const char *trouble, void *userdata)
{
        Exchange *exchange = userdata;

        exchange->asked = answer;
        judge_again(exchange, trouble);
}

static void introspection_asked(Asked answer, const char *trouble, void *userdata)
{
        Exchange *exchange = userdata;

        exchange->introspected = answer;
        judge_again(exchange, trouble);
}

static void refuse_to_park(Exchange *exchange, const CheckNeeds *needs)
{
        Verdict verdict = VERDICT_INIT;

        verdict.issuer = needs->issuer;
        verdict_refuse(&verdict, VERDICT_UNAVAILABLE,
                       "Too many checks already wait for an issuer; ask again.");
        judge_finish(exchange, &verdict);
}

/* park: own is for NEEDS_INTROSPECTION: the token's verified claims; NULL: it is opaque. */
static void park(Exchange *exchange, const CheckNeeds *needs, Claims *own)
{
        Api *api = exchange->api;
        int r;

        if (exchange->judge_by_usec == 0)
                exchange->judge_by_usec = clock_monotonic_usec() + API_PARK_USEC;
        r = pending_add(api->pending, needs, exchange->judge_by_usec,
                        needs->kind == NEEDS_KEYS ? keys_asked : introspection_asked, exchange);
        if (r < 0) {
                refuse_to_park(exchange, needs);
                return;
        }
        if (r == 1 && needs->kind == NEEDS_KEYS)
                api->hooks->ask_keys(api, needs);
        else if (r == 1)
                api->hooks->ask_introspection(api, needs, exchange->token, own);
        api->hooks->watch_deadlines(api);
}

void judge_token(Exchange *exchange)
{
        Api *api = exchange->api;
        Question question = {
                .token = exchange->token,
                .policy = exchange->policy,
                .now_sec = clock_wall_sec(),
                .now_usec = clock_monotonic_usec(),
                .unsafe = place_method_is_unsafe(exchange->method),
                .asked = exchange->asked,
                .introspected = exchange->introspected,
                .trouble = exchange->trouble,
                .sender = exchange->dialect ? &exchange->sender : NULL,
                .steps = exchange->steps,
        };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        exchange->judged_at_sec = question.now_sec;
        if (exchange->steps)
                exchange->steps->n_steps = 0;
        if (is_throttled(exchange, &verdict)) {
                judge_finish(exchange, &verdict);
                return;
        }
        if (check_token(api->checker, api->view, &question, &verdict, &needs) == CHECK_ANSWERED) {
                judge_finish(exchange, &verdict);
                return;
        }
        park(exchange, &needs, verdict.claims);
        verdict_clear(&verdict);
}

bool judge_bearer(const Request *request, Span *ret_token)
{
        Span header = request_header(request, "Authorization");

        *ret_token = SPAN_EMPTY;
        return !header.data || source_after(header, "Bearer", ret_token);
}

bool judge_policy(Exchange *exchange, Span name)
{
        const Policy *policy =
            policy_set_find(exchange->api->policies, name.len ? name : span_from(POLICY_DEFAULT));
        char shown[128];

        if (policy) {
                exchange->policy = policy_ref((Policy *) policy);
                return true;
        }
        if (name.len == 0)
                exchange_problem(exchange, 400, "policy_required",
                                 "Name a policy, or configure [policy " POLICY_DEFAULT
                                 "] for questions without one.");
        else
                exchange_problem(exchange, 404, "unknown_policy",
                                 "No policy is called \"%s\" in authd.conf.",
                                 verdict_printable(name, shown, sizeof(shown)));
        return false;
}
