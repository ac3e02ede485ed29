/* stage: see stage.h. An answer is looked for in the cache of answers alone: who asked has put it
 * there. */
#include "verdict/stage.h"

#include <stdio.h>

#define DURATION_MAX 32
#define WORDS_MAX    96
#define SENTENCE_MAX (VERDICT_DETAIL_MAX + 64) /* verdict_refuse cuts, and shows that it did */

/* ---- what all stages share ---- */

Stage stage_pass(const Check *check, const char *step, Span found, Span wanted)
{
        steps_add(check->question->steps, step, STEP_OK, VERDICT_VALID, found, wanted);
        return STAGE_PASSED;
}

Stage stage_refused(const Check *check, const char *step, const char *wanted)
{
        steps_add(check->question->steps, step, STEP_FAILED, check->verdict->reason,
                  span_from(check->verdict->detail), span_from(wanted));
        return STAGE_REFUSED;
}

bool stage_issuer_is(const IssuerFacts *facts, const Claims *claims)
{
        return !facts->url || span_equal_string(claims_issuer(claims), facts->url);
}

bool stage_development_refused(const Check *check)
{
        const Claims *claims = check->verdict->claims;
        bool marked =
            claims && tape_type(claims_find(claims, CHECK_DEVELOPMENT_CLAIM)) == TAPE_TRUE;

        if ((!check->facts->development && !marked) || issuer_view_allows_development(check->view))
                return false;
        verdict_refuse(check->verdict, VERDICT_DEVELOPMENT_ISSUER,
                       "Issuer %s is a development provider; its tokens count only with "
                       "allow_development_issuers = true.",
                       check->facts->name);
        stage_refused(check, "development", "a real provider");
        return true;
}

/* refuse_unavailable: what could not be asked hands no claims on. */
static void refuse_unavailable(Check *check, const char *detail)
{
        g_clear_pointer(&check->verdict->claims, claims_unref);
        verdict_refuse(check->verdict, VERDICT_UNAVAILABLE, "%s", detail);
}

/* ---- time ---- */

/* saturated: INT64_MAX is never. */
static int64_t later(int64_t at_usec, int64_t by_usec)
{
        return at_usec > INT64_MAX - by_usec ? INT64_MAX : at_usec + by_usec;
}

/* keep_until: a yes must not be kept past that moment of the monotonic clock. */
static void keep_until(Check *check, int64_t end_usec)
{
        int64_t left_usec = end_usec - check->question->now_usec;

        check->until_sec =
            MIN(check->until_sec, check->question->now_sec + MAX(left_usec, 0) / G_USEC_PER_SEC);
}

/* In the largest unit of which it is a whole number. */
static const char *duration_text(int64_t usec, char buffer[DURATION_MAX])
{
        static const struct {
                int64_t sec;
                const char *name;
        } units[] = { { 24 * 3600, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
        int64_t sec = usec / G_USEC_PER_SEC;
        size_t i = 0;

        while (units[i].sec > 1 && (sec == 0 || sec % units[i].sec != 0))
                i++;
        snprintf(buffer, DURATION_MAX, "%" G_GINT64_FORMAT " %s", sec / units[i].sec,
                 units[i].name);
        return buffer;
}

/* ---- the issuer's keys ---- */

static int64_t keys_budget_usec(const Check *check)
{
        return policy_keys_stale_usec(check->question->policy, check->facts->stale_keys_max_usec);
}

static int64_t keys_stale_usec(const Check *check)
{
        return check->question->now_usec - check->facts->keys_fresh_until_usec;
}

bool stage_keys_are_spent(const Check *check)
{
        return check->question->policy && keys_stale_usec(check) > keys_budget_usec(check);
}

static Stage refuse_spent_keys(Check *check)
{
        int64_t budget_usec = keys_budget_usec(check);
        bool by_policy = budget_usec < check->facts->stale_keys_max_usec;
        char stale[DURATION_MAX], budget[DURATION_MAX], detail[SENTENCE_MAX];

        snprintf(detail, sizeof(detail),
                 "The keys of issuer %s have been stale for %s, as it could not be asked; %s "
                 "allows %s.",
                 check->facts->name, duration_text(keys_stale_usec(check), stale),
                 by_policy ? "keys_stale_for of the policy" : "stale_keys_max of the issuer",
                 duration_text(budget_usec, budget));
        refuse_unavailable(check, detail);
        return stage_refused(check, "keys", by_policy ? "keys_stale_for" : "stale_keys_max");
}

static void show_keys(const Check *check)
{
        int64_t budget_usec = keys_budget_usec(check), stale_usec = keys_stale_usec(check);
        char duration[DURATION_MAX], found[WORDS_MAX] = "fresh", wanted[WORDS_MAX] = "fresh";

        if (stale_usec > 0)
                snprintf(found, sizeof(found), "stale for %s", duration_text(stale_usec, duration));
        if (budget_usec > 0)
                snprintf(wanted, sizeof(wanted), "stale for at most %s",
                         duration_text(budget_usec, duration));
        stage_pass(check, "keys", span_from(found), span_from(wanted));
}

Stage stage_keys(Check *check)
{
        if (stage_keys_are_spent(check))
                return refuse_spent_keys(check);
        if (keys_stale_usec(check) > 0)
                check->verdict->stale = true;
        keep_until(check, later(check->facts->keys_fresh_until_usec, keys_budget_usec(check)));
        if (check->question->steps)
                show_keys(check);
        return STAGE_PASSED;
}

/* ---- the issuer's answer about the token ---- */

typedef struct Answer {
        Claims *claims; /* NULL: inactive */
        CacheFacts facts;
        int64_t age_usec;
        int64_t allowed_usec; /* the age up to which it is fresh */
} Answer;

static void answer_clear(Answer *answer)
{
        claims_unref(answer->claims);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Answer, answer_clear)

/* A lightweight access token of Keycloak carries no sub and few claims: the rest is asked for. */
static bool is_lightweight(const Check *check)
{
        return check->answers && check->facts->introspects &&
               claims_subject(check->verdict->claims).len == 0;
}

static bool answer_is_needed(const Check *check)
{
        const Question *question = check->question;

        return !check->verdict->claims ||
               policy_demands_answer(question->policy, question->unsafe) || is_lightweight(check);
}

/* answer_find: the answer of the issuer that is ours to ask, and of no other. An explained check
 * goes past the cache until it has asked. */
static bool answer_find(const Check *check, Answer *ret)
{
        const Question *question = check->question;
        g_auto(Answer) answer = { NULL };
        int64_t allowed_usec = policy_answer_age_usec(question->policy, question->unsafe);

        if (!check->answers || (question->steps && question->introspected == ASKED_NOTHING) ||
            !claims_cache_get(check->answers, &check->fingerprint, question->now_sec,
                              &answer.claims, &answer.facts))
                return false;
        if (answer.facts.issuer != check->facts->name ||
            answer.facts.active != (answer.claims != NULL))
                return false;
        answer.age_usec = MAX(question->now_usec - answer.facts.asked_usec, 0);
        answer.allowed_usec = allowed_usec;
        *ret = answer;
        answer.claims = NULL;
        return true;
}

/* answer_serves: within its age; past it, only when the issuer could not be asked and the policy
 * has a budget for that. */
static bool answer_serves(const Check *check, const Answer *answer)
{
        const Question *question = check->question;
        int64_t budget_usec = policy_introspection_stale_usec(question->policy);

        switch (question->introspected) {
        case ASKED_NOTHING: return answer->age_usec <= answer->allowed_usec;
        case ASKED_FRESH:
                return answer->age_usec <= MAX(answer->allowed_usec, CHECK_ANSWER_OWN_USEC);
        case ASKED_IN_VAIN:
                return answer->facts.active &&
                       answer->age_usec <= MAX(answer->allowed_usec, 0) + budget_usec;
        default: return false;
        }
}

static const char *answer_wanted(const Check *check, char buffer[WORDS_MAX])
{
        const Policy *policy = check->question->policy;
        char duration[DURATION_MAX];

        if (policy_demands_answer(policy, check->question->unsafe))
                return policy_introspect_text(policy);
        snprintf(buffer, WORDS_MAX, "active, asked at most %s ago",
                 duration_text(policy_answer_age_usec(policy, false), duration));
        return buffer;
}

static Stage refuse_inactive(Check *check, const Answer *answer)
{
        char wanted[WORDS_MAX], age[DURATION_MAX];

        verdict_refuse(check->verdict, VERDICT_INACTIVE,
                       "Issuer %s says that the token is not active (asked %s ago).",
                       check->facts->name, duration_text(answer->age_usec, age));
        return stage_refused(check, "introspection", answer_wanted(check, wanted));
}

static Stage refuse_answers_issuer(Check *check)
{
        g_clear_pointer(&check->verdict->claims, claims_unref);
        verdict_refuse(check->verdict, VERDICT_UNKNOWN_ISSUER,
                       "The iss of issuer %s's answer about the token is not its url.",
                       check->facts->name);
        return stage_refused(check, "introspection", check->facts->url);
}

static void show_answer(const Check *check, const Answer *answer)
{
        char wanted[WORDS_MAX], found[WORDS_MAX], age[DURATION_MAX];

        snprintf(found, sizeof(found), "active, asked %s ago",
                 duration_text(answer->age_usec, age));
        stage_pass(check, "introspection", span_from(found),
                   span_from(answer_wanted(check, wanted)));
}

static Stage take_answer(Check *check, Answer *answer)
{
        Verdict *verdict = check->verdict;
        bool stale = answer->age_usec > MAX(answer->allowed_usec, 0) &&
                     check->question->introspected == ASKED_IN_VAIN;

        if (!answer->facts.active)
                return refuse_inactive(check, answer);
        if (!stage_issuer_is(check->facts, answer->claims))
                return refuse_answers_issuer(check);
        if (check->question->introspected != ASKED_NOTHING)
                verdict->from_cache = false;
        else if (!verdict->claims)
                verdict->from_cache = true;
        g_clear_pointer(&verdict->claims, claims_unref);
        verdict->claims = g_steal_pointer(&answer->claims);
        verdict->stale = verdict->stale || stale;
        /* On a budget each request asks anew, so that an answer counts as soon as there is one. */
        keep_until(check, stale ? check->question->now_usec
                                : later(answer->facts.asked_usec, MAX(answer->allowed_usec, 0)));
        if (check->question->steps)
                show_answer(check, answer);
        return STAGE_PASSED;
}

/* own_claims_refuse: what the token's own claims refuse no answer mends, as they win over it: so
 * nobody is asked, and the policy will say what it was. */
static bool own_claims_refuse(const Check *check)
{
        const Question *question = check->question;
        const Claims *own = check->verdict->claims;
        Verdict verdict = { .issuer = check->verdict->issuer };
        int64_t until_sec;

        if (!own)
                return false;
        if (!policy_allows_issuer(question->policy, check->facts->name))
                return true;
        switch (policy_check(question->policy, own, check->facts->leeway_sec, question->now_sec,
                             &verdict, &until_sec, NULL)) {
        case VERDICT_EXPIRED:
        case VERDICT_NOT_YET_VALID: return true;
        case VERDICT_TOO_OLD: return claims_issued_at(own) != CLAIMS_TIME_NONE;
        default: return false;
        }
}

static Stage ask_issuer(Check *check)
{
        char wanted[WORDS_MAX];

        *check->needs = (CheckNeeds){ .kind = NEEDS_INTROSPECTION,
                                      .issuer = check->facts->name,
                                      .token = check->fingerprint };
        steps_add(check->question->steps, "introspection", STEP_SKIPPED, VERDICT_UNAVAILABLE,
                  span_from("not known yet: the issuer is asked"),
                  span_from(answer_wanted(check, wanted)));
        return STAGE_NEEDS_INTROSPECTION;
}

static Stage refuse_unanswered(Check *check)
{
        const Question *question = check->question;
        const char *trouble = question->trouble ? question->trouble : "it gave no answer";
        char wanted[WORDS_MAX], detail[SENTENCE_MAX];

        if (question->introspected == ASKED_NOT_PERMITTED && question->trouble)
                g_strlcpy(detail, trouble, sizeof(detail));
        else if (question->introspected == ASKED_FRESH)
                snprintf(detail, sizeof(detail),
                         "Issuer %s was asked about the token, but the answer could not be kept.",
                         check->facts->name);
        else
                snprintf(detail, sizeof(detail), "Issuer %s could not be asked about the token: %s",
                         check->facts->name, trouble);
        refuse_unavailable(check, detail);
        return stage_refused(check, "introspection", answer_wanted(check, wanted));
}

Stage stage_introspection(Check *check)
{
        g_auto(Answer) answer = { NULL };

        if (!answer_is_needed(check))
                return STAGE_PASSED;
        if (stage_development_refused(check))
                return STAGE_REFUSED;
        if (answer_find(check, &answer) && answer_serves(check, &answer))
                return take_answer(check, &answer);
        if (own_claims_refuse(check))
                return STAGE_PASSED;
        if (check->question->introspected == ASKED_NOTHING)
                return ask_issuer(check);
        return refuse_unanswered(check);
}
