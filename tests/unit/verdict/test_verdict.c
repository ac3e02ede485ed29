/* The table of reasons, printable text and steps. */
#include "verdict/verdict.h"

static void test_each_reason_has_its_words(void)
{
        for (Reason reason = 0; reason < _VERDICT_MAX; reason++) {
                const ReasonWords *words = reason_words(reason);
                Reason found = _VERDICT_MAX;

                g_assert_cmpint(words->reason, ==, reason);
                g_assert_true(reason_from_word(words->word, &found));
                g_assert_cmpint(found, ==, reason);
                g_assert_cmpuint(strlen(words->sentence), <, VERDICT_DETAIL_MAX);
        }
        g_assert_false(reason_from_word("fine", &(Reason){ 0 }));
}

/* The codes that are not their class's own. */
static const char *error_of(Reason reason, const char *of_class)
{
        switch (reason) {
        case VERDICT_MISSING_TOKEN: return NULL; /* RFC 6750 §3.1: it brought no credentials */
        case VERDICT_ACR_TOO_LOW:
        case VERDICT_AUTH_TOO_OLD: return "insufficient_user_authentication"; /* RFC 9470 §3 */
        case VERDICT_BAD_PROOF: return "invalid_dpop_proof";                  /* RFC 9449 §7.1 */
        case VERDICT_PROOF_NONCE: return "use_dpop_nonce";                    /* RFC 9449 §9 */
        case VERDICT_NO_ROUTE:
        case VERDICT_UNTRUSTED_PROXY:
        case VERDICT_BAD_PATH:
        case VERDICT_RATE_LIMITED: return NULL; /* of the request, not of its token */
        default: return of_class;
        }
}

static void test_status_and_error_follow_the_class(void)
{
        static const struct {
                unsigned status;
                const char *error;
                const char *text;
        } classes[] = {
                [CLASS_UNAVAILABLE] = { 503, NULL, "unavailable" },
                [CLASS_VALID] = { 200, NULL, "valid" },
                [CLASS_INVALID] = { 401, "invalid_token", "invalid" },
                [CLASS_FORBIDDEN] = { 403, "insufficient_scope", "forbidden" },
        };

        for (Reason reason = 0; reason < _VERDICT_MAX; reason++) {
                const ReasonWords *words = reason_words(reason);

                g_assert_cmpuint(words->status, ==,
                                 reason == VERDICT_RATE_LIMITED ? 429
                                                                : classes[words->verdict].status);
                g_assert_cmpstr(verdict_class_text(words->verdict), ==,
                                classes[words->verdict].text);
                g_assert_cmpstr(words->bearer_error, ==,
                                error_of(reason, classes[words->verdict].error));
        }
}

static void test_what_lacks_makes_forbidden_and_the_rest_invalid(void)
{
        static const Reason forbidden[] = { VERDICT_MISSING_CLAIM, VERDICT_MISSING_SCOPE,
                                            VERDICT_MISSING_ROLE,  VERDICT_MISSING_GROUP,
                                            VERDICT_NO_ROUTE,      VERDICT_UNTRUSTED_PROXY,
                                            VERDICT_BAD_PATH,      VERDICT_RATE_LIMITED };
        unsigned n_forbidden = 0, n_valid = 0, n_unavailable = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(forbidden); i++)
                g_assert_cmpint(reason_words(forbidden[i])->verdict, ==, CLASS_FORBIDDEN);
        for (Reason reason = 0; reason < _VERDICT_MAX; reason++) {
                n_forbidden += reason_words(reason)->verdict == CLASS_FORBIDDEN;
                n_valid += reason_words(reason)->verdict == CLASS_VALID;
                n_unavailable += reason_words(reason)->verdict == CLASS_UNAVAILABLE;
        }
        g_assert_cmpuint(n_forbidden, ==, G_N_ELEMENTS(forbidden));
        g_assert_cmpuint(n_valid, ==, 1);
        g_assert_cmpuint(n_unavailable, ==, 1);
}

static void test_a_verdict_that_nobody_filled_in_is_unavailable(void)
{
        Verdict verdict = VERDICT_INIT;

        g_assert_cmpint(verdict.reason, ==, VERDICT_UNAVAILABLE);
        g_assert_cmpint(((Verdict){ 0 }).reason, ==, VERDICT_UNAVAILABLE);
}

static const struct {
        const char *sentence;
        const char *text;
        size_t size;
        const char *printable;
} printables[] = {
        { "plain text stands for itself", "orders:read", 32, "orders:read" },
        { "a line's end is written out", "a\nb", 32, "a\\x0ab" },
        { "bytes of UTF-8 are written out", "\xc3\xbc", 32, "\\xc3\\xbc" },
        { "a backslash is written out, so that nothing is ambiguous", "\\x0a", 32, "\\x5cx0a" },
        { "text that just fits is whole", "1234567", 8, "1234567" },
        { "text that does not fit is cut", "12345678", 8, "1234..." },
        { "an escape is not cut in half", "12\xff\xff", 8, "12..." },
};

static void test_printable(gconstpointer row)
{
        char buffer[64];
        size_t i = GPOINTER_TO_SIZE(row);

        g_assert_cmpstr(
            verdict_printable(span_from(printables[i].text), buffer, printables[i].size), ==,
            printables[i].printable);
}

static void test_a_detail_is_cut_and_printable(void)
{
        Verdict verdict = VERDICT_INIT;
        g_autofree char *longish = g_strnfill(1000, 'x');

        g_assert_cmpint(verdict_refuse(&verdict, VERDICT_EXPIRED, "%s", longish), ==,
                        VERDICT_EXPIRED);
        g_assert_cmpuint(strlen(verdict.detail), ==, VERDICT_DETAIL_MAX - 1);
        g_assert_true(g_str_has_suffix(verdict.detail, "x..."));
        verdict_refuse(&verdict, VERDICT_EXPIRED, "a\r\nSet-Cookie: %s", "\xff");
        g_assert_cmpstr(verdict.detail, ==, "a??Set-Cookie: ?");
        verdict_refuse(&verdict, VERDICT_REVOKED, NULL);
        g_assert_cmpstr(verdict.detail, ==, reason_words(VERDICT_REVOKED)->sentence);
}

static void test_steps_are_bounded_and_printable(void)
{
        g_autofree Steps *steps = g_new0(Steps, 1);

        steps_add(NULL, "nothing", STEP_OK, VERDICT_VALID, SPAN_EMPTY, SPAN_EMPTY);
        for (int i = 0; i < STEPS_MAX + 5; i++)
                steps_add(steps, "sub", STEP_OK, VERDICT_VALID, span_from("a\tb"), SPAN_EMPTY);
        g_assert_cmpuint(steps->n_steps, ==, STEPS_MAX);
        g_assert_cmpstr(steps->steps[0].found, ==, "a\\x09b");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/verdict/each reason has its words", test_each_reason_has_its_words);
        g_test_add_func("/verdict/status and error follow the class",
                        test_status_and_error_follow_the_class);
        g_test_add_func("/verdict/what lacks makes forbidden",
                        test_what_lacks_makes_forbidden_and_the_rest_invalid);
        g_test_add_func("/verdict/what nobody filled in is unavailable",
                        test_a_verdict_that_nobody_filled_in_is_unavailable);
        g_test_add_func("/verdict/a detail is cut and printable",
                        test_a_detail_is_cut_and_printable);
        g_test_add_func("/verdict/steps are bounded and printable",
                        test_steps_are_bounded_and_printable);
        for (size_t i = 0; i < G_N_ELEMENTS(printables); i++) {
                g_autofree char *path =
                    g_strconcat("/verdict/printable/", printables[i].sentence, NULL);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_printable);
        }
        return g_test_run();
}
