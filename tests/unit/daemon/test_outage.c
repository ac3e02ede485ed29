/* test_outage: what is told of an outage, once each, and when each budget ends; both sides of each
 * edge. */
#include "outage.h"

#include "base/clock.h"
#include "token/json.h"

#define SEC       G_USEC_PER_SEC
#define STALE     (1000 * SEC) /* when the issuer's word ceased to be fresh */
#define STALE_MAX (60 * SEC)   /* the issuer's stale_keys_max */
#define WALL      INT64_C(1700000000)
#define ISSUER    g_intern_static_string("kc")
#define OTHER     g_intern_static_string("other")

typedef struct PolicyRow {
        const char *name, *issuer;
        IntrospectMode mode;
        int64_t max_age_sec, keys_stale_for_sec, introspection_stale_for_sec;
} PolicyRow;

static PolicySet *policies_new(const PolicyRow *rows, size_t n_rows)
{
        const PolicyIssuer known[] = { { "kc", true }, { "other", false } };
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);

        for (size_t i = 0; i < n_rows; i++) {
                g_autoptr(PolicySettings) settings = policy_settings_new(rows[i].name);
                g_autoptr(GError) error = NULL;

                settings->issuers = g_strsplit(rows[i].issuer, ";", -1);
                settings->audience = g_strsplit("a", ";", -1);
                settings->introspect = rows[i].mode;
                settings->introspect_max_age_sec = rows[i].max_age_sec;
                settings->keys_stale_for_sec = rows[i].keys_stale_for_sec;
                settings->introspection_stale_for_sec = rows[i].introspection_stale_for_sec;
                g_ptr_array_add(policies, policy_new(settings, known, G_N_ELEMENTS(known), &error));
                g_assert_no_error(error);
        }
        return policy_set_new(policies);
}

/* What was told, one line each: "began keys kc orders". */
static void note(OutageEvent event, const Budget *budget, int64_t now_usec, void *userdata)
{
        static const char *const words[] = { "began", "over", "ended" };
        GString *told = userdata;

        g_string_append_printf(told, "%s %s %s %s\n", words[event], budget_kind_text(budget->kind),
                               budget->issuer, event == OUTAGE_ENDED ? "" : budget->policy);
}

typedef struct Stage {
        GString *told;
        Outage *outage;
        PolicySet *policies;
} Stage;

static void stage_clear(Stage *stage)
{
        g_string_free(stage->told, TRUE);
        outage_free(stage->outage);
        policy_set_unref(stage->policies);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Stage, stage_clear)

static Stage stage_new(const PolicyRow *rows, size_t n_rows)
{
        GString *told = g_string_new(NULL);

        return (Stage){ told, outage_new(note, told), policies_new(rows, n_rows) };
}

static void look(Stage *stage, const IssuerOutage *issuer, int64_t now_usec, const char *wanted)
{
        g_string_truncate(stage->told, 0);
        outage_look(stage->outage, issuer, 1, stage->policies, now_usec);
        g_assert_cmpstr(stage->told->str, ==, wanted);
}

static IssuerOutage keys_of(const char *issuer, int64_t stale_since_usec)
{
        return (IssuerOutage){ .issuer = issuer,
                               .has_keys = true,
                               .keys_stale_since_usec = stale_since_usec,
                               .stale_keys_max_usec = STALE_MAX };
}

static const PolicyRow three_policies[] = {
        { "orders", "kc", .keys_stale_for_sec = POLICY_STALE_UNSET },
        { "strict", "kc", .keys_stale_for_sec = 10 },
        { "elsewhere", "other", .keys_stale_for_sec = 0 },
};

static void fresh_keys_spend_nothing(void)
{
        g_auto(Stage) stage = stage_new(three_policies, G_N_ELEMENTS(three_policies));
        const IssuerOutage fresh = keys_of(ISSUER, 0);

        look(&stage, &fresh, STALE, "");
        g_assert_cmpuint(outage_size(stage.outage), ==, 0);
}

static void each_thing_is_told_once(void)
{
        g_auto(Stage) stage = stage_new(three_policies, G_N_ELEMENTS(three_policies));
        const IssuerOutage stale = keys_of(ISSUER, STALE), fresh = keys_of(ISSUER, 0);
        const IssuerOutage gone = { .issuer = ISSUER,
                                    .keys_stale_since_usec = STALE,
                                    .stale_keys_max_usec = STALE_MAX };

        look(&stage, &stale, STALE + 1, "began keys kc strict\n");
        look(&stage, &stale, STALE + SEC, "");
        look(&stage, &stale, STALE + 10 * SEC, "");
        look(&stage, &stale, STALE + 10 * SEC + 1, "over keys kc strict\n");
        look(&stage, &stale, STALE + 11 * SEC, "");
        look(&stage, &gone, STALE + STALE_MAX, "over keys kc orders\n");
        look(&stage, &fresh, STALE + STALE_MAX + SEC, "ended keys kc \n");
        look(&stage, &fresh, STALE + STALE_MAX + 2 * SEC, "");
        /* And once more, from the start. */
        look(&stage, &stale, STALE + 2, "began keys kc strict\n");
}

static void the_one_that_ends_first_is_first(void)
{
        g_auto(Stage) stage = stage_new(three_policies, G_N_ELEMENTS(three_policies));
        const IssuerOutage stale = keys_of(ISSUER, STALE);

        outage_look(stage.outage, &stale, 1, stage.policies, STALE + 4 * SEC);
        g_assert_cmpuint(outage_size(stage.outage), ==, 2);
        const Budget *first = outage_get(stage.outage, 0), *second = outage_get(stage.outage, 1);
        g_assert_cmpstr(first->policy, ==, "strict");
        g_assert_cmpint(first->end_usec, ==, STALE + 10 * SEC);
        g_assert_cmpfloat(budget_seconds_left(first, STALE + 4 * SEC), ==, 6);
        g_assert_cmpstr(second->policy, ==, "orders");
        g_assert_cmpint(second->end_usec, ==, STALE + STALE_MAX);
        g_assert_cmpint(second->since_usec, ==, STALE);
}

/* A longer budget by a reload: what was over is not, and is told again later. */
static void a_reload_may_lengthen_a_budget(void)
{
        const PolicyRow longer = { "strict", "kc", .keys_stale_for_sec = 20 };
        g_auto(Stage) stage = stage_new(three_policies, G_N_ELEMENTS(three_policies));
        const IssuerOutage stale = keys_of(ISSUER, STALE);

        look(&stage, &stale, STALE + 15 * SEC, "began keys kc strict\nover keys kc strict\n");
        policy_set_unref(stage.policies);
        stage.policies = policies_new(&longer, 1);
        look(&stage, &stale, STALE + 16 * SEC, "");
        g_assert_false(outage_get(stage.outage, 0)->is_over);
        look(&stage, &stale, STALE + 21 * SEC, "over keys kc strict\n");
}

static void a_policy_without_budget_is_over_at_once(void)
{
        g_auto(Stage) stage = stage_new(three_policies, G_N_ELEMENTS(three_policies));
        const IssuerOutage stale = keys_of(OTHER, STALE);

        look(&stage, &stale, STALE + 1, "began keys other elsewhere\nover keys other elsewhere\n");
        g_assert_cmpfloat(budget_seconds_left(outage_get(stage.outage, 0), STALE + 1), ==, 0);
}

static void answers_have_budgets_of_their_own(void)
{
        static const PolicyRow rows[] = {
                { "always", "kc", INTROSPECT_MODE_ALWAYS, .keys_stale_for_sec = -1 },
                { "aged", "kc", INTROSPECT_MODE_MAX_AGE, 5, -1, 60 },
                { "opaque", "kc", .keys_stale_for_sec = -1, .introspection_stale_for_sec = 7 },
                { "elsewhere", "other", .keys_stale_for_sec = -1 },
        };
        g_auto(Stage) stage = stage_new(rows, G_N_ELEMENTS(rows));
        const IssuerOutage failing = { .issuer = ISSUER,
                                       .has_keys = true,
                                       .introspects = true,
                                       .introspection_failing_since_usec = STALE };
        const IssuerOutage answering = { .issuer = ISSUER, .has_keys = true, .introspects = true };

        look(&stage, &failing, STALE + 1,
             "began introspection kc always\nover introspection kc always\n");
        /* Without a mode an answer serves for 30 s anyway, and then for the budget. */
        look(&stage, &failing, STALE + 37 * SEC, "");
        look(&stage, &failing, STALE + 37 * SEC + 1, "over introspection kc opaque\n");
        look(&stage, &failing, STALE + 65 * SEC, "");
        look(&stage, &failing, STALE + 65 * SEC + 1, "over introspection kc aged\n");
        look(&stage, &answering, STALE + 70 * SEC, "ended introspection kc \n");
}

static void status_has_times_of_the_wall(void)
{
        g_auto(Stage) stage = stage_new(three_policies, G_N_ELEMENTS(three_policies));
        const IssuerOutage stale = keys_of(ISSUER, STALE);

        clock_set_wall_for_tests(WALL);
        outage_look(stage.outage, &stale, 1, stage.policies, STALE + 4 * SEC);
        json_auto *status = outage_status(stage.outage, STALE + 4 * SEC);
        json_auto *wanted =
            json_pack("[{s:s, s:s, s:s, s:I, s:I, s:b}, {s:s, s:s, s:s, s:I, s:I, s:b}]", "issuer",
                      "kc", "policy", "strict", "budget", "keys", "since", WALL - 4, "ends_at",
                      WALL + 6, "ended", 0, "issuer", "kc", "policy", "orders", "budget", "keys",
                      "since", WALL - 4, "ends_at", WALL + 56, "ended", 0);
        g_assert_true(json_equal(status, wanted));
        clock_set_wall_for_tests(0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/outage/fresh-keys-spend-nothing", fresh_keys_spend_nothing);
        g_test_add_func("/outage/each-thing-is-told-once", each_thing_is_told_once);
        g_test_add_func("/outage/the-one-that-ends-first-is-first",
                        the_one_that_ends_first_is_first);
        g_test_add_func("/outage/a-reload-may-lengthen-a-budget", a_reload_may_lengthen_a_budget);
        g_test_add_func("/outage/a-policy-without-budget-is-over-at-once",
                        a_policy_without_budget_is_over_at_once);
        g_test_add_func("/outage/answers-have-budgets-of-their-own",
                        answers_have_budgets_of_their_own);
        g_test_add_func("/outage/status-has-times-of-the-wall", status_has_times_of_the_wall);
        return g_test_run();
}
