/* Parked questions: one letter for equal ones, each waiter called exactly once. */
#include "verdict/pending.h"

typedef struct Waiting {
        Pending *pending;
        unsigned n_calls;
        Asked asked;
        char trouble[64];
        bool again; /* asks again from within the call */
        int added;  /* and was answered that */
} Waiting;

static CheckNeeds needs_of(const char *issuer, const char *kid)
{
        CheckNeeds needs = { .issuer = g_intern_string(issuer) };

        g_strlcpy(needs.kid, kid, sizeof(needs.kid));
        return needs;
}

static void done(Asked asked, const char *trouble, void *userdata)
{
        Waiting *waiting = userdata;
        CheckNeeds needs = needs_of("a", "k");

        waiting->n_calls++;
        waiting->asked = asked;
        g_strlcpy(waiting->trouble, trouble ? trouble : "", sizeof(waiting->trouble));
        if (waiting->again) {
                waiting->again = false;
                waiting->added = pending_add(waiting->pending, &needs, 999, done, waiting);
        }
}

static int add(Pending *pending, const char *issuer, const char *kid, int64_t deadline_usec,
               Waiting *waiting)
{
        CheckNeeds needs = needs_of(issuer, kid);

        waiting->pending = pending;
        return pending_add(pending, &needs, deadline_usec, done, waiting);
}

static void resolve(Pending *pending, const char *issuer, const char *kid, Asked asked)
{
        CheckNeeds needs = needs_of(issuer, kid);

        pending_resolve(pending, &needs, asked, NULL);
}

static void test_equal_questions_share_one_letter(void)
{
        g_autoptr(Pending) pending = pending_new();
        Waiting one = { 0 }, two = { 0 }, other_kid = { 0 }, other_issuer = { 0 };

        g_assert_cmpint(add(pending, "a", "k", 100, &one), ==, 1);
        g_assert_cmpint(add(pending, "a", "k", 100, &two), ==, 0);
        g_assert_cmpint(add(pending, "a", "l", 100, &other_kid), ==, 1);
        g_assert_cmpint(add(pending, "b", "k", 100, &other_issuer), ==, 1);
        g_assert_cmpuint(pending_size(pending), ==, 4);
        resolve(pending, "a", "k", ASKED_FRESH);
        g_assert_cmpuint(pending_size(pending), ==, 2);
        g_assert_cmpuint(one.n_calls + two.n_calls, ==, 2);
        g_assert_cmpint(two.asked, ==, ASKED_FRESH);
        g_assert_cmpuint(other_kid.n_calls + other_issuer.n_calls, ==, 0);
        resolve(pending, "a", "k", ASKED_FRESH);
        g_assert_cmpuint(one.n_calls + two.n_calls, ==, 2);
        resolve(pending, "a", "l", ASKED_FRESH);
        resolve(pending, "b", "k", ASKED_FRESH);
}

static int add_token(Pending *pending, const char *issuer, const char *token, Waiting *waiting)
{
        CheckNeeds needs = { .kind = NEEDS_INTROSPECTION, .issuer = g_intern_string(issuer) };

        fingerprint_of(span_from(token), &needs.token);
        waiting->pending = pending;
        return pending_add(pending, &needs, 100, done, waiting);
}

static void resolve_token(Pending *pending, const char *issuer, const char *token, Asked asked,
                          const char *trouble)
{
        CheckNeeds needs = { .kind = NEEDS_INTROSPECTION, .issuer = g_intern_string(issuer) };

        fingerprint_of(span_from(token), &needs.token);
        pending_resolve(pending, &needs, asked, trouble);
}

static void test_questions_about_one_token_share_a_letter(void)
{
        g_autoptr(Pending) pending = pending_new();
        Waiting one = { 0 }, two = { 0 }, other_token = { 0 }, other_issuer = { 0 }, keys = { 0 };

        g_assert_cmpint(add_token(pending, "a", "t", &one), ==, 1);
        g_assert_cmpint(add_token(pending, "a", "t", &two), ==, 0);
        g_assert_cmpint(add_token(pending, "a", "u", &other_token), ==, 1);
        g_assert_cmpint(add_token(pending, "b", "t", &other_issuer), ==, 1);
        g_assert_cmpint(add(pending, "a", "", 100, &keys), ==, 1); /* of keys: another kind */
        resolve_token(pending, "a", "t", ASKED_NOT_PERMITTED, "It may not know.");
        g_assert_cmpuint(one.n_calls, ==, 1);
        g_assert_cmpuint(two.n_calls, ==, 1);
        g_assert_cmpint(two.asked, ==, ASKED_NOT_PERMITTED);
        g_assert_cmpstr(two.trouble, ==, "It may not know.");
        g_assert_cmpuint(other_token.n_calls + other_issuer.n_calls + keys.n_calls, ==, 0);
        resolve(pending, "a", "", ASKED_FRESH);
        g_assert_cmpuint(keys.n_calls, ==, 1);
        g_assert_cmpuint(other_token.n_calls + other_issuer.n_calls, ==, 0);
        pending_expire(pending, 100);
        g_assert_cmpint(other_issuer.asked, ==, ASKED_IN_VAIN);
        g_assert_cmpstr(other_issuer.trouble, ==, "it gave no answer in time.");
}

/* The table's hash may be the same for both; the question is not. */
static void test_keys_and_tokens_are_two_kinds(void)
{
        g_autoptr(Pending) pending = pending_new();
        CheckNeeds keys = needs_of("a", ""),
                   token = { .kind = NEEDS_INTROSPECTION, .issuer = keys.issuer };
        guint hash = g_str_hash("") ^ g_direct_hash(keys.issuer);
        Waiting for_keys = { 0 }, for_token = { 0 };

        memcpy(token.token.bytes, &hash, sizeof(hash));
        g_assert_cmpint(pending_add(pending, &keys, 100, done, &for_keys), ==, 1);
        g_assert_cmpint(pending_add(pending, &token, 100, done, &for_token), ==, 1);
        pending_resolve(pending, &keys, ASKED_FRESH, NULL);
        g_assert_cmpuint(for_keys.n_calls, ==, 1);
        g_assert_cmpuint(for_token.n_calls, ==, 0);
        pending_resolve(pending, &token, ASKED_FRESH, NULL);
        g_assert_cmpuint(for_token.n_calls, ==, 1);
}

static void test_a_deadline_is_the_edge(void)
{
        g_autoptr(Pending) pending = pending_new();
        Waiting early = { 0 }, late = { 0 };

        add(pending, "a", "k", 200, &late);
        add(pending, "a", "k", 100, &early);
        g_assert_cmpint(pending_expire(pending, 99), ==, 100);
        g_assert_cmpuint(early.n_calls, ==, 0);
        g_assert_cmpint(pending_expire(pending, 100), ==, 200);
        g_assert_cmpuint(early.n_calls, ==, 1);
        g_assert_cmpint(early.asked, ==, ASKED_IN_VAIN);
        g_assert_cmpuint(late.n_calls, ==, 0);
        resolve(pending, "a", "k", ASKED_FRESH);
        g_assert_cmpuint(early.n_calls, ==, 1);
        g_assert_cmpint(late.asked, ==, ASKED_FRESH);
        g_assert_cmpint(pending_expire(pending, 1000), ==, -1);
}

static void test_an_expired_question_is_asked_anew(void)
{
        g_autoptr(Pending) pending = pending_new();
        Waiting first = { 0 }, second = { 0 };

        add(pending, "a", "k", 100, &first);
        pending_expire(pending, 100);
        g_assert_cmpint(add(pending, "a", "k", 300, &second), ==, 1);
        resolve(pending, "a", "k", ASKED_FRESH);
        g_assert_cmpuint(first.n_calls, ==, 1);
        g_assert_cmpuint(second.n_calls, ==, 1);
}

static void test_a_waiter_may_ask_again_from_within(void)
{
        g_autoptr(Pending) pending = pending_new();
        Waiting waiting = { .again = true };

        add(pending, "a", "k", 100, &waiting);
        resolve(pending, "a", "k", ASKED_FRESH);
        g_assert_cmpuint(waiting.n_calls, ==, 1);
        g_assert_cmpuint(pending_size(pending), ==, 1);
        waiting.again = true;
        g_assert_cmpint(pending_expire(pending, 999), ==, 999);
        g_assert_cmpuint(waiting.n_calls, ==, 2);
        resolve(pending, "a", "k", ASKED_FRESH);
        g_assert_cmpuint(waiting.n_calls, ==, 3);
}

static void test_more_than_the_maximum_is_refused(void)
{
        g_autoptr(Pending) pending = pending_new();
        Waiting waiting = { 0 };

        for (int i = 0; i < PENDING_WAITERS_MAX; i++)
                g_assert_cmpint(add(pending, "a", "k", 100, &waiting), >=, 0);
        g_assert_cmpint(add(pending, "a", "k", 100, &waiting), ==, -ENOBUFS);
        pending_expire(pending, 100);
        g_assert_cmpuint(waiting.n_calls, ==, PENDING_WAITERS_MAX);
        g_assert_cmpint(add(pending, "a", "k", 200, &waiting), ==, 1);
        resolve(pending, "a", "k", ASKED_FRESH);
}

static void test_free_calls_whoever_waits_and_takes_no_more(void)
{
        Waiting one = { 0 }, stubborn = { .again = true };
        Pending *pending = pending_new();

        add(pending, "a", "k", INT64_MAX, &one);
        add(pending, "b", "k", 100, &stubborn);
        pending_free(pending);
        g_assert_cmpuint(one.n_calls, ==, 1);
        g_assert_cmpint(one.asked, ==, ASKED_IN_VAIN);
        g_assert_cmpuint(stubborn.n_calls, ==, 1);
        g_assert_cmpint(stubborn.added, ==, -ENOBUFS);
        pending_free(NULL);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/pending/equal questions share one letter",
                        test_equal_questions_share_one_letter);
        g_test_add_func("/pending/questions about one token share a letter",
                        test_questions_about_one_token_share_a_letter);
        g_test_add_func("/pending/keys and tokens are two kinds",
                        test_keys_and_tokens_are_two_kinds);
        g_test_add_func("/pending/a deadline is the edge", test_a_deadline_is_the_edge);
        g_test_add_func("/pending/an expired question is asked anew",
                        test_an_expired_question_is_asked_anew);
        g_test_add_func("/pending/a waiter may ask again from within",
                        test_a_waiter_may_ask_again_from_within);
        g_test_add_func("/pending/more than the maximum is refused",
                        test_more_than_the_maximum_is_refused);
        g_test_add_func("/pending/free calls whoever waits and takes no more",
                        test_free_calls_whoever_waits_and_takes_no_more);
        return g_test_run();
}
