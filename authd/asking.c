/* asking: see asking.h. */
#include "asking.h"

#include "base/clock.h"

/* AskingFor: who waits for what. */
typedef struct AskingFor {
        Worker *worker;
        CheckNeeds needs;
        ClaimsCache *answers;
} AskingFor;

static AskingFor *asking_for(const Asking *asking, Worker *worker, const CheckNeeds *needs)
{
        AskingFor *one = g_new(AskingFor, 1);

        *one = (AskingFor){ worker, *needs, asking->answers };
        return one;
}

static void keys_answered(IssuerKeysAnswer answer, void *userdata)
{
        g_autofree AskingFor *one = userdata;

        worker_answer_needs(one->worker, &one->needs,
                            answer == ISSUER_KEYS_UNAVAILABLE ? ASKED_IN_VAIN : ASKED_FRESH, NULL);
}

void asking_keys(const Asking *asking, Worker *worker, const CheckNeeds *needs)
{
        AskingFor *one = asking_for(asking, worker, needs);

        issuers_want_key(asking->issuers, needs->issuer, span_from(one->needs.kid), keys_answered,
                         one);
}

/* Not past exp, but for as long as who asked needs to find it and to be told that it has expired;
 * the policies judge by asked_usec how old it may be before that. */
static int64_t answer_end_sec(const IntrospectAnswer *answer)
{
        int64_t expiry_sec = answer->claims ? claims_expiry(answer->claims) : CLAIMS_TIME_NONE;
        int64_t now_sec = clock_wall_sec();

        if (expiry_sec == CLAIMS_TIME_NONE)
                return now_sec + ASKING_KEPT_SEC;
        return MAX(expiry_sec, now_sec + ASKING_FOUND_SEC);
}

static void keep_answer(const AskingFor *one, const IntrospectAnswer *answer)
{
        const CacheFacts facts = {
                .issuer = one->needs.issuer,
                .asked_usec = answer->asked_usec,
                .active = answer->result == INTROSPECT_ACTIVE,
        };

        claims_cache_put(one->answers, &one->needs.token, facts.active ? answer->claims : NULL,
                         &facts, answer_end_sec(answer));
}

static void introspection_answered(const IntrospectAnswer *answer, void *userdata)
{
        static const Asked asked[] = {
                [INTROSPECT_UNAVAILABLE] = ASKED_IN_VAIN,
                [INTROSPECT_ACTIVE] = ASKED_FRESH,
                [INTROSPECT_INACTIVE] = ASKED_FRESH,
                [INTROSPECT_NOT_PERMITTED] = ASKED_NOT_PERMITTED,
        };
        g_autofree AskingFor *one = userdata;

        if (asked[answer->result] == ASKED_FRESH)
                keep_answer(one, answer);
        worker_answer_needs(one->worker, &one->needs, asked[answer->result], answer->trouble);
}

void asking_introspection(const Asking *asking, Worker *worker, const CheckNeeds *needs, Span token,
                          Claims *own)
{
        issuers_introspect(asking->issuers, needs->issuer, token, own, introspection_answered,
                           asking_for(asking, worker, needs));
}
