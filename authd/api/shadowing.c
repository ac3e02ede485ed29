/* shadowing: see shadowing.h. */
#include "api/shadowing.h"

#include "base/log.h"

static int64_t issuer_leeway_sec(const Exchange *exchange, const Verdict *verdict)
{
        const IssuerFacts *facts =
            verdict->issuer ? issuer_view_find_name(exchange->api->view, verdict->issuer) : NULL;

        return facts ? facts->leeway_sec : 0;
}

static void log_difference(const Exchange *exchange, const Policy *next, const Verdict *enforced,
                           const Verdict *shadow)
{
        const ReasonWords *words = reason_words(shadow->reason);
        char token[FINGERPRINT_TEXT_MAX];
        Fingerprint fingerprint;

        if (!log_enabled(LOG_LEVEL_INFO))
                return;
        fingerprint_of(exchange->token, &fingerprint);
        fingerprint_text(&fingerprint, token);
        log_event(LOG_LEVEL_INFO, "shadow_verdict",
                  shadow->detail[0] ? shadow->detail : words->sentence,
                  LOG_TEXT("reason", words->word),
                  LOG_TEXT("enforced", reason_words(enforced->reason)->word),
                  LOG_TEXT("policy", policy_name(next)), LOG_TEXT("token", token),
                  LOG_TEXT("request_id", exchange->trace.request_id),
                  LOG_TEXT("trace_id", exchange->trace.trace_id));
}

void shadowing_judge(Exchange *exchange, const Verdict *verdict)
{
        const Policy *next = policy_next(exchange->policy);
        Verdict shadow;

        if (!next || !verdict->claims)
                return;
        if (exchange->shadow)
                exchange->shadow->steps.n_steps = 0;
        shadow_judge(next, verdict, issuer_leeway_sec(exchange, verdict), exchange->judged_at_sec,
                     &shadow, exchange->shadow ? &exchange->shadow->steps : NULL);
        metric_add(
            exchange->api->metrics->shadow_verdicts,
            (const char *[]){ policy_name(exchange->policy), reason_words(shadow.reason)->word },
            1);
        if (shadow.reason != verdict->reason)
                log_difference(exchange, next, verdict, &shadow);
        if (exchange->shadow) {
                exchange->shadow->policy = policy_name(next);
                exchange->shadow->verdict = shadow;
        }
}
