/* outage: see outage.h. Budgets are made anew at each look; what was told is remembered beside
 * them.
 */
#include "outage.h"

#include "base/clock.h"
#include "base/log.h"

#include <inttypes.h>

/* Told: one budget that was told of; the first of its issuer and kind stands for the outage. */
struct Outage {
        OutageTell tell;
        void *userdata;
        GArray *budgets; /* Budget */
        GArray *begun;   /* Budget: one for each issuer and kind that is out */
        GArray *over;    /* Budget: those told to be over */
};

const char *budget_kind_text(BudgetKind kind)
{
        static const char *const words[_BUDGET_KIND_MAX] = {
                [BUDGET_KEYS] = "keys",
                [BUDGET_INTROSPECTION] = "introspection",
        };

        return words[kind];
}

double budget_seconds_left(const Budget *budget, int64_t now_usec)
{
        return budget->is_over ? 0 : (double) (budget->end_usec - now_usec) / G_USEC_PER_SEC;
}

static int64_t wall_sec(int64_t monotonic_usec, int64_t now_usec)
{
        return clock_wall_sec() + (monotonic_usec - now_usec) / G_USEC_PER_SEC;
}

/* Telling it. */

static char *time_text(int64_t monotonic_usec, int64_t now_usec)
{
        g_autoptr(GDateTime) time =
            g_date_time_new_from_unix_utc(wall_sec(monotonic_usec, now_usec));

        return time ? g_date_time_format_iso8601(time) : g_strdup("?");
}

static void log_began(const Budget *budget, int64_t now_usec)
{
        g_autofree char *since = time_text(budget->since_usec, now_usec);
        g_autofree char *end = time_text(budget->end_usec, now_usec);
        g_autofree char *message = g_strdup_printf(
            budget->kind == BUDGET_KEYS
                ? "Issuer %s cannot be asked, and its keys are not fresh since %s; the policy %s "
                  "lives on them until %s."
                : "Issuer %s cannot be asked about tokens since %s; the policy %s lives on its "
                  "answers until %s.",
            budget->issuer, since, budget->policy, end);

        log_event(LOG_LEVEL_WARNING, "outage_began", message, LOG_TEXT("issuer", budget->issuer),
                  LOG_TEXT("budget", budget_kind_text(budget->kind)),
                  LOG_TEXT("policy", budget->policy),
                  LOG_NUMBER("since", wall_sec(budget->since_usec, now_usec)),
                  LOG_NUMBER("ends_at", wall_sec(budget->end_usec, now_usec)));
}

static void log_over(const Budget *budget, int64_t now_usec)
{
        g_autofree char *message = g_strdup_printf(
            "The outage of issuer %s lasts longer than the policy %s lives on %s: such tokens are "
            "refused as unavailable from now on.",
            budget->issuer, budget->policy,
            budget->kind == BUDGET_KEYS ? "its keys" : "its answers");

        log_event(
            LOG_LEVEL_ERROR, "outage_budget_ended", message, LOG_TEXT("issuer", budget->issuer),
            LOG_TEXT("budget", budget_kind_text(budget->kind)), LOG_TEXT("policy", budget->policy),
            LOG_NUMBER("since", wall_sec(budget->since_usec, now_usec)));
}

static void log_ended(const Budget *budget, int64_t now_usec)
{
        int64_t seconds = (now_usec - budget->since_usec) / G_USEC_PER_SEC;
        g_autofree char *message =
            g_strdup_printf("Issuer %s answers again; nothing of it was fresh for %" PRId64 " s.",
                            budget->issuer, seconds);

        log_event(LOG_LEVEL_NOTICE, "outage_ended", message, LOG_TEXT("issuer", budget->issuer),
                  LOG_TEXT("budget", budget_kind_text(budget->kind)),
                  LOG_NUMBER("seconds", seconds));
}

void outage_log(OutageEvent event, const Budget *budget, int64_t now_usec, void *userdata)
{
        static void (*const logs[])(const Budget *, int64_t) = {
                [OUTAGE_BEGAN] = log_began,
                [OUTAGE_BUDGET_OVER] = log_over,
                [OUTAGE_ENDED] = log_ended,
        };

        logs[event](budget, now_usec);
}

/* Looking. */

static void add_budget(Outage *outage, const Budget *budget)
{
        g_array_append_val(outage->budgets, *budget);
}

static void add_keys(Outage *outage, const IssuerOutage *issuer, const Policy *policy,
                     int64_t now_usec)
{
        int64_t end_usec = issuer->keys_stale_since_usec +
                           policy_keys_stale_usec(policy, issuer->stale_keys_max_usec);

        if (issuer->keys_stale_since_usec == 0)
                return;
        add_budget(outage, &(Budget){
                               .issuer = issuer->issuer,
                               .policy = g_intern_string(policy_name(policy)),
                               .kind = BUDGET_KEYS,
                               .since_usec = issuer->keys_stale_since_usec,
                               .end_usec = end_usec,
                               .is_over = now_usec > end_usec || !issuer->has_keys,
                           });
}

/* depends_on_answers: does the policy ask this issuer about JWTs, or about opaque tokens? */
static bool depends_on_answers(const Policy *policy, const IssuerOutage *issuer)
{
        return issuer->introspects && (policy_demands_answer(policy, true) ||
                                       policy_introspection_issuer(policy) == issuer->issuer);
}

static void add_introspection(Outage *outage, const IssuerOutage *issuer, const Policy *policy,
                              int64_t now_usec)
{
        int64_t since_usec = issuer->introspection_failing_since_usec;
        int64_t age_usec = policy_answer_age_usec(policy, false);
        int64_t end_usec = since_usec + policy_introspection_stale_usec(policy);

        if (since_usec == 0 || !depends_on_answers(policy, issuer))
                return;
        if (age_usec != POLICY_ANSWER_OWN)
                end_usec += age_usec;
        add_budget(outage, &(Budget){
                               .issuer = issuer->issuer,
                               .policy = g_intern_string(policy_name(policy)),
                               .kind = BUDGET_INTROSPECTION,
                               .since_usec = since_usec,
                               .end_usec = end_usec,
                               .is_over = now_usec > end_usec,
                           });
}

static void look_at(Outage *outage, const IssuerOutage *issuer, const PolicySet *policies,
                    int64_t now_usec)
{
        if (issuer->keys_stale_since_usec == 0 && issuer->introspection_failing_since_usec == 0)
                return;
        for (size_t i = 0; i < policy_set_size(policies); i++) {
                const Policy *policy = policy_set_get(policies, i);

                if (!policy_allows_issuer(policy, issuer->issuer))
                        continue;
                add_keys(outage, issuer, policy, now_usec);
                add_introspection(outage, issuer, policy, now_usec);
        }
}

static int compare_ends(const void *a, const void *b)
{
        const Budget *one = a, *other = b;

        return (one->end_usec > other->end_usec) - (one->end_usec < other->end_usec);
}

/* What changed. */

static bool same_outage(const Budget *a, const Budget *b)
{
        return a->issuer == b->issuer && a->kind == b->kind;
}

static bool same_budget(const Budget *a, const Budget *b)
{
        return same_outage(a, b) && a->policy == b->policy;
}

static const Budget *find(const GArray *budgets, const Budget *wanted,
                          bool (*same)(const Budget *, const Budget *))
{
        for (guint i = 0; i < budgets->len; i++)
                if (same(&g_array_index(budgets, Budget, i), wanted))
                        return &g_array_index(budgets, Budget, i);
        return NULL;
}

static bool still_out(const Outage *outage, const Budget *begun)
{
        return find(outage->budgets, begun, same_outage) != NULL;
}

/* A reload may have made the budget longer: then it is told again when it is over again. */
static bool still_over(const Outage *outage, const Budget *over)
{
        const Budget *now = find(outage->budgets, over, same_budget);

        return now && now->is_over;
}

static void tell_ended(Outage *outage, int64_t now_usec)
{
        for (guint i = outage->begun->len; i-- > 0;) {
                Budget begun = g_array_index(outage->begun, Budget, i);

                if (still_out(outage, &begun))
                        continue;
                g_array_remove_index_fast(outage->begun, i);
                outage->tell(OUTAGE_ENDED, &begun, now_usec, outage->userdata);
        }
        for (guint i = outage->over->len; i-- > 0;)
                if (!still_over(outage, &g_array_index(outage->over, Budget, i)))
                        g_array_remove_index_fast(outage->over, i);
}

static void tell_once(Outage *outage, GArray *told, OutageEvent event, const Budget *budget,
                      int64_t now_usec)
{
        if (find(told, budget, event == OUTAGE_BEGAN ? same_outage : same_budget))
                return;
        g_array_append_val(told, *budget);
        outage->tell(event, budget, now_usec, outage->userdata);
}

/* The budgets are sorted: the first of an outage is the one that ends first. */
static void tell_begun(Outage *outage, int64_t now_usec)
{
        for (guint i = 0; i < outage->budgets->len; i++) {
                const Budget *budget = &g_array_index(outage->budgets, Budget, i);

                tell_once(outage, outage->begun, OUTAGE_BEGAN, budget, now_usec);
                if (budget->is_over)
                        tell_once(outage, outage->over, OUTAGE_BUDGET_OVER, budget, now_usec);
        }
}

void outage_look(Outage *outage, const IssuerOutage *issuers, size_t n_issuers,
                 const PolicySet *policies, int64_t now_usec)
{
        g_array_set_size(outage->budgets, 0);
        for (size_t i = 0; i < n_issuers; i++)
                look_at(outage, &issuers[i], policies, now_usec);
        g_array_sort(outage->budgets, compare_ends);
        tell_ended(outage, now_usec);
        tell_begun(outage, now_usec);
}

size_t outage_size(const Outage *outage)
{
        return outage->budgets->len;
}

const Budget *outage_get(const Outage *outage, size_t index)
{
        return &g_array_index(outage->budgets, Budget, index);
}

json_t *outage_status(const Outage *outage, int64_t now_usec)
{
        json_t *array = json_array();

        for (guint i = 0; i < outage->budgets->len; i++) {
                const Budget *budget = outage_get(outage, i);

                json_array_append_new(
                    array,
                    json_pack("{s:s, s:s, s:s, s:I, s:I, s:b}", "issuer", budget->issuer, "policy",
                              budget->policy, "budget", budget_kind_text(budget->kind), "since",
                              (json_int_t) wall_sec(budget->since_usec, now_usec), "ends_at",
                              (json_int_t) wall_sec(budget->end_usec, now_usec), "ended",
                              (int) budget->is_over));
        }
        return array;
}

Outage *outage_new(OutageTell tell, void *userdata)
{
        Outage *outage = g_new0(Outage, 1);

        outage->tell = tell;
        outage->userdata = userdata;
        outage->budgets = g_array_new(FALSE, FALSE, sizeof(Budget));
        outage->begun = g_array_new(FALSE, FALSE, sizeof(Budget));
        outage->over = g_array_new(FALSE, FALSE, sizeof(Budget));
        return outage;
}

void outage_free(Outage *outage)
{
        if (!outage)
                return;
        g_array_unref(outage->budgets);
        g_array_unref(outage->begun);
        g_array_unref(outage->over);
        g_free(outage);
}
