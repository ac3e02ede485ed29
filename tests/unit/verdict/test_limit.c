/* test_limit: who is held to what, what is told, and which settings are refused. */
#include "verdict/limit.h"

#include "mint.h"

#define SEC     INT64_C(1000000)
#define N_SLOTS 4096

static int64_t now_usec;

static Limits *make(const char *lines)
{
        g_auto(GStrv) list = lines ? g_strsplit(lines, ";", -1) : NULL;
        g_autoptr(GError) error = NULL;
        Limits *limits = limits_new(list, NULL, N_SLOTS, &error);

        g_assert_no_error(error);
        now_usec = 1000 * SEC;
        return limits;
}

static LimitAnswer take(Limits *limits, const char *claims_text, const char *address)
{
        g_autoptr(Claims) claims = claims_text ? mint_claims(claims_text, "") : NULL;
        LimitAnswer answer;

        limits_take(limits, claims, span_from(address), now_usec, &answer);
        return answer;
}

static unsigned take_all(Limits *limits, const char *claims, const char *address)
{
        unsigned n = 0;

        while (n < 10000 && take(limits, claims, address).taken)
                n++;
        return n;
}

static void no_limits(void)
{
        g_autoptr(Limits) limits = make(NULL);
        LimitAnswer answer = take(limits, "{'sub':'anna'}", "192.0.2.1");

        g_assert_true(answer.taken);
        g_assert_null(answer.text);
}

typedef struct ByRow {
        const char *sentence;
        const char *lines;
        const char *claims, *address;             /* who uses up theirs: five */
        const char *other_claims, *other_address; /* and who asks then */
        bool shared;
} ByRow;

static const ByRow by_rows[] = {
        { "each subject has its own", "sub 5/m", "{'sub':'anna'}", "", "{'sub':'bert'}", "",
          false },
        { "a subject is the same from another address", "sub 5/m", "{'sub':'anna'}", "192.0.2.1",
          "{'sub':'anna'}", "192.0.2.2", true },
        { "clients are told by azp", "client 5/m", "{'azp':'shop'}", "", "{'azp':'desk'}", "",
          false },
        { "or by client_id", "client 5/m", "{'azp':'shop'}", "", "{'client_id':'shop'}", "", true },
        { "each address has its own", "address 5/m", NULL, "192.0.2.1", NULL, "192.0.2.2", false },
        { "addresses not told share one", "address 5/m", NULL, "", "{'sub':'anna'}", "", true },
        { "a claim by its path", "claim:org.id 5/m", "{'org':{'id':'a'}}", "", "{'org':{'id':'b'}}",
          "", false },
        { "an array's first", "claim:groups 5/m", "{'groups':['a','b']}", "", "{'groups':['a']}",
          "", true },
        { "those without the claim share one", "claim:org.id 5/m", "{'sub':'anna'}", "",
          "{'sub':'bert'}", "", true },
        { "a number is as no claim", "claim:org 5/m", "{'org':1}", "", "{'org':2}", "", true },
};

static void check_by_row(gconstpointer pointer)
{
        const ByRow *row = pointer;
        g_autoptr(Limits) limits = make(row->lines);

        g_assert_cmpuint(take_all(limits, row->claims, row->address), ==, 5);
        g_assert_cmpint(take(limits, row->other_claims, row->other_address).taken, ==,
                        !row->shared);
}

static void without_claims(void)
{
        g_autoptr(Limits) limits = make("sub 1/m;address 3/m");

        g_assert_cmpuint(take_all(limits, NULL, "192.0.2.1"), ==, 3);
}

/* The second limit refuses: the first has lost nothing by it. */
static void all_or_none(void)
{
        g_autoptr(Limits) limits = make("sub 10/m;address 2/m");
        LimitAnswer answer;

        g_assert_cmpuint(take_all(limits, "{'sub':'anna'}", "192.0.2.1"), ==, 2);
        for (int i = 0; i < 50; i++)
                take(limits, "{'sub':'anna'}", "192.0.2.1");
        answer = take(limits, "{'sub':'anna'}", "192.0.2.2");
        g_assert_true(answer.taken);
        g_assert_cmpstr(answer.text, ==, "address 2/m");
        g_assert_cmpint(answer.remaining, ==, 1);
        g_assert_cmpuint(take_all(limits, "{'sub':'anna'}", "192.0.2.3"), ==, 2);
        g_assert_cmpuint(take_all(limits, "{'sub':'anna'}", "192.0.2.4"), ==, 2);
        g_assert_cmpuint(take_all(limits, "{'sub':'anna'}", "192.0.2.5"), ==, 2);
        g_assert_cmpuint(take_all(limits, "{'sub':'anna'}", "192.0.2.6"), ==, 1);
}

/* As above, of two sets; the second's limits are told to be its own. */
static void sets_together(void)
{
        g_autoptr(Limits) policy = make("sub 10/m");
        g_autoptr(Limits) route = make("address 2/m");
        Limits *const sets[] = { policy, NULL, route };
        LimitAnswer answer;

        for (int i = 0; i < 50; i++) {
                limits_take_all(sets, 3, NULL, span_from("192.0.2.1"), now_usec, &answer);
                g_assert_cmpint(answer.taken, ==, i < 2);
                g_assert_cmpuint(answer.set, ==, 2);
                g_assert_cmpstr(answer.text, ==, "address 2/m");
        }
        g_assert_cmpuint(take_all(policy, "{'sub':'anna'}", ""), ==, 10);
        limits_take_all(sets, 2, NULL, span_from("192.0.2.1"), now_usec, &answer);
        g_assert_true(answer.taken);
        g_assert_null(answer.text);
}

static void refused_by_one_set(void)
{
        g_autoptr(Limits) policy = make("sub 4/m");
        g_autoptr(Limits) route = make("address 2/m");
        Limits *const sets[] = { policy, route };
        g_autoptr(Claims) claims = mint_claims("{'sub':'anna'}", "");
        LimitAnswer answer;
        unsigned n_taken = 0;

        for (int i = 0; i < 10; i++) {
                limits_take_all(sets, 2, claims, span_from("192.0.2.1"), now_usec, &answer);
                n_taken += answer.taken;
        }
        g_assert_cmpuint(n_taken, ==, 2);
        g_assert_cmpuint(take_all(policy, "{'sub':'anna'}", ""), ==, 2);
        limits_take_all(sets, 2, claims, span_from("192.0.2.2"), now_usec, &answer);
        g_assert_false(answer.taken);
        g_assert_cmpuint(answer.set, ==, 0);
        g_assert_cmpuint(take_all(route, NULL, "192.0.2.2"), ==, 2);
}

static void usage_told(void)
{
        g_autoptr(Limits) limits = make("sub 60/m burst 3;address 1/h");
        LimitUsage usage;

        take(limits, "{'sub':'anna'}", "192.0.2.1");
        take(limits, "{'sub':'bert'}", "192.0.2.2");
        g_assert_cmpuint(limits_size(limits), ==, 2);
        limits_usage(limits, 0, now_usec + SEC - 1, &usage);
        g_assert_cmpstr(usage.text, ==, "sub 60/m burst 3");
        g_assert_cmpuint(usage.n_used, ==, 2);
        g_assert_cmpuint(usage.n_slots, ==, N_SLOTS);
        limits_usage(limits, 0, now_usec + SEC, &usage); /* full again */
        g_assert_cmpuint(usage.n_used, ==, 0);
        limits_usage(limits, 1, now_usec + SEC, &usage);
        g_assert_cmpuint(usage.n_used, ==, 2);
}

static void numbers_told(void)
{
        g_autoptr(Limits) limits = make("sub 60/m burst 3");
        LimitAnswer answer = take(limits, "{'sub':'anna'}", "");

        g_assert_cmpstr(answer.text, ==, "sub 60/m burst 3");
        g_assert_cmpint(answer.limit, ==, 3);
        g_assert_cmpint(answer.remaining, ==, 2);
        g_assert_cmpint(answer.reset_sec, ==, 1);
        g_assert_cmpint(answer.retry_after_sec, ==, 0);
        take_all(limits, "{'sub':'anna'}", "");
        now_usec += SEC / 2;
        answer = take(limits, "{'sub':'anna'}", "");
        g_assert_false(answer.taken);
        g_assert_cmpint(answer.remaining, ==, 0);
        g_assert_cmpint(answer.reset_sec, ==, 3);
        g_assert_cmpint(answer.retry_after_sec, ==, 1);
}

static void kept_over_a_reload(void)
{
        g_autoptr(Limits) before = make("sub 3/m;client 3/m");
        g_auto(GStrv) lines = g_strsplit("sub 3/m;client 4/m", ";", -1);
        g_autoptr(Limits) after = NULL;

        g_assert_cmpuint(take_all(before, "{'sub':'anna','azp':'shop'}", ""), ==, 3);
        after = limits_new(lines, before, N_SLOTS, NULL);
        g_clear_pointer(&before, limits_unref);
        g_assert_false(take(after, "{'sub':'anna','azp':'shop'}", "").taken);
        g_assert_cmpuint(take_all(after, "{'sub':'bert','azp':'shop'}", ""), ==, 3);
}

static const char *const bad_lines[] = {
        "",
        "sub",
        "100/s",
        "sub 100",
        "sub 100/",
        "sub /s",
        "sub 0/s",
        "sub -1/s",
        "sub 100/w",
        "sub 1000001/s",
        "sub 100/s burst",
        "sub 100/s burst 0",
        "sub 100/s bursts 5",
        "sub 100/s burst 5 6",
        "subject 100/s",
        "claim: 100/s",
        "sub  100/s",
        "sub 1/s;sub 1/s",
        "sub 1/s;sub 2/s;sub 3/s;sub 4/s;sub 5/s;sub 6/s;sub 7/s;sub 8/s;sub 9/s",
        "claim:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1/s",
};

static void check_bad_line(gconstpointer pointer)
{
        g_auto(GStrv) lines = *(const char *) pointer ? g_strsplit(pointer, ";", -1)
                                                      : g_strdupv((char *[]){ "", NULL });
        g_autoptr(GError) error = NULL;
        g_autoptr(Limits) limits = limits_new(lines, NULL, N_SLOTS, &error);

        g_assert_null(limits);
        g_assert_true(g_str_has_prefix(error->message, "limits: "));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(by_rows); i++) {
                g_autofree char *name = g_strconcat("/limit/", by_rows[i].sentence, NULL);

                g_test_add_data_func(name, &by_rows[i], check_by_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad_lines); i++) {
                g_autofree char *name = g_strdup_printf("/limit/refused: %zu, %s", i, bad_lines[i]);

                g_strdelimit(name + strlen("/limit/"), "/", ':');
                g_test_add_data_func(name, bad_lines[i], check_bad_line);
        }
        g_test_add_func("/limit/no limits limit nobody", no_limits);
        g_test_add_func("/limit/without claims only the address counts", without_claims);
        g_test_add_func("/limit/one of each or of none", all_or_none);
        g_test_add_func("/limit/several sets are as one", sets_together);
        g_test_add_func("/limit/of two sets one of each or of none", refused_by_one_set);
        g_test_add_func("/limit/how many keys are remembered", usage_told);
        g_test_add_func("/limit/the numbers that are told", numbers_told);
        g_test_add_func("/limit/a reload keeps what did not change", kept_over_a_reload);
        return g_test_run();
}
