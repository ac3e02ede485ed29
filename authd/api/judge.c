#include "api/judge.h"

#include "api/routes.h"
#include "base/clock.h"
#include "base/log.h"

#define POLICY_DEFAULT "default"

static void count_verdict(const Exchange *exchange, const Verdict *verdict)
{
        const ReasonWords *words = reason_words(verdict->reason);

        metric_add(exchange->api->metrics->verdicts,
                   (const char *[]){ verdict->issuer ? verdict->issuer : "",
                                     policy_name(exchange->policy), exchange_door(exchange),
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
        log_event(words->log_level, "verdict",
                  verdict->detail[0] ? verdict->detail : words->sentence,
                  LOG_TEXT("verdict", verdict_class_text(words->verdict)),
                  LOG_TEXT("reason", words->word), LOG_TEXT("issuer", verdict->issuer),
                  LOG_TEXT("policy", policy_name(exchange->policy)),
                  LOG_TEXT("door", exchange_door(exchange)), LOG_TEXT("token", token),
                  LOG_TEXT("request_id", exchange->trace.request_id),
                  LOG_TEXT("trace_id", exchange->trace.trace_id),
                  LOG_TEXT("span_id", exchange->trace.span_id),
                  LOG_NUMBER("uid", peer->has_credentials ? (int64_t) peer->uid : -1),
                  LOG_TEXT("address", peer->address),
                  LOG_NUMBER("duration_usec",
                             clock_monotonic_usec() - request_started_usec(exchange->request)));
}

static void finish(Exchange *exchange, Verdict *verdict)
{
        count_verdict(exchange, verdict);
        log_verdict(exchange, verdict);
        exchange->judged(exchange, verdict);
        verdict_clear(verdict);
}

/* asked: the check runs again from the top, under the view and the policies of now. */
static void asked(Asked answer, void *userdata)
{
        Exchange *exchange = userdata;
        g_autoptr(Policy) before = g_steal_pointer(&exchange->policy);

        exchange->asked = answer;
        if (judge_policy(exchange, span_from(policy_name(before))))
                judge_token(exchange);
}

static void park(Exchange *exchange, const CheckNeeds *needs)
{
        Api *api = exchange->api;
        int r = pending_add(api->pending, needs, clock_monotonic_usec() + API_PARK_USEC, asked,
                            exchange);

        if (r < 0) {
                Verdict verdict = VERDICT_INIT;

                verdict.issuer = needs->issuer;
                verdict_refuse(&verdict, VERDICT_UNAVAILABLE,
                               "Too many checks already wait for the issuer's keys; ask again.");
                finish(exchange, &verdict);
                return;
        }
        if (r == 1)
                api->hooks->ask_keys(api, needs);
        api->hooks->watch_deadlines(api);
}

void judge_token(Exchange *exchange)
{
        Api *api = exchange->api;
        Question question = {
                .token = exchange->token,
                .policy = exchange->policy,
                .now_sec = clock_wall_sec(),
                .asked = exchange->asked,
                .steps = exchange->steps,
        };
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        if (exchange->steps)
                exchange->steps->n_steps = 0;
        if (check_token(api->checker, api->view, &question, &verdict, &needs) == CHECK_NEEDS_KEYS) {
                verdict_clear(&verdict);
                park(exchange, &needs);
                return;
        }
        finish(exchange, &verdict);
}

bool judge_bearer(const Request *request, Span *ret_token)
{
        static const char scheme[] = "Bearer ";
        Span header = request_header(request, "Authorization");

        *ret_token = SPAN_EMPTY;
        if (!header.data)
                return true;
        if (header.len < sizeof(scheme) ||
            g_ascii_strncasecmp(header.data, scheme, sizeof(scheme) - 1) != 0)
                return false;
        *ret_token = span_of(header.data + sizeof(scheme) - 1, header.len - (sizeof(scheme) - 1));
        return true;
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
